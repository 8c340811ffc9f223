/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "core/rtk-report.h"
#include "core/rtk-why.h"
#include "vision/rtk-analyse.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-measure.h"

#include <math.h>
#include <string.h>

static RtkNetworks *networks; /* (owned) */
static RtkRulePack *pack;     /* (owned) */

static RtkImage *
load (const char *path)
{
  g_autofree char *data = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) error = NULL;
  RtkImage *image;
  gsize     size;

  g_assert_true (g_file_get_contents (path, &data, &size, &error));
  bytes = g_bytes_new_take (g_steal_pointer (&data), size);
  image = rtk_codec_decode (bytes, NULL, &error);
  g_assert_no_error (error);
  return image;
}

static RtkReport *
judge_file (const char *path)
{
  g_autoptr (RtkImage) image = load (path);
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkAnalysis) analysis = rtk_vision_analyse_picture (networks, image, &error);

  g_assert_no_error (error);
  return rtk_rules_judge (pack, analysis, NULL, FALSE);
}

static RtkVerdict
verdict_of (const RtkReport *report, RtkCheckId id)
{
  return rtk_report_find (report, id)->verdict;
}

static double
value_of (const RtkReport *report, RtkCheckId id)
{
  return rtk_report_find (report, id)->value;
}

/* The folder of labelled portraits, NULL (and the test skipped) when it is not there. */
static const char *
get_test_data (void)
{
  const char *folder = g_getenv ("RTK_TESTDATA");

  if (folder == NULL || !g_file_test (folder, G_FILE_TEST_IS_DIR)) {
    g_test_skip ("the labelled portraits of RTK_TESTDATA (../shared/testdata) are not there");
    return NULL;
  }
  return folder;
}

/* Calls @func for each row of labels.csv: file, faces, frontal, eyes_open, mouth, glasses,
 * headwear, plain_background, even_light, recaptured, note. */
static void
for_each_label (const char *folder, void (*func) (const char *path, char **row))
{
  g_autofree char *name = g_build_filename (folder, "labels.csv", NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  int n = 0;

  g_assert_true (g_file_get_contents (name, &text, NULL, NULL));
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines + 1; *line != NULL && **line != '\0'; line++) {
    g_auto (GStrv) row = g_strsplit (*line, ",", 11);
    g_autofree char *path = g_build_filename (folder, row[0], NULL);

    g_assert_cmpuint (g_strv_length (row), >=, 10);
    g_test_message ("%s", row[0]);
    func (path, row);
    n++;
  }
  g_assert_cmpint (n, >, 30);
}

/* The checks that speak of the person, not of wall, clothes, or framing. */
static const RtkCheckId person_checks[] = {
    RTK_CHECK_POSE_YAW,      RTK_CHECK_POSE_PITCH,       RTK_CHECK_POSE_ROLL,
    RTK_CHECK_EYES_OPEN,     RTK_CHECK_MOUTH_CLOSED,     RTK_CHECK_LIGHT_EVEN,
    RTK_CHECK_FOCUS_SHARP,   RTK_CHECK_IMAGE_RESOLUTION, RTK_CHECK_EYES_GAZE,
    RTK_CHECK_EYES_RED,      RTK_CHECK_LIGHT_UNDER,      RTK_CHECK_LIGHT_OVER,
    RTK_CHECK_LIGHT_MEAN,    RTK_CHECK_LIGHT_RANGE,      RTK_CHECK_COLOUR_NATURAL,
    RTK_CHECK_GLASSES_GLARE, RTK_CHECK_LIGHT_HIGHLIGHT,
};

/* Neutral studio portraits of people of every colour: nothing about the person fails, and only
 * how they hold the head may warn. */
