/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-render"
#include "config.h"

#include "render/rtk-figure.h"

/* The drawing is made for a picture of 480x640 with these measures and moved and scaled to
 * others. */
#define DESIGN_MIDDLE 240.0
#define DESIGN_HAIR_TOP 80.0
#define DESIGN_EYE_LINE 250.0
#define DESIGN_FACE_WIDTH 240.0

/**
 * rtk_figure_init_from_pack:
 * @self: (out): the measures
 * @pack: a rule pack
 *
 * Takes the measures the pack's crop aims at.
 */
void
rtk_figure_init_from_pack (RtkFigure *self, const RtkRulePack *pack)
{
  self->width = rtk_rule_pack_get_width (pack);
  self->height = rtk_rule_pack_get_height (pack);
  self->hair_top = rtk_rule_pack_get_target_hair_top (pack);
  self->eye_line = rtk_rule_pack_get_target_eye_line (pack);
  self->face_width = rtk_rule_pack_get_target_face_width (pack);
}

static void
use_design_space (const RtkFigure *self, cairo_t *cr)
{
  double across = self->face_width / DESIGN_FACE_WIDTH;
  double down = (self->eye_line - self->hair_top) / (DESIGN_EYE_LINE - DESIGN_HAIR_TOP);

  cairo_translate (cr, self->width / 2.0, self->eye_line);
  cairo_scale (cr, across, down);
  cairo_translate (cr, -DESIGN_MIDDLE, -DESIGN_EYE_LINE);
}

/* Runs with side = 1 (right of the picture) and -1 (left): everything is drawn once. */
static double
across (int side, double distance)
{
  return DESIGN_MIDDLE + side * distance;
}

/**
 * rtk_figure_add_outline:
 * @self: measures
 * @cr: what is drawn on; user space must be pixels of the finished picture
 *
 * Adds the outline of head and shoulders to the present path. The shoulders leave the picture
 * below and at the sides.
 */
void
rtk_figure_add_outline (const RtkFigure *self, cairo_t *cr)
{
  cairo_save (cr);
  use_design_space (self, cr);
  cairo_move_to (cr, across (-1, 290), 660);
  cairo_curve_to (cr, across (-1, 262), 540, across (-1, 170), 512, across (-1, 112), 484);
  cairo_curve_to (cr, across (-1, 74), 466, across (-1, 66), 440, across (-1, 68), 386);
  cairo_curve_to (cr, across (-1, 104), 350, across (-1, 120), 300, across (-1, 124), 250);
  cairo_curve_to (cr, across (-1, 130), 140, across (-1, 78), 80, across (1, 0), 80);
  cairo_curve_to (cr, across (1, 78), 80, across (1, 130), 140, across (1, 124), 250);
  cairo_curve_to (cr, across (1, 120), 300, across (1, 104), 350, across (1, 68), 386);
  cairo_curve_to (cr, across (1, 66), 440, across (1, 74), 466, across (1, 112), 484);
  cairo_curve_to (cr, across (1, 170), 512, across (1, 262), 540, across (1, 290), 660);
  cairo_restore (cr);
}

static void
set_rgb (cairo_t *cr, guint rgb)
{
  cairo_set_source_rgb (cr, ((rgb >> 16) & 255) / 255.0, ((rgb >> 8) & 255) / 255.0,
                        (rgb & 255) / 255.0);
}

static void
fill_ellipse (cairo_t *cr, double x, double y, double rx, double ry)
{
  cairo_save (cr);
  cairo_translate (cr, x, y);
  cairo_scale (cr, rx, ry);
  cairo_new_sub_path (cr);
  cairo_arc (cr, 0, 0, 1, 0, 2 * G_PI);
  cairo_restore (cr);
  cairo_fill (cr);
}

static void
draw_clothes (cairo_t *cr)
{
  /* Jacket. */
  cairo_move_to (cr, across (-1, 300), 700);
  cairo_curve_to (cr, across (-1, 276), 545, across (-1, 190), 520, across (-1, 84), 470);
  cairo_line_to (cr, across (1, 84), 470);
  cairo_curve_to (cr, across (1, 190), 520, across (1, 276), 545, across (1, 300), 700);
  cairo_close_path (cr);
  set_rgb (cr, 0x34353c);
  cairo_fill (cr);

  /* Shirt. */
  cairo_move_to (cr, across (-1, 82), 462);
  cairo_line_to (cr, across (0, 0), 690);
  cairo_line_to (cr, across (1, 82), 462);
  cairo_close_path (cr);
  set_rgb (cr, 0xf6f5f2);
  cairo_fill (cr);
}

