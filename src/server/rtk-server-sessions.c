/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-signer.h"
#include "server/rtk-server-call.h"

#include <sodium.h>
#include <string.h>

#define TOKEN_SIZE 32
/* A graduate's password is hashed with the smaller set OWASP names (19 MiB, 2 passes). */
#define ACCOUNT_MEMORY (19 * 1024 * 1024)
#define ACCOUNT_PASSES 2

/* Text of a random token, and the hash under which it is kept: the database alone signs nobody
 * in. */
static char *
make_token (char out_hash[65])
{
  guint8 bytes[TOKEN_SIZE];
  char   text[sodium_base64_ENCODED_LEN (TOKEN_SIZE, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];

  randombytes_buf (bytes, sizeof bytes);
  sodium_bin2base64 (text, sizeof text, bytes, sizeof bytes,
                     sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  rtk_sha256_hex ((const guint8 *)text, strlen (text), out_hash);
  sodium_memzero (bytes, sizeof bytes);
  return g_strdup (text);
}

/**
 * rtk_server_password_hash:
 * @password: a password
 * @is_staff: staff pay 64 MiB, accounts of graduates 19 MiB
 * @error: return location
 *
 * Hashes with Argon2id. 20 to 100 ms; any thread but the main one.
 *
 * Returns: (transfer full): the hash with its parameters
 */
char *
rtk_server_password_hash (const char *password, gboolean is_staff, GError **error)
{
  char    hash[crypto_pwhash_STRBYTES];
  guint64 passes = is_staff ? crypto_pwhash_OPSLIMIT_INTERACTIVE : ACCOUNT_PASSES;
  gsize   memory = is_staff ? crypto_pwhash_MEMLIMIT_INTERACTIVE : ACCOUNT_MEMORY;

  if (crypto_pwhash_str (hash, password, strlen (password), passes, memory) != 0) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BACKEND, "No memory to hash a password");
    return NULL;
  }
  return g_strdup (hash);
}

/**
 * rtk_server_password_check:
 * @hash: (nullable): what rtk_server_password_hash() gave; %NULL takes as long and fails
 * @password: a password
 *
 * Returns: whether @password is the one that was hashed
 */
gboolean
rtk_server_password_check (const char *hash, const char *password)
{
  static gsize once = 0;
  static char *decoy = NULL;
  const char  *against;

  /* A name that does not exist costs the same time as a wrong password. */
  if (g_once_init_enter (&once)) {
    decoy = rtk_server_password_hash ("decoy", TRUE, NULL);
    g_once_init_leave (&once, 1);
  }
  against = hash != NULL ? hash : decoy;
  return against != NULL && crypto_pwhash_str_verify (against, password, strlen (password)) == 0 &&
         hash != NULL;
}

static void
write_tokens (RtkServerStore *store,
              RtkServerCall  *call,
              const char     *access,
              const char     *refresh,
              const char     *name,
              const char     *role)
{
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_string (&call->answer, "access_token", access);
  rtk_server_json_string (&call->answer, "refresh_token", refresh);
  rtk_server_json_int (&call->answer, "expires_in", store->config->access_seconds);
  if (role != NULL) {
    rtk_server_json_string (&call->answer, "user", name);
    rtk_server_json_string (&call->answer, "role", role);
  } else {
    rtk_server_json_string (&call->answer, "account", name);
  }
  rtk_server_json_end (&call->answer, '}');
}

