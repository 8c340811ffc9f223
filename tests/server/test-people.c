/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/rtk-server-keys.h"
#include "support/rtk-test-database.h"
#include "support/rtk-test-server.h"

#include <string.h>

/* Who a graduate is to the server: accounts, codes, telephone numbers, and who may look for them.
 */

static const char *const no_chance[] = {"--sample-percent", "0", "--gold-percent", "0", NULL};

static char *
make_account (RtkTestServer *server, const char *phone)
{
  g_autofree char *body =
      g_strdup_printf ("{\"phone\":\"%s\",\"password\":\"" RTK_TEST_PASSWORD "\"}", phone);
  g_autoptr (RtkTestReply) reply =
      rtk_test_call (server, NULL, "POST", "/v1/online/accounts", body);

  g_assert_cmpuint (reply->status, ==, 201);
  return g_strdup (rtk_test_reply_text (reply, "access_token"));
}

static RtkTestReply *
bind (RtkTestServer *server, const char *account, guint index)
{
  g_autofree char *code = rtk_test_server_code (index);
  g_autofree char *body = g_strdup_printf ("{\"code\":\"%s\"}", code);

  return rtk_test_call (server, account, "POST", "/v1/online/codes", body);
}

/* The roster's id of graduate @index, as the desk finds it. */
static char *
find_graduate (RtkTestServer *server, const char *desk, guint index)
{
  g_autofree char *code = rtk_test_server_code (index);
  g_autofree char *body = g_strdup_printf ("{\"code\":\"%s\"}", code);
  g_autoptr (RtkTestReply) reply = rtk_test_call (server, desk, "POST", "/v1/roster/find", body);

  g_assert_cmpuint (reply->status, ==, 200);
  return g_strdup (json_object_get_string_member (
      json_array_get_object_element (json_object_get_array_member (reply->json, "graduates"), 0),
      "id"));
}

static void
change_code (RtkTestServer *server, const char *desk, const char *roster, const char *body)
{
  g_autofree char *path = g_strdup_printf ("/v1/roster/%s/code", roster);
  g_autoptr (RtkTestReply) reply = rtk_test_call (server, desk, "POST", path, body);

  g_assert_cmpuint (reply->status, ==, 200);
}

static guint
count_orders (RtkTestServer *server, const char *account)
{
  g_autoptr (RtkTestReply) reply =
      rtk_test_call (server, account, "GET", "/v1/online/orders", NULL);

  g_assert_cmpuint (reply->status, ==, 200);
  return json_array_get_length (json_object_get_array_member (reply->json, "orders"));
}

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

/* The photo of the order's one submission. */
static char *
get_photo (RtkTestServer *server, const char *token, const char *order)
{
  g_autofree char *path = g_strconcat ("/v1/orders/", order, NULL);
  g_autoptr (RtkTestReply) reply = rtk_test_call (server, token, "GET", path, NULL);

  g_assert_cmpuint (reply->status, ==, 200);
  return g_strdup (json_object_get_string_member (
      json_array_get_object_element (json_object_get_array_member (reply->json, "submissions"), 0),
      "original"));
}

static gboolean
has_consent (RtkTestServer *server, const char *token, const char *order)
{
  g_autofree char *path = g_strconcat ("/v1/orders/", order, NULL);
  g_autoptr (RtkTestReply) reply = rtk_test_call (server, token, "GET", path, NULL);

  return !json_object_get_null_member (json_object_get_object_member (reply->json, "subject"),
                                       "consent");
}

