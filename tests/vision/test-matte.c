/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-foreground.h"
#include "vision/rtk-matte.h"
#include "vision/rtk-resample.h"

#include <math.h>
#include <string.h>

#define WIDTH 360
#define HEIGHT 480
#define MASK 64

/* A scene whose every alpha is known: a dark head with strands of hair and light clothes in front
 * of a wall that slopes, has noise, and takes the person's shadow. */
typedef struct {
  float     truth[WIDTH * HEIGHT];
  float     mask[MASK * MASK];
  RtkImage *picture; /* (owned) */
} Scene;

static float
soft_edge (double distance)
{
  return (float)CLAMP (.5 - distance, 0, 1);
}

static float
true_alpha (int x, int y)
{
  double head = (hypot ((x - 180.) / 70, (y - 180.) / 95) - 1) * 75;
  double body = (hypot ((x - 180.) / 150, (y - 500.) / 190) - 1) * 150;
  float  alpha = MAX (soft_edge (head), soft_edge (body));

  for (int strand = 0; strand < 8; strand++) {
    double bow = 180 + (strand - 3.5) * 34 + 9 * sin (y / 17. + strand);

    if (y > 62 && y < 150 && alpha < .6f)
      alpha = MAX (alpha, .6f * soft_edge (fabs (x - bow) - .6));
  }
  return alpha;
}

static void
fill_mask (Scene *scene)
{
  for (int my = 0; my < MASK; my++) {
    for (int mx = 0; mx < MASK; mx++) {
      float sum = 0;
      int   n = 0;

      for (int y = my * HEIGHT / MASK; y < (my + 1) * HEIGHT / MASK; y++) {
        for (int x = mx * WIDTH / MASK; x < (mx + 1) * WIDTH / MASK; x++, n++)
          sum += scene->truth[y * WIDTH + x];
      }
      /* As a network gives it: hard, and blind for single hairs. */
      scene->mask[my * MASK + mx] = CLAMP ((sum / (float)n - .3f) / .4f, 0, 1);
    }
  }
}

static void
scene_init (Scene *self, double noise)
{
  static const double dark[3] = {40, 32, 28}, light[3] = {120, 60, 70};
  g_autoptr (GRand) rand = g_rand_new_with_seed (9);
  guint8 *pixels = g_malloc (WIDTH * HEIGHT * 3);

  for (int y = 0; y < HEIGHT; y++) {
    for (int x = 0; x < WIDTH; x++) {
      int    at = y * WIDTH + x;
      double shadow = 1 - .06 * exp (-pow (hypot (x - 215., y - 210.) / 110, 4));
      double slope = 1 + .08 * (x - 180.) / WIDTH - .05 * (y - 240.) / HEIGHT;

      self->truth[at] = true_alpha (x, y);
      for (int c = 0; c < 3; c++) {
        double wall = (212 - 6 * c) * slope * shadow;
        double person = y < 300 ? dark[c] : light[c];
        double value = self->truth[at] * person + (1 - self->truth[at]) * wall +
                       noise * (g_rand_double (rand) + g_rand_double (rand) - 1);

        pixels[3 * at + c] = (guint8)CLAMP (value + .5, 0, 255);
      }
    }
  }
  self->picture = rtk_image_new_take (RTK_PIXEL_RGB24, WIDTH, HEIGHT, WIDTH * 3, pixels);
  fill_mask (self);
}

static void
scene_clear (Scene *self)
{
  rtk_image_unref (self->picture);
}

static RtkMatteRequest
request_for (const float *mask)
{
  return (RtkMatteRequest){.mask = mask,
                           .mask_width = MASK,
                           .mask_height = MASK,
                           .mask_rect = {0, 0, WIDTH, HEIGHT},
                           .unit = WIDTH,
                           .holes_above = G_MAXDOUBLE};
}

