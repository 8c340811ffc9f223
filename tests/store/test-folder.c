/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE /* unshare() */
#include "core/rtk-error.h"
#include "store-fixture.h"
#include "store/rtk-db-private.h"
#include "store/rtk-store-schema-private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

static void
assert_refused (const char *folder, RtkSqliteStoreMode mode, RtkError code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkTestClock) clock = rtk_test_clock_new (FIXTURE_NOW);

  g_assert_null (rtk_sqlite_store_open (folder, RTK_CLOCK (clock), mode, &error));
  g_assert_error (error, RTK_ERROR, (int)code);
  g_assert_nonnull (rtk_error_sentence (error));
}

/* One program writes, another may read beside it, and sees what was committed. */
static void
test_lock (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) order = fixture_order (1, 1, "rejected");
  g_autoptr (RtkPhoto) photo = fixture_photo (1, 1000);
  g_autoptr (RtkOrder) seen = NULL;
  g_autoptr (RtkOperation) operation = NULL;
  RtkSqliteStore *reader;
  Fixture         other = {0};

  assert_refused (self->folder, RTK_SQLITE_STORE_WRITE, RTK_ERROR_IN_USE);
  reader =
      rtk_sqlite_store_open (self->folder, RTK_CLOCK (self->clock), RTK_SQLITE_STORE_READ, &error);
  g_assert_no_error (error);
  g_assert_true (fixture_unlock (reader, FIXTURE_PASSPHRASE, &error));
  g_assert_no_error (error);
  g_assert_true (fixture_apply (self, "e1", "c1", FALSE, g_object_ref (order), NULL));
  seen = fixture_get_order (reader, rtk_order_get_id (order), &error);
  g_assert_no_error (error);
  operation = fixture_commit (self, order, photo, FIXTURE_NOW, &error);
  g_assert_no_error (error);
  {
    g_autoptr (GPtrArray) items = fixture_list_outbox (reader, FALSE);

    g_assert_cmpuint (items->len, ==, 1);
  }
  other.store = reader;
  g_assert_null (fixture_commit (&other, order, photo, FIXTURE_NOW, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_READ_ONLY);
  g_clear_error (&error);
  g_assert_false (fixture_undo (&other, rtk_operation_get_id (operation), &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_READ_ONLY);
  fixture_close (&other);
  /* Nothing the reader did let the folder go. */
  assert_refused (self->folder, RTK_SQLITE_STORE_WRITE, RTK_ERROR_IN_USE);
  fixture_reopen (self);
}

/* A mount namespace of this process: what is mounted in it is gone with it. */
static gboolean
mount_apart (void)
{
  static gboolean apart;

  if (!apart)
    apart = unshare (CLONE_NEWNS) == 0 && mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
  return apart;
}

/* Mounts a small file system on a folder. */
static gboolean
mount_small (const char *folder, const char *options, unsigned long flags)
{
  return mount_apart () && mount ("tmpfs", folder, "tmpfs", flags, options) == 0;
}

static void
read_alone (Fixture *self, const char *id)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) order = NULL;
  RtkSqliteStore *reader =
      rtk_sqlite_store_open (self->folder, RTK_CLOCK (self->clock), RTK_SQLITE_STORE_READ, &error);

  g_assert_no_error (error);
  g_assert_true (fixture_unlock (reader, FIXTURE_PASSPHRASE, &error));
  g_assert_no_error (error);
  order = fixture_get_order (reader, id, &error);
  g_assert_no_error (error);
  rtk_sqlite_store_close (reader);
  g_assert_finalize_object (reader);
}

/* Reading when no program writes, and from a medium that cannot be written. */
static void
test_read_alone (Fixture *self, gconstpointer unused)
{
  g_autoptr (RtkOrder) order = fixture_order (1, 1, "rejected");

  g_assert_true (fixture_apply (self, "e1", "c1", FALSE, g_object_ref (order), NULL));
  fixture_close (self);
  if (mount_apart () && mount (self->folder, self->folder, NULL, MS_BIND, NULL) == 0) {
    g_assert_cmpint (mount (NULL, self->folder, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), ==,
                     0);
    read_alone (self, rtk_order_get_id (order));
    assert_refused (self->folder, RTK_SQLITE_STORE_WRITE, RTK_ERROR_READ_ONLY);
    g_assert_cmpint (umount (self->folder), ==, 0);
  } else {
    g_test_skip ("a read-only file system cannot be mounted here");
  }
  read_alone (self, rtk_order_get_id (order));
  fixture_reopen (self);
}

