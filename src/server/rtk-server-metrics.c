/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-metrics.h"

#include <sodium.h>
#include <string.h>
#include <unistd.h>

/* Upper ends of the buckets of times, milliseconds. */
static const int buckets_ms[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000};
#define N_BUCKETS G_N_ELEMENTS (buckets_ms)

typedef struct {
  const RtkServerRoute *route; /* (nullable): NULL is no route of ours */
  guint                 status;
} Key;

struct _RtkServerMetrics {
  GHashTable *calls; /* (owned): Key -> gsize */
  guint64     times[N_BUCKETS + 1];
  double      seconds;
  gint64      started; /* microseconds since 1970 */
};

static guint
hash_key (gconstpointer key)
{
  const Key *self = key;

  return g_direct_hash (self->route) ^ (self->status * 2654435761u);
}

static gboolean
keys_are_equal (gconstpointer a, gconstpointer b)
{
  const Key *x = a;
  const Key *y = b;

  return x->route == y->route && x->status == y->status;
}

/**
 * rtk_server_metrics_new:
 *
 * Returns: (transfer full): metrics of nothing yet
 */
RtkServerMetrics *
rtk_server_metrics_new (void)
{
  RtkServerMetrics *self = g_new0 (RtkServerMetrics, 1);

  self->calls = g_hash_table_new_full (hash_key, keys_are_equal, g_free, g_free);
  self->started = g_get_real_time ();
  return self;
}

/**
 * rtk_server_metrics_free:
 * @self: (transfer full): metrics
 *
 * Frees the metrics.
 */
void
rtk_server_metrics_free (RtkServerMetrics *self)
{
  g_hash_table_unref (self->calls);
  g_free (self);
}

/**
 * rtk_server_metrics_count:
 * @self: metrics
 * @call: a call that is answered
 *
 * Counts a call.
 */
void
rtk_server_metrics_count (RtkServerMetrics *self, const RtkServerCall *call)
{
  Key      key = {call->route, call->status};
  guint64 *n = g_hash_table_lookup (self->calls, &key);
  gint64   usec = g_get_monotonic_time () - call->started;
  guint    i = 0;

  if (n == NULL) {
    n = g_new0 (guint64, 1);
    g_hash_table_insert (self->calls, g_memdup2 (&key, sizeof key), n);
  }
  (*n)++;
  while (i < N_BUCKETS && usec > (gint64)buckets_ms[i] * 1000)
    i++;
  self->times[i]++;
  self->seconds += (double)usec / G_USEC_PER_SEC;
}

static void
add_head (GString *text, const char *name, const char *type, const char *help)
{
  g_string_append_printf (text, "# TYPE retake_%s %s\n# HELP retake_%s %s\n", name, type, name,
                          help);
}

static void
add_gauge (GString *text, const char *name, const char *help, double value)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  add_head (text, name, "gauge", help);
  g_string_append_printf (text, "retake_%s %s\n", name,
                          g_ascii_dtostr (number, sizeof number, value));
}

static void
add_counter (GString *text, const char *name, const char *help, guint64 value)
{
  add_head (text, name, "counter", help);
  g_string_append_printf (text, "retake_%s_total %" G_GUINT64_FORMAT "\n", name, value);
}

static void
add_calls (RtkServerMetrics *self, GString *text)
{
  guint64        sum = 0;
  char           number[G_ASCII_DTOSTR_BUF_SIZE];
  GHashTableIter iter;
  gpointer       key;
  gpointer       n;

  add_head (text, "calls", "counter", "Answered calls.");
  g_hash_table_iter_init (&iter, self->calls);
  while (g_hash_table_iter_next (&iter, &key, &n)) {
    const Key *call = key;

    g_string_append_printf (text,
                            "retake_calls_total{method=\"%s\",route=\"%s\",status=\"%u\"}"
                            " %" G_GUINT64_FORMAT "\n",
                            call->route != NULL ? call->route->method : "",
                            call->route != NULL ? call->route->pattern : "", call->status,
                            *(guint64 *)n);
  }
  add_head (text, "call_seconds", "histogram", "From the last byte of a request to its answer.");
  for (guint i = 0; i < N_BUCKETS; i++) {
    sum += self->times[i];
    g_string_append_printf (
        text, "retake_call_seconds_bucket{le=\"%s\"} %" G_GUINT64_FORMAT "\n",
        g_ascii_formatd (number, sizeof number, "%.3f", (double)buckets_ms[i] / 1000), sum);
  }
  sum += self->times[N_BUCKETS];
  g_string_append_printf (text,
                          "retake_call_seconds_bucket{le=\"+Inf\"} %" G_GUINT64_FORMAT
                          "\nretake_call_seconds_count %" G_GUINT64_FORMAT
                          "\nretake_call_seconds_sum %s\n",
                          sum, sum, g_ascii_dtostr (number, sizeof number, self->seconds));
}

