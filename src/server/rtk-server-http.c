/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-http.h"

#include "server/rtk-server-adapters.h"
#include "server/rtk-server-answer.h"
#include "server/rtk-server-cache.h"
#include "server/rtk-server-intake.h"
#include "server/rtk-server-limits.h"
#include "server/rtk-server-live.h"
#include "server/rtk-server-metrics.h"
#include "server/rtk-server-pool.h"

#include <string.h>

#define JOB_SECONDS 15
/* After this a stop waits no longer for callers who do not read their answers. */
#define STOP_SECONDS 5
/* Of all answers that are kept for the next who asks the same. */
#define CACHE_BYTES (24 * 1024 * 1024)
#define FINISHED "rtk-finished"
#define HANDLED "rtk-handled"

struct _RtkServerHttp {
  SoupServer            *server;    /* (owned) */
  const RtkServerConfig *config;    /* (unowned) */
  RtkServerPool         *pool;      /* (owned) */
  RtkServerIntake       *intake;    /* (owned) */
  RtkServerLive         *live;      /* (owned) */
  RtkServerMetrics      *metrics;   /* (owned) */
  RtkServerCache        *cache;     /* (owned): shared with the readers */
  int                    n_commits; /* of this process, atomic: for the metrics */
  RtkServerLimits       *limits;    /* (owned) */
  RtkServerAdapters     *adapters;  /* (owned) */
  char                  *bootstrap; /* (owned) (nullable) */
  guint                  job_source;
  guint                  stop_source;
  guint       n_running; /* messages that wait for a worker, or whose answer is being written */
  gboolean    stopping;
  gboolean    gave_up; /* whoever is not answered by now is not waited for */
  GSourceFunc stopped;
  gpointer    stopped_data;
};

/* A call on its way, with the message that waits for it. */
typedef struct {
  RtkServerHttp     *self;    /* (unowned): outlives its calls */
  SoupServerMessage *message; /* (owned): main thread only */
  RtkServerCall     *call;    /* (owned) */
  gboolean           is_kept; /* its answer may be given again */
  guint8             key[RTK_SERVER_CACHE_KEY_SIZE];
} Pending;

static void
pending_free (Pending *pending)
{
  g_object_unref (pending->message);
  rtk_server_call_free (pending->call);
  g_free (pending);
}

static void
send_answer (RtkServerHttp *self, SoupServerMessage *message, RtkServerCall *call)
{
  rtk_server_answer_send (message, call);
  rtk_server_metrics_count (self->metrics, call);
}

static void
check_stopped (RtkServerHttp *self)
{
  gboolean is_idle = self->n_running == 0 && rtk_server_live_get_sockets (self->live) == 0;

  if (self->stopping && (is_idle || self->gave_up) && self->stopped != NULL) {
    g_idle_add (self->stopped, self->stopped_data);
    self->stopped = NULL;
  }
}

static gboolean
sockets_closed_cb (gpointer user_data)
{
  check_stopped (user_data);
  return G_SOURCE_REMOVE;
}

static gboolean
give_up_cb (gpointer user_data)
{
  RtkServerHttp *self = user_data;

  self->stop_source = 0;
  self->gave_up = TRUE;
  g_message ("Some callers did not take their answers: the server stops without them");
  check_stopped (self);
  return G_SOURCE_REMOVE;
}

static gboolean
find_answer (Pending *pending, const char *state)
{
  RtkServerCall *call = pending->call;

  if (state != NULL)
    call->bytes = rtk_server_cache_find (pending->self->cache, pending->key, state);
  if (call->bytes != NULL)
    call->status = 200;
  return call->bytes != NULL;
}

/* @state was asked for before the answer was read. When it is the same afterwards, it was all the
 * time. */
static void
keep_answer (Pending *pending, RtkServerDb *db, const char *state)
{
  RtkServerCall   *call = pending->call;
  g_autofree char *after = NULL;
  gsize            size = call->answer.text->len;

  if (call->status != 200 || call->bytes != NULL || call->answer_headers->len > 0)
    return;
  after = rtk_server_cache_dup_state (pending->self->cache, db);
  if (state == NULL || g_strcmp0 (state, after) != 0)
    return;
  call->bytes =
      g_bytes_new_take (g_string_free (g_steal_pointer (&call->answer.text), FALSE), size);
  rtk_server_cache_keep (pending->self->cache, pending->key, state, call->session_until,
                         call->bytes);
}

