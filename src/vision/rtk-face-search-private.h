/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "vision/rtk-networks.h"

G_BEGIN_DECLS

guint    rtk_face_search_count_views (const RtkImage *image);
gboolean rtk_face_search_view (
    RtkNetworks *networks, const RtkImage *image, guint view, GArray *found, GError **error);
gboolean rtk_face_search_same (const RtkRect *a, const RtkRect *b);

G_END_DECLS
