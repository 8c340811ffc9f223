/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-store"
#include "config.h"

#include "core/rtk-error.h"
#include "store/rtk-store-schema-private.h"

/* Migration N brings a database from version N-1 to N. What was released is never changed: the
 * next one is added below it.
 *
 * What lies in the clear: ids, revisions, states, times, sizes, and the names of the staff who have
 * a wrap (they are asked for before anything can be unlocked). Everything that tells of a graduate
 * (names, numbers, school, code digest, hashes of photos, the JSON of orders and operations) is
 * sealed with its table, row and column as context. */
static const char *const migrations[] = {
    /* 1 */
    "CREATE TABLE settings("
    "  name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"

    "CREATE TABLE wraps("
    "  id TEXT PRIMARY KEY,"
    "  kind TEXT NOT NULL CHECK(kind IN ('staff', 'recovery')),"
    "  name TEXT NOT NULL,"
    "  salt BLOB NOT NULL, ops INTEGER NOT NULL, memory INTEGER NOT NULL,"
    "  sealed BLOB NOT NULL,"
    "  checksum BLOB NOT NULL,"
    "  UNIQUE(kind, name)) STRICT;"

    "CREATE TABLE secrets("
    "  name TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT;"

    "CREATE TABLE orders("
    "  id TEXT PRIMARY KEY, revision INTEGER NOT NULL,"
    "  payment TEXT NOT NULL, submission TEXT, delivery TEXT NOT NULL, print TEXT NOT NULL,"
    "  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,"
    "  search BLOB NOT NULL, json BLOB NOT NULL) STRICT;"

    /* name: keyed BLAKE2b of the SHA-256; sealed: key of the file and SHA-256 of the content;
     * own: made here (kept while an attempt refers to it) or a copy of the server's. */
    "CREATE TABLE blobs("
    "  name TEXT PRIMARY KEY, size INTEGER NOT NULL, media_type TEXT NOT NULL,"
    "  sealed BLOB NOT NULL,"
    "  uploaded INTEGER NOT NULL DEFAULT 0, own INTEGER NOT NULL,"
    "  created_at INTEGER NOT NULL) STRICT;"

    /* Files that are being written or removed, so that a kill leaves none behind. */
    "CREATE TABLE intents(name TEXT PRIMARY KEY) STRICT;"

    "CREATE TABLE outbox("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  id TEXT NOT NULL UNIQUE, order_id TEXT NOT NULL, kind TEXT NOT NULL,"
    "  state TEXT NOT NULL, created_at INTEGER NOT NULL, release_at INTEGER NOT NULL,"
    "  tries INTEGER NOT NULL DEFAULT 0, next_try_at INTEGER NOT NULL DEFAULT 0,"
    "  error BLOB, server_order BLOB, sealed BLOB NOT NULL) STRICT;"
    "CREATE INDEX outbox_state ON outbox(state, seq);"
    "CREATE INDEX outbox_order ON outbox(order_id, seq);"

    "CREATE TABLE attempts("
    "  id TEXT PRIMARY KEY, order_id TEXT NOT NULL,"
    "  operation_id TEXT REFERENCES outbox(id) ON DELETE CASCADE,"
    "  created_at INTEGER NOT NULL) STRICT;"
    "CREATE INDEX attempts_order ON attempts(order_id);"
    "CREATE INDEX attempts_operation ON attempts(operation_id);"

    "CREATE TABLE attempt_blobs("
    "  attempt_id TEXT NOT NULL REFERENCES attempts(id) ON DELETE CASCADE,"
    "  role TEXT NOT NULL, blob TEXT NOT NULL REFERENCES blobs(name),"
    "  PRIMARY KEY(attempt_id, role)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX attempt_blobs_blob ON attempt_blobs(blob);",
};

static gboolean
get_version (RtkDb *db, gint64 *out_version, GError **error)
{
  gint64 there = 0;

  *out_version = 0;
  if (!rtk_db_get_int (db, &there, error,
                       "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'", ""))
    return FALSE;
  return there == 0 ||
         rtk_db_get_int (db, out_version, error, "SELECT max(version) FROM schema_version", "");
}

static gboolean
refuse_newer (gint64 version, guint known, GError **error)
{
  g_set_error (error, RTK_ERROR, RTK_ERROR_TOO_NEW,
               "the data folder has schema %" G_GINT64_FORMAT ", this program knows %u", version,
               known);
  return FALSE;
}

static gboolean
apply (RtkDb *db, const char *sql, gint64 version, GError **error)
{
  if (!rtk_db_begin (db, error))
    return FALSE;
  if (rtk_db_exec (db,
                   "CREATE TABLE IF NOT EXISTS schema_version(version INTEGER PRIMARY KEY) STRICT",
                   error) &&
      rtk_db_exec (db, sql, error) &&
      rtk_db_run (db, error, "INSERT INTO schema_version(version) VALUES(?)", "i", version))
    return rtk_db_commit (db, error);
  rtk_db_roll_back (db);
  g_prefix_error (error, "migration %" G_GINT64_FORMAT ": ", version);
  return FALSE;
}

/**
 * rtk_schema_get_migrations:
 * @out_n: (out): how many
 *
 * Returns: (transfer none): the SQL of every migration of this program, the oldest first
 */
const char *const *
rtk_schema_get_migrations (guint *out_n)
{
  *out_n = G_N_ELEMENTS (migrations);
  return migrations;
}

/**
 * rtk_schema_migrate:
 * @db: a connection that may write
 * @steps: SQL of every migration, the oldest first
 * @n_steps: how many; also the version this program knows
 * @error: %RTK_ERROR_TOO_NEW when the database is newer than that
 *
 * Brings a database to the present version, each migration in a transaction of its own: a kill
 * leaves it at one version or the next.
 *
 * Returns: whether the database is at version @n_steps
 */
gboolean
rtk_schema_migrate (RtkDb *db, const char *const *steps, guint n_steps, GError **error)
{
  gint64 version;

  if (!get_version (db, &version, error))
    return FALSE;
  if (version > n_steps)
    return refuse_newer (version, n_steps, error);
  for (; version < n_steps; version++) {
    if (!apply (db, steps[version], version + 1, error))
      return FALSE;
  }
  return TRUE;
}

/**
 * rtk_schema_check:
 * @db: a connection
 * @n_steps: the version this program knows
 * @error: %RTK_ERROR_TOO_NEW, or %RTK_ERROR_BAD_STATE when it must first be opened for writing
 *
 * Checks that a database can be read as it is.
 *
 * Returns: whether it is at version @n_steps
 */
gboolean
rtk_schema_check (RtkDb *db, guint n_steps, GError **error)
{
  gint64 version;

  if (!get_version (db, &version, error))
    return FALSE;
  if (version > n_steps)
    return refuse_newer (version, n_steps, error);
  if (version == n_steps)
    return TRUE;
  g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_STATE,
                       "the data folder is of an older version: open it with the program first");
  return FALSE;
}
