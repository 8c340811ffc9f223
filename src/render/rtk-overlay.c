/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-render"
#include "config.h"

#include "render/rtk-overlay.h"

#include "render/rtk-figure.h"
#include "render/rtk-palette.h"
#include "render/rtk-ruler.h"

#include <math.h>

/* Points of the attention mesh at the outer and the inner corner of each eye. */
static const guint eye_corners[2][2] = {{33, 133}, {263, 362}};

static const RtkCheckId zone_checks[RTK_N_ZONES] = {
    [RTK_ZONE_HAIR_TOP] = RTK_CHECK_GEOMETRY_HAIR_TOP,
    [RTK_ZONE_EYE_LINE] = RTK_CHECK_GEOMETRY_EYE_LINE,
    [RTK_ZONE_CHEEK_LEFT] = RTK_CHECK_GEOMETRY_FACE_WIDTH,
    [RTK_ZONE_CHEEK_RIGHT] = RTK_CHECK_GEOMETRY_FACE_WIDTH,
    [RTK_ZONE_CENTRE] = RTK_CHECK_GEOMETRY_CENTRE,
};

/* Height of the cheek zones: from above the ears to the mouth, so that they do not cover the eyes'
 * own zone any longer than they need. */
#define CHEEK_ABOVE_EYES 30.0
#define CHEEK_BELOW_EYES 110.0

/**
 * rtk_overlay_get_zone:
 * @pack: a rule pack
 * @crop: the finished picture's place in the picture
 * @zone: which place
 * @out_rect: (out): the zone in pixels of the picture, not of the finished one
 *
 * Finds where a zone of the rule pack lies in the picture.
 *
 * Returns: %FALSE when the pack has no limits for it, or none on one side
 */
gboolean
rtk_overlay_get_zone (const RtkRulePack *pack, const RtkCrop *crop, RtkZone zone, RtkRect *out_rect)
{
  const RtkRule *rule;
  double         middle, eyes;
  RtkRect        finished = {0, 0, 0, 0};
  RtkPoint       corner;

  g_return_val_if_fail (pack != NULL && crop != NULL && zone < RTK_N_ZONES, FALSE);

  rule = rtk_rule_pack_get_rule (pack, zone_checks[zone]);
  if (rule == NULL || isnan (rule->max) || isnan (rule->min))
    return FALSE;
  middle = crop->out_width / 2.0;
  eyes = rtk_rule_pack_get_target_eye_line (pack);

  switch (zone) {
  case RTK_ZONE_HAIR_TOP:
  case RTK_ZONE_EYE_LINE:
    finished = (RtkRect){0, rule->min, crop->out_width, rule->max - rule->min};
    break;
  case RTK_ZONE_CHEEK_LEFT:
    finished = (RtkRect){middle - rule->max / 2.0, eyes - CHEEK_ABOVE_EYES,
                         (rule->max - rule->min) / 2.0, CHEEK_ABOVE_EYES + CHEEK_BELOW_EYES};
    break;
  case RTK_ZONE_CHEEK_RIGHT:
    finished = (RtkRect){middle + rule->min / 2.0, eyes - CHEEK_ABOVE_EYES,
                         (rule->max - rule->min) / 2.0, CHEEK_ABOVE_EYES + CHEEK_BELOW_EYES};
    break;
  case RTK_ZONE_CENTRE:
    finished = (RtkRect){rule->min, 0, rule->max - rule->min, crop->out_height};
    break;
  case RTK_N_ZONES:
  default:
    g_return_val_if_reached (FALSE);
  }

  corner = rtk_crop_to_source (crop, (RtkPoint){finished.x, finished.y});
  *out_rect = (RtkRect){
      corner.x,
      corner.y,
      finished.width * crop->scale,
      finished.height * crop->scale,
  };
  return TRUE;
}

/**
 * rtk_overlay_get_guide_crop:
 * @pack: a rule pack
 * @picture_width: of the picture, pixels, > 0
 * @picture_height: of the picture, pixels, > 0
 * @out_crop: (out): where the person should be
 *
 * Makes the frame that is shown while nobody is there: centred, with room around it.
 */
