/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "core/rtk-report.h"
#include "core/rtk-why.h"
#include "support/rtk-test-values.h"

#include <math.h>
#include <string.h>

static RtkFileFacts *
good_facts (void)
{
  RtkFileFacts *facts = rtk_file_facts_new ();

  g_strlcpy (facts->format, "JPEG", sizeof facts->format);
  g_free (facts->name);
  facts->name = g_strdup ("1234.jpg");
  facts->width = 480;
  facts->height = 640;
  facts->dpi_x = facts->dpi_y = 300.;
  facts->depth = 24;
  facts->bytes = 30000;
  facts->quality = 85;
  return facts;
}

static void
test_all_good (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (RtkAnalysis) analysis = rtk_test_analysis_new (pack);
  g_autoptr (RtkReport) report = NULL;
  const RtkCheck *checks;
  RtkCrop         crop;
  guint           n;

  report = rtk_rules_judge (pack, analysis, NULL, FALSE);
  g_assert_cmpint (rtk_report_get_verdict (report), ==, RTK_VERDICT_CONFIRM);
  g_assert_true (rtk_report_may_shoot (report));
  g_assert_null (rtk_report_get_first_to_mend (report));
  g_assert_true (rtk_report_get_crop (report, &crop));
  g_assert_cmpfloat_with_epsilon (crop.scale, 1.5, 1e-4);
  checks = rtk_report_get_checks (report, &n);
  for (guint i = 0; i < n; i++) {
    gboolean confirm = checks[i].verdict == RTK_VERDICT_CONFIRM;

    /* Rules on the file say nothing of a frame. */
    g_assert_cmpint (checks[i].id, >, RTK_CHECK_FILE_NAME);
    g_assert_true (confirm || checks[i].verdict == RTK_VERDICT_PASS);
    g_assert_true (confirm == isnan (checks[i].value));
    g_assert_nonnull (checks[i].advice[RTK_LANGUAGE_ZH_CN]);
    g_assert_nonnull (checks[i].title[RTK_LANGUAGE_EN]);
  }
  g_assert_cmpint (rtk_report_find (report, RTK_CHECK_IDENTITY_MATCH)->verdict, ==,
                   RTK_VERDICT_CONFIRM);
}

/* Packs that limit the whole head are given a crop in which it has that size. */
static void
test_whole_head (void)
{
  static const RtkCheckId ids[] = {RTK_CHECK_GEOMETRY_HEAD_WIDTH, RTK_CHECK_GEOMETRY_HEAD_HEIGHT,
                                   RTK_CHECK_GEOMETRY_EYE_DISTANCE};
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("passport", NULL);
  g_autoptr (RtkAnalysis) analysis = rtk_test_analysis_new (pack);
  g_autoptr (RtkReport) report = NULL;
  g_autoptr (RtkReport) blind = NULL;
  RtkCrop crop;

  /* As high as wide heads are: in a crop by the face alone it would be too high. */
  analysis->head.left = 475.;
  analysis->head.right = 875.;
  analysis->head.eye_gap = 155.;
  report = rtk_rules_judge (pack, analysis, NULL, FALSE);
  g_assert_true (rtk_report_get_crop (report, &crop));
  for (gsize i = 0; i < G_N_ELEMENTS (ids); i++) {
    const RtkCheck *check = rtk_report_find (report, ids[i]);

    g_test_message ("%s %g", rtk_check_id_to_string (ids[i]), check->value);
    g_assert_cmpint (check->verdict, ==, RTK_VERDICT_PASS);
    g_assert_cmpuint (check->n_place, ==, 4);
  }
  g_assert_cmpfloat_with_epsilon (rtk_report_find (report, ids[1])->value, 555. / crop.scale, 0.01);
  analysis->head.right = analysis->head.eye_gap = 0.;
  blind = rtk_rules_judge (pack, analysis, NULL, FALSE);
  g_assert_cmpint (rtk_report_find (blind, ids[0])->verdict, ==, RTK_VERDICT_UNKNOWN);
  g_assert_cmpint (rtk_report_find (blind, ids[2])->verdict, ==, RTK_VERDICT_UNKNOWN);
}

/* The one pack there is. */
static GBytes *
bytes_source (const char *id, gpointer user_data, GError **error)
{
  return g_bytes_ref (user_data);
}

