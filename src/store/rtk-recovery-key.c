/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-store"
#include "config.h"

#include "store/rtk-keyring.h"

#include <sodium.h>
#include <string.h>

/* 160 random bits as 32 letters and digits, 4 more to catch a slip of the pen, in groups of six:
 * "7K3QZP-...". The alphabet has no I, L, O and U; what is read as I, L or O counts as 1, 1, 0. */
#define SECRET_SIZE 20
#define N_LETTERS 32
#define N_CHECK 4
#define GROUP 6

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void
encode (const guint8 *bytes, gsize n_letters, char *out)
{
  guint32 bits = 0;
  guint   n_bits = 0;

  for (gsize i = 0; i < n_letters; i++) {
    if (n_bits < 5) {
      bits = (bits << 8) | *bytes++;
      n_bits += 8;
    }
    n_bits -= 5;
    out[i] = alphabet[(bits >> n_bits) & 31];
  }
}

static void
add_check (const char *letters, char *out)
{
  guint8 digest[crypto_generichash_BYTES_MIN];

  crypto_generichash (digest, sizeof digest, (const guint8 *)letters, N_LETTERS, NULL, 0);
  encode (digest, N_CHECK, out);
}

static char
read_letter (char c)
{
  c = g_ascii_toupper (c);
  if (c == 'O')
    return '0';
  return c == 'I' || c == 'L' ? '1' : c;
}

/**
 * rtk_recovery_key_new:
 *
 * Makes a recovery key as it is printed. Any thread.
 *
 * Returns: (transfer full): six groups of six letters and digits; to be wiped after use
 */
char *
rtk_recovery_key_new (void)
{
  guint8 secret[SECRET_SIZE];
  char   letters[N_LETTERS + N_CHECK];
  char  *text = g_malloc (N_LETTERS + N_CHECK + (N_LETTERS + N_CHECK) / GROUP);
  char  *out = text;

  randombytes_buf (secret, sizeof secret);
  encode (secret, N_LETTERS, letters);
  add_check (letters, letters + N_LETTERS);
  for (guint i = 0; i < sizeof letters; i++) {
    if (i > 0 && i % GROUP == 0)
      *out++ = '-';
    *out++ = letters[i];
  }
  *out = '\0';
  sodium_memzero (secret, sizeof secret);
  sodium_memzero (letters, sizeof letters);
  return text;
}

/* Reads 36 letters, whatever stands between them, into @out; FALSE when it is anything else. */
static gboolean
read_letters (const char *text, char out[N_LETTERS + N_CHECK])
{
  gsize n = 0;

  for (const char *c = text; *c != '\0'; c++) {
    if (g_ascii_isspace (*c) || *c == '-')
      continue;
    if (n == N_LETTERS + N_CHECK || strchr (alphabet, read_letter (*c)) == NULL)
      return FALSE;
    out[n++] = read_letter (*c);
  }
  return n == N_LETTERS + N_CHECK;
}

/**
 * rtk_recovery_key_parse:
 * @text: what a person typed: any case, with or without spaces and dashes
 * @out_letters: (out): the 32 letters that are stretched into a key; to be wiped after use
 *
 * Reads a recovery key. Any thread.
 *
 * Returns: whether @text is one; a wrong letter is found with a chance of 1 - 1 / 2^20
 */
gboolean
rtk_recovery_key_parse (const char *text, char **out_letters)
{
  g_autofree char *normal = g_utf8_normalize (text, -1, G_NORMALIZE_NFKC);
  char             letters[N_LETTERS + N_CHECK];
  char             check[N_CHECK];
  gboolean         is_key = normal != NULL && read_letters (normal, letters);

  if (is_key) {
    add_check (letters, check);
    is_key = memcmp (check, letters + N_LETTERS, N_CHECK) == 0;
  }
  if (is_key)
    *out_letters = g_strndup (letters, N_LETTERS);
  /* What is no recovery key is most often a passphrase. */
  sodium_memzero (letters, sizeof letters);
  if (normal != NULL)
    sodium_memzero (normal, strlen (normal));
  return is_key;
}
