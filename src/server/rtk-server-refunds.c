/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-json.h"
#include "core/rtk-reason.h"
#include "server/rtk-server-payments.h"
#include "server/rtk-server-prints.h"

#include <string.h>

/* Money that goes back, and the message to the graduate that goes with a rejection. */

/**
 * rtk_server_refund_add:
 * @store: a store, in a transaction
 * @payment: a settled payment
 * @subject: id of the cause, by which the refund can be cancelled
 * @reason: "rejected", "requested", "late", "twice" or "amount"
 * @not_before: microseconds since 1970
 * @error: return location
 *
 * Makes a payment due back.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_refund_add (RtkServerStore         *store,
                       const RtkServerPayment *payment,
                       const char             *subject,
                       const char             *reason,
                       gint64                  not_before,
                       GError                **error)
{
  g_autofree char *idempotency = g_strconcat ("refund:", payment->id, ":", subject, NULL);
  g_autofree char *detail = rtk_server_payment_make_detail (payment->id, payment->provider,
                                                            payment->amount_fen, "reason", reason);
  g_autofree char *reference = rtk_server_db_dup_text (
      store->db, "SELECT reference FROM payments WHERE id = ?", "s", payment->id);
  g_auto (RtkServerJson) json = {0};

  rtk_server_json_init (&json);
  rtk_server_json_begin (&json, NULL, '{');
  rtk_server_json_string (&json, "payment", payment->id);
  rtk_server_json_string (&json, "provider", payment->provider);
  /* Cash is no business of the provider's: the desk pays it back. */
  rtk_server_json_string (&json, "method",
                          strcmp (payment->provider, "cash") == 0 ? "cash" : "provider");
  rtk_server_json_int (&json, "amount_fen", payment->amount_fen);
  rtk_server_json_string (&json, "reference", reference);
  rtk_server_json_string (&json, "reason", reason);
  rtk_server_json_end (&json, '}');
  return rtk_server_db_run (store->db, error,
                            "UPDATE payments SET state = 'refund_due', updated_at = ?"
                            " WHERE id = ?",
                            "is", g_get_real_time (), payment->id) &&
         rtk_server_audit_add (store, "server", "refund.due", payment->id, detail, error) &&
         rtk_server_effect_add (store, "refund", payment->order_id, subject, idempotency,
                                json.text->str, not_before, error);
}

/* Makes all that was paid for an order due back; a waiver was never money. */
static gboolean
refund_order (RtkServerStore *store,
              const char     *order_id,
              const char     *subject,
              const char     *reason,
              gint64          not_before,
              GError        **error)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  gboolean       ok = TRUE;
  RtkServerRows *row = rtk_server_db_query (
      store->db, error,
      "SELECT id FROM payments WHERE order_id = ? AND state = 'settled' AND provider <> 'waiver'",
      "s", order_id);

  if (row == NULL)
    return FALSE;
  while (rtk_server_db_next (store->db, row, NULL))
    g_ptr_array_add (ids, g_strdup (rtk_server_db_text (row, 0)));
  rtk_server_db_end (row);
  for (guint i = 0; ok && i < ids->len; i++) {
    g_auto (RtkServerPayment) payment = {0};

    ok = rtk_server_payment_find (store, g_ptr_array_index (ids, i), &payment, error) &&
         rtk_server_refund_add (store, &payment, subject, reason, not_before, error);
  }
  return ok &&
         rtk_server_db_run (store->db, error, "UPDATE orders SET refund_after = ? WHERE id = ?",
                            "is", not_before, order_id);
}

/**
 * rtk_server_order_find_phone:
 * @store: a store
 * @order_id: an order
 * @out_phone: (out) (transfer full) (nullable): what was said at the desk, or that of the account
 * @error: return location
 *
 * Finds how to reach whoever ordered.
 *
 * Returns: whether the database could be asked
 */
