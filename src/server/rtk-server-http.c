/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POLLRDHUP */
#define _GNU_SOURCE
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-http.h"

#include "core/rtk-error.h"
#include "core/rtk-worker.h"
#include "server/rtk-server-call.h"
#include "server/rtk-server-limits.h"

#include <glib-unix.h>
#include <libsoup/soup.h>
#include <poll.h>
#include <string.h>

#define JOB_SECONDS 15
/* After this a stop waits no longer for callers who do not read their answers. */
#define STOP_SECONDS 5
/* Bytes of a body of the routes that anybody can reach: a small object. */
#define SMALL_BODY 16384
/* Beside one photo of the largest size: bytes of bodies that are held at the same time. */
#define SPARE_BYTES (16 * 1024 * 1024)
#define INTAKE "rtk-intake"
#define FINISHED "rtk-finished"
#define SOCKET "rtk-socket"
#define IDLE "rtk-idle"

struct _RtkServerHttp {
  SoupServer            *server;    /* (owned) */
  const RtkServerConfig *config;    /* (unowned) */
  RtkWorker             *store;     /* (owned): every call but the slow ones */
  RtkWorker             *slow;      /* (owned): password hashing, with a connection of its own */
  RtkServerLimits       *limits;    /* (owned) */
  char                  *bootstrap; /* (owned) (nullable) */
  gsize                 *held;      /* (owned): bytes of all bodies in memory; shared with Intake */
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
} Pending;

/* What comes in with a request. */
typedef struct {
  GThread *thread; /* (unowned): the one that made it, and must end it */
  gsize   *held;   /* (owned): of the server; intakes may outlive it */
  gsize    most;   /* bytes that may be held by all together */
  gsize    kept;
  gsize    seen;
  gsize    limit;
  gboolean is_busy; /* dropped because others hold too much */
} Intake;

static void
intake_free (gpointer data)
{
  Intake *intake = data;

  /* What all intakes count has no lock. */
  g_warn_if_fail (intake->thread == g_thread_self ());
  *intake->held -= intake->kept;
  g_rc_box_release (intake->held);
  g_free (intake);
}

static void
pending_free (Pending *pending)
{
  g_object_unref (pending->message);
  rtk_server_call_free (pending->call);
  g_free (pending);
}

static void
close_store (gpointer store)
{
  rtk_server_store_close (store);
}

/* One line a call. The route is the pattern, so no id, code or name gets into the log. */
static void
log_call (const RtkServerCall *call)
{
  g_autofree char *status = g_strdup_printf ("%u", call->status);
  g_autofree char *ms =
      g_strdup_printf ("%.1f", (double)(g_get_monotonic_time () - call->started) / 1000);

  /* Nor does a word that the caller made up. */
  g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_INFO, "RTK_METHOD",
                    call->route != NULL ? call->route->method : "?", "RTK_ROUTE",
                    call->route != NULL ? call->route->pattern : "?", "RTK_STATUS", status,
                    "RTK_MS", ms, "MESSAGE", "call");
}

static void
send_answer (SoupServerMessage *message, RtkServerCall *call)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (message);
  gboolean has_body = call->status != 204 && (call->bytes != NULL || call->answer.text->len > 0);

  for (guint i = 0; i + 1 < call->answer_headers->len; i += 2)
    soup_message_headers_replace (headers, g_ptr_array_index (call->answer_headers, i),
                                  g_ptr_array_index (call->answer_headers, i + 1));
  if (!soup_message_headers_get_one (headers, "Cache-Control"))
    soup_message_headers_replace (headers, "Cache-Control", "no-store");
  if (has_body) {
    SoupMessageBody *body = soup_server_message_get_response_body (message);

    soup_message_headers_set_content_type (headers, call->media_type, NULL);
    if (call->bytes != NULL) {
      soup_message_body_append_bytes (body, call->bytes);
    } else {
      gsize size = call->answer.text->len;
      g_autoptr (GBytes) text =
          g_bytes_new_take (g_string_free (g_steal_pointer (&call->answer.text), FALSE), size);

      soup_message_body_append_bytes (body, text);
    }
  }
  soup_server_message_set_status (message, call->status, NULL);
  log_call (call);
}

static void
check_stopped (RtkServerHttp *self)
{
  if (self->stopping && (self->n_running == 0 || self->gave_up) && self->stopped != NULL) {
    g_idle_add (self->stopped, self->stopped_data);
    self->stopped = NULL;
  }
}

