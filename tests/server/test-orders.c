/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-clock.h"
#include "core/rtk-envelope.h"
#include "core/rtk-id.h"
#include "core/rtk-json.h"
#include "core/rtk-store.h"
#include "support/rtk-test-server.h"
#include "support/rtk-test-signer.h"

#include <string.h>

typedef struct {
  RtkTestServer *server;
  RtkSigner     *signer;
  char          *operator_token;
  char          *reviewer_token;
  char          *station;
} Desk;

static void
desk_init (Desk *desk, guint graduates, const char *const *extra)
{
  desk->server = rtk_test_server_new (graduates, extra);
  desk->signer = rtk_test_signer_new ("desk");
  desk->operator_token = rtk_test_sign_in (desk->server, "operator");
  desk->reviewer_token = rtk_test_sign_in (desk->server, "reviewer");
  desk->station = rtk_test_enrol (desk->server, desk->operator_token, "operator", desk->signer);
}

static void
desk_clear (Desk *desk)
{
  char *text = NULL;

  rtk_test_server_stop (desk->server);
  g_assert_cmpint (
      rtk_test_server_command (desk->server->folder, NULL, &text, "audit", "verify", NULL), ==, 0);
  g_free (text);
  rtk_test_server_free (desk->server);
  g_assert_finalize_object (desk->signer);
  g_free (desk->operator_token);
  g_free (desk->reviewer_token);
  g_free (desk->station);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Desk, desk_clear)

static RtkOrder *
get_order (Desk *desk, const char *id)
{
  g_autofree char *path = g_strconcat ("/v1/orders/", id, NULL);
  g_autoptr (RtkTestReply) reply =
      rtk_test_call (desk->server, desk->operator_token, "GET", path, NULL);
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autoptr (GError) error = NULL;
  RtkOrder *order;

  g_assert_cmpuint (reply->status, ==, 200);
  json_node_set_object (node, reply->json);
  order = rtk_order_from_json (node, &error);
  g_assert_no_error (error);
  return order;
}

/* That submission @index of the order, from the oldest on, is in @state. */
static void
assert_submission (RtkOrder *order, guint index, RtkSubmissionState state)
{
  GPtrArray *submissions = rtk_order_get_submissions (order);

  g_assert_cmpuint (index, <, submissions->len);
  g_assert_cmpint (rtk_submission_get_state (g_ptr_array_index (submissions, index)), ==, state);
}

/* Claims until @order_id comes; answers with the verdict on its submission. */
static guint
review (Desk *desk, const char *order_id, const char *verdict)
{
  g_autoptr (RtkTestReply) claimed = rtk_test_call (desk->server, desk->reviewer_token, "POST",
                                                    "/v1/reviews/claim", "{\"count\":100}");
  JsonArray *items;

  g_assert_cmpuint (claimed->status, ==, 200);
  items = json_object_get_array_member (claimed->json, "items");
  for (guint i = 0; i < json_array_get_length (items); i++) {
    JsonObject      *item = json_array_get_object_element (items, i);
    JsonObject      *order = json_object_get_object_member (item, "order");
    g_autofree char *path = NULL;
    g_autofree char *body = NULL;
    g_autoptr (RtkTestReply) reply = NULL;

    if (strcmp (json_object_get_string_member (order, "id"), order_id) != 0)
      continue;
    path = g_strconcat ("/v1/reviews/", json_object_get_string_member (item, "submission"), NULL);
    body = g_strdup_printf ("{\"verdict\":\"%s\",\"revision\":%" G_GINT64_FORMAT "%s}", verdict,
                            json_object_get_int_member (order, "revision"),
                            strcmp (verdict, "rejected") == 0
                                ? ",\"reasons\":[\"glasses\",\"gaze\"],\"note\":\"again\""
                                : "");
    reply = rtk_test_call (desk->server, desk->reviewer_token, "POST", path, body);
    return reply->status;
  }
  return 0;
}

/* Pushes operations; the outcome of the last. */
static char *
push (Desk *desk, RtkOperation *first, RtkOperation *second, char **out_problem)
{
  g_autofree char *body = rtk_test_operations_body (first, second, NULL);
  g_autoptr (RtkTestReply) reply =
      rtk_test_call (desk->server, desk->operator_token, "POST", "/v1/operations", body);
  JsonArray  *results;
  JsonObject *last;

  g_assert_cmpuint (reply->status, ==, 200);
  results = json_object_get_array_member (reply->json, "results");
  g_assert_cmpuint (json_array_get_length (results), ==, second != NULL ? 2 : 1);
  last = json_array_get_object_element (results, second != NULL ? 1 : 0);
  g_assert_cmpstr (json_object_get_string_member (last, "id"), ==,
                   rtk_operation_get_id (second != NULL ? second : first));
  if (out_problem != NULL) {
    JsonObject *problem = json_object_get_null_member (last, "problem")
                              ? NULL
                              : json_object_get_object_member (last, "problem");

    *out_problem =
        problem != NULL ? g_strdup (json_object_get_string_member (problem, "type")) : NULL;
  }
  return g_strdup (json_object_get_string_member (last, "outcome"));
}

