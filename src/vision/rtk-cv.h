/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/* OpenCV behind plain buffers. rtk-cv.cpp is the only C++ file of the tree: OpenCV has no C headers
 * any more, and no exception and no cv::Mat may leave it. */

G_BEGIN_DECLS

/**
 * RtkCvDepth:
 * @RTK_CV_U8: one byte a sample
 * @RTK_CV_F32: one float a sample
 */
typedef enum {
  RTK_CV_U8,
  RTK_CV_F32,
} RtkCvDepth;

/**
 * RtkCvFilter:
 * @RTK_CV_FILTER_AREA: average of the covered source pixels: for making smaller
 * @RTK_CV_FILTER_BILINEAR: between the four nearest pixel centres: for making larger
 */
typedef enum {
  RTK_CV_FILTER_AREA,
  RTK_CV_FILTER_BILINEAR,
} RtkCvFilter;

/**
 * RtkCvBuffer:
 * @data: (unowned): the top left sample
 * @width: pixels a row, > 0
 * @height: rows, > 0
 * @channels: samples a pixel, 1 to 4, next to each other
 * @depth: kind of the samples
 * @stride: bytes from one row to the next
 *
 * A view of pixels that belong to somebody else. A function never writes to a source buffer, and
 * never allocates a target one.
 */
typedef struct {
  void      *data;
  int        width;
  int        height;
  int        channels;
  RtkCvDepth depth;
  gsize      stride;
} RtkCvBuffer;

RtkCvBuffer rtk_cv_buffer_u8 (void *data, int width, int height, int channels, gsize stride);
RtkCvBuffer rtk_cv_buffer_f32 (float *data, int width, int height, int channels);

gboolean rtk_cv_resize (const RtkCvBuffer *source,
                        const RtkCvBuffer *target,
                        RtkCvFilter        filter,
                        GError           **error);

G_END_DECLS
