/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-tracker-private.h"

#include <math.h>
#include <string.h>

/* Share of a new value: at 25 frames a second a step is followed to nine tenths in 0.15 s. */
#define FOLLOW 0.5

/* A head that moved further than this (in face widths) in one frame is followed at once: smoothing
 * is against trembling, not against moving. */
#define JUMP 0.08

/**
 * rtk_tracker_new:
 *
 * Makes a tracker that follows nobody yet.
 *
 * Returns: (transfer full): a new tracker
 */
RtkTracker *
rtk_tracker_new (void)
{
  return g_new0 (RtkTracker, 1);
}

/**
 * rtk_tracker_reset:
 * @self: a tracker
 *
 * Forgets the face: another person comes.
 */
void
rtk_tracker_reset (RtkTracker *self)
{
  memset (self, 0, sizeof *self);
}

/**
 * rtk_tracker_free:
 * @self: (transfer full) (nullable): a tracker
 *
 * Frees @self.
 */
void
rtk_tracker_free (RtkTracker *self)
{
  g_free (self);
}

static double
follow (double old, double now)
{
  return old + FOLLOW * (now - old);
}

static RtkPoint
follow_point (RtkPoint old, RtkPoint now)
{
  return (RtkPoint){follow (old.x, now.x), follow (old.y, now.y)};
}

static void
smooth_head (RtkTracker *self, RtkAnalysis *analysis)
{
  RtkHead *old = &self->head;
  RtkHead *now = &analysis->head;
  double   face = now->cheek_right - now->cheek_left;

  if (analysis->has_head && self->has_head &&
      hypot (now->eye_mid.x - old->eye_mid.x, now->eye_mid.y - old->eye_mid.y) < JUMP * face) {
    now->eye_mid = follow_point (old->eye_mid, now->eye_mid);
    now->hair_top = follow (old->hair_top, now->hair_top);
    now->cheek_left = follow (old->cheek_left, now->cheek_left);
    now->cheek_right = follow (old->cheek_right, now->cheek_right);
    now->chin = follow_point (old->chin, now->chin);
  }
  self->has_head = analysis->has_head;
  self->head = analysis->head;
}

/* Smooths @shoulders with those of the frames before: the crop hangs on them, and their network
 * trembles most. */
void
rtk_tracker_smooth_shoulders (RtkTracker *self, RtkShoulders *shoulders)
{
  double span = shoulders->points[1].x - shoulders->points[0].x;

  for (int i = 0; self->has_shoulders && i < 2; i++) {
    RtkPoint old = self->shoulders.points[i];
    RtkPoint now = shoulders->points[i];

    if (hypot (now.x - old.x, now.y - old.y) < JUMP * span)
      shoulders->points[i] = follow_point (old, now);
    shoulders->visible[i] = follow (self->shoulders.visible[i], shoulders->visible[i]);
  }
  self->has_shoulders = TRUE;
  self->shoulders = *shoulders;
}

/* Smooths the values and the head of @analysis with those of the frames before. Counts are counts
 * and stay as they are. */
void
rtk_tracker_smooth (RtkTracker *self, RtkAnalysis *analysis)
{
  for (int id = RTK_CHECK_POSE_YAW; id < RTK_N_CHECKS; id++) {
    RtkMeasure *measure = &analysis->measures[id];

    if (measure->known && self->known[id])
      measure->value = follow (self->values[id], measure->value);
    self->known[id] = measure->known;
    self->values[id] = measure->value;
  }
  smooth_head (self, analysis);
}
