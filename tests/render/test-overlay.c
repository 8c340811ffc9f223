/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-render"
#include "config.h"

#include "render/rtk-countdown.h"
#include "render/rtk-figure.h"
#include "render/rtk-overlay.h"
#include "render/rtk-palette.h"
#include "render/rtk-ruler.h"

#include <math.h>

#define PICTURE_WIDTH 1280
#define PICTURE_HEIGHT 720

static RtkRulePack *
load_pack (void)
{
  g_autoptr (GError) error = NULL;
  RtkRulePack *pack = rtk_rule_pack_load ("chsi-diploma", &error);

  g_assert_no_error (error);
  return pack;
}

static cairo_surface_t *
make_surface (int width, int height)
{
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, width, height);
  cairo_t         *cr = cairo_create (surface);

  cairo_set_source_rgb (cr, 0.5, 0.5, 0.5);
  cairo_paint (cr);
  cairo_destroy (cr);
  return surface;
}

static guint32
pixel_at (cairo_surface_t *surface, int x, int y)
{
  const guint8 *row;

  cairo_surface_flush (surface);
  row = cairo_image_surface_get_data (surface) +
        (gsize)cairo_image_surface_get_stride (surface) * (gsize)y;
  return ((const guint32 *)(const void *)row)[x] & 0xffffff;
}

static int
grey_of (guint32 pixel)
{
  return (int)(((pixel >> 16) & 255) + ((pixel >> 8) & 255) + (pixel & 255)) / 3;
}

static void
assert_rect (const RtkRect *rect, double x, double y, double width, double height)
{
  g_assert_cmpfloat_with_epsilon (rect->x, x, 1e-6);
  g_assert_cmpfloat_with_epsilon (rect->y, y, 1e-6);
  g_assert_cmpfloat_with_epsilon (rect->width, width, 1e-6);
  g_assert_cmpfloat_with_epsilon (rect->height, height, 1e-6);
}

/* The numbers of the specification: hair top 50-110, eyes 200-300, face 180-300 wide, all in pixels
 * of the 480x640 picture, moved and scaled into the source. */
static void
test_zones (void)
{
  g_autoptr (RtkRulePack) pack = load_pack ();
  RtkCrop crop = {.x = 100, .y = 20, .scale = 1.5, .out_width = 480, .out_height = 640};
  RtkRect rect;

  g_assert_true (rtk_overlay_get_zone (pack, &crop, RTK_ZONE_HAIR_TOP, &rect));
  assert_rect (&rect, 100, 20 + 50 * 1.5, 480 * 1.5, 60 * 1.5);
  g_assert_true (rtk_overlay_get_zone (pack, &crop, RTK_ZONE_EYE_LINE, &rect));
  assert_rect (&rect, 100, 20 + 200 * 1.5, 480 * 1.5, 100 * 1.5);
  g_assert_true (rtk_overlay_get_zone (pack, &crop, RTK_ZONE_CHEEK_LEFT, &rect));
  g_assert_cmpfloat_with_epsilon (rect.x, 100 + 90 * 1.5, 1e-6);
  g_assert_cmpfloat_with_epsilon (rect.width, 60 * 1.5, 1e-6);
  g_assert_true (rtk_overlay_get_zone (pack, &crop, RTK_ZONE_CHEEK_RIGHT, &rect));
  g_assert_cmpfloat_with_epsilon (rect.x, 100 + 330 * 1.5, 1e-6);
  g_assert_cmpfloat_with_epsilon (rect.width, 60 * 1.5, 1e-6);
  g_assert_true (rtk_overlay_get_zone (pack, &crop, RTK_ZONE_CENTRE, &rect));
  assert_rect (&rect, 100 + (240 - 24) * 1.5, 20, 48 * 1.5, 640 * 1.5);
}

