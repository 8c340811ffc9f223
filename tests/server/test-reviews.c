/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-id.h"
#include "support/rtk-test-server.h"
#include "support/rtk-test-signer.h"

#include <string.h>

/* Two reviewers and two supervisors beside the three that every test server has. */
static const char *const more_staff[][2] = {{"reviewer2", "reviewer"},
                                            {"supervisor2", "supervisor"}};

typedef struct {
  RtkTestServer *server;
  char          *reviewer;
  char          *reviewer2;
  char          *supervisor;
  char          *supervisor2;
  char          *order; /* of the graduate that desk_pay() made last */
  guint          n;     /* graduates that were used */
} Desk;

static char *
sign_in (RtkTestServer *server, const char *user)
{
  g_autofree char *body =
      g_strdup_printf ("{\"user\":\"%s\",\"password\":\"" RTK_TEST_PASSWORD "\"}", user);
  g_autoptr (RtkTestReply) reply = rtk_test_call (server, NULL, "POST", "/v1/session", body);

  g_assert_cmpuint (reply->status, ==, 201);
  return g_strdup (rtk_test_reply_text (reply, "access_token"));
}

static void
desk_init (Desk *desk, const char *const *extra)
{
  memset (desk, 0, sizeof *desk);
  desk->server = rtk_test_server_new (12, extra);
  rtk_test_server_stop (desk->server);
  for (guint i = 0; i < G_N_ELEMENTS (more_staff); i++)
    g_assert_cmpint (rtk_test_server_command (desk->server->folder, RTK_TEST_PASSWORD "\n", NULL,
                                              "user", "add", more_staff[i][0], "--role",
                                              more_staff[i][1], NULL),
                     ==, 0);
  rtk_test_server_start (desk->server);
  desk->reviewer = sign_in (desk->server, "reviewer");
  desk->reviewer2 = sign_in (desk->server, "reviewer2");
  desk->supervisor = sign_in (desk->server, "supervisor");
  desk->supervisor2 = sign_in (desk->server, "supervisor2");
}

static void
desk_clear (Desk *desk)
{
  g_autofree char *text = NULL;

  rtk_test_server_stop (desk->server);
  g_assert_cmpint (
      rtk_test_server_command (desk->server->folder, NULL, &text, "audit", "verify", NULL), ==, 0);
  rtk_test_server_free (desk->server);
  g_free (desk->reviewer);
  g_free (desk->reviewer2);
  g_free (desk->supervisor);
  g_free (desk->supervisor2);
  g_free (desk->order);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Desk, desk_clear)

/* One more graduate whose photo waits. */
static void
desk_pay (Desk *desk)
{
  g_free (desk->order);
  desk->order = rtk_test_make_order (desk->server, desk->n++, TRUE);
}

static RtkTestReply *
claim (Desk *desk, const char *token, const char *body)
{
  RtkTestReply *reply = rtk_test_call (desk->server, token, "POST", "/v1/reviews/claim", body);

  g_assert_cmpuint (reply->status, ==, 200);
  return reply;
}

static guint
count_items (RtkTestReply *reply)
{
  return json_array_get_length (json_object_get_array_member (reply->json, "items"));
}

static JsonObject *
get_item (RtkTestReply *reply, guint index)
{
  g_assert_cmpuint (count_items (reply), >, index);
  return json_array_get_object_element (json_object_get_array_member (reply->json, "items"), index);
}

/* POST /v1/reviews/{submission of @item}@what */
static RtkTestReply *
act (Desk *desk, const char *token, JsonObject *item, const char *what, const char *body)
{
  g_autofree char *path =
      g_strconcat ("/v1/reviews/", json_object_get_string_member (item, "submission"), what, NULL);

  return rtk_test_call (desk->server, token, "POST", path, body);
}

static RtkTestReply *
decide (Desk *desk, const char *token, JsonObject *item, const char *reasons)
{
  JsonObject      *order = json_object_get_object_member (item, "order");
  g_autofree char *body = g_strdup_printf (
      "{\"verdict\":\"%s\",\"revision\":%" G_GINT64_FORMAT ",\"reasons\":[%s]}",
      reasons != NULL ? "rejected" : "approved", json_object_get_int_member (order, "revision"),
      reasons != NULL ? reasons : "");

  return act (desk, token, item, "", body);
}

static JsonObject *
newest (JsonObject *order)
{
  return json_array_get_object_element (json_object_get_array_member (order, "submissions"), 0);
}

/* That the newest submission of the order in @reply is in @state for @reasons. */
static void
assert_state (RtkTestReply *reply, const char *state, const char *reasons)
{
  JsonArray *array;
  g_autoptr (GString) text = g_string_new (NULL);

  g_assert_cmpuint (reply->status, ==, 200);
  array = json_object_get_array_member (newest (reply->json), "reasons");
  for (guint i = 0; i < json_array_get_length (array); i++)
    g_string_append_printf (text, "%s%s", i > 0 ? "," : "",
                            json_array_get_string_element (array, i));
  g_assert_cmpstr (json_object_get_string_member (newest (reply->json), "state"), ==, state);
  g_assert_cmpstr (text->str, ==, reasons);
}

static RtkTestReply *
get_order (Desk *desk)
{
  g_autofree char *path = g_strconcat ("/v1/orders/", desk->order, NULL);

  return rtk_test_call (desk->server, desk->supervisor, "GET", path, NULL);
}

#define SAMPLE_ALL ((const char *[]){"--sample-percent", "100", NULL})

