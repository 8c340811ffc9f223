/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-camera.h"

G_BEGIN_DECLS

#define RTK_TYPE_GST_CAMERA (rtk_gst_camera_get_type ())

/* The camera of a station by GStreamer: PipeWire's and the kernel's cameras, and replay files.
 * Main thread; opening, closing and stills are done on threads of its own.
 *
 * Properties beside those of RtkCamera: "error" (GError, nullable): why the state is LOST, BUSY or
 *   FAILED; "listed" (boolean): the cameras that were there at the start are all in "devices". */
G_DECLARE_FINAL_TYPE (RtkGstCamera, rtk_gst_camera, RTK, GST_CAMERA, GObject)

RtkGstCamera *rtk_gst_camera_new (void) G_GNUC_WARN_UNUSED_RESULT;
gboolean      rtk_gst_camera_add_replay (RtkGstCamera *self, const char *path, GError **error);
void          rtk_gst_camera_set_mounting (RtkGstCamera *self, int rotation, gboolean mirrored);
const GError *rtk_gst_camera_get_error (RtkGstCamera *self);
gboolean      rtk_gst_camera_is_listed (RtkGstCamera *self);
guint64       rtk_gst_camera_get_dropped (RtkGstCamera *self);

G_END_DECLS
