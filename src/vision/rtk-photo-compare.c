/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-photo-compare.h"

#include "vision/rtk-picture-header.h"
#include "vision/rtk-resample.h"

#include <math.h>
#include <stdlib.h>

#define BLOCK 8
/* What rounding to whole levels, in colour conversion and transform, adds to a coefficient. */
#define ROUNDING 3.
/* And what another decoder, or a matte from another kind of machine, does. */
#define OTHER_MACHINE 3.5
/* Of half a step, as tables of other programs are not quite those of the IJG. */
#define MARGIN 1.3
/* So near to 0 or 255 a channel may have been cut off. */
#define NEAR_END 16
/* Colour may be saved at half the size: only its mean over a square of so many pixels is kept. */
#define COLOUR_BLOCK 16
/* How far the mean of such a square may be off, levels of 255, beside what the step of the table
 * makes of it. */
#define MOST_COLOUR 4.
/* Below this JPEG quality a changed feature can hide in what saving takes away. */
#define COARSE_BELOW 50
/* A mirrored face is nearer to its mirror image than this part of its distance to itself. */
#define MIRRORED_BELOW .5
/* Means of differences, levels of 255: what two portraits on one background have between them. */
#define OTHER_FROM 9.
#define MIRRORED_FROM 2.
/* Of all blocks: from here on it is not places that were changed. */
#define REWORKED_FROM .25
/* Part of a finished picture in which there is face whatever the background is. */
#define FACE_LEFT .4
#define FACE_RIGHT .6
#define FACE_TOP .32
#define FACE_BOTTOM .58

/* How far off a block may be. */
typedef struct {
  float  luma[BLOCK * BLOCK]; /* each coefficient */
  float  clipped;             /* more than that where a channel is at its end */
  double colour;              /* the mean of each channel over a square of COLOUR_BLOCK, levels */
} Limits;

static const guint8 *
get_row (const RtkImage *image, int y)
{
  return rtk_image_get_pixels (image) + rtk_image_get_stride (image) * (gsize)y;
}

/* The luma that JPEG codes (ITU-R BT.601, full range), levels. */
static float
get_luma (const guint8 *pixel)
{
  return .299f * pixel[0] + .587f * pixel[1] + .114f * pixel[2];
}

/* Mean distance in luma of the columns x0..x1 and rows y0..y1, of @a as it is or with left and
 * right exchanged. Both have the same size. */
static double
get_distance (
    const RtkImage *a, const RtkImage *b, int x0, int x1, int y0, int y1, gboolean exchange)
{
  int    width = rtk_image_get_width (a);
  double sum = 0;

  for (int y = y0; y < y1; y++) {
    const guint8 *row_a = get_row (a, y), *row_b = get_row (b, y);

    for (int x = x0; x < x1; x++)
      sum +=
          fabsf (get_luma (row_a + 3 * (exchange ? width - 1 - x : x)) - get_luma (row_b + 3 * x));
  }
  return sum / ((double)(x1 - x0) * (y1 - y0));
}

/* The 8-point cosine transform that JPEG uses, orthonormal, along the rows of a block. */
static void
transform_rows (const float *cosines, const float *from, float *to)
{
  for (int y = 0; y < BLOCK; y++)
    for (int u = 0; u < BLOCK; u++) {
      float sum = 0;

      for (int x = 0; x < BLOCK; x++)
        sum += from[y * BLOCK + x] * cosines[u * BLOCK + x];
      /* Transposed, so that the second pass is the same again. */
      to[u * BLOCK + y] = sum;
    }
}

static void
make_cosines (float *cosines)
{
  for (int u = 0; u < BLOCK; u++)
    for (int x = 0; x < BLOCK; x++)
      cosines[u * BLOCK + x] =
          (float)((u == 0 ? sqrt (.125) : .5) * cos ((2 * x + 1) * u * G_PI / 16));
}

/* Where a channel is at its end, what coarser colour adds there is cut off, and that shows in luma.
 */
static gboolean
is_clipped (const RtkImage *image, int x0, int y0)
{
  for (int y = y0; y < MIN (y0 + BLOCK, rtk_image_get_height (image)); y++) {
    const guint8 *row = get_row (image, y);

    for (int i = 3 * x0; i < 3 * MIN (x0 + BLOCK, rtk_image_get_width (image)); i++)
      if (row[i] < NEAR_END || row[i] > 255 - NEAR_END)
        return TRUE;
  }
  return FALSE;
}

/* The transform is linear: that of the difference is the difference of the coefficients, and JPEG
 * can have moved each by no more than half a step of either table. */
