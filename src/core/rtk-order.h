/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-photo.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* The three axes of an order, each only forward (architecture). Wire names in comments. */
typedef enum {
  RTK_PAYMENT_UNPAID,     /* unpaid */
  RTK_PAYMENT_CLOSED,     /* closed */
  RTK_PAYMENT_PAID,       /* paid */
  RTK_PAYMENT_REFUND_DUE, /* refund_due */
  RTK_PAYMENT_REFUNDED,   /* refunded */
  RTK_PAYMENT_WAIVED,     /* waived */
  RTK_N_PAYMENTS
} RtkPayment;

typedef enum {
  RTK_SUBMISSION_SUBMITTED,  /* submitted */
  RTK_SUBMISSION_IN_REVIEW,  /* in_review */
  RTK_SUBMISSION_APPROVED,   /* approved */
  RTK_SUBMISSION_REJECTED,   /* rejected */
  RTK_SUBMISSION_SUPERSEDED, /* superseded */
  RTK_N_SUBMISSION_STATES
} RtkSubmissionState;

typedef enum {
  RTK_DELIVERY_NONE,     /* none */
  RTK_DELIVERY_EXPORTED, /* exported */
  RTK_DELIVERY_RECEIVED, /* received */
  RTK_N_DELIVERIES
} RtkDelivery;

typedef enum {
  RTK_PRINT_NONE,      /* none */
  RTK_PRINT_REQUESTED, /* requested */
  RTK_PRINT_PRINTED,   /* printed */
  RTK_PRINT_SHIPPED,   /* shipped */
  RTK_N_PRINTS
} RtkPrint;

/**
 * RtkReason:
 *
 * Reasons for a rejection. Codes on the wire ("eyes-closed") come from rtk_reason_to_string().
 */
typedef enum {
  RTK_REASON_EYES_CLOSED,
  RTK_REASON_GAZE,
  RTK_REASON_POSE,
  RTK_REASON_SHOULDERS,
  RTK_REASON_EXPRESSION,
  RTK_REASON_HAIR,
  RTK_REASON_EARS,
  RTK_REASON_GLASSES,
  RTK_REASON_HEADWEAR,
  RTK_REASON_SIDE_LIGHT,
  RTK_REASON_HIGHLIGHT,
  RTK_REASON_EXPOSURE,
  RTK_REASON_BLUR,
  RTK_REASON_BACKGROUND,
  RTK_REASON_CLOTHES,
  RTK_REASON_GEOMETRY,
  RTK_REASON_RETOUCHED,
  RTK_REASON_REPHOTOGRAPHED,
  RTK_REASON_NOT_SAME_PERSON,
  RTK_REASON_OTHER,
  RTK_N_REASONS
} RtkReason;

const char *rtk_payment_to_string (RtkPayment payment);
gboolean    rtk_payment_from_string (const char *name, RtkPayment *out_payment);
gboolean    rtk_payment_may_become (RtkPayment from, RtkPayment to);
const char *rtk_submission_state_to_string (RtkSubmissionState state);
gboolean    rtk_submission_state_from_string (const char *name, RtkSubmissionState *out_state);
gboolean    rtk_submission_state_may_become (RtkSubmissionState from, RtkSubmissionState to);
const char *rtk_delivery_to_string (RtkDelivery delivery);
gboolean    rtk_delivery_from_string (const char *name, RtkDelivery *out_delivery);
gboolean    rtk_delivery_may_become (RtkDelivery from, RtkDelivery to);
const char *rtk_print_to_string (RtkPrint print);
gboolean    rtk_print_from_string (const char *name, RtkPrint *out_print);
const char *rtk_reason_to_string (RtkReason reason);
gboolean    rtk_reason_from_string (const char *name, RtkReason *out_reason);
/* In words: a message id for gettext (English). */
const char *rtk_reason_get_title (RtkReason reason);
/* The checks that show, live, whether the reason is mended; RTK_N_CHECKS ends the list. */
const RtkCheckId *rtk_reason_get_checks (RtkReason reason);

#define RTK_TYPE_SUBMISSION (rtk_submission_get_type ())

/* One submission of an order: immutable value object. */
G_DECLARE_FINAL_TYPE (RtkSubmission, rtk_submission, RTK, SUBMISSION, GObject)

const char        *rtk_submission_get_id (RtkSubmission *self);
RtkSubmissionState rtk_submission_get_state (RtkSubmission *self);
gboolean           rtk_submission_is_retake (RtkSubmission *self); /* origin "desk" */
gint64             rtk_submission_get_created_at (RtkSubmission *self);
/* Hex SHA-256 of the parts; NULL when the submission has none. */
const char      *rtk_submission_get_original (RtkSubmission *self);
const char      *rtk_submission_get_delivered (RtkSubmission *self);
const char      *rtk_submission_get_certificate (RtkSubmission *self);
const RtkReason *rtk_submission_get_reasons (RtkSubmission *self, guint *out_n);
const char      *rtk_submission_get_note (RtkSubmission *self);

#define RTK_TYPE_ORDER (rtk_order_get_type ())

/* One order as the station sees it: masked names only. Immutable value object; JSON as on the wire
 * (docs/openapi.yaml, schema Order). */
G_DECLARE_FINAL_TYPE (RtkOrder, rtk_order, RTK, ORDER, GObject)

RtkOrder   *rtk_order_from_json (JsonNode *node, GError **error) G_GNUC_WARN_UNUSED_RESULT;
JsonNode   *rtk_order_to_json (RtkOrder *self) G_GNUC_WARN_UNUSED_RESULT;
const char *rtk_order_get_id (RtkOrder *self);
const char *rtk_order_get_number (RtkOrder *self);
gint64      rtk_order_get_revision (RtkOrder *self);
const char *rtk_order_get_name_masked (RtkOrder *self);
const char *rtk_order_get_number_masked (RtkOrder *self);
const char *rtk_order_get_school (RtkOrder *self);
const char *rtk_order_get_batch (RtkOrder *self);
/* HMAC(K_station, code) in hex, NULL when no code is bound. Never shown. */
const char *rtk_order_get_code_digest (RtkOrder *self);
RtkPayment  rtk_order_get_payment (RtkOrder *self);
RtkDelivery rtk_order_get_delivery (RtkOrder *self);
RtkPrint    rtk_order_get_print (RtkOrder *self);
gint64      rtk_order_get_created_at (RtkOrder *self);
gint64      rtk_order_get_updated_at (RtkOrder *self);
/* Newest first; the current one is the first that is not superseded. */
GPtrArray     *rtk_order_get_submissions (RtkOrder *self);
RtkSubmission *rtk_order_get_current_submission (RtkOrder *self);
gboolean       rtk_order_may_retake (RtkOrder *self);

G_END_DECLS