/* A lock of hair cuts a shaded piece of wall off above the shoulder, and the mask is not sure. */
static void
scene_add_island (Scene *self)
{
  guint8 *pixels = (guint8 *)rtk_image_get_pixels (self->picture);

  for (int y = 290; y < HEIGHT; y++) {
    for (int x = 0; x < 140; x++) {
      int    at = y * WIDTH + x;
      double lock = self->truth[at] > 0 || y >= 300 ? self->truth[at] : 1;

      for (int c = 0; c < 3 && self->truth[at] == 0; c++)
        pixels[3 * at + c] = lock > 0 ? 36 : (guint8)(pixels[3 * at + c] * .92);
      self->truth[at] = (float)lock;
    }
  }
  fill_mask (self);
  for (int i = 302 * MASK / HEIGHT * MASK; i < MASK * MASK; i++) {
    if (i % MASK < 140 * MASK / WIDTH)
      self->mask[i] = MAX (self->mask[i], .7f);
  }
}

/* A part of the scene: from @left and @top up to, not with, @right and @bottom. */
typedef struct {
  int left, top, right, bottom;
} Box;

/* Paints @box with the colour of each row at column @from_column, where the wall is bare, less
 * @warmer levels from channel to channel. */
static void
scene_paint_wall (Scene *self, Box box, int from_column, int warmer)
{
  guint8 *pixels = (guint8 *)rtk_image_get_pixels (self->picture);

  for (int y = box.top; y < box.bottom; y++) {
    for (int x = box.left; x < box.right; x++) {
      for (int c = 0; c < 3; c++)
        pixels[3 * (y * WIDTH + x) + c] =
            (guint8)(pixels[3 * (y * WIDTH + from_column) + c] - warmer * c);
    }
  }
}

/* Makes the network answer @value in @box, of the mask's pixels. */
static void
scene_set_mask (Scene *self, Box box, float value)
{
  for (int y = box.top; y < box.bottom; y++) {
    for (int x = box.left; x < box.right; x++)
      self->mask[y * MASK + x] = value;
  }
}

static double
mean_alpha (const RtkMatte *matte, Box box)
{
  double sum = 0;

  for (int y = box.top; y < box.bottom; y++) {
    for (int x = box.left; x < box.right; x++)
      sum += rtk_image_get_pixels (matte->alpha)[y * WIDTH + x] / 255.;
  }
  return sum / ((box.right - box.left) * (box.bottom - box.top));
}

/* Mean error of alpha over all pixels. */
static double
mean_error (const RtkMatte *matte, const float *truth)
{
  double sum = 0;

  for (int i = 0; i < WIDTH * HEIGHT; i++)
    sum += fabs (rtk_image_get_pixels (matte->alpha)[i] / 255. - truth[i]);
  return sum / (WIDTH * HEIGHT);
}

static double
mask_error (const Scene *scene)
{
  double sum = 0;

  for (int y = 0; y < HEIGHT; y++) {
    for (int x = 0; x < WIDTH; x++)
      sum += fabs (scene->mask[y * MASK / HEIGHT * MASK + x * MASK / WIDTH] -
                   scene->truth[y * WIDTH + x]);
  }
  return sum / (WIDTH * HEIGHT);
}

static void
test_plain_wall (void)
{
  g_autofree Scene *scene = g_new0 (Scene, 1);
  g_autoptr (RtkImage) foreground = NULL;
  g_auto (RtkMatte) matte = {0};
  g_autoptr (GError) error = NULL;
  RtkMatteRequest request;
  double          error_of_matte;
  double          of_colour = 0, of_picture = 0;
  int             n = 0;

  scene_init (scene, 4);
  request = request_for (scene->mask);
  g_assert_true (rtk_matte_make (scene->picture, &request, &matte, &error));
  g_assert_no_error (error);
  g_assert_true (matte.is_plain);
  g_assert_cmpfloat (matte.wall_sigma, <, .02);
  error_of_matte = mean_error (&matte, scene->truth);
  g_test_message ("mean error %.4f, of the mask %.4f", error_of_matte, mask_error (scene));
  g_assert_cmpfloat (error_of_matte, <, .006);
  g_assert_cmpfloat (error_of_matte, <, mask_error (scene) / 4);

  foreground = rtk_foreground_recover (scene->picture, matte.alpha, WIDTH);
  /* Where half of a pixel is hair, what is left of it must be nearer to the hair's colour than
   * the picture is. */
  for (int y = 70; y < 85; y++) {
    for (int x = 60; x < 300; x++) {
      int at = y * WIDTH + x;

      if (scene->truth[at] > .5f && scene->truth[at] < .65f) {
        of_colour += rtk_image_get_pixels (foreground)[3 * at] - 40.;
        of_picture += rtk_image_get_pixels (scene->picture)[3 * at] - 40.;
        n++;
      }
    }
  }
  g_assert_cmpint (n, >, 20);
  g_assert_cmpfloat (fabs (of_colour), <, .8 * of_picture);
  scene_clear (scene);
}

