/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-session"
#include "config.h"

#include "session/rtk-retake-session-private.h"

/* A code that stays in view is one scan. It counts again when it was out of view for so long. */
#define SEEN_AGAIN_US (3 * G_TIME_SPAN_SECOND)

static gboolean
shows_attempt (RtkRetakeSession *self)
{
  return self->subject != NULL && self->subject->chosen != NULL;
}

static void
set_preview (RtkRetakeSession *self, RtkImage *image)
{
  if (image == self->preview)
    return;
  g_clear_pointer (&self->preview, rtk_image_unref);
  if (image != NULL)
    self->preview = rtk_image_ref (image);
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_PREVIEW);
}

static void
preview_cb (RtkAnalyser *analyser, RtkImage *image, gpointer user_data)
{
  RtkRetakeSession *self = RTK_RETAKE_SESSION (user_data);

  if (!self->closed && self->previewing)
    set_preview (self, image);
}

static void
drop_analysis (RtkRetakeSession *self)
{
  set_preview (self, NULL);
  self->report_serial = 0;
  if (self->analysis == NULL && self->report == NULL)
    return;
  g_clear_pointer (&self->analysis, rtk_analysis_unref);
  g_clear_pointer (&self->report, rtk_report_unref);
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_ANALYSIS);
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_REPORT);
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_REPORT_FRAME_SERIAL);
}

static void
take_analysis (RtkRetakeSession *self, RtkStep *step, RtkAnalysis *analysis)
{
  RtkReport *report = rtk_rules_judge (self->pack, analysis, NULL, FALSE);

  g_clear_pointer (&self->analysis, rtk_analysis_unref);
  g_clear_pointer (&self->report, rtk_report_unref);
  self->analysis = rtk_analysis_ref (analysis);
  self->report = report;
  self->report_serial = step->serial;
  self->analysis_failed = FALSE;
  /* While a photo is looked at, the chips are the photo's. */
  if (!shows_attempt (self))
    rtk_check_list_push (self->checks, report);
  rtk_retake_session_update_ready (self);
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_ANALYSIS);
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_REPORT);
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_REPORT_FRAME_SERIAL);
}

static void
analysed_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkStep) step = user_data;
  g_autoptr (RtkRetakeSession) self = rtk_step_dup_session (step);
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkAnalysis) analysis =
      rtk_analyser_analyse_finish (RTK_ANALYSER (object), result, &error);

  /* A frame of a former subject or camera, or one that an earlier answer overtook. */
  if (self == NULL || self->closed || step->generation != self->generation ||
      (self->report != NULL && step->serial <= self->report_serial))
    return;
  if (analysis != NULL) {
    take_analysis (self, step, analysis);
    return;
  }
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) || self->analysis_failed)
    return;
  /* It would fail the same way thirty times a second: say it once. */
  self->analysis_failed = TRUE;
  drop_analysis (self);
  rtk_retake_live_show (self);
  rtk_retake_session_fail (self, RTK_SESSION_MESSAGE_ANALYSIS_FAILED, g_steal_pointer (&error));
}

static void
frame_cb (RtkCamera *camera, RtkFrame *frame, gpointer user_data)
{
  RtkRetakeSession *self = RTK_RETAKE_SESSION (user_data);
  RtkStep          *step;

  if (self->closed)
    return;
  rtk_frame_ref (frame);
  g_clear_pointer (&self->frame, rtk_frame_unref);
  self->frame = frame;
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_FRAME);
  /* The worker is wanted for the photo. */
  if (self->state == RTK_SESSION_SHOOTING)
    return;
  step = rtk_step_new (self, NULL);
  step->serial = frame->serial;
  rtk_analyser_analyse_async (self->analyser, frame, NULL, analysed_cb, step);
}

