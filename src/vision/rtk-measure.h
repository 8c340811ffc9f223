/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-analysis.h"

G_BEGIN_DECLS

/**
 * RtkMeasureInput:
 * @image: (unowned): the upright picture, RGB24 or BGRA32
 * @mask: (unowned) (nullable): how likely each place is person, 0..1, of the whole picture squeezed
 *   to @mask_size x @mask_size
 * @mask_size: values a row and rows of @mask
 * @wanted_background: (unowned) (nullable): of a finished picture: R, G, B that its background
 *   should have; %NULL for an original frame, whose wall may have any colour
 * @still: whether rtk_measure_surface() follows, for light and focus and for what a live frame has
 *   no time for (what covers the face, recapture, retouching)
 *
 * What measures are taken from, beside the faces and shoulders in the analysis.
 */
typedef struct {
  const RtkImage *image;
  const float    *mask;
  int             mask_size;
  const guint8   *wanted_background;
  gboolean        still;
} RtkMeasureInput;

void rtk_measure_openings (RtkFace *face);
void rtk_measure_refine_irises (const RtkImage *image, RtkFace *face);
void rtk_measure_corner_colour (const RtkImage *image, double out_rgb[3]);
void rtk_measure_picture (const RtkMeasureInput *input, RtkAnalysis *analysis);
void rtk_measure_surface (const RtkMeasureInput *input, RtkAnalysis *analysis);

G_END_DECLS
