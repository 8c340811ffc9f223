/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-call.h"

#include <string.h>

/* Graduates bind their codes to their accounts. */

/* @unproved: nobody but the graduate says that this is the code. */
static gboolean
bind_code (RtkServerStore *store,
           RtkServerCall  *call,
           const char     *roster,
           const char     *code,
           gboolean        unproved,
           GError        **error)
{
  g_autofree char *digest = rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_CODE, code);
  g_autofree char *context = g_strconcat ("code:", roster, NULL);
  g_autoptr (GBytes) cipher = rtk_server_keys_seal (store->keys, context, code);

  return rtk_server_db_run (store->db, error,
                            "UPDATE roster SET account = ?, code_digest = ?, code_cipher = ?,"
                            " code_unproved = ? WHERE id = ?",
                            "ssbis", call->principal, digest, cipher, (gint64)unproved, roster) &&
         rtk_server_audit_add (store, call->actor, "code.bind", roster,
                               unproved ? "{\"unproved\":true}" : "{}", error);
}

static gboolean
answer_bound (RtkServerStore *store, RtkServerCall *call, const char *roster, GError **error)
{
  call->status = 200;
  return rtk_server_graduate_write (store, &call->answer, NULL, roster, error);
}

/* The account has a graduate, and another is not to be had. What it typed itself it may mend as
 * long as nothing hangs on it. */
static gboolean
bind_again (RtkServerStore *store,
            RtkServerCall  *call,
            const char     *digest,
            const char     *number_digest,
            GError        **error)
{
  const char      *code = rtk_server_call_get_string (call, "code");
  g_autofree char *same = rtk_server_db_dup_text (
      store->db, "SELECT id FROM roster WHERE account = ? AND code_digest = ?", "ss",
      call->principal, digest);
  g_autofree char *own = rtk_server_db_dup_text (
      store->db,
      "SELECT r.id FROM roster r WHERE r.account = ?1 AND r.code_unproved = 1"
      " AND r.number_digest = ?2"
      " AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.roster = r.id)"
      " AND NOT EXISTS (SELECT 1 FROM roster x WHERE x.code_digest = ?3)",
      "sss", call->principal, number_digest, digest);

  if (same != NULL)
    return answer_bound (store, call, same, error);
  if (own != NULL)
    return bind_code (store, call, own, code, TRUE, error) &&
           answer_bound (store, call, own, error);
  return rtk_server_lockout_add_wrong_code (store, call, error) &&
         rtk_server_call_fail (call, 409, "already-bound",
                               "A graduate is bound to this account already.");
}

/* POST /v1/online/codes: by the code when the roster has it, else by the identity number. */
RTK_SERVER_HANDLER (online_code)
{
  const char      *code = rtk_server_call_get_string (call, "code");
  const char      *number = rtk_server_call_get_string (call, "number");
  g_autofree char *digest = rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_CODE, code);
  g_autofree char *number_digest =
      number != NULL ? rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_NUMBER, number) : NULL;
  g_autofree char *by_code = NULL;
  g_autofree char *by_number = NULL;
  const char      *roster;

  if (rtk_server_lockout_is_closed (store, call))
    return TRUE;
  if (rtk_server_db_get_int (store->db, 0, "SELECT EXISTS (SELECT 1 FROM roster WHERE account = ?)",
                             "s", call->principal) != 0)
    return bind_again (store, call, digest, number_digest, error);
  by_code = rtk_server_db_dup_text (
      store->db, "SELECT id FROM roster WHERE code_digest = ? AND account IS NULL", "s", digest);
  by_number = rtk_server_db_dup_text (
      store->db,
      "SELECT id FROM roster WHERE number_digest = ?1 AND code_digest IS NULL AND account IS NULL"
      " AND NOT EXISTS (SELECT 1 FROM roster x WHERE x.code_digest = ?2)",
      "ss", number_digest, digest);
  roster = by_code != NULL ? by_code : by_number;
  if (roster == NULL)
    return rtk_server_lockout_add_wrong_code (store, call, error) &&
           rtk_server_call_fail (call, 404, "not-on-roster",
                                 "No graduate is expected under this code and number.");
  return bind_code (store, call, roster, code, by_code == NULL, error) &&
         answer_bound (store, call, roster, error);
}
