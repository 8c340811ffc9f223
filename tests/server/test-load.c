/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-id.h"
#include "server/rtk-server-files.h"
#include "support/rtk-test-database.h"
#include "support/rtk-test-server.h"

#include <gdk-pixbuf/gdk-pixbuf.h>
#include <glib/gstdio.h>
#include <string.h>

/* What one caller, or many at once, can make the server hold or do: all of it has an end. */

#define TUS "Tus-Resumable", "1.0.0"
#define N_WRITES 100

static RtkTestReply *
begin (RtkTestServer *server, const char *token, const char *sha256, gsize length, const char *type)
{
  g_autofree char *sha64 = g_base64_encode ((const guchar *)sha256, 64);
  g_autofree char *type64 = g_base64_encode ((const guchar *)type, strlen (type));
  g_autofree char *metadata = g_strdup_printf ("type %s,sha256 %s", type64, sha64);
  g_autofree char *size = g_strdup_printf ("%zu", length);

  return rtk_test_call_raw (
      server, token, "POST", "/v1/uploads", NULL, NULL,
      (const char *[]){TUS, "Upload-Length", size, "Upload-Metadata", metadata, NULL});
}

static gint64
read_gauge (RtkTestServer *server, const char *name)
{
  g_autoptr (RtkTestReply) reply = rtk_test_call (server, NULL, "GET", "/metrics", NULL);
  gsize            size;
  const char      *data = g_bytes_get_data (reply->body, &size);
  g_autofree char *text = g_strndup (data, size);
  g_autofree char *start = g_strconcat ("\nretake_", name, " ", NULL);
  const char      *line = strstr (text, start);

  g_assert_cmpuint (reply->status, ==, 200);
  g_assert_nonnull (line);
  return g_ascii_strtoll (line + strlen (start), NULL, 10);
}

/* The gauges tell how many there are. */
static void
test_gauges (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (4, NULL);
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  gint64           sessions = read_gauge (server, "sessions");

  g_assert_cmpint (sessions, ==, 1);
  g_assert_cmpint (read_gauge (server, "waiting_reviews"), ==, 0);
  for (guint i = 0; i < 4; i++) {
    g_autofree char *order = rtk_test_make_order (server, i, i < 3);
  }
  g_assert_cmpint (read_gauge (server, "waiting_reviews"), ==, 3);
  for (guint i = 0; i < 2; i++) {
    char             digit = (char)('a' + i);
    g_autofree char *sha256 = g_strnfill (64, digit);
    g_autoptr (RtkTestReply) reply = begin (server, token, sha256, 100, "image/jpeg");

    g_assert_cmpuint (reply->status, ==, 201);
  }
  g_assert_cmpint (read_gauge (server, "uploads"), ==, 2);
}

/* The same photo as something else: not silently as it was begun. */
static void
test_other_type (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autofree char *sha256 = g_strnfill (64, 'a');
  g_autoptr (RtkTestReply) first = begin (server, token, sha256, 100, "image/jpeg");
  g_autoptr (RtkTestReply) same = begin (server, token, sha256, 100, "image/jpeg");
  g_autoptr (RtkTestReply) other = begin (server, token, sha256, 100, "image/png");
  g_autoptr (RtkTestReply) longer = begin (server, token, sha256, 101, "image/jpeg");

  g_assert_cmpuint (first->status, ==, 201);
  g_assert_cmpuint (same->status, ==, 201);
  rtk_test_assert_problem (other, 409, "length-differs");
  rtk_test_assert_problem (longer, 409, "length-differs");
}

static gpointer
write_often (gpointer data)
{
  g_autofree char *text = g_strnfill (5000, 'x');

  for (guint i = 0; i < N_WRITES; i++) {
    g_autoptr (GError) error = NULL;

    g_assert_true (rtk_server_file_write (data, text, 5000, &error));
    g_assert_no_error (error);
  }
  return NULL;
}

