/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-geometry.h"
#include "core/rtk-image.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define RTK_TYPE_CROP_VIEW (rtk_crop_view_get_type ())

/* A picture, or the part of it that a crop cuts out, as large as there is room, at
 * the top of it.
 *
 * Property: "label" (char*): its accessible name. */
G_DECLARE_FINAL_TYPE (RtkCropView, rtk_crop_view, RTK, CROP_VIEW, GtkWidget)

void rtk_crop_view_set_image (RtkCropView *self, RtkImage *image, const RtkCrop *crop);
void rtk_crop_view_set_texture (RtkCropView *self, GdkTexture *texture);

G_END_DECLS
