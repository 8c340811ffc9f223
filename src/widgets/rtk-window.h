/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-camera.h"
#include "session/rtk-retake-session.h"
#include "session/rtk-status.h"

#include <adwaita.h>

G_BEGIN_DECLS

#define RTK_TYPE_WINDOW (rtk_window_get_type ())

/* The main window: what is under way at the start, then the pages of the station. */
G_DECLARE_FINAL_TYPE (RtkWindow, rtk_window, RTK, WINDOW, AdwApplicationWindow)

RtkWindow *rtk_window_new (GtkApplication *application);
void       rtk_window_set_demo (RtkWindow *self, gboolean demo);
void       rtk_window_show_busy (RtkWindow *self, const char *what);
void       rtk_window_show_problem (RtkWindow *self, const char *title, const char *advice);
void       rtk_window_show_page (RtkWindow *self, GtkWidget *page);
void       rtk_window_show_station (RtkWindow        *self,
                                    RtkRetakeSession *session,
                                    RtkCamera        *camera,
                                    RtkStore         *store,
                                    RtkStatus        *status);
void       rtk_window_set_actor (RtkWindow *self, const char *actor);
void       rtk_window_say (RtkWindow *self, const char *sentence, gboolean with_undo);

/* Makes templates, icons and style known; once, before the first widget. */
void rtk_widgets_init (void);

G_END_DECLS
