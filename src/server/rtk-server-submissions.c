/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-check.h"
#include "core/rtk-id.h"
#include "core/rtk-json.h"
#include "server/rtk-server-operations.h"

#include <string.h>

/* Submissions: the photo of an order as the online side or a station sends it. */

/* Who may submit, and accept what fails. */
#define MAY_SUBMIT (RTK_SERVER_OPERATOR | RTK_SERVER_SUPERVISOR)
/* Characters of the reason why something that fails is accepted. */
#define MAX_REASON 2000

static const char *const parts[] = {"original", "alpha", "delivered", "certificate", "report"};

static const char *
get_text (JsonObject *object, const char *member)
{
  return json_object_has_member (object, member) ? rtk_json_get_string (object, member, NULL)
                                                 : NULL;
}

static gboolean
override_is_right (JsonObject *item)
{
  const char *reason = item != NULL ? get_text (item, "reason") : NULL;
  RtkCheckId  check;

  return reason != NULL && reason[0] != '\0' && g_utf8_strlen (reason, -1) <= MAX_REASON &&
         rtk_check_id_from_string (get_text (item, "check"), &check) &&
         get_text (item, "by") != NULL;
}

/* Who accepts a failed rule answers for it by name: somebody who may submit. Whom the operation
 * names was looked at before. */
static RtkServerVerdict
check_overrides (RtkServerStore *store, RtkOperation *operation)
{
  JsonArray *overrides = rtk_json_get_array (rtk_operation_get_body (operation), "overrides", NULL);
  const char *known = rtk_operation_get_actor (operation);

  if (overrides == NULL || json_array_get_length (overrides) > RTK_N_CHECKS)
    return RTK_SERVER_REFUSED_BODY;
  for (guint i = 0; i < json_array_get_length (overrides); i++) {
    JsonObject *item = rtk_json_node_get_object (json_array_get_element (overrides, i), NULL);
    const char *by;
    guint       who;

    if (!override_is_right (item))
      return RTK_SERVER_REFUSED_BODY;
    by = get_text (item, "by");
    if (strcmp (by, known) == 0)
      continue;
    who = rtk_server_operation_find_who (store, by);
    if ((who & MAY_SUBMIT) == 0)
      return who == 0 ? RTK_SERVER_REFUSED_ACTOR : RTK_SERVER_REFUSED_ROLE;
    known = by;
  }
  return RTK_SERVER_APPLIED;
}

/* Whether the submission is new and all its parts are there, in one query. */
static RtkServerVerdict
check_rows (RtkServerStore *store, JsonObject *body)
{
  gboolean       is_new = FALSE;
  gboolean       has_all = FALSE;
  RtkServerRows *row = rtk_server_db_query (
      store->db, NULL,
      "SELECT CASE WHEN EXISTS (SELECT 1 FROM submissions WHERE id = ?1) THEN 0 ELSE 1 END,"
      " CASE WHEN EXISTS (SELECT 1 FROM photos WHERE sha256 = ?2 AND missing = 0)"
      " AND EXISTS (SELECT 1 FROM photos WHERE sha256 = ?3 AND missing = 0)"
      " AND EXISTS (SELECT 1 FROM photos WHERE sha256 = ?4 AND missing = 0)"
      " AND EXISTS (SELECT 1 FROM photos WHERE sha256 = ?5 AND missing = 0)"
      " AND EXISTS (SELECT 1 FROM photos WHERE sha256 = ?6 AND missing = 0) THEN 1 ELSE 0 END",
      "ssssss", get_text (body, "submission"), get_text (body, parts[0]), get_text (body, parts[1]),
      get_text (body, parts[2]), get_text (body, parts[3]), get_text (body, parts[4]));

  G_STATIC_ASSERT (G_N_ELEMENTS (parts) == 5);
  if (rtk_server_db_next (store->db, row, NULL)) {
    is_new = rtk_server_db_int (row, 0) != 0;
    has_all = rtk_server_db_int (row, 1) != 0;
  }
  rtk_server_db_end (row);
  if (!is_new)
    return RTK_SERVER_REFUSED_REUSED;
  return has_all ? RTK_SERVER_APPLIED : RTK_SERVER_RETRY_PHOTO;
}

static RtkServerVerdict
check_submit (RtkServerStore *store, RtkOperation *operation, const RtkServerTarget *target)
{
  JsonObject      *body = rtk_operation_get_body (operation);
  RtkServerVerdict accepted;

  if (target->delivery != RTK_DELIVERY_NONE || target->payment == RTK_PAYMENT_UNPAID ||
      target->payment == RTK_PAYMENT_CLOSED)
    return RTK_SERVER_REFUSED_STATE;
  if (!rtk_server_consent_is_there (store, rtk_operation_get_order_id (operation)))
    return RTK_SERVER_REFUSED_CONSENT;
  if (!rtk_id_is_valid (get_text (body, "submission")))
    return RTK_SERVER_REFUSED_BODY;
  accepted = check_overrides (store, operation);
  if (accepted != RTK_SERVER_APPLIED)
    return accepted;
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    if (!rtk_sha256_is_valid (get_text (body, parts[i])))
      return RTK_SERVER_REFUSED_BODY;
  return check_rows (store, body);
}

/* Who made this one saw the older ones of the desk: they need no reviewer any more, unless one has
 * begun with them. CASE: without statistics PostgreSQL would look among all that are submitted. */
