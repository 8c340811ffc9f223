/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-store.h"

G_BEGIN_DECLS

/**
 * RtkServerEffect:
 * @id: UUIDv7
 * @kind: sms, refund, payment or courier
 * @order_id: (nullable): the order it is about
 * @idempotency: the same for what must not be done twice
 * @payload: JSON object
 * @attempts: how often it was begun, with this time
 * @created_at: microseconds since 1970
 *
 * Something that is to be done in the world, as it was taken to be done.
 */
typedef struct {
  char  *id;
  char  *kind;
  char  *order_id;
  char  *idempotency;
  char  *payload;
  gint64 attempts;
  gint64 created_at;
} RtkServerEffect;

/**
 * RtkServerDelivery:
 * @RTK_SERVER_DELIVERY_DONE: the receiver has it
 * @RTK_SERVER_DELIVERY_RETRY: it may have it: send it again with the same key
 * @RTK_SERVER_DELIVERY_FAILED: it never will: a person must look
 *
 * What became of one sending.
 */
typedef enum {
  RTK_SERVER_DELIVERY_DONE,
  RTK_SERVER_DELIVERY_RETRY,
  RTK_SERVER_DELIVERY_FAILED,
} RtkServerDelivery;

/* rtk-server-effects.c: one thread, each call a transaction of its own */
void       rtk_server_effect_free (RtkServerEffect *self);
gint64     rtk_server_effects_get_next (RtkServerStore *store);
gboolean   rtk_server_effects_release (RtkServerStore *store, GError **error);
GPtrArray *rtk_server_effects_take (RtkServerStore *store, gint64 now, gint64 limit, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean rtk_server_effect_finish (RtkServerStore        *store,
                                   const RtkServerEffect *effect,
                                   RtkServerDelivery      delivery,
                                   const char            *answer,
                                   const char            *problem,
                                   gint64                 retry_at,
                                   GError               **error);
gboolean
rtk_server_effects_run_sandbox (RtkServerStore *store, gint64 now, guint *out_done, GError **error);

/* The engine that has effects done. Main thread. */
typedef struct _RtkServerAdapters RtkServerAdapters;

RtkServerAdapters *rtk_server_adapters_new (const RtkServerConfig *config,
                                            const RtkServerKeys   *keys,
                                            RtkServerCommitFunc    committed,
                                            gpointer               user_data,
                                            GError               **error) G_GNUC_WARN_UNUSED_RESULT;
void               rtk_server_adapters_free (RtkServerAdapters *self);
void               rtk_server_adapters_hint (RtkServerAdapters *self);
gboolean           rtk_server_adapters_check (const RtkServerConfig *config, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkServerAdapters, rtk_server_adapters_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkServerEffect, rtk_server_effect_free)

G_END_DECLS