static void
test_island (void)
{
  g_autofree Scene *scene = g_new0 (Scene, 1);
  g_auto (RtkMatte) matte = {0};
  RtkMatteRequest request;
  double          sum = 0;
  int             n = 0;

  scene_init (scene, 4);
  scene_add_island (scene);
  request = request_for (scene->mask);
  g_assert_true (rtk_matte_make (scene->picture, &request, &matte, NULL));
  for (int y = 310; y < HEIGHT; y++) {
    for (int x = 0; x < 140; x++) {
      if (scene->truth[y * WIDTH + x] > 0)
        continue;
      sum += rtk_image_get_pixels (matte.alpha)[y * WIDTH + x] / 255.;
      n++;
    }
  }
  g_test_message ("mean alpha of the island %.3f", sum / n);
  g_assert_cmpint (n, >, 5000);
  g_assert_cmpfloat (sum / n, <, .05);
  g_assert_cmpfloat (mean_error (&matte, scene->truth), <, .01);
  scene_clear (scene);
}

/* Narrow wall between arm and body, far below the chin, where the mask doubts but mostly sees
 * person. */
static void
test_gap_beside_arm (void)
{
  g_autofree Scene *scene = g_new0 (Scene, 1);
  g_auto (RtkMatte) matte = {0};
  RtkMatteRequest request;
  double          alpha;

  scene_init (scene, 4);
  scene_paint_wall (scene, (Box){90, 400, 102, HEIGHT}, 5, 0);
  scene_set_mask (
      scene, (Box){90 * MASK / WIDTH, 400 * MASK / HEIGHT, 102 * MASK / WIDTH + 1, MASK}, .55f);
  request = request_for (scene->mask);
  request.holes_above = 300;
  g_assert_true (rtk_matte_make (scene->picture, &request, &matte, NULL));
  alpha = mean_alpha (&matte, (Box){92, 410, 100, HEIGHT});
  g_test_message ("mean alpha of the gap %.3f", alpha);
  g_assert_cmpfloat (alpha, <, .1);
  scene_clear (scene);
}

static void
scene_paint_dark (Scene *self, Box box)
{
  guint8 *pixels = (guint8 *)rtk_image_get_pixels (self->picture);

  for (int y = box.top; y < box.bottom; y++)
    memset (pixels + 3 * (y * WIDTH + box.left), 36, 3 * (gsize)(box.right - box.left));
}

/* A lock hangs from the head far out over the wall, where the mask sees nobody at all; a stroke of
 * the same shape that hangs together with nothing is a thing on the wall. */
static void
test_end_of_lock (void)
{
  g_autofree Scene *scene = g_new0 (Scene, 1);
  g_auto (RtkMatte) matte = {0};
  RtkMatteRequest request;
  double          lock, stroke;

  scene_init (scene, 4);
  scene_paint_dark (scene, (Box){62, 176, 130, 184});
  scene_paint_dark (scene, (Box){62, 176, 70, 230});
  scene_paint_dark (scene, (Box){290, 176, 298, 230});
  request = request_for (scene->mask);
  g_assert_true (rtk_matte_make (scene->picture, &request, &matte, NULL));
  lock = mean_alpha (&matte, (Box){63, 190, 69, 228});
  stroke = mean_alpha (&matte, (Box){290, 176, 298, 230});
  g_test_message ("mean alpha of the lock %.3f, of the stroke %.3f", lock, stroke);
  g_assert_cmpfloat (lock, >, .9);
  g_assert_cmpfloat (stroke, <, .02);
  scene_clear (scene);
}

