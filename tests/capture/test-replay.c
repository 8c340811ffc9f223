/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "core/rtk-error.h"
#include "support.h"

typedef struct {
  TestCamera base;
  char      *folder; /* (owned) */
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = test_make_folder ();
  test_camera_init (&fixture->base);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  test_camera_clear (&fixture->base);
  test_remove_folder (fixture->folder);
}

static char *
get_path (Fixture *fixture, const char *name)
{
  return g_build_filename (fixture->folder, name, NULL);
}

static void
start_replay (Fixture *fixture, const char *path)
{
  g_autofree char *id = g_strconcat ("replay:", path, NULL);

  rtk_camera_select (RTK_CAMERA (fixture->base.camera), id);
  rtk_camera_start (RTK_CAMERA (fixture->base.camera));
}

static void
write_file (const char *path, const void *bytes, gsize size)
{
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, bytes, (gssize)size, &error);
  g_assert_no_error (error);
}

/* Half a second of the four quarters. */
static char *
make_clip (Fixture *fixture)
{
  g_autofree char *picture = get_path (fixture, "clip.png");
  g_autofree char *location = g_strconcat ("location=", picture, NULL);
  char            *clip = get_path (fixture, "clip.mkv");
  g_autofree char *output = g_strconcat ("location=", clip, NULL);
  const char      *argv[] = {"gst-launch-1.0",
                             "-q",
                             "filesrc",
                             location,
                             "!",
                             "pngdec",
                             "!",
                             "imagefreeze",
                             "num-buffers=15",
                             "!",
                             "video/x-raw,framerate=30/1",
                             "!",
                             "videoconvert",
                             "!",
                             "video/x-raw,format=I420,colorimetry=(string)1:4:0:0",
                             "!",
                             "jpegenc",
                             "quality=95",
                             "!",
                             "matroskamux",
                             "!",
                             "filesink",
                             output,
                             NULL};

  test_write_quarters (picture, "png", 1600, 1200);
  test_run (argv);
  return clip;
}

static void
test_video (Fixture *fixture, gconstpointer data)
{
  TestCamera      *camera = &fixture->base;
  g_autofree char *clip = make_clip (fixture);
  g_autoptr (RtkStill) still = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkDevice) device = NULL;
  gint64 started, took;

  g_assert_cmpint (rtk_camera_get_state (RTK_CAMERA (camera->camera)), ==, RTK_CAMERA_OFF);
  start_replay (fixture, clip);
  g_assert_cmpint (rtk_camera_get_state (RTK_CAMERA (camera->camera)), ==, RTK_CAMERA_STARTING);
  test_camera_wait_for_state (camera, RTK_CAMERA_LIVE);
  device = rtk_camera_dup_device (RTK_CAMERA (camera->camera));
  g_assert_cmpint (rtk_device_get_kind (device), ==, RTK_DEVICE_REPLAY);
  g_assert_cmpstr (rtk_device_get_name (device), ==, "clip.mkv");

  /* Four times the clip: it goes on past its end, and at its own rate. */
  test_camera_wait_for_frames (camera, 1);
  started = camera->frame->time;
  while (camera->frame->time - started < 2 * G_USEC_PER_SEC)
    test_camera_wait_for_frames (camera, 1);
  took = camera->frame->time - started;
  g_assert_cmpint (took, <, 20 * G_USEC_PER_SEC);
  g_assert_cmpuint (camera->frame->serial, >, 20);
  g_test_message ("longest gap %d ms", (int)(camera->longest_gap_us / 1000));
  g_assert_cmpuint (camera->n_frames, <, 32 * (guint)(took / 1000) / 1000 + 20);

  g_assert_cmpint (rtk_image_get_format (camera->frame->image), ==, RTK_PIXEL_BGRA32);
  g_assert_cmpint (rtk_image_get_width (camera->frame->image), ==, 960);
  g_assert_cmpint (rtk_image_get_height (camera->frame->image), ==, 720);
  g_assert_cmpint (camera->frame->full_width, ==, 1600);
  g_assert_cmpint (camera->frame->full_height, ==, 1200);
  test_assert_quarters (camera->frame->image, "red", "green", "blue", "white", 6);

  still = test_camera_capture (camera, &error);
  g_assert_no_error (error);
  g_assert_null (still->original);
  g_assert_cmpint (rtk_image_get_format (still->image), ==, RTK_PIXEL_RGB24);
  g_assert_cmpint (rtk_image_get_width (still->image), ==, 1600);
  g_assert_cmpint (rtk_image_get_height (still->image), ==, 1200);
  test_assert_quarters (still->image, "red", "green", "blue", "white", 6);
  g_assert_cmpint (still->intake.rotated, ==, 0);
  g_assert_cmpstr (still->intake.colour, ==, "bt601-full");
  g_assert_cmpuint (still->serial, >=, camera->frame->serial - 1);
  g_assert_cmpint (ABS (g_get_real_time () - still->taken_at), <, 30 * G_USEC_PER_SEC);
}

