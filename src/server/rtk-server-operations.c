/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-check.h"
#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-json.h"
#include "core/rtk-operation.h"
#include "server/rtk-server-call.h"

#include <string.h>

/* What becomes of one operation. */
typedef struct {
  RtkOutcome  outcome;
  const char *problem; /* (nullable): static, the end of the problem's type */
  const char *title;   /* static */
  gboolean    keep;    /* remembered: the same operation gets the same answer */
} Verdict;

static const Verdict refused_signature = {RTK_OUTCOME_REFUSED, "bad-signature",
                                          "The signature is not the station's.", FALSE};
static const Verdict refused_station = {RTK_OUTCOME_REFUSED, "wrong-station",
                                        "The operation is of another station.", FALSE};
static const Verdict refused_reused = {RTK_OUTCOME_REFUSED, "id-reused",
                                       "This id belongs to something else.", FALSE};
static const Verdict refused_actor = {RTK_OUTCOME_REFUSED, "unknown-actor",
                                      "No member of staff of this name is known.", TRUE};
static const Verdict refused_order = {RTK_OUTCOME_REFUSED, "not-found", "There is no such order.",
                                      TRUE};
static const Verdict refused_kind = {RTK_OUTCOME_REFUSED, "unknown-kind",
                                     "This kind of operation is not known.", TRUE};
static const Verdict refused_body = {RTK_OUTCOME_REFUSED, "bad-body",
                                     "The operation's body is not what it should be.", TRUE};
static const Verdict refused_state = {RTK_OUTCOME_REFUSED, "not-retakable",
                                      "The order is not paid for, or is delivered.", TRUE};
static const Verdict conflict_stale = {RTK_OUTCOME_CONFLICT, "stale-revision",
                                       "The order changed in the meantime.", TRUE};
static const Verdict retry_photo = {RTK_OUTCOME_RETRY, "missing-photo",
                                    "A photo is missing: upload it first.", FALSE};
static const Verdict applied = {RTK_OUTCOME_APPLIED, NULL, NULL, TRUE};

static const Verdict *const kept_verdicts[] = {&refused_actor, &refused_order, &refused_kind,
                                               &refused_body,  &refused_state, &conflict_stale};

static const char *
get_text (JsonObject *object, const char *member)
{
  return json_object_has_member (object, member) ? rtk_json_get_string (object, member, NULL)
                                                 : NULL;
}

static gboolean
overrides_are_right (JsonArray *overrides)
{
  if (overrides == NULL || json_array_get_length (overrides) > RTK_N_CHECKS)
    return FALSE;
  for (guint i = 0; i < json_array_get_length (overrides); i++) {
    JsonObject *item = rtk_json_node_get_object (json_array_get_element (overrides, i), NULL);
    RtkCheckId  check;

    if (item == NULL || !rtk_check_id_from_string (get_text (item, "check"), &check) ||
        get_text (item, "reason") == NULL || get_text (item, "by") == NULL)
      return FALSE;
  }
  return TRUE;
}

static const char *const parts[] = {"original", "alpha", "delivered", "certificate", "report"};

static const Verdict *
check_submission (RtkServerStore *store, RtkOperation *operation)
{
  JsonObject *body = rtk_operation_get_body (operation);

  if (!rtk_id_is_valid (get_text (body, "submission")) ||
      !overrides_are_right (rtk_json_get_array (body, "overrides", NULL)))
    return &refused_body;
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    if (!rtk_sha256_is_valid (get_text (body, parts[i])))
      return &refused_body;
  if (rtk_server_db_get_int (store->db, 0, "SELECT EXISTS (SELECT 1 FROM submissions WHERE id = ?)",
                             "s", get_text (body, "submission")) != 0)
    return &refused_reused;
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    if (!rtk_server_photo_is_there (store, get_text (body, parts[i])))
      return &retry_photo;
  return &applied;
}

