/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-session"
#include "config.h"

#include "core/rtk-error.h"
#include "session/rtk-retake-session-private.h"

static void shutdown_continue (RtkRetakeSession *self);

static void
set_held (RtkRetakeSession *self, RtkSubject *subject, RtkOperation *operation, gint64 deadline)
{
  g_clear_handle_id (&self->release_id, g_source_remove);
  if (subject != NULL)
    rtk_subject_ref (subject);
  g_clear_pointer (&self->held, rtk_subject_unref);
  self->held = subject;
  self->held_until = rtk_clock_monotonic (self->clock) + deadline - rtk_clock_now (self->clock);
  if (g_set_object (&self->held_operation, operation))
    rtk_retake_session_notify (self, RTK_RETAKE_PROP_SUBMITTED_OPERATION);
  if (self->undo_deadline != deadline) {
    self->undo_deadline = deadline;
    rtk_retake_session_notify (self, RTK_RETAKE_PROP_UNDO_DEADLINE);
  }
}

static gboolean
release_due_cb (gpointer user_data)
{
  RtkRetakeSession *self = RTK_RETAKE_SESSION (user_data);

  self->release_id = 0;
  rtk_retake_submit_settle (self);
  return G_SOURCE_REMOVE;
}

static void
released_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  /* Nothing is lost: the store lets it go by itself when its time has come, or at a restart. */
  if (!rtk_store_done_finish (RTK_STORE (object), result, &error))
    g_message ("A held submission could not be released early: %s", error->message);
}

/* What is held has been sent on its way or taken back: nobody can undo it any more. When the
 * person is still on the screen, they go. */
static void
end_undo (RtkRetakeSession *self, RtkSessionMessage message)
{
  gboolean shown = self->state == RTK_SESSION_SUBMITTED;

  set_held (self, NULL, NULL, 0);
  if (!shown)
    return;
  rtk_retake_session_set_subject (self, NULL);
  rtk_retake_live_show (self);
  rtk_retake_session_enter (self, RTK_SESSION_IDLE);
  rtk_retake_session_say (self, message, NULL);
}

static void
committed_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkStep) step = user_data;
  g_autoptr (RtkRetakeSession) self = rtk_step_dup_session (step);
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOperation) operation =
      rtk_store_commit_submission_finish (RTK_STORE (object), result, &error);

  if (self == NULL)
    return;
  if (operation == NULL) {
    rtk_retake_session_enter (self, RTK_SESSION_SHOT);
    rtk_retake_session_fail (self, RTK_SESSION_MESSAGE_SUBMIT_FAILED, g_steal_pointer (&error));
  } else {
    set_held (self, step->subject, operation, (gint64)step->serial);
    rtk_retake_session_enter (self, RTK_SESSION_SUBMITTED);
    rtk_retake_session_fail (self, RTK_SESSION_MESSAGE_NONE, NULL);
    rtk_retake_session_say (self, RTK_SESSION_MESSAGE_SUBMITTED, NULL);
    rtk_retake_submit_settle (self);
  }
  shutdown_continue (self);
}

static void
undone_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkStep) step = user_data;
  g_autoptr (RtkRetakeSession) self = rtk_step_dup_session (step);
  g_autoptr (RtkSubject) subject = NULL;
  g_autoptr (GError) error = NULL;
  gboolean done = rtk_store_done_finish (RTK_STORE (object), result, &error);

  if (self == NULL)
    return;
  if (done) {
    subject = rtk_subject_ref (self->held);
    set_held (self, NULL, NULL, 0);
    rtk_retake_session_set_subject (self, subject);
    rtk_retake_live_show (self);
    rtk_retake_session_enter (self, RTK_SESSION_SHOT);
    rtk_retake_session_fail (self, RTK_SESSION_MESSAGE_NONE, NULL);
    rtk_retake_session_say (self, RTK_SESSION_MESSAGE_UNDONE, NULL);
    rtk_retake_open_refresh (self);
    rtk_retake_open_load_old_photo (self);
  } else if (g_error_matches (error, RTK_ERROR, RTK_ERROR_BAD_STATE) ||
             g_error_matches (error, RTK_ERROR, RTK_ERROR_NOT_FOUND)) {
    rtk_retake_session_enter (self, self->undo_from);
    end_undo (self, RTK_SESSION_MESSAGE_NONE);
    rtk_retake_session_fail (self, RTK_SESSION_MESSAGE_UNDO_TOO_LATE, g_steal_pointer (&error));
  } else {
    rtk_retake_session_enter (self, self->undo_from);
    rtk_retake_session_fail (self, RTK_SESSION_MESSAGE_UNDO_FAILED, g_steal_pointer (&error));
    rtk_retake_submit_settle (self);
  }
  shutdown_continue (self);
}

