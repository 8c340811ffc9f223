/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-envelope.h"

#include "core/rtk-error.h"

#include <sodium.h>
#include <string.h>

/* First byte of every sealed field; a later format gets another number. */
#define ENVELOPE_VERSION 1
#define NONCE_SIZE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_SIZE crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEADER_SIZE (1 + NONCE_SIZE)

/* A stored wrap that asks for more than this was not written by us: opening it would let whoever
 * can write the file stop the machine. */
#define OPS_LIMIT_MAX 16
#define MEMORY_LIMIT_MAX ((gsize)1 << 30)

struct _RtkKey {
  guint8 bytes[RTK_KEY_SIZE];
};

/* Heap memory that is wiped before it is given back. */
typedef struct {
  gsize  size;
  guint8 bytes[];
} Wiped;

static void
wiped_free (gpointer data)
{
  Wiped *wiped = data;

  sodium_memzero (wiped->bytes, wiped->size);
  g_free (wiped);
}

static void
ensure_sodium (void)
{
  static gsize once;

  if (g_once_init_enter (&once)) {
    if (sodium_init () < 0)
      g_error ("libsodium cannot be started");
    g_once_init_leave (&once, 1);
  }
}

static RtkKey *
key_alloc (void)
{
  RtkKey *self;

  ensure_sodium ();
  self = sodium_malloc (sizeof *self);
  if (self == NULL)
    g_error ("no memory for a key");
  return self;
}

/* The version and the place the field belongs to are authenticated with it, so a sealed field that
 * is copied elsewhere does not open. */
static guint8 *
associated_data (guint8 version, const char *context, gsize *out_size)
{
  gsize   length = strlen (context);
  guint8 *data = g_malloc (1 + length);

  data[0] = version;
  memcpy (data + 1, context, length);
  *out_size = 1 + length;
  return data;
}

/**
 * rtk_key_new_random:
 *
 * Makes a key from the system's random source. Any thread.
 *
 * Returns: (transfer full): a key
 */
RtkKey *
rtk_key_new_random (void)
{
  RtkKey *self = key_alloc ();

  randombytes_buf (self->bytes, sizeof self->bytes);
  sodium_mprotect_readonly (self);
  return self;
}

/**
 * rtk_key_new_from_bytes:
 * @bytes: (array fixed-size=32): the secret; the caller wipes its own copy
 *
 * Takes a key that comes from elsewhere into guarded memory. Any thread.
 *
 * Returns: (transfer full): a key
 */
RtkKey *
rtk_key_new_from_bytes (const guint8 bytes[RTK_KEY_SIZE])
{
  RtkKey *self = key_alloc ();

  memcpy (self->bytes, bytes, sizeof self->bytes);
  sodium_mprotect_readonly (self);
  return self;
}

/**
 * rtk_key_derive:
 * @master: the data key
 * @purpose: what the new key is for
 *
 * Derives a key of one purpose: BLAKE2b key derivation of libsodium (crypto_kdf) with context
 * "RtkVault". Equal arguments give equal keys; keys of two purposes tell nothing of each other.
 *
 * Any thread.
 *
 * Returns: (transfer full): a key
 */
RtkKey *
rtk_key_derive (const RtkKey *master, RtkKeyPurpose purpose)
{
  static const char context[crypto_kdf_CONTEXTBYTES + 1] = "RtkVault";
  RtkKey           *self;

  g_return_val_if_fail (master != NULL, NULL);

  self = key_alloc ();
  crypto_kdf_derive_from_key (self->bytes, sizeof self->bytes, (guint64)purpose, context,
                              master->bytes);
  sodium_mprotect_readonly (self);
  return self;
}

/**
 * rtk_key_from_passphrase:
 * @passphrase: what a person typed, UTF-8
 * @salt: (array fixed-size=16): random, stored beside what the key wraps
 * @ops_limit: passes of Argon2id, 1 to 16
 * @memory_limit: bytes Argon2id fills, 8192 to 1 GiB
 * @error: %RTK_ERROR_DAMAGED when a limit is out of range, %RTK_ERROR_BACKEND without memory
 *
 * Stretches a passphrase with Argon2id (version 1.3). The text is brought to NFKC first: an input
 * method may give full-width digits, or the same letter in another form.
 *
 * Blocking, up to half a second with the usual limits: never on the main thread.
 *
 * Returns: (transfer full): a key, or %NULL
 */
RtkKey *
rtk_key_from_passphrase (const char   *passphrase,
                         const guint8 *salt,
                         guint64       ops_limit,
                         gsize         memory_limit,
                         GError      **error)
{
  RtkKey *self;
  char   *normal;
  int     failed;

  g_return_val_if_fail (passphrase != NULL && salt != NULL, NULL);

  if (ops_limit < crypto_pwhash_OPSLIMIT_MIN || ops_limit > OPS_LIMIT_MAX ||
      memory_limit < crypto_pwhash_MEMLIMIT_MIN || memory_limit > MEMORY_LIMIT_MAX) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_DAMAGED,
                         "the limits of a key wrap are out of range");
    return NULL;
  }
  self = key_alloc ();
  normal = g_utf8_normalize (passphrase, -1, G_NORMALIZE_NFKC);
  if (normal == NULL)
    normal = g_strdup (passphrase);
  failed = crypto_pwhash (self->bytes, sizeof self->bytes, normal, strlen (normal), salt, ops_limit,
                          memory_limit, crypto_pwhash_ALG_ARGON2ID13);
  sodium_memzero (normal, strlen (normal));
  g_free (normal);
  if (failed) {
    rtk_key_free (self);
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BACKEND,
                         "not enough memory to check a passphrase");
    return NULL;
  }
  sodium_mprotect_readonly (self);
  return self;
}

