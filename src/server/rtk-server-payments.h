/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-call.h"

G_BEGIN_DECLS

/**
 * RtkServerPayment:
 * @id: UUIDv7
 * @order_id: what is paid for
 * @provider: name of a provider, "cash" or "waiver"
 * @state: pending, settled, failed, expired, refund_due or refunded
 * @amount_fen: in 1/100 yuan
 *
 * A payment as it is in the database.
 */
typedef struct {
  char  *id;
  char  *order_id;
  char  *provider;
  char  *state;
  gint64 amount_fen;
} RtkServerPayment;

void rtk_server_payment_clear (RtkServerPayment *self);

/**
 * RtkServerProvider:
 * @name: in the database and on the wire
 * @plays_customer: whether the sandbox route may pay in the customer's place
 * @begin: asks for the money; gives the code that the customer scans, %NULL when it comes later
 *
 * Who takes the money of a payment that is not cash. Its callback settles the payment.
 */
typedef struct {
  const char *name;
  gboolean    plays_customer;
  gboolean (*begin) (RtkServerStore         *store,
                     const RtkServerPayment *payment,
                     gint64                  expires_at,
                     char                  **out_code,
                     GError                **error);
} RtkServerProvider;

/**
 * RtkServerEvent:
 * @id: of the event, by the provider
 * @payment: id of the payment
 * @state: "settled" or "failed"
 * @reference: (nullable): the provider's number of the transaction
 * @amount_fen: what was really paid
 *
 * What a provider tells by its callback.
 */
typedef struct {
  const char *id;
  const char *payment;
  const char *state;
  const char *reference;
  gint64      amount_fen;
} RtkServerEvent;

/* rtk-server-provider.c */
const RtkServerProvider *rtk_server_provider_get (const RtkServerConfig *config);
gboolean                 rtk_server_provider_is_known (const char *name);

/* rtk-server-payments.c */
gboolean rtk_server_payment_find (RtkServerStore   *store,
                                  const char       *id,
                                  RtkServerPayment *out,
                                  GError          **error);
gboolean rtk_server_payment_begin (RtkServerStore *store,
                                   const char     *id,
                                   const char     *order_id,
                                   gint64          expires_at,
                                   const char     *actor,
                                   GError        **error);
gboolean rtk_server_payment_set_code (RtkServerStore *store,
                                      const char     *id,
                                      const char     *code,
                                      GError        **error);
gboolean rtk_server_payment_apply (RtkServerStore       *store,
                                   RtkServerPayment     *payment,
                                   const RtkServerEvent *event,
                                   GError              **error);
char    *rtk_server_payment_make_detail (const char *id,
                                         const char *method,
                                         gint64      amount_fen,
                                         const char *name,
                                         const char *text) G_GNUC_WARN_UNUSED_RESULT;
gboolean
rtk_server_graduate_has_order (RtkServerStore *store, const char *roster, const char *but_for);
gboolean rtk_server_order_has_rival (RtkServerStore *store, const char *order_id);
gboolean rtk_server_payments_expire (RtkServerStore *store, const char *order_id, GError **error);
void     rtk_server_payment_write (RtkServerJson *json, RtkServerRows *row);

/* rtk-server-refunds.c */
gboolean rtk_server_refund_add (RtkServerStore         *store,
                                const RtkServerPayment *payment,
                                const char             *subject,
                                const char             *reason,
                                gint64                  not_before,
                                GError                **error);
gboolean
rtk_server_refund_settle_order (RtkServerStore *store, const char *order_id, GError **error);
gboolean rtk_server_order_find_phone (RtkServerStore *store,
                                      const char     *order_id,
                                      char          **out_phone,
                                      GError        **error);
gboolean rtk_server_refund_done (RtkServerStore *store, const char *payment_id, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RtkServerPayment, rtk_server_payment_clear)

G_END_DECLS