static void
test_nothing_to_read (void)
{
  g_autofree char *folder = fixture_make_folder ();

  assert_refused (folder, RTK_SQLITE_STORE_READ, RTK_ERROR_NOT_FOUND);
  fixture_remove_folder (folder);
  assert_refused (folder, RTK_SQLITE_STORE_READ, RTK_ERROR_NOT_FOUND);
  g_assert_false (g_file_test (folder, G_FILE_TEST_EXISTS));
}

/* Homes are reached through links on some systems (/home -> /var/home): the folder may be, too. */
static void
test_linked (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkTestClock) clock = rtk_test_clock_new (FIXTURE_NOW);
  g_autofree char *folder = fixture_make_folder ();
  g_autofree char *target = g_build_filename (folder, "var", NULL);
  g_autofree char *link = g_build_filename (folder, "home", NULL);
  g_autofree char *data = g_build_filename (link, "data", NULL);
  g_autofree char *db = g_build_filename (target, "data", "station.db", NULL);

  g_assert_cmpint (g_mkdir (target, 0700), ==, 0);
  g_assert_cmpint (symlink (target, link), ==, 0);
  for (int i = 0; i < 2; i++) {
    g_autoptr (RtkSqliteStore) store = rtk_sqlite_store_open (
        data, RTK_CLOCK (clock), i == 0 ? RTK_SQLITE_STORE_WRITE : RTK_SQLITE_STORE_READ, &error);

    g_assert_no_error (error);
    rtk_sqlite_store_close (store);
  }
  g_assert_true (g_file_test (db, G_FILE_TEST_EXISTS));
  /* The database itself is no link to somewhere else. */
  g_assert_cmpint (g_unlink (db), ==, 0);
  g_assert_cmpint (symlink ("/dev/null", db), ==, 0);
  assert_refused (data, RTK_SQLITE_STORE_WRITE, RTK_ERROR_STORAGE);
  fixture_remove_folder (folder);
}

/* A database from elsewhere cannot make the program remove what is not the vault's. */
static void
test_foreign_intents (Fixture *self, gconstpointer unused)
{
  g_autofree char *victim = g_build_filename (self->folder, "victim", NULL);

  g_assert_true (g_file_set_contents (victim, "text", 4, NULL));
  fixture_close (self);
  fixture_sql (self->folder, "INSERT INTO intents VALUES('../victim'), (''), ('x')");
  fixture_reopen (self);
  g_assert_true (g_file_test (victim, G_FILE_TEST_EXISTS));
}

/* A file where the folder should be; a database that is none. */
static void
test_not_a_folder (void)
{
  g_autofree char *folder = fixture_make_folder ();
  g_autofree char *file = g_build_filename (folder, "file", NULL);
  g_autofree char *db = g_build_filename (folder, "station.db", NULL);
  g_autofree char *noise = g_strnfill (20000, 'x');
  g_autofree char *after = NULL;

  g_assert_true (g_file_set_contents (file, "text", 4, NULL));
  assert_refused (file, RTK_SQLITE_STORE_WRITE, RTK_ERROR_STORAGE);
  g_assert_true (g_file_set_contents (db, noise, 20000, NULL));
  assert_refused (folder, RTK_SQLITE_STORE_WRITE, RTK_ERROR_DAMAGED);
  g_assert_true (g_file_get_contents (db, &after, NULL, NULL));
  g_assert_cmpstr (after, ==, noise);
  fixture_remove_folder (folder);
}

static void
test_read_only (void)
{
  g_autofree char *folder = fixture_make_folder ();

  if (!mount_small (folder, "size=1m", MS_RDONLY)) {
    fixture_remove_folder (folder);
    g_test_skip ("a read-only file system cannot be mounted here");
    return;
  }
  assert_refused (folder, RTK_SQLITE_STORE_WRITE, RTK_ERROR_READ_ONLY);
  umount (folder);
  fixture_remove_folder (folder);
}

