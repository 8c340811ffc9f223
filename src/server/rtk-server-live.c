/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-live.h"

#include "server/rtk-server-listen.h"

#include <string.h>
#include <sys/ioctl.h>

/* How often sessions and silent peers are looked at. */
#define WATCH_SECONDS 2
/* A peer that has not taken so many bytes gets no more, only the newest once it has. */
#define MAX_UNSENT 2048
/* After this a peer that was behind is looked at again. */
#define BEHIND_MS 1000
/* Nothing but control frames is expected. */
#define MAX_INCOMING 1024
#define SOCKET "rtk-live-socket"

struct _RtkServerLive {
  const RtkServerConfig *config;   /* (unowned) */
  RtkServerPool         *pool;     /* (unowned) (nullable): NULL once it ends */
  RtkServerListener     *listener; /* (owned) */
  GHashTable            *sockets;  /* (owned): Socket -> itself, of those that are open */
  GHashTable            *people;   /* (owned): id -> how many they have, unopened ones, too */
  guint                  n_taken;  /* of all of them */
  GSourceFunc            closed;   /* when the last socket is gone */
  gpointer               closed_data;
  guint                  hint_source;
  guint                  behind_source;
  guint                  watch_source;
  gint64                 hinted; /* monotonic */
  gboolean               is_reading;
  gboolean               is_dirty; /* moved again while it was read */
  gboolean               is_checking;
  gboolean               is_stopping;
  guint64                n_hints;
};

typedef struct {
  RtkServerLive           *live;       /* (owned) */
  SoupWebsocketConnection *connection; /* (owned) (nullable): NULL until the 101 is written */
  GSocket                 *socket;     /* (owned) */
  char                    *session;    /* (owned): id */
  char                    *person;     /* (owned): id */
  gint64                   number;     /* of the feed, as the peer knows it */
  gint64                   seen;       /* monotonic */
} Socket;

/* What a reader finds out. */
typedef struct {
  RtkServerLive *live; /* (owned) */
  char          *cursor;
  gint64         number;
  GPtrArray     *sessions; /* ids that are asked about */
  GHashTable    *over;     /* of these, those that have ended; unowned ids */
} Reading;

static void
live_clear (gpointer data)
{
  RtkServerLive *self = data;

  g_hash_table_unref (self->sockets);
  g_hash_table_unref (self->people);
}

static guint
count_of (RtkServerLive *self, const char *person)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (self->people, person));
}

static void
set_count (RtkServerLive *self, const char *person, guint count)
{
  if (count == 0)
    g_hash_table_remove (self->people, person);
  else
    g_hash_table_insert (self->people, g_strdup (person), GUINT_TO_POINTER (count));
}

static void
socket_free (gpointer data)
{
  Socket *self = data;

  self->live->n_taken--;
  set_count (self->live, self->person, count_of (self->live, self->person) - 1);
  if (self->connection != NULL)
    g_signal_handlers_disconnect_by_data (self->connection, self);
  g_clear_object (&self->connection);
  g_object_unref (self->socket);
  g_free (self->session);
  g_free (self->person);
  g_rc_box_release_full (self->live, live_clear);
  g_free (self);
}

static void
reading_free (gpointer data)
{
  Reading *reading = data;

  g_rc_box_release_full (reading->live, live_clear);
  g_free (reading->cursor);
  g_clear_pointer (&reading->over, g_hash_table_unref);
  g_clear_pointer (&reading->sessions, g_ptr_array_unref);
  g_free (reading);
}

/* @sessions: (transfer full) (nullable) */
static void
push (RtkServerLive *self, GPtrArray *sessions, RtkWorkerFunc func, GAsyncReadyCallback done)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, done, NULL);
  Reading *reading = g_new0 (Reading, 1);

  reading->live = g_rc_box_acquire (self);
  reading->sessions = sessions;
  g_task_set_task_data (task, reading, reading_free);
  rtk_server_pool_push (self->pool, RTK_SERVER_LANE_READ, task, func);
}

