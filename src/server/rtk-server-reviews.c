/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-id.h"
#include "core/rtk-order.h"
#include "server/rtk-server-gold.h"
#include "server/rtk-server-review.h"

#include <string.h>

/* Characters. */
#define MAX_TEXT 500

/* Verdicts: one that stands a stage; only a final one moves the submission and has effects. */

static gboolean
read_reason (JsonNode *node, RtkReason *out)
{
  return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING &&
         rtk_reason_from_string (json_node_get_string (node), out);
}

/* Reasons as they are kept: codes with commas, each once; NULL when one is unknown. */
static char *
join_reasons (JsonArray *array)
{
  g_autoptr (GString) text = g_string_new (NULL);
  gboolean seen[RTK_N_REASONS] = {FALSE};

  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++) {
    RtkReason reason;

    if (!read_reason (json_array_get_element (array, i), &reason))
      return NULL;
    if (!seen[reason])
      g_string_append_printf (text, "%s%s", text->len > 0 ? "," : "",
                              rtk_reason_to_string (reason));
    seen[reason] = TRUE;
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* The reviewer's own words, each for one of the reasons. */
static gboolean
texts_fit (JsonObject *texts, const char *reasons)
{
  g_auto (GStrv) codes = g_strsplit (reasons, ",", -1);
  g_autoptr (GList) members = json_object_get_members (texts);

  for (GList *l = members; l != NULL; l = l->next) {
    JsonNode   *node = json_object_get_member (texts, l->data);
    const char *text = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;

    if (text == NULL || g_utf8_strlen (text, -1) > MAX_TEXT ||
        !g_strv_contains ((const char *const *)codes, l->data))
      return FALSE;
  }
  return TRUE;
}

/**
 * rtk_server_decision_read:
 * @call: a call with a checked body
 * @out_decision: (out): the verdict
 *
 * Reads the verdict of a body; on failure the call is answered with a problem.
 *
 * Returns: whether it is a verdict
 */
gboolean
rtk_server_decision_read (RtkServerCall *call, RtkServerDecision *out_decision)
{
  JsonObject *texts = rtk_server_call_get_object (call, "texts");

  out_decision->verdict = rtk_server_call_get_string (call, "verdict");
  out_decision->approved = strcmp (out_decision->verdict, "approved") == 0;
  out_decision->reasons = join_reasons (rtk_server_call_get_array (call, "reasons"));
  out_decision->note = rtk_server_call_get_string (call, "note");
  out_decision->revision = rtk_server_call_get_int (call, "revision", -1);
  if ((!out_decision->approved && strcmp (out_decision->verdict, "rejected") != 0) ||
      out_decision->reasons == NULL ||
      out_decision->approved != (out_decision->reasons[0] == '\0')) {
    rtk_server_call_fail (call, 422, "bad-member",
                          "A verdict is approved, or rejected with known reasons.");
    return FALSE;
  }
  if (texts == NULL || json_object_get_size (texts) == 0)
    return TRUE;
  if (!texts_fit (texts, out_decision->reasons)) {
    rtk_server_call_fail (call, 422, "bad-member",
                          "A text is a sentence for one of the reasons that are given.");
    return FALSE;
  }
  out_decision->texts = json_to_string (json_object_get_member (call->json, "texts"), FALSE);
  return TRUE;
}

/**
 * rtk_server_decision_clear:
 * @self: a decision
 *
 * Frees its texts.
 */
void
rtk_server_decision_clear (RtkServerDecision *self)
{
  g_free (self->reasons);
  g_free (self->texts);
}

/**
 * rtk_server_decision_conflict:
 * @store: a store
 * @call: a call
 * @order_id: the order that the verdict is on
 * @decision: the verdict
 * @problem: stable name, the end of the problem's type
 * @title: one English sentence
 * @error: return location
 *
 * Answers 409 with both sides: the order as it is now, and the caller's own verdict, so that a
 * person can compare them.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_decision_conflict (RtkServerStore          *store,
                              RtkServerCall           *call,
                              const char              *order_id,
                              const RtkServerDecision *decision,
                              const char              *problem,
                              const char              *title,
                              GError                 **error)
{
  RtkServerJson *json = &call->answer;
  gboolean       is_gold;

  rtk_server_call_fail (call, 409, problem, title);
  /* The members go on where the problem's own end. */
  g_string_truncate (json->text, json->text->len - 1);
  if (!rtk_server_gold_write_order (store, call, "order", order_id, &is_gold, error) ||
      (!is_gold && !rtk_server_order_write (store, json, "order", order_id, call->station, error)))
    return FALSE;
  rtk_server_json_begin (json, "verdict", '{');
  rtk_server_json_string (json, "verdict", decision->verdict);
  rtk_server_json_int (json, "revision", decision->revision);
  rtk_server_reasons_write (json, "reasons", decision->reasons);
  rtk_server_json_raw (json, "texts", decision->texts != NULL ? decision->texts : "{}");
  rtk_server_json_string (json, "note", decision->note);
  rtk_server_json_end (json, '}');
  rtk_server_json_end (json, '}');
  return TRUE;
}

