/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-json.h"
#include "server/rtk-server-payments.h"
#include "server/rtk-server-prints.h"

#include <string.h>

/* What a supervisor does about money that no rule moves: gives a payment back, and says of what
 * nobody outside does that it was done, or is not wanted any more. */

/* Whether something else is told apart by the id. */
static gboolean
is_taken (RtkServerStore *store, const char *id, const char *idempotency)
{
  return rtk_server_db_get_int (store->db, 1,
                                "SELECT EXISTS (SELECT 1 FROM effects WHERE subject = ?"
                                " AND idempotency <> ?)",
                                "ss", id, idempotency) != 0;
}

/* Nobody looks at a photo that is not paid for, also not who has begun: its graduate is missing. */
static gboolean
end_review (RtkServerStore *store, const char *order_id, GError **error)
{
  return rtk_server_db_run (store->db, error,
                            "UPDATE submissions SET state = 'superseded', waiting = NULL,"
                            " lease_by = NULL, lease_until = NULL, claimed_at = NULL"
                            " WHERE order_id = ? AND state IN ('submitted', 'in_review')",
                            "s", order_id);
}

/* The order follows when nothing of its first money is left; what was paid for it later does not
 * stand on its axis. */
static gboolean
move_order (RtkServerStore *store, RtkServerCall *call, const char *order_id, GError **error)
{
  gboolean allowed;

  if (rtk_server_db_get_int (store->db, 1,
                             "SELECT EXISTS (SELECT 1 FROM payments WHERE order_id = ?"
                             " AND state = 'settled')",
                             "s", order_id) == 0 &&
      (!rtk_server_order_set_payment (store, order_id, "refund_due", call->actor, &allowed,
                                      error) ||
       !end_review (store, order_id, error)))
    return FALSE;
  return rtk_server_prints_cancel (store, order_id, rtk_server_call_get_string (call, "id"),
                                   call->actor, error) &&
         rtk_server_order_touch (store, order_id, error);
}

/* POST /v1/payments/{id}/refund: one settled payment, whatever became of its order. */
RTK_SERVER_HANDLER (payment_refund)
{
  const char      *id = rtk_server_call_get_string (call, "id");
  const char      *reason = rtk_server_call_get_string (call, "reason");
  g_autofree char *idempotency = g_strconcat ("refund:", call->params[0], ":", id, NULL);
  g_autofree char *known = NULL;
  g_autofree char *detail = NULL;
  g_auto (RtkServerPayment) payment = {0};

  if (!rtk_server_payment_find (store, call->params[0], &payment, error))
    return FALSE;
  if (payment.id == NULL)
    return rtk_server_call_not_found (call);
  known = rtk_server_db_dup_text (store->db, "SELECT id FROM effects WHERE idempotency = ?", "s",
                                  idempotency);
  if (is_taken (store, id, idempotency) || rtk_server_request_differs (store, call, "refund"))
    return rtk_server_call_fail (call, 409, "id-reused", "This id belongs to something else.");
  if (known == NULL) {
    if (strcmp (payment.state, "settled") != 0 || strcmp (payment.provider, "waiver") == 0)
      return rtk_server_call_fail (call, 409, "not-refundable",
                                   "Nothing of this payment is here that could go back.");
    detail = rtk_server_payment_make_detail (payment.id, payment.provider, payment.amount_fen,
                                             "reason", reason);
    if (!rtk_server_audit_add (store, call->actor, "refund.order", payment.id, detail, error) ||
        !rtk_server_refund_add (store, &payment, id, "staff", g_get_real_time (), error) ||
        !move_order (store, call, payment.order_id, error) ||
        !rtk_server_request_keep (store, call, "refund", error))
      return FALSE;
  }
  return rtk_server_order_answer (store, call, payment.order_id, known == NULL ? 201 : 200, error);
}

/* A payment whose code nobody will make. */
static gboolean
fail_payment (RtkServerStore *store, RtkServerCall *call, const char *payment, GError **error)
{
  if (!rtk_server_db_run (store->db, error,
                          "UPDATE payments SET state = 'failed', updated_at = ? WHERE id = ?"
                          " AND state = 'pending'",
                          "is", g_get_real_time (), payment))
    return FALSE;
  return rtk_server_db_get_changes (store->db) == 0 ||
         rtk_server_audit_add (store, call->actor, "payment.fail", payment, "{}", error);
}

