/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-image.h"
#include "core/rtk-photo.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * RtkDeviceKind:
 * @RTK_DEVICE_PIPEWIRE: a camera that PipeWire offers
 * @RTK_DEVICE_V4L2: a video device of the kernel
 * @RTK_DEVICE_REPLAY: a video file, or a still that moves a little
 */
typedef enum {
  RTK_DEVICE_PIPEWIRE,
  RTK_DEVICE_V4L2,
  RTK_DEVICE_REPLAY,
} RtkDeviceKind;

#define RTK_TYPE_DEVICE (rtk_device_get_type ())

/* One camera that can be chosen. Immutable. @id is stable over unplugging ("pipewire:NODE",
 * "v4l2:PATH", "replay:FILE"); @name is for people. */
G_DECLARE_FINAL_TYPE (RtkDevice, rtk_device, RTK, DEVICE, GObject)

RtkDevice *
rtk_device_new (RtkDeviceKind kind, const char *id, const char *name) G_GNUC_WARN_UNUSED_RESULT;
RtkDeviceKind rtk_device_get_kind (RtkDevice *self);
const char   *rtk_device_get_id (RtkDevice *self);
const char   *rtk_device_get_name (RtkDevice *self);

/**
 * RtkFrame:
 * @image: BGRA32, upright, at most 1280x720 in its longer orientation, as the source shows it
 * (never mirrored here)
 * @serial: grows by one a frame of the source
 * @time: g_get_monotonic_time() when it arrived
 * @full_width: width of a still taken now
 * @full_height: height of a still taken now
 *
 * One preview frame. Counted, immutable.
 */
typedef struct {
  RtkImage *image;
  guint64   serial;
  gint64    time;
  int       full_width;
  int       full_height;
} RtkFrame;

#define RTK_TYPE_FRAME (rtk_frame_get_type ())

GType     rtk_frame_get_type (void) G_GNUC_CONST;
RtkFrame *rtk_frame_new (RtkImage *image, guint64 serial, gint64 time) G_GNUC_WARN_UNUSED_RESULT;
RtkFrame *rtk_frame_ref (RtkFrame *self);
void      rtk_frame_unref (RtkFrame *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkFrame, rtk_frame_unref)

/**
 * RtkCameraState:
 * @RTK_CAMERA_OFF: not started, or stopped
 * @RTK_CAMERA_STARTING: opening, no frame yet
 * @RTK_CAMERA_LIVE: frames arrive
 * @RTK_CAMERA_LOST: unplugged or quiet; comes back by itself
 * @RTK_CAMERA_BUSY: another program holds it; tried again by itself
 * @RTK_CAMERA_NONE: no camera is there; picked up when one comes
 * @RTK_CAMERA_FAILED: cannot be used (a replay file that is no video); choose another
 */
typedef enum {
  RTK_CAMERA_OFF,
  RTK_CAMERA_STARTING,
  RTK_CAMERA_LIVE,
  RTK_CAMERA_LOST,
  RTK_CAMERA_BUSY,
  RTK_CAMERA_NONE,
  RTK_CAMERA_FAILED,
} RtkCameraState;

#define RTK_TYPE_CAMERA (rtk_camera_get_type ())

/* The camera of a station: a list of devices, one of them chosen, and its frames. Main thread.
 *
 * Properties: "state" (int of RtkCameraState), "device" (RtkDevice, nullable), "devices"
 *   (GListModel of RtkDevice, constant object).
 * Signals: "frame" (RtkFrame): the newest frame, older ones are dropped, never queued;
 *   "code" (char *symbology, char *payload): a code was read; never log the payload. */
G_DECLARE_INTERFACE (RtkCamera, rtk_camera, RTK, CAMERA, GObject)

/**
 * RtkCameraInterface:
 * @select: chooses a device by id; NULL = the first there is
 * @start: opens the chosen device, now or when it comes
 * @stop: closes it
 * @set_scanning: whether frames are searched for codes (about 5 a second)
 * @capture_async: takes a still from the newest full-resolution frame
 * @capture_finish: (transfer full): the still; %RTK_ERROR_CAMERA_LOST when there is no frame
 */
struct _RtkCameraInterface {
  GTypeInterface parent_iface;

  void (*select) (RtkCamera *self, const char *device_id);
  void (*start) (RtkCamera *self);
  void (*stop) (RtkCamera *self);
  void (*set_scanning) (RtkCamera *self, gboolean scanning);
  void (*capture_async) (RtkCamera          *self,
                         GCancellable       *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer            user_data);
  RtkStill *(*capture_finish) (RtkCamera *self, GAsyncResult *result, GError **error);
};

void           rtk_camera_select (RtkCamera *self, const char *device_id);
void           rtk_camera_start (RtkCamera *self);
void           rtk_camera_stop (RtkCamera *self);
void           rtk_camera_set_scanning (RtkCamera *self, gboolean scanning);
void           rtk_camera_capture_async (RtkCamera          *self,
                                         GCancellable       *cancellable,
                                         GAsyncReadyCallback callback,
                                         gpointer            user_data);
RtkStill      *rtk_camera_capture_finish (RtkCamera *self, GAsyncResult *result, GError **error);
RtkCameraState rtk_camera_get_state (RtkCamera *self);
RtkDevice     *rtk_camera_dup_device (RtkCamera *self);
GListModel    *rtk_camera_get_devices (RtkCamera *self);
const char    *rtk_camera_state_to_string (RtkCameraState state);
/* For implementations. */
void rtk_camera_emit_frame (RtkCamera *self, RtkFrame *frame);
void rtk_camera_emit_code (RtkCamera *self, const char *symbology, const char *payload);

G_END_DECLS
