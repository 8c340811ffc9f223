/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "core/rtk-colour.h"
#include "core/rtk-why.h"
#include "vision/rtk-measure-private.h"
#include "vision/rtk-mesh-points-private.h"

#include <math.h>
#include <string.h>

/* The face is looked at in a crop turned so that the eyes are level and EYE_GAP apart: every number
 * then means the same for every camera and distance. */
#define CROP_WIDTH 144
#define CROP_HEIGHT 176
#define EYE_GAP 48.
#define EYE_X 48.
#define EYE_Y 64.

#define N_BINS 32
#define SMOOTH_BINS 3. /* 24 levels */
#define BRIGHT_CHEEK 150.

enum {
  AREA_NONE = 0,
  AREA_FACE = 1 << 0,
  AREA_CHEEK_LEFT = 1 << 1,
  AREA_CHEEK_RIGHT = 1 << 2,
  AREA_EYE = 1 << 3,
  AREA_IRIS = 1 << 4,
  AREA_GLARE = 1 << 5,
};

static const int iris_left[] = {469, 470, 471, 472};
static const int iris_right[] = {474, 475, 476, 477};

typedef struct {
  RtkFacePatch patch;
  guint8       rgb[CROP_HEIGHT * CROP_WIDTH][3];
  guint8       luma[CROP_HEIGHT * CROP_WIDTH];
  guint8       area[CROP_HEIGHT * CROP_WIDTH];
} Crop;

/* The columns of @row from the first that lies in any area to behind the last. */
static gboolean
find_marked (const Crop *crop, int row, int *out_from, int *out_to)
{
  const guint8 *area = crop->area + row * CROP_WIDTH;
  int           from = 0;
  int           to = CROP_WIDTH;

  while (from < to && area[from] == AREA_NONE)
    from++;
  while (to > from && area[to - 1] == AREA_NONE)
    to--;
  *out_from = from;
  *out_to = to;
  return from < to;
}

static void
crop_fill_row (Crop *crop, const RtkPixels *pixels, RtkPatchPlaces *places, int row)
{
  int   n = places->n;
  guint sums[CROP_WIDTH][3] = {{0}};
  int   from;
  int   to;

  if (!find_marked (crop, row, &from, &to))
    return;
  for (int line = 0; line < n; line++) {
    rtk_patch_places_find (places, pixels, row, line, from, to);
    for (int column = from; column < to; column++) {
      guint sum[3] = {0};

      for (int i = column * n; i < (column + 1) * n; i++) {
        const guint8 *pixel = rtk_patch_places_get (places, pixels, i);

        sum[0] += pixel[pixels->red];
        sum[1] += pixel[pixels->green];
        sum[2] += pixel[pixels->blue];
      }
      for (int i = 0; i < 3; i++)
        sums[column][i] += sum[i];
    }
  }
  for (int column = from; column < to; column++) {
    int     at = row * CROP_WIDTH + column;
    guint8 *rgb = crop->rgb[at];

    for (int i = 0; i < 3; i++)
      rgb[i] = (guint8)(sums[column][i] / (guint)(n * n));
    crop->luma[at] = (guint8)(rtk_measure_luma (rgb[0], rgb[1], rgb[2]) + 0.5);
  }
}

/* Takes the marked part of the crop; each of its pixels is the mean of up to 3x3 places of the
 * picture. */
static void
crop_fill (Crop *crop, const RtkMeasureContext *context)
{
  RtkPatchPlaces places;

  /* One place for one and a half pixels: the tones of a face are what is wanted, not its pores. */
  rtk_patch_places_init (&places, &crop->patch,
                         CLAMP ((int)ceil (context->inter_eye / EYE_GAP / 1.5), 1, 3));
  for (int row = 0; row < CROP_HEIGHT; row++)
    crop_fill_row (crop, &context->pixels, &places, row);
}

static void
crop_mark (Crop *crop, const RtkMeasureContext *context, const int *points, int n, guint8 area)
{
  rtk_face_patch_mark_points (&crop->patch, context->face, points, n, crop->area, area);
}

