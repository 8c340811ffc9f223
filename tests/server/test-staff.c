/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-clock.h"
#include "core/rtk-error.h"
#include "core/rtk-grant.h"
#include "support/rtk-test-server.h"
#include "support/rtk-test-signer.h"

#include <string.h>

#define NEW_PASSWORD "another long password"

static RtkTestReply *
sign_in (RtkTestServer *server, const char *user, const char *password)
{
  g_autofree char *body = g_strdup_printf ("{\"user\":\"%s\",\"password\":\"%s\"}", user, password);

  return rtk_test_call (server, NULL, "POST", "/v1/session", body);
}

static guint
use (RtkTestServer *server, const char *token)
{
  g_autoptr (RtkTestReply) reply = rtk_test_call (server, token, "GET", "/v1/changes", NULL);

  return reply->status;
}

/* The id of a member of staff by name. */
static char *
find_staff (RtkTestServer *server, const char *token, const char *name)
{
  g_autoptr (RtkTestReply) reply = rtk_test_call (server, token, "GET", "/v1/staff", NULL);
  JsonArray *list;

  g_assert_cmpuint (reply->status, ==, 200);
  list = json_object_get_array_member (reply->json, "staff");
  for (guint i = 0; i < json_array_get_length (list); i++) {
    JsonObject *person = json_array_get_object_element (list, i);

    if (strcmp (json_object_get_string_member (person, "name"), name) == 0)
      return g_strdup (json_object_get_string_member (person, "id"));
  }
  return NULL;
}

static RtkTestReply *
change (RtkTestServer *server, const char *token, const char *id, const char *body)
{
  g_autofree char *path = g_strconcat ("/v1/staff/", id, NULL);

  return rtk_test_call (server, token, "PATCH", path, body);
}

static void
test_add (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *other = rtk_test_new_id ();
  g_autofree char *body = g_strdup_printf (
      "{\"id\":\"%s\",\"name\":\"Li Lei\",\"role\":\"reviewer\",\"password\":\"" NEW_PASSWORD "\"}",
      id);
  g_autofree char *taken = g_strdup_printf (
      "{\"id\":\"%s\",\"name\":\"LI LEI\",\"role\":\"reviewer\",\"password\":\"" NEW_PASSWORD "\"}",
      other);
  g_autofree char *reused = g_strdup_printf (
      "{\"id\":\"%s\",\"name\":\"Han\",\"role\":\"reviewer\",\"password\":\"" NEW_PASSWORD "\"}",
      id);
  g_autofree char *king = g_strdup_printf (
      "{\"id\":\"%s\",\"name\":\"Han\",\"role\":\"king\",\"password\":\"" NEW_PASSWORD "\"}",
      other);
  g_autofree char *weak = g_strdup_printf (
      "{\"id\":\"%s\",\"name\":\"Han\",\"role\":\"operator\",\"password\":\"1234567\"}", other);
  g_autofree char *line = g_strdup_printf (
      "{\"id\":\"%s\",\"name\":\"H\\nan\",\"role\":\"operator\",\"password\":\"12345678\"}", other);
  g_autoptr (RtkTestReply) made = rtk_test_call (server, boss, "POST", "/v1/staff", body);
  g_autoptr (RtkTestReply) again = rtk_test_call (server, boss, "POST", "/v1/staff", body);
  g_autoptr (RtkTestReply) twice = rtk_test_call (server, boss, "POST", "/v1/staff", taken);
  g_autoptr (RtkTestReply) moved = rtk_test_call (server, boss, "POST", "/v1/staff", reused);
  g_autoptr (RtkTestReply) throne = rtk_test_call (server, boss, "POST", "/v1/staff", king);
  g_autoptr (RtkTestReply) easy = rtk_test_call (server, boss, "POST", "/v1/staff", weak);
  g_autoptr (RtkTestReply) control = rtk_test_call (server, boss, "POST", "/v1/staff", line);
  g_autoptr (RtkTestReply) in = sign_in (server, "li lei", NEW_PASSWORD);
  g_autoptr (RtkTestReply) page = NULL;
  g_autoptr (RtkTestReply) rest = NULL;
  g_autoptr (RtkTestReply) bad = NULL;
  g_autofree char *next = NULL;

  g_assert_cmpuint (made->status, ==, 201);
  g_assert_cmpuint (again->status, ==, 200);
  g_assert_cmpstr (rtk_test_reply_text (made, "id"), ==, id);
  g_assert_cmpstr (rtk_test_reply_text (made, "role"), ==, "reviewer");
  g_assert_true (json_object_get_boolean_member (made->json, "enabled"));
  g_assert_false (json_object_has_member (made->json, "password"));
  rtk_test_assert_problem (twice, 409, "name-taken");
  rtk_test_assert_problem (moved, 409, "id-reused");
  rtk_test_assert_problem (throne, 422, "bad-member");
  rtk_test_assert_problem (easy, 422, "bad-member");
  rtk_test_assert_problem (control, 422, "bad-member");
  g_assert_cmpuint (in->status, ==, 201);
  g_assert_cmpstr (rtk_test_reply_text (in, "user"), ==, "Li Lei");
  page = rtk_test_call (server, boss, "GET", "/v1/staff?limit=3", NULL);
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (page->json, "staff")), ==,
                    3);
  g_assert_true (json_object_get_boolean_member (page->json, "more"));
  next = g_strconcat (
      "/v1/staff?limit=3&after=",
      json_object_get_string_member (
          json_array_get_object_element (json_object_get_array_member (page->json, "staff"), 2),
          "id"),
      NULL);
  rest = rtk_test_call (server, boss, "GET", next, NULL);
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (rest->json, "staff")), ==,
                    1);
  g_assert_false (json_object_get_boolean_member (rest->json, "more"));
  bad = rtk_test_call (server, boss, "GET", "/v1/staff?after=x", NULL);
  rtk_test_assert_problem (bad, 422, "bad-member");
}

