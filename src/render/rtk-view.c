/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-render"
#include "config.h"

#include "render/rtk-view.h"

#include <math.h>
#include <pango/pangocairo.h>

/**
 * rtk_view_fit:
 * @room: what there is, user space
 * @picture_width: of the picture, pixels, > 0
 * @picture_height: of the picture, pixels, > 0
 *
 * Finds the largest place of the picture's shape in @room, centred.
 *
 * Returns: the place in user space
 */
RtkRect
rtk_view_fit (RtkRect room, int picture_width, int picture_height)
{
  double  zoom;
  RtkRect place;

  g_return_val_if_fail (picture_width > 0 && picture_height > 0, room);

  zoom = MIN (room.width / picture_width, room.height / picture_height);
  place.width = picture_width * zoom;
  place.height = picture_height * zoom;
  place.x = room.x + (room.width - place.width) / 2.0;
  place.y = room.y + (room.height - place.height) / 2.0;
  return place;
}

/**
 * rtk_view_get_zoom:
 * @self: a view
 *
 * Returns: user-space length of one pixel of the picture
 */
double
rtk_view_get_zoom (const RtkView *self)
{
  return self->place.width / self->picture_width;
}

/**
 * rtk_view_map:
 * @self: a view
 * @picture: a point in pixels of the picture
 *
 * Finds where a point of the picture is shown.
 *
 * Returns: the point in user space
 */
RtkPoint
rtk_view_map (const RtkView *self, RtkPoint picture)
{
  double x = self->mirrored ? self->picture_width - picture.x : picture.x;

  return (RtkPoint){
      self->place.x + x * self->place.width / self->picture_width,
      self->place.y + picture.y * self->place.height / self->picture_height,
  };
}

/**
 * rtk_view_map_rect:
 * @self: a view
 * @picture: a rectangle in pixels of the picture
 *
 * Finds where a rectangle of the picture is shown.
 *
 * Returns: the rectangle in user space
 */
RtkRect
rtk_view_map_rect (const RtkView *self, RtkRect picture)
{
  RtkPoint a = rtk_view_map (self, (RtkPoint){picture.x, picture.y});
  RtkPoint b =
      rtk_view_map (self, (RtkPoint){picture.x + picture.width, picture.y + picture.height});

  return (RtkRect){MIN (a.x, b.x), a.y, fabs (b.x - a.x), b.y - a.y};
}

static PangoLayout *
make_layout (cairo_t *cr, const char *text, double size, gboolean bold)
{
  PangoLayout *layout = pango_cairo_create_layout (cr);
  g_autoptr (PangoFontDescription) font = pango_font_description_from_string ("Sans");
  g_autoptr (PangoAttrList) attributes = pango_attr_list_new ();

  pango_font_description_set_absolute_size (font, size * PANGO_SCALE);
  if (bold)
    pango_font_description_set_weight (font, PANGO_WEIGHT_BOLD);
  pango_layout_set_font_description (layout, font);
  /* Tabular figures: a live number must not make its neighbours dance. */
  pango_attr_list_insert (attributes, pango_attr_font_features_new ("tnum=1"));
  pango_layout_set_attributes (layout, attributes);
  pango_layout_set_text (layout, text, -1);
  return layout;
}

static RtkRect
place_layout (PangoLayout *layout, RtkPoint at, RtkTextAnchor anchor)
{
  PangoRectangle logical;
  RtkRect        place;

  pango_layout_get_extents (layout, NULL, &logical);
  place.width = (double)logical.width / PANGO_SCALE;
  place.height = (double)logical.height / PANGO_SCALE;
  place.x = at.x;
  if (anchor == RTK_TEXT_CENTRE)
    place.x -= place.width / 2.0;
  else if (anchor == RTK_TEXT_RIGHT)
    place.x -= place.width;
  place.y = at.y - place.height / 2.0;
  return place;
}

/**
 * rtk_text_draw:
 * @cr: what is drawn on; its present source is used
 * @text: UTF-8
 * @at: middle of the line, at the end that @anchor says
 * @anchor: where @at lies along the line
 * @size: height of the font in user space
 * @bold: whether bold
 *
 * Draws one line of text with tabular figures, in the system's own fonts.
 *
 * Returns: what it covers, user space
 */
RtkRect
rtk_text_draw (
    cairo_t *cr, const char *text, RtkPoint at, RtkTextAnchor anchor, double size, gboolean bold)
{
  g_autoptr (PangoLayout) layout = make_layout (cr, text, size, bold);
  RtkRect place = place_layout (layout, at, anchor);

  cairo_move_to (cr, place.x, place.y);
  pango_cairo_show_layout (cr, layout);
  return place;
}

/**
 * rtk_label_draw:
 * @cr: what is drawn on; its present source is the colour of the text
 * @text: UTF-8
 * @at: middle of the line, at the end that @anchor says
 * @anchor: where @at lies along the line
 * @unit: user-space length of one pixel of the design
 *
 * Draws a line of small text on a dark rounded ground, readable over any picture.
 *
 * Returns: what it covers with its ground, user space
 */
RtkRect
rtk_label_draw (cairo_t *cr, const char *text, RtkPoint at, RtkTextAnchor anchor, double unit)
{
  g_autoptr (PangoLayout) layout = make_layout (cr, text, 13.0 * unit, TRUE);
  double  pad_x = 6.0 * unit, pad_y = 2.0 * unit, radius;
  RtkRect place, ground;

  at.x += anchor == RTK_TEXT_LEFT ? pad_x : anchor == RTK_TEXT_RIGHT ? -pad_x : 0.0;
  place = place_layout (layout, at, anchor);
  ground = (RtkRect){
      place.x - pad_x,
      place.y - pad_y,
      place.width + 2.0 * pad_x,
      place.height + 2.0 * pad_y,
  };
  radius = MIN (5.0 * unit, ground.height / 2.0);

  cairo_save (cr);
  cairo_new_sub_path (cr);
  cairo_arc (cr, ground.x + ground.width - radius, ground.y + radius, radius, -G_PI_2, 0);
  cairo_arc (cr, ground.x + ground.width - radius, ground.y + ground.height - radius, radius, 0,
             G_PI_2);
  cairo_arc (cr, ground.x + radius, ground.y + ground.height - radius, radius, G_PI_2, G_PI);
  cairo_arc (cr, ground.x + radius, ground.y + radius, radius, G_PI, 3 * G_PI_2);
  cairo_close_path (cr);
  cairo_set_source_rgba (cr, 0.08, 0.08, 0.09, 0.78);
  cairo_fill (cr);
  cairo_restore (cr);

  cairo_move_to (cr, place.x, place.y);
  pango_cairo_show_layout (cr, layout);
  return ground;
}
