/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-store.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "server/rtk-server-audit.h"
#include "server/rtk-server-backup.h"
#include "server/rtk-server-files.h"

#include <string.h>

/**
 * rtk_server_config_dup_address:
 * @self: settings
 *
 * Returns: (transfer full): where the database is, for rtk_server_db_open() and
 *   rtk_server_db_listen(); it may hold a password
 */
char *
rtk_server_config_dup_address (const RtkServerConfig *self)
{
  return self->database != NULL ? g_strdup (self->database)
                                : g_build_filename (self->data, "server.db", NULL);
}

/**
 * rtk_server_store_open:
 * @config: settings; must outlive the store
 * @keys: keys; must outlive the store
 * @error: return location
 *
 * Opens a connection for one thread. rtk_server_store_prepare() must have run before.
 *
 * Returns: (transfer full): the store
 */
RtkServerStore *
rtk_server_store_open (const RtkServerConfig *config, const RtkServerKeys *keys, GError **error)
{
  g_autofree char *database = rtk_server_config_dup_address (config);
  g_autoptr (RtkServerDb) db = rtk_server_db_open (database, error);
  RtkServerStore *self;

  if (db == NULL || (config->is_hasty && !rtk_server_db_exec (db,
                                                              rtk_server_db_is_postgres (db)
                                                                  ? "SET synchronous_commit = off"
                                                                  : "PRAGMA synchronous=OFF",
                                                              error)))
    return NULL;
  self = g_new0 (RtkServerStore, 1);
  self->db = g_steal_pointer (&db);
  self->keys = keys;
  self->config = config;
  return self;
}

/**
 * rtk_server_store_close:
 * @self: (transfer full): a store
 *
 * Closes the connection.
 */
void
rtk_server_store_close (RtkServerStore *self)
{
  rtk_server_db_close (self->db);
  g_free (self);
}

/**
 * rtk_server_store_dup_meta:
 * @self: a store
 * @key: "epoch" or "keys-id"
 *
 * Returns: (transfer full) (nullable): what the database says of itself
 */
char *
rtk_server_store_dup_meta (RtkServerStore *self, const char *key)
{
  return rtk_server_db_dup_text (self->db, "SELECT value FROM meta WHERE key = ?", "s", key);
}

/**
 * rtk_server_store_count:
 * @self: a store, in a writing transaction
 * @counter: "changes" or "orders"
 *
 * Takes the next number. Numbers appear to readers in their order, without a gap. When the database
 * fails the transaction cannot be committed.
 *
 * Returns: the number, from 1
 */
gint64
rtk_server_store_count (RtkServerStore *self, const char *counter)
{
  return rtk_server_db_get_int (self->db, 0,
                                "UPDATE counters SET value = value + 1 WHERE name = ?"
                                " RETURNING value",
                                "s", counter);
}

/* What a restore that was not finished has left is no data folder. */
static gboolean
check_folder (const RtkServerConfig *config, GError **error)
{
  if (!rtk_server_restore_is_pending (config->data))
    return TRUE;
  g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_STATE,
               "A restore of the data folder %s was not finished: run it again", config->data);
  return FALSE;
}

static char *
find_keys_id (RtkServerDb *db)
{
  return rtk_server_db_dup_text (db, "SELECT value FROM meta WHERE key = 'keys-id'", "");
}

/* Opens the keys to which the database belongs; a new one gets new ones, and its epoch. Whoever
 * else starts on the same database or folder waits for the write lock. */
static RtkServerKeys *
join_keys (const RtkServerConfig *config, RtkServerDb *db, GError **error)
{
  g_autofree char *known = find_keys_id (db);
  g_autofree char *epoch = rtk_id_new (g_get_real_time ());
  g_autofree char *keys_id = NULL;
  g_autoptr (RtkServerKeys) keys = rtk_server_keys_open (config->data, known == NULL, error);

  if (keys == NULL)
    return NULL;
  keys_id = rtk_server_keys_get_id (keys);
  if (known != NULL && strcmp (known, keys_id) != 0) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_DAMAGED,
                         "The key file does not belong to this database: put the right one back");
    return NULL;
  }
  if (!rtk_server_db_run (db, error,
                          "INSERT INTO meta (key, value) VALUES ('keys-id', ?1), ('epoch', ?2)"
                          " ON CONFLICT (key) DO NOTHING",
                          "ss", keys_id, epoch))
    return NULL;
  return g_steal_pointer (&keys);
}

