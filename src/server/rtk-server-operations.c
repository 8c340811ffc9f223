/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-operations.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-json.h"
#include "server/rtk-server-many-private.h"

#include <string.h>

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
 * Item:
 * @operation: (unowned): what is to be done
 * @kind: (unowned) (nullable): of it
 * @who: role of the member of staff it names, as a mask; 0 for nobody and for the disabled
 * @content: (owned) (nullable): the operation as it is kept
 * @digest: of @content
 * @known: (owned) (nullable): digest of what came before under the same id
 * @problem: (owned) (nullable): what was wrong with it then
 * @has_target: whether there is the order
 * @target: the order
 * @verdict: how it came out; %RTK_SERVER_N_VERDICTS while it is not known
 * @is_fresh: whether the verdict was found now, and not said again
 *
 * An operation whose result is not written yet.
 */
typedef struct {
  RtkOperation                 *operation;
  const RtkServerOperationKind *kind;
  guint                         who;
  char                         *content;
  char                          digest[65];
  char                         *known;
  char                         *problem;
  gboolean                      has_target;
  RtkServerTarget               target;
  RtkServerVerdict              verdict;
  gboolean                      is_fresh;
} Item;

static void
item_clear (gpointer data)
{
  Item *self = data;

  g_free (self->content);
  g_free (self->known);
  g_free (self->problem);
}

/**
 * Batch:
 * @station_key: the public key of the call's station
 * @items: (element-type Item): those that are done, then those that are being done
 * @n_done: how many of them are done
 * @people: see rtk_server_operation_find_who()
 *
 * What is done of a batch: some operations at a time.
 */
typedef struct {
  RtkServerStore *store;
  RtkServerCall  *call;
  const char     *station_key;
  GArray         *items;
  guint           n_done;
  GHashTable     *people;
} Batch;

static Item *
batch_get (const Batch *self, guint index)
{
  return &g_array_index (self->items, Item, index);
}

/* Looks at what needs no database: who signed it. */
static gboolean
item_init (Item *self, RtkOperation *operation, const Batch *batch, GError **error)
{
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GBytes) canonical = NULL;

  *self = (Item){.operation = operation, .kind = find_kind (operation)};
  self->verdict = RTK_SERVER_REFUSED_STATION;
  if (strcmp (rtk_operation_get_station_id (operation), batch->call->station) != 0)
    return TRUE;
  self->verdict = RTK_SERVER_REFUSED_SIGNATURE;
  if (!rtk_operation_check_signature (operation, batch->station_key))
    return TRUE;
  /* JSON has no order of members: what was signed decides whether it is the same. */
  node = rtk_operation_to_json (operation);
  canonical = rtk_json_canonical (node, error);
  if (canonical == NULL)
    return FALSE;
  self->verdict = RTK_SERVER_N_VERDICTS;
  self->content = g_strndup (g_bytes_get_data (canonical, NULL), g_bytes_get_size (canonical));
  rtk_sha256_hex ((const guint8 *)self->content, strlen (self->content), self->digest);
  return TRUE;
}

static gboolean
have_same (const char *a, const char *b)
{
  return a != NULL && g_strcmp0 (a, b) == 0;
}

/* Whether an operation may be done together with those that are being done: none of them can change
 * what is true of it. */
static gboolean
fits (const Batch *self, RtkOperation *operation)
{
  const RtkServerOperationKind *kind = find_kind (operation);

  if (self->n_done == self->items->len)
    return TRUE;
  if (self->items->len - self->n_done >= RTK_SERVER_MANY || kind == NULL || kind->apply_all == NULL)
    return FALSE;
  for (guint i = self->n_done; i < self->items->len; i++) {
    const Item *item = batch_get (self, i);

    if (item->kind != kind ||
        have_same (rtk_operation_get_id (item->operation), rtk_operation_get_id (operation)) ||
        have_same (rtk_operation_get_order_id (item->operation),
                   rtk_operation_get_order_id (operation)) ||
        have_same (rtk_server_operation_get_text (item->operation, "submission"),
                   rtk_server_operation_get_text (operation, "submission")))
      return FALSE;
  }
  return TRUE;
}