static void
run_call (GTask *task, gpointer data)
{
  RtkServerSeat   *seat = data;
  Pending         *pending = g_task_get_task_data (task);
  RtkServerDb     *db = seat->store->db;
  g_autofree char *state =
      pending->is_kept ? rtk_server_cache_dup_state (pending->self->cache, db) : NULL;

  if (!pending->is_kept || !find_answer (pending, state)) {
    rtk_server_call_run (seat->store, pending->call);
    if (pending->is_kept)
      keep_answer (pending, db, state);
  }
  rtk_server_seat_done (seat);
  g_task_return_boolean (task, TRUE);
}

/* The answer is written, or the caller hung up. */
static void
finished_cb (SoupServerMessage *message, gpointer user_data)
{
  RtkServerHttp *self = user_data;

  g_object_set_data (G_OBJECT (message), FINISHED, (gpointer)message);
  self->n_running--;
  check_stopped (self);
}

static void
add_metrics (RtkServerHttp *self, RtkServerCall *call)
{
  const RtkServerGauges gauges = {
      .pool = self->pool,
      .live = self->live,
      .held_bytes = rtk_server_intake_get_held (self->intake),
      .n_commits = g_atomic_int_get (&self->n_commits),
  };

  rtk_server_metrics_finish (self->metrics, &gauges, call);
}

static void
call_done_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  Pending *pending = g_task_get_task_data (G_TASK (result));

  rtk_server_limits_learn (pending->self->limits, pending->call);
  if (pending->call->has_effects && pending->self->adapters != NULL)
    rtk_server_adapters_hint (pending->self->adapters);
  /* Whoever hung up gets no answer; what they asked for was done. */
  if (g_object_get_data (G_OBJECT (pending->message), FINISHED) != NULL)
    return;
  if (pending->call->route->handler == rtk_server_metrics && pending->call->status == 200)
    add_metrics (pending->self, pending->call);
  if (pending->call->status == 101 &&
      rtk_server_live_accept (pending->self->live, pending->message, pending->call)) {
    /* A connection that is taken over is never finished: nothing waits for it. */
    g_signal_handlers_disconnect_by_func (pending->message, finished_cb, pending->self);
    finished_cb (pending->message, pending->self);
    rtk_server_answer_switch (pending->message, pending->call);
    rtk_server_metrics_count (pending->self->metrics, pending->call);
  } else {
    send_answer (pending->self, pending->message, pending->call);
  }
  soup_server_message_unpause (pending->message);
}

static void
add_header_cb (const char *name, const char *value, gpointer user_data)
{
  GHashTable *table = user_data;

  g_hash_table_replace (table, g_ascii_strdown (name, -1), g_strdup (value));
}

static void
add_allow (RtkServerCall *call, const char *path)
{
  static const char *const methods[] = {"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"};
  g_autoptr (GString) allow = g_string_new (NULL);
  gboolean known;

  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    if (rtk_server_routes_match (methods[i], path, NULL, &known) != NULL)
      g_string_append_printf (allow, "%s%s", allow->len > 0 ? ", " : "", methods[i]);
  rtk_server_call_add_header (call, "Allow", allow->str);
}

/* tus 1.0.0: where PATCH and DELETE do not pass, a POST says by a header what it stands for. */
static const char *
get_method (SoupServerMessage *message, const char *path)
{
  const char *method = soup_server_message_get_method (message);
  const char *meant = soup_message_headers_get_one (
      soup_server_message_get_request_headers (message), "X-HTTP-Method-Override");

  if (meant == NULL || strcmp (method, "POST") != 0 || !g_str_has_prefix (path, "/v1/uploads/"))
    return method;
  return strcmp (meant, "PATCH") == 0 || strcmp (meant, "DELETE") == 0 ? meant : method;
}

