/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-backup.h"

#include "core/rtk-error.h"
#include "server/rtk-server-audit.h"
#include "server/rtk-server-db-private.h"
#include "server/rtk-server-files.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* What a backup consists of: whatever else lies in its unfinished folder is not ours. */
static const char *const own_names[] = {"server.db",
                                        "server.db-wal",
                                        "server.db-shm",
                                        "server.db-journal",
                                        "server.key",
                                        "server.key.new",
                                        "photos",
                                        RTK_SERVER_BACKUP_MANIFEST,
                                        RTK_SERVER_BACKUP_MANIFEST ".new",
                                        "lock",
                                        NULL};

/**
 * rtk_server_backup_report_clear:
 * @self: a report
 *
 * Frees what the report holds.
 */
void
rtk_server_backup_report_clear (RtkServerBackupReport *self)
{
  g_clear_pointer (&self->problems, g_ptr_array_unref);
  g_clear_pointer (&self->lost, g_ptr_array_unref);
}

/**
 * rtk_server_backup_report_add:
 * @self: a report
 * @format: of a line about what is missing or damaged
 * @...: arguments
 *
 * Adds a problem.
 */
void
rtk_server_backup_report_add (RtkServerBackupReport *self, const char *format, ...)
{
  va_list args;

  if (self->problems == NULL)
    self->problems = g_ptr_array_new_with_free_func (g_free);
  va_start (args, format);
  g_ptr_array_add (self->problems, g_strdup_vprintf (format, args));
  va_end (args);
}

static char *
dup_photo_path (const char *folder, const char *sha256)
{
  const char part[3] = {sha256[0], sha256[1], '\0'};

  return g_build_filename (folder, "photos", part, sha256, NULL);
}

/* One photo into the other folder, as another name of the same file where that can be: its content
 * never changes. *@problem says what is wrong with it. */
static gboolean
take_photo (const char  *from,
            const char  *to,
            const char  *sha256,
            gint64       size,
            gboolean     verify,
            const char **problem,
            GError     **error)
{
  g_autofree char *source = dup_photo_path (from, sha256);
  g_autofree char *target = dup_photo_path (to, sha256);
  g_autofree char *folder = g_path_get_dirname (target);
  char             hash[65];

  *problem = rtk_server_file_get_size (source) < 0       ? "is missing"
             : rtk_server_file_get_size (source) != size ? "is damaged"
                                                         : NULL;
  if (*problem != NULL)
    return TRUE;
  if (!rtk_server_file_make_folder (folder, error))
    return FALSE;
  if (link (source, target) != 0 && !rtk_server_file_copy (source, target, error))
    return FALSE;
  if (!verify)
    return TRUE;
  if (!rtk_server_file_hash (target, hash, error))
    return FALSE;
  if (strcmp (hash, sha256) != 0)
    *problem = "is damaged";
  return TRUE;
}

static void
report_lost (RtkServerBackupReport *report, const char *sha256, const char *problem)
{
  if (report->lost == NULL)
    report->lost = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (report->lost, g_strdup (sha256));
  rtk_server_backup_report_add (report, "The photo %s %s.", sha256, problem);
}

/* Makes the names of all photos durable. */
static gboolean
sync_photos (const char *folder, GError **error)
{
  g_autofree char *photos = g_build_filename (folder, "photos", NULL);
  g_autoptr (GDir) dir = g_dir_open (photos, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (photos, name, NULL);

    if (!rtk_server_file_sync_folder (path, error))
      return FALSE;
  }
  return rtk_server_file_sync_folder (photos, error);
}

/**
 * rtk_server_backup_take_photos:
 * @db: a database of SQLite that names photos
 * @from: a folder that has them below photos/
 * @to: a folder that gets them
 * @verify: whether to read each through and hold it against its name
 * @report: counts them; gets those that are missing or damaged
 * @error: return location
 *
 * Brings all photos of which a row speaks from one folder into another, durably.
 *
 * Returns: whether the files could be read and written
 */
gboolean
rtk_server_backup_take_photos (RtkServerDb           *db,
                               const char            *from,
                               const char            *to,
                               gboolean               verify,
                               RtkServerBackupReport *report,
                               GError               **error)
{
  g_autofree char *photos = g_build_filename (to, "photos", NULL);
  g_autoptr (GError) own = NULL;
  RtkServerRows *row;

  if (!rtk_server_file_make_folder (photos, error))
    return FALSE;
  row = rtk_server_db_query (
      db, &own, "SELECT sha256, size FROM photos WHERE missing = 0 ORDER BY sha256", "");
  while (own == NULL && rtk_server_db_next (db, row, &own)) {
    const char *problem = NULL;

    if (take_photo (from, to, rtk_server_db_text (row, 0), rtk_server_db_int (row, 1), verify,
                    &problem, &own) &&
        problem != NULL) {
      report_lost (report, rtk_server_db_text (row, 0), problem);
      continue;
    }
    report->photos++;
    report->bytes += rtk_server_db_int (row, 1);
  }
  rtk_server_db_end (row);
  if (own != NULL) {
    g_propagate_error (error, g_steal_pointer (&own));
    return FALSE;
  }
  return sync_photos (to, error);
}

