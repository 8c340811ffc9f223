/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-call.h"

#include <libsoup/soup.h>

G_BEGIN_DECLS

/* From a call that is answered to the message that waits for it. Main thread. */
void rtk_server_answer_send (SoupServerMessage *message, RtkServerCall *call);
void rtk_server_answer_switch (SoupServerMessage *message, const RtkServerCall *call);

G_END_DECLS
