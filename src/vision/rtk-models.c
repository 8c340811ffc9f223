/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-models.h"

/**
 * rtk_models_find_dir:
 *
 * Finds the folder of the network models: the one in `RTK_MODELS_DIR`, else the installed one, else
 * the one that set-up filled beside the sources, so that a program runs from its build folder.
 *
 * Whether the models are in it, loading them says. Any thread.
 *
 * Returns: (transfer none): a path
 */
const char *
rtk_models_find_dir (void)
{
  const char *folder = g_getenv ("RTK_MODELS_DIR");

  if (folder != NULL && folder[0] != '\0')
    return folder;
  return g_file_test (RTK_MODELS_DIR, G_FILE_TEST_IS_DIR) ? RTK_MODELS_DIR : RTK_MODELS_SOURCE_DIR;
}