static void
draw_neck (cairo_t *cr)
{
  cairo_pattern_t *shade = cairo_pattern_create_linear (0, 375, 0, 500);

  cairo_pattern_add_color_stop_rgb (shade, 0.0, 0.80, 0.58, 0.45);
  cairo_pattern_add_color_stop_rgb (shade, 0.5, 0.90, 0.70, 0.56);
  cairo_pattern_add_color_stop_rgb (shade, 1.0, 0.93, 0.74, 0.60);
  cairo_move_to (cr, across (-1, 68), 360);
  cairo_curve_to (cr, across (-1, 66), 430, across (-1, 68), 450, across (-1, 80), 464);
  cairo_curve_to (cr, across (-1, 50), 500, across (-1, 20), 520, across (0, 0), 532);
  cairo_curve_to (cr, across (1, 20), 520, across (1, 50), 500, across (1, 80), 464);
  cairo_curve_to (cr, across (1, 68), 450, across (1, 66), 430, across (1, 68), 360);
  cairo_close_path (cr);
  cairo_set_source (cr, shade);
  cairo_fill (cr);
  cairo_pattern_destroy (shade);
}

static void
draw_collar (cairo_t *cr, int side)
{
  /* Lapel, then the collar's wing over it. */
  cairo_move_to (cr, across (side, 84), 466);
  cairo_line_to (cr, across (side, 132), 494);
  cairo_line_to (cr, across (side, 104), 566);
  cairo_line_to (cr, across (side, 120), 582);
  cairo_line_to (cr, across (side, 4), 690);
  cairo_close_path (cr);
  set_rgb (cr, 0x43444d);
  cairo_fill (cr);

  cairo_move_to (cr, across (side, 76), 440);
  cairo_curve_to (cr, across (side, 90), 452, across (side, 94), 464, across (side, 92), 480);
  cairo_line_to (cr, across (side, 58), 566);
  cairo_line_to (cr, across (side, 0), 528);
  cairo_curve_to (cr, across (side, 34), 510, across (side, 62), 486, across (side, 76), 440);
  cairo_close_path (cr);
  set_rgb (cr, 0xffffff);
  cairo_fill_preserve (cr);
  set_rgb (cr, 0xd9d8d6);
  cairo_set_line_width (cr, 1.5);
  cairo_stroke (cr);
}

static void
draw_ear (cairo_t *cr, int side)
{
  set_rgb (cr, 0xe3ad8b);
  fill_ellipse (cr, across (side, 121), 276, 16, 34);
  set_rgb (cr, 0xd39a78);
  fill_ellipse (cr, across (side, 123), 276, 7, 19);
}

static void
add_face (cairo_t *cr)
{
  cairo_move_to (cr, across (-1, 119), 230);
  cairo_curve_to (cr, across (-1, 120), 300, across (-1, 106), 348, across (-1, 70), 384);
  cairo_curve_to (cr, across (-1, 44), 408, across (-1, 22), 416, across (0, 0), 416);
  cairo_curve_to (cr, across (1, 22), 416, across (1, 44), 408, across (1, 70), 384);
  cairo_curve_to (cr, across (1, 106), 348, across (1, 120), 300, across (1, 119), 230);
  cairo_curve_to (cr, across (1, 119), 140, across (1, 70), 100, across (0, 0), 100);
  cairo_curve_to (cr, across (-1, 70), 100, across (-1, 119), 140, across (-1, 119), 230);
  cairo_close_path (cr);
}

static void
draw_face (cairo_t *cr)
{
  cairo_pattern_t *light = cairo_pattern_create_radial (240, 250, 30, 240, 265, 190);

  cairo_pattern_add_color_stop_rgb (light, 0.0, 0.99, 0.85, 0.73);
  cairo_pattern_add_color_stop_rgb (light, 0.65, 0.96, 0.79, 0.66);
  cairo_pattern_add_color_stop_rgb (light, 1.0, 0.87, 0.66, 0.52);
  add_face (cr);
  cairo_set_source (cr, light);
  cairo_fill (cr);
  cairo_pattern_destroy (light);
}

static void
draw_hair (cairo_t *cr)
{
  /* Short, off the brows and the ears, parted a little to one side. */
  cairo_move_to (cr, across (-1, 120), 262);
  cairo_curve_to (cr, across (-1, 134), 220, across (-1, 136), 160, across (-1, 108), 124);
  cairo_curve_to (cr, across (-1, 80), 90, across (-1, 40), 80, across (1, 4), 80);
  cairo_curve_to (cr, across (1, 52), 80, across (1, 96), 98, across (1, 116), 134);
  cairo_curve_to (cr, across (1, 136), 170, across (1, 134), 222, across (1, 120), 262);
  cairo_curve_to (cr, across (1, 116), 232, across (1, 110), 206, across (1, 96), 184);
  cairo_curve_to (cr, across (1, 60), 176, across (1, 0), 168, across (-1, 34), 140);
  cairo_curve_to (cr, across (-1, 58), 166, across (-1, 84), 182, across (-1, 100), 192);
  cairo_curve_to (cr, across (-1, 110), 212, across (-1, 116), 236, across (-1, 120), 262);
  cairo_close_path (cr);
  set_rgb (cr, 0x2a2524);
  cairo_fill (cr);

  /* A soft sheen along the crown. */
  cairo_move_to (cr, across (-1, 66), 112);
  cairo_curve_to (cr, across (-1, 30), 94, across (1, 30), 92, across (1, 66), 112);
  cairo_set_source_rgba (cr, 1, 1, 1, 0.09);
  cairo_set_line_width (cr, 12);
  cairo_set_line_cap (cr, CAIRO_LINE_CAP_ROUND);
  cairo_stroke (cr);
}

