/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "core/rtk-why.h"
#include "vision/rtk-measure-private.h"
#include "vision/rtk-parallel-private.h"

#include <math.h>
#include <stdlib.h>

/* Formulas, sources and thresholds of all measures: docs/measures.md. */

/* Points of the face mesh. Of each pair the first lies on the left of the picture. */
enum {
  POINT_CHIN = 152,
  POINT_FOREHEAD = 10,
  N_LID_PAIRS = 3,
  N_LIP_PAIRS = 7,
};

static const int iris_points[2] = {468, 473};
static const int eye_corners[2][2] = {{33, 133}, {362, 263}};
static const int lids[2][N_LID_PAIRS][2] = {
    {{160, 144}, {159, 145}, {158, 153}},
    {{385, 380}, {386, 374}, {387, 373}},
};
static const int inner_lips[N_LIP_PAIRS][2] = {{13, 14},   {82, 87}, {312, 317}, {81, 178},
                                               {311, 402}, {80, 88}, {310, 318}};
/* Outline of the face beside the cheek bones. */
static const int cheek_outline[2][5] = {{127, 234, 93, 132, 58}, {356, 454, 323, 361, 288}};

/* A lid gap below this share of the distance from eyes to chin hides the iris. */
#define GAZE_NEEDS_OPEN 0.02
/* Beyond it one eye corner is hidden, and distances across the face mean nothing. */
#define MAX_USEFUL_YAW 40.

RtkPoint
rtk_measure_point (const RtkFace *face, int index)
{
  return (RtkPoint){face->points[index].x, face->points[index].y};
}

static double
distance (RtkPoint a, RtkPoint b)
{
  return hypot (a.x - b.x, a.y - b.y);
}

static int
compare_floats (gconstpointer a, gconstpointer b)
{
  float one = *(const float *)a;
  float other = *(const float *)b;

  return (one > other) - (one < other);
}

/* The median of @n > 0 values, which it sorts. Unlike the mean, moles and a strand of hair do not
 * shift it. */
float
rtk_measure_median (float *values, int n)
{
  qsort (values, (gsize)n, sizeof *values, compare_floats);
  return values[n / 2];
}

static double
between (const RtkFace *face, int a, int b)
{
  return distance (rtk_measure_point (face, a), rtk_measure_point (face, b));
}

static RtkPoint
middle (RtkPoint a, RtkPoint b)
{
  return (RtkPoint){(a.x + b.x) / 2., (a.y + b.y) / 2.};
}

/* The mask between its values; @x and @y in 0..1 of the picture. */
double
rtk_measure_sample_mask (const float *mask, int size, double x, double y)
{
  double       column = CLAMP (x * size - 0.5, 0., size - 1.001);
  double       row = CLAMP (y * size - 0.5, 0., size - 1.001);
  int          i = (int)column;
  int          j = (int)row;
  double       right = column - i;
  double       below = row - j;
  const float *at = mask + (gsize)j * (gsize)size + i;

  return (1. - below) * ((1. - right) * at[0] + right * at[1]) +
         below * ((1. - right) * at[size] + right * at[size + 1]);
}

static RtkRect
box_around (RtkPoint a, RtkPoint b, double margin)
{
  double left = MIN (a.x, b.x) - margin;
  double top = MIN (a.y, b.y) - margin;

  return (RtkRect){left, top, fabs (a.x - b.x) + 2. * margin, fabs (a.y - b.y) + 2. * margin};
}

static void
set_face_unknown (RtkAnalysis *analysis, const char *why)
{
  for (int id = RTK_CHECK_POSE_YAW; id <= RTK_CHECK_IMAGE_RESOLUTION; id++) {
    if (id != RTK_CHECK_POSE_SHOULDERS_LEVEL)
      rtk_analysis_set_unknown (analysis, (RtkCheckId)id, why);
  }
}

/* Finds the top of the hair, in pixels of the picture, by climbing from the forehead as long as the
 * mask, of @area squeezed to a square, has a head's worth of person in a row. The last row is
 * placed between two rows of the mask by how full they are. FALSE: there is no person above the
 * forehead.
 */
