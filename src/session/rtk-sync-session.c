/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-session"
#include "config.h"

#include "core/rtk-error.h"
#include "session/rtk-sync-session-private.h"

#define INTERVAL_SECONDS 15
#define BACKOFF_MAX_SECONDS 300
/* Changes of the outbox come in bunches: one round for all of them. */
#define GATHER_MS 200

G_DEFINE_FINAL_TYPE (RtkSyncSession, rtk_sync_session, G_TYPE_OBJECT)

enum {
  PROP_0,
  PROP_STATE,
  PROP_WAITING,
  PROP_ATTENTION,
  PROP_ERROR,
  PROP_LAST_SYNC,
  PROP_OFFLINE_SINCE,
  PROP_NEXT_TRY,
  PROP_INTERVAL_SECONDS,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void begin_round (RtkSyncSession *self);

static void
notify (RtkSyncSession *self, guint prop)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[prop]);
}

static void
set_state (RtkSyncSession *self, RtkSyncState state)
{
  gint64 since = self->offline_since;

  if (state == RTK_SYNC_OFFLINE && since == 0)
    since = rtk_clock_now (self->clock);
  else if (state == RTK_SYNC_IDLE || state == RTK_SYNC_SIGNED_OUT)
    since = 0;
  if (since != self->offline_since) {
    self->offline_since = since;
    notify (self, PROP_OFFLINE_SINCE);
  }
  if (state == self->state)
    return;
  self->state = state;
  notify (self, PROP_STATE);
}

static void
set_next_try (RtkSyncSession *self, gint64 next_try)
{
  if (next_try == self->next_try)
    return;
  self->next_try = next_try;
  notify (self, PROP_NEXT_TRY);
}

static void
set_error (RtkSyncSession *self, const GError *error)
{
  if (self->error == NULL && error == NULL)
    return;
  g_clear_error (&self->error);
  self->error = error == NULL ? NULL : g_error_copy (error);
  notify (self, PROP_ERROR);
}

static gboolean
timeout_cb (gpointer user_data)
{
  RtkSyncSession *self = RTK_SYNC_SESSION (user_data);

  self->timeout_id = 0;
  rtk_sync_session_settle (self);
  return G_SOURCE_REMOVE;
}

/* Wakes up for "next-try". */
static void
arm (RtkSyncSession *self)
{
  gint64 left_ms;

  g_clear_handle_id (&self->timeout_id, g_source_remove);
  if (!self->started || self->next_try == 0)
    return;
  left_ms = (self->next_try - rtk_clock_now (self->clock)) / 1000 + 1;
  /* The wall clock may be set: look again at least every ten seconds. */
  self->timeout_id = g_timeout_add ((guint)CLAMP (left_ms, 1, 10000), timeout_cb, self);
}

/* 1, 2, 4 ... seconds up to five minutes, of which a random half: stations that lost the server
 * together must not come back together. */
static gint64
backoff_us (RtkSyncSession *self)
{
  double seconds = self->failures >= 9 ? BACKOFF_MAX_SECONDS : (double)(1u << self->failures);

  seconds = MIN (seconds, BACKOFF_MAX_SECONDS);
  return (gint64)(seconds * g_random_double_range (0.5, 1.0) * G_TIME_SPAN_SECOND);
}

static void
plan_next (RtkSyncSession *self)
{
  gint64 now = rtk_clock_now (self->clock);

  if (!self->started || self->state == RTK_SYNC_SIGNED_OUT)
    set_next_try (self, 0);
  else if (self->state == RTK_SYNC_OFFLINE || self->state == RTK_SYNC_FAILED)
    set_next_try (self, now + backoff_us (self));
  else
    set_next_try (self, now + self->interval_seconds * G_TIME_SPAN_SECOND);
  arm (self);
}

/* The waiters get the counts also when the round failed: rtk_sync_session_sync_once_finish(). */
static void
answer_waiters (RtkSyncSession *self, const RtkSyncCounts *counts, const GError *error)
{
  GQueue waiters = self->waiters;

  g_queue_init (&self->waiters);
  while (!g_queue_is_empty (&waiters)) {
    g_autoptr (GTask) task = g_queue_pop_head (&waiters);

    g_task_set_task_data (task, g_memdup2 (counts, sizeof *counts), g_free);
    if (error != NULL)
      g_task_return_error (task, g_error_copy (error));
    else
      g_task_return_boolean (task, TRUE);
  }
}

/* The trouble of single operations is the store's to time: only what ends a round early holds up
 * the next one. */