/* Whoever typed somebody else's code loses all of them to whom it is. */
static void
test_freed (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (2, no_chance);
  g_autofree char *desk = rtk_test_sign_in (server, "operator");
  g_autofree char *order = rtk_test_make_order (server, 0, TRUE);
  g_autofree char *wrong = rtk_test_sign_in_online (server, 0);
  g_autofree char *right = make_account (server, "10099980001");
  g_autofree char *roster = find_graduate (server, desk, 0);
  g_autofree char *photo = get_photo (server, desk, order);
  g_autofree char *path = g_strconcat ("/v1/online/orders/", order, NULL);
  g_autofree char *photo_path = g_strdup_printf ("%s/photos/%s", path, photo);
  g_autofree char *refund = g_strconcat (path, "/refund", NULL);
  g_autofree char *print = g_strconcat (path, "/print", NULL);
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *new_body = g_strdup_printf ("{\"id\":\"%s\"}", id);
  g_autofree char *print_body =
      g_strdup_printf ("{\"id\":\"%s\",\"address\":\"1 Example Road\"}", id);
  g_autoptr (RtkTestReply) early = bind (server, right, 0);
  g_autoptr (RtkTestReply) back = NULL;
  g_autoptr (RtkTestReply) bound = NULL;
  g_autoptr (RtkTestReply) open = NULL;

  rtk_test_assert_problem (early, 404, "not-on-roster");
  g_assert_cmpuint (get_status (server, wrong, "POST", "/v1/online/consent",
                                "{\"version\":\"1\",\"given\":true}"),
                    ==, 200);
  g_assert_true (has_consent (server, desk, order));
  change_code (server, desk, roster, "{\"unbind\":true}");
  g_assert_false (has_consent (server, desk, order));
  g_assert_cmpuint (count_orders (server, wrong), ==, 0);
  g_assert_cmpuint (get_status (server, wrong, "GET", path, NULL), ==, 404);
  g_assert_cmpuint (get_status (server, wrong, "GET", photo_path, NULL), ==, 404);
  g_assert_cmpuint (get_status (server, wrong, "POST", refund, new_body), ==, 404);
  g_assert_cmpuint (get_status (server, wrong, "POST", print, print_body), ==, 404);
  back = bind (server, wrong, 0);
  rtk_test_assert_problem (back, 404, "not-on-roster");
  bound = bind (server, right, 0);
  g_assert_cmpuint (bound->status, ==, 200);
  g_assert_cmpuint (count_orders (server, right), ==, 1);
  g_assert_cmpuint (get_status (server, right, "GET", photo_path, NULL), ==, 200);
  open = rtk_test_call (server, right, "POST", "/v1/online/orders", new_body);
  rtk_test_assert_problem (open, 409, "order-open");
  g_assert_cmpuint (get_status (server, right, "POST", refund, new_body), ==, 201);
}

/* The desk freed the wrong one: it can say so. */
static void
test_let_back (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (1, no_chance);
  g_autofree char *desk = rtk_test_sign_in (server, "operator");
  g_autofree char *order = rtk_test_make_order (server, 0, FALSE);
  g_autofree char *account = rtk_test_sign_in_online (server, 0);
  g_autofree char *roster = find_graduate (server, desk, 0);
  g_autoptr (RtkTestReply) barred = NULL;
  g_autoptr (RtkTestReply) bound = NULL;

  change_code (server, desk, roster, "{\"unbind\":true}");
  barred = bind (server, account, 0);
  rtk_test_assert_problem (barred, 404, "not-on-roster");
  change_code (server, desk, roster, "{\"let_back\":true}");
  bound = bind (server, account, 0);
  g_assert_cmpuint (bound->status, ==, 200);
  g_assert_cmpuint (count_orders (server, account), ==, 1);
}

static void
walk_in (RtkTestServer *server, const char *desk, guint index)
{
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *number = rtk_test_server_number (index);
  g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\",\"number\":\"%s\"}", id, number);

  g_assert_cmpuint (get_status (server, desk, "POST", "/v1/orders", body), ==, 201);
}

/* An order that was opened at the desk is the account's that the graduate has, or gets. */
static void
test_walk_in (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (2, no_chance);
  g_autofree char *desk = rtk_test_sign_in (server, "operator");
  g_autofree char *before = rtk_test_sign_up (server, 0);
  g_autofree char *after = NULL;

  walk_in (server, desk, 0);
  g_assert_cmpuint (count_orders (server, before), ==, 1);
  walk_in (server, desk, 1);
  after = rtk_test_sign_up (server, 1);
  g_assert_cmpuint (count_orders (server, after), ==, 1);
  g_assert_cmpuint (count_orders (server, before), ==, 1);
}

static gint64
count_searches (RtkTestServer *server, const char *detail)
{
  g_autoptr (RtkServerDb) db = rtk_test_open_database (server->folder);

  return rtk_server_db_get_int (
      db, -1, "SELECT count (*) FROM audit WHERE action = 'roster.search' AND detail = ?", "s",
      detail);
}

