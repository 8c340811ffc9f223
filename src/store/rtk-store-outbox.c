/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-store"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-json.h"
#include "store/rtk-store-state-private.h"

/* After the n-th failure an operation waits half to all of 2 s * 2^(n-1), at most 5 minutes: the
 * spread keeps forty stations from coming back in the same second. */
#define BACK_OFF_FIRST (2 * G_TIME_SPAN_SECOND)
#define BACK_OFF_LAST (5 * G_TIME_SPAN_MINUTE)

/**
 * rtk_store_outbox_insert:
 * @self: an unlocked state, in a transaction
 * @operation: what is to be sent
 * @release_at: microseconds since 1970: held until then
 * @error: return location
 *
 * Puts an operation into the outbox.
 *
 * Returns: whether it is part of the transaction
 */
gboolean
rtk_store_outbox_insert (RtkStoreState *self,
                         RtkOperation  *operation,
                         gint64         release_at,
                         GError       **error)
{
  const char *id = rtk_operation_get_id (operation);
  g_autoptr (JsonNode) node = rtk_operation_to_json (operation);
  g_autofree char *json = json_to_string (node, FALSE);
  g_autoptr (GBytes) sealed = rtk_store_state_seal (self, "outbox", id, "operation", json);

  return rtk_db_run (self->db, error,
                     "INSERT INTO outbox(id, order_id, kind, state, created_at, release_at, sealed)"
                     " VALUES(?, ?, ?, ?, ?, ?, ?)",
                     "ssssiib", id, rtk_operation_get_order_id (operation),
                     rtk_operation_get_kind (operation),
                     rtk_operation_state_to_string (RTK_OPERATION_HELD),
                     rtk_operation_get_created_at (operation), release_at, sealed);
}

/**
 * rtk_store_outbox_release:
 * @self: a state that may write; needs no key
 * @restart: whether the program starts: what was on its way then waits again
 * @error: return location
 *
 * Lets all held operations go.
 *
 * Returns: whether it is on disk
 */
gboolean
rtk_store_outbox_release (RtkStoreState *self, gboolean restart, GError **error)
{
  if (!rtk_store_state_require_writable (self, error))
    return FALSE;
  return rtk_db_run (self->db, error,
                     "UPDATE outbox SET state = 'waiting', release_at = min(release_at, ?1)"
                     " WHERE state = 'held' OR (?2 AND state = 'sending')",
                     "ii", rtk_clock_now (self->clock), (gint64)restart);
}

static gboolean
set_not_found (GError **error)
{
  g_set_error_literal (error, RTK_ERROR, RTK_ERROR_NOT_FOUND, "there is no such operation");
  return FALSE;
}

static gboolean
undo_in_transaction (RtkStoreState *self, const char *id, GError **error)
{
  gint64 n;

  /* The attempt and its list of photos go with it (ON DELETE CASCADE). */
  if (!rtk_db_run (self->db, error,
                   "DELETE FROM outbox WHERE id = ? AND state = 'held' AND release_at > ?", "si",
                   id, rtk_clock_now (self->clock)))
    return FALSE;
  if (rtk_db_get_changes (self->db) > 0)
    return rtk_store_blobs_collect (self, error);
  if (!rtk_db_get_int (self->db, &n, error, "SELECT count(*) FROM outbox WHERE id = ?", "s", id))
    return FALSE;
  if (n == 0)
    return set_not_found (error);
  g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_STATE, "the operation is released");
  return FALSE;
}

/**
 * rtk_store_outbox_undo:
 * @self: a state that may write
 * @id: id of an operation
 * @error: %RTK_ERROR_BAD_STATE once it is released, %RTK_ERROR_NOT_FOUND
 *
 * Takes a held operation back, with its attempt and the photos nobody else refers to, in one
 * transaction. Its time is compared with the clock: what sync may see the next moment is not taken
 * back.
 *
 * Returns: whether it is gone
 */
gboolean
rtk_store_outbox_undo (RtkStoreState *self, const char *id, GError **error)
{
  if (!rtk_store_state_require_writable (self, error) || !rtk_db_begin (self->db, error))
    return FALSE;
  if (!undo_in_transaction (self, id, error)) {
    rtk_db_roll_back (self->db);
    return FALSE;
  }
  if (!rtk_db_commit (self->db, error))
    return FALSE;
  rtk_store_blobs_erase (self);
  return TRUE;
}

static gint64
back_off (gint64 tries)
{
  double longest = (double)BACK_OFF_LAST;
  double delay = (double)BACK_OFF_FIRST;

  for (gint64 i = 1; i < tries && delay < longest; i++)
    delay *= 2;
  return (gint64)(MIN (delay, longest) * g_random_double_range (0.5, 1.0));
}

