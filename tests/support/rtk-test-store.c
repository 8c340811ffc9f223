/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-store.h"

#include "core/rtk-error.h"
#include "support/rtk-test-values.h"

#include <string.h>

static void store_iface_init (RtkStoreInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (RtkTestStore,
                               rtk_test_store,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (RTK_TYPE_STORE, store_iface_init))

enum { PROP_0, PROP_OUTBOX_LENGTH };

/* What a call that waits will do. */
typedef void (*Deed) (RtkTestStore *self, GTask *task);

static void
outbox_changed (RtkTestStore *self)
{
  g_object_notify (G_OBJECT (self), "outbox-length");
  rtk_store_emit_outbox_changed (RTK_STORE (self));
}

/* Does it now, or when the test says so. */
static void
do_or_hold (RtkTestStore *self, GTask *task, Deed deed)
{
  g_task_set_source_tag (task, deed);
  g_queue_push_tail (&self->pending, task);
  if (!self->hold)
    rtk_test_store_answer (self);
}

static gboolean
fails (RtkTestStore *self, GTask *task)
{
  if (self->fail_next == NULL)
    return FALSE;
  g_task_return_error (task, g_steal_pointer (&self->fail_next));
  return TRUE;
}

static RtkOrder *
find_order (RtkTestStore *self, const char *id)
{
  for (guint i = 0; i < self->orders->len; i++)
    if (g_strcmp0 (rtk_order_get_id (g_ptr_array_index (self->orders, i)), id) == 0)
      return g_ptr_array_index (self->orders, i);
  return NULL;
}

static void
list_orders_async (RtkStore             *store,
                   const RtkOrderFilter *filter,
                   GCancellable         *cancellable,
                   GAsyncReadyCallback   callback,
                   gpointer              user_data)
{
  g_autoptr (GTask) task = g_task_new (store, cancellable, callback, user_data);

  g_task_return_pointer (task, g_ptr_array_ref (RTK_TEST_STORE (store)->orders),
                         (GDestroyNotify)g_ptr_array_unref);
}

static gpointer
finish_pointer (RtkStore *store, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static GPtrArray *
finish_array (RtkStore *store, GAsyncResult *result, GError **error)
{
  return finish_pointer (store, result, error);
}

static void
return_order (RtkTestStore *self, GTask *task)
{
  RtkOrder *order = find_order (self, g_task_get_task_data (task));

  if (order == NULL)
    g_task_return_new_error (task, RTK_ERROR, RTK_ERROR_NOT_FOUND, "No such order");
  else
    g_task_return_pointer (task, g_object_ref (order), g_object_unref);
}

static void
get_order_async (RtkStore           *store,
                 const char         *id,
                 GCancellable       *cancellable,
                 GAsyncReadyCallback callback,
                 gpointer            user_data)
{
  GTask *task = g_task_new (store, cancellable, callback, user_data);

  g_task_set_task_data (task, g_strdup (id), g_free);
  do_or_hold (RTK_TEST_STORE (store), task, return_order);
}

static void
find_code_async (RtkStore           *store,
                 const char         *code,
                 GCancellable       *cancellable,
                 GAsyncReadyCallback callback,
                 gpointer            user_data)
{
  get_order_async (store, g_hash_table_lookup (RTK_TEST_STORE (store)->codes, code), cancellable,
                   callback, user_data);
}

static RtkOrder *
order_finish (RtkStore *store, GAsyncResult *result, GError **error)
{
  return finish_pointer (store, result, error);
}

static void
apply_changes_async (RtkStore            *store,
                     const RtkChangePage *page,
                     GCancellable        *cancellable,
                     GAsyncReadyCallback  callback,
                     gpointer             user_data)
{
  RtkTestStore *self = RTK_TEST_STORE (store);
  g_autoptr (GTask) task = g_task_new (store, cancellable, callback, user_data);

  /* As the real one: a restored server gets everything again. */
  for (guint i = 0; g_strcmp0 (self->epoch, page->epoch) != 0 && i < self->outbox->len; i++) {
    RtkOutboxItem *item = g_ptr_array_index (self->outbox, i);

    if (self->epoch != NULL && item->state == RTK_OPERATION_DONE)
      item->state = RTK_OPERATION_WAITING;
  }
  g_free (self->epoch);
  self->epoch = g_strdup (page->epoch);
  for (guint i = 0; i < page->orders->len; i++)
    rtk_test_store_add_order (self, g_object_ref (g_ptr_array_index (page->orders, i)), NULL);
  g_free (self->cursor);
  self->cursor = g_strdup (page->cursor);
  self->n_pages++;
  rtk_store_emit_orders_changed (store);
  g_task_return_boolean (task, TRUE);
}

static void
get_cursor_async (RtkStore           *store,
                  GCancellable       *cancellable,
                  GAsyncReadyCallback callback,
                  gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (store, cancellable, callback, user_data);

  g_task_return_pointer (task, g_strdup (RTK_TEST_STORE (store)->cursor), g_free);
}

static char *
get_cursor_finish (RtkStore *store, GAsyncResult *result, GError **error)
{
  return finish_pointer (store, result, error);
}

typedef struct {
  RtkOrder  *order;
  RtkPhoto  *photo;
  GPtrArray *overrides;
  char      *actor;
  gint64     release_at;
} Commit;

static void
commit_free (gpointer data)
{
  Commit *commit = data;

  g_object_unref (commit->order);
  rtk_photo_unref (commit->photo);
  g_ptr_array_unref (commit->overrides);
  g_free (commit->actor);
  g_free (commit);
}

static void
do_commit (RtkTestStore *self, GTask *task)
{
  const Commit  *commit = g_task_get_task_data (task);
  const char    *blobs[] = {commit->photo->original.sha256, commit->photo->delivered.sha256, NULL};
  guint          n = 0;
  RtkOperation  *operation;
  RtkOutboxItem *item;

  if (fails (self, task))
    return;
  n = (guint)g_ascii_strtoull (rtk_order_get_number (commit->order) + strlen ("RT-"), NULL, 10);
  operation = rtk_test_operation_new (n, blobs);
  item = rtk_test_store_add_operation (self, g_object_ref (operation), blobs);
  item->state = RTK_OPERATION_HELD;
  item->release_at = commit->release_at;
  g_strlcpy (self->last_original, commit->photo->original.sha256, sizeof self->last_original);
  g_clear_pointer (&self->last_overrides, g_ptr_array_unref);
  self->last_overrides = g_ptr_array_ref (commit->overrides);
  g_free (self->last_actor);
  self->last_actor = g_strdup (commit->actor);
  self->n_commits++;
  g_task_return_pointer (task, operation, g_object_unref);
  outbox_changed (self);
}

static void
commit_submission_async (RtkStore           *store,
                         RtkOrder           *order,
                         RtkPhoto           *photo,
                         GPtrArray          *overrides,
                         const char         *actor,
                         gint64              release_at,
                         GCancellable       *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer            user_data)
{
  GTask  *task = g_task_new (store, cancellable, callback, user_data);
  Commit *commit = g_new0 (Commit, 1);

  commit->order = g_object_ref (order);
  commit->photo = rtk_photo_ref (photo);
  commit->overrides = g_ptr_array_ref (overrides);
  commit->actor = g_strdup (actor);
  commit->release_at = release_at;
  g_task_set_task_data (task, commit, commit_free);
  do_or_hold (RTK_TEST_STORE (store), task, do_commit);
}

static RtkOperation *
commit_submission_finish (RtkStore *store, GAsyncResult *result, GError **error)
{
  return finish_pointer (store, result, error);
}

static void
do_undo (RtkTestStore *self, GTask *task)
{
  RtkOutboxItem *item = rtk_test_store_find (self, g_task_get_task_data (task));

  if (fails (self, task))
    return;
  if (item == NULL || item->state != RTK_OPERATION_HELD ||
      item->release_at <= rtk_clock_now (self->clock)) {
    g_task_return_new_error (task, RTK_ERROR, RTK_ERROR_BAD_STATE, "It was released already");
    return;
  }
  g_ptr_array_remove (self->outbox, item);
  g_task_return_boolean (task, TRUE);
  outbox_changed (self);
}

static void
undo_async (RtkStore           *store,
            const char         *operation_id,
            GCancellable       *cancellable,
            GAsyncReadyCallback callback,
            gpointer            user_data)
{
  GTask *task = g_task_new (store, cancellable, callback, user_data);

  g_task_set_task_data (task, g_strdup (operation_id), g_free);
  do_or_hold (RTK_TEST_STORE (store), task, do_undo);
}

static void
release_async (RtkStore           *store,
               GCancellable       *cancellable,
               GAsyncReadyCallback callback,
               gpointer            user_data)
{
  RtkTestStore *self = RTK_TEST_STORE (store);
  g_autoptr (GTask) task = g_task_new (store, cancellable, callback, user_data);

  for (guint i = 0; i < self->outbox->len; i++) {
    RtkOutboxItem *item = g_ptr_array_index (self->outbox, i);

    if (item->state == RTK_OPERATION_HELD)
      item->state = RTK_OPERATION_WAITING;
  }
  self->n_releases++;
  g_task_return_boolean (task, TRUE);
  outbox_changed (self);
}

static void
list_outbox_async (RtkStore           *store,
                   gboolean            ready_only,
                   guint               limit,
                   GCancellable       *cancellable,
                   GAsyncReadyCallback callback,
                   gpointer            user_data)
{
  RtkTestStore *self = RTK_TEST_STORE (store);
  g_autoptr (GTask) task = g_task_new (store, cancellable, callback, user_data);
  GPtrArray *items = g_ptr_array_new_with_free_func ((GDestroyNotify)rtk_outbox_item_free);

  for (guint i = 0; i < self->outbox->len && (limit == 0 || items->len < limit); i++) {
    const RtkOutboxItem *item = g_ptr_array_index (self->outbox, i);
    RtkOutboxItem       *copy;

    if (ready_only && item->state != RTK_OPERATION_WAITING &&
        !(item->state == RTK_OPERATION_HELD && item->release_at <= rtk_clock_now (self->clock)))
      continue;
    copy = rtk_outbox_item_new (item->operation, item->state);
    for (guint k = 0; k < item->blobs->len; k++)
      g_ptr_array_add (copy->blobs, g_strdup (g_ptr_array_index (item->blobs, k)));
    g_ptr_array_add (items, copy);
  }
  g_task_return_pointer (task, items, (GDestroyNotify)g_ptr_array_unref);
}

static void
set_outbox_async (RtkStore           *store,
                  const char         *operation_id,
                  RtkOperationState   state,
                  const char         *last_error,
                  GCancellable       *cancellable,
                  GAsyncReadyCallback callback,
                  gpointer            user_data)
{
  RtkTestStore *self = RTK_TEST_STORE (store);
  g_autoptr (GTask) task = g_task_new (store, cancellable, callback, user_data);
  RtkOutboxItem *item = rtk_test_store_find (self, operation_id);

  if (fails (self, task))
    return;
  g_assert_nonnull (item);
  item->state = state;
  if (last_error != NULL)
    item->tries++;
  g_free (item->last_error);
  item->last_error = g_strdup (last_error);
  g_task_return_boolean (task, TRUE);
  outbox_changed (self);
}

static void
settle_async (RtkStore           *store,
              const RtkResult    *result,
              GCancellable       *cancellable,
              GAsyncReadyCallback callback,
              gpointer            user_data)
{
  static const RtkOperationState states[] = {
      [RTK_OUTCOME_APPLIED] = RTK_OPERATION_DONE,
      [RTK_OUTCOME_DUPLICATE] = RTK_OPERATION_DONE,
      [RTK_OUTCOME_CONFLICT] = RTK_OPERATION_CONFLICT,
      [RTK_OUTCOME_REFUSED] = RTK_OPERATION_REFUSED,
      [RTK_OUTCOME_RETRY] = RTK_OPERATION_WAITING,
  };

  if (result->order != NULL)
    rtk_test_store_add_order (RTK_TEST_STORE (store), g_object_ref (result->order), NULL);
  set_outbox_async (store, result->operation_id, states[result->outcome], result->problem,
                    cancellable, callback, user_data);
}

static void
mark_uploaded_async (RtkStore           *store,
                     const char         *sha256,
                     GCancellable       *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer            user_data)
{
  RtkTestStore *self = RTK_TEST_STORE (store);
  g_autoptr (GTask) task = g_task_new (store, cancellable, callback, user_data);

  for (guint i = 0; i < self->outbox->len; i++) {
    RtkOutboxItem *item = g_ptr_array_index (self->outbox, i);
    guint          index = 0;

    if (g_ptr_array_find_with_equal_func (item->blobs, sha256, g_str_equal, &index))
      g_ptr_array_remove_index (item->blobs, index);
  }
  g_task_return_boolean (task, TRUE);
}

static void
put_blob_async (RtkStore           *store,
                const RtkBlob      *blob,
                GCancellable       *cancellable,
                GAsyncReadyCallback callback,
                gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (store, cancellable, callback, user_data);

  rtk_test_vault_add_bytes (RTK_TEST_STORE (store)->vault, blob->sha256, blob->bytes);
  g_task_return_boolean (task, TRUE);
}

static void
set_station_async (RtkStore           *store,
                   const char         *station_id,
                   GBytes             *code_key,
                   GCancellable       *cancellable,
                   GAsyncReadyCallback callback,
                   gpointer            user_data)
{
  RtkTestStore *self = RTK_TEST_STORE (store);
  g_autoptr (GTask) task = g_task_new (store, cancellable, callback, user_data);

  g_free (self->station_id);
  self->station_id = g_strdup (station_id);
  g_clear_pointer (&self->code_key, g_bytes_unref);
  if (code_key != NULL)
    self->code_key = g_bytes_ref (code_key);
  g_task_return_boolean (task, TRUE);
}

static gboolean
done_finish (RtkStore *store, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
store_iface_init (RtkStoreInterface *iface)
{
  iface->list_orders_async = list_orders_async;
  iface->list_orders_finish = finish_array;
  iface->get_order_async = get_order_async;
  iface->find_code_async = find_code_async;
  iface->order_finish = order_finish;
  iface->apply_changes_async = apply_changes_async;
  iface->get_cursor_async = get_cursor_async;
  iface->get_cursor_finish = get_cursor_finish;
  iface->commit_submission_async = commit_submission_async;
  iface->commit_submission_finish = commit_submission_finish;
  iface->undo_async = undo_async;
  iface->release_async = release_async;
  iface->list_outbox_async = list_outbox_async;
  iface->list_outbox_finish = finish_array;
  iface->set_outbox_async = set_outbox_async;
  iface->settle_async = settle_async;
  iface->mark_uploaded_async = mark_uploaded_async;
  iface->put_blob_async = put_blob_async;
  iface->set_station_async = set_station_async;
  iface->done_finish = done_finish;
}

static void
rtk_test_store_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  RtkTestStore *self = RTK_TEST_STORE (object);
  guint         n = 0;

  for (guint i = 0; i < self->outbox->len; i++) {
    const RtkOutboxItem *item = g_ptr_array_index (self->outbox, i);

    n += item->state != RTK_OPERATION_DONE;
  }
  g_value_set_uint (value, n);
}

static void
rtk_test_store_finalize (GObject *object)
{
  RtkTestStore *self = RTK_TEST_STORE (object);

  g_queue_clear_full (&self->pending, g_object_unref);
  g_ptr_array_unref (self->orders);
  g_hash_table_unref (self->codes);
  g_ptr_array_unref (self->outbox);
  g_clear_pointer (&self->last_overrides, g_ptr_array_unref);
  g_clear_pointer (&self->code_key, g_bytes_unref);
  g_clear_error (&self->fail_next);
  g_free (self->cursor);
  g_free (self->epoch);
  g_free (self->station_id);
  g_free (self->last_actor);
  g_object_unref (self->vault);
  g_object_unref (self->clock);
  G_OBJECT_CLASS (rtk_test_store_parent_class)->finalize (object);
}

static void
rtk_test_store_class_init (RtkTestStoreClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = rtk_test_store_get_property;
  object_class->finalize = rtk_test_store_finalize;
  g_object_class_override_property (object_class, PROP_OUTBOX_LENGTH, "outbox-length");
}

static void
rtk_test_store_init (RtkTestStore *self)
{
  self->orders = g_ptr_array_new_with_free_func (g_object_unref);
  self->codes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->outbox = g_ptr_array_new_with_free_func ((GDestroyNotify)rtk_outbox_item_free);
  self->cursor = g_strdup ("");
  g_queue_init (&self->pending);
}

RtkTestStore *
rtk_test_store_new (RtkTestVault *vault, RtkClock *clock)
{
  RtkTestStore *self = g_object_new (RTK_TYPE_TEST_STORE, NULL);

  self->vault = g_object_ref (vault);
  self->clock = g_object_ref (clock);
  return self;
}

void
rtk_test_store_add_order (RtkTestStore *self, RtkOrder *order, const char *code)
{
  RtkOrder *former = find_order (self, rtk_order_get_id (order));

  if (former != NULL)
    g_ptr_array_remove (self->orders, former);
  g_ptr_array_add (self->orders, order);
  if (code != NULL)
    g_hash_table_insert (self->codes, g_strdup (code), g_strdup (rtk_order_get_id (order)));
}

RtkOutboxItem *
rtk_test_store_add_operation (RtkTestStore *self, RtkOperation *operation, const char *const *blobs)
{
  RtkOutboxItem *item = rtk_outbox_item_new (operation, RTK_OPERATION_WAITING);

  for (guint i = 0; blobs != NULL && blobs[i] != NULL; i++)
    g_ptr_array_add (item->blobs, g_strdup (blobs[i]));
  g_ptr_array_add (self->outbox, item);
  g_object_unref (operation);
  return item;
}

RtkOutboxItem *
rtk_test_store_find (RtkTestStore *self, const char *operation_id)
{
  for (guint i = 0; i < self->outbox->len; i++) {
    RtkOutboxItem *item = g_ptr_array_index (self->outbox, i);

    if (g_strcmp0 (rtk_operation_get_id (item->operation), operation_id) == 0)
      return item;
  }
  return NULL;
}

void
rtk_test_store_answer (RtkTestStore *self)
{
  g_autoptr (GTask) task = g_queue_pop_head (&self->pending);

  g_assert_nonnull (task);
  ((Deed)g_task_get_source_tag (task)) (self, task);
}
