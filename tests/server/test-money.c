/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-counter.h"
#include "support/rtk-test-database.h"

#include <string.h>

/* Cash for an order whose first money went back: that order goes on, there is no other. */
static void
test_cash_then_order (void)
{
  g_auto (RtkTestCounter) desk;
  g_autofree char *cash_id = rtk_test_new_id ();
  g_autofree char *other = rtk_test_new_id ();
  g_autofree char *submission = NULL;
  g_autoptr (RtkTestReply) cash = NULL;
  g_autoptr (RtkTestReply) begun = NULL;

  rtk_test_counter_init (&desk, RTK_TEST_NO_HOLD);
  submission = rtk_test_counter_decide (&desk, RTK_TEST_REJECTED);
  rtk_test_counter_wait_money (&desk, "refunded", 0, "refunded");
  cash = rtk_test_counter_pay (&desk, desk.operator_token, desk.order, cash_id, RTK_TEST_CASH);
  rtk_test_assert_status (cash, 201);
  begun = rtk_test_counter_open_order (&desk, other);
  rtk_test_assert_problem (begun, 409, "order-open");
}

/* The other way round: a new order, then somebody wants to pay for the old one. */
static void
test_order_then_cash (void)
{
  g_auto (RtkTestCounter) desk;
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *other = rtk_test_new_id ();
  g_autofree char *submission = NULL;
  g_autoptr (RtkTestReply) begun = NULL;
  g_autoptr (RtkTestReply) cash = NULL;
  g_autoptr (RtkTestReply) code = NULL;
  g_autoptr (RtkTestReply) waiver = NULL;
  g_autoptr (RtkTestReply) paid = NULL;

  rtk_test_counter_init (&desk, RTK_TEST_NO_HOLD);
  submission = rtk_test_counter_decide (&desk, RTK_TEST_REJECTED);
  rtk_test_counter_wait_money (&desk, "refunded", 0, "refunded");
  begun = rtk_test_counter_open_order (&desk, other);
  rtk_test_assert_status (begun, 201);
  cash = rtk_test_counter_pay (&desk, desk.operator_token, desk.order, id, RTK_TEST_CASH);
  rtk_test_assert_problem (cash, 409, "order-open");
  code = rtk_test_counter_pay (&desk, desk.operator_token, desk.order, id, "\"method\":\"code\"");
  rtk_test_assert_problem (code, 409, "order-open");
  waiver = rtk_test_counter_pay (&desk, desk.supervisor, desk.order, id,
                                 "\"method\":\"waiver\",\"reference\":\"x\"");
  rtk_test_assert_problem (waiver, 409, "order-open");
  paid = rtk_test_counter_pay (&desk, desk.operator_token, other, id, RTK_TEST_CASH);
  rtk_test_assert_status (paid, 201);
  g_clear_pointer (&cash, rtk_test_reply_free);
  cash = rtk_test_counter_pay (&desk, desk.operator_token, desk.order, other, RTK_TEST_CASH);
  rtk_test_assert_problem (cash, 409, "order-open");
}

/* A code of the desk's that can still be paid keeps its order going; one that has ended does not,
 * and who pays it all the same gets the money back. */
static void
test_code_then_order (void)
{
  g_auto (RtkTestCounter) desk;
  g_autofree char *code_id = rtk_test_new_id ();
  g_autofree char *other = rtk_test_new_id ();
  g_autofree char *submission = NULL;
  g_autoptr (RtkTestReply) code = NULL;
  g_autoptr (RtkTestReply) begun = NULL;
  g_autoptr (RtkTestReply) late = NULL;

  rtk_test_counter_init (&desk, RTK_TEST_NO_HOLD);
  submission = rtk_test_counter_decide (&desk, RTK_TEST_REJECTED);
  rtk_test_counter_wait_money (&desk, "refunded", 0, "refunded");
  code =
      rtk_test_counter_pay (&desk, desk.operator_token, desk.order, code_id, "\"method\":\"code\"");
  rtk_test_assert_status (code, 201);
  begun = rtk_test_counter_open_order (&desk, other);
  rtk_test_assert_problem (begun, 409, "order-open");
  rtk_test_server_stop (desk.server);
  {
    g_autoptr (RtkServerDb) db = rtk_test_open_database (desk.server->folder);

    g_assert_true (rtk_server_db_exec (
        db, "UPDATE payments SET expires_at = 1 WHERE state = 'pending'", NULL));
  }
  rtk_test_server_start (desk.server);
  g_clear_pointer (&begun, rtk_test_reply_free);
  begun = rtk_test_counter_open_order (&desk, other);
  rtk_test_assert_status (begun, 201);
  rtk_test_pay (desk.server, desk.supervisor, code_id);
  rtk_test_counter_wait_money (&desk, "refunded", 1, "refunded");
  late = rtk_test_counter_get_order (&desk, other);
  g_assert_cmpstr (rtk_test_reply_text (late, "payment"), ==, "unpaid");
}

