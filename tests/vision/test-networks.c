/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "vision/models.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-cv.h"

#include <glib/gstdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What MediaPipe's own web packages say of the portrait (tests/fidelity/compare-upstream). */
#define MAX_MASK_DIFFERENCE .0005
#define MIN_MASK_OVERLAP .995
#define MAX_POINT_DISTANCE .5
#define MAX_SHOULDER_DISTANCE .05 /* of the picture's width */

static RtkImage *
load_picture (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  RtkIntake intake = {0};
  RtkImage *image;
  char     *data;
  gsize     size;

  if (!g_file_get_contents (path, &data, &size, NULL))
    return NULL;
  bytes = g_bytes_new_take (data, size);
  image = rtk_codec_decode (bytes, &intake, &error);
  g_assert_no_error (error);
  return image;
}

static RtkImage *
load_astronaut (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "fixtures", "astronaut.png", NULL);
  RtkImage        *image = load_picture (path);

  g_assert_nonnull (image);
  return image;
}

static char *
find_testdata (const char *folder)
{
  const char *root = g_getenv ("RTK_TESTDATA");
  char       *path = g_build_filename (root != NULL ? root : "", folder, NULL);

  if (root != NULL && g_file_test (path, G_FILE_TEST_IS_DIR))
    return path;
  g_free (path);
  g_test_skip_printf ("RTK_TESTDATA has no folder %s", folder);
  return NULL;
}

/* The best face and its mesh. */
static gboolean
find_face (RtkNetworks *networks, const RtkImage *image, RtkFaceDetection *face, RtkFaceMesh *mesh)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) faces = rtk_networks_detect_faces (networks, image, &error);
  RtkFaceRoi roi;

  g_assert_no_error (error);
  if (faces->len == 0)
    return FALSE;
  *face = g_array_index (faces, RtkFaceDetection, 0);
  roi = rtk_face_roi_from_detection (face);
  g_assert_true (rtk_networks_find_mesh (networks, image, &roi, mesh, &error));
  g_assert_no_error (error);
  return TRUE;
}

/* A copy of @image as a camera delivers it, with rows that do not follow each other. */
static RtkImage *
to_bgra (const RtkImage *image)
{
  int     width = rtk_image_get_width (image);
  int     height = rtk_image_get_height (image);
  gsize   stride = (gsize)width * 4 + 60;
  guint8 *pixels = g_malloc0 (stride * (gsize)height);

  for (int y = 0; y < height; y++) {
    const guint8 *from = rtk_image_get_pixels (image) + rtk_image_get_stride (image) * (gsize)y;
    guint8       *to = pixels + stride * (gsize)y;

    for (int x = 0; x < width; x++, from += 3, to += 4) {
      to[0] = from[2];
      to[1] = from[1];
      to[2] = from[0];
      to[3] = 255;
    }
  }
  return rtk_image_new_take (RTK_PIXEL_BGRA32, width, height, stride, pixels);
}