static void
test_picture (Fixture *fixture, gconstpointer data)
{
  TestCamera      *camera = &fixture->base;
  g_autofree char *path = get_path (fixture, "picture.png");
  g_autoptr (RtkStill) still = NULL;
  g_autoptr (GError) error = NULL;

  test_write_quarters (path, "png", 501, 400);
  start_replay (fixture, path);
  test_camera_wait_for_frames (camera, 10);

  /* Never made larger, and an odd width is kept. */
  g_assert_cmpint (rtk_image_get_width (camera->frame->image), ==, 501);
  g_assert_cmpint (rtk_image_get_height (camera->frame->image), ==, 400);
  test_assert_quarters (camera->frame->image, "red", "green", "blue", "white", 0);

  still = test_camera_capture (camera, &error);
  g_assert_no_error (error);
  g_assert_cmpint (rtk_image_get_width (still->image), ==, 501);
  g_assert_cmpint (rtk_image_get_height (still->image), ==, 400);
  g_assert_cmpstr (still->intake.colour, ==, "srgb");
  test_assert_quarters (still->image, "red", "green", "blue", "white", 0);
}

/* How many columns of row 0 are red: tells where the window of the drifting picture stands. */
static int
get_edge (RtkImage *image)
{
  const guint8 *row = rtk_image_get_pixels (image);
  int           x = 0;

  while (x < rtk_image_get_width (image) && row[4 * x + 2] > 128)
    x++;
  return x;
}

static void
test_picture_moves (Fixture *fixture, gconstpointer data)
{
  TestCamera      *camera = &fixture->base;
  g_autofree char *path = get_path (fixture, "picture.png");
  int              least, most;

  test_write_quarters (path, "png", 480, 640);
  start_replay (fixture, path);
  test_camera_wait_for_frames (camera, 1);
  least = most = get_edge (camera->frame->image);
  while (camera->frame->serial < 60) {
    test_camera_wait_for_frames (camera, 1);
    least = MIN (least, get_edge (camera->frame->image));
    most = MAX (most, get_edge (camera->frame->image));
  }
  g_assert_cmpint (most - least, >, 0);
  g_assert_cmpint (least, >=, 240 - 6);
  g_assert_cmpint (most, <=, 240 + 6);
}

static void
test_picture_large (Fixture *fixture, gconstpointer data)
{
  TestCamera      *camera = &fixture->base;
  g_autofree char *path = get_path (fixture, "large.jpg");

  test_write_quarters (path, "jpeg", 3000, 4000);
  start_replay (fixture, path);
  test_camera_wait_for_frames (camera, 1);
  g_assert_cmpint (camera->frame->full_width, ==, 1440);
  g_assert_cmpint (camera->frame->full_height, ==, 1920);
  g_assert_cmpint (rtk_image_get_width (camera->frame->image), ==, 720);
  g_assert_cmpint (rtk_image_get_height (camera->frame->image), ==, 960);
  test_assert_quarters (camera->frame->image, "red", "green", "blue", "white", 6);
}

static void
test_picture_exif (Fixture *fixture, gconstpointer data)
{
  /* APP1 with one entry: Orientation = 6, "turn by 90 degrees clockwise to see it upright". */
  static const guint8 app1[] = {0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0,    'M', 'M',
                                0,    42,   0, 0,  0,   8,   0,   1,   1, 0x12, 0,   3,
                                0,    0,    0, 1,  0,   6,   0,   0,   0, 0,    0,   0};
  TestCamera         *camera = &fixture->base;
  g_autofree char    *path = get_path (fixture, "turned.jpg");
  g_autofree char    *plain = NULL;
  g_autoptr (GByteArray) turned = g_byte_array_new ();
  gsize size;

  test_write_quarters (path, "jpeg", 640, 480);
  g_assert_true (g_file_get_contents (path, &plain, &size, NULL));
  g_byte_array_append (turned, (guint8 *)plain, 2);
  g_byte_array_append (turned, app1, sizeof app1);
  g_byte_array_append (turned, (guint8 *)plain + 2, (guint)size - 2);
  write_file (path, turned->data, turned->len);

  start_replay (fixture, path);
  test_camera_wait_for_frames (camera, 1);
  g_assert_cmpint (rtk_image_get_width (camera->frame->image), ==, 480);
  g_assert_cmpint (rtk_image_get_height (camera->frame->image), ==, 640);
  test_assert_quarters (camera->frame->image, "blue", "red", "white", "green", 6);
}

