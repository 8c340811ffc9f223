/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
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
 * @is_staff: as when it was hashed
 *
 * Returns: whether @password is the one that was hashed
 */
gboolean
rtk_server_password_check (const char *hash, const char *password, gboolean is_staff)
{
  static gsize once = 0;
  static char *decoys[2] = {NULL, NULL};
  const char  *against;

  /* A name that does not exist costs the same time as a wrong password. */
  if (g_once_init_enter (&once)) {
    decoys[0] = rtk_server_password_hash ("decoy", FALSE, NULL);
    decoys[1] = rtk_server_password_hash ("decoy", TRUE, NULL);
    g_once_init_leave (&once, 1);
  }
  against = hash != NULL ? hash : decoys[is_staff ? 1 : 0];
  return against != NULL && crypto_pwhash_str_verify (against, password, strlen (password)) == 0 &&
         hash != NULL;
}

static gboolean
write_tokens (RtkServerStore *store,
              RtkServerCall  *call,
              const char     *access,
              const char     *refresh,
              const char     *name,
              const char     *role,
              const char     *station,
              GError        **error)
{
  rtk_server_json_begin (&call->answer, NULL, '{');
  g_free (call->issued);
  call->issued = g_strdup (access);
  rtk_server_json_string (&call->answer, "access_token", access);
  rtk_server_json_string (&call->answer, "refresh_token", refresh);
  rtk_server_json_int (&call->answer, "expires_in", store->config->access_seconds);
  if (role != NULL) {
    rtk_server_json_string (&call->answer, "user", name);
    rtk_server_json_string (&call->answer, "role", role);
    if (!rtk_server_grant_write (store, &call->answer, name, role, station, error))
      return FALSE;
  } else {
    rtk_server_json_string (&call->answer, "account", name);
    if (!rtk_server_account_write (store, &call->answer, name, error))
      return FALSE;
  }
  rtk_server_json_end (&call->answer, '}');
  return TRUE;
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
                          " refresh_hash, refresh_until, created_at)"
                          " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                          "ssssisii", id, kind, principal, access_hash,
                          now + store->config->access_seconds * G_USEC_PER_SEC, refresh_hash,
                          now + store->config->refresh_seconds * G_USEC_PER_SEC, now))
    return FALSE;
  return write_tokens (store, call, access, refresh, name, role, NULL, error);
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
 * rtk_server_role_of_who:
 * @who: of a call by a member of staff
 *
 * Returns: name of their role
 */
const char *
rtk_server_role_of_who (guint who)
{
  if (who == RTK_SERVER_SUPERVISOR)
    return "supervisor";
  return who == RTK_SERVER_REVIEWER ? "reviewer" : "operator";
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
  const char    *header = rtk_server_call_get_header (call, "authorization");
  RtkServerRows *row;
  char           hash[65];

  if (header == NULL || g_ascii_strncasecmp (header, "Bearer ", 7) != 0)
    return TRUE;
  rtk_sha256_hex ((const guint8 *)header + 7, strlen (header + 7), hash);
  row = rtk_server_db_query (
      store->db, error,
      "SELECT x.id, x.kind, x.principal, x.station, s.name, s.role, x.access_until,"
      " a.password_until FROM sessions x"
      " LEFT JOIN accounts a ON x.kind = 'account' AND a.id = x.principal"
      " LEFT JOIN staff s ON x.kind = 'staff' AND s.id = x.principal AND s.enabled = 1"
      " WHERE x.access_hash = ? AND x.access_until > ?",
      "si", hash, g_get_real_time ());
  if (rtk_server_db_next (store->db, row, error)) {
    gboolean is_account = strcmp (rtk_server_db_text (row, 1), "account") == 0;

    call->who =
        is_account ? RTK_SERVER_ACCOUNT : rtk_server_role_to_who (rtk_server_db_text (row, 5));
    call->session = g_strdup (rtk_server_db_text (row, 0));
    call->session_until = rtk_server_db_int (row, 6);
    call->principal = g_strdup (rtk_server_db_text (row, 2));
    call->station = g_strdup (rtk_server_db_text (row, 3));
    call->name = g_strdup (rtk_server_db_text (row, 4));
    call->must_change = !rtk_server_db_is_null (row, 7);
    call->actor = is_account ? g_strconcat ("account:", call->principal, NULL)
                             : g_strconcat ("staff:", call->name, NULL);
  }
  return rtk_server_db_end (row);
}

