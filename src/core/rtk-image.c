/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-image.h"

struct _RtkImage {
  RtkPixelFormat format;
  int            width;
  int            height;
  gsize          stride;
  GBytes        *pixels; /* (owned) */
};

G_DEFINE_BOXED_TYPE (RtkImage, rtk_image, rtk_image_ref, rtk_image_unref)

static void
image_clear (RtkImage *self)
{
  g_bytes_unref (self->pixels);
}

/**
 * rtk_pixel_format_get_bytes:
 * @format: a pixel format
 *
 * Tells how many bytes one pixel takes.
 *
 * Returns: 1, 3 or 4
 */
int
rtk_pixel_format_get_bytes (RtkPixelFormat format)
{
  switch (format) {
  case RTK_PIXEL_GREY8:
    return 1;
  case RTK_PIXEL_RGB24:
    return 3;
  case RTK_PIXEL_BGRA32:
    return 4;
  default:
    g_return_val_if_reached (1);
  }
}

/**
 * rtk_image_new:
 * @format: how the bytes lie
 * @width: pixels a row, > 0
 * @height: rows, > 0
 * @stride: bytes from one row to the next, at least a row's own bytes
 * @pixels: at least `stride * (height - 1) + row` bytes; a reference is taken
 *
 * Wraps @pixels as a picture without copying them.
 *
 * Returns: (transfer full): a new image
 */
RtkImage *
rtk_image_new (RtkPixelFormat format, int width, int height, gsize stride, GBytes *pixels)
{
  RtkImage *self;
  gsize     row = (gsize)width * rtk_pixel_format_get_bytes (format);

  g_return_val_if_fail (width > 0 && height > 0 && stride >= row, NULL);
  g_return_val_if_fail (g_bytes_get_size (pixels) >= stride * (gsize)(height - 1) + row, NULL);

  self = g_atomic_rc_box_new0 (RtkImage);
  self->format = format;
  self->width = width;
  self->height = height;
  self->stride = stride;
  self->pixels = g_bytes_ref (pixels);
  return self;
}

/**
 * rtk_image_new_take:
 * @format: how the bytes lie
 * @width: pixels a row, > 0
 * @height: rows, > 0
 * @stride: bytes from one row to the next
 * @pixels: (transfer full): `stride * height` bytes from g_malloc()
 *
 * Makes a picture that owns @pixels.
 *
 * Returns: (transfer full): a new image
 */
RtkImage *
rtk_image_new_take (RtkPixelFormat format, int width, int height, gsize stride, guint8 *pixels)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, stride * (gsize)height);

  return rtk_image_new (format, width, height, stride, bytes);
}

/**
 * rtk_image_ref:
 * @self: an image
 *
 * Takes one more reference. Any thread.
 *
 * Returns: (transfer full): @self
 */
RtkImage *
rtk_image_ref (RtkImage *self)
{
  return g_atomic_rc_box_acquire (self);
}

/**
 * rtk_image_unref:
 * @self: (transfer full): an image
 *
 * Gives a reference back; the last one frees the pixels. Any thread.
 */
void
rtk_image_unref (RtkImage *self)
{
  g_atomic_rc_box_release_full (self, (GDestroyNotify)image_clear);
}

/**
 * rtk_image_get_format:
 * @self: an image
 *
 * Returns: how the bytes lie
 */
RtkPixelFormat
rtk_image_get_format (const RtkImage *self)
{
  return self->format;
}

/**
 * rtk_image_get_width:
 * @self: an image
 *
 * Returns: pixels a row
 */
int
rtk_image_get_width (const RtkImage *self)
{
  return self->width;
}

/**
 * rtk_image_get_height:
 * @self: an image
 *
 * Returns: rows
 */
int
rtk_image_get_height (const RtkImage *self)
{
  return self->height;
}

/**
 * rtk_image_get_stride:
 * @self: an image
 *
 * Returns: bytes from one row to the next
 */
gsize
rtk_image_get_stride (const RtkImage *self)
{
  return self->stride;
}

/**
 * rtk_image_get_pixels:
 * @self: an image
 *
 * Returns: (transfer none): the first byte of the top row; valid as long as @self is
 */
const guint8 *
rtk_image_get_pixels (const RtkImage *self)
{
  return g_bytes_get_data (self->pixels, NULL);
}

/**
 * rtk_image_get_bytes:
 * @self: an image
 *
 * Returns: (transfer none): the bytes of all rows, for a texture that shares them
 */
GBytes *
rtk_image_get_bytes (const RtkImage *self)
{
  return self->pixels;
}
