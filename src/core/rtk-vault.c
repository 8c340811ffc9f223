/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-vault.h"

G_DEFINE_INTERFACE (RtkVault, rtk_vault, G_TYPE_OBJECT)

static void
rtk_vault_default_init (RtkVaultInterface *iface)
{
}

/**
 * rtk_vault_open_async:
 * @self: a vault
 * @sha256: wire name of the blob: SHA-256 of its content, 64 lower-case hexadecimal digits
 * @cancellable: (nullable): stops it
 * @callback: called when the blob is open
 * @user_data: for @callback
 *
 * Opens a blob for reading. Main thread.
 */
void
rtk_vault_open_async (RtkVault           *self,
                      const char         *sha256,
                      GCancellable       *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer            user_data)
{
  g_return_if_fail (RTK_IS_VAULT (self) && sha256 != NULL);

  RTK_VAULT_GET_IFACE (self)->open_async (self, sha256, cancellable, callback, user_data);
}

/**
 * rtk_vault_open_finish:
 * @self: a vault
 * @result: what the callback was given
 * @out_size: (out) (optional): size of the content in bytes
 * @error: %RTK_ERROR_NOT_FOUND, %RTK_ERROR_LOCKED or %RTK_ERROR_STORAGE
 *
 * Ends rtk_vault_open_async(). Damage shows while reading: the stream then fails with
 * %RTK_ERROR_DAMAGED, so what was read is to be used only after its end was reached.
 *
 * Returns: (transfer full): the decrypted bytes, forward only
 */
GInputStream *
rtk_vault_open_finish (RtkVault *self, GAsyncResult *result, gsize *out_size, GError **error)
{
  g_return_val_if_fail (RTK_IS_VAULT (self), NULL);

  return RTK_VAULT_GET_IFACE (self)->open_finish (self, result, out_size, error);
}