/* What is known of a member of staff who signs in. */
typedef struct {
  char *id;
  char *hash;
  char *role;
  char *name;
} Person;

static void
person_clear (Person *person)
{
  g_free (person->id);
  g_free (person->hash);
  g_free (person->role);
  g_free (person->name);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Person, person_clear)

static gboolean
find_person (RtkServerStore *store, const char *name, Person *out, GError **error)
{
  g_autofree char *id = rtk_server_staff_find (store, name);
  RtkServerRows   *row = rtk_server_db_query (store->db, error,
                                              "SELECT id, password, role, name FROM staff"
                                                " WHERE id = ? AND enabled = 1",
                                              "s", id);

  if (row == NULL)
    return FALSE;
  if (rtk_server_db_next (store->db, row, NULL)) {
    out->id = g_strdup (rtk_server_db_text (row, 0));
    out->hash = g_strdup (rtk_server_db_text (row, 1));
    out->role = g_strdup (rtk_server_db_text (row, 2));
    out->name = g_strdup (rtk_server_db_text (row, 3));
  }
  rtk_server_db_end (row);
  return TRUE;
}

/* POST /v1/session */
RTK_SERVER_HANDLER (session_open)
{
  const char *user = rtk_server_call_get_string (call, "user");
  g_auto (Person) person = {NULL, NULL, NULL, NULL};

  if (!rtk_server_lockout_count (store, call, "staff", user, error))
    return FALSE;
  if (call->status != 0)
    return TRUE;
  if (!find_person (store, user, &person, error))
    return FALSE;
  if (!rtk_server_password_check (person.hash, rtk_server_call_get_string (call, "password"), TRUE))
    return rtk_server_call_fail (call, 401, "wrong-password", "The name or the password is wrong.");
  if (!rtk_server_db_begin (store->db, TRUE, error))
    return FALSE;
  /* Hashing took its time: they may have been disabled, or given another role, meanwhile. */
  if (rtk_server_db_get_int (store->db, 0,
                             "SELECT EXISTS (SELECT 1 FROM staff WHERE id = ? AND enabled = 1"
                             " AND password = ? AND role = ?)",
                             "sss", person.id, person.hash, person.role) == 0) {
    rtk_server_db_rollback (store->db);
    return rtk_server_call_fail (call, 401, "wrong-password", "The name or the password is wrong.");
  }
  if (!rtk_server_lockout_clear (store, call, "staff", user, error) ||
      !rtk_server_session_start (store, call, "staff", person.id, person.name, person.role, error))
    return FALSE;
  call->status = 201;
  return rtk_server_db_commit (store->db, error);
}

/* Finds the session of a refresh token. When its answer was lost, the token before is as good for
 * a moment, once; later somebody has it who should not: whose session it is cannot be told, so it
 * ends. @out_id stays %NULL when there is none. */
static gboolean
find_refresh (RtkServerStore *store,
              const char     *hash,
              gint64          now,
              char          **out_id,
              char          **out_next,
              GError        **error)
{
  g_autofree char *stolen = NULL;

  *out_id = rtk_server_db_dup_text (
      store->db, "SELECT id FROM sessions WHERE refresh_hash = ? AND refresh_until > ?", "si", hash,
      now);
  if (*out_id != NULL) {
    *out_next = g_strdup (hash);
    return TRUE;
  }
  *out_id = rtk_server_db_dup_text (store->db,
                                    "SELECT id FROM sessions WHERE refresh_before = ?"
                                    " AND refresh_before_until > ? AND refresh_until > ?",
                                    "sii", hash, now, now);
  if (*out_id != NULL) {
    *out_next = rtk_server_db_dup_text (store->db, "SELECT refresh_hash FROM sessions WHERE id = ?",
                                        "s", *out_id);
    return TRUE;
  }
  stolen = rtk_server_db_dup_text (store->db, "SELECT id FROM sessions WHERE refresh_before = ?",
                                   "s", hash);
  /* The answer is a problem, which undoes what is not committed. */
  return stolen == NULL ||
         (rtk_server_db_run (store->db, error, "DELETE FROM sessions WHERE id = ?", "s", stolen) &&
          rtk_server_audit_add (store, "server", "session.stolen", stolen, "{}", error) &&
          rtk_server_db_commit (store->db, error));
}

