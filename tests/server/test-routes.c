/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-id.h"
#include "server/rtk-server-call.h"
#include "support/rtk-test-server.h"
#include "support/rtk-test-signer.h"

#include <string.h>

/* A path that fits a route's pattern; nothing of that name exists. */
static char *
make_path (const RtkServerRoute *route)
{
  g_auto (GStrv) segments = g_strsplit (route->pattern, "/", -1);

  for (guint i = 0; segments[i] != NULL; i++)
    if (segments[i][0] == '{') {
      gboolean is_id = strcmp (segments[i], "{id}") == 0;

      g_free (segments[i]);
      segments[i] = is_id ? rtk_test_new_id () : g_strnfill (64, 'a');
    }
  return g_strjoinv ("/", segments);
}

static void
test_roles (void)
{
  static const struct {
    const char *role;
    guint       who;
  } callers[] = {{"operator", RTK_SERVER_OPERATOR},
                 {"reviewer", RTK_SERVER_REVIEWER},
                 {"supervisor", RTK_SERVER_SUPERVISOR},
                 {NULL, RTK_SERVER_ACCOUNT}};
  g_autoptr (RtkTestServer) server = rtk_test_server_new (4, NULL);
  guint                 n;
  const RtkServerRoute *routes = rtk_server_routes_get (&n);

  g_assert_cmpuint (n, >=, 25);
  for (guint c = 0; c < G_N_ELEMENTS (callers); c++) {
    g_autofree char *token = callers[c].role != NULL ? rtk_test_sign_in (server, callers[c].role)
                                                     : rtk_test_sign_up (server, 0);

    for (guint i = 0; i < n; i++) {
      g_autofree char *path = make_path (&routes[i]);
      gboolean         closes = strcmp (routes[i].pattern, "/v1/session") == 0;
      g_autoptr (RtkTestReply) stranger =
          rtk_test_call (server, NULL, routes[i].method, path, NULL);
      g_autoptr (RtkTestReply) forger =
          rtk_test_call (server, "not-a-token", routes[i].method, path, NULL);
      g_autoptr (RtkTestReply) reply = NULL;

      g_test_message ("%s %s", routes[i].method, routes[i].pattern);
      if (routes[i].who & RTK_SERVER_PUBLIC) {
        g_assert_cmpuint (stranger->status, !=, 403);
        continue;
      }
      g_assert_cmpuint (stranger->status, ==, 401);
      g_assert_cmpuint (forger->status, ==, 401);
      if (closes)
        continue;
      reply = rtk_test_call (server, token, routes[i].method, path, NULL);
      if (routes[i].who & callers[c].who) {
        g_assert_cmpuint (reply->status, !=, 401);
        g_assert_cmpuint (reply->status, !=, 403);
      } else {
        g_assert_cmpuint (reply->status, ==, 403);
      }
      g_assert_cmpuint (reply->status, <, 500);
    }
  }
}

static void
test_sessions (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (
      0, (const char *[]){"--access-seconds", "0", "--refresh-grace-seconds", "0", NULL});
  g_autoptr (RtkTestReply) wrong = NULL;
  g_autoptr (RtkTestReply) nobody = NULL;
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) expired = NULL;
  g_autoptr (RtkTestReply) second = NULL;
  g_autoptr (RtkTestReply) replayed = NULL;
  g_autofree char *refresh = NULL;

  wrong = rtk_test_call (server, NULL, "POST", "/v1/session",
                         "{\"user\":\"operator\",\"password\":\"wrong\"}");
  rtk_test_assert_problem (wrong, 401, "wrong-password");
  nobody = rtk_test_call (server, NULL, "POST", "/v1/session",
                          "{\"user\":\"nobody\",\"password\":\"wrong\"}");
  rtk_test_assert_problem (nobody, 401, "wrong-password");
  first = rtk_test_call (server, NULL, "POST", "/v1/session",
                         "{\"user\":\"Operator\",\"password\":\"" RTK_TEST_PASSWORD "\"}");
  g_assert_cmpuint (first->status, ==, 201);
  g_assert_cmpstr (rtk_test_reply_text (first, "user"), ==, "operator");
  /* The access token has run out already; the refresh token gives a new pair, once. */
  expired = rtk_test_call (server, rtk_test_reply_text (first, "access_token"), "GET",
                           "/v1/changes", NULL);
  rtk_test_assert_problem (expired, 401, "unauthorized");
  refresh =
      g_strdup_printf ("{\"refresh_token\":\"%s\"}", rtk_test_reply_text (first, "refresh_token"));
  second = rtk_test_call (server, NULL, "POST", "/v1/session/refresh", refresh);
  g_assert_cmpuint (second->status, ==, 200);
  g_assert_cmpstr (rtk_test_reply_text (second, "access_token"), !=,
                   rtk_test_reply_text (first, "access_token"));
  replayed = rtk_test_call (server, NULL, "POST", "/v1/session/refresh", refresh);
  rtk_test_assert_problem (replayed, 401, "session-over");
}

