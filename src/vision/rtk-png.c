/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-png.h"

#include "core/rtk-error.h"
#include "vision/rtk-picture-header.h"

#include <png.h>
#include <setjmp.h>
#include <string.h>

typedef struct {
  const guint8 *data; /* (unowned) */
  gsize         size;
  gsize         at;
  gboolean      truncated;
  char          message[128];
} Source;

static void
error_cb (png_structp png, png_const_charp message)
{
  Source *source = png_get_error_ptr (png);

  g_strlcpy (source->message, message, sizeof source->message);
  longjmp (png_jmpbuf (png), 1);
}

static void
warning_cb (png_structp png, png_const_charp message)
{
}

static void
read_cb (png_structp png, png_bytep out, size_t size)
{
  Source *source = png_get_io_ptr (png);

  if (size > source->size - source->at) {
    source->truncated = TRUE;
    png_error (png, "end of file");
  }
  memcpy (out, source->data + source->at, size);
  source->at += size;
}

static void
set_up_transforms (png_structp png, png_infop info)
{
  png_set_expand (png);
  png_set_gray_to_rgb (png);
  png_set_add_alpha (png, 0xff, PNG_FILLER_AFTER);
  png_set_interlace_handling (png);
  png_read_update_info (png, info);
}

/* Decodes to RGBA rows: whether a transparent pixel is used shows only then. */
static gboolean
decode_into (png_structp png,
             png_infop   info,
             Source     *source,
             int         width,
             int         height,
             png_bytepp  rows,
             GBytes    **out_profile)
{
  png_charp   name;
  int         compression;
  png_bytep   profile;
  png_uint_32 length;

  if (setjmp (png_jmpbuf (png)) != 0)
    return FALSE;
  png_set_read_fn (png, source, read_cb);
  png_set_user_limits (png, (png_uint_32)width, (png_uint_32)height);
  png_set_chunk_malloc_max (png, RTK_PICTURE_MAX_METADATA);
  png_set_chunk_cache_max (png, 64);
  png_read_info (png, info);
  if (png_get_iCCP (png, info, &name, &compression, &profile, &length) == PNG_INFO_iCCP)
    *out_profile = g_bytes_new (profile, length);
  set_up_transforms (png, info);
  if (png_get_rowbytes (png, info) != (gsize)width * 4 ||
      png_get_image_height (png, info) != (png_uint_32)height)
    png_error (png, "unexpected size");
  png_read_image (png, rows);
  png_read_end (png, NULL);
  return TRUE;
}

/* Packs RGBA to RGB in place; FALSE when a pixel is not opaque. */
static gboolean
drop_alpha (guint8 *pixels, gsize n_pixels)
{
  for (gsize i = 0; i < n_pixels; i++) {
    const guint8 *from = pixels + 4 * i;
    guint8        pixel[4] = {from[0], from[1], from[2], from[3]};

    if (pixel[3] != 0xff)
      return FALSE;
    memcpy (pixels + 3 * i, pixel, 3);
  }
  return TRUE;
}

static guint8 *
decode_rgba (Source *source, int width, int height, GBytes **out_profile)
{
  png_structp png = png_create_read_struct (PNG_LIBPNG_VER_STRING, source, error_cb, warning_cb);
  png_infop   info = png != NULL ? png_create_info_struct (png) : NULL;
  gsize       stride = (gsize)width * 4;
  guint8     *pixels = g_try_malloc (stride * (gsize)height);
  g_autofree png_bytep *rows = g_new (png_bytep, height);
  gboolean              ok = info != NULL && pixels != NULL;

  if (ok) {
    for (int y = 0; y < height; y++)
      rows[y] = pixels + stride * (gsize)y;
    ok = decode_into (png, info, source, width, height, rows, out_profile);
  }
  png_destroy_read_struct (&png, &info, NULL);
  if (!ok)
    g_clear_pointer (&pixels, g_free);
  return pixels;
}