static gboolean
block_is_near (const RtkImage *a,
               const RtkImage *b,
               int             x0,
               int             y0,
               const float    *cosines,
               const Limits   *limits)
{
  float difference[BLOCK * BLOCK], half[BLOCK * BLOCK], coefficients[BLOCK * BLOCK];
  float extra = is_clipped (a, x0, y0) ? limits->clipped : 0;
  int   last_x = rtk_image_get_width (a) - 1, last_y = rtk_image_get_height (a) - 1;

  for (int y = 0; y < BLOCK; y++) {
    const guint8 *row_a = get_row (a, MIN (y0 + y, last_y)),
                 *row_b = get_row (b, MIN (y0 + y, last_y));

    for (int x = 0; x < BLOCK; x++) {
      int at = 3 * MIN (x0 + x, last_x);

      difference[y * BLOCK + x] = get_luma (row_a + at) - get_luma (row_b + at);
    }
  }
  transform_rows (cosines, difference, half);
  transform_rows (cosines, half, coefficients);
  for (int i = 0; i < BLOCK * BLOCK; i++)
    if (fabsf (coefficients[i]) > limits->luma[i] + extra)
      return FALSE;
  return TRUE;
}

static gboolean
colour_is_near (const RtkImage *a, const RtkImage *b, int x0, int y0, double most)
{
  int    x1 = MIN (x0 + COLOUR_BLOCK, rtk_image_get_width (a));
  int    y1 = MIN (y0 + COLOUR_BLOCK, rtk_image_get_height (a));
  double sums[3] = {0, 0, 0};

  for (int y = y0; y < y1; y++) {
    const guint8 *row_a = get_row (a, y), *row_b = get_row (b, y);

    for (int i = 3 * x0; i < 3 * x1; i++)
      sums[i % 3] += row_a[i] - row_b[i];
  }
  for (int c = 0; c < 3; c++)
    if (fabs (sums[c] / ((x1 - x0) * (y1 - y0))) > most)
      return FALSE;
  return TRUE;
}

static void
add_to_area (RtkRect *area, int x, int y, int width, int height)
{
  double right = MAX (area->x + area->width, MIN (x + BLOCK, width));
  double bottom = MAX (area->y + area->height, MIN (y + BLOCK, height));

  if (area->width == 0)
    *area = (RtkRect){x, y, 0, 0};
  area->x = MIN (area->x, x);
  area->y = MIN (area->y, y);
  area->width = right - area->x;
  area->height = bottom - area->y;
}

/* Fills @share and @where. */
static void
find_differences (const RtkImage     *a,
                  const RtkImage     *b,
                  const Limits       *limits,
                  RtkPhotoComparison *comparison)
{
  int   width = rtk_image_get_width (a), height = rtk_image_get_height (a);
  int   n_blocks = 0, n_differ = 0;
  float cosines[BLOCK * BLOCK];

  make_cosines (cosines);
  for (int y = 0; y < height; y += BLOCK)
    for (int x = 0; x < width; x += BLOCK) {
      n_blocks++;
      if (block_is_near (a, b, x, y, cosines, limits) &&
          colour_is_near (a, b, x / COLOUR_BLOCK * COLOUR_BLOCK, y / COLOUR_BLOCK * COLOUR_BLOCK,
                          limits->colour))
        continue;
      n_differ++;
      add_to_area (&comparison->where, x, y, width, height);
    }
  comparison->share = (double)n_differ / n_blocks;
}

/* Of a file saved with two tables, one after the other; 0: not saved. */
static Limits
get_limits (int first_quality, int second_quality)
{
  Limits limits;
  float  steps[BLOCK * BLOCK];

  for (int i = 0; i < BLOCK * BLOCK; i++) {
    steps[i] = (float)(.5 * MARGIN *
                       (rtk_picture_get_luma_step (first_quality, i) +
                        rtk_picture_get_luma_step (second_quality, i)));
    limits.luma[i] = (float)(ROUNDING + (first_quality > 0 ? OTHER_MACHINE : 0)) + steps[i];
  }
  /* Coarse colour leaks into the mean of dark and bright blocks; colour is looked at by itself. */
  limits.luma[0] += .5f * steps[0];
  limits.clipped = 1.5f * steps[0];
  limits.colour = MOST_COLOUR + rtk_picture_get_luma_step (second_quality, 0) / 8.;
  return limits;
}

/**
 * rtk_photo_compare:
 * @expected: RGB24: the pixels before they were saved, or as they decode
 * @picture: RGB24: what a file decodes to
 * @expected_quality: IJG quality with which the pixels are said to have been saved, 1 to 100; 0
 * when they are as they decode
 * @quality: IJG quality of the file as its tables say; 0 when it is no JPEG
 * @out_comparison: (out): how they differ
 *
 * Compares a picture with what it should be, and finds a word for how it differs.
 *
 * JPEG moves each coefficient of an 8 x 8 block of luma by at most half a step of its table: saved
 * with @expected_quality and once more with @quality, by half a step of each. Whatever lies farther
 * off was changed by something else. Colour, which may be saved at half the size, is compared by
 * its mean over squares of 16. Blocking, about 20 ms; any thread.
 */
