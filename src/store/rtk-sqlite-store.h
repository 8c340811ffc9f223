/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-clock.h"
#include "core/rtk-signer.h"
#include "core/rtk-store.h"
#include "core/rtk-vault.h"
#include "store/rtk-keyring.h"

G_BEGIN_DECLS

/**
 * RtkSqliteStoreMode:
 * @RTK_SQLITE_STORE_WRITE: holds the lock of the folder: one program at a time
 * @RTK_SQLITE_STORE_READ: looks on, beside the program that holds the lock
 */
typedef enum {
  RTK_SQLITE_STORE_WRITE,
  RTK_SQLITE_STORE_READ,
} RtkSqliteStoreMode;

#define RTK_TYPE_SQLITE_STORE (rtk_sqlite_store_get_type ())

/* The data folder of a station: database, vault and keys, worked on by a thread of its own. Every
 * call but rtk_sqlite_store_open() belongs to the main thread and does not block.
 *
 * Properties: those of RtkStore; "unlocked" (gboolean); "has-keyring" (gboolean): whether a data
 *   key was ever made; "station-id" (char*, nullable): NULL before the station is enrolled. */
G_DECLARE_FINAL_TYPE (RtkSqliteStore, rtk_sqlite_store, RTK, SQLITE_STORE, GObject)

RtkSqliteStore *rtk_sqlite_store_open (const char        *folder,
                                       RtkClock          *clock,
                                       RtkSqliteStoreMode mode,
                                       GError           **error) G_GNUC_WARN_UNUSED_RESULT;
void            rtk_sqlite_store_new_async (const char         *folder,
                                            RtkClock           *clock,
                                            RtkSqliteStoreMode  mode,
                                            GCancellable       *cancellable,
                                            GAsyncReadyCallback callback,
                                            gpointer            user_data);
RtkSqliteStore *rtk_sqlite_store_new_finish (GAsyncResult *result,
                                             GError      **error) G_GNUC_WARN_UNUSED_RESULT;
void            rtk_sqlite_store_close (RtkSqliteStore *self);
void            rtk_sqlite_store_set_key_cost (RtkSqliteStore *self, const RtkKeyCost *cost);

gboolean   rtk_sqlite_store_is_unlocked (RtkSqliteStore *self);
gboolean   rtk_sqlite_store_has_keyring (RtkSqliteStore *self);
char      *rtk_sqlite_store_dup_station_id (RtkSqliteStore *self);
RtkVault  *rtk_sqlite_store_get_vault (RtkSqliteStore *self);
RtkSigner *rtk_sqlite_store_get_signer (RtkSqliteStore *self);

/* Keys. Those without a finish of their own end with rtk_store_done_finish(). */
void  rtk_sqlite_store_create_async (RtkSqliteStore     *self,
                                     const char         *staff,
                                     const char         *passphrase,
                                     GCancellable       *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer            user_data);
char *rtk_sqlite_store_create_finish (RtkSqliteStore *self,
                                      GAsyncResult   *result,
                                      GError        **error) G_GNUC_WARN_UNUSED_RESULT;
void  rtk_sqlite_store_unlock_async (RtkSqliteStore     *self,
                                     const char         *staff,
                                     const char         *passphrase,
                                     GCancellable       *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer            user_data);
gboolean
       rtk_sqlite_store_unlock_finish (RtkSqliteStore *self, GAsyncResult *result, GError **error);
void   rtk_sqlite_store_lock_async (RtkSqliteStore     *self,
                                    GCancellable       *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer            user_data);
void   rtk_sqlite_store_add_staff_async (RtkSqliteStore     *self,
                                         const char         *staff,
                                         const char         *passphrase,
                                         GCancellable       *cancellable,
                                         GAsyncReadyCallback callback,
                                         gpointer            user_data);
void   rtk_sqlite_store_remove_staff_async (RtkSqliteStore     *self,
                                            const char         *staff,
                                            GCancellable       *cancellable,
                                            GAsyncReadyCallback callback,
                                            gpointer            user_data);
void   rtk_sqlite_store_change_passphrase_async (RtkSqliteStore     *self,
                                                 const char         *staff,
                                                 const char         *old_passphrase,
                                                 const char         *new_passphrase,
                                                 GCancellable       *cancellable,
                                                 GAsyncReadyCallback callback,
                                                 gpointer            user_data);
void   rtk_sqlite_store_list_staff_async (RtkSqliteStore     *self,
                                          GCancellable       *cancellable,
                                          GAsyncReadyCallback callback,
                                          gpointer            user_data);
char **rtk_sqlite_store_list_staff_finish (RtkSqliteStore *self,
                                           GAsyncResult   *result,
                                           GError        **error) G_GNUC_WARN_UNUSED_RESULT;

/* Small things to remember: settings in the clear, secrets sealed. */
void    rtk_sqlite_store_set_setting_async (RtkSqliteStore     *self,
                                            const char         *name,
                                            const char         *value,
                                            GCancellable       *cancellable,
                                            GAsyncReadyCallback callback,
                                            gpointer            user_data);
void    rtk_sqlite_store_get_setting_async (RtkSqliteStore     *self,
                                            const char         *name,
                                            GCancellable       *cancellable,
                                            GAsyncReadyCallback callback,
                                            gpointer            user_data);
char   *rtk_sqlite_store_get_setting_finish (RtkSqliteStore *self,
                                             GAsyncResult   *result,
                                             GError        **error) G_GNUC_WARN_UNUSED_RESULT;
void    rtk_sqlite_store_set_secret_async (RtkSqliteStore     *self,
                                           const char         *name,
                                           GBytes             *secret,
                                           GCancellable       *cancellable,
                                           GAsyncReadyCallback callback,
                                           gpointer            user_data);
void    rtk_sqlite_store_get_secret_async (RtkSqliteStore     *self,
                                           const char         *name,
                                           GCancellable       *cancellable,
                                           GAsyncReadyCallback callback,
                                           gpointer            user_data);
GBytes *rtk_sqlite_store_get_secret_finish (RtkSqliteStore *self,
                                            GAsyncResult   *result,
                                            GError        **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
