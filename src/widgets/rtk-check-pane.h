/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "session/rtk-check-list.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define RTK_TYPE_CHECK_PANE (rtk_check_pane_get_type ())

/* All rules as chips, under a line that counts them. While the view is live each keeps its place;
 * for a finished photo the worst come first. */
G_DECLARE_FINAL_TYPE (RtkCheckPane, rtk_check_pane, RTK, CHECK_PANE, GtkBox)

GtkWidget *rtk_check_pane_new (void);
void       rtk_check_pane_set_checks (RtkCheckPane *self, RtkCheckList *checks);
void       rtk_check_pane_set_worst_first (RtkCheckPane *self, gboolean worst_first);

G_END_DECLS
