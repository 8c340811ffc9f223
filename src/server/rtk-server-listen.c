/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-listen.h"

#include "server/rtk-server-db-private.h"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* After a connection was lost, until it is tried again. */
#define AGAIN_MS 500

struct _RtkServerListener {
  GMutex        mutex;
  GMainContext *context; /* (owned): where @moved is called */
  GSource      *source;  /* (owned) (nullable) (lock mutex): the call that is on its way */
  GSourceFunc   moved;
  gpointer      user_data;
  char         *address; /* (owned) */
  GThread      *thread;  /* (owned) (nullable): listens to PostgreSQL */
  int           stop_fd; /* readable once the thread is to end; -1 without one */
};

/* Listeners of this process to databases that only it writes. */
static GMutex     list_mutex;
static GPtrArray *list; /* (lock list_mutex) (nullable) */

static gboolean
call_cb (gpointer user_data)
{
  RtkServerListener *self = user_data;

  g_mutex_lock (&self->mutex);
  g_clear_pointer (&self->source, g_source_unref);
  g_mutex_unlock (&self->mutex);
  (void)self->moved (self->user_data);
  return G_SOURCE_REMOVE;
}

/* Has the listener called, once, however often this is asked for meanwhile. */
static void
hint (RtkServerListener *self)
{
  g_mutex_lock (&self->mutex);
  if (self->source == NULL) {
    self->source = g_idle_source_new ();
    g_source_set_priority (self->source, G_PRIORITY_DEFAULT);
    g_source_set_callback (self->source, call_cb, self, NULL);
    g_source_attach (self->source, self->context);
  }
  g_mutex_unlock (&self->mutex);
}

/**
 * rtk_server_listeners_hint:
 * @address: of a database in which a commit moved the feed
 *
 * Tells the listeners of this process. Any thread.
 */
void
rtk_server_listeners_hint (const char *address)
{
  g_mutex_lock (&list_mutex);
  for (guint i = 0; list != NULL && i < list->len; i++) {
    RtkServerListener *self = g_ptr_array_index (list, i);

    if (g_str_equal (self->address, address))
      hint (self);
  }
  g_mutex_unlock (&list_mutex);
}

/* Whether the thread is to end; waits for that, or for @fd, or for so many milliseconds. */
static gboolean
wait_for (RtkServerListener *self, int fd, int timeout_ms)
{
  struct pollfd fds[] = {{self->stop_fd, POLLIN, 0}, {fd, POLLIN, 0}};

  (void)poll (fds, fd >= 0 ? 2 : 1, timeout_ms);
  return fds[0].revents != 0;
}

/* Reads what comes until the connection is lost. */
static gboolean
follow (RtkServerListener *self, PGconn *connection)
{
  PGresult *result = PQexec (connection, "LISTEN " RTK_SERVER_CHANNEL);
  gboolean  ended = FALSE;

  PQclear (result);
  /* What moved before is not heard of any more. */
  hint (self);
  while (!ended && PQstatus (connection) == CONNECTION_OK) {
    PGnotify *notify;
    gboolean  heard = FALSE;

    ended = wait_for (self, PQsocket (connection), -1);
    (void)PQconsumeInput (connection);
    while ((notify = PQnotifies (connection)) != NULL) {
      heard = TRUE;
      PQfreemem (notify);
    }
    if (heard)
      hint (self);
  }
  return ended;
}

static gpointer
run (gpointer data)
{
  RtkServerListener *self = data;
  gboolean           ended = FALSE;

  while (!ended) {
    PGconn *connection = rtk_server_postgres_connect (self->address);

    if (PQstatus (connection) == CONNECTION_OK)
      ended = follow (self, connection);
    PQfinish (connection);
    ended = ended || wait_for (self, -1, AGAIN_MS);
  }
  return NULL;
}

/**
 * rtk_server_db_listen:
 * @address: as for rtk_server_db_open()
 * @moved: called in the caller's thread-default main context; what it returns does not matter
 * @user_data: for @moved
 *
 * Listens for commits that move the feed, see rtk_server_db_move(). In PostgreSQL those of any
 * process, over a connection of its own on a thread of its own, which is made again whenever it is
 * lost; an SQLite database is written by one process, which tells itself.
 *
 * Returns: (transfer full): the listener; free it in the thread that made it
 */
RtkServerListener *
rtk_server_db_listen (const char *address, GSourceFunc moved, gpointer user_data)
{
  RtkServerListener *self = g_new0 (RtkServerListener, 1);

  g_mutex_init (&self->mutex);
  self->context = g_main_context_ref_thread_default ();
  self->address = g_strdup (address);
  self->moved = moved;
  self->user_data = user_data;
  self->stop_fd = -1;
  if (rtk_server_address_is_postgres (address)) {
    self->stop_fd = eventfd (0, EFD_CLOEXEC);
    g_assert (self->stop_fd >= 0);
    self->thread = g_thread_new ("listen", run, self);
    return self;
  }
  g_mutex_lock (&list_mutex);
  if (list == NULL)
    list = g_ptr_array_new ();
  g_ptr_array_add (list, self);
  g_mutex_unlock (&list_mutex);
  return self;
}

/**
 * rtk_server_db_unlisten:
 * @self: (transfer full): a listener
 *
 * Ends it: its function is not called any more. May wait for a connection that is being made, at
 * most a few seconds.
 */
void
rtk_server_db_unlisten (RtkServerListener *self)
{
  guint64 one = 1;

  if (self->thread != NULL) {
    (void)!write (self->stop_fd, &one, sizeof one);
    g_thread_join (self->thread);
    close (self->stop_fd);
  } else {
    g_mutex_lock (&list_mutex);
    g_ptr_array_remove (list, self);
    if (list->len == 0)
      g_clear_pointer (&list, g_ptr_array_unref);
    g_mutex_unlock (&list_mutex);
  }
  if (self->source != NULL) {
    g_source_destroy (self->source);
    g_source_unref (self->source);
  }
  g_main_context_unref (self->context);
  g_mutex_clear (&self->mutex);
  g_free (self->address);
  g_free (self);
}
