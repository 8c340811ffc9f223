/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define RTK_TYPE_VAULT (rtk_vault_get_type ())

/* Where photos lie encrypted, read by their wire name (hex SHA-256 of the content). */
G_DECLARE_INTERFACE (RtkVault, rtk_vault, RTK, VAULT, GObject)

/**
 * RtkVaultInterface:
 * @open_async: opens a blob for reading
 * @open_finish: (transfer full): a stream of the decrypted bytes, read with the async calls of
 *   #GInputStream (forward only; skip to resume); %RTK_ERROR_NOT_FOUND, %RTK_ERROR_LOCKED or, on
 *   reading, %RTK_ERROR_DAMAGED
 */
struct _RtkVaultInterface {
  GTypeInterface parent_iface;

  void (*open_async) (RtkVault           *self,
                      const char         *sha256,
                      GCancellable       *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer            user_data);
  GInputStream *(*open_finish) (RtkVault     *self,
                                GAsyncResult *result,
                                gsize        *out_size,
                                GError      **error);
};

void rtk_vault_open_async (RtkVault           *self,
                           const char         *sha256,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data);
GInputStream *
rtk_vault_open_finish (RtkVault *self, GAsyncResult *result, gsize *out_size, GError **error);

G_END_DECLS
