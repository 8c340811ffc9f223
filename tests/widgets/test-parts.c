/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../session/desk.h"
#include "find.h"
#include "widgets/rtk-advice-box.h"
#include "widgets/rtk-call-up-list.h"
#include "widgets/rtk-check-pane.h"
#include "widgets/rtk-check-row.h"
#include "widgets/rtk-result-pane.h"
#include "widgets/rtk-retake-page.h"
#include "widgets/rtk-sign-in-page.h"
#include "widgets/rtk-status-lights.h"
#include "widgets/rtk-subject-pane.h"
#include "widgets/rtk-texture.h"
#include "widgets/rtk-viewfinder.h"
#include "widgets/rtk-welcome.h"
#include "widgets/rtk-window.h"
#include "widgets/rtk-words.h"

#include <math.h>

/* Everything that has a template: each is made, shown and thrown away without a warning, which the
 * test environment makes fatal. */
static void
test_templates (void)
{
  GType types[] = {
      RTK_TYPE_ADVICE_BOX,  RTK_TYPE_CALL_UP_LIST, RTK_TYPE_CHECK_PANE,    RTK_TYPE_RESULT_PANE,
      RTK_TYPE_RETAKE_PAGE, RTK_TYPE_SIGN_IN_PAGE, RTK_TYPE_STATUS_LIGHTS, RTK_TYPE_SUBJECT_PANE,
      RTK_TYPE_VIEWFINDER,  RTK_TYPE_WELCOME,
  };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++) {
    GtkWidget *window = gtk_window_new ();
    GtkWidget *widget = g_object_new (types[i], NULL);

    g_object_ref (widget);
    gtk_window_set_child (GTK_WINDOW (window), widget);
    gtk_window_present (GTK_WINDOW (window));
    rtk_test_wait_for (gtk_widget_get_mapped (widget));
    gtk_window_destroy (GTK_WINDOW (window));
    rtk_test_drain ();
    g_assert_finalize_object (widget);
  }
}

static RtkReport *
make_report (RtkRulePack *pack, RtkCheckId spoilt)
{
  g_autoptr (RtkAnalysis) analysis = rtk_test_analysis_new (pack);

  if (spoilt != RTK_N_CHECKS)
    rtk_test_analysis_spoil (analysis, pack, spoilt);
  return rtk_rules_judge (pack, analysis, NULL, FALSE);
}

static void
test_check_row (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (RtkTestClock) clock = rtk_test_clock_new (0);
  g_autoptr (RtkCheckList) checks = rtk_check_list_new (RTK_CLOCK (clock), pack);
  g_autoptr (RtkReport) good = make_report (pack, RTK_N_CHECKS);
  g_autoptr (RtkReport) bad = make_report (pack, RTK_CHECK_MOUTH_CLOSED);
  GtkWidget *row = rtk_check_row_new (rtk_check_list_find (checks, RTK_CHECK_MOUTH_CLOSED));
  GtkImage  *icon;

  g_object_ref_sink (row);
  icon = GTK_IMAGE (rtk_test_find_type (row, GTK_TYPE_IMAGE));
  g_assert_true (gtk_widget_has_css_class (row, "verdict-unknown"));
  rtk_check_list_reset (checks, good);
  g_assert_true (gtk_widget_has_css_class (row, "verdict-pass"));
  g_assert_cmpstr (gtk_image_get_icon_name (icon), ==, "rtk-pass-symbolic");
  g_assert_cmpstr (gtk_label_get_text (GTK_LABEL (gtk_widget_get_last_child (row))), ==, "Pass");
  rtk_check_list_reset (checks, bad);
  g_assert_true (gtk_widget_has_css_class (row, "verdict-fail"));
  g_assert_false (gtk_widget_has_css_class (row, "verdict-pass"));
  g_assert_cmpstr (gtk_image_get_icon_name (icon), ==, "rtk-fail-symbolic");
  g_assert_cmpstr (gtk_label_get_text (GTK_LABEL (gtk_widget_get_last_child (row))), ==, "Fail");
  g_assert_finalize_object (row);
}

static RtkCheckId
first_chip (GtkWidget *pane)
{
  GtkWidget *row = rtk_test_find_type (pane, RTK_TYPE_CHECK_ROW);

  g_assert_nonnull (row);
  return rtk_check_item_get_id (rtk_check_row_get_item (RTK_CHECK_ROW (row)));
}

