/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-matte-context-weights-private.h"
#include "vision/rtk-matte-weights-private.h"
#include "vision/rtk-parallel-private.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define LEAK .1f

/* Where the parts of a cell lie, in floats. */
#define AT(member) (offsetof (RtkMatteCell, member) / sizeof (float))

typedef struct {
  float x, y, z;
} Vector;

static inline Vector
minus (Vector a, Vector b)
{
  return (Vector){a.x - b.x, a.y - b.y, a.z - b.z};
}

static inline Vector
times (float factor, Vector a)
{
  return (Vector){factor * a.x, factor * a.y, factor * a.z};
}

static inline float
dot (Vector a, Vector b)
{
  return a.x * b.x + a.y * b.y + a.z * b.z;
}

static inline float
length3 (Vector a)
{
  return sqrtf (dot (a, a));
}

/* How far a colour is from all that the wall can be in more or less light. */
static inline float
off_shade (Vector off, Vector wall)
{
  float along = dot (off, wall) / MAX (1e-4f, dot (wall, wall));

  return length3 (minus (off, times (along, wall)));
}

static inline __attribute__ ((always_inline)) Vector
get_vector (const float (*values)[RTK_MATTE_LANES], gsize at, int lane)
{
  return (Vector){values[at][lane], values[at + 1][lane], values[at + 2][lane]};
}

/* What the person's colour around a place says, at one scale: five numbers. */
static inline __attribute__ ((always_inline)) void
compare_person (const float (*person)[RTK_MATTE_LANES],
                Vector wall,
                Vector off_wall,
                Vector shown,
                float  noise,
                int    lane,
                float (*out)[RTK_MATTE_LANES])
{
  Vector direction = minus (get_vector (person, 0, lane), wall);
  float  contrast = MAX (1e-4f, dot (direction, direction));
  float  along = rtk_clip (dot (off_wall, direction) / contrast, -.3f, 1.5f);
  Vector rest = minus (off_wall, times (along, direction));

  out[0][lane] = along;
  out[1][lane] = rtk_clip (length3 (rest) * 8, 0, 1.5f);
  out[2][lane] = sqrtf (contrast);
  out[3][lane] = rtk_clip (sqrtf ((person[3][lane] + noise * noise / 3) / contrast), 0, 1.5f);
  out[4][lane] = rtk_clip (dot (shown, direction) / contrast, -.3f, 1.5f);
}

static inline __attribute__ ((always_inline)) void
compare_rest (const float (*cells)[RTK_MATTE_LANES],
              Vector wall,
              Vector off_wall,
              Vector shown,
              float  noise,
              int    lane,
              float (*out)[RTK_MATTE_LANES])
{
  out[0][lane] = rtk_clip (length3 (off_wall) / (4 * noise), 0, 2);
  out[1][lane] = rtk_clip (length3 (shown) / (4 * noise), 0, 2);
  out[2][lane] = MIN (1, length3 (off_wall) * 2);
  out[3][lane] = rtk_clip (off_wall.x + off_wall.y + off_wall.z, -1, 1);
  out[4][lane] = cells[AT (mask)][lane];
  out[5][lane] = rtk_clip (cells[AT (depth)][lane] / 6, -1, 1);
  out[6][lane] = rtk_clip (cells[AT (depth)][lane] / 24, -.2f, 1);
  out[7][lane] = cells[AT (region)][lane];
  out[8][lane] = cells[AT (near_alpha)][lane];
  out[9][lane] = cells[AT (wide_alpha)][lane];
  out[10][lane] = cells[AT (hole)][lane];
  out[11][lane] = cells[AT (own_alpha)][lane];
  out[12][lane] = rtk_clip (off_shade (off_wall, wall) / (3 * noise), 0, 2);
  out[13][lane] = rtk_clip (off_shade (shown, wall) / (3 * noise), 0, 2);
  out[14][lane] = MIN (1.5f, cells[AT (texture)][lane] * 10);
}

/**
 * rtk_matte_get_features:
 * @cells: what is known of the places of %RTK_MATTE_LANES pixels: a row for each float of an
 *   #RtkMatteCell
 * @pixels: their colours, 0..1: a row for each channel
 * @noise: of the wall, see rtk_matte_measure_noise()
 * @out: (out): a row for each of their numbers of about 0 to 1
 *
 * Puts all that is known of pixels into numbers that do not depend on what is photographed.
 */
RTK_WIDE void
rtk_matte_get_features (const float cells[RTK_MATTE_CELL_FLOATS][RTK_MATTE_LANES],
                        const float pixels[3][RTK_MATTE_LANES],
                        float       noise,
                        float       out[RTK_MATTE_N_FEATURES][RTK_MATTE_LANES])
{
  for (gsize k = 0; k <= RTK_MATTE_N_SCALES; k++) {
    const float (*person)[RTK_MATTE_LANES] =
        cells + AT (person) + k * sizeof (RtkMatteSample) / sizeof (float);

#pragma omp simd
    for (int lane = 0; lane < RTK_MATTE_LANES; lane++) {
      Vector wall = get_vector (cells, AT (wall), lane);
      Vector off_wall = minus (get_vector (pixels, 0, lane), wall);
      Vector shown = minus (get_vector (cells, AT (shown), lane), wall);

      if (k < RTK_MATTE_N_SCALES)
        compare_person (person, wall, off_wall, shown, noise, lane, out + 5 * k);
      else
        compare_rest (cells, wall, off_wall, shown, noise, lane, out + 5 * k);
    }
  }
}

