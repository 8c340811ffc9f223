/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-store"
#include "config.h"

#include "core/rtk-error.h"
#include "store/rtk-db-private.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

struct _RtkDb {
  sqlite3    *handle;     /* (owned) */
  GHashTable *statements; /* (owned): SQL text -> sqlite3_stmt, prepared once */
};

/* What a failed call of SQLite means to the caller. The message of SQLite names tables and columns,
 * never values, so it may stand in a log. */
static void
set_error (sqlite3 *handle, int code, GError **error)
{
  RtkError what = RTK_ERROR_STORAGE;
  int      system = handle != NULL ? sqlite3_system_errno (handle) : 0;

  switch (code & 0xff) {
  case SQLITE_FULL:
    what = RTK_ERROR_DISK_FULL;
    break;
  case SQLITE_READONLY:
    what = RTK_ERROR_READ_ONLY;
    break;
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    what = RTK_ERROR_IN_USE;
    break;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    what = RTK_ERROR_DAMAGED;
    break;
  case SQLITE_IOERR:
  case SQLITE_CANTOPEN:
    if (system == ENOSPC || system == EFBIG || system == EDQUOT)
      what = RTK_ERROR_DISK_FULL;
    else if (system == EROFS || system == EACCES || system == EPERM)
      what = RTK_ERROR_READ_ONLY;
    break;
  default:
    break;
  }
  g_set_error (error, RTK_ERROR, (int)what, "database: %s (%d)",
               handle != NULL ? sqlite3_errmsg (handle) : sqlite3_errstr (code), code);
}

static void
finalize_statement (gpointer statement)
{
  sqlite3_finalize (statement);
}

static RtkDb *
open_handle (const char *path, int flags, GError **error)
{
  g_autoptr (RtkDb) self = g_new0 (RtkDb, 1);
  int code;

  self->statements = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, finalize_statement);
  code = sqlite3_open_v2 (path, &self->handle, flags | SQLITE_OPEN_NOFOLLOW, NULL);
  if (code != SQLITE_OK) {
    set_error (self->handle, code, error);
    return NULL;
  }
  sqlite3_extended_result_codes (self->handle, 1);
  sqlite3_busy_timeout (self->handle, 2000);
  sqlite3_db_config (self->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  /* A damaged page must be an error, not another value (cell_size_check). */
  if (!rtk_db_exec (self,
                    "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
                    "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=ON;"
                    "PRAGMA synchronous=FULL; SELECT count(*) FROM sqlite_schema",
                    error))
    return NULL;
  return g_steal_pointer (&self);
}

/* Readers of a WAL database share an index file beside it. On a medium that cannot be written there
 * is nobody to share it with, and without a log nothing that the database file does not hold. */
static RtkDb *
open_for_reading (const char *path, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autofree char *log = g_strconcat (path, "-wal", NULL);
  g_autofree char *escaped = NULL;
  g_autofree char *uri = NULL;
  RtkDb           *self = open_handle (path, SQLITE_OPEN_READONLY, &failure);

  if (self != NULL)
    return self;
  if (access (path, W_OK) == 0 || errno != EROFS || access (log, F_OK) == 0) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  escaped = g_uri_escape_string (path, "/", TRUE);
  uri = g_strdup_printf ("file:%s?immutable=1", escaped);
  return open_handle (uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, error);
}

/**
 * rtk_db_open:
 * @path: the database file
 * @read_only: whether it is only looked at, beside another program that writes
 * @error: %RTK_ERROR_DAMAGED, %RTK_ERROR_READ_ONLY, %RTK_ERROR_DISK_FULL or %RTK_ERROR_STORAGE
 *
 * Opens a connection in the way this program always does: WAL, every commit on disk before it
 * answers (synchronous FULL), foreign keys, temporary tables in memory only, deleted rows
 * overwritten. Blocking.
 *
 * Returns: (transfer full): the connection, or %NULL
 */
