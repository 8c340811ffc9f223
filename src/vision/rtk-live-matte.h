/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-geometry.h"
#include "core/rtk-image.h"

G_BEGIN_DECLS

/* The cut-out of a live view: what the finished photo would be, thirty times a second. Remembers
 * the frame before, so that nothing flickers. Used by one thread. */
typedef struct _RtkLiveMatte RtkLiveMatte;

RtkLiveMatte *rtk_live_matte_new (void) G_GNUC_WARN_UNUSED_RESULT;
void          rtk_live_matte_reset (RtkLiveMatte *self);
void          rtk_live_matte_free (RtkLiveMatte *self);

RtkImage     *rtk_live_matte_make (RtkLiveMatte   *self,
                                   const RtkImage *frame,
                                   const float    *mask,
                                   const RtkCrop  *crop,
                                   const guint8    background[3],
                                   GError        **error) G_GNUC_WARN_UNUSED_RESULT;
const guint8 *rtk_live_matte_get_alpha (const RtkLiveMatte *self);
void          rtk_live_matte_get_crop (const RtkLiveMatte *self, RtkCrop *out_crop);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkLiveMatte, rtk_live_matte_free)

G_END_DECLS
