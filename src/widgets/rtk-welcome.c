/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-widgets"
#include "config.h"

#include "widgets/rtk-welcome.h"

#include "render/rtk-view.h"

#include <glib/gi18n.h>
#include <string.h>

/* Shorter ones are guessed from a stolen disk in no time. */
#define PASSPHRASE_MIN 8

struct _RtkWelcome {
  AdwBin parent_instance;

  gboolean connects; /* the person page is for a server's address */

  GtkStack    *stack;      /* (template) */
  GtkLabel    *title;      /* (template) */
  GtkLabel    *hint;       /* (template) */
  GtkWidget   *address;    /* (template) */
  GtkEditable *name;       /* (template) */
  GtkEditable *passphrase; /* (template) */
  GtkWidget   *again;      /* (template) */
  GtkLabel    *problem;    /* (template) */
  GtkWidget   *next;       /* (template) */
  GtkWidget   *back;       /* (template) */
  GtkSpinner  *spinner;    /* (template) */
  GtkLabel    *key;        /* (template) */
  GtkWidget   *print;      /* (template) */
};

G_DEFINE_FINAL_TYPE (RtkWelcome, rtk_welcome, ADW_TYPE_BIN)

enum { SIGNAL_DEMO, SIGNAL_STAND_ALONE, SIGNAL_CONNECT, SIGNAL_FINISHED, N_SIGNALS };

static guint signals[N_SIGNALS];

static void
show_person (RtkWelcome *self, gboolean connects)
{
  self->connects = connects;
  gtk_label_set_text (self->title, connects ? _ ("Connect to a server") : _ ("Who works here?"));
  gtk_label_set_text (
      self->hint,
      connects ? _ ("The name and password the supervisor gave you. The same password opens this "
                    "station when there is no network.")
               : _ ("You become the supervisor of this centre. The passphrase encrypts every photo "
                    "and name on this computer."));
  gtk_widget_set_visible (self->address, connects);
  gtk_widget_set_visible (self->again, !connects);
  gtk_label_set_text (self->problem, "");
  gtk_stack_set_visible_child_name (self->stack, "person");
  gtk_widget_grab_focus (connects ? self->address : GTK_WIDGET (self->name));
}

static void
demo_cb (RtkWelcome *self)
{
  g_signal_emit (self, signals[SIGNAL_DEMO], 0);
}

static void
stand_alone_cb (RtkWelcome *self)
{
  show_person (self, FALSE);
}

static void
connect_cb (RtkWelcome *self)
{
  show_person (self, TRUE);
}

static void
back_cb (RtkWelcome *self)
{
  gtk_stack_set_visible_child_name (self->stack, "choice");
}

static const char *
find_problem (RtkWelcome *self, const char *address, const char *name)
{
  const char *passphrase = gtk_editable_get_text (self->passphrase);

  if (self->connects && !g_str_has_prefix (address, "https://") &&
      !g_str_has_prefix (address, "http://127.0.0.1:") &&
      !g_str_has_prefix (address, "http://localhost:"))
    return _ ("The address of the server begins with https://");
  if (name[0] == '\0')
    return _ ("Type your name.");
  if (self->connects)
    return passphrase[0] == '\0' ? _ ("Type your password.") : NULL;
  if (g_utf8_strlen (passphrase, -1) < PASSPHRASE_MIN)
    return _ ("The passphrase needs at least 8 characters. A short sentence is easy to keep.");
  if (!g_str_equal (passphrase, gtk_editable_get_text (GTK_EDITABLE (self->again))))
    return _ ("The two passphrases differ: type them again.");
  return NULL;
}

static void
next_cb (RtkWelcome *self)
{
  g_autofree char *address =
      g_strstrip (g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->address))));
  g_autofree char *name = g_strstrip (g_strdup (gtk_editable_get_text (self->name)));
  const char      *passphrase = gtk_editable_get_text (self->passphrase);
  const char      *problem = find_problem (self, address, name);

  if (!gtk_widget_get_sensitive (self->next))
    return;
  gtk_label_set_text (self->problem, problem != NULL ? problem : "");
  if (problem != NULL)
    return;
  if (self->connects)
    g_signal_emit (self, signals[SIGNAL_CONNECT], 0, address, name, passphrase);
  else
    g_signal_emit (self, signals[SIGNAL_STAND_ALONE], 0, name, passphrase);
}

static void
finished_cb (RtkWelcome *self)
{
  gtk_label_set_text (self->key, "");
  g_signal_emit (self, signals[SIGNAL_FINISHED], 0);
}

static void
draw_page_cb (GtkPrintOperation *operation, GtkPrintContext *context, int page, RtkWelcome *self)
{
  cairo_t *cr = gtk_print_context_get_cairo_context (context);
  double   width = gtk_print_context_get_width (context);
  /* The context counts in points of the printer's own resolution: sizes follow from the page. */
  double unit = width / 560.0;

  cairo_set_source_rgb (cr, 0, 0, 0);
  rtk_text_draw (cr, _ ("Retake: recovery key of this station"), (RtkPoint){width / 2, 80 * unit},
                 RTK_TEXT_CENTRE, 20 * unit, TRUE);
  rtk_text_draw (cr, gtk_label_get_text (self->key), (RtkPoint){width / 2, 140 * unit},
                 RTK_TEXT_CENTRE, 15 * unit, TRUE);
  rtk_text_draw (cr, _ ("Keep this sheet locked away. Whoever has it can open the data folder."),
                 (RtkPoint){width / 2, 200 * unit}, RTK_TEXT_CENTRE, 12 * unit, FALSE);
}

