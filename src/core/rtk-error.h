/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * RtkError:
 * @RTK_ERROR_USAGE: the call's own words are off: an unknown option, a missing argument
 * @RTK_ERROR_BAD_PICTURE: not a picture, truncated, or of a kind that is not taken (CMYK, 16 bit)
 * @RTK_ERROR_TOO_LARGE: a picture or a message above its limit
 * @RTK_ERROR_NO_FACE: there is no face in the picture
 * @RTK_ERROR_NO_CROP: no legal crop: the picture is too small, or the head too near to its edge
 * @RTK_ERROR_NO_PERSON: segmentation found nobody
 * @RTK_ERROR_MODEL_MISSING: a model file is not there
 * @RTK_ERROR_MODEL_DAMAGED: a model file is there but is not what it should be
 * @RTK_ERROR_BAD_RULES: a rule pack that cannot be used
 * @RTK_ERROR_NO_CAMERA: no such camera, or none at all
 * @RTK_ERROR_CAMERA_BUSY: another program holds the camera
 * @RTK_ERROR_CAMERA_LOST: the camera went away, or went quiet
 * @RTK_ERROR_NOT_FOUND: no such order, photo, operation or file
 * @RTK_ERROR_EXISTS: it is there already
 * @RTK_ERROR_IN_USE: another program holds the data folder
 * @RTK_ERROR_LOCKED: the vault is locked: a passphrase is needed
 * @RTK_ERROR_BAD_PASSPHRASE: the passphrase does not fit
 * @RTK_ERROR_READ_ONLY: the folder cannot be written
 * @RTK_ERROR_DISK_FULL: no space left
 * @RTK_ERROR_DAMAGED: stored data whose checksum or authentication fails
 * @RTK_ERROR_STORAGE: any other failure of a file or database
 * @RTK_ERROR_OFFLINE: the server cannot be reached
 * @RTK_ERROR_UNAUTHORIZED: signed out, wrong name or password, or the session ran out
 * @RTK_ERROR_FORBIDDEN: the role does not allow it
 * @RTK_ERROR_CONFLICT: the order changed in the meantime; both sides are kept
 * @RTK_ERROR_REFUSED: the server understood and said no, for good
 * @RTK_ERROR_SERVER: the server failed, or answered what the protocol does not know
 * @RTK_ERROR_BAD_MESSAGE: JSON that is not what it should be
 * @RTK_ERROR_BAD_STATE: not allowed in the present state
 * @RTK_ERROR_BACKEND: a library failed in a way that has no code of its own
 * @RTK_ERROR_TOO_NEW: written by a newer version of this program
 * @RTK_ERROR_FILE_MISSING: a file that belongs to the program is not there
 *
 * What can go wrong, in terms on which a caller can act. One domain for the whole program
 * (docs/decisions/001): errors cross the interfaces of core, so their codes belong to core.
 */
typedef enum {
  RTK_ERROR_USAGE,
  RTK_ERROR_BAD_PICTURE,
  RTK_ERROR_TOO_LARGE,
  RTK_ERROR_NO_FACE,
  RTK_ERROR_NO_CROP,
  RTK_ERROR_NO_PERSON,
  RTK_ERROR_MODEL_MISSING,
  RTK_ERROR_MODEL_DAMAGED,
  RTK_ERROR_BAD_RULES,
  RTK_ERROR_NO_CAMERA,
  RTK_ERROR_CAMERA_BUSY,
  RTK_ERROR_CAMERA_LOST,
  RTK_ERROR_NOT_FOUND,
  RTK_ERROR_EXISTS,
  RTK_ERROR_IN_USE,
  RTK_ERROR_LOCKED,
  RTK_ERROR_BAD_PASSPHRASE,
  RTK_ERROR_READ_ONLY,
  RTK_ERROR_DISK_FULL,
  RTK_ERROR_DAMAGED,
  RTK_ERROR_STORAGE,
  RTK_ERROR_OFFLINE,
  RTK_ERROR_UNAUTHORIZED,
  RTK_ERROR_FORBIDDEN,
  RTK_ERROR_CONFLICT,
  RTK_ERROR_REFUSED,
  RTK_ERROR_SERVER,
  RTK_ERROR_BAD_MESSAGE,
  RTK_ERROR_BAD_STATE,
  RTK_ERROR_BACKEND,
  RTK_ERROR_TOO_NEW,
  RTK_ERROR_FILE_MISSING,
} RtkError;

#define RTK_ERROR (rtk_error_quark ())

GQuark      rtk_error_quark (void);
const char *rtk_error_sentence (const GError *error);
RtkError    rtk_error_code_from_io (const GError *error);

G_END_DECLS
