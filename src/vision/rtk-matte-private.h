/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-image.h"
#include "vision/rtk-matte.h"
#include "vision/rtk-plane-private.h"

G_BEGIN_DECLS

/* Width of a portrait on which smooth things (wall, region, colours of the person) are worked out;
 * alpha is tried at twice it and made at the picture's own size. All lengths below are in pixels
 * of this grid. */
#define RTK_MATTE_UNIT 360
/* A wall rougher than this cannot be told from a person by its colour. */
#define RTK_MATTE_PLAIN_SIGMA .03f
/* Keeps thresholds apart on a wall without any noise. */
#define RTK_MATTE_LEAST_NOISE .003f
/* Alpha is 0 farther than this from the region; in the last round, which sees best, farther. */
#define RTK_MATTE_REACH 3
#define RTK_MATTE_LAST_REACH 6
/* Numbers by which a pixel is judged. */
#define RTK_MATTE_N_FEATURES 30
/* Numbers that say what is around a cell, and all by which a pixel is judged in the last round. */
#define RTK_MATTE_N_CONTEXT 8
#define RTK_MATTE_N_ALL (RTK_MATTE_N_FEATURES + RTK_MATTE_N_CONTEXT)
/* Pixels that are judged at once. */
#define RTK_MATTE_LANES 16

/**
 * RtkMatteWork:
 * @width: pixels a row of the working grid
 * @height: rows of the working grid
 * @base: (owned): RGB24, the picture at twice the working grid
 * @picture: (owned): 3 channels, 0..1
 * @relief: (owned) (nullable): 3 channels: what a plate knows of the wall, about 1
 * @flat: (owned): 3 channels: @picture without @relief
 * @mask: (owned): 1 channel, 0..1
 * @wall: (owned): 3 channels: the colour of the wall behind every pixel
 * @noise: 1.2 times the median distance of a wall pixel from @wall
 * @known_wall: (owned): binary: wall for certain
 * @region: (owned): binary: where the person can be
 * @soft_region: (owned): 1 channel: @region blurred
 * @depth: (owned): how deep inside @region
 * @outside: (owned): how far outside it
 * @texture: (owned): 2 channels, the first: how much brightness varies around a cell
 * @hole_core: (owned): binary: wall seen through loops of hair
 * @hole: (owned): binary: @hole_core and what is around it
 * @light: (owned): binary: in such a place, too near to the wall's colour to stand for the person's
 * @solid: (owned): binary: person for certain
 * @has_face: whether @solid holds a face
 * @holes_above: row of the grid below which no wall shows through
 *
 * State of a matte on its way.
 */
typedef struct {
  int       width;
  int       height;
  RtkImage *base;
  RtkPlane *picture;
  RtkPlane *relief;
  RtkPlane *flat;
  RtkPlane *mask;
  RtkPlane *wall;
  float     noise;
  guint8   *known_wall;
  guint8   *region;
  RtkPlane *soft_region;
  float    *depth;
  float    *outside;
  RtkPlane *texture;
  guint8   *hole_core;
  guint8   *hole;
  guint8   *light;
  guint8   *solid;
  gboolean  has_face;
  int       holes_above;
} RtkMatteWork;

/* At how many scales the person's colour around a place is known. */
#define RTK_MATTE_N_SCALES 3

/**
 * RtkMatteSample:
 * @colour: mean of the person around a place
 * @variance: how much it varies there, mean of the channels
 */
typedef struct {
  float colour[3];
  float variance;
} RtkMatteSample;

/**
 * RtkMatteSure:
 * @person: (owned): 5 channels: colour and mean square, both times the share, and the share
 * @wall: (owned): 4 channels: colour times the share, and the share
 *
 * What is person and what is wall for certain, as shares of the cells of the working grid.
 */
typedef struct {
  RtkPlane *person;
  RtkPlane *wall;
} RtkMatteSure;

/**
 * RtkMatteSpread:
 * @person: (owned): 4 channels: the person's colour around every cell and its mean square, from
 *   fine to coarse; the first %NULL while person is known too roughly for it
 * @own_alpha: (owned): 1 channel: what the round before found
 * @near_alpha: (owned): the same, around
 * @wide_alpha: (owned): the same, in a wider surrounding
 *
 * What a round knows of the whole grid.
 */
typedef struct {
  RtkPlane *person[RTK_MATTE_N_SCALES];
  RtkPlane *own_alpha;
  RtkPlane *near_alpha;
  RtkPlane *wide_alpha;
} RtkMatteSpread;

