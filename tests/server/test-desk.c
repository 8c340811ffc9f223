/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-database.h"
#include "support/rtk-test-server.h"

#include <string.h>

/* What the desk and supervisors put right: accounts nobody gets into, lines that were wrong. */

#define PHONE "10099990000" /* of rtk_test_sign_up (server, 0) */
#define REASON "\"reason\":\"identity checked\""

static const char *const no_chance[] = {"--sample-percent", "0", "--gold-percent", "0", NULL};

static guint
get_status (RtkTestServer *server,
            const char    *token,
            const char    *method,
            const char    *path,
            const char    *body)
{
  g_autoptr (RtkTestReply) reply = rtk_test_call (server, token, method, path, body);

  return reply->status;
}

static char *
find_graduate (RtkTestServer *server, const char *desk, guint index)
{
  g_autofree char *number = rtk_test_server_number (index);
  g_autofree char *body = g_strdup_printf ("{\"number\":\"%s\"}", number);
  g_autoptr (RtkTestReply) reply = rtk_test_call (server, desk, "POST", "/v1/roster/find", body);

  g_assert_cmpuint (reply->status, ==, 200);
  return g_strdup (json_object_get_string_member (
      json_array_get_object_element (json_object_get_array_member (reply->json, "graduates"), 0),
      "id"));
}

static guint
find_by_number (RtkTestServer *server, const char *desk, const char *number)
{
  g_autofree char *body = g_strdup_printf ("{\"number\":\"%s\"}", number);

  return get_status (server, desk, "POST", "/v1/roster/find", body);
}

static RtkTestReply *
sign_in (RtkTestServer *server, const char *password)
{
  g_autofree char *body =
      g_strdup_printf ("{\"phone\":\"" PHONE "\",\"password\":\"%s\"}", password);

  return rtk_test_call (server, NULL, "POST", "/v1/online/session", body);
}

static guint
try_sign_in (RtkTestServer *server, const char *password)
{
  g_autoptr (RtkTestReply) reply = sign_in (server, password);

  return reply->status;
}

static gint64
count_audit (RtkTestServer *server, const char *action)
{
  g_autoptr (RtkServerDb) db = rtk_test_open_database (server->folder);

  return rtk_server_db_get_int (db, -1, "SELECT count (*) FROM audit WHERE action = ?", "s",
                                action);
}

static RtkTestReply *
reset (RtkTestServer *server, const char *desk, const char *roster)
{
  g_autofree char *body =
      g_strdup_printf ("{\"phone\":\"+86 " PHONE "\",\"roster\":\"%s\"," REASON "}", roster);

  return rtk_test_call (server, desk, "POST", "/v1/accounts/reset", body);
}

/* Who forgot the password gets one at the desk, for nothing but to choose another one with. */
static void
test_reset (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (2, no_chance);
  g_autofree char *desk = rtk_test_sign_in (server, "operator");
  g_autofree char *before = rtk_test_sign_up (server, 0);
  g_autofree char *roster = find_graduate (server, desk, 0);
  g_autofree char *other = find_graduate (server, desk, 1);
  g_autofree char *change = NULL;
  const char      *token;
  g_autoptr (RtkTestReply) wrong = reset (server, desk, other);
  g_autoptr (RtkTestReply) good = NULL;
  g_autoptr (RtkTestReply) session = NULL;
  g_autoptr (RtkTestReply) closed = NULL;
  g_autoptr (RtkTestReply) after = NULL;

  rtk_test_assert_problem (wrong, 409, "other-graduate");
  /* It told that the phone has an account: written down, beside the two searches. */
  g_assert_cmpint (count_audit (server, "roster.search"), ==, 3);
  g_assert_cmpuint (get_status (server, before, "GET", "/v1/online/orders", NULL), ==, 200);
  good = reset (server, desk, roster);
  g_assert_cmpuint (good->status, ==, 200);
  g_assert_cmpuint (get_status (server, before, "GET", "/v1/online/orders", NULL), ==, 401);
  g_assert_cmpuint (try_sign_in (server, RTK_TEST_PASSWORD), ==, 401);
  session = sign_in (server, rtk_test_reply_text (good, "password"));
  g_assert_cmpuint (session->status, ==, 201);
  g_assert_true (json_object_get_boolean_member (session->json, "must_change"));
  token = rtk_test_reply_text (session, "access_token");
  closed = rtk_test_call (server, token, "GET", "/v1/online/orders", NULL);
  rtk_test_assert_problem (closed, 403, "must-change");
  change = g_strdup_printf ("{\"password\":\"%s\",\"new_password\":\"quite another one\"}",
                            rtk_test_reply_text (good, "password"));
  g_assert_cmpuint (get_status (server, token, "POST", "/v1/session/password", change), ==, 204);
  g_assert_cmpuint (get_status (server, token, "GET", "/v1/online/orders", NULL), ==, 200);
  g_assert_cmpuint (try_sign_in (server, rtk_test_reply_text (good, "password")), ==, 401);
  after = sign_in (server, "quite another one");
  g_assert_cmpuint (after->status, ==, 201);
  g_assert_false (json_object_get_boolean_member (after->json, "must_change"));
  g_assert_cmpint (count_audit (server, "account.reset"), ==, 1);
}

