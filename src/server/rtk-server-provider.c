/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-id.h"
#include "core/rtk-json.h"
#include "server/rtk-server-payments.h"
#include "server/rtk-server-signature.h"

#include <sodium.h>
#include <string.h>

/* Who takes the money. The sandbox gives a code by itself and plays the customer on demand; the
 * webhook asks an adapter outside. Both tell what became of a payment by the same signed callback,
 * and the sandbox goes through the same check. */

static gboolean
begin_sandbox (RtkServerStore         *store,
               const RtkServerPayment *payment,
               gint64                  expires_at,
               char                  **out_code,
               GError                **error)
{
  guint8 random[10];
  char   hex[2 * sizeof random + 1];

  randombytes_buf (random, sizeof random);
  *out_code =
      g_strconcat ("SANDBOX-", sodium_bin2hex (hex, sizeof hex, random, sizeof random), NULL);
  return TRUE;
}

/* The adapter's answer to the effect has the code. */
static gboolean
begin_webhook (RtkServerStore         *store,
               const RtkServerPayment *payment,
               gint64                  expires_at,
               char                  **out_code,
               GError                **error)
{
  g_autofree char *idempotency = g_strconcat ("payment:", payment->id, NULL);
  g_auto (RtkServerJson) json = {0};

  *out_code = NULL;
  rtk_server_json_init (&json);
  rtk_server_json_begin (&json, NULL, '{');
  rtk_server_json_string (&json, "payment", payment->id);
  rtk_server_json_int (&json, "amount_fen", payment->amount_fen);
  rtk_server_json_time (&json, "expires_at", expires_at);
  rtk_server_json_end (&json, '}');
  return rtk_server_effect_add (store, "payment", payment->order_id, payment->id, idempotency,
                                json.text->str, g_get_real_time (), error);
}

static const RtkServerProvider providers[] = {
    {"sandbox", TRUE, begin_sandbox},
    {"webhook", FALSE, begin_webhook},
};

static const RtkServerProvider *
find_provider (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (providers); i++)
    if (g_strcmp0 (providers[i].name, name) == 0)
      return &providers[i];
  return NULL;
}

/**
 * rtk_server_provider_is_known:
 * @name: (nullable): of a provider
 *
 * Returns: whether there is such a provider
 */
gboolean
rtk_server_provider_is_known (const char *name)
{
  return find_provider (name) != NULL;
}

/**
 * rtk_server_provider_get:
 * @config: settings
 *
 * Nobody pays in the sandbox unless that is asked for, or nobody but this machine can call.
 *
 * Returns: (transfer none) (nullable): the provider of this server, %NULL when it takes no payments
 *   but at the desk
 */
const RtkServerProvider *
rtk_server_provider_get (const RtkServerConfig *config)
{
  if (config->provider != NULL)
    return find_provider (config->provider);
  if (config->webhook_url != NULL)
    return find_provider ("webhook");
  return config->is_public ? NULL : find_provider ("sandbox");
}

/* What callbacks are signed with. Without a secret nobody outside can sign one. */
static char *
dup_secret (RtkServerStore *store)
{
  if (store->config->provider_secret != NULL)
    return g_strdup (store->config->provider_secret);
  return rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_ID, "sandbox provider");
}

/* Whether the state is one; else the call is answered. */
static gboolean
check_state (RtkServerCall *call, const RtkServerEvent *event)
{
  if (strcmp (event->state, "settled") != 0 && strcmp (event->state, "failed") != 0)
    rtk_server_call_fail (call, 422, "bad-member", "The state is settled or failed.");
  return call->status == 0;
}

/* Does what an event tells, once: a known id with the same content changes nothing. */
static gboolean
take_event (RtkServerStore       *store,
            RtkServerCall        *call,
            const RtkServerEvent *event,
            const char           *digest,
            RtkServerPayment     *payment,
            GError              **error)
{
  g_autofree char *known = rtk_server_db_dup_text (
      store->db, "SELECT digest FROM callbacks WHERE id = ?", "s", event->id);

  if (known != NULL && strcmp (known, digest) != 0)
    return rtk_server_call_fail (call, 409, "id-reused", "This id belongs to another event.");
  if (!rtk_server_payment_find (store, event->payment, payment, error))
    return FALSE;
  if (payment->id == NULL || !rtk_server_provider_is_known (payment->provider))
    return rtk_server_call_not_found (call);
  if (known != NULL)
    return TRUE;
  return rtk_server_db_run (store->db, error,
                            "INSERT INTO callbacks (id, digest, received_at) VALUES (?, ?, ?)",
                            "ssi", event->id, digest, g_get_real_time ()) &&
         rtk_server_payment_apply (store, payment, event, error);
}

static gboolean
check_signature (RtkServerStore *store, const char *header, const void *body, gsize size)
{
  g_autofree char *secret = dup_secret (store);
  gboolean         fits =
      rtk_server_signature_check (secret, header, g_get_real_time () / G_USEC_PER_SEC, body, size);

  sodium_memzero (secret, strlen (secret));
  return fits;
}

