/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-matte-private.h"
#include "vision/rtk-parallel-private.h"

#include <math.h>
#include <string.h>

/* Parts of the person may lie this far apart, in cells of the working grid. */
#define ISLAND_GAP 2

/**
 * rtk_matte_spread_person:
 * @sure: 5 channels: colour times share, mean square times share, and share of what is surely
 *   person
 * @scale: 0 (finest) to %RTK_MATTE_N_SCALES - 1
 *
 * Spreads what is known of the person's colours over the grid.
 *
 * Returns: (transfer full): 4 channels: colour and mean square
 */
RtkPlane *
rtk_matte_spread_person (const RtkPlane *sure, int scale)
{
  static const float finest[] = {1, 2, 4, 8, 16};
  static const float middle[] = {3, 6, 12, 24};
  static const float coarsest[] = {9, 18, 36};

  return scale == 0   ? rtk_plane_fill (sure, finest, G_N_ELEMENTS (finest))
         : scale == 1 ? rtk_plane_fill (sure, middle, G_N_ELEMENTS (middle))
                      : rtk_plane_fill (sure, coarsest, G_N_ELEMENTS (coarsest));
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

/**
 * rtk_matte_find_texture:
 * @work: a matte with its picture
 *
 * Finds how much brightness varies around every cell.
 *
 * Returns: (transfer full): 2 channels: the standard deviation, and something without meaning
 */
RtkPlane *
rtk_matte_find_texture (const RtkMatteWork *work)
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
 * rtk_matte_spread_alpha:
 * @work: a matte on its way
 * @trial: alpha of the round before, at twice the grid
 * @spread: its alphas are set
 *
 * Brings what the round before found to the grid, at three scales.
 */
void
rtk_matte_spread_alpha (const RtkMatteWork *work, const guint8 *trial, RtkMatteSpread *spread)
{
  spread->own_alpha = halve_alpha (work, trial);
  spread->near_alpha = rtk_plane_copy (spread->own_alpha);
  rtk_plane_blur (spread->near_alpha, 1);
  spread->wide_alpha = rtk_plane_copy (spread->near_alpha);
  rtk_plane_blur (spread->wide_alpha, 4);
}

typedef struct {
  const RtkMatteWork   *work;
  const RtkMatteSpread *spread;
  const guint8         *where;
  RtkMatteCell         *cells;
} Gathering;

static void
gather_cell (const Gathering *all, gsize i)
{
  const RtkMatteWork   *work = all->work;
  const RtkMatteSpread *spread = all->spread;
  RtkMatteCell         *cell = &all->cells[i];

  for (int k = 0; k < RTK_MATTE_N_SCALES; k++) {
    const RtkPlane *plane = spread->person[k] != NULL ? spread->person[k] : spread->person[k + 1];
    const float    *from = plane->data + 4 * i;

    memcpy (cell->person[k].colour, from, sizeof cell->person[k].colour);
    cell->person[k].variance = MAX (0, from[3] - rtk_dot3 (from, from) / 3);
  }
  memcpy (cell->wall, work->wall->data + 3 * i, sizeof cell->wall);
  cell->region = work->soft_region->data[i];
  cell->mask = work->mask->data[i];
  cell->depth = work->depth[i] > 0 ? work->depth[i] - .5f : .5f - work->outside[i];
  cell->hole = work->hole[i];
  memcpy (cell->shown, work->picture->data + 3 * i, sizeof cell->shown);
  cell->own_alpha = spread->own_alpha->data[i];
  cell->near_alpha = spread->near_alpha->data[i];
  cell->wide_alpha = spread->wide_alpha->data[i];
  cell->texture = work->texture->data[2 * i];
  memset (cell->context, 0, sizeof cell->context);
}

static void
gather_rows (gpointer data, int from, int to)
{
  const Gathering *all = data;
  gsize            width = (gsize)all->work->width;

  for (gsize i = width * (gsize)from; i < width * (gsize)to; i++) {
    if (all->where[i])
      gather_cell (all, i);
  }
}

/**
 * rtk_matte_gather_cells:
 * @work: a matte whose wall and region are known
 * @spread: what this round knows
 * @where: binary: which cells are asked for
 * @cells: (array): those are set, the others left as they are
 *
 * Brings together what is known of cells.
 */
void
rtk_matte_gather_cells (const RtkMatteWork   *work,
                        const RtkMatteSpread *spread,
                        const guint8         *where,
                        RtkMatteCell         *cells)
{
  Gathering all = {work, spread, where, cells};

  rtk_parallel_rows (work->height, 10 * (gsize)work->width, gather_rows, &all);
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

  for (guint i = 0; i < RTK_MATTE_CELL_FLOATS; i++)
    to[i] = wa * a[i] + wb * b[i] + wc * c[i] + wd * d[i];
}

/**
 * rtk_matte_map_cells:
 * @n: pixels of a line
 * @n_cells: cells of the same line
 *
 * Returns: (transfer full): the cell of every pixel
 */
int *
rtk_matte_map_cells (int n, int n_cells)
{
  int *cells = g_new (int, n);

  for (int i = 0; i < n; i++)
    cells[i] = (int)((gint64)i * n_cells / n);
  return cells;
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
  g_autofree int    *columns = rtk_matte_map_cells (width, work->width);

  for (int y = 0; y < height; y++) {
    gsize line = (gsize)((gint64)y * work->height / height) * work->width;

    for (int x = 0; x < width; x++) {
      gsize at = (gsize)y * width + (gsize)x;

      shown[at] = alpha[at] > 20;
      seeds[at] = alpha[at] > 242 && work->mask->data[line + (gsize)columns[x]] > .9f;
    }
  }
  rtk_binary_dilate (shown, width, height, gap);
  rtk_binary_keep_seeded (shown, seeds, width, height);
  for (gsize i = 0; i < n; i++) {
    if (!shown[i])
      alpha[i] = 0;
  }
}
