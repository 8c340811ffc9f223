/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-analyse.h"

#include "core/rtk-error.h"
#include "core/rtk-rule-pack.h"
#include "vision/rtk-face-search-private.h"
#include "vision/rtk-measure.h"
#include "vision/rtk-parallel-private.h"
#include "vision/rtk-tracker-private.h"

#include <math.h>
#include <string.h>

/* Below it the mesh network says that there is no face in its square. */
#define FACE_PRESENT 0.5

/* While a face is followed, the detector still looks for other people: through all views of the
 * picture in so many frames, one at a time, so that no frame costs much more than the others. */
#define ROUND_FRAMES 12
/* Shoulders move slowly, and their network is the slowest. */
#define SHOULDERS_EVERY 3

/* Somebody else becomes the subject with a face larger than this, in faces of the subject. */
#define LARGER 1.15

/* More faces than this are a crowd anyway. */
#define MAX_FACES (1 + RTK_TRACKER_MAX_OTHERS)

/* What one analysis is made with. */
typedef struct {
  RtkNetworks    *networks;
  const RtkImage *image;
  RtkTracker     *tracker; /* (nullable): NULL for a single picture */
  double          networks_ms;
  gint64          begun;
} Run;

static void
start (Run *self)
{
  self->begun = g_get_monotonic_time ();
}

static gboolean
stop (Run *self, gboolean fine)
{
  self->networks_ms += (double)(g_get_monotonic_time () - self->begun) / 1000.;
  return fine;
}

static int
compare_faces (gconstpointer a, gconstpointer b)
{
  const RtkFaceDetection *one = a;
  const RtkFaceDetection *other = b;
  double difference = other->box.width * other->box.height - one->box.width * one->box.height;

  return difference > 0. ? 1 : difference < 0. ? -1 : 0;
}

static RtkRect
get_mesh_bounds (const RtkFaceMesh *mesh)
{
  double left = INFINITY;
  double top = INFINITY;
  double right = -INFINITY;
  double bottom = -INFINITY;

  for (int i = 0; i < RTK_N_MESH_POINTS; i++) {
    left = MIN (left, mesh->points[i].x);
    top = MIN (top, mesh->points[i].y);
    right = MAX (right, mesh->points[i].x);
    bottom = MAX (bottom, mesh->points[i].y);
  }
  return (RtkRect){left, top, right - left, bottom - top};
}

static void
fill_face (RtkFace *face, const RtkFaceMesh *mesh)
{
  RtkHeadPose pose = rtk_head_pose_from_mesh (mesh);

  G_STATIC_ASSERT (RTK_N_MESH_POINTS == RTK_N_FACE_POINTS);
  for (int i = 0; i < RTK_N_MESH_POINTS; i++) {
    face->points[i].x = mesh->points[i].x;
    face->points[i].y = mesh->points[i].y;
    face->points[i].z = mesh->points[i].z;
  }
  face->has_points = TRUE;
  face->yaw = pose.yaw;
  face->pitch = pose.pitch;
  face->roll = pose.roll;
  rtk_measure_openings (face);
}

/* Carries the detector's box of an earlier frame along with the mesh. */
static RtkRect
move_box (const RtkTracker *tracker, const RtkFaceMesh *mesh)
{
  RtkRect bounds = get_mesh_bounds (mesh);

  return (RtkRect){
      bounds.x + tracker->box_in_mesh.x * bounds.width,
      bounds.y + tracker->box_in_mesh.y * bounds.height,
      tracker->box_in_mesh.width * bounds.width,
      tracker->box_in_mesh.height * bounds.height,
  };
}

static void
remember_box (RtkTracker *tracker, const RtkRect *box, const RtkFaceMesh *mesh)
{
  RtkRect bounds = get_mesh_bounds (mesh);

  tracker->box_in_mesh = (RtkRect){
      (box->x - bounds.x) / bounds.width,
      (box->y - bounds.y) / bounds.height,
      box->width / bounds.width,
      box->height / bounds.height,
  };
}

static gboolean
find_mesh (Run *self, const RtkFaceRoi *roi, RtkFaceMesh *mesh, GError **error)
{
  start (self);
  return stop (self, rtk_networks_find_mesh (self->networks, self->image, roi, mesh, error));
}

/* Looks for faces in all views. */
static GArray *
detect (Run *self, GError **error)
{
  guint n = rtk_face_search_count_views (self->image);
  g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (RtkFaceDetection));

  for (guint view = 0; view < n; view++)
    if (!rtk_face_search_view (self->networks, self->image, view, found, error))
      return NULL;
  return g_steal_pointer (&found);
}

/* Keeps of @found, the largest first, what the mesh network takes for a face too: the detector also
 * sees faces in helmets and lamps. *out_mesh is that of the first. */
