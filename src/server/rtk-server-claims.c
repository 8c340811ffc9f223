/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-gold.h"
#include "server/rtk-server-review.h"

#include <string.h>

/* Leases: an item is one reviewer's for a while, which all of their work renews. */

/* What an item was before somebody took it. */
#define FREE                                                                                       \
  "UPDATE submissions SET state = CASE stage WHEN 'first' THEN 'submitted' ELSE 'in_review' END,"  \
  " lease_by = NULL, lease_until = NULL, claimed_at = NULL"

/**
 * Held:
 * @item: what of a submission is written; of a showing of gold only the id
 * @is_gold: which
 *
 * What a reviewer has in hand.
 */
typedef struct {
  RtkServerItem item;
  gboolean      is_gold;
} Held;

static void
held_clear (gpointer data)
{
  rtk_server_item_clear (&((Held *)data)->item);
}

/**
 * rtk_server_lease_end:
 * @store: a store
 *
 * Returns: when a lease of now runs out
 */
gint64
rtk_server_lease_end (RtkServerStore *store)
{
  return g_get_real_time () + store->config->lease_seconds * G_USEC_PER_SEC;
}

/**
 * rtk_server_leases_renew:
 * @store: a store, in a transaction
 * @call: a call
 * @error: return location
 *
 * Renews all that the caller holds. One that has run out is not renewed.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_leases_renew (RtkServerStore *store, RtkServerCall *call, GError **error)
{
  gint64 until = rtk_server_lease_end (store);
  gint64 now = g_get_real_time ();

  return rtk_server_db_run (store->db, error,
                            "UPDATE submissions SET lease_until = ? WHERE lease_by = ?"
                            " AND lease_until > ?",
                            "isi", until, call->principal, now) &&
         rtk_server_db_run (store->db, error,
                            "UPDATE gold_shown SET lease_until = ? WHERE reviewer = ?"
                            " AND decided_at IS NULL AND lease_until > ?",
                            "isi", until, call->principal, now);
}

/* Runs @sql, which frees what it returns as (submission, order), and tells of it. The query is read
 * to its end first: the feed is written while none runs. */
static gboolean
tell_freed (RtkServerStore *store,
            RtkServerRows  *rows,
            const char     *actor,
            const char     *action,
            guint          *out_n,
            GError        **error)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (g_free);

  while (rtk_server_db_next (store->db, rows, error)) {
    g_ptr_array_add (list, g_strdup (rtk_server_db_text (rows, 0)));
    g_ptr_array_add (list, g_strdup (rtk_server_db_text (rows, 1)));
  }
  if (!rtk_server_db_end (rows))
    return FALSE;
  for (guint i = 0; i < list->len; i += 2)
    if (!rtk_server_order_announce (store, g_ptr_array_index (list, i + 1), error) ||
        !rtk_server_audit_add (store, actor, action, g_ptr_array_index (list, i), "{}", error))
      return FALSE;
  if (out_n != NULL)
    *out_n = list->len / 2;
  return TRUE;
}

/**
 * rtk_server_leases_expire:
 * @store: a store, in a transaction
 * @now: the time to judge by, microseconds since 1970
 * @out_n: (out) (nullable): how many wait again
 * @error: return location
 *
 * Gives back what reviewers claimed and left.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_leases_expire (RtkServerStore *store, gint64 now, guint *out_n, GError **error)
{
  return tell_freed (store,
                     rtk_server_db_query (store->db, error,
                                          FREE " WHERE lease_until <= ? RETURNING id, order_id",
                                          "i", now),
                     "server", "review.expire", out_n, error);
}

/* Takes at most @n more items: all that may be claimed from the first to the last that was found,
 * which nobody else can change meanwhile. */
static gboolean
take (RtkServerStore *store, RtkServerCall *call, gint64 n, gint64 now, GError **error)
{
  RtkServerFilters f;
  g_autoptr (GArray) serials = NULL;

  rtk_server_filters_of_body (call, &f);
  serials = rtk_server_queue_find (store, call, &f, 0, n, error);
  if (serials == NULL || serials->len == 0)
    return serials != NULL;
  return rtk_server_db_run (
      store->db, error,
      "UPDATE submissions AS w SET state = 'in_review', waiting = NULL, lease_by = ?1,"
      " claimed_at = ?10, lease_until = ?11 WHERE w.waiting >= ?12 AND w.waiting <= ?13"
      " AND " RTK_SERVER_CLAIMABLE,
      "sisssssiiiiii", call->principal, (gint64)(call->who == RTK_SERVER_SUPERVISOR), f.school,
      f.batch, f.origin, f.engine, f.stage, f.attempt, f.waiting_before, now,
      rtk_server_lease_end (store), g_array_index (serials, gint64, 0),
      g_array_index (serials, gint64, serials->len - 1));
}

