/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

#define RTK_TYPE_CLOCK (rtk_clock_get_type ())

/* Time, so that tests can hold it still. */
G_DECLARE_INTERFACE (RtkClock, rtk_clock, RTK, CLOCK, GObject)

/**
 * RtkClockInterface:
 * @now: wall clock, microseconds since 1970 UTC
 * @monotonic: microseconds that only grow
 */
struct _RtkClockInterface {
  GTypeInterface parent_iface;

  gint64 (*now) (RtkClock *self);
  gint64 (*monotonic) (RtkClock *self);
};

gint64    rtk_clock_now (RtkClock *self);
gint64    rtk_clock_monotonic (RtkClock *self);
RtkClock *rtk_system_clock_new (void) G_GNUC_WARN_UNUSED_RESULT;

char    *rtk_time_format (gint64 time_us) G_GNUC_WARN_UNUSED_RESULT;
gboolean rtk_time_parse (const char *text, gint64 *out_time_us);

G_END_DECLS