/* Everything that can be wrong, the caller's fault before the order's state. */
static const Verdict *
check_operation (RtkServerStore *store, RtkOperation *operation)
{
  const char    *order_id = rtk_operation_get_order_id (operation);
  RtkServerRows *row;
  RtkPayment     payment = RTK_PAYMENT_UNPAID;
  RtkDelivery    delivery = RTK_DELIVERY_NONE;
  gint64         revision = -1;

  if (rtk_server_db_get_int (store->db, 0,
                             "SELECT EXISTS (SELECT 1 FROM staff WHERE lower (name) = lower (?))",
                             "s", rtk_operation_get_actor (operation)) == 0)
    return &refused_actor;
  if (strcmp (rtk_operation_get_kind (operation), RTK_OPERATION_SUBMIT) != 0)
    return &refused_kind;
  row = rtk_server_db_query (store->db, NULL,
                             "SELECT revision, payment, delivery FROM orders WHERE id = ?", "s",
                             order_id);
  if (rtk_server_db_next (store->db, row, NULL)) {
    revision = rtk_server_db_int (row, 0);
    (void)rtk_payment_from_string (rtk_server_db_text (row, 1), &payment);
    (void)rtk_delivery_from_string (rtk_server_db_text (row, 2), &delivery);
  }
  rtk_server_db_end (row);
  if (revision < 0)
    return &refused_order;
  if (rtk_operation_get_base_revision (operation) != revision)
    return &conflict_stale;
  if (delivery != RTK_DELIVERY_NONE || payment == RTK_PAYMENT_UNPAID ||
      payment == RTK_PAYMENT_CLOSED)
    return &refused_state;
  return check_submission (store, operation);
}

static gboolean
apply_submission (RtkServerStore *store, RtkOperation *operation, GError **error)
{
  JsonObject      *body = rtk_operation_get_body (operation);
  const char      *order_id = rtk_operation_get_order_id (operation);
  g_autofree char *actor = g_strconcat ("staff:", rtk_operation_get_actor (operation), NULL);
  g_autofree char *overrides = json_to_string (json_object_get_member (body, "overrides"), FALSE);

  return rtk_server_db_run (store->db, error,
                            "INSERT INTO submissions (id, order_id, state, origin, original, alpha,"
                            " delivered, certificate, report, overrides, operation, actor,"
                            " created_at) VALUES (?, ?, 'submitted', 'desk', ?, ?, ?, ?, ?, ?, ?,"
                            " ?, ?)",
                            "ssssssssssi", get_text (body, "submission"), order_id,
                            get_text (body, "original"), get_text (body, "alpha"),
                            get_text (body, "delivered"), get_text (body, "certificate"),
                            get_text (body, "report"), overrides, rtk_operation_get_id (operation),
                            actor, g_get_real_time ()) &&
         rtk_server_order_touch (store, order_id, error) &&
         rtk_server_audit_add (store, actor, "submission.create", get_text (body, "submission"),
                               "{}", error);
}

/* What was answered before to the same operation; NULL when it is new. */
static const Verdict *
find_known (RtkServerStore *store, RtkOperation *operation, const char *digest)
{
  static const Verdict duplicate = {RTK_OUTCOME_DUPLICATE, NULL, NULL, FALSE};
  const Verdict       *verdict = NULL;
  RtkServerRows       *row = rtk_server_db_query (
            store->db, NULL, "SELECT digest, outcome, problem FROM operations WHERE id = ?", "s",
            rtk_operation_get_id (operation));

  if (rtk_server_db_next (store->db, row, NULL)) {
    const char *problem = rtk_server_db_text (row, 2);

    verdict = &refused_reused;
    if (strcmp (rtk_server_db_text (row, 0), digest) == 0) {
      verdict = &duplicate;
      for (guint i = 0; problem != NULL && i < G_N_ELEMENTS (kept_verdicts); i++)
        if (strcmp (kept_verdicts[i]->problem, problem) == 0)
          verdict = kept_verdicts[i];
    }
  }
  rtk_server_db_end (row);
  return verdict;
}

static gboolean
remember (RtkServerStore *store,
          RtkOperation   *operation,
          const Verdict  *verdict,
          const char     *content,
          const char     *digest,
          GError        **error)
{
  return rtk_server_db_run (
      store->db, error,
      "INSERT INTO operations (id, order_id, kind, station, digest, outcome,"
      " problem, content, received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      "ssssssssi", rtk_operation_get_id (operation), rtk_operation_get_order_id (operation),
      rtk_operation_get_kind (operation), rtk_operation_get_station_id (operation), digest,
      rtk_outcome_to_string (verdict->outcome), verdict->problem, content, g_get_real_time ());
}