/* One value against one rule: verdict and which advice. */
static void
test_verdicts (void)
{
  static const struct {
    const char *limits;
    double      value;
    RtkVerdict  verdict;
    const char *advice;
  } rows[] = {
      {"mode=block\nmin=2\nmax=8\nwarn-min=4\nwarn-max=6\n", 5., RTK_VERDICT_PASS, NULL},
      {"mode=block\nmin=2\nmax=8\nwarn-min=4\nwarn-max=6\n", 4., RTK_VERDICT_PASS, NULL},
      {"mode=block\nmin=2\nmax=8\nwarn-min=4\nwarn-max=6\n", 3.9, RTK_VERDICT_WARN, "low"},
      {"mode=block\nmin=2\nmax=8\nwarn-min=4\nwarn-max=6\n", 6.1, RTK_VERDICT_WARN, "high"},
      {"mode=block\nmin=2\nmax=8\nwarn-min=4\nwarn-max=6\n", 2., RTK_VERDICT_WARN, "low"},
      {"mode=block\nmin=2\nmax=8\nwarn-min=4\nwarn-max=6\n", 1.9, RTK_VERDICT_FAIL, "low"},
      {"mode=block\nmin=2\nmax=8\nwarn-min=4\nwarn-max=6\n", 8.1, RTK_VERDICT_FAIL, "high"},
      {"mode=block\nmin=2\nmax=none\n", 1e9, RTK_VERDICT_PASS, NULL},
      {"mode=advise\nmin=2\nmax=8\n", 1., RTK_VERDICT_WARN, "low"},
      {"mode=advise\nmin=2\nmax=8\n", 9., RTK_VERDICT_WARN, "high"},
      {"mode=advise\nmin=2\nmax=8\n", 8., RTK_VERDICT_PASS, NULL},
      {"mode=confirm\nmin=none\nmax=none\nwarn-min=none\nwarn-max=none\n", 5., RTK_VERDICT_CONFIRM,
       "low"},
      /* A person says where the measure is not sure. */
      {"mode=confirm\nmin=2\nmax=8\nwarn-min=4\nwarn-max=6\n", 1., RTK_VERDICT_WARN, "low"},
      {"mode=confirm\nmin=2\nmax=8\nwarn-min=4\nwarn-max=6\n", 9., RTK_VERDICT_WARN, "high"},
      {"mode=confirm\nmin=2\nmax=8\nwarn-min=4\nwarn-max=6\n", 3., RTK_VERDICT_CONFIRM, "low"},
      {"mode=confirm\nmin=2\nmax=8\nwarn-min=4\nwarn-max=6\n", 7., RTK_VERDICT_CONFIRM, "low"},
      {"mode=confirm\nmin=2\nmax=8\nwarn-min=4\nwarn-max=6\n", 5., RTK_VERDICT_PASS, NULL},
      {"mode=confirm\nmax=8\nwarn-max=-1\n", 0., RTK_VERDICT_CONFIRM, "low"},
      {"mode=confirm\nmax=8\n", NAN, RTK_VERDICT_CONFIRM, "low"},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *text =
        g_strdup_printf ("[pack]\nid=a\nversion=1\ntitle=A\ntitle[zh_CN]=a\n"
                         "file-name={number}.jpg\n"
                         "[picture]\nwidth=480\nheight=640\ndpi=300\nquality-min=60\n"
                         "[background blue]\nrgb=1;2;3\n"
                         "[target]\nhair-top=80\neye-line=250\nface-width=240\n"
                         "[check light.range]\ntitle=T\ntitle[zh_CN]=t\n%s"
                         "advice-low=low\nadvice-low[zh_CN]=低\n"
                         "advice-high=high\nadvice-high[zh_CN]=高\n",
                         rows[i].limits);
    g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));
    g_autoptr (GError) error = NULL;
    g_autoptr (RtkRulePack) pack = NULL;
    g_autoptr (RtkAnalysis) analysis = rtk_analysis_new (100, 100, 0);
    g_autoptr (RtkReport) report = NULL;
    const RtkCheck *check;

    pack = rtk_rule_pack_parse ("a", bytes_source, bytes, &error);
    g_assert_no_error (error);
    rtk_analysis_set (analysis, RTK_CHECK_LIGHT_RANGE, rows[i].value);
    report = rtk_rules_judge (pack, analysis, NULL, FALSE);
    check = rtk_report_find (report, RTK_CHECK_LIGHT_RANGE);
    g_assert_cmpint (check->verdict, ==, rows[i].verdict);
    g_assert_true (isnan (check->value) == (rows[i].verdict == RTK_VERDICT_CONFIRM));
    if (rows[i].advice != NULL)
      g_assert_cmpstr (check->advice[RTK_LANGUAGE_EN], ==, rows[i].advice);
    g_assert_cmpint (rtk_report_get_verdict (report), ==, rows[i].verdict);
    g_assert_true (rtk_report_may_shoot (report) == (rows[i].verdict != RTK_VERDICT_FAIL));
  }
}

