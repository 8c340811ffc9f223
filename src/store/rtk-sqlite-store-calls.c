/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-store"
#include "config.h"

#include "store/rtk-sqlite-store-private.h"

/* The calls of RtkStore: each takes its arguments to the store's thread and its answer back. Calls
 * that share a finish share its tag; those that end with done_finish have the tag of
 * rtk_sqlite_store_push(). */

static void
list_orders_work (GTask *task, gpointer data)
{
  RtkStoreCall  *call = g_task_get_task_data (task);
  RtkOrderFilter filter = {call->text[0], call->text[1], call->flag, (RtkReason)call->number,
                           call->limit};
  g_autoptr (GError) error = NULL;
  GPtrArray *orders = rtk_store_orders_list (data, &filter, &error);

  if (orders != NULL)
    g_task_return_pointer (task, orders, (GDestroyNotify)g_ptr_array_unref);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
rtk_sqlite_store_list_orders_async (RtkStore             *store,
                                    const RtkOrderFilter *filter,
                                    GCancellable         *cancellable,
                                    GAsyncReadyCallback   callback,
                                    gpointer              user_data)
{
  RtkStoreCall *call = rtk_store_call_new (filter->search, filter->school, NULL);

  call->flag = filter->needs_retake;
  call->number = (int)filter->reason;
  call->limit = filter->limit;
  rtk_sqlite_store_push (RTK_SQLITE_STORE (store), rtk_sqlite_store_list_orders_async, call,
                         list_orders_work, cancellable, callback, user_data);
}

static GPtrArray *
rtk_sqlite_store_list_orders_finish (RtkStore *store, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, store), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_sqlite_store_list_orders_async),
                        NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
return_object (GTask *task, gpointer object, GError *error)
{
  if (object != NULL)
    g_task_return_pointer (task, object, g_object_unref);
  else
    g_task_return_error (task, error);
}

static void
get_order_work (GTask *task, gpointer data)
{
  RtkStoreCall *call = g_task_get_task_data (task);
  GError       *error = NULL;
  RtkOrder     *order = rtk_store_orders_get (data, call->text[0], &error);

  return_object (task, order, error);
}

static void
rtk_sqlite_store_get_order_async (RtkStore           *store,
                                  const char         *id,
                                  GCancellable       *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer            user_data)
{
  rtk_sqlite_store_push (RTK_SQLITE_STORE (store), rtk_sqlite_store_get_order_async,
                         rtk_store_call_new (id, NULL, NULL), get_order_work, cancellable, callback,
                         user_data);
}

static void
find_code_work (GTask *task, gpointer data)
{
  RtkStoreCall *call = g_task_get_task_data (task);
  GError       *error = NULL;
  RtkOrder     *order = rtk_store_orders_find_code (data, call->text[0], &error);

  return_object (task, order, error);
}

static void
rtk_sqlite_store_find_code_async (RtkStore           *store,
                                  const char         *code,
                                  GCancellable       *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer            user_data)
{
  rtk_sqlite_store_push (RTK_SQLITE_STORE (store), rtk_sqlite_store_get_order_async,
                         rtk_store_call_new (code, NULL, NULL), find_code_work, cancellable,
                         callback, user_data);
}

static RtkOrder *
rtk_sqlite_store_order_finish (RtkStore *store, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, store), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_sqlite_store_get_order_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static gpointer
copy_object (gconstpointer object, gpointer unused)
{
  return g_object_ref ((gpointer)object);
}

static void
apply_changes_work (GTask *task, gpointer data)
{
  RtkStoreCall   *call = g_task_get_task_data (task);
  RtkChangePage   page = {call->text[0], call->text[1], call->array, call->flag};
  GError         *error = NULL;
  gboolean        done = rtk_store_orders_apply (data, &page, &error);
  RtkStoreChanged what = RTK_STORE_CHANGED_ORDERS | RTK_STORE_CHANGED_OUTBOX;

  rtk_sqlite_store_answer (task, data, done, error, what);
}

