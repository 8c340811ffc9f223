/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-order.h"

#include "core/rtk-clock.h"
#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-json.h"

#include <string.h>

#define MAX_SUBMISSIONS 1000

struct _RtkSubmission {
  GObject            parent_instance;
  char              *id;
  RtkSubmissionState state;
  gboolean           is_retake;
  gint64             created_at;
  char              *original;    /* (nullable) */
  char              *delivered;   /* (nullable) */
  char              *certificate; /* (nullable) */
  RtkReason          reasons[RTK_N_REASONS];
  guint              n_reasons;
  char              *note; /* (nullable) */
};

struct _RtkOrder {
  GObject     parent_instance;
  char       *id;
  char       *number;
  gint64      revision;
  char       *school;
  char       *batch;
  char       *name_masked;
  char       *number_masked;
  char       *code_digest; /* (nullable) */
  RtkPayment  payment;
  RtkDelivery delivery;
  RtkPrint    print;
  gint64      created_at;
  gint64      updated_at;
  GPtrArray  *submissions; /* (owned) (element-type RtkSubmission): newest first */
};

G_DEFINE_FINAL_TYPE (RtkSubmission, rtk_submission, G_TYPE_OBJECT)
G_DEFINE_FINAL_TYPE (RtkOrder, rtk_order, G_TYPE_OBJECT)

static void
rtk_submission_finalize (GObject *object)
{
  RtkSubmission *self = RTK_SUBMISSION (object);

  g_free (self->id);
  g_free (self->original);
  g_free (self->delivered);
  g_free (self->certificate);
  g_free (self->note);
  G_OBJECT_CLASS (rtk_submission_parent_class)->finalize (object);
}

static void
rtk_submission_class_init (RtkSubmissionClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = rtk_submission_finalize;
}

static void
rtk_submission_init (RtkSubmission *self)
{
}

static void
rtk_order_finalize (GObject *object)
{
  RtkOrder *self = RTK_ORDER (object);

  g_free (self->id);
  g_free (self->number);
  g_free (self->school);
  g_free (self->batch);
  g_free (self->name_masked);
  g_free (self->number_masked);
  g_free (self->code_digest);
  g_ptr_array_unref (self->submissions);
  G_OBJECT_CLASS (rtk_order_parent_class)->finalize (object);
}

static void
rtk_order_class_init (RtkOrderClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = rtk_order_finalize;
}

static void
rtk_order_init (RtkOrder *self)
{
  self->submissions = g_ptr_array_new_with_free_func (g_object_unref);
}

static gboolean
set_bad_word (GError **error, const char *member)
{
  g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE, "The member “%s” has an unknown word.",
               member);
  return FALSE;
}

static gboolean
read_id (JsonObject *object, char **out, GError **error)
{
  const char *id = rtk_json_get_string (object, "id", error);

  if (id == NULL)
    return FALSE;
  if (!rtk_id_is_valid (id)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE, "The member “id” is not a UUID.");
    return FALSE;
  }
  *out = g_strdup (id);
  return TRUE;
}

static gboolean
read_text (JsonObject *object, const char *member, char **out, GError **error)
{
  const char *text = rtk_json_get_string (object, member, error);

  if (text == NULL)
    return FALSE;
  *out = g_strdup (text);
  return TRUE;
}

/* A SHA-256, or null. */
static gboolean
read_hash (JsonObject *object, const char *member, char **out, GError **error)
{
  const char *text;

  if (!rtk_json_get_optional_string (object, member, &text, error))
    return FALSE;
  if (text != NULL && !rtk_sha256_is_valid (text)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE, "The member “%s” is not a SHA-256.",
                 member);
    return FALSE;
  }
  *out = g_strdup (text);
  return TRUE;
}

/* A reason this version does not know yet becomes "other": the submission is still rejected. */
static gboolean
read_reasons (RtkSubmission *self, JsonObject *object, GError **error)
{
  JsonArray *array = rtk_json_get_array (object, "reasons", error);
  guint      n;

  if (array == NULL)
    return FALSE;
  n = json_array_get_length (array);
  for (guint i = 0; i < n && self->n_reasons < RTK_N_REASONS; i++) {
    JsonNode *node = json_array_get_element (array, i);
    RtkReason reason = RTK_REASON_OTHER;

    if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
      return set_bad_word (error, "reasons");
    (void)rtk_reason_from_string (json_node_get_string (node), &reason);
    self->reasons[self->n_reasons++] = reason;
  }
  return TRUE;
}

