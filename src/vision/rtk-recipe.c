/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-recipe.h"

#include "core/rtk-error.h"
#include "vision/rtk-compose.h"
#include "vision/rtk-foreground.h"
#include "vision/rtk-resample.h"

#include <math.h>

/* Steps of a scale, as in RtkCrop. */
#define QUANTUM 65536.

/**
 * rtk_recipe_get_working_crop:
 * @crop: where the finished picture lies
 * @picture_width: of the upright original
 * @picture_height: of the upright original
 *
 * Tells what part of the original the matte is made of: the crop with a narrow margin, at the
 * original's own scale, or at %RTK_RECIPE_MAX_WIDTH across the crop where that is less. Follows
 * from the arguments alone, so that an alpha that is found in the vault can be laid over its
 * original.
 *
 * Returns: the working crop: whole pixels of the original at scale 1
 */
RtkCrop
rtk_recipe_get_working_crop (const RtkCrop *crop, int picture_width, int picture_height)
{
  double  width = crop->scale * crop->out_width, height = crop->scale * crop->out_height;
  double  margin = ceil (.02 * width + 2 * crop->scale) + 2;
  double  right = MIN (picture_width, ceil (crop->x + width + margin));
  double  bottom = MIN (picture_height, ceil (crop->y + height + margin));
  RtkCrop work = {.scale = 1};

  work.x = MAX (0, floor (crop->x - margin));
  work.y = MAX (0, floor (crop->y - margin));
  if (width > RTK_RECIPE_MAX_WIDTH)
    work.scale = ceil (width / RTK_RECIPE_MAX_WIDTH * QUANTUM) / QUANTUM;
  work.out_width = MAX (1, (int)ceil ((right - work.x) / work.scale));
  work.out_height = MAX (1, (int)ceil ((bottom - work.y) / work.scale));
  return work;
}

/**
 * rtk_recipe_render:
 * @picture: RGB24: the upright original
 * @alpha: GREY8: alpha of the working crop
 * @crop: where the finished picture lies in @picture
 * @background: red, green, blue
 * @error: return location for an #RtkError
 *
 * Makes the finished pixels from what the vault keeps: original, alpha and recipe.
 *
 * Person pixels come from @picture itself in one resampling; alpha and the colour at soft edges
 * from the working crop. Blocking, any thread. Fails with %RTK_ERROR_DAMAGED if @alpha does not
 * have the size that belongs to @crop.
 *
 * Returns: (transfer full): RGB24 of the size of @crop, or %NULL
 */
RtkImage *
rtk_recipe_render (const RtkImage *picture,
                   const RtkImage *alpha,
                   const RtkCrop  *crop,
                   const guint8    background[3],
                   GError        **error)
{
  RtkCrop work = rtk_recipe_get_working_crop (crop, rtk_image_get_width (picture),
                                              rtk_image_get_height (picture));
  RtkCrop inner = *crop;
  g_autoptr (RtkImage) working = NULL;
  g_autoptr (RtkImage) working_person = NULL;
  g_autoptr (RtkImage) original = NULL;
  g_autoptr (RtkImage) person = NULL;
  g_autoptr (RtkImage) share = NULL;

  if (rtk_image_get_width (alpha) != work.out_width ||
      rtk_image_get_height (alpha) != work.out_height) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_DAMAGED,
                         "The alpha does not belong to this photo: its size is another");
    return NULL;
  }
  working = rtk_resample (picture, &work);
  working_person =
      rtk_foreground_recover (working, alpha, crop->scale * crop->out_width / work.scale);
  inner.x = (crop->x - work.x) / work.scale;
  inner.y = (crop->y - work.y) / work.scale;
  inner.scale = crop->scale / work.scale;
  original = rtk_resample (picture, crop);
  person = rtk_resample (working_person, &inner);
  share = rtk_resample (alpha, &inner);
  return rtk_compose_over_flat (original, person, share, background);
}