/* Clothes in the colour of the coming background are a fault, whatever the wall is. */
static void
test_coming_background (void)
{
  const double blue[3] = {75., -12., -38.}; /* about 100;197;255 */
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (RtkRulePack) white = rtk_rule_pack_load ("chsi-diploma-white", NULL);
  g_autoptr (RtkAnalysis) analysis = rtk_test_analysis_new (pack);
  g_autoptr (RtkReport) far = NULL;
  g_autoptr (RtkReport) near = NULL;
  g_autoptr (RtkReport) on_white = NULL;
  g_autoptr (RtkReport) finished = NULL;
  const RtkCheckId id = RTK_CHECK_BACKGROUND_CLOTHES;

  rtk_analysis_set (analysis, id, 50.);
  far = rtk_rules_judge (pack, analysis, NULL, FALSE);
  analysis->clothes = (RtkPart){TRUE, {blue[0], blue[1], blue[2]}, {10., 20., 30., 40.}};
  near = rtk_rules_judge (pack, analysis, NULL, FALSE);
  on_white = rtk_rules_judge (white, analysis, NULL, FALSE);
  finished = rtk_rules_judge (pack, analysis, NULL, TRUE);
  g_assert_cmpint (rtk_report_find (far, id)->verdict, ==, RTK_VERDICT_PASS);
  g_assert_cmpint (rtk_report_find (near, id)->verdict, ==, RTK_VERDICT_WARN);
  g_assert_cmpfloat (rtk_report_find (near, id)->value, <, 5.);
  g_assert_cmpuint (rtk_report_find (near, id)->n_place, ==, 4);
  g_assert_cmpfloat (rtk_report_find (near, id)->place[2].y, ==, 60.);
  g_assert_cmpint (rtk_report_find (on_white, id)->verdict, ==, RTK_VERDICT_PASS);
  g_assert_cmpfloat (rtk_report_find (finished, id)->value, ==, 50.);
}

static void
test_unknown (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (RtkAnalysis) analysis = rtk_test_analysis_new (pack);
  g_autoptr (RtkReport) report = NULL;
  const RtkCheck *check;

  rtk_analysis_set_unknown (analysis, RTK_CHECK_POSE_YAW, RTK_WHY_TURNED);
  report = rtk_rules_judge (pack, analysis, NULL, FALSE);
  check = rtk_report_find (report, RTK_CHECK_POSE_YAW);
  g_assert_cmpint (check->verdict, ==, RTK_VERDICT_UNKNOWN);
  g_assert_true (isnan (check->value));
  g_assert_cmpstr (check->advice[RTK_LANGUAGE_EN], ==, RTK_WHY_TURNED);
  g_assert_cmpstr (check->advice[RTK_LANGUAGE_ZH_CN], ==, "头部转动过大。");
  /* What blocks and was not measured is not green. */
  g_assert_false (rtk_report_may_shoot (report));
  g_assert_true (rtk_report_get_first_to_mend (report) == check);
}