/* What was taken, from whom it is said to be and what was handed over stand in the audit log. */
static void
test_audit (void)
{
  g_auto (RtkTestCounter) desk;
  g_autofree char *cash_id = rtk_test_new_id ();
  g_autofree char *waiver_id = rtk_test_new_id ();
  g_autofree char *export_id = rtk_test_new_id ();
  g_autofree char *submission = NULL;
  g_autofree char *body = NULL;
  g_auto (GStrv) unpaid = g_new0 (char *, 3);
  g_autoptr (RtkTestReply) cash = NULL;
  g_autoptr (RtkTestReply) waiver = NULL;
  g_autoptr (RtkTestReply) made = NULL;
  g_autoptr (RtkTestReply) received = NULL;

  rtk_test_counter_init (&desk, NULL);
  for (guint i = 0; i < 2; i++)
    unpaid[i] = rtk_test_make_order (desk.server, i + 1, FALSE);
  cash = rtk_test_counter_pay (&desk, desk.operator_token, unpaid[0], cash_id, RTK_TEST_CASH);
  rtk_test_assert_status (cash, 201);
  waiver = rtk_test_counter_pay (&desk, desk.supervisor, unpaid[1], waiver_id,
                                 "\"method\":\"waiver\",\"reference\":\"our \\\"fault\\\"\"");
  rtk_test_assert_status (waiver, 201);
  while (submission == NULL || strcmp (submission, desk.order) != 0) {
    g_autoptr (RtkTestReply) queue =
        rtk_test_counter_call (&desk, desk.supervisor, "POST", "\"count\":1", "/v1/reviews/claim");
    JsonObject *item =
        json_array_get_object_element (json_object_get_array_member (queue->json, "items"), 0);
    JsonObject      *order = json_object_get_object_member (item, "order");
    g_autofree char *verdict = g_strdup_printf (RTK_TEST_APPROVED ",\"revision\":%" G_GINT64_FORMAT,
                                                json_object_get_int_member (order, "revision"));
    g_autoptr (RtkTestReply) decided =
        rtk_test_counter_call (&desk, desk.supervisor, "POST", verdict, "/v1/reviews/%s",
                               json_object_get_string_member (item, "submission"));

    rtk_test_assert_status (decided, 200);
    g_free (submission);
    submission = g_strdup (json_object_get_string_member (order, "id"));
  }
  body = g_strdup_printf ("\"id\":\"%s\",\"receiver\":\"the ministry\",\"orders\":[\"%s\"]",
                          export_id, desk.order);
  made = rtk_test_counter_call (&desk, desk.supervisor, "POST", body, "/v1/exports");
  rtk_test_assert_status (made, 201);
  received = rtk_test_counter_call (&desk, desk.supervisor, "POST", "\"reference\":\"E-9\"",
                                    "/v1/exports/%s/receipt", export_id);
  rtk_test_assert_status (received, 200);
  rtk_test_server_stop (desk.server);
  rtk_test_counter_assert_detail (&desk, "payment.record", "payment", waiver_id);
  rtk_test_counter_assert_detail (&desk, "payment.record", "method", "waiver");
  rtk_test_counter_assert_detail (&desk, "payment.record", "reason", "our \"fault\"");
  rtk_test_counter_assert_detail (&desk, "export.create", "receiver", "the ministry");
  rtk_test_counter_assert_detail (&desk, "export.receipt", "receipt", "E-9");
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
  rtk_test_counter_assert_amount (&desk, "payment.settle", 2500);
}