/* Hair that shines high above the forehead: a skull is behind it, and no wall. */
static void
test_shining_hair (void)
{
  static const RtkPoint face[4] = {{150, 160}, {210, 160}, {210, 250}, {150, 250}};
  g_autofree Scene     *scene = g_new0 (Scene, 1);
  g_auto (RtkMatte) matte = {0};
  RtkMatteRequest request;
  double          alpha;

  scene_init (scene, 4);
  scene_paint_wall (scene, (Box){170, 112, 190, 122}, 5, 0);
  request = request_for (scene->mask);
  request.solid = face;
  request.n_solid = 4;
  request.holes_above = 260;
  g_assert_true (rtk_matte_make (scene->picture, &request, &matte, NULL));
  alpha = mean_alpha (&matte, (Box){170, 112, 190, 122});
  g_test_message ("mean alpha of the shining spot %.3f", alpha);
  g_assert_cmpfloat (alpha, >, .95);
  scene_clear (scene);
}

/* A rail behind the person, from one border to the other. */
static void
test_rail (void)
{
  g_autofree Scene *scene = g_new0 (Scene, 1);
  g_auto (RtkMatte) matte = {0};
  RtkMatteRequest request;
  double          left, right;

  scene_init (scene, 4);
  scene_paint_dark (scene, (Box){0, 196, 125, 202});
  scene_paint_dark (scene, (Box){235, 196, WIDTH, 202});
  request = request_for (scene->mask);
  g_assert_true (rtk_matte_make (scene->picture, &request, &matte, NULL));
  left = mean_alpha (&matte, (Box){0, 190, 90, 208});
  right = mean_alpha (&matte, (Box){270, 190, WIDTH, 208});
  g_test_message ("mean alpha of the rail %.3f and %.3f", left, right);
  g_assert_cmpfloat (left, <, .02);
  g_assert_cmpfloat (right, <, .02);
  scene_clear (scene);
}

/* Wall that is seen through a loop of hair which the mask fills, a little warmer by the light that
 * comes through. */
static void
test_loop_of_hair (void)
{
  static const RtkPoint face[4] = {{145, 130}, {215, 130}, {215, 250}, {145, 250}};
  g_autofree Scene     *scene = g_new0 (Scene, 1);
  g_auto (RtkMatte) matte = {0};
  RtkMatteRequest request;
  double          alpha;

  scene_init (scene, 4);
  scene_paint_wall (scene, (Box){118, 170, 130, 200}, 20, 2);
  request = request_for (scene->mask);
  request.solid = face;
  request.n_solid = G_N_ELEMENTS (face);
  request.holes_above = 250;
  g_assert_true (rtk_matte_make (scene->picture, &request, &matte, NULL));
  alpha = mean_alpha (&matte, (Box){121, 174, 127, 196});
  g_test_message ("mean alpha of the loop %.3f", alpha);
  g_assert_cmpfloat (alpha, <, .15);
  scene_clear (scene);
}

/* A light top that the mask takes for wall, all within person that it sees. */
static void
test_light_top (void)
{
  g_autofree Scene *scene = g_new0 (Scene, 1);
  g_auto (RtkMatte) matte = {0};
  guint8         *pixels;
  RtkMatteRequest request;
  double          alpha;

  scene_init (scene, 4);
  pixels = (guint8 *)rtk_image_get_pixels (scene->picture);
  for (int y = 340; y < 460; y++) {
    for (int x = 130; x < 230; x++) {
      static const guint8 top[3] = {226, 231, 244};

      for (int c = 0; c < 3; c++)
        pixels[3 * (y * WIDTH + x) + c] = (guint8)(top[c] - (x * 7 + y * 5) % 9);
    }
  }
  scene_set_mask (
      scene,
      (Box){140 * MASK / WIDTH, 350 * MASK / HEIGHT, 220 * MASK / WIDTH, 450 * MASK / HEIGHT}, .3f);
  request = request_for (scene->mask);
  request.holes_above = 300;
  g_assert_true (rtk_matte_make (scene->picture, &request, &matte, NULL));
  alpha = mean_alpha (&matte, (Box){140, 350, 220, 450});
  g_test_message ("mean alpha of the top %.3f", alpha);
  g_assert_cmpfloat (alpha, >, .95);
  scene_clear (scene);
}