static void
test_change (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autofree char *id = find_staff (server, boss, "operator");
  g_autofree char *nobody = rtk_test_new_id ();
  g_autofree char *text = NULL;
  g_autoptr (RtkTestReply) nothing = change (server, boss, id, "{\"enabled\":null}");
  g_autoptr (RtkTestReply) same = NULL;
  g_autoptr (RtkTestReply) role = NULL;
  g_autoptr (RtkTestReply) off = NULL;
  g_autoptr (RtkTestReply) refused = NULL;
  g_autoptr (RtkTestReply) on = NULL;
  g_autoptr (RtkTestReply) old = NULL;
  g_autoptr (RtkTestReply) in = NULL;
  g_autoptr (RtkTestReply) unknown = change (server, boss, nobody, "{\"enabled\":false}");
  g_autoptr (RtkTestReply) king = change (server, boss, id, "{\"role\":\"king\"}");
  g_autoptr (RtkTestReply) wrong = change (server, boss, id, "{\"enabled\":1}");

  g_assert_cmpuint (nothing->status, ==, 200);
  rtk_test_assert_problem (unknown, 404, "not-found");
  rtk_test_assert_problem (king, 422, "bad-member");
  rtk_test_assert_problem (wrong, 422, "bad-member");
  /* What stays as it is ends no session. */
  same = change (server, boss, id, "{\"role\":\"operator\",\"enabled\":true}");
  g_assert_cmpuint (same->status, ==, 200);
  g_assert_cmpuint (use (server, token), ==, 200);
  g_assert_cmpint (rtk_test_reply_int (same, "sessions"), ==, 1);
  role = change (server, boss, id, "{\"role\":\"reviewer\"}");
  g_assert_cmpuint (role->status, ==, 200);
  g_assert_cmpstr (rtk_test_reply_text (role, "role"), ==, "reviewer");
  g_assert_cmpint (rtk_test_reply_int (role, "sessions"), ==, 0);
  g_assert_cmpuint (use (server, token), ==, 401);
  off = change (server, boss, id, "{\"enabled\":false}");
  g_assert_cmpuint (off->status, ==, 200);
  refused = sign_in (server, "operator", RTK_TEST_PASSWORD);
  rtk_test_assert_problem (refused, 401, "wrong-password");
  on = change (server, boss, id, "{\"enabled\":true,\"password\":\"" NEW_PASSWORD "\"}");
  g_assert_cmpuint (on->status, ==, 200);
  old = sign_in (server, "operator", RTK_TEST_PASSWORD);
  rtk_test_assert_problem (old, 401, "wrong-password");
  in = sign_in (server, "operator", NEW_PASSWORD);
  g_assert_cmpuint (in->status, ==, 201);
  g_assert_cmpstr (rtk_test_reply_text (in, "role"), ==, "reviewer");
  rtk_test_server_stop (server);
  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, &text, "audit", "verify", NULL),
                   ==, 0);
  /* Three were added by the command line; role, disable, enable, password. */
  g_assert_nonnull (strstr (text, ": 7 entries"));
}

