/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-clock.h"
#include "session/rtk-check-item.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* How long a new verdict must hold before a chip shows it, and how long a piece of advice stays
 * before another may take its place. */
#define RTK_CHECK_LIST_HOLD_MS 300
#define RTK_CHECK_LIST_ADVICE_MS 1000

#define RTK_TYPE_CHECK_LIST (rtk_check_list_get_type ())

/* The rule chips: a GListModel of RtkCheckItem in the order of the pack, which never reorders.
 *
 * Properties (read-only): "ready" (boolean: no blocking rule fails, steadily), "first-to-mend"
 *   (RtkCheckItem, nullable: changes at most once a second), "n-items" (guint).
 * Signal: "changed" (): at least one verdict that is shown is another one now. */
G_DECLARE_FINAL_TYPE (RtkCheckList, rtk_check_list, RTK, CHECK_LIST, GObject)

RtkCheckList *rtk_check_list_new (RtkClock *clock, RtkRulePack *pack) G_GNUC_WARN_UNUSED_RESULT;
void          rtk_check_list_set_pack (RtkCheckList *self, RtkRulePack *pack);
/* A newer report of the live view: verdicts are steadied. */
void rtk_check_list_push (RtkCheckList *self, RtkReport *report);
/* Another picture altogether, or none (NULL: everything unknown): shown at once. */
void          rtk_check_list_reset (RtkCheckList *self, RtkReport *report);
void          rtk_check_list_settle (RtkCheckList *self);
RtkCheckItem *rtk_check_list_find (RtkCheckList *self, RtkCheckId id);
gboolean      rtk_check_list_is_ready (RtkCheckList *self);
RtkCheckItem *rtk_check_list_get_first_to_mend (RtkCheckList *self);

G_END_DECLS
