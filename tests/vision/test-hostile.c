/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "core/rtk-photo.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-file-facts.h"
#include "vision/rtk-jpeg.h"
#include "vision/rtk-photo-verify.h"
#include "vision/rtk-png.h"
#include "vision/rtk-recipe.h"

#include <lcms2.h>
#include <string.h>

/* Files of strangers, damaged in every way that a seeded generator thinks of: the same ones in
 * every run. Under the sanitizers a read or a write outside is a failure; without them still a
 * crash. */
#define N_ROUNDS 1500
#define SEED 20240607

#define WIDTH 60
#define HEIGHT 80

static GBytes *
make_original (void)
{
  guint8 *pixels = g_malloc (200 * 200 * 3);
  g_autoptr (RtkImage) image = NULL;

  for (int i = 0; i < 200 * 200 * 3; i++)
    pixels[i] = (guint8)(i / 600 + i % 97);
  image = rtk_image_new_take (RTK_PIXEL_RGB24, 200, 200, 600, pixels);
  return rtk_png_encode (image, NULL);
}

/* Changes some bytes, or takes some away, or puts some in twice. */
static GByteArray *
mutate (GRand *rand, GBytes *file)
{
  static const guint32 words[] = {0,          1,          0x7fffffff, 0x80000000,
                                  0xffffffff, 0xfffffff0, 0x10000,    0xff00ff};
  GByteArray          *out = g_byte_array_new ();
  int                  n = g_rand_int_range (rand, 1, 6);

  g_byte_array_append (out, g_bytes_get_data (file, NULL), (guint)g_bytes_get_size (file));
  while (n-- > 0 && out->len > 16) {
    guint at = (guint)g_rand_int_range (rand, 0, (gint32)out->len - 8);
    /* Lengths and offsets stand near the beginning. */
    guint   near = (guint)g_rand_int_range (rand, 0, (gint32)MIN (out->len - 8, 700));
    guint   some = (guint)g_rand_int_range (rand, 1, 40);
    guint32 word = words[g_rand_int_range (rand, 0, G_N_ELEMENTS (words))];

    switch (g_rand_int_range (rand, 0, 5)) {
    case 0:
      out->data[near] ^= (guint8)(1 << g_rand_int_range (rand, 0, 8));
      break;
    case 1:
      out->data[at] = (guint8)g_rand_int_range (rand, 0, 256);
      break;
    case 2:
      memcpy (out->data + near, &word, (gsize)g_rand_int_range (rand, 1, 5));
      break;
    case 3:
      g_byte_array_remove_range (out, near, MIN (out->len - near, some));
      break;
    default:
      memmove (out->data + near, out->data + at, MIN (out->len - MAX (near, at), some));
      break;
    }
  }
  return out;
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

/* Makes the checksums of a PNG's chunks right again, so that what is wrong is read at all. */
static void
mend_png (GByteArray *file)
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

static gboolean
try_picture (GBytes *file)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) facts_error = NULL;
  g_autoptr (RtkImage) image = NULL;
  g_autoptr (RtkFileFacts) facts = rtk_file_facts_read (file, "a.jpg", &facts_error);
  RtkIntake intake;

  g_assert_true ((facts == NULL) == (facts_error != NULL));
  image = rtk_codec_decode (file, &intake, &error);
  g_assert_true ((image == NULL) == (error != NULL));
  if (image != NULL)
    return TRUE;
  g_assert_true (g_error_matches (error, RTK_ERROR, RTK_ERROR_BAD_PICTURE) ||
                 g_error_matches (error, RTK_ERROR, RTK_ERROR_TOO_LARGE));
  return FALSE;
}

/* Puts a segment behind SOI. */
static GBytes *
with_segment (GBytes *jpeg, guint8 marker, const void *content, gsize size)
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

