/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-app"
#include "config.h"

#include "app/rtk-setup.h"

#define GROUP "station"

struct _RtkSetup {
  GKeyFile *file; /* (owned) */
  char     *path; /* (owned) */
  gboolean  is_changed;
};

static const char *const mode_names[] = {
    [RTK_SETUP_NONE] = "",
    [RTK_SETUP_DEMO] = "demo",
    [RTK_SETUP_STAND_ALONE] = "stand-alone",
    [RTK_SETUP_CONNECT] = "connect",
};

/**
 * rtk_setup_load:
 * @folder: a data folder, which need not be there
 *
 * Reads what the first start decided: a few hundred bytes, once, before the window.
 *
 * Returns: (transfer full): the set-up, of mode %RTK_SETUP_NONE when there is none
 */
RtkSetup *
rtk_setup_load (const char *folder)
{
  RtkSetup *self = g_new0 (RtkSetup, 1);

  self->file = g_key_file_new ();
  self->path = g_build_filename (folder, "station.ini", NULL);
  (void)g_key_file_load_from_file (self->file, self->path, G_KEY_FILE_NONE, NULL);
  return self;
}

/**
 * rtk_setup_free:
 * @self: (transfer full): a set-up
 */
void
rtk_setup_free (RtkSetup *self)
{
  g_key_file_unref (self->file);
  g_free (self->path);
  g_free (self);
}

/**
 * rtk_setup_save:
 * @self: a set-up
 * @error: return location
 *
 * Writes the set-up at once and whole. Nothing is written when nothing was changed, so that only
 * the first start waits for the disk.
 *
 * Returns: whether it is on disk
 */
gboolean
rtk_setup_save (RtkSetup *self, GError **error)
{
  gsize            size = 0;
  g_autofree char *text = NULL;

  if (!self->is_changed)
    return TRUE;
  text = g_key_file_to_data (self->file, &size, NULL);
  if (!g_file_set_contents_full (self->path, text, (gssize)size, G_FILE_SET_CONTENTS_CONSISTENT,
                                 0600, error))
    return FALSE;
  self->is_changed = FALSE;
  return TRUE;
}

/**
 * rtk_setup_get_mode:
 * @self: a set-up
 *
 * Returns: what the folder is for
 */
RtkSetupMode
rtk_setup_get_mode (RtkSetup *self)
{
  g_autofree char *name = rtk_setup_dup_value (self, "mode");

  for (guint i = 0; i < G_N_ELEMENTS (mode_names); i++) {
    if (g_strcmp0 (name, mode_names[i]) == 0)
      return (RtkSetupMode)i;
  }
  return RTK_SETUP_NONE;
}

/**
 * rtk_setup_set_mode:
 * @self: a set-up
 * @mode: what the folder is for from now on
 */
void
rtk_setup_set_mode (RtkSetup *self, RtkSetupMode mode)
{
  rtk_setup_set_value (self, "mode", mode_names[mode]);
}

/**
 * rtk_setup_dup_value:
 * @self: a set-up
 * @name: "server", "name", "passphrase" (demonstrations only) or "campus"
 *
 * Returns: (transfer full) (nullable): its value
 */
char *
rtk_setup_dup_value (RtkSetup *self, const char *name)
{
  return g_key_file_get_string (self->file, GROUP, name, NULL);
}

/**
 * rtk_setup_set_value:
 * @self: a set-up
 * @name: of a value
 * @value: what it is from now on
 */
void
rtk_setup_set_value (RtkSetup *self, const char *name, const char *value)
{
  g_autofree char *before = rtk_setup_dup_value (self, name);

  if (g_strcmp0 (before, value) == 0)
    return;
  g_key_file_set_string (self->file, GROUP, name, value);
  self->is_changed = TRUE;
}
