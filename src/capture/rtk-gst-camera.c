/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-capture"
#include "config.h"

#include "capture/rtk-gst-camera.h"

#include "capture/rtk-code-scanner.h"
#include "capture/rtk-device-list-private.h"
#include "capture/rtk-pipeline-private.h"
#include "core/rtk-error.h"

#include <string.h>

#define REPLAY_PREFIX "replay:"
#define WATCH_INTERVAL_MS 500
/* pipewiresrc gives neither an error nor an end when its camera dies: it goes quiet. */
#define QUIET_US (2 * G_USEC_PER_SEC)
/* A file does not go quiet; a computer that is busy for a moment must not look like it. */
#define QUIET_REPLAY_US (10 * G_USEC_PER_SEC)
#define START_TIMEOUT_US (10 * G_USEC_PER_SEC)
/* Longer than a file's own time limit, whose error says more. */
#define START_REPLAY_TIMEOUT_US (30 * G_USEC_PER_SEC)
#define FIRST_RETRY_MS 500
#define LAST_RETRY_MS 8000

struct _RtkGstCamera {
  GObject         parent_instance;
  RtkDeviceList  *list;      /* (owned) */
  RtkWorker      *worker;    /* (owned) (nullable): opens, closes, develops; NULL once disposed */
  RtkCodeScanner *scanner;   /* (owned) (nullable): made when scanning is first wanted */
  GMainContext   *context;   /* (owned) */
  RtkPipeline    *pipeline;  /* (owned) (nullable): open or opening */
  char           *wanted_id; /* (owned) (nullable): NULL takes the first there is */
  RtkDevice      *device;    /* (owned) (nullable): in use, or used last */
  GError         *error;     /* (owned) (nullable) */
  RtkCameraState  state;
  RtkOrientation  mounting;
  guint64         last_serial; /* serials go on growing over pipelines */
  guint64         n_dropped;   /* of closed pipelines */
  guint           watch_id;
  guint           retry_id;
  guint           retry_ms; /* the next delay */
  gboolean        is_running;
  gboolean        is_scanning;
};

static void rtk_gst_camera_iface_init (RtkCameraInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (RtkGstCamera,
                               rtk_gst_camera,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (RTK_TYPE_CAMERA, rtk_gst_camera_iface_init))

enum {
  PROP_0,
  PROP_ERROR,
  PROP_LISTED,
  N_PROPS,
  PROP_STATE = N_PROPS,
  PROP_DEVICE,
  PROP_DEVICES,
};

static GParamSpec *properties[N_PROPS];

static void try_open (RtkGstCamera *self);

static void
set_state (RtkGstCamera *self, RtkCameraState state)
{
  if (self->state == state)
    return;
  self->state = state;
  g_debug ("camera is %s", rtk_camera_state_to_string (state));
  g_object_notify (G_OBJECT (self), "state");
}

static void
set_device (RtkGstCamera *self, RtkDevice *device)
{
  if (g_set_object (&self->device, device))
    g_object_notify (G_OBJECT (self), "device");
}

static void
set_error (RtkGstCamera *self, const GError *error)
{
  if (self->error == NULL && error == NULL)
    return;
  g_clear_error (&self->error);
  self->error = error != NULL ? g_error_copy (error) : NULL;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ERROR]);
}

static gboolean
is_replay (RtkDevice *device)
{
  return device != NULL && rtk_device_get_kind (device) == RTK_DEVICE_REPLAY;
}

/* Whether the very device is still there: one that was unplugged and plugged in again has the same
 * id and is another object. */
static gboolean
is_there (RtkGstCamera *self, RtkDevice *device)
{
  return device != NULL && rtk_device_list_find (self->list, rtk_device_get_id (device)) == device;
}

static void
close_pipeline (RtkGstCamera *self)
{
  g_clear_handle_id (&self->watch_id, g_source_remove);
  g_clear_handle_id (&self->retry_id, g_source_remove);
  if (self->pipeline == NULL)
    return;
  self->last_serial = rtk_mailbox_get_serial (rtk_pipeline_get_mailbox (self->pipeline));
  self->n_dropped += rtk_mailbox_get_dropped (rtk_pipeline_get_mailbox (self->pipeline));
  rtk_pipeline_close (g_steal_pointer (&self->pipeline));
}

