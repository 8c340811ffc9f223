/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-payments.h"

#include <string.h>

/* Payments of an order. A payment is pending until its provider's callback settles it; money that
 * comes for an order that does not need it is due back at once. Nothing is ever forgotten. */

/* Codes that a graduate is given for one order. */
#define MAX_CODES 20

/**
 * rtk_server_payment_clear:
 * @self: a payment
 *
 * Frees what it holds.
 */
void
rtk_server_payment_clear (RtkServerPayment *self)
{
  g_clear_pointer (&self->id, g_free);
  g_clear_pointer (&self->order_id, g_free);
  g_clear_pointer (&self->provider, g_free);
  g_clear_pointer (&self->state, g_free);
}

/**
 * rtk_server_payment_find:
 * @store: a store
 * @id: of a payment
 * @out: (out): the payment; its id is %NULL when there is none
 * @error: return location
 *
 * Returns: whether the database could be asked
 */
gboolean
rtk_server_payment_find (RtkServerStore   *store,
                         const char       *id,
                         RtkServerPayment *out,
                         GError          **error)
{
  RtkServerRows *row = rtk_server_db_query (
      store->db, error, "SELECT order_id, provider, state, amount_fen FROM payments WHERE id = ?",
      "s", id);

  if (row == NULL)
    return FALSE;
  if (rtk_server_db_next (store->db, row, error)) {
    out->id = g_strdup (id);
    out->order_id = g_strdup (rtk_server_db_text (row, 0));
    out->provider = g_strdup (rtk_server_db_text (row, 1));
    out->state = g_strdup (rtk_server_db_text (row, 2));
    out->amount_fen = rtk_server_db_int (row, 3);
  }
  rtk_server_db_end (row);
  return TRUE;
}

/**
 * rtk_server_payment_make_detail:
 * @id: of a payment
 * @method: (nullable): how it was paid
 * @amount_fen: in 1/100 yuan
 * @name: (nullable): "receipt", "reference" or "reason"
 * @text: (nullable): which one
 *
 * Returns: (transfer full): what the audit log keeps of money that moved
 */
char *
rtk_server_payment_make_detail (
    const char *id, const char *method, gint64 amount_fen, const char *name, const char *text)
{
  g_auto (RtkServerJson) json = {0};

  rtk_server_json_init (&json);
  rtk_server_json_begin (&json, NULL, '{');
  rtk_server_json_string (&json, "payment", id);
  if (method != NULL)
    rtk_server_json_string (&json, "method", method);
  rtk_server_json_int (&json, "amount_fen", amount_fen);
  if (name != NULL)
    rtk_server_json_string (&json, name, text);
  rtk_server_json_end (&json, '}');
  return g_strdup (json.text->str);
}

/* Whether the order has been paid for and nothing of that is due back. */
static gboolean
is_paid_for (RtkServerStore *store, const char *order_id)
{
  return rtk_server_db_get_int (store->db, 0,
                                "SELECT 1 FROM orders o WHERE o.id = ? AND " RTK_SERVER_IS_PAID_FOR,
                                "s", order_id) != 0;
}

/**
 * rtk_server_graduate_has_order:
 * @store: a store
 * @roster: id of a graduate
 * @but_for: (nullable): an order that does not count
 *
 * Tells whether the graduate has an order that goes on: one that waits for its payment, that is
 * paid for (also one whose first money went back), or that a code can still be paid for.
 *
 * Returns: whether there is one; also when the database cannot be asked
 */
gboolean
rtk_server_graduate_has_order (RtkServerStore *store, const char *roster, const char *but_for)
{
  return rtk_server_db_get_int (
             store->db, 1,
             "SELECT EXISTS (SELECT 1 FROM orders o WHERE o.roster = ?1 AND o.id <> ?2"
             " AND (o.payment = 'unpaid' OR " RTK_SERVER_IS_PAID_FOR
             " OR EXISTS (SELECT 1 FROM payments c WHERE c.order_id = o.id"
             " AND c.state = 'pending' AND c.expires_at > ?3)))",
             "ssi", roster, but_for != NULL ? but_for : "", g_get_real_time ()) != 0;
}

/**
 * rtk_server_order_has_rival:
 * @store: a store
 * @order_id: an order
 *
 * Returns: whether its graduate has another one that goes on; see rtk_server_graduate_has_order()
 */
