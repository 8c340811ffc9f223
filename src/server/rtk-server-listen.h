/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Somebody who wants to know when the feed moved, whichever process moved it.
 *
 *   listener = rtk_server_db_listen (address, moved_cb, self);    in the thread of @self
 *   ...moved_cb (self) is called there some time after each commit that moved the feed...
 *   rtk_server_db_unlisten (listener);
 *
 * It is a hint: several commits may give one call, and a connection that was lost and made again
 * gives a call as well, because something may have been missed. Whoever is called reads the feed
 * after its cursor and finds what there is. */
typedef struct _RtkServerListener RtkServerListener;

RtkServerListener *rtk_server_db_listen (const char *address,
                                         GSourceFunc moved,
                                         gpointer    user_data) G_GNUC_WARN_UNUSED_RESULT;
void               rtk_server_db_unlisten (RtkServerListener *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkServerListener, rtk_server_db_unlisten)

G_END_DECLS
