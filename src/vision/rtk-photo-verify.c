/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-photo-verify.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "vision/rtk-analyse.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-cut-out.h"
#include "vision/rtk-file-facts.h"
#include "vision/rtk-jpeg.h"
#include "vision/rtk-png.h"
#include "vision/rtk-recipe.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

/* The numbers of a certificate's recipe. */
typedef struct {
  RtkCrop     crop;
  guint8      background[3];
  int         quality;
  const char *encoder; /* (unowned): of the certificate */
} Recipe;

static gboolean
fail_certificate (GError **error)
{
  g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                       "The certificate has no recipe that this program knows");
  return FALSE;
}

static gint64
get_int (JsonObject *object, const char *member)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, member) : NULL;

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_int (node) : -1;
}

static JsonObject *
get_object (JsonObject *object, const char *member)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, member) : NULL;

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static gboolean
read_background (JsonObject *recipe, guint8 out[3])
{
  JsonNode  *node = json_object_get_member (recipe, "background");
  JsonArray *rgb = node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  if (rgb == NULL || json_array_get_length (rgb) != 3)
    return FALSE;
  for (guint c = 0; c < 3; c++) {
    JsonNode *element = json_array_get_element (rgb, c);
    gint64    value = JSON_NODE_HOLDS_VALUE (element) ? json_node_get_int (element) : -1;

    if (value < 0 || value > 255)
      return FALSE;
    out[c] = (guint8)value;
  }
  return TRUE;
}

static gboolean
read_recipe (const RtkCertificate *certificate, Recipe *out, GError **error)
{
  g_autoptr (JsonObject) object = rtk_certificate_dup_object (certificate);
  JsonObject *recipe = get_object (object, "recipe");
  JsonObject *where = get_object (recipe, "crop");

  if (where == NULL || !read_background (recipe, out->background))
    return fail_certificate (error);
  out->crop.x = (double)get_int (where, "x") / 65536;
  out->crop.y = (double)get_int (where, "y") / 65536;
  out->crop.scale = (double)get_int (where, "scale") / 65536;
  out->crop.out_width = (int)CLAMP (get_int (recipe, "width"), -1, 10000);
  out->crop.out_height = (int)CLAMP (get_int (recipe, "height"), -1, 10000);
  out->quality = (int)CLAMP (get_int (recipe, "quality"), -1, 101);
  out->encoder = rtk_certificate_get_string (certificate, "recipe.encoder");
  if (out->encoder == NULL || out->quality < 1 || out->quality > 100 || out->crop.scale <= 0 ||
      out->crop.out_width < 1 || out->crop.out_height < 1)
    return fail_certificate (error);
  return TRUE;
}

/* A crop that was made from this picture lies inside it. */
static gboolean
check_crop (const RtkCrop *crop, const RtkImage *picture, GError **error)
{
  if (rtk_crop_lies_in (crop, rtk_image_get_width (picture), rtk_image_get_height (picture)))
    return TRUE;
  g_set_error_literal (error, RTK_ERROR, RTK_ERROR_DAMAGED,
                       "The crop of the certificate does not lie in the original");
  return FALSE;
}

static RtkImage *
read_alpha (GBytes *file, GError **error)
{
  g_autoptr (RtkImage) image = rtk_codec_decode (file, NULL, error);
  guint8 *grey;
  gsize   n;

  if (image == NULL)
    return NULL;
  n = (gsize)rtk_image_get_width (image) * rtk_image_get_height (image);
  grey = g_malloc (n);
  for (gsize i = 0; i < n; i++)
    grey[i] = rtk_image_get_pixels (image)[3 * i];
  return rtk_image_new_take (RTK_PIXEL_GREY8, rtk_image_get_width (image),
                             rtk_image_get_height (image), (gsize)rtk_image_get_width (image),
                             grey);
}

