/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-geometry.h"
#include "core/rtk-image.h"

G_BEGIN_DECLS

/**
 * RtkLikeness:
 * @RTK_LIKENESS_SAME: no farther from it than saving it once more as a JPEG can bring it
 * @RTK_LIKENESS_COARSE: the same, but saved so coarsely that a change could hide in it
 * @RTK_LIKENESS_SIZE: of another size
 * @RTK_LIKENESS_MIRRORED: left and right are exchanged
 * @RTK_LIKENESS_CHANGED: the same but for some places
 * @RTK_LIKENESS_REWORKED: the same picture, changed all over: smoothed, sharpened, recoloured,
 * moved
 * @RTK_LIKENESS_OTHER: another picture
 *
 * How a picture differs from the one it should be.
 */
typedef enum {
  RTK_LIKENESS_SAME,
  RTK_LIKENESS_COARSE,
  RTK_LIKENESS_SIZE,
  RTK_LIKENESS_MIRRORED,
  RTK_LIKENESS_CHANGED,
  RTK_LIKENESS_REWORKED,
  RTK_LIKENESS_OTHER,
} RtkLikeness;

/**
 * RtkPhotoComparison:
 * @likeness: in one word
 * @share: of the picture that differs, 0..1
 * @where: what lies around all that differs, pixels
 */
typedef struct {
  RtkLikeness likeness;
  double      share;
  RtkRect     where;
} RtkPhotoComparison;

void     rtk_photo_compare (const RtkImage     *expected,
                            const RtkImage     *picture,
                            int                 expected_quality,
                            int                 quality,
                            RtkPhotoComparison *out_comparison);
gboolean rtk_photo_has_same_face (const RtkImage *expected,
                                  const RtkImage *picture,
                                  int             expected_quality,
                                  int             quality);
RtkLikeness
rtk_photo_compare_source (const RtkImage *source, const RtkCrop *crop, const RtkImage *finished);

G_END_DECLS