gboolean
rtk_server_order_find_phone (RtkServerStore *store,
                             const char     *order_id,
                             char          **out_phone,
                             GError        **error)
{
  g_autofree char *context = NULL;
  g_autoptr (GBytes) sealed = NULL;
  gboolean       found;
  RtkServerRows *row =
      rtk_server_db_query (store->db, error,
                           "SELECT a.id, a.phone_cipher, o.phone_cipher FROM orders o"
                           " LEFT JOIN accounts a ON a.id = o.account WHERE o.id = ?",
                           "s", order_id);

  *out_phone = NULL;
  if (row == NULL)
    return FALSE;
  found = rtk_server_db_next (store->db, row, error);
  if (found && !rtk_server_db_is_null (row, 2)) {
    context = g_strconcat ("order-phone:", order_id, NULL);
    sealed = rtk_server_db_dup_bytes (row, 2);
  } else if (found && !rtk_server_db_is_null (row, 0)) {
    context = g_strconcat ("phone:", rtk_server_db_text (row, 0), NULL);
    sealed = rtk_server_db_dup_bytes (row, 1);
  }
  rtk_server_db_end (row);
  if (sealed == NULL)
    return TRUE;
  *out_phone = rtk_server_keys_open_text (store->keys, context, sealed, error);
  if (*out_phone == NULL)
    return FALSE;
  /* The number of an account that lost it. */
  if ((*out_phone)[0] == '\0')
    g_clear_pointer (out_phone, g_free);
  return TRUE;
}

/* What the reviewer wrote for a reason, or the words that stand for it. */
static const char *
get_message (JsonObject *texts, const char *code, RtkReason reason)
{
  const char *own = texts != NULL && json_object_has_member (texts, code)
                        ? rtk_json_get_string (texts, code, NULL)
                        : NULL;

  return own != NULL && own[0] != '\0' ? own : rtk_reason_get_message (reason, RTK_LANGUAGE_ZH_CN);
}

