/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-store"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "store/rtk-blob-stream-private.h"
#include "store/rtk-files-private.h"
#include "store/rtk-store-state-private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_SIZE 32

static const char *const media_types[] = {"image/jpeg", "image/png", "application/json"};

/**
 * rtk_stored_blob_free:
 * @self: (transfer full) (nullable): a stored blob
 *
 * Frees it and wipes its key.
 */
void
rtk_stored_blob_free (RtkStoredBlob *self)
{
  if (self == NULL)
    return;
  g_free (self->name);
  rtk_key_free (self->key);
  g_free (self);
}

static char *
temporary_path (RtkStoreState *self, const char *name)
{
  return g_build_filename (self->vault_folder, "tmp", name, NULL);
}

/* Two levels of sixteen folders: a hundred thousand photos are four hundred files a folder, and
 * all folders can be made, and made durable, when the vault is. */
static char *
folder_of (RtkStoreState *self, const char *name)
{
  return g_strdup_printf ("%s/%c/%c", self->vault_folder, name[0], name[1]);
}

/**
 * rtk_store_blobs_dup_path:
 * @self: a state
 * @name: name of a file of the vault
 *
 * Returns: (transfer full): where it lies
 */
char *
rtk_store_blobs_dup_path (RtkStoreState *self, const char *name)
{
  g_autofree char *folder = folder_of (self, name);

  return g_build_filename (folder, name, NULL);
}

/**
 * rtk_store_blobs_dup_name:
 * @self: an unlocked state
 * @sha256: valid hex SHA-256 of a content
 *
 * Names the file of a content: keyed BLAKE2b of its SHA-256, so that who has the folder but not the
 * key cannot tell whether a photo he knows lies in it.
 *
 * Returns: (transfer full): 64 hexadecimal digits
 */
char *
rtk_store_blobs_dup_name (RtkStoreState *self, const char *sha256)
{
  guint8 digest[crypto_hash_sha256_BYTES];
  guint8 name[NAME_SIZE];
  char  *hex = g_malloc (2 * NAME_SIZE + 1);

  sodium_hex2bin (digest, sizeof digest, sha256, strlen (sha256), NULL, NULL, NULL);
  crypto_generichash (name, sizeof name, digest, sizeof digest, rtk_key_get_bytes (self->names),
                      RTK_KEY_SIZE);
  sodium_bin2hex (hex, 2 * NAME_SIZE + 1, name, sizeof name);
  return hex;
}

/**
 * rtk_store_blobs_make_folders:
 * @self: a state that may write
 * @error: return location
 *
 * Makes the folders of the vault and makes them durable.
 *
 * Returns: whether they are there
 */
gboolean
rtk_store_blobs_make_folders (RtkStoreState *self, GError **error)
{
  g_autofree char *temporary = g_build_filename (self->vault_folder, "tmp", NULL);

  if (!rtk_files_make_folder (temporary, error))
    return FALSE;
  for (int i = 0; i < 16; i++) {
    g_autofree char *outer = g_strdup_printf ("%s/%x", self->vault_folder, i);

    for (int j = 0; j < 16; j++) {
      g_autofree char *inner = g_strdup_printf ("%s/%x", outer, j);

      if (!rtk_files_make_folder (inner, error))
        return FALSE;
    }
    if (!rtk_files_sync_folder (outer, error))
      return FALSE;
  }
  return rtk_files_sync_folder (self->vault_folder, error) &&
         rtk_files_sync_folder (self->folder, error);
}

static const char *
static_media_type (const char *text)
{
  for (guint i = 0; i < G_N_ELEMENTS (media_types); i++) {
    if (g_strcmp0 (text, media_types[i]) == 0)
      return media_types[i];
  }
  return "application/octet-stream";
}