static void
test_last_supervisor (void)
{
  static const char *const bodies[] = {"{\"enabled\":false}", "{\"role\":\"operator\"}"};
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *id = find_staff (server, boss, "supervisor");
  g_autofree char *second = find_staff (server, boss, "reviewer");
  g_autofree char *text = NULL;
  g_autoptr (RtkTestReply) up = NULL;
  g_autoptr (RtkTestReply) down = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++) {
    g_autoptr (RtkTestReply) reply = change (server, boss, id, bodies[i]);

    rtk_test_assert_problem (reply, 409, "last-supervisor");
  }
  g_assert_cmpuint (use (server, boss), ==, 200);
  /* A new password for oneself is none of that. */
  up = change (server, boss, second, "{\"role\":\"supervisor\"}");
  g_assert_cmpuint (up->status, ==, 200);
  down = change (server, boss, id, "{\"role\":\"operator\"}");
  g_assert_cmpuint (down->status, ==, 200);
  g_assert_cmpuint (use (server, boss), ==, 401);
  rtk_test_server_stop (server);
  g_assert_cmpint (
      rtk_test_server_command (server->folder, NULL, &text, "user", "disable", "reviewer", NULL),
      ==, 2);
  g_assert_nonnull (strstr (text, "only supervisor"));
  g_assert_cmpint (
      rtk_test_server_command (server->folder, NULL, NULL, "user", "disable", "supervisor", NULL),
      ==, 0);
}

static void
test_revoke_sessions (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *first = rtk_test_sign_in (server, "operator");
  g_autofree char *second = rtk_test_sign_in (server, "operator");
  g_autofree char *id = find_staff (server, boss, "operator");
  g_autofree char *nobody = rtk_test_new_id ();
  g_autofree char *path = g_strdup_printf ("/v1/staff/%s/sessions", id);
  g_autofree char *no_path = g_strdup_printf ("/v1/staff/%s/sessions", nobody);
  g_autoptr (RtkTestReply) unknown = rtk_test_call (server, boss, "DELETE", no_path, NULL);
  g_autoptr (RtkTestReply) reply = rtk_test_call (server, boss, "DELETE", path, NULL);
  g_autoptr (RtkTestReply) again = rtk_test_call (server, boss, "DELETE", path, NULL);

  rtk_test_assert_problem (unknown, 404, "not-found");
  g_assert_cmpuint (reply->status, ==, 204);
  g_assert_cmpuint (again->status, ==, 204);
  g_assert_cmpuint (use (server, first), ==, 401);
  g_assert_cmpuint (use (server, second), ==, 401);
  g_assert_cmpuint (use (server, boss), ==, 200);
}

static RtkTestReply *
set_password (RtkTestServer *server, const char *token, const char *old, const char *wanted)
{
  g_autofree char *body =
      g_strdup_printf ("{\"password\":\"%s\",\"new_password\":\"%s\"}", old, wanted);

  return rtk_test_call (server, token, "POST", "/v1/session/password", body);
}

static void
test_own_password (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (2, NULL);
  g_autofree char *here = rtk_test_sign_in (server, "operator");
  g_autofree char *there = rtk_test_sign_in (server, "operator");
  g_autofree char *account = rtk_test_sign_up (server, 0);
  g_autoptr (RtkTestReply) wrong = set_password (server, here, "wrong", NEW_PASSWORD);
  g_autoptr (RtkTestReply) weak = set_password (server, here, RTK_TEST_PASSWORD, "1234567");
  g_autoptr (RtkTestReply) good = set_password (server, here, RTK_TEST_PASSWORD, NEW_PASSWORD);
  g_autoptr (RtkTestReply) old = sign_in (server, "operator", RTK_TEST_PASSWORD);
  g_autoptr (RtkTestReply) in = sign_in (server, "operator", NEW_PASSWORD);
  g_autoptr (RtkTestReply) graduate =
      set_password (server, account, RTK_TEST_PASSWORD, NEW_PASSWORD);
  g_autoptr (RtkTestReply) back =
      rtk_test_call (server, NULL, "POST", "/v1/online/session",
                     "{\"phone\":\"10099990000\",\"password\":\"" NEW_PASSWORD "\"}");

  rtk_test_assert_problem (wrong, 403, "wrong-password");
  rtk_test_assert_problem (weak, 422, "bad-member");
  g_assert_cmpuint (good->status, ==, 204);
  g_assert_cmpuint (use (server, here), ==, 200);
  g_assert_cmpuint (use (server, there), ==, 401);
  rtk_test_assert_problem (old, 401, "wrong-password");
  g_assert_cmpuint (in->status, ==, 201);
  g_assert_cmpuint (graduate->status, ==, 204);
  g_assert_cmpuint (back->status, ==, 201);
}