static void
test_nobody (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (RtkAnalysis) analysis = rtk_analysis_new (640, 480, 0);
  g_autoptr (RtkReport) report = NULL;
  RtkCrop         crop;
  const RtkCheck *check;

  rtk_analysis_set (analysis, RTK_CHECK_FACE_COUNT, 0.);
  report = rtk_rules_judge (pack, analysis, NULL, FALSE);
  g_assert_false (rtk_report_get_crop (report, &crop));
  g_assert_cmpint (rtk_report_get_verdict (report), ==, RTK_VERDICT_FAIL);
  check = rtk_report_get_first_to_mend (report);
  g_assert_cmpint (check->id, ==, RTK_CHECK_FACE_COUNT);
  g_assert_cmpint (rtk_report_find (report, RTK_CHECK_GEOMETRY_EYE_LINE)->verdict, ==,
                   RTK_VERDICT_UNKNOWN);
}

/* The same head as an original (best crop) and as a finished file (as it lies). */
static void
test_geometry (void)
{
  static const struct {
    RtkCheckId id;
    double     value;
    RtkVerdict verdict;
  } rows[] = {
      {RTK_CHECK_GEOMETRY_CENTRE, 270., RTK_VERDICT_FAIL},
      {RTK_CHECK_GEOMETRY_HAIR_TOP, 40., RTK_VERDICT_FAIL},
      {RTK_CHECK_GEOMETRY_EYE_LINE, 200., RTK_VERDICT_PASS},
      {RTK_CHECK_GEOMETRY_FACE_WIDTH, 310., RTK_VERDICT_FAIL},
      {RTK_CHECK_GEOMETRY_HEAD_WHOLE, 40., RTK_VERDICT_PASS},
      {RTK_CHECK_GEOMETRY_SHOULDERS_WHOLE, 1., RTK_VERDICT_WARN},
  };
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (RtkAnalysis) analysis = rtk_analysis_new (480, 640, 1);
  g_autoptr (RtkReport) report = NULL;

  analysis->has_head = TRUE;
  analysis->has_shoulders = TRUE;
  analysis->head = (RtkHead){
      .eye_mid = {270., 200.},
      .hair_top = 40.,
      .cheek_left = 115.,
      .cheek_right = 425.,
      .chin = {270., 420.},
      .shoulders = {{10., 600.}, {490., 600.}},
      .shoulder_visible = {0.9, 0.9},
  };
  report = rtk_rules_judge (pack, analysis, NULL, TRUE);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    const RtkCheck *check = rtk_report_find (report, rows[i].id);

    g_assert_cmpfloat (check->value, ==, rows[i].value);
    g_assert_cmpint (check->verdict, ==, rows[i].verdict);
    g_assert_cmpuint (check->n_place, >, 0);
  }
  analysis->head.shoulder_visible[0] = 0.2;
  g_clear_pointer (&report, rtk_report_unref);
  report = rtk_rules_judge (pack, analysis, NULL, TRUE);
  g_assert_cmpfloat (rtk_report_find (report, RTK_CHECK_GEOMETRY_SHOULDERS_WHOLE)->value, ==, 0.);
}

/* A head that is cut by the finished picture's side is not whole. */
static void
test_head_cut (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (RtkAnalysis) analysis = rtk_analysis_new (480, 640, 1);
  g_autoptr (RtkReport) report = NULL;

  analysis->has_head = TRUE;
  analysis->head = (RtkHead){.eye_mid = {100., 250.},
                             .hair_top = 80.,
                             .cheek_left = -20.,
                             .cheek_right = 220.,
                             .chin = {100., 450.}};
  report = rtk_rules_judge (pack, analysis, NULL, TRUE);
  g_assert_cmpint (rtk_report_find (report, RTK_CHECK_GEOMETRY_HEAD_WHOLE)->verdict, ==,
                   RTK_VERDICT_FAIL);
  g_assert_cmpint (rtk_report_find (report, RTK_CHECK_GEOMETRY_SHOULDERS_WHOLE)->verdict, ==,
                   RTK_VERDICT_UNKNOWN);
}