/* The cursor of whoever knows all of the feed; NULL when the database cannot be asked. */
static char *
dup_cursor (RtkServerStore *store, gint64 *out_number)
{
  g_autofree char *epoch = rtk_server_store_dup_meta (store, "epoch");

  *out_number = rtk_server_db_get_int (store->db, -1,
                                       "SELECT value FROM counters WHERE name = 'changes'", "");
  if (epoch == NULL || epoch[0] == '\0' || *out_number < 0)
    return NULL;
  return g_strdup_printf ("%s.%" G_GINT64_FORMAT, epoch, *out_number);
}

static void
read_cursor (GTask *task, gpointer data)
{
  RtkServerSeat *seat = data;
  Reading       *reading = g_task_get_task_data (task);

  reading->cursor = dup_cursor (seat->store, &reading->number);
  rtk_server_seat_done (seat);
  g_task_return_boolean (task, TRUE);
}

/* The kernel takes a frame as long as the peer takes what it was sent; beyond that libsoup would
 * queue without an end. */
static gboolean
is_behind (Socket *socket)
{
  int unsent = 0;

  return ioctl (g_socket_get_fd (socket->socket), TIOCOUTQ, &unsent) == 0 && unsent > MAX_UNSENT;
}

static gboolean
send_hint (Socket *socket, const char *cursor, gint64 number)
{
  g_autofree char *text = NULL;

  if (number <= socket->number ||
      soup_websocket_connection_get_state (socket->connection) != SOUP_WEBSOCKET_STATE_OPEN)
    return TRUE;
  if (is_behind (socket))
    return FALSE;
  text = g_strdup_printf ("{\"cursor\":\"%s\"}", cursor);
  soup_websocket_connection_send_text (socket->connection, text);
  socket->number = number;
  socket->live->n_hints++;
  return TRUE;
}

static gboolean hint_cb (gpointer user_data);

static void
schedule (RtkServerLive *self)
{
  gint64 now = g_get_monotonic_time ();
  gint64 wait_ms = (self->hinted + self->config->hint_ms * 1000 - now + 999) / 1000;

  if (self->hint_source == 0 && self->pool != NULL && !self->is_stopping)
    self->hint_source = g_timeout_add ((guint)MAX (wait_ms, 0), hint_cb, self);
}

/* Whoever was behind may have read; nobody else waits for that. */
static gboolean
behind_cb (gpointer user_data)
{
  RtkServerLive *self = user_data;

  self->behind_source = 0;
  schedule (self);
  return G_SOURCE_REMOVE;
}

static void
cursor_read_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  Reading       *reading = g_task_get_task_data (G_TASK (result));
  RtkServerLive *self = reading->live;
  gboolean       is_slow = FALSE;
  GHashTableIter iter;
  gpointer       socket;

  self->is_reading = FALSE;
  g_hash_table_iter_init (&iter, self->sockets);
  /* The database is away: once it is back, its listener tells. */
  while (reading->cursor != NULL && g_hash_table_iter_next (&iter, &socket, NULL))
    is_slow |= !send_hint (socket, reading->cursor, reading->number);
  if (self->is_dirty)
    schedule (self);
  if (is_slow && self->behind_source == 0 && self->pool != NULL)
    self->behind_source = g_timeout_add (BEHIND_MS, behind_cb, self);
  self->is_dirty = FALSE;
}

static gboolean
hint_cb (gpointer user_data)
{
  RtkServerLive *self = user_data;

  self->hint_source = 0;
  self->hinted = g_get_monotonic_time ();
  if (self->is_reading) {
    self->is_dirty = TRUE;
    return G_SOURCE_REMOVE;
  }
  self->is_reading = TRUE;
  push (self, NULL, read_cursor, cursor_read_cb);
  return G_SOURCE_REMOVE;
}

