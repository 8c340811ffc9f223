/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-id.h"
#include "core/rtk-json.h"
#include "server/rtk-server-db-private.h"
#include "support/rtk-test-database.h"
#include "support/rtk-test-server.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#define N_ORDERS 6
#define N_KILLS 4

/* A place for backups and restored folders beside each other. */
typedef struct {
  char *folder;
  guint count;
} Yard;

static void
yard_clear (Yard *yard)
{
  rtk_test_remove_folder (yard->folder);
  g_free (yard->folder);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Yard, yard_clear)

static Yard
new_yard (void)
{
  g_autoptr (GError) error = NULL;
  Yard yard = {g_dir_make_tmp ("retake-backup-XXXXXX", &error), 0};

  g_assert_no_error (error);
  return yard;
}

static char *
new_place (Yard *yard)
{
  return g_strdup_printf ("%s/%u", yard->folder, yard->count++);
}

static RtkTestServer *
start_with_orders (void)
{
  RtkTestServer *server = rtk_test_server_new (2 * N_ORDERS, NULL);

  for (guint i = 0; i < N_ORDERS; i++)
    g_free (rtk_test_make_order (server, i, i % 2 == 0));
  return server;
}

static RtkTestReply *
get_page (RtkTestServer *server)
{
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  RtkTestReply    *reply = rtk_test_call (server, token, "GET", "/v1/changes?limit=100", NULL);

  g_assert_cmpuint (reply->status, ==, 200);
  return reply;
}

/* The orders of a page as text, but for the epoch. */
static char *
dup_orders (RtkTestReply *page)
{
  JsonNode *node = json_object_get_member (page->json, "orders");

  return json_to_string (node, FALSE);
}

static gint64
count_rows (RtkServerDb *db, const char *table)
{
  g_autofree char *sql = g_strdup_printf ("SELECT count (*) FROM %s", table);

  return rtk_server_db_get_int (db, -1, g_intern_string (sql), "");
}

static void
assert_same_rows (const char *a, const char *b)
{
  static const char *const tables[] = {"staff",    "stations",    "accounts", "schools",
                                       "batches",  "roster",      "orders",   "photos",
                                       "uploads",  "submissions", "payments", "photo_owners",
                                       "counters", "changes",     "effects",  "reviews"};
  g_autoptr (RtkServerDb) first = rtk_test_open_database (a);
  g_autoptr (RtkServerDb) second = rtk_test_open_database (b);

  for (guint i = 0; i < G_N_ELEMENTS (tables); i++)
    g_assert_cmpint (count_rows (first, tables[i]), ==, count_rows (second, tables[i]));
}

/* What was given out after the backup is not given out again on the same day. */
static void
assert_numbers_apart (const char *before, const char *after)
{
  g_autoptr (RtkServerDb) first = rtk_test_open_database (before);
  g_autoptr (RtkServerDb) second = rtk_test_open_database (after);
  const char *sql = g_intern_static_string ("SELECT value FROM counters WHERE name = 'orders'");

  g_assert_cmpint (rtk_server_db_get_int (first, -1, sql, ""), >, 0);
  g_assert_cmpint (rtk_server_db_get_int (second, -1, sql, ""), >=,
                   rtk_server_db_get_int (first, -1, sql, "") + 10000);
}

