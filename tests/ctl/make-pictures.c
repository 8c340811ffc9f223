/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Makes the pictures that the tests and the benchmark need from the portrait of the fixtures:
 *   make-pictures PORTRAIT.png FOLDER
 * wall.png   nobody, only a wall
 * two.png    two people, the left one larger
 * cmyk.jpg   colours of a printing press
 * large.jpg  the portrait at the size that the receivers ask of an original, 1350 x 1350
 * variant-N.png  the portrait with N columns less, so that each is a picture of its own */

#include "vision/rtk-codec.h"
#include "vision/rtk-cv.h"
#include "vision/rtk-jpeg.h"
#include "vision/rtk-png.h"

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>

/* jpeglib.h needs FILE and does not include it. */
/* clang-format off */
#include <stdio.h>
#include <jpeglib.h>
/* clang-format on */

#define LARGE 1350
#define WALL 512
#define VARIANTS 16

static void
save (const char *folder, const char *name, GBytes *bytes)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (bytes);
  g_file_set_contents (path, g_bytes_get_data (bytes, NULL), (gssize)g_bytes_get_size (bytes),
                       &error);
  g_assert_no_error (error);
}

static void
save_png (const char *folder, const char *name, RtkImage *image)
{
  g_autoptr (GBytes) bytes = rtk_png_encode (image, NULL);

  save (folder, name, bytes);
}

static RtkImage *
resize (const RtkImage *image, int width, int height)
{
  gsize       stride = (gsize)width * 3;
  guint8     *pixels = g_malloc (stride * (gsize)height);
  RtkCvBuffer from =
      rtk_cv_buffer_u8 ((guint8 *)rtk_image_get_pixels (image), rtk_image_get_width (image),
                        rtk_image_get_height (image), 3, rtk_image_get_stride (image));
  RtkCvBuffer to = rtk_cv_buffer_u8 (pixels, width, height, 3, stride);
  gboolean    larger = width > rtk_image_get_width (image);

  g_assert_true (
      rtk_cv_resize (&from, &to, larger ? RTK_CV_FILTER_BILINEAR : RTK_CV_FILTER_AREA, NULL));
  return rtk_image_new_take (RTK_PIXEL_RGB24, width, height, stride, pixels);
}

static void
copy_into (guint8 *pixels, gsize stride, const RtkImage *image, int left, int top)
{
  for (int y = 0; y < rtk_image_get_height (image); y++)
    memcpy (pixels + (gsize)(top + y) * stride + (gsize)left * 3,
            rtk_image_get_pixels (image) + (gsize)y * rtk_image_get_stride (image),
            (gsize)rtk_image_get_width (image) * 3);
}

static guint8 *
make_wall (int width, int height)
{
  guint8 *pixels = g_malloc ((gsize)width * (gsize)height * 3);

  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      memset (pixels + ((gsize)y * (gsize)width + (gsize)x) * 3, 190 + 20 * y / height, 3);
  return pixels;
}

static void
save_two (const char *folder, const RtkImage *portrait)
{
  int     width = rtk_image_get_width (portrait);
  int     height = rtk_image_get_height (portrait);
  gsize   stride = (gsize)width * 2 * 3;
  guint8 *pixels = make_wall (width * 2, height);
  g_autoptr (RtkImage) smaller = resize (portrait, width * 4 / 5, height * 4 / 5);
  g_autoptr (RtkImage) both = NULL;

  copy_into (pixels, stride, portrait, 0, 0);
  copy_into (pixels, stride, smaller, width + width / 10, height / 5);
  both = rtk_image_new_take (RTK_PIXEL_RGB24, width * 2, height, stride, pixels);
  save_png (folder, "two.png", both);
}

static void
save_cmyk (const char *folder)
{
  struct jpeg_compress_struct compress;
  struct jpeg_error_mgr       errors;
  unsigned char              *data = NULL;
  unsigned long               size = 0;
  guint8                      row[64 * 4];
  g_autoptr (GBytes) bytes = NULL;

  compress.err = jpeg_std_error (&errors);
  jpeg_create_compress (&compress);
  jpeg_mem_dest (&compress, &data, &size);
  compress.image_width = 64;
  compress.image_height = 64;
  compress.input_components = 4;
  compress.in_color_space = JCS_CMYK;
  jpeg_set_defaults (&compress);
  jpeg_start_compress (&compress, TRUE);
  while (compress.next_scanline < compress.image_height) {
    JSAMPROW rows[] = {row};

    memset (row, (int)(compress.next_scanline * 3), sizeof row);
    jpeg_write_scanlines (&compress, rows, 1);
  }
  jpeg_finish_compress (&compress);
  jpeg_destroy_compress (&compress);
  bytes = g_bytes_new_with_free_func (data, size, free, data);
  save (folder, "cmyk.jpg", bytes);
}

static void
save_variants (const char *folder, const RtkImage *portrait)
{
  int     height = rtk_image_get_height (portrait);
  GBytes *all = rtk_image_get_bytes (portrait);

  for (int i = 1; i <= VARIANTS; i++) {
    g_autofree char *name = g_strdup_printf ("variant-%d.png", i);
    g_autoptr (GBytes) bytes =
        g_bytes_new_from_bytes (all, (gsize)i * 3, g_bytes_get_size (all) - (gsize)i * 3);
    g_autoptr (RtkImage) image = rtk_image_new (RTK_PIXEL_RGB24, rtk_image_get_width (portrait) - i,
                                                height, rtk_image_get_stride (portrait), bytes);

    save_png (folder, name, image);
  }
}

int
main (int argc, char **argv)
{
  g_autofree char *content = NULL;
  gsize            size;
  g_autoptr (GBytes) file = NULL;
  g_autoptr (RtkImage) portrait = NULL;
  g_autoptr (RtkImage) wall = NULL;
  g_autoptr (RtkImage) large = NULL;
  g_autoptr (GBytes) jpeg = NULL;
  RtkIntake intake;

  if (argc != 3) {
    fprintf (stderr, "usage: make-pictures PORTRAIT.png FOLDER\n");
    return 2;
  }
  g_assert_true (g_file_get_contents (argv[1], &content, &size, NULL));
  file = g_bytes_new (content, size);
  portrait = rtk_codec_decode (file, &intake, NULL);
  g_assert_nonnull (portrait);
  wall = rtk_image_new_take (RTK_PIXEL_RGB24, WALL, WALL, WALL * 3, make_wall (WALL, WALL));
  save_png (argv[2], "wall.png", wall);
  save_two (argv[2], portrait);
  save_cmyk (argv[2]);
  save_variants (argv[2], portrait);
  large = resize (portrait, LARGE, LARGE);
  jpeg = rtk_jpeg_encode (large, 92, RTK_JPEG_CHROMA_FULL, 300, NULL);
  save (argv[2], "large.jpg", jpeg);
  return 0;
}