/* Something was committed; many commits in one go are one hint. */
static gboolean
moved_cb (gpointer user_data)
{
  RtkServerLive *self = user_data;

  if (g_hash_table_size (self->sockets) > 0)
    schedule (self);
  return G_SOURCE_REMOVE;
}

/* Whether the session has ended; not when the database cannot be asked. */
static gboolean
is_over (RtkServerDb *db, const char *session)
{
  return rtk_server_db_get_int (
             db, 1,
             "SELECT EXISTS (SELECT 1 FROM sessions x JOIN staff s ON s.id = x.principal"
             " LEFT JOIN stations t ON t.id = x.station WHERE x.id = ? AND x.kind = 'staff'"
             " AND x.refresh_until > ? AND s.enabled = 1 AND t.revoked_at IS NULL)",
             "si", session, g_get_real_time ()) == 0;
}

static void
read_sessions (GTask *task, gpointer data)
{
  RtkServerSeat *seat = data;
  RtkServerDb   *db = seat->store->db;
  Reading       *reading = g_task_get_task_data (task);
  RtkError       trouble;

  reading->over = g_hash_table_new (g_str_hash, g_str_equal);
  rtk_server_db_forget_trouble (db);
  /* Of a database that is away one does not ask for each. */
  for (guint i = 0; i < reading->sessions->len && !rtk_server_db_get_trouble (db, &trouble); i++) {
    const char *session = g_ptr_array_index (reading->sessions, i);

    if (is_over (db, session))
      g_hash_table_add (reading->over, (gpointer)session);
  }
  rtk_server_seat_done (seat);
  g_task_return_boolean (task, TRUE);
}

static void
sessions_read_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  Reading       *reading = g_task_get_task_data (G_TASK (result));
  RtkServerLive *self = reading->live;
  g_autoptr (GList) sockets = g_hash_table_get_keys (self->sockets);

  self->is_checking = FALSE;
  for (GList *l = sockets; l != NULL; l = l->next) {
    Socket *socket = l->data;

    if (g_hash_table_contains (reading->over, socket->session) &&
        soup_websocket_connection_get_state (socket->connection) == SOUP_WEBSOCKET_STATE_OPEN)
      soup_websocket_connection_close (socket->connection, SOUP_WEBSOCKET_CLOSE_GOING_AWAY,
                                       "The session is over.");
  }
}

/* The sessions of @sockets, each once. */
static GPtrArray *
collect_sessions (GList *sockets)
{
  GPtrArray *sessions = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (GList *l = sockets; l != NULL; l = l->next) {
    const Socket *socket = l->data;

    if (g_hash_table_add (seen, socket->session))
      g_ptr_array_add (sessions, g_strdup (socket->session));
  }
  return sessions;
}

/* Whose session ended since, and who no longer answers. */
static gboolean
watch_cb (gpointer user_data)
{
  RtkServerLive *self = user_data;
  gint64 silent = g_get_monotonic_time () - self->config->ping_seconds * 5 / 2 * G_USEC_PER_SEC;
  g_autoptr (GList) sockets = g_hash_table_get_keys (self->sockets);

  for (GList *l = sockets; l != NULL; l = l->next) {
    Socket *socket = l->data;

    if (socket->seen < silent &&
        soup_websocket_connection_get_state (socket->connection) == SOUP_WEBSOCKET_STATE_OPEN)
      soup_websocket_connection_close (socket->connection, SOUP_WEBSOCKET_CLOSE_GOING_AWAY, NULL);
  }
  if (sockets != NULL && !self->is_checking) {
    self->is_checking = TRUE;
    push (self, collect_sessions (sockets), read_sessions, sessions_read_cb);
  }
  return G_SOURCE_CONTINUE;
}

static void
pong_cb (SoupWebsocketConnection *connection, GBytes *bytes, gpointer user_data)
{
  Socket *socket = user_data;

  socket->seen = g_get_monotonic_time ();
}

