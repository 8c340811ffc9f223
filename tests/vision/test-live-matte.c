/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vision/rtk-analyse.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-live-matte.h"
#include "vision/rtk-networks.h"
#include "vision/rtk-resample.h"

#include <math.h>
#include <string.h>

#define WIDTH 1280
#define HEIGHT 720
#define OUT_WIDTH 480
#define OUT_HEIGHT 640

static const guint8  blue[3] = {100, 197, 255};
static const RtkCrop usual = {400., 40., 1., OUT_WIDTH, OUT_HEIGHT};

/* A made person before a made wall, of which everything is known: an ellipse on shoulders, darker
 * than the wall, with stripes of cloth; edges two pixels wide. */
typedef struct {
  double   x;          /* of the head's middle */
  double   noise;      /* of the camera, levels */
  double   mask_noise; /* of the network where it is not sure */
  gboolean busy;       /* whether the wall is not plain */
} Scene;

static double
get_truth (double x, double y, double middle)
{
  double head = hypot ((x - middle) / 110., (y - 260.) / 150.);
  double body = hypot ((x - middle) / 210., (y - 720.) / 260.);
  double edge = MAX ((1. - head) * 110., (1. - body) * 210.);

  return CLAMP (edge / 2. + .5, 0., 1.);
}

/* Mean 0, deviation 1; a generator that is fast, since there are millions of pixels. */
static double
draw_noise (guint32 *seed)
{
  *seed ^= *seed << 13;
  *seed ^= *seed >> 17;
  *seed ^= *seed << 5;
  return ((double)(*seed & 0xffff) + (double)(*seed >> 16) - 65535.) / (65535. * .408);
}

static RtkImage *
make_frame (const Scene *scene, guint32 *seed)
{
  guint8 *pixels = g_malloc (4 * WIDTH * HEIGHT);

  for (int y = 0; y < HEIGHT; y++) {
    for (int x = 0; x < WIDTH; x++) {
      double  alpha = get_truth (x + .5, y + .5, scene->x);
      double  light = 1. - .1 * x / WIDTH - .05 * y / HEIGHT;
      double  wall = scene->busy && (x / 24 + y / 24) % 2 == 0 ? 90. : 215.;
      double  stripe = y > 440 ? 12. * sin ((x - scene->x) / 5.) : 0.;
      double  person[3] = {70. + stripe, 60. + stripe, 100. + stripe};
      guint8 *to = pixels + 4 * (y * WIDTH + x);

      for (int c = 0; c < 3; c++)
        to[c] = (guint8)CLAMP (alpha * person[c] + (1. - alpha) * light * (wall + 4. * c) +
                                   scene->noise * draw_noise (seed) + .5,
                               0., 255.);
      to[3] = 255;
    }
  }
  return rtk_image_new_take (RTK_PIXEL_BGRA32, WIDTH, HEIGHT, 4 * WIDTH, pixels);
}

/* What the network would say: the truth, coarse, soft and never quite the same. */
static float *
make_mask (const Scene *scene, guint32 *seed)
{
  float *mask = g_new (float, RTK_MASK_SIZE *RTK_MASK_SIZE);

  for (int i = 0; i < RTK_MASK_SIZE * RTK_MASK_SIZE; i++) {
    double x = (i % RTK_MASK_SIZE + .5) * WIDTH / RTK_MASK_SIZE;
    double y = (i / RTK_MASK_SIZE + .5) * HEIGHT / RTK_MASK_SIZE;
    double sum = 0.;

    for (int k = 0; k < 9; k++)
      sum += get_truth (x + (k % 3 - 1) * 7., y + (k / 3 - 1) * 7., scene->x) / 9.;
    sum += scene->mask_noise * draw_noise (seed) * 4. * sum * (1. - sum);
    mask[i] = (float)CLAMP (sum, 0., 1.);
  }
  return mask;
}

static RtkImage *
make (RtkLiveMatte *matte, const Scene *scene, const RtkCrop *crop, guint32 *seed)
{
  g_autoptr (RtkImage) frame = make_frame (scene, seed);
  g_autofree float *mask = make_mask (scene, seed);
  g_autoptr (GError) error = NULL;
  RtkImage *image = rtk_live_matte_make (matte, frame, mask, crop, blue, &error);

  g_assert_no_error (error);
  g_assert_cmpint (rtk_image_get_width (image), ==, crop->out_width);
  g_assert_cmpint (rtk_image_get_height (image), ==, crop->out_height);
  g_assert_cmpint (rtk_image_get_format (image), ==, RTK_PIXEL_BGRA32);
  return image;
}

