/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-id.h"
#include "support/rtk-test-database.h"
#include "support/rtk-test-server.h"
#include "support/rtk-test-signer.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <utime.h>

#define TUS "Tus-Resumable", "1.0.0"

static char *
begin (RtkTestServer *server, const char *token, GBytes *bytes)
{
  char             sha256[65];
  g_autofree char *name64 = NULL;
  g_autofree char *metadata = NULL;
  g_autofree char *length = g_strdup_printf ("%zu", g_bytes_get_size (bytes));
  g_autoptr (RtkTestReply) reply = NULL;

  rtk_sha256_hex (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), sha256);
  name64 = g_base64_encode ((const guchar *)sha256, 64);
  metadata = g_strdup_printf ("type aW1hZ2UvanBlZw==,sha256 %s", name64);
  reply = rtk_test_call_raw (
      server, token, "POST", "/v1/uploads", NULL, NULL,
      (const char *[]){TUS, "Upload-Length", length, "Upload-Metadata", metadata, NULL});
  g_assert_cmpuint (reply->status, ==, 201);
  return g_strdup (g_hash_table_lookup (reply->headers, "location"));
}

static RtkTestReply *
patch (RtkTestServer *server,
       const char    *token,
       const char    *location,
       gint64         offset,
       GBytes        *part,
       const char    *checksum)
{
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, offset);

  return rtk_test_call_raw (
      server, token, "PATCH", location, "application/offset+octet-stream", part,
      (const char *[]){TUS, "Upload-Offset", text, checksum != NULL ? "Upload-Checksum" : NULL,
                       checksum, NULL});
}

static gint64
ask (RtkTestServer *server, const char *token, const char *location)
{
  g_autoptr (RtkTestReply) reply =
      rtk_test_call_raw (server, token, "HEAD", location, NULL, NULL, (const char *[]){TUS, NULL});

  g_assert_cmpuint (reply->status, ==, 200);
  return g_ascii_strtoll (g_hash_table_lookup (reply->headers, "upload-offset"), NULL, 10);
}

static void
assert_photo (RtkTestServer *server, const char *token, GBytes *bytes)
{
  char             sha256[65];
  g_autofree char *path = NULL;
  g_autoptr (RtkTestReply) reply = NULL;
  g_autoptr (RtkTestReply) head = NULL;

  rtk_sha256_hex (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), sha256);
  path = g_strconcat ("/v1/photos/", sha256, NULL);
  reply = rtk_test_call (server, token, "GET", path, NULL);
  g_assert_cmpuint (reply->status, ==, 200);
  g_assert_true (g_bytes_equal (reply->body, bytes));
  g_assert_cmpstr (g_hash_table_lookup (reply->headers, "content-type"), ==, "image/jpeg");
  head = rtk_test_call (server, token, "HEAD", path, NULL);
  g_assert_cmpuint (head->status, ==, 200);
}

static void
test_parts (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autofree char *other = rtk_test_sign_in (server, "reviewer");
  g_autoptr (GBytes) bytes = rtk_test_make_blob ("image/jpeg", 100000, 1);
  g_autofree char *location = begin (server, token, bytes);
  g_autofree char *same = begin (server, token, bytes);
  g_autofree char *finished = NULL;
  g_autoptr (GBytes) rest = g_bytes_new_from_bytes (bytes, 90000, 10000);
  g_autoptr (RtkTestReply) wrong = NULL;
  g_autoptr (RtkTestReply) foreign = NULL;
  g_autoptr (RtkTestReply) too_much = NULL;
  g_autoptr (RtkTestReply) last = NULL;

  g_assert_cmpstr (location, ==, same);
  for (gint64 offset = 0; offset < 90000; offset += 30000) {
    g_autoptr (GBytes) part = g_bytes_new_from_bytes (bytes, (gsize)offset, 30000);
    g_autoptr (RtkTestReply) reply = patch (server, token, location, offset, part, NULL);

    g_assert_cmpuint (reply->status, ==, 204);
    g_assert_cmpint (ask (server, token, location), ==, offset + 30000);
  }
  wrong = patch (server, token, location, 60000, rest, NULL);
  rtk_test_assert_problem (wrong, 409, "wrong-offset");
  foreign = patch (server, other, location, 90000, rest, NULL);
  rtk_test_assert_problem (foreign, 404, "not-found");
  too_much = patch (server, token, location, 90000, bytes, NULL);
  rtk_test_assert_problem (too_much, 413, "too-large");
  last = patch (server, token, location, 90000, rest, NULL);
  g_assert_cmpuint (last->status, ==, 204);
  assert_photo (server, other, bytes);
  /* The same photo again is there already. */
  finished = begin (server, other, bytes);
  g_assert_cmpint (ask (server, other, finished), ==, 100000);
}

