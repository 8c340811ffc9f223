/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-store"
#include "config.h"

#include "store/rtk-keyring.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "store/rtk-db-private.h"

#include <sodium.h>
#include <string.h>

#define CHECKSUM_SIZE crypto_generichash_BYTES_MIN

const RtkKeyCost rtk_key_cost_staff = {crypto_pwhash_OPSLIMIT_MODERATE,
                                       crypto_pwhash_MEMLIMIT_MODERATE};
const RtkKeyCost rtk_key_cost_light = {crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                       crypto_pwhash_MEMLIMIT_INTERACTIVE};
const RtkKeyCost rtk_key_cost_least = {crypto_pwhash_OPSLIMIT_MIN, crypto_pwhash_MEMLIMIT_MIN};

/* The data key, sealed with a key that is stretched from what one person knows. */
typedef struct {
  char      *id;
  char      *kind;
  char      *name;
  GBytes    *salt;
  RtkKeyCost cost;
  GBytes    *sealed;
  GBytes    *checksum;
} Wrap;

static void
wrap_free (Wrap *self)
{
  g_free (self->id);
  g_free (self->kind);
  g_free (self->name);
  g_clear_pointer (&self->salt, g_bytes_unref);
  g_clear_pointer (&self->sealed, g_bytes_unref);
  g_clear_pointer (&self->checksum, g_bytes_unref);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Wrap, wrap_free)

static void
hash_bytes (crypto_generichash_state *state, const void *data, gsize size)
{
  guint64 length = GUINT64_TO_LE (size);

  crypto_generichash_update (state, (const guint8 *)&length, sizeof length);
  crypto_generichash_update (state, data, size);
}

/* Tells a wrap that rotted on the disk from a passphrase that is wrong: a plain digest over all the
 * rest of the row. It is no protection against somebody who can compute it too; that one gains
 * nothing but a passphrase that no longer fits. */
static GBytes *
compute_checksum (const Wrap *self)
{
  crypto_generichash_state state;
  guint8                   digest[CHECKSUM_SIZE];
  guint64 cost[2] = {GUINT64_TO_LE (self->cost.ops), GUINT64_TO_LE ((guint64)self->cost.memory)};

  crypto_generichash_init (&state, NULL, 0, sizeof digest);
  hash_bytes (&state, self->id, strlen (self->id));
  hash_bytes (&state, self->kind, strlen (self->kind));
  hash_bytes (&state, self->name, strlen (self->name));
  hash_bytes (&state, g_bytes_get_data (self->salt, NULL), g_bytes_get_size (self->salt));
  hash_bytes (&state, cost, sizeof cost);
  hash_bytes (&state, g_bytes_get_data (self->sealed, NULL), g_bytes_get_size (self->sealed));
  crypto_generichash_final (&state, digest, sizeof digest);
  return g_bytes_new (digest, sizeof digest);
}

/* A table that somebody else made may leave anything out. */
static gboolean
wrap_is_complete (const Wrap *self)
{
  return self->id != NULL && self->kind != NULL && self->name != NULL && self->salt != NULL &&
         self->sealed != NULL && self->checksum != NULL &&
         g_bytes_get_size (self->salt) == crypto_pwhash_SALTBYTES;
}

static char *
wrap_context (const Wrap *self)
{
  return g_strdup_printf ("wraps/%s/%s/%s", self->id, self->kind, self->name);
}

static Wrap *
wrap_new (const RtkKey     *master,
          const char       *kind,
          const char       *name,
          const char       *passphrase,
          const RtkKeyCost *cost,
          GError          **error)
{
  g_autoptr (Wrap) self = g_new0 (Wrap, 1);
  g_autoptr (RtkKey) key = NULL;
  g_autofree char *context = NULL;
  guint8           salt[crypto_pwhash_SALTBYTES];

  if (*passphrase == '\0') {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE, "an empty passphrase protects nothing");
    return NULL;
  }
  randombytes_buf (salt, sizeof salt);
  self->id = rtk_id_new (g_get_real_time ());
  self->kind = g_strdup (kind);
  self->name = g_strdup (name);
  self->salt = g_bytes_new (salt, sizeof salt);
  self->cost = *cost;
  key = rtk_key_from_passphrase (passphrase, salt, cost->ops, cost->memory, error);
  if (key == NULL)
    return NULL;
  context = wrap_context (self);
  self->sealed = rtk_envelope_seal (key, context, rtk_key_get_bytes (master), RTK_KEY_SIZE);
  self->checksum = compute_checksum (self);
  return g_steal_pointer (&self);
}

