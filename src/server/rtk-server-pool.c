/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-pool.h"

#include <string.h>

/* Two parts can be hashed beside each other; more only fight for the disk. */
#define N_UPLOADERS 2
#define MAX_SEATS 40

struct _RtkServerPool {
  RtkWorker     *workers[MAX_SEATS]; /* (owned) */
  RtkServerSeat *seats[MAX_SEATS];   /* (owned): outlive their workers */
  guint          first[RTK_SERVER_N_LANES + 1];
};

static void
close_seat (gpointer data)
{
  RtkServerSeat *seat = data;

  g_clear_pointer (&seat->store, rtk_server_store_close);
}

/**
 * rtk_server_lane_get_name:
 * @lane: a lane
 *
 * Returns: its name, for threads and metrics
 */
const char *
rtk_server_lane_get_name (RtkServerLane lane)
{
  static const char *const names[] = {"write", "read", "slow", "upload", "picture", "bulk"};

  return names[lane];
}

/**
 * rtk_server_lane_of_route:
 * @route: a route
 *
 * Returns: where its calls are worked on
 */
RtkServerLane
rtk_server_lane_of_route (const RtkServerRoute *route)
{
  if (route->handler == rtk_server_upload_patch)
    return RTK_SERVER_LANE_UPLOAD;
  if (route->handler == rtk_server_thumbnail_get)
    return RTK_SERVER_LANE_PICTURE;
  /* A search looks through a whole batch, then waits for the lock to be written down. */
  if (route->handler == rtk_server_roster_post || route->handler == rtk_server_roster_find)
    return RTK_SERVER_LANE_BULK;
  if (route->is_slow)
    return RTK_SERVER_LANE_SLOW;
  return rtk_server_route_is_reading (route) ? RTK_SERVER_LANE_READ : RTK_SERVER_LANE_WRITE;
}

static gboolean
add_worker (RtkServerPool         *self,
            RtkServerLane          lane,
            const RtkServerConfig *config,
            const RtkServerKeys   *keys,
            RtkServerCommitFunc    committed,
            gpointer               user_data,
            GError               **error)
{
  guint           n = self->first[lane + 1];
  RtkServerStore *store = rtk_server_store_open (config, keys, error);

  if (store == NULL)
    return FALSE;
  rtk_server_db_watch (store->db, committed, user_data);
  self->seats[n] = g_new0 (RtkServerSeat, 1);
  self->seats[n]->store = store;
  self->workers[n] = rtk_worker_new (rtk_server_lane_get_name (lane), self->seats[n], close_seat);
  self->first[lane + 1]++;
  return TRUE;
}

/**
 * rtk_server_pool_new:
 * @config: settings; must outlive the pool
 * @keys: keys; must outlive the pool
 * @committed: is told of each commit, on the thread that made it, before the call is answered
 * @user_data: for @committed
 * @error: return location
 *
 * Starts the workers.
 *
 * Returns: (transfer full): the pool
 */
RtkServerPool *
rtk_server_pool_new (const RtkServerConfig *config,
                     const RtkServerKeys   *keys,
                     RtkServerCommitFunc    committed,
                     gpointer               user_data,
                     GError               **error)
{
  g_autoptr (RtkServerPool) self = g_new0 (RtkServerPool, 1);
  const guint numbers[RTK_SERVER_N_LANES] = {
      [RTK_SERVER_LANE_WRITE] = 1,   [RTK_SERVER_LANE_READ] = (guint)CLAMP (config->readers, 1, 32),
      [RTK_SERVER_LANE_SLOW] = 1,    [RTK_SERVER_LANE_UPLOAD] = N_UPLOADERS,
      [RTK_SERVER_LANE_PICTURE] = 1, [RTK_SERVER_LANE_BULK] = 1,
  };

  for (guint lane = 0; lane < RTK_SERVER_N_LANES; lane++) {
    self->first[lane + 1] = self->first[lane];
    for (guint i = 0; i < numbers[lane]; i++)
      if (!add_worker (self, lane, config, keys, committed, user_data, error))
        return NULL;
  }
  return g_steal_pointer (&self);
}

/**
 * rtk_server_pool_free:
 * @self: (transfer full): a pool
 *
 * Does what still waits, then ends the workers.
 */
void
rtk_server_pool_free (RtkServerPool *self)
{
  for (guint i = 0; i < MAX_SEATS; i++) {
    g_clear_pointer (&self->workers[i], rtk_worker_free);
    g_free (self->seats[i]);
  }
  g_free (self);
}

/**
 * rtk_server_pool_push:
 * @self: a pool
 * @lane: where
 * @task: see rtk_worker_push()
 * @func: the work; gets the #RtkServerSeat, and ends with rtk_server_seat_done()
 *
 * Adds a task to the shortest queue of a lane.
 */
void
rtk_server_pool_push (RtkServerPool *self, RtkServerLane lane, GTask *task, RtkWorkerFunc func)
{
  guint best = self->first[lane];

  for (guint i = best + 1; i < self->first[lane + 1]; i++)
    if (g_atomic_int_get (&self->seats[i]->waiting) <
        g_atomic_int_get (&self->seats[best]->waiting))
      best = i;
  g_atomic_int_inc (&self->seats[best]->waiting);
  rtk_worker_push (self->workers[best], task, func);
}

/**
 * rtk_server_seat_done:
 * @seat: a worker's state
 *
 * Counts a task as done. On the worker, before the task returns.
 */
void
rtk_server_seat_done (RtkServerSeat *seat)
{
  g_atomic_int_add (&seat->waiting, -1);
}

/**
 * rtk_server_pool_get_waiting:
 * @self: a pool
 * @lane: where
 *
 * Returns: tasks that wait or are worked on
 */
guint
rtk_server_pool_get_waiting (RtkServerPool *self, RtkServerLane lane)
{
  int n = 0;

  for (guint i = self->first[lane]; i < self->first[lane + 1]; i++)
    n += g_atomic_int_get (&self->seats[i]->waiting);
  return (guint)MAX (n, 0);
}
