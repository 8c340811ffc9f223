/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POLLRDHUP */
#define _GNU_SOURCE
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-intake.h"

#include "server/rtk-server-pace.h"

#include <glib-unix.h>
#include <poll.h>

/* Bytes of a body of the routes that anybody can reach: a small object. */
#define SMALL_BODY 16384
/* Beside one photo of the largest size: bytes of bodies that are held at the same time. */
#define SPARE_BYTES (16 * 1024 * 1024)
#define BODY "rtk-body"
#define SOCKET "rtk-socket"
#define IDLE "rtk-idle"

struct _RtkServerIntake {
  const RtkServerConfig *config; /* (unowned) */
  gsize                 *held;   /* (owned): bytes of all bodies in memory; shared with Body */
};

/* The body of one request. */
typedef struct {
  GThread *thread; /* (unowned): the one that made it, and must end it */
  gsize   *held;   /* (owned): of the server; bodies may outlive it */
  gsize    most;   /* bytes that may be held by all together */
  gsize    kept;
  gsize    seen;
  gsize    limit;
  gboolean is_busy; /* dropped because others hold too much */
} Body;

static void
body_free (gpointer data)
{
  Body *body = data;

  /* What all bodies count has no lock. */
  g_warn_if_fail (body->thread == g_thread_self ());
  *body->held -= body->kept;
  g_rc_box_release (body->held);
  g_free (body);
}

static void
drop_body (SoupServerMessage *message, Body *body)
{
  SoupMessageBody *bytes = soup_server_message_get_request_body (message);

  soup_message_body_set_accumulate (bytes, FALSE);
  soup_message_body_truncate (bytes);
  *body->held -= body->kept;
  body->kept = 0;
}

static void
got_chunk_cb (SoupServerMessage *message, GBytes *chunk, gpointer user_data)
{
  Body            *body = user_data;
  SoupMessageBody *bytes = soup_server_message_get_request_body (message);
  gsize            size = g_bytes_get_size (chunk);

  body->seen += size;
  if (!soup_message_body_get_accumulate (bytes))
    return;
  body->is_busy = *body->held + size > body->most;
  if (body->is_busy || body->seen > body->limit) {
    drop_body (message, body);
    return;
  }
  body->kept += size;
  *body->held += size;
}

static gsize
get_limit (RtkServerIntake *self, const RtkServerRoute *route)
{
  if (route == NULL)
    return 0;
  if (route->takes_bytes)
    return (gsize)self->config->max_upload;
  if ((route->who & (RTK_SERVER_PUBLIC | RTK_SERVER_ACCOUNT)) != 0)
    return (gsize)MIN (self->config->max_body, SMALL_BODY);
  return (gsize)self->config->max_body;
}

/**
 * rtk_server_intake_begin:
 * @self: the intake
 * @message: a request whose headers are here
 * @route: (nullable): where it goes
 *
 * Before the body is read: how large it may be. What is beyond that is dropped, never kept; so is
 * all that comes from nobody to where somebody must be signed in.
 *
 * Returns: %FALSE when the announced body is too large already
 */
gboolean
rtk_server_intake_begin (RtkServerIntake      *self,
                         SoupServerMessage    *message,
                         const RtkServerRoute *route)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
  Body               *body;
  gboolean            fits;
  gboolean            is_nobody = route != NULL && (route->who & RTK_SERVER_PUBLIC) == 0 &&
                       soup_message_headers_get_one (headers, "Authorization") == NULL;

  /* Most requests have none. */
  if (soup_message_headers_get_encoding (headers) == SOUP_ENCODING_NONE)
    return TRUE;
  body = g_new0 (Body, 1);
  body->thread = g_thread_self ();
  body->held = g_rc_box_acquire (self->held);
  body->most = (gsize)self->config->max_upload + SPARE_BYTES;
  body->limit = get_limit (self, route);
  g_object_set_data_full (G_OBJECT (message), BODY, body, body_free);
  fits = soup_message_headers_get_content_length (headers) <= (goffset)body->limit;
  if (is_nobody || !fits)
    soup_message_body_set_accumulate (soup_server_message_get_request_body (message), FALSE);
  g_signal_connect (message, "got-chunk", G_CALLBACK (got_chunk_cb), body);
  return fits;
}

/**
 * rtk_server_intake_is_too_large:
 * @message: a request
 *
 * Returns: whether its body is larger than its route takes
 */
gboolean
rtk_server_intake_is_too_large (SoupServerMessage *message)
{
  const Body *body = g_object_get_data (G_OBJECT (message), BODY);

  return body != NULL && body->seen > body->limit;
}

/**
 * rtk_server_intake_is_busy:
 * @message: a request
 *
 * Returns: whether its body was dropped because others hold too much
 */
gboolean
rtk_server_intake_is_busy (SoupServerMessage *message)
{
  const Body *body = g_object_get_data (G_OBJECT (message), BODY);

  return body != NULL && body->is_busy;
}

/**
 * rtk_server_intake_get_kept:
 * @message: a request
 *
 * Returns: bytes of its body in memory
 */
gsize
rtk_server_intake_get_kept (SoupServerMessage *message)
{
  const Body *body = g_object_get_data (G_OBJECT (message), BODY);

  return body != NULL ? body->kept : 0;
}

/**
 * rtk_server_intake_get_held:
 * @self: the intake
 *
 * Returns: bytes of all bodies in memory
 */
gsize
rtk_server_intake_get_held (RtkServerIntake *self)
{
  return *self->held;
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
  RtkServerIntake *self = user_data;
  GSocket         *socket = soup_server_message_get_socket (message);

  if (socket == NULL)
    return;
  /* Whoever neither sends nor reads for so long holds a descriptor that others need. */
  g_socket_set_timeout (socket, (guint)self->config->idle_seconds);
  rtk_server_pace_watch (message, (guint)self->config->idle_seconds);
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

/**
 * rtk_server_intake_new:
 * @config: settings; must outlive the intake
 * @server: whose connections are watched
 *
 * Returns: (transfer full): the intake; to be freed after @server was disconnected
 */
RtkServerIntake *
rtk_server_intake_new (const RtkServerConfig *config, SoupServer *server)
{
  RtkServerIntake *self = g_new0 (RtkServerIntake, 1);

  self->config = config;
  self->held = g_rc_box_new0 (gsize);
  g_signal_connect (server, "request-started", G_CALLBACK (request_started_cb), self);
  if (!soup_check_version (3, 3, 0))
    g_signal_connect (server, "request-finished", G_CALLBACK (request_finished_cb), NULL);
  return self;
}

/**
 * rtk_server_intake_free:
 * @self: (transfer full): the intake of a server that is disconnected
 *
 * Frees the intake.
 */
void
rtk_server_intake_free (RtkServerIntake *self)
{
  g_rc_box_release (self->held);
  g_free (self);
}
