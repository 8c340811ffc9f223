/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-analyse.h"

#include "core/rtk-error.h"
#include "core/rtk-rule-pack.h"
#include "vision/rtk-measure.h"
#include "vision/rtk-parallel-private.h"
#include "vision/rtk-subject-private.h"

#include <math.h>

static gboolean
check_colour (const RtkImage *image, GError **error)
{
  if (rtk_image_get_format (image) != RTK_PIXEL_GREY8)
    return TRUE;
  g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_PICTURE, "The picture has no colour");
  return FALSE;
}

/* A quarter of a pixel is less than a head is known by, and far more than the networks' answers
 * differ from one kind of processor to another: the crop that hangs on it is the same on all. */
static double
settle (double value)
{
  return floor (4. * value + .5) / 4.;
}

static void
settle_head (RtkHead *head)
{
  head->eye_mid = (RtkPoint){settle (head->eye_mid.x), settle (head->eye_mid.y)};
  head->chin = (RtkPoint){settle (head->chin.x), settle (head->chin.y)};
  head->hair_top = settle (head->hair_top);
  head->cheek_left = settle (head->cheek_left);
  head->cheek_right = settle (head->cheek_right);
  for (int i = 0; i < 2; i++)
    head->shoulders[i] = (RtkPoint){settle (head->shoulders[i].x), settle (head->shoulders[i].y)};
}

/* What is asked of the networks: faces and shoulders one after the other, and a mask. */
typedef struct {
  RtkSubjectRun *run;
  RtkAnalysis   *analysis; /* (owned) (nullable) */
  GError        *face_error;
  float         *mask; /* (owned) (nullable) */
  GError        *mask_error;
  double         mask_ms;
} Answers;