static void
test_whole_way (void)
{
  g_auto (Desk) desk;
  g_autofree char *id = NULL;
  g_autofree char *outcome = NULL;
  g_auto (GStrv) parts = NULL;
  g_autoptr (RtkOrder) paid = NULL;
  g_autoptr (RtkOrder) rejected = NULL;
  g_autoptr (RtkOrder) retaken = NULL;
  g_autoptr (RtkOrder) done = NULL;
  g_autoptr (RtkOperation) operation = NULL;
  g_autofree char *pay_path = NULL;
  g_autofree char *pay_id = rtk_test_new_id ();
  g_autofree char *pay_body = NULL;
  g_autoptr (RtkTestReply) payed = NULL;
  const RtkReason *reasons;
  guint            n;

  desk_init (&desk, 2, NULL);
  id = rtk_test_make_order (desk.server, 0, TRUE);
  paid = get_order (&desk, id);
  g_assert_cmpint (rtk_order_get_payment (paid), ==, RTK_PAYMENT_PAID);
  g_assert_cmpstr (rtk_order_get_name_masked (paid), ==, "王*明");
  g_assert_cmpstr (rtk_order_get_number_masked (paid), ==, "3201**********0000");

  g_assert_cmpuint (review (&desk, id, "rejected"), ==, 200);
  rejected = get_order (&desk, id);
  g_assert_cmpint (rtk_order_get_payment (rejected), ==, RTK_PAYMENT_REFUND_DUE);
  g_assert_cmpint (rtk_submission_get_state (rtk_order_get_current_submission (rejected)), ==,
                   RTK_SUBMISSION_REJECTED);
  reasons = rtk_submission_get_reasons (rtk_order_get_current_submission (rejected), &n);
  g_assert_cmpuint (n, ==, 2);
  g_assert_cmpint (reasons[0], ==, RTK_REASON_GLASSES);
  g_assert_true (rtk_order_may_retake (rejected));

  parts = rtk_test_upload_parts (desk.server, desk.operator_token, 1);
  operation = rtk_test_make_operation (desk.signer, desk.station, id,
                                       rtk_order_get_revision (rejected), parts);
  outcome = push (&desk, operation, NULL, NULL);
  g_assert_cmpstr (outcome, ==, "applied");
  retaken = get_order (&desk, id);
  g_assert_cmpuint (rtk_order_get_submissions (retaken)->len, ==, 2);
  g_assert_true (rtk_submission_is_retake (rtk_order_get_current_submission (retaken)));

  /* What was paid goes back, so the retake needs a payment of its own before it is reviewed. */
  g_assert_cmpuint (review (&desk, id, "approved"), ==, 0);
  pay_path = g_strdup_printf ("/v1/orders/%s/payments", id);
  pay_body = g_strdup_printf (
      "{\"id\":\"%s\",\"method\":\"cash\",\"reference\":\"R-1\",\"amount_fen\":2500}", pay_id);
  payed = rtk_test_call (desk.server, desk.operator_token, "POST", pay_path, pay_body);
  g_assert_cmpuint (payed->status, ==, 201);
  g_assert_cmpuint (review (&desk, id, "approved"), ==, 200);
  done = get_order (&desk, id);
  assert_submission (done, 0, RTK_SUBMISSION_APPROVED);
  assert_submission (done, 1, RTK_SUBMISSION_SUPERSEDED);
}