/* All rows as of one moment into a file that is closed, whole and durable. */
static gboolean
take_database (RtkServerDb *db, const char *path, GError **error)
{
  g_autoptr (RtkServerDb) copy = NULL;

  if (!rtk_server_db_is_postgres (db)) {
    g_auto (GStrv) parts = g_strsplit (path, "'", -1);
    g_autofree char *quoted = g_strjoinv ("''", parts);
    g_autofree char *sql = g_strdup_printf ("VACUUM INTO '%s'", quoted);

    return rtk_server_db_exec (db, sql, error);
  }
  copy = rtk_server_db_open (path, error);
  if (copy == NULL || !rtk_server_db_begin (copy, TRUE, error) ||
      !rtk_server_schema_build (copy, rtk_server_schema_get_newest (), error) ||
      !rtk_server_db_begin (db, FALSE, error))
    return FALSE;
  if (!rtk_server_db_copy (db, copy, error)) {
    rtk_server_db_rollback (db);
    return FALSE;
  }
  rtk_server_db_rollback (db);
  /* One file, which can be read where nothing can be written. */
  return rtk_server_db_commit (copy, error) &&
         rtk_server_db_exec (copy, "PRAGMA journal_mode=DELETE", error);
}

/* What lies in the backup, for whoever restores it, or looks at it. */
static gboolean
write_manifest (RtkServerStore        *copy,
                const char            *folder,
                RtkServerBackupReport *report,
                GError               **error)
{
  static const char *const names[] = {"server.db", "server.key"};
  g_autofree char         *path = g_build_filename (folder, RTK_SERVER_BACKUP_MANIFEST, NULL);
  g_autofree char         *epoch = rtk_server_store_dup_meta (copy, "epoch");
  g_auto (RtkServerJson) json = {NULL, FALSE};
  g_autoptr (GError) own = NULL;
  RtkServerAnchor  newest;
  g_autofree char *anchor = NULL;

  if (!rtk_server_audit_verify (copy, NULL, &newest, &own)) {
    if (!g_error_matches (own, RTK_ERROR, RTK_ERROR_DAMAGED)) {
      g_propagate_error (error, g_steal_pointer (&own));
      return FALSE;
    }
    rtk_server_backup_report_add (report, "%s.", own->message);
  }
  anchor = rtk_server_anchor_format (&newest);
  rtk_server_json_init (&json);
  rtk_server_json_begin (&json, NULL, '{');
  rtk_server_json_int (&json, "format", RTK_SERVER_BACKUP_FORMAT);
  rtk_server_json_int (&json, "version", rtk_server_schema_get_newest ());
  rtk_server_json_time (&json, "created_at", g_get_real_time ());
  rtk_server_json_string (&json, "epoch", epoch);
  rtk_server_json_int (
      &json, "cursor",
      rtk_server_db_get_int (copy->db, 0, "SELECT value FROM counters WHERE name = 'changes'", ""));
  rtk_server_json_int (&json, "entries", newest.entries);
  rtk_server_json_string (&json, "anchor", anchor);
  rtk_server_json_int (&json, "photos", report->photos);
  rtk_server_json_int (&json, "bytes", report->bytes);
  rtk_server_json_begin (&json, "sha256", '{');
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *file = g_build_filename (folder, names[i], NULL);
    char             hash[65];

    if (!rtk_server_file_hash (file, hash, error))
      return FALSE;
    rtk_server_json_string (&json, names[i], hash);
  }
  rtk_server_json_end (&json, '}');
  rtk_server_json_end (&json, '}');
  g_string_append_c (json.text, '\n');
  return rtk_server_file_write (path, json.text->str, json.text->len, error);
}

/* A photo that no submission has yet may be gone before it is copied; it is not in the backup:
 * whoever sent it sends it again. */
static gboolean
forget_leftovers (RtkServerDb *copy, GError **error)
{
  return rtk_server_db_exec (
      copy,
      "DELETE FROM photo_owners WHERE sha256 IN (SELECT sha256 FROM photos WHERE named = 0);"
      "DELETE FROM uploads WHERE sha256 IN (SELECT sha256 FROM photos WHERE named = 0);"
      "DELETE FROM photos WHERE named = 0",
      error);
}

