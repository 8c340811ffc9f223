/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-limits.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"

#include <math.h>
#include <string.h>

/* More callers than this at a time share what is left: memory stays bounded. */
#define MAX_ENTRIES 100000
#define SWEEP_SECONDS 30

typedef enum {
  KIND_SIGN_IN,     /* by address: calls that hash a password */
  KIND_NEW_ACCOUNT, /* by address: they tell whether a telephone number has an account */
  KIND_ADDRESS,     /* by address: other calls whose session is not known */
  KIND_ACCOUNT,     /* by graduate */
  KIND_STAFF,       /* by member of staff */
  N_KINDS
} Kind;

typedef struct {
  double rate; /* tokens a microsecond; 0 = no limit */
  double burst;
} Rule;

typedef struct {
  double tokens;
  gint64 at; /* monotonic */
} Bucket;

/* A token of a session that was good when it was seen last. */
typedef struct {
  char    *principal; /* (owned) (nullable): NULL until it is used for the first time */
  Kind     kind;
  gboolean is_remote; /* it was used by somebody beyond this machine */
  gint64   until;     /* monotonic */
} Known;

struct _RtkServerLimits {
  Rule        rules[N_KINDS];
  GHashTable *buckets[N_KINDS]; /* (owned): address or id -> Bucket */
  GHashTable *known;            /* (owned): SHA-256 of a token -> Known */
  GPtrArray  *proxies;          /* (owned): GInetAddressMask */
  gint64      known_usec;
  gint64      swept;
};

static void
known_free (gpointer data)
{
  Known *known = data;

  g_free (known->principal);
  g_free (known);
}

static gboolean
read_proxies (RtkServerLimits *self, const char *list, GError **error)
{
  g_auto (GStrv) words = g_strsplit (list != NULL ? list : "", ",", -1);

  for (guint i = 0; words[i] != NULL; i++) {
    GInetAddressMask *mask;

    if (g_strstrip (words[i])[0] == '\0')
      continue;
    mask = g_inet_address_mask_new_from_string (words[i], NULL);
    if (mask == NULL) {
      g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE,
                           "--trusted-proxy takes numeric addresses or networks such as"
                           " 10.0.0.0/8, with commas between them");
      return FALSE;
    }
    g_ptr_array_add (self->proxies, mask);
  }
  return TRUE;
}

/**
 * rtk_server_limits_new:
 * @config: rates, bursts and trusted proxies
 * @error: return location; %RTK_ERROR_USAGE when a proxy is not an address
 *
 * Returns: (transfer full): limits that nobody has used yet
 */
RtkServerLimits *
rtk_server_limits_new (const RtkServerConfig *config, GError **error)
{
  const gint64 numbers[N_KINDS][2] = {{config->sign_in_rate, config->sign_in_burst},
                                      {config->new_account_rate, config->new_account_burst},
                                      {config->address_rate, config->address_burst},
                                      {config->account_rate, config->account_burst},
                                      {config->staff_rate, config->staff_burst}};
  g_autoptr (RtkServerLimits) self = g_new0 (RtkServerLimits, 1);

  for (guint i = 0; i < N_KINDS; i++) {
    self->rules[i].rate = (double)numbers[i][0] / (60.0 * G_USEC_PER_SEC);
    self->rules[i].burst = (double)MAX (numbers[i][1], 1);
    self->buckets[i] = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  }
  self->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, known_free);
  self->proxies = g_ptr_array_new_with_free_func (g_object_unref);
  self->known_usec = config->access_seconds * G_USEC_PER_SEC;
  return read_proxies (self, config->trusted_proxies, error) ? g_steal_pointer (&self) : NULL;
}

/**
 * rtk_server_limits_free:
 * @self: (transfer full): limits
 *
 * Forgets who asked for what.
 */
void
rtk_server_limits_free (RtkServerLimits *self)
{
  for (guint i = 0; i < N_KINDS; i++)
    g_hash_table_unref (self->buckets[i]);
  g_hash_table_unref (self->known);
  g_ptr_array_unref (self->proxies);
  g_free (self);
}

static gboolean
is_proxy (RtkServerLimits *self, GInetAddress *address)
{
  for (guint i = 0; i < self->proxies->len; i++)
    if (g_inet_address_mask_matches (g_ptr_array_index (self->proxies, i), address))
      return TRUE;
  return FALSE;
}

