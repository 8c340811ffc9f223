/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-vault.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"

#include <string.h>

struct _RtkTestVault {
  GObject     parent_instance;
  GHashTable *blobs; /* (owned) (element-type char* GBytes) */
};

static void
test_vault_open_async (RtkVault           *vault,
                       const char         *sha256,
                       GCancellable       *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (vault, cancellable, callback, user_data);
  GBytes *bytes = rtk_test_vault_find (RTK_TEST_VAULT (vault), sha256);

  if (bytes == NULL)
    g_task_return_new_error (task, RTK_ERROR, RTK_ERROR_NOT_FOUND, "No such photo");
  else
    g_task_return_pointer (task, g_bytes_ref (bytes), (GDestroyNotify)g_bytes_unref);
}

static GInputStream *
test_vault_open_finish (RtkVault *vault, GAsyncResult *result, gsize *out_size, GError **error)
{
  g_autoptr (GBytes) bytes = g_task_propagate_pointer (G_TASK (result), error);

  if (bytes == NULL)
    return NULL;
  *out_size = g_bytes_get_size (bytes);
  return g_memory_input_stream_new_from_bytes (bytes);
}

static void
vault_iface_init (RtkVaultInterface *iface)
{
  iface->open_async = test_vault_open_async;
  iface->open_finish = test_vault_open_finish;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (RtkTestVault,
                               rtk_test_vault,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (RTK_TYPE_VAULT, vault_iface_init))

static void
rtk_test_vault_finalize (GObject *object)
{
  g_hash_table_unref (RTK_TEST_VAULT (object)->blobs);
  G_OBJECT_CLASS (rtk_test_vault_parent_class)->finalize (object);
}

static void
rtk_test_vault_class_init (RtkTestVaultClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = rtk_test_vault_finalize;
}

static void
rtk_test_vault_init (RtkTestVault *self)
{
  self->blobs =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
}

RtkTestVault *
rtk_test_vault_new (void)
{
  return g_object_new (RTK_TYPE_TEST_VAULT, NULL);
}

const char *
rtk_test_vault_add (RtkTestVault *self, const char *text)
{
  char     sha256[65];
  gpointer key = NULL;

  rtk_sha256_hex ((const guint8 *)text, strlen (text), sha256);
  if (rtk_test_vault_find (self, sha256) == NULL) {
    g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));

    rtk_test_vault_add_bytes (self, sha256, bytes);
  }
  g_hash_table_lookup_extended (self->blobs, sha256, &key, NULL);
  return key;
}

void
rtk_test_vault_add_bytes (RtkTestVault *self, const char *sha256, GBytes *bytes)
{
  g_hash_table_insert (self->blobs, g_strdup (sha256), g_bytes_ref (bytes));
}

GBytes *
rtk_test_vault_find (RtkTestVault *self, const char *sha256)
{
  return g_hash_table_lookup (self->blobs, sha256);
}
