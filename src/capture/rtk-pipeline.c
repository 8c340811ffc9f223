/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-capture"
#include "config.h"

#include "capture/rtk-pipeline-private.h"
#include "capture/rtk-replay-private.h"
#include "core/rtk-error.h"

#include <string.h>

#define PREROLL_TIMEOUT_US (10 * G_USEC_PER_SEC)
#define PREROLL_STEP (250 * GST_MSECOND)

/* All that follows the decoder. No tee: the full-size frame is remembered as it passes, and only
 * the preview flows on. The turn comes after the scaling, where it is cheap. */
#define TAIL                                                                                       \
  "videoconvertscale name=scale method=bilinear2 ! capsfilter name=size ! videoflip name=flip ! "  \
  "appsink name=sink max-buffers=1 drop=true qos=false "
/* The format is asked for, so no decoder has to be looked for. */
#define FOR_RAW_DEVICE "capsfilter name=offer ! " TAIL
#define FOR_JPEG_DEVICE "capsfilter name=offer ! jpegdec ! " TAIL
#define FOR_VIDEO "filesrc name=file ! decodebin name=decode " TAIL
#define FOR_PICTURE "appsrc name=still ! " TAIL

struct _RtkPipeline {
  gatomicrefcount         ref_count;
  GMainContext           *context; /* (owned): where errors are told */
  RtkWorker              *worker;  /* (unowned): outlives every pipeline */
  RtkMailbox             *mailbox; /* (owned): what the streaming thread hands over */
  const RtkPipelineFuncs *funcs;
  gpointer                owner;       /* (unowned) (nullable): main thread; NULL once closed */
  GCancellable           *cancellable; /* (owned): gives up opening */
  GstDevice              *device;      /* (owned) (nullable): set before opening, then constant */
  char                   *path;        /* (owned) (nullable): set before opening, then constant */
  GstElement             *pipeline;    /* (owned) (nullable): worker */
  GSource                *bus;         /* (owned) (nullable): worker */
  gint                    is_linked;   /* (atomic): a video stream was found */
};

