/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-id.h"
#include "server/rtk-server-gold.h"
#include "server/rtk-server-prints.h"
#include "server/rtk-server-review.h"

#include <string.h>

/* Second looks, undo, corrections. */

/**
 * rtk_server_review_is_sampled:
 * @store: a store
 * @submission: its id
 *
 * Draws the sample. The draw is a keyed hash of the id: the same in every process, and whoever
 * makes the id, which is the client, can neither guess nor steer it.
 *
 * Returns: whether a first verdict on it needs a second
 */
gboolean
rtk_server_review_is_sampled (RtkServerStore *store, const char *submission)
{
  g_autofree char *text = g_strconcat ("sample:", submission, NULL);
  g_autofree char *digest = rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_ID, text);

  digest[8] = '\0';
  return (g_ascii_strtoull (digest, NULL, 16) * 100) >> 32 <
         (guint64)MAX (store->config->sample_percent, 0);
}

/**
 * rtk_server_review_may_sample:
 * @store: a store
 * @reviewer: who gives the first verdict
 *
 * Tells whether there is somebody for the second look, and a supervisor besides for when the two
 * disagree. Without them a sampled item would wait for ever.
 *
 * Returns: whether there is
 */
gboolean
rtk_server_review_may_sample (RtkServerStore *store, const char *reviewer)
{
  return rtk_server_db_get_int (store->db, 0,
                                "SELECT count (*) >= 2 AND EXISTS (SELECT 1 FROM staff x WHERE"
                                " x.role = 'supervisor' AND x.enabled = 1 AND x.id <> ?1)"
                                " FROM staff s WHERE s.role IN ('reviewer', 'supervisor')"
                                " AND s.enabled = 1 AND s.id <> ?1",
                                "s", reviewer) != 0;
}

/* Whether somebody else could take the item from @stage on. */
static gboolean
has_taker (RtkServerStore *store, RtkServerCall *call, const RtkServerItem *item)
{
  gint64 arbitration = strcmp (item->stage, "first") != 0;

  return rtk_server_db_get_int (store->db, 0,
                                "SELECT EXISTS (SELECT 1 FROM staff WHERE enabled = 1 AND"
                                " (role = 'supervisor' OR (role = 'reviewer' AND ?1 = 0))"
                                " AND id <> ?2 AND id IS DISTINCT FROM ?3)",
                                "iss", arbitration, call->principal, item->first_by) != 0;
}

/* POST /v1/reviews/{submission}/second-opinion: passed on without a verdict; whoever passes it on
 * does not get it again. */
RTK_SERVER_HANDLER (review_second_opinion)
{
  g_auto (RtkServerItem) item = {0};
  g_autofree char  *id = rtk_id_new (g_get_real_time ());
  RtkServerDecision passed = {.verdict = "passed", .reasons = (char *)""};
  gboolean          is_first;

  passed.note = rtk_server_call_get_string (call, "note");
  call->status = 204;
  if (rtk_server_gold_is_shown (store, call, call->params[0]))
    return rtk_server_gold_pass_on (store, call, error);
  if (!rtk_server_item_find (store, call->params[0], &item, error))
    return FALSE;
  if (item.order_id == NULL)
    return rtk_server_call_not_found (call);
  if (rtk_server_db_get_int (store->db, 0,
                             "SELECT EXISTS (SELECT 1 FROM reviews WHERE submission = ?"
                             " AND reviewer = ? AND verdict = 'passed' AND undone_at IS NULL)",
                             "ss", item.id, call->principal) != 0)
    return TRUE;
  if (!rtk_server_item_is_held (&item, call))
    return rtk_server_call_fail (call, 409, "not-claimed", "Claim this submission first.");
  is_first = strcmp (item.stage, "first") == 0;
  if (strcmp (item.stage, "arbitration") == 0 || !has_taker (store, call, &item))
    return rtk_server_call_fail (call, 409, "nobody-else",
                                 "There is nobody else who could decide on this.");
  passed.revision = item.revision;
  if (!rtk_server_review_add (store, call, id, item.stage, &item, &passed, FALSE, NULL, error))
    return FALSE;
  if (is_first ? !rtk_server_db_run (store->db, error,
                                     "UPDATE submissions SET stage = 'opinion', first_by = ?,"
                                     " opinion_note = ?, lease_by = NULL, lease_until = NULL,"
                                     " claimed_at = NULL WHERE id = ?",
                                     "sss", call->principal, passed.note, item.id)
               : !rtk_server_db_run (store->db, error,
                                     "UPDATE submissions SET stage = 'arbitration', second_by = ?,"
                                     " opinion_note = ?, lease_by = NULL, lease_until = NULL,"
                                     " claimed_at = NULL WHERE id = ?",
                                     "sss", call->principal, passed.note, item.id))
    return FALSE;
  return rtk_server_order_announce (store, item.order_id, error) &&
         rtk_server_leases_renew (store, call, error);
}

/* The caller's newest record on a submission. */
typedef struct {
  char    *id;
  char    *stage;
  char    *verdict;
  gint64   created_at;
  gboolean is_final;
  gboolean is_undone;
  gboolean is_newest; /* nobody acted on the submission after it */
} Own;

