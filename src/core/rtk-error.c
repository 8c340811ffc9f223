/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-error.h"

#include <gio/gio.h>
#include <glib/gi18n.h>

G_DEFINE_QUARK (rtk_error, rtk_error)

/* One sentence a code: what happened and what to do. Marked for translation here, translated where
 * a person reads it (widgets, ctl): core itself has no language. */
static const char *const sentences[] = {
    [RTK_ERROR_USAGE] = N_ ("The command was not understood: see --help."),
    [RTK_ERROR_BAD_PICTURE] =
        N_ ("This file is not a usable picture: take or copy it again as an 8-bit JPEG or PNG."),
    [RTK_ERROR_TOO_LARGE] = N_ ("This picture is too large: use one of at most 100 megapixels."),
    [RTK_ERROR_NO_FACE] = N_ ("No face was found: let the person look straight into the camera."),
    [RTK_ERROR_NO_CROP] = N_ (
        "The head is too small, too large or too near to the edge of the picture: frame it again."),
    [RTK_ERROR_NO_PERSON] = N_ ("Nobody was found in the picture: let the person step in."),
    [RTK_ERROR_MODEL_MISSING] = N_ ("A model file is missing: run tools/setup again."),
    [RTK_ERROR_MODEL_DAMAGED] = N_ ("A model file is damaged: run tools/setup again."),
    [RTK_ERROR_BAD_RULES] = N_ ("The rule pack cannot be used: check it with “rules lint”."),
    [RTK_ERROR_NO_CAMERA] = N_ ("There is no such camera: plug it in or choose another one."),
    [RTK_ERROR_CAMERA_BUSY] = N_ ("Another program uses the camera: close that program."),
    [RTK_ERROR_CAMERA_LOST] = N_ ("The camera is gone: check its cable. It comes back by itself."),
    [RTK_ERROR_NOT_FOUND] = N_ ("There is no such entry: refresh the list and try again."),
    [RTK_ERROR_EXISTS] = N_ ("It is there already: choose another name."),
    [RTK_ERROR_IN_USE] = N_ ("Another program has this data folder open: close it first."),
    [RTK_ERROR_LOCKED] = N_ ("The data folder is locked: enter your passphrase."),
    [RTK_ERROR_BAD_PASSPHRASE] = N_ ("The passphrase is wrong: type it again."),
    [RTK_ERROR_READ_ONLY] =
        N_ ("The folder cannot be written: choose another or change its rights."),
    [RTK_ERROR_DISK_FULL] = N_ ("The disk is full: free some space."),
    [RTK_ERROR_DAMAGED] = N_ ("Stored data is damaged: do not delete anything and call for help."),
    [RTK_ERROR_STORAGE] = N_ ("The data folder cannot be used: check the disk."),
    [RTK_ERROR_OFFLINE] = N_ ("The server cannot be reached: work goes on, sending waits."),
    [RTK_ERROR_UNAUTHORIZED] = N_ ("Not signed in, or a wrong name or password: sign in again."),
    [RTK_ERROR_FORBIDDEN] = N_ ("Your role does not allow this: ask a supervisor."),
    [RTK_ERROR_CONFLICT] = N_ ("The order was changed elsewhere: open it again and decide."),
    [RTK_ERROR_REFUSED] = N_ ("The server refused this: read its reason."),
    [RTK_ERROR_SERVER] = N_ ("The server failed: try again later."),
    [RTK_ERROR_BAD_MESSAGE] = N_ ("The answer was not understood: update this program."),
    [RTK_ERROR_BAD_STATE] = N_ ("This cannot be done now: finish the step before it."),
    [RTK_ERROR_BACKEND] = N_ ("Something unexpected failed: try again, then report it."),
    [RTK_ERROR_TOO_NEW] =
        N_ ("This data folder was written by a newer version: update this program."),
    [RTK_ERROR_FILE_MISSING] =
        N_ ("A file that belongs to this program is missing: install it again."),
};

/**
 * rtk_error_sentence:
 * @error: any error
 *
 * Finds the sentence for a person that goes with @error: what happened and what to do.
 *
 * Errors of other domains are mapped with rtk_error_code_from_io(). Any thread.
 *
 * Returns: (transfer none): an untranslated message id, to be passed through gettext
 */
const char *
rtk_error_sentence (const GError *error)
{
  RtkError code;

  g_return_val_if_fail (error != NULL, NULL);

  code = error->domain == RTK_ERROR ? (RtkError)error->code : rtk_error_code_from_io (error);
  g_return_val_if_fail ((gsize)code < G_N_ELEMENTS (sentences), NULL);
  return sentences[code];
}

/**
 * rtk_error_code_from_io:
 * @error: an error of GIO or of GLib's file functions
 *
 * Maps what GIO says about a file or a connection to our own code.
 *
 * Returns: the nearest code, %RTK_ERROR_BACKEND if there is none
 */
RtkError
rtk_error_code_from_io (const GError *error)
{
  g_return_val_if_fail (error != NULL, RTK_ERROR_BACKEND);

  if (error->domain == G_FILE_ERROR) {
    switch (error->code) {
    case G_FILE_ERROR_NOENT:
      return RTK_ERROR_NOT_FOUND;
    case G_FILE_ERROR_ACCES:
    case G_FILE_ERROR_PERM:
    case G_FILE_ERROR_ROFS:
      return RTK_ERROR_READ_ONLY;
    case G_FILE_ERROR_NOSPC:
      return RTK_ERROR_DISK_FULL;
    default:
      return RTK_ERROR_STORAGE;
    }
  }
  if (error->domain != G_IO_ERROR)
    return RTK_ERROR_BACKEND;
  switch (error->code) {
  case G_IO_ERROR_NOT_FOUND:
    return RTK_ERROR_NOT_FOUND;
  case G_IO_ERROR_EXISTS:
    return RTK_ERROR_EXISTS;
  case G_IO_ERROR_PERMISSION_DENIED:
  case G_IO_ERROR_READ_ONLY:
    return RTK_ERROR_READ_ONLY;
  case G_IO_ERROR_NO_SPACE:
    return RTK_ERROR_DISK_FULL;
  case G_IO_ERROR_CONNECTION_REFUSED:
  case G_IO_ERROR_CONNECTION_CLOSED:
  case G_IO_ERROR_HOST_NOT_FOUND:
  case G_IO_ERROR_HOST_UNREACHABLE:
  case G_IO_ERROR_NETWORK_UNREACHABLE:
  case G_IO_ERROR_NOT_CONNECTED:
  case G_IO_ERROR_TIMED_OUT:
  case G_IO_ERROR_PARTIAL_INPUT:
    return RTK_ERROR_OFFLINE;
  default:
    return RTK_ERROR_BACKEND;
  }
}