static RtkTestReply *
find (RtkTestServer *server, const char *token, const char *member, const char *value)
{
  g_autofree char *body = g_strdup_printf ("{\"%s\":\"%s\"}", member, value);

  return rtk_test_call (server, token, "POST", "/v1/roster/find", body);
}

static void
assert_waits (RtkTestReply *reply)
{
  rtk_test_assert_problem (reply, 429, "locked-out");
  g_assert_cmpint (g_ascii_strtoll (g_hash_table_lookup (reply->headers, "retry-after"), NULL, 10),
                   >, 0);
}

/* Nobody completes a masked number by trying: after ten that are nobody's there is a wait, at both
 * places that take numbers, and all of it is seen. */
static void
test_guesses (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (2, no_chance);
  g_autofree char *desk = rtk_test_sign_in (server, "operator");
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *number = rtk_test_server_number (0);
  g_autofree char *code = rtk_test_server_code (0);
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *guess = g_strdup_printf ("{\"id\":\"%s\",\"number\":\"320199190001019\"}", id);
  g_autofree char *order = g_strdup_printf ("{\"id\":\"%s\",\"number\":\"%s\"}", id, number);
  g_autoptr (RtkTestReply) hit = find (server, desk, "number", number);
  g_autoptr (RtkTestReply) closed = NULL;
  g_autoptr (RtkTestReply) closed_order = NULL;
  g_autoptr (RtkTestReply) by_code = NULL;
  g_autoptr (RtkTestReply) of_other = NULL;

  g_assert_cmpuint (hit->status, ==, 200);
  for (guint i = 0; i < 9; i++) {
    g_autofree char *wrong = g_strdup_printf ("3201991900010%05u", i);
    g_autoptr (RtkTestReply) reply = find (server, desk, "number", wrong);

    rtk_test_assert_problem (reply, 404, "not-found");
  }
  g_assert_cmpuint (get_status (server, desk, "POST", "/v1/orders", guess), ==, 404);
  closed = find (server, desk, "number", number);
  assert_waits (closed);
  closed_order = rtk_test_call (server, desk, "POST", "/v1/orders", order);
  assert_waits (closed_order);
  by_code = find (server, desk, "code", code);
  g_assert_cmpuint (by_code->status, ==, 200);
  of_other = find (server, boss, "number", number);
  g_assert_cmpuint (of_other->status, ==, 200);
  g_assert_cmpint (count_searches (server, "{\"by\":\"number\",\"found\":0}"), ==, 10);
  g_assert_cmpint (count_searches (server, "{\"by\":\"number\",\"found\":1}"), ==, 2);
}

/* An order that is open tells as much as one that can be opened. */
static void
test_searches_by_order (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (1, no_chance);
  g_autofree char *desk = rtk_test_sign_in (server, "operator");
  g_autofree char *number = rtk_test_server_number (0);
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\",\"number\":\"%s\"}", id, number);

  walk_in (server, desk, 0);
  g_assert_cmpuint (get_status (server, desk, "POST", "/v1/orders", body), ==, 409);
  g_assert_cmpint (count_searches (server, "{\"by\":\"number\",\"found\":1}"), ==, 2);
}

static guint
sign_in (RtkTestServer *server, const char *phone, const char *password)
{
  g_autofree char *body =
      g_strdup_printf ("{\"phone\":\"%s\",\"password\":\"%s\"}", phone, password);

  return get_status (server, NULL, "POST", "/v1/online/session", body);
}