static void
own_clear (Own *own)
{
  g_free (own->id);
  g_free (own->stage);
  g_free (own->verdict);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Own, own_clear)

static gboolean
find_own (RtkServerStore *store, RtkServerCall *call, Own *out_own, GError **error)
{
  RtkServerRows *row = rtk_server_db_query (
      store->db, error,
      "SELECT v.id, v.stage, v.verdict, v.created_at, v.is_final, v.undone_at IS NOT NULL,"
      " NOT EXISTS (SELECT 1 FROM reviews x WHERE x.submission = v.submission"
      " AND x.undone_at IS NULL AND x.created_at > v.created_at)"
      " FROM reviews v WHERE v.submission = ? AND v.reviewer = ?"
      " ORDER BY v.created_at DESC LIMIT 1",
      "ss", call->params[0], call->principal);

  if (rtk_server_db_next (store->db, row, error)) {
    out_own->id = g_strdup (rtk_server_db_text (row, 0));
    out_own->stage = g_strdup (rtk_server_db_text (row, 1));
    out_own->verdict = g_strdup (rtk_server_db_text (row, 2));
    out_own->created_at = rtk_server_db_int (row, 3);
    out_own->is_final = rtk_server_db_int (row, 4) != 0;
    out_own->is_undone = rtk_server_db_int (row, 5) != 0;
    out_own->is_newest = rtk_server_db_int (row, 6) != 0;
  }
  return rtk_server_db_end (row);
}

/* Whether nothing has been done yet that came of the verdict. */
static gboolean
may_undo (RtkServerStore *store, const RtkServerItem *item, const Own *own)
{
  if (!own->is_newest || strcmp (own->stage, "correction") == 0 ||
      g_get_real_time () > own->created_at + store->config->hold_seconds * (gint64)G_USEC_PER_SEC)
    return FALSE;
  if (!own->is_final)
    return strcmp (item->state, "in_review") == 0;
  if (strcmp (item->state, own->verdict) != 0 || strcmp (item->delivery, "none") != 0 ||
      rtk_server_order_has_print (store, item->order_id))
    return FALSE;
  return rtk_server_db_get_int (store->db, 1,
                                "SELECT EXISTS (SELECT 1 FROM payments WHERE order_id = ?"
                                " AND state = 'settled' AND created_at > ?)",
                                "si", item->order_id, own->created_at) == 0;
}

/* What an approval superseded is what it was. */
static gboolean
restore_superseded (RtkServerStore *store, const RtkServerItem *item, GError **error)
{
  return rtk_server_db_run (store->db, error,
                            "UPDATE submissions SET state = superseded_from, superseded_by = NULL,"
                            " superseded_from = NULL WHERE superseded_by = ?"
                            " AND state = 'superseded'",
                            "s", item->id);
}

/* The item is the caller's again, as it was before the verdict. */
static gboolean
reopen (RtkServerStore      *store,
        RtkServerCall       *call,
        const RtkServerItem *item,
        const Own           *own,
        GError             **error)
{
  gint64      now = g_get_real_time ();
  gboolean    is_first = strcmp (own->stage, "first") == 0;
  const char *first_by = is_first ? NULL : item->first_by;
  const char *second_by = strcmp (own->stage, "arbitration") == 0 ? item->second_by : NULL;

  return rtk_server_db_run (store->db, error, "UPDATE reviews SET undone_at = ? WHERE id = ?", "is",
                            now, own->id) &&
         rtk_server_db_run (store->db, error,
                            "UPDATE submissions SET state = 'in_review', stage = ?, first_by = ?,"
                            " second_by = ?, reasons = '', texts = NULL, note = NULL,"
                            " opinion_note = CASE WHEN ?1 = 'first' THEN NULL ELSE opinion_note"
                            " END, lease_by = ?, claimed_at = ?, lease_until = ? WHERE id = ?",
                            "ssssiis", own->stage, first_by, second_by, call->principal, now,
                            rtk_server_lease_end (store), item->id) &&
         rtk_server_audit_add (store, call->actor, "review.undo", item->id, "{}", error);
}

static gboolean
answer_item (RtkServerStore *store, RtkServerCall *call, GError **error)
{
  g_auto (RtkServerItem) item = {0};

  call->status = 200;
  return rtk_server_leases_renew (store, call, error) &&
         rtk_server_item_find (store, call->params[0], &item, error) &&
         rtk_server_item_write (store, call, &item, NULL, error);
}

