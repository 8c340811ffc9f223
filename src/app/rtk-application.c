/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-app"
#include "config.h"

#include "app/rtk-application-private.h"

#include <glib-unix.h>
#include <glib/gi18n.h>

G_DEFINE_FINAL_TYPE (RtkApplication, rtk_application, ADW_TYPE_APPLICATION)

static void
ended_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkApplication) self = user_data;

  if (self->window != NULL)
    gtk_window_destroy (GTK_WINDOW (self->window));
  self->window = NULL;
  g_application_quit (G_APPLICATION (self));
}

/* Everything ends in its order, without blocking the window: what is held is released, the camera
 * stops, workers are joined when the station goes. */
static void
end (RtkApplication *self)
{
  if (self->is_ending)
    return;
  self->is_ending = TRUE;
  g_clear_handle_id (&self->retry, g_source_remove);
  if (self->station == NULL) {
    g_application_quit (G_APPLICATION (self));
    return;
  }
  rtk_station_shutdown_async (self->station, ended_cb, g_object_ref (self));
}

static gboolean
close_request_cb (RtkApplication *self)
{
  end (self);
  return GDK_EVENT_STOP;
}

static gboolean
signal_cb (gpointer user_data)
{
  end (RTK_APPLICATION (user_data));
  return G_SOURCE_CONTINUE;
}

static void
quit_action (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
  end (RTK_APPLICATION (user_data));
}

static void
sync_action (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
  RtkApplication *self = RTK_APPLICATION (user_data);

  if (self->station != NULL && rtk_station_get_sync (self->station) != NULL)
    rtk_sync_session_poke (rtk_station_get_sync (self->station));
}

static void
dark_action (GSimpleAction *action, GVariant *value, gpointer user_data)
{
  adw_style_manager_set_color_scheme (adw_style_manager_get_default (),
                                      g_variant_get_boolean (value) ? ADW_COLOR_SCHEME_FORCE_DARK
                                                                    : ADW_COLOR_SCHEME_DEFAULT);
  g_simple_action_set_state (action, value);
}

static void
about_action (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
  RtkApplication *self = RTK_APPLICATION (user_data);

  gtk_show_about_dialog (GTK_WINDOW (self->window), "program-name", _ ("Retake"), "version",
                         RTK_VERSION, "comments", _ ("The desk of an image-collection centre"),
                         "license-type", GTK_LICENSE_GPL_3_0, "logo-icon-name", RTK_APPLICATION_ID,
                         NULL);
}

static void
rtk_application_startup (GApplication *application)
{
  static const GActionEntry actions[] = {
      {.name = "quit", .activate = quit_action},
      {.name = "sync", .activate = sync_action},
      {.name = "about", .activate = about_action},
      {.name = "dark", .state = "false", .change_state = dark_action},
  };
  const char *const quit_keys[] = {"<Control>q", NULL};

  G_APPLICATION_CLASS (rtk_application_parent_class)->startup (application);
  rtk_widgets_init ();
  g_action_map_add_action_entries (G_ACTION_MAP (application), actions, G_N_ELEMENTS (actions),
                                   application);
  gtk_application_set_accels_for_action (GTK_APPLICATION (application), "app.quit", quit_keys);
  g_unix_signal_add (SIGTERM, signal_cb, application);
  g_unix_signal_add (SIGINT, signal_cb, application);
}

static void
rtk_application_activate (GApplication *application)
{
  RtkApplication *self = RTK_APPLICATION (application);

  if (self->window != NULL) {
    gtk_window_present (GTK_WINDOW (self->window));
    return;
  }
  self->window = rtk_window_new (GTK_APPLICATION (application));
  g_signal_connect_object (self->window, "close-request", G_CALLBACK (close_request_cb), self,
                           G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (self->window));
  rtk_application_begin (self);
}

static void
rtk_application_shutdown (GApplication *application)
{
  RtkApplication *self = RTK_APPLICATION (application);

  g_clear_object (&self->station);
  if (self->child != NULL)
    rtk_child_server_stop (self->child);
  g_clear_object (&self->child);
  G_APPLICATION_CLASS (rtk_application_parent_class)->shutdown (application);
}

static int
rtk_application_handle_local_options (GApplication *application, GVariantDict *options)
{
  RtkApplication *self = RTK_APPLICATION (application);

  if (g_variant_dict_contains (options, "version")) {
    g_print ("retake %s\n", RTK_VERSION);
    return 0;
  }
  /* Beside a demonstration, real work may go on; the data folder has its own lock. */
  if (self->demo || self->data != NULL)
    g_application_set_flags (application, G_APPLICATION_NON_UNIQUE);
  return -1;
}

static void
rtk_application_finalize (GObject *object)
{
  RtkApplication *self = RTK_APPLICATION (object);

  g_clear_pointer (&self->setup, rtk_setup_free);
  rtk_application_forget (&self->passphrase);
  rtk_application_forget (&self->recovery);
  g_free (self->name);
  g_free (self->camera_id);
  g_free (self->data);
  g_free (self->server_url);
  g_free (self->passphrase_file);
  G_OBJECT_CLASS (rtk_application_parent_class)->finalize (object);
}

static void
rtk_application_class_init (RtkApplicationClass *klass)
{
  GApplicationClass *application_class = G_APPLICATION_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = rtk_application_finalize;
  application_class->startup = rtk_application_startup;
  application_class->activate = rtk_application_activate;
  application_class->shutdown = rtk_application_shutdown;
  application_class->handle_local_options = rtk_application_handle_local_options;
}

static void
rtk_application_init (RtkApplication *self)
{
  const GOptionEntry options[] = {
      {"camera", 0, 0, G_OPTION_ARG_STRING, &self->camera_id,
       N_ ("Camera to use, or a file played as one"), N_ ("ID|replay:FILE")},
      {"data", 0, 0, G_OPTION_ARG_FILENAME, &self->data, N_ ("Data folder"), N_ ("DIR")},
      {"demo", 0, 0, G_OPTION_ARG_NONE, &self->demo, N_ ("Demonstration in a folder of its own"),
       NULL},
      {"server", 0, 0, G_OPTION_ARG_STRING, &self->server_url, N_ ("Address of the server"),
       N_ ("URL")},
      {"passphrase-file", 0, 0, G_OPTION_ARG_FILENAME, &self->passphrase_file,
       N_ ("File with the passphrase of the data folder"), N_ ("FILE")},
      {"version", 0, 0, G_OPTION_ARG_NONE, NULL, N_ ("Show the version"), NULL},
      {NULL},
  };

  g_application_add_main_option_entries (G_APPLICATION (self), options);
}

/**
 * rtk_application_new:
 *
 * Returns: (transfer full): the program
 */
RtkApplication *
rtk_application_new (void)
{
  return g_object_new (RTK_TYPE_APPLICATION, "application-id", RTK_APPLICATION_ID, "flags", 0,
                       NULL);
}
