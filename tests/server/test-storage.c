/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-id.h"
#include "server/rtk-server-db-private.h"
#include "server/rtk-server-listen.h"
#include "support/rtk-test-database.h"
#include "support/rtk-test-server.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

/* How the program ends with this address, which nobody may read in what it says. */
static void
assert_refused (const char *argument, const char *variable, const char *word)
{
  g_autofree char *folder = g_dir_make_tmp ("retake-storage-XXXXXX", NULL);
  const char      *argv[] = {g_getenv ("RTK_TEST_SERVER"),
                             "--data",
                             folder,
                             "roster",
                             "import",
                             "/nonexistent",
                             argument,
                             NULL};
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_autoptr (GSubprocess) process = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  if (variable != NULL)
    g_subprocess_launcher_setenv (launcher, "RETAKE_DATABASE", variable, TRUE);
  process = g_subprocess_launcher_spawnv (launcher, argv, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_communicate_utf8 (process, NULL, NULL, NULL, &text, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_subprocess_get_exit_status (process), ==, 2);
  g_assert_nonnull (strstr (text, word));
  g_assert_null (strstr (text, "s3cret"));
  g_assert_null (strstr (text, "127.0.0.1"));
  g_assert_cmpuint (strlen (strchr (text, '\n')), ==, 1);
  rtk_test_remove_folder (folder);
}

static void
test_address (void)
{
  assert_refused ("--database=postgresql://u:s3cret@127.0.0.1:1/d", NULL, "RETAKE_DATABASE");
  assert_refused ("--database=postgres://127.0.0.1:1/d?user=u&password=s3cret", NULL, ".pgpass");
  assert_refused ("--database=mysql://u@127.0.0.1/s3cret", NULL, "not understood");
  assert_refused ("--database=postgresql://u@127.0.0.1:1/d?s3cret=1", NULL, "not understood");
  assert_refused (NULL, "postgresql://u:s3cret@127.0.0.1:1/d", "not reached");
}

/* Longest time in microseconds until what is waited for must be true. */
#define MAX_WAIT (60 * G_TIME_SPAN_SECOND)

/* Between two looks at what another process does, which tells nobody. */
static void
wait_a_moment (gint64 end)
{
  g_assert_cmpint (g_get_monotonic_time (), <, end);
  g_usleep (1000);
}

/* Ends the cluster as a crash does; it comes back once the file "down" is gone. */
static void
end_cluster (const char *folder)
{
  g_autofree char *down = g_build_filename (folder, "down", NULL);
  g_autofree char *path = g_build_filename (folder, "data", "postmaster.pid", NULL);
  gint64           end = g_get_monotonic_time () + MAX_WAIT;
  g_autofree char *text = NULL;

  g_assert_true (g_file_set_contents (down, "", 0, NULL));
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpint (kill ((GPid)g_ascii_strtoll (text, NULL, 10), SIGQUIT), ==, 0);
  while (g_file_test (path, G_FILE_TEST_EXISTS))
    wait_a_moment (end);
}

static void
start_cluster (const char *folder)
{
  g_autofree char *down = g_build_filename (folder, "down", NULL);

  g_assert_cmpint (g_unlink (down), ==, 0);
}

/* Waits until it takes connections. */
static void
wait_cluster (const char *folder)
{
  g_autofree char *address = g_strdup_printf ("postgresql://retake@/postgres?host=%s", folder);
  gint64           end = g_get_monotonic_time () + MAX_WAIT;
  RtkServerDb     *db;

  while ((db = rtk_server_db_open (address, NULL)) == NULL)
    wait_a_moment (end);
  rtk_server_db_close (db);
}

/* A call that writes: a new upload. */
static RtkTestReply *
begin_upload (RtkTestServer *server, const char *token, guint index)
{
  g_autofree char *name = g_strdup_printf ("%064x", index);
  g_autofree char *name64 = g_base64_encode ((const guchar *)name, 64);
  g_autofree char *type64 = g_base64_encode ((const guchar *)"image/png", 9);
  g_autofree char *metadata = g_strdup_printf ("sha256 %s,type %s", name64, type64);

  return rtk_test_call_raw (server, token, "POST", "/v1/uploads", NULL, NULL,
                            (const char *[]){"Tus-Resumable", "1.0.0", "Upload-Length", "100",
                                             "Upload-Metadata", metadata, NULL});
}

static void
test_restart (void)
{
  static const char wrong[] = "{\"user\":\"operator\",\"password\":\"wrong\"}";
  const char       *cluster = g_getenv ("RTK_TEST_POSTGRES");
  g_autoptr (RtkTestServer) server = NULL;
  g_autofree char *token = NULL;
  guint            busy = 0;

  if (cluster == NULL) {
    g_test_skip ("needs PostgreSQL");
    return;
  }
  server = rtk_test_server_new (0, NULL);
  token = rtk_test_sign_in (server, "operator");
  for (guint i = 0; i < 2; i++) {
    guint status;

    end_cluster (cluster);
    for (guint call = 0; call < 8; call++) {
      g_autoptr (RtkTestReply) reply =
          call % 4 == 0   ? rtk_test_call (server, token, "GET", "/v1/changes", NULL)
          : call % 4 == 1 ? begin_upload (server, token, i)
          : call % 4 == 2 ? rtk_test_call (server, NULL, "GET", "/healthz", NULL)
                          : rtk_test_call (server, NULL, "POST", "/v1/session", wrong);

      rtk_test_assert_problem (reply, 503, "busy");
      g_assert_cmpstr (g_hash_table_lookup (reply->headers, "retry-after"), ==, "1");
    }
    start_cluster (cluster);
    do {
      g_autoptr (RtkTestReply) reply = begin_upload (server, token, i);

      status = reply->status;
      if (status == 503)
        busy++;
      else
        g_assert_cmpuint (status, ==, 201);
    } while (status == 503);
    {
      g_autoptr (RtkTestReply) health = rtk_test_call (server, NULL, "GET", "/healthz", NULL);

      g_assert_cmpuint (health->status, ==, 200);
    }
  }
  g_test_message ("%u answers were busy while it started", busy);
  g_free (token);
  token = rtk_test_sign_in (server, "operator");
  /* A stop waits for nobody who is not there. */
  end_cluster (cluster);
  rtk_test_server_stop (server);
  start_cluster (cluster);
  wait_cluster (cluster);
  g_assert_null (strstr (server->log->str, cluster));
}

/* Sends a call that writes, and waits until a worker has it. */
static GSocketConnection *
send_upload (RtkTestServer *server, const char *token)
{
  g_autofree char *name64 = g_base64_encode (
      (const guchar *)"00000000000000000000000000000000000000000000000000000000000000ff", 64);
  g_autofree char *request =
      g_strdup_printf ("POST /v1/uploads HTTP/1.1\r\nHost: localhost\r\n"
                       "Authorization: Bearer %s\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 100\r\n"
                       "Upload-Metadata: sha256 %s,type aW1hZ2UvcG5n\r\nContent-Length: 0\r\n\r\n",
                       token, name64);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GUri) uri = g_uri_parse (server->url, G_URI_FLAGS_NONE, NULL);
  gint64             end = g_get_monotonic_time () + MAX_WAIT;
  GSocketConnection *connection;
  gboolean           is_there = FALSE;

  g_socket_client_set_enable_proxy (client, FALSE);
  connection = g_socket_client_connect_to_host (client, "127.0.0.1", (guint16)g_uri_get_port (uri),
                                                NULL, NULL);
  g_assert_nonnull (connection);
  g_socket_set_timeout (g_socket_connection_get_socket (connection), 60);
  g_assert_true (
      g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (connection)), request,
                                 strlen (request), NULL, NULL, NULL));
  while (!is_there) {
    g_autoptr (RtkTestReply) reply = rtk_test_call (server, NULL, "GET", "/metrics", NULL);
    gsize            size;
    const char      *data = g_bytes_get_data (reply->body, &size);
    g_autofree char *text = g_strndup (data, size);

    is_there = strstr (text, "retake_queue{lane=\"write\"} 1\n") != NULL;
    wait_a_moment (end);
  }
  return connection;
}

