/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

void   rtk_colour_to_lab (const double rgb[3], double out_lab[3]);
double rtk_colour_difference (const double one[3], const double other[3]);

G_END_DECLS
