/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-session"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "session/rtk-sync-round-private.h"

#define BATCH_LIMIT 50

static void send_item (RtkSyncRound *self);
static void push_next (RtkSyncRound *self);

/* Errors after which every other operation would fail the same way: the round ends. Anything else
 * is the trouble of one operation, which must not hold up the rest. */
static gboolean
ends_round (const GError *error)
{
  return g_error_matches (error, RTK_ERROR, RTK_ERROR_OFFLINE) ||
         g_error_matches (error, RTK_ERROR, RTK_ERROR_UNAUTHORIZED) ||
         g_error_matches (error, RTK_ERROR, RTK_ERROR_LOCKED) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
take_failure (RtkSyncRound *self, GError *error)
{
  if (self->failure == NULL)
    self->failure = error;
  else
    g_clear_error (&error);
}

static void
end_with_failure (RtkSyncRound *self)
{
  rtk_sync_round_end (self, NULL);
}

static void
note_failure (RtkSyncRound *self, const GError *error)
{
  self->counts.failed++;
  g_clear_error (&self->last_error);
  self->last_error = g_error_copy (error);
}

/* This operation stays in the outbox for another time. What is no fault of its own is not written
 * down as one: the store lets an operation with an error wait longer each time. */
static void
put_off (RtkSyncRound *self, RtkSyncItem *item, const GError *error)
{
  note_failure (self, error);
  rtk_sync_round_write (self, rtk_operation_get_id (item->item->operation), RTK_OPERATION_WAITING,
                        ends_round (error) ? NULL : error->message);
}

/* Those that were marked as being sent but will not be pushed in this round. */
static void
put_off_waiting (RtkSyncRound *self, const GError *error)
{
  for (guint i = 0; i < self->gathered->len; i++)
    put_off (self, g_ptr_array_index (self->gathered, i), error);
  g_ptr_array_set_size (self->gathered, 0);
  while (!g_queue_is_empty (&self->batches)) {
    g_autoptr (GPtrArray) waiting = g_queue_pop_head (&self->batches);

    for (guint i = 0; i < waiting->len; i++)
      put_off (self, g_ptr_array_index (waiting, i), error);
  }
}

/* Every hash that @node holds: originals, mattes, finished files, certificates. */
static void
collect_hashes (JsonNode *node, GPtrArray *hashes)
{
  if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING) {
    const char *text = json_node_get_string (node);

    if (rtk_sha256_is_valid (text) &&
        !g_ptr_array_find_with_equal_func (hashes, text, g_str_equal, NULL))
      g_ptr_array_add (hashes, g_strdup (text));
  } else if (JSON_NODE_HOLDS_OBJECT (node)) {
    g_autoptr (GList) values = json_object_get_values (json_node_get_object (node));

    for (GList *link = values; link != NULL; link = link->next)
      collect_hashes (link->data, hashes);
  } else if (JSON_NODE_HOLDS_ARRAY (node)) {
    JsonArray *array = json_node_get_array (node);

    for (guint i = 0; i < json_array_get_length (array); i++)
      collect_hashes (json_array_get_element (array, i), hashes);
  }
}

/* The server misses a photo: all of them are offered again (it takes only what it has not), then
 * the operation is sent once more. */
static gboolean
send_again (RtkSyncRound *self, RtkSyncItem *item)
{
  JsonObject *body = rtk_operation_get_body (item->item->operation);
  g_autoptr (GList) members = json_object_get_members (body);

  g_ptr_array_set_size (item->blobs, 0);
  /* What a person typed names no photo. */
  for (GList *link = members; link != NULL; link = link->next)
    if (!g_str_equal (link->data, "overrides"))
      collect_hashes (json_object_get_member (body, link->data), item->blobs);
  item->n_sent = 0;
  item->again = TRUE;
  return item->blobs->len > 0;
}

static RtkSyncItem *
find_in_batch (RtkSyncRound *self, const char *id)
{
  for (guint i = 0; i < self->batch->len; i++) {
    RtkSyncItem *item = g_ptr_array_index (self->batch, i);

    if (g_strcmp0 (rtk_operation_get_id (item->item->operation), id) == 0)
      return item;
  }
  return NULL;
}

