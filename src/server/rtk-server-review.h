/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-call.h"

G_BEGIN_DECLS

/* What the files of the review share. A submission waits in one of four stages: "first"; "second",
 * the blind second look at a sample; "opinion", when a reviewer asked for a colleague's; and
 * "arbitration". On the wire a blind second look is "first", so that it stays blind. */

/**
 * RtkServerItem:
 *
 * A submission as the review sees it. Owns its texts.
 */
typedef struct {
  char  *id;
  char  *order_id; /* NULL: there is no such submission */
  char  *state;
  char  *origin;
  char  *stage;
  char  *engine;       /* (nullable) */
  char  *report;       /* (nullable) */
  char  *lease_by;     /* (nullable) */
  char  *first_by;     /* (nullable): who gave the first verdict, or passed it on */
  char  *second_by;    /* (nullable) */
  char  *opinion_note; /* (nullable) */
  char  *overrides;    /* JSON array */
  char  *payment;
  char  *delivery;
  char  *print;
  gint64 serial;
  gint64 revision; /* of the order */
  gint64 attempt;
  gint64 lease_until;
  gint64 claimed_at;
  gint64 waiting_since;
} RtkServerItem;

/**
 * RtkServerDecision:
 *
 * The verdict of a body, checked.
 */
typedef struct {
  const char *verdict;
  gboolean    approved;
  char       *reasons;  /* (owned): codes with commas */
  char       *texts;    /* (owned) (nullable): JSON object, a text a reason */
  const char *note;     /* (nullable) */
  gint64      revision; /* that the verdict is on */
} RtkServerDecision;

/**
 * RtkServerFilters:
 * @school: (nullable): its name
 * @batch: (nullable): its name
 * @origin: (nullable): "online" or "desk"
 * @engine: (nullable): what the client's engine says
 * @stage: (nullable): as callers see it
 * @attempt: the least
 * @waiting_before: since this time, microseconds since 1970, or longer
 *
 * What a reviewer wants to see. Texts belong to the call.
 */
typedef struct {
  const char *school;
  const char *batch;
  const char *origin;
  const char *engine;
  const char *stage;
  gint64      attempt;
  gint64      waiting_before;
} RtkServerFilters;

/* SQL: what of the waiting submissions "w" the reviewer ?1 may claim (?2 is 1 for a supervisor)
 * under the filters ?3 school, ?4 batch, ?5 origin, ?6 engine, ?7 stage, ?8 least attempt, ?9
 * waiting since this time or longer. Nobody sees an item that they decided before; a supervisor
 * takes no second look when nobody would be left to arbitrate. The index submissions_waiting has
 * all of it: ask in the order of "waiting". CASE, and not OR, because PostgreSQL makes a bitmap of
 * each side of an OR, and then sorts all that waits. */
#define RTK_SERVER_CLAIMABLE                                                                       \
  "(?3 IS NULL OR w.school = (SELECT f.id FROM schools f WHERE f.name = ?3))"                      \
  " AND (?4 IS NULL OR w.batch IN (SELECT g.id FROM batches g WHERE g.name = ?4))"                 \
  " AND (?5 IS NULL OR w.origin = ?5) AND (?6 IS NULL OR w.engine = ?6)"                           \
  " AND (?7 IS NULL OR " RTK_SERVER_WIRE_STAGE " = ?7) AND w.attempt >= ?8"                        \
  " AND w.waiting_since <= ?9 AND " RTK_SERVER_MAY_TAKE ("?1", "?2")
/* SQL: whether @who, who is a supervisor where @leads is 1, may take the waiting submission "w". */
#define RTK_SERVER_MAY_TAKE(who, leads)                                                            \
  "CASE WHEN w.stage = 'first' THEN 1"                                                             \
  " WHEN w.first_by = " who " OR w.second_by = " who " THEN 0"                                     \
  " WHEN w.stage = 'opinion' THEN 1 WHEN w.stage = 'arbitration' OR " leads " = 0 THEN"            \
  " CASE WHEN w.stage = 'second' OR " leads " = 1 THEN 1 ELSE 0 END"                               \
  " WHEN EXISTS (SELECT 1 FROM staff t WHERE t.role = 'supervisor' AND t.enabled = 1 AND t.id "    \
  "<> " who " AND t.id IS DISTINCT FROM w.first_by) THEN 1 ELSE 0 END = 1"
