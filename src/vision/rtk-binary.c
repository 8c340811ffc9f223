/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-parallel-private.h"
#include "vision/rtk-plane-private.h"

#include <string.h>

/* Sets every pixel to the largest of its 3 x 3 neighbours, the border replicated. */
static void
dilate_once (guint8 *self, int width, int height, guint8 *across)
{
  for (int y = 0; y < height; y++) {
    const guint8 *row = self + (gsize)y * width;
    guint8       *to = across + (gsize)y * width;

    for (int x = 1; x < width - 1; x++)
      to[x] = row[x - 1] | row[x] | row[x + 1];
    to[0] = row[0] | row[MIN (1, width - 1)];
    to[width - 1] = row[width - 1] | row[MAX (0, width - 2)];
  }
  for (int y = 0; y < height; y++) {
    const guint8 *above = across + (gsize)MAX (0, y - 1) * width;
    const guint8 *row = across + (gsize)y * width;
    const guint8 *below = across + (gsize)MIN (height - 1, y + 1) * width;
    guint8       *to = self + (gsize)y * width;

    for (int x = 0; x < width; x++)
      to[x] = above[x] | row[x] | below[x];
  }
}

static void
invert (guint8 *self, gsize n)
{
  for (gsize i = 0; i < n; i++)
    self[i] = !self[i];
}

/**
 * rtk_binary_dilate:
 * @self: `width * height` bytes, 0 or 1, changed in place
 * @width: pixels a row
 * @height: rows
 * @radius: pixels, >= 0: a square of `2 radius + 1`
 *
 * Grows what is 1.
 */
void
rtk_binary_dilate (guint8 *self, int width, int height, int radius)
{
  g_autofree guint8 *across = g_malloc ((gsize)width * height);

  for (int i = 0; i < radius; i++)
    dilate_once (self, width, height, across);
}

/**
 * rtk_binary_erode:
 * @self: `width * height` bytes, 0 or 1, changed in place
 * @width: pixels a row
 * @height: rows
 * @radius: pixels, >= 0: a square of `2 radius + 1`
 *
 * Shrinks what is 1. What touches the border does not shrink there: it goes on outside.
 */
void
rtk_binary_erode (guint8 *self, int width, int height, int radius)
{
  gsize n = (gsize)width * height;

  invert (self, n);
  rtk_binary_dilate (self, width, height, radius);
  invert (self, n);
}

/* One row of a sweep: how far every pixel is by way of the row before (%NULL at the border), and
 * then by way of its neighbour in the same row, towards @step. */
RTK_WIDE static void
sweep_row (float *row, const float *before, int width, int step)
{
  int first = step > 0 ? 0 : width - 1;

  if (before != NULL) {
    for (int x = 0; x < width; x++)
      row[x] = MIN (row[x], before[x] + 1);
    for (int x = 1; x < width; x++)
      row[x] = MIN (row[x], before[x - 1] + 1.4142f);
    for (int x = 0; x < width - 1; x++)
      row[x] = MIN (row[x], before[x + 1] + 1.4142f);
  }
  for (int x = first + step; x >= 0 && x < width; x += step)
    row[x] = MIN (row[x], row[x - step] + 1);
}

/**
 * rtk_binary_depth:
 * @self: `width * height` bytes, 0 or 1
 * @width: pixels a row
 * @height: rows
 *
 * Measures how far every pixel that is 1 lies from the nearest 0, in pixels: a chamfer distance
 * with steps of 1 and 1.41. Outside the picture there is no 0.
 *
 * Returns: (transfer full): `width * height` distances, 0 where @self is 0
 */
float *
rtk_binary_depth (const guint8 *self, int width, int height)
{
  gsize  n = (gsize)width * (gsize)height;
  float *depth = g_new (float, n);
  float  far = (float)(width + height);

  for (gsize i = 0; i < n; i++)
    depth[i] = self[i] != 0 ? far : 0;
  for (int y = 0; y < height; y++) {
    float *row = depth + (gsize)y * (gsize)width;

    sweep_row (row, y > 0 ? row - width : NULL, width, 1);
  }
  for (int y = height - 1; y >= 0; y--) {
    float *row = depth + (gsize)y * (gsize)width;

    sweep_row (row, y < height - 1 ? row + width : NULL, width, -1);
  }
  return depth;
}

/**
 * rtk_binary_keep_seeded:
 * @self: `width * height` bytes, 0 or 1, changed in place
 * @seeds: bytes of the same layout
 * @width: pixels a row
 * @height: rows
 *
 * Keeps the 4-connected parts of @self in which at least one pixel is a seed.
 */
void
rtk_binary_keep_seeded (guint8 *self, const guint8 *seeds, int width, int height)
{
  gsize              wide = (gsize)width + 2;
  g_autofree guint8 *framed = g_malloc0 (wide * ((gsize)height + 2));
  g_autofree guint  *stack = g_new (guint, (gsize)width * height);
  const int          steps[4] = {-1, 1, -(int)wide, (int)wide};
  gsize              n_stack = 0;

  /* In a frame of zeros no neighbour needs to be asked whether it is inside. 1 = not reached yet,
   * 2 = kept. Every pixel goes onto the stack at most once; of the seeds, only those at whose side
   * something is left to reach. */
  for (int y = 0; y < height; y++) {
    guint8       *to = framed + ((gsize)y + 1) * wide + 1;
    const guint8 *row = self + (gsize)y * (gsize)width;
    const guint8 *seed = seeds + (gsize)y * (gsize)width;

    for (int x = 0; x < width; x++)
      to[x] = (guint8)(row[x] << (row[x] & (seed[x] != 0)));
  }
  for (gsize i = wide; i < wide * ((gsize)height + 1); i++) {
    if (framed[i] == 2 && (framed[i - 1] == 1 || framed[i + 1] == 1 || framed[i - wide] == 1 ||
                           framed[i + wide] == 1))
      stack[n_stack++] = (guint)i;
  }
  while (n_stack > 0) {
    guint at = stack[--n_stack];

    for (int k = 0; k < 4; k++) {
      guint beside = at + (guint)steps[k];

      if (framed[beside] == 1) {
        framed[beside] = 2;
        stack[n_stack++] = beside;
      }
    }
  }
  for (int y = 0; y < height; y++) {
    const guint8 *from = framed + ((gsize)y + 1) * wide + 1;
    guint8       *row = self + (gsize)y * (gsize)width;

    for (int x = 0; x < width; x++)
      row[x] = from[x] == 2;
  }
}
