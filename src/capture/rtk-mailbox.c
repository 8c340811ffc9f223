/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-capture"
#include "config.h"

#include "capture/rtk-mailbox-private.h"
#include "capture/rtk-pipeline-private.h"

#include <gst/app/gstappsink.h>

struct _RtkMailbox {
  gatomicrefcount   ref_count;
  GMainContext     *context; /* (owned): where frames are delivered */
  RtkMailboxDeliver deliver;
  gpointer          owner; /* (unowned) (nullable): main thread; NULL once silenced */

  GstElement *size_filter; /* (unowned): in the pipeline; streaming thread */
  GstElement *flip;        /* (unowned): in the pipeline; streaming thread */
  GstBuffer  *last_jpeg;   /* (owned) (nullable): streaming thread */
  GstCaps    *raw_caps;    /* (owned) (nullable): streaming thread */

  GMutex         mutex;
  GstSample     *newest;          /* (owned) (nullable) (lock mutex): not delivered yet */
  gint64         newest_time;     /* (lock mutex): monotonic */
  guint64        newest_serial;   /* (lock mutex) */
  gboolean       is_waking;       /* (lock mutex): a delivery is on its way */
  guint64        n_dropped;       /* (lock mutex) */
  guint64        serial;          /* (lock mutex): of the newest full-size frame */
  GstBuffer     *full;            /* (owned) (nullable) (lock mutex) */
  GstCaps       *full_caps;       /* (owned) (nullable) (lock mutex) */
  GstBuffer     *full_jpeg;       /* (owned) (nullable) (lock mutex) */
  gint64         full_taken_at;   /* (lock mutex) */
  RtkOrientation full_upright;    /* (lock mutex): what @full needs to stand upright */
  RtkOrientation tagged;          /* (lock mutex): what the file says about itself */
  RtkOrientation mounted;         /* (lock mutex): how the camera is mounted */
  gboolean       is_turn_changed; /* (lock mutex) */
};

static void
unref_cb (gpointer data)
{
  rtk_mailbox_unref (data);
}

static gboolean
deliver_cb (gpointer user_data)
{
  RtkMailbox *self = user_data;
  g_autoptr (GstSample) sample = NULL;
  g_autoptr (RtkImage) image = NULL;
  g_autoptr (RtkFrame) frame = NULL;
  RtkOrientation upright;
  GstVideoInfo   info, full_info;
  guint64        serial;
  gint64         time;
  gboolean       knows_full;

  g_mutex_lock (&self->mutex);
  sample = g_steal_pointer (&self->newest);
  serial = self->newest_serial;
  time = self->newest_time;
  upright = self->full_upright;
  knows_full = self->full_caps != NULL && gst_video_info_from_caps (&full_info, self->full_caps);
  self->is_waking = FALSE;
  g_mutex_unlock (&self->mutex);

  if (self->owner == NULL || sample == NULL)
    return G_SOURCE_REMOVE;
  if (!gst_video_info_from_caps (&info, gst_sample_get_caps (sample)))
    return G_SOURCE_REMOVE;
  image = rtk_image_new_from_buffer (gst_sample_get_buffer (sample), &info, RTK_PIXEL_BGRA32);
  if (image == NULL)
    return G_SOURCE_REMOVE;

  frame = rtk_frame_new (image, serial, time);
  if (knows_full) {
    int width, height;

    rtk_video_info_get_square_size (&full_info, &width, &height);
    frame->full_width = rtk_orientation_swaps_sides (upright) ? height : width;
    frame->full_height = rtk_orientation_swaps_sides (upright) ? width : height;
  }
  self->deliver (frame, self->owner);
  return G_SOURCE_REMOVE;
}

/* Streaming thread: puts the newest preview into the mailbox and wakes the main context once. */
static GstFlowReturn
new_sample_cb (GstAppSink *sink, gpointer user_data)
{
  RtkMailbox *self = user_data;
  GstSample  *sample = gst_app_sink_pull_sample (sink);
  gboolean    wake;

  if (sample == NULL)
    return GST_FLOW_EOS;

  g_mutex_lock (&self->mutex);
  if (self->newest != NULL) {
    self->n_dropped++;
    gst_sample_unref (self->newest);
  }
  self->newest = sample;
  self->newest_serial = self->serial;
  self->newest_time = g_get_monotonic_time ();
  wake = !self->is_waking;
  self->is_waking = TRUE;
  g_mutex_unlock (&self->mutex);

  if (wake) {
    g_autoptr (GSource) source = g_idle_source_new ();

    g_source_set_priority (source, G_PRIORITY_DEFAULT);
    g_source_set_callback (source, deliver_cb, rtk_mailbox_ref (self), unref_cb);
    g_source_attach (source, self->context);
  }
  return GST_FLOW_OK;
}