static void
code_cb (RtkCamera *camera, const char *symbology, const char *payload, gpointer user_data)
{
  RtkRetakeSession *self = RTK_RETAKE_SESSION (user_data);
  gint64            now = rtk_clock_monotonic (self->clock);
  gboolean          again;

  /* While a step runs that must not be disturbed, the code is not seen: it still counts when it is
   * held there afterwards. */
  if (self->closed || payload == NULL || *payload == '\0' || self->state == RTK_SESSION_OPENING ||
      self->state == RTK_SESSION_SUBMITTING || self->state == RTK_SESSION_UNDOING)
    return;
  again = g_strcmp0 (payload, self->seen_code) == 0 && now - self->seen_at < SEEN_AGAIN_US;
  self->seen_at = now;
  if (again)
    return;
  g_free (self->seen_code);
  self->seen_code = g_strdup (payload);

  if (self->state == RTK_SESSION_IDLE || self->state == RTK_SESSION_SUBMITTED)
    rtk_retake_session_open_code (self, payload);
  else
    rtk_retake_open_check_code (self, payload);
}

static void
camera_device_cb (GObject *object, GParamSpec *pspec, gpointer user_data)
{
  RtkRetakeSession *self = RTK_RETAKE_SESSION (user_data);

  if (self->closed)
    return;
  /* Another device counts its frames from the beginning. */
  rtk_retake_live_forget (self);
  rtk_retake_live_show (self);
}

static void
camera_state_cb (GObject *object, GParamSpec *pspec, gpointer user_data)
{
  RtkRetakeSession *self = RTK_RETAKE_SESSION (user_data);

  if (self->closed || rtk_camera_get_state (self->camera) == RTK_CAMERA_LIVE)
    return;
  /* A frozen picture looks like a live one: it goes. */
  rtk_retake_live_forget (self);
  if (self->frame != NULL) {
    g_clear_pointer (&self->frame, rtk_frame_unref);
    rtk_retake_session_notify (self, RTK_RETAKE_PROP_FRAME);
  }
  rtk_retake_live_show (self);
  rtk_retake_shot_camera_gone (self);
}

/**
 * rtk_retake_live_connect:
 * @self: a session
 *
 * Listens to the camera from now on.
 */
void
rtk_retake_live_connect (RtkRetakeSession *self)
{
  g_signal_connect_object (self->analyser, "preview", G_CALLBACK (preview_cb), self, 0);
  if (self->camera == NULL)
    return;
  g_signal_connect_object (self->camera, "frame", G_CALLBACK (frame_cb), self, 0);
  g_signal_connect_object (self->camera, "code", G_CALLBACK (code_cb), self, 0);
  g_signal_connect_object (self->camera, "notify::state", G_CALLBACK (camera_state_cb), self, 0);
  g_signal_connect_object (self->camera, "notify::device", G_CALLBACK (camera_device_cb), self, 0);
  rtk_camera_set_scanning (self->camera, TRUE);
}

/**
 * rtk_retake_live_forget:
 * @self: a session
 *
 * Lets the frames until now count no longer: another person, another camera or other rules. What
 * is still being measured of them will be dropped.
 */
void
rtk_retake_live_forget (RtkRetakeSession *self)
{
  self->generation++;
  rtk_analyser_reset (self->analyser);
  drop_analysis (self);
  rtk_retake_session_update_ready (self);
}

/**
 * rtk_retake_live_show:
 * @self: a session
 *
 * Lets the chips show what is looked at: the chosen photo, else the live view.
 */
void
rtk_retake_live_show (RtkRetakeSession *self)
{
  RtkReport *report = self->report;

  if (shows_attempt (self))
    report = rtk_attempt_get_photo (self->subject->chosen)->report;
  rtk_check_list_reset (self->checks, report);
  rtk_retake_session_update_ready (self);
}

/**
 * rtk_retake_live_ask_preview:
 * @self: a session
 *
 * Tells the analyser whether previews are wanted, and over which background.
 */
void
rtk_retake_live_ask_preview (RtkRetakeSession *self)
{
  const RtkBackground *background =
      self->background == NULL ? NULL
                               : rtk_rule_pack_find_background (self->pack, self->background);

  if (self->previewing && background != NULL) {
    rtk_analyser_set_preview (self->analyser, self->pack, background);
    return;
  }
  rtk_analyser_set_preview (self->analyser, NULL, NULL);
  set_preview (self, NULL);
}
