/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-clock.h"
#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-json.h"
#include "core/rtk-photo.h"

#include <math.h>
#include <sodium.h>
#include <string.h>

/* A certificate is a JSON object (whole numbers only, so that it can be written canonically):
 *
 * {"type":"retake-certificate","version":1,"engine":"0.1.0","taken_at":TIME,
 *  "intake":{"rotated":0,"unmirrored":false,"colour":"srgb"},
 *  "recipe":{"rules":ID,"rules_version":V,"width":480,"height":640,
 *            "crop":{"x":Q16,"y":Q16,"scale":Q16},"background":[100,197,255],
 *            "blending":"srgb-8bit","quality":92,"encoder":"libjpeg-turbo 2.1.5"},
 *  "sha256":{"original":HEX,"alpha":HEX,"delivered":HEX},
 *  "key":KEY_ID,"signature":BASE64}
 *
 * "key" and "signature" are missing until it is signed; the signature is Ed25519 over the canonical
 * JSON of everything but "signature". Q16 is a length in pixels times 65536. */

#define TYPE_NAME "retake-certificate"
#define VERSION 1
#define MAX_SIZE (64 * 1024)

struct _RtkCertificate {
  JsonObject *object; /* (owned) */
};

G_DEFINE_BOXED_TYPE (RtkCertificate, rtk_certificate, rtk_certificate_ref, rtk_certificate_unref)

static void
certificate_clear (RtkCertificate *self)
{
  json_object_unref (self->object);
}

static RtkCertificate *
certificate_new_take (JsonObject *object)
{
  RtkCertificate *self = g_atomic_rc_box_new0 (RtkCertificate);

  self->object = object;
  return self;
}

static gint64
to_q16 (double value)
{
  return (gint64)llround (value * 65536.0);
}

static JsonObject *
new_recipe (const RtkCrop     *crop,
            const RtkRulePack *pack,
            const guint8       background[3],
            int                quality,
            const char        *encoder)
{
  JsonObject *recipe = json_object_new ();
  JsonObject *where = json_object_new ();
  JsonArray  *rgb = json_array_new ();

  json_object_set_int_member (where, "x", to_q16 (crop->x));
  json_object_set_int_member (where, "y", to_q16 (crop->y));
  json_object_set_int_member (where, "scale", to_q16 (crop->scale));
  for (int i = 0; i < 3; i++)
    json_array_add_int_element (rgb, background[i]);
  json_object_set_string_member (recipe, "rules", rtk_rule_pack_get_id (pack));
  json_object_set_string_member (recipe, "rules_version", rtk_rule_pack_get_version (pack));
  json_object_set_int_member (recipe, "width", crop->out_width);
  json_object_set_int_member (recipe, "height", crop->out_height);
  json_object_set_object_member (recipe, "crop", where);
  json_object_set_array_member (recipe, "background", rgb);
  json_object_set_string_member (recipe, "blending", "srgb-8bit");
  json_object_set_int_member (recipe, "quality", quality);
  json_object_set_string_member (recipe, "encoder", encoder);
  return recipe;
}

/**
 * rtk_certificate_new:
 * @intake: what decoding undid
 * @crop: where the finished picture lies in the upright original
 * @pack: the rules it was made by
 * @background: colour behind the person, sRGB
 * @quality: of the JPEG, 1..100
 * @encoder: name and version of the library that wrote the JPEG
 * @original_sha256: of the original's bytes
 * @alpha_sha256: of the alpha's PNG
 * @delivered_sha256: of the finished JPEG
 * @taken_at: wall clock at the shutter, microseconds since 1970 UTC
 *
 * States how a photo was made. Not signed yet.
 *
 * Returns: (transfer full): a certificate
 */
RtkCertificate *
rtk_certificate_new (const RtkIntake   *intake,
                     const RtkCrop     *crop,
                     const RtkRulePack *pack,
                     const guint8       background[3],
                     int                quality,
                     const char        *encoder,
                     const char        *original_sha256,
                     const char        *alpha_sha256,
                     const char        *delivered_sha256,
                     gint64             taken_at)
{
  JsonObject      *object = json_object_new ();
  JsonObject      *undone = json_object_new ();
  JsonObject      *hashes = json_object_new ();
  g_autofree char *time = rtk_time_format (taken_at);

  json_object_set_int_member (undone, "rotated", intake->rotated);
  json_object_set_boolean_member (undone, "unmirrored", intake->unmirrored);
  json_object_set_string_member (undone, "colour", intake->colour);
  json_object_set_string_member (hashes, "original", original_sha256);
  json_object_set_string_member (hashes, "alpha", alpha_sha256);
  json_object_set_string_member (hashes, "delivered", delivered_sha256);
  json_object_set_string_member (object, "type", TYPE_NAME);
  json_object_set_int_member (object, "version", VERSION);
  json_object_set_string_member (object, "engine", RTK_VERSION);
  json_object_set_string_member (object, "taken_at", time);
  json_object_set_object_member (object, "intake", undone);
  json_object_set_object_member (object, "recipe",
                                 new_recipe (crop, pack, background, quality, encoder));
  json_object_set_object_member (object, "sha256", hashes);
  return certificate_new_take (object);
}