/* A telephone number has one account, and one count of wrong passwords, however it is typed. */
static void
test_phones (void)
{
  static const char *const same[] = {"10099980001", "+8610099980001", "008610099980001",
                                     "8610099980001", "100-9998 0001"};
  static const char *const wrong[] = {"+++++", "1009998+0001", "++8610099980001", "1234",
                                      "tel 12345"};
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *first = make_account (server, "+86 10099980001");
  g_autofree char *abroad = make_account (server, "0010099980001");

  for (guint i = 0; i < G_N_ELEMENTS (same); i++) {
    g_autofree char *body =
        g_strdup_printf ("{\"phone\":\"%s\",\"password\":\"" RTK_TEST_PASSWORD "\"}", same[i]);

    g_test_message ("spelling %u", i);
    g_assert_cmpuint (sign_in (server, same[i], RTK_TEST_PASSWORD), ==, 201);
    g_assert_cmpuint (get_status (server, NULL, "POST", "/v1/online/accounts", body), ==, 409);
  }
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autofree char *body =
        g_strdup_printf ("{\"phone\":\"%s\",\"password\":\"" RTK_TEST_PASSWORD "\"}", wrong[i]);

    g_test_message ("not one %u", i);
    g_assert_cmpuint (get_status (server, NULL, "POST", "/v1/online/accounts", body), ==, 422);
  }
  g_assert_cmpuint (sign_in (server, "+10099980001", RTK_TEST_PASSWORD), ==, 201);
  for (guint i = 0; i < G_N_ELEMENTS (same); i++)
    g_assert_cmpuint (sign_in (server, same[i], "a wrong password"), ==, 401);
  g_assert_cmpuint (sign_in (server, same[0], RTK_TEST_PASSWORD), ==, 429);
}

/* What an older program wrote down as it was typed is found, too. */
static void
test_older_phones (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *account = make_account (server, "10099980001");

  rtk_test_server_stop (server);
  {
    g_autoptr (RtkServerDb) db = rtk_test_open_database (server->folder);
    g_autoptr (GError) error = NULL;

    g_autoptr (RtkServerKeys) keys = rtk_server_keys_open (server->folder, FALSE, &error);
    g_autofree char *id = rtk_server_db_dup_text (db, "SELECT id FROM accounts", "");
    g_autofree char *context = g_strconcat ("phone:", id, NULL);
    g_autofree char *digest = rtk_server_keys_digest (keys, RTK_SERVER_KEY_PHONE, "+8610099980001");
    g_autoptr (GBytes) cipher = rtk_server_keys_seal (keys, context, "+8610099980001");

    g_assert_true (rtk_server_db_run (db, &error,
                                      "UPDATE accounts SET phone_digest = ?, phone_cipher = ?",
                                      "sb", digest, cipher));
    g_assert_true (rtk_server_db_run (db, &error, "DELETE FROM meta WHERE key = 'phones'", ""));
    g_assert_no_error (error);
  }
  rtk_test_server_start (server);
  g_assert_cmpuint (sign_in (server, "10099980001", RTK_TEST_PASSWORD), ==, 201);
  g_assert_cmpuint (sign_in (server, "+8610099980001", RTK_TEST_PASSWORD), ==, 201);
}

typedef struct {
  RtkTestServer *server;
  RtkTestReply  *reply;
} Attempt;

static gpointer
attempt_thread (gpointer data)
{
  Attempt *attempt = data;

  attempt->reply =
      rtk_test_call (attempt->server, NULL, "POST", "/v1/online/session",
                     "{\"phone\":\"10099980001\",\"password\":\"" RTK_TEST_PASSWORD "\"}");
  return NULL;
}

/* A password is changed while somebody signs in with the old one: they are out, whoever is first.
 * The attempt is counted after the old hash was read and before it is compared. */
static void
test_changed_meanwhile (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *account = make_account (server, "10099980001");
  g_autoptr (RtkServerDb) db = rtk_test_open_database (server->folder);
  g_autoptr (GError) error = NULL;
  Attempt  attempt = {server, NULL};
  GThread *thread = g_thread_new ("attempt", attempt_thread, &attempt);

  while (rtk_server_db_get_int (db, 0, "SELECT count (*) FROM sign_in_failures", "") == 0)
    g_thread_yield ();
  g_assert_true (rtk_server_db_begin (db, TRUE, &error));
  g_assert_true (rtk_server_db_run (db, &error, "UPDATE accounts SET password = 'another'", ""));
  g_assert_true (rtk_server_db_run (db, &error, "DELETE FROM sessions", ""));
  g_assert_true (rtk_server_db_commit (db, &error));
  g_assert_no_error (error);
  g_thread_join (thread);
  if (attempt.reply->status == 201)
    g_assert_cmpuint (get_status (server, rtk_test_reply_text (attempt.reply, "access_token"),
                                  "GET", "/v1/online/orders", NULL),
                      ==, 401);
  else
    rtk_test_assert_problem (attempt.reply, 401, "wrong-password");
  rtk_test_reply_free (attempt.reply);
}

