/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-geometry.h"
#include "core/rtk-image.h"

G_BEGIN_DECLS

#define RTK_MASK_SIZE 256

/* The four networks, ready to run. Not re-entrant: one per thread. */
typedef struct _RtkNetworks RtkNetworks;

RtkNetworks *rtk_networks_new (const char *models_dir, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void         rtk_networks_free (RtkNetworks *self);

gboolean rtk_networks_segment (
    RtkNetworks *self, const RtkImage *image, const RtkRect *area, float *out_mask, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkNetworks, rtk_networks_free)

G_END_DECLS
