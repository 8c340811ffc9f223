/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-clock.h"
#include "core/rtk-envelope.h"
#include "core/rtk-store.h"
#include "store/rtk-db-private.h"
#include "store/rtk-keyring.h"
#include "store/rtk-vault-signer.h"

G_BEGIN_DECLS

/**
 * RtkStoreState:
 * @folder: the data folder
 * @vault_folder: where the photos lie in it
 * @clock: (owned): for release and back-off
 * @read_only: opened beside the program that writes
 * @lock_fd: descriptor that holds the folder's lock, -1 when read-only
 * @db: (owned): the connection
 * @signer: (owned): shared with the main thread, has its own lock
 * @master: (owned) (nullable): the data key; %NULL while locked, like all keys below
 * @fields: (owned) (nullable): seals columns
 * @blobs: (owned) (nullable): seals the keys of photos
 * @names: (owned) (nullable): names files
 * @secrets: (owned) (nullable): seals @codes, the signing key, tokens
 * @codes: (owned) (nullable): K_station; %NULL also before the station is enrolled
 * @station_id: (owned) (nullable): %NULL before the station is enrolled
 *
 * All that the store's thread works on. Made and opened by one thread, then handed to the worker:
 * never touched by two at a time.
 */
typedef struct {
  char           *folder;
  char           *vault_folder;
  RtkClock       *clock;
  gboolean        read_only;
  int             lock_fd;
  RtkDb          *db;
  RtkVaultSigner *signer;
  RtkKey         *master;
  RtkKey         *fields;
  RtkKey         *blobs;
  RtkKey         *names;
  RtkKey         *secrets;
  RtkKey         *codes;
  char           *station_id;
} RtkStoreState;

RtkStoreState *rtk_store_state_new (const char     *folder,
                                    RtkClock       *clock,
                                    gboolean        read_only,
                                    RtkVaultSigner *signer) G_GNUC_WARN_UNUSED_RESULT;
void           rtk_store_state_free (RtkStoreState *self);
gboolean       rtk_store_state_open (RtkStoreState *self, GError **error);
gboolean       rtk_store_state_create (RtkStoreState    *self,
                                       const char       *staff,
                                       const char       *passphrase,
                                       const RtkKeyCost *cost,
                                       char            **out_recovery,
                                       GError          **error);
gboolean       rtk_store_state_unlock (RtkStoreState *self,
                                       const char    *staff,
                                       const char    *passphrase,
                                       GError       **error);