/**
 * rtk_server_review_make_detail:
 * @id: of the record
 * @stage: of it
 * @is_final: whether it moves the submission
 * @reasons: codes with commas
 *
 * Returns: (transfer full): what the audit log keeps of a verdict
 */
char *
rtk_server_review_make_detail (const char *id,
                               const char *stage,
                               gboolean    is_final,
                               const char *reasons)
{
  return g_strdup_printf ("{\"review\":\"%s\",\"stage\":\"%s\",\"final\":%s,\"reasons\":\"%s\"}",
                          id, stage, is_final ? "true" : "false", reasons);
}

/**
 * rtk_server_review_add:
 * @store: a store, in a transaction
 * @call: who decides
 * @id: of the new record
 * @stage: of it
 * @item: what is decided
 * @decision: how
 * @is_final: whether it moves the submission
 * @reason: (nullable): of a correction
 * @error: return location
 *
 * Records a verdict, and what it was in the audit log.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_review_add (RtkServerStore          *store,
                       RtkServerCall           *call,
                       const char              *id,
                       const char              *stage,
                       const RtkServerItem     *item,
                       const RtkServerDecision *decision,
                       gboolean                 is_final,
                       const char              *reason,
                       GError                 **error)
{
  g_autofree char *action = g_strconcat ("review.", decision->verdict, NULL);
  g_autofree char *detail = rtk_server_review_make_detail (id, stage, is_final, decision->reasons);

  return rtk_server_db_run (
             store->db, error,
             "INSERT INTO reviews (id, submission, reviewer, reviewer_name, stage, verdict,"
             " reasons, texts, note, revision, is_final, reason, claimed_at, created_at)"
             " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
             "sssssssssiisii", id, item->id, call->principal, call->name, stage, decision->verdict,
             decision->reasons, decision->texts, decision->note, item->revision, (gint64)is_final,
             reason, item->claimed_at > 0 ? item->claimed_at : g_get_real_time (),
             g_get_real_time ()) &&
         rtk_server_audit_add (store, call->actor, action, item->id, detail, error);
}

/* An accepted photo takes the place of all older ones of its order; a younger one still waits for
 * its own verdict. What they were is kept for an undo. A rejected online photo is paid back, after
 * a while in which the reviewer may still undo. */
static gboolean
follow_up (RtkServerStore          *store,
           const char              *actor,
           const char              *review,
           const RtkServerItem     *item,
           const RtkServerDecision *decision,
           GError                 **error)
{
  gboolean allowed;

  if (decision->approved)
    return rtk_server_db_run (
        store->db, error,
        "UPDATE submissions SET superseded_from = CASE WHEN state = 'in_review'"
        " AND stage = 'first' THEN 'submitted' ELSE state END, superseded_by = ?,"
        " state = 'superseded', lease_by = NULL, lease_until = NULL, claimed_at = NULL"
        " WHERE order_id = ? AND serial < ? AND state <> 'superseded'",
        "ssi", item->id, item->order_id, item->serial);
  /* What was paid at the desk is for another photo; a waiver was never money: only the message goes
   * out. */
  if (strcmp (item->origin, "online") == 0 && strcmp (item->payment, "paid") == 0 &&
      !rtk_server_order_set_payment (store, item->order_id, "refund_due", actor, &allowed, error))
    return FALSE;
  return rtk_server_order_reject_effects (store, item->order_id, review, error);
}

