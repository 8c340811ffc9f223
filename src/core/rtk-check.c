/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-check.h"

/* Names and units of the command-line contract. "ratio" is a share or a quotient without a unit;
 * what each one divides by is in docs/measures.md. */
static const struct {
  const char *name;
  const char *unit;
} checks[] = {
    [RTK_CHECK_FILE_FORMAT] = {"file.format", ""},
    [RTK_CHECK_FILE_WIDTH] = {"file.width", "px"},
    [RTK_CHECK_FILE_HEIGHT] = {"file.height", "px"},
    [RTK_CHECK_FILE_DPI] = {"file.dpi", "dpi"},
    [RTK_CHECK_FILE_DEPTH] = {"file.depth", "bit"},
    [RTK_CHECK_FILE_BYTES] = {"file.bytes", "B"},
    [RTK_CHECK_FILE_QUALITY] = {"file.quality", ""},
    [RTK_CHECK_FILE_NAME] = {"file.name", ""},
    [RTK_CHECK_FACE_COUNT] = {"face.count", ""},
    [RTK_CHECK_PERSON_SINGLE] = {"person.single", ""},
    [RTK_CHECK_GEOMETRY_CENTRE] = {"geometry.centre", "px"},
    [RTK_CHECK_GEOMETRY_HAIR_TOP] = {"geometry.hair-top", "px"},
    [RTK_CHECK_GEOMETRY_EYE_LINE] = {"geometry.eye-line", "px"},
    [RTK_CHECK_GEOMETRY_FACE_WIDTH] = {"geometry.face-width", "px"},
    [RTK_CHECK_GEOMETRY_HEAD_WIDTH] = {"geometry.head-width", "px"},
    [RTK_CHECK_GEOMETRY_HEAD_HEIGHT] = {"geometry.head-height", "px"},
    [RTK_CHECK_GEOMETRY_EYE_DISTANCE] = {"geometry.eye-distance", "px"},
    [RTK_CHECK_GEOMETRY_HEAD_WHOLE] = {"geometry.head-whole", "px"},
    [RTK_CHECK_GEOMETRY_SHOULDERS_WHOLE] = {"geometry.shoulders-whole", ""},
    [RTK_CHECK_POSE_YAW] = {"pose.yaw", "deg"},
    [RTK_CHECK_POSE_PITCH] = {"pose.pitch", "deg"},
    [RTK_CHECK_POSE_ROLL] = {"pose.roll", "deg"},
    [RTK_CHECK_POSE_SHOULDERS_LEVEL] = {"pose.shoulders-level", "deg"},
    [RTK_CHECK_EYES_OPEN] = {"eyes.open", "ratio"},
    [RTK_CHECK_EYES_GAZE] = {"eyes.gaze", "ratio"},
    [RTK_CHECK_EYES_VISIBLE] = {"eyes.visible", "ratio"},
    [RTK_CHECK_EYES_RED] = {"eyes.red", "ratio"},
    [RTK_CHECK_MOUTH_CLOSED] = {"mouth.closed", "ratio"},
    [RTK_CHECK_EXPRESSION_NEUTRAL] = {"expression.neutral", "ratio"},
    [RTK_CHECK_EARS_VISIBLE] = {"ears.visible", ""},
    [RTK_CHECK_BROWS_VISIBLE] = {"brows.visible", "ratio"},
    [RTK_CHECK_HEAD_COVER] = {"head.cover", "ratio"},
    [RTK_CHECK_GLASSES_GLARE] = {"glasses.glare", "ratio"},
    [RTK_CHECK_GLASSES_TINT] = {"glasses.tint", "ratio"},
    [RTK_CHECK_GLASSES_FRAME] = {"glasses.frame", ""},
    [RTK_CHECK_LIGHT_EVEN] = {"light.even", "ratio"},
    [RTK_CHECK_LIGHT_HIGHLIGHT] = {"light.highlight", "ratio"},
    [RTK_CHECK_LIGHT_UNDER] = {"light.under", "ratio"},
    [RTK_CHECK_LIGHT_OVER] = {"light.over", "ratio"},
    [RTK_CHECK_LIGHT_MEAN] = {"light.mean", "ratio"},
    [RTK_CHECK_LIGHT_RANGE] = {"light.range", "bit"},
    [RTK_CHECK_COLOUR_NATURAL] = {"colour.natural", "dE"},
    [RTK_CHECK_FOCUS_SHARP] = {"focus.sharp", "ratio"},
    [RTK_CHECK_IMAGE_COMPRESSION] = {"image.compression", "ratio"},
    [RTK_CHECK_IMAGE_RESOLUTION] = {"image.resolution", "px"},
    [RTK_CHECK_BACKGROUND_PLAIN] = {"background.plain", "level"},
    [RTK_CHECK_BACKGROUND_SHADOW] = {"background.shadow", "level"},
    [RTK_CHECK_BACKGROUND_DARK] = {"background.dark", "ratio"},
    [RTK_CHECK_BACKGROUND_CLOTHES] = {"background.clothes", "dE"},
    [RTK_CHECK_AUTHENTIC_RECAPTURE] = {"authentic.recapture", ""},
    [RTK_CHECK_AUTHENTIC_RETOUCH] = {"authentic.retouch", ""},
    [RTK_CHECK_IDENTITY_MATCH] = {"identity.match", ""},
};
G_STATIC_ASSERT (G_N_ELEMENTS (checks) == RTK_N_CHECKS);

