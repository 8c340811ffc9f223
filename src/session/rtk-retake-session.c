/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-session"
#include "config.h"

#include "session/rtk-retake-session-private.h"

G_DEFINE_FINAL_TYPE (RtkRetakeSession, rtk_retake_session, G_TYPE_OBJECT)

static GParamSpec *properties[RTK_RETAKE_N_PROPS];

static void
checks_ready_cb (RtkCheckList *checks, GParamSpec *pspec, gpointer user_data)
{
  rtk_retake_session_update_ready (RTK_RETAKE_SESSION (user_data));
}

static void
get_live_property (RtkRetakeSession *self, RtkRetakeProp id, GValue *value)
{
  if (id == RTK_RETAKE_PROP_FRAME)
    g_value_set_boxed (value, self->frame);
  else if (id == RTK_RETAKE_PROP_ANALYSIS)
    g_value_set_boxed (value, self->analysis);
  else if (id == RTK_RETAKE_PROP_REPORT)
    g_value_set_boxed (value, self->report);
  else if (id == RTK_RETAKE_PROP_REPORT_FRAME_SERIAL)
    g_value_set_uint64 (value, self->report_serial);
  else if (id == RTK_RETAKE_PROP_CHECKS)
    g_value_set_object (value, self->checks);
  else if (id == RTK_RETAKE_PROP_REASONS)
    g_value_set_object (value, self->reasons);
  else if (id == RTK_RETAKE_PROP_READY)
    g_value_set_boolean (value, self->ready);
  else if (id == RTK_RETAKE_PROP_LAST_SHOT_MS)
    g_value_set_double (value, self->last_shot_ms);
}

static void
rtk_retake_session_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  RtkRetakeSession *self = RTK_RETAKE_SESSION (object);

  switch (id) {
  case RTK_RETAKE_PROP_STATE:
    g_value_set_int (value, (int)self->state);
    break;
  case RTK_RETAKE_PROP_ORDER:
    g_value_set_object (value, rtk_retake_session_get_order (self));
    break;
  case RTK_RETAKE_PROP_OLD_PHOTO:
    g_value_set_boxed (value, rtk_retake_session_get_old_photo (self));
    break;
  case RTK_RETAKE_PROP_OLD_PHOTO_STATE:
    g_value_set_int (value, (int)rtk_retake_session_get_old_photo_state (self));
    break;
  case RTK_RETAKE_PROP_ATTEMPTS:
    g_value_set_object (value, self->attempts);
    break;
  case RTK_RETAKE_PROP_CHOSEN:
    g_value_set_object (value, rtk_retake_session_get_chosen (self));
    break;
  case RTK_RETAKE_PROP_MESSAGE:
    g_value_set_int (value, (int)self->message);
    break;
  case RTK_RETAKE_PROP_DETAIL:
    g_value_set_string (value, self->detail);
    break;
  case RTK_RETAKE_PROP_ERROR:
    g_value_set_boxed (value, self->error);
    break;
  case RTK_RETAKE_PROP_SUBMITTED_OPERATION:
    g_value_set_object (value, self->held_operation);
    break;
  case RTK_RETAKE_PROP_UNDO_DEADLINE:
    g_value_set_int64 (value, self->undo_deadline);
    break;
  case RTK_RETAKE_PROP_PACK:
    g_value_set_boxed (value, self->pack);
    break;
  case RTK_RETAKE_PROP_BACKGROUND:
    g_value_set_string (value, self->background);
    break;
  case RTK_RETAKE_PROP_UNDO_SECONDS:
    g_value_set_uint (value, self->undo_seconds);
    break;
  case RTK_RETAKE_PROP_OVERRIDES:
    g_value_set_boxed (value, rtk_retake_session_get_overrides (self));
    break;
  default:
    get_live_property (self, (RtkRetakeProp)id, value);
  }
}

