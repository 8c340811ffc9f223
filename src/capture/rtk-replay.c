/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-capture"
#include "config.h"

#include "capture/rtk-replay-private.h"
#include "core/rtk-error.h"

#include <gdk-pixbuf/gdk-pixbuf.h>
#include <gst/video/video.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A picture as a camera: as large as a camera's frame is at most, and with a hand's tremor. */
#define RATE_FPS 30
#define LONG_SIDE_PX 1920
#define SHORT_SIDE_PX 1440
#define MAX_PIXELS (100 * 1000 * 1000)
/* Two periods with no common divisor, so that the way repeats only after some minutes. */
#define PERIOD_X_FRAMES 151.0
#define PERIOD_Y_FRAMES 97.0

/* The picture with its edge pixels repeated outwards: every frame is a window into this one piece
 * of memory, so that nothing is copied. Touched by the source's streaming thread alone. */
typedef struct {
  GstMemory *memory; /* (owned) */
  int        width;
  int        height;
  int        margin; /* how far the window moves, pixels */
  gsize      stride;
  guint64    n_frames;
} StillSource;

static void
still_source_free (gpointer data)
{
  StillSource *self = data;

  gst_memory_unref (self->memory);
  g_free (self);
}

static void
need_data_cb (GstAppSrc *source, guint length, gpointer user_data)
{
  StillSource *self = user_data;
  GstBuffer   *buffer = gst_buffer_new ();
  gsize        offsets[GST_VIDEO_MAX_PLANES] = {0};
  int          strides[GST_VIDEO_MAX_PLANES] = {(int)self->stride};
  double       time = (double)self->n_frames;
  int   dx = (int)lrint (self->margin * sin (2.0 * G_PI * time / PERIOD_X_FRAMES)) + self->margin;
  int   dy = (int)lrint (self->margin * sin (2.0 * G_PI * time / PERIOD_Y_FRAMES)) + self->margin;
  gsize offset = (gsize)dy * self->stride + (gsize)dx * 3;
  gsize size = (gsize)(self->height - 1) * self->stride + (gsize)self->width * 3;

  gst_buffer_append_memory (buffer, gst_memory_share (self->memory, (gssize)offset, (gssize)size));
  gst_buffer_add_video_meta_full (buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_RGB,
                                  (guint)self->width, (guint)self->height, 1, offsets, strides);
  GST_BUFFER_PTS (buffer) = gst_util_uint64_scale (self->n_frames, GST_SECOND, RATE_FPS);
  GST_BUFFER_DURATION (buffer) = GST_SECOND / RATE_FPS;
  self->n_frames++;
  gst_app_src_push_buffer (source, buffer);
}

/* Lays a pixel over white where the picture has an alpha channel. */
static void
copy_pixel (guint8 *out, const guint8 *in, gboolean has_alpha)
{
  for (int c = 0; c < 3; c++)
    out[c] = has_alpha ? (guint8)((in[c] * in[3] + 255 * (255 - in[3]) + 127) / 255) : in[c];
}

static StillSource *
still_source_new (GdkPixbuf *pixbuf)
{
  StillSource  *self = g_new0 (StillSource, 1);
  const guint8 *in = gdk_pixbuf_read_pixels (pixbuf);
  gsize         in_stride = (gsize)gdk_pixbuf_get_rowstride (pixbuf);
  gboolean      has_alpha = gdk_pixbuf_get_has_alpha (pixbuf);
  int           n_channels = gdk_pixbuf_get_n_channels (pixbuf);
  int           padded_height;
  gsize         size;
  guint8       *pixels;

  self->width = gdk_pixbuf_get_width (pixbuf);
  self->height = gdk_pixbuf_get_height (pixbuf);
  self->margin = CLAMP (self->height / 240, 2, 6);
  self->stride = ((gsize)(self->width + 2 * self->margin) * 3 + 3) & ~(gsize)3;
  padded_height = self->height + 2 * self->margin;
  size = self->stride * (gsize)padded_height;
  pixels = g_malloc0 (size);
  for (int y = 0; y < padded_height; y++) {
    int from_y = CLAMP (y - self->margin, 0, self->height - 1);

    for (int x = 0; x < self->width + 2 * self->margin; x++) {
      int from_x = CLAMP (x - self->margin, 0, self->width - 1);

      copy_pixel (pixels + (gsize)y * self->stride + (gsize)x * 3,
                  in + (gsize)from_y * in_stride + (gsize)from_x * (gsize)n_channels, has_alpha);
    }
  }
  self->memory =
      gst_memory_new_wrapped (GST_MEMORY_FLAG_READONLY, pixels, size, 0, size, pixels, g_free);
  return self;
}

