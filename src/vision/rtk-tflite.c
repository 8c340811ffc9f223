/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-tflite.h"

#include "core/rtk-error.h"
#include "vision/rtk-flatbuffer-private.h"

#include <string.h>

/* Far above the networks in use (1,096 tensors; 258 x 258 x 32 elements), far below trouble. */
#define MAX_FILE_BYTES (64 * 1024 * 1024)
#define MAX_ITEMS 4096
#define MAX_DIMENSION 16384
#define MAX_ELEMENTS (1 << 24)

struct _RtkTflite {
  GBytes          *bytes;     /* (owned): the tensors' data lies in it */
  RtkTfliteTensor *tensors;   /* (owned): n_tensors of them */
  int             *producers; /* (owned): node that computes the tensor, -1 if none */
  RtkTfliteNode   *nodes;     /* (owned): n_nodes of them */
  int             *inputs;    /* (owned) */
  int             *outputs;   /* (owned) */
  guint            n_tensors;
  guint            n_nodes;
  guint            n_inputs;
  guint            n_outputs;
};

/* A list of tensor numbers. @fixed: store at most @max_items there, else allocate. */
static int
read_tensor_list (RtkFlatbuffer            *reader,
                  const RtkFlatbufferTable *table,
                  guint                     index,
                  guint                     n_tensors,
                  int                      *list,
                  gsize                     max_items)
{
  RtkFlatbufferVector vector = rtk_flatbuffer_field_vector (reader, table, index, 4, max_items);

  for (gsize i = 0; i < vector.n_items && reader->problem == NULL; i++) {
    list[i] = rtk_flatbuffer_read_i32 (reader, vector.position + 4 * i);
    if (list[i] < 0 || (guint)list[i] >= n_tensors)
      rtk_flatbuffer_fail (reader, "a tensor number is out of range");
  }
  return reader->problem == NULL ? (int)vector.n_items : 0;
}

static gsize
type_size (RtkTfliteType type)
{
  return type == RTK_TFLITE_F16 ? 2 : 4;
}

static void
read_shape (RtkFlatbuffer *reader, const RtkFlatbufferTable *table, RtkTfliteTensor *tensor)
{
  RtkFlatbufferVector shape =
      rtk_flatbuffer_field_vector (reader, table, 0, 4, RTK_TFLITE_MAX_RANK);

  tensor->rank = (int)shape.n_items;
  tensor->n_elements = 1;
  for (int i = 0; i < tensor->rank; i++) {
    tensor->dims[i] = rtk_flatbuffer_read_i32 (reader, shape.position + 4 * (gsize)i);
    if (tensor->dims[i] < 1 || tensor->dims[i] > MAX_DIMENSION) {
      rtk_flatbuffer_fail (reader, "a dimension is out of range");
      return;
    }
    tensor->n_elements *= (gsize)tensor->dims[i];
    if (tensor->n_elements > MAX_ELEMENTS) {
      rtk_flatbuffer_fail (reader, "a tensor is too large");
      return;
    }
  }
}

static void
read_tensor (RtkFlatbuffer             *reader,
             const RtkFlatbufferTable  *table,
             const RtkFlatbufferVector *buffers,
             RtkTfliteTensor           *tensor)
{
  guint8              type = rtk_flatbuffer_field_u8 (reader, table, 1, RTK_TFLITE_F32);
  guint32             buffer_index = (guint32)rtk_flatbuffer_field_i32 (reader, table, 2, 0);
  RtkFlatbufferTable  buffer;
  RtkFlatbufferVector data;

  read_shape (reader, table, tensor);
  if (type > RTK_TFLITE_I32)
    rtk_flatbuffer_fail (reader, "a tensor has an unknown type");
  if (rtk_flatbuffer_find_field (reader, table, 6) != 0)
    rtk_flatbuffer_fail (reader, "a tensor is sparse");
  if (buffer_index >= buffers->n_items)
    rtk_flatbuffer_fail (reader, "a buffer number is out of range");
  if (reader->problem != NULL)
    return;
  tensor->type = (RtkTfliteType)type;
  buffer = rtk_flatbuffer_vector_table (reader, buffers, buffer_index);
  data = rtk_flatbuffer_field_vector (reader, &buffer, 0, 1, MAX_FILE_BYTES);
  if (reader->problem != NULL || data.n_items == 0)
    return;
  if (data.n_items != tensor->n_elements * type_size (tensor->type)) {
    rtk_flatbuffer_fail (reader, "a constant has the wrong size");
    return;
  }
  tensor->data = reader->data + data.position;
}

