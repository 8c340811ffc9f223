/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-store"
#include "config.h"

#include "core/rtk-error.h"
#include "store/rtk-sqlite-store-private.h"

#include <sodium.h>
#include <string.h>

/* The calls of RtkSqliteStore that are about keys and small things to remember. Names of settings
 * and secrets get a prefix of their own, so that no caller meets those of the store. */

static void
wipe_text (gpointer text)
{
  sodium_memzero (text, strlen (text));
  g_free (text);
}

static void
create_work (GTask *task, gpointer data)
{
  RtkStoreCall *call = g_task_get_task_data (task);
  GError       *error = NULL;
  char         *recovery = NULL;

  if (!rtk_store_state_create (data, call->text[0], call->text[1], &call->cost, &recovery,
                               &error)) {
    g_task_return_error (task, error);
    return;
  }
  rtk_sqlite_store_announce (task, data, RTK_STORE_CHANGED_ORDERS);
  g_task_return_pointer (task, recovery, wipe_text);
}

/**
 * rtk_sqlite_store_create_async:
 * @self: a store without a keyring
 * @staff: name of the first member of staff
 * @passphrase: not empty; the caller wipes its own copy
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Makes the station's data key and signing key and unlocks the store: the end of the first start.
 */
void
rtk_sqlite_store_create_async (RtkSqliteStore     *self,
                               const char         *staff,
                               const char         *passphrase,
                               GCancellable       *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer            user_data)
{
  RtkStoreCall *call;

  g_return_if_fail (RTK_IS_SQLITE_STORE (self) && staff != NULL && passphrase != NULL);

  call = rtk_store_call_new (staff, passphrase, NULL);
  call->cost = *rtk_sqlite_store_get_key_cost (self);
  rtk_sqlite_store_push (self, rtk_sqlite_store_create_async, call, create_work, cancellable,
                         callback, user_data);
}

/**
 * rtk_sqlite_store_create_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: %RTK_ERROR_EXISTS, %RTK_ERROR_USAGE (empty passphrase), %RTK_ERROR_READ_ONLY,
 *   %RTK_ERROR_DISK_FULL or %RTK_ERROR_STORAGE
 *
 * Returns: (transfer full): the recovery key, to be printed, wiped and forgotten; or %NULL
 */
