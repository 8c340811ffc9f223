/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-matte-private.h"

#include <math.h>
#include <string.h>

/* Parts of the person may lie this far apart, in cells of the working grid. */
#define ISLAND_GAP 2
#define CELL_FLOATS (sizeof (RtkMatteCell) / sizeof (float))

static void
store_person (RtkMatteCell *cells, gsize n, int scale, const RtkPlane *filled)
{
  for (gsize i = 0; i < n; i++) {
    const float    *from = filled->data + 4 * i;
    RtkMatteSample *to = &cells[i].person[scale];

    memcpy (to->colour, from, sizeof to->colour);
    to->variance = MAX (0, from[3] - rtk_dot3 (from, from) / 3);
  }
}

/**
 * rtk_matte_fill_person:
 * @work: a matte on its way
 * @sure: 5 channels: colour times share, mean square times share, and share of what is surely
 * person
 * @first: whether this is the first round
 * @cells: (array): their persons are set
 *
 * Spreads what is known of the person's colours over the grid, at three scales.
 */
void
rtk_matte_fill_person (const RtkMatteWork *work,
                       const RtkPlane     *sure,
                       gboolean            first,
                       RtkMatteCell       *cells)
{
  static const float finest[] = {1, 2, 4, 8, 16};
  static const float middle[] = {3, 6, 12, 24};
  static const float coarsest[] = {9, 18, 36};
  gsize              n = (gsize)work->width * work->height;
  g_autoptr (RtkPlane) second = rtk_plane_fill (sure, middle, G_N_ELEMENTS (middle));
  g_autoptr (RtkPlane) third = rtk_plane_fill (sure, coarsest, G_N_ELEMENTS (coarsest));

  /* The first guess of what is person is too rough for the finest scale to be near the edge. */
  if (first) {
    store_person (cells, n, 0, second);
  } else {
    g_autoptr (RtkPlane) plane = rtk_plane_fill (sure, finest, G_N_ELEMENTS (finest));

    store_person (cells, n, 0, plane);
  }
  store_person (cells, n, 1, second);
  store_person (cells, n, 2, third);
}

/* What the round before found, on the working grid; before the first one the region. */
static RtkPlane *
halve_alpha (const RtkMatteWork *work, const guint8 *trial)
{
  RtkPlane *out = rtk_plane_new (work->width, work->height, 1);
  gsize     stride = 2 * (gsize)work->width;

  for (int y = 0; y < work->height; y++) {
    for (int x = 0; x < work->width; x++) {
      gsize         at = (gsize)y * work->width + (gsize)x;
      const guint8 *from = trial + 2 * (gsize)y * stride + 2 * (gsize)x;

      out->data[at] = (float)(from[0] + from[1] + from[stride] + from[stride + 1]) / 1020;
    }
  }
  return out;
}

/* How much brightness varies around every cell (first channel). */
static RtkPlane *
find_texture (const RtkMatteWork *work)
{
  gsize     n = (gsize)work->width * work->height;
  RtkPlane *out = rtk_plane_new (work->width, work->height, 2);

  for (gsize i = 0; i < n; i++) {
    const float *pixel = work->picture->data + 3 * i;
    float        light = (pixel[0] + pixel[1] + pixel[2]) / 3;

    out->data[2 * i] = light * light;
    out->data[2 * i + 1] = light;
  }
  rtk_plane_blur (out, 1);
  for (gsize i = 0; i < n; i++) {
    float *to = out->data + 2 * i;

    to[0] = sqrtf (MAX (0, to[0] - to[1] * to[1]));
  }
  return out;
}

/**
 * rtk_matte_fill_rest:
 * @work: a matte whose wall and region are known
 * @trial: alpha of the round before, at twice the grid
 * @cells: (array): all but their persons is set
 *
 * Gathers what is known of every cell.
 */
