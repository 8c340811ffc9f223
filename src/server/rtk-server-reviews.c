/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-id.h"
#include "core/rtk-order.h"
#include "server/rtk-server-call.h"

#include <string.h>

static gboolean
renew_leases (RtkServerStore *store, RtkServerCall *call, gint64 until, GError **error)
{
  return rtk_server_db_run (store->db, error,
                            "UPDATE submissions SET lease_until = ? WHERE lease_by = ?"
                            " AND state = 'in_review' AND lease_until > ?",
                            "isi", until, call->principal, g_get_real_time ());
}

static gboolean
write_item (RtkServerStore *store, RtkServerCall *call, const char *submission, GError **error)
{
  g_autofree char *order_id = NULL;
  g_autofree char *report = NULL;
  gint64           until = 0;
  RtkServerRows   *row = rtk_server_db_query (
        store->db, error, "SELECT order_id, report, lease_until FROM submissions WHERE id = ?", "s",
        submission);

  if (!rtk_server_db_next (store->db, row, error))
    return FALSE;
  order_id = g_strdup (rtk_server_db_text (row, 0));
  report = g_strdup (rtk_server_db_text (row, 1));
  until = rtk_server_db_int (row, 2);
  rtk_server_db_end (row);
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_string (&call->answer, "submission", submission);
  rtk_server_json_string (&call->answer, "report", report);
  rtk_server_json_time (&call->answer, "lease_until", until);
  if (!rtk_server_order_write (store, &call->answer, "order", order_id, call->station, error))
    return FALSE;
  rtk_server_json_end (&call->answer, '}');
  return TRUE;
}

static GPtrArray *
list_claimable (RtkServerStore *store, RtkServerCall *call, gint64 n, GError **error)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (g_free);
  RtkServerRows *row = rtk_server_db_query (
      store->db, error,
      "SELECT w.id FROM submissions w JOIN orders o ON o.id = w.order_id"
      " WHERE (w.state = 'submitted' OR (w.state = 'in_review' AND (w.lease_by = ?1"
      " OR w.lease_until <= ?2))) AND " RTK_SERVER_IS_PAID_FOR
      " ORDER BY w.lease_by IS DISTINCT FROM ?1, w.serial"
      " LIMIT ?3",
      "sii", call->principal, g_get_real_time (), n);

  if (row == NULL)
    return NULL;
  while (rtk_server_db_next (store->db, row, NULL))
    g_ptr_array_add (list, g_strdup (rtk_server_db_text (row, 0)));
  rtk_server_db_end (row);
  return g_steal_pointer (&list);
}

/* POST /v1/reviews/claim: what the reviewer holds already comes first, then the oldest. */
RTK_SERVER_HANDLER (review_claim)
{
  gint64 n = rtk_server_call_get_int (call, "count", 1);
  gint64 until = g_get_real_time () + store->config->lease_seconds * G_USEC_PER_SEC;
  g_autoptr (GPtrArray) list =
      list_claimable (store, call, MIN (n, store->config->max_page), error);

  if (list == NULL || !renew_leases (store, call, until, error))
    return FALSE;
  for (guint i = 0; i < list->len; i++) {
    const char      *submission = g_ptr_array_index (list, i);
    g_autofree char *order_id = rtk_server_db_dup_text (
        store->db, "SELECT order_id FROM submissions WHERE id = ?", "s", submission);

    /* The feed tells of it only when the item changes hands: a renewed lease is no news. */
    if (!rtk_server_db_run (store->db, error,
                            "UPDATE submissions SET state = 'in_review', lease_by = ?,"
                            " lease_until = ? WHERE id = ? AND (state <> 'in_review' OR"
                            " lease_by IS DISTINCT FROM ?1)",
                            "sis", call->principal, until, submission))
      return FALSE;
    if (rtk_server_db_get_changes (store->db) > 0 &&
        !rtk_server_order_announce (store, order_id, error))
      return FALSE;
  }
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_begin (&call->answer, "items", '[');
  for (guint i = 0; i < list->len; i++)
    if (!write_item (store, call, g_ptr_array_index (list, i), error))
      return FALSE;
  rtk_server_json_end (&call->answer, ']');
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return TRUE;
}

/* Reasons as they are kept: codes with commas, each once; NULL when one is unknown. */
static char *
join_reasons (JsonArray *array)
{
  g_autoptr (GString) text = g_string_new (NULL);
  gboolean seen[RTK_N_REASONS] = {FALSE};

  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++) {
    JsonNode *node = json_array_get_element (array, i);
    RtkReason reason;

    if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING ||
        !rtk_reason_from_string (json_node_get_string (node), &reason))
      return NULL;
    if (!seen[reason])
      g_string_append_printf (text, "%s%s", text->len > 0 ? "," : "",
                              rtk_reason_to_string (reason));
    seen[reason] = TRUE;
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

typedef struct {
  char    *order_id;
  char    *state;
  char    *origin;
  char    *lease_by;
  gint64   lease_until;
  gint64   revision;
  gint64   serial;
  gboolean is_paid;
} Item;

static void
item_clear (Item *item)
{
  g_free (item->order_id);
  g_free (item->state);
  g_free (item->origin);
  g_free (item->lease_by);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Item, item_clear)

