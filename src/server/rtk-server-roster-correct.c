/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "server/rtk-server-roster-file.h"

#include <sodium.h>
#include <string.h>

/* A line of a school's list meets what is known already. */

/* What is known of a graduate. */
typedef struct {
  char    *id;
  char    *batch;
  char    *code; /* (nullable): digest */
  GBytes  *name; /* sealed */
  gboolean is_unproved;
  gboolean is_ordered;
} Known;

static void
known_clear (Known *known)
{
  g_free (known->id);
  g_free (known->batch);
  g_free (known->code);
  g_clear_pointer (&known->name, g_bytes_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Known, known_clear)

static gboolean
find_known (RtkServerStore *self, const char *number_digest, Known *out, GError **error)
{
  RtkServerRows *row =
      rtk_server_db_query (self->db, error,
                           "SELECT r.id, r.batch, r.code_digest, r.name_cipher, r.code_unproved,"
                           " CASE WHEN EXISTS (SELECT 1 FROM orders o WHERE o.roster = r.id)"
                           " THEN 1 ELSE 0 END FROM roster r WHERE r.number_digest = ?",
                           "s", number_digest);

  if (row == NULL)
    return FALSE;
  if (rtk_server_db_next (self->db, row, NULL)) {
    out->id = g_strdup (rtk_server_db_text (row, 0));
    out->batch = g_strdup (rtk_server_db_text (row, 1));
    out->code = g_strdup (rtk_server_db_text (row, 2));
    out->name = rtk_server_db_dup_bytes (row, 3);
    out->is_unproved = rtk_server_db_int (row, 4) != 0;
    out->is_ordered = rtk_server_db_int (row, 5) != 0;
  }
  rtk_server_db_end (row);
  return TRUE;
}

static char *
open_text (RtkServerStore *self, const char *kind, const char *id, GBytes *sealed)
{
  g_autofree char *context = g_strconcat (kind, ":", id, NULL);

  return sealed != NULL ? rtk_server_keys_open_text (self->keys, context, sealed, NULL) : NULL;
}

/* What was sealed for one row, for another one; NULL of NULL. */
static GBytes *
reseal (RtkServerStore *self, const char *kind, const char *from, const char *to, GBytes *sealed)
{
  g_autofree char *context = g_strconcat (kind, ":", to, NULL);
  g_autofree char *text = open_text (self, kind, from, sealed);
  GBytes          *again = text != NULL ? rtk_server_keys_seal (self->keys, context, text) : NULL;

  if (text != NULL)
    sodium_memzero (text, strlen (text));
  return again;
}

/**
 * rtk_server_roster_has_name:
 * @self: a store
 * @graduate: a line of a list
 * @id: of a graduate who is known
 * @sealed: (nullable): the name of that one
 *
 * Returns: whether both names are the same
 */
gboolean
rtk_server_roster_has_name (RtkServerStore          *self,
                            const RtkServerGraduate *graduate,
                            const char              *id,
                            GBytes                  *sealed)
{
  g_autofree char *wanted = open_text (self, "name", graduate->id, graduate->name_cipher);
  g_autofree char *there = open_text (self, "name", id, sealed);
  gboolean         same = wanted != NULL && g_strcmp0 (wanted, there) == 0;

  if (wanted != NULL)
    sodium_memzero (wanted, strlen (wanted));
  if (there != NULL)
    sodium_memzero (there, strlen (there));
  return same;
}

/* Makes the code of a line free. Whoever typed it without proof loses it, and whoever gets another
 * one by the same file; but a code with an order stays, and then @out_free is FALSE. */
static gboolean
free_code (RtkServerStore          *self,
           const RtkServerGraduate *graduate,
           GHashTable              *with_code,
           RtkServerRosterResult   *result,
           gboolean                *out_free,
           GError                 **error)
{
  g_autofree char *number = rtk_server_db_dup_text (
      self->db, "SELECT number_digest FROM roster WHERE code_digest = ? AND number_digest <> ?",
      "ss", graduate->code_digest, graduate->number_digest);
  g_auto (Known) holder = {0};

  *out_free = number == NULL;
  if (number == NULL)
    return TRUE;
  if (!find_known (self, number, &holder, error))
    return FALSE;
  if (!holder.is_unproved && !g_hash_table_contains (with_code, number)) {
    rtk_server_roster_add_fault (result->faults, graduate->line, "Another graduate has this code.");
    return TRUE;
  }
  if (holder.is_ordered)
    return TRUE;
  *out_free = TRUE;
  return rtk_server_db_run (self->db, error,
                            "UPDATE roster SET code_digest = NULL, code_cipher = NULL,"
                            " code_unproved = 0 WHERE id = ?",
                            "s", holder.id) &&
         (!holder.is_unproved ||
          rtk_server_roster_unbind (self, holder.id, FALSE, "server", error));
}

/* @takes_code: or else the line has none. */
static gboolean
insert (RtkServerStore          *self,
        const char              *batch,
        const RtkServerGraduate *graduate,
        gboolean                 takes_code,
        GError                 **error)
{
  return rtk_server_db_run (
      self->db, error,
      "INSERT INTO roster (id, batch, name_masked, number_masked, name_cipher,"
      " number_cipher, number_digest, code_digest, code_cipher, created_at)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      "ssssbbssbi", graduate->id, batch, graduate->name_masked, graduate->number_masked,
      graduate->name_cipher, graduate->number_cipher, graduate->number_digest,
      takes_code ? graduate->code_digest : NULL, takes_code ? graduate->code_cipher : NULL,
      g_get_real_time ());
}

/* Who typed another code than the school's did not know it: somebody else may be meant. */
static gboolean
set_code (RtkServerStore          *self,
          const RtkServerGraduate *graduate,
          const Known             *known,
          GError                 **error)
{
  gboolean differs = g_strcmp0 (known->code, graduate->code_digest) != 0;
  gboolean unbinds = differs && known->is_unproved;
  g_autoptr (GBytes) cipher = reseal (self, "code", graduate->id, known->id, graduate->code_cipher);

  return rtk_server_db_run (self->db, error,
                            "UPDATE roster SET code_digest = ?, code_cipher = ?, code_unproved = 0"
                            " WHERE id = ?",
                            "sbs", graduate->code_digest, cipher, known->id) &&
         (!unbinds || rtk_server_roster_unbind (self, known->id, FALSE, "server", error));
}

static gboolean
set_name_and_batch (RtkServerStore          *self,
                    const char              *batch,
                    const RtkServerGraduate *graduate,
                    const Known             *known,
                    GError                 **error)
{
  g_autoptr (GBytes) name = reseal (self, "name", graduate->id, known->id, graduate->name_cipher);

  return rtk_server_db_run (self->db, error,
                            "UPDATE roster SET batch = ?, name_masked = ?, name_cipher = ?"
                            " WHERE id = ?",
                            "ssbs", batch, graduate->name_masked, name, known->id) &&
         rtk_server_db_run (
             self->db, error,
             "UPDATE submissions SET batch = ?1, school = (SELECT school FROM batches"
             " WHERE id = ?1) WHERE order_id IN (SELECT id FROM orders"
             " WHERE roster = ?2)",
             "ss", batch, known->id);
}

static gboolean
correct (RtkServerStore          *self,
         const char              *batch,
         const RtkServerGraduate *graduate,
         const Known             *known,
         GHashTable              *with_code,
         RtkServerRosterResult   *result,
         GError                 **error)
{
  gboolean is_other = strcmp (known->batch, batch) != 0 ||
                      !rtk_server_roster_has_name (self, graduate, known->id, known->name);
  gboolean other_code =
      graduate->code_digest != NULL && g_strcmp0 (known->code, graduate->code_digest) != 0;
  gboolean proves = graduate->code_digest != NULL && !other_code && known->is_unproved;
  gboolean takes_code = other_code && (known->code == NULL || !known->is_ordered);

  if (takes_code && !free_code (self, graduate, with_code, result, &takes_code, error))
    return FALSE;
  result->n_conflicts += other_code && !takes_code;
  result->n_changed += is_other || takes_code;
  return (!is_other || set_name_and_batch (self, batch, graduate, known, error)) &&
         (!(takes_code || proves) || set_code (self, graduate, known, error)) &&
         (!(is_other || takes_code) || rtk_server_roster_touch (self, known->id, error));
}

/**
 * rtk_server_roster_add:
 * @self: a store, in a transaction
 * @batch: id of the graduate's batch
 * @graduate: a line of a list
 * @with_code: digests of all numbers of the list for which it has a code
 * @result: counts the line, or gets its fault
 * @error: return location
 *
 * Adds a graduate, or corrects what is known under the number.
 *
 * Returns: whether the database did its part
 */
gboolean
rtk_server_roster_add (RtkServerStore          *self,
                       const char              *batch,
                       const RtkServerGraduate *graduate,
                       GHashTable              *with_code,
                       RtkServerRosterResult   *result,
                       GError                 **error)
{
  g_auto (Known) known = {0};
  gboolean takes_code = TRUE;

  if (!insert (self, batch, graduate, TRUE, error))
    return FALSE;
  if (rtk_server_db_get_changes (self->db) == 1) {
    result->n_new++;
    return TRUE;
  }
  if (!find_known (self, graduate->number_digest, &known, error))
    return FALSE;
  if (known.id != NULL)
    return correct (self, batch, graduate, &known, with_code, result, error);
  if (!free_code (self, graduate, with_code, result, &takes_code, error))
    return FALSE;
  result->n_conflicts += !takes_code;
  result->n_new++;
  return insert (self, batch, graduate, takes_code, error);
}

/**
 * rtk_server_roster_touch:
 * @self: a store, in a transaction
 * @roster: id of a graduate who was changed
 * @error: return location
 *
 * Sends the graduate's orders to the stations again.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_roster_touch (RtkServerStore *self, const char *roster, GError **error)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  RtkServerRows *row =
      rtk_server_db_query (self->db, error, "SELECT id FROM orders WHERE roster = ?", "s", roster);

  if (row == NULL)
    return FALSE;
  while (rtk_server_db_next (self->db, row, NULL))
    g_ptr_array_add (ids, g_strdup (rtk_server_db_text (row, 0)));
  rtk_server_db_end (row);
  for (guint i = 0; i < ids->len; i++)
    if (!rtk_server_order_touch (self, g_ptr_array_index (ids, i), error))
      return FALSE;
  return TRUE;
}

/* One page of rtk_server_roster_digest_again(). */
static gboolean
digest_page (RtkServerDb *db, const RtkServerKeys *keys, char **after, gboolean *out_more)
{
  g_autoptr (GPtrArray) changes = g_ptr_array_new_with_free_func (g_free);
  RtkServerRows *row = rtk_server_db_query (
      db, NULL,
      "SELECT id, number_cipher, number_digest FROM roster WHERE id > ? ORDER BY id LIMIT 1000",
      "s", *after);

  *out_more = FALSE;
  if (row == NULL)
    return FALSE;
  while (rtk_server_db_next (db, row, NULL)) {
    g_autofree char *context = g_strconcat ("number:", rtk_server_db_text (row, 0), NULL);
    g_autoptr (GBytes) sealed = rtk_server_db_dup_bytes (row, 1);
    g_autofree char *number = rtk_server_keys_open_text (keys, context, sealed, NULL);
    g_autofree char *digest =
        number != NULL ? rtk_server_keys_digest (keys, RTK_SERVER_KEY_NUMBER, number) : NULL;

    g_free (*after);
    *after = g_strdup (rtk_server_db_text (row, 0));
    *out_more = TRUE;
    if (number != NULL)
      sodium_memzero (number, strlen (number));
    if (digest != NULL && strcmp (digest, rtk_server_db_text (row, 2)) != 0) {
      g_ptr_array_add (changes, g_strdup (*after));
      g_ptr_array_add (changes, g_steal_pointer (&digest));
    }
  }
  rtk_server_db_end (row);
  /* Whoever stands there twice stays so. */
  for (guint i = 0; i < changes->len; i += 2)
    if (!rtk_server_db_run (db, NULL,
                            "UPDATE roster SET number_digest = ?1 WHERE id = ?2 AND NOT EXISTS"
                            " (SELECT 1 FROM roster x WHERE x.number_digest = ?1)",
                            "ss", g_ptr_array_index (changes, i + 1),
                            g_ptr_array_index (changes, i)))
      return FALSE;
  return TRUE;
}

/**
 * rtk_server_roster_digest_again:
 * @db: a database, in a writing transaction
 * @keys: its keys
 * @error: return location
 *
 * Finds numbers that an older program took as they were typed, once. Blocking: 15 us a graduate.
 *
 * Returns: whether all are found in any case and width
 */
gboolean
rtk_server_roster_digest_again (RtkServerDb *db, const RtkServerKeys *keys, GError **error)
{
  g_autofree char *done =
      rtk_server_db_dup_text (db, "SELECT value FROM meta WHERE key = 'numbers'", "");
  g_autofree char *after = g_strdup ("");
  gboolean         more = done == NULL;

  while (more)
    if (!digest_page (db, keys, &after, &more)) {
      g_set_error_literal (error, RTK_ERROR, RTK_ERROR_STORAGE,
                           "The numbers of the roster could not be read");
      return FALSE;
    }
  return rtk_server_db_run (db, error,
                            "INSERT INTO meta (key, value) VALUES ('numbers', 'normal')"
                            " ON CONFLICT (key) DO NOTHING",
                            "");
}
