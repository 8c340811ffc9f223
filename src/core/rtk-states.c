/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-operation.h"
#include "core/rtk-order.h"

#include <glib/gi18n.h>
#include <string.h>

static const char *const payment_names[] = {"unpaid",     "closed",   "paid",
                                            "refund_due", "refunded", "waived"};
static const char *const submission_names[] = {"submitted", "in_review", "approved", "rejected",
                                               "superseded"};
static const char *const delivery_names[] = {"none", "exported", "received"};
static const char *const print_names[] = {"none", "requested", "printed", "shipped"};
static const char *const operation_names[] = {"held", "waiting",  "sending",
                                              "done", "conflict", "refused"};
static const char *const outcome_names[] = {"applied", "duplicate", "conflict", "refused", "retry"};

G_STATIC_ASSERT (G_N_ELEMENTS (payment_names) == RTK_N_PAYMENTS);
G_STATIC_ASSERT (G_N_ELEMENTS (submission_names) == RTK_N_SUBMISSION_STATES);
G_STATIC_ASSERT (G_N_ELEMENTS (delivery_names) == RTK_N_DELIVERIES);
G_STATIC_ASSERT (G_N_ELEMENTS (print_names) == RTK_N_PRINTS);
G_STATIC_ASSERT (G_N_ELEMENTS (operation_names) == RTK_N_OPERATION_STATES);

/* Where each state may go next, one bit a target. */
#define BIT(state) (1u << (state))
static const guint payment_next[RTK_N_PAYMENTS] = {
    [RTK_PAYMENT_UNPAID] =
        BIT (RTK_PAYMENT_CLOSED) | BIT (RTK_PAYMENT_PAID) | BIT (RTK_PAYMENT_WAIVED),
    [RTK_PAYMENT_PAID] = BIT (RTK_PAYMENT_REFUND_DUE),
    [RTK_PAYMENT_REFUND_DUE] = BIT (RTK_PAYMENT_REFUNDED),
};
static const guint submission_next[RTK_N_SUBMISSION_STATES] = {
    [RTK_SUBMISSION_SUBMITTED] = BIT (RTK_SUBMISSION_IN_REVIEW) | BIT (RTK_SUBMISSION_APPROVED) |
                                 BIT (RTK_SUBMISSION_REJECTED) | BIT (RTK_SUBMISSION_SUPERSEDED),
    [RTK_SUBMISSION_IN_REVIEW] = BIT (RTK_SUBMISSION_SUBMITTED) | BIT (RTK_SUBMISSION_APPROVED) |
                                 BIT (RTK_SUBMISSION_REJECTED) | BIT (RTK_SUBMISSION_SUPERSEDED),
    [RTK_SUBMISSION_APPROVED] = BIT (RTK_SUBMISSION_SUPERSEDED),
    [RTK_SUBMISSION_REJECTED] = BIT (RTK_SUBMISSION_SUPERSEDED),
};
static const guint delivery_next[RTK_N_DELIVERIES] = {
    [RTK_DELIVERY_NONE] = BIT (RTK_DELIVERY_EXPORTED),
    [RTK_DELIVERY_EXPORTED] = BIT (RTK_DELIVERY_RECEIVED),
};

/* A reason: its code, its words, and the checks that show live whether it is mended. */
typedef struct {
  const char *code;
  const char *title;
  RtkCheckId  checks[6];
} Reason;

