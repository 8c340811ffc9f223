/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "core/rtk-rule-pack.h"

#include <math.h>
#include <string.h>

/* A whole small pack; the tests change one line of it at a time. */
static const char base[] = "[pack]\nid=base\nversion=7\ntitle=Base\ntitle[zh_CN]=基础\n"
                           "file-name=a-{number}_5.jpg\n"
                           "[picture]\nwidth=480\nheight=640\ndpi=300\nquality-min=60\n"
                           "bytes-min=100\nbytes-max=200\n"
                           "[background blue]\nrgb=100;197;255\n"
                           "[background white]\nrgb=255;255;255\n"
                           "[target]\nhair-top=80\neye-line=250\nface-width=240\n"
                           "[check geometry.eye-line]\nmode=block\nmin=200\nmax=300\n"
                           "title=Eyes\ntitle[zh_CN]=眼睛\nadvice-low=Low\n"
                           "advice-low[zh_CN]=低\nadvice-high=High\nadvice-high[zh_CN]=高\n"
                           "[check pose.yaw]\nmode=advise\nmin=-8\nmax=8\nwarn-max=5\n"
                           "title=Yaw\ntitle[zh_CN]=转动\nadvice=Turn\nadvice[zh_CN]=转\n"
                           "[check file.width]\nmode=block\n"
                           "title=Width\ntitle[zh_CN]=宽\nadvice=Again\nadvice[zh_CN]=重做\n"
                           "[check identity.match]\nmode=confirm\n"
                           "title=Who\ntitle[zh_CN]=本人\nadvice=Look\nadvice[zh_CN]=核对\n";

typedef struct {
  const char *id;
  const char *text;
} Text;

/* Finds packs in an array of Text that ends with a NULL id. */
static GBytes *
array_source (const char *id, gpointer user_data, GError **error)
{
  for (const Text *text = user_data; text->id != NULL; text++) {
    if (g_str_equal (text->id, id))
      return g_bytes_new (text->text, strlen (text->text));
  }
  g_set_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND, "no %s", id);
  return NULL;
}

static RtkRulePack *
parse (const char *id, const char *child, GError **error)
{
  Text texts[] = {{"base", base}, {"child", child}, {NULL, NULL}};

  return rtk_rule_pack_parse (id, array_source, texts, error);
}

static void
test_base (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkRulePack) pack = parse ("base", "", &error);
  const RtkRule *rule;
  gsize          bytes_min;
  gsize          bytes_max;
  guint          n;

  g_assert_no_error (error);
  g_assert_cmpstr (rtk_rule_pack_get_id (pack), ==, "base");
  g_assert_cmpstr (rtk_rule_pack_get_version (pack), ==, "7");
  g_assert_cmpstr (rtk_rule_pack_get_title (pack, RTK_LANGUAGE_ZH_CN), ==, "基础");
  g_assert_cmpint (rtk_rule_pack_get_width (pack), ==, 480);
  g_assert_cmpint (rtk_rule_pack_get_height (pack), ==, 640);
  g_assert_cmpint (rtk_rule_pack_get_dpi (pack), ==, 300);
  rtk_rule_pack_get_bytes (pack, &bytes_min, &bytes_max);
  g_assert_cmpuint (bytes_min, ==, 100);
  g_assert_cmpuint (bytes_max, ==, 200);
  g_assert_cmpfloat (rtk_rule_pack_get_target_face_width (pack), ==, 240.);
  g_assert_cmpstr (rtk_rule_pack_find_background (pack, NULL)->name, ==, "blue");
  g_assert_cmpint (rtk_rule_pack_find_background (pack, "blue")->rgb[1], ==, 197);
  g_assert_null (rtk_rule_pack_find_background (pack, "red"));

  rtk_rule_pack_get_rules (pack, &n);
  g_assert_cmpuint (n, ==, 4);
  rule = rtk_rule_pack_get_rule (pack, RTK_CHECK_POSE_YAW);
  g_assert_cmpint (rule->mode, ==, RTK_RULE_ADVISE);
  g_assert_cmpfloat (rule->min, ==, -8.);
  g_assert_true (isnan (rule->warn_min));
  g_assert_cmpfloat (rule->warn_max, ==, 5.);
  g_assert_cmpstr (rule->advice_low[RTK_LANGUAGE_ZH_CN], ==, "转");
  g_assert_cmpstr (rule->advice_high[RTK_LANGUAGE_EN], ==, "Turn");
  /* The file's limits come from [picture]. */
  rule = rtk_rule_pack_get_rule (pack, RTK_CHECK_FILE_WIDTH);
  g_assert_cmpfloat (rule->min, ==, 480.);
  g_assert_cmpfloat (rule->max, ==, 480.);
  g_assert_null (rtk_rule_pack_get_rule (pack, RTK_CHECK_EYES_OPEN));
}

