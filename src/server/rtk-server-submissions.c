/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-check.h"
#include "core/rtk-id.h"
#include "core/rtk-json.h"
#include "server/rtk-server-many-private.h"
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

/* Who accepts a failed rule answers for it by name: somebody who may submit. */
static RtkServerVerdict
check_overrides (RtkServerStore *store, RtkOperation *operation, GHashTable *people)
{
  JsonArray *overrides = rtk_json_get_array (rtk_operation_get_body (operation), "overrides", NULL);

  if (overrides == NULL || json_array_get_length (overrides) > RTK_N_CHECKS)
    return RTK_SERVER_REFUSED_BODY;
  for (guint i = 0; i < json_array_get_length (overrides); i++) {
    JsonObject *item = rtk_json_node_get_object (json_array_get_element (overrides, i), NULL);
    const char *by;
    guint       who;

    if (!override_is_right (item))
      return RTK_SERVER_REFUSED_BODY;
    by = get_text (item, "by");
    who = rtk_server_operation_find_who (store, people, by);
    if ((who & MAY_SUBMIT) == 0)
      return who == 0 ? RTK_SERVER_REFUSED_ACTOR : RTK_SERVER_REFUSED_ROLE;
  }
  return RTK_SERVER_APPLIED;
}

static RtkServerVerdict
check_submit (RtkServerStore *store, RtkOperation *operation, const RtkServerTarget *target)
{
  JsonObject      *body = rtk_operation_get_body (operation);
  RtkServerVerdict accepted;

  if (target->delivery != RTK_DELIVERY_NONE || target->payment == RTK_PAYMENT_UNPAID ||
      target->payment == RTK_PAYMENT_CLOSED)
    return RTK_SERVER_REFUSED_STATE;
  if (!target->consents)
    return RTK_SERVER_REFUSED_CONSENT;
  if (!rtk_id_is_valid (get_text (body, "submission")))
    return RTK_SERVER_REFUSED_BODY;
  accepted = check_overrides (store, operation, target->people);
  if (accepted != RTK_SERVER_APPLIED)
    return accepted;
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    if (!rtk_sha256_is_valid (get_text (body, parts[i])))
      return RTK_SERVER_REFUSED_BODY;
  if (!target->is_new)
    return RTK_SERVER_REFUSED_REUSED;
  return target->has_all ? RTK_SERVER_APPLIED : RTK_SERVER_RETRY_PHOTO;
}

/* Who made one saw the older ones of the desk: they need no reviewer any more, unless one has begun
 * with them. CASE: without statistics PostgreSQL would look among all that are submitted. */
