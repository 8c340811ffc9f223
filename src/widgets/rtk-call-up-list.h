/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-store.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define RTK_TYPE_CALL_UP_LIST (rtk_call_up_list_get_type ())

/* Who waits for a retake, with one entry above that takes a scanned code, a name or a number.
 *
 * Signals: "open-order" (char *order_id): one of the list was picked; "open-code" (char *code):
 *   Enter was pressed in the entry, which is emptied: never log it. */
G_DECLARE_FINAL_TYPE (RtkCallUpList, rtk_call_up_list, RTK, CALL_UP_LIST, GtkBox)

GtkWidget *rtk_call_up_list_new (void);
void       rtk_call_up_list_set_store (RtkCallUpList *self, RtkStore *store);
void       rtk_call_up_list_focus_entry (RtkCallUpList *self);
gboolean   rtk_call_up_list_open_only_match (RtkCallUpList *self);

G_END_DECLS