void           rtk_store_state_lock (RtkStoreState *self);
gboolean       rtk_store_state_require (RtkStoreState *self, gboolean writing, GError **error);
gboolean       rtk_store_state_require_writable (RtkStoreState *self, GError **error);
gboolean
rtk_store_state_set_secret (RtkStoreState *self, const char *name, GBytes *secret, GError **error);
GBytes  *rtk_store_state_dup_secret (RtkStoreState *self,
                                     const char    *name,
                                     GError       **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean rtk_store_state_set_station (RtkStoreState *self,
                                      const char    *station_id,
                                      GBytes        *code_key,
                                      GError       **error);
GBytes  *rtk_store_state_seal (RtkStoreState *self,
                               const char    *table,
                               const char    *id,
                               const char    *column,
                               const char    *text) G_GNUC_WARN_UNUSED_RESULT;
GBytes  *rtk_store_state_unseal (RtkStoreState *self,
                                 const char    *table,
                                 const char    *id,
                                 const char    *column,
                                 sqlite3_stmt  *row,
                                 int            index,
                                 GError       **error) G_GNUC_WARN_UNUSED_RESULT;

/* rtk-store-orders.c */
gboolean   rtk_store_orders_build_search (RtkStoreState *self, GError **error);
gboolean   rtk_store_orders_put (RtkStoreState *self, RtkOrder *order, GError **error);
GPtrArray *rtk_store_orders_list (RtkStoreState        *self,
                                  const RtkOrderFilter *filter,
                                  GError              **error) G_GNUC_WARN_UNUSED_RESULT;
RtkOrder  *rtk_store_orders_get (RtkStoreState *self,
                                 const char    *id,
                                 GError       **error) G_GNUC_WARN_UNUSED_RESULT;
RtkOrder  *rtk_store_orders_find_code (RtkStoreState *self,
                                       const char    *code,
                                       GError       **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean   rtk_store_orders_apply (RtkStoreState *self, const RtkChangePage *page, GError **error);

/* rtk-store-outbox.c */
gboolean   rtk_store_outbox_insert (RtkStoreState *self,
                                    RtkOperation  *operation,
                                    gint64         release_at,
                                    GError       **error);
gboolean   rtk_store_outbox_release (RtkStoreState *self, gboolean restart, GError **error);
gboolean   rtk_store_outbox_undo (RtkStoreState *self, const char *id, GError **error);
gboolean   rtk_store_outbox_set (RtkStoreState    *self,
                                 const char       *id,
                                 RtkOperationState state,
                                 const char       *last_error,
                                 GError          **error);
gboolean   rtk_store_outbox_settle (RtkStoreState *self, const RtkResult *result, GError **error);
gboolean   rtk_store_outbox_replay (RtkStoreState *self, GError **error);
GPtrArray *rtk_store_outbox_list (RtkStoreState *self,
                                  gboolean       ready_only,
                                  guint          limit,
                                  GError       **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean   rtk_store_outbox_count (RtkStoreState *self, guint *out_length, GError **error);

/* rtk-store-submission.c */
extern const char *const rtk_store_submission_roles[];

RtkOperation *rtk_store_submission_commit (RtkStoreState *self,
                                           RtkOrder      *order,
                                           RtkPhoto      *photo,
                                           GPtrArray     *overrides,
                                           const char    *actor,
                                           gint64         release_at,
                                           GError       **error) G_GNUC_WARN_UNUSED_RESULT;

/* rtk-store-blobs.c */

/**
 * RtkStoredBlob:
 * @name: of its file
 * @sha256: of its content
 * @media_type: static
 * @size: of its content
 * @key: its own key
 *
 * A photo in the vault, or on its way there.
 */
typedef struct {
  char       *name;
  char        sha256[65];
  const char *media_type;
  gsize       size;
  RtkKey     *key;
} RtkStoredBlob;

void           rtk_stored_blob_free (RtkStoredBlob *self);
gboolean       rtk_store_blobs_make_folders (RtkStoreState *self, GError **error);
gboolean       rtk_store_blobs_recover (RtkStoreState *self, GError **error);
char          *rtk_store_blobs_dup_path (RtkStoreState *self, const char *name);
char          *rtk_store_blobs_dup_name (RtkStoreState *self, const char *sha256);
RtkStoredBlob *rtk_store_blobs_find (RtkStoreState *self,
                                     const char    *sha256,
                                     GError       **error) G_GNUC_WARN_UNUSED_RESULT;
GPtrArray     *rtk_store_blobs_write (RtkStoreState        *self,
                                      const RtkBlob *const *blobs,
                                      guint                 n_blobs,
                                      GError              **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean
     rtk_store_blobs_insert (RtkStoreState *self, GPtrArray *written, gboolean own, GError **error);
void rtk_store_blobs_tidy (RtkStoreState *self);
gboolean rtk_store_blobs_collect (RtkStoreState *self, GError **error);
void     rtk_store_blobs_erase (RtkStoreState *self);
gboolean rtk_store_blobs_mark_uploaded (RtkStoreState *self, const char *sha256, GError **error);
gboolean rtk_store_blobs_put (RtkStoreState *self, const RtkBlob *blob, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkStoreState, rtk_store_state_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkStoredBlob, rtk_stored_blob_free)

G_END_DECLS