/* Finds the route; answers at once what no worker needs to see. */
static gboolean
prepare_call (RtkServerCall *call, SoupServerMessage *message, const char *path)
{
  const char *method = get_method (message, path);
  gboolean    path_known = FALSE;

  call->route = rtk_server_routes_match (method, path, call->params, &path_known);
  if (call->route == NULL && path_known) {
    add_allow (call, path);
    rtk_server_call_fail (call, 405, "method", "This resource does not take this method.");
  } else if (call->route == NULL) {
    rtk_server_call_not_found (call);
  } else if (rtk_server_intake_is_too_large (message)) {
    rtk_server_call_fail (call, 413, "too-large", "The body is too large.");
  } else if (rtk_server_intake_is_busy (message)) {
    rtk_server_call_add_header (call, "Retry-After", "1");
    rtk_server_call_fail (call, 503, "busy", "The server is busy. Try again later.");
  }
  return call->status == 0;
}

/* A page of the feed is asked for again and again while nothing happens. Where that can be seen
 * without a query, as in SQLite's shared memory, it is answered at once, without a worker. */
static gboolean
answer_again (Pending *pending)
{
  RtkServerHttp   *self = pending->self;
  RtkServerCall   *call = pending->call;
  const char      *query = g_uri_get_query (soup_server_message_get_uri (pending->message));
  g_autofree char *state = NULL;

  if (call->route->handler != rtk_server_changes)
    return FALSE;
  pending->is_kept = TRUE;
  rtk_server_cache_make_key (self->cache, rtk_server_call_get_header (call, "authorization"),
                             query != NULL ? query : "", pending->key);
  state = rtk_server_cache_dup_state (self->cache, NULL);
  return find_answer (pending, state);
}

static void
start_call (RtkServerHttp *self, Pending *pending)
{
  SoupServerMessage *message = pending->message;
  g_autoptr (GTask) task = g_task_new (NULL, NULL, call_done_cb, NULL);

  g_task_set_task_data (task, pending, (GDestroyNotify)pending_free);
  if (g_object_get_data (G_OBJECT (message), FINISHED) == NULL) {
    soup_server_message_pause (message);
    self->n_running++;
    g_signal_connect (message, "finished", G_CALLBACK (finished_cb), self);
  }
  rtk_server_pool_push (self->pool, rtk_server_lane_of_route (pending->call->route), task,
                        run_call);
}

static void
handle (SoupServer        *server,
        SoupServerMessage *message,
        const char        *path,
        GHashTable        *query,
        gpointer           user_data)
{
  RtkServerHttp *self = user_data;
  g_autoptr (RtkServerCall) call = rtk_server_call_new ();
  Pending *pending;

  g_object_set_data (G_OBJECT (message), HANDLED, (gpointer)message);
  if (self->stopping) {
    rtk_server_call_add_header (call, "Retry-After", "5");
    rtk_server_call_fail (call, 503, "stopping", "The server is stopping. Try again later.");
  }
  soup_message_headers_foreach (soup_server_message_get_request_headers (message), add_header_cb,
                                call->headers);
  if (self->stopping || !prepare_call (call, message, path) ||
      !rtk_server_limits_admit (self->limits, call,
                                soup_server_message_get_remote_address (message))) {
    if (g_object_get_data (G_OBJECT (message), FINISHED) == NULL)
      send_answer (self, message, call);
    return;
  }
  call->query = query != NULL ? g_hash_table_ref (query) : NULL;
  call->body = rtk_server_intake_take (message, &call->is_cut);
  call->bootstrap = self->bootstrap;
  pending = g_new0 (Pending, 1);
  pending->self = self;
  pending->message = g_object_ref (message);
  pending->call = g_steal_pointer (&call);
  if (answer_again (pending)) {
    send_answer (self, message, pending->call);
    pending_free (pending);
    return;
  }
  start_call (self, pending);
}

/* Whoever asks before sending hears at once that the body is too large. */
static void
refuse_early (RtkServerHttp *self, SoupServerMessage *message, const RtkServerRoute *route)
{
  g_autoptr (RtkServerCall) call = rtk_server_call_new ();

  call->route = route;
  rtk_server_call_fail (call, 413, "too-large", "The body is too large.");
  send_answer (self, message, call);
}

/* The caller hung up in the middle of a part: what has come of it is kept, so that little is sent
 * twice. With a checksum of the whole part it is not known to be right. */
static void
cut_off_cb (SoupServerMessage *message, gpointer user_data)
{
  RtkServerHttp      *self = user_data;
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);

  if (g_object_get_data (G_OBJECT (message), HANDLED) != NULL || self->stopping ||
      soup_message_headers_get_one (headers, "Upload-Checksum") != NULL ||
      rtk_server_intake_get_kept (message) == 0)
    return;
  g_object_set_data (G_OBJECT (message), FINISHED, (gpointer)message);
  handle (self->server, message, g_uri_get_path (soup_server_message_get_uri (message)), NULL,
          self);
}

