/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "server/rtk-server-db-private.h"

#include <sqlite3.h>

typedef struct {
  RtkServerDb parent;
  sqlite3    *db;
  char       *path;       /* (owned) */
  GHashTable *statements; /* (owned): SQL text (static) -> Statement */
} Sqlite;

typedef struct {
  RtkServerRows parent;
  sqlite3_stmt *statement; /* (owned) */
} Statement;

static void
statement_free (gpointer data)
{
  Statement *self = data;

  sqlite3_finalize (self->statement);
  g_free (self);
}

static gboolean
set_error (Sqlite *self, GError **error)
{
  int      code = sqlite3_errcode (self->db) & 0xff;
  RtkError ours = RTK_ERROR_STORAGE;

  if (code == SQLITE_FULL)
    ours = RTK_ERROR_DISK_FULL;
  else if (code == SQLITE_READONLY)
    ours = RTK_ERROR_READ_ONLY;
  else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
    ours = RTK_ERROR_DAMAGED;
  else if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
    ours = RTK_ERROR_OFFLINE;
  /* The message names tables and columns, never a value that was bound. */
  g_set_error (error, RTK_ERROR, ours,
               ours == RTK_ERROR_DAMAGED ? "The database is damaged: restore a backup (%s)"
                                         : "The database failed: %s",
               sqlite3_errmsg (self->db));
  return FALSE;
}

static void
sqlite_close (RtkServerDb *db)
{
  Sqlite *self = (Sqlite *)db;

  g_hash_table_unref (self->statements);
  sqlite3_close (self->db);
  g_free (self->path);
  g_free (self);
}

static gboolean
sqlite_exec (RtkServerDb *db, const char *sql, GError **error)
{
  Sqlite *self = (Sqlite *)db;

  return sqlite3_exec (self->db, sql, NULL, NULL, NULL) == SQLITE_OK || set_error (self, error);
}

static gboolean
sqlite_begin (RtkServerDb *db, gboolean writing, GError **error)
{
  return sqlite_exec (db, writing ? "BEGIN IMMEDIATE" : "BEGIN", error);
}

static gboolean
sqlite_finish (RtkServerDb *db, gboolean commit, GError **error)
{
  if (!sqlite_exec (db, commit ? "COMMIT" : "ROLLBACK", error))
    return FALSE;
  if (commit && db->has_moved)
    rtk_server_listeners_hint (((Sqlite *)db)->path);
  return TRUE;
}

static gboolean
sqlite_in_transaction (RtkServerDb *db)
{
  return !sqlite3_get_autocommit (((Sqlite *)db)->db);
}

static void
bind_value (sqlite3_stmt *statement, int index, const RtkServerValue *value)
{
  if (value->is_null)
    sqlite3_bind_null (statement, index);
  else if (value->type == 'i')
    sqlite3_bind_int64 (statement, index, value->number);
  else if (value->type == 's')
    sqlite3_bind_text (statement, index, value->text, -1, SQLITE_TRANSIENT);
  else if (value->bytes != NULL)
    sqlite3_bind_blob64 (statement, index, g_bytes_get_data (value->bytes, NULL),
                         g_bytes_get_size (value->bytes), SQLITE_TRANSIENT);
  else
    sqlite3_bind_null (statement, index);
}

static RtkServerRows *
sqlite_query (
    RtkServerDb *db, const char *sql, const RtkServerValue *values, guint n_values, GError **error)
{
  Sqlite    *self = (Sqlite *)db;
  Statement *found = g_hash_table_lookup (self->statements, sql);

  if (found == NULL) {
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v3 (self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
        SQLITE_OK) {
      set_error (self, error);
      return NULL;
    }
    found = g_new0 (Statement, 1);
    found->parent.db = db;
    found->statement = statement;
    g_hash_table_insert (self->statements, (gpointer)sql, found);
  }
  /* One that was left in the middle takes no new arguments. */
  sqlite3_reset (found->statement);
  for (guint i = 0; i < n_values; i++)
    bind_value (found->statement, (int)i + 1, &values[i]);
  return &found->parent;
}

static gboolean
sqlite_next (RtkServerRows *rows, GError **error)
{
  int code = sqlite3_step (((Statement *)rows)->statement);

  if (code == SQLITE_ROW)
    return TRUE;
  if (code != SQLITE_DONE)
    set_error ((Sqlite *)rows->db, error);
  return FALSE;
}

