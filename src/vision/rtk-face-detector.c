/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "core/rtk-error.h"
#include "vision/rtk-networks-private.h"
#include "vision/rtk-sampler-private.h"

#include <math.h>

#define INPUT_SIZE 128
#define N_VALUES 16 /* an anchor: centre, size and six points */
#define MIN_SCORE .5
#define MAX_OVERLAP .3

/* The network answers on two grids: for each cell so many anchors, at the cell's middle. */
static const struct {
  int cells;
  int anchors;
} grids[] = {{16, 2}, {8, 6}};

#define N_GRIDS ((int)G_N_ELEMENTS (grids))

/* The model joins the answers of the two grids at its end; the parts are asked for, which saves
 * copying them. */
gboolean
rtk_networks_open_detector (RtkNetworks *self, const RtkTflite *model, GError **error)
{
  guint      n_inputs, n_outputs;
  const int *inputs = rtk_tflite_get_inputs (model, &n_inputs);
  const int *outputs = rtk_tflite_get_outputs (model, &n_outputs);
  int        parts[2 * N_GRIDS];

  for (guint i = 0; i < 2; i++) {
    const RtkTfliteNode *join = i < n_outputs ? rtk_tflite_get_producer (model, outputs[i]) : NULL;

    if (join == NULL || join->op != RTK_TFLITE_CONCATENATION || join->n_inputs != N_GRIDS) {
      g_set_error_literal (error, RTK_ERROR, RTK_ERROR_MODEL_DAMAGED,
                           "The model is damaged: it is no face detector");
      return FALSE;
    }
    for (int k = 0; k < N_GRIDS; k++)
      parts[N_GRIDS * (int)i + k] = join->inputs[k];
  }
  self->detector = rtk_xnn_new (model, inputs, n_inputs, parts, 2 * N_GRIDS, 1, error);
  return self->detector != NULL;
}

/* The network's numbers are pixels of its input around the anchor. */
static void
decode (const float      *values,
        double            anchor_u,
        double            anchor_v,
        const RtkRegion  *region,
        RtkFaceDetection *detection)
{
  RtkPoint centre = rtk_region_to_picture (region, anchor_u + values[0] / INPUT_SIZE,
                                           anchor_v + values[1] / INPUT_SIZE);

  detection->box.width = values[2] / INPUT_SIZE * region->width;
  detection->box.height = values[3] / INPUT_SIZE * region->height;
  detection->box.x = centre.x - detection->box.width / 2;
  detection->box.y = centre.y - detection->box.height / 2;
  for (int i = 0; i < RTK_N_DETECTION_POINTS; i++)
    detection->points[i] = rtk_region_to_picture (region, anchor_u + values[4 + 2 * i] / INPUT_SIZE,
                                                  anchor_v + values[5 + 2 * i] / INPUT_SIZE);
}

static void
collect (RtkXnn *network, int grid, const RtkRegion *region, GArray *found)
{
  const float *values = rtk_xnn_get_output (network, (guint)grid, NULL);
  const float *scores = rtk_xnn_get_output (network, (guint)(N_GRIDS + grid), NULL);
  int          cells = grids[grid].cells;

  for (int y = 0; y < cells; y++)
    for (int x = 0; x < cells; x++)
      for (int i = 0; i < grids[grid].anchors; i++, scores++, values += N_VALUES) {
        RtkFaceDetection detection;

        detection.score = 1. / (1. + exp (-CLAMP ((double)*scores, -100., 100.)));
        if (!(detection.score >= MIN_SCORE))
          continue;
        decode (values, (x + .5) / cells, (y + .5) / cells, region, &detection);
        if (detection.box.width > 0 && detection.box.height > 0)
          g_array_append_val (found, detection);
      }
}

/* Intersection over union. */
static double
overlap (const RtkRect *a, const RtkRect *b)
{
  double width = MIN (a->x + a->width, b->x + b->width) - MAX (a->x, b->x);
  double height = MIN (a->y + a->height, b->y + b->height) - MAX (a->y, b->y);
  double common;

  if (width <= 0 || height <= 0)
    return 0;
  common = width * height;
  return common / (a->width * a->height + b->width * b->height - common);
}

static int
by_score (gconstpointer a, gconstpointer b)
{
  double left = ((const RtkFaceDetection *)a)->score;
  double right = ((const RtkFaceDetection *)b)->score;

  return (left < right) - (left > right);
}

static void
add_weighted (RtkFaceDetection *sum, const RtkFaceDetection *part, double weight)
{
  sum->box.x += weight * part->box.x;
  sum->box.y += weight * part->box.y;
  sum->box.width += weight * part->box.width;
  sum->box.height += weight * part->box.height;
  for (int i = 0; i < RTK_N_DETECTION_POINTS; i++) {
    sum->points[i].x += weight * part->points[i].x;
    sum->points[i].y += weight * part->points[i].y;
  }
}

/* Several anchors see the same face: those that overlap the best one become one with it, each
 * counting as much as its score. */
static GArray *
merge (GArray *found)
{
  GArray *merged = g_array_new (FALSE, FALSE, sizeof (RtkFaceDetection));

  g_array_sort (found, by_score);
  while (found->len > 0) {
    RtkFaceDetection best = g_array_index (found, RtkFaceDetection, 0);
    RtkFaceDetection mean = {.score = best.score};
    double           total = 0;
    guint            n_left = 0;

    for (guint i = 0; i < found->len; i++)
      if (overlap (&g_array_index (found, RtkFaceDetection, i).box, &best.box) > MAX_OVERLAP)
        total += g_array_index (found, RtkFaceDetection, i).score;
    for (guint i = 0; i < found->len; i++) {
      RtkFaceDetection one = g_array_index (found, RtkFaceDetection, i);

      if (overlap (&one.box, &best.box) > MAX_OVERLAP)
        add_weighted (&mean, &one, one.score / total);
      else
        g_array_index (found, RtkFaceDetection, n_left++) = one;
    }
    /* A box with edges that are no numbers overlaps nothing, not even itself. */
    if (n_left == found->len)
      break;
    g_array_set_size (found, n_left);
    g_array_append_val (merged, mean);
  }
  return merged;
}

/**
 * rtk_networks_detect_faces:
 * @self: the networks
 * @image: RGB24 or BGRA32
 * @error: return location for a #RtkError
 *
 * Finds the faces that are not far away: of about a tenth of the picture's longer side or more.
 *
 * Blocking, about 1 ms; the thread of @self.
 *
 * Returns: (transfer full) (element-type RtkFaceDetection) (nullable): the faces, best score
 *   first; empty when there are none; %NULL on an error
 */
GArray *
rtk_networks_detect_faces (RtkNetworks *self, const RtkImage *image, GError **error)
{
  double    width = rtk_image_get_width (image);
  double    height = rtk_image_get_height (image);
  RtkRegion region = {.centre = {width / 2, height / 2}};
  g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (RtkFaceDetection));

  region.width = region.height = MAX (width, height);
  rtk_sampler_sample (image, &region, RTK_SAMPLER_ZERO, -1.f, 1.f,
                      rtk_xnn_get_input (self->detector, 0, NULL), INPUT_SIZE, INPUT_SIZE);
  if (!rtk_xnn_run (self->detector, error))
    return NULL;
  for (int grid = 0; grid < N_GRIDS; grid++)
    collect (self->detector, grid, &region, found);
  return merge (found);
}