/**
 * rtk_certificate_ref:
 * @self: a certificate
 *
 * Returns: (transfer full): @self with one more reference; any thread
 */
RtkCertificate *
rtk_certificate_ref (RtkCertificate *self)
{
  return g_atomic_rc_box_acquire (self);
}

/**
 * rtk_certificate_unref:
 * @self: (transfer full): a certificate
 *
 * Gives a reference back. Any thread.
 */
void
rtk_certificate_unref (RtkCertificate *self)
{
  g_atomic_rc_box_release_full (self, (GDestroyNotify)certificate_clear);
}

/* What the signature covers: everything but itself. */
static GBytes *
signed_bytes (const RtkCertificate *self, GError **error)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autoptr (JsonObject) bare = json_object_new ();
  g_autoptr (GList) names = json_object_get_members (self->object);

  for (GList *l = names; l != NULL; l = l->next)
    if (strcmp (l->data, "signature") != 0)
      json_object_set_member (bare, l->data, json_object_dup_member (self->object, l->data));
  json_node_set_object (node, bare);
  return rtk_json_canonical (node, error);
}

/**
 * rtk_certificate_sign:
 * @self: a certificate that nobody else holds yet
 * @signer: the station's key
 * @error: return location; %RTK_ERROR_LOCKED while the vault is locked
 *
 * Signs @self at the shutter. A certificate is signed once.
 *
 * Returns: whether it was signed; on %FALSE it is left unsigned
 */
gboolean
rtk_certificate_sign (RtkCertificate *self, RtkSigner *signer, GError **error)
{
  g_autoptr (GBytes) bytes = NULL;
  guint8           signature[crypto_sign_BYTES];
  g_autofree char *text = NULL;

  g_return_val_if_fail (!rtk_certificate_is_signed (self), FALSE);

  json_object_set_string_member (self->object, "key", rtk_signer_get_key_id (signer));
  bytes = signed_bytes (self, error);
  if (bytes == NULL || !rtk_signer_sign (signer, g_bytes_get_data (bytes, NULL),
                                         g_bytes_get_size (bytes), signature, error)) {
    json_object_remove_member (self->object, "key");
    return FALSE;
  }
  text = rtk_signature_to_text (signature);
  json_object_set_string_member (self->object, "signature", text);
  return TRUE;
}

/**
 * rtk_certificate_is_signed:
 * @self: a certificate
 *
 * Returns: whether it carries a signature (which may still be wrong)
 */
gboolean
rtk_certificate_is_signed (const RtkCertificate *self)
{
  return json_object_has_member (self->object, "signature");
}

/**
 * rtk_certificate_check_signature:
 * @self: a certificate
 * @error: return location; %RTK_ERROR_DAMAGED when the signature does not fit, %RTK_ERROR_NOT_FOUND
 *   when there is none (provenance unknown)
 *
 * Checks the signature with the key the certificate names. Whose key that is, is for the caller to
 * know.
 *
 * Returns: whether the signature fits
 */
gboolean
rtk_certificate_check_signature (const RtkCertificate *self, GError **error)
{
  g_autoptr (GBytes) bytes = NULL;
  guint8      signature[crypto_sign_BYTES];
  const char *key;
  const char *text;

  if (!rtk_certificate_is_signed (self)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND,
                 "The certificate is not signed: where the photo comes from is unknown.");
    return FALSE;
  }
  key = rtk_json_get_string (self->object, "key", error);
  if (key == NULL)
    return FALSE;
  text = rtk_json_get_string (self->object, "signature", error);
  if (text == NULL)
    return FALSE;
  bytes = signed_bytes (self, error);
  if (bytes == NULL)
    return FALSE;
  if (!rtk_signature_from_text (text, signature) ||
      !rtk_signature_check (key, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes),
                            signature)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_DAMAGED,
                 "The signature does not fit: the certificate was changed.");
    return FALSE;
  }
  return TRUE;
}