static void
crop_mark_all (Crop *crop, const RtkMeasureContext *context)
{
  memset (crop->area, AREA_NONE, sizeof crop->area);
  crop_mark (crop, context, rtk_mesh_oval, RTK_N_OVAL_POINTS, AREA_FACE);
  crop_mark (crop, context, rtk_mesh_cheeks[0], RTK_N_CHEEK_POINTS, AREA_CHEEK_LEFT);
  crop_mark (crop, context, rtk_mesh_cheeks[1], RTK_N_CHEEK_POINTS, AREA_CHEEK_RIGHT);
  crop_mark (crop, context, rtk_mesh_eyes[0], RTK_N_EYE_POINTS, AREA_EYE);
  crop_mark (crop, context, rtk_mesh_eyes[1], RTK_N_EYE_POINTS, AREA_EYE);
  crop_mark (crop, context, iris_left, G_N_ELEMENTS (iris_left), AREA_IRIS);
  crop_mark (crop, context, iris_right, G_N_ELEMENTS (iris_right), AREA_IRIS);
}

/* Mean luma of @area; *out_n pixels. */
static double
crop_mean (const Crop *crop, guint8 area, double *out_n)
{
  double sum = 0.;

  *out_n = 0.;
  for (int i = 0; i < CROP_WIDTH * CROP_HEIGHT; i++) {
    if (crop->area[i] & area) {
      sum += crop->luma[i];
      *out_n += 1.;
    }
  }
  return *out_n > 0. ? sum / *out_n : 0.;
}

/* Histogram of @gain times the luma in @area, its sum 1, smoothed by a Gaussian of SMOOTH_BINS. */
static void
crop_histogram (const Crop *crop, guint8 area, double gain, double n, double bins[N_BINS])
{
  double raw[N_BINS] = {0.};
  double weights[2 * N_BINS - 1];

  for (int i = 0; i < CROP_WIDTH * CROP_HEIGHT; i++) {
    if (crop->area[i] & area)
      raw[CLAMP ((int)(gain * crop->luma[i] * N_BINS / 256.), 0, N_BINS - 1)] += 1. / n;
  }
  for (int i = 0; i < 2 * N_BINS - 1; i++)
    weights[i] = exp (-(i - N_BINS + 1.) * (i - N_BINS + 1.) / (2. * SMOOTH_BINS * SMOOTH_BINS)) /
                 (SMOOTH_BINS * sqrt (2. * G_PI));
  for (int i = 0; i < N_BINS; i++) {
    bins[i] = 0.;
    for (int j = 0; j < N_BINS; j++)
      bins[i] += raw[j] * weights[i - j + N_BINS - 1];
  }
}

/* How much the tones of both cheeks have in common. Relative to the brighter cheek, so that a face
 * counts as half-lit at the same ratio of light whatever its skin; and with some blur, else the
 * finest skin, whose tones are all alike, would need the most perfect light. */
static void
measure_even (const Crop *crop, RtkAnalysis *analysis)
{
  double left[N_BINS];
  double right[N_BINS];
  double n_left;
  double n_right;
  double mean_left = crop_mean (crop, AREA_CHEEK_LEFT, &n_left);
  double mean_right = crop_mean (crop, AREA_CHEEK_RIGHT, &n_right);
  double gain = BRIGHT_CHEEK / MAX (1., MAX (mean_left, mean_right));
  double common = 0.;

  if (n_left < 40. || n_right < 40.) {
    rtk_analysis_set_unknown (analysis, RTK_CHECK_LIGHT_EVEN, RTK_WHY_TURNED);
    return;
  }
  crop_histogram (crop, AREA_CHEEK_LEFT, gain, n_left, left);
  crop_histogram (crop, AREA_CHEEK_RIGHT, gain, n_right, right);
  for (int i = 0; i < N_BINS; i++)
    common += MIN (left[i], right[i]);
  rtk_analysis_set (analysis, RTK_CHECK_LIGHT_EVEN, MIN (1., common));
}

static void
measure_exposure (const Crop *crop, RtkAnalysis *analysis)
{
  guint  counts[256] = {0};
  guint  n = 0;
  guint  under = 0;
  guint  over = 0;
  double sum = 0.;
  double entropy = 0.;

  for (int i = 0; i < CROP_WIDTH * CROP_HEIGHT; i++) {
    if (!(crop->area[i] & AREA_FACE))
      continue;
    counts[crop->luma[i]]++;
    n++;
  }
  if (n == 0)
    return;
  for (int i = 0; i < 256; i++) {
    double share = (double)counts[i] / n;

    under += i <= 25 ? counts[i] : 0;
    over += i >= 247 ? counts[i] : 0;
    sum += share * i;
    if (counts[i] > 0)
      entropy -= share * log2 (share);
  }
  rtk_analysis_set (analysis, RTK_CHECK_LIGHT_UNDER, (double)under / n);
  rtk_analysis_set (analysis, RTK_CHECK_LIGHT_OVER, (double)over / n);
  rtk_analysis_set (analysis, RTK_CHECK_LIGHT_MEAN, sum / 255.);
  rtk_analysis_set (analysis, RTK_CHECK_LIGHT_RANGE, entropy);
}