/* Streaming thread, with the lock held. The filter is set before the frame reaches the scaler, so
 * the scaler sees the change together with the frame. */
static void
apply_geometry (RtkMailbox *self)
{
  g_autoptr (GstCaps) caps = NULL;
  GstVideoInfo info;
  int          width, height;

  self->is_turn_changed = FALSE;
  self->full_upright = rtk_orientation_compose (self->tagged, self->mounted);
  g_object_set (self->flip, "video-direction", rtk_orientation_get_method (self->full_upright),
                NULL);
  if (self->raw_caps == NULL || !gst_video_info_from_caps (&info, self->raw_caps))
    return;
  rtk_video_info_get_square_size (&info, &width, &height);
  rtk_pipeline_fit_preview (width, height, &width, &height);
  caps = gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, "BGRA", "width", G_TYPE_INT,
                              width, "height", G_TYPE_INT, height, "pixel-aspect-ratio",
                              GST_TYPE_FRACTION, 1, 1, NULL);
  g_object_set (self->size_filter, "caps", caps, NULL);
}

static void
handle_raw_event (RtkMailbox *self, GstEvent *event)
{
  GstTagList      *tags = NULL;
  GstCaps         *caps = NULL;
  g_autofree char *word = NULL;

  if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS) {
    gst_event_parse_caps (event, &caps);
    gst_caps_replace (&self->raw_caps, caps);
    g_mutex_lock (&self->mutex);
    apply_geometry (self);
    g_mutex_unlock (&self->mutex);
  } else if (GST_EVENT_TYPE (event) == GST_EVENT_TAG) {
    gst_event_parse_tag (event, &tags);
    if (!gst_tag_list_get_string (tags, GST_TAG_IMAGE_ORIENTATION, &word))
      return;
    g_mutex_lock (&self->mutex);
    if (rtk_orientation_from_tag (word, &self->tagged))
      self->is_turn_changed = TRUE;
    g_mutex_unlock (&self->mutex);
  }
}

static GstPadProbeReturn
raw_probe_cb (GstPad *pad, GstPadProbeInfo *probe, gpointer user_data)
{
  RtkMailbox *self = user_data;

  if (GST_PAD_PROBE_INFO_TYPE (probe) & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
    handle_raw_event (self, GST_PAD_PROBE_INFO_EVENT (probe));
    return GST_PAD_PROBE_OK;
  }

  g_mutex_lock (&self->mutex);
  if (self->is_turn_changed)
    apply_geometry (self);
  self->serial++;
  gst_buffer_replace (&self->full, GST_PAD_PROBE_INFO_BUFFER (probe));
  gst_caps_replace (&self->full_caps, self->raw_caps);
  gst_buffer_replace (&self->full_jpeg, self->last_jpeg);
  self->full_taken_at = g_get_real_time ();
  g_mutex_unlock (&self->mutex);
  return GST_PAD_PROBE_OK;
}

/* Remembers what the decoder is about to decode. */
static GstPadProbeReturn
coded_probe_cb (GstPad *pad, GstPadProbeInfo *probe, gpointer user_data)
{
  RtkMailbox *self = user_data;

  gst_buffer_replace (&self->last_jpeg, GST_PAD_PROBE_INFO_BUFFER (probe));
  return GST_PAD_PROBE_OK;
}

/**
 * rtk_mailbox_new:
 * @context: where @deliver is called
 * @deliver: told the newest frame; older ones are dropped
 * @owner: for @deliver
 * @first_serial: the serial before that of the first frame
 *
 * Makes an empty mailbox.
 *
 * Returns: (transfer full): a new mailbox
 */
RtkMailbox *
rtk_mailbox_new (GMainContext     *context,
                 RtkMailboxDeliver deliver,
                 gpointer          owner,
                 guint64           first_serial)
{
  RtkMailbox *self = g_new0 (RtkMailbox, 1);

  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->mutex);
  self->context = g_main_context_ref (context);
  self->deliver = deliver;
  self->owner = owner;
  self->serial = first_serial;
  self->newest_time = g_get_monotonic_time ();
  return self;
}

/**
 * rtk_mailbox_ref:
 * @self: a mailbox
 *
 * Takes one more reference. Any thread.
 *
 * Returns: (transfer full): @self
 */
