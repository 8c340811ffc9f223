/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "core/rtk-error.h"
#include "support.h"

#include <gio/gio.h>
#include <signal.h>

/* Cameras here are publishers of a real picture in a private PipeWire session: to kill one is to
 * pull its cable. */
typedef struct {
  TestCamera base;
  char      *folder;     /* (owned) */
  GPtrArray *publishers; /* (owned): of GSubprocess */
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = test_make_folder ();
  fixture->publishers = g_ptr_array_new_with_free_func (g_object_unref);
  test_camera_init (&fixture->base);
}

static void
unplug (Fixture *fixture, GSubprocess *publisher)
{
  g_autoptr (GError) error = NULL;

  g_subprocess_force_exit (publisher);
  g_subprocess_wait (publisher, NULL, &error);
  g_assert_no_error (error);
  g_ptr_array_remove (fixture->publishers, publisher);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  test_camera_clear (&fixture->base);
  while (fixture->publishers->len > 0)
    unplug (fixture, g_ptr_array_index (fixture->publishers, 0));
  g_ptr_array_unref (fixture->publishers);
  test_remove_folder (fixture->folder);
}

static GSubprocess *
plug_in (Fixture *fixture, const char *name, const char *format, int width, int height)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_SILENCE);
  g_autoptr (GError) error = NULL;
  g_autofree char *picture = g_strdup_printf ("%s/%s.png", fixture->folder, name);
  GSubprocess     *publisher;

  test_write_quarters (picture, "png", width, height);
  publisher = g_subprocess_launcher_spawn (launcher, &error, g_getenv ("RTK_PUBLISH_CAMERA"), name,
                                           format, picture, NULL);
  g_assert_no_error (error);
  g_ptr_array_add (fixture->publishers, publisher);
  return publisher;
}

static gboolean
has_n_devices (Fixture *fixture, guint n)
{
  GListModel *devices = rtk_camera_get_devices (RTK_CAMERA (fixture->base.camera));

  return g_list_model_get_n_items (devices) == n;
}

static gboolean
has_one_device (gpointer data)
{
  return has_n_devices (data, 1);
}

static gboolean
has_two_devices (gpointer data)
{
  return has_n_devices (data, 2);
}

static gboolean
has_no_device (gpointer data)
{
  return has_n_devices (data, 0);
}

static void
test_frames (Fixture *fixture, gconstpointer data)
{
  TestCamera *camera = &fixture->base;
  g_autoptr (RtkDevice) device = NULL;
  g_autoptr (RtkStill) still = NULL;
  g_autoptr (GError) error = NULL;

  /* Nothing there: said, and picked up when one comes. */
  rtk_camera_start (RTK_CAMERA (camera->camera));
  test_camera_wait_for_state (camera, RTK_CAMERA_NONE);
  plug_in (fixture, "booth", "I420", 1920, 1080);
  test_camera_wait_for_frames (camera, 30);
  g_assert_cmpint (rtk_camera_get_state (RTK_CAMERA (camera->camera)), ==, RTK_CAMERA_LIVE);

  device = rtk_camera_dup_device (RTK_CAMERA (camera->camera));
  g_assert_cmpint (rtk_device_get_kind (device), ==, RTK_DEVICE_PIPEWIRE);
  g_assert_cmpstr (rtk_device_get_id (device), ==, "pipewire:booth");
  g_assert_cmpstr (rtk_device_get_name (device), ==, "booth");
  g_assert_cmpint (rtk_image_get_width (camera->frame->image), ==, 1280);
  g_assert_cmpint (rtk_image_get_height (camera->frame->image), ==, 720);
  g_assert_cmpint (camera->frame->full_width, ==, 1920);
  test_assert_quarters (camera->frame->image, "red", "green", "blue", "white", 6);

  still = test_camera_capture (camera, &error);
  g_assert_no_error (error);
  g_assert_cmpint (rtk_image_get_width (still->image), ==, 1920);
  g_assert_cmpint (rtk_image_get_height (still->image), ==, 1080);
  g_assert_cmpstr (still->intake.colour, ==, "bt709-limited");
  test_assert_quarters (still->image, "red", "green", "blue", "white", 6);
}

/* The camera's own file reaches the still byte for byte. */
static void
test_jpeg (Fixture *fixture, gconstpointer data)
{
  TestCamera *camera = &fixture->base;
  g_autoptr (RtkStill) still = NULL;
  g_autoptr (RtkStill) turned = NULL;
  g_autoptr (GError) error = NULL;
  const guint8 *bytes;
  gsize         size;

  plug_in (fixture, "jpeg", "JPEG", 800, 600);
  rtk_camera_start (RTK_CAMERA (camera->camera));
  test_camera_wait_for_frames (camera, 3);
  g_assert_cmpint (rtk_image_get_width (camera->frame->image), ==, 800);
  test_assert_quarters (camera->frame->image, "red", "green", "blue", "white", 6);
  still = test_camera_capture (camera, &error);
  g_assert_no_error (error);
  g_assert_nonnull (still->original);
  g_assert_null (still->image);
  g_assert_cmpstr (still->media_type, ==, "image/jpeg");
  bytes = g_bytes_get_data (still->original, &size);
  g_assert_cmpuint (size, >, 1000);
  g_assert_cmphex (bytes[0] << 8 | bytes[1], ==, 0xffd8);
  g_assert_cmphex (bytes[size - 2] << 8 | bytes[size - 1], ==, 0xffd9);

  /* One that has to be turned comes as a picture. */
  rtk_gst_camera_set_mounting (camera->camera, 180, FALSE);
  test_camera_wait_for_frames (camera, 3);
  turned = test_camera_capture (camera, &error);
  g_assert_no_error (error);
  g_assert_null (turned->original);
  g_assert_cmpint (turned->intake.rotated, ==, 180);
  test_assert_quarters (turned->image, "white", "blue", "green", "red", 6);
}

