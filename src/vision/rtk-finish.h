/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-image.h"
#include "vision/rtk-jpeg.h"

G_BEGIN_DECLS

/**
 * RtkFinishLimits:
 * @bytes_min: smallest size of the file, 0 for none
 * @bytes_max: largest size of the file, 0 for none
 * @quality_min: lowest IJG quality, 1 to 100
 * @dpi: resolution for the header
 *
 * What a receiver asks of the file.
 */
typedef struct {
  gsize bytes_min;
  gsize bytes_max;
  int   quality_min;
  int   dpi;
} RtkFinishLimits;

/**
 * RtkFinishFit:
 * @RTK_FINISH_FITS: the size lies in the window
 * @RTK_FINISH_TOO_SMALL: even the best quality that fits below the window's end is too small
 * @RTK_FINISH_TOO_LARGE: even the lowest quality allowed is too large
 *
 * How a finished file relates to its window of sizes.
 */
typedef enum {
  RTK_FINISH_FITS,
  RTK_FINISH_TOO_SMALL,
  RTK_FINISH_TOO_LARGE,
} RtkFinishFit;

/**
 * RtkFinishResult:
 * @quality: IJG quality used
 * @chroma: how finely colour is kept
 * @fit: whether the window was met
 * @n_encodes: how often the picture was encoded to find it
 *
 * How a file was made.
 */
typedef struct {
  int           quality;
  RtkJpegChroma chroma;
  RtkFinishFit  fit;
  int           n_encodes;
} RtkFinishResult;

GBytes *rtk_finish_jpeg (const RtkImage        *image,
                         const RtkFinishLimits *limits,
                         RtkFinishResult       *out_result,
                         GError               **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
