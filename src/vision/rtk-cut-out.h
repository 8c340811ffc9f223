/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-analysis.h"
#include "vision/rtk-matte.h"
#include "vision/rtk-networks.h"

G_BEGIN_DECLS

gboolean  rtk_cut_out_crop (RtkNetworks    *networks,
                            const RtkImage *picture,
                            const RtkCrop  *crop,
                            const RtkFace  *face,
                            RtkMatte       *out_matte,
                            GError        **error);
RtkImage *rtk_cut_out_frame (RtkNetworks    *networks,
                             const RtkImage *picture,
                             const RtkFace  *face,
                             GError        **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
