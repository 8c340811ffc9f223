/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-parallel-private.h"
#include "vision/rtk-plane-private.h"

#include <math.h>
#include <string.h>

/* Below this a sum of weights holds no information. */
#define NO_WEIGHT 1e-6f
/* The weight at which a scale is trusted in full: about an eighth of its surroundings known. */
#define FULL_WEIGHT .12f
/* A pyramid ends before a side is shorter than this. */
#define SMALLEST_SIDE 4
#define MAX_LEVELS 10

/**
 * rtk_plane_new:
 * @width: pixels a row, > 0
 * @height: rows, > 0
 * @channels: floats a pixel, > 0
 *
 * Returns: (transfer full): a plane whose values are not set
 */
RtkPlane *
rtk_plane_new (int width, int height, int channels)
{
  RtkPlane *self = g_new (RtkPlane, 1);

  self->width = width;
  self->height = height;
  self->channels = channels;
  self->data = g_new (float, (gsize)width *height *channels);
  return self;
}

/**
 * rtk_plane_free:
 * @self: (transfer full) (nullable): a plane
 *
 * Frees a plane with its values.
 */
void
rtk_plane_free (RtkPlane *self)
{
  if (self == NULL)
    return;
  g_free (self->data);
  g_free (self);
}

static gsize
row_floats (const RtkPlane *self)
{
  return (gsize)self->width * self->channels;
}

/* A blur on its way: first across into a plane of its own, then down. */
typedef struct {
  const RtkPlane *from;
  RtkPlane       *to;
  float          *across;
  const float    *kernel;
  int             radius;
} Blur;

static void
pad_row (const RtkPlane *self, int y, int radius, float *padded)
{
  gsize        n = row_floats (self);
  gsize        pixel = (gsize)self->channels;
  const float *row = self->data + n * (gsize)y;

  memcpy (padded + (gsize)radius * pixel, row, n * sizeof *row);
  for (int k = 0; k < radius; k++) {
    memcpy (padded + (gsize)k * pixel, row, pixel * sizeof *row);
    memcpy (padded + (gsize)(self->width + radius + k) * pixel, row + n - pixel,
            pixel * sizeof *row);
  }
}

RTK_WIDE static void
blur_across (gpointer data, int from, int to)
{
  const Blur       *blur = data;
  gsize             n = row_floats (blur->from), pixel = (gsize)blur->from->channels;
  g_autofree float *padded = g_new (float, n + 2 * (gsize)blur->radius * pixel);
  const float      *centre = padded + (gsize)blur->radius * pixel;

  for (int y = from; y < to; y++) {
    float *out = blur->across + n * (gsize)y;

    pad_row (blur->from, y, blur->radius, padded);
    for (gsize i = 0; i < n; i++)
      out[i] = blur->kernel[0] * centre[i];
    for (int k = 1; k <= blur->radius; k++) {
      const float *left = centre - (gsize)k * pixel;
      const float *right = centre + (gsize)k * pixel;
      float        factor = blur->kernel[k];

      for (gsize i = 0; i < n; i++)
        out[i] += factor * (left[i] + right[i]);
    }
  }
}

RTK_WIDE static void
blur_down (gpointer data, int from, int to)
{
  const Blur *blur = data;
  gsize       n = row_floats (blur->from);
  int         last = blur->from->height - 1;

  for (int y = from; y < to; y++) {
    float       *out = blur->to->data + n * (gsize)y;
    const float *row = blur->across + n * (gsize)y;

    for (gsize i = 0; i < n; i++)
      out[i] = blur->kernel[0] * row[i];
    for (int k = 1; k <= blur->radius; k++) {
      const float *above = blur->across + n * (gsize)MAX (0, y - k);
      const float *below = blur->across + n * (gsize)MIN (last, y + k);
      float        factor = blur->kernel[k];

      for (gsize i = 0; i < n; i++)
        out[i] += factor * (above[i] + below[i]);
    }
  }
}

/* @to may be @from. */
static void
blur_to (const RtkPlane *from, RtkPlane *to, float sigma)
{
  int               radius = MAX (1, (int)ceilf (2.8f * sigma));
  g_autofree float *kernel = g_new (float, radius + 1);
  g_autofree float *across = g_new (float, row_floats (from) * (gsize)from->height);
  Blur              blur = {from, to, across, kernel, radius};
  float             sum = 0;

  for (int k = 0; k <= radius; k++) {
    kernel[k] = expf (-.5f * (float)(k * k) / (sigma * sigma));
    sum += k == 0 ? kernel[k] : 2 * kernel[k];
  }
  for (int k = 0; k <= radius; k++)
    kernel[k] /= sum;
  rtk_parallel_rows (from->height, row_floats (from) * (gsize)(radius + 1), blur_across, &blur);
  rtk_parallel_rows (from->height, row_floats (from) * (gsize)(radius + 1), blur_down, &blur);
}