static RtkImage *
make_alpha (RtkNetworks *networks, const RtkImage *picture, const RtkCrop *crop, GError **error)
{
  g_autoptr (RtkAnalysis) analysis = rtk_vision_analyse_picture (networks, picture, error);
  RtkMatte  matte = {0};
  RtkImage *alpha;

  if (analysis == NULL)
    return NULL;
  if (!rtk_cut_out_crop (networks, picture, crop,
                         analysis->n_faces > 0 ? &analysis->faces[0] : NULL, NULL, &matte, error))
    return NULL;
  alpha = g_steal_pointer (&matte.alpha);
  rtk_matte_clear (&matte);
  return alpha;
}

/* Encodes the pixels as the certificate says. NULL without an error if that is not our encoder. */
static GBytes *
encode_again (const RtkImage     *image,
              const Recipe       *recipe,
              const RtkFileFacts *facts,
              GError            **error)
{
  RtkJpegChroma chroma = RTK_JPEG_CHROMA_FULL;

  if (strcmp (recipe->encoder, rtk_jpeg_get_encoder (RTK_JPEG_CHROMA_QUARTER)) == 0)
    chroma = RTK_JPEG_CHROMA_QUARTER;
  else if (strcmp (recipe->encoder, rtk_jpeg_get_encoder (RTK_JPEG_CHROMA_FULL)) != 0)
    return NULL;
  return rtk_jpeg_encode (image, recipe->quality, chroma,
                          (int)CLAMP (lround (facts->dpi_x), 1, 65535), error);
}

static gboolean
is_named (const RtkCertificate *certificate, const char *member, GBytes *bytes)
{
  char          hex[65];
  gsize         size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  rtk_sha256_hex (data, size, hex);
  return g_strcmp0 (hex, rtk_certificate_get_string (certificate, member)) == 0;
}

/* Whether the alpha is the one the photo was made with, and not one that another kind of machine
 * made again a little differently. */
static gboolean
is_same_alpha (const RtkPhotoPapers *papers, const RtkImage *alpha)
{
  g_autoptr (GBytes) made = papers->alpha == NULL ? rtk_png_encode (alpha, NULL) : NULL;

  return papers->alpha != NULL ||
         (made != NULL && is_named (papers->certificate, "sha256.alpha", made));
}

/* Makes the photo again and compares. Fills proof and differences. */
static gboolean
make_again (RtkNetworks          *networks,
            const RtkPhotoPapers *papers,
            const Recipe         *recipe,
            RtkPhotoExamination  *out,
            GError              **error)
{
  g_autoptr (RtkImage) picture = rtk_codec_decode (papers->original, NULL, error);
  g_autoptr (RtkImage) finished = NULL;
  g_autoptr (RtkFileFacts) facts = NULL;
  g_autoptr (RtkImage) share = NULL;
  g_autoptr (RtkImage) again = NULL;
  g_autoptr (GBytes) file = NULL;
  g_autoptr (GError) reason = NULL;
  int quality = recipe->quality;

  out->proof = RTK_PHOTO_DIFFERS;
  if (picture == NULL || (finished = rtk_codec_decode (papers->delivered, NULL, error)) == NULL ||
      (facts = rtk_file_facts_read (papers->delivered, "", error)) == NULL ||
      !check_crop (&recipe->crop, picture, error))
    return FALSE;
  /* Nothing is made of a size that only a certificate speaks of. */
  if (rtk_image_get_width (finished) != recipe->crop.out_width ||
      rtk_image_get_height (finished) != recipe->crop.out_height) {
    out->differences.likeness = RTK_LIKENESS_SIZE;
    return TRUE;
  }
  share = papers->alpha != NULL ? read_alpha (papers->alpha, error)
                                : make_alpha (networks, picture, &recipe->crop, error);
  if (share == NULL)
    return FALSE;
  again = rtk_recipe_render (picture, share, &recipe->crop, recipe->background, error);
  if (again == NULL)
    return FALSE;
  file = encode_again (again, recipe, facts, &reason);
  if (reason != NULL) {
    g_propagate_error (error, g_steal_pointer (&reason));
    return FALSE;
  }
  if (file != NULL && g_bytes_equal (file, papers->delivered)) {
    out->proof = RTK_PHOTO_PROVED;
    return TRUE;
  }
  out->is_alpha_known = is_same_alpha (papers, share);
  if (file != NULL && out->is_alpha_known) {
    /* Our own encoder: what the file must decode to is known exactly. */
    rtk_image_unref (again);
    again = rtk_codec_decode (file, NULL, error);
    if (again == NULL)
      return FALSE;
    quality = 0;
  }
  rtk_photo_compare (again, finished, quality, facts->quality, &out->differences);
  if (out->differences.likeness == RTK_LIKENESS_SAME)
    out->proof = RTK_PHOTO_CONSISTENT;
  else if (!out->is_alpha_known)
    out->is_face_same = rtk_photo_has_same_face (again, finished, quality, facts->quality);
  return TRUE;
}

