/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "session/rtk-retake-session.h"
#include "session/rtk-subject-private.h"

G_BEGIN_DECLS

typedef enum {
  RTK_RETAKE_PROP_0,
  RTK_RETAKE_PROP_STATE,
  RTK_RETAKE_PROP_ORDER,
  RTK_RETAKE_PROP_OLD_PHOTO,
  RTK_RETAKE_PROP_OLD_PHOTO_STATE,
  RTK_RETAKE_PROP_FRAME,
  RTK_RETAKE_PROP_PREVIEW,
  RTK_RETAKE_PROP_ANALYSIS,
  RTK_RETAKE_PROP_REPORT,
  RTK_RETAKE_PROP_REPORT_FRAME_SERIAL,
  RTK_RETAKE_PROP_CHECKS,
  RTK_RETAKE_PROP_REASONS,
  RTK_RETAKE_PROP_READY,
  RTK_RETAKE_PROP_ATTEMPTS,
  RTK_RETAKE_PROP_CHOSEN,
  RTK_RETAKE_PROP_MESSAGE,
  RTK_RETAKE_PROP_DETAIL,
  RTK_RETAKE_PROP_ERROR,
  RTK_RETAKE_PROP_SUBMITTED_OPERATION,
  RTK_RETAKE_PROP_UNDO_DEADLINE,
  RTK_RETAKE_PROP_LAST_SHOT_MS,
  RTK_RETAKE_PROP_PACK,
  RTK_RETAKE_PROP_BACKGROUND,
  RTK_RETAKE_PROP_UNDO_SECONDS,
  RTK_RETAKE_PROP_OVERRIDES,
  RTK_RETAKE_N_PROPS
} RtkRetakeProp;

/* Main thread only. */
struct _RtkRetakeSession {
  GObject parent_instance;

  RtkCamera    *camera;     /* (owned) (nullable) */
  RtkAnalyser  *analyser;   /* (owned) */
  RtkStore     *store;      /* (owned) */
  RtkVault     *vault;      /* (owned) */
  RtkTransport *transport;  /* (owned) (nullable) */
  RtkClock     *clock;      /* (owned) */
  RtkRulePack  *pack;       /* (owned) */
  char         *background; /* (owned) */

  RtkSessionState state;
  RtkSubject     *subject;  /* (owned) (nullable): who is open */
  GListStore     *attempts; /* (owned): the film strip of @subject */
  gboolean        closed;

  /* The live view. */
  RtkFrame      *frame;   /* (owned) (nullable) */
  RtkImage      *preview; /* (owned) (nullable): only while it is wanted */
  gboolean       previewing;
  RtkAnalysis   *analysis; /* (owned) (nullable) */
  RtkReport     *report;   /* (owned) (nullable) */
  guint64        report_serial;
  guint64        generation; /* grows when former frames no longer count */
  gboolean       analysis_failed;
  RtkCheckList  *checks;  /* (owned) */
  RtkReasonList *reasons; /* (owned) */
  gboolean       ready;

  /* Codes the camera reads: the same one stays in view for many frames. */
  char  *seen_code; /* (owned) (nullable): never shown, never logged */
  gint64 seen_at;
  char  *pending_order_id; /* (owned) (nullable): whose code was read while another is open */

  GCancellable *open_cancellable; /* (owned) (nullable): of the look-up that runs */
  GCancellable *shot_cancellable; /* (owned) (nullable): of the shot that runs */
  gboolean      capturing;        /* the camera has not given the still yet */
  gint64        shot_at;
  double        last_shot_ms;

  /* What was submitted and is held. */
  RtkSubject     *held;           /* (owned) (nullable) */
  RtkOperation   *held_operation; /* (owned) (nullable) */
  gint64          undo_deadline;  /* wall clock, for those who look */
  gint64          held_until;     /* the same moment, monotonic */
  guint           undo_seconds;
  guint           release_id;
  RtkSessionState undo_from;

  RtkSessionMessage message;
  char             *detail; /* (owned) (nullable) */
  GError           *error;  /* (owned) (nullable) */

  GTask *shutdown; /* (owned) (nullable): waits for the end of a commit or an undo */
};

/* What is under way: knows its session without keeping it, and whose result it will be. */
typedef struct {
  GWeakRef      session;
  RtkSubject   *subject;     /* (owned) (nullable) */
  GCancellable *cancellable; /* (owned) (nullable) */
  guint64       generation;
  guint64       serial;
} RtkStep;

RtkStep          *rtk_step_new (RtkRetakeSession *self, GCancellable *cancellable);
void              rtk_step_free (RtkStep *step);
RtkRetakeSession *rtk_step_dup_session (RtkStep *step);

void rtk_retake_session_notify (RtkRetakeSession *self, RtkRetakeProp prop);
void rtk_retake_session_enter (RtkRetakeSession *self, RtkSessionState state);
void rtk_retake_session_say (RtkRetakeSession *self, RtkSessionMessage message, const char *detail);
void rtk_retake_session_fail (RtkRetakeSession *self, RtkSessionMessage message, GError *error);
void rtk_retake_session_set_subject (RtkRetakeSession *self, RtkSubject *subject);
void rtk_retake_session_set_chosen (RtkRetakeSession *self, RtkAttempt *attempt);
void rtk_retake_session_update_ready (RtkRetakeSession *self);

/* rtk-retake-live.c */
void rtk_retake_live_connect (RtkRetakeSession *self);
void rtk_retake_live_forget (RtkRetakeSession *self);
void rtk_retake_live_show (RtkRetakeSession *self);
void rtk_retake_live_ask_preview (RtkRetakeSession *self);
/* rtk-retake-open.c */
void rtk_retake_open_connect (RtkRetakeSession *self);
void rtk_retake_open_check_code (RtkRetakeSession *self, const char *payload);
void rtk_retake_open_refresh (RtkRetakeSession *self);
void rtk_retake_open_load_old_photo (RtkRetakeSession *self);
/* rtk-retake-shot.c */
void rtk_retake_shot_camera_gone (RtkRetakeSession *self);
/* rtk-retake-submit.c */
void rtk_retake_submit_release (RtkRetakeSession *self);
void rtk_retake_submit_settle (RtkRetakeSession *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkStep, rtk_step_free)

G_END_DECLS