gboolean
rtk_server_order_has_rival (RtkServerStore *store, const char *order_id)
{
  g_autofree char *roster =
      rtk_server_db_dup_text (store->db, "SELECT roster FROM orders WHERE id = ?", "s", order_id);

  return roster == NULL || rtk_server_graduate_has_order (store, roster, order_id);
}

/**
 * rtk_server_payments_expire:
 * @store: a store, in a transaction
 * @order_id: an order
 * @error: return location
 *
 * Ends what is pending: a code that nobody has paid is worth nothing any more. Whoever pays it all
 * the same gets the money back.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_payments_expire (RtkServerStore *store, const char *order_id, GError **error)
{
  return rtk_server_db_run (store->db, error,
                            "UPDATE payments SET state = 'expired', updated_at = ?"
                            " WHERE order_id = ? AND state = 'pending'",
                            "is", g_get_real_time (), order_id);
}

/**
 * rtk_server_payment_set_code:
 * @store: a store, in a transaction
 * @id: of a payment
 * @code: (nullable): what the customer scans
 * @error: return location
 *
 * Keeps the code of a payment that has none yet.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_payment_set_code (RtkServerStore *store,
                             const char     *id,
                             const char     *code,
                             GError        **error)
{
  return rtk_server_db_run (store->db, error,
                            "UPDATE payments SET pay_code = ?, updated_at = ? WHERE id = ?"
                            " AND pay_code IS NULL",
                            "sis", code, g_get_real_time (), id);
}

/**
 * rtk_server_payment_begin:
 * @store: a store, in a transaction
 * @id: of the new payment
 * @order_id: an order that needs money, of a server that has a provider
 * @expires_at: microseconds since 1970
 * @actor: for the audit log
 * @error: return location
 *
 * Makes a pending payment at the server's provider. An older one that is still pending ends.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_payment_begin (RtkServerStore *store,
                          const char     *id,
                          const char     *order_id,
                          gint64          expires_at,
                          const char     *actor,
                          GError        **error)
{
  const RtkServerProvider *provider = rtk_server_provider_get (store->config);
  RtkServerPayment         payment = {(char *)id, (char *)order_id, (char *)provider->name,
                                      (char *)"pending", store->config->price_fen};
  gint64                   now = g_get_real_time ();
  g_autofree char         *code = NULL;

  return rtk_server_payments_expire (store, order_id, error) &&
         rtk_server_db_run (store->db, error,
                            "INSERT INTO payments (id, order_id, provider, state, amount_fen,"
                            " expires_at, actor, created_at, updated_at)"
                            " VALUES (?, ?, ?, 'pending', ?, ?, ?, ?, ?)",
                            "sssiisii", id, order_id, provider->name, payment.amount_fen,
                            expires_at, actor, now, now) &&
         provider->begin (store, &payment, expires_at, &code, error) &&
         rtk_server_payment_set_code (store, id, code, error) &&
         rtk_server_audit_add (store, actor, "payment.begin", id, "{}", error);
}

static char *
make_settled_detail (const RtkServerPayment *payment, const RtkServerEvent *event)
{
  g_auto (RtkServerJson) json = {0};

  rtk_server_json_init (&json);
  rtk_server_json_begin (&json, NULL, '{');
  rtk_server_json_int (&json, "expected_fen", payment->amount_fen);
  rtk_server_json_int (&json, "amount_fen", event->amount_fen);
  rtk_server_json_string (&json, "reference", event->reference);
  rtk_server_json_end (&json, '}');
  return g_strdup (json.text->str);
}

/* Money came in: for what was asked for, or for nothing that is open. A code that has ended pays
 * for an order that still waits for it, and for nothing else. */
