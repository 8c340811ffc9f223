/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "session/rtk-check-list.h"

#include <adwaita.h>

G_BEGIN_DECLS

#define RTK_TYPE_OVERRIDE_DIALOG (rtk_override_dialog_get_type ())

/* Accepts failing rules by name, with a reason.
 *
 * Signal: "accepted" (GPtrArray of RtkOverride): both fields were filled and the button pressed. */
G_DECLARE_FINAL_TYPE (RtkOverrideDialog, rtk_override_dialog, RTK, OVERRIDE_DIALOG, AdwWindow)

RtkOverrideDialog *rtk_override_dialog_new (
    GtkWindow *parent, RtkCheckList *checks, GArray *failed, const char *name, const char *action);

G_END_DECLS
