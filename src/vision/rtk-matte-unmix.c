/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-matte-private.h"
#include "vision/rtk-parallel-private.h"

#include <math.h>
#include <string.h>

/* How far off the line between wall and person a pixel may lie before another scale is better. */
#define LINE_SPREAD .02f
#define N_ROUNDS 3
/* Where the round before found only person all around, there is nothing left to find. */
#define SETTLED .9995f
/* What the networks doubt less than this is wall for the last round if nothing else speaks. */
#define LEAST_MASK .1f
/* A spot that differs less than this from the wall, in units of its noise, has the wall's colour;
 * at twice of it no more. */
#define SPOT_NOISE 1.5f
/* Light that comes through hair is warmer than the wall's by this. */
#define SPOT_LEAST .03f

typedef enum {
  ZONE_OUTSIDE,
  ZONE_BAND,
  ZONE_INSIDE,
} Zone;

static void
fill_wall (RtkMatteWork *work, const RtkMatteSure *sure)
{
  static const float sigmas[] = {1.5, 3, 6, 12, 24, 48};
  gsize              n = (gsize)work->width * work->height;

  rtk_plane_free (work->wall);
  work->wall = rtk_plane_fill (sure->wall, sigmas, G_N_ELEMENTS (sigmas));
  for (gsize i = 0; i < 3 * n && work->relief != NULL; i++)
    work->wall->data[i] *= work->relief->data[i];
}

static void
spread_clear (RtkMatteSpread *self)
{
  for (int k = 0; k < RTK_MATTE_N_SCALES; k++)
    g_clear_pointer (&self->person[k], rtk_plane_free);
  g_clear_pointer (&self->own_alpha, rtk_plane_free);
  g_clear_pointer (&self->near_alpha, rtk_plane_free);
  g_clear_pointer (&self->wide_alpha, rtk_plane_free);
}

/* What the tasks of a round work on. */
typedef struct {
  RtkMatteWork       *work;
  const RtkMatteSure *sure;
  const guint8       *trial;
  RtkMatteSpread     *spread;
} Round;

static void
spread_wall_cb (gpointer data, gpointer user_data)
{
  const Round *round = user_data;

  fill_wall (round->work, round->sure);
}

static void
spread_person_cb (gpointer data, gpointer user_data)
{
  const Round *round = user_data;
  int          scale = GPOINTER_TO_INT (data);

  round->spread->person[scale] = rtk_matte_spread_person (round->sure->person, scale);
}

static void
spread_alpha_cb (gpointer data, gpointer user_data)
{
  const Round *round = user_data;

  rtk_matte_spread_alpha (round->work, round->trial, round->spread);
}

/* Colours of wall and person and what the round before found do not depend on each other. The
 * first guess of what is person is too rough for the finest scale to be near the edge. */
static void
spread_all (RtkMatteWork       *work,
            const RtkMatteSure *sure,
            gboolean            first,
            const guint8       *trial,
            RtkMatteSpread     *spread)
{
  static const RtkTask tasks[] = {
      {spread_person_cb, GINT_TO_POINTER (0)},
      {spread_person_cb, GINT_TO_POINTER (1)},
      {spread_wall_cb, NULL},
      {spread_alpha_cb, NULL},
      {spread_person_cb, GINT_TO_POINTER (2)},
  };
  Round round = {work, sure, trial, spread};
  guint skipped = first ? 1 : 0;

  rtk_parallel_tasks (tasks + skipped, G_N_ELEMENTS (tasks) - skipped, &round);
}

static Zone
zone_of (const RtkMatteWork *work, const RtkMatteSpread *spread, gsize at, gboolean near_region)
{
  if (work->solid[at] || spread->wide_alpha->data[at] > SETTLED)
    return ZONE_INSIDE;
  if (!near_region || (!work->region[at] && spread->wide_alpha->data[at] < 1 - SETTLED))
    return ZONE_OUTSIDE;
  if (work->depth[at] > .055f * RTK_MATTE_UNIT && work->mask->data[at] > .6f && !work->hole[at])
    return ZONE_INSIDE;
  return ZONE_BAND;
}