/* Wrong passphrase: BAD_PASSPHRASE. A row that is not what was written: DAMAGED. */
static RtkKey *
wrap_open (const Wrap *self, const char *passphrase, GError **error)
{
  g_autoptr (RtkKey) key = NULL;
  g_autoptr (GBytes) checksum = wrap_is_complete (self) ? compute_checksum (self) : NULL;
  g_autoptr (GBytes) master = NULL;
  g_autofree char *context = NULL;

  if (checksum == NULL || !g_bytes_equal (checksum, self->checksum)) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_DAMAGED, "a key wrap is damaged");
    return NULL;
  }
  key = rtk_key_from_passphrase (passphrase, g_bytes_get_data (self->salt, NULL), self->cost.ops,
                                 self->cost.memory, error);
  if (key == NULL)
    return NULL;
  context = wrap_context (self);
  master = rtk_envelope_open (key, context, g_bytes_get_data (self->sealed, NULL),
                              g_bytes_get_size (self->sealed), NULL);
  if (master == NULL || g_bytes_get_size (master) != RTK_KEY_SIZE) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_PASSPHRASE, "the passphrase does not fit");
    return NULL;
  }
  return rtk_key_new_from_bytes (g_bytes_get_data (master, NULL));
}

static gboolean
wrap_insert (const Wrap *self, RtkDb *db, GError **error)
{
  return rtk_db_run (db, error,
                     "INSERT INTO wraps(id, kind, name, salt, ops, memory, sealed, checksum) "
                     "VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
                     "sssbiibb", self->id, self->kind, self->name, self->salt,
                     (gint64)self->cost.ops, (gint64)self->cost.memory, self->sealed,
                     self->checksum);
}

/* The wraps of a kind, of one name or (NULL) of all. */
static GPtrArray *
load_wraps (RtkDb *db, const char *kind, const char *name, GError **error)
{
  g_autoptr (GPtrArray) wraps = g_ptr_array_new_with_free_func ((GDestroyNotify)wrap_free);
  g_autoptr (GError) failure = NULL;
  sqlite3_stmt *row = rtk_db_query (db, error,
                                    "SELECT id, kind, name, salt, ops, memory, sealed, checksum "
                                    "FROM wraps WHERE kind = ?1 AND (?2 IS NULL OR name = ?2) "
                                    "ORDER BY id",
                                    "ss", kind, name);

  if (row == NULL)
    return NULL;
  while (rtk_db_step (db, row, &failure)) {
    Wrap *wrap = g_new0 (Wrap, 1);

    wrap->id = rtk_db_dup_text (row, 0);
    wrap->kind = rtk_db_dup_text (row, 1);
    wrap->name = rtk_db_dup_text (row, 2);
    wrap->salt = rtk_db_dup_blob (row, 3);
    wrap->cost.ops = (guint64)sqlite3_column_int64 (row, 4);
    wrap->cost.memory = (gsize)sqlite3_column_int64 (row, 5);
    wrap->sealed = rtk_db_dup_blob (row, 6);
    wrap->checksum = rtk_db_dup_blob (row, 7);
    g_ptr_array_add (wraps, wrap);
  }
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  return g_steal_pointer (&wraps);
}

/* The first wrap that opens. Damage of one is told only when no other opens: it must not keep the
 * others' owners out. */
