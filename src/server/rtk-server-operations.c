/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-operations.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-json.h"

#include <string.h>

/* Results that are written together. */
#define MAX_RESULTS 32

#define ACTOR_ID RTK_SERVER_STAFF_FIND ("?3", "?4")

/**
 * Meaning:
 * @outcome: on the wire
 * @problem: (nullable): end of the problem's type
 * @title: (nullable): one English sentence
 * @keep: whether it is remembered, so that the same operation gets the same answer; not what has
 *   a cause that may pass: people are added, orders come again after a restore and are paid for
 */
typedef struct {
  RtkOutcome  outcome;
  const char *problem;
  const char *title;
  gboolean    keep;
} Meaning;

static const Meaning meanings[RTK_SERVER_N_VERDICTS] = {
    [RTK_SERVER_APPLIED] = {RTK_OUTCOME_APPLIED, NULL, NULL, TRUE},
    [RTK_SERVER_DUPLICATE] = {RTK_OUTCOME_DUPLICATE, NULL, NULL, FALSE},
    [RTK_SERVER_CONFLICT_STALE] = {RTK_OUTCOME_CONFLICT, "stale-revision",
                                   "The order changed in the meantime.", TRUE},
    [RTK_SERVER_REFUSED_ACTOR] = {RTK_OUTCOME_REFUSED, "unknown-actor",
                                  "No member of staff of this name is known.", FALSE},
    [RTK_SERVER_REFUSED_BODY] = {RTK_OUTCOME_REFUSED, "bad-body",
                                 "The operation's body is not what it should be.", TRUE},
    [RTK_SERVER_REFUSED_CONSENT] = {RTK_OUTCOME_REFUSED, "consent-missing",
                                    "The graduate's consent to face processing is needed first.",
                                    FALSE},
    [RTK_SERVER_REFUSED_KIND] = {RTK_OUTCOME_REFUSED, "unknown-kind",
                                 "This kind of operation is not known.", FALSE},
    [RTK_SERVER_REFUSED_ORDER] = {RTK_OUTCOME_REFUSED, "not-found", "There is no such order.",
                                  FALSE},
    [RTK_SERVER_REFUSED_PRINTS] = {RTK_OUTCOME_REFUSED, "too-many-prints",
                                   "Too many prints of this order wait already.", FALSE},
    [RTK_SERVER_REFUSED_REUSED] = {RTK_OUTCOME_REFUSED, "id-reused",
                                   "This id belongs to something else.", FALSE},
    [RTK_SERVER_REFUSED_ROLE] = {RTK_OUTCOME_REFUSED, "forbidden",
                                 "The role of the member of staff does not allow this.", FALSE},
    [RTK_SERVER_REFUSED_SIGNATURE] = {RTK_OUTCOME_REFUSED, "bad-signature",
                                      "The signature is not the station's.", FALSE},
    [RTK_SERVER_REFUSED_STATE] = {RTK_OUTCOME_REFUSED, "not-retakable",
                                  "The order is not paid for, or is delivered.", FALSE},
    [RTK_SERVER_REFUSED_STATION] = {RTK_OUTCOME_REFUSED, "wrong-station",
                                    "The operation is of another station.", FALSE},
    [RTK_SERVER_REFUSED_UNPAID] = {RTK_OUTCOME_REFUSED, "not-printable",
                                   "The order is not paid for, or has no photo.", FALSE},
    [RTK_SERVER_RETRY_PHOTO] = {RTK_OUTCOME_RETRY, "missing-photo",
                                "A photo is missing: upload it first.", FALSE},
};

/* Every kind of operation the server knows. */
static const RtkServerOperationKind *const kinds[] = {
    &rtk_server_operation_note,
    &rtk_server_operation_print,
    &rtk_server_operation_submit,
    &rtk_server_operation_consent,
};

static const RtkServerOperationKind *
find_kind (RtkOperation *operation)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (strcmp (kinds[i]->name, rtk_operation_get_kind (operation)) == 0)
      return kinds[i];
  return NULL;
}

/**
 * rtk_server_operation_get_text:
 * @operation: an operation
 * @member: of its body
 *
 * Returns: (nullable): the text, %NULL when it is missing or something else
 */
