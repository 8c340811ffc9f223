/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-analysis.h"
#include "core/rtk-camera.h"
#include "core/rtk-rule-pack.h"
#include "vision/rtk-networks.h"

G_BEGIN_DECLS

/* What is remembered from one live frame to the next: where the face was, and smoothed values. Used
 * by one thread. */
typedef struct _RtkTracker RtkTracker;

RtkTracker *rtk_tracker_new (void) G_GNUC_WARN_UNUSED_RESULT;
void        rtk_tracker_reset (RtkTracker *self);
void        rtk_tracker_free (RtkTracker *self);

RtkAnalysis *rtk_vision_analyse_frame (RtkNetworks    *networks,
                                       RtkTracker     *tracker,
                                       const RtkFrame *frame,
                                       GError        **error) G_GNUC_WARN_UNUSED_RESULT;
RtkAnalysis *rtk_vision_analyse_picture (RtkNetworks    *networks,
                                         const RtkImage *image,
                                         GError        **error) G_GNUC_WARN_UNUSED_RESULT;
RtkAnalysis *rtk_vision_find_subject (RtkNetworks    *networks,
                                      const RtkImage *image,
                                      float         **out_mask,
                                      GError        **error) G_GNUC_WARN_UNUSED_RESULT;
void rtk_vision_measure_surface (const RtkImage *image, const float *mask, RtkAnalysis *analysis);
RtkAnalysis *rtk_vision_analyse_finished (RtkNetworks       *networks,
                                          const RtkImage    *image,
                                          const RtkRulePack *pack,
                                          GError           **error) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkTracker, rtk_tracker_free)

G_END_DECLS