static void
test_check_pane (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (RtkTestClock) clock = rtk_test_clock_new (0);
  g_autoptr (RtkCheckList) checks = rtk_check_list_new (RTK_CLOCK (clock), pack);
  g_autoptr (RtkReport) good = make_report (pack, RTK_N_CHECKS);
  g_autoptr (RtkReport) bad = make_report (pack, RTK_CHECK_MOUTH_CLOSED);
  GtkWidget *pane = rtk_check_pane_new ();
  RtkCheckId first;

  g_object_ref_sink (pane);
  rtk_check_pane_set_checks (RTK_CHECK_PANE (pane), checks);
  rtk_check_list_reset (checks, good);
  first = first_chip (pane);
  g_assert_cmpint (first, !=, RTK_CHECK_MOUTH_CLOSED);
  /* Live, a chip that fails stays where it is; for a finished photo it comes first. */
  rtk_check_list_reset (checks, bad);
  g_assert_cmpint (first_chip (pane), ==, first);
  rtk_check_pane_set_worst_first (RTK_CHECK_PANE (pane), TRUE);
  g_assert_cmpint (first_chip (pane), ==, RTK_CHECK_MOUTH_CLOSED);
  rtk_check_pane_set_worst_first (RTK_CHECK_PANE (pane), FALSE);
  g_assert_cmpint (first_chip (pane), ==, first);
  g_assert_finalize_object (pane);
}

/* A frame of two colours: the left half red, the right half green. */
static RtkFrame *
make_frame (void)
{
  guint8 *pixels = g_malloc (640 * 360 * 4);
  g_autoptr (RtkImage) image = NULL;

  for (int i = 0; i < 640 * 360; i++) {
    guint8 *p = pixels + 4 * i;

    p[0] = 0;
    p[1] = i % 640 < 320 ? 0 : 255;
    p[2] = i % 640 < 320 ? 255 : 0;
    p[3] = 255;
  }
  image = rtk_image_new_take (RTK_PIXEL_BGRA32, 640, 360, 640 * 4, pixels);
  return rtk_frame_new (image, 1, 0);
}

static guint32
shown_pixel (GtkWidget *widget, int x, int y)
{
  GtkSnapshot       *snapshot = gtk_snapshot_new ();
  GskRenderNode     *node;
  GdkTexture        *texture;
  GskRenderer       *renderer = gtk_native_get_renderer (gtk_widget_get_native (widget));
  int                width = gtk_widget_get_width (widget), height = gtk_widget_get_height (widget);
  guint32            pixel;
  g_autofree guint8 *data = g_malloc ((gsize)width * height * 4);

  GTK_WIDGET_GET_CLASS (widget)->snapshot (widget, snapshot);
  node = gtk_snapshot_free_to_node (snapshot);
  g_assert_nonnull (node);
  texture = gsk_renderer_render_texture (renderer, node,
                                         &GRAPHENE_RECT_INIT (0, 0, (float)width, (float)height));
  gdk_texture_download (texture, data, (gsize)width * 4);
  memcpy (&pixel, data + ((gsize)y * width + x) * 4, 4);
  g_object_unref (texture);
  gsk_render_node_unref (node);
  return pixel & 0xffffff;
}

static void
test_viewfinder (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (RtkFrame) frame = make_frame ();
  GtkWidget *window = gtk_window_new ();
  GtkWidget *viewfinder = rtk_viewfinder_new ();
  RtkImage  *image = frame->image;

  gtk_window_set_default_size (GTK_WINDOW (window), 640, 360);
  gtk_window_set_decorated (GTK_WINDOW (window), FALSE);
  gtk_window_set_child (GTK_WINDOW (window), viewfinder);
  gtk_window_present (GTK_WINDOW (window));
  rtk_test_wait_for (gtk_widget_get_mapped (viewfinder) && gtk_widget_get_width (viewfinder) > 0);
  rtk_viewfinder_set_frame (RTK_VIEWFINDER (viewfinder), frame);
  rtk_viewfinder_set_camera_state (RTK_VIEWFINDER (viewfinder), RTK_CAMERA_LIVE);
  rtk_test_drain ();
  g_assert_cmphex (shown_pixel (viewfinder, 10, 180), ==, 0xff0000);
  rtk_viewfinder_set_mirrored (RTK_VIEWFINDER (viewfinder), TRUE);
  rtk_test_drain ();
  g_assert_cmphex (shown_pixel (viewfinder, 10, 180), ==, 0x00ff00);
  /* The frame itself is as it was: mirroring is only seen here. */
  g_assert_cmpint (rtk_image_get_pixels (image)[2], ==, 255);

  /* With a subject open the room around the crop is dimmed. */
  rtk_viewfinder_set_pack (RTK_VIEWFINDER (viewfinder), pack);
  rtk_viewfinder_set_guided (RTK_VIEWFINDER (viewfinder), TRUE);
  rtk_test_drain ();
  g_assert_cmphex (shown_pixel (viewfinder, 10, 180), !=, 0x00ff00);
  gtk_window_destroy (GTK_WINDOW (window));
}

