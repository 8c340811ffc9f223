/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-image.h"
#include "core/rtk-worker.h"

#include <gdk/gdk.h>

G_BEGIN_DECLS

GdkTexture *rtk_texture_new_for_image (RtkImage *image) G_GNUC_WARN_UNUSED_RESULT;
void        rtk_texture_load_async (RtkWorker          *worker,
                                    GBytes             *file,
                                    GCancellable       *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer            user_data);
GdkTexture *rtk_texture_load_finish (GAsyncResult *result, GError **error);

G_END_DECLS