/* Two who say the same: final with the reasons of both; nothing shows before. */
static void
test_second_agrees (void)
{
  g_auto (Desk) desk;
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) own = NULL;
  g_autoptr (RtkTestReply) second = NULL;
  g_autoptr (RtkTestReply) said = NULL;
  g_autoptr (RtkTestReply) again = NULL;
  g_autoptr (RtkTestReply) done = NULL;
  JsonObject *a;
  JsonObject *b;

  desk_init (&desk, SAMPLE_ALL);
  desk_pay (&desk);
  first = claim (&desk, desk.reviewer, "{}");
  a = get_item (first, 0);
  said = decide (&desk, desk.reviewer, a, "\"gaze\"");
  assert_state (said, "in_review", "");
  again = decide (&desk, desk.reviewer, a, "\"gaze\"");
  assert_state (again, "in_review", "");
  own = claim (&desk, desk.reviewer, "{\"count\":10}");
  g_assert_cmpuint (count_items (own), ==, 0);
  /* The second reviewer sees what the first one saw. */
  second = claim (&desk, desk.reviewer2, "{\"count\":10}");
  b = get_item (second, 0);
  {
    static const char *const same[] = {"submission", "stage", "engine", "report", "waiting_since"};
    JsonObject              *before = json_object_get_object_member (a, "order");
    JsonObject              *after = json_object_get_object_member (b, "order");
    g_autofree char         *x = json_to_string (json_object_get_member (a, "order"), FALSE);
    g_autofree char         *y = json_to_string (json_object_get_member (b, "order"), FALSE);

    for (guint i = 0; i < G_N_ELEMENTS (same); i++)
      g_assert_cmpstr (json_object_get_string_member_with_default (a, same[i], ""), ==,
                       json_object_get_string_member_with_default (b, same[i], ""));
    g_assert_cmpint (json_object_get_int_member (before, "revision"), ==,
                     json_object_get_int_member (after, "revision"));
    g_assert_cmpstr (x, ==, y);
    g_assert_cmpuint (json_array_get_length (json_object_get_array_member (b, "verdicts")), ==, 0);
  }
  done = decide (&desk, desk.reviewer2, b, "\"blur\"");
  assert_state (done, "rejected", "blur,gaze");
  g_assert_cmpstr (rtk_test_reply_text (done, "payment"), ==, "refund_due");
}

/* Two who do not: a supervisor who gave neither verdict decides, and sees both. */
static void
test_second_differs (void)
{
  g_auto (Desk) desk;
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) second = NULL;
  g_autoptr (RtkTestReply) third = NULL;
  g_autoptr (RtkTestReply) none = NULL;
  g_autoptr (RtkTestReply) party = NULL;
  g_autoptr (RtkTestReply) early = NULL;
  g_autoptr (RtkTestReply) late = NULL;
  g_autoptr (RtkTestReply) own = NULL;
  g_autoptr (RtkTestReply) said = NULL;
  g_autoptr (RtkTestReply) done = NULL;
  JsonArray *verdicts;

  desk_init (&desk, SAMPLE_ALL);
  desk_pay (&desk);
  first = claim (&desk, desk.supervisor, "{}");
  early = decide (&desk, desk.supervisor, get_item (first, 0), NULL);
  assert_state (early, "in_review", "");
  second = claim (&desk, desk.reviewer, "{}");
  said = decide (&desk, desk.reviewer, get_item (second, 0), "\"ears\"");
  assert_state (said, "in_review", "");
  /* The first one's undo comes after the second's verdict. */
  late = act (&desk, desk.supervisor, get_item (first, 0), "/undo", NULL);
  rtk_test_assert_problem (late, 409, "too-late");
  none = claim (&desk, desk.reviewer2, "{}");
  g_assert_cmpuint (count_items (none), ==, 0);
  party = claim (&desk, desk.supervisor, "{}");
  g_assert_cmpuint (count_items (party), ==, 0);
  third = claim (&desk, desk.supervisor2, "{\"stage\":\"arbitration\"}");
  g_assert_cmpstr (json_object_get_string_member (get_item (third, 0), "stage"), ==, "arbitration");
  verdicts = json_object_get_array_member (get_item (third, 0), "verdicts");
  g_assert_cmpuint (json_array_get_length (verdicts), ==, 2);
  g_assert_cmpstr (
      json_object_get_string_member (json_array_get_object_element (verdicts, 1), "verdict"), ==,
      "rejected");
  done = decide (&desk, desk.supervisor2, get_item (third, 0), "\"ears\"");
  assert_state (done, "rejected", "ears");
  /* The arbitration can be undone, too. */
  own = act (&desk, desk.supervisor2, get_item (third, 0), "/undo", NULL);
  g_assert_cmpuint (own->status, ==, 200);
  g_assert_cmpstr (rtk_test_reply_text (own, "stage"), ==, "arbitration");
}

/* Without a second reviewer and an arbiter besides, every first verdict is final. */
static void
test_small_centre (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (1, SAMPLE_ALL);
  Desk             desk = {.server = server};
  g_autofree char *token = rtk_test_sign_in (server, "reviewer");
  g_autofree char *id = rtk_test_make_order (server, 0, TRUE);
  g_autoptr (RtkTestReply) claimed = claim (&desk, token, "{}");
  g_autoptr (RtkTestReply) done = decide (&desk, token, get_item (claimed, 0), NULL);

  g_assert_true (rtk_id_is_valid (id));
  assert_state (done, "approved", "");
}