static void
check_neutral (const char *path, char **row)
{
  g_autoptr (RtkReport) report = NULL;

  if (!g_str_has_prefix (row[0], "london/") || strstr (row[0], "neutral") == NULL)
    return;
  report = judge_file (path);
  g_assert_cmpfloat (value_of (report, RTK_CHECK_FACE_COUNT), ==, 1.);
  g_assert_cmpfloat (value_of (report, RTK_CHECK_PERSON_SINGLE), ==, 1.);
  for (gsize i = 0; i < G_N_ELEMENTS (person_checks); i++) {
    RtkVerdict verdict = verdict_of (report, person_checks[i]);
    gboolean   pose = person_checks[i] <= RTK_CHECK_POSE_ROLL;

    g_test_message ("%s %g", rtk_check_id_to_string (person_checks[i]),
                    value_of (report, person_checks[i]));
    g_assert_true (verdict == RTK_VERDICT_PASS || (pose && verdict == RTK_VERDICT_WARN));
  }
  g_assert_cmpint (verdict_of (report, RTK_CHECK_BACKGROUND_PLAIN), ==, RTK_VERDICT_PASS);
  g_assert_cmpint (verdict_of (report, RTK_CHECK_BACKGROUND_DARK), ==, RTK_VERDICT_PASS);
  g_assert_cmpint (verdict_of (report, RTK_CHECK_GEOMETRY_FACE_WIDTH), ==, RTK_VERDICT_PASS);
}

static void
test_neutral (void)
{
  const char *folder = get_test_data ();

  if (folder != NULL)
    for_each_label (folder, check_neutral);
}

/* What a person saw, the measure says too. */
static void
check_labels (const char *path, char **row)
{
  gboolean upright =
      g_str_equal (row[9], "no") && strstr (row[10] ? row[10] : "", "rotated") == NULL;
  g_autoptr (RtkReport) report = NULL;

  if (!upright || g_str_equal (row[1], ""))
    return;
  report = judge_file (path);
  if (g_str_equal (row[1], "0"))
    g_assert_cmpint (verdict_of (report, RTK_CHECK_FACE_COUNT), ==, RTK_VERDICT_FAIL);
  if (g_str_equal (row[1], "2"))
    g_assert_cmpfloat (value_of (report, RTK_CHECK_FACE_COUNT), ==, 2.);
  if (g_str_equal (row[2], "no"))
    g_assert_true (verdict_of (report, RTK_CHECK_POSE_YAW) == RTK_VERDICT_FAIL ||
                   verdict_of (report, RTK_CHECK_POSE_ROLL) == RTK_VERDICT_FAIL);
  if (g_str_equal (row[2], "yes")) {
    g_assert_cmpint (verdict_of (report, RTK_CHECK_POSE_YAW), !=, RTK_VERDICT_FAIL);
    g_assert_cmpint (verdict_of (report, RTK_CHECK_POSE_PITCH), !=, RTK_VERDICT_FAIL);
  }
  if (g_str_equal (row[3], "no"))
    g_assert_cmpint (verdict_of (report, RTK_CHECK_EYES_OPEN), ==, RTK_VERDICT_WARN);
  if (g_str_equal (row[3], "yes"))
    g_assert_cmpint (verdict_of (report, RTK_CHECK_EYES_OPEN), ==, RTK_VERDICT_PASS);
  if (g_str_equal (row[4], "teeth") || g_str_equal (row[4], "open"))
    g_assert_cmpint (verdict_of (report, RTK_CHECK_MOUTH_CLOSED), ==, RTK_VERDICT_FAIL);
  /* Of a head turned by more than the limit the lips are seen from the side. */
  if (g_str_equal (row[4], "closed") && verdict_of (report, RTK_CHECK_POSE_YAW) != RTK_VERDICT_FAIL)
    g_assert_cmpint (verdict_of (report, RTK_CHECK_MOUTH_CLOSED), ==, RTK_VERDICT_PASS);
  if (g_str_equal (row[7], "yes"))
    g_assert_cmpint (verdict_of (report, RTK_CHECK_BACKGROUND_PLAIN), ==, RTK_VERDICT_PASS);
  if (g_str_equal (row[8], "yes"))
    g_assert_cmpint (verdict_of (report, RTK_CHECK_LIGHT_EVEN), ==, RTK_VERDICT_PASS);
}

static void
test_labels (void)
{
  const char *folder = get_test_data ();

  if (folder != NULL)
    for_each_label (folder, check_labels);
}