/* The last round has to look at less inside, where all is found, and looks farther out. */
static Zone
last_zone_of (const RtkMatteWork *work, const RtkMatteSpread *spread, gsize at)
{
  gboolean may_be_person =
      work->outside[at] <= RTK_MATTE_LAST_REACH &&
      (spread->wide_alpha->data[at] > 1 - SETTLED || work->mask->data[at] > LEAST_MASK);

  if (work->solid[at] || spread->near_alpha->data[at] > SETTLED)
    return ZONE_INSIDE;
  if (!work->region[at] && !may_be_person)
    return ZONE_OUTSIDE;
  if (work->depth[at] > .055f * RTK_MATTE_UNIT && work->mask->data[at] > .6f && !work->hole[at])
    return ZONE_INSIDE;
  return ZONE_BAND;
}

/* Where alpha has to be worked out at all, with a margin of one cell so that the nearest cell of
 * a pixel can be asked. */
static guint8 *
find_zones (const RtkMatteWork *work, const RtkMatteSpread *spread, gboolean last)
{
  gsize              n = (gsize)work->width * work->height;
  guint8            *zones = g_malloc (n);
  g_autofree guint8 *near_region = last ? NULL : g_memdup2 (work->region, n);
  g_autofree guint8 *band = g_malloc (n);

  if (!last)
    rtk_binary_dilate (near_region, work->width, work->height, RTK_MATTE_REACH);
  for (gsize i = 0; i < n; i++) {
    zones[i] =
        (guint8)(last ? last_zone_of (work, spread, i) : zone_of (work, spread, i, near_region[i]));
    band[i] = zones[i] == ZONE_BAND;
  }
  rtk_binary_dilate (band, work->width, work->height, 1);
  for (gsize i = 0; i < n; i++) {
    if (band[i] && zones[i] == ZONE_INSIDE && !work->solid[i])
      zones[i] = ZONE_BAND;
  }
  return zones;
}

/* The cells that pixels of the band lie between, as a binary. */
static guint8 *
find_asked (const RtkMatteWork *work, const guint8 *zones)
{
  gsize   n = (gsize)work->width * work->height;
  guint8 *where = g_malloc (n);

  for (gsize i = 0; i < n; i++)
    where[i] = zones[i] == ZONE_BAND;
  rtk_binary_dilate (where, work->width, work->height, 1);
  return where;
}

/* What the three scales say of a pixel together. */
typedef struct {
  float alpha;
  float contrast; /* how far wall and person are apart, squared */
  float variance;
  float confidence;
  float off_line; /* of the best scale */
} Mixture;

static void
unmix_scale (const RtkMatteSample *person,
             const float           off_wall[3],
             const float           wall[3],
             float                 noise,
             Mixture              *out)
{
  float apart[3], rest[3];
  float along, sure_share;

  for (int c = 0; c < 3; c++)
    apart[c] = person->colour[c] - wall[c];
  out->contrast = MAX (1e-6f, rtk_dot3 (apart, apart));
  along = rtk_dot3 (off_wall, apart) / out->contrast;
  for (int c = 0; c < 3; c++)
    rest[c] = off_wall[c] - rtk_clip (along, 0, 1.15f) * apart[c];
  out->off_line = sqrtf (rtk_dot3 (rest, rest));
  /* Texture of the person must not read as transparency: what comes near enough to the person's
   * colour, measured by its variation, is all person. */
  sure_share = 1 - 2 * sqrtf ((person->variance + noise * noise / 3) / out->contrast);
  out->alpha = rtk_clip (along / MAX (.5f, sure_share), 0, 1);
  out->variance = person->variance;
  out->confidence = out->contrast / (out->contrast + .004f + 1.5f * person->variance);
}