static void
draw_eye (cairo_t *cr, int side)
{
  double x = across (side, 52);

  cairo_save (cr);
  cairo_move_to (cr, x - 27, 252);
  cairo_curve_to (cr, x - 14, 237, x + 14, 237, x + 27, 252);
  cairo_curve_to (cr, x + 13, 263, x - 13, 263, x - 27, 252);
  cairo_close_path (cr);
  set_rgb (cr, 0xffffff);
  cairo_fill_preserve (cr);
  cairo_clip (cr);
  set_rgb (cr, 0x4a3225);
  fill_ellipse (cr, x, 250, 12.5, 12.5);
  set_rgb (cr, 0x17110d);
  fill_ellipse (cr, x, 250, 6, 6);
  cairo_set_source_rgba (cr, 1, 1, 1, 0.9);
  fill_ellipse (cr, x + 4, 246, 2.8, 2.8);
  cairo_restore (cr);

  cairo_set_line_cap (cr, CAIRO_LINE_CAP_ROUND);
  cairo_move_to (cr, x - 28, 252.5);
  cairo_curve_to (cr, x - 14, 236, x + 14, 236, x + 28, 252.5);
  set_rgb (cr, 0x2f221c);
  cairo_set_line_width (cr, 3.6);
  cairo_stroke (cr);

  /* Brow: thicker towards the nose. */
  cairo_move_to (cr, x - side * 32, 224);
  cairo_curve_to (cr, x - side * 14, 211, x + side * 14, 210, x + side * 34, 224);
  cairo_curve_to (cr, x + side * 14, 217, x - side * 14, 219, x - side * 32, 231);
  cairo_close_path (cr);
  set_rgb (cr, 0x352b28);
  cairo_fill (cr);
}

static void
draw_nose_and_mouth (cairo_t *cr)
{
  cairo_set_line_cap (cr, CAIRO_LINE_CAP_ROUND);
  cairo_move_to (cr, across (-1, 20), 314);
  cairo_curve_to (cr, across (-1, 12), 326, across (1, 12), 326, across (1, 20), 314);
  cairo_set_source_rgba (cr, 0.62, 0.38, 0.27, 0.75);
  cairo_set_line_width (cr, 3.4);
  cairo_stroke (cr);
  cairo_set_source_rgba (cr, 1, 1, 1, 0.14);
  fill_ellipse (cr, 240, 292, 8, 24);

  /* Lips closed, corners a little up. */
  cairo_move_to (cr, across (-1, 36), 357);
  cairo_curve_to (cr, across (-1, 18), 347, across (-1, 8), 346, across (0, 0), 350);
  cairo_curve_to (cr, across (1, 8), 346, across (1, 18), 347, across (1, 36), 357);
  cairo_curve_to (cr, across (1, 18), 375, across (-1, 18), 375, across (-1, 36), 357);
  cairo_close_path (cr);
  set_rgb (cr, 0xcf7f70);
  cairo_fill (cr);
  cairo_move_to (cr, across (-1, 38), 356);
  cairo_curve_to (cr, across (-1, 16), 363, across (1, 16), 363, across (1, 38), 356);
  set_rgb (cr, 0x9c5348);
  cairo_set_line_width (cr, 2.8);
  cairo_stroke (cr);

  for (int side = -1; side <= 1; side += 2) {
    cairo_set_source_rgba (cr, 0.92, 0.50, 0.42, 0.13);
    fill_ellipse (cr, across (side, 72), 312, 26, 20);
  }
}

/**
 * rtk_sample_draw:
 * @cr: what is drawn on
 * @figure: measures of a well-placed person
 * @background: red, green, blue behind the person
 * @x: left edge, user space
 * @y: top edge, user space
 * @width: width of the drawing, user space; its height follows from @figure
 *
 * Draws the sample: a person placed, lit and dressed as the rules want it.
 */
void
rtk_sample_draw (cairo_t         *cr,
                 const RtkFigure *figure,
                 const guint8     background[3],
                 double           x,
                 double           y,
                 double           width)
{
  double zoom = width / figure->width;

  cairo_save (cr);
  cairo_translate (cr, x, y);
  cairo_scale (cr, zoom, zoom);
  cairo_rectangle (cr, 0, 0, figure->width, figure->height);
  cairo_clip_preserve (cr);
  cairo_set_source_rgb (cr, background[0] / 255.0, background[1] / 255.0, background[2] / 255.0);
  cairo_fill (cr);
  use_design_space (figure, cr);
  draw_clothes (cr);
  draw_neck (cr);
  draw_collar (cr, -1);
  draw_collar (cr, 1);
  draw_ear (cr, -1);
  draw_ear (cr, 1);
  draw_face (cr);
  draw_hair (cr);
  draw_eye (cr, -1);
  draw_eye (cr, 1);
  draw_nose_and_mouth (cr);
  cairo_restore (cr);
}