/* A JPEG with all that cameras put before the picture: EXIF and a colour profile. */
static GBytes *
make_laden_jpeg (GBytes *plain)
{
  static const guint8 exif[] = {'E',  'x', 'i', 'f', 0,  0, 'I', 'I', 42,   0, 8, 0, 0,    0, 3, 0,
                                0x12, 1,   3,   0,   1,  0, 0,   0,   6,    0, 0, 0, 0x1a, 1, 5, 0,
                                1,    0,   0,   0,   50, 0, 0,   0,   0x28, 1, 3, 0, 1,    0, 0, 0,
                                2,    0,   0,   0,   0,  0, 0,   0,   44,   1, 0, 0, 1,    0, 0, 0};
  cmsCIExyY           white = {0.3127, 0.3290, 1};
  cmsCIExyYTRIPLE     wide = {{0.64, 0.33, 1}, {0.21, 0.71, 1}, {0.15, 0.06, 1}};
  cmsToneCurve       *curve = cmsBuildGamma (NULL, 2.2);
  cmsToneCurve       *curves[3] = {curve, curve, curve};
  cmsHPROFILE         profile = cmsCreateRGBProfile (&white, &wide, curves);
  cmsUInt32Number     size = 0;
  g_autofree guint8  *segment = NULL;
  g_autoptr (GBytes) with_profile = NULL;

  g_assert_true (cmsSaveProfileToMem (profile, NULL, &size));
  segment = g_malloc (size + 14);
  memcpy (segment, "ICC_PROFILE\0\1\1", 14);
  g_assert_true (cmsSaveProfileToMem (profile, segment + 14, &size));
  cmsCloseProfile (profile);
  cmsFreeToneCurve (curve);
  with_profile = with_segment (plain, 0xe2, segment, size + 14);
  return with_segment (with_profile, 0xe1, exif, sizeof exif);
}

static GBytes *
make_jpeg (int width, int height)
{
  g_autoptr (GBytes) png = make_original ();
  g_autoptr (RtkImage) image = rtk_codec_decode (png, NULL, NULL);
  g_autoptr (RtkImage) part =
      rtk_image_new (RTK_PIXEL_RGB24, width, height, 600, rtk_image_get_bytes (image));

  return rtk_jpeg_encode (part, 80, RTK_JPEG_CHROMA_QUARTER, 300, NULL);
}

static void
test_pictures (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (SEED);
  g_autoptr (GBytes) plain = make_jpeg (48, 40);
  g_autoptr (GBytes) jpeg = make_laden_jpeg (plain);
  g_autoptr (GBytes) png = make_original ();
  guint n_refused = 0;

  g_assert_true (try_picture (jpeg) && try_picture (png));
  for (int round = 0; round < N_ROUNDS; round++) {
    GByteArray *damaged = mutate (rand, round % 2 == 0 ? jpeg : png);
    g_autoptr (GBytes) file = NULL;

    if (round % 4 == 1)
      mend_png (damaged);
    file = g_byte_array_free_to_bytes (damaged);
    n_refused += try_picture (file) ? 0 : 1;
  }
  g_test_message ("%u of %d refused", n_refused, N_ROUNDS);
  g_assert_cmpuint (n_refused, >, N_ROUNDS / 10);
  g_assert_cmpuint (n_refused, <, N_ROUNDS);
}

typedef struct {
  GBytes *original;    /* (owned) */
  GBytes *alpha;       /* (owned) */
  GBytes *delivered;   /* (owned) */
  GBytes *certificate; /* (owned) */
} Photo;

/* A photo of nobody: what is verified is how its pixels were made. */
static void
photo_init (Photo *self)
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
  self->original = make_original ();
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

static void
photo_clear (Photo *self)
{
  g_bytes_unref (self->original);
  g_bytes_unref (self->alpha);
  g_bytes_unref (self->delivered);
  g_bytes_unref (self->certificate);
}

/* -1 if the certificate says nothing that can be made again. */
static int
try_certificate (const Photo *photo, GBytes *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkCertificate) certificate = rtk_certificate_from_bytes (text, &error);
  RtkPhotoProof proof = RTK_PHOTO_DIFFERS;

  if (certificate == NULL) {
    g_assert_nonnull (error);
    return -1;
  }
  if (rtk_photo_verify (NULL, certificate, photo->original, photo->alpha, photo->delivered, &proof,
                        &error))
    return (int)proof;
  g_assert_nonnull (error);
  return -1;
}

