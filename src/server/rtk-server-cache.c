/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-cache.h"

#include <sodium.h>
#include <string.h>

typedef struct {
  guint8  key[RTK_SERVER_CACHE_KEY_SIZE]; /* first: also the key of the table */
  gint64  until;                          /* when the session's token ends, microseconds */
  GBytes *answer;                         /* (owned) */
} Entry;

struct _RtkServerCache {
  GMutex      mutex;
  GHashTable *entries; /* (owned) (lock mutex): Entry -> itself */
  char       *state;   /* (owned) (nullable) (lock mutex): for which all entries are true */
  gsize       size;    /* (lock mutex) */
  gsize       max_size;
  guint8      secret[crypto_generichash_KEYBYTES];

  GMutex       watch_mutex;
  RtkServerDb *watch; /* (owned) (nullable) (lock watch_mutex): SQLite's, which only looks */
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_bytes_unref (entry->answer);
  g_free (entry);
}

static guint
hash_key (gconstpointer key)
{
  guint hash;

  memcpy (&hash, key, sizeof hash);
  return hash;
}

static gboolean
keys_are_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, RTK_SERVER_CACHE_KEY_SIZE) == 0;
}

/**
 * rtk_server_cache_new:
 * @config: settings
 * @max_bytes: of all answers together
 * @error: return location
 *
 * Returns: (transfer full): an empty cache
 */
RtkServerCache *
rtk_server_cache_new (const RtkServerConfig *config, gsize max_bytes, GError **error)
{
  g_autofree char *address = rtk_server_config_dup_address (config);
  RtkServerDb     *watch = NULL;
  RtkServerCache  *self;

  if (config->database == NULL) {
    watch = rtk_server_db_open (address, error);
    if (watch == NULL)
      return NULL;
  }
  self = g_new0 (RtkServerCache, 1);
  g_mutex_init (&self->mutex);
  g_mutex_init (&self->watch_mutex);
  self->watch = watch;
  self->entries = g_hash_table_new_full (hash_key, keys_are_equal, NULL, entry_free);
  self->max_size = max_bytes;
  randombytes_buf (self->secret, sizeof self->secret);
  return self;
}

/**
 * rtk_server_cache_free:
 * @self: (transfer full): a cache that nobody uses
 *
 * Frees the cache.
 */
void
rtk_server_cache_free (RtkServerCache *self)
{
  g_mutex_clear (&self->mutex);
  g_mutex_clear (&self->watch_mutex);
  g_clear_pointer (&self->watch, rtk_server_db_close);
  g_hash_table_unref (self->entries);
  g_free (self->state);
  g_free (self);
}

/**
 * rtk_server_cache_make_key:
 * @self: a cache
 * @authorization: (nullable): the header that says who calls; it is not kept
 * @resource: path and query
 * @out_key: gets the key
 *
 * Names the answer to a call: a keyed hash of who asks for what, so that each session, and with it
 * each station, has answers of its own.
 */
void
rtk_server_cache_make_key (RtkServerCache *self,
                           const char     *authorization,
                           const char     *resource,
                           guint8          out_key[RTK_SERVER_CACHE_KEY_SIZE])
{
  crypto_generichash_state state;
  const char              *who = authorization != NULL ? authorization : "";

  crypto_generichash_init (&state, self->secret, sizeof self->secret, RTK_SERVER_CACHE_KEY_SIZE);
  /* With its end: no header can be read as a shorter one and a part of the path. */
  crypto_generichash_update (&state, (const guint8 *)who, strlen (who) + 1);
  crypto_generichash_update (&state, (const guint8 *)resource, strlen (resource));
  crypto_generichash_final (&state, out_key, RTK_SERVER_CACHE_KEY_SIZE);
}

/**
 * rtk_server_cache_dup_state:
 * @self: a cache
 * @db: (nullable): the caller's own connection, outside a transaction; only PostgreSQL needs it
 *
 * Names the state of the database, whichever process wrote last: a backup writes beside the server.
 * Of SQLite this is a look into shared memory.
 *
 * Returns: (transfer full) (nullable): the state; %NULL when it is not known
 */
char *
rtk_server_cache_dup_state (RtkServerCache *self, RtkServerDb *db)
{
  char *state;

  if (self->watch == NULL)
    return db != NULL ? rtk_server_db_dup_state (db) : NULL;
  g_mutex_lock (&self->watch_mutex);
  state = rtk_server_db_dup_state (self->watch);
  g_mutex_unlock (&self->watch_mutex);
  return state;
}

/**
 * rtk_server_cache_find:
 * @self: a cache
 * @key: of the call
 * @state: of the database, now
 *
 * Returns: (transfer full) (nullable): the answer, if it is the one that would be made now
 */
GBytes *
rtk_server_cache_find (RtkServerCache *self, const guint8 *key, const char *state)
{
  GBytes *answer = NULL;

  g_mutex_lock (&self->mutex);
  if (g_strcmp0 (self->state, state) == 0) {
    const Entry *entry = g_hash_table_lookup (self->entries, key);

    if (entry != NULL && entry->until > g_get_real_time ())
      answer = g_bytes_ref (entry->answer);
  }
  g_mutex_unlock (&self->mutex);
  return answer;
}

/**
 * rtk_server_cache_keep:
 * @self: a cache
 * @key: of the call
 * @state: of the database before, or when, the answer was read from it
 * @until: when the caller's token ends, microseconds since 1970
 * @answer: the answer
 *
 * Keeps an answer; those for another state go.
 */
void
rtk_server_cache_keep (
    RtkServerCache *self, const guint8 *key, const char *state, gint64 until, GBytes *answer)
{
  gsize  size = g_bytes_get_size (answer) + sizeof (Entry);
  Entry *entry;

  if (size > self->max_size)
    return;
  g_mutex_lock (&self->mutex);
  if (g_strcmp0 (self->state, state) != 0 || self->size + size > self->max_size) {
    g_hash_table_remove_all (self->entries);
    g_free (self->state);
    self->state = g_strdup (state);
    self->size = 0;
  }
  if (!g_hash_table_contains (self->entries, key)) {
    entry = g_new0 (Entry, 1);
    memcpy (entry->key, key, sizeof entry->key);
    entry->until = until;
    entry->answer = g_bytes_ref (answer);
    g_hash_table_add (self->entries, entry);
    self->size += size;
  }
  g_mutex_unlock (&self->mutex);
}
