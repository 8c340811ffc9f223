/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-pace.h"

/* Bytes of a body a second, on the average, below which nobody is on the other end who means it: a
 * photo takes hours at that speed. */
#define LEAST_BYTES 128
/* Nor is a body in memory for longer than that: the more has come, the faster the rest must. Of an
 * upload what has come is kept. */
#define BODY_SECONDS 900
#define PACE "rtk-pace"

typedef struct {
  GSocket *socket; /* (owned) */
  guint    source;
  guint    seconds;
  gboolean has_head;
  gsize    seen;
  gsize    seen_before; /* at the last look */
} Pace;

static void
pace_free (gpointer data)
{
  Pace *self = data;

  g_clear_handle_id (&self->source, g_source_remove);
  g_object_unref (self->socket);
  g_free (self);
}

static gboolean
look_cb (gpointer data)
{
  Pace *self = data;

  gsize least = (gsize)self->seconds * MAX (LEAST_BYTES, self->seen_before / BODY_SECONDS);

  if (self->has_head && self->seen - self->seen_before >= least) {
    self->seen_before = self->seen;
    return G_SOURCE_CONTINUE;
  }
  self->source = 0;
  /* libsoup sees the end of the stream and tidies up. */
  (void)g_socket_shutdown (self->socket, TRUE, TRUE, NULL);
  return G_SOURCE_REMOVE;
}

static void
got_headers_cb (SoupServerMessage *message, gpointer data)
{
  Pace *self = data;

  self->has_head = TRUE;
}

static void
got_chunk_cb (SoupServerMessage *message, GBytes *chunk, gpointer data)
{
  Pace *self = data;

  self->seen += g_bytes_get_size (chunk);
}

static void
got_body_cb (SoupServerMessage *message, gpointer data)
{
  Pace *self = data;

  g_clear_handle_id (&self->source, g_source_remove);
}

/**
 * rtk_server_pace_watch:
 * @message: a request that is waited for
 * @seconds: in which its headers must be here, and every part of its body come at some speed
 *
 * Hangs up on whoever sends a byte now and then: such a connection is never idle and never done.
 * Main thread.
 */
void
rtk_server_pace_watch (SoupServerMessage *message, guint seconds)
{
  GSocket *socket = soup_server_message_get_socket (message);
  Pace    *self;

  if (socket == NULL || seconds == 0)
    return;
  self = g_new0 (Pace, 1);
  self->socket = g_object_ref (socket);
  self->seconds = seconds;
  self->source = g_timeout_add_seconds (seconds, look_cb, self);
  g_object_set_data_full (G_OBJECT (message), PACE, self, pace_free);
  g_signal_connect (message, "got-headers", G_CALLBACK (got_headers_cb), self);
  g_signal_connect (message, "got-chunk", G_CALLBACK (got_chunk_cb), self);
  g_signal_connect (message, "got-body", G_CALLBACK (got_body_cb), self);
}
