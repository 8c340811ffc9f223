/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-prints.h"

#include "core/rtk-id.h"
#include "core/rtk-json.h"
#include "server/rtk-server-operations.h"
#include "server/rtk-server-payments.h"

#include <string.h>

/* Prints of a photo: requested, printed, shipped. Where they go is sealed; who sends them by hand
 * says by whom, for all others a courier is ordered once they are printed. */

/* SQL: what is least far of the prints of an order: what waits must be seen. */
#define LEAST_FAR                                                                                  \
  "(SELECT CASE min (CASE p.state WHEN 'requested' THEN 0 WHEN 'printed' THEN 1 ELSE 2 END)"       \
  " WHEN 0 THEN 'requested' WHEN 1 THEN 'printed' WHEN 2 THEN 'shipped' ELSE 'none' END"           \
  " FROM prints p WHERE p.order_id = orders.id AND p.state <> 'cancelled')"

/* The order says how far its prints are. Prints only add: the order's revision stays, so that
 * nothing a station sends is refused for them. */
static gboolean
move_order (RtkServerStore *store, const char *order_id, GError **error)
{
  return rtk_server_db_run (store->db, error,
                            "UPDATE orders SET print = " LEAST_FAR " WHERE id = ?", "s",
                            order_id) &&
         rtk_server_order_announce (store, order_id, error);
}

/* Prints are made for those who paid, and not for money that goes back: asked for once there is a
 * photo that may be accepted, made of one that is. */
static gboolean
is_printable (RtkServerStore *store, const char *order_id, gboolean is_approved)
{
  return rtk_server_db_get_int (store->db, 0,
                                "SELECT 1 FROM orders o WHERE o.id = ?1 AND " RTK_SERVER_IS_PAID_FOR
                                " AND EXISTS (SELECT 1 FROM submissions s WHERE s.order_id = o.id"
                                " AND (s.state = 'approved' OR (?2 = 0"
                                " AND s.state IN ('submitted', 'in_review'))))",
                                "si", order_id, (gint64)is_approved) != 0;
}

/* The prints of an order that a condition finds. */
static GPtrArray *
list_prints (
    RtkServerStore *store, const char *sql, const char *order_id, const char *cause, GError **error)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  RtkServerRows *row = rtk_server_db_query (store->db, error, sql, "ss", order_id, cause);

  while (rtk_server_db_next (store->db, row, error))
    g_ptr_array_add (ids, g_strdup (rtk_server_db_text (row, 0)));
  return rtk_server_db_end (row) ? g_steal_pointer (&ids) : NULL;
}

/* What is only asked for is not wanted any more. */
static gboolean
cancel_print (
    RtkServerStore *store, const char *id, const char *cause, const char *actor, GError **error)
{
  return rtk_server_db_run (store->db, error,
                            "UPDATE prints SET state = 'cancelled', cancelled_by = ?,"
                            " updated_at = ? WHERE id = ? AND state = 'requested'",
                            "sis", cause, g_get_real_time (), id) &&
         rtk_server_audit_add (store, actor, "print.cancelled", id, "{}", error);
}

/**
 * rtk_server_prints_cancel:
 * @store: a store, in a transaction
 * @order_id: an order whose money goes back, or whose photo was rejected
 * @cause: id of why
 * @actor: for the audit log
 * @error: return location
 *
 * Cancels the prints that nobody has made yet, and couriers that nobody has asked for yet.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_prints_cancel (RtkServerStore *store,
                          const char     *order_id,
                          const char     *cause,
                          const char     *actor,
                          GError        **error)
{
  g_autoptr (GPtrArray) ids = list_prints (store,
                                           "SELECT id FROM prints WHERE order_id = ?1"
                                           " AND state = 'requested' AND id <> ?2 ORDER BY id",
                                           order_id, "", error);

  if (ids == NULL ||
      !rtk_server_db_run (store->db, error,
                          "UPDATE effects SET state = 'cancelled', updated_at = ?"
                          " WHERE order_id = ? AND kind = 'courier' AND state = 'due'"
                          " AND attempts = 0",
                          "is", g_get_real_time (), order_id))
    return FALSE;
  for (guint i = 0; i < ids->len; i++)
    if (!cancel_print (store, g_ptr_array_index (ids, i), cause, actor, error))
      return FALSE;
  return ids->len == 0 || move_order (store, order_id, error);
}

/**
 * rtk_server_prints_restore:
 * @store: a store, in a transaction
 * @order_id: an order
 * @cause: why its prints were cancelled, which is undone
 * @error: return location
 *
 * Asks again for what was cancelled, when the order is paid for.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_prints_restore (RtkServerStore *store,
                           const char     *order_id,
                           const char     *cause,
                           GError        **error)
{
  g_autoptr (GPtrArray) ids =
      list_prints (store,
                   "SELECT x.id FROM prints x JOIN orders o ON o.id = x.order_id WHERE o.id = ?1"
                   " AND x.cancelled_by = ?2 AND x.state = 'cancelled' AND " RTK_SERVER_IS_PAID_FOR
                   " ORDER BY x.id",
                   order_id, cause, error);

  if (ids == NULL)
    return FALSE;
  for (guint i = 0; i < ids->len; i++)
    if (!rtk_server_db_run (store->db, error,
                            "UPDATE prints SET state = 'requested', cancelled_by = NULL,"
                            " updated_at = ? WHERE id = ?",
                            "is", g_get_real_time (), g_ptr_array_index (ids, i)) ||
        !rtk_server_audit_add (store, "server", "print.requested", g_ptr_array_index (ids, i), "{}",
                               error))
      return FALSE;
  return ids->len == 0 || move_order (store, order_id, error);
}

/**
 * rtk_server_order_has_print:
 * @store: a store
 * @order_id: an order
 *
 * Returns: whether one of its prints was made
 */
