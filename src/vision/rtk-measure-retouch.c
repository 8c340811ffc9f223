/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "core/rtk-why.h"
#include "vision/rtk-measure-private.h"
#include "vision/rtk-mesh-points-private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Is the skin as it was? For stills only. */

/* Texture of the skin: pores at 2 to 6 pixels of a face with eyes so far apart. */
#define EYE_GAP 140.
#define WIDTH 266
#define HEIGHT 190
#define EYE_X 63.
#define EYE_Y 50.
#define MIN_INTER_EYE 120.

/* One pixel after another of a row or a column, smoothed by a Gaussian. */
static void
smooth (const float *from, float *to, double sigma)
{
  float             weights[2 * 8 + 1];
  int               reach = MIN (8, (int)ceil (3. * sigma));
  float             sum = 0.f;
  g_autofree float *half = g_new (float, WIDTH *HEIGHT);

  for (int i = -reach; i <= reach; i++)
    sum += weights[i + reach] = (float)exp (-i * i / (2. * sigma * sigma));
  for (int y = 0; y < HEIGHT; y++) {
    for (int x = 0; x < WIDTH; x++) {
      float value = 0.f;

      for (int i = -reach; i <= reach; i++)
        value += weights[i + reach] * from[y * WIDTH + CLAMP (x + i, 0, WIDTH - 1)];
      half[y * WIDTH + x] = value / sum;
    }
  }
  for (int y = 0; y < HEIGHT; y++) {
    for (int x = 0; x < WIDTH; x++) {
      float value = 0.f;

      for (int i = -reach; i <= reach; i++)
        value += weights[i + reach] * half[CLAMP (y + i, 0, HEIGHT - 1) * WIDTH + x];
      to[y * WIDTH + x] = value / sum;
    }
  }
}

/* The band of detail that pores lie in. */
static void
get_detail (const RtkMeasureContext *self, const RtkFacePatch *patch, float *luma, float *detail)
{
  g_autofree float *coarse = g_new (float, WIDTH *HEIGHT);
  int               n = CLAMP ((int)ceil (self->inter_eye / EYE_GAP), 1, 4);

  for (int i = 0; i < WIDTH * HEIGHT; i++) {
    double rgb[3];

    rtk_face_patch_sample (patch, &self->pixels, i % WIDTH, i / WIDTH, n, rgb);
    luma[i] = (float)rtk_measure_luma (rgb[0], rgb[1], rgb[2]);
  }
  smooth (luma, detail, 0.8);
  smooth (luma, coarse, 2.2);
  for (int i = 0; i < WIDTH * HEIGHT; i++)
    detail[i] -= coarse[i];
}

/* Texture of the cheeks against the detail of the eyes: a filter that takes the pores away leaves
 * eyes and hair sharp, a soft lens takes both. The detail of the eyes counts with its square root:
 * eyes stand out more from dark skin, and nobody's skin is to be judged by that. */
void
rtk_measure_retouch (RtkMeasureContext *self)
{
  enum { CHEEK = 1, EYE = 2 };
  g_autofree float  *luma = NULL;
  g_autofree float  *detail = NULL;
  g_autofree float  *values = NULL;
  g_autofree guint8 *area = NULL;
  RtkFacePatch       patch;
  double             skin = 0.;
  double             eye = 0.;
  int                n_skin = 0;
  int                n_eye = 0;

  if (self->inter_eye < MIN_INTER_EYE) {
    rtk_analysis_set_unknown (self->analysis, RTK_CHECK_AUTHENTIC_RETOUCH, RTK_WHY_FACE_TOO_SMALL);
    return;
  }
  luma = g_new (float, WIDTH *HEIGHT);
  detail = g_new (float, WIDTH *HEIGHT);
  values = g_new (float, WIDTH *HEIGHT);
  area = g_new0 (guint8, WIDTH * HEIGHT);
  rtk_face_patch_init (&patch, self, WIDTH, HEIGHT, (RtkPoint){EYE_X, EYE_Y}, EYE_GAP);
  get_detail (self, &patch, luma, detail);
  for (int side = 0; side < 2; side++) {
    rtk_face_patch_mark_points (&patch, self->face, rtk_mesh_cheeks[side], RTK_N_CHEEK_POINTS, area,
                                CHEEK);
    rtk_face_patch_mark_points (&patch, self->face, rtk_mesh_eyes[side], RTK_N_EYE_POINTS, area,
                                EYE);
  }
  for (int i = 0; i < WIDTH * HEIGHT; i++) {
    if (area[i] & CHEEK) {
      skin += luma[i];
      values[n_skin++] = fabsf (detail[i]);
    }
    if (area[i] & EYE) {
      eye += detail[i] * detail[i];
      n_eye++;
    }
  }
  if (n_skin < 400 || n_eye < 100 || skin / n_skin < 8.)
    return;
  skin /= n_skin;
  eye = 100. * sqrt (eye / n_eye) / skin;
  /* 1.4826 times the median is the spread, and moles do not count. */
  rtk_analysis_set (self->analysis, RTK_CHECK_AUTHENTIC_RETOUCH,
                    100. * 1.4826 * rtk_measure_median (values, n_skin) / skin /
                        sqrt (MAX (eye, 1.)));
  rtk_analysis_set_place (self->analysis, RTK_CHECK_AUTHENTIC_RETOUCH, self->face->box);
}