/* Takes the patch of glare around @start away; returns its number of pixels and its @out_box. */
static guint
take_glare (Crop *crop, int start, int *stack, RtkRect *out_box)
{
  int   from[2] = {CROP_WIDTH, CROP_HEIGHT};
  int   to[2] = {0, 0};
  guint count = 0;
  int   n = 0;

  stack[n++] = start;
  crop->area[start] &= (guint8)~AREA_GLARE;
  while (n > 0) {
    int       at = stack[--n];
    const int next[4] = {at - 1, at + 1, at - CROP_WIDTH, at + CROP_WIDTH};

    count++;
    from[0] = MIN (from[0], at % CROP_WIDTH);
    from[1] = MIN (from[1], at / CROP_WIDTH);
    to[0] = MAX (to[0], at % CROP_WIDTH + 1);
    to[1] = MAX (to[1], at / CROP_WIDTH + 1);
    for (int i = 0; i < 4; i++) {
      /* The zone of the eyes lies well inside the crop: no row is left at its end. */
      if (next[i] >= 0 && next[i] < CROP_WIDTH * CROP_HEIGHT && crop->area[next[i]] & AREA_GLARE) {
        crop->area[next[i]] &= (guint8)~AREA_GLARE;
        stack[n++] = next[i];
      }
    }
  }
  *out_box = (RtkRect){from[0], from[1], to[0] - from[0], to[1] - from[1]};
  return count;
}

/* A lamp or a window mirrored by a lens is one patch; the light in wet eyes and on lids is many
 * small ones. */
static guint
get_largest_glare (Crop *crop, RtkRect *out_box)
{
  g_autofree int *stack = NULL;
  guint           largest = 0;
  guint           size;
  RtkRect         box;

  for (int i = 0; i < CROP_WIDTH * CROP_HEIGHT; i++) {
    if (!(crop->area[i] & AREA_GLARE))
      continue;
    if (stack == NULL)
      stack = g_new (int, CROP_WIDTH *CROP_HEIGHT);
    size = take_glare (crop, i, stack, &box);
    if (size > largest) {
      largest = size;
      *out_box = box;
    }
  }
  return largest;
}

/* A highlight is the lamp's own colour, mirrored by the skin: nearly white, and far above the skin
 * around it. */
static void
measure_highlight (Crop *crop, const double cheek[3], RtkAnalysis *analysis)
{
  double skin = rtk_measure_luma (cheek[0], cheek[1], cheek[2]);
  guint  n = 0;
  guint  bright = 0;
  guint  n_eye = 0;
  /* Both eyes, when there is no glare to point at. */
  RtkRect box = {EYE_X - 20., EYE_Y - 14., EYE_GAP + 40., 32.};

  for (int i = 0; i < CROP_WIDTH * CROP_HEIGHT; i++) {
    int high;
    int low;
    int row = i / CROP_WIDTH;
    int column = i % CROP_WIDTH;

    if (!(crop->area[i] & AREA_FACE))
      continue;
    high = MAX (crop->rgb[i][0], MAX (crop->rgb[i][1], crop->rgb[i][2]));
    low = MIN (crop->rgb[i][0], MIN (crop->rgb[i][1], crop->rgb[i][2]));
    if (!(crop->area[i] & AREA_EYE)) {
      n++;
      bright += crop->luma[i] >= 225 && high - low < 60 && crop->luma[i] > skin + 30.;
    }
    /* Where glasses sit: around both eyes. */
    if (row > EYE_Y - 14 && row < EYE_Y + 18 &&
        fabs (fabs (column + 0.5 - (EYE_X + EYE_GAP / 2.)) - EYE_GAP / 2.) < 20.) {
      n_eye++;
      if (crop->luma[i] >= 244 && high - low < 30)
        crop->area[i] |= AREA_GLARE;
    }
  }
  if (n > 0)
    rtk_analysis_set (analysis, RTK_CHECK_LIGHT_HIGHLIGHT, (double)bright / n);
  if (n_eye > 0) {
    rtk_analysis_set (analysis, RTK_CHECK_GLASSES_GLARE,
                      (double)get_largest_glare (crop, &box) / n_eye);
    rtk_face_patch_set_box (&crop->patch, analysis, RTK_CHECK_GLASSES_GLARE, box);
  }
}

