/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-codec.h"

#include "core/rtk-error.h"
#include "vision/rtk-colour-profile.h"
#include "vision/rtk-jpeg.h"
#include "vision/rtk-picture-header.h"
#include "vision/rtk-png.h"

#include <string.h>

/* EXIF orientation as "mirror left to right, then turn clockwise". */
static const struct {
  gboolean mirrored;
  int      rotated_deg;
} orientations[9] = {
    [1] = {FALSE, 0},  [2] = {TRUE, 0},   [3] = {FALSE, 180}, [4] = {TRUE, 180},
    [5] = {TRUE, 270}, [6] = {FALSE, 90}, [7] = {TRUE, 90},   [8] = {FALSE, 270},
};

/* Moves the pixels to where @mirrored and @rotated_deg put them. Writes row by row. */
static guint8 *
orient (const guint8 *from, int width, int height, gboolean mirrored, int rotated_deg)
{
  gboolean  swap = rotated_deg == 90 || rotated_deg == 270;
  int       out_width = swap ? height : width;
  int       out_height = swap ? width : height;
  guint8   *to = g_try_malloc ((gsize)width * height * 3);
  guint8   *at = to;
  ptrdiff_t start, step_x, step_y;

  if (to == NULL)
    return NULL;
  /* The first pixel of the turned picture is a corner of the stored one; from there both axes
   * are straight walks through it. */
  switch (rotated_deg) {
  case 0:
    start = 0, step_x = 1, step_y = width;
    break;
  case 90:
    start = (ptrdiff_t)width * (height - 1), step_x = -width, step_y = 1;
    break;
  case 180:
    start = (ptrdiff_t)width * height - 1, step_x = -1, step_y = -width;
    break;
  default:
    start = width - 1, step_x = width, step_y = -1;
    break;
  }
  if (mirrored) {
    /* Mirroring comes first: columns of the stored picture count from its other side. */
    start = start / width * width + (width - 1 - start % width);
    if (swap)
      step_y = -step_y;
    else
      step_x = -step_x;
  }
  for (int y = 0; y < out_height; y++) {
    for (int x = 0; x < out_width; x++, at += 3)
      memcpy (at, from + 3 * (start + y * step_y + x * step_x), 3);
  }
  return to;
}

static guint8 *
decode_stored (GBytes *bytes, RtkPictureHeader *header, GError **error)
{
  if (header->kind == RTK_PICTURE_JPEG)
    return rtk_jpeg_decode_rgb (bytes, header->width, header->height, error);
  return rtk_png_decode_rgb (bytes, header->width, header->height, &header->profile, error);
}

/**
 * rtk_codec_decode:
 * @bytes: a whole picture file
 * @out_intake: (out caller-allocates) (optional): what decoding undid. Its colour is "srgb" (said
 *   by the file, or assumed), "icc" (converted from the embedded profile) or "icc-unusable" (the
 *   profile is damaged or of another kind; the values were taken as they are)
 * @error: return location for an #RtkError
 *
 * Decodes a JPEG or PNG file to upright sRGB pixels.
 *
 * EXIF orientation is undone here and nowhere else; an embedded profile is converted to sRGB.
 * Grey pictures are taken, with their three channels equal: whether colour is needed is for the
 * rules to say. Blocking, any thread; needs at most about 7 bytes a pixel beside the file (a
 * progressive JPEG 9).
 *
 * Fails with %RTK_ERROR_BAD_PICTURE or %RTK_ERROR_TOO_LARGE as rtk_picture_header_read() says,
 * and with %RTK_ERROR_BAD_PICTURE if the pixels are cut off or damaged.
 *
 * Returns: (transfer full): RGB24 without padding, or %NULL
 */
RtkImage *
rtk_codec_decode (GBytes *bytes, RtkIntake *out_intake, GError **error)
{
  static const char *const colours[] = {
      [RTK_COLOUR_ASSUMED_SRGB] = "srgb",
      [RTK_COLOUR_WAS_SRGB] = "srgb",
      [RTK_COLOUR_CONVERTED] = "icc",
      [RTK_COLOUR_PROFILE_UNUSABLE] = "icc-unusable",
  };
  g_auto (RtkPictureHeader) header = {0};
  g_autofree guint8 *pixels = NULL;
  RtkIntake          intake;
  gboolean           swap;
  int                width, height;

  if (!rtk_picture_header_read (bytes, &header, error))
    return NULL;
  pixels = decode_stored (bytes, &header, error);
  if (pixels == NULL)
    return NULL;

  intake.rotated = orientations[header.orientation].rotated_deg;
  intake.unmirrored = orientations[header.orientation].mirrored;
  intake.colour = colours[rtk_colour_profile_apply (header.profile, pixels,
                                                    (gsize)header.width * header.height)];
  if (intake.rotated != 0 || intake.unmirrored) {
    guint8 *upright =
        orient (pixels, header.width, header.height, intake.unmirrored, intake.rotated);

    if (upright == NULL) {
      g_set_error_literal (error, RTK_ERROR, RTK_ERROR_TOO_LARGE,
                           "There is not enough memory for this picture: close other programs");
      return NULL;
    }
    g_free (pixels);
    pixels = upright;
  }
  swap = intake.rotated == 90 || intake.rotated == 270;
  width = swap ? header.height : header.width;
  height = swap ? header.width : header.height;
  if (out_intake != NULL)
    *out_intake = intake;
  return rtk_image_new_take (RTK_PIXEL_RGB24, width, height, (gsize)width * 3,
                             g_steal_pointer (&pixels));
}
