/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-call.h"

#include <string.h>

/* What many have in common gets further: all addresses of a name, all names of an address. */
#define SHARED_FACTOR 4
/* Of an account. */
#define MAX_WRONG_CODES 10
/* Of a member of staff who looks for graduates: typing errors, but no guesses one after the other.
 */
#define MAX_MISSES 10
#define MISS_DECAY (5 * 60 * G_USEC_PER_SEC)
#define FIRST_WAIT (60 * G_USEC_PER_SEC)
/* How long it takes until one failure of an address is forgotten; of a name: the longest wait. */
#define ADDRESS_DECAY (60 * G_USEC_PER_SEC)
/* From where a name has signed in, strangers cannot keep it out for so long. */
#define KNOWN_USEC (30 * G_TIME_SPAN_DAY)

/* What is counted: bits of RtkServerCall.counted. A pair is a name from one address. */
typedef enum { COUNTER_PAIR, COUNTER_NAME, COUNTER_ADDRESS, N_COUNTERS } Which;

/* One counter of failures. */
typedef struct {
  char  *key;      /* (owned) (nullable): digest; NULL: is not counted */
  char  *name;     /* (owned) (nullable): digest of whom it is of */
  gint64 limit;    /* failures before there is a wait */
  gint64 decay;    /* microseconds until one is forgotten */
  gint64 failures; /* with the one that is being made */
  gint64 until;    /* no attempt before */
} Counter;

/* Those of one attempt. */
typedef struct {
  Counter counters[N_COUNTERS];
} Counters;

static void
counters_clear (Counters *self)
{
  for (guint i = 0; i < N_COUNTERS; i++) {
    g_free (self->counters[i].key);
    g_free (self->counters[i].name);
  }
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Counters, counters_clear)

/* A name is the same in any case and width, whether it exists or not. */
static char *
make_name_key (RtkServerStore *store, const char *kind, const char *name)
{
  g_autofree char *folded = rtk_server_name_fold (name);
  g_autofree char *text = g_strconcat (kind, ":", folded, NULL);

  return rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_SIGN_IN, text);
}

static void
counters_init (
    Counters *self, RtkServerStore *store, RtkServerCall *call, const char *kind, const char *name)
{
  gint64           limit = store->config->lockout_failures;
  gint64           decay = store->config->lockout_seconds * G_USEC_PER_SEC;
  g_autofree char *by_name = make_name_key (store, kind, name);
  /* Who changes a password is signed in: from where makes no difference. */
  gboolean         is_own = strcmp (kind, "own") == 0;
  g_autofree char *pair = g_strconcat ("pair:", by_name, "@",
                                       call->address != NULL && !is_own ? call->address : "", NULL);
  g_autofree char *address =
      call->address != NULL && !is_own ? g_strconcat ("address:", call->address, NULL) : NULL;

  *self = (Counters){0};
  self->counters[COUNTER_PAIR] =
      (Counter){.key = rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_SIGN_IN, pair),
                .name = g_strdup (by_name),
                .limit = limit,
                .decay = decay};
  self->counters[COUNTER_NAME] = (Counter){.key = is_own ? NULL : g_strdup (by_name),
                                           .name = g_strdup (by_name),
                                           .limit = limit * SHARED_FACTOR,
                                           .decay = decay};
  self->counters[COUNTER_ADDRESS] = (Counter){
      .key = address != NULL ? rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_SIGN_IN, address)
                             : NULL,
      .limit = limit * SHARED_FACTOR,
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

  return rtk_server_db_run (store->db, error,
                            "INSERT INTO sign_in_failures (key, name, failures, until, at)"
                            " VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
                            " failures = excluded.failures, until = excluded.until,"
                            " at = excluded.at",
                            "ssiii", counter->key, counter->name, counter->failures,
                            wait > 0 ? now + wait : 0, now);
}

/* Whether this name signed in from there lately. */
static gboolean
is_known (RtkServerStore *store, const Counters *counters, gint64 now)
{
  return rtk_server_db_get_int (store->db, 0,
                                "SELECT EXISTS (SELECT 1 FROM sign_in_known WHERE key = ?"
                                " AND at > ?)",
                                "si", counters->counters[COUNTER_PAIR].key, now - KNOWN_USEC) != 0;
}

/* Which counters hold an attempt: a pair that is known good is nobody's but its own matter, and an
 * address is counted once for each name that fails there. */