static gboolean
is_portrait (gpointer data)
{
  TestCamera *camera = data;

  return rtk_image_get_height (camera->frame->image) > rtk_image_get_width (camera->frame->image);
}

static void
test_mounting (Fixture *fixture, gconstpointer data)
{
  TestCamera      *camera = &fixture->base;
  g_autofree char *path = get_path (fixture, "picture.png");
  g_autoptr (RtkStill) still = NULL;
  g_autoptr (GError) error = NULL;

  test_write_quarters (path, "png", 1600, 1000);
  start_replay (fixture, path);
  test_camera_wait_for_frames (camera, 2);
  test_assert_quarters (camera->frame->image, "red", "green", "blue", "white", 6);

  /* While it runs: mirrored back first, then turned clockwise. */
  rtk_gst_camera_set_mounting (camera->camera, 90, TRUE);
  test_wait_for (is_portrait, camera, "the turned picture");
  g_assert_cmpint (rtk_image_get_width (camera->frame->image), ==, 720);
  g_assert_cmpint (rtk_image_get_height (camera->frame->image), ==, 1152);
  g_assert_cmpint (camera->frame->full_width, ==, 1000);
  g_assert_cmpint (camera->frame->full_height, ==, 1600);
  test_assert_quarters (camera->frame->image, "white", "green", "blue", "red", 6);

  still = test_camera_capture (camera, &error);
  g_assert_no_error (error);
  g_assert_cmpint (rtk_image_get_width (still->image), ==, 1000);
  g_assert_cmpint (still->intake.rotated, ==, 90);
  g_assert_true (still->intake.unmirrored);
  test_assert_quarters (still->image, "white", "green", "blue", "red", 0);
}

static void
test_select_again (Fixture *fixture, gconstpointer data)
{
  TestCamera      *camera = &fixture->base;
  g_autofree char *first = get_path (fixture, "first.png");
  g_autofree char *second = get_path (fixture, "second.png");
  g_autofree char *second_id = g_strconcat ("replay:", second, NULL);
  g_autoptr (RtkDevice) device = NULL;
  g_autoptr (GError) error = NULL;
  guint64 serial;

  test_write_quarters (first, "png", 320, 240);
  test_write_quarters (second, "png", 240, 320);
  g_assert_true (rtk_gst_camera_add_replay (camera->camera, first, &error));
  g_assert_no_error (error);
  g_assert_true (rtk_gst_camera_add_replay (camera->camera, first, &error));
  start_replay (fixture, first);
  test_camera_wait_for_frames (camera, 3);
  g_assert_false (is_portrait (camera));
  serial = camera->frame->serial;

  start_replay (fixture, second);
  g_assert_cmpint (rtk_camera_get_state (RTK_CAMERA (camera->camera)), ==, RTK_CAMERA_STARTING);
  test_camera_wait_for_frames (camera, 1);
  g_assert_true (is_portrait (camera));
  g_assert_cmpuint (camera->frame->serial, >, serial);
  device = rtk_camera_dup_device (RTK_CAMERA (camera->camera));
  g_assert_cmpstr (rtk_device_get_id (device), ==, second_id);
}

static void
test_restart (Fixture *fixture, gconstpointer data)
{
  TestCamera      *camera = &fixture->base;
  g_autofree char *path = get_path (fixture, "picture.png");
  g_autoptr (RtkStill) still = NULL;
  g_autoptr (GError) error = NULL;
  guint n_frames;

  test_write_quarters (path, "png", 320, 240);
  start_replay (fixture, path);
  test_camera_wait_for_frames (camera, 2);
  rtk_camera_stop (RTK_CAMERA (camera->camera));
  g_assert_cmpint (rtk_camera_get_state (RTK_CAMERA (camera->camera)), ==, RTK_CAMERA_OFF);
  n_frames = camera->n_frames;

  still = test_camera_capture (camera, &error);
  g_assert_null (still);
  g_assert_error (error, RTK_ERROR, RTK_ERROR_CAMERA_LOST);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (camera->n_frames, ==, n_frames);

  rtk_camera_start (RTK_CAMERA (camera->camera));
  test_camera_wait_for_frames (camera, 2);
}

