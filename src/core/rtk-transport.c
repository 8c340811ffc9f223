/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-transport.h"

G_DEFINE_INTERFACE (RtkTransport, rtk_transport, G_TYPE_OBJECT)

static const char *const role_names[] = {
    [RTK_ROLE_OPERATOR] = "operator",
    [RTK_ROLE_REVIEWER] = "reviewer",
    [RTK_ROLE_SUPERVISOR] = "supervisor",
};

static void
rtk_transport_default_init (RtkTransportInterface *iface)
{
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  g_object_interface_install_property (
      iface, g_param_spec_int ("state", NULL, NULL, RTK_SERVER_SIGNED_OUT, RTK_SERVER_OFFLINE,
                               RTK_SERVER_SIGNED_OUT, flags));
  g_object_interface_install_property (iface,
                                       g_param_spec_string ("user", NULL, NULL, NULL, flags));
  g_object_interface_install_property (
      iface, g_param_spec_int ("role", NULL, NULL, RTK_ROLE_OPERATOR, RTK_ROLE_SUPERVISOR,
                               RTK_ROLE_OPERATOR, flags));
  g_object_interface_install_property (iface,
                                       g_param_spec_string ("station-id", NULL, NULL, NULL, flags));
  g_object_interface_install_property (
      iface, g_param_spec_boxed ("code-key", NULL, NULL, G_TYPE_BYTES, flags));
}

/**
 * rtk_role_to_string:
 * @role: a role
 *
 * Returns: (transfer none): its name on the wire
 */
const char *
rtk_role_to_string (RtkRole role)
{
  g_return_val_if_fail ((gsize)role < G_N_ELEMENTS (role_names), NULL);
  return role_names[role];
}

/**
 * rtk_role_from_string:
 * @name: (nullable): a name on the wire
 * @out_role: (out): the role
 *
 * Returns: whether @name is a role; on %FALSE @out_role is left as it was
 */
gboolean
rtk_role_from_string (const char *name, RtkRole *out_role)
{
  for (guint i = 0; i < G_N_ELEMENTS (role_names); i++) {
    if (g_strcmp0 (name, role_names[i]) == 0) {
      *out_role = (RtkRole)i;
      return TRUE;
    }
  }
  return FALSE;
}

/**
 * rtk_transport_sign_in_async:
 * @self: a transport
 * @user: name of the member of staff
 * @password: never kept
 * @cancellable: (nullable): cancels the call
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Signs in and enrols the station's key. Finish with rtk_transport_done_finish(); a wrong name or
 * password is %RTK_ERROR_UNAUTHORIZED.
 */
void
rtk_transport_sign_in_async (RtkTransport       *self,
                             const char         *user,
                             const char         *password,
                             GCancellable       *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer            user_data)
{
  g_return_if_fail (RTK_IS_TRANSPORT (self) && user != NULL && password != NULL);
  RTK_TRANSPORT_GET_IFACE (self)->sign_in_async (self, user, password, cancellable, callback,
                                                 user_data);
}

/**
 * rtk_transport_pull_async:
 * @self: a transport
 * @cursor: where the last page ended, "" from the beginning
 * @limit: orders a page, at least 1; the server may give fewer
 * @cancellable: (nullable): cancels the call
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Asks for the next page of changes.
 */
void
rtk_transport_pull_async (RtkTransport       *self,
                          const char         *cursor,
                          guint               limit,
                          GCancellable       *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer            user_data)
{
  g_return_if_fail (RTK_IS_TRANSPORT (self) && cursor != NULL && limit > 0);
  RTK_TRANSPORT_GET_IFACE (self)->pull_async (self, cursor, limit, cancellable, callback,
                                              user_data);
}

/**
 * rtk_transport_pull_finish:
 * @self: a transport
 * @result: what the callback got
 * @error: return location
 *
 * Returns: (transfer full): the page, %NULL on error
 */
RtkChangePage *
rtk_transport_pull_finish (RtkTransport *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (RTK_IS_TRANSPORT (self) && G_IS_ASYNC_RESULT (result), NULL);
  return RTK_TRANSPORT_GET_IFACE (self)->pull_finish (self, result, error);
}

/**
 * rtk_transport_push_async:
 * @self: a transport
 * @operations: (element-type RtkOperation): what to send, not empty
 * @cancellable: (nullable): cancels the call
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Sends a batch of operations.
 */
void
rtk_transport_push_async (RtkTransport       *self,
                          GPtrArray          *operations,
                          GCancellable       *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer            user_data)
{
  g_return_if_fail (RTK_IS_TRANSPORT (self) && operations != NULL && operations->len > 0);
  RTK_TRANSPORT_GET_IFACE (self)->push_async (self, operations, cancellable, callback, user_data);
}

/**
 * rtk_transport_push_finish:
 * @self: a transport
 * @result: what the callback got
 * @error: return location
 *
 * Returns: (transfer container) (element-type RtkResult): one answer an operation in the order they
 *   were sent, %NULL on error
 */
