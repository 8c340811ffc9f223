/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-widgets"
#include "config.h"

#include "widgets/rtk-viewfinder.h"

#include "render/rtk-figure.h"
#include "render/rtk-overlay.h"
#include "widgets/rtk-texture.h"
#include "widgets/rtk-words.h"

#include <glib/gi18n.h>
#include <math.h>

/* How much of the way to the newest crop is gone with each report: the frame follows a head that
 * moves without trembling with one that does not. */
#define CROP_STEP 0.35
/* A crop further away than this part of its width is another one: no gliding. */
#define CROP_JUMP 0.25

struct _RtkViewfinder {
  GtkWidget parent_instance;

  RtkFrame      *frame;    /* (owned) (nullable) */
  GdkTexture    *texture;  /* (owned) (nullable): shares the pixels of @frame */
  RtkRulePack   *pack;     /* (owned) (nullable) */
  RtkAnalysis   *analysis; /* (owned) (nullable) */
  RtkReport     *report;   /* (owned) (nullable) */
  GdkTexture    *preview;  /* (owned) (nullable): the finished photo that this would be */
  RtkPreviewMode preview_mode;
  RtkCrop        crop;
  gboolean       has_crop;
  gboolean       mirrored;
  gboolean       guided;
  RtkCameraState camera_state;

  GskRenderNode *sample; /* (owned) (nullable): of @pack, @sample_width wide */
  double         sample_width;

  GtkWidget *notice;        /* (template) */
  GtkLabel  *notice_title;  /* (template) */
  GtkLabel  *notice_advice; /* (template) */
};

G_DEFINE_FINAL_TYPE (RtkViewfinder, rtk_viewfinder, GTK_TYPE_WIDGET)

enum { PROP_MIRRORED = 1, PROP_GUIDED, N_PROPS };

static GParamSpec *properties[N_PROPS];

static void
update_notice (RtkViewfinder *self)
{
  const char *title, *advice;

  rtk_words_camera (self->camera_state, &title, &advice);
  gtk_widget_set_visible (self->notice, title != NULL);
  if (title == NULL)
    return;
  gtk_label_set_text (self->notice_title, title);
  gtk_label_set_text (self->notice_advice, advice);
}

static RtkRect
picture_place (RtkViewfinder *self)
{
  RtkRect room = {
      0,
      0,
      gtk_widget_get_width (GTK_WIDGET (self)),
      gtk_widget_get_height (GTK_WIDGET (self)),
  };

  return rtk_view_fit (room, rtk_image_get_width (self->frame->image),
                       rtk_image_get_height (self->frame->image));
}

static void
snapshot_picture (RtkViewfinder *self, GtkSnapshot *snapshot, RtkRect place)
{
  graphene_rect_t rect = GRAPHENE_RECT_INIT (0, 0, (float)place.width, (float)place.height);

  gtk_snapshot_save (snapshot);
  gtk_snapshot_translate (
      snapshot,
      &GRAPHENE_POINT_INIT ((float)(place.x + (self->mirrored ? place.width : 0)), (float)place.y));
  if (self->mirrored)
    gtk_snapshot_scale (snapshot, -1.0f, 1.0f);
  gtk_snapshot_append_texture (snapshot, self->texture, &rect);
  gtk_snapshot_restore (snapshot);
}

static void
snapshot_overlay (RtkViewfinder *self, GtkSnapshot *snapshot, RtkRect place)
{
  RtkOverlay overlay = {
      .view =
          {
              .place = place,
              .picture_width = rtk_image_get_width (self->frame->image),
              .picture_height = rtk_image_get_height (self->frame->image),
              .mirrored = self->mirrored,
              .unit = 1.0,
          },
      .pack = self->pack,
      .crop = self->crop,
      .analysis = self->analysis,
      .report = self->report,
      .labels =
          {
              [RTK_ZONE_HAIR_TOP] = _ ("Hair top"),
              [RTK_ZONE_EYE_LINE] = _ ("Eyes"),
              [RTK_ZONE_CHEEK_LEFT] = _ ("Face width"),
              [RTK_ZONE_CENTRE] = _ ("Centre"),
          },
      .with_ruler = TRUE,
  };
  cairo_t *cr = gtk_snapshot_append_cairo (
      snapshot, &GRAPHENE_RECT_INIT ((float)place.x, (float)place.y, (float)place.width,
                                     (float)place.height));

  if (!self->has_crop)
    rtk_overlay_get_guide_crop (self->pack, overlay.view.picture_width, overlay.view.picture_height,
                                &overlay.crop);
  rtk_overlay_draw (&overlay, cr);
  cairo_destroy (cr);
}

