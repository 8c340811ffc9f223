/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-signature.h"

#include <sodium.h>
#include <string.h>

static void
compute (const char *secret,
         const char *time,
         const void *body,
         gsize       size,
         guint8      out[crypto_auth_hmacsha256_BYTES])
{
  crypto_auth_hmacsha256_state state;

  crypto_auth_hmacsha256_init (&state, (const guint8 *)secret, strlen (secret));
  crypto_auth_hmacsha256_update (&state, (const guint8 *)time, strlen (time));
  crypto_auth_hmacsha256_update (&state, (const guint8 *)".", 1);
  crypto_auth_hmacsha256_update (&state, body, size);
  crypto_auth_hmacsha256_final (&state, out);
  sodium_memzero (&state, sizeof state);
}

/**
 * rtk_server_signature_make:
 * @secret: what both sides know
 * @time_s: seconds since 1970
 * @body: (array length=size): what is sent
 * @size: its bytes
 *
 * Signs a body: "t=UNIX,v1=HEX" with HMAC-SHA-256 over the time, a dot and the body. Any thread.
 *
 * Returns: (transfer full): value of the header %RTK_SERVER_SIGNATURE_HEADER
 */
char *
rtk_server_signature_make (const char *secret, gint64 time_s, const void *body, gsize size)
{
  g_autofree char *time = g_strdup_printf ("%" G_GINT64_FORMAT, time_s);
  guint8           mac[crypto_auth_hmacsha256_BYTES];
  char             hex[2 * crypto_auth_hmacsha256_BYTES + 1];

  compute (secret, time, body, size, mac);
  sodium_bin2hex (hex, sizeof hex, mac, sizeof mac);
  return g_strconcat ("t=", time, ",v1=", hex, NULL);
}

/**
 * rtk_server_signature_check:
 * @secret: what both sides know
 * @header: (nullable): value of the header; several "v1" are allowed while a secret changes
 * @now_s: seconds since 1970
 * @body: (array length=size): what came
 * @size: its bytes
 *
 * Checks a signature and that it is not older or younger than %RTK_SERVER_SIGNATURE_SECONDS.
 * Compares in constant time. Any thread.
 *
 * Returns: whether the body is from who knows the secret, and of now
 */
gboolean
rtk_server_signature_check (
    const char *secret, const char *header, gint64 now_s, const void *body, gsize size)
{
  g_auto (GStrv) words = g_strsplit (header != NULL ? header : "", ",", 8);
  const char *time = NULL;
  gint64      time_s = 0;
  gboolean    fits = FALSE;
  guint8      mac[crypto_auth_hmacsha256_BYTES];

  for (guint i = 0; words[i] != NULL; i++)
    if (g_str_has_prefix (words[i], "t="))
      time = words[i] + 2;
  if (time == NULL || !g_ascii_string_to_signed (time, 10, 0, G_MAXINT64 / 2, &time_s, NULL) ||
      ABS (now_s - time_s) > RTK_SERVER_SIGNATURE_SECONDS)
    return FALSE;
  compute (secret, time, body, size, mac);
  for (guint i = 0; words[i] != NULL; i++) {
    guint8 given[crypto_auth_hmacsha256_BYTES];
    gsize  n = 0;

    if (g_str_has_prefix (words[i], "v1=") &&
        sodium_hex2bin (given, sizeof given, words[i] + 3, strlen (words[i] + 3), NULL, &n, NULL) ==
            0 &&
        n == sizeof given && sodium_memcmp (given, mac, sizeof mac) == 0)
      fits = TRUE;
  }
  return fits;
}
