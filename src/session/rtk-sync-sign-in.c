/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-session"
#include "config.h"

#include "core/rtk-error.h"
#include "session/rtk-sync-session-private.h"

static void
station_kept_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = G_TASK (user_data);
  RtkSyncSession *self = g_task_get_source_object (task);
  g_autoptr (GError) error = NULL;

  if (!rtk_store_done_finish (RTK_STORE (object), result, &error)) {
    g_task_return_error (task, g_steal_pointer (&error));
    return;
  }
  rtk_sync_session_poke (self);
  g_task_return_boolean (task, TRUE);
}

static void
signed_in_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = G_TASK (user_data);
  RtkSyncSession *self = g_task_get_source_object (task);
  g_autoptr (GError) error = NULL;
  g_autofree char *station_id = NULL;
  g_autoptr (GBytes) code_key = NULL;

  if (!rtk_transport_done_finish (RTK_TRANSPORT (object), result, &error)) {
    g_task_return_error (task, g_steal_pointer (&error));
    return;
  }
  if (g_task_return_error_if_cancelled (task))
    return;
  station_id = rtk_transport_dup_station_id (self->transport);
  code_key = rtk_transport_dup_code_key (self->transport);
  if (station_id == NULL) {
    g_task_return_new_error (task, RTK_ERROR, RTK_ERROR_SERVER,
                             "The server did not say which station this is");
    return;
  }
  rtk_store_set_station_async (self->store, station_id, code_key, NULL, station_kept_cb,
                               g_steal_pointer (&task));
}

/**
 * rtk_sync_session_sign_in_async:
 * @self: a session
 * @user: name of the member of staff
 * @password: never kept
 * @cancellable: (nullable): ends the call
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Signs in at the server, and gives what enrolment brought (the station's id and its key for code
 * digests) to the store. A started session begins a round then.
 */
void
rtk_sync_session_sign_in_async (RtkSyncSession     *self,
                                const char         *user,
                                const char         *password,
                                GCancellable       *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer            user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (RTK_IS_SYNC_SESSION (self) && user != NULL && password != NULL);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, rtk_sync_session_sign_in_async);
  rtk_transport_sign_in_async (self->transport, user, password, cancellable, signed_in_cb,
                               g_steal_pointer (&task));
}

/**
 * rtk_sync_session_sign_in_finish:
 * @self: a session
 * @result: what the callback was given
 * @error: return location; %RTK_ERROR_UNAUTHORIZED for a wrong name or password
 *
 * Ends rtk_sync_session_sign_in_async().
 *
 * Returns: whether somebody is signed in now
 */
gboolean
rtk_sync_session_sign_in_finish (RtkSyncSession *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_sync_session_sign_in_async), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * rtk_sync_session_get_state:
 * @self: a session
 *
 * Returns: where the exchange stands
 */
RtkSyncState
rtk_sync_session_get_state (RtkSyncSession *self)
{
  g_return_val_if_fail (RTK_IS_SYNC_SESSION (self), RTK_SYNC_STOPPED);
  return self->state;
}

/**
 * rtk_sync_session_get_waiting:
 * @self: a session
 *
 * Returns: operations that are not done yet, held ones included
 */
guint
rtk_sync_session_get_waiting (RtkSyncSession *self)
{
  g_return_val_if_fail (RTK_IS_SYNC_SESSION (self), 0);
  return self->store == NULL ? 0 : rtk_store_get_outbox_length (self->store);
}

/**
 * rtk_sync_session_get_attention:
 * @self: a session
 *
 * Returns: operations that a person must look at, as of the last round
 */
guint
rtk_sync_session_get_attention (RtkSyncSession *self)
{
  g_return_val_if_fail (RTK_IS_SYNC_SESSION (self), 0);
  return self->attention;
}

/**
 * rtk_sync_session_get_error:
 * @self: a session
 *
 * Returns: (transfer none) (nullable): what went wrong in the last round
 */
const GError *
rtk_sync_session_get_error (RtkSyncSession *self)
{
  g_return_val_if_fail (RTK_IS_SYNC_SESSION (self), NULL);
  return self->error;
}

/**
 * rtk_sync_session_get_last_sync:
 * @self: a session
 *
 * Returns: wall clock of the last complete round, 0 = never
 */
gint64
rtk_sync_session_get_last_sync (RtkSyncSession *self)
{
  g_return_val_if_fail (RTK_IS_SYNC_SESSION (self), 0);
  return self->last_sync;
}

/**
 * rtk_sync_session_get_offline_since:
 * @self: a session
 *
 * Returns: wall clock since when the server cannot be reached, 0 = it can
 */
gint64
rtk_sync_session_get_offline_since (RtkSyncSession *self)
{
  g_return_val_if_fail (RTK_IS_SYNC_SESSION (self), 0);
  return self->offline_since;
}

/**
 * rtk_sync_session_get_next_try:
 * @self: a session
 *
 * Returns: wall clock of the next round, 0 = none is planned
 */
gint64
rtk_sync_session_get_next_try (RtkSyncSession *self)
{
  g_return_val_if_fail (RTK_IS_SYNC_SESSION (self), 0);
  return self->next_try;
}
