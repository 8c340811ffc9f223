/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-render"
#include "config.h"

#include "render/rtk-ruler.h"

#define TICK_EVERY 10
#define LABEL_EVERY 100

static void
draw_tick (cairo_t *cr, RtkPoint at, double dx, double dy, int value, double unit)
{
  double length = value % LABEL_EVERY == 0 ? 10.0 : value % 50 == 0 ? 7.0 : 4.0;

  cairo_move_to (cr, at.x, at.y);
  cairo_line_to (cr, at.x + dx * length * unit, at.y + dy * length * unit);
}

static void
draw_edge (cairo_t *cr, const RtkView *view, const RtkCrop *crop, gboolean vertical)
{
  int    length = vertical ? crop->out_height : crop->out_width;
  double spacing = TICK_EVERY * crop->scale * rtk_view_get_zoom (view);
  /* Ticks closer than this would run into a grey bar. */
  int    step = spacing >= 4.0 * view->unit ? TICK_EVERY : 50;
  double dx = vertical ? (view->mirrored ? 1.0 : -1.0) : 0.0;
  double dy = vertical ? 0.0 : -1.0;

  for (int value = 0; value <= length; value += step) {
    RtkPoint finished = vertical ? (RtkPoint){0, value} : (RtkPoint){value, 0};
    RtkPoint at = rtk_view_map (view, rtk_crop_to_source (crop, finished));

    draw_tick (cr, at, dx, dy, value, view->unit);
  }
  cairo_stroke (cr);

  for (int value = 0; value <= length; value += LABEL_EVERY) {
    RtkPoint finished = vertical ? (RtkPoint){0, value} : (RtkPoint){value, 0};
    RtkPoint at = rtk_view_map (view, rtk_crop_to_source (crop, finished));
    char     text[12];

    g_snprintf (text, sizeof text, "%d", value);
    at.x += dx * 14.0 * view->unit;
    at.y += dy * 18.0 * view->unit;
    rtk_text_draw (cr, text, at,
                   !vertical ? RTK_TEXT_CENTRE : (dx > 0 ? RTK_TEXT_LEFT : RTK_TEXT_RIGHT),
                   11.0 * view->unit, FALSE);
  }
}

/**
 * rtk_ruler_draw:
 * @cr: what is drawn on
 * @view: how the picture is shown
 * @crop: the finished picture's place in the picture
 *
 * Draws a ruler outside the left and the top edge of @crop, in pixels of the finished picture.
 *
 * A mirrored view has its ruler at the edge that is the finished picture's left one.
 */
void
rtk_ruler_draw (cairo_t *cr, const RtkView *view, const RtkCrop *crop)
{
  cairo_save (cr);
  cairo_set_source_rgba (cr, 1, 1, 1, 0.75);
  cairo_set_line_width (cr, view->unit);
  draw_edge (cr, view, crop, TRUE);
  draw_edge (cr, view, crop, FALSE);
  cairo_restore (cr);
}