static void
retake (Desk *desk, const char *order, guint32 seed)
{
  g_autoptr (RtkSigner) signer = rtk_test_signer_new ("desk");
  g_autofree char *token = rtk_test_sign_in (desk->server, "operator");
  g_autofree char *station = rtk_test_enrol (desk->server, token, "operator", signer);
  g_auto (GStrv) parts = rtk_test_upload_parts (desk->server, token, seed);
  g_autoptr (RtkTestReply) now = get_order (desk);
  g_autoptr (RtkOperation) operation =
      rtk_test_make_operation (signer, station, order, rtk_test_reply_int (now, "revision"), parts);
  g_autofree char *body = rtk_test_operations_body (operation, NULL);
  g_autoptr (RtkTestReply) reply =
      rtk_test_call (desk->server, token, "POST", "/v1/operations", body);
  JsonArray *results = json_object_get_array_member (reply->json, "results");

  g_assert_cmpstr (
      json_object_get_string_member (json_array_get_object_element (results, 0), "outcome"), ==,
      "applied");
}

/* An undo brings back what the verdict moved: the money, and what it superseded. */
static void
test_undo (void)
{
  g_auto (Desk) desk;
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) rejected = NULL;
  g_autoptr (RtkTestReply) undone = NULL;
  g_autoptr (RtkTestReply) twice = NULL;
  g_autoptr (RtkTestReply) other = NULL;
  g_autoptr (RtkTestReply) order = NULL;
  g_autoptr (RtkTestReply) approved = NULL;
  g_autoptr (RtkTestReply) both = NULL;
  g_autoptr (RtkTestReply) newer = NULL;
  g_autoptr (RtkTestReply) too_late = NULL;
  g_autoptr (RtkTestReply) back = NULL;
  g_autoptr (RtkTestReply) after = NULL;
  JsonArray *submissions;

  desk_init (&desk, (const char *[]){"--sample-percent", "0", NULL});
  desk_pay (&desk);
  first = claim (&desk, desk.reviewer, "{}");
  rejected = decide (&desk, desk.reviewer, get_item (first, 0), "\"hair\"");
  g_assert_cmpstr (rtk_test_reply_text (rejected, "payment"), ==, "refund_due");
  other = act (&desk, desk.reviewer2, get_item (first, 0), "/undo", NULL);
  rtk_test_assert_problem (other, 409, "no-verdict");
  undone = act (&desk, desk.reviewer, get_item (first, 0), "/undo", NULL);
  g_assert_cmpuint (undone->status, ==, 200);
  twice = act (&desk, desk.reviewer, get_item (first, 0), "/undo", NULL);
  g_assert_cmpuint (twice->status, ==, 200);
  order = get_order (&desk);
  assert_state (order, "in_review", "");
  g_assert_cmpstr (rtk_test_reply_text (order, "payment"), ==, "paid");
  approved = decide (&desk, desk.reviewer, undone->json, NULL);
  assert_state (approved, "approved", "");
  /* A retake that is approved supersedes it; the undo of that brings it back. */
  retake (&desk, desk.order, 7);
  both = claim (&desk, desk.reviewer2, "{\"origin\":\"desk\"}");
  g_assert_cmpint (json_object_get_int_member (get_item (both, 0), "attempt"), ==, 2);
  newer = decide (&desk, desk.reviewer2, get_item (both, 0), NULL);
  assert_state (newer, "approved", "");
  too_late = act (&desk, desk.reviewer, get_item (first, 0), "/undo", NULL);
  rtk_test_assert_problem (too_late, 409, "too-late");
  back = act (&desk, desk.reviewer2, get_item (both, 0), "/undo", NULL);
  g_assert_cmpuint (back->status, ==, 200);
  after = get_order (&desk);
  assert_state (after, "in_review", "");
  submissions = json_object_get_array_member (after->json, "submissions");
  g_assert_cmpstr (
      json_object_get_string_member (json_array_get_object_element (submissions, 1), "state"), ==,
      "approved");
}

/* The first of a sample may be undone until the second has decided, even while they look at it. */
static void
test_undo_handed_on (void)
{
  g_auto (Desk) desk;
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) said = NULL;
  g_autoptr (RtkTestReply) second = NULL;
  g_autoptr (RtkTestReply) undone = NULL;
  g_autoptr (RtkTestReply) lost = NULL;
  g_autoptr (RtkTestReply) order = NULL;

  desk_init (&desk, SAMPLE_ALL);
  desk_pay (&desk);
  first = claim (&desk, desk.reviewer, "{}");
  said = decide (&desk, desk.reviewer, get_item (first, 0), "\"gaze\"");
  second = claim (&desk, desk.reviewer2, "{}");
  undone = act (&desk, desk.reviewer, get_item (first, 0), "/undo", NULL);
  g_assert_cmpuint (undone->status, ==, 200);
  lost = decide (&desk, desk.reviewer2, get_item (second, 0), "\"gaze\"");
  g_assert_cmpuint (lost->status, ==, 409);
  g_assert_cmpstr (rtk_test_reply_text (lost, "type"), ==, "urn:retake:problem:not-claimed");
  /* Both sides are in the answer. */
  g_assert_true (json_object_has_member (lost->json, "order"));
  g_assert_cmpstr (json_object_get_string_member (
                       json_object_get_object_member (lost->json, "verdict"), "verdict"),
                   ==, "rejected");
  order = get_order (&desk);
  assert_state (order, "in_review", "");
}

