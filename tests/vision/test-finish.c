/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vision/rtk-file-facts.h"
#include "vision/rtk-finish.h"

/* Noise of a chosen strength over a slope: the stronger, the larger every file. */
static RtkImage *
make_picture (int width, int height, int noise)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (5);
  guint8 *pixels = g_malloc ((gsize)width * height * 3);

  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++) {
      for (int c = 0; c < 3; c++)
        pixels[3 * (y * width + x) + c] =
            (guint8)(60 + 80 * x / width + 50 * y / height + g_rand_int_range (rand, 0, noise + 1));
    }
  }
  return rtk_image_new_take (RTK_PIXEL_RGB24, width, height, (gsize)width * 3, pixels);
}

/* The file lies in the window, and one step better would not. */
static void
test_best_in_window (void)
{
  g_autoptr (RtkImage) picture = make_picture (240, 320, 14);
  RtkFinishLimits limits = {10000, 20000, 60, 300};
  RtkFinishResult result;
  g_autoptr (GBytes) file = rtk_finish_jpeg (picture, &limits, &result, NULL);
  g_autoptr (GBytes) better = NULL;
  g_autoptr (RtkFileFacts) facts = NULL;

  g_assert_nonnull (file);
  g_assert_cmpint (result.fit, ==, RTK_FINISH_FITS);
  g_assert_cmpint (result.chroma, ==, RTK_JPEG_CHROMA_FULL);
  g_assert_cmpuint (g_bytes_get_size (file), <=, 20000);
  g_assert_cmpuint (g_bytes_get_size (file), >=, 10000);
  g_assert_cmpint (result.quality, <, 100);
  better = rtk_jpeg_encode (picture, result.quality + 1, RTK_JPEG_CHROMA_FULL, 300, NULL);
  g_assert_cmpuint (g_bytes_get_size (better), >, 20000);

  facts = rtk_file_facts_read (file, "", NULL);
  g_assert_cmpint (facts->quality, ==, result.quality);
  g_assert_cmpfloat (facts->dpi_x, ==, 300);
  g_assert_cmpint (facts->depth, ==, 24);
}

static void
test_too_simple (void)
{
  g_autoptr (RtkImage) picture = make_picture (240, 320, 0);
  RtkFinishLimits limits = {200000, 400000, 60, 300};
  RtkFinishResult result;
  g_autoptr (GBytes) file = rtk_finish_jpeg (picture, &limits, &result, NULL);

  g_assert_nonnull (file);
  g_assert_cmpint (result.fit, ==, RTK_FINISH_TOO_SMALL);
  g_assert_cmpint (result.quality, ==, 100);
  g_assert_cmpuint (g_bytes_get_size (file), <, 200000);
}

static void
test_too_rich (void)
{
  g_autoptr (RtkImage) picture = make_picture (240, 320, 60);
  RtkFinishLimits limits = {500, 1000, 75, 300};
  RtkFinishResult result;
  g_autoptr (GBytes) file = rtk_finish_jpeg (picture, &limits, &result, NULL);

  g_assert_nonnull (file);
  g_assert_cmpint (result.fit, ==, RTK_FINISH_TOO_LARGE);
  g_assert_cmpint (result.quality, ==, 75);
}

/* Where full colour does not fit at any quality allowed, quarter colour may. */
static void
test_quarter_colour (void)
{
  g_autoptr (RtkImage) picture = make_picture (240, 320, 40);
  g_autoptr (GBytes) full = rtk_jpeg_encode (picture, 80, RTK_JPEG_CHROMA_FULL, 300, NULL);
  RtkFinishLimits limits = {0, g_bytes_get_size (full) - 1, 80, 300};
  RtkFinishResult result;
  g_autoptr (GBytes) file = rtk_finish_jpeg (picture, &limits, &result, NULL);

  g_assert_nonnull (file);
  g_assert_cmpint (result.fit, ==, RTK_FINISH_FITS);
  g_assert_cmpint (result.chroma, ==, RTK_JPEG_CHROMA_QUARTER);
  g_assert_cmpint (result.quality, >=, 80);
}

static void
test_no_window (void)
{
  g_autoptr (RtkImage) picture = make_picture (64, 64, 10);
  RtkFinishLimits limits = {0, 0, 60, 300};
  RtkFinishResult result;
  g_autoptr (GBytes) file = rtk_finish_jpeg (picture, &limits, &result, NULL);

  g_assert_nonnull (file);
  g_assert_cmpint (result.quality, ==, 100);
  g_assert_cmpint (result.fit, ==, RTK_FINISH_FITS);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vision/finish/best-in-window", test_best_in_window);
  g_test_add_func ("/vision/finish/too-simple", test_too_simple);
  g_test_add_func ("/vision/finish/too-rich", test_too_rich);
  g_test_add_func ("/vision/finish/quarter-colour", test_quarter_colour);
  g_test_add_func ("/vision/finish/no-window", test_no_window);
  return g_test_run ();
}
