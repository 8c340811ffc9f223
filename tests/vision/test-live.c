/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "vision/rtk-analyse.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-tracker-private.h"

#include <math.h>
#include <string.h>

#define WIDTH 1280
#define HEIGHT 720
#define FRAME_US (G_USEC_PER_SEC / 30)

/* The public-domain portrait on a frame: its middle at (x, y), in so many times its size. */
typedef struct {
  double x;
  double y;
  double scale;
  double angle_rad; /* clockwise */
  double gain;
} Person;

static const Person usual = {640., 360., 1., 0., 1.};

static RtkImage *
load_portrait (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "fixtures", "astronaut.png", NULL);
  g_autofree char *data = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) error = NULL;
  RtkImage *portrait;
  gsize     size;

  g_assert_true (g_file_get_contents (path, &data, &size, &error));
  bytes = g_bytes_new_take (g_steal_pointer (&data), size);
  portrait = rtk_codec_decode (bytes, NULL, &error);
  g_assert_no_error (error);
  return portrait;
}

/* Paints @person where the portrait covers the frame; the first one also beyond it, with the
 * portrait's edge going on. */
static void
paint (guint8 *pixels, const RtkImage *portrait, const Person *person, gboolean all)
{
  int    width = rtk_image_get_width (portrait);
  int    height = rtk_image_get_height (portrait);
  double cosine = cos (person->angle_rad) / person->scale;
  double sine = sin (person->angle_rad) / person->scale;

  for (int i = 0; i < WIDTH * HEIGHT; i++) {
    double        x = i % WIDTH - person->x;
    double        y = i / WIDTH - person->y;
    int           column = (int)floor (cosine * x + sine * y + width / 2.);
    int           row = (int)floor (-sine * x + cosine * y + height / 2.);
    const guint8 *from;

    if (!all && (column < 0 || row < 0 || column >= width || row >= height))
      continue;
    from = rtk_image_get_pixels (portrait) +
           CLAMP (row, 0, height - 1) * rtk_image_get_stride (portrait) +
           3 * (gsize)CLAMP (column, 0, width - 1);
    for (int c = 0; c < 3; c++)
      pixels[4 * i + 2 - c] = (guint8)MIN (255., from[c] * person->gain + .5);
    pixels[4 * i + 3] = 255;
  }
}

typedef struct {
  RtkNetworks *networks; /* (owned) */
  RtkTracker  *tracker;  /* (owned) */
  RtkImage    *portrait; /* (owned) */
  guint64      n;        /* frames so far */
} Live;

static void
set_up (Live *live, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  live->networks = rtk_networks_new (g_getenv ("RTK_MODELS_DIR"), &error);
  g_assert_no_error (error);
  live->tracker = rtk_tracker_new ();
  live->portrait = load_portrait ();
}

static void
tear_down (Live *live, gconstpointer data)
{
  rtk_networks_free (live->networks);
  rtk_tracker_free (live->tracker);
  rtk_image_unref (live->portrait);
}

/* The next of 30 frames a second. */
static RtkAnalysis *
analyse (Live *live, const Person *people, guint n_people)
{
  guint8 *pixels = g_malloc (4 * WIDTH * HEIGHT);
  g_autoptr (RtkImage) image = NULL;
  g_autoptr (RtkFrame) frame = NULL;
  g_autoptr (GError) error = NULL;
  RtkAnalysis *analysis;

  for (guint i = 0; i < n_people; i++)
    paint (pixels, live->portrait, &people[i], i == 0);
  image = rtk_image_new_take (RTK_PIXEL_BGRA32, WIDTH, HEIGHT, 4 * WIDTH, pixels);
  live->n++;
  frame = rtk_frame_new (image, live->n, (gint64)live->n * FRAME_US);
  analysis = rtk_vision_analyse_frame (live->networks, live->tracker, frame, &error);
  g_assert_no_error (error);
  return analysis;
}

enum { ROLL, LIGHT, EYES_X, EYES_Y, HAIR, CHEEK, N_VALUES };

