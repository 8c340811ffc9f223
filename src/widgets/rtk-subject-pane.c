/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-widgets"
#include "config.h"

#include "widgets/rtk-subject-pane.h"

#include "widgets/rtk-crop-view.h"
#include "widgets/rtk-texture.h"
#include "widgets/rtk-words.h"

#include <glib/gi18n.h>

struct _RtkSubjectPane {
  GtkBox parent_instance;

  RtkRetakeSession *session;     /* (owned) (nullable) */
  GCancellable     *cancellable; /* (owned) (nullable): of the photo that is being decoded */
  RtkWorker        *worker;      /* (owned): decodes it */

  GtkLabel    *name;          /* (template) */
  GtkLabel    *school;        /* (template) */
  GtkLabel    *number;        /* (template) */
  GtkStack    *photo;         /* (template) */
  RtkCropView *picture;       /* (template) */
  GtkLabel    *missing;       /* (template) */
  GtkLabel    *note;          /* (template) */
  GtkWidget   *reasons_title; /* (template) */
  GtkListBox  *reasons;       /* (template) */
};

G_DEFINE_FINAL_TYPE (RtkSubjectPane, rtk_subject_pane, GTK_TYPE_BOX)

static void
update_reason (RtkReasonItem *item, GParamSpec *pspec, GtkWidget *row)
{
  static const char *const classes[] = {
      [RTK_REASON_NOT_YET] = "verdict-fail",
      [RTK_REASON_FIXED] = "verdict-pass",
      [RTK_REASON_CANNOT_TELL] = "verdict-confirm",
  };
  static const char *const icons[] = {
      [RTK_REASON_NOT_YET] = "rtk-fail-symbolic",
      [RTK_REASON_FIXED] = "rtk-pass-symbolic",
      [RTK_REASON_CANNOT_TELL] = "rtk-confirm-symbolic",
  };
  RtkReasonState   state = rtk_reason_item_get_state (item);
  GtkWidget       *icon = gtk_widget_get_first_child (row);
  GtkWidget       *word = gtk_widget_get_last_child (row);
  g_autofree char *name = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (classes); i++) {
    if (i == (guint)state)
      gtk_widget_add_css_class (row, classes[i]);
    else
      gtk_widget_remove_css_class (row, classes[i]);
  }
  gtk_image_set_from_icon_name (GTK_IMAGE (icon), icons[state]);
  gtk_label_set_text (GTK_LABEL (word), rtk_words_reason_state (state));
  /* Translators: an old reason and whether it is mended, for screen readers. */
  name = g_strdup_printf (_ ("%s: %s"), _ (rtk_reason_item_get_title (item)),
                          rtk_words_reason_state (state));
  gtk_accessible_update_property (GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
}

static GtkWidget *
create_reason (gpointer item, gpointer user_data)
{
  GtkWidget *row = gtk_list_box_row_new ();
  GtkWidget *chip = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *icon = gtk_image_new ();
  GtkWidget *title = gtk_label_new (_ (rtk_reason_item_get_title (item)));
  GtkWidget *word = gtk_label_new (NULL);

  gtk_image_set_pixel_size (GTK_IMAGE (icon), 16);
  gtk_label_set_xalign (GTK_LABEL (title), 0.0f);
  gtk_label_set_wrap (GTK_LABEL (title), TRUE);
  gtk_label_set_max_width_chars (GTK_LABEL (title), 18);
  gtk_widget_set_tooltip_text (title, _ (rtk_reason_item_get_title (item)));
  gtk_widget_set_hexpand (title, TRUE);
  gtk_widget_add_css_class (word, "check-word");
  gtk_box_append (GTK_BOX (chip), icon);
  gtk_box_append (GTK_BOX (chip), title);
  gtk_box_append (GTK_BOX (chip), word);
  gtk_widget_add_css_class (chip, "check-row");
  gtk_widget_add_css_class (chip, "reason-row");
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), chip);
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), FALSE);
  gtk_widget_set_focusable (row, FALSE);
  g_signal_connect_object (item, "notify::state", G_CALLBACK (update_reason), chip, 0);
  update_reason (item, NULL, chip);
  return row;
}

static void
photo_loaded_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkSubjectPane) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GdkTexture) texture = rtk_texture_load_finish (result, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_object (&self->cancellable);
  if (texture == NULL) {
    gtk_label_set_text (self->missing, rtk_words_old_photo (RTK_OLD_PHOTO_FAILED));
    return;
  }
  rtk_crop_view_set_texture (self->picture, texture);
  gtk_stack_set_visible_child_name (self->photo, "picture");
}