/* Sends @first twice and then @second, all with one id. */
static void
check_reuse (RtkTestCounter *desk,
             const char     *token,
             const char     *path,
             const char     *first,
             const char     *second)
{
  g_autofree char *id = rtk_test_new_id ();
  const char      *rest[] = {first, first, second};
  const guint      wanted[] = {201, 200, 409};

  for (guint i = 0; i < G_N_ELEMENTS (rest); i++) {
    g_autofree char *body = g_strdup_printf ("\"id\":\"%s\"%s", id, rest[i]);
    g_autoptr (RtkTestReply) reply = rtk_test_counter_call (desk, token, "POST", body, "%s", path);

    rtk_test_assert_status (reply, wanted[i]);
    if (wanted[i] == 409)
      rtk_test_assert_problem (reply, 409, "id-reused");
  }
}

/* An id that comes again with something else is not answered as if that had been done. */
static void
test_reused (void)
{
  g_auto (RtkTestCounter) desk;
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

  rtk_test_counter_init (&desk, NULL);
  submission = rtk_test_counter_decide (&desk, RTK_TEST_APPROVED);
  unpaid = rtk_test_make_order (desk.server, 1, FALSE);
  payments = g_strdup_printf ("/v1/orders/%s/payments", unpaid);
  notes = g_strdup_printf ("/v1/orders/%s/notes", desk.order);
  prints = g_strdup_printf ("/v1/orders/%s/prints", desk.order);
  online = g_strdup_printf ("/v1/online/orders/%s/print", desk.order);
  correction = g_strdup_printf ("/v1/reviews/%s/correction", submission);
  check_reuse (&desk, desk.operator_token, payments, "," RTK_TEST_CASH,
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
    g_autoptr (RtkTestReply) reply =
        rtk_test_counter_call (&desk, desk.operator_token, "POST", body, "%s", prints);

    rtk_test_assert_status (reply, i == 0 ? 201 : 200);
  }
  g_clear_pointer (&first, g_free);
  order = rtk_test_counter_get_order (&desk, desk.order);
  first =
      g_strdup_printf ("," RTK_TEST_APPROVED ",\"revision\":%" G_GINT64_FORMAT ",\"reason\":\"a\"",
                       rtk_test_reply_int (order, "revision"));
  second =
      g_strdup_printf ("," RTK_TEST_REJECTED ",\"revision\":%" G_GINT64_FORMAT ",\"reason\":\"a\"",
                       rtk_test_reply_int (order, "revision"));
  check_reuse (&desk, desk.supervisor, correction, first, second);
  g_clear_pointer (&first, g_free);
  first = g_strdup_printf (",\"receiver\":\"x\",\"orders\":[\"%s\"]", desk.order);
  check_reuse (&desk, desk.supervisor, "/v1/exports", first, ",\"receiver\":\"x\",\"orders\":[]");
}

static char *
upload (RtkTestCounter *desk, const char *account, const char *type, guint32 seed)
{
  g_autoptr (GBytes) blob = rtk_test_make_blob (type, 600, seed);

  return rtk_test_upload (desk->server, account, blob, type);
}

