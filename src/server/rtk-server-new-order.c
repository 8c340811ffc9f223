/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-gold.h"
#include "server/rtk-server-payments.h"

#include <string.h>

/* New orders: of an account online, or of whoever walks in at the desk. */

static char *
make_number (RtkServerStore *store)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *day = g_date_time_format (now, "%y%m%d");
  gint64           n;

  /* Some are left out; a database that fails gives none at all. */
  do
    n = rtk_server_store_count (store, "orders");
  while (n > 0 && rtk_server_gold_takes_number (store, n));
  return g_strdup_printf ("%s%06" G_GINT64_FORMAT, day, n);
}

/* @account and @phone, which is sealed, may be NULL; @detail is for the audit log. */
static gboolean
add_order (RtkServerStore *store,
           const char     *id,
           const char     *roster,
           const char     *account,
           const char     *phone,
           const char     *actor,
           const char     *detail,
           GError        **error)
{
  gint64           now = g_get_real_time ();
  g_autofree char *number = make_number (store);
  g_autofree char *context = g_strconcat ("order-phone:", id, NULL);
  g_autoptr (GBytes) sealed =
      phone != NULL ? rtk_server_keys_seal (store->keys, context, phone) : NULL;

  return rtk_server_db_run (store->db, error,
                            "INSERT INTO orders (id, number, revision, roster, account,"
                            " phone_cipher, payment, delivery, print, created_at, updated_at)"
                            " VALUES (?, ?, 0, ?, ?, ?, 'unpaid', 'none', 'none', ?, ?)",
                            "ssssbii", id, number, roster, account, sealed, now, now) &&
         rtk_server_order_touch (store, id, error) &&
         rtk_server_audit_add (store, actor, "order.create", id, detail, error);
}

/* POST /v1/online/orders */
RTK_SERVER_HANDLER (online_order)
{
  const char *id = rtk_server_call_get_string (call, "id");
  /* Nobody's for an order of the desk. */
  g_autofree char *owner = rtk_server_db_dup_text (
      store->db, "SELECT coalesce (account, '') FROM orders WHERE id = ?", "s", id);
  g_autofree char *roster = rtk_server_db_dup_text (
      store->db, "SELECT id FROM roster WHERE account = ? AND code_digest IS NOT NULL ORDER BY id",
      "s", call->principal);

  if (owner != NULL)
    return strcmp (owner, call->principal) == 0
               ? rtk_server_order_answer (store, call, id, 200, error)
               : rtk_server_call_fail (call, 409, "id-reused", "This id belongs to another order.");
  if (roster == NULL)
    return rtk_server_call_fail (call, 409, "no-code", "Bind a collection code first.");
  if (rtk_server_graduate_has_order (store, roster, NULL))
    return rtk_server_call_fail (call, 409, "order-open", "There is an open order already.");
  return add_order (store, id, roster, call->principal, NULL, call->actor, "{}", error) &&
         rtk_server_order_answer (store, call, id, 201, error);
}

/* The graduate by the roster's id, by the code, or by the number, whichever is given first. */
static char *
find_graduate (RtkServerStore *store, RtkServerCall *call)
{
  const char      *roster = rtk_server_call_get_string (call, "roster");
  const char      *code = rtk_server_call_get_string (call, "code");
  const char      *number = rtk_server_call_get_string (call, "number");
  g_autofree char *digest = NULL;

  if (roster != NULL)
    return rtk_server_db_dup_text (
        store->db, "SELECT id FROM roster WHERE id = ? AND withdrawn_at IS NULL", "s", roster);
  if (code != NULL) {
    digest = rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_CODE, code);
    return rtk_server_db_dup_text (store->db, "SELECT id FROM roster WHERE code_digest = ?", "s",
                                   digest);
  }
  digest = rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_NUMBER, number);
  return rtk_server_db_dup_text (store->db, "SELECT id FROM roster WHERE number_digest = ?", "s",
                                 digest);
}

/* Whether the members say who it is, and how to reach them; else the call is answered. */
static gboolean
check_walk_in (RtkServerCall *call)
{
  const char      *phone = rtk_server_call_get_string (call, "phone");
  g_autofree char *spelled = phone != NULL ? rtk_server_phone_normalise (phone) : NULL;

  if (rtk_server_call_get_string (call, "roster") == NULL &&
      rtk_server_call_get_string (call, "code") == NULL &&
      rtk_server_call_get_string (call, "number") == NULL)
    rtk_server_call_fail (call, 422, "missing-member",
                          "Say who it is, by the roster, the code or the number.");
  else if (phone != NULL && spelled == NULL)
    rtk_server_call_fail (call, 422, "bad-member", "This is not a telephone number.");
  return call->status == 0;
}

/* Who has the number, and neither the code nor what a search gave, may be guessing. */
static gboolean
is_by_number (RtkServerCall *call)
{
  return rtk_server_call_get_string (call, "roster") == NULL &&
         rtk_server_call_get_string (call, "code") == NULL;
}

/* What is known of a graduate by their number is in the audit log, whatever the answer is. */
static gboolean
note_search (
    RtkServerStore *store, RtkServerCall *call, const char *roster, gboolean fails, GError **error)
{
  return !is_by_number (call) ||
         rtk_server_search_note (store, call, "number", roster, roster != NULL, fails, error);
}

static gboolean
open_walk_in (
    RtkServerStore *store, RtkServerCall *call, const char *id, const char *roster, GError **error)
{
  const char      *phone = rtk_server_call_get_string (call, "phone");
  g_autofree char *spelled = phone != NULL ? rtk_server_phone_normalise (phone) : NULL;
  g_autofree char *account =
      rtk_server_db_dup_text (store->db, "SELECT account FROM roster WHERE id = ?", "s", roster);

  return note_search (store, call, roster, FALSE, error) &&
         add_order (store, id, roster, account, spelled, call->actor, "{\"walk_in\":true}",
                    error) &&
         rtk_server_request_keep (store, call, "order", error) &&
         rtk_server_order_answer (store, call, id, 201, error);
}

/* POST /v1/orders: at the desk; an account that the graduate has sees it, too. */
RTK_SERVER_HANDLER (walk_in)
{
  const char      *id = rtk_server_call_get_string (call, "id");
  g_autofree char *known = NULL;
  g_autofree char *roster = NULL;

  if (!check_walk_in (call) || (is_by_number (call) && rtk_server_search_is_closed (store, call)))
    return TRUE;
  known = rtk_server_db_dup_text (store->db, "SELECT roster FROM orders WHERE id = ?", "s", id);
  roster = find_graduate (store, call);
  if (roster == NULL)
    return note_search (store, call, NULL, TRUE, error) &&
           rtk_server_call_fail (call, 404, "not-on-roster",
                                 "No graduate is expected under this code and number.");
  if (known != NULL && strcmp (known, roster) == 0 &&
      !rtk_server_request_differs (store, call, "order"))
    return rtk_server_order_answer (store, call, id, 200, error);
  if (known == NULL && !rtk_server_graduate_has_order (store, roster, NULL))
    return open_walk_in (store, call, id, roster, error);
  return note_search (store, call, roster, TRUE, error) &&
         (known != NULL
              ? rtk_server_call_fail (call, 409, "id-reused", "This id belongs to another order.")
              : rtk_server_call_fail (call, 409, "order-open", "There is an open order already."));
}
