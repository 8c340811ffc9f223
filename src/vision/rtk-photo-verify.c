/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-photo-verify.h"

#include "core/rtk-error.h"
#include "vision/rtk-analyse.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-cut-out.h"
#include "vision/rtk-file-facts.h"
#include "vision/rtk-jpeg.h"
#include "vision/rtk-recipe.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

/* Side of the squares in which means are compared, finished pixels: smaller than an eye. */
#define BLOCK 16
/* How far the mean of a square may be off, levels of 255. Encoders of quality 60 and more stay
 * below 2; an alpha from another kind of machine moves an outline a little. */
#define MOST_DIFFERENCE 4.

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
  if (crop->x >= 0 && crop->y >= 0 && crop->scale <= 256 &&
      crop->x + crop->scale * crop->out_width <= rtk_image_get_width (picture) &&
      crop->y + crop->scale * crop->out_height <= rtk_image_get_height (picture))
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

static double
block_difference (const RtkImage *a, const RtkImage *b, int x0, int y0, int channel)
{
  int    x1 = MIN (x0 + BLOCK, rtk_image_get_width (a));
  int    y1 = MIN (y0 + BLOCK, rtk_image_get_height (a));
  double sum = 0;

  for (int y = y0; y < y1; y++) {
    const guint8 *row_a = rtk_image_get_pixels (a) + rtk_image_get_stride (a) * (gsize)y;
    const guint8 *row_b = rtk_image_get_pixels (b) + rtk_image_get_stride (b) * (gsize)y;

    for (int x = x0; x < x1; x++)
      sum += row_a[3 * x + channel] - row_b[3 * x + channel];
  }
  return fabs (sum / ((x1 - x0) * (y1 - y0)));
}

/* Both have the same size. */
static gboolean
is_near (const RtkImage *a, const RtkImage *b)
{
  for (int y = 0; y < rtk_image_get_height (a); y += BLOCK) {
    for (int x = 0; x < rtk_image_get_width (a); x += BLOCK) {
      for (int c = 0; c < 3; c++) {
        if (block_difference (a, b, x, y, c) > MOST_DIFFERENCE)
          return FALSE;
      }
    }
  }
  return TRUE;
}

/* Encodes the pixels as the certificate says. NULL without an error if that is not our encoder. */
static GBytes *
encode_again (const RtkImage *image, const Recipe *recipe, GBytes *delivered, GError **error)
{
  g_autoptr (RtkFileFacts) facts = rtk_file_facts_read (delivered, "", error);
  RtkJpegChroma chroma = RTK_JPEG_CHROMA_FULL;

  if (facts == NULL)
    return NULL;
  if (strcmp (recipe->encoder, rtk_jpeg_get_encoder (RTK_JPEG_CHROMA_QUARTER)) == 0)
    chroma = RTK_JPEG_CHROMA_QUARTER;
  else if (strcmp (recipe->encoder, rtk_jpeg_get_encoder (RTK_JPEG_CHROMA_FULL)) != 0)
    return NULL;
  return rtk_jpeg_encode (image, recipe->quality, chroma,
                          (int)CLAMP (lround (facts->dpi_x), 1, 65535), error);
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
 * Hashes and signature are for the caller to check first: this looks at pixels only. The same
 * encoder must give the same bytes; with another one every square of 16 pixels may differ by 4
 * levels in the mean, which a moved eye or a painted-over mole exceeds. Blocking, about 0.4 s.
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
  g_autoptr (RtkImage) picture = NULL;
  g_autoptr (RtkImage) finished = NULL;
  g_autoptr (RtkImage) share = NULL;
  g_autoptr (RtkImage) again = NULL;
  g_autoptr (GBytes) file = NULL;
  g_autoptr (GError) reason = NULL;
  Recipe recipe;

  if (!read_recipe (certificate, &recipe, error))
    return FALSE;
  picture = rtk_codec_decode (original, NULL, error);
  finished = picture != NULL ? rtk_codec_decode (delivered, NULL, error) : NULL;
  if (finished == NULL || !check_crop (&recipe.crop, picture, error))
    return FALSE;
  /* Nothing is made of a size that only a certificate speaks of. */
  if (rtk_image_get_width (finished) != recipe.crop.out_width ||
      rtk_image_get_height (finished) != recipe.crop.out_height) {
    *out_proof = RTK_PHOTO_DIFFERS;
    return TRUE;
  }
  share = alpha != NULL ? read_alpha (alpha, error)
                        : make_alpha (networks, picture, &recipe.crop, error);
  if (share == NULL)
    return FALSE;
  again = rtk_recipe_render (picture, share, &recipe.crop, recipe.background, error);
  if (again == NULL)
    return FALSE;
  file = encode_again (again, &recipe, delivered, &reason);
  if (reason != NULL) {
    g_propagate_error (error, g_steal_pointer (&reason));
    return FALSE;
  }
  if (file != NULL && g_bytes_equal (file, delivered))
    *out_proof = RTK_PHOTO_PROVED;
  else
    *out_proof = is_near (again, finished) ? RTK_PHOTO_CONSISTENT : RTK_PHOTO_DIFFERS;
  return TRUE;
}