static void
test_inherit (void)
{
  static const char child[] = "[pack]\nid=child\nversion=2\ninherits=base\n"
                              "[picture]\nwidth=500\n"
                              "[background red]\nrgb=255;0;0\n"
                              "[check geometry.eye-line]\nmax=310\ntitle[zh_CN]=眼线\n"
                              "[check pose.yaw]\nwarn-max=none\n"
                              "[check identity.match]\ndrop=true\n";
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkRulePack) pack = parse ("child", child, &error);
  const RtkRule *rule;
  guint          n;

  g_assert_no_error (error);
  g_assert_cmpstr (rtk_rule_pack_get_version (pack), ==, "2");
  g_assert_cmpint (rtk_rule_pack_get_width (pack), ==, 500);
  g_assert_cmpint (rtk_rule_pack_get_height (pack), ==, 640);
  rtk_rule_pack_get_backgrounds (pack, &n);
  g_assert_cmpuint (n, ==, 1);
  g_assert_null (rtk_rule_pack_find_background (pack, "blue"));
  rule = rtk_rule_pack_get_rule (pack, RTK_CHECK_GEOMETRY_EYE_LINE);
  g_assert_cmpfloat (rule->min, ==, 200.);
  g_assert_cmpfloat (rule->max, ==, 310.);
  g_assert_cmpstr (rule->title[RTK_LANGUAGE_EN], ==, "Eyes");
  g_assert_cmpstr (rule->title[RTK_LANGUAGE_ZH_CN], ==, "眼线");
  g_assert_true (isnan (rtk_rule_pack_get_rule (pack, RTK_CHECK_POSE_YAW)->warn_max));
  g_assert_null (rtk_rule_pack_get_rule (pack, RTK_CHECK_IDENTITY_MATCH));
  g_assert_cmpfloat (rtk_rule_pack_get_rule (pack, RTK_CHECK_FILE_WIDTH)->max, ==, 500.);
}

/* Each fault is refused with the section and the key in the message. */
static void
test_faults (void)
{
  static const struct {
    const char *text; /* after "[pack] id version inherits" */
    const char *named;
  } faults[] = {
      {"colour=red\n", "[pack] colour"},
      {"title[fr]=Base\n", "[pack] title[fr]"},
      {"file-name=x.jpg\n", "[pack] file-name"},
      {"file-name=../{number}.jpg\n", "[pack] file-name"},
      {"[pictures]\nwidth=1\n", "[pictures]"},
      {"[picture]\nwidth=wide\n", "[picture] width"},
      {"[picture]\nwidth=-1\n", "[picture] width"},
      {"[picture]\nquality-min=101\n", "[picture] quality-min"},
      {"[picture]\nbytes-min=300\n", "[picture] bytes-min"},
      {"[background blue]\nrgb=100;300;255\n", "[background blue] rgb"},
      {"[background blue]\nrgb=100;255\n", "[background blue] rgb"},
      {"[background blue]\nrgb=1;2;3\nhex=0\n", "[background blue] hex"},
      {"[target]\neye-line=320\n", "[check geometry.eye-line] max"},
      {"[target]\neye-line=700\n", "[target]"},
      {"[target]\nhair-top=260\n", "[target] hair-top"},
      {"[check geometry.nose]\nmode=block\n", "[check geometry.nose]"},
      {"[check geometry.eye-line]\nmin=400\n", "[check geometry.eye-line] min"},
      {"[check geometry.eye-line]\nmax=900\n", "[check geometry.eye-line] max"},
      {"[check geometry.eye-line]\nmax=nan\n", "[check geometry.eye-line] max"},
      {"[check geometry.eye-line]\nmax=3OO\n", "[check geometry.eye-line] max"},
      {"[check geometry.eye-line]\nwarn-min=100\n", "[check geometry.eye-line] warn-min"},
      {"[check geometry.eye-line]\nmode=maybe\n", "[check geometry.eye-line] mode"},
      {"[check geometry.eye-line]\ntext=a\n", "[check geometry.eye-line] text"},
      {"[check geometry.eye-line]\nmode=confirm\n", "[check geometry.eye-line] mode"},
      {"[check geometry.eye-line]\ntitle=\n", "[check geometry.eye-line] title"},
      {"[check identity.match]\nmode=block\n", "[check identity.match] min"},
      {"[check eyes.open]\nmin=1\n", "[check eyes.open] mode"},
      {"[check eyes.open]\nmode=block\nmin=1\ntitle=A\ntitle[zh_CN]=b\nadvice=C\n",
       "[check eyes.open] advice-low[zh_CN]"},
      {"[check eyes.open]\nmode=block\nmax=1\ntitle=A\nadvice=C\nadvice[zh_CN]=d\n",
       "[check eyes.open] title[zh_CN]"},
      {"[check file.name]\nmode=block\ntitle=A\ntitle[zh_CN]=b\nadvice=C\nadvice[zh_CN]=d\n",
       "[check file.name] text"},
      {"[check eyes.open]\ndrop=true\n", "[check eyes.open] drop"},
      {"[check pose.yaw]\ndrop=true\nmin=1\n", "[check pose.yaw] drop"},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++) {
    g_autofree char *text =
        g_strconcat ("[pack]\nid=child\nversion=2\ninherits=base\n", faults[i].text, NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (RtkRulePack) pack = parse ("child", text, &error);

    g_test_message ("%s -> %s", faults[i].named, error != NULL ? error->message : "(no error)");
    g_assert_null (pack);
    g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_RULES);
    g_assert_true (strstr (error->message, faults[i].named) != NULL);
    g_assert_true (g_str_has_prefix (error->message, "child: "));
  }
}

