/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-call.h"

#include <sodium.h>
#include <string.h>

/* Accounts that nobody can get into: the desk, which sees who stands there, helps. */

/* Letters and digits that nobody takes for another: 59 bits. */
#define LETTERS "abcdefghjkmnpqrstuvwxyz23456789"
#define PASSWORD_LENGTH 12
/* How long it can be used. */
#define PASSWORD_USEC G_TIME_SPAN_DAY

static char *
make_password (void)
{
  char *password = g_malloc0 (PASSWORD_LENGTH + 1);

  for (guint i = 0; i < PASSWORD_LENGTH; i++)
    password[i] = LETTERS[randombytes_uniform (strlen (LETTERS))];
  return password;
}

/* Why, in the words of who did it. */
static gboolean
audit (RtkServerStore *store,
       RtkServerCall  *call,
       const char     *action,
       const char     *account,
       GError        **error)
{
  g_auto (RtkServerJson) detail = {NULL, FALSE};

  rtk_server_json_init (&detail);
  rtk_server_json_begin (&detail, NULL, '{');
  rtk_server_json_string (&detail, "reason", rtk_server_call_get_string (call, "reason"));
  rtk_server_json_end (&detail, '}');
  return rtk_server_audit_add (store, call->actor, action, account, detail.text->str, error);
}

/* The account of the number that was given; else the call is answered, unless there is an error. */
static char *
find_account (RtkServerStore *store, RtkServerCall *call, GError **error)
{
  g_autofree char *phone = rtk_server_phone_normalise (rtk_server_call_get_string (call, "phone"));
  g_autofree char *digest =
      phone != NULL ? rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_PHONE, phone) : NULL;
  g_autofree char *account = NULL;

  if (rtk_server_search_is_closed (store, call))
    return NULL;
  account = rtk_server_db_dup_text (store->db, "SELECT id FROM accounts WHERE phone_digest = ?",
                                    "s", digest);
  if (account != NULL)
    return g_steal_pointer (&account);
  if (rtk_server_search_note (store, call, "phone", NULL, 0, TRUE, error))
    rtk_server_call_not_found (call);
  return NULL;
}

static gboolean
write_password (RtkServerStore *store,
                RtkServerCall  *call,
                const char     *account,
                const char     *roster,
                const char     *hash,
                gint64          until,
                GError        **error)
{
  g_autofree char *phone = rtk_server_phone_normalise (rtk_server_call_get_string (call, "phone"));

  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_string (&call->answer, "account", account);
  if (roster == NULL)
    rtk_server_json_string (&call->answer, "graduate", NULL);
  else if (!rtk_server_graduate_write (store, &call->answer, "graduate", roster, error))
    return FALSE;
  return rtk_server_db_run (store->db, error,
                            "UPDATE accounts SET password = ?, password_until = ? WHERE id = ?",
                            "sis", hash, until, account) &&
         rtk_server_db_run (store->db, error, "DELETE FROM sessions WHERE principal = ?", "s",
                            account) &&
         rtk_server_lockout_forget (store, "account", phone, error) &&
         audit (store, call, "account.reset", account, error) &&
         rtk_server_db_commit (store->db, error);
}

/* POST /v1/accounts/reset: who forgot the password gets one for a day, which must be changed. */
RTK_SERVER_HANDLER (account_reset)
{
  g_autofree char *password = make_password ();
  g_autofree char *hash = rtk_server_password_hash (password, FALSE, error);
  g_autofree char *account = NULL;
  g_autofree char *roster = NULL;
  gint64           until = g_get_real_time () + PASSWORD_USEC;
  gboolean         ok;

  if (hash == NULL || !rtk_server_db_begin (store->db, TRUE, error))
    return FALSE;
  account = find_account (store, call, error);
  if (account == NULL) {
    rtk_server_db_rollback (store->db);
    return call->status != 0;
  }
  roster = rtk_server_db_dup_text (
      store->db, "SELECT id FROM roster WHERE account = ? ORDER BY id LIMIT 1", "s", account);
  /* It says that the phone has an account: counted like a phone that has none. */
  if (roster != NULL && g_strcmp0 (roster, rtk_server_call_get_string (call, "roster")) != 0)
    return rtk_server_search_note (store, call, "phone", roster, 0, TRUE, error) &&
           rtk_server_call_fail (call, 409, "other-graduate",
                                 "The account is of another graduate than the one at the desk.");
  ok = write_password (store, call, account, roster, hash, until, error);
  if (ok) {
    rtk_server_json_string (&call->answer, "password", password);
    rtk_server_json_time (&call->answer, "until", until);
    rtk_server_json_end (&call->answer, '}');
    rtk_server_call_add_header (call, "Cache-Control", "no-store");
    call->status = 200;
  }
  sodium_memzero (password, strlen (password));
  return ok;
}

/* Whoever they were, the code and the orders can be bound by a new account. */
static gboolean
unbind_all (RtkServerStore *store, RtkServerCall *call, const char *account, GError **error)
{
  for (;;) {
    g_autofree char *roster = rtk_server_db_dup_text (
        store->db, "SELECT id FROM roster WHERE account = ? ORDER BY id LIMIT 1", "s", account);

    if (roster == NULL)
      return TRUE;
    if (!rtk_server_roster_unbind (store, roster, FALSE, call->actor, error))
      return FALSE;
  }
}

/* POST /v1/accounts/release: the number is somebody else's than who registered it. The account is
 * nobody's any more. */
RTK_SERVER_HANDLER (account_release)
{
  g_autofree char *account = find_account (store, call, error);
  g_autofree char *context = g_strconcat ("phone:", account != NULL ? account : "", NULL);
  g_autofree char *digest = g_strconcat ("released:", account != NULL ? account : "", NULL);
  g_autoptr (GBytes) nothing = rtk_server_keys_seal (store->keys, context, "");

  if (account == NULL)
    return call->status != 0;
  call->status = 204;
  return rtk_server_db_run (store->db, error,
                            "UPDATE accounts SET phone_digest = ?, phone_cipher = ?, password = ''"
                            " WHERE id = ?",
                            "sbs", digest, nothing, account) &&
         rtk_server_db_run (store->db, error, "DELETE FROM sessions WHERE principal = ?", "s",
                            account) &&
         unbind_all (store, call, account, error) &&
         audit (store, call, "account.release", account, error);
}
