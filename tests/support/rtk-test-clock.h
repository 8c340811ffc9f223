/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-clock.h"

#define RTK_TYPE_TEST_CLOCK (rtk_test_clock_get_type ())

/* A clock that stands still until it is moved. Any thread. */
G_DECLARE_FINAL_TYPE (RtkTestClock, rtk_test_clock, RTK, TEST_CLOCK, GObject)

RtkTestClock *rtk_test_clock_new (gint64 now_us) G_GNUC_WARN_UNUSED_RESULT;
void          rtk_test_clock_advance (RtkTestClock *self, gint64 by_us);
/* Somebody sets the wall clock; no time passes. */
void rtk_test_clock_set_wall (RtkTestClock *self, gint64 by_us);
