/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-counter.h"
#include "support/rtk-test-database.h"
#include "support/rtk-test-signer.h"

#include <string.h>

static char *
ask_print (RtkTestCounter *desk, const char *order)
{
  char            *id = rtk_test_new_id ();
  g_autofree char *body = g_strdup_printf ("\"id\":\"%s\",\"address\":\"1 Road\"", id);
  g_autoptr (RtkTestReply) reply = rtk_test_counter_call (desk, desk->operator_token, "POST", body,
                                                          "/v1/orders/%s/prints", order);

  rtk_test_assert_status (reply, 201);
  return id;
}

static RtkTestReply *
move_print (RtkTestCounter *desk, const char *print, const char *state)
{
  g_autofree char *body = g_strdup_printf ("\"state\":\"%s\",\"carrier\":\"a friend\"", state);

  return rtk_test_counter_call (desk, desk->operator_token, "POST", body, "/v1/prints/%s", print);
}

static void
assert_prints (RtkTestCounter *desk, const char *of_order, const char *first)
{
  g_autoptr (RtkTestReply) order = rtk_test_counter_get_order (desk, desk->order);

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
  g_auto (RtkTestCounter) desk;
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

  rtk_test_counter_init (&desk, NULL);
  print = ask_print (&desk, desk.order);
  early = move_print (&desk, print, "printed");
  rtk_test_assert_problem (early, 409, "not-printable");
  shipped = move_print (&desk, print, "shipped");
  rtk_test_assert_problem (shipped, 409, "not-printable");
  submission = rtk_test_counter_decide (&desk, RTK_TEST_REJECTED);
  assert_prints (&desk, "none", "cancelled");
  late = move_print (&desk, print, "printed");
  rtk_test_assert_problem (late, 409, "not-printable");
  undone = rtk_test_counter_call (&desk, desk.supervisor, "POST", NULL, "/v1/reviews/%s/undo",
                                  submission);
  rtk_test_assert_status (undone, 200);
  assert_prints (&desk, "requested", "requested");
  /* And the same when the money goes back. */
  {
    g_autoptr (RtkTestReply) approved =
        rtk_test_counter_judge (&desk, submission, "", RTK_TEST_APPROVED);

    rtk_test_assert_status (approved, 200);
  }
  payment = rtk_test_counter_dup_payment (&desk, desk.order, 0);
  back = rtk_test_counter_call (&desk, desk.supervisor, "POST", body, "/v1/payments/%s/refund",
                                payment);
  rtk_test_assert_status (back, 201);
  assert_prints (&desk, "none", "cancelled");
  after = move_print (&desk, print, "printed");
  rtk_test_assert_problem (after, 409, "not-printable");
}

/* What is printed is not paid back by itself, and what has no photo is not printed. */
static void
test_prints_refuse (void)
{
  g_auto (RtkTestCounter) desk;
  g_autofree char *print = NULL;
  g_autofree char *order = rtk_test_new_id ();
  g_autofree char *number = rtk_test_server_number (1);
  g_autofree char *body = g_strdup_printf ("\"id\":\"%s\",\"number\":\"%s\"", order, number);
  g_autofree char *id = g_strdup_printf ("\"id\":\"%s\"", order);
  g_autoptr (RtkTestReply) refund = NULL;
  g_autoptr (RtkTestReply) begun = NULL;
  g_autoptr (RtkTestReply) cash = NULL;
  g_autoptr (RtkTestReply) asked = NULL;

  rtk_test_counter_init (&desk, NULL);
  begun = rtk_test_counter_call (&desk, desk.operator_token, "POST", body, "/v1/orders");
  rtk_test_assert_status (begun, 201);
  cash = rtk_test_counter_pay (&desk, desk.operator_token, order, order, RTK_TEST_CASH);
  rtk_test_assert_status (cash, 201);
  asked =
      rtk_test_counter_call (&desk, desk.operator_token, "POST", id, "/v1/orders/%s/prints", order);
  rtk_test_assert_problem (asked, 409, "not-printable");
  print = ask_print (&desk, desk.order);
  rtk_test_server_stop (desk.server);
  {
    g_autoptr (RtkServerDb) db = rtk_test_open_database (desk.server->folder);

    g_assert_true (rtk_server_db_exec (db, "UPDATE prints SET state = 'printed'", NULL));
  }
  rtk_test_server_start (desk.server);
  refund = rtk_test_counter_call (&desk, desk.account, "POST", id, "/v1/online/orders/%s/refund",
                                  desk.order);
  rtk_test_assert_problem (refund, 409, "not-refundable");
}