static void
test_there_and_back (void)
{
  g_auto (Yard) yard = new_yard ();
  g_autoptr (RtkTestServer) server = start_with_orders ();
  g_autofree char *backup = new_place (&yard);
  g_autofree char *data = new_place (&yard);
  g_autofree char *text = NULL;
  g_autofree char *orders = NULL;
  g_autofree char *epoch = NULL;
  g_autofree char *cursor = NULL;
  g_autofree char *made = NULL;
  g_autoptr (RtkTestServer) restored = NULL;

  {
    g_autoptr (RtkTestReply) page = get_page (server);

    g_assert_true (json_object_get_null_member (page->json, "durable"));
    orders = dup_orders (page);
    epoch = g_strdup (rtk_test_reply_text (page, "epoch"));
    cursor = g_strdup (rtk_test_reply_text (page, "cursor"));
  }
  /* Beside the running server. */
  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, &text, "backup", backup, NULL),
                   ==, 0);
  g_assert_nonnull (strstr (text, "18 photos"));
  g_clear_pointer (&text, g_free);
  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, &text, "backup", backup, NULL),
                   ==, 2);
  g_assert_nonnull (strstr (text, "new or empty"));
  g_clear_pointer (&text, g_free);
  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, &text, "restore", backup, NULL),
                   ==, 2);
  g_assert_nonnull (strstr (text, "Another program"));
  /* At once, although the page from before is kept in the server's memory. */
  {
    g_autoptr (RtkTestReply) page = get_page (server);

    g_assert_cmpstr (rtk_test_reply_text (page, "durable"), ==, cursor);
  }
  g_clear_pointer (&text, g_free);
  g_assert_cmpint (rtk_test_server_command (data, NULL, &text, "restore", backup, NULL), ==, 0);
  g_assert_nonnull (strstr (text, "18 photos"));
  assert_same_rows (server->folder, data);
  assert_numbers_apart (server->folder, data);
  g_clear_pointer (&text, g_free);
  g_assert_cmpint (rtk_test_server_command (data, NULL, &text, "restore", backup, NULL), ==, 2);
  g_assert_cmpint (rtk_test_server_command (data, NULL, NULL, "audit", "verify", NULL), ==, 0);
  restored = rtk_test_server_open (data);
  {
    g_autoptr (RtkTestReply) page = get_page (restored);
    g_autofree char *again = dup_orders (page);
    g_autofree char *path = g_strconcat ("/v1/changes?since=", cursor, NULL);
    g_autofree char *token = rtk_test_sign_in (restored, "operator");
    g_autoptr (RtkTestReply) old = rtk_test_call (restored, token, "GET", path, NULL);

    g_assert_cmpstr (again, ==, orders);
    g_assert_cmpstr (rtk_test_reply_text (page, "epoch"), !=, epoch);
    g_assert_cmpstr (rtk_test_reply_text (page, "durable"), ==,
                     rtk_test_reply_text (page, "cursor"));
    /* A station with a cursor of before the restore gets everything. */
    g_assert_cmpuint (json_array_get_length (json_object_get_array_member (old->json, "orders")),
                      ==, N_ORDERS);
  }
  /* Numbers go on after the restored ones, in either kind of database. */
  made = rtk_test_make_order (restored, N_ORDERS, FALSE);
}

/* What no submission has is not in a backup, neither its row nor its file: it is sent again. */
static void
test_leftovers (void)
{
  g_auto (Yard) yard = new_yard ();
  g_autoptr (RtkTestServer) server = start_with_orders ();
  g_autofree char *backup = new_place (&yard);
  g_autofree char *data = new_place (&yard);
  g_autofree char *text = NULL;
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autoptr (GBytes) bytes = rtk_test_make_blob ("image/jpeg", 4000, 77);
  g_autofree char *sha256 = rtk_test_upload (server, token, bytes, "image/jpeg");
  g_autofree char *path = g_strconcat ("/v1/photos/", sha256, NULL);
  g_autofree char *later = NULL;
  g_autofree char *again = NULL;
  g_autoptr (RtkTestServer) restored = NULL;
  g_autoptr (RtkTestReply) gone = NULL;
  g_autoptr (RtkTestReply) there = NULL;

  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, &text, "backup", backup, NULL),
                   ==, 0);
  g_assert_nonnull (strstr (text, "18 photos"));
  g_assert_cmpint (rtk_test_server_command (data, NULL, NULL, "restore", backup, NULL), ==, 0);
  restored = rtk_test_server_open (data);
  later = rtk_test_sign_in (restored, "operator");
  gone = rtk_test_call (restored, later, "GET", path, NULL);
  g_assert_cmpuint (gone->status, ==, 404);
  again = rtk_test_upload (restored, later, bytes, "image/jpeg");
  there = rtk_test_call (restored, later, "GET", path, NULL);
  g_assert_cmpuint (there->status, ==, 200);
}