static void
rtk_retake_session_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  RtkRetakeSession *self = RTK_RETAKE_SESSION (object);

  switch (id) {
  case RTK_RETAKE_PROP_PACK:
    rtk_retake_session_set_pack (self, g_value_get_boxed (value));
    break;
  case RTK_RETAKE_PROP_BACKGROUND:
    rtk_retake_session_set_background (self, g_value_get_string (value));
    break;
  case RTK_RETAKE_PROP_UNDO_SECONDS:
    rtk_retake_session_set_undo_seconds (self, g_value_get_uint (value));
    break;
  case RTK_RETAKE_PROP_OVERRIDES:
    rtk_retake_session_set_overrides (self, g_value_get_boxed (value));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
rtk_retake_session_dispose (GObject *object)
{
  RtkRetakeSession *self = RTK_RETAKE_SESSION (object);

  self->closed = TRUE;
  g_clear_handle_id (&self->release_id, g_source_remove);
  g_cancellable_cancel (self->open_cancellable);
  g_cancellable_cancel (self->shot_cancellable);
  g_clear_object (&self->open_cancellable);
  g_clear_object (&self->shot_cancellable);
  if (self->subject != NULL)
    g_cancellable_cancel (self->subject->cancellable);
  g_clear_pointer (&self->subject, rtk_subject_unref);
  g_clear_pointer (&self->held, rtk_subject_unref);
  g_clear_object (&self->held_operation);
  g_clear_object (&self->reasons);
  g_clear_object (&self->checks);
  g_clear_object (&self->camera);
  g_clear_object (&self->analyser);
  g_clear_object (&self->store);
  g_clear_object (&self->vault);
  g_clear_object (&self->transport);
  G_OBJECT_CLASS (rtk_retake_session_parent_class)->dispose (object);
}

static void
rtk_retake_session_finalize (GObject *object)
{
  RtkRetakeSession *self = RTK_RETAKE_SESSION (object);

  g_clear_pointer (&self->frame, rtk_frame_unref);
  g_clear_pointer (&self->preview, rtk_image_unref);
  g_clear_pointer (&self->analysis, rtk_analysis_unref);
  g_clear_pointer (&self->report, rtk_report_unref);
  g_clear_pointer (&self->pack, rtk_rule_pack_unref);
  g_clear_object (&self->attempts);
  g_clear_object (&self->clock);
  g_clear_error (&self->error);
  g_free (self->background);
  g_free (self->seen_code);
  g_free (self->pending_order_id);
  g_free (self->detail);
  G_OBJECT_CLASS (rtk_retake_session_parent_class)->finalize (object);
}

static void
rtk_retake_session_class_init (RtkRetakeSessionClass *klass)
{
  GObjectClass     *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
  const GParamFlags both = flags | G_PARAM_WRITABLE;

  object_class->get_property = rtk_retake_session_get_property;
  object_class->set_property = rtk_retake_session_set_property;
  object_class->dispose = rtk_retake_session_dispose;
  object_class->finalize = rtk_retake_session_finalize;

  properties[RTK_RETAKE_PROP_STATE] =
      g_param_spec_int ("state", NULL, NULL, 0, RTK_N_SESSION_STATES - 1, RTK_SESSION_IDLE, flags);
  properties[RTK_RETAKE_PROP_ORDER] =
      g_param_spec_object ("order", NULL, NULL, RTK_TYPE_ORDER, flags);
  properties[RTK_RETAKE_PROP_OLD_PHOTO] =
      g_param_spec_boxed ("old-photo", NULL, NULL, G_TYPE_BYTES, flags);
  properties[RTK_RETAKE_PROP_OLD_PHOTO_STATE] =
      g_param_spec_int ("old-photo-state", NULL, NULL, RTK_OLD_PHOTO_NONE, RTK_OLD_PHOTO_FAILED,
                        RTK_OLD_PHOTO_NONE, flags);
  properties[RTK_RETAKE_PROP_FRAME] =
      g_param_spec_boxed ("frame", NULL, NULL, RTK_TYPE_FRAME, flags);
  properties[RTK_RETAKE_PROP_PREVIEW] =
      g_param_spec_boxed ("preview", NULL, NULL, RTK_TYPE_IMAGE, flags);
  properties[RTK_RETAKE_PROP_ANALYSIS] =
      g_param_spec_boxed ("analysis", NULL, NULL, RTK_TYPE_ANALYSIS, flags);
  properties[RTK_RETAKE_PROP_REPORT] =
      g_param_spec_boxed ("report", NULL, NULL, RTK_TYPE_REPORT, flags);
  properties[RTK_RETAKE_PROP_REPORT_FRAME_SERIAL] =
      g_param_spec_uint64 ("report-frame-serial", NULL, NULL, 0, G_MAXUINT64, 0, flags);
  properties[RTK_RETAKE_PROP_CHECKS] =
      g_param_spec_object ("checks", NULL, NULL, RTK_TYPE_CHECK_LIST, flags);
  properties[RTK_RETAKE_PROP_REASONS] =
      g_param_spec_object ("reasons", NULL, NULL, RTK_TYPE_REASON_LIST, flags);
  properties[RTK_RETAKE_PROP_READY] = g_param_spec_boolean ("ready", NULL, NULL, FALSE, flags);
  properties[RTK_RETAKE_PROP_ATTEMPTS] =
      g_param_spec_object ("attempts", NULL, NULL, G_TYPE_LIST_MODEL, flags);
  properties[RTK_RETAKE_PROP_CHOSEN] =
      g_param_spec_object ("chosen", NULL, NULL, RTK_TYPE_ATTEMPT, flags);
  properties[RTK_RETAKE_PROP_MESSAGE] = g_param_spec_int (
      "message", NULL, NULL, 0, RTK_N_SESSION_MESSAGES - 1, RTK_SESSION_MESSAGE_NONE, flags);
  properties[RTK_RETAKE_PROP_DETAIL] = g_param_spec_string ("detail", NULL, NULL, NULL, flags);
  properties[RTK_RETAKE_PROP_ERROR] = g_param_spec_boxed ("error", NULL, NULL, G_TYPE_ERROR, flags);
  properties[RTK_RETAKE_PROP_SUBMITTED_OPERATION] =
      g_param_spec_object ("submitted-operation", NULL, NULL, RTK_TYPE_OPERATION, flags);
  properties[RTK_RETAKE_PROP_UNDO_DEADLINE] =
      g_param_spec_int64 ("undo-deadline", NULL, NULL, 0, G_MAXINT64, 0, flags);
  properties[RTK_RETAKE_PROP_LAST_SHOT_MS] =
      g_param_spec_double ("last-shot-ms", NULL, NULL, 0, G_MAXDOUBLE, 0, flags);
  properties[RTK_RETAKE_PROP_PACK] =
      g_param_spec_boxed ("pack", NULL, NULL, RTK_TYPE_RULE_PACK, both);
  properties[RTK_RETAKE_PROP_BACKGROUND] =
      g_param_spec_string ("background", NULL, NULL, NULL, both);
  properties[RTK_RETAKE_PROP_UNDO_SECONDS] = g_param_spec_uint (
      "undo-seconds", NULL, NULL, 0, 3600, RTK_RETAKE_SESSION_UNDO_SECONDS, both);
  properties[RTK_RETAKE_PROP_OVERRIDES] =
      g_param_spec_boxed ("overrides", NULL, NULL, G_TYPE_PTR_ARRAY, both);
  g_object_class_install_properties (object_class, RTK_RETAKE_N_PROPS, properties);
}

static void
rtk_retake_session_init (RtkRetakeSession *self)
{
  self->attempts = g_list_store_new (RTK_TYPE_ATTEMPT);
  self->undo_seconds = RTK_RETAKE_SESSION_UNDO_SECONDS;
}

/**
 * rtk_step_new:
 * @self: the session that begins something
 * @cancellable: (nullable): ends it
 *
 * Notes for whom a step is done: the subject and the generation of frames of this moment.
 *
 * Returns: (transfer full): data for the callback, which owns it
 */
RtkStep *
rtk_step_new (RtkRetakeSession *self, GCancellable *cancellable)
{
  RtkStep *step = g_new0 (RtkStep, 1);

  g_weak_ref_init (&step->session, self);
  if (self->subject != NULL)
    step->subject = rtk_subject_ref (self->subject);
  g_set_object (&step->cancellable, cancellable);
  step->generation = self->generation;
  return step;
}

/**
 * rtk_step_free:
 * @step: (transfer full): a step
 *
 * Frees @step.
 */
void
rtk_step_free (RtkStep *step)
{
  g_weak_ref_clear (&step->session);
  g_clear_pointer (&step->subject, rtk_subject_unref);
  g_clear_object (&step->cancellable);
  g_free (step);
}

/**
 * rtk_step_dup_session:
 * @step: a step
 *
 * Returns: (transfer full) (nullable): its session, %NULL when it is gone or being disposed
 */
RtkRetakeSession *
rtk_step_dup_session (RtkStep *step)
{
  RtkRetakeSession *self = g_weak_ref_get (&step->session);

  if (self != NULL && self->store == NULL)
    g_clear_object (&self);
  return self;
}

/**
 * rtk_retake_session_notify:
 * @self: a session
 * @prop: which property is another now
 *
 * Tells those who look.
 */
void
rtk_retake_session_notify (RtkRetakeSession *self, RtkRetakeProp prop)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[prop]);
}