static gboolean
find_hair_top (
    const RtkFace *face, const float *mask, int mask_size, const RtkRect *area, double *out_y)
{
  double left = INFINITY;
  double right = -INFINITY;
  double enough;
  double below = -1.;
  int    from;
  int    to;
  int    row;

  for (int i = 0; i < 5; i++) {
    left = MIN (left, rtk_measure_point (face, cheek_outline[0][i]).x);
    right = MAX (right, rtk_measure_point (face, cheek_outline[1][i]).x);
  }
  from = CLAMP ((int)((left - area->x) / area->width * mask_size), 0, mask_size - 1);
  to = CLAMP ((int)ceil ((right - area->x) / area->width * mask_size), from + 1, mask_size);
  /* A tenth of the face: single hairs and a mask's frayed edge are not the outline of the head. */
  enough = MAX (1., 0.1 * (to - from));
  row = CLAMP (
      (int)((rtk_measure_point (face, POINT_FOREHEAD).y - area->y) / area->height * mask_size), 0,
      mask_size - 1);
  for (; row >= 0; row--) {
    double sum = 0.;

    for (int i = from; i < to; i++) {
      float person = mask[(gsize)row * (gsize)mask_size + (gsize)i];

      sum += person > 0.1f ? person : 0.;
    }
    if (sum < enough) {
      if (below < 0.)
        return FALSE;
      /* Row centres lie at .5; the edge is where the sum passes through @enough. */
      *out_y = area->y +
               (row + 0.5 + (enough - sum) / MAX (below - sum, 1e-6)) * area->height / mask_size;
      return TRUE;
    }
    below = sum;
  }
  *out_y = area->y;
  return TRUE;
}

/* Where the person ends to the side of @x on the row @y, by the mask. */
static double
find_side (const RtkMeasureContext *self, double x, double y, double step)
{
  double width = self->pixels.width;
  double row = y / self->pixels.height;

  while (x > 0. && x < width &&
         rtk_measure_sample_mask (self->mask, self->mask_size, x / width, row) > 0.5)
    x += step;
  return CLAMP (x, 0., width);
}

/* The outline of the head at the ears: the middle one of three rows from the eyes to the nose, so
 * that a lock of hair does not count. */
static void
measure_sides (const RtkMeasureContext *self, RtkHead *head)
{
  double step = self->pixels.width / (4. * self->mask_size);
  double sides[2][3];

  for (int side = 0; side < 2; side++) {
    double *found = sides[side];

    for (int i = 0; i < 3; i++)
      found[i] = find_side (self, head->eye_mid.x,
                            head->eye_mid.y + i * 0.15 * (head->chin.y - head->eye_mid.y),
                            side == 0 ? -step : step);
    found[0] = MAX (MIN (found[0], found[1]), MIN (MAX (found[0], found[1]), found[2]));
  }
  head->left = sides[0][0];
  head->right = sides[1][0];
}

static void
measure_head (RtkMeasureContext *self)
{
  RtkAnalysis *analysis = self->analysis;
  RtkHead     *head = &analysis->head;
  RtkRect      whole = {0., 0., self->pixels.width, self->pixels.height};

  head->eye_mid = middle (self->eyes[0], self->eyes[1]);
  head->eye_gap = self->inter_eye;
  head->chin = rtk_measure_point (self->face, POINT_CHIN);
  head->cheek_left = INFINITY;
  head->cheek_right = -INFINITY;
  for (int i = 0; i < 5; i++) {
    head->cheek_left =
        MIN (head->cheek_left, rtk_measure_point (self->face, cheek_outline[0][i]).x);
    head->cheek_right =
        MAX (head->cheek_right, rtk_measure_point (self->face, cheek_outline[1][i]).x);
  }
  analysis->has_head = self->mask != NULL && find_hair_top (self->face, self->mask, self->mask_size,
                                                            &whole, &head->hair_top);
  if (analysis->has_head)
    measure_sides (self, head);
}

static double
get_lid_gap (const RtkFace *face, int eye)
{
  double gap = 0.;

  for (int i = 0; i < N_LID_PAIRS; i++)
    gap = MAX (gap, between (face, lids[eye][i][0], lids[eye][i][1]));
  return gap;
}

static double
get_lip_gap (const RtkFace *face)
{
  double gap = 0.;

  for (int i = 0; i < N_LIP_PAIRS; i++)
    gap = MAX (gap, between (face, inner_lips[i][0], inner_lips[i][1]));
  return gap;
}

/**
 * rtk_measure_openings:
 * @face: a face that has points
 *
 * Fills in how far eyes and mouth are open, from the points.
 */
