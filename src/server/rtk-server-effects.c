/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-json.h"
#include "server/rtk-server-adapters.h"
#include "server/rtk-server-payments.h"
#include "server/rtk-server-prints.h"

#include <sodium.h>
#include <string.h>

/* Seconds after the time of an answer in which its taker can still write it down. */
#define LEASE_SPARE 10
#define SANDBOX_PAGE 200

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

  self->n_effects++;
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

/**
 * rtk_server_effect_free:
 * @self: (transfer full): an effect
 *
 * Frees an effect; its payload is wiped.
 */
void
rtk_server_effect_free (RtkServerEffect *self)
{
  g_free (self->id);
  g_free (self->kind);
  g_free (self->order_id);
  g_free (self->idempotency);
  if (self->payload != NULL)
    sodium_memzero (self->payload, strlen (self->payload));
  g_free (self->payload);
  g_free (self);
}

/**
 * rtk_server_effects_get_next:
 * @store: a store
 *
 * Returns: when there is something to do next, microseconds since 1970; %G_MAXINT64 = nothing
 */
gint64
rtk_server_effects_get_next (RtkServerStore *store)
{
  return rtk_server_db_get_int (
      store->db, G_MAXINT64,
      "SELECT min (x.at) FROM (SELECT min (not_before) AS at FROM effects WHERE state = 'due'"
      " UNION ALL SELECT min (lease_until) FROM effects WHERE state = 'sending') x"
      " HAVING min (x.at) IS NOT NULL",
      "");
}

/**
 * rtk_server_effects_release:
 * @store: a store of which no other process sends anything
 * @error: return location
 *
 * Ends the leases of a process that is gone: what it was sending is sent again, at once.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_effects_release (RtkServerStore *store, GError **error)
{
  return rtk_server_db_run (store->db, error,
                            "UPDATE effects SET lease_until = 0 WHERE state = 'sending'", "");
}

static gboolean
audit (RtkServerStore *store, const RtkServerEffect *effect, const char *action, GError **error)
{
  g_autofree char *detail = g_strdup_printf ("{\"kind\":\"%s\"}", effect->kind);

  return rtk_server_audit_add (store, "adapter", action, effect->id, detail, error);
}

/* What cannot be sent waits for a person; all else goes on. */
static gboolean
fail_unreadable (RtkServerStore *store, GPtrArray *list, GError **error)
{
  for (guint i = 0; i < list->len; i++) {
    RtkServerEffect *effect = g_ptr_array_index (list, i);

    if (!rtk_server_db_run (store->db, error,
                            "UPDATE effects SET state = 'failed', problem = ?, lease_until = NULL"
                            " WHERE id = ?",
                            "ss", "What is to be sent cannot be read.", effect->id) ||
        !audit (store, effect, "effect.failed", error))
      return FALSE;
  }
  return TRUE;
}

/* Marks what is due, or was left by who took it, as being sent by the caller; @out_n, how many
 * there were, counts what turned out to be unreadable, too. */
static GPtrArray *
take (RtkServerStore *store, gint64 now, gint64 limit, guint *out_n, GError **error)
{
  g_autoptr (GPtrArray) list =
      g_ptr_array_new_with_free_func ((GDestroyNotify)rtk_server_effect_free);
  g_autoptr (GPtrArray) unreadable =
      g_ptr_array_new_with_free_func ((GDestroyNotify)rtk_server_effect_free);
  g_autoptr (GError) local_error = NULL;
  gint64         lease = (store->config->webhook_timeout_seconds + LEASE_SPARE) * G_USEC_PER_SEC;
  RtkServerRows *row = rtk_server_db_query (
      store->db, &local_error,
      "UPDATE effects SET state = 'sending', attempts = attempts + 1, lease_until = ?1,"
      " updated_at = ?2 WHERE id IN (SELECT id FROM effects WHERE (state = 'due' AND"
      " not_before <= ?3) OR (state = 'sending' AND lease_until <= ?2) ORDER BY not_before, id"
      " LIMIT ?4) RETURNING id, kind, order_id, idempotency, payload_cipher, attempts, created_at",
      "iiii", g_get_real_time () + lease, g_get_real_time (), now, limit);

  while (local_error == NULL && rtk_server_db_next (store->db, row, &local_error)) {
    RtkServerEffect *effect = g_new0 (RtkServerEffect, 1);
    g_autofree char *context = NULL;
    g_autoptr (GBytes) sealed = rtk_server_db_dup_bytes (row, 4);

    effect->id = g_strdup (rtk_server_db_text (row, 0));
    effect->kind = g_strdup (rtk_server_db_text (row, 1));
    effect->order_id = g_strdup (rtk_server_db_text (row, 2));
    effect->idempotency = g_strdup (rtk_server_db_text (row, 3));
    effect->attempts = rtk_server_db_int (row, 5);
    effect->created_at = rtk_server_db_int (row, 6);
    context = g_strconcat ("effect:", effect->id, NULL);
    effect->payload = rtk_server_keys_open_text (store->keys, context, sealed, NULL);
    g_ptr_array_add (effect->payload != NULL ? list : unreadable, effect);
  }
  rtk_server_db_end (row);
  *out_n = list->len + unreadable->len;
  if (local_error == NULL && fail_unreadable (store, unreadable, &local_error))
    return g_steal_pointer (&list);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return NULL;
}

