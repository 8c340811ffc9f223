/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <pipewire/pipewire.h>
#include <signal.h>
#include <spa/param/video/format-utils.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

/* A camera for tests: shows one picture through PipeWire, 30 times a second, until it is killed.
 *
 *   usage: publish-camera NAME FORMAT PICTURE    (FORMAT: I420, YUY2, BGRx or JPEG)
 *
 * GStreamer's own pipewiresink is no camera to test with: a reader that comes in the first
 * milliseconds, or one that leaves, can stop or crash it. */

#define RATE_FPS 30

typedef struct {
  struct pw_main_loop  *loop;
  struct pw_stream     *stream;
  struct spa_source    *timer;
  GBytes               *picture; /* (owned): in the format of the camera */
  int                   width;
  int                   height;
  int                   stride;
  gboolean              is_jpeg;
  enum spa_video_format format;
} Publisher;

static const struct {
  const char           *name;
  enum spa_video_format format;
  const char           *description;
  int                   bytes_per_pixel; /* of the first plane */
} formats[] = {
    {"I420", SPA_VIDEO_FORMAT_I420, "video/x-raw,format=I420", 1},
    {"YUY2", SPA_VIDEO_FORMAT_YUY2, "video/x-raw,format=YUY2", 2},
    {"BGRx", SPA_VIDEO_FORMAT_BGRx, "video/x-raw,format=BGRx", 4},
    {"JPEG", SPA_VIDEO_FORMAT_UNKNOWN,
     "video/x-raw,format=I420,colorimetry=(string)1:4:0:0 ! jpegenc quality=95", 0},
};

/* Reads the picture and turns it into what the camera gives. */
static gboolean
load_picture (Publisher *self, const char *name, const char *path)
{
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    g_autofree char *description = NULL;
    g_autoptr (GstElement) pipeline = NULL;
    g_autoptr (GstElement) sink = NULL;
    g_autoptr (GstElement) file = NULL;
    g_autoptr (GstSample) sample = NULL;
    const GstStructure *structure;
    GstMapInfo          map;

    if (!g_str_equal (formats[i].name, name))
      continue;
    description =
        g_strdup_printf ("filesrc name=file ! pngdec ! videoconvert ! %s ! appsink name=sink",
                         formats[i].description);
    pipeline = gst_object_ref_sink (gst_parse_launch (description, NULL));
    file = gst_bin_get_by_name (GST_BIN (pipeline), "file");
    g_object_set (file, "location", path, NULL);
    sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    sample = gst_app_sink_pull_sample (GST_APP_SINK (sink));
    gst_element_set_state (pipeline, GST_STATE_NULL);
    if (sample == NULL)
      return FALSE;
    structure = gst_caps_get_structure (gst_sample_get_caps (sample), 0);
    gst_structure_get_int (structure, "width", &self->width);
    gst_structure_get_int (structure, "height", &self->height);
    gst_buffer_map (gst_sample_get_buffer (sample), &map, GST_MAP_READ);
    self->picture = g_bytes_new (map.data, map.size);
    gst_buffer_unmap (gst_sample_get_buffer (sample), &map);
    self->format = formats[i].format;
    self->stride = self->width * formats[i].bytes_per_pixel;
    self->is_jpeg = self->stride == 0;
    return TRUE;
  }
  return FALSE;
}

static void
process_cb (void *data)
{
  Publisher        *self = data;
  struct pw_buffer *buffer = pw_stream_dequeue_buffer (self->stream);
  gsize             size;
  gconstpointer     bytes = g_bytes_get_data (self->picture, &size);
  struct spa_data  *plane;

  if (buffer == NULL)
    return;
  plane = &buffer->buffer->datas[0];
  if (plane->data != NULL && plane->maxsize >= size) {
    memcpy (plane->data, bytes, size);
    plane->chunk->offset = 0;
    plane->chunk->size = (uint32_t)size;
    plane->chunk->stride = self->stride;
  }
  pw_stream_queue_buffer (self->stream, buffer);
}

static void
state_changed_cb (void                *data,
                  enum pw_stream_state old,
                  enum pw_stream_state state,
                  const char          *error)
{
  Publisher      *self = data;
  struct timespec interval = {0,
                              state == PW_STREAM_STATE_STREAMING ? SPA_NSEC_PER_SEC / RATE_FPS : 0};

  if (state == PW_STREAM_STATE_ERROR || state == PW_STREAM_STATE_UNCONNECTED) {
    pw_main_loop_quit (self->loop);
    return;
  }
  pw_loop_update_timer (pw_main_loop_get_loop (self->loop), self->timer, &interval, &interval,
                        false);
}