static gboolean
find_item (RtkServerStore *store, const char *submission, Item *item, GError **error)
{
  RtkServerRows *row = rtk_server_db_query (
      store->db, error,
      "SELECT w.order_id, w.state, w.origin, w.lease_by, w.lease_until, o.revision, w.serial,"
      " o.payment = 'paid' FROM submissions w JOIN orders o ON o.id = w.order_id WHERE w.id = ?",
      "s", submission);

  if (row == NULL)
    return FALSE;
  if (rtk_server_db_next (store->db, row, error)) {
    item->order_id = g_strdup (rtk_server_db_text (row, 0));
    item->state = g_strdup (rtk_server_db_text (row, 1));
    item->origin = g_strdup (rtk_server_db_text (row, 2));
    item->lease_by = g_strdup (rtk_server_db_text (row, 3));
    item->lease_until = rtk_server_db_int (row, 4);
    item->revision = rtk_server_db_int (row, 5);
    item->serial = rtk_server_db_int (row, 6);
    item->is_paid = rtk_server_db_int (row, 7) != 0;
  }
  rtk_server_db_end (row);
  return TRUE;
}

/* An accepted photo takes the place of all older ones of its order; a younger one still waits for
 * its own verdict. A rejected online photo is paid back, after a while in which the reviewer may
 * still undo. */
static gboolean
follow_up (RtkServerStore *store,
           RtkServerCall  *call,
           Item           *item,
           const char     *review_id,
           gboolean        approved,
           GError        **error)
{
  gboolean allowed;

  if (approved)
    return rtk_server_db_run (store->db, error,
                              "UPDATE submissions SET state = 'superseded', lease_by = NULL"
                              " WHERE order_id = ? AND serial < ? AND state <> 'superseded'",
                              "si", item->order_id, item->serial);
  if (strcmp (item->origin, "online") != 0 || !item->is_paid)
    return TRUE;
  return rtk_server_order_set_payment (store, item->order_id, "refund_due", call->actor, &allowed,
                                       error) &&
         rtk_server_order_reject_effects (store, item->order_id, review_id, error);
}

static gboolean
decide (RtkServerStore *store,
        RtkServerCall  *call,
        Item           *item,
        const char     *reasons,
        gboolean        approved,
        GError        **error)
{
  gint64           now = g_get_real_time ();
  g_autofree char *id = rtk_id_new (now);
  const char      *state = approved ? "approved" : "rejected";
  const char      *note = rtk_server_call_get_string (call, "note");
  g_autofree char *action = g_strconcat ("review.", state, NULL);
  g_autofree char *detail = g_strdup_printf ("{\"reasons\":\"%s\"}", reasons);

  return rtk_server_db_run (store->db, error,
                            "UPDATE submissions SET state = ?, reasons = ?, note = ?,"
                            " lease_by = NULL, lease_until = NULL WHERE id = ?",
                            "ssss", state, reasons, note, call->params[0]) &&
         rtk_server_db_run (store->db, error,
                            "INSERT INTO reviews (id, submission, reviewer, verdict, reasons, note,"
                            " revision, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                            "ssssssii", id, call->params[0], call->principal, state, reasons, note,
                            item->revision, now) &&
         rtk_server_audit_add (store, call->actor, action, call->params[0], detail, error) &&
         follow_up (store, call, item, id, approved, error) &&
         rtk_server_order_touch (store, item->order_id, error) &&
         renew_leases (store, call, now + store->config->lease_seconds * G_USEC_PER_SEC, error) &&
         rtk_server_order_write (store, &call->answer, NULL, item->order_id, call->station, error);
}

/* POST /v1/reviews/{submission} */
RTK_SERVER_HANDLER (review_decide)
{
  const char      *verdict = rtk_server_call_get_string (call, "verdict");
  gboolean         approved = strcmp (verdict, "approved") == 0;
  g_autofree char *reasons = join_reasons (rtk_server_call_get_array (call, "reasons"));
  g_auto (Item) item = {0};

  if ((!approved && strcmp (verdict, "rejected") != 0) || reasons == NULL ||
      approved != (reasons[0] == '\0'))
    return rtk_server_call_fail (call, 422, "bad-member",
                                 "A verdict is approved, or rejected with known reasons.");
  if (!find_item (store, call->params[0], &item, error))
    return FALSE;
  if (item.order_id == NULL)
    return rtk_server_call_not_found (call);
  /* The answer was lost and the same verdict comes again. */
  if (rtk_server_db_get_int (store->db, 0,
                             "SELECT EXISTS (SELECT 1 FROM reviews WHERE submission = ? AND"
                             " reviewer = ? AND revision = ? AND verdict = ? AND reasons = ?)",
                             "ssiss", call->params[0], call->principal,
                             rtk_server_call_get_int (call, "revision", -1), verdict,
                             reasons) != 0) {
    call->status = 200;
    return rtk_server_order_write (store, &call->answer, NULL, item.order_id, call->station, error);
  }
  if (strcmp (item.state, "in_review") != 0 || g_strcmp0 (item.lease_by, call->principal) != 0 ||
      item.lease_until <= g_get_real_time ())
    return rtk_server_call_fail (call, 409, "not-claimed", "Claim this submission first.");
  if (item.revision != rtk_server_call_get_int (call, "revision", -1))
    return rtk_server_call_fail (call, 409, "stale-revision", "The order changed in the meantime.");
  call->status = 200;
  return decide (store, call, &item, reasons, approved, error);
}
