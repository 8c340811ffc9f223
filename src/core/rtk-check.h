/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * RtkCheckId:
 *
 * Every check the engine knows, in the order of the command-line contract. The names on the wire
 * ("geometry.eye-line") come from rtk_check_id_to_string().
 */
typedef enum {
  RTK_CHECK_FILE_FORMAT,
  RTK_CHECK_FILE_WIDTH,
  RTK_CHECK_FILE_HEIGHT,
  RTK_CHECK_FILE_DPI,
  RTK_CHECK_FILE_DEPTH,
  RTK_CHECK_FILE_BYTES,
  RTK_CHECK_FILE_QUALITY,
  RTK_CHECK_FILE_NAME,
  RTK_CHECK_FACE_COUNT,
  RTK_CHECK_PERSON_SINGLE,
  RTK_CHECK_GEOMETRY_CENTRE,
  RTK_CHECK_GEOMETRY_HAIR_TOP,
  RTK_CHECK_GEOMETRY_EYE_LINE,
  RTK_CHECK_GEOMETRY_FACE_WIDTH,
  RTK_CHECK_GEOMETRY_HEAD_WHOLE,
  RTK_CHECK_GEOMETRY_SHOULDERS_WHOLE,
  RTK_CHECK_POSE_YAW,
  RTK_CHECK_POSE_PITCH,
  RTK_CHECK_POSE_ROLL,
  RTK_CHECK_POSE_SHOULDERS_LEVEL,
  RTK_CHECK_EYES_OPEN,
  RTK_CHECK_EYES_GAZE,
  RTK_CHECK_EYES_VISIBLE,
  RTK_CHECK_EYES_RED,
  RTK_CHECK_MOUTH_CLOSED,
  RTK_CHECK_EXPRESSION_NEUTRAL,
  RTK_CHECK_EARS_VISIBLE,
  RTK_CHECK_BROWS_VISIBLE,
  RTK_CHECK_HEAD_COVER,
  RTK_CHECK_GLASSES_GLARE,
  RTK_CHECK_GLASSES_TINT,
  RTK_CHECK_GLASSES_FRAME,
  RTK_CHECK_LIGHT_EVEN,
  RTK_CHECK_LIGHT_HIGHLIGHT,
  RTK_CHECK_LIGHT_UNDER,
  RTK_CHECK_LIGHT_OVER,
  RTK_CHECK_LIGHT_MEAN,
  RTK_CHECK_LIGHT_RANGE,
  RTK_CHECK_COLOUR_NATURAL,
  RTK_CHECK_FOCUS_SHARP,
  RTK_CHECK_IMAGE_COMPRESSION,
  RTK_CHECK_IMAGE_RESOLUTION,
  RTK_CHECK_BACKGROUND_PLAIN,
  RTK_CHECK_BACKGROUND_SHADOW,
  RTK_CHECK_BACKGROUND_DARK,
  RTK_CHECK_BACKGROUND_CLOTHES,
  RTK_CHECK_AUTHENTIC_RECAPTURE,
  RTK_CHECK_AUTHENTIC_RETOUCH,
  RTK_CHECK_IDENTITY_MATCH,
  RTK_N_CHECKS
} RtkCheckId;

/**
 * RtkVerdict:
 * @RTK_VERDICT_PASS: within the limits
 * @RTK_VERDICT_WARN: near a limit, or outside an advisory one
 * @RTK_VERDICT_FAIL: outside a limit
 * @RTK_VERDICT_CONFIRM: a person must say
 * @RTK_VERDICT_UNKNOWN: could not be measured
 *
 * What the engine says of one check, and of a whole picture.
 */
typedef enum {
  RTK_VERDICT_PASS,
  RTK_VERDICT_WARN,
  RTK_VERDICT_FAIL,
  RTK_VERDICT_CONFIRM,
  RTK_VERDICT_UNKNOWN,
} RtkVerdict;

const char *rtk_check_id_to_string (RtkCheckId id);
gboolean    rtk_check_id_from_string (const char *name, RtkCheckId *out_id);
const char *rtk_check_id_get_unit (RtkCheckId id);
const char *rtk_verdict_to_string (RtkVerdict verdict);
gboolean    rtk_verdict_from_string (const char *name, RtkVerdict *out_verdict);

G_END_DECLS
