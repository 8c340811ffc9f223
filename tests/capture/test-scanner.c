/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "capture/rtk-code-scanner.h"
#include "support.h"

#include <gdk-pixbuf/gdk-pixbuf.h>
#include <string.h>

/* What was read: "SYMBOLOGY payload", one entry a signal. */
static void
code_cb (RtkCodeScanner *scanner, const char *symbology, const char *payload, gpointer user_data)
{
  g_ptr_array_add (user_data, g_strconcat (symbology, " ", payload, NULL));
}

static gboolean
is_idle (gpointer data)
{
  return !rtk_code_scanner_is_scanning (data);
}

/* A picture in the middle of a grey frame, as if held up to a camera. */
static RtkFrame *
load_frame (const char *path, int width, int height, gint64 time)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GdkPixbuf) file = gdk_pixbuf_new_from_file (path, &error);
  g_autoptr (GdkPixbuf) frame = NULL;
  g_autoptr (RtkImage) image = NULL;
  const guint8 *in;
  guint8       *out;
  int           in_width, in_height, n_channels;

  g_assert_no_error (error);
  in_width = gdk_pixbuf_get_width (file);
  in_height = gdk_pixbuf_get_height (file);
  width = MAX (width, in_width);
  height = MAX (height, in_height);
  frame = gdk_pixbuf_new (GDK_COLORSPACE_RGB, FALSE, 8, width, height);
  gdk_pixbuf_fill (frame, 0xb0b0b0ff);
  gdk_pixbuf_composite (file, frame, (width - in_width) / 2, (height - in_height) / 2, in_width,
                        in_height, (width - in_width) / 2, (height - in_height) / 2, 1, 1,
                        GDK_INTERP_NEAREST, 255);
  n_channels = gdk_pixbuf_get_n_channels (frame);
  out = g_malloc ((gsize)width * (gsize)height * 4);
  for (int y = 0; y < height; y++) {
    in = gdk_pixbuf_read_pixels (frame) + y * gdk_pixbuf_get_rowstride (frame);
    for (int x = 0; x < width; x++) {
      guint8 *pixel = out + ((gsize)y * (gsize)width + (gsize)x) * 4;

      pixel[0] = in[x * n_channels + 2];
      pixel[1] = in[x * n_channels + 1];
      pixel[2] = in[x * n_channels];
      pixel[3] = 255;
    }
  }
  image = rtk_image_new_take (RTK_PIXEL_BGRA32, width, height, (gsize)width * 4, out);
  return rtk_frame_new (image, 1, time);
}

static void
scan (RtkCodeScanner *scanner, RtkFrame *frame)
{
  g_assert_true (rtk_code_scanner_offer (scanner, frame));
  test_wait_for (is_idle, scanner, "the scanner");
}

static void
make_qr (const char *path, const char *text)
{
  const char *argv[] = {"qrencode", "-s", "6", "-m", "4", "-o", path, text, NULL};

  test_run (argv);
}

static gboolean
has_qrencode (void)
{
  g_autofree char *program = g_find_program_in_path ("qrencode");

  if (program == NULL)
    g_test_skip ("qrencode is not installed");
  return program != NULL;
}

static void
test_utf8 (void)
{
  g_autoptr (RtkCodeScanner) scanner = rtk_code_scanner_new ();
  g_autoptr (GPtrArray) codes = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (RtkFrame) frame = NULL;
  g_autofree char *path = NULL;
  char            *folder;

  if (!has_qrencode ())
    return;
  folder = test_make_folder ();
  path = g_build_filename (folder, "code.png", NULL);
  g_signal_connect (scanner, "code", G_CALLBACK (code_cb), codes);
  make_qr (path, "补拍-张三-0042");
  frame = load_frame (path, 1280, 720, G_USEC_PER_SEC);
  scan (scanner, frame);
  g_assert_cmpuint (codes->len, ==, 1);
  g_assert_cmpstr (g_ptr_array_index (codes, 0), ==, "QR-Code 补拍-张三-0042");
  test_remove_folder (folder);
  g_assert_finalize_object (g_steal_pointer (&scanner));
}

/* A code that lies in view is told once; after two seconds out of view it is told again. The times
 * are those of the frames, so that nothing has to be waited for. */
static void
test_once (void)
{
  g_autoptr (RtkCodeScanner) scanner = rtk_code_scanner_new ();
  g_autoptr (GPtrArray) codes = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (RtkFrame) frame = NULL;
  g_autofree char *path = NULL;
  char            *folder;

  if (!has_qrencode ())
    return;
  folder = test_make_folder ();
  path = g_build_filename (folder, "code.png", NULL);
  g_signal_connect (scanner, "code", G_CALLBACK (code_cb), codes);
  make_qr (path, "once");
  frame = load_frame (path, 640, 480, 0);
  for (int i = 1; i <= 20; i++) {
    frame->time = i * G_USEC_PER_SEC;
    scan (scanner, frame);
  }
  g_assert_cmpuint (codes->len, ==, 1);

  /* A frame that comes too early is not searched, one after a fifth of a second is. */
  frame->time += 100 * 1000;
  g_assert_false (rtk_code_scanner_offer (scanner, frame));
  frame->time += 100 * 1000;
  g_assert_true (rtk_code_scanner_offer (scanner, frame));
  frame->time += G_USEC_PER_SEC;
  /* Never queued: the one before is still at work. */
  g_assert_false (rtk_code_scanner_offer (scanner, frame));
  test_wait_for (is_idle, scanner, "the scanner");

  frame->time += 3 * G_USEC_PER_SEC;
  scan (scanner, frame);
  g_assert_cmpuint (codes->len, ==, 2);

  /* Forgetting tells it again at once. */
  rtk_code_scanner_forget (scanner);
  frame->time += G_USEC_PER_SEC;
  scan (scanner, frame);
  g_assert_cmpuint (codes->len, ==, 3);
  test_remove_folder (folder);
  g_assert_finalize_object (g_steal_pointer (&scanner));
}

