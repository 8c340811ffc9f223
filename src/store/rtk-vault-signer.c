/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-store"
#include "config.h"

#include "store/rtk-vault-signer.h"

#include "core/rtk-error.h"

#include <sodium.h>

struct _RtkVaultSigner {
  GObject     parent_instance;
  GMutex      mutex;
  guint8     *secret; /* (owned) (nullable) (lock mutex): guarded memory, NULL while locked */
  const char *key_id; /* (nullable) (lock mutex): interned, so it may be handed out */
};

static void signer_iface_init (RtkSignerInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (RtkVaultSigner,
                               rtk_vault_signer,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (RTK_TYPE_SIGNER, signer_iface_init))

static const char *
rtk_vault_signer_get_key_id (RtkSigner *signer)
{
  RtkVaultSigner *self = RTK_VAULT_SIGNER (signer);
  const char     *key_id;

  g_mutex_lock (&self->mutex);
  key_id = self->key_id;
  g_mutex_unlock (&self->mutex);
  return key_id;
}

static gboolean
rtk_vault_signer_sign (
    RtkSigner *signer, const guint8 *data, gsize size, guint8 out_signature[64], GError **error)
{
  RtkVaultSigner *self = RTK_VAULT_SIGNER (signer);
  gboolean        is_unlocked;

  g_mutex_lock (&self->mutex);
  is_unlocked = self->secret != NULL;
  if (is_unlocked)
    crypto_sign_detached (out_signature, NULL, data, size, self->secret);
  g_mutex_unlock (&self->mutex);
  if (!is_unlocked)
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_LOCKED, "the station's key is locked");
  return is_unlocked;
}

static void
signer_iface_init (RtkSignerInterface *iface)
{
  iface->get_key_id = rtk_vault_signer_get_key_id;
  iface->sign = rtk_vault_signer_sign;
}

static void
rtk_vault_signer_finalize (GObject *object)
{
  RtkVaultSigner *self = RTK_VAULT_SIGNER (object);

  rtk_vault_signer_lock (self);
  g_mutex_clear (&self->mutex);
  G_OBJECT_CLASS (rtk_vault_signer_parent_class)->finalize (object);
}

static void
rtk_vault_signer_class_init (RtkVaultSignerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = rtk_vault_signer_finalize;
}

static void
rtk_vault_signer_init (RtkVaultSigner *self)
{
  g_mutex_init (&self->mutex);
}

/**
 * rtk_vault_signer_new:
 *
 * Returns: (transfer full): a signer that is locked
 */
RtkVaultSigner *
rtk_vault_signer_new (void)
{
  return g_object_new (RTK_TYPE_VAULT_SIGNER, NULL);
}

/**
 * rtk_vault_signer_unlock:
 * @self: a signer
 * @seed: (array fixed-size=32): of the Ed25519 key; the caller wipes its own copy
 *
 * Takes the key into guarded memory. Any thread.
 */
void
rtk_vault_signer_unlock (RtkVaultSigner *self, const guint8 seed[RTK_KEY_SIZE])
{
  guint8  key[crypto_sign_PUBLICKEYBYTES];
  char    text[sodium_base64_ENCODED_LEN (sizeof key, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
  guint8 *secret = sodium_malloc (crypto_sign_SECRETKEYBYTES);

  if (secret == NULL)
    g_error ("no memory for a key");
  crypto_sign_seed_keypair (key, secret, seed);
  sodium_mprotect_readonly (secret);
  sodium_bin2base64 (text, sizeof text, key, sizeof key, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  rtk_vault_signer_lock (self);
  g_mutex_lock (&self->mutex);
  self->secret = secret;
  self->key_id = g_intern_string (text);
  g_mutex_unlock (&self->mutex);
}

/**
 * rtk_vault_signer_lock:
 * @self: a signer
 *
 * Wipes the key; the public one stays. Any thread.
 */
void
rtk_vault_signer_lock (RtkVaultSigner *self)
{
  g_mutex_lock (&self->mutex);
  if (self->secret != NULL)
    sodium_free (self->secret);
  self->secret = NULL;
  g_mutex_unlock (&self->mutex);
}

/**
 * rtk_vault_signer_set_key_id:
 * @self: a signer
 * @key_id: public key, base64url without padding
 *
 * Names the key before it is unlocked. Any thread.
 */
void
rtk_vault_signer_set_key_id (RtkVaultSigner *self, const char *key_id)
{
  g_mutex_lock (&self->mutex);
  self->key_id = g_intern_string (key_id);
  g_mutex_unlock (&self->mutex);
}
