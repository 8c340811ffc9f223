/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "vision/models.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-file-facts.h"
#include "vision/rtk-jpeg.h"
#include "vision/rtk-photo-maker.h"
#include "vision/rtk-photo-verify.h"
#include "vision/rtk-recipe.h"
#include "vision/rtk-resample.h"

#include <stdlib.h>
#include <string.h>

#define TAKEN_AT G_GINT64_CONSTANT (1780000000000000)

typedef struct {
  RtkNetworks         *networks; /* (owned) */
  RtkRulePack         *pack;     /* (owned) */
  const RtkBackground *blue;     /* (unowned): of the pack */
} Fixture;

static gboolean
fixture_init (Fixture *self)
{
  guint n;
  g_autoptr (GError) error = NULL;

  self->networks = rtk_test_load_networks ();
  if (self->networks == NULL)
    return FALSE;
  self->pack = rtk_rule_pack_load ("chsi-diploma", &error);
  g_assert_no_error (error);
  self->blue = rtk_rule_pack_get_backgrounds (self->pack, &n);
  return TRUE;
}

static void
fixture_clear (Fixture *self)
{
  rtk_networks_free (self->networks);
  rtk_rule_pack_unref (self->pack);
}

static GBytes *
load (const char *path)
{
  char *data;
  gsize size;

  return g_file_get_contents (path, &data, &size, NULL) ? g_bytes_new_take (data, size) : NULL;
}

static RtkImage *
load_astronaut (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "fixtures", "astronaut.png", NULL);
  g_autoptr (GBytes) bytes = load (path);
  RtkImage *image = rtk_codec_decode (bytes, NULL, NULL);

  g_assert_nonnull (image);
  return image;
}

static RtkImage *
make_flat (int width, int height)
{
  guint8 *pixels = g_malloc ((gsize)width * height * 3);

  memset (pixels, 150, (gsize)width * height * 3);
  return rtk_image_new_take (RTK_PIXEL_RGB24, width, height, (gsize)width * 3, pixels);
}

static void
assert_sha256 (const RtkPhoto *photo, const RtkBlob *blob, const char *member)
{
  g_autofree char *sum = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, blob->bytes);

  g_assert_cmpstr (blob->sha256, ==, sum);
  g_assert_cmpstr (rtk_certificate_get_string (photo->certificate, member), ==, sum);
}

static void
assert_is_diploma_photo (const RtkPhoto *photo, const RtkBackground *background)
{
  g_autoptr (RtkFileFacts) facts = rtk_file_facts_read (photo->delivered.bytes, "a.jpg", NULL);

  g_assert_nonnull (facts);
  g_assert_cmpstr (facts->format, ==, "JPEG");
  g_assert_cmpint (facts->width, ==, 480);
  g_assert_cmpint (facts->height, ==, 640);
  g_assert_cmpint (facts->depth, ==, 24);
  g_assert_cmpfloat (facts->dpi_x, ==, 300);
  /* Whatever a kilobyte is. */
  g_assert_cmpuint (facts->bytes, >=, 20 * 1024);
  g_assert_cmpuint (facts->bytes, <=, 40 * 1000);
  g_assert_cmpint (facts->quality, >=, 60);
  for (int x = 2; x < 480; x += 475) {
    const guint8 *pixel = rtk_image_get_pixels (photo->delivered_image) + 3 * (480 * 2 + x);

    for (int c = 0; c < 3; c++)
      g_assert_cmpint (abs (pixel[c] - background->rgb[c]), <=, 3);
  }
}

/* What the vault keeps is enough to make the finished pixels again: only the JPEG lies between. */
static void
assert_can_be_made_again (const RtkPhoto *photo, const RtkBackground *background)
{
  g_autoptr (RtkImage) original = rtk_codec_decode (photo->original.bytes, NULL, NULL);
  g_autoptr (RtkImage) decoded = rtk_codec_decode (photo->alpha.bytes, NULL, NULL);
  g_autoptr (RtkImage) alpha = NULL;
  g_autoptr (RtkImage) again = NULL;
  g_autoptr (GError) error = NULL;
  int     width = rtk_image_get_width (decoded), height = rtk_image_get_height (decoded);
  guint8 *grey = g_malloc ((gsize)width * height);
  double  difference = 0;

  for (gsize i = 0; i < (gsize)width * height; i++)
    grey[i] = rtk_image_get_pixels (decoded)[3 * i];
  alpha = rtk_image_new_take (RTK_PIXEL_GREY8, width, height, (gsize)width, grey);
  again = rtk_recipe_render (original, alpha, &photo->crop, background->rgb, &error);
  g_assert_no_error (error);
  for (int i = 0; i < 480 * 640 * 3; i++)
    difference +=
        abs (rtk_image_get_pixels (again)[i] - rtk_image_get_pixels (photo->delivered_image)[i]);
  g_assert_cmpfloat (difference / (480 * 640 * 3), <, 2.5);
}

