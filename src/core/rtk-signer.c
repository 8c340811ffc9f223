/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-signer.h"

#include <sodium.h>
#include <string.h>

G_DEFINE_INTERFACE (RtkSigner, rtk_signer, G_TYPE_OBJECT)

static void
rtk_signer_default_init (RtkSignerInterface *iface)
{
}

/**
 * rtk_signer_get_key_id:
 * @self: a signer
 *
 * Names the key: the Ed25519 public key in base64url without padding (43 characters).
 *
 * Returns: (transfer none): the name
 */
const char *
rtk_signer_get_key_id (RtkSigner *self)
{
  return RTK_SIGNER_GET_IFACE (self)->get_key_id (self);
}

/**
 * rtk_signer_sign:
 * @self: a signer
 * @data: (array length=size): what to sign
 * @size: bytes of @data
 * @out_signature: 64 bytes
 * @error: return location; %RTK_ERROR_LOCKED while the vault is locked
 *
 * Signs @data with Ed25519 (RFC 8032). Any thread.
 *
 * Returns: whether it was signed
 */
gboolean
rtk_signer_sign (
    RtkSigner *self, const guint8 *data, gsize size, guint8 out_signature[64], GError **error)
{
  return RTK_SIGNER_GET_IFACE (self)->sign (self, data, size, out_signature, error);
}

/**
 * rtk_signature_check:
 * @key_id: (nullable): public key, base64url without padding
 * @data: (array length=size): what was signed
 * @size: bytes of @data
 * @signature: 64 bytes
 *
 * Checks an Ed25519 signature. Any thread.
 *
 * Returns: whether @signature was made over @data with the key @key_id
 */
gboolean
rtk_signature_check (const char *key_id, const guint8 *data, gsize size, const guint8 signature[64])
{
  guint8 key[crypto_sign_PUBLICKEYBYTES];
  gsize  length = 0;

  if (key_id == NULL || sodium_base642bin (key, sizeof key, key_id, strlen (key_id), NULL, &length,
                                           NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
    return FALSE;
  return length == sizeof key && crypto_sign_verify_detached (signature, data, size, key) == 0;
}

/**
 * rtk_signature_to_text:
 * @signature: 64 bytes
 *
 * Writes a signature as messages and files carry it. Any thread.
 *
 * Returns: (transfer full): base64 with padding, 88 characters
 */
char *
rtk_signature_to_text (const guint8 signature[64])
{
  return g_base64_encode (signature, crypto_sign_BYTES);
}

/**
 * rtk_signature_from_text:
 * @text: base64 with padding
 * @out_signature: (out caller-allocates): 64 bytes; undefined when %FALSE is returned
 *
 * Reads a signature. Any thread.
 *
 * Returns: whether @text is base64 of 64 bytes, and nothing else
 */
gboolean
rtk_signature_from_text (const char *text, guint8 out_signature[64])
{
  gsize length = 0;

  return sodium_base642bin (out_signature, crypto_sign_BYTES, text, strlen (text), NULL, &length,
                            NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
         length == crypto_sign_BYTES;
}
