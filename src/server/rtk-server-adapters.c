/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-adapters.h"

#include "core/rtk-error.h"
#include "core/rtk-worker.h"
#include "server/rtk-server-payments.h"
#include "server/rtk-server-signature.h"

#include <libsoup/soup.h>
#include <string.h>

/* Effects are rows that were written with their cause. Each is taken under a lease, sent as one
 * signed POST, and marked by what came back. A kill anywhere between leaves a row that is sent
 * again with the same idempotency key: never lost, and for the receiver never twice. */

/* Sendings at the same time. */
#define MAX_RUNNING 8
/* How long the engine sleeps at most: another process, or a job, may have written an effect. */
#define POLL_MS 1000
#define MIN_SLEEP_MS 20
/* Bytes of an answer that are kept. */
#define MAX_ANSWER 4096
#define MAX_RETRY_SECONDS 3600

struct _RtkServerAdapters {
  const RtkServerConfig *config;      /* (unowned) */
  RtkWorker             *worker;      /* (owned): the rows, with a connection of its own */
  SoupSession           *session;     /* (owned) (nullable): NULL in the sandbox */
  GCancellable          *cancellable; /* (owned): ends everything */
  guint                  timer;
  guint                  n_running; /* tasks and sendings that come back */
  guint                  n_sending;
  gboolean               has_sandbox; /* does what there is to do, without a session */
  gboolean               is_taking;
  gboolean               is_stopping;
};

/* One sending. */
typedef struct {
  RtkServerAdapters *self;        /* (unowned): waits for its sendings */
  RtkServerEffect   *effect;      /* (owned) */
  SoupMessage       *message;     /* (owned) */
  GInputStream      *stream;      /* (owned) (nullable) */
  GCancellable      *cancellable; /* (owned): ends this one, by the clock or with all */
  GSource           *clock;       /* (owned) */
  gulong             stop_id;
  char               buffer[MAX_ANSWER + 2]; /* one byte more shows that there is more */
  gboolean           is_cut;                 /* the answer was longer */
  char              *answer;                 /* (owned) (nullable) */
  char              *problem;                /* (owned) (nullable) */
  RtkServerDelivery  delivery;
  gint64             retry_at;
} Sending;

/* What a look into the table gave. */
typedef struct {
  GPtrArray *effects; /* (owned) (nullable) */
  gint64     next;
} Taken;

static void start (RtkServerAdapters *self);

static void
taken_free (gpointer data)
{
  Taken *taken = data;

  g_clear_pointer (&taken->effects, g_ptr_array_unref);
  g_free (taken);
}

/* On the main thread, where its message lives. */
static void
sending_free (Sending *sending)
{
  g_cancellable_disconnect (sending->self->cancellable, sending->stop_id);
  g_source_destroy (sending->clock);
  g_source_unref (sending->clock);
  g_clear_pointer (&sending->effect, rtk_server_effect_free);
  g_clear_object (&sending->stream);
  g_clear_object (&sending->message);
  g_clear_object (&sending->cancellable);
  g_free (sending->answer);
  g_free (sending->problem);
  g_free (sending);
}

static gboolean
timer_cb (gpointer user_data)
{
  RtkServerAdapters *self = user_data;

  self->timer = 0;
  start (self);
  return G_SOURCE_REMOVE;
}

static void
sleep_until (RtkServerAdapters *self, gint64 next)
{
  gint64 ms = next == G_MAXINT64 ? POLL_MS : (next - g_get_real_time ()) / 1000;

  if (self->is_stopping || self->timer != 0)
    return;
  self->timer = g_timeout_add ((guint)CLAMP (ms, MIN_SLEEP_MS, POLL_MS), timer_cb, self);
}

/* A database that is away comes back by itself. */
static void
log_trouble (const char *what, const GError *error)
{
  g_log (G_LOG_DOMAIN,
         g_error_matches (error, RTK_ERROR, RTK_ERROR_OFFLINE) ? G_LOG_LEVEL_MESSAGE
                                                               : G_LOG_LEVEL_WARNING,
         "%s: %s", what, error->message);
}

