/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-matte-private.h"
#include "vision/rtk-parallel-private.h"

#include <math.h>
#include <string.h>

/* Share of the picture that must be wall for a model of it to mean anything. */
#define LEAST_WALL .005
#define N_TERMS 6
/* Where the mask gives a place less than this, it doubts; more than the other, it does not. */
#define ISLAND_MASK .8f
#define ISLAND_MOST .98f
/* Surroundings from which a piece of wall hardly differs. */
#define ISLAND_RADIUS 3
/* What ends a piece of wall is this different from it, that many cells behind its edge. */
#define LEAST_EDGE .06f
#define EDGE_REACH 2
/* By when the wall has grown as near as most of it can be reached. */
#define ISLAND_ROUND 5
/* A wall is not shaded to less than this, and not off its own colour by more than the other. */
#define FOREIGN_SHADE .55f
#define FOREIGN_COLOUR .12f
/* The end of a lock is not broader than twice this. */
#define LOCK_RADIUS 5
/* And it ends within so many cells of what the mask sees. */
#define LOCK_REACH 60
/* Squared length of a colour: dark hair has that of any darker wall in some light. */
#define DARK_WALL .12f

static gsize
count (const guint8 *binary, gsize n)
{
  gsize sum = 0;

  for (gsize i = 0; i < n; i++)
    sum += binary[i];
  return sum;
}

/* Wall as far as the mask knows: unlikely to be person, and away from all that may be. */
static void
mark_far_wall (RtkMatteWork *work, float limit)
{
  gsize n = rtk_matte_count_cells (work);

  for (gsize i = 0; i < n; i++)
    work->known_wall[i] = work->mask->data[i] >= limit;
  rtk_binary_dilate (work->known_wall, work->width, work->height, RTK_MATTE_UNIT * 3 / 100);
  for (gsize i = 0; i < n; i++)
    work->known_wall[i] = !work->known_wall[i];
}

static RtkPlane *
fill_from (const RtkMatteWork *work, const guint8 *where, float finest_sigma)
{
  g_autoptr (RtkPlane) weighted = rtk_plane_new (work->width, work->height, 4);
  gsize n = rtk_matte_count_cells (work);
  float sigmas[8];
  guint n_sigmas = 0;

  for (gsize i = 0; i < n; i++) {
    for (int c = 0; c < 3; c++)
      weighted->data[4 * i + c] = where[i] != 0 ? work->flat->data[3 * i + c] : 0;
    weighted->data[4 * i + 3] = where[i];
  }
  for (float sigma = finest_sigma; n_sigmas < G_N_ELEMENTS (sigmas) && sigma <= RTK_MATTE_UNIT;
       sigma *= 2)
    sigmas[n_sigmas++] = sigma;
  return rtk_plane_fill (weighted, sigmas, n_sigmas);
}

static void
get_terms (const RtkMatteWork *work, int x, int y, double terms[N_TERMS])
{
  double u = 2. * x / work->width - 1;
  double v = 2. * y / work->height - 1;

  terms[0] = 1;
  terms[1] = u;
  terms[2] = v;
  terms[3] = u * u;
  terms[4] = u * v;
  terms[5] = v * v;
}

/* Solves the normal equations by elimination; a slightly raised diagonal keeps them solvable when
 * the wall is seen in too few places to tell all terms. */
static void
solve (double matrix[N_TERMS][N_TERMS + 3])
{
  for (int i = 0; i < N_TERMS; i++) {
    matrix[i][i] += 1e-6 * (matrix[0][0] + 1);
    for (int row = i + 1; row < N_TERMS; row++) {
      double factor = matrix[row][i] / matrix[i][i];

      for (int k = i; k < N_TERMS + 3; k++)
        matrix[row][k] -= factor * matrix[i][k];
    }
  }
  for (int i = N_TERMS - 1; i >= 0; i--) {
    for (int c = N_TERMS; c < N_TERMS + 3; c++) {
      for (int k = i + 1; k < N_TERMS; k++)
        matrix[i][c] -= matrix[i][k] * matrix[k][c];
      matrix[i][c] /= matrix[i][i];
    }
  }
}

