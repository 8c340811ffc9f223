/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "session/rtk-sync-round-private.h"

G_BEGIN_DECLS

/* Main thread only. */
struct _RtkSyncSession {
  GObject       parent_instance;
  RtkStore     *store;     /* (owned) */
  RtkVault     *vault;     /* (owned) */
  RtkTransport *transport; /* (owned) */
  RtkClock     *clock;     /* (owned) */

  gboolean      started;
  RtkSyncState  state;
  RtkSyncRound *round;   /* (owned) (nullable): that runs */
  GQueue        waiters; /* (element-type GTask): of the round that runs */
  GQueue        next;    /* (element-type GTask): of the round after it */
  gboolean      again;   /* another round when this one is over */
  gboolean      recovered;
  char         *epoch; /* (owned) (nullable) */
  guint         failures;
  guint         attention;
  guint         interval_seconds;
  gint64        last_sync;
  gint64        offline_since;
  gint64        next_try;
  guint         timeout_id;
  GError       *error; /* (owned) (nullable) */
};

G_END_DECLS