static double
get_memory (void)
{
  g_autofree char *text = NULL;
  const char      *second;

  if (!g_file_get_contents ("/proc/self/statm", &text, NULL, NULL))
    return 0;
  second = strchr (text, ' ');
  return second != NULL ? (double)g_ascii_strtoll (second, NULL, 10) * (double)getpagesize () : 0;
}

/**
 * rtk_server_metrics_finish:
 * @self: metrics
 * @gauges: what is there now
 * @call: a call of GET /metrics whose answer holds what the database says
 *
 * Adds what the process says.
 */
void
rtk_server_metrics_finish (RtkServerMetrics      *self,
                           const RtkServerGauges *gauges,
                           RtkServerCall         *call)
{
  GString *text = call->answer.text;

  add_calls (self, text);
  add_head (text, "queue", "gauge", "Calls that wait for a worker or are worked on.");
  for (guint lane = 0; lane < RTK_SERVER_N_LANES; lane++)
    g_string_append_printf (text, "retake_queue{lane=\"%s\"} %u\n", rtk_server_lane_get_name (lane),
                            rtk_server_pool_get_waiting (gauges->pool, lane));
  add_counter (text, "commits", "Transactions that this process committed.",
               (guint64)(guint)gauges->n_commits);
  add_gauge (text, "sockets", "Open WebSockets.", rtk_server_live_get_sockets (gauges->live));
  add_counter (text, "hints", "Hints that were sent over WebSockets.",
               rtk_server_live_get_hints (gauges->live));
  add_gauge (text, "bodies_bytes", "Bytes of bodies in memory.", (double)gauges->held_bytes);
  add_gauge (text, "memory_bytes", "Resident memory of the process.", get_memory ());
  add_gauge (text, "start_time_seconds", "When the process started, since 1970.",
             (double)self->started / G_USEC_PER_SEC);
  g_string_append (text, "# EOF\n");
}

static gboolean
has_token (RtkServerStore *store, RtkServerCall *call)
{
  const char *header = rtk_server_call_get_header (call, "authorization");
  const char *wanted = store->config->metrics_token;
  guint8      a[crypto_hash_sha256_BYTES];
  guint8      b[crypto_hash_sha256_BYTES];

  if (wanted == NULL || header == NULL || g_ascii_strncasecmp (header, "Bearer ", 7) != 0)
    return FALSE;
  crypto_hash_sha256 (a, (const guint8 *)wanted, strlen (wanted));
  crypto_hash_sha256 (b, (const guint8 *)header + 7, strlen (header + 7));
  return sodium_memcmp (a, b, sizeof a) == 0;
}

/* One number of the database. */
static void
add_count (
    RtkServerStore *store, GString *text, const char *name, const char *help, const char *sql)
{
  add_gauge (text, name, help, (double)rtk_server_db_get_int (store->db, 0, sql, ""));
}

/* GET /metrics: to programs on this machine, and to whoever has the token. */
RTK_SERVER_HANDLER (metrics)
{
  GString       *text = call->answer.text;
  RtkServerRows *row;
  gint64         oldest;

  if (call->address != NULL && !has_token (store, call))
    return rtk_server_call_fail (call, 403, "forbidden", "Metrics are not for everybody.");
  add_head (text, "effects", "gauge", "SMS, refunds, payments and courier orders by state.");
  row = rtk_server_db_query (store->db, error,
                             "SELECT kind, state, count (*) FROM effects GROUP BY kind, state", "");
  if (row == NULL)
    return FALSE;
  while (rtk_server_db_next (store->db, row, NULL))
    g_string_append_printf (text, "retake_effects{kind=\"%s\",state=\"%s\"} %" G_GINT64_FORMAT "\n",
                            rtk_server_db_text (row, 0), rtk_server_db_text (row, 1),
                            rtk_server_db_int (row, 2));
  rtk_server_db_end (row);
  oldest = rtk_server_db_get_int (
      store->db, 0, "SELECT coalesce (min (not_before), 0) FROM effects WHERE state = 'due'", "");
  add_gauge (text, "outbox_age_seconds", "How long the oldest effect is overdue.",
             oldest > 0 ? (double)MAX (g_get_real_time () - oldest, 0) / G_USEC_PER_SEC : 0);
  add_count (store, text, "waiting_reviews", "Submissions that somebody may claim.",
             "SELECT count (*) FROM submissions WHERE waiting IS NOT NULL");
  add_count (store, text, "uploads", "Uploads under way.",
             "SELECT count (*) FROM uploads WHERE done = 0");
  add_count (store, text, "sessions", "Sessions that were not ended.",
             "SELECT count (*) FROM sessions");
  add_count (store, text, "feed_number", "Number of the newest change.",
             "SELECT value FROM counters WHERE name = 'changes'");
  call->media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
  call->status = 200;
  return TRUE;
}