/**
 * rtk_certificate_get_string:
 * @self: a certificate
 * @member: a path of members, joined by dots: "sha256.original", "recipe.rules"
 *
 * Returns: (transfer none) (nullable): the text there
 */
const char *
rtk_certificate_get_string (const RtkCertificate *self, const char *member)
{
  g_auto (GStrv) path = g_strsplit (member, ".", -1);
  JsonObject *object = self->object;
  guint       last = g_strv_length (path) - 1;

  for (guint i = 0; i < last && object != NULL; i++)
    object = rtk_json_get_object (object, path[i], NULL);
  return object != NULL ? rtk_json_get_string (object, path[last], NULL) : NULL;
}

/**
 * rtk_certificate_dup_object:
 * @self: a certificate
 *
 * Returns: (transfer full): its JSON object, for reading the recipe
 */
JsonObject *
rtk_certificate_dup_object (const RtkCertificate *self)
{
  return json_object_ref (self->object);
}

/**
 * rtk_certificate_to_bytes:
 * @self: a certificate
 *
 * Writes @self canonically: the bytes that are stored, hashed and sent.
 *
 * Returns: (transfer full): UTF-8
 */
GBytes *
rtk_certificate_to_bytes (const RtkCertificate *self)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);

  json_node_set_object (node, self->object);
  return rtk_json_canonical (node, NULL);
}

/* What a certificate of this version may hold, by part: a recipe with a step that is not here (one
 * that turns, say) is none of ours. */
static const struct {
  const char *part; /* NULL: the certificate itself */
  const char *members[12];
} known_members[] = {
    {NULL,
     {"type", "version", "engine", "taken_at", "intake", "recipe", "sha256", "key", "signature"}},
    {"intake", {"rotated", "unmirrored", "colour"}},
    {"recipe",
     {"rules", "rules_version", "width", "height", "crop", "background", "blending", "quality",
      "encoder"}},
    {"recipe.crop", {"x", "y", "scale"}},
    {"sha256", {"original", "alpha", "delivered"}},
};

static JsonObject *
get_part (JsonObject *object, const char *part, GError **error)
{
  g_auto (GStrv) path = g_strsplit (part != NULL ? part : "", ".", -1);

  for (guint i = 0; path[i] != NULL && object != NULL; i++)
    object = rtk_json_get_object (object, path[i], error);
  return object;
}

static gboolean
check_members (JsonObject *certificate, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (known_members); i++) {
    JsonObject *part = get_part (certificate, known_members[i].part, error);
    g_autoptr (GList) names = part != NULL ? json_object_get_members (part) : NULL;

    if (part == NULL)
      return FALSE;
    for (GList *l = names; l != NULL; l = l->next)
      if (!g_strv_contains (known_members[i].members, l->data)) {
        g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                     "The certificate says “%s”, which no certificate of this version does.",
                     (const char *)l->data);
        return FALSE;
      }
  }
  return TRUE;
}

/**
 * rtk_certificate_from_bytes:
 * @bytes: what rtk_certificate_to_bytes() wrote, or somebody says so
 * @error: return location for %RTK_ERROR_BAD_MESSAGE
 *
 * Reads a certificate. Neither signature nor hashes are checked; but it says nothing that no
 * certificate says.
 *
 * Returns: (transfer full): the certificate
 */
RtkCertificate *
rtk_certificate_from_bytes (GBytes *bytes, GError **error)
{
  g_autoptr (JsonObject) object = NULL;
  JsonObject *hashes;
  const char *type;
  gint64      version;
  gsize       size;
  const char *data = g_bytes_get_data (bytes, &size);

  if (size == 0 || size > MAX_SIZE) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE, "This is not a certificate.");
    return NULL;
  }
  object = rtk_json_parse_object (data, (gssize)size, error);
  if (object == NULL || (type = rtk_json_get_string (object, "type", error)) == NULL ||
      !rtk_json_get_int (object, "version", &version, error) ||
      (hashes = rtk_json_get_object (object, "sha256", error)) == NULL)
    return NULL;
  if (strcmp (type, TYPE_NAME) != 0 || version != VERSION) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                 "This is not a certificate of a version that is known here.");
    return NULL;
  }
  if (!check_members (object, error))
    return NULL;
  for (const char *const *name = (const char *const[]){"original", "alpha", "delivered", NULL};
       *name != NULL; name++) {
    const char *hash = rtk_json_get_string (hashes, *name, error);

    if (hash == NULL)
      return NULL;
    if (!rtk_sha256_is_valid (hash)) {
      g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                   "The certificate's hash of the %s is not a SHA-256.", *name);
      return NULL;
    }
  }
  return certificate_new_take (g_steal_pointer (&object));
}
