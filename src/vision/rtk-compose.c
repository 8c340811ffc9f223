/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-compose.h"

/* (a * f + (255 - a) * b) / 255, rounded to the nearest: exact for every argument, as 255 is odd
 * and so no half ever occurs. */
static inline guint8
mix (guint alpha, guint foreground, guint background)
{
  guint sum = alpha * foreground + (255 - alpha) * background + 127;

  return (guint8)(sum / 255);
}

static gboolean
same_size (const RtkImage *a, const RtkImage *b)
{
  return rtk_image_get_width (a) == rtk_image_get_width (b) &&
         rtk_image_get_height (a) == rtk_image_get_height (b);
}

/**
 * rtk_compose_over_flat:
 * @original: RGB24, the camera's picture
 * @foreground: RGB24 of the same size: the colour of the person alone where it shines through
 * @alpha: GREY8 of the same size: 255 is all person
 * @background: red, green, blue
 *
 * Puts the person in front of one flat colour.
 *
 * Where @alpha is 255 the pixel of @original is copied as it is, where it is 0 the result is
 * @background; between them `alpha * foreground + (255 - alpha) * background`, divided by 255 and
 * rounded to the nearest, on sRGB values as stored. Integer arithmetic: the same bytes everywhere.
 * Blocking, any thread.
 *
 * Returns: (transfer full): RGB24 without padding
 */
RtkImage *
rtk_compose_over_flat (const RtkImage *original,
                       const RtkImage *foreground,
                       const RtkImage *alpha,
                       const guint8    background[3])
{
  int     width = rtk_image_get_width (original);
  int     height = rtk_image_get_height (original);
  guint8 *out;

  g_return_val_if_fail (rtk_image_get_format (original) == RTK_PIXEL_RGB24, NULL);
  g_return_val_if_fail (rtk_image_get_format (foreground) == RTK_PIXEL_RGB24, NULL);
  g_return_val_if_fail (rtk_image_get_format (alpha) == RTK_PIXEL_GREY8, NULL);
  g_return_val_if_fail (same_size (original, foreground) && same_size (original, alpha), NULL);

  out = g_malloc ((gsize)width * height * 3);
  for (int y = 0; y < height; y++) {
    const guint8 *i_row = rtk_image_get_pixels (original) + rtk_image_get_stride (original) * y;
    const guint8 *f_row = rtk_image_get_pixels (foreground) + rtk_image_get_stride (foreground) * y;
    const guint8 *a_row = rtk_image_get_pixels (alpha) + rtk_image_get_stride (alpha) * y;
    guint8       *o_row = out + (gsize)width * 3 * y;

    for (int x = 0; x < width; x++) {
      const guint8 *from = a_row[x] == 255 ? i_row + 3 * x : f_row + 3 * x;

      for (int c = 0; c < 3; c++)
        o_row[3 * x + c] = mix (a_row[x], from[c], background[c]);
    }
  }
  return rtk_image_new_take (RTK_PIXEL_RGB24, width, height, (gsize)width * 3, out);
}
