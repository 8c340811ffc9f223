/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-json.h"
#include "support/rtk-test-database.h"
#include "support/rtk-test-server.h"
#include "support/rtk-test-signer.h"

#include <string.h>

/* What may become of one graduate's money, by the account, the desk and the supervisor. */
typedef struct {
  RtkTestServer *server;
  char          *account;
  char          *operator_token;
  char          *supervisor;
  char          *order; /* paid online */
} Desk;

static void
desk_init (Desk *desk, const char *const *extra)
{
  desk->server = rtk_test_server_new (3, extra);
  desk->order = rtk_test_make_order (desk->server, 0, TRUE);
  desk->account = rtk_test_sign_in_online (desk->server, 0);
  desk->operator_token = rtk_test_sign_in (desk->server, "operator");
  desk->supervisor = rtk_test_sign_in (desk->server, "supervisor");
}

static void
desk_clear (Desk *desk)
{
  rtk_test_server_free (desk->server);
  g_free (desk->account);
  g_free (desk->operator_token);
  g_free (desk->supervisor);
  g_free (desk->order);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Desk, desk_clear)

#define NO_HOLD ((const char *[]){"--hold-seconds", "0", NULL})

/* @body: members of a JSON object; %NULL = none */
static RtkTestReply *
call (Desk *desk, const char *token, const char *method, const char *body, const char *format, ...)
    G_GNUC_PRINTF (5, 6);

static RtkTestReply *
call (Desk *desk, const char *token, const char *method, const char *body, const char *format, ...)
{
  g_autofree char *path = NULL;
  g_autofree char *json = body != NULL ? g_strdup_printf ("{%s}", body) : NULL;
  va_list          args;

  va_start (args, format);
  path = g_strdup_vprintf (format, args);
  va_end (args);
  return rtk_test_call (desk->server, token, method, path, json);
}

static void
assert_status (RtkTestReply *reply, guint status)
{
  g_assert_cmpuint (reply->status, ==, status);
}

static RtkTestReply *
get_order (Desk *desk, const char *order)
{
  RtkTestReply *reply = call (desk, desk->supervisor, "GET", NULL, "/v1/orders/%s", order);

  assert_status (reply, 200);
  return reply;
}

/* Asks until the order's money, and its payment @index, have come to a state; NULL = any. */
static void
wait_money (Desk *desk, const char *order_payment, guint index, const char *state)
{
  for (;;) {
    g_autoptr (RtkTestReply) order = get_order (desk, desk->order);
    JsonArray *payments = json_object_get_array_member (order->json, "payments");

    if ((order_payment == NULL ||
         strcmp (rtk_test_reply_text (order, "payment"), order_payment) == 0) &&
        (state == NULL || strcmp (json_object_get_string_member (
                                      json_array_get_object_element (payments, index), "state"),
                                  state) == 0))
      return;
  }
}

static char *
claim (Desk *desk)
{
  g_autoptr (RtkTestReply) queue = call (desk, desk->supervisor, "POST", "", "/v1/reviews/claim");
  JsonArray *items = json_object_get_array_member (queue->json, "items");

  g_assert_cmpuint (json_array_get_length (items), ==, 1);
  return g_strdup (
      json_object_get_string_member (json_array_get_object_element (items, 0), "submission"));
}

/* @action: "" for a verdict. @rest: members beside the revision. */
static RtkTestReply *
judge (Desk *desk, const char *submission, const char *action, const char *rest)
{
  g_autoptr (RtkTestReply) order = get_order (desk, desk->order);
  g_autofree char *body = g_strdup_printf ("\"revision\":%" G_GINT64_FORMAT ",%s",
                                           rtk_test_reply_int (order, "revision"), rest);

  return call (desk, desk->supervisor, "POST", body, "/v1/reviews/%s%s", submission, action);
}

#define REJECTED "\"verdict\":\"rejected\",\"reasons\":[\"glasses\"]"
#define APPROVED "\"verdict\":\"approved\",\"reasons\":[]"

/* Returns the submission. */
static char *
decide (Desk *desk, const char *verdict)
{
  char *submission = claim (desk);
  g_autoptr (RtkTestReply) decided = judge (desk, submission, "", verdict);

  assert_status (decided, 200);
  return submission;
}

static RtkTestReply *
pay (Desk *desk, const char *token, const char *order, const char *id, const char *how)
{
  g_autofree char *body = g_strdup_printf ("\"id\":\"%s\",%s", id, how);

  return call (desk, token, "POST", body, "/v1/orders/%s/payments", order);
}

#define CASH "\"method\":\"cash\",\"reference\":\"R-1\""

static RtkTestReply *
open_order (Desk *desk, const char *id)
{
  g_autofree char *body = g_strdup_printf ("\"id\":\"%s\"", id);

  return call (desk, desk->account, "POST", body, "/v1/online/orders");
}