/* The order shows what is least far; what nobody has made can be mended and cancelled. */
static void
test_prints_change (void)
{
  g_auto (RtkTestCounter) desk;
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

  rtk_test_counter_init (&desk, NULL);
  submission = rtk_test_counter_decide (&desk, RTK_TEST_APPROVED);
  first = ask_print (&desk, desk.order);
  second = ask_print (&desk, desk.order);
  stranger = rtk_test_sign_up (desk.server, 1);
  mended = rtk_test_counter_call (&desk, desk.account, "PATCH", "\"address\":\"2 Road\"",
                                  "/v1/prints/%s", second);
  rtk_test_assert_status (mended, 200);
  address = rtk_test_counter_call (&desk, desk.operator_token, "POST", NULL,
                                   "/v1/prints/%s/address", second);
  g_assert_cmpstr (rtk_test_reply_text (address, "address"), ==, "2 Road");
  foreign = rtk_test_counter_call (&desk, stranger, "PATCH", "\"cancelled\":true", "/v1/prints/%s",
                                   second);
  rtk_test_assert_problem (foreign, 404, "not-found");
  both =
      rtk_test_counter_call (&desk, desk.account, "PATCH",
                             "\"address\":\"3 Road\",\"cancelled\":true", "/v1/prints/%s", second);
  rtk_test_assert_problem (both, 422, "bad-member");
  printed = move_print (&desk, second, "shipped");
  rtk_test_assert_status (printed, 200);
  assert_prints (&desk, "requested", "requested");
  late = rtk_test_counter_call (&desk, desk.account, "PATCH", "\"address\":\"3 Road\"",
                                "/v1/prints/%s", second);
  rtk_test_assert_problem (late, 409, "print-begun");
  cancelled = rtk_test_counter_call (&desk, desk.operator_token, "PATCH", "\"cancelled\":true",
                                     "/v1/prints/%s", first);
  rtk_test_assert_status (cancelled, 200);
  assert_prints (&desk, "shipped", "cancelled");
}

static guint
count_sms (RtkTestCounter *desk, const char *state)
{
  g_autoptr (RtkTestReply) history = rtk_test_counter_call (desk, desk->supervisor, "GET", NULL,
                                                            "/v1/orders/%s/history", desk->order);
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
walk_in (
    RtkTestCounter *desk, guint index, const char *phone, RtkSigner *signer, const char *station)
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

  begun = rtk_test_counter_call (desk, desk->operator_token, "POST", body, "/v1/orders");
  rtk_test_assert_status (begun, 201);
  cash = rtk_test_counter_pay (desk, desk->operator_token, id, id, RTK_TEST_CASH);
  rtk_test_assert_status (cash, 201);
  order = rtk_test_counter_get_order (desk, id);
  operation =
      rtk_test_make_operation (signer, station, id, rtk_test_reply_int (order, "revision"), parts);
  sent = rtk_test_operations_body (operation, NULL);
  done = rtk_test_call (desk->server, desk->operator_token, "POST", "/v1/operations", sent);
  rtk_test_assert_status (done, 200);
  g_free (desk->order);
  desk->order = g_steal_pointer (&id);
}