gboolean
rtk_server_order_has_print (RtkServerStore *store, const char *order_id)
{
  return rtk_server_db_get_int (store->db, 1,
                                "SELECT EXISTS (SELECT 1 FROM prints WHERE order_id = ?"
                                " AND state IN ('printed', 'shipped'))",
                                "s", order_id) != 0;
}

/**
 * rtk_server_print_add:
 * @store: a store, in a transaction
 * @id: of the new print
 * @order_id: its order
 * @copies: from 1 to %RTK_SERVER_MAX_COPIES
 * @address: (nullable): where it is sent; %NULL = it is fetched
 * @actor: for the audit log
 * @detail: for the audit log
 * @error: return location
 *
 * Adds a print that is requested.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_print_add (RtkServerStore *store,
                      const char     *id,
                      const char     *order_id,
                      gint64          copies,
                      const char     *address,
                      const char     *actor,
                      const char     *detail,
                      GError        **error)
{
  gint64           now = g_get_real_time ();
  g_autofree char *context = g_strconcat ("print:", id, NULL);
  g_autoptr (GBytes) sealed =
      address != NULL ? rtk_server_keys_seal (store->keys, context, address) : NULL;

  return rtk_server_db_run (store->db, error,
                            "INSERT INTO prints (id, order_id, state, copies, address_cipher,"
                            " created_at, updated_at) VALUES (?, ?, 'requested', ?, ?, ?, ?)",
                            "ssibii", id, order_id, copies, sealed, now, now) &&
         rtk_server_audit_add (store, actor, "print.requested", id, detail, error) &&
         move_order (store, order_id, error);
}

/**
 * rtk_server_print_write:
 * @json: a writer, inside an object
 * @row: order, id, state, copies, whether it is sent, carrier, tracking number, times
 *
 * Writes a Print of docs/openapi.yaml; never the address.
 */
void
rtk_server_print_write (RtkServerJson *json, RtkServerRows *row)
{
  rtk_server_json_string (json, "id", rtk_server_db_text (row, 1));
  rtk_server_json_string (json, "state", rtk_server_db_text (row, 2));
  rtk_server_json_int (json, "copies", rtk_server_db_int (row, 3));
  rtk_server_json_bool (json, "by_post", rtk_server_db_int (row, 4) != 0);
  rtk_server_json_string (json, "carrier", rtk_server_db_text (row, 5));
  rtk_server_json_string (json, "tracking", rtk_server_db_text (row, 6));
  rtk_server_json_time (json, "created_at", rtk_server_db_int (row, 7));
  rtk_server_json_time (json, "updated_at", rtk_server_db_int (row, 8));
}

static char *
find_order (RtkServerStore *store, const char *print_id)
{
  return rtk_server_db_dup_text (store->db, "SELECT order_id FROM prints WHERE id = ?", "s",
                                 print_id);
}

