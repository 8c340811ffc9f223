/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "session/rtk-retake-session.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define RTK_TYPE_SUBJECT_PANE (rtk_subject_pane_get_type ())

/* Who is open: masked name, school, number, the earlier photo and what was wrong with it. */
G_DECLARE_FINAL_TYPE (RtkSubjectPane, rtk_subject_pane, RTK, SUBJECT_PANE, GtkBox)

GtkWidget *rtk_subject_pane_new (void);
void       rtk_subject_pane_set_session (RtkSubjectPane *self, RtkRetakeSession *session);

G_END_DECLS