/* The wall of scene_init() without person and shadow, by a camera that has drifted by @gain, under
 * a lamp that makes it slope by @slope more. */
static RtkImage *
make_plate (const double gain[3], double slope)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (11);
  guint8 *pixels = g_malloc (WIDTH * HEIGHT * 3);

  for (int y = 0; y < HEIGHT; y++) {
    for (int x = 0; x < WIDTH; x++) {
      double light = 1 + (.08 + slope) * (x - 180.) / WIDTH - .05 * (y - 240.) / HEIGHT;

      for (int c = 0; c < 3; c++) {
        double value =
            (212 - 6 * c) * light * gain[c] + 4 * (g_rand_double (rand) + g_rand_double (rand) - 1);

        pixels[3 * (y * WIDTH + x) + c] = (guint8)CLAMP (value + .5, 0, 255);
      }
    }
  }
  return rtk_image_new_take (RTK_PIXEL_RGB24, WIDTH, HEIGHT, WIDTH * 3, pixels);
}

static void
test_plate (void)
{
  static const struct {
    double   gain[3];
    double   slope;
    gboolean fits;
  } cases[] = {
      {{1, 1, 1}, 0, TRUE},
      {{.94, .95, .94}, 0, TRUE},
      {{1.05, 1.04, 1.06}, .01, TRUE},
      {{1, 1, .8}, 0, FALSE},
      {{1, 1, 1}, -.4, FALSE},
      {{.5, .5, .5}, 0, FALSE},
      {{1.02, 1.02, 1.02}, .3, FALSE},
  };
  g_autofree Scene *scene = g_new0 (Scene, 1);
  g_auto (RtkMatte) without = {0};
  RtkMatteRequest request;

  scene_init (scene, 4);
  request = request_for (scene->mask);
  g_assert_true (rtk_matte_make (scene->picture, &request, &without, NULL));
  g_assert_false (without.plate_fits);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (RtkImage) plate = make_plate (cases[i].gain, cases[i].slope);
    g_auto (RtkMatte) matte = {0};

    request.plate = plate;
    g_assert_true (rtk_matte_make (scene->picture, &request, &matte, NULL));
    g_test_message ("plate %u: fits %d, mean error %.4f", i, matte.plate_fits,
                    mean_error (&matte, scene->truth));
    g_assert_cmpint (matte.plate_fits, ==, cases[i].fits);
    if (cases[i].fits)
      g_assert_cmpfloat (mean_error (&matte, scene->truth), <, .006);
    else
      g_assert_cmpmem (rtk_image_get_pixels (matte.alpha), WIDTH * HEIGHT,
                       rtk_image_get_pixels (without.alpha), WIDTH * HEIGHT);
  }
  scene_clear (scene);
}

