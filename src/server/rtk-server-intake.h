/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-call.h"
#include "server/rtk-server-limits.h"

#include <libsoup/soup.h>

G_BEGIN_DECLS

/* What comes in: how much of the bodies is held in memory, and for how long a connection on which
 * nothing moves is kept. Main thread. */
typedef struct _RtkServerIntake RtkServerIntake;

RtkServerIntake *rtk_server_intake_new (const RtkServerConfig *config,
                                        RtkServerLimits       *limits,
                                        SoupServer            *server) G_GNUC_WARN_UNUSED_RESULT;
void             rtk_server_intake_free (RtkServerIntake *self);
gboolean         rtk_server_intake_begin (RtkServerIntake      *self,
                                          SoupServerMessage    *message,
                                          const RtkServerRoute *route);
gboolean         rtk_server_intake_is_too_large (SoupServerMessage *message);
gboolean         rtk_server_intake_is_busy (SoupServerMessage *message);
GBytes          *rtk_server_intake_take (SoupServerMessage *message,
                                         gboolean          *out_is_cut) G_GNUC_WARN_UNUSED_RESULT;
gsize            rtk_server_intake_get_kept (SoupServerMessage *message);
gsize            rtk_server_intake_get_held (RtkServerIntake *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkServerIntake, rtk_server_intake_free)

G_END_DECLS