/* Cash for an order whose first money went back: that order goes on, there is no other. */
static void
test_cash_then_order (void)
{
  g_auto (Desk) desk;
  g_autofree char *cash_id = rtk_test_new_id ();
  g_autofree char *other = rtk_test_new_id ();
  g_autofree char *submission = NULL;
  g_autoptr (RtkTestReply) cash = NULL;
  g_autoptr (RtkTestReply) begun = NULL;

  desk_init (&desk, NO_HOLD);
  submission = decide (&desk, REJECTED);
  wait_money (&desk, "refunded", 0, "refunded");
  cash = pay (&desk, desk.operator_token, desk.order, cash_id, CASH);
  assert_status (cash, 201);
  begun = open_order (&desk, other);
  rtk_test_assert_problem (begun, 409, "order-open");
}

/* The other way round: a new order, then somebody wants to pay for the old one. */
static void
test_order_then_cash (void)
{
  g_auto (Desk) desk;
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *other = rtk_test_new_id ();
  g_autofree char *submission = NULL;
  g_autoptr (RtkTestReply) begun = NULL;
  g_autoptr (RtkTestReply) cash = NULL;
  g_autoptr (RtkTestReply) code = NULL;
  g_autoptr (RtkTestReply) waiver = NULL;
  g_autoptr (RtkTestReply) paid = NULL;

  desk_init (&desk, NO_HOLD);
  submission = decide (&desk, REJECTED);
  wait_money (&desk, "refunded", 0, "refunded");
  begun = open_order (&desk, other);
  assert_status (begun, 201);
  cash = pay (&desk, desk.operator_token, desk.order, id, CASH);
  rtk_test_assert_problem (cash, 409, "order-open");
  code = pay (&desk, desk.operator_token, desk.order, id, "\"method\":\"code\"");
  rtk_test_assert_problem (code, 409, "order-open");
  waiver =
      pay (&desk, desk.supervisor, desk.order, id, "\"method\":\"waiver\",\"reference\":\"x\"");
  rtk_test_assert_problem (waiver, 409, "order-open");
  paid = pay (&desk, desk.operator_token, other, id, CASH);
  assert_status (paid, 201);
  g_clear_pointer (&cash, rtk_test_reply_free);
  cash = pay (&desk, desk.operator_token, desk.order, other, CASH);
  rtk_test_assert_problem (cash, 409, "order-open");
}

/* A code of the desk's that can still be paid keeps its order going; one that has ended does not,
 * and who pays it all the same gets the money back. */
static void
test_code_then_order (void)
{
  g_auto (Desk) desk;
  g_autofree char *code_id = rtk_test_new_id ();
  g_autofree char *other = rtk_test_new_id ();
  g_autofree char *submission = NULL;
  g_autoptr (RtkTestReply) code = NULL;
  g_autoptr (RtkTestReply) begun = NULL;
  g_autoptr (RtkTestReply) late = NULL;

  desk_init (&desk, NO_HOLD);
  submission = decide (&desk, REJECTED);
  wait_money (&desk, "refunded", 0, "refunded");
  code = pay (&desk, desk.operator_token, desk.order, code_id, "\"method\":\"code\"");
  assert_status (code, 201);
  begun = open_order (&desk, other);
  rtk_test_assert_problem (begun, 409, "order-open");
  rtk_test_server_stop (desk.server);
  {
    g_autoptr (RtkServerDb) db = rtk_test_open_database (desk.server->folder);

    g_assert_true (rtk_server_db_exec (
        db, "UPDATE payments SET expires_at = 1 WHERE state = 'pending'", NULL));
  }
  rtk_test_server_start (desk.server);
  g_clear_pointer (&begun, rtk_test_reply_free);
  begun = open_order (&desk, other);
  assert_status (begun, 201);
  rtk_test_pay (desk.server, desk.supervisor, code_id);
  wait_money (&desk, "refunded", 1, "refunded");
  late = get_order (&desk, other);
  g_assert_cmpstr (rtk_test_reply_text (late, "payment"), ==, "unpaid");
}

/* The newest entry's detail of a kind, from the database itself. */
static JsonObject *
find_detail (Desk *desk, const char *action)
{
  g_autoptr (RtkServerDb) db = rtk_test_open_database (desk->server->folder);
  g_autofree char *detail = rtk_server_db_dup_text (
      db, "SELECT detail FROM audit WHERE action = ? ORDER BY seq DESC LIMIT 1", "s", action);

  g_assert_nonnull (detail);
  return rtk_json_parse_object (detail, -1, NULL);
}