/**
 * rtk_server_session_start:
 * @store: a store, in a transaction
 * @call: is answered with the tokens; its status is left to the caller
 * @kind: "staff" or "account"
 * @principal: id of who signs in
 * @name: shown name of staff, or the account's id
 * @role: (nullable): role of staff
 * @error: return location
 *
 * Starts a session.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_session_start (RtkServerStore *store,
                          RtkServerCall  *call,
                          const char     *kind,
                          const char     *principal,
                          const char     *name,
                          const char     *role,
                          GError        **error)
{
  gint64           now = g_get_real_time ();
  g_autofree char *id = rtk_id_new (now);
  char             access_hash[65];
  char             refresh_hash[65];
  g_autofree char *access = make_token (access_hash);
  g_autofree char *refresh = make_token (refresh_hash);

  if (!rtk_server_db_run (store->db, error, "DELETE FROM sessions WHERE refresh_until < ?", "i",
                          now) ||
      !rtk_server_db_run (store->db, error,
                          "INSERT INTO sessions (id, kind, principal, access_hash, access_until,"
                          " refresh_hash, refresh_until) VALUES (?, ?, ?, ?, ?, ?, ?)",
                          "ssssisi", id, kind, principal, access_hash,
                          now + store->config->access_seconds * G_USEC_PER_SEC, refresh_hash,
                          now + store->config->refresh_seconds * G_USEC_PER_SEC))
    return FALSE;
  write_tokens (store, call, access, refresh, name, role);
  return TRUE;
}

/**
 * rtk_server_role_to_who:
 * @role: (nullable): name of a role of staff
 *
 * Returns: its bit of #RtkServerWho, 0 for none
 */
guint
rtk_server_role_to_who (const char *role)
{
  if (g_strcmp0 (role, "operator") == 0)
    return RTK_SERVER_OPERATOR;
  if (g_strcmp0 (role, "reviewer") == 0)
    return RTK_SERVER_REVIEWER;
  if (g_strcmp0 (role, "supervisor") == 0)
    return RTK_SERVER_SUPERVISOR;
  return 0;
}

/**
 * rtk_server_session_find:
 * @store: a store
 * @call: a call; who it is from is filled in, nobody when its token is missing, wrong or old
 * @error: return location
 *
 * Finds out who calls.
 *
 * Returns: whether the database could be asked
 */
gboolean
rtk_server_session_find (RtkServerStore *store, RtkServerCall *call, GError **error)
{
  const char *header = rtk_server_call_get_header (call, "authorization");
  g_autoptr (GError) local_error = NULL;
  RtkServerRows *row;
  char           hash[65];

  if (header == NULL || g_ascii_strncasecmp (header, "Bearer ", 7) != 0)
    return TRUE;
  rtk_sha256_hex ((const guint8 *)header + 7, strlen (header + 7), hash);
  row = rtk_server_db_query (
      store->db, &local_error,
      "SELECT x.id, x.kind, x.principal, x.station, s.name, s.role, x.access_until"
      " FROM sessions x"
      " LEFT JOIN staff s ON x.kind = 'staff' AND s.id = x.principal AND s.enabled = 1"
      " WHERE x.access_hash = ? AND x.access_until > ?",
      "si", hash, g_get_real_time ());
  if (rtk_server_db_next (store->db, row, &local_error)) {
    gboolean is_account = strcmp (rtk_server_db_text (row, 1), "account") == 0;

    call->who =
        is_account ? RTK_SERVER_ACCOUNT : rtk_server_role_to_who (rtk_server_db_text (row, 5));
    call->session = g_strdup (rtk_server_db_text (row, 0));
    call->session_until = rtk_server_db_int (row, 6);
    call->principal = g_strdup (rtk_server_db_text (row, 2));
    call->station = g_strdup (rtk_server_db_text (row, 3));
    call->name = g_strdup (rtk_server_db_text (row, 4));
    call->actor = is_account ? g_strconcat ("account:", call->principal, NULL)
                             : g_strconcat ("staff:", call->name, NULL);
  }
  rtk_server_db_end (row);
  if (local_error != NULL) {
    g_propagate_error (error, g_steal_pointer (&local_error));
    return FALSE;
  }
  return TRUE;
}

