/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-store"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-json.h"
#include "store/rtk-store-state-private.h"

#include <string.h>

#define N_SEARCH_FIELDS 5

/* What is searched for: sealed beside the JSON, so that opening 60 000 orders parses none. The
 * fields, each ended by a zero byte: order number, masked name, school, code digest ("" = none),
 * reasons of the current rejection as a decimal bit mask. */
static GBytes *
make_search (RtkOrder *order)
{
  RtkSubmission *current = rtk_order_get_current_submission (order);
  const char    *digest = rtk_order_get_code_digest (order);
  GString       *text = g_string_new (NULL);
  guint64        reasons = 0;
  char           mask[32];
  const char    *fields[N_SEARCH_FIELDS];

  if (current != NULL) {
    guint            n;
    const RtkReason *list = rtk_submission_get_reasons (current, &n);

    for (guint i = 0; i < n; i++)
      reasons |= G_GUINT64_CONSTANT (1) << list[i];
  }
  g_snprintf (mask, sizeof mask, "%" G_GUINT64_FORMAT, reasons);
  fields[0] = rtk_order_get_number (order);
  fields[1] = rtk_order_get_name_masked (order);
  fields[2] = rtk_order_get_school (order);
  fields[3] = digest != NULL ? digest : "";
  fields[4] = mask;
  for (guint i = 0; i < N_SEARCH_FIELDS; i++)
    g_string_append_len (text, fields[i], (gssize)strlen (fields[i]) + 1);
  return g_string_free_to_bytes (text);
}

static gboolean
split_search (GBytes *search, const char *out_fields[N_SEARCH_FIELDS], GError **error)
{
  gsize       size;
  const char *text = g_bytes_get_data (search, &size);
  const char *end = text + size;

  for (int i = 0; i < N_SEARCH_FIELDS; i++) {
    const char *zero = text < end ? memchr (text, 0, (gsize)(end - text)) : NULL;

    if (zero == NULL) {
      g_set_error_literal (error, RTK_ERROR, RTK_ERROR_DAMAGED, "a search field is damaged");
      return FALSE;
    }
    out_fields[i] = text;
    text = zero + 1;
  }
  return TRUE;
}

static gboolean
put_search (RtkStoreState *self, const char *id, gint64 created_at, GBytes *search, GError **error)
{
  const char *fields[N_SEARCH_FIELDS];

  return split_search (search, fields, error) &&
         rtk_db_run (self->db, error,
                     "INSERT OR REPLACE INTO temp.search(id, created_at, number, name, school,"
                     " code, reasons) VALUES(?, ?, ?, ?, ?, ?, ?)",
                     "sissssi", id, created_at, fields[0], fields[1], fields[2],
                     fields[3][0] != '\0' ? fields[3] : NULL,
                     (gint64)g_ascii_strtoull (fields[4], NULL, 10));
}

