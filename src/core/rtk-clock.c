/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-clock.h"

#include <string.h>
#include <time.h>

G_DEFINE_INTERFACE (RtkClock, rtk_clock, G_TYPE_OBJECT)

static void
rtk_clock_default_init (RtkClockInterface *iface)
{
}

/**
 * rtk_clock_now:
 * @self: a clock
 *
 * Returns: wall clock, microseconds since 1970 UTC
 */
gint64
rtk_clock_now (RtkClock *self)
{
  return RTK_CLOCK_GET_IFACE (self)->now (self);
}

/**
 * rtk_clock_monotonic:
 * @self: a clock
 *
 * Returns: microseconds that only grow, from an unspecified start
 */
gint64
rtk_clock_monotonic (RtkClock *self)
{
  return RTK_CLOCK_GET_IFACE (self)->monotonic (self);
}

#define RTK_TYPE_SYSTEM_CLOCK (rtk_system_clock_get_type ())
G_DECLARE_FINAL_TYPE (RtkSystemClock, rtk_system_clock, RTK, SYSTEM_CLOCK, GObject)

struct _RtkSystemClock {
  GObject parent_instance;
};

static gint64
system_clock_now (RtkClock *clock)
{
  return g_get_real_time ();
}

static gint64
system_clock_monotonic (RtkClock *clock)
{
  return g_get_monotonic_time ();
}

static void
system_clock_iface_init (RtkClockInterface *iface)
{
  iface->now = system_clock_now;
  iface->monotonic = system_clock_monotonic;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (RtkSystemClock,
                               rtk_system_clock,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (RTK_TYPE_CLOCK, system_clock_iface_init))

static void
rtk_system_clock_class_init (RtkSystemClockClass *klass)
{
}

static void
rtk_system_clock_init (RtkSystemClock *self)
{
}

/**
 * rtk_system_clock_new:
 *
 * Makes the clock of this machine.
 *
 * Returns: (transfer full): a clock
 */
RtkClock *
rtk_system_clock_new (void)
{
  return g_object_new (RTK_TYPE_SYSTEM_CLOCK, NULL);
}

/* Writes @value with @n digits. */
static char *
put_digits (char *at, guint value, guint n)
{
  for (guint i = n; i > 0; i--) {
    at[i - 1] = (char)('0' + value % 10);
    value /= 10;
  }
  return at + n;
}

/**
 * rtk_time_format:
 * @time_us: microseconds since 1970 UTC
 *
 * Writes a time as it goes over the wire: RFC 3339, UTC, six decimals. A page of the feed has
 * hundreds, so no format string is read and no time zone is made.
 *
 * Returns: (transfer full): such as "2026-06-01T08:30:00.000000Z"
 */
char *
rtk_time_format (gint64 time_us)
{
  gint64    micros = time_us % G_USEC_PER_SEC;
  time_t    seconds = (time_t)(time_us / G_USEC_PER_SEC);
  struct tm parts;
  char      text[32];
  char     *at = text;

  if (micros < 0) {
    micros += G_USEC_PER_SEC;
    seconds--;
  }
  g_return_val_if_fail (gmtime_r (&seconds, &parts) != NULL, NULL);
  g_return_val_if_fail (parts.tm_year > -1900 && parts.tm_year <= 9999 - 1900, NULL);
  at = put_digits (at, (guint)(parts.tm_year + 1900), 4);
  *at++ = '-';
  at = put_digits (at, (guint)parts.tm_mon + 1, 2);
  *at++ = '-';
  at = put_digits (at, (guint)parts.tm_mday, 2);
  *at++ = 'T';
  at = put_digits (at, (guint)parts.tm_hour, 2);
  *at++ = ':';
  at = put_digits (at, (guint)parts.tm_min, 2);
  *at++ = ':';
  at = put_digits (at, (guint)parts.tm_sec, 2);
  *at++ = '.';
  at = put_digits (at, (guint)micros, 6);
  *at++ = 'Z';
  *at = '\0';
  return g_strdup (text);
}

/**
 * rtk_time_parse:
 * @text: (nullable): RFC 3339 with a zone
 * @out_time_us: (out): microseconds since 1970 UTC
 *
 * Reads a time from the wire.
 *
 * Returns: whether @text is a time; on %FALSE @out_time_us is left as it was
 */
gboolean
rtk_time_parse (const char *text, gint64 *out_time_us)
{
  g_autoptr (GDateTime) time = NULL;

  if (text == NULL || strlen (text) < 20)
    return FALSE;
  time = g_date_time_new_from_iso8601 (text, NULL);
  if (time == NULL)
    return FALSE;
  *out_time_us = g_date_time_to_unix (time) * G_USEC_PER_SEC + g_date_time_get_microsecond (time);
  return TRUE;
}