static void
rtk_sqlite_store_apply_changes_async (RtkStore            *store,
                                      const RtkChangePage *page,
                                      GCancellable        *cancellable,
                                      GAsyncReadyCallback  callback,
                                      gpointer             user_data)
{
  RtkStoreCall *call = rtk_store_call_new (page->epoch, page->cursor, NULL);

  call->array = g_ptr_array_copy (page->orders, copy_object, NULL);
  g_ptr_array_set_free_func (call->array, g_object_unref);
  call->flag = page->more;
  rtk_sqlite_store_push (RTK_SQLITE_STORE (store), rtk_sqlite_store_push, call, apply_changes_work,
                         cancellable, callback, user_data);
}

static void
get_cursor_work (GTask *task, gpointer data)
{
  RtkStoreState *state = data;
  GError        *error = NULL;
  char          *cursor = rtk_db_dup_setting (state->db, "cursor", &error);

  if (cursor != NULL)
    g_task_return_pointer (task, cursor, g_free);
  else
    g_task_return_error (task, error);
}

static void
rtk_sqlite_store_get_cursor_async (RtkStore           *store,
                                   GCancellable       *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data)
{
  rtk_sqlite_store_push (RTK_SQLITE_STORE (store), rtk_sqlite_store_get_cursor_async,
                         rtk_store_call_new (NULL, NULL, NULL), get_cursor_work, cancellable,
                         callback, user_data);
}

static char *
rtk_sqlite_store_get_cursor_finish (RtkStore *store, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, store), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_sqlite_store_get_cursor_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static gpointer
copy_override (gconstpointer override, gpointer unused)
{
  return rtk_override_copy (override);
}

static void
commit_work (GTask *task, gpointer data)
{
  RtkStoreCall *call = g_task_get_task_data (task);
  GError       *error = NULL;
  RtkOperation *operation = rtk_store_submission_commit (
      data, RTK_ORDER (call->object), call->photo, call->array, call->text[0], call->time, &error);

  if (operation != NULL)
    rtk_sqlite_store_announce (task, data, RTK_STORE_CHANGED_OUTBOX);
  return_object (task, operation, error);
}

static void
rtk_sqlite_store_commit_submission_async (RtkStore           *store,
                                          RtkOrder           *order,
                                          RtkPhoto           *photo,
                                          GPtrArray          *overrides,
                                          const char         *actor,
                                          gint64              release_at,
                                          GCancellable       *cancellable,
                                          GAsyncReadyCallback callback,
                                          gpointer            user_data)
{
  RtkStoreCall *call = rtk_store_call_new (actor, NULL, NULL);

  call->object = g_object_ref (G_OBJECT (order));
  call->photo = rtk_photo_ref (photo);
  if (overrides != NULL) {
    call->array = g_ptr_array_copy (overrides, copy_override, NULL);
    g_ptr_array_set_free_func (call->array, (GDestroyNotify)rtk_override_free);
  }
  call->time = release_at;
  rtk_sqlite_store_push (RTK_SQLITE_STORE (store), rtk_sqlite_store_commit_submission_async, call,
                         commit_work, cancellable, callback, user_data);
}

static RtkOperation *
rtk_sqlite_store_commit_submission_finish (RtkStore *store, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, store), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_sqlite_store_commit_submission_async),
                        NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
undo_work (GTask *task, gpointer data)
{
  RtkStoreCall *call = g_task_get_task_data (task);
  GError       *error = NULL;
  gboolean      done = rtk_store_outbox_undo (data, call->text[0], &error);

  rtk_sqlite_store_answer (task, data, done, error, RTK_STORE_CHANGED_OUTBOX);
}

static void
rtk_sqlite_store_undo_async (RtkStore           *store,
                             const char         *operation_id,
                             GCancellable       *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer            user_data)
{
  rtk_sqlite_store_push (RTK_SQLITE_STORE (store), rtk_sqlite_store_push,
                         rtk_store_call_new (operation_id, NULL, NULL), undo_work, cancellable,
                         callback, user_data);
}

