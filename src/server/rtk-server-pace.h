/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <libsoup/soup.h>

G_BEGIN_DECLS

void rtk_server_pace_watch (SoupServerMessage *message, guint seconds);

G_END_DECLS
