/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-id.h"
#include "server/rtk-server-call.h"
#include "support/rtk-test-server.h"
#include "support/rtk-test-signer.h"

#include <string.h>

/* Whatever is sent, the answer is a document below 500 and the server lives on. Bounded; the seed
 * is the test's own (--seed), so that a failure comes again. */
#define N_BODIES 1200
#define N_REQUESTS 400

/* Bits, cuts, repeats and words that mean something elsewhere. */
static GBytes *
mutate (const char *text, gsize size)
{
  static const char *const words[] = {"null",
                                      "-1",
                                      "1e999",
                                      "{}",
                                      "[]",
                                      "\"\"",
                                      "\\u0000",
                                      "\xff",
                                      "\"\\ud800\"",
                                      "true",
                                      "9223372036854775808",
                                      "{\"a\":",
                                      "[[[[[[",
                                      "\"id\":1,\"id\":2",
                                      "%s%n",
                                      "';--"};
  g_autoptr (GString) out = g_string_new_len (text, (gssize)size);
  int n = g_test_rand_int_range (1, 5);

  while (n-- > 0 && out->len > 0) {
    gsize at = (gsize)g_test_rand_int_range (0, (gint32)out->len);
    gsize wanted = (gsize)g_test_rand_int_range (1, 20);
    gsize length = MIN (out->len - at, wanted);

    switch (g_test_rand_int_range (0, 5)) {
    case 0:
      out->str[at] = (char)(out->str[at] ^ (1 << g_test_rand_int_range (0, 8)));
      break;
    case 1:
      g_string_erase (out, (gssize)at, (gssize)length);
      break;
    case 2: {
      g_autofree char *copy = g_memdup2 (out->str + at, length);

      g_string_insert_len (out, (gssize)at, copy, (gssize)length);
      break;
    }
    case 3:
      g_string_truncate (out, at);
      break;
    default:
      g_string_insert (out, (gssize)at, words[g_test_rand_int_range (0, G_N_ELEMENTS (words))]);
    }
  }
  return g_bytes_new (out->str, out->len);
}

typedef struct {
  const char *path;
  char       *body;
  char       *token; /* (nullable) */
} Sample;

static void
test_bodies (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (4, NULL);
  g_autoptr (RtkSigner) signer = rtk_test_signer_new ("desk");
  g_autofree char *staff = rtk_test_sign_in (server, "supervisor");
  g_autofree char *station = rtk_test_enrol (server, staff, "supervisor", signer);
  g_autofree char *order = rtk_test_make_order (server, 0, TRUE);
  g_autofree char *account = rtk_test_sign_up (server, 1);
  g_auto (GStrv) parts = rtk_test_upload_parts (server, staff, 1);
  g_autoptr (RtkOperation) operation = rtk_test_make_operation (signer, station, order, 2, parts);
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *pay = g_strdup_printf ("/v1/orders/%s/payments", order);
  g_autofree char *review = g_strdup_printf ("/v1/reviews/%s", id);
  const Sample     samples[] = {
          {"/v1/operations", rtk_test_operations_body (operation, NULL), staff},
          {"/v1/stations",
           g_strdup_printf ("{\"name\":\"a\",\"key\":\"%s\",\"proof\":\"AAAA\"}",
                            rtk_signer_get_key_id (signer)),
           staff},
          {pay,
           g_strdup_printf ("{\"id\":\"%s\",\"method\":\"cash\",\"reference\":\"R\",\"amount_fen\":1}",
                            id),
           staff},
          {"/v1/reviews/claim", g_strdup ("{\"count\":10}"), staff},
          {review,
           g_strdup ("{\"verdict\":\"rejected\",\"revision\":3,\"reasons\":[\"gaze\"],\"note\":\"x\"}"),
           staff},
          {"/v1/session/refresh", g_strdup ("{\"refresh_token\":\"abcdefghijk\"}"), NULL},
          {"/v1/online/codes", g_strdup ("{\"code\":\"ABCDEFGH\",\"number\":\"12345\"}"), account},
          {"/v1/online/orders", g_strdup_printf ("{\"id\":\"%s\"}", id), account},
  };

  for (guint i = 0; i < N_BODIES; i++) {
    const Sample *sample = &samples[i % G_N_ELEMENTS (samples)];
    g_autoptr (GBytes) body = mutate (sample->body, strlen (sample->body));
    g_autoptr (RtkTestReply) reply = rtk_test_call_raw (server, sample->token, "POST", sample->path,
                                                        "application/json", body, NULL);

    if (reply->status >= 500)
      g_test_message ("%s: %.*s", sample->path, (int)g_bytes_get_size (body),
                      (const char *)g_bytes_get_data (body, NULL));
    g_assert_cmpuint (reply->status, <, 500);
    g_assert_nonnull (reply->json);
  }
  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    g_free (samples[i].body);
  g_assert_finalize_object (g_steal_pointer (&signer));
}

