/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-id.h"
#include "server/rtk-server-store.h"

/* What is to be done in the world: written in the same transaction as its cause, done later by the
 * adapters, each at most once for the receiver by its idempotency key. */

/**
 * rtk_server_effect_add:
 * @self: a store, in a transaction
 * @kind: "sms", "refund", "payment" or "courier"
 * @order_id: (nullable): the order it is about
 * @subject: id of the cause, by which it can be cancelled
 * @idempotency: the same for what must not be done twice; a known one changes nothing
 * @payload: JSON object for the adapter; it is sealed
 * @not_before: microseconds since 1970; until then it can be cancelled
 * @error: return location
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_effect_add (RtkServerStore *self,
                       const char     *kind,
                       const char     *order_id,
                       const char     *subject,
                       const char     *idempotency,
                       const char     *payload,
                       gint64          not_before,
                       GError        **error)
{
  gint64           now = g_get_real_time ();
  g_autofree char *id = rtk_id_new (now);
  g_autofree char *context = g_strconcat ("effect:", id, NULL);
  g_autoptr (GBytes) sealed = rtk_server_keys_seal (self->keys, context, payload);

  return rtk_server_db_run (self->db, error,
                            "INSERT INTO effects (id, kind, order_id, subject, idempotency,"
                            " payload_cipher, state, not_before, created_at, updated_at)"
                            " VALUES (?, ?, ?, ?, ?, ?, 'due', ?, ?, ?)"
                            " ON CONFLICT (idempotency) DO NOTHING",
                            "sssssbiii", id, kind, order_id, subject, idempotency, sealed,
                            not_before, now, now);
}

/**
 * rtk_server_effect_cancel:
 * @self: a store, in a transaction
 * @subject: id of the cause
 * @out_all: (out): whether none of them had begun
 * @error: return location
 *
 * Cancels what is still held. When one has begun, nothing is cancelled.
 *
 * Returns: whether the database did its part
 */
gboolean
rtk_server_effect_cancel (RtkServerStore *self,
                          const char     *subject,
                          gboolean       *out_all,
                          GError        **error)
{
  gint64 now = g_get_real_time ();

  *out_all = rtk_server_db_get_int (self->db, 1,
                                    "SELECT EXISTS (SELECT 1 FROM effects WHERE subject = ? AND"
                                    " state <> 'cancelled' AND (state <> 'due' OR attempts > 0"
                                    " OR not_before <= ?))",
                                    "si", subject, now) == 0;
  return !*out_all || rtk_server_db_run (self->db, error,
                                         "UPDATE effects SET state = 'cancelled', updated_at = ?"
                                         " WHERE subject = ?",
                                         "is", now, subject);
}
