/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-json.h"
#include "server/rtk-server-gold.h"

/* What became of an order and by whom: the audit log's entries about it and all that hangs on it,
 * the notes, and what was to be done in the world. */

/* Entries that are shown; an order has a few dozen. */
#define MAX_ENTRIES 2000

/**
 * rtk_server_history_write_detail:
 * @json: inside an entry
 * @detail: a detail of the audit log
 *
 * Writes it as a reviewer sees it: without where it came from. The id of an operation says when it
 * was made, by which a made-up order could be told from the others.
 */
void
rtk_server_history_write_detail (RtkServerJson *json, const char *detail)
{
  static const char *const hidden[] = {"station", "operation", "session"};
  g_autoptr (JsonObject) object = rtk_json_parse_object (detail, -1, NULL);
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *text = NULL;

  for (guint i = 0; object != NULL && i < G_N_ELEMENTS (hidden); i++)
    if (json_object_has_member (object, hidden[i]))
      json_object_remove_member (object, hidden[i]);
  if (object != NULL) {
    json_node_set_object (node, object);
    text = json_to_string (node, FALSE);
  }
  rtk_server_json_raw (json, "detail", text != NULL ? text : "{}");
}

static void
write_seen (RtkServerJson *json, RtkServerRows *row)
{
  rtk_server_json_int (json, "seq", rtk_server_db_int (row, 0));
  rtk_server_json_time (json, "at", rtk_server_db_int (row, 1));
  rtk_server_json_string (json, "actor", rtk_server_db_text (row, 2));
  rtk_server_json_string (json, "action", rtk_server_db_text (row, 3));
  rtk_server_json_string (json, "target", rtk_server_db_text (row, 4));
}

static void
write_entry_for_reviewer (RtkServerJson *json, RtkServerRows *row)
{
  write_seen (json, row);
  rtk_server_history_write_detail (json, rtk_server_db_text (row, 5));
}

static void
write_entry (RtkServerJson *json, RtkServerRows *row)
{
  write_seen (json, row);
  rtk_server_json_raw (json, "detail", rtk_server_db_text (row, 5));
}

static void
write_note (RtkServerJson *json, RtkServerRows *row)
{
  rtk_server_json_string (json, "id", rtk_server_db_text (row, 0));
  rtk_server_json_string (json, "text", rtk_server_db_text (row, 1));
  rtk_server_json_string (json, "actor", rtk_server_db_text (row, 2));
  rtk_server_json_time (json, "created_at", rtk_server_db_int (row, 3));
}

static void
write_payment (RtkServerJson *json, RtkServerRows *row)
{
  rtk_server_json_string (json, "id", rtk_server_db_text (row, 0));
  rtk_server_json_string (json, "provider", rtk_server_db_text (row, 1));
  rtk_server_json_string (json, "state", rtk_server_db_text (row, 2));
  rtk_server_json_int (json, "amount_fen", rtk_server_db_int (row, 3));
  rtk_server_json_string (json, "reference", rtk_server_db_text (row, 4));
  rtk_server_json_string (json, "actor", rtk_server_db_text (row, 5));
  rtk_server_json_time (json, "created_at", rtk_server_db_int (row, 6));
  rtk_server_json_time (json, "updated_at", rtk_server_db_int (row, 7));
}

static void
write_effect (RtkServerJson *json, RtkServerRows *row)
{
  rtk_server_json_string (json, "id", rtk_server_db_text (row, 0));
  rtk_server_json_string (json, "kind", rtk_server_db_text (row, 1));
  rtk_server_json_string (json, "state", rtk_server_db_text (row, 2));
  rtk_server_json_int (json, "attempts", rtk_server_db_int (row, 3));
  rtk_server_json_time (json, "not_before", rtk_server_db_int (row, 4));
  rtk_server_json_time (json, "updated_at", rtk_server_db_int (row, 5));
}

static void
write_conflict (RtkServerJson *json, RtkServerRows *row)
{
  rtk_server_json_string (json, "id", rtk_server_db_text (row, 0));
  rtk_server_json_string (json, "kind", rtk_server_db_text (row, 1));
  rtk_server_json_string (json, "station", rtk_server_db_text (row, 2));
  rtk_server_json_time (json, "received_at", rtk_server_db_int (row, 3));
}

/* Lists that are asked for by the order alone. */
static const struct {
  const char *name;
  void (*write) (RtkServerJson *json, RtkServerRows *row);
  const char *sql;
} lists[] = {
    {"notes", write_note,
     "SELECT id, text, actor, created_at FROM notes WHERE order_id = ? ORDER BY created_at, id"},
    {"payments", write_payment,
     "SELECT id, provider, state, amount_fen, reference, actor, created_at, updated_at"
     " FROM payments WHERE order_id = ? ORDER BY created_at, id"},
    {"effects", write_effect,
     "SELECT id, kind, state, attempts, not_before, updated_at FROM effects WHERE order_id = ?"
     " ORDER BY id"},
    {"conflicts", write_conflict,
     "SELECT id, kind, station, received_at FROM operations WHERE order_id = ?"
     " AND outcome = 'conflict' ORDER BY received_at, id"},
};

