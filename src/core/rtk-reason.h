/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-order.h"
#include "core/rtk-rule-pack.h"

G_BEGIN_DECLS

/* The words of a reason where no gettext is: on the wire, in a message to the graduate. */
const char *rtk_reason_get_title_in (RtkReason reason, RtkLanguage language);
const char *rtk_reason_get_message (RtkReason reason, RtkLanguage language);

G_END_DECLS