/* All faults at once, each with the line where it stands, in the file or in its parent. */
static void
test_lint (void)
{
  static const char        child[] = "[pack]\n"
                                     "id=child\n"
                                     "version=2\n"
                                     "inherits=base\n"
                                     "\n"
                                     "[target]\n"
                                     "eye-line=320\n"
                                     "# comment\n"
                                     "[check pose.yaw]\n"
                                     "limit=9\n"
                                     "[check eyes.open]\n"
                                     "mode=block\n"
                                     "min=0.02\n"
                                     "title=Eyes\n"
                                     "title[zh_CN]=眼\n"
                                     "advice=Open\n";
  static const char *const wanted[] = {
      "line 10: [check pose.yaw] limit: this key is not known",
      "line 11: [check eyes.open] advice-low[zh_CN]: is missing",
      "of base: [check geometry.eye-line] max: the zone does not hold the target 320",
  };
  Text texts[] = {{"child", child}, {"base", base}, {NULL, NULL}};
  g_auto (GStrv) faults = rtk_rule_pack_lint ("child", array_source, texts);
  g_auto (GStrv) none = rtk_rule_pack_lint ("base", array_source, texts);
  g_auto (GStrv) lost = rtk_rule_pack_lint ("nobody", array_source, texts);
  Text broken[] = {{"broken", "[pack]\nid=broken\nversion 1\n"}, {NULL, NULL}};
  g_auto (GStrv) syntax = rtk_rule_pack_lint ("broken", array_source, broken);

  g_assert_cmpuint (g_strv_length (faults), ==, G_N_ELEMENTS (wanted));
  for (gsize i = 0; i < G_N_ELEMENTS (wanted); i++)
    g_assert_true (g_str_has_suffix (faults[i], wanted[i]));
  g_assert_cmpuint (g_strv_length (none), ==, 0);
  g_assert_cmpuint (g_strv_length (lost), ==, 1);
  g_assert_cmpuint (g_strv_length (syntax), ==, 1);
  g_assert_true (g_str_has_prefix (syntax[0], "line 3: "));
}

static void
test_cycle (void)
{
  Text texts[] = {{"a", "[pack]\nid=a\nversion=1\ninherits=b\n"},
                  {"b", "[pack]\nid=b\nversion=1\ninherits=a\n"},
                  {"self", "[pack]\nid=self\nversion=1\ninherits=self\n"},
                  {"orphan", "[pack]\nid=orphan\nversion=1\ninherits=nobody\n"},
                  {"wrong", "[pack]\nid=other\nversion=1\n"},
                  {"broken", "[pack\nid"},
                  {NULL, NULL}};

  for (const Text *text = texts; text->id != NULL; text++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (RtkRulePack) pack = rtk_rule_pack_parse (text->id, array_source, texts, &error);

    g_assert_null (pack);
    g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_RULES);
    if (!g_str_equal (text->id, "broken") && !g_str_equal (text->id, "wrong"))
      g_assert_true (strstr (error->message, "[pack] inherits") != NULL);
  }
}

