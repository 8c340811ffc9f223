/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-ctl"
#include "config.h"

#include "ctl/rtk-ctl-progress.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Cells of the bar. With the words it stays below the 80 columns of the narrowest terminal. */
#define CELLS 30
/* Before so many are done nobody can say how long the rest takes. */
#define FEW 3

/**
 * rtk_ctl_progress_init:
 * @self: a bar
 * @n_all: how many things there are to do
 *
 * Begins to count. Nothing is drawn yet.
 */
void
rtk_ctl_progress_init (RtkCtlProgress *self, guint n_all)
{
  *self = (RtkCtlProgress){.n_all = n_all, .start = g_get_monotonic_time ()};
  self->is_shown =
      n_all > 1 && isatty (STDERR_FILENO) && g_strcmp0 (g_getenv ("TERM"), "dumb") != 0;
}

/* "about 12 s left", or nothing while that would be a guess. */
static char *
format_rest (const RtkCtlProgress *self)
{
  gint64 spent = g_get_monotonic_time () - self->start;
  gint64 rest_s;

  if (self->n_done < FEW || self->n_done >= self->n_all)
    return g_strdup ("");
  rest_s = spent / self->n_done * (self->n_all - self->n_done) / G_USEC_PER_SEC + 1;
  if (rest_s >= 120)
    return g_strdup_printf (_ ("about %d min left"), (int)((rest_s + 59) / 60));
  return g_strdup_printf (_ ("about %d s left"), (int)rest_s);
}

static void
draw (RtkCtlProgress *self)
{
  char             bar[CELLS + 1];
  g_autofree char *rest = format_rest (self);
  guint            filled = self->n_done * CELLS / self->n_all;

  memset (bar, '.', CELLS);
  memset (bar, '#', filled);
  bar[CELLS] = '\0';
  /* Back to the first column, and away with what a longer line before left at the end. */
  fprintf (stderr, "\r[%s] %u / %u  %s\033[K", bar, self->n_done, self->n_all, rest);
  fflush (stderr);
  self->is_drawn = TRUE;
}

/**
 * rtk_ctl_progress_set:
 * @self: a bar
 * @n_done: how many things are done
 *
 * Draws the bar anew.
 */
void
rtk_ctl_progress_set (RtkCtlProgress *self, guint n_done)
{
  self->n_done = n_done;
  if (self->is_shown)
    draw (self);
}

/**
 * rtk_ctl_progress_wipe:
 * @self: a bar
 *
 * Takes the bar away so that something can be said; the next rtk_ctl_progress_set() draws it below.
 */
void
rtk_ctl_progress_wipe (RtkCtlProgress *self)
{
  if (!self->is_drawn)
    return;
  fputs ("\r\033[K", stderr);
  fflush (stderr);
  self->is_drawn = FALSE;
}
