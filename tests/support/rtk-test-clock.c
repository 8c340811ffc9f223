/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-clock.h"

struct _RtkTestClock {
  GObject parent_instance;
  GMutex  mutex;
  gint64  now;    /* (lock mutex): wall clock */
  gint64  set_by; /* (lock mutex): of it what is no time that passed */
};

static void clock_iface_init (RtkClockInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (RtkTestClock,
                               rtk_test_clock,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (RTK_TYPE_CLOCK, clock_iface_init))

static gint64
rtk_test_clock_now (RtkClock *clock)
{
  RtkTestClock *self = RTK_TEST_CLOCK (clock);
  gint64        now;

  g_mutex_lock (&self->mutex);
  now = self->now;
  g_mutex_unlock (&self->mutex);
  return now;
}

static gint64
rtk_test_clock_monotonic (RtkClock *clock)
{
  RtkTestClock *self = RTK_TEST_CLOCK (clock);
  gint64        now;

  g_mutex_lock (&self->mutex);
  now = self->now - self->set_by;
  g_mutex_unlock (&self->mutex);
  return now;
}

static void
clock_iface_init (RtkClockInterface *iface)
{
  iface->now = rtk_test_clock_now;
  iface->monotonic = rtk_test_clock_monotonic;
}

static void
rtk_test_clock_finalize (GObject *object)
{
  g_mutex_clear (&RTK_TEST_CLOCK (object)->mutex);
  G_OBJECT_CLASS (rtk_test_clock_parent_class)->finalize (object);
}

static void
rtk_test_clock_class_init (RtkTestClockClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = rtk_test_clock_finalize;
}

static void
rtk_test_clock_init (RtkTestClock *self)
{
  g_mutex_init (&self->mutex);
}

RtkTestClock *
rtk_test_clock_new (gint64 now_us)
{
  RtkTestClock *self = g_object_new (RTK_TYPE_TEST_CLOCK, NULL);

  self->now = now_us;
  return self;
}

void
rtk_test_clock_advance (RtkTestClock *self, gint64 by_us)
{
  g_mutex_lock (&self->mutex);
  self->now += by_us;
  g_mutex_unlock (&self->mutex);
}

void
rtk_test_clock_set_wall (RtkTestClock *self, gint64 by_us)
{
  g_mutex_lock (&self->mutex);
  self->now += by_us;
  self->set_by += by_us;
  g_mutex_unlock (&self->mutex);
}