/* Walls with things on them. Two of the labelled ones have nothing but a mottled wall where the
 * finished photo would be, and pass. */
static void
check_walls (const char *path, char **row)
{
  static const char *const mottled[] = {"officials/astronaut.png", "officials/clay-higgins.jpg"};
  g_autoptr (RtkReport) report = NULL;

  if (!g_str_equal (row[7], "no") || !g_str_equal (row[1], "1"))
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (mottled); i++) {
    if (g_str_equal (row[0], mottled[i]))
      return;
  }
  report = judge_file (path);
  g_assert_cmpint (verdict_of (report, RTK_CHECK_BACKGROUND_PLAIN), !=, RTK_VERDICT_PASS);
}

static void
test_walls (void)
{
  const char *folder = get_test_data ();

  if (folder != NULL)
    for_each_label (folder, check_walls);
}

/* Open eyes of East Asian people, neutral and smiling, stay well above even the warning. */
static void
check_narrow_eyes (const char *path, char **row)
{
  static const char *const faces[] = {"london/024",
                                      "london/030",
                                      "london/036",
                                      "london/045",
                                      "london/087",
                                      "officials/grace-meng",
                                      "officials/young-kim",
                                      "officials/mark-takano",
                                      "officials/doris-matsui",
                                      "officials/judy-chu",
                                      "hivision/test"};
  const RtkRule           *rule = rtk_rule_pack_get_rule (pack, RTK_CHECK_EYES_OPEN);

  for (gsize i = 0; i < G_N_ELEMENTS (faces); i++) {
    g_autoptr (RtkReport) report = NULL;

    if (!g_str_has_prefix (row[0], faces[i]))
      continue;
    report = judge_file (path);
    g_test_message ("%g", value_of (report, RTK_CHECK_EYES_OPEN));
    g_assert_cmpfloat (value_of (report, RTK_CHECK_EYES_OPEN), >, 1.5 * rule->min);
  }
}

static void
test_narrow_eyes (void)
{
  const char *folder = get_test_data ();

  if (folder != NULL)
    for_each_label (folder, check_narrow_eyes);
}

/* Pupils as a person marked them (.tem: count, then the pupils): eye line and resolution. */
static void
check_pupils (const char *path, char **row)
{
  g_autofree char *stem = NULL;
  g_autofree char *name = NULL;
  g_autofree char *text = NULL;
  g_autoptr (RtkImage) image = NULL;
  g_autoptr (RtkAnalysis) analysis = NULL;
  g_auto (GStrv) lines = NULL;
  double pupils[2][2];
  double gap;

  if (!g_str_has_prefix (row[0], "london/") || strstr (row[0], "neutral") == NULL)
    return;
  stem = g_strndup (path, strlen (path) - strlen (".jpg"));
  name = g_strconcat (stem, ".tem", NULL);
  g_assert_true (g_file_get_contents (name, &text, NULL, NULL));
  lines = g_strsplit (text, "\n", 4);
  for (int i = 0; i < 2; i++) {
    char *end;

    pupils[i][0] = g_ascii_strtod (lines[1 + i], &end);
    pupils[i][1] = g_ascii_strtod (end, NULL);
  }
  gap = hypot (pupils[1][0] - pupils[0][0], pupils[1][1] - pupils[0][1]);
  image = load (path);
  analysis = rtk_vision_analyse_picture (networks, image, NULL);
  g_assert_cmpfloat (fabs (analysis->head.eye_mid.x - (pupils[0][0] + pupils[1][0]) / 2.), <,
                     0.03 * gap);
  g_assert_cmpfloat (fabs (analysis->head.eye_mid.y - (pupils[0][1] + pupils[1][1]) / 2.), <,
                     0.03 * gap);
  g_assert_cmpfloat (
      fabs (analysis->faces[0].roll -
            atan2 (pupils[1][1] - pupils[0][1], pupils[1][0] - pupils[0][0]) * 180. / G_PI),
      <, 1.);
  g_assert_cmpfloat (fabs (analysis->head.eye_gap / gap - 1.), <, 0.02);
}

static void
test_pupils (void)
{
  const char *folder = get_test_data ();

  if (folder != NULL)
    for_each_label (folder, check_pupils);
}

