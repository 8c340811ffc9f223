/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-many-private.h"

#include <string.h>

static guint
count_values (const RtkServerMany *self)
{
  return (guint)(strlen (self->fixed) + RTK_SERVER_MANY * strlen (self->columns));
}

static void
append_rows (GString *text, const RtkServerMany *self)
{
  guint argument = (guint)strlen (self->fixed);

  g_string_append (text, "(VALUES ");
  for (guint row = 1; row <= RTK_SERVER_MANY; row++) {
    g_string_append_printf (text, row == 1 ? "(%u" : ", (%u", row);
    for (guint i = 0; self->columns[i] != '\0'; i++)
      g_string_append_printf (text, ", ?%u", ++argument);
    g_string_append_c (text, ')');
  }
  g_string_append_c (text, ')');
}

static void
append_list (GString *text, const RtkServerMany *self)
{
  guint first = (guint)strlen (self->fixed) + 1;

  for (guint i = first; i <= count_values (self); i++)
    g_string_append_printf (text, i == first ? "(?%u" : ", ?%u", i);
  g_string_append_c (text, ')');
}

static const char *
get_text (RtkServerMany *self)
{
  if (g_once_init_enter (&self->text)) {
    GString *text = g_string_new (NULL);

    g_assert (count_values (self) <= RTK_SERVER_MAX_VALUES);
    for (const char *p = self->pattern; *p != '\0'; p++)
      if (*p == '@')
        append_rows (text, self);
      else if (*p == '#')
        append_list (text, self);
      else
        g_string_append_c (text, *p);
    g_once_init_leave (&self->text, (gsize)g_string_free (text, FALSE));
  }
  return (const char *)self->text;
}

static void
read_values (RtkServerValue *values, const char *types, va_list args)
{
  for (guint i = 0; types[i] != '\0'; i++) {
    values[i].is_null = FALSE;
    if (types[i] == 'i')
      values[i].number = va_arg (args, gint64);
    else
      values[i].text = va_arg (args, const char *);
  }
}

/* Makes PostgreSQL plan each statement of this transaction at most once and not for every run: with
 * so many arguments that takes as long as running it. */
static gboolean
plan_once (RtkServerDb *db, GError **error)
{
  if (db->plans_once || !db->is_writing || !rtk_server_db_is_postgres (db) ||
      !db->backend->in_transaction (db))
    return TRUE;
  db->plans_once = TRUE;
  return rtk_server_db_run (
      db, error, "SELECT set_config ('plan_cache_mode', 'force_generic_plan', TRUE)", "");
}

/**
 * rtk_server_many_init:
 * @self: (out caller-allocates): the arguments
 * @statement: a statement
 * @...: those of all rows
 *
 * Begins the arguments of a statement: no row.
 */
void
rtk_server_many_init (RtkServerManyRows *self, RtkServerMany *statement, ...)
{
  guint   n_fixed = (guint)strlen (statement->fixed);
  guint   n_columns = (guint)strlen (statement->columns);
  va_list args;

  self->statement = statement;
  self->n_rows = 0;
  for (guint i = 0; i < n_fixed; i++)
    self->values[i] = (RtkServerValue){.type = statement->fixed[i]};
  for (guint i = 0; i < RTK_SERVER_MANY * n_columns; i++)
    self->values[n_fixed + i] =
        (RtkServerValue){.type = statement->columns[i % n_columns], .is_null = TRUE};
  va_start (args, statement);
  read_values (self->values, statement->fixed, args);
  va_end (args);
}

/**
 * rtk_server_many_add:
 * @self: arguments of less than %RTK_SERVER_MANY rows
 * @...: those of one row: gint64, or text, %NULL for null, that lives until the statement is run
 *
 * Adds a row.
 */
void
rtk_server_many_add (RtkServerManyRows *self, ...)
{
  const char *columns = self->statement->columns;
  va_list     args;

  g_assert (self->n_rows < RTK_SERVER_MANY);
  va_start (args, self);
  read_values (&self->values[strlen (self->statement->fixed) + self->n_rows * strlen (columns)],
               columns, args);
  va_end (args);
  self->n_rows++;
}

/**
 * rtk_server_many_run:
 * @self: the arguments
 * @db: a connection
 * @error: return location
 *
 * Runs the statement, see rtk_server_db_run(), unless there is no row.
 *
 * Returns: whether it ran, as far as it is known
 */
gboolean
rtk_server_many_run (RtkServerManyRows *self, RtkServerDb *db, GError **error)
{
  return self->n_rows == 0 ||
         (plan_once (db, error) &&
          rtk_server_db_run_values (db, error, get_text (self->statement), self->values,
                                    count_values (self->statement)));
}

/**
 * rtk_server_many_query:
 * @self: the arguments
 * @db: a connection
 * @error: return location
 *
 * Starts the query.
 *
 * Returns: (transfer none): the rows, %NULL on error
 */
RtkServerRows *
rtk_server_many_query (RtkServerManyRows *self, RtkServerDb *db, GError **error)
{
  return plan_once (db, error)
             ? rtk_server_db_query_values (db, error, get_text (self->statement), self->values,
                                           count_values (self->statement))
             : NULL;
}