static void
test_operations (void)
{
  g_auto (Desk) desk;
  g_autofree char *id = NULL;
  g_autofree char *unpaid = NULL;
  g_auto (GStrv) parts = NULL;
  g_auto (GStrv) absent = NULL;
  g_autoptr (RtkOrder) order = NULL;
  g_autoptr (RtkOrder) after = NULL;
  g_autoptr (RtkOrder) unpaid_order = NULL;
  g_autoptr (RtkSigner) thief = rtk_test_signer_new ("thief");
  g_autofree char *nowhere = rtk_test_new_id ();
  gint64           revision;

  desk_init (&desk, 4, NULL);
  id = rtk_test_make_order (desk.server, 0, TRUE);
  unpaid = rtk_test_make_order (desk.server, 1, FALSE);
  order = get_order (&desk, id);
  unpaid_order = get_order (&desk, unpaid);
  revision = rtk_order_get_revision (order);
  parts = rtk_test_upload_parts (desk.server, desk.operator_token, 1);
  absent = g_strdupv (parts);
  memset (absent[2], 'e', 64);

  {
    g_autoptr (RtkOperation) forged =
        rtk_test_make_operation (thief, desk.station, id, revision, parts);
    g_autoptr (RtkOperation) foreign =
        rtk_test_make_operation (desk.signer, nowhere, id, revision, parts);
    g_autoptr (RtkOperation) lost =
        rtk_test_make_operation (desk.signer, desk.station, nowhere, 1, parts);
    g_autoptr (RtkOperation) early = rtk_test_make_operation (
        desk.signer, desk.station, unpaid, rtk_order_get_revision (unpaid_order), parts);
    g_autoptr (RtkOperation) missing =
        rtk_test_make_operation (desk.signer, desk.station, id, revision, absent);
    g_autoptr (RtkOperation) stale =
        rtk_test_make_operation (desk.signer, desk.station, id, revision - 1, parts);
    g_autoptr (RtkOperation) good =
        rtk_test_make_operation (desk.signer, desk.station, id, revision, parts);
    const struct {
      RtkOperation *operation;
      const char   *outcome;
      const char   *problem;
    } steps[] = {
        {forged, "refused", "urn:retake:problem:bad-signature"},
        {foreign, "refused", "urn:retake:problem:wrong-station"},
        {lost, "refused", "urn:retake:problem:not-found"},
        {early, "refused", "urn:retake:problem:not-retakable"},
        {missing, "retry", "urn:retake:problem:missing-photo"},
        {stale, "conflict", "urn:retake:problem:stale-revision"},
        {good, "applied", NULL},
        {good, "duplicate", NULL},
        /* What was answered once is answered again. */
        {stale, "conflict", "urn:retake:problem:stale-revision"},
        {good, "duplicate", NULL},
    };

    for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
      g_autofree char *problem = NULL;
      g_autofree char *outcome = push (&desk, steps[i].operation, NULL, &problem);

      g_test_message ("step %u", i);
      g_assert_cmpstr (outcome, ==, steps[i].outcome);
      g_assert_cmpstr (problem, ==, steps[i].problem);
    }
  }
  after = get_order (&desk, id);
  g_assert_cmpuint (rtk_order_get_submissions (after)->len, ==, 2);
  g_assert_cmpint (rtk_order_get_revision (after), ==, revision + 1);
  g_assert_finalize_object (g_steal_pointer (&thief));
}

/* A photo of the desk needs the graduate's consent, too; the same operation goes through later. */
static void
test_consent (void)
{
  g_auto (Desk) desk;
  g_autofree char *id = NULL;
  g_autofree char *token = NULL;
  g_auto (GStrv) parts = NULL;
  g_autoptr (RtkOrder) order = NULL;
  g_autoptr (RtkOperation) operation = NULL;
  g_autoptr (RtkTestReply) given = NULL;

  desk_init (&desk, 1, NULL);
  id = rtk_test_make_order (desk.server, 0, TRUE);
  rtk_test_server_stop (desk.server);
  g_strfreev (desk.server->extra);
  desk.server->extra = g_strdupv ((char *[]){(char *)"--require-consent", NULL});
  rtk_test_server_start (desk.server);
  parts = rtk_test_upload_parts (desk.server, desk.operator_token, 1);
  order = get_order (&desk, id);
  operation = rtk_test_make_operation (desk.signer, desk.station, id,
                                       rtk_order_get_revision (order), parts);
  for (guint i = 0; i < 2; i++) {
    g_autofree char *problem = NULL;
    g_autofree char *outcome = push (&desk, operation, NULL, &problem);

    g_assert_cmpstr (outcome, ==, i == 0 ? "refused" : "applied");
    g_assert_cmpstr (problem, ==, i == 0 ? "urn:retake:problem:consent-missing" : NULL);
    if (i == 0) {
      token = rtk_test_sign_in_online (desk.server, 0);
      given = rtk_test_call (desk.server, token, "POST", "/v1/online/consent",
                             "{\"version\":\"1\",\"given\":true}");
      g_assert_cmpuint (given->status, ==, 200);
    }
  }
}

static void
test_batch (void)
{
  g_auto (Desk) desk;
  g_autofree char *a = NULL;
  g_autofree char *b = NULL;
  g_auto (GStrv) parts = NULL;
  g_autoptr (RtkOrder) order_a = NULL;
  g_autoptr (RtkOrder) order_b = NULL;
  g_autoptr (RtkOperation) stale = NULL;
  g_autoptr (RtkOperation) good = NULL;
  g_autofree char *outcome = NULL;
  g_autoptr (RtkTestReply) broken = NULL;
  g_autoptr (RtkTestReply) signed_out = NULL;

  desk_init (&desk, 4, NULL);
  a = rtk_test_make_order (desk.server, 0, TRUE);
  b = rtk_test_make_order (desk.server, 1, TRUE);
  order_a = get_order (&desk, a);
  order_b = get_order (&desk, b);
  parts = rtk_test_upload_parts (desk.server, desk.operator_token, 1);
  stale = rtk_test_make_operation (desk.signer, desk.station, a, 0, parts);
  good = rtk_test_make_operation (desk.signer, desk.station, b, rtk_order_get_revision (order_b),
                                  parts);
  /* One that is refused does not stop the next. */
  outcome = push (&desk, stale, good, NULL);
  g_assert_cmpstr (outcome, ==, "applied");
  broken = rtk_test_call (desk.server, desk.operator_token, "POST", "/v1/operations",
                          "{\"operations\":[{\"id\":\"x\"}]}");
  rtk_test_assert_problem (broken, 422, "bad-operation");
  {
    g_autofree char *fresh = rtk_test_sign_in (desk.server, "operator");

    signed_out =
        rtk_test_call (desk.server, fresh, "POST", "/v1/operations", "{\"operations\":[]}");
    rtk_test_assert_problem (signed_out, 403, "not-enrolled");
  }
}