static void
assert_detail (Desk *desk, const char *action, const char *member, const char *text)
{
  g_autoptr (JsonObject) detail = find_detail (desk, action);

  g_assert_cmpstr (json_object_get_string_member_with_default (detail, member, NULL), ==, text);
}

static void
assert_amount (Desk *desk, const char *action, gint64 amount_fen)
{
  g_autoptr (JsonObject) detail = find_detail (desk, action);

  g_assert_cmpint (json_object_get_int_member_with_default (detail, "amount_fen", -1), ==,
                   amount_fen);
}

/* What was taken, from whom it is said to be and what was handed over stand in the audit log. */
static void
test_audit (void)
{
  g_auto (Desk) desk;
  g_autofree char *cash_id = rtk_test_new_id ();
  g_autofree char *waiver_id = rtk_test_new_id ();
  g_autofree char *export_id = rtk_test_new_id ();
  g_autofree char *submission = NULL;
  g_autofree char *body = NULL;
  g_autofree char *unpaid[2] = {NULL};
  g_autoptr (RtkTestReply) cash = NULL;
  g_autoptr (RtkTestReply) waiver = NULL;
  g_autoptr (RtkTestReply) made = NULL;
  g_autoptr (RtkTestReply) received = NULL;

  desk_init (&desk, NULL);
  for (guint i = 0; i < 2; i++)
    unpaid[i] = rtk_test_make_order (desk.server, i + 1, FALSE);
  cash = pay (&desk, desk.operator_token, unpaid[0], cash_id, CASH);
  assert_status (cash, 201);
  waiver = pay (&desk, desk.supervisor, unpaid[1], waiver_id,
                "\"method\":\"waiver\",\"reference\":\"our \\\"fault\\\"\"");
  assert_status (waiver, 201);
  while (submission == NULL || strcmp (submission, desk.order) != 0) {
    g_autoptr (RtkTestReply) queue =
        call (&desk, desk.supervisor, "POST", "\"count\":1", "/v1/reviews/claim");
    JsonObject *item =
        json_array_get_object_element (json_object_get_array_member (queue->json, "items"), 0);
    JsonObject      *order = json_object_get_object_member (item, "order");
    g_autofree char *verdict = g_strdup_printf (APPROVED ",\"revision\":%" G_GINT64_FORMAT,
                                                json_object_get_int_member (order, "revision"));
    g_autoptr (RtkTestReply) decided =
        call (&desk, desk.supervisor, "POST", verdict, "/v1/reviews/%s",
              json_object_get_string_member (item, "submission"));

    assert_status (decided, 200);
    g_free (submission);
    submission = g_strdup (json_object_get_string_member (order, "id"));
  }
  body = g_strdup_printf ("\"id\":\"%s\",\"receiver\":\"the ministry\",\"orders\":[\"%s\"]",
                          export_id, desk.order);
  made = call (&desk, desk.supervisor, "POST", body, "/v1/exports");
  assert_status (made, 201);
  received = call (&desk, desk.supervisor, "POST", "\"reference\":\"E-9\"",
                   "/v1/exports/%s/receipt", export_id);
  assert_status (received, 200);
  rtk_test_server_stop (desk.server);
  assert_detail (&desk, "payment.record", "payment", waiver_id);
  assert_detail (&desk, "payment.record", "method", "waiver");
  assert_detail (&desk, "payment.record", "reason", "our \"fault\"");
  assert_detail (&desk, "export.create", "receiver", "the ministry");
  assert_detail (&desk, "export.receipt", "receipt", "E-9");
  {
    g_autoptr (RtkServerDb) db = rtk_test_open_database (desk.server->folder);
    g_autofree char *detail = rtk_server_db_dup_text (
        db, "SELECT detail FROM audit WHERE action = 'payment.record' AND target = ?", "s",
        unpaid[0]);
    g_autofree char *wanted =
        g_strdup_printf ("{\"payment\":\"%s\",\"method\":\"cash\",\"amount_fen\":2500,"
                         "\"receipt\":\"R-1\"}",
                         cash_id);

    g_assert_cmpstr (detail, ==, wanted);
  }
  assert_amount (&desk, "payment.settle", 2500);
}

/* Sends @first twice and then @second, all with one id. */
static void
check_reuse (Desk *desk, const char *token, const char *path, const char *first, const char *second)
{
  g_autofree char *id = rtk_test_new_id ();
  const char      *rest[] = {first, first, second};
  const guint      wanted[] = {201, 200, 409};

  for (guint i = 0; i < G_N_ELEMENTS (rest); i++) {
    g_autofree char *body = g_strdup_printf ("\"id\":\"%s\"%s", id, rest[i]);
    g_autoptr (RtkTestReply) reply = call (desk, token, "POST", body, "%s", path);

    assert_status (reply, wanted[i]);
    if (wanted[i] == 409)
      rtk_test_assert_problem (reply, 409, "id-reused");
  }
}

