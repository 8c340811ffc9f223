/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-session"
#include "config.h"

#include "core/rtk-error.h"
#include "session/rtk-retake-session-private.h"

/* Whether the shot of @step is still the one that runs, for the person who is still open. */
static gboolean
is_current (RtkRetakeSession *self, RtkStep *step)
{
  return self != NULL && self->state == RTK_SESSION_SHOOTING &&
         step->cancellable == self->shot_cancellable && step->subject == self->subject;
}

static void
end_shot (RtkRetakeSession *self, RtkSessionMessage message, GError *error)
{
  g_clear_object (&self->shot_cancellable);
  self->capturing = FALSE;
  rtk_retake_session_enter (self, RTK_SESSION_LIVE);
  rtk_retake_session_fail (self, message, error);
}

static void
made_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkStep) step = user_data;
  g_autoptr (RtkRetakeSession) self = rtk_step_dup_session (step);
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkPhoto) photo = rtk_analyser_make_finish (RTK_ANALYSER (object), result, &error);
  g_autoptr (RtkAttempt) attempt = NULL;
  RtkSubject *subject = step->subject;

  if (!is_current (self, step))
    return;
  if (photo == NULL) {
    end_shot (self, RTK_SESSION_MESSAGE_SHOT_FAILED, g_steal_pointer (&error));
    return;
  }
  g_clear_object (&self->shot_cancellable);
  attempt = rtk_attempt_new (photo, ++subject->n_taken, (gint64)step->serial, subject->order_id);
  g_ptr_array_add (subject->attempts, g_object_ref (attempt));
  g_list_store_append (self->attempts, attempt);
  self->last_shot_ms =
      (double)(rtk_clock_monotonic (self->clock) - self->shot_at) / G_TIME_SPAN_MILLISECOND;
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_LAST_SHOT_MS);
  rtk_retake_session_set_chosen (self, attempt);
  rtk_retake_session_enter (self, RTK_SESSION_SHOT);
}

static void
make (RtkRetakeSession *self, RtkStill *still)
{
  const RtkBackground *background =
      self->background == NULL ? NULL
                               : rtk_rule_pack_find_background (self->pack, self->background);
  RtkStep *step;

  if (background == NULL) {
    end_shot (self, RTK_SESSION_MESSAGE_SHOT_FAILED,
              g_error_new (RTK_ERROR, RTK_ERROR_BAD_RULES, "The rule pack has no background"));
    return;
  }
  step = rtk_step_new (self, self->shot_cancellable);
  step->serial = (guint64)still->taken_at;
  rtk_analyser_make_async (self->analyser, still, self->pack, background, self->shot_cancellable,
                           made_cb, step);
}

static void
captured_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkStep) step = user_data;
  g_autoptr (RtkRetakeSession) self = rtk_step_dup_session (step);
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkStill) still = rtk_camera_capture_finish (RTK_CAMERA (object), result, &error);

  if (!is_current (self, step))
    return;
  self->capturing = FALSE;
  if (still == NULL) {
    gboolean lost = g_error_matches (error, RTK_ERROR, RTK_ERROR_CAMERA_LOST);

    end_shot (self, lost ? RTK_SESSION_MESSAGE_CAMERA_LOST : RTK_SESSION_MESSAGE_SHOT_FAILED,
              g_steal_pointer (&error));
    return;
  }
  make (self, still);
}

/* Whether the shutter may be pressed: green, or every failure was accepted by name. */
static gboolean
check_ready (RtkRetakeSession *self)
{
  g_autoptr (GArray) failed = NULL;

  if (self->ready)
    return TRUE;
  if (self->report == NULL) {
    rtk_retake_session_say (self, RTK_SESSION_MESSAGE_NOT_READY, NULL);
    return FALSE;
  }
  failed = rtk_retake_session_dup_failed (self);
  for (guint i = 0; i < failed->len; i++) {
    RtkCheckId id = g_array_index (failed, RtkCheckId, i);

    if (rtk_subject_find_override (self->subject, id) == NULL) {
      rtk_retake_session_say (self, RTK_SESSION_MESSAGE_NOT_READY, rtk_check_id_to_string (id));
      return FALSE;
    }
  }
  return TRUE;
}

static void
begin_shot (RtkRetakeSession *self)
{
  self->shot_at = rtk_clock_monotonic (self->clock);
  g_clear_object (&self->shot_cancellable);
  self->shot_cancellable = g_cancellable_new ();
  rtk_retake_session_fail (self, RTK_SESSION_MESSAGE_NONE, NULL);
  rtk_retake_session_say (self, RTK_SESSION_MESSAGE_NONE, NULL);
  rtk_retake_session_enter (self, RTK_SESSION_SHOOTING);
}

