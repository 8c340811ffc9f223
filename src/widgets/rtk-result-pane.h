/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "session/rtk-attempt.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define RTK_TYPE_RESULT_PANE (rtk_result_pane_get_type ())

/* A finished photo beside the same part of the original, both as large as there is room. */
G_DECLARE_FINAL_TYPE (RtkResultPane, rtk_result_pane, RTK, RESULT_PANE, GtkBox)

GtkWidget *rtk_result_pane_new (void);
void       rtk_result_pane_set_attempt (RtkResultPane *self, RtkAttempt *attempt);

G_END_DECLS