static gboolean
confirm (Run *self, GArray *found, RtkFaceMesh *out_mesh, GError **error)
{
  guint n = 0;

  for (guint i = 0; i < MIN (found->len, MAX_FACES); i++) {
    RtkFaceDetection *face = &g_array_index (found, RtkFaceDetection, i);
    RtkFaceRoi        roi = rtk_face_roi_from_detection (face);
    RtkFaceMesh       mesh;

    if (!find_mesh (self, &roi, &mesh, error))
      return FALSE;
    if (mesh.presence < FACE_PRESENT)
      continue;
    if (n == 0)
      *out_mesh = mesh;
    g_array_index (found, RtkFaceDetection, n++) = *face;
  }
  g_array_set_size (found, n);
  return TRUE;
}

/* Finds all faces anew, the largest with its points. NULL only on an error. */
static RtkAnalysis *
analyse_from_detector (Run *self, GError **error)
{
  g_autoptr (GArray) found = NULL;
  g_autoptr (RtkAnalysis) analysis = NULL;
  RtkFaceMesh mesh;
  RtkFaceRoi  roi;

  start (self);
  found = detect (self, error);
  if (!stop (self, found != NULL))
    return NULL;
  g_array_sort (found, compare_faces);
  if (!confirm (self, found, &mesh, error))
    return NULL;
  analysis = rtk_analysis_new (rtk_image_get_width (self->image),
                               rtk_image_get_height (self->image), found->len);
  for (guint i = 0; i < found->len; i++) {
    analysis->faces[i].box = g_array_index (found, RtkFaceDetection, i).box;
    analysis->faces[i].score = g_array_index (found, RtkFaceDetection, i).score;
  }
  if (found->len == 0)
    return g_steal_pointer (&analysis);

  /* A second look through the square that the mesh itself gives: the one that tracking uses, so
   * that a still is measured as the live view was. */
  roi = rtk_face_roi_from_mesh (&mesh);
  if (!find_mesh (self, &roi, &mesh, error))
    return NULL;
  fill_face (&analysis->faces[0], &mesh);
  if (self->tracker == NULL)
    rtk_measure_refine_irises (self->image, &analysis->faces[0]);
  if (self->tracker != NULL) {
    self->tracker->mesh = mesh;
    self->tracker->has_face = TRUE;
    remember_box (self->tracker, &analysis->faces[0].box, &mesh);
  }
  return g_steal_pointer (&analysis);
}

static void
remember_others (RtkTracker *tracker, const RtkAnalysis *analysis)
{
  tracker->n_others = 0;
  tracker->view = 0;
  for (guint i = 1; i < analysis->n_faces && tracker->n_others < RTK_TRACKER_MAX_OTHERS; i++)
    tracker->others[tracker->n_others++] =
        (RtkTrackedFace){analysis->faces[i].box, analysis->faces[i].score, FALSE};
}

/* What one look has found, beside the subject: known faces are seen again, new ones must be faces
 * to the mesh network, too. */
static gboolean
note_other (Run *self, const RtkFaceDetection *face, GError **error)
{
  RtkTracker    *tracker = self->tracker;
  RtkTrackedFace other = {face->box, face->score, TRUE};
  RtkFaceRoi     roi = rtk_face_roi_from_detection (face);
  RtkFaceMesh    mesh;

  for (guint i = 0; i < tracker->n_others; i++) {
    if (rtk_face_search_same (&tracker->others[i].box, &face->box)) {
      tracker->others[i] = other;
      return TRUE;
    }
  }
  if (tracker->n_others == RTK_TRACKER_MAX_OTHERS)
    return TRUE;
  if (!find_mesh (self, &roi, &mesh, error))
    return FALSE;
  if (mesh.presence >= FACE_PRESENT)
    tracker->others[tracker->n_others++] = other;
  return TRUE;
}

/* Who was in none of the views has gone; who is larger than the subject is the subject from the
 * next frame on. */
static void
end_round (RtkTracker *tracker, const RtkRect *subject)
{
  guint n = 0;

  for (guint i = 0; i < tracker->n_others; i++) {
    const RtkRect *box = &tracker->others[i].box;

    if (!tracker->others[i].seen)
      continue;
    if (box->width * box->height > LARGER * LARGER * subject->width * subject->height)
      tracker->has_face = FALSE;
    tracker->others[n] = tracker->others[i];
    tracker->others[n++].seen = FALSE;
  }
  tracker->n_others = n;
}

