/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-widgets"
#include "config.h"

#include "widgets/rtk-status-lights.h"

#include "widgets/rtk-words.h"

#include <glib/gi18n.h>

/* One light: a small one in the button, and a row with words in the popover. */
typedef struct {
  GtkWidget *small;  /* (unowned): in the button */
  GtkLabel  *number; /* (unowned) (nullable): beside it, the outbox only */
  GtkWidget *row;    /* (unowned): in the popover */
  GtkImage  *mark;   /* (unowned): the shape that goes with the level */
  GtkLabel  *text;   /* (unowned) */
  GtkLabel  *advice; /* (unowned) */
  const char *class; /* (static) (nullable) */
} Light;

struct _RtkStatusLights {
  GtkBox parent_instance;

  RtkStatus *status; /* (owned) (nullable) */
  Light      lights[RTK_N_LIGHTS];

  GtkMenuButton *button; /* (template) */
  GtkBox        *row;    /* (template) */
  GtkBox        *list;   /* (template) */
};

G_DEFINE_FINAL_TYPE (RtkStatusLights, rtk_status_lights, GTK_TYPE_BOX)

static const char *
mark_icon (RtkLightLevel level)
{
  switch (level) {
  case RTK_LIGHT_OK:
    return "rtk-pass-symbolic";
  case RTK_LIGHT_BUSY:
    return "rtk-busy-symbolic";
  case RTK_LIGHT_WARN:
    return "rtk-warn-symbolic";
  case RTK_LIGHT_BAD:
    return "rtk-fail-symbolic";
  case RTK_LIGHT_OFF:
  default:
    return "rtk-unknown-symbolic";
  }
}

static void
update_name (RtkStatusLights *self)
{
  GString *name = g_string_new (_ ("Status"));

  for (guint kind = 0; kind < RTK_N_LIGHTS; kind++)
    g_string_append_printf (name, "; %s: %s", rtk_words_light_name (kind),
                            gtk_label_get_text (self->lights[kind].text));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  name->str, -1);
  g_string_free (name, TRUE);
}

static void
update_light (RtkStatusLights *self, RtkLightKind kind)
{
  Light        *shown = &self->lights[kind];
  RtkLight     *light = rtk_status_get_light (self->status, kind);
  RtkLightLevel level = rtk_light_get_level (light);
  const char *class = rtk_words_light_class (level);
  const char      *advice = rtk_words_light_advice (rtk_light_get_message (light));
  g_autofree char *text = rtk_words_light_message (light);

  if (shown->class != class) {
    if (shown->class != NULL) {
      gtk_widget_remove_css_class (shown->small, shown->class);
      gtk_widget_remove_css_class (GTK_WIDGET (shown->mark), shown->class);
    }
    gtk_widget_add_css_class (shown->small, class);
    gtk_widget_add_css_class (GTK_WIDGET (shown->mark), class);
    shown->class = class;
  }
  gtk_image_set_from_icon_name (shown->mark, mark_icon (level));
  gtk_label_set_text (shown->text, text);
  gtk_label_set_text (shown->advice, advice != NULL ? advice : "");
  gtk_widget_set_visible (GTK_WIDGET (shown->advice), advice != NULL);
  if (shown->number != NULL) {
    gint64           n = rtk_light_get_value (light);
    g_autofree char *number = g_strdup_printf ("%d", (int)n);

    gtk_label_set_text (shown->number, number);
    gtk_widget_set_visible (GTK_WIDGET (shown->number), n > 0);
  }
  update_name (self);
}

static void
light_changed_cb (RtkStatusLights *self, GParamSpec *pspec, RtkLight *light)
{
  update_light (self, rtk_light_get_kind (light));
}

