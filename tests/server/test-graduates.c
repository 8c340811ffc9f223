/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-database.h"
#include "support/rtk-test-server.h"

#include <string.h>

/* What stations and reviewers hear of a graduate who binds, is freed, or takes a consent back, and
 * who waits for those who look for one. */

static const char *const one_reader[] = {"--readers", "1", NULL};
static const char *const all_gold[] = {"--sample-percent", "0", "--gold-percent", "100", NULL};
static const char *const strict[] = {"--sample-percent",  "0", "--gold-percent", "100",
                                     "--require-consent", NULL};

static RtkTestReply *
call (RtkTestServer *server,
      const char    *token,
      const char    *method,
      const char    *path,
      const char    *body,
      guint          status)
{
  RtkTestReply *reply = rtk_test_call (server, token, method, path, body);

  g_assert_cmpuint (reply->status, ==, status);
  return reply;
}

static JsonObject *
get_first (RtkTestReply *reply, const char *list)
{
  return json_array_get_object_element (json_object_get_array_member (reply->json, list), 0);
}

/* Reads the feed from @cursor on, which moves: how many orders changed. */
static guint
count_changes (RtkTestServer *server, const char *token, char **cursor)
{
  g_autofree char *path = g_strconcat ("/v1/changes?since=", *cursor, NULL);
  g_autoptr (RtkTestReply) reply = call (server, token, "GET", path, NULL, 200);

  g_free (*cursor);
  *cursor = g_strdup (rtk_test_reply_text (reply, "cursor"));
  return json_array_get_length (json_object_get_array_member (reply->json, "orders"));
}

/* A station matches a code by the digest in the order: it must hear of it. */
static void
test_bound (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (1, NULL);
  g_autofree char *desk = rtk_test_sign_in (server, "operator");
  g_autofree char *number = rtk_test_server_number (0);
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *walk_in = g_strdup_printf ("{\"id\":\"%s\",\"number\":\"%s\"}", id, number);
  g_autofree char *cursor = g_strdup ("");
  g_autofree char *account = NULL;
  g_autofree char *freed = NULL;
  g_autofree char *search = g_strdup_printf ("{\"number\":\"%s\"}", number);
  g_autoptr (RtkTestReply) made = call (server, desk, "POST", "/v1/orders", walk_in, 201);
  g_autoptr (RtkTestReply) found = NULL;
  g_autoptr (RtkTestReply) gone = NULL;

  g_assert_cmpuint (count_changes (server, desk, &cursor), ==, 1);
  account = rtk_test_sign_up (server, 0);
  g_assert_cmpuint (count_changes (server, desk, &cursor), ==, 1);
  found = call (server, desk, "POST", "/v1/roster/find", search, 200);
  freed = g_strdup_printf ("/v1/roster/%s/code",
                           json_object_get_string_member (get_first (found, "graduates"), "id"));
  gone = call (server, desk, "POST", freed, "{\"unbind\":true}", 200);
  g_assert_cmpuint (count_changes (server, desk, &cursor), ==, 1);
}

static void
set_consent (RtkTestServer *server, guint index, gboolean given)
{
  g_autofree char *account = rtk_test_sign_in_online (server, index);
  g_autofree char *body =
      g_strdup_printf ("{\"version\":\"1\",\"given\":%s}", given ? "true" : "false");
  g_autoptr (RtkTestReply) reply = call (server, account, "POST", "/v1/online/consent", body, 200);
}

static void
restart (RtkTestServer *server, const char *const *extra)
{
  rtk_test_server_stop (server);
  g_strfreev (server->extra);
  server->extra = g_strdupv ((char **)extra);
  rtk_test_server_start (server);
}