static gboolean
fill_search (RtkStoreState *self, GError **error)
{
  g_autoptr (GError) failure = NULL;
  sqlite3_stmt *row =
      rtk_db_query (self->db, error, "SELECT id, created_at, search FROM orders", "");

  if (row == NULL)
    return FALSE;
  while (rtk_db_step (self->db, row, &failure)) {
    const char *id = (const char *)sqlite3_column_text (row, 0);
    g_autoptr (GBytes) search =
        rtk_store_state_unseal (self, "orders", id, "search", row, 2, error);

    if (search == NULL || !put_search (self, id, sqlite3_column_int64 (row, 1), search, error)) {
      sqlite3_reset (row);
      return FALSE;
    }
  }
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/**
 * rtk_store_orders_build_search:
 * @self: an unlocked state
 * @error: %RTK_ERROR_DAMAGED
 *
 * Builds the table that is searched, in memory alone: names, numbers, schools and code digests are
 * never in the clear on disk.
 *
 * Returns: whether it is there
 */
gboolean
rtk_store_orders_build_search (RtkStoreState *self, GError **error)
{
  if (!rtk_db_exec (
          self->db,
          "CREATE TEMP TABLE IF NOT EXISTS search("
          "  id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, number TEXT NOT NULL,"
          "  name TEXT NOT NULL, school TEXT NOT NULL, code TEXT, reasons INTEGER NOT NULL"
          ") STRICT, WITHOUT ROWID;"
          "DROP INDEX IF EXISTS temp.search_code;"
          "DROP INDEX IF EXISTS temp.search_created;"
          "DELETE FROM temp.search;"
          "BEGIN",
          error))
    return FALSE;
  if (!fill_search (self, error) ||
      !rtk_db_exec (self->db,
                    "CREATE INDEX temp.search_code ON search(code) WHERE code IS NOT NULL;"
                    "CREATE INDEX temp.search_created ON search(created_at, id);",
                    error)) {
    rtk_db_roll_back (self->db);
    return FALSE;
  }
  return rtk_db_commit (self->db, error);
}

/**
 * rtk_store_orders_put:
 * @self: an unlocked state, in a transaction
 * @order: an order as the server has it
 * @error: return location
 *
 * Writes an order, unless a later revision of it is there: an answer to an operation may be newer
 * than the page of changes that comes after it.
 *
 * Returns: whether it is part of the transaction
 */
gboolean
rtk_store_orders_put (RtkStoreState *self, RtkOrder *order, GError **error)
{
  const char    *id = rtk_order_get_id (order);
  RtkSubmission *current = rtk_order_get_current_submission (order);
  g_autoptr (JsonNode) node = rtk_order_to_json (order);
  g_autofree char *json = json_to_string (node, FALSE);
  g_autoptr (GBytes) sealed = rtk_store_state_seal (self, "orders", id, "json", json);
  g_autoptr (GBytes) plain = make_search (order);
  g_autofree char *context = g_strdup_printf ("orders/%s/search", id);
  g_autoptr (GBytes) search = rtk_envelope_seal (
      self->fields, context, g_bytes_get_data (plain, NULL), g_bytes_get_size (plain));

  if (!rtk_db_run (
          self->db, error,
          "INSERT INTO orders(id, revision, payment, submission, delivery, print, created_at,"
          " updated_at, search, json) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
          "ON CONFLICT(id) DO UPDATE SET revision = excluded.revision, payment = excluded.payment,"
          " submission = excluded.submission, delivery = excluded.delivery,"
          " print = excluded.print, created_at = excluded.created_at,"
          " updated_at = excluded.updated_at, search = excluded.search, json = excluded.json "
          "WHERE excluded.revision >= orders.revision",
          "sissssiibb", id, rtk_order_get_revision (order),
          rtk_payment_to_string (rtk_order_get_payment (order)),
          current != NULL ? rtk_submission_state_to_string (rtk_submission_get_state (current))
                          : NULL,
          rtk_delivery_to_string (rtk_order_get_delivery (order)),
          rtk_print_to_string (rtk_order_get_print (order)), rtk_order_get_created_at (order),
          rtk_order_get_updated_at (order), search, sealed))
    return FALSE;
  if (rtk_db_get_changes (self->db) == 0)
    return TRUE;
  return put_search (self, id, rtk_order_get_created_at (order), plain, error);
}

static RtkOrder *
order_from_bytes (GBytes *bytes, GError **error)
{
  g_autoptr (JsonObject) object = NULL;
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  gsize       size;
  const char *text = g_bytes_get_data (bytes, &size);

  object = rtk_json_parse_object (text, (gssize)size, error);
  if (object == NULL)
    return NULL;
  json_node_set_object (node, object);
  return rtk_order_from_json (node, error);
}

static RtkOrder *
read_order (RtkStoreState *self, sqlite3_stmt *row, GError **error)
{
  const char *id = (const char *)sqlite3_column_text (row, 0);
  g_autoptr (GBytes) json = rtk_store_state_unseal (self, "orders", id, "json", row, 1, error);

  return json != NULL ? order_from_bytes (json, error) : NULL;
}

/* The text as a pattern of LIKE, its own wildcards escaped. */
static char *
like_pattern (const char *text, gboolean anywhere)
{
  g_autoptr (GString) pattern = g_string_new (anywhere ? "%" : "");

  for (const char *c = text; *c != '\0'; c++) {
    if (*c == '%' || *c == '_' || *c == '\\')
      g_string_append_c (pattern, '\\');
    g_string_append_c (pattern, *c);
  }
  g_string_append_c (pattern, '%');
  return g_string_free (g_steal_pointer (&pattern), FALSE);
}

static sqlite3_stmt *
start_list (RtkStoreState *self, const RtkOrderFilter *filter, GError **error)
{
  g_autofree char *text = filter->search != NULL ? g_strstrip (g_strdup (filter->search)) : NULL;
  g_autofree char *name = NULL;
  g_autofree char *number = NULL;
  gint64           reason = 0;

  if (text != NULL && *text != '\0') {
    name = like_pattern (text, TRUE);
    number = like_pattern (text, FALSE);
  }
  if (filter->reason < RTK_N_REASONS)
    reason = (gint64)1 << filter->reason;
  return rtk_db_query (self->db, error,
                       "SELECT o.id, o.json FROM temp.search s JOIN orders o ON o.id = s.id"
                       " WHERE (?1 IS NULL OR s.name LIKE ?1 ESCAPE '\\'"
                       "   OR s.number LIKE ?2 ESCAPE '\\')"
                       " AND (?3 IS NULL OR s.school = ?3)"
                       " AND (?4 = 0 OR o.submission = 'rejected')"
                       " AND (?5 = 0 OR (s.reasons & ?5) != 0)"
                       " ORDER BY s.created_at DESC, s.id DESC",
                       "sssii", name, number, filter->school, (gint64)filter->needs_retake, reason);
}

/**
 * rtk_store_orders_list:
 * @self: an unlocked state
 * @filter: which ones
 * @error: %RTK_ERROR_LOCKED, %RTK_ERROR_DAMAGED
 *
 * Lists orders, newest first.
 *
 * Returns: (transfer full) (element-type RtkOrder): the orders, or %NULL
 */
GPtrArray *
rtk_store_orders_list (RtkStoreState *self, const RtkOrderFilter *filter, GError **error)
{
  g_autoptr (GPtrArray) orders = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GError) failure = NULL;
  sqlite3_stmt *row;

  if (!rtk_store_state_require (self, FALSE, error))
    return NULL;
  row = start_list (self, filter, error);
  if (row == NULL)
    return NULL;
  while (rtk_db_step (self->db, row, &failure)) {
    g_autoptr (RtkOrder) order = read_order (self, row, &failure);

    if (order == NULL)
      break;
    if (filter->needs_retake && !rtk_order_may_retake (order))
      continue;
    g_ptr_array_add (orders, g_steal_pointer (&order));
    if (filter->limit > 0 && orders->len == filter->limit)
      break;
  }
  sqlite3_reset (row);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  return g_steal_pointer (&orders);
}