GPtrArray *
rtk_transport_push_finish (RtkTransport *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (RTK_IS_TRANSPORT (self) && G_IS_ASYNC_RESULT (result), NULL);
  return RTK_TRANSPORT_GET_IFACE (self)->push_finish (self, result, error);
}

/**
 * rtk_transport_upload_async:
 * @self: a transport
 * @sha256: the blob's name
 * @vault: where it is read from
 * @progress: (nullable) (scope notified): told on the main thread, until @callback is called
 * @progress_data: for @progress
 * @cancellable: (nullable): cancels the call; what was sent stays on the server and is resumed
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Sends a blob, from where the server stands. Finish with rtk_transport_done_finish(): success
 * means the server confirmed the checksum.
 */
void
rtk_transport_upload_async (RtkTransport       *self,
                            const char         *sha256,
                            RtkVault           *vault,
                            RtkProgressFunc     progress,
                            gpointer            progress_data,
                            GCancellable       *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer            user_data)
{
  g_return_if_fail (RTK_IS_TRANSPORT (self) && sha256 != NULL && RTK_IS_VAULT (vault));
  RTK_TRANSPORT_GET_IFACE (self)->upload_async (self, sha256, vault, progress, progress_data,
                                                cancellable, callback, user_data);
}

/**
 * rtk_transport_fetch_async:
 * @self: a transport
 * @sha256: the photo's name
 * @cancellable: (nullable): cancels the call
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Fetches a photo and verifies its checksum.
 */
void
rtk_transport_fetch_async (RtkTransport       *self,
                           const char         *sha256,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data)
{
  g_return_if_fail (RTK_IS_TRANSPORT (self) && sha256 != NULL);
  RTK_TRANSPORT_GET_IFACE (self)->fetch_async (self, sha256, cancellable, callback, user_data);
}

/**
 * rtk_transport_fetch_finish:
 * @self: a transport
 * @result: what the callback got
 * @error: return location
 *
 * Returns: (transfer full): the photo's bytes, %NULL on error (%RTK_ERROR_NOT_FOUND when the server
 *   has no such photo)
 */
GBytes *
rtk_transport_fetch_finish (RtkTransport *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (RTK_IS_TRANSPORT (self) && G_IS_ASYNC_RESULT (result), NULL);
  return RTK_TRANSPORT_GET_IFACE (self)->fetch_finish (self, result, error);
}

/**
 * rtk_transport_done_finish:
 * @self: a transport
 * @result: what the callback of a sign-in or an upload got
 * @error: return location
 *
 * Returns: whether it was done
 */
gboolean
rtk_transport_done_finish (RtkTransport *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (RTK_IS_TRANSPORT (self) && G_IS_ASYNC_RESULT (result), FALSE);
  return RTK_TRANSPORT_GET_IFACE (self)->done_finish (self, result, error);
}

/**
 * rtk_transport_get_state:
 * @self: a transport
 *
 * Returns: how the last call went
 */
RtkServerState
rtk_transport_get_state (RtkTransport *self)
{
  int state = RTK_SERVER_SIGNED_OUT;

  g_return_val_if_fail (RTK_IS_TRANSPORT (self), RTK_SERVER_SIGNED_OUT);
  g_object_get (self, "state", &state, NULL);
  return (RtkServerState)state;
}

/**
 * rtk_transport_dup_user:
 * @self: a transport
 *
 * Returns: (transfer full) (nullable): who is signed in
 */
char *
rtk_transport_dup_user (RtkTransport *self)
{
  char *user = NULL;

  g_return_val_if_fail (RTK_IS_TRANSPORT (self), NULL);
  g_object_get (self, "user", &user, NULL);
  return user;
}

/**
 * rtk_transport_dup_station_id:
 * @self: a transport
 *
 * Returns: (transfer full) (nullable): the id the server gave to this station's key
 */
char *
rtk_transport_dup_station_id (RtkTransport *self)
{
  char *id = NULL;

  g_return_val_if_fail (RTK_IS_TRANSPORT (self), NULL);
  g_object_get (self, "station-id", &id, NULL);
  return id;
}

/**
 * rtk_transport_dup_code_key:
 * @self: a transport
 *
 * Returns: (transfer full) (nullable): K_station, the key of code digests, 32 bytes; secret
 */
GBytes *
rtk_transport_dup_code_key (RtkTransport *self)
{
  GBytes *key = NULL;

  g_return_val_if_fail (RTK_IS_TRANSPORT (self), NULL);
  g_object_get (self, "code-key", &key, NULL);
  return key;
}

/**
 * rtk_transport_get_role:
 * @self: a transport
 *
 * Returns: role of the person signed in; operator, the least, when nobody is
 */
RtkRole
rtk_transport_get_role (RtkTransport *self)
{
  int role = RTK_ROLE_OPERATOR;

  g_return_val_if_fail (RTK_IS_TRANSPORT (self), RTK_ROLE_OPERATOR);
  g_object_get (self, "role", &role, NULL);
  return (RtkRole)role;
}