/**
 * rtk_photo_verify:
 * @networks: the networks, for when there is no @alpha; used on this thread only
 * @certificate: what the photo claims of itself
 * @original: the original file
 * @alpha: (nullable): the alpha of the vault; without one it is made again
 * @delivered: the finished file
 * @out_proof: (out): what making it again says
 * @error: return location for an #RtkError
 *
 * Makes a photo again from its original and compares.
 *
 * This looks at pixels only; rtk_photo_examine() looks at hashes and signature, too. The same
 * encoder must give the same bytes; with another one rtk_photo_compare() says how far off is too
 * far. Blocking, about 0.2 s.
 *
 * Fails with %RTK_ERROR_BAD_PICTURE if a file cannot be decoded, %RTK_ERROR_BAD_MESSAGE if the
 * certificate has no recipe, and %RTK_ERROR_DAMAGED if recipe and original do not fit each other.
 *
 * Returns: %TRUE if it could be made again
 */
gboolean
rtk_photo_verify (RtkNetworks          *networks,
                  const RtkCertificate *certificate,
                  GBytes               *original,
                  GBytes               *alpha,
                  GBytes               *delivered,
                  RtkPhotoProof        *out_proof,
                  GError              **error)
{
  RtkPhotoPapers      papers = {certificate, NULL, original, alpha, delivered};
  RtkPhotoExamination examination = {0};
  Recipe              recipe;

  if (!read_recipe (certificate, &recipe, error) ||
      !make_again (networks, &papers, &recipe, &examination, error))
    return FALSE;
  *out_proof = examination.proof;
  return TRUE;
}

/* What is there instead of the original. */
static RtkFinding
name_original (const RtkPhotoPapers *papers, const Recipe *recipe)
{
  g_autoptr (RtkImage) picture = rtk_codec_decode (papers->original, NULL, NULL);
  g_autoptr (RtkImage) finished = rtk_codec_decode (papers->delivered, NULL, NULL);
  RtkLikeness likeness = RTK_LIKENESS_OTHER;

  if (picture == NULL)
    return RTK_FINDING_ORIGINAL_UNREADABLE;
  if (finished != NULL)
    likeness = rtk_photo_compare_source (picture, &recipe->crop, finished);
  if (likeness == RTK_LIKENESS_SAME)
    return RTK_FINDING_ORIGINAL_RESAVED;
  return likeness == RTK_LIKENESS_MIRRORED ? RTK_FINDING_ORIGINAL_MIRRORED
                                           : RTK_FINDING_ORIGINAL_OTHER;
}

static gboolean
can_be_decoded (GBytes *bytes)
{
  g_autoptr (RtkImage) image = rtk_codec_decode (bytes, NULL, NULL);

  return image != NULL;
}