static void
test_guide_crop (void)
{
  g_autoptr (RtkRulePack) pack = load_pack ();
  RtkCrop crop;
  RtkRect rect;

  rtk_overlay_get_guide_crop (pack, PICTURE_WIDTH, PICTURE_HEIGHT, &crop);
  rect = rtk_crop_get_source_rect (&crop);
  g_assert_cmpfloat (rect.x, >, 0);
  g_assert_cmpfloat (rect.y, >, 0);
  g_assert_cmpfloat (rect.x + rect.width, <, PICTURE_WIDTH);
  g_assert_cmpfloat (rect.y + rect.height, <, PICTURE_HEIGHT);
  g_assert_cmpfloat_with_epsilon (rect.width / rect.height, 480.0 / 640.0, 1e-6);
  g_assert_cmpfloat_with_epsilon (rect.x + rect.width / 2, PICTURE_WIDTH / 2.0, 1.0);
}

static void
draw_overlay (cairo_surface_t *surface, RtkRulePack *pack, gboolean mirrored, RtkCrop crop)
{
  RtkOverlay overlay = {
      .view = {.place = {0, 0, PICTURE_WIDTH, PICTURE_HEIGHT},
               .picture_width = PICTURE_WIDTH,
               .picture_height = PICTURE_HEIGHT,
               .mirrored = mirrored,
               .unit = 1.0},
      .pack = pack,
      .crop = crop,
      .with_ruler = TRUE,
  };
  cairo_t *cr = cairo_create (surface);

  rtk_overlay_draw (&overlay, cr);
  g_assert_cmpint (cairo_status (cr), ==, CAIRO_STATUS_SUCCESS);
  cairo_destroy (cr);
}

/* At scale 1 a finished pixel is a picture pixel: row 110 of the finished picture is row 140 of
 * this one. The zone's plain end at the crop's side stops exactly there. */
static void
test_drawn_at_exact_pixels (void)
{
  g_autoptr (RtkRulePack) pack = load_pack ();
  RtkCrop          crop = {.x = 300, .y = 30, .scale = 1, .out_width = 480, .out_height = 640};
  cairo_surface_t *surface = make_surface (PICTURE_WIDTH, PICTURE_HEIGHT);

  draw_overlay (surface, pack, FALSE, crop);
  /* Outside is dimmed, inside, away from every mark, is as it was. */
  g_assert_cmpint (grey_of (pixel_at (surface, 1000, 400)), <, 90);
  g_assert_cmphex (pixel_at (surface, 320, 30 + 160), ==, 0x808080);
  /* First and last row of the hair-top zone, and the rows beside it. */
  g_assert_cmphex (pixel_at (surface, 310, 30 + 49), ==, 0x808080);
  g_assert_cmphex (pixel_at (surface, 310, 30 + 50), !=, 0x808080);
  g_assert_cmphex (pixel_at (surface, 310, 30 + 109), !=, 0x808080);
  g_assert_cmphex (pixel_at (surface, 310, 30 + 110), ==, 0x808080);
  /* The same for the eyes. */
  g_assert_cmphex (pixel_at (surface, 310, 30 + 199), ==, 0x808080);
  g_assert_cmphex (pixel_at (surface, 310, 30 + 200), !=, 0x808080);
  g_assert_cmphex (pixel_at (surface, 310, 30 + 299), !=, 0x808080);
  g_assert_cmphex (pixel_at (surface, 310, 30 + 300), ==, 0x808080);
  cairo_surface_destroy (surface);
}

/* Mirroring turns the view round, to the pixel, and leaves the crop alone. */
static void
test_mirrored (void)
{
  g_autoptr (RtkRulePack) pack = load_pack ();
  RtkCrop          crop = {.x = 100, .y = 30, .scale = 1, .out_width = 480, .out_height = 640};
  cairo_surface_t *surface = make_surface (PICTURE_WIDTH, PICTURE_HEIGHT);

  draw_overlay (surface, pack, TRUE, crop);
  g_assert_cmpint (grey_of (pixel_at (surface, 200, 400)), <, 90);
  g_assert_cmphex (pixel_at (surface, PICTURE_WIDTH - 120, 30 + 160), ==, 0x808080);
  cairo_surface_destroy (surface);
}

