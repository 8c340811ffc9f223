/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "server/rtk-server-call.h"
#include "server/rtk-server-roster-file.h"

#include <sodium.h>
#include <string.h>

/* The roster, its schools and batches, and who of them is still missing. */

/* So many of one masked name in one batch are looked through. */
#define MAX_NAMESAKES 500

static gboolean
is_csv (RtkServerCall *call)
{
  const char *type = rtk_server_call_get_header (call, "content-type");
  gsize       length = type != NULL ? strcspn (type, "; \t") : 0;

  return length == strlen ("text/csv") && g_ascii_strncasecmp (type, "text/csv", length) == 0;
}

/* What is wrong, by line, and never what stands there. */
static gboolean
answer_faults (RtkServerCall *call, const RtkServerRosterResult *result)
{
  static const char title[] = "The roster was not taken; see its lines.";

  (void)rtk_server_call_fail (call, 422, "bad-roster", title);
  rtk_server_json_clear (&call->answer);
  rtk_server_json_init (&call->answer);
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_string (&call->answer, "type", "urn:retake:problem:bad-roster");
  rtk_server_json_string (&call->answer, "title", title);
  rtk_server_json_int (&call->answer, "status", 422);
  rtk_server_json_begin (&call->answer, "lines", '[');
  for (guint i = 0; i < result->faults->len; i++) {
    const RtkServerRosterFault *fault = &g_array_index (result->faults, RtkServerRosterFault, i);

    rtk_server_json_begin (&call->answer, NULL, '{');
    rtk_server_json_int (&call->answer, "line", fault->line);
    rtk_server_json_string (&call->answer, "title", fault->title);
    rtk_server_json_end (&call->answer, '}');
  }
  rtk_server_json_end (&call->answer, ']');
  rtk_server_json_end (&call->answer, '}');
  return TRUE;
}

/* POST /v1/roster */
RTK_SERVER_HANDLER (roster_post)
{
  gsize       size;
  const char *data = g_bytes_get_data (call->body, &size);
  g_auto (RtkServerRosterResult) result = {0};

  if (!is_csv (call))
    return rtk_server_call_fail (call, 415, "media-type", "The body must be text/csv.");
  if (!rtk_server_roster_take (store, data, size, call->actor, &result, error))
    return FALSE;
  if (result.faults->len > 0)
    return answer_faults (call, &result);
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_int (&call->answer, "graduates", result.n_graduates);
  rtk_server_json_int (&call->answer, "new", result.n_new);
  rtk_server_json_int (&call->answer, "changed", result.n_changed);
  rtk_server_json_int (&call->answer, "unchanged",
                       result.n_graduates - result.n_new - result.n_changed);
  rtk_server_json_int (&call->answer, "conflicts", result.n_conflicts);
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return TRUE;
}

static void
write_school (RtkServerJson *json, RtkServerRows *row)
{
  rtk_server_json_begin (json, NULL, '{');
  rtk_server_json_string (json, "id", rtk_server_db_text (row, 0));
  rtk_server_json_string (json, "name", rtk_server_db_text (row, 1));
  rtk_server_json_int (json, "batches", rtk_server_db_int (row, 2));
  rtk_server_json_end (json, '}');
}

/* GET /v1/schools */
RTK_SERVER_HANDLER (school_list)
{
  RtkServerRows *row;
  const char    *after;
  gint64         limit;

  if (!rtk_server_call_get_page (call, store->config, &after, &limit))
    return TRUE;
  row =
      rtk_server_db_query (store->db, error,
                           "SELECT s.id, s.name, (SELECT count (*) FROM batches b WHERE"
                           " b.school = s.id) FROM schools s WHERE s.id > ? ORDER BY s.id LIMIT ?",
                           "si", after, limit + 1);
  return rtk_server_call_write_page (store, call, "schools", row, limit, write_school, error);
}

static void
write_batch (RtkServerJson *json, RtkServerRows *row)
{
  static const char *const names[] = {"expected", "with_account", "ordered",  "submitted",
                                      "approved", "rejected",     "exported", "missing"};

  rtk_server_json_begin (json, NULL, '{');
  rtk_server_json_string (json, "id", rtk_server_db_text (row, 0));
  rtk_server_json_string (json, "name", rtk_server_db_text (row, 1));
  rtk_server_json_begin (json, "school", '{');
  rtk_server_json_string (json, "id", rtk_server_db_text (row, 2));
  rtk_server_json_string (json, "name", rtk_server_db_text (row, 3));
  rtk_server_json_end (json, '}');
  rtk_server_json_begin (json, "progress", '{');
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    rtk_server_json_int (json, names[i], rtk_server_db_int (row, 4 + (int)i));
  rtk_server_json_end (json, '}');
  rtk_server_json_end (json, '}');
}

