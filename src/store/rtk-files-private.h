/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

void     rtk_files_set_error (GError **error, int system, const char *what);
gboolean rtk_files_sync_folder (const char *folder, GError **error);
gboolean rtk_files_make_folder (const char *folder, GError **error);
int      rtk_files_lock (const char *path, GError **error);
gboolean rtk_files_write_all (int fd, const guint8 *data, gsize size, GError **error);

G_END_DECLS