/* Takes operations from number *@next on that are done together. */
static gboolean
take_some (Batch *self, GPtrArray *list, guint *next, GError **error)
{
  for (; *next < list->len && fits (self, g_ptr_array_index (list, *next)); (*next)++) {
    Item item;

    if (!item_init (&item, g_ptr_array_index (list, *next), self, error))
      return FALSE;
    g_array_append_val (self->items, item);
  }
  return TRUE;
}

/* Whether what waits has to be written before the next are done: each result shows the order as its
 * own operation left it. */
static gboolean
are_in_the_way (const Batch *self)
{
  if (self->items->len > RTK_SERVER_MANY ||
      batch_get (self, self->n_done)->kind == &rtk_server_operation_consent)
    return TRUE;
  for (guint i = 0; i < self->n_done; i++)
    for (guint k = self->n_done; k < self->items->len; k++)
      if (have_same (rtk_operation_get_order_id (batch_get (self, i)->operation),
                     rtk_operation_get_order_id (batch_get (self, k)->operation)))
        return TRUE;
  return FALSE;
}

static const char *
get_submission (RtkOperation *operation)
{
  const char *id = rtk_server_operation_get_text (operation, "submission");

  return rtk_id_is_valid (id) ? id : NULL;
}

static const char *
get_part (RtkOperation *operation, const char *member)
{
  const char *sha256 = rtk_server_operation_get_text (operation, member);

  return rtk_sha256_is_valid (sha256) ? sha256 : NULL;
}

/* What the database says of an operation. */
static void
item_read (Item *self, RtkServerRows *row)
{
  self->known = g_strdup (rtk_server_db_text (row, 1));
  self->problem = g_strdup (rtk_server_db_text (row, 2));
  self->target.revision = rtk_server_db_int (row, 3);
  self->has_target = !rtk_server_db_is_null (row, 4) &&
                     rtk_payment_from_string (rtk_server_db_text (row, 4), &self->target.payment) &&
                     rtk_delivery_from_string (rtk_server_db_text (row, 5), &self->target.delivery);
  self->target.consents = rtk_server_db_int (row, 6) != 0;
  self->target.is_new = rtk_server_db_int (row, 7) != 0;
  self->target.has_all = rtk_server_db_int (row, 8) != 0;
}

#define OF_ORDER(what) "(SELECT " what " FROM orders o WHERE o.id = v.column3)"
#define IS_PHOTO(column)                                                                           \
  "(SELECT 1 FROM photos f WHERE f.sha256 = v." column " AND f.missing = 0) = 1"

/* Asks for all of it at once. Each thing in a query of one row, and none by EXISTS: PostgreSQL
 * might read a whole table for a join or a hash. */
static gboolean
find_known (Batch *self, GError **error)
{
  static RtkServerMany query =
      {
          "SELECT v.column1, (SELECT k.digest FROM operations k WHERE k.id = v.column2),"
          " (SELECT k.problem FROM operations k WHERE k.id = v.column2), " OF_ORDER ("o.revision") ", " OF_ORDER ("o.payment") ", " OF_ORDER (
              "o.delivery") ", CASE WHEN ?1 = 0 OR"
                            " (SELECT c.consent_version FROM roster c WHERE c.id = " OF_ORDER (
                                "o.roster") ") IS NOT NULL THEN 1 ELSE 0 END,"
                                            " CASE WHEN (SELECT 1 FROM submissions s WHERE s.id = "
                                            "v.column4) = 1 THEN 0 ELSE 1 END,"
                                            " CASE WHEN " IS_PHOTO ("column5") " AND " IS_PHOTO (
                                                "c"
                                                "o"
                                                "l"
                                                "u"
                                                "m"
                                                "n"
                                                "6") " AND " IS_PHOTO ("column7") " AND"
                                                                                  " " IS_PHOTO (
                                                                                      "c"
                                                                                      "o"
                                                                                      "l"
                                                                                      "u"
                                                                                      "m"
                                                                                      "n"
                                                                                      "8") " AND"
                                                                                           " " IS_PHOTO (
                                                                                               "col"
                                                                                               "umn"
                                                                                               "9") " THEN 1 ELSE 0 END"
                                                                                                    " FROM @ v WHERE v.column2 IS NOT NULL",
          "i", "ssssssss", 0};
  RtkServerManyRows some;
  RtkServerRows    *row;

  rtk_server_many_init (&some, &query, (gint64)self->store->config->require_consent);
  for (guint i = self->n_done; i < self->items->len; i++) {
    Item         *item = batch_get (self, i);
    RtkOperation *operation = item->operation;

    rtk_server_many_add (&some, rtk_operation_get_id (operation),
                         rtk_operation_get_order_id (operation), get_submission (operation),
                         get_part (operation, "original"), get_part (operation, "alpha"),
                         get_part (operation, "delivered"), get_part (operation, "certificate"),
                         get_part (operation, "report"));
    item->target.people = self->people;
    item->who = rtk_server_operation_find_who (self->store, self->people,
                                               rtk_operation_get_actor (operation));
  }
  row = rtk_server_many_query (&some, self->store->db, error);
  while (rtk_server_db_next (self->store->db, row, error))
    item_read (batch_get (self, self->n_done + (guint)rtk_server_db_int (row, 0) - 1), row);
  return rtk_server_db_end (row);
}