/* Reads state and tries of one operation. */
static gboolean
get_operation (RtkStoreState     *self,
               const char        *id,
               RtkOperationState *out_state,
               gint64            *out_tries,
               GError           **error)
{
  g_autoptr (GError) failure = NULL;
  gboolean      known;
  sqlite3_stmt *row =
      rtk_db_query (self->db, error, "SELECT state, tries FROM outbox WHERE id = ?", "s", id);

  if (row == NULL)
    return FALSE;
  if (!rtk_db_step (self->db, row, &failure)) {
    if (failure == NULL)
      return set_not_found (error);
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  known = rtk_operation_state_from_string ((const char *)sqlite3_column_text (row, 0), out_state);
  *out_tries = sqlite3_column_int64 (row, 1);
  sqlite3_reset (row);
  if (!known)
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_DAMAGED, "an operation has an unknown state");
  return known;
}

static gboolean
write_state (RtkStoreState    *self,
             const char       *id,
             RtkOperationState state,
             const char       *last_error,
             gint64            tries,
             gint64            next_try_at,
             GError          **error)
{
  g_autoptr (GBytes) sealed = rtk_store_state_seal (self, "outbox", id, "error", last_error);

  return rtk_db_run (self->db, error,
                     "UPDATE outbox SET state = ?, error = ?, tries = ?, next_try_at = ?,"
                     " release_at = min(release_at, ?) WHERE id = ?",
                     "sbiiis", rtk_operation_state_to_string (state), sealed, tries, next_try_at,
                     rtk_clock_now (self->clock), id);
}

/* What the server has done with is never touched again, what is held only let go. */
static gboolean
may_become (RtkOperationState from, RtkOperationState to)
{
  switch (from) {
  case RTK_OPERATION_HELD:
    return to == RTK_OPERATION_WAITING;
  case RTK_OPERATION_WAITING:
  case RTK_OPERATION_SENDING:
    return to != RTK_OPERATION_HELD;
  case RTK_OPERATION_CONFLICT:
  case RTK_OPERATION_REFUSED:
    return to == RTK_OPERATION_WAITING || to == from;
  case RTK_OPERATION_DONE:
    return to == RTK_OPERATION_DONE;
  case RTK_N_OPERATION_STATES:
  default:
    return FALSE;
  }
}

/**
 * rtk_store_outbox_set:
 * @self: an unlocked state that may write
 * @id: id of an operation
 * @state: its new state
 * @last_error: (nullable): why it failed, English
 * @error: %RTK_ERROR_NOT_FOUND, %RTK_ERROR_BAD_STATE
 *
 * Records where an operation stands. Waiting with an error counts a try and backs off; waiting
 * without one means now.
 *
 * Returns: whether it is on disk
 */
gboolean
rtk_store_outbox_set (RtkStoreState    *self,
                      const char       *id,
                      RtkOperationState state,
                      const char       *last_error,
                      GError          **error)
{
  RtkOperationState from;
  gint64            tries;
  gint64            next_try_at = 0;

  if (!rtk_store_state_require (self, TRUE, error) ||
      !get_operation (self, id, &from, &tries, error))
    return FALSE;
  if (!may_become (from, state)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_STATE, "an operation that is %s cannot become %s",
                 rtk_operation_state_to_string (from), rtk_operation_state_to_string (state));
    return FALSE;
  }
  if (state == RTK_OPERATION_WAITING && last_error != NULL) {
    tries++;
    next_try_at = rtk_clock_now (self->clock) + back_off (tries);
  }
  return write_state (self, id, state, last_error, tries, next_try_at, error);
}

/* The server misses a photo it was sent before: all of this operation's are sent again. */
static gboolean
forget_uploads (RtkStoreState *self, const char *id, GError **error)
{
  return rtk_db_run (self->db, error,
                     "UPDATE blobs SET uploaded = 0 WHERE name IN"
                     " (SELECT blob FROM attempt_blobs JOIN attempts ON attempts.id = attempt_id"
                     "  WHERE operation_id = ?)",
                     "s", id);
}

static gboolean
keep_server_order (RtkStoreState *self, const char *id, RtkOrder *order, GError **error)
{
  g_autoptr (JsonNode) node = rtk_order_to_json (order);
  g_autofree char *json = json_to_string (node, FALSE);
  g_autoptr (GBytes) sealed = rtk_store_state_seal (self, "outbox", id, "server-order", json);

  return rtk_db_run (self->db, error, "UPDATE outbox SET server_order = ? WHERE id = ?", "bs",
                     sealed, id);
}

