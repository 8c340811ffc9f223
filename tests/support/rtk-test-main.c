/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-main.h"

static gboolean
guard_cb (gpointer user_data)
{
  g_error ("What the test waits for does not come");
  return G_SOURCE_REMOVE;
}

guint
rtk_test_guard (void)
{
  return g_timeout_add_seconds (30, guard_cb, NULL);
}

void
rtk_test_drain (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

void
rtk_test_result_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GAsyncResult **out = user_data;

  *out = g_object_ref (result);
}