/* The name and role of whom session @id is of, and its station; FALSE when it is nobody's. */
static gboolean
find_owner (RtkServerStore *store, const char *id, Person *out, char **out_station)
{
  RtkServerRows *row = rtk_server_db_query (
      store->db, NULL,
      "SELECT coalesce (s.name, x.principal), s.role, x.station FROM sessions x"
      " LEFT JOIN staff s ON x.kind = 'staff' AND s.id = x.principal"
      " WHERE x.id = ? AND (x.kind = 'account' OR s.enabled = 1)",
      "s", id);
  gboolean found = rtk_server_db_next (store->db, row, NULL);

  if (found) {
    out->name = g_strdup (rtk_server_db_text (row, 0));
    out->role = g_strdup (rtk_server_db_text (row, 1));
    *out_station = g_strdup (rtk_server_db_text (row, 2));
  }
  rtk_server_db_end (row);
  return found;
}

/* POST /v1/session/refresh: the old pair of tokens ends with the first use of the new one, or after
 * a moment. */
RTK_SERVER_HANDLER (session_refresh)
{
  const char      *old = rtk_server_call_get_string (call, "refresh_token");
  gint64           now = g_get_real_time ();
  char             old_hash[65];
  char             access_hash[65];
  char             refresh_hash[65];
  g_autofree char *access = make_token (access_hash);
  g_autofree char *refresh = make_token (refresh_hash);
  g_autofree char *id = NULL;
  g_autofree char *before = NULL;
  g_autofree char *station = NULL;
  g_auto (Person) person = {NULL, NULL, NULL, NULL};
  gint64 grace = store->config->refresh_grace_seconds * G_USEC_PER_SEC;

  rtk_sha256_hex ((const guint8 *)old, strlen (old), old_hash);
  if (!find_refresh (store, old_hash, now, &id, &before, error))
    return FALSE;
  if (id == NULL || !find_owner (store, id, &person, &station))
    return rtk_server_call_fail (call, 401, "session-over", "The session is over. Sign in again.");
  /* Asked for a second time: the pair of the first answer is nobody's, and whoever shows it later
     has it from there. */
  if (strcmp (before, old_hash) != 0)
    grace = 0;
  if (!rtk_server_db_run (store->db, error,
                          "UPDATE sessions SET access_hash = ?, access_until = ?, refresh_hash = ?,"
                          " refresh_until = ?, refresh_before = ?, refresh_before_until = ?"
                          " WHERE id = ?",
                          "sisisis", access_hash,
                          now + store->config->access_seconds * G_USEC_PER_SEC, refresh_hash,
                          now + store->config->refresh_seconds * G_USEC_PER_SEC, before,
                          now + grace, id))
    return FALSE;
  call->status = 200;
  return write_tokens (store, call, access, refresh, person.name, person.role, station, error);
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
  g_autoptr (GError) own = NULL;

  if (!is_bootstrap_secret (call))
    return rtk_server_call_fail (call, 403, "forbidden", "This server cannot be set up this way.");
  if (!rtk_server_name_is_valid (user) || g_utf8_strlen (password, -1) < RTK_SERVER_MIN_PASSWORD)
    return rtk_server_call_fail (call, 422, "bad-member",
                                 "A name without control characters and a password of at least"
                                 " eight characters are needed.");
  if (rtk_server_db_get_int (store->db, 1,
                             "SELECT EXISTS (SELECT 1 FROM staff WHERE enabled = 1"
                             " AND role = 'supervisor')",
                             "") != 0)
    return rtk_server_call_fail (call, 409, "already-set-up", "There is a supervisor already.");
  if (!rtk_server_staff_add (store, user, "supervisor", password, "bootstrap", &own)) {
    if (g_error_matches (own, RTK_ERROR, RTK_ERROR_EXISTS))
      return rtk_server_call_fail (call, 409, "name-taken",
                                   "There is a member of staff of this name already.");
    g_propagate_error (error, g_steal_pointer (&own));
    return FALSE;
  }
  id = rtk_server_staff_find (store, user);
  if (!rtk_server_db_begin (store->db, TRUE, error) ||
      !rtk_server_session_start (store, call, "staff", id, user, "supervisor", error))
    return FALSE;
  call->status = 201;
  return rtk_server_db_commit (store->db, error);
}

