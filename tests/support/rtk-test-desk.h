/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "support/rtk-test-server.h"

#define RTK_TEST_SAMPLE_ALL ((const char *[]){"--sample-percent", "100", NULL})

/* A real server, and reviewers and supervisors before it. */
typedef struct {
  RtkTestServer *server;
  char          *reviewer;
  char          *reviewer2;
  char          *supervisor;
  char          *supervisor2;
  char          *order; /* of the graduate that desk_pay() made last */
  guint          n;     /* graduates that were used */
} RtkTestDesk;

void          rtk_test_desk_init (RtkTestDesk *desk, const char *const *extra);
void          rtk_test_desk_clear (RtkTestDesk *desk);
void          rtk_test_desk_pay (RtkTestDesk *desk);
RtkTestReply *rtk_test_desk_claim (RtkTestDesk *desk, const char *token, const char *body);
guint         rtk_test_count_items (RtkTestReply *reply);
JsonObject   *rtk_test_get_item (RtkTestReply *reply, guint index);
RtkTestReply *rtk_test_desk_act (
    RtkTestDesk *desk, const char *token, JsonObject *item, const char *what, const char *body);
RtkTestReply *
rtk_test_desk_decide (RtkTestDesk *desk, const char *token, JsonObject *item, const char *reasons);
JsonObject   *rtk_test_newest (JsonObject *order);
void          rtk_test_assert_state (RtkTestReply *reply, const char *state, const char *reasons);
RtkTestReply *rtk_test_desk_get_order (RtkTestDesk *desk);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RtkTestDesk, rtk_test_desk_clear)