const char *
rtk_server_operation_get_text (RtkOperation *operation, const char *member)
{
  JsonObject *body = rtk_operation_get_body (operation);

  return json_object_has_member (body, member) ? rtk_json_get_string (body, member, NULL) : NULL;
}

/**
 * rtk_server_operation_find_who:
 * @store: a store
 * @name: of a member of staff, as an operation gives it
 *
 * Returns: their role as a mask of #RtkServerWho; 0 for nobody and for the disabled
 */
guint
rtk_server_operation_find_who (RtkServerStore *store, const char *name)
{
  g_autofree char *id = rtk_server_staff_find (store, name);
  g_autofree char *role = rtk_server_db_dup_text (
      store->db, "SELECT role FROM staff WHERE id = ? AND enabled = 1", "s", id);

  return role != NULL ? rtk_server_role_to_who (role) : 0;
}

/**
 * rtk_server_origin_write:
 * @json: inside an object
 * @self: where an operation comes from
 *
 * Writes the members of the audit log's detail that say so; the actor stands beside it.
 */
void
rtk_server_origin_write (RtkServerJson *json, const RtkServerOrigin *self)
{
  rtk_server_json_string (json, "station", self->station);
  rtk_server_json_string (json, "operation", self->operation);
  rtk_server_json_string (json, "session", self->session);
}

/**
 * rtk_server_origin_make_detail:
 * @self: where an operation comes from
 *
 * Returns: (transfer full): a detail for the audit log that says nothing else
 */
char *
rtk_server_origin_make_detail (const RtkServerOrigin *self)
{
  g_auto (RtkServerJson) json = {0};

  rtk_server_json_init (&json);
  rtk_server_json_begin (&json, NULL, '{');
  rtk_server_origin_write (&json, self);
  rtk_server_json_end (&json, '}');
  return g_strdup (json.text->str);
}

/**
 * Known:
 * @digest: (owned) (nullable): of the same operation when it came before
 * @problem: (owned) (nullable): what was wrong with it then
 * @who: role of the member of staff it names, as a mask; 0 for nobody and for the disabled
 * @has_target: whether there is the order
 * @target: the order
 *
 * What the database says of an operation.
 */
typedef struct {
  char           *digest;
  char           *problem;
  guint           who;
  gboolean        has_target;
  RtkServerTarget target;
} Known;

static void
known_clear (Known *self)
{
  g_free (self->digest);
  g_free (self->problem);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Known, known_clear)

