/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-session"
#include "config.h"

#include "core/rtk-error.h"
#include "session/rtk-retake-session-private.h"

/* A photo of an order is far below this; a larger blob is not one. */
#define OLD_PHOTO_MAX ((gsize)64 * 1024 * 1024)

static void
set_old_photo (RtkRetakeSession *self, RtkSubject *subject, RtkOldPhotoState state, GBytes *bytes)
{
  subject->old_photo_state = state;
  g_clear_pointer (&subject->old_photo, g_bytes_unref);
  if (bytes != NULL)
    subject->old_photo = g_bytes_ref (bytes);
  if (self->subject != subject)
    return;
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_OLD_PHOTO_STATE);
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_OLD_PHOTO);
}

static void
kept_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  /* It is shown all the same; only the next time it has to be fetched again. */
  if (!rtk_store_done_finish (RTK_STORE (object), result, &error))
    g_message ("An old photo could not be kept: %s", error->message);
}

/* The store checks on its own thread that @bytes are what @name says. */
static void
keep_old_photo (RtkRetakeSession *self, const char *name, GBytes *bytes)
{
  RtkBlob blob = {.bytes = bytes, .media_type = "image/jpeg"};

  if (name == NULL)
    return;
  g_strlcpy (blob.sha256, name, sizeof blob.sha256);
  rtk_store_put_blob_async (self->store, &blob, NULL, kept_cb, NULL);
}

static void
fetched_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkStep) step = user_data;
  g_autoptr (RtkRetakeSession) self = rtk_step_dup_session (step);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = rtk_transport_fetch_finish (RTK_TRANSPORT (object), result, &error);

  if (self == NULL || self->subject != step->subject)
    return;
  if (bytes == NULL) {
    gboolean away = g_error_matches (error, RTK_ERROR, RTK_ERROR_OFFLINE) ||
                    g_error_matches (error, RTK_ERROR, RTK_ERROR_UNAUTHORIZED);

    set_old_photo (self, step->subject, away ? RTK_OLD_PHOTO_OFFLINE : RTK_OLD_PHOTO_FAILED, NULL);
    return;
  }
  set_old_photo (self, step->subject, RTK_OLD_PHOTO_READY, bytes);
  keep_old_photo (self, rtk_subject_get_old_photo_name (step->subject), bytes);
}

static void
fetch_old_photo (RtkRetakeSession *self, RtkSubject *subject)
{
  const char *name = rtk_subject_get_old_photo_name (subject);

  if (self->transport == NULL || name == NULL) {
    set_old_photo (self, subject, RTK_OLD_PHOTO_OFFLINE, NULL);
    return;
  }
  rtk_transport_fetch_async (self->transport, name, subject->cancellable, fetched_cb,
                             rtk_step_new (self, NULL));
}

static void
old_photo_read_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkStep) step = user_data;
  g_autoptr (RtkRetakeSession) self = rtk_step_dup_session (step);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;

  if (g_output_stream_splice_finish (G_OUTPUT_STREAM (object), result, &error) >= 0)
    bytes = g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (object));
  if (self == NULL || self->subject != step->subject)
    return;
  if (bytes != NULL)
    set_old_photo (self, step->subject, RTK_OLD_PHOTO_READY, bytes);
  else
    fetch_old_photo (self, step->subject); /* damaged here: the server has it */
}

static void
old_photo_opened_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkStep) step = user_data;
  g_autoptr (RtkRetakeSession) self = rtk_step_dup_session (step);
  g_autoptr (GError) error = NULL;
  g_autoptr (GOutputStream) memory = NULL;
  GCancellable *cancellable;
  gsize         size = 0;
  g_autoptr (GInputStream) stream =
      rtk_vault_open_finish (RTK_VAULT (object), result, &size, &error);

  if (self == NULL || self->subject != step->subject)
    return;
  if (stream == NULL || size > OLD_PHOTO_MAX) {
    fetch_old_photo (self, step->subject);
    return;
  }
  cancellable = step->subject->cancellable;
  memory = g_memory_output_stream_new_resizable ();
  g_output_stream_splice_async (
      memory, stream, G_OUTPUT_STREAM_SPLICE_CLOSE_SOURCE | G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET,
      G_PRIORITY_DEFAULT, cancellable, old_photo_read_cb, g_steal_pointer (&step));
}

