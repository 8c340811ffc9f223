/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * RtkExif:
 * @orientation: 1 (upright) to 8; 1 when absent or out of range
 * @dpi_x: dots an inch, 0 when absent
 * @dpi_y: dots an inch, 0 when absent
 *
 * The few facts that are taken from EXIF.
 */
typedef struct {
  int    orientation;
  double dpi_x;
  double dpi_y;
} RtkExif;

gboolean rtk_exif_parse (const guint8 *tiff, gsize size, RtkExif *out_exif);

G_END_DECLS
