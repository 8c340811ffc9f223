/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-json.h"
#include "server/rtk-server-audit.h"
#include "server/rtk-server-backup.h"
#include "server/rtk-server-db-private.h"
#include "server/rtk-server-files.h"

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <unistd.h>

/* A restore is all or nothing. From its first to its last moment the data folder holds the file
 * MARKER, with which no server starts: the new epoch and the hash of the database it came from.
 * Photos and key come first, then the database at once: an SQLite file by its name, PostgreSQL by
 * one transaction. When the database has that epoch, all is there and only the marker is left to
 * be removed; else a further run begins anew. */
#define MARKER "restoring"
#define WORK "restore.db"

static const char *const own_names[] = {"server.db",
                                        "server.db-wal",
                                        "server.db-shm",
                                        "server.key",
                                        "server.key.new",
                                        "photos",
                                        "uploads",
                                        WORK,
                                        WORK "-wal",
                                        WORK "-shm",
                                        WORK "-journal",
                                        MARKER,
                                        MARKER ".new",
                                        "lock",
                                        NULL};

static const char *const kept_names[] = {"lock", MARKER, NULL};

typedef struct {
  char   sha256[65]; /* of the backup's server.db */
  char  *key_sha256; /* (owned) */
  char  *epoch;      /* (owned): the new one */
  char  *old_epoch;  /* (owned) */
  gint64 version;
} Plan;

static void
plan_clear (Plan *plan)
{
  g_free (plan->key_sha256);
  g_free (plan->epoch);
  g_free (plan->old_epoch);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Plan, plan_clear)

/**
 * rtk_server_restore_is_pending:
 * @data: a data folder
 *
 * Returns: whether a restore of it was begun and not finished
 */
gboolean
rtk_server_restore_is_pending (const char *data)
{
  g_autofree char *path = g_build_filename (data, MARKER, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static gboolean
refuse_backup (const char *folder, const char *why, GError **error)
{
  g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE, "%s is no backup that can be restored: %s",
               folder, why);
  return FALSE;
}

static gboolean
read_manifest (const char *folder, Plan *plan, GError **error)
{
  g_autofree char *path = g_build_filename (folder, RTK_SERVER_BACKUP_MANIFEST, NULL);
  g_autofree char *text = NULL;
  g_autoptr (JsonObject) object = NULL;
  JsonObject *hashes;
  const char *database;
  gint64      format = 0;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return refuse_backup (folder, RTK_SERVER_BACKUP_MANIFEST " is not there", error);
  object = rtk_json_parse_object (text, -1, NULL);
  hashes = object != NULL ? rtk_json_get_object (object, "sha256", NULL) : NULL;
  database = hashes != NULL ? rtk_json_get_string (hashes, "server.db", NULL) : NULL;
  plan->key_sha256 =
      hashes != NULL ? g_strdup (rtk_json_get_string (hashes, "server.key", NULL)) : NULL;
  plan->old_epoch = object != NULL ? g_strdup (rtk_json_get_string (object, "epoch", NULL)) : NULL;
  if (database == NULL || !rtk_sha256_is_valid (database) || plan->key_sha256 == NULL ||
      !rtk_id_is_valid (plan->old_epoch) || !rtk_json_get_int (object, "format", &format, NULL) ||
      !rtk_json_get_int (object, "version", &plan->version, NULL))
    return refuse_backup (folder, RTK_SERVER_BACKUP_MANIFEST " is damaged", error);
  if (format != RTK_SERVER_BACKUP_FORMAT || plan->version > rtk_server_schema_get_newest ())
    return refuse_backup (folder, "a newer version of this program made it", error);
  g_strlcpy (plan->sha256, database, sizeof plan->sha256);
  return TRUE;
}

static gboolean
write_marker (const char *data, const Plan *plan, GError **error)
{
  g_autofree char *path = g_build_filename (data, MARKER, NULL);
  g_autofree char *text = g_strdup_printf ("%s %s\n", plan->epoch, plan->sha256);

  return rtk_server_file_write (path, text, strlen (text), error);
}

/* The epoch of a restore of the same backup that was begun here; NULL when there is none. */
static char *
read_marker (const char *data, const Plan *plan)
{
  g_autofree char *path = g_build_filename (data, MARKER, NULL);
  g_autofree char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL) || strlen (text) != 36 + 1 + 64 + 1 ||
      strncmp (text + 37, plan->sha256, 64) != 0)
    return NULL;
  return g_strndup (text, 36);
}