static void
opened_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkStep) step = user_data;
  g_autoptr (RtkRetakeSession) self = rtk_step_dup_session (step);
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) order = rtk_store_order_finish (RTK_STORE (object), result, &error);
  g_autoptr (RtkSubject) subject = NULL;

  if (self == NULL || step->cancellable != self->open_cancellable)
    return;
  g_clear_object (&self->open_cancellable);
  if (order == NULL) {
    gboolean missing = g_error_matches (error, RTK_ERROR, RTK_ERROR_NOT_FOUND);

    rtk_retake_session_enter (self, RTK_SESSION_IDLE);
    rtk_retake_session_fail (
        self, missing ? RTK_SESSION_MESSAGE_NOT_FOUND : RTK_SESSION_MESSAGE_OPEN_FAILED,
        g_steal_pointer (&error));
    return;
  }
  if (!rtk_order_may_retake (order)) {
    rtk_retake_session_enter (self, RTK_SESSION_IDLE);
    rtk_retake_session_say (self, RTK_SESSION_MESSAGE_NOT_RETAKABLE, rtk_order_get_number (order));
    return;
  }
  subject = rtk_subject_new (order);
  rtk_retake_session_set_subject (self, subject);
  rtk_retake_live_show (self);
  rtk_retake_session_fail (self, RTK_SESSION_MESSAGE_NONE, NULL);
  rtk_retake_session_say (self, RTK_SESSION_MESSAGE_NONE, NULL);
  rtk_retake_session_enter (self, RTK_SESSION_LIVE);
  rtk_retake_open_load_old_photo (self);
}

/* Makes room for the next person. */
static gboolean
begin_open (RtkRetakeSession *self)
{
  if (self->closed)
    return FALSE;
  if (self->state != RTK_SESSION_IDLE && self->state != RTK_SESSION_SUBMITTED) {
    rtk_retake_session_say (self, RTK_SESSION_MESSAGE_BUSY, NULL);
    return FALSE;
  }
  rtk_retake_submit_release (self);
  rtk_retake_session_set_subject (self, NULL);
  rtk_retake_live_show (self);
  rtk_retake_session_enter (self, RTK_SESSION_OPENING);
  g_clear_object (&self->open_cancellable);
  self->open_cancellable = g_cancellable_new ();
  return TRUE;
}

static void
code_checked_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkStep) step = user_data;
  g_autoptr (RtkRetakeSession) self = rtk_step_dup_session (step);
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) order = rtk_store_order_finish (RTK_STORE (object), result, &error);

  if (self == NULL || self->subject == NULL || self->subject != step->subject)
    return;
  if (order == NULL) {
    if (g_error_matches (error, RTK_ERROR, RTK_ERROR_NOT_FOUND))
      rtk_retake_session_say (self, RTK_SESSION_MESSAGE_UNKNOWN_CODE, NULL);
    else if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
      rtk_retake_session_fail (self, RTK_SESSION_MESSAGE_OPEN_FAILED, g_steal_pointer (&error));
    return;
  }
  if (g_strcmp0 (rtk_order_get_id (order), self->subject->order_id) == 0) {
    rtk_retake_session_say (self, RTK_SESSION_MESSAGE_SAME_CODE, NULL);
    return;
  }
  g_free (self->pending_order_id);
  self->pending_order_id = g_strdup (rtk_order_get_id (order));
  rtk_retake_session_say (self, RTK_SESSION_MESSAGE_OTHER_CODE, NULL);
}

static void
refreshed_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkStep) step = user_data;
  g_autoptr (RtkRetakeSession) self = rtk_step_dup_session (step);
  g_autoptr (RtkOrder) order = rtk_store_order_finish (RTK_STORE (object), result, NULL);

  if (self == NULL || order == NULL || self->subject == NULL || self->subject != step->subject ||
      self->state == RTK_SESSION_SUBMITTED)
    return;
  if (rtk_order_get_revision (order) == rtk_order_get_revision (self->subject->order))
    return;
  g_set_object (&self->subject->order, order);
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_ORDER);
  if (!rtk_order_may_retake (order))
    rtk_retake_session_say (self, RTK_SESSION_MESSAGE_ORDER_CHANGED, rtk_order_get_number (order));
}

static void
orders_changed_cb (RtkStore *store, gpointer user_data)
{
  rtk_retake_open_refresh (RTK_RETAKE_SESSION (user_data));
}

/**
 * rtk_retake_open_connect:
 * @self: a session
 *
 * Listens to the store from now on.
 */
void
rtk_retake_open_connect (RtkRetakeSession *self)
{
  g_signal_connect_object (self->store, "orders-changed", G_CALLBACK (orders_changed_cb), self, 0);
}

/**
 * rtk_retake_open_load_old_photo:
 * @self: a session with a subject
 *
 * Gets the earlier photo from the vault, else from the server (which the store then keeps). It
 * comes when it comes: nothing waits for it.
 */
void
rtk_retake_open_load_old_photo (RtkRetakeSession *self)
{
  RtkSubject *subject = self->subject;
  const char *name = rtk_subject_get_old_photo_name (subject);

  if (name == NULL || subject->old_photo_state == RTK_OLD_PHOTO_READY)
    return;
  set_old_photo (self, subject, RTK_OLD_PHOTO_LOADING, NULL);
  rtk_vault_open_async (self->vault, name, subject->cancellable, old_photo_opened_cb,
                        rtk_step_new (self, NULL));
}

