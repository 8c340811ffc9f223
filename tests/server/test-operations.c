/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-id.h"
#include "support/rtk-test-database.h"
#include "support/rtk-test-server.h"
#include "support/rtk-test-signer.h"

#include <string.h>

/* A number that 5 does not divide. */
#define N_GRADUATES 6

/* A station, and an order that is paid for. */
typedef struct {
  RtkTestServer *server;
  RtkSigner     *signer;
  char          *token;
  char          *station;
  char          *order;
  char         **parts;
  char          *folder; /* (nullable): for backups, removed last */
} Desk;

static void
desk_init (Desk *desk)
{
  desk->folder = NULL;
  desk->server = rtk_test_server_new (N_GRADUATES, (const char *[]){"--gold-percent", "0", NULL});
  desk->signer = rtk_test_signer_new ("desk");
  desk->token = rtk_test_sign_in (desk->server, "operator");
  desk->station = rtk_test_enrol (desk->server, desk->token, "operator", desk->signer);
  desk->order = rtk_test_make_order (desk->server, 0, TRUE);
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
  g_free (desk->order);
  g_strfreev (desk->parts);
  if (desk->folder != NULL)
    rtk_test_remove_folder (desk->folder);
  g_free (desk->folder);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Desk, desk_clear)

static RtkTestReply *
get (Desk *desk, const char *token, const char *order, const char *what)
{
  g_autofree char *path = g_strconcat ("/v1/orders/", order, what, NULL);
  RtkTestReply    *reply = rtk_test_call (desk->server, token, "GET", path, NULL);

  g_assert_cmpuint (reply->status, ==, 200);
  return reply;
}

static RtkOperation *
make_operation (
    Desk *desk, const char *kind, const char *order, const char *actor, const char *text)
{
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *path = g_strconcat ("/v1/orders/", order, NULL);
  g_autoptr (RtkTestReply) now = rtk_test_call (desk->server, desk->token, "GET", path, NULL);
  g_autoptr (JsonNode) body = json_from_string (text, NULL);
  g_autoptr (GError) error = NULL;
  RtkOperation *operation = rtk_operation_new (
      id, kind, order, now->status == 200 ? rtk_test_reply_int (now, "revision") : 1,
      g_get_real_time (), desk->station, actor, body, desk->signer, &error);

  g_assert_no_error (error);
  return operation;
}

static RtkOperation *
make_submission (Desk *desk, const char *actor, const char *overrides)
{
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *text =
      g_strdup_printf ("{\"submission\":\"%s\",\"original\":\"%s\",\"alpha\":\"%s\",\"delivered\":"
                       "\"%s\",\"certificate\":\"%s\",\"report\":\"%s\",\"overrides\":%s}",
                       id, desk->parts[0], desk->parts[1], desk->parts[2], desk->parts[3],
                       desk->parts[4], overrides);

  return make_operation (desk, RTK_OPERATION_SUBMIT, desk->order, actor, text);
}

static RtkOperation *
make_note (Desk *desk, const char *order, const char *actor)
{
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *text = g_strdup_printf ("{\"note\":\"%s\",\"text\":\"came twice\"}", id);

  return make_operation (desk, "note.add", order, actor, text);
}

/* Pushes it from the session of @token; the outcome is @outcome, and the problem ends in @problem.
 */
static void
assert_pushed (Desk         *desk,
               const char   *token,
               RtkOperation *operation,
               const char   *outcome,
               const char   *problem)
{
  g_autofree char *body = rtk_test_operations_body (operation, NULL);
  g_autoptr (RtkTestReply) reply =
      rtk_test_call (desk->server, token, "POST", "/v1/operations", body);
  JsonObject *result;

  g_assert_cmpuint (reply->status, ==, 200);
  result = json_array_get_object_element (json_object_get_array_member (reply->json, "results"), 0);
  g_assert_cmpstr (json_object_get_string_member (result, "outcome"), ==, outcome);
  g_assert_cmpint (json_object_get_null_member (result, "problem"), ==, problem == NULL);
  if (problem != NULL)
    g_assert_true (g_str_has_suffix (
        json_object_get_string_member (json_object_get_object_member (result, "problem"), "type"),
        problem));
}

