/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-measure-private.h"
#include "vision/rtk-mesh-points-private.h"

#include <math.h>
#include <string.h>

/* Is it a person, not a picture of one? For stills only. */

/* Moire is looked for in squares of the picture's own pixels inside the face. */
#define SQUARE 64
#define MAX_SQUARES 64
#define MIN_SQUARES 12
/* Rings of frequency, cycles a pixel, inside which a spectrum is compared with itself. */
#define RING 0.02
#define LOWEST 0.10
#define N_RINGS 20
/* A peak this far above its ring is a grid. */
#define GRID_PEAK 24.

/* Borders are looked for in a picture of this many pixels along its longer side. */
#define SMALL 192
#define MAX_TILT 12   /* degrees */
#define BORDER_STEP 6 /* levels from pixel to pixel */
#define BORDER_LENGTH 0.85
#define MIN_EDGE 40. /* shorter ones are straight by chance */

static float
luma_at (const RtkPixels *pixels, int x, int y)
{
  const guint8 *pixel = rtk_pixels_at (pixels, x, y);

  return (float)rtk_measure_luma (pixel[pixels->red], pixel[pixels->green], pixel[pixels->blue]);
}

/* What every square is weighted and transformed with. */
typedef struct {
  float window[SQUARE];
  float re[SQUARE / 2]; /* the roots of one */
  float im[SQUARE / 2];
} Waves;

static void
waves_init (Waves *self)
{
  for (int i = 0; i < SQUARE; i++)
    self->window[i] = (float)(0.5 - 0.5 * cos (2. * G_PI * (i + 0.5) / SQUARE));
  for (int i = 0; i < SQUARE / 2; i++) {
    self->re[i] = (float)cos (2. * G_PI * i / SQUARE);
    self->im[i] = (float)-sin (2. * G_PI * i / SQUARE);
  }
}

/* In-place transform of SQUARE complex values that lie @step apart (radix 2). */
static void
transform (const Waves *waves, float *re, float *im, int step)
{
  for (int i = 1, j = 0; i < SQUARE; i++) {
    int bit = SQUARE >> 1;

    for (; j & bit; bit >>= 1)
      j ^= bit;
    j ^= bit;
    if (i < j) {
      float swap = re[i * step];

      re[i * step] = re[j * step];
      re[j * step] = swap;
      swap = im[i * step];
      im[i * step] = im[j * step];
      im[j * step] = swap;
    }
  }
  for (int length = 2; length <= SQUARE; length <<= 1) {
    for (int k = 0; k < length / 2; k++) {
      float turn_re = waves->re[k * (SQUARE / length)];
      float turn_im = waves->im[k * (SQUARE / length)];

      for (int i = k; i < SQUARE; i += length) {
        int   a = i * step;
        int   b = (i + length / 2) * step;
        float b_re = re[b] * turn_re - im[b] * turn_im;
        float b_im = re[b] * turn_im + im[b] * turn_re;

        re[b] = re[a] - b_re;
        im[b] = im[a] - b_im;
        re[a] += b_re;
        im[a] += b_im;
      }
    }
  }
}

/* Power spectrum of one square against its own brightness. */
static void
get_spectrum (const RtkPixels *pixels, const Waves *waves, int x, int y, float *power)
{
  float re[SQUARE * SQUARE];
  float im[SQUARE * SQUARE] = {0.f};
  float mean = 0.f;

  for (int i = 0; i < SQUARE * SQUARE; i++) {
    re[i] = luma_at (pixels, x + i % SQUARE, y + i / SQUARE);
    mean += re[i] / (SQUARE * SQUARE);
  }
  for (int i = 0; i < SQUARE * SQUARE; i++)
    re[i] =
        (re[i] - mean) / MAX (mean, 1.f) * waves->window[i % SQUARE] * waves->window[i / SQUARE];
  for (int i = 0; i < SQUARE; i++)
    transform (waves, re + i * SQUARE, im + i * SQUARE, 1);
  for (int i = 0; i < SQUARE; i++)
    transform (waves, re + i, im + i, SQUARE);
  for (int i = 0; i < SQUARE * SQUARE; i++)
    power[i] = re[i] * re[i] + im[i] * im[i];
}