/**
 * rtk_plane_blur:
 * @self: a plane, changed in place
 * @sigma: standard deviation in pixels, at most about 4 for speed
 *
 * Blurs with a Gaussian, the border replicated.
 */
void
rtk_plane_blur (RtkPlane *self, float sigma)
{
  blur_to (self, self, sigma);
}

/**
 * rtk_plane_sample:
 * @self: a plane
 * @x: left edge of the part to take, pixels of @self
 * @y: top edge of it
 * @scale_x: pixels of @self for one of the result
 * @scale_y: the same downwards
 * @width: pixels a row of the result
 * @height: rows of the result
 *
 * Takes a part of a plane at another size, bilinear between pixel centres, border replicated.
 *
 * Returns: (transfer full): a new plane
 */
RtkPlane *
rtk_plane_sample (
    const RtkPlane *self, double x, double y, double scale_x, double scale_y, int width, int height)
{
  RtkPlane *out = rtk_plane_new (width, height, self->channels);
  int       channels = self->channels;

  for (int oy = 0; oy < height; oy++) {
    float        sy = (float)CLAMP (y + (oy + .5) * scale_y - .5, 0, self->height - 1);
    int          y0 = (int)sy;
    float        fy = sy - (float)y0;
    const float *top = self->data + row_floats (self) * (gsize)y0;
    const float *bottom = self->data + row_floats (self) * (gsize)MIN (y0 + 1, self->height - 1);
    float       *to = out->data + row_floats (out) * (gsize)oy;

    for (int ox = 0; ox < width; ox++) {
      float sx = (float)CLAMP (x + (ox + .5) * scale_x - .5, 0, self->width - 1);
      int   x0 = (int)sx;
      int   x1 = MIN (x0 + 1, self->width - 1);
      float fx = sx - (float)x0;

      for (int c = 0; c < channels; c++) {
        float upper = top[x0 * channels + c] * (1 - fx) + top[x1 * channels + c] * fx;
        float lower = bottom[x0 * channels + c] * (1 - fx) + bottom[x1 * channels + c] * fx;

        to[ox * channels + c] = upper * (1 - fy) + lower * fy;
      }
    }
  }
  return out;
}

/* The loops over a pixel's channels are the innermost ones: with a number the compiler knows they
 * are unrolled and vectorised, which halves their time. */
#define WITH_CONSTANT_CHANNELS(function, channels, ...)                                            \
  switch (channels) {                                                                              \
  case 2:                                                                                          \
    function (2, __VA_ARGS__);                                                                     \
    break;                                                                                         \
  case 3:                                                                                          \
    function (3, __VA_ARGS__);                                                                     \
    break;                                                                                         \
  case 4:                                                                                          \
    function (4, __VA_ARGS__);                                                                     \
    break;                                                                                         \
  case 5:                                                                                          \
    function (5, __VA_ARGS__);                                                                     \
    break;                                                                                         \
  default:                                                                                         \
    function (channels, __VA_ARGS__);                                                              \
    break;                                                                                         \
  }

static inline __attribute__ ((always_inline)) void
halve_line (int channels, const float *line, float *to, int width)
{
  for (int x = 0; x < width; x++) {
    const float *from = line + 2 * x * channels;

    for (int c = 0; c < channels; c++)
      to[x * channels + c] =
          (from[c] + from[4 * channels + c] + 4 * (from[channels + c] + from[3 * channels + c]) +
           6 * from[2 * channels + c]) /
          16;
  }
}

static inline __attribute__ ((always_inline)) void
double_line (int channels, const float *line, int line_width, float *to, int width)
{
  for (int x = 0; x < width; x++) {
    const float *left = line + x / 2 * channels;
    const float *right = line + MIN (line_width - 1, (x + 1) / 2) * channels;

    for (int c = 0; c < channels; c++)
      to[x * channels + c] = .5f * (left[c] + right[c]);
  }
}

/* @known becomes values where @weighted has weight, the rest stays what the coarser scale gave. */
static inline __attribute__ ((always_inline)) void
blend_pixels (int n, float *known, const float *weighted, gsize n_pixels, gboolean coarsest)
{
  for (gsize i = 0; i < n_pixels; i++) {
    const float *from = weighted + i * (gsize)(n + 1);
    float       *to = known + i * (gsize)n;
    float        weight = from[n];
    float        trust = coarsest ? 1 : MIN (1, weight / FULL_WEIGHT);
    float        factor;

    if (weight < NO_WEIGHT)
      continue;
    factor = trust / weight;
    for (int c = 0; c < n; c++)
      to[c] += factor * from[c] - trust * to[c];
  }
}