static gboolean
set_password (RtkServerStore *store,
              RtkServerCall  *call,
              const char     *old_hash,
              const char     *new_hash,
              GError        **error)
{
  gboolean    is_staff = call->who != RTK_SERVER_ACCOUNT;
  const char *action = is_staff ? "staff.password" : "account.password";

  if (!rtk_server_db_begin (store->db, TRUE, error) ||
      !rtk_server_lockout_clear (store, call, "own", call->principal, error) ||
      (is_staff &&
       !rtk_server_db_run (store->db, error,
                           "UPDATE staff SET password = ?, updated_at = ? WHERE id = ?"
                           " AND password = ? AND enabled = 1",
                           "siss", new_hash, g_get_real_time (), call->principal, old_hash)) ||
      (!is_staff &&
       !rtk_server_db_run (store->db, error,
                           "UPDATE accounts SET password = ?, password_until = NULL WHERE id = ?"
                           " AND password = ?",
                           "sss", new_hash, call->principal, old_hash)))
    return FALSE;
  if (rtk_server_db_get_changes (store->db) != 1) {
    rtk_server_db_rollback (store->db);
    return rtk_server_call_fail (call, 403, "wrong-password", "The password is wrong.");
  }
  /* Whoever learnt the old password is out. */
  call->status = 204;
  return rtk_server_db_run (store->db, error,
                            "DELETE FROM sessions WHERE principal = ? AND id <> ?", "ss",
                            call->principal, call->session) &&
         rtk_server_audit_add (store, call->actor, action, call->principal, "{\"by\":\"self\"}",
                               error) &&
         rtk_server_db_commit (store->db, error);
}

/* POST /v1/session/password: one's own. */
RTK_SERVER_HANDLER (session_password)
{
  gboolean         is_staff = call->who != RTK_SERVER_ACCOUNT;
  const char      *wanted = rtk_server_call_get_string (call, "new_password");
  g_autofree char *hash = NULL;
  g_autofree char *new_hash = NULL;

  if (g_utf8_strlen (wanted, -1) < RTK_SERVER_MIN_PASSWORD)
    return rtk_server_call_fail (call, 422, "bad-member",
                                 "A password of at least eight characters is needed.");
  if (!rtk_server_lockout_count (store, call, "own", call->principal, error))
    return FALSE;
  if (call->status != 0)
    return TRUE;
  hash = is_staff ? rtk_server_db_dup_text (store->db, "SELECT password FROM staff WHERE id = ?",
                                            "s", call->principal)
                  : rtk_server_db_dup_text (store->db, "SELECT password FROM accounts WHERE id = ?",
                                            "s", call->principal);
  if (!rtk_server_password_check (hash, rtk_server_call_get_string (call, "password"), is_staff))
    return rtk_server_call_fail (call, 403, "wrong-password", "The password is wrong.");
  new_hash = rtk_server_password_hash (wanted, is_staff, error);
  return new_hash != NULL && set_password (store, call, hash, new_hash, error);
}