/* GET /v1/batches */
RTK_SERVER_HANDLER (batch_list)
{
  RtkServerRows *row;
  const char    *after;
  const char    *school;
  gint64         limit;

  if (!rtk_server_call_get_page (call, store->config, &after, &limit) ||
      !rtk_server_call_get_query_id (call, "school", &school))
    return TRUE;
  row = rtk_server_db_query (
      store->db, error,
      "SELECT b.id, b.name, s.id, s.name, count (r.id), count (r.account),"
      " coalesce (sum (CASE WHEN r.progress >= 1 THEN 1 ELSE 0 END), 0),"
      " coalesce (sum (CASE WHEN r.progress = 3 THEN 1 ELSE 0 END), 0),"
      " coalesce (sum (CASE WHEN r.progress >= 4 THEN 1 ELSE 0 END), 0),"
      " coalesce (sum (CASE WHEN r.progress = 2 THEN 1 ELSE 0 END), 0),"
      " coalesce (sum (CASE WHEN r.progress = 5 THEN 1 ELSE 0 END), 0),"
      " coalesce (sum (CASE WHEN r.progress < 3 THEN 1 ELSE 0 END), 0)"
      " FROM batches b JOIN schools s ON s.id = b.school LEFT JOIN roster r ON r.batch = b.id"
      " AND r.withdrawn_at IS NULL"
      " WHERE b.id IN (SELECT x.id FROM batches x WHERE x.id > ?1 AND (?2 = '' OR x.school = ?2)"
      " ORDER BY x.id LIMIT ?3) GROUP BY b.id, b.name, s.id, s.name ORDER BY b.id",
      "ssi", after, school, limit + 1);
  return rtk_server_call_write_page (store, call, "batches", row, limit, write_batch, error);
}

static const char *
name_progress (gint64 progress)
{
  static const char *const names[] = {"none", "ordered", "rejected"};

  return progress >= 0 && progress < (gint64)G_N_ELEMENTS (names) ? names[progress] : names[0];
}

static void
write_missing (RtkServerJson *json, RtkServerRows *row)
{
  rtk_server_json_begin (json, NULL, '{');
  rtk_server_json_string (json, "id", rtk_server_db_text (row, 0));
  rtk_server_json_string (json, "name_masked", rtk_server_db_text (row, 1));
  rtk_server_json_string (json, "number_masked", rtk_server_db_text (row, 2));
  rtk_server_json_string (json, "progress", name_progress (rtk_server_db_int (row, 3)));
  rtk_server_json_end (json, '}');
}

/* GET /v1/batches/{id}/missing */
RTK_SERVER_HANDLER (batch_missing)
{
  RtkServerRows *row;
  const char    *after;
  gint64         limit;

  if (!rtk_server_call_get_page (call, store->config, &after, &limit))
    return TRUE;
  if (rtk_server_db_get_int (store->db, 0, "SELECT EXISTS (SELECT 1 FROM batches WHERE id = ?)",
                             "s", call->params[0]) == 0)
    return rtk_server_call_not_found (call);
  row = rtk_server_db_query (store->db, error,
                             "SELECT id, name_masked, number_masked, progress FROM roster"
                             " WHERE batch = ? AND progress < 3 AND withdrawn_at IS NULL AND id > ?"
                             " ORDER BY id LIMIT ?",
                             "ssi", call->params[0], after, limit + 1);
  return rtk_server_call_write_page (store, call, "graduates", row, limit, write_missing, error);
}

/* Whether the sealed name of a graduate is @name; a masked one fits whoever it may be. */
static gboolean
name_fits (RtkServerStore *store, const char *id, const char *name)
{
  g_autofree char *context = g_strconcat ("name:", id, NULL);
  g_autofree char *full = NULL;
  g_autoptr (GBytes) sealed = NULL;
  RtkServerRows *row;
  gboolean       fits;

  if (strchr (name, '*') != NULL)
    return TRUE;
  row =
      rtk_server_db_query (store->db, NULL, "SELECT name_cipher FROM roster WHERE id = ?", "s", id);
  if (rtk_server_db_next (store->db, row, NULL))
    sealed = rtk_server_db_dup_bytes (row, 0);
  rtk_server_db_end (row);
  full = sealed != NULL ? rtk_server_keys_open_text (store->keys, context, sealed, NULL) : NULL;
  fits = full != NULL && strcmp (full, name) == 0;
  if (full != NULL)
    sodium_memzero (full, strlen (full));
  return fits;
}