static void
closed_cb (SoupWebsocketConnection *connection, gpointer user_data)
{
  Socket        *socket = user_data;
  RtkServerLive *self = socket->live;

  g_hash_table_remove (self->sockets, socket);
  if (self->closed != NULL && g_hash_table_size (self->sockets) == 0)
    (void)self->closed (self->closed_data);
}

/* The 101 is written: from here on the connection is ours. */
static void
switched_cb (SoupServerMessage *message, gpointer user_data)
{
  Socket        *socket = g_object_steal_data (G_OBJECT (message), SOCKET);
  RtkServerLive *self = socket != NULL ? socket->live : NULL;
  g_autoptr (GIOStream) stream = NULL;

  if (socket == NULL)
    return;
  if (self->pool == NULL) {
    socket_free (socket);
    return;
  }
  /* Who waits is no sleeper: pings tell whether the peer is there. */
  g_socket_set_timeout (socket->socket, 0);
  g_socket_set_keepalive (socket->socket, TRUE);
  stream = soup_server_message_steal_connection (message);
  socket->connection =
      soup_websocket_connection_new (stream, soup_server_message_get_uri (message),
                                     SOUP_WEBSOCKET_CONNECTION_SERVER, NULL, NULL, NULL);
  soup_websocket_connection_set_max_incoming_payload_size (socket->connection, MAX_INCOMING);
  soup_websocket_connection_set_keepalive_interval (socket->connection,
                                                    (guint)self->config->ping_seconds);
  g_signal_connect (socket->connection, "pong", G_CALLBACK (pong_cb), socket);
  g_signal_connect (socket->connection, "closed", G_CALLBACK (closed_cb), socket);
  g_hash_table_add (self->sockets, socket);
  /* The first hint says where the feed is; what moves from now on is heard of. */
  schedule (self);
}

/* Whether there is room for one more of @call's; otherwise it is answered. */
static gboolean
has_room (RtkServerLive *self, RtkServerCall *call)
{
  const RtkServerConfig *config = self->config;
  gboolean               all = config->max_sockets > 0 && self->n_taken >= config->max_sockets;
  gboolean               own =
      config->max_own_sockets > 0 && count_of (self, call->principal) >= config->max_own_sockets;

  if (all || own)
    rtk_server_call_add_header (call, "Retry-After", "30");
  if (own)
    rtk_server_call_fail (call, 429, "too-many-sockets", "Close another WebSocket first.");
  else if (all)
    rtk_server_call_fail (call, 503, "busy", "The server is busy. Try again later.");
  return !all && !own;
}

/**
 * rtk_server_live_accept:
 * @self: the sockets
 * @message: a paused request that asks for a WebSocket
 * @call: its call, which the handler answered with 101
 *
 * Makes the connection a WebSocket, once @message goes on.
 *
 * Returns: whether the request is one and there is room for it; otherwise @call is answered with
 * 400, 429 or 503
 */
gboolean
rtk_server_live_accept (RtkServerLive *self, SoupServerMessage *message, RtkServerCall *call)
{
  Socket *socket;

  /* Asked first: the other way around it would answer in words of its own. */
  if (!soup_websocket_server_check_handshake (message, NULL, NULL, NULL, NULL)) {
    rtk_server_call_fail (call, 400, "bad-handshake", "This is no handshake of a WebSocket.");
    return FALSE;
  }
  if (!has_room (self, call))
    return FALSE;
  (void)soup_websocket_server_process_handshake (message, NULL, NULL, NULL, NULL);
  socket = g_new0 (Socket, 1);
  socket->live = g_rc_box_acquire (self);
  socket->socket = g_object_ref (soup_server_message_get_socket (message));
  socket->session = g_strdup (call->session);
  socket->person = g_strdup (call->principal);
  self->n_taken++;
  set_count (self, socket->person, count_of (self, socket->person) + 1);
  socket->number = -1;
  socket->seen = g_get_monotonic_time ();
  /* Whoever hangs up before takes it along. */
  g_object_set_data_full (G_OBJECT (message), SOCKET, socket, socket_free);
  g_signal_connect (message, "wrote-informational", G_CALLBACK (switched_cb), NULL);
  return TRUE;
}