static void
assert_result (JsonArray *results, guint index, const char *outcome, gint64 revision)
{
  JsonObject *result = json_array_get_object_element (results, index);
  JsonObject *order = json_object_get_object_member (result, "order");

  g_assert_cmpstr (json_object_get_string_member (result, "outcome"), ==, outcome);
  g_assert_cmpint (json_object_get_int_member (order, "revision"), ==, revision);
}

/* Each result shows its order as the operation left it, not as the batch did. */
static void
test_batch_of_one_order (void)
{
  g_auto (Desk) desk;
  g_autofree char *a = NULL;
  g_autofree char *b = NULL;
  g_auto (GStrv) parts = NULL;
  g_autoptr (RtkOrder) order_a = NULL;
  g_autoptr (RtkOrder) order_b = NULL;
  g_autoptr (RtkOperation) first = NULL;
  g_autoptr (RtkOperation) other = NULL;
  g_autoptr (RtkOperation) second = NULL;
  g_autoptr (RtkOperation) stale = NULL;
  g_autofree char *body = NULL;
  g_autoptr (RtkTestReply) reply = NULL;
  JsonArray *results;
  gint64     at_a;
  gint64     at_b;

  desk_init (&desk, 4, NULL);
  a = rtk_test_make_order (desk.server, 0, TRUE);
  b = rtk_test_make_order (desk.server, 1, TRUE);
  order_a = get_order (&desk, a);
  order_b = get_order (&desk, b);
  at_a = rtk_order_get_revision (order_a);
  at_b = rtk_order_get_revision (order_b);
  parts = rtk_test_upload_parts (desk.server, desk.operator_token, 1);
  first = rtk_test_make_operation (desk.signer, desk.station, a, at_a, parts);
  other = rtk_test_make_operation (desk.signer, desk.station, b, at_b, parts);
  second = rtk_test_make_operation (desk.signer, desk.station, a, at_a + 1, parts);
  stale = rtk_test_make_operation (desk.signer, desk.station, a, at_a + 1, parts);
  body = rtk_test_operations_body (first, other, second, stale, NULL);
  reply = rtk_test_call (desk.server, desk.operator_token, "POST", "/v1/operations", body);
  g_assert_cmpuint (reply->status, ==, 200);
  results = json_object_get_array_member (reply->json, "results");
  g_assert_cmpuint (json_array_get_length (results), ==, 4);
  assert_result (results, 0, "applied", at_a + 1);
  assert_result (results, 1, "applied", at_b + 1);
  assert_result (results, 2, "applied", at_a + 2);
  assert_result (results, 3, "conflict", at_a + 2);
}

static void
test_feed (void)
{
  g_auto (Desk) desk;
  g_autofree char *cursor = g_strdup ("");
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *first = NULL;
  gboolean         more = TRUE;
  guint            pages = 0;

  desk_init (&desk, 5, NULL);
  for (guint i = 0; i < 5; i++) {
    g_autofree char *id = rtk_test_make_order (desk.server, i, i % 2 == 0);

    if (i == 0)
      first = g_steal_pointer (&id);
  }
  while (more) {
    g_autofree char *path = g_strdup_printf ("/v1/changes?limit=2&since=%s", cursor);
    g_autoptr (RtkTestReply) reply =
        rtk_test_call (desk.server, desk.operator_token, "GET", path, NULL);
    g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
    g_autoptr (GError) error = NULL;
    g_autoptr (RtkChangePage) page = NULL;

    json_node_set_object (node, reply->json);
    page = rtk_change_page_from_json (node, &error);
    g_assert_no_error (error);
    for (guint i = 0; i < page->orders->len; i++)
      g_assert_true (g_hash_table_add (
          seen, g_strdup (rtk_order_get_id (g_ptr_array_index (page->orders, i)))));
    g_free (cursor);
    cursor = g_strdup (page->cursor);
    more = page->more;
    pages++;
  }
  g_assert_cmpuint (g_hash_table_size (seen), ==, 5);
  g_assert_cmpuint (pages, ==, 3);
  /* Only what changes after the cursor comes again. */
  g_assert_cmpuint (review (&desk, first, "approved"), ==, 200);
  {
    g_autofree char *path = g_strdup_printf ("/v1/changes?since=%s", cursor);
    g_autofree char *foreign = g_strdup_printf ("/v1/changes?since=%s.99", first);
    g_autoptr (RtkTestReply) reply =
        rtk_test_call (desk.server, desk.operator_token, "GET", path, NULL);
    g_autoptr (RtkTestReply) epoch =
        rtk_test_call (desk.server, desk.operator_token, "GET", foreign, NULL);
    JsonArray *orders = json_object_get_array_member (reply->json, "orders");

    /* The claim leased the two other paid ones, too. */
    g_assert_cmpuint (json_array_get_length (orders), ==, 3);
    g_assert_cmpuint (json_array_get_length (json_object_get_array_member (epoch->json, "orders")),
                      ==, 5);
  }
}