static RtkPhotoProof
verify (const Fixture *fixture, const RtkPhoto *photo, gboolean with_alpha, GBytes *delivered)
{
  g_autoptr (GError) error = NULL;
  RtkPhotoProof proof = RTK_PHOTO_DIFFERS;

  g_assert_true (rtk_photo_verify (fixture->networks, photo->certificate, photo->original.bytes,
                                   with_alpha ? photo->alpha.bytes : NULL, delivered, &proof,
                                   &error));
  g_assert_no_error (error);
  return proof;
}

/* Paints over a spot of the face, as one would hide a mole, and saves at a good quality. */
static GBytes *
retouch (const RtkPhoto *photo)
{
  guint8 *pixels = g_memdup2 (rtk_image_get_pixels (photo->delivered_image), 480 * 640 * 3);
  g_autoptr (RtkImage) image = NULL;

  for (int y = 330; y < 350; y++) {
    for (int i = 230 * 3; i < 250 * 3; i++)
      pixels[y * 480 * 3 + i] = (guint8)MIN (255, pixels[y * 480 * 3 + i] + 14);
  }
  image = rtk_image_new_take (RTK_PIXEL_RGB24, 480, 640, 480 * 3, pixels);
  return rtk_jpeg_encode (image, 90, RTK_JPEG_CHROMA_FULL, 300, NULL);
}

static void
assert_verifies (const Fixture *fixture, const RtkPhoto *photo)
{
  g_autoptr (GBytes) other =
      rtk_jpeg_encode (photo->delivered_image, 70, RTK_JPEG_CHROMA_QUARTER, 300, NULL);
  g_autoptr (GBytes) retouched = retouch (photo);

  g_assert_cmpint (verify (fixture, photo, TRUE, photo->delivered.bytes), ==, RTK_PHOTO_PROVED);
  g_assert_cmpint (verify (fixture, photo, FALSE, photo->delivered.bytes), ==, RTK_PHOTO_PROVED);
  g_assert_cmpint (verify (fixture, photo, TRUE, other), ==, RTK_PHOTO_CONSISTENT);
  g_assert_cmpint (verify (fixture, photo, TRUE, retouched), ==, RTK_PHOTO_DIFFERS);
}