static void
test_certificates (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (SEED);
  Photo photo;
  guint n_refused = 0;

  photo_init (&photo);
  g_assert_cmpint (try_certificate (&photo, photo.certificate), ==, RTK_PHOTO_PROVED);
  for (int round = 0; round < N_ROUNDS; round++) {
    g_autoptr (GBytes) text = g_byte_array_free_to_bytes (mutate (rand, photo.certificate));

    n_refused += try_certificate (&photo, text) < 0 ? 1 : 0;
  }
  g_test_message ("%u of %d refused", n_refused, N_ROUNDS);
  g_assert_cmpuint (n_refused, >, N_ROUNDS / 10);
  photo_clear (&photo);
}

/* Every number of the recipe, and every member in turn, says something that no program writes. */
static void
test_recipes (void)
{
  static const char *const values[] = {"-1",
                                       "0",
                                       "1",
                                       "65536",
                                       "9223372036854775807",
                                       "-9223372036854775808",
                                       "1e300",
                                       "\"x\"",
                                       "[]",
                                       "{}",
                                       "null",
                                       "[1,\"x\",null]",
                                       "[256,0,0]",
                                       "[[],{},1]"};
  static const char *const members[] = {"x",      "y",       "scale",      "width",
                                        "height", "quality", "background", "encoder"};
  Photo                    photo;

  photo_init (&photo);
  for (guint m = 0; m < G_N_ELEMENTS (members); m++) {
    g_autofree char *pattern =
        g_strdup_printf ("\"%s\"\\s*:\\s*(\\[[^]]*\\]|\"[^\"]*\"|[^,}\\s]+)", members[m]);
    g_autoptr (GRegex) regex = g_regex_new (pattern, 0, 0, NULL);

    for (guint v = 0; v < G_N_ELEMENTS (values); v++) {
      g_autofree char *other = g_strdup_printf ("\"%s\":%s", members[m], values[v]);
      gsize            size;
      const char      *text = g_bytes_get_data (photo.certificate, &size);
      char *changed = g_regex_replace_literal (regex, text, (gssize)size, 0, other, 0, NULL);
      g_autoptr (GBytes) bytes = NULL;

      g_assert_nonnull (changed);
      bytes = g_bytes_new_take (changed, strlen (changed));
      g_assert_false (g_bytes_equal (bytes, photo.certificate));
      g_assert_cmpint (try_certificate (&photo, bytes), !=, RTK_PHOTO_PROVED);
    }
  }
  photo_clear (&photo);
}

/* A recipe with a step that is not one of ours, or a crop that would turn the picture over. */
static void
test_foreign_steps (void)
{
  static const char *const changes[][2] = {
      {"\"recipe\":{", "\"recipe\":{\"rotate\":90,"},
      {"\"recipe\":{", "\"recipe\":{\"mirror\":true,"},
      {"\"recipe\":{", "\"recipe\":{\"smooth\":3,"},
      {"\"crop\":{", "\"crop\":{\"angle\":1,"},
      {"\"crop\":{", "\"crop\":{\"scale_y\":65536,"},
      {"\"intake\":{", "\"intake\":{\"retouched\":true,"},
      {"{\"engine\"", "{\"filter\":\"x\",\"engine\""},
      {"\"scale\":", "\"scale\":-"},
      {"\"width\":", "\"width\":-"},
      {"\"height\":", "\"height\":-"},
  };
  Photo photo;

  photo_init (&photo);
  for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
    gsize       size;
    const char *text = g_bytes_get_data (photo.certificate, &size);
    GString    *changed = g_string_new_len (text, (gssize)size);
    g_autoptr (GBytes) bytes = NULL;

    g_assert_cmpuint (g_string_replace (changed, changes[i][0], changes[i][1], 1), ==, 1);
    bytes = g_string_free_to_bytes (changed);
    g_assert_cmpint (try_certificate (&photo, bytes), ==, -1);
  }
  photo_clear (&photo);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vision/hostile/pictures", test_pictures);
  g_test_add_func ("/vision/hostile/certificates", test_certificates);
  g_test_add_func ("/vision/hostile/recipes", test_recipes);
  g_test_add_func ("/vision/hostile/foreign-steps", test_foreign_steps);
  return g_test_run ();
}
