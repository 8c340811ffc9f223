/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-photo.h"
#include "vision/rtk-networks.h"

G_BEGIN_DECLS

/**
 * RtkPhotoProof:
 * @RTK_PHOTO_PROVED: made again from the original it is the same file, to the byte
 * @RTK_PHOTO_CONSISTENT: another encoder, or another kind of machine: everywhere near to what the
 *   original gives
 * @RTK_PHOTO_DIFFERS: somewhere it is not what the original gives
 *
 * What making a photo again says about it.
 */
typedef enum {
  RTK_PHOTO_PROVED,
  RTK_PHOTO_CONSISTENT,
  RTK_PHOTO_DIFFERS,
} RtkPhotoProof;

gboolean rtk_photo_verify (RtkNetworks          *networks,
                           const RtkCertificate *certificate,
                           GBytes               *original,
                           GBytes               *alpha,
                           GBytes               *delivered,
                           RtkPhotoProof        *out_proof,
                           GError              **error);

G_END_DECLS
