/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "vision/rtk-analyse.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-vision-analyser.h"

#include <math.h>
#include <string.h>

/* The public-domain portrait, centred on a canvas of the size of a preview frame. */
static RtkImage *
make_frame_image (int shift)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "fixtures", "astronaut.png", NULL);
  g_autofree char *data = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (RtkImage) portrait = NULL;
  g_autoptr (GError) error = NULL;
  const int     width = 1280;
  const int     height = 720;
  guint8       *pixels = g_malloc (4 * (gsize)width * height);
  gsize         size;
  const guint8 *from;

  g_assert_true (g_file_get_contents (path, &data, &size, &error));
  bytes = g_bytes_new_take (g_steal_pointer (&data), size);
  portrait = rtk_codec_decode (bytes, NULL, &error);
  g_assert_no_error (error);
  from = rtk_image_get_pixels (portrait);
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++) {
      int           column = CLAMP (x - 384 - shift, 0, rtk_image_get_width (portrait) - 1);
      int           row = CLAMP (y - 104, 0, rtk_image_get_height (portrait) - 1);
      const guint8 *pixel = from + row * rtk_image_get_stride (portrait) + 3 * (gsize)column;
      guint8       *to = pixels + 4 * ((gsize)y * width + x);

      to[0] = pixel[2];
      to[1] = pixel[1];
      to[2] = pixel[0];
      to[3] = 255;
    }
  }
  return rtk_image_new_take (RTK_PIXEL_BGRA32, width, height, 4 * (gsize)width, pixels);
}

static RtkFrame *
make_frame (int shift, guint64 serial)
{
  g_autoptr (RtkImage) image = make_frame_image (shift);

  return rtk_frame_new (image, serial, g_get_monotonic_time ());
}

static RtkFrame *
make_empty_frame (guint64 serial)
{
  guint8 *pixels = g_malloc (4 * 1280 * 720);
  g_autoptr (RtkImage) image = NULL;

  memset (pixels, 200, 4 * 1280 * 720);
  image = rtk_image_new_take (RTK_PIXEL_BGRA32, 1280, 720, 4 * 1280, pixels);
  return rtk_frame_new (image, serial, g_get_monotonic_time ());
}

typedef struct {
  guint        n_done;
  guint        n_cancelled;
  RtkAnalysis *last; /* (owned) */
} Answers;

static void
analysed_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  Answers *answers = user_data;
  g_autoptr (GError) error = NULL;
  RtkAnalysis *analysis = rtk_analyser_analyse_finish (RTK_ANALYSER (object), result, &error);

  if (analysis == NULL) {
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    answers->n_cancelled++;
  } else {
    g_clear_pointer (&answers->last, rtk_analysis_unref);
    answers->last = analysis;
  }
  answers->n_done++;
}

static void
wait_for (const guint *count, guint wanted)
{
  while (*count < wanted)
    g_main_context_iteration (NULL, TRUE);
}

