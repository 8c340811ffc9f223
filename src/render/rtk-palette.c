/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-render"
#include "config.h"

#include "render/rtk-palette.h"

/* Bright enough over any picture, and told apart by people who see no red or no green: green leans
 * to blue, red to orange, and the lightness of all four differs. A word or a shape always goes
 * with them. */
static const RtkColour verdict_colours[] = {
    [RTK_VERDICT_PASS] = {0.34, 0.89, 0.62},    [RTK_VERDICT_WARN] = {0.97, 0.83, 0.27},
    [RTK_VERDICT_FAIL] = {1.00, 0.42, 0.36},    [RTK_VERDICT_CONFIRM] = {0.60, 0.76, 0.95},
    [RTK_VERDICT_UNKNOWN] = {0.87, 0.87, 0.85},
};

/**
 * rtk_palette_get_verdict:
 * @verdict: a verdict
 *
 * Returns: the colour of @verdict over a photograph or a dark ground
 */
RtkColour
rtk_palette_get_verdict (RtkVerdict verdict)
{
  g_return_val_if_fail ((gsize)verdict < G_N_ELEMENTS (verdict_colours), verdict_colours[0]);

  return verdict_colours[verdict];
}

/**
 * rtk_palette_set_source:
 * @cr: what is drawn on
 * @colour: a colour
 * @alpha: 0 (nothing) .. 1 (opaque)
 *
 * Draws with @colour from now on.
 */
void
rtk_palette_set_source (cairo_t *cr, RtkColour colour, double alpha)
{
  cairo_set_source_rgba (cr, colour.red, colour.green, colour.blue, alpha);
}
