/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "session/rtk-check-item.h"

G_BEGIN_DECLS

RtkCheckItem *rtk_check_item_new (const RtkRule *rule) G_GNUC_WARN_UNUSED_RESULT;
void          rtk_check_item_set_measured (RtkCheckItem *self, const RtkCheck *check);
gboolean      rtk_check_item_show (RtkCheckItem     *self,
                                   RtkVerdict        verdict,
                                   const char *const advice[RTK_N_LANGUAGES]);

G_END_DECLS