/* Lets the last references that wait on the main context go. */
static void
drain (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static RtkVisionAnalyser *
make_analyser (void)
{
  return rtk_vision_analyser_new (g_getenv ("RTK_MODELS_DIR"));
}

/* Frames pushed faster than they can be measured: the newest is measured, those that waited end as
 * cancelled, and every call is answered once. */
static void
test_newest_wins (void)
{
  g_autoptr (RtkVisionAnalyser) analyser = make_analyser ();
  RtkFrame *frames[8];
  Answers   answers = {0};

  for (guint i = 0; i < G_N_ELEMENTS (frames); i++)
    frames[i] = make_frame (0, 100 + i);
  for (guint i = 0; i < G_N_ELEMENTS (frames); i++)
    rtk_analyser_analyse_async (RTK_ANALYSER (analyser), frames[i], NULL, analysed_cb, &answers);
  wait_for (&answers.n_done, G_N_ELEMENTS (frames));
  /* The first may have been taken before the second came. */
  g_assert_cmpuint (answers.n_cancelled, >=, G_N_ELEMENTS (frames) - 2);
  g_assert_cmpuint (answers.n_cancelled, <, G_N_ELEMENTS (frames));
  g_assert_cmpuint (answers.last->serial, ==, 107);
  g_assert_cmpuint (answers.last->n_faces, ==, 1);
  g_assert_true (answers.last->faces[0].has_points);
  g_assert_cmpfloat (answers.last->total_ms, >=, answers.last->networks_ms);
  rtk_analysis_unref (answers.last);
  drain ();
  g_assert_finalize_object (g_steal_pointer (&analyser));
  for (guint i = 0; i < G_N_ELEMENTS (frames); i++)
    rtk_frame_unref (frames[i]);
}

static void
test_cancelled (void)
{
  g_autoptr (RtkVisionAnalyser) analyser = make_analyser ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (RtkFrame) frame = make_empty_frame (1);
  Answers answers = {0};

  g_cancellable_cancel (cancellable);
  rtk_analyser_analyse_async (RTK_ANALYSER (analyser), frame, cancellable, analysed_cb, &answers);
  wait_for (&answers.n_done, 1);
  g_assert_cmpuint (answers.n_cancelled, ==, 1);
  drain ();
  g_assert_finalize_object (g_steal_pointer (&analyser));
}

static void
failed_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  guint *n = user_data;
  g_autoptr (GError) error = NULL;

  g_assert_null (rtk_analyser_analyse_finish (RTK_ANALYSER (object), result, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_MODEL_MISSING);
  (*n)++;
}

static void
test_no_models (void)
{
  g_autoptr (RtkVisionAnalyser) analyser = rtk_vision_analyser_new ("/nonexistent");
  g_autoptr (RtkFrame) frame = make_empty_frame (1);
  guint n = 0;

  for (guint i = 1; i <= 2; i++) {
    rtk_analyser_analyse_async (RTK_ANALYSER (analyser), frame, NULL, failed_cb, &n);
    wait_for (&n, i);
  }
  drain ();
  g_assert_finalize_object (g_steal_pointer (&analyser));
}

/* A face is followed from frame to frame, lost when it leaves, and found again. */
static void
test_follow (void)
{
  g_autoptr (RtkNetworks) networks = NULL;
  g_autoptr (RtkTracker) tracker = rtk_tracker_new ();
  g_autoptr (GError) error = NULL;
  double first = 0.;

  networks = rtk_networks_new (g_getenv ("RTK_MODELS_DIR"), &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 30; i++) {
    gboolean away = i >= 15 && i < 18;
    g_autoptr (RtkFrame) frame = away ? make_empty_frame (i) : make_frame (4 * (int)i, i);
    g_autoptr (RtkAnalysis) analysis = rtk_vision_analyse_frame (networks, tracker, frame, &error);

    g_assert_no_error (error);
    g_assert_cmpuint (analysis->serial, ==, i);
    g_assert_cmpuint (analysis->n_faces, ==, away ? 0 : 1);
    if (away) {
      g_assert_false (analysis->has_head);
      g_assert_false (analysis->measures[RTK_CHECK_POSE_YAW].known);
      continue;
    }
    g_assert_true (analysis->has_head && analysis->has_shoulders);
    if (i == 0)
      first = analysis->head.eye_mid.x;
    /* The smoothed head is never more than two steps behind. */
    g_assert_cmpfloat (fabs (analysis->head.eye_mid.x - first - 4. * i), <, 8.);
    g_assert_cmpfloat (analysis->faces[0].box.width, >, 60.);
    g_assert_cmpfloat (analysis->faces[0].box.width, <, 130.);
  }
}

/* Followed or looked at afresh, the same picture gives the same numbers. */
static void
test_steady (void)
{
  g_autoptr (RtkNetworks) networks = NULL;
  g_autoptr (RtkTracker) tracker = rtk_tracker_new ();
  g_autoptr (RtkFrame) frame = make_frame (0, 1);
  g_autoptr (RtkAnalysis) still = NULL;
  g_autoptr (GError) error = NULL;

  networks = rtk_networks_new (g_getenv ("RTK_MODELS_DIR"), &error);
  g_assert_no_error (error);
  still = rtk_vision_analyse_picture (networks, frame->image, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 14; i++) {
    g_autoptr (RtkAnalysis) live = rtk_vision_analyse_frame (networks, tracker, frame, &error);

    g_assert_no_error (error);
    g_assert_cmpfloat_with_epsilon (live->head.eye_mid.x, still->head.eye_mid.x, 0.5);
    g_assert_cmpfloat_with_epsilon (live->head.hair_top, still->head.hair_top, 1.);
    g_assert_cmpfloat_with_epsilon (live->faces[0].yaw, still->faces[0].yaw, 1.);
    g_assert_cmpfloat_with_epsilon (live->measures[RTK_CHECK_MOUTH_CLOSED].value,
                                    still->measures[RTK_CHECK_MOUTH_CLOSED].value, 0.02);
    /* The box moves along with the mesh. */
    g_assert_cmpfloat_with_epsilon (live->faces[0].box.x, still->faces[0].box.x, 6.);
  }
}

/* A camera that changes its mode gives frames of another size: what was remembered in the pixels of
 * the old ones, here the shoulders, must not be found in the new ones. */
static void
test_other_size (void)
{
  g_autoptr (RtkNetworks) networks = NULL;
  g_autoptr (RtkTracker) tracker = rtk_tracker_new ();
  g_autoptr (RtkFrame) large = make_frame (0, 1);
  g_autoptr (RtkImage) image = make_frame_image (-16);
  g_autoptr (RtkImage) part = NULL;
  g_autoptr (RtkFrame) small = NULL;
  g_autoptr (RtkAnalysis) still = NULL;
  g_autoptr (RtkAnalysis) live = NULL;
  g_autoptr (GError) error = NULL;

  networks = rtk_networks_new (g_getenv ("RTK_MODELS_DIR"), &error);
  g_assert_no_error (error);
  part = rtk_image_new (RTK_PIXEL_BGRA32, 1200, 700, rtk_image_get_stride (image),
                        rtk_image_get_bytes (image));
  small = rtk_frame_new (part, 2, g_get_monotonic_time ());
  still = rtk_vision_analyse_picture (networks, part, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 3; i++) {
    g_autoptr (RtkAnalysis) before = rtk_vision_analyse_frame (networks, tracker, large, &error);

    g_assert_no_error (error);
    g_assert_true (before->has_shoulders);
  }
  live = rtk_vision_analyse_frame (networks, tracker, small, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (live->n_faces, ==, 1);
  for (int i = 0; i < 2; i++) {
    g_assert_cmpfloat_with_epsilon (live->head.shoulders[i].x, still->head.shoulders[i].x, 1.);
    g_assert_cmpfloat_with_epsilon (live->head.shoulders[i].y, still->head.shoulders[i].y, 1.);
  }
  g_assert_cmpfloat_with_epsilon (live->head.eye_mid.x, still->head.eye_mid.x, 0.5);
}

typedef struct {
  guint     n;
  guint     n_empty;
  RtkImage *last; /* (owned) (nullable) */
} Previews;

static void
preview_cb (RtkAnalyser *analyser, RtkImage *image, gpointer user_data)
{
  Previews *previews = user_data;

  g_clear_pointer (&previews->last, rtk_image_unref);
  if (image != NULL)
    previews->last = rtk_image_ref (image);
  previews->n++;
  previews->n_empty += image == NULL;
}

static void
analyse_one (RtkVisionAnalyser *analyser, RtkFrame *frame, Answers *answers)
{
  guint n = answers->n_done;

  rtk_analyser_analyse_async (RTK_ANALYSER (analyser), frame, NULL, analysed_cb, answers);
  wait_for (&answers->n_done, n + 1);
}

/* The finished photo is shown for live frames while it is asked for, one at a time, and nothing of
 * a person who has left; the analyser may go while one is on its way. */
static void
test_preview (void)
{
  g_autoptr (RtkVisionAnalyser) analyser = make_analyser ();
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  const RtkBackground *blue = rtk_rule_pack_find_background (pack, "blue");
  g_autoptr (RtkFrame) frame = make_frame (0, 1);
  g_autoptr (RtkFrame) empty = make_empty_frame (2);
  const guint8 *pixel;
  Answers       answers = {0};
  Previews      previews = {0};

  g_signal_connect (analyser, "preview", G_CALLBACK (preview_cb), &previews);
  analyse_one (analyser, frame, &answers);
  rtk_analyser_set_preview (RTK_ANALYSER (analyser), pack, blue);
  analyse_one (analyser, frame, &answers);
  wait_for (&previews.n, 1);
  g_assert_nonnull (previews.last);
  g_assert_cmpint (rtk_image_get_width (previews.last), ==, 480);
  g_assert_cmpint (rtk_image_get_height (previews.last), ==, 640);
  g_assert_cmpint (rtk_image_get_format (previews.last), ==, RTK_PIXEL_BGRA32);
  pixel = rtk_image_get_pixels (previews.last) + 4 * 470;
  for (int c = 0; c < 3; c++)
    g_assert_cmpint (pixel[c], ==, blue->rgb[2 - c]);
  analyse_one (analyser, empty, &answers);
  wait_for (&previews.n, 2);
  g_assert_cmpuint (previews.n_empty, ==, 1);
  /* Pushed as fast as they are measured: some are left out, and those that come are one a frame. */
  for (int i = 0; i < 5; i++)
    analyse_one (analyser, frame, &answers);
  wait_for (&previews.n, 3);
  g_assert_cmpuint (previews.n, <=, 7);
  rtk_analyser_set_preview (RTK_ANALYSER (analyser), NULL, NULL);
  drain ();
  previews.n = 0;
  analyse_one (analyser, frame, &answers);
  analyse_one (analyser, frame, &answers);
  drain ();
  g_assert_cmpuint (previews.n, ==, 0);
  rtk_analyser_set_preview (RTK_ANALYSER (analyser), pack, blue);
  rtk_analyser_analyse_async (RTK_ANALYSER (analyser), frame, NULL, analysed_cb, &answers);
  wait_for (&answers.n_done, answers.n_done + 1);
  g_clear_pointer (&previews.last, rtk_image_unref);
  rtk_analysis_unref (answers.last);
  g_object_add_weak_pointer (G_OBJECT (analyser), (gpointer *)&analyser);
  g_object_unref (analyser);
  while (analyser != NULL)
    g_main_context_iteration (NULL, TRUE);
  drain ();
  g_clear_pointer (&previews.last, rtk_image_unref);
}

typedef struct {
  guint     n_done;
  RtkPhoto *photo; /* (owned) */
  GError   *error; /* (owned) */
} Making;

static void
made_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  Making *making = user_data;

  making->photo = rtk_analyser_make_finish (RTK_ANALYSER (object), result, &making->error);
  making->n_done++;
}

static void
test_make (void)
{
  g_autoptr (RtkVisionAnalyser) analyser = make_analyser ();
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "fixtures", "astronaut.png", NULL);
  g_autofree char *data = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (RtkStill) still = NULL;
  Making          making = {0};
  const RtkCheck *check;
  gsize           size;

  g_assert_true (g_file_get_contents (path, &data, &size, NULL));
  bytes = g_bytes_new_take (g_steal_pointer (&data), size);
  still = rtk_still_new (bytes, "image/png", NULL, 0);
  rtk_analyser_make_async (RTK_ANALYSER (analyser), still, pack,
                           rtk_rule_pack_find_background (pack, "blue"), NULL, made_cb, &making);
  wait_for (&making.n_done, 1);
  g_assert_no_error (making.error);
  g_assert_cmpint (rtk_image_get_width (making.photo->delivered_image), ==, 480);
  /* She smiles: the rule says so, the photo is made all the same. */
  check = rtk_report_find (making.photo->report, RTK_CHECK_MOUTH_CLOSED);
  g_assert_cmpint (check->verdict, ==, RTK_VERDICT_FAIL);
  check = rtk_report_find (making.photo->finished_report, RTK_CHECK_BACKGROUND_PLAIN);
  g_assert_cmpint (check->verdict, ==, RTK_VERDICT_PASS);
  rtk_photo_unref (making.photo);
  drain ();
  g_assert_finalize_object (g_steal_pointer (&analyser));
}