/* JPEG's own grid has its peaks at multiples of an eighth. */
static gboolean
is_jpeg_grid (int fx, int fy)
{
  int x = abs (fx) % 8;
  int y = abs (fy) % 8;

  return (x <= 1 || x >= 7) && (y <= 1 || y >= 7);
}

/* How far the highest peak of the spectrum that most squares share lies above others of about the
 * same frequency. Skin and hair have no peaks; the grid of a screen or of a print's dots has. */
static double
get_peak (const float *spectra, int n)
{
  static const int  half = SQUARE / 2;
  g_autofree float *ring = g_new (float, N_RINGS *SQUARE *SQUARE);
  int               counts[N_RINGS] = {0};
  double            peak = 0.;

  for (int i = 0; i < SQUARE * SQUARE / 2; i++) {
    int   fx = i % SQUARE < half ? i % SQUARE : i % SQUARE - SQUARE;
    int   fy = i / SQUARE;
    int   at = (int)((hypot (fx, fy) / SQUARE - LOWEST) / RING);
    float values[MAX_SQUARES];

    if (hypot (fx, fy) < LOWEST * SQUARE || at >= N_RINGS || is_jpeg_grid (fx, fy))
      continue;
    for (int k = 0; k < n; k++)
      values[k] = spectra[(gsize)k * SQUARE * SQUARE + (gsize)i];
    ring[at * SQUARE * SQUARE + counts[at]++] = rtk_measure_median (values, n);
  }
  for (int at = 0; at < N_RINGS; at++) {
    float  highest = 0.f;
    float *values = ring + at * SQUARE * SQUARE;

    for (int i = 0; i < counts[at]; i++)
      highest = MAX (highest, values[i]);
    if (counts[at] >= 8)
      peak = MAX (peak, highest / (double)MAX (rtk_measure_median (values, counts[at]), 1e-9f));
  }
  return peak;
}

/* Squares inside the face, at most MAX_SQUARES of them, evenly. */
static int
find_squares (const RtkMeasureContext *self, int (*places)[2])
{
  RtkPoint corners[RTK_N_OVAL_POINTS];
  double   left = INFINITY;
  double   top = INFINITY;
  double   right = -INFINITY;
  double   bottom = -INFINITY;
  int      step = SQUARE / 2;
  int      n = 0;

  for (int i = 0; i < RTK_N_OVAL_POINTS; i++) {
    corners[i] = rtk_measure_point (self->face, rtk_mesh_oval[i]);
    left = MIN (left, corners[i].x);
    right = MAX (right, corners[i].x);
    top = MIN (top, corners[i].y);
    bottom = MAX (bottom, corners[i].y);
  }
  left = CLAMP (left, 0., self->pixels.width);
  right = CLAMP (right, 0., self->pixels.width);
  top = CLAMP (top, 0., self->pixels.height);
  bottom = CLAMP (bottom, 0., self->pixels.height);
  if (!(right - left >= SQUARE) || !(bottom - top >= SQUARE))
    return 0;
  /* The oval fills three quarters of its box. */
  while ((right - left) * (bottom - top) * 0.75 / (step * step) > MAX_SQUARES)
    step++;
  for (int y = MAX (0, (int)top); y + SQUARE <= MIN (self->pixels.height, bottom); y += step) {
    for (int x = MAX (0, (int)left); x + SQUARE <= MIN (self->pixels.width, right); x += step) {
      /* An ellipse of the box is near enough: corners of the square inside it. */
      double u = (fabs (x + SQUARE / 2. - (left + right) / 2.) + SQUARE / 2.) / (right - left) * 2.;
      double v = (fabs (y + SQUARE / 2. - (top + bottom) / 2.) + SQUARE / 2.) / (bottom - top) * 2.;

      if (u * u + v * v < 1.15 && n < MAX_SQUARES) {
        places[n][0] = x;
        places[n++][1] = y;
      }
    }
  }
  return n;
}

