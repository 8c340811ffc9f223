/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-foreground.h"

#include "vision/rtk-matte-private.h"
#include "vision/rtk-parallel-private.h"

#include <math.h>
#include <string.h>

/* A background that varies more than this around a place cannot be taken out of a pixel. */
#define EVEN_WALL .02f
#define UNEVEN_WALL .06f

/* Colour times share, mean square times share, and share, of person and of background, for every
 * cell of a coarse grid. */
typedef struct {
  int       width;
  int       height;
  RtkPlane *person; /* (owned) */
  RtkPlane *wall;   /* (owned) */
} Grid;

static RtkPlane *
new_empty (int width, int height, int channels)
{
  RtkPlane *plane = rtk_plane_new (width, height, channels);

  memset (plane->data, 0, (gsize)width * height * channels * sizeof (float));
  return plane;
}

static void
add (RtkPlane *plane, gsize cell, const float pixel[3], float share)
{
  float *to = plane->data + 5 * cell;

  for (int c = 0; c < 3; c++)
    to[c] += share * pixel[c];
  to[3] += share * rtk_dot3 (pixel, pixel) / 3;
  to[4] += share;
}

/* What is surely person and surely background: one pixel away from all that is neither. */
static guint8 *
mark (const RtkImage *alpha, int low, int high)
{
  int     width = rtk_image_get_width (alpha), height = rtk_image_get_height (alpha);
  guint8 *marks = g_malloc ((gsize)width * height);

  for (int y = 0; y < height; y++) {
    const guint8 *row = rtk_image_get_pixels (alpha) + rtk_image_get_stride (alpha) * (gsize)y;

    for (int x = 0; x < width; x++)
      marks[(gsize)y * width + (gsize)x] = row[x] >= low && row[x] <= high;
  }
  rtk_binary_erode (marks, width, height, 1);
  return marks;
}

/* The pixels that a grid is made of. */
typedef struct {
  Grid           *grid;
  const RtkImage *picture;
  const guint8   *person;
  const guint8   *wall;
  float           share;
} Gathering;

static void
gather_row (const Gathering *all, int y, gsize line)
{
  const Grid     *grid = all->grid;
  const RtkImage *picture = all->picture;
  int             width = rtk_image_get_width (picture);
  const guint8   *row = rtk_image_get_pixels (picture) + rtk_image_get_stride (picture) * (gsize)y;

  for (int x = 0; x < width; x++) {
    gsize at = (gsize)y * width + (gsize)x;
    float pixel[3];

    if (!all->person[at] && !all->wall[at])
      continue;
    for (int c = 0; c < 3; c++)
      pixel[c] = (float)row[3 * x + c] / 255;
    add (all->person[at] ? grid->person : grid->wall,
         line + (gsize)((gint64)x * grid->width / width), pixel, all->share);
  }
}

/* Rows of the grid; each gets its own rows of the picture. */
static void
gather_rows (gpointer data, int from, int to)
{
  const Gathering *all = data;
  gint64           rows = all->grid->height, height = rtk_image_get_height (all->picture);

  for (int y = 0; y < height; y++) {
    int row = (int)(y * rows / height);

    if (row >= from && row < to)
      gather_row (all, y, (gsize)row * all->grid->width);
  }
}

static void
grid_init (Grid *self, const RtkImage *picture, const RtkImage *alpha, double unit)
{
  int                width = rtk_image_get_width (picture), height = rtk_image_get_height (picture);
  double             scale = MIN (1, RTK_MATTE_UNIT / unit);
  g_autofree guint8 *person = mark (alpha, 243, 255);
  g_autofree guint8 *wall = mark (alpha, 0, 9);
  Gathering          all = {self, picture, person, wall};

  self->width = MAX (1, (int)lround (width * scale));
  self->height = MAX (1, (int)lround (height * scale));
  self->person = new_empty (self->width, self->height, 5);
  self->wall = new_empty (self->width, self->height, 5);
  all.share = (float)((double)self->width * self->height / ((double)width * height));
  rtk_parallel_rows (self->height, 10 * (gsize)width, gather_rows, &all);
}

static void
grid_clear (Grid *self)
{
  rtk_plane_free (self->person);
  rtk_plane_free (self->wall);
}

/* What the pixel would show without the background. The less of the person is in it, or the less
 * even the background, the less the division can be trusted: then what is around counts. */
static void
unmix (const float pixel[3], const float person[4], const float wall[4], float alpha, guint8 out[3])
{
  float spread = sqrtf (MAX (0, wall[3] - rtk_dot3 (wall, wall) / 3));
  float trust = rtk_clip (alpha / .4f, 0, 1) *
                rtk_clip ((UNEVEN_WALL - spread) / (UNEVEN_WALL - EVEN_WALL), 0, 1);

  for (int c = 0; c < 3; c++) {
    float pure = rtk_clip ((pixel[c] - (1 - alpha) * wall[c]) / MAX (alpha, .01f), 0, 1);
    float mixed = alpha * pixel[c] + (1 - alpha) * person[c];

    out[c] = (guint8)(rtk_clip (trust * pure + (1 - trust) * mixed, 0, 1) * 255 + .5f);
  }
}

