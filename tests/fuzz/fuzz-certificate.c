/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz/fuzz.h"
#include "fuzz/samples.h"
#include "vision/rtk-photo-verify.h"

static RtkSamplePhoto photo;

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  rtk_sample_photo_init (&photo);
  return 0;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (GBytes) again = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkCertificate) certificate = rtk_certificate_from_bytes (bytes, &error);
  g_autoptr (RtkCertificate) second = NULL;
  RtkPhotoPapers      papers = {certificate, NULL, photo.original, photo.alpha, photo.delivered};
  RtkPhotoExamination examination;
  RtkPhotoProof       proof;

  g_assert_true ((certificate == NULL) == (error != NULL));
  if (certificate == NULL)
    return 0;
  /* Nobody can sign for a station by changing bytes. */
  g_assert_false (rtk_certificate_check_signature (certificate, NULL));
  if (!rtk_photo_verify (NULL, certificate, photo.original, photo.alpha, photo.delivered, &proof,
                         &error))
    g_assert_nonnull (error);
  g_clear_error (&error);
  if (!rtk_photo_examine (NULL, &papers, &examination, &error))
    g_assert_nonnull (error);
  else
    g_assert_nonnull (rtk_finding_to_string (examination.finding));
  again = rtk_certificate_to_bytes (certificate);
  if (again != NULL) {
    second = rtk_certificate_from_bytes (again, NULL);
    g_assert_nonnull (second);
  }
  return 0;
}
