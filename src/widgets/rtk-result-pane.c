/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-widgets"
#include "config.h"

#include "widgets/rtk-result-pane.h"

#include "widgets/rtk-crop-view.h"
#include "widgets/rtk-texture.h"

#include <glib/gi18n.h>

struct _RtkResultPane {
  GtkBox parent_instance;

  RtkCropView *original; /* (template) */
  RtkCropView *finished; /* (template) */
  GtkLabel    *facts;    /* (template) */
};

G_DEFINE_FINAL_TYPE (RtkResultPane, rtk_result_pane, GTK_TYPE_BOX)

static void
rtk_result_pane_dispose (GObject *object)
{
  gtk_widget_dispose_template (GTK_WIDGET (object), RTK_TYPE_RESULT_PANE);
  G_OBJECT_CLASS (rtk_result_pane_parent_class)->dispose (object);
}

static void
rtk_result_pane_class_init (RtkResultPaneClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  g_type_ensure (RTK_TYPE_CROP_VIEW);
  G_OBJECT_CLASS (klass)->dispose = rtk_result_pane_dispose;
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/retake_station/Retake/ui/rtk-result-pane.ui");
  gtk_widget_class_bind_template_child (widget_class, RtkResultPane, original);
  gtk_widget_class_bind_template_child (widget_class, RtkResultPane, finished);
  gtk_widget_class_bind_template_child (widget_class, RtkResultPane, facts);
}

static void
rtk_result_pane_init (RtkResultPane *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

/**
 * rtk_result_pane_new:
 *
 * Returns: (transfer floating): an empty pane
 */
GtkWidget *
rtk_result_pane_new (void)
{
  return g_object_new (RTK_TYPE_RESULT_PANE, NULL);
}

/**
 * rtk_result_pane_set_attempt:
 * @self: a pane
 * @attempt: (nullable): whose photo is shown
 */
void
rtk_result_pane_set_attempt (RtkResultPane *self, RtkAttempt *attempt)
{
  RtkPhoto        *photo;
  g_autofree char *facts = NULL;
  g_autofree char *size = NULL;

  g_return_if_fail (RTK_IS_RESULT_PANE (self));

  if (attempt == NULL) {
    rtk_crop_view_set_image (self->original, NULL, NULL);
    rtk_crop_view_set_image (self->finished, NULL, NULL);
    gtk_label_set_text (self->facts, "");
    return;
  }
  photo = rtk_attempt_get_photo (attempt);
  rtk_crop_view_set_image (self->original, photo->original_image, &photo->crop);
  rtk_crop_view_set_image (self->finished, photo->delivered_image, NULL);
  size = photo->delivered.bytes != NULL ? g_format_size (g_bytes_get_size (photo->delivered.bytes))
                                        : g_strdup ("–");
  /* Translators: which photo, its width and height in pixels, and the size of its file. */
  facts = g_strdup_printf (_ ("Photo %u · %d × %d px · %s"), rtk_attempt_get_number (attempt),
                           rtk_image_get_width (photo->delivered_image),
                           rtk_image_get_height (photo->delivered_image), size);
  gtk_label_set_text (self->facts, facts);
}
