/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-envelope.h"
#include "core/rtk-error.h"
#include "server/rtk-server-db-private.h"
#include "server/rtk-server-gold.h"
#include "server/rtk-server-payments.h"
#include "server/rtk-server-prints.h"

#include <sodium.h>
#include <string.h>

#define COLUMNS                                                                                    \
  "o.id, o.number, o.revision, s.name, b.name, r.name_masked, r.number_masked, r.code_cipher,"     \
  " o.payment, o.delivery, o.print, o.created_at, o.updated_at, r.id,"                             \
  " r.consent_version, r.consent_at, a.role"
#define JOINS                                                                                      \
  " JOIN roster r ON r.id = o.roster JOIN batches b ON b.id = r.batch"                             \
  " JOIN schools s ON s.id = b.school LEFT JOIN accounts a ON a.id = o.account"

/* The stations' digest of the code: computed when it is asked for, so that no table links the
 * stations' digests to each other. */
static gboolean
write_code_digest (RtkServerStore *self,
                   RtkServerJson  *json,
                   RtkServerRows  *row,
                   const guint8   *station_key,
                   GError        **error)
{
  g_autofree char *context = g_strconcat ("code:", rtk_server_db_text (row, 13), NULL);
  g_autoptr (GBytes) sealed = NULL;
  g_autofree char *code = NULL;
  g_autofree char *digest = NULL;

  if (station_key == NULL || rtk_server_db_is_null (row, 7)) {
    rtk_server_json_string (json, "code_digest", NULL);
    return TRUE;
  }
  sealed = rtk_server_db_dup_bytes (row, 7);
  code = rtk_server_keys_open_text (self->keys, context, sealed, error);
  if (code == NULL)
    return FALSE;
  digest = rtk_hmac_sha256_hex (station_key, RTK_SERVER_STATION_KEY_SIZE, code);
  sodium_memzero (code, strlen (code));
  rtk_server_json_string (json, "code_digest", digest);
  return TRUE;
}

static void
write_submission (RtkServerJson *json, RtkServerRows *row)
{
  g_auto (GStrv) reasons = g_strsplit (rtk_server_db_text (row, 8), ",", -1);

  rtk_server_json_string (json, "id", rtk_server_db_text (row, 1));
  rtk_server_json_string (json, "state", rtk_server_db_text (row, 2));
  rtk_server_json_string (json, "origin", rtk_server_db_text (row, 3));
  rtk_server_json_time (json, "created_at", rtk_server_db_int (row, 4));
  rtk_server_json_string (json, "original", rtk_server_db_text (row, 5));
  rtk_server_json_string (json, "delivered", rtk_server_db_text (row, 6));
  rtk_server_json_string (json, "certificate", rtk_server_db_text (row, 7));
  rtk_server_json_begin (json, "reasons", '[');
  for (guint i = 0; reasons[i] != NULL; i++)
    if (reasons[i][0] != '\0')
      rtk_server_json_string (json, NULL, reasons[i]);
  rtk_server_json_end (json, ']');
  rtk_server_json_raw (json, "texts",
                       rtk_server_db_is_null (row, 10) ? "{}" : rtk_server_db_text (row, 10));
  rtk_server_json_string (json, "note", rtk_server_db_text (row, 9));
}

/* What hangs on an order, one array each: read for one order, or for a page of them in the order of
 * the orders. No query an order, which would cost a round trip each. Column 0 is the order. */
typedef struct {
  const char *name;
  void (*write) (RtkServerJson *json, RtkServerRows *row);
  const char *of_order;
  const char *of_some;
  const char *of_page;
} Part;

/* Orders that are read together at most, and as many arguments. */
#define SOME 32
#define IN_SOME                                                                                    \
  " IN (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,"     \
  " ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32)"
