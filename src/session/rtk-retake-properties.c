/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-session"
#include "config.h"

#include "session/rtk-retake-session-private.h"

/**
 * rtk_retake_session_get_state:
 * @self: a session
 *
 * Returns: what is being done now
 */
RtkSessionState
rtk_retake_session_get_state (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), RTK_SESSION_IDLE);
  return self->state;
}

/**
 * rtk_retake_session_get_order:
 * @self: a session
 *
 * Returns: (transfer none) (nullable): the open order
 */
RtkOrder *
rtk_retake_session_get_order (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), NULL);
  return self->subject == NULL ? NULL : self->subject->order;
}

/**
 * rtk_retake_session_get_old_photo:
 * @self: a session
 *
 * Returns: (transfer none) (nullable): JPEG of the earlier photo
 */
GBytes *
rtk_retake_session_get_old_photo (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), NULL);
  return self->subject == NULL ? NULL : self->subject->old_photo;
}

/**
 * rtk_retake_session_get_old_photo_state:
 * @self: a session
 *
 * Returns: where the earlier photo stands
 */
RtkOldPhotoState
rtk_retake_session_get_old_photo_state (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), RTK_OLD_PHOTO_NONE);
  return self->subject == NULL ? RTK_OLD_PHOTO_NONE : self->subject->old_photo_state;
}

/**
 * rtk_retake_session_get_frame:
 * @self: a session
 *
 * Returns: (transfer none) (nullable): the newest frame
 */
RtkFrame *
rtk_retake_session_get_frame (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), NULL);
  return self->frame;
}

/**
 * rtk_retake_session_get_preview:
 * @self: a session
 *
 * Returns: (transfer none) (nullable): a live frame as the finished photo would be, BGRA32
 */
RtkImage *
rtk_retake_session_get_preview (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), NULL);
  return self->preview;
}

/**
 * rtk_retake_session_get_analysis:
 * @self: a session
 *
 * Returns: (transfer none) (nullable): what was measured in the newest frame that was judged
 */
RtkAnalysis *
rtk_retake_session_get_analysis (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), NULL);
  return self->analysis;
}

/**
 * rtk_retake_session_get_report:
 * @self: a session
 *
 * Returns: (transfer none) (nullable): the verdicts on the live view
 */
RtkReport *
rtk_retake_session_get_report (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), NULL);
  return self->report;
}

/**
 * rtk_retake_session_get_report_frame_serial:
 * @self: a session
 *
 * Returns: serial of the frame that the report is about, 0 without a report
 */
guint64
rtk_retake_session_get_report_frame_serial (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), 0);
  return self->report_serial;
}

/**
 * rtk_retake_session_get_checks:
 * @self: a session
 *
 * Returns: (transfer none): the rule chips; the same object always
 */
RtkCheckList *
rtk_retake_session_get_checks (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), NULL);
  return self->checks;
}

/**
 * rtk_retake_session_get_reasons:
 * @self: a session
 *
 * Returns: (transfer none): the old reasons of the open order; the same object always
 */
RtkReasonList *
rtk_retake_session_get_reasons (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), NULL);
  return self->reasons;
}

/**
 * rtk_retake_session_get_attempts:
 * @self: a session
 *
 * Returns: (transfer none): the film strip, of #RtkAttempt; the same object always
 */
GListModel *
rtk_retake_session_get_attempts (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), NULL);
  return G_LIST_MODEL (self->attempts);
}

/**
 * rtk_retake_session_get_chosen:
 * @self: a session
 *
 * Returns: (transfer none) (nullable): the attempt that is looked at
 */
RtkAttempt *
rtk_retake_session_get_chosen (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), NULL);
  return self->subject == NULL ? NULL : self->subject->chosen;
}

/**
 * rtk_retake_session_get_message:
 * @self: a session
 *
 * Returns: what was said last
 */
RtkSessionMessage
rtk_retake_session_get_message (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), RTK_SESSION_MESSAGE_NONE);
  return self->message;
}

/**
 * rtk_retake_session_get_detail:
 * @self: a session
 *
 * Returns: (transfer none) (nullable): the word the message is about
 */
const char *
rtk_retake_session_get_detail (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), NULL);
  return self->detail;
}

/**
 * rtk_retake_session_get_error:
 * @self: a session
 *
 * Returns: (transfer none) (nullable): why the last step failed
 */
const GError *
rtk_retake_session_get_error (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), NULL);
  return self->error;
}

/**
 * rtk_retake_session_get_submitted_operation:
 * @self: a session
 *
 * Returns: (transfer none) (nullable): what can be undone
 */
RtkOperation *
rtk_retake_session_get_submitted_operation (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), NULL);
  return self->held_operation;
}

/**
 * rtk_retake_session_get_undo_deadline:
 * @self: a session
 *
 * Returns: wall clock until which it can be undone, 0 = nothing to undo
 */
gint64
rtk_retake_session_get_undo_deadline (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), 0);
  return self->undo_deadline;
}

/**
 * rtk_retake_session_get_last_shot_ms:
 * @self: a session
 *
 * Returns: milliseconds from the shutter to the finished photo, 0 = none yet
 */
double
rtk_retake_session_get_last_shot_ms (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), 0);
  return self->last_shot_ms;
}

/**
 * rtk_retake_session_get_pack:
 * @self: a session
 *
 * Returns: (transfer none): the rules
 */
RtkRulePack *
rtk_retake_session_get_pack (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), NULL);
  return self->pack;
}

/**
 * rtk_retake_session_get_background:
 * @self: a session
 *
 * Returns: (transfer none) (nullable): name of the background of the next photo
 */
const char *
rtk_retake_session_get_background (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), NULL);
  return self->background;
}