static const Reason reasons[RTK_N_REASONS] = {
    [RTK_REASON_EYES_CLOSED] = {"eyes-closed",
                                N_ ("Eyes closed"),
                                {RTK_CHECK_EYES_OPEN, RTK_N_CHECKS}},
    [RTK_REASON_GAZE] = {"gaze",
                         N_ ("Not looking at the lens"),
                         {RTK_CHECK_EYES_GAZE, RTK_N_CHECKS}},
    [RTK_REASON_POSE] = {"pose",
                         N_ ("Head not straight"),
                         {RTK_CHECK_POSE_YAW, RTK_CHECK_POSE_PITCH, RTK_CHECK_POSE_ROLL,
                          RTK_N_CHECKS}},
    [RTK_REASON_SHOULDERS] = {"shoulders",
                              N_ ("Shoulders not level"),
                              {RTK_CHECK_POSE_SHOULDERS_LEVEL, RTK_N_CHECKS}},
    [RTK_REASON_EXPRESSION] = {"expression",
                               N_ ("Teeth shown or unnatural expression"),
                               {RTK_CHECK_MOUTH_CLOSED, RTK_CHECK_EXPRESSION_NEUTRAL,
                                RTK_N_CHECKS}},
    [RTK_REASON_HAIR] = {"hair",
                         N_ ("Hair in the way"),
                         {RTK_CHECK_BROWS_VISIBLE, RTK_CHECK_EYES_VISIBLE, RTK_N_CHECKS}},
    [RTK_REASON_EARS] = {"ears",
                         N_ ("Ears hidden or unequal"),
                         {RTK_CHECK_EARS_VISIBLE, RTK_N_CHECKS}},
    [RTK_REASON_GLASSES] = {"glasses",
                            N_ ("Glasses reflect or are tinted"),
                            {RTK_CHECK_GLASSES_GLARE, RTK_CHECK_GLASSES_TINT,
                             RTK_CHECK_GLASSES_FRAME, RTK_N_CHECKS}},
    [RTK_REASON_HEADWEAR] = {"headwear",
                             N_ ("Headwear or jewellery"),
                             {RTK_CHECK_HEAD_COVER, RTK_N_CHECKS}},
    [RTK_REASON_SIDE_LIGHT] = {"side-light",
                               N_ ("Half-lit face"),
                               {RTK_CHECK_LIGHT_EVEN, RTK_N_CHECKS}},
    [RTK_REASON_HIGHLIGHT] = {"highlight",
                              N_ ("Bright spot"),
                              {RTK_CHECK_LIGHT_HIGHLIGHT, RTK_N_CHECKS}},
    [RTK_REASON_EXPOSURE] = {"exposure",
                             N_ ("Too dark or too bright"),
                             {RTK_CHECK_LIGHT_UNDER, RTK_CHECK_LIGHT_OVER, RTK_CHECK_LIGHT_MEAN,
                              RTK_N_CHECKS}},
    [RTK_REASON_BLUR] = {"blur", N_ ("Blurred"), {RTK_CHECK_FOCUS_SHARP, RTK_N_CHECKS}},
    [RTK_REASON_BACKGROUND] = {"background",
                               N_ ("Background not plain"),
                               {RTK_CHECK_BACKGROUND_PLAIN, RTK_CHECK_BACKGROUND_DARK,
                                RTK_CHECK_BACKGROUND_SHADOW, RTK_N_CHECKS}},
    [RTK_REASON_CLOTHES] = {"clothes",
                            N_ ("Clothes like the background, or striped"),
                            {RTK_CHECK_BACKGROUND_CLOTHES, RTK_N_CHECKS}},
    [RTK_REASON_GEOMETRY] = {"geometry",
                             N_ ("Head at the wrong place or size"),
                             {RTK_CHECK_GEOMETRY_CENTRE, RTK_CHECK_GEOMETRY_HAIR_TOP,
                              RTK_CHECK_GEOMETRY_EYE_LINE, RTK_CHECK_GEOMETRY_FACE_WIDTH,
                              RTK_N_CHECKS}},
    [RTK_REASON_RETOUCHED] = {"retouched",
                              N_ ("Retouched"),
                              {RTK_CHECK_AUTHENTIC_RETOUCH, RTK_N_CHECKS}},
    [RTK_REASON_REPHOTOGRAPHED] = {"rephotographed",
                                   N_ ("Picture of a picture"),
                                   {RTK_CHECK_AUTHENTIC_RECAPTURE, RTK_N_CHECKS}},
    [RTK_REASON_NOT_SAME_PERSON] = {"not-same-person",
                                    N_ ("Not the same person"),
                                    {RTK_CHECK_IDENTITY_MATCH, RTK_N_CHECKS}},
    [RTK_REASON_OTHER] = {"other", N_ ("Other"), {RTK_N_CHECKS}},
};

static gboolean
find_name (const char *const *names, guint n, const char *name, int *out)
{
  for (guint i = 0; name != NULL && i < n; i++)
    if (strcmp (names[i], name) == 0) {
      *out = (int)i;
      return TRUE;
    }
  return FALSE;
}