static void
test_sign_out (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autoptr (RtkTestReply) before = rtk_test_call (server, token, "GET", "/v1/changes", NULL);
  g_autoptr (RtkTestReply) out = rtk_test_call (server, token, "DELETE", "/v1/session", NULL);
  g_autoptr (RtkTestReply) after = rtk_test_call (server, token, "GET", "/v1/changes", NULL);

  g_assert_cmpuint (before->status, ==, 200);
  g_assert_cmpuint (out->status, ==, 204);
  rtk_test_assert_problem (after, 401, "unauthorized");
}

static void
test_bad_bodies (void)
{
  static const struct {
    const char *body;
    guint       status;
    const char *problem;
  } cases[] = {
      {"", 400, "bad-json"},
      {"{", 400, "bad-json"},
      {"{\"user\":\"a\"", 400, "bad-json"},
      {"[]", 400, "bad-json"},
      {"null", 400, "bad-json"},
      {"\"text\"", 400, "bad-json"},
      {"{\"user\":\"\xff\xfe\",\"password\":\"b\"}", 400, "bad-json"},
      {"{\"user\":\"a\"}", 422, "missing-member"},
      {"{\"user\":\"a\",\"password\":1}", 422, "bad-member"},
      {"{\"user\":\"a\",\"password\":null}", 422, "bad-member"},
      {"{\"user\":\"\",\"password\":\"b\"}", 422, "bad-member"},
      {"{\"user\":[\"a\"],\"password\":\"b\"}", 422, "bad-member"},
      {"{\"user\":{\"a\":1},\"password\":\"b\"}", 422, "bad-member"},
      {"{\"user\":\"a\",\"password\":\"b\",\"admin\":true}", 422, "unknown-member"},
      {"{\"user\":\"a'; DROP TABLE staff; --\",\"password\":\"b\"}", 401, "wrong-password"},
      {"{\"user\":\"a\\u0000b\",\"password\":\"b\"}", 400, "bad-json"},
  };
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *deep = g_strnfill (16000, '[');
  g_autofree char *long_name = g_strnfill (65, 'x');
  g_autofree char *long_body = g_strdup_printf ("{\"user\":\"%s\",\"password\":\"b\"}", long_name);
  g_autoptr (RtkTestReply) nested = rtk_test_call (server, NULL, "POST", "/v1/session", deep);
  /* Anybody can send this one: it need not hold more than a name and a password. */
  g_autofree char *filler = g_strnfill (16385, ' ');
  g_autoptr (RtkTestReply) huge = rtk_test_call (server, NULL, "POST", "/v1/session", filler);
  g_autoptr (RtkTestReply) too_long =
      rtk_test_call (server, NULL, "POST", "/v1/session", long_body);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (RtkTestReply) reply =
        rtk_test_call (server, NULL, "POST", "/v1/session", cases[i].body);

    g_test_message ("case %u", i);
    rtk_test_assert_problem (reply, cases[i].status, cases[i].problem);
  }
  rtk_test_assert_problem (nested, 400, "bad-json");
  rtk_test_assert_problem (huge, 413, "too-large");
  rtk_test_assert_problem (too_long, 422, "bad-member");
}

static void
test_limits (void)
{
  g_autoptr (RtkTestServer) server =
      rtk_test_server_new (0, (const char *[]){"--max-body", "2000", "--max-page", "7", NULL});
  g_autofree char *token = rtk_test_sign_in (server, "supervisor");
  g_autofree char *filler = g_strnfill (2001, ' ');
  g_autoptr (RtkTestReply) large = rtk_test_call (server, NULL, "POST", "/v1/session", filler);
  g_autoptr (RtkTestReply) page = rtk_test_call (server, token, "GET", "/v1/changes?limit=8", NULL);
  g_autoptr (RtkTestReply) zero = rtk_test_call (server, token, "GET", "/v1/changes?limit=0", NULL);
  g_autoptr (RtkTestReply) word = rtk_test_call (server, token, "GET", "/v1/changes?limit=x", NULL);
  g_autoptr (RtkTestReply) good = rtk_test_call (server, token, "GET", "/v1/changes?limit=7", NULL);
  g_autoptr (RtkTestReply) cursor =
      rtk_test_call (server, token, "GET", "/v1/changes?since=' OR 1=1", NULL);
  g_autoptr (RtkTestReply) get_body = rtk_test_call (server, NULL, "GET", "/healthz", NULL);

  rtk_test_assert_problem (large, 413, "too-large");
  rtk_test_assert_problem (page, 422, "bad-member");
  rtk_test_assert_problem (zero, 422, "bad-member");
  rtk_test_assert_problem (word, 422, "bad-member");
  g_assert_cmpuint (good->status, ==, 200);
  rtk_test_assert_problem (cursor, 422, "bad-cursor");
  g_assert_cmpuint (get_body->status, ==, 200);
}