/* Each station gets a digest of its own, computed with the key it was given at its enrolment. */
static void
test_code_digest (void)
{
  g_auto (Desk) desk;
  g_autofree char *id = NULL;
  g_autofree char *code = rtk_test_server_code (0);
  g_autofree char *expected = NULL;
  g_autofree char *other_token = NULL;
  g_autofree char *other_station = NULL;
  g_autofree char *path = NULL;
  g_autoptr (RtkSigner) other = rtk_test_signer_new ("other");
  g_autoptr (RtkTestReply) enrolled = NULL;
  g_autoptr (RtkTestReply) elsewhere = NULL;
  g_autoptr (RtkTestReply) bare = NULL;
  g_autoptr (RtkOrder) order = NULL;
  g_autofree guchar *key = NULL;
  gsize              size;

  desk_init (&desk, 1, NULL);
  id = rtk_test_make_order (desk.server, 0, TRUE);
  order = get_order (&desk, id);
  {
    guint8           signature[64];
    g_autofree char *text =
        g_strconcat ("retake-enrol\n", rtk_signer_get_key_id (desk.signer), "\noperator", NULL);
    g_autofree char *proof = NULL;
    g_autofree char *body = NULL;

    g_assert_true (
        rtk_signer_sign (desk.signer, (const guint8 *)text, strlen (text), signature, NULL));
    proof = g_base64_encode (signature, sizeof signature);
    body = g_strdup_printf ("{\"name\":\"desk\",\"key\":\"%s\",\"proof\":\"%s\"}",
                            rtk_signer_get_key_id (desk.signer), proof);
    enrolled = rtk_test_call (desk.server, desk.operator_token, "POST", "/v1/stations", body);
  }
  key = g_base64_decode (rtk_test_reply_text (enrolled, "code_key"), &size);
  g_assert_cmpuint (size, ==, 32);
  expected = rtk_hmac_sha256_hex (key, size, code);
  g_assert_cmpstr (rtk_order_get_code_digest (order), ==, expected);

  other_token = rtk_test_sign_in (desk.server, "supervisor");
  path = g_strconcat ("/v1/orders/", id, NULL);
  bare = rtk_test_call (desk.server, other_token, "GET", path, NULL);
  g_assert_true (json_object_get_null_member (bare->json, "code_digest"));
  other_station = rtk_test_enrol (desk.server, other_token, "supervisor", other);
  elsewhere = rtk_test_call (desk.server, other_token, "GET", path, NULL);
  g_assert_cmpstr (rtk_test_reply_text (elsewhere, "code_digest"), !=, expected);
  g_assert_finalize_object (g_steal_pointer (&other));
}

static void
test_reviews (void)
{
  g_auto (Desk) desk;
  g_autofree char *id = NULL;
  g_autofree char *supervisor = NULL;
  g_autofree char *path = NULL;
  g_autofree char *right = NULL;
  g_autofree char *wrong = NULL;
  g_autoptr (RtkTestReply) other = NULL;
  g_autoptr (RtkTestReply) claimed = NULL;
  g_autoptr (RtkTestReply) again = NULL;
  g_autoptr (RtkTestReply) nothing = NULL;
  g_autoptr (RtkTestReply) stranger = NULL;
  g_autoptr (RtkTestReply) stale = NULL;
  g_autoptr (RtkTestReply) no_reason = NULL;
  g_autoptr (RtkTestReply) bad_reason = NULL;
  g_autoptr (RtkTestReply) good = NULL;
  g_autoptr (RtkTestReply) twice = NULL;
  JsonObject *item;
  gint64      revision;

  desk_init (&desk, 1, NULL);
  supervisor = rtk_test_sign_in (desk.server, "supervisor");
  id = rtk_test_make_order (desk.server, 0, TRUE);
  claimed = rtk_test_call (desk.server, desk.reviewer_token, "POST", "/v1/reviews/claim", "{}");
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (claimed->json, "items")),
                    ==, 1);
  item = json_array_get_object_element (json_object_get_array_member (claimed->json, "items"), 0);
  revision = json_object_get_int_member (json_object_get_object_member (item, "order"), "revision");
  path = g_strconcat ("/v1/reviews/", json_object_get_string_member (item, "submission"), NULL);
  right =
      g_strdup_printf ("{\"verdict\":\"approved\",\"revision\":%" G_GINT64_FORMAT "}", revision);

  /* A lease is one reviewer's; asking again gives the same item without a new revision. */
  nothing = rtk_test_call (desk.server, supervisor, "POST", "/v1/reviews/claim", "{}");
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (nothing->json, "items")),
                    ==, 0);
  again = rtk_test_call (desk.server, desk.reviewer_token, "POST", "/v1/reviews/claim", "{}");
  item = json_array_get_object_element (json_object_get_array_member (again->json, "items"), 0);
  g_assert_cmpint (
      json_object_get_int_member (json_object_get_object_member (item, "order"), "revision"), ==,
      revision);
  stranger = rtk_test_call (desk.server, supervisor, "POST", path, right);
  rtk_test_assert_problem (stranger, 409, "not-claimed");
  stale = rtk_test_call (desk.server, desk.reviewer_token, "POST", path,
                         "{\"verdict\":\"approved\",\"revision\":1}");
  rtk_test_assert_problem (stale, 409, "stale-revision");
  no_reason = rtk_test_call (desk.server, desk.reviewer_token, "POST", path,
                             "{\"verdict\":\"rejected\",\"revision\":1}");
  rtk_test_assert_problem (no_reason, 422, "bad-member");
  bad_reason = rtk_test_call (desk.server, desk.reviewer_token, "POST", path,
                              "{\"verdict\":\"rejected\",\"revision\":1,\"reasons\":[\"ugly\"]}");
  rtk_test_assert_problem (bad_reason, 422, "bad-member");
  good = rtk_test_call (desk.server, desk.reviewer_token, "POST", path, right);
  g_assert_cmpuint (good->status, ==, 200);
  /* The same verdict again is the same verdict; another one comes too late. */
  twice = rtk_test_call (desk.server, desk.reviewer_token, "POST", path, right);
  g_assert_cmpuint (twice->status, ==, 200);
  g_assert_cmpint (rtk_test_reply_int (twice, "revision"), ==,
                   rtk_test_reply_int (good, "revision"));
  wrong = g_strdup_printf ("{\"verdict\":\"rejected\",\"revision\":%" G_GINT64_FORMAT
                           ",\"reasons\":[\"gaze\"]}",
                           revision);
  other = rtk_test_call (desk.server, desk.reviewer_token, "POST", path, wrong);
  rtk_test_assert_problem (other, 409, "stale-revision");
}

