/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-store.h"
#include "core/rtk-vault.h"

G_BEGIN_DECLS

/**
 * RtkRole:
 *
 * What a member of staff may do; each includes the one before it only where the server says so.
 */
typedef enum {
  RTK_ROLE_OPERATOR,   /* operator */
  RTK_ROLE_REVIEWER,   /* reviewer */
  RTK_ROLE_SUPERVISOR, /* supervisor */
} RtkRole;

const char *rtk_role_to_string (RtkRole role);
gboolean    rtk_role_from_string (const char *name, RtkRole *out_role);

/**
 * RtkServerState:
 * @RTK_SERVER_SIGNED_OUT: no session: sign in first
 * @RTK_SERVER_ONLINE: the last call was answered
 * @RTK_SERVER_OFFLINE: the last call did not get through; tried again by itself
 */
typedef enum {
  RTK_SERVER_SIGNED_OUT,
  RTK_SERVER_ONLINE,
  RTK_SERVER_OFFLINE,
} RtkServerState;

#define RTK_TYPE_TRANSPORT (rtk_transport_get_type ())

/* The way to the central server. Main thread, asynchronous. Does not retry by itself: sync does.
 *
 * Properties: "state" (int of RtkServerState), "user" (char*, nullable), "role" (int of RtkRole),
 *   "station-id" (char*, nullable), "code-key" (GBytes, nullable: K_station, until it is taken over
 *   by the store). */
G_DECLARE_INTERFACE (RtkTransport, rtk_transport, RTK, TRANSPORT, GObject)

/**
 * RtkProgressFunc:
 * @done: bytes sent
 * @total: bytes in all
 * @user_data: what was given with it
 */
typedef void (*RtkProgressFunc) (gint64 done, gint64 total, gpointer user_data);

/**
 * RtkTransportInterface:
 * @sign_in_async: POST /v1/session, then enrols the station's key; afterwards "user", "role" and
 *   "station-id" are set
 * @pull_async: GET /v1/changes; (answer: RtkChangePage)
 * @push_async: POST /v1/operations; (answer: GPtrArray of RtkResult, one an operation, same order)
 * @upload_async: sends a blob of @vault by tus, resuming where the server stands; success means the
 *   server confirmed the checksum
 * @fetch_async: GET /v1/photos/SHA256; (answer: GBytes whose checksum was verified)
 *
 * Errors: %RTK_ERROR_OFFLINE, %RTK_ERROR_UNAUTHORIZED, %RTK_ERROR_FORBIDDEN, %RTK_ERROR_REFUSED,
 * %RTK_ERROR_SERVER, %RTK_ERROR_BAD_MESSAGE.
 */
struct _RtkTransportInterface {
  GTypeInterface parent_iface;

  void (*sign_in_async) (RtkTransport       *self,
                         const char         *user,
                         const char         *password,
                         GCancellable       *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer            user_data);
  void (*pull_async) (RtkTransport       *self,
                      const char         *cursor,
                      guint               limit,
                      GCancellable       *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer            user_data);
  RtkChangePage *(*pull_finish) (RtkTransport *self, GAsyncResult *result, GError **error);
  void (*push_async) (RtkTransport       *self,
                      GPtrArray          *operations,
                      GCancellable       *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer            user_data);
  GPtrArray *(*push_finish) (RtkTransport *self, GAsyncResult *result, GError **error);
  void (*upload_async) (RtkTransport       *self,
                        const char         *sha256,
                        RtkVault           *vault,
                        RtkProgressFunc     progress,
                        gpointer            progress_data,
                        GCancellable       *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer            user_data);
  void (*fetch_async) (RtkTransport       *self,
                       const char         *sha256,
                       GCancellable       *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer            user_data);
  GBytes *(*fetch_finish) (RtkTransport *self, GAsyncResult *result, GError **error);
  gboolean (*done_finish) (RtkTransport *self, GAsyncResult *result, GError **error);
};

void           rtk_transport_sign_in_async (RtkTransport       *self,
                                            const char         *user,
                                            const char         *password,
                                            GCancellable       *cancellable,
                                            GAsyncReadyCallback callback,
                                            gpointer            user_data);
void           rtk_transport_pull_async (RtkTransport       *self,
                                         const char         *cursor,
                                         guint               limit,
                                         GCancellable       *cancellable,
                                         GAsyncReadyCallback callback,
                                         gpointer            user_data);
RtkChangePage *rtk_transport_pull_finish (RtkTransport *self, GAsyncResult *result, GError **error);
void           rtk_transport_push_async (RtkTransport       *self,
                                         GPtrArray          *operations,
                                         GCancellable       *cancellable,
                                         GAsyncReadyCallback callback,
                                         gpointer            user_data);
GPtrArray     *rtk_transport_push_finish (RtkTransport *self, GAsyncResult *result, GError **error);
void           rtk_transport_upload_async (RtkTransport       *self,
                                           const char         *sha256,
                                           RtkVault           *vault,
                                           RtkProgressFunc     progress,
                                           gpointer            progress_data,
                                           GCancellable       *cancellable,
                                           GAsyncReadyCallback callback,
                                           gpointer            user_data);
void           rtk_transport_fetch_async (RtkTransport       *self,
                                          const char         *sha256,
                                          GCancellable       *cancellable,
                                          GAsyncReadyCallback callback,
                                          gpointer            user_data);
GBytes  *rtk_transport_fetch_finish (RtkTransport *self, GAsyncResult *result, GError **error);
gboolean rtk_transport_done_finish (RtkTransport *self, GAsyncResult *result, GError **error);
RtkServerState rtk_transport_get_state (RtkTransport *self);
char          *rtk_transport_dup_user (RtkTransport *self);
char          *rtk_transport_dup_station_id (RtkTransport *self);
GBytes        *rtk_transport_dup_code_key (RtkTransport *self);
RtkRole        rtk_transport_get_role (RtkTransport *self);

G_END_DECLS