static void
test_held_over (void)
{
  g_auto (Desk) desk;
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) said = NULL;
  g_autoptr (RtkTestReply) undone = NULL;

  desk_init (&desk, (const char *[]){"--sample-percent", "0", "--hold-seconds", "0", NULL});
  desk_pay (&desk);
  first = claim (&desk, desk.reviewer, "{}");
  said = decide (&desk, desk.reviewer, get_item (first, 0), NULL);
  assert_state (said, "approved", "");
  undone = act (&desk, desk.reviewer, get_item (first, 0), "/undo", NULL);
  rtk_test_assert_problem (undone, 409, "too-late");
}

/* Filters, oldest first, what one holds first; released and given back; a lease that is over. */
static void
test_claims (void)
{
  g_auto (Desk) desk;
  g_autoptr (RtkTestReply) two = NULL;
  g_autoptr (RtkTestReply) rest = NULL;
  g_autoptr (RtkTestReply) none = NULL;
  g_autoptr (RtkTestReply) school = NULL;
  g_autoptr (RtkTestReply) same = NULL;
  g_autoptr (RtkTestReply) released = NULL;
  g_autoptr (RtkTestReply) freed = NULL;
  g_autoptr (RtkTestReply) back = NULL;
  g_autoptr (RtkTestReply) all = NULL;
  g_autofree char *oldest = NULL;

  desk_init (&desk, (const char *[]){"--gold-percent", "0", NULL});
  for (guint i = 0; i < 4; i++) {
    desk_pay (&desk);
    if (i == 0)
      oldest = g_strdup (desk.order);
  }
  none = claim (&desk, desk.reviewer, "{\"count\":9,\"school\":\"nowhere\"}");
  g_assert_cmpuint (count_items (none), ==, 0);
  two = claim (&desk, desk.reviewer,
               "{\"count\":2,\"school\":\"示例大学\",\"batch\":\"2026\",\"origin\":\"online\","
               "\"engine\":\"unknown\",\"stage\":\"first\"}");
  g_assert_cmpuint (count_items (two), ==, 2);
  g_assert_cmpstr (json_object_get_string_member (
                       json_object_get_object_member (get_item (two, 0), "order"), "id"),
                   ==, oldest);
  rest = claim (&desk, desk.reviewer2, "{\"count\":9}");
  g_assert_cmpuint (count_items (rest), ==, 2);
  same = claim (&desk, desk.reviewer, "{\"count\":1}");
  g_assert_cmpstr (json_object_get_string_member (get_item (same, 0), "submission"), ==,
                   json_object_get_string_member (get_item (two, 0), "submission"));
  released = act (&desk, desk.reviewer, get_item (two, 1), "/release", NULL);
  g_assert_cmpuint (released->status, ==, 204);
  freed = claim (&desk, desk.reviewer2, "{\"count\":9}");
  g_assert_cmpuint (count_items (freed), ==, 3);
  back = rtk_test_call (desk.server, desk.reviewer2, "DELETE", "/v1/reviews/claim", NULL);
  g_assert_cmpuint (back->status, ==, 204);
  all = claim (&desk, desk.reviewer, "{\"count\":9}");
  g_assert_cmpuint (count_items (all), ==, 4);
  school = get_order (&desk);
  assert_state (school, "in_review", "");
}

/* A lease of no time is over at once: the next claim frees it, and the verdict comes too late. */
static void
test_lease_over (void)
{
  g_auto (Desk) desk;
  g_autoptr (RtkTestReply) mine = NULL;
  g_autoptr (RtkTestReply) theirs = NULL;
  g_autoptr (RtkTestReply) late = NULL;

  desk_init (&desk, (const char *[]){"--lease-seconds", "0", NULL});
  desk_pay (&desk);
  /* Nothing is written in the answer, because nothing is held any more when it is. */
  mine = claim (&desk, desk.reviewer, "{}");
  g_assert_cmpuint (count_items (mine), ==, 0);
  theirs = get_order (&desk);
  {
    g_autoptr (JsonObject) item = json_object_new ();

    json_object_set_string_member (item, "submission",
                                   json_object_get_string_member (newest (theirs->json), "id"));
    json_object_set_object_member (item, "order", json_object_ref (theirs->json));
    late = decide (&desk, desk.reviewer, item, NULL);
    g_assert_cmpuint (late->status, ==, 409);
    g_assert_cmpstr (rtk_test_reply_text (late, "type"), ==, "urn:retake:problem:not-claimed");
  }
}

/* What a thread of a race has to do. */
typedef struct {
  Desk       *desk;
  const char *token;
  char       *path;
  char       *body;
  GMutex     *start;
  guint       status;
  const char *url; /* (nullable): of another process than the desk's */
} Runner;

static gpointer
run_one (gpointer data)
{
  Runner        *runner = data;
  RtkTestServer *client =
      rtk_test_server_attach (runner->url != NULL ? runner->url : runner->desk->server->url);
  g_autoptr (RtkTestReply) reply = NULL;

  /* All of them stand at this line. */
  g_mutex_lock (runner->start);
  g_mutex_unlock (runner->start);
  reply = rtk_test_call (client, runner->token, "POST", runner->path, runner->body);
  runner->status = reply->status;
  rtk_test_server_free (client);
  return NULL;
}

/* Runs all at once. */
static void
race (Runner *runners, guint n)
{
  GMutex   start;
  GThread *threads[16];

  g_assert_cmpuint (n, <=, G_N_ELEMENTS (threads));
  g_mutex_init (&start);
  g_mutex_lock (&start);
  for (guint i = 0; i < n; i++) {
    runners[i].start = &start;
    threads[i] = g_thread_new ("runner", run_one, &runners[i]);
  }
  g_mutex_unlock (&start);
  for (guint i = 0; i < n; i++) {
    g_thread_join (threads[i]);
    g_free (runners[i].path);
    g_free (runners[i].body);
  }
  g_mutex_clear (&start);
}