#define OF_SOME " x WHERE x.order_id" IN_SOME " ORDER BY x.order_id, "
#define OF_PAGE " FROM changes c JOIN "
#define PAGE_IS " x ON x.order_id = c.order_id WHERE c.seq > ? AND c.seq <= ? ORDER BY c.seq, "
#define SUBMISSION                                                                                 \
  "SELECT x.order_id, x.id, x.state, x.origin, x.created_at, x.original, x.delivered,"             \
  " x.certificate, x.reasons, x.note, x.texts"
#define PAYMENT                                                                                    \
  "SELECT x.order_id, x.id, x.provider, x.state, x.amount_fen, x.pay_code, x.expires_at,"          \
  " x.created_at"

#define PRINT                                                                                      \
  "SELECT x.order_id, x.id, x.state, x.copies, CASE WHEN x.address_cipher IS NULL THEN 0 ELSE 1"   \
  " END, x.carrier, x.tracking, x.created_at, x.updated_at"

static const Part parts[] = {
    {"submissions", write_submission,
     SUBMISSION " FROM submissions x WHERE x.order_id = ? ORDER BY x.serial DESC",
     SUBMISSION " FROM submissions" OF_SOME "x.serial DESC",
     SUBMISSION OF_PAGE "submissions" PAGE_IS "x.serial DESC"},
    {"payments", rtk_server_payment_write,
     PAYMENT " FROM payments x WHERE x.order_id = ? ORDER BY x.created_at, x.id",
     PAYMENT " FROM payments" OF_SOME "x.created_at, x.id",
     PAYMENT OF_PAGE "payments" PAGE_IS "x.created_at, x.id"},
    {"prints", rtk_server_print_write,
     PRINT " FROM prints x WHERE x.order_id = ? ORDER BY x.created_at, x.id",
     PRINT " FROM prints" OF_SOME "x.created_at, x.id",
     PRINT OF_PAGE "prints" PAGE_IS "x.created_at, x.id"},
};

/* One running query a part. */
typedef struct {
  RtkServerRows *rows[G_N_ELEMENTS (parts)]; /* (unowned) (nullable) */
  gboolean       has_row[G_N_ELEMENTS (parts)];
} Reader;

