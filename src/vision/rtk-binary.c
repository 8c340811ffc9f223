/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

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

static float
nearer (float a, float b, float step)
{
  return MIN (a, b + step);
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
  float *depth = g_new (float, (gsize)width *height);
  float  far = (float)(width + height);

  for (int y = 0; y < height; y++) {
    float       *row = depth + (gsize)y * width;
    const float *above = row - width;

    for (int x = 0; x < width; x++) {
      float value = self[(gsize)y * width + x] != 0 ? far : 0;

      if (x > 0)
        value = nearer (value, row[x - 1], 1);
      if (y > 0) {
        value = nearer (value, above[x], 1);
        value = x > 0 ? nearer (value, above[x - 1], 1.4142f) : value;
        value = x < width - 1 ? nearer (value, above[x + 1], 1.4142f) : value;
      }
      row[x] = value;
    }
  }
  for (int y = height - 1; y >= 0; y--) {
    float       *row = depth + (gsize)y * width;
    const float *below = row + width;

    for (int x = width - 1; x >= 0; x--) {
      float value = row[x];

      if (x < width - 1)
        value = nearer (value, row[x + 1], 1);
      if (y < height - 1) {
        value = nearer (value, below[x], 1);
        value = x > 0 ? nearer (value, below[x - 1], 1.4142f) : value;
        value = x < width - 1 ? nearer (value, below[x + 1], 1.4142f) : value;
      }
      row[x] = value;
    }
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
   * 2 = kept. Every pixel goes onto the stack at most once. */
  for (int y = 0; y < height; y++) {
    gsize         start = ((gsize)y + 1) * wide + 1;
    const guint8 *row = self + (gsize)y * (gsize)width;
    const guint8 *seed = seeds + (gsize)y * (gsize)width;

    for (int x = 0; x < width; x++) {
      framed[start + (gsize)x] = (guint8)(row[x] << (row[x] == 1 && seed[x] != 0));
      if (framed[start + (gsize)x] == 2)
        stack[n_stack++] = (guint)(start + (gsize)x);
    }
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