static void
test_checksums (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autoptr (GBytes) bytes = rtk_test_make_blob ("image/jpeg", 5000, 1);
  g_autoptr (GBytes) other = rtk_test_make_blob ("image/jpeg", 5000, 2);
  g_autofree char *location = begin (server, token, bytes);
  g_autoptr (RtkTestReply) bad = patch (server, token, location, 0, bytes,
                                        "sha256 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
  g_autoptr (RtkTestReply) nonsense = patch (server, token, location, 0, bytes, "md5 x");
  g_autoptr (RtkTestReply) bad_sha1 =
      patch (server, token, location, 0, bytes, "sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
  g_autoptr (RtkTestReply) exchanged = NULL;
  g_autoptr (RtkTestReply) good = NULL;

  rtk_test_assert_problem (bad, 460, "checksum-mismatch");
  rtk_test_assert_problem (nonsense, 400, "bad-checksum");
  rtk_test_assert_problem (bad_sha1, 460, "checksum-mismatch");
  g_assert_cmpint (ask (server, token, location), ==, 0);
  /* A whole photo that is another than announced is dropped; the right one can follow. */
  exchanged = patch (server, token, location, 0, other, NULL);
  rtk_test_assert_problem (exchanged, 460, "checksum-mismatch");
  g_assert_cmpint (ask (server, token, location), ==, 0);
  good = patch (server, token, location, 0, bytes, NULL);
  g_assert_cmpuint (good->status, ==, 204);
  assert_photo (server, token, bytes);
}

static void
test_refusals (void)
{
  static const char *const meta = "Upload-Metadata";
  static const char *const length = "Upload-Length";
  g_autoptr (RtkTestServer) server =
      rtk_test_server_new (0, (const char *[]){"--max-upload", "10000", NULL});
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autofree char *name = g_strnfill (64, 'a');
  g_autofree char *name64 = g_base64_encode ((const guchar *)name, 64);
  g_autofree char *right = g_strdup_printf ("sha256 %s,type aW1hZ2UvanBlZw==", name64);
  g_autofree char *html = g_strdup_printf ("sha256 %s,type dGV4dC9odG1s", name64);
  const struct {
    const char *headers[7];
    guint       status;
    const char *problem;
  } cases[] = {
      {{length, "10", meta, right, NULL}, 412, "tus-version"},
      {{"Tus-Resumable", "0.2.2", length, "10", meta, right, NULL}, 412, "tus-version"},
      {{TUS, meta, right, NULL}, 400, "bad-upload"},
      {{TUS, length, "-1", meta, right, NULL}, 400, "bad-upload"},
      {{TUS, length, "ten", meta, right, NULL}, 400, "bad-upload"},
      {{TUS, length, "10", NULL}, 400, "bad-upload"},
      {{TUS, length, "10", meta, "sha256 Li4vLi4v,type aW1hZ2UvanBlZw==", NULL}, 400, "bad-upload"},
      {{TUS, length, "10", meta, html, NULL}, 400, "bad-upload"},
      {{TUS, length, "10001", meta, right, NULL}, 413, "too-large"},
  };
  g_autoptr (RtkTestReply) options = rtk_test_call (server, NULL, "OPTIONS", "/v1/uploads", NULL);
  g_autoptr (GBytes) bytes = rtk_test_make_blob ("image/jpeg", 5000, 1);
  g_autofree char *location = begin (server, token, bytes);
  g_autoptr (RtkTestReply) type =
      rtk_test_call_raw (server, token, "PATCH", location, "application/json", bytes,
                         (const char *[]){TUS, "Upload-Offset", "0", NULL});
  g_autoptr (RtkTestReply) deleted = rtk_test_call_raw (server, token, "DELETE", location, NULL,
                                                        NULL, (const char *[]){TUS, NULL});
  g_autoptr (RtkTestReply) gone =
      rtk_test_call_raw (server, token, "HEAD", location, NULL, NULL, (const char *[]){TUS, NULL});

  g_assert_cmpuint (options->status, ==, 204);
  g_assert_cmpstr (g_hash_table_lookup (options->headers, "tus-max-size"), ==, "10000");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (RtkTestReply) reply =
        rtk_test_call_raw (server, token, "POST", "/v1/uploads", NULL, NULL, cases[i].headers);

    g_test_message ("case %u", i);
    rtk_test_assert_problem (reply, cases[i].status, cases[i].problem);
  }
  rtk_test_assert_problem (type, 415, "media-type");
  g_assert_cmpuint (deleted->status, ==, 204);
  g_assert_cmpuint (gone->status, ==, 404);
}

/* The server is killed without warning after every part; what it acknowledged is still there. */
static void
test_killed_upload (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autoptr (GBytes) bytes = rtk_test_make_blob ("image/jpeg", 400000, 7);
  g_autofree char *location = begin (server, token, bytes);
  gint64           offset = 0;

  for (guint i = 0; i < 4; i++) {
    g_autoptr (GBytes) part = g_bytes_new_from_bytes (bytes, (gsize)offset, 100000);
    g_autoptr (RtkTestReply) reply = patch (server, token, location, offset, part, NULL);

    g_assert_cmpuint (reply->status, ==, 204);
    rtk_test_server_kill (server);
    rtk_test_server_start (server);
    offset = ask (server, token, location);
    g_assert_cmpint (offset, ==, (gint64)(i + 1) * 100000);
  }
  assert_photo (server, token, bytes);
}

/* Killed after the last byte was written and before the photo got its name: it is not lost. */
static void
test_killed_before_the_end (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autoptr (GBytes) bytes = rtk_test_make_blob ("image/jpeg", 50000, 11);
  g_autofree char *location = begin (server, token, bytes);
  g_autofree char *id = g_path_get_basename (location);
  g_autofree char *path = g_build_filename (server->folder, "uploads", id, NULL);
  g_autoptr (GBytes) half = g_bytes_new_from_bytes (bytes, 0, 25000);
  g_autoptr (RtkTestReply) first = patch (server, token, location, 0, half, NULL);
  g_autoptr (RtkTestReply) last = NULL;
  g_autoptr (GBytes) rest = NULL;
  g_autoptr (GError) error = NULL;
  gint64 offset;

  g_assert_cmpuint (first->status, ==, 204);
  rtk_test_server_kill (server);
  g_assert_true (g_file_test (path, G_FILE_TEST_IS_REGULAR));
  g_file_set_contents (path, g_bytes_get_data (bytes, NULL), (gssize)g_bytes_get_size (bytes),
                       &error);
  g_assert_no_error (error);
  rtk_test_server_start (server);
  offset = ask (server, token, location);
  g_assert_cmpint (offset, <, 50000);
  rest = g_bytes_new_from_bytes (bytes, (gsize)offset, 50000 - (gsize)offset);
  last = patch (server, token, location, offset, rest, NULL);
  g_assert_cmpuint (last->status, ==, 204);
  assert_photo (server, token, bytes);
}

typedef struct {
  RtkTestServer *server;
  gint           delay_us;
} Killer;

static gpointer
kill_later (gpointer data)
{
  Killer *killer = data;

  /* Not a wait for something: the moment of the kill is what is being varied. */
  g_usleep ((gulong)killer->delay_us);
  (void)kill (
      (pid_t)g_ascii_strtoll (g_subprocess_get_identifier (killer->server->process), NULL, 10),
      SIGKILL);
  return NULL;
}

/* Sends @body without caring whether an answer comes. */
static void
send_blindly (RtkTestServer *server, const char *token, const char *body)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection = NULL;
  g_autoptr (GUri) uri = g_uri_parse (server->url, G_URI_FLAGS_NONE, NULL);
  g_autofree char *request = g_strdup_printf (
      "POST /v1/operations HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
      "Content-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
      token, strlen (body), body);
  char buffer[256];

  g_socket_client_set_enable_proxy (client, FALSE);
  connection = g_socket_client_connect_to_host (client, g_uri_get_host (uri),
                                                (guint16)g_uri_get_port (uri), NULL, NULL);
  if (connection == NULL)
    return;
  if (g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (connection)), request,
                                 strlen (request), NULL, NULL, NULL))
    (void)g_input_stream_read (g_io_stream_get_input_stream (G_IO_STREAM (connection)), buffer,
                               sizeof buffer, NULL, NULL);
}

