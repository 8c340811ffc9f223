/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-geometry.h"

#include <cairo.h>

G_BEGIN_DECLS

void
rtk_countdown_draw (cairo_t *cr, RtkPoint centre, double radius, double left, const char *text);

G_END_DECLS
