/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "vision/rtk-analyse.h"

G_BEGIN_DECLS

#define RTK_TRACKER_MAX_FACES 8

struct _RtkTracker {
  int          width; /* of the frame before */
  int          height;
  gboolean     has_face;
  RtkFaceMesh  mesh;        /* of the frame before */
  RtkRect      box_in_mesh; /* the detector's box, in widths and heights of the mesh's bounds */
  guint        age;         /* frames since the face was found */
  guint        n_faces;     /* when the detector ran last */
  RtkFace      others[RTK_TRACKER_MAX_FACES]; /* from then, the first is not used */
  gboolean     has_shoulders;
  RtkShoulders shoulders;
  gboolean     has_head;
  RtkHead      head; /* smoothed */
  gboolean     known[RTK_N_CHECKS];
  double       values[RTK_N_CHECKS]; /* smoothed */
};

void rtk_tracker_smooth_shoulders (RtkTracker *self, RtkShoulders *shoulders);
void rtk_tracker_smooth (RtkTracker *self, RtkAnalysis *analysis);

G_END_DECLS
