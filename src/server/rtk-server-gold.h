/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-review.h"

G_BEGIN_DECLS

/* Photos whose verdict is known, shown among the others: rtk-server-gold.c. @shown is the id that
 * a showing has in place of a submission's. */

/* Microseconds from the order of a showing to its photo and its payment. */
#define RTK_SERVER_GOLD_SUBMITTED_AFTER (30 * G_USEC_PER_SEC)
#define RTK_SERVER_GOLD_PAID_AFTER (90 * G_USEC_PER_SEC)

gboolean
rtk_server_gold_mix (RtkServerStore *store, RtkServerCall *call, gint64 now, GError **error);
gboolean rtk_server_gold_takes_number (RtkServerStore *store, gint64 number);
gboolean rtk_server_gold_render (RtkServerStore *store,
                                 RtkServerCall  *call,
                                 const char     *shown,
                                 GError        **error);
char    *rtk_server_gold_dup_face (const char *text,
                                   gboolean   *out_is_refunded) G_GNUC_WARN_UNUSED_RESULT;
gboolean rtk_server_gold_is_shown (RtkServerStore *store, RtkServerCall *call, const char *shown);
gboolean rtk_server_gold_write_item (RtkServerStore *store,
                                     RtkServerCall  *call,
                                     const char     *shown,
                                     GError        **error);
gboolean rtk_server_gold_write_order (RtkServerStore *store,
                                      RtkServerCall  *call,
                                      const char     *name,
                                      const char     *order_id,
                                      gboolean       *out_found,
                                      GError        **error);
char    *rtk_server_gold_find_shown (RtkServerStore *store,
                                     RtkServerCall  *call,
                                     const char     *order_id) G_GNUC_WARN_UNUSED_RESULT;
char    *rtk_server_gold_disguise (RtkServerStore *store,
                                   const char     *order_id,
                                   const char     *text) G_GNUC_WARN_UNUSED_RESULT;
gboolean rtk_server_gold_write_history (RtkServerStore *store,
                                        RtkServerCall  *call,
                                        const char     *shown,
                                        GError        **error);
gboolean rtk_server_gold_has_note (RtkServerStore *store, const char *id);
gboolean rtk_server_gold_note (RtkServerStore *store,
                               RtkServerCall  *call,
                               const char     *shown,
                               GError        **error);
gboolean rtk_server_gold_release (RtkServerStore *store,
                                  RtkServerCall  *call,
                                  const char     *shown,
                                  GError        **error);
gboolean rtk_server_gold_decide (RtkServerStore          *store,
                                 RtkServerCall           *call,
                                 const RtkServerDecision *decision,
                                 GError                 **error);
gboolean rtk_server_gold_undo (RtkServerStore *store, RtkServerCall *call, GError **error);
gboolean rtk_server_gold_pass_on (RtkServerStore *store, RtkServerCall *call, GError **error);

G_END_DECLS
