/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "capture/rtk-take-private.h"
#include "core/rtk-camera.h"

#include <gst/gst.h>

G_BEGIN_DECLS

/* Where the streaming thread leaves the newest frame, full size and preview, and from where the
 * main thread takes it. Counted, because both sides hold it. */
typedef struct _RtkMailbox RtkMailbox;

/* Told the newest frame, on the main context, never after rtk_mailbox_silence(). */
typedef void (*RtkMailboxDeliver) (RtkFrame *frame, gpointer owner);

RtkMailbox *rtk_mailbox_new (GMainContext     *context,
                             RtkMailboxDeliver deliver,
                             gpointer          owner,
                             guint64           first_serial) G_GNUC_WARN_UNUSED_RESULT;
RtkMailbox *rtk_mailbox_ref (RtkMailbox *self);
void        rtk_mailbox_unref (RtkMailbox *self);
void        rtk_mailbox_attach (RtkMailbox *self, GstBin *bin);
void        rtk_mailbox_attach_coded (RtkMailbox *self, GstPad *pad);
void        rtk_mailbox_silence (RtkMailbox *self);
void        rtk_mailbox_set_orientation (RtkMailbox *self, RtkOrientation orientation);
gint64      rtk_mailbox_get_last_time (RtkMailbox *self);
guint64     rtk_mailbox_get_serial (RtkMailbox *self);
guint64     rtk_mailbox_get_dropped (RtkMailbox *self);
RtkTake    *rtk_mailbox_take (RtkMailbox *self) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
