/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-image.h"

G_BEGIN_DECLS

RtkImage *rtk_compose_over_flat (const RtkImage *original,
                                 const RtkImage *foreground,
                                 const RtkImage *alpha,
                                 const guint8    background[3]) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
