/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-db-private.h"

#include <string.h>

/**
 * rtk_server_db_close:
 * @self: (transfer full): a connection
 *
 * Closes the connection.
 */
void
rtk_server_db_close (RtkServerDb *self)
{
  self->backend->close (self);
}

/* Notes the failure of a statement: its transaction cannot be committed any more. */
static void
note (RtkServerDb *self, const GError *error)
{
  self->has_failed = TRUE;
  if (self->has_trouble)
    return;
  self->has_trouble = TRUE;
  self->trouble =
      error != NULL && error->domain == RTK_ERROR ? (RtkError)error->code : RTK_ERROR_STORAGE;
}

/* The same, and passes the error on, if nothing was passed on before. */
static gboolean
fail (RtkServerDb *self, GError *own, GError **error)
{
  note (self, own);
  if (error != NULL && *error == NULL)
    g_propagate_error (error, own);
  else
    g_clear_error (&own);
  return FALSE;
}

/**
 * rtk_server_db_forget_trouble:
 * @self: a connection
 *
 * Begins to watch for statements that fail.
 */
void
rtk_server_db_forget_trouble (RtkServerDb *self)
{
  self->has_trouble = FALSE;
}

/**
 * rtk_server_db_get_trouble:
 * @self: a connection
 * @out_code: (out): code of the first failure; %RTK_ERROR_OFFLINE when trying again may help
 *
 * Says whether a statement failed since rtk_server_db_forget_trouble(), in whatever transaction: an
 * answer that was made of a fallback is none.
 *
 * Returns: whether one did
 */
gboolean
rtk_server_db_get_trouble (RtkServerDb *self, RtkError *out_code)
{
  *out_code = self->trouble;
  return self->has_trouble;
}

/**
 * rtk_server_db_watch:
 * @self: a connection
 * @committed: (nullable): called on the connection's thread after each commit that may have changed
 *   something, before whoever asked for it is answered; also after one whose end is not known
 * @user_data: for @committed
 *
 * Tells of the commits of this connection.
 */
void
rtk_server_db_watch (RtkServerDb *self, RtkServerCommitFunc committed, gpointer user_data)
{
  self->committed = committed;
  self->committed_data = user_data;
}

static void
tell_commit (RtkServerDb *self)
{
  if (self->committed != NULL)
    self->committed (self->committed_data);
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
  GError  *own = NULL;
  gboolean ok = self->backend->exec (self, sql, &own);

  if (!self->backend->in_transaction (self))
    tell_commit (self);
  return ok || fail (self, own, error);
}

/**
 * rtk_server_db_begin:
 * @self: a connection
 * @writing: whether to wait for the write lock
 * @error: return location
 *
 * Begins a transaction. A reader sees one state of the database until it ends. There is one writer
 * at a time in the whole database, so that what a writer reads is still so when it commits, numbers
 * that it takes appear in their order, and the audit log is one chain.
 *
 * Returns: whether it began
 */
gboolean
rtk_server_db_begin (RtkServerDb *self, gboolean writing, GError **error)
{
  GError *own = NULL;

  self->has_failed = FALSE;
  self->has_moved = FALSE;
  self->plans_once = FALSE;
  self->is_writing = writing;
  self->n_begun++;
  return self->backend->begin (self, writing, &own) || fail (self, own, error);
}

/**
 * rtk_server_db_move:
 * @self: a connection, in a writing transaction
 *
 * Says that the transaction moves the feed: whoever listens is told when it is committed, see
 * rtk_server_db_listen().
 */
void
rtk_server_db_move (RtkServerDb *self)
{
  self->has_moved = TRUE;
}

/**
 * rtk_server_db_set_room:
 * @self: a connection, outside a transaction
 * @is_large: whether the next transactions write very much
 *
 * Gives an SQLite connection room in memory for all the pages that it changes, 32 MiB at most: else
 * it writes most of them several times. A PostgreSQL server has its own.
 */
void
rtk_server_db_set_room (RtkServerDb *self, gboolean is_large)
{
  if (!rtk_server_db_is_postgres (self))
    (void)self->backend->exec (
        self, is_large ? "PRAGMA cache_size=-32768" : "PRAGMA cache_size=-2000", NULL);
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
  GError  *own = NULL;
  gboolean ok = FALSE;

  if (self->has_failed) {
    own = g_error_new_literal (RTK_ERROR, (gint)self->trouble, "A query of the transaction failed");
  } else {
    ok = self->backend->finish (self, TRUE, &own);
    if (self->is_writing)
      tell_commit (self);
  }
  if (ok)
    return TRUE;
  rtk_server_db_rollback (self);
  return fail (self, own, error);
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
  if (self->backend->in_transaction (self))
    (void)self->backend->finish (self, FALSE, NULL);
}