typedef struct {
  const RtkPlane *from;
  RtkPlane       *to;
} Resize;

RTK_WIDE static void
halve_rows (gpointer data, int first, int end)
{
  const RtkPlane   *self = ((const Resize *)data)->from;
  RtkPlane         *out = ((const Resize *)data)->to;
  gsize             n = row_floats (self);
  gsize             pixel = (gsize)self->channels;
  g_autofree float *line = g_new (float, n + 4 * pixel);

  for (int y = first; y < end; y++) {
    const float *rows[5];
    float       *to = out->data + row_floats (out) * (gsize)y;

    for (int k = 0; k < 5; k++)
      rows[k] = self->data + n * (gsize)CLAMP (2 * y + k - 2, 0, self->height - 1);
    for (gsize i = 0; i < n; i++)
      line[2 * pixel + i] =
          (rows[0][i] + rows[4][i] + 4 * (rows[1][i] + rows[3][i]) + 6 * rows[2][i]) / 16;
    for (gsize i = 0; i < 2 * pixel; i++) {
      line[i] = line[2 * pixel + i % pixel];
      line[2 * pixel + n + i] = line[pixel + n + i % pixel];
    }
    WITH_CONSTANT_CHANNELS (halve_line, self->channels, line, to, out->width);
  }
}

/* Every second pixel of every second row, after a blur with 1 4 6 4 1: coarse pixel i lies on
 * fine pixel 2i. */
static RtkPlane *
plane_halve (const RtkPlane *self)
{
  RtkPlane *out = rtk_plane_new ((self->width + 1) / 2, (self->height + 1) / 2, self->channels);

  rtk_parallel_rows (out->height, 3 * row_floats (self), halve_rows, &(Resize){self, out});
  return out;
}

RTK_WIDE static void
double_rows (gpointer data, int first, int end)
{
  const RtkPlane   *self = ((const Resize *)data)->from;
  RtkPlane         *out = ((const Resize *)data)->to;
  gsize             n = row_floats (self);
  g_autofree float *line = g_new (float, n);

  for (int y = first; y < end; y++) {
    const float *above = self->data + n * (gsize)(y / 2);
    const float *below = self->data + n * (gsize)MIN (self->height - 1, (y + 1) / 2);
    float       *to = out->data + row_floats (out) * (gsize)y;

    for (gsize i = 0; i < n; i++)
      line[i] = .5f * (above[i] + below[i]);
    WITH_CONSTANT_CHANNELS (double_line, self->channels, line, self->width, to, out->width);
  }
}

/* The inverse of the sampling of plane_halve(), linear between coarse pixels. */
static RtkPlane *
plane_double (const RtkPlane *self, int width, int height)
{
  RtkPlane *out = rtk_plane_new (width, height, self->channels);

  rtk_parallel_rows (height, row_floats (out), double_rows, &(Resize){self, out});
  return out;
}

typedef struct {
  RtkPlane *levels[MAX_LEVELS]; /* (owned), but for level 0 */
  int       n_levels;
} Pyramid;

/* The coarsest level on which a Gaussian of @sigma can still be made, and what blur is left to do
 * there: the way down has already blurred by sqrt ((4^level - 1) / 3). */
static int
choose_level (const Pyramid *pyramid, float sigma, float *out_rest)
{
  int level = 0;

  *out_rest = sigma;
  for (int l = 1; l < pyramid->n_levels; l++) {
    float pixel = (float)(1 << l);
    float variance = sigma * sigma - (pixel * pixel - 1) / 3;
    float rest = variance > 0 ? sqrtf (variance) / pixel : 0;

    if (rest < .8f)
      break;
    level = l;
    *out_rest = rest;
  }
  return level;
}

/**
 * rtk_plane_copy:
 * @self: a plane
 *
 * Returns: (transfer full): the same once more
 */
RtkPlane *
rtk_plane_copy (const RtkPlane *self)
{
  RtkPlane *copy = rtk_plane_new (self->width, self->height, self->channels);

  memcpy (copy->data, self->data, row_floats (self) * (gsize)self->height * sizeof (float));
  return copy;
}

typedef struct {
  RtkPlane       *known;
  const RtkPlane *weighted;
  gboolean        coarsest;
} Blend;

RTK_WIDE static void
blend_rows (gpointer data, int from, int to)
{
  const Blend *blend = data;
  RtkPlane    *known = blend->known;
  float       *first = known->data + row_floats (known) * (gsize)from;
  const float *weighted = blend->weighted->data + row_floats (blend->weighted) * (gsize)from;

  WITH_CONSTANT_CHANNELS (blend_pixels, known->channels, first, weighted,
                          (gsize)known->width * (gsize)(to - from), blend->coarsest);
}

