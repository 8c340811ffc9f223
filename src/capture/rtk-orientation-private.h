/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-image.h"

#include <gst/video/video.h>

G_BEGIN_DECLS

/**
 * RtkOrientation:
 * @mirrored: left and right are changed over, before @rotation
 * @rotation: degrees clockwise: 0, 90, 180 or 270
 *
 * What has to be done to a picture of the source so that it stands upright and is not mirrored.
 */
typedef struct {
  gboolean mirrored;
  int      rotation;
} RtkOrientation;

RtkOrientation rtk_orientation_compose (RtkOrientation first, RtkOrientation second);
gboolean       rtk_orientation_from_tag (const char *tag, RtkOrientation *out_orientation);
GstVideoOrientationMethod rtk_orientation_get_method (RtkOrientation self);
gboolean                  rtk_orientation_is_identity (RtkOrientation self);
gboolean                  rtk_orientation_swaps_sides (RtkOrientation self);
RtkImage *rtk_orientation_apply (RtkOrientation self, RtkImage *image) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