/**
 * rtk_server_db_query_values:
 * @self: a connection
 * @error: return location
 * @sql: one statement, as for rtk_server_db_query()
 * @values: (array length=n_values): the arguments
 * @n_values: at most %RTK_SERVER_MAX_VALUES
 *
 * Starts a query.
 *
 * Returns: (transfer none): the rows, %NULL on error
 */
RtkServerRows *
rtk_server_db_query_values (RtkServerDb          *self,
                            GError              **error,
                            const char           *sql,
                            const RtkServerValue *values,
                            guint                 n_values)
{
  GError        *own = NULL;
  RtkServerRows *rows = self->backend->query (self, sql, values, n_values, &own);

  if (rows == NULL)
    (void)fail (self, own, error);
  else
    rows->has_failed = FALSE;
  return rows;
}

static guint
read_values (RtkServerValue values[RTK_SERVER_MAX_VALUES], const char *types, va_list args)
{
  guint n = (guint)strlen (types);

  g_assert (n <= RTK_SERVER_MAX_VALUES);
  for (guint i = 0; i < n; i++) {
    values[i] = (RtkServerValue){.type = types[i]};
    if (types[i] == 'i')
      values[i].number = va_arg (args, gint64);
    else if (types[i] == 's')
      values[i].text = va_arg (args, const char *);
    else if (types[i] == 'b')
      values[i].bytes = va_arg (args, GBytes *);
    else
      g_assert_not_reached ();
  }
  return n;
}

