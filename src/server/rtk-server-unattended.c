/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-review.h"

/* What nobody may take any more: whoever was left for a second look or an arbitration was disabled
 * or got another role. It must not wait for ever. */

/* Items at a time. */
#define MANY "200"

/* The last verdict on an item that stands; decision.reasons is NULL when there is none. */
static gboolean
find_last (RtkServerStore      *self,
           const RtkServerItem *item,
           char               **out_review,
           RtkServerDecision   *out_decision,
           char               **out_note,
           GError             **error)
{
  RtkServerRows *row = rtk_server_db_query (
      self->db, error,
      "SELECT id, verdict, reasons, texts, note FROM reviews WHERE submission = ?"
      " AND undone_at IS NULL AND verdict <> 'passed' ORDER BY created_at DESC, id DESC LIMIT 1",
      "s", item->id);

  if (rtk_server_db_next (self->db, row, error)) {
    *out_review = g_strdup (rtk_server_db_text (row, 0));
    out_decision->approved = g_str_equal (rtk_server_db_text (row, 1), "approved");
    out_decision->verdict = out_decision->approved ? "approved" : "rejected";
    out_decision->reasons = g_strdup (rtk_server_db_text (row, 2));
    out_decision->texts = g_strdup (rtk_server_db_text (row, 3));
    out_decision->note = *out_note = g_strdup (rtk_server_db_text (row, 4));
  }
  return rtk_server_db_end (row);
}

/* Nobody has said anything but "I pass": it waits as if it were new, for them as well. */
static gboolean
begin_again (RtkServerStore *self, const RtkServerItem *item, GError **error)
{
  return rtk_server_db_run (self->db, error,
                            "UPDATE reviews SET undone_at = ? WHERE submission = ?"
                            " AND undone_at IS NULL",
                            "is", g_get_real_time (), item->id) &&
         rtk_server_db_run (self->db, error,
                            "UPDATE submissions SET stage = 'first', state = 'submitted',"
                            " first_by = NULL, second_by = NULL, lease_by = NULL,"
                            " lease_until = NULL, claimed_at = NULL WHERE id = ?",
                            "s", item->id) &&
         rtk_server_audit_add (self, "server", "review.again", item->id, "{}", error) &&
         rtk_server_order_announce (self, item->order_id, error);
}

static gboolean
end_one (RtkServerStore *self, const char *id, GError **error)
{
  g_auto (RtkServerItem) item = {0};
  g_auto (RtkServerDecision) decision = {0};
  g_autofree char *review = NULL;
  g_autofree char *note = NULL;
  g_autofree char *detail = NULL;

  if (!rtk_server_item_find (self, id, &item, error) ||
      !find_last (self, &item, &review, &decision, &note, error))
    return FALSE;
  if (review == NULL)
    return begin_again (self, &item, error);
  detail = g_strdup_printf ("{\"review\":\"%s\",\"verdict\":\"%s\",\"stage\":\"%s\"}", review,
                            decision.verdict, item.stage);
  return rtk_server_db_run (self->db, error, "UPDATE reviews SET is_final = 1 WHERE id = ?", "s",
                            review) &&
         rtk_server_audit_add (self, "server", "review.unattended", id, detail, error) &&
         rtk_server_review_settle (self, "server", review, &item, &decision, error);
}

static GPtrArray *
find_all (RtkServerStore *self, GError **error)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  RtkServerRows *row = rtk_server_db_query (
      self->db, error,
      "SELECT w.id FROM submissions w WHERE w.waiting > 0 AND w.stage <> 'first' AND NOT EXISTS"
      " (SELECT 1 FROM staff p WHERE p.enabled = 1 AND p.role IN ('reviewer', 'supervisor')"
      " AND " RTK_SERVER_MAY_TAKE (
          "p.id",
          "CASE p.role WHEN 'supervisor' THEN 1 ELSE 0 END") ")"
                                                             " ORDER BY w.waiting LIMIT " MANY,
      "");

  while (rtk_server_db_next (self->db, row, error))
    g_ptr_array_add (ids, g_strdup (rtk_server_db_text (row, 0)));
  return rtk_server_db_end (row) ? g_steal_pointer (&ids) : NULL;
}

/**
 * rtk_server_jobs_unattended:
 * @self: a store, outside a transaction
 * @now: the time to judge by, microseconds since 1970
 * @out_done: (out): submissions that wait no more
 * @error: return location
 *
 * Ends the wait of items that no enabled member of the staff may take: the last verdict on them
 * becomes final; those without one wait as if they were new.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_jobs_unattended (RtkServerStore *self, gint64 now, guint *out_done, GError **error)
{
  g_autoptr (GPtrArray) ids = NULL;
  gboolean ok;

  if (!rtk_server_db_begin (self->db, TRUE, error))
    return FALSE;
  ids = find_all (self, error);
  ok = ids != NULL;
  for (guint i = 0; ok && i < ids->len; i++)
    ok = end_one (self, g_ptr_array_index (ids, i), error);
  if (!ok) {
    rtk_server_db_rollback (self->db);
    return FALSE;
  }
  *out_done = ids->len;
  return rtk_server_db_commit (self->db, error);
}