static Mixture
mix_scales (const RtkMatteCell *cell, const float off_wall[3], float noise)
{
  Mixture parts[RTK_MATTE_N_SCALES];
  Mixture mixture = {0};
  float   best = G_MAXFLOAT, sum = 0;

  for (int k = 0; k < RTK_MATTE_N_SCALES; k++) {
    unmix_scale (&cell->person[k], off_wall, cell->wall, noise, &parts[k]);
    best = MIN (best, parts[k].off_line);
  }
  for (int k = 0; k < RTK_MATTE_N_SCALES; k++) {
    float worse = parts[k].off_line * parts[k].off_line - best * best;
    float weight = expf (-worse / (2 * LINE_SPREAD * LINE_SPREAD) - .3f * (float)k);

    sum += weight;
    mixture.alpha += weight * parts[k].alpha;
    mixture.contrast += weight * parts[k].contrast;
    mixture.variance += weight * parts[k].variance;
    mixture.confidence += weight * parts[k].confidence;
  }
  mixture.alpha /= sum;
  mixture.contrast /= sum;
  mixture.variance /= sum;
  mixture.confidence /= sum;
  mixture.off_line = best;
  return mixture;
}

/* How well person and wall can be told by colour around here, 0..1. */
static float
get_separation (const Mixture *mixture)
{
  return rtk_clip ((mixture->contrast / (mixture->variance + .002f) - 3) / 9, 0, 1);
}

static gboolean
is_deep (const RtkMatteCell *cell, const Mixture *mixture)
{
  /* Where person and wall are well apart, colour is trusted far inwards (curls); where they are
   * not, only along the edge. */
  return cell->depth > RTK_MATTE_UNIT * (.008f + .042f * get_separation (mixture)) &&
         cell->mask > .5f && cell->hole < .5f;
}

static float
unmix_pixel (const RtkMatteCell *cell, const float pixel[3], float noise, float *out_separation)
{
  float   off_wall[3];
  float   distance, own, alpha;
  Mixture mixture;

  for (int c = 0; c < 3; c++)
    off_wall[c] = pixel[c] - cell->wall[c];
  distance = sqrtf (rtk_dot3 (off_wall, off_wall));
  mixture = mix_scales (cell, off_wall, noise);
  *out_separation = get_separation (&mixture);
  if (is_deep (cell, &mixture))
    return 1;
  /* Off the line: a colour of the person that was not seen around here. */
  own = rtk_clip ((mixture.off_line - 3 * noise - .02f) / .1f, 0, 1) *
        rtk_clip ((cell->mask - .1f) / .3f, 0, 1);
  alpha = mixture.alpha + (1 - mixture.alpha) * own;
  alpha *= rtk_clip ((distance - 1.5f * noise) / (1.5f * noise), 0, 1);
  /* Where colours cannot tell, the region does, as far as the mask bears it out: fine hair over
   * light clothes must not fill the wall between. */
  return mixture.confidence * alpha +
         (1 - mixture.confidence) * cell->region * rtk_clip (cell->mask / .3f, 0, 1);
}

/* What the network says; but where colours tell person and wall well apart, a spot of the wall's
 * own colour is wall, as in loops of hair that the masks fill. */
static float
correct_spot (const RtkMatteCell *cell, const float pixel[3], float noise, float judged)
{
  float off_wall[3], unmixed, separation, spot, trust;

  if (judged < .02f)
    return judged;
  for (int c = 0; c < 3; c++)
    off_wall[c] = cell->shown[c] - cell->wall[c];
  spot = MAX (SPOT_NOISE * noise, SPOT_LEAST);
  trust = MAX (cell->hole, rtk_clip (2 - sqrtf (rtk_dot3 (off_wall, off_wall)) / spot, 0, 1));
  if (trust == 0)
    return judged;
  unmixed = unmix_pixel (cell, pixel, noise, &separation);
  return unmixed < judged ? judged + trust * separation * (unmixed - judged) : judged;
}

static guint8
to_byte (float alpha)
{
  return (guint8)(alpha * 255 + .5f);
}

typedef struct {
  const RtkMatteWork *work;
  const RtkMatteCell *cells;
  const guint8       *zones;
  float               noise;
  int                 round;
} Pass;

