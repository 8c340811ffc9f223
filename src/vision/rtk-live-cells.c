/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-live-matte-private.h"

#include <math.h>
#include <string.h>

/* The mask's word for wall, for person, and for where the person ends. */
#define SURE_WALL .05f
#define SURE_PERSON .95f
#define OUTLINE .1f
/* How far from the outline wall is wall for certain, cells. */
#define WALL_MARGIN 4
/* How deep inside the mask a person is solid, and how far outside it hair may reach, cells. */
#define DEEP 3
#define REACH 4
/* Wall is grown towards the person so many cells a round. */
#define GROWTH 4
#define ROUNDS 2
/* With less wall than this share of the picture there is no model of it. */
#define LEAST_WALL .03
/* A wall rougher than this cannot be told from a person by its colour; once it counts as plain, a
 * little more may come. */
#define PLAIN_NOISE .030f
#define STILL_PLAIN_NOISE .036f
#define LEAST_NOISE .004f
/* How much of what was found in the frame before stays: lamps do not change from frame to frame. */
#define KEEP_WALL .7f
/* A wall that differs more than this from the frame before is another one. */
#define OTHER_WALL .04f
/* Below it a sum of weights holds nothing. */
#define NO_WEIGHT 1e-4f
#define MAX_LEVELS 10
#define N_TERMS 6

void
rtk_live_cells_init (RtkLiveCells *self, int width, int height)
{
  gsize n = (gsize)width * (gsize)height;

  *self = (RtkLiveCells){.width = width, .height = height};
  self->image = g_aligned_alloc (n, sizeof (RtkFloats), 16);
  self->wall = g_aligned_alloc0 (n, sizeof (RtkFloats), 16);
  self->person = g_aligned_alloc (n, sizeof (RtkFloats), 16);
  self->hints = g_aligned_alloc (n, sizeof (RtkLiveHint), 16);
  self->mask = g_new (float, n);
  self->state = g_new (float, n);
  self->known = g_new (guint8, n);
  self->scratch = g_new (guint8, 2 * n);
}

void
rtk_live_cells_clear (RtkLiveCells *self)
{
  g_clear_pointer (&self->image, g_aligned_free);
  g_clear_pointer (&self->wall, g_aligned_free);
  g_clear_pointer (&self->person, g_aligned_free);
  g_clear_pointer (&self->hints, g_aligned_free);
  g_clear_pointer (&self->mask, g_free);
  g_clear_pointer (&self->state, g_free);
  g_clear_pointer (&self->known, g_free);
  g_clear_pointer (&self->scratch, g_free);
}

/* Marks the cells within @radius (a square) of a marked one. */
static void
dilate (guint8 *marks, guint8 *scratch, int width, int height, int radius)
{
  for (int y = 0; y < height; y++) {
    const guint8 *from = marks + (gsize)y * (gsize)width;
    guint8       *to = scratch + (gsize)y * (gsize)width;

    memcpy (to, from, (gsize)width);
    for (int k = 1; k <= MIN (radius, width - 1); k++) {
      for (int x = 0; x < width - k; x++)
        to[x] |= from[x + k];
      for (int x = k; x < width; x++)
        to[x] |= from[x - k];
    }
  }
  memcpy (marks, scratch, (gsize)width * (gsize)height);
  for (int y = 0; y < height; y++) {
    guint8 *to = marks + (gsize)y * (gsize)width;

    for (int k = -radius; k <= radius; k++) {
      const guint8 *from = scratch + (gsize)CLAMP (y + k, 0, height - 1) * (gsize)width;

      for (int x = 0; x < width; x++)
        to[x] |= from[x];
    }
  }
}

/* The next coarser level: every sample holds up to four. */
static void
gather (const RtkLiveSample *from, int width, int height, RtkLiveSample *to)
{
  int half = (width + 1) / 2;

  for (int y = 0; y < (height + 1) / 2; y++) {
    for (int x = 0; x < half; x++) {
      RtkLiveSample sum = {{0.f}, 0.f};

      for (int i = 0; i < 4; i++) {
        int                  column = MIN (2 * x + i % 2, width - 1);
        int                  row = MIN (2 * y + i / 2, height - 1);
        const RtkLiveSample *one = &from[row * width + column];

        sum.colour += one->colour;
        sum.weight += one->weight;
      }
      to[y * half + x] = sum;
    }
  }
}

static RtkFloats
mean_of (const RtkLiveSample *sample)
{
  return sample->colour / MAX (sample->weight, NO_WEIGHT);
}

