/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "capture/rtk-orientation-private.h"
#include "core/rtk-photo.h"

G_BEGIN_DECLS

/**
 * RtkTake:
 * @raw: the frame at full size, as it was decoded
 * @caps: of @raw
 * @jpeg: (nullable): what @raw was decoded from, where the camera gives JPEG
 * @orientation: to be undone
 * @serial: of the frame
 * @taken_at: wall clock when it arrived, microseconds since 1970 UTC
 *
 * What the shutter caught, before it becomes a still. Holds references, no copies.
 */
typedef struct {
  GstBuffer     *raw;
  GstCaps       *caps;
  GstBuffer     *jpeg;
  RtkOrientation orientation;
  guint64        serial;
  gint64         taken_at;
} RtkTake;

void      rtk_take_free (RtkTake *self);
RtkStill *rtk_take_develop (const RtkTake *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
RtkImage *rtk_image_new_from_buffer (GstBuffer          *buffer,
                                     const GstVideoInfo *info,
                                     RtkPixelFormat      format) G_GNUC_WARN_UNUSED_RESULT;
void      rtk_video_info_get_square_size (const GstVideoInfo *info, int *width, int *height);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkTake, rtk_take_free)

G_END_DECLS
