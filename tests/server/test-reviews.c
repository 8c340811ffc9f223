/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-id.h"
#include "support/rtk-test-desk.h"
#include "support/rtk-test-signer.h"

#include <string.h>

/* Two who say the same: final with the reasons of both; nothing shows before. */
static void
test_second_agrees (void)
{
  g_auto (RtkTestDesk) desk;
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) own = NULL;
  g_autoptr (RtkTestReply) second = NULL;
  g_autoptr (RtkTestReply) said = NULL;
  g_autoptr (RtkTestReply) again = NULL;
  g_autoptr (RtkTestReply) done = NULL;
  JsonObject *a;
  JsonObject *b;

  rtk_test_desk_init (&desk, RTK_TEST_SAMPLE_ALL);
  rtk_test_desk_pay (&desk);
  first = rtk_test_desk_claim (&desk, desk.reviewer, "{}");
  a = rtk_test_get_item (first, 0);
  said = rtk_test_desk_decide (&desk, desk.reviewer, a, "\"gaze\"");
  rtk_test_assert_state (said, "in_review", "");
  again = rtk_test_desk_decide (&desk, desk.reviewer, a, "\"gaze\"");
  rtk_test_assert_state (again, "in_review", "");
  own = rtk_test_desk_claim (&desk, desk.reviewer, "{\"count\":10}");
  g_assert_cmpuint (rtk_test_count_items (own), ==, 0);
  /* The second reviewer sees what the first one saw. */
  second = rtk_test_desk_claim (&desk, desk.reviewer2, "{\"count\":10}");
  b = rtk_test_get_item (second, 0);
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
  done = rtk_test_desk_decide (&desk, desk.reviewer2, b, "\"blur\"");
  rtk_test_assert_state (done, "rejected", "blur,gaze");
  g_assert_cmpstr (rtk_test_reply_text (done, "payment"), ==, "refund_due");
}

/* Two who do not: a supervisor who gave neither verdict decides, and sees both. */
static void
test_second_differs (void)
{
  g_auto (RtkTestDesk) desk;
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

  rtk_test_desk_init (&desk, RTK_TEST_SAMPLE_ALL);
  rtk_test_desk_pay (&desk);
  first = rtk_test_desk_claim (&desk, desk.supervisor, "{}");
  early = rtk_test_desk_decide (&desk, desk.supervisor, rtk_test_get_item (first, 0), NULL);
  rtk_test_assert_state (early, "in_review", "");
  second = rtk_test_desk_claim (&desk, desk.reviewer, "{}");
  said = rtk_test_desk_decide (&desk, desk.reviewer, rtk_test_get_item (second, 0), "\"ears\"");
  rtk_test_assert_state (said, "in_review", "");
  /* The first one's undo comes after the second's verdict. */
  late = rtk_test_desk_act (&desk, desk.supervisor, rtk_test_get_item (first, 0), "/undo", NULL);
  rtk_test_assert_problem (late, 409, "too-late");
  none = rtk_test_desk_claim (&desk, desk.reviewer2, "{}");
  g_assert_cmpuint (rtk_test_count_items (none), ==, 0);
  party = rtk_test_desk_claim (&desk, desk.supervisor, "{}");
  g_assert_cmpuint (rtk_test_count_items (party), ==, 0);
  third = rtk_test_desk_claim (&desk, desk.supervisor2, "{\"stage\":\"arbitration\"}");
  g_assert_cmpstr (json_object_get_string_member (rtk_test_get_item (third, 0), "stage"), ==,
                   "arbitration");
  verdicts = json_object_get_array_member (rtk_test_get_item (third, 0), "verdicts");
  g_assert_cmpuint (json_array_get_length (verdicts), ==, 2);
  g_assert_cmpstr (
      json_object_get_string_member (json_array_get_object_element (verdicts, 1), "verdict"), ==,
      "rejected");
  done = rtk_test_desk_decide (&desk, desk.supervisor2, rtk_test_get_item (third, 0), "\"ears\"");
  rtk_test_assert_state (done, "rejected", "ears");
  /* The arbitration can be undone, too. */
  own = rtk_test_desk_act (&desk, desk.supervisor2, rtk_test_get_item (third, 0), "/undo", NULL);
  g_assert_cmpuint (own->status, ==, 200);
  g_assert_cmpstr (rtk_test_reply_text (own, "stage"), ==, "arbitration");
}

