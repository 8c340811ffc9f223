/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-operation.h"
#include "server/rtk-server-call.h"

G_BEGIN_DECLS

/**
 * RtkServerVerdict:
 *
 * What may become of an operation; outcome and problem of each stand in rtk-server-operations.c.
 */
typedef enum {
  RTK_SERVER_APPLIED,
  RTK_SERVER_DUPLICATE,
  RTK_SERVER_CONFLICT_STALE,
  RTK_SERVER_REFUSED_ACTOR,
  RTK_SERVER_REFUSED_BODY,
  RTK_SERVER_REFUSED_CONSENT,
  RTK_SERVER_REFUSED_KIND,
  RTK_SERVER_REFUSED_ORDER,
  RTK_SERVER_REFUSED_PRINTS,
  RTK_SERVER_REFUSED_REUSED,
  RTK_SERVER_REFUSED_ROLE,
  RTK_SERVER_REFUSED_SIGNATURE,
  RTK_SERVER_REFUSED_STATE,
  RTK_SERVER_REFUSED_STATION,
  RTK_SERVER_REFUSED_UNPAID,
  RTK_SERVER_RETRY_PHOTO,
  RTK_SERVER_N_VERDICTS
} RtkServerVerdict;

/**
 * RtkServerTarget:
 * @revision: of the order
 * @payment: its axis of payment
 * @delivery: its axis of delivery
 * @consents: whether the order's graduate consents, or need not
 * @is_new: whether there is no such submission as the operation's yet
 * @has_all: whether all five parts of that submission are there
 * @people: (unowned): see rtk_server_operation_find_who()
 *
 * The order an operation is about, and what it needs besides, as they are now.
 */
typedef struct {
  gint64      revision;
  RtkPayment  payment;
  RtkDelivery delivery;
  gboolean    consents;
  gboolean    is_new;
  gboolean    has_all;
  GHashTable *people;
} RtkServerTarget;

/**
 * RtkServerOrigin:
 * @actor: whom the operation names, for the audit log
 * @station: whose key signed it
 * @operation: its id
 * @session: whose session sent it, for the audit log: what somebody did while the server could not
 *   be asked may be sent by somebody else
 *
 * Where an operation comes from.
 */
typedef struct {
  const char *actor;
  const char *station;
  const char *operation;
  const char *session;
} RtkServerOrigin;

/**
 * RtkServerOperationKind:
 * @name: on the wire
 * @who: roles the member of staff it names may have, a mask of #RtkServerWho
 * @is_versioned: whether a stale base revision is a conflict; what only adds cannot conflict
 * @check: what is wrong with it; changes nothing
 * @apply: (nullable): does it; what it writes into the audit log says where it comes from
 * @apply_all: (nullable): instead of @apply, does many of different orders, at most
 *   %RTK_SERVER_MANY
 *
 * One kind of operation. The table is in rtk-server-operations.c.
 */
typedef struct {
  const char *name;
  guint       who;
  gboolean    is_versioned;
  RtkServerVerdict (*check) (RtkServerStore        *store,
                             RtkOperation          *operation,
                             const RtkServerTarget *target);
  gboolean (*apply) (RtkServerStore        *store,
                     RtkOperation          *operation,
                     const RtkServerOrigin *origin,
                     GError               **error);
  gboolean (*apply_all) (RtkServerStore        *store,
                         RtkOperation *const   *operations,
                         const RtkServerOrigin *origins,
                         guint                  n,
                         GError               **error);
} RtkServerOperationKind;

const char *rtk_server_operation_get_text (RtkOperation *operation, const char *member);
guint rtk_server_operation_find_who (RtkServerStore *store, GHashTable *people, const char *name);
void  rtk_server_origin_write (RtkServerJson *json, const RtkServerOrigin *self);
char *rtk_server_origin_make_detail (const RtkServerOrigin *self) G_GNUC_WARN_UNUSED_RESULT;

/* Submissions: rtk-server-submissions.c. */
extern const RtkServerOperationKind rtk_server_operation_submit;
/* Notes: rtk-server-notes.c. */
extern const RtkServerOperationKind rtk_server_operation_note;
/* Prints: rtk-server-prints.c. */
extern const RtkServerOperationKind rtk_server_operation_print;

/* Consent to face processing: rtk-server-consent.c. */
extern const RtkServerOperationKind rtk_server_operation_consent;

G_END_DECLS
