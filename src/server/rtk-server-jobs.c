/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-store.h"

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

  return rtk_server_order_set_payment (self, order_id, "closed", "server", &allowed, error);
}

static gboolean
refund_order (RtkServerStore *self, const char *id, const char *order_id, GError **error)
{
  gboolean allowed;

  return rtk_server_order_set_payment (self, order_id, "refunded", "server", &allowed, error) &&
         rtk_server_db_run (self->db, error,
                            "UPDATE payments SET state = 'refunded', updated_at = ?"
                            " WHERE order_id = ? AND provider = 'sandbox' AND state = 'settled'",
                            "is", g_get_real_time (), order_id);
}

static gboolean
expire_lease (RtkServerStore *self, const char *id, const char *order_id, GError **error)
{
  return rtk_server_db_run (self->db, error,
                            "UPDATE submissions SET state = 'submitted', lease_by = NULL,"
                            " lease_until = NULL WHERE id = ?",
                            "s", id);
}

/**
 * rtk_server_jobs_close_unpaid:
 * @self: a store, outside a transaction
 * @now: the time to judge by, microseconds since 1970
 * @out_done: (out): orders that were closed
 * @error: return location
 *
 * Closes orders that stayed unpaid for too long.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_jobs_close_unpaid (RtkServerStore *self, gint64 now, guint *out_done, GError **error)
{
  return for_each (self, "SELECT id, id FROM orders WHERE payment = 'unpaid' AND created_at <= ?",
                   now - self->config->unpaid_seconds * G_USEC_PER_SEC, close_order,
                   rtk_server_order_touch, out_done, error);
}

/**
 * rtk_server_jobs_refund:
 * @self: a store, outside a transaction
 * @now: the time to judge by, microseconds since 1970
 * @out_done: (out): orders that were paid back
 * @error: return location
 *
 * Pays back what has been due for longer than it is held.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_jobs_refund (RtkServerStore *self, gint64 now, guint *out_done, GError **error)
{
  return for_each (self,
                   "SELECT id, id FROM orders WHERE payment = 'refund_due' AND refund_after <= ?",
                   now, refund_order, rtk_server_order_touch, out_done, error);
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
  /* Who gave a wrong password a day ago is forgotten. */
  if (!rtk_server_db_run (self->db, error, "DELETE FROM sign_in_failures WHERE at < ?", "i",
                          now - G_TIME_SPAN_DAY))
    return FALSE;
  return for_each (self,
                   "SELECT id, order_id FROM submissions WHERE state = 'in_review'"
                   " AND lease_until <= ?",
                   now, expire_lease, rtk_server_order_announce, out_done, error);
}