/* Left in the middle of its work. */
static void
test_dispose (void)
{
  RtkCodeScanner *scanner = rtk_code_scanner_new ();
  g_autoptr (RtkFrame) frame = NULL;
  g_autofree char *path = NULL;
  char            *folder = test_make_folder ();

  path = g_build_filename (folder, "picture.png", NULL);
  test_write_quarters (path, "png", 1280, 720);
  frame = load_frame (path, 1280, 720, G_USEC_PER_SEC);
  g_assert_true (rtk_code_scanner_offer (scanner, frame));
  g_assert_finalize_object (scanner);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  test_remove_folder (folder);
}

static void
test_pictures (void)
{
  static const struct {
    const char *name;
    const char *symbology; /* NULL: of a kind that is not looked for */
  } pictures[] = {
      {"qrcode-2_9", "QR-Code"},   {"qrcode-2_10", "QR-Code"}, {"qrcode-2_11", "QR-Code"},
      {"qrcode-2_14", "QR-Code"},  {"qrcode-2_2", "QR-Code"},  {"code128-1_1", "CODE-128"},
      {"code128-1_5", "CODE-128"}, {"pdf417-1_03", NULL},      {"pdf417-1_06", NULL},
  };
  const char      *data = test_get_data_folder ();
  g_autofree char *folder = g_build_filename (data != NULL ? data : "", "codes", NULL);

  if (data == NULL || !g_file_test (folder, G_FILE_TEST_IS_DIR)) {
    g_test_skip ("testdata/codes is not there");
    return;
  }
  for (guint i = 0; i < G_N_ELEMENTS (pictures); i++) {
    g_autoptr (RtkCodeScanner) scanner = rtk_code_scanner_new ();
    g_autoptr (GPtrArray) codes = g_ptr_array_new_with_free_func (g_free);
    g_autofree char *path = g_strconcat (folder, "/", pictures[i].name, ".png", NULL);
    g_autofree char *text_path = g_strconcat (folder, "/", pictures[i].name, ".txt", NULL);
    g_autofree char *text = NULL;
    g_autofree char *expected = NULL;
    g_autoptr (RtkFrame) frame = load_frame (path, 640, 480, G_USEC_PER_SEC);

    g_test_message ("%s", pictures[i].name);
    g_signal_connect (scanner, "code", G_CALLBACK (code_cb), codes);
    scan (scanner, frame);
    if (pictures[i].symbology == NULL) {
      g_assert_cmpuint (codes->len, ==, 0);
      continue;
    }
    g_assert_true (g_file_get_contents (text_path, &text, NULL, NULL));
    expected = g_strconcat (pictures[i].symbology, " ", text, NULL);
    g_assert_cmpuint (codes->len, ==, 1);
    g_assert_cmpstr (g_ptr_array_index (codes, 0), ==, expected);
  }
}

static gboolean
has_code (gpointer data)
{
  return ((TestCamera *)data)->codes->len > 0;
}

/* From the camera's own frames, only while it is asked for. */
static void
test_camera (void)
{
  TestCamera       camera;
  g_autofree char *path = NULL;
  g_autofree char *id = NULL;
  char            *folder;

  if (!has_qrencode ())
    return;
  folder = test_make_folder ();
  path = g_build_filename (folder, "code.png", NULL);
  id = g_strconcat ("replay:", path, NULL);
  make_qr (path, "from the camera");
  test_camera_init (&camera);
  rtk_camera_select (RTK_CAMERA (camera.camera), id);
  rtk_camera_start (RTK_CAMERA (camera.camera));
  test_camera_wait_for_frames (&camera, 15);
  g_assert_cmpuint (camera.codes->len, ==, 0);
  rtk_camera_set_scanning (RTK_CAMERA (camera.camera), TRUE);
  test_wait_for (has_code, &camera, "the code");
  test_camera_wait_for_frames (&camera, 15);
  g_assert_cmpuint (camera.codes->len, ==, 1);
  g_assert_cmpstr (g_ptr_array_index (camera.codes, 0), ==, "from the camera");

  /* Asked for again: the code in view is told again. */
  rtk_camera_set_scanning (RTK_CAMERA (camera.camera), FALSE);
  rtk_camera_set_scanning (RTK_CAMERA (camera.camera), TRUE);
  g_ptr_array_set_size (camera.codes, 0);
  test_wait_for (has_code, &camera, "the code");
  test_camera_clear (&camera);
  test_remove_folder (folder);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/capture/scanner/utf8", test_utf8);
  g_test_add_func ("/capture/scanner/once", test_once);
  g_test_add_func ("/capture/scanner/dispose", test_dispose);
  g_test_add_func ("/capture/scanner/pictures", test_pictures);
  g_test_add_func ("/capture/scanner/camera", test_camera);
  return g_test_run ();
}