/* So, too, for what begins: an order of the desk, a photo, gold. */
static void
test_reused_begins (void)
{
  g_auto (RtkTestCounter) desk;
  g_autofree char *number = rtk_test_server_number (1);
  g_autofree char *first = g_strdup_printf (",\"number\":\"%s\"", number);
  g_autofree char *second = g_strdup_printf ("%s,\"phone\":\"10099991234\"", first);
  g_autofree char *gold = NULL;
  g_autofree char *other_gold = NULL;
  g_autofree char *order = NULL;
  g_autofree char *account = NULL;
  g_autofree char *path = NULL;
  g_autofree char *photo = NULL;
  g_autofree char *report = NULL;
  g_autofree char *one = NULL;
  g_autofree char *other = NULL;
  g_autofree char *submission = NULL;

  rtk_test_counter_init (&desk, NULL);
  check_reuse (&desk, desk.operator_token, "/v1/orders", first, second);
  order = rtk_test_make_order (desk.server, 2, FALSE);
  account = rtk_test_sign_in_online (desk.server, 2);
  path = g_strdup_printf ("/v1/online/orders/%s/submission", order);
  photo = upload (&desk, account, "image/jpeg", 901);
  report = upload (&desk, account, "application/json", 902);
  one = g_strdup_printf (",\"original\":\"%s\",\"delivered\":\"%s\",\"report\":\"%s\"", photo,
                         photo, report);
  other = g_strdup_printf (",\"original\":\"%s\",\"delivered\":\"%s\",\"report\":\"%s\"", photo,
                           report, report);
  check_reuse (&desk, account, path, one, other);
  submission = rtk_test_counter_decide (&desk, RTK_TEST_APPROVED);
  gold = g_strdup_printf (",\"submission\":\"%s\"," RTK_TEST_APPROVED, submission);
  other_gold = g_strdup_printf (",\"submission\":\"%s\"," RTK_TEST_REJECTED, submission);
  check_reuse (&desk, desk.supervisor, "/v1/gold", gold, other_gold);
}

/* A supervisor gives any settled payment back, also of an order whose first money went back. */
static void
test_staff_refund (void)
{
  g_auto (RtkTestCounter) desk;
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

  rtk_test_counter_init (&desk, RTK_TEST_NO_HOLD);
  submission = rtk_test_counter_decide (&desk, RTK_TEST_REJECTED);
  rtk_test_counter_wait_money (&desk, "refunded", 0, "refunded");
  cash = rtk_test_counter_pay (&desk, desk.operator_token, desk.order, cash_id, RTK_TEST_CASH);
  rtk_test_assert_status (cash, 201);
  own = rtk_test_counter_call (&desk, desk.account, "POST", ask, "/v1/online/orders/%s/refund",
                               desk.order);
  rtk_test_assert_problem (own, 409, "not-refundable");
  no_right = rtk_test_counter_call (&desk, desk.operator_token, "POST", body,
                                    "/v1/payments/%s/refund", cash_id);
  rtk_test_assert_problem (no_right, 403, "forbidden");
  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++) {
    g_autoptr (RtkTestReply) back = rtk_test_counter_call (&desk, desk.supervisor, "POST", body,
                                                           "/v1/payments/%s/refund", cash_id);

    rtk_test_assert_status (back, wanted[i]);
  }
  rtk_test_counter_wait_money (&desk, "refunded", 1, "refunded");
  reused = rtk_test_counter_call (&desk, desk.supervisor, "POST", other, "/v1/payments/%s/refund",
                                  cash_id);
  rtk_test_assert_problem (reused, 409, "id-reused");
  online = rtk_test_counter_dup_payment (&desk, desk.order, 0);
  twice = rtk_test_counter_call (&desk, desk.supervisor, "POST",
                                 "\"id\":\"01890000-0000-7000-8000-000000000001\","
                                 "\"reason\":\"x\"",
                                 "/v1/payments/%s/refund", online);
  rtk_test_assert_problem (twice, 409, "not-refundable");
  /* Nothing is left of the order: another may begin. */
  begun = rtk_test_counter_open_order (&desk, again_id);
  rtk_test_assert_status (begun, 201);
  rtk_test_server_stop (desk.server);
  rtk_test_counter_assert_detail (&desk, "refund.order", "reason", "our \"fault\"");
  rtk_test_counter_assert_detail (&desk, "refund.order", "payment", cash_id);
  rtk_test_counter_assert_amount (&desk, "refund.order", 2500);
}