static RtkSyncState
state_after (RtkSyncSession *self, gboolean complete, const GError *error)
{
  if (complete)
    return RTK_SYNC_IDLE;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return self->started ? RTK_SYNC_IDLE : RTK_SYNC_STOPPED;
  if (g_error_matches (error, RTK_ERROR, RTK_ERROR_UNAUTHORIZED))
    return RTK_SYNC_SIGNED_OUT;
  if (g_error_matches (error, RTK_ERROR, RTK_ERROR_OFFLINE))
    return RTK_SYNC_OFFLINE;
  return RTK_SYNC_FAILED;
}

static void
round_over (RtkSyncSession      *self,
            const RtkSyncCounts *counts,
            guint                attention,
            gboolean             complete,
            const GError        *error)
{
  RtkSyncState state = state_after (self, complete, error);

  g_clear_pointer (&self->epoch, g_free);
  self->epoch = g_strdup (rtk_sync_round_get_epoch (self->round));
  g_clear_pointer (&self->round, rtk_sync_round_unref);
  /* A round that ended early may have left some marked as being sent. */
  self->recovered = complete;
  self->failures = state == RTK_SYNC_OFFLINE || state == RTK_SYNC_FAILED ? self->failures + 1 : 0;
  if (attention != self->attention) {
    self->attention = attention;
    notify (self, PROP_ATTENTION);
  }
  set_error (self, error);
  if (complete) {
    self->last_sync = rtk_clock_now (self->clock);
    notify (self, PROP_LAST_SYNC);
  }
  set_state (self, state);
  plan_next (self);
  answer_waiters (self, counts, error);
  if (self->again || !g_queue_is_empty (&self->next))
    begin_round (self);
}

static void
weak_ref_free (gpointer data)
{
  g_weak_ref_clear (data);
  g_free (data);
}

static void
round_finished_cb (const RtkSyncCounts *counts,
                   guint                attention,
                   gboolean             complete,
                   const GError        *error,
                   gpointer             user_data)
{
  g_autoptr (RtkSyncSession) self = g_weak_ref_get (user_data);

  if (self != NULL && self->round != NULL)
    round_over (self, counts, attention, complete, error);
}

static void
begin_round (RtkSyncSession *self)
{
  GWeakRef *weak;

  if (self->round != NULL) {
    self->again = TRUE;
    return;
  }
  self->again = FALSE;
  self->waiters = self->next;
  g_queue_init (&self->next);
  if (rtk_transport_get_state (self->transport) == RTK_SERVER_SIGNED_OUT) {
    const RtkSyncCounts none = {0};
    g_autoptr (GError) error =
        g_error_new (RTK_ERROR, RTK_ERROR_UNAUTHORIZED, "Not signed in at the server");

    set_state (self, RTK_SYNC_SIGNED_OUT);
    plan_next (self);
    answer_waiters (self, &none, error);
    return;
  }
  set_next_try (self, 0);
  set_state (self, RTK_SYNC_WORKING);
  weak = g_new0 (GWeakRef, 1);
  g_weak_ref_init (weak, self);
  self->round = rtk_sync_round_start (self->store, self->vault, self->transport, self->epoch,
                                      !self->recovered, round_finished_cb, weak, weak_ref_free);
}

static void
outbox_changed_cb (RtkStore *store, gpointer user_data)
{
  RtkSyncSession *self = RTK_SYNC_SESSION (user_data);
  gint64          soon;

  notify (self, PROP_WAITING);
  /* While the server is away the back-off decides; while a round runs, it looks again itself. */
  if (!self->started || self->state != RTK_SYNC_IDLE || rtk_store_get_outbox_length (store) == 0)
    return;
  soon = rtk_clock_now (self->clock) + GATHER_MS * G_TIME_SPAN_MILLISECOND;
  if (self->next_try == 0 || soon < self->next_try)
    set_next_try (self, soon);
  arm (self);
}

static void
transport_state_cb (GObject *transport, GParamSpec *pspec, gpointer user_data)
{
  RtkSyncSession *self = RTK_SYNC_SESSION (user_data);
  RtkServerState  state = rtk_transport_get_state (self->transport);

  if (state == RTK_SERVER_SIGNED_OUT && self->round == NULL && self->state != RTK_SYNC_STOPPED)
    set_state (self, RTK_SYNC_SIGNED_OUT);
  else if (state == RTK_SERVER_ONLINE && self->started && self->state == RTK_SYNC_SIGNED_OUT)
    begin_round (self);
}

