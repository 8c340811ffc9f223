/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-id.h"
#include "server/rtk-server-files.h"
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

static guint
ask_thumbnail (RtkTestServer *server, const char *token, const char *sha256)
{
  g_autofree char *path = g_strconcat ("/v1/photos/", sha256, "/thumbnail", NULL);
  g_autoptr (RtkTestReply) reply = rtk_test_call (server, token, "GET", path, NULL);

  return reply->status;
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
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/load/gauges", test_gauges);
  g_test_add_func ("/server/load/other-type", test_other_type);
  g_test_add_func ("/server/load/same-file", test_same_file);
  g_test_add_func ("/server/load/late-picture", test_late_picture);
  return g_test_run ();
}
