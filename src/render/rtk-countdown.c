/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-render"
#include "config.h"

#include "render/rtk-countdown.h"

#include "render/rtk-view.h"

/**
 * rtk_countdown_draw:
 * @cr: what is drawn on
 * @centre: of the ring, user space
 * @radius: of the ring, user space
 * @left: part of the time that is left, 0..1
 * @text: (nullable): what stands in the ring, such as the seconds
 *
 * Draws a ring that empties clockwise from the top.
 */
void
rtk_countdown_draw (cairo_t *cr, RtkPoint centre, double radius, double left, const char *text)
{
  double width = radius * 0.14;
  double from = -G_PI_2 + (1.0 - CLAMP (left, 0.0, 1.0)) * 2.0 * G_PI;

  cairo_save (cr);
  cairo_new_path (cr);
  cairo_arc (cr, centre.x, centre.y, radius, 0, 2 * G_PI);
  cairo_set_source_rgba (cr, 0, 0, 0, 0.55);
  cairo_fill (cr);
  cairo_set_line_width (cr, width);
  cairo_arc (cr, centre.x, centre.y, radius - width, 0, 2 * G_PI);
  cairo_set_source_rgba (cr, 1, 1, 1, 0.25);
  cairo_stroke (cr);
  if (left > 0.0) {
    cairo_arc (cr, centre.x, centre.y, radius - width, from, 1.5 * G_PI);
    cairo_set_source_rgb (cr, 1, 1, 1);
    cairo_stroke (cr);
  }
  if (text != NULL) {
    cairo_set_source_rgb (cr, 1, 1, 1);
    rtk_text_draw (cr, text, centre, RTK_TEXT_CENTRE, radius * 0.9, TRUE);
  }
  cairo_restore (cr);
}
