/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-session"
#include "config.h"

#include "session/rtk-session-state.h"

#define TO(state) (1u << RTK_SESSION_##state)

/* Where each state may go. A new state (a countdown before the shutter, say) is a new line here. */
static const guint transitions[RTK_N_SESSION_STATES] = {
    [RTK_SESSION_IDLE] = TO (OPENING) | TO (UNDOING),
    [RTK_SESSION_OPENING] = TO (LIVE) | TO (IDLE),
    [RTK_SESSION_LIVE] = TO (SHOOTING) | TO (SHOT) | TO (IDLE),
    [RTK_SESSION_SHOOTING] = TO (SHOT) | TO (LIVE) | TO (IDLE),
    [RTK_SESSION_SHOT] = TO (LIVE) | TO (SUBMITTING) | TO (IDLE),
    [RTK_SESSION_SUBMITTING] = TO (SUBMITTED) | TO (SHOT),
    [RTK_SESSION_SUBMITTED] = TO (IDLE) | TO (OPENING) | TO (UNDOING),
    [RTK_SESSION_UNDOING] = TO (SHOT) | TO (SUBMITTED) | TO (IDLE),
};

static const char *const state_names[RTK_N_SESSION_STATES] = {
    [RTK_SESSION_IDLE] = "idle",           [RTK_SESSION_OPENING] = "opening",
    [RTK_SESSION_LIVE] = "live",           [RTK_SESSION_SHOOTING] = "shooting",
    [RTK_SESSION_SHOT] = "shot",           [RTK_SESSION_SUBMITTING] = "submitting",
    [RTK_SESSION_SUBMITTED] = "submitted", [RTK_SESSION_UNDOING] = "undoing",
};

static const char *const message_names[RTK_N_SESSION_MESSAGES] = {
    [RTK_SESSION_MESSAGE_NONE] = "none",
    [RTK_SESSION_MESSAGE_NOT_FOUND] = "not-found",
    [RTK_SESSION_MESSAGE_NOT_RETAKABLE] = "not-retakable",
    [RTK_SESSION_MESSAGE_OPEN_FAILED] = "open-failed",
    [RTK_SESSION_MESSAGE_OTHER_CODE] = "other-code",
    [RTK_SESSION_MESSAGE_SAME_CODE] = "same-code",
    [RTK_SESSION_MESSAGE_UNKNOWN_CODE] = "unknown-code",
    [RTK_SESSION_MESSAGE_BUSY] = "busy",
    [RTK_SESSION_MESSAGE_NOT_READY] = "not-ready",
    [RTK_SESSION_MESSAGE_CAMERA_LOST] = "camera-lost",
    [RTK_SESSION_MESSAGE_SHOT_FAILED] = "shot-failed",
    [RTK_SESSION_MESSAGE_NEEDS_OVERRIDE] = "needs-override",
    [RTK_SESSION_MESSAGE_SUBMIT_FAILED] = "submit-failed",
    [RTK_SESSION_MESSAGE_SUBMITTED] = "submitted",
    [RTK_SESSION_MESSAGE_UNDONE] = "undone",
    [RTK_SESSION_MESSAGE_UNDO_TOO_LATE] = "undo-too-late",
    [RTK_SESSION_MESSAGE_UNDO_FAILED] = "undo-failed",
    [RTK_SESSION_MESSAGE_RELEASED] = "released",
    [RTK_SESSION_MESSAGE_ORDER_CHANGED] = "order-changed",
    [RTK_SESSION_MESSAGE_ANALYSIS_FAILED] = "analysis-failed",
};

/**
 * rtk_session_state_may_become:
 * @from: the present state
 * @to: the next one
 *
 * Tells whether a step from @from to @to exists. Staying is no step.
 *
 * Returns: whether it does
 */
gboolean
rtk_session_state_may_become (RtkSessionState from, RtkSessionState to)
{
  g_return_val_if_fail ((guint)from < RTK_N_SESSION_STATES, FALSE);
  g_return_val_if_fail ((guint)to < RTK_N_SESSION_STATES, FALSE);
  return (transitions[from] & (1u << to)) != 0;
}

/**
 * rtk_session_state_to_string:
 * @state: a state
 *
 * Returns: (transfer none): its name, for logs and programs
 */
const char *
rtk_session_state_to_string (RtkSessionState state)
{
  g_return_val_if_fail ((guint)state < RTK_N_SESSION_STATES, NULL);
  return state_names[state];
}

/**
 * rtk_session_message_to_string:
 * @message: a message
 *
 * Returns: (transfer none): its name, for logs and programs
 */
const char *
rtk_session_message_to_string (RtkSessionMessage message)
{
  g_return_val_if_fail ((guint)message < RTK_N_SESSION_MESSAGES, NULL);
  return message_names[message];
}