static void
test_paths (void)
{
  static const char *const paths[] = {
      "/",
      "//",
      "/v1",
      "/v1/",
      "/v2/session",
      "/v1/session/",
      "/v1/photos/..%2f..%2fserver.key",
      "/v1/photos/%2e%2e/%2e%2e/server.key",
      "/v1/photos/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
      "/v1/orders/00000000-0000-7000-8000-00000000000G",
      "/v1/orders/1",
      "/v1/orders/%00",
      "/v1/orders/x/y/z/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p",
  };
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *token = rtk_test_sign_in (server, "supervisor");
  g_autoptr (RtkTestReply) method = rtk_test_call (server, token, "PUT", "/v1/session", NULL);
  g_autoptr (RtkTestReply) trace = rtk_test_call (server, token, "TRACE", "/v1/changes", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autoptr (RtkTestReply) reply = rtk_test_call (server, token, "GET", paths[i], NULL);

    g_test_message ("%s", paths[i]);
    /* What libsoup does not take for a path at all, it refuses by itself. */
    if (strchr (paths[i], '%') != NULL && reply->status == 400)
      g_assert_cmpuint (g_bytes_get_size (reply->body), <, 200);
    else
      rtk_test_assert_problem (reply, 404, "not-found");
  }
  rtk_test_assert_problem (method, 405, "method");
  g_assert_cmpstr (g_hash_table_lookup (method->headers, "allow"), ==, "POST, DELETE");
  g_assert_cmpuint (trace->status, ==, 405);
}

static void
test_enrol (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autofree char *other = rtk_test_sign_in (server, "reviewer");
  g_autoptr (RtkSigner) signer = rtk_test_signer_new ("a");
  g_autoptr (RtkSigner) thief = rtk_test_signer_new ("b");
  g_autofree char *first = rtk_test_enrol (server, token, "operator", signer);
  g_autofree char *again = rtk_test_enrol (server, other, "reviewer", signer);
  guint8           signature[64] = {0};
  g_autofree char *proof = NULL;
  g_autofree char *body = NULL;
  g_autoptr (RtkTestReply) stolen = NULL;

  g_assert_true (rtk_id_is_valid (first));
  g_assert_cmpstr (first, ==, again);
  /* Somebody else's key without its secret. */
  g_assert_true (rtk_signer_sign (thief, (const guint8 *)"x", 1, signature, NULL));
  proof = g_base64_encode (signature, sizeof signature);
  body = g_strdup_printf ("{\"name\":\"x\",\"key\":\"%s\",\"proof\":\"%s\"}",
                          rtk_signer_get_key_id (signer), proof);
  stolen = rtk_test_call (server, token, "POST", "/v1/stations", body);
  rtk_test_assert_problem (stolen, 422, "bad-signature");
  g_assert_finalize_object (g_steal_pointer (&signer));
  g_assert_finalize_object (g_steal_pointer (&thief));
}

