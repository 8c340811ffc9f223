/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-face-search-private.h"

#include <math.h>

/* From here on a picture is looked at in squares, too; so many at most. */
#define LONG_ASPECT 1.2
#define MAX_SQUARES 6

/* A view of a square of @image as large as it can be; its pixels are shared. */
static RtkImage *
get_square (const RtkImage *image, int x, int y)
{
  int     side = MIN (rtk_image_get_width (image), rtk_image_get_height (image));
  int     step = rtk_pixel_format_get_bytes (rtk_image_get_format (image));
  gsize   stride = rtk_image_get_stride (image);
  GBytes *all = rtk_image_get_bytes (image);
  gsize   offset = (gsize)y * stride + (gsize)x * (gsize)step;
  g_autoptr (GBytes) bytes = g_bytes_new_from_bytes (all, offset, g_bytes_get_size (all) - offset);

  return rtk_image_new (rtk_image_get_format (image), side, side, stride, bytes);
}

static gboolean
is_known (const GArray *found, const RtkRect *box)
{
  for (guint i = 0; i < found->len; i++)
    if (rtk_face_search_same (&g_array_index (found, RtkFaceDetection, i).box, box))
      return TRUE;
  return FALSE;
}

static void
add_from_square (GArray *found, GArray *in_square, int x, int y)
{
  for (guint i = 0; i < in_square->len; i++) {
    RtkFaceDetection face = g_array_index (in_square, RtkFaceDetection, i);

    face.box.x += x;
    face.box.y += y;
    for (int k = 0; k < RTK_N_DETECTION_POINTS; k++) {
      face.points[k].x += x;
      face.points[k].y += y;
    }
    if (!is_known (found, &face.box))
      g_array_append_val (found, face);
  }
}

/**
 * rtk_face_search_same:
 * @a: a face's box
 * @b: another
 *
 * Returns: whether one box is most of, or mostly in, the other: the same face seen twice
 */
gboolean
rtk_face_search_same (const RtkRect *a, const RtkRect *b)
{
  double width = MIN (a->x + a->width, b->x + b->width) - MAX (a->x, b->x);
  double height = MIN (a->y + a->height, b->y + b->height) - MAX (a->y, b->y);
  double smaller = MIN (a->width * a->height, b->width * b->height);

  return width > 0. && height > 0. && width * height > .4 * smaller;
}

/**
 * rtk_face_search_count_views:
 * @image: a picture
 *
 * Tells in how many views faces are to be looked for.
 *
 * The detector squeezes what it is given to 128 pixels, in which a face across a wide frame is
 * lost, and with it the second person beside the subject: a long picture is looked at as a whole
 * and in overlapping squares along it.
 *
 * Returns: at least 1
 */
guint
rtk_face_search_count_views (const RtkImage *image)
{
  int    width = rtk_image_get_width (image);
  int    height = rtk_image_get_height (image);
  double aspect = (double)MAX (width, height) / MIN (width, height);

  return aspect < LONG_ASPECT ? 1 : 1 + (guint)MIN (MAX_SQUARES, (int)ceil (aspect * 1.5));
}

/**
 * rtk_face_search_view:
 * @networks: the networks
 * @image: RGB24 or BGRA32
 * @view: which of rtk_face_search_count_views(); 0 is the whole picture
 * @found: (element-type RtkFaceDetection): gets the faces that are not among it yet
 * @error: return location for an #RtkError
 *
 * Looks for faces in one view. Blocking, about 1 ms; the thread of @networks.
 *
 * Returns: %TRUE on success
 */
gboolean
rtk_face_search_view (
    RtkNetworks *networks, const RtkImage *image, guint view, GArray *found, GError **error)
{
  int width = rtk_image_get_width (image);
  int height = rtk_image_get_height (image);
  int along = 0;
  g_autoptr (RtkImage) square = NULL;
  g_autoptr (GArray) in_view = NULL;

  if (view > 0) {
    along = ABS (width - height) * ((int)view - 1) / ((int)rtk_face_search_count_views (image) - 2);
    square = get_square (image, width > height ? along : 0, width > height ? 0 : along);
  }
  in_view = rtk_networks_detect_faces (networks, square != NULL ? square : image, error);
  if (in_view == NULL)
    return FALSE;
  add_from_square (found, in_view, width > height ? along : 0, width > height ? 0 : along);
  return TRUE;
}
