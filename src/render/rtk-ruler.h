/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "render/rtk-view.h"

G_BEGIN_DECLS

void rtk_ruler_draw (cairo_t *cr, const RtkView *view, const RtkCrop *crop);

G_END_DECLS