/**
 * rtk_key_get_bytes:
 * @self: a key
 *
 * Returns: (transfer none) (array fixed-size=32): the secret; copy it nowhere that is not wiped
 */
const guint8 *
rtk_key_get_bytes (const RtkKey *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->bytes;
}

/**
 * rtk_key_free:
 * @self: (transfer full) (nullable): a key
 *
 * Wipes and frees a key.
 */
void
rtk_key_free (RtkKey *self)
{
  if (self != NULL)
    sodium_free (self);
}

/**
 * rtk_envelope_seal:
 * @key: a key of one purpose
 * @context: where the field belongs ("orders/ID/json"): needed again to open it, not stored
 * @plain: what to hide
 * @size: its bytes
 *
 * Encrypts and authenticates a field: version byte 1, random nonce of 24 bytes, ciphertext of
 * XChaCha20-Poly1305 (IETF) with its tag; 41 bytes longer than @plain. Any thread.
 *
 * Returns: (transfer full): the sealed field
 */
GBytes *
rtk_envelope_seal (const RtkKey *key, const char *context, const guint8 *plain, gsize size)
{
  g_autofree guint8 *extra = NULL;
  gsize              extra_size;
  guint8            *sealed;

  g_return_val_if_fail (key != NULL && context != NULL && (plain != NULL || size == 0), NULL);

  ensure_sodium ();
  sealed = g_malloc (HEADER_SIZE + size + TAG_SIZE);
  sealed[0] = ENVELOPE_VERSION;
  randombytes_buf (sealed + 1, NONCE_SIZE);
  extra = associated_data (ENVELOPE_VERSION, context, &extra_size);
  crypto_aead_xchacha20poly1305_ietf_encrypt (sealed + HEADER_SIZE, NULL, plain, size, extra,
                                              extra_size, NULL, sealed + 1, key->bytes);
  return g_bytes_new_take (sealed, HEADER_SIZE + size + TAG_SIZE);
}

/**
 * rtk_envelope_open:
 * @key: the key it was sealed with
 * @context: the context it was sealed with
 * @sealed: the sealed field
 * @size: its bytes
 * @error: %RTK_ERROR_DAMAGED when it was changed, moved, or sealed with another key
 *
 * Opens a sealed field. Any thread.
 *
 * Returns: (transfer full): the content, in memory that is wiped when it is freed; or %NULL
 */
GBytes *
rtk_envelope_open (
    const RtkKey *key, const char *context, const guint8 *sealed, gsize size, GError **error)
{
  g_autofree guint8 *extra = NULL;
  gsize              extra_size;
  Wiped             *plain;

  g_return_val_if_fail (key != NULL && context != NULL && (sealed != NULL || size == 0), NULL);

  ensure_sodium ();
  if (size < HEADER_SIZE + TAG_SIZE || sealed[0] != ENVELOPE_VERSION) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_DAMAGED, "a sealed field is too short");
    return NULL;
  }
  plain = g_malloc (sizeof *plain + size - HEADER_SIZE - TAG_SIZE + 1);
  plain->size = size - HEADER_SIZE - TAG_SIZE;
  plain->bytes[plain->size] = 0;
  extra = associated_data (sealed[0], context, &extra_size);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt (plain->bytes, NULL, NULL, sealed + HEADER_SIZE,
                                                  size - HEADER_SIZE, extra, extra_size, sealed + 1,
                                                  key->bytes) != 0) {
    wiped_free (plain);
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_DAMAGED, "a sealed field does not open");
    return NULL;
  }
  return g_bytes_new_with_free_func (plain->bytes, plain->size, wiped_free, plain);
}

/**
 * rtk_hmac_sha256_hex:
 * @key: a secret of any length
 * @key_size: its bytes
 * @text: what to digest
 *
 * Computes HMAC-SHA-256 (RFC 2104). Any thread.
 *
 * Returns: (transfer full): 64 lower-case hexadecimal digits
 */
char *
rtk_hmac_sha256_hex (const guint8 *key, gsize key_size, const char *text)
{
  crypto_auth_hmacsha256_state state;
  guint8                       digest[crypto_auth_hmacsha256_BYTES];
  char                        *hex = g_malloc (2 * sizeof digest + 1);

  ensure_sodium ();
  crypto_auth_hmacsha256_init (&state, key, key_size);
  crypto_auth_hmacsha256_update (&state, (const guint8 *)text, strlen (text));
  crypto_auth_hmacsha256_final (&state, digest);
  sodium_bin2hex (hex, 2 * sizeof digest + 1, digest, sizeof digest);
  sodium_memzero (&state, sizeof state);
  return hex;
}
