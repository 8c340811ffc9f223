/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-camera.h"

#include <gst/gst.h>

G_BEGIN_DECLS

#define RTK_TYPE_DEVICE_LIST (rtk_device_list_get_type ())

/* The cameras of this computer as they come and go, then the replay files. Main thread;
 * one at a time in a process, because there is one queue of their messages.
 *
 * Property: "listed" (boolean): the cameras that were there at the start are all in the list. */
G_DECLARE_FINAL_TYPE (RtkDeviceList, rtk_device_list, RTK, DEVICE_LIST, GObject)

RtkDeviceList *rtk_device_list_new (void) G_GNUC_WARN_UNUSED_RESULT;
GListModel    *rtk_device_list_get_model (RtkDeviceList *self);
gboolean       rtk_device_list_is_listed (RtkDeviceList *self);
RtkDevice     *rtk_device_list_find (RtkDeviceList *self, const char *id);
RtkDevice     *rtk_device_list_add_replay (RtkDeviceList *self, const char *path);
GstDevice     *rtk_device_list_get_gst_device (RtkDeviceList *self, RtkDevice *device);
void           rtk_device_list_shutdown (RtkDeviceList *self);

G_END_DECLS