static void
test_viewfinder_says (void)
{
  const RtkCameraState states[] = {RTK_CAMERA_OFF,  RTK_CAMERA_STARTING, RTK_CAMERA_LOST,
                                   RTK_CAMERA_BUSY, RTK_CAMERA_NONE,     RTK_CAMERA_FAILED};
  GtkWidget           *viewfinder = rtk_viewfinder_new ();
  GtkWidget           *notice = gtk_widget_get_first_child (viewfinder);
  GtkWidget           *title = rtk_test_find_type (notice, GTK_TYPE_LABEL);

  g_object_ref_sink (viewfinder);
  for (guint i = 0; i < G_N_ELEMENTS (states); i++) {
    const char *what, *advice;

    rtk_viewfinder_set_camera_state (RTK_VIEWFINDER (viewfinder), states[i]);
    rtk_words_camera (states[i], &what, &advice);
    g_assert_true (gtk_widget_get_visible (notice));
    g_assert_cmpstr (gtk_label_get_text (GTK_LABEL (title)), ==, what);
    g_assert_cmpstr (advice, !=, "");
  }
  rtk_viewfinder_set_camera_state (RTK_VIEWFINDER (viewfinder), RTK_CAMERA_LIVE);
  g_assert_false (gtk_widget_get_visible (notice));
  g_assert_finalize_object (viewfinder);
}

static void
test_words (void)
{
  for (RtkVerdict verdict = RTK_VERDICT_PASS; verdict <= RTK_VERDICT_UNKNOWN; verdict++)
    g_assert_true (
        gtk_icon_theme_has_icon (gtk_icon_theme_get_for_display (gdk_display_get_default ()),
                                 rtk_words_verdict_icon (verdict)));
  for (RtkLightKind kind = 0; kind < RTK_N_LIGHTS; kind++)
    g_assert_true (gtk_icon_theme_has_icon (
        gtk_icon_theme_get_for_display (gdk_display_get_default ()), rtk_words_light_icon (kind)));
  {
    g_autofree char *nothing = rtk_words_value (NAN, "px");
    g_autofree char *pixels = rtk_words_value (243.4, "px");
    g_autofree char *degrees = rtk_words_value (-7.25, "deg");

    g_assert_cmpstr (nothing, ==, "");
    g_assert_cmpstr (pixels, ==, "243 px");
    g_assert_cmpstr (degrees, ==, "-7.25°");
  }
}

static void
remember_cb (GtkWidget *widget, const char *a, const char *b, char **heard)
{
  g_free (*heard);
  *heard = g_strconcat (a, "/", b, NULL);
}

/* Nothing is sent off before name and passphrase are good; the recovery key is there to be
 * printed. */
static void
test_welcome (void)
{
  GtkWidget       *welcome = rtk_welcome_new ();
  g_autofree char *heard = NULL;
  GtkWidget       *next;

  g_object_ref_sink (welcome);
  g_signal_connect (welcome, "stand-alone", G_CALLBACK (remember_cb), &heard);
  g_signal_emit_by_name (rtk_test_find_row (welcome, "Stand-alone"), "activated");
  next = rtk_test_find_button (welcome, "Next");
  gtk_editable_set_text (GTK_EDITABLE (rtk_test_find_row (welcome, "Name")), "Li");
  gtk_editable_set_text (GTK_EDITABLE (rtk_test_find_row (welcome, "Passphrase")), "short");
  g_signal_emit_by_name (next, "clicked");
  g_assert_null (heard);
  gtk_editable_set_text (GTK_EDITABLE (rtk_test_find_row (welcome, "Passphrase")), "long enough");
  g_signal_emit_by_name (next, "clicked");
  g_assert_null (heard);
  gtk_editable_set_text (GTK_EDITABLE (rtk_test_find_row (welcome, "Passphrase again")),
                         "long enough");
  g_signal_emit_by_name (next, "clicked");
  g_assert_cmpstr (heard, ==, "Li/long enough");
  rtk_welcome_show_recovery_key (RTK_WELCOME (welcome), "ABCD-EFGH");
  g_assert_nonnull (rtk_test_find_button (welcome, "Print…"));
  g_assert_finalize_object (welcome);
}