void
rtk_overlay_get_guide_crop (const RtkRulePack *pack,
                            int                picture_width,
                            int                picture_height,
                            RtkCrop           *out_crop)
{
  int    width = rtk_rule_pack_get_width (pack), height = rtk_rule_pack_get_height (pack);
  double scale = MIN ((double)picture_width / width, (double)picture_height / height) * 0.9;

  out_crop->scale = floor (scale * 65536.0) / 65536.0;
  out_crop->x = floor ((picture_width - width * out_crop->scale) / 2.0);
  out_crop->y = floor ((picture_height - height * out_crop->scale) / 2.0);
  out_crop->out_width = width;
  out_crop->out_height = height;
}

static RtkColour
zone_colour (const RtkOverlay *self, RtkZone zone)
{
  const RtkCheck *check =
      self->report != NULL ? rtk_report_find (self->report, zone_checks[zone]) : NULL;

  return rtk_palette_get_verdict (check != NULL ? check->verdict : RTK_VERDICT_UNKNOWN);
}

static void
draw_dimming (const RtkOverlay *self, cairo_t *cr, RtkRect crop)
{
  const RtkRect *place = &self->view.place;

  cairo_save (cr);
  cairo_rectangle (cr, place->x, place->y, place->width, place->height);
  cairo_clip (cr);
  cairo_rectangle (cr, place->x, place->y, place->width, place->height);
  cairo_rectangle (cr, crop.x, crop.y, crop.width, crop.height);
  cairo_set_fill_rule (cr, CAIRO_FILL_RULE_EVEN_ODD);
  cairo_set_source_rgba (cr, 0.05, 0.06, 0.08, 0.6);
  cairo_fill (cr);
  cairo_rectangle (cr, crop.x, crop.y, crop.width, crop.height);
  cairo_set_source_rgba (cr, 1, 1, 1, 0.9);
  cairo_set_line_width (cr, 1.5 * self->view.unit);
  cairo_stroke (cr);
  cairo_restore (cr);
}

static void
draw_zone (const RtkOverlay *self, cairo_t *cr, RtkZone zone)
{
  RtkRect   source, rect;
  RtkColour colour = zone_colour (self, zone);
  double    edge = 16.0 * self->view.unit;

  if (!rtk_overlay_get_zone (self->pack, &self->crop, zone, &source))
    return;
  rect = rtk_view_map_rect (&self->view, source);

  /* The whole zone is only hinted at, its ends at the sides are plain: the face stays visible. */
  cairo_rectangle (cr, rect.x, rect.y, rect.width, rect.height);
  rtk_palette_set_source (cr, colour, 0.10);
  cairo_fill (cr);
  rtk_palette_set_source (cr, colour, 0.55);
  if (zone == RTK_ZONE_HAIR_TOP || zone == RTK_ZONE_EYE_LINE) {
    cairo_rectangle (cr, rect.x, rect.y, edge, rect.height);
    cairo_rectangle (cr, rect.x + rect.width - edge, rect.y, edge, rect.height);
  } else {
    double cap = 4.0 * self->view.unit;

    cairo_rectangle (cr, rect.x, rect.y, rect.width, cap);
    cairo_rectangle (cr, rect.x, rect.y + rect.height - cap, rect.width, cap);
  }
  cairo_fill (cr);
}

static void
draw_outline (const RtkOverlay *self, cairo_t *cr)
{
  const RtkView *view = &self->view;
  RtkFigure      figure;
  cairo_path_t  *path;
  cairo_matrix_t map;
  RtkPoint       zero = rtk_view_map (view, (RtkPoint){self->crop.x, self->crop.y});
  double         zoom = rtk_view_get_zoom (view) * self->crop.scale;
  const double   dashes[] = {7.0 * view->unit, 6.0 * view->unit};

  rtk_figure_init_from_pack (&figure, self->pack);
  cairo_save (cr);
  cairo_matrix_init (&map, view->mirrored ? -zoom : zoom, 0, 0, zoom, zero.x, zero.y);
  cairo_transform (cr, &map);
  cairo_new_path (cr);
  rtk_figure_add_outline (&figure, cr);
  path = cairo_copy_path (cr);
  cairo_new_path (cr);
  cairo_rectangle (cr, 0, 0, self->crop.out_width, self->crop.out_height);
  cairo_clip (cr);
  cairo_append_path (cr, path);
  cairo_path_destroy (path);
  /* Line widths are meant in user space, not in finished pixels. */
  cairo_matrix_invert (&map);
  cairo_transform (cr, &map);
  cairo_set_source_rgba (cr, 0, 0, 0, 0.45);
  cairo_set_line_width (cr, 4.0 * view->unit);
  cairo_stroke_preserve (cr);
  cairo_set_dash (cr, dashes, G_N_ELEMENTS (dashes), 0);
  cairo_set_source_rgba (cr, 1, 1, 1, 0.95);
  cairo_set_line_width (cr, 2.0 * view->unit);
  cairo_stroke (cr);
  cairo_restore (cr);
}

