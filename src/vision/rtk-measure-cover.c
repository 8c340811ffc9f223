/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "core/rtk-colour.h"
#include "core/rtk-why.h"
#include "vision/rtk-measure-private.h"
#include "vision/rtk-mesh-points-private.h"
#include "vision/rtk-parallel-private.h"

#include <math.h>
#include <string.h>

/* What covers the face: hair, glasses, a hat. All of it by colour: what is as the cheeks are is
 * skin. Room for the ears to either side and for hair above. */
#define EYE_GAP 64.
#define EYE_X 102.
#define EYE_Y 122.
#define WIDTH 268
#define HEIGHT 250

/* A zone that the picture shows less of than this cannot be judged. */
#define ENOUGH_SEEN 0.8
/* Below it, brows and frames are a few pixels high. */
#define MIN_INTER_EYE 40.
/* With less than this of light.even one side of the head lies in the dark. */
#define EVEN_ENOUGH 0.5
/* A head turned further shows one side of itself only. */
#define MAX_YAW 20.

/* How much darker than the cheeks skin may be, as a share: ears lie further from the lamp. */
#define FACE_SHADE 0.45
#define EAR_SHADE 0.65

/* Hair above the forehead that is darker and greyer than this tells shaded ears from itself. */
#define DARK_HAIR 30.
#define GREY_HAIR 12.
/* How far an ear's colour lies from it at least, in units of 14 L* or 6 a* or b*. */
#define OFF_HAIR 1.5

enum {
  AREA_CHEEK = 1 << 0,
  AREA_ZONE = 1 << 1, /* of one measure, cleared after it */
};

/* Upper outline of each brow, from the left of the picture to the right. */
static const int brows[2][5] = {{70, 63, 105, 66, 107}, {336, 296, 334, 293, 300}};
/* Outline of the face beside each ear, downwards. */
static const int ears[2][5] = {{162, 127, 234, 93, 132}, {389, 356, 454, 323, 361}};
/* Upper outline of the face. */
static const int forehead[] = {54, 103, 67, 109, 10, 338, 297, 332, 284};

typedef struct {
  const RtkMeasureContext *context;
  RtkFacePatch             patch;
  float                    lab[HEIGHT * WIDTH][3];
  float                    luma[HEIGHT * WIDTH];
  float                    person[HEIGHT * WIDTH];
  guint8                   seen[HEIGHT * WIDTH]; /* lies in the picture */
  guint8                   area[HEIGHT * WIDTH];
  float                    skin[3]; /* the cheeks' median L*, a*, b* */
  double                   skin_luma;
  gboolean                 dark_hair; /* and its colour is known: */
  float                    hair[3];
} Cover;

static RtkPoint
get_point (const Cover *self, int index)
{
  return rtk_face_patch_from_picture (&self->patch, rtk_measure_point (self->context->face, index));
}

static void
fill_rows (gpointer data, int from, int to)
{
  Cover                   *self = data;
  const RtkMeasureContext *context = self->context;
  int                      n = CLAMP ((int)ceil (context->inter_eye / EYE_GAP / 2.), 1, 3);

  for (int i = from * WIDTH; i < to * WIDTH; i++) {
    RtkPoint at = rtk_face_patch_to_picture (&self->patch, i % WIDTH + 0.5, i / WIDTH + 0.5);
    double   rgb[3];
    double   lab[3];

    rtk_face_patch_sample (&self->patch, &context->pixels, i % WIDTH, i / WIDTH, n, rgb);
    rtk_colour_to_lab (rgb, lab);
    for (int c = 0; c < 3; c++)
      self->lab[i][c] = (float)lab[c];
    self->luma[i] = (float)rtk_measure_luma (rgb[0], rgb[1], rgb[2]);
    self->seen[i] =
        at.x >= 0. && at.y >= 0. && at.x < context->pixels.width && at.y < context->pixels.height;
    self->person[i] = context->mask == NULL
                          ? 1.f
                          : (float)rtk_measure_sample_mask (context->mask, context->mask_size,
                                                            at.x / context->pixels.width,
                                                            at.y / context->pixels.height);
  }
}

