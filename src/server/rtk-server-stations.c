/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-id.h"
#include "core/rtk-signer.h"
#include "server/rtk-server-call.h"

#include <sodium.h>
#include <string.h>

/* The station proves that it holds the key it enrols. */
static gboolean
proof_is_right (RtkServerCall *call)
{
  const char      *key = rtk_server_call_get_string (call, "key");
  const char      *proof = rtk_server_call_get_string (call, "proof");
  g_autofree char *text = g_strconcat ("retake-enrol\n", key, "\n", call->name, NULL);
  guint8           signature[crypto_sign_BYTES];

  return rtk_signature_from_text (proof, signature) &&
         rtk_signature_check (key, (const guint8 *)text, strlen (text), signature);
}

static gboolean
is_revoked (RtkServerStore *store, const char *id)
{
  return rtk_server_db_get_int (
             store->db, 0,
             "SELECT EXISTS (SELECT 1 FROM stations WHERE id = ? AND revoked_at IS NOT NULL)", "s",
             id) != 0;
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
  if (id != NULL && is_revoked (store, id))
    return rtk_server_call_fail (call, 403, "station-revoked",
                                 "This station's key was revoked. Enrol it with a new key.");
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
  if (!rtk_server_grant_write (store, &call->answer, call->name, rtk_server_role_of_who (call->who),
                               id, error))
    return FALSE;
  rtk_server_json_end (&call->answer, '}');
  return TRUE;
}

static void
write_station (RtkServerJson *json, RtkServerRows *row)
{
  rtk_server_json_begin (json, NULL, '{');
  rtk_server_json_string (json, "id", rtk_server_db_text (row, 0));
  rtk_server_json_string (json, "name", rtk_server_db_text (row, 1));
  rtk_server_json_string (json, "key", rtk_server_db_text (row, 2));
  rtk_server_json_string (json, "created_by", rtk_server_db_text (row, 3));
  rtk_server_json_time (json, "created_at", rtk_server_db_int (row, 4));
  rtk_server_json_optional_time (json, "revoked_at", rtk_server_db_int (row, 5));
  rtk_server_json_end (json, '}');
}

/* GET /v1/stations */
RTK_SERVER_HANDLER (station_list)
{
  RtkServerRows *row;
  const char    *after;
  gint64         limit;

  if (!rtk_server_call_get_page (call, store->config, &after, &limit))
    return TRUE;
  row = rtk_server_db_query (store->db, error,
                             "SELECT t.id, t.name, t.key, s.name, t.created_at, t.revoked_at"
                             " FROM stations t LEFT JOIN staff s ON s.id = t.created_by"
                             " WHERE t.id > ? ORDER BY t.id LIMIT ?",
                             "si", after, limit + 1);
  return rtk_server_call_write_page (store, call, "stations", row, limit, write_station, error);
}

/* DELETE /v1/stations/{id}: it was lost or stolen. What it sent before stays. */
RTK_SERVER_HANDLER (station_revoke)
{
  const char *id = call->params[0];

  if (rtk_server_db_get_int (store->db, 0, "SELECT EXISTS (SELECT 1 FROM stations WHERE id = ?)",
                             "s", id) == 0)
    return rtk_server_call_not_found (call);
  call->status = 204;
  if (is_revoked (store, id))
    return TRUE;
  return rtk_server_db_run (store->db, error, "UPDATE stations SET revoked_at = ? WHERE id = ?",
                            "is", g_get_real_time (), id) &&
         rtk_server_db_run (store->db, error, "DELETE FROM sessions WHERE station = ?", "s", id) &&
         rtk_server_audit_add (store, call->actor, "station.revoke", id, "{}", error);
}