static void
settle (RtkSyncRound *self, RtkSyncItem *item, const RtkResult *result)
{
  RtkSyncWrite *write;
  guint *const  counts[] = {
       [RTK_OUTCOME_APPLIED] = &self->counts.applied,
       [RTK_OUTCOME_DUPLICATE] = &self->counts.duplicate,
       [RTK_OUTCOME_CONFLICT] = &self->counts.conflict,
       [RTK_OUTCOME_REFUSED] = &self->counts.refused,
  };

  item->settled = TRUE;
  if (result->outcome == RTK_OUTCOME_RETRY) {
    g_autoptr (GError) error = NULL;

    if (!item->again && send_again (self, item))
      return;
    /* Not in this round: the store forgets that the photos were sent. */
    error = g_error_new (RTK_ERROR, RTK_ERROR_SERVER, "%s",
                         result->problem != NULL ? result->problem : "A photo is still missing");
    note_failure (self, error);
  } else {
    (*counts[result->outcome])++;
  }
  write = g_new0 (RtkSyncWrite, 1);
  write->result = g_new0 (RtkResult, 1);
  write->result->operation_id = g_strdup (result->operation_id);
  write->result->outcome = result->outcome;
  g_set_object (&write->result->order, result->order);
  write->result->problem = g_strdup (result->problem);
  g_queue_push_tail (&self->writes, write);
}

/* After a batch: those whose photos were asked for have another turn, then the next batch. */
static void
after_batch (RtkSyncRound *self)
{
  g_autoptr (GPtrArray) again = g_ptr_array_new ();

  for (guint i = 0; i < self->batch->len; i++) {
    RtkSyncItem *item = g_ptr_array_index (self->batch, i);

    if (item->again && item->n_sent == 0 && item->blobs->len > 0)
      g_ptr_array_add (again, item);
  }
  g_clear_pointer (&self->batch, g_ptr_array_unref);
  if (again->len == 0) {
    push_next (self);
    return;
  }
  /* Their turn comes like that of new ones: photos first. They are at the end of the items. */
  for (guint i = 0; i < again->len; i++) {
    RtkSyncItem *item = g_ptr_array_index (again, i);
    guint        index = 0;

    if (g_ptr_array_find (self->items, item, &index))
      g_ptr_array_add (self->items, g_ptr_array_steal_index (self->items, index));
  }
  self->current = self->items->len - again->len;
  send_item (self);
}

static void
batch_failed (RtkSyncRound *self, GError *error)
{
  gboolean ends = ends_round (error);

  if (!ends && self->batch->len > 1) {
    /* One of them may be the reason: each is sent alone, so that it cannot hold up the others. */
    for (guint i = 0; i < self->batch->len; i++) {
      GPtrArray *alone = g_ptr_array_new ();

      g_ptr_array_add (alone, g_ptr_array_index (self->batch, i));
      g_queue_push_tail (&self->batches, alone);
    }
    g_clear_pointer (&self->batch, g_ptr_array_unref);
    g_error_free (error);
    push_next (self);
    return;
  }
  for (guint i = 0; i < self->batch->len; i++) {
    RtkSyncItem *item = g_ptr_array_index (self->batch, i);

    if (g_error_matches (error, RTK_ERROR, RTK_ERROR_REFUSED)) {
      const RtkResult refused = {(char *)rtk_operation_get_id (item->item->operation),
                                 RTK_OUTCOME_REFUSED, NULL, error->message};

      settle (self, item, &refused);
    } else {
      put_off (self, item, error);
    }
  }
  if (ends)
    put_off_waiting (self, error);
  if (ends)
    take_failure (self, error);
  else
    g_error_free (error);
  rtk_sync_round_run_writes (self, ends ? end_with_failure : after_batch);
}

static void
pushed_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkSyncRound) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) results =
      rtk_transport_push_finish (RTK_TRANSPORT (object), result, &error);

  if (results == NULL) {
    batch_failed (self, g_steal_pointer (&error));
    return;
  }
  for (guint i = 0; i < results->len; i++) {
    const RtkResult *answer = g_ptr_array_index (results, i);
    RtkSyncItem     *item = find_in_batch (self, answer->operation_id);

    if (item != NULL && !item->settled)
      settle (self, item, answer);
  }
  for (guint i = 0; i < self->batch->len; i++) {
    RtkSyncItem *item = g_ptr_array_index (self->batch, i);

    if (!item->settled) {
      g_autoptr (GError) silent =
          g_error_new (RTK_ERROR, RTK_ERROR_SERVER, "The server said nothing of this operation");

      put_off (self, item, silent);
    }
  }
  rtk_sync_round_run_writes (self, after_batch);
}

static void
push_next (RtkSyncRound *self)
{
  g_autoptr (GPtrArray) operations = NULL;

  self->batch = g_queue_pop_head (&self->batches);
  if (self->batch == NULL) {
    rtk_sync_push_start (self); /* more may have come meanwhile */
    return;
  }
  operations = g_ptr_array_new ();
  for (guint i = 0; i < self->batch->len; i++) {
    RtkSyncItem *item = g_ptr_array_index (self->batch, i);

    item->settled = FALSE;
    g_ptr_array_add (operations, item->item->operation);
  }
  rtk_transport_push_async (self->transport, operations, self->cancellable, pushed_cb,
                            rtk_sync_round_ref (self));
}