/* All of it in one query, since a batch has many operations. */
static gboolean
find_known (RtkServerStore *store, RtkOperation *operation, Known *out, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autofree char *name_key = rtk_server_name_fold (rtk_operation_get_actor (operation));
  RtkServerRows   *row = rtk_server_db_query (
        store->db, &local_error,
        "SELECT k.digest, k.problem, s.role, o.revision, o.payment, o.delivery"
          " FROM (SELECT 1 AS one) x LEFT JOIN operations k ON k.id = ?1"
          " LEFT JOIN orders o ON o.id = ?2"
          " LEFT JOIN staff s ON s.enabled = 1 AND s.id = (" ACTOR_ID ")",
        "ssss", rtk_operation_get_id (operation), rtk_operation_get_order_id (operation), name_key,
        rtk_operation_get_actor (operation));

  if (rtk_server_db_next (store->db, row, &local_error)) {
    out->digest = g_strdup (rtk_server_db_text (row, 0));
    out->problem = g_strdup (rtk_server_db_text (row, 1));
    out->who =
        !rtk_server_db_is_null (row, 2) ? rtk_server_role_to_who (rtk_server_db_text (row, 2)) : 0;
    out->target.revision = rtk_server_db_int (row, 3);
    out->has_target = !rtk_server_db_is_null (row, 4) &&
                      rtk_payment_from_string (rtk_server_db_text (row, 4), &out->target.payment) &&
                      rtk_delivery_from_string (rtk_server_db_text (row, 5), &out->target.delivery);
  }
  rtk_server_db_end (row);
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

/* Everything that can be wrong, the caller's fault before the order's state. */
static RtkServerVerdict
check_operation (RtkServerStore               *store,
                 RtkOperation                 *operation,
                 const RtkServerOperationKind *kind,
                 const Known                  *known)
{
  if (known->who == 0)
    return RTK_SERVER_REFUSED_ACTOR;
  if (kind == NULL)
    return RTK_SERVER_REFUSED_KIND;
  if ((kind->who & known->who) == 0)
    return RTK_SERVER_REFUSED_ROLE;
  if (!known->has_target)
    return RTK_SERVER_REFUSED_ORDER;
  if (kind->is_versioned && rtk_operation_get_base_revision (operation) != known->target.revision)
    return RTK_SERVER_CONFLICT_STALE;
  return kind->check (store, operation, &known->target);
}

/* What was answered before to the same operation; RTK_SERVER_N_VERDICTS when it is new, or when it
 * was refused by an older program that remembered more. */
static RtkServerVerdict
judge_again (const Known *known, const char *digest)
{
  if (known->digest == NULL)
    return RTK_SERVER_N_VERDICTS;
  if (strcmp (known->digest, digest) != 0)
    return RTK_SERVER_REFUSED_REUSED;
  if (known->problem == NULL)
    return RTK_SERVER_DUPLICATE;
  for (guint i = 0; i < G_N_ELEMENTS (meanings); i++)
    if (meanings[i].keep && g_strcmp0 (meanings[i].problem, known->problem) == 0)
      return (RtkServerVerdict)i;
  return RTK_SERVER_N_VERDICTS;
}

static gboolean
remember (RtkServerStore *store,
          RtkOperation   *operation,
          const Meaning  *meaning,
          const char     *content,
          const char     *digest,
          GError        **error)
{
  return rtk_server_db_run (
      store->db, error,
      "INSERT INTO operations (id, order_id, kind, station, digest, outcome,"
      " problem, content, received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
      " ON CONFLICT (id) DO UPDATE SET outcome = excluded.outcome, problem = excluded.problem,"
      " received_at = excluded.received_at",
      "ssssssssi", rtk_operation_get_id (operation), rtk_operation_get_order_id (operation),
      rtk_operation_get_kind (operation), rtk_operation_get_station_id (operation), digest,
      rtk_outcome_to_string (meaning->outcome), meaning->problem, content, g_get_real_time ());
}

/**
 * Result:
 * @operation: (unowned): what was done
 * @verdict: how it came out
 * @content: (owned) (nullable): the operation as it is kept
 *
 * A result that is not written yet.
 */
typedef struct {
  RtkOperation    *operation;
  RtkServerVerdict verdict;
  char            *content;
} Result;

static void
result_clear (gpointer data)
{
  g_free (((Result *)data)->content);
}

/* A conflict answers with both sides: the order as it is, and the operation as it is kept. */
static void
write_result (RtkServerJson *json, const Result *result, GHashTable *orders)
{
  const Meaning *meaning = &meanings[result->verdict];
  const char *order = g_hash_table_lookup (orders, rtk_operation_get_order_id (result->operation));

  rtk_server_json_begin (json, NULL, '{');
  rtk_server_json_string (json, "id", rtk_operation_get_id (result->operation));
  rtk_server_json_string (json, "outcome", rtk_outcome_to_string (meaning->outcome));
  rtk_server_json_raw (json, "order", order != NULL ? order : "null");
  rtk_server_json_raw (json, "mine",
                       meaning->outcome == RTK_OUTCOME_CONFLICT ? result->content : "null");
  if (meaning->problem != NULL)
    rtk_server_problem_write (json, "problem", meaning->outcome == RTK_OUTCOME_REFUSED ? 422 : 409,
                              meaning->problem, meaning->title);
  else
    rtk_server_json_string (json, "problem", NULL);
  rtk_server_json_end (json, '}');
}

/* Writes the results that wait: their orders are read together. */
static gboolean
write_results (RtkServerStore *store, RtkServerCall *call, GArray *results, GError **error)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new ();
  g_autoptr (GHashTable) orders = NULL;

  for (guint i = 0; i < results->len; i++)
    g_ptr_array_add (
        ids, (gpointer)rtk_operation_get_order_id (g_array_index (results, Result, i).operation));
  orders = rtk_server_orders_read (store, ids, call->station, error);
  if (orders == NULL)
    return FALSE;
  for (guint i = 0; i < results->len; i++)
    write_result (&call->answer, &g_array_index (results, Result, i), orders);
  g_array_set_size (results, 0);
  return TRUE;
}

/* Whether what waits has to be written before an operation is done: each result shows the order as
 * its own operation left it. */
