/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-clock.h"
#include "core/rtk-store.h"
#include "core/rtk-transport.h"
#include "core/rtk-vault.h"

G_BEGIN_DECLS

/**
 * RtkSyncState:
 * @RTK_SYNC_STOPPED: not started
 * @RTK_SYNC_SIGNED_OUT: sign in first; work goes on, sending waits
 * @RTK_SYNC_IDLE: all that can be done is done (see "error" for an operation that was put off)
 * @RTK_SYNC_WORKING: pulling or pushing
 * @RTK_SYNC_OFFLINE: the server cannot be reached; tried again at "next-try"
 * @RTK_SYNC_FAILED: it answers but something else fails (see "error"); tried again at "next-try"
 *
 * Where the exchange with the server stands.
 */
typedef enum {
  RTK_SYNC_STOPPED,
  RTK_SYNC_SIGNED_OUT,
  RTK_SYNC_IDLE,
  RTK_SYNC_WORKING,
  RTK_SYNC_OFFLINE,
  RTK_SYNC_FAILED,
} RtkSyncState;

/**
 * RtkSyncCounts:
 * @pulled: orders received
 * @uploaded: photos sent
 * @applied: operations the server did
 * @duplicate: operations it had done before
 * @conflict: operations that a person must decide
 * @refused: operations it refused for good
 * @failed: operations that could not be sent this time; they stay in the outbox
 *
 * What was done since the start, or in one rtk_sync_session_sync_once_async().
 */
typedef struct {
  guint pulled;
  guint uploaded;
  guint applied;
  guint duplicate;
  guint conflict;
  guint refused;
  guint failed;
} RtkSyncCounts;

#define RTK_TYPE_SYNC_SESSION (rtk_sync_session_get_type ())

/* The exchange with the central server: pulls orders, sends the outbox, and picks up where it was
 * after anything. Main thread.
 *
 * Properties (read-only): "state" (int of RtkSyncState), "waiting" (guint: operations not done yet,
 *   held ones included), "attention" (guint: operations that a person must look at), "error"
 *   (GError, nullable: of the last round), "last-sync" (gint64, wall clock of the last complete
 *   round, 0 = never), "offline-since" (gint64, 0 = not offline), "next-try" (gint64, 0 = none).
 *   Read and write: "interval-seconds" (guint, 15). */
G_DECLARE_FINAL_TYPE (RtkSyncSession, rtk_sync_session, RTK, SYNC_SESSION, GObject)

RtkSyncSession *rtk_sync_session_new (RtkStore     *store,
                                      RtkVault     *vault,
                                      RtkTransport *transport,
                                      RtkClock     *clock) G_GNUC_WARN_UNUSED_RESULT;

void rtk_sync_session_sign_in_async (RtkSyncSession     *self,
                                     const char         *user,
                                     const char         *password,
                                     GCancellable       *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer            user_data);
gboolean
rtk_sync_session_sign_in_finish (RtkSyncSession *self, GAsyncResult *result, GError **error);

/* Rounds by themselves from now on, until rtk_sync_session_stop(). */
void rtk_sync_session_start (RtkSyncSession *self);
void rtk_sync_session_stop (RtkSyncSession *self);
/* A round now, whatever the back-off says (somebody pressed "retry", or something was released). */
void rtk_sync_session_poke (RtkSyncSession *self);

/* Does what is due by the clock. It is called by itself in time. */
void rtk_sync_session_settle (RtkSyncSession *self);

/* One round to its end: everything pulled and everything that may be sent was tried. */
void     rtk_sync_session_sync_once_async (RtkSyncSession     *self,
                                           GCancellable       *cancellable,
                                           GAsyncReadyCallback callback,
                                           gpointer            user_data);
gboolean rtk_sync_session_sync_once_finish (RtkSyncSession *self,
                                            GAsyncResult   *result,
                                            RtkSyncCounts  *out_counts,
                                            GError        **error);

RtkSyncState  rtk_sync_session_get_state (RtkSyncSession *self);
guint         rtk_sync_session_get_waiting (RtkSyncSession *self);
guint         rtk_sync_session_get_attention (RtkSyncSession *self);
const GError *rtk_sync_session_get_error (RtkSyncSession *self);
gint64        rtk_sync_session_get_last_sync (RtkSyncSession *self);
gint64        rtk_sync_session_get_offline_since (RtkSyncSession *self);
gint64        rtk_sync_session_get_next_try (RtkSyncSession *self);

G_END_DECLS