/* Median of channel @channel of L*a*b*, or of the luma (3), over @bit; *out_n pixels. */
static float
median_over (const Cover *self, guint8 bit, int channel, int *out_n)
{
  g_autofree float *values = g_new (float, HEIGHT *WIDTH);
  int               n = 0;

  for (int i = 0; i < HEIGHT * WIDTH; i++) {
    if (self->area[i] & bit && self->seen[i])
      values[n++] = channel == 3 ? self->luma[i] : self->lab[i][channel];
  }
  *out_n = n;
  return n > 0 ? rtk_measure_median (values, n) : 0.f;
}

static gboolean
find_skin (Cover *self)
{
  const RtkFace *face = self->context->face;
  int            n;

  for (int side = 0; side < 2; side++)
    rtk_face_patch_mark_points (&self->patch, face, rtk_mesh_cheeks[side], RTK_N_CHEEK_POINTS,
                                self->area, AREA_CHEEK);
  for (int c = 0; c < 3; c++)
    self->skin[c] = median_over (self, AREA_CHEEK, c, &n);
  self->skin_luma = MAX (1., median_over (self, AREA_CHEEK, 3, &n));
  return n >= 80;
}

/* The median colour of the hair right above the forehead, where it is dark. */
static void
find_dark_hair (Cover *self)
{
  RtkPoint corners[2 * G_N_ELEMENTS (forehead)];
  int      n_points = G_N_ELEMENTS (forehead);
  int      n = 0;

  for (int i = 0; i < n_points; i++) {
    RtkPoint point = get_point (self, forehead[i]);

    corners[i] = (RtkPoint){point.x, point.y - 0.12 * EYE_GAP};
    corners[2 * n_points - 1 - i] = (RtkPoint){point.x, point.y - 0.6 * EYE_GAP};
  }
  rtk_face_patch_mark (&self->patch, corners, 2 * n_points, self->area, AREA_ZONE);
  for (int i = 0; i < HEIGHT * WIDTH; i++) {
    if (self->person[i] < 0.9f)
      self->area[i] &= (guint8)~AREA_ZONE;
  }
  for (int c = 0; c < 3; c++)
    self->hair[c] = median_over (self, AREA_ZONE, c, &n);
  for (int i = 0; i < HEIGHT * WIDTH; i++)
    self->area[i] &= (guint8)~AREA_ZONE;
  self->dark_hair =
      n >= 50 && self->hair[0] < DARK_HAIR && hypot (self->hair[1], self->hair[2]) < GREY_HAIR;
}

/* Whether a colour is that of an ear in the shade of dark hair: what the cheeks would be with less
 * light (shade takes a* and b* away with L*), with more blood, and not what the hair is. */
static gboolean
is_shaded_ear (const Cover *self, int at)
{
  const float *lab = self->lab[at];
  double       shade = lab[0] / MAX (1.f, self->skin[0]);
  double       colour = pow (CLAMP (shade, 0., 1.), 0.7);
  double       a = lab[1] - self->skin[1] * colour;
  double       b = (lab[2] - self->skin[2] * colour) / 10.;

  if (!self->dark_hair || shade < 1. - EAR_SHADE || shade > 1.)
    return FALSE;
  a /= a < 0. ? 9. : 16.;
  return a * a + b * b < 1. &&
         hypot (hypot ((lab[1] - self->hair[1]) / 6., (lab[2] - self->hair[2]) / 6.),
                (lab[0] - self->hair[0]) / 14.) > OFF_HAIR;
}

/* Whether a colour is that of the cheeks, allowing for shade (by the share @shade of the lightness)
 * and shine, both in proportion to the skin's own lightness, and for blood. */
static gboolean
is_skin (const Cover *self, int at, double shade)
{
  const float *lab = self->lab[at];
  double       light = lab[0] - self->skin[0];
  double       a = lab[1] - self->skin[1];
  double       b = lab[2] - self->skin[2];

  light /= light < 0. ? MAX (18., shade * self->skin[0]) : MAX (25., 0.5 * (100. - self->skin[0]));
  /* Shade takes colour away in proportion: more of it under warm lamps. */
  a /= a < 0. ? CLAMP (0.8 * self->skin[1], 12., 18.) : 16.;
  b /= b < 0. ? CLAMP (0.8 * self->skin[2], 14., 20.) : 14.;
  return light * light + a * a + b * b < 1.;
}