/* How many entries of the history of the desk's order say what became of its review. */
static guint
count_said (RtkTestDesk *desk, const char *token)
{
  g_autofree char *path = g_strconcat ("/v1/orders/", desk->order, "/history", NULL);
  g_autoptr (RtkTestReply) reply = rtk_test_call (desk->server, token, "GET", path, NULL);
  JsonArray *entries = json_object_get_array_member (reply->json, "entries");
  guint      n = 0;

  for (guint i = 0; i < json_array_get_length (entries); i++)
    n += g_str_has_prefix (
        json_object_get_string_member (json_array_get_object_element (entries, i), "action"),
        "review.");
  return n;
}

/* Who may still decide, or arbitrate, is not told by the history what others said. */
static void
test_second_blind (void)
{
  g_auto (RtkTestDesk) desk;
  g_autofree char *desk_token = NULL;
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) second = NULL;
  g_autoptr (RtkTestReply) third = NULL;
  g_autoptr (RtkTestReply) said = NULL;
  g_autoptr (RtkTestReply) other = NULL;
  g_autoptr (RtkTestReply) done = NULL;

  rtk_test_desk_init (&desk, RTK_TEST_SAMPLE_ALL);
  desk_token = rtk_test_sign_in (desk.server, "operator");
  rtk_test_desk_pay (&desk);
  first = rtk_test_desk_claim (&desk, desk.supervisor, "{}");
  said = rtk_test_desk_decide (&desk, desk.supervisor, rtk_test_get_item (first, 0), "\"gaze\"");
  rtk_test_assert_state (said, "in_review", "");
  g_assert_cmpuint (count_said (&desk, desk.supervisor), ==, 1);
  g_assert_cmpuint (count_said (&desk, desk_token), ==, 1);
  g_assert_cmpuint (count_said (&desk, desk.supervisor2), ==, 0);
  g_assert_cmpuint (count_said (&desk, desk.reviewer), ==, 0);
  second = rtk_test_desk_claim (&desk, desk.reviewer, "{}");
  other = rtk_test_desk_decide (&desk, desk.reviewer, rtk_test_get_item (second, 0), NULL);
  rtk_test_assert_state (other, "in_review", "");
  /* It is for an arbiter now, with it in hand or not. */
  g_assert_cmpuint (count_said (&desk, desk.supervisor2), ==, 0);
  third = rtk_test_desk_claim (&desk, desk.supervisor2, "{}");
  g_assert_cmpuint (rtk_test_count_items (third), ==, 1);
  g_assert_cmpuint (count_said (&desk, desk.supervisor2), ==, 0);
  g_assert_cmpuint (count_said (&desk, desk.supervisor), ==, 2);
  done = rtk_test_desk_decide (&desk, desk.supervisor2, rtk_test_get_item (third, 0), NULL);
  rtk_test_assert_state (done, "approved", "");
  g_assert_cmpuint (count_said (&desk, desk.supervisor2), ==, 3);
  g_assert_cmpuint (count_said (&desk, desk.reviewer), ==, 3);
}

/* Without a second reviewer and an arbiter besides, every first verdict is final. */
static void
test_small_centre (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (1, RTK_TEST_SAMPLE_ALL);
  RtkTestDesk      desk = {.server = server};
  g_autofree char *token = rtk_test_sign_in (server, "reviewer");
  g_autofree char *id = rtk_test_make_order (server, 0, TRUE);
  g_autoptr (RtkTestReply) claimed = rtk_test_desk_claim (&desk, token, "{}");
  g_autoptr (RtkTestReply) done =
      rtk_test_desk_decide (&desk, token, rtk_test_get_item (claimed, 0), NULL);

  g_assert_true (rtk_id_is_valid (id));
  rtk_test_assert_state (done, "approved", "");
}