static RtkKey *
open_any (GPtrArray *wraps, const char *passphrase, GError **error)
{
  g_autoptr (GError) failure = NULL;

  for (guint i = 0; i < wraps->len; i++) {
    g_autoptr (GError) one = NULL;
    RtkKey *master = wrap_open (g_ptr_array_index (wraps, i), passphrase, &one);

    if (master != NULL)
      return master;
    if (failure == NULL || failure->code == RTK_ERROR_BAD_PASSPHRASE) {
      g_clear_error (&failure);
      failure = g_steal_pointer (&one);
    }
  }
  if (failure == NULL)
    failure = g_error_new_literal (RTK_ERROR, RTK_ERROR_BAD_PASSPHRASE, "no passphrase is known");
  g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

/**
 * rtk_keyring_exists:
 * @db: the station's database
 * @out_exists: (out): whether there is a wrap
 * @error: return location
 *
 * Asks whether a data key was ever made.
 *
 * Returns: whether the question was answered
 */
gboolean
rtk_keyring_exists (RtkDb *db, gboolean *out_exists, GError **error)
{
  gint64 n;

  if (!rtk_db_get_int (db, &n, error, "SELECT count(*) FROM wraps", ""))
    return FALSE;
  *out_exists = n > 0;
  return TRUE;
}

/**
 * rtk_keyring_create:
 * @db: the station's database, in a transaction of the caller's
 * @staff: name of the first member of staff
 * @passphrase: not empty
 * @cost: of the staff wrap
 * @out_recovery: (out) (transfer full): the recovery key as it is printed, to be wiped after use
 * @error: %RTK_ERROR_EXISTS when there is a keyring already
 *
 * Makes the station's data key and wraps it for its first owner and for the recovery key. Blocking,
 * half a second.
 *
 * Returns: (transfer full): the data key, or %NULL
 */
RtkKey *
rtk_keyring_create (RtkDb            *db,
                    const char       *staff,
                    const char       *passphrase,
                    const RtkKeyCost *cost,
                    char            **out_recovery,
                    GError          **error)
{
  g_autoptr (RtkKey) master = rtk_key_new_random ();
  g_autoptr (Wrap) own = NULL;
  g_autoptr (Wrap) recovery = NULL;
  g_autofree char *text = NULL;
  g_autofree char *letters = NULL;
  gboolean         exists;

  if (!rtk_keyring_exists (db, &exists, error))
    return NULL;
  if (exists) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_EXISTS, "the data folder has a key already");
    return NULL;
  }
  text = rtk_recovery_key_new ();
  g_assert (rtk_recovery_key_parse (text, &letters));
  own = wrap_new (master, "staff", staff, passphrase, cost, error);
  if (own != NULL)
    recovery =
        wrap_new (master, "recovery", "", letters,
                  cost->memory < rtk_key_cost_light.memory ? cost : &rtk_key_cost_light, error);
  sodium_memzero (letters, strlen (letters));
  if (recovery == NULL || !wrap_insert (own, db, error) || !wrap_insert (recovery, db, error)) {
    sodium_memzero (text, strlen (text));
    return NULL;
  }
  *out_recovery = g_steal_pointer (&text);
  return g_steal_pointer (&master);
}

/**
 * rtk_keyring_unlock:
 * @db: the station's database
 * @staff: (nullable): whose passphrase it is; %NULL tries all
 * @passphrase: a passphrase, or the recovery key in any spelling
 * @error: %RTK_ERROR_BAD_PASSPHRASE, or %RTK_ERROR_DAMAGED when the wrap is not what was written
 *
 * Opens the data key. Blocking, half a second for each wrap that is tried.
 *
 * Returns: (transfer full): the data key, or %NULL
 */
RtkKey *
rtk_keyring_unlock (RtkDb *db, const char *staff, const char *passphrase, GError **error)
{
  g_autoptr (GPtrArray) wraps = NULL;
  g_autofree char *letters = NULL;
  RtkKey          *master = NULL;

  if (rtk_recovery_key_parse (passphrase, &letters)) {
    wraps = load_wraps (db, "recovery", NULL, error);
    if (wraps != NULL)
      master = open_any (wraps, letters, error);
    sodium_memzero (letters, strlen (letters));
    return master;
  }
  wraps = load_wraps (db, "staff", staff, error);
  return wraps != NULL ? open_any (wraps, passphrase, error) : NULL;
}

/**
 * rtk_keyring_add:
 * @db: the station's database
 * @master: the data key
 * @staff: name of a member of staff who has no wrap
 * @passphrase: not empty
 * @cost: of the new wrap
 * @error: %RTK_ERROR_EXISTS when the name has one
 *
 * Lets another member of staff in. Blocking, half a second.
 *
 * Returns: whether the wrap is on disk
 */