/* Pushes one operation of @station; its outcome, or the problem of the whole call. */
static RtkTestReply *
push_one (RtkTestServer *server, const char *token, RtkSigner *signer, const char *station)
{
  g_autofree char *order = rtk_test_new_id ();
  g_auto (GStrv) parts = g_new0 (char *, 6);
  g_autoptr (RtkOperation) operation = NULL;
  g_autofree char *body = NULL;

  for (guint i = 0; i < 5; i++)
    parts[i] = g_strnfill (64, 'a');
  operation = rtk_test_make_operation (signer, station, order, 1, parts);
  body = rtk_test_operations_body (operation, NULL);
  return rtk_test_call (server, token, "POST", "/v1/operations", body);
}

static void
test_stations (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autoptr (RtkSigner) signer = rtk_test_signer_new ("a");
  g_autofree char *station = rtk_test_enrol (server, token, "operator", signer);
  g_autofree char *nobody = rtk_test_new_id ();
  g_autofree char *path = g_strconcat ("/v1/stations/", station, NULL);
  g_autofree char *no_path = g_strconcat ("/v1/stations/", nobody, NULL);
  g_autofree char *again = NULL;
  g_autofree char *text = NULL;
  guint8           signature[64];
  g_autofree char *proof = NULL;
  g_autofree char *body = NULL;
  g_autoptr (RtkTestReply) before = rtk_test_call (server, boss, "GET", "/v1/stations", NULL);
  g_autoptr (RtkTestReply) pushed = push_one (server, token, signer, station);
  g_autoptr (RtkTestReply) unknown = rtk_test_call (server, boss, "DELETE", no_path, NULL);
  g_autoptr (RtkTestReply) revoked = rtk_test_call (server, boss, "DELETE", path, NULL);
  g_autoptr (RtkTestReply) twice = rtk_test_call (server, boss, "DELETE", path, NULL);
  g_autoptr (RtkTestReply) after = rtk_test_call (server, boss, "GET", "/v1/stations", NULL);
  g_autoptr (RtkTestReply) enrolled = NULL;
  JsonObject *entry;

  entry =
      json_array_get_object_element (json_object_get_array_member (before->json, "stations"), 0);
  g_assert_cmpstr (json_object_get_string_member (entry, "id"), ==, station);
  g_assert_cmpstr (json_object_get_string_member (entry, "created_by"), ==, "operator");
  g_assert_true (json_object_get_null_member (entry, "revoked_at"));
  g_assert_cmpuint (pushed->status, ==, 200);
  rtk_test_assert_problem (unknown, 404, "not-found");
  g_assert_cmpuint (revoked->status, ==, 204);
  g_assert_cmpuint (twice->status, ==, 204);
  entry = json_array_get_object_element (json_object_get_array_member (after->json, "stations"), 0);
  g_assert_false (json_object_get_null_member (entry, "revoked_at"));
  /* Its session is over, and with another one the key is not taken again. */
  g_assert_cmpuint (use (server, token), ==, 401);
  again = rtk_test_sign_in (server, "operator");
  text = g_strconcat ("retake-enrol\n", rtk_signer_get_key_id (signer), "\noperator", NULL);
  g_assert_true (rtk_signer_sign (signer, (const guint8 *)text, strlen (text), signature, NULL));
  proof = g_base64_encode (signature, sizeof signature);
  body = g_strdup_printf ("{\"name\":\"desk\",\"key\":\"%s\",\"proof\":\"%s\"}",
                          rtk_signer_get_key_id (signer), proof);
  enrolled = rtk_test_call (server, again, "POST", "/v1/stations", body);
  rtk_test_assert_problem (enrolled, 403, "station-revoked");
}