/* The order follows the only payment it has; a waiver was never money. */
static void
test_staff_refund_paid (void)
{
  g_auto (RtkTestCounter) desk;
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *payment = NULL;
  g_autofree char *unpaid = NULL;
  g_autofree char *body = g_strdup_printf ("\"id\":\"%s\",\"reason\":\"x\"", id);
  g_autoptr (RtkTestReply) waiver = NULL;
  g_autoptr (RtkTestReply) refused = NULL;
  g_autoptr (RtkTestReply) back = NULL;
  g_autoptr (RtkTestReply) queue = NULL;

  rtk_test_counter_init (&desk, NULL);
  unpaid = rtk_test_make_order (desk.server, 1, FALSE);
  waiver = rtk_test_counter_pay (&desk, desk.supervisor, unpaid, id,
                                 "\"method\":\"waiver\",\"reference\":\"x\"");
  rtk_test_assert_status (waiver, 201);
  refused =
      rtk_test_counter_call (&desk, desk.supervisor, "POST", body, "/v1/payments/%s/refund", id);
  rtk_test_assert_problem (refused, 409, "not-refundable");
  payment = rtk_test_counter_dup_payment (&desk, desk.order, 0);
  back = rtk_test_counter_call (&desk, desk.supervisor, "POST", body, "/v1/payments/%s/refund",
                                payment);
  rtk_test_assert_status (back, 201);
  rtk_test_counter_wait_money (&desk, "refunded", 0, "refunded");
  /* Only the other one waits for a reviewer. */
  queue =
      rtk_test_counter_call (&desk, desk.supervisor, "POST", "\"count\":9", "/v1/reviews/claim");
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (queue->json, "items")), ==,
                    1);
}

/* How many of the one batch nobody has a photo of. */
static gint64
count_missing (RtkTestCounter *desk)
{
  g_autoptr (RtkTestReply) reply =
      rtk_test_counter_call (desk, desk->supervisor, "GET", NULL, "/v1/batches");
  JsonObject *batch =
      json_array_get_object_element (json_object_get_array_member (reply->json, "batches"), 0);

  return json_object_get_int_member (json_object_get_object_member (batch, "progress"), "missing");
}

/* Nobody looks at a photo whose money went back, whoever has begun: the graduate is missing. */
static void
check_photo_ends (gboolean is_claimed)
{
  g_auto (RtkTestCounter) desk;
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *body = g_strdup_printf ("\"id\":\"%s\",\"reason\":\"x\"", id);
  g_autofree char *payment = NULL;
  g_autofree char *claimed = NULL;
  g_autoptr (RtkTestReply) back = NULL;
  g_autoptr (RtkTestReply) order = NULL;
  g_autoptr (RtkTestReply) queue = NULL;

  rtk_test_counter_init (&desk, NULL);
  if (is_claimed)
    claimed = rtk_test_counter_claim (&desk);
  g_assert_cmpint (count_missing (&desk), ==, 2);
  payment = rtk_test_counter_dup_payment (&desk, desk.order, 0);
  back = rtk_test_counter_call (&desk, desk.supervisor, "POST", body, "/v1/payments/%s/refund",
                                payment);
  rtk_test_assert_status (back, 201);
  order = rtk_test_counter_get_order (&desk, desk.order);
  g_assert_cmpstr (json_object_get_string_member (
                       json_array_get_object_element (
                           json_object_get_array_member (order->json, "submissions"), 0),
                       "state"),
                   ==, "superseded");
  g_assert_cmpint (count_missing (&desk), ==, 3);
  queue = rtk_test_counter_call (&desk, desk.supervisor, "POST", "", "/v1/reviews/claim");
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (queue->json, "items")), ==,
                    0);
}

static void
test_staff_refund_ends (void)
{
  check_photo_ends (FALSE);
  check_photo_ends (TRUE);
}

static RtkTestReply *
withdraw_line (RtkTestCounter *desk)
{
  g_autofree char *number = rtk_test_server_number (0);
  g_autofree char *body = g_strdup_printf ("\"number\":\"%s\"", number);
  g_autoptr (RtkTestReply) found =
      rtk_test_counter_call (desk, desk->supervisor, "POST", body, "/v1/roster/find");
  JsonArray *graduates = json_object_get_array_member (found->json, "graduates");

  return rtk_test_counter_call (
      desk, desk->supervisor, "POST", "\"reason\":\"changed school\"", "/v1/roster/%s/withdraw",
      json_object_get_string_member (json_array_get_object_element (graduates, 0), "id"));
}

