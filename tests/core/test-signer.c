/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-signer.h"
#include "support/rtk-test-signer.h"

#include <string.h>

#define SIZE 64

static void
test_text (void)
{
  guint8           signature[SIZE];
  guint8           back[SIZE];
  g_autofree char *text = NULL;

  for (guint i = 0; i < SIZE; i++)
    signature[i] = (guint8)(i * 37 + 251);
  text = rtk_signature_to_text (signature);
  g_assert_cmpuint (strlen (text), ==, 88);
  g_assert_true (g_str_has_suffix (text, "=="));
  g_assert_true (rtk_signature_from_text (text, back));
  g_assert_cmpmem (back, SIZE, signature, SIZE);
}

/* Base64 of 64 bytes, and nothing else. */
static void
test_text_refuses (void)
{
  g_autofree char *good = g_strnfill (86, 'A');
  g_autofree char *padded = g_strconcat (good, "==", NULL);
  g_autofree char *shorter = g_strnfill (84, 'A');
  g_autofree char *longer = g_strconcat (good, "AA", NULL);
  g_autofree char *url = g_strdup (padded);
  g_autofree char *space = g_strconcat (padded, "\n", NULL);
  g_autofree char *other = g_strdup (padded);
  guint8           signature[SIZE];

  url[3] = '_';
  other[3] = '%';
  g_assert_true (rtk_signature_from_text (padded, signature));
  g_assert_false (rtk_signature_from_text ("", signature));
  g_assert_false (rtk_signature_from_text (good, signature));
  g_assert_false (rtk_signature_from_text (shorter, signature));
  g_assert_false (rtk_signature_from_text (longer, signature));
  g_assert_false (rtk_signature_from_text (url, signature));
  g_assert_false (rtk_signature_from_text (space, signature));
  g_assert_false (rtk_signature_from_text (other, signature));
}

/* What goes over the wire as text is still the signature of what was signed. */
static void
test_check (void)
{
  g_autoptr (RtkSigner) signer = rtk_test_signer_new ("signer");
  static const guint8 data[] = "what was signed";
  guint8              signature[SIZE];
  guint8              back[SIZE];
  g_autofree char    *text = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (rtk_signer_sign (signer, data, sizeof data, signature, &error));
  g_assert_no_error (error);
  text = rtk_signature_to_text (signature);
  g_assert_true (rtk_signature_from_text (text, back));
  g_assert_true (rtk_signature_check (rtk_signer_get_key_id (signer), data, sizeof data, back));
  g_assert_false (
      rtk_signature_check (rtk_signer_get_key_id (signer), data, sizeof data - 1, back));
  back[SIZE - 1] ^= 1;
  g_assert_false (rtk_signature_check (rtk_signer_get_key_id (signer), data, sizeof data, back));
  g_assert_false (rtk_signature_check (NULL, data, sizeof data, signature));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/core/signer/text", test_text);
  g_test_add_func ("/core/signer/text-refuses", test_text_refuses);
  g_test_add_func ("/core/signer/check", test_check);
  return g_test_run ();
}
