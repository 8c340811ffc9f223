/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "fuzz/samples.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-file-facts.h"
#include "vision/rtk-jpeg.h"
#include "vision/rtk-picture-header.h"
#include "vision/rtk-png.h"

#include <lcms2.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#include <stdio.h>
#include <jpeglib.h>
/* clang-format on */

/* A picture in which no two places look alike: smooth, so that JPEG keeps it closely. */
static RtkImage *
make_picture (int width, int height)
{
  guint8 *pixels = g_malloc ((gsize)width * height * 3);

  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++) {
      guint8 *pixel = pixels + 3 * (y * width + x);

      pixel[0] = (guint8)(40 + 150 * x / width);
      pixel[1] = (guint8)(60 + 130 * y / height);
      pixel[2] = (guint8)(200 - 100 * x * y / (width * height));
    }
  }
  return rtk_image_new_take (RTK_PIXEL_RGB24, width, height, (gsize)width * 3, pixels);
}

static const guint8 *
pixel_at (const RtkImage *image, int x, int y)
{
  return rtk_image_get_pixels (image) + rtk_image_get_stride (image) * (gsize)y + 3 * x;
}

static GBytes *
make_jpeg (int width, int height)
{
  g_autoptr (RtkImage) picture = make_picture (width, height);
  GBytes *file = rtk_jpeg_encode (picture, 95, RTK_JPEG_CHROMA_FULL, 300, NULL);

  g_assert_nonnull (file);
  return file;
}

static GBytes *
with_orientation (GBytes *jpeg, guint8 orientation)
{
  guint8 exif[6 + 8 + 2 + 12 + 4] = {
      'E', 'x',  'i', 'f', 0, 0, 'M', 'M', 0, 42,          0, 0, 0, 8, 0, 1, /* one entry */
      1,   0x12, 0,   3,   0, 0, 0,   1,   0, orientation, 0, 0, 0, 0, 0, 0,
  };

  return rtk_sample_with_segment (jpeg, 0xe1, exif, sizeof exif);
}

static void
assert_refused (GBytes *file, RtkError code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkImage) image = rtk_codec_decode (file, NULL, &error);

  g_assert_null (image);
  g_assert_error (error, RTK_ERROR, (int)code);
  g_assert_cmpuint (strlen (error->message), >, 20);
}

