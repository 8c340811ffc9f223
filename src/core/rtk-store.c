/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-store.h"

G_DEFINE_INTERFACE (RtkStore, rtk_store, G_TYPE_OBJECT)

enum {
  SIGNAL_ORDERS_CHANGED,
  SIGNAL_OUTBOX_CHANGED,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

static void
rtk_store_default_init (RtkStoreInterface *iface)
{
  g_object_interface_install_property (
      iface,
      g_param_spec_uint ("outbox-length", NULL, NULL, 0, G_MAXUINT, 0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY));
  signals[SIGNAL_ORDERS_CHANGED] = g_signal_new (
      "orders-changed", RTK_TYPE_STORE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_OUTBOX_CHANGED] = g_signal_new (
      "outbox-changed", RTK_TYPE_STORE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

/**
 * rtk_store_list_orders_async:
 * @self: a store
 * @filter: which ones; copied
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Lists orders, newest first.
 *
 * Main thread. End it with rtk_store_list_orders_finish().
 */
void
rtk_store_list_orders_async (RtkStore             *self,
                             const RtkOrderFilter *filter,
                             GCancellable         *cancellable,
                             GAsyncReadyCallback   callback,
                             gpointer              user_data)
{
  g_return_if_fail (RTK_IS_STORE (self) && filter != NULL);

  RTK_STORE_GET_IFACE (self)->list_orders_async (self, filter, cancellable, callback, user_data);
}

/**
 * rtk_store_list_orders_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: %RTK_ERROR_LOCKED, %RTK_ERROR_DAMAGED or %RTK_ERROR_STORAGE
 *
 * Returns: (transfer full) (element-type RtkOrder): the orders, or %NULL
 */
GPtrArray *
rtk_store_list_orders_finish (RtkStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (RTK_IS_STORE (self), NULL);

  return RTK_STORE_GET_IFACE (self)->list_orders_finish (self, result, error);
}

/**
 * rtk_store_get_order_async:
 * @self: a store
 * @id: id of an order
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Looks up one order.
 *
 * Main thread. End it with rtk_store_order_finish().
 */
void
rtk_store_get_order_async (RtkStore           *self,
                           const char         *id,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data)
{
  g_return_if_fail (RTK_IS_STORE (self) && id != NULL);

  RTK_STORE_GET_IFACE (self)->get_order_async (self, id, cancellable, callback, user_data);
}

/**
 * rtk_store_find_code_async:
 * @self: a store
 * @code: a collection code as it was read; opaque, never kept
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Looks up the order of a collection code, through its digest.
 *
 * Main thread. End it with rtk_store_order_finish().
 */
void
rtk_store_find_code_async (RtkStore           *self,
                           const char         *code,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data)
{
  g_return_if_fail (RTK_IS_STORE (self) && code != NULL);

  RTK_STORE_GET_IFACE (self)->find_code_async (self, code, cancellable, callback, user_data);
}

/**
 * rtk_store_order_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: %RTK_ERROR_NOT_FOUND, %RTK_ERROR_LOCKED, %RTK_ERROR_DAMAGED, or %RTK_ERROR_BAD_STATE
 *   for a code before the station is enrolled
 *
 * Returns: (transfer full): the order, or %NULL
 */
RtkOrder *
rtk_store_order_finish (RtkStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (RTK_IS_STORE (self), NULL);

  return RTK_STORE_GET_IFACE (self)->order_finish (self, result, error);
}

/**
 * rtk_store_apply_changes_async:
 * @self: a store
 * @page: a page of the server; copied
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Writes a page and its cursor in one transaction.
 *
 * Main thread. End it with rtk_store_done_finish().
 */
void
rtk_store_apply_changes_async (RtkStore            *self,
                               const RtkChangePage *page,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  g_return_if_fail (RTK_IS_STORE (self) && page != NULL);

  RTK_STORE_GET_IFACE (self)->apply_changes_async (self, page, cancellable, callback, user_data);
}

/**
 * rtk_store_get_cursor_async:
 * @self: a store
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Asks where pulling goes on.
 *
 * Main thread. End it with rtk_store_get_cursor_finish().
 */
void
rtk_store_get_cursor_async (RtkStore           *self,
                            GCancellable       *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer            user_data)
{
  g_return_if_fail (RTK_IS_STORE (self));

  RTK_STORE_GET_IFACE (self)->get_cursor_async (self, cancellable, callback, user_data);
}

/**
 * rtk_store_get_cursor_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: %RTK_ERROR_STORAGE
 *
 * Returns: (transfer full): a cursor for rtk_transport_pull_async(), "" at first; or %NULL
 */
char *
rtk_store_get_cursor_finish (RtkStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (RTK_IS_STORE (self), NULL);

  return RTK_STORE_GET_IFACE (self)->get_cursor_finish (self, result, error);
}

/**
 * rtk_store_commit_submission_async:
 * @self: a store
 * @order: whose photo it is
 * @photo: the photo; its certificate is signed if it is not yet
 * @overrides: (nullable) (element-type RtkOverride): rules a person accepted
 * @actor: name of the member of staff
 * @release_at: microseconds since 1970: held until then
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Puts the blobs of a photo into the vault, then, in one transaction, attempt, photo rows and the
 * signed operation. When it has answered, all of it is on disk; when it fails, nothing is.
 *
 * Main thread. End it with rtk_store_commit_submission_finish().
 */
void
rtk_store_commit_submission_async (RtkStore           *self,
                                   RtkOrder           *order,
                                   RtkPhoto           *photo,
                                   GPtrArray          *overrides,
                                   const char         *actor,
                                   gint64              release_at,
                                   GCancellable       *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data)
{
  g_return_if_fail (RTK_IS_STORE (self) && order != NULL && photo != NULL && actor != NULL);

  RTK_STORE_GET_IFACE (self)->commit_submission_async (
      self, order, photo, overrides, actor, release_at, cancellable, callback, user_data);
}

/**
 * rtk_store_commit_submission_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: %RTK_ERROR_LOCKED, %RTK_ERROR_BAD_STATE before the station is enrolled,
 *   %RTK_ERROR_DISK_FULL, %RTK_ERROR_READ_ONLY or %RTK_ERROR_STORAGE
 *
 * Returns: (transfer full): the operation in the outbox, or %NULL
 */
RtkOperation *
rtk_store_commit_submission_finish (RtkStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (RTK_IS_STORE (self), NULL);

  return RTK_STORE_GET_IFACE (self)->commit_submission_finish (self, result, error);
}

/**
 * rtk_store_undo_async:
 * @self: a store
 * @operation_id: a held operation
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Takes back a held operation: %RTK_ERROR_BAD_STATE once it is released.
 *
 * Main thread. End it with rtk_store_done_finish().
 */
void
rtk_store_undo_async (RtkStore           *self,
                      const char         *operation_id,
                      GCancellable       *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer            user_data)
{
  g_return_if_fail (RTK_IS_STORE (self) && operation_id != NULL);

  RTK_STORE_GET_IFACE (self)->undo_async (self, operation_id, cancellable, callback, user_data);
}

/**
 * rtk_store_release_async:
 * @self: a store
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Lets all held operations go now.
 *
 * Main thread. End it with rtk_store_done_finish().
 */
void
rtk_store_release_async (RtkStore           *self,
                         GCancellable       *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer            user_data)
{
  g_return_if_fail (RTK_IS_STORE (self));

  RTK_STORE_GET_IFACE (self)->release_async (self, cancellable, callback, user_data);
}

/**
 * rtk_store_list_outbox_async:
 * @self: a store
 * @ready_only: only those that may be sent now
 * @limit: at most so many; 0 = all
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Lists the outbox: what is not done, oldest first, then (unless @ready_only) what is, newest
 * first.
 *
 * Main thread. End it with rtk_store_list_outbox_finish().
 */
void
rtk_store_list_outbox_async (RtkStore           *self,
                             gboolean            ready_only,
                             guint               limit,
                             GCancellable       *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer            user_data)
{
  g_return_if_fail (RTK_IS_STORE (self));

  RTK_STORE_GET_IFACE (self)->list_outbox_async (self, ready_only, limit, cancellable, callback,
                                                 user_data);
}

/**
 * rtk_store_list_outbox_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: %RTK_ERROR_LOCKED, %RTK_ERROR_DAMAGED or %RTK_ERROR_STORAGE
 *
 * Returns: (transfer full) (element-type RtkOutboxItem): the entries, or %NULL
 */
GPtrArray *
rtk_store_list_outbox_finish (RtkStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (RTK_IS_STORE (self), NULL);

  return RTK_STORE_GET_IFACE (self)->list_outbox_finish (self, result, error);
}

/**
 * rtk_store_set_outbox_async:
 * @self: a store
 * @operation_id: an operation
 * @state: its new state
 * @last_error: (nullable): why it failed, English; counts as a try
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Records where an operation stands. Waiting with an error backs off; waiting without one means
 * now.
 *
 * Main thread. End it with rtk_store_done_finish().
 */
void
rtk_store_set_outbox_async (RtkStore           *self,
                            const char         *operation_id,
                            RtkOperationState   state,
                            const char         *last_error,
                            GCancellable       *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer            user_data)
{
  g_return_if_fail (RTK_IS_STORE (self) && operation_id != NULL);

  RTK_STORE_GET_IFACE (self)->set_outbox_async (self, operation_id, state, last_error, cancellable,
                                                callback, user_data);
}

/**
 * rtk_store_settle_async:
 * @self: a store
 * @result: the server's answer; copied
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Applies the server's answer: the operation's state and the order that came with it.
 *
 * Main thread. End it with rtk_store_done_finish().
 */
void
rtk_store_settle_async (RtkStore           *self,
                        const RtkResult    *result,
                        GCancellable       *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer            user_data)
{
  g_return_if_fail (RTK_IS_STORE (self) && result != NULL);

  RTK_STORE_GET_IFACE (self)->settle_async (self, result, cancellable, callback, user_data);
}

/**
 * rtk_store_mark_uploaded_async:
 * @self: a store
 * @sha256: wire name of a blob
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Records that a blob is on the server and its checksum matched.
 *
 * Main thread. End it with rtk_store_done_finish().
 */
void
rtk_store_mark_uploaded_async (RtkStore           *self,
                               const char         *sha256,
                               GCancellable       *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer            user_data)
{
  g_return_if_fail (RTK_IS_STORE (self) && sha256 != NULL);

  RTK_STORE_GET_IFACE (self)->mark_uploaded_async (self, sha256, cancellable, callback, user_data);
}

/**
 * rtk_store_put_blob_async:
 * @self: a store
 * @blob: bytes whose name was verified; copied
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Keeps a downloaded photo in the vault.
 *
 * Main thread. End it with rtk_store_done_finish().
 */
void
rtk_store_put_blob_async (RtkStore           *self,
                          const RtkBlob      *blob,
                          GCancellable       *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer            user_data)
{
  g_return_if_fail (RTK_IS_STORE (self) && blob != NULL);

  RTK_STORE_GET_IFACE (self)->put_blob_async (self, blob, cancellable, callback, user_data);
}

/**
 * rtk_store_set_station_async:
 * @self: a store
 * @station_id: id the server gave
 * @code_key: (nullable): K_station, 32 bytes; NULL keeps the one there is
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Keeps what enrolment gave, encrypted.
 *
 * Main thread. End it with rtk_store_done_finish().
 */
void
rtk_store_set_station_async (RtkStore           *self,
                             const char         *station_id,
                             GBytes             *code_key,
                             GCancellable       *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer            user_data)
{
  g_return_if_fail (RTK_IS_STORE (self) && station_id != NULL);

  RTK_STORE_GET_IFACE (self)->set_station_async (self, station_id, code_key, cancellable, callback,
                                                 user_data);
}

/**
 * rtk_store_done_finish:
 * @self: a store
 * @result: what the callback was given
 * @error: %RTK_ERROR_NOT_FOUND, %RTK_ERROR_BAD_STATE, %RTK_ERROR_LOCKED, %RTK_ERROR_READ_ONLY,
 *   %RTK_ERROR_DISK_FULL or %RTK_ERROR_STORAGE
 *
 * Returns: whether it was done; on %FALSE nothing was
 */
gboolean
rtk_store_done_finish (RtkStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (RTK_IS_STORE (self), FALSE);

  return RTK_STORE_GET_IFACE (self)->done_finish (self, result, error);
}

/**
 * rtk_store_get_outbox_length:
 * @self: a store
 *
 * Returns: operations not done yet, held ones included; as of the last answer of the store
 */
guint
rtk_store_get_outbox_length (RtkStore *self)
{
  guint length = 0;

  g_return_val_if_fail (RTK_IS_STORE (self), 0);

  g_object_get (self, "outbox-length", &length, NULL);
  return length;
}

/**
 * rtk_store_emit_orders_changed:
 * @self: a store
 *
 * Says that orders changed. For implementations, on the main thread.
 */
void
rtk_store_emit_orders_changed (RtkStore *self)
{
  g_return_if_fail (RTK_IS_STORE (self));

  g_signal_emit (self, signals[SIGNAL_ORDERS_CHANGED], 0);
}

/**
 * rtk_store_emit_outbox_changed:
 * @self: a store
 *
 * Says that the outbox changed. For implementations, on the main thread.
 */
void
rtk_store_emit_outbox_changed (RtkStore *self)
{
  g_return_if_fail (RTK_IS_STORE (self));

  g_signal_emit (self, signals[SIGNAL_OUTBOX_CHANGED], 0);
}