/* The ids of everybody in @batch whose masked name is that of @name, and who are @name. */
static void
find_by_name (RtkServerStore *store, const char *batch, const char *name, GPtrArray *ids)
{
  g_autofree char *masked =
      strchr (name, '*') != NULL ? g_strdup (name) : rtk_server_mask_name (name);
  RtkServerRows *row = rtk_server_db_query (store->db, NULL,
                                            "SELECT id FROM roster WHERE batch = ? AND name_masked"
                                            " = ? AND withdrawn_at IS NULL ORDER BY id LIMIT ?",
                                            "ssi", batch, masked, (gint64)MAX_NAMESAKES);

  while (rtk_server_db_next (store->db, row, NULL))
    g_ptr_array_add (ids, g_strdup (rtk_server_db_text (row, 0)));
  rtk_server_db_end (row);
  for (guint i = ids->len; i > 0; i--)
    if (!name_fits (store, g_ptr_array_index (ids, i - 1), name))
      g_ptr_array_remove_index (ids, i - 1);
}

static void
find_by_digest (RtkServerStore *store, RtkServerCall *call, GPtrArray *ids)
{
  const char      *code = rtk_server_call_get_string (call, "code");
  const char      *number = rtk_server_call_get_string (call, "number");
  g_autofree char *digest =
      code != NULL ? rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_CODE, code)
                   : rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_NUMBER, number);
  char *id = code != NULL
                 ? rtk_server_db_dup_text (store->db, "SELECT id FROM roster WHERE code_digest = ?",
                                           "s", digest)
                 : rtk_server_db_dup_text (
                       store->db, "SELECT id FROM roster WHERE number_digest = ?", "s", digest);

  if (id != NULL)
    g_ptr_array_add (ids, id);
}

static gboolean
write_found (RtkServerStore *store, RtkServerCall *call, const char *id, GError **error)
{
  g_autofree char *order =
      rtk_server_db_dup_text (store->db,
                              "SELECT id FROM orders WHERE roster = ? AND payment <> 'closed'"
                              " ORDER BY created_at DESC, id DESC LIMIT 1",
                              "s", id);
  RtkServerRows *row = rtk_server_db_query (store->db, error,
                                            "SELECT r.name_masked, r.number_masked, s.name, b.name"
                                            " FROM roster r JOIN batches b ON b.id = r.batch"
                                            " JOIN schools s ON s.id = b.school WHERE r.id = ?",
                                            "s", id);

  if (!rtk_server_db_next (store->db, row, error)) {
    rtk_server_db_end (row);
    return FALSE;
  }
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_string (&call->answer, "id", id);
  rtk_server_json_string (&call->answer, "name_masked", rtk_server_db_text (row, 0));
  rtk_server_json_string (&call->answer, "number_masked", rtk_server_db_text (row, 1));
  rtk_server_json_string (&call->answer, "school", rtk_server_db_text (row, 2));
  rtk_server_json_string (&call->answer, "batch", rtk_server_db_text (row, 3));
  rtk_server_db_end (row);
  if (order == NULL)
    rtk_server_json_string (&call->answer, "order", NULL);
  else if (!rtk_server_order_write (store, &call->answer, "order", order, call->station, error))
    return FALSE;
  rtk_server_json_end (&call->answer, '}');
  return TRUE;
}

/* A code is told by whom it is of; who has a number or a name may be guessing, which is written
 * down: only that waits for who writes. The call is answered when it is one too many. */
static gboolean
note_search (RtkServerStore *store, RtkServerCall *call, GPtrArray *ids, GError **error)
{
  const char *batch = rtk_server_call_get_string (call, "batch");
  const char *target = batch;

  if (rtk_server_call_get_string (call, "code") != NULL)
    return TRUE;
  if (ids->len == 1)
    target = g_ptr_array_index (ids, 0);
  rtk_server_db_rollback (store->db);
  if (!rtk_server_db_begin (store->db, TRUE, error))
    return FALSE;
  return rtk_server_search_is_closed (store, call) ||
         (rtk_server_search_note (store, call, batch != NULL ? "name" : "number", target, ids->len,
                                  TRUE, error) &&
          /* Whoever writes need not wait for the answer. */
          rtk_server_db_begin (store->db, FALSE, error));
}

