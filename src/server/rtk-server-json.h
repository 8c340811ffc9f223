/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * RtkServerJson:
 * @text: what was written
 * @comma: whether the next value needs a comma before it
 *
 * Writes JSON straight into text: a page of the feed is written, never built as a tree. @name is
 * %NULL inside arrays.
 */
typedef struct {
  GString *text;
  gboolean comma;
} RtkServerJson;

void rtk_server_json_init (RtkServerJson *self);
void rtk_server_json_clear (RtkServerJson *self);
void rtk_server_json_begin (RtkServerJson *self, const char *name, char bracket);
void rtk_server_json_end (RtkServerJson *self, char bracket);
void rtk_server_json_string (RtkServerJson *self, const char *name, const char *value);
void rtk_server_json_raw (RtkServerJson *self, const char *name, const char *json);
void rtk_server_json_int (RtkServerJson *self, const char *name, gint64 value);
void rtk_server_json_bool (RtkServerJson *self, const char *name, gboolean value);
void rtk_server_json_time (RtkServerJson *self, const char *name, gint64 time_us);
void rtk_server_json_optional_time (RtkServerJson *self, const char *name, gint64 time_us);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RtkServerJson, rtk_server_json_clear)

G_END_DECLS