/* Requests that are not quite HTTP. */
static void
test_requests (void)
{
  static const char sample[] =
      "PATCH /v1/uploads/0190f7a0-0000-7000-8000-000000000001?since=1&limit=2 HTTP/1.1\r\n"
      "Host: localhost\r\nAuthorization: Bearer abc\r\nTus-Resumable: 1.0.0\r\n"
      "Upload-Offset: 0\r\nUpload-Checksum: sha256 AAAA\r\nUpload-Metadata: sha256 AAAA,type "
      "BBBB\r\n"
      "Content-Type: application/offset+octet-stream\r\nContent-Length: 3\r\n\r\nabc";
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autoptr (GUri) uri = g_uri_parse (server->url, G_URI_FLAGS_NONE, NULL);
  g_autoptr (RtkTestReply) alive = NULL;

  for (guint i = 0; i < N_REQUESTS; i++) {
    g_autoptr (GBytes) request = mutate (sample, strlen (sample));
    g_autoptr (GSocketClient) client = g_socket_client_new ();
    g_autoptr (GSocketConnection) connection = NULL;
    char answer[64] = "";

    g_socket_client_set_enable_proxy (client, FALSE);
    connection = g_socket_client_connect_to_host (client, "127.0.0.1",
                                                  (guint16)g_uri_get_port (uri), NULL, NULL);
    g_assert_nonnull (connection);
    (void)g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (connection)),
                                     g_bytes_get_data (request, NULL), g_bytes_get_size (request),
                                     NULL, NULL, NULL);
    /* The end of what is sent: an unfinished request is not waited for. */
    (void)g_socket_shutdown (g_socket_connection_get_socket (connection), FALSE, TRUE, NULL);
    (void)g_input_stream_read (g_io_stream_get_input_stream (G_IO_STREAM (connection)), answer,
                               sizeof answer - 1, NULL, NULL);
    /* 501 is libsoup's word for a version of HTTP or a coding that it does not know. */
    if (g_str_has_prefix (answer, "HTTP/1.") && strlen (answer) > 9)
      g_assert_true (answer[9] != '5' || g_str_has_prefix (answer + 9, "501") ||
                     g_str_has_prefix (answer + 9, "505"));
  }
  alive = rtk_test_call (server, NULL, "GET", "/healthz", NULL);
  g_assert_cmpuint (alive->status, ==, 200);
}

/* What no body can be: refused with the end of the connection, not a word in the log. */
static void
test_lengths (void)
{
  static const char *const lengths[] = {"-13", "-1", "-9223372036854775808"};
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autoptr (GUri) uri = g_uri_parse (server->url, G_URI_FLAGS_NONE, NULL);
  g_autoptr (RtkTestReply) alive = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++) {
    g_autoptr (GSocketClient) client = g_socket_client_new ();
    g_autoptr (GSocketConnection) connection = g_socket_client_connect_to_host (
        client, "127.0.0.1", (guint16)g_uri_get_port (uri), NULL, NULL);
    g_autofree char *request = g_strdup_printf (
        "POST /v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: %s\r\n\r\n{}",
        lengths[i]);
    char  answer[256] = "";
    gsize size = 0;

    g_assert_nonnull (connection);
    g_assert_true (
        g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (connection)),
                                   request, strlen (request), NULL, NULL, NULL));
    g_assert_true (g_input_stream_read_all (g_io_stream_get_input_stream (G_IO_STREAM (connection)),
                                            answer, sizeof answer - 1, &size, NULL, NULL));
    g_assert_true (g_str_has_prefix (answer, "HTTP/1.1 400 "));
  }
  alive = rtk_test_call (server, NULL, "GET", "/healthz", NULL);
  g_assert_cmpuint (alive->status, ==, 200);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/mutations/bodies", test_bodies);
  g_test_add_func ("/server/mutations/lengths", test_lengths);
  g_test_add_func ("/server/mutations/requests", test_requests);
  return g_test_run ();
}