/* Half a pack is refused: nothing is guessed. */
static void
test_missing (void)
{
  static const char *const lines[] = {"version=7\n", "title=Base\n", "width=480\n", "dpi=300\n",
                                      "face-width=240\n"};

  for (gsize i = 0; i < G_N_ELEMENTS (lines); i++) {
    g_auto (GStrv) parts = g_strsplit (base, lines[i], 2);
    g_autofree char *text = g_strjoinv ("", parts);
    Text             texts[] = {{"base", text}, {NULL, NULL}};
    g_autoptr (GError) error = NULL;

    g_assert_cmpuint (strlen (text), <, strlen (base));
    g_assert_null (rtk_rule_pack_parse ("base", array_source, texts, &error));
    g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_RULES);
  }
}

static void
test_file_name (void)
{
  static const char *const bad[] = {"", "../x", "a/b", ".hidden", "a b", "a\nb", "张三", "a\\b"};
  g_autoptr (RtkRulePack) pack = parse ("base", "", NULL);
  g_autofree char *name = rtk_rule_pack_format_file_name (pack, "2026-01x", NULL);

  g_assert_cmpstr (name, ==, "a-2026-01x_5.jpg");
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (rtk_rule_pack_format_file_name (pack, bad[i], &error));
    g_assert_error (error, RTK_ERROR, RTK_ERROR_USAGE);
  }
}

/* All packs that come with the program load without a file. */
static void
test_built_in (void)
{
  g_auto (GStrv) ids = rtk_rule_pack_list_built_in ();

  g_assert_true (g_strv_contains ((const char *const *)ids, "chsi-diploma"));
  for (gsize i = 0; ids[i] != NULL; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (RtkRulePack) pack = rtk_rule_pack_load (ids[i], &error);
    const RtkRule *const *rules;
    guint                 n = 0;

    g_assert_no_error (error);
    g_assert_cmpstr (rtk_rule_pack_get_id (pack), ==, ids[i]);
    rules = rtk_rule_pack_get_rules (pack, &n);
    for (guint j = 0; j < n; j++)
      g_assert_true (rules[j] == rtk_rule_pack_get_rule (pack, rules[j]->id));
  }
}

/* What each variant asks for: size, resolution, bytes, backgrounds. */
static void
test_variants (void)
{
  static const struct {
    const char *id;
    int         width;
    int         height;
    int         dpi;
    gsize       bytes_min;
    gsize       bytes_max;
    guint       n_backgrounds;
    guint8      first[3];
  } rows[] = {
      {"chsi-diploma", 480, 640, 300, 20480, 40960, 3, {100, 197, 255}},
      {"chsi-diploma-white", 480, 640, 300, 20480, 40960, 1, {255, 255, 255}},
      {"chsi-diploma-grey", 480, 640, 300, 20480, 40960, 1, {240, 240, 240}},
      {"chsi-diploma-xinjiang", 480, 640, 300, 20480, 40960, 1, {255, 255, 255}},
      {"receiver-900k", 480, 640, 300, 30720, 921600, 3, {100, 197, 255}},
      {"receiver-100k", 480, 640, 300, 102400, 0, 3, {100, 197, 255}},
      {"cet", 240, 320, 300, 20480, 204800, 3, {100, 197, 255}},
      {"postgraduate", 480, 640, 300, 0, 10485760, 3, {100, 197, 255}},
      {"putonghua", 390, 567, 300, 0, 204800, 3, {255, 255, 255}},
      {"id-card", 358, 441, 350, 14336, 20480, 1, {255, 255, 255}},
      {"passport", 354, 472, 300, 30720, 46080, 1, {255, 255, 255}},
      {"degree", 150, 210, 300, 0, 10240, 3, {100, 197, 255}},
  };
  g_auto (GStrv) ids = rtk_rule_pack_list_built_in ();

  g_assert_cmpuint (g_strv_length (ids), ==, G_N_ELEMENTS (rows));
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (RtkRulePack) pack = rtk_rule_pack_load (rows[i].id, NULL);
    g_autofree char     *name = rtk_rule_pack_format_file_name (pack, "110101", NULL);
    guint                n;
    const RtkBackground *first = rtk_rule_pack_get_backgrounds (pack, &n);
    gsize                bytes[2];

    rtk_rule_pack_get_bytes (pack, &bytes[0], &bytes[1]);
    g_assert_cmpint (rtk_rule_pack_get_width (pack), ==, rows[i].width);
    g_assert_cmpint (rtk_rule_pack_get_height (pack), ==, rows[i].height);
    g_assert_cmpint (rtk_rule_pack_get_dpi (pack), ==, rows[i].dpi);
    g_assert_cmpuint (bytes[0], ==, rows[i].bytes_min);
    g_assert_cmpuint (bytes[1], ==, rows[i].bytes_max);
    g_assert_cmpuint (n, ==, rows[i].n_backgrounds);
    g_assert_cmpmem (first->rgb, 3, rows[i].first, 3);
    g_assert_cmpstr (name, ==, "110101.jpg");
  }
}