/**
 * RtkMatteCell:
 * @person: from fine to coarse
 * @wall: its colour
 * @region: share of the region, 0..1
 * @mask: of the networks
 * @depth: in cells, > 0 inside the region, < 0 outside
 * @hole: whether wall is seen through hair
 * @shown: what the picture shows
 * @own_alpha: what the round before found
 * @near_alpha: the same, around
 * @wide_alpha: the same, in a wider surrounding
 * @texture: how much brightness varies
 * @context: what a network makes of the surroundings, see rtk_matte_context_fill(); else 0
 *
 * All that is known of a place of the working grid; floats only, so that it can be blended.
 */
typedef struct {
  RtkMatteSample person[RTK_MATTE_N_SCALES];
  float          wall[3];
  float          region;
  float          mask;
  float          depth;
  float          hole;
  float          shown[3];
  float          own_alpha;
  float          near_alpha;
  float          wide_alpha;
  float          texture;
  float          context[RTK_MATTE_N_CONTEXT];
} RtkMatteCell;

#define RTK_MATTE_CELL_FLOATS (sizeof (RtkMatteCell) / sizeof (float))

typedef struct _RtkMatteContext RtkMatteContext;

gboolean rtk_matte_find_wall (RtkMatteWork *work, RtkPlane *plate, gboolean *out_plate_fits);
gboolean rtk_matte_match_plate (RtkMatteWork *work, RtkPlane *plate, const RtkPlane *smooth);
float    rtk_matte_measure_noise (const RtkMatteWork *work, const RtkImage *picture);
void     rtk_matte_find_region (RtkMatteWork *work);
void     rtk_matte_find_holes (RtkMatteWork *work);
gboolean rtk_matte_find_skull (
    const RtkMatteWork *work, int *out_left, int *out_right, int *out_from, int *out_to);
void rtk_matte_unmix (RtkMatteWork *work, const RtkImage *picture, guint8 *alpha);
void rtk_matte_sure_from_region (RtkMatteSure *self, const RtkMatteWork *work);
void rtk_matte_sure_from_alpha (RtkMatteSure *self, const RtkMatteWork *work, const guint8 *alpha);
void rtk_matte_sure_clear (RtkMatteSure *self);
RtkPlane *rtk_matte_spread_person (const RtkPlane *sure, int scale) G_GNUC_WARN_UNUSED_RESULT;
void rtk_matte_spread_alpha (const RtkMatteWork *work, const guint8 *trial, RtkMatteSpread *spread);
RtkPlane *rtk_matte_find_texture (const RtkMatteWork *work) G_GNUC_WARN_UNUSED_RESULT;
void      rtk_matte_gather_cells (const RtkMatteWork   *work,
                                  const RtkMatteSpread *spread,
                                  const guint8         *where,
                                  RtkMatteCell         *cells);
int      *rtk_matte_map_cells (int n, int n_cells) G_GNUC_WARN_UNUSED_RESULT;
void      rtk_matte_blend_cells (
         const RtkMatteCell *cells, int width, int height, float x, float y, RtkMatteCell *out);
void rtk_matte_get_features (const float cells[RTK_MATTE_CELL_FLOATS][RTK_MATTE_LANES],
                             const float pixels[3][RTK_MATTE_LANES],
                             float       noise,
                             float       out[RTK_MATTE_N_FEATURES][RTK_MATTE_LANES]);
void rtk_matte_judge (const float features[RTK_MATTE_N_FEATURES][RTK_MATTE_LANES],
                      float       out[RTK_MATTE_LANES]);
void rtk_matte_judge_in_context (const float features[RTK_MATTE_N_ALL][RTK_MATTE_LANES],
                                 float       out[RTK_MATTE_LANES]);
RtkMatteContext      *
rtk_matte_context_new (guint8 *where, int width, int height) G_GNUC_WARN_UNUSED_RESULT;
void rtk_matte_context_fill (RtkMatteContext *self, float noise, RtkMatteCell *cells);
void rtk_matte_context_free (RtkMatteContext *self);
void rtk_matte_drop_islands (const RtkMatteWork *work, int width, int height, guint8 *alpha);
void rtk_matte_soften (const RtkMatteWork *work, const RtkImage *picture, guint8 *alpha);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkMatteContext, rtk_matte_context_free)

static inline gsize
rtk_matte_count_cells (const RtkMatteWork *work)
{
  return (gsize)work->width * (gsize)work->height;
}

static inline float
rtk_dot3 (const float a[3], const float b[3])
{
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static inline float
rtk_clip (float value, float low, float high)
{
  return value < low ? low : value > high ? high : value;
}

G_END_DECLS
