/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vision/rtk-resample.h"

#include <math.h>
#include <string.h>

static RtkImage *
make_noise (RtkPixelFormat format, int width, int height, guint32 seed)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  gsize   stride = (gsize)width * rtk_pixel_format_get_bytes (format) + 5;
  guint8 *pixels = g_malloc (stride * (gsize)height);

  for (gsize i = 0; i < stride * (gsize)height; i++)
    pixels[i] = (guint8)g_rand_int_range (rand, 0, 256);
  return rtk_image_new_take (format, width, height, stride, pixels);
}

static double
cubic (double t)
{
  t = fabs (t);
  if (t < 1)
    return 1 - 2.5 * t * t + 1.5 * t * t * t;
  if (t < 2)
    return 2 - 4 * t + 2.5 * t * t - .5 * t * t * t;
  return 0;
}

/* One sample, straight from the definition in floating point, both axes at once. */
static double
reference (const RtkImage *source, const RtkCrop *crop, int x, int y, int channel, int n_channels)
{
  double cx = crop->x + (x + .5) * crop->scale - .5;
  double cy = crop->y + (y + .5) * crop->scale - .5;
  double stretch = MAX (1., crop->scale);
  double sum = 0, weight = 0;

  for (int sy = (int)floor (cy - 2 * stretch); sy <= cy + 2 * stretch; sy++) {
    for (int sx = (int)floor (cx - 2 * stretch); sx <= cx + 2 * stretch; sx++) {
      double w = cubic ((sx - cx) / stretch) * cubic ((sy - cy) / stretch);
      int    from_x = CLAMP (sx, 0, rtk_image_get_width (source) - 1);
      int    from_y = CLAMP (sy, 0, rtk_image_get_height (source) - 1);

      weight += w;
      sum += w * rtk_image_get_pixels (source)[rtk_image_get_stride (source) * (gsize)from_y +
                                               (gsize)(from_x * n_channels + channel)];
    }
  }
  return CLAMP (sum / weight, 0, 255);
}

static void
assert_like_reference (RtkPixelFormat format, RtkCrop crop, double tolerance)
{
  g_autoptr (RtkImage) source = make_noise (format, 57, 43, 7);
  g_autoptr (RtkImage) result = rtk_resample (source, &crop);
  int n_channels = rtk_pixel_format_get_bytes (format);

  g_assert_cmpint (rtk_image_get_width (result), ==, crop.out_width);
  g_assert_cmpint (rtk_image_get_height (result), ==, crop.out_height);
  for (int y = 0; y < crop.out_height; y++) {
    for (int x = 0; x < crop.out_width * n_channels; x++) {
      double value =
          rtk_image_get_pixels (result)[rtk_image_get_stride (result) * (gsize)y + (gsize)x];
      double wanted = reference (source, &crop, x / n_channels, y, x % n_channels, n_channels);

      g_assert_cmpfloat_with_epsilon (value, wanted, tolerance);
    }
  }
}

static void
test_reference (void)
{
  /* Reducing, enlarging, beyond every border, a single pixel, and far outside. */
  static const RtkCrop crops[] = {
      {3.25, 2.5, 1.75, 24, 18}, {10.125, 5.75, .4, 60, 50},        {-20, -15, 2.375, 40, 33},
      {0, 0, 43. / 1, 1, 1},     {30, 20, 1.0001220703125, 40, 40}, {200, 100, 1.5, 5, 4},
      {-300, -200, 1.5, 5, 4},   {56.5, 42.5, .25, 9, 9},
  };

  for (guint i = 0; i < G_N_ELEMENTS (crops); i++) {
    assert_like_reference (RTK_PIXEL_RGB24, crops[i], .75);
    assert_like_reference (RTK_PIXEL_GREY8, crops[i], .75);
  }
}

static void
test_identity (void)
{
  g_autoptr (RtkImage) source = make_noise (RTK_PIXEL_RGB24, 80, 60, 3);
  RtkCrop crop = {11, 7, 1, 50, 40};
  g_autoptr (RtkImage) result = rtk_resample (source, &crop);

  for (int y = 0; y < 40; y++)
    g_assert_cmpmem (
        rtk_image_get_pixels (result) + (gsize)y * 150, 150,
        rtk_image_get_pixels (source) + rtk_image_get_stride (source) * (gsize)(y + 7) + 33, 150);
}

