/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-operation.h"

#include "core/rtk-clock.h"
#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-json.h"

#include <sodium.h>

/* Of an operation on the wire. */
#define N_MEMBERS 9

struct _RtkOperation {
  GObject     parent_instance;
  char       *id;
  char       *kind;
  char       *order_id;
  gint64      base_revision;
  gint64      created_at;
  char       *station_id;
  char       *actor;
  JsonObject *body; /* (owned) */
  guint8      signature[crypto_sign_BYTES];
};

G_DEFINE_FINAL_TYPE (RtkOperation, rtk_operation, G_TYPE_OBJECT)

static void
rtk_operation_finalize (GObject *object)
{
  RtkOperation *self = RTK_OPERATION (object);

  g_free (self->id);
  g_free (self->kind);
  g_free (self->order_id);
  g_free (self->station_id);
  g_free (self->actor);
  g_clear_pointer (&self->body, json_object_unref);
  G_OBJECT_CLASS (rtk_operation_parent_class)->finalize (object);
}

static void
rtk_operation_class_init (RtkOperationClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = rtk_operation_finalize;
}

static void
rtk_operation_init (RtkOperation *self)
{
}

static JsonObject *
to_unsigned_object (RtkOperation *self)
{
  JsonObject      *object = json_object_new ();
  g_autofree char *time = rtk_time_format (self->created_at);

  json_object_set_string_member (object, "id", self->id);
  json_object_set_string_member (object, "kind", self->kind);
  json_object_set_string_member (object, "order", self->order_id);
  json_object_set_int_member (object, "base_revision", self->base_revision);
  json_object_set_string_member (object, "created_at", time);
  json_object_set_string_member (object, "station", self->station_id);
  json_object_set_string_member (object, "actor", self->actor);
  json_object_set_object_member (object, "body", json_object_ref (self->body));
  return object;
}

static GBytes *
signed_bytes (RtkOperation *self, GError **error)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);

  json_node_take_object (node, to_unsigned_object (self));
  return rtk_json_canonical (node, error);
}

/**
 * rtk_operation_new:
 * @id: UUID, made once: sending again what was lost keeps it
 * @kind: such as %RTK_OPERATION_SUBMIT
 * @order_id: the order it is about
 * @base_revision: the order's revision that the person saw
 * @created_at: microseconds since 1970 UTC
 * @station_id: where it was made
 * @actor: name of the member of staff
 * @body: a JSON object of texts, whole numbers, booleans and null; a reference is taken
 * @signer: the station's key
 * @error: return location; %RTK_ERROR_LOCKED, %RTK_ERROR_BAD_MESSAGE
 *
 * Makes and signs an operation. Any thread.
 *
 * Returns: (transfer full): the operation
 */
RtkOperation *
rtk_operation_new (const char *id,
                   const char *kind,
                   const char *order_id,
                   gint64      base_revision,
                   gint64      created_at,
                   const char *station_id,
                   const char *actor,
                   JsonNode   *body,
                   RtkSigner  *signer,
                   GError    **error)
{
  g_autoptr (RtkOperation) self = g_object_new (RTK_TYPE_OPERATION, NULL);
  g_autoptr (GBytes) bytes = NULL;
  JsonObject *object = rtk_json_node_get_object (body, error);

  if (object == NULL)
    return NULL;
  self->id = g_strdup (id);
  self->kind = g_strdup (kind);
  self->order_id = g_strdup (order_id);
  self->base_revision = base_revision;
  self->created_at = created_at;
  self->station_id = g_strdup (station_id);
  self->actor = g_strdup (actor);
  self->body = json_object_ref (object);
  bytes = signed_bytes (self, error);
  if (bytes == NULL || !rtk_signer_sign (signer, g_bytes_get_data (bytes, NULL),
                                         g_bytes_get_size (bytes), self->signature, error))
    return NULL;
  return g_steal_pointer (&self);
}