static guint
count_descriptors (RtkTestServer *server)
{
  g_autofree char *path =
      g_strdup_printf ("/proc/%s/fd", g_subprocess_get_identifier (server->process));
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  guint n = 0;

  g_assert_nonnull (dir);
  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

/* Callers that hang up while they are idle leave no descriptor behind. */
static void
test_hang_up (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autoptr (GUri) uri = g_uri_parse (server->url, G_URI_FLAGS_NONE, NULL);
  static const char request[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  guint             before = count_descriptors (server);
  guint             tries = 0;

  for (guint i = 0; i < 60; i++) {
    g_autoptr (GSocketClient) client = g_socket_client_new ();
    g_autoptr (GSocketConnection) connection = NULL;
    char buffer[4096];

    g_socket_client_set_enable_proxy (client, FALSE);
    connection = g_socket_client_connect_to_host (client, "127.0.0.1",
                                                  (guint16)g_uri_get_port (uri), NULL, NULL);
    g_assert_nonnull (connection);
    g_assert_true (
        g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (connection)),
                                   request, strlen (request), NULL, NULL, NULL));
    g_assert_cmpint (g_input_stream_read (g_io_stream_get_input_stream (G_IO_STREAM (connection)),
                                          buffer, sizeof buffer, NULL, NULL),
                     >, 0);
  }
  /* Each further call gives the server a turn of its loop to notice. */
  while (count_descriptors (server) > before + 5 && tries++ < 1000) {
    g_autoptr (RtkTestReply) reply = rtk_test_call (server, NULL, "GET", "/healthz", NULL);

    g_assert_cmpuint (reply->status, ==, 200);
  }
  g_assert_cmpuint (count_descriptors (server), <=, before + 5);
}

static GSocketConnection *
connect_to (RtkTestServer *server)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GUri) uri = g_uri_parse (server->url, G_URI_FLAGS_NONE, NULL);
  g_autoptr (GError) error = NULL;
  GSocketConnection *connection;

  g_socket_client_set_enable_proxy (client, FALSE);
  connection = g_socket_client_connect_to_host (client, "127.0.0.1", (guint16)g_uri_get_port (uri),
                                                NULL, &error);
  g_assert_no_error (error);
  g_socket_set_timeout (g_socket_connection_get_socket (connection), 60);
  return connection;
}

static void
send_text (GSocketConnection *connection, const char *text, gsize size)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (g_output_stream_write_all (
      g_io_stream_get_output_stream (G_IO_STREAM (connection)), text, size, NULL, NULL, &error));
  g_assert_no_error (error);
}

/* Whoever begins a request and goes to sleep loses the connection. */
static void
test_slow_body (void)
{
  static const char request[] = "POST /v1/session HTTP/1.1\r\nHost: localhost\r\n"
                                "Content-Length: 50\r\n\r\n{";
  g_autoptr (RtkTestServer) server =
      rtk_test_server_new (0, (const char *[]){"--idle-seconds", "1", NULL});
  g_autoptr (GSocketConnection) silent = connect_to (server);
  g_autoptr (GSocketConnection) slow = connect_to (server);
  GSocketConnection *const both[] = {slow, silent};
  char                     byte;

  send_text (slow, request, strlen (request));
  for (guint i = 0; i < G_N_ELEMENTS (both); i++) {
    g_autoptr (GError) error = NULL;
    gssize n = g_input_stream_read (g_io_stream_get_input_stream (G_IO_STREAM (both[i])), &byte, 1,
                                    NULL, &error);

    g_assert_false (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT));
    g_assert_cmpint (n, <=, 0);
  }
}

static guint
try_part (RtkTestServer *server, const char *token, GBytes *part)
{
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *path = g_strconcat ("/v1/uploads/", id, NULL);
  g_autoptr (RtkTestReply) reply =
      rtk_test_call_raw (server, token, "PATCH", path, "application/offset+octet-stream", part,
                         (const char *[]){"Tus-Resumable", "1.0.0", "Upload-Offset", "0", NULL});

  if (reply->status == 503) {
    rtk_test_assert_problem (reply, 503, "busy");
    g_assert_cmpstr (g_hash_table_lookup (reply->headers, "retry-after"), ==, "1");
  }
  return reply->status;
}

/* Many unfinished bodies: what they hold in memory is bounded, and given back when they end. */
static void
test_many_bodies (void)
{
  g_autoptr (RtkTestServer) server =
      rtk_test_server_new (0, (const char *[]){"--max-upload", "1000000", NULL});
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *head = g_strdup_printf ("PATCH /v1/uploads/%s HTTP/1.1\r\nHost: localhost\r\n"
                                           "Authorization: Bearer %s\r\n"
                                           "Content-Length: 1000000\r\n\r\n",
                                           id, token);
  g_autofree char *body = g_strnfill (999999, 'x');
  g_autoptr (GBytes) part = g_bytes_new_static (body, 999999);
  g_autoptr (GPtrArray) open = g_ptr_array_new_with_free_func (g_object_unref);
  guint tries = 0;

  for (guint i = 0; i < 17; i++) {
    GSocketConnection *connection = connect_to (server);

    g_ptr_array_add (open, connection);
    send_text (connection, head, strlen (head));
    send_text (connection, body, 999999);
  }
  while (try_part (server, token, part) != 503)
    g_assert_cmpuint (++tries, <, 1000);
  /* Nobody's bytes are not even counted. */
  g_assert_cmpuint (try_part (server, NULL, part), ==, 401);
  g_ptr_array_set_size (open, 0);
  while (try_part (server, token, part) != 404)
    g_assert_cmpuint (++tries, <, 2000);
}

