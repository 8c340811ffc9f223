/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-capture"
#include "config.h"

#include "capture/rtk-pipeline-private.h"

#include <math.h>

#define PREVIEW_LONG_PX 1280
#define PREVIEW_SHORT_PX 720
/* Above this a frame costs more than it gives: the delivered photo has 480x640 pixels. */
#define MAX_CAMERA_PIXELS (1920 * 1440)
#define GOOD_RATE_FPS 24.0
#define LEAST_RATE_FPS 10.0

/**
 * rtk_pipeline_fit_preview:
 * @width: of the source's frame in square pixels
 * @height: of the source's frame
 * @out_width: (out): of the preview
 * @out_height: (out): of the preview
 *
 * Fits a frame into 1280x720, or 720x1280 when it is higher than wide. Never makes it larger; the
 * aspect ratio is kept to within the rounding to whole pixels.
 */
void
rtk_pipeline_fit_preview (int width, int height, int *out_width, int *out_height)
{
  double scale = MIN (1.0, MIN ((double)PREVIEW_LONG_PX / MAX (width, height),
                                (double)PREVIEW_SHORT_PX / MIN (width, height)));

  *out_width = MAX (1, (int)lrint (width * scale));
  *out_height = MAX (1, (int)lrint (height * scale));
}

static double
get_best_rate (const GstStructure *structure)
{
  const GValue *value = gst_structure_get_value (structure, "framerate");
  double        best = 0.0;

  if (value == NULL)
    return 0.0;
  if (GST_VALUE_HOLDS_FRACTION (value))
    return (double)gst_value_get_fraction_numerator (value) /
           MAX (1, gst_value_get_fraction_denominator (value));
  if (GST_VALUE_HOLDS_FRACTION_RANGE (value)) {
    const GValue *max = gst_value_get_fraction_range_max (value);

    return (double)gst_value_get_fraction_numerator (max) /
           MAX (1, gst_value_get_fraction_denominator (max));
  }
  if (GST_VALUE_HOLDS_LIST (value)) {
    for (guint i = 0; i < gst_value_list_get_size (value); i++) {
      const GValue *item = gst_value_list_get_value (value, i);

      if (GST_VALUE_HOLDS_FRACTION (item))
        best = MAX (best, (double)gst_value_get_fraction_numerator (item) /
                              MAX (1, gst_value_get_fraction_denominator (item)));
    }
  }
  return best;
}

/* Fluent first, then large, then uncompressed: a USB camera gives its large sizes fluently only as
 * JPEG. */
static double
score_format (const GstStructure *structure)
{
  int      width = 0, height = 0;
  gboolean jpeg = gst_structure_has_name (structure, "image/jpeg");
  double   rate;

  if (!jpeg && !gst_structure_has_name (structure, "video/x-raw"))
    return 0.0;
  if (!gst_structure_get_int (structure, "width", &width) ||
      !gst_structure_get_int (structure, "height", &height))
    return 0.0;
  rate = get_best_rate (structure);
  if (rate < LEAST_RATE_FPS || (gint64)width * height > MAX_CAMERA_PIXELS)
    return 0.0;
  return (rate >= GOOD_RATE_FPS ? 2.0 : 1.0) * 2.0 * MAX_CAMERA_PIXELS + (double)width * height +
         (jpeg ? 0.0 : 0.5);
}

static gboolean
offers_only_jpeg (GstCaps *offered)
{
  gboolean jpeg = FALSE;

  for (guint i = 0; offered != NULL && i < gst_caps_get_size (offered); i++) {
    const GstStructure *structure = gst_caps_get_structure (offered, i);

    if (gst_structure_has_name (structure, "video/x-raw"))
      return FALSE;
    jpeg = jpeg || gst_structure_has_name (structure, "image/jpeg");
  }
  return jpeg;
}

/**
 * rtk_pipeline_choose_caps:
 * @offered: (nullable): what a camera offers
 *
 * Chooses the format to ask a camera for: the largest up to 1920x1440 that has 24 frames a second,
 * uncompressed where that is the same size, else the largest that has 10.
 *
 * Returns: (transfer full): one format, "video/x-raw" or "image/jpeg"; without a size when no fixed
 *   one is offered
 */
GstCaps *
rtk_pipeline_choose_caps (GstCaps *offered)
{
  const GstStructure *best = NULL;
  double              best_score = 0.0;
  GstStructure       *chosen;
  int                 width = 0, height = 0;

  for (guint i = 0; offered != NULL && i < gst_caps_get_size (offered); i++) {
    const GstStructure *structure = gst_caps_get_structure (offered, i);
    double              score = score_format (structure);

    if (score > best_score) {
      best = structure;
      best_score = score;
    }
  }
  if (best == NULL)
    return gst_caps_new_empty_simple (offers_only_jpeg (offered) ? "image/jpeg" : "video/x-raw");

  gst_structure_get_int (best, "width", &width);
  gst_structure_get_int (best, "height", &height);
  chosen = gst_structure_new (gst_structure_get_name (best), "width", G_TYPE_INT, width, "height",
                              G_TYPE_INT, height, NULL);
  if (get_best_rate (best) >= GOOD_RATE_FPS)
    gst_structure_set (chosen, "framerate", GST_TYPE_FRACTION_RANGE, (int)GOOD_RATE_FPS, 1,
                       G_MAXINT, 1, NULL);
  return gst_caps_new_full (chosen, NULL);
}