static int
field_count (RtkFlatbuffer *reader, const RtkFlatbufferTable *options, guint index, gint32 fallback)
{
  gint32 value = rtk_flatbuffer_field_i32 (reader, options, index, fallback);

  if (value < 1 || value > MAX_DIMENSION)
    rtk_flatbuffer_fail (reader, "an operator's option is out of range");
  return value;
}

static RtkTfliteActivation
field_activation (RtkFlatbuffer *reader, const RtkFlatbufferTable *options, guint index)
{
  guint8 value = rtk_flatbuffer_field_u8 (reader, options, index, RTK_TFLITE_LINEAR);

  if (value != RTK_TFLITE_LINEAR && value != RTK_TFLITE_ACT_RELU && value != RTK_TFLITE_ACT_RELU6)
    rtk_flatbuffer_fail (reader, "an operator has an unknown activation");
  return (RtkTfliteActivation)value;
}

/* A missing options table means that every option has its default: an empty table says the same. */
static RtkFlatbufferTable
read_options (RtkFlatbuffer *reader, const RtkFlatbufferTable *operator)
{
  gsize position = rtk_flatbuffer_find_field (reader, operator, 4);

  return position == 0
             ? (RtkFlatbufferTable){0}
             : rtk_flatbuffer_read_table (reader, rtk_flatbuffer_follow (reader, position));
}

static void
read_node_options (RtkFlatbuffer *reader, const RtkFlatbufferTable *operator, RtkTfliteNode * node)
{
  RtkFlatbufferTable options = read_options (reader, operator);

  switch (node->op) {
  case RTK_TFLITE_CONV:
  case RTK_TFLITE_DEPTHWISE_CONV: {
    guint shift = node->op == RTK_TFLITE_DEPTHWISE_CONV ? 1 : 0;

    node->same_padding = rtk_flatbuffer_field_u8 (reader, &options, 0, 0) == 0;
    node->stride_w = field_count (reader, &options, 1, 0);
    node->stride_h = field_count (reader, &options, 2, 0);
    node->multiplier = shift == 1 ? field_count (reader, &options, 3, 0) : 1;
    node->activation = field_activation (reader, &options, 3 + shift);
    node->dilation_w = field_count (reader, &options, 4 + shift, 1);
    node->dilation_h = field_count (reader, &options, 5 + shift, 1);
    break;
  }
  case RTK_TFLITE_AVERAGE_POOL:
  case RTK_TFLITE_MAX_POOL:
    node->same_padding = rtk_flatbuffer_field_u8 (reader, &options, 0, 0) == 0;
    node->stride_w = field_count (reader, &options, 1, 0);
    node->stride_h = field_count (reader, &options, 2, 0);
    node->filter_w = field_count (reader, &options, 3, 0);
    node->filter_h = field_count (reader, &options, 4, 0);
    node->activation = field_activation (reader, &options, 5);
    break;
  case RTK_TFLITE_ADD:
  case RTK_TFLITE_MUL:
    node->activation = field_activation (reader, &options, 0);
    break;
  case RTK_TFLITE_RESIZE_BILINEAR:
    node->align_corners = rtk_flatbuffer_field_u8 (reader, &options, 2, 0) != 0;
    node->half_pixel_centres = rtk_flatbuffer_field_u8 (reader, &options, 3, 0) != 0;
    break;
  case RTK_TFLITE_CONCATENATION:
  case RTK_TFLITE_DEQUANTIZE:
  case RTK_TFLITE_LOGISTIC:
  case RTK_TFLITE_RELU:
  case RTK_TFLITE_RESHAPE:
  case RTK_TFLITE_CUSTOM:
  case RTK_TFLITE_PAD:
  case RTK_TFLITE_STRIDED_SLICE:
  case RTK_TFLITE_PRELU:
  case RTK_TFLITE_HARD_SWISH:
  case RTK_TFLITE_TRANSPOSE_CONV_BIAS:
    break;
  default:
    rtk_flatbuffer_fail (reader, "an operator is unknown");
  }
}