/* Runs a command on SQLite, whatever the tests run on. */
static int
run_on_sqlite (const char *data, const char *command, const char *argument)
{
  const char *argv[] = {g_getenv ("RTK_TEST_SERVER"), "--data", data, command, argument, NULL};
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;

  process = g_subprocess_newv (argv, G_SUBPROCESS_FLAGS_STDOUT_SILENCE, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_wait (process, NULL, &error));
  return g_subprocess_get_exit_status (process);
}

/* From the one kind of database to the other, and back. */
static void
test_other_storage (void)
{
  g_auto (Yard) yard = new_yard ();
  g_autoptr (RtkTestServer) server = NULL;
  g_autofree char *backup = new_place (&yard);
  g_autofree char *sqlite = new_place (&yard);
  g_autofree char *again = new_place (&yard);
  g_autofree char *postgres = new_place (&yard);
  g_autofree char *orders = NULL;
  g_autoptr (RtkTestServer) restored = NULL;

  if (!rtk_test_is_postgres ()) {
    g_test_skip ("needs PostgreSQL");
    return;
  }
  server = start_with_orders ();
  {
    g_autoptr (RtkTestReply) page = get_page (server);

    orders = dup_orders (page);
  }
  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, NULL, "backup", backup, NULL), ==,
                   0);
  g_assert_cmpint (run_on_sqlite (sqlite, "restore", backup), ==, 0);
  g_assert_cmpint (run_on_sqlite (sqlite, "backup", again), ==, 0);
  g_assert_cmpint (rtk_test_server_command (postgres, NULL, NULL, "restore", again, NULL), ==, 0);
  g_assert_cmpint (rtk_test_server_command (postgres, NULL, NULL, "audit", "verify", NULL), ==, 0);
  assert_same_rows (server->folder, postgres);
  restored = rtk_test_server_open (postgres);
  {
    g_autoptr (RtkTestReply) page = get_page (restored);
    g_autofree char *same = dup_orders (page);
    g_autofree char *made = rtk_test_make_order (restored, N_ORDERS, TRUE);

    g_assert_cmpstr (same, ==, orders);
    g_assert_nonnull (made);
  }
}

/* Path of some photo of a folder, and its name. */
static char *
find_photo (const char *folder, char **out_name)
{
  g_autofree char *photos = g_build_filename (folder, "photos", NULL);
  g_autoptr (GDir) outer = g_dir_open (photos, 0, NULL);
  g_autofree char *part = g_build_filename (photos, g_dir_read_name (outer), NULL);
  g_autoptr (GDir) inner = g_dir_open (part, 0, NULL);

  *out_name = g_strdup (g_dir_read_name (inner));
  return g_build_filename (part, *out_name, NULL);
}

/* Changes the last byte of a file that may have other names. */
static void
damage (const char *path)
{
  g_autofree char *data = NULL;
  gsize            size;

  g_assert_true (g_file_get_contents (path, &data, &size, NULL));
  data[size - 1] ^= 1;
  g_assert_true (g_file_set_contents (path, data, (gssize)size, NULL));
}

/* A restore that must not happen, with this word in what it says; nothing is left of it. */
static void
assert_not_restored (Yard *yard, const char *backup, int code, const char *word)
{
  g_autofree char *data = new_place (yard);
  g_autofree char *text = NULL;
  g_autofree char *lock = g_build_filename (data, "lock", NULL);
  int              got = rtk_test_server_command (data, NULL, &text, "restore", backup, NULL);

  g_test_message ("%s", text);
  g_assert_cmpint (got, ==, code);
  g_assert_nonnull (strstr (text, word));
  (void)g_unlink (lock);
  g_assert_cmpint (g_rmdir (data), ==, 0);
}