static void
run_finish (GTask *task, gpointer store)
{
  Sending *sending = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (!rtk_server_effect_finish (store, sending->effect, sending->delivery, sending->answer,
                                 sending->problem, sending->retry_at, &error))
    log_trouble ("An effect's end could not be written", error);
  g_task_return_boolean (task, TRUE);
}

static void
finish_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  RtkServerAdapters *self = user_data;

  sending_free (g_task_get_task_data (G_TASK (result)));
  self->n_running--;
  self->n_sending--;
  start (self);
}

static void
log_sending (const Sending *sending)
{
  static const char *const names[] = {"done", "retry", "failed"};
  g_autofree char *attempts = g_strdup_printf ("%" G_GINT64_FORMAT, sending->effect->attempts);

  g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_INFO, "RTK_EFFECT", sending->effect->kind,
                    "RTK_DELIVERY", names[sending->delivery], "RTK_ATTEMPTS", attempts, "MESSAGE",
                    "effect");
}

/* Later each time, never later than an hour, and not for all at the same moment. */
static gint64
get_retry_time (const Sending *sending, gint64 wished_seconds)
{
  gint64 shift = MIN (sending->effect->attempts - 1, 12);
  gint64 base = MAX (sending->self->config->webhook_retry_seconds, 0) << MAX (shift, 0);
  gint64 seconds = CLAMP (MAX (base, wished_seconds), 0, MAX_RETRY_SECONDS);

  return g_get_real_time () +
         (gint64)((double)(seconds * G_USEC_PER_SEC) * g_random_double_range (0.75, 1.25));
}

static void
end_sending (Sending *sending, RtkServerDelivery delivery, const char *problem, gint64 wished)
{
  RtkServerAdapters *self = sending->self;
  g_autoptr (GTask) task = g_task_new (NULL, NULL, finish_cb, self);

  sending->delivery = delivery;
  sending->problem = g_strdup (problem);
  sending->retry_at = get_retry_time (sending, wished);
  log_sending (sending);
  g_task_set_task_data (task, sending, NULL);
  rtk_worker_push (self->worker, task, run_finish);
}

static void
end_with_error (Sending *sending, const GError *error)
{
  gboolean by_clock = g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  end_sending (sending, RTK_SERVER_DELIVERY_RETRY,
               by_clock ? "No whole answer came in time." : error->message, 0);
}

/* Whether something follows from what the answer says, and not only from that there is one. */
static gboolean
is_answer_needed (const RtkServerEffect *effect)
{
  return strcmp (effect->kind, "payment") == 0 || strcmp (effect->kind, "courier") == 0;
}

/* 2xx: it has it. What is wrong with the request stays wrong; all else may pass. */
static void
judge (Sending *sending)
{
  guint       status = soup_message_get_status (sending->message);
  const char *after = soup_message_headers_get_one (
      soup_message_get_response_headers (sending->message), "Retry-After");
  gint64           wished = 0;
  g_autofree char *problem = g_strdup_printf ("The receiver answered %u.", status);

  if (after != NULL)
    (void)g_ascii_string_to_signed (after, 10, 0, MAX_RETRY_SECONDS, &wished, NULL);
  if (SOUP_STATUS_IS_SUCCESSFUL (status) && sending->is_cut && is_answer_needed (sending->effect))
    end_sending (sending, RTK_SERVER_DELIVERY_FAILED,
                 "The receiver's answer is longer than 4096 bytes.", 0);
  else if (SOUP_STATUS_IS_SUCCESSFUL (status))
    end_sending (sending, RTK_SERVER_DELIVERY_DONE, NULL, 0);
  else if (SOUP_STATUS_IS_CLIENT_ERROR (status) && status != 408 && status != 425 && status != 429)
    end_sending (sending, RTK_SERVER_DELIVERY_FAILED, problem, 0);
  else
    end_sending (sending, RTK_SERVER_DELIVERY_RETRY, problem, wished);
}