static void
test_round_trip (void)
{
  g_autoptr (RtkImage) picture = make_picture (61, 47);
  g_autoptr (GBytes) png = rtk_png_encode (picture, NULL);
  g_autoptr (GBytes) jpeg = make_jpeg (61, 47);
  g_autoptr (RtkImage) from_png = NULL;
  g_autoptr (RtkImage) from_jpeg = NULL;
  g_autoptr (GError) error = NULL;
  RtkIntake intake;

  from_png = rtk_codec_decode (png, &intake, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (intake.colour, ==, "srgb");
  g_assert_cmpint (intake.rotated, ==, 0);
  g_assert_false (intake.unmirrored);
  g_assert_cmpmem (rtk_image_get_pixels (from_png), 61 * 47 * 3, rtk_image_get_pixels (picture),
                   61 * 47 * 3);

  from_jpeg = rtk_codec_decode (jpeg, &intake, &error);
  g_assert_no_error (error);
  for (int i = 0; i < 61 * 47 * 3; i++)
    g_assert_cmpint (ABS (rtk_image_get_pixels (from_jpeg)[i] - rtk_image_get_pixels (picture)[i]),
                     <=, 6);
}

static void
test_orientations (void)
{
  /* Where the stored top left pixel must be seen, and the stored top right one. */
  static const struct {
    gboolean right, bottom, next_right, next_bottom, swap;
    int      rotated;
    gboolean unmirrored;
  } expected[9] = {
      [1] = {0, 0, 1, 0, 0, 0, 0},   [2] = {1, 0, 0, 0, 0, 0, 1},   [3] = {1, 1, 0, 1, 0, 180, 0},
      [4] = {0, 1, 1, 1, 0, 180, 1}, [5] = {0, 0, 0, 1, 1, 270, 1}, [6] = {1, 0, 1, 1, 1, 90, 0},
      [7] = {1, 1, 1, 0, 1, 90, 1},  [8] = {0, 1, 0, 0, 1, 270, 0},
  };
  g_autoptr (GBytes) plain = make_jpeg (48, 32);
  g_autoptr (RtkImage) stored = rtk_codec_decode (plain, NULL, NULL);

  for (guint8 o = 1; o <= 8; o++) {
    g_autoptr (GBytes) file = with_orientation (plain, o);
    RtkIntake intake;
    g_autoptr (RtkImage) image = rtk_codec_decode (file, &intake, NULL);
    int width = expected[o].swap ? 32 : 48;
    int height = expected[o].swap ? 48 : 32;

    g_assert_nonnull (image);
    g_assert_cmpint (rtk_image_get_width (image), ==, width);
    g_assert_cmpint (rtk_image_get_height (image), ==, height);
    g_assert_cmpint (intake.rotated, ==, expected[o].rotated);
    g_assert_cmpint (intake.unmirrored, ==, expected[o].unmirrored);
    g_assert_cmpmem (
        pixel_at (image, expected[o].right ? width - 1 : 0, expected[o].bottom ? height - 1 : 0), 3,
        pixel_at (stored, 0, 0), 3);
    g_assert_cmpmem (pixel_at (image, expected[o].next_right ? width - 1 : 0,
                               expected[o].next_bottom ? height - 1 : 0),
                     3, pixel_at (stored, 47, 0), 3);
  }
}

static void
test_truncated (void)
{
  g_autoptr (GBytes) jpeg = make_jpeg (96, 64);
  g_autoptr (RtkImage) picture = make_picture (96, 64);
  g_autoptr (GBytes) png = rtk_png_encode (picture, NULL);
  GBytes *files[] = {jpeg, png};

  for (guint f = 0; f < G_N_ELEMENTS (files); f++) {
    gsize size = g_bytes_get_size (files[f]);

    for (gsize part = 0; part < 16; part++) {
      g_autoptr (GBytes) cut = g_bytes_new_from_bytes (files[f], 0, size * part / 16);

      assert_refused (cut, RTK_ERROR_BAD_PICTURE);
    }
    for (gsize missing = 1; missing <= 4; missing++) {
      g_autoptr (GBytes) cut = g_bytes_new_from_bytes (files[f], 0, size - missing);

      assert_refused (cut, RTK_ERROR_BAD_PICTURE);
    }
  }
}

/* Whatever byte is changed: an error or a picture, never a crash, never a picture of another size.
 */
static void
test_flipped_bytes (void)
{
  g_autoptr (GBytes) jpeg = make_jpeg (40, 40);
  g_autoptr (GBytes) turned = with_orientation (jpeg, 6);
  g_autoptr (RtkImage) picture = make_picture (40, 40);
  g_autoptr (GBytes) png = rtk_png_encode (picture, NULL);
  GBytes *files[] = {turned, png};
  guint   n_refused = 0;

  for (guint f = 0; f < G_N_ELEMENTS (files); f++) {
    gsize size = g_bytes_get_size (files[f]);

    for (gsize i = 0; i < size; i += 3) {
      guint8 *copy = g_memdup2 (g_bytes_get_data (files[f], NULL), size);
      g_autoptr (GBytes) damaged = g_bytes_new_take (copy, size);
      g_autoptr (GError) error = NULL;
      g_autoptr (RtkImage) image = NULL;

      copy[i] ^= (guint8)(0x55 + i);
      image = rtk_codec_decode (damaged, NULL, &error);
      g_assert_true ((image == NULL) == (error != NULL));
      n_refused += image == NULL ? 1 : 0;
    }
  }
  g_assert_cmpuint (n_refused, >, 100);
}

static void
test_not_a_picture (void)
{
  static const char *const texts[] = {"", "x", "GIF89a", "This is a text, not a picture.\n"};

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GBytes) file = g_bytes_new_static (texts[i], strlen (texts[i]));

    assert_refused (file, RTK_ERROR_BAD_PICTURE);
  }
}

/* A header may claim any size: it must be refused before memory is asked for. */
static void
test_huge (void)
{
  g_autoptr (GBytes) jpeg = make_jpeg (16, 16);
  gsize   size = g_bytes_get_size (jpeg);
  guint8 *copy = g_memdup2 (g_bytes_get_data (jpeg, NULL), size);
  g_autoptr (GBytes) file = g_bytes_new_take (copy, size);
  gboolean patched = FALSE;

  for (gsize i = 0; i + 9 < size && !patched; i++) {
    if (copy[i] == 0xff && copy[i + 1] == 0xc0) {
      copy[i + 5] = copy[i + 7] = 30000 >> 8;
      copy[i + 6] = copy[i + 8] = 30000 & 255;
      patched = TRUE;
    }
  }
  g_assert_true (patched);
  assert_refused (file, RTK_ERROR_TOO_LARGE);
}

