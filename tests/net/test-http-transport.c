/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "net/rtk-http-transport.h"
#include "support/rtk-test-server.h"
#include "support/rtk-test-signer.h"
#include "support/rtk-test-vault.h"

#include <string.h>

static char *
vault_add (RtkTestVault *vault, GBytes *bytes)
{
  char sha256[65];

  rtk_sha256_hex (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), sha256);
  rtk_test_vault_add_bytes (vault, sha256, bytes);
  return g_strdup (sha256);
}

/* A way to the server that can be cut: passes bytes on until its budget is used up, then drops the
 * connections. Runs on the main context. */
typedef struct {
  GSocketService *service;
  guint16         target;
  gssize          budget; /* bytes towards the server; < 0 = no limit */
  gsize           passed;
  GPtrArray      *open; /* GIOStream */
} Proxy;

typedef struct {
  Proxy         *proxy;
  GInputStream  *from;
  GOutputStream *to;
  GIOStream     *one;
  GIOStream     *other;
  gboolean       upwards;
} Pipe;

static void
cut (Proxy *proxy)
{
  for (guint i = 0; i < proxy->open->len; i++)
    (void)g_io_stream_close (g_ptr_array_index (proxy->open, i), NULL, NULL);
  g_ptr_array_set_size (proxy->open, 0);
}

static void pump (Pipe *pipe);

static void
pipe_free (Pipe *pipe)
{
  g_object_unref (pipe->one);
  g_object_unref (pipe->other);
  g_free (pipe);
}

static void
pumped_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  Pipe *pipe = user_data;
  g_autoptr (GBytes) bytes =
      g_input_stream_read_bytes_finish (G_INPUT_STREAM (object), result, NULL);
  gsize size = bytes != NULL ? g_bytes_get_size (bytes) : 0;

  if (size == 0) {
    (void)g_io_stream_close (pipe->one, NULL, NULL);
    (void)g_io_stream_close (pipe->other, NULL, NULL);
    pipe_free (pipe);
    return;
  }
  if (pipe->upwards) {
    pipe->proxy->passed += size;
    if (pipe->proxy->budget >= 0 && (pipe->proxy->budget -= (gssize)size) < 0) {
      pipe->proxy->budget = 0;
      cut (pipe->proxy);
      pipe_free (pipe);
      return;
    }
  }
  if (g_output_stream_write_all (pipe->to, g_bytes_get_data (bytes, NULL), size, NULL, NULL, NULL))
    pump (pipe);
  else
    pipe_free (pipe);
}

static void
pump (Pipe *pipe)
{
  g_input_stream_read_bytes_async (pipe->from, 16384, G_PRIORITY_DEFAULT, NULL, pumped_cb, pipe);
}

static Pipe *
new_pipe (Proxy *proxy, GIOStream *from, GIOStream *to, gboolean upwards)
{
  Pipe *pipe = g_new0 (Pipe, 1);

  pipe->proxy = proxy;
  pipe->from = g_io_stream_get_input_stream (from);
  pipe->to = g_io_stream_get_output_stream (to);
  pipe->one = g_object_ref (from);
  pipe->other = g_object_ref (to);
  pipe->upwards = upwards;
  return pipe;
}

static gboolean
incoming_cb (GSocketService    *service,
             GSocketConnection *connection,
             GObject           *source,
             gpointer           user_data)
{
  Proxy *proxy = user_data;
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) server = NULL;

  if (proxy->budget == 0) {
    (void)g_io_stream_close (G_IO_STREAM (connection), NULL, NULL);
    return TRUE;
  }
  g_socket_client_set_enable_proxy (client, FALSE);
  server = g_socket_client_connect_to_host (client, "127.0.0.1", proxy->target, NULL, NULL);
  if (server == NULL)
    return TRUE;
  g_ptr_array_add (proxy->open, g_object_ref (connection));
  g_ptr_array_add (proxy->open, g_object_ref (server));
  pump (new_pipe (proxy, G_IO_STREAM (connection), G_IO_STREAM (server), TRUE));
  pump (new_pipe (proxy, G_IO_STREAM (server), G_IO_STREAM (connection), FALSE));
  return TRUE;
}

static char *
proxy_start (Proxy *proxy, const char *url)
{
  g_autoptr (GUri) uri = g_uri_parse (url, G_URI_FLAGS_NONE, NULL);
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) effective = NULL;
  g_autoptr (GError) error = NULL;

  proxy->target = (guint16)g_uri_get_port (uri);
  proxy->budget = -1;
  proxy->open = g_ptr_array_new_with_free_func (g_object_unref);
  proxy->service = g_socket_service_new ();
  g_assert_true (g_socket_listener_add_address (G_SOCKET_LISTENER (proxy->service), address,
                                                G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL,
                                                &effective, &error));
  g_assert_no_error (error);
  g_signal_connect (proxy->service, "incoming", G_CALLBACK (incoming_cb), proxy);
  return g_strdup_printf ("http://127.0.0.1:%u",
                          g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (effective)));
}

