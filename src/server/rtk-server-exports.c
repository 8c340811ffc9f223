/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "server/rtk-server-call.h"
#include "server/rtk-server-db-private.h"

#include <sodium.h>
#include <string.h>

/* Deliveries of approved photos to a receiver, and the names that go with them. */

/* SQL: the approved submission of order "o". */
#define APPROVED                                                                                   \
  "(SELECT s.id FROM submissions s WHERE s.order_id = o.id AND s.state = 'approved'"               \
  " ORDER BY s.serial DESC LIMIT 1)"

/* SQL: whether order "o" can be delivered: approved and paid for, nothing that waits for a verdict,
 * not delivered before, and with the graduate's consent where ?2 is 1. */
#define IS_DELIVERABLE                                                                             \
  "o.delivery = 'none' AND " APPROVED " IS NOT NULL AND NOT EXISTS (SELECT 1 FROM submissions w"   \
  " WHERE w.order_id = o.id AND w.state IN ('submitted', 'in_review')) "                           \
  "AND " RTK_SERVER_IS_PAID_FOR " AND " RTK_SERVER_CONSENTS ("?2")

/* Opens a sealed text of a graduate and writes it as a member. */
static gboolean
write_sealed (RtkServerStore *store,
              RtkServerJson  *json,
              const char     *member,
              const char     *kind,
              const char     *id,
              GBytes         *sealed,
              GError        **error)
{
  g_autofree char *context = g_strconcat (kind, ":", id, NULL);
  g_autofree char *text = rtk_server_keys_open_text (store->keys, context, sealed, error);

  if (text == NULL)
    return FALSE;
  rtk_server_json_string (json, member, text);
  sodium_memzero (text, strlen (text));
  return TRUE;
}

static gboolean
write_name (RtkServerStore *store, RtkServerJson *json, RtkServerRows *row, GError **error)
{
  g_autoptr (GBytes) name = rtk_server_db_dup_bytes (row, 4);
  g_autoptr (GBytes) number = rtk_server_db_dup_bytes (row, 5);
  const char *roster = rtk_server_db_text (row, 3);

  rtk_server_json_begin (json, NULL, '{');
  rtk_server_json_string (json, "order", rtk_server_db_text (row, 0));
  rtk_server_json_string (json, "order_number", rtk_server_db_text (row, 1));
  rtk_server_json_string (json, "submission", rtk_server_db_text (row, 2));
  if (!write_sealed (store, json, "name", "name", roster, name, error) ||
      !write_sealed (store, json, "number", "number", roster, number, error))
    return FALSE;
  rtk_server_json_end (json, '}');
  return TRUE;
}

/* The reason is the supervisor's own words: as JSON, whatever it holds. */
static char *
make_naming_detail (const char *reason, gint64 count)
{
  g_auto (RtkServerJson) json = {NULL, FALSE};

  rtk_server_json_init (&json);
  rtk_server_json_begin (&json, NULL, '{');
  rtk_server_json_string (&json, "reason", reason);
  rtk_server_json_int (&json, "count", count);
  rtk_server_json_end (&json, '}');
  return g_strdup (json.text->str);
}

/* POST /v1/batches/{id}/naming: the one route that answers unmasked. The line in the audit log is
 * committed before the answer is sent. */
