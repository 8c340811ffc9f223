/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "vision/rtk-recipe.h"
#include "vision/rtk-resample.h"

#include <math.h>
#include <string.h>

static const guint8 blue[3] = {100, 197, 255};

static RtkImage *
make_noise (int width, int height)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (6);
  guint8 *pixels = g_malloc ((gsize)width * height * 3);

  for (gsize i = 0; i < (gsize)width * height * 3; i++)
    pixels[i] = (guint8)g_rand_int_range (rand, 0, 256);
  return rtk_image_new_take (RTK_PIXEL_RGB24, width, height, (gsize)width * 3, pixels);
}

static RtkImage *
make_alpha (const RtkCrop *work, guint8 value)
{
  gsize   n = (gsize)work->out_width * work->out_height;
  guint8 *pixels = g_malloc (n);

  memset (pixels, value, n);
  return rtk_image_new_take (RTK_PIXEL_GREY8, work->out_width, work->out_height,
                             (gsize)work->out_width, pixels);
}

/* Half person, half background, with a soft seam between them. */
static RtkImage *
make_seam (const RtkCrop *work)
{
  guint8 *pixels = g_malloc ((gsize)work->out_width * work->out_height);

  for (int y = 0; y < work->out_height; y++) {
    for (int x = 0; x < work->out_width; x++)
      pixels[(gsize)y * work->out_width + (gsize)x] =
          (guint8)CLAMP (128 + 20 * (x - work->out_width / 2), 0, 255);
  }
  return rtk_image_new_take (RTK_PIXEL_GREY8, work->out_width, work->out_height,
                             (gsize)work->out_width, pixels);
}

static void
test_working_crop (void)
{
  RtkCrop small = {100.25, 50.5, 1.5, 480, 640};
  RtkCrop large = {100, 50, 6, 480, 640};
  RtkCrop work = rtk_recipe_get_working_crop (&small, 1350, 1350);

  g_assert_cmpfloat (work.scale, ==, 1);
  g_assert_cmpfloat (work.x, ==, (int)work.x);
  g_assert_cmpfloat (work.x, <, small.x);
  g_assert_cmpfloat (work.x + work.out_width, >, small.x + small.scale * small.out_width);
  g_assert_cmpfloat (work.y + work.out_height, <=, 1350);

  work = rtk_recipe_get_working_crop (&large, 3000, 4000);
  g_assert_cmpfloat (work.scale, >=, 2);
  g_assert_cmpfloat (work.scale, <, 2.001);
  g_assert_cmpfloat (work.x, >=, 0);
}

/* The certificate's promise: where alpha is full, the finished pixels are those of the original
 * scaled, and nothing else; where it is none, they are the background. */
static void
test_person_pixels (void)
{
  static const RtkCrop crops[] = {{20.5, 10.25, 1.5, 120, 160}, {8, 4, 13.25, 120, 160}};

  for (guint k = 0; k < G_N_ELEMENTS (crops); k++) {
    int width = k == 0 ? 260 : 1640, height = k == 0 ? 300 : 2200;
    g_autoptr (RtkImage) picture = make_noise (width, height);
    RtkCrop work = rtk_recipe_get_working_crop (&crops[k], width, height);
    RtkCrop inner = {(crops[k].x - work.x) / work.scale, (crops[k].y - work.y) / work.scale,
                     crops[k].scale / work.scale, 120, 160};
    g_autoptr (RtkImage) alpha = make_seam (&work);
    g_autoptr (GError) error = NULL;
    g_autoptr (RtkImage) finished = rtk_recipe_render (picture, alpha, &crops[k], blue, &error);
    g_autoptr (RtkImage) scaled = rtk_resample (picture, &crops[k]);
    g_autoptr (RtkImage) share = rtk_resample (alpha, &inner);
    int n_person = 0, n_background = 0;

    g_assert_no_error (error);
    for (int i = 0; i < 120 * 160; i++) {
      const guint8 *pixel = rtk_image_get_pixels (finished) + 3 * i;
      guint8        value = rtk_image_get_pixels (share)[i];

      if (value == 255)
        g_assert_cmpmem (pixel, 3, rtk_image_get_pixels (scaled) + 3 * i, 3);
      if (value == 0)
        g_assert_cmpmem (pixel, 3, blue, 3);
      n_person += value == 255;
      n_background += value == 0;
    }
    g_assert_cmpint (n_person, >, 6000);
    g_assert_cmpint (n_background, >, 6000);
  }
}

static void
test_foreign_alpha (void)
{
  g_autoptr (RtkImage) picture = make_noise (200, 200);
  RtkCrop crop = {10, 10, 1, 60, 80};
  RtkCrop work = rtk_recipe_get_working_crop (&crop, 200, 200);
  g_autoptr (RtkImage) alpha = NULL;
  g_autoptr (RtkImage) finished = NULL;
  g_autoptr (GError) error = NULL;

  work.out_width++;
  alpha = make_alpha (&work, 255);
  finished = rtk_recipe_render (picture, alpha, &crop, blue, &error);
  g_assert_null (finished);
  g_assert_error (error, RTK_ERROR, RTK_ERROR_DAMAGED);
}