static char *
verdict_body (JsonObject *item, const char *reasons)
{
  JsonObject *order = json_object_get_object_member (item, "order");

  return g_strdup_printf ("{\"verdict\":\"%s\",\"revision\":%" G_GINT64_FORMAT ",\"reasons\":[%s]}",
                          reasons != NULL ? "rejected" : "approved",
                          json_object_get_int_member (order, "revision"),
                          reasons != NULL ? reasons : "");
}

static char *
item_path (JsonObject *item, const char *what)
{
  return g_strconcat ("/v1/reviews/", json_object_get_string_member (item, "submission"), what,
                      NULL);
}

/* One reviewer's two windows say different things at the same time: one of them decides. */
static void
test_race_verdicts (void)
{
  g_auto (Desk) desk;

  desk_init (&desk, (const char *[]){"--sample-percent", "0", NULL});
  for (guint round = 0; round < 4; round++) {
    g_autoptr (RtkTestReply) claimed = NULL;
    Runner runners[6];
    guint  n_taken = 0;

    desk_pay (&desk);
    claimed = claim (&desk, desk.reviewer, "{}");
    for (guint i = 0; i < G_N_ELEMENTS (runners); i++) {
      static const char *const reasons[] = {NULL,       "\"gaze\"", "\"hair\"",
                                            "\"ears\"", "\"blur\"", "\"pose\""};

      runners[i] = (Runner){&desk,
                            desk.reviewer,
                            item_path (get_item (claimed, 0), ""),
                            verdict_body (get_item (claimed, 0), reasons[i]),
                            NULL,
                            0};
    }
    race (runners, G_N_ELEMENTS (runners));
    for (guint i = 0; i < G_N_ELEMENTS (runners); i++) {
      g_assert_true (runners[i].status == 200 || runners[i].status == 409);
      n_taken += runners[i].status == 200;
    }
    g_assert_cmpuint (n_taken, ==, 1);
  }
}

/* Claims at the same time share the queue without a double. */
static void
test_race_claims (void)
{
  g_auto (Desk) desk;
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  const char *tokens[4];
  Runner      runners[8];
  guint       n = 0;

  desk_init (&desk, NULL);
  for (guint i = 0; i < 8; i++)
    desk_pay (&desk);
  tokens[0] = desk.reviewer;
  tokens[1] = desk.reviewer2;
  tokens[2] = desk.supervisor;
  tokens[3] = desk.supervisor2;
  for (guint i = 0; i < G_N_ELEMENTS (runners); i++)
    runners[i] = (Runner){&desk,
                          tokens[i % 4],
                          g_strdup ("/v1/reviews/claim"),
                          g_strdup_printf ("{\"count\":%u}", 1 + i % 3),
                          NULL,
                          0,
                          NULL};
  race (runners, G_N_ELEMENTS (runners));
  for (guint i = 0; i < 4; i++) {
    g_autoptr (RtkTestReply) held =
        rtk_test_call (desk.server, tokens[i], "POST", "/v1/reviews/renew", NULL);
    JsonArray *list = json_object_get_array_member (held->json, "submissions");

    for (guint k = 0; k < json_array_get_length (list); k++, n++)
      g_assert_true (g_hash_table_add (seen, g_strdup (json_array_get_string_element (list, k))));
  }
  g_assert_cmpuint (n, >=, 4);
}

/* The first one's undo against the second one's verdict: one of them wins, never both. */
static void
test_race_undo (void)
{
  g_auto (Desk) desk;

  desk_init (&desk, SAMPLE_ALL);
  for (guint round = 0; round < 4; round++) {
    g_autoptr (RtkTestReply) first = NULL;
    g_autoptr (RtkTestReply) said = NULL;
    g_autoptr (RtkTestReply) second = NULL;
    g_autoptr (RtkTestReply) order = NULL;
    g_autoptr (RtkTestReply) back = NULL;
    Runner runners[2];

    desk_pay (&desk);
    first = claim (&desk, desk.reviewer, "{}");
    said = decide (&desk, desk.reviewer, get_item (first, 0), "\"gaze\"");
    second = claim (&desk, desk.reviewer2, "{}");
    runners[0] = (Runner){
        &desk, desk.reviewer, item_path (get_item (first, 0), "/undo"), NULL, NULL, 0, NULL};
    runners[1] = (Runner){&desk,
                          desk.reviewer2,
                          item_path (get_item (second, 0), ""),
                          verdict_body (get_item (second, 0), "\"gaze\""),
                          NULL,
                          0,
                          NULL};
    race (runners, 2);
    g_assert_cmpuint (runners[0].status + runners[1].status, ==, 200 + 409);
    order = get_order (&desk);
    assert_state (order, runners[1].status == 200 ? "rejected" : "in_review",
                  runners[1].status == 200 ? "gaze" : "");
    back = rtk_test_call (desk.server, desk.reviewer, "DELETE", "/v1/reviews/claim", NULL);
    if (runners[0].status == 200) {
      g_autoptr (RtkTestReply) again = claim (&desk, desk.supervisor, "{}");
      g_autoptr (RtkTestReply) end = decide (&desk, desk.supervisor, get_item (again, 0), NULL);

      assert_state (end, "in_review", "");
      /* Out of the way of the next round. */
      {
        g_autoptr (RtkTestReply) last = claim (&desk, desk.reviewer2, "{}");
        g_autoptr (RtkTestReply) final = decide (&desk, desk.reviewer2, get_item (last, 0), NULL);

        g_assert_cmpuint (final->status, ==, 200);
      }
    }
  }
}

