/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-geometry.h"
#include "core/rtk-image.h"

G_BEGIN_DECLS

/**
 * RtkSamplerBorder:
 * @RTK_SAMPLER_REPLICATE: beyond the picture its nearest edge pixel goes on
 * @RTK_SAMPLER_ZERO: beyond the picture all is black
 */
typedef enum {
  RTK_SAMPLER_REPLICATE,
  RTK_SAMPLER_ZERO,
} RtkSamplerBorder;

/**
 * RtkRegion:
 * @centre: its middle, pixels of the picture
 * @width: of its upper edge, pixels of the picture
 * @height: pixels of the picture
 * @angle_rad: how far it is turned clockwise as seen in the picture
 *
 * A rectangle in a picture, not parallel to its edges, that may reach beyond them.
 */
typedef struct {
  RtkPoint centre;
  double   width;
  double   height;
  double   angle_rad;
} RtkRegion;

RtkRegion rtk_region_from_rect (const RtkRect *rect);
RtkPoint  rtk_region_to_picture (const RtkRegion *self, double u, double v);
void      rtk_sampler_sample (const RtkImage  *image,
                              const RtkRegion *region,
                              RtkSamplerBorder border,
                              float            low,
                              float            high,
                              float           *target,
                              int              width,
                              int              height);

G_END_DECLS