/**
 * rtk_server_print_ship:
 * @store: a store, in a transaction
 * @id: of a print
 * @carrier: (nullable): who takes it
 * @tracking: (nullable): their number
 * @actor: for the audit log
 * @error: return location
 *
 * The print is on its way; what is on its way already stays as it is.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_print_ship (RtkServerStore *store,
                       const char     *id,
                       const char     *carrier,
                       const char     *tracking,
                       const char     *actor,
                       GError        **error)
{
  g_autofree char *order_id = find_order (store, id);

  if (order_id == NULL)
    return TRUE;
  if (!rtk_server_db_run (store->db, error,
                          "UPDATE prints SET state = 'shipped', carrier = ?, tracking = ?,"
                          " updated_at = ? WHERE id = ? AND state <> 'shipped'",
                          "ssis", carrier, tracking, g_get_real_time (), id))
    return FALSE;
  if (rtk_server_db_get_changes (store->db) == 0)
    return TRUE;
  /* Nobody is to come for what is on its way. */
  return rtk_server_db_run (store->db, error,
                            "UPDATE effects SET state = 'cancelled', updated_at = ?"
                            " WHERE subject = ? AND kind = 'courier' AND state = 'due'"
                            " AND attempts = 0",
                            "is", g_get_real_time (), id) &&
         rtk_server_audit_add (store, actor, "print.shipped", id, "{}", error) &&
         move_order (store, order_id, error);
}

static char *
dup_address (RtkServerStore *store, const char *id, GError **error)
{
  g_autofree char *context = g_strconcat ("print:", id, NULL);
  g_autoptr (GBytes) sealed = NULL;
  RtkServerRows *row = rtk_server_db_query (
      store->db, error, "SELECT address_cipher FROM prints WHERE id = ?", "s", id);

  if (rtk_server_db_next (store->db, row, error) && !rtk_server_db_is_null (row, 0))
    sealed = rtk_server_db_dup_bytes (row, 0);
  rtk_server_db_end (row);
  return sealed != NULL ? rtk_server_keys_open_text (store->keys, context, sealed, error) : NULL;
}

/* A courier comes for it, unless it is fetched. */
static gboolean
order_courier (RtkServerStore *store, const char *id, const char *order_id, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autofree char *address = dup_address (store, id, &local_error);
  g_autofree char *idempotency = g_strconcat ("courier:", id, NULL);
  g_autofree char *phone = NULL;
  g_auto (RtkServerJson) json = {0};

  if (local_error != NULL) {
    g_propagate_error (error, g_steal_pointer (&local_error));
    return FALSE;
  }
  if (address == NULL)
    return TRUE;
  if (!rtk_server_order_find_phone (store, order_id, &phone, error))
    return FALSE;
  rtk_server_json_init (&json);
  rtk_server_json_begin (&json, NULL, '{');
  rtk_server_json_string (&json, "print", id);
  rtk_server_json_string (&json, "address", address);
  rtk_server_json_string (&json, "phone", phone);
  rtk_server_json_end (&json, '}');
  return rtk_server_effect_add (store, "courier", order_id, id, idempotency, json.text->str,
                                g_get_real_time (), error);
}

static gboolean
set_printed (RtkServerStore *store, RtkServerCall *call, const char *order_id, GError **error)
{
  const char *id = call->params[0];

  return rtk_server_db_run (store->db, error,
                            "UPDATE prints SET state = 'printed', updated_at = ? WHERE id = ?",
                            "is", g_get_real_time (), id) &&
         rtk_server_audit_add (store, call->actor, "print.printed", id, "{}", error) &&
         order_courier (store, id, order_id, error) && move_order (store, order_id, error);
}

/* POST /v1/prints/{id}: it is printed, or somebody took it along. */
RTK_SERVER_HANDLER (print_move)
{
  const char      *state = rtk_server_call_get_string (call, "state");
  const char      *carrier = rtk_server_call_get_string (call, "carrier");
  const char      *tracking = rtk_server_call_get_string (call, "tracking");
  gboolean         is_shipped = strcmp (state, "shipped") == 0;
  g_autofree char *order_id = NULL;
  g_autofree char *present = NULL;

  if (!is_shipped && strcmp (state, "printed") != 0)
    return rtk_server_call_fail (call, 422, "bad-member", "The state is printed or shipped.");
  if (is_shipped && (carrier == NULL || carrier[0] == '\0'))
    return rtk_server_call_fail (call, 422, "missing-member", "Say who takes the print along.");
  order_id = find_order (store, call->params[0]);
  if (order_id == NULL)
    return rtk_server_call_not_found (call);
  present = rtk_server_db_dup_text (store->db, "SELECT state FROM prints WHERE id = ?", "s",
                                    call->params[0]);
  if (g_strcmp0 (present, state) != 0) {
    if (g_strcmp0 (present, "shipped") == 0)
      return rtk_server_call_fail (call, 409, "print-shipped", "This print is on its way.");
    if (g_strcmp0 (present, "cancelled") == 0)
      return rtk_server_call_fail (call, 409, "not-printable", "This print was cancelled.");
    /* What was made can be handed out; nothing is made, or goes out, before that. */
    if (g_strcmp0 (present, "requested") == 0 && !is_printable (store, order_id, TRUE))
      return rtk_server_call_fail (call, 409, "not-printable",
                                   "This order is not paid for, or its photo is not accepted.");
    if (is_shipped
            ? !rtk_server_print_ship (store, call->params[0], carrier, tracking, call->actor, error)
            : !set_printed (store, call, order_id, error))
      return FALSE;
  }
  call->status = 200;
  return rtk_server_order_write (store, &call->answer, NULL, order_id, call->station, error);
}