static void
test_damage (void)
{
  g_auto (Yard) yard = new_yard ();
  g_autoptr (RtkTestServer) server = start_with_orders ();
  g_autofree char *backup = new_place (&yard);
  g_autofree char *poor = new_place (&yard);
  g_autofree char *name = NULL;
  g_autofree char *own_name = NULL;
  g_autofree char *text = NULL;
  g_autofree char *photo = NULL;
  g_autofree char *own_photo = NULL;
  g_autofree char *aside = g_build_filename (yard.folder, "aside", NULL);
  g_autofree char *database = g_build_filename (backup, "server.db", NULL);
  g_autofree char *key = g_build_filename (backup, "server.key", NULL);
  g_autofree char *manifest = g_build_filename (backup, "backup.json", NULL);
  GStatBuf         st;

  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, NULL, "backup", backup, NULL), ==,
                   0);
  g_assert_cmpint (g_stat (key, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 0777, ==, 0600);
  photo = find_photo (backup, &name);
  g_assert_cmpint (g_rename (photo, aside), ==, 0);
  assert_not_restored (&yard, backup, 1, name);
  g_assert_cmpint (g_rename (aside, photo), ==, 0);
  damage (photo);
  assert_not_restored (&yard, backup, 1, name);
  damage (photo);
  damage (database);
  assert_not_restored (&yard, backup, 1, "server.db is damaged");
  damage (database);
  damage (key);
  assert_not_restored (&yard, backup, 1, "server.key is damaged");
  damage (key);
  g_assert_cmpint (g_rename (manifest, aside), ==, 0);
  assert_not_restored (&yard, backup, 2, "backup.json");
  g_assert_cmpint (g_rename (aside, manifest), ==, 0);
  assert_not_restored (&yard, yard.folder, 2, "backup.json");
  /* A photo that the server itself has lost: the rest is saved, but covers nothing. */
  own_photo = find_photo (server->folder, &own_name);
  g_assert_cmpint (g_unlink (own_photo), ==, 0);
  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, &text, "backup", poor, NULL), ==,
                   1);
  g_assert_nonnull (strstr (text, own_name));
  {
    g_autoptr (RtkServerDb) db = rtk_test_open_database (server->folder);

    g_assert_cmpint (rtk_server_db_get_int (
                         db, -1, "SELECT count (*) FROM audit WHERE action = 'server.backup'", ""),
                     ==, 1);
  }
}

/* Restores without a photo that is missing or damaged; answers the server of it. */
static RtkTestServer *
restore_without (Yard *yard, const char *backup, const char *name)
{
  g_autofree char *data = new_place (yard);
  g_autofree char *text = NULL;
  g_autofree char *log = NULL;
  int              code = rtk_test_server_command (data, NULL, &text, "restore", backup,
                                                   "--without-missing-photos", NULL);

  g_test_message ("%s", text);
  g_assert_cmpint (code, ==, 1);
  g_assert_nonnull (strstr (text, name));
  g_assert_nonnull (strstr (text, "All else was restored"));
  g_assert_cmpint (rtk_test_server_command (data, NULL, &log, "audit", "verify", NULL), ==, 0);
  {
    g_autoptr (RtkServerDb) db = rtk_test_open_database (data);

    g_assert_cmpint (rtk_server_db_get_int (db, -1,
                                            "SELECT count (*) FROM audit WHERE target = ?"
                                            " AND action = 'photo.missing'",
                                            "s", name),
                     ==, 1);
  }
  return rtk_test_server_open (data);
}

