/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "server/rtk-server-db-private.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

/* Oids of the types of arguments, fixed in PostgreSQL's catalogue. */
#define OID_BOOL 16
#define OID_BYTEA 17
#define OID_INT8 20
#define OID_TEXT 25

#define LEAST_VERSION 130000

/* Statements that are sent before their answers are read. */
#define MAX_SENT 100

/* Names the one write lock of a database. */
#define WRITE_LOCK "20260601"

typedef struct {
  RtkServerDb parent;
  PGconn     *connection;
  GHashTable *statements; /* (owned): SQL text (static) -> Statement */
  char       *url;        /* (owned) */
  gint64      changes;
  guint       n_sent;  /* statements whose answers were not read yet; libpq is in pipeline mode */
  gboolean    is_open; /* a transaction, also one whose connection was lost */
  gboolean    is_lost; /* the connection, whatever libpq says of it */
} Postgres;

typedef struct {
  RtkServerRows parent;
  char          name[16];
  PGresult     *result; /* (owned) (nullable): whole; libpq reads it before the query returns */
  int           row;
} Statement;

static void
statement_free (gpointer data)
{
  Statement *self = data;

  PQclear (self->result);
  g_free (self);
}

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
static gboolean
set_error (Postgres *self, PGresult *result, GError **error)
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
  Postgres *self = (Postgres *)db;

  g_hash_table_unref (self->statements);
  PQfinish (self->connection);
  g_free (self->url);
  g_free (self);
}