/* A quadratic through the colours of the far wall, with little say for what lies off it. */
static void
fit_quadratic (const RtkMatteWork *work, float spread, double fit[3][N_TERMS])
{
  memset (fit, 0, sizeof (double[3][N_TERMS]));
  for (int round = 0; round < 5; round++) {
    double matrix[N_TERMS][N_TERMS + 3] = {{0}};

    for (int y = 0; y < work->height; y += 4) {
      for (int x = 0; x < work->width; x += 4) {
        gsize        at = (gsize)y * work->width + (gsize)x;
        const float *pixel = work->flat->data + 3 * at;
        double       terms[N_TERMS];
        double       error = 0;
        double       weight;

        if (!work->known_wall[at])
          continue;
        get_terms (work, x, y, terms);
        for (int c = 0; c < 3; c++) {
          double value = 0;

          for (int k = 0; k < N_TERMS; k++)
            value += fit[c][k] * terms[k];
          error += (pixel[c] - value) * (pixel[c] - value);
        }
        error = sqrt (error) / (2 * spread + .004);
        weight = round == 0 ? 1 : 1 / (1 + error * error);
        for (int i = 0; i < N_TERMS; i++) {
          for (int k = 0; k < N_TERMS; k++)
            matrix[i][k] += weight * terms[i] * terms[k];
          for (int c = 0; c < 3; c++)
            matrix[i][N_TERMS + c] += weight * terms[i] * pixel[c];
        }
      }
    }
    solve (matrix);
    for (int c = 0; c < 3; c++) {
      for (int k = 0; k < N_TERMS; k++)
        fit[c][k] = matrix[k][N_TERMS + c];
    }
  }
}

/**
 * rtk_matte_measure_noise:
 * @work: a matte whose wall is known
 * @picture: RGB24 of any size, showing the same as @work
 *
 * Measures how much pixels of the wall differ from the smooth wall at the size of @picture: 1.2
 * times the median of the distance, 0..1.
 *
 * Returns: the noise, at least %RTK_MATTE_LEAST_NOISE
 */
float
rtk_matte_measure_noise (const RtkMatteWork *work, const RtkImage *picture)
{
  guint histogram[1024] = {0};
  guint n = 0, sum = 0;
  int   width = rtk_image_get_width (picture), height = rtk_image_get_height (picture);

  for (int y = 1; y < height; y += 3) {
    const guint8 *row = rtk_image_get_pixels (picture) + rtk_image_get_stride (picture) * (gsize)y;
    gsize         line = (gsize)(y * work->height / height) * work->width;

    for (int x = 1; x < width; x += 3) {
      gsize at = line + (gsize)(x * work->width / width);
      float distance[3];
      float length;

      if (!work->known_wall[at])
        continue;
      for (int c = 0; c < 3; c++)
        distance[c] = (float)row[3 * x + c] / 255 - work->wall->data[3 * at + c];
      length = sqrtf (rtk_dot3 (distance, distance));
      histogram[MIN (1023, (guint)(length * 2048))]++;
      n++;
    }
  }
  for (guint i = 0; i < G_N_ELEMENTS (histogram); i++) {
    sum += histogram[i];
    if (2 * sum >= n)
      return MAX (RTK_MATTE_LEAST_NOISE, 1.2f * ((float)i + .5f) / 2048);
  }
  return 1;
}

/* Whether a pixel can be wall in other light: its colour is the wall's up to a factor near 1. */
static gboolean
can_be_wall (const float pixel[3], const float wall[3], float noise)
{
  float wall2 = MAX (1e-6f, rtk_dot3 (wall, wall));
  float scale = rtk_dot3 (pixel, wall) / wall2;
  float off[3];

  for (int c = 0; c < 3; c++)
    off[c] = pixel[c] - scale * wall[c];
  return rtk_dot3 (off, off) < 4 * noise * noise &&
         fabsf (scale - 1) * sqrtf (wall2) < 3 * noise + .006f;
}