static void
build_light (RtkStatusLights *self, RtkLightKind kind)
{
  Light     *shown = &self->lights[kind];
  GtkWidget *line = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 10);
  GtkWidget *words = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2);
  GtkWidget *head = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 8);
  GtkWidget *name = gtk_label_new (rtk_words_light_name (kind));
  GtkWidget *icon = gtk_image_new_from_icon_name (rtk_words_light_icon (kind));

  shown->small = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 3);
  gtk_widget_add_css_class (shown->small, "light");
  gtk_box_append (GTK_BOX (shown->small), icon);
  if (kind == RTK_LIGHT_OUTBOX) {
    shown->number = GTK_LABEL (gtk_label_new (NULL));
    gtk_widget_add_css_class (GTK_WIDGET (shown->number), "numeric");
    gtk_widget_set_visible (GTK_WIDGET (shown->number), FALSE);
    gtk_box_append (GTK_BOX (shown->small), GTK_WIDGET (shown->number));
  }
  gtk_box_append (self->row, shown->small);

  shown->mark = GTK_IMAGE (gtk_image_new ());
  gtk_widget_set_valign (GTK_WIDGET (shown->mark), GTK_ALIGN_START);
  gtk_widget_set_margin_top (GTK_WIDGET (shown->mark), 2);
  gtk_label_set_xalign (GTK_LABEL (name), 0.0f);
  gtk_widget_add_css_class (name, "heading");
  shown->text = GTK_LABEL (gtk_label_new (NULL));
  gtk_label_set_ellipsize (shown->text, PANGO_ELLIPSIZE_MIDDLE);
  gtk_label_set_max_width_chars (shown->text, 30);
  gtk_label_set_xalign (shown->text, 0.0f);
  shown->advice = GTK_LABEL (gtk_label_new (NULL));
  gtk_label_set_xalign (shown->advice, 0.0f);
  gtk_label_set_wrap (shown->advice, TRUE);
  gtk_label_set_max_width_chars (shown->advice, 34);
  gtk_widget_add_css_class (GTK_WIDGET (shown->advice), "dim-label");
  gtk_box_append (GTK_BOX (head), name);
  gtk_box_append (GTK_BOX (head), GTK_WIDGET (shown->text));
  gtk_box_append (GTK_BOX (words), head);
  gtk_box_append (GTK_BOX (words), GTK_WIDGET (shown->advice));
  gtk_box_append (GTK_BOX (line), GTK_WIDGET (shown->mark));
  gtk_box_append (GTK_BOX (line), words);
  shown->row = line;
  gtk_box_append (self->list, line);
}

static void
rtk_status_lights_dispose (GObject *object)
{
  RtkStatusLights *self = RTK_STATUS_LIGHTS (object);

  g_clear_object (&self->status);
  gtk_widget_dispose_template (GTK_WIDGET (self), RTK_TYPE_STATUS_LIGHTS);
  G_OBJECT_CLASS (rtk_status_lights_parent_class)->dispose (object);
}

static void
rtk_status_lights_class_init (RtkStatusLightsClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = rtk_status_lights_dispose;
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/retake_station/Retake/ui/rtk-status-lights.ui");
  gtk_widget_class_bind_template_child (widget_class, RtkStatusLights, button);
  gtk_widget_class_bind_template_child (widget_class, RtkStatusLights, row);
  gtk_widget_class_bind_template_child (widget_class, RtkStatusLights, list);
}

static void
rtk_status_lights_init (RtkStatusLights *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  for (RtkLightKind kind = 0; kind < RTK_N_LIGHTS; kind++)
    build_light (self, kind);
}

/**
 * rtk_status_lights_new:
 *
 * Returns: (transfer floating): lights that are out
 */
GtkWidget *
rtk_status_lights_new (void)
{
  return g_object_new (RTK_TYPE_STATUS_LIGHTS, NULL);
}

/**
 * rtk_status_lights_set_status:
 * @self: lights without a status
 * @status: what they show, for good
 */
void
rtk_status_lights_set_status (RtkStatusLights *self, RtkStatus *status)
{
  g_return_if_fail (RTK_IS_STATUS_LIGHTS (self) && self->status == NULL);

  self->status = g_object_ref (status);
  for (RtkLightKind kind = 0; kind < RTK_N_LIGHTS; kind++) {
    g_signal_connect_object (rtk_status_get_light (status, kind), "notify",
                             G_CALLBACK (light_changed_cb), self, G_CONNECT_SWAPPED);
    update_light (self, kind);
  }
}