static double
get_error (const RtkLiveMatte *matte, const Scene *scene)
{
  const guint8 *alpha = rtk_live_matte_get_alpha (matte);
  RtkCrop       crop;
  double        sum = 0.;

  rtk_live_matte_get_crop (matte, &crop);
  for (int i = 0; i < OUT_WIDTH * OUT_HEIGHT; i++)
    sum +=
        fabs (alpha[i] / 255. - get_truth (crop.x + (i % OUT_WIDTH + .5) * crop.scale,
                                           crop.y + (i / OUT_WIDTH + .5) * crop.scale, scene->x));
  return sum / (OUT_WIDTH * OUT_HEIGHT);
}

/* Mean change of alpha from one frame to the next, levels; *out_band of where it is soft. */
static double
get_change (const guint8 *before, const guint8 *now, double *out_band)
{
  double sum = 0.;
  double band = 0.;
  guint  n_band = 0;

  for (int i = 0; i < OUT_WIDTH * OUT_HEIGHT; i++) {
    int change = ABS (now[i] - before[i]);

    sum += change;
    if ((now[i] > 5 && now[i] < 250) || (before[i] > 5 && before[i] < 250)) {
      band += change;
      n_band++;
    }
  }
  *out_band = band / MAX (1, n_band);
  return sum / (OUT_WIDTH * OUT_HEIGHT);
}

/* A plain wall: alpha near the truth, wall all blue, person untouched, no wall left at the edge. */
static void
test_truth (void)
{
  const Scene scene = {640., 2., .1, FALSE};
  guint32     seed = 7;
  g_autoptr (RtkLiveMatte) matte = rtk_live_matte_new ();
  g_autoptr (RtkImage) image = make (matte, &scene, &usual, &seed);
  const guint8 *alpha = rtk_live_matte_get_alpha (matte);
  const guint8 *pixels = rtk_image_get_pixels (image);
  double        fringe = 0.;
  guint         n_fringe = 0;

  g_test_message ("mean error of alpha %.4f", get_error (matte, &scene));
  g_assert_cmpfloat (get_error (matte, &scene), <, .004);
  for (int i = 0; i < OUT_WIDTH * OUT_HEIGHT; i++) {
    double truth = get_truth (usual.x + i % OUT_WIDTH + .5, usual.y + i / OUT_WIDTH + .5, scene.x);

    g_assert_cmpint (pixels[4 * i + 3], ==, 255);
    if (alpha[i] == 0)
      for (int c = 0; c < 3; c++)
        g_assert_cmpint (pixels[4 * i + c], ==, blue[2 - c]);
    /* In front of blue (red 100) a fringe of wall (red 215) is brighter than both. */
    if (truth > 0. && truth < 1.) {
      fringe += MAX (0, pixels[4 * i + 2] - 108);
      n_fringe++;
    }
  }
  g_test_message ("fringe %.2f levels", fringe / n_fringe);
  g_assert_cmpfloat (fringe / n_fringe, <, 6.);
}

/* Without a plain wall the mask's own outline is taken. */
static void
test_busy (void)
{
  const Scene scene = {640., 2., 0., TRUE};
  guint32     seed = 7;
  g_autoptr (RtkLiveMatte) matte = rtk_live_matte_new ();
  g_autoptr (RtkImage) image = make (matte, &scene, &usual, &seed);

  g_test_message ("mean error of alpha %.4f", get_error (matte, &scene));
  g_assert_cmpfloat (get_error (matte, &scene), <, .012);
}

/* A person who stands still: noise of camera and network from frame to frame, and an outline that
 * hardly trembles; at most half of what it would do if every frame were the first. */
