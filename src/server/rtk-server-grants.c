/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-grant.h"
#include "core/rtk-id.h"
#include "server/rtk-server-call.h"

#include <sodium.h>

/**
 * rtk_server_grant_write:
 * @store: a store
 * @json: inside an object
 * @user: name of a member of staff
 * @role: name of their role
 * @station: (nullable): of their session; a grant without one holds nowhere
 * @error: return location
 *
 * Writes the member "grant": what lets @user work at @station while the server cannot be asked.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_grant_write (RtkServerStore *store,
                        RtkServerJson  *json,
                        const char     *user,
                        const char     *role,
                        const char     *station,
                        GError        **error)
{
  gint64           now = g_get_real_time ();
  g_autofree char *id = rtk_id_new (now);
  RtkRole          known = RTK_ROLE_OPERATOR;
  char             signature[sodium_base64_ENCODED_LEN (64, sodium_base64_VARIANT_ORIGINAL)];
  g_autoptr (RtkGrant) grant = NULL;

  (void)rtk_role_from_string (role, &known);
  grant = rtk_grant_new (id, user, known, station, now,
                         now + store->config->grant_seconds * G_USEC_PER_SEC, error);
  if (grant == NULL)
    return FALSE;
  rtk_server_keys_sign_grant (store->keys, grant->content, grant->signature);
  sodium_bin2base64 (signature, sizeof signature, grant->signature, sizeof grant->signature,
                     sodium_base64_VARIANT_ORIGINAL);
  rtk_server_json_begin (json, "grant", '{');
  rtk_server_json_string (json, "id", grant->id);
  rtk_server_json_string (json, "user", grant->user);
  rtk_server_json_string (json, "role", rtk_role_to_string (grant->role));
  rtk_server_json_string (json, "station", grant->station);
  rtk_server_json_time (json, "issued_at", grant->issued_at);
  rtk_server_json_time (json, "expires_at", grant->expires_at);
  rtk_server_json_string (json, "signature", signature);
  rtk_server_json_end (json, '}');
  return TRUE;
}

/* GET /v1/keys */
RTK_SERVER_HANDLER (public_keys)
{
  g_autofree char *key = rtk_server_keys_get_grant_key (store->keys);

  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_begin (&call->answer, "grant", '{');
  rtk_server_json_string (&call->answer, "algorithm", "Ed25519");
  rtk_server_json_string (&call->answer, "key", key);
  rtk_server_json_end (&call->answer, '}');
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return TRUE;
}
