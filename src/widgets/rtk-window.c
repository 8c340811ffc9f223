/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-widgets"
#include "config.h"

#include "widgets/rtk-window.h"

#include "rtk-resources.h"
#include "widgets/rtk-retake-page.h"
#include "widgets/rtk-status-lights.h"
#include "widgets/rtk-words.h"

#include <glib/gi18n.h>

#define TOAST_SECONDS 6

struct _RtkWindow {
  AdwApplicationWindow parent_instance;

  RtkStatus *status;      /* (owned) (nullable) */
  AdwToast  *undo_toast;  /* (unowned) (nullable): the one that offers to undo, while it is shown */
  AdwToast  *other_toast; /* (unowned) (nullable): any other, while it is shown */

  GtkWidget       *demo_strip;   /* (template) */
  GtkRevealer     *offline;      /* (template) */
  GtkLabel        *offline_text; /* (template) */
  AdwToastOverlay *toasts;       /* (template) */
  GtkStack        *stack;        /* (template) */
  GtkSpinner      *spinner;      /* (template) */
  GtkLabel        *busy;         /* (template) */
  AdwStatusPage   *problem;      /* (template) */
  AdwBin          *page;         /* (template) */
  AdwViewStack    *pages;        /* (template) */
  GtkWidget       *title;        /* (template) */
  GtkWidget       *switcher;     /* (template) */
  RtkRetakePage   *retake;       /* (template) */
  RtkStatusLights *lights;       /* (template) */
};

G_DEFINE_FINAL_TYPE (RtkWindow, rtk_window, ADW_TYPE_APPLICATION_WINDOW)

static void
toast_dismissed_cb (RtkWindow *self, AdwToast *toast)
{
  if (self->undo_toast == toast)
    self->undo_toast = NULL;
  if (self->other_toast == toast)
    self->other_toast = NULL;
}

static void
said_cb (RtkWindow *self, const char *sentence, gboolean with_undo)
{
  rtk_window_say (self, sentence, with_undo);
}

static void
update_offline (RtkWindow *self)
{
  RtkLight        *server = rtk_status_get_light (self->status, RTK_LIGHT_SERVER);
  RtkLight        *outbox = rtk_status_get_light (self->status, RTK_LIGHT_OUTBOX);
  gboolean         away = rtk_light_get_message (server) == RTK_LIGHT_MESSAGE_SERVER_OFFLINE;
  g_autofree char *since = NULL;
  g_autofree char *waiting = NULL;
  g_autofree char *text = NULL;

  gtk_revealer_set_reveal_child (self->offline, away);
  if (!away)
    return;
  since = rtk_words_light_message (server);
  waiting = rtk_words_light_message (outbox);
  /* Translators: "Offline since 09:12" and "3 items wait". */
  text = g_strdup_printf (_ ("%s · %s"), since, waiting);
  gtk_label_set_text (self->offline_text, text);
}

/* Whether somebody is writing, or walks through the buttons with the keyboard: then keys are
 * theirs. */
static gboolean
keys_are_taken (RtkWindow *self, guint keyval)
{
  GtkWidget *focus = gtk_root_get_focus (GTK_ROOT (self));

  if (focus == NULL)
    return FALSE;
  if (gtk_widget_get_native (focus) != GTK_NATIVE (self))
    return TRUE;
  if (GTK_IS_EDITABLE (focus) || GTK_IS_TEXT_VIEW (focus))
    return TRUE;
  if (keyval != GDK_KEY_space && keyval != GDK_KEY_Return && keyval != GDK_KEY_KP_Enter)
    return FALSE;
  return gtk_window_get_focus_visible (GTK_WINDOW (self)) && !GTK_IS_WINDOW (focus) &&
         (GTK_IS_BUTTON (focus) || GTK_IS_DROP_DOWN (focus) ||
          gtk_widget_get_ancestor (focus, GTK_TYPE_DROP_DOWN) != NULL ||
          gtk_widget_get_ancestor (focus, GTK_TYPE_MENU_BUTTON) != NULL ||
          gtk_widget_get_ancestor (focus, GTK_TYPE_LIST_VIEW) != NULL);
}

static gboolean
key_pressed_cb (RtkWindow *self, guint keyval, guint keycode, GdkModifierType modifiers)
{
  gboolean control = (modifiers & GDK_CONTROL_MASK) != 0;

  if (keyval == GDK_KEY_F11) {
    if (gtk_window_is_fullscreen (GTK_WINDOW (self)))
      gtk_window_unfullscreen (GTK_WINDOW (self));
    else
      gtk_window_fullscreen (GTK_WINDOW (self));
    return TRUE;
  }
  if (g_strcmp0 (gtk_stack_get_visible_child_name (self->stack), "station") != 0)
    return FALSE;
  /* Ctrl+Z in an entry undoes what was typed there; in an empty one there is nothing to undo. */
  if (keys_are_taken (self, keyval)) {
    GtkWidget *focus = gtk_root_get_focus (GTK_ROOT (self));

    if (!control || !GTK_IS_EDITABLE (focus) ||
        gtk_editable_get_text (GTK_EDITABLE (focus))[0] != '\0')
      return FALSE;
  }
  return rtk_retake_page_press_key (self->retake, keyval, modifiers);
}