/* The custom operators: one is known (its options are three raw i32: padding, stride w and h); the
 * others are kept as they are, for whoever computes them in another way. */
static void
read_custom (RtkFlatbuffer            *reader,
             const RtkFlatbufferTable *code,
             const RtkFlatbufferTable *
             operator,
             RtkTfliteNode * node)
{
  static const char   known[] = "Convolution2DTransposeBias";
  RtkFlatbufferVector name = rtk_flatbuffer_field_vector (reader, code, 1, 1, 256);
  RtkFlatbufferVector options = rtk_flatbuffer_field_vector (reader, operator, 5, 1, 65536);

  node->op = RTK_TFLITE_CUSTOM;
  if (reader->problem != NULL || name.n_items != strlen (known) ||
      memcmp (reader->data + name.position, known, name.n_items) != 0)
    return;
  node->op = RTK_TFLITE_TRANSPOSE_CONV_BIAS;
  if (options.n_items != 12) {
    rtk_flatbuffer_fail (reader, "an operator's option is out of range");
    return;
  }
  node->same_padding = rtk_flatbuffer_read_i32 (reader, options.position) == 1;
  node->stride_w = rtk_flatbuffer_read_i32 (reader, options.position + 4);
  node->stride_h = rtk_flatbuffer_read_i32 (reader, options.position + 8);
  if (node->stride_w < 1 || node->stride_w > 16 || node->stride_h < 1 || node->stride_h > 16)
    rtk_flatbuffer_fail (reader, "an operator's option is out of range");
}

static void
read_node (RtkFlatbuffer *reader,
           const RtkFlatbufferTable *
           operator,
           const RtkFlatbufferVector * codes,
           guint          n_tensors,
           RtkTfliteNode *node)
{
  guint32            code_index = (guint32)rtk_flatbuffer_field_i32 (reader, operator, 0, 0);
  RtkFlatbufferTable code;
  int                old_code;
  int                new_code;

  if (code_index >= codes->n_items) {
    rtk_flatbuffer_fail (reader, "an operator number is out of range");
    return;
  }
  code = rtk_flatbuffer_vector_table (reader, codes, code_index);
  old_code = (gint8)rtk_flatbuffer_field_u8 (reader, &code, 0, 0);
  new_code = rtk_flatbuffer_field_i32 (reader, &code, 3, 0);
  node->op = (RtkTfliteOp)MAX (old_code, new_code);
  if (node->op == RTK_TFLITE_CUSTOM)
    read_custom (reader, &code, operator, node);
  else if (node->op == RTK_TFLITE_TRANSPOSE_CONV_BIAS)
    rtk_flatbuffer_fail (reader, "an operator is unknown");
  node->n_inputs =
      read_tensor_list (reader, operator, 1, n_tensors, node->inputs, RTK_TFLITE_MAX_INPUTS);
  node->n_outputs =
      read_tensor_list (reader, operator, 2, n_tensors, node->outputs, RTK_TFLITE_MAX_OUTPUTS);
  if (node->n_inputs < 1 || node->n_outputs < 1)
    rtk_flatbuffer_fail (reader, "an operator has no input or no output");
  read_node_options (reader, operator, node);
}