static gboolean
give_up_cb (gpointer user_data)
{
  RtkServerHttp *self = user_data;

  self->stop_source = 0;
  self->gave_up = TRUE;
  check_stopped (self);
  return G_SOURCE_REMOVE;
}

static void
run_call (GTask *task, gpointer store)
{
  Pending *pending = g_task_get_task_data (task);

  rtk_server_call_run (store, pending->call);
  g_task_return_boolean (task, TRUE);
}

static void
call_done_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  Pending *pending = g_task_get_task_data (G_TASK (result));

  rtk_server_limits_learn (pending->self->limits, pending->call);
  /* Whoever hung up gets no answer; what they asked for was done. */
  if (g_object_get_data (G_OBJECT (pending->message), FINISHED) != NULL)
    return;
  send_answer (pending->message, pending->call);
  soup_server_message_unpause (pending->message);
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

/* Finds the route; answers at once what no worker needs to see. */
static gboolean
prepare_call (RtkServerCall *call, SoupServerMessage *message, const char *path)
{
  const char *method = soup_server_message_get_method (message);
  gboolean    path_known = FALSE;
  Intake     *intake = g_object_get_data (G_OBJECT (message), INTAKE);

  call->route = rtk_server_routes_match (method, path, call->params, &path_known);
  if (call->route == NULL && path_known) {
    add_allow (call, path);
    rtk_server_call_fail (call, 405, "method", "This resource does not take this method.");
  } else if (call->route == NULL) {
    rtk_server_call_not_found (call);
  } else if (intake->seen > intake->limit) {
    rtk_server_call_fail (call, 413, "too-large", "The body is too large.");
  } else if (intake->is_busy) {
    rtk_server_call_add_header (call, "Retry-After", "1");
    rtk_server_call_fail (call, 503, "busy", "The server is busy. Try again later.");
  }
  return call->status == 0;
}

static void
handle (SoupServer        *server,
        SoupServerMessage *message,
        const char        *path,
        GHashTable        *query,
        gpointer           user_data)
{
  RtkServerHttp   *self = user_data;
  SoupMessageBody *body = soup_server_message_get_request_body (message);
  g_autoptr (GTask) task = NULL;
  g_autoptr (RtkServerCall) call = rtk_server_call_new ();
  Pending *pending;

  if (self->stopping) {
    rtk_server_call_add_header (call, "Retry-After", "5");
    rtk_server_call_fail (call, 503, "stopping", "The server is stopping. Try again later.");
  }
  soup_message_headers_foreach (soup_server_message_get_request_headers (message), add_header_cb,
                                call->headers);
  if (self->stopping || !prepare_call (call, message, path) ||
      !rtk_server_limits_admit (self->limits, call,
                                soup_server_message_get_remote_address (message))) {
    send_answer (message, call);
    return;
  }
  call->query = query != NULL ? g_hash_table_ref (query) : NULL;
  call->body = soup_message_body_get_accumulate (body) ? soup_message_body_flatten (body)
                                                       : g_bytes_new (NULL, 0);
  call->bootstrap = self->bootstrap;
  pending = g_new0 (Pending, 1);
  pending->self = self;
  pending->message = g_object_ref (message);
  pending->call = g_steal_pointer (&call);
  soup_server_message_pause (message);
  self->n_running++;
  g_signal_connect (message, "finished", G_CALLBACK (finished_cb), self);
  task = g_task_new (NULL, NULL, call_done_cb, NULL);
  g_task_set_task_data (task, pending, (GDestroyNotify)pending_free);
  rtk_worker_push (pending->call->route->is_slow ? self->slow : self->store, task, run_call);
}

static void
drop_body (SoupServerMessage *message, Intake *intake)
{
  SoupMessageBody *body = soup_server_message_get_request_body (message);

  soup_message_body_set_accumulate (body, FALSE);
  soup_message_body_truncate (body);
  *intake->held -= intake->kept;
  intake->kept = 0;
}