/* A picture on the wall: without a plate it makes the wall busy, with one it is part of it. */
static void
test_plate_with_pattern (void)
{
  static const double gain[3] = {1.03, 1.02, 1.03};
  g_autofree Scene   *scene = g_new0 (Scene, 1);
  g_autoptr (RtkImage) plate = make_plate (gain, 0);
  g_auto (RtkMatte) matte = {0};
  guint8         *of_plate = (guint8 *)rtk_image_get_pixels (plate);
  guint8         *pixels;
  RtkMatteRequest request;

  scene_init (scene, 4);
  pixels = (guint8 *)rtk_image_get_pixels (scene->picture);
  for (int y = 0; y < HEIGHT; y++) {
    for (int x = 0; x < WIDTH; x++) {
      int    at = y * WIDTH + x;
      double paint = (x / 24 + y / 24) % 2 == 0 ? .72 : 1;

      for (int c = 0; c < 3; c++) {
        double wall = (1 - scene->truth[at]) * paint + scene->truth[at];

        pixels[3 * at + c] = (guint8)(pixels[3 * at + c] * wall);
        of_plate[3 * at + c] = (guint8)(of_plate[3 * at + c] * paint);
      }
    }
  }
  request = request_for (scene->mask);
  request.plate = plate;
  g_assert_true (rtk_matte_make (scene->picture, &request, &matte, NULL));
  g_assert_true (matte.plate_fits);
  g_assert_true (matte.is_plain);
  g_test_message ("mean error %.4f, of the mask %.4f", mean_error (&matte, scene->truth),
                  mask_error (scene));
  g_assert_cmpfloat (mean_error (&matte, scene->truth), <, mask_error (scene) / 2);
  scene_clear (scene);
}

static void
test_person_untouched (void)
{
  g_autofree Scene *scene = g_new0 (Scene, 1);
  g_autoptr (RtkImage) foreground = NULL;
  g_auto (RtkMatte) matte = {0};
  RtkMatteRequest request;
  int             n = 0;

  scene_init (scene, 4);
  request = request_for (scene->mask);
  g_assert_true (rtk_matte_make (scene->picture, &request, &matte, NULL));
  foreground = rtk_foreground_recover (scene->picture, matte.alpha, WIDTH);
  for (int i = 0; i < WIDTH * HEIGHT; i++) {
    if (rtk_image_get_pixels (matte.alpha)[i] != 255)
      continue;
    g_assert_cmpmem (rtk_image_get_pixels (foreground) + 3 * i, 3,
                     rtk_image_get_pixels (scene->picture) + 3 * i, 3);
    n++;
  }
  g_assert_cmpint (n, >, WIDTH * HEIGHT / 5);
  scene_clear (scene);
}

/* A spot of the wall's colour in the face stays face. */
static void
test_solid (void)
{
  static const RtkPoint face[4] = {{130, 120}, {230, 120}, {230, 250}, {130, 250}};
  g_autofree Scene     *scene = g_new0 (Scene, 1);
  g_auto (RtkMatte) matte = {0};
  g_autoptr (RtkImage) spotted = NULL;
  guint8         *pixels;
  RtkMatteRequest request;

  scene_init (scene, 4);
  pixels = g_memdup2 (rtk_image_get_pixels (scene->picture), WIDTH * HEIGHT * 3);
  for (int y = 140; y < 170; y++)
    memset (pixels + 3 * (y * WIDTH + 150), 205, 40 * 3);
  spotted = rtk_image_new_take (RTK_PIXEL_RGB24, WIDTH, HEIGHT, WIDTH * 3, pixels);
  request = request_for (scene->mask);
  request.solid = face;
  request.n_solid = G_N_ELEMENTS (face);
  request.holes_above = 300;
  g_assert_true (rtk_matte_make (spotted, &request, &matte, NULL));
  for (int y = 125; y < 245; y++) {
    for (int x = 135; x < 225; x++)
      g_assert_cmpint (rtk_image_get_pixels (matte.alpha)[y * WIDTH + x], ==, 255);
  }
  scene_clear (scene);
}

