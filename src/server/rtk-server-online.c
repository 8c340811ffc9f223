/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-id.h"
#include "server/rtk-server-gold.h"

#include <string.h>

/* The online side: what the graduates' mini-program calls. */

/* Of one order: who needs more is helped at the desk. */
#define MAX_SUBMISSIONS 50

/* POST /v1/online/accounts: answers with a session, too. */
RTK_SERVER_HANDLER (online_account)
{
  g_autofree char *phone = rtk_server_phone_normalise (rtk_server_call_get_string (call, "phone"));
  const char      *password = rtk_server_call_get_string (call, "password");
  const char      *role = rtk_server_call_get_string (call, "role");
  gint64           now = g_get_real_time ();
  g_autofree char *id = rtk_id_new (now);
  g_autofree char *context = g_strconcat ("phone:", id, NULL);
  g_autofree char *digest = NULL;
  g_autofree char *hash = NULL;
  g_autoptr (GBytes) cipher = NULL;

  if (!rtk_server_account_role_is_valid (role))
    return rtk_server_call_fail (call, 422, "bad-member",
                                 "An account is the graduate's or a guardian's.");
  if (phone == NULL || g_utf8_strlen (password, -1) < RTK_SERVER_MIN_PASSWORD)
    return rtk_server_call_fail (call, 422, "bad-member",
                                 "A phone number and a password of at least eight characters are"
                                 " needed.");
  digest = rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_PHONE, phone);
  cipher = rtk_server_keys_seal (store->keys, context, phone);
  hash = rtk_server_password_hash (password, FALSE, error);
  if (hash == NULL || !rtk_server_db_begin (store->db, TRUE, error) ||
      !rtk_server_db_run (store->db, error,
                          "INSERT INTO accounts (id, phone_digest, phone_cipher, password, role,"
                          " created_at) VALUES (?, ?, ?, ?, coalesce (?, 'graduate'), ?)"
                          " ON CONFLICT DO NOTHING",
                          "ssbssi", id, digest, cipher, hash, role, now))
    return FALSE;
  if (rtk_server_db_get_changes (store->db) != 1) {
    rtk_server_db_rollback (store->db);
    return rtk_server_call_fail (call, 409, "account-exists", "This account cannot be made.");
  }
  if (!rtk_server_lockout_clear (store, call, "account", phone, error) ||
      !rtk_server_session_start (store, call, "account", id, id, NULL, error))
    return FALSE;
  call->status = 201;
  return rtk_server_db_commit (store->db, error);
}

/* POST /v1/online/session */
RTK_SERVER_HANDLER (online_session)
{
  const char      *typed = rtk_server_call_get_string (call, "phone");
  g_autofree char *spelled = rtk_server_phone_normalise (typed);
  const char      *phone = spelled != NULL ? spelled : typed;
  g_autofree char *digest = rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_PHONE, phone);
  g_autofree char *id = rtk_server_db_dup_text (
      store->db, "SELECT id FROM accounts WHERE phone_digest = ?", "s", digest);
  g_autofree char *hash = rtk_server_db_dup_text (
      store->db, "SELECT password FROM accounts WHERE phone_digest = ?", "s", digest);

  if (!rtk_server_lockout_count (store, call, "account", phone, error))
    return FALSE;
  if (call->status != 0)
    return TRUE;
  if (!rtk_server_password_check (hash, rtk_server_call_get_string (call, "password"), FALSE))
    return rtk_server_call_fail (call, 401, "wrong-password", "The name or the password is wrong.");
  if (!rtk_server_db_begin (store->db, TRUE, error))
    return FALSE;
  /* Hashing took its time: the password may be another one meanwhile. */
  if (rtk_server_db_get_int (store->db, 0,
                             "SELECT EXISTS (SELECT 1 FROM accounts WHERE id = ? AND password = ?"
                             " AND (password_until IS NULL OR password_until > ?))",
                             "ssi", id, hash, g_get_real_time ()) == 0) {
    rtk_server_db_rollback (store->db);
    return rtk_server_call_fail (call, 401, "wrong-password", "The name or the password is wrong.");
  }
  if (!rtk_server_lockout_clear (store, call, "account", phone, error) ||
      !rtk_server_session_start (store, call, "account", id, id, NULL, error))
    return FALSE;
  call->status = 201;
  return rtk_server_db_commit (store->db, error);
}