static void
retake (RtkTestDesk *desk, const char *order, guint32 seed)
{
  g_autoptr (RtkSigner) signer = rtk_test_signer_new ("desk");
  g_autofree char *token = rtk_test_sign_in (desk->server, "operator");
  g_autofree char *station = rtk_test_enrol (desk->server, token, "operator", signer);
  g_auto (GStrv) parts = rtk_test_upload_parts (desk->server, token, seed);
  g_autoptr (RtkTestReply) now = rtk_test_desk_get_order (desk);
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
  g_auto (RtkTestDesk) desk;
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

  rtk_test_desk_init (&desk, (const char *[]){"--sample-percent", "0", NULL});
  rtk_test_desk_pay (&desk);
  first = rtk_test_desk_claim (&desk, desk.reviewer, "{}");
  rejected = rtk_test_desk_decide (&desk, desk.reviewer, rtk_test_get_item (first, 0), "\"hair\"");
  g_assert_cmpstr (rtk_test_reply_text (rejected, "payment"), ==, "refund_due");
  other = rtk_test_desk_act (&desk, desk.reviewer2, rtk_test_get_item (first, 0), "/undo", NULL);
  rtk_test_assert_problem (other, 409, "no-verdict");
  undone = rtk_test_desk_act (&desk, desk.reviewer, rtk_test_get_item (first, 0), "/undo", NULL);
  g_assert_cmpuint (undone->status, ==, 200);
  twice = rtk_test_desk_act (&desk, desk.reviewer, rtk_test_get_item (first, 0), "/undo", NULL);
  g_assert_cmpuint (twice->status, ==, 200);
  order = rtk_test_desk_get_order (&desk);
  rtk_test_assert_state (order, "in_review", "");
  g_assert_cmpstr (rtk_test_reply_text (order, "payment"), ==, "paid");
  approved = rtk_test_desk_decide (&desk, desk.reviewer, undone->json, NULL);
  rtk_test_assert_state (approved, "approved", "");
  /* A retake that is approved supersedes it; the undo of that brings it back. */
  retake (&desk, desk.order, 7);
  both = rtk_test_desk_claim (&desk, desk.reviewer2, "{\"origin\":\"desk\"}");
  g_assert_cmpint (json_object_get_int_member (rtk_test_get_item (both, 0), "attempt"), ==, 2);
  newer = rtk_test_desk_decide (&desk, desk.reviewer2, rtk_test_get_item (both, 0), NULL);
  rtk_test_assert_state (newer, "approved", "");
  too_late = rtk_test_desk_act (&desk, desk.reviewer, rtk_test_get_item (first, 0), "/undo", NULL);
  rtk_test_assert_problem (too_late, 409, "too-late");
  back = rtk_test_desk_act (&desk, desk.reviewer2, rtk_test_get_item (both, 0), "/undo", NULL);
  g_assert_cmpuint (back->status, ==, 200);
  after = rtk_test_desk_get_order (&desk);
  rtk_test_assert_state (after, "in_review", "");
  submissions = json_object_get_array_member (after->json, "submissions");
  g_assert_cmpstr (
      json_object_get_string_member (json_array_get_object_element (submissions, 1), "state"), ==,
      "approved");
}

/* The first of a sample may be undone until the second has decided, even while they look at it. */
static void
test_undo_handed_on (void)
{
  g_auto (RtkTestDesk) desk;
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) said = NULL;
  g_autoptr (RtkTestReply) second = NULL;
  g_autoptr (RtkTestReply) undone = NULL;
  g_autoptr (RtkTestReply) lost = NULL;
  g_autoptr (RtkTestReply) order = NULL;

  rtk_test_desk_init (&desk, RTK_TEST_SAMPLE_ALL);
  rtk_test_desk_pay (&desk);
  first = rtk_test_desk_claim (&desk, desk.reviewer, "{}");
  said = rtk_test_desk_decide (&desk, desk.reviewer, rtk_test_get_item (first, 0), "\"gaze\"");
  second = rtk_test_desk_claim (&desk, desk.reviewer2, "{}");
  undone = rtk_test_desk_act (&desk, desk.reviewer, rtk_test_get_item (first, 0), "/undo", NULL);
  g_assert_cmpuint (undone->status, ==, 200);
  lost = rtk_test_desk_decide (&desk, desk.reviewer2, rtk_test_get_item (second, 0), "\"gaze\"");
  g_assert_cmpuint (lost->status, ==, 409);
  g_assert_cmpstr (rtk_test_reply_text (lost, "type"), ==, "urn:retake:problem:not-claimed");
  /* Both sides are in the answer. */
  g_assert_true (json_object_has_member (lost->json, "order"));
  g_assert_cmpstr (json_object_get_string_member (
                       json_object_get_object_member (lost->json, "verdict"), "verdict"),
                   ==, "rejected");
  order = rtk_test_desk_get_order (&desk);
  rtk_test_assert_state (order, "in_review", "");
}