/* What is sealed in a row: the file's key, then the SHA-256 of its content. */
static GBytes *
seal_row (RtkStoreState *self, const RtkStoredBlob *blob)
{
  g_autofree char *context = g_strdup_printf ("blobs/%s", blob->name);
  guint8           plain[RTK_KEY_SIZE + crypto_hash_sha256_BYTES];
  GBytes          *sealed;

  memcpy (plain, rtk_key_get_bytes (blob->key), RTK_KEY_SIZE);
  sodium_hex2bin (plain + RTK_KEY_SIZE, crypto_hash_sha256_BYTES, blob->sha256, 64, NULL, NULL,
                  NULL);
  sealed = rtk_envelope_seal (self->blobs, context, plain, sizeof plain);
  sodium_memzero (plain, sizeof plain);
  return sealed;
}

static RtkStoredBlob *
read_row (RtkStoreState *self, const char *name, sqlite3_stmt *row, GError **error)
{
  g_autofree char *context = g_strdup_printf ("blobs/%s", name);
  g_autoptr (GBytes) plain = NULL;
  RtkStoredBlob *blob;
  const guint8  *data;
  gsize          size;

  plain = rtk_envelope_open (self->blobs, context, sqlite3_column_blob (row, 0),
                             (gsize)sqlite3_column_bytes (row, 0), error);
  if (plain == NULL)
    return NULL;
  data = g_bytes_get_data (plain, &size);
  if (size != RTK_KEY_SIZE + crypto_hash_sha256_BYTES) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_DAMAGED, "the row of a photo is damaged");
    return NULL;
  }
  blob = g_new0 (RtkStoredBlob, 1);
  blob->name = g_strdup (name);
  blob->key = rtk_key_new_from_bytes (data);
  sodium_bin2hex (blob->sha256, sizeof blob->sha256, data + RTK_KEY_SIZE, crypto_hash_sha256_BYTES);
  blob->size = (gsize)sqlite3_column_int64 (row, 1);
  blob->media_type = static_media_type ((const char *)sqlite3_column_text (row, 2));
  return blob;
}

/**
 * rtk_store_blobs_find:
 * @self: a state
 * @sha256: hex SHA-256 of a content
 * @error: %RTK_ERROR_NOT_FOUND, %RTK_ERROR_LOCKED, %RTK_ERROR_DAMAGED
 *
 * Looks up what is needed to read a photo.
 *
 * Returns: (transfer full): the blob, or %NULL
 */
RtkStoredBlob *
rtk_store_blobs_find (RtkStoreState *self, const char *sha256, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autofree char *name = NULL;
  RtkStoredBlob   *blob;
  sqlite3_stmt    *row;

  if (!rtk_store_state_require (self, FALSE, error))
    return NULL;
  if (!rtk_sha256_is_valid (sha256)) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_NOT_FOUND, "this is not the name of a photo");
    return NULL;
  }
  name = rtk_store_blobs_dup_name (self, sha256);
  row = rtk_db_query (self->db, error, "SELECT sealed, size, media_type FROM blobs WHERE name = ?",
                      "s", name);
  if (row == NULL)
    return NULL;
  if (!rtk_db_step (self->db, row, &failure)) {
    if (failure == NULL)
      failure = g_error_new_literal (RTK_ERROR, RTK_ERROR_NOT_FOUND, "there is no such photo");
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  blob = read_row (self, name, row, error);
  sqlite3_reset (row);
  return blob;
}

static gboolean
file_is_whole (RtkStoreState *self, const RtkStoredBlob *blob)
{
  g_autofree char *path = rtk_store_blobs_dup_path (self, blob->name);
  GStatBuf         found;

  return g_stat (path, &found) == 0 &&
         (gsize)found.st_size == rtk_blob_stream_get_file_size (blob->size);
}

static gboolean
move_into_place (RtkStoreState *self, const char *name, GError **error)
{
  g_autofree char *from = temporary_path (self, name);
  g_autofree char *to = rtk_store_blobs_dup_path (self, name);

  if (rename (from, to) == 0)
    return TRUE;
  rtk_files_set_error (error, errno, "a photo cannot be put into the vault");
  unlink (from);
  return FALSE;
}

/* Somebody may have taken the folders of the vault away. */
static gboolean
ensure_folders (RtkStoreState *self, GPtrArray *folders, GError **error)
{
  for (guint i = 0; i < folders->len; i++) {
    if (!g_file_test (folders->pdata[i], G_FILE_TEST_IS_DIR))
      return rtk_store_blobs_make_folders (self, error);
  }
  return TRUE;
}