static void
test_steady (void)
{
  const Scene scene = {640., 3., .25, FALSE};
  guint32     seed = 7;
  g_autoptr (RtkLiveMatte) matte = rtk_live_matte_new ();
  g_autoptr (RtkLiveMatte) forgetful = rtk_live_matte_new ();
  g_autofree guint8 *before = g_malloc (OUT_WIDTH * OUT_HEIGHT);
  g_autofree guint8 *forgetful_before = g_malloc (OUT_WIDTH * OUT_HEIGHT);
  double             change = 0., band = 0., other = 0., part;
  const int          n = 12;

  for (int i = 0; i < n + 4; i++) {
    g_autoptr (RtkImage) frame = make_frame (&scene, &seed);
    g_autofree float *mask = make_mask (&scene, &seed);
    g_autoptr (RtkImage) one = rtk_live_matte_make (matte, frame, mask, &usual, blue, NULL);
    g_autoptr (RtkImage) two = NULL;

    rtk_live_matte_reset (forgetful);
    two = rtk_live_matte_make (forgetful, frame, mask, &usual, blue, NULL);
    g_assert_true (one != NULL && two != NULL);
    if (i >= 4) {
      change += get_change (before, rtk_live_matte_get_alpha (matte), &part) / n;
      band += part / n;
      other += get_change (forgetful_before, rtk_live_matte_get_alpha (forgetful), &part) / n;
    }
    memcpy (before, rtk_live_matte_get_alpha (matte), OUT_WIDTH * OUT_HEIGHT);
    memcpy (forgetful_before, rtk_live_matte_get_alpha (forgetful), OUT_WIDTH * OUT_HEIGHT);
  }
  g_test_message ("change %.3f levels, %.2f in the band; without memory %.3f", change, band, other);
  g_assert_cmpfloat (change, <, .15);
  g_assert_cmpfloat (band, <, 4.);
  g_assert_cmpfloat (change, <, .5 * other);
}

/* A person who walks past: what is kept of the frame before must not lag behind them. */
static void
test_moving (void)
{
  guint32 seed = 7;
  g_autoptr (RtkLiveMatte) matte = rtk_live_matte_new ();
  g_autoptr (RtkLiveMatte) fresh = rtk_live_matte_new ();

  for (int i = 0; i < 8; i++) {
    const Scene scene = {590. + 12. * i, 2., .1, FALSE};
    g_autoptr (RtkImage) frame = make_frame (&scene, &seed);
    g_autofree float *mask = make_mask (&scene, &seed);
    g_autoptr (RtkImage) one = rtk_live_matte_make (matte, frame, mask, &usual, blue, NULL);
    g_autoptr (RtkImage) two = NULL;
    double with_past;

    rtk_live_matte_reset (fresh);
    two = rtk_live_matte_make (fresh, frame, mask, &usual, blue, NULL);
    g_assert_true (one != NULL && two != NULL);
    with_past = get_error (matte, &scene);
    g_test_message ("mean error %.4f, of a first frame %.4f", with_past, get_error (fresh, &scene));
    g_assert_cmpfloat (with_past, <, get_error (fresh, &scene) + .001);
  }
}

/* A crop that creeps is held, one that jumps is followed; another size or camera begins anew. */
static void
test_crop (void)
{
  const Scene scene = {640., 2., .1, FALSE};
  guint32     seed = 7;
  g_autoptr (RtkLiveMatte) matte = rtk_live_matte_new ();
  RtkCrop   crop = usual;
  RtkCrop   held;
  RtkImage *image = make (matte, &scene, &crop, &seed);

  rtk_image_unref (image);
  crop.x += 3.2;
  crop.scale *= 1.004;
  image = make (matte, &scene, &crop, &seed);
  rtk_live_matte_get_crop (matte, &held);
  g_assert_cmpfloat_with_epsilon (held.x, usual.x, 1e-9);
  g_assert_cmpfloat_with_epsilon (held.scale, usual.scale, 1e-9);
  rtk_image_unref (image);
  crop.x += 10.;
  image = make (matte, &scene, &crop, &seed);
  rtk_live_matte_get_crop (matte, &held);
  g_assert_cmpfloat_with_epsilon (held.x, crop.x, .51);
  g_assert_cmpfloat (get_error (matte, &scene), <, .004);
  rtk_image_unref (image);
  /* A size that is no multiple of a cell, and one larger than the frame has pixels for. */
  crop = (RtkCrop){380., 20., .77, 413, 626};
  image = make (matte, &scene, &crop, &seed);
  rtk_image_unref (image);
  crop = (RtkCrop){0., 0., 3., 480, 640};
  image = make (matte, &scene, &crop, &seed);
  rtk_image_unref (image);
}

