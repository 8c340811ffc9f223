/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-postgres-private.h"

#include <stdlib.h>
#include <string.h>

/* Statements on a connection to PostgreSQL. What only writes is sent without waiting for its answer
 * (libpq's pipeline mode); the next query, or the end of the transaction, reads the answers. */

/* Oids of the types of arguments, fixed in PostgreSQL's catalogue. */
#define OID_BOOL 16
#define OID_BYTEA 17
#define OID_INT8 20
#define OID_TEXT 25

/* Statements that are sent before their answers are read. */
#define MAX_SENT 100

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

GHashTable *
rtk_server_postgres_statements_new (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, NULL, statement_free);
}

/* Reads one answer of a pipeline and its end. */
static PGresult *
read_answer (RtkServerPostgres *self)
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
gboolean
rtk_server_postgres_end_pipeline (RtkServerPostgres *self, PGresult **out_last, GError **error)
{
  gboolean  ok = TRUE;
  PGresult *result;

  if (PQpipelineSync (self->connection) != 1)
    ok = rtk_server_postgres_fail (self, NULL, error);
  for (; self->n_sent > 0 && !self->is_lost; self->n_sent--) {
    result = read_answer (self);
    if (ok && !rtk_server_postgres_is_good (result))
      ok = rtk_server_postgres_fail (self, result, error);
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
    ok = ok ? rtk_server_postgres_fail (self, NULL, error) : FALSE;
    self->is_lost = TRUE;
  }
  PQclear (result);
  return ok;
}

gboolean
rtk_server_postgres_settle (RtkServerDb *db, GError **error)
{
  RtkServerPostgres *self = (RtkServerPostgres *)db;

  return self->n_sent == 0 || rtk_server_postgres_end_pipeline (self, NULL, error);
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
prepare (RtkServerPostgres    *self,
         const char           *sql,
         const RtkServerValue *values,
         guint                 n_values,
         GError              **error)
{
  Statement       *statement = g_hash_table_lookup (self->statements, sql);
  g_autofree char *text = NULL;
  Oid              types[RTK_SERVER_MAX_VALUES];
  PGresult        *result;
  gboolean         ok;

  /* What was begun on a connection that is lost does not go on. */
  if (self->is_lost) {
    rtk_server_postgres_fail (self, NULL, error);
    return NULL;
  }
  if (statement != NULL)
    return statement;
  if (!rtk_server_postgres_settle (&self->parent, error))
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
    rtk_server_postgres_fail (self, result, error);
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
send (RtkServerPostgres    *self,
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
    return rtk_server_postgres_fail (self, NULL, error);
  /* The database works on it meanwhile. */
  (void)PQflush (self->connection);
  self->n_sent++;
  return TRUE;
}

gboolean
rtk_server_postgres_run (
    RtkServerDb *db, const char *sql, const RtkServerValue *values, guint n_values, GError **error)
{
  RtkServerPostgres *self = (RtkServerPostgres *)db;
  Statement         *statement;

  if (self->n_sent >= MAX_SENT && !rtk_server_postgres_settle (db, error))
    return FALSE;
  statement = prepare (self, sql, values, n_values, error);
  return statement != NULL && send (self, statement, values, n_values, error);
}

RtkServerRows *
rtk_server_postgres_query (
    RtkServerDb *db, const char *sql, const RtkServerValue *values, guint n_values, GError **error)
{
  RtkServerPostgres *self = (RtkServerPostgres *)db;
  Statement         *statement;
  PGresult          *result = NULL;

  rtk_server_postgres_make_again (self);
  statement = prepare (self, sql, values, n_values, error);
  if (statement == NULL)
    return NULL;
  g_clear_pointer (&statement->result, PQclear);
  if (self->n_sent > 0) {
    if (!send (self, statement, values, n_values, error) ||
        !rtk_server_postgres_end_pipeline (self, &result, error))
      return NULL;
  } else {
    Arguments arguments;

    fill_arguments (&arguments, values, n_values);
    result = PQexecPrepared (self->connection, statement->name, (int)n_values, arguments.data,
                             arguments.lengths, arguments.formats, 0);
    if (!rtk_server_postgres_is_good (result)) {
      rtk_server_postgres_fail (self, result, error);
      PQclear (result);
      return NULL;
    }
  }
  self->changes = g_ascii_strtoll (PQcmdTuples (result), NULL, 10);
  statement->result = result;
  statement->row = -1;
  return &statement->parent;
}

gboolean
rtk_server_postgres_next (RtkServerRows *rows, GError **error)
{
  Statement *statement = (Statement *)rows;

  return statement->result != NULL && ++statement->row < PQntuples (statement->result);
}

void
rtk_server_postgres_end (RtkServerRows *rows)
{
  g_clear_pointer (&((Statement *)rows)->result, PQclear);
}

const char *
rtk_server_postgres_describe (RtkServerRows *rows, int column, char *out_type)
{
  PGresult *result = ((Statement *)rows)->result;
  Oid       type;

  if (column >= PQnfields (result))
    return NULL;
  type = PQftype (result, column);
  *out_type = type == OID_INT8 ? 'i' : type == OID_BYTEA ? 'b' : 's';
  return PQfname (result, column);
}

gboolean
rtk_server_postgres_is_null (RtkServerRows *rows, int column)
{
  Statement *statement = (Statement *)rows;

  return PQgetisnull (statement->result, statement->row, column) != 0;
}

const char *
rtk_server_postgres_get_text (RtkServerRows *rows, int column)
{
  Statement *statement = (Statement *)rows;

  return rtk_server_postgres_is_null (rows, column)
             ? NULL
             : PQgetvalue (statement->result, statement->row, column);
}

gint64
rtk_server_postgres_get_int (RtkServerRows *rows, int column)
{
  Statement  *statement = (Statement *)rows;
  const char *text = PQgetvalue (statement->result, statement->row, column);

  if (PQftype (statement->result, column) == OID_BOOL)
    return text[0] == 't';
  return g_ascii_strtoll (text, NULL, 10);
}

GBytes *
rtk_server_postgres_dup_bytes (RtkServerRows *rows, int column)
{
  const char    *text = rtk_server_postgres_get_text (rows, column);
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