static void
closed_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  /* The answer is here: how the connection ends is nobody's concern. */
  (void)g_input_stream_close_finish (G_INPUT_STREAM (object), result, NULL);
  judge (user_data);
}

static void
read_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  Sending *sending = user_data;
  g_autoptr (GError) error = NULL;
  gsize size = 0;

  if (!g_input_stream_read_all_finish (G_INPUT_STREAM (object), result, &size, &error)) {
    end_with_error (sending, error);
    return;
  }
  sending->is_cut = size > MAX_ANSWER;
  sending->answer = g_utf8_make_valid (sending->buffer, (gssize)strnlen (sending->buffer, size));
  g_input_stream_close_async (sending->stream, G_PRIORITY_DEFAULT, sending->cancellable, closed_cb,
                              sending);
}

static void
sent_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  Sending *sending = user_data;
  g_autoptr (GError) error = NULL;

  sending->stream = soup_session_send_finish (SOUP_SESSION (object), result, &error);
  if (sending->stream == NULL) {
    end_with_error (sending, error);
    return;
  }
  g_input_stream_read_all_async (sending->stream, sending->buffer, MAX_ANSWER + 1,
                                 G_PRIORITY_DEFAULT, sending->cancellable, read_cb, sending);
}

static gboolean
time_over_cb (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  return G_SOURCE_REMOVE;
}

static void
stop_cb (GCancellable *all, gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
}

/* The same bytes each time it is sent. */
static GBytes *
make_body (const RtkServerEffect *effect)
{
  RtkServerJson json;
  gsize         size;

  rtk_server_json_init (&json);
  rtk_server_json_begin (&json, NULL, '{');
  rtk_server_json_string (&json, "id", effect->id);
  rtk_server_json_string (&json, "kind", effect->kind);
  rtk_server_json_string (&json, "order", effect->order_id);
  rtk_server_json_time (&json, "created_at", effect->created_at);
  rtk_server_json_raw (&json, "payload", effect->payload);
  rtk_server_json_end (&json, '}');
  size = json.text->len;
  return g_bytes_new_take (g_string_free (g_steal_pointer (&json.text), FALSE), size);
}

static SoupMessage *
make_message (RtkServerAdapters *self, const RtkServerEffect *effect)
{
  SoupMessage        *message = soup_message_new ("POST", self->config->webhook_url);
  SoupMessageHeaders *headers = soup_message_get_request_headers (message);
  g_autoptr (GBytes) body = make_body (effect);
  g_autofree char *signature =
      rtk_server_signature_make (self->config->webhook_secret, g_get_real_time () / G_USEC_PER_SEC,
                                 g_bytes_get_data (body, NULL), g_bytes_get_size (body));

  soup_message_headers_replace (headers, "Idempotency-Key", effect->idempotency);
  soup_message_headers_replace (headers, RTK_SERVER_SIGNATURE_HEADER, signature);
  /* A connection each: what a receiver sends too much is never taken for another's answer. */
  soup_message_headers_replace (headers, "Connection", "close");
  soup_message_add_flags (message, SOUP_MESSAGE_NEW_CONNECTION | SOUP_MESSAGE_NO_REDIRECT);
  soup_message_set_request_body_from_bytes (message, "application/json", body);
  return message;
}

/* Takes @effect. */
static void
begin_sending (RtkServerAdapters *self, RtkServerEffect *effect)
{
  Sending *sending = g_new0 (Sending, 1);

  self->n_running++;
  self->n_sending++;
  sending->self = self;
  sending->effect = effect;
  sending->message = make_message (self, effect);
  sending->cancellable = g_cancellable_new ();
  sending->stop_id = g_cancellable_connect (self->cancellable, G_CALLBACK (stop_cb),
                                            g_object_ref (sending->cancellable), g_object_unref);
  sending->clock =
      g_timeout_source_new_seconds ((guint)MAX (self->config->webhook_timeout_seconds, 1));
  g_source_set_callback (sending->clock, time_over_cb, g_object_ref (sending->cancellable),
                         g_object_unref);
  g_source_attach (sending->clock, NULL);
  soup_session_send_async (self->session, sending->message, G_PRIORITY_DEFAULT,
                           sending->cancellable, sent_cb, sending);
}

