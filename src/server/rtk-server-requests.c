/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-json.h"
#include "server/rtk-server-call.h"

#include <sodium.h>
#include <string.h>

/* What an id was first sent with: sent again it is the same request, with anything else it is a
 * mistake that must not be answered as if it had been done. */

/* Keyed, because bodies hold what must not be guessed from the database. */
static char *
make_digest (RtkServerStore *store, RtkServerCall *call)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) node = json_node_alloc ();
  g_autoptr (GList) members = json_object_get_members (call->json);
  g_autoptr (GBytes) canonical = NULL;
  g_autoptr (GString) text = g_string_new (NULL);
  char *digest;

  for (GList *l = members; l != NULL; l = l->next) {
    JsonNode *value = json_object_get_member (call->json, l->data);

    /* The revision that was seen is no part of what is wanted; null is as good as nothing. */
    if (!JSON_NODE_HOLDS_NULL (value) && strcmp (l->data, "base_revision") != 0)
      json_object_set_member (object, l->data, json_node_copy (value));
  }
  json_node_init_object (node, object);
  canonical = rtk_json_canonical (node, NULL);
  if (canonical == NULL)
    return NULL;
  g_string_printf (text, "%s %s ", call->route->pattern,
                   call->params[0] != NULL ? call->params[0] : "");
  g_string_append_len (text, g_bytes_get_data (canonical, NULL),
                       (gssize)g_bytes_get_size (canonical));
  digest = rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_ID, text->str);
  sodium_memzero (text->str, text->len);
  return digest;
}

/**
 * rtk_server_request_differs:
 * @store: a store
 * @call: a call whose body has an id
 * @kind: of what the id names
 *
 * Tells whether the id came before with another body, or to another path. The call is not answered.
 *
 * Returns: whether it did
 */
gboolean
rtk_server_request_differs (RtkServerStore *store, RtkServerCall *call, const char *kind)
{
  g_autofree char *digest = NULL;
  g_autofree char *known =
      rtk_server_db_dup_text (store->db, "SELECT digest FROM requests WHERE kind = ? AND id = ?",
                              "ss", kind, rtk_server_call_get_string (call, "id"));

  if (known == NULL)
    return FALSE;
  digest = make_digest (store, call);
  return g_strcmp0 (known, digest) != 0;
}

/**
 * rtk_server_request_keep:
 * @store: a store, in a transaction
 * @call: a call whose body has an id that is new
 * @kind: of what the id names
 * @error: return location
 *
 * Remembers what the id was sent with.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_request_keep (RtkServerStore *store,
                         RtkServerCall  *call,
                         const char     *kind,
                         GError        **error)
{
  g_autofree char *digest = make_digest (store, call);

  return digest == NULL || rtk_server_db_run (store->db, error,
                                              "INSERT INTO requests (kind, id, digest, created_at)"
                                              " VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                                              "sssi", kind, rtk_server_call_get_string (call, "id"),
                                              digest, g_get_real_time ());
}