static void
test_unplug (Fixture *fixture, gconstpointer data)
{
  TestCamera  *camera = &fixture->base;
  GSubprocess *publisher = plug_in (fixture, "booth", "YUY2", 640, 480);
  g_autoptr (RtkStill) still = NULL;
  g_autoptr (GError) error = NULL;
  guint64 serial;

  rtk_camera_select (RTK_CAMERA (camera->camera), "pipewire:booth");
  rtk_camera_start (RTK_CAMERA (camera->camera));
  test_camera_wait_for_frames (camera, 10);
  serial = camera->frame->serial;

  unplug (fixture, publisher);
  test_camera_wait_for_state (camera, RTK_CAMERA_LOST);
  g_assert_error (rtk_gst_camera_get_error (camera->camera), RTK_ERROR, RTK_ERROR_CAMERA_LOST);
  still = test_camera_capture (camera, &error);
  g_assert_null (still);
  g_assert_error (error, RTK_ERROR, RTK_ERROR_CAMERA_LOST);
  test_wait_for (has_no_device, fixture, "the device to be gone");

  /* Another camera is not the chosen one. */
  plug_in (fixture, "other", "I420", 320, 240);
  test_wait_for (has_one_device, fixture, "the other device");
  g_assert_cmpint (rtk_camera_get_state (RTK_CAMERA (camera->camera)), ==, RTK_CAMERA_LOST);

  plug_in (fixture, "booth", "YUY2", 640, 480);
  test_camera_wait_for_state (camera, RTK_CAMERA_LIVE);
  test_camera_wait_for_frames (camera, 10);
  g_assert_null (rtk_gst_camera_get_error (camera->camera));
  g_assert_cmpuint (camera->frame->serial, >, serial);
  g_assert_cmpint (rtk_image_get_width (camera->frame->image), ==, 640);
}

/* A camera that is there but gives nothing any more, as a hub that hangs: the publisher is stopped,
 * not ended, so only the watchdog can tell. */
static void
test_quiet (Fixture *fixture, gconstpointer data)
{
  TestCamera  *camera = &fixture->base;
  GSubprocess *publisher = plug_in (fixture, "booth", "I420", 640, 480);

  rtk_camera_start (RTK_CAMERA (camera->camera));
  test_camera_wait_for_frames (camera, 5);
  g_subprocess_send_signal (publisher, SIGSTOP);
  test_camera_wait_for_state (camera, RTK_CAMERA_LOST);
  test_wait_for (has_one_device, fixture, "the silent device");
  g_subprocess_send_signal (publisher, SIGCONT);
  test_camera_wait_for_state (camera, RTK_CAMERA_LIVE);
  test_camera_wait_for_frames (camera, 5);
}

static gboolean
is_small (gpointer data)
{
  TestCamera *camera = data;

  return camera->frame != NULL && rtk_image_get_width (camera->frame->image) == 320;
}

static void
test_two (Fixture *fixture, gconstpointer data)
{
  TestCamera *camera = &fixture->base;
  g_autoptr (RtkDevice) device = NULL;

  plug_in (fixture, "large", "I420", 640, 480);
  plug_in (fixture, "small", "BGRx", 320, 240);
  test_wait_for (has_two_devices, fixture, "two devices");

  rtk_camera_select (RTK_CAMERA (camera->camera), "pipewire:large");
  rtk_camera_start (RTK_CAMERA (camera->camera));
  test_camera_wait_for_frames (camera, 5);
  g_assert_cmpint (rtk_image_get_width (camera->frame->image), ==, 640);

  rtk_camera_select (RTK_CAMERA (camera->camera), "pipewire:small");
  test_wait_for (is_small, camera, "the small camera's picture");
  test_assert_quarters (camera->frame->image, "red", "green", "blue", "white", 6);
  device = rtk_camera_dup_device (RTK_CAMERA (camera->camera));
  g_assert_cmpstr (rtk_device_get_id (device), ==, "pipewire:small");
}

/* With none chosen, any other camera takes over. */
static void
test_take_over (Fixture *fixture, gconstpointer data)
{
  TestCamera  *camera = &fixture->base;
  GSubprocess *publisher = plug_in (fixture, "large", "I420", 640, 480);

  rtk_camera_start (RTK_CAMERA (camera->camera));
  test_camera_wait_for_frames (camera, 2);
  plug_in (fixture, "small", "I420", 320, 240);
  test_wait_for (has_two_devices, fixture, "two devices");
  test_camera_wait_for_frames (camera, 2);
  g_assert_cmpint (rtk_image_get_width (camera->frame->image), ==, 640);
  unplug (fixture, publisher);
  test_wait_for (is_small, camera, "the small camera's picture");
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func)                                                                            \
  g_test_add ("/capture/pipewire/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("frames", test_frames);
  ADD ("jpeg", test_jpeg);
  ADD ("unplug", test_unplug);
  ADD ("quiet", test_quiet);
  ADD ("two", test_two);
  ADD ("take-over", test_take_over);
  return g_test_run ();
}
