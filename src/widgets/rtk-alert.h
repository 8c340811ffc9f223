/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/**
 * RtkAlertFunc:
 * @user_data: what was given with it
 *
 * Called when the person agreed, and only then.
 */
typedef void (*RtkAlertFunc) (gpointer user_data);

void rtk_alert_ask (GtkWidget     *parent,
                    const char    *question,
                    const char    *explanation,
                    const char    *agree,
                    RtkAlertFunc   agreed,
                    gpointer       user_data,
                    GDestroyNotify free_user_data);

G_END_DECLS