/* A line that is nowhere lies outside no limit; it must not be taken for a good one. */
static void
test_not_a_number (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);

  for (int finished = 0; finished < 2; finished++) {
    g_autoptr (RtkAnalysis) analysis = rtk_test_analysis_new (pack);
    g_autoptr (RtkReport) report = NULL;

    analysis->head.chin.y = NAN;
    if (finished)
      analysis->head.eye_mid.y = NAN;
    analysis->measures[RTK_CHECK_POSE_YAW].value = NAN;
    report = rtk_rules_judge (pack, analysis, NULL, finished);
    g_assert_cmpint (rtk_report_find (report, RTK_CHECK_GEOMETRY_HEAD_WHOLE)->verdict, ==,
                     RTK_VERDICT_UNKNOWN);
    g_assert_cmpint (rtk_report_find (report, RTK_CHECK_GEOMETRY_EYE_LINE)->verdict, ==,
                     finished ? RTK_VERDICT_UNKNOWN : RTK_VERDICT_PASS);
    g_assert_cmpint (rtk_report_find (report, RTK_CHECK_POSE_YAW)->verdict, ==,
                     RTK_VERDICT_UNKNOWN);
    g_assert_false (rtk_report_may_shoot (report));
  }
}

static void
test_file (void)
{
  static const struct {
    RtkCheckId  id;
    const char *format;
    const char *name;
    int         width;
    double      dpi;
    int         depth;
    gsize       bytes;
    int         quality;
    RtkVerdict  verdict;
  } rows[] = {
      {RTK_CHECK_FILE_FORMAT, "PNG", "1.jpg", 480, 300., 24, 30000, 85, RTK_VERDICT_FAIL},
      {RTK_CHECK_FILE_NAME, "JPEG", "1.JPG", 480, 300., 24, 30000, 85, RTK_VERDICT_WARN},
      {RTK_CHECK_FILE_WIDTH, "JPEG", "1.jpg", 481, 300., 24, 30000, 85, RTK_VERDICT_FAIL},
      {RTK_CHECK_FILE_DPI, "JPEG", "1.jpg", 480, 72., 24, 30000, 85, RTK_VERDICT_FAIL},
      {RTK_CHECK_FILE_DPI, "JPEG", "1.jpg", 480, 0., 24, 30000, 85, RTK_VERDICT_FAIL},
      {RTK_CHECK_FILE_DPI, "JPEG", "1.jpg", 480, 600., 24, 30000, 85, RTK_VERDICT_FAIL},
      {RTK_CHECK_FILE_DPI, "JPEG", "1.jpg", 480, NAN, 24, 30000, 85, RTK_VERDICT_UNKNOWN},
      {RTK_CHECK_FILE_DEPTH, "JPEG", "1.jpg", 480, 300., 8, 30000, 85, RTK_VERDICT_FAIL},
      {RTK_CHECK_FILE_BYTES, "JPEG", "1.jpg", 480, 300., 24, 20479, 85, RTK_VERDICT_WARN},
      {RTK_CHECK_FILE_BYTES, "JPEG", "1.jpg", 480, 300., 24, 40961, 85, RTK_VERDICT_WARN},
      {RTK_CHECK_FILE_BYTES, "JPEG", "1.jpg", 480, 300., 24, 40960, 85, RTK_VERDICT_PASS},
      {RTK_CHECK_FILE_QUALITY, "JPEG", "1.jpg", 480, 300., 24, 30000, 59, RTK_VERDICT_FAIL},
      {RTK_CHECK_FILE_QUALITY, "JPEG", "1.jpg", 480, 300., 24, 30000, 60, RTK_VERDICT_PASS},
      {RTK_CHECK_FILE_QUALITY, "PNG", "1.jpg", 480, 300., 24, 30000, 0, RTK_VERDICT_UNKNOWN},
  };
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (RtkAnalysis) analysis = rtk_analysis_new (480, 640, 1);

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (RtkFileFacts) facts = good_facts ();
    g_autoptr (RtkReport) report = NULL;
    g_autoptr (RtkReport) frame = NULL;

    g_strlcpy (facts->format, rows[i].format, sizeof facts->format);
    g_free (facts->name);
    facts->name = g_strdup (rows[i].name);
    facts->width = rows[i].width;
    facts->dpi_x = rows[i].dpi;
    facts->depth = rows[i].depth;
    facts->bytes = rows[i].bytes;
    facts->quality = rows[i].quality;
    report = rtk_rules_judge (pack, analysis, facts, TRUE);
    g_assert_cmpint (rtk_report_find (report, rows[i].id)->verdict, ==, rows[i].verdict);
    frame = rtk_rules_judge (pack, analysis, facts, FALSE);
    g_assert_null (rtk_report_find (frame, rows[i].id));
  }
}

