/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "session/rtk-check-item.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define RTK_TYPE_CHECK_ROW (rtk_check_row_get_type ())

/* One rule as a chip: shape, name, word and colour of the verdict; the number is in the tooltip and
 * beside a failure. */
G_DECLARE_FINAL_TYPE (RtkCheckRow, rtk_check_row, RTK, CHECK_ROW, GtkBox)

GtkWidget    *rtk_check_row_new (RtkCheckItem *item);
RtkCheckItem *rtk_check_row_get_item (RtkCheckRow *self);

G_END_DECLS
