/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-counter.h"

#include "core/rtk-json.h"
#include "support/rtk-test-database.h"

#include <string.h>

void
rtk_test_counter_init (RtkTestCounter *desk, const char *const *extra)
{
  desk->server = rtk_test_server_new (3, extra);
  desk->order = rtk_test_make_order (desk->server, 0, TRUE);
  desk->account = rtk_test_sign_in_online (desk->server, 0);
  desk->operator_token = rtk_test_sign_in (desk->server, "operator");
  desk->supervisor = rtk_test_sign_in (desk->server, "supervisor");
}

void
rtk_test_counter_clear (RtkTestCounter *desk)
{
  rtk_test_server_free (desk->server);
  g_free (desk->account);
  g_free (desk->operator_token);
  g_free (desk->supervisor);
  g_free (desk->order);
}

RtkTestReply *
rtk_test_counter_call (RtkTestCounter *desk,
                       const char     *token,
                       const char     *method,
                       const char     *body,
                       const char     *format,
                       ...)
{
  g_autofree char *path = NULL;
  g_autofree char *json = body != NULL ? g_strdup_printf ("{%s}", body) : NULL;
  va_list          args;

  va_start (args, format);
  path = g_strdup_vprintf (format, args);
  va_end (args);
  return rtk_test_call (desk->server, token, method, path, json);
}

void
rtk_test_assert_status (RtkTestReply *reply, guint status)
{
  g_assert_cmpuint (reply->status, ==, status);
}

RtkTestReply *
rtk_test_counter_get_order (RtkTestCounter *desk, const char *order)
{
  RtkTestReply *reply =
      rtk_test_counter_call (desk, desk->supervisor, "GET", NULL, "/v1/orders/%s", order);

  rtk_test_assert_status (reply, 200);
  return reply;
}

void
rtk_test_counter_wait_money (RtkTestCounter *desk,
                             const char     *order_payment,
                             guint           index,
                             const char     *state)
{
  for (;;) {
    g_autoptr (RtkTestReply) order = rtk_test_counter_get_order (desk, desk->order);
    JsonArray *payments = json_object_get_array_member (order->json, "payments");

    if ((order_payment == NULL ||
         strcmp (rtk_test_reply_text (order, "payment"), order_payment) == 0) &&
        (state == NULL || strcmp (json_object_get_string_member (
                                      json_array_get_object_element (payments, index), "state"),
                                  state) == 0))
      return;
  }
}

char *
rtk_test_counter_claim (RtkTestCounter *desk)
{
  g_autoptr (RtkTestReply) queue =
      rtk_test_counter_call (desk, desk->supervisor, "POST", "", "/v1/reviews/claim");
  JsonArray *items = json_object_get_array_member (queue->json, "items");

  g_assert_cmpuint (json_array_get_length (items), ==, 1);
  return g_strdup (
      json_object_get_string_member (json_array_get_object_element (items, 0), "submission"));
}

RtkTestReply *
rtk_test_counter_judge (RtkTestCounter *desk,
                        const char     *submission,
                        const char     *action,
                        const char     *rest)
{
  g_autoptr (RtkTestReply) order = rtk_test_counter_get_order (desk, desk->order);
  g_autofree char *body = g_strdup_printf ("\"revision\":%" G_GINT64_FORMAT ",%s",
                                           rtk_test_reply_int (order, "revision"), rest);

  return rtk_test_counter_call (desk, desk->supervisor, "POST", body, "/v1/reviews/%s%s",
                                submission, action);
}

char *
rtk_test_counter_decide (RtkTestCounter *desk, const char *verdict)
{
  char *submission = rtk_test_counter_claim (desk);
  g_autoptr (RtkTestReply) decided = rtk_test_counter_judge (desk, submission, "", verdict);

  rtk_test_assert_status (decided, 200);
  return submission;
}

RtkTestReply *
rtk_test_counter_pay (
    RtkTestCounter *desk, const char *token, const char *order, const char *id, const char *how)
{
  g_autofree char *body = g_strdup_printf ("\"id\":\"%s\",%s", id, how);

  return rtk_test_counter_call (desk, token, "POST", body, "/v1/orders/%s/payments", order);
}

RtkTestReply *
rtk_test_counter_open_order (RtkTestCounter *desk, const char *id)
{
  g_autofree char *body = g_strdup_printf ("\"id\":\"%s\"", id);

  return rtk_test_counter_call (desk, desk->account, "POST", body, "/v1/online/orders");
}

/* The newest entry's detail of a kind, from the database itself. */
static JsonObject *
find_detail (RtkTestCounter *desk, const char *action)
{
  g_autoptr (RtkServerDb) db = rtk_test_open_database (desk->server->folder);
  g_autofree char *detail = rtk_server_db_dup_text (
      db, "SELECT detail FROM audit WHERE action = ? ORDER BY seq DESC LIMIT 1", "s", action);

  g_assert_nonnull (detail);
  return rtk_json_parse_object (detail, -1, NULL);
}

void
rtk_test_counter_assert_detail (RtkTestCounter *desk,
                                const char     *action,
                                const char     *member,
                                const char     *text)
{
  g_autoptr (JsonObject) detail = find_detail (desk, action);

  g_assert_cmpstr (json_object_get_string_member_with_default (detail, member, NULL), ==, text);
}

void
rtk_test_counter_assert_amount (RtkTestCounter *desk, const char *action, gint64 amount_fen)
{
  g_autoptr (JsonObject) detail = find_detail (desk, action);

  g_assert_cmpint (json_object_get_int_member_with_default (detail, "amount_fen", -1), ==,
                   amount_fen);
}

char *
rtk_test_counter_dup_payment (RtkTestCounter *desk, const char *order_id, guint index)
{
  g_autoptr (RtkTestReply) order = rtk_test_counter_get_order (desk, order_id);

  return g_strdup (json_object_get_string_member (
      json_array_get_object_element (json_object_get_array_member (order->json, "payments"), index),
      "id"));
}