/* A call that runs when the server is told to stop gets its answer; those that come later do not
 * begin. */
static void
test_graceful_stop (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autoptr (RtkServerDb) db = rtk_test_open_database (server->folder);
  g_autoptr (GSocketConnection) running = NULL;
  g_autoptr (GError) error = NULL;
  gboolean is_stopping = FALSE;
  char     buffer[4096] = "";

  /* Nobody else can write as long as this does, so the call is under way. */
  g_assert_true (rtk_server_db_begin (db, TRUE, &error));
  g_assert_no_error (error);
  running = send_upload (server, token);
  g_subprocess_send_signal (server->process, SIGTERM);
  while (!is_stopping) {
    g_autoptr (RtkTestReply) reply = rtk_test_call (server, NULL, "GET", "/healthz", NULL);

    is_stopping = reply->status != 200;
    if (is_stopping)
      rtk_test_assert_problem (reply, 503, "stopping");
  }
  rtk_server_db_rollback (db);
  g_assert_cmpint (g_input_stream_read (g_io_stream_get_input_stream (G_IO_STREAM (running)),
                                        buffer, sizeof buffer - 1, NULL, &error),
                   >, 0);
  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (buffer, "HTTP/1.1 201 "));
  g_clear_pointer (&db, rtk_server_db_close);
  g_assert_true (g_subprocess_wait_check (server->process, NULL, &error));
  g_assert_no_error (error);
  rtk_test_server_stop (server);
  /* What was answered was done. */
  db = rtk_test_open_database (server->folder);
  g_assert_cmpint (rtk_server_db_get_int (db, -1, "SELECT count (*) FROM uploads", ""), ==, 1);
}

