/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-gold.h"

#include "core/rtk-id.h"

#include <string.h>

/* The photos whose verdict is known, as supervisors keep them. */

#define GOLD                                                                                       \
  "SELECT g.id, g.submission, g.verdict, g.reasons, g.created_by, g.created_at, g.retired_at,"     \
  " (SELECT count (*) FROM gold_shown x WHERE x.gold = g.id),"                                     \
  " (SELECT count (*) FROM gold_shown x WHERE x.gold = g.id AND x.verdict = g.verdict),"           \
  " (SELECT count (*) FROM gold_shown x WHERE x.gold = g.id AND x.verdict <> g.verdict"            \
  " AND x.verdict <> 'passed'), s.name FROM gold g LEFT JOIN staff s ON s.id = g.created_by"

static void
write_row (RtkServerJson *json, RtkServerRows *row)
{
  rtk_server_json_begin (json, NULL, '{');
  rtk_server_json_string (json, "id", rtk_server_db_text (row, 0));
  rtk_server_json_string (json, "submission", rtk_server_db_text (row, 1));
  rtk_server_json_string (json, "verdict", rtk_server_db_text (row, 2));
  rtk_server_reasons_write (json, "reasons", rtk_server_db_text (row, 3));
  rtk_server_json_string (json, "created_by", rtk_server_db_text (row, 10));
  rtk_server_json_time (json, "created_at", rtk_server_db_int (row, 5));
  rtk_server_json_optional_time (json, "retired_at", rtk_server_db_int (row, 6));
  rtk_server_json_int (json, "shown", rtk_server_db_int (row, 7));
  rtk_server_json_int (json, "right", rtk_server_db_int (row, 8));
  rtk_server_json_int (json, "wrong", rtk_server_db_int (row, 9));
  rtk_server_json_end (json, '}');
}

static gboolean
answer_one (RtkServerStore *store, RtkServerCall *call, const char *id, GError **error)
{
  RtkServerRows *row = rtk_server_db_query (store->db, error, GOLD " WHERE g.id = ?", "s", id);

  if (row == NULL)
    return FALSE;
  if (rtk_server_db_next (store->db, row, error))
    write_row (&call->answer, row);
  rtk_server_db_end (row);
  return TRUE;
}

static gboolean
is_decided (RtkServerStore *store, const char *submission)
{
  return rtk_server_db_get_int (store->db, 0,
                                "SELECT EXISTS (SELECT 1 FROM reviews WHERE submission = ?"
                                " AND is_final = 1 AND undone_at IS NULL)",
                                "s", submission) != 0;
}

/* POST /v1/gold */
RTK_SERVER_HANDLER (gold_add)
{
  const char      *id = rtk_server_call_get_string (call, "id");
  const char      *submission = rtk_server_call_get_string (call, "submission");
  g_autofree char *known = NULL;
  g_auto (RtkServerDecision) decision = {0};
  g_auto (RtkServerItem) item = {0};

  if (!rtk_server_decision_read (call, &decision))
    return TRUE;
  known = rtk_server_db_dup_text (store->db, "SELECT submission FROM gold WHERE id = ?", "s", id);
  call->status = 200;
  if (known != NULL)
    return strcmp (known, submission) == 0 && !rtk_server_request_differs (store, call, "gold")
               ? answer_one (store, call, id, error)
               : rtk_server_call_fail (call, 409, "id-reused", "This id belongs to other gold.");
  if (!rtk_server_item_find (store, submission, &item, error))
    return FALSE;
  if (item.order_id == NULL)
    return rtk_server_call_not_found (call);
  if (strcmp (item.origin, "online") != 0)
    return rtk_server_call_fail (call, 422, "bad-member",
                                 "Only a photo of the online side can be mixed in unseen.");
  if (!is_decided (store, submission))
    return rtk_server_call_fail (call, 409, "not-decided", "This submission is not decided.");
  if (rtk_server_db_get_int (store->db, 0,
                             "SELECT EXISTS (SELECT 1 FROM gold WHERE submission = ?)", "s",
                             submission) != 0)
    return rtk_server_call_fail (call, 409, "already-gold", "This photo is gold already.");
  call->status = 201;
  return rtk_server_db_run (store->db, error,
                            "INSERT INTO gold (id, submission, verdict, reasons, created_by,"
                            " created_at) VALUES (?, ?, ?, ?, ?, ?)",
                            "sssssi", id, submission, decision.verdict, decision.reasons,
                            call->principal, g_get_real_time ()) &&
         rtk_server_audit_add (store, call->actor, "gold.add", id, "{}", error) &&
         rtk_server_request_keep (store, call, "gold", error) &&
         answer_one (store, call, id, error);
}

/* GET /v1/gold */
RTK_SERVER_HANDLER (gold_list)
{
  const char    *after;
  gint64         limit;
  RtkServerRows *row;

  if (!rtk_server_call_get_page (call, store->config, &after, &limit))
    return TRUE;
  row = rtk_server_db_query (store->db, error, GOLD " WHERE g.id > ? ORDER BY g.id LIMIT ?", "si",
                             after, limit + 1);
  return rtk_server_call_write_page (store, call, "gold", row, limit, write_row, error);
}

/* DELETE /v1/gold/{id}: shown no more; what was shown stays in the statistics. */
RTK_SERVER_HANDLER (gold_retire)
{
  const char *id = call->params[0];

  if (rtk_server_db_get_int (store->db, 0, "SELECT EXISTS (SELECT 1 FROM gold WHERE id = ?)", "s",
                             id) == 0)
    return rtk_server_call_not_found (call);
  call->status = 204;
  return rtk_server_db_run (store->db, error,
                            "UPDATE gold SET retired_at = coalesce (retired_at, ?) WHERE id = ?",
                            "is", g_get_real_time (), id) &&
         rtk_server_audit_add (store, call->actor, "gold.retire", id, "{}", error);
}
