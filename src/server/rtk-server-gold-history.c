/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-gold.h"

#include <string.h>

/* The history of a showing, as a reviewer sees that of any order: how the photo itself came in
 * once, at the times and with the ids of the showing, then what the reviewer did. */

/* What is known of the showing. */
typedef struct {
  const char *shown;
  const char *order_id;
  gint64      created_at;
  gboolean    is_decided;
} Showing;

/* "account:ID" of somebody else; others who act are the same everywhere. */
static char *
disguise_actor (RtkServerStore *store, const Showing *showing, const char *actor)
{
  /* An id says when it was made, and of which kind it is. */
  gsize            kept = strlen ("account:01234567-89ab-cdef-");
  g_autofree char *tail = NULL;

  if (!g_str_has_prefix (actor, "account:") || strlen (actor) < kept)
    return g_strdup (actor);
  tail = rtk_server_gold_disguise (store, showing->order_id, actor + kept);
  return g_strdup_printf ("%.*s%s", (int)kept, actor, tail);
}

static void
write_entry (RtkServerStore *store, RtkServerJson *json, const Showing *showing, RtkServerRows *row)
{
  const char      *action = rtk_server_db_text (row, 3);
  gboolean         is_order = g_str_equal (action, "order.create");
  gboolean         is_photo = g_str_equal (action, "submission.create");
  g_autofree char *actor = disguise_actor (store, showing, rtk_server_db_text (row, 2));
  gint64           at = rtk_server_db_int (row, 1);

  if (is_order)
    at = showing->created_at + rtk_server_db_int (row, 6);
  else if (is_photo)
    at = showing->created_at + RTK_SERVER_GOLD_SUBMITTED_AFTER + rtk_server_db_int (row, 6);
  rtk_server_json_begin (json, NULL, '{');
  rtk_server_json_int (json, "seq", rtk_server_db_int (row, 0));
  rtk_server_json_time (json, "at", at);
  rtk_server_json_string (json, "actor", actor);
  rtk_server_json_string (json, "action", action);
  rtk_server_json_string (json, "target",
                          is_order   ? showing->order_id
                          : is_photo ? showing->shown
                                     : rtk_server_db_text (row, 4));
  rtk_server_history_write_detail (json, rtk_server_db_text (row, 5));
  rtk_server_json_end (json, '}');
}

/* As the history of an order: what was said is told once it is decided. */
static gboolean
write_entries (RtkServerStore *store, RtkServerCall *call, const Showing *showing, GError **error)
{
  RtkServerRows *row = rtk_server_db_query (
      store->db, error,
      "SELECT row_number () OVER (ORDER BY e.part, e.seq), e.at, e.actor, e.action, e.target,"
      " e.detail, e.since FROM (SELECT 0 AS part, a.seq, a.at, a.actor, a.action, a.target, "
      "a.detail,"
      " a.at - CASE WHEN a.target = w.id THEN w.created_at ELSE o.created_at END AS since"
      " FROM gold_shown x JOIN gold g ON g.id = x.gold JOIN submissions w ON w.id = g.submission"
      " JOIN orders o ON o.id = w.order_id"
      " JOIN audit a ON a.target IN (w.id, w.order_id) WHERE x.id = ?1"
      " AND a.action IN ('order.create', 'submission.create')"
      " UNION ALL SELECT 1, a.seq, a.at, a.actor, replace (a.action, 'gold.', 'review.'), a.target,"
      " a.detail, 0 FROM audit a WHERE a.target = ?1 AND ?2 = 1"
      " AND a.action IN ('gold.approved', 'gold.rejected', 'gold.undo')"
      " UNION ALL SELECT 1, a.seq, a.at, a.actor, a.action, a.target, a.detail, 0"
      " FROM audit a WHERE a.target IN (SELECT n.id FROM gold_notes n WHERE n.shown = ?1)) e"
      " ORDER BY e.part, e.seq",
      "si", showing->shown, (gint64)showing->is_decided);

  rtk_server_json_begin (&call->answer, "entries", '[');
  while (rtk_server_db_next (store->db, row, error))
    write_entry (store, &call->answer, showing, row);
  rtk_server_json_end (&call->answer, ']');
  return rtk_server_db_end (row);
}