/* The zones and angles in which the variants differ. */
static void
test_variant_limits (void)
{
  static const struct {
    const char *id;
    RtkCheckId  check;
    double      min;
    double      max;
  } rows[] = {
      /* head 7/10 of 320, a tenth above it; at least 144 x 192 */
      {"cet", RTK_CHECK_GEOMETRY_HEAD_HEIGHT, 192., 256.},
      {"cet", RTK_CHECK_GEOMETRY_HAIR_TOP, 16., 48.},
      {"cet", RTK_CHECK_FILE_WIDTH, 144., NAN},
      {"cet", RTK_CHECK_FILE_HEIGHT, 192., NAN},
      /* within 10 degrees; eyes 30 to 50 % of 640 from the top */
      {"postgraduate", RTK_CHECK_POSE_YAW, -10., 10.},
      {"postgraduate", RTK_CHECK_POSE_PITCH, -10., 10.},
      {"postgraduate", RTK_CHECK_POSE_ROLL, -10., 10.},
      {"postgraduate", RTK_CHECK_GEOMETRY_EYE_LINE, 192., 320.},
      /* 207 +- 14; hair 7 to 21; eyes 207 and more from the bottom of 441 */
      {"id-card", RTK_CHECK_GEOMETRY_FACE_WIDTH, 193., 221.},
      {"id-card", RTK_CHECK_GEOMETRY_HAIR_TOP, 7., 21.},
      {"id-card", RTK_CHECK_GEOMETRY_EYE_LINE, NAN, 234.},
      {"passport", RTK_CHECK_GEOMETRY_HEAD_HEIGHT, 331., 390.},
      {"passport", RTK_CHECK_GEOMETRY_EYE_DISTANCE, 82., 118.},
      {"passport", RTK_CHECK_GEOMETRY_HAIR_TOP, 25., 45.},
      {"passport", RTK_CHECK_GEOMETRY_EYE_LINE, 176., 251.},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (RtkRulePack) pack = rtk_rule_pack_load (rows[i].id, NULL);
    const RtkRule *rule = rtk_rule_pack_get_rule (pack, rows[i].check);

    g_test_message ("%s %s", rows[i].id, rtk_check_id_to_string (rows[i].check));
    g_assert_true (rule->min == rows[i].min || (isnan (rule->min) && isnan (rows[i].min)));
    g_assert_true (rule->max == rows[i].max || (isnan (rule->max) && isnan (rows[i].max)));
    g_assert_cmpint (rule->mode, ==, RTK_RULE_BLOCK);
  }
  /* Long hair widens a head: that only warns. */
  {
    g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("passport", NULL);
    const RtkRule *rule = rtk_rule_pack_get_rule (pack, RTK_CHECK_GEOMETRY_HEAD_WIDTH);

    g_assert_cmpint (rule->mode, ==, RTK_RULE_ADVISE);
    g_assert_cmpfloat (rule->min, ==, 230.);
    g_assert_cmpfloat (rule->max, ==, 283.);
  }
}