/**
 * rtk_retake_session_get_overrides:
 * @self: a session
 *
 * Returns: (transfer none) (nullable) (element-type RtkOverride): what is accepted for the open
 * subject
 */
GPtrArray *
rtk_retake_session_get_overrides (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), NULL);
  return self->subject == NULL ? NULL : self->subject->overrides;
}

/**
 * rtk_retake_session_is_ready:
 * @self: a session
 *
 * Returns: whether the shutter may be pressed without an override
 */
gboolean
rtk_retake_session_is_ready (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), FALSE);
  return self->ready;
}

/**
 * rtk_retake_session_has_unsubmitted:
 * @self: a session
 *
 * Returns: whether leaving would throw photos away that were not submitted: ask first
 */
gboolean
rtk_retake_session_has_unsubmitted (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), FALSE);
  return self->subject != NULL && self->subject->attempts->len > 0 &&
         self->state != RTK_SESSION_SUBMITTED;
}

/**
 * rtk_retake_session_dup_failed:
 * @self: a session
 *
 * Lists what a named person would have to accept now: of the chosen photo, else of the live view.
 *
 * Returns: (transfer full) (element-type RtkCheckId): blocking checks that fail or could not be
 *   measured, maybe none
 */
GArray *
rtk_retake_session_dup_failed (RtkRetakeSession *self)
{
  GArray         *failed;
  const RtkCheck *checks;
  guint           n = 0;

  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), NULL);

  if (self->subject != NULL && self->subject->chosen != NULL)
    return rtk_attempt_dup_failed (self->subject->chosen);
  failed = g_array_new (FALSE, FALSE, sizeof (RtkCheckId));
  checks = self->report == NULL ? NULL : rtk_report_get_checks (self->report, &n);
  for (guint i = 0; i < n; i++)
    if (checks[i].blocking &&
        (checks[i].verdict == RTK_VERDICT_FAIL || checks[i].verdict == RTK_VERDICT_UNKNOWN))
      g_array_append_val (failed, checks[i].id);
  return failed;
}

/**
 * rtk_retake_session_set_pack:
 * @self: a session
 * @pack: other rules
 *
 * Changes the rules. Photos that were taken keep the verdicts they have.
 */
void
rtk_retake_session_set_pack (RtkRetakeSession *self, RtkRulePack *pack)
{
  g_return_if_fail (RTK_IS_RETAKE_SESSION (self) && pack != NULL);

  if (pack == self->pack)
    return;
  rtk_rule_pack_ref (pack);
  rtk_rule_pack_unref (self->pack);
  self->pack = pack;
  if (self->background == NULL || rtk_rule_pack_find_background (pack, self->background) == NULL) {
    guint                n = 0;
    const RtkBackground *backgrounds = rtk_rule_pack_get_backgrounds (pack, &n);

    rtk_retake_session_set_background (self, n == 0 ? NULL : backgrounds[0].name);
  }
  rtk_check_list_set_pack (self->checks, pack);
  rtk_retake_live_forget (self);
  rtk_retake_live_ask_preview (self);
  rtk_retake_live_show (self);
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_PACK);
}

/**
 * rtk_retake_session_set_background:
 * @self: a session
 * @name: (nullable): one of the pack's backgrounds
 *
 * Chooses what the next photo is composed over.
 */
void
rtk_retake_session_set_background (RtkRetakeSession *self, const char *name)
{
  g_return_if_fail (RTK_IS_RETAKE_SESSION (self));
  g_return_if_fail (name == NULL || rtk_rule_pack_find_background (self->pack, name) != NULL);

  if (g_strcmp0 (name, self->background) == 0)
    return;
  g_free (self->background);
  self->background = g_strdup (name);
  rtk_retake_live_ask_preview (self);
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_BACKGROUND);
}

/**
 * rtk_retake_session_set_overrides:
 * @self: a session
 * @overrides: (nullable) (element-type RtkOverride): what a named person accepts; copied
 *
 * Keeps what is accepted for the subject that is open. Nothing happens when nobody is.
 */
void
rtk_retake_session_set_overrides (RtkRetakeSession *self, GPtrArray *overrides)
{
  GPtrArray *copy = NULL;

  g_return_if_fail (RTK_IS_RETAKE_SESSION (self));

  if (self->subject == NULL)
    return;
  if (overrides != NULL) {
    copy = g_ptr_array_new_with_free_func ((GDestroyNotify)rtk_override_free);
    for (guint i = 0; i < overrides->len; i++)
      g_ptr_array_add (copy, rtk_override_copy (g_ptr_array_index (overrides, i)));
  }
  g_clear_pointer (&self->subject->overrides, g_ptr_array_unref);
  self->subject->overrides = copy;
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_OVERRIDES);
}

/**
 * rtk_retake_session_set_undo_seconds:
 * @self: a session
 * @seconds: 0..3600
 *
 * Changes how long the next submission can be undone.
 */
void
rtk_retake_session_set_undo_seconds (RtkRetakeSession *self, guint seconds)
{
  g_return_if_fail (RTK_IS_RETAKE_SESSION (self));

  seconds = MIN (seconds, 3600);
  if (seconds == self->undo_seconds)
    return;
  self->undo_seconds = seconds;
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_UNDO_SECONDS);
}

/**
 * rtk_retake_session_set_previewing:
 * @self: a session
 * @previewing: whether "preview" is wanted: it costs a second core
 */
void
rtk_retake_session_set_previewing (RtkRetakeSession *self, gboolean previewing)
{
  g_return_if_fail (RTK_IS_RETAKE_SESSION (self));

  if (self->previewing == !!previewing)
    return;
  self->previewing = !!previewing;
  rtk_retake_live_ask_preview (self);
}