static gboolean
read_signature (RtkOperation *self, JsonObject *object, GError **error)
{
  const char *text = rtk_json_get_string (object, "signature", error);

  if (text == NULL)
    return FALSE;
  if (!rtk_signature_from_text (text, self->signature)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                 "The member “signature” is not 64 bytes in base64.");
    return FALSE;
  }
  return TRUE;
}

/**
 * rtk_operation_from_json:
 * @node: an Operation of docs/openapi.yaml
 * @error: return location for %RTK_ERROR_BAD_MESSAGE
 *
 * Reads an operation. Its signature is checked by rtk_operation_check_signature(), not here.
 *
 * Returns: (transfer full): the operation
 */
RtkOperation *
rtk_operation_from_json (JsonNode *node, GError **error)
{
  g_autoptr (RtkOperation) self = g_object_new (RTK_TYPE_OPERATION, NULL);
  JsonObject *object = rtk_json_node_get_object (node, error);
  JsonObject *body;

  if (object == NULL)
    return NULL;
  /* The signature is over these members: what else came with them would be nobody's word. */
  if (json_object_get_size (object) > N_MEMBERS) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE, "An operation has a member too many.");
    return NULL;
  }
  self->id = g_strdup (rtk_json_get_string (object, "id", error));
  if (self->id == NULL)
    return NULL;
  self->kind = g_strdup (rtk_json_get_string (object, "kind", error));
  if (self->kind == NULL)
    return NULL;
  self->order_id = g_strdup (rtk_json_get_string (object, "order", error));
  if (self->order_id == NULL)
    return NULL;
  self->station_id = g_strdup (rtk_json_get_string (object, "station", error));
  if (self->station_id == NULL)
    return NULL;
  self->actor = g_strdup (rtk_json_get_string (object, "actor", error));
  if (self->actor == NULL)
    return NULL;
  if (!rtk_id_is_valid (self->id) || !rtk_id_is_valid (self->order_id) ||
      !rtk_id_is_valid (self->station_id)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                 "The members “id”, “order” and “station” must be UUIDs.");
    return NULL;
  }
  if (!rtk_json_get_int (object, "base_revision", &self->base_revision, error) ||
      !rtk_json_get_time (object, "created_at", &self->created_at, error) ||
      (body = rtk_json_get_object (object, "body", error)) == NULL ||
      !read_signature (self, object, error))
    return NULL;
  self->body = json_object_ref (body);
  return g_steal_pointer (&self);
}

/**
 * rtk_operation_to_json:
 * @self: an operation
 *
 * Returns: (transfer full): @self as it goes over the wire
 */
JsonNode *
rtk_operation_to_json (RtkOperation *self)
{
  JsonNode        *node = json_node_new (JSON_NODE_OBJECT);
  JsonObject      *object = to_unsigned_object (self);
  g_autofree char *text = rtk_signature_to_text (self->signature);

  json_object_set_string_member (object, "signature", text);
  json_node_take_object (node, object);
  return node;
}

/**
 * rtk_operation_check_signature:
 * @self: an operation
 * @key_id: the public key of the station that says it made it
 *
 * Returns: whether @self was signed with that key
 */
gboolean
rtk_operation_check_signature (RtkOperation *self, const char *key_id)
{
  g_autoptr (GBytes) bytes = signed_bytes (self, NULL);

  return bytes != NULL && rtk_signature_check (key_id, g_bytes_get_data (bytes, NULL),
                                               g_bytes_get_size (bytes), self->signature);
}

/* Getters borrow: what they return lives as long as the operation. */
const char *
rtk_operation_get_id (RtkOperation *self)
{
  return self->id;
}

const char *
rtk_operation_get_kind (RtkOperation *self)
{
  return self->kind;
}

const char *
rtk_operation_get_order_id (RtkOperation *self)
{
  return self->order_id;
}

gint64
rtk_operation_get_base_revision (RtkOperation *self)
{
  return self->base_revision;
}

