/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-colour-profile.h"

#include <lcms2.h>

static void
ignore_error_cb (cmsContext context, cmsUInt32Number code, const char *text)
{
}

/* Whether the transform leaves a grid of colours alone but for rounding: then it is not applied,
 * so that an sRGB picture keeps the very bytes of its camera. */
static gboolean
is_identity (cmsHTRANSFORM transform)
{
  for (int r = 0; r <= 255; r += 17) {
    for (int g = 0; g <= 255; g += 17) {
      for (int b = 0; b <= 255; b += 17) {
        const guint8 in[3] = {(guint8)r, (guint8)g, (guint8)b};
        guint8       out[3];

        cmsDoTransform (transform, in, out, 1);
        if (ABS (out[0] - r) > 1 || ABS (out[1] - g) > 1 || ABS (out[2] - b) > 1)
          return FALSE;
      }
    }
  }
  return TRUE;
}

static void
transform_in_place (cmsHTRANSFORM transform, guint8 *rgb, gsize n_pixels)
{
  const gsize block = 1 << 20;

  for (gsize at = 0; at < n_pixels; at += block)
    cmsDoTransform (transform, rgb + 3 * at, rgb + 3 * at,
                    (cmsUInt32Number)MIN (block, n_pixels - at));
}

/* A grey profile gives a curve: each level is sent through it once. */
static void
apply_grey_curve (cmsHTRANSFORM transform, guint8 *rgb, gsize n_pixels)
{
  guint8 levels[256], curve[256][3];

  for (int i = 0; i < 256; i++)
    levels[i] = (guint8)i;
  cmsDoTransform (transform, levels, curve, 256);
  for (gsize i = 0; i < n_pixels; i++) {
    guint8 level = rgb[3 * i];

    for (int c = 0; c < 3; c++)
      rgb[3 * i + c] = curve[level][c];
  }
}

static RtkColourOutcome
apply_in_context (cmsContext context, cmsHPROFILE source, guint8 *rgb, gsize n_pixels)
{
  RtkColourOutcome outcome = RTK_COLOUR_PROFILE_UNUSABLE;
  gboolean         grey = cmsGetColorSpace (source) == cmsSigGrayData;
  cmsHPROFILE      srgb = cmsCreate_sRGBProfileTHR (context);
  cmsHTRANSFORM    transform = NULL;

  if (grey || cmsGetColorSpace (source) == cmsSigRgbData)
    transform =
        cmsCreateTransformTHR (context, source, grey ? TYPE_GRAY_8 : TYPE_RGB_8, srgb, TYPE_RGB_8,
                               INTENT_RELATIVE_COLORIMETRIC, cmsFLAGS_BLACKPOINTCOMPENSATION);
  if (transform != NULL) {
    outcome = RTK_COLOUR_CONVERTED;
    if (grey)
      apply_grey_curve (transform, rgb, n_pixels);
    else if (is_identity (transform))
      outcome = RTK_COLOUR_WAS_SRGB;
    else
      transform_in_place (transform, rgb, n_pixels);
    cmsDeleteTransform (transform);
  }
  cmsCloseProfile (srgb);
  return outcome;
}

/**
 * rtk_colour_profile_apply:
 * @profile: (nullable): an ICC profile as embedded in a picture
 * @rgb: `n_pixels * 3` bytes, changed in place
 * @n_pixels: pixels
 *
 * Brings pixels from the space of @profile to sRGB (relative colorimetric, black point
 * compensated).
 *
 * A profile that cannot be used is passed over rather than making the picture unusable, and the
 * outcome says so. A grey profile takes the first channel. Any thread, blocking.
 *
 * Returns: what was done
 */
RtkColourOutcome
rtk_colour_profile_apply (GBytes *profile, guint8 *rgb, gsize n_pixels)
{
  RtkColourOutcome outcome = RTK_COLOUR_PROFILE_UNUSABLE;
  cmsContext       context;
  cmsHPROFILE      source;
  gconstpointer    data;
  gsize            size;

  if (profile == NULL)
    return RTK_COLOUR_ASSUMED_SRGB;
  data = g_bytes_get_data (profile, &size);
  context = cmsCreateContext (NULL, NULL);
  cmsSetLogErrorHandlerTHR (context, ignore_error_cb);
  source = cmsOpenProfileFromMemTHR (context, data, (cmsUInt32Number)size);
  if (source != NULL) {
    outcome = apply_in_context (context, source, rgb, n_pixels);
    cmsCloseProfile (source);
  }
  cmsDeleteContext (context);
  return outcome;
}