RtkMailbox *
rtk_mailbox_ref (RtkMailbox *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * rtk_mailbox_unref:
 * @self: (transfer full): a mailbox
 *
 * Gives a reference back; the last one lets the frames go. Any thread.
 */
void
rtk_mailbox_unref (RtkMailbox *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_clear_pointer (&self->newest, gst_sample_unref);
  gst_clear_buffer (&self->full);
  gst_clear_caps (&self->full_caps);
  gst_clear_buffer (&self->full_jpeg);
  gst_clear_buffer (&self->last_jpeg);
  gst_clear_caps (&self->raw_caps);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

/**
 * rtk_mailbox_attach:
 * @self: a mailbox
 * @bin: with the elements "scale", "size", "flip" and "sink", not started
 *
 * Has the frames of @bin put into @self: at full size before "scale", as preview at "sink".
 */
void
rtk_mailbox_attach (RtkMailbox *self, GstBin *bin)
{
  GstAppSinkCallbacks callbacks = {.new_sample = new_sample_cb};
  g_autoptr (GstElement) scale = gst_bin_get_by_name (bin, "scale");
  g_autoptr (GstElement) size = gst_bin_get_by_name (bin, "size");
  g_autoptr (GstElement) flip = gst_bin_get_by_name (bin, "flip");
  g_autoptr (GstElement) sink = gst_bin_get_by_name (bin, "sink");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (scale, "sink");

  /* The bin keeps them for as long as it streams. */
  self->size_filter = size;
  self->flip = flip;
  gst_pad_add_probe (
      pad, (GstPadProbeType)(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
      raw_probe_cb, rtk_mailbox_ref (self), unref_cb);
  gst_app_sink_set_callbacks (GST_APP_SINK (sink), &callbacks, rtk_mailbox_ref (self), unref_cb);
}

/**
 * rtk_mailbox_attach_coded:
 * @self: a mailbox
 * @pad: where the camera's JPEG files pass
 *
 * Has each JPEG kept together with the frame that is decoded from it.
 */
void
rtk_mailbox_attach_coded (RtkMailbox *self, GstPad *pad)
{
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, coded_probe_cb, rtk_mailbox_ref (self),
                     unref_cb);
}

/**
 * rtk_mailbox_silence:
 * @self: a mailbox
 *
 * Delivers nothing any more. Main thread, like the delivery.
 */
void
rtk_mailbox_silence (RtkMailbox *self)
{
  self->owner = NULL;
}

/**
 * rtk_mailbox_set_orientation:
 * @self: a mailbox
 * @orientation: what the mounting of the camera needs to be undone
 *
 * Takes effect with the next frame.
 */
void
rtk_mailbox_set_orientation (RtkMailbox *self, RtkOrientation orientation)
{
  g_mutex_lock (&self->mutex);
  self->mounted = orientation;
  self->is_turn_changed = TRUE;
  g_mutex_unlock (&self->mutex);
}

/**
 * rtk_mailbox_get_last_time:
 * @self: a mailbox
 *
 * Returns: g_get_monotonic_time() when the newest frame came, or when @self was made
 */
gint64
rtk_mailbox_get_last_time (RtkMailbox *self)
{
  gint64 time;

  g_mutex_lock (&self->mutex);
  time = self->newest_time;
  g_mutex_unlock (&self->mutex);
  return time;
}

/**
 * rtk_mailbox_get_serial:
 * @self: a mailbox
 *
 * Returns: serial of the newest frame of the source
 */
guint64
rtk_mailbox_get_serial (RtkMailbox *self)
{
  guint64 serial;

  g_mutex_lock (&self->mutex);
  serial = self->serial;
  g_mutex_unlock (&self->mutex);
  return serial;
}

/**
 * rtk_mailbox_get_dropped:
 * @self: a mailbox
 *
 * Returns: how many frames were replaced by a newer one before the main thread saw them
 */
guint64
rtk_mailbox_get_dropped (RtkMailbox *self)
{
  guint64 n_dropped;

  g_mutex_lock (&self->mutex);
  n_dropped = self->n_dropped;
  g_mutex_unlock (&self->mutex);
  return n_dropped;
}

/**
 * rtk_mailbox_take:
 * @self: a mailbox
 *
 * Takes hold of the newest frame at full size; nothing is copied.
 *
 * Returns: (transfer full) (nullable): what the shutter caught; %NULL before the first frame
 */
RtkTake *
rtk_mailbox_take (RtkMailbox *self)
{
  RtkTake *take = NULL;

  g_mutex_lock (&self->mutex);
  if (self->full != NULL && self->full_caps != NULL) {
    take = g_new0 (RtkTake, 1);
    take->raw = gst_buffer_ref (self->full);
    take->caps = gst_caps_ref (self->full_caps);
    take->jpeg = self->full_jpeg != NULL ? gst_buffer_ref (self->full_jpeg) : NULL;
    take->orientation = self->full_upright;
    take->serial = self->serial;
    take->taken_at = self->full_taken_at;
  }
  g_mutex_unlock (&self->mutex);
  return take;
}
