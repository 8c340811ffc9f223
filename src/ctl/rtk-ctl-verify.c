/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-ctl"
#include "config.h"

#include "core/rtk-error.h"
#include "ctl/rtk-ctl.h"
#include "vision/rtk-models.h"
#include "vision/rtk-photo-verify.h"

#include <glib/gi18n.h>
#include <math.h>
#include <stdio.h>

/* One sentence a finding, as message ids. */
static const char *const sentences[] = {
    [RTK_FINDING_PROVED] = N_ ("Made again from the original it is the same file: proved."),
    [RTK_FINDING_CONSISTENT] =
        N_ ("Made again from the original it is near everywhere: consistent, not proved."),
    [RTK_FINDING_ORIGINAL_RESAVED] =
        N_ ("The original shows the same picture, but is another file: it was saved again."),
    [RTK_FINDING_ORIGINAL_MIRRORED] =
        N_ ("The original is mirrored: left and right are exchanged."),
    [RTK_FINDING_ORIGINAL_OTHER] =
        N_ ("The original is another picture than the one the photo was made of."),
    [RTK_FINDING_ORIGINAL_UNREADABLE] =
        N_ ("The original is another file than the photo was made of, and no picture."),
    [RTK_FINDING_ALPHA_OTHER] = N_ ("The alpha is another one than the photo was made with."),
    [RTK_FINDING_ALPHA_UNKNOWN] = N_ (
        "The face is as it should be, the outline is not: give the alpha that was used, --alpha."),
    [RTK_FINDING_DELIVERED_RESAVED] =
        N_ ("The photo shows what it should, but is another file: it was saved again."),
    [RTK_FINDING_DELIVERED_COARSE] =
        N_ ("The photo was saved again, so coarsely that a change could hide in it."),
    [RTK_FINDING_DELIVERED_SIZE] = N_ ("The photo has another size than was made."),
    [RTK_FINDING_DELIVERED_MIRRORED] = N_ ("The photo is mirrored: left and right are exchanged."),
    [RTK_FINDING_DELIVERED_CHANGED] = N_ ("The photo was changed in places after it was made."),
    [RTK_FINDING_DELIVERED_REWORKED] =
        N_ ("The photo was changed all over after it was made: smoothed, sharpened, recoloured or "
            "moved."),
    [RTK_FINDING_DELIVERED_OTHER] =
        N_ ("The photo is another picture than the one that was made of the original."),
    [RTK_FINDING_DELIVERED_UNREADABLE] =
        N_ ("The photo is another file than was made, and no picture."),
    [RTK_FINDING_CERTIFICATE_CHANGED] =
        N_ ("Original and photo fit each other, but not the certificate: it was changed."),
    [RTK_FINDING_SIGNATURE_GONE] =
        N_ ("The certificate names a station, but its signature was taken away."),
    [RTK_FINDING_SIGNATURE_WRONG] =
        N_ ("The signature does not fit: the certificate was changed after it was signed."),
    [RTK_FINDING_KEY_OTHER] = N_ ("The certificate is signed with another key than was asked for."),
    [RTK_FINDING_KEY_UNKNOWN] =
        N_ ("Provenance unknown: a station's signature was asked for, and nobody signed."),
    [RTK_FINDING_RULES_OTHER] =
        N_ ("The certificate names a rule pack that gives no such photo: another size or quality."),
};

/* Which file a sentence is about. */
static const char *
get_subject (RtkFinding  finding,
             const char *certificate,
             const char *original,
             const char *alpha,
             const char *delivered)
{
  const char *name = rtk_finding_to_string (finding);

  if (g_str_has_prefix (name, "original."))
    return original;
  if (g_str_has_prefix (name, "alpha."))
    return alpha;
  return g_str_has_prefix (name, "delivered.") ? delivered : certificate;
}

static JsonNode *
examination_to_json (const RtkPhotoExamination *examination, const char *key)
{
  static const char *const proofs[] = {"proved", "consistent", "differs"};
  JsonNode                *node = json_node_new (JSON_NODE_OBJECT);
  JsonObject              *object = json_object_new ();
  const RtkRect           *where = &examination->differences.where;

  json_object_set_boolean_member (object, "hashes", examination->hashes);
  json_object_set_boolean_member (object, "signed", examination->is_signed);
  json_object_set_string_member (object, "proof", proofs[examination->proof]);
  json_object_set_string_member (object, "provenance",
                                 examination->is_signed ? "station" : "unknown");
  if (examination->is_signed)
    json_object_set_string_member (object, "key", key);
  json_object_set_string_member (object, "finding", rtk_finding_to_string (examination->finding));
  if (where->width > 0) {
    const double sides[] = {where->x, where->y, where->width, where->height};
    JsonArray   *area = json_array_new ();

    for (gsize i = 0; i < G_N_ELEMENTS (sides); i++)
      json_array_add_int_element (area, (gint64)sides[i]);
    json_object_set_array_member (object, "where", area);
    json_object_set_double_member (object, "share",
                                   round (examination->differences.share * 1000) / 1000);
  }
  json_node_take_object (node, object);
  return node;
}