static void
test_held_over (void)
{
  g_auto (RtkTestDesk) desk;
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) said = NULL;
  g_autoptr (RtkTestReply) undone = NULL;

  rtk_test_desk_init (&desk,
                      (const char *[]){"--sample-percent", "0", "--hold-seconds", "0", NULL});
  rtk_test_desk_pay (&desk);
  first = rtk_test_desk_claim (&desk, desk.reviewer, "{}");
  said = rtk_test_desk_decide (&desk, desk.reviewer, rtk_test_get_item (first, 0), NULL);
  rtk_test_assert_state (said, "approved", "");
  undone = rtk_test_desk_act (&desk, desk.reviewer, rtk_test_get_item (first, 0), "/undo", NULL);
  rtk_test_assert_problem (undone, 409, "too-late");
}

/* Filters, oldest first, what one holds first; released and given back; a lease that is over. */
static void
test_claims (void)
{
  g_auto (RtkTestDesk) desk;
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

  rtk_test_desk_init (&desk, (const char *[]){"--gold-percent", "0", NULL});
  for (guint i = 0; i < 4; i++) {
    rtk_test_desk_pay (&desk);
    if (i == 0)
      oldest = g_strdup (desk.order);
  }
  none = rtk_test_desk_claim (&desk, desk.reviewer, "{\"count\":9,\"school\":\"nowhere\"}");
  g_assert_cmpuint (rtk_test_count_items (none), ==, 0);
  two = rtk_test_desk_claim (
      &desk, desk.reviewer,
      "{\"count\":2,\"school\":\"示例大学\",\"batch\":\"2026\",\"origin\":\"online\","
      "\"engine\":\"unknown\",\"stage\":\"first\"}");
  g_assert_cmpuint (rtk_test_count_items (two), ==, 2);
  g_assert_cmpstr (json_object_get_string_member (
                       json_object_get_object_member (rtk_test_get_item (two, 0), "order"), "id"),
                   ==, oldest);
  rest = rtk_test_desk_claim (&desk, desk.reviewer2, "{\"count\":9}");
  g_assert_cmpuint (rtk_test_count_items (rest), ==, 2);
  same = rtk_test_desk_claim (&desk, desk.reviewer, "{\"count\":1}");
  g_assert_cmpstr (json_object_get_string_member (rtk_test_get_item (same, 0), "submission"), ==,
                   json_object_get_string_member (rtk_test_get_item (two, 0), "submission"));
  released = rtk_test_desk_act (&desk, desk.reviewer, rtk_test_get_item (two, 1), "/release", NULL);
  g_assert_cmpuint (released->status, ==, 204);
  freed = rtk_test_desk_claim (&desk, desk.reviewer2, "{\"count\":9}");
  g_assert_cmpuint (rtk_test_count_items (freed), ==, 3);
  back = rtk_test_call (desk.server, desk.reviewer2, "DELETE", "/v1/reviews/claim", NULL);
  g_assert_cmpuint (back->status, ==, 204);
  all = rtk_test_desk_claim (&desk, desk.reviewer, "{\"count\":9}");
  g_assert_cmpuint (rtk_test_count_items (all), ==, 4);
  school = rtk_test_desk_get_order (&desk);
  rtk_test_assert_state (school, "in_review", "");
}

/* A lease of no time is over at once: the next claim frees it, and the verdict comes too late. */
static void
test_lease_over (void)
{
  g_auto (RtkTestDesk) desk;
  g_autoptr (RtkTestReply) mine = NULL;
  g_autoptr (RtkTestReply) theirs = NULL;
  g_autoptr (RtkTestReply) late = NULL;

  rtk_test_desk_init (&desk, (const char *[]){"--lease-seconds", "0", NULL});
  rtk_test_desk_pay (&desk);
  /* Nothing is written in the answer, because nothing is held any more when it is. */
  mine = rtk_test_desk_claim (&desk, desk.reviewer, "{}");
  g_assert_cmpuint (rtk_test_count_items (mine), ==, 0);
  theirs = rtk_test_desk_get_order (&desk);
  {
    g_autoptr (JsonObject) item = json_object_new ();

    json_object_set_string_member (
        item, "submission", json_object_get_string_member (rtk_test_newest (theirs->json), "id"));
    json_object_set_object_member (item, "order", json_object_ref (theirs->json));
    late = rtk_test_desk_decide (&desk, desk.reviewer, item, NULL);
    g_assert_cmpuint (late->status, ==, 409);
    g_assert_cmpstr (rtk_test_reply_text (late, "type"), ==, "urn:retake:problem:not-claimed");
  }
}