static void
answers_clear (Answers *self)
{
  g_clear_pointer (&self->analysis, rtk_analysis_unref);
  g_clear_error (&self->face_error);
  g_clear_pointer (&self->mask, g_free);
  g_clear_error (&self->mask_error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Answers, answers_clear)

static void
find_subject_cb (gpointer data, gpointer shared)
{
  Answers *self = shared;

  self->analysis = rtk_subject_find_faces (self->run, &self->face_error);
  if (self->analysis != NULL &&
      !rtk_subject_find_shoulders (self->run, self->analysis, &self->face_error))
    g_clear_pointer (&self->analysis, rtk_analysis_unref);
}

static void
find_mask_cb (gpointer data, gpointer shared)
{
  Answers        *self = shared;
  const RtkImage *image = self->run->image;
  RtkRect         whole = {0., 0., rtk_image_get_width (image), rtk_image_get_height (image)};
  gint64          begun = g_get_monotonic_time ();

  self->mask = g_new (float, RTK_MASK_SIZE *RTK_MASK_SIZE);
  if (!rtk_networks_segment (self->run->networks, image, &whole, self->mask, &self->mask_error))
    g_clear_pointer (&self->mask, g_free);
  self->mask_ms = (double)(g_get_monotonic_time () - begun) / 1000.;
}

/* A live frame keeps to its own thread, of which there is one a camera; a still is waited for. */
static gboolean
ask_networks (Answers *self, GError **error)
{
  static const RtkTask tasks[] = {{find_subject_cb, NULL}, {find_mask_cb, NULL}};

  if (self->run->tracker == NULL) {
    rtk_parallel_tasks (tasks, G_N_ELEMENTS (tasks), self);
  } else {
    find_subject_cb (NULL, self);
    if (self->analysis != NULL)
      find_mask_cb (NULL, self);
  }
  if (self->analysis != NULL && self->mask != NULL)
    return TRUE;
  g_propagate_error (error, self->analysis == NULL ? g_steal_pointer (&self->face_error)
                                                   : g_steal_pointer (&self->mask_error));
  return FALSE;
}

static RtkMeasureInput
make_input (const RtkImage *image, const float *mask, const guint8 *wanted_background)
{
  return (RtkMeasureInput){image, mask, RTK_MASK_SIZE, wanted_background, FALSE};
}

/* All but the surface of a still's face. */
static RtkAnalysis *
analyse (RtkSubjectRun *self, const guint8 *wanted_background, float **out_mask, GError **error)
{
  g_auto (Answers) answers = {.run = self};
  RtkMeasureInput input;
  gint64          begun = g_get_monotonic_time ();

  if (!check_colour (self->image, error) || !ask_networks (&answers, error))
    return NULL;
  input = make_input (self->image, answers.mask, wanted_background);
  input.still = self->tracker == NULL;
  rtk_measure_picture (&input, answers.analysis);
  if (self->tracker != NULL)
    rtk_tracker_smooth (self->tracker, answers.analysis);
  else
    settle_head (&answers.analysis->head);
  answers.analysis->networks_ms = self->networks_ms + answers.mask_ms;
  answers.analysis->total_ms = (double)(g_get_monotonic_time () - begun) / 1000.;
  if (out_mask != NULL)
    *out_mask = g_steal_pointer (&answers.mask);
  return g_steal_pointer (&answers.analysis);
}

/* The whole of a still. */
static RtkAnalysis *
analyse_still (RtkNetworks    *networks,
               const RtkImage *image,
               const guint8   *wanted_background,
               GError        **error)
{
  RtkSubjectRun     run = {.networks = networks, .image = image};
  g_autofree float *mask = NULL;
  RtkAnalysis      *analysis = analyse (&run, wanted_background, &mask, error);
  RtkMeasureInput   input = make_input (image, mask, wanted_background);
  gint64            begun = g_get_monotonic_time ();

  if (analysis == NULL)
    return NULL;
  rtk_measure_surface (&input, analysis);
  analysis->total_ms += (double)(g_get_monotonic_time () - begun) / 1000.;
  return analysis;
}

/**
 * rtk_vision_analyse_frame:
 * @networks: the networks
 * @tracker: what was remembered from the frame before
 * @frame: a live frame
 * @error: return location for an #RtkError
 *
 * Measures a live frame, following the face of the frame before.
 *
 * The detector runs when there is no face to follow, and in one view of the picture in every few
 * frames for other people: the largest face is the subject. Shoulders are looked for in every third
 * frame and carried along with the face in between. Values are smoothed by the time between frames:
 * nine tenths of a step are followed within 100 ms. A frame of another size starts anew.
 * Blocking, about 7 ms; the thread of @networks. Nobody in the picture is not an error.
 *
 * Returns: (transfer full): what was measured
 */
RtkAnalysis *
rtk_vision_analyse_frame (RtkNetworks    *networks,
                          RtkTracker     *tracker,
                          const RtkFrame *frame,
                          GError        **error)
{
  RtkSubjectRun run = {.networks = networks, .image = frame->image, .tracker = tracker};
  RtkAnalysis  *analysis;
  RtkMeasure   *resolution;

  /* Everything a tracker remembers is in the pixels of the frame before: nothing of it holds when
   * the camera, or its mode, is another. */
  if (tracker->width != rtk_image_get_width (frame->image) ||
      tracker->height != rtk_image_get_height (frame->image))
    rtk_tracker_reset (tracker);
  rtk_tracker_begin (tracker, frame->time);
  analysis = analyse (&run, NULL, NULL, error);
  tracker->width = rtk_image_get_width (frame->image);
  tracker->height = rtk_image_get_height (frame->image);
  if (analysis == NULL)
    return NULL;
  analysis->serial = frame->serial;
  /* What counts is the still that the shutter would take now. */
  resolution = &analysis->measures[RTK_CHECK_IMAGE_RESOLUTION];
  if (resolution->known && frame->full_width > analysis->width)
    resolution->value *= (double)frame->full_width / analysis->width;
  return analysis;
}

/**
 * rtk_vision_analyse_picture:
 * @networks: the networks
 * @image: an original picture, upright, RGB24 or BGRA32
 * @error: return location for an #RtkError
 *
 * Measures one picture by itself. Blocking, about 12 ms; the thread of @networks. Nobody in the
 * picture is not an error.
 *
 * Returns: (transfer full): what was measured
 */
RtkAnalysis *
rtk_vision_analyse_picture (RtkNetworks *networks, const RtkImage *image, GError **error)
{
  return analyse_still (networks, image, NULL, error);
}

/**
 * rtk_vision_find_subject:
 * @networks: the networks
 * @image: an original picture, upright, RGB24 or BGRA32
 * @out_mask: (out) (transfer full): for rtk_vision_measure_surface()
 * @error: return location for an #RtkError
 *
 * The first half of rtk_vision_analyse_picture(): all that a crop depends on. Blocking, about
 * 10 ms; the thread of @networks.
 *
 * Returns: (transfer full): what was measured, or %NULL; then @out_mask is not set
 */
RtkAnalysis *
rtk_vision_find_subject (RtkNetworks    *networks,
                         const RtkImage *image,
                         float         **out_mask,
                         GError        **error)
{
  RtkSubjectRun run = {.networks = networks, .image = image};

  return analyse (&run, NULL, out_mask, error);
}

/**
 * rtk_vision_measure_surface:
 * @image: the picture
 * @mask: what rtk_vision_find_subject() gave with it
 * @analysis: the same; gets the measures that were left out
 *
 * The second half of rtk_vision_analyse_picture(). Blocking, about 20 ms, any thread; @analysis may
 * be read meanwhile but for its measures.
 */
void
rtk_vision_measure_surface (const RtkImage *image, const float *mask, RtkAnalysis *analysis)
{
  RtkMeasureInput input = make_input (image, mask, NULL);

  rtk_measure_surface (&input, analysis);
}

/* The pack's background that is nearest to the upper corners of @image. */
static const guint8 *
find_wanted_background (const RtkImage *image, const RtkRulePack *pack)
{
  guint                n;
  const RtkBackground *backgrounds = rtk_rule_pack_get_backgrounds (pack, &n);
  const RtkBackground *best = &backgrounds[0];
  double               least = INFINITY;
  double               mean[3];

  rtk_measure_corner_colour (image, mean);
  for (guint i = 0; i < n; i++) {
    double distance = 0.;

    for (int c = 0; c < 3; c++)
      distance += (mean[c] - backgrounds[i].rgb[c]) * (mean[c] - backgrounds[i].rgb[c]);
    if (distance < least) {
      least = distance;
      best = &backgrounds[i];
    }
  }
  return best->rgb;
}

/**
 * rtk_vision_analyse_finished:
 * @networks: the networks
 * @image: a finished picture
 * @pack: the rules: which backgrounds it may have
 * @error: return location for an #RtkError
 *
 * Measures a finished picture: as rtk_vision_analyse_picture(), but the background is compared with
 * the nearest one that @pack allows.
 *
 * Returns: (transfer full): what was measured
 */
RtkAnalysis *
rtk_vision_analyse_finished (RtkNetworks       *networks,
                             const RtkImage    *image,
                             const RtkRulePack *pack,
                             GError           **error)
{
  if (!check_colour (image, error))
    return NULL;
  return analyse_still (networks, image, find_wanted_background (image, pack), error);
}