static void
hung_up_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GIOStream) stream = user_data;

  (void)g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL, NULL);
  (void)g_io_stream_close (stream, NULL, NULL);
}

static gboolean
hang_up_cb (gpointer user_data)
{
  static const char  answer[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
                                "Content-Length: 0\r\n\r\n";
  SoupServerMessage *message = user_data;
  GIOStream         *stream = soup_server_message_steal_connection (message);

  if (stream != NULL)
    g_output_stream_write_all_async (g_io_stream_get_output_stream (stream), answer,
                                     sizeof answer - 1, G_PRIORITY_DEFAULT, NULL, hung_up_cb,
                                     stream);
  return G_SOURCE_REMOVE;
}

/* A length below nothing: libsoup would warn in the log and read to the end of the stream. Where
 * the next request begins is not known, so there is none. */
static gboolean
refuse_length (SoupServerMessage *message)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);

  if (soup_message_headers_get_encoding (headers) != SOUP_ENCODING_CONTENT_LENGTH ||
      soup_message_headers_get_content_length (headers) >= 0)
    return FALSE;
  soup_server_message_pause (message);
  /* Not from within libsoup's reading of it. */
  (void)g_idle_add_full (G_PRIORITY_DEFAULT, hang_up_cb, g_object_ref (message), g_object_unref);
  return TRUE;
}

static void
handle_early (SoupServer        *server,
              SoupServerMessage *message,
              const char        *path,
              GHashTable        *query,
              gpointer           user_data)
{
  RtkServerHttp        *self = user_data;
  SoupMessageHeaders   *headers = soup_server_message_get_request_headers (message);
  gboolean              known;
  const RtkServerRoute *route =
      rtk_server_routes_match (get_method (message, path), path, NULL, &known);

  if (refuse_length (message))
    return;
  if (!rtk_server_intake_begin (self->intake, message, route) &&
      (soup_message_headers_get_expectations (headers) & SOUP_EXPECTATION_CONTINUE) != 0)
    refuse_early (self, message, route);
  else if (route != NULL && route->takes_bytes)
    g_signal_connect (message, "finished", G_CALLBACK (cut_off_cb), self);
}

static void
run_jobs (GTask *task, gpointer data)
{
  RtkServerSeat *seat = data;

  rtk_server_jobs_run (seat->store);
  rtk_server_seat_done (seat);
  g_task_return_boolean (task, TRUE);
}

static gboolean
start_jobs_cb (gpointer user_data)
{
  RtkServerHttp *self = user_data;
  g_autoptr (GTask) task = g_task_new (NULL, NULL, NULL, NULL);

  rtk_server_pool_push (self->pool, RTK_SERVER_LANE_WRITE, task, run_jobs);
  return G_SOURCE_CONTINUE;
}

/* On a worker. */
static void
committed_cb (gpointer user_data)
{
  RtkServerHttp *self = user_data;

  g_atomic_int_inc (&self->n_commits);
}

/**
 * rtk_server_http_new:
 * @config: settings; must outlive the server
 * @keys: keys; must outlive the server
 * @bootstrap: (nullable): the secret with which the first supervisor can be made
 * @certificate: (nullable): for TLS
 * @error: return location
 *
 * Makes a server on a data folder that is ready and locked.
 *
 * Returns: (transfer full): the server, not listening yet
 */