/**
 * rtk_retake_session_enter:
 * @self: a session
 * @state: the next state; the step must exist
 *
 * Goes to @state, and looks for codes only where one may be used.
 */
void
rtk_retake_session_enter (RtkRetakeSession *self, RtkSessionState state)
{
  if (state == self->state)
    return;
  g_assert (rtk_session_state_may_become (self->state, state));
  self->state = state;
  if (self->camera != NULL)
    rtk_camera_set_scanning (self->camera, !self->closed && (state == RTK_SESSION_IDLE ||
                                                             state == RTK_SESSION_LIVE ||
                                                             state == RTK_SESSION_SUBMITTED));
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_STATE);
  rtk_retake_session_update_ready (self);
}

/**
 * rtk_retake_session_say:
 * @self: a session
 * @message: what there is to say
 * @detail: (nullable): the word it is about
 *
 * Says it; also when the same was said before.
 */
void
rtk_retake_session_say (RtkRetakeSession *self, RtkSessionMessage message, const char *detail)
{
  self->message = message;
  if (g_strcmp0 (self->detail, detail) != 0) {
    g_free (self->detail);
    self->detail = g_strdup (detail);
    rtk_retake_session_notify (self, RTK_RETAKE_PROP_DETAIL);
  }
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_MESSAGE);
}