/**
 * rtk_server_effects_take:
 * @store: a store, outside a transaction
 * @now: the time to judge by, microseconds since 1970
 * @limit: how many at most
 * @error: return location
 *
 * Takes what is due. Nobody else gets it until the time of an answer and its lease are over; who
 * took it and is gone by then may have sent it, so that it is sent again with the same key.
 *
 * Returns: (transfer full) (element-type RtkServerEffect): what was taken, %NULL on error
 */
GPtrArray *
rtk_server_effects_take (RtkServerStore *store, gint64 now, gint64 limit, GError **error)
{
  g_autoptr (GPtrArray) list = NULL;
  guint n;

  if (!rtk_server_db_begin (store->db, TRUE, error))
    return NULL;
  list = take (store, now, limit, &n, error);
  if (list == NULL) {
    rtk_server_db_rollback (store->db);
    return NULL;
  }
  return rtk_server_db_commit (store->db, error) ? g_steal_pointer (&list) : NULL;
}

static char *
dup_member (const char *text, const char *member)
{
  g_autoptr (JsonObject) object = text != NULL ? rtk_json_parse_object (text, -1, NULL) : NULL;

  return object != NULL && json_object_has_member (object, member)
             ? g_strdup (rtk_json_get_string (object, member, NULL))
             : NULL;
}

/* The receiver has it: what follows from that. */
static gboolean
follow_up (RtkServerStore *store, const RtkServerEffect *effect, const char *answer, GError **error)
{
  g_autofree char *payment = dup_member (effect->payload, "payment");
  g_autofree char *print = dup_member (effect->payload, "print");

  if (strcmp (effect->kind, "refund") == 0 && payment != NULL)
    return rtk_server_refund_done (store, payment, error);
  if (strcmp (effect->kind, "payment") == 0 && payment != NULL) {
    g_autofree char *code = dup_member (answer, "pay_code");

    return rtk_server_payment_set_code (store, payment, code, error) &&
           rtk_server_order_announce (store, effect->order_id, error);
  }
  if (strcmp (effect->kind, "courier") == 0 && print != NULL) {
    g_autofree char *carrier = dup_member (answer, "carrier");
    g_autofree char *tracking = dup_member (answer, "tracking");

    /* Without a carrier in the answer it is fetched later, and somebody says so by hand. */
    return carrier == NULL ||
           rtk_server_print_ship (store, print, carrier, tracking, "adapter", error);
  }
  return TRUE;
}

/* An answer may hold what is only the adapter's and the customer's to know. */
static GBytes *
seal_answer (RtkServerStore *store, const RtkServerEffect *effect, const char *answer)
{
  g_autofree char *context = g_strconcat ("effect-answer:", effect->id, NULL);

  return answer != NULL ? rtk_server_keys_seal (store->keys, context, answer) : NULL;
}

/* Nobody can pay without a code, and nobody else will say that there is none. */
static gboolean
lacks_code (const RtkServerEffect *effect, const char *answer)
{
  g_autofree char *code = dup_member (answer, "pay_code");

  return strcmp (effect->kind, "payment") == 0 && (code == NULL || code[0] == '\0');
}

/* In a transaction. What somebody else took meanwhile, or has done, is left to them. */
static gboolean
mark_open (RtkServerStore        *store,
           const RtkServerEffect *effect,
           gboolean               failed,
           const char            *answer,
           const char            *problem,
           gint64                 retry_at,
           GError               **error)
{
  g_autoptr (GBytes) sealed = seal_answer (store, effect, answer);

  if (!rtk_server_db_run (
          store->db, error,
          "UPDATE effects SET state = ?, answer_cipher = ?, problem = ?, not_before = ?,"
          " lease_until = NULL, updated_at = ? WHERE id = ? AND state = 'sending'"
          " AND attempts = ?",
          "sbsiisi", failed ? "failed" : "due", sealed, problem, retry_at, g_get_real_time (),
          effect->id, effect->attempts))
    return FALSE;
  return !failed || rtk_server_db_get_changes (store->db) == 0 ||
         audit (store, effect, "effect.failed", error);
}

/* In a transaction. Done once, whoever says so. */
static gboolean
mark_done (RtkServerStore *store, const RtkServerEffect *effect, const char *answer, GError **error)
{
  g_autoptr (GBytes) sealed = seal_answer (store, effect, answer);

  if (lacks_code (effect, answer))
    return mark_open (store, effect, TRUE, answer, "The answer to a payment has no pay_code.",
                      g_get_real_time (), error);
  if (!rtk_server_db_run (store->db, error,
                          "UPDATE effects SET state = 'done', answer_cipher = ?, problem = NULL,"
                          " lease_until = NULL, updated_at = ? WHERE id = ? AND state <> 'done'",
                          "bis", sealed, g_get_real_time (), effect->id))
    return FALSE;
  return rtk_server_db_get_changes (store->db) == 0 ||
         (audit (store, effect, "effect.done", error) && follow_up (store, effect, answer, error));
}