void
rtk_measure_openings (RtkFace *face)
{
  RtkPoint eyes =
      middle (rtk_measure_point (face, iris_points[0]), rtk_measure_point (face, iris_points[1]));
  double to_chin = distance (eyes, rtk_measure_point (face, POINT_CHIN));

  for (int i = 0; i < 2; i++)
    face->eye_open[i] =
        get_lid_gap (face, i) / MAX (between (face, eye_corners[i][0], eye_corners[i][1]), 1e-3);
  face->mouth_open = get_lip_gap (face) / MAX (to_chin, 1e-3);
}

/* How far the iris lies from the middle between the corners, in widths of the eye, along the eye;
 * the mean of both eyes, so that the turn of the head, which moves both apart, counts little. */
static double
get_gaze (const RtkFace *face)
{
  double sum = 0.;

  for (int i = 0; i < 2; i++) {
    RtkPoint a = rtk_measure_point (face, eye_corners[i][0]);
    RtkPoint b = rtk_measure_point (face, eye_corners[i][1]);
    RtkPoint iris = rtk_measure_point (face, iris_points[i]);
    double   width = MAX (distance (a, b), 1e-3);
    RtkPoint mid = middle (a, b);

    sum += ((iris.x - mid.x) * (b.x - a.x) + (iris.y - mid.y) * (b.y - a.y)) / (width * width);
  }
  return fabs (sum / 2.);
}

/* How wide the mouth is against the outer corners of the eyes, and how far its corners lie above
 * its middle: both grow with a smile. */
static double
get_smile (const RtkFace *face)
{
  RtkPoint left = rtk_measure_point (face, 61);
  RtkPoint right = rtk_measure_point (face, 291);
  RtkPoint lips = middle (rtk_measure_point (face, 13), rtk_measure_point (face, 14));
  double   width = MAX (distance (left, right), 1e-3);
  double   eyes = MAX (between (face, eye_corners[0][0], eye_corners[1][1]), 1e-3);
  /* Across the line of the corners, so that the tilt of the head does not count. */
  double lift =
      ((right.x - left.x) * (lips.y - left.y) - (right.y - left.y) * (lips.x - left.x)) / width;

  return width / eyes + lift / width;
}

static void
measure_features (RtkMeasureContext *self)
{
  RtkAnalysis   *analysis = self->analysis;
  const RtkFace *face = self->face;
  double         gaps[2] = {get_lid_gap (face, 0), get_lid_gap (face, 1)};
  double         open = MIN (gaps[0], gaps[1]) / self->eye_to_chin;
  RtkRect        eye_box = box_around (self->eyes[0], self->eyes[1], 0.3 * self->inter_eye);
  RtkRect mouth_box = box_around (rtk_measure_point (face, 61), rtk_measure_point (face, 291),
                                  0.15 * self->inter_eye);

  rtk_analysis_set (analysis, RTK_CHECK_EYES_OPEN, open);
  rtk_analysis_set_place (analysis, RTK_CHECK_EYES_OPEN, eye_box);
  rtk_analysis_set (analysis, RTK_CHECK_MOUTH_CLOSED, get_lip_gap (face) / self->eye_to_chin);
  rtk_analysis_set_place (analysis, RTK_CHECK_MOUTH_CLOSED, mouth_box);
  rtk_analysis_set (analysis, RTK_CHECK_EXPRESSION_NEUTRAL, get_smile (face));
  rtk_analysis_set_place (analysis, RTK_CHECK_EXPRESSION_NEUTRAL, mouth_box);
  if (open >= GAZE_NEEDS_OPEN)
    rtk_analysis_set (analysis, RTK_CHECK_EYES_GAZE, get_gaze (face));
  else
    rtk_analysis_set_unknown (analysis, RTK_CHECK_EYES_GAZE, RTK_WHY_EYES_SHUT);
  rtk_analysis_set_place (analysis, RTK_CHECK_EYES_GAZE, eye_box);
}