/* Several processes on one database: what is claimed at one is decided at another, once. */
static void
race_processes (void)
{
  g_auto (Desk) desk;
  g_autoptr (RtkTestServer) other = NULL;

  desk_init (&desk, NULL);
  other = rtk_test_server_join (desk.server);
  for (guint round = 0; round < 4; round++) {
    g_autoptr (RtkTestReply) claimed = NULL;
    Runner runners[6];
    guint  n_taken = 0;

    desk_pay (&desk);
    claimed = claim (&desk, desk.reviewer, "{}");
    for (guint i = 0; i < G_N_ELEMENTS (runners); i++) {
      static const char *const reasons[] = {NULL,       "\"gaze\"", "\"hair\"",
                                            "\"ears\"", "\"blur\"", "\"pose\""};

      runners[i] = (Runner){.desk = &desk,
                            .url = i % 2 == 0 ? desk.server->url : other->url,
                            .token = desk.reviewer,
                            .path = item_path (get_item (claimed, 0), ""),
                            .body = verdict_body (get_item (claimed, 0), reasons[i])};
    }
    race (runners, G_N_ELEMENTS (runners));
    for (guint i = 0; i < G_N_ELEMENTS (runners); i++)
      n_taken += runners[i].status == 200;
    g_assert_cmpuint (n_taken, ==, 1);
  }
}

static void
test_race_processes (void)
{
  if (g_getenv ("RTK_TEST_POSTGRES") == NULL)
    g_test_skip ("SQLite has one process");
  else
    race_processes ();
}

/* Two supervisors arbitrate at once: the one who claimed it decides. */
static void
test_race_arbitration (void)
{
  g_auto (Desk) desk;
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) said = NULL;
  g_autoptr (RtkTestReply) second = NULL;
  g_autoptr (RtkTestReply) differs = NULL;
  g_autoptr (RtkTestReply) third = NULL;
  g_autoptr (RtkTestReply) order = NULL;
  Runner runners[2];

  desk_init (&desk, SAMPLE_ALL);
  desk_pay (&desk);
  first = claim (&desk, desk.reviewer, "{}");
  said = decide (&desk, desk.reviewer, get_item (first, 0), "\"gaze\"");
  second = claim (&desk, desk.reviewer2, "{}");
  differs = decide (&desk, desk.reviewer2, get_item (second, 0), NULL);
  assert_state (differs, "in_review", "");
  third = claim (&desk, desk.supervisor, "{}");
  runners[0] = (Runner){&desk,
                        desk.supervisor,
                        item_path (get_item (third, 0), ""),
                        verdict_body (get_item (third, 0), "\"gaze\""),
                        NULL,
                        0};
  runners[1] = (Runner){&desk,
                        desk.supervisor2,
                        item_path (get_item (third, 0), ""),
                        verdict_body (get_item (third, 0), NULL),
                        NULL,
                        0};
  race (runners, 2);
  g_assert_cmpuint (runners[0].status, ==, 200);
  g_assert_cmpuint (runners[1].status, ==, 409);
  order = get_order (&desk);
  assert_state (order, "rejected", "gaze");
}

static JsonObject *
find_order (RtkTestReply *claimed, const char *order)
{
  for (guint i = 0; i < count_items (claimed); i++) {
    JsonObject *item = get_item (claimed, i);

    if (strcmp (json_object_get_string_member (json_object_get_object_member (item, "order"), "id"),
                order) == 0)
      return item;
  }
  return NULL;
}

/* Whether two values have the same members, all the way down; arrays by their first element. */
static void
assert_alike (JsonNode *a, JsonNode *b, const char *name)
{
  g_test_message ("%s", name);
  if (JSON_NODE_HOLDS_OBJECT (a)) {
    JsonObject *x = json_node_get_object (a);
    JsonObject *y = json_node_get_object (b);
    g_autoptr (GList) members = json_object_get_members (x);
    g_autoptr (GList) others = json_object_get_members (y);
    GList *m = others;

    g_assert_cmpuint (g_list_length (members), ==, g_list_length (others));
    for (GList *l = members; l != NULL; l = l->next, m = m->next) {
      g_assert_cmpstr (l->data, ==, m->data);
      assert_alike (json_object_get_member (x, l->data), json_object_get_member (y, m->data),
                    l->data);
    }
  } else if (JSON_NODE_HOLDS_ARRAY (a)) {
    JsonArray *x = json_node_get_array (a);
    JsonArray *y = json_node_get_array (b);

    if (json_array_get_length (x) > 0 && json_array_get_length (y) > 0)
      assert_alike (json_array_get_element (x, 0), json_array_get_element (y, 0), name);
  } else {
    g_assert_cmpint (json_node_get_node_type (a), ==, json_node_get_node_type (b));
  }
}

static void
assert_same_shape (JsonObject *a, JsonObject *b)
{
  g_autoptr (JsonNode) x = json_node_init_object (json_node_alloc (), a);
  g_autoptr (JsonNode) y = json_node_init_object (json_node_alloc (), b);

  assert_alike (x, y, "item");
}