/* An id that comes again with something else is not answered as if that had been done. */
static void
test_reused (void)
{
  g_auto (Desk) desk;
  g_autofree char *unpaid = NULL;
  g_autofree char *submission = NULL;
  g_autofree char *payments = NULL;
  g_autofree char *notes = NULL;
  g_autofree char *prints = NULL;
  g_autofree char *online = NULL;
  g_autofree char *correction = NULL;
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  g_autoptr (RtkTestReply) order = NULL;

  desk_init (&desk, NULL);
  submission = decide (&desk, APPROVED);
  unpaid = rtk_test_make_order (desk.server, 1, FALSE);
  payments = g_strdup_printf ("/v1/orders/%s/payments", unpaid);
  notes = g_strdup_printf ("/v1/orders/%s/notes", desk.order);
  prints = g_strdup_printf ("/v1/orders/%s/prints", desk.order);
  online = g_strdup_printf ("/v1/online/orders/%s/print", desk.order);
  correction = g_strdup_printf ("/v1/reviews/%s/correction", submission);
  check_reuse (&desk, desk.operator_token, payments, "," CASH,
               ",\"method\":\"cash\",\"reference\":\"R-2\"");
  check_reuse (&desk, desk.operator_token, notes, ",\"text\":\"one\"", ",\"text\":\"two\"");
  check_reuse (&desk, desk.operator_token, prints, ",\"copies\":1", ",\"copies\":2");
  check_reuse (&desk, desk.account, online, ",\"address\":\"here\"", ",\"address\":\"there\"");
  /* What was seen, and what is null, makes no other request of it. */
  first = rtk_test_new_id ();
  for (guint i = 0; i < 2; i++) {
    g_autofree char *body =
        g_strdup_printf ("\"id\":\"%s\",\"copies\":1%s", first,
                         i == 0 ? "" : ",\"address\":null,\"base_revision\":99");
    g_autoptr (RtkTestReply) reply = call (&desk, desk.operator_token, "POST", body, "%s", prints);

    assert_status (reply, i == 0 ? 201 : 200);
  }
  g_clear_pointer (&first, g_free);
  order = get_order (&desk, desk.order);
  first = g_strdup_printf ("," APPROVED ",\"revision\":%" G_GINT64_FORMAT ",\"reason\":\"a\"",
                           rtk_test_reply_int (order, "revision"));
  second = g_strdup_printf ("," REJECTED ",\"revision\":%" G_GINT64_FORMAT ",\"reason\":\"a\"",
                            rtk_test_reply_int (order, "revision"));
  check_reuse (&desk, desk.supervisor, correction, first, second);
  g_clear_pointer (&first, g_free);
  first = g_strdup_printf (",\"receiver\":\"x\",\"orders\":[\"%s\"]", desk.order);
  check_reuse (&desk, desk.supervisor, "/v1/exports", first, ",\"receiver\":\"x\",\"orders\":[]");
}

static char *
dup_payment (Desk *desk, const char *order_id, guint index)
{
  g_autoptr (RtkTestReply) order = get_order (desk, order_id);

  return g_strdup (json_object_get_string_member (
      json_array_get_object_element (json_object_get_array_member (order->json, "payments"), index),
      "id"));
}