static void
proxy_stop (Proxy *proxy)
{
  g_socket_service_stop (proxy->service);
  g_socket_listener_close (G_SOCKET_LISTENER (proxy->service));
  cut (proxy);
  /* Let the pumps see that their streams are closed. */
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_clear_object (&proxy->service);
  g_ptr_array_unref (proxy->open);
}

/* Async calls, waited for. */
static void
result_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GAsyncResult **out = user_data;

  *out = g_object_ref (result);
}

static GAsyncResult *
wait_for (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return *result;
}

static gboolean
sign_in (RtkTransport *transport, const char *user, const char *password, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  rtk_transport_sign_in_async (transport, user, password, NULL, result_cb, &result);
  return rtk_transport_done_finish (transport, wait_for (&result), error);
}

static RtkChangePage *
pull (RtkTransport *transport, const char *cursor, guint limit, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  rtk_transport_pull_async (transport, cursor, limit, NULL, result_cb, &result);
  return rtk_transport_pull_finish (transport, wait_for (&result), error);
}

static void
progress_cb (gint64 done, gint64 total, gpointer user_data)
{
  gint64 *last = user_data;

  g_assert_cmpint (done, >, *last);
  g_assert_cmpint (done, <=, total);
  *last = done;
}

static gboolean
upload (RtkTransport *transport, RtkTestVault *vault, const char *sha256, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  gint64 last = 0;

  rtk_transport_upload_async (transport, sha256, RTK_VAULT (vault), progress_cb, &last, NULL,
                              result_cb, &result);
  return rtk_transport_done_finish (transport, wait_for (&result), error);
}

static GBytes *
fetch (RtkTransport *transport, const char *sha256, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  rtk_transport_fetch_async (transport, sha256, NULL, result_cb, &result);
  return rtk_transport_fetch_finish (transport, wait_for (&result), error);
}

static GPtrArray *
push (RtkTransport *transport, RtkOperation *operation, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GPtrArray) operations = g_ptr_array_new ();

  g_ptr_array_add (operations, operation);
  rtk_transport_push_async (transport, operations, NULL, result_cb, &result);
  return rtk_transport_push_finish (transport, wait_for (&result), error);
}

typedef struct {
  RtkTestServer *server;
  RtkSigner     *signer;
  RtkTransport  *transport;
  Proxy          proxy;
} Fixture;

static void
fixture_init (Fixture *fixture, guint graduates, const char *const *extra)
{
  g_autofree char *url = NULL;
  g_autoptr (GError) error = NULL;

  memset (fixture, 0, sizeof *fixture);
  fixture->server = rtk_test_server_new (graduates, extra);
  url = proxy_start (&fixture->proxy, fixture->server->url);
  fixture->signer = rtk_test_signer_new ("station");
  fixture->transport =
      RTK_TRANSPORT (rtk_http_transport_new (url, fixture->signer, "desk", &error));
  g_assert_no_error (error);
}

static void
fixture_clear (Fixture *fixture)
{
  g_assert_finalize_object (fixture->transport);
  g_assert_finalize_object (fixture->signer);
  proxy_stop (&fixture->proxy);
  rtk_test_server_free (fixture->server);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

static void
test_address (void)
{
  static const char *const bad[] = {"http://10.0.0.1:80",
                                    "http://example.org",
                                    "ftp://127.0.0.1",
                                    "nonsense",
                                    "",
                                    "http://127.0.0.1.example.org",
                                    "http://127.0.0.1@example.org",
                                    "https://",
                                    "https:///x"};
  static const char *const good[] = {"https://example.org", "http://127.0.0.1:1",
                                     "http://localhost:2/", "http://[::1]:3"};
  g_autoptr (RtkSigner) signer = rtk_test_signer_new ("a");

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (rtk_http_transport_new (bad[i], signer, "x", &error));
    g_assert_error (error, RTK_ERROR, RTK_ERROR_USAGE);
  }
  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    g_autoptr (GError) error = NULL;
    RtkHttpTransport *transport = rtk_http_transport_new (good[i], signer, "x", &error);

    g_assert_no_error (error);
    g_assert_finalize_object (transport);
  }
  g_assert_finalize_object (g_steal_pointer (&signer));
}

