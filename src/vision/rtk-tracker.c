/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-tracker-private.h"

#include <math.h>
#include <string.h>

/* A change is followed like a capacitor is charged: nine tenths of it after 2.3 of this time, which
 * is within 100 ms of the last frame without it, even if the networks take a frame to settle. */
#define FOLLOW_MS 33.
/* Shoulders are seen in every third frame only, so there is less time left. */
#define FOLLOW_SHOULDERS_MS 28.
/* Frames that come faster or slower than this are not trusted to. */
#define LEAST_MS (1000. / 60.)
#define MOST_MS 1000.

/* A head that moved further than this (in face widths) in one frame is followed at once: smoothing
 * is against trembling, not against moving. */
#define JUMP 0.08
/* Shoulders that seem to be further away than this (in face widths) have moved; below it their
 * network trembles from one square to the next. */
#define SHOULDER_JUMP 0.05

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

/* Begins a frame that was taken at @time (monotonic, microseconds). */
void
rtk_tracker_begin (RtkTracker *self, gint64 time)
{
  double ms = self->time != 0 ? (double)(time - self->time) / 1000. : MOST_MS;

  ms = CLAMP (ms, LEAST_MS, MOST_MS);
  self->share = 1. - exp (-ms / FOLLOW_MS);
  self->shoulder_share = 1. - exp (-ms / FOLLOW_SHOULDERS_MS);
  self->time = time;
}

/* Forgets the face, and everything that was measured on it; the frames go on. */
void
rtk_tracker_lose_face (RtkTracker *self)
{
  RtkTracker fresh = {
      .width = self->width,
      .height = self->height,
      .time = self->time,
      .share = self->share,
      .shoulder_share = self->shoulder_share,
  };

  *self = fresh;
}

static double
follow (double old, double now, double share)
{
  return old + share * (now - old);
}

static RtkPoint
follow_point (RtkPoint old, RtkPoint now, double share)
{
  return (RtkPoint){follow (old.x, now.x, share), follow (old.y, now.y, share)};
}

static void
smooth_head (RtkTracker *self, RtkAnalysis *analysis)
{
  RtkHead *old = &self->head;
  RtkHead *now = &analysis->head;
  double   face = now->cheek_right - now->cheek_left;

  if (analysis->has_head && self->has_head &&
      hypot (now->eye_mid.x - old->eye_mid.x, now->eye_mid.y - old->eye_mid.y) < JUMP * face) {
    now->eye_mid = follow_point (old->eye_mid, now->eye_mid, self->share);
    now->hair_top = follow (old->hair_top, now->hair_top, self->share);
    now->cheek_left = follow (old->cheek_left, now->cheek_left, self->share);
    now->cheek_right = follow (old->cheek_right, now->cheek_right, self->share);
    now->chin = follow_point (old->chin, now->chin, self->share);
  }
  self->has_head = analysis->has_head;
  self->head = analysis->head;
}

static RtkPoint
middle_of (const RtkRect *box)
{
  return (RtkPoint){box->x + box->width / 2., box->y + box->height / 2.};
}

/* Remembers where the shoulders were seen: from the face, with which they move until they are
 * looked for again. */
void
rtk_tracker_take_shoulders (RtkTracker *self, const RtkShoulders *shoulders, const RtkRect *face)
{
  RtkPoint middle = middle_of (face);

  self->shoulders = *shoulders;
  for (int i = 0; i < 2; i++) {
    RtkPoint *point = &self->shoulders.points[i];

    *point = (RtkPoint){(point->x - middle.x) / face->width, (point->y - middle.y) / face->width};
  }
  self->has_shoulders = TRUE;
}

/* Where the shoulders are now, smoothed: the crop hangs on them, and their network trembles most.
 */
void
rtk_tracker_follow_shoulders (RtkTracker *self, const RtkRect *face, RtkShoulders *out_shoulders)
{
  RtkShoulders *smooth = &self->smooth_shoulders;
  RtkPoint      middle = middle_of (face);

  for (int i = 0; i < 2; i++) {
    RtkPoint now = self->shoulders.points[i];
    double   share = self->has_smooth_shoulders && hypot (now.x - smooth->points[i].x,
                                                          now.y - smooth->points[i].y) < SHOULDER_JUMP
                         ? self->shoulder_share
                         : 1.;

    smooth->points[i] = follow_point (smooth->points[i], now, share);
    smooth->visible[i] = follow (smooth->visible[i], self->shoulders.visible[i],
                                 self->has_smooth_shoulders ? self->shoulder_share : 1.);
    out_shoulders->points[i] = (RtkPoint){middle.x + smooth->points[i].x * face->width,
                                          middle.y + smooth->points[i].y * face->width};
    out_shoulders->visible[i] = smooth->visible[i];
  }
  self->has_smooth_shoulders = TRUE;
}

/* Smooths the values and the head of @analysis with those of the frames before. Counts are counts
 * and stay as they are. */
void
rtk_tracker_smooth (RtkTracker *self, RtkAnalysis *analysis)
{
  for (int id = RTK_CHECK_POSE_YAW; id < RTK_N_CHECKS; id++) {
    RtkMeasure *measure = &analysis->measures[id];

    /* The shoulders' slope comes from smoothed points: twice would be too late. */
    if (measure->known && self->known[id] && id != RTK_CHECK_POSE_SHOULDERS_LEVEL)
      measure->value = follow (self->values[id], measure->value, self->share);
    self->known[id] = measure->known;
    self->values[id] = measure->value;
  }
  smooth_head (self, analysis);
}