static RtkOrder *
read_only_row (RtkStoreState *self, sqlite3_stmt *row, GError **error)
{
  g_autoptr (GError) failure = NULL;
  RtkOrder *order;

  if (row == NULL)
    return NULL;
  if (!rtk_db_step (self->db, row, &failure)) {
    if (failure == NULL)
      failure = g_error_new_literal (RTK_ERROR, RTK_ERROR_NOT_FOUND, "there is no such order");
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  order = read_order (self, row, error);
  sqlite3_reset (row);
  return order;
}

/**
 * rtk_store_orders_get:
 * @self: an unlocked state
 * @id: id of an order
 * @error: %RTK_ERROR_NOT_FOUND, %RTK_ERROR_LOCKED, %RTK_ERROR_DAMAGED
 *
 * Returns: (transfer full): the order, or %NULL
 */
RtkOrder *
rtk_store_orders_get (RtkStoreState *self, const char *id, GError **error)
{
  if (!rtk_store_state_require (self, FALSE, error))
    return NULL;
  return read_only_row (
      self, rtk_db_query (self->db, error, "SELECT id, json FROM orders WHERE id = ?", "s", id),
      error);
}

/**
 * rtk_store_orders_find_code:
 * @self: an unlocked state
 * @code: a collection code; opaque, not kept
 * @error: %RTK_ERROR_NOT_FOUND, %RTK_ERROR_LOCKED, %RTK_ERROR_DAMAGED, and %RTK_ERROR_BAD_STATE
 *   before the station has the key of code digests
 *
 * Looks an order up by HMAC(K_station, @code).
 *
 * Returns: (transfer full): the order, or %NULL
 */
RtkOrder *
rtk_store_orders_find_code (RtkStoreState *self, const char *code, GError **error)
{
  g_autofree char *digest = NULL;

  if (!rtk_store_state_require (self, FALSE, error))
    return NULL;
  if (self->codes == NULL) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_STATE, "the station is not enrolled yet");
    return NULL;
  }
  digest = rtk_hmac_sha256_hex (rtk_key_get_bytes (self->codes), RTK_KEY_SIZE, code);
  return read_only_row (self,
                        rtk_db_query (self->db, error,
                                      "SELECT o.id, o.json FROM temp.search s"
                                      " JOIN orders o ON o.id = s.id WHERE s.code = ?",
                                      "s", digest),
                        error);
}