static gboolean
is_good (const PGresult *result)
{
  ExecStatusType status = PQresultStatus (result);

  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* Reads one answer of a pipeline and its end. */
static PGresult *
read_answer (Postgres *self)
{
  PGresult *result = PQgetResult (self->connection);
  PGresult *more;

  while (result != NULL && PQstatus (self->connection) == CONNECTION_OK &&
         (more = PQgetResult (self->connection)) != NULL)
    PQclear (more);
  return result;
}

/* Ends a pipeline: reads the answers to all that was sent, and leaves the connection as it is
 * between statements. What follows one that failed was not run: the first failure is the error.
 * *@out_last, the last answer, may be NULL, and is wanted only when all went well. Whatever else
 * comes than was asked for, nothing is known of the connection any more: it is lost. */
static gboolean
end_pipeline (Postgres *self, PGresult **out_last, GError **error)
{
  gboolean  ok = TRUE;
  PGresult *result;

  if (PQpipelineSync (self->connection) != 1)
    ok = set_error (self, NULL, error);
  for (; self->n_sent > 0 && !self->is_lost; self->n_sent--) {
    result = read_answer (self);
    if (ok && !is_good (result))
      ok = set_error (self, result, error);
    if (!ok || self->n_sent > 1 || out_last == NULL) {
      if (ok)
        self->changes = g_ascii_strtoll (PQcmdTuples (result), NULL, 10);
      PQclear (result);
    } else {
      *out_last = result;
    }
  }
  self->n_sent = 0;
  if (self->is_lost)
    return FALSE;
  result = PQgetResult (self->connection);
  if (PQresultStatus (result) != PGRES_PIPELINE_SYNC || !PQexitPipelineMode (self->connection)) {
    if (ok && out_last != NULL)
      g_clear_pointer (out_last, PQclear);
    ok = ok ? set_error (self, NULL, error) : FALSE;
    self->is_lost = TRUE;
  }
  PQclear (result);
  return ok;
}

static gboolean
postgres_settle (RtkServerDb *db, GError **error)
{
  Postgres *self = (Postgres *)db;

  return self->n_sent == 0 || end_pipeline (self, NULL, error);
}

/* Runs statements; *@out_tag says what the last one did. */
static gboolean
run (Postgres *self, const char *sql, char out_tag[32], GError **error)
{
  PGresult *result;
  gboolean  ok;

  if (!postgres_settle (&self->parent, error))
    return FALSE;
  result = PQexec (self->connection, sql);
  ok = is_good (result);
  g_strlcpy (out_tag, ok ? PQcmdStatus (result) : "", 32);
  if (!ok)
    set_error (self, result, error);
  PQclear (result);
  return ok;
}

static gboolean
postgres_exec (RtkServerDb *db, const char *sql, GError **error)
{
  char tag[32];

  return run ((Postgres *)db, sql, tag, error);
}

/* What every session is to be: nobody waits for ever for the write lock, nor keeps it by standing
 * still. Our queries look up rows by an index; without statistics, as after the first hour of a
 * new database, PostgreSQL would read whole tables for some, and compile what seems so dear. */
static gboolean
set_up (Postgres *self, GError **error)
{
  char tag[32];

  return run (self,
              "SET client_encoding = 'UTF8'; SET synchronous_commit = on;"
              "SET lock_timeout = '20s'; SET idle_in_transaction_session_timeout = '60s';"
              "SET enable_seqscan = off; SET jit = off",
              tag, error);
}

/* A connection that was lost (the database server was started anew) is made again; not within a
 * transaction, whose beginning is lost with it. */
static void
make_again (Postgres *self)
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
  Postgres   *self = (Postgres *)db;
  const char *sql = writing ? "BEGIN; SELECT pg_advisory_xact_lock (" WRITE_LOCK ")"
                            : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
  g_autoptr (GError) own = NULL;

  make_again (self);
  self->is_open = postgres_exec (db, sql, &own);
  /* Only now it may show that the connection was lost meanwhile: nothing was done yet, so that it
     can be tried again. */
  if (!self->is_open && self->is_lost) {
    make_again (self);
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
send_word (Postgres *self, const char *sql, GError **error)
{
  if (PQsendQueryParams (self->connection, sql, 0, NULL, NULL, NULL, NULL, 0) != 1)
    return set_error (self, NULL, error);
  self->n_sent++;
  return TRUE;
}

/* Commits with the same message that asks for what was sent: when any of it fails, COMMIT is not
 * run. */
static gboolean
commit_sent (Postgres *self, char out_tag[32], GError **error)
{
  PGresult *result = NULL;

  if ((self->parent.has_moved && !send_word (self, "NOTIFY " RTK_SERVER_CHANNEL, error)) ||
      !send_word (self, "COMMIT", error) || !end_pipeline (self, &result, error))
    return FALSE;
  g_strlcpy (out_tag, PQcmdStatus (result), 32);
  PQclear (result);
  return TRUE;
}

static gboolean
postgres_finish (RtkServerDb *db, gboolean commit, GError **error)
{
  Postgres *self = (Postgres *)db;
  char      tag[32];

  if (!commit) {
    self->is_open = FALSE;
    /* Whatever came of what was sent, it is undone. */
    (void)postgres_settle (db, NULL);
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
  return ((Postgres *)db)->is_open;
}

/* "?" and "?N" become "$N"; not within quotes. */
static char *
number_arguments (const char *sql)
{
  GString *text = g_string_new (NULL);
  gboolean quoted = FALSE;
  guint    n = 0;

  for (const char *p = sql; *p != '\0'; p++) {
    if (*p == '\'')
      quoted = !quoted;
    if (*p != '?' || quoted)
      g_string_append_c (text, *p);
    else if (g_ascii_isdigit (p[1]))
      g_string_append_c (text, '$');
    else
      g_string_append_printf (text, "$%u", ++n);
  }
  return g_string_free (text, FALSE);
}

static Statement *
prepare (
    Postgres *self, const char *sql, const RtkServerValue *values, guint n_values, GError **error)
{
  Statement       *statement = g_hash_table_lookup (self->statements, sql);
  g_autofree char *text = NULL;
  Oid              types[RTK_SERVER_MAX_VALUES];
  PGresult        *result;
  gboolean         ok;

  /* What was begun on a connection that is lost does not go on. */
  if (self->is_lost) {
    set_error (self, NULL, error);
    return NULL;
  }
  if (statement != NULL)
    return statement;
  if (!postgres_settle (&self->parent, error))
    return NULL;
  text = number_arguments (sql);
  for (guint i = 0; i < n_values; i++)
    types[i] = values[i].type == 'i' ? OID_INT8 : values[i].type == 's' ? OID_TEXT : OID_BYTEA;
  statement = g_new0 (Statement, 1);
  statement->parent.db = &self->parent;
  g_snprintf (statement->name, sizeof statement->name, "s%u", g_hash_table_size (self->statements));
  result = PQprepare (self->connection, statement->name, text, (int)n_values, types);
  ok = PQresultStatus (result) == PGRES_COMMAND_OK;
  if (ok)
    g_hash_table_insert (self->statements, (gpointer)sql, statement);
  else
    set_error (self, result, error);
  PQclear (result);
  if (ok)
    return statement;
  statement_free (statement);
  return NULL;
}

/* Arguments as libpq takes them; they refer to the values they are of. */
typedef struct {
  const char *data[RTK_SERVER_MAX_VALUES];
  int         lengths[RTK_SERVER_MAX_VALUES];
  int         formats[RTK_SERVER_MAX_VALUES];
  char        numbers[RTK_SERVER_MAX_VALUES][24];
} Arguments;

static void
fill_arguments (Arguments *self, const RtkServerValue *values, guint n_values)
{
  for (guint i = 0; i < n_values; i++) {
    gsize size = 0;

    self->formats[i] = values[i].type == 'b';
    if (values[i].is_null) {
      self->data[i] = NULL;
    } else if (values[i].type == 'i') {
      g_snprintf (self->numbers[i], sizeof self->numbers[i], "%" G_GINT64_FORMAT, values[i].number);
      self->data[i] = self->numbers[i];
    } else if (values[i].type == 's') {
      self->data[i] = values[i].text;
    } else {
      self->data[i] = values[i].bytes != NULL ? g_bytes_get_data (values[i].bytes, &size) : NULL;
      if (values[i].bytes != NULL && self->data[i] == NULL)
        self->data[i] = "";
    }
    self->lengths[i] = (int)size;
  }
}

/* Sends a statement without waiting for its answer. */
static gboolean
send (Postgres             *self,
      const Statement      *statement,
      const RtkServerValue *values,
      guint                 n_values,
      GError              **error)
{
  Arguments arguments;

  fill_arguments (&arguments, values, n_values);
  if ((self->n_sent == 0 && PQenterPipelineMode (self->connection) != 1) ||
      PQsendQueryPrepared (self->connection, statement->name, (int)n_values, arguments.data,
                           arguments.lengths, arguments.formats, 0) != 1)
    return set_error (self, NULL, error);
  /* The database works on it meanwhile. */
  (void)PQflush (self->connection);
  self->n_sent++;
  return TRUE;
}

static gboolean
postgres_run (
    RtkServerDb *db, const char *sql, const RtkServerValue *values, guint n_values, GError **error)
{
  Postgres  *self = (Postgres *)db;
  Statement *statement;

  if (self->n_sent >= MAX_SENT && !postgres_settle (db, error))
    return FALSE;
  statement = prepare (self, sql, values, n_values, error);
  return statement != NULL && send (self, statement, values, n_values, error);
}

static RtkServerRows *
postgres_query (
    RtkServerDb *db, const char *sql, const RtkServerValue *values, guint n_values, GError **error)
{
  Postgres  *self = (Postgres *)db;
  Statement *statement;
  PGresult  *result = NULL;

  make_again (self);
  statement = prepare (self, sql, values, n_values, error);
  if (statement == NULL)
    return NULL;
  g_clear_pointer (&statement->result, PQclear);
  if (self->n_sent > 0) {
    if (!send (self, statement, values, n_values, error) || !end_pipeline (self, &result, error))
      return NULL;
  } else {
    Arguments arguments;

    fill_arguments (&arguments, values, n_values);
    result = PQexecPrepared (self->connection, statement->name, (int)n_values, arguments.data,
                             arguments.lengths, arguments.formats, 0);
    if (!is_good (result)) {
      set_error (self, result, error);
      PQclear (result);
      return NULL;
    }
  }
  self->changes = g_ascii_strtoll (PQcmdTuples (result), NULL, 10);
  statement->result = result;
  statement->row = -1;
  return &statement->parent;
}

static gboolean
postgres_next (RtkServerRows *rows, GError **error)
{
  Statement *statement = (Statement *)rows;

  return statement->result != NULL && ++statement->row < PQntuples (statement->result);
}

static void
postgres_end (RtkServerRows *rows)
{
  g_clear_pointer (&((Statement *)rows)->result, PQclear);
}

static const char *
postgres_describe (RtkServerRows *rows, int column, char *out_type)
{
  PGresult *result = ((Statement *)rows)->result;
  Oid       type;

  if (column >= PQnfields (result))
    return NULL;
  type = PQftype (result, column);
  *out_type = type == OID_INT8 ? 'i' : type == OID_BYTEA ? 'b' : 's';
  return PQfname (result, column);
}

static gboolean
postgres_is_null (RtkServerRows *rows, int column)
{
  Statement *statement = (Statement *)rows;

  return PQgetisnull (statement->result, statement->row, column) != 0;
}

static const char *
postgres_get_text (RtkServerRows *rows, int column)
{
  Statement *statement = (Statement *)rows;

  return postgres_is_null (rows, column) ? NULL
                                         : PQgetvalue (statement->result, statement->row, column);
}

static gint64
postgres_get_int (RtkServerRows *rows, int column)
{
  Statement  *statement = (Statement *)rows;
  const char *text = PQgetvalue (statement->result, statement->row, column);

  if (PQftype (statement->result, column) == OID_BOOL)
    return text[0] == 't';
  return g_ascii_strtoll (text, NULL, 10);
}

static GBytes *
postgres_dup_bytes (RtkServerRows *rows, int column)
{
  const char    *text = postgres_get_text (rows, column);
  size_t         size = 0;
  unsigned char *data;
  GBytes        *bytes;

  if (text == NULL)
    return g_bytes_new (NULL, 0);
  data = PQunescapeBytea ((const unsigned char *)text, &size);
  bytes = g_bytes_new (data, size);
  PQfreemem (data);
  return bytes;
}

static gint64
postgres_get_changes (RtkServerDb *db)
{
  return ((Postgres *)db)->changes;
}

static gint64
postgres_get_version (RtkServerDb *db, GError **error)
{
  Postgres *self = (Postgres *)db;
  PGresult *result;
  gint64    version = -1;

  if (!postgres_exec (db, "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)",
                      error))
    return -1;
  result = PQexec (self->connection, "SELECT coalesce (max (version), 0) FROM schema_version");
  if (PQresultStatus (result) == PGRES_TUPLES_OK)
    version = g_ascii_strtoll (PQgetvalue (result, 0, 0), NULL, 10);
  else
    set_error (self, result, error);
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
    .query = postgres_query,
    .run = postgres_run,
    .settle = postgres_settle,
    .next = postgres_next,
    .end = postgres_end,
    .describe = postgres_describe,
    .get_int = postgres_get_int,
    .get_text = postgres_get_text,
    .is_null = postgres_is_null,
    .dup_bytes = postgres_dup_bytes,
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
is_fit (Postgres *self, GError **error)
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
  Postgres *self = g_new0 (Postgres, 1);

  self->parent.backend = &backend;
  self->statements = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, statement_free);
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