/* The numbers of the specification. */
static void
test_chsi (void)
{
  static const struct {
    RtkCheckId id;
    double     min;
    double     max;
  } zones[] = {
      {RTK_CHECK_GEOMETRY_HAIR_TOP, 50., 110.},
      {RTK_CHECK_GEOMETRY_EYE_LINE, 200., 300.},
      {RTK_CHECK_GEOMETRY_FACE_WIDTH, 180., 300.},
      {RTK_CHECK_GEOMETRY_CENTRE, 216., 264.},
      {RTK_CHECK_FILE_WIDTH, 480., 480.},
      {RTK_CHECK_FILE_HEIGHT, 640., 640.},
      {RTK_CHECK_FILE_DPI, 300., 300.},
      {RTK_CHECK_FILE_DEPTH, 24., 24.},
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", &error);
  g_autoptr (RtkRulePack) white = rtk_rule_pack_load ("chsi-diploma-white", &error);
  guint n;

  g_assert_no_error (error);
  for (gsize i = 0; i < G_N_ELEMENTS (zones); i++) {
    const RtkRule *rule = rtk_rule_pack_get_rule (pack, zones[i].id);

    g_assert_cmpint (rule->mode, ==, RTK_RULE_BLOCK);
    g_assert_cmpfloat (rule->min, ==, zones[i].min);
    g_assert_cmpfloat (rule->max, ==, zones[i].max);
  }
  g_assert_cmpint (rtk_rule_pack_get_quality_min (pack), ==, 60);
  for (int i = 0; i < RTK_N_CHECKS; i++) {
    /* Only other packs limit the size of the whole head. */
    gboolean other = i >= RTK_CHECK_GEOMETRY_HEAD_WIDTH && i <= RTK_CHECK_GEOMETRY_EYE_DISTANCE;

    g_assert_true ((rtk_rule_pack_get_rule (pack, (RtkCheckId)i) == NULL) == other);
  }
  g_assert_cmpint (rtk_rule_pack_find_background (pack, NULL)->rgb[0], ==, 100);
  g_assert_cmpint (rtk_rule_pack_find_background (white, NULL)->rgb[0], ==, 255);
  rtk_rule_pack_get_backgrounds (white, &n);
  g_assert_cmpuint (n, ==, 1);
  g_assert_cmpint (rtk_rule_pack_get_rule (pack, RTK_CHECK_IDENTITY_MATCH)->mode, ==,
                   RTK_RULE_CONFIRM);
}

/* Damaged packs are refused with the one code, or still make sense; nothing crashes. */
static void
test_damaged (void)
{
  g_autoptr (GBytes) whole = rtk_rule_pack_built_in_source ("chsi-diploma", NULL, NULL);
  g_autoptr (GRand) rand = g_rand_new_with_seed (11);
  gsize       size;
  const char *data = g_bytes_get_data (whole, &size);
  int         n_refused = 0;

  for (int i = 0; i < 400; i++) {
    g_autofree char *text = g_strndup (data, size);
    Text             texts[] = {{"chsi-diploma", text}, {NULL, NULL}};
    g_autoptr (GError) error = NULL;
    g_autoptr (RtkRulePack) pack = NULL;

    if (i % 4 == 0)
      text[g_rand_int_range (rand, 1, (int)size)] = '\0';
    for (int k = 0; k < 3; k++)
      text[g_rand_int_range (rand, 0, (int)size)] = (char)g_rand_int_range (rand, 1, 256);
    pack = rtk_rule_pack_parse ("chsi-diploma", array_source, texts, &error);
    if (pack == NULL) {
      g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_RULES);
      n_refused++;
    } else {
      g_assert_no_error (error);
      g_assert_nonnull (rtk_rule_pack_find_background (pack, NULL));
    }
  }
  g_assert_cmpint (n_refused, >, 100);
}

static void
test_not_there (void)
{
  static const char *const ids[] = {"nothing", "", "../chsi-diploma", "a/b"};

  for (gsize i = 0; i < G_N_ELEMENTS (ids); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (rtk_rule_pack_load (ids[i], &error));
    g_assert_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/core/rule-pack/base", test_base);
  g_test_add_func ("/core/rule-pack/inherit", test_inherit);
  g_test_add_func ("/core/rule-pack/faults", test_faults);
  g_test_add_func ("/core/rule-pack/lint", test_lint);
  g_test_add_func ("/core/rule-pack/cycle", test_cycle);
  g_test_add_func ("/core/rule-pack/missing", test_missing);
  g_test_add_func ("/core/rule-pack/file-name", test_file_name);
  g_test_add_func ("/core/rule-pack/built-in", test_built_in);
  g_test_add_func ("/core/rule-pack/variants", test_variants);
  g_test_add_func ("/core/rule-pack/variant-limits", test_variant_limits);
  g_test_add_func ("/core/rule-pack/chsi", test_chsi);
  g_test_add_func ("/core/rule-pack/damaged", test_damaged);
  g_test_add_func ("/core/rule-pack/not-there", test_not_there);
  return g_test_run ();
}