static gboolean
remove_marker (const char *data, GError **error)
{
  g_autofree char *marker = g_build_filename (data, MARKER, NULL);
  g_autofree char *work = g_build_filename (data, WORK, NULL);

  (void)g_unlink (work);
  (void)g_unlink (marker);
  return rtk_server_file_sync_folder (data, error);
}

/* A file of the backup that must be what its manifest says. */
static gboolean
take_file (const char            *folder,
           const char            *name,
           const char            *target,
           const char            *sha256,
           RtkServerBackupReport *report,
           GError               **error)
{
  g_autofree char *source = g_build_filename (folder, name, NULL);
  char             hash[65];

  if (rtk_server_file_get_size (source) < 0) {
    rtk_server_backup_report_add (report, "%s is missing.", name);
    return TRUE;
  }
  if (!rtk_server_file_copy (source, target, error) || !rtk_server_file_hash (target, hash, error))
    return FALSE;
  if (strcmp (hash, sha256) != 0)
    rtk_server_backup_report_add (report, "%s is damaged.", name);
  return TRUE;
}

/* Whether the rows hold together: their references, the audit log, and the key they need. */
static gboolean
check_rows (RtkServerStore *store, RtkServerBackupReport *report, GError **error)
{
  g_autofree char *known = rtk_server_store_dup_meta (store, "keys-id");
  g_autofree char *keys_id = rtk_server_keys_get_id (store->keys);
  g_autofree char *sound = rtk_server_db_dup_text (store->db, "PRAGMA quick_check", "");
  g_autofree char *loose =
      rtk_server_db_dup_text (store->db, "SELECT \"table\" FROM pragma_foreign_key_check", "");
  g_autoptr (GError) own = NULL;
  RtkServerAnchor newest;

  if (g_strcmp0 (sound, "ok") != 0)
    rtk_server_backup_report_add (report, "server.db is damaged.");
  if (loose != NULL)
    rtk_server_backup_report_add (report, "A row of the table %s refers to nothing.", loose);
  if (g_strcmp0 (known, keys_id) != 0)
    rtk_server_backup_report_add (report, "server.key does not belong to server.db.");
  if (rtk_server_audit_verify (store, NULL, &newest, &own))
    return TRUE;
  if (!g_error_matches (own, RTK_ERROR, RTK_ERROR_DAMAGED)) {
    g_propagate_error (error, g_steal_pointer (&own));
    return FALSE;
  }
  rtk_server_backup_report_add (report, "%s.", own->message);
  return TRUE;
}

/* Numbers of orders that were given out after the backup, on this very day, were read to people:
 * the next one lies beyond them, even when the same backup is restored twice. */
static gint64
get_gap (void)
{
  return 10000 + 10 * (g_get_real_time () / G_USEC_PER_SEC % (24 * 3600));
}

/* The photos that the restore goes on without. Whoever has one may send it again: nobody is told
 * that it is there, and what remains of a damaged one is in nobody's way. */
static gboolean
mark_lost (RtkServerStore *store, const RtkServerBackupReport *report, GError **error)
{
  for (guint i = 0; report->lost != NULL && i < report->lost->len; i++) {
    const char      *sha256 = g_ptr_array_index (report->lost, i);
    g_autofree char *path = rtk_server_photo_dup_path (store->config, sha256);

    (void)g_unlink (path);
    if (!rtk_server_db_run (store->db, error, "UPDATE photos SET missing = 1 WHERE sha256 = ?", "s",
                            sha256) ||
        !rtk_server_db_run (store->db, error, "DELETE FROM photo_owners WHERE sha256 = ?", "s",
                            sha256) ||
        !rtk_server_db_run (store->db, error, "DELETE FROM uploads WHERE sha256 = ?", "s",
                            sha256) ||
        !rtk_server_audit_add (store, "server", "photo.missing", sha256, "{}", error))
      return FALSE;
  }
  return TRUE;
}

/* What is different after a restore: the epoch, by which stations know that they have to send again
 * what came later; nobody is signed in, as who was put out since then must stay out. */
