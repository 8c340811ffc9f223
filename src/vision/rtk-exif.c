/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-exif.h"

#include <string.h>

enum {
  TAG_ORIENTATION = 0x0112,
  TAG_X_RESOLUTION = 0x011a,
  TAG_Y_RESOLUTION = 0x011b,
  TAG_RESOLUTION_UNIT = 0x0128,
  TYPE_SHORT = 3,
  TYPE_RATIONAL = 5,
};

typedef struct {
  const guint8 *data;
  gsize         size;
  gboolean      big_endian;
} Tiff;

static gboolean
get_u16 (const Tiff *tiff, gsize offset, guint *out_value)
{
  if (offset > tiff->size || tiff->size - offset < 2)
    return FALSE;
  if (tiff->big_endian)
    *out_value = tiff->data[offset] << 8 | tiff->data[offset + 1];
  else
    *out_value = tiff->data[offset + 1] << 8 | tiff->data[offset];
  return TRUE;
}

static gboolean
get_u32 (const Tiff *tiff, gsize offset, guint32 *out_value)
{
  guint first, second;

  if (!get_u16 (tiff, offset, &first) || !get_u16 (tiff, offset + 2, &second))
    return FALSE;
  *out_value = tiff->big_endian ? (guint32)first << 16 | second : (guint32)second << 16 | first;
  return TRUE;
}

static double
get_rational (const Tiff *tiff, gsize entry)
{
  guint32 offset, numerator, denominator;

  if (!get_u32 (tiff, entry + 8, &offset) || !get_u32 (tiff, offset, &numerator) ||
      !get_u32 (tiff, (gsize)offset + 4, &denominator) || denominator == 0)
    return 0;
  return (double)numerator / denominator;
}

/**
 * rtk_exif_parse:
 * @tiff: (array length=size): the TIFF structure: for a JPEG what follows "Exif\0\0"
 * @size: bytes in @tiff
 * @out_exif: (out caller-allocates): set in any case
 *
 * Reads orientation and resolution from the first image directory.
 *
 * Every offset is checked against @size; nothing is followed beyond the first directory, so no
 * chain of directories can be endless. Any thread.
 *
 * Returns: whether @tiff is a TIFF structure at all
 */
gboolean
rtk_exif_parse (const guint8 *tiff, gsize size, RtkExif *out_exif)
{
  Tiff    self = {tiff, size, FALSE};
  guint32 directory;
  guint   magic, n_entries, unit = 2;

  *out_exif = (RtkExif){1, 0, 0};
  if (size < 8 || (memcmp (tiff, "II", 2) != 0 && memcmp (tiff, "MM", 2) != 0))
    return FALSE;
  self.big_endian = tiff[0] == 'M';
  if (!get_u16 (&self, 2, &magic) || magic != 42 || !get_u32 (&self, 4, &directory) ||
      !get_u16 (&self, directory, &n_entries))
    return FALSE;

  for (guint i = 0; i < n_entries; i++) {
    gsize entry = (gsize)directory + 2 + (gsize)i * 12;
    guint tag, type, value;

    if (!get_u16 (&self, entry, &tag) || !get_u16 (&self, entry + 2, &type) ||
        !get_u16 (&self, entry + 8, &value))
      break;
    if (tag == TAG_ORIENTATION && type == TYPE_SHORT && value >= 1 && value <= 8)
      out_exif->orientation = (int)value;
    else if (tag == TAG_X_RESOLUTION && type == TYPE_RATIONAL)
      out_exif->dpi_x = get_rational (&self, entry);
    else if (tag == TAG_Y_RESOLUTION && type == TYPE_RATIONAL)
      out_exif->dpi_y = get_rational (&self, entry);
    else if (tag == TAG_RESOLUTION_UNIT && type == TYPE_SHORT)
      unit = value;
  }
  /* Unit 2 is the inch, 3 the centimetre; 1 only gives the shape of a pixel. */
  if (unit == 3) {
    out_exif->dpi_x *= 2.54;
    out_exif->dpi_y *= 2.54;
  } else if (unit != 2) {
    out_exif->dpi_x = out_exif->dpi_y = 0;
  }
  return TRUE;
}
