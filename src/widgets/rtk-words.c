/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-widgets"
#include "config.h"

#include "widgets/rtk-words.h"

#include "core/rtk-error.h"

#include <glib/gi18n.h>
#include <math.h>
#include <string.h>

/**
 * rtk_words_get_language:
 *
 * Finds which of the languages of a rule pack goes with the language of the window.
 *
 * Returns: zh-CN for every Chinese, English otherwise
 */
RtkLanguage
rtk_words_get_language (void)
{
  const char *name = g_get_language_names ()[0];

  return g_str_has_prefix (name, "zh") ? RTK_LANGUAGE_ZH_CN : RTK_LANGUAGE_EN;
}

/**
 * rtk_words_verdict:
 * @verdict: a verdict
 *
 * Returns: (transfer none): its word, translated
 */
const char *
rtk_words_verdict (RtkVerdict verdict)
{
  switch (verdict) {
  case RTK_VERDICT_PASS:
    return C_ ("verdict", "Pass");
  case RTK_VERDICT_WARN:
    return C_ ("verdict", "Look");
  case RTK_VERDICT_FAIL:
    return C_ ("verdict", "Fail");
  case RTK_VERDICT_CONFIRM:
    return C_ ("verdict", "By eye");
  case RTK_VERDICT_UNKNOWN:
  default:
    return C_ ("verdict", "Unknown");
  }
}

/**
 * rtk_words_verdict_icon:
 * @verdict: a verdict
 *
 * Returns: (transfer none): name of its icon: each verdict has a shape of its own
 */
const char *
rtk_words_verdict_icon (RtkVerdict verdict)
{
  static const char *const icons[] = {
      [RTK_VERDICT_PASS] = "rtk-pass-symbolic",
      [RTK_VERDICT_WARN] = "rtk-warn-symbolic",
      [RTK_VERDICT_FAIL] = "rtk-fail-symbolic",
      [RTK_VERDICT_CONFIRM] = "rtk-confirm-symbolic",
      [RTK_VERDICT_UNKNOWN] = "rtk-unknown-symbolic",
  };

  g_return_val_if_fail ((gsize)verdict < G_N_ELEMENTS (icons), icons[0]);
  return icons[verdict];
}

/**
 * rtk_words_verdict_class:
 * @verdict: a verdict
 *
 * Returns: (transfer none): the style class that colours it
 */
const char *
rtk_words_verdict_class (RtkVerdict verdict)
{
  static const char *const classes[] = {
      [RTK_VERDICT_PASS] = "verdict-pass",       [RTK_VERDICT_WARN] = "verdict-warn",
      [RTK_VERDICT_FAIL] = "verdict-fail",       [RTK_VERDICT_CONFIRM] = "verdict-confirm",
      [RTK_VERDICT_UNKNOWN] = "verdict-unknown",
  };

  g_return_val_if_fail ((gsize)verdict < G_N_ELEMENTS (classes), classes[0]);
  return classes[verdict];
}

/**
 * rtk_words_reason_state:
 * @state: whether an old reason is mended
 *
 * Returns: (transfer none): its word, translated
 */
const char *
rtk_words_reason_state (RtkReasonState state)
{
  switch (state) {
  case RTK_REASON_NOT_YET:
    return C_ ("reason", "Not yet");
  case RTK_REASON_FIXED:
    return C_ ("reason", "Fixed");
  case RTK_REASON_CANNOT_TELL:
  default:
    return C_ ("reason", "Check by eye");
  }
}

/**
 * rtk_words_error:
 * @error: any error
 *
 * Returns: (transfer none): one translated sentence: what happened and what to do
 */
const char *
rtk_words_error (const GError *error)
{
  return _ (rtk_error_sentence (error));
}

/**
 * rtk_words_session_message:
 * @message: what the session has to say
 *
 * Returns: (transfer none) (nullable): its sentence, translated; %NULL when there is nothing to
 *   say, or when the sentence of the session's error says it
 */