/* Each tensor comes from one place, and before it is used: then the graph has no cycle. */
static void
check_order (RtkFlatbuffer *reader, RtkTflite *self)
{
  g_autofree gboolean *known = g_new0 (gboolean, self->n_tensors);

  for (guint i = 0; i < self->n_tensors; i++) {
    self->producers[i] = -1;
    known[i] = self->tensors[i].data != NULL;
  }
  for (guint i = 0; i < self->n_inputs; i++) {
    if (known[self->inputs[i]])
      rtk_flatbuffer_fail (reader, "an input is a constant");
    known[self->inputs[i]] = TRUE;
  }
  for (guint i = 0; i < self->n_nodes; i++) {
    const RtkTfliteNode *node = &self->nodes[i];

    for (int k = 0; k < node->n_inputs; k++)
      if (!known[node->inputs[k]])
        rtk_flatbuffer_fail (reader, "a tensor is used before it is computed");
    for (int k = 0; k < node->n_outputs; k++) {
      if (known[node->outputs[k]])
        rtk_flatbuffer_fail (reader, "a tensor is computed twice");
      known[node->outputs[k]] = TRUE;
      self->producers[node->outputs[k]] = (int)i;
    }
  }
  for (guint i = 0; i < self->n_outputs; i++)
    if (!known[self->outputs[i]])
      rtk_flatbuffer_fail (reader, "an output is never computed");
}

static void
read_model (RtkFlatbuffer *reader, RtkTflite *self)
{
  RtkFlatbufferTable  model = rtk_flatbuffer_read_table (reader, rtk_flatbuffer_follow (reader, 0));
  RtkFlatbufferVector codes = rtk_flatbuffer_field_vector (reader, &model, 1, 4, MAX_ITEMS);
  RtkFlatbufferVector graphs = rtk_flatbuffer_field_vector (reader, &model, 2, 4, 1);
  RtkFlatbufferVector buffers = rtk_flatbuffer_field_vector (reader, &model, 4, 4, 2 * MAX_ITEMS);
  RtkFlatbufferTable  graph;
  RtkFlatbufferVector tensors, nodes;

  if (reader->problem != NULL || graphs.n_items != 1) {
    rtk_flatbuffer_fail (reader, "there is no graph");
    return;
  }
  graph = rtk_flatbuffer_vector_table (reader, &graphs, 0);
  tensors = rtk_flatbuffer_field_vector (reader, &graph, 0, 4, MAX_ITEMS);
  nodes = rtk_flatbuffer_field_vector (reader, &graph, 3, 4, MAX_ITEMS);
  self->n_tensors = (guint)tensors.n_items;
  self->n_nodes = (guint)nodes.n_items;
  self->tensors = g_new0 (RtkTfliteTensor, self->n_tensors);
  self->producers = g_new0 (int, self->n_tensors);
  self->nodes = g_new0 (RtkTfliteNode, self->n_nodes);
  self->inputs = g_new0 (int, 16);
  self->outputs = g_new0 (int, 16);
  self->n_inputs = (guint)read_tensor_list (reader, &graph, 1, self->n_tensors, self->inputs, 16);
  self->n_outputs = (guint)read_tensor_list (reader, &graph, 2, self->n_tensors, self->outputs, 16);
  for (guint i = 0; i < self->n_tensors && reader->problem == NULL; i++) {
    RtkFlatbufferTable table = rtk_flatbuffer_vector_table (reader, &tensors, i);

    read_tensor (reader, &table, &buffers, &self->tensors[i]);
  }
  for (guint i = 0; i < self->n_nodes && reader->problem == NULL; i++) {
    RtkFlatbufferTable table = rtk_flatbuffer_vector_table (reader, &nodes, i);

    read_node (reader, &table, &codes, self->n_tensors, &self->nodes[i]);
  }
  if (reader->problem == NULL)
    check_order (reader, self);
}