static guint
pay_cash (Desk *desk, const char *order_id, const char *payment_id, const char **out_problem)
{
  g_autofree char *path = g_strdup_printf ("/v1/orders/%s/payments", order_id);
  g_autofree char *body = g_strdup_printf (
      "{\"id\":\"%s\",\"method\":\"cash\",\"reference\":\"R-1\",\"amount_fen\":2500}", payment_id);
  g_autoptr (RtkTestReply) reply =
      rtk_test_call (desk->server, desk->operator_token, "POST", path, body);

  *out_problem = reply->status < 400 ? NULL : g_intern_string (rtk_test_reply_text (reply, "type"));
  return reply->status;
}

static void
retake (Desk *desk, const char *order_id, guint32 seed)
{
  g_autoptr (RtkOrder) order = get_order (desk, order_id);
  g_auto (GStrv) parts = rtk_test_upload_parts (desk->server, desk->operator_token, seed);
  g_autoptr (RtkOperation) operation = rtk_test_make_operation (
      desk->signer, desk->station, order_id, rtk_order_get_revision (order), parts);
  g_autofree char *outcome = push (desk, operation, NULL, NULL);

  g_assert_cmpstr (outcome, ==, "applied");
}

/* A retake is paid for once, however often it is rejected and whoever asks for the money. */
static void
test_desk_payment (void)
{
  g_auto (Desk) desk;
  g_autofree char *id = NULL;
  g_autofree char *first = rtk_test_new_id ();
  g_autofree char *second = rtk_test_new_id ();
  const char      *problem;

  desk_init (&desk, 1, NULL);
  id = rtk_test_make_order (desk.server, 0, TRUE);
  g_assert_cmpuint (review (&desk, id, "rejected"), ==, 200);
  retake (&desk, id, 1);
  g_assert_cmpuint (pay_cash (&desk, id, first, &problem), ==, 201);
  g_assert_cmpuint (pay_cash (&desk, id, first, &problem), ==, 200);
  g_assert_cmpuint (pay_cash (&desk, id, second, &problem), ==, 409);
  g_assert_cmpstr (problem, ==, "urn:retake:problem:already-paid");
  g_assert_cmpuint (review (&desk, id, "rejected"), ==, 200);
  retake (&desk, id, 2);
  g_assert_cmpuint (review (&desk, id, "approved"), ==, 200);
}

/* Nobody pays at the desk for an order that cannot be worked on any more. */
static void
test_closed_payment (void)
{
  g_auto (Desk) desk;
  g_autofree char *id = NULL;
  g_autofree char *payment = rtk_test_new_id ();
  g_autofree char *text = NULL;
  g_autofree char *later =
      rtk_time_format (g_get_real_time () + G_GINT64_CONSTANT (1860) * G_USEC_PER_SEC);
  const char *problem;

  desk_init (&desk, 1, NULL);
  id = rtk_test_make_order (desk.server, 0, FALSE);
  rtk_test_server_stop (desk.server);
  g_assert_cmpint (rtk_test_server_command (desk.server->folder, NULL, &text, "close-unpaid",
                                            "--now", later, NULL),
                   ==, 0);
  rtk_test_server_start (desk.server);
  g_assert_cmpuint (pay_cash (&desk, id, payment, &problem), ==, 409);
  g_assert_cmpstr (problem, ==, "urn:retake:problem:not-payable");
}