const char *
rtk_words_session_message (RtkSessionMessage message)
{
  switch (message) {
  case RTK_SESSION_MESSAGE_NOT_FOUND:
    return _ ("No order has this code: check the code, or look the graduate up in the list.");
  case RTK_SESSION_MESSAGE_NOT_RETAKABLE:
    return _ ("This order cannot be retaken: it is not paid, or already delivered.");
  case RTK_SESSION_MESSAGE_OTHER_CODE:
    return _ ("Another graduate's code was scanned: leave this one first.");
  case RTK_SESSION_MESSAGE_SAME_CODE:
    return _ ("The code belongs to this graduate: the right person.");
  case RTK_SESSION_MESSAGE_UNKNOWN_CODE:
    return _ ("This code belongs to nobody on the list: check who is in front of the camera.");
  case RTK_SESSION_MESSAGE_BUSY:
    return _ ("One moment: the step before is not finished yet.");
  case RTK_SESSION_MESSAGE_CAMERA_LOST:
    return _ ("The camera went away: check its cable and shoot again. Earlier photos are kept.");
  case RTK_SESSION_MESSAGE_UNDONE:
    return _ ("The submission was taken back: the photo is here again.");
  case RTK_SESSION_MESSAGE_UNDO_TOO_LATE:
    return _ ("Too late to undo: the submission is on its way. Retake and submit again.");
  case RTK_SESSION_MESSAGE_ORDER_CHANGED:
    return _ ("This order was changed elsewhere and cannot be retaken now.");
  case RTK_SESSION_MESSAGE_NONE:
  case RTK_SESSION_MESSAGE_ANALYSIS_FAILED:
  case RTK_SESSION_MESSAGE_OPEN_FAILED:
  case RTK_SESSION_MESSAGE_NOT_READY:
  case RTK_SESSION_MESSAGE_SHOT_FAILED:
  case RTK_SESSION_MESSAGE_NEEDS_OVERRIDE:
  case RTK_SESSION_MESSAGE_SUBMIT_FAILED:
  case RTK_SESSION_MESSAGE_SUBMITTED:
  case RTK_SESSION_MESSAGE_UNDO_FAILED:
  case RTK_SESSION_MESSAGE_RELEASED:
  case RTK_N_SESSION_MESSAGES:
  default:
    return NULL;
  }
}

/**
 * rtk_words_old_photo:
 * @state: where the earlier photo stands
 *
 * Returns: (transfer none): what stands in its place, translated
 */
const char *
rtk_words_old_photo (RtkOldPhotoState state)
{
  switch (state) {
  case RTK_OLD_PHOTO_LOADING:
    return _ ("Loading the earlier photo…");
  case RTK_OLD_PHOTO_OFFLINE:
    return _ ("The earlier photo is on the server, which cannot be reached. Work goes on.");
  case RTK_OLD_PHOTO_FAILED:
    return _ ("The earlier photo cannot be shown. Work goes on.");
  case RTK_OLD_PHOTO_NONE:
  case RTK_OLD_PHOTO_READY:
  default:
    return _ ("No earlier photo");
  }
}

/**
 * rtk_words_camera:
 * @state: of the camera
 * @out_title: (out) (transfer none) (nullable): what is the matter, %NULL while it is live
 * @out_advice: (out) (transfer none): what to do
 */
void
rtk_words_camera (RtkCameraState state, const char **out_title, const char **out_advice)
{
  *out_title = NULL;
  *out_advice = "";
  switch (state) {
  case RTK_CAMERA_LIVE:
    break;
  case RTK_CAMERA_STARTING:
    *out_title = _ ("Opening the camera…");
    *out_advice = _ ("The picture appears in a moment.");
    break;
  case RTK_CAMERA_LOST:
    *out_title = _ ("The camera is gone");
    *out_advice = _ ("Check its cable. It comes back by itself; nothing is lost.");
    break;
  case RTK_CAMERA_BUSY:
    *out_title = _ ("Another program uses the camera");
    *out_advice = _ ("Close that program. The picture then comes by itself.");
    break;
  case RTK_CAMERA_NONE:
    *out_title = _ ("No camera");
    *out_advice = _ ("Plug a camera in. It is picked up by itself.");
    break;
  case RTK_CAMERA_FAILED:
    *out_title = _ ("This camera cannot be used");
    *out_advice = _ ("Choose another one below.");
    break;
  case RTK_CAMERA_OFF:
  default:
    *out_title = _ ("The camera is off");
    *out_advice = _ ("Choose a camera below.");
    break;
  }
}

/**
 * rtk_words_light_name:
 * @kind: which light
 *
 * Returns: (transfer none): what it is about, translated
 */
const char *
rtk_words_light_name (RtkLightKind kind)
{
  switch (kind) {
  case RTK_LIGHT_CAMERA:
    return _ ("Camera");
  case RTK_LIGHT_SERVER:
    return _ ("Server");
  case RTK_LIGHT_OUTBOX:
    return _ ("Outbox");
  case RTK_LIGHT_DISK:
  case RTK_N_LIGHTS:
  default:
    return _ ("Disk");
  }
}