gboolean
rtk_keyring_add (RtkDb            *db,
                 const RtkKey     *master,
                 const char       *staff,
                 const char       *passphrase,
                 const RtkKeyCost *cost,
                 GError          **error)
{
  g_autoptr (GPtrArray) wraps = load_wraps (db, "staff", staff, error);
  g_autoptr (Wrap) wrap = NULL;

  if (wraps == NULL)
    return FALSE;
  if (wraps->len > 0) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_EXISTS, "this name has a passphrase already");
    return FALSE;
  }
  wrap = wrap_new (master, "staff", staff, passphrase, cost, error);
  return wrap != NULL && wrap_insert (wrap, db, error);
}

/**
 * rtk_keyring_remove:
 * @db: the station's database
 * @staff: name of a member of staff
 * @error: %RTK_ERROR_NOT_FOUND, or %RTK_ERROR_BAD_STATE for the last one
 *
 * Takes a member of staff's way in away. The last one stays: the folder would be open to the
 * recovery key alone.
 *
 * Returns: whether the wrap is gone
 */
gboolean
rtk_keyring_remove (RtkDb *db, const char *staff, GError **error)
{
  g_autoptr (GPtrArray) all = load_wraps (db, "staff", NULL, error);

  if (all == NULL)
    return FALSE;
  if (all->len == 1 && g_strcmp0 (((Wrap *)g_ptr_array_index (all, 0))->name, staff) == 0) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_STATE, "the last passphrase must stay");
    return FALSE;
  }
  if (!rtk_db_run (db, error, "DELETE FROM wraps WHERE kind = 'staff' AND name = ?", "s", staff))
    return FALSE;
  if (rtk_db_get_changes (db) == 0) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_NOT_FOUND, "this name has no passphrase");
    return FALSE;
  }
  return TRUE;
}

/**
 * rtk_keyring_change:
 * @db: the station's database
 * @staff: name of a member of staff
 * @old_passphrase: the present one, or the recovery key
 * @new_passphrase: not empty
 * @cost: of the new wrap
 * @error: %RTK_ERROR_BAD_PASSPHRASE, %RTK_ERROR_NOT_FOUND, %RTK_ERROR_DAMAGED
 *
 * Changes a passphrase. Only the wrap is written again, in one statement: photos and fields stay as
 * they are. Blocking, one second.
 *
 * Returns: whether the new one is on disk; on %FALSE the old one is in force
 */
gboolean
rtk_keyring_change (RtkDb            *db,
                    const char       *staff,
                    const char       *old_passphrase,
                    const char       *new_passphrase,
                    const RtkKeyCost *cost,
                    GError          **error)
{
  g_autoptr (RtkKey) master = NULL;
  g_autoptr (Wrap) wrap = NULL;
  g_autoptr (GPtrArray) there = load_wraps (db, "staff", staff, error);

  if (there == NULL)
    return FALSE;
  if (there->len == 0) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_NOT_FOUND, "this name has no passphrase");
    return FALSE;
  }
  master = rtk_keyring_unlock (db, staff, old_passphrase, error);
  if (master == NULL)
    return FALSE;
  wrap = wrap_new (master, "staff", staff, new_passphrase, cost, error);
  return wrap != NULL &&
         rtk_db_run (db, error,
                     "UPDATE wraps SET id = ?, salt = ?, ops = ?, memory = ?, sealed = ?, "
                     "checksum = ? WHERE kind = 'staff' AND name = ?",
                     "sbiibbs", wrap->id, wrap->salt, (gint64)wrap->cost.ops,
                     (gint64)wrap->cost.memory, wrap->sealed, wrap->checksum, staff);
}

/**
 * rtk_keyring_list:
 * @db: the station's database
 * @error: return location
 *
 * Lists who has a passphrase, in the order they came.
 *
 * Returns: (transfer full) (array zero-terminated=1): names, or %NULL
 */
char **
rtk_keyring_list (RtkDb *db, GError **error)
{
  g_autoptr (GPtrArray) wraps = load_wraps (db, "staff", NULL, error);
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();

  if (wraps == NULL)
    return NULL;
  for (guint i = 0; i < wraps->len; i++)
    g_strv_builder_add (names, ((Wrap *)g_ptr_array_index (wraps, i))->name);
  return g_strv_builder_end (names);
}
