/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "core/rtk-photo.h"
#include "fuzz/samples.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-file-facts.h"
#include "vision/rtk-photo-verify.h"

#include <string.h>

/* Files of strangers, damaged in every way that a seeded generator thinks of: the same ones in
 * every run. Under the sanitizers a read or a write outside is a failure; without them still a
 * crash. */
#define N_ROUNDS 1500
#define SEED 20240607

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

static void
test_pictures (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (SEED);
  g_autoptr (GBytes) jpeg = rtk_sample_laden_jpeg ();
  g_autoptr (GBytes) png = rtk_sample_png ();
  guint n_refused = 0;

  g_assert_true (try_picture (jpeg) && try_picture (png));
  for (int round = 0; round < N_ROUNDS; round++) {
    GByteArray *damaged = mutate (rand, round % 2 == 0 ? jpeg : png);
    g_autoptr (GBytes) file = NULL;

    if (round % 4 == 1)
      rtk_sample_mend_png (damaged);
    file = g_byte_array_free_to_bytes (damaged);
    n_refused += try_picture (file) ? 0 : 1;
  }
  g_test_message ("%u of %d refused", n_refused, N_ROUNDS);
  g_assert_cmpuint (n_refused, >, N_ROUNDS / 10);
  g_assert_cmpuint (n_refused, <, N_ROUNDS);
}

/* -1 if the certificate says nothing that can be made again. */
static int
try_certificate (const RtkSamplePhoto *photo, GBytes *text)
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
  RtkSamplePhoto photo;
  guint          n_refused = 0;

  rtk_sample_photo_init (&photo);
  g_assert_cmpint (try_certificate (&photo, photo.certificate), ==, RTK_PHOTO_PROVED);
  for (int round = 0; round < N_ROUNDS; round++) {
    g_autoptr (GBytes) text = g_byte_array_free_to_bytes (mutate (rand, photo.certificate));

    n_refused += try_certificate (&photo, text) < 0 ? 1 : 0;
  }
  g_test_message ("%u of %d refused", n_refused, N_ROUNDS);
  g_assert_cmpuint (n_refused, >, N_ROUNDS / 10);
  rtk_sample_photo_clear (&photo);
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
  RtkSamplePhoto           photo;

  rtk_sample_photo_init (&photo);
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
  rtk_sample_photo_clear (&photo);
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
  RtkSamplePhoto photo;

  rtk_sample_photo_init (&photo);
  for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
    gsize       size;
    const char *text = g_bytes_get_data (photo.certificate, &size);
    GString    *changed = g_string_new_len (text, (gssize)size);
    g_autoptr (GBytes) bytes = NULL;

    g_assert_cmpuint (g_string_replace (changed, changes[i][0], changes[i][1], 1), ==, 1);
    bytes = g_string_free_to_bytes (changed);
    g_assert_cmpint (try_certificate (&photo, bytes), ==, -1);
  }
  rtk_sample_photo_clear (&photo);
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