/* Share of the zone that is skin; FALSE when the picture does not show enough of it. */
static gboolean
take_zone (Cover *self, double shade, gboolean ear, double *out_share)
{
  int n = 0;
  int seen = 0;
  int skin = 0;

  for (int i = 0; i < HEIGHT * WIDTH; i++) {
    if (!(self->area[i] & AREA_ZONE))
      continue;
    self->area[i] &= (guint8)~AREA_ZONE;
    n++;
    seen += self->seen[i];
    skin += self->seen[i] && self->person[i] > 0.5f &&
            (is_skin (self, i, shade) || (ear && is_shaded_ear (self, i)));
  }
  *out_share = seen > 0 ? (double)skin / seen : 0.;
  return n > 0 && seen >= ENOUGH_SEEN * n;
}

/* Sets @id to the lesser of two sides. */
static void
set_lesser (Cover *self, RtkCheckId id, const gboolean fine[2], const double values[2])
{
  if (fine[0] && fine[1])
    rtk_analysis_set (self->context->analysis, id, MIN (values[0], values[1]));
  else
    rtk_analysis_set_unknown (self->context->analysis, id, RTK_WHY_NOT_IN_VIEW);
}

/* Brows are free when the strip right above them is skin: a fringe that hides them lies on it. */
static void
measure_brows (Cover *self)
{
  RtkPoint strip[2][10];
  double   share[2];
  gboolean fine[2];
  int      worse;

  for (int side = 0; side < 2; side++) {
    for (int i = 0; i < 5; i++) {
      RtkPoint point = get_point (self, brows[side][i]);

      strip[side][i] = (RtkPoint){point.x, point.y - 0.16 * EYE_GAP};
      strip[side][9 - i] = (RtkPoint){point.x, point.y - 0.03 * EYE_GAP};
    }
    rtk_face_patch_mark (&self->patch, strip[side], 10, self->area, AREA_ZONE);
    fine[side] = take_zone (self, FACE_SHADE, FALSE, &share[side]);
  }
  worse = share[1] < share[0];
  set_lesser (self, RTK_CHECK_BROWS_VISIBLE, fine, share);
  rtk_face_patch_set_place (&self->patch, self->context->analysis, RTK_CHECK_BROWS_VISIBLE,
                            strip[worse], 10);
}

/* How much skin lies beside the outline of the face at the height of the ear, in eye gaps squared:
 * ears differ in size, and a third of a small one counts as seen. */
static void
measure_ears (Cover *self)
{
  const RtkMeasure *even = &self->context->analysis->measures[RTK_CHECK_LIGHT_EVEN];
  RtkPoint          band[2][10];
  double            values[2];
  gboolean          fine[2];
  int               worse;

  for (int side = 0; side < 2; side++) {
    double out = side == 0 ? -EYE_GAP : EYE_GAP;
    double square = 0.;

    for (int i = 0; i < 5; i++) {
      RtkPoint point = get_point (self, ears[side][i]);

      band[side][i] = (RtkPoint){point.x + 0.02 * out, point.y};
      band[side][9 - i] = (RtkPoint){point.x + 0.25 * out, point.y};
    }
    rtk_face_patch_mark (&self->patch, band[side], 10, self->area, AREA_ZONE);
    for (int i = 0; i < HEIGHT * WIDTH; i++)
      square += (self->area[i] & AREA_ZONE) != 0;
    fine[side] = take_zone (self, EAR_SHADE, TRUE, &values[side]);
    values[side] *= square / (EYE_GAP * EYE_GAP);
  }
  worse = values[1] < values[0];
  if (even->known && even->value < EVEN_ENOUGH) {
    rtk_analysis_set_unknown (self->context->analysis, RTK_CHECK_EARS_VISIBLE, RTK_WHY_SIDE_LIGHT);
    return;
  }
  set_lesser (self, RTK_CHECK_EARS_VISIBLE, fine, values);
  rtk_face_patch_set_place (&self->patch, self->context->analysis, RTK_CHECK_EARS_VISIBLE,
                            band[worse], 10);
}

static RtkRect
get_eye_box (const Cover *self, int side)
{
  RtkPoint from = {INFINITY, INFINITY};
  RtkPoint to = {-INFINITY, -INFINITY};

  for (int i = 0; i < RTK_N_EYE_POINTS; i++) {
    RtkPoint point = get_point (self, rtk_mesh_eyes[side][i]);

    from = (RtkPoint){MIN (from.x, point.x), MIN (from.y, point.y)};
    to = (RtkPoint){MAX (to.x, point.x), MAX (to.y, point.y)};
  }
  return (RtkRect){from.x, from.y, to.x - from.x, to.y - from.y};
}