static void
rtk_sync_session_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  RtkSyncSession *self = RTK_SYNC_SESSION (object);

  switch (id) {
  case PROP_STATE:
    g_value_set_int (value, (int)self->state);
    break;
  case PROP_WAITING:
    g_value_set_uint (value, rtk_sync_session_get_waiting (self));
    break;
  case PROP_ATTENTION:
    g_value_set_uint (value, self->attention);
    break;
  case PROP_ERROR:
    g_value_set_boxed (value, self->error);
    break;
  case PROP_LAST_SYNC:
    g_value_set_int64 (value, self->last_sync);
    break;
  case PROP_OFFLINE_SINCE:
    g_value_set_int64 (value, self->offline_since);
    break;
  case PROP_NEXT_TRY:
    g_value_set_int64 (value, self->next_try);
    break;
  case PROP_INTERVAL_SECONDS:
    g_value_set_uint (value, self->interval_seconds);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
rtk_sync_session_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  RtkSyncSession *self = RTK_SYNC_SESSION (object);

  switch (id) {
  case PROP_INTERVAL_SECONDS:
    self->interval_seconds = g_value_get_uint (value);
    notify (self, PROP_INTERVAL_SECONDS);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
rtk_sync_session_dispose (GObject *object)
{
  RtkSyncSession *self = RTK_SYNC_SESSION (object);

  g_clear_handle_id (&self->timeout_id, g_source_remove);
  if (self->round != NULL)
    rtk_sync_round_cancel (self->round);
  g_clear_pointer (&self->round, rtk_sync_round_unref);
  g_clear_object (&self->store);
  g_clear_object (&self->vault);
  g_clear_object (&self->transport);
  G_OBJECT_CLASS (rtk_sync_session_parent_class)->dispose (object);
}

static void
rtk_sync_session_finalize (GObject *object)
{
  RtkSyncSession *self = RTK_SYNC_SESSION (object);

  g_clear_object (&self->clock);
  g_clear_error (&self->error);
  g_free (self->epoch);
  G_OBJECT_CLASS (rtk_sync_session_parent_class)->finalize (object);
}

static void
rtk_sync_session_class_init (RtkSyncSessionClass *klass)
{
  GObjectClass     *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = rtk_sync_session_get_property;
  object_class->set_property = rtk_sync_session_set_property;
  object_class->dispose = rtk_sync_session_dispose;
  object_class->finalize = rtk_sync_session_finalize;
  properties[PROP_STATE] = g_param_spec_int ("state", NULL, NULL, RTK_SYNC_STOPPED, RTK_SYNC_FAILED,
                                             RTK_SYNC_STOPPED, flags);
  properties[PROP_WAITING] = g_param_spec_uint ("waiting", NULL, NULL, 0, G_MAXUINT, 0, flags);
  properties[PROP_ATTENTION] = g_param_spec_uint ("attention", NULL, NULL, 0, G_MAXUINT, 0, flags);
  properties[PROP_ERROR] = g_param_spec_boxed ("error", NULL, NULL, G_TYPE_ERROR, flags);
  properties[PROP_LAST_SYNC] =
      g_param_spec_int64 ("last-sync", NULL, NULL, 0, G_MAXINT64, 0, flags);
  properties[PROP_OFFLINE_SINCE] =
      g_param_spec_int64 ("offline-since", NULL, NULL, 0, G_MAXINT64, 0, flags);
  properties[PROP_NEXT_TRY] = g_param_spec_int64 ("next-try", NULL, NULL, 0, G_MAXINT64, 0, flags);
  properties[PROP_INTERVAL_SECONDS] = g_param_spec_uint (
      "interval-seconds", NULL, NULL, 1, 3600, INTERVAL_SECONDS, flags | G_PARAM_WRITABLE);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
rtk_sync_session_init (RtkSyncSession *self)
{
  g_queue_init (&self->waiters);
  g_queue_init (&self->next);
  self->interval_seconds = INTERVAL_SECONDS;
}

/**
 * rtk_sync_session_new:
 * @store: the outbox and the orders
 * @vault: where the photos lie
 * @transport: the way to the server
 * @clock: time
 *
 * Makes a stopped exchange. References are taken.
 *
 * Returns: (transfer full): a new session
 */
RtkSyncSession *
rtk_sync_session_new (RtkStore *store, RtkVault *vault, RtkTransport *transport, RtkClock *clock)
{
  RtkSyncSession *self;

  g_return_val_if_fail (RTK_IS_STORE (store) && RTK_IS_VAULT (vault), NULL);
  g_return_val_if_fail (RTK_IS_TRANSPORT (transport) && RTK_IS_CLOCK (clock), NULL);

  self = g_object_new (RTK_TYPE_SYNC_SESSION, NULL);
  self->store = g_object_ref (store);
  self->vault = g_object_ref (vault);
  self->transport = g_object_ref (transport);
  self->clock = g_object_ref (clock);
  g_signal_connect_object (store, "outbox-changed", G_CALLBACK (outbox_changed_cb), self, 0);
  g_signal_connect_object (transport, "notify::state", G_CALLBACK (transport_state_cb), self, 0);
  return self;
}

/**
 * rtk_sync_session_start:
 * @self: a session
 *
 * Lets rounds begin by themselves: now, every "interval-seconds", and when the outbox changes.
 */
void
rtk_sync_session_start (RtkSyncSession *self)
{
  g_return_if_fail (RTK_IS_SYNC_SESSION (self));

  if (self->started)
    return;
  self->started = TRUE;
  begin_round (self);
}

/**
 * rtk_sync_session_stop:
 * @self: a session
 *
 * Lets no more rounds begin by themselves, and gives up the one that runs. Nothing is lost: what
 * was sent without an answer is sent again at the next start.
 */
void
rtk_sync_session_stop (RtkSyncSession *self)
{
  g_return_if_fail (RTK_IS_SYNC_SESSION (self));

  self->started = FALSE;
  self->again = FALSE;
  set_next_try (self, 0);
  arm (self);
  if (self->round != NULL)
    rtk_sync_round_cancel (self->round);
  else
    set_state (self, RTK_SYNC_STOPPED);
}

/**
 * rtk_sync_session_poke:
 * @self: a session
 *
 * Begins a round now, or right after the one that runs, whatever the back-off says. Nothing happens
 * before rtk_sync_session_start().
 */
void
rtk_sync_session_poke (RtkSyncSession *self)
{
  g_return_if_fail (RTK_IS_SYNC_SESSION (self));

  if (self->started)
    begin_round (self);
}

/**
 * rtk_sync_session_settle:
 * @self: a session
 *
 * Begins a round if one is due by the clock. It is called by itself in time; by hand only where the
 * clock is not the system's.
 */
void
rtk_sync_session_settle (RtkSyncSession *self)
{
  gint64 left;

  g_return_if_fail (RTK_IS_SYNC_SESSION (self));

  if (!self->started || self->next_try == 0 || self->round != NULL)
    return;
  left = self->next_try - rtk_clock_now (self->clock);
  /* No wait is as long as that: the wall clock was set back. */
  if (left <= 0 || left > MAX (BACKOFF_MAX_SECONDS, self->interval_seconds) * G_TIME_SPAN_SECOND)
    begin_round (self);
  else
    arm (self);
}

/**
 * rtk_sync_session_sync_once_async:
 * @self: a session
 * @cancellable: (nullable): ends the waiting, not the round
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Makes one whole round that begins now or after the one that runs: all that may be sent is tried
 * and all that is new is read. The session need not be started.
 */
void
rtk_sync_session_sync_once_async (RtkSyncSession     *self,
                                  GCancellable       *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer            user_data)
{
  GTask *task;

  g_return_if_fail (RTK_IS_SYNC_SESSION (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, rtk_sync_session_sync_once_async);
  g_queue_push_tail (&self->next, task);
  begin_round (self);
}

/**
 * rtk_sync_session_sync_once_finish:
 * @self: a session
 * @result: what the callback was given
 * @out_counts: (out caller-allocates) (optional): what was done, also when it failed
 * @error: return location: what ended the round early, or the last operation's trouble
 *
 * Ends rtk_sync_session_sync_once_async(). Conflicts and refusals are answers, not errors: they are
 * counted.
 *
 * Returns: whether everything that may be sent was answered and everything new was read
 */
gboolean
rtk_sync_session_sync_once_finish (RtkSyncSession *self,
                                   GAsyncResult   *result,
                                   RtkSyncCounts  *out_counts,
                                   GError        **error)
{
  const RtkSyncCounts *counts;

  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_sync_session_sync_once_async), FALSE);

  counts = g_task_get_task_data (G_TASK (result));
  if (out_counts != NULL)
    *out_counts = counts == NULL ? (RtkSyncCounts){0} : *counts;
  return g_task_propagate_boolean (G_TASK (result), error);
}