static void
blend_scale (RtkPlane *known, const RtkPlane *weighted, gboolean coarsest)
{
  rtk_parallel_rows (known->height, 2 * row_floats (known), blend_rows,
                     &(Blend){known, weighted, coarsest});
}

/* What is left where no scale reaches: the mean of all there is. */
static void
fill_with_mean (RtkPlane *known, const RtkPlane *weighted)
{
  int    n = known->channels;
  gsize  n_pixels = (gsize)weighted->width * weighted->height;
  double sums[16] = {0};
  double weight = 0;

  g_assert (n <= 15);
  for (gsize i = 0; i < n_pixels; i++) {
    for (int c = 0; c <= n; c++)
      sums[c] += weighted->data[i * (gsize)(n + 1) + (gsize)c];
  }
  weight = sums[n];
  for (gsize i = 0; i < (gsize)known->width * known->height; i++) {
    for (int c = 0; c < n; c++)
      known->data[i * (gsize)n + (gsize)c] = weight > NO_WEIGHT ? (float)(sums[c] / weight) : 0;
  }
}

static void
pyramid_init (Pyramid *self, const RtkPlane *base, float largest_sigma)
{
  float reach = 1;

  self->levels[0] = (RtkPlane *)base;
  self->n_levels = 1;
  while (self->n_levels < MAX_LEVELS) {
    const RtkPlane *last = self->levels[self->n_levels - 1];

    if (MIN (last->width, last->height) < 2 * SMALLEST_SIDE || reach > largest_sigma)
      return;
    self->levels[self->n_levels++] = plane_halve (last);
    reach *= 2;
  }
}

static void
pyramid_clear (Pyramid *self)
{
  for (int l = 1; l < self->n_levels; l++)
    rtk_plane_free (self->levels[l]);
}

static RtkPlane *
raise_to (RtkPlane *known, const Pyramid *pyramid, int from, int to)
{
  for (int l = from - 1; l >= to; l--) {
    RtkPlane *finer = plane_double (known, pyramid->levels[l]->width, pyramid->levels[l]->height);

    rtk_plane_free (known);
    known = finer;
  }
  return known;
}

/**
 * rtk_plane_fill:
 * @weighted: values times their weight, and the weight (0..1) as last channel
 * @sigmas: (array length=n_sigmas): standard deviations in pixels, growing
 * @n_sigmas: how many
 *
 * Normalised convolution at several scales: spreads values that are known here and there over the
 * whole plane.
 *
 * Where the finest scale has enough weight around a pixel it decides; what it leaves open the next
 * one takes, and the last takes the rest. Each Gaussian is made on a level of a pyramid on which
 * it is small, so that the cost hardly depends on the scales. Where nothing at all is near the
 * mean of everything stands, so that the result is always defined.
 *
 * Returns: (transfer full): a plane with one channel less
 */
RtkPlane *
rtk_plane_fill (const RtkPlane *weighted, const float *sigmas, guint n_sigmas)
{
  Pyramid   pyramid;
  RtkPlane *known = NULL;
  int       level = 0;

  pyramid_init (&pyramid, weighted, sigmas[n_sigmas - 1]);
  for (guint i = n_sigmas; i-- > 0;) {
    float     rest;
    int       at = choose_level (&pyramid, sigmas[i], &rest);
    RtkPlane *source = pyramid.levels[at];
    RtkPlane *blurred = rtk_plane_new (source->width, source->height, source->channels);

    blur_to (source, blurred, rest);
    if (known == NULL) {
      known = rtk_plane_new (blurred->width, blurred->height, blurred->channels - 1);
      fill_with_mean (known, blurred);
      blend_scale (known, blurred, TRUE);
    } else {
      known = raise_to (known, &pyramid, level, at);
      blend_scale (known, blurred, FALSE);
    }
    level = at;
    rtk_plane_free (blurred);
  }
  known = raise_to (known, &pyramid, level, 0);
  pyramid_clear (&pyramid);
  return known;
}

static void
fill_cb (gpointer data, gpointer shared)
{
  RtkPlaneFill *fill = data;

  fill->filled = rtk_plane_fill (fill->weighted, fill->sigmas, fill->n_sigmas);
}

/**
 * rtk_plane_fill_all:
 * @fills: (array length=n_fills): planes to fill; their results are set
 * @n_fills: how many, at most 4
 *
 * Does rtk_plane_fill() for several planes at the same time.
 */
void
rtk_plane_fill_all (RtkPlaneFill *fills, guint n_fills)
{
  RtkTask tasks[4];

  g_return_if_fail (n_fills <= G_N_ELEMENTS (tasks));

  for (guint i = 0; i < n_fills; i++)
    tasks[i] = (RtkTask){fill_cb, &fills[i]};
  rtk_parallel_tasks (tasks, n_fills, NULL);
}
