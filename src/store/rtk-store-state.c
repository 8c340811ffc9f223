/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-store"
#include "config.h"

#include "core/rtk-error.h"
#include "store/rtk-files-private.h"
#include "store/rtk-store-schema-private.h"
#include "store/rtk-store-state-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATABASE "station.db"
#define VAULT "vault"
#define SETTING_STATION "station-id"
#define SETTING_SIGNING_KEY "signing-key"
#define SECRET_SIGNING_SEED "signing-seed"
#define SECRET_CODE_KEY "code-key"

/**
 * rtk_store_state_new:
 * @folder: the data folder
 * @clock: tells the time
 * @read_only: whether to look at it only, beside the program that writes
 * @signer: gets the signing key on unlocking
 *
 * Returns: (transfer full): a state that is not open yet
 */
RtkStoreState *
rtk_store_state_new (const char     *folder,
                     RtkClock       *clock,
                     gboolean        read_only,
                     RtkVaultSigner *signer)
{
  RtkStoreState *self = g_new0 (RtkStoreState, 1);

  self->folder = g_strdup (folder);
  self->vault_folder = g_build_filename (folder, VAULT, NULL);
  self->clock = g_object_ref (clock);
  self->signer = g_object_ref (signer);
  self->read_only = read_only;
  self->lock_fd = -1;
  return self;
}

/**
 * rtk_store_state_free:
 * @self: (transfer full): a state
 *
 * Wipes the keys, closes the database, then gives the folder's lock back.
 */
void
rtk_store_state_free (RtkStoreState *self)
{
  rtk_store_state_lock (self);
  g_clear_pointer (&self->db, rtk_db_close);
  if (self->lock_fd >= 0)
    close (self->lock_fd);
  g_free (self->folder);
  g_free (self->vault_folder);
  g_free (self->station_id);
  g_clear_object (&self->clock);
  g_clear_object (&self->signer);
  g_free (self);
}

/* The file is made here so that it is never readable by others: its companions inherit the mode. */
static gboolean
make_database_file (const char *path, GError **error)
{
  int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

  if (fd < 0) {
    rtk_files_set_error (error, errno, "the database cannot be opened");
    return FALSE;
  }
  close (fd);
  return TRUE;
}

/* The way to a home may lead through links (/home -> /var/home), which SQLite refuses everywhere in
 * a path when it is to refuse them at its end. So the folder is known by its real path. */
static gboolean
resolve_folder (RtkStoreState *self, GError **error)
{
  char *real = realpath (self->folder, NULL);

  if (real == NULL) {
    rtk_files_set_error (error, errno, "the data folder cannot be reached");
    return FALSE;
  }
  g_free (self->folder);
  self->folder = g_strdup (real);
  free (real);
  g_free (self->vault_folder);
  self->vault_folder = g_build_filename (self->folder, VAULT, NULL);
  return TRUE;
}

static gboolean
open_for_writing (RtkStoreState *self, GError **error)
{
  g_autofree char   *path = NULL;
  g_autofree char   *lock = NULL;
  const char *const *migrations;
  guint              n;

  if (!rtk_files_make_folder (self->folder, error) || !resolve_folder (self, error))
    return FALSE;
  path = g_build_filename (self->folder, DATABASE, NULL);
  lock = g_build_filename (self->folder, "lock", NULL);
  self->lock_fd = rtk_files_lock (lock, error);
  if (self->lock_fd < 0 || !make_database_file (path, error))
    return FALSE;
  self->db = rtk_db_open (path, FALSE, error);
  if (self->db == NULL)
    return FALSE;
  migrations = rtk_schema_get_migrations (&n);
  return rtk_schema_migrate (self->db, migrations, n, error) &&
         rtk_files_sync_folder (self->folder, error) && rtk_store_blobs_recover (self, error) &&
         rtk_store_outbox_release (self, TRUE, error);
}

static gboolean
open_for_reading (RtkStoreState *self, GError **error)
{
  g_autofree char *path = NULL;
  guint            n;

  if (!resolve_folder (self, error))
    return FALSE;
  path = g_build_filename (self->folder, DATABASE, NULL);
  if (access (path, F_OK) != 0) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_NOT_FOUND, "there is no data folder here");
    return FALSE;
  }
  self->db = rtk_db_open (path, TRUE, error);
  (void)rtk_schema_get_migrations (&n);
  return self->db != NULL && rtk_schema_check (self->db, n, error);
}