static void
test_nobody (void)
{
  g_autofree Scene *scene = g_new0 (Scene, 1);
  g_autofree float *empty = g_new0 (float, MASK *MASK);
  g_autoptr (GError) error = NULL;
  RtkMatte        matte;
  RtkMatteRequest request = request_for (empty);

  scene_init (scene, 4);
  g_assert_false (rtk_matte_make (scene->picture, &request, &matte, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_NO_PERSON);
  scene_clear (scene);
}

static void
test_busy_background (void)
{
  g_autofree Scene *scene = g_new0 (Scene, 1);
  g_auto (RtkMatte) matte = {0};
  RtkMatteRequest request;

  scene_init (scene, 160);
  request = request_for (scene->mask);
  g_assert_true (rtk_matte_make (scene->picture, &request, &matte, NULL));
  g_assert_false (matte.is_plain);
  g_assert_cmpfloat (matte.wall_sigma, >, .05);
  g_assert_cmpfloat (mean_error (&matte, scene->truth), <, 1.5 * mask_error (scene));
  scene_clear (scene);
}

/* All person, a picture of a few pixels, a flat one: nothing to learn from, and no division by it.
 */
static void
test_degenerate (void)
{
  static const struct {
    int   width, height;
    float mask;
  } cases[] = {{1, 1, 1}, {3, 7, 1}, {40, 30, 1}, {40, 30, .6f}, {700, 20, .7f}};

  for (guint k = 0; k < G_N_ELEMENTS (cases); k++) {
    gsize             n = (gsize)cases[k].width * cases[k].height;
    guint8           *pixels = g_malloc (3 * n);
    g_autofree float *mask = g_new (float, MASK *MASK);
    g_autoptr (RtkImage) foreground = NULL;
    g_autoptr (RtkImage) picture = NULL;
    g_auto (RtkMatte) matte = {0};
    RtkMatteRequest request;

    memset (pixels, 128, 3 * n);
    picture = rtk_image_new_take (RTK_PIXEL_RGB24, cases[k].width, cases[k].height,
                                  (gsize)cases[k].width * 3, pixels);
    for (int i = 0; i < MASK * MASK; i++)
      mask[i] = i % MASK < MASK / 8 ? 1 - cases[k].mask : cases[k].mask;
    request = request_for (mask);
    request.mask_rect = (RtkRect){0, 0, cases[k].width, cases[k].height};
    request.unit = 0;
    g_assert_true (rtk_matte_make (picture, &request, &matte, NULL));
    g_assert_cmpint (rtk_image_get_width (matte.alpha), ==, cases[k].width);
    foreground = rtk_foreground_recover (picture, matte.alpha, 360);
    g_assert_cmpint (rtk_image_get_height (foreground), ==, cases[k].height);
  }
}

static gpointer
make_in_thread (gpointer data)
{
  Scene          *scene = data;
  RtkMatte       *matte = g_new0 (RtkMatte, 1);
  RtkMatteRequest request = request_for (scene->mask);

  g_assert_true (rtk_matte_make (scene->picture, &request, matte, NULL));
  return matte;
}

static void
test_same_bytes_in_every_thread (void)
{
  g_autofree Scene *scene = g_new0 (Scene, 1);
  GThread          *threads[3];
  RtkMatte         *mattes[3];

  scene_init (scene, 4);
  for (int i = 0; i < 3; i++)
    threads[i] = g_thread_new ("matte", make_in_thread, scene);
  for (int i = 0; i < 3; i++)
    mattes[i] = g_thread_join (threads[i]);
  for (int i = 1; i < 3; i++) {
    g_assert_cmpmem (rtk_image_get_pixels (mattes[0]->alpha), WIDTH * HEIGHT,
                     rtk_image_get_pixels (mattes[i]->alpha), WIDTH * HEIGHT);
  }
  for (int i = 0; i < 3; i++) {
    rtk_matte_clear (mattes[i]);
    g_free (mattes[i]);
  }
  scene_clear (scene);
}

static RtkImage *
load_part (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, "p3m", name, NULL);
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (RtkImage) image = NULL;
  g_autoptr (GError) error = NULL;
  char   *data;
  gsize   size;
  RtkCrop crop = {0, 0, 0, WIDTH, HEIGHT};

  if (!g_file_get_contents (path, &data, &size, NULL))
    return NULL;
  bytes = g_bytes_new_take (data, size);
  image = rtk_codec_decode (bytes, NULL, &error);
  g_assert_no_error (error);
  crop.scale = floor (65536. * rtk_image_get_height (image) / HEIGHT) / 65536.;
  crop.x = floor ((rtk_image_get_width (image) - crop.scale * WIDTH) / 2);
  return rtk_resample (image, &crop);
}