/* Whether the database may take tomorrow what it does not take now. */
static gboolean
may_pass (const GError *error)
{
  return g_error_matches (error, RTK_ERROR, RTK_ERROR_OFFLINE) ||
         g_error_matches (error, RTK_ERROR, RTK_ERROR_DISK_FULL);
}

/* Sending it again would lead here again, for ever: a person must look. */
static gboolean
fail_finish (RtkServerStore *store, const RtkServerEffect *effect, const char *answer)
{
  gboolean ok = rtk_server_db_begin (store->db, TRUE, NULL);

  if (!ok)
    return FALSE;
  ok = mark_open (store, effect, TRUE, answer, "What follows from the answer cannot be written.",
                  g_get_real_time (), NULL) &&
       rtk_server_db_commit (store->db, NULL);
  if (!ok)
    rtk_server_db_rollback (store->db);
  return ok;
}

/**
 * rtk_server_effect_finish:
 * @store: a store, outside a transaction
 * @effect: what was taken
 * @delivery: what became of it
 * @answer: (nullable): what the receiver said
 * @problem: (nullable): what went wrong, for people
 * @retry_at: microseconds since 1970
 * @error: return location
 *
 * Keeps what became of a sending, with what follows from it. When that cannot be written, and will
 * not be later, the effect has failed.
 *
 * Returns: whether it was written; otherwise it is sent again when its lease is over
 */
gboolean
rtk_server_effect_finish (RtkServerStore        *store,
                          const RtkServerEffect *effect,
                          RtkServerDelivery      delivery,
                          const char            *answer,
                          const char            *problem,
                          gint64                 retry_at,
                          GError               **error)
{
  gboolean failed = delivery == RTK_SERVER_DELIVERY_FAILED;
  g_autoptr (GError) own = NULL;
  gboolean is_done;

  rtk_server_db_forget_trouble (store->db);
  if (!rtk_server_db_begin (store->db, TRUE, error))
    return FALSE;
  is_done = delivery == RTK_SERVER_DELIVERY_DONE
                ? mark_done (store, effect, answer, &own)
                : mark_open (store, effect, failed, answer, problem, retry_at, &own);
  if (is_done && rtk_server_db_commit (store->db, &own))
    return TRUE;
  rtk_server_db_rollback (store->db);
  if (!may_pass (own) && fail_finish (store, effect, answer)) {
    g_message ("What an effect's end leads to could not be written: %s",
               own != NULL ? own->message : "a row that must be there is missing");
    return TRUE;
  }
  if (own != NULL)
    g_propagate_error (error, g_steal_pointer (&own));
  else
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_STORAGE,
                         "A row that must be there is missing");
  return FALSE;
}

/* What the sandbox answers in the place of the world. */
static char *
make_sandbox_answer (const RtkServerEffect *effect)
{
  if (strcmp (effect->kind, "courier") == 0)
    return g_strdup_printf ("{\"carrier\":\"sandbox\",\"tracking\":\"SANDBOX-%.8s\"}",
                            effect->id + 28);
  return g_strdup ("{}");
}

/* All in one transaction, or each in its own when one of them cannot be done. */
static gboolean
finish_all (RtkServerStore *store, GPtrArray *list, GError **error)
{
  gboolean ok = rtk_server_db_begin (store->db, TRUE, error);

  if (!ok)
    return FALSE;
  for (guint i = 0; ok && i < list->len; i++) {
    RtkServerEffect *effect = g_ptr_array_index (list, i);
    g_autofree char *answer = make_sandbox_answer (effect);

    ok = mark_done (store, effect, answer, NULL);
  }
  if (ok && rtk_server_db_commit (store->db, NULL))
    return TRUE;
  rtk_server_db_rollback (store->db);
  for (guint i = 0; i < list->len; i++) {
    RtkServerEffect *effect = g_ptr_array_index (list, i);
    g_autofree char *answer = make_sandbox_answer (effect);

    if (!rtk_server_effect_finish (store, effect, RTK_SERVER_DELIVERY_DONE, answer, NULL, 0, error))
      return FALSE;
  }
  return TRUE;
}

/**
 * rtk_server_effects_run_sandbox:
 * @store: a store, outside a transaction
 * @now: the time to judge by, microseconds since 1970
 * @out_done: (out): how many were done
 * @error: return location
 *
 * Does all that is due in the sandbox: nothing leaves the machine, and all goes well.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_effects_run_sandbox (RtkServerStore *store, gint64 now, guint *out_done, GError **error)
{
  guint n = 0;

  *out_done = 0;
  do {
    g_autoptr (GPtrArray) list = NULL;

    if (!rtk_server_db_begin (store->db, TRUE, error))
      return FALSE;
    list = take (store, now, SANDBOX_PAGE, &n, error);
    if (list == NULL) {
      rtk_server_db_rollback (store->db);
      return FALSE;
    }
    if (!rtk_server_db_commit (store->db, error) || !finish_all (store, list, error))
      return FALSE;
    *out_done += list->len;
  } while (n > 0);
  return TRUE;
}
