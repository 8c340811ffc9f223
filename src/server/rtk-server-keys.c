/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-keys.h"

#include "core/rtk-envelope.h"
#include "core/rtk-error.h"
#include "server/rtk-server-files.h"

#include <sodium.h>
#include <string.h>

#define KDF_CONTEXT "RtkServr"

struct _RtkServerKeys {
  RtkKey *keys[RTK_SERVER_N_KEYS]; /* (owned): by RtkServerKeyKind, 0 unused */
};

/* A new key is written only for a new data folder: a missing file beside a database means that it
 * was lost, and a fresh key would make every code in there unfindable. */
static gboolean
make_file (const char *path, gboolean create, GError **error)
{
  guint8   master[crypto_kdf_KEYBYTES];
  gboolean ok;

  if (!create) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_DAMAGED,
                 "The key file %s is missing: put it back from its backup", path);
    return FALSE;
  }
  randombytes_buf (master, sizeof master);
  ok = rtk_server_file_write (path, master, sizeof master, error);
  sodium_memzero (master, sizeof master);
  return ok;
}

/**
 * rtk_server_keys_open:
 * @folder: the data folder
 * @create: whether a new key may be made
 * @error: return location
 *
 * Reads the key file of @folder and derives one key a purpose from it.
 *
 * Returns: (transfer full): the keys
 */
RtkServerKeys *
rtk_server_keys_open (const char *folder, gboolean create, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "server.key", NULL);
  g_autofree char *master = NULL;
  gsize            size = 0;
  RtkServerKeys   *self;

  if (rtk_server_file_get_size (path) < 0 && !make_file (path, create, error))
    return NULL;
  if (!g_file_get_contents (path, &master, &size, NULL) || size != crypto_kdf_KEYBYTES) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_DAMAGED,
                 "The key file %s cannot be read: put it back from its backup", path);
    return NULL;
  }
  self = g_new0 (RtkServerKeys, 1);
  for (guint i = RTK_SERVER_KEY_CODE; i < RTK_SERVER_N_KEYS; i++) {
    guint8 key[RTK_KEY_SIZE];

    crypto_kdf_derive_from_key (key, sizeof key, i, KDF_CONTEXT, (const guint8 *)master);
    self->keys[i] = rtk_key_new_from_bytes (key);
    sodium_memzero (key, sizeof key);
  }
  sodium_memzero (master, size);
  return self;
}

/**
 * rtk_server_keys_free:
 * @self: (transfer full): keys
 *
 * Wipes the keys.
 */
void
rtk_server_keys_free (RtkServerKeys *self)
{
  for (guint i = RTK_SERVER_KEY_CODE; i < RTK_SERVER_N_KEYS; i++)
    rtk_key_free (self->keys[i]);
  g_free (self);
}

/**
 * rtk_server_keys_get_id:
 * @self: keys
 *
 * Names the key file without giving it away, so that a database and a key file that do not belong
 * together are noticed.
 *
 * Returns: (transfer full): 64 hexadecimal digits
 */
char *
rtk_server_keys_get_id (const RtkServerKeys *self)
{
  return rtk_server_keys_digest (self, RTK_SERVER_KEY_ID, "retake-server");
}

/* Full-width digits, spaces around it and the small x at its end make no other number. */
static char *
normalise_number (const char *text)
{
  g_autofree char *wide = g_utf8_normalize (text, -1, G_NORMALIZE_ALL_COMPOSE);
  char            *upper = g_utf8_strup (wide != NULL ? wide : text, -1);

  return g_strstrip (upper);
}

/**
 * rtk_server_keys_digest:
 * @self: keys
 * @kind: what @text is
 * @text: a code, a phone number or an identity number
 *
 * Computes what @text is found by; an identity number in any case and width.
 *
 * Returns: (transfer full): HMAC-SHA256 in hexadecimal
 */
char *
rtk_server_keys_digest (const RtkServerKeys *self, RtkServerKeyKind kind, const char *text)
{
  g_autofree char *normal = kind == RTK_SERVER_KEY_NUMBER ? normalise_number (text) : NULL;

  return rtk_hmac_sha256_hex (rtk_key_get_bytes (self->keys[kind]), RTK_KEY_SIZE,
                              normal != NULL ? normal : text);
}

