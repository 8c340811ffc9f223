/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-check.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define RTK_TYPE_ADVICE_BOX (rtk_advice_box_get_type ())

/* The one sentence that matters now, large enough to be read from the stool. Always as high as two
 * lines, so that nothing below it moves. */
G_DECLARE_FINAL_TYPE (RtkAdviceBox, rtk_advice_box, RTK, ADVICE_BOX, GtkBox)

void rtk_advice_box_set (
    RtkAdviceBox *self, RtkVerdict verdict, const char *icon, const char *text, const char *detail);

G_END_DECLS