/* A caller that does not read its answer holds up the stop for some seconds, not for ever. */
static void
test_stop_beside_a_sleeper (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autoptr (GBytes) photo = rtk_test_make_blob ("image/jpeg", 20000000, 1);
  g_autofree char *sha256 = rtk_test_upload (server, token, photo, "image/jpeg");
  g_autofree char *request = g_strdup_printf (
      "GET /v1/photos/%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", sha256,
      token);
  g_autoptr (GSocketConnection) sleeper = connect_to (server);
  char byte;

  send_text (sleeper, request, strlen (request));
  g_assert_cmpint (g_input_stream_read (g_io_stream_get_input_stream (G_IO_STREAM (sleeper)), &byte,
                                        1, NULL, NULL),
                   ==, 1);
  rtk_test_server_stop (server);
}

static guint
mask_of (const char *list)
{
  static const struct {
    const char *name;
    guint       who;
  } names[] = {{"public", RTK_SERVER_PUBLIC},
               {"operator", RTK_SERVER_OPERATOR},
               {"reviewer", RTK_SERVER_REVIEWER},
               {"supervisor", RTK_SERVER_SUPERVISOR},
               {"account", RTK_SERVER_ACCOUNT}};
  guint mask = 0;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strstr (list, names[i].name) != NULL)
      mask |= names[i].who;
  return mask;
}

static const RtkServerRoute *
find_route (const char *method, const char *pattern)
{
  g_autofree char      *upper = g_ascii_strup (method, -1);
  guint                 n;
  const RtkServerRoute *routes = rtk_server_routes_get (&n);

  for (guint i = 0; i < n; i++)
    if (strcmp (routes[i].method, upper) == 0 && strcmp (routes[i].pattern, pattern) == 0)
      return &routes[i];
  return NULL;
}

/* The description and the table of routes name the same routes and the same people. */
static void
test_description (void)
{
  g_autofree char *file = g_test_build_filename (G_TEST_DIST, "..", "docs", "openapi.yaml", NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  g_autofree char      *path = NULL;
  const RtkServerRoute *route = NULL;
  guint                 documented = 0;
  guint                 n;

  g_assert_true (g_file_get_contents (file, &text, NULL, NULL));
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    char *colon = strrchr (lines[i], ':');

    if (g_str_has_prefix (lines[i], "  /") && colon != NULL) {
      g_free (path);
      path = g_strndup (lines[i] + 2, (gsize)(colon - lines[i] - 2));
    } else if (path != NULL && g_str_has_prefix (lines[i], "    ") && lines[i][4] != ' ' &&
               !g_str_has_prefix (lines[i], "    parameters")) {
      g_autofree char *method = g_strndup (lines[i] + 4, strcspn (lines[i] + 4, ":"));

      g_test_message ("%s %s", method, path);
      route = find_route (method, path);
      g_assert_nonnull (route);
      documented++;
    } else if (path != NULL && g_str_has_prefix (lines[i], "      x-who: ")) {
      g_assert_cmpuint (mask_of (lines[i] + strlen ("      x-who: ")), ==, route->who);
    } else if (g_str_has_prefix (lines[i], "components:")) {
      break;
    }
  }
  (void)rtk_server_routes_get (&n);
  g_assert_cmpuint (documented, ==, n);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/routes/description", test_description);
  g_test_add_func ("/server/routes/roles", test_roles);
  g_test_add_func ("/server/routes/sessions", test_sessions);
  g_test_add_func ("/server/routes/sign-out", test_sign_out);
  g_test_add_func ("/server/routes/bad-bodies", test_bad_bodies);
  g_test_add_func ("/server/routes/limits", test_limits);
  g_test_add_func ("/server/routes/paths", test_paths);
  g_test_add_func ("/server/routes/enrol", test_enrol);
  g_test_add_func ("/server/routes/hang-up", test_hang_up);
  g_test_add_func ("/server/routes/slow-body", test_slow_body);
  g_test_add_func ("/server/routes/many-bodies", test_many_bodies);
  g_test_add_func ("/server/routes/stop-beside-a-sleeper", test_stop_beside_a_sleeper);
  return g_test_run ();
}
