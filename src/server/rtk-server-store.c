/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-store.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "server/rtk-server-files.h"

#include <string.h>

static char *
dup_database (const RtkServerConfig *config)
{
  return config->database != NULL ? g_strdup (config->database)
                                  : g_build_filename (config->data, "server.db", NULL);
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
  g_autofree char *database = dup_database (config);
  RtkServerDb     *db = rtk_server_db_open (database, error);
  RtkServerStore  *self;

  if (db == NULL)
    return NULL;
  self = g_new0 (RtkServerStore, 1);
  self->db = db;
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

static gboolean
check_meta (RtkServerStore *self, GError **error)
{
  g_autofree char *keys_id = rtk_server_keys_get_id (self->keys);
  g_autofree char *epoch = rtk_id_new (g_get_real_time ());
  g_autofree char *known = rtk_server_store_dup_meta (self, "keys-id");

  if (known != NULL && strcmp (known, keys_id) != 0) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_DAMAGED,
                         "The key file does not belong to this database: put the right one back");
    return FALSE;
  }
  return rtk_server_db_run (self->db, error,
                            "INSERT INTO meta (key, value) VALUES ('keys-id', ?1), ('epoch', ?2)"
                            " ON CONFLICT (key) DO NOTHING",
                            "ss", keys_id, epoch);
}

/**
 * rtk_server_store_prepare:
 * @config: settings
 * @error: return location
 *
 * Makes the data folder ready: folders, key file, schema. The folder is locked by the caller.
 *
 * Returns: (transfer full): the keys of the folder
 */
RtkServerKeys *
rtk_server_store_prepare (const RtkServerConfig *config, GError **error)
{
  g_autoptr (RtkServerKeys) keys = NULL;
  g_autoptr (RtkServerStore) store = NULL;
  g_autofree char *photos = g_build_filename (config->data, "photos", NULL);
  g_autofree char *uploads = g_build_filename (config->data, "uploads", NULL);
  g_autofree char *database = dup_database (config);

  if (!rtk_server_file_make_folder (photos, error) || !rtk_server_file_make_folder (uploads, error))
    return NULL;
  keys = rtk_server_keys_open (config->data, rtk_server_file_get_size (database) < 0, error);
  if (keys == NULL)
    return NULL;
  store = rtk_server_store_open (config, keys, error);
  if (store == NULL || !rtk_server_schema_migrate (store->db, error) || !check_meta (store, error))
    return NULL;
  return g_steal_pointer (&keys);
}