static void
test_with_measures (void)
{
  g_autoptr (RtkRulePack) pack = load_pack ();
  g_autoptr (RtkAnalysis) analysis = rtk_analysis_new (PICTURE_WIDTH, PICTURE_HEIGHT, 1);
  g_autoptr (RtkReport) report = NULL;
  RtkCrop          crop = {.x = 300, .y = 30, .scale = 1, .out_width = 480, .out_height = 640};
  cairo_surface_t *without = make_surface (PICTURE_WIDTH, PICTURE_HEIGHT);
  cairo_surface_t *with = make_surface (PICTURE_WIDTH, PICTURE_HEIGHT);
  cairo_t         *cr;
  RtkOverlay       overlay = {
            .view = {.place = {0, 0, PICTURE_WIDTH, PICTURE_HEIGHT},
                     .picture_width = PICTURE_WIDTH,
                     .picture_height = PICTURE_HEIGHT,
                     .unit = 1.0},
            .pack = pack,
            .crop = crop,
            .labels = {"发顶", "眼睛", "脸宽", NULL, "偏移"},
  };

  analysis->has_head = TRUE;
  analysis->has_shoulders = TRUE;
  analysis->head = (RtkHead){
      .eye_mid = {540, 280},
      .hair_top = 110,
      .cheek_left = 420,
      .cheek_right = 660,
      .chin = {540, 440},
      .shoulders = {{340, 560}, {740, 580}},
      .shoulder_visible = {1, 1},
  };
  report = rtk_rules_judge (pack, analysis, NULL, FALSE);
  draw_overlay (without, pack, FALSE, crop);

  overlay.analysis = analysis;
  overlay.report = report;
  cr = cairo_create (with);
  rtk_overlay_draw (&overlay, cr);
  g_assert_cmpint (cairo_status (cr), ==, CAIRO_STATUS_SUCCESS);
  cairo_destroy (cr);
  /* The hair's line runs across the crop at its own height, between the outline and the zone's
   * plain end. */
  g_assert_cmphex (pixel_at (with, 340, 110), !=, pixel_at (without, 340, 110));
  /* The shoulders' line, at its middle. */
  g_assert_cmphex (pixel_at (with, 500, 568), !=, pixel_at (without, 500, 568));
  cairo_surface_destroy (with);
  cairo_surface_destroy (without);
}

static void
test_any_scale (void)
{
  g_autoptr (RtkRulePack) pack = load_pack ();
  RtkCrop      crop = {.x = 300, .y = 30, .scale = 1, .out_width = 480, .out_height = 640};
  const double scales[] = {0.05, 0.5, 3.0};

  for (guint i = 0; i < G_N_ELEMENTS (scales); i++) {
    int              width = (int)(PICTURE_WIDTH * scales[i]);
    cairo_surface_t *surface = make_surface (width, (int)(PICTURE_HEIGHT * scales[i]));
    cairo_t         *cr = cairo_create (surface);
    RtkOverlay       overlay = {
              .view = {.place = {0, 0, PICTURE_WIDTH, PICTURE_HEIGHT},
                       .picture_width = PICTURE_WIDTH,
                       .picture_height = PICTURE_HEIGHT,
                       .unit = 1.0},
              .pack = pack,
              .crop = crop,
              .with_ruler = TRUE,
    };

    cairo_scale (cr, scales[i], scales[i]);
    rtk_overlay_draw (&overlay, cr);
    g_assert_cmpint (cairo_status (cr), ==, CAIRO_STATUS_SUCCESS);
    cairo_destroy (cr);
    g_assert_cmpint (grey_of (pixel_at (surface, width - 2, 5)), <, 90);
    cairo_surface_destroy (surface);
  }
}