static gboolean
write_result (RtkServerStore *store,
              RtkServerCall  *call,
              RtkOperation   *operation,
              const Verdict  *verdict,
              GError        **error)
{
  const char *order_id = rtk_operation_get_order_id (operation);

  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_string (&call->answer, "id", rtk_operation_get_id (operation));
  rtk_server_json_string (&call->answer, "outcome", rtk_outcome_to_string (verdict->outcome));
  if (rtk_server_db_get_int (store->db, 0, "SELECT EXISTS (SELECT 1 FROM orders WHERE id = ?)", "s",
                             order_id) == 0)
    rtk_server_json_string (&call->answer, "order", NULL);
  else if (!rtk_server_order_write (store, &call->answer, "order", order_id, call->station, error))
    return FALSE;
  if (verdict->problem != NULL)
    rtk_server_problem_write (&call->answer, "problem",
                              verdict->outcome == RTK_OUTCOME_REFUSED ? 422 : 409, verdict->problem,
                              verdict->title);
  else
    rtk_server_json_string (&call->answer, "problem", NULL);
  rtk_server_json_end (&call->answer, '}');
  return TRUE;
}

static gboolean
do_operation (RtkServerStore *store,
              RtkServerCall  *call,
              RtkOperation   *operation,
              const char     *station_key,
              GError        **error)
{
  g_autoptr (JsonNode) node = rtk_operation_to_json (operation);
  g_autoptr (GBytes) canonical = NULL;
  g_autofree char *content = NULL;
  const Verdict   *verdict;
  char             digest[65];

  if (strcmp (rtk_operation_get_station_id (operation), call->station) != 0)
    return write_result (store, call, operation, &refused_station, error);
  if (!rtk_operation_check_signature (operation, station_key))
    return write_result (store, call, operation, &refused_signature, error);
  /* JSON has no order of members: what was signed decides whether it is the same. */
  canonical = rtk_json_canonical (node, error);
  if (canonical == NULL)
    return FALSE;
  content = g_strndup (g_bytes_get_data (canonical, NULL), g_bytes_get_size (canonical));
  rtk_sha256_hex ((const guint8 *)content, strlen (content), digest);
  verdict = find_known (store, operation, digest);
  if (verdict == NULL) {
    verdict = check_operation (store, operation);
    if (verdict == &applied && !apply_submission (store, operation, error))
      return FALSE;
    if (verdict->keep && !remember (store, operation, verdict, content, digest, error))
      return FALSE;
  }
  return write_result (store, call, operation, verdict, error);
}

/* POST /v1/operations: the batch is one transaction, so that it costs one durable commit; an
 * operation that is refused changes nothing and does not stop the others. */
RTK_SERVER_HANDLER (operations)
{
  JsonArray       *array = rtk_server_call_get_array (call, "operations");
  g_autofree char *station_key = NULL;
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (g_object_unref);

  if (call->station == NULL)
    return rtk_server_call_fail (call, 403, "not-enrolled", "Enrol the station's key first.");
  if (json_array_get_length (array) > store->config->max_page)
    return rtk_server_call_fail (call, 413, "too-large", "Too many operations in one batch.");
  for (guint i = 0; i < json_array_get_length (array); i++) {
    RtkOperation *operation = rtk_operation_from_json (json_array_get_element (array, i), NULL);

    if (operation == NULL)
      return rtk_server_call_fail (call, 422, "bad-operation",
                                   "An operation of the batch is not what it should be.");
    g_ptr_array_add (list, operation);
  }
  station_key = rtk_server_db_dup_text (store->db, "SELECT key FROM stations WHERE id = ?", "s",
                                        call->station);
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_begin (&call->answer, "results", '[');
  for (guint i = 0; i < list->len; i++)
    if (!do_operation (store, call, g_ptr_array_index (list, i), station_key, error))
      return FALSE;
  rtk_server_json_end (&call->answer, ']');
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return TRUE;
}
