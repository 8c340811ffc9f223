/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Reading what others wrote: every function sets %RTK_ERROR_BAD_MESSAGE and names the member. */
JsonObject *
rtk_json_parse_object (const char *text, gssize length, GError **error) G_GNUC_WARN_UNUSED_RESULT;
JsonObject *rtk_json_node_get_object (JsonNode *node, GError **error);
const char *rtk_json_get_string (JsonObject *object, const char *member, GError **error);
gboolean    rtk_json_get_optional_string (JsonObject  *object,
                                          const char  *member,
                                          const char **out_text,
                                          GError     **error);
gboolean
rtk_json_get_int (JsonObject *object, const char *member, gint64 *out_value, GError **error);
gboolean
rtk_json_get_bool (JsonObject *object, const char *member, gboolean *out_value, GError **error);
gboolean
rtk_json_get_time (JsonObject *object, const char *member, gint64 *out_value, GError **error);
JsonObject *rtk_json_get_object (JsonObject *object, const char *member, GError **error);
JsonArray  *rtk_json_get_array (JsonObject *object, const char *member, GError **error);

/* Canonical JSON (RFC 8785 for the values we sign: objects, arrays, strings, booleans, null and
 * integers within +-2^53): what is hashed and signed. */
GBytes *rtk_json_canonical (JsonNode *node, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
