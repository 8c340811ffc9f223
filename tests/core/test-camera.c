/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "support/rtk-test-camera.h"

static void
test_device (void)
{
  g_autoptr (RtkDevice) device = rtk_device_new (RTK_DEVICE_V4L2, "v4l2:/dev/video0", "Cam\xff");

  g_assert_cmpint (rtk_device_get_kind (device), ==, RTK_DEVICE_V4L2);
  g_assert_cmpstr (rtk_device_get_id (device), ==, "v4l2:/dev/video0");
  /* Drivers give names in any encoding; a person gets UTF-8. */
  g_assert_true (g_utf8_validate (rtk_device_get_name (device), -1, NULL));
  g_assert_true (g_str_has_prefix (rtk_device_get_name (device), "Cam"));
  g_assert_finalize_object (g_steal_pointer (&device));
}

static void
set_true (gpointer data)
{
  *(gboolean *)data = TRUE;
}

static void
test_frame (void)
{
  gboolean  is_freed = FALSE;
  guint8    pixels[8] = {0};
  GBytes   *bytes = g_bytes_new_with_free_func (pixels, sizeof pixels, set_true, &is_freed);
  RtkImage *image = rtk_image_new (RTK_PIXEL_BGRA32, 2, 1, 8, bytes);
  RtkFrame *frame = rtk_frame_new (image, 7, 42);

  g_bytes_unref (bytes);
  rtk_image_unref (image);
  g_assert_cmpuint (frame->serial, ==, 7);
  g_assert_cmpint (frame->time, ==, 42);
  g_assert_cmpint (frame->full_width, ==, 2);
  g_assert_cmpint (frame->full_height, ==, 1);
  g_assert_true (rtk_frame_ref (frame) == frame);
  rtk_frame_unref (frame);
  g_assert_false (is_freed);
  rtk_frame_unref (frame);
  g_assert_true (is_freed);
}

static void
frame_cb (RtkCamera *camera, RtkFrame *frame, gpointer user_data)
{
  *(guint64 *)user_data = frame->serial;
}

static void
code_cb (RtkCamera *camera, const char *symbology, const char *payload, gpointer user_data)
{
  g_assert_cmpstr (symbology, ==, "QR-Code");
  *(char **)user_data = g_strdup (payload);
}

static void
count_cb (RtkCamera *camera, GParamSpec *pspec, gpointer user_data)
{
  (*(guint *)user_data)++;
}

static void
test_interface (void)
{
  RtkTestCamera   *scripted = rtk_test_camera_new ();
  RtkCamera       *camera = RTK_CAMERA (scripted);
  g_autofree char *payload = NULL;
  guint64          seen = 0, pushed;
  guint            n_changes = 0;

  g_signal_connect (camera, "frame", G_CALLBACK (frame_cb), &seen);
  g_signal_connect (camera, "code", G_CALLBACK (code_cb), &payload);
  g_signal_connect (camera, "notify::state", G_CALLBACK (count_cb), &n_changes);
  rtk_test_camera_set_state (scripted, RTK_CAMERA_LOST);
  g_assert_cmpint (rtk_camera_get_state (camera), ==, RTK_CAMERA_LOST);
  g_assert_cmpuint (n_changes, ==, 1);
  pushed = rtk_test_camera_push_frame (scripted);
  g_assert_cmpuint (seen, ==, pushed);
  rtk_camera_emit_code (camera, "QR-Code", "采集码");
  g_assert_cmpstr (payload, ==, "采集码");
  rtk_camera_set_scanning (camera, TRUE);
  g_assert_true (scripted->scanning);
  g_assert_true (rtk_camera_get_devices (camera) == G_LIST_MODEL (scripted->devices));
  g_assert_finalize_object (scripted);
}

static void
test_words (void)
{
  g_autoptr (GHashTable) words = g_hash_table_new (g_str_hash, g_str_equal);

  for (int i = RTK_CAMERA_OFF; i <= RTK_CAMERA_FAILED; i++)
    g_assert_true (
        g_hash_table_add (words, (gpointer)rtk_camera_state_to_string ((RtkCameraState)i)));
  g_assert_cmpuint (g_hash_table_size (words), ==, RTK_CAMERA_FAILED + 1);
  g_assert_cmpstr (rtk_camera_state_to_string (RTK_CAMERA_LIVE), ==, "live");
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/core/camera/device", test_device);
  g_test_add_func ("/core/camera/frame", test_frame);
  g_test_add_func ("/core/camera/interface", test_interface);
  g_test_add_func ("/core/camera/words", test_words);
  return g_test_run ();
}
