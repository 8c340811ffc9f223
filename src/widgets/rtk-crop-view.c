/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-widgets"
#include "config.h"

#include "widgets/rtk-crop-view.h"

#include "render/rtk-view.h"
#include "widgets/rtk-texture.h"

#include <math.h>

struct _RtkCropView {
  GtkWidget parent_instance;

  GdkTexture *texture; /* (owned) (nullable) */
  RtkRect     part;    /* what is seen, pixels of the texture */
  char       *label;   /* (owned) (nullable) */
};

G_DEFINE_FINAL_TYPE (RtkCropView, rtk_crop_view, GTK_TYPE_WIDGET)

enum { PROP_LABEL = 1, N_PROPS };

static GParamSpec *properties[N_PROPS];

static void
rtk_crop_view_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  RtkCropView *self = RTK_CROP_VIEW (widget);
  RtkRect      room = {0, 0, gtk_widget_get_width (widget), gtk_widget_get_height (widget)};
  RtkRect      place;
  double       zoom;

  if (self->texture == NULL || room.width < 1 || room.height < 1)
    return;
  place = rtk_view_fit (room, (int)self->part.width, (int)self->part.height);
  place.y = room.y;
  zoom = place.width / self->part.width;
  gtk_snapshot_push_clip (snapshot, &GRAPHENE_RECT_INIT ((float)place.x, (float)place.y,
                                                         (float)place.width, (float)place.height));
  gtk_snapshot_append_texture (
      snapshot, self->texture,
      &GRAPHENE_RECT_INIT ((float)(place.x - self->part.x * zoom),
                           (float)(place.y - self->part.y * zoom),
                           (float)(gdk_texture_get_width (self->texture) * zoom),
                           (float)(gdk_texture_get_height (self->texture) * zoom)));
  gtk_snapshot_pop (snapshot);
}

static void
rtk_crop_view_measure (GtkWidget     *widget,
                       GtkOrientation orientation,
                       int            for_size,
                       int           *minimum,
                       int           *natural,
                       int           *minimum_baseline,
                       int           *natural_baseline)
{
  RtkCropView *self = RTK_CROP_VIEW (widget);

  *minimum = orientation == GTK_ORIENTATION_HORIZONTAL ? 120 : 160;
  *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? 240 : 320;
  /* As high as the picture is at this width, where there is that much. */
  if (orientation == GTK_ORIENTATION_VERTICAL && for_size > 0 && self->texture != NULL)
    *natural = MAX (*minimum, (int)ceil (for_size * self->part.height / self->part.width));
  *minimum_baseline = *natural_baseline = -1;
}

static GtkSizeRequestMode
rtk_crop_view_get_request_mode (GtkWidget *widget)
{
  return GTK_SIZE_REQUEST_HEIGHT_FOR_WIDTH;
}

static void
rtk_crop_view_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_LABEL)
    g_value_set_string (value, RTK_CROP_VIEW (object)->label);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
rtk_crop_view_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  RtkCropView *self = RTK_CROP_VIEW (object);

  if (id != PROP_LABEL) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    return;
  }
  g_free (self->label);
  self->label = g_value_dup_string (value);
  if (self->label != NULL)
    gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                    self->label, -1);
}

static void
rtk_crop_view_dispose (GObject *object)
{
  RtkCropView *self = RTK_CROP_VIEW (object);

  g_clear_object (&self->texture);
  g_clear_pointer (&self->label, g_free);
  G_OBJECT_CLASS (rtk_crop_view_parent_class)->dispose (object);
}

static void
rtk_crop_view_class_init (RtkCropViewClass *klass)
{
  GObjectClass   *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = rtk_crop_view_dispose;
  object_class->get_property = rtk_crop_view_get_property;
  object_class->set_property = rtk_crop_view_set_property;
  widget_class->snapshot = rtk_crop_view_snapshot;
  widget_class->get_request_mode = rtk_crop_view_get_request_mode;
  widget_class->measure = rtk_crop_view_measure;
  properties[PROP_LABEL] =
      g_param_spec_string ("label", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
rtk_crop_view_init (RtkCropView *self)
{
  gtk_widget_set_overflow (GTK_WIDGET (self), GTK_OVERFLOW_HIDDEN);
}

/**
 * rtk_crop_view_set_image:
 * @self: a view
 * @image: (nullable): the picture; its pixels are shared
 * @crop: (nullable): which part is seen; %NULL = the whole
 */
void
rtk_crop_view_set_image (RtkCropView *self, RtkImage *image, const RtkCrop *crop)
{
  g_return_if_fail (RTK_IS_CROP_VIEW (self));

  g_clear_object (&self->texture);
  if (image != NULL) {
    self->texture = rtk_texture_new_for_image (image);
    self->part = (RtkRect){0, 0, rtk_image_get_width (image), rtk_image_get_height (image)};
    if (crop != NULL)
      self->part = rtk_crop_get_source_rect (crop);
  }
  gtk_widget_queue_resize (GTK_WIDGET (self));
}

/**
 * rtk_crop_view_set_texture:
 * @self: a view
 * @texture: (nullable): a picture, all of which is seen
 */
void
rtk_crop_view_set_texture (RtkCropView *self, GdkTexture *texture)
{
  g_return_if_fail (RTK_IS_CROP_VIEW (self));

  g_set_object (&self->texture, texture);
  if (texture != NULL)
    self->part = (RtkRect){0, 0, gdk_texture_get_width (texture), gdk_texture_get_height (texture)};
  gtk_widget_queue_resize (GTK_WIDGET (self));
}