/* POST /v1/session */
RTK_SERVER_HANDLER (session_open)
{
  const char      *user = rtk_server_call_get_string (call, "user");
  g_autofree char *id = NULL;
  g_autofree char *hash = NULL;
  g_autofree char *role = NULL;
  g_autofree char *name = NULL;
  RtkServerRows   *row;

  row = rtk_server_db_query (store->db, error,
                             "SELECT id, password, role, name FROM staff"
                             " WHERE lower (name) = lower (?) AND enabled = 1",
                             "s", user);
  if (row == NULL)
    return FALSE;
  if (rtk_server_db_next (store->db, row, NULL)) {
    id = g_strdup (rtk_server_db_text (row, 0));
    hash = g_strdup (rtk_server_db_text (row, 1));
    role = g_strdup (rtk_server_db_text (row, 2));
    name = g_strdup (rtk_server_db_text (row, 3));
  }
  rtk_server_db_end (row);
  if (!rtk_server_password_check (hash, rtk_server_call_get_string (call, "password")))
    return rtk_server_call_fail (call, 401, "wrong-password", "The name or the password is wrong.");
  if (!rtk_server_db_begin (store->db, TRUE, error) ||
      !rtk_server_session_start (store, call, "staff", id, name, role, error))
    return FALSE;
  call->status = 201;
  return rtk_server_db_commit (store->db, error);
}

/* POST /v1/session/refresh: the old pair of tokens ends with its use. */
RTK_SERVER_HANDLER (session_refresh)
{
  const char      *old = rtk_server_call_get_string (call, "refresh_token");
  gint64           now = g_get_real_time ();
  char             old_hash[65];
  char             access_hash[65];
  char             refresh_hash[65];
  g_autofree char *access = make_token (access_hash);
  g_autofree char *refresh = make_token (refresh_hash);
  RtkServerRows   *row;

  rtk_sha256_hex ((const guint8 *)old, strlen (old), old_hash);
  if (!rtk_server_db_run (store->db, error,
                          "UPDATE sessions SET access_hash = ?, access_until = ?, refresh_hash = ?,"
                          " refresh_until = ? WHERE refresh_hash = ? AND refresh_until > ?"
                          " AND (kind = 'account' OR EXISTS (SELECT 1 FROM staff s"
                          " WHERE s.id = principal AND s.enabled = 1))",
                          "sisisi", access_hash,
                          now + store->config->access_seconds * G_USEC_PER_SEC, refresh_hash,
                          now + store->config->refresh_seconds * G_USEC_PER_SEC, old_hash, now))
    return FALSE;
  if (rtk_server_db_get_changes (store->db) != 1)
    return rtk_server_call_fail (call, 401, "session-over", "The session is over. Sign in again.");
  row = rtk_server_db_query (store->db, error,
                             "SELECT coalesce (s.name, x.principal), s.role FROM sessions x"
                             " LEFT JOIN staff s ON x.kind = 'staff' AND s.id = x.principal"
                             " WHERE x.refresh_hash = ?",
                             "s", refresh_hash);
  if (!rtk_server_db_next (store->db, row, error))
    return FALSE;
  write_tokens (store, call, access, refresh, rtk_server_db_text (row, 0),
                rtk_server_db_text (row, 1));
  rtk_server_db_end (row);
  call->status = 200;
  return TRUE;
}

/* DELETE /v1/session */
RTK_SERVER_HANDLER (session_close)
{
  call->status = 204;
  return rtk_server_db_run (store->db, error, "DELETE FROM sessions WHERE id = ?", "s",
                            call->session);
}

static gboolean
is_bootstrap_secret (RtkServerCall *call)
{
  const char *given = rtk_server_call_get_string (call, "secret");
  guint8      a[crypto_hash_sha256_BYTES];
  guint8      b[crypto_hash_sha256_BYTES];

  if (call->bootstrap == NULL)
    return FALSE;
  crypto_hash_sha256 (a, (const guint8 *)given, strlen (given));
  crypto_hash_sha256 (b, (const guint8 *)call->bootstrap, strlen (call->bootstrap));
  return sodium_memcmp (a, b, sizeof a) == 0;
}

