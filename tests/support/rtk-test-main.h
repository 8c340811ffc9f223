/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/* Stops the program after 30 s: nothing in a test takes so long unless it never comes. */
guint rtk_test_guard (void) G_GNUC_WARN_UNUSED_RESULT;
/* Runs the main context until @condition holds. */
#define rtk_test_wait_for(condition)                                                               \
  G_STMT_START                                                                                     \
  {                                                                                                \
    guint guard_ = rtk_test_guard ();                                                              \
    while (!(condition))                                                                           \
      g_main_context_iteration (NULL, TRUE);                                                       \
    g_source_remove (guard_);                                                                      \
  }                                                                                                \
  G_STMT_END
/* Runs what is ready now: afterwards what has not happened will not happen by itself. */
void rtk_test_drain (void);
/* Keeps the result of an asynchronous call in *user_data (GAsyncResult **). */
void rtk_test_result_cb (GObject *object, GAsyncResult *result, gpointer user_data);