static gboolean
supersede_older (RtkServerStore *store, const char *order_id, GError **error)
{
  return rtk_server_db_run (store->db, error,
                            "UPDATE submissions SET state = 'superseded', waiting = NULL"
                            " WHERE order_id = ? AND origin = 'desk' AND CASE WHEN state ="
                            " 'submitted' AND stage = 'first' AND lease_by IS NULL THEN 1 ELSE 0"
                            " END = 1",
                            "s", order_id);
}

/* As they are kept: no members but those that were looked at. */
static char *
make_overrides (JsonArray *overrides)
{
  static const char *const members[] = {"check", "reason", "by"};
  g_auto (RtkServerJson) json = {0};

  rtk_server_json_init (&json);
  rtk_server_json_begin (&json, NULL, '[');
  for (guint i = 0; i < json_array_get_length (overrides); i++) {
    rtk_server_json_begin (&json, NULL, '{');
    for (guint m = 0; m < G_N_ELEMENTS (members); m++)
      rtk_server_json_string (&json, members[m],
                              get_text (json_array_get_object_element (overrides, i), members[m]));
    rtk_server_json_end (&json, '}');
  }
  rtk_server_json_end (&json, ']');
  return g_strdup (json.text->str);
}

/* For the audit log: where it comes from, and what was accepted by whom. */
static char *
make_detail (const RtkServerOrigin *origin, const char *overrides)
{
  g_auto (RtkServerJson) json = {0};

  rtk_server_json_init (&json);
  rtk_server_json_begin (&json, NULL, '{');
  rtk_server_origin_write (&json, origin);
  if (strcmp (overrides, "[]") != 0)
    rtk_server_json_raw (&json, "overrides", overrides);
  rtk_server_json_end (&json, '}');
  return g_strdup (json.text->str);
}

static gboolean
apply_submit (RtkServerStore        *store,
              RtkOperation          *operation,
              const RtkServerOrigin *origin,
              GError               **error)
{
  JsonObject         *body = rtk_operation_get_body (operation);
  g_autofree char    *overrides = make_overrides (json_object_get_array_member (body, "overrides"));
  g_autofree char    *detail = make_detail (origin, overrides);
  RtkServerSubmission submission = {
      .id = get_text (body, "submission"),
      .order_id = rtk_operation_get_order_id (operation),
      .origin = "desk",
      .original = get_text (body, "original"),
      .alpha = get_text (body, "alpha"),
      .delivered = get_text (body, "delivered"),
      .certificate = get_text (body, "certificate"),
      .report = get_text (body, "report"),
      .overrides = overrides,
      .operation = rtk_operation_get_id (operation),
      .detail = detail,
  };

  return supersede_older (store, submission.order_id, error) &&
         rtk_server_submission_add (store, &submission, origin->actor, error);
}

const RtkServerOperationKind rtk_server_operation_submit = {RTK_OPERATION_SUBMIT, MAY_SUBMIT, TRUE,
                                                            check_submit, apply_submit};

/* What the client's engine said of the photo, for the queue of the reviewers: "pass", "warn",
 * "fail", or "unknown" when the report does not say. It is never trusted: it decides nothing. */
static char *
read_engine (RtkServerStore *store, const char *report)
{
  static const char *const verdicts[] = {"pass", "warn", "fail"};
  g_autoptr (GBytes) bytes = rtk_server_photo_load (store, report, RTK_SERVER_MAX_REPORT);
  g_autoptr (JsonObject) object = NULL;
  const char *verdict = NULL;

  if (bytes != NULL && g_bytes_get_size (bytes) > 0)
    object = rtk_json_parse_object (g_bytes_get_data (bytes, NULL),
                                    (gssize)g_bytes_get_size (bytes), NULL);
  if (object != NULL)
    verdict = get_text (object, "verdict");
  for (guint i = 0; i < G_N_ELEMENTS (verdicts); i++)
    if (g_strcmp0 (verdict, verdicts[i]) == 0)
      return g_strdup (verdict);
  return g_strdup ("unknown");
}

/**
 * rtk_server_submission_add:
 * @store: a store, in a transaction
 * @submission: what it is made of; the parts are there
 * @actor: for the audit log
 * @error: return location
 *
 * Adds a submission to its order, counts it as the order's next attempt, and touches the order.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_submission_add (RtkServerStore            *store,
                           const RtkServerSubmission *submission,
                           const char                *actor,
                           GError                   **error)
{
  g_autofree char *engine = read_engine (store, submission->report);

  return rtk_server_db_run (
             store->db, error,
             "INSERT INTO submissions (id, order_id, state, origin, original, alpha, delivered,"
             " certificate, report, overrides, operation, actor, engine, attempt, created_at, "
             "batch,"
             " school) SELECT ?1, ?2, 'submitted', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
             " (SELECT coalesce (max (x.attempt), 0) + 1 FROM submissions x WHERE x.order_id = ?2),"
             " ?13, b.id, b.school FROM orders o JOIN roster r ON r.id = o.roster"
             " JOIN batches b ON b.id = r.batch WHERE o.id = ?2",
             "ssssssssssssi", submission->id, submission->order_id, submission->origin,
             submission->original, submission->alpha, submission->delivered,
             submission->certificate, submission->report, submission->overrides,
             submission->operation, actor, engine, g_get_real_time ()) &&
         rtk_server_db_run (store->db, error,
                            "UPDATE photos SET named = 1 WHERE sha256 IN (?, ?, ?, ?, ?)"
                            " AND named = 0",
                            "sssss", submission->original, submission->alpha, submission->delivered,
                            submission->certificate, submission->report) &&
         rtk_server_order_touch (store, submission->order_id, error) &&
         rtk_server_audit_add (store, actor, "submission.create", submission->id,
                               submission->detail, error);
}