/**
 * rtk_server_review_settle:
 * @store: a store, in a transaction
 * @actor: who decides, for the audit log
 * @review: id of the record, the cause of the effects
 * @item: what is decided
 * @decision: how
 * @error: return location
 *
 * A verdict is final: the submission moves, and what follows from it is due.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_review_settle (RtkServerStore          *store,
                          const char              *actor,
                          const char              *review,
                          const RtkServerItem     *item,
                          const RtkServerDecision *decision,
                          GError                 **error)
{
  return rtk_server_db_run (store->db, error,
                            "UPDATE submissions SET state = ?, reasons = ?, texts = ?, note = ?,"
                            " lease_by = NULL, lease_until = NULL, claimed_at = NULL WHERE id = ?",
                            "sssss", decision->verdict, decision->reasons, decision->texts,
                            decision->note, item->id) &&
         follow_up (store, actor, review, item, decision, error) &&
         rtk_server_order_touch (store, item->order_id, error);
}

/* The first verdict of a sample: the item waits for a second look. Its revision stays: nothing has
 * been decided yet. */
static gboolean
hand_on (RtkServerStore      *store,
         RtkServerCall       *call,
         const RtkServerItem *item,
         const char          *stage,
         GError             **error)
{
  gboolean ok = strcmp (stage, "second") == 0
                    ? rtk_server_db_run (store->db, error,
                                         "UPDATE submissions SET stage = 'second', first_by = ?,"
                                         " lease_by = NULL, lease_until = NULL, claimed_at = NULL"
                                         " WHERE id = ?",
                                         "ss", call->principal, item->id)
                    : rtk_server_db_run (store->db, error,
                                         "UPDATE submissions SET stage = 'arbitration',"
                                         " second_by = ?, lease_by = NULL, lease_until = NULL,"
                                         " claimed_at = NULL WHERE id = ?",
                                         "ss", call->principal, item->id);

  return ok && rtk_server_order_announce (store, item->order_id, error);
}

/* The words of both for their reasons; where both have some, those of @own. */
static char *
unite_texts (const char *own, const char *first)
{
  g_autoptr (JsonNode) a = json_from_string (own != NULL ? own : "{}", NULL);
  g_autoptr (JsonNode) b = json_from_string (first != NULL ? first : "{}", NULL);
  JsonObject *all = json_node_get_object (a);
  g_autoptr (GList) members = json_object_get_members (json_node_get_object (b));

  for (GList *l = members; l != NULL; l = l->next)
    if (!json_object_has_member (all, l->data))
      json_object_set_member (all, l->data,
                              json_object_dup_member (json_node_get_object (b), l->data));
  return json_object_get_size (all) > 0 ? json_to_string (a, FALSE) : NULL;
}

/* What the second look adds to the first: the reasons of both, the words of the second first. */
static gboolean
unite (RtkServerStore      *store,
       const RtkServerItem *item,
       RtkServerDecision   *decision,
       gboolean            *out_agree,
       GError             **error)
{
  RtkServerRows *row =
      rtk_server_db_query (store->db, error,
                           "SELECT verdict, reasons, texts FROM reviews WHERE submission = ?"
                           " AND stage = 'first' AND undone_at IS NULL AND verdict <> 'passed'",
                           "s", item->id);

  *out_agree = FALSE;
  if (rtk_server_db_next (store->db, row, error) &&
      strcmp (rtk_server_db_text (row, 0), decision->verdict) == 0) {
    g_auto (GStrv) first = g_strsplit (rtk_server_db_text (row, 1), ",", -1);
    g_auto (GStrv) own = g_strsplit (decision->reasons, ",", -1);
    g_autoptr (GString) all = g_string_new (decision->reasons);

    for (guint i = 0; first[i] != NULL; i++)
      if (!g_strv_contains ((const char *const *)own, first[i]))
        g_string_append_printf (all, ",%s", first[i]);
    g_free (decision->reasons);
    decision->reasons = g_string_free (g_steal_pointer (&all), FALSE);
    {
      char *texts = unite_texts (decision->texts, rtk_server_db_text (row, 2));

      g_free (decision->texts);
      decision->texts = texts;
    }
    *out_agree = TRUE;
  }
  return rtk_server_db_end (row);
}