/* The caller's own order: its payment state, NULL when there is none. */
static char *
find_own_order (RtkServerStore *store, RtkServerCall *call)
{
  char *payment =
      rtk_server_db_dup_text (store->db, "SELECT payment FROM orders WHERE id = ? AND account = ?",
                              "ss", call->params[0], call->principal);

  if (payment == NULL)
    rtk_server_call_not_found (call);
  return payment;
}

static gboolean
owns_photo (RtkServerStore *store, RtkServerCall *call, const char *member)
{
  g_autofree char *owner = g_strconcat ("account:", call->principal, NULL);

  return rtk_server_db_get_int (
             store->db, 0,
             "SELECT EXISTS (SELECT 1 FROM photo_owners WHERE sha256 = ? AND owner = ?)", "ss",
             rtk_server_call_get_string (call, member), owner) != 0;
}

/* Every page of the feed that has the order shows all of them. */
static gboolean
has_too_many (RtkServerStore *store, RtkServerCall *call)
{
  return rtk_server_db_get_int (store->db, 0,
                                "SELECT count (*) FROM submissions WHERE order_id = ?", "s",
                                call->params[0]) >= MAX_SUBMISSIONS;
}

/* POST /v1/online/orders/{id}/submission: as often as wanted until it is paid for. */
RTK_SERVER_HANDLER (online_submission)
{
  const char      *id = rtk_server_call_get_string (call, "id");
  g_autofree char *payment = find_own_order (store, call);
  g_autofree char *known =
      rtk_server_db_dup_text (store->db, "SELECT order_id FROM submissions WHERE id = ?", "s", id);
  RtkServerSubmission submission = {
      .id = id,
      .order_id = call->params[0],
      .origin = "online",
      .original = rtk_server_call_get_string (call, "original"),
      .delivered = rtk_server_call_get_string (call, "delivered"),
      .report = rtk_server_call_get_string (call, "report"),
      .overrides = "[]",
      .actor = call->actor,
      .detail = "{}",
  };

  if (payment == NULL)
    return TRUE;
  if (known != NULL)
    return strcmp (known, call->params[0]) == 0 &&
                   !rtk_server_request_differs (store, call, "submission")
               ? rtk_server_order_answer (store, call, call->params[0], 200, error)
               : rtk_server_call_fail (call, 409, "id-reused",
                                       "This id belongs to another submission.");
  if (strcmp (payment, "unpaid") != 0)
    return rtk_server_call_fail (call, 409, "locked", "The photo of a paid order is locked.");
  if (!rtk_server_consent_is_there (store, call->params[0]))
    return rtk_server_call_fail (call, 409, "consent-missing",
                                 "The graduate's consent to face processing is needed first.");
  if (has_too_many (store, call))
    return rtk_server_call_fail (call, 409, "too-many", "This order has had too many photos.");
  if (!owns_photo (store, call, "original") || !owns_photo (store, call, "delivered") ||
      !owns_photo (store, call, "report"))
    return rtk_server_call_fail (call, 409, "missing-photo", "Upload the photo first.");
  if (!rtk_server_db_run (
          store->db, error,
          "UPDATE submissions SET state = 'superseded', waiting = NULL WHERE order_id = ?"
          " AND state = 'submitted'",
          "s", call->params[0]) ||
      !rtk_server_submissions_add (store, &submission, 1, error) ||
      !rtk_server_request_keep (store, call, "submission", error))
    return FALSE;
  return rtk_server_order_answer (store, call, call->params[0], 201, error);
}

/* GET /v1/online/orders/{id} */
RTK_SERVER_HANDLER (online_status)
{
  g_autofree char *payment = find_own_order (store, call);

  return payment == NULL || rtk_server_order_answer (store, call, call->params[0], 200, error);
}