/* Who was photographed at the desk is told, too; or it is written down that nobody could be. */
static void
test_sms_desk (void)
{
  g_auto (RtkTestCounter) desk;
  g_autoptr (RtkSigner) signer = rtk_test_signer_new ("money");
  g_autofree char *station = NULL;
  g_autofree char *reached = NULL;
  g_autofree char *lost = NULL;
  g_autofree char *first = NULL;

  rtk_test_counter_init (&desk, NULL);
  first = rtk_test_counter_decide (&desk, RTK_TEST_APPROVED);
  station = rtk_test_enrol (desk.server, desk.operator_token, "operator", signer);
  walk_in (&desk, 1, ",\"phone\":\"10099991234\"", signer, station);
  reached = rtk_test_counter_decide (&desk, RTK_TEST_REJECTED);
  g_assert_cmpuint (count_sms (&desk, "due"), ==, 1);
  {
    g_autoptr (RtkTestReply) order = rtk_test_counter_get_order (&desk, desk.order);

    g_assert_cmpstr (rtk_test_reply_text (order, "payment"), ==, "paid");
  }
  walk_in (&desk, 2, "", signer, station);
  lost = rtk_test_counter_decide (&desk, RTK_TEST_REJECTED);
  g_assert_cmpuint (count_sms (&desk, "due"), ==, 0);
  rtk_test_server_stop (desk.server);
  rtk_test_counter_assert_detail (&desk, "sms.unreachable", "template", "rejected");
}

static void
correct (RtkTestCounter *desk, const char *submission)
{
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *rest = g_strdup_printf (RTK_TEST_APPROVED ",\"id\":\"%s\",\"reason\":\"a\"", id);
  g_autoptr (RtkTestReply) corrected =
      rtk_test_counter_judge (desk, submission, "/correction", rest);

  rtk_test_assert_status (corrected, 201);
}

/* A message that was tried in vain may have come through, and is not tried again: of the rejection
 * that does not hold the graduate hears no more than that. */
static void
test_sms_tried (void)
{
  g_auto (RtkTestCounter) desk;
  g_autofree char *submission = NULL;

  rtk_test_counter_init (&desk, NULL);
  submission = rtk_test_counter_decide (&desk, RTK_TEST_REJECTED);
  {
    g_autoptr (RtkServerDb) db = rtk_test_open_database (desk.server->folder);
    g_autoptr (GError) error = NULL;

    rtk_server_db_run (db, &error, "UPDATE effects SET attempts = 1 WHERE kind = 'sms'", "");
    g_assert_no_error (error);
  }
  correct (&desk, submission);
  g_assert_cmpuint (count_sms (&desk, "cancelled"), ==, 1);
  while (count_sms (&desk, "done") < 1)
    ;
  g_assert_cmpuint (count_sms (&desk, "due"), ==, 0);
}

/* A rejection that was told and does not hold is told, too; one that was not told never is. */
static void
test_sms_corrected (void)
{
  g_auto (RtkTestCounter) desk;
  g_auto (RtkTestCounter) held;
  g_autofree char *told = NULL;
  g_autofree char *untold = NULL;

  rtk_test_counter_init (&desk, RTK_TEST_NO_HOLD);
  told = rtk_test_counter_decide (&desk, RTK_TEST_REJECTED);
  rtk_test_counter_wait_money (&desk, "refunded", 0, "refunded");
  while (count_sms (&desk, "done") < 1)
    ;
  correct (&desk, told);
  while (count_sms (&desk, "done") < 2)
    ;
  rtk_test_counter_init (&held, NULL);
  untold = rtk_test_counter_decide (&held, RTK_TEST_REJECTED);
  correct (&held, untold);
  g_assert_cmpuint (count_sms (&held, "cancelled"), ==, 1);
  g_assert_cmpuint (count_sms (&held, "due") + count_sms (&held, "done"), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/prints/follow", test_prints_follow);
  g_test_add_func ("/server/prints/refuse", test_prints_refuse);
  g_test_add_func ("/server/prints/change", test_prints_change);
  g_test_add_func ("/server/prints/sms-desk", test_sms_desk);
  g_test_add_func ("/server/prints/sms-corrected", test_sms_corrected);
  g_test_add_func ("/server/prints/sms-tried", test_sms_tried);
  return g_test_run ();
}
