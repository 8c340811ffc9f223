/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-networks-private.h"
#include "vision/rtk-sampler-private.h"

#include <string.h>

gboolean
rtk_networks_open_selfie (RtkNetworks *self, const RtkTflite *model, GError **error)
{
  guint      n_inputs, n_outputs;
  const int *inputs = rtk_tflite_get_inputs (model, &n_inputs);
  const int *outputs = rtk_tflite_get_outputs (model, &n_outputs);

  self->selfie = rtk_xnn_new (model, inputs, n_inputs, outputs, n_outputs, 1, error);
  return self->selfie != NULL;
}

/**
 * rtk_networks_segment:
 * @self: the networks
 * @image: RGB24 or BGRA32
 * @area: (nullable): part of the picture in pixels, %NULL for the whole; may reach beyond the
 *   picture, whose edge pixels then go on
 * @out_mask: (out): `RTK_MASK_SIZE * RTK_MASK_SIZE` floats, rows from the top: 0 is background, 1
 *   is person
 * @error: return location for a #RtkError
 *
 * Finds the person in @area.
 *
 * @area is squeezed to a square whatever its shape, as the network wants it: the mask is to be
 * stretched back over @area. A margin of a quarter around what is needed keeps the mask whole at
 * its edges. Blocking, about 3 ms; the thread of @self.
 *
 * Returns: %TRUE on success; on %FALSE, @out_mask is left as it was
 */
gboolean
rtk_networks_segment (
    RtkNetworks *self, const RtkImage *image, const RtkRect *area, float *out_mask, GError **error)
{
  RtkRect   whole = {0, 0, rtk_image_get_width (image), rtk_image_get_height (image)};
  RtkRegion region = rtk_region_from_rect (area != NULL ? area : &whole);

  g_return_val_if_fail (region.width > 0 && region.height > 0, FALSE);

  rtk_sampler_sample (image, &region, RTK_SAMPLER_REPLICATE, 0.f, 1.f,
                      rtk_xnn_get_input (self->selfie, 0, NULL), RTK_MASK_SIZE, RTK_MASK_SIZE);
  if (!rtk_xnn_run (self->selfie, error))
    return FALSE;
  memcpy (out_mask, rtk_xnn_get_output (self->selfie, 0, NULL),
          sizeof (float) * RTK_MASK_SIZE * RTK_MASK_SIZE);
  return TRUE;
}

/**
 * rtk_networks_get_last_mask:
 * @self: networks that have segmented
 *
 * Returns: what rtk_networks_segment() found last; valid until it runs again
 */
const float *
rtk_networks_get_last_mask (const RtkNetworks *self)
{
  return rtk_xnn_get_output (self->selfie, 0, NULL);
}