static RtkFinding
name_delivered (const RtkPhotoExamination *examination)
{
  static const RtkFinding findings[] = {
      [RTK_LIKENESS_SAME] = RTK_FINDING_DELIVERED_RESAVED,
      [RTK_LIKENESS_COARSE] = RTK_FINDING_DELIVERED_COARSE,
      [RTK_LIKENESS_SIZE] = RTK_FINDING_DELIVERED_SIZE,
      [RTK_LIKENESS_MIRRORED] = RTK_FINDING_DELIVERED_MIRRORED,
      [RTK_LIKENESS_CHANGED] = RTK_FINDING_DELIVERED_CHANGED,
      [RTK_LIKENESS_REWORKED] = RTK_FINDING_DELIVERED_REWORKED,
      [RTK_LIKENESS_OTHER] = RTK_FINDING_DELIVERED_OTHER,
  };

  if (examination->proof == RTK_PHOTO_PROVED)
    return examination->hashes ? RTK_FINDING_PROVED : RTK_FINDING_CERTIFICATE_CHANGED;
  if (examination->hashes && examination->proof == RTK_PHOTO_CONSISTENT)
    return RTK_FINDING_CONSISTENT;
  /* Any outline may be what another alpha made of it; a face never is. */
  if (!examination->is_alpha_known && examination->is_face_same)
    return RTK_FINDING_ALPHA_UNKNOWN;
  return findings[examination->differences.likeness];
}

/* PROVED when there is nothing against the signature. */
static RtkFinding
check_signature (const RtkPhotoPapers *papers, gboolean *out_signed)
{
  const RtkCertificate *certificate = papers->certificate;
  const char           *key = rtk_certificate_get_string (certificate, "key");

  *out_signed = FALSE;
  if (!rtk_certificate_is_signed (certificate)) {
    if (key != NULL)
      return RTK_FINDING_SIGNATURE_GONE;
    return papers->key != NULL ? RTK_FINDING_KEY_UNKNOWN : RTK_FINDING_PROVED;
  }
  if (!rtk_certificate_check_signature (certificate, NULL))
    return RTK_FINDING_SIGNATURE_WRONG;
  *out_signed = TRUE;
  return papers->key != NULL && g_strcmp0 (papers->key, key) != 0 ? RTK_FINDING_KEY_OTHER
                                                                  : RTK_FINDING_PROVED;
}

/* Whether the recipe can be one of the rules it names. A pack that is not known here, or not in
 * that version, says nothing. */
static gboolean
fits_rules (const RtkCertificate *certificate, const Recipe *recipe)
{
  const char *id = rtk_certificate_get_string (certificate, "recipe.rules");
  const char *version = rtk_certificate_get_string (certificate, "recipe.rules_version");
  g_autoptr (RtkRulePack) pack = id != NULL ? rtk_rule_pack_load (id, NULL) : NULL;

  if (pack == NULL || g_strcmp0 (version, rtk_rule_pack_get_version (pack)) != 0)
    return id != NULL && version != NULL;
  return recipe->crop.out_width == rtk_rule_pack_get_width (pack) &&
         recipe->crop.out_height == rtk_rule_pack_get_height (pack) &&
         recipe->quality >= rtk_rule_pack_get_quality_min (pack);
}

/**
 * rtk_photo_examine:
 * @networks: the networks, for when there is no alpha; used on this thread only
 * @papers: the photo and what belongs to it
 * @out_examination: (out caller-allocates): what is to be said of it
 * @error: return location for an #RtkError
 *
 * Examines a photo: the hashes, the signature, the rules it names, and what making it again gives.
 * What is wrong is found a word for, which for a wrong file means looking at its picture.
 *
 * Blocking, about 0.2 s. Fails with %RTK_ERROR_BAD_MESSAGE if the certificate has no recipe, with
 * %RTK_ERROR_DAMAGED if recipe and original do not fit each other although the hash does, and with
 * %RTK_ERROR_BAD_PICTURE if an original or alpha that the hash fits cannot be decoded.
 *
 * Returns: %TRUE if it could be examined
 */