/* Whoever is not happy after paying comes to the desk while the online photo still waits: its
 * verdict does not take the retake away. */
static void
test_late_verdict (void)
{
  g_auto (Desk) desk;
  g_autofree char *id = NULL;
  g_autoptr (RtkOrder) between = NULL;
  g_autoptr (RtkOrder) done = NULL;

  desk_init (&desk, 1, NULL);
  id = rtk_test_make_order (desk.server, 0, TRUE);
  retake (&desk, id, 1);
  g_assert_cmpuint (review (&desk, id, "approved"), ==, 200);
  between = get_order (&desk, id);
  assert_submission (between, 1, RTK_SUBMISSION_APPROVED);
  assert_submission (between, 0, RTK_SUBMISSION_IN_REVIEW);
  g_assert_cmpuint (review (&desk, id, "approved"), ==, 200);
  done = get_order (&desk, id);
  assert_submission (done, 0, RTK_SUBMISSION_APPROVED);
  assert_submission (done, 1, RTK_SUBMISSION_SUPERSEDED);
}

/* The same operation with its members in another order, as another JSON library would write it. */
static void
test_same_operation (void)
{
  g_auto (Desk) desk;
  g_autofree char *id = NULL;
  g_auto (GStrv) parts = NULL;
  g_autoptr (RtkOrder) order = NULL;
  g_autoptr (RtkOperation) operation = NULL;
  g_autoptr (RtkOperation) turned = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (JsonObject) body = json_object_new ();
  g_autoptr (GList) members = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *outcome = NULL;
  g_autofree char *again = NULL;

  desk_init (&desk, 1, NULL);
  id = rtk_test_make_order (desk.server, 0, TRUE);
  order = get_order (&desk, id);
  parts = rtk_test_upload_parts (desk.server, desk.operator_token, 1);
  operation = rtk_test_make_operation (desk.signer, desk.station, id,
                                       rtk_order_get_revision (order), parts);
  members = json_object_get_members (rtk_operation_get_body (operation));
  for (GList *l = g_list_last (members); l != NULL; l = l->prev)
    json_object_set_member (body, l->data,
                            json_object_dup_member (rtk_operation_get_body (operation), l->data));
  node = rtk_operation_to_json (operation);
  json_object_set_object_member (json_node_get_object (node), "body", g_steal_pointer (&body));
  turned = rtk_operation_from_json (node, &error);
  g_assert_no_error (error);
  outcome = push (&desk, operation, NULL, NULL);
  g_assert_cmpstr (outcome, ==, "applied");
  again = push (&desk, turned, NULL, NULL);
  g_assert_cmpstr (again, ==, "duplicate");
}

static void
test_online (void)
{
  g_auto (Desk) desk;
  g_autofree char *id = NULL;
  g_autofree char *other = NULL;
  g_autofree char *path = NULL;
  g_autofree char *submission = NULL;
  g_autofree char *sha = g_strnfill (64, 'a');
  g_autofree char *body = NULL;
  g_autofree char *own_id = rtk_test_new_id ();
  g_autofree char *own_body = g_strdup_printf ("{\"id\":\"%s\"}", own_id);
  g_autoptr (RtkTestReply) foreign = NULL;
  g_autoptr (RtkTestReply) account = NULL;
  g_autoptr (RtkTestReply) code = NULL;
  g_autoptr (RtkTestReply) made = NULL;
  g_autoptr (RtkTestReply) same = NULL;
  g_autoptr (RtkTestReply) missing = NULL;
  g_autoptr (RtkTestReply) unpayable = NULL;
  g_autofree char *own_path = NULL;
  g_autofree char *pay_path = NULL;
  g_autofree char *pay_body = NULL;

  desk_init (&desk, 4, NULL);
  id = rtk_test_make_order (desk.server, 0, TRUE);
  other = rtk_test_sign_up (desk.server, 1);
  /* Another account's order is as unknown as one that never was. */
  path = g_strconcat ("/v1/online/orders/", id, NULL);
  foreign = rtk_test_call (desk.server, other, "GET", path, NULL);
  rtk_test_assert_problem (foreign, 404, "not-found");
  account = rtk_test_call (desk.server, NULL, "POST", "/v1/online/accounts",
                           "{\"phone\":\"10099990001\",\"password\":\"" RTK_TEST_PASSWORD "\"}");
  rtk_test_assert_problem (account, 409, "account-exists");
  code =
      rtk_test_call (desk.server, other, "POST", "/v1/online/codes", "{\"code\":\"NOSUCHCODE\"}");
  rtk_test_assert_problem (code, 409, "already-bound");
  /* The code of one graduate with the number of another. */
  {
    g_autofree char *taken = rtk_test_server_code (0);
    g_autofree char *number = rtk_test_server_number (3);
    g_autofree char *bind = g_strdup_printf ("{\"code\":\"%s\",\"number\":\"%s\"}", taken, number);
    g_autoptr (RtkTestReply) mixed =
        rtk_test_call (desk.server, other, "POST", "/v1/online/codes", bind);

    rtk_test_assert_problem (mixed, 409, "already-bound");
  }
  made = rtk_test_call (desk.server, other, "POST", "/v1/online/orders", own_body);
  g_assert_cmpuint (made->status, ==, 201);
  same = rtk_test_call (desk.server, other, "POST", "/v1/online/orders", own_body);
  g_assert_cmpuint (same->status, ==, 200);
  own_path = g_strdup_printf ("/v1/online/orders/%s/submission", own_id);
  submission = rtk_test_new_id ();
  body =
      g_strdup_printf ("{\"id\":\"%s\",\"original\":\"%s\",\"delivered\":\"%s\",\"report\":\"%s\"}",
                       submission, sha, sha, sha);
  missing = rtk_test_call (desk.server, other, "POST", own_path, body);
  rtk_test_assert_problem (missing, 409, "missing-photo");
  pay_path = g_strdup_printf ("/v1/online/orders/%s/payment", own_id);
  pay_body = g_strdup_printf ("{\"id\":\"%s\",\"provider\":\"sandbox\"}", submission);
  unpayable = rtk_test_call (desk.server, other, "POST", pay_path, pay_body);
  rtk_test_assert_problem (unpayable, 409, "no-photo");
}