/**
 * rtk_retake_session_fail:
 * @self: a session
 * @message: what could not be done
 * @error: (transfer full) (nullable): why; %NULL forgets the last one
 *
 * Keeps the error and says that the step failed.
 */
void
rtk_retake_session_fail (RtkRetakeSession *self, RtkSessionMessage message, GError *error)
{
  if (self->error != NULL || error != NULL) {
    g_clear_error (&self->error);
    self->error = error;
    rtk_retake_session_notify (self, RTK_RETAKE_PROP_ERROR);
  }
  if (message != RTK_SESSION_MESSAGE_NONE)
    rtk_retake_session_say (self, message, NULL);
}

/**
 * rtk_retake_session_set_subject:
 * @self: a session
 * @subject: (nullable): who is open now
 *
 * Changes the person. What runs for the former one is cancelled and will be dropped; nothing of
 * theirs stays to be seen.
 */
void
rtk_retake_session_set_subject (RtkRetakeSession *self, RtkSubject *subject)
{
  g_autoptr (RtkSubject) former = g_steal_pointer (&self->subject);
  RtkSubmission   *rejected = NULL;
  const RtkReason *reasons = NULL;
  guint            n_reasons = 0;

  if (former != NULL && former != subject)
    g_cancellable_cancel (former->cancellable);
  if (subject != NULL) {
    self->subject = rtk_subject_ref (subject);
    /* After an undo somebody is back who was left before. */
    if (g_cancellable_is_cancelled (subject->cancellable)) {
      g_object_unref (subject->cancellable);
      subject->cancellable = g_cancellable_new ();
    }
    rejected = rtk_subject_get_rejected (subject);
  }
  if (former == subject)
    return;

  g_clear_pointer (&self->pending_order_id, g_free);
  rtk_retake_live_forget (self);
  if (rejected != NULL)
    reasons = rtk_submission_get_reasons (rejected, &n_reasons);
  rtk_reason_list_set_reasons (self->reasons, reasons, n_reasons);
  g_list_store_splice (self->attempts, 0, g_list_model_get_n_items (G_LIST_MODEL (self->attempts)),
                       subject == NULL ? NULL : subject->attempts->pdata,
                       subject == NULL ? 0 : subject->attempts->len);
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_ORDER);
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_OLD_PHOTO_STATE);
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_OLD_PHOTO);
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_CHOSEN);
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_OVERRIDES);
}

