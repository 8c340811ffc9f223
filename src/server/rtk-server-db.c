/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-db.h"

#include "core/rtk-error.h"

struct _RtkServerDb {
  sqlite3    *db;
  GHashTable *statements; /* (owned): SQL text (static) -> sqlite3_stmt */
  gboolean    has_failed; /* a statement of the running transaction failed */
};

static void
finalize_statement (gpointer statement)
{
  sqlite3_finalize (statement);
}

static gboolean
set_error (RtkServerDb *self, GError **error)
{
  int      code = sqlite3_errcode (self->db) & 0xff;
  RtkError ours = RTK_ERROR_STORAGE;

  self->has_failed = TRUE;
  if (code == SQLITE_FULL)
    ours = RTK_ERROR_DISK_FULL;
  else if (code == SQLITE_READONLY)
    ours = RTK_ERROR_READ_ONLY;
  else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
    ours = RTK_ERROR_DAMAGED;
  /* The message names tables and columns, never a value that was bound. */
  g_set_error (error, RTK_ERROR, ours, "SQLite: %s", sqlite3_errmsg (self->db));
  return FALSE;
}

/**
 * rtk_server_db_open:
 * @path: file of the database, made when it is not there
 * @error: return location
 *
 * Opens a connection: WAL, every commit on disk before it returns, foreign keys checked.
 *
 * Returns: (transfer full): the connection
 */
RtkServerDb *
rtk_server_db_open (const char *path, GError **error)
{
  g_autoptr (RtkServerDb) self = g_new0 (RtkServerDb, 1);
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

  self->statements = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, finalize_statement);
  if (sqlite3_open_v2 (path, &self->db, flags, NULL) != SQLITE_OK) {
    set_error (self, error);
    return NULL;
  }
  sqlite3_extended_result_codes (self->db, 0);
  sqlite3_busy_timeout (self->db, 10000);
  if (!rtk_server_db_exec (self,
                           "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                           "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
                           "PRAGMA trusted_schema=OFF; PRAGMA secure_delete=ON;",
                           error))
    return NULL;
  return g_steal_pointer (&self);
}

/**
 * rtk_server_db_close:
 * @self: (transfer full): a connection
 *
 * Closes the connection.
 */
void
rtk_server_db_close (RtkServerDb *self)
{
  g_hash_table_unref (self->statements);
  sqlite3_close (self->db);
  g_free (self);
}

/**
 * rtk_server_db_exec:
 * @self: a connection
 * @sql: any number of statements without arguments
 * @error: return location
 *
 * Returns: whether all of them ran
 */
gboolean
rtk_server_db_exec (RtkServerDb *self, const char *sql, GError **error)
{
  if (sqlite3_exec (self->db, sql, NULL, NULL, NULL) != SQLITE_OK)
    return set_error (self, error);
  return TRUE;
}

/**
 * rtk_server_db_begin:
 * @self: a connection
 * @writing: whether to take the write lock at once
 * @error: return location
 *
 * Begins a transaction. A reader sees one state of the database until it ends.
 *
 * Returns: whether it began
 */
gboolean
rtk_server_db_begin (RtkServerDb *self, gboolean writing, GError **error)
{
  self->has_failed = FALSE;
  return rtk_server_db_exec (self, writing ? "BEGIN IMMEDIATE" : "BEGIN", error);
}

/**
 * rtk_server_db_commit:
 * @self: a connection
 * @error: return location
 *
 * Ends the transaction; what it wrote is on disk when this returns. On failure it is undone; so it
 * is when a query in it failed and its caller went on with a fallback: nobody decides by that.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_db_commit (RtkServerDb *self, GError **error)
{
  if (self->has_failed)
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_STORAGE, "A query of the transaction failed");
  else if (rtk_server_db_exec (self, "COMMIT", error))
    return TRUE;
  rtk_server_db_rollback (self);
  return FALSE;
}

/**
 * rtk_server_db_rollback:
 * @self: a connection
 *
 * Undoes the transaction, if there is one.
 */
void
rtk_server_db_rollback (RtkServerDb *self)
{
  if (!sqlite3_get_autocommit (self->db))
    (void)sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
}

