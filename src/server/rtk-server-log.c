/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-log.h"

#include "server/rtk-server-json.h"

#include <stdio.h>
#include <string.h>

/* One JSON object a line on standard error: time, level, message, and the RTK_ fields. What may be
 * in those is decided where they are set: patterns of routes, never ids, codes, names or phones. */
static GLogWriterOutput
write_line (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  g_auto (RtkServerJson) json = {NULL, FALSE};

  if ((level & G_LOG_LEVEL_MASK) > G_LOG_LEVEL_INFO)
    return G_LOG_WRITER_HANDLED;
  rtk_server_json_init (&json);
  rtk_server_json_begin (&json, NULL, '{');
  rtk_server_json_time (&json, "time", g_get_real_time ());
  rtk_server_json_string (&json, "level",
                          level & G_LOG_LEVEL_INFO      ? "info"
                          : level & G_LOG_LEVEL_MESSAGE ? "notice"
                                                        : "warning");
  for (gsize i = 0; i < n_fields; i++) {
    if (fields[i].length >= 0)
      continue;
    if (strcmp (fields[i].key, "MESSAGE") == 0) {
      rtk_server_json_string (&json, "message", fields[i].value);
    } else if (g_str_has_prefix (fields[i].key, "RTK_")) {
      g_autofree char *name = g_ascii_strdown (fields[i].key + 4, -1);

      rtk_server_json_string (&json, name, fields[i].value);
    }
  }
  rtk_server_json_end (&json, '}');
  g_string_append_c (json.text, '\n');
  (void)fwrite (json.text->str, 1, json.text->len, stderr);
  return G_LOG_WRITER_HANDLED;
}

/**
 * rtk_server_log_init:
 *
 * Writes the log as JSON lines from now on. Once, before any thread is started.
 */
void
rtk_server_log_init (void)
{
  g_log_set_writer_func (write_line, NULL, NULL);
}
