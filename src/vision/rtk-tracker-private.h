/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "vision/rtk-analyse.h"

G_BEGIN_DECLS

#define RTK_TRACKER_MAX_OTHERS 7

/* Somebody beside the subject. */
typedef struct {
  RtkRect  box;
  double   score;
  gboolean seen; /* in this round of looks */
} RtkTrackedFace;

struct _RtkTracker {
  int            width; /* of the frame before */
  int            height;
  gint64         time;           /* of the frame before; 0 = none */
  double         share;          /* of a change that this frame follows */
  double         shoulder_share; /* the same of the shoulders */
  gboolean       has_face;
  RtkFaceMesh    mesh;        /* of the frame before */
  RtkRect        box_in_mesh; /* the detector's box, in widths and heights of the mesh's bounds */
  guint          age;         /* frames since the face was found */
  guint          view;        /* in which others are looked for next */
  guint          n_others;
  RtkTrackedFace others[RTK_TRACKER_MAX_OTHERS];
  gboolean       has_shoulders;
  RtkShoulders   shoulders; /* as seen last, in widths of the face's box from its middle */
  gboolean       has_smooth_shoulders;
  RtkShoulders   smooth_shoulders; /* in the same measure */
  gboolean       has_head;
  RtkHead        head; /* smoothed */
  gboolean       known[RTK_N_CHECKS];
  double         values[RTK_N_CHECKS]; /* smoothed */
};

void rtk_tracker_begin (RtkTracker *self, gint64 time);
void rtk_tracker_lose_face (RtkTracker *self);
void
rtk_tracker_take_shoulders (RtkTracker *self, const RtkShoulders *shoulders, const RtkRect *face);
void
rtk_tracker_follow_shoulders (RtkTracker *self, const RtkRect *face, RtkShoulders *out_shoulders);
void rtk_tracker_smooth (RtkTracker *self, RtkAnalysis *analysis);

G_END_DECLS
