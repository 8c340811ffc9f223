/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-grant.h"

#include "core/rtk-clock.h"
#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-json.h"

#include <string.h>

/* How far a station's clock may be behind the server's. */
#define CLOCK_SLACK (10 * 60 * G_USEC_PER_SEC)

/**
 * rtk_grant_free:
 * @self: (transfer full): a grant
 *
 * Frees a grant.
 */
void
rtk_grant_free (RtkGrant *self)
{
  g_free (self->id);
  g_free (self->user);
  g_free (self->station);
  g_clear_pointer (&self->content, g_bytes_unref);
  g_free (self);
}

static JsonObject *
to_object (const RtkGrant *self)
{
  JsonObject      *object = json_object_new ();
  g_autofree char *issued_at = rtk_time_format (self->issued_at);
  g_autofree char *expires_at = rtk_time_format (self->expires_at);

  json_object_set_string_member (object, "id", self->id);
  json_object_set_string_member (object, "user", self->user);
  json_object_set_string_member (object, "role", rtk_role_to_string (self->role));
  if (self->station != NULL)
    json_object_set_string_member (object, "station", self->station);
  else
    json_object_set_null_member (object, "station");
  json_object_set_string_member (object, "issued_at", issued_at);
  json_object_set_string_member (object, "expires_at", expires_at);
  return object;
}

/**
 * rtk_grant_new:
 * @id: UUID
 * @user: name of a member of staff
 * @role: their role
 * @station: (nullable): a station
 * @issued_at: microseconds since 1970 UTC
 * @expires_at: its end
 * @error: return location; %RTK_ERROR_BAD_MESSAGE when @user cannot be written as JSON
 *
 * Makes a grant that is not signed yet: whoever has the key signs `content` and fills `signature`.
 *
 * Returns: (transfer full): the grant
 */
RtkGrant *
rtk_grant_new (const char *id,
               const char *user,
               RtkRole     role,
               const char *station,
               gint64      issued_at,
               gint64      expires_at,
               GError    **error)
{
  g_autoptr (RtkGrant) self = g_new0 (RtkGrant, 1);
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);

  self->id = g_strdup (id);
  self->user = g_strdup (user);
  self->role = role;
  self->station = g_strdup (station);
  self->issued_at = issued_at;
  self->expires_at = expires_at;
  json_node_take_object (node, to_object (self));
  self->content = rtk_json_canonical (node, error);
  return self->content != NULL ? g_steal_pointer (&self) : NULL;
}

static gboolean
read_signature (RtkGrant *self, JsonObject *object, GError **error)
{
  const char *text = rtk_json_get_string (object, "signature", error);

  if (text == NULL)
    return FALSE;
  if (!rtk_signature_from_text (text, self->signature)) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                         "The grant's signature is not 64 bytes in base64.");
    return FALSE;
  }
  return TRUE;
}

/* All members but the signature as they came: a newer server's may be among them. */
static GBytes *
read_content (JsonObject *object, GError **error)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autoptr (GList) members = json_object_get_members (object);
  JsonObject *unsigned_object = json_object_new ();

  for (GList *l = members; l != NULL; l = l->next)
    if (strcmp (l->data, "signature") != 0)
      json_object_set_member (unsigned_object, l->data,
                              json_node_copy (json_object_get_member (object, l->data)));
  json_node_take_object (node, unsigned_object);
  return rtk_json_canonical (node, error);
}

/**
 * rtk_grant_from_json:
 * @node: a Grant of docs/openapi.yaml
 * @error: return location for %RTK_ERROR_BAD_MESSAGE
 *
 * Reads a grant. Whether it is genuine and holds is rtk_grant_check(), not here.
 *
 * Returns: (transfer full): the grant
 */
RtkGrant *
rtk_grant_from_json (JsonNode *node, GError **error)
{
  g_autoptr (RtkGrant) self = g_new0 (RtkGrant, 1);
  JsonObject *object = rtk_json_node_get_object (node, error);
  const char *id;
  const char *user;
  const char *role;
  const char *station;

  if (object == NULL || (id = rtk_json_get_string (object, "id", error)) == NULL ||
      (user = rtk_json_get_string (object, "user", error)) == NULL ||
      (role = rtk_json_get_string (object, "role", error)) == NULL ||
      !rtk_json_get_optional_string (object, "station", &station, error) ||
      !rtk_json_get_time (object, "issued_at", &self->issued_at, error) ||
      !rtk_json_get_time (object, "expires_at", &self->expires_at, error) ||
      !read_signature (self, object, error))
    return NULL;
  if (!rtk_id_is_valid (id) || !rtk_role_from_string (role, &self->role) ||
      (station != NULL && !rtk_id_is_valid (station))) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                         "A member of the grant is not what it should be.");
    return NULL;
  }
  self->id = g_strdup (id);
  self->user = g_strdup (user);
  self->station = g_strdup (station);
  self->content = read_content (object, error);
  return self->content != NULL ? g_steal_pointer (&self) : NULL;
}

/**
 * rtk_grant_to_json:
 * @self: a signed grant
 *
 * Returns: (transfer full): @self as it goes over the wire
 */
JsonNode *
rtk_grant_to_json (const RtkGrant *self)
{
  JsonNode        *node = json_node_new (JSON_NODE_OBJECT);
  JsonObject      *object = to_object (self);
  g_autofree char *text = rtk_signature_to_text (self->signature);

  json_object_set_string_member (object, "signature", text);
  json_node_take_object (node, object);
  return node;
}

/**
 * rtk_grant_check:
 * @self: a grant
 * @server_key: (nullable): the server's public key, base64url without padding, as it was learnt
 *   over TLS at sign-in (GET /v1/keys)
 * @station: this station's id
 * @now: the station's clock, microseconds since 1970 UTC
 * @error: return location; %RTK_ERROR_DAMAGED when the server did not sign it, %RTK_ERROR_FORBIDDEN
 *   when it is for another station, %RTK_ERROR_UNAUTHORIZED when it has run out or the clock is
 *   more than ten minutes before its beginning
 *
 * Decides whether @self lets its user work at @station now. Any thread, no network.
 *
 * Returns: whether it does
 */
gboolean
rtk_grant_check (
    const RtkGrant *self, const char *server_key, const char *station, gint64 now, GError **error)
{
  if (!rtk_signature_check (server_key, g_bytes_get_data (self->content, NULL),
                            g_bytes_get_size (self->content), self->signature)) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_DAMAGED,
                         "The grant is not signed by the server.");
    return FALSE;
  }
  if (g_strcmp0 (self->station, station) != 0 || station == NULL) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_FORBIDDEN,
                         "The grant is for another station.");
    return FALSE;
  }
  if (now >= self->expires_at || now < self->issued_at - CLOCK_SLACK) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_UNAUTHORIZED,
                         "The grant does not hold at this time: sign in at the server again.");
    return FALSE;
  }
  return TRUE;
}