static RtkTestReply *
fail_from (RtkTestServer *server, const char *address, const char *path, const char *body)
{
  g_autoptr (GBytes) bytes = g_bytes_new (body, strlen (body));

  return rtk_test_call_raw (server, NULL, "POST", path, "application/json", bytes,
                            (const char *[]){"X-Forwarded-For", address, NULL});
}

static void
assert_locked (RtkTestReply *reply, gint64 most)
{
  const char *wait = g_hash_table_lookup (reply->headers, "retry-after");

  rtk_test_assert_problem (reply, 429, "locked-out");
  g_assert_nonnull (wait);
  g_assert_cmpint (g_ascii_strtoll (wait, NULL, 10), >, 0);
  g_assert_cmpint (g_ascii_strtoll (wait, NULL, 10), <=, most);
}

/* Names that exist, that do not, and phones: the same. */
static void
test_lock_out (void)
{
  static const struct {
    const char *path;
    const char *wrong;
    const char *right; /* (nullable) */
  } cases[] = {
      {"/v1/session", "{\"user\":\"operator\",\"password\":\"wrong\"}",
       "{\"user\":\"OPERATOR\",\"password\":\"" RTK_TEST_PASSWORD "\"}"},
      {"/v1/session", "{\"user\":\"nobody\",\"password\":\"wrong\"}",
       "{\"user\":\"Nobody\",\"password\":\"" RTK_TEST_PASSWORD "\"}"},
      {"/v1/online/session", "{\"phone\":\"10099990000\",\"password\":\"wrong\"}",
       "{\"phone\":\"10099990000\",\"password\":\"" RTK_TEST_PASSWORD "\"}"},
      {"/v1/online/session", "{\"phone\":\"10099990009\",\"password\":\"wrong\"}",
       "{\"phone\":\"10099990009\",\"password\":\"" RTK_TEST_PASSWORD "\"}"},
  };
  g_autoptr (RtkTestServer) server =
      rtk_test_server_new (1, (const char *[]){"--lockout-failures", "3", NULL});
  g_autofree char *account = rtk_test_sign_up (server, 0);
  g_autofree char *other = NULL;

  for (guint c = 0; c < G_N_ELEMENTS (cases); c++) {
    g_autoptr (RtkTestReply) locked = NULL;
    g_autoptr (RtkTestReply) even_so = NULL;

    for (guint i = 0; i < 3; i++) {
      g_autoptr (RtkTestReply) wrong =
          rtk_test_call (server, NULL, "POST", cases[c].path, cases[c].wrong);

      rtk_test_assert_problem (wrong, 401, "wrong-password");
    }
    locked = rtk_test_call (server, NULL, "POST", cases[c].path, cases[c].wrong);
    assert_locked (locked, 60);
    even_so = rtk_test_call (server, NULL, "POST", cases[c].path, cases[c].right);
    assert_locked (even_so, 60);
  }
  /* Nobody else is hindered, and it outlives the process. */
  other = rtk_test_sign_in (server, "reviewer");
  rtk_test_server_stop (server);
  rtk_test_server_start (server);
  {
    g_autoptr (RtkTestReply) still = sign_in (server, "operator", RTK_TEST_PASSWORD);

    assert_locked (still, 60);
  }
}

/* A right password wipes the name's failures out. */
static void
test_success_clears (void)
{
  g_autoptr (RtkTestServer) server =
      rtk_test_server_new (0, (const char *[]){"--lockout-failures", "3", NULL});

  for (guint i = 0; i < 9; i++) {
    g_autoptr (RtkTestReply) reply =
        sign_in (server, "operator", i % 3 == 2 ? RTK_TEST_PASSWORD : "wrong");

    g_assert_cmpuint (reply->status, ==, i % 3 == 2 ? 201 : 401);
  }
}

/* The wait ends by itself; here the longest is two seconds. A machine that hashes for longer than
 * that gets another wrong password first. */