static void
assert_fails (Fixture *fixture, const char *path, RtkError code)
{
  start_replay (fixture, path);
  test_camera_wait_for_state (&fixture->base, RTK_CAMERA_FAILED);
  g_assert_error (rtk_gst_camera_get_error (fixture->base.camera), RTK_ERROR, (int)code);
  g_assert_cmpuint (fixture->base.n_frames, ==, 0);
}

static void
test_bad_files (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = get_path (fixture, "text.mp4");
  g_autofree char *empty = get_path (fixture, "empty.png");
  g_autofree char *torn = get_path (fixture, "torn.png");
  g_autofree char *cut = get_path (fixture, "cut.mkv");
  g_autofree char *sound = get_path (fixture, "sound.wav");
  g_autofree char *missing = get_path (fixture, "missing.mp4");
  g_autofree char *good = get_path (fixture, "good.png");
  g_autofree char *clip = make_clip (fixture);
  g_autofree char *bytes = NULL;
  g_autofree char *output = g_strconcat ("location=", sound, NULL);
  const char      *argv[] = {"gst-launch-1.0", "-q", "audiotestsrc", "num-buffers=50", "!",
                             "wavenc",         "!",  "filesink",     output,           NULL};
  g_autoptr (GError) error = NULL;
  gsize size;

  write_file (text, "This is no video, only a sentence.\n", 35);
  assert_fails (fixture, text, RTK_ERROR_BAD_PICTURE);
  write_file (empty, "", 0);
  assert_fails (fixture, empty, RTK_ERROR_BAD_PICTURE);
  write_file (torn, "\x89PNG\r\n\x1a\n and no more", 20);
  assert_fails (fixture, torn, RTK_ERROR_BAD_PICTURE);
  g_assert_true (g_file_get_contents (clip, &bytes, &size, NULL));
  write_file (cut, bytes, 300);
  assert_fails (fixture, cut, RTK_ERROR_BAD_PICTURE);
  test_run (argv);
  assert_fails (fixture, sound, RTK_ERROR_BAD_PICTURE);
  assert_fails (fixture, missing, RTK_ERROR_NOT_FOUND);
  g_assert_false (rtk_gst_camera_add_replay (fixture->base.camera, missing, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND);

  /* And it is not stuck there. */
  test_write_quarters (good, "png", 64, 64);
  start_replay (fixture, good);
  test_camera_wait_for_frames (&fixture->base, 2);
  g_assert_null (rtk_gst_camera_get_error (fixture->base.camera));
}

static void
test_real_video (Fixture *fixture, gconstpointer data)
{
  TestCamera      *camera = &fixture->base;
  const char      *folder = test_get_data_folder ();
  g_autofree char *path = NULL;
  g_autoptr (RtkStill) still = NULL;
  g_autoptr (GError) error = NULL;

  path = g_build_filename (folder != NULL ? folder : "", "video", "facing_camera_720p.mp4", NULL);
  if (folder == NULL || !g_file_test (path, G_FILE_TEST_EXISTS)) {
    g_test_skip ("testdata/video/facing_camera_720p.mp4 is not there");
    return;
  }
  start_replay (fixture, path);
  test_camera_wait_for_frames (camera, 20);
  g_assert_cmpint (rtk_image_get_width (camera->frame->image), ==, 1280);
  g_assert_cmpint (rtk_image_get_height (camera->frame->image), ==, 720);
  still = test_camera_capture (camera, &error);
  g_assert_no_error (error);
  g_assert_cmpint (rtk_image_get_width (still->image), ==, camera->frame->full_width);
  g_assert_cmpint (rtk_image_get_height (still->image), ==, camera->frame->full_height);
  g_test_message ("%u frames, %" G_GUINT64_FORMAT " dropped", camera->n_frames,
                  rtk_gst_camera_get_dropped (camera->camera));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/capture/replay/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("video", test_video);
  ADD ("picture", test_picture);
  ADD ("picture-moves", test_picture_moves);
  ADD ("picture-large", test_picture_large);
  ADD ("picture-exif", test_picture_exif);
  ADD ("mounting", test_mounting);
  ADD ("select-again", test_select_again);
  ADD ("restart", test_restart);
  ADD ("bad-files", test_bad_files);
  ADD ("real-video", test_real_video);
  return g_test_run ();
}