/* As processes do that share a folder: each writes all of it, and nothing is left beside it. */
static void
test_same_file (void)
{
  g_autofree char *folder = g_dir_make_tmp ("retake-server-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "file", NULL);
  g_autofree char *left = g_build_filename (folder, "file.new-a1B2c3", NULL);
  g_autofree char *text = NULL;
  gsize            size;
  GThread         *threads[3];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("write", write_often, path);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_true (g_file_get_contents (path, &text, &size, NULL));
  g_assert_cmpuint (size, ==, 5000);
  g_assert_true (rtk_server_file_has_only (folder, (const char *[]){"file", NULL}));
  /* What a killed one left is known for what it is, and cleared away. */
  g_assert_true (g_file_set_contents (left, "x", 1, NULL));
  g_assert_false (rtk_server_file_has_only (folder, (const char *[]){"file", NULL}));
  g_assert_true (rtk_server_file_clear_folder (folder, (const char *[]){"file", "file.new", NULL},
                                               (const char *[]){"file", NULL}, NULL));
  g_assert_true (rtk_server_file_has_only (folder, (const char *[]){"file", NULL}));
  rtk_test_remove_folder (folder);
}

static RtkTestReply *
get_thumbnail (RtkTestServer *server, const char *token, const char *sha256)
{
  g_autofree char *path = g_strconcat ("/v1/photos/", sha256, "/thumbnail", NULL);

  return rtk_test_call (server, token, "GET", path, NULL);
}

static guint
ask_thumbnail (RtkTestServer *server, const char *token, const char *sha256)
{
  g_autoptr (RtkTestReply) reply = get_thumbnail (server, token, sha256);

  return reply->status;
}

/* It is made once: after that the file is sent as it is, also by a server that begins anew. */
static void
assert_made_once (RtkTestServer *server, const char *token, const char *sha256)
{
  static const char marked[] = "not what would be made";
  g_autofree char  *folder = g_strdup_printf ("%s/thumbnails/%.2s", server->folder, sha256);
  g_autofree char  *path = g_build_filename (folder, sha256, NULL);
  g_autoptr (RtkTestReply) made = get_thumbnail (server, token, sha256);
  g_autofree char *data = NULL;
  gsize            size;

  g_assert_cmpuint (made->status, ==, 200);
  g_assert_true (g_file_get_contents (path, &data, &size, NULL));
  g_assert_cmpmem (g_bytes_get_data (made->body, NULL), g_bytes_get_size (made->body), data, size);
  g_assert_true (g_file_set_contents (path, marked, -1, NULL));
  for (guint i = 0; i < 2; i++) {
    g_autoptr (RtkTestReply) again = get_thumbnail (server, token, sha256);

    g_assert_cmpmem (g_bytes_get_data (again->body, NULL), g_bytes_get_size (again->body), marked,
                     strlen (marked));
    if (i == 0) {
      rtk_test_server_stop (server);
      rtk_test_server_start (server);
    }
  }
}

/* A picture for which there was no time is not taken for a broken one. */
static void
test_late_picture (void)
{
  g_autoptr (RtkTestServer) server =
      rtk_test_server_new (0, (const char *[]){"--thumbnail-seconds", "0", NULL});
  g_autofree char *token = rtk_test_sign_in (server, "reviewer");
  g_autofree char *uploader = rtk_test_sign_in (server, "operator");
  g_autoptr (GdkPixbuf) pixbuf = gdk_pixbuf_new (GDK_COLORSPACE_RGB, FALSE, 8, 400, 400);
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  g_autoptr (GBytes) bytes = NULL;
  g_autofree char *sha256 = NULL;
  guint8          *pixels = gdk_pixbuf_get_pixels (pixbuf);
  char            *data;
  gsize            size;

  for (int i = 0; i < 400 * gdk_pixbuf_get_rowstride (pixbuf); i++)
    pixels[i] = (guint8)g_rand_int_range (rand, 0, 256);
  g_assert_true (gdk_pixbuf_save_to_buffer (pixbuf, &data, &size, "png", NULL, NULL));
  bytes = g_bytes_new_take (data, size);
  sha256 = rtk_test_upload (server, uploader, bytes, "image/png");
  g_assert_cmpuint (ask_thumbnail (server, token, sha256), ==, 422);
  rtk_test_server_stop (server);
  g_free (server->extra[1]);
  server->extra[1] = g_strdup ("10");
  rtk_test_server_start (server);
  g_assert_cmpuint (ask_thumbnail (server, token, sha256), ==, 200);
  assert_made_once (server, token, sha256);
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
  return connection;
}

/* Begins a part of an upload, sends @size bytes of its million, and leaves it at that. */
static GSocketConnection *
begin_part (RtkTestServer *server, const char *token, gsize size)
{
  GSocketConnection *connection = connect_to (server);
  GOutputStream     *out = g_io_stream_get_output_stream (G_IO_STREAM (connection));
  g_autofree char   *id = rtk_test_new_id ();
  g_autofree char   *body = g_strnfill (size, 'x');
  g_autofree char   *head = g_strdup_printf ("PATCH /v1/uploads/%s HTTP/1.1\r\nHost: localhost\r\n"
                                               "Authorization: Bearer %s\r\n"
                                               "Content-Length: 1000000\r\n\r\n",
                                             id, token);

  g_assert_true (g_output_stream_write_all (out, head, strlen (head), NULL, NULL, NULL));
  g_assert_true (g_output_stream_write_all (out, body, size, NULL, NULL, NULL));
  return connection;
}

static RtkTestReply *
send_part (RtkTestServer *server, const char *token, gsize size)
{
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *path = g_strconcat ("/v1/uploads/", id, NULL);
  g_autoptr (GBytes) part = g_bytes_new_take (g_strnfill (size, 'x'), size);

  return rtk_test_call_raw (server, token, "PATCH", path, "application/offset+octet-stream", part,
                            (const char *[]){TUS, "Upload-Offset", "0", NULL});
}

static void
assert_signs_in (RtkTestServer *server)
{
  g_autofree char *token = rtk_test_sign_in (server, "reviewer");

  g_assert_nonnull (token);
}

/* Large bodies that never end: made-up tokens hold nothing, a graduate holds what one may, and
 * neither keeps anybody else out. Before, these bytes were all that the server took. */
static void
test_unfinished_bodies (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (
      1, (const char *[]){"--max-upload", "1000000", "--max-body", "100000", NULL});
  g_autofree char *account = rtk_test_sign_up (server, 0);
  g_autofree char *staff = rtk_test_sign_in (server, "operator");
  g_autoptr (GPtrArray) open = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (RtkTestReply) full = NULL;
  g_autoptr (RtkTestReply) beside = NULL;

  for (guint i = 0; i < 17; i++)
    g_ptr_array_add (open, begin_part (server, "forged", 999999));
  g_ptr_array_add (open, begin_part (server, "forged", 777200));
  g_ptr_array_add (open, begin_part (server, account, 999990));
  g_ptr_array_add (open, begin_part (server, account, 999990));
  while (read_gauge (server, "bodies_bytes") < 999990)
    g_assert_cmpint (read_gauge (server, "bodies_bytes"), <, 3000000);
  assert_signs_in (server);
  full = send_part (server, account, 1000);
  rtk_test_assert_problem (full, 503, "busy");
  beside = send_part (server, staff, 900000);
  rtk_test_assert_problem (beside, 404, "not-found");
  g_ptr_array_set_size (open, 0);
  while (read_gauge (server, "bodies_bytes") > 0)
    g_assert_cmpint (read_gauge (server, "bodies_bytes"), <, 3000000);
}

/* A server that has begun anew knows no token: a large body is asked for again, once. */
static void
test_unknown_session (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autoptr (RtkTestReply) first = send_part (server, token, 100000);
  g_autoptr (RtkTestReply) small = NULL;
  g_autoptr (RtkTestReply) again = NULL;
  g_autoptr (RtkTestReply) once_more = NULL;
  g_autoptr (RtkTestReply) forged = NULL;

  /* It was made here. */
  rtk_test_assert_problem (first, 404, "not-found");
  rtk_test_server_stop (server);
  rtk_test_server_start (server);
  forged = send_part (server, "forged", 100000);
  rtk_test_assert_problem (forged, 401, "unauthorized");
  again = send_part (server, token, 100000);
  rtk_test_assert_problem (again, 503, "busy");
  g_assert_cmpstr (g_hash_table_lookup (again->headers, "retry-after"), ==, "1");
  once_more = send_part (server, token, 100000);
  rtk_test_assert_problem (once_more, 404, "not-found");
  rtk_test_server_stop (server);
  rtk_test_server_start (server);
  small = send_part (server, token, 1000);
  rtk_test_assert_problem (small, 404, "not-found");
}

static RtkTestReply *
post (RtkTestServer *server, const char *token, const char *order, const char *what, char **parts)
{
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *path = g_strdup_printf ("/v1/online/orders/%s/%s", order, what);
  g_autofree char *body = parts != NULL
                              ? g_strdup_printf ("{\"id\":\"%s\",\"original\":\"%s\","
                                                 "\"delivered\":\"%s\",\"report\":\"%s\"}",
                                                 id, parts[0], parts[1], parts[2])
                              : g_strdup_printf ("{\"id\":\"%s\"}", id);

  return rtk_test_call (server, token, "POST", path, body);
}

/* One order that nobody pays cannot be made ever larger: all of it is in each page of the feed. */
static void
test_one_order (void)
{
  static const char *const types[] = {"image/jpeg", "image/jpeg", "application/json"};
  g_autoptr (RtkTestServer) server = rtk_test_server_new (1, NULL);
  g_autofree char *token = rtk_test_sign_up (server, 0);
  g_autofree char *order = rtk_test_new_id ();
  g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\"}", order);
  g_autofree char *path = g_strconcat ("/v1/online/orders/", order, NULL);
  g_autoptr (RtkTestReply) made = rtk_test_call (server, token, "POST", "/v1/online/orders", body);
  g_autoptr (RtkTestReply) all = NULL;
  g_auto (GStrv) parts = g_new0 (char *, 4);
  const struct {
    const char *what;
    guint       most;
  } cases[] = {{"submission", 50}, {"payment", 20}};

  g_assert_cmpuint (made->status, ==, 201);
  for (guint i = 0; i < 3; i++) {
    g_autoptr (GBytes) bytes = rtk_test_make_blob (types[i], 2000, i);

    parts[i] = rtk_test_upload (server, token, bytes, types[i]);
  }
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    for (guint k = 0; k <= cases[i].most; k++) {
      g_autoptr (RtkTestReply) reply =
          post (server, token, order, cases[i].what, i == 0 ? parts : NULL);

      if (k < cases[i].most)
        g_assert_cmpuint (reply->status, ==, 201);
      else
        rtk_test_assert_problem (reply, 409, "too-many");
    }
  all = rtk_test_call (server, token, "GET", path, NULL);
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (all->json, "submissions")),
                    ==, 50);
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (all->json, "payments")),
                    ==, 20);
}