static GdkPixbuf *
load_picture (const char *path, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GdkPixbuf) pixbuf = NULL;
  int    width = 0, height = 0;
  double scale;

  if (gdk_pixbuf_get_file_info (path, &width, &height) == NULL || width < 1 || height < 1) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_PICTURE, "the replay file is no picture");
    return NULL;
  }
  /* Judged by its header: a file of a few bytes can unpack to gigabytes. */
  if ((gint64)width * height > MAX_PIXELS) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_TOO_LARGE, "the replay picture has %d x %d pixels",
                 width, height);
    return NULL;
  }
  scale = MIN (1.0, MIN ((double)LONG_SIDE_PX / MAX (width, height),
                         (double)SHORT_SIDE_PX / MIN (width, height)));
  pixbuf =
      gdk_pixbuf_new_from_file_at_scale (path, MAX (1, (int)lrint (width * scale)),
                                         MAX (1, (int)lrint (height * scale)), FALSE, &local_error);
  if (pixbuf == NULL) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_PICTURE, "the replay picture cannot be read: %s",
                 local_error->message);
    return NULL;
  }
  return gdk_pixbuf_apply_embedded_orientation (pixbuf);
}

/**
 * rtk_replay_file_is_picture:
 * @path: a file
 * @out_is_picture: (out): whether it begins as a JPEG, PNG or WebP does
 * @error: return location for %RTK_ERROR_NOT_FOUND or %RTK_ERROR_BAD_PICTURE
 *
 * Tells a still picture from a recording. Reads some bytes; any thread but the main one.
 *
 * Returns: %FALSE when the file cannot be read or is empty
 */
gboolean
rtk_replay_file_is_picture (const char *path, gboolean *out_is_picture, GError **error)
{
  guint8 head[12] = {0};
  gsize  n_read;
  FILE  *file;

  file = g_file_test (path, G_FILE_TEST_IS_REGULAR) ? fopen (path, "rbe") : NULL;
  if (file == NULL) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND, "the replay file cannot be opened");
    return FALSE;
  }
  n_read = fread (head, 1, sizeof head, file);
  fclose (file);
  if (n_read == 0) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_PICTURE, "the replay file is empty");
    return FALSE;
  }
  *out_is_picture = memcmp (head, "\xff\xd8\xff", 3) == 0 || memcmp (head, "\x89PNG", 4) == 0 ||
                    (memcmp (head, "RIFF", 4) == 0 && memcmp (head + 8, "WEBP", 4) == 0);
  return TRUE;
}

/**
 * rtk_replay_feed_picture:
 * @source: an appsrc that is not started
 * @path: a JPEG, PNG or WebP
 * @error: return location for %RTK_ERROR_BAD_PICTURE or %RTK_ERROR_TOO_LARGE
 *
 * Makes @source a camera that shows the picture at @path at 30 frames a second, upright by its EXIF
 * orientation, at most 1920x1440, drifting by a few pixels. The drift is a function of the frame's
 * number alone; frame 0 shows the picture as it is.
 *
 * Blocking: decodes the file. Any thread but the main one.
 *
 * Returns: %TRUE on success
 */
gboolean
rtk_replay_feed_picture (GstAppSrc *source, const char *path, GError **error)
{
  GstAppSrcCallbacks callbacks = {.need_data = need_data_cb};
  g_autoptr (GdkPixbuf) pixbuf = load_picture (path, error);
  g_autoptr (GstCaps) caps = NULL;
  StillSource *still;

  if (pixbuf == NULL)
    return FALSE;

  still = still_source_new (pixbuf);
  caps = gst_caps_new_simple (
      "video/x-raw", "format", G_TYPE_STRING, "RGB", "width", G_TYPE_INT, still->width, "height",
      G_TYPE_INT, still->height, "framerate", GST_TYPE_FRACTION, RATE_FPS, 1, "pixel-aspect-ratio",
      GST_TYPE_FRACTION, 1, 1, "colorimetry", G_TYPE_STRING, GST_VIDEO_COLORIMETRY_SRGB, NULL);
  g_object_set (source, "caps", caps, "format", GST_FORMAT_TIME, "max-buffers", (guint64)2, NULL);
  gst_app_src_set_callbacks (source, &callbacks, still, still_source_free);
  return TRUE;
}
