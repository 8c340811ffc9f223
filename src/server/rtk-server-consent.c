/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-json.h"
#include "server/rtk-server-operations.h"

#include <string.h>

/* Consent to the processing of one's face: which version of the text, since when. Not to have been
 * asked and to have withdrawn are the same for everybody but the audit log. */

#define MAX_VERSION 64

/**
 * rtk_server_graduate_announce:
 * @store: a store, in a transaction
 * @roster: id of a graduate
 * @error: return location
 *
 * Tells everybody who sees an order of that graduate; no revision changes by it, because it is no
 * reason to refuse a photo.
 *
 * Returns: whether the database did its part
 */
gboolean
rtk_server_graduate_announce (RtkServerStore *store, const char *roster, GError **error)
{
  g_autoptr (GPtrArray) orders = g_ptr_array_new_with_free_func (g_free);
  RtkServerRows *row =
      rtk_server_db_query (store->db, error, "SELECT id FROM orders WHERE roster = ?", "s", roster);

  while (rtk_server_db_next (store->db, row, error))
    g_ptr_array_add (orders, g_strdup (rtk_server_db_text (row, 0)));
  if (!rtk_server_db_end (row))
    return FALSE;
  for (guint i = 0; i < orders->len; i++)
    if (!rtk_server_order_announce (store, g_ptr_array_index (orders, i), error))
      return FALSE;
  return TRUE;
}

/* @origin is NULL for the graduate's own. */
static char *
make_detail (const char *version, const RtkServerOrigin *origin)
{
  g_auto (RtkServerJson) json = {NULL, FALSE};

  rtk_server_json_init (&json);
  rtk_server_json_begin (&json, NULL, '{');
  rtk_server_json_string (&json, "version", version);
  if (origin != NULL)
    rtk_server_origin_write (&json, origin);
  rtk_server_json_end (&json, '}');
  return g_strdup (json.text->str);
}

/* Writes it down, unless it is as it was. */
static gboolean
set_consent (RtkServerStore *store,
             const char     *roster,
             const char     *version,
             gboolean        given,
             const char     *actor,
             const char     *detail,
             GError        **error)
{
  gint64 now = g_get_real_time ();

  if (given && !rtk_server_db_run (store->db, error,
                                   "UPDATE roster SET consent_version = ?1, consent_at = ?2,"
                                   " consent_by = ?3 WHERE id = ?4"
                                   " AND consent_version IS DISTINCT FROM ?1",
                                   "siss", version, now, actor, roster))
    return FALSE;
  if (!given &&
      !rtk_server_db_run (store->db, error,
                          "UPDATE roster SET consent_version = NULL, consent_at = NULL,"
                          " consent_by = NULL WHERE id = ? AND consent_version IS NOT NULL",
                          "s", roster))
    return FALSE;
  if (rtk_server_db_get_changes (store->db) == 0)
    return TRUE;
  return rtk_server_audit_add (store, actor, given ? "consent.give" : "consent.withdraw", roster,
                               detail, error) &&
         rtk_server_graduate_announce (store, roster, error);
}

/**
 * rtk_server_consent_clear:
 * @store: a store, in a transaction
 * @roster: id of a graduate
 * @actor: for the audit log
 * @error: return location
 *
 * Takes back whatever consent there is: it may be somebody else's.
 *
 * Returns: whether the database did its part
 */
gboolean
rtk_server_consent_clear (RtkServerStore *store,
                          const char     *roster,
                          const char     *actor,
                          GError        **error)
{
  g_autofree char *version = rtk_server_db_dup_text (
      store->db, "SELECT consent_version FROM roster WHERE id = ?", "s", roster);
  g_autofree char *detail = version != NULL ? make_detail (version, NULL) : NULL;

  return version == NULL || set_consent (store, roster, version, FALSE, actor, detail, error);
}

