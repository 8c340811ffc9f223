/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-session"
#include "config.h"

#include "core/rtk-error.h"
#include "session/rtk-sync-round-private.h"

#define PAGE_LIMIT 200
/* Refused operations are not counted as waiting. More of them than this are not counted on. */
#define REFUSED_LIMIT 100

static void
write_free (gpointer data)
{
  RtkSyncWrite *write = data;

  g_clear_pointer (&write->result, rtk_result_free);
  g_free (write->id);
  g_free (write->error);
  g_free (write);
}

static void
round_clear (gpointer data)
{
  RtkSyncRound *self = data;

  if (self->free_user_data != NULL)
    self->free_user_data (self->user_data);
  g_object_unref (self->store);
  g_object_unref (self->vault);
  g_object_unref (self->transport);
  g_object_unref (self->cancellable);
  g_free (self->epoch);
  g_free (self->cursor);
  g_clear_error (&self->failure);
  g_clear_error (&self->last_error);
  g_hash_table_unref (self->tried);
  g_ptr_array_unref (self->items);
  g_ptr_array_unref (self->gathered);
  g_clear_pointer (&self->listed, g_ptr_array_unref);
  g_clear_pointer (&self->batch, g_ptr_array_unref);
  g_queue_clear_full (&self->batches, (GDestroyNotify)g_ptr_array_unref);
  g_queue_clear_full (&self->writes, write_free);
}

/* The outbox without the long tail of what is done, which stands at the end of the list. */
static guint
list_limit (RtkStore *store)
{
  return rtk_store_get_outbox_length (store) + REFUSED_LIMIT;
}

static void
finish (RtkSyncRound *self)
{
  RtkSyncFinished finished = self->finished;

  self->finished = NULL;
  if (finished != NULL)
    finished (&self->counts, self->attention, self->failure == NULL,
              self->failure != NULL ? self->failure : self->last_error, self->user_data);
}

static void
counted_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkSyncRound) self = user_data;
  g_autoptr (GPtrArray) items = rtk_store_list_outbox_finish (RTK_STORE (object), result, NULL);

  for (guint i = 0; items != NULL && i < items->len; i++) {
    const RtkOutboxItem *item = g_ptr_array_index (items, i);

    if (item->state == RTK_OPERATION_CONFLICT || item->state == RTK_OPERATION_REFUSED)
      self->attention++;
  }
  finish (self);
}

static void
pulled_applied_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkSyncRound) self = user_data;
  g_autoptr (GError) error = NULL;

  if (!rtk_store_done_finish (RTK_STORE (object), result, &error)) {
    rtk_sync_round_end (self, g_steal_pointer (&error));
  } else if (self->cursor != NULL) {
    rtk_sync_round_pull (self);
  } else {
    /* Something may have come meanwhile; after a new epoch the store sends everything again. */
    self->pulled = TRUE;
    rtk_sync_push_start (self);
  }
}

static void
pulled_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkSyncRound) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkChangePage) page =
      rtk_transport_pull_finish (RTK_TRANSPORT (object), result, &error);
  gboolean new_epoch;

  if (page == NULL) {
    rtk_sync_round_end (self, g_steal_pointer (&error));
    return;
  }
  new_epoch = self->epoch != NULL && g_strcmp0 (self->epoch, page->epoch) != 0;
  g_free (self->epoch);
  self->epoch = g_strdup (page->epoch);
  if (new_epoch)
    g_hash_table_remove_all (self->tried);
  if (new_epoch && *self->cursor != '\0') {
    /* The server was restored: what it said before may not be so any more. */
    g_free (self->cursor);
    self->cursor = g_strdup ("");
    rtk_sync_round_pull (self);
    return;
  }
  self->counts.pulled += page->orders->len;
  g_clear_pointer (&self->cursor, g_free);
  if (page->more)
    self->cursor = g_strdup (page->cursor);
  rtk_store_apply_changes_async (self->store, page, self->cancellable, pulled_applied_cb,
                                 rtk_sync_round_ref (self));
}

static void
cursor_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkSyncRound) self = user_data;
  g_autoptr (GError) error = NULL;

  g_free (self->cursor);
  self->cursor = rtk_store_get_cursor_finish (RTK_STORE (object), result, &error);
  if (self->cursor == NULL)
    rtk_sync_round_end (self, g_steal_pointer (&error));
  else
    rtk_sync_round_pull (self);
}

static void
written_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkSyncRound) self = user_data;
  g_autoptr (GError) error = NULL;

  if (rtk_store_done_finish (RTK_STORE (object), result, &error))
    rtk_sync_round_run_writes (self, self->after_writes);
  else
    rtk_sync_round_end (self, g_steal_pointer (&error));
}

/* What was under way when the program or a round ended is sent again: nobody else sends from this
 * folder. */
static void
recovered_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkSyncRound) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) items = rtk_store_list_outbox_finish (RTK_STORE (object), result, &error);

  if (items == NULL) {
    rtk_sync_round_end (self, g_steal_pointer (&error));
    return;
  }
  for (guint i = 0; i < items->len; i++) {
    const RtkOutboxItem *item = g_ptr_array_index (items, i);

    if (item->state == RTK_OPERATION_SENDING)
      rtk_sync_round_write (self, rtk_operation_get_id (item->operation), RTK_OPERATION_WAITING,
                            NULL);
  }
  rtk_sync_round_run_writes (self, rtk_sync_push_start);
}