/* Between the coarser cells; what lies half a coarse cell off is made of nine, three and one
 * sixteenths. */
static RtkFloats
sample_coarse (const RtkLiveSample *coarse, int width, int height, int x, int y)
{
  int       column = x / 2;
  int       row = y / 2;
  int       other_column = CLAMP (x % 2 == 0 ? column - 1 : column + 1, 0, width - 1);
  int       other_row = CLAMP (y % 2 == 0 ? row - 1 : row + 1, 0, height - 1);
  RtkFloats upper =
      .75f * coarse[row * width + column].colour + .25f * coarse[row * width + other_column].colour;
  RtkFloats lower = .75f * coarse[other_row * width + column].colour +
                    .25f * coarse[other_row * width + other_column].colour;

  return .75f * upper + .25f * lower;
}

/* Gives every cell a colour, from the nearest that have one: sums are gathered on coarser and
 * coarser levels and handed back where finer ones have too little. @samples is used up. */
static void
fill (RtkLiveSample *samples, int width, int height, RtkFloats *out)
{
  RtkLiveSample *levels[MAX_LEVELS] = {samples};
  int            widths[MAX_LEVELS] = {width};
  int            heights[MAX_LEVELS] = {height};
  int            n = 1;

  for (; n < MAX_LEVELS && MAX (widths[n - 1], heights[n - 1]) > 2; n++) {
    widths[n] = (widths[n - 1] + 1) / 2;
    heights[n] = (heights[n - 1] + 1) / 2;
    levels[n] = g_aligned_alloc ((gsize)widths[n] * (gsize)heights[n], sizeof (RtkLiveSample), 16);
    gather (levels[n - 1], widths[n - 1], heights[n - 1], levels[n]);
  }
  for (int i = 0; i < widths[n - 1] * heights[n - 1]; i++)
    levels[n - 1][i].colour = mean_of (&levels[n - 1][i]);
  for (int k = n - 2; k >= 0; k--) {
    for (int y = 0; y < heights[k]; y++) {
      for (int x = 0; x < widths[k]; x++) {
        RtkLiveSample *one = &levels[k][y * widths[k] + x];
        /* Half of its cells known is as good as all. */
        float     trust = rtk_live_clip (one->weight * 2.f / (float)(1 << (2 * MIN (k, 3))));
        RtkFloats coarse = sample_coarse (levels[k + 1], widths[k + 1], heights[k + 1], x, y);

        one->colour = trust > 0.f ? coarse + trust * (mean_of (one) - coarse) : coarse;
      }
    }
    g_aligned_free (levels[k + 1]);
  }
  for (int i = 0; i < width * height; i++)
    out[i] = samples[i].colour;
}

/* A smooth surface through the wall's colours: what is beyond the last known cell goes on as the
 * light falls off. */
typedef struct {
  RtkFloats terms[N_TERMS];
} Surface;

static void
get_terms (const RtkLiveCells *cells, int x, int y, float terms[N_TERMS])
{
  float u = 2.f * ((float)x + .5f) / (float)cells->width - 1.f;
  float v = 2.f * ((float)y + .5f) / (float)cells->height - 1.f;

  terms[0] = 1.f;
  terms[1] = u;
  terms[2] = v;
  terms[3] = u * u;
  terms[4] = u * v;
  terms[5] = v * v;
}

static RtkFloats
get_surface (const Surface *surface, const float terms[N_TERMS])
{
  RtkFloats sum = {0.f};

  for (int i = 0; i < N_TERMS; i++)
    sum += surface->terms[i] * terms[i];
  return sum;
}

static void
fit_surface (const RtkLiveCells *cells, Surface *surface)
{
  float matrix[N_TERMS][N_TERMS] = {{0.f}};
  float terms[N_TERMS];

  memset (surface, 0, sizeof *surface);
  for (int y = 0; y < cells->height; y += 2) {
    for (int x = 0; x < cells->width; x += 2) {
      int at = y * cells->width + x;

      if (!cells->known[at])
        continue;
      get_terms (cells, x, y, terms);
      for (int i = 0; i < N_TERMS; i++) {
        for (int j = 0; j < N_TERMS; j++)
          matrix[i][j] += terms[i] * terms[j];
        surface->terms[i] += cells->image[at] * terms[i];
      }
    }
  }
  /* Elimination without pivots: the matrix is positive, and something on its diagonal keeps the
   * bent terms small when the wall is one narrow strip. */
  for (int i = 0; i < N_TERMS; i++)
    matrix[i][i] += i < 3 ? .1f : 10.f;
  for (int i = 0; i < N_TERMS; i++) {
    for (int k = i + 1; k < N_TERMS; k++) {
      float factor = matrix[k][i] / matrix[i][i];

      for (int j = i; j < N_TERMS; j++)
        matrix[k][j] -= factor * matrix[i][j];
      surface->terms[k] -= factor * surface->terms[i];
    }
  }
  for (int i = N_TERMS - 1; i >= 0; i--) {
    for (int j = i + 1; j < N_TERMS; j++)
      surface->terms[i] -= matrix[i][j] * surface->terms[j];
    surface->terms[i] /= matrix[i][i];
  }
}

