/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-measure.h"

#include <math.h>

/* All lengths in widths between the eyes: how far the iris is looked for to either side and up and
 * down, and the width of the edge between iris and white. */
#define REACH_ALONG 0.028
#define REACH_ACROSS 0.012
#define STEP 0.0025
#define EDGE 0.008

/* Smaller eyes are too few pixels to do better than the network. */
#define MIN_INTER_EYE 60.
/* A lid gap below this share of the eye's width leaves no white beside the iris. */
#define MIN_OPEN 0.12
/* Levels between the iris and the white, on the weaker side. */
#define MIN_CONTRAST 6.

#define N_ANGLES 15 /* on each side, from -35 to 35 degrees: lids cover the rest */

typedef struct {
  const guint8 *green; /* (unowned): of the first pixel */
  gsize         stride;
  int           step;
  int           width;
  int           height;
  RtkPoint      along; /* the line of the eyes, length 1 */
} Look;

static double
sample (const Look *self, double x, double y)
{
  double        column = CLAMP (x - 0.5, 0., self->width - 1.001);
  double        row = CLAMP (y - 0.5, 0., self->height - 1.001);
  int           i = (int)column;
  int           j = (int)row;
  double        u = column - i;
  double        v = row - j;
  const guint8 *at = self->green + (gsize)j * self->stride + (gsize)i * (gsize)self->step;

  return (1. - v) * ((1. - u) * at[0] + u * at[self->step]) +
         v * ((1. - u) * at[self->stride] + u * at[self->stride + (gsize)self->step]);
}

/* How much lighter it is right outside than inside the circle, on its left (@side -1) or right. */
static double
get_contrast (const Look *self, RtkPoint centre, double radius, double edge, int side)
{
  double sum = 0.;

  for (int i = 0; i < N_ANGLES; i++) {
    double angle = (i - N_ANGLES / 2) * 5. * G_PI / 180.;
    double u = side * cos (angle);
    double v = sin (angle);
    double x = u * self->along.x - v * self->along.y;
    double y = u * self->along.y + v * self->along.x;

    sum += sample (self, centre.x + (radius + edge) * x, centre.y + (radius + edge) * y) -
           sample (self, centre.x + (radius - edge) * x, centre.y + (radius - edge) * y);
  }
  return sum / N_ANGLES;
}

/* How far along the line of the eyes the circle fits better than where it is; 0 when it cannot be
 * told. Both sides must be an edge, and far ones count a little less. */
static double
find_shift (const Look *self, RtkPoint iris, double radius, double inter_eye)
{
  static const double sizes[] = {0.92, 0.97, 1.02, 1.07};
  double              edge = MAX (1., EDGE * inter_eye);
  double              best = -INFINITY;
  double              contrast = 0.;
  double              shift = 0.;

  for (double v = -REACH_ACROSS; v <= REACH_ACROSS; v += 2. * STEP) {
    for (double u = -REACH_ALONG; u <= REACH_ALONG; u += STEP) {
      RtkPoint centre = {iris.x + inter_eye * (u * self->along.x - v * self->along.y),
                         iris.y + inter_eye * (u * self->along.y + v * self->along.x)};

      for (gsize k = 0; k < G_N_ELEMENTS (sizes); k++) {
        double left = get_contrast (self, centre, sizes[k] * radius, edge, -1);
        double right = get_contrast (self, centre, sizes[k] * radius, edge, 1);
        double fit = MIN (left, right) + (left + right) / 8. - 1.2 * u * u / (0.03 * 0.03);

        if (fit > best) {
          best = fit;
          contrast = MIN (left, right);
          shift = u;
        }
      }
    }
  }
  return contrast >= MIN_CONTRAST && fabs (shift) < REACH_ALONG - STEP ? shift * inter_eye : 0.;
}

/**
 * rtk_measure_refine_irises:
 * @image: the picture, RGB24 or BGRA32
 * @face: a face that has points and openings; its iris points are moved
 *
 * Moves each iris along the line of the eyes to where its edge against the white is (the circular
 * edge of Daugman 1993, its two sides only).
 *
 * The network places an iris to within a hundredth or so of the distance between the eyes; against
 * the pupils that people marked this takes a third of the error of that distance away. Closed,
 * small and dim eyes are left as they are. About 1 ms; any thread.
 */
void
rtk_measure_refine_irises (const RtkImage *image, RtkFace *face)
{
  static const int irises[2] = {468, 473};
  gboolean         bgra = rtk_image_get_format (image) == RTK_PIXEL_BGRA32;
  RtkPoint         eyes[2];
  double           inter_eye;
  Look             look = {
                  .green = rtk_image_get_pixels (image) + 1,
                  .stride = rtk_image_get_stride (image),
                  .step = bgra ? 4 : 3,
                  .width = rtk_image_get_width (image),
                  .height = rtk_image_get_height (image),
  };

  g_return_if_fail (rtk_image_get_format (image) != RTK_PIXEL_GREY8);

  for (int i = 0; i < 2; i++)
    eyes[i] = (RtkPoint){face->points[irises[i]].x, face->points[irises[i]].y};
  inter_eye = hypot (eyes[1].x - eyes[0].x, eyes[1].y - eyes[0].y);
  if (!(inter_eye >= MIN_INTER_EYE) || !isfinite (inter_eye) || look.width < 2 || look.height < 2)
    return;
  look.along = (RtkPoint){(eyes[1].x - eyes[0].x) / inter_eye, (eyes[1].y - eyes[0].y) / inter_eye};
  for (int i = 0; i < 2; i++) {
    double radius = 0.;
    double shift;

    for (int k = 1; k <= 4; k++)
      radius += hypot (face->points[irises[i] + k].x - eyes[i].x,
                       face->points[irises[i] + k].y - eyes[i].y) /
                4.;
    if (!(face->eye_open[i] >= MIN_OPEN) || !(radius >= 3.) || radius > inter_eye)
      continue;
    shift = find_shift (&look, eyes[i], radius, inter_eye);
    for (int k = 0; k <= 4; k++) {
      face->points[irises[i] + k].x += (float)(shift * look.along.x);
      face->points[irises[i] + k].y += (float)(shift * look.along.y);
    }
  }
}
