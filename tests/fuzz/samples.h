/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/* Small files of nobody, which tests damage. */

/**
 * RtkSamplePhoto:
 * @original: (owned): PNG
 * @alpha: (owned): PNG
 * @delivered: (owned): JPEG
 * @certificate: (owned): not signed, its hashes are zeros
 *
 * A finished photo without a person: how its pixels were made can be verified all the same.
 */
typedef struct {
  GBytes *original;
  GBytes *alpha;
  GBytes *delivered;
  GBytes *certificate;
} RtkSamplePhoto;

GBytes *rtk_sample_png (void) G_GNUC_WARN_UNUSED_RESULT;
GBytes *rtk_sample_jpeg (int width, int height) G_GNUC_WARN_UNUSED_RESULT;
/* A JPEG with all that cameras put before the picture: EXIF and a colour profile. */
GBytes *rtk_sample_laden_jpeg (void) G_GNUC_WARN_UNUSED_RESULT;
/* A colour profile whose green is wider than that of sRGB. */
GBytes *rtk_sample_profile (void) G_GNUC_WARN_UNUSED_RESULT;
/* A copy of @jpeg with a segment, or a colour profile in one, behind SOI. */
GBytes *rtk_sample_with_segment (GBytes *jpeg, guint8 marker, const void *content, gsize size)
    G_GNUC_WARN_UNUSED_RESULT;
GBytes *rtk_sample_with_profile (GBytes *jpeg, GBytes *profile) G_GNUC_WARN_UNUSED_RESULT;
/* Makes the checksums of a PNG's chunks right again, so that what is wrong is read at all. */
void rtk_sample_mend_png (GByteArray *file);

void rtk_sample_photo_init (RtkSamplePhoto *self);
void rtk_sample_photo_clear (RtkSamplePhoto *self);
