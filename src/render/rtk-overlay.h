/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-report.h"
#include "render/rtk-view.h"

G_BEGIN_DECLS

/**
 * RtkZone:
 *
 * The places of the finished picture that the geometry rules name.
 */
typedef enum {
  RTK_ZONE_HAIR_TOP,
  RTK_ZONE_EYE_LINE,
  RTK_ZONE_CHEEK_LEFT,
  RTK_ZONE_CHEEK_RIGHT,
  RTK_ZONE_CENTRE,
  RTK_N_ZONES
} RtkZone;

/**
 * RtkOverlay:
 * @view: how the picture is shown
 * @pack: (unowned): the rule pack in force
 * @crop: the finished picture's place in the picture
 * @analysis: (unowned) (nullable): the newest measures; without them only the guides are drawn
 * @report: (unowned) (nullable): the newest verdicts, for the colours
 * @labels: (unowned) (nullable): a translated word a zone
 * @with_ruler: whether the ruler is drawn along the crop
 *
 * What is drawn over the live picture.
 */
typedef struct {
  RtkView            view;
  const RtkRulePack *pack;
  RtkCrop            crop;
  const RtkAnalysis *analysis;
  const RtkReport   *report;
  const char        *labels[RTK_N_ZONES];
  gboolean           with_ruler;
} RtkOverlay;

gboolean rtk_overlay_get_zone (const RtkRulePack *pack,
                               const RtkCrop     *crop,
                               RtkZone            zone,
                               RtkRect           *out_rect);
void     rtk_overlay_get_guide_crop (const RtkRulePack *pack,
                                     int                picture_width,
                                     int                picture_height,
                                     RtkCrop           *out_crop);
void     rtk_overlay_draw (const RtkOverlay *self, cairo_t *cr);

G_END_DECLS