static void
measure_red (const Crop *crop, RtkAnalysis *analysis)
{
  guint n = 0;
  guint red = 0;

  for (int i = 0; i < CROP_WIDTH * CROP_HEIGHT; i++) {
    const guint8 *rgb = crop->rgb[i];

    /* The part of the iris that the lids leave free. */
    if ((crop->area[i] & (AREA_IRIS | AREA_EYE)) != (AREA_IRIS | AREA_EYE))
      continue;
    n++;
    red += rgb[0] > 70 && rgb[0] > 2 * MAX (rgb[1], rgb[2]);
  }
  if (n >= 20)
    rtk_analysis_set (analysis, RTK_CHECK_EYES_RED, (double)red / n);
  else
    rtk_analysis_set_unknown (analysis, RTK_CHECK_EYES_RED, RTK_WHY_EYES_SHUT);
}

static gboolean
get_cheek_colour (const Crop *crop, double out_rgb[3])
{
  double sum[3] = {0.};
  double n = 0.;

  for (int i = 0; i < CROP_WIDTH * CROP_HEIGHT; i++) {
    if (!(crop->area[i] & (AREA_CHEEK_LEFT | AREA_CHEEK_RIGHT)))
      continue;
    for (int j = 0; j < 3; j++)
      sum[j] += crop->rgb[i][j];
    n += 1.;
  }
  for (int j = 0; j < 3; j++)
    out_rgb[j] = n > 0. ? sum[j] / n : 0.;
  return n >= 40.;
}

/* Distance of the cheeks' colour from the range of skin of every tone: a* 5..22, b* 5..35. */
static void
measure_colour (const double cheek[3], RtkAnalysis *analysis)
{
  double lab[3];
  double a;
  double b;

  rtk_colour_to_lab (cheek, lab);
  a = lab[1] < 5. ? 5. - lab[1] : MAX (0., lab[1] - 22.);
  b = lab[2] < 5. ? 5. - lab[2] : MAX (0., lab[2] - 35.);
  rtk_analysis_set (analysis, RTK_CHECK_COLOUR_NATURAL, hypot (a, b));
}

/* Measures light and colour of the subject's face. */
void
rtk_measure_light (RtkMeasureContext *self)
{
  g_autofree Crop *crop = g_new (Crop, 1);
  double           cheek[3];

  rtk_face_patch_init (&crop->patch, self, CROP_WIDTH, CROP_HEIGHT, (RtkPoint){EYE_X, EYE_Y},
                       EYE_GAP);
  crop_mark_all (crop, self);
  crop_fill (crop, self);
  measure_exposure (crop, self->analysis);
  measure_even (crop, self->analysis);
  if (get_cheek_colour (crop, cheek)) {
    measure_colour (cheek, self->analysis);
    measure_highlight (crop, cheek, self->analysis);
  } else {
    rtk_analysis_set_unknown (self->analysis, RTK_CHECK_COLOUR_NATURAL, RTK_WHY_TURNED);
    rtk_analysis_set_unknown (self->analysis, RTK_CHECK_LIGHT_HIGHLIGHT, RTK_WHY_TURNED);
    rtk_analysis_set_unknown (self->analysis, RTK_CHECK_GLASSES_GLARE, RTK_WHY_TURNED);
  }
  measure_red (crop, self->analysis);
  rtk_face_patch_set_box (&crop->patch, self->analysis, RTK_CHECK_EYES_RED,
                          (RtkRect){EYE_X - 12., EYE_Y - 8., EYE_GAP + 24., 16.});
  for (int id = RTK_CHECK_LIGHT_EVEN; id <= RTK_CHECK_COLOUR_NATURAL; id++)
    rtk_analysis_set_place (self->analysis, (RtkCheckId)id, self->face->box);
}
