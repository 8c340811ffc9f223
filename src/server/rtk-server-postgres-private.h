/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-db-private.h"

#include <libpq-fe.h>

G_BEGIN_DECLS

/**
 * RtkServerPostgres:
 * @connection: libpq's
 * @statements: (owned): SQL text (static) -> what is prepared of it
 * @url: (owned): the address
 * @changes: rows that the last statement changed
 * @n_sent: statements whose answers were not read yet; libpq is in pipeline mode
 * @is_open: a transaction, also one whose connection was lost
 * @is_lost: the connection, whatever libpq says of it
 *
 * A connection to a PostgreSQL server.
 */
typedef struct {
  RtkServerDb parent;
  PGconn     *connection;
  GHashTable *statements;
  char       *url;
  gint64      changes;
  guint       n_sent;
  gboolean    is_open;
  gboolean    is_lost;
} RtkServerPostgres;

/* The connection: rtk-server-postgres.c. */
gboolean rtk_server_postgres_fail (RtkServerPostgres *self, PGresult *result, GError **error);
gboolean rtk_server_postgres_is_good (const PGresult *result);
void     rtk_server_postgres_make_again (RtkServerPostgres *self);

/* Statements: rtk-server-postgres-query.c. */
GHashTable *rtk_server_postgres_statements_new (void) G_GNUC_WARN_UNUSED_RESULT;
gboolean
rtk_server_postgres_end_pipeline (RtkServerPostgres *self, PGresult **out_last, GError **error);
gboolean rtk_server_postgres_settle (RtkServerDb *db, GError **error);
gboolean rtk_server_postgres_run (
    RtkServerDb *db, const char *sql, const RtkServerValue *values, guint n_values, GError **error);
RtkServerRows *rtk_server_postgres_query (
    RtkServerDb *db, const char *sql, const RtkServerValue *values, guint n_values, GError **error);
gboolean    rtk_server_postgres_next (RtkServerRows *rows, GError **error);
void        rtk_server_postgres_end (RtkServerRows *rows);
const char *rtk_server_postgres_describe (RtkServerRows *rows, int column, char *out_type);
gboolean    rtk_server_postgres_is_null (RtkServerRows *rows, int column);
const char *rtk_server_postgres_get_text (RtkServerRows *rows, int column);
gint64      rtk_server_postgres_get_int (RtkServerRows *rows, int column);
GBytes     *rtk_server_postgres_dup_bytes (RtkServerRows *rows, int column);

G_END_DECLS
