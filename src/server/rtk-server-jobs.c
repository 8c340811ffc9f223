/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "server/rtk-server-payments.h"
#include "server/rtk-server-review.h"

typedef gboolean (*EachFunc) (RtkServerStore *self,
                              const char     *id,
                              const char     *order_id,
                              GError        **error);
typedef gboolean (*TellFunc) (RtkServerStore *self, const char *order_id, GError **error);

/* Does one thing to every row of a query that gives (id, order), all in one transaction, and tells
 * of each order by @tell. */
static gboolean
for_each (RtkServerStore *self,
          const char     *sql,
          gint64          before,
          EachFunc        func,
          TellFunc        tell,
          guint          *out_done,
          GError        **error)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  RtkServerRows *row;
  gboolean       ok = TRUE;

  if (!rtk_server_db_begin (self->db, TRUE, error))
    return FALSE;
  row = rtk_server_db_query (self->db, error, sql, "i", before);
  while (rtk_server_db_next (self->db, row, NULL)) {
    g_ptr_array_add (ids, g_strdup (rtk_server_db_text (row, 0)));
    g_ptr_array_add (ids, g_strdup (rtk_server_db_text (row, 1)));
  }
  rtk_server_db_end (row);
  for (guint i = 0; ok && i < ids->len; i += 2)
    ok = func (self, g_ptr_array_index (ids, i), g_ptr_array_index (ids, i + 1), error) &&
         tell (self, g_ptr_array_index (ids, i + 1), error);
  if (!ok || row == NULL) {
    rtk_server_db_rollback (self->db);
    return FALSE;
  }
  *out_done = ids->len / 2;
  return rtk_server_db_commit (self->db, error);
}

static gboolean
close_order (RtkServerStore *self, const char *id, const char *order_id, GError **error)
{
  gboolean allowed;

  return rtk_server_order_set_payment (self, order_id, "closed", "server", &allowed, error) &&
         rtk_server_payments_expire (self, order_id, error);
}

static gboolean
expire_payment (RtkServerStore *self, const char *id, const char *order_id, GError **error)
{
  return rtk_server_db_run (self->db, error,
                            "UPDATE payments SET state = 'expired', updated_at = ? WHERE id = ?"
                            " AND state = 'pending'",
                            "is", g_get_real_time (), id) &&
         rtk_server_audit_add (self, "server", "payment.expire", id, "{}", error);
}

static gboolean
refund_payment (RtkServerStore *self, const char *id, const char *order_id, GError **error)
{
  g_auto (RtkServerPayment) payment = {0};

  return rtk_server_payment_find (self, id, &payment, error) &&
         rtk_server_refund_add (self, &payment, id, "rejected", g_get_real_time (), error);
}

static gboolean
finish_order (RtkServerStore *self, const char *id, const char *order_id, GError **error)
{
  return rtk_server_refund_settle_order (self, order_id, error);
}

static gboolean
leave_alone (RtkServerStore *self, const char *order_id, GError **error)
{
  return TRUE;
}

