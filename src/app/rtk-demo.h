/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-analyser.h"

G_BEGIN_DECLS

void     rtk_demo_make_photos_async (RtkAnalyser        *analyser,
                                     RtkRulePack        *pack,
                                     const char         *picture,
                                     const char         *folder,
                                     GCancellable       *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer            user_data);
gboolean rtk_demo_make_photos_finish (GAsyncResult *result, GError **error);
char    *rtk_demo_find_picture (void) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