/**
 * rtk_retake_session_set_chosen:
 * @self: a session with a subject
 * @attempt: (nullable): the attempt to look at; %NULL = the live view
 *
 * Changes what is looked at; the chips follow.
 */
void
rtk_retake_session_set_chosen (RtkRetakeSession *self, RtkAttempt *attempt)
{
  if (g_set_object (&self->subject->chosen, attempt))
    rtk_retake_session_notify (self, RTK_RETAKE_PROP_CHOSEN);
  rtk_retake_live_show (self);
}

/**
 * rtk_retake_session_update_ready:
 * @self: a session
 *
 * Computes whether the shutter may be pressed: a subject in the live view of a camera that works,
 * and no blocking rule that fails.
 */
void
rtk_retake_session_update_ready (RtkRetakeSession *self)
{
  gboolean ready = self->state == RTK_SESSION_LIVE && self->report != NULL &&
                   rtk_check_list_is_ready (self->checks);

  if (ready == self->ready)
    return;
  self->ready = ready;
  rtk_retake_session_notify (self, RTK_RETAKE_PROP_READY);
}

/**
 * rtk_retake_session_new:
 * @camera: (nullable): the station's camera; the caller starts and stops it. %NULL: only
 *   rtk_retake_session_take_still()
 * @analyser: the eye
 * @store: the station's memory
 * @vault: where its photos lie
 * @transport: (nullable): the way to the server, for old photos that are not here
 * @clock: time
 * @pack: the rules
 *
 * Begins the work of a station. References are taken. The state is idle; end with
 * rtk_retake_session_shutdown_async().
 *
 * Returns: (transfer full): a new session
 */
RtkRetakeSession *
rtk_retake_session_new (RtkCamera    *camera,
                        RtkAnalyser  *analyser,
                        RtkStore     *store,
                        RtkVault     *vault,
                        RtkTransport *transport,
                        RtkClock     *clock,
                        RtkRulePack  *pack)
{
  RtkRetakeSession    *self;
  const RtkBackground *backgrounds;
  guint                n_backgrounds = 0;

  g_return_val_if_fail (camera == NULL || RTK_IS_CAMERA (camera), NULL);
  g_return_val_if_fail (RTK_IS_ANALYSER (analyser) && RTK_IS_STORE (store), NULL);
  g_return_val_if_fail (RTK_IS_VAULT (vault) && RTK_IS_CLOCK (clock) && pack != NULL, NULL);

  self = g_object_new (RTK_TYPE_RETAKE_SESSION, NULL);
  g_set_object (&self->camera, camera);
  g_set_object (&self->analyser, analyser);
  g_set_object (&self->store, store);
  g_set_object (&self->vault, vault);
  g_set_object (&self->transport, transport);
  g_set_object (&self->clock, clock);
  self->pack = rtk_rule_pack_ref (pack);
  backgrounds = rtk_rule_pack_get_backgrounds (pack, &n_backgrounds);
  self->background = n_backgrounds == 0 ? NULL : g_strdup (backgrounds[0].name);
  self->checks = rtk_check_list_new (clock, pack);
  self->reasons = rtk_reason_list_new (self->checks);
  g_signal_connect_object (self->checks, "notify::ready", G_CALLBACK (checks_ready_cb), self, 0);
  rtk_retake_open_connect (self);
  rtk_retake_live_connect (self);
  return self;
}

/**
 * rtk_retake_session_clear_message:
 * @self: a session
 *
 * Takes the last message back: it was read.
 */
void
rtk_retake_session_clear_message (RtkRetakeSession *self)
{
  g_return_if_fail (RTK_IS_RETAKE_SESSION (self));
  rtk_retake_session_say (self, RTK_SESSION_MESSAGE_NONE, NULL);
}

/**
 * rtk_retake_session_settle:
 * @self: a session
 *
 * Does what is due by the clock: releases what was held long enough, and shows verdicts that held.
 * It is called by itself in time; by hand only where the clock is not the system's.
 */
void
rtk_retake_session_settle (RtkRetakeSession *self)
{
  g_return_if_fail (RTK_IS_RETAKE_SESSION (self));
  rtk_check_list_settle (self->checks);
  rtk_retake_submit_settle (self);
}
