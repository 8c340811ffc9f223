/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "vision/rtk-tflite.h"

#include <glib.h>

/* Runs a part of a model with XNNPACK. Every call of that library is in rtk-xnn.c, since its names
 * change between releases. */

G_BEGIN_DECLS

/* A network ready to run, with its own buffers. Not re-entrant: one thread at a time. */
typedef struct _RtkXnn RtkXnn;

RtkXnn  *rtk_xnn_new (const RtkTflite *model,
                      const int       *inputs,
                      guint            n_inputs,
                      const int       *outputs,
                      guint            n_outputs,
                      guint            n_threads,
                      GError         **error) G_GNUC_WARN_UNUSED_RESULT;
void     rtk_xnn_free (RtkXnn *self);
float   *rtk_xnn_get_input (RtkXnn *self, guint input, gsize *n_elements);
float   *rtk_xnn_get_output (RtkXnn *self, guint output, gsize *n_elements);
gboolean rtk_xnn_run (RtkXnn *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkXnn, rtk_xnn_free)

G_END_DECLS
