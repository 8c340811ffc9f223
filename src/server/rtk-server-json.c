/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-json.h"

#include "core/rtk-clock.h"

/**
 * rtk_server_json_init:
 * @self: a writer
 *
 * Starts with nothing written.
 */
void
rtk_server_json_init (RtkServerJson *self)
{
  self->text = g_string_sized_new (1024);
  self->comma = FALSE;
}

/**
 * rtk_server_json_clear:
 * @self: a writer
 *
 * Frees what was written.
 */
void
rtk_server_json_clear (RtkServerJson *self)
{
  if (self->text != NULL)
    g_string_free (self->text, TRUE);
  self->text = NULL;
}

/* Bytes that stand for themselves in a string. */
static inline gboolean
is_plain (guchar c)
{
  return c >= 0x20 && c != '"' && c != '\\';
}

static void
add_quoted (GString *text, const char *value)
{
  const char *p = value;

  g_string_append_c (text, '"');
  while (*p != '\0') {
    const char *start = p;

    while (is_plain ((guchar)*p))
      p++;
    g_string_append_len (text, start, p - start);
    if (*p == '\0')
      break;
    if (*p == '"' || *p == '\\') {
      g_string_append_c (text, '\\');
      g_string_append_c (text, *p);
    } else {
      g_string_append_printf (text, "\\u%04x", (guint)(guchar)*p);
    }
    p++;
  }
  g_string_append_c (text, '"');
}

static void
add_name (RtkServerJson *self, const char *name)
{
  if (self->comma)
    g_string_append_c (self->text, ',');
  self->comma = TRUE;
  if (name != NULL) {
    add_quoted (self->text, name);
    g_string_append_c (self->text, ':');
  }
}

/**
 * rtk_server_json_begin:
 * @self: a writer
 * @name: (nullable): of the member
 * @bracket: '{' or '['
 *
 * Opens an object or an array.
 */
void
rtk_server_json_begin (RtkServerJson *self, const char *name, char bracket)
{
  add_name (self, name);
  g_string_append_c (self->text, bracket);
  self->comma = FALSE;
}

/**
 * rtk_server_json_end:
 * @self: a writer
 * @bracket: '}' or ']'
 *
 * Closes what was opened last.
 */
void
rtk_server_json_end (RtkServerJson *self, char bracket)
{
  g_string_append_c (self->text, bracket);
  self->comma = TRUE;
}

/**
 * rtk_server_json_string:
 * @self: a writer
 * @name: (nullable): of the member
 * @value: (nullable): UTF-8, %NULL writes null
 *
 * Writes a string.
 */
void
rtk_server_json_string (RtkServerJson *self, const char *name, const char *value)
{
  add_name (self, name);
  if (value != NULL)
    add_quoted (self->text, value);
  else
    g_string_append (self->text, "null");
}

/**
 * rtk_server_json_raw:
 * @self: a writer
 * @name: (nullable): of the member
 * @json: one value, as it is
 *
 * Writes JSON that is text already.
 */
void
rtk_server_json_raw (RtkServerJson *self, const char *name, const char *json)
{
  add_name (self, name);
  g_string_append (self->text, json);
}

/**
 * rtk_server_json_int:
 * @self: a writer
 * @name: (nullable): of the member
 * @value: a number
 *
 * Writes an integer.
 */
void
rtk_server_json_int (RtkServerJson *self, const char *name, gint64 value)
{
  char text[24];

  add_name (self, name);
  g_snprintf (text, sizeof text, "%" G_GINT64_FORMAT, value);
  g_string_append (self->text, text);
}

/**
 * rtk_server_json_bool:
 * @self: a writer
 * @name: (nullable): of the member
 * @value: the truth
 *
 * Writes true or false.
 */
void
rtk_server_json_bool (RtkServerJson *self, const char *name, gboolean value)
{
  add_name (self, name);
  g_string_append (self->text, value ? "true" : "false");
}

/**
 * rtk_server_json_time:
 * @self: a writer
 * @name: (nullable): of the member
 * @time_us: microseconds since 1970 UTC
 *
 * Writes a time as RFC 3339.
 */
void
rtk_server_json_time (RtkServerJson *self, const char *name, gint64 time_us)
{
  g_autofree char *text = rtk_time_format (time_us);

  rtk_server_json_string (self, name, text);
}

/**
 * rtk_server_json_optional_time:
 * @self: a writer
 * @name: (nullable): of the member
 * @time_us: microseconds since 1970 UTC; 0 = there is none
 *
 * Writes a time, or null.
 */
void
rtk_server_json_optional_time (RtkServerJson *self, const char *name, gint64 time_us)
{
  if (time_us != 0)
    rtk_server_json_time (self, name, time_us);
  else
    rtk_server_json_string (self, name, NULL);
}
