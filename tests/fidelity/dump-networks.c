/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vision/rtk-codec.h"
#include "vision/rtk-networks.h"

#include <stdio.h>

/* Prints what the networks say of a picture, for comparison with other programs:
 *   dump-networks MODELS PICTURE [MASK]
 * The detection, the head pose, the shoulders and 478 points as lines of text; the mask as 256 x
 * 256 floats into the file MASK. Then the median time of each network. */

static double
median_ms (GArray *times)
{
  for (guint i = 1; i < times->len; i++)
    for (guint k = i;
         k > 0 && g_array_index (times, gint64, k) < g_array_index (times, gint64, k - 1); k--) {
      gint64 swap = g_array_index (times, gint64, k);

      g_array_index (times, gint64, k) = g_array_index (times, gint64, k - 1);
      g_array_index (times, gint64, k - 1) = swap;
    }
  return (double)g_array_index (times, gint64, times->len / 2) / 1000.;
}

#define MEASURE(what, call)                                                                        \
  do {                                                                                             \
    g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (gint64));                        \
                                                                                                   \
    for (int run = 0; run < 51; run++) {                                                           \
      gint64 start = g_get_monotonic_time ();                                                      \
                                                                                                   \
      call;                                                                                        \
      start = g_get_monotonic_time () - start;                                                     \
      g_array_append_val (times, start);                                                           \
    }                                                                                              \
    printf ("time %s %.2f ms\n", what, median_ms (times));                                         \
  } while (0)

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkNetworks) networks = NULL;
  g_autoptr (RtkImage) image = NULL;
  g_autoptr (GBytes) file = NULL;
  g_autoptr (GArray) faces = NULL;
  g_autofree float *mask = g_new (float, RTK_MASK_SIZE *RTK_MASK_SIZE);
  RtkIntake         intake = {0};
  RtkFaceMesh       mesh;
  RtkFaceDetection  face;
  RtkFaceRoi        roi;
  RtkHeadPose       pose;
  RtkShoulders      shoulders;
  char             *data;
  gsize             size;

  if (argc < 3 || !g_file_get_contents (argv[2], &data, &size, &error))
    return 2;
  file = g_bytes_new_take (data, size);
  image = rtk_codec_decode (file, &intake, &error);
  networks = image != NULL ? rtk_networks_new (argv[1], &error) : NULL;
  faces = networks != NULL ? rtk_networks_detect_faces (networks, image, &error) : NULL;
  if (faces == NULL || !rtk_networks_segment (networks, image, NULL, mask, &error)) {
    fprintf (stderr, "%s\n", error->message);
    return 2;
  }
  printf ("faces %u\n", faces->len);
  if (argc > 3 && !g_file_set_contents (argv[3], (char *)mask,
                                        sizeof (float) * RTK_MASK_SIZE * RTK_MASK_SIZE, NULL))
    return 2;
  if (faces->len == 0)
    return 0;
  face = g_array_index (faces, RtkFaceDetection, 0);
  roi = rtk_face_roi_from_detection (&face);
  if (!rtk_networks_find_mesh (networks, image, &roi, &mesh, &error) ||
      !rtk_networks_find_shoulders (networks, image, &face.box, &shoulders, &error))
    return 2;
  pose = rtk_head_pose_from_mesh (&mesh);
  printf ("face %.2f %.2f %.2f %.2f %.4f\n", face.box.x, face.box.y, face.box.width,
          face.box.height, face.score);
  printf ("presence %.4f\n", mesh.presence);
  printf ("pose %.2f %.2f %.2f\n", pose.yaw, pose.pitch, pose.roll);
  for (int i = 0; i < 2; i++)
    printf ("shoulder %.2f %.2f %.3f\n", shoulders.points[i].x, shoulders.points[i].y,
            shoulders.visible[i]);
  for (int i = 0; i < RTK_N_MESH_POINTS; i++)
    printf ("point %.3f %.3f %.3f\n", (double)mesh.points[i].x, (double)mesh.points[i].y,
            (double)mesh.points[i].z);
  if (argc > 4) {
    MEASURE ("segment", (void)rtk_networks_segment (networks, image, NULL, mask, NULL));
    MEASURE ("detect", g_array_unref (rtk_networks_detect_faces (networks, image, NULL)));
    MEASURE ("mesh", (void)rtk_networks_find_mesh (networks, image, &roi, &mesh, NULL));
    MEASURE ("shoulders",
             (void)rtk_networks_find_shoulders (networks, image, &face.box, &shoulders, NULL));
    MEASURE ("load", rtk_networks_free (rtk_networks_new (argv[1], NULL)));
  }
  return 0;
}