/* The sample picture, from (0, 0): drawn once for a pack and a width, not with every frame. */
static GskRenderNode *
ensure_sample (RtkViewfinder *self, const RtkFigure *figure, double width, double height)
{
  const RtkBackground *backgrounds;
  guint                n_backgrounds;
  GtkSnapshot         *snapshot;
  cairo_t             *cr;

  if (self->sample != NULL && self->sample_width == width)
    return self->sample;
  g_clear_pointer (&self->sample, gsk_render_node_unref);
  backgrounds = rtk_rule_pack_get_backgrounds (self->pack, &n_backgrounds);
  if (n_backgrounds == 0)
    return NULL;
  snapshot = gtk_snapshot_new ();
  cr = gtk_snapshot_append_cairo (
      snapshot, &GRAPHENE_RECT_INIT (-2, -2, (float)width + 4, (float)height + 4));
  rtk_sample_draw (cr, figure, backgrounds[0].rgb, 0, 0, width);
  cairo_rectangle (cr, 0, 0, width, height);
  cairo_set_source_rgba (cr, 1, 1, 1, 0.9);
  cairo_set_line_width (cr, 2.0);
  cairo_stroke (cr);
  cairo_set_source_rgb (cr, 1, 1, 1);
  rtk_label_draw (cr, _ ("Sample"), (RtkPoint){width / 2.0, height - 13.0}, RTK_TEXT_CENTRE, 0.9);
  cairo_destroy (cr);
  self->sample = gtk_snapshot_free_to_node (snapshot);
  self->sample_width = width;
  return self->sample;
}

static void
snapshot_sample (RtkViewfinder *self, GtkSnapshot *snapshot)
{
  double         room_width = gtk_widget_get_width (GTK_WIDGET (self));
  double         room_height = gtk_widget_get_height (GTK_WIDGET (self));
  double         width = CLAMP (room_height * 0.2, 72.0, 150.0);
  double         margin = 10.0;
  RtkFigure      figure;
  GskRenderNode *sample;

  rtk_figure_init_from_pack (&figure, self->pack);
  sample = ensure_sample (self, &figure, width, width * figure.height / figure.width);
  if (sample == NULL)
    return;
  gtk_snapshot_save (snapshot);
  gtk_snapshot_translate (
      snapshot, &GRAPHENE_POINT_INIT ((float)(room_width - width - margin), (float)margin));
  gtk_snapshot_append_node (snapshot, sample);
  gtk_snapshot_restore (snapshot);
}

/* Whether the finished photo stands in place of the live picture. */
static gboolean
is_preview_full (RtkViewfinder *self)
{
  return self->preview != NULL && self->guided && self->camera_state == RTK_CAMERA_LIVE &&
         self->preview_mode == RTK_PREVIEW_FULL;
}