/* A password on a slip of paper is not for ever. */
static void
test_reset_ends (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (1, no_chance);
  g_autofree char *desk = rtk_test_sign_in (server, "operator");
  g_autofree char *account = rtk_test_sign_up (server, 0);
  g_autofree char *roster = find_graduate (server, desk, 0);
  g_autoptr (RtkTestReply) good = reset (server, desk, roster);
  g_autoptr (RtkServerDb) db = rtk_test_open_database (server->folder);
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (good->status, ==, 200);
  g_assert_true (rtk_server_db_run (db, &error, "UPDATE accounts SET password_until = 1", ""));
  g_assert_no_error (error);
  g_assert_cmpuint (try_sign_in (server, rtk_test_reply_text (good, "password")), ==, 401);
}

/* The number was registered by somebody else. */
static void
test_release (void)
{
  static const char body[] = "{\"phone\":\"" PHONE "\"," REASON "}";
  static const char unknown[] = "{\"phone\":\"10012345678\"," REASON "}";
  g_autoptr (RtkTestServer) server = rtk_test_server_new (1, no_chance);
  g_autofree char *desk = rtk_test_sign_in (server, "operator");
  g_autofree char *order = rtk_test_make_order (server, 0, TRUE);
  g_autofree char *stranger = rtk_test_sign_in_online (server, 0);
  g_autofree char *mine = NULL;
  g_autoptr (RtkTestReply) list = NULL;

  g_assert_cmpuint (get_status (server, desk, "POST", "/v1/accounts/release", unknown), ==, 404);
  g_assert_cmpint (count_audit (server, "roster.search"), ==, 1);
  g_assert_cmpuint (get_status (server, desk, "POST", "/v1/accounts/release", body), ==, 204);
  g_assert_cmpuint (get_status (server, stranger, "GET", "/v1/online/orders", NULL), ==, 401);
  g_assert_cmpuint (try_sign_in (server, RTK_TEST_PASSWORD), ==, 401);
  g_assert_cmpint (count_audit (server, "account.release"), ==, 1);
  mine = rtk_test_sign_up (server, 0);
  list = rtk_test_call (server, mine, "GET", "/v1/online/orders", NULL);
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (list->json, "orders")), ==,
                    1);
}

static RtkTestReply *
change_number (RtkTestServer *server, const char *token, const char *roster, const char *number)
{
  g_autofree char *path = g_strconcat ("/v1/roster/", roster, NULL);
  g_autofree char *body =
      g_strdup_printf ("{\"number\":\"%s\",\"reason\":\"a digit was wrong\"}", number);

  return rtk_test_call (server, token, "PATCH", path, body);
}