/* A restored server knows other revisions: what it sends now counts, whatever is here. Its orders
 * are shown until the last page has said which ones it still has. */
static gboolean
begin_epoch (RtkStoreState *self, const char *known, const char *epoch, GError **error)
{
  return rtk_db_set_setting (self->db, "epoch", epoch, error) &&
         (*known == '\0' || (rtk_db_set_setting (self->db, "epoch-pending", "1", error) &&
                             rtk_db_exec (self->db, "UPDATE orders SET revision = -1", error) &&
                             rtk_store_outbox_replay (self, error)));
}

/* Orders the restored server did not send are gone there; those we still have to speak of stay. */
static gboolean
end_epoch (RtkStoreState *self, GError **error)
{
  g_autofree char *pending = rtk_db_dup_setting (self->db, "epoch-pending", error);

  if (pending == NULL)
    return FALSE;
  if (*pending == '\0')
    return TRUE;
  return rtk_db_exec (self->db,
                      "DELETE FROM orders WHERE revision = -1 AND id NOT IN"
                      " (SELECT order_id FROM outbox WHERE state <> 'done');"
                      "DELETE FROM temp.search WHERE id NOT IN (SELECT id FROM orders)",
                      error) &&
         rtk_db_set_setting (self->db, "epoch-pending", "", error);
}

static gboolean
apply_in_transaction (RtkStoreState *self, const RtkChangePage *page, GError **error)
{
  g_autofree char *epoch = rtk_db_dup_setting (self->db, "epoch", error);

  if (epoch == NULL ||
      (strcmp (epoch, page->epoch) != 0 && !begin_epoch (self, epoch, page->epoch, error)))
    return FALSE;
  for (guint i = 0; i < page->orders->len; i++) {
    if (!rtk_store_orders_put (self, g_ptr_array_index (page->orders, i), error))
      return FALSE;
  }
  if (!page->more && !end_epoch (self, error))
    return FALSE;
  return rtk_db_set_setting (self->db, "cursor", page->cursor, error);
}

/**
 * rtk_store_orders_apply:
 * @self: an unlocked state that may write
 * @page: a page of the server's feed
 * @error: return location
 *
 * Writes a page with its cursor and epoch in one transaction. The server is right about orders;
 * the outbox and the photos made here are not touched, but when the server was restored (a new
 * epoch) all that was sent to it waits to be sent again: it knows operations by their id.
 *
 * Returns: whether all of it is on disk
 */
gboolean
rtk_store_orders_apply (RtkStoreState *self, const RtkChangePage *page, GError **error)
{
  if (!rtk_store_state_require (self, TRUE, error) || !rtk_db_begin (self->db, error))
    return FALSE;
  if (apply_in_transaction (self, page, error))
    return rtk_db_commit (self->db, error);
  rtk_db_roll_back (self->db);
  return FALSE;
}
