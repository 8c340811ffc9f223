/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-json.h"
#include "server/rtk-server-operations.h"

/* What operations say, by whom they are and where they come from. */

/**
 * rtk_server_operation_get_text:
 * @operation: an operation
 * @member: of its body
 *
 * Returns: (nullable): the text, %NULL when it is missing or something else
 */
const char *
rtk_server_operation_get_text (RtkOperation *operation, const char *member)
{
  JsonObject *body = rtk_operation_get_body (operation);

  return json_object_has_member (body, member) ? rtk_json_get_string (body, member, NULL) : NULL;
}

/**
 * rtk_server_operation_find_who:
 * @store: a store, in a transaction
 * @people: (element-type utf8 guint): whom it was asked for in this transaction
 * @name: of a member of staff, as an operation gives it
 *
 * Returns: their role as a mask of #RtkServerWho; 0 for nobody and for the disabled
 */
guint
rtk_server_operation_find_who (RtkServerStore *store, GHashTable *people, const char *name)
{
  gpointer         known = NULL;
  g_autofree char *key = NULL;
  g_autofree char *role = NULL;

  if (!g_hash_table_lookup_extended (people, name, NULL, &known)) {
    key = rtk_server_name_fold (name);
    role = rtk_server_db_dup_text (
        store->db,
        "SELECT role FROM staff WHERE enabled = 1 AND id = (" RTK_SERVER_STAFF_FIND ("?1",
                                                                                     "?2") ")",
        "ss", key, name);
    known = GUINT_TO_POINTER (role != NULL ? rtk_server_role_to_who (role) : 0);
    g_hash_table_insert (people, g_strdup (name), known);
  }
  return GPOINTER_TO_UINT (known);
}

/**
 * rtk_server_origin_write:
 * @json: inside an object
 * @self: where an operation comes from
 *
 * Writes the members of the audit log's detail that say so; the actor stands beside it.
 */
void
rtk_server_origin_write (RtkServerJson *json, const RtkServerOrigin *self)
{
  rtk_server_json_string (json, "station", self->station);
  rtk_server_json_string (json, "operation", self->operation);
  rtk_server_json_string (json, "session", self->session);
}

/**
 * rtk_server_origin_make_detail:
 * @self: where an operation comes from
 *
 * Returns: (transfer full): a detail for the audit log that says nothing else
 */
char *
rtk_server_origin_make_detail (const RtkServerOrigin *self)
{
  g_auto (RtkServerJson) json = {0};

  rtk_server_json_init (&json);
  rtk_server_json_begin (&json, NULL, '{');
  rtk_server_origin_write (&json, self);
  rtk_server_json_end (&json, '}');
  return g_strdup (json.text->str);
}
