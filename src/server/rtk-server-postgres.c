/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "server/rtk-server-postgres-private.h"

#include <string.h>

#define LEAST_VERSION 130000

/* Names the one write lock of a database. */
#define WRITE_LOCK "20260601"

/* Whether the same may work a little later: another one holds the lock for too long, the server
 * stops or starts, has no connection left, or ended a transaction that stood still. */
static gboolean
is_passing (const char *state)
{
  static const char *const states[] = {"25P03", "40001", "40P01", "53300", "55P03",
                                       "57014", "57P01", "57P02", "57P03", NULL};

  return state != NULL && g_strv_contains (states, state);
}

/* The message names tables and columns; details, which may hold values, are left out. */
gboolean
rtk_server_postgres_fail (RtkServerPostgres *self, PGresult *result, GError **error)
{
  const char *state = result != NULL ? PQresultErrorField (result, PG_DIAG_SQLSTATE) : NULL;
  const char *text = result != NULL ? PQresultErrorField (result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
  RtkError    ours = RTK_ERROR_STORAGE;

  /* What has no state comes from libpq: it was not the server that answered. */
  if (state == NULL || PQstatus (self->connection) != CONNECTION_OK)
    self->is_lost = TRUE;
  if (self->is_lost || is_passing (state))
    ours = RTK_ERROR_OFFLINE;
  else if (g_strcmp0 (state, "53100") == 0)
    ours = RTK_ERROR_DISK_FULL;
  else if (g_strcmp0 (state, "25006") == 0)
    ours = RTK_ERROR_READ_ONLY;
  else if (state != NULL && g_str_has_prefix (state, "XX"))
    ours = RTK_ERROR_DAMAGED;
  g_set_error (error, RTK_ERROR, ours, "The database failed: %s",
               text != NULL ? text : "the connection was lost");
  return FALSE;
}

static void
postgres_close (RtkServerDb *db)
{
  RtkServerPostgres *self = (RtkServerPostgres *)db;

  g_hash_table_unref (self->statements);
  PQfinish (self->connection);
  g_free (self->url);
  g_free (self);
}

gboolean
rtk_server_postgres_is_good (const PGresult *result)
{
  ExecStatusType status = PQresultStatus (result);

  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* Runs statements; *@out_tag says what the last one did. */
static gboolean
run (RtkServerPostgres *self, const char *sql, char out_tag[32], GError **error)
{
  PGresult *result;
  gboolean  ok;

  if (!rtk_server_postgres_settle (&self->parent, error))
    return FALSE;
  result = PQexec (self->connection, sql);
  ok = rtk_server_postgres_is_good (result);
  g_strlcpy (out_tag, ok ? PQcmdStatus (result) : "", 32);
  if (!ok)
    rtk_server_postgres_fail (self, result, error);
  PQclear (result);
  return ok;
}

static gboolean
postgres_exec (RtkServerDb *db, const char *sql, GError **error)
{
  char tag[32];

  return run ((RtkServerPostgres *)db, sql, tag, error);
}

/* What every session is to be: nobody waits for ever for the write lock, nor keeps it by standing
 * still; a shorter wait may be set in the database. Our queries look up rows by an index; without
 * statistics, as after the first hour of a new database, PostgreSQL would read whole tables for
 * some, and compile what seems so dear. */
static gboolean
set_up (RtkServerPostgres *self, GError **error)
{
  char tag[32];

  return run (self,
              "SET client_encoding = 'UTF8'; SET synchronous_commit = on;"
              "SELECT set_config ('lock_timeout', '20s', false)"
              " WHERE current_setting ('lock_timeout') = '0';"
              "SET idle_in_transaction_session_timeout = '60s';"
              "SET enable_seqscan = off; SET jit = off",
              tag, error);
}

/* A connection that was lost (the database server was started anew) is made again; not within a
 * transaction, whose beginning is lost with it. */
void
rtk_server_postgres_make_again (RtkServerPostgres *self)
{
  if (self->is_open || (!self->is_lost && PQstatus (self->connection) == CONNECTION_OK))
    return;
  g_hash_table_remove_all (self->statements);
  /* Not PQreset(): what was sent in a pipeline and not answered would stay. */
  PQfinish (self->connection);
  self->connection = rtk_server_postgres_connect (self->url);
  self->n_sent = 0;
  self->is_lost = FALSE;
  (void)set_up (self, NULL);
}

static gboolean
postgres_begin (RtkServerDb *db, gboolean writing, GError **error)
{
  RtkServerPostgres *self = (RtkServerPostgres *)db;
  const char        *sql = writing ? "BEGIN; SELECT pg_advisory_xact_lock (" WRITE_LOCK ")"
                                   : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
  g_autoptr (GError) own = NULL;

  rtk_server_postgres_make_again (self);
  self->is_open = postgres_exec (db, sql, &own);
  /* Only now it may show that the connection was lost meanwhile: nothing was done yet, so that it
     can be tried again. */
  if (!self->is_open && self->is_lost) {
    rtk_server_postgres_make_again (self);
    g_clear_error (&own);
    self->is_open = postgres_exec (db, sql, &own);
  }
  if (self->is_open)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&own));
  if (PQtransactionStatus (self->connection) == PQTRANS_INERROR)
    (void)postgres_exec (db, "ROLLBACK", NULL);
  return FALSE;
}