static void
read_values (const RtkAnalysis *analysis, double *values)
{
  g_assert_true (analysis->has_head);
  values[ROLL] = analysis->measures[RTK_CHECK_POSE_ROLL].value;
  values[LIGHT] = analysis->measures[RTK_CHECK_LIGHT_MEAN].value;
  values[EYES_X] = analysis->head.eye_mid.x;
  values[EYES_Y] = analysis->head.eye_mid.y;
  values[HAIR] = analysis->head.hair_top;
  values[CHEEK] = analysis->head.cheek_left;
}

/* From one moment to the next everything is different: 100 ms after the last frame of before nine
 * tenths of it are there, whatever else was to be done in these frames. */
static void
test_step (Live *live, gconstpointer data)
{
  static const double least[N_VALUES] = {2., .05, 3., 3., 3., 3.};
  const Person        after = {646., 374., 1.02, 5. * G_PI / 180., .8};

  for (int phase = 0; phase < 3; phase++) {
    double from[N_VALUES], now[N_VALUES], to[N_VALUES];

    rtk_tracker_reset (live->tracker);
    for (int i = 0; i < 12 + phase; i++) {
      g_autoptr (RtkAnalysis) analysis = analyse (live, &usual, 1);

      read_values (analysis, from);
    }
    for (int i = 0; i < 15; i++) {
      g_autoptr (RtkAnalysis) analysis = analyse (live, &after, 1);

      read_values (analysis, i == 2 ? now : to);
    }
    for (int k = 0; k < N_VALUES; k++) {
      g_test_message ("value %d in phase %d: %.2f, %.2f, %.2f", k, phase, from[k], now[k], to[k]);
      g_assert_cmpfloat (fabs (to[k] - from[k]), >, least[k]);
      g_assert_cmpfloat (fabs (now[k] - to[k]), <=, .1 * fabs (to[k] - from[k]));
    }
  }
}

/* The same of shoulders, which are looked for in every third frame: whichever of the three the step
 * falls on. Their network answers differently by several pixels for a square that lies a little
 * differently, so here the answers are given. */
static void
test_shoulders_step (Live *live, gconstpointer data)
{
  const RtkRect      face = {580., 200., 120., 120.};
  const RtkShoulders level = {{{500., 420.}, {780., 420.}}, {1., 1.}};
  const RtkShoulders sloping = {{{502., 410.}, {778., 432.}}, {1., 1.}};

  for (int phase = 0; phase < 3; phase++) {
    RtkShoulders now;

    rtk_tracker_reset (live->tracker);
    for (int i = 0; i < 12 + phase + 3; i++) {
      rtk_tracker_begin (live->tracker, (i + 1) * FRAME_US);
      if (i % 3 == 0)
        rtk_tracker_take_shoulders (live->tracker, i < 12 + phase ? &level : &sloping, &face);
      rtk_tracker_follow_shoulders (live->tracker, &face, &now);
    }
    g_test_message ("phase %d: %.2f, %.2f", phase, now.points[0].y, now.points[1].y);
    g_assert_cmpfloat_with_epsilon (now.points[0].y, 410., 1.);
    g_assert_cmpfloat_with_epsilon (now.points[1].y, 432., 1.2);
  }
}

/* Between two looks shoulders go where the face goes. */
static void
test_shoulders_carried (Live *live, gconstpointer data)
{
  const RtkRect      face = {580., 200., 120., 120.};
  const RtkRect      moved = {600., 190., 120., 120.};
  const RtkShoulders seen = {{{500., 420.}, {780., 421.}}, {1., 1.}};
  RtkShoulders       now;

  rtk_tracker_begin (live->tracker, FRAME_US);
  rtk_tracker_take_shoulders (live->tracker, &seen, &face);
  rtk_tracker_follow_shoulders (live->tracker, &face, &now);
  g_assert_cmpfloat_with_epsilon (now.points[0].x, 500., 1e-9);
  rtk_tracker_begin (live->tracker, 2 * FRAME_US);
  rtk_tracker_follow_shoulders (live->tracker, &moved, &now);
  g_assert_cmpfloat_with_epsilon (now.points[0].x, 520., 1e-9);
  g_assert_cmpfloat_with_epsilon (now.points[1].y, 411., 1e-9);
}