static void
print_cb (RtkWelcome *self)
{
  g_autoptr (GtkPrintOperation) operation = gtk_print_operation_new ();
  g_autoptr (GError) error = NULL;

  gtk_print_operation_set_n_pages (operation, 1);
  gtk_print_operation_set_allow_async (operation, TRUE);
  g_signal_connect_object (operation, "draw-page", G_CALLBACK (draw_page_cb), self, 0);
  gtk_print_operation_run (operation, GTK_PRINT_OPERATION_ACTION_PRINT_DIALOG,
                           GTK_WINDOW (gtk_widget_get_root (GTK_WIDGET (self))), &error);
  if (error != NULL)
    g_warning ("The recovery key was not printed: %s", error->message);
}

static guint
add_signal (const char *name, guint n_strings)
{
  return g_signal_new (name, RTK_TYPE_WELCOME, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                       n_strings, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_STRING);
}

static void
rtk_welcome_class_init (RtkWelcomeClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  signals[SIGNAL_DEMO] = add_signal ("demo", 0);
  signals[SIGNAL_STAND_ALONE] = add_signal ("stand-alone", 2);
  signals[SIGNAL_CONNECT] = add_signal ("connect", 3);
  signals[SIGNAL_FINISHED] = add_signal ("finished", 0);

  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/retake_station/Retake/ui/rtk-welcome.ui");
  gtk_widget_class_bind_template_child (widget_class, RtkWelcome, stack);
  gtk_widget_class_bind_template_child (widget_class, RtkWelcome, title);
  gtk_widget_class_bind_template_child (widget_class, RtkWelcome, hint);
  gtk_widget_class_bind_template_child (widget_class, RtkWelcome, address);
  gtk_widget_class_bind_template_child (widget_class, RtkWelcome, name);
  gtk_widget_class_bind_template_child (widget_class, RtkWelcome, passphrase);
  gtk_widget_class_bind_template_child (widget_class, RtkWelcome, again);
  gtk_widget_class_bind_template_child (widget_class, RtkWelcome, problem);
  gtk_widget_class_bind_template_child (widget_class, RtkWelcome, next);
  gtk_widget_class_bind_template_child (widget_class, RtkWelcome, back);
  gtk_widget_class_bind_template_child (widget_class, RtkWelcome, spinner);
  gtk_widget_class_bind_template_child (widget_class, RtkWelcome, key);
  gtk_widget_class_bind_template_child (widget_class, RtkWelcome, print);
  gtk_widget_class_bind_template_callback (widget_class, demo_cb);
  gtk_widget_class_bind_template_callback (widget_class, stand_alone_cb);
  gtk_widget_class_bind_template_callback (widget_class, connect_cb);
  gtk_widget_class_bind_template_callback (widget_class, back_cb);
  gtk_widget_class_bind_template_callback (widget_class, next_cb);
  gtk_widget_class_bind_template_callback (widget_class, print_cb);
  gtk_widget_class_bind_template_callback (widget_class, finished_cb);
}

static void
rtk_welcome_init (RtkWelcome *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_widget_set_visible (GTK_WIDGET (self->spinner), FALSE);
}

/**
 * rtk_welcome_new:
 *
 * Returns: (transfer floating): the assistant, at its first page
 */
GtkWidget *
rtk_welcome_new (void)
{
  return g_object_new (RTK_TYPE_WELCOME, NULL);
}

/**
 * rtk_welcome_set_address:
 * @self: an assistant
 * @address: of a server that is known already: its page opens at once
 */
void
rtk_welcome_set_address (RtkWelcome *self, const char *address)
{
  g_return_if_fail (RTK_IS_WELCOME (self));

  gtk_editable_set_text (GTK_EDITABLE (self->address), address);
  show_person (self, TRUE);
}

/**
 * rtk_welcome_set_busy:
 * @self: an assistant
 * @busy: whether the station is being set up
 */
void
rtk_welcome_set_busy (RtkWelcome *self, gboolean busy)
{
  g_return_if_fail (RTK_IS_WELCOME (self));

  gtk_widget_set_sensitive (self->next, !busy);
  gtk_widget_set_sensitive (self->back, !busy);
  gtk_spinner_set_spinning (self->spinner, busy);
  gtk_widget_set_visible (GTK_WIDGET (self->spinner), busy);
}

/**
 * rtk_welcome_set_problem:
 * @self: an assistant
 * @sentence: why it did not work and what to do, translated
 */
void
rtk_welcome_set_problem (RtkWelcome *self, const char *sentence)
{
  g_return_if_fail (RTK_IS_WELCOME (self));

  rtk_welcome_set_busy (self, FALSE);
  gtk_label_set_text (self->problem, sentence);
}

/**
 * rtk_welcome_show_recovery_key:
 * @self: an assistant
 * @key: the only copy of the recovery key; shown here, kept nowhere
 */
void
rtk_welcome_show_recovery_key (RtkWelcome *self, const char *key)
{
  g_return_if_fail (RTK_IS_WELCOME (self));

  rtk_welcome_set_busy (self, FALSE);
  gtk_label_set_text (self->key, key);
  gtk_stack_set_visible_child_name (self->stack, "recovery");
  gtk_widget_grab_focus (self->print);
}