static void
test_sign_in (void)
{
  g_auto (Fixture) fixture;
  g_autoptr (GError) wrong = NULL;
  g_autoptr (GError) early = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *user = NULL;
  g_autofree char *station = NULL;
  g_autofree char *again = NULL;
  g_autoptr (GBytes) key = NULL;

  fixture_init (&fixture, 0, NULL);
  g_assert_null (pull (fixture.transport, "", 10, &early));
  g_assert_error (early, RTK_ERROR, RTK_ERROR_UNAUTHORIZED);
  g_assert_false (sign_in (fixture.transport, "operator", "wrong", &wrong));
  g_assert_error (wrong, RTK_ERROR, RTK_ERROR_UNAUTHORIZED);
  g_assert_cmpint (rtk_transport_get_state (fixture.transport), ==, RTK_SERVER_SIGNED_OUT);
  g_assert_true (sign_in (fixture.transport, "SUPERVISOR", RTK_TEST_PASSWORD, &error));
  g_assert_no_error (error);
  g_assert_cmpint (rtk_transport_get_state (fixture.transport), ==, RTK_SERVER_ONLINE);
  g_assert_cmpint (rtk_transport_get_role (fixture.transport), ==, RTK_ROLE_SUPERVISOR);
  user = rtk_transport_dup_user (fixture.transport);
  g_assert_cmpstr (user, ==, "supervisor");
  station = rtk_transport_dup_station_id (fixture.transport);
  g_assert_true (rtk_id_is_valid (station));
  key = rtk_transport_dup_code_key (fixture.transport);
  g_assert_cmpuint (g_bytes_get_size (key), ==, 32);
  g_assert_true (sign_in (fixture.transport, "operator", RTK_TEST_PASSWORD, &error));
  again = rtk_transport_dup_station_id (fixture.transport);
  g_assert_cmpstr (again, ==, station);
}

static void
test_pages (void)
{
  g_auto (Fixture) fixture;
  g_autoptr (GError) error = NULL;
  g_autofree char *cursor = g_strdup ("");
  gboolean         more = TRUE;
  guint            seen = 0;
  guint            pages = 0;

  fixture_init (&fixture, 5, NULL);
  for (guint i = 0; i < 5; i++) {
    g_autofree char *order = rtk_test_make_order (fixture.server, i, FALSE);

    g_assert_nonnull (order);
  }
  g_assert_true (sign_in (fixture.transport, "operator", RTK_TEST_PASSWORD, &error));
  while (more) {
    g_autoptr (RtkChangePage) page = pull (fixture.transport, cursor, 2, &error);

    g_assert_no_error (error);
    g_assert_nonnull (rtk_order_get_code_digest (g_ptr_array_index (page->orders, 0)));
    seen += page->orders->len;
    more = page->more;
    g_free (cursor);
    cursor = g_strdup (page->cursor);
    pages++;
  }
  g_assert_cmpuint (seen, ==, 5);
  g_assert_cmpuint (pages, ==, 3);
}

static gboolean
passed_cb (gpointer user_data)
{
  *(gboolean *)user_data = TRUE;
  return G_SOURCE_REMOVE;
}