static gboolean
settle (RtkServerStore       *store,
        RtkServerPayment     *payment,
        const RtkServerEvent *event,
        GError              **error)
{
  g_autofree char *order_payment = rtk_server_db_dup_text (
      store->db, "SELECT payment FROM orders WHERE id = ?", "s", payment->order_id);
  g_autofree char *detail = make_settled_detail (payment, event);
  const char      *back = NULL;
  gint64           now = g_get_real_time ();
  gboolean         allowed;

  if (event->amount_fen != payment->amount_fen)
    back = "amount";
  else if (strcmp (order_payment, "closed") == 0 ||
           (strcmp (order_payment, "unpaid") != 0 && strcmp (payment->state, "pending") != 0))
    back = "late";
  else if (is_paid_for (store, payment->order_id) ||
           rtk_server_order_has_rival (store, payment->order_id))
    back = "twice";
  payment->amount_fen = event->amount_fen;
  if (!rtk_server_db_run (store->db, error,
                          "UPDATE payments SET state = 'settled', amount_fen = ?, reference = ?,"
                          " updated_at = ? WHERE id = ?",
                          "isis", event->amount_fen, event->reference, now, payment->id) ||
      !rtk_server_audit_add (store, "provider", "payment.settle", payment->id, detail, error))
    return FALSE;
  if (back != NULL)
    return rtk_server_refund_add (store, payment, payment->id, back, now, error) &&
           rtk_server_order_announce (store, payment->order_id, error);
  if (!rtk_server_payments_expire (store, payment->order_id, error) ||
      (strcmp (order_payment, "unpaid") == 0 &&
       !rtk_server_order_set_payment (store, payment->order_id, "paid", "provider", &allowed,
                                      error)))
    return FALSE;
  return rtk_server_order_touch (store, payment->order_id, error);
}

/**
 * rtk_server_payment_apply:
 * @store: a store, in a transaction
 * @payment: a payment of a provider; its state is brought up to date
 * @event: what the provider tells
 * @error: return location
 *
 * Moves a payment by its provider's word, whatever the order of the words: what was settled stays
 * so, and what had failed or expired can still be settled, for then the money was taken.
 *
 * Returns: whether the database did its part
 */
gboolean
rtk_server_payment_apply (RtkServerStore       *store,
                          RtkServerPayment     *payment,
                          const RtkServerEvent *event,
                          GError              **error)
{
  gboolean is_open = strcmp (payment->state, "pending") == 0;
  gboolean is_over =
      strcmp (payment->state, "expired") == 0 || strcmp (payment->state, "failed") == 0;
  gboolean ok = TRUE;

  if (strcmp (event->state, "settled") == 0 && (is_open || is_over))
    ok = settle (store, payment, event, error);
  else if (strcmp (event->state, "failed") == 0 && is_open)
    ok = rtk_server_db_run (store->db, error,
                            "UPDATE payments SET state = 'failed', updated_at = ? WHERE id = ?",
                            "is", g_get_real_time (), payment->id) &&
         rtk_server_audit_add (store, "provider", "payment.fail", payment->id, "{}", error) &&
         rtk_server_order_announce (store, payment->order_id, error);
  g_free (payment->state);
  payment->state = rtk_server_db_dup_text (store->db, "SELECT state FROM payments WHERE id = ?",
                                           "s", payment->id);
  return ok && payment->state != NULL;
}

/**
 * rtk_server_payment_write:
 * @json: a writer, inside an object
 * @row: order, id, provider, state, amount, code, its end, time
 *
 * Writes a Payment of docs/openapi.yaml. A code is shown as long as it can be paid.
 */
void
rtk_server_payment_write (RtkServerJson *json, RtkServerRows *row)
{
  gboolean is_pending = strcmp (rtk_server_db_text (row, 3), "pending") == 0;

  rtk_server_json_string (json, "id", rtk_server_db_text (row, 1));
  rtk_server_json_string (json, "provider", rtk_server_db_text (row, 2));
  rtk_server_json_string (json, "state", rtk_server_db_text (row, 3));
  rtk_server_json_int (json, "amount_fen", rtk_server_db_int (row, 4));
  rtk_server_json_string (json, "pay_code", is_pending ? rtk_server_db_text (row, 5) : NULL);
  rtk_server_json_optional_time (json, "expires_at", is_pending ? rtk_server_db_int (row, 6) : 0);
  rtk_server_json_time (json, "created_at", rtk_server_db_int (row, 7));
}

/* What was taken in cash: the price, unless something else is said. */
static gint64
get_cash (RtkServerStore *store, RtkServerCall *call)
{
  return rtk_server_call_get_int (call, "amount_fen", store->config->price_fen);
}

/* Whether the amount is one that may be taken; else the call is answered. What is recorded here is
 * what goes back by a refund, so that nobody may record more than the price. */
