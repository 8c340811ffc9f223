/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-matte-private.h"

#include <math.h>
#include <string.h>

/* A camera's exposure may drift by this factor between two pictures, its colours by the other. */
#define MOST_EXPOSURE 1.6f
#define MOST_CAST 1.12f
/* What a plate leaves unexplained of the far wall: of half of it, and of nine tenths, where the
 * person's shadow may lie. The first is on top of the noise. */
#define MOST_MEDIAN .010f
#define MOST_REST .055f
/* A plate must explain the wall about as well as a smooth surface would. */
#define WORSE_THAN_SMOOTH 1.5f
/* Window in which a plate's detail is told from its noise. */
#define DETAIL_SIGMA 3.f
#define N_BINS 4096
#define BIN_RANGE 4.f

/* The value below which @share of a histogram lies. */
static float
get_quantile (const guint *histogram, double share)
{
  guint64 n = 0, sum = 0;

  for (guint i = 0; i < N_BINS; i++)
    n += histogram[i];
  for (guint i = 0; i < N_BINS; i++) {
    sum += histogram[i];
    if ((double)sum >= share * (double)n)
      return ((float)i + .5f) * BIN_RANGE / N_BINS;
  }
  return BIN_RANGE;
}

static void
add_to_histogram (guint *histogram, float value)
{
  histogram[(guint)rtk_clip (value * N_BINS / BIN_RANGE, 0, N_BINS - 1)]++;
}

/* How much brighter the picture's wall is than the plate's, of every channel: the median. */
static void
find_gain (const RtkMatteWork *work, const RtkPlane *plate, float gain[3])
{
  g_autofree guint *histogram = g_new (guint, N_BINS);

  for (int c = 0; c < 3; c++) {
    memset (histogram, 0, N_BINS * sizeof *histogram);
    for (gsize i = 0; i < rtk_matte_count_cells (work); i++) {
      if (work->known_wall[i])
        add_to_histogram (histogram,
                          work->picture->data[3 * i + c] / MAX (.02f, plate->data[3 * i + c]));
    }
    gain[c] = get_quantile (histogram, .5);
  }
}

static gboolean
is_same_lamp (const float gain[3])
{
  float most = MAX (gain[0], MAX (gain[1], gain[2]));
  float least = MIN (gain[0], MIN (gain[1], gain[2]));

  return most < MOST_EXPOSURE && least > 1 / MOST_EXPOSURE && most < MOST_CAST * least;
}

/* Distances of the far wall from what @model says, smoothed so that noise does not count. */
static void
measure_rest (const RtkMatteWork *work, const RtkPlane *model, float *out_median, float *out_most)
{
  g_autofree guint *histogram = g_new0 (guint, N_BINS);
  g_autoptr (RtkPlane) rest = rtk_plane_new (work->width, work->height, 3);
  gsize n = rtk_matte_count_cells (work);

  for (gsize i = 0; i < 3 * n; i++)
    rest->data[i] = work->known_wall[i / 3] ? work->picture->data[i] - model->data[i] : 0;
  rtk_plane_blur (rest, 1);
  for (gsize i = 0; i < n; i++) {
    const float *from = rest->data + 3 * i;

    if (work->known_wall[i])
      add_to_histogram (histogram, sqrtf (rtk_dot3 (from, from)));
  }
  *out_median = get_quantile (histogram, .5);
  *out_most = get_quantile (histogram, .9);
}

/* Keeps detail of the plate where there is more of it than noise. */
static void
smooth_plate (RtkPlane *plate)
{
  gsize             n = (gsize)plate->width * plate->height;
  g_autofree guint *histogram = g_new0 (guint, N_BINS);
  g_autoptr (RtkPlane) mean = rtk_plane_new (plate->width, plate->height, 4);
  float noise;

  for (gsize i = 0; i < n; i++) {
    memcpy (mean->data + 4 * i, plate->data + 3 * i, 3 * sizeof (float));
    mean->data[4 * i + 3] = rtk_dot3 (plate->data + 3 * i, plate->data + 3 * i);
  }
  rtk_plane_blur (mean, DETAIL_SIGMA);
  for (gsize i = 0; i < n; i++) {
    float *to = mean->data + 4 * i;

    to[3] = MAX (0, to[3] - rtk_dot3 (to, to));
    add_to_histogram (histogram, sqrtf (to[3]) * 16);
  }
  noise = get_quantile (histogram, .05) / 16;
  for (gsize i = 0; i < n; i++) {
    const float *from = mean->data + 4 * i;
    float        keep = from[3] > 0 ? rtk_clip (1 - 3 * noise * noise / from[3], 0, 1) : 0;

    for (int c = 0; c < 3; c++)
      plate->data[3 * i + c] = from[c] + keep * (plate->data[3 * i + c] - from[c]);
  }
}

/* What light and things do to the wall's colour: the plate over its mean. */
static RtkPlane *
get_relief (const RtkMatteWork *work, const RtkPlane *plate)
{
  gsize     n = rtk_matte_count_cells (work);
  RtkPlane *relief = rtk_plane_new (work->width, work->height, 3);
  double    mean[3] = {0};

  for (gsize i = 0; i < 3 * n; i++)
    mean[i % 3] += MAX (.02f, plate->data[i]);
  for (gsize i = 0; i < 3 * n; i++)
    relief->data[i] = MAX (.02f, plate->data[i]) / (float)(mean[i % 3] / (double)n);
  return relief;
}

/**
 * rtk_matte_match_plate:
 * @work: a matte with picture and known_wall: wall that is far from the person; relief is set if
 *   the plate fits
 * @plate: 3 channels of the size of the picture: the empty wall; changed
 * @smooth: the wall as a smooth surface through the far wall
 *
 * Matches a picture of the empty wall with the wall behind the person: exposure and colour may
 * have drifted.
 *
 * Returns: whether it shows this wall in this light
 */
gboolean
rtk_matte_match_plate (RtkMatteWork *work, RtkPlane *plate, const RtkPlane *smooth)
{
  gsize n = rtk_matte_count_cells (work);
  float gain[3], median, most, smooth_median, smooth_most;

  find_gain (work, plate, gain);
  if (!is_same_lamp (gain))
    return FALSE;
  for (gsize i = 0; i < 3 * n; i++)
    plate->data[i] *= gain[i % 3];
  smooth_plate (plate);
  measure_rest (work, plate, &median, &most);
  measure_rest (work, smooth, &smooth_median, &smooth_most);
  g_debug ("plate: gain %.3f %.3f %.3f, rest %.4f %.4f, of a smooth wall %.4f %.4f", gain[0],
           gain[1], gain[2], median, most, smooth_median, smooth_most);
  if (median > MAX (MOST_MEDIAN, WORSE_THAN_SMOOTH * smooth_median) || most > MOST_REST)
    return FALSE;
  work->relief = get_relief (work, plate);
  return TRUE;
}
