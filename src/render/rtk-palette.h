/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-check.h"

#include <cairo.h>

G_BEGIN_DECLS

/* A colour of what is drawn over a picture; components 0..1. */
typedef struct {
  double red;
  double green;
  double blue;
} RtkColour;

RtkColour rtk_palette_get_verdict (RtkVerdict verdict);
void      rtk_palette_set_source (cairo_t *cr, RtkColour colour, double alpha);

G_END_DECLS
