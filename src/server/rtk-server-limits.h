/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-call.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* How much one caller may ask for: a bucket of tokens for each session's owner and for each
 * address. In the memory of this process. Main thread. */
typedef struct _RtkServerLimits RtkServerLimits;

RtkServerLimits *rtk_server_limits_new (const RtkServerConfig *config,
                                        GError               **error) G_GNUC_WARN_UNUSED_RESULT;
void             rtk_server_limits_free (RtkServerLimits *self);
gboolean
rtk_server_limits_admit (RtkServerLimits *self, RtkServerCall *call, GSocketAddress *remote);
gboolean rtk_server_limits_find (RtkServerLimits *self,
                                 const char      *authorization,
                                 gboolean        *out_is_staff,
                                 char           **out_name) G_GNUC_WARN_UNUSED_RESULT;
void     rtk_server_limits_learn (RtkServerLimits *self, const RtkServerCall *call);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkServerLimits, rtk_server_limits_free)

G_END_DECLS
