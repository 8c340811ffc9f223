/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-geometry.h"

#include <cairo.h>

G_BEGIN_DECLS

/**
 * RtkView:
 * @place: where the whole picture lies, in user space of the cairo context
 * @picture_width: of the picture, pixels
 * @picture_height: of the picture, pixels
 * @mirrored: whether the picture is shown as in a mirror; text never is
 * @unit: user-space length of one pixel of the design; 1 on a screen, more on paper
 *
 * How a picture is shown. Mirroring lives here and nowhere else.
 */
typedef struct {
  RtkRect  place;
  int      picture_width;
  int      picture_height;
  gboolean mirrored;
  double   unit;
} RtkView;

/**
 * RtkTextAnchor:
 *
 * Which point of a label lies on the point it was given.
 */
typedef enum {
  RTK_TEXT_LEFT,
  RTK_TEXT_CENTRE,
  RTK_TEXT_RIGHT,
} RtkTextAnchor;

RtkRect  rtk_view_fit (RtkRect room, int picture_width, int picture_height);
RtkPoint rtk_view_map (const RtkView *self, RtkPoint picture);
RtkRect  rtk_view_map_rect (const RtkView *self, RtkRect picture);
double   rtk_view_get_zoom (const RtkView *self);
RtkRect  rtk_text_draw (
     cairo_t *cr, const char *text, RtkPoint at, RtkTextAnchor anchor, double size, gboolean bold);
RtkRect
rtk_label_draw (cairo_t *cr, const char *text, RtkPoint at, RtkTextAnchor anchor, double unit);

G_END_DECLS