/* A folder that becomes read-only while the store is open. */
static void
test_becomes_read_only (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) order = fixture_order (1, 1, "rejected");
  g_autoptr (RtkPhoto) photo = fixture_photo (1, 100000);
  g_autofree char *folder = fixture_make_folder ();
  g_autofree char *vault = g_build_filename (folder, "vault", NULL);
  Fixture          self = {0};
  Wait             wait = {0};

  self.folder = g_strdup (folder);
  self.clock = rtk_test_clock_new (FIXTURE_NOW);
  self.store =
      rtk_sqlite_store_open (folder, RTK_CLOCK (self.clock), RTK_SQLITE_STORE_WRITE, &error);
  rtk_sqlite_store_set_key_cost (self.store, &rtk_key_cost_least);
  rtk_sqlite_store_create_async (self.store, FIXTURE_STAFF, FIXTURE_PASSPHRASE, NULL, wait_cb,
                                 &wait);
  self.recovery = rtk_sqlite_store_create_finish (self.store, wait_for (&wait), &error);
  g_clear_object (&wait.result);
  fixture_enrol (self.store);
  if (!mount_small (vault, "size=1m", MS_RDONLY)) {
    fixture_tear_down (&self, NULL);
    g_test_skip ("a read-only file system cannot be mounted here");
    return;
  }
  g_assert_null (fixture_commit (&self, order, photo, FIXTURE_NOW, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_READ_ONLY);
  umount (vault);
  fixture_tear_down (&self, NULL);
}

/* Fills a folder but for about @leave bytes. */
static void
fill (const char *folder, gsize leave)
{
  g_autofree char *path = g_build_filename (folder, "ballast", NULL);
  static char      block[4096];
  FILE            *file = g_fopen (path, "wb");
  gsize            size = 0;

  setvbuf (file, NULL, _IONBF, 0);
  while (fwrite (block, sizeof block, 1, file) == 1)
    size += sizeof block;
  fclose (file);
  g_assert_cmpuint (size, >, leave);
  g_assert_cmpint (truncate (path, (off_t)(size - leave)), ==, 0);
}

/* At every amount of free space a submission is whole or not there, and says why; with space again
 * it goes through. */
static void
test_disk_full (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) order = fixture_order (1, 1, "rejected");
  g_autofree char *folder = fixture_make_folder ();
  g_autofree char *data = g_build_filename (folder, "data", NULL);
  g_autofree char *ballast = g_build_filename (folder, "ballast", NULL);
  Fixture          self = {0};
  Wait             wait = {0};
  guint            n_full = 0;
  guint            n_done = 0;

  if (!mount_small (folder, "size=3m", 0)) {
    fixture_remove_folder (folder);
    g_test_skip ("a small file system cannot be mounted here");
    return;
  }
  self.folder = g_strdup (data);
  self.clock = rtk_test_clock_new (FIXTURE_NOW);
  self.store = rtk_sqlite_store_open (data, RTK_CLOCK (self.clock), RTK_SQLITE_STORE_WRITE, &error);
  g_assert_no_error (error);
  rtk_sqlite_store_set_key_cost (self.store, &rtk_key_cost_least);
  rtk_sqlite_store_create_async (self.store, FIXTURE_STAFF, FIXTURE_PASSPHRASE, NULL, wait_cb,
                                 &wait);
  self.recovery = rtk_sqlite_store_create_finish (self.store, wait_for (&wait), &error);
  g_assert_no_error (error);
  g_clear_object (&wait.result);
  fixture_enrol (self.store);
  for (guint i = 0; i < 30; i++) {
    g_autoptr (RtkPhoto) photo = fixture_photo (i, 60000);
    g_autoptr (RtkOperation) operation = NULL;

    fill (folder, i * 8192);
    operation = fixture_commit (&self, order, photo, FIXTURE_NOW, &error);
    g_unlink (ballast);
    if (operation == NULL) {
      g_assert_error (error, RTK_ERROR, RTK_ERROR_DISK_FULL);
      g_clear_error (&error);
      n_full++;
    } else {
      n_done++;
    }
    {
      g_autoptr (GPtrArray) items = fixture_list_outbox (self.store, FALSE);
      g_autoptr (GBytes) original = fixture_read_blob (self.store, photo->original.sha256, NULL);

      g_assert_cmpuint (items->len, ==, n_done);
      g_assert_true ((original != NULL) == (operation != NULL));
    }
  }
  g_test_message ("%u did not fit, %u did", n_full, n_done);
  g_assert_cmpuint (n_full, >, 3);
  g_assert_cmpuint (n_done, >, 3);
  {
    g_autoptr (RtkPhoto) photo = fixture_photo (1000, 60000);
    g_autoptr (RtkOperation) operation = fixture_commit (&self, order, photo, FIXTURE_NOW, &error);

    g_assert_no_error (error);
  }
  fixture_reopen (&self);
  g_assert_cmpuint (rtk_store_get_outbox_length (RTK_STORE (self.store)), ==, n_done + 1);
  fixture_tear_down (&self, NULL);
  umount (folder);
  fixture_remove_folder (folder);
}