static void
got_chunk_cb (SoupServerMessage *message, GBytes *chunk, gpointer user_data)
{
  Intake          *intake = g_object_get_data (G_OBJECT (message), INTAKE);
  SoupMessageBody *body = soup_server_message_get_request_body (message);
  gsize            size = g_bytes_get_size (chunk);

  intake->seen += size;
  if (!soup_message_body_get_accumulate (body))
    return;
  intake->is_busy = *intake->held + size > intake->most;
  if (intake->is_busy || intake->seen > intake->limit) {
    drop_body (message, intake);
    return;
  }
  intake->kept += size;
  *intake->held += size;
}

static gsize
get_body_limit (RtkServerHttp *self, const RtkServerRoute *route)
{
  if (route == NULL)
    return 0;
  if (route->takes_bytes)
    return (gsize)self->config->max_upload;
  if ((route->who & (RTK_SERVER_PUBLIC | RTK_SERVER_ACCOUNT)) != 0)
    return (gsize)MIN (self->config->max_body, SMALL_BODY);
  return (gsize)self->config->max_body;
}

/* Before the body is read: how large it may be. What is beyond that is dropped, never kept; so is
 * all that comes from nobody to where somebody must be signed in. */
static void
handle_early (SoupServer        *server,
              SoupServerMessage *message,
              const char        *path,
              GHashTable        *query,
              gpointer           user_data)
{
  RtkServerHttp        *self = user_data;
  gboolean              known;
  const RtkServerRoute *route =
      rtk_server_routes_match (soup_server_message_get_method (message), path, NULL, &known);
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
  Intake             *intake = g_new0 (Intake, 1);
  gboolean            is_nobody = route != NULL && (route->who & RTK_SERVER_PUBLIC) == 0 &&
                       soup_message_headers_get_one (headers, "Authorization") == NULL;

  intake->thread = g_thread_self ();
  intake->held = g_rc_box_acquire (self->held);
  intake->most = (gsize)self->config->max_upload + SPARE_BYTES;
  intake->limit = get_body_limit (self, route);
  g_object_set_data_full (G_OBJECT (message), INTAKE, intake, intake_free);
  if (is_nobody || soup_message_headers_get_content_length (headers) > (goffset)intake->limit)
    soup_message_body_set_accumulate (soup_server_message_get_request_body (message), FALSE);
  g_signal_connect (message, "got-chunk", G_CALLBACK (got_chunk_cb), NULL);
}

