/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-server.h"

#include <string.h>

static RtkTestReply *
call_from (RtkTestServer *server,
           const char    *address,
           const char    *token,
           const char    *method,
           const char    *path,
           const char    *json)
{
  g_autoptr (GBytes) body = json != NULL ? g_bytes_new (json, strlen (json)) : NULL;

  return rtk_test_call_raw (server, token, method, path, "application/json", body,
                            (const char *[]){"X-Forwarded-For", address, NULL});
}

static void
assert_limited (RtkTestReply *reply)
{
  const char *wait = g_hash_table_lookup (reply->headers, "retry-after");

  rtk_test_assert_problem (reply, 429, "rate-limited");
  g_assert_nonnull (wait);
  g_assert_cmpint (g_ascii_strtoll (wait, NULL, 10), >, 0);
  g_assert_cmpint (g_ascii_strtoll (wait, NULL, 10), <=, 60);
}

/* How many of @n calls are taken before one is turned away. */
static guint
count_taken (RtkTestServer *server,
             const char    *address,
             const char    *token,
             const char    *method,
             const char    *path,
             const char    *json,
             guint          n)
{
  guint taken = 0;

  for (guint i = 0; i < n; i++) {
    g_autoptr (RtkTestReply) reply = call_from (server, address, token, method, path, json);

    if (reply->status != 429)
      taken++;
    else
      assert_limited (reply);
  }
  return taken;
}

static const char *const tight[] = {"--trusted-proxy",
                                    "127.0.0.0/8, 192.0.2.1",
                                    "--sign-in-rate",
                                    "1",
                                    "--sign-in-burst",
                                    "3",
                                    "--new-account-rate",
                                    "1",
                                    "--new-account-burst",
                                    "2",
                                    "--address-rate",
                                    "1",
                                    "--address-burst",
                                    "5",
                                    "--account-rate",
                                    "1",
                                    "--account-burst",
                                    "7",
                                    "--staff-rate",
                                    "1",
                                    "--staff-burst",
                                    "9",
                                    NULL};

static void
test_addresses (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, tight);

  g_assert_cmpuint (count_taken (server, "198.51.100.1", NULL, "GET", "/healthz", NULL, 8), ==, 5);
  /* Somebody else is not hindered; what stands before the last trusted hop is the caller's own
   * invention and changes nothing. */
  g_assert_cmpuint (count_taken (server, "198.51.100.2", NULL, "GET", "/healthz", NULL, 8), ==, 5);
  g_assert_cmpuint (
      count_taken (server, "203.0.113.9, 198.51.100.2", NULL, "GET", "/healthz", NULL, 8), ==, 0);
  g_assert_cmpuint (
      count_taken (server, "198.51.100.3, 192.0.2.1", NULL, "GET", "/healthz", NULL, 8), ==, 5);
  g_assert_cmpuint (count_taken (server, "198.51.100.3", NULL, "GET", "/healthz", NULL, 8), ==, 0);
  /* One network of IPv6 is one caller. */
  g_assert_cmpuint (count_taken (server, "2001:db8::1", NULL, "GET", "/healthz", NULL, 3), ==, 3);
  g_assert_cmpuint (count_taken (server, "2001:db8::2", NULL, "GET", "/healthz", NULL, 8), ==, 2);
  g_assert_cmpuint (count_taken (server, "2001:db8:1::2", NULL, "GET", "/healthz", NULL, 8), ==, 5);
  /* A forged token is not a session. */
  g_assert_cmpuint (count_taken (server, "198.51.100.4", "forged", "GET", "/v1/changes", NULL, 8),
                    ==, 5);
  /* What is no address at all is the proxy's. */
  g_assert_cmpuint (count_taken (server, "unknown", NULL, "GET", "/healthz", NULL, 8), ==, 5);
}

static void
test_sign_in (void)
{
  static const char wrong[] = "{\"user\":\"nobody\",\"password\":\"wrong\"}";
  static const char phone[] = "{\"phone\":\"10099991234\",\"password\":\"short\"}";
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, tight);

  g_assert_cmpuint (count_taken (server, "198.51.100.1", NULL, "POST", "/v1/session", wrong, 2), ==,
                    2);
  /* New accounts have a smaller bucket: so few numbers can be tried out for whether they have one.
   */
  g_assert_cmpuint (
      count_taken (server, "198.51.100.1", NULL, "POST", "/v1/online/accounts", phone, 4), ==, 2);
  g_assert_cmpuint (count_taken (server, "198.51.100.1", NULL, "POST", "/v1/session", wrong, 3), ==,
                    1);
  g_assert_cmpuint (count_taken (server, "198.51.100.1", NULL, "GET", "/healthz", NULL, 1), ==, 1);
}

/* A session has a bucket of its own, wherever it calls from. */
static void
test_sessions (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (1, tight);
  g_autofree char *staff = rtk_test_sign_in (server, "operator");
  g_autofree char *account = rtk_test_sign_up (server, 0);
  g_autofree char *path = NULL;
  g_autofree char *id = rtk_test_new_id ();

  path = g_strconcat ("/v1/online/orders/", id, NULL);
  /* The first one is the address's: by it the session becomes known. */
  g_assert_cmpuint (count_taken (server, "198.51.100.1", staff, "GET", "/v1/changes", NULL, 13), ==,
                    10);
  g_assert_cmpuint (count_taken (server, "198.51.100.2", staff, "GET", "/v1/changes", NULL, 3), ==,
                    0);
  g_assert_cmpuint (count_taken (server, "198.51.100.1", account, "GET", path, NULL, 13), ==, 8);
  g_assert_cmpuint (count_taken (server, "198.51.100.1", NULL, "GET", "/healthz", NULL, 8), ==, 3);
}

/* A program on this machine is not limited, unless it calls for others and is not trusted to say
 * for whom: then all of them are one. */
static void
test_this_machine (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (
      0, (const char *[]){"--address-rate", "1", "--address-burst", "5", NULL});

  for (guint i = 0; i < 20; i++) {
    g_autoptr (RtkTestReply) reply = rtk_test_call (server, NULL, "GET", "/healthz", NULL);

    g_assert_cmpuint (reply->status, ==, 200);
  }
  g_assert_cmpuint (count_taken (server, "198.51.100.1", NULL, "GET", "/healthz", NULL, 8), ==, 5);
  g_assert_cmpuint (count_taken (server, "198.51.100.2", NULL, "GET", "/healthz", NULL, 8), ==, 0);
}

static void
test_no_limit (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (
      0, (const char *[]){"--address-rate", "0", "--address-burst", "1", NULL});

  g_assert_cmpuint (count_taken (server, "198.51.100.1", NULL, "GET", "/healthz", NULL, 30), ==,
                    30);
}

static void
test_bad_proxy (void)
{
  g_autofree char *folder = g_dir_make_tmp ("retake-server-XXXXXX", NULL);
  g_autofree char *text = NULL;

  g_assert_cmpint (
      rtk_test_server_command (folder, NULL, &text, "--trusted-proxy", "proxy.example", NULL), ==,
      2);
  g_assert_nonnull (strstr (text, "--trusted-proxy takes numeric addresses"));
  rtk_test_remove_folder (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/limits/addresses", test_addresses);
  g_test_add_func ("/server/limits/sign-in", test_sign_in);
  g_test_add_func ("/server/limits/sessions", test_sessions);
  g_test_add_func ("/server/limits/this-machine", test_this_machine);
  g_test_add_func ("/server/limits/no-limit", test_no_limit);
  g_test_add_func ("/server/limits/bad-proxy", test_bad_proxy);
  return g_test_run ();
}
