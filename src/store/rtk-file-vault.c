/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-store"
#include "config.h"

#include "store/rtk-file-vault.h"

#include "core/rtk-error.h"
#include "store/rtk-blob-stream-private.h"
#include "store/rtk-store-state-private.h"

struct _RtkFileVault {
  GObject    parent_instance;
  RtkWorker *worker; /* (unowned) (nullable): the store's; NULL once the store is closed */
};

/* What a task answers with. */
typedef struct {
  GInputStream *stream;
  gsize         size;
} Opened;

static void vault_iface_init (RtkVaultInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (RtkFileVault,
                               rtk_file_vault,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (RTK_TYPE_VAULT, vault_iface_init))

static void
opened_free (gpointer data)
{
  Opened *opened = data;

  g_clear_object (&opened->stream);
  g_free (opened);
}

/* On the store's thread: the key of a photo comes from its row. */
static void
open_work (GTask *task, gpointer data)
{
  RtkStoreState *state = data;
  const char    *sha256 = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkStoredBlob) blob = rtk_store_blobs_find (state, sha256, &error);
  g_autofree char *path = NULL;
  GInputStream    *stream = NULL;
  Opened          *opened;

  if (blob != NULL) {
    path = rtk_store_blobs_dup_path (state, blob->name);
    stream = rtk_blob_stream_open (path, blob->key, sha256, blob->size, &error);
    /* There is a row but no file: that is damage, not a name nobody knows. */
    if (stream == NULL && g_error_matches (error, RTK_ERROR, RTK_ERROR_NOT_FOUND))
      error->code = RTK_ERROR_DAMAGED;
  }
  if (stream == NULL) {
    g_task_return_error (task, g_steal_pointer (&error));
    return;
  }
  opened = g_new0 (Opened, 1);
  opened->stream = stream;
  opened->size = blob->size;
  g_task_return_pointer (task, opened, opened_free);
}

static void
rtk_file_vault_open_async (RtkVault           *vault,
                           const char         *sha256,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data)
{
  RtkFileVault *self = RTK_FILE_VAULT (vault);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, rtk_file_vault_open_async);
  g_task_set_task_data (task, g_strdup (sha256), g_free);
  if (self->worker == NULL)
    g_task_return_new_error (task, RTK_ERROR, RTK_ERROR_BAD_STATE, "the data folder is closed");
  else
    rtk_worker_push (self->worker, task, open_work);
}

static GInputStream *
rtk_file_vault_open_finish (RtkVault *vault, GAsyncResult *result, gsize *out_size, GError **error)
{
  Opened       *opened;
  GInputStream *stream;

  g_return_val_if_fail (g_task_is_valid (result, vault), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_file_vault_open_async), NULL);

  opened = g_task_propagate_pointer (G_TASK (result), error);
  if (opened == NULL)
    return NULL;
  stream = g_steal_pointer (&opened->stream);
  if (out_size != NULL)
    *out_size = opened->size;
  opened_free (opened);
  return stream;
}

static void
vault_iface_init (RtkVaultInterface *iface)
{
  iface->open_async = rtk_file_vault_open_async;
  iface->open_finish = rtk_file_vault_open_finish;
}

static void
rtk_file_vault_class_init (RtkFileVaultClass *klass)
{
}

static void
rtk_file_vault_init (RtkFileVault *self)
{
}

/**
 * rtk_file_vault_new:
 * @worker: the store's, which works on an RtkStoreState
 *
 * Returns: (transfer full): a vault that reads through the store's thread
 */
RtkFileVault *
rtk_file_vault_new (RtkWorker *worker)
{
  RtkFileVault *self = g_object_new (RTK_TYPE_FILE_VAULT, NULL);

  self->worker = worker;
  return self;
}

/**
 * rtk_file_vault_close:
 * @self: a vault
 *
 * Ends reading, before the store's thread ends. Streams that are open go on. Main thread.
 */
void
rtk_file_vault_close (RtkFileVault *self)
{
  self->worker = NULL;
}
