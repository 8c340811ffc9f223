/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-widgets"
#include "config.h"

#include "widgets/rtk-advice-box.h"

#include "widgets/rtk-words.h"

struct _RtkAdviceBox {
  GtkBox parent_instance;

  const char *class; /* (static) (nullable): style class of the verdict shown */

  GtkImage *icon;   /* (template) */
  GtkLabel *text;   /* (template) */
  GtkLabel *detail; /* (template) */
};

G_DEFINE_FINAL_TYPE (RtkAdviceBox, rtk_advice_box, GTK_TYPE_BOX)

static void
rtk_advice_box_dispose (GObject *object)
{
  gtk_widget_dispose_template (GTK_WIDGET (object), RTK_TYPE_ADVICE_BOX);
  G_OBJECT_CLASS (rtk_advice_box_parent_class)->dispose (object);
}

static void
rtk_advice_box_class_init (RtkAdviceBoxClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = rtk_advice_box_dispose;
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/retake_station/Retake/ui/rtk-advice-box.ui");
  gtk_widget_class_bind_template_child (widget_class, RtkAdviceBox, icon);
  gtk_widget_class_bind_template_child (widget_class, RtkAdviceBox, text);
  gtk_widget_class_bind_template_child (widget_class, RtkAdviceBox, detail);
}

static void
rtk_advice_box_init (RtkAdviceBox *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

/**
 * rtk_advice_box_set:
 * @self: an advice box
 * @verdict: gives the colour
 * @icon: name of the shape that goes with it
 * @text: the sentence, translated
 * @detail: (nullable): what was measured, small
 *
 * Shows another sentence. Labels that stay the same are left alone: a screen reader would say them
 * again.
 */
void
rtk_advice_box_set (
    RtkAdviceBox *self, RtkVerdict verdict, const char *icon, const char *text, const char *detail)
{
  const char *class = rtk_words_verdict_class (verdict);

  g_return_if_fail (RTK_IS_ADVICE_BOX (self));

  if (g_strcmp0 (gtk_label_get_text (self->text), text) != 0)
    gtk_label_set_text (self->text, text);
  gtk_label_set_text (self->detail, detail != NULL ? detail : "");
  gtk_image_set_from_icon_name (self->icon, icon);
  if (self->class == class)
    return;
  if (self->class != NULL)
    gtk_widget_remove_css_class (GTK_WIDGET (self), self->class);
  gtk_widget_add_css_class (GTK_WIDGET (self), class);
  self->class = class;
}