static void
next_item (RtkSyncRound *self)
{
  self->current++;
  send_item (self);
}

static void
upload_failed (RtkSyncRound *self, GError *error)
{
  RtkSyncItem *item = g_ptr_array_index (self->items, self->current);

  put_off (self, item, error);
  if (!ends_round (error)) {
    g_error_free (error);
    rtk_sync_round_run_writes (self, next_item);
    return;
  }
  put_off_waiting (self, error);
  take_failure (self, error);
  rtk_sync_round_run_writes (self, end_with_failure);
}

static void
marked_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkSyncRound) self = user_data;
  g_autoptr (GError) error = NULL;

  if (rtk_store_done_finish (RTK_STORE (object), result, &error))
    send_item (self);
  else
    upload_failed (self, g_steal_pointer (&error));
}

static void
uploaded_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkSyncRound) self = user_data;
  g_autoptr (GError) error = NULL;
  RtkSyncItem *item = g_ptr_array_index (self->items, self->current);
  const char  *sha256 = g_ptr_array_index (item->blobs, item->n_sent);

  if (!rtk_transport_done_finish (RTK_TRANSPORT (object), result, &error)) {
    upload_failed (self, g_steal_pointer (&error));
    return;
  }
  self->counts.uploaded++;
  item->n_sent++;
  rtk_store_mark_uploaded_async (self->store, sha256, NULL, marked_cb, rtk_sync_round_ref (self));
}

/* Sends the next photo of the current operation; when it has none left, the operation joins the
 * batch and it is the next one's turn; after the last one the batch goes. */
static void
send_item (RtkSyncRound *self)
{
  RtkSyncItem *item;

  if (self->current >= self->items->len) {
    if (self->gathered->len > 0) {
      g_queue_push_tail (&self->batches, self->gathered);
      self->gathered = g_ptr_array_new ();
    }
    push_next (self);
    return;
  }
  item = g_ptr_array_index (self->items, self->current);
  if (item->n_sent < item->blobs->len) {
    rtk_transport_upload_async (self->transport, g_ptr_array_index (item->blobs, item->n_sent),
                                self->vault, NULL, NULL, self->cancellable, uploaded_cb,
                                rtk_sync_round_ref (self));
    return;
  }
  g_ptr_array_add (self->gathered, item);
  rtk_sync_round_write (self, rtk_operation_get_id (item->item->operation), RTK_OPERATION_SENDING,
                        NULL);
  rtk_sync_round_run_writes (self, next_item);
}

static void
listed_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkSyncRound) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) listed = rtk_store_list_outbox_finish (RTK_STORE (object), result, &error);

  if (listed == NULL) {
    rtk_sync_round_end (self, g_steal_pointer (&error));
    return;
  }
  g_ptr_array_set_size (self->items, 0);
  self->current = 0;
  g_clear_pointer (&self->listed, g_ptr_array_unref);
  self->listed = g_steal_pointer (&listed);
  for (guint i = 0; i < self->listed->len && self->items->len < BATCH_LIMIT; i++) {
    RtkOutboxItem *outbox_item = g_ptr_array_index (self->listed, i);
    const char    *id = rtk_operation_get_id (outbox_item->operation);
    RtkSyncItem   *item;

    if (!g_hash_table_add (self->tried, g_strdup (id)))
      continue;
    item = g_new0 (RtkSyncItem, 1);
    item->item = outbox_item;
    item->blobs = g_ptr_array_new_with_free_func (g_free);
    for (guint k = 0; outbox_item->blobs != NULL && k < outbox_item->blobs->len; k++)
      g_ptr_array_add (item->blobs, g_strdup (g_ptr_array_index (outbox_item->blobs, k)));
    g_ptr_array_add (self->items, item);
  }
  if (self->items->len > 0)
    send_item (self);
  else if (self->pulled)
    rtk_sync_round_end (self, NULL);
  else
    rtk_sync_round_pull (self);
}

/**
 * rtk_sync_item_free:
 * @data: (transfer full): an #RtkSyncItem
 *
 * Frees it.
 */
void
rtk_sync_item_free (gpointer data)
{
  RtkSyncItem *item = data;

  g_ptr_array_unref (item->blobs);
  g_free (item);
}

/**
 * rtk_sync_push_start:
 * @self: a round
 *
 * Sends what may be sent and has not had its turn in this round; when nothing is left, goes on to
 * the feed, or ends the round when that has been read.
 */
void
rtk_sync_push_start (RtkSyncRound *self)
{
  /* All, not a page: those that had their turn may stand before those that had none. */
  rtk_store_list_outbox_async (self->store, TRUE, 0, self->cancellable, listed_cb,
                               rtk_sync_round_ref (self));
}
