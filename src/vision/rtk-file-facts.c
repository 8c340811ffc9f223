/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-file-facts.h"

#include "vision/rtk-picture-header.h"

/**
 * rtk_file_facts_read:
 * @bytes: a whole picture file
 * @name: its base name, or "" when it has none
 * @error: return location for an #RtkError
 *
 * Reads what a picture file says of itself, for the rules on files. No pixel is decoded.
 *
 * Any thread. Fails as rtk_picture_header_read() does.
 *
 * Returns: (transfer full): the facts, or %NULL
 */
RtkFileFacts *
rtk_file_facts_read (GBytes *bytes, const char *name, GError **error)
{
  g_auto (RtkPictureHeader) header = {0};
  RtkFileFacts *facts;

  if (!rtk_picture_header_read (bytes, &header, error))
    return NULL;
  facts = rtk_file_facts_new ();
  g_strlcpy (facts->format, header.kind == RTK_PICTURE_JPEG ? "JPEG" : "PNG", sizeof facts->format);
  g_free (facts->name);
  facts->name = g_strdup (name);
  facts->width = header.width;
  facts->height = header.height;
  facts->dpi_x = header.dpi_x;
  facts->dpi_y = header.dpi_y;
  facts->depth = header.bit_depth * (header.channels + (header.has_alpha ? 1 : 0));
  facts->bytes = g_bytes_get_size (bytes);
  facts->quality = header.quality;
  return facts;
}