static RtkPipeline *
pipeline_ref (RtkPipeline *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

static void
pipeline_unref (gpointer data)
{
  RtkPipeline *self = data;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  rtk_mailbox_unref (self->mailbox);
  g_clear_pointer (&self->device, gst_object_unref);
  g_clear_object (&self->cancellable);
  g_main_context_unref (self->context);
  g_free (self->path);
  g_free (self);
}

/* GStreamer's errors in the terms of core. */
static GError *
translate_error (RtkPipeline *self, const GError *gst_error, const char *debug)
{
  g_autofree char *text = g_strconcat (gst_error->message, " ", debug, NULL);
  g_autofree char *folded = g_ascii_strdown (text, -1);
  RtkError         code = self->path != NULL ? RTK_ERROR_BAD_PICTURE : RTK_ERROR_CAMERA_LOST;

  if (self->path == NULL &&
      (g_error_matches (gst_error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY) ||
       strstr (folded, "busy") != NULL))
    code = RTK_ERROR_CAMERA_BUSY;
  return g_error_new (RTK_ERROR, (int)code, "%s: %s",
                      self->path != NULL ? "the replay file cannot be played" : "the camera failed",
                      gst_error->message);
}

static GError *
translate_message (RtkPipeline *self, GstMessage *message)
{
  g_autoptr (GError) gst_error = NULL;
  g_autofree char *debug = NULL;

  gst_message_parse_error (message, &gst_error, &debug);
  return translate_error (self, gst_error, debug);
}

static void
pad_added_cb (GstElement *decode, GstPad *pad, gpointer user_data)
{
  RtkPipeline *self = user_data;
  g_autoptr (GstElement) scale =
      gst_bin_get_by_name (GST_BIN (GST_ELEMENT_PARENT (decode)), "scale");
  g_autoptr (GstPad) sink = gst_element_get_static_pad (scale, "sink");

  if (!gst_pad_is_linked (sink) && gst_pad_link (pad, sink) == GST_PAD_LINK_OK)
    g_atomic_int_set (&self->is_linked, TRUE);
}

static void
no_more_pads_cb (GstElement *decode, gpointer user_data)
{
  RtkPipeline *self = user_data;

  if (!g_atomic_int_get (&self->is_linked))
    GST_ELEMENT_ERROR (decode, STREAM, WRONG_TYPE, ("There is no picture in the stream."), (NULL));
}

static void
seek_job (GTask *task, gpointer state)
{
  RtkPipeline *self = g_task_get_task_data (task);
  GstSeekFlags flags = (GstSeekFlags)GPOINTER_TO_INT (g_object_get_data (G_OBJECT (task), "fl"));

  if (self->pipeline != NULL && !gst_element_seek (self->pipeline, 1.0, GST_FORMAT_TIME, flags,
                                                   GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_NONE, -1)) {
    /* A file that cannot be sought in is played from the start by opening it anew. */
    gst_element_set_state (self->pipeline, GST_STATE_READY);
    gst_element_set_state (self->pipeline, GST_STATE_PLAYING);
  }
  g_task_return_boolean (task, TRUE);
}

static void
play_again (RtkPipeline *self, GstSeekFlags flags)
{
  g_autoptr (GTask) task = g_task_new (NULL, self->cancellable, NULL, NULL);

  g_task_set_task_data (task, pipeline_ref (self), pipeline_unref);
  g_object_set_data (G_OBJECT (task), "fl", GINT_TO_POINTER ((int)flags));
  rtk_worker_push (self->worker, task, seek_job);
}

static gboolean
bus_cb (GstBus *bus, GstMessage *message, gpointer user_data)
{
  RtkPipeline *self = user_data;

  if (self->owner == NULL)
    return G_SOURCE_REMOVE;
  switch ((int)GST_MESSAGE_TYPE (message)) {
  case GST_MESSAGE_ERROR: {
    g_autoptr (GError) error = translate_message (self, message);

    self->funcs->failed (error, self->owner);
    return G_SOURCE_REMOVE;
  }
  case GST_MESSAGE_SEGMENT_DONE:
    /* No flush: what is decoded is still shown while the next round begins. */
    play_again (self, GST_SEEK_FLAG_SEGMENT);
    break;
  case GST_MESSAGE_EOS:
    if (self->path != NULL) {
      play_again (self, GST_SEEK_FLAG_FLUSH);
    } else {
      g_autoptr (GError) error =
          g_error_new (RTK_ERROR, RTK_ERROR_CAMERA_LOST, "the camera ended its stream");

      self->funcs->failed (error, self->owner);
      return G_SOURCE_REMOVE;
    }
    break;
  default:
    break;
  }
  return G_SOURCE_CONTINUE;
}

static void
watch_bus (RtkPipeline *self)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (self->pipeline);

  self->bus = gst_bus_create_watch (bus);
  g_source_set_callback (self->bus, G_SOURCE_FUNC (bus_cb), pipeline_ref (self), pipeline_unref);
  g_source_attach (self->bus, self->context);
}

static void
connect_tail (RtkPipeline *self, gboolean sync)
{
  g_autoptr (GstElement) decode = gst_bin_get_by_name (GST_BIN (self->pipeline), "decode");
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (self->pipeline), "sink");

  g_object_set (sink, "sync", sync, NULL);
  rtk_mailbox_attach (self->mailbox, GST_BIN (self->pipeline));
  if (decode != NULL) {
    g_signal_connect (decode, "pad-added", G_CALLBACK (pad_added_cb), self);
    g_signal_connect (decode, "no-more-pads", G_CALLBACK (no_more_pads_cb), self);
  }
}

static gboolean
build (RtkPipeline *self, const char *description, gboolean sync, GError **error)
{
  g_autoptr (GError) gst_error = NULL;
  GstElement *pipeline =
      gst_parse_launch_full (description, NULL, GST_PARSE_FLAG_FATAL_ERRORS, &gst_error);

  if (pipeline == NULL) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BACKEND, "a part of GStreamer is missing: %s",
                 gst_error->message);
    return FALSE;
  }
  self->pipeline = gst_object_ref_sink (pipeline);
  connect_tail (self, sync);
  return TRUE;
}

