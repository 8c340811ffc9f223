/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-ctl"
#include "config.h"

#include "core/rtk-error.h"
#include "ctl/rtk-ctl.h"

#include <glib/gi18n.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

static const RtkCtlCommand *const tables[] = {
    rtk_ctl_photo_commands,  rtk_ctl_verify_commands, rtk_ctl_make_commands,
    rtk_ctl_bench_commands,  rtk_ctl_rules_commands,  rtk_ctl_camera_commands,
    rtk_ctl_orders_commands, rtk_ctl_retake_commands,
};

static void
print_help (void)
{
  printf ("%s\n  retakectl [--data DIR] [--json] %s ...\n\n%s\n", _ ("Usage:"), _ ("COMMAND"),
          _ ("Commands:"));
  for (gsize t = 0; t < G_N_ELEMENTS (tables); t++)
    for (const RtkCtlCommand *c = tables[t]; c->group != NULL; c++) {
      g_autofree char *name = g_strjoin (" ", c->group, c->name, NULL);

      printf ("  %-16s %s\n  %-16s   %s\n", name, _ (c->summary), "", c->arguments);
    }
  printf ("\n%s\n",
          _ ("Exit codes: 0 done and all well, 1 done but the answer is no, 2 could not be "
             "done."));
}

static const RtkCtlCommand *
find_command (int argc, char **argv, int *out_words)
{
  for (gsize t = 0; argc > 0 && t < G_N_ELEMENTS (tables); t++)
    for (const RtkCtlCommand *c = tables[t]; c->group != NULL; c++) {
      if (strcmp (c->group, argv[0]) != 0)
        continue;
      if (c->name == NULL) {
        *out_words = 1;
        return c;
      }
      if (argc > 1 && strcmp (c->name, argv[1]) == 0) {
        *out_words = 2;
        return c;
      }
    }
  return NULL;
}

/* --data and --json may stand anywhere before "--": people write them where they think of them. */
static gboolean
take_common_options (RtkCtl *ctl, int *argc, char **argv)
{
  int      kept = 1;
  gboolean ended = FALSE;

  for (int i = 1; i < *argc; i++) {
    if (!ended && strcmp (argv[i], "--json") == 0) {
      ctl->json = TRUE;
    } else if (!ended && g_str_has_prefix (argv[i], "--data=")) {
      g_free (ctl->data_dir);
      ctl->data_dir = g_strdup (argv[i] + strlen ("--data="));
    } else if (!ended && strcmp (argv[i], "--data") == 0) {
      if (i + 1 == *argc)
        return FALSE;
      g_free (ctl->data_dir);
      ctl->data_dir = g_strdup (argv[++i]);
    } else {
      ended = ended || strcmp (argv[i], "--") == 0;
      argv[kept++] = argv[i];
    }
  }
  *argc = kept;
  argv[kept] = NULL;
  return ctl->data_dir[0] != '\0';
}

static int
run (RtkCtl *ctl, int argc, char **argv)
{
  const RtkCtlCommand *command;
  g_autofree char     *name = NULL;
  int                  words = 0;

  if (!take_common_options (ctl, &argc, argv)) {
    rtk_ctl_say (_ ("retakectl: --data needs a folder: write “--data DIR”."));
    return RTK_EXIT_ERROR;
  }
  if (argc > 1 && strcmp (argv[1], "--version") == 0) {
    printf ("retakectl %s\n", RTK_VERSION);
    return RTK_EXIT_OK;
  }
  if (argc > 1 && (strcmp (argv[1], "-h") == 0 || strcmp (argv[1], "--help") == 0)) {
    print_help ();
    return RTK_EXIT_OK;
  }
  command = find_command (argc - 1, argv + 1, &words);
  if (command == NULL) {
    rtk_ctl_say (_ ("retakectl: unknown or missing command: “retakectl --help” lists them."));
    return RTK_EXIT_ERROR;
  }
  name = g_strjoin (" ", "retakectl", command->group, command->name, NULL);
  g_set_prgname (name);
  argv[words] = name;
  return command->run (ctl, argc - words, argv + words);
}

int
main (int argc, char **argv)
{
  RtkCtl      ctl = {NULL, FALSE};
  const char *locale_dir = g_getenv ("RTK_LOCALE_DIR"); /* when run from the build folder */
  int         code;

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, locale_dir != NULL ? locale_dir : RTK_LOCALE_DIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
  ctl.data_dir = g_strdup (g_getenv ("RETAKE_DATA"));
  if (ctl.data_dir == NULL)
    ctl.data_dir = g_build_filename (g_get_user_data_dir (), "retake", NULL);
  code = run (&ctl, argc, argv);
  g_free (ctl.data_dir);
  return code;
}