/* Sends @sql, which has no arguments, after what was sent. */
static gboolean
send_word (RtkServerPostgres *self, const char *sql, GError **error)
{
  if (PQsendQueryParams (self->connection, sql, 0, NULL, NULL, NULL, NULL, 0) != 1)
    return rtk_server_postgres_fail (self, NULL, error);
  self->n_sent++;
  return TRUE;
}

/* Commits with the same message that asks for what was sent: when any of it fails, COMMIT is not
 * run. */
static gboolean
commit_sent (RtkServerPostgres *self, char out_tag[32], GError **error)
{
  PGresult *result = NULL;

  if ((self->parent.has_moved && !send_word (self, "NOTIFY " RTK_SERVER_CHANNEL, error)) ||
      !send_word (self, "COMMIT", error) ||
      !rtk_server_postgres_end_pipeline (self, &result, error))
    return FALSE;
  g_strlcpy (out_tag, PQcmdStatus (result), 32);
  PQclear (result);
  return TRUE;
}

static gboolean
postgres_finish (RtkServerDb *db, gboolean commit, GError **error)
{
  RtkServerPostgres *self = (RtkServerPostgres *)db;
  char               tag[32];

  if (!commit) {
    self->is_open = FALSE;
    /* Whatever came of what was sent, it is undone. */
    (void)rtk_server_postgres_settle (db, NULL);
    return postgres_exec (db, "ROLLBACK", error);
  }
  if (!(self->n_sent > 0
            ? commit_sent (self, tag, error)
            : run (self, db->has_moved ? "NOTIFY " RTK_SERVER_CHANNEL "; COMMIT" : "COMMIT", tag,
                   error)))
    return FALSE;
  self->is_open = FALSE;
  /* A transaction in which something failed ends with ROLLBACK, and says so. */
  if (strcmp (tag, "COMMIT") == 0)
    return TRUE;
  g_set_error_literal (error, RTK_ERROR, RTK_ERROR_STORAGE, "A query of the transaction failed");
  return FALSE;
}

static gboolean
postgres_in_transaction (RtkServerDb *db)
{
  return ((RtkServerPostgres *)db)->is_open;
}

static gint64
postgres_get_changes (RtkServerDb *db)
{
  return ((RtkServerPostgres *)db)->changes;
}

static gint64
postgres_get_version (RtkServerDb *db, GError **error)
{
  RtkServerPostgres *self = (RtkServerPostgres *)db;
  PGresult          *result;
  gint64             version = -1;

  if (!postgres_exec (db, "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)",
                      error))
    return -1;
  result = PQexec (self->connection, "SELECT coalesce (max (version), 0) FROM schema_version");
  if (PQresultStatus (result) == PGRES_TUPLES_OK)
    version = g_ascii_strtoll (PQgetvalue (result, 0, 0), NULL, 10);
  else
    rtk_server_postgres_fail (self, result, error);
  PQclear (result);
  return version;
}

static gboolean
postgres_set_version (RtkServerDb *db, gint64 version, GError **error)
{
  g_autofree char *sql =
      g_strdup_printf ("INSERT INTO schema_version VALUES (%" G_GINT64_FORMAT ")", version);

  return postgres_exec (db, sql, error);
}