static void
test_encoding (void)
{
  const char      *cluster = g_getenv ("RTK_TEST_POSTGRES");
  g_autofree char *good = g_strdup_printf ("postgresql://retake@/postgres?host=%s", cluster);
  g_autofree char *bad = g_strdup_printf ("postgresql://retake@/ascii?host=%s", cluster);
  g_autoptr (RtkServerDb) db = NULL;
  g_autoptr (GError) error = NULL;
  gboolean is_old;

  if (cluster == NULL) {
    g_test_skip ("needs PostgreSQL");
    return;
  }
  db = rtk_server_db_open (good, &error);
  g_assert_no_error (error);
  /* The cluster's own provider of orders may know Unicode alone; before 15 there was one. */
  is_old =
      0 !=
      rtk_server_db_get_int (
          db, 0,
          "SELECT CASE WHEN current_setting ('server_version_num') < '150000' THEN 1 ELSE 0 END",
          "");
  g_assert_true (rtk_server_db_exec (
      db,
      is_old ? "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"
             : "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER libc"
               " TEMPLATE template0",
      &error));
  g_assert_no_error (error);
  g_assert_null (rtk_server_db_open (bad, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_USAGE);
  g_assert_nonnull (strstr (error->message, "UTF-8"));
}

static gboolean
moved_cb (gpointer count)
{
  ++*(guint *)count;
  return G_SOURCE_REMOVE;
}

static void
move (RtkServerDb *db)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (rtk_server_db_begin (db, TRUE, &error));
  rtk_server_db_move (db);
  g_assert_true (rtk_server_db_commit (db, &error));
  g_assert_no_error (error);
}