static void
get_fit (const RtkMatteWork *work, const double fit[3][N_TERMS], int x, int y, float out[3])
{
  double terms[N_TERMS];

  get_terms (work, x, y, terms);
  for (int c = 0; c < 3; c++) {
    double value = 0;

    for (int k = 0; k < N_TERMS; k++)
      value += fit[c][k] * terms[k];
    out[c] = (float)value;
  }
}

/* A piece of what may be an island, while it is gathered. */
typedef struct {
  gsize *cells; /* (owned) */
  gsize  n;
  double mask;
  double edge;
  gsize  n_edge;
} Piece;

/* Looks from a cell of a piece to its neighbour: one more of it, or its edge, whose height is
 * measured a little farther out. */
static void
look_beside (const RtkMatteWork *work, guint8 *islands, gsize at, int dx, int dy, Piece *piece)
{
  int   x = (int)(at % (gsize)work->width) + dx, y = (int)(at / (gsize)work->width) + dy;
  gsize beside, beyond;
  float step[3];

  if (x < 0 || y < 0 || x >= work->width || y >= work->height)
    return;
  beside = (gsize)y * work->width + (gsize)x;
  if (islands[beside] == 1) {
    islands[beside] = 2;
    piece->cells[piece->n++] = beside;
  }
  if (islands[beside] != 0 || work->known_wall[beside])
    return;
  beyond = (gsize)CLAMP (y + EDGE_REACH * dy, 0, work->height - 1) * work->width +
           (gsize)CLAMP (x + EDGE_REACH * dx, 0, work->width - 1);
  for (int c = 0; c < 3; c++)
    step[c] = work->picture->data[3 * beyond + c] - work->picture->data[3 * at + c];
  piece->edge += sqrtf (rtk_dot3 (step, step));
  piece->n_edge++;
}

/* Drops every piece of @islands in which the mask does not doubt as a whole, and which does not end
 * at edges: the shade of a light top just comes near to the wall's colour and leaves it again. */
static void
keep_doubted (const RtkMatteWork *work, guint8 *islands)
{
  gsize             n = rtk_matte_count_cells (work);
  g_autofree gsize *cells = g_new (gsize, n);

  for (gsize start = 0; start < n; start++) {
    Piece piece = {.cells = cells, .n = 1};

    if (islands[start] != 1)
      continue;
    cells[0] = start;
    islands[start] = 2;
    for (gsize i = 0; i < piece.n; i++) {
      piece.mask += work->mask->data[cells[i]];
      look_beside (work, islands, cells[i], -1, 0, &piece);
      look_beside (work, islands, cells[i], 1, 0, &piece);
      look_beside (work, islands, cells[i], 0, -1, &piece);
      look_beside (work, islands, cells[i], 0, 1, &piece);
    }
    if (piece.mask < ISLAND_MASK * (double)piece.n &&
        piece.edge >= LEAST_EDGE * (double)piece.n_edge)
      continue;
    for (gsize i = 0; i < piece.n; i++)
      islands[cells[i]] = 0;
  }
  for (gsize i = 0; i < n; i++)
    islands[i] = islands[i] != 0;
}

/* Wall that hair or an arm cuts off from the rest is never reached by growing: where the mask
 * doubts over some width, and the colour is that of the whole wall in some light, it is wall. */