static RtkSubmission *
submission_from_json (JsonNode *node, GError **error)
{
  g_autoptr (RtkSubmission) self = g_object_new (RTK_TYPE_SUBMISSION, NULL);
  JsonObject *object = rtk_json_node_get_object (node, error);
  const char *word;

  if (object == NULL || !read_id (object, &self->id, error))
    return NULL;
  if ((word = rtk_json_get_string (object, "state", error)) == NULL)
    return NULL;
  if (!rtk_submission_state_from_string (word, &self->state)) {
    set_bad_word (error, "state");
    return NULL;
  }
  if ((word = rtk_json_get_string (object, "origin", error)) == NULL)
    return NULL;
  self->is_retake = strcmp (word, "desk") == 0;
  if (!self->is_retake && strcmp (word, "online") != 0) {
    set_bad_word (error, "origin");
    return NULL;
  }
  if (!rtk_json_get_time (object, "created_at", &self->created_at, error) ||
      !read_hash (object, "original", &self->original, error) ||
      !read_hash (object, "delivered", &self->delivered, error) ||
      !read_hash (object, "certificate", &self->certificate, error) ||
      !read_reasons (self, object, error) ||
      !rtk_json_get_optional_string (object, "note", &word, error))
    return NULL;
  self->note = g_strdup (word);
  return g_steal_pointer (&self);
}

static gboolean
read_states (RtkOrder *self, JsonObject *object, GError **error)
{
  const char *word;

  if ((word = rtk_json_get_string (object, "payment", error)) == NULL)
    return FALSE;
  if (!rtk_payment_from_string (word, &self->payment))
    return set_bad_word (error, "payment");
  if ((word = rtk_json_get_string (object, "delivery", error)) == NULL)
    return FALSE;
  if (!rtk_delivery_from_string (word, &self->delivery))
    return set_bad_word (error, "delivery");
  if ((word = rtk_json_get_string (object, "print", error)) == NULL)
    return FALSE;
  if (!rtk_print_from_string (word, &self->print))
    return set_bad_word (error, "print");
  return TRUE;
}

static gboolean
read_submissions (RtkOrder *self, JsonObject *object, GError **error)
{
  JsonArray *array = rtk_json_get_array (object, "submissions", error);
  guint      n;

  if (array == NULL)
    return FALSE;
  n = json_array_get_length (array);
  if (n > MAX_SUBMISSIONS)
    return set_bad_word (error, "submissions");
  for (guint i = 0; i < n; i++) {
    RtkSubmission *submission = submission_from_json (json_array_get_element (array, i), error);

    if (submission == NULL)
      return FALSE;
    g_ptr_array_add (self->submissions, submission);
  }
  return TRUE;
}

/**
 * rtk_order_from_json:
 * @node: an Order of docs/openapi.yaml
 * @error: return location for %RTK_ERROR_BAD_MESSAGE
 *
 * Reads an order. Members this version does not know are left alone.
 *
 * Returns: (transfer full): the order
 */
RtkOrder *
rtk_order_from_json (JsonNode *node, GError **error)
{
  g_autoptr (RtkOrder) self = g_object_new (RTK_TYPE_ORDER, NULL);
  JsonObject *object = rtk_json_node_get_object (node, error);
  JsonObject *subject;

  if (object == NULL || !read_id (object, &self->id, error) ||
      !read_text (object, "number", &self->number, error) ||
      !rtk_json_get_int (object, "revision", &self->revision, error) ||
      !read_text (object, "school", &self->school, error) ||
      !read_text (object, "batch", &self->batch, error))
    return NULL;
  if ((subject = rtk_json_get_object (object, "subject", error)) == NULL ||
      !read_text (subject, "name_masked", &self->name_masked, error) ||
      !read_text (subject, "number_masked", &self->number_masked, error))
    return NULL;
  if (!read_hash (object, "code_digest", &self->code_digest, error) ||
      !read_states (self, object, error) ||
      !rtk_json_get_time (object, "created_at", &self->created_at, error) ||
      !rtk_json_get_time (object, "updated_at", &self->updated_at, error) ||
      !read_submissions (self, object, error))
    return NULL;
  return g_steal_pointer (&self);
}

static void
add_text (JsonBuilder *builder, const char *member, const char *text)
{
  json_builder_set_member_name (builder, member);
  if (text != NULL)
    json_builder_add_string_value (builder, text);
  else
    json_builder_add_null_value (builder);
}

static void
add_time (JsonBuilder *builder, const char *member, gint64 time)
{
  g_autofree char *text = rtk_time_format (time);

  add_text (builder, member, text);
}

static void
add_submission (JsonBuilder *builder, RtkSubmission *submission)
{
  json_builder_begin_object (builder);
  add_text (builder, "id", submission->id);
  add_text (builder, "state", rtk_submission_state_to_string (submission->state));
  add_text (builder, "origin", submission->is_retake ? "desk" : "online");
  add_time (builder, "created_at", submission->created_at);
  add_text (builder, "original", submission->original);
  add_text (builder, "delivered", submission->delivered);
  add_text (builder, "certificate", submission->certificate);
  json_builder_set_member_name (builder, "reasons");
  json_builder_begin_array (builder);
  for (guint i = 0; i < submission->n_reasons; i++)
    json_builder_add_string_value (builder, rtk_reason_to_string (submission->reasons[i]));
  json_builder_end_array (builder);
  add_text (builder, "note", submission->note);
  json_builder_end_object (builder);
}