/* Takes the rows of a part; @rows may be NULL with @error set. */
static gboolean
reader_add (RtkServerStore *self, Reader *reader, guint part, RtkServerRows *rows, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  reader->rows[part] = rows;
  reader->has_row[part] = rtk_server_db_next (self->db, rows, &local_error);
  if (local_error == NULL)
    return rows != NULL;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

static gboolean
reader_begin_order (RtkServerStore *self, Reader *reader, const char *order_id, GError **error)
{
  gboolean ok = TRUE;

  for (guint i = 0; ok && i < G_N_ELEMENTS (parts); i++)
    ok =
        reader_add (self, reader, i,
                    rtk_server_db_query (self->db, error, parts[i].of_order, "s", order_id), error);
  return ok;
}

static gboolean
reader_begin_some (RtkServerStore      *self,
                   Reader              *reader,
                   const RtkServerValue values[SOME],
                   GError             **error)
{
  gboolean ok = TRUE;

  for (guint i = 0; ok && i < G_N_ELEMENTS (parts); i++)
    ok = reader_add (self, reader, i,
                     rtk_server_db_query_values (self->db, error, parts[i].of_some, values, SOME),
                     error);
  return ok;
}

static gboolean
reader_begin_page (RtkServerStore *self, Reader *reader, gint64 since, gint64 until, GError **error)
{
  gboolean ok = TRUE;

  for (guint i = 0; ok && i < G_N_ELEMENTS (parts); i++)
    ok = reader_add (self, reader, i,
                     rtk_server_db_query (self->db, error, parts[i].of_page, "ii", since, until),
                     error);
  return ok;
}

static void
reader_end (Reader *reader)
{
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    rtk_server_db_end (reader->rows[i]);
}

static gboolean
write_parts (
    RtkServerStore *self, RtkServerJson *json, Reader *reader, const char *order_id, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (parts); i++) {
    RtkServerRows *row = reader->rows[i];

    rtk_server_json_begin (json, parts[i].name, '[');
    while (reader->has_row[i] && strcmp (rtk_server_db_text (row, 0), order_id) == 0) {
      rtk_server_json_begin (json, NULL, '{');
      parts[i].write (json, row);
      rtk_server_json_end (json, '}');
      reader->has_row[i] = rtk_server_db_next (self->db, row, &local_error);
    }
    rtk_server_json_end (json, ']');
  }
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

static gboolean
write_row (RtkServerStore *self,
           RtkServerJson  *json,
           const char     *name,
           RtkServerRows  *row,
           Reader         *reader,
           const guint8   *station_key,
           GError        **error)
{
  rtk_server_json_begin (json, name, '{');
  rtk_server_json_string (json, "id", rtk_server_db_text (row, 0));
  rtk_server_json_string (json, "number", rtk_server_db_text (row, 1));
  rtk_server_json_int (json, "revision", rtk_server_db_int (row, 2));
  rtk_server_json_string (json, "school", rtk_server_db_text (row, 3));
  rtk_server_json_string (json, "batch", rtk_server_db_text (row, 4));
  rtk_server_json_begin (json, "subject", '{');
  rtk_server_json_string (json, "name_masked", rtk_server_db_text (row, 5));
  rtk_server_json_string (json, "number_masked", rtk_server_db_text (row, 6));
  rtk_server_consent_write (json, rtk_server_db_text (row, 14), rtk_server_db_int (row, 15));
  rtk_server_json_end (json, '}');
  rtk_server_json_string (json, "account_role", rtk_server_db_text (row, 16));
  if (!write_code_digest (self, json, row, station_key, error))
    return FALSE;
  rtk_server_json_string (json, "payment", rtk_server_db_text (row, 8));
  rtk_server_json_string (json, "delivery", rtk_server_db_text (row, 9));
  rtk_server_json_string (json, "print", rtk_server_db_text (row, 10));
  rtk_server_json_time (json, "created_at", rtk_server_db_int (row, 11));
  rtk_server_json_time (json, "updated_at", rtk_server_db_int (row, 12));
  if (!write_parts (self, json, reader, rtk_server_db_text (row, 0), error))
    return FALSE;
  rtk_server_json_end (json, '}');
  return TRUE;
}

static const guint8 *
find_station_key (RtkServerStore *self, const char *station_id, guint8 *buffer)
{
  if (station_id == NULL)
    return NULL;
  rtk_server_keys_derive_station (self->keys, station_id, buffer);
  return buffer;
}

/**
 * rtk_server_order_write:
 * @self: a store
 * @json: a writer
 * @name: (nullable): of the member
 * @order_id: an order
 * @station_id: (nullable): for whom the code is digested; %NULL writes null
 * @error: return location; %RTK_ERROR_NOT_FOUND
 *
 * Writes an Order of docs/openapi.yaml.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_order_write (RtkServerStore *self,
                        RtkServerJson  *json,
                        const char     *name,
                        const char     *order_id,
                        const char     *station_id,
                        GError        **error)
{
  guint8         key[RTK_SERVER_STATION_KEY_SIZE];
  const guint8  *station_key = find_station_key (self, station_id, key);
  Reader         reader = {0};
  RtkServerRows *row;
  gboolean       ok = FALSE;

  row = rtk_server_db_query (
      self->db, error, "SELECT " COLUMNS " FROM orders o" JOINS " WHERE o.id = ?", "s", order_id);
  if (row == NULL)
    return FALSE;
  if (rtk_server_db_next (self->db, row, error))
    ok = reader_begin_order (self, &reader, order_id, error) &&
         write_row (self, json, name, row, &reader, station_key, error);
  else if (error != NULL && *error == NULL)
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_NOT_FOUND, "No such order");
  reader_end (&reader);
  rtk_server_db_end (row);
  sodium_memzero (key, sizeof key);
  return ok;
}

/**
 * rtk_server_order_answer:
 * @store: a store
 * @call: a call
 * @id: an order
 * @status: of the answer
 * @error: return location
 *
 * Answers with an order.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_order_answer (
    RtkServerStore *store, RtkServerCall *call, const char *id, guint status, GError **error)
{
  call->status = status;
  return rtk_server_order_write (store, &call->answer, NULL, id, call->station, error);
}

/* Reads at most SOME orders of @ids from number @first into @out. */
static gboolean
read_some (RtkServerStore *self,
           GPtrArray      *ids,
           guint           first,
           const guint8   *station_key,
           GHashTable     *out,
           GError        **error)
{
  g_autoptr (GError) local_error = NULL;
  RtkServerValue values[SOME];
  Reader         reader = {0};
  RtkServerRows *row;

  for (guint i = 0; i < SOME; i++) {
    values[i] = (RtkServerValue){.type = 's'};
    if (first + i < ids->len)
      values[i].text = g_ptr_array_index (ids, first + i);
  }
  row = rtk_server_db_query_values (self->db, &local_error,
                                    "SELECT " COLUMNS " FROM orders o" JOINS " WHERE o.id" IN_SOME
                                    " ORDER BY o.id",
                                    values, SOME);
  if (row != NULL)
    (void)reader_begin_some (self, &reader, values, &local_error);
  while (local_error == NULL && rtk_server_db_next (self->db, row, &local_error)) {
    g_auto (RtkServerJson) json = {NULL, FALSE};

    rtk_server_json_init (&json);
    if (write_row (self, &json, NULL, row, &reader, station_key, &local_error))
      g_hash_table_insert (out, g_strdup (rtk_server_db_text (row, 0)),
                           g_string_free (g_steal_pointer (&json.text), FALSE));
  }
  reader_end (&reader);
  rtk_server_db_end (row);
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

/**
 * rtk_server_orders_read:
 * @self: a store
 * @ids: (element-type utf8): orders
 * @station_id: (nullable): for whom the code is digested; %NULL writes null
 * @error: return location
 *
 * Reads many orders in a few queries, each as rtk_server_order_write() writes it.
 *
 * Returns: (transfer full): JSON of each order by its id; one that there is not is missing. %NULL
 *   on error
 */
GHashTable *
rtk_server_orders_read (RtkServerStore *self,
                        GPtrArray      *ids,
                        const char     *station_id,
                        GError        **error)
{
  g_autoptr (GHashTable) out = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  guint8        key[RTK_SERVER_STATION_KEY_SIZE];
  const guint8 *station_key = find_station_key (self, station_id, key);
  gboolean      ok = TRUE;

  for (guint i = 0; ok && i < ids->len; i += SOME)
    ok = read_some (self, ids, i, station_key, out, error);
  sodium_memzero (key, sizeof key);
  return ok ? g_steal_pointer (&out) : NULL;
}

/* Writes the orders whose last change has a number above @since and up to @until. */
static gboolean
write_orders (RtkServerStore *self,
              RtkServerJson  *json,
              gint64          since,
              gint64          until,
              const guint8   *station_key,
              GError        **error)
{
  g_autoptr (GError) local_error = NULL;
  Reader         reader = {0};
  RtkServerRows *row;

  row = rtk_server_db_query (self->db, &local_error,
                             "SELECT " COLUMNS " FROM changes c"
                             " JOIN orders o ON o.id = c.order_id" JOINS
                             " WHERE c.seq > ? AND c.seq <= ? ORDER BY c.seq",
                             "ii", since, until);
  if (row != NULL)
    (void)reader_begin_page (self, &reader, since, until, &local_error);
  while (local_error == NULL && rtk_server_db_next (self->db, row, &local_error))
    (void)write_row (self, json, NULL, row, &reader, station_key, &local_error);
  reader_end (&reader);
  rtk_server_db_end (row);
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

/* Writes at most @limit orders that changed after number @since, each as it is now, in the order of
 * their last change; @json is inside an array. @station_id, for whom codes are digested, may be
 * NULL; *@out_last is @since when there was none. */
static gboolean
write_page (RtkServerStore *self,
            RtkServerJson  *json,
            gint64          since,
            gint64          limit,
            const char     *station_id,
            gint64         *out_last,
            gboolean       *out_more,
            GError        **error)
{
  guint8        key[RTK_SERVER_STATION_KEY_SIZE];
  const guint8 *station_key = find_station_key (self, station_id, key);
  gint64        newest =
      rtk_server_db_get_int (self->db, 0, "SELECT value FROM counters WHERE name = 'changes'", "");
  gboolean ok;

  *out_last =
      rtk_server_db_get_int (self->db, MAX (newest, since),
                             "SELECT seq FROM changes WHERE seq > ? ORDER BY seq LIMIT 1 OFFSET ?",
                             "ii", since, limit - 1);
  *out_more = *out_last < newest;
  ok = write_orders (self, json, since, *out_last, station_key, error);
  sodium_memzero (key, sizeof key);
  return ok;
}

/* Up to where a backup covers the feed: what a station has seen before it, it may delete. */
static const char *
find_durable (RtkServerStore *store, const char *epoch, char **text)
{
  *text = rtk_server_store_dup_meta (store, "durable");
  return *text != NULL && g_str_has_prefix (*text, epoch) ? *text : NULL;
}

/* GET /v1/changes */
RTK_SERVER_HANDLER (changes)
{
  const char      *since = call->query != NULL ? g_hash_table_lookup (call->query, "since") : NULL;
  g_autofree char *epoch = rtk_server_store_dup_meta (store, "epoch");
  g_autofree char *cursor = NULL;
  g_autofree char *durable = NULL;
  gint64           limit;
  gint64           last = 0;
  gboolean         more = FALSE;

  if (!rtk_server_call_get_query_int (call, "limit", MIN (100, store->config->max_page), 1,
                                      store->config->max_page, &limit))
    return TRUE;
  /* A cursor of another epoch begins again: the answer's epoch tells the station why. */
  if (since != NULL && since[0] != '\0') {
    const char *dot = strchr (since, '.');

    if (dot == NULL || dot - since != 36 ||
        !g_ascii_string_to_signed (dot + 1, 10, 0, G_MAXINT64, &last, NULL))
      return rtk_server_call_fail (call, 422, "bad-cursor", "This is not a cursor of the feed.");
    if (strncmp (since, epoch, 36) != 0)
      last = 0;
  }
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_string (&call->answer, "epoch", epoch);
  rtk_server_json_begin (&call->answer, "orders", '[');
  if (!write_page (store, &call->answer, last, limit, call->station, &last, &more, error))
    return FALSE;
  rtk_server_json_end (&call->answer, ']');
  cursor = g_strdup_printf ("%s.%" G_GINT64_FORMAT, epoch, last);
  rtk_server_json_string (&call->answer, "cursor", cursor);
  rtk_server_json_bool (&call->answer, "more", more);
  rtk_server_json_string (&call->answer, "durable", find_durable (store, epoch, &durable));
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return TRUE;
}

/* GET /v1/orders/{id} */
RTK_SERVER_HANDLER (order_get)
{
  g_autoptr (GError) local_error = NULL;
  gboolean is_gold;

  call->status = 200;
  if (rtk_server_order_write (store, &call->answer, NULL, call->params[0], call->station,
                              &local_error))
    return TRUE;
  if (g_error_matches (local_error, RTK_ERROR, RTK_ERROR_NOT_FOUND))
    return rtk_server_gold_write_order (store, call, NULL, call->params[0], &is_gold, error) &&
           (is_gold || rtk_server_call_not_found (call));
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}