/* What a graduate can leave on the disk has an end; what an order has does not count. */
static void
test_quota (void)
{
  static const char *const types[] = {"image/jpeg", "image/jpeg", "application/json"};
  g_autoptr (RtkTestServer) server = rtk_test_server_new (
      2, (const char *[]){"--quota-files", "4", "--quota-bytes", "10000", NULL});
  g_autofree char *token = rtk_test_sign_up (server, 0);
  g_autofree char *other = rtk_test_sign_up (server, 1);
  g_autofree char *staff = rtk_test_sign_in (server, "operator");
  g_autofree char *order = rtk_test_new_id ();
  g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\"}", order);
  g_autoptr (RtkTestReply) made = rtk_test_call (server, token, "POST", "/v1/online/orders", body);
  g_autoptr (RtkTestReply) submitted = NULL;
  g_auto (GStrv) parts = g_new0 (char *, 4);
  const struct {
    const char *token;
    char        digit;
    gsize       length;
    guint       status;
  } cases[] = {{token, 'a', 4000, 201}, {token, 'b', 6001, 413}, {token, 'b', 5000, 201},
               {token, 'b', 5000, 201}, {token, 'c', 100, 201},  {token, 'd', 100, 201},
               {token, 'e', 100, 413},  {other, 'e', 100, 201},  {staff, 'f', 20000, 201}};

  g_assert_cmpuint (made->status, ==, 201);
  for (guint i = 0; i < 3; i++) {
    g_autoptr (GBytes) bytes = rtk_test_make_blob (types[i], 3000, i);

    parts[i] = rtk_test_upload (server, token, bytes, types[i]);
  }
  submitted = post (server, token, order, "submission", parts);
  g_assert_cmpuint (submitted->status, ==, 201);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *sha256 = g_strnfill (64, cases[i].digit);
    g_autoptr (RtkTestReply) reply =
        begin (server, cases[i].token, sha256, cases[i].length, "image/jpeg");

    g_test_message ("case %u", i);
    g_assert_cmpuint (reply->status, ==, cases[i].status);
    if (cases[i].status == 413)
      rtk_test_assert_problem (reply, 413, "quota");
  }
}