static gboolean
write_notes (RtkServerStore *store, RtkServerCall *call, const Showing *showing, GError **error)
{
  RtkServerJson *json = &call->answer;
  RtkServerRows *row =
      rtk_server_db_query (store->db, error,
                           "SELECT id, text, actor, created_at FROM gold_notes WHERE shown = ?"
                           " ORDER BY created_at, id",
                           "s", showing->shown);

  rtk_server_json_begin (json, "notes", '[');
  while (rtk_server_db_next (store->db, row, error)) {
    rtk_server_json_begin (json, NULL, '{');
    rtk_server_json_string (json, "id", rtk_server_db_text (row, 0));
    rtk_server_json_string (json, "text", rtk_server_db_text (row, 1));
    rtk_server_json_string (json, "actor", rtk_server_db_text (row, 2));
    rtk_server_json_time (json, "created_at", rtk_server_db_int (row, 3));
    rtk_server_json_end (json, '}');
  }
  rtk_server_json_end (json, ']');
  return rtk_server_db_end (row);
}

/**
 * rtk_server_gold_write_history:
 * @store: a store
 * @call: a call; what is written goes into the object of its answer
 * @shown: a showing to the caller
 * @error: return location
 *
 * Writes the order, the entries and the notes of a History of docs/openapi.yaml.
 *
 * Returns: whether they were written
 */
gboolean
rtk_server_gold_write_history (RtkServerStore *store,
                               RtkServerCall  *call,
                               const char     *shown,
                               GError        **error)
{
  Showing  showing = {.shown = shown, .order_id = call->params[0]};
  gboolean is_found;

  showing.created_at = rtk_server_db_get_int (
      store->db, 0, "SELECT created_at FROM gold_shown WHERE id = ?", "s", shown);
  showing.is_decided = rtk_server_db_get_int (store->db, 0,
                                              "SELECT EXISTS (SELECT 1 FROM gold_shown WHERE id = ?"
                                              " AND verdict IN ('approved', 'rejected'))",
                                              "s", shown) != 0;
  return rtk_server_gold_write_order (store, call, "order", call->params[0], &is_found, error) &&
         write_entries (store, call, &showing, error) && write_notes (store, call, &showing, error);
}

/**
 * rtk_server_gold_has_note:
 * @store: a store
 * @id: id of a note
 *
 * Returns: whether it is that of a note on a showing, whoever's
 */
gboolean
rtk_server_gold_has_note (RtkServerStore *store, const char *id)
{
  return rtk_server_db_get_int (
             store->db, 0, "SELECT EXISTS (SELECT 1 FROM gold_notes WHERE id = ?)", "s", id) != 0;
}

/**
 * rtk_server_gold_note:
 * @store: a store, in a transaction
 * @call: a note, whose id no other note has
 * @shown: a showing to the caller
 * @error: return location
 *
 * Takes the note as for any other order.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_gold_note (RtkServerStore *store, RtkServerCall *call, const char *shown, GError **error)
{
  const char      *id = rtk_server_call_get_string (call, "id");
  g_autofree char *known =
      rtk_server_db_dup_text (store->db, "SELECT shown FROM gold_notes WHERE id = ?", "s", id);

  if (known != NULL && strcmp (known, shown) != 0)
    return rtk_server_call_fail (call, 409, "id-reused", "This id belongs to another note.");
  if (known == NULL &&
      (!rtk_server_db_run (store->db, error,
                           "INSERT INTO gold_notes (id, shown, text, actor, created_at)"
                           " VALUES (?, ?, ?, ?, ?)",
                           "ssssi", id, shown, rtk_server_call_get_string (call, "text"),
                           call->actor, g_get_real_time ()) ||
       !rtk_server_audit_add (store, call->actor, "note.add", id, "{}", error)))
    return FALSE;
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_string (&call->answer, "id", id);
  rtk_server_json_end (&call->answer, '}');
  call->status = known == NULL ? 201 : 200;
  return TRUE;
}
