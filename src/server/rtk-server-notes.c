/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-id.h"
#include "server/rtk-server-gold.h"
#include "server/rtk-server-operations.h"

#include <string.h>

/* Notes of the staff on an order: they are added and never changed. */

#define MAX_NOTE 2000

static gboolean
add_note (RtkServerStore *store,
          const char     *id,
          const char     *order_id,
          const char     *text,
          const char     *actor,
          const char     *detail,
          GError        **error)
{
  return rtk_server_db_run (store->db, error,
                            "INSERT INTO notes (id, order_id, text, actor, created_at)"
                            " VALUES (?, ?, ?, ?, ?)",
                            "ssssi", id, order_id, text, actor, g_get_real_time ()) &&
         rtk_server_audit_add (store, actor, "note.add", id, detail, error);
}

static char *
find_order (RtkServerStore *store, const char *id)
{
  return rtk_server_db_dup_text (store->db, "SELECT order_id FROM notes WHERE id = ?", "s", id);
}

/* POST /v1/orders/{id}/notes */
RTK_SERVER_HANDLER (order_note)
{
  const char      *id = rtk_server_call_get_string (call, "id");
  g_autofree char *known = find_order (store, id);
  g_autofree char *shown = NULL;

  if (rtk_server_db_get_int (store->db, 0, "SELECT 1 FROM orders WHERE id = ?", "s",
                             call->params[0]) == 0) {
    shown = rtk_server_gold_find_shown (store, call, call->params[0]);
    if (shown == NULL)
      return rtk_server_call_not_found (call);
    if (known == NULL && !rtk_server_request_differs (store, call, "note"))
      return rtk_server_gold_note (store, call, shown, error) &&
             (call->status != 201 || rtk_server_request_keep (store, call, "note", error));
  }
  if ((known == NULL && rtk_server_gold_has_note (store, id)) ||
      rtk_server_request_differs (store, call, "note"))
    return rtk_server_call_fail (call, 409, "id-reused", "This id belongs to another note.");
  if (known != NULL && strcmp (known, call->params[0]) != 0)
    return rtk_server_call_fail (call, 409, "id-reused", "This id belongs to another note.");
  if (known == NULL &&
      (!add_note (store, id, call->params[0], rtk_server_call_get_string (call, "text"),
                  call->actor, "{}", error) ||
       !rtk_server_request_keep (store, call, "note", error)))
    return FALSE;
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_string (&call->answer, "id", id);
  rtk_server_json_end (&call->answer, '}');
  call->status = known == NULL ? 201 : 200;
  return TRUE;
}

static RtkServerVerdict
check_note (RtkServerStore *store, RtkOperation *operation, const RtkServerTarget *target)
{
  const char      *id = rtk_server_operation_get_text (operation, "note");
  const char      *text = rtk_server_operation_get_text (operation, "text");
  g_autofree char *known = NULL;

  if (!rtk_id_is_valid (id) || text == NULL || text[0] == '\0' ||
      g_utf8_strlen (text, -1) > MAX_NOTE)
    return RTK_SERVER_REFUSED_BODY;
  known = find_order (store, id);
  return known != NULL || rtk_server_gold_has_note (store, id) ? RTK_SERVER_REFUSED_REUSED
                                                               : RTK_SERVER_APPLIED;
}

static gboolean
apply_note (RtkServerStore        *store,
            RtkOperation          *operation,
            const RtkServerOrigin *origin,
            GError               **error)
{
  g_autofree char *detail = rtk_server_origin_make_detail (origin);

  return add_note (store, rtk_server_operation_get_text (operation, "note"),
                   rtk_operation_get_order_id (operation),
                   rtk_server_operation_get_text (operation, "text"), origin->actor, detail, error);
}

const RtkServerOperationKind rtk_server_operation_note = {"note.add", RTK_SERVER_STAFF, FALSE,
                                                          check_note, apply_note};
