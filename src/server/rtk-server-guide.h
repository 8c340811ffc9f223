/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-store.h"

G_BEGIN_DECLS

gboolean rtk_server_guide_check (const RtkServerConfig *config, GError **error);

G_END_DECLS
