/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-error.h"
#include "server/rtk-server-db.h"

G_BEGIN_DECLS

/* One argument of a statement. */
typedef struct {
  char        type;    /* i, s or b */
  gboolean    is_null; /* also of a number */
  gint64      number;
  const char *text;  /* (unowned) (nullable) */
  GBytes     *bytes; /* (unowned) (nullable) */
} RtkServerValue;

#define RTK_SERVER_MAX_VALUES 400
/* Where PostgreSQL tells that the feed moved. */
#define RTK_SERVER_CHANNEL "retake_feed"

/**
 * RtkServerBackend:
 * @name: "sqlite" or "postgresql"
 * @close: closes the connection and frees what the back-end added to #RtkServerDb
 * @exec: runs any number of statements without arguments
 * @begin: begins a transaction; a writing one holds the database's write lock
 * @finish: ends the transaction, by COMMIT or by ROLLBACK; one that writes may have moved the feed
 * @in_transaction: whether a transaction is open
 * @query: starts a statement; @sql is kept by its address
 * @run: (nullable): sends a statement of a writing transaction whose rows nobody reads; it may fail
 *   with whatever comes after it
 * @settle: (nullable): waits for what @run sent
 * @next: steps to the next row
 * @end: ends the query
 * @describe: name of a column of the result, %NULL beyond the last, and its type: i, s or b
 * @get_int: number of a column
 * @get_text: text of a column, until the next step
 * @is_null: whether a column is null
 * @dup_bytes: bytes of a column
 * @get_changes: rows that the last statement changed
 * @get_version: number of the newest migration, 0 for an empty database
 * @set_version: writes it
 * @translate: text of a migration in this dialect
 *
 * What a kind of database does in its own way. Errors are set and `has_failed` is kept by the
 * caller in rtk-server-db.c.
 */
typedef struct {
  const char *name;
  void (*close) (RtkServerDb *self);
  gboolean (*exec) (RtkServerDb *self, const char *sql, GError **error);
  gboolean (*begin) (RtkServerDb *self, gboolean writing, GError **error);
  gboolean (*finish) (RtkServerDb *self, gboolean commit, GError **error);
  gboolean (*in_transaction) (RtkServerDb *self);
  RtkServerRows *(*query) (RtkServerDb          *self,
                           const char           *sql,
                           const RtkServerValue *values,
                           guint                 n_values,
                           GError              **error);
  gboolean (*run) (RtkServerDb          *self,
                   const char           *sql,
                   const RtkServerValue *values,
                   guint                 n_values,
                   GError              **error);
  gboolean (*settle) (RtkServerDb *self, GError **error);
  gboolean (*next) (RtkServerRows *rows, GError **error);
  void (*end) (RtkServerRows *rows);
  const char *(*describe) (RtkServerRows *rows, int column, char *out_type);
  gint64 (*get_int) (RtkServerRows *rows, int column);
  const char *(*get_text) (RtkServerRows *rows, int column);
  gboolean (*is_null) (RtkServerRows *rows, int column);
  GBytes *(*dup_bytes) (RtkServerRows *rows, int column);
  gint64 (*get_changes) (RtkServerDb *self);
  gint64 (*get_version) (RtkServerDb *self, GError **error);
  gboolean (*set_version) (RtkServerDb *self, gint64 version, GError **error);
  char *(*translate) (const char *sql);
} RtkServerBackend;

struct _RtkServerDb {
  const RtkServerBackend *backend;
  gboolean                has_failed;  /* a statement of the running transaction failed */
  gboolean                has_trouble; /* one failed since rtk_server_db_forget_trouble() */
  RtkError                trouble;     /* the first one's code */
  gboolean                has_moved;   /* the running transaction moves the feed */
  gboolean                is_writing;  /* the running transaction was begun to write */
  gboolean                plans_once;  /* see rtk-server-many.c */
  guint64                 n_begun;     /* transactions: names the running one */
  RtkServerCommitFunc     committed;   /* (nullable) */
  gpointer                committed_data;
};

struct _RtkServerRows {
  RtkServerDb *db; /* (unowned) */
  gboolean     has_failed;
};

gboolean       rtk_server_address_is_postgres (const char *address);
RtkServerDb   *rtk_server_sqlite_open (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
RtkServerDb   *rtk_server_postgres_open (const char *url, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gpointer       rtk_server_postgres_connect (const char *url) G_GNUC_WARN_UNUSED_RESULT;
RtkServerRows *rtk_server_db_query_values (RtkServerDb          *self,
                                           GError              **error,
                                           const char           *sql,
                                           const RtkServerValue *values,
                                           guint                 n_values);
gboolean       rtk_server_db_run_values (RtkServerDb          *self,
                                         GError              **error,
                                         const char           *sql,
                                         const RtkServerValue *values,
                                         guint                 n_values);
gint64         rtk_server_schema_get_newest (void);
gboolean       rtk_server_schema_build (RtkServerDb *self, gint64 wanted, GError **error);
gboolean       rtk_server_schema_migrate_to (RtkServerDb *self, gint64 wanted, GError **error);
void           rtk_server_listeners_hint (const char *address);
gboolean       rtk_server_postgres_parse (const char *url, gboolean *out_has_password);

G_END_DECLS