/* The last entry of this action in the history as the holder of @token sees it. */
static JsonObject *
find_entry (RtkTestReply *history, const char *action)
{
  JsonArray *entries = json_object_get_array_member (history->json, "entries");

  for (guint i = json_array_get_length (entries); i > 0; i--) {
    JsonObject *entry = json_array_get_object_element (entries, i - 1);

    if (strcmp (json_object_get_string_member (entry, "action"), action) == 0)
      return entry;
  }
  g_assert_not_reached ();
}

static JsonObject *
find_detail (RtkTestReply *history, const char *action)
{
  return json_object_get_object_member (find_entry (history, action), "detail");
}

static void
assert_override (JsonObject *holder, const char *by)
{
  JsonArray  *overrides = json_object_get_array_member (holder, "overrides");
  JsonObject *one;

  g_assert_cmpuint (json_array_get_length (overrides), ==, 1);
  one = json_array_get_object_element (overrides, 0);
  g_assert_cmpuint (json_object_get_size (one), ==, 3);
  g_assert_cmpstr (json_object_get_string_member (one, "check"), ==, "mouth.closed");
  g_assert_cmpstr (json_object_get_string_member (one, "reason"), ==, "cannot close it");
  g_assert_cmpstr (json_object_get_string_member (one, "by"), ==, by);
}

#define ACCEPTED(by)                                                                               \
  "[{\"check\":\"mouth.closed\",\"reason\":\"cannot close it\",\"by\":\"" by "\",\"more\":1}]"

/* Whoever decides on the photo sees what was accepted, why and by whom; so does the history. */
static void
test_overrides_shown (void)
{
  g_auto (Desk) desk;
  g_autofree char *reviewer = NULL;
  g_autofree char *supervisor = NULL;
  g_autoptr (RtkOperation) operation = NULL;
  g_autoptr (RtkTestReply) claimed = NULL;
  g_autoptr (RtkTestReply) seen = NULL;
  g_autoptr (RtkTestReply) whole = NULL;
  JsonObject *item;
  JsonObject *detail;

  desk_init (&desk);
  reviewer = rtk_test_sign_in (desk.server, "reviewer");
  supervisor = rtk_test_sign_in (desk.server, "supervisor");
  operation = make_submission (&desk, "operator", ACCEPTED ("supervisor"));
  assert_pushed (&desk, desk.token, operation, "applied", NULL);
  claimed =
      rtk_test_call (desk.server, reviewer, "POST", "/v1/reviews/claim", "{\"origin\":\"desk\"}");
  item = json_array_get_object_element (json_object_get_array_member (claimed->json, "items"), 0);
  assert_override (item, "supervisor");
  whole = get (&desk, supervisor, desk.order, "/history");
  detail = find_detail (whole, "submission.create");
  assert_override (detail, "supervisor");
  g_assert_cmpstr (json_object_get_string_member (detail, "operation"), ==,
                   rtk_operation_get_id (operation));
  /* A reviewer is not told where it came from. */
  seen = get (&desk, reviewer, desk.order, "/history");
  detail = find_detail (seen, "submission.create");
  assert_override (detail, "supervisor");
  g_assert_cmpuint (json_object_get_size (detail), ==, 1);
}

/* Who accepts what fails is on the staff, enabled, and somebody who may submit. */
static void
test_overrides_by (void)
{
  static const struct {
    const char *overrides;
    const char *problem;
  } cases[] = {
      {ACCEPTED ("nobody"), "unknown-actor"},
      {ACCEPTED ("reviewer"), "forbidden"},
      {ACCEPTED ("supervisor2"), "unknown-actor"},
      {"[{\"check\":\"mouth.closed\",\"reason\":\"\",\"by\":\"operator\"}]", "bad-body"},
      {"[{\"check\":\"mouth.closed\",\"by\":\"operator\"}]", "bad-body"},
      {"[{\"check\":\"mouth.closed\",\"reason\":\"why\",\"by\":\"operator\"},"
       "{\"check\":\"ears.visible\",\"reason\":\"why\",\"by\":\"nobody\"}]",
       "unknown-actor"},
  };
  g_auto (Desk) desk;

  desk_init (&desk);
  rtk_test_server_stop (desk.server);
  g_assert_cmpint (rtk_test_server_command (desk.server->folder, RTK_TEST_PASSWORD "\n", NULL,
                                            "user", "add", "supervisor2", "--role", "supervisor",
                                            NULL),
                   ==, 0);
  g_assert_cmpint (rtk_test_server_command (desk.server->folder, NULL, NULL, "user", "disable",
                                            "supervisor2", NULL),
                   ==, 0);
  rtk_test_server_start (desk.server);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (RtkOperation) operation = make_submission (&desk, "operator", cases[i].overrides);

    g_test_message ("%s", cases[i].overrides);
    assert_pushed (&desk, desk.token, operation, "refused", cases[i].problem);
  }
  {
    g_autoptr (RtkOperation) own = make_submission (&desk, "operator", ACCEPTED ("operator"));
    g_autoptr (RtkTestReply) order = NULL;

    assert_pushed (&desk, desk.token, own, "applied", NULL);
    order = get (&desk, desk.token, desk.order, "");
    g_assert_cmpuint (
        json_array_get_length (json_object_get_array_member (order->json, "submissions")), ==, 2);
  }
}