static void
test_back_off (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (
      0, (const char *[]){"--lockout-failures", "1", "--lockout-seconds", "2", NULL});
  guint status = 0;

  while (status != 429) {
    g_autoptr (RtkTestReply) reply = sign_in (server, "operator", "wrong");

    status = reply->status;
    if (status == 429)
      assert_locked (reply, 2);
    else
      rtk_test_assert_problem (reply, 401, "wrong-password");
  }
  while (status == 429) {
    g_autoptr (RtkTestReply) reply = sign_in (server, "operator", RTK_TEST_PASSWORD);

    status = reply->status;
  }
  g_assert_cmpuint (status, ==, 201);
}

/* One address that tries one password on many names. */
static void
test_lock_out_address (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (
      0, (const char *[]){"--lockout-failures", "2", "--trusted-proxy", "127.0.0.1", NULL});
  g_autoptr (RtkTestReply) locked = NULL;
  g_autoptr (RtkTestReply) elsewhere = NULL;
  g_autoptr (RtkTestReply) known = NULL;

  for (guint i = 0; i < 8; i++) {
    g_autofree char *body = g_strdup_printf ("{\"user\":\"name%u\",\"password\":\"wrong\"}", i);
    g_autoptr (RtkTestReply) reply = fail_from (server, "198.51.100.1", "/v1/session", body);
    g_autoptr (RtkTestReply) good = NULL;

    rtk_test_assert_problem (reply, 401, "wrong-password");
    if (i > 5)
      continue;
    /* To know one password does not make up for that. */
    good = fail_from (server, "198.51.100.1", "/v1/session",
                      "{\"user\":\"reviewer\",\"password\":\"" RTK_TEST_PASSWORD "\"}");
    g_assert_cmpuint (good->status, ==, 201);
  }
  locked = fail_from (server, "198.51.100.1", "/v1/session",
                      "{\"user\":\"operator\",\"password\":\"" RTK_TEST_PASSWORD "\"}");
  assert_locked (locked, 60);
  /* Who signed in there before is not stopped. */
  known = fail_from (server, "198.51.100.1", "/v1/session",
                     "{\"user\":\"reviewer\",\"password\":\"" RTK_TEST_PASSWORD "\"}");
  g_assert_cmpuint (known->status, ==, 201);
  elsewhere = fail_from (server, "198.51.100.2", "/v1/session",
                         "{\"user\":\"operator\",\"password\":\"" RTK_TEST_PASSWORD "\"}");
  g_assert_cmpuint (elsewhere->status, ==, 201);
}

/* Whatever the database and its locale: one folding. */
static void
test_one_folding (void)
{
  static const char *const same[] = {"Ärmel Ｗu", "ÄRMEL WU", "a\xcc\x88rmel wu"};
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");

  for (guint i = 0; i < G_N_ELEMENTS (same); i++) {
    g_autofree char *id = rtk_test_new_id ();
    g_autofree char *body = g_strdup_printf (
        "{\"id\":\"%s\",\"name\":\"%s\",\"role\":\"operator\",\"password\":\"" NEW_PASSWORD "\"}",
        id, same[i]);
    g_autoptr (RtkTestReply) made = rtk_test_call (server, boss, "POST", "/v1/staff", body);
    g_autoptr (RtkTestReply) in = sign_in (server, same[i], NEW_PASSWORD);

    if (i == 0)
      g_assert_cmpuint (made->status, ==, 201);
    else
      rtk_test_assert_problem (made, 409, "name-taken");
    g_assert_cmpuint (in->status, ==, 201);
    g_assert_cmpstr (rtk_test_reply_text (in, "user"), ==, same[0]);
  }
}

/* A stranger who guesses at one name after the other's wait, from one address after the other,
 * keeps nobody out of where they work; others who come from elsewhere wait. */
