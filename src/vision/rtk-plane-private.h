/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * RtkPlane:
 * @width: pixels a row
 * @height: rows
 * @channels: floats a pixel, next to each other
 * @data: (owned): `width * height * channels` floats
 *
 * A picture in floats, for work that is not delivered: masks, colours of the wall, weights. Rows
 * are shared out to the cores; none depends on another one of the same step, and sums run in one
 * order, so that a result never depends on the number of threads.
 */
typedef struct {
  int    width;
  int    height;
  int    channels;
  float *data;
} RtkPlane;

RtkPlane *rtk_plane_new (int width, int height, int channels) G_GNUC_WARN_UNUSED_RESULT;
RtkPlane *rtk_plane_copy (const RtkPlane *self) G_GNUC_WARN_UNUSED_RESULT;
void      rtk_plane_free (RtkPlane *self);
void      rtk_plane_blur (RtkPlane *self, float sigma);
RtkPlane *rtk_plane_sample (const RtkPlane *self,
                            double          x,
                            double          y,
                            double          scale_x,
                            double          scale_y,
                            int             width,
                            int             height) G_GNUC_WARN_UNUSED_RESULT;
RtkPlane *rtk_plane_fill (const RtkPlane *weighted,
                          const float    *sigmas,
                          guint           n_sigmas) G_GNUC_WARN_UNUSED_RESULT;

/**
 * RtkPlaneFill:
 * @weighted: (unowned): as for rtk_plane_fill()
 * @sigmas: (unowned): the same
 * @n_sigmas: the same
 * @filled: (out): what comes of it
 *
 * One of several planes that are filled at the same time.
 */
typedef struct {
  const RtkPlane *weighted;
  const float    *sigmas;
  guint           n_sigmas;
  RtkPlane       *filled;
} RtkPlaneFill;

void rtk_plane_fill_all (RtkPlaneFill *fills, guint n_fills);

/* Binary pictures: 0 or 1 a pixel. The border is replicated, so that what leaves the picture goes
 * on outside it. */
void   rtk_binary_dilate (guint8 *self, int width, int height, int radius);
void   rtk_binary_erode (guint8 *self, int width, int height, int radius);
float *rtk_binary_depth (const guint8 *self, int width, int height) G_GNUC_WARN_UNUSED_RESULT;
void   rtk_binary_keep_seeded (guint8 *self, const guint8 *seeds, int width, int height);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkPlane, rtk_plane_free)

G_END_DECLS