/* The message: reasons, then what becomes of the money. In the language of those who get it. */
static char *
make_text (const char *number, const char *reasons, const char *texts, gboolean is_refunded)
{
  g_auto (GStrv) codes = g_strsplit (reasons, ",", -1);
  g_autoptr (JsonObject) own = texts != NULL ? rtk_json_parse_object (texts, -1, NULL) : NULL;
  g_autoptr (GString) text = g_string_new (NULL);

  g_string_append_printf (text, "您的毕业照片未通过审核（订单 %s）。", number);
  for (guint i = 0; codes[i] != NULL; i++) {
    RtkReason reason;

    if (rtk_reason_from_string (codes[i], &reason))
      g_string_append (text, get_message (own, codes[i], reason));
  }
  if (is_refunded)
    g_string_append (text, "费用将原路退回，请重新采集，或到采集点现场补拍。");
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* Whoever cannot be reached stands in the audit log: somebody has to tell them another way. */
static gboolean
add_sms (RtkServerStore *store,
         const char     *order_id,
         const char     *review_id,
         const char *template,
         const char *text,
         gint64      not_before,
         GError    **error)
{
  g_autofree char *idempotency = g_strconcat ("sms:", review_id, NULL);
  g_autofree char *phone = NULL;
  g_auto (RtkServerJson) json = {0};

  if (!rtk_server_order_find_phone (store, order_id, &phone, error))
    return FALSE;
  if (phone == NULL) {
    g_autofree char *detail =
        g_strdup_printf ("{\"review\":\"%s\",\"template\":\"%s\"}", review_id, template);

    return rtk_server_audit_add (store, "server", "sms.unreachable", order_id, detail, error);
  }
  rtk_server_json_init (&json);
  rtk_server_json_begin (&json, NULL, '{');
  rtk_server_json_string (&json, "phone", phone);
  rtk_server_json_string (&json, "template", template);
  rtk_server_json_string (&json, "language", "zh-CN");
  rtk_server_json_string (&json, "text", text);
  rtk_server_json_end (&json, '}');
  return rtk_server_effect_add (store, "sms", order_id, review_id, idempotency, json.text->str,
                                not_before, error);
}

static gboolean
has_accepted (RtkServerStore *store, const char *order_id)
{
  return rtk_server_db_get_int (store->db, 0,
                                "SELECT EXISTS (SELECT 1 FROM submissions WHERE order_id = ?"
                                " AND state = 'approved')",
                                "s", order_id) != 0;
}

/**
 * rtk_server_order_reject_effects:
 * @store: a store, in a transaction
 * @order_id: an order whose photo was rejected
 * @review_id: the verdict, written already
 * @error: return location
 *
 * Makes due what follows from a rejection: what was paid for an online photo goes back when the
 * order was moved to "refund_due", and the graduate is told, also of a photo of the desk. Both are
 * held for `hold_seconds`, so that rtk_server_order_undo_effects() can take them back. Prints that
 * wait are cancelled, unless there is another photo that was accepted.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_order_reject_effects (RtkServerStore *store,
                                 const char     *order_id,
                                 const char     *review_id,
                                 GError        **error)
{
  gint64           not_before = g_get_real_time () + store->config->hold_seconds * G_USEC_PER_SEC;
  g_autofree char *text = NULL;
  gboolean         is_refunded = FALSE;
  RtkServerRows   *row = rtk_server_db_query (
        store->db, error,
        "SELECT w.reasons, w.origin, o.number, o.payment, w.texts FROM reviews v"
          " JOIN submissions w ON w.id = v.submission JOIN orders o ON o.id = w.order_id"
          " WHERE v.id = ? AND o.id = ?",
        "ss", review_id, order_id);

  if (row == NULL)
    return FALSE;
  if (rtk_server_db_next (store->db, row, error)) {
    is_refunded = strcmp (rtk_server_db_text (row, 1), "online") == 0 &&
                  strcmp (rtk_server_db_text (row, 3), "refund_due") == 0;
    text = make_text (rtk_server_db_text (row, 2), rtk_server_db_text (row, 0),
                      rtk_server_db_text (row, 4), is_refunded);
  }
  rtk_server_db_end (row);
  return text != NULL &&
         (!is_refunded ||
          refund_order (store, order_id, review_id, "rejected", not_before, error)) &&
         (has_accepted (store, order_id) ||
          rtk_server_prints_cancel (store, order_id, review_id, "server", error)) &&
         add_sms (store, order_id, review_id, "rejected", text, not_before, error);
}

/**
 * rtk_server_order_told:
 * @store: a store
 * @review_id: a verdict
 *
 * Returns: whether the message about it was sent, or may have been
 */
gboolean
rtk_server_order_told (RtkServerStore *store, const char *review_id)
{
  return rtk_server_db_get_int (store->db, 0,
                                "SELECT EXISTS (SELECT 1 FROM effects WHERE subject = ?"
                                " AND kind = 'sms' AND (state IN ('sending', 'done')"
                                " OR (state = 'due' AND attempts > 0)))",
                                "s", review_id) != 0;
}

/**
 * rtk_server_order_tell_corrected:
 * @store: a store, in a transaction
 * @order_id: an order
 * @before: the rejection that does not hold
 * @review_id: the correction, which accepts the photo
 * @was_told: of the rejection, see rtk_server_order_told()
 * @error: return location
 *
 * Keeps the message about the rejection from going out; or tells the graduate, when it has, that
 * it does not hold, and that there may be something to pay again.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_order_tell_corrected (RtkServerStore *store,
                                 const char     *order_id,
                                 const char     *before,
                                 const char     *review_id,
                                 gboolean        was_told,
                                 GError        **error)
{
  g_autofree char *number =
      rtk_server_db_dup_text (store->db, "SELECT number FROM orders WHERE id = ?", "s", order_id);
  gboolean is_paid =
      rtk_server_db_get_int (store->db, 0,
                             "SELECT 1 FROM orders o WHERE o.id = ? AND " RTK_SERVER_IS_PAID_FOR,
                             "s", order_id) != 0;
  g_autofree char *text =
      g_strdup_printf ("您的毕业照片经复核已通过审核（订单 %s），此前的未通过通知作废。%s", number,
                       is_paid ? "" : "费用已退回的，请到采集点重新缴费。");

  if (!rtk_server_db_run (store->db, error,
                          "UPDATE effects SET state = 'cancelled', updated_at = ? WHERE subject = ?"
                          " AND kind = 'sms' AND state IN ('failed', 'due')",
                          "is", g_get_real_time (), before))
    return FALSE;
  if (!was_told)
    return TRUE;
  return add_sms (store, order_id, review_id, "corrected", text, g_get_real_time (), error);
}

/**
 * rtk_server_order_undo_effects:
 * @store: a store, in a transaction
 * @order_id: an order
 * @review_id: the verdict that is undone
 * @out_allowed: (out): whether nothing had begun, nobody has paid again meanwhile, and the graduate
 *   has begun no other order
 * @error: return location
 *
 * Takes back what rtk_server_order_reject_effects() made due, and moves the order back to "paid".
 * Does not touch it: see rtk_server_order_touch().
 *
 * Returns: whether the database did its part
 */
gboolean
rtk_server_order_undo_effects (RtkServerStore *store,
                               const char     *order_id,
                               const char     *review_id,
                               gboolean       *out_allowed,
                               GError        **error)
{
  gint64   now = g_get_real_time ();
  gboolean was_due = rtk_server_db_get_int (store->db, 0,
                                            "SELECT EXISTS (SELECT 1 FROM effects WHERE subject = ?"
                                            " AND kind = 'refund' AND state <> 'cancelled')",
                                            "s", review_id) != 0;

  /* A new order was opened because this one's money goes back: then it does, and the new one
   * counts. Else the graduate would have two that are paid. */
  *out_allowed =
      !was_due || (!rtk_server_order_has_rival (store, order_id) &&
                   rtk_server_db_get_int (store->db, 1,
                                          "SELECT EXISTS (SELECT 1 FROM payments WHERE order_id = ?"
                                          " AND state IN ('pending', 'settled'))",
                                          "s", order_id) == 0);
  if (!*out_allowed)
    return TRUE;
  if (!rtk_server_effect_cancel (store, review_id, out_allowed, error))
    return FALSE;
  if (!*out_allowed)
    return TRUE;
  if (!was_due)
    return rtk_server_prints_restore (store, order_id, review_id, error);
  return rtk_server_db_run (store->db, error,
                            "UPDATE payments SET state = 'settled', updated_at = ?1"
                            " WHERE order_id = ?2 AND state = 'refund_due' AND EXISTS (SELECT 1"
                            " FROM effects e WHERE e.subject = ?3 AND e.idempotency ="
                            " 'refund:' || payments.id || ':' || ?3)",
                            "iss", now, order_id, review_id) &&
         rtk_server_db_run (store->db, error,
                            "UPDATE orders SET payment = 'paid', refund_after = NULL WHERE id = ?"
                            " AND payment = 'refund_due'",
                            "s", order_id) &&
         rtk_server_prints_restore (store, order_id, review_id, error) &&
         rtk_server_audit_add (store, "server", "refund.undone", order_id, "{}", error);
}

/**
 * rtk_server_refund_done:
 * @store: a store, in a transaction
 * @payment_id: a payment that was due back
 * @error: return location
 *
 * The money is back: so says the payment, and the order once all of it is.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_refund_done (RtkServerStore *store, const char *payment_id, GError **error)
{
  g_auto (RtkServerPayment) payment = {0};
  g_autofree char *detail = NULL;
  gint64           changed;

  if (!rtk_server_payment_find (store, payment_id, &payment, error))
    return FALSE;
  if (payment.id == NULL)
    return TRUE;
  if (!rtk_server_db_run (store->db, error,
                          "UPDATE payments SET state = 'refunded', updated_at = ? WHERE id = ?"
                          " AND state = 'refund_due'",
                          "is", g_get_real_time (), payment_id))
    return FALSE;
  changed = rtk_server_db_get_changes (store->db);
  detail =
      rtk_server_payment_make_detail (payment_id, payment.provider, payment.amount_fen, NULL, NULL);
  return changed == 0 ||
         (rtk_server_audit_add (store, "server", "refund.done", payment_id, detail, error) &&
          rtk_server_refund_settle_order (store, payment.order_id, error));
}

/**
 * rtk_server_refund_settle_order:
 * @store: a store, in a transaction
 * @order_id: an order of whose payments one went back
 * @error: return location
 *
 * Moves the order from "refund_due" to "refunded" when nothing is due any more.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_refund_settle_order (RtkServerStore *store, const char *order_id, GError **error)
{
  gboolean allowed;

  if (rtk_server_db_get_int (store->db, 1,
                             "SELECT EXISTS (SELECT 1 FROM payments WHERE order_id = ?"
                             " AND state = 'refund_due')",
                             "s", order_id) != 0)
    return rtk_server_order_announce (store, order_id, error);
  return rtk_server_order_set_payment (store, order_id, "refunded", "server", &allowed, error) &&
         rtk_server_order_touch (store, order_id, error);
}

/* Why the graduate cannot have the money back; NULL when they can. */
static const char *
find_obstacle (RtkServerStore *store, const char *order_id, const char *payment)
{
  if (strcmp (payment, "paid") != 0)
    return "Nothing is paid that could go back.";
  if (rtk_server_db_get_int (store->db, 1,
                             "SELECT EXISTS (SELECT 1 FROM submissions WHERE order_id = ?"
                             " AND state IN ('in_review', 'approved'))",
                             "s", order_id) != 0)
    return "The photo is being reviewed, or was approved.";
  if (rtk_server_order_has_print (store, order_id))
    return "A print was made already.";
  return NULL;
}

/* POST /v1/online/orders/{id}/refund: the graduate does not want the order any more, as long as no
 * reviewer has begun with it. */
RTK_SERVER_HANDLER (online_refund)
{
  const char      *id = rtk_server_call_get_string (call, "id");
  const char      *order_id = call->params[0];
  const char      *obstacle;
  gboolean         allowed = FALSE;
  g_autofree char *payment =
      rtk_server_db_dup_text (store->db, "SELECT payment FROM orders WHERE id = ? AND account = ?",
                              "ss", order_id, call->principal);
  g_autofree char *known = NULL;

  if (payment == NULL)
    return rtk_server_call_not_found (call);
  known =
      rtk_server_db_dup_text (store->db, "SELECT order_id FROM effects WHERE subject = ?", "s", id);
  if ((known != NULL && strcmp (known, order_id) != 0) ||
      rtk_server_request_differs (store, call, "refund"))
    return rtk_server_call_fail (call, 409, "id-reused", "This id belongs to something else.");
  if (known == NULL) {
    obstacle = find_obstacle (store, order_id, payment);
    if (obstacle != NULL)
      return rtk_server_call_fail (call, 409, "not-refundable", obstacle);
    if (!rtk_server_order_set_payment (store, order_id, "refund_due", call->actor, &allowed,
                                       error) ||
        !refund_order (store, order_id, id, "requested", g_get_real_time (), error) ||
        !rtk_server_prints_cancel (store, order_id, id, call->actor, error) ||
        !rtk_server_db_run (store->db, error,
                            "UPDATE submissions SET state = 'superseded' WHERE order_id = ?"
                            " AND state = 'submitted'",
                            "s", order_id) ||
        !rtk_server_audit_add (store, call->actor, "refund.request", order_id, "{}", error) ||
        !rtk_server_request_keep (store, call, "refund", error) ||
        !rtk_server_order_touch (store, order_id, error))
      return FALSE;
  }
  call->status = known == NULL ? 201 : 200;
  return rtk_server_order_write (store, &call->answer, NULL, order_id, NULL, error);
}