/* The wall everywhere: the surface, and what the known cells around differ from it. */
static void
fill_wall (const RtkLiveCells *cells, const Surface *surface, RtkLiveSample *samples)
{
  float terms[N_TERMS];

  for (int y = 0; y < cells->height; y++) {
    for (int x = 0; x < cells->width; x++) {
      int   at = y * cells->width + x;
      float weight = cells->known[at] ? 1.f : 0.f;

      get_terms (cells, x, y, terms);
      samples[at].colour = weight * (cells->image[at] - get_surface (surface, terms));
      samples[at].weight = weight;
    }
  }
  fill (samples, cells->width, cells->height, cells->wall);
  for (int y = 0; y < cells->height; y++) {
    for (int x = 0; x < cells->width; x++) {
      get_terms (cells, x, y, terms);
      cells->wall[y * cells->width + x] += get_surface (surface, terms);
    }
  }
}

static float
measure_noise (const RtkLiveCells *cells, const Surface *surface)
{
  float  terms[N_TERMS];
  double sum = 0.;
  int    n = 0;

  /* Against the surface: the filled wall would explain its own cells. */
  for (int y = 0; y < cells->height; y += 2) {
    for (int x = 0; x < cells->width; x += 2) {
      int       at = y * cells->width + x;
      RtkFloats off;

      if (!cells->known[at])
        continue;
      get_terms (cells, x, y, terms);
      off = cells->image[at] - get_surface (surface, terms);
      sum += sqrtf (rtk_floats_dot (off, off));
      n++;
    }
  }
  return MAX (LEAST_NOISE, (float)(sum / MAX (1, n)));
}

/* What has the wall's colour, or that in a shadow, may be wall too. */
static gboolean
is_like_wall (const RtkLiveCells *cells, int at)
{
  RtkFloats wall = cells->wall[at];
  RtkFloats image = cells->image[at];
  float     square = MAX (rtk_floats_dot (wall, wall), 1e-4f);
  float     shade = rtk_floats_dot (image, wall) / square;
  RtkFloats off = image - shade * wall;
  float     limit = 2.f * cells->noise;

  return cells->mask[at] < .9f && rtk_floats_dot (off, off) < limit * limit && shade > .84f &&
         fabsf (shade - 1.f) * sqrtf (square) < 3.f * cells->noise + .006f;
}

/* Grows the known wall, a few cells at a time, towards the person, so that it is known in the
 * person's shadow. */
static void
grow_wall (RtkLiveCells *cells)
{
  int     n = cells->width * cells->height;
  guint8 *may = cells->scratch;

  for (int i = 0; i < n; i++)
    may[i] = cells->known[i] || is_like_wall (cells, i);
  for (int k = 0; k < GROWTH; k++) {
    dilate (cells->known, cells->scratch + n, cells->width, cells->height, 1);
    for (int i = 0; i < n; i++)
      cells->known[i] &= may[i];
  }
}

/* Marks the wall that is certain; whether there is enough of it. */
static gboolean
find_known (RtkLiveCells *cells)
{
  int n = cells->width * cells->height;
  int n_known = 0;

  for (int i = 0; i < n; i++)
    cells->known[i] = cells->mask[i] >= SURE_WALL;
  dilate (cells->known, cells->scratch, cells->width, cells->height, WALL_MARGIN);
  for (int i = 0; i < n; i++) {
    cells->known[i] = !cells->known[i];
    n_known += cells->known[i];
  }
  return n_known >= (int)(LEAST_WALL * n);
}