/* The real networks on a real portrait before a plain wall. */
static void
test_portrait (void)
{
  const char      *testdata = g_getenv ("RTK_TESTDATA");
  g_autofree char *path = NULL;
  g_autofree char *data = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (RtkImage) portrait = NULL;
  g_autoptr (RtkImage) scaled = NULL;
  g_autoptr (RtkNetworks) networks = NULL;
  g_autoptr (RtkTracker) tracker = rtk_tracker_new ();
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (RtkLiveMatte) matte = rtk_live_matte_new ();
  guint32 seed = 7;
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *before = g_malloc (OUT_WIDTH * OUT_HEIGHT);
  RtkCrop            cut = {.out_width = HEIGHT, .out_height = HEIGHT};
  double             change = 0., band = 0., part;
  gsize              size;
  const int          n = 10;

  if (testdata == NULL) {
    g_test_skip ("RTK_TESTDATA is not set: london");
    return;
  }
  path = g_build_filename (testdata, "london", "001_neutral.jpg", NULL);
  if (!g_file_get_contents (path, &data, &size, NULL)) {
    g_test_skip ("RTK_TESTDATA has no folder london");
    return;
  }
  bytes = g_bytes_new_take (g_steal_pointer (&data), size);
  portrait = rtk_codec_decode (bytes, NULL, &error);
  g_assert_no_error (error);
  cut.scale = floor (65536. * rtk_image_get_height (portrait) / HEIGHT) / 65536.;
  scaled = rtk_resample (portrait, &cut);
  networks = rtk_networks_new (g_getenv ("RTK_MODELS_DIR"), &error);
  g_assert_no_error (error);
  for (int i = 0; i < n + 6; i++) {
    guint8 *pixels = g_malloc (4 * WIDTH * HEIGHT);
    g_autoptr (RtkImage) image = NULL;
    g_autoptr (RtkFrame) frame = NULL;
    g_autoptr (RtkAnalysis) analysis = NULL;
    g_autoptr (RtkImage) preview = NULL;
    RtkCrop crop;

    for (int k = 0; k < WIDTH * HEIGHT; k++) {
      int           x = CLAMP (k % WIDTH - (WIDTH - HEIGHT) / 2, 0, HEIGHT - 1);
      const guint8 *from = rtk_image_get_pixels (scaled) +
                           (gsize)(k / WIDTH) * rtk_image_get_stride (scaled) + 3 * x;

      for (int c = 0; c < 3; c++)
        pixels[4 * k + c] = (guint8)CLAMP (from[2 - c] + 3. * draw_noise (&seed) + .5, 0., 255.);
      pixels[4 * k + 3] = 255;
    }
    image = rtk_image_new_take (RTK_PIXEL_BGRA32, WIDTH, HEIGHT, 4 * WIDTH, pixels);
    frame = rtk_frame_new (image, (guint64)i + 1, (i + 1) * (G_USEC_PER_SEC / 30));
    analysis = rtk_vision_analyse_frame (networks, tracker, frame, &error);
    g_assert_no_error (error);
    g_assert_true (rtk_geometry_find_crop (pack, &analysis->head, WIDTH, HEIGHT, &crop, NULL));
    preview = rtk_live_matte_make (matte, image, rtk_networks_get_last_mask (networks), &crop, blue,
                                   &error);
    g_assert_no_error (error);
    if (i >= 6) {
      change += get_change (before, rtk_live_matte_get_alpha (matte), &part) / n;
      band += part / n;
    }
    memcpy (before, rtk_live_matte_get_alpha (matte), OUT_WIDTH * OUT_HEIGHT);
  }
  g_test_message ("change %.3f levels, %.2f in the band", change, band);
  g_assert_cmpfloat (change, <, .5);
  g_assert_cmpfloat (band, <, 5.);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vision/live-matte/truth", test_truth);
  g_test_add_func ("/vision/live-matte/busy", test_busy);
  g_test_add_func ("/vision/live-matte/steady", test_steady);
  g_test_add_func ("/vision/live-matte/moving", test_moving);
  g_test_add_func ("/vision/live-matte/crop", test_crop);
  g_test_add_func ("/vision/live-matte/portrait", test_portrait);
  return g_test_run ();
}
