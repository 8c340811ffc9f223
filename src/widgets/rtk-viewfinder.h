/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-camera.h"
#include "core/rtk-report.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

/**
 * RtkPreviewMode:
 * @RTK_PREVIEW_INSET: the finished photo is shown small, in a corner of the live picture
 * @RTK_PREVIEW_FULL: it is shown in place of the live picture
 * @RTK_PREVIEW_OFF: it is not shown
 *
 * How the finished photo is shown before there is one.
 */
typedef enum {
  RTK_PREVIEW_INSET,
  RTK_PREVIEW_FULL,
  RTK_PREVIEW_OFF,
  RTK_N_PREVIEW_MODES,
} RtkPreviewMode;

#define RTK_TYPE_VIEWFINDER (rtk_viewfinder_get_type ())

/* The live picture with what the rules say drawn over it.
 *
 * Properties: "frame" (RtkFrame, nullable), "camera-state" (int of RtkCameraState), "mirrored"
 * (boolean: only what is seen here), "guided" (boolean: a subject is open, so the overlay shows).
 */
G_DECLARE_FINAL_TYPE (RtkViewfinder, rtk_viewfinder, RTK, VIEWFINDER, GtkWidget)

GtkWidget *rtk_viewfinder_new (void);
void       rtk_viewfinder_set_pack (RtkViewfinder *self, RtkRulePack *pack);
void       rtk_viewfinder_set_frame (RtkViewfinder *self, RtkFrame *frame);
void     rtk_viewfinder_set_judged (RtkViewfinder *self, RtkAnalysis *analysis, RtkReport *report);
void     rtk_viewfinder_set_camera_state (RtkViewfinder *self, RtkCameraState state);
void     rtk_viewfinder_set_mirrored (RtkViewfinder *self, gboolean mirrored);
gboolean rtk_viewfinder_is_mirrored (RtkViewfinder *self);
void     rtk_viewfinder_set_guided (RtkViewfinder *self, gboolean guided);
void     rtk_viewfinder_set_preview (RtkViewfinder *self, RtkImage *image);
void     rtk_viewfinder_set_preview_mode (RtkViewfinder *self, RtkPreviewMode mode);
RtkPreviewMode rtk_viewfinder_get_preview_mode (RtkViewfinder *self);

G_END_DECLS
