/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-call.h"

#include <string.h>

/* What is to be done in the world, for the supervisor: what waits, and what somebody must look at.
 * Payloads and answers are not shown: they hold telephone numbers and addresses. */

#define COLUMNS "id, kind, order_id, state, attempts, not_before, problem, created_at, updated_at"

static void
write_effect (RtkServerJson *json, RtkServerRows *row)
{
  rtk_server_json_begin (json, NULL, '{');
  rtk_server_json_string (json, "id", rtk_server_db_text (row, 0));
  rtk_server_json_string (json, "kind", rtk_server_db_text (row, 1));
  rtk_server_json_string (json, "order", rtk_server_db_text (row, 2));
  rtk_server_json_string (json, "state", rtk_server_db_text (row, 3));
  rtk_server_json_int (json, "attempts", rtk_server_db_int (row, 4));
  rtk_server_json_time (json, "not_before", rtk_server_db_int (row, 5));
  rtk_server_json_string (json, "problem", rtk_server_db_text (row, 6));
  rtk_server_json_time (json, "created_at", rtk_server_db_int (row, 7));
  rtk_server_json_time (json, "updated_at", rtk_server_db_int (row, 8));
  rtk_server_json_end (json, '}');
}

/* The state that is asked for: "" for all; NULL, and the call is answered, when there is none. */
static const char *
get_state (RtkServerCall *call)
{
  static const char *const states[] = {"due", "sending", "done", "failed", "cancelled"};
  const char *state = call->query != NULL ? g_hash_table_lookup (call->query, "state") : NULL;

  if (state == NULL)
    return "";
  for (guint i = 0; i < G_N_ELEMENTS (states); i++)
    if (strcmp (state, states[i]) == 0)
      return states[i];
  rtk_server_call_fail (call, 422, "bad-member", "This is not a state of an effect.");
  return NULL;
}

/* GET /v1/effects */
RTK_SERVER_HANDLER (effects_list)
{
  const char    *state = get_state (call);
  const char    *after;
  gint64         limit;
  RtkServerRows *row;

  if (state == NULL || !rtk_server_call_get_page (call, store->config, &after, &limit))
    return TRUE;
  row = rtk_server_db_query (store->db, error,
                             "SELECT " COLUMNS " FROM effects WHERE (?1 = '' OR state = ?1)"
                             " AND id > ?2 ORDER BY id LIMIT ?3",
                             "ssi", state, after, limit + 1);
  return rtk_server_call_write_page (store, call, "effects", row, limit, write_effect, error);
}

/**
 * rtk_server_effect_answer:
 * @store: a store
 * @call: a call to an effect that is there
 * @error: return location
 *
 * Answers with an Effect of docs/openapi.yaml.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_effect_answer (RtkServerStore *store, RtkServerCall *call, GError **error)
{
  RtkServerRows *row = rtk_server_db_query (
      store->db, error, "SELECT " COLUMNS " FROM effects WHERE id = ?", "s", call->params[0]);
  gboolean found = rtk_server_db_next (store->db, row, error);

  if (found)
    write_effect (&call->answer, row);
  rtk_server_db_end (row);
  call->status = 200;
  return found;
}

/* POST /v1/effects/{id}/retry: with the same key, so that a receiver who did it after all does not
 * do it twice. */
RTK_SERVER_HANDLER (effect_retry)
{
  const char      *id = call->params[0];
  gint64           now = g_get_real_time ();
  g_autofree char *state =
      rtk_server_db_dup_text (store->db, "SELECT state FROM effects WHERE id = ?", "s", id);

  if (state == NULL)
    return rtk_server_call_not_found (call);
  if (strcmp (state, "failed") != 0)
    return rtk_server_call_fail (call, 409, "not-failed", "This effect has not failed.");
  store->n_effects++;
  if (!rtk_server_db_run (store->db, error,
                          "UPDATE effects SET state = 'due', not_before = ?1, updated_at = ?1"
                          " WHERE id = ?2",
                          "is", now, id) ||
      !rtk_server_audit_add (store, call->actor, "effect.retry", id, "{}", error))
    return FALSE;
  return rtk_server_effect_answer (store, call, error);
}