/**
 * rtk_sync_round_write:
 * @self: a round
 * @id: of an operation
 * @state: where it stands now
 * @error: (nullable): why, English
 *
 * Queues a write to the store.
 */
void
rtk_sync_round_write (RtkSyncRound     *self,
                      const char       *id,
                      RtkOperationState state,
                      const char       *error)
{
  RtkSyncWrite *write = g_new0 (RtkSyncWrite, 1);

  write->id = g_strdup (id);
  write->state = state;
  write->error = g_strdup (error);
  g_queue_push_tail (&self->writes, write);
}

/**
 * rtk_sync_round_run_writes:
 * @self: a round
 * @next: what comes then
 *
 * Does the queued writes one after the other, then @next. When the store fails the round ends.
 */
void
rtk_sync_round_run_writes (RtkSyncRound *self, RtkSyncNext next)
{
  RtkSyncWrite *write = g_queue_pop_head (&self->writes);

  if (write == NULL) {
    next (self);
    return;
  }
  self->after_writes = next;
  /* No cancellable: what the server has said is written down also when the round is given up. */
  if (write->result != NULL)
    rtk_store_settle_async (self->store, write->result, NULL, written_cb,
                            rtk_sync_round_ref (self));
  else
    rtk_store_set_outbox_async (self->store, write->id, write->state, write->error, NULL,
                                written_cb, rtk_sync_round_ref (self));
  write_free (write);
}

/**
 * rtk_sync_round_pull:
 * @self: a round
 *
 * Reads the feed from the cursor on, or asks the store for the cursor first.
 */
void
rtk_sync_round_pull (RtkSyncRound *self)
{
  if (self->cursor == NULL)
    rtk_store_get_cursor_async (self->store, self->cancellable, cursor_cb,
                                rtk_sync_round_ref (self));
  else
    rtk_transport_pull_async (self->transport, self->cursor, PAGE_LIMIT, self->cancellable,
                              pulled_cb, rtk_sync_round_ref (self));
}

/**
 * rtk_sync_round_end:
 * @self: a round
 * @error: (transfer full) (nullable): what ends it early
 *
 * Ends the round, counting first what a person must look at.
 */
void
rtk_sync_round_end (RtkSyncRound *self, GError *error)
{
  if (self->failure == NULL)
    self->failure = error;
  else
    g_clear_error (&error);
  rtk_store_list_outbox_async (self->store, FALSE, list_limit (self->store), NULL, counted_cb,
                               rtk_sync_round_ref (self));
}

/**
 * rtk_sync_round_start:
 * @store: the outbox
 * @vault: its photos
 * @transport: the server
 * @epoch: (nullable): the server's epoch as it was seen last
 * @recover: whether operations may still be marked as being sent, from an earlier run or from a
 *   round that ended early
 * @finished: called once, unless it is cancelled
 * @user_data: (transfer full): for @finished
 * @free_user_data: (nullable): frees it
 *
 * Starts a round. Main thread.
 *
 * Returns: (transfer full): the round
 */
RtkSyncRound *
rtk_sync_round_start (RtkStore       *store,
                      RtkVault       *vault,
                      RtkTransport   *transport,
                      const char     *epoch,
                      gboolean        recover,
                      RtkSyncFinished finished,
                      gpointer        user_data,
                      GDestroyNotify  free_user_data)
{
  RtkSyncRound *self = g_rc_box_new0 (RtkSyncRound);

  self->store = g_object_ref (store);
  self->vault = g_object_ref (vault);
  self->transport = g_object_ref (transport);
  self->cancellable = g_cancellable_new ();
  self->epoch = g_strdup (epoch);
  self->finished = finished;
  self->user_data = user_data;
  self->free_user_data = free_user_data;
  self->tried = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->items = g_ptr_array_new_with_free_func (rtk_sync_item_free);
  self->gathered = g_ptr_array_new ();
  g_queue_init (&self->batches);
  g_queue_init (&self->writes);
  if (recover)
    rtk_store_list_outbox_async (store, FALSE, list_limit (store), self->cancellable, recovered_cb,
                                 rtk_sync_round_ref (self));
  else
    rtk_sync_push_start (self);
  return self;
}

/**
 * rtk_sync_round_get_epoch:
 * @self: a round
 *
 * Returns: (transfer none) (nullable): the server's epoch as this round has seen it
 */
const char *
rtk_sync_round_get_epoch (RtkSyncRound *self)
{
  return self->epoch;
}

/**
 * rtk_sync_round_cancel:
 * @self: a round
 *
 * Gives the round up: it ends with %G_IO_ERROR_CANCELLED. What was sent without an answer is sent
 * again another time.
 */
void
rtk_sync_round_cancel (RtkSyncRound *self)
{
  g_cancellable_cancel (self->cancellable);
}

/**
 * rtk_sync_round_ref:
 * @self: a round
 *
 * Returns: (transfer full): @self with one more reference
 */
RtkSyncRound *
rtk_sync_round_ref (RtkSyncRound *self)
{
  return g_rc_box_acquire (self);
}

/**
 * rtk_sync_round_unref:
 * @self: (transfer full): a round
 *
 * Gives a reference back.
 */
void
rtk_sync_round_unref (RtkSyncRound *self)
{
  g_rc_box_release_full (self, round_clear);
}
