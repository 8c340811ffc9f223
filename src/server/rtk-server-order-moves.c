/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-order.h"
#include "server/rtk-server-call.h"
#include "server/rtk-server-many-private.h"
#include "server/rtk-server-store.h"

/* How an order moves on: its revision, its place in the feed, its payment. */

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
  /* Submissions that stay as they are are not written; LIMIT: payment and consent are looked at
   * once. */
  return rtk_server_db_run (
             self->db, error,
             "UPDATE submissions SET waiting = CASE WHEN lease_by IS NULL"
             " AND state IN ('submitted', 'in_review') AND p.may = 1 THEN serial END,"
             " waiting_since = CASE WHEN waiting_since IS NULL AND p.may = 1"
             " THEN ?2 ELSE waiting_since END FROM (SELECT CASE WHEN EXISTS"
             " (SELECT 1 FROM orders o WHERE o.id = ?1 AND " RTK_SERVER_IS_PAID_FOR
             " AND " RTK_SERVER_CONSENTS (
                 "?3") ") THEN 1 ELSE 0 END AS may LIMIT 1) p WHERE order_id = ?1"
                       " AND (waiting IS DISTINCT FROM CASE WHEN lease_by IS NULL"
                       " AND state IN ('submitted', 'in_review') AND p.may = 1 THEN serial END"
                       " OR (waiting_since IS NULL AND p.may = 1))",
             "sii", order_id, g_get_real_time (), self->config->require_consent) &&
         rtk_server_db_run (self->db, error,
                            "UPDATE counters SET value = value + 1 WHERE name = 'changes'", "") &&
         rtk_server_db_run (self->db, error,
                            "INSERT INTO changes (seq, order_id) SELECT value, ? FROM counters"
                            " WHERE name = 'changes'"
                            " ON CONFLICT (order_id) DO UPDATE SET seq = excluded.seq",
                            "s", order_id) &&
         rtk_server_roster_update_progress (self, order_id, error);
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

/* Touches at most RTK_SERVER_MANY orders. */
static gboolean
touch_chunk (RtkServerStore *self, const char *const *ids, guint n, GError **error)
{
  static RtkServerMany orders = {
      "UPDATE orders SET revision = revision + 1, updated_at = ?1 WHERE id IN #", "i", "s", 0};
  static RtkServerMany changes = {
      "INSERT INTO changes (seq, order_id) SELECT c.value - ?1 + v.column1, v.column2 FROM @ v"
      " JOIN counters c ON c.name = 'changes' WHERE v.column2 IS NOT NULL"
      " ON CONFLICT (order_id) DO UPDATE SET seq = excluded.seq",
      "i", "s", 0};
  RtkServerManyRows some[2];

  rtk_server_many_init (&some[0], &orders, g_get_real_time ());
  rtk_server_many_init (&some[1], &changes, (gint64)n);
  for (guint i = 0; i < n * G_N_ELEMENTS (some); i++)
    rtk_server_many_add (&some[i / n], ids[i % n]);
  return rtk_server_many_run (&some[0], self->db, error) &&
         rtk_server_db_run (self->db, error,
                            "UPDATE counters SET value = value + ? WHERE name = 'changes'", "i",
                            (gint64)n) &&
         rtk_server_many_run (&some[1], self->db, error) &&
         rtk_server_roster_update_progress_of (self, ids, n, error);
}

/**
 * rtk_server_orders_touch:
 * @self: a store, in a transaction
 * @ids: (array length=n): orders that are changed, none of them twice
 * @n: how many
 * @error: return location
 *
 * Does for many orders in few statements what rtk_server_order_touch() does for one, but for saying
 * which of their submissions wait: nothing changed that says so.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_orders_touch (RtkServerStore *self, const char *const *ids, guint n, GError **error)
{
  rtk_server_db_move (self->db);
  for (guint i = 0; i < n; i += RTK_SERVER_MANY)
    if (!touch_chunk (self, &ids[i], MIN (n - i, RTK_SERVER_MANY), error))
      return FALSE;
  return TRUE;
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

/**
 * rtk_server_order_is_stale:
 * @self: a store
 * @call: a call whose body may have a base_revision
 * @order_id: an order
 *
 * Returns: whether the caller saw another revision of the order than the present one
 */
gboolean
rtk_server_order_is_stale (RtkServerStore *self, RtkServerCall *call, const char *order_id)
{
  gint64 base = rtk_server_call_get_int (call, "base_revision", -1);

  return base >= 0 &&
         base != rtk_server_db_get_int (self->db, -1, "SELECT revision FROM orders WHERE id = ?",
                                        "s", order_id);
}

/**
 * rtk_server_order_fail_stale:
 * @self: a store
 * @call: a call that was made on another revision than the present one
 * @order_id: an order
 * @error: return location
 *
 * Answers with a problem that shows both sides: "order" as it is, and "mine", what was sent.
 *
 * Returns: whether the order could be written
 */
gboolean
rtk_server_order_fail_stale (RtkServerStore *self,
                             RtkServerCall  *call,
                             const char     *order_id,
                             GError        **error)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), call->json);
  g_autofree char *mine = json_to_string (node, FALSE);

  rtk_server_call_fail (call, 409, "stale-revision", "The order changed in the meantime.");
  /* Two members more before the closing bracket. */
  g_string_truncate (call->answer.text, call->answer.text->len - 1);
  if (!rtk_server_order_write (self, &call->answer, "order", order_id, call->station, error))
    return FALSE;
  rtk_server_json_raw (&call->answer, "mine", mine);
  rtk_server_json_end (&call->answer, '}');
  return TRUE;
}