static void
test_too_many_comments (void)
{
  g_autoptr (GBytes) jpeg = make_jpeg (16, 16);
  g_autofree guint8 *filler = g_malloc0 (65000);
  GByteArray        *out = g_byte_array_new ();
  g_autoptr (GBytes) file = NULL;

  g_byte_array_append (out, g_bytes_get_data (jpeg, NULL), 2);
  for (int i = 0; i < 140; i++) {
    const guint8 head[4] = {0xff, i % 2 == 0 ? 0xe5 : 0xfe, 65002 >> 8, 65002 & 255};

    g_byte_array_append (out, head, 4);
    g_byte_array_append (out, filler, 65000);
  }
  g_byte_array_append (out, (const guint8 *)g_bytes_get_data (jpeg, NULL) + 2,
                       (guint)g_bytes_get_size (jpeg) - 2);
  file = g_byte_array_free_to_bytes (out);
  assert_refused (file, RTK_ERROR_TOO_LARGE);
}

static void
test_damaged_exif (void)
{
  g_autoptr (GBytes) jpeg = make_jpeg (16, 8);
  guint8 exif[40];

  /* Every offset of a tiny EXIF set to something wild must leave the picture readable. */
  for (guint at = 6; at < sizeof exif; at++) {
    g_autoptr (GBytes) file = NULL;
    g_autoptr (RtkImage) image = NULL;

    memset (exif, 0, sizeof exif);
    memcpy (exif, "Exif\0\0II\x2a\0\x08\0\0\0\x02\0", 16);
    exif[at] = 0xff;
    file = rtk_sample_with_segment (jpeg, 0xe1, exif, sizeof exif);
    image = rtk_codec_decode (file, NULL, NULL);
    g_assert_nonnull (image);
    g_assert_cmpint (rtk_image_get_width (image), ==, 16);
  }
}

static GBytes *
encode_with_libjpeg (J_COLOR_SPACE space, int n_components, gboolean progressive)
{
  struct jpeg_compress_struct jpeg = {0};
  struct jpeg_error_mgr       manager;
  guint8                     *data = NULL;
  unsigned long               size = 0;
  guint8                      line[32 * 4];
  JSAMPROW                    row = line;

  memset (line, 130, sizeof line);
  jpeg.err = jpeg_std_error (&manager);
  jpeg_create_compress (&jpeg);
  jpeg_mem_dest (&jpeg, &data, &size);
  jpeg.image_width = 32;
  jpeg.image_height = 32;
  jpeg.input_components = n_components;
  jpeg.in_color_space = space;
  jpeg_set_defaults (&jpeg);
  jpeg_set_quality (&jpeg, 71, TRUE);
  if (progressive)
    jpeg_simple_progression (&jpeg);
  jpeg_start_compress (&jpeg, TRUE);
  for (int y = 0; y < 32; y++)
    jpeg_write_scanlines (&jpeg, &row, 1);
  jpeg_finish_compress (&jpeg);
  jpeg_destroy_compress (&jpeg);
  return g_bytes_new_with_free_func (data, size, free, data);
}

static void
test_kinds_of_jpeg (void)
{
  g_autoptr (GBytes) cmyk = encode_with_libjpeg (JCS_CMYK, 4, FALSE);
  g_autoptr (GBytes) grey = encode_with_libjpeg (JCS_GRAYSCALE, 1, FALSE);
  g_autoptr (GBytes) progressive = encode_with_libjpeg (JCS_RGB, 3, TRUE);
  g_autoptr (RtkImage) from_grey = rtk_codec_decode (grey, NULL, NULL);
  g_autoptr (RtkImage) from_progressive = rtk_codec_decode (progressive, NULL, NULL);

  assert_refused (cmyk, RTK_ERROR_BAD_PICTURE);
  g_assert_nonnull (from_progressive);
  g_assert_nonnull (from_grey);
  g_assert_cmpint (pixel_at (from_grey, 9, 9)[0], ==, 130);
  g_assert_cmpint (pixel_at (from_grey, 9, 9)[2], ==, 130);
}

