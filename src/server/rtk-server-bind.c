/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-call.h"

#include <string.h>

/* Graduates bind their codes to their accounts. */

/* SQL: whether account ?1 may bind graduate "r". */
#define NOT_BARRED                                                                                 \
  "NOT EXISTS (SELECT 1 FROM roster_barred x WHERE x.roster = r.id AND x.account = ?1)"

/**
 * rtk_server_roster_unbind:
 * @self: a store, in a transaction
 * @roster: id of a graduate
 * @bars: whether the account cannot bind the graduate again
 * @actor: for the audit log
 * @error: return location
 *
 * Frees a graduate from the account that bound them, if there is one, with everything of theirs:
 * their orders are nobody's until the next account binds them, and the account's consent is over.
 *
 * Returns: whether the database did its part
 */
gboolean
rtk_server_roster_unbind (
    RtkServerStore *self, const char *roster, gboolean bars, const char *actor, GError **error)
{
  g_autofree char *account =
      rtk_server_db_dup_text (self->db, "SELECT account FROM roster WHERE id = ?", "s", roster);

  if (account == NULL)
    return TRUE;
  return (!bars ||
          rtk_server_db_run (self->db, error,
                             "INSERT INTO roster_barred (roster, account, at) VALUES (?, ?, ?)"
                             " ON CONFLICT DO NOTHING",
                             "ssi", roster, account, g_get_real_time ())) &&
         rtk_server_db_run (self->db, error, "UPDATE roster SET account = NULL WHERE id = ?", "s",
                            roster) &&
         rtk_server_db_run (self->db, error,
                            "UPDATE orders SET account = NULL WHERE roster = ? AND account = ?",
                            "ss", roster, account) &&
         rtk_server_audit_add (self, actor, "code.unbind", roster, "{}", error) &&
         rtk_server_consent_clear (self, roster, actor, error) &&
         rtk_server_graduate_announce (self, roster, error);
}

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
         /* What was ordered at the desk, or before the desk freed it, is theirs. */
         rtk_server_db_run (store->db, error,
                            "UPDATE orders SET account = ? WHERE roster = ? AND account IS NULL"
                            " AND payment <> 'closed'",
                            "ss", call->principal, roster) &&
         rtk_server_audit_add (store, call->actor, "code.bind", roster,
                               unproved ? "{\"unproved\":true}" : "{}", error) &&
         /* Stations know the code by its digest, and show whose account it is. */
         rtk_server_graduate_announce (store, roster, error);
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
      store->db,
      "SELECT r.id FROM roster r WHERE r.code_digest = ?2 AND r.account IS NULL AND " NOT_BARRED,
      "ss", call->principal, digest);
  by_number = rtk_server_db_dup_text (
      store->db,
      "SELECT r.id FROM roster r WHERE r.number_digest = ?3 AND r.code_digest IS NULL"
      " AND r.account IS NULL AND NOT EXISTS (SELECT 1 FROM roster x WHERE x.code_digest = ?2)"
      " AND " NOT_BARRED,
      "sss", call->principal, digest, number_digest);
  roster = by_code != NULL ? by_code : by_number;
  if (roster == NULL)
    return rtk_server_lockout_add_wrong_code (store, call, error) &&
           rtk_server_call_fail (call, 404, "not-on-roster",
                                 "No graduate is expected under this code and number.");
  return bind_code (store, call, roster, code, by_code == NULL, error) &&
         answer_bound (store, call, roster, error);
}
