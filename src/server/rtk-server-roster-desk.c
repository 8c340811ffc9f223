/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-payments.h"

#include <string.h>

/* Lines of the roster that were wrong: corrected and withdrawn by a supervisor, with a reason. */

static gboolean
audit (RtkServerStore *store, RtkServerCall *call, const char *action, GError **error)
{
  g_auto (RtkServerJson) detail = {NULL, FALSE};

  rtk_server_json_init (&detail);
  rtk_server_json_begin (&detail, NULL, '{');
  rtk_server_json_string (&detail, "reason", rtk_server_call_get_string (call, "reason"));
  rtk_server_json_end (&detail, '}');
  return rtk_server_audit_add (store, call->actor, action, call->params[0], detail.text->str,
                               error);
}

/* Whether there is such a line; else the call is answered. */
static gboolean
is_there (RtkServerStore *store, RtkServerCall *call)
{
  if (rtk_server_db_get_int (store->db, 0,
                             "SELECT EXISTS (SELECT 1 FROM roster WHERE id = ?"
                             " AND withdrawn_at IS NULL)",
                             "s", call->params[0]) != 0)
    return TRUE;
  rtk_server_call_not_found (call);
  return FALSE;
}

static gboolean
is_delivered (RtkServerStore *store, RtkServerCall *call)
{
  return rtk_server_db_get_int (store->db, 0,
                                "SELECT EXISTS (SELECT 1 FROM orders WHERE roster = ?"
                                " AND delivery <> 'none')",
                                "s", call->params[0]) != 0;
}

/* PATCH /v1/roster/{id}: the number was typed wrongly; all else comes with the school's list. */
RTK_SERVER_HANDLER (roster_change)
{
  const char      *roster = call->params[0];
  const char      *number = rtk_server_call_get_string (call, "number");
  g_autofree char *context = g_strconcat ("number:", roster, NULL);
  g_autofree char *masked = rtk_server_mask_number (number);
  g_autofree char *digest = rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_NUMBER, number);
  g_autoptr (GBytes) sealed = rtk_server_keys_seal (store->keys, context, number);

  if (!is_there (store, call))
    return TRUE;
  if (is_delivered (store, call))
    return rtk_server_call_fail (call, 409, "delivered", "The photo is delivered already.");
  if (rtk_server_db_get_int (store->db, 0,
                             "SELECT EXISTS (SELECT 1 FROM roster WHERE number_digest = ?"
                             " AND id <> ?)",
                             "ss", digest, roster) != 0)
    return rtk_server_call_fail (call, 409, "number-taken", "Another graduate has this number.");
  return rtk_server_db_run (store->db, error,
                            "UPDATE roster SET number_masked = ?, number_cipher = ?,"
                            " number_digest = ? WHERE id = ?",
                            "sbss", masked, sealed, digest, roster) &&
         rtk_server_roster_touch (store, roster, error) &&
         audit (store, call, "roster.number", error) &&
         rtk_server_roster_answer (store, call, roster, error);
}

/* POST /v1/roster/{id}/withdraw: nobody is expected under this line. What was ordered and is over
 * keeps it; a list that brings the number again brings a new line. */
RTK_SERVER_HANDLER (roster_withdraw)
{
  const char      *roster = call->params[0];
  g_autofree char *digest = g_strconcat ("withdrawn:", roster, NULL);

  if (!is_there (store, call))
    return TRUE;
  if (is_delivered (store, call))
    return rtk_server_call_fail (call, 409, "delivered", "The photo is delivered already.");
  /* An order whose first money went back goes on when it was paid for anew; one whose money is due
   * back does not, and is not over. */
  if (rtk_server_graduate_has_order (store, roster, NULL) ||
      rtk_server_db_get_int (store->db, 0,
                             "SELECT EXISTS (SELECT 1 FROM orders WHERE roster = ?"
                             " AND payment NOT IN ('closed', 'refunded'))",
                             "s", roster) != 0)
    return rtk_server_call_fail (call, 409, "order-open", "There is an open order.");
  call->status = 204;
  return rtk_server_roster_unbind (store, roster, FALSE, call->actor, error) &&
         rtk_server_db_run (store->db, error,
                            "UPDATE roster SET withdrawn_at = ?, number_digest = ?,"
                            " code_digest = NULL, code_cipher = NULL, code_unproved = 0"
                            " WHERE id = ?",
                            "iss", g_get_real_time (), digest, roster) &&
         audit (store, call, "roster.withdraw", error);
}