/* The server is killed at different moments of a submission; sent again it is there once. */
static void
test_killed_operation (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (12, NULL);
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autoptr (RtkSigner) signer = rtk_test_signer_new ("desk");
  g_autofree char *station = rtk_test_enrol (server, token, "operator", signer);
  g_autofree char *audit = NULL;

  for (guint i = 0; i < 6; i++) {
    g_autofree char *order = rtk_test_make_order (server, i, TRUE);
    g_auto (GStrv) parts = rtk_test_upload_parts (server, token, 100 + i);
    g_autofree char *path = g_strconcat ("/v1/orders/", order, NULL);
    g_autoptr (RtkTestReply) before = rtk_test_call (server, token, "GET", path, NULL);
    g_autoptr (RtkOperation) operation = rtk_test_make_operation (
        signer, station, order, rtk_test_reply_int (before, "revision"), parts);
    g_autofree char *body = rtk_test_operations_body (operation, NULL);
    Killer           killer = {server, (gint)i * 50};
    GThread         *thread = g_thread_new ("kill", kill_later, &killer);
    g_autoptr (RtkTestReply) again = NULL;
    g_autoptr (RtkTestReply) after = NULL;
    JsonObject *result;
    const char *outcome;

    send_blindly (server, token, body);
    g_thread_join (thread);
    rtk_test_server_kill (server);
    rtk_test_server_start (server);
    again = rtk_test_call (server, token, "POST", "/v1/operations", body);
    g_assert_cmpuint (again->status, ==, 200);
    result =
        json_array_get_object_element (json_object_get_array_member (again->json, "results"), 0);
    outcome = json_object_get_string_member (result, "outcome");
    g_test_message ("killed after %d us: %s", killer.delay_us, outcome);
    g_assert_true (strcmp (outcome, "applied") == 0 || strcmp (outcome, "duplicate") == 0);
    after = rtk_test_call (server, token, "GET", path, NULL);
    g_assert_cmpuint (
        json_array_get_length (json_object_get_array_member (after->json, "submissions")), ==, 2);
  }
  rtk_test_server_stop (server);
  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, &audit, "audit", "verify", NULL),
                   ==, 0);
  g_assert_finalize_object (g_steal_pointer (&signer));
}