/* Where nothing can be mounted: a limit on the size of files does as well. */
static void
test_file_limit (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) order = fixture_order (1, 1, "rejected");
  g_autoptr (RtkPhoto) photo = fixture_photo (1, 300000);
  g_autoptr (RtkOperation) operation = NULL;
  struct rlimit before;
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &before), ==, 0);
  limit = before;
  limit.rlim_cur = 200000;
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  g_assert_null (fixture_commit (self, order, photo, FIXTURE_NOW, &error));
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &before), ==, 0);
  g_assert_error (error, RTK_ERROR, RTK_ERROR_DISK_FULL);
  g_clear_error (&error);
  g_assert_cmpuint (fixture_count_files (self->folder), ==, 0);
  operation = fixture_commit (self, order, photo, FIXTURE_NOW, &error);
  g_assert_no_error (error);
}

/* A database of version 1, as the first release wrote it, with a row in it. */
static void
make_version_1 (const char *folder)
{
  fixture_sql (folder, "CREATE TABLE schema_version(version INTEGER PRIMARY KEY) STRICT;"
                       "INSERT INTO schema_version VALUES(1);"
                       "CREATE TABLE settings("
                       "  name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
                       "INSERT INTO settings VALUES('cursor', 'c1')");
}

static void
test_migrate (void)
{
  static const char *const steps[] = {"CREATE TABLE never(a)",
                                      "ALTER TABLE settings ADD COLUMN note TEXT",
                                      "UPDATE settings SET note = 'moved'"};
  static const char *const broken[] = {"", "", "", "CREATE TABLE half(a); CREATE NONSENSE"};
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = fixture_make_folder ();
  g_autofree char *path = g_build_filename (folder, "station.db", NULL);
  g_autoptr (RtkDb) db = NULL;
  gint64 n;

  make_version_1 (folder);
  db = rtk_db_open (path, FALSE, &error);
  g_assert_no_error (error);
  g_assert_true (rtk_schema_migrate (db, steps, G_N_ELEMENTS (steps), &error));
  g_assert_no_error (error);
  g_assert_true (rtk_db_get_int (db, &n, &error,
                                 "SELECT count(*) FROM settings WHERE value = 'c1' AND"
                                 " note = 'moved'",
                                 ""));
  g_assert_cmpint (n, ==, 1);
  /* The first step was not done again, the others once. */
  g_assert_true (rtk_db_get_int (db, &n, &error,
                                 "SELECT count(*) FROM sqlite_schema WHERE name ="
                                 " 'never'",
                                 ""));
  g_assert_cmpint (n, ==, 0);
  g_assert_true (rtk_db_get_int (db, &n, &error, "SELECT count(*) FROM schema_version", ""));
  g_assert_cmpint (n, ==, 3);
  g_assert_true (rtk_schema_migrate (db, steps, G_N_ELEMENTS (steps), &error));
  /* A step that fails leaves nothing of itself. */
  g_assert_false (rtk_schema_migrate (db, broken, G_N_ELEMENTS (broken), &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_STORAGE);
  g_clear_error (&error);
  g_assert_true (rtk_db_get_int (db, &n, &error,
                                 "SELECT count(*) FROM sqlite_schema WHERE name ="
                                 " 'half'",
                                 ""));
  g_assert_cmpint (n, ==, 0);
  g_assert_false (rtk_schema_check (db, 4, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_STATE);
  g_clear_error (&error);
  fixture_remove_folder (folder);
}

/* A folder that a newer program wrote is refused, in both modes, and left as it is. */
static void
test_newer (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  fixture_close (self);
  fixture_sql (self->folder, "INSERT INTO schema_version VALUES(99)");
  assert_refused (self->folder, RTK_SQLITE_STORE_WRITE, RTK_ERROR_TOO_NEW);
  assert_refused (self->folder, RTK_SQLITE_STORE_READ, RTK_ERROR_TOO_NEW);
  fixture_sql (self->folder, "DELETE FROM schema_version WHERE version = 99");
  fixture_reopen (self);
}

static void
opened_cb (GObject *object, GAsyncResult *result, gpointer wait)
{
  wait_cb (object, result, wait);
}

static void
test_new_async (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  Wait wait = {0};

  rtk_sqlite_store_new_async (self->folder, RTK_CLOCK (self->clock), RTK_SQLITE_STORE_WRITE, NULL,
                              opened_cb, &wait);
  g_assert_null (rtk_sqlite_store_new_finish (wait_for (&wait), &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_IN_USE);
  g_clear_error (&error);
  g_clear_object (&wait.result);
  fixture_close (self);
  rtk_sqlite_store_new_async (self->folder, RTK_CLOCK (self->clock), RTK_SQLITE_STORE_WRITE, NULL,
                              opened_cb, &wait);
  self->store = rtk_sqlite_store_new_finish (wait_for (&wait), &error);
  g_assert_no_error (error);
  g_clear_object (&wait.result);
  g_assert_true (rtk_sqlite_store_has_keyring (self->store));
  g_assert_false (rtk_sqlite_store_is_unlocked (self->store));
}

/* Staff and passphrases through the store. */
static void
test_staff (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  Wait wait = {0};

  rtk_sqlite_store_add_staff_async (self->store, "wang", "seven slow boats", NULL, wait_cb, &wait);
  g_assert_true (rtk_store_done_finish (RTK_STORE (self->store), wait_for (&wait), &error));
  g_clear_object (&wait.result);
  rtk_sqlite_store_change_passphrase_async (self->store, FIXTURE_STAFF, FIXTURE_PASSPHRASE,
                                            "new words", NULL, wait_cb, &wait);
  g_assert_true (rtk_store_done_finish (RTK_STORE (self->store), wait_for (&wait), &error));
  g_clear_object (&wait.result);
  rtk_sqlite_store_list_staff_async (self->store, NULL, wait_cb, &wait);
  names = rtk_sqlite_store_list_staff_finish (self->store, wait_for (&wait), &error);
  g_clear_object (&wait.result);
  g_assert_cmpuint (g_strv_length (names), ==, 2);
  rtk_sqlite_store_remove_staff_async (self->store, "wang", NULL, wait_cb, &wait);
  g_assert_true (rtk_store_done_finish (RTK_STORE (self->store), wait_for (&wait), &error));
  g_clear_object (&wait.result);
  g_assert_false (fixture_unlock (self->store, FIXTURE_PASSPHRASE, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_PASSPHRASE);
  g_clear_error (&error);
  g_assert_false (fixture_unlock (self->store, "seven slow boats", &error));
  g_clear_error (&error);
  g_assert_true (fixture_unlock (self->store, "new words", &error));
}

#define ADD(path, func)                                                                            \
  g_test_add ("/store/folder/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  ADD ("lock", test_lock);
  ADD ("read-alone", test_read_alone);
  ADD ("file-limit", test_file_limit);
  ADD ("newer", test_newer);
  ADD ("foreign-intents", test_foreign_intents);
  ADD ("new-async", test_new_async);
  ADD ("staff", test_staff);
  g_test_add_func ("/store/folder/nothing-to-read", test_nothing_to_read);
  g_test_add_func ("/store/folder/not-a-folder", test_not_a_folder);
  g_test_add_func ("/store/folder/linked", test_linked);
  g_test_add_func ("/store/folder/migrate", test_migrate);
  g_test_add_func ("/store/folder/read-only", test_read_only);
  g_test_add_func ("/store/folder/becomes-read-only", test_becomes_read_only);
  g_test_add_func ("/store/folder/disk-full", test_disk_full);
  return g_test_run ();
}
