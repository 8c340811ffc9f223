/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * RtkCtlProgress:
 *
 * A bar on standard error that says how far a long command is. There is none for a single thing,
 * and none where standard error is no terminal.
 */
typedef struct {
  gboolean is_shown;
  gboolean is_drawn; /* the line has the bar in it */
  guint    n_done;
  guint    n_all;
  gint64   start; /* monotonic, microseconds */
} RtkCtlProgress;

void rtk_ctl_progress_init (RtkCtlProgress *self, guint n_all);
void rtk_ctl_progress_set (RtkCtlProgress *self, guint n_done);
void rtk_ctl_progress_wipe (RtkCtlProgress *self);

G_END_DECLS
