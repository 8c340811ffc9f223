/* SPDX-License-Identifier: GPL-3.0-or-later */
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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/money/cash-then-order", test_cash_then_order);
  g_test_add_func ("/server/money/order-then-cash", test_order_then_cash);
  g_test_add_func ("/server/money/code-then-order", test_code_then_order);
  return g_test_run ();
}