static void
find_wall (RtkLiveCells *cells, RtkLiveSample *samples)
{
  int                   n = cells->width * cells->height;
  float                 noise;
  g_autofree RtkFloats *before = NULL;
  Surface               surface;

  if (!find_known (cells)) {
    cells->is_plain = FALSE;
    cells->has_past = FALSE;
    return;
  }
  if (cells->has_past)
    before = g_memdup2 (cells->wall, (gsize)n * sizeof *before);
  fit_surface (cells, &surface);
  noise = measure_noise (cells, &surface);
  cells->noise =
      cells->has_past ? cells->noise + (1.f - KEEP_WALL) * (noise - cells->noise) : noise;
  cells->is_plain =
      cells->noise < (cells->has_past && cells->is_plain ? STILL_PLAIN_NOISE : PLAIN_NOISE);
  fill_wall (cells, &surface, samples);
  for (int round = 0; cells->is_plain && round < ROUNDS; round++) {
    grow_wall (cells);
    fill_wall (cells, &surface, samples);
  }
  for (int i = 0; cells->has_past && i < n; i++) {
    RtkFloats change = cells->wall[i] - before[i];

    if (rtk_floats_dot (change, change) < OTHER_WALL * OTHER_WALL)
      cells->wall[i] = before[i] + (1.f - KEEP_WALL) * change;
  }
  cells->has_past = TRUE;
}

/* Where the outline can be. */
static void
find_band (RtkLiveCells *cells)
{
  int     n = cells->width * cells->height;
  guint8 *marks = cells->scratch;

  for (int i = 0; i < n; i++)
    marks[i] = cells->mask[i] <= SURE_PERSON;
  dilate (marks, cells->scratch + n, cells->width, cells->height, DEEP);
  for (int i = 0; i < n; i++) {
    cells->state[i] = marks[i] ? 0.f : 1.f;
    marks[i] = cells->mask[i] >= OUTLINE;
  }
  dilate (marks, cells->scratch + n, cells->width, cells->height, REACH);
  for (int i = 0; i < n; i++) {
    if (!marks[i])
      cells->state[i] = -1.f;
  }
}

/* The person's own colour, and how much it varies, from what surely is person around. */
static void
find_person (RtkLiveCells *cells, RtkLiveSample *samples)
{
  int     n = cells->width * cells->height;
  guint8 *marks = cells->scratch;

  for (int i = 0; i < n; i++)
    marks[i] = cells->mask[i] <= SURE_PERSON;
  dilate (marks, cells->scratch + n, cells->width, cells->height, 1);
  for (int i = 0; i < n; i++) {
    RtkFloats off = cells->image[i] - cells->wall[i];
    /* What looks like the wall is most likely wall that the mask took for person. */
    float weight =
        marks[i] ? 0.f
        : rtk_floats_dot (off, off) < 9.f * cells->noise * cells->noise && cells->state[i] < .5f
            ? .05f
            : 1.f;

    samples[i].colour = weight * cells->image[i];
    samples[i].weight = weight;
  }
  fill (samples, cells->width, cells->height, cells->person);
  for (int i = 0; i < n; i++) {
    RtkFloats colour = cells->person[i];

    cells->person[i][3] = MAX (0.f, colour[3] - rtk_floats_dot (colour, colour) / 3.f);
  }
}

static void
write_hints (RtkLiveCells *cells)
{
  float noise = cells->noise * cells->noise / 3.f;

  for (int i = 0; i < cells->width * cells->height; i++) {
    RtkLiveHint *hint = &cells->hints[i];
    RtkFloats    line = cells->person[i] - cells->wall[i];
    float        variance = cells->person[i][3];
    float        square = MAX (rtk_floats_dot (line, line), 1e-5f);
    float        texture = 1.f - 2.f * sqrtf ((variance + noise) / square);

    texture = MAX (.5f, texture);
    hint->wall = cells->wall[i];
    hint->wall[3] = cells->mask[i];
    hint->person = cells->person[i];
    hint->person[3] = cells->state[i];
    hint->axis = line / (square * texture);
    hint->axis[3] = square / (square + .004f + 1.5f * variance);
    hint->more = (RtkFloats){texture, 0.f, 0.f, 0.f};
  }
}

/* Works out everything but @image and @mask, which are given. */
void
rtk_live_cells_work_out (RtkLiveCells *self)
{
  RtkLiveSample *samples =
      g_aligned_alloc ((gsize)self->width * (gsize)self->height, sizeof (RtkLiveSample), 16);

  find_wall (self, samples);
  find_band (self);
  /* Without a wall there is nothing to unmix: the mask alone counts. */
  if (!self->is_plain) {
    memset (self->wall, 0, (gsize)self->width * (gsize)self->height * sizeof *self->wall);
    memset (self->person, 0, (gsize)self->width * (gsize)self->height * sizeof *self->person);
    self->has_past = FALSE;
  } else {
    find_person (self, samples);
  }
  write_hints (self);
  g_aligned_free (samples);
}