/* What one did while the server could not be asked, another may send from the same station: the
 * history names both. A right that the one lacks is not had by the session of the other. */
static void
test_origin (void)
{
  g_auto (Desk) desk;
  g_autofree char *supervisor = NULL;
  g_autofree char *station = NULL;
  g_autoptr (RtkOperation) submission = NULL;
  g_autoptr (RtkOperation) above = NULL;
  g_autoptr (RtkTestReply) whole = NULL;

  desk_init (&desk);
  supervisor = rtk_test_sign_in (desk.server, "supervisor");
  station = rtk_test_enrol (desk.server, supervisor, "supervisor", desk.signer);
  g_assert_cmpstr (station, ==, desk.station);
  above = make_submission (&desk, "reviewer", "[]");
  assert_pushed (&desk, supervisor, above, "refused", "forbidden");
  submission = make_submission (&desk, "operator", "[]");
  {
    g_autofree char *print = rtk_test_new_id ();
    g_autofree char *text = g_strdup_printf ("{\"print\":\"%s\",\"copies\":1}", print);
    const struct {
      const char   *action;
      RtkOperation *operation;
    } steps[] = {
        {"submission.create", submission},
        {"note.add", make_note (&desk, desk.order, "operator")},
        {"print.requested", make_operation (&desk, "print.request", desk.order, "operator", text)},
        {"consent.give", make_operation (&desk, RTK_OPERATION_CONSENT, desk.order, "operator",
                                         "{\"version\":\"2\",\"given\":true}")},
    };

    for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
      assert_pushed (&desk, supervisor, steps[i].operation, "applied", NULL);
    whole = get (&desk, supervisor, desk.order, "/history");
    for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
      JsonObject *entry = find_entry (whole, steps[i].action);
      JsonObject *detail = json_object_get_object_member (entry, "detail");

      g_test_message ("%s", steps[i].action);
      g_assert_cmpstr (json_object_get_string_member (entry, "actor"), ==, "staff:operator");
      g_assert_cmpstr (json_object_get_string_member (detail, "session"), ==, "staff:supervisor");
      g_assert_cmpstr (json_object_get_string_member (detail, "station"), ==, desk.station);
      g_assert_cmpstr (json_object_get_string_member (detail, "operation"), ==,
                       rtk_operation_get_id (steps[i].operation));
      if (i > 0)
        g_object_unref (steps[i].operation);
    }
  }
}

