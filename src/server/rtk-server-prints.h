/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-call.h"

G_BEGIN_DECLS

/* Of an order that wait to be printed: copies, and requests that they come in. */
#define RTK_SERVER_MAX_COPIES 20
#define RTK_SERVER_MAX_PRINTS 10

gboolean rtk_server_print_add (RtkServerStore *store,
                               const char     *id,
                               const char     *order_id,
                               gint64          copies,
                               const char     *address,
                               const char     *actor,
                               const char     *detail,
                               GError        **error);
gboolean rtk_server_print_ship (RtkServerStore *store,
                                const char     *id,
                                const char     *carrier,
                                const char     *tracking,
                                const char     *actor,
                                GError        **error);
gboolean rtk_server_prints_cancel (RtkServerStore *store,
                                   const char     *order_id,
                                   const char     *cause,
                                   const char     *actor,
                                   GError        **error);
gboolean rtk_server_prints_restore (RtkServerStore *store,
                                    const char     *order_id,
                                    const char     *cause,
                                    GError        **error);
gboolean rtk_server_order_has_print (RtkServerStore *store, const char *order_id);
void     rtk_server_print_write (RtkServerJson *json, RtkServerRows *row);

G_END_DECLS
