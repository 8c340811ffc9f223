/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-capture"
#include "config.h"

#include "capture/rtk-orientation-private.h"

#include <string.h>

/**
 * rtk_orientation_compose:
 * @first: done first
 * @second: done to the result of @first
 *
 * Makes one step of two. A mirror after a turn is the opposite turn after the mirror.
 *
 * Returns: the same as @first and then @second
 */
RtkOrientation
rtk_orientation_compose (RtkOrientation first, RtkOrientation second)
{
  int            turned = second.mirrored ? 360 - first.rotation : first.rotation;
  RtkOrientation both = {!first.mirrored != !second.mirrored, (turned + second.rotation) % 360};

  return both;
}

/**
 * rtk_orientation_from_tag:
 * @tag: value of GST_TAG_IMAGE_ORIENTATION, "rotate-90" or "flip-rotate-90"
 * @out_orientation: (out): what the tag asks for
 *
 * Reads the orientation that a file says about itself.
 *
 * Returns: %FALSE, and @out_orientation is left alone, when @tag is not a known word
 */
gboolean
rtk_orientation_from_tag (const char *tag, RtkOrientation *out_orientation)
{
  static const int turns[] = {0, 90, 180, 270};
  const char      *word = tag;
  RtkOrientation   found = {FALSE, 0};

  if (g_str_has_prefix (word, "flip-")) {
    found.mirrored = TRUE;
    word += strlen ("flip-");
  }
  if (!g_str_has_prefix (word, "rotate-"))
    return FALSE;
  word += strlen ("rotate-");
  for (guint i = 0; i < G_N_ELEMENTS (turns); i++) {
    g_autofree char *text = g_strdup_printf ("%d", turns[i]);

    if (g_str_equal (word, text)) {
      found.rotation = turns[i];
      *out_orientation = found;
      return TRUE;
    }
  }
  return FALSE;
}

/**
 * rtk_orientation_get_method:
 * @self: an orientation
 *
 * Returns: the same for the "video-direction" of videoflip
 */
GstVideoOrientationMethod
rtk_orientation_get_method (RtkOrientation self)
{
  switch (self.rotation) {
  case 90:
    return self.mirrored ? GST_VIDEO_ORIENTATION_UR_LL : GST_VIDEO_ORIENTATION_90R;
  case 180:
    return self.mirrored ? GST_VIDEO_ORIENTATION_VERT : GST_VIDEO_ORIENTATION_180;
  case 270:
    return self.mirrored ? GST_VIDEO_ORIENTATION_UL_LR : GST_VIDEO_ORIENTATION_90L;
  default:
    return self.mirrored ? GST_VIDEO_ORIENTATION_HORIZ : GST_VIDEO_ORIENTATION_IDENTITY;
  }
}

/**
 * rtk_orientation_is_identity:
 * @self: an orientation
 *
 * Returns: whether nothing has to be done
 */
gboolean
rtk_orientation_is_identity (RtkOrientation self)
{
  return !self.mirrored && self.rotation == 0;
}

/**
 * rtk_orientation_swaps_sides:
 * @self: an orientation
 *
 * Returns: whether width becomes height
 */
gboolean
rtk_orientation_swaps_sides (RtkOrientation self)
{
  return self.rotation == 90 || self.rotation == 270;
}

/**
 * rtk_orientation_apply:
 * @self: what to do
 * @image: a picture as the source gives it
 *
 * Makes an upright copy of @image; pixels only change places. Any thread.
 *
 * Returns: (transfer full): the upright picture; @image itself when there is nothing to do
 */
RtkImage *
rtk_orientation_apply (RtkOrientation self, RtkImage *image)
{
  int           width = rtk_image_get_width (image);
  int           height = rtk_image_get_height (image);
  gboolean      swaps = rtk_orientation_swaps_sides (self);
  int           out_width = swaps ? height : width;
  int           out_height = swaps ? width : height;
  int           pixel = rtk_pixel_format_get_bytes (rtk_image_get_format (image));
  gsize         stride = rtk_image_get_stride (image);
  const guint8 *in = rtk_image_get_pixels (image);
  gsize         out_stride = (gsize)out_width * (gsize)pixel;
  guint8       *out;

  if (rtk_orientation_is_identity (self))
    return rtk_image_ref (image);

  out = g_malloc (out_stride * (gsize)out_height);
  for (int y = 0; y < out_height; y++) {
    for (int x = 0; x < out_width; x++) {
      int from_x = x, from_y = y;

      /* Undo the clockwise turn, then the mirror. */
      if (self.rotation == 90) {
        from_x = y;
        from_y = height - 1 - x;
      } else if (self.rotation == 180) {
        from_x = width - 1 - x;
        from_y = height - 1 - y;
      } else if (self.rotation == 270) {
        from_x = width - 1 - y;
        from_y = x;
      }
      if (self.mirrored)
        from_x = width - 1 - from_x;
      memcpy (out + (gsize)y * out_stride + (gsize)x * (gsize)pixel,
              in + (gsize)from_y * stride + (gsize)from_x * (gsize)pixel, (gsize)pixel);
    }
  }
  return rtk_image_new_take (rtk_image_get_format (image), out_width, out_height, out_stride, out);
}
