/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "vision/rtk-networks.h"
#include "vision/rtk-xnn.h"

G_BEGIN_DECLS

#define RTK_N_MESH_REGIONS 3

struct _RtkNetworks {
  RtkXnn *selfie;                           /* (owned): picture -> person mask */
  RtkXnn *detector;                         /* (owned): picture -> boxes and scores */
  RtkXnn *mesh;                             /* (owned): face -> points, features, presence */
  RtkXnn *mesh_regions[RTK_N_MESH_REGIONS]; /* (owned): features -> refined points */
  RtkXnn *pose;                             /* (owned): person -> body points */
  RtkXnn *body;       /* (owned) (nullable): picture -> person mask, opened when first asked for */
  char   *models_dir; /* (owned) */
};

gboolean   rtk_networks_open_selfie (RtkNetworks *self, const RtkTflite *model, GError **error);
gboolean   rtk_networks_open_detector (RtkNetworks *self, const RtkTflite *model, GError **error);
gboolean   rtk_networks_open_mesh (RtkNetworks *self, const RtkTflite *model, GError **error);
gboolean   rtk_networks_open_pose (RtkNetworks *self, const RtkTflite *model, GError **error);
RtkTflite *rtk_networks_load_pose (const RtkNetworks *self,
                                   GError           **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
