/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vision/models.h"

#include "core/rtk-error.h"

static const char *
get_folder (void)
{
  const char *folder = g_getenv ("RTK_MODELS_DIR");

  return folder != NULL ? folder : ".";
}

static void
skip (void)
{
  g_test_skip ("The models are not in RTK_MODELS_DIR: run tools/setup");
}

RtkNetworks *
rtk_test_load_networks (void)
{
  g_autoptr (GError) error = NULL;
  RtkNetworks *networks = rtk_networks_new (get_folder (), &error);

  if (g_error_matches (error, RTK_ERROR, RTK_ERROR_MODEL_MISSING))
    skip ();
  else
    g_assert_no_error (error);
  return networks;
}

GBytes *
rtk_test_load_model (const char *name)
{
  g_autofree char *path = g_build_filename (get_folder (), name, NULL);
  char            *data;
  gsize            size;

  if (g_file_get_contents (path, &data, &size, NULL))
    return g_bytes_new_take (data, size);
  skip ();
  return NULL;
}
