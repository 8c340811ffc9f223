/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-face-search-private.h"
#include "vision/rtk-measure.h"
#include "vision/rtk-subject-private.h"

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

static void
start (RtkSubjectRun *self)
{
  self->begun = g_get_monotonic_time ();
}

static gboolean
stop (RtkSubjectRun *self, gboolean fine)
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
find_mesh (RtkSubjectRun *self, const RtkFaceRoi *roi, RtkFaceMesh *mesh, GError **error)
{
  start (self);
  return stop (self, rtk_networks_find_mesh (self->networks, self->image, roi, mesh, error));
}

/* Looks for faces in all views. */
static GArray *
detect (RtkSubjectRun *self, GError **error)
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
confirm (RtkSubjectRun *self, GArray *found, RtkFaceMesh *out_mesh, GError **error)
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
analyse_from_detector (RtkSubjectRun *self, GError **error)
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
note_other (RtkSubjectRun *self, const RtkFaceDetection *face, GError **error)
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
look_around (RtkSubjectRun *self, const RtkRect *subject, GError **error)
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
analyse_from_track (RtkSubjectRun *self, gboolean *out_lost, GError **error)
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

/**
 * rtk_subject_find_faces:
 * @self: what is asked about whom; gets the time of the networks
 * @error: return location for an #RtkError
 *
 * Finds faces: by the detector, or near where the tracker saw one. The subject's comes first, with
 * its points. The thread of the networks.
 *
 * Returns: (transfer full): an analysis with faces only, or %NULL
 */
RtkAnalysis *
rtk_subject_find_faces (RtkSubjectRun *self, GError **error)
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

/**
 * rtk_subject_find_shoulders:
 * @self: the same as for the faces
 * @analysis: with its faces; gets the shoulders
 * @error: return location for an #RtkError
 *
 * Finds the shoulders below the subject's face. The thread of the networks.
 *
 * Returns: %TRUE on success, also without a face
 */
gboolean
rtk_subject_find_shoulders (RtkSubjectRun *self, RtkAnalysis *analysis, GError **error)
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