static RtkServerVerdict
check_consent (RtkServerStore *store, RtkOperation *operation, const RtkServerTarget *target)
{
  const char *version = rtk_server_operation_get_text (operation, "version");
  gboolean    given;

  return version != NULL && version[0] != '\0' && g_utf8_strlen (version, -1) <= MAX_VERSION &&
                 rtk_json_get_bool (rtk_operation_get_body (operation), "given", &given, NULL)
             ? RTK_SERVER_APPLIED
             : RTK_SERVER_REFUSED_BODY;
}

static gboolean
apply_consent (RtkServerStore        *store,
               RtkOperation          *operation,
               const RtkServerOrigin *origin,
               GError               **error)
{
  const char      *version = rtk_server_operation_get_text (operation, "version");
  g_autofree char *detail = make_detail (version, origin);
  g_autofree char *roster =
      rtk_server_db_dup_text (store->db, "SELECT roster FROM orders WHERE id = ?", "s",
                              rtk_operation_get_order_id (operation));
  gboolean given = FALSE;

  (void)rtk_json_get_bool (rtk_operation_get_body (operation), "given", &given, NULL);
  return roster != NULL &&
         set_consent (store, roster, version, given, origin->actor, detail, error);
}

const RtkServerOperationKind rtk_server_operation_consent = {
    RTK_OPERATION_CONSENT, RTK_SERVER_OPERATOR | RTK_SERVER_SUPERVISOR, FALSE, check_consent,
    apply_consent};

/**
 * rtk_server_consent_write:
 * @json: inside an object
 * @version: (nullable): of the text; %NULL: no consent
 * @at: when it was given, microseconds since 1970 UTC
 *
 * Writes the member "consent".
 */
void
rtk_server_consent_write (RtkServerJson *json, const char *version, gint64 at)
{
  if (version == NULL) {
    rtk_server_json_string (json, "consent", NULL);
    return;
  }
  rtk_server_json_begin (json, "consent", '{');
  rtk_server_json_string (json, "version", version);
  rtk_server_json_time (json, "at", at);
  rtk_server_json_end (json, '}');
}

/* POST /v1/online/consent */
RTK_SERVER_HANDLER (online_consent)
{
  const char      *version = rtk_server_call_get_string (call, "version");
  gboolean         given = rtk_server_call_get_bool (call, "given", FALSE);
  g_autofree char *detail = make_detail (version, NULL);
  g_autofree char *roster = rtk_server_db_dup_text (
      store->db, "SELECT id FROM roster WHERE account = ? ORDER BY id LIMIT 1", "s",
      call->principal);
  RtkServerRows *row;

  if (roster == NULL)
    return rtk_server_call_fail (call, 409, "no-code", "Bind a collection code first.");
  if (!set_consent (store, roster, version, given, call->actor, detail, error))
    return FALSE;
  row = rtk_server_db_query (
      store->db, error, "SELECT consent_version, consent_at FROM roster WHERE id = ?", "s", roster);
  if (!rtk_server_db_next (store->db, row, error)) {
    rtk_server_db_end (row);
    return FALSE;
  }
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_consent_write (&call->answer, rtk_server_db_text (row, 0), rtk_server_db_int (row, 1));
  rtk_server_json_end (&call->answer, '}');
  rtk_server_db_end (row);
  call->status = 200;
  return TRUE;
}

/**
 * rtk_server_consent_is_there:
 * @store: a store
 * @order_id: an order
 *
 * Returns: whether its graduate consents, or need not (--require-consent)
 */
gboolean
rtk_server_consent_is_there (RtkServerStore *store, const char *order_id)
{
  return !store->config->require_consent ||
         rtk_server_db_get_int (store->db, 0,
                                "SELECT EXISTS (SELECT 1 FROM orders o JOIN roster r ON r.id ="
                                " o.roster WHERE o.id = ? AND r.consent_version IS NOT NULL)",
                                "s", order_id) != 0;
}