static gboolean
retry_cb (gpointer user_data)
{
  RtkGstCamera *self = user_data;

  self->retry_id = 0;
  try_open (self);
  return G_SOURCE_REMOVE;
}

/* Gives the source up for now; what is not the file's own fault is tried again, ever more seldom.
 */
static void
give_up (RtkGstCamera *self, const GError *error)
{
  RtkCameraState state = RTK_CAMERA_LOST;

  close_pipeline (self);
  set_error (self, error);
  if (is_replay (self->device) && !g_error_matches (error, RTK_ERROR, RTK_ERROR_CAMERA_LOST))
    state = RTK_CAMERA_FAILED;
  else if (g_error_matches (error, RTK_ERROR, RTK_ERROR_CAMERA_BUSY))
    state = RTK_CAMERA_BUSY;
  else if (g_error_matches (error, RTK_ERROR, RTK_ERROR_BACKEND))
    state = RTK_CAMERA_FAILED;
  if (state != RTK_CAMERA_FAILED) {
    self->retry_id = g_timeout_add (self->retry_ms, retry_cb, self);
    self->retry_ms = MIN (self->retry_ms * 2, LAST_RETRY_MS);
  }
  set_state (self, state);
}

static gboolean
watch_cb (gpointer user_data)
{
  RtkGstCamera *self = user_data;
  gint64        quiet = g_get_monotonic_time () -
                 rtk_mailbox_get_last_time (rtk_pipeline_get_mailbox (self->pipeline));
  gint64 limit = is_replay (self->device) ? QUIET_REPLAY_US : QUIET_US;
  g_autoptr (GError) error = NULL;

  if (self->state != RTK_CAMERA_LIVE)
    limit = is_replay (self->device) ? START_REPLAY_TIMEOUT_US : START_TIMEOUT_US;
  if (quiet <= limit)
    return G_SOURCE_CONTINUE;

  self->watch_id = 0;
  error = g_error_new (RTK_ERROR, RTK_ERROR_CAMERA_LOST, "the camera gives no pictures");
  give_up (self, error);
  return G_SOURCE_REMOVE;
}

static void
frame_cb (RtkFrame *frame, gpointer owner)
{
  g_autoptr (RtkGstCamera) self = g_object_ref (owner);

  if (self->state != RTK_CAMERA_LIVE) {
    self->retry_ms = FIRST_RETRY_MS;
    set_error (self, NULL);
    set_state (self, RTK_CAMERA_LIVE);
  }
  if (self->is_scanning)
    rtk_code_scanner_offer (self->scanner, frame);
  rtk_camera_emit_frame (RTK_CAMERA (self), frame);
}

static void
failed_cb (const GError *error, gpointer owner)
{
  g_autoptr (RtkGstCamera) self = g_object_ref (owner);

  g_debug ("camera failed: %s", error->message);
  give_up (self, error);
}

static const RtkPipelineFuncs pipeline_funcs = {.frame = frame_cb, .failed = failed_cb};

/* The device to open. With none chosen, a file does not take the place of a real camera that was
 * unplugged: the operator would photograph a recording. */
static RtkDevice *
pick_device (RtkGstCamera *self)
{
  GListModel *devices = rtk_device_list_get_model (self->list);
  g_autoptr (RtkDevice) first = NULL;

  if (self->wanted_id != NULL)
    return rtk_device_list_find (self->list, self->wanted_id);
  if (self->device != NULL) {
    RtkDevice *same = rtk_device_list_find (self->list, rtk_device_get_id (self->device));

    if (same != NULL)
      return same;
  }
  first = g_list_model_get_item (devices, 0);
  if (is_replay (first) && (!rtk_device_list_is_listed (self->list) ||
                            (self->device != NULL && !is_replay (self->device))))
    return NULL;
  return first;
}