/**
 * rtk_order_to_json:
 * @self: an order
 *
 * Writes @self as it goes over the wire.
 *
 * Returns: (transfer full): an Order of docs/openapi.yaml
 */
JsonNode *
rtk_order_to_json (RtkOrder *self)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  add_text (builder, "id", self->id);
  add_text (builder, "number", self->number);
  json_builder_set_member_name (builder, "revision");
  json_builder_add_int_value (builder, self->revision);
  add_text (builder, "school", self->school);
  add_text (builder, "batch", self->batch);
  json_builder_set_member_name (builder, "subject");
  json_builder_begin_object (builder);
  add_text (builder, "name_masked", self->name_masked);
  add_text (builder, "number_masked", self->number_masked);
  json_builder_end_object (builder);
  add_text (builder, "code_digest", self->code_digest);
  add_text (builder, "payment", rtk_payment_to_string (self->payment));
  add_text (builder, "delivery", rtk_delivery_to_string (self->delivery));
  add_text (builder, "print", rtk_print_to_string (self->print));
  add_time (builder, "created_at", self->created_at);
  add_time (builder, "updated_at", self->updated_at);
  json_builder_set_member_name (builder, "submissions");
  json_builder_begin_array (builder);
  for (guint i = 0; i < self->submissions->len; i++)
    add_submission (builder, g_ptr_array_index (self->submissions, i));
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  return json_builder_get_root (builder);
}

/* Getters borrow: what they return lives as long as the order. */
const char *
rtk_order_get_id (RtkOrder *self)
{
  return self->id;
}

const char *
rtk_order_get_number (RtkOrder *self)
{
  return self->number;
}

gint64
rtk_order_get_revision (RtkOrder *self)
{
  return self->revision;
}

const char *
rtk_order_get_name_masked (RtkOrder *self)
{
  return self->name_masked;
}

const char *
rtk_order_get_number_masked (RtkOrder *self)
{
  return self->number_masked;
}

const char *
rtk_order_get_school (RtkOrder *self)
{
  return self->school;
}

const char *
rtk_order_get_batch (RtkOrder *self)
{
  return self->batch;
}

const char *
rtk_order_get_code_digest (RtkOrder *self)
{
  return self->code_digest;
}

RtkPayment
rtk_order_get_payment (RtkOrder *self)
{
  return self->payment;
}

RtkDelivery
rtk_order_get_delivery (RtkOrder *self)
{
  return self->delivery;
}

RtkPrint
rtk_order_get_print (RtkOrder *self)
{
  return self->print;
}

gint64
rtk_order_get_created_at (RtkOrder *self)
{
  return self->created_at;
}

gint64
rtk_order_get_updated_at (RtkOrder *self)
{
  return self->updated_at;
}

GPtrArray *
rtk_order_get_submissions (RtkOrder *self)
{
  return self->submissions;
}

/**
 * rtk_order_get_current_submission:
 * @self: an order
 *
 * Finds the submission that counts now: the newest that no other has replaced.
 *
 * Returns: (transfer none) (nullable): the submission, %NULL before the first
 */
RtkSubmission *
rtk_order_get_current_submission (RtkOrder *self)
{
  for (guint i = 0; i < self->submissions->len; i++) {
    RtkSubmission *submission = g_ptr_array_index (self->submissions, i);

    if (submission->state != RTK_SUBMISSION_SUPERSEDED)
      return submission;
  }
  return NULL;
}

/**
 * rtk_order_may_retake:
 * @self: an order
 *
 * Tells whether the desk may take a new photo: any order that was paid for once (paid, refund due,
 * refunded or waived) and is not yet delivered. What is to be paid again, the server decides
 * before review.
 *
 * Returns: whether it may
 */
gboolean
rtk_order_may_retake (RtkOrder *self)
{
  return self->delivery == RTK_DELIVERY_NONE && self->payment != RTK_PAYMENT_UNPAID &&
         self->payment != RTK_PAYMENT_CLOSED;
}

const char *
rtk_submission_get_id (RtkSubmission *self)
{
  return self->id;
}

RtkSubmissionState
rtk_submission_get_state (RtkSubmission *self)
{
  return self->state;
}

gboolean
rtk_submission_is_retake (RtkSubmission *self)
{
  return self->is_retake;
}

gint64
rtk_submission_get_created_at (RtkSubmission *self)
{
  return self->created_at;
}

const char *
rtk_submission_get_original (RtkSubmission *self)
{
  return self->original;
}

const char *
rtk_submission_get_delivered (RtkSubmission *self)
{
  return self->delivered;
}

const char *
rtk_submission_get_certificate (RtkSubmission *self)
{
  return self->certificate;
}

const RtkReason *
rtk_submission_get_reasons (RtkSubmission *self, guint *out_n)
{
  *out_n = self->n_reasons;
  return self->reasons;
}

const char *
rtk_submission_get_note (RtkSubmission *self)
{
  return self->note;
}