gint64
rtk_operation_get_created_at (RtkOperation *self)
{
  return self->created_at;
}

const char *
rtk_operation_get_station_id (RtkOperation *self)
{
  return self->station_id;
}

const char *
rtk_operation_get_actor (RtkOperation *self)
{
  return self->actor;
}

JsonObject *
rtk_operation_get_body (RtkOperation *self)
{
  return self->body;
}

/**
 * rtk_submission_body_new:
 * @submission_id: UUID of the submission
 * @photo: the finished photo
 * @certificate_sha256: of the signed certificate's bytes
 * @report_sha256: of the report's bytes
 * @overrides: (element-type RtkOverride) (nullable): failed rules that were accepted
 *
 * Writes the body of a %RTK_OPERATION_SUBMIT: names of blobs, never the blobs themselves.
 *
 * Returns: (transfer full): a JSON object
 */
JsonNode *
rtk_submission_body_new (const char     *submission_id,
                         const RtkPhoto *photo,
                         const char     *certificate_sha256,
                         const char     *report_sha256,
                         GPtrArray      *overrides)
{
  JsonNode   *node = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();
  JsonArray  *accepted = json_array_new ();

  for (guint i = 0; overrides != NULL && i < overrides->len; i++) {
    const RtkOverride *override = g_ptr_array_index (overrides, i);
    JsonObject        *entry = json_object_new ();

    json_object_set_string_member (entry, "check", rtk_check_id_to_string (override->check));
    json_object_set_string_member (entry, "reason", override->reason);
    json_object_set_string_member (entry, "by", override->by);
    json_array_add_object_element (accepted, entry);
  }
  json_object_set_string_member (object, "submission", submission_id);
  json_object_set_string_member (object, "original", photo->original.sha256);
  json_object_set_string_member (object, "alpha", photo->alpha.sha256);
  json_object_set_string_member (object, "delivered", photo->delivered.sha256);
  json_object_set_string_member (object, "certificate", certificate_sha256);
  json_object_set_string_member (object, "report", report_sha256);
  json_object_set_array_member (object, "overrides", accepted);
  json_node_take_object (node, object);
  return node;
}

/**
 * rtk_result_from_json:
 * @node: a Result of docs/openapi.yaml
 * @error: return location for %RTK_ERROR_BAD_MESSAGE
 *
 * Reads the server's answer to one operation.
 *
 * Returns: (transfer full): the answer
 */
RtkResult *
rtk_result_from_json (JsonNode *node, GError **error)
{
  g_autoptr (RtkResult) self = g_new0 (RtkResult, 1);
  JsonObject *object = rtk_json_node_get_object (node, error);
  const char *word;
  JsonNode   *part;

  if (object == NULL || (word = rtk_json_get_string (object, "id", error)) == NULL)
    return NULL;
  self->operation_id = g_strdup (word);
  if ((word = rtk_json_get_string (object, "outcome", error)) == NULL)
    return NULL;
  if (!rtk_outcome_from_string (word, &self->outcome)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                 "The member “outcome” has an unknown word.");
    return NULL;
  }
  part = json_object_get_member (object, "order");
  if (part != NULL && !JSON_NODE_HOLDS_NULL (part)) {
    self->order = rtk_order_from_json (part, error);
    if (self->order == NULL)
      return NULL;
  }
  part = json_object_get_member (object, "problem");
  if (part != NULL && !JSON_NODE_HOLDS_NULL (part)) {
    JsonObject *problem = rtk_json_node_get_object (part, error);

    if (problem == NULL || (word = rtk_json_get_string (problem, "title", error)) == NULL)
      return NULL;
    self->problem = g_strdup (word);
  }
  return g_steal_pointer (&self);
}

/**
 * rtk_result_free:
 * @self: (transfer full): an answer
 *
 * Frees @self.
 */
void
rtk_result_free (RtkResult *self)
{
  g_free (self->operation_id);
  g_clear_object (&self->order);
  g_free (self->problem);
  g_free (self);
}
