/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-clock.h"
#include "ctl/rtk-ctl.h"
#include "net/rtk-http-transport.h"
#include "session/rtk-sync-session.h"
#include "store/rtk-sqlite-store.h"

G_BEGIN_DECLS

/* A station's data folder, open and unlocked, and its server where there is one. */
typedef struct {
  RtkClock         *clock;     /* (owned) */
  RtkSqliteStore   *store;     /* (owned) */
  RtkHttpTransport *transport; /* (owned) (nullable): NULL without a server */
  char             *actor;     /* (owned) (nullable): who signed in last */
} RtkCtlStation;

/* How every command that opens the data folder takes its passphrase; the file needs <glib/gi18n.h>.
 */
#define RTK_CTL_PASSPHRASE_ENTRY(variable)                                                         \
  {                                                                                                \
    "passphrase-file", 0, 0, G_OPTION_ARG_FILENAME, variable,                                      \
        N_ ("its first line unlocks the data"), "F"                                                \
  }

gboolean rtk_ctl_station_open (RtkCtlStation     *self,
                               RtkCtl            *ctl,
                               RtkSqliteStoreMode mode,
                               const char        *passphrase_file,
                               GError           **error);
gboolean rtk_ctl_station_create (RtkCtlStation *self,
                                 RtkCtl        *ctl,
                                 const char    *staff,
                                 const char    *passphrase_file,
                                 GError       **error);
gboolean rtk_ctl_station_connect (RtkCtlStation *self, const char *server, GError **error);
gboolean rtk_ctl_station_keep_session (RtkCtlStation *self, GError **error);
char    *rtk_ctl_station_get_setting (RtkCtlStation *self, const char *name);
RtkOrder *
rtk_ctl_station_find_order (RtkCtlStation *self, const char *id, const char *code, GError **error);
void  rtk_ctl_station_close (RtkCtlStation *self);
char *rtk_ctl_read_secret (const char *path, const char *prompt, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RtkCtlStation, rtk_ctl_station_close)

G_END_DECLS