static void
test_strangers (void)
{
  static const char right[] = "{\"user\":\"operator\",\"password\":\"" RTK_TEST_PASSWORD "\"}";
  static const char fresh[] = "{\"user\":\"operator\",\"password\":\"" NEW_PASSWORD "\"}";
  g_autoptr (RtkTestServer) server = rtk_test_server_new (
      0, (const char *[]){"--lockout-failures", "2", "--trusted-proxy", "127.0.0.1", NULL});
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *id = find_staff (server, boss, "operator");
  g_autoptr (RtkTestReply) work = fail_from (server, "198.51.100.1", "/v1/session", right);
  g_autoptr (RtkTestReply) still = NULL;
  g_autoptr (RtkTestReply) elsewhere = NULL;
  g_autoptr (RtkTestReply) set = NULL;
  g_autoptr (RtkTestReply) after = NULL;

  g_assert_cmpuint (work->status, ==, 201);
  for (guint i = 0; i < 8; i++) {
    g_autofree char *address = g_strdup_printf ("203.0.113.%u", i / 2);
    g_autoptr (RtkTestReply) reply = fail_from (server, address, "/v1/session",
                                                "{\"user\":\"Operator\",\"password\":\"wrong\"}");

    rtk_test_assert_problem (reply, 401, "wrong-password");
  }
  elsewhere = fail_from (server, "198.51.100.2", "/v1/session", right);
  assert_locked (elsewhere, 60);
  still = fail_from (server, "198.51.100.1", "/v1/session", right);
  g_assert_cmpuint (still->status, ==, 201);
  /* That it is known there takes nothing back for the others; a new password does. */
  {
    g_autoptr (RtkTestReply) again = fail_from (server, "198.51.100.2", "/v1/session", right);

    assert_locked (again, 60);
  }
  set = change (server, boss, id, "{\"password\":\"" NEW_PASSWORD "\"}");
  g_assert_cmpuint (set->status, ==, 200);
  after = fail_from (server, "198.51.100.2", "/v1/session", fresh);
  g_assert_cmpuint (after->status, ==, 201);
}

/* One name that fails again and again shuts nobody else behind its address out. */
static void
test_one_name_of_an_address (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (
      0, (const char *[]){"--lockout-failures", "3", "--trusted-proxy", "127.0.0.1", NULL});
  g_autoptr (RtkTestReply) other = NULL;

  for (guint name = 0; name < 7; name++)
    for (guint i = 0; i < 2; i++) {
      g_autofree char *body = g_strdup_printf ("{\"user\":\"n%u\",\"password\":\"x\"}", name);
      g_autoptr (RtkTestReply) reply = fail_from (server, "198.51.100.1", "/v1/session", body);

      rtk_test_assert_problem (reply, 401, "wrong-password");
    }
  other = fail_from (server, "198.51.100.1", "/v1/session",
                     "{\"user\":\"operator\",\"password\":\"" RTK_TEST_PASSWORD "\"}");
  g_assert_cmpuint (other->status, ==, 201);
}

static RtkTestReply *
refresh (RtkTestServer *server, RtkTestReply *session)
{
  g_autofree char *body = g_strdup_printf ("{\"refresh_token\":\"%s\"}",
                                           rtk_test_reply_text (session, "refresh_token"));

  return rtk_test_call (server, NULL, "POST", "/v1/session/refresh", body);
}

/* The answer was lost: the same call again, once. The first answer's pair is dead, and showing it
 * ends everything. */
static void
test_lost_refresh (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autoptr (RtkTestReply) first = sign_in (server, "operator", RTK_TEST_PASSWORD);
  g_autoptr (RtkTestReply) lost = refresh (server, first);
  g_autoptr (RtkTestReply) second = refresh (server, first);
  g_autoptr (RtkTestReply) third = NULL;
  g_autoptr (RtkTestReply) stolen = NULL;

  g_assert_cmpuint (lost->status, ==, 200);
  g_assert_cmpuint (second->status, ==, 200);
  g_assert_cmpuint (use (server, rtk_test_reply_text (lost, "access_token")), ==, 401);
  g_assert_cmpuint (use (server, rtk_test_reply_text (second, "access_token")), ==, 200);
  third = refresh (server, first);
  rtk_test_assert_problem (third, 401, "session-over");
  g_assert_cmpuint (use (server, rtk_test_reply_text (second, "access_token")), ==, 200);
  stolen = refresh (server, lost);
  rtk_test_assert_problem (stolen, 401, "session-over");
  g_assert_cmpuint (use (server, rtk_test_reply_text (second, "access_token")), ==, 401);
}