/* A photo's file is gone: the log says where that was noticed, and not which photo it was. */
static void
test_lost_file (void)
{
  g_autoptr (RtkTestServer) server = NULL;
  g_autoptr (GBytes) bytes = rtk_test_make_blob ("image/jpeg", 1000, 7);
  g_autofree char *token = NULL;
  g_autofree char *sha256 = NULL;
  g_autofree char *path = NULL;
  g_autofree char *part = NULL;
  g_autofree char *file = NULL;
  g_autoptr (RtkTestReply) reply = NULL;

  /* The warning is what is looked for. */
  g_assert_true (g_setenv ("G_DEBUG", "gc-friendly", TRUE));
  server = rtk_test_server_new (1, NULL);
  token = rtk_test_sign_in (server, "operator");
  sha256 = rtk_test_upload (server, token, bytes, "image/jpeg");
  path = g_strconcat ("/v1/photos/", sha256, NULL);
  part = g_strndup (sha256, 2);
  file = g_build_filename (server->folder, "photos", part, sha256, NULL);
  g_assert_cmpint (g_unlink (file), ==, 0);
  reply = rtk_test_call (server, token, "GET", path, NULL);
  rtk_test_assert_problem (reply, 500, "internal");
  rtk_test_server_stop (server);
  g_assert_nonnull (strstr (server->log->str, "A photo's file is missing"));
  g_assert_null (strstr (server->log->str, sha256));
  g_string_truncate (server->log, 0);
}

