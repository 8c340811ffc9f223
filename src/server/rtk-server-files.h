/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean rtk_server_file_make_folder (const char *path, GError **error);
gboolean rtk_server_file_check_owner (const char *path, GError **error);
gboolean rtk_server_file_sync_folder (const char *path, GError **error);
gboolean rtk_server_file_write (const char *path, const void *data, gsize size, GError **error);
int      rtk_server_file_open_part (const char *path, gint64 offset, GError **error);
gboolean rtk_server_file_add (int fd, gint64 offset, const void *data, gsize size, GError **error);
gint64   rtk_server_file_get_size (const char *path);
gboolean rtk_server_file_hash (const char *path, char out_hex[65], GError **error);
int      rtk_server_file_lock (const char *folder, gboolean is_shared, GError **error);
char    *rtk_server_file_read_secret (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean rtk_server_file_sync (const char *path, GError **error);
gboolean rtk_server_file_copy (const char *from, const char *to, GError **error);
gboolean rtk_server_file_has_only (const char *folder, const char *const *names);
gboolean rtk_server_file_clear_folder (const char        *folder,
                                       const char *const *names,
                                       const char *const *keep,
                                       GError           **error);

G_END_DECLS