/* What is lost is named, everything else goes on, and whoever still has it brings it back. */
static void
test_missing_photo (void)
{
  g_auto (Yard) yard = new_yard ();
  g_autoptr (RtkTestServer) server = start_with_orders ();
  g_autofree char *backup = new_place (&yard);
  g_autofree char *aside = g_build_filename (yard.folder, "aside", NULL);
  g_autofree char *name = NULL;
  g_autofree char *photo = NULL;
  g_autofree char *path = NULL;
  g_autofree char *key = g_build_filename (backup, "server.key", NULL);
  g_autofree char *data = NULL;
  gsize            size;

  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, NULL, "backup", backup, NULL), ==,
                   0);
  photo = find_photo (backup, &name);
  path = g_strconcat ("/v1/photos/", name, NULL);
  g_assert_true (g_file_get_contents (photo, &data, &size, NULL));
  for (int damaged = 0; damaged < 2; damaged++) {
    g_autoptr (RtkTestServer) restored = NULL;
    g_autofree char *next = new_place (&yard);
    g_autofree char *token = NULL;
    g_autofree char *again = NULL;
    g_autoptr (GBytes) bytes = g_bytes_new (data, size);
    g_autoptr (RtkTestReply) gone = NULL;
    g_autoptr (RtkTestReply) back = NULL;
    g_autoptr (RtkTestReply) page = NULL;

    if (damaged)
      damage (photo);
    else
      g_assert_cmpint (g_rename (photo, aside), ==, 0);
    restored = restore_without (&yard, backup, name);
    page = get_page (restored);
    g_assert_cmpuint (json_array_get_length (json_object_get_array_member (page->json, "orders")),
                      ==, N_ORDERS);
    token = rtk_test_sign_in (restored, "operator");
    gone = rtk_test_call (restored, token, "GET", path, NULL);
    rtk_test_assert_problem (gone, 404, "not-found");
    again = rtk_test_upload (restored, token, bytes,
                             data[0] == '{'            ? "application/json"
                             : (guchar)data[0] == 0x89 ? "image/png"
                                                       : "image/jpeg");
    g_assert_cmpstr (again, ==, name);
    back = rtk_test_call (restored, token, "GET", path, NULL);
    g_assert_cmpuint (back->status, ==, 200);
    g_assert_true (g_bytes_equal (back->body, bytes));
    g_assert_cmpint (rtk_test_server_command (restored->folder, NULL, NULL, "backup", next, NULL),
                     ==, 0);
    if (!damaged)
      g_assert_cmpint (g_rename (aside, photo), ==, 0);
  }
  /* It is for photos, and for nothing else. */
  damage (key);
  {
    g_autofree char *place = new_place (&yard);

    g_assert_cmpint (rtk_test_server_command (place, NULL, NULL, "restore", backup,
                                              "--without-missing-photos", NULL),
                     ==, 1);
    rtk_test_remove_folder (place);
  }
}

typedef struct {
  const char *url;
  guint       first;
} Writer;

static gpointer
write_orders (gpointer data)
{
  Writer *writer = data;
  g_autoptr (RtkTestServer) server = rtk_test_server_attach (writer->url);

  for (guint i = writer->first; i < 2 * N_ORDERS; i += 2)
    g_free (rtk_test_make_order (server, i, i % 3 == 0));
  return NULL;
}

static void
test_under_load (void)
{
  g_auto (Yard) yard = new_yard ();
  g_autoptr (RtkTestServer) server = start_with_orders ();
  GThread *threads[2];
  Writer   writers[2];

  for (guint i = 0; i < 2; i++) {
    writers[i] = (Writer){server->url, N_ORDERS + i};
    threads[i] = g_thread_new ("writer", write_orders, &writers[i]);
  }
  for (guint i = 0; i < 2; i++) {
    g_autofree char *backup = new_place (&yard);
    g_autofree char *data = new_place (&yard);
    g_autoptr (RtkServerDb) db = NULL;

    g_assert_cmpint (rtk_test_server_command (server->folder, NULL, NULL, "backup", backup, NULL),
                     ==, 0);
    g_assert_cmpint (rtk_test_server_command (data, NULL, NULL, "restore", backup, NULL), ==, 0);
    g_assert_cmpint (rtk_test_server_command (data, NULL, NULL, "audit", "verify", NULL), ==, 0);
    db = rtk_test_open_database (data);
    g_assert_cmpint (count_rows (db, "orders"), >=, N_ORDERS);
    g_assert_cmpint (count_rows (db, "changes"), ==, count_rows (db, "orders"));
  }
  for (guint i = 0; i < 2; i++)
    g_thread_join (threads[i]);
}

