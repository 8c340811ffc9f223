/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-call.h"

#include <string.h>

/* Behind one address there may be a whole centre. */
#define ADDRESS_FACTOR 4
#define FIRST_WAIT (60 * G_USEC_PER_SEC)
/* How long it takes until one failure of an address is forgotten; of a name: the longest wait. */
#define ADDRESS_DECAY (60 * G_USEC_PER_SEC)

/* One counter of failures. */
typedef struct {
  char  *key;      /* (owned) (nullable): digest; NULL: is not counted */
  gint64 limit;    /* failures before there is a wait */
  gint64 decay;    /* microseconds until one is forgotten */
  gint64 failures; /* with the one that is being made */
  gint64 until;    /* no attempt before */
} Counter;

static void
counter_clear (Counter *counter)
{
  g_free (counter->key);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Counter, counter_clear)

/* A name is the same in any case and width, whether it exists or not. */
static Counter
make_name_counter (RtkServerStore *store, const char *kind, const char *name)
{
  g_autofree char *normal = g_utf8_normalize (name, -1, G_NORMALIZE_ALL_COMPOSE);
  g_autofree char *folded = g_utf8_casefold (normal != NULL ? normal : name, -1);
  g_autofree char *text = g_strconcat (kind, ":", folded, NULL);

  return (Counter){.key = rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_SIGN_IN, text),
                   .limit = store->config->lockout_failures,
                   .decay = store->config->lockout_seconds * G_USEC_PER_SEC};
}

static Counter
make_address_counter (RtkServerStore *store, RtkServerCall *call)
{
  g_autofree char *text =
      call->address != NULL ? g_strconcat ("address:", call->address, NULL) : NULL;

  return (Counter){.key = text != NULL
                              ? rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_SIGN_IN, text)
                              : NULL,
                   .limit = store->config->lockout_failures * ADDRESS_FACTOR,
                   .decay = ADDRESS_DECAY};
}

/* 1, 2, 4 ... minutes. */
static gint64
get_wait (RtkServerStore *store, const Counter *counter)
{
  gint64 over = counter->failures - counter->limit;

  if (over < 0)
    return 0;
  return MIN (FIRST_WAIT << MIN (over, 20), store->config->lockout_seconds * G_USEC_PER_SEC);
}

static gboolean
read_counter (RtkServerStore *store, Counter *counter, gint64 now, GError **error)
{
  RtkServerRows *row;
  gint64         forgotten;

  if (counter->key == NULL)
    return TRUE;
  row = rtk_server_db_query (store->db, error,
                             "SELECT failures, until, at FROM sign_in_failures WHERE key = ?", "s",
                             counter->key);
  if (row == NULL)
    return FALSE;
  if (rtk_server_db_next (store->db, row, NULL)) {
    forgotten = counter->decay > 0 ? (now - rtk_server_db_int (row, 2)) / counter->decay : 0;
    counter->failures = MAX (0, rtk_server_db_int (row, 0) - MAX (0, forgotten));
    counter->until = rtk_server_db_int (row, 1);
  }
  rtk_server_db_end (row);
  counter->failures++;
  return TRUE;
}

static gboolean
write_counter (RtkServerStore *store, const Counter *counter, gint64 now, GError **error)
{
  gint64 wait = get_wait (store, counter);

  return counter->key == NULL ||
         rtk_server_db_run (store->db, error,
                            "INSERT INTO sign_in_failures (key, failures, until, at)"
                            " VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
                            " failures = excluded.failures, until = excluded.until,"
                            " at = excluded.at",
                            "siii", counter->key, counter->failures, wait > 0 ? now + wait : 0,
                            now);
}

static gboolean
count_in_transaction (RtkServerStore *store,
                      RtkServerCall  *call,
                      const char     *kind,
                      const char     *name,
                      gint64         *out_wait,
                      GError        **error)
{
  g_auto (Counter) by_name = make_name_counter (store, kind, name);
  g_auto (Counter) by_address = make_address_counter (store, call);
  gint64 now = g_get_real_time ();

  if (!read_counter (store, &by_name, now, error) || !read_counter (store, &by_address, now, error))
    return FALSE;
  *out_wait = MAX (by_name.until, by_address.until) - now;
  return *out_wait > 0 || (write_counter (store, &by_name, now, error) &&
                           write_counter (store, &by_address, now, error));
}

/**
 * rtk_server_lockout_count:
 * @store: a store, outside a transaction
 * @call: a call with a password that has not been looked at yet
 * @kind: "staff", "account" or "own": the same name of another kind is somebody else
 * @name: whose password it is to be; need not exist
 * @error: return location
 *
 * Counts the attempt as a failure, before the password is checked, so that many at once get no
 * further than one after the other; rtk_server_lockout_clear() takes it back. While there is a wait
 * nothing is counted or checked, and the call is answered with 429: its status is not 0 then. Names
 * that exist and that do not are the same.
 *
 * Returns: whether the database did its part
 */
gboolean
rtk_server_lockout_count (
    RtkServerStore *store, RtkServerCall *call, const char *kind, const char *name, GError **error)
{
  gint64           wait = 0;
  g_autofree char *seconds = NULL;

  if (store->config->lockout_failures <= 0)
    return TRUE;
  if (!rtk_server_db_begin (store->db, TRUE, error) ||
      !count_in_transaction (store, call, kind, name, &wait, error) ||
      !rtk_server_db_commit (store->db, error))
    return FALSE;
  if (wait <= 0)
    return TRUE;
  seconds = g_strdup_printf ("%" G_GINT64_FORMAT, (wait + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC);
  rtk_server_call_add_header (call, "Retry-After", seconds);
  return rtk_server_call_fail (call, 429, "locked-out",
                               "Too many wrong passwords. Try again later.");
}

/**
 * rtk_server_lockout_clear:
 * @store: a store, in a transaction
 * @call: a call whose password was right
 * @kind: as when it was counted
 * @name: whose it is
 * @error: return location
 *
 * Forgets the failures of @name, and the attempt that was counted for the address: somebody who has
 * one password cannot wipe out what was tried from there for others.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_lockout_clear (
    RtkServerStore *store, RtkServerCall *call, const char *kind, const char *name, GError **error)
{
  g_auto (Counter) by_name = make_name_counter (store, kind, name);
  g_auto (Counter) by_address = make_address_counter (store, call);

  return rtk_server_db_run (store->db, error, "DELETE FROM sign_in_failures WHERE key = ?", "s",
                            by_name.key) &&
         (by_address.key == NULL ||
          rtk_server_db_run (store->db, error,
                             "UPDATE sign_in_failures SET failures = failures - 1, until = 0"
                             " WHERE key = ? AND failures > 0",
                             "s", by_address.key));
}