/* Makes the order that was paid last one whose verdict is known: rejected, by the supervisor. */
static void
add_gold (Desk *desk)
{
  g_autoptr (RtkTestReply) claimed = claim (desk, desk->supervisor2, "{}");
  g_autoptr (RtkTestReply) done =
      decide (desk, desk->supervisor2, get_item (claimed, 0), "\"hair\"");
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *body = g_strdup_printf (
      "{\"id\":\"%s\",\"submission\":\"%s\",\"verdict\":\"rejected\",\"reasons\":[\"hair\"]}", id,
      json_object_get_string_member (get_item (claimed, 0), "submission"));
  g_autoptr (RtkTestReply) added = NULL;

  assert_state (done, "rejected", "hair");
  added = rtk_test_call (desk->server, desk->supervisor, "POST", "/v1/gold", body);
  g_assert_cmpuint (added->status, ==, 201);
}

/* The statistics know what was gold, and count it apart. */
static void
assert_gold_wrong (Desk *desk)
{
  g_autoptr (RtkTestReply) figures =
      rtk_test_call (desk->server, desk->supervisor, "GET", "/v1/reviews/statistics", NULL);
  JsonArray *reviewers = json_object_get_array_member (figures->json, "reviewers");
  guint      n = 0;

  for (guint i = 0; i < json_array_get_length (reviewers); i++) {
    JsonObject *one = json_array_get_object_element (reviewers, i);

    if (strcmp (json_object_get_string_member (one, "name"), "reviewer") == 0) {
      g_assert_cmpint (json_object_get_int_member (one, "gold_wrong"), ==, 1);
      g_assert_cmpint (json_object_get_int_member (one, "decided"), ==, 1);
      n++;
    }
  }
  g_assert_cmpuint (n, ==, 1);
}

/* A photo whose verdict is known looks like any other, answers like any other, and is in no feed.
 */
static void
test_gold (void)
{
  g_auto (Desk) desk;
  g_autoptr (RtkTestReply) claimed = NULL;
  g_autoptr (RtkTestReply) both = NULL;
  g_autoptr (RtkTestReply) seen = NULL;
  g_autoptr (RtkTestReply) hidden = NULL;
  g_autoptr (RtkTestReply) stale = NULL;
  g_autoptr (RtkTestReply) said = NULL;
  g_autoptr (RtkTestReply) again = NULL;
  g_autoptr (RtkTestReply) other = NULL;
  g_autoptr (RtkTestReply) real = NULL;
  g_autoptr (RtkTestReply) undone = NULL;
  g_autoptr (RtkTestReply) wrong = NULL;
  g_autoptr (RtkTestReply) feed = NULL;
  g_autofree char *path = NULL;
  g_autofree char *feed_text = NULL;
  JsonObject      *item;
  JsonObject      *gold = NULL;
  const char      *gold_order;

  desk_init (&desk, (const char *[]){"--gold-percent", "100", NULL});
  desk_pay (&desk);
  add_gold (&desk);
  desk_pay (&desk);
  /* Neither who chose it nor who decided it gets it: nothing but the real one comes. */
  {
    g_autoptr (RtkTestReply) chooser = claim (&desk, desk.supervisor, "{\"count\":5}");
    g_autoptr (RtkTestReply) back = NULL;

    g_assert_cmpuint (count_items (chooser), ==, 1);
    back = rtk_test_call (desk.server, desk.supervisor, "DELETE", "/v1/reviews/claim", NULL);
    g_assert_cmpuint (back->status, ==, 204);
  }
  claimed = claim (&desk, desk.reviewer, "{\"count\":1}");
  g_assert_cmpuint (count_items (claimed), ==, 1);
  both = claim (&desk, desk.reviewer, "{\"count\":5}");
  g_assert_cmpuint (count_items (both), ==, 2);
  item = find_order (both, desk.order);
  g_assert_nonnull (item);
  gold = get_item (both, get_item (both, 0) == item ? 1 : 0);
  assert_same_shape (item, gold);
  gold_order = json_object_get_string_member (json_object_get_object_member (gold, "order"), "id");
  path = g_strconcat ("/v1/orders/", gold_order, NULL);
  seen = rtk_test_call (desk.server, desk.reviewer, "GET", path, NULL);
  g_assert_cmpuint (seen->status, ==, 200);
  hidden = rtk_test_call (desk.server, desk.reviewer2, "GET", path, NULL);
  rtk_test_assert_problem (hidden, 404, "not-found");
  other = act (&desk, desk.reviewer2, gold, "/release", NULL);
  rtk_test_assert_problem (other, 404, "not-found");
  stale = act (&desk, desk.reviewer, gold, "", "{\"verdict\":\"approved\",\"revision\":999}");
  rtk_test_assert_problem (stale, 409, "stale-revision");
  said = decide (&desk, desk.reviewer, gold, "\"hair\"");
  assert_state (said, "rejected", "hair");
  g_assert_cmpstr (rtk_test_reply_text (said, "payment"), ==, "refund_due");
  real = decide (&desk, desk.reviewer, item, "\"hair\"");
  assert_same_shape (real->json, said->json);
  again = decide (&desk, desk.reviewer, gold, "\"hair\"");
  g_assert_cmpuint (again->status, ==, 200);
  undone = act (&desk, desk.reviewer, gold, "/undo", NULL);
  g_assert_cmpuint (undone->status, ==, 200);
  wrong = decide (&desk, desk.reviewer, undone->json, NULL);
  assert_state (wrong, "approved", "");
  feed = rtk_test_call (desk.server, desk.supervisor, "GET", "/v1/changes", NULL);
  feed_text = g_strndup (g_bytes_get_data (feed->body, NULL), g_bytes_get_size (feed->body));
  g_assert_null (strstr (feed_text, gold_order));
  assert_gold_wrong (&desk);
}