/* Whoever holds one address of IPv6 holds its whole /64. */
static char *
name_address (GInetAddress *address)
{
  const guint8 *bytes = g_inet_address_to_bytes (address);

  if (g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV4)
    return g_inet_address_to_string (address);
  return g_strdup_printf ("%02x%02x:%02x%02x:%02x%02x:%02x%02x::/64", bytes[0], bytes[1], bytes[2],
                          bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]);
}

/* Who calls: the peer, or whom the trusted proxies in front of us name; what is left of that was
 * written by the caller. NULL: a program on this machine with nobody behind it. */
static char *
find_address (RtkServerLimits *self, RtkServerCall *call, GSocketAddress *remote)
{
  const char *forwarded = rtk_server_call_get_header (call, "x-forwarded-for");
  g_auto (GStrv) hops = NULL;
  g_autoptr (GInetAddress) address = NULL;

  if (!G_IS_INET_SOCKET_ADDRESS (remote))
    return NULL;
  address = g_object_ref (g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (remote)));
  if (forwarded == NULL)
    return g_inet_address_get_is_loopback (address) ? NULL : name_address (address);
  hops = g_strsplit (forwarded, ",", -1);
  for (guint i = g_strv_length (hops); i > 0 && is_proxy (self, address); i--) {
    GInetAddress *before = g_inet_address_new_from_string (g_strstrip (hops[i - 1]));

    if (before == NULL)
      break;
    g_set_object (&address, before);
    g_object_unref (before);
  }
  return name_address (address);
}

static gboolean
bucket_is_full (gpointer key, gpointer value, gpointer user_data)
{
  const Bucket *bucket = value;
  const Rule   *rule = user_data;

  return bucket->tokens + (double)(g_get_monotonic_time () - bucket->at) * rule->rate >=
         rule->burst;
}

static gboolean
known_is_old (gpointer key, gpointer value, gpointer now)
{
  return ((Known *)value)->until < *(gint64 *)now;
}

static void
sweep (RtkServerLimits *self, gint64 now)
{
  if (now - self->swept < (gint64)SWEEP_SECONDS * G_USEC_PER_SEC)
    return;
  self->swept = now;
  for (guint i = 0; i < N_KINDS; i++)
    g_hash_table_foreach_remove (self->buckets[i], bucket_is_full, &self->rules[i]);
  g_hash_table_foreach_remove (self->known, known_is_old, &now);
}

/* Takes a token; answers how long there will be none, 0 when it was there. */
static gint64
take (RtkServerLimits *self, Kind kind, const char *name, gint64 now)
{
  const Rule *rule = &self->rules[kind];
  Bucket     *bucket = g_hash_table_lookup (self->buckets[kind], name);

  if (rule->rate <= 0)
    return 0;
  if (bucket == NULL && g_hash_table_size (self->buckets[kind]) >= MAX_ENTRIES) {
    name = "";
    bucket = g_hash_table_lookup (self->buckets[kind], name);
  }
  if (bucket == NULL) {
    bucket = g_new0 (Bucket, 1);
    bucket->tokens = rule->burst;
    bucket->at = now;
    g_hash_table_insert (self->buckets[kind], g_strdup (name), bucket);
  }
  bucket->tokens = MIN (rule->burst, bucket->tokens + (double)(now - bucket->at) * rule->rate);
  bucket->at = now;
  if (bucket->tokens >= 1) {
    bucket->tokens -= 1;
    return 0;
  }
  return (gint64)ceil ((1 - bucket->tokens) / rule->rate);
}

static gboolean
hash_token (const RtkServerCall *call, char out_hash[65])
{
  const char *header = g_hash_table_lookup (call->headers, "authorization");

  if (header == NULL)
    return FALSE;
  rtk_sha256_hex ((const guint8 *)header, strlen (header), out_hash);
  return TRUE;
}

/**
 * rtk_server_limits_admit:
 * @self: limits
 * @call: a call with its route and headers; gets the address of who calls
 * @remote: (nullable): the other end of the connection
 *
 * Decides whether a call is taken now, before anything is done for it. Whose token was good lately
 * has a bucket of their own, wherever they call from; all others share that of their address, and
 * those who sign in a much smaller one, and those who make an account the smallest. A program on
 * this machine is not limited, unless it calls for somebody else (X-Forwarded-For).
 *
 * Returns: whether the call is taken; otherwise it is answered with 429
 */