/* The access token has run out: several calls at once share one refresh. */
static void
test_refresh (void)
{
  g_auto (Fixture) fixture;
  g_autoptr (GError) error = NULL;
  g_autoptr (GUri) uri = NULL;
  GAsyncResult *results[6] = {NULL};
  gint64        expired;
  gboolean      passed = FALSE;

  fixture_init (&fixture, 0, (const char *[]){"--access-seconds", "1", NULL});
  g_assert_true (sign_in (fixture.transport, "operator", RTK_TEST_PASSWORD, &error));
  g_assert_no_error (error);
  expired = g_get_real_time () + G_USEC_PER_SEC;
  rtk_test_server_kill (fixture.server);
  /* Sessions last over a restart; this one's access token has run out by then. */
  g_strfreev (fixture.server->extra);
  fixture.server->extra = g_strdupv ((char *[]){(char *)"--access-seconds", (char *)"60", NULL});
  rtk_test_server_start (fixture.server);
  uri = g_uri_parse (fixture.server->url, G_URI_FLAGS_NONE, NULL);
  fixture.proxy.target = (guint16)g_uri_get_port (uri);
  /* Until the token is old: that is what this test is about. */
  g_timeout_add ((guint)MAX (1, (expired - g_get_real_time ()) / 1000 + 1), passed_cb, &passed);
  while (!passed)
    g_main_context_iteration (NULL, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    rtk_transport_pull_async (fixture.transport, "", 5, NULL, result_cb, &results[i]);
  for (guint i = 0; i < G_N_ELEMENTS (results); i++) {
    g_autoptr (RtkChangePage) page =
        rtk_transport_pull_finish (fixture.transport, wait_for (&results[i]), &error);

    g_assert_no_error (error);
    g_assert_nonnull (page);
    g_clear_object (&results[i]);
  }
  g_assert_cmpint (rtk_transport_get_state (fixture.transport), ==, RTK_SERVER_ONLINE);
}

static void
test_upload_and_fetch (void)
{
  g_auto (Fixture) fixture;
  g_autoptr (RtkTestVault) vault = rtk_test_vault_new ();
  g_autoptr (GBytes) bytes = rtk_test_make_blob ("image/jpeg", 700000, 3);
  g_autofree char *sha256 = vault_add (vault, bytes);
  g_autofree char *absent = g_strnfill (64, 'a');
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) missing = NULL;
  g_autoptr (GError) unknown = NULL;
  g_autoptr (GBytes) back = NULL;
  gsize passed;

  fixture_init (&fixture, 0, NULL);
  g_assert_true (sign_in (fixture.transport, "operator", RTK_TEST_PASSWORD, &error));
  g_assert_true (upload (fixture.transport, vault, sha256, &error));
  g_assert_no_error (error);
  back = fetch (fixture.transport, sha256, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (bytes, back));
  /* What the server has is not sent again. */
  passed = fixture.proxy.passed;
  g_assert_true (upload (fixture.transport, vault, sha256, &error));
  g_assert_cmpuint (fixture.proxy.passed - passed, <, 2000);
  g_assert_null (fetch (fixture.transport, absent, &unknown));
  g_assert_error (unknown, RTK_ERROR, RTK_ERROR_NOT_FOUND);
  g_assert_false (upload (fixture.transport, vault, absent, &missing));
  g_assert_error (missing, RTK_ERROR, RTK_ERROR_NOT_FOUND);
  g_assert_finalize_object (g_steal_pointer (&vault));
}

/* The line is cut in the middle of a photo, again and again: each try goes on where the last was
 * acknowledged, and in the end not much more than the photo has gone over it. */
static void
test_cut_upload (void)
{
  g_auto (Fixture) fixture;
  g_autoptr (RtkTestVault) vault = rtk_test_vault_new ();
  g_autoptr (GBytes) bytes = rtk_test_make_blob ("image/png", 2000000, 3);
  g_autofree char *sha256 = vault_add (vault, bytes);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) back = NULL;
  guint cuts = 0;
  gsize before;

  fixture_init (&fixture, 0, NULL);
  g_assert_true (sign_in (fixture.transport, "operator", RTK_TEST_PASSWORD, &error));
  before = fixture.proxy.passed;
  for (;;) {
    fixture.proxy.budget = 600000;
    if (upload (fixture.transport, vault, sha256, &error))
      break;
    g_assert_error (error, RTK_ERROR, RTK_ERROR_OFFLINE);
    g_assert_cmpint (rtk_transport_get_state (fixture.transport), ==, RTK_SERVER_OFFLINE);
    g_clear_error (&error);
    cuts++;
    g_assert_cmpuint (cuts, <, 20);
  }
  g_assert_no_error (error);
  g_test_message ("%u cuts, %zu bytes sent", cuts, fixture.proxy.passed - before);
  g_assert_cmpuint (cuts, >=, 3);
  g_assert_cmpuint (fixture.proxy.passed - before, <, 2000000 + (cuts + 1) * 280000);
  fixture.proxy.budget = -1;
  back = fetch (fixture.transport, sha256, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (bytes, back));
  g_assert_cmpint (rtk_transport_get_state (fixture.transport), ==, RTK_SERVER_ONLINE);
  g_assert_finalize_object (g_steal_pointer (&vault));
}

