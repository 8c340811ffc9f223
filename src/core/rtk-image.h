/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/**
 * RtkPixelFormat:
 * @RTK_PIXEL_GREY8: one byte a pixel
 * @RTK_PIXEL_RGB24: bytes R, G, B
 * @RTK_PIXEL_BGRA32: bytes B, G, R, A; opaque where it shows a picture (A = 255)
 *
 * How the bytes of an #RtkImage lie. Colour is always sRGB: other spaces are converted at intake.
 */
typedef enum {
  RTK_PIXEL_GREY8,
  RTK_PIXEL_RGB24,
  RTK_PIXEL_BGRA32,
} RtkPixelFormat;

#define RTK_TYPE_IMAGE (rtk_image_get_type ())

/* An immutable picture in memory, counted, free to cross threads. Row 0 is the top. */
typedef struct _RtkImage RtkImage;

GType     rtk_image_get_type (void) G_GNUC_CONST;
RtkImage *rtk_image_new (RtkPixelFormat format, int width, int height, gsize stride, GBytes *pixels)
    G_GNUC_WARN_UNUSED_RESULT;
RtkImage *rtk_image_new_take (RtkPixelFormat format,
                              int            width,
                              int            height,
                              gsize          stride,
                              guint8        *pixels) G_GNUC_WARN_UNUSED_RESULT;
RtkImage *rtk_image_ref (RtkImage *self);
void      rtk_image_unref (RtkImage *self);

RtkPixelFormat rtk_image_get_format (const RtkImage *self);
int            rtk_image_get_width (const RtkImage *self);
int            rtk_image_get_height (const RtkImage *self);
gsize          rtk_image_get_stride (const RtkImage *self);
const guint8  *rtk_image_get_pixels (const RtkImage *self);
GBytes        *rtk_image_get_bytes (const RtkImage *self);
int            rtk_pixel_format_get_bytes (RtkPixelFormat format);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkImage, rtk_image_unref)

G_END_DECLS
