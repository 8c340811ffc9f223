/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-envelope.h"
#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-order.h"
#include "server/rtk-server-call.h"

#include <sodium.h>
#include <string.h>

#define SUBMISSION                                                                                 \
  "s.id, s.state, s.origin, s.created_at, s.original, s.delivered, s.certificate, s.reasons,"      \
  " s.note, s.order_id, s.texts"
#define COLUMNS                                                                                    \
  "o.id, o.number, o.revision, s.name, b.name, r.name_masked, r.number_masked, r.code_cipher,"     \
  " o.payment, o.delivery, o.print, o.created_at, o.updated_at, r.id"
#define JOINS                                                                                      \
  " JOIN roster r ON r.id = o.roster JOIN batches b ON b.id = r.batch"                             \
  " JOIN schools s ON s.id = b.school"

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

/* The submissions of one order or of a page of them, as they are read beside the orders: no query
 * an order, which would cost a round trip each. */
typedef struct {
  RtkServerRows *row; /* (unowned): column 9 is the order */
  gboolean       has_row;
} Submissions;

static void
write_submission (RtkServerJson *json, RtkServerRows *row)
{
  g_auto (GStrv) reasons = g_strsplit (rtk_server_db_text (row, 7), ",", -1);

  rtk_server_json_begin (json, NULL, '{');
  rtk_server_json_string (json, "id", rtk_server_db_text (row, 0));
  rtk_server_json_string (json, "state", rtk_server_db_text (row, 1));
  rtk_server_json_string (json, "origin", rtk_server_db_text (row, 2));
  rtk_server_json_time (json, "created_at", rtk_server_db_int (row, 3));
  rtk_server_json_string (json, "original", rtk_server_db_text (row, 4));
  rtk_server_json_string (json, "delivered", rtk_server_db_text (row, 5));
  rtk_server_json_string (json, "certificate", rtk_server_db_text (row, 6));
  rtk_server_json_begin (json, "reasons", '[');
  for (guint i = 0; reasons[i] != NULL; i++)
    if (reasons[i][0] != '\0')
      rtk_server_json_string (json, NULL, reasons[i]);
  rtk_server_json_end (json, ']');
  rtk_server_json_raw (json, "texts",
                       rtk_server_db_is_null (row, 10) ? "{}" : rtk_server_db_text (row, 10));
  rtk_server_json_string (json, "note", rtk_server_db_text (row, 8));
  rtk_server_json_end (json, '}');
}

