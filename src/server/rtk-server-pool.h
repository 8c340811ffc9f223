/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-worker.h"
#include "server/rtk-server-call.h"

G_BEGIN_DECLS

/**
 * RtkServerLane:
 * @RTK_SERVER_LANE_WRITE: the one writer: calls that change something, and the jobs
 * @RTK_SERVER_LANE_READ: several readers beside it, each sees the last commit
 * @RTK_SERVER_LANE_SLOW: password hashing
 * @RTK_SERVER_LANE_UPLOAD: parts of photos: files are written and hashed outside a transaction
 * @RTK_SERVER_LANE_PICTURE: thumbnails
 * @RTK_SERVER_LANE_BULK: lists of very many: read outside a transaction
 *
 * Where a call is worked on, so that no kind holds up another.
 */
typedef enum {
  RTK_SERVER_LANE_WRITE,
  RTK_SERVER_LANE_READ,
  RTK_SERVER_LANE_SLOW,
  RTK_SERVER_LANE_UPLOAD,
  RTK_SERVER_LANE_PICTURE,
  RTK_SERVER_LANE_BULK,
  RTK_SERVER_N_LANES,
} RtkServerLane;

/**
 * RtkServerSeat:
 * @store: the worker's connection
 * @waiting: tasks that were pushed and are not done, atomic
 *
 * State of one worker; what the work functions get.
 */
typedef struct {
  RtkServerStore *store; /* (owned): touched by the worker alone */
  int             waiting;
} RtkServerSeat;

/* The workers of a server, each with a connection of its own. Main thread. */
typedef struct _RtkServerPool RtkServerPool;

RtkServerPool *rtk_server_pool_new (const RtkServerConfig *config,
                                    const RtkServerKeys   *keys,
                                    RtkServerCommitFunc    committed,
                                    gpointer               user_data,
                                    GError               **error) G_GNUC_WARN_UNUSED_RESULT;
void           rtk_server_pool_free (RtkServerPool *self);
void
rtk_server_pool_push (RtkServerPool *self, RtkServerLane lane, GTask *task, RtkWorkerFunc func);
void          rtk_server_seat_done (RtkServerSeat *seat);
guint         rtk_server_pool_get_waiting (RtkServerPool *self, RtkServerLane lane);
const char   *rtk_server_lane_get_name (RtkServerLane lane);
RtkServerLane rtk_server_lane_of_route (const RtkServerRoute *route);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkServerPool, rtk_server_pool_free)

G_END_DECLS