static gboolean
is_in_the_way (GArray *results, RtkOperation *operation, const RtkServerOperationKind *kind)
{
  if (results->len >= MAX_RESULTS || kind == &rtk_server_operation_consent)
    return TRUE;
  for (guint i = 0; i < results->len; i++)
    if (strcmp (rtk_operation_get_order_id (g_array_index (results, Result, i).operation),
                rtk_operation_get_order_id (operation)) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
apply_operation (RtkServerStore               *store,
                 RtkServerCall                *call,
                 RtkOperation                 *operation,
                 const RtkServerOperationKind *kind,
                 GError                      **error)
{
  g_autofree char      *actor = g_strconcat ("staff:", rtk_operation_get_actor (operation), NULL);
  const RtkServerOrigin origin = {actor, call->station, rtk_operation_get_id (operation),
                                  call->actor};

  return kind->apply (store, operation, &origin, error);
}

/* Does what was signed by the station. *@out_content is the operation as it is kept. */
static gboolean
do_signed (RtkServerStore               *store,
           RtkServerCall                *call,
           RtkOperation                 *operation,
           const RtkServerOperationKind *kind,
           RtkServerVerdict             *out_verdict,
           char                        **out_content,
           GError                      **error)
{
  g_autoptr (JsonNode) node = rtk_operation_to_json (operation);
  /* JSON has no order of members: what was signed decides whether it is the same. */
  g_autoptr (GBytes) canonical = rtk_json_canonical (node, error);
  g_auto (Known) known = {0};
  char digest[65];

  if (canonical == NULL || !find_known (store, operation, &known, error))
    return FALSE;
  *out_content = g_strndup (g_bytes_get_data (canonical, NULL), g_bytes_get_size (canonical));
  rtk_sha256_hex ((const guint8 *)*out_content, strlen (*out_content), digest);
  *out_verdict = judge_again (&known, digest);
  if (*out_verdict != RTK_SERVER_N_VERDICTS)
    return TRUE;
  *out_verdict = check_operation (store, operation, kind, &known);
  if (*out_verdict == RTK_SERVER_APPLIED && !apply_operation (store, call, operation, kind, error))
    return FALSE;
  return !meanings[*out_verdict].keep ||
         remember (store, operation, &meanings[*out_verdict], *out_content, digest, error);
}

static gboolean
do_operation (RtkServerStore *store,
              RtkServerCall  *call,
              RtkOperation   *operation,
              const char     *station_key,
              GArray         *results,
              GError        **error)
{
  const RtkServerOperationKind *kind = find_kind (operation);
  Result                        result = {.operation = operation};
  gboolean                      ok = TRUE;

  if (is_in_the_way (results, operation, kind) && !write_results (store, call, results, error))
    return FALSE;
  if (strcmp (rtk_operation_get_station_id (operation), call->station) != 0)
    result.verdict = RTK_SERVER_REFUSED_STATION;
  else if (!rtk_operation_check_signature (operation, station_key))
    result.verdict = RTK_SERVER_REFUSED_SIGNATURE;
  else
    ok = do_signed (store, call, operation, kind, &result.verdict, &result.content, error);
  g_array_append_val (results, result);
  return ok;
}

/* POST /v1/operations: the batch is one transaction, so that it costs one durable commit; an
 * operation that is refused changes nothing and does not stop the others. */
RTK_SERVER_HANDLER (operations)
{
  JsonArray       *array = rtk_server_call_get_array (call, "operations");
  g_autofree char *station_key = NULL;
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GArray) results = g_array_new (FALSE, FALSE, sizeof (Result));

  g_array_set_clear_func (results, result_clear);
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
  station_key = rtk_server_db_dup_text (store->db,
                                        "SELECT key FROM stations WHERE id = ?"
                                        " AND revoked_at IS NULL",
                                        "s", call->station);
  if (station_key == NULL)
    return rtk_server_call_fail (call, 403, "station-revoked",
                                 "This station's key was revoked. Enrol it with a new key.");
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_begin (&call->answer, "results", '[');
  for (guint i = 0; i < list->len; i++)
    if (!do_operation (store, call, g_ptr_array_index (list, i), station_key, results, error))
      return FALSE;
  if (!write_results (store, call, results, error))
    return FALSE;
  rtk_server_json_end (&call->answer, ']');
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return TRUE;
}
