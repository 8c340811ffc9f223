/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-measure-private.h"

#include <math.h>

/* A flat thing mirrors a lamp over person and wall alike; a person and the wall behind, which lie
 * at different depths, do not brighten at the same place by themselves. Looked for along the
 * outline of head and hair, from below one ear over the top to below the other. */

#define N_RAYS 121
#define RAY_STEP 2. /* degrees */
/* Inside and outside of the outline, distances from it in gaps between the eyes. */
#define NEAR 0.06
#define FAR 0.26
#define N_SAMPLES 5 /* along and across */
/* A lamp takes a bite out of the mask or adds a bump: outlines bridged over so many rays to either
 * side are tried. */
#define MAX_BRIDGE 14
static const int bridges[] = {4, 9, MAX_BRIDGE};
/* What is around a lamp: 73 rays are some three gaps between the eyes. */
#define WINDOW 36
#define RUN 6 /* rays that a lamp covers at least, a quarter of the gap between the eyes */
/* The light that a lamp adds on both sides, as a share of white in linear light. */
#define ADDED 0.1
/* A wall that differs more than this from place to place has things or light on it. */
#define MAX_UNEVEN 0.065
#define MIN_INTER_EYE 60.

typedef struct {
  RtkPoint along;
  double   far; /* where the mask ends */
  RtkPoint at;  /* the outline */
  float    inside;
  float    outside;
  gboolean fine;
} Ray;

static double
sample_mask (const RtkMeasureContext *self, double x, double y)
{
  return rtk_measure_sample_mask (self->mask, self->mask_size, x / self->pixels.width,
                                  y / self->pixels.height);
}

/* Mean linear light of the lowest of the three colours over a little square off the outline. A lamp
 * is white and lifts all three; shining skin and hair keep some of their colour. FALSE where the
 * square leaves the picture, or person is where wall is to be. */
static gboolean
take_square (const RtkMeasureContext *self, const Ray *ray, gboolean outside, float *out_light)
{
  double middle = (outside ? 1. : -1.) * (NEAR + FAR) / 2. * self->inter_eye;
  double side = (FAR - NEAR) * self->inter_eye;
  double sum = 0.;

  for (int i = 0; i < N_SAMPLES * N_SAMPLES; i++) {
    double        u = middle + side * ((i % N_SAMPLES + 0.5) / N_SAMPLES - 0.5);
    double        v = side * ((i / N_SAMPLES + 0.5) / N_SAMPLES - 0.5);
    double        x = ray->at.x + u * ray->along.x - v * ray->along.y;
    double        y = ray->at.y + u * ray->along.y + v * ray->along.x;
    const guint8 *pixel;

    if (x < 0. || y < 0. || x >= self->pixels.width || y >= self->pixels.height ||
        (outside && sample_mask (self, x, y) > 0.9))
      return FALSE;
    pixel = rtk_pixels_at (&self->pixels, x, y);
    sum += pow (MIN (pixel[0], MIN (pixel[1], pixel[2])) / 255., 2.2);
  }
  *out_light = (float)(sum / (N_SAMPLES * N_SAMPLES));
  return TRUE;
}

/* Follows the rays from between the eyes outwards to where the mask ends. */
static void
follow_rays (const RtkMeasureContext *self, RtkPoint from, Ray *rays)
{
  double step = MAX (1., 0.03 * self->inter_eye);

  for (int i = 0; i < N_RAYS; i++) {
    double angle = (i - N_RAYS / 2) * RAY_STEP * G_PI / 180.;
    Ray   *ray = &rays[i];

    ray->along = (RtkPoint){sin (angle), -cos (angle)};
    ray->far = 0.5 * self->inter_eye;
    while (ray->far < 4. * self->inter_eye && sample_mask (self, from.x + ray->far * ray->along.x,
                                                           from.y + ray->far * ray->along.y) >= 0.5)
      ray->far += step;
  }
}