/**
 * rtk_store_state_open:
 * @self: a new state
 * @error: %RTK_ERROR_IN_USE, %RTK_ERROR_READ_ONLY, %RTK_ERROR_DISK_FULL, %RTK_ERROR_TOO_NEW,
 *   %RTK_ERROR_DAMAGED, %RTK_ERROR_STORAGE
 *
 * Locks the folder, opens and migrates the database, clears what a kill left half done and releases
 * operations that were held. Blocking.
 *
 * Returns: whether it is open (and locked)
 */
gboolean
rtk_store_state_open (RtkStoreState *self, GError **error)
{
  g_autofree char *station = NULL;
  g_autofree char *key_id = NULL;

  if (!(self->read_only ? open_for_reading (self, error) : open_for_writing (self, error)))
    return FALSE;
  station = rtk_db_dup_setting (self->db, SETTING_STATION, error);
  if (station == NULL)
    return FALSE;
  key_id = rtk_db_dup_setting (self->db, SETTING_SIGNING_KEY, error);
  if (key_id == NULL)
    return FALSE;
  if (*station != '\0')
    self->station_id = g_steal_pointer (&station);
  if (*key_id != '\0')
    rtk_vault_signer_set_key_id (self->signer, key_id);
  return TRUE;
}

static void
take_keys (RtkStoreState *self, RtkKey *master)
{
  self->master = master;
  self->fields = rtk_key_derive (master, RTK_KEY_FIELDS);
  self->blobs = rtk_key_derive (master, RTK_KEY_BLOBS);
  self->names = rtk_key_derive (master, RTK_KEY_BLOB_NAMES);
  self->secrets = rtk_key_derive (master, RTK_KEY_SECRETS);
}

/**
 * rtk_store_state_lock:
 * @self: a state
 *
 * Wipes the keys and the search table.
 */
void
rtk_store_state_lock (RtkStoreState *self)
{
  g_autoptr (GError) error = NULL;

  if (self->master != NULL && self->db != NULL &&
      !rtk_db_exec (self->db, "DELETE FROM temp.search", &error))
    g_debug ("%s", error->message);
  g_clear_pointer (&self->master, rtk_key_free);
  g_clear_pointer (&self->fields, rtk_key_free);
  g_clear_pointer (&self->blobs, rtk_key_free);
  g_clear_pointer (&self->names, rtk_key_free);
  g_clear_pointer (&self->secrets, rtk_key_free);
  g_clear_pointer (&self->codes, rtk_key_free);
  rtk_vault_signer_lock (self->signer);
}

static gboolean
load_secrets (RtkStoreState *self, GError **error)
{
  g_autoptr (GBytes) seed = rtk_store_state_dup_secret (self, SECRET_SIGNING_SEED, error);
  g_autoptr (GBytes) code_key = NULL;
  g_autoptr (GError) missing = NULL;

  if (seed == NULL)
    return FALSE;
  if (g_bytes_get_size (seed) != RTK_KEY_SIZE) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_DAMAGED, "the signing key is damaged");
    return FALSE;
  }
  rtk_vault_signer_unlock (self->signer, g_bytes_get_data (seed, NULL));
  code_key = rtk_store_state_dup_secret (self, SECRET_CODE_KEY, &missing);
  if (code_key == NULL && !g_error_matches (missing, RTK_ERROR, RTK_ERROR_NOT_FOUND)) {
    g_propagate_error (error, g_steal_pointer (&missing));
    return FALSE;
  }
  if (code_key != NULL && g_bytes_get_size (code_key) == RTK_KEY_SIZE)
    self->codes = rtk_key_new_from_bytes (g_bytes_get_data (code_key, NULL));
  return TRUE;
}

static gboolean
create_in_transaction (RtkStoreState    *self,
                       const char       *staff,
                       const char       *passphrase,
                       const RtkKeyCost *cost,
                       char            **out_recovery,
                       GError          **error)
{
  RtkKey *master = rtk_keyring_create (self->db, staff, passphrase, cost, out_recovery, error);
  RtkKey *seed;
  g_autoptr (GBytes) bytes = NULL;
  gboolean kept;

  if (master == NULL)
    return FALSE;
  take_keys (self, master);
  seed = rtk_key_new_random ();
  bytes = g_bytes_new_static (rtk_key_get_bytes (seed), RTK_KEY_SIZE);
  kept = rtk_store_state_set_secret (self, SECRET_SIGNING_SEED, bytes, error);
  rtk_vault_signer_unlock (self->signer, rtk_key_get_bytes (seed));
  rtk_key_free (seed);
  return kept && rtk_db_set_setting (self->db, SETTING_SIGNING_KEY,
                                     rtk_signer_get_key_id (RTK_SIGNER (self->signer)), error);
}