/* Whether the print is there, and the caller's or anybody's at the desk. */
static gboolean
is_callers (RtkServerStore *store, RtkServerCall *call, const char *order_id)
{
  return order_id != NULL &&
         (call->who != RTK_SERVER_ACCOUNT ||
          rtk_server_db_get_int (
              store->db, 0, "SELECT EXISTS (SELECT 1 FROM orders WHERE id = ? AND account = ?)",
              "ss", order_id, call->principal) != 0);
}

static gboolean
set_address (RtkServerStore *store, RtkServerCall *call, const char *address, GError **error)
{
  const char      *id = call->params[0];
  g_autofree char *context = g_strconcat ("print:", id, NULL);
  g_autoptr (GBytes) sealed = rtk_server_keys_seal (store->keys, context, address);

  return rtk_server_db_run (store->db, error,
                            "UPDATE prints SET address_cipher = ?, updated_at = ? WHERE id = ?",
                            "bis", sealed, g_get_real_time (), id) &&
         rtk_server_audit_add (store, call->actor, "print.readdressed", id, "{}", error);
}

/* PATCH /v1/prints/{id}: sent elsewhere, or not wanted any more, while nobody has made it. */
RTK_SERVER_HANDLER (print_change)
{
  const char      *id = call->params[0];
  const char      *address = rtk_server_call_get_string (call, "address");
  gboolean         is_cancelled = rtk_server_call_get_bool (call, "cancelled", FALSE);
  g_autofree char *order_id = find_order (store, id);
  g_autofree char *state = NULL;

  if (!is_callers (store, call, order_id))
    return rtk_server_call_not_found (call);
  if ((address != NULL) == is_cancelled || (address != NULL && address[0] == '\0'))
    return rtk_server_call_fail (call, 422, "bad-member", "Give an address, or cancel the print.");
  state = rtk_server_db_dup_text (store->db, "SELECT state FROM prints WHERE id = ?", "s", id);
  if (!is_cancelled || g_strcmp0 (state, "cancelled") != 0) {
    if (g_strcmp0 (state, "requested") != 0)
      return rtk_server_call_fail (call, 409, "print-begun",
                                   "This print was made already, or is cancelled.");
    if ((is_cancelled ? !cancel_print (store, id, NULL, call->actor, error)
                      : !set_address (store, call, address, error)) ||
        !move_order (store, order_id, error))
      return FALSE;
  }
  return rtk_server_order_answer (store, call, order_id, 200, error);
}

/* POST /v1/prints/{id}/address: for the label of a print that is sent by hand. */
RTK_SERVER_HANDLER (print_address)
{
  g_autoptr (GError) local_error = NULL;
  g_autofree char *address = dup_address (store, call->params[0], &local_error);

  if (local_error != NULL) {
    g_propagate_error (error, g_steal_pointer (&local_error));
    return FALSE;
  }
  if (address == NULL)
    return rtk_server_call_not_found (call);
  if (!rtk_server_audit_add (store, call->actor, "print.address", call->params[0], "{}", error))
    return FALSE;
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_string (&call->answer, "address", address);
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return TRUE;
}

/* Whether so many copies more can wait to be printed. */
static gboolean
has_room (RtkServerStore *store, const char *order_id, gint64 copies)
{
  return rtk_server_db_get_int (store->db, RTK_SERVER_MAX_PRINTS,
                                "SELECT count (*) FROM prints WHERE order_id = ?"
                                " AND state = 'requested'",
                                "s", order_id) < RTK_SERVER_MAX_PRINTS &&
         rtk_server_db_get_int (store->db, RTK_SERVER_MAX_COPIES,
                                "SELECT coalesce (sum (copies), 0) FROM prints WHERE order_id = ?"
                                " AND state = 'requested'",
                                "s", order_id) +
                 copies <=
             RTK_SERVER_MAX_COPIES;
}

