/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-net"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-json.h"
#include "net/rtk-http-private.h"

#include <string.h>

/**
 * rtk_http_transport_dup_session:
 * @self: a transport
 *
 * Writes down who is signed in, so that another process can go on: a command line signs in once and
 * works many times. It holds a token: keep it sealed.
 *
 * Returns: (transfer full) (nullable): a secret; %NULL while signed out
 */
GBytes *
rtk_http_transport_dup_session (RtkHttpTransport *self)
{
  g_autoptr (JsonObject) object = NULL;
  g_autoptr (JsonNode) node = NULL;

  if (self->refresh_token == NULL || self->user == NULL || self->station_id == NULL)
    return NULL;
  object = json_object_new ();
  json_object_set_string_member (object, "access_token", self->access_token);
  json_object_set_string_member (object, "refresh_token", self->refresh_token);
  json_object_set_string_member (object, "user", self->user);
  json_object_set_string_member (object, "role", rtk_role_to_string (self->role));
  json_object_set_string_member (object, "station", self->station_id);
  node = json_node_new (JSON_NODE_OBJECT);
  json_node_set_object (node, object);
  return rtk_json_canonical (node, NULL);
}

/**
 * rtk_http_transport_restore_session:
 * @self: a transport that is signed out
 * @session: what rtk_http_transport_dup_session() gave
 * @error: return location for %RTK_ERROR_BAD_MESSAGE
 *
 * Goes on where another process was signed in. Whether the session still holds, the next call says.
 *
 * Returns: whether @session could be read
 */
gboolean
rtk_http_transport_restore_session (RtkHttpTransport *self, GBytes *session, GError **error)
{
  gsize       size;
  const char *text = g_bytes_get_data (session, &size);
  g_autoptr (JsonObject) object = rtk_json_parse_object (text, (gssize)size, error);
  const char *user;
  const char *role;
  const char *station;

  if (object == NULL || (user = rtk_json_get_string (object, "user", error)) == NULL ||
      (role = rtk_json_get_string (object, "role", error)) == NULL ||
      (station = rtk_json_get_string (object, "station", error)) == NULL)
    return FALSE;
  if (!rtk_role_from_string (role, &self->role) || !rtk_id_is_valid (station)) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                         "The kept session is not what it should be");
    return FALSE;
  }
  if (!rtk_http_transport_take_tokens (self, object, error))
    return FALSE;
  g_free (self->user);
  self->user = g_strdup (user);
  g_free (self->station_id);
  self->station_id = g_strdup (station);
  g_object_notify (G_OBJECT (self), "user");
  g_object_notify (G_OBJECT (self), "role");
  g_object_notify (G_OBJECT (self), "station-id");
  rtk_http_transport_set_state (self, RTK_SERVER_ONLINE);
  return TRUE;
}