/* Pack order decides among failures, and failures come before warnings. */
static void
test_first_to_mend (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (RtkAnalysis) analysis = rtk_test_analysis_new (pack);
  g_autoptr (RtkReport) report = NULL;

  rtk_analysis_set (analysis, RTK_CHECK_PERSON_SINGLE, 3.);
  report = rtk_rules_judge (pack, analysis, NULL, FALSE);
  g_assert_cmpint (rtk_report_get_verdict (report), ==, RTK_VERDICT_WARN);
  g_assert_true (rtk_report_may_shoot (report));
  g_assert_cmpint (rtk_report_get_first_to_mend (report)->id, ==, RTK_CHECK_PERSON_SINGLE);

  rtk_analysis_set (analysis, RTK_CHECK_MOUTH_CLOSED, 1.);
  rtk_analysis_set (analysis, RTK_CHECK_POSE_ROLL, 30.);
  g_clear_pointer (&report, rtk_report_unref);
  report = rtk_rules_judge (pack, analysis, NULL, FALSE);
  g_assert_cmpint (rtk_report_get_verdict (report), ==, RTK_VERDICT_FAIL);
  g_assert_false (rtk_report_may_shoot (report));
  g_assert_cmpint (rtk_report_get_first_to_mend (report)->id, ==, RTK_CHECK_POSE_ROLL);
}

/* What is written reads back the same, and has the shape that other programs rely on. */
static void
test_json (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (RtkAnalysis) analysis = rtk_test_analysis_new (pack);
  g_autoptr (RtkReport) report = NULL;
  g_autoptr (RtkReport) back = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (JsonNode) again = NULL;
  g_autoptr (GError) error = NULL;
  JsonObject *object;
  JsonArray  *checks;
  gboolean    seen_null = FALSE;

  rtk_analysis_set (analysis, RTK_CHECK_POSE_YAW, 20.5);
  report = rtk_rules_judge (pack, analysis, NULL, FALSE);
  node = rtk_report_to_json (report);
  object = json_node_get_object (node);
  g_assert_cmpstr (json_object_get_string_member (object, "rules"), ==, "chsi-diploma");
  g_assert_cmpstr (json_object_get_string_member (object, "rules_version"), ==,
                   rtk_rule_pack_get_version (pack));
  g_assert_cmpstr (json_object_get_string_member (object, "verdict"), ==, "fail");
  g_assert_cmpint (json_object_get_int_member (object, "width"), ==, 1350);
  checks = json_object_get_array_member (object, "checks");
  for (guint i = 0; i < json_array_get_length (checks); i++) {
    JsonObject *check = json_array_get_object_element (checks, i);
    JsonObject *advice = json_object_get_object_member (check, "advice");

    g_assert_true (json_object_has_member (check, "unit"));
    g_assert_true (json_object_has_member (check, "blocking"));
    g_assert_true (json_object_has_member (advice, "zh_CN"));
    g_assert_true (json_object_has_member (advice, "en"));
    if (g_str_equal (json_object_get_string_member (check, "id"), "identity.match")) {
      g_assert_true (json_object_get_null_member (check, "value"));
      g_assert_true (json_object_get_null_member (check, "min"));
      seen_null = TRUE;
    }
    if (g_str_equal (json_object_get_string_member (check, "id"), "pose.yaw")) {
      g_assert_cmpfloat (json_object_get_double_member (check, "value"), ==, 20.5);
      g_assert_cmpstr (json_object_get_string_member (advice, "zh_CN"), ==,
                       "请把脸稍微向右转，正对镜头");
    }
  }
  g_assert_true (seen_null);

  back = rtk_report_from_json (node, &error);
  g_assert_no_error (error);
  again = rtk_report_to_json (back);
  g_assert_true (json_node_equal (node, again));
}

