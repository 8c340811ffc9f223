/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "core/rtk-why.h"
#include "vision/rtk-measure-private.h"

#include <math.h>

/* Focus is measured around the eyes at the scale of a finished diploma photo, whose pupils lie
 * about EYE_GAP pixels apart: what is lost below that scale no one will see. */
#define EYE_GAP 96.
#define PATCH_WIDTH 168
#define PATCH_HEIGHT 76
#define EYE_X 36.
#define EYE_Y 40.
#define BLUR 4 /* to each side: the second blur is a mean of 9 pixels */

typedef float Patch[PATCH_HEIGHT][PATCH_WIDTH];

static inline double
get_luma (const RtkPixels *pixels, const guint8 *pixel)
{
  return rtk_measure_luma (pixel[pixels->red], pixel[pixels->green], pixel[pixels->blue]);
}

static double
luma_at (const RtkPixels *pixels, double x, double y)
{
  return get_luma (pixels, rtk_pixels_at (pixels, x, y));
}

/* Between the four nearest pixels: for a patch finer than the picture. */
static double
luma_between (const RtkPixels *pixels, double x, double y)
{
  double left = floor (x - 0.5);
  double top = floor (y - 0.5);
  double u = x - 0.5 - left;
  double v = y - 0.5 - top;

  return (1. - v) *
             ((1. - u) * luma_at (pixels, left, top) + u * luma_at (pixels, left + 1., top)) +
         v * ((1. - u) * luma_at (pixels, left, top + 1.) +
              u * luma_at (pixels, left + 1., top + 1.));
}

/* A row of the patch, each pixel the mean of several places. */
static void
fill_row (RtkPatchPlaces *places, const RtkPixels *pixels, int row, float *target)
{
  int    n = places->n;
  double sums[PATCH_WIDTH] = {0.};

  for (int line = 0; line < n; line++) {
    rtk_patch_places_find (places, pixels, row, line, 0, PATCH_WIDTH);
    for (int column = 0; column < PATCH_WIDTH; column++) {
      for (int i = column * n; i < (column + 1) * n; i++)
        sums[column] += get_luma (pixels, rtk_patch_places_get (places, pixels, i));
    }
  }
  for (int column = 0; column < PATCH_WIDTH; column++)
    target[column] = (float)(sums[column] / (n * n));
}

static void
fill_patch (const RtkMeasureContext *context, Patch patch)
{
  double         scale = context->inter_eye / EYE_GAP;
  RtkFacePatch   face;
  RtkPatchPlaces places;

  rtk_face_patch_init (&face, context, PATCH_WIDTH, PATCH_HEIGHT, (RtkPoint){EYE_X, EYE_Y},
                       EYE_GAP);
  if (scale > 1.) {
    rtk_patch_places_init (&places, &face, CLAMP ((int)ceil (scale), 2, 4));
    for (int row = 0; row < PATCH_HEIGHT; row++)
      fill_row (&places, &context->pixels, row, patch[row]);
    return;
  }
  for (int row = 0; row < PATCH_HEIGHT; row++) {
    for (int column = 0; column < PATCH_WIDTH; column++) {
      RtkPoint at = rtk_face_patch_to_picture (&face, column + 0.5, row + 0.5);

      patch[row][column] = (float)luma_between (&context->pixels, at.x, at.y);
    }
  }
}

/* How much of the change from pixel to pixel along one direction a further blur takes away: 0 when
 * nothing is left to take, near 1 for crisp edges (the blur effect of Crete et al. 2007, turned
 * round). Steps below the noise of a camera do not count. */
static double
get_crispness (Patch patch, int step_x, int step_y)
{
  double all = 0.;
  double lost = 0.;

  for (int row = BLUR + 1; row < PATCH_HEIGHT - BLUR; row++) {
    for (int column = BLUR + 1; column < PATCH_WIDTH - BLUR; column++) {
      double sharp = fabs (patch[row][column] - patch[row - step_y][column - step_x]);
      double blurred;

      if (sharp < 2.)
        continue;
      /* The difference of two running means is one difference of their ends. */
      blurred = fabs (patch[row + BLUR * step_y][column + BLUR * step_x] -
                      patch[row - (BLUR + 1) * step_y][column - (BLUR + 1) * step_x]) /
                (2. * BLUR + 1.);
      all += sharp;
      lost += MAX (0., sharp - blurred);
    }
  }
  return all > 0. ? lost / all : 0.;
}

static double
column_step (const RtkPixels *pixels, int x, int y)
{
  return fabs (luma_at (pixels, x, y) - luma_at (pixels, x - 1, y));
}

/* Steps across the 8-pixel grid of JPEG against steps elsewhere, on every third row of the face. */
static void
measure_blocks (RtkMeasureContext *self)
{
  RtkRect box = self->face->box;
  int     left = MAX (8, (int)box.x);
  int     right = MIN (self->pixels.width, (int)(box.x + box.width));
  int     top = MAX (0, (int)box.y);
  int     bottom = MIN (self->pixels.height, (int)(box.y + box.height));
  double  on = 0.;
  double  off = 0.;
  int     n_on = 0;
  int     n_off = 0;
  int     row_step = MAX (3, (bottom - top) / 80);
  int     first = (left + 7) / 8 * 8;

  for (int y = top; y < bottom; y += row_step) {
    for (int x = first; x + 4 < right; x += 8) {
      on += column_step (&self->pixels, x, y);
      off += column_step (&self->pixels, x + 3, y) + column_step (&self->pixels, x - 3, y);
      n_on++;
      n_off += 2;
    }
  }
  if (n_on < 100) {
    rtk_analysis_set_unknown (self->analysis, RTK_CHECK_IMAGE_COMPRESSION, RTK_WHY_FACE_TOO_SMALL);
    return;
  }
  rtk_analysis_set (self->analysis, RTK_CHECK_IMAGE_COMPRESSION,
                    (on / n_on + 0.1) / (off / n_off + 0.1));
}

/* Measures sharpness and compression on the subject's face. */
void
rtk_measure_focus (RtkMeasureContext *self)
{
  g_autofree float *patch = g_new (float, PATCH_HEIGHT *PATCH_WIDTH);
  RtkRect           box = {
                MIN (self->eyes[0].x, self->eyes[1].x) - 0.35 * self->inter_eye,
                MIN (self->eyes[0].y, self->eyes[1].y) - 0.4 * self->inter_eye,
                1.7 * self->inter_eye,
                0.8 * self->inter_eye,
  };

  fill_patch (self, (gpointer)patch);
  rtk_analysis_set (
      self->analysis, RTK_CHECK_FOCUS_SHARP,
      MIN (get_crispness ((gpointer)patch, 1, 0), get_crispness ((gpointer)patch, 0, 1)));
  rtk_analysis_set_place (self->analysis, RTK_CHECK_FOCUS_SHARP, box);
  measure_blocks (self);
}