static RtkCertificate *
read_certificate (const char *path, GError **error)
{
  g_autoptr (GBytes) bytes = NULL;

  if (!rtk_ctl_read_file (path, &bytes, error))
    return NULL;
  return rtk_certificate_from_bytes (bytes, error);
}

/* Reads all files and examines them; @about is what an error is about. */
static gboolean
examine (char               **paths,
         const char          *key,
         const char         **about,
         char               **out_key,
         RtkPhotoExamination *out_examination,
         GError             **error)
{
  GBytes *files[3] = {NULL, NULL, NULL};
  g_autoptr (RtkCertificate) certificate = NULL;
  g_autoptr (RtkNetworks) networks = NULL;
  gboolean ok = TRUE;

  *about = paths[0];
  certificate = read_certificate (paths[0], error);
  if (certificate == NULL)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (files) && ok; i++)
    if (paths[1 + i] != NULL) {
      *about = paths[1 + i];
      ok = rtk_ctl_read_file (paths[1 + i], &files[i], error);
    }
  if (ok) {
    *about = NULL;
    networks = rtk_networks_new (rtk_models_find_dir (), error);
    ok = networks != NULL;
  }
  if (ok) {
    RtkPhotoPapers papers = {certificate, key, files[0], files[2], files[1]};

    *about = paths[0];
    *out_key = g_strdup (rtk_certificate_get_string (certificate, "key"));
    ok = rtk_photo_examine (networks, &papers, out_examination, error);
  }
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    g_clear_pointer (&files[i], g_bytes_unref);
  return ok;
}

static void
print_yes (const RtkPhotoExamination *examination, const char *key)
{
  if (examination->is_signed)
    printf (_ ("The hashes and the station's signature fit (key %s).\n"), key);
  else
    printf ("%s\n", _ ("The hashes fit; provenance unknown: no station signed this."));
  printf ("%s\n", _ (sentences[examination->finding]));
}

static int
run_verify (RtkCtl *ctl, int argc, char **argv)
{
  g_autofree char *original = NULL;
  g_autofree char *delivered = NULL;
  g_autofree char *alpha = NULL;
  g_autofree char *wanted_key = NULL;
  g_autofree char *key = NULL;
  GOptionEntry     entries[] = {
          {"original", 0, 0, G_OPTION_ARG_FILENAME, &original, N_ ("the original"), "FILE"},
          {"delivered", 0, 0, G_OPTION_ARG_FILENAME, &delivered, N_ ("the finished photo"), "FILE"},
          {"alpha", 0, 0, G_OPTION_ARG_FILENAME, &alpha, N_ ("the alpha; else it is made again"),
           "FILE"},
          {"key", 0, 0, G_OPTION_ARG_STRING, &wanted_key,
           N_ ("the station's key that must have signed"), "KEY"},
          G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GError) error = NULL;
  const char         *about = NULL;
  RtkPhotoExamination examination = {0};

  if (!rtk_ctl_parse (entries, "CERT.json --original FILE --delivered FILE", &argc, &argv, 1, 1))
    return RTK_EXIT_ERROR;
  if (original == NULL || delivered == NULL) {
    rtk_ctl_say (_ ("retakectl: both --original and --delivered are needed."));
    return RTK_EXIT_ERROR;
  }
  if (!examine ((char *[]){argv[1], original, delivered, alpha}, wanted_key, &about, &key,
                &examination, &error)) {
    if (g_error_matches (error, RTK_ERROR, RTK_ERROR_DAMAGED)) {
      rtk_ctl_say (_ ("retakectl: %s: does not fit the certificate (%s)"), about, error->message);
      return RTK_EXIT_NO;
    }
    return rtk_ctl_complain (about, error);
  }
  if (ctl->json) {
    g_autoptr (JsonNode) node = examination_to_json (&examination, key);

    rtk_ctl_print_json (node);
  }
  if (examination.finding > RTK_FINDING_CONSISTENT) {
    rtk_ctl_say ("retakectl: %s: %s",
                 get_subject (examination.finding, argv[1], original, alpha, delivered),
                 _ (sentences[examination.finding]));
    return RTK_EXIT_NO;
  }
  if (!ctl->json)
    print_yes (&examination, key);
  return RTK_EXIT_OK;
}

const RtkCtlCommand rtk_ctl_verify_commands[] = {
    {"photo", "verify", "CERT.json --original FILE --delivered FILE [--alpha FILE] [--key KEY]",
     N_ ("check a certificate"), run_verify},
    {NULL},
};
