/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-capture"
#include "config.h"

#include "capture/rtk-take-private.h"
#include "core/rtk-error.h"

/* A mapped frame that lives as long as the bytes that show it. */
static void
mapped_frame_free (gpointer data)
{
  GstVideoFrame *frame = data;

  gst_video_frame_unmap (frame);
  g_free (frame);
}

/**
 * rtk_image_new_from_buffer:
 * @buffer: one frame of a packed format
 * @info: how @buffer lies
 * @format: what @info means as a pixel format
 *
 * Shows @buffer as a picture. Nothing is copied: the picture keeps the buffer mapped. Any thread.
 *
 * Returns: (transfer full) (nullable): the picture; %NULL when the memory cannot be read
 */
RtkImage *
rtk_image_new_from_buffer (GstBuffer *buffer, const GstVideoInfo *info, RtkPixelFormat format)
{
  GstVideoFrame *frame = g_new0 (GstVideoFrame, 1);
  g_autoptr (GBytes) bytes = NULL;
  gsize stride, size;

  if (!gst_video_frame_map (frame, info, buffer, GST_MAP_READ)) {
    g_free (frame);
    return NULL;
  }
  stride = (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0);
  /* The last row of a window into a larger picture ends before its stride does. */
  size = stride * (gsize)(GST_VIDEO_FRAME_HEIGHT (frame) - 1) +
         (gsize)GST_VIDEO_FRAME_WIDTH (frame) * (gsize)rtk_pixel_format_get_bytes (format);
  bytes = g_bytes_new_with_free_func (GST_VIDEO_FRAME_PLANE_DATA (frame, 0), size,
                                      mapped_frame_free, frame);
  return rtk_image_new (format, GST_VIDEO_FRAME_WIDTH (frame), GST_VIDEO_FRAME_HEIGHT (frame),
                        stride, bytes);
}

/**
 * rtk_video_info_get_square_size:
 * @info: a video format
 * @width: (out): pixels a row when pixels are made square
 * @height: (out): rows
 *
 * Tells how large the picture is in square pixels: a face must not come out narrow because a
 * recording has oblong ones. Rows are kept.
 */
void
rtk_video_info_get_square_size (const GstVideoInfo *info, int *width, int *height)
{
  int numerator = MAX (1, GST_VIDEO_INFO_PAR_N (info));
  int denominator = MAX (1, GST_VIDEO_INFO_PAR_D (info));

  *width = (int)gst_util_uint64_scale_int_round ((guint64)GST_VIDEO_INFO_WIDTH (info), numerator,
                                                 denominator);
  *width = MAX (1, *width);
  *height = GST_VIDEO_INFO_HEIGHT (info);
}

/* What the conversion to RGB undid, for the certificate: a word such as "bt601-limited". */
static const char *
name_colorimetry (const GstVideoColorimetry *colorimetry)
{
  gboolean full = colorimetry->range == GST_VIDEO_COLOR_RANGE_0_255;

  switch ((int)colorimetry->matrix) {
  case GST_VIDEO_COLOR_MATRIX_RGB:
    return "srgb";
  case GST_VIDEO_COLOR_MATRIX_BT601:
    return full ? "bt601-full" : "bt601-limited";
  case GST_VIDEO_COLOR_MATRIX_BT709:
    return full ? "bt709-full" : "bt709-limited";
  case GST_VIDEO_COLOR_MATRIX_BT2020:
    return full ? "bt2020-full" : "bt2020-limited";
  default:
    return full ? "other-full" : "other-limited";
  }
}

/**
 * rtk_take_free:
 * @self: (transfer full): a take
 *
 * Lets the buffers go. Any thread.
 */
void
rtk_take_free (RtkTake *self)
{
  gst_clear_buffer (&self->raw);
  gst_clear_caps (&self->caps);
  gst_clear_buffer (&self->jpeg);
  g_free (self);
}