static gboolean
decide (RtkServerStore      *store,
        RtkServerCall       *call,
        const RtkServerItem *item,
        RtkServerDecision   *decision,
        GError             **error)
{
  g_autofree char *id = rtk_id_new (g_get_real_time ());
  const char      *next = NULL; /* the stage that has to follow */
  gboolean         agree = FALSE;
  g_auto (RtkServerDecision) united = *decision;

  united.reasons = g_strdup (decision->reasons);
  united.texts = g_strdup (decision->texts);
  if (strcmp (item->stage, "first") == 0 && rtk_server_review_is_sampled (store, item->id) &&
      rtk_server_review_may_sample (store, call->principal))
    next = "second";
  if (strcmp (item->stage, "second") == 0) {
    if (!unite (store, item, &united, &agree, error))
      return FALSE;
    if (!agree)
      next = "arbitration";
  }
  if (!rtk_server_review_add (store, call, id, item->stage, item, decision, next == NULL, NULL,
                              error))
    return FALSE;
  if (next != NULL ? !hand_on (store, call, item, next, error)
                   : !rtk_server_review_settle (store, call->actor, id, item, &united, error))
    return FALSE;
  return rtk_server_leases_renew (store, call, error) &&
         rtk_server_order_write (store, &call->answer, NULL, item->order_id, call->station, error);
}

/* The answer was lost and the same verdict comes again. */
static gboolean
is_known (RtkServerStore *store, RtkServerCall *call, const RtkServerDecision *decision)
{
  return rtk_server_db_get_int (store->db, 0,
                                "SELECT EXISTS (SELECT 1 FROM reviews WHERE submission = ? AND"
                                " reviewer = ? AND revision = ? AND verdict = ? AND reasons = ?"
                                " AND undone_at IS NULL)",
                                "ssiss", call->params[0], call->principal, decision->revision,
                                decision->verdict, decision->reasons) != 0;
}

/* POST /v1/reviews/{submission} */
RTK_SERVER_HANDLER (review_decide)
{
  g_auto (RtkServerDecision) decision = {0};
  g_auto (RtkServerItem) item = {0};

  if (!rtk_server_decision_read (call, &decision))
    return TRUE;
  if (rtk_server_gold_is_shown (store, call, call->params[0]))
    return rtk_server_gold_decide (store, call, &decision, error);
  if (!rtk_server_item_find (store, call->params[0], &item, error))
    return FALSE;
  if (item.order_id == NULL)
    return rtk_server_call_not_found (call);
  call->status = 200;
  if (is_known (store, call, &decision))
    return rtk_server_order_write (store, &call->answer, NULL, item.order_id, call->station, error);
  if (item.revision != decision.revision)
    return rtk_server_decision_conflict (store, call, item.order_id, &decision, "stale-revision",
                                         "The order changed in the meantime.", error);
  if (!rtk_server_item_is_held (&item, call))
    return rtk_server_decision_conflict (store, call, item.order_id, &decision, "not-claimed",
                                         "Claim this submission first.", error);
  /* It may have been taken back since the claim. */
  if (!rtk_server_consent_is_there (store, item.order_id))
    return rtk_server_decision_conflict (store, call, item.order_id, &decision, "consent-missing",
                                         "The graduate does not consent any more.", error);
  return decide (store, call, &item, &decision, error);
}
