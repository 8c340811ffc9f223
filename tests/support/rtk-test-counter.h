/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "support/rtk-test-server.h"

/* What may become of one graduate's money, by the account, the desk and the supervisor. */
typedef struct {
  RtkTestServer *server;
  char          *account;
  char          *operator_token;
  char          *supervisor;
  char          *order; /* paid online */
} RtkTestCounter;

/* Extra arguments. */
#define RTK_TEST_NO_HOLD ((const char *[]){"--hold-seconds", "0", NULL})
#define RTK_TEST_REJECTED "\"verdict\":\"rejected\",\"reasons\":[\"glasses\"]"
#define RTK_TEST_APPROVED "\"verdict\":\"approved\",\"reasons\":[]"
#define RTK_TEST_CASH "\"method\":\"cash\",\"reference\":\"R-1\""

void rtk_test_counter_init (RtkTestCounter *desk, const char *const *extra);
void rtk_test_counter_clear (RtkTestCounter *desk);
/* @body: members of a JSON object; NULL = none */
RtkTestReply *rtk_test_counter_call (RtkTestCounter *desk,
                                     const char     *token,
                                     const char     *method,
                                     const char     *body,
                                     const char     *format,
                                     ...) G_GNUC_PRINTF (5, 6);
void          rtk_test_assert_status (RtkTestReply *reply, guint status);
RtkTestReply *rtk_test_counter_get_order (RtkTestCounter *desk, const char *order);
/* Asks until the order's money, and its payment @index, have come to a state; NULL = any. */
void  rtk_test_counter_wait_money (RtkTestCounter *desk,
                                   const char     *order_payment,
                                   guint           index,
                                   const char     *state);
char *rtk_test_counter_claim (RtkTestCounter *desk);
/* @action: "" for a verdict. @rest: members beside the revision. */
RtkTestReply *rtk_test_counter_judge (RtkTestCounter *desk,
                                      const char     *submission,
                                      const char     *action,
                                      const char     *rest);
/* Claims the only photo that waits; returns the submission. */
char         *rtk_test_counter_decide (RtkTestCounter *desk, const char *verdict);
RtkTestReply *rtk_test_counter_pay (
    RtkTestCounter *desk, const char *token, const char *order, const char *id, const char *how);
RtkTestReply *rtk_test_counter_open_order (RtkTestCounter *desk, const char *id);
/* Of the newest entry of a kind in the audit log, from the database itself. */
void  rtk_test_counter_assert_detail (RtkTestCounter *desk,
                                      const char     *action,
                                      const char     *member,
                                      const char     *text);
void  rtk_test_counter_assert_amount (RtkTestCounter *desk, const char *action, gint64 amount_fen);
char *rtk_test_counter_dup_payment (RtkTestCounter *desk, const char *order_id, guint index);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RtkTestCounter, rtk_test_counter_clear)