/* POST /v1/reviews/{submission}/undo: the caller's own verdict, while nothing came of it. */
RTK_SERVER_HANDLER (review_undo)
{
  g_auto (RtkServerItem) item = {0};
  g_auto (Own) own = {0};
  gboolean allowed = TRUE;

  if (rtk_server_gold_is_shown (store, call, call->params[0]))
    return rtk_server_gold_undo (store, call, error);
  if (!rtk_server_item_find (store, call->params[0], &item, error) ||
      !find_own (store, call, &own, error))
    return FALSE;
  if (item.order_id == NULL)
    return rtk_server_call_not_found (call);
  if (own.id == NULL)
    return rtk_server_call_fail (call, 409, "no-verdict",
                                 "You gave no verdict on this submission.");
  /* The answer was lost and the undo comes again. */
  if (own.is_undone && rtk_server_item_is_held (&item, call))
    return answer_item (store, call, error);
  if (own.is_undone || !may_undo (store, &item, &own))
    return rtk_server_call_fail (call, 409, "too-late",
                                 "It is too late to undo this: a supervisor may correct it.");
  if (own.is_final &&
      !rtk_server_order_undo_effects (store, item.order_id, own.id, &allowed, error))
    return FALSE;
  if (!allowed)
    return rtk_server_call_fail (call, 409, "too-late",
                                 "It is too late to undo this: a supervisor may correct it.");
  if (!reopen (store, call, &item, &own, error) || !restore_superseded (store, &item, error))
    return FALSE;
  if (own.is_final ? !rtk_server_order_touch (store, item.order_id, error)
                   : !rtk_server_order_announce (store, item.order_id, error))
    return FALSE;
  return answer_item (store, call, error);
}

static gboolean
correct (RtkServerStore          *store,
         RtkServerCall           *call,
         RtkServerItem           *item,
         const RtkServerDecision *decision,
         GError                 **error)
{
  const char *id = rtk_server_call_get_string (call, "id");
  gboolean    turned = strcmp (item->state, decision->verdict) != 0;

  /* The time of a correction is nobody's work on an item. */
  item->claimed_at = 0;
  if (!rtk_server_review_add (store, call, id, "correction", item, decision, turned,
                              rtk_server_call_get_string (call, "reason"), error))
    return FALSE;
  if (turned) {
    g_autofree char *before = rtk_server_db_dup_text (
        store->db,
        "SELECT id FROM reviews WHERE submission = ? AND is_final = 1 AND undone_at IS NULL"
        " AND id <> ? ORDER BY created_at DESC LIMIT 1",
        "ss", item->id, id);
    gboolean was_told = before != NULL && rtk_server_order_told (store, before);
    gboolean all;

    /* What has begun stays done: the correction has effects of its own. */
    if ((before != NULL &&
         !rtk_server_order_undo_effects (store, item->order_id, before, &all, error)) ||
        !restore_superseded (store, item, error))
      return FALSE;
    g_free (item->payment);
    item->payment = rtk_server_db_dup_text (store->db, "SELECT payment FROM orders WHERE id = ?",
                                            "s", item->order_id);
    return rtk_server_review_settle (store, call->actor, id, item, decision, error) &&
           (!decision->approved || before == NULL ||
            (rtk_server_prints_restore (store, item->order_id, before, error) &&
             rtk_server_order_tell_corrected (store, item->order_id, before, id, was_told, error)));
  }
  return rtk_server_db_run (store->db, error,
                            "UPDATE submissions SET reasons = ?, texts = ?, note = ? WHERE id = ?",
                            "ssss", decision->reasons, decision->texts, decision->note, item->id) &&
         rtk_server_order_touch (store, item->order_id, error);
}

/* POST /v1/reviews/{submission}/correction: a supervisor puts a final verdict right; what was there
 * stays in the history. */
RTK_SERVER_HANDLER (review_correct)
{
  g_auto (RtkServerDecision) decision = {0};
  g_auto (RtkServerItem) item = {0};
  g_autofree char *known =
      rtk_server_db_dup_text (store->db, "SELECT submission FROM reviews WHERE id = ?", "s",
                              rtk_server_call_get_string (call, "id"));

  if (!rtk_server_decision_read (call, &decision))
    return TRUE;
  if (!rtk_server_item_find (store, call->params[0], &item, error))
    return FALSE;
  if (item.order_id == NULL)
    return rtk_server_call_not_found (call);
  call->status = 201;
  if ((known != NULL && strcmp (known, item.id) != 0) ||
      rtk_server_request_differs (store, call, "review"))
    return rtk_server_call_fail (call, 409, "id-reused", "This id belongs to another review.");
  if (known == NULL) {
    if (item.revision != decision.revision)
      return rtk_server_decision_conflict (store, call, item.order_id, &decision, "stale-revision",
                                           "The order changed in the meantime.", error);
    if (strcmp (item.state, "approved") != 0 && strcmp (item.state, "rejected") != 0)
      return rtk_server_call_fail (call, 409, "not-decided", "This submission is not decided.");
    if (strcmp (item.delivery, "none") != 0)
      return rtk_server_call_fail (call, 409, "delivered", "The photo was delivered already.");
    if (!rtk_server_consent_is_there (store, item.order_id))
      return rtk_server_decision_conflict (store, call, item.order_id, &decision, "consent-missing",
                                           "The graduate does not consent any more.", error);
    if (!correct (store, call, &item, &decision, error) ||
        !rtk_server_request_keep (store, call, "review", error))
      return FALSE;
  } else {
    call->status = 200;
  }
  return rtk_server_order_write (store, &call->answer, NULL, item.order_id, call->station, error);
}