static void
test_bad_json (void)
{
  static const char *const texts[] = {
      "[]",
      "{}",
      "{\"rules\":\"a\",\"rules_version\":\"1\",\"verdict\":\"pass\"}",
      "{\"rules\":\"a\",\"rules_version\":\"1\",\"verdict\":\"perfect\",\"checks\":[]}",
      "{\"rules\":\"a\",\"rules_version\":\"1\",\"verdict\":\"pass\",\"checks\":[1]}",
      "{\"rules\":\"a\",\"rules_version\":\"1\",\"verdict\":\"pass\",\"checks\":[{\"id\":1}]}",
      "{\"rules\":[],\"rules_version\":\"1\",\"verdict\":\"pass\",\"checks\":[]}",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (JsonNode) node = json_from_string (texts[i], NULL);
    g_autoptr (GError) error = NULL;

    g_assert_null (rtk_report_from_json (node, &error));
    g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE);
  }
}

/* A report of a newer program: what is not known is passed over, odd places do no harm. */
static void
test_newer_json (void)
{
  static const char text[] =
      "{\"file\":\"a.jpg\",\"rules\":\"a\",\"rules_version\":\"9\",\"verdict\":\"pass\","
      "\"crop\":{\"x\":\"left\"},\"checks\":[{\"id\":\"aura.colour\",\"verdict\":\"pass\"},"
      "{\"id\":\"eyes.open\",\"verdict\":\"pass\",\"value\":0.1,\"place\":[[1,2],[3],null]}]}";
  g_autoptr (JsonNode) node = json_from_string (text, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkReport) report = rtk_report_from_json (node, &error);
  const RtkCheck *check;
  RtkCrop         crop;
  guint           n;

  g_assert_no_error (error);
  check = rtk_report_get_checks (report, &n);
  g_assert_cmpuint (n, ==, 1);
  g_assert_cmpuint (check->n_place, ==, 1);
  g_assert_cmpstr (check->title[RTK_LANGUAGE_EN], ==, "eyes.open");
  g_assert_false (rtk_report_get_crop (report, &crop));
}

/* A written report with characters changed reads, or is refused with the one code. */
static void
test_damaged_json (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (RtkAnalysis) analysis = rtk_test_analysis_new (NULL);
  g_autoptr (RtkReport) report = rtk_rules_judge (pack, analysis, NULL, FALSE);
  g_autoptr (JsonNode) node = rtk_report_to_json (report);
  JsonArray       *checks = json_object_get_array_member (json_node_get_object (node), "checks");
  g_autofree char *text = NULL;
  g_autoptr (GRand) rand = g_rand_new_with_seed (5);
  static const char letters[] = "0{}[]\",:nt-9e";
  int               n_read = 0;

  /* Three checks hold all there is; more would only make each reading slower. */
  while (json_array_get_length (checks) > 3)
    json_array_remove_element (checks, 3);
  text = json_to_string (node, FALSE);
  for (int i = 0; i < 1000; i++) {
    g_autofree char *copy = g_strdup (text);
    g_autoptr (JsonNode) damaged = NULL;
    g_autoptr (RtkReport) back = NULL;
    g_autoptr (GError) error = NULL;

    copy[g_rand_int_range (rand, 0, (int)strlen (copy))] =
        letters[g_rand_int_range (rand, 0, (int)strlen (letters))];
    damaged = json_from_string (copy, NULL);
    if (damaged == NULL)
      continue;
    n_read++;
    back = rtk_report_from_json (damaged, &error);
    if (back == NULL)
      g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE);
  }
  g_assert_cmpint (n_read, >, 100);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/core/rules/all-good", test_all_good);
  g_test_add_func ("/core/rules/whole-head", test_whole_head);
  g_test_add_func ("/core/rules/verdicts", test_verdicts);
  g_test_add_func ("/core/rules/coming-background", test_coming_background);
  g_test_add_func ("/core/rules/unknown", test_unknown);
  g_test_add_func ("/core/rules/nobody", test_nobody);
  g_test_add_func ("/core/rules/geometry", test_geometry);
  g_test_add_func ("/core/rules/head-cut", test_head_cut);
  g_test_add_func ("/core/rules/not-a-number", test_not_a_number);
  g_test_add_func ("/core/rules/file", test_file);
  g_test_add_func ("/core/rules/first-to-mend", test_first_to_mend);
  g_test_add_func ("/core/rules/json", test_json);
  g_test_add_func ("/core/rules/bad-json", test_bad_json);
  g_test_add_func ("/core/rules/damaged-json", test_damaged_json);
  g_test_add_func ("/core/rules/newer-json", test_newer_json);
  return g_test_run ();
}
