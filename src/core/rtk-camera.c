/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-camera.h"

struct _RtkDevice {
  GObject       parent_instance;
  RtkDeviceKind kind;
  char         *id;   /* (owned) */
  char         *name; /* (owned) */
};

G_DEFINE_FINAL_TYPE (RtkDevice, rtk_device, G_TYPE_OBJECT)
G_DEFINE_BOXED_TYPE (RtkFrame, rtk_frame, rtk_frame_ref, rtk_frame_unref)
G_DEFINE_INTERFACE (RtkCamera, rtk_camera, G_TYPE_OBJECT)

enum {
  SIGNAL_FRAME,
  SIGNAL_CODE,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

static void
rtk_device_finalize (GObject *object)
{
  RtkDevice *self = RTK_DEVICE (object);

  g_free (self->id);
  g_free (self->name);
  G_OBJECT_CLASS (rtk_device_parent_class)->finalize (object);
}

static void
rtk_device_class_init (RtkDeviceClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = rtk_device_finalize;
}

static void
rtk_device_init (RtkDevice *self)
{
}

static void
frame_clear (RtkFrame *self)
{
  rtk_image_unref (self->image);
}

static void
rtk_camera_default_init (RtkCameraInterface *iface)
{
  GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  g_object_interface_install_property (iface,
                                       g_param_spec_int ("state", NULL, NULL, RTK_CAMERA_OFF,
                                                         RTK_CAMERA_FAILED, RTK_CAMERA_OFF, flags));
  g_object_interface_install_property (
      iface, g_param_spec_object ("device", NULL, NULL, RTK_TYPE_DEVICE, flags));
  g_object_interface_install_property (
      iface, g_param_spec_object ("devices", NULL, NULL, G_TYPE_LIST_MODEL, flags));

  signals[SIGNAL_FRAME] = g_signal_new ("frame", RTK_TYPE_CAMERA, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                        NULL, G_TYPE_NONE, 1, RTK_TYPE_FRAME);
  signals[SIGNAL_CODE] = g_signal_new ("code", RTK_TYPE_CAMERA, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                       NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_STRING);
}

/**
 * rtk_device_new:
 * @kind: where the camera comes from
 * @id: what it is chosen by, stable over unplugging
 * @name: for people, UTF-8
 *
 * Describes one camera that can be chosen.
 *
 * Returns: (transfer full): a new device
 */
RtkDevice *
rtk_device_new (RtkDeviceKind kind, const char *id, const char *name)
{
  RtkDevice *self;

  g_return_val_if_fail (id != NULL && name != NULL, NULL);

  self = g_object_new (RTK_TYPE_DEVICE, NULL);
  self->kind = kind;
  self->id = g_strdup (id);
  self->name = g_utf8_make_valid (name, -1);
  return self;
}

/**
 * rtk_device_get_kind:
 * @self: a device
 *
 * Returns: where the camera comes from
 */
RtkDeviceKind
rtk_device_get_kind (RtkDevice *self)
{
  g_return_val_if_fail (RTK_IS_DEVICE (self), RTK_DEVICE_PIPEWIRE);
  return self->kind;
}

/**
 * rtk_device_get_id:
 * @self: a device
 *
 * Returns: (transfer none): what it is chosen by, for rtk_camera_select()
 */
const char *
rtk_device_get_id (RtkDevice *self)
{
  g_return_val_if_fail (RTK_IS_DEVICE (self), NULL);
  return self->id;
}

/**
 * rtk_device_get_name:
 * @self: a device
 *
 * Returns: (transfer none): its name for people, as the device gives it
 */
const char *
rtk_device_get_name (RtkDevice *self)
{
  g_return_val_if_fail (RTK_IS_DEVICE (self), NULL);
  return self->name;
}

/**
 * rtk_frame_new:
 * @image: the picture; a reference is taken
 * @serial: number of the frame in its source
 * @time: g_get_monotonic_time() when it arrived
 *
 * Wraps a preview picture as a frame. The size of a still is that of @image until the maker of the
 * frame sets another, before it hands the frame on.
 *
 * Returns: (transfer full): a new frame
 */
RtkFrame *
rtk_frame_new (RtkImage *image, guint64 serial, gint64 time)
{
  RtkFrame *self;

  g_return_val_if_fail (image != NULL, NULL);

  self = g_atomic_rc_box_new0 (RtkFrame);
  self->image = rtk_image_ref (image);
  self->serial = serial;
  self->time = time;
  self->full_width = rtk_image_get_width (image);
  self->full_height = rtk_image_get_height (image);
  return self;
}

/**
 * rtk_frame_ref:
 * @self: a frame
 *
 * Takes one more reference. Any thread.
 *
 * Returns: (transfer full): @self
 */
RtkFrame *
rtk_frame_ref (RtkFrame *self)
{
  return g_atomic_rc_box_acquire (self);
}

/**
 * rtk_frame_unref:
 * @self: (transfer full): a frame
 *
 * Gives a reference back; the last one lets the camera's buffer go. Any thread.
 */
void
rtk_frame_unref (RtkFrame *self)
{
  g_atomic_rc_box_release_full (self, (GDestroyNotify)frame_clear);
}

/**
 * rtk_camera_select:
 * @self: a camera
 * @device_id: (nullable): id of the device to use; %NULL takes the first there is
 *
 * Chooses a device. A running camera changes over to it. The device need not be there yet.
 */
void
rtk_camera_select (RtkCamera *self, const char *device_id)
{
  g_return_if_fail (RTK_IS_CAMERA (self));
  RTK_CAMERA_GET_IFACE (self)->select (self, device_id);
}

/**
 * rtk_camera_start:
 * @self: a camera
 *
 * Opens the chosen device, now or when it comes. What becomes of it stands in "state".
 */
void
rtk_camera_start (RtkCamera *self)
{
  g_return_if_fail (RTK_IS_CAMERA (self));
  RTK_CAMERA_GET_IFACE (self)->start (self);
}

/**
 * rtk_camera_stop:
 * @self: a camera
 *
 * Closes the device. No "frame" comes after this.
 */
void
rtk_camera_stop (RtkCamera *self)
{
  g_return_if_fail (RTK_IS_CAMERA (self));
  RTK_CAMERA_GET_IFACE (self)->stop (self);
}

/**
 * rtk_camera_set_scanning:
 * @self: a camera
 * @scanning: whether to look for codes
 *
 * Switches the search for codes on or off; "code" tells what was read.
 */
void
rtk_camera_set_scanning (RtkCamera *self, gboolean scanning)
{
  g_return_if_fail (RTK_IS_CAMERA (self));
  RTK_CAMERA_GET_IFACE (self)->set_scanning (self, scanning);
}

/**
 * rtk_camera_capture_async:
 * @self: a camera
 * @cancellable: (nullable): to give up
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Takes a still from the newest frame at full resolution.
 */
void
rtk_camera_capture_async (RtkCamera          *self,
                          GCancellable       *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer            user_data)
{
  g_return_if_fail (RTK_IS_CAMERA (self));
  RTK_CAMERA_GET_IFACE (self)->capture_async (self, cancellable, callback, user_data);
}

/**
 * rtk_camera_capture_finish:
 * @self: a camera
 * @result: what the callback was given
 * @error: return location; %RTK_ERROR_CAMERA_LOST when there is no frame
 *
 * Ends rtk_camera_capture_async().
 *
 * Returns: (transfer full): the still, or %NULL with @error set
 */
RtkStill *
rtk_camera_capture_finish (RtkCamera *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (RTK_IS_CAMERA (self), NULL);
  return RTK_CAMERA_GET_IFACE (self)->capture_finish (self, result, error);
}

/**
 * rtk_camera_get_state:
 * @self: a camera
 *
 * Returns: the value of "state"
 */
RtkCameraState
rtk_camera_get_state (RtkCamera *self)
{
  int state = RTK_CAMERA_OFF;

  g_return_val_if_fail (RTK_IS_CAMERA (self), RTK_CAMERA_OFF);
  g_object_get (self, "state", &state, NULL);
  return (RtkCameraState)state;
}

/**
 * rtk_camera_dup_device:
 * @self: a camera
 *
 * Returns: (transfer full) (nullable): the device in use, or the one waited for when it is known
 */
RtkDevice *
rtk_camera_dup_device (RtkCamera *self)
{
  RtkDevice *device = NULL;

  g_return_val_if_fail (RTK_IS_CAMERA (self), NULL);
  g_object_get (self, "device", &device, NULL);
  return device;
}

/**
 * rtk_camera_get_devices:
 * @self: a camera
 *
 * Returns: (transfer none): the devices that can be chosen now, of #RtkDevice; it lives as long as
 *   @self
 */
GListModel *
rtk_camera_get_devices (RtkCamera *self)
{
  g_autoptr (GListModel) devices = NULL;

  g_return_val_if_fail (RTK_IS_CAMERA (self), NULL);
  g_object_get (self, "devices", &devices, NULL);
  /* The list is the camera's own and never replaced, so the borrowed pointer stays good. */
  return devices;
}

/**
 * rtk_camera_state_to_string:
 * @state: a state
 *
 * Returns: (transfer none): its word in JSON and logs: "off", "starting", "live", "lost", "busy",
 *   "none" or "failed"
 */
const char *
rtk_camera_state_to_string (RtkCameraState state)
{
  switch (state) {
  case RTK_CAMERA_OFF:
    return "off";
  case RTK_CAMERA_STARTING:
    return "starting";
  case RTK_CAMERA_LIVE:
    return "live";
  case RTK_CAMERA_LOST:
    return "lost";
  case RTK_CAMERA_BUSY:
    return "busy";
  case RTK_CAMERA_NONE:
    return "none";
  case RTK_CAMERA_FAILED:
    return "failed";
  default:
    g_return_val_if_reached ("failed");
  }
}

/**
 * rtk_camera_emit_frame:
 * @self: a camera
 * @frame: the newest frame
 *
 * Emits "frame". For implementations, on the main thread.
 */
void
rtk_camera_emit_frame (RtkCamera *self, RtkFrame *frame)
{
  g_return_if_fail (RTK_IS_CAMERA (self) && frame != NULL);
  g_signal_emit (self, signals[SIGNAL_FRAME], 0, frame);
}

/**
 * rtk_camera_emit_code:
 * @self: a camera
 * @symbology: kind of the code, such as "QR-Code"
 * @payload: what it says, UTF-8; personal, never to be logged
 *
 * Emits "code". For implementations, on the main thread.
 */
void
rtk_camera_emit_code (RtkCamera *self, const char *symbology, const char *payload)
{
  g_return_if_fail (RTK_IS_CAMERA (self) && symbology != NULL && payload != NULL);
  g_signal_emit (self, signals[SIGNAL_CODE], 0, symbology, payload);
}