static guint
choose_counters (RtkServerStore *store, const Counters *counters, gint64 now)
{
  guint chosen = 1u << COUNTER_PAIR;

  if (is_known (store, counters, now))
    return chosen;
  if (counters->counters[COUNTER_NAME].key != NULL)
    chosen |= 1u << COUNTER_NAME;
  if (counters->counters[COUNTER_ADDRESS].key != NULL)
    chosen |= 1u << COUNTER_ADDRESS;
  return chosen;
}

static gboolean
count_in_transaction (RtkServerStore *store,
                      RtkServerCall  *call,
                      const char     *kind,
                      const char     *name,
                      gint64         *out_wait,
                      GError        **error)
{
  g_auto (Counters) all = {0};
  gint64 now = g_get_real_time ();
  guint  chosen;

  counters_init (&all, store, call, kind, name);
  chosen = choose_counters (store, &all, now);
  for (guint i = 0; i < N_COUNTERS; i++)
    if ((chosen & (1u << i)) != 0) {
      if (!read_counter (store, &all.counters[i], now, error))
        return FALSE;
      *out_wait = MAX (*out_wait, all.counters[i].until - now);
    }
  if (*out_wait > 0)
    return TRUE;
  if (all.counters[COUNTER_PAIR].failures > 1)
    chosen &= ~(1u << COUNTER_ADDRESS);
  call->counted = chosen;
  for (guint i = 0; i < N_COUNTERS; i++)
    if ((chosen & (1u << i)) != 0 && !write_counter (store, &all.counters[i], now, error))
      return FALSE;
  return TRUE;
}