/* A published matte and its picture, put in front of a made wall: the truth is exact. */
static gboolean
scene_from_data (Scene *self, const char *folder, const char *name)
{
  g_autofree char *picture_name = g_strconcat (name, ".jpg", NULL);
  g_autofree char *alpha_name = g_strconcat (name, "_alpha_p3mnetvitae.png", NULL);
  g_autoptr (RtkImage) picture = load_part (folder, picture_name);
  g_autoptr (RtkImage) alpha = load_part (folder, alpha_name);
  g_autoptr (GRand) rand = g_rand_new_with_seed (4);
  guint8 *pixels;

  if (picture == NULL || alpha == NULL)
    return FALSE;
  pixels = g_malloc (WIDTH * HEIGHT * 3);
  for (int i = 0; i < WIDTH * HEIGHT; i++) {
    self->truth[i] = (float)rtk_image_get_pixels (alpha)[3 * i] / 255;
    for (int c = 0; c < 3; c++) {
      double wall = 205 - 4 * c + 12. * (i % WIDTH) / WIDTH + 3 * g_rand_double (rand);
      double value =
          self->truth[i] * rtk_image_get_pixels (picture)[3 * i + c] + (1 - self->truth[i]) * wall;

      pixels[3 * i + c] = (guint8)CLAMP (value + .5, 0, 255);
    }
  }
  self->picture = rtk_image_new_take (RTK_PIXEL_RGB24, WIDTH, HEIGHT, WIDTH * 3, pixels);
  fill_mask (self);
  return TRUE;
}

static void
test_real_people (void)
{
  static const char *const names[] = {"p_0865636e", "p_514ca06a", "p_819ea202", "p_a09f6d7a"};
  const char              *folder = g_getenv ("RTK_TESTDATA");
  double                   sum = 0, sum_of_mask = 0;

  if (folder == NULL) {
    g_test_skip ("RTK_TESTDATA is not set: no p3m pictures");
    return;
  }
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree Scene *scene = g_new0 (Scene, 1);
    g_auto (RtkMatte) matte = {0};
    RtkMatteRequest request;

    if (!scene_from_data (scene, folder, names[i])) {
      g_test_skip ("RTK_TESTDATA has no folder p3m");
      return;
    }
    request = request_for (scene->mask);
    g_assert_true (rtk_matte_make (scene->picture, &request, &matte, NULL));
    g_assert_true (matte.is_plain);
    g_test_message ("%s: mean error %.4f, of the mask %.4f", names[i],
                    mean_error (&matte, scene->truth), mask_error (scene));
    sum += mean_error (&matte, scene->truth);
    sum_of_mask += mask_error (scene);
    scene_clear (scene);
  }
  g_assert_cmpfloat (sum / G_N_ELEMENTS (names), <, .007);
  g_assert_cmpfloat (sum, <, sum_of_mask / 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vision/matte/plain-wall", test_plain_wall);
  g_test_add_func ("/vision/matte/island", test_island);
  g_test_add_func ("/vision/matte/gap-beside-arm", test_gap_beside_arm);
  g_test_add_func ("/vision/matte/end-of-lock", test_end_of_lock);
  g_test_add_func ("/vision/matte/shining-hair", test_shining_hair);
  g_test_add_func ("/vision/matte/rail", test_rail);
  g_test_add_func ("/vision/matte/loop-of-hair", test_loop_of_hair);
  g_test_add_func ("/vision/matte/light-top", test_light_top);
  g_test_add_func ("/vision/matte/plate", test_plate);
  g_test_add_func ("/vision/matte/plate-with-pattern", test_plate_with_pattern);
  g_test_add_func ("/vision/matte/person-untouched", test_person_untouched);
  g_test_add_func ("/vision/matte/solid", test_solid);
  g_test_add_func ("/vision/matte/nobody", test_nobody);
  g_test_add_func ("/vision/matte/busy-background", test_busy_background);
  g_test_add_func ("/vision/matte/degenerate", test_degenerate);
  g_test_add_func ("/vision/matte/same-bytes-in-every-thread", test_same_bytes_in_every_thread);
  g_test_add_func ("/vision/matte/real-people", test_real_people);
  return g_test_run ();
}
