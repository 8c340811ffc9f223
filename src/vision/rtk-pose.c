/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-networks-private.h"
#include "vision/rtk-sampler-private.h"

#include <math.h>
#include <string.h>

#define INPUT_SIZE 256
#define N_VALUES 5 /* a point: x, y, z, visibility, presence */
#define LEFT_SHOULDER 11
#define RIGHT_SHOULDER 12

/* The network expects a whole person. Measured from the face box's height: a tighter square pulls
 * the shoulders towards the neck (design study: factor 6 is too tight, 12 agrees with the way over
 * a body detector). */
#define ROI_SIDE 12
#define ROI_BELOW 4

/* Which output of the model says whether there is somebody, 0..1; the next one holds the mask: a
 * logit for each of its pixels. */
#define PRESENCE_OUTPUT 1
#define LEAST_PRESENCE .5f

/* Only the body points: without heat map and mask the network runs 2.6 times as fast. */
gboolean
rtk_networks_open_pose (RtkNetworks *self, const RtkTflite *model, GError **error)
{
  guint      n_inputs, n_outputs;
  const int *inputs = rtk_tflite_get_inputs (model, &n_inputs);
  const int *outputs = rtk_tflite_get_outputs (model, &n_outputs);

  self->pose = rtk_xnn_new (model, inputs, n_inputs, outputs, 1, 1, error);
  return self->pose != NULL;
}

/**
 * rtk_networks_find_shoulders:
 * @self: the networks
 * @image: RGB24 or BGRA32
 * @face_box: the subject's face, of the detector
 * @out_shoulders: (out): the shoulder joints; they may lie beyond the picture
 * @error: return location for a #RtkError
 *
 * Finds the shoulders of the person whose face is @face_box.
 *
 * Good to 1 to 5 % of the picture's width: enough for "level" and "in frame". Blocking, about
 * 4 ms; the thread of @self.
 *
 * Returns: %TRUE on success
 */
gboolean
rtk_networks_find_shoulders (RtkNetworks    *self,
                             const RtkImage *image,
                             const RtkRect  *face_box,
                             RtkShoulders   *out_shoulders,
                             GError        **error)
{
  RtkRegion    region = {.width = ROI_SIDE * face_box->height};
  const float *values;
  int          order[2] = {RIGHT_SHOULDER, LEFT_SHOULDER};

  g_return_val_if_fail (face_box->height > 0, FALSE);

  region.height = region.width;
  region.centre.x = face_box->x + face_box->width / 2;
  region.centre.y = face_box->y + (.5 + ROI_BELOW) * face_box->height;
  rtk_sampler_sample (image, &region, RTK_SAMPLER_REPLICATE, 0.f, 1.f,
                      rtk_xnn_get_input (self->pose, 0, NULL), INPUT_SIZE, INPUT_SIZE);
  if (!rtk_xnn_run (self->pose, error))
    return FALSE;
  values = rtk_xnn_get_output (self->pose, 0, NULL);
  if (values[N_VALUES * RIGHT_SHOULDER] > values[N_VALUES * LEFT_SHOULDER]) {
    order[0] = LEFT_SHOULDER;
    order[1] = RIGHT_SHOULDER;
  }
  for (int i = 0; i < 2; i++) {
    const float *point = values + N_VALUES * order[i];

    out_shoulders->points[i] =
        rtk_region_to_picture (&region, point[0] / INPUT_SIZE, point[1] / INPUT_SIZE);
    out_shoulders->visible[i] = 1. / (1. + exp (-(double)point[3]));
  }
  return TRUE;
}

static gboolean
open_body (RtkNetworks *self, GError **error)
{
  guint      n_inputs, n_outputs;
  const int *inputs, *outputs;
  g_autoptr (RtkTflite) model = rtk_networks_load_pose (self, error);

  if (model == NULL)
    return FALSE;
  inputs = rtk_tflite_get_inputs (model, &n_inputs);
  outputs = rtk_tflite_get_outputs (model, &n_outputs);
  g_return_val_if_fail (n_outputs > PRESENCE_OUTPUT + 1, FALSE);
  self->body = rtk_xnn_new (model, inputs, n_inputs, outputs + PRESENCE_OUTPUT, 2, 1, error);
  return self->body != NULL;
}

/**
 * rtk_networks_segment_body:
 * @self: the networks
 * @image: RGB24 or BGRA32
 * @area: part of the picture in pixels; should be square, may reach beyond the picture, whose edge
 *   pixels then go on
 * @out_mask: (out): `RTK_MASK_SIZE * RTK_MASK_SIZE` floats, rows from the top: 0 is background, 1
 *   is person
 * @error: return location for a #RtkError
 *
 * Asks the body network for the person in @area: a second opinion. It misses much that
 * rtk_networks_segment() sees, but hardly ever takes something else for a person.
 *
 * Where it finds nobody the mask is empty. Blocking, about 8 ms, the first time 20 ms more; the
 * thread of @self.
 *
 * Returns: %TRUE on success; on %FALSE, @out_mask is left as it was
 */
gboolean
rtk_networks_segment_body (
    RtkNetworks *self, const RtkImage *image, const RtkRect *area, float *out_mask, GError **error)
{
  RtkRegion    region = rtk_region_from_rect (area);
  const float *logits;

  if (self->body == NULL && !open_body (self, error))
    return FALSE;
  rtk_sampler_sample (image, &region, RTK_SAMPLER_REPLICATE, 0.f, 1.f,
                      rtk_xnn_get_input (self->body, 0, NULL), RTK_MASK_SIZE, RTK_MASK_SIZE);
  if (!rtk_xnn_run (self->body, error))
    return FALSE;
  if (rtk_xnn_get_output (self->body, 0, NULL)[0] < LEAST_PRESENCE) {
    memset (out_mask, 0, sizeof (float) * RTK_MASK_SIZE * RTK_MASK_SIZE);
    return TRUE;
  }
  logits = rtk_xnn_get_output (self->body, 1, NULL);
  for (int i = 0; i < RTK_MASK_SIZE * RTK_MASK_SIZE; i++)
    out_mask[i] = 1 / (1 + expf (-logits[i]));
  return TRUE;
}
