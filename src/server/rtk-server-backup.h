/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-store.h"

G_BEGIN_DECLS

/* A backup is a folder: server.db (SQLite, whatever the server's own database is), server.key,
 * photos/ and backup.json, which says what the rest is. */

/**
 * RtkServerBackupReport:
 * @photos: how many there are
 * @bytes: of all photos
 * @problems: one line each: what is missing or damaged, by its id
 * @lost: SHA-256 of each photo among the problems
 *
 * What was found on the way.
 */
typedef struct {
  gint64     photos;
  gint64     bytes;
  GPtrArray *problems; /* (owned) (nullable) */
  GPtrArray *lost;     /* (owned) (nullable) */
} RtkServerBackupReport;

void     rtk_server_backup_report_clear (RtkServerBackupReport *self);
gboolean rtk_server_backup (const RtkServerConfig *config,
                            const RtkServerKeys   *keys,
                            const char            *folder,
                            RtkServerBackupReport *out_report,
                            GError               **error);
gboolean rtk_server_restore (const RtkServerConfig *config,
                             const char            *folder,
                             gboolean               without_missing,
                             RtkServerBackupReport *out_report,
                             GError               **error);
gboolean rtk_server_restore_is_pending (const char *data);

/* Shared by the two. */
#define RTK_SERVER_BACKUP_FORMAT 1
#define RTK_SERVER_BACKUP_MANIFEST "backup.json"
gboolean rtk_server_backup_take_photos (RtkServerDb           *db,
                                        const char            *from,
                                        const char            *to,
                                        gboolean               verify,
                                        RtkServerBackupReport *report,
                                        GError               **error);
void     rtk_server_backup_report_add (RtkServerBackupReport *self, const char *format, ...)
    G_GNUC_PRINTF (2, 3);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RtkServerBackupReport, rtk_server_backup_report_clear)

G_END_DECLS
