/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-order.h"
#include "core/rtk-reason.h"
#include "server/rtk-server-client.h"
#include "server/rtk-server-simulate.h"

#include <sodium.h>

G_BEGIN_DECLS

/* What the files of the simulated campus share. Everything is done through the public routes. */

/* How far somebody comes by themselves. */
typedef enum {
  RTK_SERVER_WAY_ABSENT,
  RTK_SERVER_WAY_ACCOUNT, /* an account with a code */
  RTK_SERVER_WAY_ORDER,   /* an order without a photo */
  RTK_SERVER_WAY_ONLINE,  /* with a photo */
  RTK_SERVER_WAY_DESK,    /* walks in at the desk */
} RtkServerWay;

typedef enum {
  RTK_SERVER_PAY_NOTHING,
  RTK_SERVER_PAY_PENDING, /* has a code to pay and does not */
  RTK_SERVER_PAY_FAILED,
  RTK_SERVER_PAY_CODE,
  RTK_SERVER_PAY_CASH,
  RTK_SERVER_PAY_WAIVER,
} RtkServerPay;

/* What reviewers make of the photo. */
typedef enum {
  RTK_SERVER_LOOK_NONE,
  RTK_SERVER_LOOK_APPROVED,
  RTK_SERVER_LOOK_REJECTED,
  RTK_SERVER_LOOK_CORRECTED,   /* rejected, and approved by a supervisor */
  RTK_SERVER_LOOK_UNDONE,      /* rejected, taken back, in review again */
  RTK_SERVER_LOOK_SECOND,      /* waits for a second look */
  RTK_SERVER_LOOK_AGREED,      /* approved by two */
  RTK_SERVER_LOOK_ARBITRATION, /* two disagree: waits for a supervisor */
  RTK_SERVER_LOOK_ARBITRATED,
  RTK_SERVER_LOOK_OPINION, /* passed on without a verdict */
  RTK_SERVER_LOOK_HELD,    /* a reviewer is at it */
} RtkServerLook;

/**
 * RtkServerStory:
 * @early: long ago: closed when not paid, paid back when rejected
 * @twice: a second photo takes the place of the first
 * @asks_back: the graduate wants the money back
 * @refused: whoever pays back refuses to
 * @again: how a rejected one pays again at the desk, which takes a new photo
 * @retaken: the desk takes a new photo
 * @consents: to the processing of the face
 * @withdraws: the consent
 * @noted: the desk writes a note
 * @gold: the photo is one whose verdict is known
 * @by_post: the print is sent
 *
 * What becomes of one graduate.
 */
typedef struct {
  RtkServerWay  way;
  RtkServerPay  pay;
  RtkServerLook look;
  RtkPrint      print;
  RtkDelivery   delivery;
  RtkServerPay  again;
  gboolean      early;
  gboolean      twice;
  gboolean      asks_back;
  gboolean      refused;
  gboolean      retaken;
  gboolean      consents;
  gboolean      withdraws;
  gboolean      noted;
  gboolean      gold;
  gboolean      by_post;
} RtkServerStory;

typedef struct {
  const RtkServerStory *story;
  guint                 index;
  char                 *number;
  char                 *code;
  char                 *token; /* (nullable): of the account */
  char                 *order;
  char                 *submission; /* the newest one */
  gint64                revision;
  RtkReason             reasons[2];
} RtkServerGraduate;

/**
 * RtkServerColleague:
 * @token: of the session
 * @station: (nullable): id of the enrolled station
 *
 * A member of staff; an operator has a station with a key.
 */
typedef struct {
  char  *id;
  char  *name;
  char  *token;
  char  *station;
  guint8 secret[crypto_sign_SECRETKEYBYTES];
  char   key[64];
} RtkServerColleague;

/**
 * RtkServerCampus:
 * @n_workers: how many clients work at once; so many operators there are
 * @n_reviewers: who give first and second looks; the one after them only keeps what is in review
 * @is_whole: whether there are enough graduates for every state
 */