RtkServerHttp *
rtk_server_http_new (const RtkServerConfig *config,
                     const RtkServerKeys   *keys,
                     const char            *bootstrap,
                     GTlsCertificate       *certificate,
                     GError               **error)
{
  g_autoptr (RtkServerLimits) limits = rtk_server_limits_new (config, error);
  g_autoptr (RtkServerCache) cache =
      limits != NULL ? rtk_server_cache_new (config, CACHE_BYTES, error) : NULL;
  RtkServerHttp *self;

  if (cache == NULL)
    return NULL;
  self = g_new0 (RtkServerHttp, 1);
  self->config = config;
  self->pool = rtk_server_pool_new (config, keys, committed_cb, self, error);
  self->adapters =
      self->pool != NULL ? rtk_server_adapters_new (config, keys, committed_cb, self, error) : NULL;
  if (self->adapters == NULL) {
    g_clear_pointer (&self->pool, rtk_server_pool_free);
    g_free (self);
    return NULL;
  }
  self->limits = g_steal_pointer (&limits);
  self->metrics = rtk_server_metrics_new ();
  self->cache = g_steal_pointer (&cache);
  self->live = rtk_server_live_new (config, self->pool, sockets_closed_cb, self);
  self->bootstrap = g_strdup (bootstrap);
  /* No path that is documented has anything to escape: one that does is not taken for another. */
  self->server = soup_server_new ("tls-certificate", certificate, "server-header", NULL,
                                  "raw-paths", TRUE, NULL);
  self->intake = rtk_server_intake_new (config, self->limits, self->server);
  soup_server_add_early_handler (self->server, NULL, handle_early, self, NULL);
  soup_server_add_handler (self->server, NULL, handle, self, NULL);
  return self;
}

/**
 * rtk_server_http_listen:
 * @self: a server
 * @socket: of rtk_server_socket_open()
 * @error: return location
 *
 * Takes who connects from now on, and begins with what is due.
 *
 * Returns: whether it does
 */
gboolean
rtk_server_http_listen (RtkServerHttp *self, GSocket *socket, GError **error)
{
  gboolean is_tls = soup_server_is_https (self->server);

  if (!soup_server_listen_socket (self->server, socket, is_tls ? SOUP_SERVER_LISTEN_HTTPS : 0,
                                  error))
    return FALSE;
  self->job_source = g_timeout_add_seconds (JOB_SECONDS, start_jobs_cb, self);
  (void)start_jobs_cb (self);
  return TRUE;
}

/**
 * rtk_server_http_dup_url:
 * @self: a listening server
 *
 * Returns: (transfer full): its base URL without a slash at the end
 */
char *
rtk_server_http_dup_url (RtkServerHttp *self)
{
  GSList *listeners = soup_server_get_listeners (self->server);
  g_autoptr (GSocketAddress) address =
      listeners != NULL ? g_socket_get_local_address (listeners->data, NULL) : NULL;
  char *url = NULL;

  if (address != NULL) {
    GInetSocketAddress *inet = G_INET_SOCKET_ADDRESS (address);
    g_autofree char    *host = g_inet_address_to_string (g_inet_socket_address_get_address (inet));

    url = g_strdup_printf (strchr (host, ':') != NULL ? "%s://[%s]:%u" : "%s://%s:%u",
                           soup_server_is_https (self->server) ? "https" : "http", host,
                           g_inet_socket_address_get_port (inet));
  }
  g_slist_free (listeners);
  return url;
}

/**
 * rtk_server_http_stop:
 * @self: a server
 * @stopped: called once no call is running
 * @user_data: for @stopped
 *
 * Turns new calls away and lets the running ones get their answers; not for longer than a few
 * seconds, as a caller may never read its answer.
 */
void
rtk_server_http_stop (RtkServerHttp *self, GSourceFunc stopped, gpointer user_data)
{
  if (self->stopping)
    return;
  self->stopping = TRUE;
  self->stopped = stopped;
  self->stopped_data = user_data;
  self->stop_source = g_timeout_add_seconds (STOP_SECONDS, give_up_cb, self);
  rtk_server_live_stop (self->live);
  check_stopped (self);
}

/**
 * rtk_server_http_free:
 * @self: (transfer full): a stopped server
 *
 * Ends the workers, closes the connections and frees the server. Iterates the main context.
 */
void
rtk_server_http_free (RtkServerHttp *self)
{
  g_clear_handle_id (&self->job_source, g_source_remove);
  g_clear_handle_id (&self->stop_source, g_source_remove);
  g_clear_pointer (&self->adapters, rtk_server_adapters_free);
  rtk_server_live_end (self->live);
  rtk_server_pool_free (self->pool);
  soup_server_disconnect (self->server);
  g_object_unref (self->server);
  rtk_server_intake_free (self->intake);
  rtk_server_cache_free (self->cache);
  rtk_server_metrics_free (self->metrics);
  rtk_server_limits_free (self->limits);
  g_free (self->bootstrap);
  g_free (self);
}
