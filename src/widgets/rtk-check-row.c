/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-widgets"
#include "config.h"

#include "widgets/rtk-check-row.h"

#include "widgets/rtk-words.h"

#include <glib/gi18n.h>
#include <math.h>

struct _RtkCheckRow {
  GtkBox parent_instance;

  RtkCheckItem *item; /* (owned) (nullable) */
  const char *class;  /* (static) (nullable): style class of the verdict shown */

  GtkImage *icon;  /* (template) */
  GtkLabel *title; /* (template) */
  GtkLabel *word;  /* (template) */
};

G_DEFINE_FINAL_TYPE (RtkCheckRow, rtk_check_row, GTK_TYPE_BOX)

static char *
limits_text (RtkCheckItem *item)
{
  const char      *unit = rtk_check_item_get_unit (item);
  double           min = rtk_check_item_get_min (item), max = rtk_check_item_get_max (item);
  g_autofree char *low = rtk_words_value (min, unit);
  g_autofree char *high = rtk_words_value (max, unit);

  if (!isnan (min) && !isnan (max))
    return g_strdup_printf ("%s – %s", low, high);
  if (!isnan (min))
    return g_strdup_printf ("≥ %s", low);
  if (!isnan (max))
    return g_strdup_printf ("≤ %s", high);
  return NULL;
}

static char *
tooltip_text (RtkCheckRow *self, RtkLanguage language)
{
  GString         *text = g_string_new (rtk_check_item_get_title (self->item, language));
  g_autofree char *value =
      rtk_words_value (rtk_check_item_get_value (self->item), rtk_check_item_get_unit (self->item));
  g_autofree char *limits = limits_text (self->item);
  const char      *advice = rtk_check_item_get_advice (self->item, language);

  g_string_append_printf (text, ": %s",
                          rtk_words_verdict (rtk_check_item_get_verdict (self->item)));
  if (value[0] != '\0')
    g_string_append_printf (text, "\n%s", value);
  if (limits != NULL)
    g_string_append_printf (text, value[0] != '\0' ? "  (%s)" : "\n%s", limits);
  if (advice != NULL && advice[0] != '\0')
    g_string_append_printf (text, "\n%s", advice);
  return g_string_free (text, FALSE);
}

static void
update (RtkCheckRow *self)
{
  RtkLanguage language = rtk_words_get_language ();
  RtkVerdict  verdict = rtk_check_item_get_verdict (self->item);
  const char *title = rtk_check_item_get_title (self->item, language);
  const char *class = rtk_words_verdict_class (verdict);
  g_autofree char *tooltip = NULL;
  g_autofree char *name = NULL;

  if (title == NULL)
    title = "";
  if (self->class != class) {
    if (self->class != NULL)
      gtk_widget_remove_css_class (GTK_WIDGET (self), self->class);
    gtk_widget_add_css_class (GTK_WIDGET (self), class);
    self->class = class;
    gtk_image_set_from_icon_name (self->icon, rtk_words_verdict_icon (verdict));
    gtk_label_set_text (self->word, rtk_words_verdict (verdict));
  }
  gtk_label_set_text (self->title, title);
  tooltip = tooltip_text (self, language);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self), tooltip);
  /* Translators: name of a rule and its verdict, for screen readers. */
  name = g_strdup_printf (_ ("%s: %s"), title, rtk_words_verdict (verdict));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
}

static void
rtk_check_row_dispose (GObject *object)
{
  RtkCheckRow *self = RTK_CHECK_ROW (object);

  g_clear_object (&self->item);
  gtk_widget_dispose_template (GTK_WIDGET (self), RTK_TYPE_CHECK_ROW);
  G_OBJECT_CLASS (rtk_check_row_parent_class)->dispose (object);
}

static void
rtk_check_row_class_init (RtkCheckRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = rtk_check_row_dispose;
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_STATUS);
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/retake_station/Retake/ui/rtk-check-row.ui");
  gtk_widget_class_bind_template_child (widget_class, RtkCheckRow, icon);
  gtk_widget_class_bind_template_child (widget_class, RtkCheckRow, title);
  gtk_widget_class_bind_template_child (widget_class, RtkCheckRow, word);
}

static void
rtk_check_row_init (RtkCheckRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

/**
 * rtk_check_row_new:
 * @item: what it shows, now and whenever it changes
 *
 * Returns: (transfer floating): a chip
 */
GtkWidget *
rtk_check_row_new (RtkCheckItem *item)
{
  RtkCheckRow *self = g_object_new (RTK_TYPE_CHECK_ROW, NULL);

  self->item = g_object_ref (item);
  g_signal_connect_object (item, "notify::revision", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  update (self);
  return GTK_WIDGET (self);
}

/**
 * rtk_check_row_get_item:
 * @self: a chip
 *
 * Returns: (transfer none): what it shows
 */
RtkCheckItem *
rtk_check_row_get_item (RtkCheckRow *self)
{
  g_return_val_if_fail (RTK_IS_CHECK_ROW (self), NULL);

  return self->item;
}