/* Somebody who walks at a steady pace is never far ahead of the frame that is drawn. */
static void
test_walk (Live *live, gconstpointer data)
{
  double offset = 0.;

  for (int i = 0; i < 40; i++) {
    Person person = usual;
    g_autoptr (RtkAnalysis) analysis = NULL;

    person.x = 560. + 5. * i;
    analysis = analyse (live, &person, 1);
    g_assert_true (analysis->has_head && analysis->has_shoulders);
    if (i == 0)
      offset = analysis->head.eye_mid.x - person.x;
    /* 100 ms are three frames. */
    g_assert_cmpfloat (fabs (analysis->head.eye_mid.x - person.x - offset), <, 15.);
  }
}

/* A second person is counted within one round of looks, and no longer after the next round without
 * them; the subject stays the same all the time. */
static void
test_second_person (Live *live, gconstpointer data)
{
  const Person people[] = {{330., 380., 1.5, 0., 1.}, {960., 380., 1.25, 0., 1.}};
  double       box_x = 0.;
  int          seen = -1;
  int          gone = -1;

  for (int i = 0; i < 60; i++) {
    guint n = i >= 10 && i < 30 ? 2 : 1;
    g_autoptr (RtkAnalysis) analysis = analyse (live, people, n);

    if (i == 0)
      box_x = analysis->faces[0].box.x;
    g_assert_cmpfloat_with_epsilon (analysis->faces[0].box.x, box_x, 12.);
    g_assert_true (analysis->faces[0].has_points);
    g_assert_cmpfloat (analysis->measures[RTK_CHECK_FACE_COUNT].value, ==, analysis->n_faces);
    if (i < 10)
      g_assert_cmpuint (analysis->n_faces, ==, 1);
    if (analysis->n_faces == 2 && seen < 0) {
      seen = i;
      g_assert_cmpfloat (analysis->faces[1].box.x, >, 800.);
      g_assert_cmpfloat (analysis->faces[1].score, >, .5);
    }
    if (analysis->n_faces == 1 && i >= 30 && gone < 0)
      gone = i;
  }
  g_test_message ("seen in frame %d, gone in frame %d", seen, gone);
  g_assert_cmpint (seen, >=, 10);
  g_assert_cmpint (seen, <=, 10 + 12);
  g_assert_cmpint (gone, >=, 30);
  g_assert_cmpint (gone, <=, 30 + 2 * 12);
}

/* Who comes nearer than the subject becomes the subject, and the other one is counted. */
static void
test_nearer_person (Live *live, gconstpointer data)
{
  const Person people[] = {{960., 380., 1.25, 0., 1.}, {330., 400., 1.6, 0., 1.}};
  int          switched = -1;

  for (int i = 0; i < 40; i++) {
    g_autoptr (RtkAnalysis) analysis = analyse (live, people, i < 8 ? 1 : 2);

    g_assert_cmpuint (analysis->n_faces, >=, 1);
    g_assert_true (analysis->faces[0].has_points);
    if (analysis->faces[0].box.x < 640. && switched < 0)
      switched = i;
    if (switched >= 0) {
      g_assert_cmpfloat (analysis->faces[0].box.x, <, 640.);
      g_assert_cmpuint (analysis->n_faces, ==, 2);
    }
  }
  g_test_message ("switched in frame %d", switched);
  g_assert_cmpint (switched, >=, 8);
  g_assert_cmpint (switched, <=, 8 + 2 * 12);
}

int
main (int argc, char **argv)
{
  static const struct {
    const char *path;
    void (*func) (Live *live, gconstpointer data);
  } tests[] = {
      {"/vision/live/step", test_step},
      {"/vision/live/shoulders-step", test_shoulders_step},
      {"/vision/live/shoulders-carried", test_shoulders_carried},
      {"/vision/live/walk", test_walk},
      {"/vision/live/second-person", test_second_person},
      {"/vision/live/nearer-person", test_nearer_person},
  };

  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, Live, NULL, set_up, tests[i].func, tear_down);
  return g_test_run ();
}