/* The server refuses as long as there is a cause, and not because it refused once. */
static void
test_cause_passes (void)
{
  g_auto (Desk) desk;
  g_autofree char *supervisor = NULL;
  g_autofree char *unpaid = NULL;
  g_autofree char *print = rtk_test_new_id ();
  g_autofree char *text = g_strdup_printf ("{\"print\":\"%s\",\"copies\":1}", print);
  g_autofree char *path = NULL;
  g_autofree char *payment = rtk_test_new_id ();
  g_autofree char *person = rtk_test_new_id ();
  g_autofree char *pay = NULL;
  g_autofree char *add = NULL;
  g_autofree char *person_path = g_strconcat ("/v1/staff/", person, NULL);
  g_autoptr (RtkTestReply) added = NULL;
  g_autoptr (RtkTestReply) changed = NULL;
  g_autoptr (RtkTestReply) paid = NULL;
  g_autoptr (RtkOperation) printed = NULL;
  g_autoptr (RtkOperation) noted = NULL;
  g_autoptr (RtkOperation) asked = NULL;

  desk_init (&desk);
  supervisor = rtk_test_sign_in (desk.server, "supervisor");
  unpaid = rtk_test_make_order (desk.server, 1, FALSE);
  printed = make_operation (&desk, "print.request", unpaid, "operator", text);
  assert_pushed (&desk, desk.token, printed, "refused", "not-printable");
  assert_pushed (&desk, desk.token, printed, "refused", "not-printable");
  path = g_strdup_printf ("/v1/orders/%s/payments", unpaid);
  pay = g_strdup_printf ("{\"id\":\"%s\",\"method\":\"cash\",\"reference\":\"R-1\"}", payment);
  paid = rtk_test_call (desk.server, desk.token, "POST", path, pay);
  g_assert_cmpuint (paid->status, ==, 201);
  assert_pushed (&desk, desk.token, printed, "applied", NULL);
  assert_pushed (&desk, desk.token, printed, "duplicate", NULL);

  noted = make_note (&desk, desk.order, "newcomer");
  asked = make_operation (&desk, RTK_OPERATION_CONSENT, desk.order, "newcomer",
                          "{\"version\":\"2\",\"given\":true}");
  assert_pushed (&desk, desk.token, noted, "refused", "unknown-actor");
  add = g_strdup_printf ("{\"id\":\"%s\",\"name\":\"newcomer\",\"role\":\"reviewer\","
                         "\"password\":\"" RTK_TEST_PASSWORD "\"}",
                         person);
  added = rtk_test_call (desk.server, supervisor, "POST", "/v1/staff", add);
  g_assert_cmpuint (added->status, ==, 201);
  assert_pushed (&desk, desk.token, noted, "applied", NULL);
  assert_pushed (&desk, desk.token, asked, "refused", "forbidden");
  changed =
      rtk_test_call (desk.server, supervisor, "PATCH", person_path, "{\"role\":\"operator\"}");
  g_assert_cmpuint (changed->status, ==, 200);
  assert_pushed (&desk, desk.token, asked, "applied", NULL);
  /* An older program remembered such answers. */
  {
    g_autoptr (RtkServerDb) db = rtk_test_open_database (desk.server->folder);

    g_assert_true (rtk_server_db_run (db, NULL,
                                      "UPDATE operations SET outcome = 'refused',"
                                      " problem = 'forbidden' WHERE id = ?",
                                      "s", rtk_operation_get_id (asked)));
  }
  assert_pushed (&desk, desk.token, asked, "applied", NULL);
  assert_pushed (&desk, desk.token, asked, "duplicate", NULL);
}

/* An order that a restore took away comes again; so does what hangs on it. */
static void
test_restored (void)
{
  g_auto (Desk) desk;
  g_autofree char *folder = g_dir_make_tmp ("retake-operations-XXXXXX", NULL);
  g_autofree char *backup = g_build_filename (folder, "backup", NULL);
  g_autofree char *data = g_build_filename (folder, "data", NULL);
  g_autofree char *order = rtk_test_new_id ();
  g_autofree char *number = rtk_test_server_number (1);
  g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\",\"number\":\"%s\"}", order, number);
  g_autoptr (RtkOperation) operation = NULL;

  desk_init (&desk);
  desk.folder = g_steal_pointer (&folder);
  g_assert_cmpint (
      rtk_test_server_command (desk.server->folder, NULL, NULL, "backup", backup, NULL), ==, 0);
  for (guint i = 0; i < 2; i++) {
    g_autoptr (RtkTestReply) made = NULL;

    if (i == 1) {
      rtk_test_server_free (desk.server);
      g_assert_cmpint (rtk_test_server_command (data, NULL, NULL, "restore", backup, NULL), ==, 0);
      desk.server = rtk_test_server_open (data);
      g_free (desk.token);
      g_free (desk.station);
      desk.token = rtk_test_sign_in (desk.server, "operator");
      desk.station = rtk_test_enrol (desk.server, desk.token, "operator", desk.signer);
      for (guint k = 0; k < 2; k++)
        assert_pushed (&desk, desk.token, operation, "refused", "not-found");
    }
    made = rtk_test_call (desk.server, desk.token, "POST", "/v1/orders", body);
    g_assert_cmpuint (made->status, ==, 201);
    if (i == 0)
      operation = make_note (&desk, order, "operator");
    assert_pushed (&desk, desk.token, operation, "applied", NULL);
    assert_pushed (&desk, desk.token, operation, "duplicate", NULL);
  }
}