static void
param_changed_cb (void *data, uint32_t id, const struct spa_pod *param)
{
  Publisher             *self = data;
  uint8_t                memory[512];
  struct spa_pod_builder builder = SPA_POD_BUILDER_INIT (memory, sizeof memory);
  const struct spa_pod  *params[1];

  if (param == NULL || id != SPA_PARAM_Format)
    return;
  params[0] = spa_pod_builder_add_object (
      &builder, SPA_TYPE_OBJECT_ParamBuffers, SPA_PARAM_Buffers, SPA_PARAM_BUFFERS_buffers,
      SPA_POD_CHOICE_RANGE_Int (8, 2, 16), SPA_PARAM_BUFFERS_blocks, SPA_POD_Int (1),
      SPA_PARAM_BUFFERS_size, SPA_POD_Int ((int)g_bytes_get_size (self->picture)),
      SPA_PARAM_BUFFERS_stride, SPA_POD_Int (self->stride));
  pw_stream_update_params (self->stream, params, 1);
}

static void
tick_cb (void *data, uint64_t n_expirations)
{
  pw_stream_trigger_process (((Publisher *)data)->stream);
}

static const struct spa_pod *
build_format (Publisher *self, struct spa_pod_builder *builder)
{
  struct spa_rectangle size = SPA_RECTANGLE ((uint32_t)self->width, (uint32_t)self->height);
  struct spa_fraction  rate = SPA_FRACTION (RATE_FPS, 1);

  if (self->is_jpeg)
    return spa_pod_builder_add_object (builder, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat,
                                       SPA_FORMAT_mediaType, SPA_POD_Id (SPA_MEDIA_TYPE_video),
                                       SPA_FORMAT_mediaSubtype, SPA_POD_Id (SPA_MEDIA_SUBTYPE_mjpg),
                                       SPA_FORMAT_VIDEO_size, SPA_POD_Rectangle (&size),
                                       SPA_FORMAT_VIDEO_framerate, SPA_POD_Fraction (&rate));
  return spa_pod_builder_add_object (builder, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat,
                                     SPA_FORMAT_mediaType, SPA_POD_Id (SPA_MEDIA_TYPE_video),
                                     SPA_FORMAT_mediaSubtype, SPA_POD_Id (SPA_MEDIA_SUBTYPE_raw),
                                     SPA_FORMAT_VIDEO_format, SPA_POD_Id (self->format),
                                     SPA_FORMAT_VIDEO_size, SPA_POD_Rectangle (&size),
                                     SPA_FORMAT_VIDEO_framerate, SPA_POD_Fraction (&rate));
}

int
main (int argc, char *argv[])
{
  static const struct pw_stream_events events = {
      PW_VERSION_STREAM_EVENTS,
      .state_changed = state_changed_cb,
      .param_changed = param_changed_cb,
      .process = process_cb,
  };
  Publisher              self = {0};
  uint8_t                memory[512];
  struct spa_pod_builder builder = SPA_POD_BUILDER_INIT (memory, sizeof memory);
  const struct spa_pod  *params[1];

  /* Not to outlive a test that fails. */
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  gst_init (NULL, NULL);
  pw_init (NULL, NULL);
  if (argc != 4 || !load_picture (&self, argv[2], argv[3])) {
    fprintf (stderr, "usage: publish-camera NAME FORMAT PICTURE\n");
    return 2;
  }
  self.loop = pw_main_loop_new (NULL);
  self.timer = pw_loop_add_timer (pw_main_loop_get_loop (self.loop), tick_cb, &self);
  self.stream = pw_stream_new_simple (
      pw_main_loop_get_loop (self.loop), argv[1],
      pw_properties_new (PW_KEY_MEDIA_CLASS, "Video/Source", PW_KEY_MEDIA_ROLE, "Camera",
                         PW_KEY_NODE_NAME, argv[1], PW_KEY_NODE_DESCRIPTION, argv[1], NULL),
      &events, &self);
  params[0] = build_format (&self, &builder);
  if (pw_stream_connect (self.stream, PW_DIRECTION_OUTPUT, PW_ID_ANY,
                         PW_STREAM_FLAG_DRIVER | PW_STREAM_FLAG_MAP_BUFFERS, params, 1) < 0)
    return 1;
  pw_main_loop_run (self.loop);
  pw_stream_destroy (self.stream);
  pw_main_loop_destroy (self.loop);
  g_bytes_unref (self.picture);
  return 0;
}
