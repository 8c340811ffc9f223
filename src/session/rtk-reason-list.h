/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-order.h"
#include "session/rtk-check-list.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * RtkReasonState:
 * @RTK_REASON_NOT_YET: at least one of its checks still fails
 * @RTK_REASON_FIXED: all of its checks are mended
 * @RTK_REASON_CANNOT_TELL: nothing that is measured could say so: a person must look
 *
 * Whether an old reason for rejection is mended now.
 */
typedef enum {
  RTK_REASON_NOT_YET,
  RTK_REASON_FIXED,
  RTK_REASON_CANNOT_TELL,
} RtkReasonState;

#define RTK_TYPE_REASON_ITEM (rtk_reason_item_get_type ())

/* One reason why the old photo was rejected. Properties (read-only): "reason" (int of RtkReason),
 * "title" (char*, a message id for gettext), "state" (int of RtkReasonState). */
G_DECLARE_FINAL_TYPE (RtkReasonItem, rtk_reason_item, RTK, REASON_ITEM, GObject)

RtkReason      rtk_reason_item_get_reason (RtkReasonItem *self);
const char    *rtk_reason_item_get_title (RtkReasonItem *self);
RtkReasonState rtk_reason_item_get_state (RtkReasonItem *self);

#define RTK_TYPE_REASON_LIST (rtk_reason_list_get_type ())

/* The old reasons of the open order: a GListModel of RtkReasonItem that follows the rule chips.
 * Property (read-only): "n-items" (guint). */
G_DECLARE_FINAL_TYPE (RtkReasonList, rtk_reason_list, RTK, REASON_LIST, GObject)

RtkReasonList *rtk_reason_list_new (RtkCheckList *checks) G_GNUC_WARN_UNUSED_RESULT;
void rtk_reason_list_set_reasons (RtkReasonList *self, const RtkReason *reasons, guint n_reasons);

G_END_DECLS