RtkDb *
rtk_db_open (const char *path, gboolean read_only, GError **error)
{
  g_autoptr (RtkDb) self = NULL;

  if (read_only)
    return open_for_reading (path, error);
  self = open_handle (path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
  if (self == NULL || !rtk_db_exec (self, "PRAGMA journal_mode=WAL", error))
    return NULL;
  return g_steal_pointer (&self);
}

/**
 * rtk_db_close:
 * @self: (transfer full): a connection
 *
 * Ends the statements and the connection. The last connection of all folds the WAL back.
 */
void
rtk_db_close (RtkDb *self)
{
  g_clear_pointer (&self->statements, g_hash_table_unref);
  if (self->handle != NULL && sqlite3_close (self->handle) != SQLITE_OK)
    g_critical ("a database was closed while it was in use");
  g_free (self);
}

/**
 * rtk_db_exec:
 * @self: a connection
 * @sql: statements without parameters
 * @error: return location
 *
 * Runs statements whose rows nobody wants.
 *
 * Returns: whether all of them ran
 */
gboolean
rtk_db_exec (RtkDb *self, const char *sql, GError **error)
{
  int code = sqlite3_exec (self->handle, sql, NULL, NULL, NULL);

  if (code == SQLITE_OK)
    return TRUE;
  set_error (self->handle, code, error);
  return FALSE;
}

static sqlite3_stmt *
prepare (RtkDb *self, const char *sql, GError **error)
{
  sqlite3_stmt *statement = g_hash_table_lookup (self->statements, sql);
  int           code;

  if (statement != NULL) {
    sqlite3_reset (statement);
    sqlite3_clear_bindings (statement);
    return statement;
  }
  code = sqlite3_prepare_v3 (self->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
  if (code != SQLITE_OK) {
    set_error (self->handle, code, error);
    return NULL;
  }
  g_hash_table_insert (self->statements, (char *)sqlite3_sql (statement), statement);
  return statement;
}

/* s: const char *, copied, NULL is null; i: gint64; b: GBytes *, NULL is null. */
static void
bind_arguments (sqlite3_stmt *statement, const char *types, va_list arguments)
{
  for (int i = 0; types[i] != '\0'; i++) {
    if (types[i] == 's') {
      sqlite3_bind_text (statement, i + 1, va_arg (arguments, const char *), -1, SQLITE_TRANSIENT);
    } else if (types[i] == 'i') {
      sqlite3_bind_int64 (statement, i + 1, va_arg (arguments, gint64));
    } else {
      GBytes     *bytes = va_arg (arguments, GBytes *);
      gsize       size = 0;
      const void *data = bytes != NULL ? g_bytes_get_data (bytes, &size) : NULL;

      g_assert (types[i] == 'b');
      if (bytes != NULL)
        sqlite3_bind_blob64 (statement, i + 1, data != NULL ? data : "", size, SQLITE_TRANSIENT);
    }
  }
}

/**
 * rtk_db_query:
 * @self: a connection
 * @error: return location
 * @sql: one statement; prepared once and kept, so its text is a constant of the program
 * @types: one letter a parameter: s text, i gint64, b GBytes; text and bytes may be %NULL
 * @...: the parameters
 *
 * Starts a statement. Rows come by rtk_db_step(); whoever stops before the last row calls
 * sqlite3_reset(). The same text must not be started again before that.
 *
 * Returns: (transfer none): the statement, or %NULL
 */
sqlite3_stmt *
rtk_db_query (RtkDb *self, GError **error, const char *sql, const char *types, ...)
{
  sqlite3_stmt *statement = prepare (self, sql, error);
  va_list       arguments;

  if (statement == NULL)
    return NULL;
  va_start (arguments, types);
  bind_arguments (statement, types, arguments);
  va_end (arguments);
  return statement;
}

/**
 * rtk_db_step:
 * @self: a connection
 * @statement: started by rtk_db_query()
 * @error: return location, set only when the statement failed: hand in one that is clear
 *
 * Goes to the next row. At the end, and on failure, the statement is reset.
 *
 * Returns: whether there is a row
 */
gboolean
rtk_db_step (RtkDb *self, sqlite3_stmt *statement, GError **error)
{
  int code = sqlite3_step (statement);

  if (code == SQLITE_ROW)
    return TRUE;
  if (code != SQLITE_DONE)
    set_error (self->handle, code, error);
  sqlite3_reset (statement);
  return FALSE;
}

/**
 * rtk_db_run:
 * @self: a connection
 * @error: return location
 * @sql: one statement that gives no rows
 * @types: see rtk_db_query()
 * @...: the parameters
 *
 * Runs a statement to its end.
 *
 * Returns: whether it ran
 */
gboolean
rtk_db_run (RtkDb *self, GError **error, const char *sql, const char *types, ...)
{
  g_autoptr (GError) failure = NULL;
  sqlite3_stmt *statement = prepare (self, sql, error);
  va_list       arguments;

  if (statement == NULL)
    return FALSE;
  va_start (arguments, types);
  bind_arguments (statement, types, arguments);
  va_end (arguments);
  while (rtk_db_step (self, statement, &failure))
    continue;
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/**
 * rtk_db_get_int:
 * @self: a connection
 * @out_value: (out): the first column of the first row, 0 when there is none or it is null
 * @error: return location
 * @sql: one statement
 * @types: see rtk_db_query()
 * @...: the parameters
 *
 * Asks for one number.
 *
 * Returns: whether the statement ran
 */
gboolean
rtk_db_get_int (
    RtkDb *self, gint64 *out_value, GError **error, const char *sql, const char *types, ...)
{
  g_autoptr (GError) failure = NULL;
  sqlite3_stmt *statement = prepare (self, sql, error);
  va_list       arguments;

  if (statement == NULL)
    return FALSE;
  va_start (arguments, types);
  bind_arguments (statement, types, arguments);
  va_end (arguments);
  *out_value = 0;
  if (rtk_db_step (self, statement, &failure)) {
    *out_value = sqlite3_column_int64 (statement, 0);
    sqlite3_reset (statement);
  }
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/**
 * rtk_db_get_changes:
 * @self: a connection
 *
 * Returns: rows that the last statement changed
 */
int
rtk_db_get_changes (RtkDb *self)
{
  return sqlite3_changes (self->handle);
}

/**
 * rtk_db_begin:
 * @self: a connection
 * @error: return location
 *
 * Begins a transaction that will write.
 *
 * Returns: whether it began
 */
gboolean
rtk_db_begin (RtkDb *self, GError **error)
{
  return rtk_db_exec (self, "BEGIN IMMEDIATE", error);
}

/**
 * rtk_db_commit:
 * @self: a connection in a transaction
 * @error: return location
 *
 * Commits; when that fails the transaction is rolled back.
 *
 * Returns: whether everything is on disk
 */
gboolean
rtk_db_commit (RtkDb *self, GError **error)
{
  if (rtk_db_exec (self, "COMMIT", error))
    return TRUE;
  rtk_db_roll_back (self);
  return FALSE;
}

/**
 * rtk_db_roll_back:
 * @self: a connection
 *
 * Undoes the transaction, if there still is one: SQLite may have rolled back by itself.
 */
void
rtk_db_roll_back (RtkDb *self)
{
  g_autoptr (GError) error = NULL;

  if (sqlite3_get_autocommit (self->handle) == 0 && !rtk_db_exec (self, "ROLLBACK", &error))
    g_warning ("%s", error->message);
}

/**
 * rtk_db_dup_setting:
 * @self: a connection
 * @name: name of a setting
 * @error: return location
 *
 * Reads a setting that is no secret.
 *
 * Returns: (transfer full): its value, "" when it was never set; %NULL on failure
 */
char *
rtk_db_dup_setting (RtkDb *self, const char *name, GError **error)
{
  g_autoptr (GError) failure = NULL;
  sqlite3_stmt *statement;
  char         *value = NULL;

  statement = rtk_db_query (self, error, "SELECT value FROM settings WHERE name = ?", "s", name);
  if (statement == NULL)
    return NULL;
  if (rtk_db_step (self, statement, &failure)) {
    value = rtk_db_dup_text (statement, 0);
    sqlite3_reset (statement);
  } else if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  return value != NULL ? value : g_strdup ("");
}

/**
 * rtk_db_set_setting:
 * @self: a connection
 * @name: name of a setting
 * @value: its value
 * @error: return location
 *
 * Keeps a setting that is no secret.
 *
 * Returns: whether it was kept
 */
gboolean
rtk_db_set_setting (RtkDb *self, const char *name, const char *value, GError **error)
{
  return rtk_db_run (self, error,
                     "INSERT INTO settings(name, value) VALUES(?, ?) "
                     "ON CONFLICT(name) DO UPDATE SET value = excluded.value",
                     "ss", name, value);
}

/**
 * rtk_db_dup_blob:
 * @statement: at a row
 * @column: counted from 0
 *
 * Returns: (transfer full) (nullable): a copy of the bytes, %NULL for null
 */
GBytes *
rtk_db_dup_blob (sqlite3_stmt *statement, int column)
{
  if (sqlite3_column_type (statement, column) == SQLITE_NULL)
    return NULL;
  return g_bytes_new (sqlite3_column_blob (statement, column),
                      (gsize)sqlite3_column_bytes (statement, column));
}

/**
 * rtk_db_dup_text:
 * @statement: at a row
 * @column: counted from 0
 *
 * Returns: (transfer full) (nullable): a copy of the text, %NULL for null
 */
char *
rtk_db_dup_text (sqlite3_stmt *statement, int column)
{
  return g_strdup ((const char *)sqlite3_column_text (statement, column));
}