/* POST /v1/bootstrap: who started this server as a child makes its first supervisor. */
RTK_SERVER_HANDLER (bootstrap)
{
  const char      *user = rtk_server_call_get_string (call, "user");
  const char      *password = rtk_server_call_get_string (call, "password");
  g_autofree char *id = NULL;

  if (!is_bootstrap_secret (call))
    return rtk_server_call_fail (call, 403, "forbidden", "This server cannot be set up this way.");
  if (!rtk_server_name_is_valid (user) || strlen (password) < 8)
    return rtk_server_call_fail (call, 422, "bad-member",
                                 "A name without control characters and a password of at least"
                                 " eight characters are needed.");
  if (rtk_server_db_get_int (store->db, 1,
                             "SELECT EXISTS (SELECT 1 FROM staff WHERE enabled = 1"
                             " AND role = 'supervisor')",
                             "") != 0)
    return rtk_server_call_fail (call, 409, "already-set-up", "There is a supervisor already.");
  if (!rtk_server_staff_add (store, user, "supervisor", password, "bootstrap", error))
    return FALSE;
  id = rtk_server_db_dup_text (store->db, "SELECT id FROM staff WHERE lower (name) = lower (?)",
                               "s", user);
  if (!rtk_server_db_begin (store->db, TRUE, error) ||
      !rtk_server_session_start (store, call, "staff", id, user, "supervisor", error))
    return FALSE;
  call->status = 201;
  return rtk_server_db_commit (store->db, error);
}

/* The station proves that it holds the key it enrols. */
static gboolean
proof_is_right (RtkServerCall *call)
{
  const char      *key = rtk_server_call_get_string (call, "key");
  const char      *proof = rtk_server_call_get_string (call, "proof");
  g_autofree char *text = g_strconcat ("retake-enrol\n", key, "\n", call->name, NULL);
  guint8           signature[crypto_sign_BYTES];
  gsize            size = 0;

  return sodium_base642bin (signature, sizeof signature, proof, strlen (proof), NULL, &size, NULL,
                            sodium_base64_VARIANT_ORIGINAL) == 0 &&
         size == sizeof signature &&
         rtk_signature_check (key, (const guint8 *)text, strlen (text), signature);
}

/* POST /v1/stations */
RTK_SERVER_HANDLER (station_enrol)
{
  const char      *key = rtk_server_call_get_string (call, "key");
  gint64           now = g_get_real_time ();
  g_autofree char *id = NULL;
  guint8           code_key[RTK_SERVER_STATION_KEY_SIZE];
  g_autofree char *code_key_text = NULL;

  if (!proof_is_right (call))
    return rtk_server_call_fail (call, 422, "bad-signature", "The proof is not signed by the key.");
  id = rtk_server_db_dup_text (store->db, "SELECT id FROM stations WHERE key = ?", "s", key);
  call->status = id != NULL ? 200 : 201;
  if (id == NULL) {
    id = rtk_id_new (now);
    if (!rtk_server_db_run (store->db, error,
                            "INSERT INTO stations (id, name, key, created_by, created_at)"
                            " VALUES (?, ?, ?, ?, ?)",
                            "ssssi", id, rtk_server_call_get_string (call, "name"), key,
                            call->principal, now) ||
        !rtk_server_audit_add (store, call->actor, "station.enrol", id, "{}", error))
      return FALSE;
  }
  if (!rtk_server_db_run (store->db, error, "UPDATE sessions SET station = ? WHERE id = ?", "ss",
                          id, call->session))
    return FALSE;
  rtk_server_keys_derive_station (store->keys, id, code_key);
  code_key_text = g_base64_encode (code_key, sizeof code_key);
  sodium_memzero (code_key, sizeof code_key);
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_string (&call->answer, "station", id);
  rtk_server_json_string (&call->answer, "code_key", code_key_text);
  rtk_server_json_end (&call->answer, '}');
  return TRUE;
}
