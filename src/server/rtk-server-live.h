/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-pool.h"

#include <libsoup/soup.h>

G_BEGIN_DECLS

/* The WebSockets of GET /v1/live: each is told, a few times a second at most, how far the feed has
 * come. Main thread. */
typedef struct _RtkServerLive RtkServerLive;

RtkServerLive *rtk_server_live_new (const RtkServerConfig *config,
                                    RtkServerPool         *pool,
                                    GSourceFunc            closed,
                                    gpointer               user_data) G_GNUC_WARN_UNUSED_RESULT;
void           rtk_server_live_end (RtkServerLive *self);
gboolean
      rtk_server_live_accept (RtkServerLive *self, SoupServerMessage *message, RtkServerCall *call);
void  rtk_server_live_stop (RtkServerLive *self);
guint rtk_server_live_get_sockets (RtkServerLive *self);
guint64 rtk_server_live_get_hints (RtkServerLive *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkServerLive, rtk_server_live_end)

G_END_DECLS