/* The overrides that this photo needs, and no others: an acceptance of what does not fail would
 * be untrue. */
static GPtrArray *
collect_overrides (RtkRetakeSession *self, RtkCheckId *out_missing)
{
  g_autoptr (GArray) failed = rtk_attempt_dup_failed (self->subject->chosen);
  g_autoptr (GPtrArray) overrides =
      g_ptr_array_new_with_free_func ((GDestroyNotify)rtk_override_free);

  for (guint i = 0; i < failed->len; i++) {
    RtkCheckId         id = g_array_index (failed, RtkCheckId, i);
    const RtkOverride *override = rtk_subject_find_override (self->subject, id);

    if (override == NULL) {
      *out_missing = id;
      return NULL;
    }
    g_ptr_array_add (overrides, rtk_override_copy (override));
  }
  return g_steal_pointer (&overrides);
}

/**
 * rtk_retake_submit_release:
 * @self: a session
 *
 * Lets what is held go now: the next person is there.
 */
void
rtk_retake_submit_release (RtkRetakeSession *self)
{
  if (self->held_operation == NULL)
    return;
  set_held (self, NULL, NULL, 0);
  rtk_store_release_async (self->store, NULL, released_cb, NULL);
}

/**
 * rtk_retake_submit_settle:
 * @self: a session
 *
 * Lets what is held go when its time has come by the clock, else wakes up again for it.
 */
void
rtk_retake_submit_settle (RtkRetakeSession *self)
{
  gint64 left_us;

  if (self->held_operation == NULL || self->state == RTK_SESSION_UNDOING)
    return;
  /* The wall clock may be set back: no longer than it was meant to be. */
  left_us = MIN (self->undo_deadline - rtk_clock_now (self->clock),
                 self->held_until - rtk_clock_monotonic (self->clock));
  if (left_us <= 0) {
    rtk_store_release_async (self->store, NULL, released_cb, NULL);
    end_undo (self, RTK_SESSION_MESSAGE_RELEASED);
    return;
  }
  if (self->release_id == 0) {
    /* The wall clock may be set forward: look again at least every second. */
    guint wait_ms = (guint)MIN (left_us / 1000 + 1, 1000);

    self->release_id = g_timeout_add (wait_ms, release_due_cb, self);
  }
}

/**
 * rtk_retake_session_submit:
 * @self: a session
 * @actor: name of the member of staff who submits
 *
 * Writes the chosen photo to the vault and its submission to the outbox, in one step of the store;
 * it is held for "undo-seconds", until the next subject is opened or until the shutdown, whichever
 * is first. Every blocking rule that fails on it must have been accepted in "overrides", with a
 * reason and a name.
 *
 * Returns: whether it began
 */