/* A restore went on without a photo: a submission of it waits until that is sent again. */
static void
test_lost_photo (void)
{
  g_auto (Desk) desk;
  g_autoptr (RtkOperation) submission = NULL;
  g_autoptr (RtkServerDb) db = NULL;
  g_autoptr (GError) error = NULL;

  desk_init (&desk);
  submission = make_submission (&desk, "operator", "[]");
  db = rtk_test_open_database (desk.server->folder);
  g_assert_true (rtk_server_db_run (db, &error, "UPDATE photos SET missing = 1 WHERE sha256 = ?",
                                    "s", desk.parts[0]));
  assert_pushed (&desk, desk.token, submission, "retry", "missing-photo");
  g_assert_true (rtk_server_db_run (db, &error, "UPDATE photos SET missing = 0 WHERE sha256 = ?",
                                    "s", desk.parts[0]));
  assert_pushed (&desk, desk.token, submission, "applied", NULL);
}

/* One page of the feed after @cursor, two orders at most: they must be the first of @expected,
 * which are taken off it. Returns whether there is more. */
static gboolean
read_page (Desk *desk, char **cursor, GQueue *expected)
{
  g_autofree char *path = g_strdup_printf ("/v1/changes?since=%s&limit=2", *cursor);
  g_autoptr (RtkTestReply) reply = rtk_test_call (desk->server, desk->token, "GET", path, NULL);
  JsonArray *orders;

  g_assert_cmpuint (reply->status, ==, 200);
  orders = json_object_get_array_member (reply->json, "orders");
  g_assert_cmpuint (json_array_get_length (orders), ==, MIN (expected->length, 2));
  for (guint i = 0; i < json_array_get_length (orders); i++)
    g_assert_cmpstr (
        json_object_get_string_member (json_array_get_object_element (orders, i), "id"), ==,
        g_queue_pop_head (expected));
  g_free (*cursor);
  *cursor = g_strdup (rtk_test_reply_text (reply, "cursor"));
  return json_object_get_boolean_member (reply->json, "more");
}

/* Something changes: whoever has not read it yet gets it later, once, and who has gets it again. */
static void
change (Desk *desk, const char *order, guint round, GQueue *expected)
{
  g_autofree char *text =
      g_strdup_printf ("{\"version\":\"1\",\"given\":%s}", round % 2 == 0 ? "true" : "false");
  g_autoptr (RtkOperation) operation =
      make_operation (desk, RTK_OPERATION_CONSENT, order, "operator", text);

  assert_pushed (desk, desk->token, operation, "applied", NULL);
  g_queue_remove (expected, order);
  g_queue_push_tail (expected, (gpointer)order);
}

/* A station that reads the feed slowly, while orders before and behind its cursor, and at it,
 * change between its pages: nothing is left out, and nothing comes twice without a change. */
static void
test_slow_reader (void)
{
  g_auto (Desk) desk;
  g_autoptr (GPtrArray) orders = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GQueue) expected = g_queue_new ();
  g_autofree char *cursor = g_strdup ("");
  guint            round = 0;
  guint            pages = 0;

  desk_init (&desk);
  g_ptr_array_add (orders, g_strdup (desk.order));
  for (guint i = 1; i < N_GRADUATES; i++)
    g_ptr_array_add (orders, rtk_test_make_order (desk.server, i, FALSE));
  for (guint i = 0; i < orders->len; i++)
    g_queue_push_tail (expected, orders->pdata[i]);
  /* Each order twice, in an order that meets the cursor from either side. */
  while (round < 2 * N_GRADUATES) {
    read_page (&desk, &cursor, expected);
    pages++;
    for (guint i = 0; i < 3; i++, round++)
      change (&desk, orders->pdata[(5 * round) % N_GRADUATES], round / N_GRADUATES, expected);
  }
  while (read_page (&desk, &cursor, expected))
    pages++;
  g_assert_cmpuint (expected->length, ==, 0);
  g_assert_cmpuint (pages, >, 4);
  g_assert_false (read_page (&desk, &cursor, expected));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/operations/overrides-shown", test_overrides_shown);
  g_test_add_func ("/server/operations/overrides-by", test_overrides_by);
  g_test_add_func ("/server/operations/origin", test_origin);
  g_test_add_func ("/server/operations/cause-passes", test_cause_passes);
  g_test_add_func ("/server/operations/restored", test_restored);
  g_test_add_func ("/server/operations/lost-photo", test_lost_photo);
  g_test_add_func ("/server/operations/slow-reader", test_slow_reader);
  return g_test_run ();
}