static void
close_now (RtkPipeline *self)
{
  if (self->bus != NULL)
    g_source_destroy (self->bus);
  g_clear_pointer (&self->bus, g_source_unref);
  if (self->pipeline != NULL)
    gst_element_set_state (self->pipeline, GST_STATE_NULL);
  g_clear_pointer (&self->pipeline, gst_object_unref);
}

static gboolean
open_device (RtkPipeline *self, GError **error)
{
  g_autoptr (GstElement) offer = NULL;
  g_autoptr (GstPad) coded = NULL;
  g_autoptr (GstCaps) offered = gst_device_get_caps (self->device);
  g_autoptr (GstCaps) chosen = rtk_pipeline_choose_caps (offered);
  gboolean    jpeg = gst_structure_has_name (gst_caps_get_structure (chosen, 0), "image/jpeg");
  GstElement *source;

  if (!build (self, jpeg ? FOR_JPEG_DEVICE : FOR_RAW_DEVICE, FALSE, error))
    return FALSE;
  source = gst_device_create_element (self->device, NULL);
  if (source == NULL) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_CAMERA_LOST, "the camera cannot be opened");
    return FALSE;
  }
  /* The memory of a PipeWire buffer goes away with the camera, but the newest frame is kept. */
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (source), "always-copy") != NULL)
    g_object_set (source, "always-copy", TRUE, NULL);

  offer = gst_bin_get_by_name (GST_BIN (self->pipeline), "offer");
  g_object_set (offer, "caps", chosen, NULL);
  if (jpeg) {
    coded = gst_element_get_static_pad (offer, "src");
    rtk_mailbox_attach_coded (self->mailbox, coded);
  }
  gst_bin_add (GST_BIN (self->pipeline), source);
  if (!gst_element_link (source, offer)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_CAMERA_LOST, "the camera's format is not known");
    return FALSE;
  }
  watch_bus (self);
  gst_element_set_state (self->pipeline, GST_STATE_PLAYING);
  return TRUE;
}

static gboolean
wait_for_preroll (RtkPipeline *self, GError **error)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (self->pipeline);
  gint64 deadline = g_get_monotonic_time () + PREROLL_TIMEOUT_US;

  gst_element_set_state (self->pipeline, GST_STATE_PAUSED);
  while (g_get_monotonic_time () < deadline) {
    g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (
        bus, PREROLL_STEP,
        (GstMessageType)(GST_MESSAGE_ASYNC_DONE | GST_MESSAGE_ERROR | GST_MESSAGE_EOS));

    if (g_cancellable_set_error_if_cancelled (self->cancellable, error))
      return FALSE;
    if (message == NULL)
      continue;
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ASYNC_DONE)
      return TRUE;
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS)
      break;
    g_propagate_error (error, translate_message (self, message));
    return FALSE;
  }
  g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_PICTURE, "the replay file gives no picture");
  return FALSE;
}

static gboolean
open_replay (RtkPipeline *self, GError **error)
{
  gboolean is_picture = FALSE;

  if (!rtk_replay_file_is_picture (self->path, &is_picture, error))
    return FALSE;
  if (is_picture) {
    g_autoptr (GstElement) source = NULL;

    if (!build (self, FOR_PICTURE, TRUE, error))
      return FALSE;
    source = gst_bin_get_by_name (GST_BIN (self->pipeline), "still");
    if (!rtk_replay_feed_picture (GST_APP_SRC (source), self->path, error))
      return FALSE;
  } else {
    g_autoptr (GstElement) file = NULL;

    if (!build (self, FOR_VIDEO, TRUE, error))
      return FALSE;
    file = gst_bin_get_by_name (GST_BIN (self->pipeline), "file");
    g_object_set (file, "location", self->path, NULL);
    if (!wait_for_preroll (self, error))
      return FALSE;
    /* Where this is refused the end of the file comes as EOS, and bus_cb() begins again. */
    gst_element_seek (self->pipeline, 1.0, GST_FORMAT_TIME,
                      (GstSeekFlags)(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_SEGMENT),
                      GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_NONE, -1);
  }
  watch_bus (self);
  gst_element_set_state (self->pipeline, GST_STATE_PLAYING);
  return TRUE;
}