static gboolean
supersede_older (RtkServerStore            *store,
                 const RtkServerSubmission *submissions,
                 guint                      n,
                 GError                   **error)
{
  static RtkServerMany update = {
      "UPDATE submissions SET state = 'superseded', waiting = NULL WHERE order_id IN # AND"
      " origin = 'desk' AND CASE WHEN state = 'submitted' AND stage = 'first' AND lease_by IS NULL"
      " THEN 1 ELSE 0 END = 1",
      "", "s", 0};
  RtkServerManyRows rows;

  rtk_server_many_init (&rows, &update);
  for (guint i = 0; i < n; i++)
    rtk_server_many_add (&rows, submissions[i].order_id);
  return rtk_server_many_run (&rows, store->db, error);
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
apply_submits (RtkServerStore        *store,
               RtkOperation *const   *operations,
               const RtkServerOrigin *origins,
               guint                  n,
               GError               **error)
{
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  RtkServerSubmission submissions[RTK_SERVER_MANY];

  for (guint i = 0; i < n; i++) {
    JsonObject *body = rtk_operation_get_body (operations[i]);
    char       *overrides = make_overrides (json_object_get_array_member (body, "overrides"));
    char       *detail = make_detail (&origins[i], overrides);

    g_ptr_array_add (texts, overrides);
    g_ptr_array_add (texts, detail);
    submissions[i] = (RtkServerSubmission){
        .id = get_text (body, "submission"),
        .order_id = rtk_operation_get_order_id (operations[i]),
        .origin = "desk",
        .original = get_text (body, "original"),
        .alpha = get_text (body, "alpha"),
        .delivered = get_text (body, "delivered"),
        .certificate = get_text (body, "certificate"),
        .report = get_text (body, "report"),
        .overrides = overrides,
        .operation = rtk_operation_get_id (operations[i]),
        .actor = origins[i].actor,
        .detail = detail,
    };
  }
  return supersede_older (store, submissions, n, error) &&
         rtk_server_submissions_add (store, submissions, n, error);
}

const RtkServerOperationKind rtk_server_operation_submit = {
    RTK_OPERATION_SUBMIT, MAY_SUBMIT, TRUE, check_submit, NULL, apply_submits};

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

/* Serials come from here and not from the database, so that a submission that waits is written once
 * and not twice: it is in many indexes. LIMIT: payment and consent are looked at once. */
static gboolean
insert_rows (RtkServerStore *store, const RtkServerSubmission *submissions, guint n, GError **error)
{
  static RtkServerMany insert = {
      "INSERT INTO submissions (id, order_id, state, origin, original, alpha, delivered,"
      " certificate, report, overrides, operation, actor, engine, attempt, created_at, batch,"
      " school, serial, waiting, waiting_since) SELECT w.column2, w.column3, 'submitted', ?2,"
      " w.column4, w.column5, w.column6, w.column7, w.column8, w.column9, w.column10, w.column11,"
      " w.column12, (SELECT coalesce (max (x.attempt), 0) + 1 FROM submissions x WHERE x.order_id ="
      " w.column3), ?1, (SELECT r.batch FROM orders o JOIN roster r ON r.id = o.roster"
      " WHERE o.id = w.column3), (SELECT b.school FROM orders o JOIN roster r ON r.id = o.roster"
      " JOIN batches b ON b.id = r.batch WHERE o.id = w.column3), w.serial,"
      " CASE WHEN w.may = 1 THEN w.serial END, CASE WHEN w.may = 1 THEN ?1 END"
      " FROM (SELECT v.*, " RTK_SERVER_NEXT_SERIAL " - 1 + v.column1 AS serial, (SELECT CASE WHEN"
      " " RTK_SERVER_IS_PAID_FOR " AND " RTK_SERVER_CONSENTS (
          "?3") " THEN 1 ELSE 0 END FROM orders o WHERE o.id = v.column3) AS may FROM @ v WHERE"
                " v.column2 IS NOT NULL LIMIT " G_STRINGIFY (
                    RTK_SERVER_MANY) ") w ORDER BY w.column1",
      "isi", "sssssssssss", 0};
  static RtkServerMany name_photos = {"UPDATE photos SET named = 1 WHERE sha256 IN # AND named = 0",
                                      "", "sssss", 0};
  g_autoptr (GPtrArray) engines = g_ptr_array_new_with_free_func (g_free);
  RtkServerManyRows rows;
  RtkServerManyRows photos;

  rtk_server_many_init (&rows, &insert, g_get_real_time (), submissions->origin,
                        (gint64)store->config->require_consent);
  rtk_server_many_init (&photos, &name_photos);
  for (guint i = 0; i < n; i++) {
    const RtkServerSubmission *self = &submissions[i];
    char                      *engine = read_engine (store, self->report);

    g_ptr_array_add (engines, engine);
    rtk_server_many_add (&rows, self->id, self->order_id, self->original, self->alpha,
                         self->delivered, self->certificate, self->report, self->overrides,
                         self->operation, self->actor, engine);
    rtk_server_many_add (&photos, self->original, self->alpha, self->delivered, self->certificate,
                         self->report);
  }
  return rtk_server_many_run (&rows, store->db, error) &&
         rtk_server_many_run (&photos, store->db, error);
}

/**
 * rtk_server_submissions_add:
 * @store: a store, in a transaction
 * @submissions: (array length=n): what they are made of; the parts are there, no order is there
 *   twice, and all are of one origin
 * @n: from 1 to %RTK_SERVER_MANY
 * @error: return location
 *
 * Adds each submission to its order, counts it as the order's next attempt, says whether it waits
 * for a reviewer, and touches the order. That older ones do not wait any more is up to the caller.
 *
 * Returns: whether they were written
 */
gboolean
rtk_server_submissions_add (RtkServerStore            *store,
                            const RtkServerSubmission *submissions,
                            guint                      n,
                            GError                   **error)
{
  RtkServerAuditEntry entries[RTK_SERVER_MANY];
  const char         *orders[RTK_SERVER_MANY];

  for (guint i = 0; i < n; i++) {
    entries[i] = (RtkServerAuditEntry){submissions[i].actor, "submission.create", submissions[i].id,
                                       submissions[i].detail};
    orders[i] = submissions[i].order_id;
  }
  return insert_rows (store, submissions, n, error) &&
         rtk_server_orders_touch (store, orders, n, error) &&
         rtk_server_audit_add_entries (store, entries, n, error);
}
