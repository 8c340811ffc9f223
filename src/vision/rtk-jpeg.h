/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-image.h"

G_BEGIN_DECLS

/**
 * RtkJpegChroma:
 * @RTK_JPEG_CHROMA_FULL: 4:4:4, a colour sample for every pixel
 * @RTK_JPEG_CHROMA_QUARTER: 4:2:0, one for every 2 x 2 pixels
 *
 * How finely a JPEG file keeps colour.
 */
typedef enum {
  RTK_JPEG_CHROMA_FULL,
  RTK_JPEG_CHROMA_QUARTER,
} RtkJpegChroma;

const char *rtk_jpeg_get_encoder (RtkJpegChroma chroma);
guint8     *rtk_jpeg_decode_rgb (GBytes *bytes, int width, int height, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
GBytes *rtk_jpeg_encode (const RtkImage *image,
                         int             quality,
                         RtkJpegChroma   chroma,
                         int             dpi,
                         GError        **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