RTK_SERVER_HANDLER (batch_naming)
{
  const char      *after = rtk_server_call_get_string (call, "after");
  gint64           limit = rtk_server_call_get_int (call, "limit", store->config->max_page);
  gint64           n = 0;
  gboolean         is_whole = TRUE;
  g_autofree char *detail = NULL;
  RtkServerRows   *row;

  limit = CLAMP (limit, 1, store->config->max_page);
  if (rtk_server_db_get_int (store->db, 0, "SELECT EXISTS (SELECT 1 FROM batches WHERE id = ?)",
                             "s", call->params[0]) == 0)
    return rtk_server_call_not_found (call);
  row = rtk_server_db_query (store->db, error,
                             "SELECT o.id, o.number, " APPROVED
                             ", r.id, r.name_cipher, r.number_cipher FROM roster r JOIN orders o ON"
                             " o.roster = r.id WHERE r.batch = ? AND o.id > ? AND " APPROVED
                             " IS NOT NULL ORDER BY o.id LIMIT ?",
                             "ssi", call->params[0], after != NULL ? after : "", limit + 1);
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_begin (&call->answer, "orders", '[');
  while (is_whole && rtk_server_db_next (store->db, row, error) && n++ < limit)
    is_whole = write_name (store, &call->answer, row, error);
  if (!rtk_server_call_end_page (call, row, n > limit) || !is_whole)
    return FALSE;
  rtk_server_call_add_header (call, "Cache-Control", "no-store");
  detail = make_naming_detail (rtk_server_call_get_string (call, "reason"), MIN (n, limit));
  return rtk_server_audit_add (store, call->actor, "naming.read", call->params[0], detail, error);
}

#define EXPORT_COLUMNS                                                                             \
  "e.id, e.receiver, e.batch, s.name, e.created_at, e.receipt, e.received_at, (SELECT count (*)"   \
  " FROM export_orders x WHERE x.export = e.id) FROM exports e LEFT JOIN staff s"                  \
  " ON s.id = e.created_by"

static void
write_export (RtkServerJson *json, const char *name, RtkServerRows *row)
{
  rtk_server_json_begin (json, name, '{');
  rtk_server_json_string (json, "id", rtk_server_db_text (row, 0));
  rtk_server_json_string (json, "receiver", rtk_server_db_text (row, 1));
  rtk_server_json_string (json, "batch", rtk_server_db_text (row, 2));
  rtk_server_json_string (json, "created_by", rtk_server_db_text (row, 3));
  rtk_server_json_time (json, "created_at", rtk_server_db_int (row, 4));
  rtk_server_json_string (json, "receipt", rtk_server_db_text (row, 5));
  rtk_server_json_optional_time (json, "received_at", rtk_server_db_int (row, 6));
  rtk_server_json_int (json, "count", rtk_server_db_int (row, 7));
  rtk_server_json_end (json, '}');
}

/* Answers with an export; FALSE without an error when there is none. */
static gboolean
answer_export (
    RtkServerStore *store, RtkServerCall *call, const char *id, guint status, GError **error)
{
  RtkServerRows *row =
      rtk_server_db_query (store->db, error, "SELECT " EXPORT_COLUMNS " WHERE e.id = ?", "s", id);

  if (!rtk_server_db_next (store->db, row, error)) {
    rtk_server_db_end (row);
    return FALSE;
  }
  write_export (&call->answer, NULL, row);
  rtk_server_db_end (row);
  call->status = status;
  return TRUE;
}

/* Puts every order of the export at the end of the feed with a new revision, as
 * rtk_server_order_touch() does with one, in a few statements: an export may hold a whole school.
 */
static gboolean
move_orders (RtkServerStore *store, const char *export, const char *delivery, GError **error)
{
  gint64 base =
      rtk_server_db_get_int (store->db, 0, "SELECT value FROM counters WHERE name = 'changes'", "");

  rtk_server_db_move (store->db);
  return rtk_server_db_run (store->db, error,
                            "UPDATE orders SET delivery = ?, revision = revision + 1, updated_at ="
                            " ? WHERE id IN (SELECT order_id FROM export_orders WHERE export = ?)",
                            "sis", delivery, g_get_real_time (), export) &&
         rtk_server_db_run (store->db, error,
                            "INSERT INTO changes (seq, order_id) SELECT ?1 + row_number () OVER"
                            " (ORDER BY order_id), order_id FROM export_orders WHERE export = ?2"
                            " ON CONFLICT (order_id) DO UPDATE SET seq = excluded.seq",
                            "is", base, export) &&
         rtk_server_db_run (store->db, error,
                            "UPDATE counters SET value = value + (SELECT count (*) FROM"
                            " export_orders WHERE export = ?) WHERE name = 'changes'",
                            "s", export) &&
         rtk_server_db_run (store->db, error,
                            "UPDATE roster SET progress = 5 WHERE id IN (SELECT o.roster FROM"
                            " orders o JOIN export_orders x ON x.order_id = o.id"
                            " WHERE x.export = ?)",
                            "s", export);
}