/* Looks for other people in the next view of the picture. */
static gboolean
look_around (Run *self, const RtkRect *subject, GError **error)
{
  RtkTracker *tracker = self->tracker;
  guint       n_views = rtk_face_search_count_views (self->image);
  g_autoptr (GArray) found = NULL;

  if (tracker->age % MAX (1, ROUND_FRAMES / n_views) != 1)
    return TRUE;
  found = g_array_new (FALSE, FALSE, sizeof (RtkFaceDetection));
  start (self);
  if (!stop (self, rtk_face_search_view (self->networks, self->image, tracker->view, found, error)))
    return FALSE;
  for (guint i = 0; i < found->len; i++) {
    const RtkFaceDetection *face = &g_array_index (found, RtkFaceDetection, i);

    if (rtk_face_search_same (&face->box, subject)) {
      /* What the box is to the mesh changes as the head turns. */
      if (tracker->view == 0)
        remember_box (tracker, &face->box, &tracker->mesh);
    } else if (!note_other (self, face, error)) {
      return FALSE;
    }
  }
  tracker->view = (tracker->view + 1) % n_views;
  if (tracker->view == 0)
    end_round (tracker, subject);
  return TRUE;
}

/* Follows the face of the frame before; *out_lost when it is not there any more. */
static RtkAnalysis *
analyse_from_track (Run *self, gboolean *out_lost, GError **error)
{
  RtkTracker  *tracker = self->tracker;
  RtkFaceRoi   roi = rtk_face_roi_from_mesh (&tracker->mesh);
  RtkAnalysis *analysis;
  RtkRect      box;

  *out_lost = FALSE;
  if (!find_mesh (self, &roi, &tracker->mesh, error))
    return NULL;
  if (tracker->mesh.presence < FACE_PRESENT) {
    *out_lost = TRUE;
    return NULL;
  }
  box = move_box (tracker, &tracker->mesh);
  if (!look_around (self, &box, error))
    return NULL;
  analysis = rtk_analysis_new (rtk_image_get_width (self->image),
                               rtk_image_get_height (self->image), 1 + tracker->n_others);
  for (guint i = 0; i < tracker->n_others; i++) {
    analysis->faces[1 + i].box = tracker->others[i].box;
    analysis->faces[1 + i].score = tracker->others[i].score;
  }
  analysis->faces[0].box = box;
  analysis->faces[0].score = tracker->mesh.presence;
  fill_face (&analysis->faces[0], &tracker->mesh);
  return analysis;
}

static RtkAnalysis *
find_faces (Run *self, GError **error)
{
  RtkTracker  *tracker = self->tracker;
  RtkAnalysis *analysis = NULL;
  gboolean     lost = FALSE;

  if (tracker == NULL)
    return analyse_from_detector (self, error);
  if (tracker->has_face) {
    analysis = analyse_from_track (self, &lost, error);
    if (analysis == NULL && !lost)
      return NULL;
  }
  if (analysis == NULL) {
    rtk_tracker_lose_face (tracker);
    analysis = analyse_from_detector (self, error);
    if (analysis == NULL)
      return NULL;
    remember_others (tracker, analysis);
  }
  tracker->age = tracker->has_face ? tracker->age + 1 : 0;
  return analysis;
}

static gboolean
find_shoulders (Run *self, RtkAnalysis *analysis, GError **error)
{
  RtkTracker    *tracker = self->tracker;
  const RtkRect *face;
  RtkShoulders   shoulders;

  if (analysis->n_faces == 0 || !analysis->faces[0].has_points)
    return TRUE;
  face = &analysis->faces[0].box;
  if (tracker == NULL || !tracker->has_shoulders || tracker->age % SHOULDERS_EVERY == 0) {
    start (self);
    if (!stop (self,
               rtk_networks_find_shoulders (self->networks, self->image, face, &shoulders, error)))
      return FALSE;
    if (tracker != NULL)
      rtk_tracker_take_shoulders (tracker, &shoulders, face);
  }
  if (tracker != NULL)
    rtk_tracker_follow_shoulders (tracker, face, &shoulders);
  for (int i = 0; i < 2; i++) {
    analysis->head.shoulders[i] = shoulders.points[i];
    analysis->head.shoulder_visible[i] = shoulders.visible[i];
  }
  analysis->has_shoulders = TRUE;
  return TRUE;
}

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
  Run         *run;
  RtkAnalysis *analysis; /* (owned) (nullable) */
  GError      *face_error;
  float       *mask; /* (owned) (nullable) */
  GError      *mask_error;
  double       mask_ms;
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

  self->analysis = find_faces (self->run, &self->face_error);
  if (self->analysis != NULL && !find_shoulders (self->run, self->analysis, &self->face_error))
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
analyse (Run *self, const guint8 *wanted_background, float **out_mask, GError **error)
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
  Run               run = {.networks = networks, .image = image};
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
  Run          run = {.networks = networks, .image = frame->image, .tracker = tracker};
  RtkAnalysis *analysis;
  RtkMeasure  *resolution;

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
  Run run = {.networks = networks, .image = image};

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
