/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-app"
#include "config.h"

#include "app/rtk-application.h"

#include <glib/gi18n.h>
#include <locale.h>
#include <sodium.h>

int
main (int argc, char **argv)
{
  const char *locale_dir = g_getenv ("RTK_LOCALE_DIR");
  g_autoptr (RtkApplication) application = NULL;

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, locale_dir != NULL ? locale_dir : RTK_LOCALE_DIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
  if (sodium_init () < 0) {
    g_printerr ("%s\n", _ ("The encryption library cannot be used."));
    return 2;
  }
  g_set_application_name (_ ("Retake"));
  gtk_window_set_default_icon_name (RTK_APPLICATION_ID);

  application = rtk_application_new ();
  return g_application_run (G_APPLICATION (application), argc, argv);
}
