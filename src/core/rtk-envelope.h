/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define RTK_KEY_SIZE 32

/* 32 secret bytes in memory that is locked, guarded and wiped when freed. */
typedef struct _RtkKey RtkKey;

/**
 * RtkKeyPurpose:
 *
 * What a key derived from the station's data key is for. The number enters the derivation: never
 * renumber.
 */
typedef enum {
  RTK_KEY_FIELDS = 1,     /* identity columns (AEAD) */
  RTK_KEY_BLOBS = 2,      /* wraps the key of each photo */
  RTK_KEY_BLOB_NAMES = 3, /* keyed BLAKE2b of a photo's SHA-256 = its file name */
  RTK_KEY_SECRETS = 4,    /* signing key, K_station, tokens at rest */
} RtkKeyPurpose;

RtkKey *rtk_key_new_random (void) G_GNUC_WARN_UNUSED_RESULT;
RtkKey *rtk_key_new_from_bytes (const guint8 bytes[RTK_KEY_SIZE]) G_GNUC_WARN_UNUSED_RESULT;
RtkKey *rtk_key_derive (const RtkKey *master, RtkKeyPurpose purpose) G_GNUC_WARN_UNUSED_RESULT;
RtkKey *rtk_key_from_passphrase (const char   *passphrase,
                                 const guint8 *salt,
                                 guint64       ops_limit,
                                 gsize         memory_limit,
                                 GError      **error) G_GNUC_WARN_UNUSED_RESULT;
const guint8 *rtk_key_get_bytes (const RtkKey *self);
void          rtk_key_free (RtkKey *self);

GBytes *rtk_envelope_seal (const RtkKey *key, const char *context, const guint8 *plain, gsize size)
    G_GNUC_WARN_UNUSED_RESULT;
GBytes *rtk_envelope_open (const RtkKey *key,
                           const char   *context,
                           const guint8 *sealed,
                           gsize         size,
                           GError      **error) G_GNUC_WARN_UNUSED_RESULT;
char *
rtk_hmac_sha256_hex (const guint8 *key, gsize key_size, const char *text) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkKey, rtk_key_free)

G_END_DECLS
