/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define RTK_TYPE_CHILD_SERVER (rtk_child_server_get_type ())

/* The server of a stand-alone centre or of a demonstration: a child that dies with this program,
 * on a port of the loopback that the system picks. */
G_DECLARE_FINAL_TYPE (RtkChildServer, rtk_child_server, RTK, CHILD_SERVER, GObject)

RtkChildServer *rtk_child_server_new (const char *folder) G_GNUC_WARN_UNUSED_RESULT;
void            rtk_child_server_simulate_async (RtkChildServer     *self,
                                                 guint               graduates,
                                                 const char         *photos,
                                                 const char         *codes_file,
                                                 const char         *user,
                                                 const char         *password,
                                                 GCancellable       *cancellable,
                                                 GAsyncReadyCallback callback,
                                                 gpointer            user_data);
gboolean
     rtk_child_server_simulate_finish (RtkChildServer *self, GAsyncResult *result, GError **error);
void rtk_child_server_start_async (RtkChildServer     *self,
                                   GCancellable       *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data);
gboolean rtk_child_server_start_finish (RtkChildServer *self, GAsyncResult *result, GError **error);
void     rtk_child_server_bootstrap_async (RtkChildServer     *self,
                                           const char         *user,
                                           const char         *password,
                                           GCancellable       *cancellable,
                                           GAsyncReadyCallback callback,
                                           gpointer            user_data);
gboolean
rtk_child_server_bootstrap_finish (RtkChildServer *self, GAsyncResult *result, GError **error);
const char *rtk_child_server_get_url (RtkChildServer *self);
void        rtk_child_server_stop (RtkChildServer *self);

G_END_DECLS
