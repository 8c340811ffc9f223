/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-error.h"

G_BEGIN_DECLS

/* One connection to the database, SQLite or PostgreSQL, with its prepared statements. Used by one
 * thread. The SQL that goes in is the part both understand: "?" or "?N" for arguments, ON CONFLICT,
 * RETURNING, IS DISTINCT FROM, numbers for truth values. Whoever writes holds the one write lock
 * of the database from the begin of the transaction to its end, whatever server and process they
 * are of. */
typedef struct _RtkServerDb RtkServerDb;

/* The rows of a running query. */
typedef struct _RtkServerRows RtkServerRows;

/* Tells of a commit, on the thread that made it. */
typedef void (*RtkServerCommitFunc) (gpointer user_data);

RtkServerDb *rtk_server_db_open (const char *address, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void         rtk_server_db_close (RtkServerDb *self);
gboolean     rtk_server_db_exec (RtkServerDb *self, const char *sql, GError **error);
gboolean     rtk_server_db_begin (RtkServerDb *self, gboolean writing, GError **error);
gboolean     rtk_server_db_commit (RtkServerDb *self, GError **error);
void         rtk_server_db_rollback (RtkServerDb *self);
void         rtk_server_db_move (RtkServerDb *self);
void         rtk_server_db_set_room (RtkServerDb *self, gboolean is_large);
void         rtk_server_db_forget_trouble (RtkServerDb *self);
gboolean     rtk_server_db_get_trouble (RtkServerDb *self, RtkError *out_code);

/* Arguments by type: i = gint64, s = const char* (NULL = null), b = GBytes* (NULL = null). */
RtkServerRows *
rtk_server_db_query (RtkServerDb *self, GError **error, const char *sql, const char *types, ...);
gboolean    rtk_server_db_next (RtkServerDb *self, RtkServerRows *rows, GError **error);
gboolean    rtk_server_db_end (RtkServerRows *rows);
gint64      rtk_server_db_int (RtkServerRows *rows, int column);
const char *rtk_server_db_text (RtkServerRows *rows, int column);
gboolean    rtk_server_db_is_null (RtkServerRows *rows, int column);
GBytes     *rtk_server_db_dup_bytes (RtkServerRows *rows, int column) G_GNUC_WARN_UNUSED_RESULT;

gboolean
rtk_server_db_run (RtkServerDb *self, GError **error, const char *sql, const char *types, ...);
gint64
rtk_server_db_get_int (RtkServerDb *self, gint64 fallback, const char *sql, const char *types, ...);
char *rtk_server_db_dup_text (RtkServerDb *self, const char *sql, const char *types, ...)
    G_GNUC_WARN_UNUSED_RESULT;
gint64   rtk_server_db_get_changes (RtkServerDb *self);
gboolean rtk_server_db_is_postgres (RtkServerDb *self);
gboolean rtk_server_db_check_address (const char *address, gboolean is_public, GError **error);
void     rtk_server_db_watch (RtkServerDb *self, RtkServerCommitFunc committed, gpointer user_data);
char    *rtk_server_db_dup_state (RtkServerDb *self) G_GNUC_WARN_UNUSED_RESULT;
gboolean rtk_server_db_copy (RtkServerDb *from, RtkServerDb *to, GError **error);

/* Schema: rtk-server-schema.c. */
gint64   rtk_server_schema_get_version (RtkServerDb *self, GError **error);
gboolean rtk_server_schema_migrate (RtkServerDb *self, GError **error);
gboolean rtk_server_schema_is_present (RtkServerDb *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkServerDb, rtk_server_db_close)

G_END_DECLS