/* Pixels of the band that wait until there are enough to be judged at once. */
typedef struct {
  const Pass  *pass;
  int          n;
  RtkMatteCell cells[RTK_MATTE_LANES];
  float        pixels[RTK_MATTE_LANES][3];
  guint8      *to[RTK_MATTE_LANES];
} Batch;

static void
judge_batch (Batch *self)
{
  float cells[RTK_MATTE_CELL_FLOATS][RTK_MATTE_LANES], pixels[3][RTK_MATTE_LANES];
  float features[RTK_MATTE_N_ALL][RTK_MATTE_LANES], judged[RTK_MATTE_LANES];
  float noise = self->pass->noise;

  if (self->n == 0)
    return;
  for (int lane = 0; lane < RTK_MATTE_LANES; lane++) {
    const float *cell = (const float *)&self->cells[lane];

    for (guint i = 0; i < RTK_MATTE_CELL_FLOATS; i++)
      cells[i][lane] = cell[i];
    for (int c = 0; c < 3; c++)
      pixels[c][lane] = self->pixels[lane][c];
  }
  rtk_matte_get_features ((const float (*)[RTK_MATTE_LANES])cells,
                          (const float (*)[RTK_MATTE_LANES])pixels, noise, features);
  memcpy (features[RTK_MATTE_N_FEATURES],
          cells[G_STRUCT_OFFSET (RtkMatteCell, context) / sizeof (float)],
          RTK_MATTE_N_CONTEXT * sizeof features[0]);
  if (self->pass->round == N_ROUNDS - 1)
    rtk_matte_judge_in_context ((const float (*)[RTK_MATTE_LANES])features, judged);
  else
    rtk_matte_judge ((const float (*)[RTK_MATTE_LANES])features, judged);
  for (int lane = 0; lane < self->n; lane++)
    *self->to[lane] =
        to_byte (correct_spot (&self->cells[lane], self->pixels[lane], noise, judged[lane]));
  self->n = 0;
}

static void
unmix_row (Batch *batch, const RtkImage *picture, int y, guint8 *alpha)
{
  const Pass   *pass = batch->pass;
  int           width = rtk_image_get_width (picture);
  int           cells_x = pass->work->width, cells_y = pass->work->height;
  float         step_x = (float)cells_x / (float)width;
  float         cell_y = ((float)y + .5f) * (float)cells_y / (float)rtk_image_get_height (picture);
  const guint8 *zones = pass->zones + (gsize)MIN ((int)cell_y, cells_y - 1) * cells_x;
  const guint8 *row = rtk_image_get_pixels (picture) + rtk_image_get_stride (picture) * (gsize)y;

  for (int x = 0; x < width; x++) {
    float         cell_x = ((float)x + .5f) * step_x;
    Zone          zone = (Zone)zones[MIN ((int)cell_x, cells_x - 1)];
    RtkMatteCell *cell = &batch->cells[batch->n];
    float        *pixel = batch->pixels[batch->n];
    float         separation;

    if (zone != ZONE_BAND) {
      alpha[x] = zone == ZONE_INSIDE ? 255 : 0;
      continue;
    }
    rtk_matte_blend_cells (pass->cells, cells_x, cells_y, cell_x - .5f, cell_y - .5f, cell);
    for (int c = 0; c < 3; c++)
      pixel[c] = (float)row[3 * x + c] / 255;
    if (pass->round == 0) {
      alpha[x] = to_byte (unmix_pixel (cell, pixel, pass->noise, &separation));
      continue;
    }
    batch->to[batch->n++] = &alpha[x];
    if (batch->n == RTK_MATTE_LANES)
      judge_batch (batch);
  }
}

typedef struct {
  const Pass     *pass;
  const RtkImage *picture;
  guint8         *alpha;
} Target;

static void
unmix_rows (gpointer data, int from, int to)
{
  const Target *target = data;
  gsize         width = (gsize)rtk_image_get_width (target->picture);
  Batch         batch = {target->pass};

  for (int y = from; y < to; y++)
    unmix_row (&batch, target->picture, y, target->alpha + width * (gsize)y);
  judge_batch (&batch);
}