static RtkImage *
convert_to_rgb (const RtkTake *self, const GstVideoInfo *info, GError **error)
{
  g_autoptr (GstBuffer) buffer = NULL;
  GstVideoConverter *converter;
  GstVideoInfo       rgb;
  GstVideoFrame      in, out;
  int                width, height;

  rtk_video_info_get_square_size (info, &width, &height);
  if (GST_VIDEO_INFO_FORMAT (info) == GST_VIDEO_FORMAT_RGB && width == GST_VIDEO_INFO_WIDTH (info))
    return rtk_image_new_from_buffer (self->raw, info, RTK_PIXEL_RGB24);

  gst_video_info_set_format (&rgb, GST_VIDEO_FORMAT_RGB, (guint)width, (guint)height);
  /* The converter refuses to change the rate, even for one frame. */
  rgb.fps_n = info->fps_n;
  rgb.fps_d = info->fps_d;
  converter = gst_video_converter_new ((GstVideoInfo *)info, &rgb, NULL);
  if (converter == NULL) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BACKEND, "no conversion from %s to RGB",
                 gst_video_format_to_string (GST_VIDEO_INFO_FORMAT (info)));
    return NULL;
  }
  buffer = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (&rgb), NULL);
  if (!gst_video_frame_map (&in, (GstVideoInfo *)info, self->raw, GST_MAP_READ)) {
    gst_video_converter_free (converter);
    g_set_error (error, RTK_ERROR, RTK_ERROR_CAMERA_LOST, "the frame's memory is gone");
    return NULL;
  }
  if (gst_video_frame_map (&out, &rgb, buffer, GST_MAP_WRITE)) {
    gst_video_converter_frame (converter, &in, &out);
    gst_video_frame_unmap (&out);
  }
  gst_video_frame_unmap (&in);
  gst_video_converter_free (converter);
  return rtk_image_new_from_buffer (buffer, &rgb, RTK_PIXEL_RGB24);
}

static GBytes *
copy_jpeg (GstBuffer *buffer)
{
  g_autofree guint8 *bytes = NULL;
  gsize              size = gst_buffer_get_size (buffer);

  bytes = g_malloc (size + 1);
  if (size < 4 || gst_buffer_extract (buffer, 0, bytes, size) != size)
    return NULL;
  if (bytes[0] != 0xff || bytes[1] != 0xd8)
    return NULL;
  return g_bytes_new_take (g_steal_pointer (&bytes), size);
}

/**
 * rtk_take_develop:
 * @self: what the shutter caught
 * @error: return location for %RTK_ERROR_CAMERA_LOST or %RTK_ERROR_BACKEND
 *
 * Makes the still: the camera's own JPEG byte for byte where there is one and it stands upright,
 * else the upright picture as RGB24. A JPEG that would have to be turned is handed on as a picture,
 * because turning it would take a second compression and leaving it would lose what was undone.
 *
 * Blocking, some milliseconds a megapixel. Any thread.
 *
 * Returns: (transfer full): the still, or %NULL with @error set
 */
RtkStill *
rtk_take_develop (const RtkTake *self, GError **error)
{
  g_autoptr (RtkImage) image = NULL;
  g_autoptr (RtkImage) upright = NULL;
  RtkStill    *still;
  GstVideoInfo info;

  if (self->jpeg != NULL && rtk_orientation_is_identity (self->orientation)) {
    g_autoptr (GBytes) original = copy_jpeg (self->jpeg);

    if (original != NULL) {
      still = rtk_still_new (original, "image/jpeg", NULL, self->taken_at);
      still->intake.colour = "srgb";
      still->serial = self->serial;
      return still;
    }
  }

  if (!gst_video_info_from_caps (&info, self->caps)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BACKEND, "the frame's format is not known");
    return NULL;
  }
  image = convert_to_rgb (self, &info, error);
  if (image == NULL) {
    if (error != NULL && *error == NULL)
      g_set_error (error, RTK_ERROR, RTK_ERROR_CAMERA_LOST, "the frame's memory is gone");
    return NULL;
  }
  upright = rtk_orientation_apply (self->orientation, image);
  still = rtk_still_new (NULL, NULL, upright, self->taken_at);
  still->intake.rotated = self->orientation.rotation;
  still->intake.unmirrored = self->orientation.mirrored;
  still->intake.colour = name_colorimetry (&info.colorimetry);
  still->serial = self->serial;
  return still;
}