static void
test_missing (void)
{
  g_autofree char *folder = g_dir_make_tmp ("retake-models-XXXXXX", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (rtk_networks_new (folder, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_MODEL_MISSING);
  g_assert_nonnull (strstr (error->message, "face_detection_short_range.tflite"));
  g_assert_null (strstr (error->message, folder));
  g_rmdir (folder);
}

static void
test_damaged (void)
{
  static const char name[] = "face_detection_short_range.tflite";
  g_autoptr (GBytes) model = rtk_test_load_model (name);
  g_autoptr (GByteArray) damaged = NULL;
  g_autofree char *folder = NULL;
  g_autofree char *copy = NULL;
  g_autoptr (GError) error = NULL;

  if (model == NULL)
    return;
  folder = g_dir_make_tmp ("retake-models-XXXXXX", NULL);
  copy = g_build_filename (folder, name, NULL);
  damaged = g_bytes_unref_to_array (g_steal_pointer (&model));
  damaged->data[damaged->len / 2] ^= 1;
  g_assert_true (
      g_file_set_contents (copy, (const char *)damaged->data, (gssize)damaged->len, NULL));
  g_assert_null (rtk_networks_new (folder, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_MODEL_DAMAGED);
  g_assert_nonnull (strstr (error->message, name));
  g_unlink (copy);
  g_rmdir (folder);
}

static void
test_mask_like_upstream (void)
{
  g_autofree char *path =
      g_test_build_filename (G_TEST_DIST, "fixtures", "astronaut-mask.png", NULL);
  g_autoptr (RtkNetworks) networks = rtk_test_load_networks ();
  g_autoptr (RtkImage) image = load_astronaut ();
  g_autoptr (RtkImage) theirs = load_picture (path);
  g_autoptr (GError) error = NULL;
  g_autofree float *mask = g_new (float, RTK_MASK_SIZE *RTK_MASK_SIZE);
  g_autofree float *large = NULL;
  int               width, height, step;
  double            difference = 0, both = 0, either = 0;
  RtkCvBuffer       from, to;

  if (networks == NULL)
    return;
  g_assert_nonnull (theirs);
  width = rtk_image_get_width (theirs);
  height = rtk_image_get_height (theirs);
  step = rtk_pixel_format_get_bytes (rtk_image_get_format (theirs));
  g_assert_cmpint (width, ==, rtk_image_get_width (image));
  g_assert_true (rtk_networks_segment (networks, image, NULL, mask, &error));
  large = g_new (float, width *height);
  from = rtk_cv_buffer_f32 (mask, RTK_MASK_SIZE, RTK_MASK_SIZE, 1);
  to = rtk_cv_buffer_f32 (large, width, height, 1);
  g_assert_true (rtk_cv_resize (&from, &to, RTK_CV_FILTER_BILINEAR, &error));
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      double ours = (double)large[y * width + x];
      double other =
          rtk_image_get_pixels (theirs)[rtk_image_get_stride (theirs) * (gsize)y + step * x];

      difference += fabs (round (ours * 255) - other) / 255;
      both += ours >= .5 && other >= 128;
      either += ours >= .5 || other >= 128;
    }
  difference /= width * height;
  g_test_message ("mean difference %.5f, IoU %.4f", difference, both / either);
  g_assert_cmpfloat (difference, <=, MAX_MASK_DIFFERENCE);
  g_assert_cmpfloat (both / either, >=, MIN_MASK_OVERLAP);
}

static void
test_points_like_upstream (void)
{
  g_autofree char *path =
      g_test_build_filename (G_TEST_DIST, "fixtures", "astronaut-points.txt", NULL);
  g_autoptr (RtkNetworks) networks = rtk_test_load_networks ();
  g_autoptr (RtkImage) image = load_astronaut ();
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  RtkFaceDetection face;
  RtkFaceMesh      mesh;
  double           sum = 0;

  if (networks == NULL)
    return;
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  lines = g_strsplit (g_strchomp (text), "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, RTK_N_MESH_POINTS);
  g_assert_true (find_face (networks, image, &face, &mesh));
  g_assert_cmpfloat (mesh.presence, >, .9);
  for (int i = 0; i < RTK_N_MESH_POINTS; i++) {
    char  *rest;
    double x = g_ascii_strtod (lines[i], &rest);
    double y = g_ascii_strtod (rest, NULL);

    sum += hypot ((double)mesh.points[i].x - x, (double)mesh.points[i].y - y);
  }
  g_test_message ("mean distance %.3f px", sum / RTK_N_MESH_POINTS);
  g_assert_cmpfloat (sum / RTK_N_MESH_POINTS, <=, MAX_POINT_DISTANCE);
}

/* A camera's pixels in another order and with gaps say exactly the same. */
static void
test_formats (void)
{
  g_autoptr (RtkNetworks) networks = rtk_test_load_networks ();
  g_autoptr (RtkImage) rgb = load_astronaut ();
  g_autoptr (RtkImage) bgra = to_bgra (rgb);
  g_autofree float *masks = g_new (float, 2 * RTK_MASK_SIZE * RTK_MASK_SIZE);
  RtkFaceDetection  faces[2];
  RtkFaceMesh       meshes[2];

  if (networks == NULL)
    return;
  g_assert_true (rtk_networks_segment (networks, rgb, NULL, masks, NULL));
  g_assert_true (
      rtk_networks_segment (networks, bgra, NULL, masks + RTK_MASK_SIZE * RTK_MASK_SIZE, NULL));
  g_assert_cmpmem (masks, sizeof (float) * RTK_MASK_SIZE * RTK_MASK_SIZE,
                   masks + RTK_MASK_SIZE * RTK_MASK_SIZE,
                   sizeof (float) * RTK_MASK_SIZE * RTK_MASK_SIZE);
  g_assert_true (find_face (networks, rgb, &faces[0], &meshes[0]));
  g_assert_true (find_face (networks, bgra, &faces[1], &meshes[1]));
  g_assert_cmpmem (&meshes[0], sizeof meshes[0], &meshes[1], sizeof meshes[1]);
}

/* An area larger than the picture: the person is there at half the size. */
static void
test_area_beyond (void)
{
  g_autoptr (RtkNetworks) networks = rtk_test_load_networks ();
  g_autoptr (RtkImage) image = load_astronaut ();
  g_autofree float *mask = g_new (float, RTK_MASK_SIZE *RTK_MASK_SIZE);
  double            width = rtk_image_get_width (image);
  RtkRect           area = {-width / 2, -width / 2, 2 * width, 2 * width};
  int               face_x = (int)((225 + width / 2) / (2 * width) * RTK_MASK_SIZE);
  int               face_y = (int)((130 + width / 2) / (2 * width) * RTK_MASK_SIZE);

  if (networks == NULL)
    return;
  g_assert_true (rtk_networks_segment (networks, image, &area, mask, NULL));
  g_assert_cmpfloat (mask[face_y * RTK_MASK_SIZE + face_x], >, .9f);
  g_assert_cmpfloat (mask[4 * RTK_MASK_SIZE + 4], <, .1f);
}

static void
test_no_face (void)
{
  g_autoptr (RtkNetworks) networks = rtk_test_load_networks ();
  guint8 *pixels = g_malloc (640 * 480 * 3);
  g_autoptr (RtkImage) image = NULL;
  g_autoptr (GArray) faces = NULL;

  for (gsize i = 0; i < 640 * 480 * 3; i++)
    pixels[i] = (guint8)(120 + (i / 1920) / 8);
  image = rtk_image_new_take (RTK_PIXEL_RGB24, 640, 480, 640 * 3, pixels);
  if (networks == NULL)
    return;
  faces = rtk_networks_detect_faces (networks, image, NULL);
  g_assert_nonnull (faces);
  g_assert_cmpuint (faces->len, ==, 0);
}

/* The next frame needs no detector: the mesh found from the mesh is the same face. */
static void
test_tracking (void)
{
  g_autoptr (RtkNetworks) networks = rtk_test_load_networks ();
  g_autoptr (RtkImage) image = load_astronaut ();
  RtkFaceDetection face;
  RtkFaceMesh      first, second;
  double           sum = 0;

  if (networks == NULL)
    return;
  g_assert_true (find_face (networks, image, &face, &first));
  second = first;
  for (int round = 0; round < 5; round++) {
    RtkFaceRoi roi = rtk_face_roi_from_mesh (&second);

    g_assert_true (rtk_networks_find_mesh (networks, image, &roi, &second, NULL));
    g_assert_cmpfloat (second.presence, >, .9);
  }
  for (int i = 0; i < RTK_N_MESH_POINTS; i++)
    sum += hypot ((double)(second.points[i].x - first.points[i].x),
                  (double)(second.points[i].y - first.points[i].y));
  /* The distance between the eyes is 40 px here. */
  g_assert_cmpfloat (sum / RTK_N_MESH_POINTS, <, 1.5);
}

/* Upstream looks for the whole body first, so the two agree roughly only. */
static void
test_shoulders_like_upstream (void)
{
  g_autofree char *path =
      g_test_build_filename (G_TEST_DIST, "fixtures", "astronaut-shoulders.txt", NULL);
  g_autofree char *text = NULL;
  char            *rest = NULL;
  g_autoptr (RtkNetworks) networks = rtk_test_load_networks ();
  g_autoptr (RtkImage) image = load_astronaut ();
  RtkFaceDetection face;
  RtkFaceMesh      mesh;
  RtkShoulders     shoulders;

  if (networks == NULL)
    return;
  g_assert_true (find_face (networks, image, &face, &mesh));
  g_assert_true (rtk_networks_find_shoulders (networks, image, &face.box, &shoulders, NULL));
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  for (int i = 0; i < 2; i++) {
    double x = g_ascii_strtod (i == 0 ? text : rest, &rest);
    double y = g_ascii_strtod (rest, &rest);
    double distance = hypot (shoulders.points[i].x - x, shoulders.points[i].y - y);

    g_test_message ("%.1f px from upstream", distance);
    g_assert_cmpfloat (distance, <=, MAX_SHOULDER_DISTANCE * rtk_image_get_width (image));
    g_assert_cmpfloat (shoulders.visible[i], >, .8);
  }
}

/* A mesh turned by hand: the angles change by what it was turned. */
static void
test_pose_signs (void)
{
  g_autoptr (RtkNetworks) networks = rtk_test_load_networks ();
  g_autoptr (RtkImage) image = load_astronaut ();
  RtkFaceDetection face;
  RtkFaceMesh      mesh;
  RtkHeadPose      before;
  const double     turn = 20 * G_PI / 180;

  if (networks == NULL)
    return;
  g_assert_true (find_face (networks, image, &face, &mesh));
  before = rtk_head_pose_from_mesh (&mesh);
  for (int axis = 0; axis < 3; axis++) {
    RtkFaceMesh turned = mesh;
    RtkHeadPose after;

    for (int i = 0; i < RTK_N_MESH_POINTS; i++) {
      RtkMeshPoint *p = &turned.points[i];
      double        x = p->x, y = p->y, z = p->z;

      if (axis == 0) { /* what is near moves to the right */
        p->x = (float)(x * cos (turn) - z * sin (turn));
        p->z = (float)(z * cos (turn) + x * sin (turn));
      } else if (axis == 1) { /* what is near moves up, where y is smaller */
        p->y = (float)(y * cos (turn) + z * sin (turn));
        p->z = (float)(z * cos (turn) - y * sin (turn));
      } else { /* clockwise as seen */
        p->x = (float)(x * cos (turn) - y * sin (turn));
        p->y = (float)(y * cos (turn) + x * sin (turn));
      }
    }
    after = rtk_head_pose_from_mesh (&turned);
    if (axis == 0)
      g_assert_cmpfloat_with_epsilon (after.yaw - before.yaw, 20, 1);
    if (axis == 1)
      g_assert_cmpfloat_with_epsilon (after.pitch - before.pitch, 20, 1);
    if (axis == 2)
      g_assert_cmpfloat_with_epsilon (after.roll - before.roll, 20, .01);
  }
}

/* Pupil centres that people have set by hand, in lines 2 and 3. */
static gboolean
read_pupils (const char *path, RtkPoint pupils[2])
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;
  lines = g_strsplit (text, "\n", 5);
  g_assert_cmpuint (g_strv_length (lines), >, 3);
  for (int i = 0; i < 2; i++) {
    char *rest;

    pupils[i].x = g_ascii_strtod (lines[1 + i], &rest);
    pupils[i].y = g_ascii_strtod (rest, NULL);
  }
  return TRUE;
}

static void
test_studio_portraits (void)
{
  g_autoptr (RtkNetworks) networks = rtk_test_load_networks ();
  g_autofree char *folder = networks != NULL ? find_testdata ("london") : NULL;
  g_autoptr (GDir) dir = NULL;
  const char *name;
  guint       n_pictures = 0;

  if (folder == NULL)
    return;
  dir = g_dir_open (folder, 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);
    g_autofree char *marks = g_strndup (path, strlen (path) - 4);
    g_autofree char *tem = g_strconcat (marks, ".tem", NULL);
    g_autoptr (RtkImage) image = NULL;
    RtkFaceDetection face;
    RtkFaceMesh      mesh;
    RtkHeadPose      pose;
    RtkPoint         pupils[2];
    double           theirs, ours, roll;

    if (!g_str_has_suffix (name, "_neutral.jpg") || !read_pupils (tem, pupils))
      continue;
    image = load_picture (path);
    g_assert_true (find_face (networks, image, &face, &mesh));
    pose = rtk_head_pose_from_mesh (&mesh);
    theirs = hypot (pupils[1].x - pupils[0].x, pupils[1].y - pupils[0].y);
    roll = atan2 (pupils[1].y - pupils[0].y, pupils[1].x - pupils[0].x) * 180 / G_PI;
    ours = hypot ((double)(mesh.points[473].x - mesh.points[468].x),
                  (double)(mesh.points[473].y - mesh.points[468].y));
    g_test_message ("%s: eyes %+.2f %%, roll %+.2f, yaw %.1f, pitch %.1f", name,
                    100 * (ours / theirs - 1), pose.roll - roll, pose.yaw, pose.pitch);
    g_assert_cmpfloat (fabs (ours / theirs - 1), <=, .02);
    g_assert_cmpfloat (fabs (pose.roll - roll), <=, 1);
    g_assert_cmpfloat (fabs (pose.yaw), <, 6);
    /* Some of these people do hold their chin up: 12 degrees at most. */
    g_assert_cmpfloat (fabs (pose.pitch), <, 14);
    n_pictures++;
  }
  g_assert_cmpuint (n_pictures, >=, 10);
}

/* People whom a person called turned are further from the lens than any of the frontal ones. */
static void
test_turned_portraits (void)
{
  static const struct {
    const char *name;
    double      sign; /* towards which edge of the picture */
  } turned[] = {{"officials/donald-payne.jpg", -1},
                {"officials/jahana-hayes.jpg", -1},
                {"expression/stock-emotions-a-2.jpg", 1}};
  g_autoptr (RtkNetworks) networks = rtk_test_load_networks ();
  g_autofree char *folder = networks != NULL ? find_testdata ("officials") : NULL;

  if (folder == NULL)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (turned); i++) {
    g_autofree char *path = g_build_filename (folder, "..", turned[i].name, NULL);
    g_autoptr (RtkImage) image = load_picture (path);
    RtkFaceDetection face;
    RtkFaceMesh      mesh;

    g_assert_nonnull (image);
    g_assert_true (find_face (networks, image, &face, &mesh));
    g_assert_cmpfloat (turned[i].sign * rtk_head_pose_from_mesh (&mesh).yaw, >, 15);
  }
}

