/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-geometry.h"
#include "core/rtk-image.h"

G_BEGIN_DECLS

RtkImage *rtk_resample (const RtkImage *source, const RtkCrop *crop) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