/**
 * rtk_store_state_create:
 * @self: an open state without a keyring
 * @staff: name of the first member of staff
 * @passphrase: not empty
 * @cost: of trying it
 * @out_recovery: (out) (transfer full): the recovery key as it is printed
 * @error: %RTK_ERROR_EXISTS, or as rtk_store_state_open()
 *
 * Makes the data key and the station's signing key, in one transaction, and unlocks.
 *
 * Returns: whether they are on disk
 */
gboolean
rtk_store_state_create (RtkStoreState    *self,
                        const char       *staff,
                        const char       *passphrase,
                        const RtkKeyCost *cost,
                        char            **out_recovery,
                        GError          **error)
{
  g_autofree char *recovery = NULL;

  if (!rtk_store_state_require_writable (self, error) ||
      !rtk_store_blobs_make_folders (self, error) || !rtk_db_begin (self->db, error))
    return FALSE;
  if (!create_in_transaction (self, staff, passphrase, cost, &recovery, error)) {
    rtk_db_roll_back (self->db);
    rtk_store_state_lock (self);
  } else if (!rtk_db_commit (self->db, error) || !rtk_store_orders_build_search (self, error)) {
    rtk_store_state_lock (self);
  } else {
    *out_recovery = g_steal_pointer (&recovery);
    return TRUE;
  }
  if (recovery != NULL)
    sodium_memzero (recovery, strlen (recovery));
  return FALSE;
}

/**
 * rtk_store_state_unlock:
 * @self: an open state
 * @staff: (nullable): whose passphrase it is
 * @passphrase: a passphrase or the recovery key
 * @error: %RTK_ERROR_BAD_PASSPHRASE, %RTK_ERROR_DAMAGED, %RTK_ERROR_BAD_STATE without a keyring
 *
 * Opens the data key and builds the search table. On an unlocked state it checks the passphrase and
 * changes nothing.
 *
 * Returns: whether it is unlocked
 */
gboolean
rtk_store_state_unlock (RtkStoreState *self,
                        const char    *staff,
                        const char    *passphrase,
                        GError       **error)
{
  RtkKey  *master;
  gboolean exists;

  if (!rtk_keyring_exists (self->db, &exists, error))
    return FALSE;
  if (!exists) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_STATE, "the data folder has no key yet");
    return FALSE;
  }
  master = rtk_keyring_unlock (self->db, staff, passphrase, error);
  if (master == NULL)
    return FALSE;
  if (self->master != NULL) {
    rtk_key_free (master);
    return TRUE;
  }
  take_keys (self, master);
  if (load_secrets (self, error) && rtk_store_orders_build_search (self, error))
    return TRUE;
  rtk_store_state_lock (self);
  return FALSE;
}

/**
 * rtk_store_state_require_writable:
 * @self: a state
 * @error: %RTK_ERROR_READ_ONLY
 *
 * Returns: whether it was opened for writing
 */
gboolean
rtk_store_state_require_writable (RtkStoreState *self, GError **error)
{
  if (!self->read_only)
    return TRUE;
  g_set_error_literal (error, RTK_ERROR, RTK_ERROR_READ_ONLY,
                       "the data folder was opened for reading only");
  return FALSE;
}

/**
 * rtk_store_state_require:
 * @self: a state
 * @writing: whether something is to be written
 * @error: %RTK_ERROR_LOCKED or %RTK_ERROR_READ_ONLY
 *
 * Returns: whether it is unlocked, and writable if need be
 */
gboolean
rtk_store_state_require (RtkStoreState *self, gboolean writing, GError **error)
{
  if (writing && !rtk_store_state_require_writable (self, error))
    return FALSE;
  if (self->master != NULL)
    return TRUE;
  g_set_error_literal (error, RTK_ERROR, RTK_ERROR_LOCKED, "the data folder is locked");
  return FALSE;
}

/**
 * rtk_store_state_seal:
 * @self: an unlocked state
 * @table: name of the table
 * @id: id of the row
 * @column: name of the column
 * @text: (nullable): what to hide
 *
 * Seals a text for one place of the database.
 *
 * Returns: (transfer full) (nullable): the sealed text, %NULL for %NULL
 */
GBytes *
rtk_store_state_seal (
    RtkStoreState *self, const char *table, const char *id, const char *column, const char *text)
{
  g_autofree char *context = g_strdup_printf ("%s/%s/%s", table, id, column);

  if (text == NULL)
    return NULL;
  return rtk_envelope_seal (self->fields, context, (const guint8 *)text, strlen (text));
}

/**
 * rtk_store_state_unseal:
 * @self: an unlocked state
 * @table: name of the table
 * @id: id of the row
 * @column: name of the column
 * @row: at the row
 * @index: of the column in @row, from 0
 * @error: %RTK_ERROR_DAMAGED
 *
 * Opens a sealed column.
 *
 * Returns: (transfer full): its bytes, or %NULL
 */
