/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-attention-private.h"
#include "vision/rtk-sampler-private.h"

#include <math.h>
#include <string.h>

#define INPUT_SIZE 192
#define N_FACE_POINTS 468
#define N_IRIS_POINTS 5
#define N_LID_POINTS 16 /* the first ones of an eye region: the lids' edge */
#define ROI_SCALE 1.5

/* Tensor numbers of this very model (its SHA-256 is checked): where the custom operators cut it. */
enum {
  TENSOR_FEATURES = 35,
  TENSOR_MESH = 186,
  TENSOR_PRESENCE = 710,
};

static const struct {
  int crop;
  int points;
  int iris; /* -1: the region has none */
  int first_iris_point;
} parts[RTK_N_MESH_REGIONS] = {
    [RTK_ATTENTION_LIPS] = {199, 684, -1, 0},
    [RTK_ATTENTION_EYE_33] = {200, 687, 690, 468},
    [RTK_ATTENTION_EYE_263] = {201, 693, 696, 473},
};

gboolean
rtk_networks_open_mesh (RtkNetworks *self, const RtkTflite *model, GError **error)
{
  static const int outputs[] = {TENSOR_MESH, TENSOR_FEATURES, TENSOR_PRESENCE};
  guint            n_inputs;
  const int       *inputs = rtk_tflite_get_inputs (model, &n_inputs);

  self->mesh = rtk_xnn_new (model, inputs, n_inputs, outputs, G_N_ELEMENTS (outputs), 1, error);
  if (self->mesh == NULL)
    return FALSE;
  for (int i = 0; i < RTK_N_MESH_REGIONS; i++) {
    int region_outputs[] = {parts[i].points, parts[i].iris};

    self->mesh_regions[i] =
        rtk_xnn_new (model, &parts[i].crop, 1, region_outputs, parts[i].iris < 0 ? 1 : 2, 1, error);
    if (self->mesh_regions[i] == NULL)
      return FALSE;
  }
  return TRUE;
}

/* The irises have no depth of their own: they get that of their lids' edge. */
static void
place_iris (const RtkAttentionTransform *transform,
            const float                 *answer,
            const guint16               *lids,
            int                          first,
            float                       *mesh)
{
  float depth = 0.f;

  for (int i = 0; i < N_LID_POINTS; i++)
    depth += mesh[3 * lids[i] + 2] / N_LID_POINTS;
  for (int i = 0; i < N_IRIS_POINTS; i++) {
    float *point = mesh + 3 * (first + i);

    rtk_attention_place (transform, answer + 2 * i, &point[0], &point[1]);
    point[2] = depth;
  }
}

/* Refines lips and eyes in @mesh, which holds pixels of the input. */
static gboolean
refine (RtkNetworks *self, float *mesh, GError **error)
{
  RtkAttentionTransform transforms[RTK_N_MESH_REGIONS];
  const float          *features = rtk_xnn_get_output (self->mesh, 1, NULL);

  /* All regions lie where the coarse mesh says: refined points must not move the next region. */
  for (int i = 0; i < RTK_N_MESH_REGIONS; i++)
    transforms[i] = rtk_attention_find_transform ((RtkAttentionRegion)i, mesh);
  for (int i = 0; i < RTK_N_MESH_REGIONS; i++) {
    RtkXnn        *network = self->mesh_regions[i];
    guint          n_indices;
    const guint16 *indices = rtk_attention_get_indices ((RtkAttentionRegion)i, &n_indices);
    const float   *answer;

    rtk_attention_crop (&transforms[i], features, rtk_xnn_get_input (network, 0, NULL));
    if (!rtk_xnn_run (network, error))
      return FALSE;
    answer = rtk_xnn_get_output (network, 0, NULL);
    for (guint k = 0; k < n_indices; k++)
      rtk_attention_place (&transforms[i], answer + 2 * k, &mesh[3 * indices[k]],
                           &mesh[3 * indices[k] + 1]);
    if (parts[i].iris >= 0)
      place_iris (&transforms[i], rtk_xnn_get_output (network, 1, NULL), indices,
                  parts[i].first_iris_point, mesh);
  }
  return TRUE;
}