/* The finished photo as it would be now: never mirrored, as no photo is. */
static void
snapshot_preview (RtkViewfinder *self, GtkSnapshot *snapshot)
{
  double   room_width = gtk_widget_get_width (GTK_WIDGET (self));
  double   room_height = gtk_widget_get_height (GTK_WIDGET (self));
  int      width = gdk_texture_get_width (self->preview);
  int      height = gdk_texture_get_height (self->preview);
  double   margin = 10.0;
  RtkRect  frame;
  cairo_t *cr;

  if (is_preview_full (self)) {
    frame = rtk_view_fit ((RtkRect){0, 0, room_width, room_height}, width, height);
  } else {
    /* On the left, where there are only the ruler's figures: on the right stand those of the rules.
     */
    frame.height = CLAMP (room_height * 0.32, 120.0, 300.0);
    frame.width = frame.height * width / height;
    frame.x = margin;
    frame.y = room_height - frame.height - margin;
  }
  gtk_snapshot_append_texture (snapshot, self->preview,
                               &GRAPHENE_RECT_INIT ((float)frame.x, (float)frame.y,
                                                    (float)frame.width, (float)frame.height));
  cr = gtk_snapshot_append_cairo (
      snapshot, &GRAPHENE_RECT_INIT ((float)frame.x - 2, (float)frame.y - 2, (float)frame.width + 4,
                                     (float)frame.height + 4));
  if (!is_preview_full (self)) {
    cairo_rectangle (cr, frame.x, frame.y, frame.width, frame.height);
    cairo_set_source_rgba (cr, 1, 1, 1, 0.9);
    cairo_set_line_width (cr, 2.0);
    cairo_stroke (cr);
  }
  cairo_set_source_rgb (cr, 1, 1, 1);
  rtk_label_draw (cr, _ ("Live result"),
                  (RtkPoint){frame.x + frame.width / 2.0, frame.y + frame.height - 13.0},
                  RTK_TEXT_CENTRE, 0.9);
  cairo_destroy (cr);
}

static void
rtk_viewfinder_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  RtkViewfinder *self = RTK_VIEWFINDER (widget);

  if (self->texture != NULL && !is_preview_full (self)) {
    RtkRect place = picture_place (self);

    snapshot_picture (self, snapshot, place);
    if (self->camera_state != RTK_CAMERA_LIVE)
      gtk_snapshot_append_color (snapshot, &(GdkRGBA){0, 0, 0, 0.65f},
                                 &GRAPHENE_RECT_INIT ((float)place.x, (float)place.y,
                                                      (float)place.width, (float)place.height));
    else if (self->guided && self->pack != NULL)
      snapshot_overlay (self, snapshot, place);
  }
  if (self->pack != NULL && self->camera_state == RTK_CAMERA_LIVE)
    snapshot_sample (self, snapshot);
  if (self->preview != NULL && self->guided && self->camera_state == RTK_CAMERA_LIVE &&
      self->preview_mode != RTK_PREVIEW_OFF)
    snapshot_preview (self, snapshot);
  gtk_widget_snapshot_child (widget, self->notice, snapshot);
}

static void
rtk_viewfinder_measure (GtkWidget     *widget,
                        GtkOrientation orientation,
                        int            for_size,
                        int           *minimum,
                        int           *natural,
                        int           *minimum_baseline,
                        int           *natural_baseline)
{
  *minimum = orientation == GTK_ORIENTATION_HORIZONTAL ? 360 : 240;
  *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? 640 : 360;
  *minimum_baseline = *natural_baseline = -1;
}

static void
rtk_viewfinder_size_allocate (GtkWidget *widget, int width, int height, int baseline)
{
  RtkViewfinder *self = RTK_VIEWFINDER (widget);
  GtkRequisition wanted;
  GtkAllocation  place;

  gtk_widget_get_preferred_size (self->notice, NULL, &wanted);
  place.width = MIN (wanted.width, width);
  place.height = MIN (wanted.height, height);
  place.x = (width - place.width) / 2;
  place.y = (height - place.height) / 2;
  gtk_widget_size_allocate (self->notice, &place, -1);
}

