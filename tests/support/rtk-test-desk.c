/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-desk.h"

#include <string.h>

/* Two reviewers and two supervisors beside the three that every test server has. */
static const char *const more_staff[][2] = {{"reviewer2", "reviewer"},
                                            {"supervisor2", "supervisor"}};

static char *
sign_in (RtkTestServer *server, const char *user)
{
  g_autofree char *body =
      g_strdup_printf ("{\"user\":\"%s\",\"password\":\"" RTK_TEST_PASSWORD "\"}", user);
  g_autoptr (RtkTestReply) reply = rtk_test_call (server, NULL, "POST", "/v1/session", body);

  g_assert_cmpuint (reply->status, ==, 201);
  return g_strdup (rtk_test_reply_text (reply, "access_token"));
}

/**
 * rtk_test_desk_init:
 * @desk: set here
 * @extra: (nullable): arguments of the server
 *
 * Starts a server with two reviewers and two supervisors, who are signed in.
 */
void
rtk_test_desk_init (RtkTestDesk *desk, const char *const *extra)
{
  memset (desk, 0, sizeof *desk);
  desk->server = rtk_test_server_new (40, extra);
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

/**
 * rtk_test_desk_clear:
 * @desk: a desk
 *
 * Stops its server and checks the audit log.
 */
void
rtk_test_desk_clear (RtkTestDesk *desk)
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

/**
 * rtk_test_desk_pay:
 * @desk: a desk
 *
 * Makes one more graduate whose photo waits.
 */
void
rtk_test_desk_pay (RtkTestDesk *desk)
{
  g_free (desk->order);
  desk->order = rtk_test_make_order (desk->server, desk->n++, TRUE);
}

/**
 * rtk_test_desk_claim:
 * @desk: a desk
 * @token: of a reviewer
 * @body: of the claim
 *
 * Returns: (transfer full): the answer, which is 200
 */
RtkTestReply *
rtk_test_desk_claim (RtkTestDesk *desk, const char *token, const char *body)
{
  RtkTestReply *reply = rtk_test_call (desk->server, token, "POST", "/v1/reviews/claim", body);

  g_assert_cmpuint (reply->status, ==, 200);
  return reply;
}

/**
 * rtk_test_count_items:
 * @reply: answer to a claim
 *
 * Returns: how many items it has
 */
guint
rtk_test_count_items (RtkTestReply *reply)
{
  return json_array_get_length (json_object_get_array_member (reply->json, "items"));
}

/**
 * rtk_test_get_item:
 * @reply: answer to a claim
 * @index: of an item
 *
 * Returns: (transfer none): the item
 */
JsonObject *
rtk_test_get_item (RtkTestReply *reply, guint index)
{
  g_assert_cmpuint (rtk_test_count_items (reply), >, index);
  return json_array_get_object_element (json_object_get_array_member (reply->json, "items"), index);
}

/**
 * rtk_test_desk_act:
 * @desk: a desk
 * @token: of a reviewer
 * @item: of a claim
 * @what: end of the path
 * @body: (nullable): of the call
 *
 * POST /v1/reviews/{submission of @item}@what.
 *
 * Returns: (transfer full): the answer
 */
RtkTestReply *
rtk_test_desk_act (
    RtkTestDesk *desk, const char *token, JsonObject *item, const char *what, const char *body)
{
  g_autofree char *path =
      g_strconcat ("/v1/reviews/", json_object_get_string_member (item, "submission"), what, NULL);

  return rtk_test_call (desk->server, token, "POST", path, body);
}

/**
 * rtk_test_desk_decide:
 * @desk: a desk
 * @token: of a reviewer
 * @item: of a claim
 * @reasons: (nullable): JSON strings with commas; %NULL = approved
 *
 * Returns: (transfer full): the answer to the verdict
 */
RtkTestReply *
rtk_test_desk_decide (RtkTestDesk *desk, const char *token, JsonObject *item, const char *reasons)
{
  JsonObject      *order = json_object_get_object_member (item, "order");
  g_autofree char *body = g_strdup_printf (
      "{\"verdict\":\"%s\",\"revision\":%" G_GINT64_FORMAT ",\"reasons\":[%s]}",
      reasons != NULL ? "rejected" : "approved", json_object_get_int_member (order, "revision"),
      reasons != NULL ? reasons : "");

  return rtk_test_desk_act (desk, token, item, "", body);
}

/**
 * rtk_test_newest:
 * @order: an order
 *
 * Returns: (transfer none): its newest submission
 */
JsonObject *
rtk_test_newest (JsonObject *order)
{
  return json_array_get_object_element (json_object_get_array_member (order, "submissions"), 0);
}

/**
 * rtk_test_assert_state:
 * @reply: an order
 * @state: of its newest submission
 * @reasons: codes with commas
 *
 * Asserts that it is so.
 */
void
rtk_test_assert_state (RtkTestReply *reply, const char *state, const char *reasons)
{
  JsonArray *array;
  g_autoptr (GString) text = g_string_new (NULL);

  g_assert_cmpuint (reply->status, ==, 200);
  array = json_object_get_array_member (rtk_test_newest (reply->json), "reasons");
  for (guint i = 0; i < json_array_get_length (array); i++)
    g_string_append_printf (text, "%s%s", i > 0 ? "," : "",
                            json_array_get_string_element (array, i));
  g_assert_cmpstr (json_object_get_string_member (rtk_test_newest (reply->json), "state"), ==,
                   state);
  g_assert_cmpstr (text->str, ==, reasons);
}

/**
 * rtk_test_desk_get_order:
 * @desk: a desk
 *
 * Returns: (transfer full): the order that was paid last, as a supervisor sees it
 */
RtkTestReply *
rtk_test_desk_get_order (RtkTestDesk *desk)
{
  g_autofree char *path = g_strconcat ("/v1/orders/", desk->order, NULL);

  return rtk_test_call (desk->server, desk->supervisor, "GET", path, NULL);
}