static void
wait_count (const guint *count, guint wanted)
{
  while (*count < wanted)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_hints (void)
{
  g_autofree char *folder = g_dir_make_tmp ("retake-storage-XXXXXX", NULL);
  g_autoptr (RtkServerDb) db = rtk_test_open_database (folder);
  g_autofree char   *own = g_build_filename (folder, "server.db", NULL);
  g_autofree char   *database = rtk_test_server_dup_database (folder);
  guint              first = 0;
  guint              second = 0;
  RtkServerListener *listeners[] = {
      rtk_server_db_listen (database != NULL ? database : own, moved_cb, &first),
      rtk_server_db_listen (database != NULL ? database : own, moved_cb, &second)};
  guint before;

  /* A connection that begins is a hint, too. */
  if (rtk_test_is_postgres ()) {
    wait_count (&first, 1);
    wait_count (&second, 1);
  }
  for (guint i = 0; i < 3; i++) {
    before = first;
    move (db);
    wait_count (&first, before + 1);
  }
  if (rtk_test_is_postgres ()) {
    before = second;
    g_assert_true (rtk_server_db_exec (db,
                                       "SELECT pg_terminate_backend (pid) FROM pg_stat_activity"
                                       " WHERE query LIKE 'LISTEN%' AND datname ="
                                       " current_database ()",
                                       NULL));
    wait_count (&second, before + 1);
    before = second;
    move (db);
    wait_count (&second, before + 1);
  }
  rtk_server_db_unlisten (listeners[0]);
  before = first;
  move (db);
  wait_count (&second, second + 1);
  g_assert_cmpuint (first, ==, before);
  rtk_server_db_unlisten (listeners[1]);
  rtk_test_remove_folder (folder);
}

/* A database as version 1 left it comes to the present one with all that was in it. */
static void
test_migration (void)
{
  static const char rows[] =
      "INSERT INTO meta (key, value) VALUES ('epoch', 'e'), ('order-counter', '41');"
      "INSERT INTO staff (id, name, role, password, enabled, created_at)"
      " VALUES ('s1', 'Anna', 'operator', 'h', 1, 1), ('s2', 'Bo', 'reviewer', 'h', 0, 2),"
      " ('s3', 'Änne', 'operator', 'h', 1, 3), ('s4', 'änne', 'operator', 'h', 1, 4),"
      " ('s5', 'Ｗu', 'operator', 'h', 1, 5);"
      "INSERT INTO schools (id, name) VALUES ('k', '示例大学');"
      "INSERT INTO batches (id, school, name) VALUES ('b', 'k', '2026');"
      "INSERT INTO roster (id, batch, name_masked, number_masked, name_cipher, number_cipher,"
      " number_digest, created_at) VALUES ('r', 'b', '王*', '3*', 'x', 'y', 'd', 1);"
      "INSERT INTO orders (id, number, revision, roster, payment, delivery, print, created_at,"
      " updated_at) VALUES ('o1', 'N1', 3, 'r', 'paid', 'none', 'none', 1, 2),"
      " ('o2', 'N2', 1, 'r', 'unpaid', 'none', 'none', 1, 2),"
      " ('o3', 'N3', 1, 'r', 'refund_due', 'none', 'none', 1, 2);"
      "INSERT INTO submissions (id, order_id, state, origin, actor, created_at) VALUES"
      " ('a', 'o1', 'superseded', 'online', 'x', 1), ('b', 'o2', 'submitted', 'online', 'x', 1),"
      " ('c', 'o1', 'submitted', 'desk', 'x', 2), ('d', 'o3', 'rejected', 'online', 'x', 3),"
      " ('e', 'o3', 'submitted', 'desk', 'x', 4);"
      "INSERT INTO reviews (id, submission, reviewer, verdict, reasons, revision, created_at)"
      " VALUES ('v', 'd', 's2', 'rejected', 'eyes.open', 1, 5);"
      "INSERT INTO payments (id, order_id, provider, state, amount_fen, created_at, updated_at)"
      " VALUES ('p', 'o3', 'cash', 'settled', 0, 6, 6);"
      "INSERT INTO uploads (id, owner, sha256, length, media_type, created_at)"
      " VALUES ('u', 'station:1', 'ff', 5, 'image/png', 1);"
      "INSERT INTO changes (seq, order_id) VALUES (4, 'o1'), (9, 'o2');"
      "INSERT INTO audit (seq, at, actor, action, target, detail, hash)"
      " VALUES (1, 1, 'x', 'y', 'z', '{}', 'h');";
  g_autofree char *folder = g_dir_make_tmp ("retake-storage-XXXXXX", NULL);
  g_autoptr (RtkServerDb) db = rtk_test_open_database (folder);
  g_autoptr (GError) error = NULL;
  g_autofree char *waiting = NULL;
  g_autofree char *attempts = NULL;
  g_autofree char *names = NULL;

  g_assert_true (rtk_server_schema_migrate_to (db, 1, &error));
  g_assert_no_error (error);
  g_assert_false (rtk_server_schema_is_present (db, NULL));
  g_assert_true (rtk_server_db_exec (db, rows, &error));
  g_assert_no_error (error);
  g_assert_true (rtk_server_schema_migrate (db, &error));
  g_assert_no_error (error);
  g_assert_true (rtk_server_schema_is_present (db, &error));
  /* Nothing is lost, and numbers go on where they were. */
  g_assert_cmpint (rtk_server_db_get_int (db, -1, "SELECT count (*) FROM orders", ""), ==, 3);
  g_assert_cmpint (rtk_server_db_get_int (db, -1, "SELECT count (*) FROM submissions", ""), ==, 5);
  g_assert_cmpint (rtk_server_db_get_int (db, -1, "SELECT count (*) FROM staff", ""), ==, 5);
  g_assert_cmpint (rtk_server_db_get_int (db, -1, "SELECT count (*) FROM uploads", ""), ==, 1);
  g_assert_cmpint (rtk_server_db_get_int (db, -1, "SELECT count (*) FROM audit", ""), ==, 1);
  g_assert_cmpint (
      rtk_server_db_get_int (db, -1, "SELECT value FROM counters WHERE name = 'orders'", ""), ==,
      41);
  g_assert_cmpint (
      rtk_server_db_get_int (db, -1, "SELECT value FROM counters WHERE name = 'changes'", ""), ==,
      9);
  g_assert_cmpint (
      rtk_server_db_get_int (db, -1, "SELECT count (*) FROM meta WHERE key = 'order-counter'", ""),
      ==, 0);
  names = rtk_server_db_dup_text (db,
                                  "SELECT (SELECT id FROM staff WHERE name_key = 'anna')"
                                  " || (SELECT id FROM staff WHERE name_key = 'änne')"
                                  " || (SELECT name_key FROM staff WHERE id = 's4')"
                                  " || (SELECT id FROM staff WHERE name_key = 'wu')",
                                  "");
  g_assert_cmpstr (names, ==, "s1s3s4s5");
  /* What waits for a reviewer: paid, or with a payment younger than the rejection. */
  waiting = rtk_server_db_dup_text (
      db, "SELECT min (id) || max (id) || count (*) FROM submissions WHERE waiting = serial", "");
  g_assert_cmpstr (waiting, ==, "ce2");
  attempts = rtk_server_db_dup_text (db,
                                     "SELECT (SELECT attempt FROM submissions WHERE id = 'a') || ''"
                                     " || (SELECT attempt FROM submissions WHERE id = 'c')"
                                     " || (SELECT attempt FROM submissions WHERE id = 'e')",
                                     "");
  g_assert_cmpstr (attempts, ==, "122");
  /* Twice is as good as once. */
  g_assert_true (rtk_server_schema_migrate (db, &error));
  g_assert_no_error (error);
  rtk_test_remove_folder (folder);
}

/* Whoever waits too long for the write lock is told to try again, and may. */
static void
test_lock (void)
{
  g_autofree char *folder = g_dir_make_tmp ("retake-storage-XXXXXX", NULL);
  g_autoptr (RtkServerDb) holder = rtk_test_open_database (folder);
  g_autoptr (RtkServerDb) other = rtk_test_open_database (folder);
  g_autoptr (GError) error = NULL;

  g_assert_true (rtk_server_db_exec (other,
                                     rtk_server_db_is_postgres (other) ? "SET lock_timeout = '20ms'"
                                                                       : "PRAGMA busy_timeout=20",
                                     NULL));
  g_assert_true (rtk_server_db_begin (holder, TRUE, NULL));
  g_assert_false (rtk_server_db_begin (other, TRUE, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_OFFLINE);
  g_clear_error (&error);
  g_assert_true (rtk_server_db_begin (other, FALSE, &error));
  g_assert_true (rtk_server_db_commit (other, &error));
  rtk_server_db_rollback (holder);
  g_assert_true (rtk_server_db_begin (other, TRUE, &error));
  g_assert_true (rtk_server_db_commit (other, &error));
  g_clear_pointer (&other, rtk_server_db_close);
  g_clear_pointer (&holder, rtk_server_db_close);
  rtk_test_remove_folder (folder);
}

static gboolean
add (RtkServerDb *db, gint64 id)
{
  return rtk_server_db_run (db, NULL, "INSERT INTO kept (id, text) VALUES (?, 'x')", "i", id);
}

static gint64
count_kept (RtkServerDb *db)
{
  return rtk_server_db_get_int (db, -1, "SELECT count (*) FROM kept", "");
}

static void
begin (RtkServerDb *db)
{
  g_autoptr (GError) error = NULL;

  rtk_server_db_forget_trouble (db);
  g_assert_true (rtk_server_db_begin (db, TRUE, &error));
  g_assert_no_error (error);
}

/* Whatever of the transaction was said to have run, nothing of it is there. */
static void
assert_undone (RtkServerDb *db, gint64 n_before, RtkError code)
{
  g_autoptr (GError) error = NULL;
  RtkError trouble;

  g_assert_false (rtk_server_db_commit (db, &error));
  g_assert_error (error, RTK_ERROR, (gint)code);
  g_assert_true (rtk_server_db_get_trouble (db, &trouble));
  g_assert_cmpint (trouble, ==, code);
  g_assert_cmpint (count_kept (db), ==, n_before);
}

/* A statement that fails among others is never committed, wherever that comes out. */
static void
test_failed (void)
{
  g_autofree char *folder = g_dir_make_tmp ("retake-storage-XXXXXX", NULL);
  g_autoptr (RtkServerDb) db = rtk_test_open_database (folder);
  g_autoptr (GError) error = NULL;

  g_assert_true (rtk_server_db_exec (
      db, "CREATE TABLE kept (id INTEGER PRIMARY KEY, text TEXT NOT NULL)", &error));
  g_assert_no_error (error);
  /* At the commit. */
  begin (db);
  for (gint64 i = 0; i < 5; i++)
    (void)add (db, i == 3 ? 0 : i);
  assert_undone (db, 0, RTK_ERROR_STORAGE);
  /* At a query: what it finds is not to be relied on, and the commit says so. */
  begin (db);
  (void)add (db, 1);
  (void)add (db, 1);
  (void)add (db, 2);
  (void)count_kept (db);
  (void)add (db, 3);
  assert_undone (db, 0, RTK_ERROR_STORAGE);
  /* At the number of changes. */
  begin (db);
  (void)add (db, 1);
  (void)add (db, 1);
  g_assert_cmpint (rtk_server_db_get_changes (db), <=, rtk_test_is_postgres () ? 0 : 1);
  assert_undone (db, 0, RTK_ERROR_STORAGE);
  /* At other statements. */
  begin (db);
  (void)add (db, 1);
  (void)add (db, 1);
  (void)rtk_server_db_exec (db, "UPDATE kept SET text = 'y'; DELETE FROM kept", NULL);
  (void)add (db, 2);
  assert_undone (db, 0, RTK_ERROR_STORAGE);
  /* Among very many. */
  begin (db);
  for (gint64 i = 0; i < 400; i++)
    (void)add (db, i == 150 ? 0 : i);
  assert_undone (db, 0, RTK_ERROR_STORAGE);
  /* Nobody waits for it. */
  begin (db);
  (void)add (db, 1);
  (void)add (db, 1);
  rtk_server_db_rollback (db);
  g_assert_cmpint (count_kept (db), ==, 0);
  /* All that is right is written, seen by what follows, and counted. */
  begin (db);
  for (gint64 i = 0; i < 400; i++)
    g_assert_true (add (db, i));
  g_assert_cmpint (rtk_server_db_get_changes (db), ==, 1);
  g_assert_true (
      rtk_server_db_run (db, NULL, "UPDATE kept SET text = ? WHERE id < ?", "si", "y", (gint64)30));
  g_assert_cmpint (rtk_server_db_get_changes (db), ==, 30);
  g_assert_true (rtk_server_db_run (db, NULL, "DELETE FROM kept WHERE text = ?", "s", "y"));
  g_assert_cmpint (count_kept (db), ==, 370);
  g_assert_true (rtk_server_db_commit (db, &error));
  g_assert_no_error (error);
  g_assert_cmpint (count_kept (db), ==, 370);
  rtk_test_remove_folder (folder);
}

/* Ends the connection of @db from another one. */
static void
cut (RtkServerDb *db, RtkServerDb *other)
{
  gint64 pid = rtk_server_db_get_int (db, -1, "SELECT pg_backend_pid ()", "");

  g_assert_true (add (db, 100));
  g_assert_cmpint (
      rtk_server_db_get_int (other, 0, "SELECT pg_terminate_backend (?::int, 10000)", "i", pid), ==,
      1);
}

static void
test_cut (void)
{
  g_autofree char *folder = g_dir_make_tmp ("retake-storage-XXXXXX", NULL);
  g_autoptr (RtkServerDb) db = NULL;
  g_autoptr (RtkServerDb) other = NULL;
  g_autoptr (GError) error = NULL;

  if (!rtk_test_is_postgres ()) {
    rtk_test_remove_folder (folder);
    g_test_skip ("needs PostgreSQL");
    return;
  }
  db = rtk_test_open_database (folder);
  other = rtk_test_open_database (folder);
  g_assert_true (rtk_server_db_exec (
      db, "CREATE TABLE kept (id INTEGER PRIMARY KEY, text TEXT NOT NULL)", &error));
  g_assert_no_error (error);
  /* What follows is another statement, a query, or the end; a query must not begin anew. */
  for (guint way = 0; way < 5; way++) {
    begin (db);
    g_assert_true (add (db, 1));
    cut (db, other);
    if (way == 1)
      (void)add (db, 2);
    else if (way == 2)
      g_assert_cmpint (count_kept (db), ==, -1);
    else if (way == 3)
      g_assert_cmpint (rtk_server_db_get_changes (db), ==, 0);
    if (way == 4)
      rtk_server_db_rollback (db);
    else
      assert_undone (db, 0, RTK_ERROR_OFFLINE);
    /* The next transaction has a connection again. */
    begin (db);
    g_assert_true (add (db, (gint64)way));
    g_assert_cmpint (count_kept (db), ==, 1);
    g_assert_true (rtk_server_db_run (db, NULL, "DELETE FROM kept", ""));
    g_assert_true (rtk_server_db_commit (db, &error));
    g_assert_no_error (error);
  }
  rtk_test_remove_folder (folder);
}

/* Another process keeps the write lock for longer than anybody waits for it. */
static void
test_held (void)
{
  g_autoptr (RtkTestServer) server = NULL;
  g_autoptr (RtkServerDb) holder = NULL;
  g_autoptr (RtkServerDb) late = NULL;
  g_autofree char *token = NULL;
  g_autoptr (RtkTestReply) after = NULL;
  g_autoptr (GError) error = NULL;

  if (!rtk_test_is_postgres ()) {
    g_test_skip ("needs PostgreSQL: one process has an SQLite file to itself");
    return;
  }
  server = rtk_test_server_new (0, NULL);
  holder = rtk_test_open_database (server->folder);
  g_assert_true (rtk_server_db_exec (holder,
                                     "DO 'BEGIN EXECUTE ''ALTER DATABASE '' || current_database ()"
                                     " || '' SET lock_timeout = 300''; END'",
                                     &error));
  g_assert_no_error (error);
  rtk_test_server_stop (server);
  rtk_test_server_start (server);
  token = rtk_test_sign_in (server, "operator");
  late = rtk_test_open_database (server->folder);
  begin (holder);
  for (guint i = 0; i < 2; i++) {
    g_autoptr (RtkTestReply) reply = begin_upload (server, token, i);
    g_autoptr (RtkTestReply) read = rtk_test_call (server, token, "GET", "/v1/changes", NULL);

    rtk_test_assert_problem (reply, 503, "busy");
    g_assert_cmpstr (g_hash_table_lookup (reply->headers, "retry-after"), ==, "1");
    /* Who only reads does not wait. */
    g_assert_cmpuint (read->status, ==, 200);
    g_assert_false (rtk_server_db_begin (late, TRUE, &error));
    g_assert_error (error, RTK_ERROR, RTK_ERROR_OFFLINE);
    g_assert_nonnull (strstr (error->message, "lock timeout"));
    g_clear_error (&error);
  }
  rtk_server_db_rollback (holder);
  after = begin_upload (server, token, 0);
  g_assert_cmpuint (after->status, ==, 201);
  begin (late);
  g_assert_true (rtk_server_db_commit (late, &error));
  g_assert_no_error (error);
}

/* Names have one order everywhere: that of their bytes. */
static void
test_order (void)
{
  static const char *const names[] = {"A", "B", "a", "é", "一中", "上海", "张", "李", "王", "阿城"};
  g_autofree char *folder = g_dir_make_tmp ("retake-storage-XXXXXX", NULL);
  g_autoptr (RtkServerDb) db = rtk_test_open_database (folder);
  g_autoptr (GError) error = NULL;
  RtkServerRows *row;
  guint          n = 0;

  g_assert_true (rtk_server_schema_migrate (db, &error));
  g_assert_no_error (error);
  for (guint i = G_N_ELEMENTS (names); i > 0; i--)
    g_assert_true (rtk_server_db_run (db, NULL, "INSERT INTO schools (id, name) VALUES (?1, ?1)",
                                      "s", names[i - 1]));
  row = rtk_server_db_query (
      db, &error, "SELECT name FROM schools WHERE name > '' GROUP BY name ORDER BY 1", "");
  while (rtk_server_db_next (db, row, &error))
    g_assert_cmpstr (rtk_server_db_text (row, 0), ==, names[n++]);
  g_assert_true (rtk_server_db_end (row));
  g_assert_cmpuint (n, ==, G_N_ELEMENTS (names));
  g_assert_cmpint (
      rtk_server_db_get_int (db, 0, "SELECT count (*) FROM schools WHERE id > 'a'", ""), ==, 7);
  g_clear_pointer (&db, rtk_server_db_close);
  rtk_test_remove_folder (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/storage/address", test_address);
  g_test_add_func ("/server/storage/restart", test_restart);
  g_test_add_func ("/server/storage/graceful-stop", test_graceful_stop);
  g_test_add_func ("/server/storage/encoding", test_encoding);
  g_test_add_func ("/server/storage/hints", test_hints);
  g_test_add_func ("/server/storage/migration", test_migration);
  g_test_add_func ("/server/storage/lock", test_lock);
  g_test_add_func ("/server/storage/failed", test_failed);
  g_test_add_func ("/server/storage/cut", test_cut);
  g_test_add_func ("/server/storage/held", test_held);
  g_test_add_func ("/server/storage/order", test_order);
  return g_test_run ();
}
