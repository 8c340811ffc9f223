/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-camera.h"

G_BEGIN_DECLS

#define RTK_TYPE_CODE_SCANNER (rtk_code_scanner_get_type ())

/* Looks for QR codes and Code 128 in the newest frame, about five times a second. Main thread.
 *
 * Signal: "code" (char *symbology, char *payload): once a code, until it was out of view for two
 *   seconds; never log the payload. */
G_DECLARE_FINAL_TYPE (RtkCodeScanner, rtk_code_scanner, RTK, CODE_SCANNER, GObject)

RtkCodeScanner *rtk_code_scanner_new (void) G_GNUC_WARN_UNUSED_RESULT;
gboolean        rtk_code_scanner_offer (RtkCodeScanner *self, RtkFrame *frame);
void            rtk_code_scanner_forget (RtkCodeScanner *self);
gboolean        rtk_code_scanner_is_scanning (RtkCodeScanner *self);

G_END_DECLS
