/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <sqlite3.h>

G_BEGIN_DECLS

/* One SQLite connection with its prepared statements. Used by one thread. */
typedef struct _RtkServerDb RtkServerDb;

RtkServerDb *rtk_server_db_open (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void         rtk_server_db_close (RtkServerDb *self);
gboolean     rtk_server_db_exec (RtkServerDb *self, const char *sql, GError **error);
gboolean     rtk_server_db_begin (RtkServerDb *self, gboolean writing, GError **error);
gboolean     rtk_server_db_commit (RtkServerDb *self, GError **error);
void         rtk_server_db_rollback (RtkServerDb *self);

/* Arguments by type: i = gint64, s = const char* (NULL = null), b = GBytes* (NULL = null). */
sqlite3_stmt *
rtk_server_db_query (RtkServerDb *self, GError **error, const char *sql, const char *types, ...);
gboolean rtk_server_db_next (RtkServerDb *self, sqlite3_stmt *statement, GError **error);
void     rtk_server_db_end (sqlite3_stmt *statement);
gboolean
rtk_server_db_run (RtkServerDb *self, GError **error, const char *sql, const char *types, ...);
gint64
rtk_server_db_get_int (RtkServerDb *self, gint64 fallback, const char *sql, const char *types, ...);
char *rtk_server_db_dup_text (RtkServerDb *self, const char *sql, const char *types, ...)
    G_GNUC_WARN_UNUSED_RESULT;
gint64      rtk_server_db_get_changes (RtkServerDb *self);
const char *rtk_server_db_text (sqlite3_stmt *statement, int column);

/* Schema: rtk-server-schema.c. */
gboolean rtk_server_schema_migrate (RtkServerDb *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkServerDb, rtk_server_db_close)

G_END_DECLS