/**
 * rtk_retake_open_refresh:
 * @self: a session
 *
 * Looks whether the open order has changed, so that a submission speaks of its newest revision.
 */
void
rtk_retake_open_refresh (RtkRetakeSession *self)
{
  if (self->closed || self->subject == NULL || self->state == RTK_SESSION_SUBMITTING ||
      self->state == RTK_SESSION_SUBMITTED || self->state == RTK_SESSION_UNDOING)
    return;
  rtk_store_get_order_async (self->store, self->subject->order_id, self->subject->cancellable,
                             refreshed_cb, rtk_step_new (self, NULL));
}

/**
 * rtk_retake_open_check_code:
 * @self: a session with a subject
 * @payload: the code that was read
 *
 * Finds out whose code it is. Nothing is swapped: "message" says what was found.
 */
void
rtk_retake_open_check_code (RtkRetakeSession *self, const char *payload)
{
  rtk_store_find_code_async (self->store, payload, self->subject->cancellable, code_checked_cb,
                             rtk_step_new (self, NULL));
}

/**
 * rtk_retake_session_open_order:
 * @self: a session
 * @order_id: id of an order
 *
 * Opens an order that was picked. What was submitted before is released: undo ends here.
 *
 * Returns: whether the look-up began; %FALSE while somebody else is open
 */
gboolean
rtk_retake_session_open_order (RtkRetakeSession *self, const char *order_id)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self) && order_id != NULL, FALSE);

  if (!begin_open (self))
    return FALSE;
  rtk_store_get_order_async (self->store, order_id, self->open_cancellable, opened_cb,
                             rtk_step_new (self, self->open_cancellable));
  return TRUE;
}

/**
 * rtk_retake_session_open_code:
 * @self: a session
 * @payload: a collection code, as it was scanned or typed; never logged, never kept
 *
 * Opens the order of a code. While somebody is open nothing is swapped: "message" tells whose code
 * it was, and rtk_retake_session_open_pending() changes over when a person agrees.
 *
 * Returns: whether the look-up of a new subject began
 */
gboolean
rtk_retake_session_open_code (RtkRetakeSession *self, const char *payload)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self) && payload != NULL, FALSE);

  if (!self->closed && self->subject != NULL && self->state != RTK_SESSION_SUBMITTED &&
      self->state != RTK_SESSION_SUBMITTING) {
    rtk_retake_open_check_code (self, payload);
    return FALSE;
  }
  if (!begin_open (self))
    return FALSE;
  rtk_store_find_code_async (self->store, payload, self->open_cancellable, opened_cb,
                             rtk_step_new (self, self->open_cancellable));
  return TRUE;
}

/**
 * rtk_retake_session_open_pending:
 * @self: a session
 *
 * Leaves the open subject for the one whose code was read meanwhile
 * (%RTK_SESSION_MESSAGE_OTHER_CODE): a person has agreed to it.
 *
 * Returns: whether the look-up began
 */
gboolean
rtk_retake_session_open_pending (RtkRetakeSession *self)
{
  g_autofree char *order_id = NULL;

  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), FALSE);

  order_id = g_strdup (self->pending_order_id);
  if (order_id == NULL)
    return FALSE;
  if (self->state != RTK_SESSION_SUBMITTED && !rtk_retake_session_leave (self))
    return FALSE;
  return rtk_retake_session_open_order (self, order_id);
}

/**
 * rtk_retake_session_leave:
 * @self: a session
 *
 * Leaves the subject, whatever step they are at; photos that were not submitted are gone (ask
 * first: rtk_retake_session_has_unsubmitted()). A submission stays, and can be undone until it is
 * released.
 *
 * Returns: %FALSE when there is nobody to leave, or while something is being written
 */
gboolean
rtk_retake_session_leave (RtkRetakeSession *self)
{
  g_return_val_if_fail (RTK_IS_RETAKE_SESSION (self), FALSE);

  if (self->state == RTK_SESSION_IDLE)
    return FALSE;
  if (self->state == RTK_SESSION_SUBMITTING || self->state == RTK_SESSION_UNDOING) {
    rtk_retake_session_say (self, RTK_SESSION_MESSAGE_BUSY, NULL);
    return FALSE;
  }
  g_cancellable_cancel (self->open_cancellable);
  g_clear_object (&self->open_cancellable);
  g_cancellable_cancel (self->shot_cancellable);
  g_clear_object (&self->shot_cancellable);
  self->capturing = FALSE;
  rtk_retake_session_set_subject (self, NULL);
  rtk_retake_live_show (self);
  rtk_retake_session_enter (self, RTK_SESSION_IDLE);
  rtk_retake_session_say (self, RTK_SESSION_MESSAGE_NONE, NULL);
  return TRUE;
}