static gboolean
begin_epoch (RtkServerStore              *store,
             const Plan                  *plan,
             const RtkServerBackupReport *report,
             GError                     **error)
{
  g_autofree char *durable = NULL;
  g_autofree char *detail = g_strdup_printf ("{\"from\":\"%s\"}", plan->old_epoch);
  gboolean         ok;

  if (!rtk_server_db_begin (store->db, TRUE, error))
    return FALSE;
  durable =
      g_strdup_printf ("%s.%" G_GINT64_FORMAT, plan->epoch,
                       rtk_server_db_get_int (
                           store->db, 0, "SELECT value FROM counters WHERE name = 'changes'", ""));
  ok = rtk_server_db_run (store->db, error,
                          "INSERT INTO meta (key, value) VALUES ('epoch', ?), ('durable', ?)"
                          " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                          "ss", plan->epoch, durable) &&
       rtk_server_db_run (store->db, error,
                          "UPDATE counters SET value = value + ? WHERE name = 'orders'", "i",
                          get_gap ()) &&
       rtk_server_db_run (store->db, error, "DELETE FROM sessions", "") &&
       rtk_server_audit_add (store, "server", "server.restore", plan->epoch, detail, error) &&
       mark_lost (store, report, error);
  if (ok)
    return rtk_server_db_commit (store->db, error);
  rtk_server_db_rollback (store->db);
  return FALSE;
}

/* All rows into the empty database of a PostgreSQL server, at once. */
static gboolean
fill_postgres (const RtkServerConfig *config, RtkServerDb *work, GError **error)
{
  g_autofree char *address = rtk_server_config_dup_address (config);
  g_autoptr (RtkServerDb) db = rtk_server_db_open (address, error);

  if (db == NULL || !rtk_server_db_begin (db, TRUE, error))
    return FALSE;
  if (rtk_server_schema_build (db, rtk_server_schema_get_newest (), error) &&
      rtk_server_db_begin (work, FALSE, error)) {
    if (rtk_server_db_copy (work, db, error)) {
      rtk_server_db_rollback (work);
      return rtk_server_db_commit (db, error);
    }
    rtk_server_db_rollback (work);
  }
  rtk_server_db_rollback (db);
  return FALSE;
}

/* Whether a restore may go on: all is there and whole, or all but photos that it goes without. */
static gboolean
is_acceptable (const RtkServerBackupReport *report, gboolean without_missing)
{
  return report->problems == NULL ||
         (without_missing && report->lost != NULL && report->lost->len == report->problems->len);
}

/* Key, rows and photos, checked; with a problem nothing is put in force. */
static gboolean
bring (const RtkServerConfig *config,
       const char            *folder,
       const Plan            *plan,
       gboolean               without_missing,
       RtkServerBackupReport *report,
       GError               **error)
{
  g_autofree char *key = g_build_filename (config->data, "server.key", NULL);
  g_autofree char *work = g_build_filename (config->data, WORK, NULL);
  g_autofree char *database = g_build_filename (config->data, "server.db", NULL);
  g_autoptr (RtkServerKeys) keys = NULL;
  RtkServerStore store = {NULL, NULL, config};
  gboolean       ok;

  if (!take_file (folder, "server.key", key, plan->key_sha256, report, error) ||
      !take_file (folder, "server.db", work, plan->sha256, report, error))
    return FALSE;
  if (report->problems != NULL)
    return TRUE;
  store.keys = keys = rtk_server_keys_open (config->data, FALSE, error);
  store.db = keys != NULL ? rtk_server_db_open (work, error) : NULL;
  if (store.db == NULL)
    return FALSE;
  ok = check_rows (&store, report, error) && rtk_server_schema_migrate (store.db, error) &&
       rtk_server_backup_take_photos (store.db, folder, config->data, TRUE, report, error);
  if (ok && is_acceptable (report, without_missing)) {
    ok = begin_epoch (&store, plan, report, error);
    if (ok && config->database != NULL)
      ok = fill_postgres (config, store.db, error);
    ok = ok && rtk_server_db_exec (store.db, "PRAGMA journal_mode=DELETE", error);
  }
  rtk_server_db_close (store.db);
  if (!ok || !is_acceptable (report, without_missing) || config->database != NULL)
    return ok;
  if (!rtk_server_file_sync (work, error))
    return FALSE;
  if (g_rename (work, database) != 0) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_STORAGE, "Cannot name the database");
    return FALSE;
  }
  return rtk_server_file_sync_folder (config->data, error);
}