static sqlite3_stmt *
prepare (RtkServerDb *self, GError **error, const char *sql, const char *types, va_list args)
{
  sqlite3_stmt *statement = g_hash_table_lookup (self->statements, sql);

  if (statement == NULL) {
    if (sqlite3_prepare_v3 (self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
        SQLITE_OK) {
      set_error (self, error);
      return NULL;
    }
    g_hash_table_insert (self->statements, (gpointer)sql, statement);
  }
  /* One that was left in the middle takes no new arguments. */
  sqlite3_reset (statement);
  for (int i = 0; types[i] != '\0'; i++) {
    const char *text;
    GBytes     *bytes;

    switch (types[i]) {
    case 'i':
      sqlite3_bind_int64 (statement, i + 1, va_arg (args, gint64));
      break;
    case 's':
      text = va_arg (args, const char *);
      sqlite3_bind_text (statement, i + 1, text, -1, SQLITE_TRANSIENT);
      break;
    case 'b':
      bytes = va_arg (args, GBytes *);
      if (bytes != NULL)
        sqlite3_bind_blob64 (statement, i + 1, g_bytes_get_data (bytes, NULL),
                             g_bytes_get_size (bytes), SQLITE_TRANSIENT);
      else
        sqlite3_bind_null (statement, i + 1);
      break;
    default:
      g_assert_not_reached ();
    }
  }
  return statement;
}

/**
 * rtk_server_db_query:
 * @self: a connection
 * @error: return location
 * @sql: one statement, a string literal: it is prepared once and kept
 * @types: one letter an argument: i (gint64), s (text), b (GBytes)
 * @...: the arguments
 *
 * Starts a query; read it with rtk_server_db_next(), then rtk_server_db_end(). The same text must
 * not be queried again before its end.
 *
 * Returns: (transfer none): the statement, %NULL on error
 */
sqlite3_stmt *
rtk_server_db_query (RtkServerDb *self, GError **error, const char *sql, const char *types, ...)
{
  sqlite3_stmt *statement;
  va_list       args;

  va_start (args, types);
  statement = prepare (self, error, sql, types, args);
  va_end (args);
  return statement;
}

/**
 * rtk_server_db_next:
 * @self: a connection
 * @statement: (nullable): a running query
 * @error: return location, also set by a query that ends early
 *
 * Returns: whether there is a further row
 */
gboolean
rtk_server_db_next (RtkServerDb *self, sqlite3_stmt *statement, GError **error)
{
  int code;

  if (statement == NULL)
    return FALSE;
  code = sqlite3_step (statement);
  if (code == SQLITE_ROW)
    return TRUE;
  if (code != SQLITE_DONE)
    set_error (self, error != NULL && *error != NULL ? NULL : error);
  return FALSE;
}

/**
 * rtk_server_db_end:
 * @statement: (nullable): a query
 *
 * Ends a query and forgets its arguments.
 */
void
rtk_server_db_end (sqlite3_stmt *statement)
{
  if (statement == NULL)
    return;
  sqlite3_reset (statement);
  sqlite3_clear_bindings (statement);
}

/**
 * rtk_server_db_run:
 * @self: a connection
 * @error: return location
 * @sql: a statement that returns no rows, a string literal
 * @types: see rtk_server_db_query()
 * @...: the arguments
 *
 * Returns: whether it ran
 */
gboolean
rtk_server_db_run (RtkServerDb *self, GError **error, const char *sql, const char *types, ...)
{
  sqlite3_stmt *statement;
  va_list       args;
  gboolean      ok;

  va_start (args, types);
  statement = prepare (self, error, sql, types, args);
  va_end (args);
  if (statement == NULL)
    return FALSE;
  ok = sqlite3_step (statement) == SQLITE_DONE || set_error (self, error);
  rtk_server_db_end (statement);
  return ok;
}

/**
 * rtk_server_db_get_int:
 * @self: a connection
 * @fallback: what to return when there is no row
 * @sql: a query of one column, a string literal
 * @types: see rtk_server_db_query()
 * @...: the arguments
 *
 * Returns: the first row's number
 */
gint64
rtk_server_db_get_int (RtkServerDb *self, gint64 fallback, const char *sql, const char *types, ...)
{
  sqlite3_stmt *statement;
  va_list       args;
  gint64        value = fallback;

  va_start (args, types);
  statement = prepare (self, NULL, sql, types, args);
  va_end (args);
  if (rtk_server_db_next (self, statement, NULL))
    value = sqlite3_column_int64 (statement, 0);
  rtk_server_db_end (statement);
  return value;
}

/**
 * rtk_server_db_dup_text:
 * @self: a connection
 * @sql: a query of one column, a string literal
 * @types: see rtk_server_db_query()
 * @...: the arguments
 *
 * Returns: (transfer full) (nullable): the first row's text, %NULL when there is none
 */
char *
rtk_server_db_dup_text (RtkServerDb *self, const char *sql, const char *types, ...)
{
  sqlite3_stmt *statement;
  va_list       args;
  char         *text = NULL;

  va_start (args, types);
  statement = prepare (self, NULL, sql, types, args);
  va_end (args);
  if (rtk_server_db_next (self, statement, NULL))
    text = g_strdup (rtk_server_db_text (statement, 0));
  rtk_server_db_end (statement);
  return text;
}

/**
 * rtk_server_db_get_changes:
 * @self: a connection
 *
 * Returns: rows the last statement changed
 */
gint64
rtk_server_db_get_changes (RtkServerDb *self)
{
  return sqlite3_changes (self->db);
}

/**
 * rtk_server_db_text:
 * @statement: a query that stands on a row
 * @column: from 0
 *
 * Returns: (nullable): text of the column, until the next step
 */
const char *
rtk_server_db_text (sqlite3_stmt *statement, int column)
{
  return (const char *)sqlite3_column_text (statement, column);
}
