/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "support.h"

#include <gdk-pixbuf/gdk-pixbuf.h>
#include <glib/gstdio.h>

static gboolean
timeout_cb (gpointer user_data)
{
  *(gboolean *)user_data = TRUE;
  return G_SOURCE_REMOVE;
}

/* Runs the main context until @condition holds; the test fails when that takes too long. */
void
test_wait_for (TestCondition condition, gpointer data, const char *what)
{
  gboolean timed_out = FALSE;
  guint    id = g_timeout_add_seconds (TEST_TIMEOUT_S, timeout_cb, &timed_out);

  while (!condition (data) && !timed_out)
    g_main_context_iteration (NULL, TRUE);
  if (timed_out)
    g_error ("waited in vain for: %s", what);
  g_source_remove (id);
}

static void
frame_cb (RtkCamera *camera, RtkFrame *frame, gpointer user_data)
{
  TestCamera *self = user_data;

  if (self->frame != NULL) {
    g_assert_cmpuint (frame->serial, >, self->frame->serial);
    self->longest_gap_us = MAX (self->longest_gap_us, frame->time - self->frame->time);
    rtk_frame_unref (self->frame);
  }
  self->frame = rtk_frame_ref (frame);
  self->n_frames++;
}

static void
code_cb (RtkCamera *camera, const char *symbology, const char *payload, gpointer user_data)
{
  TestCamera *self = user_data;

  g_ptr_array_add (self->codes, g_strdup (payload));
}

void
test_camera_init (TestCamera *self)
{
  *self = (TestCamera){.camera = rtk_gst_camera_new ()};
  self->codes = g_ptr_array_new_with_free_func (g_free);
  g_signal_connect (self->camera, "frame", G_CALLBACK (frame_cb), self);
  g_signal_connect (self->camera, "code", G_CALLBACK (code_cb), self);
}

void
test_camera_clear (TestCamera *self)
{
  rtk_camera_stop (RTK_CAMERA (self->camera));
  g_assert_cmpint (rtk_camera_get_state (RTK_CAMERA (self->camera)), ==, RTK_CAMERA_OFF);
  g_signal_handlers_disconnect_by_data (self->camera, self);
  g_assert_finalize_object (self->camera);
  g_clear_pointer (&self->frame, rtk_frame_unref);
  g_ptr_array_unref (self->codes);
}

typedef struct {
  TestCamera *camera;
  int         state;
  guint       n_frames;
} Wish;

static gboolean
has_state (gpointer data)
{
  Wish *wish = data;

  return (int)rtk_camera_get_state (RTK_CAMERA (wish->camera->camera)) == wish->state;
}

static gboolean
has_frames (gpointer data)
{
  Wish *wish = data;

  return wish->camera->n_frames >= wish->n_frames;
}

void
test_camera_wait_for_state (TestCamera *self, RtkCameraState state)
{
  Wish wish = {.camera = self, .state = (int)state};

  test_wait_for (has_state, &wish, rtk_camera_state_to_string (state));
}

void
test_camera_wait_for_frames (TestCamera *self, guint n_more)
{
  Wish wish = {.camera = self, .n_frames = self->n_frames + n_more};

  test_wait_for (has_frames, &wish, "frames");
}

static void
captured_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **)user_data = g_object_ref (result);
}

static gboolean
is_set (gpointer data)
{
  return *(gpointer *)data != NULL;
}

RtkStill *
test_camera_capture (TestCamera *self, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  rtk_camera_capture_async (RTK_CAMERA (self->camera), NULL, captured_cb, &result);
  test_wait_for (is_set, &result, "the still");
  return rtk_camera_capture_finish (RTK_CAMERA (self->camera), result, error);
}

char *
test_make_folder (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("retake-capture-XXXXXX", &error);

  g_assert_no_error (error);
  return folder;
}

void
test_remove_folder (char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    g_remove (path);
  }
  g_rmdir (folder);
  g_free (folder);
}

/* Runs a program to its end and expects it to succeed. GStreamer's own tools may warn, so they do
 * not get the test's G_DEBUG. */
void
test_run (const char *const *argv)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) environment = g_environ_unsetenv (g_get_environ (), "G_DEBUG");
  int status = -1;

  g_spawn_sync (NULL, (char **)argv, environment,
                G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                NULL, NULL, NULL, &status, &error);
  g_assert_no_error (error);
  g_spawn_check_wait_status (status, &error);
  g_assert_no_error (error);
}

void
test_write_quarters (const char *path, const char *type, int width, int height)
{
  g_autoptr (GdkPixbuf) pixbuf = gdk_pixbuf_new (GDK_COLORSPACE_RGB, FALSE, 8, width, height);
  g_autoptr (GError) error = NULL;
  const guint32 colours[4] = {0xff0000ff, 0x00ff00ff, 0x0000ffff, 0xffffffff};

  for (int i = 0; i < 4; i++) {
    int x = i % 2 == 0 ? 0 : width / 2;
    int y = i / 2 == 0 ? 0 : height / 2;
    g_autoptr (GdkPixbuf) part = gdk_pixbuf_new_subpixbuf (
        pixbuf, x, y, x == 0 ? width / 2 : width - x, y == 0 ? height / 2 : height - y);

    gdk_pixbuf_fill (part, colours[i]);
  }
  gdk_pixbuf_save (pixbuf, path, type, &error, NULL);
  g_assert_no_error (error);
}

static void
assert_colour (RtkImage *image, int x, int y, const char *name, int tolerance)
{
  static const struct {
    const char *name;
    int         rgb[3];
  } colours[] = {
      {"red", {255, 0, 0}},
      {"green", {0, 255, 0}},
      {"blue", {0, 0, 255}},
      {"white", {255, 255, 255}},
  };
  gboolean      bgra = rtk_image_get_format (image) == RTK_PIXEL_BGRA32;
  const guint8 *pixel = rtk_image_get_pixels (image) + (gsize)y * rtk_image_get_stride (image) +
                        (gsize)x * (bgra ? 4 : 3);

  for (guint i = 0; i < G_N_ELEMENTS (colours); i++) {
    if (!g_str_equal (colours[i].name, name))
      continue;
    for (int c = 0; c < 3; c++)
      g_assert_cmpint (ABS (pixel[bgra ? 2 - c : c] - colours[i].rgb[c]), <=, tolerance);
    if (bgra)
      g_assert_cmpint (pixel[3], ==, 255);
    return;
  }
  g_assert_not_reached ();
}

void
test_assert_quarters (RtkImage   *image,
                      const char *top_left,
                      const char *top_right,
                      const char *bottom_left,
                      const char *bottom_right,
                      int         tolerance)
{
  int width = rtk_image_get_width (image);
  int height = rtk_image_get_height (image);

  assert_colour (image, width / 4, height / 4, top_left, tolerance);
  assert_colour (image, width * 3 / 4, height / 4, top_right, tolerance);
  assert_colour (image, width / 4, height * 3 / 4, bottom_left, tolerance);
  assert_colour (image, width * 3 / 4, height * 3 / 4, bottom_right, tolerance);
}

/* The folder of test pictures that are not shipped, or NULL. */
const char *
test_get_data_folder (void)
{
  const char *folder = g_getenv ("RTK_TESTDATA");

  return folder != NULL && g_file_test (folder, G_FILE_TEST_IS_DIR) ? folder : NULL;
}