static void
undo_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  gtk_widget_activate_action (GTK_WIDGET (RTK_WINDOW (widget)->retake), "retake.undo", NULL);
}

static void
rtk_window_dispose (GObject *object)
{
  g_clear_object (&RTK_WINDOW (object)->status);
  G_OBJECT_CLASS (rtk_window_parent_class)->dispose (object);
}

static void
rtk_window_class_init (RtkWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  g_type_ensure (RTK_TYPE_RETAKE_PAGE);
  g_type_ensure (RTK_TYPE_STATUS_LIGHTS);
  G_OBJECT_CLASS (klass)->dispose = rtk_window_dispose;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/retake_station/Retake/ui/rtk-window.ui");
  gtk_widget_class_bind_template_child (widget_class, RtkWindow, demo_strip);
  gtk_widget_class_bind_template_child (widget_class, RtkWindow, offline);
  gtk_widget_class_bind_template_child (widget_class, RtkWindow, offline_text);
  gtk_widget_class_bind_template_child (widget_class, RtkWindow, toasts);
  gtk_widget_class_bind_template_child (widget_class, RtkWindow, stack);
  gtk_widget_class_bind_template_child (widget_class, RtkWindow, spinner);
  gtk_widget_class_bind_template_child (widget_class, RtkWindow, busy);
  gtk_widget_class_bind_template_child (widget_class, RtkWindow, problem);
  gtk_widget_class_bind_template_child (widget_class, RtkWindow, page);
  gtk_widget_class_bind_template_child (widget_class, RtkWindow, pages);
  gtk_widget_class_bind_template_child (widget_class, RtkWindow, title);
  gtk_widget_class_bind_template_child (widget_class, RtkWindow, switcher);
  gtk_widget_class_bind_template_child (widget_class, RtkWindow, retake);
  gtk_widget_class_bind_template_child (widget_class, RtkWindow, lights);
  gtk_widget_class_install_action (widget_class, "win.undo", NULL, undo_action);
  gtk_widget_class_bind_template_callback (widget_class, said_cb);
  gtk_widget_class_bind_template_callback (widget_class, key_pressed_cb);
}