/* A content that is there already keeps its key: a file that was lost is written again with the key
 * of its row, so that a kill in between changes nothing. */
static RtkStoredBlob *
write_one (RtkStoreState *self, const RtkBlob *blob, gboolean *out_is_new, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autoptr (RtkStoredBlob) stored = rtk_store_blobs_find (self, blob->sha256, &failure);
  g_autofree char *path = NULL;
  gsize            size;
  const guint8    *data = g_bytes_get_data (blob->bytes, &size);

  *out_is_new = FALSE;
  if (stored != NULL && file_is_whole (self, stored))
    return g_steal_pointer (&stored);
  if (stored == NULL) {
    if (!g_error_matches (failure, RTK_ERROR, RTK_ERROR_NOT_FOUND)) {
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
    stored = g_new0 (RtkStoredBlob, 1);
    stored->name = rtk_store_blobs_dup_name (self, blob->sha256);
    memcpy (stored->sha256, blob->sha256, sizeof stored->sha256);
    stored->key = rtk_key_new_random ();
    stored->size = size;
    stored->media_type = blob->media_type;
  }
  *out_is_new = TRUE;
  path = temporary_path (self, stored->name);
  if (!rtk_blob_stream_write (path, stored->key, data, size, error) ||
      !move_into_place (self, stored->name, error))
    return NULL;
  return g_steal_pointer (&stored);
}

static gboolean
has_name (gconstpointer stored, gconstpointer name)
{
  return g_str_equal (((const RtkStoredBlob *)stored)->name, name);
}

/* Written down before the files, so that the next start finds what a kill left without a row. */
static gboolean
note_intents (RtkStoreState *self, GPtrArray *names, GError **error)
{
  if (!rtk_db_begin (self->db, error))
    return FALSE;
  for (guint i = 0; i < names->len; i++) {
    if (!rtk_db_run (self->db, error, "INSERT OR IGNORE INTO intents(name) VALUES(?)", "s",
                     (const char *)names->pdata[i])) {
      rtk_db_roll_back (self->db);
      return FALSE;
    }
  }
  return rtk_db_commit (self->db, error);
}

static gboolean
prepare_folders (RtkStoreState *self, GPtrArray *names, GError **error)
{
  g_autoptr (GPtrArray) folders = g_ptr_array_new_with_free_func (g_free);

  g_ptr_array_add (folders, g_build_filename (self->vault_folder, "tmp", NULL));
  for (guint i = 0; i < names->len; i++)
    g_ptr_array_add (folders, folder_of (self, names->pdata[i]));
  return ensure_folders (self, folders, error);
}

static gboolean
sync_folders (GHashTable *folders, GError **error)
{
  GHashTableIter iter;
  gpointer       folder;

  g_hash_table_iter_init (&iter, folders);
  while (g_hash_table_iter_next (&iter, &folder, NULL)) {
    if (!rtk_files_sync_folder (folder, error))
      return FALSE;
  }
  return TRUE;
}

/**
 * rtk_store_blobs_write:
 * @self: an unlocked state that may write, in no transaction
 * @blobs: (array length=n_blobs): contents
 * @n_blobs: how many
 * @error: %RTK_ERROR_DISK_FULL, %RTK_ERROR_READ_ONLY, %RTK_ERROR_STORAGE
 *
 * Writes contents into the vault: temporary file, fsync, rename, fsync of the folder. Their rows
 * come next, by rtk_store_blobs_insert(); whatever becomes of it, rtk_store_blobs_tidy() ends it.
 *
 * Returns: (transfer full) (element-type RtkStoredBlob): what was written, each content once, or
 *   %NULL
 */
GPtrArray *
rtk_store_blobs_write (RtkStoreState        *self,
                       const RtkBlob *const *blobs,
                       guint                 n_blobs,
                       GError              **error)
{
  g_autoptr (GPtrArray) written =
      g_ptr_array_new_with_free_func ((GDestroyNotify)rtk_stored_blob_free);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GHashTable) folders = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < n_blobs; i++)
    g_ptr_array_add (names, rtk_store_blobs_dup_name (self, blobs[i]->sha256));
  if (!prepare_folders (self, names, error) || !note_intents (self, names, error))
    return NULL;
  for (guint i = 0; i < n_blobs; i++) {
    gboolean       is_new;
    RtkStoredBlob *stored;

    /* One content has one file and one key, also when two parts of an attempt share it. */
    if (g_ptr_array_find_with_equal_func (written, names->pdata[i], has_name, NULL))
      continue;
    stored = write_one (self, blobs[i], &is_new, error);
    if (stored == NULL)
      return NULL;
    if (is_new)
      g_hash_table_add (folders, folder_of (self, stored->name));
    g_ptr_array_add (written, stored);
  }
  return sync_folders (folders, error) ? g_steal_pointer (&written) : NULL;
}