/* Everything that can be wrong, the caller's fault before the order's state. */
static RtkServerVerdict
check_item (RtkServerStore *store, const Item *item)
{
  const RtkServerOperationKind *kind = item->kind;

  if (item->who == 0)
    return RTK_SERVER_REFUSED_ACTOR;
  if (kind == NULL)
    return RTK_SERVER_REFUSED_KIND;
  if ((kind->who & item->who) == 0)
    return RTK_SERVER_REFUSED_ROLE;
  if (!item->has_target)
    return RTK_SERVER_REFUSED_ORDER;
  if (kind->is_versioned &&
      rtk_operation_get_base_revision (item->operation) != item->target.revision)
    return RTK_SERVER_CONFLICT_STALE;
  return kind->check (store, item->operation, &item->target);
}

/* What was answered before to the same operation; RTK_SERVER_N_VERDICTS when it is new, or when it
 * was refused by an older program that remembered more. */
static RtkServerVerdict
judge_again (const Item *item)
{
  if (item->known == NULL)
    return RTK_SERVER_N_VERDICTS;
  if (strcmp (item->known, item->digest) != 0)
    return RTK_SERVER_REFUSED_REUSED;
  if (item->problem == NULL)
    return RTK_SERVER_DUPLICATE;
  for (guint i = 0; i < G_N_ELEMENTS (meanings); i++)
    if (meanings[i].keep && g_strcmp0 (meanings[i].problem, item->problem) == 0)
      return (RtkServerVerdict)i;
  return RTK_SERVER_N_VERDICTS;
}

static void
judge (const Batch *self)
{
  for (guint i = self->n_done; i < self->items->len; i++) {
    Item *item = batch_get (self, i);

    if (item->verdict != RTK_SERVER_N_VERDICTS)
      continue;
    item->verdict = judge_again (item);
    item->is_fresh = item->verdict == RTK_SERVER_N_VERDICTS;
    if (item->is_fresh)
      item->verdict = check_item (self->store, item);
  }
}

static gboolean
apply (const Batch *self, GError **error)
{
  const RtkServerOperationKind *kind = batch_get (self, self->n_done)->kind;
  g_autoptr (GPtrArray) actors = g_ptr_array_new_with_free_func (g_free);
  RtkOperation   *operations[RTK_SERVER_MANY];
  RtkServerOrigin origins[RTK_SERVER_MANY];
  guint           n = 0;

  for (guint i = self->n_done; i < self->items->len; i++) {
    const Item *item = batch_get (self, i);
    char       *actor;

    if (!item->is_fresh || item->verdict != RTK_SERVER_APPLIED)
      continue;
    actor = g_strconcat ("staff:", rtk_operation_get_actor (item->operation), NULL);
    g_ptr_array_add (actors, actor);
    origins[n] = (RtkServerOrigin){actor, self->call->station,
                                   rtk_operation_get_id (item->operation), self->call->actor};
    operations[n++] = item->operation;
  }
  if (n == 0)
    return TRUE;
  return kind->apply_all != NULL ? kind->apply_all (self->store, operations, origins, n, error)
                                 : kind->apply (self->store, operations[0], &origins[0], error);
}

