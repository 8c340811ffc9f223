/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-analysis.h"
#include "vision/rtk-tracker-private.h"

G_BEGIN_DECLS

/**
 * RtkSubjectRun:
 * @networks: (unowned): the networks
 * @image: (unowned): the picture
 * @tracker: (unowned) (nullable): what was remembered of the frame before, %NULL for a single
 * picture
 * @networks_ms: time that the networks took so far
 * @begun: for the use of rtk-subject.c
 *
 * What one search is made with.
 */
typedef struct {
  RtkNetworks    *networks;
  const RtkImage *image;
  RtkTracker     *tracker;
  double          networks_ms;
  gint64          begun;
} RtkSubjectRun;

RtkAnalysis *rtk_subject_find_faces (RtkSubjectRun *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean rtk_subject_find_shoulders (RtkSubjectRun *self, RtkAnalysis *analysis, GError **error);

G_END_DECLS