static gboolean
write_list (RtkServerStore *store,
            RtkServerJson  *json,
            const char     *name,
            void (*write) (RtkServerJson *json, RtkServerRows *row),
            RtkServerRows *row,
            GError       **error)
{
  rtk_server_json_begin (json, name, '[');
  while (rtk_server_db_next (store->db, row, error)) {
    rtk_server_json_begin (json, NULL, '{');
    write (json, row);
    rtk_server_json_end (json, '}');
  }
  rtk_server_json_end (json, ']');
  return rtk_server_db_end (row);
}

/* A reviewer sees what became of the photos, without what others said of one that is not decided
 * on: second looks are blind. Money, messages and prints are the desk's, and not the numbers of the
 * log either: by them a made-up order could be told from the others. */
static gboolean
write_for_reviewer (RtkServerStore *store, RtkServerCall *call, GError **error)
{
  return write_list (
             store, &call->answer, "entries", write_entry_for_reviewer,
             rtk_server_db_query (
                 store->db, error,
                 "SELECT row_number () OVER (ORDER BY seq), at, actor, action, target, detail"
                 " FROM audit WHERE target IN (SELECT ?1"
                 " UNION SELECT id FROM submissions WHERE order_id = ?1"
                 " UNION SELECT id FROM notes WHERE order_id = ?1)"
                 " AND (action IN ('order.create', 'submission.create', 'note.add')"
                 " OR (action LIKE 'review.%' AND NOT EXISTS (SELECT 1 FROM submissions w"
                 " WHERE w.id = audit.target AND w.state IN ('submitted', 'in_review'))))"
                 " ORDER BY seq LIMIT ?2",
                 "si", call->params[0], (gint64)MAX_ENTRIES),
             error) &&
         write_list (store, &call->answer, lists[0].name, lists[0].write,
                     rtk_server_db_query (store->db, error, lists[0].sql, "s", call->params[0]),
                     error);
}

/* All of it; but what was said of a photo that is not decided on is not for a supervisor who may be
 * the next to look at it, or to arbitrate: for none but those who said it. */
static gboolean
write_whole (RtkServerStore *store, RtkServerCall *call, GError **error)
{
  const char *order_id = call->params[0];

  if (!write_list (store, &call->answer, "entries", write_entry,
                   rtk_server_db_query (
                       store->db, error,
                       "SELECT seq, at, actor, action, target, detail FROM audit WHERE target IN"
                       " (SELECT ?1 UNION SELECT roster FROM orders WHERE id = ?1"
                       " UNION SELECT id FROM submissions WHERE order_id = ?1"
                       " UNION SELECT id FROM payments WHERE order_id = ?1"
                       " UNION SELECT id FROM prints WHERE order_id = ?1"
                       " UNION SELECT id FROM notes WHERE order_id = ?1"
                       " UNION SELECT id FROM effects WHERE order_id = ?1)"
                       " AND NOT (?3 = 1 AND action LIKE 'review.%' AND EXISTS (SELECT 1"
                       " FROM submissions w WHERE w.id = audit.target"
                       " AND w.state IN ('submitted', 'in_review')"
                       " AND w.first_by IS DISTINCT FROM ?4 AND w.second_by IS DISTINCT FROM ?4))"
                       " ORDER BY seq LIMIT ?2",
                       "siis", order_id, (gint64)MAX_ENTRIES,
                       (gint64)(call->who == RTK_SERVER_SUPERVISOR), call->principal),
                   error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    if (!write_list (store, &call->answer, lists[i].name, lists[i].write,
                     rtk_server_db_query (store->db, error, lists[i].sql, "s", order_id), error))
      return FALSE;
  return TRUE;
}

/* GET /v1/orders/{id}/history */
RTK_SERVER_HANDLER (order_history)
{
  const char      *order_id = call->params[0];
  gboolean         is_reviewer = call->who == RTK_SERVER_REVIEWER;
  g_autofree char *shown = NULL;

  if (rtk_server_db_get_int (store->db, 0, "SELECT 1 FROM orders WHERE id = ?", "s", order_id) ==
      0) {
    shown = rtk_server_gold_find_shown (store, call, order_id);
    if (shown == NULL)
      return rtk_server_call_not_found (call);
  }
  rtk_server_json_begin (&call->answer, NULL, '{');
  if (shown != NULL ? !rtk_server_gold_write_history (store, call, shown, error)
                    : !rtk_server_order_write (store, &call->answer, "order", order_id,
                                               call->station, error) ||
                          !(is_reviewer ? write_for_reviewer : write_whole) (store, call, error))
    return FALSE;
  for (guint i = 1; (is_reviewer || shown != NULL) && i < G_N_ELEMENTS (lists); i++)
    rtk_server_json_raw (&call->answer, lists[i].name, "[]");
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return TRUE;
}
