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
/* Bytes that are kept of the body of a caller who is not known yet. */
#define UNKNOWN_BODY 65536
/* Beside one photo of the largest size: bytes of bodies that are held at the same time. */
#define SPARE_BYTES (16 * 1024 * 1024)
#define BODY "rtk-body"
#define SOCKET "rtk-socket"
#define IDLE "rtk-idle"

/* Who shares a budget: whatever one kind of callers sends, the others have their own. */
typedef enum {
  POT_UNKNOWN, /* nobody, and who was not here lately: small bodies */
  POT_ACCOUNT,
  POT_STAFF,
  N_POTS
} Pot;

/* Bytes of all bodies in memory. Shared by the bodies, which may outlive the server. */
typedef struct {
  gsize       pots[N_POTS];
  GHashTable *people; /* (owned): name -> bytes of the bodies of one caller */
} Held;

struct _RtkServerIntake {
  const RtkServerConfig *config; /* (unowned) */
  RtkServerLimits       *limits; /* (unowned) */
  Held                  *held;   /* (owned) */
};

/* The body of one request. */
typedef struct {
  GThread    *thread; /* (unowned): the one that made it, and must end it */
  Held       *held;   /* (owned) */
  Pot         pot;
  char       *person;    /* (owned) (nullable): for @POT_ACCOUNT and @POT_STAFF */
  gsize       most;      /* bytes that may be held in the pot */
  gsize       most_each; /* of these by one caller */
  GByteArray *bytes;     /* (owned) (nullable): NULL once it is dropped */
  gsize       expected;  /* what was announced; 0 = nothing */
  gsize       kept;
  gsize       seen;
  gsize       limit;
  gboolean    is_busy; /* dropped because others hold too much */
  gboolean    is_cut;  /* dropped because it is not known who sends it */
} Body;

static void
held_clear (gpointer data)
{
  Held *held = data;

  g_hash_table_unref (held->people);
}

static gsize
get_of_person (Body *body)
{
  return body->person != NULL
             ? GPOINTER_TO_SIZE (g_hash_table_lookup (body->held->people, body->person))
             : 0;
}

static void
count (Body *body, gsize kept)
{
  gsize of_person = get_of_person (body) + kept - body->kept;

  body->held->pots[body->pot] += kept - body->kept;
  body->kept = kept;
  if (body->person != NULL && of_person > 0)
    g_hash_table_replace (body->held->people, g_strdup (body->person),
                          GSIZE_TO_POINTER (of_person));
  else if (body->person != NULL)
    g_hash_table_remove (body->held->people, body->person);
}

static void
drop_body (Body *body)
{
  g_clear_pointer (&body->bytes, g_byte_array_unref);
  count (body, 0);
}

static void
body_free (gpointer data)
{
  Body *body = data;

  /* What all bodies count has no lock. */
  g_warn_if_fail (body->thread == g_thread_self ());
  drop_body (body);
  g_rc_box_release_full (body->held, held_clear);
  g_free (body->person);
  g_free (body);
}

/* libsoup keeps nothing of it: to join its pieces it would hold all of them twice. */
static void
got_chunk_cb (SoupServerMessage *message, GBytes *chunk, gpointer user_data)
{
  Body         *body = user_data;
  gsize         size;
  gconstpointer data = g_bytes_get_data (chunk, &size);

  body->seen += size;
  if (body->bytes == NULL)
    return;
  body->is_busy = body->held->pots[body->pot] + size > body->most ||
                  get_of_person (body) + size > body->most_each;
  body->is_cut = body->pot == POT_UNKNOWN && body->seen > UNKNOWN_BODY;
  if (body->is_busy || body->is_cut || body->seen > body->limit) {
    drop_body (body);
    return;
  }
  /* At once for all of it: it does not move while it grows, and what is not written takes nothing.
   */
  if (body->bytes->len == 0 && body->expected > 0) {
    g_byte_array_unref (body->bytes);
    body->bytes = g_byte_array_sized_new ((guint)body->expected);
  }
  g_byte_array_append (body->bytes, data, (guint)size);
  count (body, body->kept + size);
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

/* Whose budget the body takes from. */
static void
choose_pot (RtkServerIntake *self, Body *body, SoupMessageHeaders *headers)
{
  gboolean is_staff;

  body->pot = POT_UNKNOWN;
  body->most = SPARE_BYTES;
  body->most_each = G_MAXSIZE;
  if (!rtk_server_limits_find (self->limits,
                               soup_message_headers_get_one (headers, "Authorization"), &is_staff,
                               &body->person))
    return;
  body->pot = is_staff ? POT_STAFF : POT_ACCOUNT;
  body->most = (gsize)self->config->max_upload + SPARE_BYTES;
  body->most_each = (gsize)MAX (self->config->max_upload, self->config->max_body);
}

/**
 * rtk_server_intake_begin:
 * @self: the intake
 * @message: a request whose headers are here
 * @route: (nullable): where it goes
 *
 * Before the body is read: how large it may be. What is beyond that is dropped, never kept; so is
 * all that comes from nobody to where somebody must be signed in, and what is large and comes from
 * somebody who is not known yet.
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
  goffset             announced = soup_message_headers_get_content_length (headers);
  gboolean            fits;
  gboolean            is_nobody = route != NULL && (route->who & RTK_SERVER_PUBLIC) == 0 &&
                       soup_message_headers_get_one (headers, "Authorization") == NULL;

  /* Most requests have none. */
  if (soup_message_headers_get_encoding (headers) == SOUP_ENCODING_NONE)
    return TRUE;
  body = g_new0 (Body, 1);
  body->thread = g_thread_self ();
  body->held = g_rc_box_acquire (self->held);
  choose_pot (self, body, headers);
  body->limit = get_limit (self, route);
  fits = announced <= (goffset)body->limit;
  body->expected = fits ? (gsize)announced : 0;
  if (!is_nobody && fits)
    body->bytes = g_byte_array_new ();
  g_object_set_data_full (G_OBJECT (message), BODY, body, body_free);
  soup_message_body_set_accumulate (soup_server_message_get_request_body (message), FALSE);
  g_signal_connect (message, "got-chunk", G_CALLBACK (got_chunk_cb), body);
  return fits;
}

/**
 * rtk_server_intake_take:
 * @message: a request
 * @out_is_cut: (out): whether it was not kept because it was not known who sends it
 *
 * Takes the body; it is counted until @message ends.
 *
 * Returns: (transfer full): what was kept of it
 */
GBytes *
rtk_server_intake_take (SoupServerMessage *message, gboolean *out_is_cut)
{
  Body *body = g_object_get_data (G_OBJECT (message), BODY);

  *out_is_cut = body != NULL && body->is_cut;
  if (body == NULL || body->bytes == NULL)
    return g_bytes_new (NULL, 0);
  return g_byte_array_free_to_bytes (g_steal_pointer (&body->bytes));
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
  gsize sum = 0;

  for (guint i = 0; i < N_POTS; i++)
    sum += self->held->pots[i];
  return sum;
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
 * @limits: knows who was here lately; must outlive the intake
 * @server: whose connections are watched
 *
 * Returns: (transfer full): the intake; to be freed after @server was disconnected
 */
RtkServerIntake *
rtk_server_intake_new (const RtkServerConfig *config, RtkServerLimits *limits, SoupServer *server)
{
  RtkServerIntake *self = g_new0 (RtkServerIntake, 1);

  self->config = config;
  self->limits = limits;
  self->held = g_rc_box_new0 (Held);
  self->held->people = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
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
  g_rc_box_release_full (self->held, held_clear);
  g_free (self);
}
