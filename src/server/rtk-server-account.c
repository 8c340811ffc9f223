/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-call.h"

#include <sodium.h>
#include <string.h>

/* What a graduate sees of themselves: the account, the orders, the photos. */

#define MAX_ORDERS 100

/**
 * rtk_server_account_write:
 * @store: a store
 * @json: a writer, inside an object
 * @account: id of an account
 * @error: return location
 *
 * Writes role, first_use and must_change of an account.
 *
 * Returns: whether they were written
 */
gboolean
rtk_server_account_write (RtkServerStore *store,
                          RtkServerJson  *json,
                          const char     *account,
                          GError        **error)
{
  RtkServerRows *row = rtk_server_db_query (
      store->db, error, "SELECT role, first_use, password_until FROM accounts WHERE id = ?", "s",
      account);
  gboolean found = rtk_server_db_next (store->db, row, error);

  if (found) {
    rtk_server_json_string (json, "role", rtk_server_db_text (row, 0));
    rtk_server_json_bool (json, "first_use", rtk_server_db_int (row, 1) != 0);
    rtk_server_json_bool (json, "must_change", !rtk_server_db_is_null (row, 2));
  }
  rtk_server_db_end (row);
  return found;
}

/* "13800000000" as "138****0000". */
static char *
mask_phone (const char *phone)
{
  gsize length = strlen (phone);

  return length < 8 ? g_strdup ("****") : g_strdup_printf ("%.3s****%s", phone, phone + length - 4);
}

static char *
dup_masked_phone (RtkServerStore *store, const char *account, GError **error)
{
  g_autofree char *context = g_strconcat ("phone:", account, NULL);
  g_autofree char *phone = NULL;
  g_autoptr (GBytes) sealed = NULL;
  char          *masked;
  RtkServerRows *row = rtk_server_db_query (
      store->db, error, "SELECT phone_cipher FROM accounts WHERE id = ?", "s", account);

  if (rtk_server_db_next (store->db, row, error))
    sealed = rtk_server_db_dup_bytes (row, 0);
  rtk_server_db_end (row);
  phone = sealed != NULL ? rtk_server_keys_open_text (store->keys, context, sealed, error) : NULL;
  if (phone == NULL)
    return NULL;
  masked = mask_phone (phone);
  sodium_memzero (phone, strlen (phone));
  return masked;
}

/**
 * rtk_server_graduate_write:
 * @store: a store
 * @json: a writer
 * @name: (nullable): of the member
 * @roster: id of a graduate
 * @error: return location
 *
 * Writes a Bound of docs/openapi.yaml.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_graduate_write (RtkServerStore *store,
                           RtkServerJson  *json,
                           const char     *name,
                           const char     *roster,
                           GError        **error)
{
  RtkServerRows *row = rtk_server_db_query (
      store->db, error,
      "SELECT s.name, b.name, r.name_masked, r.number_masked, r.consent_version, r.consent_at"
      " FROM roster r JOIN batches b ON b.id = r.batch JOIN schools s ON s.id = b.school"
      " WHERE r.id = ?",
      "s", roster);
  gboolean found = rtk_server_db_next (store->db, row, error);

  if (found) {
    rtk_server_json_begin (json, name, '{');
    rtk_server_json_string (json, "school", rtk_server_db_text (row, 0));
    rtk_server_json_string (json, "batch", rtk_server_db_text (row, 1));
    rtk_server_json_begin (json, "subject", '{');
    rtk_server_json_string (json, "name_masked", rtk_server_db_text (row, 2));
    rtk_server_json_string (json, "number_masked", rtk_server_db_text (row, 3));
    rtk_server_consent_write (json, rtk_server_db_text (row, 4), rtk_server_db_int (row, 5));
    rtk_server_json_end (json, '}');
    rtk_server_json_end (json, '}');
  }
  rtk_server_db_end (row);
  return found;
}

/* GET /v1/online/account */
RTK_SERVER_HANDLER (online_profile)
{
  g_autofree char *phone = dup_masked_phone (store, call->principal, error);
  g_autofree char *roster = rtk_server_db_dup_text (
      store->db, "SELECT id FROM roster WHERE account = ? ORDER BY id", "s", call->principal);

  if (phone == NULL)
    return FALSE;
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_string (&call->answer, "account", call->principal);
  if (!rtk_server_account_write (store, &call->answer, call->principal, error))
    return FALSE;
  rtk_server_json_string (&call->answer, "phone_masked", phone);
  if (roster == NULL)
    rtk_server_json_string (&call->answer, "graduate", NULL);
  else if (!rtk_server_graduate_write (store, &call->answer, "graduate", roster, error))
    return FALSE;
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return TRUE;
}