/* Those of @order_id, which come in the order of the orders. */
static gboolean
write_submissions (RtkServerStore *self,
                   RtkServerJson  *json,
                   Submissions    *submissions,
                   const char     *order_id,
                   GError        **error)
{
  g_autoptr (GError) local_error = NULL;

  rtk_server_json_begin (json, "submissions", '[');
  while (submissions->has_row && strcmp (rtk_server_db_text (submissions->row, 9), order_id) == 0) {
    write_submission (json, submissions->row);
    submissions->has_row = rtk_server_db_next (self->db, submissions->row, &local_error);
  }
  rtk_server_json_end (json, ']');
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

/* Takes @row, which may be NULL with @error set. */
static gboolean
begin_submissions (RtkServerStore *self,
                   Submissions    *submissions,
                   RtkServerRows  *row,
                   GError        **error)
{
  g_autoptr (GError) local_error = NULL;

  submissions->row = row;
  submissions->has_row = rtk_server_db_next (self->db, row, &local_error);
  if (local_error == NULL)
    return row != NULL;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

static gboolean
write_row (RtkServerStore *self,
           RtkServerJson  *json,
           const char     *name,
           RtkServerRows  *row,
           Submissions    *submissions,
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
  rtk_server_json_end (json, '}');
  if (!write_code_digest (self, json, row, station_key, error))
    return FALSE;
  rtk_server_json_string (json, "payment", rtk_server_db_text (row, 8));
  rtk_server_json_string (json, "delivery", rtk_server_db_text (row, 9));
  rtk_server_json_string (json, "print", rtk_server_db_text (row, 10));
  rtk_server_json_time (json, "created_at", rtk_server_db_int (row, 11));
  rtk_server_json_time (json, "updated_at", rtk_server_db_int (row, 12));
  if (!write_submissions (self, json, submissions, rtk_server_db_text (row, 0), error))
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
  Submissions    submissions = {NULL, FALSE};
  RtkServerRows *row;
  gboolean       ok = FALSE;

  row = rtk_server_db_query (
      self->db, error, "SELECT " COLUMNS " FROM orders o" JOINS " WHERE o.id = ?", "s", order_id);
  if (row == NULL)
    return FALSE;
  if (rtk_server_db_next (self->db, row, error))
    ok = begin_submissions (self, &submissions,
                            rtk_server_db_query (self->db, error,
                                                 "SELECT " SUBMISSION " FROM submissions s"
                                                 " WHERE s.order_id = ? ORDER BY s.serial DESC",
                                                 "s", order_id),
                            error) &&
         write_row (self, json, name, row, &submissions, station_key, error);
  else if (error != NULL && *error == NULL)
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_NOT_FOUND, "No such order");
  rtk_server_db_end (submissions.row);
  rtk_server_db_end (row);
  sodium_memzero (key, sizeof key);
  return ok;
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
  Submissions    submissions = {NULL, FALSE};
  RtkServerRows *row;

  row = rtk_server_db_query (self->db, &local_error,
                             "SELECT " COLUMNS " FROM changes c"
                             " JOIN orders o ON o.id = c.order_id" JOINS
                             " WHERE c.seq > ? AND c.seq <= ? ORDER BY c.seq",
                             "ii", since, until);
  if (row != NULL)
    (void)begin_submissions (
        self, &submissions,
        rtk_server_db_query (self->db, &local_error,
                             "SELECT " SUBMISSION " FROM changes c"
                             " JOIN submissions s ON s.order_id = c.order_id"
                             " WHERE c.seq > ? AND c.seq <= ? ORDER BY c.seq, s.serial DESC",
                             "ii", since, until),
        &local_error);
  while (local_error == NULL && rtk_server_db_next (self->db, row, &local_error))
    (void)write_row (self, json, NULL, row, &submissions, station_key, &local_error);
  rtk_server_db_end (submissions.row);
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

/**
 * rtk_server_order_announce:
 * @self: a store, in a transaction
 * @order_id: an order whose review moved on
 * @error: return location
 *
 * Puts the order at the end of the feed and says anew which of its submissions wait for a reviewer.
 * Its revision stays: that somebody looks at a photo is no reason to refuse what a station sends.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_order_announce (RtkServerStore *self, const char *order_id, GError **error)
{
  rtk_server_db_move (self->db);
  return rtk_server_db_run (self->db, error,
                            "UPDATE submissions SET waiting = CASE WHEN lease_by IS NULL"
                            " AND state IN ('submitted', 'in_review') AND EXISTS (SELECT 1 FROM"
                            " orders o WHERE o.id = ?1 AND " RTK_SERVER_IS_PAID_FOR
                            ") THEN 1 ELSE 0 END WHERE order_id = ?1",
                            "s", order_id) &&
         rtk_server_db_run (self->db, error,
                            "UPDATE submissions SET waiting_since = ? WHERE order_id = ?"
                            " AND waiting = 1 AND waiting_since IS NULL",
                            "is", g_get_real_time (), order_id) &&
         rtk_server_db_run (self->db, error,
                            "INSERT INTO changes (seq, order_id) VALUES (?, ?)"
                            " ON CONFLICT (order_id) DO UPDATE SET seq = excluded.seq",
                            "is", rtk_server_store_count (self, "changes"), order_id);
}

/**
 * rtk_server_order_touch:
 * @self: a store, in a transaction
 * @order_id: an order that is changed
 * @error: return location
 *
 * Gives the order a new revision and puts it at the end of the feed, see
 * rtk_server_order_announce().
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_order_touch (RtkServerStore *self, const char *order_id, GError **error)
{
  return rtk_server_db_run (self->db, error,
                            "UPDATE orders SET revision = revision + 1, updated_at = ?"
                            " WHERE id = ?",
                            "is", g_get_real_time (), order_id) &&
         rtk_server_order_announce (self, order_id, error);
}

/**
 * rtk_server_order_set_payment:
 * @self: a store, in a transaction
 * @order_id: an order
 * @payment: name of the new state
 * @actor: for the audit log
 * @out_allowed: (out): whether the order may come to this state
 * @error: return location
 *
 * Moves an order forward on the axis of payment. Does not touch it: see rtk_server_order_touch().
 *
 * Returns: whether the database did its part
 */
gboolean
rtk_server_order_set_payment (RtkServerStore *self,
                              const char     *order_id,
                              const char     *payment,
                              const char     *actor,
                              gboolean       *out_allowed,
                              GError        **error)
{
  g_autofree char *now_name =
      rtk_server_db_dup_text (self->db, "SELECT payment FROM orders WHERE id = ?", "s", order_id);
  g_autofree char *action = g_strconcat ("payment.", payment, NULL);
  RtkPayment       from;
  RtkPayment       to;

  *out_allowed = rtk_payment_from_string (now_name, &from) &&
                 rtk_payment_from_string (payment, &to) && rtk_payment_may_become (from, to);
  if (!*out_allowed)
    return TRUE;
  return rtk_server_db_run (self->db, error, "UPDATE orders SET payment = ? WHERE id = ?", "ss",
                            payment, order_id) &&
         rtk_server_audit_add (self, actor, action, order_id, "{}", error);
}

/* GET /v1/changes */
RTK_SERVER_HANDLER (changes)
{
  const char      *since = call->query != NULL ? g_hash_table_lookup (call->query, "since") : NULL;
  g_autofree char *epoch = rtk_server_store_dup_meta (store, "epoch");
  g_autofree char *cursor = NULL;
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
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return TRUE;
}

/* GET /v1/orders/{id} */
RTK_SERVER_HANDLER (order_get)
{
  g_autoptr (GError) local_error = NULL;

  if (rtk_server_order_write (store, &call->answer, NULL, call->params[0], call->station,
                              &local_error)) {
    call->status = 200;
    return TRUE;
  }
  if (g_error_matches (local_error, RTK_ERROR, RTK_ERROR_NOT_FOUND))
    return rtk_server_call_not_found (call);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

/* POST /v1/orders/{id}/payments: cash with the number of its receipt, or a supervisor's waiver with
 * its reason. An unpaid order is paid by it; any other gets the new record that a review needs. */
RTK_SERVER_HANDLER (order_pay)
{
  const char      *order_id = call->params[0];
  const char      *id = rtk_server_call_get_string (call, "id");
  const char      *method = rtk_server_call_get_string (call, "method");
  gboolean         is_waiver = strcmp (method, "waiver") == 0;
  gint64           now = g_get_real_time ();
  gboolean         allowed = FALSE;
  g_autofree char *known = NULL;
  g_autofree char *state = NULL;

  if (!is_waiver && strcmp (method, "cash") != 0)
    return rtk_server_call_fail (call, 422, "bad-member", "The method is cash or waiver.");
  if (is_waiver && call->who != RTK_SERVER_SUPERVISOR)
    return rtk_server_call_fail (call, 403, "forbidden", "Only a supervisor may waive a payment.");
  state =
      rtk_server_db_dup_text (store->db, "SELECT payment FROM orders WHERE id = ?", "s", order_id);
  if (state == NULL)
    return rtk_server_call_not_found (call);
  known = rtk_server_db_dup_text (store->db, "SELECT order_id FROM payments WHERE id = ?", "s", id);
  if (known != NULL && strcmp (known, order_id) != 0)
    return rtk_server_call_fail (call, 409, "id-reused", "This id belongs to another payment.");
  if (known == NULL) {
    if (strcmp (state, "closed") == 0)
      return rtk_server_call_fail (call, 409, "not-payable", "This order was closed unpaid.");
    if (rtk_server_db_get_int (store->db, 0,
                               "SELECT " RTK_SERVER_IS_PAID_FOR " FROM orders o WHERE o.id = ?",
                               "s", order_id) != 0)
      return rtk_server_call_fail (call, 409, "already-paid", "This order is paid.");
    if (!rtk_server_db_run (store->db, error,
                            "INSERT INTO payments (id, order_id, provider, reference, state,"
                            " amount_fen, created_at, updated_at)"
                            " VALUES (?, ?, ?, ?, 'settled', ?, ?, ?)",
                            "ssssiii", id, order_id, method,
                            rtk_server_call_get_string (call, "reference"),
                            rtk_server_call_get_int (call, "amount_fen", 0), now, now) ||
        !rtk_server_order_set_payment (store, order_id, is_waiver ? "waived" : "paid", call->actor,
                                       &allowed, error) ||
        !rtk_server_audit_add (store, call->actor, "payment.record", order_id,
                               is_waiver ? "{\"method\":\"waiver\"}" : "{\"method\":\"cash\"}",
                               error) ||
        !rtk_server_order_touch (store, order_id, error))
      return FALSE;
  }
  call->status = known == NULL ? 201 : 200;
  return rtk_server_order_write (store, &call->answer, NULL, order_id, call->station, error);
}