gboolean
rtk_server_limits_admit (RtkServerLimits *self, RtkServerCall *call, GSocketAddress *remote)
{
  gint64           now = g_get_monotonic_time ();
  Kind             kind = KIND_ADDRESS;
  const char      *name;
  const Known     *known;
  gint64           wait;
  g_autofree char *seconds = NULL;
  char             hash[65];

  g_free (call->address);
  call->address = find_address (self, call, remote);
  if (call->address == NULL)
    return TRUE;
  sweep (self, now);
  name = call->address;
  if (call->route->handler == rtk_server_online_account) {
    kind = KIND_NEW_ACCOUNT;
  } else if (call->route->is_slow && (call->route->who & RTK_SERVER_PUBLIC) != 0) {
    kind = KIND_SIGN_IN;
  } else if (hash_token (call, hash) && (known = g_hash_table_lookup (self->known, hash)) != NULL &&
             known->until >= now && known->is_remote) {
    kind = known->kind;
    name = known->principal;
  }
  wait = take (self, kind, name, now);
  if (wait == 0)
    return TRUE;
  seconds = g_strdup_printf ("%" G_GINT64_FORMAT, (wait + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC);
  rtk_server_call_add_header (call, "Retry-After", seconds);
  rtk_server_call_fail (call, 429, "rate-limited", "Too many calls. Try again later.");
  return FALSE;
}

/**
 * rtk_server_limits_find:
 * @self: limits
 * @authorization: (nullable): a header
 * @out_is_staff: (out): whether the session is of the staff
 * @out_name: (out) (transfer full): whose it is; the same for all sessions that are in use
 *
 * Returns: whether the header has a token that was good lately
 */
gboolean
rtk_server_limits_find (RtkServerLimits *self,
                        const char      *authorization,
                        gboolean        *out_is_staff,
                        char           **out_name)
{
  const Known *known;
  char         hash[65];

  if (authorization == NULL)
    return FALSE;
  rtk_sha256_hex ((const guint8 *)authorization, strlen (authorization), hash);
  known = g_hash_table_lookup (self->known, hash);
  if (known == NULL || known->until < g_get_monotonic_time ())
    return FALSE;
  *out_is_staff = known->kind == KIND_STAFF;
  *out_name = g_strdup (known->principal != NULL ? known->principal : hash);
  return TRUE;
}

static void
remember (
    RtkServerLimits *self, const char *hash, const char *principal, gboolean is_remote, Kind kind)
{
  Known *known = g_hash_table_lookup (self->known, hash);

  sweep (self, g_get_monotonic_time ());
  if (g_hash_table_size (self->known) >= MAX_ENTRIES ||
      (known != NULL && known->principal != NULL && (known->is_remote || !is_remote)))
    return;
  known = g_new0 (Known, 1);
  known->principal = g_strdup (principal);
  known->is_remote = is_remote;
  known->kind = kind;
  known->until = g_get_monotonic_time () + self->known_usec;
  g_hash_table_replace (self->known, g_strdup (hash), known);
}

/**
 * rtk_server_limits_learn:
 * @self: limits
 * @call: a call that was answered
 *
 * Remembers whose token the call came with, and the token that it made, for the calls that follow.
 */
void
rtk_server_limits_learn (RtkServerLimits *self, const RtkServerCall *call)
{
  g_autofree char *header = NULL;
  char             hash[65];

  if (call->principal != NULL && call->who != 0 && hash_token (call, hash))
    remember (self, hash, call->principal, call->address != NULL,
              call->who == RTK_SERVER_ACCOUNT ? KIND_ACCOUNT : KIND_STAFF);
  if (call->issued == NULL || call->status >= 400)
    return;
  header = g_strconcat ("Bearer ", call->issued, NULL);
  rtk_sha256_hex ((const guint8 *)header, strlen (header), hash);
  remember (self, hash, NULL, FALSE,
            g_str_has_prefix (call->route->pattern, "/v1/online/") ? KIND_ACCOUNT : KIND_STAFF);
}
