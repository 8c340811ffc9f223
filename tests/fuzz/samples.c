/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz/samples.h"

#include "core/rtk-photo.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-jpeg.h"
#include "vision/rtk-png.h"
#include "vision/rtk-recipe.h"

#include <lcms2.h>
#include <string.h>

#define WIDTH 60
#define HEIGHT 80

GBytes *
rtk_sample_png (void)
{
  guint8 *pixels = g_malloc (200 * 200 * 3);
  g_autoptr (RtkImage) image = NULL;

  for (int i = 0; i < 200 * 200 * 3; i++)
    pixels[i] = (guint8)(i / 600 + i % 97);
  image = rtk_image_new_take (RTK_PIXEL_RGB24, 200, 200, 600, pixels);
  return rtk_png_encode (image, NULL);
}

static guint32
png_checksum (const guint8 *data, gsize size)
{
  guint32 sum = 0xffffffff;

  for (gsize i = 0; i < size; i++) {
    sum ^= data[i];
    for (int bit = 0; bit < 8; bit++)
      sum = sum >> 1 ^ (0xedb88320 & (0 - (sum & 1)));
  }
  return ~sum;
}

void
rtk_sample_mend_png (GByteArray *file)
{
  for (guint at = 8; at + 12 <= file->len;) {
    guint32 length;
    guint32 sum;

    memcpy (&length, file->data + at, 4);
    length = GUINT32_FROM_BE (length);
    if (length > file->len - at - 12)
      return;
    sum = GUINT32_TO_BE (png_checksum (file->data + at + 4, length + 4));
    memcpy (file->data + at + 8 + length, &sum, 4);
    at += 12 + length;
  }
}

GBytes *
rtk_sample_with_segment (GBytes *jpeg, guint8 marker, const void *content, gsize size)
{
  GByteArray  *out = g_byte_array_new ();
  const guint8 head[4] = {0xff, marker, (guint8)((size + 2) >> 8), (guint8)(size + 2)};

  g_byte_array_append (out, g_bytes_get_data (jpeg, NULL), 2);
  g_byte_array_append (out, head, 4);
  g_byte_array_append (out, content, (guint)size);
  g_byte_array_append (out, (const guint8 *)g_bytes_get_data (jpeg, NULL) + 2,
                       (guint)g_bytes_get_size (jpeg) - 2);
  return g_byte_array_free_to_bytes (out);
}

GBytes *
rtk_sample_jpeg (int width, int height)
{
  g_autoptr (GBytes) png = rtk_sample_png ();
  g_autoptr (RtkImage) image = rtk_codec_decode (png, NULL, NULL);
  g_autoptr (RtkImage) part =
      rtk_image_new (RTK_PIXEL_RGB24, width, height, 600, rtk_image_get_bytes (image));

  return rtk_jpeg_encode (part, 80, RTK_JPEG_CHROMA_QUARTER, 300, NULL);
}

GBytes *
rtk_sample_profile (void)
{
  cmsCIExyY       white = {0.3127, 0.3290, 1};
  cmsCIExyYTRIPLE wide = {{0.64, 0.33, 1}, {0.21, 0.71, 1}, {0.15, 0.06, 1}};
  cmsToneCurve   *curve = cmsBuildGamma (NULL, 2.2);
  cmsToneCurve   *curves[3] = {curve, curve, curve};
  cmsHPROFILE     profile = cmsCreateRGBProfile (&white, &wide, curves);
  cmsUInt32Number size = 0;
  guint8         *data;

  g_assert_true (cmsSaveProfileToMem (profile, NULL, &size));
  data = g_malloc (size);
  g_assert_true (cmsSaveProfileToMem (profile, data, &size));
  cmsCloseProfile (profile);
  cmsFreeToneCurve (curve);
  return g_bytes_new_take (data, size);
}

GBytes *
rtk_sample_with_profile (GBytes *jpeg, GBytes *profile)
{
  gsize              size;
  const void        *data = g_bytes_get_data (profile, &size);
  g_autofree guint8 *segment = g_malloc (size + 14);

  memcpy (segment, "ICC_PROFILE\0\1\1", 14);
  memcpy (segment + 14, data, size);
  return rtk_sample_with_segment (jpeg, 0xe2, segment, size + 14);
}

GBytes *
rtk_sample_laden_jpeg (void)
{
  static const guint8 exif[] = {'E',  'x', 'i', 'f', 0,  0, 'I', 'I', 42,   0, 8, 0, 0,    0, 3, 0,
                                0x12, 1,   3,   0,   1,  0, 0,   0,   6,    0, 0, 0, 0x1a, 1, 5, 0,
                                1,    0,   0,   0,   50, 0, 0,   0,   0x28, 1, 3, 0, 1,    0, 0, 0,
                                2,    0,   0,   0,   0,  0, 0,   0,   44,   1, 0, 0, 1,    0, 0, 0};
  g_autoptr (GBytes) plain = rtk_sample_jpeg (48, 40);
  g_autoptr (GBytes) profile = rtk_sample_profile ();
  g_autoptr (GBytes) with_profile = rtk_sample_with_profile (plain, profile);

  return rtk_sample_with_segment (with_profile, 0xe1, exif, sizeof exif);
}

/* A photo of nobody: what is verified is how its pixels were made. */
void
rtk_sample_photo_init (RtkSamplePhoto *self)
{
  static const guint8 blue[3] = {100, 197, 255};
  const char         *none = "0000000000000000000000000000000000000000000000000000000000000000";
  RtkCrop             crop = {20.5, 30.25, 1.5, WIDTH, HEIGHT};
  RtkCrop             work = rtk_recipe_get_working_crop (&crop, 200, 200);
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (RtkImage) original = NULL;
  g_autoptr (RtkImage) alpha = NULL;
  g_autoptr (RtkImage) finished = NULL;
  g_autoptr (RtkCertificate) certificate = NULL;
  RtkIntake intake;
  guint8   *grey = g_malloc ((gsize)work.out_width * work.out_height);

  for (int i = 0; i < work.out_width * work.out_height; i++)
    grey[i] = (guint8)(i % work.out_width * 255 / work.out_width);
  self->original = rtk_sample_png ();
  original = rtk_codec_decode (self->original, &intake, NULL);
  alpha = rtk_image_new_take (RTK_PIXEL_GREY8, work.out_width, work.out_height,
                              (gsize)work.out_width, grey);
  finished = rtk_recipe_render (original, alpha, &crop, blue, NULL);
  g_assert_nonnull (finished);
  self->alpha = rtk_png_encode (alpha, NULL);
  self->delivered = rtk_jpeg_encode (finished, 85, RTK_JPEG_CHROMA_FULL, 300, NULL);
  certificate =
      rtk_certificate_new (&intake, &crop, pack, blue, 85,
                           rtk_jpeg_get_encoder (RTK_JPEG_CHROMA_FULL), none, none, none, 0);
  self->certificate = rtk_certificate_to_bytes (certificate);
}

void
rtk_sample_photo_clear (RtkSamplePhoto *self)
{
  g_bytes_unref (self->original);
  g_bytes_unref (self->alpha);
  g_bytes_unref (self->delivered);
  g_bytes_unref (self->certificate);
}