static double
get_grid (const RtkMeasureContext *self)
{
  g_autofree float *spectra = NULL;
  int               places[MAX_SQUARES][2];
  int               n = find_squares (self, places);
  Waves             waves;

  if (n < MIN_SQUARES)
    return -1.;
  waves_init (&waves);
  spectra = g_new (float, (gsize)n *SQUARE *SQUARE);
  for (int i = 0; i < n; i++)
    get_spectrum (&self->pixels, &waves, places[i][0], places[i][1],
                  spectra + (gsize)i * SQUARE * SQUARE);
  return get_peak (spectra, n) / GRID_PEAK;
}

/* A small grey copy, and how large one of its pixels is in the picture. */
typedef struct {
  float  luma[SMALL][SMALL];
  int    width;
  int    height;
  double scale;
} Small;

static void
small_fill (Small *small, const RtkPixels *pixels)
{
  int n = 3;

  small->scale = MAX (1., MAX (pixels->width, pixels->height) / (double)SMALL);
  small->width = MIN (SMALL, (int)(pixels->width / small->scale));
  small->height = MIN (SMALL, (int)(pixels->height / small->scale));
  for (int y = 0; y < small->height; y++) {
    for (int x = 0; x < small->width; x++) {
      float sum = 0.f;

      for (int i = 0; i < n * n; i++)
        sum += luma_at (pixels, (int)((x + (i % n + 0.5) / n) * small->scale),
                        (int)((y + (i / n + 0.5) / n) * small->scale));
      small->luma[y][x] = sum / (float)(n * n);
    }
  }
}

/* A straight line through the small picture, from row (or column) @first to before @last: at @at in
 * the middle of them, @slope pixels further in each one. */
typedef struct {
  gboolean across; /* more level than upright */
  int      first;
  int      last;
  double   at;
  double   slope;
} Line;

/* The larger share of the line's pixels, of every @every one, in which the step across it has one
 * direction. */
static double
follow (const Small *small, const Line *line, int every)
{
  int length = line->last - line->first;
  int limit = line->across ? small->height : small->width;
  int up = 0;
  int down = 0;
  int n = 0;
  /* In 65536ths of a pixel, half of one ahead: a shift then rounds. */
  int slope = (int)(line->slope * 65536.);
  int place = (int)((line->at + 0.5) * 65536.) - length * (slope / 2);

  for (int i = line->first; i < line->last; i += every, place += every * slope) {
    int   at = place >> 16;
    float step;

    if (at < 1 || at >= limit - 1)
      continue;
    step = line->across ? small->luma[at + 1][i] - small->luma[at - 1][i]
                        : small->luma[i][at + 1] - small->luma[i][at - 1];
    up += step > 2 * BORDER_STEP;
    down += step < -2 * BORDER_STEP;
    n++;
  }
  return n * every >= 0.95 * length ? (double)MAX (up, down) / n : 0.;
}

/* The most unbroken straight edge among the lines like @line whose middle lies from @from to before
 * @to. */
static double
find_edge (const Small *small, Line *line, int from, int to)
{
  Line   like = *line;
  double best = 0.;

  for (int at = from; at < to; at++) {
    for (int tilt = -MAX_TILT; tilt <= MAX_TILT; tilt++) {
      double share;

      like.at = at;
      like.slope = tan (tilt * G_PI / 180.);
      /* A look at some of its pixels leaves most lines out. */
      if (follow (small, &like, 6) < best - 0.2)
        continue;
      share = follow (small, &like, 1);
      if (share > best) {
        best = share;
        *line = like;
      }
    }
  }
  return best;
}

/* The most unbroken straight edge from one side of the picture to the other, off the face: the
 * border of a print, the bezel of a screen (and a door frame: the wall is not plain then either).
 */
static double
get_border (const RtkMeasureContext *self, Line *out_line, const Small *small)
{
  const RtkRect *box = &self->face->box;
  double         best = 0.;

  for (int across = 0; across < 2; across++) {
    int    limit = across ? small->height : small->width;
    double from = (across ? box->y - 0.1 * box->height : box->x - 0.1 * box->width) / small->scale;
    double to = (across ? box->y + 1.1 * box->height : box->x + 1.1 * box->width) / small->scale;
    int    before = CLAMP ((int)ceil (from), 2, limit - 2);
    int    after = CLAMP ((int)to + 1, 2, limit - 2);

    for (int side = 0; side < 2; side++) {
      Line   line = {across != 0, 0, across ? small->width : small->height, 0., 0.};
      double share =
          find_edge (small, &line, side == 0 ? 2 : after, side == 0 ? before : limit - 2);

      if (share > best) {
        best = share;
        *out_line = line;
      }
    }
  }
  return best;
}