static RtkServerRows *
start (RtkServerDb *self, GError **error, const char *sql, const char *types, va_list args)
{
  RtkServerValue values[RTK_SERVER_MAX_VALUES];
  guint          n = read_values (values, types, args);

  return rtk_server_db_query_values (self, error, sql, values, n);
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
 * Returns: (transfer none): the rows, %NULL on error
 */
RtkServerRows *
rtk_server_db_query (RtkServerDb *self, GError **error, const char *sql, const char *types, ...)
{
  RtkServerRows *rows;
  va_list        args;

  va_start (args, types);
  rows = start (self, error, sql, types, args);
  va_end (args);
  return rows;
}

/**
 * rtk_server_db_next:
 * @self: a connection
 * @rows: (nullable): a running query
 * @error: return location, also set by a query that ends early
 *
 * Returns: whether there is a further row
 */
gboolean
rtk_server_db_next (RtkServerDb *self, RtkServerRows *rows, GError **error)
{
  GError *own = NULL;

  if (rows == NULL)
    return FALSE;
  if (self->backend->next (rows, &own))
    return TRUE;
  if (own != NULL) {
    rows->has_failed = TRUE;
    (void)fail (self, own, error);
  }
  return FALSE;
}

/**
 * rtk_server_db_end:
 * @rows: (nullable): a query; %NULL = one that could not be started
 *
 * Ends a query and forgets its arguments.
 *
 * Returns: whether it was started, and what was read of it was read without a failure
 */
gboolean
rtk_server_db_end (RtkServerRows *rows)
{
  if (rows == NULL)
    return FALSE;
  rows->db->backend->end (rows);
  return !rows->has_failed;
}

/**
 * rtk_server_db_int:
 * @rows: a query that stands on a row
 * @column: from 0
 *
 * Returns: number of the column, 0 for null
 */
gint64
rtk_server_db_int (RtkServerRows *rows, int column)
{
  return rows->db->backend->get_int (rows, column);
}

/**
 * rtk_server_db_text:
 * @rows: a query that stands on a row
 * @column: from 0
 *
 * Returns: (nullable): text of the column, until the next step
 */
const char *
rtk_server_db_text (RtkServerRows *rows, int column)
{
  return rows->db->backend->get_text (rows, column);
}

/**
 * rtk_server_db_is_null:
 * @rows: a query that stands on a row
 * @column: from 0
 *
 * Returns: whether the column is null
 */
gboolean
rtk_server_db_is_null (RtkServerRows *rows, int column)
{
  return rows->db->backend->is_null (rows, column);
}

/**
 * rtk_server_db_dup_bytes:
 * @rows: a query that stands on a row
 * @column: from 0
 *
 * Returns: (transfer full): bytes of the column, none for null
 */
GBytes *
rtk_server_db_dup_bytes (RtkServerRows *rows, int column)
{
  return rows->db->backend->dup_bytes (rows, column);
}

/* Whether the back-end need not wait for what a statement does: the transaction's end does. */
static gboolean
can_defer (RtkServerDb *self)
{
  return self->backend->run != NULL && self->is_writing && self->backend->in_transaction (self);
}

/**
 * rtk_server_db_run_values:
 * @self: a connection
 * @error: return location
 * @sql: as for rtk_server_db_run()
 * @values: (array length=n_values): the arguments
 * @n_values: at most %RTK_SERVER_MAX_VALUES
 *
 * Runs a statement, see rtk_server_db_run().
 *
 * Returns: whether it ran, as far as it is known
 */
gboolean
rtk_server_db_run_values (RtkServerDb          *self,
                          GError              **error,
                          const char           *sql,
                          const RtkServerValue *values,
                          guint                 n_values)
{
  RtkServerRows *rows;
  gboolean       has_run;

  if (can_defer (self)) {
    GError *own = NULL;

    return self->backend->run (self, sql, values, n_values, &own) || fail (self, own, error);
  }
  rows = rtk_server_db_query_values (self, error, sql, values, n_values);
  (void)rtk_server_db_next (self, rows, error);
  has_run = rtk_server_db_end (rows);
  if (rows != NULL && !self->backend->in_transaction (self))
    tell_commit (self);
  return has_run;
}

/**
 * rtk_server_db_run:
 * @self: a connection
 * @error: return location
 * @sql: a statement that returns no rows, a string literal
 * @types: see rtk_server_db_query()
 * @...: the arguments
 *
 * Runs a statement. In a writing transaction a failure may come out only at the next query, at
 * rtk_server_db_get_changes() or at the commit, which then writes nothing.
 *
 * Returns: whether it ran, as far as it is known
 */
gboolean
rtk_server_db_run (RtkServerDb *self, GError **error, const char *sql, const char *types, ...)
{
  RtkServerValue values[RTK_SERVER_MAX_VALUES];
  guint          n;
  va_list        args;

  va_start (args, types);
  n = read_values (values, types, args);
  va_end (args);
  return rtk_server_db_run_values (self, error, sql, values, n);
}

/**
 * rtk_server_db_get_int:
 * @self: a connection
 * @fallback: what to return when there is no row
 * @sql: a query of one column, a string literal; one that writes gives it by RETURNING
 * @types: see rtk_server_db_query()
 * @...: the arguments
 *
 * Returns: the first row's number
 */
gint64
rtk_server_db_get_int (RtkServerDb *self, gint64 fallback, const char *sql, const char *types, ...)
{
  RtkServerRows *rows;
  va_list        args;
  gint64         value = fallback;

  va_start (args, types);
  rows = start (self, NULL, sql, types, args);
  va_end (args);
  if (rtk_server_db_next (self, rows, NULL))
    value = rtk_server_db_int (rows, 0);
  rtk_server_db_end (rows);
  return value;
}

/**
 * rtk_server_db_dup_text:
 * @self: a connection
 * @sql: a query of one column, a string literal
 * @types: see rtk_server_db_query()
 * @...: the arguments
 *
 * When the database fails the text is empty, so that nobody stumbles over %NULL where a row must
 * be; what is made of it is neither committed nor answered, see rtk_server_db_get_trouble().
 *
 * Returns: (transfer full) (nullable): the first row's text, %NULL when there is none
 */
char *
rtk_server_db_dup_text (RtkServerDb *self, const char *sql, const char *types, ...)
{
  g_autoptr (GError) error = NULL;
  RtkServerRows *rows;
  va_list        args;
  char          *text = NULL;

  va_start (args, types);
  rows = start (self, &error, sql, types, args);
  va_end (args);
  if (rtk_server_db_next (self, rows, &error))
    text = g_strdup (rtk_server_db_text (rows, 0));
  rtk_server_db_end (rows);
  return error == NULL ? text : g_strdup ("");
}

/**
 * rtk_server_db_get_changes:
 * @self: a connection
 *
 * Returns: rows the last statement changed; 0 when it failed, which the commit says, too
 */
gint64
rtk_server_db_get_changes (RtkServerDb *self)
{
  GError *own = NULL;

  if (self->backend->settle != NULL && !self->backend->settle (self, &own)) {
    (void)fail (self, own, NULL);
    return 0;
  }
  return self->backend->get_changes (self);
}

/**
 * rtk_server_db_is_postgres:
 * @self: a connection
 *
 * Returns: whether the database is a PostgreSQL server, which other processes may use as well
 */
gboolean
rtk_server_db_is_postgres (RtkServerDb *self)
{
  return g_str_equal (self->backend->name, "postgresql");
}

/**
 * rtk_server_db_dup_state:
 * @self: a connection, outside a transaction
 *
 * Names the state that a transaction begun now would see, in one short query: two that are the same
 * see the same rows, whoever writes. Of an SQLite file only names that the same connection gave can
 * be compared, and that one must not write.
 *
 * Returns: (transfer full) (nullable): the state; %NULL when it cannot be asked for
 */
char *
rtk_server_db_dup_state (RtkServerDb *self)
{
  g_autofree char *state = NULL;
  gint64           version;

  if (!rtk_server_db_is_postgres (self)) {
    version = rtk_server_db_get_int (self, -1, "PRAGMA data_version", "");
    return version >= 0 ? g_strdup_printf ("%" G_GINT64_FORMAT, version) : NULL;
  }
  state = rtk_server_db_dup_text (self, "SELECT CAST (pg_current_snapshot () AS text)", "");
  return state != NULL && state[0] != '\0' ? g_steal_pointer (&state) : NULL;
}
