/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <sqlite3.h>

G_BEGIN_DECLS

/* One SQLite connection with its prepared statements. Used by one thread at a time. */
typedef struct _RtkDb RtkDb;

RtkDb *rtk_db_open (const char *path, gboolean read_only, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void   rtk_db_close (RtkDb *self);
gboolean      rtk_db_exec (RtkDb *self, const char *sql, GError **error);
sqlite3_stmt *rtk_db_query (RtkDb *self, GError **error, const char *sql, const char *types, ...);
gboolean      rtk_db_step (RtkDb *self, sqlite3_stmt *statement, GError **error);
gboolean      rtk_db_run (RtkDb *self, GError **error, const char *sql, const char *types, ...);
gboolean      rtk_db_get_int (
         RtkDb *self, gint64 *out_value, GError **error, const char *sql, const char *types, ...);
int      rtk_db_get_changes (RtkDb *self);
gboolean rtk_db_begin (RtkDb *self, GError **error);
gboolean rtk_db_commit (RtkDb *self, GError **error);
void     rtk_db_roll_back (RtkDb *self);
char    *rtk_db_dup_setting (RtkDb *self, const char *name, GError **error);
gboolean rtk_db_set_setting (RtkDb *self, const char *name, const char *value, GError **error);
GBytes  *rtk_db_dup_blob (sqlite3_stmt *statement, int column) G_GNUC_WARN_UNUSED_RESULT;
char    *rtk_db_dup_text (sqlite3_stmt *statement, int column) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkDb, rtk_db_close)

G_END_DECLS