/* No photo comes a second time while there is one that the reviewer has not seen. */
static void
test_gold_turns (void)
{
  g_auto (Desk) desk;
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  desk_init (&desk, (const char *[]){"--gold-percent", "100", NULL});
  for (guint i = 0; i < 3; i++) {
    desk_pay (&desk);
    add_gold (&desk);
  }
  for (guint i = 0; i < 3; i++) {
    g_autoptr (RtkTestReply) claimed = NULL;

    desk_pay (&desk);
    claimed = claim (&desk, desk.reviewer, "{\"count\":1}");
    claimed = (rtk_test_reply_free (claimed), claim (&desk, desk.reviewer, "{\"count\":9}"));
    g_assert_cmpuint (count_items (claimed), ==, 2);
    for (guint k = 0; k < 2; k++) {
      JsonObject *item = get_item (claimed, k);
      JsonObject *order = json_object_get_object_member (item, "order");
      g_autoptr (RtkTestReply) done = NULL;

      if (strcmp (json_object_get_string_member (order, "id"), desk.order) != 0)
        g_assert_true (g_hash_table_add (
            seen, g_strdup (json_object_get_string_member (newest (order), "delivered"))));
      done = decide (&desk, desk.reviewer, item, NULL);
      assert_state (done, "approved", "");
    }
  }
  g_assert_cmpuint (g_hash_table_size (seen), ==, 3);
}

/* Agreement of two reviewers, counted by hand: three photos, one of them judged differently. The
 * shares of "rejected" are 2/3 and 1/3: 4/9 are expected, 2/3 observed, hence kappa 0.4. */
static void
test_statistics (void)
{
  static const char *const first[] = {"\"gaze\"", "\"gaze\",\"hair\"", NULL};
  static const char *const second[] = {NULL, "\"gaze\"", NULL};
  g_auto (Desk) desk;
  g_autoptr (RtkTestReply) figures = NULL;
  JsonArray *list;
  guint      n = 0;

  desk_init (&desk, SAMPLE_ALL);
  for (guint i = 0; i < G_N_ELEMENTS (first); i++) {
    g_autoptr (RtkTestReply) a = NULL;
    g_autoptr (RtkTestReply) b = NULL;
    g_autoptr (RtkTestReply) one = NULL;
    g_autoptr (RtkTestReply) other = NULL;

    desk_pay (&desk);
    a = claim (&desk, desk.reviewer, "{}");
    one = decide (&desk, desk.reviewer, get_item (a, 0), first[i]);
    b = claim (&desk, desk.reviewer2, "{}");
    other = decide (&desk, desk.reviewer2, get_item (b, 0), second[i]);
    g_assert_cmpuint (other->status, ==, 200);
  }
  figures = rtk_test_call (desk.server, desk.supervisor, "GET", "/v1/reviews/statistics", NULL);
  list = json_object_get_array_member (figures->json, "reviewers");
  for (guint i = 0; i < json_array_get_length (list); i++) {
    JsonObject *one = json_array_get_object_element (list, i);

    g_assert_cmpint (json_object_get_int_member (one, "compared"), ==, 3);
    g_assert_cmpfloat_with_epsilon (json_object_get_double_member (one, "agreement_percent"),
                                    66.667, 0.001);
    g_assert_cmpfloat_with_epsilon (json_object_get_double_member (one, "kappa"), 0.4, 0.001);
  }
  g_assert_cmpuint (json_array_get_length (list), ==, 2);
  list = json_object_get_array_member (figures->json, "reasons");
  for (guint i = 0; i < json_array_get_length (list); i++) {
    JsonObject *one = json_array_get_object_element (list, i);
    const char *code = json_object_get_string_member (one, "code");

    if (strcmp (code, "gaze") == 0 || strcmp (code, "hair") == 0) {
      g_assert_cmpint (json_object_get_int_member (one, "compared"), ==, 1);
      g_assert_cmpfloat_with_epsilon (json_object_get_double_member (one, "agreement_percent"),
                                      code[0] == 'g' ? 100 : 0, 0.001);
      n++;
    }
  }
  g_assert_cmpuint (n, ==, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/reviews/second-agrees", test_second_agrees);
  g_test_add_func ("/server/reviews/second-differs", test_second_differs);
  g_test_add_func ("/server/reviews/small-centre", test_small_centre);
  g_test_add_func ("/server/reviews/undo", test_undo);
  g_test_add_func ("/server/reviews/undo-handed-on", test_undo_handed_on);
  g_test_add_func ("/server/reviews/held-over", test_held_over);
  g_test_add_func ("/server/reviews/claims", test_claims);
  g_test_add_func ("/server/reviews/lease-over", test_lease_over);
  g_test_add_func ("/server/reviews/race-verdicts", test_race_verdicts);
  g_test_add_func ("/server/reviews/race-claims", test_race_claims);
  g_test_add_func ("/server/reviews/race-undo", test_race_undo);
  g_test_add_func ("/server/reviews/race-processes", test_race_processes);
  g_test_add_func ("/server/reviews/race-arbitration", test_race_arbitration);
  g_test_add_func ("/server/reviews/gold", test_gold);
  g_test_add_func ("/server/reviews/gold-turns", test_gold_turns);
  g_test_add_func ("/server/reviews/statistics", test_statistics);
  return g_test_run ();
}
