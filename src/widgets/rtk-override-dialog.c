/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-widgets"
#include "config.h"

#include "widgets/rtk-override-dialog.h"

#include "core/rtk-photo.h"
#include "widgets/rtk-check-row.h"
#include "widgets/rtk-words.h"

#include <glib/gi18n.h>

struct _RtkOverrideDialog {
  AdwWindow parent_instance;

  GArray *failed; /* (owned): of RtkCheckId */

  GtkBox      *rules;  /* (template) */
  GtkEditable *person; /* (template) */
  GtkEditable *reason; /* (template) */
  GtkButton   *accept; /* (template) */
};

G_DEFINE_FINAL_TYPE (RtkOverrideDialog, rtk_override_dialog, ADW_TYPE_WINDOW)

enum { SIGNAL_ACCEPTED, N_SIGNALS };

static guint signals[N_SIGNALS];

static char *
dup_stripped (GtkEditable *editable)
{
  return g_strstrip (g_strdup (gtk_editable_get_text (editable)));
}

static void
changed_cb (RtkOverrideDialog *self)
{
  g_autofree char *person = dup_stripped (self->person);
  g_autofree char *reason = dup_stripped (self->reason);

  gtk_widget_set_sensitive (GTK_WIDGET (self->accept), person[0] != '\0' && reason[0] != '\0');
}

static void
accept_cb (RtkOverrideDialog *self)
{
  g_autofree char *person = dup_stripped (self->person);
  g_autofree char *reason = dup_stripped (self->reason);
  g_autoptr (GPtrArray) overrides =
      g_ptr_array_new_with_free_func ((GDestroyNotify)rtk_override_free);

  if (person[0] == '\0' || reason[0] == '\0')
    return;
  for (guint i = 0; i < self->failed->len; i++)
    g_ptr_array_add (
        overrides, rtk_override_new (g_array_index (self->failed, RtkCheckId, i), reason, person));
  g_signal_emit (self, signals[SIGNAL_ACCEPTED], 0, overrides);
  gtk_window_close (GTK_WINDOW (self));
}

static void
rtk_override_dialog_finalize (GObject *object)
{
  g_clear_pointer (&RTK_OVERRIDE_DIALOG (object)->failed, g_array_unref);
  G_OBJECT_CLASS (rtk_override_dialog_parent_class)->finalize (object);
}

static void
rtk_override_dialog_class_init (RtkOverrideDialogClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = rtk_override_dialog_finalize;
  signals[SIGNAL_ACCEPTED] = g_signal_new ("accepted", RTK_TYPE_OVERRIDE_DIALOG, G_SIGNAL_RUN_LAST,
                                           0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_PTR_ARRAY);
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/retake_station/Retake/ui/rtk-override-dialog.ui");
  gtk_widget_class_bind_template_child (widget_class, RtkOverrideDialog, rules);
  gtk_widget_class_bind_template_child (widget_class, RtkOverrideDialog, person);
  gtk_widget_class_bind_template_child (widget_class, RtkOverrideDialog, reason);
  gtk_widget_class_bind_template_child (widget_class, RtkOverrideDialog, accept);
  gtk_widget_class_bind_template_callback (widget_class, changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, accept_cb);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Escape, 0, "window.close", NULL);
}

static void
rtk_override_dialog_init (RtkOverrideDialog *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

/**
 * rtk_override_dialog_new:
 * @parent: the window it belongs to
 * @checks: the chips, for the names of the rules
 * @failed: (element-type RtkCheckId): what fails and would be accepted
 * @name: (nullable): who is signed in; whoever accepts it is asked for the name without
 * @action: word of the button
 *
 * Returns: (transfer none): a window, not shown yet
 */
RtkOverrideDialog *
rtk_override_dialog_new (
    GtkWindow *parent, RtkCheckList *checks, GArray *failed, const char *name, const char *action)
{
  RtkOverrideDialog *self =
      g_object_new (RTK_TYPE_OVERRIDE_DIALOG, "transient-for", parent, "modal", TRUE, NULL);
  RtkLanguage language = rtk_words_get_language ();

  self->failed = g_array_ref (failed);
  for (guint i = 0; i < failed->len; i++) {
    RtkCheckItem    *item = rtk_check_list_find (checks, g_array_index (failed, RtkCheckId, i));
    GtkWidget       *line = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 8);
    GtkWidget       *label = gtk_label_new (NULL);
    g_autofree char *value = NULL;
    g_autofree char *text = NULL;

    if (item == NULL)
      continue;
    value = rtk_words_value (rtk_check_item_get_value (item), rtk_check_item_get_unit (item));
    text = g_strdup_printf ("%s  %s", rtk_check_item_get_title (item, language), value);
    gtk_label_set_text (GTK_LABEL (label), text);
    gtk_label_set_xalign (GTK_LABEL (label), 0.0f);
    gtk_box_append (GTK_BOX (line), gtk_image_new_from_icon_name ("rtk-fail-symbolic"));
    gtk_box_append (GTK_BOX (line), label);
    gtk_widget_add_css_class (line, "verdict-fail");
    gtk_widget_add_css_class (line, "check-row");
    gtk_box_append (self->rules, line);
  }
  gtk_button_set_label (self->accept, action);
  /* Who is signed in accepts it, and nobody in another's name: the server knows no name that is
   * misspelled, and the graduate is gone when it says so. */
  if (name != NULL) {
    gtk_editable_set_text (self->person, name);
    gtk_editable_set_editable (self->person, FALSE);
    gtk_widget_add_css_class (GTK_WIDGET (self->person), "read-only");
  }
  changed_cb (self);
  gtk_widget_grab_focus (GTK_WIDGET (name != NULL ? self->reason : self->person));
  return self;
}