static void
release_work (GTask *task, gpointer data)
{
  GError  *error = NULL;
  gboolean done = rtk_store_outbox_release (data, FALSE, &error);

  rtk_sqlite_store_answer (task, data, done, error, RTK_STORE_CHANGED_OUTBOX);
}

static void
rtk_sqlite_store_release_async (RtkStore           *store,
                                GCancellable       *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer            user_data)
{
  rtk_sqlite_store_push (RTK_SQLITE_STORE (store), rtk_sqlite_store_push,
                         rtk_store_call_new (NULL, NULL, NULL), release_work, cancellable, callback,
                         user_data);
}

static void
list_outbox_work (GTask *task, gpointer data)
{
  RtkStoreCall *call = g_task_get_task_data (task);
  GError       *error = NULL;
  GPtrArray    *items = rtk_store_outbox_list (data, call->flag, call->limit, &error);

  if (items != NULL)
    g_task_return_pointer (task, items, (GDestroyNotify)g_ptr_array_unref);
  else
    g_task_return_error (task, error);
}

static void
rtk_sqlite_store_list_outbox_async (RtkStore           *store,
                                    gboolean            ready_only,
                                    guint               limit,
                                    GCancellable       *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer            user_data)
{
  RtkStoreCall *call = rtk_store_call_new (NULL, NULL, NULL);

  call->flag = ready_only;
  call->limit = limit;
  rtk_sqlite_store_push (RTK_SQLITE_STORE (store), rtk_sqlite_store_list_outbox_async, call,
                         list_outbox_work, cancellable, callback, user_data);
}

static GPtrArray *
rtk_sqlite_store_list_outbox_finish (RtkStore *store, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, store), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_sqlite_store_list_outbox_async),
                        NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
set_outbox_work (GTask *task, gpointer data)
{
  RtkStoreCall *call = g_task_get_task_data (task);
  GError       *error = NULL;
  gboolean      done = rtk_store_outbox_set (data, call->text[0], (RtkOperationState)call->number,
                                             call->text[1], &error);

  rtk_sqlite_store_answer (task, data, done, error, RTK_STORE_CHANGED_OUTBOX);
}

static void
rtk_sqlite_store_set_outbox_async (RtkStore           *store,
                                   const char         *operation_id,
                                   RtkOperationState   state,
                                   const char         *last_error,
                                   GCancellable       *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data)
{
  RtkStoreCall *call = rtk_store_call_new (operation_id, last_error, NULL);

  call->number = (int)state;
  rtk_sqlite_store_push (RTK_SQLITE_STORE (store), rtk_sqlite_store_push, call, set_outbox_work,
                         cancellable, callback, user_data);
}

static void
settle_work (GTask *task, gpointer data)
{
  RtkStoreCall *call = g_task_get_task_data (task);
  RtkResult     answer = {call->text[0], (RtkOutcome)call->number,
                      call->object != NULL ? RTK_ORDER (call->object) : NULL, call->text[1]};
  GError       *error = NULL;
  gboolean      done = rtk_store_outbox_settle (data, &answer, &error);

  rtk_sqlite_store_answer (task, data, done, error,
                           RTK_STORE_CHANGED_OUTBOX |
                               (call->object != NULL ? RTK_STORE_CHANGED_ORDERS : 0));
}

static void
rtk_sqlite_store_settle_async (RtkStore           *store,
                               const RtkResult    *result,
                               GCancellable       *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer            user_data)
{
  RtkStoreCall *call = rtk_store_call_new (result->operation_id, result->problem, NULL);

  call->number = (int)result->outcome;
  if (result->order != NULL)
    call->object = g_object_ref (G_OBJECT (result->order));
  rtk_sqlite_store_push (RTK_SQLITE_STORE (store), rtk_sqlite_store_push, call, settle_work,
                         cancellable, callback, user_data);
}

static void
mark_uploaded_work (GTask *task, gpointer data)
{
  RtkStoreCall *call = g_task_get_task_data (task);
  GError       *error = NULL;
  gboolean      done = rtk_store_blobs_mark_uploaded (data, call->text[0], &error);

  rtk_sqlite_store_answer (task, data, done, error, RTK_STORE_CHANGED_OUTBOX);
}