char *
rtk_sqlite_store_create_finish (RtkSqliteStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_sqlite_store_create_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
unlock_work (GTask *task, gpointer data)
{
  RtkStoreCall *call = g_task_get_task_data (task);
  GError       *error = NULL;
  gboolean      done = rtk_store_state_unlock (data, call->text[0], call->text[1], &error);

  rtk_sqlite_store_answer (task, data, done, error,
                           RTK_STORE_CHANGED_ORDERS | RTK_STORE_CHANGED_OUTBOX);
}

/**
 * rtk_sqlite_store_unlock_async:
 * @self: a store with a keyring
 * @staff: (nullable): whose passphrase it is; %NULL tries all, half a second each
 * @passphrase: a passphrase, or the recovery key in any spelling; the caller wipes its own copy
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Unlocks the store. When it is unlocked already the passphrase is checked all the same: for the
 * idle window, behind which work goes on.
 */
void
rtk_sqlite_store_unlock_async (RtkSqliteStore     *self,
                               const char         *staff,
                               const char         *passphrase,
                               GCancellable       *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer            user_data)
{
  g_return_if_fail (RTK_IS_SQLITE_STORE (self) && passphrase != NULL);

  rtk_sqlite_store_push (self, rtk_sqlite_store_push, rtk_store_call_new (staff, passphrase, NULL),
                         unlock_work, cancellable, callback, user_data);
}

/**
 * rtk_sqlite_store_unlock_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: %RTK_ERROR_BAD_PASSPHRASE, %RTK_ERROR_DAMAGED, %RTK_ERROR_BAD_STATE without a keyring
 *
 * Returns: whether the store is unlocked
 */
gboolean
rtk_sqlite_store_unlock_finish (RtkSqliteStore *self, GAsyncResult *result, GError **error)
{
  return rtk_store_done_finish (RTK_STORE (self), result, error);
}

static void
lock_work (GTask *task, gpointer data)
{
  rtk_store_state_lock (data);
  rtk_sqlite_store_answer (task, data, TRUE, NULL, RTK_STORE_CHANGED_ORDERS);
}

/**
 * rtk_sqlite_store_lock_async:
 * @self: a store
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Signs out: wipes the keys and the search table. Streams of the vault that are open go on.
 */
void
rtk_sqlite_store_lock_async (RtkSqliteStore     *self,
                             GCancellable       *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer            user_data)
{
  g_return_if_fail (RTK_IS_SQLITE_STORE (self));

  rtk_sqlite_store_push (self, rtk_sqlite_store_push, rtk_store_call_new (NULL, NULL, NULL),
                         lock_work, cancellable, callback, user_data);
}

static void
add_staff_work (GTask *task, gpointer data)
{
  RtkStoreState *state = data;
  RtkStoreCall  *call = g_task_get_task_data (task);
  GError        *error = NULL;
  gboolean       done =
      rtk_store_state_require (state, TRUE, &error) &&
      rtk_keyring_add (state->db, state->master, call->text[0], call->text[1], &call->cost, &error);

  rtk_sqlite_store_answer (task, data, done, error, RTK_STORE_CHANGED_NOTHING);
}

/**
 * rtk_sqlite_store_add_staff_async:
 * @self: an unlocked store
 * @staff: name of a member of staff without a passphrase: %RTK_ERROR_EXISTS
 * @passphrase: not empty
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Lets another member of staff unlock the store.
 */
void
rtk_sqlite_store_add_staff_async (RtkSqliteStore     *self,
                                  const char         *staff,
                                  const char         *passphrase,
                                  GCancellable       *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer            user_data)
{
  RtkStoreCall *call;

  g_return_if_fail (RTK_IS_SQLITE_STORE (self) && staff != NULL && passphrase != NULL);

  call = rtk_store_call_new (staff, passphrase, NULL);
  call->cost = *rtk_sqlite_store_get_key_cost (self);
  rtk_sqlite_store_push (self, rtk_sqlite_store_push, call, add_staff_work, cancellable, callback,
                         user_data);
}

static void
remove_staff_work (GTask *task, gpointer data)
{
  RtkStoreState *state = data;
  RtkStoreCall  *call = g_task_get_task_data (task);
  GError        *error = NULL;
  gboolean       done = rtk_store_state_require (state, TRUE, &error) &&
                  rtk_keyring_remove (state->db, call->text[0], &error);

  rtk_sqlite_store_answer (task, data, done, error, RTK_STORE_CHANGED_NOTHING);
}

/**
 * rtk_sqlite_store_remove_staff_async:
 * @self: an unlocked store
 * @staff: name of a member of staff; the last one stays: %RTK_ERROR_BAD_STATE
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Takes a member of staff's passphrase away.
 */
void
rtk_sqlite_store_remove_staff_async (RtkSqliteStore     *self,
                                     const char         *staff,
                                     GCancellable       *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer            user_data)
{
  g_return_if_fail (RTK_IS_SQLITE_STORE (self) && staff != NULL);

  rtk_sqlite_store_push (self, rtk_sqlite_store_push, rtk_store_call_new (staff, NULL, NULL),
                         remove_staff_work, cancellable, callback, user_data);
}

static void
change_passphrase_work (GTask *task, gpointer data)
{
  RtkStoreState *state = data;
  RtkStoreCall  *call = g_task_get_task_data (task);
  GError        *error = NULL;
  gboolean       done = rtk_store_state_require_writable (state, &error) &&
                  rtk_keyring_change (state->db, call->text[0], call->text[1], call->text[2],
                                      &call->cost, &error);

  rtk_sqlite_store_answer (task, data, done, error, RTK_STORE_CHANGED_NOTHING);
}

/**
 * rtk_sqlite_store_change_passphrase_async:
 * @self: a store, unlocked or not
 * @staff: name of a member of staff
 * @old_passphrase: the present one, or the recovery key
 * @new_passphrase: not empty
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Changes a passphrase: %RTK_ERROR_BAD_PASSPHRASE when the old one does not fit.
 */
void
rtk_sqlite_store_change_passphrase_async (RtkSqliteStore     *self,
                                          const char         *staff,
                                          const char         *old_passphrase,
                                          const char         *new_passphrase,
                                          GCancellable       *cancellable,
                                          GAsyncReadyCallback callback,
                                          gpointer            user_data)
{
  RtkStoreCall *call;

  g_return_if_fail (RTK_IS_SQLITE_STORE (self) && staff != NULL);
  g_return_if_fail (old_passphrase != NULL && new_passphrase != NULL);

  call = rtk_store_call_new (staff, old_passphrase, new_passphrase);
  call->cost = *rtk_sqlite_store_get_key_cost (self);
  rtk_sqlite_store_push (self, rtk_sqlite_store_push, call, change_passphrase_work, cancellable,
                         callback, user_data);
}

static void
list_staff_work (GTask *task, gpointer data)
{
  RtkStoreState *state = data;
  GError        *error = NULL;
  char         **names = rtk_keyring_list (state->db, &error);

  if (names != NULL)
    g_task_return_pointer (task, names, (GDestroyNotify)g_strfreev);
  else
    g_task_return_error (task, error);
}

/**
 * rtk_sqlite_store_list_staff_async:
 * @self: a store, unlocked or not
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Asks who can unlock the store.
 */
void
rtk_sqlite_store_list_staff_async (RtkSqliteStore     *self,
                                   GCancellable       *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data)
{
  g_return_if_fail (RTK_IS_SQLITE_STORE (self));

  rtk_sqlite_store_push (self, rtk_sqlite_store_list_staff_async,
                         rtk_store_call_new (NULL, NULL, NULL), list_staff_work, cancellable,
                         callback, user_data);
}

/**
 * rtk_sqlite_store_list_staff_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: %RTK_ERROR_STORAGE
 *
 * Returns: (transfer full) (array zero-terminated=1): names, in the order they came; or %NULL
 */
char **
rtk_sqlite_store_list_staff_finish (RtkSqliteStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_sqlite_store_list_staff_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static char *
own_name (const char *name)
{
  return g_strdup_printf ("app/%s", name);
}

static void
set_setting_work (GTask *task, gpointer data)
{
  RtkStoreState   *state = data;
  RtkStoreCall    *call = g_task_get_task_data (task);
  GError          *error = NULL;
  g_autofree char *name = own_name (call->text[0]);
  gboolean         done = rtk_store_state_require_writable (state, &error) &&
                  rtk_db_set_setting (state->db, name, call->text[1], &error);

  rtk_sqlite_store_answer (task, data, done, error, RTK_STORE_CHANGED_NOTHING);
}

/**
 * rtk_sqlite_store_set_setting_async:
 * @self: a store, unlocked or not
 * @name: name of the setting
 * @value: its value; kept in the clear
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Keeps a setting of the station (the server's address, a rule pack).
 */
void
rtk_sqlite_store_set_setting_async (RtkSqliteStore     *self,
                                    const char         *name,
                                    const char         *value,
                                    GCancellable       *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer            user_data)
{
  g_return_if_fail (RTK_IS_SQLITE_STORE (self) && name != NULL && value != NULL);

  rtk_sqlite_store_push (self, rtk_sqlite_store_push, rtk_store_call_new (name, value, NULL),
                         set_setting_work, cancellable, callback, user_data);
}

static void
get_setting_work (GTask *task, gpointer data)
{
  RtkStoreState   *state = data;
  RtkStoreCall    *call = g_task_get_task_data (task);
  GError          *error = NULL;
  g_autofree char *name = own_name (call->text[0]);
  char            *value = rtk_db_dup_setting (state->db, name, &error);

  if (value != NULL)
    g_task_return_pointer (task, value, g_free);
  else
    g_task_return_error (task, error);
}

/**
 * rtk_sqlite_store_get_setting_async:
 * @self: a store, unlocked or not
 * @name: name of the setting
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Reads a setting of the station.
 */
void
rtk_sqlite_store_get_setting_async (RtkSqliteStore     *self,
                                    const char         *name,
                                    GCancellable       *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer            user_data)
{
  g_return_if_fail (RTK_IS_SQLITE_STORE (self) && name != NULL);

  rtk_sqlite_store_push (self, rtk_sqlite_store_get_setting_async,
                         rtk_store_call_new (name, NULL, NULL), get_setting_work, cancellable,
                         callback, user_data);
}

/**
 * rtk_sqlite_store_get_setting_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: %RTK_ERROR_STORAGE
 *
 * Returns: (transfer full): the value, "" when it was never set; %NULL on failure
 */
char *
rtk_sqlite_store_get_setting_finish (RtkSqliteStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_sqlite_store_get_setting_async),
                        NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
set_secret_work (GTask *task, gpointer data)
{
  RtkStoreCall    *call = g_task_get_task_data (task);
  GError          *error = NULL;
  g_autofree char *name = own_name (call->text[0]);
  gboolean         done = rtk_store_state_set_secret (data, name, call->bytes, &error);

  rtk_sqlite_store_answer (task, data, done, error, RTK_STORE_CHANGED_NOTHING);
}

/**
 * rtk_sqlite_store_set_secret_async:
 * @self: an unlocked store
 * @name: name of the secret
 * @secret: (nullable): its bytes; %NULL forgets it
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Keeps a secret of the station (a token), sealed.
 */
void
rtk_sqlite_store_set_secret_async (RtkSqliteStore     *self,
                                   const char         *name,
                                   GBytes             *secret,
                                   GCancellable       *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data)
{
  RtkStoreCall *call;

  g_return_if_fail (RTK_IS_SQLITE_STORE (self) && name != NULL);

  call = rtk_store_call_new (name, NULL, NULL);
  call->bytes = secret != NULL ? g_bytes_ref (secret) : NULL;
  rtk_sqlite_store_push (self, rtk_sqlite_store_push, call, set_secret_work, cancellable, callback,
                         user_data);
}

static void
get_secret_work (GTask *task, gpointer data)
{
  RtkStoreCall    *call = g_task_get_task_data (task);
  GError          *error = NULL;
  g_autofree char *name = own_name (call->text[0]);
  GBytes          *secret = rtk_store_state_dup_secret (data, name, &error);

  if (secret != NULL)
    g_task_return_pointer (task, secret, (GDestroyNotify)g_bytes_unref);
  else
    g_task_return_error (task, error);
}

/**
 * rtk_sqlite_store_get_secret_async:
 * @self: an unlocked store
 * @name: name of the secret
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Reads a secret of the station.
 */
void
rtk_sqlite_store_get_secret_async (RtkSqliteStore     *self,
                                   const char         *name,
                                   GCancellable       *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data)
{
  g_return_if_fail (RTK_IS_SQLITE_STORE (self) && name != NULL);

  rtk_sqlite_store_push (self, rtk_sqlite_store_get_secret_async,
                         rtk_store_call_new (name, NULL, NULL), get_secret_work, cancellable,
                         callback, user_data);
}

/**
 * rtk_sqlite_store_get_secret_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: %RTK_ERROR_NOT_FOUND, %RTK_ERROR_LOCKED, %RTK_ERROR_DAMAGED
 *
 * Returns: (transfer full): its bytes, wiped when they are freed; or %NULL
 */
GBytes *
rtk_sqlite_store_get_secret_finish (RtkSqliteStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_sqlite_store_get_secret_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
