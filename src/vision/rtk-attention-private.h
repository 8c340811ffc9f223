/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "vision/rtk-networks-private.h"

G_BEGIN_DECLS

#define RTK_ATTENTION_FEATURES 48 /* rows and columns of the trunk's features */
#define RTK_ATTENTION_CHANNELS 32
#define RTK_ATTENTION_CROP 16 /* rows and columns of a region's crop of them */

/* The parts of a face that have a network of their own. */
typedef enum {
  RTK_ATTENTION_LIPS,
  RTK_ATTENTION_EYE_33,  /* the subject's right eye */
  RTK_ATTENTION_EYE_263, /* the subject's left eye */
} RtkAttentionRegion;

/* crop -> features, both in cells: features = linear * crop + shift. */
typedef struct {
  double linear[2][2];
  double shift[2];
} RtkAttentionTransform;

const guint16        *rtk_attention_get_indices (RtkAttentionRegion region, guint *n_indices);
RtkAttentionTransform rtk_attention_find_transform (RtkAttentionRegion region, const float *mesh);
void
rtk_attention_crop (const RtkAttentionTransform *transform, const float *features, float *crop);
void rtk_attention_place (const RtkAttentionTransform *transform,
                          const float                 *point,
                          float                       *out_x,
                          float                       *out_y);

G_END_DECLS