/**
 * rtk_networks_find_mesh:
 * @self: the networks
 * @image: RGB24 or BGRA32
 * @roi: where the face is
 * @out_mesh: (out): the face's shape
 * @error: return location for a #RtkError
 *
 * Finds the 478 points of the face in @roi.
 *
 * There are always points: whether they mean anything is in the presence (below .5 the face is
 * lost). Blocking, about 1.5 ms; the thread of @self.
 *
 * Returns: %TRUE on success
 */
gboolean
rtk_networks_find_mesh (RtkNetworks      *self,
                        const RtkImage   *image,
                        const RtkFaceRoi *roi,
                        RtkFaceMesh      *out_mesh,
                        GError          **error)
{
  RtkRegion region = {roi->centre, roi->side, roi->side, roi->angle_rad};
  float     mesh[3 * RTK_N_MESH_POINTS];
  double    scale = roi->side / INPUT_SIZE;
  double    presence;

  g_return_val_if_fail (roi->side > 0, FALSE);

  rtk_sampler_sample (image, &region, RTK_SAMPLER_REPLICATE, 0.f, 1.f,
                      rtk_xnn_get_input (self->mesh, 0, NULL), INPUT_SIZE, INPUT_SIZE);
  if (!rtk_xnn_run (self->mesh, error))
    return FALSE;
  memcpy (mesh, rtk_xnn_get_output (self->mesh, 0, NULL), sizeof (float) * 3 * N_FACE_POINTS);
  if (!refine (self, mesh, error))
    return FALSE;
  for (int i = 0; i < RTK_N_MESH_POINTS; i++) {
    RtkPoint point =
        rtk_region_to_picture (&region, mesh[3 * i] / INPUT_SIZE, mesh[3 * i + 1] / INPUT_SIZE);

    out_mesh->points[i] =
        (RtkMeshPoint){(float)point.x, (float)point.y, (float)(mesh[3 * i + 2] * scale)};
  }
  presence = *rtk_xnn_get_output (self->mesh, 2, NULL);
  out_mesh->presence = 1. / (1. + exp (-presence));
  return TRUE;
}

/**
 * rtk_face_roi_from_detection:
 * @detection: a face
 *
 * Returns: where to look for its mesh: half as large again, turned with the eyes
 */
RtkFaceRoi
rtk_face_roi_from_detection (const RtkFaceDetection *detection)
{
  const RtkRect  *box = &detection->box;
  const RtkPoint *eyes = detection->points;

  return (RtkFaceRoi){
      .centre = {box->x + box->width / 2, box->y + box->height / 2},
      .side = ROI_SCALE * MAX (box->width, box->height),
      .angle_rad = atan2 (eyes[1].y - eyes[0].y, eyes[1].x - eyes[0].x),
  };
}

/**
 * rtk_face_roi_from_mesh:
 * @mesh: the same face a moment ago
 *
 * Returns: where to look for its mesh now, without the detector
 */
RtkFaceRoi
rtk_face_roi_from_mesh (const RtkFaceMesh *mesh)
{
  const RtkMeshPoint *left = &mesh->points[33];
  const RtkMeshPoint *right = &mesh->points[263];
  double              low_x = INFINITY, low_y = INFINITY;
  double              high_x = -INFINITY, high_y = -INFINITY;

  for (int i = 0; i < RTK_N_MESH_POINTS; i++) {
    low_x = MIN (low_x, mesh->points[i].x);
    low_y = MIN (low_y, mesh->points[i].y);
    high_x = MAX (high_x, mesh->points[i].x);
    high_y = MAX (high_y, mesh->points[i].y);
  }
  return (RtkFaceRoi){
      .centre = {(low_x + high_x) / 2, (low_y + high_y) / 2},
      .side = ROI_SCALE * MAX (high_x - low_x, high_y - low_y),
      .angle_rad = atan2 ((double)right->y - left->y, (double)right->x - left->x),
  };
}