/**
 * rtk_png_decode_rgb:
 * @bytes: a whole PNG file whose header has passed rtk_picture_header_read()
 * @width: width as that header said, > 0
 * @height: height as that header said, > 0
 * @out_profile: (out) (optional) (nullable): the embedded ICC profile
 * @error: return location for an #RtkError
 *
 * Decodes a PNG with 8 bits a channel or less to RGB; grey and palettes are unpacked.
 *
 * An alpha channel that is opaque everywhere is dropped. A picture with transparent pixels is
 * refused (%RTK_ERROR_BAD_PICTURE): what lies behind them is unknown, so it is no camera's
 * picture. A checksum that does not fit, or a file that is cut off, is an error too.
 * Any thread, blocking.
 *
 * Returns: (transfer full): `width * height * 3` bytes RGB, or %NULL
 */
guint8 *
rtk_png_decode_rgb (GBytes *bytes, int width, int height, GBytes **out_profile, GError **error)
{
  Source source = {0};
  g_autoptr (GBytes) profile = NULL;
  g_autofree guint8 *pixels = NULL;

  source.data = g_bytes_get_data (bytes, &source.size);
  pixels = decode_rgba (&source, width, height, &profile);
  if (pixels == NULL) {
    if (source.truncated)
      g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_PICTURE,
                           "The picture file is cut off: copy it again from where it came");
    else
      g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_PICTURE,
                   "The PNG picture cannot be decoded: copy it again from where it came (%s)",
                   source.message);
    return NULL;
  }
  if (!drop_alpha (pixels, (gsize)width * height)) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_PICTURE,
                         "The picture has transparent pixels, so it is not as a camera took it: "
                         "choose the original picture");
    return NULL;
  }
  if (out_profile != NULL)
    *out_profile = g_steal_pointer (&profile);
  return g_steal_pointer (&pixels);
}

static void
write_cb (png_structp png, png_bytep data, size_t size)
{
  GByteArray *file = png_get_io_ptr (png);

  g_byte_array_append (file, data, (guint)size);
}

static void
flush_cb (png_structp png)
{
}

static gboolean
encode_into (png_structp png, png_infop info, const RtkImage *image, GByteArray *file)
{
  gboolean      grey = rtk_image_get_format (image) == RTK_PIXEL_GREY8;
  int           height = rtk_image_get_height (image);
  const guint8 *pixels = rtk_image_get_pixels (image);

  if (setjmp (png_jmpbuf (png)) != 0)
    return FALSE;
  png_set_write_fn (png, file, write_cb, flush_cb);
  png_set_IHDR (png, info, (png_uint_32)rtk_image_get_width (image), (png_uint_32)height, 8,
                grey ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  /* A matte is flat almost everywhere and packs best as it is; a photograph needs a filter. The
   * fastest level, as the file is written while a person waits. */
  png_set_filter (png, PNG_FILTER_TYPE_BASE, grey ? PNG_FILTER_NONE : PNG_FILTER_SUB);
  png_set_compression_level (png, 1);
  if (!grey)
    png_set_sRGB (png, info, PNG_sRGB_INTENT_PERCEPTUAL);
  png_write_info (png, info);
  for (int y = 0; y < height; y++)
    png_write_row (png, pixels + rtk_image_get_stride (image) * (gsize)y);
  png_write_end (png, info);
  return TRUE;
}

/**
 * rtk_png_encode:
 * @image: GREY8 or RGB24
 * @error: return location for an #RtkError
 *
 * Encodes a picture without loss, fast rather than small.
 *
 * Any thread, blocking. Fails with %RTK_ERROR_BACKEND if the library refuses.
 *
 * Returns: (transfer full): the file, or %NULL
 */
GBytes *
rtk_png_encode (const RtkImage *image, GError **error)
{
  Source      source = {0};
  png_structp png;
  png_infop   info;
  GByteArray *file = g_byte_array_new ();
  gboolean    ok;

  g_return_val_if_fail (rtk_image_get_format (image) != RTK_PIXEL_BGRA32, NULL);

  png = png_create_write_struct (PNG_LIBPNG_VER_STRING, &source, error_cb, warning_cb);
  info = png != NULL ? png_create_info_struct (png) : NULL;
  ok = info != NULL && encode_into (png, info, image, file);
  png_destroy_write_struct (&png, &info);
  if (!ok) {
    g_byte_array_unref (file);
    g_set_error (error, RTK_ERROR, RTK_ERROR_BACKEND, "The PNG file could not be written (%s)",
                 source.message);
    return NULL;
  }
  return g_byte_array_free_to_bytes (file);
}