/* What was taken at @now, as a detail for the audit log, and of how many orders it is. */
static char *
list_taken (
    RtkServerStore *store, RtkServerCall *call, gint64 now, gint64 *out_n_orders, GError **error)
{
  g_autoptr (GString) detail = g_string_new ("{\"submissions\":[");
  g_autoptr (GHashTable) orders = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  RtkServerRows *row =
      rtk_server_db_query (store->db, error,
                           "SELECT id, order_id FROM submissions WHERE lease_by = ?"
                           " AND claimed_at = ? ORDER BY serial",
                           "si", call->principal, now);

  while (rtk_server_db_next (store->db, row, error)) {
    g_string_append_printf (detail, "%s\"%s\"", g_str_has_suffix (detail->str, "[") ? "" : ",",
                            rtk_server_db_text (row, 0));
    g_hash_table_add (orders, g_strdup (rtk_server_db_text (row, 1)));
  }
  g_string_append (detail, "]}");
  *out_n_orders = g_hash_table_size (orders);
  return rtk_server_db_end (row) ? g_string_free (g_steal_pointer (&detail), FALSE) : NULL;
}

/* Says in the feed and in the audit log what was taken at @now: a statement or two for
 * all of it, because a claim must not cost a round trip an item. */
static gboolean
tell_taken (RtkServerStore *store, RtkServerCall *call, gint64 now, GError **error)
{
  gint64           n = 0;
  gint64           last;
  g_autofree char *detail = list_taken (store, call, now, &n, error);

  if (detail == NULL || n == 0)
    return detail != NULL;
  last = rtk_server_db_get_int (store->db, 0,
                                "UPDATE counters SET value = value + ? WHERE name = 'changes'"
                                " RETURNING value",
                                "i", n);
  rtk_server_db_move (store->db);
  return rtk_server_db_run (
             store->db, error,
             "INSERT INTO changes (seq, order_id) SELECT ?1 + row_number () OVER (ORDER BY"
             " d.oldest), d.order_id FROM (SELECT order_id, min (serial) AS oldest FROM submissions"
             " WHERE lease_by = ?2 AND claimed_at = ?3 GROUP BY order_id) d WHERE 1 = 1"
             " ON CONFLICT (order_id) DO UPDATE SET seq = excluded.seq",
             "isi", last - n, call->principal, now) &&
         rtk_server_audit_add (store, call->actor, "review.claim", call->principal, detail, error);
}

/* All that the caller holds, oldest claim first; gold stands where it was mixed in. */
static GArray *
list_held (RtkServerStore *store, RtkServerCall *call, GError **error)
{
  g_autoptr (GArray) list = g_array_new (FALSE, FALSE, sizeof (Held));
  RtkServerRows *row = rtk_server_db_query (
      store->db, error,
      "SELECT id, 0, claimed_at, serial, order_id, stage, engine, report, opinion_note, attempt,"
      " lease_until, waiting_since, overrides FROM submissions WHERE lease_by = ?1 AND lease_until "
      "> ?2"
      " UNION ALL SELECT id, 1, claimed_at, after_serial, NULL, NULL, NULL, NULL, NULL, 0, 0, 0,"
      " NULL"
      " FROM gold_shown WHERE reviewer = ?1 AND decided_at IS NULL AND lease_until > ?2"
      " ORDER BY 3, 4, 2",
      "si", call->principal, g_get_real_time ());

  g_array_set_clear_func (list, held_clear);
  while (rtk_server_db_next (store->db, row, error)) {
    Held held = {.is_gold = rtk_server_db_int (row, 1) != 0};

    held.item.id = g_strdup (rtk_server_db_text (row, 0));
    held.item.order_id = g_strdup (rtk_server_db_text (row, 4));
    held.item.stage = g_strdup (rtk_server_db_text (row, 5));
    held.item.engine = g_strdup (rtk_server_db_text (row, 6));
    held.item.report = g_strdup (rtk_server_db_text (row, 7));
    held.item.opinion_note = g_strdup (rtk_server_db_text (row, 8));
    held.item.attempt = rtk_server_db_int (row, 9);
    held.item.lease_until = rtk_server_db_int (row, 10);
    held.item.waiting_since = rtk_server_db_int (row, 11);
    held.item.overrides = g_strdup (rtk_server_db_text (row, 12));
    g_array_append_val (list, held);
  }
  return rtk_server_db_end (row) ? g_steal_pointer (&list) : NULL;
}