/* What there is to do: in the sandbox it is done at once, else it is taken to be sent. */
static void
run_take (GTask *task, gpointer store)
{
  gint64 room = GPOINTER_TO_INT (g_task_get_task_data (task));
  gint64 now = g_get_real_time ();
  Taken *taken = g_new0 (Taken, 1);
  g_autoptr (GError) error = NULL;
  guint done;

  taken->next = rtk_server_effects_get_next (store);
  if (taken->next <= now) {
    if (room < 0)
      (void)rtk_server_effects_run_sandbox (store, now, &done, &error);
    else
      taken->effects = rtk_server_effects_take (store, now, room, &error);
    taken->next = rtk_server_effects_get_next (store);
  }
  if (error != NULL) {
    log_trouble ("Effects could not be taken", error);
    taken->next = G_MAXINT64;
  }
  g_task_return_pointer (task, taken, taken_free);
}

static void
take_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  RtkServerAdapters *self = user_data;
  Taken             *taken = g_task_propagate_pointer (G_TASK (result), NULL);

  self->is_taking = FALSE;
  self->n_running--;
  /* What is taken while all ends stays leased, and is sent by who comes next. */
  while (!self->is_stopping && taken->effects != NULL && taken->effects->len > 0)
    begin_sending (self, g_ptr_array_steal_index (taken->effects, 0));
  sleep_until (self, taken->next);
  taken_free (taken);
}

/* Looks for what is due, unless that is being done or there is no room. */
static void
start (RtkServerAdapters *self)
{
  g_autoptr (GTask) task = NULL;
  int room = self->session != NULL ? (int)(MAX_RUNNING - self->n_sending) : -1;

  if (self->is_stopping || self->is_taking || room == 0 || (room < 0 && !self->has_sandbox))
    return;
  g_clear_handle_id (&self->timer, g_source_remove);
  self->is_taking = TRUE;
  self->n_running++;
  task = g_task_new (NULL, NULL, take_cb, self);
  g_task_set_task_data (task, GINT_TO_POINTER (room), NULL);
  rtk_worker_push (self->worker, task, run_take);
}

static void
close_store (gpointer store)
{
  rtk_server_store_close (store);
}

/**
 * rtk_server_adapters_check:
 * @config: settings
 * @error: return location; %RTK_ERROR_USAGE
 *
 * Checks the settings of payments and of the webhook. What is sent holds phone numbers and
 * addresses: beyond this machine only by TLS.
 *
 * Returns: whether they fit together
 */
gboolean
rtk_server_adapters_check (const RtkServerConfig *config, GError **error)
{
  g_autoptr (GUri) uri = config->webhook_url != NULL
                             ? g_uri_parse (config->webhook_url, SOUP_HTTP_URI_FLAGS, NULL)
                             : NULL;
  const char *host = uri != NULL ? g_uri_get_host (uri) : NULL;
  g_autoptr (GInetAddress) address = host != NULL ? g_inet_address_new_from_string (host) : NULL;
  const char *problem = NULL;

  if (config->provider != NULL && strcmp (config->provider, "none") != 0 &&
      !rtk_server_provider_is_known (config->provider))
    problem = "The provider is sandbox, webhook or none";
  else if (config->webhook_url == NULL && g_strcmp0 (config->provider, "webhook") == 0)
    problem = "The provider is the webhook: give --webhook-url, too";
  else if (config->webhook_url != NULL && host == NULL)
    problem = "The webhook's address is not a URL such as https://example.org/retake";
  else if (config->webhook_url != NULL && g_strcmp0 (g_uri_get_scheme (uri), "https") != 0 &&
           (g_strcmp0 (g_uri_get_scheme (uri), "http") != 0 || address == NULL ||
            !g_inet_address_get_is_loopback (address)))
    problem = "The webhook gets phone numbers: its address must begin with https, or be this"
              " machine's http://127.0.0.1";
  else if (config->webhook_url != NULL &&
           (config->webhook_secret == NULL || strlen (config->webhook_secret) < 16))
    problem = "The webhook needs a secret of at least 16 characters: give --webhook-secret-file";
  else if (config->webhook_url != NULL && config->provider_secret == NULL &&
           (config->provider == NULL || strcmp (config->provider, "webhook") == 0))
    problem = "The provider's callbacks need a secret: give --provider-secret-file";
  else if (config->provider_secret != NULL && strlen (config->provider_secret) < 16)
    problem = "The provider's secret must have at least 16 characters";
  if (problem != NULL)
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE, problem);
  return problem == NULL;
}