/* A supervisor gives any settled payment back, also of an order whose first money went back. */
static void
test_staff_refund (void)
{
  g_auto (Desk) desk;
  g_autofree char *cash_id = rtk_test_new_id ();
  g_autofree char *again_id = rtk_test_new_id ();
  g_autofree char *online = NULL;
  g_autofree char *submission = NULL;
  g_autofree char *ask = g_strdup_printf ("\"id\":\"%s\"", again_id);
  g_autofree char *body =
      g_strdup_printf ("\"id\":\"%s\",\"reason\":\"our \\\"fault\\\"\"", cash_id);
  g_autofree char *other = g_strdup_printf ("\"id\":\"%s\",\"reason\":\"another\"", cash_id);
  const guint      wanted[] = {201, 200};
  g_autoptr (RtkTestReply) cash = NULL;
  g_autoptr (RtkTestReply) own = NULL;
  g_autoptr (RtkTestReply) no_right = NULL;
  g_autoptr (RtkTestReply) reused = NULL;
  g_autoptr (RtkTestReply) twice = NULL;
  g_autoptr (RtkTestReply) begun = NULL;

  desk_init (&desk, NO_HOLD);
  submission = decide (&desk, REJECTED);
  wait_money (&desk, "refunded", 0, "refunded");
  cash = pay (&desk, desk.operator_token, desk.order, cash_id, CASH);
  assert_status (cash, 201);
  own = call (&desk, desk.account, "POST", ask, "/v1/online/orders/%s/refund", desk.order);
  rtk_test_assert_problem (own, 409, "not-refundable");
  no_right = call (&desk, desk.operator_token, "POST", body, "/v1/payments/%s/refund", cash_id);
  rtk_test_assert_problem (no_right, 403, "forbidden");
  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++) {
    g_autoptr (RtkTestReply) back =
        call (&desk, desk.supervisor, "POST", body, "/v1/payments/%s/refund", cash_id);

    assert_status (back, wanted[i]);
  }
  wait_money (&desk, "refunded", 1, "refunded");
  reused = call (&desk, desk.supervisor, "POST", other, "/v1/payments/%s/refund", cash_id);
  rtk_test_assert_problem (reused, 409, "id-reused");
  online = dup_payment (&desk, desk.order, 0);
  twice = call (&desk, desk.supervisor, "POST",
                "\"id\":\"01890000-0000-7000-8000-000000000001\","
                "\"reason\":\"x\"",
                "/v1/payments/%s/refund", online);
  rtk_test_assert_problem (twice, 409, "not-refundable");
  /* Nothing is left of the order: another may begin. */
  begun = open_order (&desk, again_id);
  assert_status (begun, 201);
  rtk_test_server_stop (desk.server);
  assert_detail (&desk, "refund.order", "reason", "our \"fault\"");
  assert_detail (&desk, "refund.order", "payment", cash_id);
  assert_amount (&desk, "refund.order", 2500);
}

/* The order follows the only payment it has; a waiver was never money. */
static void
test_staff_refund_paid (void)
{
  g_auto (Desk) desk;
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *payment = NULL;
  g_autofree char *unpaid = NULL;
  g_autofree char *body = g_strdup_printf ("\"id\":\"%s\",\"reason\":\"x\"", id);
  g_autoptr (RtkTestReply) waiver = NULL;
  g_autoptr (RtkTestReply) refused = NULL;
  g_autoptr (RtkTestReply) back = NULL;
  g_autoptr (RtkTestReply) queue = NULL;

  desk_init (&desk, NULL);
  unpaid = rtk_test_make_order (desk.server, 1, FALSE);
  waiver = pay (&desk, desk.supervisor, unpaid, id, "\"method\":\"waiver\",\"reference\":\"x\"");
  assert_status (waiver, 201);
  refused = call (&desk, desk.supervisor, "POST", body, "/v1/payments/%s/refund", id);
  rtk_test_assert_problem (refused, 409, "not-refundable");
  payment = dup_payment (&desk, desk.order, 0);
  back = call (&desk, desk.supervisor, "POST", body, "/v1/payments/%s/refund", payment);
  assert_status (back, 201);
  wait_money (&desk, "refunded", 0, "refunded");
  /* Only the other one waits for a reviewer. */
  queue = call (&desk, desk.supervisor, "POST", "\"count\":9", "/v1/reviews/claim");
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (queue->json, "items")), ==,
                    1);
}

static char *
find_effect (Desk *desk, const char *kind, const char *state)
{
  g_autoptr (RtkTestReply) page =
      call (desk, desk->supervisor, "GET", NULL, "/v1/effects?state=%s", state);
  JsonArray *effects = json_object_get_array_member (page->json, "effects");

  for (guint i = 0; i < json_array_get_length (effects); i++) {
    JsonObject *effect = json_array_get_object_element (effects, i);

    if (strcmp (json_object_get_string_member (effect, "kind"), kind) == 0)
      return g_strdup (json_object_get_string_member (effect, "id"));
  }
  return NULL;
}

