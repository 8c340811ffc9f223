/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-matte-private.h"
#include "vision/rtk-parallel-private.h"

#include <string.h>

static void
find_depth_cb (gpointer data, gpointer shared)
{
  RtkMatteWork *work = shared;

  work->depth = rtk_binary_depth (work->region, work->width, work->height);
}

static void
find_outside_cb (gpointer data, gpointer shared)
{
  RtkMatteWork      *work = shared;
  gsize              n = rtk_matte_count_cells (work);
  g_autofree guint8 *rest = g_malloc (n);

  for (gsize i = 0; i < n; i++)
    rest[i] = !work->region[i];
  work->outside = rtk_binary_depth (rest, work->width, work->height);
}

static void
soften_region_cb (gpointer data, gpointer shared)
{
  RtkMatteWork *work = shared;
  gsize         n = rtk_matte_count_cells (work);

  work->soft_region = rtk_plane_new (work->width, work->height, 1);
  for (gsize i = 0; i < n; i++)
    work->soft_region->data[i] = work->region[i];
  rtk_plane_blur (work->soft_region, .6f);
}

static void
find_texture_cb (gpointer data, gpointer shared)
{
  RtkMatteWork *work = shared;

  work->texture = rtk_matte_find_texture (work);
}

/**
 * rtk_matte_find_region:
 * @work: a matte whose wall is known; region, soft_region, depth, outside and texture are set
 *
 * Finds where the person can be: what differs from the wall, or what the mask is fairly sure of,
 * and hangs together with what it is very sure of. That drops islands and brings back what the
 * mask has lost.
 */
void
rtk_matte_find_region (RtkMatteWork *work)
{
  static const RtkTask tasks[] = {
      {find_depth_cb, NULL},
      {find_outside_cb, NULL},
      {find_texture_cb, NULL},
      {soften_region_cb, NULL},
  };
  gsize              n = rtk_matte_count_cells (work);
  float              limit = 4 * work->noise * work->noise;
  g_autofree guint8 *seeds = g_malloc (n);
  g_autoptr (RtkPlane) around = rtk_plane_new (work->width, work->height, 3);

  work->region = g_malloc (n);
  memcpy (around->data, work->picture->data, 3 * n * sizeof (float));
  rtk_plane_blur (around, 1);
  for (gsize i = 0; i < n; i++) {
    float off[3];

    for (int c = 0; c < 3; c++)
      off[c] = around->data[3 * i + c] - work->wall->data[3 * i + c];
    work->region[i] =
        !work->known_wall[i] && (rtk_dot3 (off, off) > limit || work->mask->data[i] > .6f);
    work->region[i] |= work->solid[i];
    seeds[i] = work->mask->data[i] > .9f;
  }
  rtk_binary_keep_seeded (work->region, seeds, work->width, work->height);
  rtk_parallel_tasks (tasks, G_N_ELEMENTS (tasks), work);
}