static void
test_number (void)
{
  static const char right[] = "320199190001017777";
  g_autoptr (RtkTestServer) server = rtk_test_server_new (2, no_chance);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *desk = rtk_test_sign_in (server, "operator");
  g_autofree char *roster = find_graduate (server, desk, 0);
  g_autofree char *old = rtk_test_server_number (0);
  g_autofree char *of_other = rtk_test_server_number (1);
  g_autoptr (RtkTestReply) forbidden = change_number (server, desk, roster, right);
  g_autoptr (RtkTestReply) taken = change_number (server, boss, roster, of_other);
  g_autoptr (RtkTestReply) changed = change_number (server, boss, roster, right);

  rtk_test_assert_problem (forbidden, 403, "forbidden");
  rtk_test_assert_problem (taken, 409, "number-taken");
  g_assert_cmpuint (changed->status, ==, 200);
  g_assert_cmpuint (find_by_number (server, desk, old), ==, 404);
  g_assert_cmpuint (find_by_number (server, desk, right), ==, 200);
  g_assert_cmpint (count_audit (server, "roster.number"), ==, 1);
}

/* How many of the one batch are expected, and how many are missing. */
static void
assert_expected (RtkTestServer *server, const char *token, gint64 expected, gint64 missing)
{
  g_autoptr (RtkTestReply) reply = rtk_test_call (server, token, "GET", "/v1/batches", NULL);
  JsonObject *batch =
      json_array_get_object_element (json_object_get_array_member (reply->json, "batches"), 0);
  JsonObject      *progress = json_object_get_object_member (batch, "progress");
  g_autofree char *path =
      g_strdup_printf ("/v1/batches/%s/missing", json_object_get_string_member (batch, "id"));
  g_autoptr (RtkTestReply) list = rtk_test_call (server, token, "GET", path, NULL);

  g_assert_cmpint (json_object_get_int_member (progress, "expected"), ==, expected);
  g_assert_cmpint (json_object_get_int_member (progress, "missing"), ==, missing);
  g_assert_cmpint (json_array_get_length (json_object_get_array_member (list->json, "graduates")),
                   ==, missing);
}

/* Nobody is expected under a line that was withdrawn; what is over keeps it. */
static void
test_withdraw (void)
{
  static const char reason[] = "{\"reason\":\"changed school\"}";
  g_autoptr (RtkTestServer) server = rtk_test_server_new (2, no_chance);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *order = rtk_test_make_order (server, 0, FALSE);
  g_autofree char *roster = find_graduate (server, boss, 0);
  g_autofree char *path = g_strdup_printf ("/v1/roster/%s/withdraw", roster);
  g_autofree char *order_path = g_strconcat ("/v1/orders/", order, NULL);
  g_autofree char *number = rtk_test_server_number (0);
  g_autofree char *line =
      g_strdup_printf ("school,batch,name,number\n示例大学,2026,王小明,%s\n", number);
  g_autoptr (GBytes) csv = g_bytes_new (line, strlen (line));
  g_autoptr (RtkTestReply) open = rtk_test_call (server, boss, "POST", path, reason);
  g_autoptr (RtkTestReply) again = NULL;

  rtk_test_assert_problem (open, 409, "order-open");
  assert_expected (server, boss, 2, 1);
  rtk_test_server_stop (server);
  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, NULL, "close-unpaid", "--now",
                                            "2099-01-01T00:00:00Z", NULL),
                   ==, 0);
  rtk_test_server_start (server);
  assert_expected (server, boss, 2, 2);
  g_assert_cmpuint (get_status (server, boss, "POST", path, reason), ==, 204);
  g_assert_cmpuint (get_status (server, boss, "POST", path, reason), ==, 404);
  assert_expected (server, boss, 1, 1);
  g_assert_cmpuint (find_by_number (server, boss, number), ==, 404);
  g_assert_cmpuint (get_status (server, boss, "GET", order_path, NULL), ==, 200);
  g_assert_cmpint (count_audit (server, "roster.withdraw"), ==, 1);
  again = rtk_test_call_raw (server, boss, "POST", "/v1/roster", "text/csv", csv, NULL);
  g_assert_cmpint (rtk_test_reply_int (again, "new"), ==, 1);
  assert_expected (server, boss, 2, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/desk/reset", test_reset);
  g_test_add_func ("/server/desk/reset-ends", test_reset_ends);
  g_test_add_func ("/server/desk/release", test_release);
  g_test_add_func ("/server/desk/number", test_number);
  g_test_add_func ("/server/desk/withdraw", test_withdraw);
  return g_test_run ();
}