static void
try_open (RtkGstCamera *self)
{
  RtkDevice *device;
  GstDevice *gst;

  if (!self->is_running || self->pipeline != NULL)
    return;
  g_clear_handle_id (&self->retry_id, g_source_remove);
  device = pick_device (self);
  if (device == NULL) {
    if (!rtk_device_list_is_listed (self->list))
      set_state (self, RTK_CAMERA_STARTING);
    else
      set_state (self, self->device != NULL ? RTK_CAMERA_LOST : RTK_CAMERA_NONE);
    return;
  }

  set_device (self, device);
  self->pipeline =
      rtk_pipeline_new (self->worker, self->context, &pipeline_funcs, self, self->last_serial);
  rtk_mailbox_set_orientation (rtk_pipeline_get_mailbox (self->pipeline), self->mounting);
  gst = rtk_device_list_get_gst_device (self->list, device);
  if (gst != NULL)
    rtk_pipeline_open_device (self->pipeline, gst);
  else
    rtk_pipeline_open_replay (self->pipeline, rtk_device_get_id (device) + strlen (REPLAY_PREFIX));
  self->watch_id = g_timeout_add (WATCH_INTERVAL_MS, watch_cb, self);
  /* A lost or busy camera that is tried again stays so until it gives a frame. */
  if (self->state != RTK_CAMERA_LOST && self->state != RTK_CAMERA_BUSY)
    set_state (self, RTK_CAMERA_STARTING);
}

static void
devices_changed_cb (GListModel *model, guint position, guint removed, guint added, gpointer data)
{
  RtkGstCamera *self = data;

  if (!self->is_running)
    return;
  if (self->pipeline != NULL && !is_there (self, self->device)) {
    g_autoptr (GError) error =
        g_error_new (RTK_ERROR, RTK_ERROR_CAMERA_LOST, "the camera was unplugged");

    self->retry_ms = FIRST_RETRY_MS;
    give_up (self, error);
  }
  if (added > 0 && self->state != RTK_CAMERA_FAILED) {
    self->retry_ms = FIRST_RETRY_MS;
    try_open (self);
  }
}

static void
listed_cb (RtkGstCamera *self)
{
  try_open (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_LISTED]);
}

static void
code_cb (RtkGstCamera *self, const char *symbology, const char *payload)
{
  if (self->is_scanning)
    rtk_camera_emit_code (RTK_CAMERA (self), symbology, payload);
}

static void
rtk_gst_camera_select (RtkCamera *camera, const char *device_id)
{
  RtkGstCamera *self = RTK_GST_CAMERA (camera);

  close_pipeline (self);
  g_free (self->wanted_id);
  self->wanted_id = g_strdup (device_id);
  set_device (self, NULL);
  set_error (self, NULL);
  self->retry_ms = FIRST_RETRY_MS;
  /* What was read from the other camera says nothing about this one. */
  if (self->scanner != NULL)
    rtk_code_scanner_forget (self->scanner);
  if (self->is_running)
    set_state (self, RTK_CAMERA_STARTING);
  /* Opens it by the change of the list, when it is new there. */
  if (self->wanted_id != NULL && g_str_has_prefix (self->wanted_id, REPLAY_PREFIX))
    rtk_device_list_add_replay (self->list, self->wanted_id + strlen (REPLAY_PREFIX));
  try_open (self);
}

static void
rtk_gst_camera_start (RtkCamera *camera)
{
  RtkGstCamera *self = RTK_GST_CAMERA (camera);

  if (self->is_running)
    return;
  self->is_running = TRUE;
  self->retry_ms = FIRST_RETRY_MS;
  set_state (self, RTK_CAMERA_STARTING);
  try_open (self);
}

static void
rtk_gst_camera_stop (RtkCamera *camera)
{
  RtkGstCamera *self = RTK_GST_CAMERA (camera);

  self->is_running = FALSE;
  close_pipeline (self);
  if (self->scanner != NULL)
    rtk_code_scanner_forget (self->scanner);
  set_error (self, NULL);
  set_state (self, RTK_CAMERA_OFF);
}

static void
rtk_gst_camera_set_scanning (RtkCamera *camera, gboolean scanning)
{
  RtkGstCamera *self = RTK_GST_CAMERA (camera);

  if (self->is_scanning == !!scanning)
    return;
  self->is_scanning = !!scanning;
  if (self->scanner == NULL) {
    self->scanner = rtk_code_scanner_new ();
    g_signal_connect_object (self->scanner, "code", G_CALLBACK (code_cb), self, G_CONNECT_SWAPPED);
  } else if (!scanning) {
    rtk_code_scanner_forget (self->scanner);
  }
}