/* IEEE 754 half to single; exact, subnormals and infinities too. */
static float
half_to_float (guint16 half)
{
  union {
    guint32 bits;
    float   value;
  } single;
  guint32 sign = (guint32)(half & 0x8000) << 16;
  guint32 exponent = (half >> 10) & 0x1f;
  guint32 mantissa = half & 0x3ff;

  if (exponent == 0) {
    float value = (float)mantissa * 0x1p-24f;

    return sign != 0 ? -value : value;
  }
  if (exponent == 0x1f)
    single.bits = sign | 0x7f800000u | (mantissa << 13);
  else
    single.bits = sign | ((exponent + 112) << 23) | (mantissa << 13);
  return single.value;
}

/* The tensor that holds the bytes of constant @tensor: weights are halves behind a DEQUANTIZE. */
static const RtkTfliteTensor *
find_constant (const RtkTflite *self, int tensor)
{
  const RtkTfliteTensor *found = &self->tensors[tensor];
  const RtkTfliteNode   *node = rtk_tflite_get_producer (self, tensor);

  if (found->data != NULL)
    return found;
  if (node == NULL || node->op != RTK_TFLITE_DEQUANTIZE)
    return NULL;
  found = &self->tensors[node->inputs[0]];
  if (found->data == NULL || found->n_elements != self->tensors[tensor].n_elements)
    return NULL;
  return found;
}

/**
 * rtk_tflite_new:
 * @bytes: a whole file; a reference is taken
 * @error: return location for a #RtkError
 *
 * Reads a model and checks that all in it hangs together.
 *
 * Blocking, about a millisecond. Any thread. Fails with `MODEL_DAMAGED`, whatever the bytes are.
 *
 * Returns: (transfer full) (nullable): the model, to be freed with rtk_tflite_free()
 */
RtkTflite *
rtk_tflite_new (GBytes *bytes, GError **error)
{
  g_autoptr (RtkTflite) self = g_new0 (RtkTflite, 1);
  RtkFlatbuffer reader = {0};

  self->bytes = g_bytes_ref (bytes);
  reader.data = g_bytes_get_data (bytes, &reader.size);
  if (reader.size < 8 || reader.size > MAX_FILE_BYTES || memcmp (reader.data + 4, "TFL3", 4) != 0)
    rtk_flatbuffer_fail (&reader, "it is not a model");
  else
    read_model (&reader, self);
  if (reader.problem != NULL) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_MODEL_DAMAGED, "The model is damaged: %s",
                 reader.problem);
    return NULL;
  }
  return g_steal_pointer (&self);
}

/**
 * rtk_tflite_free:
 * @self: (transfer full): a model
 *
 * Frees the model; what was duplicated from it stays.
 */
void
rtk_tflite_free (RtkTflite *self)
{
  g_bytes_unref (self->bytes);
  g_free (self->tensors);
  g_free (self->producers);
  g_free (self->nodes);
  g_free (self->inputs);
  g_free (self->outputs);
  g_free (self);
}

/**
 * rtk_tflite_get_n_tensors:
 * @self: a model
 *
 * Returns: number of tensors; they are numbered from 0
 */
guint
rtk_tflite_get_n_tensors (const RtkTflite *self)
{
  return self->n_tensors;
}

/**
 * rtk_tflite_get_tensor:
 * @self: a model
 * @tensor: tensor number
 *
 * Returns: (transfer none): the tensor
 */
const RtkTfliteTensor *
rtk_tflite_get_tensor (const RtkTflite *self, int tensor)
{
  g_return_val_if_fail (tensor >= 0 && (guint)tensor < self->n_tensors, NULL);
  return &self->tensors[tensor];
}

/**
 * rtk_tflite_get_n_nodes:
 * @self: a model
 *
 * Returns: number of operators; each comes after those whose results it uses
 */
guint
rtk_tflite_get_n_nodes (const RtkTflite *self)
{
  return self->n_nodes;
}

/**
 * rtk_tflite_get_node:
 * @self: a model
 * @node: operator number
 *
 * Returns: (transfer none): the operator
 */