static guint
ask_status (RtkTestServer *server, const char *token, const char *location)
{
  g_autoptr (RtkTestReply) reply =
      rtk_test_call_raw (server, token, "HEAD", location, NULL, NULL, (const char *[]){TUS, NULL});

  return reply->status;
}

/* As if an upload of a server that is stopped had been left @days ago, its part included. */
static void
leave_for (RtkTestServer *server, const char *location, const char *path, gint days)
{
  g_autoptr (RtkServerDb) db = rtk_test_open_database (server->folder);
  g_autofree char *id = g_path_get_basename (location);
  g_autoptr (GError) error = NULL;
  gint64         then = g_get_real_time () - days * G_TIME_SPAN_DAY;
  struct utimbuf times = {then / G_USEC_PER_SEC, then / G_USEC_PER_SEC};

  rtk_server_db_run (db, &error,
                     "UPDATE uploads SET created_at = ?1, expires_at = ?1 WHERE id = ?2", "is",
                     then, id);
  g_assert_no_error (error);
  if (g_file_test (path, G_FILE_TEST_EXISTS))
    g_assert_cmpint (utime (path, &times), ==, 0);
}

/* What nobody goes on with loses its part, is answered 410 for a while, and is forgotten then; it
 * can be begun again. What is not as old stays, also when only its part is young. */
static void
test_expired (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_auto (GStrv) places = g_new0 (char *, 4);
  g_auto (GStrv) paths = g_new0 (char *, 4);
  g_autofree char *again = NULL;
  g_autoptr (GBytes) first = NULL;

  for (guint i = 0; i < 3; i++) {
    g_autoptr (GBytes) bytes = rtk_test_make_blob ("image/jpeg", 20000, 50 + i);
    g_autoptr (GBytes) half = g_bytes_new_from_bytes (bytes, 0, 10000);
    g_autofree char *id = NULL;
    g_autoptr (RtkTestReply) reply = NULL;

    places[i] = begin (server, token, bytes);
    id = g_path_get_basename (places[i]);
    paths[i] = g_build_filename (server->folder, "uploads", id, NULL);
    reply = patch (server, token, places[i], 0, half, NULL);
    g_assert_cmpuint (reply->status, ==, 204);
    if (i == 0)
      first = g_bytes_ref (bytes);
  }
  rtk_test_server_stop (server);
  leave_for (server, places[0], paths[0], 2);
  leave_for (server, places[1], "", 2);
  /* The jobs run when the server begins. */
  rtk_test_server_start (server);
  while (g_file_test (paths[0], G_FILE_TEST_EXISTS))
    g_assert_cmpuint (ask_status (server, token, places[0]), ==, 410);
  g_assert_cmpuint (ask_status (server, token, places[0]), ==, 410);
  g_assert_cmpint (ask (server, token, places[1]), ==, 10000);
  g_assert_cmpint (ask (server, token, places[2]), ==, 10000);
  rtk_test_server_stop (server);
  leave_for (server, places[0], paths[0], 30);
  rtk_test_server_start (server);
  while (ask_status (server, token, places[0]) == 410)
    continue;
  g_assert_cmpuint (ask_status (server, token, places[0]), ==, 404);
  again = begin (server, token, first);
  g_assert_cmpint (ask (server, token, again), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/uploads/parts", test_parts);
  g_test_add_func ("/server/uploads/checksums", test_checksums);
  g_test_add_func ("/server/uploads/refusals", test_refusals);
  g_test_add_func ("/server/uploads/killed-upload", test_killed_upload);
  g_test_add_func ("/server/uploads/killed-before-the-end", test_killed_before_the_end);
  g_test_add_func ("/server/uploads/killed-operation", test_killed_operation);
  g_test_add_func ("/server/uploads/expired", test_expired);
  g_test_add_func ("/server/uploads/lost-file", test_lost_file);
  return g_test_run ();
}