/* Before a database of version 1 is brought up to date: its audit log has no keys yet. Here, and
 * not in the migration, as that knows none. */
static gboolean
keep_plain_audit (const RtkServerConfig *config, RtkServerDb *db, GError **error)
{
  g_autoptr (RtkServerKeys) keys = NULL;
  RtkServerStore store = {.db = db, .config = config};
  gint64         version;

  if (!rtk_server_db_begin (db, TRUE, error))
    return FALSE;
  version = rtk_server_schema_get_version (db, error);
  if (version == 1) {
    store.keys = keys = join_keys (config, db, error);
    if (keys != NULL && rtk_server_audit_keep_plain (&store, error))
      return rtk_server_db_commit (db, error);
  }
  rtk_server_db_rollback (db);
  return version == 0 || version > 1;
}

/**
 * rtk_server_store_prepare:
 * @config: settings
 * @error: return location
 *
 * Makes the data folder and the database ready: folders, schema, key file. The folder is locked by
 * the caller. Several processes may be at it in one PostgreSQL database.
 *
 * Returns: (transfer full): the keys of the folder
 */
RtkServerKeys *
rtk_server_store_prepare (const RtkServerConfig *config, GError **error)
{
  g_autoptr (RtkServerKeys) keys = NULL;
  g_autoptr (RtkServerDb) db = NULL;
  g_autofree char *photos = g_build_filename (config->data, "photos", NULL);
  g_autofree char *uploads = g_build_filename (config->data, "uploads", NULL);
  g_autofree char *database = rtk_server_config_dup_address (config);

  if (!check_folder (config, error) || !rtk_server_file_make_folder (photos, error) ||
      !rtk_server_file_make_folder (uploads, error))
    return NULL;
  db = rtk_server_db_open (database, error);
  if (db == NULL || !keep_plain_audit (config, db, error) ||
      !rtk_server_schema_migrate (db, error) || !rtk_server_db_begin (db, TRUE, error))
    return NULL;
  keys = join_keys (config, db, error);
  if (keys == NULL || !rtk_server_roster_digest_again (db, keys, error) ||
      !rtk_server_phone_digest_again (db, keys, error)) {
    rtk_server_db_rollback (db);
    return NULL;
  }
  return rtk_server_db_commit (db, error) ? g_steal_pointer (&keys) : NULL;
}

/**
 * rtk_server_store_attach:
 * @config: settings
 * @error: return location
 *
 * Opens the keys of a folder that a running server has made ready, and changes nothing.
 *
 * Returns: (transfer full): the keys of the folder
 */
RtkServerKeys *
rtk_server_store_attach (const RtkServerConfig *config, GError **error)
{
  g_autoptr (RtkServerKeys) keys =
      check_folder (config, error) ? rtk_server_keys_open (config->data, FALSE, error) : NULL;
  g_autofree char *database = rtk_server_config_dup_address (config);
  g_autofree char *keys_id = NULL;
  g_autofree char *known = NULL;
  g_autoptr (RtkServerDb) db = NULL;

  if (keys == NULL)
    return NULL;
  db = rtk_server_db_open (database, error);
  if (db == NULL || !rtk_server_schema_is_present (db, error))
    return NULL;
  keys_id = rtk_server_keys_get_id (keys);
  known = find_keys_id (db);
  if (g_strcmp0 (known, keys_id) == 0)
    return g_steal_pointer (&keys);
  g_set_error_literal (error, RTK_ERROR, RTK_ERROR_DAMAGED,
                       "The key file does not belong to this database: put the right one back");
  return NULL;
}