static gboolean
settle_in_transaction (RtkStoreState *self, const RtkResult *result, GError **error)
{
  const char       *id = result->operation_id;
  RtkOperationState state = RTK_OPERATION_DONE;
  gint64            tries;
  gint64            next_try_at = 0;

  if (!get_operation (self, id, &state, &tries, error))
    return FALSE;
  switch (result->outcome) {
  case RTK_OUTCOME_APPLIED:
  case RTK_OUTCOME_DUPLICATE:
    state = RTK_OPERATION_DONE;
    break;
  case RTK_OUTCOME_CONFLICT:
    state = RTK_OPERATION_CONFLICT;
    break;
  case RTK_OUTCOME_RETRY:
    state = RTK_OPERATION_WAITING;
    next_try_at = rtk_clock_now (self->clock) + back_off (++tries);
    if (!forget_uploads (self, id, error))
      return FALSE;
    break;
  case RTK_OUTCOME_REFUSED:
  default:
    state = RTK_OPERATION_REFUSED;
    break;
  }
  if (!write_state (self, id, state, result->problem, tries, next_try_at, error))
    return FALSE;
  if (result->order == NULL)
    return TRUE;
  return (state != RTK_OPERATION_CONFLICT || keep_server_order (self, id, result->order, error)) &&
         rtk_store_orders_put (self, result->order, error);
}

/**
 * rtk_store_outbox_settle:
 * @self: an unlocked state that may write
 * @result: the server's answer to one operation
 * @error: %RTK_ERROR_NOT_FOUND
 *
 * Records what became of an operation, and the order the answer carries, in one transaction. In a
 * conflict the server's order is also kept beside the operation, to be shown to a person.
 *
 * Returns: whether all of it is on disk
 */
gboolean
rtk_store_outbox_settle (RtkStoreState *self, const RtkResult *result, GError **error)
{
  if (!rtk_store_state_require (self, TRUE, error) || !rtk_db_begin (self->db, error))
    return FALSE;
  if (settle_in_transaction (self, result, error))
    return rtk_db_commit (self->db, error);
  rtk_db_roll_back (self->db);
  return FALSE;
}

/**
 * rtk_store_outbox_replay:
 * @self: an unlocked state, in a transaction
 * @error: return location
 *
 * Makes everything that was sent wait again, photos too: the server was restored and may have lost
 * it. What it still has it answers as a duplicate.
 *
 * Returns: whether it is part of the transaction
 */
gboolean
rtk_store_outbox_replay (RtkStoreState *self, GError **error)
{
  return rtk_db_exec (self->db,
                      "UPDATE outbox SET state = 'waiting', tries = 0, next_try_at = 0"
                      " WHERE state IN ('done', 'sending');"
                      "UPDATE blobs SET uploaded = 0 WHERE own = 1",
                      error);
}

/* The photos to be sent before the operation, in the order they were made. */
static gboolean
add_blobs (RtkStoreState *self, RtkOutboxItem *item, GError **error)
{
  JsonObject *body = rtk_operation_get_body (item->operation);
  g_autoptr (GHashTable) waiting = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GError) failure = NULL;
  sqlite3_stmt *row;

  row = rtk_db_query (self->db, error,
                      "SELECT role FROM attempt_blobs JOIN attempts ON attempts.id = attempt_id"
                      " JOIN blobs ON blobs.name = blob WHERE operation_id = ? AND uploaded = 0",
                      "s", rtk_operation_get_id (item->operation));
  if (row == NULL)
    return FALSE;
  while (rtk_db_step (self->db, row, &failure))
    g_hash_table_add (waiting, rtk_db_dup_text (row, 0));
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  for (guint i = 0; rtk_store_submission_roles[i] != NULL; i++) {
    const char *role = rtk_store_submission_roles[i];
    const char *sha256 = json_object_get_string_member_with_default (body, role, NULL);

    if (sha256 != NULL && g_hash_table_contains (waiting, role) &&
        !g_ptr_array_find_with_equal_func (item->blobs, sha256, g_str_equal, NULL))
      g_ptr_array_add (item->blobs, g_strdup (sha256));
  }
  return TRUE;
}

static RtkOutboxItem *
read_item (RtkStoreState *self, sqlite3_stmt *row, GError **error)
{
  const char *id = (const char *)sqlite3_column_text (row, 0);
  g_autoptr (GBytes) json = rtk_store_state_unseal (self, "outbox", id, "operation", row, 1, error);
  g_autoptr (JsonObject) object = NULL;
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autoptr (RtkOperation) operation = NULL;
  g_autoptr (RtkOutboxItem) item = NULL;
  g_autoptr (GBytes) problem = NULL;
  RtkOperationState state = RTK_OPERATION_WAITING;

  if (json == NULL)
    return NULL;
  object =
      rtk_json_parse_object (g_bytes_get_data (json, NULL), (gssize)g_bytes_get_size (json), error);
  if (object == NULL)
    return NULL;
  json_node_set_object (node, object);
  operation = rtk_operation_from_json (node, error);
  if (operation == NULL)
    return NULL;
  (void)rtk_operation_state_from_string ((const char *)sqlite3_column_text (row, 2), &state);
  item = rtk_outbox_item_new (operation, state);
  item->release_at = sqlite3_column_int64 (row, 3);
  item->tries = (guint)sqlite3_column_int64 (row, 4);
  item->next_try_at = sqlite3_column_int64 (row, 5);
  if (sqlite3_column_type (row, 6) != SQLITE_NULL) {
    problem = rtk_store_state_unseal (self, "outbox", id, "error", row, 6, error);
    if (problem == NULL)
      return NULL;
    item->last_error = g_strndup (g_bytes_get_data (problem, NULL), g_bytes_get_size (problem));
  }
  return add_blobs (self, item, error) ? g_steal_pointer (&item) : NULL;
}