GBytes *
rtk_store_state_unseal (RtkStoreState *self,
                        const char    *table,
                        const char    *id,
                        const char    *column,
                        sqlite3_stmt  *row,
                        int            index,
                        GError       **error)
{
  g_autofree char *context = g_strdup_printf ("%s/%s/%s", table, id, column);
  const guint8    *data = sqlite3_column_blob (row, index);

  return rtk_envelope_open (self->fields, context, data, (gsize)sqlite3_column_bytes (row, index),
                            error);
}

/**
 * rtk_store_state_set_secret:
 * @self: an unlocked state
 * @name: name of the secret
 * @secret: (nullable): its bytes; %NULL forgets it
 * @error: return location
 *
 * Keeps a secret of the station, sealed.
 *
 * Returns: whether it is on disk
 */
gboolean
rtk_store_state_set_secret (RtkStoreState *self, const char *name, GBytes *secret, GError **error)
{
  g_autofree char *context = g_strdup_printf ("secrets/%s", name);
  g_autoptr (GBytes) sealed = NULL;
  gsize         size;
  const guint8 *data;

  if (!rtk_store_state_require (self, TRUE, error))
    return FALSE;
  if (secret == NULL)
    return rtk_db_run (self->db, error, "DELETE FROM secrets WHERE name = ?", "s", name);
  data = g_bytes_get_data (secret, &size);
  sealed = rtk_envelope_seal (self->secrets, context, data, size);
  return rtk_db_run (self->db, error,
                     "INSERT INTO secrets(name, sealed) VALUES(?, ?) "
                     "ON CONFLICT(name) DO UPDATE SET sealed = excluded.sealed",
                     "sb", name, sealed);
}

/**
 * rtk_store_state_dup_secret:
 * @self: an unlocked state
 * @name: name of the secret
 * @error: %RTK_ERROR_NOT_FOUND, %RTK_ERROR_LOCKED, %RTK_ERROR_DAMAGED
 *
 * Reads a secret of the station.
 *
 * Returns: (transfer full): its bytes, wiped when they are freed; or %NULL
 */
GBytes *
rtk_store_state_dup_secret (RtkStoreState *self, const char *name, GError **error)
{
  g_autofree char *context = g_strdup_printf ("secrets/%s", name);
  g_autoptr (GError) failure = NULL;
  GBytes       *secret;
  sqlite3_stmt *row;

  if (!rtk_store_state_require (self, FALSE, error))
    return NULL;
  row = rtk_db_query (self->db, error, "SELECT sealed FROM secrets WHERE name = ?", "s", name);
  if (row == NULL)
    return NULL;
  if (!rtk_db_step (self->db, row, &failure)) {
    if (failure == NULL)
      failure = g_error_new_literal (RTK_ERROR, RTK_ERROR_NOT_FOUND, "there is no such secret");
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  secret = rtk_envelope_open (self->secrets, context, sqlite3_column_blob (row, 0),
                              (gsize)sqlite3_column_bytes (row, 0), error);
  sqlite3_reset (row);
  return secret;
}

/**
 * rtk_store_state_set_station:
 * @self: an unlocked state
 * @station_id: id the server gave
 * @code_key: (nullable): K_station; %NULL keeps the one there is
 * @error: return location
 *
 * Keeps what enrolment gave, in one transaction.
 *
 * Returns: whether it is on disk
 */
gboolean
rtk_store_state_set_station (RtkStoreState *self,
                             const char    *station_id,
                             GBytes        *code_key,
                             GError       **error)
{
  if (!rtk_store_state_require (self, TRUE, error))
    return FALSE;
  if (code_key != NULL && g_bytes_get_size (code_key) != RTK_KEY_SIZE) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE, "K_station is not 32 bytes");
    return FALSE;
  }
  if (!rtk_db_begin (self->db, error))
    return FALSE;
  if (!rtk_db_set_setting (self->db, SETTING_STATION, station_id, error) ||
      (code_key != NULL && !rtk_store_state_set_secret (self, SECRET_CODE_KEY, code_key, error))) {
    rtk_db_roll_back (self->db);
    return FALSE;
  }
  if (!rtk_db_commit (self->db, error))
    return FALSE;
  g_free (self->station_id);
  self->station_id = g_strdup (station_id);
  if (code_key != NULL) {
    g_clear_pointer (&self->codes, rtk_key_free);
    self->codes = rtk_key_new_from_bytes (g_bytes_get_data (code_key, NULL));
  }
  return TRUE;
}