/* POST /v1/provider/payments: what became of a payment. May come late, twice and in any order. */
RTK_SERVER_HANDLER (provider_payment)
{
  RtkServerEvent event = {
      .id = rtk_server_call_get_string (call, "id"),
      .payment = rtk_server_call_get_string (call, "payment"),
      .state = rtk_server_call_get_string (call, "state"),
      .reference = rtk_server_call_get_string (call, "reference"),
      .amount_fen = rtk_server_call_get_int (call, "amount_fen", 0),
  };
  g_auto (RtkServerPayment) payment = {0};
  gsize       size;
  const void *body = g_bytes_get_data (call->body, &size);
  char        digest[65];

  if (!check_state (call, &event))
    return TRUE;
  if (!check_signature (store, rtk_server_call_get_header (call, "retake-signature"), body, size))
    return rtk_server_call_fail (call, 401, "bad-signature",
                                 "The signature is not the provider's, or too old.");
  rtk_sha256_hex (body, size, digest);
  if (!take_event (store, call, &event, digest, &payment, error))
    return FALSE;
  if (call->status != 0)
    return TRUE;
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_string (&call->answer, "payment", payment.id);
  rtk_server_json_string (&call->answer, "state", payment.state);
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return TRUE;
}

/* The callback that the provider would send, with its signature. */
static char *
make_callback (RtkServerStore *store, RtkServerCall *call, gint64 amount_fen, char **out_signature)
{
  const char      *state = rtk_server_call_get_string (call, "state");
  g_autofree char *secret = dup_secret (store);
  g_auto (RtkServerJson) json = {0};

  rtk_server_json_init (&json);
  rtk_server_json_begin (&json, NULL, '{');
  rtk_server_json_string (&json, "id", rtk_server_call_get_string (call, "id"));
  rtk_server_json_string (&json, "payment", call->params[0]);
  rtk_server_json_string (&json, "state", state != NULL ? state : "settled");
  rtk_server_json_int (&json, "amount_fen", amount_fen);
  rtk_server_json_string (&json, "reference", "sandbox");
  rtk_server_json_end (&json, '}');
  *out_signature = rtk_server_signature_make (secret, g_get_real_time () / G_USEC_PER_SEC,
                                              json.text->str, json.text->len);
  sodium_memzero (secret, strlen (secret));
  return g_strdup (json.text->str);
}

/* Whose payment it is: staff may play every customer, an account only itself. */
static gboolean
may_pay (RtkServerStore *store, RtkServerCall *call, const RtkServerPayment *payment)
{
  return payment->id != NULL &&
         (call->who != RTK_SERVER_ACCOUNT ||
          rtk_server_db_get_int (
              store->db, 0, "SELECT EXISTS (SELECT 1 FROM orders WHERE id = ? AND account = ?)",
              "ss", payment->order_id, call->principal) != 0);
}

/* Whether it was begun in the sandbox, and this server has one: no play money for a payment that
 * another provider was asked for. */
static gboolean
is_played (RtkServerStore *store, const RtkServerPayment *payment)
{
  const RtkServerProvider *provider = rtk_server_provider_get (store->config);

  return provider != NULL && provider->plays_customer &&
         g_strcmp0 (payment->provider, provider->name) == 0;
}

/* POST /v1/sandbox/payments/{id}: the customer pays, or fails to. Only where nobody's money is. */
RTK_SERVER_HANDLER (sandbox_payment)
{
  g_auto (RtkServerPayment) payment = {0};
  g_auto (RtkServerPayment) told = {0};
  g_autofree char *body = NULL;
  g_autofree char *signature = NULL;
  RtkServerEvent   event = {
        .id = rtk_server_call_get_string (call, "id"),
        .payment = call->params[0],
        .state = rtk_server_call_get_string (call, "state"),
        .reference = "sandbox",
  };
  char digest[65];

  if (event.state == NULL)
    event.state = "settled";
  if (!check_state (call, &event))
    return TRUE;
  if (!rtk_server_payment_find (store, call->params[0], &payment, error))
    return FALSE;
  if (!is_played (store, &payment) || !may_pay (store, call, &payment))
    return rtk_server_call_not_found (call);
  event.amount_fen = rtk_server_call_get_int (call, "amount_fen", payment.amount_fen);
  body = make_callback (store, call, event.amount_fen, &signature);
  if (!check_signature (store, signature, body, strlen (body)))
    return rtk_server_call_fail (call, 401, "bad-signature",
                                 "The signature is not the provider's, or too old.");
  rtk_sha256_hex ((const guint8 *)body, strlen (body), digest);
  if (!take_event (store, call, &event, digest, &told, error))
    return FALSE;
  if (call->status != 0)
    return TRUE;
  call->status = 200;
  return rtk_server_order_write (store, &call->answer, NULL, told.order_id, call->station, error);
}