/* POST /v1/roster/find: who stands at the desk, by code, by number, or by name and batch. */
RTK_SERVER_HANDLER (roster_find)
{
  const char *name = rtk_server_call_get_string (call, "name");
  const char *batch = rtk_server_call_get_string (call, "batch");
  gboolean    by_name = name != NULL && batch != NULL;
  guint       ways = (rtk_server_call_get_string (call, "code") != NULL) +
               (rtk_server_call_get_string (call, "number") != NULL) + by_name;
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);

  if (ways != 1 || (name == NULL) != (batch == NULL))
    return rtk_server_call_fail (call, 422, "bad-member",
                                 "Give a code, a number, or a name with its batch.");
  if (by_name)
    find_by_name (store, batch, name, ids);
  else
    find_by_digest (store, call, ids);
  if (!note_search (store, call, ids, error))
    return FALSE;
  if (call->status != 0)
    return TRUE;
  if (ids->len == 0)
    return rtk_server_call_not_found (call);
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_begin (&call->answer, "graduates", '[');
  for (guint i = 0; i < ids->len && i < (guint)store->config->max_page; i++)
    if (!write_found (store, call, g_ptr_array_index (ids, i), error))
      return FALSE;
  rtk_server_json_end (&call->answer, ']');
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return TRUE;
}

/**
 * rtk_server_roster_answer:
 * @store: a store
 * @call: a call
 * @roster: id of a graduate
 * @error: return location
 *
 * Answers with one graduate, as a search does.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_roster_answer (RtkServerStore *store,
                          RtkServerCall  *call,
                          const char     *roster,
                          GError        **error)
{
  call->status = 200;
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_begin (&call->answer, "graduates", '[');
  if (!write_found (store, call, roster, error))
    return FALSE;
  rtk_server_json_end (&call->answer, ']');
  rtk_server_json_end (&call->answer, '}');
  return TRUE;
}

static gboolean
change_code (RtkServerStore *store, RtkServerCall *call, const char *code, GError **error)
{
  const char      *roster = call->params[0];
  g_autofree char *context = g_strconcat ("code:", roster, NULL);
  g_autofree char *digest =
      code != NULL ? rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_CODE, code) : NULL;
  g_autoptr (GBytes) cipher =
      code != NULL ? rtk_server_keys_seal (store->keys, context, code) : NULL;

  if (digest != NULL && rtk_server_db_get_int (store->db, 0,
                                               "SELECT EXISTS (SELECT 1 FROM roster WHERE"
                                               " code_digest = ? AND id <> ?)",
                                               "ss", digest, roster) != 0)
    return rtk_server_call_fail (call, 409, "code-taken", "Another graduate has this code.");
  return rtk_server_db_run (store->db, error,
                            "UPDATE roster SET code_digest = ?, code_cipher = ?, code_unproved = 0"
                            " WHERE id = ?",
                            "sbs", digest, cipher, roster) &&
         rtk_server_roster_touch (store, roster, error) &&
         rtk_server_audit_add (store, call->actor, code != NULL ? "code.set" : "code.clear", roster,
                               "{}", error);
}

/* POST /v1/roster/{id}/code: the desk mends what was typed wrongly, or by somebody else. */
RTK_SERVER_HANDLER (roster_code)
{
  const char *roster = call->params[0];
  const char *code = rtk_server_call_get_string (call, "code");
  gboolean    clear = rtk_server_call_get_bool (call, "clear", FALSE);
  gboolean    unbind = rtk_server_call_get_bool (call, "unbind", FALSE);
  gboolean    let_back = rtk_server_call_get_bool (call, "let_back", FALSE);

  if ((code != NULL && (clear || code[0] == '\0')) ||
      (code == NULL && !clear && !unbind && !let_back))
    return rtk_server_call_fail (call, 422, "bad-member",
                                 "Give a code or clear it, unbind the account or let it back.");
  if (rtk_server_db_get_int (store->db, 0,
                             "SELECT EXISTS (SELECT 1 FROM roster WHERE id = ?"
                             " AND withdrawn_at IS NULL)",
                             "s", roster) == 0)
    return rtk_server_call_not_found (call);
  if ((code != NULL || clear) && !change_code (store, call, code, error))
    return FALSE;
  if (call->status != 0)
    return TRUE;
  if (unbind && !rtk_server_roster_unbind (store, roster, !let_back, call->actor, error))
    return FALSE;
  if (let_back &&
      (!rtk_server_db_run (store->db, error, "DELETE FROM roster_barred WHERE roster = ?", "s",
                           roster) ||
       !rtk_server_audit_add (store, call->actor, "code.let-back", roster, "{}", error)))
    return FALSE;
  return rtk_server_roster_answer (store, call, roster, error);
}
