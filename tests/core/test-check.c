/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-check.h"
#include "core/rtk-why.h"

/* Every name reads back as the check it came from, and no two are alike. */
static void
test_names (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (int i = 0; i < RTK_N_CHECKS; i++) {
    const char *name = rtk_check_id_to_string ((RtkCheckId)i);
    RtkCheckId  id = RTK_N_CHECKS;

    g_assert_true (g_hash_table_add (seen, (gpointer)name));
    g_assert_true (rtk_check_id_from_string (name, &id));
    g_assert_cmpint (id, ==, i);
    g_assert_nonnull (rtk_check_id_get_unit (id));
  }
}

/* Names that other programs rely on. */
static void
test_contract (void)
{
  static const struct {
    RtkCheckId  id;
    const char *name;
    const char *unit;
  } wanted[] = {
      {RTK_CHECK_FILE_FORMAT, "file.format", ""},
      {RTK_CHECK_FILE_NAME, "file.name", ""},
      {RTK_CHECK_FACE_COUNT, "face.count", ""},
      {RTK_CHECK_GEOMETRY_EYE_LINE, "geometry.eye-line", "px"},
      {RTK_CHECK_GEOMETRY_HEAD_WIDTH, "geometry.head-width", "px"},
      {RTK_CHECK_GEOMETRY_HEAD_HEIGHT, "geometry.head-height", "px"},
      {RTK_CHECK_GEOMETRY_EYE_DISTANCE, "geometry.eye-distance", "px"},
      {RTK_CHECK_POSE_SHOULDERS_LEVEL, "pose.shoulders-level", "deg"},
      {RTK_CHECK_EYES_RED, "eyes.red", "ratio"},
      {RTK_CHECK_IMAGE_RESOLUTION, "image.resolution", "px"},
      {RTK_CHECK_AUTHENTIC_RETOUCH, "authentic.retouch", ""},
      {RTK_CHECK_IDENTITY_MATCH, "identity.match", ""},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (wanted); i++) {
    g_assert_cmpstr (rtk_check_id_to_string (wanted[i].id), ==, wanted[i].name);
    g_assert_cmpstr (rtk_check_id_get_unit (wanted[i].id), ==, wanted[i].unit);
  }
  g_assert_cmpint (RTK_N_CHECKS, ==, 52);
}

static void
test_unknown_name (void)
{
  RtkCheckId id = RTK_CHECK_FACE_COUNT;
  RtkVerdict verdict = RTK_VERDICT_WARN;

  g_assert_false (rtk_check_id_from_string ("geometry.eyeline", &id));
  g_assert_false (rtk_verdict_from_string ("PASS", &verdict));
  g_assert_cmpint (id, ==, RTK_CHECK_FACE_COUNT);
  g_assert_cmpint (verdict, ==, RTK_VERDICT_WARN);
}

static void
test_verdicts (void)
{
  static const char *const names[] = {"pass", "warn", "fail", "confirm", "unknown"};

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    RtkVerdict verdict = RTK_VERDICT_PASS;

    g_assert_true (rtk_verdict_from_string (names[i], &verdict));
    g_assert_cmpstr (rtk_verdict_to_string (verdict), ==, names[i]);
    g_assert_cmpint (verdict, ==, (int)i);
  }
}

/* Each reason has a Chinese text of its own; other sentences go through as they are. */
static void
test_why (void)
{
  g_assert_cmpstr (rtk_why_to_zh_cn (RTK_WHY_NO_FACE), ==, "没有找到人脸。");
  g_assert_cmpstr (rtk_why_to_zh_cn (NULL), ==, rtk_why_to_zh_cn (RTK_WHY_NOT_MEASURED));
  g_assert_cmpstr (rtk_why_to_zh_cn ("Something else."), ==, "Something else.");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/core/check/names", test_names);
  g_test_add_func ("/core/check/contract", test_contract);
  g_test_add_func ("/core/check/unknown-name", test_unknown_name);
  g_test_add_func ("/core/check/verdicts", test_verdicts);
  g_test_add_func ("/core/check/why", test_why);
  return g_test_run ();
}
