/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "session/rtk-status.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define RTK_TYPE_STATUS_LIGHTS (rtk_status_lights_get_type ())

/* Camera, server, outbox and disk at one look: one button for the header bar; its popover says more
 * and what to do. */
G_DECLARE_FINAL_TYPE (RtkStatusLights, rtk_status_lights, RTK, STATUS_LIGHTS, GtkBox)

GtkWidget *rtk_status_lights_new (void);
void       rtk_status_lights_set_status (RtkStatusLights *self, RtkStatus *status);

G_END_DECLS
