/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-matte-private.h"
#include "vision/rtk-parallel-private.h"

#include <string.h>

/**
 * rtk_matte_sure_clear:
 * @self: what is sure
 *
 * Frees what @self holds.
 */
void
rtk_matte_sure_clear (RtkMatteSure *self)
{
  g_clear_pointer (&self->person, rtk_plane_free);
  g_clear_pointer (&self->wall, rtk_plane_free);
}

static void
add_sure (RtkMatteSure   *sure,
          gsize           cell,
          const float     pixel[3],
          float           person,
          float           wall,
          const RtkPlane *relief)
{
  float *to_person = sure->person->data + 5 * cell;
  float *to_wall = sure->wall->data + 4 * cell;

  for (int c = 0; c < 3; c++) {
    to_person[c] += person * pixel[c];
    to_wall[c] += wall * (relief != NULL ? pixel[c] / relief->data[3 * cell + c] : pixel[c]);
  }
  to_person[3] += person * rtk_dot3 (pixel, pixel) / 3;
  to_person[4] += person;
  to_wall[3] += wall;
}

static void
sure_init (RtkMatteSure *self, const RtkMatteWork *work)
{
  gsize n = (gsize)work->width * work->height;

  self->person = rtk_plane_new (work->width, work->height, 5);
  self->wall = rtk_plane_new (work->width, work->height, 4);
  memset (self->person->data, 0, n * 5 * sizeof (float));
  memset (self->wall->data, 0, n * 4 * sizeof (float));
}

typedef struct {
  RtkMatteSure       *sure;
  const RtkMatteWork *work;
  const guint8       *near_region; /* binary */
} RegionSureness;

static void
add_region_rows (gpointer data, int from, int to)
{
  const RegionSureness *all = data;
  const RtkMatteWork   *work = all->work;
  gsize                 width = (gsize)work->width;

  for (gsize i = width * (gsize)from; i < width * (gsize)to; i++) {
    gboolean person =
        work->depth[i] > .012f * RTK_MATTE_UNIT && work->mask->data[i] > .9f && !work->light[i];
    gboolean wall = !all->near_region[i] || work->hole_core[i];

    if (person || wall)
      add_sure (all->sure, i, work->picture->data + 3 * i, person, wall, work->relief);
  }
}

/**
 * rtk_matte_sure_from_region:
 * @self: (out caller-allocates): free with rtk_matte_sure_clear()
 * @work: a matte whose region is known
 *
 * Tells what is sure before there is an alpha: deep inside the region, and well outside it.
 */
void
rtk_matte_sure_from_region (RtkMatteSure *self, const RtkMatteWork *work)
{
  g_autofree guint8 *near_region =
      g_memdup2 (work->region, (gsize)work->width * (gsize)work->height);

  sure_init (self, work);
  rtk_binary_dilate (near_region, work->width, work->height, 1);
  rtk_parallel_rows (work->height, 20 * (gsize)work->width, add_region_rows,
                     &(RegionSureness){self, work, near_region});
}

/* An alpha at twice the working grid that tells what is sure. */
typedef struct {
  RtkMatteSure       *sure;
  const RtkMatteWork *work;
  const guint8       *person; /* binary */
  const guint8       *wall;   /* binary */
} Sureness;

/* Rows of the working grid; each has two of the alpha. */
static void
add_sure_rows (gpointer data, int from, int to)
{
  const Sureness     *all = data;
  const RtkMatteWork *work = all->work;
  gsize               width = 2 * (gsize)work->width;

  for (int y = 2 * from; y < 2 * to; y++) {
    const guint8 *row =
        rtk_image_get_pixels (work->base) + rtk_image_get_stride (work->base) * (gsize)y;

    for (gsize x = 0; x < width; x++) {
      gsize at = (gsize)y * width + x;
      gsize cell = (gsize)(y / 2) * (gsize)work->width + x / 2;
      float share = all->person[at] && !work->light[cell] ? .25f : 0;
      float pixel[3];

      if (share == 0 && !all->wall[at])
        continue;
      for (int c = 0; c < 3; c++)
        pixel[c] = (float)row[3 * x + (gsize)c] / 255;
      add_sure (all->sure, cell, pixel, share, .25f * all->wall[at], work->relief);
    }
  }
}

/**
 * rtk_matte_sure_from_alpha:
 * @self: (out caller-allocates): free with rtk_matte_sure_clear()
 * @work: a matte on its way
 * @alpha: of the round before, at twice the working grid
 *
 * Tells what is sure by an alpha.
 */
void
rtk_matte_sure_from_alpha (RtkMatteSure *self, const RtkMatteWork *work, const guint8 *alpha)
{
  int                width = 2 * work->width, height = 2 * work->height;
  gsize              n = (gsize)width * height;
  g_autofree guint8 *person = g_malloc (n);
  g_autofree guint8 *wall = g_malloc (n);

  sure_init (self, work);
  for (gsize i = 0; i < n; i++) {
    person[i] = alpha[i] > 242;
    wall[i] = alpha[i] < 10;
  }
  rtk_binary_erode (person, width, height, 1);
  rtk_binary_erode (wall, width, height, 1);
  rtk_parallel_rows (work->height, 20 * (gsize)width, add_sure_rows,
                     &(Sureness){self, work, person, wall});
}
