/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * RtkSessionState:
 * @RTK_SESSION_IDLE: nobody is open; the live view runs and codes are looked for
 * @RTK_SESSION_OPENING: an order is being looked up
 * @RTK_SESSION_LIVE: a subject is open, the live view is judged
 * @RTK_SESSION_SHOOTING: the still is being taken and finished
 * @RTK_SESSION_SHOT: a finished photo is there to look at, to take again or to submit
 * @RTK_SESSION_SUBMITTING: the submission is being written to the vault and the outbox
 * @RTK_SESSION_SUBMITTED: written and held: undo is possible until it is released
 * @RTK_SESSION_UNDOING: the held submission is being taken back
 *
 * What a person is doing now. One at a time; see rtk_session_state_may_become().
 */
typedef enum {
  RTK_SESSION_IDLE,
  RTK_SESSION_OPENING,
  RTK_SESSION_LIVE,
  RTK_SESSION_SHOOTING,
  RTK_SESSION_SHOT,
  RTK_SESSION_SUBMITTING,
  RTK_SESSION_SUBMITTED,
  RTK_SESSION_UNDOING,
  RTK_N_SESSION_STATES
} RtkSessionState;

/**
 * RtkSessionMessage:
 * @RTK_SESSION_MESSAGE_NONE: nothing to say
 * @RTK_SESSION_MESSAGE_NOT_FOUND: no order with this code or id
 * @RTK_SESSION_MESSAGE_NOT_RETAKABLE: the order may not be retaken (not paid, or delivered)
 * @RTK_SESSION_MESSAGE_OPEN_FAILED: the look-up failed, see "error"
 * @RTK_SESSION_MESSAGE_OTHER_CODE: another person's code was read while a subject is open; nothing
 *   was swapped: rtk_retake_session_open_pending() does it when a person agrees
 * @RTK_SESSION_MESSAGE_SAME_CODE: the open subject's own code was read again: the right person
 * @RTK_SESSION_MESSAGE_UNKNOWN_CODE: a code that belongs to no order was read while one is open
 * @RTK_SESSION_MESSAGE_BUSY: the step before is not finished yet
 * @RTK_SESSION_MESSAGE_NOT_READY: a blocking rule fails: mend it, or accept it by name; detail =
 *   id of the check
 * @RTK_SESSION_MESSAGE_CAMERA_LOST: the camera went away at the shutter; attempts are kept
 * @RTK_SESSION_MESSAGE_SHOT_FAILED: no finished photo came of it, see "error"
 * @RTK_SESSION_MESSAGE_NEEDS_OVERRIDE: the chosen photo fails a blocking rule and nobody has
 *   accepted it; detail = id of the check
 * @RTK_SESSION_MESSAGE_SUBMIT_FAILED: nothing was written, see "error"
 * @RTK_SESSION_MESSAGE_SUBMITTED: written; undo until "undo-deadline"
 * @RTK_SESSION_MESSAGE_UNDONE: taken back, the photo is there again
 * @RTK_SESSION_MESSAGE_UNDO_TOO_LATE: it was released already
 * @RTK_SESSION_MESSAGE_UNDO_FAILED: could not be taken back, see "error"
 * @RTK_SESSION_MESSAGE_RELEASED: the time for undo is over
 * @RTK_SESSION_MESSAGE_ORDER_CHANGED: the open order changed elsewhere and may not be retaken now
 * @RTK_SESSION_MESSAGE_ANALYSIS_FAILED: the live view cannot be judged, see "error"; said once
 *
 * What there is to say, one sentence each; the widgets have the words.
 */
typedef enum {
  RTK_SESSION_MESSAGE_NONE,
  RTK_SESSION_MESSAGE_NOT_FOUND,
  RTK_SESSION_MESSAGE_NOT_RETAKABLE,
  RTK_SESSION_MESSAGE_OPEN_FAILED,
  RTK_SESSION_MESSAGE_OTHER_CODE,
  RTK_SESSION_MESSAGE_SAME_CODE,
  RTK_SESSION_MESSAGE_UNKNOWN_CODE,
  RTK_SESSION_MESSAGE_BUSY,
  RTK_SESSION_MESSAGE_NOT_READY,
  RTK_SESSION_MESSAGE_CAMERA_LOST,
  RTK_SESSION_MESSAGE_SHOT_FAILED,
  RTK_SESSION_MESSAGE_NEEDS_OVERRIDE,
  RTK_SESSION_MESSAGE_SUBMIT_FAILED,
  RTK_SESSION_MESSAGE_SUBMITTED,
  RTK_SESSION_MESSAGE_UNDONE,
  RTK_SESSION_MESSAGE_UNDO_TOO_LATE,
  RTK_SESSION_MESSAGE_UNDO_FAILED,
  RTK_SESSION_MESSAGE_RELEASED,
  RTK_SESSION_MESSAGE_ORDER_CHANGED,
  RTK_SESSION_MESSAGE_ANALYSIS_FAILED,
  RTK_N_SESSION_MESSAGES
} RtkSessionMessage;

/**
 * RtkOldPhotoState:
 * @RTK_OLD_PHOTO_NONE: the order has no earlier photo, or nobody is open
 * @RTK_OLD_PHOTO_LOADING: being read or fetched
 * @RTK_OLD_PHOTO_READY: "old-photo" holds it
 * @RTK_OLD_PHOTO_OFFLINE: it is only on the server, which cannot be reached
 * @RTK_OLD_PHOTO_FAILED: it cannot be had
 *
 * Where the earlier photo of the open order stands.
 */
typedef enum {
  RTK_OLD_PHOTO_NONE,
  RTK_OLD_PHOTO_LOADING,
  RTK_OLD_PHOTO_READY,
  RTK_OLD_PHOTO_OFFLINE,
  RTK_OLD_PHOTO_FAILED,
} RtkOldPhotoState;

gboolean    rtk_session_state_may_become (RtkSessionState from, RtkSessionState to);
const char *rtk_session_state_to_string (RtkSessionState state);
const char *rtk_session_message_to_string (RtkSessionMessage message);

G_END_DECLS