static guint
ask_photo (RtkTestServer *server, const char *token, const char *sha256)
{
  g_autofree char *path = g_strconcat ("/v1/photos/", sha256, NULL);
  g_autoptr (RtkTestReply) reply = rtk_test_call (server, token, "GET", path, NULL);

  return reply->status;
}

/* Nothing in the database of a server that is stopped is younger than a week. */
static void
make_old (RtkTestServer *server)
{
  g_autoptr (RtkServerDb) db = rtk_test_open_database (server->folder);
  g_autoptr (GError) error = NULL;
  gint64 then = g_get_real_time () - 7 * G_TIME_SPAN_DAY;

  rtk_server_db_run (db, &error, "UPDATE photos SET created_at = ?", "i", then);
  g_assert_no_error (error);
  rtk_server_db_run (db, &error, "UPDATE uploads SET created_at = ?1, expires_at = ?1", "i", then);
  g_assert_no_error (error);
}

/* What no order has is removed after a while; what one has, and what the staff sent, stays. It can
 * be sent anew. */
static void
test_leftovers (void)
{
  static const char *const types[] = {"image/jpeg", "image/jpeg", "application/json"};
  g_autoptr (RtkTestServer) server = rtk_test_server_new (1, NULL);
  g_autofree char *token = rtk_test_sign_up (server, 0);
  g_autofree char *staff = rtk_test_sign_in (server, "operator");
  g_autofree char *order = rtk_test_new_id ();
  g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\"}", order);
  g_autoptr (RtkTestReply) made = rtk_test_call (server, token, "POST", "/v1/online/orders", body);
  g_autoptr (RtkTestReply) submitted = NULL;
  g_autoptr (GBytes) left = rtk_test_make_blob ("image/jpeg", 3000, 10);
  g_autoptr (GBytes) kept = rtk_test_make_blob ("image/jpeg", 3000, 11);
  g_autofree char *of_account = rtk_test_upload (server, token, left, "image/jpeg");
  g_autofree char *of_staff = rtk_test_upload (server, staff, kept, "image/jpeg");
  g_autofree char *again = NULL;
  g_auto (GStrv) parts = g_new0 (char *, 4);
  const char       part[3] = {of_account[0], of_account[1], '\0'};
  g_autofree char *path = g_build_filename (server->folder, "photos", part, of_account, NULL);

  for (guint i = 0; i < 3; i++) {
    g_autoptr (GBytes) bytes = rtk_test_make_blob (types[i], 3000, i);

    parts[i] = rtk_test_upload (server, token, bytes, types[i]);
  }
  submitted = post (server, token, order, "submission", parts);
  g_assert_cmpuint (submitted->status, ==, 201);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  /* Nothing is old yet. The jobs run when the server begins. */
  rtk_test_server_stop (server);
  rtk_test_server_start (server);
  g_assert_cmpuint (ask_photo (server, staff, of_account), ==, 200);
  rtk_test_server_stop (server);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  make_old (server);
  rtk_test_server_start (server);
  while (g_file_test (path, G_FILE_TEST_EXISTS))
    (void)read_gauge (server, "sessions");
  g_assert_cmpuint (ask_photo (server, staff, of_account), ==, 404);
  g_assert_cmpuint (ask_photo (server, staff, of_staff), ==, 200);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (ask_photo (server, staff, parts[i]), ==, 200);
  again = rtk_test_upload (server, token, left, "image/jpeg");
  g_assert_cmpuint (ask_photo (server, staff, again), ==, 200);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/load/gauges", test_gauges);
  g_test_add_func ("/server/load/other-type", test_other_type);
  g_test_add_func ("/server/load/same-file", test_same_file);
  g_test_add_func ("/server/load/late-picture", test_late_picture);
  g_test_add_func ("/server/load/unfinished-bodies", test_unfinished_bodies);
  g_test_add_func ("/server/load/unknown-session", test_unknown_session);
  g_test_add_func ("/server/load/one-order", test_one_order);
  g_test_add_func ("/server/load/quota", test_quota);
  g_test_add_func ("/server/load/leftovers", test_leftovers);
  return g_test_run ();
}
