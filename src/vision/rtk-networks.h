/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-geometry.h"
#include "core/rtk-image.h"

G_BEGIN_DECLS

#define RTK_MASK_SIZE 256
#define RTK_N_DETECTION_POINTS 6
#define RTK_N_MESH_POINTS 478

/**
 * RtkFaceDetection:
 * @box: brows to chin, ear to ear, pixels of the picture; may reach beyond it
 * @points: the subject's right eye, left eye, nose tip, mouth, right ear, left ear
 * @score: 0..1, at least .5
 *
 * A face as the detector sees it.
 */
typedef struct {
  RtkRect  box;
  RtkPoint points[RTK_N_DETECTION_POINTS];
  double   score;
} RtkFaceDetection;

/**
 * RtkFaceRoi:
 * @centre: pixels of the picture
 * @side: pixels of the picture
 * @angle_rad: how far the eye line is turned clockwise as seen in the picture
 *
 * The square in which the mesh network looks for one face.
 */
typedef struct {
  RtkPoint centre;
  double   side;
  double   angle_rad;
} RtkFaceRoi;

/* A point of the mesh in pixels of the picture; z in the same scale, smaller is nearer. */
typedef struct {
  float x;
  float y;
  float z;
} RtkMeshPoint;

/**
 * RtkFaceMesh:
 * @points: 468 of the face, then 5 of each iris, its centre first: 468..472 in the eye with corners
 *   33 and 133 (the subject's right one), 473..477 in the other
 * @presence: how sure the network is that there is a face, 0..1
 *
 * A face's shape, lips and lids refined.
 */
typedef struct {
  RtkMeshPoint points[RTK_N_MESH_POINTS];
  double       presence;
} RtkFaceMesh;

/**
 * RtkHeadPose:
 * @yaw: > 0 when the face is turned towards the right edge of the picture
 * @pitch: > 0 when the face looks up
 * @roll: > 0 when the head leans clockwise as seen in the picture
 *
 * Where a face looks, degrees.
 */
typedef struct {
  double yaw;
  double pitch;
  double roll;
} RtkHeadPose;

/**
 * RtkShoulders:
 * @points: the shoulder joint on the left and on the right of the picture, pixels
 * @visible: how sure the network is that each can be seen, 0..1
 */
typedef struct {
  RtkPoint points[2];
  double   visible[2];
} RtkShoulders;

/* The four networks, ready to run. Used by one thread; which may let functions that ask different
 * networks run at the same time, but never two that ask the same one. */
typedef struct _RtkNetworks RtkNetworks;

RtkNetworks *rtk_networks_new (const char *models_dir, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void         rtk_networks_free (RtkNetworks *self);

gboolean rtk_networks_segment (
    RtkNetworks *self, const RtkImage *image, const RtkRect *area, float *out_mask, GError **error);
gboolean rtk_networks_segment_body (
    RtkNetworks *self, const RtkImage *image, const RtkRect *area, float *out_mask, GError **error);
GArray  *rtk_networks_detect_faces (RtkNetworks    *self,
                                    const RtkImage *image,
                                    GError        **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean rtk_networks_find_mesh (RtkNetworks      *self,
                                 const RtkImage   *image,
                                 const RtkFaceRoi *roi,
                                 RtkFaceMesh      *out_mesh,
                                 GError          **error);
gboolean rtk_networks_find_shoulders (RtkNetworks    *self,
                                      const RtkImage *image,
                                      const RtkRect  *face_box,
                                      RtkShoulders   *out_shoulders,
                                      GError        **error);

const float *rtk_networks_get_last_mask (const RtkNetworks *self);

gboolean rtk_networks_time_bare (RtkNetworks *networks, double *out_ms, GError **error);

RtkFaceRoi  rtk_face_roi_from_detection (const RtkFaceDetection *detection);
RtkFaceRoi  rtk_face_roi_from_mesh (const RtkFaceMesh *mesh);
RtkHeadPose rtk_head_pose_from_mesh (const RtkFaceMesh *mesh);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkNetworks, rtk_networks_free)

G_END_DECLS