/* The public-domain portrait that comes with the tests. */
static void
test_astronaut (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "fixtures", "astronaut.png", NULL);
  g_autoptr (RtkReport) report = judge_file (path);
  RtkCrop crop;

  g_assert_true (rtk_report_get_crop (report, &crop));
  g_assert_cmpfloat (value_of (report, RTK_CHECK_FACE_COUNT), ==, 1.);
  g_assert_cmpint (verdict_of (report, RTK_CHECK_MOUTH_CLOSED), ==, RTK_VERDICT_FAIL);
  g_assert_cmpint (verdict_of (report, RTK_CHECK_EYES_OPEN), ==, RTK_VERDICT_PASS);
  g_assert_cmpint (verdict_of (report, RTK_CHECK_POSE_YAW), ==, RTK_VERDICT_PASS);
  g_assert_cmpint (verdict_of (report, RTK_CHECK_LIGHT_EVEN), ==, RTK_VERDICT_PASS);
  g_assert_cmpint (verdict_of (report, RTK_CHECK_IDENTITY_MATCH), ==, RTK_VERDICT_CONFIRM);
  /* The face is 91 pixels wide: too few for a photo. */
  g_assert_cmpint (verdict_of (report, RTK_CHECK_IMAGE_RESOLUTION), ==, RTK_VERDICT_FAIL);
  g_assert_cmpfloat (value_of (report, RTK_CHECK_GEOMETRY_FACE_WIDTH), >, 170.);
}

/* Changes each pixel of a copy of @image. */
static RtkImage *
change (const RtkImage *image, void (*func) (int x, int y, guint8 rgb[3]))
{
  int     width = rtk_image_get_width (image);
  int     height = rtk_image_get_height (image);
  guint8 *pixels = g_malloc (3 * (gsize)width * height);

  for (int y = 0; y < height; y++) {
    memcpy (pixels + 3 * (gsize)width * y,
            rtk_image_get_pixels (image) + rtk_image_get_stride (image) * y, 3 * (gsize)width);
    for (int x = 0; x < width; x++)
      func (x, y, pixels + 3 * ((gsize)width * y + x));
  }
  return rtk_image_new_take (RTK_PIXEL_RGB24, width, height, 3 * (gsize)width, pixels);
}

/* The astronaut's face lies around x = 225. */
static void
shade_left (int x, int y, guint8 rgb[3])
{
  for (int c = 0; x < 225 && c < 3; c++)
    rgb[c] = (guint8)(rgb[c] * 0.35);
}

static void
darken (int x, int y, guint8 rgb[3])
{
  for (int c = 0; c < 3; c++)
    rgb[c] = (guint8)(rgb[c] * 0.1);
}

static void
overexpose (int x, int y, guint8 rgb[3])
{
  for (int c = 0; c < 3; c++)
    rgb[c] = (guint8)MIN (255, rgb[c] * 2);
}

static void
make_grey (int x, int y, guint8 rgb[3])
{
  rgb[0] = rgb[2] = rgb[1];
}

static void
make_blue (int x, int y, guint8 rgb[3])
{
  rgb[0] = (guint8)(rgb[0] * 0.5);
}

/* One fault put into a good picture makes its own rule speak, and the clean one is silent. */
static void
test_planted (void)
{
  static const struct {
    void (*func) (int x, int y, guint8 rgb[3]);
    RtkCheckId id;
  } faults[] = {
      {shade_left, RTK_CHECK_LIGHT_EVEN},    {darken, RTK_CHECK_LIGHT_MEAN},
      {darken, RTK_CHECK_LIGHT_UNDER},       {overexpose, RTK_CHECK_LIGHT_OVER},
      {make_grey, RTK_CHECK_COLOUR_NATURAL}, {make_blue, RTK_CHECK_COLOUR_NATURAL},
  };
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "fixtures", "astronaut.png", NULL);
  g_autoptr (RtkImage) image = load (path);
  g_autoptr (RtkReport) clean = judge_file (path);

  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++) {
    g_autoptr (RtkImage) changed = change (image, faults[i].func);
    g_autoptr (RtkAnalysis) analysis = rtk_vision_analyse_picture (networks, changed, NULL);
    g_autoptr (RtkReport) report = rtk_rules_judge (pack, analysis, NULL, FALSE);

    g_test_message ("%s %g", rtk_check_id_to_string (faults[i].id),
                    value_of (report, faults[i].id));
    g_assert_cmpint (verdict_of (clean, faults[i].id), ==, RTK_VERDICT_PASS);
    g_assert_true (verdict_of (report, faults[i].id) == RTK_VERDICT_FAIL ||
                   verdict_of (report, faults[i].id) == RTK_VERDICT_WARN);
  }
}

