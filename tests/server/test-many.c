/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-id.h"
#include "support/rtk-test-database.h"
#include "support/rtk-test-server.h"
#include "support/rtk-test-signer.h"

#include <string.h>

/* Operations that the server does together. */

/* More than it does at a time. */
#define N_MANY 34

/* A station, and the parts of a photo. */
typedef struct {
  RtkTestServer *server;
  RtkSigner     *signer;
  char          *token;
  char          *station;
  char         **parts;
} Desk;

static void
desk_init (Desk *desk)
{
  desk->server = rtk_test_server_new (N_MANY, (const char *[]){"--gold-percent", "0", NULL});
  desk->signer = rtk_test_signer_new ("desk");
  desk->token = rtk_test_sign_in (desk->server, "operator");
  desk->station = rtk_test_enrol (desk->server, desk->token, "operator", desk->signer);
  desk->parts = rtk_test_upload_parts (desk->server, desk->token, 1);
}

static void
desk_clear (Desk *desk)
{
  rtk_test_server_stop (desk->server);
  g_assert_cmpint (
      rtk_test_server_command (desk->server->folder, NULL, NULL, "audit", "verify", NULL), ==, 0);
  rtk_test_server_free (desk->server);
  g_assert_finalize_object (desk->signer);
  g_free (desk->token);
  g_free (desk->station);
  g_strfreev (desk->parts);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Desk, desk_clear)

static gint64
get_revision (Desk *desk, const char *order)
{
  g_autofree char *path = g_strconcat ("/v1/orders/", order, NULL);
  g_autoptr (RtkTestReply) reply = rtk_test_call (desk->server, desk->token, "GET", path, NULL);

  g_assert_cmpuint (reply->status, ==, 200);
  return rtk_test_reply_int (reply, "revision");
}

/* A submission of @submission at a revision, whatever the order's is. */
static RtkOperation *
make_at (Desk *desk, const char *order, gint64 revision, const char *submission)
{
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *text = g_strdup_printf (
      "{\"submission\":\"%s\",\"original\":\"%s\",\"alpha\":\"%s\","
      "\"delivered\":\"%s\",\"certificate\":\"%s\",\"report\":\"%s\","
      "\"overrides\":[]}",
      submission, desk->parts[0], desk->parts[1], desk->parts[2], desk->parts[3], desk->parts[4]);
  g_autoptr (JsonNode) body = json_from_string (text, NULL);
  g_autoptr (GError) error = NULL;
  RtkOperation *operation =
      rtk_operation_new (id, RTK_OPERATION_SUBMIT, order, revision, g_get_real_time (),
                         desk->station, "operator", body, desk->signer, &error);

  g_assert_no_error (error);
  return operation;
}

static char *
make_batch (GPtrArray *operations)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();
  JsonArray  *array = json_array_new ();

  for (guint i = 0; i < operations->len; i++)
    json_array_add_element (array, rtk_operation_to_json (g_ptr_array_index (operations, i)));
  json_object_set_array_member (object, "operations", array);
  json_node_take_object (node, object);
  return json_to_string (node, FALSE);
}

static void
assert_result (
    JsonArray *results, guint index, const char *outcome, const char *problem, gint64 revision)
{
  JsonObject *result = json_array_get_object_element (results, index);
  JsonObject *order = json_object_get_object_member (result, "order");

  g_test_message ("%u", index);
  g_assert_cmpstr (json_object_get_string_member (result, "outcome"), ==, outcome);
  g_assert_cmpint (json_object_get_int_member (order, "revision"), ==, revision);
  g_assert_cmpint (json_object_get_null_member (result, "problem"), ==, problem == NULL);
  if (problem != NULL)
    g_assert_true (g_str_has_suffix (
        json_object_get_string_member (json_object_get_object_member (result, "problem"), "type"),
        problem));
}

/* What a batch left in the database: each new submission waits, with its attempt, once; the feed
 * has each order in its turn. */