static void
add_islands (RtkMatteWork *work, const double fit[3][N_TERMS])
{
  gsize              n = rtk_matte_count_cells (work);
  float              limit = 2 * work->noise + .01f;
  float              rough = 3 * work->noise + .006f;
  g_autofree guint8 *islands = g_malloc0 (n);
  g_autoptr (RtkPlane) around = rtk_plane_new (work->width, work->height, 3);

  memcpy (around->data, work->flat->data, 3 * n * sizeof (float));
  rtk_plane_blur (around, ISLAND_RADIUS);
  for (int y = 0; y < work->height; y++) {
    for (int x = 0; x < work->width; x++) {
      gsize        at = (gsize)y * work->width + (gsize)x;
      const float *pixel = work->flat->data + 3 * at;
      float        smooth[3], off[3], detail[3], shade;

      if (work->solid[at] || work->known_wall[at] || work->mask->data[at] >= ISLAND_MOST)
        continue;
      get_fit (work, fit, x, y, smooth);
      if (rtk_dot3 (smooth, smooth) < DARK_WALL)
        continue;
      shade = rtk_dot3 (pixel, smooth) / rtk_dot3 (smooth, smooth);
      for (int c = 0; c < 3; c++) {
        off[c] = pixel[c] - shade * smooth[c];
        detail[c] = pixel[c] - around->data[3 * at + c];
      }
      islands[at] =
          rtk_dot3 (off, off) < limit * limit && shade > .8f && shade < 1.06f &&
          (work->mask->data[at] < ISLAND_MASK || rtk_dot3 (detail, detail) < rough * rough);
    }
  }
  rtk_binary_erode (islands, work->width, work->height, 1);
  rtk_binary_dilate (islands, work->width, work->height, 1);
  keep_doubted (work, islands);
  for (gsize i = 0; i < n; i++)
    work->known_wall[i] |= islands[i];
}

/* How the wall is grown. Binary pictures: @core is too deep in the mask for any wall; @possible is
 * where the mask does not object, and the light against the whole wall's slope is a shadow's. */
typedef struct {
  RtkMatteWork *work;
  RtkPlane     *flat_wall;
  double        fit[3][N_TERMS];
  guint8       *core;
  guint8       *possible;
  guint8       *candidates;
} Growth;

static void
mark_possible (gpointer data, int from, int to)
{
  const Growth       *growth = data;
  const RtkMatteWork *work = growth->work;

  for (int y = from; y < to; y++) {
    for (int x = 0; x < work->width; x++) {
      gsize at = (gsize)y * work->width + (gsize)x;
      float smooth[3], shade;

      growth->possible[at] = FALSE;
      if (growth->core[at] || work->mask->data[at] >= .9f)
        continue;
      get_fit (work, growth->fit, x, y, smooth);
      shade = rtk_dot3 (work->flat->data + 3 * at, smooth) / MAX (1e-6f, rtk_dot3 (smooth, smooth));
      growth->possible[at] = shade > .8f && shade < 1.06f;
    }
  }
}

static void
mark_candidates (gpointer data, int from, int to)
{
  const Growth *growth = data;
  const float  *flat = growth->work->flat->data, *wall = growth->flat_wall->data;
  gsize         width = (gsize)growth->work->width;

  for (gsize i = width * (gsize)from; i < width * (gsize)to; i++)
    growth->candidates[i] =
        growth->possible[i] && can_be_wall (flat + 3 * i, wall + 3 * i, growth->work->noise);
}

/* Grows the known wall into the candidates, a few steps only: the wall is then fitted anew from
 * the edge just reached, which is how a shadow is followed. */
static void
grow (RtkMatteWork *work, const guint8 *candidates, int steps)
{
  gsize              n = rtk_matte_count_cells (work);
  g_autofree guint8 *allowed = g_malloc (n);

  for (gsize i = 0; i < n; i++)
    allowed[i] = candidates[i] | work->known_wall[i];
  for (int step = 0; step < steps; step++) {
    rtk_binary_dilate (work->known_wall, work->width, work->height, 1);
    for (gsize i = 0; i < n; i++)
      work->known_wall[i] &= allowed[i];
  }
}