/* The same pair of functions for every axis: name of a state and back. */
#define DEFINE_NAMES(Type, prefix, names)                                                          \
  const char *prefix##_to_string (Type value)                                                      \
  {                                                                                                \
    g_return_val_if_fail ((guint)value < G_N_ELEMENTS (names), NULL);                              \
    return names[value];                                                                           \
  }                                                                                                \
                                                                                                   \
  gboolean prefix##_from_string (const char *name, Type *out)                                      \
  {                                                                                                \
    int value;                                                                                     \
                                                                                                   \
    if (!find_name (names, G_N_ELEMENTS (names), name, &value))                                    \
      return FALSE;                                                                                \
    *out = (Type)value;                                                                            \
    return TRUE;                                                                                   \
  }

/* *_to_string(): the name of a state on the wire, static. *_from_string(): the state of a name,
 * FALSE when there is none of that name (@name may be NULL). Any thread. */
DEFINE_NAMES (RtkPayment, rtk_payment, payment_names)
DEFINE_NAMES (RtkSubmissionState, rtk_submission_state, submission_names)
DEFINE_NAMES (RtkDelivery, rtk_delivery, delivery_names)
DEFINE_NAMES (RtkPrint, rtk_print, print_names)
DEFINE_NAMES (RtkOperationState, rtk_operation_state, operation_names)
DEFINE_NAMES (RtkOutcome, rtk_outcome, outcome_names)

/**
 * rtk_payment_may_become:
 * @from: the present state
 * @to: another
 *
 * Tells whether a payment may go from @from to @to in one step: only forward. A new payment after
 * a refund is a new record, not a step.
 *
 * Returns: whether it may
 */
gboolean
rtk_payment_may_become (RtkPayment from, RtkPayment to)
{
  return (payment_next[from] & BIT (to)) != 0;
}

/**
 * rtk_submission_state_may_become:
 * @from: the present state
 * @to: another
 *
 * Tells whether a submission may go from @from to @to in one step. In review may fall back to
 * submitted: that is a claim given back, not a decision undone.
 *
 * Returns: whether it may
 */
gboolean
rtk_submission_state_may_become (RtkSubmissionState from, RtkSubmissionState to)
{
  return (submission_next[from] & BIT (to)) != 0;
}

/**
 * rtk_delivery_may_become:
 * @from: the present state
 * @to: another
 *
 * Returns: whether a delivery may go from @from to @to in one step
 */
gboolean
rtk_delivery_may_become (RtkDelivery from, RtkDelivery to)
{
  return (delivery_next[from] & BIT (to)) != 0;
}

/**
 * rtk_reason_to_string:
 * @reason: a reason
 *
 * Returns: (transfer none): its code on the wire
 */
const char *
rtk_reason_to_string (RtkReason reason)
{
  g_return_val_if_fail ((guint)reason < RTK_N_REASONS, NULL);
  return reasons[reason].code;
}

/**
 * rtk_reason_from_string:
 * @name: (nullable): a code
 * @out_reason: (out): the reason
 *
 * Returns: whether there is a reason of that code
 */
gboolean
rtk_reason_from_string (const char *name, RtkReason *out_reason)
{
  for (int i = 0; name != NULL && i < RTK_N_REASONS; i++)
    if (strcmp (reasons[i].code, name) == 0) {
      *out_reason = (RtkReason)i;
      return TRUE;
    }
  return FALSE;
}

/**
 * rtk_reason_get_title:
 * @reason: a reason
 *
 * Returns: (transfer none): its words, a message id for gettext
 */
const char *
rtk_reason_get_title (RtkReason reason)
{
  g_return_val_if_fail ((guint)reason < RTK_N_REASONS, NULL);
  return reasons[reason].title;
}

/**
 * rtk_reason_get_checks:
 * @reason: a reason
 *
 * Finds the checks that must pass for @reason to count as mended. None: only a person can tell.
 *
 * Returns: (transfer none): checks, ended by %RTK_N_CHECKS
 */
const RtkCheckId *
rtk_reason_get_checks (RtkReason reason)
{
  g_return_val_if_fail ((guint)reason < RTK_N_REASONS, NULL);
  return reasons[reason].checks;
}
