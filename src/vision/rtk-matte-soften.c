/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-matte-private.h"

#include <math.h>
#include <string.h>

/* Window of the filter, in pixels of the working grid, and how much colour may vary within what
 * is taken for one thing. */
#define WINDOW_SIGMA 2.f
#define EPSILON 5e-4f
/* Channels of the statistics: colour, mask, colour x mask, the six products of colours. */
#define N_STATISTICS 13

/* In every window the mask is explained as a linear function of colour (a guided filter with a
 * Gaussian window): three factors and an offset. */
static void
solve_window (const float s[N_STATISTICS], float out[4])
{
  const float *mean = s, *cross = s + 4, *square = s + 7;
  float        xx = square[0] - mean[0] * mean[0] + EPSILON;
  float        xy = square[1] - mean[0] * mean[1];
  float        xz = square[2] - mean[0] * mean[2];
  float        yy = square[3] - mean[1] * mean[1] + EPSILON;
  float        yz = square[4] - mean[1] * mean[2];
  float        zz = square[5] - mean[2] * mean[2] + EPSILON;
  float        b[3], inverse[6], determinant;

  for (int c = 0; c < 3; c++)
    b[c] = cross[c] - mean[c] * s[3];
  inverse[0] = yy * zz - yz * yz;
  inverse[1] = xz * yz - xy * zz;
  inverse[2] = xy * yz - xz * yy;
  inverse[3] = xx * zz - xz * xz;
  inverse[4] = xy * xz - xx * yz;
  inverse[5] = xx * yy - xy * xy;
  /* The covariance plus EPSILON on its diagonal: positive, but for rounding. */
  determinant = MAX (1e-12f, xx * inverse[0] + xy * inverse[1] + xz * inverse[2]);
  out[0] = (inverse[0] * b[0] + inverse[1] * b[1] + inverse[2] * b[2]) / determinant;
  out[1] = (inverse[1] * b[0] + inverse[3] * b[1] + inverse[4] * b[2]) / determinant;
  out[2] = (inverse[2] * b[0] + inverse[4] * b[1] + inverse[5] * b[2]) / determinant;
  out[3] = s[3] - rtk_dot3 (out, mean);
}

static RtkPlane *
explain_mask (const RtkMatteWork *work)
{
  gsize     n = (gsize)work->width * work->height;
  RtkPlane *lines = rtk_plane_new (work->width, work->height, 4);
  g_autoptr (RtkPlane) statistics = rtk_plane_new (work->width, work->height, N_STATISTICS);

  for (gsize i = 0; i < n; i++) {
    const float *pixel = work->picture->data + 3 * i;
    float       *to = statistics->data + N_STATISTICS * i;
    float        mask = work->mask->data[i];
    int          at = 7;

    for (int c = 0; c < 3; c++) {
      to[c] = pixel[c];
      to[4 + c] = pixel[c] * mask;
      for (int d = c; d < 3; d++)
        to[at++] = pixel[c] * pixel[d];
    }
    to[3] = mask;
  }
  rtk_plane_blur (statistics, WINDOW_SIGMA);
  for (gsize i = 0; i < n; i++)
    solve_window (statistics->data + N_STATISTICS * i, lines->data + 4 * i);
  rtk_plane_blur (lines, WINDOW_SIGMA);
  return lines;
}

static float
soft_alpha (const float line[4], const float pixel[3], float mask, float solid)
{
  float alpha = (rtk_dot3 (line, pixel) + line[3] - .15f) / .7f;

  /* Colour may move the outline, not make a person where the mask sees none, or undo one. */
  alpha = rtk_clip (alpha, rtk_clip ((mask - .9f) / .08f, 0, 1), rtk_clip (mask / .06f, 0, 1));
  return MAX (alpha, solid);
}

/**
 * rtk_matte_soften:
 * @work: a matte with picture, mask and solid
 * @picture: RGB24: the picture at its own size
 * @alpha: (out caller-allocates): a byte for every pixel of @picture
 *
 * Finds alpha in front of a busy background, whose colour says nothing: the mask, its outline
 * drawn to the edges of the picture by a guided filter.
 */
void
rtk_matte_soften (const RtkMatteWork *work, const RtkImage *picture, guint8 *alpha)
{
  int    width = rtk_image_get_width (picture), height = rtk_image_get_height (picture);
  double step_x = (double)work->width / width, step_y = (double)work->height / height;
  gsize  n = (gsize)work->width * work->height;
  g_autoptr (RtkPlane) lines = explain_mask (work);
  g_autoptr (RtkPlane) joined = rtk_plane_new (work->width, work->height, 6);

  for (gsize i = 0; i < n; i++) {
    memcpy (joined->data + 6 * i, lines->data + 4 * i, 4 * sizeof (float));
    joined->data[6 * i + 4] = work->mask->data[i];
    joined->data[6 * i + 5] = work->solid[i];
  }
  for (int y = 0; y < height; y++) {
    g_autoptr (RtkPlane) line = rtk_plane_sample (joined, 0, y * step_y, step_x, step_y, width, 1);
    const guint8 *row = rtk_image_get_pixels (picture) + rtk_image_get_stride (picture) * (gsize)y;

    for (int x = 0; x < width; x++) {
      const float *cell = line->data + 6 * x;
      float        pixel[3];

      for (int c = 0; c < 3; c++)
        pixel[c] = (float)row[3 * x + c] / 255;
      alpha[(gsize)y * width + (gsize)x] =
          (guint8)(soft_alpha (cell, pixel, cell[4], cell[5]) * 255 + .5f);
    }
  }
}
