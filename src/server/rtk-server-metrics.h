/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-live.h"

G_BEGIN_DECLS

/* What this process has done and does, as OpenMetrics text. Main thread. */
typedef struct _RtkServerMetrics RtkServerMetrics;

/**
 * RtkServerGauges:
 * @pool: its queues
 * @live: its sockets
 * @held_bytes: of bodies in memory
 * @n_commits: of this process
 *
 * What is asked for when metrics are written.
 */
typedef struct {
  RtkServerPool *pool;
  RtkServerLive *live;
  gsize          held_bytes;
  int            n_commits;
} RtkServerGauges;

RtkServerMetrics *rtk_server_metrics_new (void) G_GNUC_WARN_UNUSED_RESULT;
void              rtk_server_metrics_free (RtkServerMetrics *self);
void              rtk_server_metrics_count (RtkServerMetrics *self, const RtkServerCall *call);
void              rtk_server_metrics_finish (RtkServerMetrics      *self,
                                             const RtkServerGauges *gauges,
                                             RtkServerCall         *call);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkServerMetrics, rtk_server_metrics_free)

G_END_DECLS
