/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-signer.h"

#include <sodium.h>
#include <string.h>

#define RTK_TYPE_TEST_SIGNER (rtk_test_signer_get_type ())
G_DECLARE_FINAL_TYPE (RtkTestSigner, rtk_test_signer, RTK, TEST_SIGNER, GObject)

struct _RtkTestSigner {
  GObject parent_instance;
  guint8  secret[crypto_sign_SECRETKEYBYTES];
  char    key_id[64];
};

static const char *
test_signer_get_key_id (RtkSigner *signer)
{
  return RTK_TEST_SIGNER (signer)->key_id;
}

static gboolean
test_signer_sign (
    RtkSigner *signer, const guint8 *data, gsize size, guint8 out_signature[64], GError **error)
{
  crypto_sign_detached (out_signature, NULL, data, size, RTK_TEST_SIGNER (signer)->secret);
  return TRUE;
}

static void
signer_iface_init (RtkSignerInterface *iface)
{
  iface->get_key_id = test_signer_get_key_id;
  iface->sign = test_signer_sign;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (RtkTestSigner,
                               rtk_test_signer,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (RTK_TYPE_SIGNER, signer_iface_init))

static void
rtk_test_signer_class_init (RtkTestSignerClass *klass)
{
}

static void
rtk_test_signer_init (RtkTestSigner *self)
{
}

RtkSigner *
rtk_test_signer_new (const char *seed)
{
  RtkTestSigner *self = g_object_new (RTK_TYPE_TEST_SIGNER, NULL);
  guint8         hash[crypto_sign_SEEDBYTES];
  guint8         public_key[crypto_sign_PUBLICKEYBYTES];

  crypto_generichash (hash, sizeof hash, (const guint8 *)seed, strlen (seed), NULL, 0);
  crypto_sign_seed_keypair (public_key, self->secret, hash);
  sodium_bin2base64 (self->key_id, sizeof self->key_id, public_key, sizeof public_key,
                     sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  return RTK_SIGNER (self);
}