static void
measure_pose (RtkMeasureContext *self)
{
  RtkAnalysis *analysis = self->analysis;
  double       turned = fabs (self->face->yaw) * G_PI / 180.;

  rtk_analysis_set (analysis, RTK_CHECK_POSE_YAW, self->face->yaw);
  rtk_analysis_set (analysis, RTK_CHECK_POSE_PITCH, self->face->pitch);
  rtk_analysis_set (analysis, RTK_CHECK_POSE_ROLL, self->face->roll);
  for (int id = RTK_CHECK_POSE_YAW; id <= RTK_CHECK_POSE_ROLL; id++)
    rtk_analysis_set_place (analysis, (RtkCheckId)id, self->face->box);
  rtk_analysis_set (analysis, RTK_CHECK_IMAGE_RESOLUTION,
                    self->inter_eye / MAX (cos (turned), 0.5));
}

static void
measure_shoulders (RtkMeasureContext *self)
{
  RtkAnalysis *analysis = self->analysis;
  RtkPoint     left = analysis->head.shoulders[0];
  RtkPoint     right = analysis->head.shoulders[1];

  if (!analysis->has_shoulders || right.x - left.x < 1.) {
    rtk_analysis_set_unknown (analysis, RTK_CHECK_POSE_SHOULDERS_LEVEL, RTK_WHY_NO_SHOULDERS);
    return;
  }
  rtk_analysis_set (analysis, RTK_CHECK_POSE_SHOULDERS_LEVEL,
                    atan2 (right.y - left.y, right.x - left.x) * 180. / G_PI);
  rtk_analysis_set_place (analysis, RTK_CHECK_POSE_SHOULDERS_LEVEL, box_around (left, right, 0.));
}

static void
pixels_init (RtkPixels *self, const RtkImage *image)
{
  gboolean bgra = rtk_image_get_format (image) == RTK_PIXEL_BGRA32;

  self->data = rtk_image_get_pixels (image);
  self->stride = rtk_image_get_stride (image);
  self->width = rtk_image_get_width (image);
  self->height = rtk_image_get_height (image);
  self->step = bgra ? 4 : 3;
  self->red = bgra ? 2 : 0;
  self->green = 1;
  self->blue = bgra ? 0 : 2;
}

/**
 * rtk_measure_corner_colour:
 * @image: RGB24 or BGRA32
 * @out_rgb: (out): mean red, green and blue, 0..255
 *
 * Measures the colour of the upper corners, where a finished picture has nothing but background.
 */
void
rtk_measure_corner_colour (const RtkImage *image, double out_rgb[3])
{
  RtkPixels pixels;
  int       side;
  double    n;

  pixels_init (&pixels, image);
  side = MAX (1, MIN (pixels.width, pixels.height) / 16);
  n = 2. * side * side;
  out_rgb[0] = out_rgb[1] = out_rgb[2] = 0.;
  for (int i = 0; i < 2 * side * side; i++) {
    int           column = i % (2 * side);
    const guint8 *pixel = rtk_pixels_at (
        &pixels, column < side ? column : pixels.width - 2 * side + column, i / (2 * side));

    out_rgb[0] += pixel[pixels.red] / n;
    out_rgb[1] += pixel[pixels.green] / n;
    out_rgb[2] += pixel[pixels.blue] / n;
  }
}

/* Whether the subject's points can be measured at all. */
static gboolean
find_eyes (RtkMeasureContext *self)
{
  const RtkFace *face = self->face;
  gboolean       shut = MIN (get_lid_gap (face, 0), get_lid_gap (face, 1)) <
                  0.1 * between (face, eye_corners[0][0], eye_corners[0][1]);

  for (int i = 0; i < 2; i++) {
    RtkPoint corners = middle (rtk_measure_point (face, eye_corners[i][0]),
                               rtk_measure_point (face, eye_corners[i][1]));

    /* Behind a closed lid the network only guesses the iris. */
    self->eyes[i] = shut ? corners : rtk_measure_point (face, iris_points[i]);
  }
  self->inter_eye = distance (self->eyes[0], self->eyes[1]);
  self->eye_to_chin =
      distance (middle (self->eyes[0], self->eyes[1]), rtk_measure_point (face, POINT_CHIN));
  return self->inter_eye >= 4. && self->eye_to_chin >= 4. && isfinite (self->inter_eye);
}

static void
measure_light_cb (gpointer data, gpointer shared)
{
  rtk_measure_light (shared);
  /* Asks how even the light is. */
  rtk_measure_cover (shared);
}

static void
measure_recapture_cb (gpointer data, gpointer shared)
{
  rtk_measure_recapture (shared);
}