/* The dark rim of a tablet, 1350 x 1350. */
static void
put_in_frame (int x, int y, guint8 rgb[3])
{
  int off = MAX (ABS (x - 675), ABS (y - 675));

  for (int c = 0; c < 3; c++)
    rgb[c] = off < 560 ? rgb[c] : off < 600 ? 20 : 150;
}

/* A lamp that glossy paper mirrors at the outline of the hair. */
static void
mirror_lamp (int x, int y, guint8 rgb[3])
{
  if (hypot ((x - 424.) / 110., (y - 372.) / 80.) > 1.)
    return;
  for (int c = 0; c < 3; c++)
    rgb[c] = (guint8)(255. * pow (MIN (1., pow (rgb[c] / 255., 2.2) + 0.4), 1. / 2.2));
}

/* A warm lamp, as in most rooms. */
static void
warm (int x, int y, guint8 rgb[3])
{
  rgb[0] = (guint8)MIN (255., rgb[0] * 1.18);
  rgb[2] = (guint8)(rgb[2] * 0.8);
}

/* Under a warm lamp shaded skin loses much colour: ears and brows that show are not called hidden,
 * of the darkest skin as little as of others. */
static void
test_warm (void)
{
  static const char *const names[] = {"045_neutral.jpg", "064_neutral.jpg", "099_neutral.jpg"};
  const char              *folder = get_test_data ();

  if (folder == NULL)
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = g_build_filename (folder, "london", names[i], NULL);
    g_autoptr (RtkImage) image = load (path);
    g_autoptr (RtkImage) changed = change (image, warm);
    g_autoptr (RtkAnalysis) analysis = rtk_vision_analyse_picture (networks, changed, NULL);
    g_autoptr (RtkReport) report = rtk_rules_judge (pack, analysis, NULL, FALSE);

    g_test_message ("%s", names[i]);
    g_assert_cmpint (verdict_of (report, RTK_CHECK_EARS_VISIBLE), !=, RTK_VERDICT_WARN);
    g_assert_cmpint (verdict_of (report, RTK_CHECK_BROWS_VISIBLE), ==, RTK_VERDICT_PASS);
    g_assert_cmpint (verdict_of (report, RTK_CHECK_EYES_VISIBLE), ==, RTK_VERDICT_PASS);
  }
}

/* A good portrait is of a person; on a tablet or under a mirrored lamp it is a picture of one. */
static void
test_recaptured (void)
{
  static void (*const changes[]) (int x, int y, guint8 rgb[3]) = {put_in_frame, mirror_lamp};
  const char      *folder = get_test_data ();
  g_autofree char *path = NULL;
  g_autoptr (RtkImage) image = NULL;
  g_autoptr (RtkReport) clean = NULL;

  if (folder == NULL)
    return;
  path = g_build_filename (folder, "london", "087_neutral.jpg", NULL);
  image = load (path);
  clean = judge_file (path);
  g_assert_cmpint (verdict_of (clean, RTK_CHECK_AUTHENTIC_RECAPTURE), ==, RTK_VERDICT_PASS);
  for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
    g_autoptr (RtkImage) changed = change (image, changes[i]);
    g_autoptr (RtkAnalysis) analysis = rtk_vision_analyse_picture (networks, changed, NULL);
    g_autoptr (RtkReport) report = rtk_rules_judge (pack, analysis, NULL, FALSE);

    g_test_message ("%g", value_of (report, RTK_CHECK_AUTHENTIC_RECAPTURE));
    g_assert_cmpint (verdict_of (report, RTK_CHECK_AUTHENTIC_RECAPTURE), ==, RTK_VERDICT_WARN);
  }
}

