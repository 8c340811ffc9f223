/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-colour.h"

#include <math.h>

/* Linear light of each byte, and of 256 for what lies between the last two. */
static const double *
get_table (void)
{
  static double table[257];
  static gsize  made = 0;

  if (g_once_init_enter (&made)) {
    for (int i = 0; i < 257; i++) {
      double coded = i / 255.;

      table[i] = coded <= 0.04045 ? coded / 12.92 : pow ((coded + 0.055) / 1.055, 2.4);
    }
    g_once_init_leave (&made, 1);
  }
  return table;
}

static double
to_linear (const double *table, double coded)
{
  int below = (int)CLAMP (coded, 0., 255.);

  return table[below] + (coded - below) * (table[below + 1] - table[below]);
}

static double
lab_curve (double value)
{
  return value > 216. / 24389. ? cbrt (value) : (24389. / 27. * value + 16.) / 116.;
}

/**
 * rtk_colour_to_lab:
 * @rgb: red, green and blue of sRGB, 0..255
 * @out_lab: (out): L* 0..100, a* and b*
 *
 * Converts a colour to CIELAB with the white of D65 (IEC 61966-2-1, CIE 15). Any thread.
 */
void
rtk_colour_to_lab (const double rgb[3], double out_lab[3])
{
  const double *table = get_table ();
  double        red = to_linear (table, rgb[0]);
  double        green = to_linear (table, rgb[1]);
  double        blue = to_linear (table, rgb[2]);
  double        x = lab_curve ((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505);
  double        y = lab_curve (0.2126 * red + 0.7152 * green + 0.0722 * blue);
  double        z = lab_curve ((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089);

  out_lab[0] = 116. * y - 16.;
  out_lab[1] = 500. * (x - y);
  out_lab[2] = 200. * (y - z);
}

/**
 * rtk_colour_difference:
 * @one: a colour in CIELAB
 * @other: another one
 *
 * Measures how different two colours look. Any thread.
 *
 * Returns: their distance in CIELAB (the colour difference of 1976)
 */
double
rtk_colour_difference (const double one[3], const double other[3])
{
  return sqrt ((one[0] - other[0]) * (one[0] - other[0]) +
               (one[1] - other[1]) * (one[1] - other[1]) +
               (one[2] - other[2]) * (one[2] - other[2]));
}