/* Looks at both sides of the outline; returns how many rays can be used. */
static int
take_rays (const RtkMeasureContext *self, RtkPoint from, int bridge, Ray *rays)
{
  int n_fine = 0;

  for (int i = 0; i < N_RAYS; i++) {
    float around[2 * MAX_BRIDGE + 1];
    Ray  *ray = &rays[i];
    int   n = 0;
    float far;

    for (int k = MAX (0, i - bridge); k <= MIN (N_RAYS - 1, i + bridge); k++)
      around[n++] = (float)rays[k].far;
    far = rtk_measure_median (around, n);
    ray->at = (RtkPoint){from.x + far * ray->along.x, from.y + far * ray->along.y};
    ray->fine = take_square (self, ray, FALSE, &ray->inside) &&
                take_square (self, ray, TRUE, &ray->outside);
    n_fine += ray->fine;
  }
  return n_fine;
}

/* The least of how much lighter both sides of ray @at are than the middle of the rays around. */
static double
get_rise (const Ray *rays, int at, float *out_wall)
{
  float inside[2 * WINDOW + 1];
  float outside[2 * WINDOW + 1];
  int   n = 0;

  for (int i = MAX (0, at - WINDOW); i <= MIN (N_RAYS - 1, at + WINDOW); i++) {
    if (!rays[i].fine)
      continue;
    inside[n] = rays[i].inside;
    outside[n++] = rays[i].outside;
  }
  *out_wall = rays[at].outside - rtk_measure_median (outside, n);
  return MIN (*out_wall, rays[at].inside - rtk_measure_median (inside, n));
}

/* Whether the wall differs little from place to place; a lamp covers less than a quarter of it. */
static gboolean
is_wall_even (const Ray *rays, const float *walls)
{
  float uneven[N_RAYS];
  int   n = 0;

  for (int i = 0; i < N_RAYS; i++) {
    if (rays[i].fine)
      uneven[n++] = fabsf (walls[i]);
  }
  if (n == 0)
    return FALSE;
  rtk_measure_median (uneven, n); /* puts them in order */
  return uneven[3 * n / 4] <= MAX_UNEVEN;
}

/* The most light that is added over RUN rays on end, 0 before an uneven wall; *out_at is where. */
static double
find_added (const Ray *rays, RtkPoint *out_at)
{
  double rises[N_RAYS] = {0.};
  float  walls[N_RAYS] = {0.f};
  double best = 0.;
  int    lamp = 0;

  for (int i = 0; i < N_RAYS; i++) {
    if (rays[i].fine)
      rises[i] = MAX (0., get_rise (rays, i, &walls[i]));
  }
  for (int i = 0; i + RUN <= N_RAYS; i++) {
    double least = INFINITY;

    for (int k = 0; k < RUN; k++)
      least = MIN (least, rises[i + k]);
    if (least > best) {
      best = least;
      lamp = i + RUN / 2;
    }
  }
  *out_at = rays[lamp].at;
  return is_wall_even (rays, walls) ? best : 0.;
}

/**
 * rtk_measure_reflection:
 * @self: the picture, with a face and a mask
 * @out_box: (out): where something is mirrored; left alone when nothing is
 *
 * Measures whether a lamp is mirrored over person and wall alike, as flat glossy things do.
 *
 * Only before a plain wall that is not white itself: elsewhere something bright may lie behind.
 * What is mirrored within the face alone is no more than shine (light.highlight).
 *
 * Returns: 1 where a tenth of white is added on both sides of the outline over a quarter of the gap
 *   between the eyes; 0 when nothing can be said
 */
double
rtk_measure_reflection (const RtkMeasureContext *self, RtkRect *out_box)
{
  g_autofree Ray *rays = NULL;
  RtkPoint        from = {(self->eyes[0].x + self->eyes[1].x) / 2.,
                          (self->eyes[0].y + self->eyes[1].y) / 2.};
  double          reach = FAR * self->inter_eye;
  double          best = 0.;

  if (self->mask == NULL || self->inter_eye < MIN_INTER_EYE)
    return 0.;
  rays = g_new0 (Ray, N_RAYS);
  follow_rays (self, from, rays);
  for (gsize i = 0; i < G_N_ELEMENTS (bridges); i++) {
    RtkPoint at;
    double   added;

    if (take_rays (self, from, bridges[i], rays) < N_RAYS / 2)
      continue;
    added = find_added (rays, &at);
    if (added > best) {
      best = added;
      *out_box = (RtkRect){at.x - reach, at.y - reach, 2. * reach, 2. * reach};
    }
  }
  return best / ADDED;
}
