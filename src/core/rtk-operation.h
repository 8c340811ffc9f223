/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-order.h"
#include "core/rtk-signer.h"

G_BEGIN_DECLS

/**
 * RtkOperationState:
 * @RTK_OPERATION_HELD: committed, but `release_at` has not come: undo is possible
 * @RTK_OPERATION_WAITING: to be sent
 * @RTK_OPERATION_SENDING: on its way
 * @RTK_OPERATION_DONE: applied by the server (or found there already)
 * @RTK_OPERATION_CONFLICT: a person must decide
 * @RTK_OPERATION_REFUSED: the server said no, for good
 */
typedef enum {
  RTK_OPERATION_HELD,
  RTK_OPERATION_WAITING,
  RTK_OPERATION_SENDING,
  RTK_OPERATION_DONE,
  RTK_OPERATION_CONFLICT,
  RTK_OPERATION_REFUSED,
  RTK_N_OPERATION_STATES
} RtkOperationState;

/* Kinds on the wire. */
#define RTK_OPERATION_SUBMIT "submission.create"
#define RTK_OPERATION_CONSENT "consent.record"

const char *rtk_operation_state_to_string (RtkOperationState state);
gboolean    rtk_operation_state_from_string (const char *name, RtkOperationState *out_state);

#define RTK_TYPE_OPERATION (rtk_operation_get_type ())

/* One signed operation, as it goes over the wire (docs/openapi.yaml, schema Operation):
 * {"id","kind","order","base_revision","created_at","station","actor","body","signature"}. The
 * signature is Ed25519 over the canonical JSON of all the other members. Immutable. */
G_DECLARE_FINAL_TYPE (RtkOperation, rtk_operation, RTK, OPERATION, GObject)

RtkOperation *rtk_operation_new (const char *id,
                                 const char *kind,
                                 const char *order_id,
                                 gint64      base_revision,
                                 gint64      created_at,
                                 const char *station_id,
                                 const char *actor,
                                 JsonNode   *body,
                                 RtkSigner  *signer,
                                 GError    **error) G_GNUC_WARN_UNUSED_RESULT;
RtkOperation *rtk_operation_from_json (JsonNode *node, GError **error) G_GNUC_WARN_UNUSED_RESULT;
JsonNode     *rtk_operation_to_json (RtkOperation *self) G_GNUC_WARN_UNUSED_RESULT;
gboolean      rtk_operation_check_signature (RtkOperation *self, const char *key_id);
const char   *rtk_operation_get_id (RtkOperation *self);
const char   *rtk_operation_get_kind (RtkOperation *self);
const char   *rtk_operation_get_order_id (RtkOperation *self);
gint64        rtk_operation_get_base_revision (RtkOperation *self);
gint64        rtk_operation_get_created_at (RtkOperation *self);
const char   *rtk_operation_get_station_id (RtkOperation *self);
const char   *rtk_operation_get_actor (RtkOperation *self);
JsonObject   *rtk_operation_get_body (RtkOperation *self);

/* The body of a submission: hashes of the blobs, report and overrides. */
JsonNode *rtk_submission_body_new (const char     *submission_id,
                                   const RtkPhoto *photo,
                                   const char     *certificate_sha256,
                                   const char     *report_sha256,
                                   GPtrArray      *overrides) G_GNUC_WARN_UNUSED_RESULT;

/**
 * RtkOutcome:
 * @RTK_OUTCOME_APPLIED: it was done now
 * @RTK_OUTCOME_DUPLICATE: it had been done before: all well
 * @RTK_OUTCOME_CONFLICT: stale base revision; the server's order is in the answer
 * @RTK_OUTCOME_REFUSED: never possible; the problem says why
 * @RTK_OUTCOME_RETRY: not yet: a photo it speaks of is missing; upload it and send it again
 */
typedef enum {
  RTK_OUTCOME_APPLIED,
  RTK_OUTCOME_DUPLICATE,
  RTK_OUTCOME_CONFLICT,
  RTK_OUTCOME_REFUSED,
  RTK_OUTCOME_RETRY,
} RtkOutcome;

const char *rtk_outcome_to_string (RtkOutcome outcome);
gboolean    rtk_outcome_from_string (const char *name, RtkOutcome *out_outcome);

/**
 * RtkResult:
 * @operation_id: which operation
 * @outcome: what became of it
 * @order: (nullable): the order as the server has it now
 * @problem: (nullable): title of the problem, English
 *
 * The server's answer to one operation.
 */
typedef struct {
  char      *operation_id;
  RtkOutcome outcome;
  RtkOrder  *order;
  char      *problem;
} RtkResult;

RtkResult *rtk_result_from_json (JsonNode *node, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void       rtk_result_free (RtkResult *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkResult, rtk_result_free)

G_END_DECLS