/* What follows: money that was handed back is back; all else is only not wanted any more. */
static gboolean
follow_settled (RtkServerStore *store,
                RtkServerCall  *call,
                const char     *kind,
                const char     *idempotency,
                const char     *order_id,
                GError        **error)
{
  g_auto (GStrv) parts = g_strsplit (idempotency, ":", 3);

  if (strcmp (kind, "refund") == 0)
    return rtk_server_refund_done (store, parts[1], error);
  if (strcmp (kind, "payment") == 0)
    return fail_payment (store, call, parts[1], error) &&
           rtk_server_order_announce (store, order_id, error);
  return TRUE;
}

/* The kind and the reference, as the audit log keeps them. */
static char *
make_detail (const char *kind, const char *reference)
{
  g_auto (RtkServerJson) json = {0};

  rtk_server_json_init (&json);
  rtk_server_json_begin (&json, NULL, '{');
  rtk_server_json_string (&json, "kind", kind);
  rtk_server_json_string (&json, "reference", reference);
  rtk_server_json_end (&json, '}');
  return g_strdup (json.text->str);
}

/* Ends the effect, unless somebody is sending it at this moment; *@out_ended tells. */
static gboolean
end_effect (
    RtkServerStore *store, const char *id, const char *kind, gboolean *out_ended, GError **error)
{
  gint64 now = g_get_real_time ();

  if (!rtk_server_db_run (store->db, error,
                          "UPDATE effects SET state = ?1, problem = NULL, lease_until = NULL,"
                          " updated_at = ?2 WHERE id = ?3 AND (state IN ('due', 'failed')"
                          " OR (state = 'sending' AND lease_until <= ?2))",
                          "sis", strcmp (kind, "refund") == 0 ? "done" : "cancelled", now, id))
    return FALSE;
  *out_ended = rtk_server_db_get_changes (store->db) != 0;
  return TRUE;
}

/* POST /v1/effects/{id}/settle: a refund was handed back, or paid by another way; anything else is
 * dismissed. Whoever does so has made sure that the receiver did not do it. */
RTK_SERVER_HANDLER (effect_settle)
{
  const char      *id = call->params[0];
  const char      *reference = rtk_server_call_get_string (call, "reference");
  g_autofree char *kind = NULL;
  g_autofree char *order_id = NULL;
  g_autofree char *idempotency = NULL;
  g_autofree char *detail = NULL;
  gboolean         ended;
  RtkServerRows   *row = rtk_server_db_query (
        store->db, error, "SELECT kind, order_id, idempotency FROM effects WHERE id = ?", "s", id);

  if (rtk_server_db_next (store->db, row, error)) {
    kind = g_strdup (rtk_server_db_text (row, 0));
    order_id = g_strdup (rtk_server_db_text (row, 1));
    idempotency = g_strdup (rtk_server_db_text (row, 2));
  }
  if (!rtk_server_db_end (row))
    return FALSE;
  if (kind == NULL)
    return rtk_server_call_not_found (call);
  if (reference[0] == '\0')
    return rtk_server_call_fail (call, 422, "bad-member", "Say by what it can be found again.");
  detail = make_detail (kind, reference);
  /* The answer was lost and the same comes again. */
  if (rtk_server_db_get_int (store->db, 0,
                             "SELECT EXISTS (SELECT 1 FROM audit WHERE target = ?"
                             " AND action = 'effect.settle' AND detail = ?)",
                             "ss", id, detail) != 0)
    return rtk_server_effect_answer (store, call, error);
  if (!end_effect (store, id, kind, &ended, error))
    return FALSE;
  if (!ended)
    return rtk_server_call_fail (call, 409, "effect-over",
                                 "This effect is over, or is being sent at this moment.");
  return rtk_server_audit_add (store, call->actor, "effect.settle", id, detail, error) &&
         follow_settled (store, call, kind, idempotency, order_id, error) &&
         rtk_server_effect_answer (store, call, error);
}