static void
unmix_row (const RtkPlane *filled, const RtkImage *picture, const guint8 *alpha, int y, guint8 *out)
{
  int           width = rtk_image_get_width (picture), height = rtk_image_get_height (picture);
  double        step_y = (double)filled->height / height;
  const guint8 *row = rtk_image_get_pixels (picture) + rtk_image_get_stride (picture) * (gsize)y;

  memcpy (out, row, (gsize)width * 3);
  for (int x = 0; x < width;) {
    int       end = x;
    RtkPlane *run;

    /* Soft pixels come in short runs: only those are sampled. */
    while (end < width && alpha[end] != 0 && alpha[end] != 255)
      end++;
    if (end == x) {
      x++;
      continue;
    }
    run = rtk_plane_sample (filled, (double)x * filled->width / width, y * step_y,
                            (double)filled->width / width, step_y, end - x, 1);
    for (int i = x; i < end; i++) {
      const float *cell = run->data + 8 * (i - x);
      float        pixel[3];

      for (int c = 0; c < 3; c++)
        pixel[c] = (float)row[3 * i + c] / 255;
      unmix (pixel, cell, cell + 4, (float)alpha[i] / 255, out + 3 * i);
    }
    rtk_plane_free (run);
    x = end;
  }
}

/* Person and wall side by side, so that both are sampled at once. */
static RtkPlane *
fill (const Grid *grid)
{
  static const float person_sigmas[] = {1, 2, 4, 8, 16, 32};
  static const float wall_sigmas[] = {1.5, 3, 6, 12, 24, 48};
  gsize              n = (gsize)grid->width * grid->height;
  RtkPlane          *joined = rtk_plane_new (grid->width, grid->height, 8);
  RtkPlaneFill       fills[] = {
            {grid->person, person_sigmas, G_N_ELEMENTS (person_sigmas)},
            {grid->wall, wall_sigmas, G_N_ELEMENTS (wall_sigmas)},
  };
  g_autoptr (RtkPlane) person = NULL;
  g_autoptr (RtkPlane) wall = NULL;

  rtk_plane_fill_all (fills, G_N_ELEMENTS (fills));
  person = fills[0].filled;
  wall = fills[1].filled;
  for (gsize i = 0; i < n; i++) {
    memcpy (joined->data + 8 * i, person->data + 4 * i, 4 * sizeof (float));
    memcpy (joined->data + 8 * i + 4, wall->data + 4 * i, 4 * sizeof (float));
  }
  return joined;
}

typedef struct {
  const RtkPlane *filled;
  const RtkImage *picture;
  const RtkImage *alpha;
  guint8         *out;
} Recovery;

static void
recover_rows (gpointer data, int from, int to)
{
  const Recovery *all = data;
  gsize           stride = 3 * (gsize)rtk_image_get_width (all->picture);

  for (int y = from; y < to; y++)
    unmix_row (all->filled, all->picture,
               rtk_image_get_pixels (all->alpha) + rtk_image_get_stride (all->alpha) * (gsize)y, y,
               all->out + stride * (gsize)y);
}

/**
 * rtk_foreground_recover:
 * @picture: RGB24
 * @alpha: GREY8 of the same size
 * @unit: width of a portrait in @picture, in its pixels, > 0
 *
 * Finds the person's own colour where background shines through.
 *
 * Composing the picture itself over another background leaves a fringe of the old one around hair;
 * this removes it. It follows from the arguments alone, so that a finished photo can be made again
 * from its original and its alpha. Pixels whose alpha is 0 or 255 are those of @picture.
 * Blocking, any thread.
 *
 * Returns: (transfer full): RGB24 without padding
 */
RtkImage *
rtk_foreground_recover (const RtkImage *picture, const RtkImage *alpha, double unit)
{
  int     width = rtk_image_get_width (picture), height = rtk_image_get_height (picture);
  guint8 *out;
  Grid    grid;
  g_autoptr (RtkPlane) filled = NULL;

  g_return_val_if_fail (rtk_image_get_format (picture) == RTK_PIXEL_RGB24, NULL);
  g_return_val_if_fail (rtk_image_get_format (alpha) == RTK_PIXEL_GREY8, NULL);
  g_return_val_if_fail (rtk_image_get_width (alpha) == width, NULL);
  g_return_val_if_fail (rtk_image_get_height (alpha) == height && unit > 0, NULL);

  grid_init (&grid, picture, alpha, unit);
  filled = fill (&grid);
  grid_clear (&grid);
  out = g_malloc ((gsize)width * height * 3);
  rtk_parallel_rows (height, 10 * (gsize)width, recover_rows,
                     &(Recovery){filled, picture, alpha, out});
  return rtk_image_new_take (RTK_PIXEL_RGB24, width, height, (gsize)width * 3, out);
}