const RtkTfliteNode *
rtk_tflite_get_node (const RtkTflite *self, guint node)
{
  g_return_val_if_fail (node < self->n_nodes, NULL);
  return &self->nodes[node];
}

/**
 * rtk_tflite_get_inputs:
 * @self: a model
 * @n_inputs: (out): how many
 *
 * Returns: (transfer none) (array length=n_inputs): the tensors that the model is fed with
 */
const int *
rtk_tflite_get_inputs (const RtkTflite *self, guint *n_inputs)
{
  *n_inputs = self->n_inputs;
  return self->inputs;
}

/**
 * rtk_tflite_get_outputs:
 * @self: a model
 * @n_outputs: (out): how many
 *
 * Returns: (transfer none) (array length=n_outputs): the tensors that the model gives
 */
const int *
rtk_tflite_get_outputs (const RtkTflite *self, guint *n_outputs)
{
  *n_outputs = self->n_outputs;
  return self->outputs;
}

/**
 * rtk_tflite_get_producer:
 * @self: a model
 * @tensor: tensor number
 *
 * Returns: (transfer none) (nullable): the operator that computes @tensor, %NULL for inputs and
 *   constants
 */
const RtkTfliteNode *
rtk_tflite_get_producer (const RtkTflite *self, int tensor)
{
  g_return_val_if_fail (tensor >= 0 && (guint)tensor < self->n_tensors, NULL);
  return self->producers[tensor] < 0 ? NULL : &self->nodes[self->producers[tensor]];
}

/**
 * rtk_tflite_is_constant:
 * @self: a model
 * @tensor: tensor number
 *
 * Returns: whether the file holds the values of @tensor, as they are or as halves
 */
gboolean
rtk_tflite_is_constant (const RtkTflite *self, int tensor)
{
  g_return_val_if_fail (tensor >= 0 && (guint)tensor < self->n_tensors, FALSE);
  return find_constant (self, tensor) != NULL;
}

/**
 * rtk_tflite_dup_floats:
 * @self: a model
 * @tensor: a constant of floats or halves
 * @n_spare: bytes to add behind the values, for kernels that read further than they need
 *
 * Copies the values of @tensor, halves turned into floats.
 *
 * Returns: (transfer full) (nullable): the values, %NULL if @tensor is no constant of this kind
 */
float *
rtk_tflite_dup_floats (const RtkTflite *self, int tensor, gsize n_spare)
{
  const RtkTfliteTensor *constant = find_constant (self, tensor);
  float                 *values;

  if (constant == NULL || constant->type == RTK_TFLITE_I32)
    return NULL;
  values = g_malloc0 (constant->n_elements * sizeof (float) + n_spare);
  for (gsize i = 0; i < constant->n_elements; i++) {
    if (constant->type == RTK_TFLITE_F16) {
      guint16 half;

      memcpy (&half, constant->data + 2 * i, sizeof half);
      values[i] = half_to_float (GUINT16_FROM_LE (half));
    } else {
      guint32 bits;

      memcpy (&bits, constant->data + 4 * i, sizeof bits);
      bits = GUINT32_FROM_LE (bits);
      memcpy (&values[i], &bits, sizeof bits);
    }
  }
  return values;
}

/**
 * rtk_tflite_dup_ints:
 * @self: a model
 * @tensor: a constant of integers
 *
 * Copies the values of @tensor.
 *
 * Returns: (transfer full) (nullable): the values, %NULL if @tensor is no constant of this kind
 */
gint32 *
rtk_tflite_dup_ints (const RtkTflite *self, int tensor)
{
  const RtkTfliteTensor *constant = find_constant (self, tensor);
  gint32                *values;

  if (constant == NULL || constant->type != RTK_TFLITE_I32)
    return NULL;
  values = g_new (gint32, constant->n_elements);
  for (gsize i = 0; i < constant->n_elements; i++) {
    guint32 bits;

    memcpy (&bits, constant->data + 4 * i, sizeof bits);
    values[i] = (gint32)GUINT32_FROM_LE (bits);
  }
  return values;
}