/**
 * rtk_server_account_role_is_valid:
 * @role: (nullable): of whoever holds an account
 *
 * Returns: whether it is one that is known, or none
 */
gboolean
rtk_server_account_role_is_valid (const char *role)
{
  return role == NULL || strcmp (role, "graduate") == 0 || strcmp (role, "guardian") == 0;
}

/* The stations are shown it with the order; what the order says stays, and so does its revision. */
static gboolean
announce_orders (RtkServerStore *store, RtkServerCall *call, GError **error)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  RtkServerRows *row =
      rtk_server_db_query (store->db, error, "SELECT id FROM orders WHERE account = ? ORDER BY id",
                           "s", call->principal);

  while (rtk_server_db_next (store->db, row, error))
    g_ptr_array_add (ids, g_strdup (rtk_server_db_text (row, 0)));
  if (!rtk_server_db_end (row))
    return FALSE;
  for (guint i = 0; i < ids->len; i++)
    if (!rtk_server_order_announce (store, g_ptr_array_index (ids, i), error))
      return FALSE;
  return TRUE;
}

/* POST /v1/online/account */
RTK_SERVER_HANDLER (online_profile_set)
{
  gint64      first_use = rtk_server_call_get_bool (call, "first_use", TRUE) ? 1 : 0;
  const char *role = rtk_server_call_get_string (call, "role");

  if (!rtk_server_account_role_is_valid (role))
    return rtk_server_call_fail (call, 422, "bad-member",
                                 "An account is the graduate's or a guardian's.");
  return rtk_server_db_run (store->db, error,
                            "UPDATE accounts SET first_use = ?, role = coalesce (?, role)"
                            " WHERE id = ?",
                            "iss", first_use, role, call->principal) &&
         (role == NULL || announce_orders (store, call, error)) &&
         rtk_server_online_profile (store, call, error);
}

/* GET /v1/online/orders */
RTK_SERVER_HANDLER (online_orders)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  RtkServerRows *row = rtk_server_db_query (store->db, error,
                                            "SELECT id FROM orders WHERE account = ?"
                                            " ORDER BY created_at DESC, id DESC LIMIT ?",
                                            "si", call->principal, (gint64)MAX_ORDERS);

  while (rtk_server_db_next (store->db, row, error))
    g_ptr_array_add (ids, g_strdup (rtk_server_db_text (row, 0)));
  if (!rtk_server_db_end (row))
    return FALSE;
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_begin (&call->answer, "orders", '[');
  for (guint i = 0; i < ids->len; i++)
    if (!rtk_server_order_write (store, &call->answer, NULL, g_ptr_array_index (ids, i), NULL,
                                 error))
      return FALSE;
  rtk_server_json_end (&call->answer, ']');
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return TRUE;
}

/* GET /v1/online/orders/{id}/photos/{sha256}: only what belongs to an order of one's own. */
RTK_SERVER_HANDLER (online_photo)
{
  if (rtk_server_db_get_int (store->db, 0,
                             "SELECT EXISTS (SELECT 1 FROM submissions w JOIN orders o"
                             " ON o.id = w.order_id WHERE o.id = ?1 AND o.account = ?2"
                             " AND ?3 IN (w.original, w.delivered, w.report))",
                             "sss", call->params[0], call->principal, call->params[1]) == 0)
    return rtk_server_call_not_found (call);
  g_free (call->params[0]);
  call->params[0] = g_steal_pointer (&call->params[1]);
  return rtk_server_photo_get (store, call, error);
}
