/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-matte-weights-private.h"
#include "vision/rtk-parallel-private.h"

#include <math.h>
#include <string.h>

#define LEAK .1f

static float
length3 (const float v[3])
{
  return sqrtf (rtk_dot3 (v, v));
}

/* How far a colour is from all that the wall can be in more or less light. */
static float
off_shade (const float off[3], const float wall[3])
{
  float along = rtk_dot3 (off, wall) / MAX (1e-4f, rtk_dot3 (wall, wall));
  float rest[3];

  for (int c = 0; c < 3; c++)
    rest[c] = off[c] - along * wall[c];
  return length3 (rest);
}

/**
 * rtk_matte_get_features:
 * @cell: what is known of the place
 * @pixel: its colour, 0..1
 * @noise: of the wall, see rtk_matte_measure_noise()
 * @out: (out): numbers of about 0 to 1
 *
 * Puts all that is known of a pixel into numbers that do not depend on what is photographed.
 */
void
rtk_matte_get_features (const RtkMatteCell *cell,
                        const float         pixel[3],
                        float               noise,
                        float               out[RTK_MATTE_N_FEATURES])
{
  float off_wall[3], shown[3];

  for (int c = 0; c < 3; c++) {
    off_wall[c] = pixel[c] - cell->wall[c];
    shown[c] = cell->shown[c] - cell->wall[c];
  }
  for (int k = 0; k < RTK_MATTE_N_SCALES; k++) {
    const RtkMatteSample *person = &cell->person[k];
    float                 direction[3], rest[3], contrast, along;

    for (int c = 0; c < 3; c++)
      direction[c] = person->colour[c] - cell->wall[c];
    contrast = MAX (1e-4f, rtk_dot3 (direction, direction));
    along = rtk_clip (rtk_dot3 (off_wall, direction) / contrast, -.3f, 1.5f);
    for (int c = 0; c < 3; c++)
      rest[c] = off_wall[c] - along * direction[c];
    out[5 * k] = along;
    out[5 * k + 1] = rtk_clip (length3 (rest) * 8, 0, 1.5f);
    out[5 * k + 2] = sqrtf (contrast);
    out[5 * k + 3] = rtk_clip (sqrtf ((person->variance + noise * noise / 3) / contrast), 0, 1.5f);
    out[5 * k + 4] = rtk_clip (rtk_dot3 (shown, direction) / contrast, -.3f, 1.5f);
  }
  out[15] = rtk_clip (length3 (off_wall) / (4 * noise), 0, 2);
  out[16] = rtk_clip (length3 (shown) / (4 * noise), 0, 2);
  out[17] = MIN (1, length3 (off_wall) * 2);
  out[18] = rtk_clip (off_wall[0] + off_wall[1] + off_wall[2], -1, 1);
  out[19] = cell->mask;
  out[20] = rtk_clip (cell->depth / 6, -1, 1);
  out[21] = rtk_clip (cell->depth / 24, -.2f, 1);
  out[22] = cell->region;
  out[23] = cell->near_alpha;
  out[24] = cell->wide_alpha;
  out[25] = cell->hole;
  out[26] = cell->own_alpha;
  out[27] = rtk_clip (off_shade (off_wall, cell->wall) / (3 * noise), 0, 2);
  out[28] = rtk_clip (off_shade (shown, cell->wall) / (3 * noise), 0, 2);
  out[29] = MIN (1.5f, cell->texture * 10);
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
  for (int lane = 0; lane < RTK_MATTE_LANES; lane++) {
    float alpha = last_bias;

    for (int k = 0; k < N_SECOND; k++)
      alpha += ((const float *)second[k])[lane] * last_weights[k];
    out[lane] = rtk_clip (alpha, 0, 1);
  }
}