/**
 * rtk_server_keys_seal:
 * @self: keys
 * @context: what it belongs to, such as "code:ID": it cannot be moved to another row
 * @text: what to encrypt
 *
 * Returns: (transfer full): the encrypted text
 */
GBytes *
rtk_server_keys_seal (const RtkServerKeys *self, const char *context, const char *text)
{
  return rtk_envelope_seal (self->keys[RTK_SERVER_KEY_SEAL], context, (const guint8 *)text,
                            strlen (text));
}

/**
 * rtk_server_keys_open_text:
 * @self: keys
 * @context: as when it was sealed
 * @sealed: what was sealed
 * @error: return location; %RTK_ERROR_DAMAGED
 *
 * Returns: (transfer full): the text
 */
char *
rtk_server_keys_open_text (const RtkServerKeys *self,
                           const char          *context,
                           GBytes              *sealed,
                           GError             **error)
{
  g_autoptr (GBytes) plain =
      rtk_envelope_open (self->keys[RTK_SERVER_KEY_SEAL], context, g_bytes_get_data (sealed, NULL),
                         g_bytes_get_size (sealed), error);
  const char *data;
  gsize       length;

  if (plain == NULL)
    return NULL;
  data = g_bytes_get_data (plain, &length);
  return g_strndup (data != NULL ? data : "", length);
}

/**
 * rtk_server_keys_derive_station:
 * @self: keys
 * @station_id: a station
 * @out: K_station
 *
 * Computes the key with which the codes in a station's feed are digested. It is never stored here.
 */
void
rtk_server_keys_derive_station (const RtkServerKeys *self,
                                const char          *station_id,
                                guint8               out[RTK_SERVER_STATION_KEY_SIZE])
{
  crypto_auth_hmacsha256 (out, (const guint8 *)station_id, strlen (station_id),
                          rtk_key_get_bytes (self->keys[RTK_SERVER_KEY_STATION]));
}

/* The pair of the key that signs grants. */
static void
make_grant_pair (const RtkServerKeys *self,
                 guint8               out_public[crypto_sign_PUBLICKEYBYTES],
                 guint8               out_secret[crypto_sign_SECRETKEYBYTES])
{
  G_STATIC_ASSERT (RTK_KEY_SIZE == crypto_sign_SEEDBYTES);
  (void)crypto_sign_seed_keypair (out_public, out_secret,
                                  rtk_key_get_bytes (self->keys[RTK_SERVER_KEY_GRANT]));
}

/**
 * rtk_server_keys_get_grant_key:
 * @self: keys
 *
 * Returns: (transfer full): the public key with which stations check grants, base64url without
 *   padding
 */
char *
rtk_server_keys_get_grant_key (const RtkServerKeys *self)
{
  guint8 public_key[crypto_sign_PUBLICKEYBYTES];
  guint8 secret_key[crypto_sign_SECRETKEYBYTES];
  char   text[sodium_base64_ENCODED_LEN (crypto_sign_PUBLICKEYBYTES,
                                         sodium_base64_VARIANT_URLSAFE_NO_PADDING)];

  make_grant_pair (self, public_key, secret_key);
  sodium_memzero (secret_key, sizeof secret_key);
  sodium_bin2base64 (text, sizeof text, public_key, sizeof public_key,
                     sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  return g_strdup (text);
}

/**
 * rtk_server_keys_sign_grant:
 * @self: keys
 * @content: of a grant
 * @out_signature: Ed25519
 *
 * Signs a grant.
 */
void
rtk_server_keys_sign_grant (const RtkServerKeys *self, GBytes *content, guint8 out_signature[64])
{
  guint8 public_key[crypto_sign_PUBLICKEYBYTES];
  guint8 secret_key[crypto_sign_SECRETKEYBYTES];

  make_grant_pair (self, public_key, secret_key);
  (void)crypto_sign_detached (out_signature, NULL, g_bytes_get_data (content, NULL),
                              g_bytes_get_size (content), secret_key);
  sodium_memzero (secret_key, sizeof secret_key);
}