static const char *const verdicts[] = {
    [RTK_VERDICT_PASS] = "pass",       [RTK_VERDICT_WARN] = "warn",
    [RTK_VERDICT_FAIL] = "fail",       [RTK_VERDICT_CONFIRM] = "confirm",
    [RTK_VERDICT_UNKNOWN] = "unknown",
};

/**
 * rtk_check_id_to_string:
 * @id: a check
 *
 * Gives the name of a check on the wire. Any thread.
 *
 * Returns: (transfer none): a name such as "geometry.eye-line"
 */
const char *
rtk_check_id_to_string (RtkCheckId id)
{
  g_return_val_if_fail ((gsize)id < RTK_N_CHECKS, NULL);
  return checks[id].name;
}

/**
 * rtk_check_id_from_string:
 * @name: a name such as "geometry.eye-line"
 * @out_id: (out): the check
 *
 * Finds a check by its name on the wire. Any thread.
 *
 * Returns: whether there is such a check; on %FALSE @out_id is left as it was
 */
gboolean
rtk_check_id_from_string (const char *name, RtkCheckId *out_id)
{
  g_return_val_if_fail (name != NULL && out_id != NULL, FALSE);

  for (gsize i = 0; i < RTK_N_CHECKS; i++) {
    if (g_str_equal (checks[i].name, name)) {
      *out_id = (RtkCheckId)i;
      return TRUE;
    }
  }
  return FALSE;
}

/**
 * rtk_check_id_get_unit:
 * @id: a check
 *
 * Gives the unit of a check's value. Any thread.
 *
 * Returns: (transfer none): "px", "deg", "ratio" ..., or "" for counts and words
 */
const char *
rtk_check_id_get_unit (RtkCheckId id)
{
  g_return_val_if_fail ((gsize)id < RTK_N_CHECKS, NULL);
  return checks[id].unit;
}

/**
 * rtk_verdict_to_string:
 * @verdict: a verdict
 *
 * Gives the name of a verdict on the wire. Any thread.
 *
 * Returns: (transfer none): "pass", "warn", "fail", "confirm" or "unknown"
 */
const char *
rtk_verdict_to_string (RtkVerdict verdict)
{
  g_return_val_if_fail ((gsize)verdict < G_N_ELEMENTS (verdicts), NULL);
  return verdicts[verdict];
}

/**
 * rtk_verdict_from_string:
 * @name: a name such as "pass"
 * @out_verdict: (out): the verdict
 *
 * Finds a verdict by its name on the wire. Any thread.
 *
 * Returns: whether there is such a verdict; on %FALSE @out_verdict is left as it was
 */
gboolean
rtk_verdict_from_string (const char *name, RtkVerdict *out_verdict)
{
  g_return_val_if_fail (name != NULL && out_verdict != NULL, FALSE);

  for (gsize i = 0; i < G_N_ELEMENTS (verdicts); i++) {
    if (g_str_equal (verdicts[i], name)) {
      *out_verdict = (RtkVerdict)i;
      return TRUE;
    }
  }
  return FALSE;
}