static void
rtk_viewfinder_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  RtkViewfinder *self = RTK_VIEWFINDER (object);

  switch (id) {
  case PROP_MIRRORED:
    g_value_set_boolean (value, self->mirrored);
    break;
  case PROP_GUIDED:
    g_value_set_boolean (value, self->guided);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
rtk_viewfinder_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  RtkViewfinder *self = RTK_VIEWFINDER (object);

  switch (id) {
  case PROP_MIRRORED:
    rtk_viewfinder_set_mirrored (self, g_value_get_boolean (value));
    break;
  case PROP_GUIDED:
    rtk_viewfinder_set_guided (self, g_value_get_boolean (value));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
rtk_viewfinder_dispose (GObject *object)
{
  RtkViewfinder *self = RTK_VIEWFINDER (object);

  g_clear_object (&self->texture);
  g_clear_object (&self->preview);
  g_clear_pointer (&self->frame, rtk_frame_unref);
  g_clear_pointer (&self->analysis, rtk_analysis_unref);
  g_clear_pointer (&self->report, rtk_report_unref);
  g_clear_pointer (&self->sample, gsk_render_node_unref);
  g_clear_pointer (&self->pack, rtk_rule_pack_unref);
  gtk_widget_dispose_template (GTK_WIDGET (self), RTK_TYPE_VIEWFINDER);
  G_OBJECT_CLASS (rtk_viewfinder_parent_class)->dispose (object);
}

static void
rtk_viewfinder_class_init (RtkViewfinderClass *klass)
{
  GObjectClass   *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = rtk_viewfinder_dispose;
  object_class->get_property = rtk_viewfinder_get_property;
  object_class->set_property = rtk_viewfinder_set_property;
  widget_class->snapshot = rtk_viewfinder_snapshot;
  widget_class->measure = rtk_viewfinder_measure;
  widget_class->size_allocate = rtk_viewfinder_size_allocate;

  properties[PROP_MIRRORED] =
      g_param_spec_boolean ("mirrored", NULL, NULL, FALSE,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  properties[PROP_GUIDED] =
      g_param_spec_boolean ("guided", NULL, NULL, FALSE,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  gtk_widget_class_set_css_name (widget_class, "viewfinder");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/retake_station/Retake/ui/rtk-viewfinder.ui");
  gtk_widget_class_bind_template_child (widget_class, RtkViewfinder, notice);
  gtk_widget_class_bind_template_child (widget_class, RtkViewfinder, notice_title);
  gtk_widget_class_bind_template_child (widget_class, RtkViewfinder, notice_advice);
}

static void
rtk_viewfinder_init (RtkViewfinder *self)
{
  self->camera_state = RTK_CAMERA_OFF;
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_widget_set_overflow (GTK_WIDGET (self), GTK_OVERFLOW_HIDDEN);
  gtk_widget_set_focusable (GTK_WIDGET (self), TRUE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Live picture"), -1);
  update_notice (self);
}

/**
 * rtk_viewfinder_new:
 *
 * Returns: (transfer floating): a viewfinder without a picture
 */
GtkWidget *
rtk_viewfinder_new (void)
{
  return g_object_new (RTK_TYPE_VIEWFINDER, NULL);
}

/**
 * rtk_viewfinder_set_pack:
 * @self: a viewfinder
 * @pack: (nullable): the rule pack whose zones are drawn
 */
void
rtk_viewfinder_set_pack (RtkViewfinder *self, RtkRulePack *pack)
{
  g_return_if_fail (RTK_IS_VIEWFINDER (self));

  g_clear_pointer (&self->sample, gsk_render_node_unref);
  g_clear_pointer (&self->pack, rtk_rule_pack_unref);
  self->pack = pack != NULL ? rtk_rule_pack_ref (pack) : NULL;
  self->has_crop = FALSE;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/**
 * rtk_viewfinder_set_frame:
 * @self: a viewfinder
 * @frame: (nullable): the newest frame; its pixels are shared, not copied
 */
void
rtk_viewfinder_set_frame (RtkViewfinder *self, RtkFrame *frame)
{
  g_return_if_fail (RTK_IS_VIEWFINDER (self));

  if (self->frame == frame)
    return;
  g_clear_object (&self->texture);
  g_clear_pointer (&self->frame, rtk_frame_unref);
  if (frame != NULL) {
    self->frame = rtk_frame_ref (frame);
    self->texture = rtk_texture_new_for_image (frame->image);
  }
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/**
 * rtk_viewfinder_set_preview:
 * @self: a viewfinder
 * @image: (nullable): the finished photo that the live picture would be; its pixels are shared
 */
void
rtk_viewfinder_set_preview (RtkViewfinder *self, RtkImage *image)
{
  g_return_if_fail (RTK_IS_VIEWFINDER (self));

  g_clear_object (&self->preview);
  if (image != NULL)
    self->preview = rtk_texture_new_for_image (image);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/**
 * rtk_viewfinder_set_preview_mode:
 * @self: a viewfinder
 * @mode: where the finished photo is shown
 */
void
rtk_viewfinder_set_preview_mode (RtkViewfinder *self, RtkPreviewMode mode)
{
  g_return_if_fail (RTK_IS_VIEWFINDER (self));

  if (self->preview_mode == mode)
    return;
  self->preview_mode = mode;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/**
 * rtk_viewfinder_get_preview_mode:
 * @self: a viewfinder
 *
 * Returns: where the finished photo is shown
 */
RtkPreviewMode
rtk_viewfinder_get_preview_mode (RtkViewfinder *self)
{
  g_return_val_if_fail (RTK_IS_VIEWFINDER (self), RTK_PREVIEW_OFF);

  return self->preview_mode;
}

static void
follow_crop (RtkViewfinder *self, const RtkCrop *wanted)
{
  double jump = CROP_JUMP * wanted->out_width * wanted->scale;

  if (!self->has_crop || fabs (wanted->x - self->crop.x) > jump ||
      fabs (wanted->y - self->crop.y) > jump || self->crop.out_width != wanted->out_width) {
    self->crop = *wanted;
    self->has_crop = TRUE;
    return;
  }
  self->crop.x += (wanted->x - self->crop.x) * CROP_STEP;
  self->crop.y += (wanted->y - self->crop.y) * CROP_STEP;
  self->crop.scale += (wanted->scale - self->crop.scale) * CROP_STEP;
}

/**
 * rtk_viewfinder_set_judged:
 * @self: a viewfinder
 * @analysis: (nullable): the newest measures
 * @report: (nullable): the verdicts on them
 *
 * Shows what was measured, and moves the bright frame to the legal crop it gives.
 */
void
rtk_viewfinder_set_judged (RtkViewfinder *self, RtkAnalysis *analysis, RtkReport *report)
{
  RtkCrop wanted;

  g_return_if_fail (RTK_IS_VIEWFINDER (self));

  if (analysis != NULL)
    rtk_analysis_ref (analysis);
  g_clear_pointer (&self->analysis, rtk_analysis_unref);
  self->analysis = analysis;
  if (report != NULL)
    rtk_report_ref (report);
  g_clear_pointer (&self->report, rtk_report_unref);
  self->report = report;

  if (report != NULL && rtk_report_get_crop (report, &wanted))
    follow_crop (self, &wanted);
  else
    self->has_crop = FALSE;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/**
 * rtk_viewfinder_set_camera_state:
 * @self: a viewfinder
 * @state: of the camera; all but "live" is said on the picture, with what to do
 */
void
rtk_viewfinder_set_camera_state (RtkViewfinder *self, RtkCameraState state)
{
  g_return_if_fail (RTK_IS_VIEWFINDER (self));

  if (self->camera_state == state)
    return;
  self->camera_state = state;
  update_notice (self);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/**
 * rtk_viewfinder_set_mirrored:
 * @self: a viewfinder
 * @mirrored: whether the picture is shown as in a mirror; no file is ever mirrored
 */
void
rtk_viewfinder_set_mirrored (RtkViewfinder *self, gboolean mirrored)
{
  g_return_if_fail (RTK_IS_VIEWFINDER (self));

  if (self->mirrored == !!mirrored)
    return;
  self->mirrored = !!mirrored;
  gtk_widget_queue_draw (GTK_WIDGET (self));
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_MIRRORED]);
}

/**
 * rtk_viewfinder_is_mirrored:
 * @self: a viewfinder
 *
 * Returns: whether the picture is shown as in a mirror
 */
gboolean
rtk_viewfinder_is_mirrored (RtkViewfinder *self)
{
  g_return_val_if_fail (RTK_IS_VIEWFINDER (self), FALSE);

  return self->mirrored;
}

/**
 * rtk_viewfinder_set_guided:
 * @self: a viewfinder
 * @guided: whether frame, zones and outline are drawn
 */
void
rtk_viewfinder_set_guided (RtkViewfinder *self, gboolean guided)
{
  g_return_if_fail (RTK_IS_VIEWFINDER (self));

  if (self->guided == !!guided)
    return;
  self->guided = !!guided;
  gtk_widget_queue_draw (GTK_WIDGET (self));
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_GUIDED]);
}
