/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-rule-pack.h"

#include <cairo.h>

G_BEGIN_DECLS

/**
 * RtkFigure:
 * @width: of the finished picture
 * @height: of the finished picture
 * @hair_top: y of the highest hair
 * @eye_line: y of the eyes
 * @face_width: from cheek to cheek
 *
 * The measures of a well-placed head and shoulders, in pixels of the finished picture.
 */
typedef struct {
  double width;
  double height;
  double hair_top;
  double eye_line;
  double face_width;
} RtkFigure;

void rtk_figure_init_from_pack (RtkFigure *self, const RtkRulePack *pack);
void rtk_figure_add_outline (const RtkFigure *self, cairo_t *cr);
void rtk_sample_draw (cairo_t         *cr,
                      const RtkFigure *figure,
                      const guint8     background[3],
                      double           x,
                      double           y,
                      double           width);

G_END_DECLS
