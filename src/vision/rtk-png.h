/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-image.h"

G_BEGIN_DECLS

guint8 *rtk_png_decode_rgb (GBytes  *bytes,
                            int      width,
                            int      height,
                            GBytes **out_profile,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
GBytes *rtk_png_encode (const RtkImage *image, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