/* Agreement of two reviewers, counted by hand: three photos, one of them judged differently. The
 * shares of "rejected" are 2/3 and 1/3: 4/9 are expected, 2/3 observed, hence kappa 0.4. */
static void
test_statistics (void)
{
  static const char *const first[] = {"\"gaze\"", "\"gaze\",\"hair\"", NULL};
  static const char *const second[] = {NULL, "\"gaze\"", NULL};
  g_auto (RtkTestDesk) desk;
  g_autoptr (RtkTestReply) figures = NULL;
  JsonArray *list;
  guint      n = 0;

  rtk_test_desk_init (&desk, RTK_TEST_SAMPLE_ALL);
  for (guint i = 0; i < G_N_ELEMENTS (first); i++) {
    g_autoptr (RtkTestReply) a = NULL;
    g_autoptr (RtkTestReply) b = NULL;
    g_autoptr (RtkTestReply) one = NULL;
    g_autoptr (RtkTestReply) other = NULL;

    rtk_test_desk_pay (&desk);
    a = rtk_test_desk_claim (&desk, desk.reviewer, "{}");
    one = rtk_test_desk_decide (&desk, desk.reviewer, rtk_test_get_item (a, 0), first[i]);
    b = rtk_test_desk_claim (&desk, desk.reviewer2, "{}");
    other = rtk_test_desk_decide (&desk, desk.reviewer2, rtk_test_get_item (b, 0), second[i]);
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

/* These leave; jobs run when the server starts. */
static void
leave (RtkTestDesk *desk, const char *const *users)
{
  rtk_test_server_stop (desk->server);
  for (guint i = 0; users[i] != NULL; i++)
    g_assert_cmpint (rtk_test_server_command (desk->server->folder, NULL, NULL, "user", "disable",
                                              users[i], NULL),
                     ==, 0);
  rtk_test_server_start (desk->server);
}

/* The order when it is in review no more, which takes the jobs a moment. */
static RtkTestReply *
wait_for_verdict (RtkTestDesk *desk)
{
  gint64 end = g_get_monotonic_time () + 60 * G_TIME_SPAN_SECOND;

  for (;;) {
    RtkTestReply *order = rtk_test_desk_get_order (desk);

    if (strcmp (json_object_get_string_member (rtk_test_newest (order->json), "state"),
                "in_review") != 0)
      return order;
    g_assert_cmpint (g_get_monotonic_time (), <, end);
    rtk_test_reply_free (order);
  }
}

/* Nobody is left for the second look: the first verdict becomes final, and who gave it may still
 * undo it. */
static void
test_second_leaves (void)
{
  g_auto (RtkTestDesk) desk;
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) said = NULL;
  g_autoptr (RtkTestReply) done = NULL;
  g_autoptr (RtkTestReply) undone = NULL;
  g_autoptr (RtkTestReply) again = NULL;

  rtk_test_desk_init (&desk, RTK_TEST_SAMPLE_ALL);
  rtk_test_desk_pay (&desk);
  first = rtk_test_desk_claim (&desk, desk.reviewer, "{}");
  said = rtk_test_desk_decide (&desk, desk.reviewer, rtk_test_get_item (first, 0), "\"gaze\"");
  rtk_test_assert_state (said, "in_review", "");
  leave (&desk, (const char *[]){"reviewer2", "supervisor2", NULL});
  done = wait_for_verdict (&desk);
  rtk_test_assert_state (done, "rejected", "gaze");
  g_assert_cmpstr (rtk_test_reply_text (done, "payment"), ==, "refund_due");
  undone = rtk_test_desk_act (&desk, desk.reviewer, rtk_test_get_item (first, 0), "/undo", NULL);
  g_assert_cmpuint (undone->status, ==, 200);
  again = rtk_test_desk_decide (&desk, desk.reviewer, undone->json, NULL);
  rtk_test_assert_state (again, "approved", "");
}

/* Nobody is left to arbitrate: the last verdict becomes final. Somebody who left and was not needed
 * changes nothing. */
static void
test_arbiter_leaves (void)
{
  g_auto (RtkTestDesk) desk;
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) second = NULL;
  g_autoptr (RtkTestReply) early = NULL;
  g_autoptr (RtkTestReply) said = NULL;
  g_autoptr (RtkTestReply) waits = NULL;
  g_autoptr (RtkTestReply) done = NULL;
  g_autoptr (RtkTestReply) history = NULL;
  g_autofree char *path = NULL;
  g_autofree char *text = NULL;

  rtk_test_desk_init (&desk, RTK_TEST_SAMPLE_ALL);
  rtk_test_desk_pay (&desk);
  first = rtk_test_desk_claim (&desk, desk.supervisor, "{}");
  early = rtk_test_desk_decide (&desk, desk.supervisor, rtk_test_get_item (first, 0), NULL);
  second = rtk_test_desk_claim (&desk, desk.reviewer, "{}");
  said = rtk_test_desk_decide (&desk, desk.reviewer, rtk_test_get_item (second, 0), "\"ears\"");
  leave (&desk, (const char *[]){"reviewer2", NULL});
  waits = rtk_test_desk_get_order (&desk);
  rtk_test_assert_state (waits, "in_review", "");
  leave (&desk, (const char *[]){"supervisor2", NULL});
  done = wait_for_verdict (&desk);
  rtk_test_assert_state (done, "rejected", "ears");
  path = g_strconcat ("/v1/orders/", desk.order, "/history", NULL);
  history = rtk_test_call (desk.server, desk.supervisor, "GET", path, NULL);
  text = g_strndup (g_bytes_get_data (history->body, NULL), g_bytes_get_size (history->body));
  g_assert_nonnull (strstr (text, "\"review.unattended\""));
}