/* After a withdrawal nobody is shown the photo, not even as gold, and no verdict changes. */
static void
test_withdrawn (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (2, all_gold);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *reviewer = rtk_test_sign_in (server, "reviewer");
  g_autofree char *first = rtk_test_make_order (server, 0, TRUE);
  g_autofree char *second = NULL;
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *again = rtk_test_new_id ();
  g_autoptr (RtkTestReply) claimed =
      call (server, boss, "POST", "/v1/reviews/claim", "{\"count\":5}", 200);
  JsonObject      *item = get_first (claimed, "items");
  const char      *submission = json_object_get_string_member (item, "submission");
  g_autofree char *path = g_strconcat ("/v1/reviews/", submission, NULL);
  g_autofree char *correction = g_strconcat (path, "/correction", NULL);
  g_autofree char *order_path = g_strconcat (
      "/v1/orders/",
      json_object_get_string_member (json_object_get_object_member (item, "order"), "id"), NULL);
  g_autofree char *verdict = g_strdup_printf (
      "{\"verdict\":\"approved\",\"revision\":%d}",
      (int)json_object_get_int_member (json_object_get_object_member (item, "order"), "revision"));
  g_autofree char *gold = g_strdup_printf (
      "{\"id\":\"%s\",\"submission\":\"%s\",\"verdict\":\"approved\"}", id, submission);
  g_autofree char *corrected = NULL;
  g_autoptr (RtkTestReply) done = call (server, boss, "POST", path, verdict, 200);
  g_autoptr (RtkTestReply) added = call (server, boss, "POST", "/v1/gold", gold, 201);
  g_autoptr (RtkTestReply) order = NULL;
  g_autoptr (RtkTestReply) late = NULL;
  g_autoptr (RtkTestReply) seen = NULL;

  second = rtk_test_make_order (server, 1, TRUE);
  set_consent (server, 0, TRUE);
  set_consent (server, 0, FALSE);
  set_consent (server, 1, TRUE);
  restart (server, strict);
  seen = call (server, reviewer, "POST", "/v1/reviews/claim", "{\"count\":5}", 200);
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (seen->json, "items")), ==,
                    1);
  order = call (server, boss, "GET", order_path, NULL, 200);
  corrected = g_strdup_printf ("{\"id\":\"%s\",\"verdict\":\"rejected\",\"reasons\":[\"blur\"],"
                               "\"reason\":\"late\",\"revision\":%d}",
                               again, (int)rtk_test_reply_int (order, "revision"));
  late = rtk_test_call (server, boss, "POST", correction, corrected);
  rtk_test_assert_problem (late, 409, "consent-missing");
}

static GSocketConnection *
begin_search (RtkTestServer *server, const char *token, const char *number)
{
  g_autoptr (GUri) uri = g_uri_parse (server->url, G_URI_FLAGS_NONE, NULL);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autofree char *request = g_strdup_printf (
      "POST /v1/roster/find HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
      "Content-Type: application/json\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n"
      "{\"number\":\"%s\"}",
      token, strlen (number) + strlen ("{\"number\":\"\"}"), number);
  GSocketConnection *connection = g_socket_client_connect_to_host (
      client, "127.0.0.1", (guint16)g_uri_get_port (uri), NULL, NULL);

  g_assert_nonnull (connection);
  g_assert_true (
      g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (connection)), request,
                                 strlen (request), NULL, NULL, NULL));
  return connection;
}

/* Searches are written down, which waits for who writes: nobody who reads waits with them. */
static void
test_searches (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (1, one_reader);
  g_autofree char *desk = rtk_test_sign_in (server, "operator");
  g_autofree char *number = rtk_test_server_number (0);
  g_autoptr (RtkServerDb) db = rtk_test_open_database (server->folder);
  GSocketConnection *searches[3];
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkTestReply) read = NULL;

  g_assert_true (rtk_server_db_begin (db, TRUE, &error));
  for (guint i = 0; i < G_N_ELEMENTS (searches); i++)
    searches[i] = begin_search (server, desk, number);
  /* It came after them; behind them it would be answered when they have given up. */
  read = call (server, desk, "GET", "/v1/schools", NULL, 200);
  rtk_server_db_rollback (db);
  for (guint i = 0; i < G_N_ELEMENTS (searches); i++) {
    char answer[16] = "";

    g_assert_cmpint (g_input_stream_read (g_io_stream_get_input_stream (G_IO_STREAM (searches[i])),
                                          answer, 12, NULL, &error),
                     ==, 12);
    g_assert_cmpstr (answer, ==, "HTTP/1.1 200");
    g_object_unref (searches[i]);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/graduates/bound", test_bound);
  g_test_add_func ("/server/graduates/withdrawn", test_withdrawn);
  g_test_add_func ("/server/graduates/searches", test_searches);
  return g_test_run ();
}