static void
stroke_line (cairo_t *cr, RtkPoint a, RtkPoint b, RtkColour colour, double unit)
{
  cairo_move_to (cr, a.x, a.y);
  cairo_line_to (cr, b.x, b.y);
  cairo_set_source_rgba (cr, 0, 0, 0, 0.5);
  cairo_set_line_width (cr, 4.0 * unit);
  cairo_stroke_preserve (cr);
  rtk_palette_set_source (cr, colour, 1.0);
  cairo_set_line_width (cr, 2.0 * unit);
  cairo_stroke (cr);
}

static RtkPoint
eye_centre (const RtkFace *face, guint which)
{
  guint a = eye_corners[which][0], b = eye_corners[which][1];

  return (RtkPoint){
      (face->points[a].x + face->points[b].x) / 2.0,
      (face->points[a].y + face->points[b].y) / 2.0,
  };
}

static RtkColour
check_colour (const RtkOverlay *self, RtkCheckId id)
{
  const RtkCheck *check = self->report != NULL ? rtk_report_find (self->report, id) : NULL;

  return rtk_palette_get_verdict (check != NULL ? check->verdict : RTK_VERDICT_UNKNOWN);
}

/* The line through the eyes, and through the shoulders, each a little longer than the distance so
 * that a tilt is seen against the zone's edges. */
static void
draw_levels (const RtkOverlay *self, cairo_t *cr)
{
  const RtkAnalysis *analysis = self->analysis;

  if (analysis->n_faces > 0 && analysis->faces[0].has_points) {
    RtkPoint a = eye_centre (&analysis->faces[0], 0), b = eye_centre (&analysis->faces[0], 1);
    RtkPoint out = {(b.x - a.x) * 0.35, (b.y - a.y) * 0.35};

    stroke_line (cr, rtk_view_map (&self->view, (RtkPoint){a.x - out.x, a.y - out.y}),
                 rtk_view_map (&self->view, (RtkPoint){b.x + out.x, b.y + out.y}),
                 check_colour (self, RTK_CHECK_POSE_ROLL), self->view.unit);
  }
  if (analysis->has_shoulders)
    stroke_line (cr, rtk_view_map (&self->view, analysis->head.shoulders[0]),
                 rtk_view_map (&self->view, analysis->head.shoulders[1]),
                 check_colour (self, RTK_CHECK_POSE_SHOULDERS_LEVEL), self->view.unit);
}

static void
draw_value (const RtkOverlay *self, cairo_t *cr, RtkZone zone, double value, RtkPoint at)
{
  g_autofree char *text = NULL;

  if (self->labels[zone] != NULL)
    text = g_strdup_printf ("%s %.0f", self->labels[zone], value);
  else
    text = g_strdup_printf ("%.0f", value);
  rtk_palette_set_source (cr, zone_colour (self, zone), 1.0);
  rtk_label_draw (cr, text, at, RTK_TEXT_LEFT, self->view.unit);
}

/* Live values stand outside the crop, on the side without the ruler, at the height they speak of.
 * They keep to the crop's edge, so only their height moves. */