static gboolean
has_word (RtkServerCall *call, const char *header, const char *word)
{
  const char *value = rtk_server_call_get_header (call, header);

  return value != NULL && soup_header_contains (value, word);
}

/* GET /v1/live */
RTK_SERVER_HANDLER (live)
{
  if (!has_word (call, "upgrade", "websocket") || !has_word (call, "connection", "upgrade") ||
      g_strcmp0 (rtk_server_call_get_header (call, "sec-websocket-version"), "13") != 0 ||
      rtk_server_call_get_header (call, "sec-websocket-key") == NULL) {
    rtk_server_call_add_header (call, "Upgrade", "websocket");
    rtk_server_call_add_header (call, "Sec-WebSocket-Version", "13");
    return rtk_server_call_fail (call, 426, "upgrade-required",
                                 "This is a WebSocket of version 13.");
  }
  call->status = 101;
  return TRUE;
}

/**
 * rtk_server_live_new:
 * @config: settings; must outlive the sockets
 * @pool: whose readers are asked
 * @closed: called when the last socket is gone
 * @user_data: for @closed
 *
 * Listens to the database, of which there is no WebSocket yet.
 *
 * Returns: (transfer full): to be ended with rtk_server_live_end()
 */
RtkServerLive *
rtk_server_live_new (const RtkServerConfig *config,
                     RtkServerPool         *pool,
                     GSourceFunc            closed,
                     gpointer               user_data)
{
  RtkServerLive   *self = g_rc_box_new0 (RtkServerLive);
  g_autofree char *database = rtk_server_config_dup_address (config);

  self->config = config;
  self->pool = pool;
  self->closed = closed;
  self->closed_data = user_data;
  self->sockets = g_hash_table_new_full (NULL, NULL, socket_free, NULL);
  self->people = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->listener = rtk_server_db_listen (database, moved_cb, self);
  self->watch_source = g_timeout_add_seconds (WATCH_SECONDS, watch_cb, self);
  return self;
}

/**
 * rtk_server_live_stop:
 * @self: the sockets
 *
 * Says goodbye (1001) to all of them.
 */
void
rtk_server_live_stop (RtkServerLive *self)
{
  g_autoptr (GList) sockets = g_hash_table_get_keys (self->sockets);

  self->is_stopping = TRUE;
  for (GList *l = sockets; l != NULL; l = l->next) {
    Socket *socket = l->data;

    if (soup_websocket_connection_get_state (socket->connection) == SOUP_WEBSOCKET_STATE_OPEN)
      soup_websocket_connection_close (socket->connection, SOUP_WEBSOCKET_CLOSE_GOING_AWAY,
                                       "The server is stopping.");
  }
}

/**
 * rtk_server_live_end:
 * @self: (transfer full): the sockets
 *
 * Drops what is left. Before the pool ends.
 */
void
rtk_server_live_end (RtkServerLive *self)
{
  self->pool = NULL;
  self->closed = NULL;
  g_clear_pointer (&self->listener, rtk_server_db_unlisten);
  g_clear_handle_id (&self->hint_source, g_source_remove);
  g_clear_handle_id (&self->behind_source, g_source_remove);
  g_clear_handle_id (&self->watch_source, g_source_remove);
  g_hash_table_remove_all (self->sockets);
  g_rc_box_release_full (self, live_clear);
}

/**
 * rtk_server_live_get_sockets:
 * @self: the sockets
 *
 * Returns: how many are open
 */
guint
rtk_server_live_get_sockets (RtkServerLive *self)
{
  return g_hash_table_size (self->sockets);
}

/**
 * rtk_server_live_get_hints:
 * @self: the sockets
 *
 * Returns: how many hints were sent
 */
guint64
rtk_server_live_get_hints (RtkServerLive *self)
{
  return self->n_hints;
}