/* Half of the lanes: registers, where there are wide ones. Plain loops over lanes make the compiler
 * shuffle numbers instead. */
typedef float Lanes __attribute__ ((vector_size (4 * RTK_MATTE_LANES / 2)));
/* So many sums at a time stay in registers. */
#define BLOCK 4

/* out = bias + values * weights for every pixel, the sum of each in the order of the values. */
static inline __attribute__ ((always_inline)) void
add_up (const Lanes (*values)[2],
        int          n_values,
        const float *weights,
        const float *bias,
        int          n_out,
        Lanes (*out)[2])
{
  for (int k = 0; k < n_out; k += BLOCK) {
    Lanes sums[BLOCK][2];

    for (int b = 0; b < BLOCK; b++)
      sums[b][0] = sums[b][1] = bias[k + b] - (Lanes){0};
    for (int i = 0; i < n_values; i++) {
      for (int b = 0; b < BLOCK; b++) {
        sums[b][0] += values[i][0] * weights[i * n_out + k + b];
        sums[b][1] += values[i][1] * weights[i * n_out + k + b];
      }
    }
    memcpy (out + k, sums, sizeof sums);
  }
}

static inline __attribute__ ((always_inline)) void
leak (float *values, int n_values)
{
  for (int i = 0; i < n_values; i++)
    values[i] = MAX (values[i], LEAK * values[i]);
}

static inline __attribute__ ((always_inline)) void
finish (const Lanes (*values)[2],
        int          n_values,
        const float *weights,
        float        bias,
        float        out[RTK_MATTE_LANES])
{
  for (int lane = 0; lane < RTK_MATTE_LANES; lane++) {
    float alpha = bias;

    for (int k = 0; k < n_values; k++)
      alpha += ((const float *)values[k])[lane] * weights[k];
    out[lane] = rtk_clip (alpha, 0, 1);
  }
}

/**
 * rtk_matte_judge:
 * @features: of %RTK_MATTE_LANES pixels, see rtk_matte_get_features(): one row for each number
 * @out: (out): their alphas, 0..1
 *
 * Lets a small network weigh all that is known of pixels near the outline.
 *
 * Plain floats, each sum in one order: the same value on every machine of one kind, and for a pixel
 * whatever its neighbours in @features are.
 */
RTK_WIDE void
rtk_matte_judge (const float features[RTK_MATTE_N_FEATURES][RTK_MATTE_LANES],
                 float       out[RTK_MATTE_LANES])
{
  Lanes values[RTK_MATTE_N_FEATURES][2], first[N_FIRST][2], second[N_SECOND][2];

  G_STATIC_ASSERT (N_FIRST % BLOCK == 0 && N_SECOND % BLOCK == 0);
  memcpy (values, features, sizeof values);
  add_up ((const Lanes (*)[2])values, RTK_MATTE_N_FEATURES, &first_weights[0][0], first_bias,
          N_FIRST, first);
  leak ((float *)first, N_FIRST * RTK_MATTE_LANES);
  add_up ((const Lanes (*)[2])first, N_FIRST, &second_weights[0][0], second_bias, N_SECOND, second);
  leak ((float *)second, N_SECOND * RTK_MATTE_LANES);
  finish ((const Lanes (*)[2])second, N_SECOND, last_weights, last_bias, out);
}

/**
 * rtk_matte_judge_in_context:
 * @features: the same and behind them the context of the cells
 * @out: (out): alphas, 0..1
 *
 * As rtk_matte_judge(), by a network that knows what is around.
 */
RTK_WIDE void
rtk_matte_judge_in_context (const float features[RTK_MATTE_N_ALL][RTK_MATTE_LANES],
                            float       out[RTK_MATTE_LANES])
{
  Lanes values[RTK_MATTE_N_ALL][2], first[N_CONTEXT_FIRST][2], second[N_CONTEXT_SECOND][2];

  G_STATIC_ASSERT (N_CONTEXT_FIRST % BLOCK == 0 && N_CONTEXT_SECOND % BLOCK == 0);
  memcpy (values, features, sizeof values);
  add_up ((const Lanes (*)[2])values, RTK_MATTE_N_ALL, &context_first_weights[0][0],
          context_first_bias, N_CONTEXT_FIRST, first);
  leak ((float *)first, N_CONTEXT_FIRST * RTK_MATTE_LANES);
  add_up ((const Lanes (*)[2])first, N_CONTEXT_FIRST, &context_second_weights[0][0],
          context_second_bias, N_CONTEXT_SECOND, second);
  leak ((float *)second, N_CONTEXT_SECOND * RTK_MATTE_LANES);
  finish ((const Lanes (*)[2])second, N_CONTEXT_SECOND, context_last_weights, context_last_bias,
          out);
}
