/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The least that a GTK program does before a person sees something: the floor of tools/bench for
 * the start of the application. Says "usable" once its window was painted, then waits for its end.
 */

#include <gtk/gtk.h>

static gboolean
usable_cb (gpointer user_data)
{
  g_print ("usable\n");
  return G_SOURCE_REMOVE;
}

static gboolean
tick_cb (GtkWidget *widget, GdkFrameClock *clock, gpointer user_data)
{
  g_idle_add_full (G_PRIORITY_LOW, usable_cb, NULL, NULL);
  return G_SOURCE_REMOVE;
}

static void
activate_cb (GtkApplication *application, gpointer user_data)
{
  GtkWidget *window = gtk_application_window_new (application);

  gtk_window_set_default_size (GTK_WINDOW (window), 1280, 720);
  gtk_window_set_child (GTK_WINDOW (window), gtk_label_new ("Retake"));
  gtk_widget_add_tick_callback (window, tick_cb, NULL, NULL);
  gtk_window_present (GTK_WINDOW (window));
}

int
main (int argc, char **argv)
{
  g_autoptr (GtkApplication) application = gtk_application_new (NULL, G_APPLICATION_NON_UNIQUE);

  g_signal_connect (application, "activate", G_CALLBACK (activate_cb), NULL);
  return g_application_run (G_APPLICATION (application), argc, argv);
}
