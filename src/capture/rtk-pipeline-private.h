/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "capture/rtk-mailbox-private.h"
#include "core/rtk-camera.h"
#include "core/rtk-worker.h"

#include <gst/gst.h>

G_BEGIN_DECLS

/* One opened source, from the moment it is opened until it is closed for good. Main thread. */
typedef struct _RtkPipeline RtkPipeline;

/**
 * RtkPipelineFuncs:
 * @frame: the newest preview frame
 * @failed: the source cannot go on; the pipeline is to be closed
 *
 * What a pipeline tells its owner, on the main thread, never after rtk_pipeline_close().
 */
typedef struct {
  void (*frame) (RtkFrame *frame, gpointer owner);
  void (*failed) (const GError *error, gpointer owner);
} RtkPipelineFuncs;

RtkPipeline *rtk_pipeline_new (RtkWorker              *worker,
                               GMainContext           *context,
                               const RtkPipelineFuncs *funcs,
                               gpointer                owner,
                               guint64                 first_serial) G_GNUC_WARN_UNUSED_RESULT;
void         rtk_pipeline_open_device (RtkPipeline *self, GstDevice *device);
void         rtk_pipeline_open_replay (RtkPipeline *self, const char *path);
void         rtk_pipeline_close (RtkPipeline *self);
RtkMailbox  *rtk_pipeline_get_mailbox (RtkPipeline *self);
GstCaps     *rtk_pipeline_choose_caps (GstCaps *offered) G_GNUC_WARN_UNUSED_RESULT;
void         rtk_pipeline_fit_preview (int width, int height, int *out_width, int *out_height);

G_END_DECLS