/* A frame around the person: a straight edge below the chin, from shoulder to shoulder, where
 * before a live person nothing straight lies, and edges along two of the other three sides (behind
 * a live person those may be a door). The least of the three. */
static double
get_frame (const RtkMeasureContext *self, Line *out_line, const Small *small)
{
  const RtkRect *box = &self->face->box;
  double         x[2] = {box->x / small->scale, (box->x + box->width) / small->scale};
  double         y[2] = {box->y / small->scale, (box->y + box->height) / small->scale};
  double         w = x[1] - x[0];
  double         h = y[1] - y[0];
  /* Left, right, above: from the frame of the picture to a little off head and hair. */
  const double spans[3][4] = {
      {y[0], y[1] + 0.5 * h, 2., x[0] - 0.1 * w},
      {y[0], y[1] + 0.5 * h, x[1] + 0.1 * w, small->width - 2.},
      {x[0] - 0.35 * w, x[1] + 0.35 * w, 2., y[0] - 0.3 * h},
  };
  double sides[3];
  double second;
  double below;

  for (int side = 0; side < 3; side++) {
    const double *span = spans[side];
    int           limit = side == 2 ? small->width : small->height;
    Line line = {side == 2, (int)CLAMP (span[0], 0., limit), (int)CLAMP (span[1], 0., limit), 0.,
                 0.};

    sides[side] = line.last - line.first >= MAX (MIN_EDGE, 0.75 * (span[1] - span[0]))
                      ? find_edge (small, &line, MAX (2, (int)span[2]), (int)span[3])
                      : 0.;
  }
  second = MAX (MIN (sides[0], sides[1]), MIN (MAX (sides[0], sides[1]), sides[2]));
  *out_line = (Line){TRUE, (int)CLAMP (x[0] - 0.35 * w, 0., small->width),
                     (int)CLAMP (x[1] + 0.35 * w, 0., small->width), 0., 0.};
  if (second < 0.5 || out_line->last - out_line->first < MAX (MIN_EDGE, 1.3 * w))
    return 0.;
  below = find_edge (small, out_line, (int)(y[1] + 0.1 * h), small->height - 2);
  return MIN (below, second);
}

static void
set_line_place (RtkMeasureContext *self, const Line *line, const Small *small)
{
  RtkMeasure *measure = &self->analysis->measures[RTK_CHECK_AUTHENTIC_RECAPTURE];
  double      half = (line->last - line->first) / 2.;

  for (int i = 0; i < 2; i++) {
    double along = (i == 0 ? line->first : line->last) * small->scale;
    double off = (line->at + (i == 0 ? -half : half) * line->slope + 0.5) * small->scale;

    measure->place[i] = line->across ? (RtkPoint){along, off} : (RtkPoint){off, along};
  }
  measure->n_place = 2;
}

/* Measures whether the subject is a person, not a picture of one. Some 20 ms: for stills. */
void
rtk_measure_recapture (RtkMeasureContext *self)
{
  g_autofree Small *small = g_new (Small, 1);
  Line              lines[2] = {{0}};
  RtkRect           box = self->face->box;
  double            grid = get_grid (self);
  double            edges[2];
  double            mirrored = rtk_measure_reflection (self, &box);
  int               which;

  small_fill (small, &self->pixels);
  edges[0] = get_border (self, &lines[0], small) / BORDER_LENGTH;
  edges[1] = get_frame (self, &lines[1], small) / BORDER_LENGTH;
  which = edges[1] > edges[0];
  rtk_analysis_set (self->analysis, RTK_CHECK_AUTHENTIC_RECAPTURE,
                    MAX (MAX (grid, mirrored), edges[which]));
  if (edges[which] > MAX (grid, mirrored))
    set_line_place (self, &lines[which], small);
  else
    rtk_analysis_set_place (self->analysis, RTK_CHECK_AUTHENTIC_RECAPTURE,
                            mirrored > grid ? box : self->face->box);
}