static void
update_photo (RtkSubjectPane *self)
{
  RtkOldPhotoState state = rtk_retake_session_get_old_photo_state (self->session);
  GBytes          *file = rtk_retake_session_get_old_photo (self->session);

  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  rtk_crop_view_set_texture (self->picture, NULL);
  gtk_label_set_text (
      self->missing,
      rtk_words_old_photo (state == RTK_OLD_PHOTO_READY ? RTK_OLD_PHOTO_LOADING : state));
  gtk_stack_set_visible_child_name (self->photo, "missing");
  if (state != RTK_OLD_PHOTO_READY || file == NULL)
    return;
  self->cancellable = g_cancellable_new ();
  rtk_texture_load_async (self->worker, file, self->cancellable, photo_loaded_cb,
                          g_object_ref (self));
}

static void
update_order (RtkSubjectPane *self)
{
  RtkOrder        *order = rtk_retake_session_get_order (self->session);
  RtkSubmission   *submission;
  const char      *number_masked, *note = NULL;
  g_autofree char *number = NULL;
  gboolean         has_reasons;

  if (order == NULL)
    return;
  submission = rtk_order_get_current_submission (order);
  number_masked = rtk_order_get_number_masked (order);
  gtk_label_set_text (self->name, rtk_order_get_name_masked (order));
  gtk_label_set_text (self->school, rtk_order_get_school (order));
  /* Translators: %s is the number of an order. */
  number = g_strdup_printf (_ ("Order %s"), rtk_order_get_number (order));
  gtk_label_set_text (self->number, number);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->number), number_masked);
  if (submission != NULL)
    note = rtk_submission_get_note (submission);
  gtk_label_set_text (self->note, note != NULL ? note : "");
  gtk_widget_set_visible (GTK_WIDGET (self->note), note != NULL && note[0] != '\0');
  has_reasons =
      g_list_model_get_n_items (G_LIST_MODEL (rtk_retake_session_get_reasons (self->session))) > 0;
  gtk_widget_set_visible (self->reasons_title, has_reasons);
  gtk_widget_set_visible (GTK_WIDGET (self->reasons), has_reasons);
}

static void
rtk_subject_pane_dispose (GObject *object)
{
  RtkSubjectPane *self = RTK_SUBJECT_PANE (object);

  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->worker, rtk_worker_free);
  g_clear_object (&self->session);
  gtk_widget_dispose_template (GTK_WIDGET (self), RTK_TYPE_SUBJECT_PANE);
  G_OBJECT_CLASS (rtk_subject_pane_parent_class)->dispose (object);
}

static void
rtk_subject_pane_class_init (RtkSubjectPaneClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  g_type_ensure (RTK_TYPE_CROP_VIEW);
  G_OBJECT_CLASS (klass)->dispose = rtk_subject_pane_dispose;
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/retake_station/Retake/ui/rtk-subject-pane.ui");
  gtk_widget_class_bind_template_child (widget_class, RtkSubjectPane, name);
  gtk_widget_class_bind_template_child (widget_class, RtkSubjectPane, school);
  gtk_widget_class_bind_template_child (widget_class, RtkSubjectPane, number);
  gtk_widget_class_bind_template_child (widget_class, RtkSubjectPane, photo);
  gtk_widget_class_bind_template_child (widget_class, RtkSubjectPane, picture);
  gtk_widget_class_bind_template_child (widget_class, RtkSubjectPane, missing);
  gtk_widget_class_bind_template_child (widget_class, RtkSubjectPane, note);
  gtk_widget_class_bind_template_child (widget_class, RtkSubjectPane, reasons_title);
  gtk_widget_class_bind_template_child (widget_class, RtkSubjectPane, reasons);
}

static void
rtk_subject_pane_init (RtkSubjectPane *self)
{
  self->worker = rtk_worker_new ("rtk-old-photo", NULL, NULL);
  gtk_widget_init_template (GTK_WIDGET (self));
}

/**
 * rtk_subject_pane_new:
 *
 * Returns: (transfer floating): an empty pane
 */
GtkWidget *
rtk_subject_pane_new (void)
{
  return g_object_new (RTK_TYPE_SUBJECT_PANE, NULL);
}

/**
 * rtk_subject_pane_set_session:
 * @self: a pane without a session
 * @session: whose subject it shows, for good
 */
void
rtk_subject_pane_set_session (RtkSubjectPane *self, RtkRetakeSession *session)
{
  RtkReasonList *reasons;

  g_return_if_fail (RTK_IS_SUBJECT_PANE (self) && self->session == NULL);

  self->session = g_object_ref (session);
  reasons = rtk_retake_session_get_reasons (session);
  gtk_list_box_bind_model (self->reasons, G_LIST_MODEL (reasons), create_reason, NULL, NULL);
  g_signal_connect_object (session, "notify::order", G_CALLBACK (update_order), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (reasons, "items-changed", G_CALLBACK (update_order), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "notify::old-photo-state", G_CALLBACK (update_photo), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "notify::old-photo", G_CALLBACK (update_photo), self,
                           G_CONNECT_SWAPPED);
  update_order (self);
  update_photo (self);
}
