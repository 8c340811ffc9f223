/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-db-private.h"

G_BEGIN_DECLS

/* One statement for many rows: what a database does for each statement costs more than what it
 * does for each row of one. */

/* Rows of one statement; those that are not there are null. */
#define RTK_SERVER_MANY 32

/**
 * RtkServerMany:
 * @pattern: SQL of numbered arguments: "@" stands for a table of the rows, whose columns are
 *   "column1", which counts from 1, "column2" and so on for the arguments of a row; "#" for a list
 *   of all their arguments. Rows that are not there have to be left out of "@".
 * @fixed: types of the arguments "?1" and so on that are the same for all rows
 * @columns: types of the arguments of a row
 * @text: (owned) made once, 0 before
 *
 * A statement. Static: it is kept by its address.
 */
typedef struct {
  const char *pattern;
  const char *fixed;
  const char *columns;
  gsize       text;
} RtkServerMany;

/**
 * RtkServerManyRows:
 *
 * The arguments of a statement. They refer to the texts they are made of.
 */
typedef struct {
  RtkServerMany *statement;
  guint          n_rows;
  RtkServerValue values[RTK_SERVER_MAX_VALUES];
} RtkServerManyRows;

void           rtk_server_many_init (RtkServerManyRows *self, RtkServerMany *statement, ...);
void           rtk_server_many_add (RtkServerManyRows *self, ...);
gboolean       rtk_server_many_run (RtkServerManyRows *self, RtkServerDb *db, GError **error);
RtkServerRows *rtk_server_many_query (RtkServerManyRows *self, RtkServerDb *db, GError **error);

G_END_DECLS
