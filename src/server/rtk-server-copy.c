/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-db-private.h"

/* All rows of a database into another one of the same version, of whatever kind. Nothing here knows
 * a table or a column: what a later migration adds is copied, too. */

/* Statements are kept by their address. */
static const char *
statement (const char *format, const char *a, const char *b, const char *c)
{
  g_autoptr (GString) text = g_string_new (format);

  g_string_replace (text, "@a", a, 0);
  g_string_replace (text, "@b", b, 0);
  g_string_replace (text, "@c", c, 0);
  return g_intern_string (text->str);
}

/* Tables as they were made: none refers to a younger one. */
static GPtrArray *
list_tables (RtkServerDb *sqlite, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) own = NULL;
  RtkServerRows *row = rtk_server_db_query (sqlite, &own,
                                            "SELECT name FROM sqlite_master WHERE type = 'table'"
                                            " AND name NOT LIKE 'sqlite%' ORDER BY rowid",
                                            "");

  while (rtk_server_db_next (sqlite, row, &own))
    g_ptr_array_add (names, g_strdup (rtk_server_db_text (row, 0)));
  rtk_server_db_end (row);
  if (own == NULL)
    return g_steal_pointer (&names);
  g_propagate_error (error, g_steal_pointer (&own));
  return NULL;
}

/* Rows on their way: as many go into one statement as it takes arguments. */
typedef struct {
  RtkServerDb   *to;    /* (unowned) */
  const char    *names; /* (unowned): of the columns, with commas */
  const char    *table; /* (unowned) */
  guint          n_columns;
  guint          n_values;                      /* of all rows that wait */
  RtkServerValue values[RTK_SERVER_MAX_VALUES]; /* their texts and bytes are owned */
} Batch;

/* Learns the columns of @rows. */
static void
batch_init (Batch *batch, RtkServerDb *to, const char *table, RtkServerRows *rows)
{
  g_autoptr (GString) names = g_string_new (NULL);
  const char *name;
  char        type;

  *batch = (Batch){.to = to, .table = table};
  while ((name = rows->db->backend->describe (rows, (int)batch->n_columns, &type)) != NULL)
    g_string_append_printf (names, "%s%s", batch->n_columns++ > 0 ? ", " : "", name);
  g_assert (batch->n_columns > 0 && batch->n_columns <= RTK_SERVER_MAX_VALUES);
  batch->names = g_intern_string (names->str);
}

static void
batch_clear (Batch *batch)
{
  for (guint i = 0; i < batch->n_values; i++) {
    g_free ((char *)batch->values[i].text);
    g_clear_pointer (&batch->values[i].bytes, g_bytes_unref);
    batch->values[i] = (RtkServerValue){0};
  }
  batch->n_values = 0;
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Batch, batch_clear)