/* One line a transition. */
static gboolean
audit_orders (RtkServerStore *store,
              RtkServerCall  *call,
              const char *export,
              const char *action,
              GError    **error)
{
  g_autoptr (GPtrArray) orders = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *detail = g_strdup_printf ("{\"export\":\"%s\"}", export);
  RtkServerRows   *row = rtk_server_db_query (
        store->db, error, "SELECT order_id FROM export_orders WHERE export = ? ORDER BY order_id",
        "s", export);

  while (rtk_server_db_next (store->db, row, error))
    g_ptr_array_add (orders, g_strdup (rtk_server_db_text (row, 0)));
  if (!rtk_server_db_end (row))
    return FALSE;
  return rtk_server_audit_add_all (store, call->actor, action, orders, detail, error);
}

/* Ids of one statement. */
#define N_IDS 200

/* Made once: statements are kept by their address. */
static const char *
get_insert (void)
{
  static gsize text = 0;

  if (g_once_init_enter (&text)) {
    GString *made = g_string_new ("INSERT INTO export_orders (export, order_id, submission)"
                                  " SELECT ?1, o.id, " APPROVED " FROM orders o WHERE o.id IN (");

    for (guint i = 0; i < N_IDS; i++)
      g_string_append_printf (made, i == 0 ? "?%u" : ", ?%u", i + 3);
    g_string_append (made, ") AND " IS_DELIVERABLE " ON CONFLICT DO NOTHING");
    g_once_init_leave (&text, (gsize)g_string_free (made, FALSE));
  }
  return (const char *)text;
}

static const char *
get_id (JsonArray *orders, guint index)
{
  JsonNode *node = json_array_get_element (orders, index);

  return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING
             ? json_node_get_string (node)
             : NULL;
}

/* Says why one of the orders from @first on cannot be delivered. */
static void
fail_undeliverable (RtkServerStore *store, RtkServerCall *call, JsonArray *orders, guint first)
{
  guint end = MIN (first + N_IDS, json_array_get_length (orders));

  for (guint i = first; store->config->require_consent && i < end; i++)
    if (rtk_server_db_get_int (store->db, 0,
                               "SELECT EXISTS (SELECT 1 FROM orders o JOIN roster r ON r.id ="
                               " o.roster WHERE o.id = ? AND r.consent_version IS NULL)",
                               "s", get_id (orders, i)) != 0) {
      rtk_server_call_fail (call, 409, "consent-missing",
                            "A graduate has not consented, or does not any more.");
      return;
    }
  rtk_server_call_fail (call, 409, "not-deliverable",
                        "An order is not approved, not paid for, or delivered already.");
}

/* Adds the orders that were named. FALSE when one of them cannot be delivered; the call is answered
 * then, unless there is an error. */