static void
set_consent (RtkTestServer *server, guint index, gboolean given)
{
  g_autofree char *account = rtk_test_sign_in_online (server, index);

  g_assert_cmpuint (get_status (server, account, "POST", "/v1/online/consent",
                                given ? "{\"version\":\"1\",\"given\":true}"
                                      : "{\"version\":\"1\",\"given\":false}"),
                    ==, 200);
}

static RtkTestReply *
claim (RtkTestServer *server, const char *token)
{
  RtkTestReply *reply =
      rtk_test_call (server, token, "POST", "/v1/reviews/claim", "{\"count\":50}");

  g_assert_cmpuint (reply->status, ==, 200);
  return reply;
}

static guint
count_claimed (RtkTestServer *server, const char *token)
{
  g_autoptr (RtkTestReply) reply = claim (server, token);

  return json_array_get_length (json_object_get_array_member (reply->json, "items"));
}

/* Claims what waits and decides about the first of it. */
static RtkTestReply *
decide (RtkTestServer *server, const char *token, const char *verdict)
{
  g_autoptr (RtkTestReply) reply = claim (server, token);
  JsonObject *item =
      json_array_get_object_element (json_object_get_array_member (reply->json, "items"), 0);
  g_autofree char *path =
      g_strconcat ("/v1/reviews/", json_object_get_string_member (item, "submission"), NULL);
  g_autofree char *body = g_strdup_printf (
      "{\"verdict\":\"%s\",\"revision\":%d,\"reasons\":[%s]}", verdict,
      (int)json_object_get_int_member (json_object_get_object_member (item, "order"), "revision"),
      strcmp (verdict, "rejected") == 0 ? "\"blur\"" : "");

  return rtk_test_call (server, token, "POST", path, body);
}

static RtkTestReply *
export_order (RtkTestServer *server, const char *token, const char *order)
{
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *body =
      g_strdup_printf ("{\"id\":\"%s\",\"receiver\":\"r\",\"orders\":[\"%s\"]}", id, order);

  return rtk_test_call (server, token, "POST", "/v1/exports", body);
}

static RtkTestReply *
export_batch (RtkTestServer *server, const char *token)
{
  g_autofree char *id = rtk_test_new_id ();
  g_autoptr (RtkTestReply) list = rtk_test_call (server, token, "GET", "/v1/batches", NULL);
  g_autofree char *body = g_strdup_printf (
      "{\"id\":\"%s\",\"receiver\":\"r\",\"batch\":\"%s\"}", id,
      json_object_get_string_member (
          json_array_get_object_element (json_object_get_array_member (list->json, "batches"), 0),
          "id"));

  return rtk_test_call (server, token, "POST", "/v1/exports", body);
}

static void
restart_with (RtkTestServer *server, const char *option)
{
  g_autoptr (GStrvBuilder) extra = g_strv_builder_new ();

  rtk_test_server_stop (server);
  g_strv_builder_addv (extra, (const char **)no_chance);
  g_strv_builder_add (extra, option);
  g_strfreev (server->extra);
  server->extra = g_strv_builder_end (extra);
  rtk_test_server_start (server);
}

