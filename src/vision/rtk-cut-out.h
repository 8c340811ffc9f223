/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-analysis.h"
#include "vision/rtk-matte.h"
#include "vision/rtk-networks.h"

G_BEGIN_DECLS

gboolean rtk_cut_out_crop (RtkNetworks    *networks,
                           const RtkImage *picture,
                           const RtkCrop  *crop,
                           const RtkFace  *face,
                           const RtkImage *plate,
                           RtkMatte       *out_matte,
                           GError        **error);
gboolean rtk_cut_out_frame (RtkNetworks    *networks,
                            const RtkImage *picture,
                            const RtkFace  *face,
                            const RtkImage *plate,
                            RtkMatte       *out_matte,
                            GError        **error);

G_END_DECLS