typedef struct {
  const RtkServerSimulation *simulation;
  GPtrArray                 *pictures;      /* (owned) */
  GArray                    *graduates;     /* (owned) (element-type RtkServerGraduate) */
  GHashTable                *by_submission; /* (owned): id -> graduate, unowned both */
  RtkServerColleague         supervisor;
  GArray                    *operators; /* (owned) (element-type RtkServerColleague) */
  GArray                    *reviewers; /* (owned) (element-type RtkServerColleague) */
  char                      *base;
  char                      *alpha_sha256;
  char                      *certificate_sha256;
  guint                      n_workers;
  guint                      n_reviewers;
  gboolean                   is_whole;
} RtkServerCampus;

/**
 * RtkServerWorker:
 * @wants: (nullable): which graduates the work is for
 *
 * One client on a thread of its own; it takes every n-th graduate.
 */
typedef struct _RtkServerWorker RtkServerWorker;

typedef gboolean (*RtkServerWorkFunc) (RtkServerWorker *self, GError **error);
typedef gboolean (*RtkServerWantFunc) (const RtkServerGraduate *graduate);

struct _RtkServerWorker {
  RtkServerCampus   *campus;
  guint              index;
  RtkServerClient   *client; /* (owned) */
  RtkServerWorkFunc  work;
  RtkServerWantFunc  wants;
  RtkServerGraduate *next; /* of those it takes */
  GError            *error;
};

/* rtk-server-campus.c */
void     rtk_server_campus_init (RtkServerCampus *self, const RtkServerSimulation *simulation);
void     rtk_server_campus_clear (RtkServerCampus *self);
GString *rtk_server_campus_make_roster (RtkServerCampus *self) G_GNUC_WARN_UNUSED_RESULT;
RtkServerGraduate  *rtk_server_campus_get (RtkServerCampus *self, guint index);
gboolean            rtk_server_campus_work (RtkServerCampus  *self,
                                            RtkServerWorkFunc work,
                                            RtkServerWantFunc wants,
                                            GError          **error);
RtkServerGraduate  *rtk_server_worker_next (RtkServerWorker *self);
RtkServerColleague *rtk_server_worker_operator (RtkServerWorker *self);
JsonObject         *rtk_server_worker_post (RtkServerWorker *self,
                                            const char      *token,
                                            GError         **error,
                                            const char      *path,
                                            const char      *format,
                                            ...) G_GNUC_PRINTF (5, 6) G_GNUC_WARN_UNUSED_RESULT;
gboolean            rtk_server_worker_tell (RtkServerWorker *self,
                                            const char      *token,
                                            GError         **error,
                                            const char      *path,
                                            const char      *format,
                                            ...) G_GNUC_PRINTF (5, 6);

/* Staff and their stations: rtk-server-campus-staff.c */
gboolean  rtk_server_campus_begin (RtkServerCampus *self, const char *secret, GError **error);
gboolean  rtk_server_campus_end (RtkServerCampus *self, GError **error);
gboolean  rtk_server_campus_enrol (RtkServerWorker    *worker,
                                   RtkServerColleague *colleague,
                                   const char         *name,
                                   GError            **error);
JsonNode *rtk_server_colleague_sign (RtkServerColleague *self,
                                     const char         *kind,
                                     const char         *order,
                                     gint64              revision,
                                     JsonObject         *body,
                                     GError            **error) G_GNUC_WARN_UNUSED_RESULT;

/* What graduates and the desk do: rtk-server-campus-desk.c */
gboolean rtk_server_campus_upload (RtkServerWorker *worker, GError **error);
gboolean rtk_server_campus_walk (RtkServerWorker *worker, GError **error);
gboolean rtk_server_campus_after (RtkServerWorker *worker, GError **error);
gboolean rtk_server_campus_export (RtkServerCampus *self, GError **error);

/* What reviewers do: rtk-server-campus-review.c */
gboolean rtk_server_campus_review (RtkServerCampus *self, GError **error);
gboolean rtk_server_campus_undo (RtkServerCampus *self, GError **error);
gboolean rtk_server_campus_look_twice (RtkServerCampus *self, GError **error);
gboolean rtk_server_campus_pass_on (RtkServerCampus *self, GError **error);
gboolean rtk_server_campus_hold (RtkServerCampus *self, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RtkServerCampus, rtk_server_campus_clear)

G_END_DECLS
