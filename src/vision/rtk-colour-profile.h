/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * RtkColourOutcome:
 * @RTK_COLOUR_ASSUMED_SRGB: no profile: the pixels are taken for sRGB
 * @RTK_COLOUR_WAS_SRGB: the profile is sRGB; nothing was changed
 * @RTK_COLOUR_CONVERTED: the pixels were converted from the profile's space to sRGB
 * @RTK_COLOUR_PROFILE_UNUSABLE: the profile is damaged or for another kind of device; nothing was
 *   changed
 *
 * What became of an embedded profile.
 */
typedef enum {
  RTK_COLOUR_ASSUMED_SRGB,
  RTK_COLOUR_WAS_SRGB,
  RTK_COLOUR_CONVERTED,
  RTK_COLOUR_PROFILE_UNUSABLE,
} RtkColourOutcome;

RtkColourOutcome rtk_colour_profile_apply (GBytes *profile, guint8 *rgb, gsize n_pixels);

G_END_DECLS