/* Writes the rows that wait. */
static gboolean
batch_flush (Batch *batch, GError **error)
{
  g_autoptr (GString) marks = g_string_new (NULL);
  g_autoptr (GError) own = NULL;
  RtkServerRows *done;

  if (batch->n_values == 0)
    return TRUE;
  for (guint i = 0; i < batch->n_values; i++)
    g_string_append (marks, i == 0 ? "(?" : i % batch->n_columns == 0 ? "), (?" : ", ?");
  done = rtk_server_db_query_values (
      batch->to, &own,
      statement ("INSERT INTO @a (@b) VALUES @c)", batch->table, batch->names, marks->str),
      batch->values, batch->n_values);
  (void)rtk_server_db_next (batch->to, done, &own);
  rtk_server_db_end (done);
  batch_clear (batch);
  if (own == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

static gboolean
batch_add (Batch *batch, RtkServerRows *rows, GError **error)
{
  for (int i = 0; i < (int)batch->n_columns; i++) {
    RtkServerValue *value = &batch->values[batch->n_values++];

    (void)rows->db->backend->describe (rows, i, &value->type);
    value->is_null = rtk_server_db_is_null (rows, i);
    if (value->is_null)
      continue;
    if (value->type == 'i')
      value->number = rtk_server_db_int (rows, i);
    else if (value->type == 's')
      value->text = g_strdup (rtk_server_db_text (rows, i));
    else
      value->bytes = rtk_server_db_dup_bytes (rows, i);
  }
  return batch->n_values + batch->n_columns <= RTK_SERVER_MAX_VALUES || batch_flush (batch, error);
}

/* The rows that @select gives; *@out_any says whether there was one. */
static gboolean
copy_rows (RtkServerDb *from,
           RtkServerDb *to,
           const char  *table,
           const char  *select,
           gboolean    *out_any,
           GError     **error)
{
  g_autoptr (GError) own = NULL;
  g_auto (Batch) batch = {0};
  RtkServerRows *rows = rtk_server_db_query (from, error, select, "");

  *out_any = FALSE;
  if (rows == NULL)
    return FALSE;
  batch_init (&batch, to, table, rows);
  while (own == NULL && rtk_server_db_next (from, rows, &own)) {
    *out_any = TRUE;
    (void)batch_add (&batch, rows, &own);
  }
  rtk_server_db_end (rows);
  if (own == NULL && batch_flush (&batch, &own))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

/* SQLite gives row after row; of PostgreSQL a page is fetched at a time. */
static gboolean
copy_table (RtkServerDb *from, RtkServerDb *to, const char *table, GError **error)
{
  gboolean any = TRUE;

  if (!rtk_server_db_is_postgres (from))
    return copy_rows (from, to, table, statement ("SELECT * FROM @a", table, "", ""), &any, error);
  if (!rtk_server_db_exec (
          from, statement ("DECLARE copy_@a CURSOR FOR SELECT * FROM @a", table, "", ""), error))
    return FALSE;
  while (any)
    if (!copy_rows (from, to, table, statement ("FETCH 1000 FROM copy_@a", table, "", ""), &any,
                    error))
      return FALSE;
  return rtk_server_db_exec (from, statement ("CLOSE copy_@a", table, "", ""), error);
}

/* Numbers that PostgreSQL gives by itself go on after the copied ones; SQLite knows. */
static gboolean
move_numbers (RtkServerDb *to, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) own = NULL;
  RtkServerRows *row = rtk_server_db_query (to, &own,
                                            "SELECT table_name, column_name FROM"
                                            " information_schema.columns WHERE is_identity = 'YES'"
                                            " AND table_schema = current_schema ()",
                                            "");

  while (rtk_server_db_next (to, row, &own)) {
    g_ptr_array_add (names, g_strdup (rtk_server_db_text (row, 0)));
    g_ptr_array_add (names, g_strdup (rtk_server_db_text (row, 1)));
  }
  rtk_server_db_end (row);
  for (guint i = 0; own == NULL && i < names->len; i += 2)
    (void)rtk_server_db_exec (to,
                              statement ("SELECT setval (pg_get_serial_sequence ('@a', '@b'),"
                                         " (SELECT coalesce (max (@b), 0) + 1 FROM @a), FALSE)",
                                         g_ptr_array_index (names, i),
                                         g_ptr_array_index (names, i + 1), ""),
                              &own);
  if (own == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

/**
 * rtk_server_db_copy:
 * @from: a connection, in a transaction
 * @to: a connection, in a writing transaction, to a database of the same version; what rows its
 *   migrations left are replaced. One of the two is SQLite.
 * @error: return location
 *
 * Copies all rows.
 *
 * Returns: whether they were copied
 */
gboolean
rtk_server_db_copy (RtkServerDb *from, RtkServerDb *to, GError **error)
{
  g_autoptr (GPtrArray) tables = list_tables (rtk_server_db_is_postgres (from) ? to : from, error);

  if (tables == NULL)
    return FALSE;
  /* What a migration writes into a new database refers to nothing. */
  for (guint i = tables->len; i > 0; i--)
    if (g_strcmp0 (g_ptr_array_index (tables, i - 1), "audit") != 0 &&
        !rtk_server_db_exec (
            to, statement ("DELETE FROM @a", g_ptr_array_index (tables, i - 1), "", ""), error))
      return FALSE;
  for (guint i = 0; i < tables->len; i++)
    if (!copy_table (from, to, g_ptr_array_index (tables, i), error))
      return FALSE;
  /* Without statistics PostgreSQL takes all tables for small until it gets to look by itself. */
  return !rtk_server_db_is_postgres (to) ||
         (move_numbers (to, error) && rtk_server_db_exec (to, "ANALYZE", error));
}
