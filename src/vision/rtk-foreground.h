/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-image.h"

G_BEGIN_DECLS

RtkImage *rtk_foreground_recover (const RtkImage *picture,
                                  const RtkImage *alpha,
                                  double          unit) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