void
rtk_photo_compare (const RtkImage     *expected,
                   const RtkImage     *picture,
                   int                 expected_quality,
                   int                 quality,
                   RtkPhotoComparison *out_comparison)
{
  int    width = rtk_image_get_width (expected), height = rtk_image_get_height (expected);
  double straight, exchanged;
  Limits limits = get_limits (expected_quality, quality);

  *out_comparison = (RtkPhotoComparison){RTK_LIKENESS_SIZE, 1, {0, 0, width, height}};
  if (width != rtk_image_get_width (picture) || height != rtk_image_get_height (picture))
    return;
  *out_comparison = (RtkPhotoComparison){RTK_LIKENESS_SAME};
  find_differences (expected, picture, &limits, out_comparison);
  if (out_comparison->share == 0) {
    if (quality > 0 && quality < COARSE_BELOW)
      out_comparison->likeness = RTK_LIKENESS_COARSE;
    return;
  }
  straight = get_distance (expected, picture, 0, width, 0, height, FALSE);
  exchanged = get_distance (expected, picture, 0, width, 0, height, TRUE);
  if (straight > MIRRORED_FROM && exchanged < MIRRORED_BELOW * straight)
    out_comparison->likeness = RTK_LIKENESS_MIRRORED;
  else if (out_comparison->share < REWORKED_FROM)
    out_comparison->likeness = RTK_LIKENESS_CHANGED;
  else
    out_comparison->likeness = straight < OTHER_FROM ? RTK_LIKENESS_REWORKED : RTK_LIKENESS_OTHER;
}

/* The middle of a finished picture, by whole blocks. */
static RtkImage *
take_face (const RtkImage *finished)
{
  int     width = rtk_image_get_width (finished), height = rtk_image_get_height (finished);
  RtkCrop face = {.scale = 1};

  face.x = (int)(FACE_LEFT * width) / COLOUR_BLOCK * COLOUR_BLOCK;
  face.y = (int)(FACE_TOP * height) / COLOUR_BLOCK * COLOUR_BLOCK;
  face.out_width = MAX (1, (int)(FACE_RIGHT * width - face.x));
  face.out_height = MAX (1, (int)(FACE_BOTTOM * height - face.y));
  return rtk_resample (finished, &face);
}

/**
 * rtk_photo_has_same_face:
 * @expected: RGB24: a finished picture
 * @picture: RGB24: of the same size
 * @expected_quality: as for rtk_photo_compare()
 * @quality: as for rtk_photo_compare()
 *
 * Compares what is face whatever the alpha is: the middle of the picture.
 *
 * Returns: whether it is no farther off than saving brings it
 */
gboolean
rtk_photo_has_same_face (const RtkImage *expected,
                         const RtkImage *picture,
                         int             expected_quality,
                         int             quality)
{
  g_autoptr (RtkImage) expected_face = take_face (expected);
  g_autoptr (RtkImage) face = take_face (picture);
  RtkPhotoComparison comparison;

  if (rtk_image_get_width (expected) != rtk_image_get_width (picture) ||
      rtk_image_get_height (expected) != rtk_image_get_height (picture))
    return FALSE;
  rtk_photo_compare (expected_face, face, expected_quality, quality, &comparison);
  return comparison.likeness == RTK_LIKENESS_SAME;
}

/* The face of @finished against that part of @source which @crop names. */
static double
get_face_distance (const RtkImage *source,
                   const RtkCrop  *crop,
                   const RtkImage *finished,
                   gboolean        exchange)
{
  g_autoptr (RtkImage) part = rtk_resample (source, crop);
  int width = rtk_image_get_width (part), height = rtk_image_get_height (part);

  return get_distance (part, finished, (int)(FACE_LEFT * width), (int)(FACE_RIGHT * width),
                       (int)(FACE_TOP * height), (int)(FACE_BOTTOM * height), exchange);
}

/**
 * rtk_photo_compare_source:
 * @source: RGB24: a picture that is said to be the original
 * @crop: where the finished picture is said to lie in it
 * @finished: RGB24: the finished picture
 *
 * Finds a word for what a picture is of which is known that it is not the original: by the face,
 * whose pixels are those of the original. Blocking, about 20 ms; any thread.
 *
 * Returns: %RTK_LIKENESS_SAME, %RTK_LIKENESS_MIRRORED, or %RTK_LIKENESS_OTHER
 */
RtkLikeness
rtk_photo_compare_source (const RtkImage *source, const RtkCrop *crop, const RtkImage *finished)
{
  RtkCrop exchanged = *crop;
  double  distance;

  exchanged.x = rtk_image_get_width (source) - crop->x - crop->scale * crop->out_width;
  if (rtk_image_get_width (finished) != crop->out_width ||
      rtk_image_get_height (finished) != crop->out_height ||
      !rtk_crop_lies_in (crop, rtk_image_get_width (source), rtk_image_get_height (source)))
    return RTK_LIKENESS_OTHER;
  distance = get_face_distance (source, crop, finished, FALSE);
  if (distance < OTHER_FROM / 2)
    return RTK_LIKENESS_SAME;
  return get_face_distance (source, &exchanged, finished, TRUE) < MIRRORED_BELOW * distance
             ? RTK_LIKENESS_MIRRORED
             : RTK_LIKENESS_OTHER;
}