/**
 * rtk_store_blobs_insert:
 * @self: an unlocked state, in a transaction
 * @written: (element-type RtkStoredBlob): from rtk_store_blobs_write()
 * @own: made here, and not yet on the server; else a copy of the server's
 * @error: return location
 *
 * Writes the rows of photos whose files are on disk.
 *
 * Returns: whether they are part of the transaction
 */
gboolean
rtk_store_blobs_insert (RtkStoreState *self, GPtrArray *written, gboolean own, GError **error)
{
  for (guint i = 0; i < written->len; i++) {
    RtkStoredBlob *blob = g_ptr_array_index (written, i);
    g_autoptr (GBytes) sealed = seal_row (self, blob);

    if (!rtk_db_run (self->db, error,
                     "INSERT INTO blobs(name, size, media_type, sealed, uploaded, own, created_at) "
                     "VALUES(?, ?, ?, ?, ?, ?, ?) "
                     "ON CONFLICT(name) DO UPDATE SET own = max(own, excluded.own),"
                     "  uploaded = max(uploaded, excluded.uploaded)",
                     "sisbiii", blob->name, (gint64)blob->size, blob->media_type, sealed,
                     (gint64)!own, (gint64)own, rtk_clock_now (self->clock)) ||
        !rtk_db_run (self->db, error, "DELETE FROM intents WHERE name = ?", "s", blob->name))
      return FALSE;
  }
  return TRUE;
}

static GStrv
list_intents (RtkStoreState *self, GError **error)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  g_autoptr (GError) failure = NULL;
  sqlite3_stmt *row;

  row = rtk_db_query (self->db, error,
                      "SELECT name FROM intents WHERE name NOT IN (SELECT name FROM blobs)", "");
  if (row == NULL)
    return NULL;
  while (rtk_db_step (self->db, row, &failure)) {
    const char *name = (const char *)sqlite3_column_text (row, 0);

    /* A name becomes part of a path, and a database may come from elsewhere. */
    if (rtk_sha256_is_valid (name))
      g_strv_builder_add (names, name);
  }
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  return g_strv_builder_end (names);
}

static gboolean
tidy (RtkStoreState *self, GError **error)
{
  g_auto (GStrv) names = list_intents (self, error);

  if (names == NULL)
    return FALSE;
  for (guint i = 0; names[i] != NULL; i++) {
    g_autofree char *path = rtk_store_blobs_dup_path (self, names[i]);
    g_autofree char *temporary = temporary_path (self, names[i]);

    if ((unlink (path) != 0 && errno != ENOENT) || (unlink (temporary) != 0 && errno != ENOENT)) {
      rtk_files_set_error (error, errno, "a file of the vault cannot be removed");
      return FALSE;
    }
  }
  return rtk_db_exec (self->db, "DELETE FROM intents", error);
}

/**
 * rtk_store_blobs_tidy:
 * @self: a state that may write, in no transaction
 *
 * Removes the files that were written and got no row, or lost it. When that fails now, the next
 * start does it.
 */
void
rtk_store_blobs_tidy (RtkStoreState *self)
{
  g_autoptr (GError) error = NULL;

  if (!tidy (self, &error))
    g_message ("the vault is tidied at the next start: %s", error->message);
}