/* Where nobody outside takes or gives money, the desk hands it back. */
static void
test_by_hand (void)
{
  g_auto (Desk) desk;
  g_autofree char *cash_id = rtk_test_new_id ();
  g_autofree char *submission = NULL;
  g_autofree char *refund = NULL;
  g_autofree char *sms = NULL;
  g_autoptr (RtkTestReply) cash = NULL;
  g_autoptr (RtkTestReply) no_right = NULL;
  g_autoptr (RtkTestReply) other = NULL;
  g_autoptr (RtkTestReply) dismissed = NULL;
  g_autoptr (RtkTestReply) late = NULL;

  desk.server = rtk_test_server_new (1, (const char *[]){"--provider", "none", NULL});
  desk.order = rtk_test_make_order (desk.server, 0, FALSE);
  desk.account = rtk_test_sign_in_online (desk.server, 0);
  desk.operator_token = rtk_test_sign_in (desk.server, "operator");
  desk.supervisor = rtk_test_sign_in (desk.server, "supervisor");
  cash = pay (&desk, desk.operator_token, desk.order, cash_id, CASH);
  assert_status (cash, 201);
  submission = decide (&desk, REJECTED);
  refund = find_effect (&desk, "refund", "due");
  sms = find_effect (&desk, "sms", "due");
  no_right = call (&desk, desk.operator_token, "POST", "\"reference\":\"H-1\"",
                   "/v1/effects/%s/settle", refund);
  rtk_test_assert_problem (no_right, 403, "forbidden");
  for (guint i = 0; i < 2; i++) {
    g_autoptr (RtkTestReply) settled = call (
        &desk, desk.supervisor, "POST", "\"reference\":\"H-1\"", "/v1/effects/%s/settle", refund);

    assert_status (settled, 200);
    g_assert_cmpstr (rtk_test_reply_text (settled, "state"), ==, "done");
  }
  wait_money (&desk, "refunded", 0, "refunded");
  other = call (&desk, desk.supervisor, "POST", "\"reference\":\"H-2\"", "/v1/effects/%s/settle",
                refund);
  rtk_test_assert_problem (other, 409, "effect-over");
  dismissed =
      call (&desk, desk.supervisor, "POST", "\"reference\":\"told\"", "/v1/effects/%s/settle", sms);
  assert_status (dismissed, 200);
  g_assert_cmpstr (rtk_test_reply_text (dismissed, "state"), ==, "cancelled");
  /* The money is not here any more. */
  late = call (&desk, desk.supervisor, "POST", NULL, "/v1/reviews/%s/undo", submission);
  rtk_test_assert_problem (late, 409, "too-late");
  rtk_test_server_stop (desk.server);
  assert_detail (&desk, "effect.settle", "kind", "sms");
  assert_detail (&desk, "effect.settle", "reference", "told");
  assert_amount (&desk, "refund.done", 2500);
}

static char *
ask_print (Desk *desk, const char *order)
{
  char            *id = rtk_test_new_id ();
  g_autofree char *body = g_strdup_printf ("\"id\":\"%s\",\"address\":\"1 Road\"", id);
  g_autoptr (RtkTestReply) reply =
      call (desk, desk->operator_token, "POST", body, "/v1/orders/%s/prints", order);

  assert_status (reply, 201);
  return id;
}

static RtkTestReply *
move_print (Desk *desk, const char *print, const char *state)
{
  g_autofree char *body = g_strdup_printf ("\"state\":\"%s\",\"carrier\":\"a friend\"", state);

  return call (desk, desk->operator_token, "POST", body, "/v1/prints/%s", print);
}

static void
assert_prints (Desk *desk, const char *of_order, const char *first)
{
  g_autoptr (RtkTestReply) order = get_order (desk, desk->order);

  g_assert_cmpstr (rtk_test_reply_text (order, "print"), ==, of_order);
  g_assert_cmpstr (
      json_object_get_string_member (
          json_array_get_object_element (json_object_get_array_member (order->json, "prints"), 0),
          "state"),
      ==, first);
}

/* Nothing is printed of what nobody has accepted, and nothing waits for what was rejected. */
static void
test_prints_follow (void)
{
  g_auto (Desk) desk;
  g_autofree char *submission = NULL;
  g_autofree char *print = NULL;
  g_autofree char *payment = NULL;
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *body = g_strdup_printf ("\"id\":\"%s\",\"reason\":\"x\"", id);
  g_autoptr (RtkTestReply) early = NULL;
  g_autoptr (RtkTestReply) shipped = NULL;
  g_autoptr (RtkTestReply) late = NULL;
  g_autoptr (RtkTestReply) undone = NULL;
  g_autoptr (RtkTestReply) back = NULL;
  g_autoptr (RtkTestReply) after = NULL;

  desk_init (&desk, NULL);
  print = ask_print (&desk, desk.order);
  early = move_print (&desk, print, "printed");
  rtk_test_assert_problem (early, 409, "not-printable");
  shipped = move_print (&desk, print, "shipped");
  rtk_test_assert_problem (shipped, 409, "not-printable");
  submission = decide (&desk, REJECTED);
  assert_prints (&desk, "none", "cancelled");
  late = move_print (&desk, print, "printed");
  rtk_test_assert_problem (late, 409, "not-printable");
  undone = call (&desk, desk.supervisor, "POST", NULL, "/v1/reviews/%s/undo", submission);
  assert_status (undone, 200);
  assert_prints (&desk, "requested", "requested");
  /* And the same when the money goes back. */
  {
    g_autoptr (RtkTestReply) approved = judge (&desk, submission, "", APPROVED);

    assert_status (approved, 200);
  }
  payment = dup_payment (&desk, desk.order, 0);
  back = call (&desk, desk.supervisor, "POST", body, "/v1/payments/%s/refund", payment);
  assert_status (back, 201);
  assert_prints (&desk, "none", "cancelled");
  after = move_print (&desk, print, "printed");
  rtk_test_assert_problem (after, 409, "not-printable");
}

