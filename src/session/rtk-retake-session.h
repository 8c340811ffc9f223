/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-analyser.h"
#include "core/rtk-camera.h"
#include "core/rtk-clock.h"
#include "core/rtk-store.h"
#include "core/rtk-transport.h"
#include "core/rtk-vault.h"
#include "session/rtk-attempt.h"
#include "session/rtk-check-list.h"
#include "session/rtk-reason-list.h"
#include "session/rtk-session-state.h"

G_BEGIN_DECLS

/* How long a submission can be undone. */
#define RTK_RETAKE_SESSION_UNDO_SECONDS 20

#define RTK_TYPE_RETAKE_SESSION (rtk_retake_session_get_type ())

/* One re-shoot station at work, without a display. Main thread only; every call returns at once and
 * its outcome shows in the properties, all of them read-only but the last four:
 *
 * "state" (int of RtkSessionState), "order" (RtkOrder, nullable), "old-photo" (GBytes of a JPEG,
 *   nullable), "old-photo-state" (int of RtkOldPhotoState)
 * "preview" (RtkImage, nullable: a live frame as the finished photo would be, while it is wanted)
 * "frame" (RtkFrame, nullable: at camera rate), "analysis" (RtkAnalysis, nullable), "report"
 *   (RtkReport, nullable) and "report-frame-serial" (guint64): the newest frame that was judged
 * "checks" (RtkCheckList): live, or of the chosen photo while one is looked at; "reasons"
 *   (RtkReasonList); "ready" (boolean: the shutter may be pressed without an override)
 * "attempts" (GListModel of RtkAttempt), "chosen" (RtkAttempt, nullable)
 * "message" (int of RtkSessionMessage), "detail" (char*, nullable), "error" (GError, nullable: of
 *   the step that failed last); "message" is notified for every message, the same one twice too
 * "submitted-operation" (RtkOperation, nullable) and "undo-deadline" (gint64, wall clock in
 *   microseconds, 0 = nothing to undo): until it is released
 * "last-shot-ms" (double): shutter to finished photo
 * "pack" (RtkRulePack), "background" (char*, a name of the pack), "undo-seconds" (guint),
 *   "overrides" (GPtrArray of RtkOverride, nullable: accepted for the open subject by name, dropped
 *   with it) */
G_DECLARE_FINAL_TYPE (RtkRetakeSession, rtk_retake_session, RTK, RETAKE_SESSION, GObject)

RtkRetakeSession *rtk_retake_session_new (RtkCamera    *camera,
                                          RtkAnalyser  *analyser,
                                          RtkStore     *store,
                                          RtkVault     *vault,
                                          RtkTransport *transport,
                                          RtkClock     *clock,
                                          RtkRulePack  *pack) G_GNUC_WARN_UNUSED_RESULT;

/* What a person does. FALSE = not now; "message" says why. */
gboolean rtk_retake_session_open_order (RtkRetakeSession *self, const char *order_id);
gboolean rtk_retake_session_open_code (RtkRetakeSession *self, const char *payload);
gboolean rtk_retake_session_open_pending (RtkRetakeSession *self);
gboolean rtk_retake_session_leave (RtkRetakeSession *self);
gboolean rtk_retake_session_shoot (RtkRetakeSession *self);
gboolean rtk_retake_session_take_still (RtkRetakeSession *self, RtkStill *still);
gboolean rtk_retake_session_choose (RtkRetakeSession *self, guint number);
gboolean rtk_retake_session_retake (RtkRetakeSession *self);
gboolean rtk_retake_session_submit (RtkRetakeSession *self, const char *actor);
gboolean rtk_retake_session_undo (RtkRetakeSession *self);
void     rtk_retake_session_clear_message (RtkRetakeSession *self);
/* Does what is due by the clock (release, steady verdicts). It is called by itself in time. */
void rtk_retake_session_settle (RtkRetakeSession *self);

void rtk_retake_session_set_pack (RtkRetakeSession *self, RtkRulePack *pack);
void rtk_retake_session_set_background (RtkRetakeSession *self, const char *name);
void rtk_retake_session_set_overrides (RtkRetakeSession *self, GPtrArray *overrides);
void rtk_retake_session_set_undo_seconds (RtkRetakeSession *self, guint seconds);
void rtk_retake_session_set_previewing (RtkRetakeSession *self, gboolean previewing);

/* Ends the work: cancels what runs and releases what is held. Afterwards nothing can be opened. */
void rtk_retake_session_shutdown_async (RtkRetakeSession   *self,
                                        GAsyncReadyCallback callback,
                                        gpointer            user_data);
gboolean
rtk_retake_session_shutdown_finish (RtkRetakeSession *self, GAsyncResult *result, GError **error);

RtkSessionState   rtk_retake_session_get_state (RtkRetakeSession *self);
RtkOrder         *rtk_retake_session_get_order (RtkRetakeSession *self);
GBytes           *rtk_retake_session_get_old_photo (RtkRetakeSession *self);
RtkOldPhotoState  rtk_retake_session_get_old_photo_state (RtkRetakeSession *self);
RtkFrame         *rtk_retake_session_get_frame (RtkRetakeSession *self);
RtkImage         *rtk_retake_session_get_preview (RtkRetakeSession *self);
RtkAnalysis      *rtk_retake_session_get_analysis (RtkRetakeSession *self);
RtkReport        *rtk_retake_session_get_report (RtkRetakeSession *self);
guint64           rtk_retake_session_get_report_frame_serial (RtkRetakeSession *self);
RtkCheckList     *rtk_retake_session_get_checks (RtkRetakeSession *self);
RtkReasonList    *rtk_retake_session_get_reasons (RtkRetakeSession *self);
gboolean          rtk_retake_session_is_ready (RtkRetakeSession *self);
GListModel       *rtk_retake_session_get_attempts (RtkRetakeSession *self);
RtkAttempt       *rtk_retake_session_get_chosen (RtkRetakeSession *self);
RtkSessionMessage rtk_retake_session_get_message (RtkRetakeSession *self);
const char       *rtk_retake_session_get_detail (RtkRetakeSession *self);
const GError     *rtk_retake_session_get_error (RtkRetakeSession *self);
RtkOperation     *rtk_retake_session_get_submitted_operation (RtkRetakeSession *self);
gint64            rtk_retake_session_get_undo_deadline (RtkRetakeSession *self);
double            rtk_retake_session_get_last_shot_ms (RtkRetakeSession *self);
RtkRulePack      *rtk_retake_session_get_pack (RtkRetakeSession *self);
const char       *rtk_retake_session_get_background (RtkRetakeSession *self);
GPtrArray        *rtk_retake_session_get_overrides (RtkRetakeSession *self);
/* Whether leaving would throw photos away that were not submitted: ask first. */
gboolean rtk_retake_session_has_unsubmitted (RtkRetakeSession *self);
/* (element-type RtkCheckId) blocking checks that are not green: of the chosen photo, or live. */
GArray *rtk_retake_session_dup_failed (RtkRetakeSession *self) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