#define COLUMNS "SELECT id, sealed, state, release_at, tries, next_try_at, error FROM outbox o "

/* Ready: waiting, not backing off, and nothing older of the same order still on its way. Who would
 * back off beyond ?3, longer than anybody does, met a wall clock that was set back. */
#define READY                                                                                      \
  COLUMNS "WHERE state = 'waiting' AND next_try_at NOT BETWEEN ?1 + 1 AND ?3 AND NOT EXISTS ("     \
          "SELECT 1 FROM outbox b WHERE b.order_id = o.order_id AND b.seq < o.seq AND ("           \
          "b.state IN ('held', 'sending') OR"                                                      \
          " (b.state = 'waiting' AND b.next_try_at BETWEEN ?1 + 1 AND ?3))) "                      \
          "ORDER BY seq LIMIT ?2"

#define ALL                                                                                        \
  COLUMNS                                                                                          \
  "WHERE ?1 < ?3 ORDER BY state = 'done', CASE WHEN state = 'done' THEN -seq ELSE seq END "        \
  "LIMIT ?2"

/* What was held until now is released on disk before anybody sees it as ready, so that it cannot
 * be sent and taken back at once. */
static gboolean
release_due (RtkStoreState *self, gint64 now, GError **error)
{
  gint64 n;

  if (self->read_only)
    return TRUE;
  if (!rtk_db_get_int (self->db, &n, error,
                       "SELECT count(*) FROM outbox WHERE state = 'held' AND release_at <= ?", "i",
                       now))
    return FALSE;
  return n == 0 || rtk_db_run (self->db, error,
                               "UPDATE outbox SET state = 'waiting'"
                               " WHERE state = 'held' AND release_at <= ?",
                               "i", now);
}

/**
 * rtk_store_outbox_list:
 * @self: an unlocked state
 * @ready_only: only what may be sent now
 * @limit: at most so many; 0 = all
 * @error: %RTK_ERROR_LOCKED, %RTK_ERROR_DAMAGED
 *
 * Lists the outbox: what is not done, oldest first, then (unless @ready_only) what is, newest
 * first.
 *
 * Returns: (transfer full) (element-type RtkOutboxItem): the entries, or %NULL
 */
GPtrArray *
rtk_store_outbox_list (RtkStoreState *self, gboolean ready_only, guint limit, GError **error)
{
  g_autoptr (GPtrArray) items =
      g_ptr_array_new_with_free_func ((GDestroyNotify)rtk_outbox_item_free);
  g_autoptr (GError) failure = NULL;
  gint64        now = rtk_clock_now (self->clock);
  sqlite3_stmt *row;

  if (!rtk_store_state_require (self, FALSE, error) || !release_due (self, now, error))
    return NULL;
  row = rtk_db_query (self->db, error, ready_only ? READY : ALL, "iii", now,
                      limit > 0 ? (gint64)limit : (gint64)-1, now + BACK_OFF_LAST);
  if (row == NULL)
    return NULL;
  while (rtk_db_step (self->db, row, &failure)) {
    RtkOutboxItem *item = read_item (self, row, &failure);

    if (item == NULL)
      break;
    g_ptr_array_add (items, item);
  }
  sqlite3_reset (row);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  return g_steal_pointer (&items);
}

/**
 * rtk_store_outbox_count:
 * @self: an open state; needs no key
 * @out_length: (out): operations that are not done: held, waiting, on their way, in conflict
 * @error: return location
 *
 * Counts what keeps the station from being empty. What the server refused for good is not counted:
 * nothing more will become of it by waiting.
 *
 * Returns: whether it was counted
 */
gboolean
rtk_store_outbox_count (RtkStoreState *self, guint *out_length, GError **error)
{
  gint64 n;

  if (!rtk_db_get_int (self->db, &n, error,
                       "SELECT count(*) FROM outbox"
                       " WHERE state IN ('held', 'waiting', 'sending', 'conflict')",
                       ""))
    return FALSE;
  *out_length = (guint)n;
  return TRUE;
}