static void
assert_written (Desk *desk, const char *twice, const char *last)
{
  g_autoptr (RtkServerDb) db = rtk_test_open_database (desk->server->folder);
  g_autofree char *order = NULL;

  g_assert_cmpint (rtk_server_db_get_int (db, -1,
                                          "SELECT count (*) FROM submissions WHERE origin = 'desk'"
                                          " AND state = 'submitted' AND waiting = serial"
                                          " AND waiting_since IS NOT NULL AND engine IS NOT NULL"
                                          " AND school IS NOT NULL AND batch IS NOT NULL"
                                          " AND attempt = CASE WHEN order_id = ? THEN 3 ELSE 2 END",
                                          "s", twice),
                   ==, N_MANY);
  g_assert_cmpint (rtk_server_db_get_int (db, -1,
                                          "SELECT count (*) FROM submissions WHERE origin = 'desk'"
                                          " AND state = 'superseded' AND waiting IS NULL"
                                          " AND order_id = ?",
                                          "s", twice),
                   ==, 1);
  g_assert_cmpint (rtk_server_db_get_int (db, -1,
                                          "SELECT count (*) FROM operations o JOIN submissions s"
                                          " ON s.operation = o.id WHERE o.problem IS NULL",
                                          ""),
                   ==, N_MANY + 1);
  order = rtk_server_db_dup_text (
      db,
      "SELECT c.order_id FROM changes c JOIN counters n ON n.name = 'changes'"
      " WHERE c.seq = n.value",
      "");
  g_assert_cmpstr (order, ==, twice);
  g_free (order);
  order = rtk_server_db_dup_text (
      db,
      "SELECT c.order_id FROM changes c JOIN counters n ON n.name = 'changes'"
      " WHERE c.seq = n.value - 1",
      "");
  g_assert_cmpstr (order, ==, last);
}

/* A batch is done some operations at a time: each sees what the ones before it did, and answers
 * with its order as it left it. */
static void
test_many (void)
{
  g_auto (Desk) desk;
  g_autoptr (GPtrArray) orders = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) operations = g_ptr_array_new_with_free_func (g_object_unref);
  g_autofree char *used = rtk_test_new_id ();
  g_autofree char *other = rtk_test_new_id ();
  g_autofree char *late = rtk_test_new_id ();
  g_autofree char *body = NULL;
  g_autoptr (RtkTestReply) reply = NULL;
  JsonArray *results;
  gint64     revisions[N_MANY];

  desk_init (&desk);
  for (guint i = 0; i < N_MANY; i++) {
    g_autofree char *fresh = rtk_test_new_id ();

    g_ptr_array_add (orders, rtk_test_make_order (desk.server, i, TRUE));
    revisions[i] = get_revision (&desk, orders->pdata[i]);
    g_ptr_array_add (operations,
                     make_at (&desk, orders->pdata[i], revisions[i], i == 0 ? used : fresh));
  }
  /* The same again, another of the same order, one that is late, one with another's id. */
  g_ptr_array_add (operations, g_object_ref (operations->pdata[0]));
  g_ptr_array_add (operations, make_at (&desk, orders->pdata[1], revisions[1] + 1, other));
  g_ptr_array_add (operations, make_at (&desk, orders->pdata[2], revisions[2], late));
  g_ptr_array_add (operations, make_at (&desk, orders->pdata[3], revisions[3] + 1, used));
  body = make_batch (operations);
  reply = rtk_test_call (desk.server, desk.token, "POST", "/v1/operations", body);
  g_assert_cmpuint (reply->status, ==, 200);
  results = json_object_get_array_member (reply->json, "results");
  g_assert_cmpuint (json_array_get_length (results), ==, operations->len);
  for (guint i = 0; i < N_MANY; i++)
    assert_result (results, i, "applied", NULL, revisions[i] + 1);
  assert_result (results, N_MANY, "duplicate", NULL, revisions[0] + 1);
  assert_result (results, N_MANY + 1, "applied", NULL, revisions[1] + 2);
  assert_result (results, N_MANY + 2, "conflict", "stale-revision", revisions[2] + 1);
  assert_result (results, N_MANY + 3, "refused", "id-reused", revisions[3] + 1);
  assert_written (&desk, orders->pdata[1], orders->pdata[N_MANY - 1]);
}

/* Two submissions of one id in one batch: the first has it. */
static void
test_same_submission (void)
{
  g_auto (Desk) desk;
  g_autoptr (GPtrArray) operations = g_ptr_array_new_with_free_func (g_object_unref);
  g_autofree char *submission = rtk_test_new_id ();
  g_autofree char *body = NULL;
  g_autoptr (RtkTestReply) reply = NULL;
  JsonArray *results;
  gint64     revisions[2];

  desk_init (&desk);
  for (guint i = 0; i < 2; i++) {
    g_autofree char *order = rtk_test_make_order (desk.server, i, TRUE);

    revisions[i] = get_revision (&desk, order);
    g_ptr_array_add (operations, make_at (&desk, order, revisions[i], submission));
  }
  body = make_batch (operations);
  reply = rtk_test_call (desk.server, desk.token, "POST", "/v1/operations", body);
  g_assert_cmpuint (reply->status, ==, 200);
  results = json_object_get_array_member (reply->json, "results");
  assert_result (results, 0, "applied", NULL, revisions[0] + 1);
  assert_result (results, 1, "refused", "id-reused", revisions[1]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/many/batch", test_many);
  g_test_add_func ("/server/many/same-submission", test_same_submission);
  return g_test_run ();
}