/* Once paid, the photo is locked online; before that a new one takes the place of the old. */
static void
test_replace (void)
{
  g_auto (Desk) desk;
  g_autofree char *token = NULL;
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *order_body = g_strdup_printf ("{\"id\":\"%s\"}", id);
  g_autofree char *path = g_strdup_printf ("/v1/online/orders/%s/submission", id);
  g_autofree char *pay_path = g_strdup_printf ("/v1/online/orders/%s/payment", id);
  g_autofree char *pay_id = rtk_test_new_id ();
  g_autofree char *pay_body = g_strdup_printf ("{\"id\":\"%s\",\"provider\":\"sandbox\"}", pay_id);
  g_autoptr (RtkTestReply) ordered = NULL;
  g_autoptr (RtkTestReply) payed = NULL;
  g_autoptr (RtkTestReply) payed_again = NULL;
  g_autoptr (RtkTestReply) locked = NULL;
  g_autoptr (RtkOrder) order = NULL;

  desk_init (&desk, 1, NULL);
  token = rtk_test_sign_up (desk.server, 0);
  ordered = rtk_test_call (desk.server, token, "POST", "/v1/online/orders", order_body);
  g_assert_cmpuint (ordered->status, ==, 201);
  for (guint i = 0; i < 3; i++) {
    g_auto (GStrv) parts = rtk_test_upload_parts (desk.server, token, 10 + i);
    g_autofree char *submission = rtk_test_new_id ();
    g_autofree char *body = g_strdup_printf (
        "{\"id\":\"%s\",\"original\":\"%s\",\"delivered\":\"%s\",\"report\":\"%s\"}", submission,
        parts[0], parts[2], parts[4]);
    g_autoptr (RtkTestReply) reply = NULL;

    if (i == 2) {
      payed = rtk_test_call (desk.server, token, "POST", pay_path, pay_body);
      g_assert_cmpuint (payed->status, ==, 201);
      rtk_test_pay (desk.server, token, pay_id);
      payed_again = rtk_test_call (desk.server, token, "POST", pay_path, pay_body);
      g_assert_cmpuint (payed_again->status, ==, 200);
    }
    reply = rtk_test_call (desk.server, token, "POST", path, body);
    if (i == 2)
      rtk_test_assert_problem (reply, 409, "locked");
    else
      g_assert_cmpuint (reply->status, ==, 201);
  }
  order = get_order (&desk, id);
  g_assert_cmpuint (rtk_order_get_submissions (order)->len, ==, 2);
  assert_submission (order, 1, RTK_SUBMISSION_SUPERSEDED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/orders/whole-way", test_whole_way);
  g_test_add_func ("/server/orders/operations", test_operations);
  g_test_add_func ("/server/orders/consent", test_consent);
  g_test_add_func ("/server/orders/batch", test_batch);
  g_test_add_func ("/server/orders/batch-of-one-order", test_batch_of_one_order);
  g_test_add_func ("/server/orders/feed", test_feed);
  g_test_add_func ("/server/orders/code-digest", test_code_digest);
  g_test_add_func ("/server/orders/reviews", test_reviews);
  g_test_add_func ("/server/orders/desk-payment", test_desk_payment);
  g_test_add_func ("/server/orders/closed-payment", test_closed_payment);
  g_test_add_func ("/server/orders/late-verdict", test_late_verdict);
  g_test_add_func ("/server/orders/same-operation", test_same_operation);
  g_test_add_func ("/server/orders/online", test_online);
  g_test_add_func ("/server/orders/replace", test_replace);
  return g_test_run ();
}