/* Everything into the unfinished folder; *@out_cursor is up to where the feed is in it. */
static gboolean
fill (RtkServerStore        *store,
      const char            *folder,
      gint64                *out_cursor,
      RtkServerBackupReport *report,
      GError               **error)
{
  g_autofree char *database = g_build_filename (folder, "server.db", NULL);
  g_autofree char *key = g_build_filename (folder, "server.key", NULL);
  g_autofree char *own_key = g_build_filename (store->config->data, "server.key", NULL);
  RtkServerStore   copy = {NULL, store->keys, store->config};
  gboolean         ok;

  if (!take_database (store->db, database, error) || !rtk_server_file_copy (own_key, key, error))
    return FALSE;
  copy.db = rtk_server_db_open (database, error);
  if (copy.db == NULL)
    return FALSE;
  ok = forget_leftovers (copy.db, error) &&
       rtk_server_backup_take_photos (copy.db, store->config->data, folder, FALSE, report, error) &&
       rtk_server_db_exec (copy.db, "PRAGMA journal_mode=DELETE", error);
  rtk_server_db_close (copy.db);
  copy.db =
      ok && rtk_server_file_sync (database, error) ? rtk_server_db_open (database, error) : NULL;
  if (copy.db == NULL)
    return FALSE;
  *out_cursor =
      rtk_server_db_get_int (copy.db, 0, "SELECT value FROM counters WHERE name = 'changes'", "");
  ok = write_manifest (&copy, folder, report, error);
  rtk_server_db_close (copy.db);
  return ok;
}

/* Says up to where a backup covers the feed; it never goes back. */
static gboolean
publish (RtkServerStore *store, gint64 cursor, GError **error)
{
  g_autofree char *epoch = NULL;
  g_autofree char *before = NULL;
  g_autofree char *durable = NULL;
  g_autofree char *detail = g_strdup_printf ("{\"cursor\":%" G_GINT64_FORMAT "}", cursor);
  gboolean         ok = TRUE;

  if (!rtk_server_db_begin (store->db, TRUE, error))
    return FALSE;
  epoch = rtk_server_store_dup_meta (store, "epoch");
  before = rtk_server_store_dup_meta (store, "durable");
  durable = g_strdup_printf ("%s.%" G_GINT64_FORMAT, epoch, cursor);
  if (before == NULL || strlen (before) < 37 || strncmp (before, durable, 37) != 0 ||
      g_ascii_strtoll (before + 37, NULL, 10) < cursor)
    ok = rtk_server_db_run (store->db, error,
                            "INSERT INTO meta (key, value) VALUES ('durable', ?) ON CONFLICT (key)"
                            " DO UPDATE SET value = excluded.value",
                            "s", durable);
  ok = ok && rtk_server_audit_add (store, "server", "server.backup", epoch, detail, error);
  if (ok)
    return rtk_server_db_commit (store->db, error);
  rtk_server_db_rollback (store->db);
  return FALSE;
}

/* An empty folder beside the wanted one, locked; what an earlier run left in it is removed. */
static int
open_partial (const char *folder, const char *partial, GError **error)
{
  static const char *const nothing[] = {NULL};
  static const char *const keep[] = {"lock", NULL};
  int                      lock;

  if (g_file_test (folder, G_FILE_TEST_EXISTS) && !rtk_server_file_has_only (folder, nothing)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_EXISTS,
                 "There is something in %s already: give a folder that is new or empty", folder);
    return -1;
  }
  if (!rtk_server_file_make_folder (partial, error))
    return -1;
  lock = rtk_server_file_lock (partial, FALSE, error);
  if (lock >= 0 && !rtk_server_file_clear_folder (partial, own_names, keep, error)) {
    close (lock);
    return -1;
  }
  return lock;
}

/**
 * rtk_server_backup:
 * @config: settings
 * @keys: keys of the data folder
 * @folder: a new or empty folder
 * @out_report: (out): what was found
 * @error: return location
 *
 * Makes a backup as of one moment, while servers run: all rows, all photos that submissions have,
 * and the key file, without which the rest could not be read. The folder gets its name when all of
 * it is on disk. If nothing was missing, the feed says from then on up to where it is covered.
 *
 * Returns: whether the backup was made; look at the report's problems, too
 */
gboolean
rtk_server_backup (const RtkServerConfig *config,
                   const RtkServerKeys   *keys,
                   const char            *folder,
                   RtkServerBackupReport *out_report,
                   GError               **error)
{
  static const char *const nothing[] = {NULL};
  g_autofree char         *plain = g_canonicalize_filename (folder, NULL);
  g_autofree char         *partial = g_strconcat (plain, ".partial", NULL);
  g_autofree char         *parent = g_path_get_dirname (plain);
  g_autofree char         *lock_path = g_build_filename (partial, "lock", NULL);
  g_autoptr (RtkServerStore) store = NULL;
  gint64   cursor = 0;
  int      lock = open_partial (plain, partial, error);
  gboolean ok;

  if (lock < 0)
    return FALSE;
  store = rtk_server_store_open (config, keys, error);
  ok = store != NULL && fill (store, partial, &cursor, out_report, error) &&
       g_unlink (lock_path) == 0 && rtk_server_file_sync_folder (partial, error);
  if (ok && g_rename (partial, plain) != 0) {
    ok = FALSE;
    g_set_error (error, RTK_ERROR, RTK_ERROR_STORAGE, "Cannot name the backup %s: %s", folder,
                 g_strerror (errno));
  }
  if (!ok) {
    (void)rtk_server_file_clear_folder (partial, own_names, nothing, NULL);
    (void)g_rmdir (partial);
  }
  close (lock);
  return ok && rtk_server_file_sync_folder (parent, error) &&
         (out_report->problems != NULL || publish (store, cursor, error));
}