/* Whether the database is that of the restore with this epoch; *@out_empty: whether there is none.
 */
static gboolean
look_at_database (const RtkServerConfig *config,
                  const char            *epoch,
                  gboolean              *out_empty,
                  gboolean              *out_ours,
                  GError               **error)
{
  g_autofree char *address = rtk_server_config_dup_address (config);
  g_autofree char *found = NULL;
  g_autoptr (RtkServerDb) db = NULL;

  *out_ours = FALSE;
  *out_empty = config->database == NULL && rtk_server_file_get_size (address) < 0;
  if (*out_empty)
    return TRUE;
  db = rtk_server_db_open (address, error);
  if (db == NULL)
    return FALSE;
  if (config->database != NULL)
    *out_empty = rtk_server_db_get_int (db, 1,
                                        "SELECT count (*) FROM pg_class c JOIN pg_namespace n"
                                        " ON n.oid = c.relnamespace WHERE n.nspname ="
                                        " current_schema () AND c.relkind = 'r'",
                                        "") == 0;
  if (!*out_empty && epoch != NULL)
    found = rtk_server_db_dup_text (db, "SELECT value FROM meta WHERE key = 'epoch'", "");
  *out_ours = found != NULL && strcmp (found, epoch) == 0;
  return TRUE;
}

/* Whether there is room for a restore; *@out_done: an earlier run has done it but for the end. */
static gboolean
check_target (const RtkServerConfig *config, const Plan *plan, gboolean *out_done, GError **error)
{
  /* A marker that was not even named yet is nothing, too. */
  static const char *const nothing[] = {"lock", MARKER ".new", NULL};
  g_autofree char         *epoch = read_marker (config->data, plan);
  gboolean                 is_empty;

  *out_done = FALSE;
  if (!rtk_server_restore_is_pending (config->data) &&
      !rtk_server_file_has_only (config->data, nothing)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_EXISTS,
                 "There is something in %s already: give a folder that is new or empty",
                 config->data);
    return FALSE;
  }
  if (!look_at_database (config, epoch, &is_empty, out_done, error))
    return FALSE;
  if (*out_done || is_empty || config->database == NULL)
    return TRUE;
  g_set_error_literal (error, RTK_ERROR, RTK_ERROR_EXISTS,
                       "There is something in the database of --database already: give one that"
                       " is new or empty");
  return FALSE;
}

/**
 * rtk_server_restore:
 * @config: settings; the data folder is locked, and new or empty; so is a PostgreSQL database
 * @folder: a backup
 * @without_missing: whether to go on without photos that are missing or damaged
 * @out_report: (out): what was found
 * @error: return location
 *
 * Brings back what rtk_server_backup() took, into SQLite or PostgreSQL, whichever it came from. The
 * audit log is computed again and every photo read through. All or nothing: with a problem, or when
 * it is ended in the middle, there is no server of it; run it again.
 *
 * Returns: whether it was restored; when not, there is no error if the report has problems
 */
gboolean
rtk_server_restore (const RtkServerConfig *config,
                    const char            *folder,
                    gboolean               without_missing,
                    RtkServerBackupReport *out_report,
                    GError               **error)
{
  g_auto (Plan) plan = {{0}};
  g_autoptr (GError) own = NULL;
  gboolean is_done;
  gboolean ok;

  if (!read_manifest (folder, &plan, error) || !check_target (config, &plan, &is_done, error))
    return FALSE;
  if (is_done)
    return remove_marker (config->data, error);
  plan.epoch = rtk_id_new (g_get_real_time ());
  ok = write_marker (config->data, &plan, &own) &&
       rtk_server_file_clear_folder (config->data, own_names, kept_names, &own) &&
       bring (config, folder, &plan, without_missing, out_report, &own);
  if (ok && is_acceptable (out_report, without_missing))
    return remove_marker (config->data, error);
  /* Nobody knows whether the last commit was done: the next run finds out. */
  if (g_error_matches (own, RTK_ERROR, RTK_ERROR_OFFLINE)) {
    g_propagate_prefixed_error (error, g_steal_pointer (&own), "Run this again: ");
    return FALSE;
  }
  if (own != NULL)
    g_propagate_error (error, g_steal_pointer (&own));
  (void)rtk_server_file_clear_folder (config->data, own_names, kept_names, NULL);
  (void)remove_marker (config->data, NULL);
  return FALSE;
}