/* Mean of (2 r + 1)^2 pixels: out of focus. */
static RtkImage *
blur (const RtkImage *image, int radius)
{
  int     width = rtk_image_get_width (image);
  int     height = rtk_image_get_height (image);
  guint8 *pixels = g_malloc (3 * (gsize)width * height);

  for (int y = 0; y < height; y++) {
    for (int x = 0; x < 3 * width; x++) {
      guint sum = 0;

      for (int j = -radius; j <= radius; j++) {
        for (int i = -radius; i <= radius; i++)
          sum += rtk_image_get_pixels (
              image)[rtk_image_get_stride (image) * CLAMP (y + j, 0, height - 1) +
                     3 * CLAMP (x / 3 + i, 0, width - 1) + x % 3];
      }
      pixels[3 * (gsize)width * y + x] =
          (guint8)(sum / (guint)((2 * radius + 1) * (2 * radius + 1)));
    }
  }
  return rtk_image_new_take (RTK_PIXEL_RGB24, width, height, 3 * (gsize)width, pixels);
}

static void
test_blur (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "fixtures", "astronaut.png", NULL);
  g_autoptr (RtkImage) image = load (path);
  double before = 1.;

  for (int radius = 0; radius <= 3; radius++) {
    g_autoptr (RtkImage) blurred = blur (image, radius);
    g_autoptr (RtkAnalysis) analysis = rtk_vision_analyse_picture (networks, blurred, NULL);
    g_autoptr (RtkReport) report = rtk_rules_judge (pack, analysis, NULL, FALSE);

    g_assert_cmpfloat (value_of (report, RTK_CHECK_FOCUS_SHARP), <, before);
    if (radius > 0)
      g_assert_cmpint (verdict_of (report, RTK_CHECK_FOCUS_SHARP), ==, RTK_VERDICT_WARN);
    before = value_of (report, RTK_CHECK_FOCUS_SHARP);
  }
}

/* Paints what the mask calls wall. */
typedef void (*Paint) (int x, int y, guint8 rgb[3]);

static void
paint_even (int x, int y, guint8 rgb[3])
{
  rgb[0] = 100;
  rgb[1] = 197;
  rgb[2] = 255;
}

static void
paint_fading (int x, int y, guint8 rgb[3])
{
  rgb[0] = rgb[1] = rgb[2] = (guint8)(230 - y / 4);
}

static void
paint_board (int x, int y, guint8 rgb[3])
{
  rgb[0] = rgb[1] = rgb[2] = (x / 40 + y / 40) % 2 ? 220 : 120;
}

static RtkAnalysis *
measure_wall (Paint paint, const guint8 *wanted)
{
  const int         size = 256;
  g_autofree float *mask = g_new0 (float, 256 * 256);
  guint8           *pixels = g_malloc0 (3 * 512 * 512);
  g_autoptr (RtkImage) image = rtk_image_new_take (RTK_PIXEL_RGB24, 512, 512, 3 * 512, pixels);
  RtkMeasureInput input = {image, mask, size, wanted};
  RtkAnalysis    *analysis = rtk_analysis_new (512, 512, 0);

  for (int i = 0; i < 512 * 512; i++) {
    int x = i % 512;
    int y = i / 512;

    if (hypot (x - 256., y - 320.) < 130.)
      mask[y / 2 * size + x / 2] = 1.f;
    else
      paint (x, y, pixels + 3 * (gsize)i);
  }
  rtk_measure_picture (&input, analysis);
  return analysis;
}