static RtkPlane *
refit (const RtkMatteWork *work, float finest_sigma)
{
  gsize              n = rtk_matte_count_cells (work);
  g_autofree guint8 *inner = g_memdup2 (work->known_wall, n);

  rtk_binary_erode (inner, work->width, work->height, 1);
  return fill_from (work, count (inner, n) > 0 ? inner : work->known_wall, finest_sigma);
}

/* The wall as it is seen, from a flat one. */
static void
take_wall (RtkMatteWork *work, const RtkPlane *flat_wall)
{
  gsize n = rtk_matte_count_cells (work);

  if (work->wall == NULL)
    work->wall = rtk_plane_new (work->width, work->height, 3);
  memcpy (work->wall->data, flat_wall->data, 3 * n * sizeof (float));
  for (gsize i = 0; i < 3 * n && work->relief != NULL; i++)
    work->wall->data[i] *= work->relief->data[i];
}

static void
flatten (RtkMatteWork *work)
{
  gsize n = rtk_matte_count_cells (work);

  memcpy (work->flat->data, work->picture->data, 3 * n * sizeof (float));
  for (gsize i = 0; i < 3 * n && work->relief != NULL; i++)
    work->flat->data[i] /= work->relief->data[i];
}

/* Where the wall is far from the person; FALSE where there is too little of it. */
static gboolean
begin_wall (RtkMatteWork *work)
{
  gsize n = rtk_matte_count_cells (work);

  mark_far_wall (work, .05f);
  if (count (work->known_wall, n) < n / 50)
    mark_far_wall (work, .02f);
  return (double)count (work->known_wall, n) >= LEAST_WALL * (double)n;
}

/* Whether a colour is not the wall's in any light that is left behind a person. */
static gboolean
is_foreign (const float pixel[3], const float smooth[3])
{
  float shade = rtk_dot3 (pixel, smooth) / MAX (1e-6f, rtk_dot3 (smooth, smooth));
  float off[3];

  for (int c = 0; c < 3; c++)
    off[c] = pixel[c] - shade * smooth[c];
  return shade < FOREIGN_SHADE || rtk_dot3 (off, off) > FOREIGN_COLOUR * FOREIGN_COLOUR;
}

/* Takes out of @foreign what is broad, and what goes on to the border or far from the mask's
 * person: a rail, a cable or the edge of a door behind the person. */
static void
drop_things (const RtkMatteWork *work, guint8 *foreign)
{
  int                width = work->width, height = work->height;
  gsize              n = rtk_matte_count_cells (work);
  g_autofree guint8 *broad = g_memdup2 (foreign, n);
  g_autofree guint8 *away = g_malloc (n);
  g_autofree guint8 *rest = g_malloc (n);
  g_autofree float  *distance = NULL;

  rtk_binary_erode (broad, width, height, LOCK_RADIUS);
  rtk_binary_dilate (broad, width, height, 2 * LOCK_RADIUS);
  for (gsize i = 0; i < n; i++) {
    foreign[i] &= !broad[i];
    rest[i] = work->mask->data[i] < .5f;
  }
  distance = rtk_binary_depth (rest, width, height);
  for (gsize i = 0; i < n; i++) {
    int x = (int)(i % (gsize)width), y = (int)(i / (gsize)width);

    away[i] = x == 0 || y == 0 || x == width - 1 || y == height - 1 || distance[i] > LOCK_REACH;
    rest[i] = foreign[i];
  }
  rtk_binary_keep_seeded (rest, away, width, height);
  for (gsize i = 0; i < n; i++)
    foreign[i] &= !rest[i];
}

/* The mask loses the ends of long locks: what is foreign to the wall, thin, and hangs together with
 * the person is not wall, however sure the mask is of it. Everything else stays what it says. */
