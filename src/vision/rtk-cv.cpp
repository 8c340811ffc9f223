/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-cv.h"

#include "core/rtk-error.h"

#include <new>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

namespace {

/* One thread and no OpenCL: the same bytes wherever it runs, and no pool of threads beside ours. */
void
prepare ()
{
  static gsize done = 0;

  if (g_once_init_enter (&done)) {
    cv::setNumThreads (1);
    g_once_init_leave (&done, 1);
  }
}

/* Runs @work and turns whatever it throws into a GError: the border no exception crosses. */
template <typename Work>
gboolean
guarded (GError **error, Work work)
{
  try {
    prepare ();
    work ();
    return TRUE;
  } catch (const cv::Exception &e) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BACKEND, "OpenCV failed: %s", e.err.c_str ());
  } catch (const std::bad_alloc &) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BACKEND, "Not enough memory for a picture");
  } catch (const std::exception &e) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BACKEND, "OpenCV failed: %s", e.what ());
  } catch (...) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BACKEND, "OpenCV failed");
  }
  return FALSE;
}

bool
is_buffer (const RtkCvBuffer *buffer)
{
  gsize sample = buffer->depth == RTK_CV_F32 ? sizeof (float) : 1;

  return buffer->data != nullptr && buffer->width > 0 && buffer->height > 0 &&
         buffer->channels >= 1 && buffer->channels <= 4 &&
         buffer->stride >= (gsize)buffer->width * (gsize)buffer->channels * sample;
}

/* A header over the caller's memory: nothing is copied, and OpenCV never frees it. */
cv::Mat
as_mat (const RtkCvBuffer *buffer)
{
  int depth = buffer->depth == RTK_CV_F32 ? CV_32F : CV_8U;

  return cv::Mat (buffer->height, buffer->width, CV_MAKETYPE (depth, buffer->channels),
                  buffer->data, buffer->stride);
}

/* OpenCV reallocates a target of the wrong size or type in silence: then the caller's memory
 * would stay as it was. This makes it an error. */
void
require_in_place (const cv::Mat &mat, const RtkCvBuffer *buffer)
{
  CV_Assert (mat.data == buffer->data);
}

} /* namespace */

/**
 * rtk_cv_buffer_u8:
 * @data: the top left sample
 * @width: pixels a row
 * @height: rows
 * @channels: samples a pixel
 * @stride: bytes from one row to the next
 *
 * Describes 8-bit pixels.
 *
 * Returns: a view of @data
 */
RtkCvBuffer
rtk_cv_buffer_u8 (void *data, int width, int height, int channels, gsize stride)
{
  return RtkCvBuffer{data, width, height, channels, RTK_CV_U8, stride};
}

/**
 * rtk_cv_buffer_f32:
 * @data: the top left sample
 * @width: pixels a row
 * @height: rows
 * @channels: samples a pixel
 *
 * Describes float pixels whose rows follow each other without a gap.
 *
 * Returns: a view of @data
 */
RtkCvBuffer
rtk_cv_buffer_f32 (float *data, int width, int height, int channels)
{
  return RtkCvBuffer{data,     width,      height,
                     channels, RTK_CV_F32, (gsize)width * (gsize)channels * sizeof (float)};
}

/**
 * rtk_cv_resize:
 * @source: what to scale
 * @target: where to; its size is the new size, depth and channels are those of @source
 * @filter: how samples are combined
 * @error: return location for a #RtkError
 *
 * Scales @source to the size of @target.
 *
 * Blocking; any thread. Fails with `BACKEND` if OpenCV throws.
 *
 * Returns: %TRUE on success
 */
gboolean
rtk_cv_resize (const RtkCvBuffer *source,
               const RtkCvBuffer *target,
               RtkCvFilter        filter,
               GError           **error)
{
  g_return_val_if_fail (is_buffer (source) && is_buffer (target), FALSE);
  g_return_val_if_fail (source->channels == target->channels, FALSE);
  g_return_val_if_fail (source->depth == target->depth, FALSE);

  return guarded (error, [&] {
    cv::Mat to = as_mat (target);
    int     method = filter == RTK_CV_FILTER_AREA ? cv::INTER_AREA : cv::INTER_LINEAR;

    cv::resize (as_mat (source), to, to.size (), 0, 0, method);
    require_in_place (to, target);
  });
}