static char *
postgres_translate (const char *sql)
{
  static const char *const words[][2] = {
      {" INTEGER PRIMARY KEY AUTOINCREMENT",
       " BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"},
      {" INTEGER", " BIGINT"},
      {" BLOB", " BYTEA"},
      /* Ordered by its bytes, as in SQLite, whatever language the database is of. */
      {" TEXT", " TEXT COLLATE \"C\""},
      {" WITHOUT ROWID", ""},
      {" COLLATE NOCASE", ""},
  };
  GString *text = g_string_new (sql);

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    g_string_replace (text, words[i][0], words[i][1], 0);
  return g_string_free (text, FALSE);
}

static const RtkServerBackend backend = {
    .name = "postgresql",
    .close = postgres_close,
    .exec = postgres_exec,
    .begin = postgres_begin,
    .finish = postgres_finish,
    .in_transaction = postgres_in_transaction,
    .query = rtk_server_postgres_query,
    .run = rtk_server_postgres_run,
    .settle = rtk_server_postgres_settle,
    .next = rtk_server_postgres_next,
    .end = rtk_server_postgres_end,
    .describe = rtk_server_postgres_describe,
    .get_int = rtk_server_postgres_get_int,
    .get_text = rtk_server_postgres_get_text,
    .is_null = rtk_server_postgres_is_null,
    .dup_bytes = rtk_server_postgres_dup_bytes,
    .get_changes = postgres_get_changes,
    .get_version = postgres_get_version,
    .set_version = postgres_set_version,
    .translate = postgres_translate,
};

/* Notices ("table exists, skipping") are no news. */
static void
drop_notice (void *data, const PGresult *result)
{
}

/**
 * rtk_server_postgres_parse:
 * @url: "postgresql://..."
 * @out_has_password: (out): whether a password stands in it, in whatever place
 *
 * Returns: whether @url is understood
 */
gboolean
rtk_server_postgres_parse (const char *url, gboolean *out_has_password)
{
  PQconninfoOption *options = PQconninfoParse (url, NULL);

  *out_has_password = FALSE;
  for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL; option++)
    if (option->val != NULL && option->val[0] != '\0' &&
        (strcmp (option->keyword, "password") == 0 || strcmp (option->keyword, "sslpassword") == 0))
      *out_has_password = TRUE;
  PQconninfoFree (options);
  return options != NULL;
}

/**
 * rtk_server_postgres_connect:
 * @url: "postgresql://..."
 *
 * Connects. What @url says goes before our own settings: nobody waits for long for a server that
 * does not answer. Blocking.
 *
 * Returns: (transfer full): a PGconn, whose status says whether it is connected
 */
gpointer
rtk_server_postgres_connect (const char *url)
{
  static const char *const names[] = {"connect_timeout", "application_name", "tcp_user_timeout",
                                      "dbname", NULL};
  const char *const        values[] = {"5", "retake-server", "30000", url, NULL};

  PGconn *connection = PQconnectdbParams (names, values, 1);

  PQsetNoticeReceiver (connection, drop_notice, NULL);
  return connection;
}

/* What our SQL needs, and the texts of graduates. */
static gboolean
is_fit (RtkServerPostgres *self, GError **error)
{
  if (PQserverVersion (self->connection) < LEAST_VERSION)
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE,
                         "The PostgreSQL server of --database is too old: version 13 is needed");
  else if (g_strcmp0 (PQparameterStatus (self->connection, "server_encoding"), "UTF8") != 0)
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE,
                         "The database of --database is not in UTF-8: make one with createdb"
                         " --encoding UTF8");
  else
    return TRUE;
  return FALSE;
}

/**
 * rtk_server_postgres_open:
 * @url: "postgresql://..."
 * @error: return location; %RTK_ERROR_OFFLINE
 *
 * Opens a connection. Sessions are in UTF-8; a commit returns when it is on disk.
 *
 * Returns: (transfer full): the connection
 */
RtkServerDb *
rtk_server_postgres_open (const char *url, GError **error)
{
  RtkServerPostgres *self = g_new0 (RtkServerPostgres, 1);

  self->parent.backend = &backend;
  self->statements = rtk_server_postgres_statements_new ();
  self->url = g_strdup (url);
  self->connection = rtk_server_postgres_connect (url);
  if (PQstatus (self->connection) != CONNECTION_OK) {
    /* libpq's own words may repeat the address with its password. */
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_OFFLINE,
                         "The PostgreSQL server of --database is not reached: check the address,"
                         " and that it runs and lets this user in");
    postgres_close (&self->parent);
    return NULL;
  }
  if (!is_fit (self, error) || !set_up (self, error)) {
    postgres_close (&self->parent);
    return NULL;
  }
  return &self->parent;
}