/* Whoever takes the consent back stops what is not done yet: claims, verdicts, deliveries. */
static void
test_withdrawn_consent (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (2, no_chance);
  g_autofree char *boss = NULL;
  g_autofree char *approved = rtk_test_make_order (server, 0, TRUE);
  g_autofree char *waiting = NULL;
  g_autoptr (RtkTestReply) good = NULL;
  g_autoptr (RtkTestReply) late = NULL;
  g_autoptr (RtkTestReply) one = NULL;
  g_autoptr (RtkTestReply) all = NULL;
  g_autoptr (RtkTestReply) exported = NULL;
  g_autoptr (RtkTestReply) left = NULL;

  restart_with (server, "--require-consent");
  boss = rtk_test_sign_in (server, "supervisor");
  set_consent (server, 0, TRUE);
  good = decide (server, boss, "approved");
  g_assert_cmpuint (good->status, ==, 200);
  set_consent (server, 0, FALSE);
  one = export_order (server, boss, approved);
  rtk_test_assert_problem (one, 409, "consent-missing");
  all = export_batch (server, boss);
  rtk_test_assert_problem (all, 409, "not-deliverable");
  set_consent (server, 0, TRUE);
  exported = export_order (server, boss, approved);
  g_assert_cmpuint (exported->status, ==, 201);

  restart_with (server, "--gold-percent=0");
  waiting = rtk_test_make_order (server, 1, TRUE);
  restart_with (server, "--require-consent");
  set_consent (server, 1, TRUE);
  g_assert_cmpuint (count_claimed (server, boss), ==, 1);
  set_consent (server, 1, FALSE);
  late = decide (server, boss, "approved");
  rtk_test_assert_problem (late, 409, "consent-missing");
  left = rtk_test_call (server, boss, "DELETE", "/v1/reviews/claim", NULL);
  g_assert_cmpuint (left->status, ==, 204);
  g_assert_cmpuint (count_claimed (server, boss), ==, 0);
  set_consent (server, 1, TRUE);
  g_assert_cmpuint (count_claimed (server, boss), ==, 1);
}

static void
run_sql (RtkTestServer *server, const char *sql)
{
  g_autoptr (RtkServerDb) db = rtk_test_open_database (server->folder);
  g_autoptr (GError) error = NULL;

  g_assert_true (rtk_server_db_run (db, &error, g_intern_string (sql), ""));
  g_assert_no_error (error);
}

static gint64
ask_sql (RtkTestServer *server, const char *sql)
{
  g_autoptr (RtkServerDb) db = rtk_test_open_database (server->folder);

  return rtk_server_db_get_int (db, -1, g_intern_string (sql), "");
}

static void
wait_for_sql (RtkTestServer *server, const char *sql, gint64 wanted)
{
  while (ask_sql (server, sql) != wanted)
    g_usleep (20000);
}

/* What was sent is erased when its time is over, and only that. */
static void
test_erased_effects (void)
{
  static const char *const quick[] = {"--sample-percent",
                                      "0",
                                      "--gold-percent",
                                      "0",
                                      "--hold-seconds",
                                      "0",
                                      "--effect-days",
                                      "1",
                                      NULL};
  g_autoptr (RtkTestServer) server = rtk_test_server_new (1, quick);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *order = rtk_test_make_order (server, 0, TRUE);
  g_autoptr (RtkTestReply) decided = decide (server, boss, "rejected");
  gint64 n;

  g_assert_cmpuint (decided->status, ==, 200);
  wait_for_sql (server, "SELECT count (*) FROM effects WHERE state <> 'done'", 0);
  n = ask_sql (server, "SELECT count (*) FROM effects");
  g_assert_cmpint (n, >=, 2);
  rtk_test_server_stop (server);
  run_sql (server, "UPDATE effects SET updated_at = 1 WHERE kind = 'sms'");
  rtk_test_server_start (server);
  wait_for_sql (server, "SELECT count (*) FROM audit WHERE action = 'effects.erase'", 1);
  g_assert_cmpint (ask_sql (server, "SELECT count (*) FROM effects WHERE kind = 'sms'"
                                    " AND length (payload_cipher) < 2 AND answer_cipher IS NULL"),
                   ==, 1);
  g_assert_cmpint (ask_sql (server, "SELECT count (*) FROM effects WHERE kind <> 'sms'"
                                    " AND erased_at IS NULL AND length (payload_cipher) > 40"),
                   ==, n - 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/people/freed", test_freed);
  g_test_add_func ("/server/people/let-back", test_let_back);
  g_test_add_func ("/server/people/walk-in", test_walk_in);
  g_test_add_func ("/server/people/guesses", test_guesses);
  g_test_add_func ("/server/people/searches-by-order", test_searches_by_order);
  g_test_add_func ("/server/people/phones", test_phones);
  g_test_add_func ("/server/people/older-phones", test_older_phones);
  g_test_add_func ("/server/people/changed-meanwhile", test_changed_meanwhile);
  g_test_add_func ("/server/people/withdrawn-consent", test_withdrawn_consent);
  g_test_add_func ("/server/people/erased-effects", test_erased_effects);
  return g_test_run ();
}
