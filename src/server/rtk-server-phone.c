/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "server/rtk-server-store.h"

#include <sodium.h>
#include <string.h>

/* A telephone number has one spelling, under which it is found and counted. */

/* Mobile numbers of the country: 11 digits that begin with 1; "+86" may stand before them. */
#define HOME_PREFIX "86"
#define HOME_LENGTH 11

/**
 * rtk_server_phone_normalise:
 * @phone: what somebody typed
 *
 * Leaves out spaces, hyphens and the country's own prefix; other countries' begin with "+".
 *
 * Returns: (transfer full) (nullable): the number, %NULL when it cannot be one
 */
char *
rtk_server_phone_normalise (const char *phone)
{
  g_autoptr (GString) text = g_string_new (NULL);
  const char *digits;
  gsize       length;

  for (const char *c = phone; *c != '\0'; c++)
    if (*c != ' ' && *c != '-')
      g_string_append_c (text, *c);
  if (g_str_has_prefix (text->str, "00"))
    g_string_replace (text, "00", "+", 1);
  digits = text->str + (text->str[0] == '+');
  length = strlen (digits);
  if (length < 5 || text->len > 20 || strspn (digits, "0123456789") != length)
    return NULL;
  if (length == strlen (HOME_PREFIX) + HOME_LENGTH && g_str_has_prefix (digits, HOME_PREFIX "1"))
    return g_strdup (digits + strlen (HOME_PREFIX));
  return g_strdup (text->str);
}

/* One page of rtk_server_phone_digest_again(). */
static gboolean
digest_page (RtkServerDb *db, const RtkServerKeys *keys, char **after, gboolean *out_more)
{
  g_autoptr (GPtrArray) changes = g_ptr_array_new_with_free_func (g_free);
  RtkServerRows *row = rtk_server_db_query (
      db, NULL, "SELECT id, phone_cipher FROM accounts WHERE id > ? ORDER BY id LIMIT 1000", "s",
      *after);

  *out_more = FALSE;
  while (rtk_server_db_next (db, row, NULL)) {
    g_autofree char *context = g_strconcat ("phone:", rtk_server_db_text (row, 0), NULL);
    g_autoptr (GBytes) sealed = rtk_server_db_dup_bytes (row, 1);
    g_autofree char *phone = rtk_server_keys_open_text (keys, context, sealed, NULL);
    g_autofree char *spelled = phone != NULL ? rtk_server_phone_normalise (phone) : NULL;

    g_free (*after);
    *after = g_strdup (rtk_server_db_text (row, 0));
    *out_more = TRUE;
    if (spelled != NULL && strcmp (spelled, phone) != 0) {
      g_ptr_array_add (changes, g_strdup (*after));
      g_ptr_array_add (changes, rtk_server_keys_digest (keys, RTK_SERVER_KEY_PHONE, spelled));
    }
    if (phone != NULL)
      sodium_memzero (phone, strlen (phone));
  }
  if (!rtk_server_db_end (row))
    return FALSE;
  /* Of two accounts of one number the older keeps it. */
  for (guint i = 0; i < changes->len; i += 2)
    if (!rtk_server_db_run (db, NULL,
                            "UPDATE accounts SET phone_digest = ?1 WHERE id = ?2 AND NOT EXISTS"
                            " (SELECT 1 FROM accounts x WHERE x.phone_digest = ?1)",
                            "ss", g_ptr_array_index (changes, i + 1),
                            g_ptr_array_index (changes, i)))
      return FALSE;
  return TRUE;
}

/**
 * rtk_server_phone_digest_again:
 * @db: a database, in a writing transaction
 * @keys: its keys
 * @error: return location
 *
 * Finds accounts that an older program took as their number was typed, once.
 *
 * Returns: whether all are found in any spelling
 */
gboolean
rtk_server_phone_digest_again (RtkServerDb *db, const RtkServerKeys *keys, GError **error)
{
  g_autofree char *done =
      rtk_server_db_dup_text (db, "SELECT value FROM meta WHERE key = 'phones'", "");
  g_autofree char *after = g_strdup ("");
  gboolean         more = done == NULL;

  while (more)
    if (!digest_page (db, keys, &after, &more)) {
      g_set_error_literal (error, RTK_ERROR, RTK_ERROR_STORAGE,
                           "The telephone numbers of the accounts could not be read");
      return FALSE;
    }
  return rtk_server_db_run (db, error,
                            "INSERT INTO meta (key, value) VALUES ('phones', 'normal')"
                            " ON CONFLICT (key) DO NOTHING",
                            "");
}