static void
forget_idle (gpointer source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

static gboolean
peer_left_cb (int fd, GIOCondition condition, gpointer user_data)
{
  g_autoptr (GSocket) socket = g_object_ref (user_data);

  g_object_set_data (G_OBJECT (socket), IDLE, NULL);
  (void)g_socket_close (socket, NULL);
  return G_SOURCE_REMOVE;
}

/* A request begins, or is waited for: its connection is watched by libsoup. */
static void
request_started_cb (SoupServer *server, SoupServerMessage *message, gpointer user_data)
{
  RtkServerHttp *self = user_data;
  GSocket       *socket = soup_server_message_get_socket (message);

  if (socket == NULL)
    return;
  /* Whoever neither sends nor reads for so long holds a descriptor that others need. */
  g_socket_set_timeout (socket, (guint)self->config->idle_seconds);
  g_object_set_data (G_OBJECT (socket), IDLE, NULL);
  g_object_set_data_full (G_OBJECT (message), SOCKET, g_object_ref (socket), g_object_unref);
}

/* libsoup before 3.3 forgets an idle connection whose caller hangs up without closing its
 * descriptor (2000 callers left 2000 descriptors): watch for that ourselves. */
static void
request_finished_cb (SoupServer *server, SoupServerMessage *message, gpointer user_data)
{
  GSocket *socket = g_object_get_data (G_OBJECT (message), SOCKET);
  GSource *source;

  if (socket == NULL || g_socket_is_closed (socket))
    return;
  source = g_unix_fd_source_new (g_socket_get_fd (socket), (GIOCondition)POLLRDHUP);
  g_source_set_callback (source, G_SOURCE_FUNC (peer_left_cb), g_object_ref (socket),
                         g_object_unref);
  g_source_attach (source, NULL);
  g_object_set_data_full (G_OBJECT (socket), IDLE, source, forget_idle);
}

static void
run_jobs (GTask *task, gpointer state)
{
  static gboolean (*const jobs[]) (RtkServerStore *, gint64, guint *, GError **) = {
      rtk_server_jobs_close_unpaid, rtk_server_jobs_refund, rtk_server_jobs_expire};

  for (guint i = 0; i < G_N_ELEMENTS (jobs); i++) {
    g_autoptr (GError) error = NULL;
    guint done = 0;

    if (!jobs[i](state, g_get_real_time (), &done, &error))
      g_log (G_LOG_DOMAIN,
             g_error_matches (error, RTK_ERROR, RTK_ERROR_OFFLINE) ? G_LOG_LEVEL_MESSAGE
                                                                   : G_LOG_LEVEL_WARNING,
             "A job failed: %s", error->message);
  }
  g_task_return_boolean (task, TRUE);
}

static gboolean
start_jobs_cb (gpointer user_data)
{
  RtkServerHttp *self = user_data;
  g_autoptr (GTask) task = g_task_new (NULL, NULL, NULL, NULL);

  rtk_worker_push (self->store, task, run_jobs);
  return G_SOURCE_CONTINUE;
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
  g_autoptr (RtkServerStore) store = rtk_server_store_open (config, keys, error);
  g_autoptr (RtkServerStore) slow = NULL;
  g_autoptr (RtkServerLimits) limits = NULL;
  RtkServerHttp *self;

  if (store == NULL)
    return NULL;
  limits = rtk_server_limits_new (config, error);
  if (limits == NULL)
    return NULL;
  slow = rtk_server_store_open (config, keys, error);
  if (slow == NULL)
    return NULL;
  self = g_new0 (RtkServerHttp, 1);
  self->config = config;
  self->limits = g_steal_pointer (&limits);
  self->bootstrap = g_strdup (bootstrap);
  self->held = g_rc_box_new0 (gsize);
  self->store = rtk_worker_new ("store", g_steal_pointer (&store), close_store);
  self->slow = rtk_worker_new ("slow", g_steal_pointer (&slow), close_store);
  self->server = soup_server_new ("tls-certificate", certificate, "server-header", NULL, NULL);
  g_signal_connect (self->server, "request-started", G_CALLBACK (request_started_cb), self);
  if (!soup_check_version (3, 3, 0))
    g_signal_connect (self->server, "request-finished", G_CALLBACK (request_finished_cb), NULL);
  soup_server_add_early_handler (self->server, NULL, handle_early, self, NULL);
  soup_server_add_handler (self->server, NULL, handle, self, NULL);
  self->job_source = g_timeout_add_seconds (JOB_SECONDS, start_jobs_cb, self);
  (void)start_jobs_cb (self);
  return self;
}

/**
 * rtk_server_http_listen:
 * @self: a server
 * @address: "ADDRESS:PORT", the address numeric, IPv6 in brackets, port 0 picks one
 * @error: return location; %RTK_ERROR_USAGE for plain HTTP beyond this machine
 *
 * Starts to listen.
 *
 * Returns: whether it listens
 */
gboolean
rtk_server_http_listen (RtkServerHttp *self, const char *address, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GSocketConnectable) parsed = g_network_address_parse (address, 0, NULL);
  g_autoptr (GSocketAddress) socket_address = NULL;
  const char *host =
      parsed != NULL ? g_network_address_get_hostname (G_NETWORK_ADDRESS (parsed)) : "";
  gboolean is_tls = soup_server_is_https (self->server);

  socket_address = g_inet_socket_address_new_from_string (
      host, parsed != NULL ? g_network_address_get_port (G_NETWORK_ADDRESS (parsed)) : 0);
  if (socket_address == NULL) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE,
                 "“%s” is not a numeric address and a port, such as 127.0.0.1:8080", address);
    return FALSE;
  }
  if (!is_tls && !g_inet_address_get_is_loopback (
                     g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (socket_address)))) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE,
                         "Plain HTTP is served on this machine only: give --tls-certificate and"
                         " --tls-key, or listen on 127.0.0.1");
    return FALSE;
  }
  if (!soup_server_listen (self->server, socket_address, is_tls ? SOUP_SERVER_LISTEN_HTTPS : 0,
                           &local_error)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_STORAGE, "Cannot listen on %s: %s", address,
                 local_error->message);
    return FALSE;
  }
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
  rtk_worker_free (self->slow);
  rtk_worker_free (self->store);
  soup_server_disconnect (self->server);
  g_object_unref (self->server);
  g_rc_box_release (self->held);
  rtk_server_limits_free (self->limits);
  g_free (self->bootstrap);
  g_free (self);
}
