/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "session/rtk-retake-session.h"
#include "support/rtk-test-analyser.h"
#include "support/rtk-test-camera.h"
#include "support/rtk-test-clock.h"
#include "support/rtk-test-main.h"
#include "support/rtk-test-store.h"
#include "support/rtk-test-transport.h"
#include "support/rtk-test-values.h"

/* A station with scripted camera, eye, memory and server. Orders 1 (code "one") and 2 (code "two")
 * are there. */
typedef struct {
  RtkRulePack      *pack;
  RtkTestClock     *clock;
  RtkTestCamera    *camera;
  RtkTestAnalyser  *analyser;
  RtkTestVault     *vault;
  RtkTestStore     *store;
  RtkTestTransport *transport;
  RtkRetakeSession *session;
} Desk;

void desk_set_up (Desk *desk, gconstpointer data);
void desk_tear_down (Desk *desk, gconstpointer data);
/* Opens order number @n and shows it one good frame: the shutter is ready. */
void desk_open (Desk *desk, guint n);
/* One frame, judged. */
void desk_frame (Desk *desk);
/* A finished photo of the open subject. */
void desk_shoot (Desk *desk);
void desk_submit (Desk *desk);
/* Accepts @check by name. */
void desk_override (Desk *desk, RtkCheckId check, const char *reason, const char *by);

#define desk_assert_state(desk, expected)                                                          \
  g_assert_cmpstr (rtk_session_state_to_string (rtk_retake_session_get_state ((desk)->session)),   \
                   ==, rtk_session_state_to_string (RTK_SESSION_##expected))
#define desk_assert_message(desk, expected)                                                        \
  g_assert_cmpstr (                                                                                \
      rtk_session_message_to_string (rtk_retake_session_get_message ((desk)->session)), ==,        \
      rtk_session_message_to_string (RTK_SESSION_MESSAGE_##expected))
#define desk_wait_state(desk, expected)                                                            \
  rtk_test_wait_for (rtk_retake_session_get_state ((desk)->session) == RTK_SESSION_##expected)
#define desk_test(name, function)                                                                  \
  g_test_add ("/session/" name, Desk, NULL, desk_set_up, function, desk_tear_down)