static gboolean
is_sandbox (const RtkServerConfig *config)
{
  const RtkServerProvider *provider = rtk_server_provider_get (config);

  return provider != NULL && provider->plays_customer;
}

/* Who runs the server must not find out by a missing yuan. */
static void
tell_provider (const RtkServerConfig *config)
{
  if (is_sandbox (config))
    g_message ("Payments are played: whoever is signed in pays without money. For real ones give"
               " --webhook-url");
  else if (rtk_server_provider_get (config) == NULL)
    g_message ("Nobody can pay online%s: give --webhook-url, or --provider sandbox to play",
               config->webhook_url == NULL ? ", and SMS, refunds and couriers wait" : "");
}

/**
 * rtk_server_adapters_new:
 * @config: settings; must outlive the engine
 * @keys: keys; must outlive the engine
 * @committed: (nullable): see rtk_server_db_watch()
 * @user_data: for @committed
 * @error: return location
 *
 * Makes the engine and begins with what is due. Runs on the default main context.
 *
 * Returns: (transfer full): the engine
 */
RtkServerAdapters *
rtk_server_adapters_new (const RtkServerConfig *config,
                         const RtkServerKeys   *keys,
                         RtkServerCommitFunc    committed,
                         gpointer               user_data,
                         GError               **error)
{
  g_autoptr (RtkServerStore) store = rtk_server_store_open (config, keys, error);
  RtkServerAdapters *self;

  if (store == NULL)
    return NULL;
  /* Nobody else is at an SQLite file. */
  if (!rtk_server_db_is_postgres (store->db) && !rtk_server_effects_release (store, error))
    return NULL;
  rtk_server_db_watch (store->db, committed, user_data);
  self = g_new0 (RtkServerAdapters, 1);
  self->config = config;
  self->cancellable = g_cancellable_new ();
  if (config->webhook_url != NULL)
    self->session =
        soup_session_new_with_options ("user-agent", "Retake/" RTK_VERSION, "max-conns-per-host",
                                       MAX_RUNNING, "proxy-resolver", NULL, NULL);
  self->has_sandbox = is_sandbox (config);
  tell_provider (config);
  self->worker = rtk_worker_new ("adapters", g_steal_pointer (&store), close_store);
  start (self);
  return self;
}

/**
 * rtk_server_adapters_hint:
 * @self: an engine
 *
 * Says that something may be due: it is looked for at once instead of within a second.
 */
void
rtk_server_adapters_hint (RtkServerAdapters *self)
{
  start (self);
}

/**
 * rtk_server_adapters_free:
 * @self: (transfer full): an engine
 *
 * Breaks off what is being sent: it is sent again with the same key by who comes next. Iterates the
 * main context.
 */
void
rtk_server_adapters_free (RtkServerAdapters *self)
{
  self->is_stopping = TRUE;
  g_clear_handle_id (&self->timer, g_source_remove);
  g_cancellable_cancel (self->cancellable);
  while (self->n_running > 0)
    (void)g_main_context_iteration (NULL, TRUE);
  rtk_worker_free (self->worker);
  g_clear_object (&self->session);
  g_object_unref (self->cancellable);
  g_free (self);
}