/**
 * rtk_server_jobs_close_unpaid:
 * @self: a store, outside a transaction
 * @now: the time to judge by, microseconds since 1970
 * @out_done: (out): orders that were closed
 * @error: return location
 *
 * Closes orders that stayed unpaid for too long, and the codes that nobody has paid in time.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_jobs_close_unpaid (RtkServerStore *self, gint64 now, guint *out_done, GError **error)
{
  guint codes;

  return for_each (self, "SELECT id, id FROM orders WHERE payment = 'unpaid' AND created_at <= ?",
                   now - self->config->unpaid_seconds * G_USEC_PER_SEC, close_order,
                   rtk_server_order_touch, out_done, error) &&
         for_each (self,
                   "SELECT id, order_id FROM payments WHERE state = 'pending' AND expires_at <= ?",
                   now, expire_payment, rtk_server_order_announce, &codes, error);
}

/**
 * rtk_server_jobs_refund:
 * @self: a store, outside a transaction
 * @now: the time to judge by, microseconds since 1970
 * @out_done: (out): what was put right
 * @error: return location
 *
 * Sees to it that what is due back is under way: each payment by an effect, and orders of which
 * nothing is due any more are refunded. What older versions left is taken on by this.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_jobs_refund (RtkServerStore *self, gint64 now, guint *out_done, GError **error)
{
  guint orders = 0;

  if (!for_each (self,
                 "SELECT p.id, p.order_id FROM payments p WHERE p.state = 'refund_due'"
                 " AND p.updated_at <= ? AND NOT EXISTS (SELECT 1 FROM effects e WHERE"
                 " e.order_id = p.order_id AND e.kind = 'refund' AND e.state <> 'cancelled'"
                 " AND e.idempotency LIKE 'refund:' || p.id || ':%')",
                 now, refund_payment, rtk_server_order_announce, out_done, error) ||
      !for_each (self,
                 "SELECT o.id, o.id FROM orders o WHERE o.payment = 'refund_due'"
                 " AND o.refund_after <= ? AND NOT EXISTS (SELECT 1 FROM payments p"
                 " WHERE p.order_id = o.id AND p.state = 'refund_due')",
                 now, finish_order, leave_alone, &orders, error))
    return FALSE;
  *out_done += orders;
  return TRUE;
}

/**
 * rtk_server_jobs_expire:
 * @self: a store, outside a transaction
 * @now: the time to judge by, microseconds since 1970
 * @out_done: (out): submissions that wait again
 * @error: return location
 *
 * Gives back what reviewers claimed and left.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_jobs_expire (RtkServerStore *self, gint64 now, guint *out_done, GError **error)
{
  if (!rtk_server_lockout_expire (self, now, error))
    return FALSE;
  if (!rtk_server_db_begin (self->db, TRUE, error))
    return FALSE;
  if (rtk_server_leases_expire (self, now, out_done, error))
    return rtk_server_db_commit (self->db, error);
  rtk_server_db_rollback (self->db);
  return FALSE;
}

/* Telephone numbers, addresses and what the adapter answered; that it was done, and when, stays. */
static gboolean
erase_effects (RtkServerStore *self, gint64 before, guint *out_done, GError **error)
{
  g_autoptr (GBytes) nothing = g_bytes_new_static ("", 1);
  g_autofree char *detail = NULL;

  if (!rtk_server_db_run (self->db, error,
                          "UPDATE effects SET payload_cipher = ?, answer_cipher = NULL,"
                          " erased_at = ? WHERE erased_at IS NULL AND state IN ('done',"
                          " 'cancelled') AND updated_at <= ?",
                          "bii", nothing, g_get_real_time (), before))
    return FALSE;
  *out_done = (guint)rtk_server_db_get_changes (self->db);
  detail = g_strdup_printf ("{\"count\":%u}", *out_done);
  return *out_done == 0 ||
         rtk_server_audit_add (self, "server", "effects.erase", "effects", detail, error);
}

/**
 * rtk_server_jobs_erase_effects:
 * @self: a store, outside a transaction
 * @now: the time to judge by, microseconds since 1970
 * @out_done: (out): effects whose content was erased
 * @error: return location
 *
 * Erases what was sent to the adapters, and what they answered, once nobody can need it any more.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_jobs_erase_effects (RtkServerStore *self, gint64 now, guint *out_done, GError **error)
{
  *out_done = 0;
  if (self->config->effect_days <= 0)
    return TRUE;
  if (!rtk_server_db_begin (self->db, TRUE, error))
    return FALSE;
  if (erase_effects (self, now - self->config->effect_days * G_TIME_SPAN_DAY, out_done, error))
    return rtk_server_db_commit (self->db, error);
  rtk_server_db_rollback (self->db);
  return FALSE;
}

/**
 * rtk_server_jobs_run:
 * @self: a store, outside a transaction
 *
 * Does whatever is due. One that fails is logged and tried again with the next run; the others are
 * done.
 */
void
rtk_server_jobs_run (RtkServerStore *self)
{
  static gboolean (*const jobs[]) (RtkServerStore *, gint64, guint *, GError **) = {
      rtk_server_jobs_close_unpaid, rtk_server_jobs_refund,       rtk_server_jobs_expire,
      rtk_server_jobs_unattended,   rtk_server_jobs_uploads,      rtk_server_jobs_leftovers,
      rtk_server_jobs_anchor,       rtk_server_jobs_erase_effects};

  for (guint i = 0; i < G_N_ELEMENTS (jobs); i++) {
    g_autoptr (GError) error = NULL;
    guint done = 0;

    if (!jobs[i](self, g_get_real_time (), &done, &error))
      g_log (G_LOG_DOMAIN,
             g_error_matches (error, RTK_ERROR, RTK_ERROR_OFFLINE) ? G_LOG_LEVEL_MESSAGE
                                                                   : G_LOG_LEVEL_WARNING,
             "A job failed: %s", error->message);
  }
}