static void
open_job (GTask *task, gpointer state)
{
  RtkPipeline *self = g_task_get_task_data (task);
  GError      *error = NULL;
  gboolean     ok = gst_init_check (NULL, NULL, &error);

  if (ok)
    ok = self->path != NULL ? open_replay (self, &error) : open_device (self, &error);
  if (ok) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  close_now (self);
  g_task_return_error (task, error);
}

static void
opened_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  RtkPipeline *self = user_data;
  g_autoptr (GError) error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error) && self->owner != NULL)
    self->funcs->failed (error, self->owner);
  pipeline_unref (self);
}

static void
push_open (RtkPipeline *self)
{
  g_autoptr (GTask) task = g_task_new (NULL, self->cancellable, opened_cb, pipeline_ref (self));

  g_task_set_task_data (task, pipeline_ref (self), pipeline_unref);
  rtk_worker_push (self->worker, task, open_job);
}

/**
 * rtk_pipeline_new:
 * @worker: where opening and closing, which can block, are done; outlives the pipeline
 * @context: where @funcs are called
 * @funcs: what to tell; static
 * @owner: for @funcs
 * @first_serial: the serial before that of the first frame
 *
 * Prepares a pipeline; one of the open functions gives it its source.
 *
 * Returns: (transfer full): a pipeline, to be ended with rtk_pipeline_close()
 */
RtkPipeline *
rtk_pipeline_new (RtkWorker              *worker,
                  GMainContext           *context,
                  const RtkPipelineFuncs *funcs,
                  gpointer                owner,
                  guint64                 first_serial)
{
  RtkPipeline *self = g_new0 (RtkPipeline, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->worker = worker;
  self->context = g_main_context_ref (context);
  self->funcs = funcs;
  self->owner = owner;
  self->cancellable = g_cancellable_new ();
  self->mailbox = rtk_mailbox_new (context, funcs->frame, owner, first_serial);
  return self;
}

/**
 * rtk_pipeline_open_device:
 * @self: a pipeline that has no source yet
 * @device: a camera
 *
 * Opens @device. What comes of it is told as frames or as a failure.
 */
void
rtk_pipeline_open_device (RtkPipeline *self, GstDevice *device)
{
  self->device = gst_object_ref (device);
  push_open (self);
}

/**
 * rtk_pipeline_open_replay:
 * @self: a pipeline that has no source yet
 * @path: a video file or a picture
 *
 * Opens the file at @path as a camera: a video again and again at its own rate, a picture with a
 * slight drift.
 */
void
rtk_pipeline_open_replay (RtkPipeline *self, const char *path)
{
  self->path = g_strdup (path);
  push_open (self);
}

static void
close_job (GTask *task, gpointer state)
{
  close_now (g_task_get_task_data (task));
  g_task_return_boolean (task, TRUE);
}

/**
 * rtk_pipeline_close:
 * @self: (transfer full): a pipeline
 *
 * Closes the source, on the worker. The owner is told nothing any more.
 */
void
rtk_pipeline_close (RtkPipeline *self)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, NULL, NULL);

  self->owner = NULL;
  rtk_mailbox_silence (self->mailbox);
  g_cancellable_cancel (self->cancellable);
  g_task_set_task_data (task, self, pipeline_unref);
  rtk_worker_push (self->worker, task, close_job);
}

/**
 * rtk_pipeline_get_mailbox:
 * @self: a pipeline
 *
 * Returns: (transfer none): where its frames arrive
 */
RtkMailbox *
rtk_pipeline_get_mailbox (RtkPipeline *self)
{
  return self->mailbox;
}