static void
draw_values (const RtkOverlay *self, cairo_t *cr, RtkRect crop)
{
  const RtkHead *head = &self->analysis->head;
  RtkPoint       hair = {head->eye_mid.x, head->hair_top};
  RtkPoint       cheek_left = {head->cheek_left, head->eye_mid.y};
  RtkPoint       cheek_right = {head->cheek_right, head->eye_mid.y};
  RtkPoint       finished_hair = rtk_crop_to_finished (&self->crop, hair);
  RtkPoint       finished_eyes = rtk_crop_to_finished (&self->crop, head->eye_mid);
  RtkPoint       shown_hair = rtk_view_map (&self->view, hair);
  RtkPoint       shown_eyes = rtk_view_map (&self->view, head->eye_mid);
  RtkPoint       left = rtk_view_map (&self->view, cheek_left);
  RtkPoint       right = rtk_view_map (&self->view, cheek_right);
  double         unit = self->view.unit, gap = 8.0 * unit;
  double         x = self->view.mirrored ? crop.x + gap : crop.x + crop.width + gap;
  double         below = crop.y + crop.height * 0.62;

  /* With a mirrored view the ruler is on the right: then the values go inside the left edge. */
  stroke_line (cr, (RtkPoint){crop.x, shown_hair.y}, (RtkPoint){crop.x + crop.width, shown_hair.y},
               zone_colour (self, RTK_ZONE_HAIR_TOP), 0.6 * unit);
  for (int side = 0; side < 2; side++) {
    double cheek = side == 0 ? left.x : right.x;

    stroke_line (cr, (RtkPoint){cheek, shown_eyes.y - 14.0 * unit},
                 (RtkPoint){cheek, shown_eyes.y + 42.0 * unit},
                 zone_colour (self, RTK_ZONE_CHEEK_LEFT), unit);
  }
  draw_value (self, cr, RTK_ZONE_HAIR_TOP, finished_hair.y, (RtkPoint){x, shown_hair.y});
  draw_value (self, cr, RTK_ZONE_EYE_LINE, finished_eyes.y, (RtkPoint){x, shown_eyes.y});
  draw_value (self, cr, RTK_ZONE_CHEEK_LEFT,
              (head->cheek_right - head->cheek_left) / self->crop.scale,
              (RtkPoint){x, MAX (below, shown_eyes.y + 30.0 * unit)});
  draw_value (self, cr, RTK_ZONE_CENTRE, finished_eyes.x,
              (RtkPoint){x, MAX (below, shown_eyes.y + 30.0 * unit) + 28.0 * unit});
}

static void
draw_centre_line (const RtkOverlay *self, cairo_t *cr, RtkRect crop)
{
  const double dashes[] = {3.0 * self->view.unit, 5.0 * self->view.unit};
  double       x = crop.x + crop.width / 2.0;

  cairo_save (cr);
  cairo_set_dash (cr, dashes, G_N_ELEMENTS (dashes), 0);
  cairo_set_line_width (cr, self->view.unit);
  rtk_palette_set_source (cr, zone_colour (self, RTK_ZONE_CENTRE), 0.8);
  cairo_move_to (cr, x, crop.y);
  cairo_line_to (cr, x, crop.y + crop.height);
  cairo_stroke (cr);
  cairo_restore (cr);
}

/**
 * rtk_overlay_draw:
 * @self: what is to be drawn
 * @cr: what is drawn on, at any scale
 *
 * Draws everything that lies over the live picture: the legal crop bright and the rest dimmed, the
 * zones of the rule pack, the head-and-shoulders outline, level lines, live values, the ruler.
 *
 * The picture itself is drawn by the caller before. Costs well under a millisecond.
 */
void
rtk_overlay_draw (const RtkOverlay *self, cairo_t *cr)
{
  RtkRect crop;

  g_return_if_fail (self->pack != NULL && self->crop.scale > 0);

  crop = rtk_view_map_rect (&self->view, rtk_crop_get_source_rect (&self->crop));
  cairo_save (cr);
  draw_dimming (self, cr, crop);
  cairo_rectangle (cr, self->view.place.x, self->view.place.y, self->view.place.width,
                   self->view.place.height);
  cairo_clip (cr);
  for (RtkZone zone = 0; zone < RTK_ZONE_CENTRE; zone++)
    draw_zone (self, cr, zone);
  draw_centre_line (self, cr, crop);
  draw_outline (self, cr);
  if (self->with_ruler)
    rtk_ruler_draw (cr, &self->view, &self->crop);
  if (self->analysis != NULL) {
    draw_levels (self, cr);
    if (self->analysis->has_head)
      draw_values (self, cr, crop);
  }
  cairo_restore (cr);
}