static void
sqlite_end (RtkServerRows *rows)
{
  sqlite3_reset (((Statement *)rows)->statement);
  sqlite3_clear_bindings (((Statement *)rows)->statement);
}

static const char *
sqlite_describe (RtkServerRows *rows, int column, char *out_type)
{
  sqlite3_stmt *statement = ((Statement *)rows)->statement;
  const char   *type;

  if (column >= sqlite3_column_count (statement))
    return NULL;
  type = sqlite3_column_decltype (statement, column);
  *out_type = g_strcmp0 (type, "INTEGER") == 0 ? 'i' : g_strcmp0 (type, "BLOB") == 0 ? 'b' : 's';
  return sqlite3_column_name (statement, column);
}

static gint64
sqlite_get_int (RtkServerRows *rows, int column)
{
  return sqlite3_column_int64 (((Statement *)rows)->statement, column);
}

static const char *
sqlite_get_text (RtkServerRows *rows, int column)
{
  return (const char *)sqlite3_column_text (((Statement *)rows)->statement, column);
}

static gboolean
sqlite_is_null (RtkServerRows *rows, int column)
{
  return sqlite3_column_type (((Statement *)rows)->statement, column) == SQLITE_NULL;
}

static GBytes *
sqlite_dup_bytes (RtkServerRows *rows, int column)
{
  sqlite3_stmt *statement = ((Statement *)rows)->statement;
  const void   *data = sqlite3_column_blob (statement, column);

  return g_bytes_new (data, (gsize)sqlite3_column_bytes (statement, column));
}

static gint64
sqlite_get_changes (RtkServerDb *db)
{
  return sqlite3_changes (((Sqlite *)db)->db);
}

static gint64
sqlite_get_version (RtkServerDb *db, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  RtkServerRows *rows = sqlite_query (db, "PRAGMA user_version", NULL, 0, &local_error);
  gint64         version = 0;

  if (rows != NULL) {
    if (sqlite_next (rows, &local_error))
      version = sqlite_get_int (rows, 0);
    sqlite_end (rows);
  }
  if (local_error == NULL)
    return version;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return -1;
}

static gboolean
sqlite_set_version (RtkServerDb *db, gint64 version, GError **error)
{
  g_autofree char *mark = g_strdup_printf ("PRAGMA user_version=%" G_GINT64_FORMAT, version);

  return sqlite_exec (db, mark, error);
}

static const RtkServerBackend backend = {
    .name = "sqlite",
    .close = sqlite_close,
    .exec = sqlite_exec,
    .begin = sqlite_begin,
    .finish = sqlite_finish,
    .in_transaction = sqlite_in_transaction,
    .query = sqlite_query,
    .next = sqlite_next,
    .end = sqlite_end,
    .describe = sqlite_describe,
    .get_int = sqlite_get_int,
    .get_text = sqlite_get_text,
    .is_null = sqlite_is_null,
    .dup_bytes = sqlite_dup_bytes,
    .get_changes = sqlite_get_changes,
    .get_version = sqlite_get_version,
    .set_version = sqlite_set_version,
    .translate = g_strdup,
};

/**
 * rtk_server_sqlite_open:
 * @path: file of the database, made when it is not there
 * @error: return location
 *
 * Opens a connection: WAL, every commit on disk before it returns, foreign keys checked.
 *
 * Returns: (transfer full): the connection
 */
RtkServerDb *
rtk_server_sqlite_open (const char *path, GError **error)
{
  Sqlite *self = g_new0 (Sqlite, 1);
  int     flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

  self->parent.backend = &backend;
  self->path = g_strdup (path);
  self->statements = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, statement_free);
  if (sqlite3_open_v2 (path, &self->db, flags, NULL) != SQLITE_OK) {
    set_error (self, error);
    sqlite_close (&self->parent);
    return NULL;
  }
  sqlite3_extended_result_codes (self->db, 0);
  /* As long as on PostgreSQL. */
  sqlite3_busy_timeout (self->db, 20000);
  if (!sqlite_exec (&self->parent,
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                    "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; "
                    "PRAGMA trusted_schema=OFF; PRAGMA secure_delete=ON;",
                    error)) {
    sqlite_close (&self->parent);
    return NULL;
  }
  return &self->parent;
}