/* Nobody is left who did not pass it on, and nobody has decided: it waits as if it were new. */
static void
test_opinion_leaves (void)
{
  g_auto (RtkTestDesk) desk;
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) passed = NULL;
  g_autoptr (RtkTestReply) waits = NULL;
  g_autoptr (RtkTestReply) again = NULL;
  g_autoptr (RtkTestReply) said = NULL;

  rtk_test_desk_init (&desk, RTK_TEST_SAMPLE_ALL);
  rtk_test_desk_pay (&desk);
  first = rtk_test_desk_claim (&desk, desk.supervisor, "{}");
  passed = rtk_test_desk_act (&desk, desk.supervisor, rtk_test_get_item (first, 0),
                              "/second-opinion", "{\"note\":\"hair?\"}");
  g_assert_cmpuint (passed->status, ==, 204);
  leave (&desk, (const char *[]){"reviewer", "reviewer2", "supervisor2", NULL});
  waits = wait_for_verdict (&desk);
  rtk_test_assert_state (waits, "submitted", "");
  again = rtk_test_desk_claim (&desk, desk.supervisor, "{}");
  said = rtk_test_desk_decide (&desk, desk.supervisor, rtk_test_get_item (again, 0), NULL);
  rtk_test_assert_state (said, "approved", "");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/reviews/second-agrees", test_second_agrees);
  g_test_add_func ("/server/reviews/second-differs", test_second_differs);
  g_test_add_func ("/server/reviews/second-blind", test_second_blind);
  g_test_add_func ("/server/reviews/small-centre", test_small_centre);
  g_test_add_func ("/server/reviews/undo", test_undo);
  g_test_add_func ("/server/reviews/undo-handed-on", test_undo_handed_on);
  g_test_add_func ("/server/reviews/held-over", test_held_over);
  g_test_add_func ("/server/reviews/claims", test_claims);
  g_test_add_func ("/server/reviews/lease-over", test_lease_over);
  g_test_add_func ("/server/reviews/statistics", test_statistics);
  g_test_add_func ("/server/reviews/second-leaves", test_second_leaves);
  g_test_add_func ("/server/reviews/arbiter-leaves", test_arbiter_leaves);
  g_test_add_func ("/server/reviews/opinion-leaves", test_opinion_leaves);
  return g_test_run ();
}