static gboolean
write_list (
    RtkServerStore *store, RtkServerCall *call, const GArray *list, gint64 n, GError **error)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new ();
  g_autoptr (GHashTable) orders = NULL;
  gboolean ok = TRUE;

  for (guint i = 0; i < list->len && i < n; i++)
    if (!g_array_index (list, Held, i).is_gold)
      g_ptr_array_add (ids, g_array_index (list, Held, i).item.order_id);
  orders = rtk_server_orders_read (store, ids, call->station, error);
  if (orders == NULL)
    return FALSE;
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_begin (&call->answer, "items", '[');
  for (guint i = 0; ok && i < list->len && i < n; i++) {
    const Held *held = &g_array_index (list, Held, i);

    ok = held->is_gold
             ? rtk_server_gold_write_item (store, call, held->item.id, error)
             : rtk_server_item_write (store, call, &held->item,
                                      g_hash_table_lookup (orders, held->item.order_id), error);
  }
  rtk_server_json_end (&call->answer, ']');
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return ok;
}

/* POST /v1/reviews/claim: what the reviewer holds already comes first, then the oldest. */
RTK_SERVER_HANDLER (review_claim)
{
  gint64 n = MIN (rtk_server_call_get_int (call, "count", 1), store->config->max_page);
  gint64 now = g_get_real_time ();
  g_autoptr (GArray) list = NULL;
  gint64 n_more;

  RtkServerFilters f;

  rtk_server_filters_of_body (call, &f);
  if (!rtk_server_filters_fit (call, &f))
    return TRUE;
  if (!rtk_server_leases_expire (store, now, NULL, error) ||
      !rtk_server_leases_renew (store, call, error))
    return FALSE;
  list = list_held (store, call, error);
  if (list == NULL)
    return FALSE;
  n_more = n - list->len;
  if (n_more > 0) {
    if (!take (store, call, n_more, now, error) || !rtk_server_gold_mix (store, call, now, error) ||
        !tell_taken (store, call, now, error))
      return FALSE;
    g_array_unref (list);
    list = list_held (store, call, error);
    if (list == NULL)
      return FALSE;
  }
  return write_list (store, call, list, n, error);
}

/* DELETE /v1/reviews/claim: the reviewer leaves; all goes back. */
RTK_SERVER_HANDLER (review_give_back)
{
  call->status = 204;
  return rtk_server_gold_release (store, call, NULL, error) &&
         tell_freed (store,
                     rtk_server_db_query (store->db, error,
                                          FREE " WHERE lease_by = ? RETURNING id, order_id", "s",
                                          call->principal),
                     call->actor, "review.release", NULL, error);
}

/* POST /v1/reviews/{submission}/release: one goes back; done already, it is done. */
RTK_SERVER_HANDLER (review_release)
{
  g_auto (RtkServerItem) item = {0};

  call->status = 204;
  if (rtk_server_gold_is_shown (store, call, call->params[0]))
    return rtk_server_gold_release (store, call, call->params[0], error);
  if (!rtk_server_item_find (store, call->params[0], &item, error))
    return FALSE;
  if (item.order_id == NULL)
    return rtk_server_call_not_found (call);
  return tell_freed (store,
                     rtk_server_db_query (store->db, error,
                                          FREE " WHERE id = ? AND lease_by = ? RETURNING id,"
                                               " order_id",
                                          "ss", call->params[0], call->principal),
                     call->actor, "review.release", NULL, error) &&
         rtk_server_leases_renew (store, call, error);
}

/* POST /v1/reviews/renew: the reviewer is still at it; which items they hold, and until when. */
RTK_SERVER_HANDLER (review_renew)
{
  g_autoptr (GArray) list = NULL;

  if (!rtk_server_leases_renew (store, call, error))
    return FALSE;
  list = list_held (store, call, error);
  if (list == NULL)
    return FALSE;
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_begin (&call->answer, "submissions", '[');
  for (guint i = 0; i < list->len; i++)
    rtk_server_json_string (&call->answer, NULL, g_array_index (list, Held, i).item.id);
  rtk_server_json_end (&call->answer, ']');
  rtk_server_json_time (&call->answer, "lease_until", rtk_server_lease_end (store));
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return TRUE;
}