static gboolean
remember (const Batch *self, GError **error)
{
  static RtkServerMany insert = {
      "INSERT INTO operations (id, order_id, kind, station, digest, outcome, problem, content,"
      " received_at) SELECT column2, column3, column4, column5, column6, column7, column8,"
      " column9, ?1 FROM @ v WHERE column2 IS NOT NULL"
      " ON CONFLICT (id) DO UPDATE SET outcome = excluded.outcome, problem = excluded.problem,"
      " received_at = excluded.received_at",
      "i", "ssssssss", 0};
  RtkServerManyRows rows;

  rtk_server_many_init (&rows, &insert, g_get_real_time ());
  for (guint i = self->n_done; i < self->items->len; i++) {
    const Item    *item = batch_get (self, i);
    const Meaning *meaning = &meanings[item->verdict];

    if (item->is_fresh && meaning->keep)
      rtk_server_many_add (
          &rows, rtk_operation_get_id (item->operation),
          rtk_operation_get_order_id (item->operation), rtk_operation_get_kind (item->operation),
          rtk_operation_get_station_id (item->operation), item->digest,
          rtk_outcome_to_string (meaning->outcome), meaning->problem, item->content);
  }
  return rtk_server_many_run (&rows, self->store->db, error);
}

/* A conflict answers with both sides: the order as it is, and the operation as it is kept. */
static void
write_result (RtkServerJson *json, const Item *item, GHashTable *orders)
{
  const Meaning *meaning = &meanings[item->verdict];
  const char    *order = g_hash_table_lookup (orders, rtk_operation_get_order_id (item->operation));

  rtk_server_json_begin (json, NULL, '{');
  rtk_server_json_string (json, "id", rtk_operation_get_id (item->operation));
  rtk_server_json_string (json, "outcome", rtk_outcome_to_string (meaning->outcome));
  rtk_server_json_raw (json, "order", order != NULL ? order : "null");
  rtk_server_json_raw (json, "mine",
                       meaning->outcome == RTK_OUTCOME_CONFLICT ? item->content : "null");
  if (meaning->problem != NULL)
    rtk_server_problem_write (json, "problem", meaning->outcome == RTK_OUTCOME_REFUSED ? 422 : 409,
                              meaning->problem, meaning->title);
  else
    rtk_server_json_string (json, "problem", NULL);
  rtk_server_json_end (json, '}');
}

/* Writes the results of what is done: their orders are read together. */
static gboolean
write_results (Batch *self, GError **error)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new ();
  g_autoptr (GHashTable) orders = NULL;

  for (guint i = 0; i < self->n_done; i++)
    g_ptr_array_add (ids, (gpointer)rtk_operation_get_order_id (batch_get (self, i)->operation));
  orders = rtk_server_orders_read (self->store, ids, self->call->station, error);
  if (orders == NULL)
    return FALSE;
  for (guint i = 0; i < self->n_done; i++)
    write_result (&self->call->answer, batch_get (self, i), orders);
  g_array_remove_range (self->items, 0, self->n_done);
  self->n_done = 0;
  return TRUE;
}

/* Signatures are looked at before the results of what was done are asked for: the database is busy
 * with that meanwhile. */
static gboolean
do_all (Batch *self, GPtrArray *list, GError **error)
{
  guint next = 0;

  while (next < list->len) {
    if (!take_some (self, list, &next, error) ||
        (self->n_done > 0 && are_in_the_way (self) && !write_results (self, error)) ||
        !find_known (self, error))
      return FALSE;
    judge (self);
    if (!apply (self, error) || !remember (self, error))
      return FALSE;
    self->n_done = self->items->len;
  }
  return write_results (self, error);
}

/* POST /v1/operations: the batch is one transaction, so that it costs one durable commit; an
 * operation that is refused changes nothing and does not stop the others. */
RTK_SERVER_HANDLER (operations)
{
  JsonArray       *array = rtk_server_call_get_array (call, "operations");
  g_autofree char *station_key = NULL;
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GArray) items = g_array_new (FALSE, FALSE, sizeof (Item));
  g_autoptr (GHashTable) people = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Batch batch = {.store = store, .call = call, .items = items, .people = people};

  g_array_set_clear_func (items, item_clear);
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
  batch.station_key = station_key;
  if (!do_all (&batch, list, error))
    return FALSE;
  rtk_server_json_end (&call->answer, ']');
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return TRUE;
}