static void
develop_job (GTask *task, gpointer state)
{
  GError   *error = NULL;
  RtkStill *still = rtk_take_develop (g_task_get_task_data (task), &error);

  if (still != NULL)
    g_task_return_pointer (task, still, (GDestroyNotify)rtk_still_unref);
  else
    g_task_return_error (task, error);
}

static void
developed_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError   *error = NULL;
  RtkStill *still = g_task_propagate_pointer (G_TASK (result), &error);

  if (still != NULL)
    g_task_return_pointer (task, still, (GDestroyNotify)rtk_still_unref);
  else
    g_task_return_error (task, error);
}

static void
rtk_gst_camera_capture_async (RtkCamera          *camera,
                              GCancellable       *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer            user_data)
{
  RtkGstCamera *self = RTK_GST_CAMERA (camera);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr (GTask) work = NULL;
  RtkTake *take = NULL;

  g_task_set_source_tag (task, rtk_gst_camera_capture_async);
  if (self->state == RTK_CAMERA_LIVE && self->pipeline != NULL)
    take = rtk_mailbox_take (rtk_pipeline_get_mailbox (self->pipeline));
  if (take == NULL) {
    g_task_return_new_error (task, RTK_ERROR, RTK_ERROR_CAMERA_LOST,
                             "the camera gives no pictures");
    return;
  }
  /* Two tasks: the one that holds the camera never goes to the worker, so the camera does not
   * outlive its last answer. */
  work = g_task_new (NULL, cancellable, developed_cb, g_steal_pointer (&task));
  g_task_set_task_data (work, take, (GDestroyNotify)rtk_take_free);
  rtk_worker_push (self->worker, work, develop_job);
}

static RtkStill *
rtk_gst_camera_capture_finish (RtkCamera *camera, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, camera), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_gst_camera_capture_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
rtk_gst_camera_iface_init (RtkCameraInterface *iface)
{
  iface->select = rtk_gst_camera_select;
  iface->start = rtk_gst_camera_start;
  iface->stop = rtk_gst_camera_stop;
  iface->set_scanning = rtk_gst_camera_set_scanning;
  iface->capture_async = rtk_gst_camera_capture_async;
  iface->capture_finish = rtk_gst_camera_capture_finish;
}