/* What is printed is not paid back by itself, and what has no photo is not printed. */
static void
test_prints_refuse (void)
{
  g_auto (Desk) desk;
  g_autofree char *print = NULL;
  g_autofree char *order = rtk_test_new_id ();
  g_autofree char *number = rtk_test_server_number (1);
  g_autofree char *body = g_strdup_printf ("\"id\":\"%s\",\"number\":\"%s\"", order, number);
  g_autofree char *id = g_strdup_printf ("\"id\":\"%s\"", order);
  g_autoptr (RtkTestReply) refund = NULL;
  g_autoptr (RtkTestReply) begun = NULL;
  g_autoptr (RtkTestReply) cash = NULL;
  g_autoptr (RtkTestReply) asked = NULL;

  desk_init (&desk, NULL);
  begun = call (&desk, desk.operator_token, "POST", body, "/v1/orders");
  assert_status (begun, 201);
  cash = pay (&desk, desk.operator_token, order, order, CASH);
  assert_status (cash, 201);
  asked = call (&desk, desk.operator_token, "POST", id, "/v1/orders/%s/prints", order);
  rtk_test_assert_problem (asked, 409, "not-printable");
  print = ask_print (&desk, desk.order);
  rtk_test_server_stop (desk.server);
  {
    g_autoptr (RtkServerDb) db = rtk_test_open_database (desk.server->folder);

    g_assert_true (rtk_server_db_exec (db, "UPDATE prints SET state = 'printed'", NULL));
  }
  rtk_test_server_start (desk.server);
  refund = call (&desk, desk.account, "POST", id, "/v1/online/orders/%s/refund", desk.order);
  rtk_test_assert_problem (refund, 409, "not-refundable");
}

/* The order shows what is least far; what nobody has made can be mended and cancelled. */
static void
test_prints_change (void)
{
  g_auto (Desk) desk;
  g_autofree char *submission = NULL;
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  g_autofree char *stranger = NULL;
  g_autoptr (RtkTestReply) printed = NULL;
  g_autoptr (RtkTestReply) mended = NULL;
  g_autoptr (RtkTestReply) address = NULL;
  g_autoptr (RtkTestReply) foreign = NULL;
  g_autoptr (RtkTestReply) both = NULL;
  g_autoptr (RtkTestReply) cancelled = NULL;
  g_autoptr (RtkTestReply) late = NULL;

  desk_init (&desk, NULL);
  submission = decide (&desk, APPROVED);
  first = ask_print (&desk, desk.order);
  second = ask_print (&desk, desk.order);
  stranger = rtk_test_sign_up (desk.server, 1);
  mended = call (&desk, desk.account, "PATCH", "\"address\":\"2 Road\"", "/v1/prints/%s", second);
  assert_status (mended, 200);
  address = call (&desk, desk.operator_token, "POST", NULL, "/v1/prints/%s/address", second);
  g_assert_cmpstr (rtk_test_reply_text (address, "address"), ==, "2 Road");
  foreign = call (&desk, stranger, "PATCH", "\"cancelled\":true", "/v1/prints/%s", second);
  rtk_test_assert_problem (foreign, 404, "not-found");
  both = call (&desk, desk.account, "PATCH", "\"address\":\"3 Road\",\"cancelled\":true",
               "/v1/prints/%s", second);
  rtk_test_assert_problem (both, 422, "bad-member");
  printed = move_print (&desk, second, "shipped");
  assert_status (printed, 200);
  assert_prints (&desk, "requested", "requested");
  late = call (&desk, desk.account, "PATCH", "\"address\":\"3 Road\"", "/v1/prints/%s", second);
  rtk_test_assert_problem (late, 409, "print-begun");
  cancelled =
      call (&desk, desk.operator_token, "PATCH", "\"cancelled\":true", "/v1/prints/%s", first);
  assert_status (cancelled, 200);
  assert_prints (&desk, "shipped", "cancelled");
}

static guint
count_sms (Desk *desk, const char *state)
{
  g_autoptr (RtkTestReply) history =
      call (desk, desk->supervisor, "GET", NULL, "/v1/orders/%s/history", desk->order);
  JsonArray *effects = json_object_get_array_member (history->json, "effects");
  guint      n = 0;

  for (guint i = 0; i < json_array_get_length (effects); i++) {
    JsonObject *effect = json_array_get_object_element (effects, i);

    n += strcmp (json_object_get_string_member (effect, "kind"), "sms") == 0 &&
         strcmp (json_object_get_string_member (effect, "state"), state) == 0;
  }
  return n;
}

