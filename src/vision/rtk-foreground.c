/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-foreground.h"

#include "vision/rtk-matte-private.h"

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

static void
grid_init (Grid *self, const RtkImage *picture, const RtkImage *alpha, double unit)
{
  int                width = rtk_image_get_width (picture), height = rtk_image_get_height (picture);
  double             scale = MIN (1, RTK_MATTE_UNIT / unit);
  float              share;
  g_autofree guint8 *person = mark (alpha, 243, 255);
  g_autofree guint8 *wall = mark (alpha, 0, 9);

  self->width = MAX (1, (int)lround (width * scale));
  self->height = MAX (1, (int)lround (height * scale));
  self->person = new_empty (self->width, self->height, 5);
  self->wall = new_empty (self->width, self->height, 5);
  share = (float)((double)self->width * self->height / ((double)width * height));
  for (int y = 0; y < height; y++) {
    const guint8 *row = rtk_image_get_pixels (picture) + rtk_image_get_stride (picture) * (gsize)y;
    gsize         line = (gsize)((gint64)y * self->height / height) * self->width;

    for (int x = 0; x < width; x++) {
      gsize at = (gsize)y * width + (gsize)x;
      float pixel[3];

      if (!person[at] && !wall[at])
        continue;
      for (int c = 0; c < 3; c++)
        pixel[c] = (float)row[3 * x + c] / 255;
      add (person[at] ? self->person : self->wall, line + (gsize)((gint64)x * self->width / width),
           pixel, share);
    }
  }
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
  g_autoptr (RtkPlane) person =
      rtk_plane_fill (grid->person, person_sigmas, G_N_ELEMENTS (person_sigmas));
  g_autoptr (RtkPlane) wall = rtk_plane_fill (grid->wall, wall_sigmas, G_N_ELEMENTS (wall_sigmas));

  for (gsize i = 0; i < n; i++) {
    memcpy (joined->data + 8 * i, person->data + 4 * i, 4 * sizeof (float));
    memcpy (joined->data + 8 * i + 4, wall->data + 4 * i, 4 * sizeof (float));
  }
  return joined;
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
  for (int y = 0; y < height; y++)
    unmix_row (filled, picture,
               rtk_image_get_pixels (alpha) + rtk_image_get_stride (alpha) * (gsize)y, y,
               out + (gsize)y * width * 3);
  return rtk_image_new_take (RTK_PIXEL_RGB24, width, height, (gsize)width * 3, out);
}