/* Stages that callers see as another, in C and in SQL. */
#define RTK_SERVER_STAGES_SEEN(EACH) EACH ("second", "first") EACH ("opinion", "second")
#define RTK_SERVER_STAGE_WHEN(stage, seen) " WHEN '" stage "' THEN '" seen "'"
#define RTK_SERVER_WIRE_STAGE                                                                      \
  "CASE w.stage" RTK_SERVER_STAGES_SEEN (RTK_SERVER_STAGE_WHEN) " ELSE w.stage END"

/* Finding and writing items: rtk-server-items.c. */
gboolean    rtk_server_item_find (RtkServerStore *store,
                                  const char     *submission,
                                  RtkServerItem  *out_item,
                                  GError        **error);
void        rtk_server_item_clear (RtkServerItem *self);
gboolean    rtk_server_item_is_held (const RtkServerItem *self, RtkServerCall *call);
gboolean    rtk_server_item_write (RtkServerStore      *store,
                                   RtkServerCall       *call,
                                   const RtkServerItem *item,
                                   const char          *order,
                                   GError             **error);
const char *rtk_server_stage_to_wire (const char *stage);
void        rtk_server_reasons_write (RtkServerJson *json, const char *name, const char *reasons);

/* The queue: rtk-server-queue.c. */
void     rtk_server_filters_of_body (RtkServerCall *call, RtkServerFilters *out_filters);
gboolean rtk_server_filters_of_query (RtkServerCall *call, RtkServerFilters *out_filters);
gboolean rtk_server_filters_fit (RtkServerCall *call, const RtkServerFilters *self);
GArray  *rtk_server_queue_find (RtkServerStore         *store,
                                RtkServerCall          *call,
                                const RtkServerFilters *filters,
                                gint64                  after,
                                gint64                  n,
                                GError                **error);

/* Leases: rtk-server-claims.c. */
gint64   rtk_server_lease_end (RtkServerStore *store);
gboolean rtk_server_leases_expire (RtkServerStore *store, gint64 now, guint *out_n, GError **error);
gboolean rtk_server_leases_renew (RtkServerStore *store, RtkServerCall *call, GError **error);

/* Verdicts: rtk-server-reviews.c. */
gboolean rtk_server_decision_read (RtkServerCall *call, RtkServerDecision *out_decision);
void     rtk_server_decision_clear (RtkServerDecision *self);
gboolean rtk_server_decision_conflict (RtkServerStore          *store,
                                       RtkServerCall           *call,
                                       const char              *order_id,
                                       const RtkServerDecision *decision,
                                       const char              *problem,
                                       const char              *title,
                                       GError                 **error);
char    *rtk_server_review_make_detail (const char *id,
                                        const char *stage,
                                        gboolean    is_final,
                                        const char *reasons) G_GNUC_WARN_UNUSED_RESULT;
gboolean rtk_server_review_add (RtkServerStore          *store,
                                RtkServerCall           *call,
                                const char              *id,
                                const char              *stage,
                                const RtkServerItem     *item,
                                const RtkServerDecision *decision,
                                gboolean                 is_final,
                                const char              *reason,
                                GError                 **error);
gboolean rtk_server_review_settle (RtkServerStore          *store,
                                   const char              *actor,
                                   const char              *review,
                                   const RtkServerItem     *item,
                                   const RtkServerDecision *decision,
                                   GError                 **error);

/* What a reviewer is told of an entry of the audit log: rtk-server-history.c. */
void rtk_server_history_write_detail (RtkServerJson *json, const char *detail);

/* Second looks: rtk-server-second.c. */
gboolean rtk_server_review_is_sampled (RtkServerStore *store, const char *submission);
gboolean rtk_server_review_may_sample (RtkServerStore *store, const char *reviewer);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RtkServerItem, rtk_server_item_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RtkServerDecision, rtk_server_decision_clear)

G_END_DECLS