/**
 * rtk_words_light_icon:
 * @kind: which light
 *
 * Returns: (transfer none): name of its icon
 */
const char *
rtk_words_light_icon (RtkLightKind kind)
{
  static const char *const icons[RTK_N_LIGHTS] = {
      [RTK_LIGHT_CAMERA] = "rtk-camera-symbolic",
      [RTK_LIGHT_SERVER] = "rtk-server-symbolic",
      [RTK_LIGHT_OUTBOX] = "rtk-outbox-symbolic",
      [RTK_LIGHT_DISK] = "rtk-disk-symbolic",
  };

  g_return_val_if_fail (kind < RTK_N_LIGHTS, icons[0]);
  return icons[kind];
}

/**
 * rtk_words_light_class:
 * @level: of a light
 *
 * Returns: (transfer none): the style class that colours it
 */
const char *
rtk_words_light_class (RtkLightLevel level)
{
  static const char *const classes[] = {
      [RTK_LIGHT_OFF] = "light-off",   [RTK_LIGHT_OK] = "light-ok",
      [RTK_LIGHT_BUSY] = "light-busy", [RTK_LIGHT_WARN] = "light-warn",
      [RTK_LIGHT_BAD] = "light-bad",
  };

  g_return_val_if_fail ((gsize)level < G_N_ELEMENTS (classes), classes[0]);
  return classes[level];
}

static char *
since_text (gint64 since_us)
{
  g_autoptr (GDateTime) since = g_date_time_new_from_unix_local (since_us / G_USEC_PER_SEC);

  return since != NULL ? g_date_time_format (since, "%H:%M") : g_strdup ("–");
}

/**
 * rtk_words_light_message:
 * @light: a light
 *
 * Returns: (transfer full): what it says now, translated
 */
char *
rtk_words_light_message (RtkLight *light)
{
  const char      *name = rtk_light_get_name (light);
  gint64           value = rtk_light_get_value (light);
  g_autofree char *text = NULL;

  switch (rtk_light_get_message (light)) {
  case RTK_LIGHT_MESSAGE_CAMERA_OFF:
    return g_strdup (_ ("Off"));
  case RTK_LIGHT_MESSAGE_CAMERA_STARTING:
    return g_strdup (_ ("Opening…"));
  case RTK_LIGHT_MESSAGE_CAMERA_LIVE:
    return g_strdup (name != NULL ? name : _ ("Live"));
  case RTK_LIGHT_MESSAGE_CAMERA_LOST:
    return g_strdup (_ ("Gone"));
  case RTK_LIGHT_MESSAGE_CAMERA_BUSY:
    return g_strdup (_ ("Used by another program"));
  case RTK_LIGHT_MESSAGE_CAMERA_NONE:
    return g_strdup (_ ("None found"));
  case RTK_LIGHT_MESSAGE_CAMERA_FAILED:
    return g_strdup (_ ("Cannot be used"));
  case RTK_LIGHT_MESSAGE_SERVER_NONE:
    return g_strdup (_ ("No server"));
  case RTK_LIGHT_MESSAGE_SERVER_SIGNED_OUT:
    return g_strdup (_ ("Not signed in"));
  case RTK_LIGHT_MESSAGE_SERVER_ONLINE:
    /* Translators: %s is the name of a member of staff. */
    return name != NULL ? g_strdup_printf (_ ("Connected as %s"), name)
                        : g_strdup (_ ("Connected"));
  case RTK_LIGHT_MESSAGE_SERVER_OFFLINE:
    text = since_text (value);
    /* Translators: %s is a time such as 09:12. */
    return g_strdup_printf (_ ("Offline since %s"), text);
  case RTK_LIGHT_MESSAGE_OUTBOX_EMPTY:
    return g_strdup (_ ("All delivered"));
  case RTK_LIGHT_MESSAGE_OUTBOX_SENDING:
    return g_strdup_printf (ngettext ("Sending %d item", "Sending %d items", (gulong)value),
                            (int)value);
  case RTK_LIGHT_MESSAGE_OUTBOX_WAITING:
    return g_strdup_printf (ngettext ("%d item waits", "%d items wait", (gulong)value), (int)value);
  case RTK_LIGHT_MESSAGE_OUTBOX_ATTENTION:
    return g_strdup_printf (ngettext ("%d item needs you", "%d items need you", (gulong)value),
                            (int)value);
  case RTK_LIGHT_MESSAGE_DISK_OK:
  case RTK_LIGHT_MESSAGE_DISK_LOW:
  case RTK_LIGHT_MESSAGE_DISK_FULL:
    text = g_format_size ((guint64)MAX (value, 0));
    /* Translators: %s is a size such as 12 GB. */
    return g_strdup_printf (_ ("%s free"), text);
  case RTK_LIGHT_MESSAGE_DISK_UNKNOWN:
    return g_strdup (_ ("Free space unknown"));
  case RTK_LIGHT_MESSAGE_NONE:
  case RTK_N_LIGHT_MESSAGES:
  default:
    return g_strdup ("–");
  }
}