static void
rtk_gst_camera_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  RtkGstCamera *self = RTK_GST_CAMERA (object);

  switch (id) {
  case PROP_STATE:
    g_value_set_int (value, (int)self->state);
    break;
  case PROP_DEVICE:
    g_value_set_object (value, self->device);
    break;
  case PROP_DEVICES:
    g_value_set_object (value, rtk_device_list_get_model (self->list));
    break;
  case PROP_ERROR:
    g_value_set_boxed (value, self->error);
    break;
  case PROP_LISTED:
    g_value_set_boolean (value, rtk_device_list_is_listed (self->list));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
rtk_gst_camera_dispose (GObject *object)
{
  RtkGstCamera *self = RTK_GST_CAMERA (object);

  self->is_running = FALSE;
  if (self->worker != NULL)
    close_pipeline (self);
  g_clear_object (&self->scanner);
  g_clear_pointer (&self->worker, rtk_worker_free);
  rtk_device_list_shutdown (self->list);
  G_OBJECT_CLASS (rtk_gst_camera_parent_class)->dispose (object);
}

static void
rtk_gst_camera_finalize (GObject *object)
{
  RtkGstCamera *self = RTK_GST_CAMERA (object);

  g_object_unref (self->list);
  g_clear_object (&self->device);
  g_clear_error (&self->error);
  g_free (self->wanted_id);
  g_main_context_unref (self->context);
  G_OBJECT_CLASS (rtk_gst_camera_parent_class)->finalize (object);
}

static void
rtk_gst_camera_class_init (RtkGstCameraClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags   flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = rtk_gst_camera_get_property;
  object_class->dispose = rtk_gst_camera_dispose;
  object_class->finalize = rtk_gst_camera_finalize;
  properties[PROP_ERROR] = g_param_spec_boxed ("error", NULL, NULL, G_TYPE_ERROR, flags);
  properties[PROP_LISTED] = g_param_spec_boolean ("listed", NULL, NULL, FALSE, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
  g_object_class_override_property (object_class, PROP_STATE, "state");
  g_object_class_override_property (object_class, PROP_DEVICE, "device");
  g_object_class_override_property (object_class, PROP_DEVICES, "devices");
}

static void
rtk_gst_camera_init (RtkGstCamera *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->worker = rtk_worker_new ("rtk-capture", NULL, NULL);
  self->retry_ms = FIRST_RETRY_MS;
  self->list = rtk_device_list_new ();
  g_signal_connect_object (rtk_device_list_get_model (self->list), "items-changed",
                           G_CALLBACK (devices_changed_cb), self, 0);
  g_signal_connect_object (self->list, "notify::listed", G_CALLBACK (listed_cb), self,
                           G_CONNECT_SWAPPED);
}

/**
 * rtk_gst_camera_new:
 *
 * Makes a camera that is off and starts to look for devices. GStreamer is set up on a thread of the
 * camera, because its first start can take long.
 *
 * Returns: (transfer full): a new camera
 */
RtkGstCamera *
rtk_gst_camera_new (void)
{
  return g_object_new (RTK_TYPE_GST_CAMERA, NULL);
}

/**
 * rtk_gst_camera_add_replay:
 * @self: a camera
 * @path: a video file, which is played again and again at its own rate, or a JPEG, PNG or WebP
 *   picture, which is shown as if a camera saw it
 * @error: return location for %RTK_ERROR_NOT_FOUND
 *
 * Adds a file to "devices", with the id "replay:PATH". Whether it can be played shows when it is
 * selected and started: the state is FAILED when not.
 *
 * Returns: %FALSE when there is no such file
 */
gboolean
rtk_gst_camera_add_replay (RtkGstCamera *self, const char *path, GError **error)
{
  g_return_val_if_fail (RTK_IS_GST_CAMERA (self) && path != NULL, FALSE);

  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND, "there is no replay file at this path");
    return FALSE;
  }
  rtk_device_list_add_replay (self->list, path);
  return TRUE;
}

/**
 * rtk_gst_camera_set_mounting:
 * @self: a camera
 * @rotation: degrees clockwise that a picture has to be turned to stand upright: 0, 90, 180 or 270
 * @mirrored: whether the source gives a mirror image; it is mirrored back before it is turned
 *
 * Sets the camera's profile. It holds for preview and stills alike, from the next frame on, and is
 * recorded in the intake of a still.
 */
void
rtk_gst_camera_set_mounting (RtkGstCamera *self, int rotation, gboolean mirrored)
{
  g_return_if_fail (RTK_IS_GST_CAMERA (self));
  g_return_if_fail (rotation >= 0 && rotation < 360 && rotation % 90 == 0);

  self->mounting.rotation = rotation;
  self->mounting.mirrored = !!mirrored;
  if (self->pipeline != NULL)
    rtk_mailbox_set_orientation (rtk_pipeline_get_mailbox (self->pipeline), self->mounting);
}

/**
 * rtk_gst_camera_get_error:
 * @self: a camera
 *
 * Returns: (transfer none) (nullable): why the state is LOST, BUSY or FAILED
 */
const GError *
rtk_gst_camera_get_error (RtkGstCamera *self)
{
  g_return_val_if_fail (RTK_IS_GST_CAMERA (self), NULL);
  return self->error;
}

/**
 * rtk_gst_camera_is_listed:
 * @self: a camera
 *
 * Returns: the value of "listed"
 */
gboolean
rtk_gst_camera_is_listed (RtkGstCamera *self)
{
  g_return_val_if_fail (RTK_IS_GST_CAMERA (self), FALSE);
  return rtk_device_list_is_listed (self->list);
}

/**
 * rtk_gst_camera_get_dropped:
 * @self: a camera
 *
 * Returns: how many frames were replaced by a newer one before the main thread came to them
 */
guint64
rtk_gst_camera_get_dropped (RtkGstCamera *self)
{
  g_return_val_if_fail (RTK_IS_GST_CAMERA (self), 0);
  return self->n_dropped +
         (self->pipeline != NULL
              ? rtk_mailbox_get_dropped (rtk_pipeline_get_mailbox (self->pipeline))
              : 0);
}
