/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-report.h"

#include <glib-object.h>

G_BEGIN_DECLS

#define RTK_TYPE_CHECK_ITEM (rtk_check_item_get_type ())

/* One rule chip. It keeps its place and is updated in place; the verdict is the steady one (it
 * held for RTK_CHECK_LIST_HOLD_MS), value and limits are those of the newest report.
 *
 * Properties (read-only): "id" (int of RtkCheckId), "name" (char*, the id on the wire), "verdict"
 *   (int of RtkVerdict), "value" (double, NAN = none), "unit" (char*), "min", "max" (double, NAN =
 *   none), "blocking" (boolean), "title-en", "title-zh-cn", "advice-en", "advice-zh-cn" (char*,
 *   nullable). Notifies once a change; "revision" (guint) grows with every change of any of them.
 */
G_DECLARE_FINAL_TYPE (RtkCheckItem, rtk_check_item, RTK, CHECK_ITEM, GObject)

RtkCheckId  rtk_check_item_get_id (RtkCheckItem *self);
RtkVerdict  rtk_check_item_get_verdict (RtkCheckItem *self);
double      rtk_check_item_get_value (RtkCheckItem *self);
const char *rtk_check_item_get_unit (RtkCheckItem *self);
double      rtk_check_item_get_min (RtkCheckItem *self);
double      rtk_check_item_get_max (RtkCheckItem *self);
gboolean    rtk_check_item_is_blocking (RtkCheckItem *self);
const char *rtk_check_item_get_title (RtkCheckItem *self, RtkLanguage language);
const char *rtk_check_item_get_advice (RtkCheckItem *self, RtkLanguage language);
/* Whether the check is mended: passed, or warns only because it is near to a limit. */
gboolean rtk_check_item_is_mended (RtkCheckItem *self);

G_END_DECLS