static void
test_two_faces (void)
{
  g_autoptr (RtkNetworks) networks = rtk_test_load_networks ();
  g_autofree char *folder = networks != NULL ? find_testdata ("mediapipe") : NULL;
  g_autofree char *path = NULL;
  g_autoptr (RtkImage) image = NULL;
  g_autoptr (GArray) faces = NULL;

  if (folder == NULL)
    return;
  path = g_build_filename (folder, "two_children.jpg", NULL);
  image = load_picture (path);
  g_assert_nonnull (image);
  faces = rtk_networks_detect_faces (networks, image, NULL);
  g_assert_cmpuint (faces->len, ==, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vision/networks/missing", test_missing);
  g_test_add_func ("/vision/networks/damaged", test_damaged);
  g_test_add_func ("/vision/networks/mask-like-upstream", test_mask_like_upstream);
  g_test_add_func ("/vision/networks/points-like-upstream", test_points_like_upstream);
  g_test_add_func ("/vision/networks/formats", test_formats);
  g_test_add_func ("/vision/networks/area-beyond", test_area_beyond);
  g_test_add_func ("/vision/networks/no-face", test_no_face);
  g_test_add_func ("/vision/networks/tracking", test_tracking);
  g_test_add_func ("/vision/networks/shoulders-like-upstream", test_shoulders_like_upstream);
  g_test_add_func ("/vision/networks/pose-signs", test_pose_signs);
  g_test_add_func ("/vision/networks/studio-portraits", test_studio_portraits);
  g_test_add_func ("/vision/networks/turned-portraits", test_turned_portraits);
  g_test_add_func ("/vision/networks/two-faces", test_two_faces);
  return g_test_run ();
}