static GBytes *
encode_with_libpng (int color_type, int bit_depth, guint8 fill)
{
  png_structp        png = png_create_write_struct (PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop          info = png_create_info_struct (png);
  g_autofree guint8 *row = g_malloc (32 * 8);
  char              *data = NULL;
  size_t             size = 0;
  FILE              *stream = open_memstream (&data, &size);

  memset (row, fill, 32 * 8);
  png_init_io (png, stream);
  png_set_IHDR (png, info, 32, 8, bit_depth, color_type, PNG_INTERLACE_ADAM7,
                PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_pHYs (png, info, 11811, 11811, PNG_RESOLUTION_METER);
  png_write_info (png, info);
  for (int pass = png_set_interlace_handling (png); pass > 0; pass--)
    for (int y = 0; y < 8; y++)
      png_write_row (png, row);
  png_write_end (png, info);
  png_destroy_write_struct (&png, &info);
  fclose (stream);
  return g_bytes_new_with_free_func (data, size, free, data);
}

static void
test_kinds_of_png (void)
{
  g_autoptr (GBytes) deep = encode_with_libpng (PNG_COLOR_TYPE_RGB, 16, 0x80);
  g_autoptr (GBytes) clear = encode_with_libpng (PNG_COLOR_TYPE_RGBA, 8, 0x80);
  g_autoptr (GBytes) opaque = encode_with_libpng (PNG_COLOR_TYPE_RGBA, 8, 0xff);
  g_autoptr (GBytes) bits = encode_with_libpng (PNG_COLOR_TYPE_GRAY, 1, 0xff);
  g_autoptr (RtkImage) from_opaque = rtk_codec_decode (opaque, NULL, NULL);
  g_autoptr (RtkImage) from_bits = rtk_codec_decode (bits, NULL, NULL);

  assert_refused (deep, RTK_ERROR_BAD_PICTURE);
  assert_refused (clear, RTK_ERROR_BAD_PICTURE);
  g_assert_nonnull (from_opaque);
  g_assert_nonnull (from_bits);
  g_assert_cmpint (pixel_at (from_opaque, 31, 7)[1], ==, 255);
  g_assert_cmpint (pixel_at (from_bits, 31, 7)[1], ==, 255);
}

static void
test_facts (void)
{
  g_autoptr (GBytes) jpeg = make_jpeg (48, 32);
  g_autoptr (GBytes) other = encode_with_libjpeg (JCS_GRAYSCALE, 1, FALSE);
  g_autoptr (GBytes) png = encode_with_libpng (PNG_COLOR_TYPE_RGBA, 8, 0xff);
  g_autoptr (RtkFileFacts) facts = rtk_file_facts_read (jpeg, "a.jpg", NULL);
  g_autoptr (RtkFileFacts) grey = rtk_file_facts_read (other, "", NULL);
  g_autoptr (RtkFileFacts) opaque = rtk_file_facts_read (png, "", NULL);

  g_assert_nonnull (facts);
  g_assert_cmpstr (facts->format, ==, "JPEG");
  g_assert_cmpstr (facts->name, ==, "a.jpg");
  g_assert_cmpint (facts->width, ==, 48);
  g_assert_cmpint (facts->height, ==, 32);
  g_assert_cmpfloat (facts->dpi_x, ==, 300);
  g_assert_cmpfloat (facts->dpi_y, ==, 300);
  g_assert_cmpint (facts->depth, ==, 24);
  g_assert_cmpint (facts->quality, ==, 95);
  g_assert_cmpuint (facts->bytes, ==, g_bytes_get_size (jpeg));

  g_assert_nonnull (grey);
  g_assert_cmpint (grey->depth, ==, 8);
  g_assert_cmpint (grey->quality, ==, 71);

  g_assert_nonnull (opaque);
  g_assert_cmpstr (opaque->format, ==, "PNG");
  g_assert_cmpint (opaque->depth, ==, 32);
  g_assert_cmpfloat_with_epsilon (opaque->dpi_x, 300, .01);
}

/* Every quality the IJG library knows is told from its tables, as tables repeat only at the ends.
 */
static void
test_quality_estimate (void)
{
  g_autoptr (RtkImage) picture = make_picture (16, 16);

  for (int quality = 5; quality <= 100; quality += 5) {
    g_autoptr (GBytes) jpeg = rtk_jpeg_encode (picture, quality, RTK_JPEG_CHROMA_QUARTER, 72, NULL);
    g_autoptr (RtkFileFacts) facts = rtk_file_facts_read (jpeg, "", NULL);

    g_assert_cmpint (facts->quality, ==, quality);
    g_assert_cmpfloat (facts->dpi_x, ==, 72);
  }
}

static void
test_profile (void)
{
  g_autoptr (GBytes) jpeg = make_jpeg (32, 32);
  g_autoptr (GBytes) wide = rtk_sample_profile ();
  g_autoptr (GBytes) garbage = g_bytes_new_static ("no profile at all", 17);
  g_autoptr (GBytes) wide_file = rtk_sample_with_profile (jpeg, wide);
  g_autoptr (GBytes) garbage_file = rtk_sample_with_profile (jpeg, garbage);
  g_autoptr (RtkImage) plain = rtk_codec_decode (jpeg, NULL, NULL);
  g_autoptr (RtkImage) converted = NULL;
  g_autoptr (RtkImage) kept = NULL;
  RtkIntake intake;

  /* The green of Adobe RGB is outside sRGB: the same numbers mean a stronger green. */
  converted = rtk_codec_decode (wide_file, &intake, NULL);
  g_assert_nonnull (converted);
  g_assert_cmpstr (intake.colour, ==, "icc");
  g_assert_cmpint (pixel_at (converted, 2, 30)[0], <, pixel_at (plain, 2, 30)[0]);
  g_assert_cmpint (ABS (pixel_at (converted, 2, 30)[1] - pixel_at (plain, 2, 30)[1]), <, 8);

  kept = rtk_codec_decode (garbage_file, &intake, NULL);
  g_assert_nonnull (kept);
  g_assert_cmpstr (intake.colour, ==, "icc-unusable");
  g_assert_cmpmem (rtk_image_get_pixels (kept), 32 * 32 * 3, rtk_image_get_pixels (plain),
                   32 * 32 * 3);
}

static void
test_srgb_profile_keeps_bytes (void)
{
  g_autoptr (GBytes) jpeg = make_jpeg (32, 32);
  g_autoptr (GBytes) profile = NULL;
  g_autoptr (GBytes) file = NULL;
  g_autoptr (RtkImage) plain = rtk_codec_decode (jpeg, NULL, NULL);
  g_autoptr (RtkImage) image = NULL;
  cmsHPROFILE     srgb = cmsCreate_sRGBProfile ();
  cmsUInt32Number size = 0;
  guint8         *data;
  RtkIntake       intake;

  cmsSaveProfileToMem (srgb, NULL, &size);
  data = g_malloc (size);
  cmsSaveProfileToMem (srgb, data, &size);
  cmsCloseProfile (srgb);
  profile = g_bytes_new_take (data, size);
  file = rtk_sample_with_profile (jpeg, profile);
  image = rtk_codec_decode (file, &intake, NULL);
  g_assert_nonnull (image);
  g_assert_cmpstr (intake.colour, ==, "srgb");
  g_assert_cmpmem (rtk_image_get_pixels (image), 32 * 32 * 3, rtk_image_get_pixels (plain),
                   32 * 32 * 3);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vision/codec/round-trip", test_round_trip);
  g_test_add_func ("/vision/codec/orientations", test_orientations);
  g_test_add_func ("/vision/codec/truncated", test_truncated);
  g_test_add_func ("/vision/codec/flipped-bytes", test_flipped_bytes);
  g_test_add_func ("/vision/codec/not-a-picture", test_not_a_picture);
  g_test_add_func ("/vision/codec/huge", test_huge);
  g_test_add_func ("/vision/codec/too-many-comments", test_too_many_comments);
  g_test_add_func ("/vision/codec/damaged-exif", test_damaged_exif);
  g_test_add_func ("/vision/codec/kinds-of-jpeg", test_kinds_of_jpeg);
  g_test_add_func ("/vision/codec/kinds-of-png", test_kinds_of_png);
  g_test_add_func ("/vision/codec/facts", test_facts);
  g_test_add_func ("/vision/codec/quality-estimate", test_quality_estimate);
  g_test_add_func ("/vision/codec/profile", test_profile);
  g_test_add_func ("/vision/codec/srgb-profile-keeps-bytes", test_srgb_profile_keeps_bytes);
  return g_test_run ();
}