gboolean
rtk_retake_session_submit (RtkRetakeSession *self, const char *actor)
{
  g_autoptr (GPtrArray) overrides = NULL;
  RtkCheckId  missing = RTK_N_CHECKS;
  RtkAttempt *chosen;
  RtkStep    *step;
  gint64      release_at;

  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), FALSE);
  g_return_val_if_fail (actor != NULL && *actor != '\0', FALSE);

  if (self->closed || self->state != RTK_SESSION_SHOT) {
    if (self->state == RTK_SESSION_SUBMITTING || self->state == RTK_SESSION_SHOOTING)
      rtk_retake_session_say (self, RTK_SESSION_MESSAGE_BUSY, NULL);
    return FALSE;
  }
  chosen = self->subject->chosen;
  /* Attempts are bound at the shutter: if they ever mixed, nothing may be written. */
  g_return_val_if_fail (g_strcmp0 (rtk_attempt_get_order_id (chosen), self->subject->order_id) == 0,
                        FALSE);
  if (!rtk_order_may_retake (self->subject->order)) {
    rtk_retake_session_say (self, RTK_SESSION_MESSAGE_ORDER_CHANGED,
                            rtk_order_get_number (self->subject->order));
    return FALSE;
  }
  overrides = collect_overrides (self, &missing);
  if (overrides == NULL) {
    rtk_retake_session_say (self, RTK_SESSION_MESSAGE_NEEDS_OVERRIDE,
                            rtk_check_id_to_string (missing));
    return FALSE;
  }
  release_at = rtk_clock_now (self->clock) + self->undo_seconds * G_TIME_SPAN_SECOND;
  rtk_retake_session_enter (self, RTK_SESSION_SUBMITTING);
  step = rtk_step_new (self, NULL);
  step->serial = (guint64)release_at;
  /* No cancellable: a commit is never given up half way. */
  rtk_store_commit_submission_async (self->store, self->subject->order,
                                     rtk_attempt_get_photo (chosen), overrides, actor, release_at,
                                     NULL, committed_cb, step);
  return TRUE;
}

/**
 * rtk_retake_session_undo:
 * @self: a session
 *
 * Takes back what was submitted last and is still held, also after leaving the subject: the person
 * is open again with all attempts.
 *
 * Returns: whether it began; %FALSE with a message when it was released already
 */
gboolean
rtk_retake_session_undo (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), FALSE);

  if (self->closed)
    return FALSE;
  if (self->state != RTK_SESSION_SUBMITTED && self->state != RTK_SESSION_IDLE) {
    if (self->state == RTK_SESSION_SUBMITTING)
      rtk_retake_session_say (self, RTK_SESSION_MESSAGE_BUSY, NULL);
    return FALSE;
  }
  if (self->held_operation == NULL) {
    rtk_retake_session_say (self, RTK_SESSION_MESSAGE_UNDO_TOO_LATE, NULL);
    return FALSE;
  }
  self->undo_from = self->state;
  rtk_retake_session_enter (self, RTK_SESSION_UNDOING);
  rtk_store_undo_async (self->store, rtk_operation_get_id (self->held_operation), NULL, undone_cb,
                        rtk_step_new (self, NULL));
  return TRUE;
}

static void
shutdown_released_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = G_TASK (user_data);
  g_autoptr (GError) error = NULL;

  if (rtk_store_done_finish (RTK_STORE (object), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

/* Goes on with a shutdown when nothing is being written any more. */
static void
shutdown_continue (RtkRetakeSession *self)
{
  GTask *task;

  if (self->shutdown == NULL || self->state == RTK_SESSION_SUBMITTING ||
      self->state == RTK_SESSION_UNDOING)
    return;
  task = g_steal_pointer (&self->shutdown);
  set_held (self, NULL, NULL, 0);
  rtk_retake_session_leave (self);
  rtk_store_release_async (self->store, NULL, shutdown_released_cb, task);
}

/**
 * rtk_retake_session_shutdown_async:
 * @self: a session
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Ends the work: waits for what is being written, drops the rest and releases what is held.
 */
void
rtk_retake_session_shutdown_async (RtkRetakeSession   *self,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (RTK_IS_RETAKE_SESSION (self));

  task = g_task_new (self, NULL, callback, user_data);
  g_task_set_source_tag (task, rtk_retake_session_shutdown_async);
  if (self->closed) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  self->closed = TRUE;
  if (self->camera != NULL)
    rtk_camera_set_scanning (self->camera, FALSE);
  self->shutdown = g_steal_pointer (&task);
  shutdown_continue (self);
}

/**
 * rtk_retake_session_shutdown_finish:
 * @self: a session
 * @result: what the callback was given
 * @error: return location: of the store
 *
 * Ends rtk_retake_session_shutdown_async().
 *
 * Returns: whether what was held is on its way; if not, a restart releases it
 */
gboolean
rtk_retake_session_shutdown_finish (RtkRetakeSession *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_retake_session_shutdown_async),
                        FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}