static void
measure_retouch_cb (gpointer data, gpointer shared)
{
  rtk_measure_retouch (shared);
}

static void
measure_focus_cb (gpointer data, gpointer shared)
{
  rtk_measure_focus (shared);
}

/* FALSE without a face that can be measured. */
static gboolean
context_init (RtkMeasureContext *self, const RtkMeasureInput *input, RtkAnalysis *analysis)
{
  *self = (RtkMeasureContext){
      .mask = input->mask,
      .mask_size = input->mask_size,
      .wanted_background = input->wanted_background,
      .analysis = analysis,
  };
  pixels_init (&self->pixels, input->image);
  if (analysis->n_faces == 0 || !analysis->faces[0].has_points)
    return FALSE;
  self->face = &analysis->faces[0];
  if (!find_eyes (self))
    self->face = NULL;
  return self->face != NULL;
}

/* Of a face that is turned too far one half can hardly be seen. */
static void
forget_light_of_turned (const RtkMeasureContext *self)
{
  if (fabs (self->face->yaw) > MAX_USEFUL_YAW)
    rtk_analysis_set_unknown (self->analysis, RTK_CHECK_LIGHT_EVEN, RTK_WHY_TURNED);
}

/**
 * rtk_measure_picture:
 * @input: the picture and its mask
 * @analysis: holds the faces (the subject's with points and angles) and the shoulders; gets the
 *   head and measures
 *
 * Measures what pixels and points can tell, each formula as in docs/measures.md.
 *
 * A measure that cannot be taken says why. Faces are measured in a crop of fixed size and the wall
 * in a grid, so the cost hardly depends on the picture: some 1-2 ms. Of a still the surface of the
 * face is left to rtk_measure_surface(). Any thread.
 */
void
rtk_measure_picture (const RtkMeasureInput *input, RtkAnalysis *analysis)
{
  RtkMeasureContext self;

  g_return_if_fail (rtk_image_get_format (input->image) != RTK_PIXEL_GREY8);
  g_return_if_fail (input->mask == NULL || input->mask_size >= 16);

  rtk_analysis_set (analysis, RTK_CHECK_FACE_COUNT, analysis->n_faces);
  analysis->has_head = FALSE;
  if (!context_init (&self, input, analysis)) {
    set_face_unknown (analysis, analysis->n_faces > 0 ? RTK_WHY_FACE_TOO_SMALL : RTK_WHY_NO_FACE);
  } else {
    measure_head (&self);
    rtk_analysis_set_place (analysis, RTK_CHECK_FACE_COUNT,
                            analysis->faces[analysis->n_faces > 1 ? 1 : 0].box);
    for (int id = RTK_CHECK_IMAGE_COMPRESSION; id <= RTK_CHECK_IMAGE_RESOLUTION; id++)
      rtk_analysis_set_place (analysis, (RtkCheckId)id, self.face->box);
    measure_pose (&self);
    measure_features (&self);
    if (!input->still) {
      rtk_measure_light (&self);
      rtk_measure_focus (&self);
      forget_light_of_turned (&self);
    }
    if (fabs (self.face->yaw) > MAX_USEFUL_YAW)
      rtk_analysis_set_unknown (analysis, RTK_CHECK_EYES_GAZE, RTK_WHY_TURNED);
  }
  measure_shoulders (&self);
  rtk_measure_people (&self);
  rtk_measure_wall (&self);
}

/**
 * rtk_measure_surface:
 * @input: the picture and its mask, as given to rtk_measure_picture() before
 * @analysis: gets the measures that were left out
 *
 * Measures the surface of the face in a still: its light and focus, what covers it, and whether it
 * was photographed from a screen or retouched. Some 20 ms on all cores. Any thread; sets nothing
 * else in @analysis.
 */
void
rtk_measure_surface (const RtkMeasureInput *input, RtkAnalysis *analysis)
{
  static const RtkTask tasks[] = {
      {measure_light_cb, NULL},
      {measure_recapture_cb, NULL},
      {measure_retouch_cb, NULL},
      {measure_focus_cb, NULL},
  };
  RtkMeasureContext self;

  if (!context_init (&self, input, analysis))
    return;
  /* Each sets checks of its own, so that they can be done at the same time. */
  rtk_parallel_tasks (tasks, G_N_ELEMENTS (tasks), &self);
  forget_light_of_turned (&self);
}