static void
test_portrait (void)
{
  const char      *folder = g_getenv ("RTK_TESTDATA");
  g_autofree char *path =
      g_build_filename (folder != NULL ? folder : "", "london", "024_neutral.jpg", NULL);
  g_autoptr (GBytes) bytes = folder != NULL ? load (path) : NULL;
  g_autoptr (RtkStill) still = NULL;
  g_autoptr (RtkPhoto) photo = NULL;
  g_autoptr (RtkPhoto) second = NULL;
  g_autoptr (GError) error = NULL;
  RtkPhotoTimes times;
  Fixture       fixture;

  if (bytes == NULL) {
    g_test_skip ("RTK_TESTDATA has no folder london");
    return;
  }
  if (!fixture_init (&fixture))
    return;
  still = rtk_still_new (bytes, "image/jpeg", NULL, TAKEN_AT);
  photo = rtk_photo_maker_make_timed (fixture.networks, still, fixture.pack, fixture.blue, NULL,
                                      &times, &error);
  g_assert_no_error (error);
  g_test_message (
      "decode %.0f analyse %.0f matte %.0f compose %.0f encode %.0f judge %.0f, %.0f ms",
      times.decode_ms, times.analyse_ms, times.matte_ms, times.compose_ms, times.encode_ms,
      times.judge_ms, times.total_ms);
  g_assert_true (photo->original.bytes == bytes);
  assert_is_diploma_photo (photo, fixture.blue);
  assert_sha256 (photo, &photo->original, "sha256.original");
  assert_sha256 (photo, &photo->alpha, "sha256.alpha");
  assert_sha256 (photo, &photo->delivered, "sha256.delivered");
  g_assert_false (rtk_certificate_is_signed (photo->certificate));
  g_assert_nonnull (photo->report);
  g_assert_nonnull (photo->finished_report);
  g_assert_cmpint (rtk_report_find (photo->finished_report, RTK_CHECK_FILE_BYTES)->verdict, ==,
                   RTK_VERDICT_PASS);
  assert_can_be_made_again (photo, fixture.blue);

  assert_verifies (&fixture, photo);

  second = rtk_photo_maker_make (fixture.networks, still, fixture.pack, fixture.blue, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (second->alpha.sha256, ==, photo->alpha.sha256);
  g_assert_cmpstr (second->delivered.sha256, ==, photo->delivered.sha256);
  fixture_clear (&fixture);
}

/* A frame without a file: the original is a lossless one of just these pixels. */
static void
test_frame (void)
{
  g_autoptr (RtkImage) frame = load_astronaut ();
  g_autoptr (RtkStill) still = rtk_still_new (NULL, NULL, frame, TAKEN_AT);
  g_autoptr (RtkPhoto) photo = NULL;
  g_autoptr (RtkImage) original = NULL;
  g_autoptr (GError) error = NULL;
  Fixture fixture;

  if (!fixture_init (&fixture))
    return;
  still->intake.rotated = 90;
  photo = rtk_photo_maker_make (fixture.networks, still, fixture.pack, fixture.blue, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (photo->original.media_type, ==, "image/png");
  original = rtk_codec_decode (photo->original.bytes, NULL, NULL);
  g_assert_cmpmem (rtk_image_get_pixels (original), 512 * 512 * 3, rtk_image_get_pixels (frame),
                   512 * 512 * 3);
  assert_sha256 (photo, &photo->original, "sha256.original");
  assert_can_be_made_again (photo, fixture.blue);
  assert_verifies (&fixture, photo);
  fixture_clear (&fixture);
}

static void
test_refusals (void)
{
  g_autoptr (RtkImage) flat = make_flat (900, 900);
  g_autoptr (RtkImage) astronaut = load_astronaut ();
  RtkCrop half = {0, 0, 2, 256, 256};
  g_autoptr (RtkImage) small = rtk_resample (astronaut, &half);
  g_autoptr (GBytes) text = g_bytes_new_static ("no picture", 10);
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();
  struct {
    RtkStill     *still;
    GCancellable *cancellable;
    GQuark        domain;
    int           code;
  } cases[] = {
      {rtk_still_new (text, "image/jpeg", NULL, TAKEN_AT), NULL, RTK_ERROR, RTK_ERROR_BAD_PICTURE},
      {rtk_still_new (NULL, NULL, flat, TAKEN_AT), NULL, RTK_ERROR, RTK_ERROR_NO_FACE},
      {rtk_still_new (NULL, NULL, small, TAKEN_AT), NULL, RTK_ERROR, RTK_ERROR_NO_CROP},
      {rtk_still_new (NULL, NULL, small, TAKEN_AT), cancelled, G_IO_ERROR, G_IO_ERROR_CANCELLED},
  };
  Fixture  fixture;
  gboolean ready = fixture_init (&fixture);

  g_cancellable_cancel (cancelled);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (RtkStill) still = cases[i].still;
    g_autoptr (GError) error = NULL;
    g_autoptr (RtkPhoto) photo = NULL;

    if (!ready)
      continue;
    photo = rtk_photo_maker_make (fixture.networks, still, fixture.pack, fixture.blue,
                                  cases[i].cancellable, &error);
    g_assert_null (photo);
    g_assert_error (error, cases[i].domain, cases[i].code);
  }
  if (ready)
    fixture_clear (&fixture);
}

static void
test_whole_frame (void)
{
  g_autoptr (RtkImage) astronaut = load_astronaut ();
  g_autoptr (RtkImage) flat = make_flat (300, 200);
  g_autoptr (RtkImage) alpha = NULL;
  g_autoptr (RtkImage) none = NULL;
  g_autoptr (GError) error = NULL;
  Fixture fixture;

  if (!fixture_init (&fixture))
    return;
  alpha = rtk_photo_maker_matte (fixture.networks, astronaut, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (rtk_image_get_format (alpha), ==, RTK_PIXEL_GREY8);
  g_assert_cmpint (rtk_image_get_width (alpha), ==, 512);
  g_assert_cmpint (rtk_image_get_height (alpha), ==, 512);
  /* The face, the suit, and a corner of the room. */
  g_assert_cmpint (rtk_image_get_pixels (alpha)[120 * 512 + 225], ==, 255);
  g_assert_cmpint (rtk_image_get_pixels (alpha)[400 * 512 + 200], >, 240);
  g_assert_cmpint (rtk_image_get_pixels (alpha)[40 * 512 + 330], <, 16);

  none = rtk_photo_maker_matte (fixture.networks, flat, NULL, NULL, &error);
  g_assert_null (none);
  g_assert_error (error, RTK_ERROR, RTK_ERROR_NO_PERSON);
  fixture_clear (&fixture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vision/photo-maker/portrait", test_portrait);
  g_test_add_func ("/vision/photo-maker/frame", test_frame);
  g_test_add_func ("/vision/photo-maker/refusals", test_refusals);
  g_test_add_func ("/vision/photo-maker/whole-frame", test_whole_frame);
  return g_test_run ();
}