/* 429 for so many microseconds. */
static gboolean
fail_with_wait (RtkServerCall *call, gint64 wait, const char *title)
{
  g_autofree char *seconds =
      g_strdup_printf ("%" G_GINT64_FORMAT, (wait + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC);

  rtk_server_call_add_header (call, "Retry-After", seconds);
  return rtk_server_call_fail (call, 429, "locked-out", title);
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
  gint64 wait = 0;

  if (store->config->lockout_failures <= 0)
    return TRUE;
  if (!rtk_server_db_begin (store->db, TRUE, error) ||
      !count_in_transaction (store, call, kind, name, &wait, error) ||
      !rtk_server_db_commit (store->db, error))
    return FALSE;
  return wait <= 0 || fail_with_wait (call, wait, "Too many wrong passwords. Try again later.");
}

/* Takes back one failure; whoever waits because of others waits on. */
static gboolean
take_back (RtkServerStore *store, const Counter *counter, GError **error)
{
  return rtk_server_db_run (store->db, error,
                            "UPDATE sign_in_failures SET failures = failures - 1, until ="
                            " CASE WHEN failures <= ? THEN 0 ELSE until END"
                            " WHERE key = ? AND failures > 0",
                            "is", counter->limit, counter->key);
}

/**
 * rtk_server_lockout_clear:
 * @store: a store, in a transaction
 * @call: a call whose password was right
 * @kind: as when it was counted
 * @name: whose it is
 * @error: return location
 *
 * Forgets the failures of @name from this address, which is known good from now on, and takes back
 * the attempt that was counted for the name and for the address: somebody who has one password
 * cannot wipe out what was tried from there for others, nor from elsewhere.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_lockout_clear (
    RtkServerStore *store, RtkServerCall *call, const char *kind, const char *name, GError **error)
{
  g_auto (Counters) all = {0};
  const Counter *pair = &all.counters[COUNTER_PAIR];

  counters_init (&all, store, call, kind, name);
  if (!rtk_server_db_run (store->db, error, "DELETE FROM sign_in_failures WHERE key = ?", "s",
                          pair->key) ||
      !rtk_server_db_run (store->db, error,
                          "INSERT INTO sign_in_known (key, at) VALUES (?, ?)"
                          " ON CONFLICT (key) DO UPDATE SET at = excluded.at",
                          "si", pair->key, g_get_real_time ()))
    return FALSE;
  for (guint i = COUNTER_NAME; i < N_COUNTERS; i++)
    if ((call->counted & (1u << i)) != 0 && !take_back (store, &all.counters[i], error))
      return FALSE;
  return TRUE;
}

static Counter
make_bind_counter (RtkServerStore *store, const char *account)
{
  g_autofree char *text = g_strconcat ("bind:", account, NULL);

  return (Counter){.key = rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_SIGN_IN, text),
                   .limit = MAX_WRONG_CODES,
                   .decay = store->config->lockout_seconds * G_USEC_PER_SEC};
}

static Counter
make_search_counter (RtkServerStore *store, const char *staff)
{
  g_autofree char *text = g_strconcat ("search:", staff, NULL);

  return (Counter){.key = rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_SIGN_IN, text),
                   .limit = MAX_MISSES,
                   .decay = MISS_DECAY};
}

static gint64
read_wait (RtkServerStore *store, const Counter *counter)
{
  return store->config->lockout_failures <= 0
             ? 0
             : rtk_server_db_get_int (store->db, 0,
                                      "SELECT until FROM sign_in_failures WHERE key = ?", "s",
                                      counter->key) -
                   g_get_real_time ();
}

/**
 * rtk_server_search_is_closed:
 * @store: a store
 * @call: a call of a member of staff who looks for somebody; is answered when they have to wait
 *
 * Returns: whether nobody must be looked for
 */
gboolean
rtk_server_search_is_closed (RtkServerStore *store, RtkServerCall *call)
{
  Counter          counter = make_search_counter (store, call->principal);
  g_autofree char *key = counter.key;
  gint64           wait = read_wait (store, &counter);

  return wait > 0 &&
         fail_with_wait (call, wait, "Too many searches found nobody. Try again later.");
}

/**
 * rtk_server_search_note:
 * @store: a store, in a transaction that has written nothing yet
 * @call: a call of a member of staff who looked for somebody
 * @by: "number", "name" or "phone"
 * @target: (nullable): id of what was found, or looked through
 * @found: how many were found; 0 is counted as a miss, which a hit does not take back
 * @ends: whether to end the transaction here, so that this stays when the answer is a problem
 * @error: return location
 *
 * Writes a search into the audit log, without what was looked for: whoever guesses at numbers,
 * names or phones is slowed down and seen.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_search_note (RtkServerStore *store,
                        RtkServerCall  *call,
                        const char     *by,
                        const char     *target,
                        guint           found,
                        gboolean        ends,
                        GError        **error)
{
  Counter          counter = make_search_counter (store, call->principal);
  g_autofree char *key = counter.key;
  g_autofree char *detail = g_strdup_printf ("{\"by\":\"%s\",\"found\":%u}", by, found);
  gint64           now = g_get_real_time ();

  return (found > 0 || (read_counter (store, &counter, now, error) &&
                        write_counter (store, &counter, now, error))) &&
         rtk_server_audit_add (store, call->actor, "roster.search",
                               target != NULL ? target : call->principal, detail, error) &&
         (!ends || rtk_server_db_commit (store->db, error));
}

/**
 * rtk_server_lockout_is_closed:
 * @store: a store
 * @call: a call of an account with a code to bind; is answered when the account has to wait
 *
 * Returns: whether the code must not be looked at
 */
gboolean
rtk_server_lockout_is_closed (RtkServerStore *store, RtkServerCall *call)
{
  Counter          counter = make_bind_counter (store, call->principal);
  g_autofree char *key = counter.key;
  gint64           wait = read_wait (store, &counter);

  return wait > 0 && fail_with_wait (call, wait, "Too many wrong codes. Try again later.");
}

/**
 * rtk_server_lockout_add_wrong_code:
 * @store: a store, in a transaction that has written nothing; it is ended
 * @call: a call of an account whose code is nobody's
 * @error: return location
 *
 * Counts a guess at a code; a right one does not take it back.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_lockout_add_wrong_code (RtkServerStore *store, RtkServerCall *call, GError **error)
{
  Counter          counter = make_bind_counter (store, call->principal);
  g_autofree char *key = counter.key;
  gint64           now = g_get_real_time ();

  /* The answer is a problem, which undoes what is not committed. */
  return read_counter (store, &counter, now, error) &&
         write_counter (store, &counter, now, error) && rtk_server_db_commit (store->db, error);
}

/**
 * rtk_server_lockout_forget:
 * @store: a store, in a transaction
 * @kind: as when it was counted
 * @name: whose password is new
 * @error: return location
 *
 * Forgets the failures of @name from everywhere.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_lockout_forget (RtkServerStore *store,
                           const char     *kind,
                           const char     *name,
                           GError        **error)
{
  g_autofree char *by_name = make_name_key (store, kind, name);

  return rtk_server_db_run (store->db, error, "DELETE FROM sign_in_failures WHERE name = ?", "s",
                            by_name);
}

/**
 * rtk_server_lockout_expire:
 * @store: a store
 * @now: microseconds since 1970
 * @error: return location
 *
 * Forgets who gave a wrong password a day ago, and who has not signed in for a month.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_lockout_expire (RtkServerStore *store, gint64 now, GError **error)
{
  return rtk_server_db_run (store->db, error, "DELETE FROM sign_in_failures WHERE at < ?", "i",
                            now - G_TIME_SPAN_DAY) &&
         rtk_server_db_run (store->db, error, "DELETE FROM sign_in_known WHERE at < ?", "i",
                            now - KNOWN_USEC);
}