static void
rtk_sqlite_store_mark_uploaded_async (RtkStore           *store,
                                      const char         *sha256,
                                      GCancellable       *cancellable,
                                      GAsyncReadyCallback callback,
                                      gpointer            user_data)
{
  rtk_sqlite_store_push (RTK_SQLITE_STORE (store), rtk_sqlite_store_push,
                         rtk_store_call_new (sha256, NULL, NULL), mark_uploaded_work, cancellable,
                         callback, user_data);
}

static void
put_blob_work (GTask *task, gpointer data)
{
  RtkStoreCall *call = g_task_get_task_data (task);
  GError       *error = NULL;
  gboolean      done = rtk_store_blobs_put (data, &call->blob, &error);

  rtk_sqlite_store_answer (task, data, done, error, RTK_STORE_CHANGED_NOTHING);
}

static void
rtk_sqlite_store_put_blob_async (RtkStore           *store,
                                 const RtkBlob      *blob,
                                 GCancellable       *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer            user_data)
{
  RtkStoreCall *call = rtk_store_call_new (NULL, NULL, NULL);

  call->blob = *blob;
  g_bytes_ref (call->blob.bytes);
  rtk_sqlite_store_push (RTK_SQLITE_STORE (store), rtk_sqlite_store_push, call, put_blob_work,
                         cancellable, callback, user_data);
}

static void
set_station_work (GTask *task, gpointer data)
{
  RtkStoreCall *call = g_task_get_task_data (task);
  GError       *error = NULL;
  gboolean      done = rtk_store_state_set_station (data, call->text[0], call->bytes, &error);

  rtk_sqlite_store_answer (task, data, done, error, RTK_STORE_CHANGED_ORDERS);
}

static void
rtk_sqlite_store_set_station_async (RtkStore           *store,
                                    const char         *station_id,
                                    GBytes             *code_key,
                                    GCancellable       *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer            user_data)
{
  RtkStoreCall *call = rtk_store_call_new (station_id, NULL, NULL);

  call->bytes = code_key != NULL ? g_bytes_ref (code_key) : NULL;
  rtk_sqlite_store_push (RTK_SQLITE_STORE (store), rtk_sqlite_store_push, call, set_station_work,
                         cancellable, callback, user_data);
}

static gboolean
rtk_sqlite_store_done_finish (RtkStore *store, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, store), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_sqlite_store_push), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
rtk_sqlite_store_iface_init (RtkStoreInterface *iface)
{
  iface->list_orders_async = rtk_sqlite_store_list_orders_async;
  iface->list_orders_finish = rtk_sqlite_store_list_orders_finish;
  iface->get_order_async = rtk_sqlite_store_get_order_async;
  iface->find_code_async = rtk_sqlite_store_find_code_async;
  iface->order_finish = rtk_sqlite_store_order_finish;
  iface->apply_changes_async = rtk_sqlite_store_apply_changes_async;
  iface->get_cursor_async = rtk_sqlite_store_get_cursor_async;
  iface->get_cursor_finish = rtk_sqlite_store_get_cursor_finish;
  iface->commit_submission_async = rtk_sqlite_store_commit_submission_async;
  iface->commit_submission_finish = rtk_sqlite_store_commit_submission_finish;
  iface->undo_async = rtk_sqlite_store_undo_async;
  iface->release_async = rtk_sqlite_store_release_async;
  iface->list_outbox_async = rtk_sqlite_store_list_outbox_async;
  iface->list_outbox_finish = rtk_sqlite_store_list_outbox_finish;
  iface->set_outbox_async = rtk_sqlite_store_set_outbox_async;
  iface->settle_async = rtk_sqlite_store_settle_async;
  iface->mark_uploaded_async = rtk_sqlite_store_mark_uploaded_async;
  iface->put_blob_async = rtk_sqlite_store_put_blob_async;
  iface->set_station_async = rtk_sqlite_store_set_station_async;
  iface->done_finish = rtk_sqlite_store_done_finish;
}