static gboolean
check_cash (RtkServerStore *store, RtkServerCall *call)
{
  gint64 price = store->config->price_fen;
  gint64 amount = get_cash (store, call);

  if (amount == price)
    return TRUE;
  if (call->who != RTK_SERVER_SUPERVISOR)
    rtk_server_call_fail (call, 403, "forbidden",
                          "Only a supervisor may take another amount than the price.");
  else if (amount < 1 || amount > price)
    rtk_server_call_fail (call, 422, "bad-member",
                          "The amount is more than nothing and not above the price.");
  return call->status == 0;
}

/* Cash, or a waiver: settled at once. */
static gboolean
record_at_desk (RtkServerStore *store, RtkServerCall *call, const char *method, GError **error)
{
  const char      *order_id = call->params[0];
  gboolean         is_waiver = strcmp (method, "waiver") == 0;
  gint64           now = g_get_real_time ();
  gboolean         allowed = FALSE;
  gint64           amount = is_waiver ? 0 : get_cash (store, call);
  const char      *reference = rtk_server_call_get_string (call, "reference");
  const char      *id = rtk_server_call_get_string (call, "id");
  g_autofree char *detail = rtk_server_payment_make_detail (
      id, method, amount, is_waiver ? "reason" : "receipt", reference);

  return rtk_server_payments_expire (store, order_id, error) &&
         rtk_server_db_run (store->db, error,
                            "INSERT INTO payments (id, order_id, provider, reference, state,"
                            " amount_fen, actor, created_at, updated_at)"
                            " VALUES (?, ?, ?, ?, 'settled', ?, ?, ?, ?)",
                            "ssssisii", id, order_id, method, reference, amount, call->actor, now,
                            now) &&
         rtk_server_order_set_payment (store, order_id, is_waiver ? "waived" : "paid", call->actor,
                                       &allowed, error) &&
         rtk_server_audit_add (store, call->actor, "payment.record", order_id, detail, error) &&
         rtk_server_order_touch (store, order_id, error);
}

/* Whether the method is one, and the caller's to take; else the call is answered. */
static gboolean
check_method (RtkServerStore *store, RtkServerCall *call, const char *method)
{
  const char *reference = rtk_server_call_get_string (call, "reference");
  gboolean    is_code = strcmp (method, "code") == 0;
  gboolean    is_waiver = strcmp (method, "waiver") == 0;

  if (!is_code && !is_waiver && strcmp (method, "cash") != 0)
    rtk_server_call_fail (call, 422, "bad-member", "The method is code, cash or waiver.");
  else if (!is_code && (reference == NULL || reference[0] == '\0'))
    rtk_server_call_fail (call, 422, "missing-member",
                          "Cash needs the number of its receipt, a waiver its reason.");
  else if (is_waiver && call->who != RTK_SERVER_SUPERVISOR)
    rtk_server_call_fail (call, 403, "forbidden", "Only a supervisor may waive a payment.");
  return call->status == 0 && (is_code || is_waiver || check_cash (store, call));
}

static gboolean
fail_no_provider (RtkServerCall *call)
{
  return rtk_server_call_fail (call, 409, "no-provider",
                               "This server takes no payments online yet.");
}

/* A graduate has one order that is paid. */
static gboolean
fail_rival (RtkServerCall *call)
{
  return rtk_server_call_fail (call, 409, "order-open", "The graduate has another open order.");
}

/* POST /v1/orders/{id}/payments: a code of the provider, cash with the number of its receipt, or a
 * supervisor's waiver with its reason. An unpaid order is paid by it; any other gets the new record
 * that a review needs. */
