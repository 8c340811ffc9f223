/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-camera.h"
#include "session/rtk-retake-session.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define RTK_TYPE_RETAKE_PAGE (rtk_retake_page_get_type ())

/* The page where an operator spends the day.
 *
 * Signal: "said" (char *sentence, gboolean with_undo): one thing to say that goes away by itself.
 */
G_DECLARE_FINAL_TYPE (RtkRetakePage, rtk_retake_page, RTK, RETAKE_PAGE, GtkBox)

GtkWidget *rtk_retake_page_new (void);
void       rtk_retake_page_set_station (RtkRetakePage    *self,
                                        RtkRetakeSession *session,
                                        RtkCamera        *camera,
                                        RtkStore         *store);
void       rtk_retake_page_set_actor (RtkRetakePage *self, const char *actor);
gboolean   rtk_retake_page_press_key (RtkRetakePage *self, guint keyval, GdkModifierType modifiers);

G_END_DECLS