static void
test_sign_in (void)
{
  GtkWidget       *page = rtk_sign_in_page_new ("Li");
  g_autofree char *heard = NULL;
  GtkWidget       *start;

  g_object_ref_sink (page);
  start = rtk_test_find_button (page, "Start work");
  g_signal_connect (page, "sign-in", G_CALLBACK (remember_cb), &heard);
  g_signal_emit_by_name (start, "clicked");
  g_assert_null (heard);
  gtk_editable_set_text (GTK_EDITABLE (rtk_test_find_row (page, "Passphrase")), "secret words");
  g_signal_emit_by_name (start, "clicked");
  g_assert_cmpstr (heard, ==, "Li/secret words");
  rtk_sign_in_page_set_busy (RTK_SIGN_IN_PAGE (page), TRUE);
  g_assert_false (gtk_widget_get_sensitive (start));
  rtk_sign_in_page_set_problem (RTK_SIGN_IN_PAGE (page), "No.");
  g_assert_true (gtk_widget_get_sensitive (start));
  g_assert_cmpstr (gtk_editable_get_text (GTK_EDITABLE (rtk_test_find_row (page, "Passphrase"))),
                   ==, "");
  g_assert_finalize_object (page);
}

static void
loaded_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **)user_data = g_object_ref (result);
}

/* A photo is decoded in its size, one that is far too large smaller, and what is none is refused.
 */
static void
test_texture (void)
{
  const int widths[] = {480, 6000};
  g_autoptr (RtkWorker) worker = rtk_worker_new ("test-texture", NULL, NULL);
  g_autoptr (GBytes) junk = g_bytes_new_static ("no picture at all", 17);
  g_autoptr (GError) error = NULL;
  GAsyncResult *result = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (widths); i++) {
    g_autoptr (GdkPixbuf) pixbuf = gdk_pixbuf_new (GDK_COLORSPACE_RGB, FALSE, 8, widths[i], 64);
    g_autoptr (GdkTexture) texture = NULL;
    g_autoptr (GBytes) file = NULL;
    char *data;
    gsize size;

    gdk_pixbuf_fill (pixbuf, 0x64c5ffff);
    g_assert_true (gdk_pixbuf_save_to_buffer (pixbuf, &data, &size, "jpeg", NULL, NULL));
    file = g_bytes_new_take (data, size);
    rtk_texture_load_async (worker, file, NULL, loaded_cb, &result);
    rtk_test_wait_for (result != NULL);
    texture = rtk_texture_load_finish (result, &error);
    g_clear_object (&result);
    g_assert_no_error (error);
    g_assert_cmpint (gdk_texture_get_width (texture), ==, MIN (widths[i], 2048));
  }
  rtk_texture_load_async (worker, junk, NULL, loaded_cb, &result);
  rtk_test_wait_for (result != NULL);
  g_assert_null (rtk_texture_load_finish (result, &error));
  g_assert_error (error, GDK_PIXBUF_ERROR, GDK_PIXBUF_ERROR_UNKNOWN_TYPE);
  g_clear_object (&result);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  adw_init ();
  rtk_widgets_init ();
  g_test_add_func ("/widgets/templates/made", test_templates);
  g_test_add_func ("/widgets/check-row/follows", test_check_row);
  g_test_add_func ("/widgets/check-pane/order", test_check_pane);
  g_test_add_func ("/widgets/viewfinder/pixels", test_viewfinder);
  g_test_add_func ("/widgets/viewfinder/says", test_viewfinder_says);
  g_test_add_func ("/widgets/words/icons-and-values", test_words);
  g_test_add_func ("/widgets/texture/decodes", test_texture);
  g_test_add_func ("/widgets/welcome/checks", test_welcome);
  g_test_add_func ("/widgets/sign-in/checks", test_sign_in);
  return g_test_run ();
}