static void
test_wall (void)
{
  const guint8 blue[3] = {100, 197, 255};
  const guint8 white[3] = {255, 255, 255};
  g_autoptr (RtkAnalysis) even = measure_wall (paint_even, NULL);
  g_autoptr (RtkAnalysis) fading = measure_wall (paint_fading, NULL);
  g_autoptr (RtkAnalysis) board = measure_wall (paint_board, NULL);
  g_autoptr (RtkAnalysis) right = measure_wall (paint_even, blue);
  g_autoptr (RtkAnalysis) wrong = measure_wall (paint_even, white);
  g_autoptr (RtkAnalysis) uneven = measure_wall (paint_fading, white);
  const RtkCheckId id = RTK_CHECK_BACKGROUND_PLAIN;

  g_assert_cmpfloat (even->measures[id].value, <, 0.1);
  /* Light may fall off on the wall that is photographed ... */
  g_assert_cmpfloat (fading->measures[id].value, <, 2.);
  g_assert_cmpfloat (board->measures[id].value, >, 30.);
  /* ... but a finished picture has the one colour that is asked for. */
  g_assert_cmpfloat (right->measures[id].value, <, 0.1);
  g_assert_cmpfloat (wrong->measures[id].value, >, 60.);
  g_assert_cmpfloat (uneven->measures[id].value, >, 20.);
  g_assert_cmpfloat_with_epsilon (even->measures[RTK_CHECK_BACKGROUND_DARK].value, 0.708, 0.01);
  g_assert_cmpfloat (even->measures[RTK_CHECK_PERSON_SINGLE].value, ==, 1.);
}

/* Without a face and without a mask everything says why it is not known. */
static void
test_nothing (void)
{
  guint8 *pixels = g_malloc0 (3 * 64 * 64);
  g_autoptr (RtkImage) image = rtk_image_new_take (RTK_PIXEL_RGB24, 64, 64, 3 * 64, pixels);
  g_autoptr (RtkAnalysis) analysis = rtk_analysis_new (64, 64, 0);
  RtkMeasureInput input = {image, NULL, 256, NULL};

  rtk_measure_picture (&input, analysis);
  for (int id = 0; id < RTK_N_CHECKS; id++) {
    if (id == RTK_CHECK_FACE_COUNT)
      continue;
    g_assert_false (analysis->measures[id].known);
    g_assert_nonnull (analysis->measures[id].unknown_why);
  }
  g_assert_cmpstr (analysis->measures[RTK_CHECK_EYES_OPEN].unknown_why, ==, RTK_WHY_NO_FACE);
  g_assert_false (analysis->has_head);
}