/* Marks the strip under the eye, where lens or hair would lie on bare skin. */
static RtkRect
mark_under_eye (Cover *self, int side)
{
  RtkRect eye = get_eye_box (self, side);
  RtkRect box = {eye.x, eye.y + eye.height + 0.05 * EYE_GAP, eye.width, 0.15 * EYE_GAP};

  rtk_face_patch_mark_box (&self->patch, box, self->area, AREA_ZONE);
  box.y = eye.y;
  box.height = eye.height + 0.2 * EYE_GAP;
  return box;
}

/* Hair, hands and dark lenses hide the skin right under the eyes with the eyes. And the light that
 * comes through lenses: how light the skin under the eyes is against the cheeks. */
static void
measure_eyes (Cover *self)
{
  RtkAnalysis *analysis = self->context->analysis;
  RtkRect      boxes[2];
  double       share[2];
  double       light[2];
  gboolean     fine[2];
  int          worse;
  int          n;

  for (int side = 0; side < 2; side++) {
    boxes[side] = mark_under_eye (self, side);
    light[side] = median_over (self, AREA_ZONE, 0, &n) / MAX (1., self->skin[0]);
    fine[side] = take_zone (self, FACE_SHADE, FALSE, &share[side]);
  }
  worse = share[1] < share[0];
  set_lesser (self, RTK_CHECK_EYES_VISIBLE, fine, share);
  rtk_face_patch_set_box (&self->patch, analysis, RTK_CHECK_EYES_VISIBLE, boxes[worse]);
  if (fine[0] && fine[1])
    /* Lenses are a pair: the lighter side leaves out shade on one of them. */
    rtk_analysis_set (analysis, RTK_CHECK_GLASSES_TINT, MAX (light[0], light[1]));
}

/* The steepest step down a profile of mean luma over columns @from to @to, percent of the skin's.
 */
static double
get_steepest (const Cover *self, int from, int to, int top, int bottom)
{
  double before = 0.;
  double steepest = 0.;

  for (int row = MAX (0, top); row < MIN (HEIGHT, bottom); row++) {
    double mean = 0.;

    for (int column = from; column < to; column++)
      mean += self->luma[row * WIDTH + column] / (to - from);
    if (row > MAX (0, top))
      steepest = MAX (steepest, fabs (mean - before));
    before = mean;
  }
  /* Levels weigh less on lighter skin, but not in full proportion: lamps shine as white on dark. */
  return 100. * steepest / (self->skin_luma + 40.);
}

/* The strength of the two edges that only a frame makes: across the bridge of the nose, and below
 * the eyes over most of their width. Their geometric mean: one alone is a wrinkle or a shadow. */
static void
measure_frame (Cover *self)
{
  RtkPoint inner[2] = {get_point (self, 133), get_point (self, 362)};
  double   y = (inner[0].y + inner[1].y) / 2.;
  double   apart = inner[1].x - inner[0].x;
  int      from = CLAMP ((int)(inner[0].x + 0.3 * apart), 0, WIDTH - 2);
  int      to = CLAMP ((int)(inner[0].x + 0.7 * apart), from + 1, WIDTH - 1);
  double   bridge =
      get_steepest (self, from, to, (int)(y - 0.22 * EYE_GAP), (int)(y + 0.2 * EYE_GAP));
  double  rim = 0.;
  RtkRect boxes[2];

  for (int side = 0; side < 2; side++) {
    float steps[WIDTH];
    int   n = 0;
    int   last;

    boxes[side] = get_eye_box (self, side);
    last = MIN (WIDTH, (int)(boxes[side].x + boxes[side].width));
    for (int column = MAX (0, (int)boxes[side].x); column < last; column++) {
      double below = boxes[side].y + boxes[side].height;

      steps[n++] = (float)get_steepest (self, column, column + 1, (int)(below + 0.1 * EYE_GAP),
                                        (int)(below + 0.45 * EYE_GAP));
    }
    rim += n > 0 ? rtk_measure_median (steps, n) / 2. : 0.;
  }
  rtk_analysis_set (self->context->analysis, RTK_CHECK_GLASSES_FRAME, sqrt (bridge * rim));
  boxes[0].y -= 0.3 * EYE_GAP;
  boxes[0].width = boxes[1].x + boxes[1].width - boxes[0].x;
  boxes[0].height += 0.75 * EYE_GAP;
  for (int id = RTK_CHECK_GLASSES_TINT; id <= RTK_CHECK_GLASSES_FRAME; id++)
    rtk_face_patch_set_box (&self->patch, self->context->analysis, (RtkCheckId)id, boxes[0]);
}