/* Answers a request for a print of an order that is there, and the caller's. */
static gboolean
request_print (RtkServerStore *store, RtkServerCall *call, const char *address, GError **error)
{
  const char      *id = rtk_server_call_get_string (call, "id");
  const char      *order_id = call->params[0];
  gint64           copies = rtk_server_call_get_int (call, "copies", 1);
  g_autofree char *known = find_order (store, id);

  if ((known != NULL && strcmp (known, order_id) != 0) ||
      rtk_server_request_differs (store, call, "print"))
    return rtk_server_call_fail (call, 409, "id-reused", "This id belongs to another print.");
  if (known == NULL) {
    if (rtk_server_order_is_stale (store, call, order_id))
      return rtk_server_order_fail_stale (store, call, order_id, error);
    if (!is_printable (store, order_id, FALSE))
      return rtk_server_call_fail (call, 409, "not-printable",
                                   "This order is not paid for, or has no photo to print.");
    if (!has_room (store, order_id, copies))
      return rtk_server_call_fail (call, 409, "too-many-prints",
                                   "Too many prints of this order wait already.");
    if (!rtk_server_print_add (store, id, order_id, copies, address, call->actor, "{}", error) ||
        !rtk_server_request_keep (store, call, "print", error))
      return FALSE;
  }
  call->status = known == NULL ? 201 : 200;
  return rtk_server_order_write (store, &call->answer, NULL, order_id, call->station, error);
}

/* Whether the number of copies is one; else the call is answered. */
static gboolean
check_copies (RtkServerCall *call)
{
  if (rtk_server_call_get_int (call, "copies", 1) < 1)
    rtk_server_call_fail (call, 422, "bad-member", "There must be at least one copy.");
  return call->status == 0;
}

/* POST /v1/orders/{id}/prints */
RTK_SERVER_HANDLER (order_print)
{
  const char      *address = rtk_server_call_get_string (call, "address");
  g_autofree char *payment = NULL;

  if (!check_copies (call))
    return TRUE;
  payment = rtk_server_db_dup_text (store->db, "SELECT payment FROM orders WHERE id = ?", "s",
                                    call->params[0]);
  if (payment == NULL)
    return rtk_server_call_not_found (call);
  if (address != NULL && address[0] == '\0')
    address = NULL;
  return request_print (store, call, address, error);
}

/* POST /v1/online/orders/{id}/print: sent to where the graduate says. */
RTK_SERVER_HANDLER (online_print)
{
  g_autofree char *payment = NULL;

  if (!check_copies (call))
    return TRUE;
  payment =
      rtk_server_db_dup_text (store->db, "SELECT payment FROM orders WHERE id = ? AND account = ?",
                              "ss", call->params[0], call->principal);
  if (payment == NULL)
    return rtk_server_call_not_found (call);
  return request_print (store, call, rtk_server_call_get_string (call, "address"), error);
}

static gint64
get_copies (RtkOperation *operation)
{
  gint64 copies = 0;

  return rtk_json_get_int (rtk_operation_get_body (operation), "copies", &copies, NULL) ? copies
                                                                                        : 0;
}

static RtkServerVerdict
check_request (RtkServerStore *store, RtkOperation *operation, const RtkServerTarget *target)
{
  const char      *id = rtk_server_operation_get_text (operation, "print");
  g_autofree char *known = NULL;

  if (!rtk_id_is_valid (id) || get_copies (operation) < 1 ||
      get_copies (operation) > RTK_SERVER_MAX_COPIES)
    return RTK_SERVER_REFUSED_BODY;
  known = find_order (store, id);
  if (known != NULL)
    return RTK_SERVER_REFUSED_REUSED;
  if (!is_printable (store, rtk_operation_get_order_id (operation), FALSE))
    return RTK_SERVER_REFUSED_UNPAID;
  return has_room (store, rtk_operation_get_order_id (operation), get_copies (operation))
             ? RTK_SERVER_APPLIED
             : RTK_SERVER_REFUSED_PRINTS;
}

static gboolean
apply_request (RtkServerStore        *store,
               RtkOperation          *operation,
               const RtkServerOrigin *origin,
               GError               **error)
{
  g_autofree char *detail = rtk_server_origin_make_detail (origin);

  return rtk_server_print_add (store, rtk_server_operation_get_text (operation, "print"),
                               rtk_operation_get_order_id (operation), get_copies (operation), NULL,
                               origin->actor, detail, error);
}

/* Fetched at the desk: a station never knows an address. */
const RtkServerOperationKind rtk_server_operation_print = {
    "print.request", RTK_SERVER_OPERATOR | RTK_SERVER_SUPERVISOR, FALSE, check_request,
    apply_request};
