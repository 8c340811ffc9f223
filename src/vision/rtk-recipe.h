/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-geometry.h"
#include "core/rtk-image.h"

G_BEGIN_DECLS

/* A working picture is at most this wide (and 4:3 as high). */
#define RTK_RECIPE_MAX_WIDTH 1440

RtkCrop   rtk_recipe_get_working_crop (const RtkCrop *crop, int picture_width, int picture_height);
RtkImage *rtk_recipe_render (const RtkImage *picture,
                             const RtkImage *alpha,
                             const RtkCrop  *crop,
                             const guint8    background[3],
                             GError        **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