/* Runs a command and kills it after a while; returns whether it came to its end before. */
static gboolean
run_and_kill (const char *data, const char *command, const char *argument, guint after_us)
{
  const char      *argv[] = {g_getenv ("RTK_TEST_SERVER"), "--data", data, command, argument, NULL};
  g_autofree char *database = rtk_test_server_dup_database (data);
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_SILENCE);
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;

  if (database != NULL)
    g_subprocess_launcher_setenv (launcher, "RETAKE_DATABASE", database, TRUE);
  process = g_subprocess_launcher_spawnv (launcher, argv, &error);
  g_assert_no_error (error);
  g_usleep (after_us);
  g_subprocess_force_exit (process);
  g_assert_true (g_subprocess_wait (process, NULL, &error));
  if (!g_subprocess_get_if_exited (process))
    return FALSE;
  g_assert_cmpint (g_subprocess_get_exit_status (process), ==, 0);
  return TRUE;
}

static void
test_killed (void)
{
  g_auto (Yard) yard = new_yard ();
  g_autoptr (RtkTestServer) server = start_with_orders ();
  g_autofree char *backup = new_place (&yard);
  gint64           took = g_get_monotonic_time ();

  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, NULL, "backup", backup, NULL), ==,
                   0);
  took = g_get_monotonic_time () - took;
  for (guint i = 0; i < N_KILLS; i++) {
    g_autofree char *place = new_place (&yard);
    gboolean ended = run_and_kill (server->folder, "backup", place, (guint)(took * i / N_KILLS));
    gboolean is_there = g_file_test (place, G_FILE_TEST_EXISTS);

    g_test_message ("backup killed after %u us: %s", (guint)(took * i / N_KILLS),
                    is_there ? "there" : "not there");
    g_assert_true (is_there || !ended);
    if (!is_there)
      g_assert_cmpint (rtk_test_server_command (server->folder, NULL, NULL, "backup", place, NULL),
                       ==, 0);
    if (i % 2 == 0) {
      g_autofree char *data = new_place (&yard);

      g_assert_cmpint (rtk_test_server_command (data, NULL, NULL, "restore", place, NULL), ==, 0);
    }
  }
  for (guint i = 0; i < N_KILLS + 2; i++) {
    g_autofree char *data = new_place (&yard);
    gboolean         ended = run_and_kill (data, "restore", backup, (guint)(took * i / N_KILLS));
    g_autofree char *key = g_build_filename (data, "server.key", NULL);
    g_autofree char *text = NULL;
    int              code = rtk_test_server_command (data, NULL, &text, "restore", backup, NULL);

    g_test_message ("restore killed after %u us: %d %s", (guint)(took * i / N_KILLS), code, text);
    /* It was done, or it is done now. */
    g_assert_true (code == 0 || (code == 2 && strstr (text, "new or empty") != NULL));
    g_assert_true (code == 2 || !ended);
    g_assert_cmpint (rtk_test_server_command (data, NULL, NULL, "audit", "verify", NULL), ==, 0);
    assert_same_rows (server->folder, data);
  }
}

/* What a killed restore left is no data folder. */
static void
test_unfinished (void)
{
  g_auto (Yard) yard = new_yard ();
  g_autofree char *data = new_place (&yard);
  g_autofree char *marker = g_build_filename (data, "restoring", NULL);
  g_autofree char *text = NULL;

  g_assert_cmpint (g_mkdir (data, 0700), ==, 0);
  g_assert_true (g_file_set_contents (marker, "x\n", -1, NULL));
  g_assert_cmpint (rtk_test_server_command (data, NULL, &text, "audit", "verify", NULL), ==, 2);
  g_assert_nonnull (strstr (text, "not finished"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/backup/there-and-back", test_there_and_back);
  g_test_add_func ("/server/backup/leftovers", test_leftovers);
  g_test_add_func ("/server/backup/other-storage", test_other_storage);
  g_test_add_func ("/server/backup/damage", test_damage);
  g_test_add_func ("/server/backup/missing-photo", test_missing_photo);
  g_test_add_func ("/server/backup/under-load", test_under_load);
  g_test_add_func ("/server/backup/killed", test_killed);
  g_test_add_func ("/server/backup/unfinished", test_unfinished);
  return g_test_run ();
}