/* An order that was paid for again after its money went back goes on. */
static void
test_withdraw_paid_again (void)
{
  g_auto (RtkTestCounter) desk;
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *body = g_strdup_printf ("\"id\":\"%s\",\"reason\":\"x\"", id);
  g_autofree char *submission = NULL;
  g_autoptr (RtkTestReply) cash = NULL;
  g_autoptr (RtkTestReply) open = NULL;
  g_autoptr (RtkTestReply) back = NULL;
  g_autoptr (RtkTestReply) over = NULL;

  rtk_test_counter_init (&desk, RTK_TEST_NO_HOLD);
  submission = rtk_test_counter_decide (&desk, RTK_TEST_REJECTED);
  rtk_test_counter_wait_money (&desk, "refunded", 0, "refunded");
  cash = rtk_test_counter_pay (&desk, desk.operator_token, desk.order, id, RTK_TEST_CASH);
  rtk_test_assert_status (cash, 201);
  open = withdraw_line (&desk);
  rtk_test_assert_problem (open, 409, "order-open");
  back = rtk_test_counter_call (&desk, desk.supervisor, "POST", body, "/v1/payments/%s/refund", id);
  rtk_test_assert_status (back, 201);
  rtk_test_counter_wait_money (&desk, "refunded", 1, "refunded");
  over = withdraw_line (&desk);
  rtk_test_assert_status (over, 204);
}

static char *
find_effect (RtkTestCounter *desk, const char *kind, const char *state)
{
  g_autoptr (RtkTestReply) page =
      rtk_test_counter_call (desk, desk->supervisor, "GET", NULL, "/v1/effects?state=%s", state);
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
  g_auto (RtkTestCounter) desk;
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
  cash = rtk_test_counter_pay (&desk, desk.operator_token, desk.order, cash_id, RTK_TEST_CASH);
  rtk_test_assert_status (cash, 201);
  submission = rtk_test_counter_decide (&desk, RTK_TEST_REJECTED);
  refund = find_effect (&desk, "refund", "due");
  sms = find_effect (&desk, "sms", "due");
  no_right = rtk_test_counter_call (&desk, desk.operator_token, "POST", "\"reference\":\"H-1\"",
                                    "/v1/effects/%s/settle", refund);
  rtk_test_assert_problem (no_right, 403, "forbidden");
  for (guint i = 0; i < 2; i++) {
    g_autoptr (RtkTestReply) settled = rtk_test_counter_call (
        &desk, desk.supervisor, "POST", "\"reference\":\"H-1\"", "/v1/effects/%s/settle", refund);

    rtk_test_assert_status (settled, 200);
    g_assert_cmpstr (rtk_test_reply_text (settled, "state"), ==, "done");
  }
  rtk_test_counter_wait_money (&desk, "refunded", 0, "refunded");
  other = rtk_test_counter_call (&desk, desk.supervisor, "POST", "\"reference\":\"H-2\"",
                                 "/v1/effects/%s/settle", refund);
  rtk_test_assert_problem (other, 409, "effect-over");
  dismissed = rtk_test_counter_call (&desk, desk.supervisor, "POST", "\"reference\":\"told\"",
                                     "/v1/effects/%s/settle", sms);
  rtk_test_assert_status (dismissed, 200);
  g_assert_cmpstr (rtk_test_reply_text (dismissed, "state"), ==, "cancelled");
  /* The money is not here any more. */
  late = rtk_test_counter_call (&desk, desk.supervisor, "POST", NULL, "/v1/reviews/%s/undo",
                                submission);
  rtk_test_assert_problem (late, 409, "too-late");
  rtk_test_server_stop (desk.server);
  rtk_test_counter_assert_detail (&desk, "effect.settle", "kind", "sms");
  rtk_test_counter_assert_detail (&desk, "effect.settle", "reference", "told");
  rtk_test_counter_assert_amount (&desk, "refund.done", 2500);
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
  g_test_add_func ("/server/money/reused-begins", test_reused_begins);
  g_test_add_func ("/server/money/staff-refund", test_staff_refund);
  g_test_add_func ("/server/money/staff-refund-paid", test_staff_refund_paid);
  g_test_add_func ("/server/money/staff-refund-ends", test_staff_refund_ends);
  g_test_add_func ("/server/money/withdraw-paid-again", test_withdraw_paid_again);
  g_test_add_func ("/server/money/by-hand", test_by_hand);
  return g_test_run ();
}