/* Whether a colour is none that hair grows in (and skin has): black to grey and white, and brown,
 * red and blond between 20 and 105 degrees of hue. */
static gboolean
is_no_hair (const float *lab)
{
  double chroma = hypot (lab[1], lab[2]);
  double hue = atan2 (lab[2], lab[1]) * 180. / G_PI;

  return (chroma > 14. && (hue < 20. || hue > 110.)) || (chroma < 6. && lab[0] > 85.f);
}

/* A hat or a band that has a colour of its own. Grey, brown and black ones look like hair: no
 * colour of its own says nothing, and a person is asked. */
static void
measure_head_cover (Cover *self)
{
  RtkAnalysis   *analysis = self->context->analysis;
  const RtkHead *head = &analysis->head;
  RtkPoint       top = rtk_face_patch_from_picture (
            &self->patch, (RtkPoint){head->eye_mid.x, analysis->has_head ? head->hair_top : 0.});
  RtkPoint corners[G_N_ELEMENTS (forehead) + 2];
  int      n = 0;
  int      strange = 0;

  if (!analysis->has_head)
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (forehead); i++) {
    corners[i] = get_point (self, forehead[i]);
    corners[i].y -= 0.05 * EYE_GAP;
  }
  corners[G_N_ELEMENTS (forehead)] =
      (RtkPoint){corners[G_N_ELEMENTS (forehead) - 1].x, MIN (top.y, corners[4].y)};
  corners[G_N_ELEMENTS (forehead) + 1] = (RtkPoint){corners[0].x, MIN (top.y, corners[4].y)};
  rtk_face_patch_mark (&self->patch, corners, G_N_ELEMENTS (corners), self->area, AREA_ZONE);
  for (int i = 0; i < HEIGHT * WIDTH; i++) {
    if (!(self->area[i] & AREA_ZONE))
      continue;
    self->area[i] &= (guint8)~AREA_ZONE;
    if (!self->seen[i] || self->person[i] < 0.9f)
      continue;
    n++;
    strange += is_no_hair (self->lab[i]);
  }
  rtk_face_patch_set_place (&self->patch, analysis, RTK_CHECK_HEAD_COVER, corners,
                            G_N_ELEMENTS (corners));
  if (n >= 100)
    rtk_analysis_set (analysis, RTK_CHECK_HEAD_COVER, (double)strange / n);
}

/* Measures what covers the subject's face. Some 10 ms: for stills. */
void
rtk_measure_cover (RtkMeasureContext *self)
{
  static const RtkCheckId ids[] = {
      RTK_CHECK_EYES_VISIBLE, RTK_CHECK_EARS_VISIBLE, RTK_CHECK_BROWS_VISIBLE,
      RTK_CHECK_HEAD_COVER,   RTK_CHECK_GLASSES_TINT, RTK_CHECK_GLASSES_FRAME,
  };
  g_autofree Cover *cover = NULL;
  const char       *why = RTK_WHY_NOT_MEASURED;

  if (fabs (self->face->yaw) > MAX_YAW)
    why = RTK_WHY_TURNED;
  else if (self->inter_eye < MIN_INTER_EYE)
    why = RTK_WHY_FACE_TOO_SMALL;
  for (gsize i = 0; i < G_N_ELEMENTS (ids); i++)
    rtk_analysis_set_unknown (self->analysis, ids[i], why);
  if (fabs (self->face->yaw) > MAX_YAW || self->inter_eye < MIN_INTER_EYE)
    return;
  cover = g_new0 (Cover, 1);
  cover->context = self;
  rtk_face_patch_init (&cover->patch, self, WIDTH, HEIGHT, (RtkPoint){EYE_X, EYE_Y}, EYE_GAP);
  rtk_parallel_rows (HEIGHT, 200 * WIDTH, fill_rows, cover);
  if (!find_skin (cover))
    return;
  find_dark_hair (cover);
  measure_brows (cover);
  measure_ears (cover);
  measure_eyes (cover);
  measure_frame (cover);
  measure_head_cover (cover);
}
