/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-worker.h"
#include "store/rtk-file-vault.h"
#include "store/rtk-sqlite-store.h"
#include "store/rtk-store-state-private.h"

G_BEGIN_DECLS

/**
 * RtkStoreCall:
 *
 * Arguments of one call on their way to the store's thread. Which of them are set is the business
 * of the call. Texts and @key are wiped when it is freed: they may be passphrases and codes.
 */
typedef struct {
  char      *text[3];
  gint64     time;
  guint      limit;
  int        number;
  gboolean   flag;
  GObject   *object;
  RtkPhoto  *photo;
  GPtrArray *array;
  GBytes    *bytes;
  RtkBlob    blob;
  RtkKeyCost cost;
} RtkStoreCall;

/* What a call changed, for rtk_sqlite_store_announce(). */
typedef enum {
  RTK_STORE_CHANGED_NOTHING = 0,
  RTK_STORE_CHANGED_ORDERS = 1 << 0,
  RTK_STORE_CHANGED_OUTBOX = 1 << 1,
} RtkStoreChanged;

void          rtk_sqlite_store_iface_init (RtkStoreInterface *iface);
RtkStoreCall *rtk_store_call_new (const char *first, const char *second, const char *third);
void          rtk_store_call_free (gpointer call);
void          rtk_sqlite_store_push (RtkSqliteStore     *self,
                                     gpointer            tag,
                                     RtkStoreCall       *call,
                                     RtkWorkerFunc       work,
                                     GCancellable       *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer            user_data);
void          rtk_sqlite_store_announce (GTask *task, RtkStoreState *state, RtkStoreChanged what);
void          rtk_sqlite_store_answer (
             GTask *task, RtkStoreState *state, gboolean done, GError *error, RtkStoreChanged what);
const RtkKeyCost *rtk_sqlite_store_get_key_cost (RtkSqliteStore *self);

G_END_DECLS