static void
test_make_nobody (void)
{
  g_autoptr (RtkVisionAnalyser) analyser = make_analyser ();
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  guint8 *pixels = g_malloc0 (3 * 600 * 800);
  g_autoptr (RtkImage) image = rtk_image_new_take (RTK_PIXEL_RGB24, 600, 800, 3 * 600, pixels);
  g_autoptr (RtkStill) still = rtk_still_new (NULL, NULL, image, 0);
  Making making = {0};

  rtk_analyser_make_async (RTK_ANALYSER (analyser), still, pack,
                           rtk_rule_pack_find_background (pack, NULL), NULL, made_cb, &making);
  wait_for (&making.n_done, 1);
  g_assert_error (making.error, RTK_ERROR, RTK_ERROR_NO_FACE);
  g_assert_null (making.photo);
  g_clear_error (&making.error);
  drain ();
  g_assert_finalize_object (g_steal_pointer (&analyser));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vision/analyser/newest-wins", test_newest_wins);
  g_test_add_func ("/vision/analyser/cancelled", test_cancelled);
  g_test_add_func ("/vision/analyser/no-models", test_no_models);
  g_test_add_func ("/vision/analyser/follow", test_follow);
  g_test_add_func ("/vision/analyser/steady", test_steady);
  g_test_add_func ("/vision/analyser/other-size", test_other_size);
  g_test_add_func ("/vision/analyser/preview", test_preview);
  g_test_add_func ("/vision/analyser/make", test_make);
  g_test_add_func ("/vision/analyser/make-nobody", test_make_nobody);
  return g_test_run ();
}