RTK_SERVER_HANDLER (order_pay)
{
  const char      *order_id = call->params[0];
  const char      *id = rtk_server_call_get_string (call, "id");
  const char      *method = rtk_server_call_get_string (call, "method");
  g_autofree char *known = NULL;
  g_autofree char *state = NULL;
  gboolean         ok;

  if (!check_method (store, call, method))
    return TRUE;
  state =
      rtk_server_db_dup_text (store->db, "SELECT payment FROM orders WHERE id = ?", "s", order_id);
  if (state == NULL)
    return rtk_server_call_not_found (call);
  known = rtk_server_db_dup_text (store->db, "SELECT order_id FROM payments WHERE id = ?", "s", id);
  if ((known != NULL && strcmp (known, order_id) != 0) ||
      rtk_server_request_differs (store, call, "payment"))
    return rtk_server_call_fail (call, 409, "id-reused", "This id belongs to another payment.");
  if (known == NULL) {
    if (rtk_server_order_is_stale (store, call, order_id))
      return rtk_server_order_fail_stale (store, call, order_id, error);
    if (strcmp (state, "closed") == 0)
      return rtk_server_call_fail (call, 409, "not-payable", "This order was closed unpaid.");
    if (is_paid_for (store, order_id))
      return rtk_server_call_fail (call, 409, "already-paid", "This order is paid.");
    if (rtk_server_order_has_rival (store, order_id))
      return fail_rival (call);
    if (strcmp (method, "code") == 0 && rtk_server_provider_get (store->config) == NULL)
      return fail_no_provider (call);
    if (strcmp (method, "code") == 0)
      ok = rtk_server_payment_begin (store, id, order_id,
                                     g_get_real_time () +
                                         store->config->unpaid_seconds * G_USEC_PER_SEC,
                                     call->actor, error) &&
           rtk_server_order_announce (store, order_id, error);
    else
      ok = record_at_desk (store, call, method, error);
    if (!ok || !rtk_server_request_keep (store, call, "payment", error))
      return FALSE;
  }
  call->status = known == NULL ? 201 : 200;
  return rtk_server_order_write (store, &call->answer, NULL, order_id, call->station, error);
}

/* Every page of the feed that has the order shows all its payments. */
static gboolean
has_too_many_codes (RtkServerStore *store, const char *order_id)
{
  return rtk_server_db_get_int (store->db, 0,
                                "SELECT count (*) FROM payments WHERE order_id = ?"
                                " AND state IN ('pending', 'expired')",
                                "s", order_id) >= MAX_CODES;
}

/* When the order's time to pay is over, microseconds since 1970. */
static gint64
get_deadline (RtkServerStore *store, const char *order_id)
{
  return rtk_server_db_get_int (store->db, 0, "SELECT created_at FROM orders WHERE id = ?", "s",
                                order_id) +
         store->config->unpaid_seconds * G_USEC_PER_SEC;
}

/* POST /v1/online/orders/{id}/payment: a code to be paid until the order closes. */
RTK_SERVER_HANDLER (online_payment)
{
  const char              *id = rtk_server_call_get_string (call, "id");
  const char              *provider = rtk_server_call_get_string (call, "provider");
  const RtkServerProvider *own = rtk_server_provider_get (store->config);
  g_autofree char         *payment =
      rtk_server_db_dup_text (store->db, "SELECT payment FROM orders WHERE id = ? AND account = ?",
                              "ss", call->params[0], call->principal);
  g_autofree char *known =
      rtk_server_db_dup_text (store->db, "SELECT order_id FROM payments WHERE id = ?", "s", id);

  if (provider != NULL && own != NULL && strcmp (provider, own->name) != 0)
    return rtk_server_call_fail (call, 422, "bad-member", "The provider is not this server's.");
  if (payment == NULL)
    return rtk_server_call_not_found (call);
  if ((known != NULL && strcmp (known, call->params[0]) != 0) ||
      rtk_server_request_differs (store, call, "payment"))
    return rtk_server_call_fail (call, 409, "id-reused", "This id belongs to another payment.");
  if (known == NULL) {
    if (rtk_server_db_get_int (store->db, 0,
                               "SELECT EXISTS (SELECT 1 FROM submissions WHERE order_id = ?)", "s",
                               call->params[0]) == 0)
      return rtk_server_call_fail (call, 409, "no-photo", "Submit a photo first.");
    if (strcmp (payment, "unpaid") != 0 ||
        get_deadline (store, call->params[0]) <= g_get_real_time ())
      return rtk_server_call_fail (call, 409, "not-payable", "This order cannot be paid.");
    if (rtk_server_order_has_rival (store, call->params[0]))
      return fail_rival (call);
    if (own == NULL)
      return fail_no_provider (call);
    if (has_too_many_codes (store, call->params[0]))
      return rtk_server_call_fail (call, 409, "too-many", "This order has had too many codes.");
    if (!rtk_server_payment_begin (store, id, call->params[0],
                                   get_deadline (store, call->params[0]), call->actor, error) ||
        !rtk_server_order_announce (store, call->params[0], error) ||
        !rtk_server_request_keep (store, call, "payment", error))
      return FALSE;
  }
  call->status = known == NULL ? 201 : 200;
  return rtk_server_order_write (store, &call->answer, NULL, call->params[0], NULL, error);
}