void
rtk_matte_fill_rest (const RtkMatteWork *work, const guint8 *trial, RtkMatteCell *cells)
{
  gsize n = (gsize)work->width * work->height;
  g_autoptr (RtkPlane) own_alpha = halve_alpha (work, trial);
  g_autoptr (RtkPlane) near_alpha = rtk_plane_new (work->width, work->height, 1);
  g_autoptr (RtkPlane) texture = find_texture (work);
  g_autoptr (RtkPlane) wide_alpha = NULL;
  g_autofree guint8 *rest = g_malloc (n);
  g_autofree float  *outside = NULL;

  for (gsize i = 0; i < n; i++)
    rest[i] = !work->region[i];
  outside = rtk_binary_depth (rest, work->width, work->height);
  memcpy (near_alpha->data, own_alpha->data, n * sizeof (float));
  rtk_plane_blur (near_alpha, 1);
  wide_alpha = rtk_plane_new (work->width, work->height, 1);
  memcpy (wide_alpha->data, near_alpha->data, n * sizeof (float));
  rtk_plane_blur (wide_alpha, 4);

  for (gsize i = 0; i < n; i++) {
    memcpy (cells[i].wall, work->wall->data + 3 * i, sizeof cells[i].wall);
    cells[i].region = work->soft_region->data[i];
    cells[i].mask = work->mask->data[i];
    cells[i].depth = work->depth[i] > 0 ? work->depth[i] - .5f : .5f - outside[i];
    cells[i].hole = work->hole[i];
    memcpy (cells[i].shown, work->picture->data + 3 * i, sizeof cells[i].shown);
    cells[i].own_alpha = own_alpha->data[i];
    cells[i].near_alpha = near_alpha->data[i];
    cells[i].texture = texture->data[2 * i];
    cells[i].wide_alpha = wide_alpha->data[i];
  }
}

/**
 * rtk_matte_blend_cells:
 * @cells: (array): all cells
 * @width: cells a row
 * @height: rows
 * @x: place in cells, centres at whole numbers
 * @y: the same downwards
 * @out: (out caller-allocates): what is known of the place
 *
 * Takes what is known between four cells.
 */
void
rtk_matte_blend_cells (
    const RtkMatteCell *cells, int width, int height, float x, float y, RtkMatteCell *out)
{
  int          x0 = (int)rtk_clip (x, 0, (float)(width - 1));
  int          y0 = (int)rtk_clip (y, 0, (float)(height - 1));
  int          x1 = MIN (x0 + 1, width - 1), y1 = MIN (y0 + 1, height - 1);
  float        fx = rtk_clip (x - (float)x0, 0, 1), fy = rtk_clip (y - (float)y0, 0, 1);
  const float *a = (const float *)&cells[y0 * width + x0];
  const float *b = (const float *)&cells[y0 * width + x1];
  const float *c = (const float *)&cells[y1 * width + x0];
  const float *d = (const float *)&cells[y1 * width + x1];
  float       *to = (float *)out;
  float        wa = (1 - fx) * (1 - fy), wb = fx * (1 - fy), wc = (1 - fx) * fy, wd = fx * fy;

  for (guint i = 0; i < CELL_FLOATS; i++)
    to[i] = wa * a[i] + wb * b[i] + wc * c[i] + wd * d[i];
}

/**
 * rtk_matte_drop_islands:
 * @work: a matte with its mask
 * @width: of @alpha
 * @height: of @alpha
 * @alpha: (inout): a byte for every pixel of the picture
 *
 * Clears what does not hang together with the person, but for gaps as between the dashes of a fine
 * hair: it is a thing on the wall.
 */
void
rtk_matte_drop_islands (const RtkMatteWork *work, int width, int height, guint8 *alpha)
{
  gsize              n = (gsize)width * height;
  int                gap = MAX (1, (int)lround (ISLAND_GAP * width / work->width));
  g_autofree guint8 *shown = g_malloc (n);
  g_autofree guint8 *seeds = g_malloc (n);

  for (int y = 0; y < height; y++) {
    gsize line = (gsize)((gint64)y * work->height / height) * work->width;

    for (int x = 0; x < width; x++) {
      gsize at = (gsize)y * width + (gsize)x;

      shown[at] = alpha[at] > 20;
      seeds[at] = alpha[at] > 242 &&
                  work->mask->data[line + (gsize)((gint64)x * work->width / width)] > .9f;
    }
  }
  rtk_binary_dilate (shown, width, height, gap);
  rtk_binary_keep_seeded (shown, seeds, width, height);
  for (gsize i = 0; i < n; i++) {
    if (!shown[i])
      alpha[i] = 0;
  }
}
