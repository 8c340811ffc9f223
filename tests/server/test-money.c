/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-json.h"
#include "support/rtk-test-database.h"
#include "support/rtk-test-server.h"

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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/money/cash-then-order", test_cash_then_order);
  g_test_add_func ("/server/money/order-then-cash", test_order_then_cash);
  g_test_add_func ("/server/money/code-then-order", test_code_then_order);
  g_test_add_func ("/server/money/audit", test_audit);
  g_test_add_func ("/server/money/reused", test_reused);
  return g_test_run ();
}