/* Transparent spots that are all enclosed by person are texture that looks like wall: below the
 * chin, above the face, and deep inside, they become person. Hair elsewhere keeps them, and known
 * holes. */
static void
close_specks (const Pass *pass, int width, int height, guint8 *alpha)
{
  const RtkMatteWork *work = pass->work;
  gsize               n = (gsize)width * height;
  g_autofree guint8  *open = g_malloc (n);
  g_autofree guint8  *seeds = g_malloc (n);
  g_autofree int     *columns = rtk_matte_map_cells (width, work->width);
  int                 left, right, from, to;
  gboolean            has_skull = rtk_matte_find_skull (work, &left, &right, &from, &to);

  for (int y = 0; y < height; y++) {
    int      row = (int)((gint64)y * work->height / height);
    gboolean may_be_skull = has_skull && row < to;

    for (int x = 0; x < width; x++) {
      gsize    at = (gsize)y * width + (gsize)x;
      int      column = columns[x];
      gsize    cell = (gsize)row * work->width + (gsize)column;
      gboolean is_loose =
          row < work->holes_above && !(may_be_skull && column >= left && column <= right);

      open[at] = alpha[at] < 242;
      seeds[at] = pass->zones[cell] == ZONE_OUTSIDE || work->hole[cell] ||
                  work->depth[cell] < (is_loose ? .035f : .012f) * RTK_MATTE_UNIT;
    }
  }
  rtk_binary_keep_seeded (open, seeds, width, height);
  /* Next to an open spot alpha falls off softly, and must. */
  rtk_binary_dilate (open, width, height, 2);
  for (gsize i = 0; i < n; i++) {
    if (!open[i])
      alpha[i] = 255;
  }
}

/**
 * rtk_matte_unmix:
 * @work: a matte whose wall and region are known
 * @picture: RGB24: the picture at its own size
 * @alpha: (out caller-allocates): a byte for every pixel of @picture
 *
 * Finds alpha by unmixing every pixel near the outline into wall and person.
 *
 * Three rounds: each takes the wall and the person's colours from what the round before is sure
 * of, so that both come nearer to the outline. The first two run at twice the working grid, the
 * last at the picture's own size, and it looks at the surroundings too.
 */
void
rtk_matte_unmix (RtkMatteWork *work, const RtkImage *picture, guint8 *alpha)
{
  gsize                    n = (gsize)work->width * work->height;
  g_autofree RtkMatteCell *cells = g_new (RtkMatteCell, n);
  g_autofree guint8       *trial = g_malloc0 (4 * n);

  for (int round = 0; round < N_ROUNDS; round++) {
    gboolean           last = round == N_ROUNDS - 1;
    const RtkImage    *target = last ? picture : work->base;
    g_autofree guint8 *zones = NULL;
    g_autofree guint8 *asked = NULL;
    g_autoptr (RtkMatteContext) context = NULL;
    RtkMatteSpread spread = {0};
    RtkMatteSure   sure;
    Pass           pass;

    if (round == 0)
      rtk_matte_sure_from_region (&sure, work);
    else
      rtk_matte_sure_from_alpha (&sure, work, trial);
    spread_all (work, &sure, round == 0, trial, &spread);
    rtk_matte_sure_clear (&sure);
    zones = find_zones (work, &spread, last);
    asked = find_asked (work, zones);
    if (last)
      context = rtk_matte_context_new (asked, work->width, work->height);
    rtk_matte_gather_cells (work, &spread, asked, cells);
    spread_clear (&spread);
    pass = (Pass){work, cells, zones, rtk_matte_measure_noise (work, target), round};
    if (last)
      rtk_matte_context_fill (context, pass.noise, cells);
    rtk_parallel_rows (rtk_image_get_height (target), 100 * (gsize)rtk_image_get_width (target),
                       unmix_rows, &(Target){&pass, target, last ? alpha : trial});
    close_specks (&pass, rtk_image_get_width (target), rtk_image_get_height (target),
                  last ? alpha : trial);
  }
}