static void
test_view (void)
{
  RtkView  view = {.picture_width = 200, .picture_height = 100, .unit = 1.0};
  RtkPoint at;

  view.place = rtk_view_fit ((RtkRect){10, 20, 400, 400}, 200, 100);
  assert_rect (&view.place, 10, 120, 400, 200);
  at = rtk_view_map (&view, (RtkPoint){50, 100});
  g_assert_cmpfloat_with_epsilon (at.x, 110, 1e-9);
  g_assert_cmpfloat_with_epsilon (at.y, 320, 1e-9);
  view.mirrored = TRUE;
  at = rtk_view_map (&view, (RtkPoint){50, 100});
  g_assert_cmpfloat_with_epsilon (at.x, 310, 1e-9);
  g_assert_cmpfloat_with_epsilon (at.y, 320, 1e-9);
}

static void
test_sample (void)
{
  g_autoptr (RtkRulePack) pack = load_pack ();
  const guint8     blue[3] = {100, 197, 255};
  cairo_surface_t *surface = make_surface (480, 640);
  cairo_t         *cr = cairo_create (surface);
  RtkFigure        figure;

  rtk_figure_init_from_pack (&figure, pack);
  rtk_sample_draw (cr, &figure, blue, 0, 0, 480);
  g_assert_cmpint (cairo_status (cr), ==, CAIRO_STATUS_SUCCESS);
  cairo_destroy (cr);
  /* The sample keeps the rules it shows: background colour, hair top and cheeks in their zones. */
  g_assert_cmphex (pixel_at (surface, 5, 5), ==, 0x64c5ff);
  g_assert_cmphex (pixel_at (surface, 240, 49), ==, 0x64c5ff);
  g_assert_cmphex (pixel_at (surface, 240, 110), !=, 0x64c5ff);
  g_assert_cmphex (pixel_at (surface, 240 - 90, 250), !=, 0x64c5ff);
  g_assert_cmphex (pixel_at (surface, 240 - 150, 250), ==, 0x64c5ff);
  cairo_surface_destroy (surface);
}

static void
test_countdown (void)
{
  cairo_surface_t *surface = make_surface (100, 100);
  cairo_t         *cr = cairo_create (surface);

  rtk_countdown_draw (cr, (RtkPoint){50, 50}, 40, 0.25, "3");
  cairo_destroy (cr);
  /* A quarter is left: the last quarter of the turn, top left, is bright, top right is not. */
  g_assert_cmpint (grey_of (pixel_at (surface, 50 - 24, 50 - 24)), >, 200);
  g_assert_cmpint (grey_of (pixel_at (surface, 50 + 24, 50 - 24)), <, 140);
  cairo_surface_destroy (surface);
}

static void
test_verdict_colours_differ (void)
{
  for (RtkVerdict a = RTK_VERDICT_PASS; a <= RTK_VERDICT_UNKNOWN; a++) {
    for (RtkVerdict b = a + 1; b <= RTK_VERDICT_UNKNOWN; b++) {
      RtkColour x = rtk_palette_get_verdict (a), y = rtk_palette_get_verdict (b);

      g_assert_cmpfloat (fabs (x.red - y.red) + fabs (x.green - y.green) + fabs (x.blue - y.blue),
                         >, 0.2);
    }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/render/overlay/zones", test_zones);
  g_test_add_func ("/render/overlay/guide-crop", test_guide_crop);
  g_test_add_func ("/render/overlay/exact-pixels", test_drawn_at_exact_pixels);
  g_test_add_func ("/render/overlay/mirrored", test_mirrored);
  g_test_add_func ("/render/overlay/measures", test_with_measures);
  g_test_add_func ("/render/overlay/any-scale", test_any_scale);
  g_test_add_func ("/render/view/map", test_view);
  g_test_add_func ("/render/figure/sample", test_sample);
  g_test_add_func ("/render/countdown/part", test_countdown);
  g_test_add_func ("/render/palette/differ", test_verdict_colours_differ);
  return g_test_run ();
}