/**
 * rtk_store_blobs_recover:
 * @self: a state that may write
 * @error: return location
 *
 * Removes what a kill left half written: files noted as intended that have no row, and temporary
 * ones. Only names this database wrote down are touched. Needs no key.
 *
 * Returns: whether the vault is tidy
 */
gboolean
rtk_store_blobs_recover (RtkStoreState *self, GError **error)
{
  gint64 n;

  if (!rtk_db_get_int (self->db, &n, error, "SELECT count(*) FROM intents", ""))
    return FALSE;
  return n == 0 || tidy (self, error);
}

/**
 * rtk_store_blobs_collect:
 * @self: a state that may write, in a transaction
 * @error: return location
 *
 * Deletes photos made here to which no attempt refers any more: the row with the key, which is the
 * deletion. rtk_store_blobs_erase() after the transaction removes the files.
 *
 * Returns: whether it is part of the transaction
 */
gboolean
rtk_store_blobs_collect (RtkStoreState *self, GError **error)
{
  return rtk_db_exec (self->db,
                      "INSERT OR IGNORE INTO intents(name) SELECT name FROM blobs"
                      " WHERE own = 1 AND name NOT IN (SELECT blob FROM attempt_blobs);"
                      "DELETE FROM blobs WHERE own = 1 AND name NOT IN"
                      " (SELECT blob FROM attempt_blobs);",
                      error);
}

/**
 * rtk_store_blobs_erase:
 * @self: a state that may write, in no transaction
 *
 * Removes the files whose rows are gone and folds the write-ahead log back, so that no copy of the
 * rows with their keys stays in it. What fails now is done at the next start.
 */
void
rtk_store_blobs_erase (RtkStoreState *self)
{
  g_autoptr (GError) error = NULL;

  rtk_store_blobs_tidy (self);
  if (!rtk_db_exec (self->db, "PRAGMA wal_checkpoint(TRUNCATE)", &error))
    g_message ("the log of the database is folded back later: %s", error->message);
}

/**
 * rtk_store_blobs_mark_uploaded:
 * @self: an unlocked state that may write
 * @sha256: hex SHA-256 of a content
 * @error: %RTK_ERROR_NOT_FOUND
 *
 * Records that the server has a photo.
 *
 * Returns: whether it was recorded
 */
gboolean
rtk_store_blobs_mark_uploaded (RtkStoreState *self, const char *sha256, GError **error)
{
  g_autoptr (RtkStoredBlob) blob = NULL;

  if (!rtk_store_state_require (self, TRUE, error))
    return FALSE;
  blob = rtk_store_blobs_find (self, sha256, error);
  return blob != NULL &&
         rtk_db_run (self->db, error, "UPDATE blobs SET uploaded = 1 WHERE name = ?", "s",
                     blob->name);
}

static gboolean
insert_copy (RtkStoreState *self, GPtrArray *written, GError **error)
{
  if (!rtk_db_begin (self->db, error))
    return FALSE;
  if (rtk_store_blobs_insert (self, written, FALSE, error))
    return rtk_db_commit (self->db, error);
  rtk_db_roll_back (self->db);
  return FALSE;
}

/**
 * rtk_store_blobs_put:
 * @self: an unlocked state that may write
 * @blob: a photo that came from the server
 * @error: %RTK_ERROR_BAD_MESSAGE when its name does not fit, or as rtk_store_blobs_write()
 *
 * Keeps a copy of a photo of the server.
 *
 * Returns: whether it is on disk
 */
gboolean
rtk_store_blobs_put (RtkStoreState *self, const RtkBlob *blob, GError **error)
{
  g_autoptr (GPtrArray) written = NULL;
  char          sha256[65];
  gsize         size;
  const guint8 *data = g_bytes_get_data (blob->bytes, &size);
  gboolean      kept;

  if (!rtk_store_state_require (self, TRUE, error))
    return FALSE;
  rtk_sha256_hex (data, size, sha256);
  if (strcmp (sha256, blob->sha256) != 0) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                         "a photo is not what its name says");
    return FALSE;
  }
  written = rtk_store_blobs_write (self, &blob, 1, error);
  kept = written != NULL && insert_copy (self, written, error);
  if (!kept)
    rtk_store_blobs_tidy (self);
  return kept;
}