/* A walk-in's order with a photo of the desk's; @phone may be empty. */
static void
walk_in (Desk *desk, guint index, const char *phone, RtkSigner *signer, const char *station)
{
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *number = rtk_test_server_number (index);
  g_autofree char *body = g_strdup_printf ("\"id\":\"%s\",\"number\":\"%s\"%s", id, number, phone);
  g_auto (GStrv) parts = rtk_test_upload_parts (desk->server, desk->operator_token, index);
  g_autoptr (RtkOperation) operation = NULL;
  g_autofree char *sent = NULL;
  g_autoptr (RtkTestReply) begun = NULL;
  g_autoptr (RtkTestReply) cash = NULL;
  g_autoptr (RtkTestReply) order = NULL;
  g_autoptr (RtkTestReply) done = NULL;

  begun = call (desk, desk->operator_token, "POST", body, "/v1/orders");
  assert_status (begun, 201);
  cash = pay (desk, desk->operator_token, id, id, CASH);
  assert_status (cash, 201);
  order = get_order (desk, id);
  operation =
      rtk_test_make_operation (signer, station, id, rtk_test_reply_int (order, "revision"), parts);
  sent = rtk_test_operations_body (operation, NULL);
  done = rtk_test_call (desk->server, desk->operator_token, "POST", "/v1/operations", sent);
  assert_status (done, 200);
  g_free (desk->order);
  desk->order = g_steal_pointer (&id);
}

/* Who was photographed at the desk is told, too; or it is written down that nobody could be. */
static void
test_sms_desk (void)
{
  g_auto (Desk) desk;
  g_autoptr (RtkSigner) signer = rtk_test_signer_new ("money");
  g_autofree char *station = NULL;
  g_autofree char *reached = NULL;
  g_autofree char *lost = NULL;
  g_autofree char *first = NULL;

  desk_init (&desk, NULL);
  first = decide (&desk, APPROVED);
  station = rtk_test_enrol (desk.server, desk.operator_token, "operator", signer);
  walk_in (&desk, 1, ",\"phone\":\"10099991234\"", signer, station);
  reached = decide (&desk, REJECTED);
  g_assert_cmpuint (count_sms (&desk, "due"), ==, 1);
  {
    g_autoptr (RtkTestReply) order = get_order (&desk, desk.order);

    g_assert_cmpstr (rtk_test_reply_text (order, "payment"), ==, "paid");
  }
  walk_in (&desk, 2, "", signer, station);
  lost = decide (&desk, REJECTED);
  g_assert_cmpuint (count_sms (&desk, "due"), ==, 0);
  rtk_test_server_stop (desk.server);
  assert_detail (&desk, "sms.unreachable", "template", "rejected");
}

static void
correct (Desk *desk, const char *submission)
{
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *rest = g_strdup_printf (APPROVED ",\"id\":\"%s\",\"reason\":\"a\"", id);
  g_autoptr (RtkTestReply) corrected = judge (desk, submission, "/correction", rest);

  assert_status (corrected, 201);
}

/* A rejection that was told and does not hold is told, too; one that was not told never is. */
static void
test_sms_corrected (void)
{
  g_auto (Desk) desk;
  g_auto (Desk) held;
  g_autofree char *told = NULL;
  g_autofree char *untold = NULL;

  desk_init (&desk, NO_HOLD);
  told = decide (&desk, REJECTED);
  wait_money (&desk, "refunded", 0, "refunded");
  while (count_sms (&desk, "done") < 1)
    ;
  correct (&desk, told);
  while (count_sms (&desk, "done") < 2)
    ;
  desk_init (&held, NULL);
  untold = decide (&held, REJECTED);
  correct (&held, untold);
  g_assert_cmpuint (count_sms (&held, "cancelled"), ==, 1);
  g_assert_cmpuint (count_sms (&held, "due") + count_sms (&held, "done"), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/money/cash-then-order", test_cash_then_order);
  g_test_add_func ("/server/money/order-then-cash", test_order_then_cash);
  g_test_add_func ("/server/money/code-then-order", test_code_then_order);
  g_test_add_func ("/server/money/audit", test_audit);
  g_test_add_func ("/server/money/reused", test_reused);
  g_test_add_func ("/server/money/staff-refund", test_staff_refund);
  g_test_add_func ("/server/money/staff-refund-paid", test_staff_refund_paid);
  g_test_add_func ("/server/money/by-hand", test_by_hand);
  g_test_add_func ("/server/money/prints-follow", test_prints_follow);
  g_test_add_func ("/server/money/prints-refuse", test_prints_refuse);
  g_test_add_func ("/server/money/prints-change", test_prints_change);
  g_test_add_func ("/server/money/sms-desk", test_sms_desk);
  g_test_add_func ("/server/money/sms-corrected", test_sms_corrected);
  return g_test_run ();
}