static void
test_push (void)
{
  g_auto (Fixture) fixture;
  g_autoptr (RtkTestVault) vault = rtk_test_vault_new ();
  static const char *const types[] = {"image/jpeg", "image/png", "image/jpeg", "application/json",
                                      "application/json"};
  char                    *parts[6] = {NULL};
  g_autofree char         *order_id = NULL;
  g_autofree char         *station = NULL;
  g_autoptr (RtkChangePage) page = NULL;
  g_autoptr (RtkOperation) operation = NULL;
  g_autoptr (GError) error = NULL;
  const RtkOutcome expected[] = {RTK_OUTCOME_RETRY, RTK_OUTCOME_APPLIED, RTK_OUTCOME_DUPLICATE};

  fixture_init (&fixture, 1, NULL);
  order_id = rtk_test_make_order (fixture.server, 0, TRUE);
  g_assert_true (sign_in (fixture.transport, "operator", RTK_TEST_PASSWORD, &error));
  station = rtk_transport_dup_station_id (fixture.transport);
  page = pull (fixture.transport, "", 5, &error);
  for (guint i = 0; i < G_N_ELEMENTS (types); i++) {
    g_autoptr (GBytes) bytes = rtk_test_make_blob (types[i], 3000 + i, i);

    parts[i] = vault_add (vault, bytes);
  }
  operation =
      rtk_test_make_operation (fixture.signer, station, order_id,
                               rtk_order_get_revision (g_ptr_array_index (page->orders, 0)), parts);
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++) {
    g_autoptr (GPtrArray) results = push (fixture.transport, operation, &error);
    RtkResult *result;

    g_assert_no_error (error);
    g_assert_cmpuint (results->len, ==, 1);
    result = g_ptr_array_index (results, 0);
    g_assert_cmpint (result->outcome, ==, expected[i]);
    g_assert_cmpuint (rtk_order_get_submissions (result->order)->len, ==, i == 0 ? 1 : 2);
    for (guint j = 0; i == 0 && j < G_N_ELEMENTS (types); j++)
      g_assert_true (upload (fixture.transport, vault, parts[j], &error));
  }
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    g_free (parts[i]);
  g_assert_finalize_object (g_steal_pointer (&vault));
}

static void
test_gone_and_back (void)
{
  g_auto (Fixture) fixture;
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) gone = NULL;
  g_autoptr (RtkChangePage) page = NULL;
  g_autoptr (GUri) uri = NULL;

  fixture_init (&fixture, 0, NULL);
  g_assert_true (sign_in (fixture.transport, "operator", RTK_TEST_PASSWORD, &error));
  rtk_test_server_kill (fixture.server);
  cut (&fixture.proxy);
  g_assert_null (pull (fixture.transport, "", 5, &gone));
  g_assert_error (gone, RTK_ERROR, RTK_ERROR_OFFLINE);
  g_assert_cmpint (rtk_transport_get_state (fixture.transport), ==, RTK_SERVER_OFFLINE);
  rtk_test_server_start (fixture.server);
  uri = g_uri_parse (fixture.server->url, G_URI_FLAGS_NONE, NULL);
  fixture.proxy.target = (guint16)g_uri_get_port (uri);
  page = pull (fixture.transport, "", 5, &error);
  g_assert_no_error (error);
  g_assert_nonnull (page);
  g_assert_cmpint (rtk_transport_get_state (fixture.transport), ==, RTK_SERVER_ONLINE);
}

static void
test_roles_and_cancel (void)
{
  g_auto (Fixture) fixture;
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) cancelled = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (RtkOperation) operation = NULL;
  g_autofree char *station = NULL;
  g_autofree char *order = rtk_test_new_id ();
  g_autofree char *sha256 = g_strnfill (64, 'a');
  char            *parts[] = {sha256, sha256, sha256, sha256, sha256};

  fixture_init (&fixture, 0, NULL);
  g_assert_true (sign_in (fixture.transport, "reviewer", RTK_TEST_PASSWORD, &error));
  station = rtk_transport_dup_station_id (fixture.transport);
  operation = rtk_test_make_operation (fixture.signer, station, order, 1, parts);
  g_assert_null (push (fixture.transport, operation, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_FORBIDDEN);
  rtk_transport_pull_async (fixture.transport, "", 5, cancellable, result_cb, &result);
  g_cancellable_cancel (cancellable);
  g_assert_null (rtk_transport_pull_finish (fixture.transport, wait_for (&result), &cancelled));
  g_assert_error (cancelled, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (rtk_transport_get_state (fixture.transport), ==, RTK_SERVER_ONLINE);
  g_clear_object (&result);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/net/http-transport/address", test_address);
  g_test_add_func ("/net/http-transport/sign-in", test_sign_in);
  g_test_add_func ("/net/http-transport/pages", test_pages);
  g_test_add_func ("/net/http-transport/refresh", test_refresh);
  g_test_add_func ("/net/http-transport/upload-and-fetch", test_upload_and_fetch);
  g_test_add_func ("/net/http-transport/cut-upload", test_cut_upload);
  g_test_add_func ("/net/http-transport/push", test_push);
  g_test_add_func ("/net/http-transport/gone-and-back", test_gone_and_back);
  g_test_add_func ("/net/http-transport/roles-and-cancel", test_roles_and_cancel);
  return g_test_run ();
}