gboolean
rtk_photo_examine (RtkNetworks          *networks,
                   const RtkPhotoPapers *papers,
                   RtkPhotoExamination  *out_examination,
                   GError              **error)
{
  const RtkCertificate *certificate = papers->certificate;
  gboolean              original_fits = is_named (certificate, "sha256.original", papers->original);
  gboolean delivered_fits = is_named (certificate, "sha256.delivered", papers->delivered);
  gboolean alpha_fits =
      papers->alpha == NULL || is_named (certificate, "sha256.alpha", papers->alpha);
  RtkPhotoExamination out = {.proof = RTK_PHOTO_DIFFERS};
  Recipe              recipe;

  if (!read_recipe (certificate, &recipe, error))
    return FALSE;
  out.hashes = original_fits && delivered_fits && alpha_fits;
  out.finding = check_signature (papers, &out.is_signed);
  if (out.finding == RTK_FINDING_SIGNATURE_WRONG || out.finding == RTK_FINDING_SIGNATURE_GONE) {
    /* Nothing else that such a certificate says means anything. */
  } else if (!original_fits) {
    out.finding = name_original (papers, &recipe);
  } else if (!alpha_fits) {
    out.finding = RTK_FINDING_ALPHA_OTHER;
  } else if (!delivered_fits && !can_be_decoded (papers->delivered)) {
    out.finding = RTK_FINDING_DELIVERED_UNREADABLE;
  } else if (delivered_fits && out.finding == RTK_FINDING_PROVED &&
             !fits_rules (certificate, &recipe)) {
    out.finding = RTK_FINDING_RULES_OTHER;
  } else if (!delivered_fits || out.finding == RTK_FINDING_PROVED) {
    if (!make_again (networks, papers, &recipe, &out, error))
      return FALSE;
    out.finding = name_delivered (&out);
  }
  *out_examination = out;
  return TRUE;
}

/**
 * rtk_finding_to_string:
 * @finding: what was found
 *
 * Returns: (transfer none): its name on the wire
 */
const char *
rtk_finding_to_string (RtkFinding finding)
{
  static const char *const names[] = {
      [RTK_FINDING_PROVED] = "proved",
      [RTK_FINDING_CONSISTENT] = "consistent",
      [RTK_FINDING_ORIGINAL_RESAVED] = "original.resaved",
      [RTK_FINDING_ORIGINAL_MIRRORED] = "original.mirrored",
      [RTK_FINDING_ORIGINAL_OTHER] = "original.other",
      [RTK_FINDING_ORIGINAL_UNREADABLE] = "original.unreadable",
      [RTK_FINDING_ALPHA_OTHER] = "alpha.other",
      [RTK_FINDING_ALPHA_UNKNOWN] = "alpha.unknown",
      [RTK_FINDING_DELIVERED_RESAVED] = "delivered.resaved",
      [RTK_FINDING_DELIVERED_COARSE] = "delivered.coarse",
      [RTK_FINDING_DELIVERED_SIZE] = "delivered.size",
      [RTK_FINDING_DELIVERED_MIRRORED] = "delivered.mirrored",
      [RTK_FINDING_DELIVERED_CHANGED] = "delivered.changed",
      [RTK_FINDING_DELIVERED_REWORKED] = "delivered.reworked",
      [RTK_FINDING_DELIVERED_OTHER] = "delivered.other",
      [RTK_FINDING_DELIVERED_UNREADABLE] = "delivered.unreadable",
      [RTK_FINDING_CERTIFICATE_CHANGED] = "certificate.changed",
      [RTK_FINDING_SIGNATURE_GONE] = "signature.gone",
      [RTK_FINDING_SIGNATURE_WRONG] = "signature.wrong",
      [RTK_FINDING_KEY_OTHER] = "key.other",
      [RTK_FINDING_KEY_UNKNOWN] = "key.unknown",
      [RTK_FINDING_RULES_OTHER] = "rules.other",
  };

  g_return_val_if_fail ((gsize)finding < G_N_ELEMENTS (names), NULL);
  return names[finding];
}