static void
rtk_window_init (RtkWindow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

static void
load_style (GtkCssProvider *provider, const char *name)
{
  g_autofree char *path = g_strconcat ("/io/github/retake_station/Retake/ui/", name, NULL);

  gtk_css_provider_load_from_resource (provider, path);
}

static void
dark_changed_cb (AdwStyleManager *manager, GParamSpec *pspec, GtkCssProvider *dark)
{
  GdkDisplay *display = adw_style_manager_get_display (manager);

  if (adw_style_manager_get_dark (manager))
    gtk_style_context_add_provider_for_display (display, GTK_STYLE_PROVIDER (dark),
                                                GTK_STYLE_PROVIDER_PRIORITY_APPLICATION + 1);
  else
    gtk_style_context_remove_provider_for_display (display, GTK_STYLE_PROVIDER (dark));
}

/**
 * rtk_widgets_init:
 *
 * Makes templates, icons and style known to GTK. Call once, after GTK is initialised.
 */
void
rtk_widgets_init (void)
{
  GdkDisplay *display = gdk_display_get_default ();
  g_autoptr (GtkCssProvider) style = NULL;
  g_autoptr (GtkCssProvider) dark = NULL;

  g_resources_register (rtk_get_resource ());
  if (display == NULL)
    return;
  gtk_icon_theme_add_resource_path (gtk_icon_theme_get_for_display (display),
                                    "/io/github/retake_station/Retake/icons");
  style = gtk_css_provider_new ();
  load_style (style, "style.css");
  gtk_style_context_add_provider_for_display (display, GTK_STYLE_PROVIDER (style),
                                              GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);

  /* What differs in the dark comes and goes with it. */
  dark = gtk_css_provider_new ();
  load_style (dark, "style-dark.css");
  g_signal_connect_data (adw_style_manager_get_for_display (display), "notify::dark",
                         G_CALLBACK (dark_changed_cb), g_object_ref (dark),
                         (GClosureNotify)(void (*) (void))g_object_unref, 0);
  dark_changed_cb (adw_style_manager_get_for_display (display), NULL, dark);
}

/**
 * rtk_window_new:
 * @application: (nullable): whose window it is
 *
 * Returns: (transfer none): a window that says it is starting; GTK keeps it until it is closed
 */
RtkWindow *
rtk_window_new (GtkApplication *application)
{
  return g_object_new (RTK_TYPE_WINDOW, "application", application, NULL);
}

/**
 * rtk_window_set_demo:
 * @self: a window
 * @demo: whether nothing here is real: a striped banner says so for good
 */
void
rtk_window_set_demo (RtkWindow *self, gboolean demo)
{
  g_return_if_fail (RTK_IS_WINDOW (self));

  gtk_widget_set_visible (self->demo_strip, demo);
}

static void
show (RtkWindow *self, const char *name)
{
  gboolean station = g_str_equal (name, "station");

  gtk_spinner_set_spinning (self->spinner, g_str_equal (name, "busy"));
  gtk_widget_set_visible (self->title, !station);
  gtk_widget_set_visible (self->switcher, station);
  gtk_widget_set_visible (GTK_WIDGET (self->lights), station);
  gtk_stack_set_visible_child_name (self->stack, name);
}

/**
 * rtk_window_show_busy:
 * @self: a window
 * @what: what is being done, translated
 */
void
rtk_window_show_busy (RtkWindow *self, const char *what)
{
  g_return_if_fail (RTK_IS_WINDOW (self));

  gtk_label_set_text (self->busy, what);
  show (self, "busy");
}

/**
 * rtk_window_show_problem:
 * @self: a window
 * @title: what is the matter, translated
 * @advice: what to do, translated
 */
void
rtk_window_show_problem (RtkWindow *self, const char *title, const char *advice)
{
  g_autofree char *escaped = NULL;

  g_return_if_fail (RTK_IS_WINDOW (self));

  escaped = g_markup_escape_text (advice, -1);
  adw_status_page_set_title (self->problem, title);
  adw_status_page_set_description (self->problem, escaped);
  show (self, "problem");
}

/**
 * rtk_window_show_page:
 * @self: a window
 * @page: what fills it, such as the first-start assistant
 */
void
rtk_window_show_page (RtkWindow *self, GtkWidget *page)
{
  g_return_if_fail (RTK_IS_WINDOW (self));

  if (adw_bin_get_child (self->page) != page)
    adw_bin_set_child (self->page, page);
  show (self, "page");
}

/**
 * rtk_window_show_station:
 * @self: a window
 * @session: the work of the retake page
 * @camera: its camera
 * @store: its orders
 * @status: its lights
 *
 * Opens the pages of a station that is ready to work; once.
 */
void
rtk_window_show_station (RtkWindow        *self,
                         RtkRetakeSession *session,
                         RtkCamera        *camera,
                         RtkStore         *store,
                         RtkStatus        *status)
{
  g_return_if_fail (RTK_IS_WINDOW (self) && self->status == NULL);

  self->status = g_object_ref (status);
  adw_bin_set_child (self->page, NULL);
  show (self, "station");
  rtk_status_lights_set_status (self->lights, status);
  for (RtkLightKind kind = RTK_LIGHT_SERVER; kind <= RTK_LIGHT_OUTBOX; kind++)
    g_signal_connect_object (rtk_status_get_light (status, kind), "notify",
                             G_CALLBACK (update_offline), self, G_CONNECT_SWAPPED);
  update_offline (self);
  rtk_retake_page_set_station (self->retake, session, camera, store);
}

/**
 * rtk_window_set_actor:
 * @self: a window
 * @actor: (nullable): name of the member of staff who works here
 */
void
rtk_window_set_actor (RtkWindow *self, const char *actor)
{
  g_return_if_fail (RTK_IS_WINDOW (self));

  rtk_retake_page_set_actor (self->retake, actor);
}

/**
 * rtk_window_say:
 * @self: a window
 * @sentence: one thing to say, translated
 * @with_undo: whether it is about something that can be undone now
 *
 * Says something that goes away by itself. What can be undone stays as long as it can be.
 */
void
rtk_window_say (RtkWindow *self, const char *sentence, gboolean with_undo)
{
  AdwToast        *toast;
  g_autofree char *escaped = NULL;

  g_return_if_fail (RTK_IS_WINDOW (self));

  escaped = g_markup_escape_text (sentence, -1);
  /* What was said before is overtaken; the offer to undo waits behind a plain sentence. */
  if (with_undo && self->undo_toast != NULL)
    adw_toast_dismiss (self->undo_toast);
  if (self->other_toast != NULL)
    adw_toast_dismiss (self->other_toast);
  toast = adw_toast_new (escaped);
  g_signal_connect_object (toast, "dismissed", G_CALLBACK (toast_dismissed_cb), self,
                           G_CONNECT_SWAPPED);
  if (with_undo) {
    adw_toast_set_button_label (toast, _ ("Undo  Ctrl+Z"));
    adw_toast_set_action_name (toast, "win.undo");
    adw_toast_set_timeout (toast, RTK_RETAKE_SESSION_UNDO_SECONDS);
    self->undo_toast = toast;
  } else {
    adw_toast_set_timeout (toast, TOAST_SECONDS);
    adw_toast_set_priority (toast, ADW_TOAST_PRIORITY_HIGH);
    self->other_toast = toast;
  }
  adw_toast_overlay_add_toast (self->toasts, toast);
}
