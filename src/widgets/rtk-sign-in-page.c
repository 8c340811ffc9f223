/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-widgets"
#include "config.h"

#include "widgets/rtk-sign-in-page.h"

#include <glib/gi18n.h>

struct _RtkSignInPage {
  AdwBin parent_instance;

  GtkEditable *name;       /* (template) */
  GtkEditable *passphrase; /* (template) */
  GtkLabel    *problem;    /* (template) */
  GtkWidget   *button;     /* (template) */
  GtkSpinner  *spinner;    /* (template) */
};

G_DEFINE_FINAL_TYPE (RtkSignInPage, rtk_sign_in_page, ADW_TYPE_BIN)

enum { SIGNAL_SIGN_IN, N_SIGNALS };

static guint signals[N_SIGNALS];

static void
sign_in_cb (RtkSignInPage *self)
{
  g_autofree char *name = g_strstrip (g_strdup (gtk_editable_get_text (self->name)));
  const char      *passphrase = gtk_editable_get_text (self->passphrase);

  if (!gtk_widget_get_sensitive (self->button))
    return;
  if (name[0] == '\0' || passphrase[0] == '\0') {
    rtk_sign_in_page_set_problem (self, _ ("Type your name and your passphrase."));
    return;
  }
  g_signal_emit (self, signals[SIGNAL_SIGN_IN], 0, name, passphrase);
}

/* The cursor waits where the next key belongs. */
static void
rtk_sign_in_page_map (GtkWidget *widget)
{
  RtkSignInPage *self = RTK_SIGN_IN_PAGE (widget);

  GTK_WIDGET_CLASS (rtk_sign_in_page_parent_class)->map (widget);
  if (gtk_editable_get_text (self->name)[0] == '\0')
    gtk_widget_grab_focus (GTK_WIDGET (self->name));
  else
    gtk_widget_grab_focus (GTK_WIDGET (self->passphrase));
}

static void
rtk_sign_in_page_class_init (RtkSignInPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  widget_class->map = rtk_sign_in_page_map;
  signals[SIGNAL_SIGN_IN] =
      g_signal_new ("sign-in", RTK_TYPE_SIGN_IN_PAGE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                    G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_STRING);
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/retake_station/Retake/ui/rtk-sign-in-page.ui");
  gtk_widget_class_bind_template_child (widget_class, RtkSignInPage, name);
  gtk_widget_class_bind_template_child (widget_class, RtkSignInPage, passphrase);
  gtk_widget_class_bind_template_child (widget_class, RtkSignInPage, problem);
  gtk_widget_class_bind_template_child (widget_class, RtkSignInPage, button);
  gtk_widget_class_bind_template_child (widget_class, RtkSignInPage, spinner);
  gtk_widget_class_bind_template_callback (widget_class, sign_in_cb);
}

static void
rtk_sign_in_page_init (RtkSignInPage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_widget_set_visible (GTK_WIDGET (self->spinner), FALSE);
}

/**
 * rtk_sign_in_page_new:
 * @name: (nullable): who worked here last
 *
 * Returns: (transfer floating): a page
 */
GtkWidget *
rtk_sign_in_page_new (const char *name)
{
  RtkSignInPage *self = g_object_new (RTK_TYPE_SIGN_IN_PAGE, NULL);

  if (name != NULL)
    gtk_editable_set_text (self->name, name);
  return GTK_WIDGET (self);
}

/**
 * rtk_sign_in_page_set_busy:
 * @self: a page
 * @busy: whether the passphrase is being tried
 */
void
rtk_sign_in_page_set_busy (RtkSignInPage *self, gboolean busy)
{
  g_return_if_fail (RTK_IS_SIGN_IN_PAGE (self));

  gtk_widget_set_sensitive (self->button, !busy);
  gtk_spinner_set_spinning (self->spinner, busy);
  gtk_widget_set_visible (GTK_WIDGET (self->spinner), busy);
  if (busy)
    gtk_label_set_text (self->problem, "");
}

/**
 * rtk_sign_in_page_set_problem:
 * @self: a page
 * @sentence: why it did not work and what to do, translated
 */
void
rtk_sign_in_page_set_problem (RtkSignInPage *self, const char *sentence)
{
  g_return_if_fail (RTK_IS_SIGN_IN_PAGE (self));

  rtk_sign_in_page_set_busy (self, FALSE);
  gtk_label_set_text (self->problem, sentence);
  gtk_editable_set_text (self->passphrase, "");
  gtk_widget_grab_focus (GTK_WIDGET (self->passphrase));
}