static gboolean
check_state (RtkRetakeSession *self, RtkSessionState wanted)
{
  if (self->closed)
    return FALSE;
  if (self->state == wanted)
    return TRUE;
  if (self->state == RTK_SESSION_SHOOTING || self->state == RTK_SESSION_SUBMITTING ||
      self->state == RTK_SESSION_UNDOING || self->state == RTK_SESSION_OPENING)
    rtk_retake_session_say (self, RTK_SESSION_MESSAGE_BUSY, NULL);
  return FALSE;
}

/**
 * rtk_retake_shot_camera_gone:
 * @self: a session
 *
 * The camera went away: a shutter that still waits for its still is over. A photo that is already
 * being finished comes all the same.
 */
void
rtk_retake_shot_camera_gone (RtkRetakeSession *self)
{
  if (self->state != RTK_SESSION_SHOOTING || !self->capturing)
    return;
  g_cancellable_cancel (self->shot_cancellable);
  end_shot (self, RTK_SESSION_MESSAGE_CAMERA_LOST,
            g_error_new (RTK_ERROR, RTK_ERROR_CAMERA_LOST, "The camera went away at the shutter"));
}

/**
 * rtk_retake_session_shoot:
 * @self: a session
 *
 * Presses the shutter: takes a still and makes the finished photo of it, for the person who is
 * open now. Only in the live view, and only when no blocking rule fails or each failure has been
 * accepted in "overrides".
 *
 * Returns: whether it began; the outcome is the state "shot", or a message in the live view
 */
gboolean
rtk_retake_session_shoot (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), FALSE);

  if (!check_state (self, RTK_SESSION_LIVE))
    return FALSE;
  if (self->camera == NULL || rtk_camera_get_state (self->camera) != RTK_CAMERA_LIVE) {
    rtk_retake_session_say (self, RTK_SESSION_MESSAGE_CAMERA_LOST, NULL);
    return FALSE;
  }
  if (!check_ready (self))
    return FALSE;
  begin_shot (self);
  self->capturing = TRUE;
  rtk_camera_capture_async (self->camera, self->shot_cancellable, captured_cb,
                            rtk_step_new (self, self->shot_cancellable));
  return TRUE;
}

/**
 * rtk_retake_session_take_still:
 * @self: a session
 * @still: a still that was taken elsewhere, such as a file
 *
 * Makes a finished photo of @still for the person who is open, as the shutter does. The rules are
 * judged on the photo; a failed one must be accepted before rtk_retake_session_submit().
 *
 * Returns: whether it began
 */
gboolean
rtk_retake_session_take_still (RtkRetakeSession *self, RtkStill *still)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self) && still != NULL, FALSE);

  if (!check_state (self, RTK_SESSION_LIVE))
    return FALSE;
  begin_shot (self);
  make (self, still);
  return TRUE;
}

/**
 * rtk_retake_session_choose:
 * @self: a session
 * @number: number of an attempt of the open subject, from 1
 *
 * Looks at an attempt: the one that would be submitted.
 *
 * Returns: whether there is such an attempt to be looked at now
 */
gboolean
rtk_retake_session_choose (RtkRetakeSession *self, guint number)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), FALSE);

  if (self->state != RTK_SESSION_SHOT && !check_state (self, RTK_SESSION_LIVE))
    return FALSE;
  for (guint i = 0; i < self->subject->attempts->len; i++) {
    RtkAttempt *attempt = g_ptr_array_index (self->subject->attempts, i);

    if (rtk_attempt_get_number (attempt) != number)
      continue;
    rtk_retake_session_set_chosen (self, attempt);
    rtk_retake_session_enter (self, RTK_SESSION_SHOT);
    return TRUE;
  }
  return FALSE;
}

/**
 * rtk_retake_session_retake:
 * @self: a session
 *
 * Goes back to the live view. The attempts stay in the film strip. Never after a submission.
 *
 * Returns: whether there was a photo to go back from
 */
gboolean
rtk_retake_session_retake (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), FALSE);

  if (!check_state (self, RTK_SESSION_SHOT))
    return FALSE;
  rtk_retake_session_set_chosen (self, NULL);
  rtk_retake_session_say (self, RTK_SESSION_MESSAGE_NONE, NULL);
  rtk_retake_session_enter (self, RTK_SESSION_LIVE);
  return TRUE;
}