static gboolean
add_orders (RtkServerStore *store, RtkServerCall *call, JsonArray *orders, GError **error)
{
  RtkServerValue values[N_IDS + 2] = {
      {.type = 's', .text = rtk_server_call_get_string (call, "id")},
      {.type = 'i', .number = store->config->require_consent}};
  guint n = json_array_get_length (orders);

  for (guint i = 0; i < n; i++)
    if (!rtk_id_is_valid (get_id (orders, i))) {
      rtk_server_call_fail (call, 422, "bad-member", "An order of the list is not an id.");
      return FALSE;
    }
  for (guint first = 0; first < n; first += N_IDS) {
    RtkServerRows *done;

    for (guint i = 0; i < N_IDS; i++)
      values[i + 2] = (RtkServerValue){.type = 's',
                                       .is_null = first + i >= n,
                                       .text = first + i < n ? get_id (orders, first + i) : NULL};
    done = rtk_server_db_query_values (store->db, error, get_insert (), values, N_IDS + 2);
    (void)rtk_server_db_next (store->db, done, error);
    if (!rtk_server_db_end (done))
      return FALSE;
    /* One that is named twice is there once. */
    if (rtk_server_db_get_changes (store->db) != MIN (N_IDS, n - first)) {
      fail_undeliverable (store, call, orders, first);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
fill_export (RtkServerStore *store, RtkServerCall *call, GError **error)
{
  const char *export = rtk_server_call_get_string (call, "id");
  JsonArray *orders = rtk_server_call_get_array (call, "orders");

  if (orders != NULL)
    return add_orders (store, call, orders, error);
  return rtk_server_db_run (store->db, error,
                            "INSERT INTO export_orders (export, order_id, submission) SELECT ?1,"
                            " o.id, " APPROVED " FROM roster r JOIN orders o ON o.roster = r.id"
                            " WHERE r.batch = ?3 AND " IS_DELIVERABLE " ORDER BY o.id LIMIT ?4",
                            "sisi", export, store->config->require_consent,
                            rtk_server_call_get_string (call, "batch"),
                            (gint64)RTK_SERVER_MAX_EXPORT);
}

/* What the audit log keeps of an export: one word more, as JSON, whatever it holds. */
static char *
make_export_detail (const char *name, const char *text)
{
  g_auto (RtkServerJson) json = {0};

  rtk_server_json_init (&json);
  rtk_server_json_begin (&json, NULL, '{');
  rtk_server_json_string (&json, name, text);
  rtk_server_json_end (&json, '}');
  return g_strdup (json.text->str);
}

static gboolean
create_export (RtkServerStore *store, RtkServerCall *call, GError **error)
{
  const char      *id = rtk_server_call_get_string (call, "id");
  g_autofree char *detail =
      make_export_detail ("receiver", rtk_server_call_get_string (call, "receiver"));

  if (!rtk_server_db_run (store->db, error,
                          "INSERT INTO exports (id, receiver, batch, created_by, created_at)"
                          " VALUES (?, ?, ?, ?, ?)",
                          "ssssi", id, rtk_server_call_get_string (call, "receiver"),
                          rtk_server_call_get_string (call, "batch"), call->principal,
                          g_get_real_time ()))
    return FALSE;
  if (!fill_export (store, call, error))
    return call->status != 0;
  if (rtk_server_db_get_int (store->db, 0,
                             "SELECT EXISTS (SELECT 1 FROM export_orders WHERE export = ?)", "s",
                             id) == 0)
    return rtk_server_call_fail (call, 409, "not-deliverable",
                                 "There is nothing that can be delivered.");
  return audit_orders (store, call, id, "delivery.exported", error) &&
         move_orders (store, id, "exported", error) &&
         rtk_server_audit_add (store, call->actor, "export.create", id, detail, error) &&
         rtk_server_request_keep (store, call, "export", error) &&
         answer_export (store, call, id, 201, error);
}

/* POST /v1/exports */
RTK_SERVER_HANDLER (export_create)
{
  const char      *id = rtk_server_call_get_string (call, "id");
  const char      *receiver = rtk_server_call_get_string (call, "receiver");
  const char      *batch = rtk_server_call_get_string (call, "batch");
  JsonArray       *orders = rtk_server_call_get_array (call, "orders");
  g_autofree char *known =
      rtk_server_db_dup_text (store->db, "SELECT receiver FROM exports WHERE id = ?", "s", id);

  if ((batch != NULL) == (orders != NULL))
    return rtk_server_call_fail (call, 422, "bad-member", "Give a batch, or a list of orders.");
  if (known != NULL)
    return strcmp (known, receiver) == 0 && !rtk_server_request_differs (store, call, "export")
               ? answer_export (store, call, id, 200, error)
               : rtk_server_call_fail (call, 409, "id-reused",
                                       "This id belongs to another export.");
  if (batch != NULL &&
      rtk_server_db_get_int (store->db, 0, "SELECT EXISTS (SELECT 1 FROM batches WHERE id = ?)",
                             "s", batch) == 0)
    return rtk_server_call_not_found (call);
  return create_export (store, call, error);
}

static void
write_listed (RtkServerJson *json, RtkServerRows *row)
{
  write_export (json, NULL, row);
}

/* GET /v1/exports */
RTK_SERVER_HANDLER (export_list)
{
  RtkServerRows *row;
  const char    *after;
  gint64         limit;

  if (!rtk_server_call_get_page (call, store->config, &after, &limit))
    return TRUE;
  row = rtk_server_db_query (store->db, error,
                             "SELECT " EXPORT_COLUMNS " WHERE e.id > ? ORDER BY e.id LIMIT ?", "si",
                             after, limit + 1);
  return rtk_server_call_write_page (store, call, "exports", row, limit, write_listed, error);
}

static gboolean
write_export_orders (
    RtkServerStore *store, RtkServerCall *call, const char *after, gint64 limit, GError **error)
{
  gint64         n = 0;
  RtkServerRows *row = rtk_server_db_query (
      store->db, error,
      "SELECT o.id, o.number, x.submission, s.delivered FROM export_orders x JOIN orders o ON"
      " o.id = x.order_id JOIN submissions s ON s.id = x.submission WHERE x.export = ?"
      " AND x.order_id > ? ORDER BY x.order_id LIMIT ?",
      "ssi", call->params[0], after, limit + 1);

  rtk_server_json_begin (&call->answer, "orders", '[');
  while (rtk_server_db_next (store->db, row, error) && n++ < limit) {
    rtk_server_json_begin (&call->answer, NULL, '{');
    rtk_server_json_string (&call->answer, "order", rtk_server_db_text (row, 0));
    rtk_server_json_string (&call->answer, "order_number", rtk_server_db_text (row, 1));
    rtk_server_json_string (&call->answer, "submission", rtk_server_db_text (row, 2));
    rtk_server_json_string (&call->answer, "delivered", rtk_server_db_text (row, 3));
    rtk_server_json_end (&call->answer, '}');
  }
  return rtk_server_call_end_page (call, row, n > limit);
}

/* GET /v1/exports/{id} */
RTK_SERVER_HANDLER (export_get)
{
  RtkServerRows *row;
  const char    *after;
  gint64         limit;

  if (!rtk_server_call_get_page (call, store->config, &after, &limit))
    return TRUE;
  row = rtk_server_db_query (store->db, error, "SELECT " EXPORT_COLUMNS " WHERE e.id = ?", "s",
                             call->params[0]);
  if (!rtk_server_db_next (store->db, row, error))
    return rtk_server_db_end (row) ? rtk_server_call_not_found (call) : FALSE;
  rtk_server_json_begin (&call->answer, NULL, '{');
  write_export (&call->answer, "export", row);
  rtk_server_db_end (row);
  return write_export_orders (store, call, after, limit, error);
}

/* POST /v1/exports/{id}/receipt: what the receiver answered. */
RTK_SERVER_HANDLER (export_receipt)
{
  const char      *id = call->params[0];
  const char      *reference = rtk_server_call_get_string (call, "reference");
  g_autofree char *detail = make_export_detail ("receipt", reference);
  g_autofree char *known = rtk_server_db_dup_text (
      store->db, "SELECT coalesce (receipt, '') FROM exports WHERE id = ?", "s", id);

  if (known == NULL)
    return rtk_server_call_not_found (call);
  if (strcmp (known, reference) == 0)
    return answer_export (store, call, id, 200, error);
  if (known[0] != '\0')
    return rtk_server_call_fail (call, 409, "already-received",
                                 "The receipt of this export is another one.");
  return rtk_server_db_run (store->db, error,
                            "UPDATE exports SET receipt = ?, received_at = ? WHERE id = ?", "sis",
                            reference, g_get_real_time (), id) &&
         audit_orders (store, call, id, "delivery.received", error) &&
         move_orders (store, id, "received", error) &&
         rtk_server_audit_add (store, call->actor, "export.receipt", id, detail, error) &&
         answer_export (store, call, id, 200, error);
}