/* Red grows to the right, green downwards, blue neither: no two places look alike. */
static RtkImage *
make_ramp (int width, int height)
{
  guint8 *pixels = g_malloc ((gsize)width * height * 3);

  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      guint8 *pixel = pixels + 3 * ((gsize)y * width + x);

      pixel[0] = (guint8)(x * 255 / width);
      pixel[1] = (guint8)(y * 255 / height);
      pixel[2] = 77;
    }
  return rtk_image_new_take (RTK_PIXEL_RGB24, width, height, (gsize)width * 3, pixels);
}

/* What the two borders of a finished picture are apart, and where its first pixel came from. */
static void
assert_upright (const RtkImage *finished, const RtkCrop *crop, int width, int height)
{
  int           last_x = crop->out_width - 1, last_y = crop->out_height - 1;
  const guint8 *pixels = rtk_image_get_pixels (finished);

  for (int y = 0; y <= last_y; y++)
    for (int x = 0; x <= last_x; x++) {
      const guint8 *pixel = pixels + 3 * ((gsize)y * crop->out_width + x);
      RtkPoint      from = rtk_crop_to_source (crop, (RtkPoint){x + .5, y + .5});

      g_assert_cmpfloat_with_epsilon (pixel[0], from.x * 255 / width, 2);
      g_assert_cmpfloat_with_epsilon (pixel[1], from.y * 255 / height, 2);
      g_assert_cmpint (pixel[2], ==, 77);
      if (x > 0)
        g_assert_cmpint (pixel[0], >=, pixel[-3]);
      if (y > 0)
        g_assert_cmpint (pixel[1], >=, pixel[1 - 3 * crop->out_width]);
    }
}

/* Whatever the recipe: left stays left, above stays above, both grow by the same factor, and no
 * person's pixel is anything but what lies at its place in the original. */
static void
test_left_stays_left (void)
{
  const int width = 900, height = 1100;
  g_autoptr (GRand) rand = g_rand_new_with_seed (20240607);
  g_autoptr (RtkImage) picture = make_ramp (width, height);

  for (int round = 0; round < 150; round++) {
    RtkCrop crop = {.out_width = g_rand_int_range (rand, 8, 200),
                    .out_height = g_rand_int_range (rand, 8, 200)};
    double  most =
        MIN ((double)(width - 1) / crop.out_width, (double)(height - 1) / crop.out_height);
    guint8  background[3] = {(guint8)g_rand_int_range (rand, 0, 256), 0, 255};
    RtkCrop work;
    g_autoptr (RtkImage) alpha = NULL;
    g_autoptr (RtkImage) finished = NULL;
    g_autoptr (GError) error = NULL;

    crop.scale = g_rand_int_range (rand, 65536 / 2, (int)(most * 65536)) / 65536.;
    crop.x = g_rand_int (rand) % (guint)((width - crop.scale * crop.out_width) * 65536) / 65536.;
    crop.y = g_rand_int (rand) % (guint)((height - crop.scale * crop.out_height) * 65536) / 65536.;
    g_assert_true (rtk_crop_lies_in (&crop, width, height));
    work = rtk_recipe_get_working_crop (&crop, width, height);
    alpha = make_alpha (&work, 255);
    finished = rtk_recipe_render (picture, alpha, &crop, background, &error);
    g_assert_no_error (error);
    assert_upright (finished, &crop, width, height);
  }
}

/* A crop has no sign and no angle; what says otherwise is none. */
static void
test_no_such_crop (void)
{
  static const RtkCrop crops[] = {
      {10, 10, -1, 40, 40},  {10, 10, 0, 40, 40},       {10, 10, 1, -40, 40}, {10, 10, 1, 40, -40},
      {-1, 10, 1, 40, 40},   {10, 61, 1, 40, 40},       {10, 10, 300, 1, 1},  {NAN, 10, 1, 40, 40},
      {10, 10, NAN, 40, 40}, {10, INFINITY, 1, 40, 40}, {10, 10, 1, 0, 40},
  };
  const RtkCrop good = {10, 60, 1, 40, 40};

  g_assert_true (rtk_crop_lies_in (&good, 100, 100));
  for (gsize i = 0; i < G_N_ELEMENTS (crops); i++)
    g_assert_false (rtk_crop_lies_in (&crops[i], 100, 100));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vision/recipe/working-crop", test_working_crop);
  g_test_add_func ("/vision/recipe/person-pixels", test_person_pixels);
  g_test_add_func ("/vision/recipe/foreign-alpha", test_foreign_alpha);
  g_test_add_func ("/vision/recipe/left-stays-left", test_left_stays_left);
  g_test_add_func ("/vision/recipe/no-such-crop", test_no_such_crop);
  return g_test_run ();
}
