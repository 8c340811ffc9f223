/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-geometry.h"
#include "core/rtk-image.h"

G_BEGIN_DECLS

/**
 * RtkMatteRequest:
 * @mask: (array) (unowned): how likely each place is person, 0..1, `mask_width * mask_height`
 * values
 * @mask_width: values a row
 * @mask_height: rows
 * @mask_rect: what part of the picture the mask covers, in its pixels; may reach over its border
 * @unit: width of a portrait in this picture, in its pixels, by which all lengths are measured:
 *   the width of the finished crop; 0 = as large a 3:4 portrait as fits
 * @solid: (array length=n_solid) (unowned) (nullable): a polygon, in pixels, that is person
 *   everywhere: the outline of the face
 * @n_solid: its corners
 * @holes_above: wall may show through the person only above this row: the chin; %G_MAXDOUBLE for
 *   everywhere
 * @plate: (unowned) (nullable): RGB24 of the size of the picture: the wall without the person, by
 *   the same camera in the same place
 *
 * What is known of a picture before its matte is made.
 */
typedef struct {
  const float    *mask;
  int             mask_width;
  int             mask_height;
  RtkRect         mask_rect;
  double          unit;
  const RtkPoint *solid;
  guint           n_solid;
  double          holes_above;
  const RtkImage *plate;
} RtkMatteRequest;

/**
 * RtkMatte:
 * @alpha: (owned): GREY8 of the size of the picture, 255 is all person
 * @wall_sigma: how much the wall differs from a smooth wall, 0..1 in sRGB values; below about
 *   0.012 a plain one
 * @is_plain: whether the wall was plain enough for its colour to be used; else the outline is the
 *   mask's, smoothed along the edges of the picture, and fine hair is lost
 * @plate_fits: whether there was a plate, and it showed the wall behind the person in the same
 *   light; if not, it was not used
 *
 * A person cut out.
 */
typedef struct {
  RtkImage *alpha;
  double    wall_sigma;
  gboolean  is_plain;
  gboolean  plate_fits;
} RtkMatte;

gboolean rtk_matte_make (const RtkImage        *picture,
                         const RtkMatteRequest *request,
                         RtkMatte              *out_matte,
                         GError               **error);
void     rtk_matte_clear (RtkMatte *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RtkMatte, rtk_matte_clear)

G_END_DECLS
