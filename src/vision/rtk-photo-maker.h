/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-photo.h"
#include "vision/rtk-networks.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * RtkPhotoTimes:
 * @decode_ms: file to upright sRGB pixels (or pixels to a lossless file)
 * @analyse_ms: faces, points, shoulders, every measure
 * @matte_ms: mask and alpha
 * @compose_ms: crop, scale, background
 * @encode_ms: search for the best quality that fits, and alpha as PNG
 * @judge_ms: both reports, with the measures of the finished picture, and the certificate
 * @total_ms: all of it
 *
 * Where the time of a photo goes.
 */
typedef struct {
  double decode_ms;
  double analyse_ms;
  double matte_ms;
  double compose_ms;
  double encode_ms;
  double judge_ms;
  double total_ms;
} RtkPhotoTimes;

RtkPhoto *rtk_photo_maker_make (RtkNetworks         *networks,
                                const RtkStill      *still,
                                const RtkRulePack   *pack,
                                const RtkBackground *background,
                                GCancellable        *cancellable,
                                GError             **error) G_GNUC_WARN_UNUSED_RESULT;
RtkPhoto *rtk_photo_maker_make_timed (RtkNetworks         *networks,
                                      const RtkStill      *still,
                                      const RtkRulePack   *pack,
                                      const RtkBackground *background,
                                      GCancellable        *cancellable,
                                      RtkPhotoTimes       *out_times,
                                      GError             **error) G_GNUC_WARN_UNUSED_RESULT;
RtkImage *rtk_photo_maker_matte (RtkNetworks    *networks,
                                 const RtkImage *picture,
                                 const RtkImage *plate,
                                 gboolean       *out_plate_fits,
                                 GError        **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
