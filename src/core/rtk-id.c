/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-id.h"

#include <sodium.h>
#include <string.h>

#define ID_LENGTH 36

static gboolean
is_lower_hex (char c)
{
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/**
 * rtk_id_new:
 * @now_us: wall clock, microseconds since 1970 UTC
 *
 * Makes a UUID of version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, then random bits, so
 * that ids sort by the time they were made. Any thread.
 *
 * Returns: (transfer full): 36 characters, lower case
 */
char *
rtk_id_new (gint64 now_us)
{
  guint8  b[16];
  guint64 ms = (guint64)MAX (now_us, 0) / 1000;

  randombytes_buf (b, sizeof b);
  for (int i = 0; i < 6; i++)
    b[i] = (guint8)(ms >> (8 * (5 - i)));
  b[6] = (guint8)(0x70 | (b[6] & 0x0f));
  b[8] = (guint8)(0x80 | (b[8] & 0x3f));
  return g_strdup_printf ("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                          b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
                          b[12], b[13], b[14], b[15]);
}

/**
 * rtk_id_is_valid:
 * @id: (nullable): text
 *
 * Tells whether @id has the form of a UUID in lower case: safe in paths and statements.
 *
 * Returns: whether it has
 */
gboolean
rtk_id_is_valid (const char *id)
{
  if (id == NULL || strlen (id) != ID_LENGTH)
    return FALSE;
  for (int i = 0; i < ID_LENGTH; i++) {
    gboolean dash = i == 8 || i == 13 || i == 18 || i == 23;

    if (dash ? id[i] != '-' : !is_lower_hex (id[i]))
      return FALSE;
  }
  return TRUE;
}

/**
 * rtk_sha256_hex:
 * @data: (array length=size): bytes
 * @size: how many
 * @out_hex: 64 lower-case digits and a final zero
 *
 * Hashes @data. About 300 MB/s: not on the main thread for photos. Any thread.
 */
void
rtk_sha256_hex (const guint8 *data, gsize size, char out_hex[65])
{
  guint8 digest[crypto_hash_sha256_BYTES];

  crypto_hash_sha256 (digest, data, size);
  sodium_bin2hex (out_hex, 65, digest, sizeof digest);
}

/**
 * rtk_sha256_is_valid:
 * @hex: (nullable): text
 *
 * Tells whether @hex is 64 lower-case hexadecimal digits.
 *
 * Returns: whether it is
 */
gboolean
rtk_sha256_is_valid (const char *hex)
{
  if (hex == NULL || strlen (hex) != 64)
    return FALSE;
  for (int i = 0; i < 64; i++)
    if (!is_lower_hex (hex[i]))
      return FALSE;
  return TRUE;
}