static void
release_locks (RtkMatteWork *work, const double fit[3][N_TERMS])
{
  int                width = work->width, height = work->height;
  gsize              n = rtk_matte_count_cells (work);
  g_autofree guint8 *foreign = g_malloc (n);
  g_autofree guint8 *seeds = g_malloc (n);

  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++) {
      gsize at = (gsize)y * width + (gsize)x;
      float smooth[3];

      get_fit (work, fit, x, y, smooth);
      foreign[at] = is_foreign (work->flat->data + 3 * at, smooth);
      seeds[at] = work->mask->data[at] > .9f;
    }
  }
  rtk_binary_keep_seeded (foreign, seeds, width, height);
  for (gsize i = 0; i < n; i++)
    foreign[i] &= work->known_wall[i];
  drop_things (work, foreign);
  rtk_binary_dilate (foreign, width, height, 2);
  for (gsize i = 0; i < n; i++)
    work->known_wall[i] &= !foreign[i];
}

/* Follows the wall from afar to the person. */
static void
grow_wall (RtkMatteWork *work, RtkPlane **flat_wall)
{
  static const float sigmas[] = {6, 3, 2, 2, 2, 2, 2, 2, 2};
  static const int   steps[] = {6, 4, 3, 3, 3, 3, 3, 3, 2};
  gsize              n = rtk_matte_count_cells (work);
  g_autofree guint8 *core = g_malloc (n);
  g_autofree guint8 *possible = g_malloc (n);
  g_autofree guint8 *candidates = g_malloc (n);
  Growth growth = {.work = work, .core = core, .possible = possible, .candidates = candidates};

  fit_quadratic (work, work->noise, growth.fit);
  release_locks (work, growth.fit);
  for (gsize i = 0; i < n; i++)
    core[i] = work->mask->data[i] > .98f;
  rtk_binary_erode (core, work->width, work->height, RTK_MATTE_UNIT / 50);
  rtk_parallel_rows (work->height, 30 * (gsize)work->width, mark_possible, &growth);
  for (guint i = 0; i < G_N_ELEMENTS (sigmas); i++) {
    if (i == ISLAND_ROUND)
      add_islands (work, growth.fit);
    growth.flat_wall = *flat_wall;
    rtk_parallel_rows (work->height, 20 * (gsize)work->width, mark_candidates, &growth);
    rtk_binary_erode (candidates, work->width, work->height, 1);
    rtk_binary_dilate (candidates, work->width, work->height, 1);
    grow (work, candidates, steps[i]);
    rtk_plane_free (*flat_wall);
    *flat_wall = refit (work, sigmas[i]);
  }
}

/**
 * rtk_matte_find_wall:
 * @work: a matte with picture and mask; known_wall, wall, flat, relief and noise are set
 * @plate: (nullable): 3 channels of the size of the picture: the empty wall; changed
 * @out_plate_fits: (out): whether @plate was given and could be used
 *
 * Finds the wall behind the person: first where the mask is sure of it, then growing towards the
 * person as long as the colour stays the wall's, through shadows too. A plate takes out what light
 * and things do to the wall, so that only the shadow is left to follow.
 *
 * Returns: whether there is enough wall, and whether it is plain
 */
gboolean
rtk_matte_find_wall (RtkMatteWork *work, RtkPlane *plate, gboolean *out_plate_fits)
{
  g_autoptr (RtkPlane) flat_wall = NULL;

  *out_plate_fits = FALSE;
  work->flat = rtk_plane_new (work->width, work->height, 3);
  flatten (work);
  if (!begin_wall (work))
    return FALSE;
  flat_wall = fill_from (work, work->known_wall, 12);
  if (plate != NULL && rtk_matte_match_plate (work, plate, flat_wall)) {
    *out_plate_fits = TRUE;
    flatten (work);
    rtk_plane_free (flat_wall);
    flat_wall = fill_from (work, work->known_wall, 12);
  }
  take_wall (work, flat_wall);
  work->noise = rtk_matte_measure_noise (work, work->base);
  if (work->noise > RTK_MATTE_PLAIN_SIGMA)
    return FALSE;
  grow_wall (work, &flat_wall);
  take_wall (work, flat_wall);
  return TRUE;
}