/**
 * rtk_words_light_advice:
 * @message: of a light
 *
 * Returns: (transfer none) (nullable): what to do, translated; %NULL when there is nothing
 */
const char *
rtk_words_light_advice (RtkLightMessage message)
{
  const char *title, *advice;

  switch (message) {
  case RTK_LIGHT_MESSAGE_CAMERA_OFF:
    return _ ("Choose a camera under the live picture.");
  case RTK_LIGHT_MESSAGE_CAMERA_LOST:
    rtk_words_camera (RTK_CAMERA_LOST, &title, &advice);
    return advice;
  case RTK_LIGHT_MESSAGE_CAMERA_BUSY:
    rtk_words_camera (RTK_CAMERA_BUSY, &title, &advice);
    return advice;
  case RTK_LIGHT_MESSAGE_CAMERA_NONE:
    rtk_words_camera (RTK_CAMERA_NONE, &title, &advice);
    return advice;
  case RTK_LIGHT_MESSAGE_CAMERA_FAILED:
    return _ ("Choose a camera under the live picture.");
  case RTK_LIGHT_MESSAGE_SERVER_SIGNED_OUT:
    return _ ("Sign in. Until then work goes on and everything is kept here.");
  case RTK_LIGHT_MESSAGE_SERVER_OFFLINE:
    return _ ("Work goes on. Everything is sent by itself when the server is back.");
  case RTK_LIGHT_MESSAGE_OUTBOX_WAITING:
    return _ ("It is sent by itself. Nothing to do.");
  case RTK_LIGHT_MESSAGE_OUTBOX_ATTENTION:
    return _ ("Open each one and decide what holds.");
  case RTK_LIGHT_MESSAGE_DISK_LOW:
    return _ ("Let the outbox empty, then free some space.");
  case RTK_LIGHT_MESSAGE_DISK_FULL:
    return _ ("Free some space now: new photos cannot be kept.");
  case RTK_LIGHT_MESSAGE_NONE:
  case RTK_LIGHT_MESSAGE_CAMERA_STARTING:
  case RTK_LIGHT_MESSAGE_CAMERA_LIVE:
  case RTK_LIGHT_MESSAGE_SERVER_NONE:
  case RTK_LIGHT_MESSAGE_SERVER_ONLINE:
  case RTK_LIGHT_MESSAGE_OUTBOX_EMPTY:
  case RTK_LIGHT_MESSAGE_OUTBOX_SENDING:
  case RTK_LIGHT_MESSAGE_DISK_OK:
  case RTK_LIGHT_MESSAGE_DISK_UNKNOWN:
  case RTK_N_LIGHT_MESSAGES:
  default:
    return NULL;
  }
}

/**
 * rtk_words_value:
 * @value: a measure, may be NAN
 * @unit: (nullable): its unit
 *
 * Returns: (transfer full): the number as short as it says something, with its unit
 */
char *
rtk_words_value (double value, const char *unit)
{
  const char *space = unit != NULL && strcmp (unit, "°") != 0 && unit[0] != '\0' ? " " : "";

  if (isnan (value))
    return g_strdup ("");
  if (unit == NULL)
    unit = "";
  if (g_str_equal (unit, "ratio") || g_str_equal (unit, "count"))
    unit = space = "";
  if (g_str_equal (unit, "deg")) {
    unit = "°";
    space = "";
  }
  if (fabs (value) >= 100.0 || value == floor (value))
    return g_strdup_printf ("%.0f%s%s", value, space, unit);
  return g_strdup_printf (fabs (value) >= 10.0 ? "%.1f%s%s" : "%.2f%s%s", value, space, unit);
}