/* The kernel itself copies too, not only the short way for parts inside the picture. */
static void
test_identity_over_the_border (void)
{
  g_autoptr (RtkImage) source = make_noise (RTK_PIXEL_RGB24, 80, 60, 3);
  RtkCrop crop = {-2, 7, 1, 50, 40};
  g_autoptr (RtkImage) result = rtk_resample (source, &crop);

  for (int y = 0; y < 40; y++)
    g_assert_cmpmem (rtk_image_get_pixels (result) + (gsize)y * 150 + 6, 144,
                     rtk_image_get_pixels (source) + rtk_image_get_stride (source) * (gsize)(y + 7),
                     144);
}

static void
test_flat_stays_flat (void)
{
  for (int value = 0; value <= 255; value++) {
    guint8 *pixels = g_malloc (30 * 20);
    g_autoptr (RtkImage) source = NULL;

    memset (pixels, value, 30 * 20);
    source = rtk_image_new_take (RTK_PIXEL_GREY8, 30, 20, 30, pixels);
    for (double scale = .3; scale < 5; scale *= 1.37) {
      RtkCrop crop = {-1.7, 3.1, scale, 13, 9};
      g_autoptr (RtkImage) result = rtk_resample (source, &crop);

      for (int i = 0; i < 13 * 9; i++)
        g_assert_cmpint (rtk_image_get_pixels (result)[i], ==, value);
    }
  }
}

/* Rows depend on nothing but their own position: the bytes that a part gives are those of the
 * whole, so the work may be cut up in any way. */
static void
test_parts_are_the_whole (void)
{
  g_autoptr (RtkImage) source = make_noise (RTK_PIXEL_RGB24, 90, 90, 11);
  RtkCrop whole = {4.5, 3.25, 1.5, 40, 50};
  RtkCrop part = {4.5 + 8 * 1.5, 3.25 + 20 * 1.5, 1.5, 20, 16};
  g_autoptr (RtkImage) all = rtk_resample (source, &whole);
  g_autoptr (RtkImage) some = rtk_resample (source, &part);

  for (int y = 0; y < 16; y++)
    g_assert_cmpmem (rtk_image_get_pixels (some) + (gsize)y * 60, 60,
                     rtk_image_get_pixels (all) + ((gsize)(y + 20) * 40 + 8) * 3, 60);
}

/* A fixed picture gives fixed bytes: a changed kernel, rounding or compiler shows here. */
static void
test_fixed_bytes (void)
{
  g_autoptr (RtkImage) source = make_noise (RTK_PIXEL_RGB24, 1350, 1350, 2);
  RtkCrop crop = {137.5, 41.25, 2.0009765625, 480, 640};
  gint64  start = g_get_monotonic_time ();
  g_autoptr (RtkImage) result = rtk_resample (source, &crop);
  g_autofree char *sum = NULL;

  g_test_message ("480x640 from 960x1280 in %.1f ms",
                  (double)(g_get_monotonic_time () - start) / 1000);
  sum =
      g_compute_checksum_for_data (G_CHECKSUM_SHA256, rtk_image_get_pixels (result), 480 * 640 * 3);
  g_assert_cmpstr (sum, ==, "975a89f241f5956e765e7432b32d416729bf4c757ca014c5e8ae1ae132245349");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vision/resample/reference", test_reference);
  g_test_add_func ("/vision/resample/identity", test_identity);
  g_test_add_func ("/vision/resample/identity-over-the-border", test_identity_over_the_border);
  g_test_add_func ("/vision/resample/flat-stays-flat", test_flat_stays_flat);
  g_test_add_func ("/vision/resample/parts-are-the-whole", test_parts_are_the_whole);
  g_test_add_func ("/vision/resample/fixed-bytes", test_fixed_bytes);
  return g_test_run ();
}