static void
test_stolen_refresh (void)
{
  g_autoptr (RtkTestServer) server =
      rtk_test_server_new (0, (const char *[]){"--refresh-grace-seconds", "0", NULL});
  g_autoptr (RtkTestReply) first = sign_in (server, "operator", RTK_TEST_PASSWORD);
  g_autoptr (RtkTestReply) second = refresh (server, first);
  g_autoptr (RtkTestReply) stolen = NULL;
  g_autoptr (RtkTestReply) over = NULL;
  g_autofree char *text = NULL;

  g_assert_cmpuint (use (server, rtk_test_reply_text (second, "access_token")), ==, 200);
  stolen = refresh (server, first);
  rtk_test_assert_problem (stolen, 401, "session-over");
  g_assert_cmpuint (use (server, rtk_test_reply_text (second, "access_token")), ==, 401);
  over = refresh (server, second);
  rtk_test_assert_problem (over, 401, "session-over");
  rtk_test_server_stop (server);
  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, &text, "audit", "verify", NULL),
                   ==, 0);
  g_assert_nonnull (strstr (text, ": 4 entries"));
}

static RtkGrant *
read_grant (RtkTestReply *reply)
{
  g_autoptr (GError) error = NULL;
  RtkGrant *grant;

  g_assert_nonnull (reply->json);
  grant = rtk_grant_from_json (json_object_get_member (reply->json, "grant"), &error);
  g_assert_no_error (error);
  return grant;
}

static void
test_grant (void)
{
  g_autoptr (RtkTestServer) server =
      rtk_test_server_new (1, (const char *[]){"--grant-seconds", "3600", NULL});
  g_autoptr (RtkTestReply) session = sign_in (server, "reviewer", RTK_TEST_PASSWORD);
  g_autoptr (RtkTestReply) keys = rtk_test_call (server, NULL, "GET", "/v1/keys", NULL);
  const char *key =
      json_object_get_string_member (json_object_get_object_member (keys->json, "grant"), "key");
  g_autoptr (RtkSigner) signer = rtk_test_signer_new ("a");
  g_autofree char *station =
      rtk_test_enrol (server, rtk_test_reply_text (session, "access_token"), "reviewer", signer);
  g_autoptr (RtkTestReply) refreshed = refresh (server, session);
  g_autoptr (RtkGrant) unbound = read_grant (session);
  g_autoptr (RtkGrant) grant = read_grant (refreshed);
  g_autoptr (RtkTestReply) later_keys = NULL;
  g_autofree char *account = rtk_test_sign_up (server, 0);
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (grant->user, ==, "reviewer");
  g_assert_cmpint (grant->role, ==, RTK_ROLE_REVIEWER);
  g_assert_cmpstr (grant->station, ==, station);
  g_assert_cmpint (grant->expires_at - grant->issued_at, ==, (gint64)3600 * G_USEC_PER_SEC);
  g_assert_true (rtk_grant_check (grant, key, station, g_get_real_time (), &error));
  g_assert_no_error (error);
  g_assert_null (unbound->station);
  g_assert_false (rtk_grant_check (unbound, key, station, g_get_real_time (), &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_FORBIDDEN);
  /* The key is of the key file, not of the process. */
  rtk_test_server_stop (server);
  rtk_test_server_start (server);
  later_keys = rtk_test_call (server, NULL, "GET", "/v1/keys", NULL);
  g_assert_cmpstr (json_object_get_string_member (
                       json_object_get_object_member (later_keys->json, "grant"), "key"),
                   ==, key);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/staff/add", test_add);
  g_test_add_func ("/server/staff/change", test_change);
  g_test_add_func ("/server/staff/last-supervisor", test_last_supervisor);
  g_test_add_func ("/server/staff/revoke-sessions", test_revoke_sessions);
  g_test_add_func ("/server/staff/own-password", test_own_password);
  g_test_add_func ("/server/staff/stations", test_stations);
  g_test_add_func ("/server/staff/lock-out", test_lock_out);
  g_test_add_func ("/server/staff/success-clears", test_success_clears);
  g_test_add_func ("/server/staff/back-off", test_back_off);
  g_test_add_func ("/server/staff/lock-out-address", test_lock_out_address);
  g_test_add_func ("/server/staff/one-folding", test_one_folding);
  g_test_add_func ("/server/staff/strangers", test_strangers);
  g_test_add_func ("/server/staff/one-name-of-an-address", test_one_name_of_an_address);
  g_test_add_func ("/server/staff/lost-refresh", test_lost_refresh);
  g_test_add_func ("/server/staff/stolen-refresh", test_stolen_refresh);
  g_test_add_func ("/server/staff/grant", test_grant);
  return g_test_run ();
}