/* Pictures of odd sizes and without colour are answered, not crashed on. */
static void
test_odd_pictures (void)
{
  static const int sizes[][2] = {{1, 1}, {1, 700}, {2000, 3}, {17, 16}};
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkImage) grey = rtk_image_new_take (RTK_PIXEL_GREY8, 64, 64, 64, g_malloc0 (64 * 64));

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++) {
    gsize   stride = 3 * (gsize)sizes[i][0];
    guint8 *pixels = g_malloc (stride * (gsize)sizes[i][1]);
    g_autoptr (RtkImage) image = NULL;
    g_autoptr (RtkAnalysis) original = NULL;
    g_autoptr (RtkAnalysis) finished = NULL;

    memset (pixels, 90, stride * (gsize)sizes[i][1]);
    image = rtk_image_new_take (RTK_PIXEL_RGB24, sizes[i][0], sizes[i][1], stride, pixels);
    original = rtk_vision_analyse_picture (networks, image, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (original->n_faces, ==, 0);
    finished = rtk_vision_analyse_finished (networks, image, pack, &error);
    g_assert_no_error (error);
    g_assert_false (finished->has_head);
  }
  g_assert_null (rtk_vision_analyse_picture (networks, grey, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_PICTURE);
  g_clear_error (&error);
  g_assert_null (rtk_vision_analyse_finished (networks, grey, pack, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_PICTURE);
}

/* Eyes in their places and everything else anywhere: nothing is read outside the picture. */
static void
test_scattered (void)
{
  const float       bad[] = {0.f, -5e4f, 1e30f, NAN, INFINITY};
  guint8           *pixels = g_malloc0 (3 * 400 * 400);
  g_autofree float *mask = g_new0 (float, 256 * 256);
  g_autoptr (RtkImage) image = rtk_image_new_take (RTK_PIXEL_RGB24, 400, 400, 3 * 400, pixels);

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (RtkAnalysis) analysis = rtk_analysis_new (400, 400, 1);
    RtkMeasureInput input = {image, mask, 256, NULL, TRUE};
    RtkFace        *face = &analysis->faces[0];

    face->has_points = TRUE;
    for (int k = 0; k < RTK_N_FACE_POINTS; k++)
      face->points[k].x = face->points[k].y = bad[i];
    for (int k = 0; k < 2; k++) {
      /* Iris, corners and chin: so that there is a face to measure at all. */
      static const int corners[2][2] = {{33, 133}, {362, 263}};

      face->points[k == 0 ? 468 : 473].x = 130.f + 140.f * (float)k;
      face->points[k == 0 ? 468 : 473].y = 150.f;
      for (int j = 0; j < 2; j++) {
        face->points[corners[k][j]].x = 110.f + 140.f * (float)k + 40.f * (float)j;
        face->points[corners[k][j]].y = 150.f;
      }
    }
    face->points[152].x = 200.f;
    face->points[152].y = 350.f;
    face->eye_open[0] = face->eye_open[1] = 0.3;
    rtk_measure_refine_irises (image, face);
    rtk_measure_picture (&input, analysis);
    for (int id = 0; id < RTK_N_CHECKS; id++)
      g_assert_true (analysis->measures[id].known || analysis->measures[id].unknown_why != NULL);
  }
}

/* Points that lie on top of each other, or are not numbers, give no numbers either. */
static void
test_degenerate (void)
{
  const float       bad[] = {0.f, NAN, 1e30f};
  guint8           *pixels = g_malloc0 (4 * 64 * 64);
  g_autofree float *mask = g_new0 (float, 256 * 256);
  g_autoptr (RtkImage) image = rtk_image_new_take (RTK_PIXEL_BGRA32, 64, 64, 4 * 64, pixels);

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (RtkAnalysis) analysis = rtk_analysis_new (64, 64, 1);
    g_autoptr (RtkReport) report = NULL;
    RtkMeasureInput input = {image, mask, 256, NULL, TRUE};

    rtk_measure_refine_irises (image, &analysis->faces[0]);
    analysis->faces[0].has_points = TRUE;
    for (int k = 0; k < RTK_N_FACE_POINTS; k++)
      analysis->faces[0].points[k].x = analysis->faces[0].points[k].y = bad[i];
    rtk_measure_picture (&input, analysis);
    g_assert_false (analysis->has_head);
    g_assert_false (analysis->measures[RTK_CHECK_EYES_OPEN].known);
    report = rtk_rules_judge (pack, analysis, NULL, FALSE);
    g_assert_false (rtk_report_may_shoot (report));
  }
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  networks = rtk_networks_new (g_getenv ("RTK_MODELS_DIR"), &error);
  g_assert_no_error (error);
  pack = rtk_rule_pack_load ("chsi-diploma", &error);
  g_assert_no_error (error);
  g_test_add_func ("/vision/measure/astronaut", test_astronaut);
  g_test_add_func ("/vision/measure/planted", test_planted);
  g_test_add_func ("/vision/measure/warm", test_warm);
  g_test_add_func ("/vision/measure/recaptured", test_recaptured);
  g_test_add_func ("/vision/measure/blur", test_blur);
  g_test_add_func ("/vision/measure/wall", test_wall);
  g_test_add_func ("/vision/measure/nothing", test_nothing);
  g_test_add_func ("/vision/measure/odd-pictures", test_odd_pictures);
  g_test_add_func ("/vision/measure/degenerate", test_degenerate);
  g_test_add_func ("/vision/measure/scattered", test_scattered);
  g_test_add_func ("/vision/measure/neutral", test_neutral);
  g_test_add_func ("/vision/measure/labels", test_labels);
  g_test_add_func ("/vision/measure/walls", test_walls);
  g_test_add_func ("/vision/measure/narrow-eyes", test_narrow_eyes);
  g_test_add_func ("/vision/measure/pupils", test_pupils);
  status = g_test_run ();
  rtk_rule_pack_unref (pack);
  rtk_networks_free (networks);
  return status;
}
