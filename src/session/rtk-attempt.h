/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-order.h"
#include "core/rtk-photo.h"

#include <glib-object.h>

G_BEGIN_DECLS

#define RTK_TYPE_ATTEMPT (rtk_attempt_get_type ())

/* One photo that was taken of one subject: immutable, bound to the order that was open when the
 * shutter was pressed.
 *
 * Properties (read-only): "photo" (RtkPhoto), "number" (guint, from 1), "taken-at" (gint64, wall
 *   clock in microseconds), "order-id" (char*), "verdict" (int of RtkVerdict: the worse of the
 *   frame's and the finished file's). */
G_DECLARE_FINAL_TYPE (RtkAttempt, rtk_attempt, RTK, ATTEMPT, GObject)

RtkAttempt *rtk_attempt_new (RtkPhoto *photo, guint number, gint64 taken_at, const char *order_id)
    G_GNUC_WARN_UNUSED_RESULT;
RtkPhoto   *rtk_attempt_get_photo (RtkAttempt *self);
guint       rtk_attempt_get_number (RtkAttempt *self);
gint64      rtk_attempt_get_taken_at (RtkAttempt *self);
const char *rtk_attempt_get_order_id (RtkAttempt *self);
RtkVerdict  rtk_attempt_get_verdict (RtkAttempt *self);
/* (element-type RtkCheckId) blocking checks that are not green: of the frame, of the finished file.
 */
GArray *rtk_attempt_dup_failed (RtkAttempt *self) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
