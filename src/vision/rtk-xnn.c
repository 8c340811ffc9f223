/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-xnn.h"

#include "core/rtk-error.h"
#include "vision/rtk-tflite-shape-private.h"

#include <math.h>
#include <pthreadpool.h>
#include <xnnpack.h>

/* A network has one input and few outputs. */
#define MAX_EXTERNAL 16

struct _RtkXnn {
  xnn_runtime_t runtime;    /* (owned) */
  pthreadpool_t threadpool; /* (owned) (nullable): NULL runs on the caller's thread */
  GPtrArray    *constants;  /* (owned) (element-type float): XNNPACK keeps pointers into them */
  float        *buffers[MAX_EXTERNAL]; /* (owned): inputs, then outputs */
  gsize         n_elements[MAX_EXTERNAL];
  guint         n_inputs;
  guint         n_outputs;
};

/* What is needed while the graph is translated. */
typedef struct {
  const RtkTflite *model;
  RtkXnn          *network;
  xnn_subgraph_t   subgraph;
  gboolean        *wanted; /* (owned): by tensor: some output depends on it */
  uint32_t        *values; /* (owned): XNNPACK's number of each tensor, or XNN_INVALID_VALUE_ID */
} Builder;

/* The library counts its own initialisations and must not be shut down while a network lives. */
static gboolean
library_ready (void)
{
  static gsize state = 0;

  if (g_once_init_enter (&state))
    g_once_init_leave (&state, xnn_initialize (NULL) == xnn_status_success ? 1 : 2);
  return state == 1;
}

static gboolean
refuse (GError **error, const char *what)
{
  g_set_error (error, RTK_ERROR, RTK_ERROR_MODEL_DAMAGED, "The model is damaged: %s", what);
  return FALSE;
}

static void
get_range (const RtkTfliteNode *node, float *min, float *max)
{
  *min = node->activation == RTK_TFLITE_LINEAR ? -INFINITY : 0.f;
  *max = node->activation == RTK_TFLITE_ACT_RELU6 ? 6.f : INFINITY;
}

/* The operators whose names changed. */

#ifdef HAVE_XNN_DEFINE_UNARY
static enum xnn_status
define_elementwise (xnn_subgraph_t subgraph, RtkTfliteOp op, uint32_t from, uint32_t to)
{
  const union xnn_unary_params relu = {.clamp = {.min = 0.f, .max = INFINITY}};

  if (op == RTK_TFLITE_RELU)
    return xnn_define_unary (subgraph, xnn_unary_clamp, &relu, from, to, 0);
  return xnn_define_unary (subgraph,
                           op == RTK_TFLITE_LOGISTIC ? xnn_unary_sigmoid : xnn_unary_hardswish,
                           NULL, from, to, 0);
}

static enum xnn_status
define_prelu (xnn_subgraph_t subgraph, uint32_t from, uint32_t slope, uint32_t to)
{
  return xnn_define_binary (subgraph, xnn_binary_prelu, NULL, from, slope, to, 0);
}

static enum xnn_status
define_arithmetic (
    xnn_subgraph_t subgraph, const RtkTfliteNode *node, uint32_t a, uint32_t b, uint32_t to)
{
  struct xnn_binary_params params;
  float                    low;
  float                    high;

  /* The parameters are doubles here, whatever the tensors are. */
  get_range (node, &low, &high);
  params.output_min = low;
  params.output_max = high;
  return xnn_define_binary (subgraph,
                            node->op == RTK_TFLITE_ADD ? xnn_binary_add : xnn_binary_multiply,
                            &params, a, b, to, 0);
}

static enum xnn_status
define_global_average (xnn_subgraph_t subgraph, uint32_t from, uint32_t to)
{
  static const size_t axes[] = {1, 2};

  return xnn_define_static_reduce (subgraph, xnn_reduce_mean, 2, axes, from, to,
                                   XNN_FLAG_KEEP_DIMS);
}

static enum xnn_status
connect_buffers (xnn_runtime_t runtime, size_t n, const struct xnn_external_value *values)
{
  enum xnn_status status = xnn_reshape_runtime (runtime);

  return status == xnn_status_success ? xnn_setup_runtime_v2 (runtime, n, values) : status;
}
#else
static enum xnn_status
define_elementwise (xnn_subgraph_t subgraph, RtkTfliteOp op, uint32_t from, uint32_t to)
{
  if (op == RTK_TFLITE_RELU)
    return xnn_define_clamp (subgraph, 0.f, INFINITY, from, to, 0);
  if (op == RTK_TFLITE_LOGISTIC)
    return xnn_define_sigmoid (subgraph, from, to, 0);
  return xnn_define_hardswish (subgraph, from, to, 0);
}

static enum xnn_status
define_prelu (xnn_subgraph_t subgraph, uint32_t from, uint32_t slope, uint32_t to)
{
  return xnn_define_prelu (subgraph, from, slope, to, 0);
}

static enum xnn_status
define_arithmetic (
    xnn_subgraph_t subgraph, const RtkTfliteNode *node, uint32_t a, uint32_t b, uint32_t to)
{
  float min, max;

  get_range (node, &min, &max);
  if (node->op == RTK_TFLITE_ADD)
    return xnn_define_add2 (subgraph, min, max, a, b, to, 0);
  return xnn_define_multiply2 (subgraph, min, max, a, b, to, 0);
}

static enum xnn_status
define_global_average (xnn_subgraph_t subgraph, uint32_t from, uint32_t to)
{
  return xnn_define_global_average_pooling_2d (subgraph, -INFINITY, INFINITY, from, to, 0);
}

static enum xnn_status
connect_buffers (xnn_runtime_t runtime, size_t n, const struct xnn_external_value *values)
{
  return xnn_setup_runtime (runtime, n, values);
}
#endif

static const RtkTfliteTensor *
tensor_of (const Builder *builder, int tensor)
{
  return rtk_tflite_get_tensor (builder->model, tensor);
}

static void
copy_dims (const RtkTfliteTensor *tensor, size_t *dims)
{
  for (int i = 0; i < tensor->rank; i++)
    dims[i] = (size_t)tensor->dims[i];
}

/* Value of constant @tensor under a shape of its own. */
static uint32_t
define_constant (Builder *builder, int tensor, size_t rank, const size_t *dims)
{
  float   *data = rtk_tflite_dup_floats (builder->model, tensor, XNN_EXTRA_BYTES);
  uint32_t id = XNN_INVALID_VALUE_ID;

  if (data == NULL)
    return id;
  g_ptr_array_add (builder->network->constants, data);
  if (xnn_define_tensor_value (builder->subgraph, xnn_datatype_fp32, rank, dims, data,
                               XNN_INVALID_VALUE_ID, 0, &id) != xnn_status_success)
    return XNN_INVALID_VALUE_ID;
  return id;
}

static uint32_t
define_constant_as_is (Builder *builder, int tensor)
{
  const RtkTfliteTensor *shape = tensor_of (builder, tensor);
  size_t                 dims[RTK_TFLITE_MAX_RANK];

  copy_dims (shape, dims);
  return define_constant (builder, tensor, (size_t)shape->rank, dims);
}

/* Value of a tensor that some operator computes, or of an input or output. */
static uint32_t
define_computed (Builder *builder, int tensor, uint32_t external_id, uint32_t flags)
{
  const RtkTfliteTensor *shape = tensor_of (builder, tensor);
  size_t                 dims[RTK_TFLITE_MAX_RANK];
  uint32_t               id = XNN_INVALID_VALUE_ID;

  copy_dims (shape, dims);
  if (shape->type != RTK_TFLITE_F32 ||
      xnn_define_tensor_value (builder->subgraph, xnn_datatype_fp32, (size_t)shape->rank, dims,
                               NULL, external_id, flags, &id) != xnn_status_success)
    return XNN_INVALID_VALUE_ID;
  return id;
}

/* The value of an operand, made on first use: a constant or what came before. */
static uint32_t
value_of (Builder *builder, int tensor)
{
  if (builder->values[tensor] == XNN_INVALID_VALUE_ID) {
    if (rtk_tflite_is_constant (builder->model, tensor))
      builder->values[tensor] = define_constant_as_is (builder, tensor);
    else
      builder->values[tensor] = define_computed (builder, tensor, XNN_INVALID_VALUE_ID, 0);
  }
  return builder->values[tensor];
}

static gboolean
add_convolution (Builder *builder, const RtkTfliteNode *node)
{
  const RtkTfliteTensor *from = tensor_of (builder, node->inputs[0]);
  const RtkTfliteTensor *filter = tensor_of (builder, node->inputs[1]);
  const RtkTfliteTensor *to = tensor_of (builder, node->outputs[0]);
  uint32_t               flags = node->same_padding ? XNN_FLAG_TENSORFLOW_SAME_PADDING : 0;
  uint32_t               filter_h = (uint32_t)filter->dims[1];
  uint32_t               filter_w = (uint32_t)filter->dims[2];
  uint32_t               source = value_of (builder, node->inputs[0]);
  uint32_t               weights = value_of (builder, node->inputs[1]);
  uint32_t               bias = value_of (builder, node->inputs[2]);
  uint32_t               target = value_of (builder, node->outputs[0]);
  float                  min, max;

  get_range (node, &min, &max);
  if (node->op == RTK_TFLITE_TRANSPOSE_CONV_BIAS)
    return xnn_define_deconvolution_2d (builder->subgraph, 0, 0, 0, 0, 0, 0, filter_h, filter_w,
                                        (uint32_t)node->stride_h, (uint32_t)node->stride_w, 1, 1, 1,
                                        (size_t)from->dims[3], (size_t)to->dims[3], min, max,
                                        source, weights, bias, target, 0) == xnn_status_success;
  if (node->op == RTK_TFLITE_DEPTHWISE_CONV)
    return xnn_define_depthwise_convolution_2d (
               builder->subgraph, 0, 0, 0, 0, filter_h, filter_w, (uint32_t)node->stride_h,
               (uint32_t)node->stride_w, (uint32_t)node->dilation_h, (uint32_t)node->dilation_w,
               (uint32_t)node->multiplier, (size_t)from->dims[3], min, max, source, weights, bias,
               target, flags) == xnn_status_success;
  return xnn_define_convolution_2d (builder->subgraph, 0, 0, 0, 0, filter_h, filter_w,
                                    (uint32_t)node->stride_h, (uint32_t)node->stride_w,
                                    (uint32_t)node->dilation_h, (uint32_t)node->dilation_w, 1,
                                    (size_t)from->dims[3], (size_t)to->dims[3], min, max, source,
                                    weights, bias, target, flags) == xnn_status_success;
}

static gboolean
add_max_pool (Builder *builder, const RtkTfliteNode *node)
{
  uint32_t source = value_of (builder, node->inputs[0]);
  uint32_t target = value_of (builder, node->outputs[0]);
  uint32_t flags = node->same_padding ? XNN_FLAG_TENSORFLOW_SAME_PADDING : 0;
  float    min, max;

  get_range (node, &min, &max);
  return xnn_define_max_pooling_2d (builder->subgraph, 0, 0, 0, 0, (uint32_t)node->filter_h,
                                    (uint32_t)node->filter_w, (uint32_t)node->stride_h,
                                    (uint32_t)node->stride_w, 1, 1, min, max, source, target,
                                    flags) == xnn_status_success;
}

/* The file's slope is 1 x 1 x channels; XNNPACK wants a list of channels over the same data. */
static gboolean
add_prelu (Builder *builder, const RtkTfliteNode *node)
{
  size_t   channels = tensor_of (builder, node->inputs[1])->n_elements;
  uint32_t slope = define_constant (builder, node->inputs[1], 1, &channels);

  return define_prelu (builder->subgraph, value_of (builder, node->inputs[0]), slope,
                       value_of (builder, node->outputs[0])) == xnn_status_success;
}

static gboolean
add_pad (Builder *builder, const RtkTfliteNode *node)
{
  g_autofree gint32 *amounts = rtk_tflite_dup_ints (builder->model, node->inputs[1]);
  size_t             before[RTK_TFLITE_MAX_RANK] = {0};
  size_t             after[RTK_TFLITE_MAX_RANK] = {0};

  for (int i = 0; i < tensor_of (builder, node->inputs[0])->rank; i++) {
    before[i] = (size_t)amounts[2 * i];
    after[i] = (size_t)amounts[2 * i + 1];
  }
  return xnn_define_static_constant_pad (
             builder->subgraph, before, after, 0.f, value_of (builder, node->inputs[0]),
             value_of (builder, node->outputs[0]), 0) == xnn_status_success;
}

/* One operator whose shapes have been checked. */
static gboolean
add_node (Builder *builder, const RtkTfliteNode *node)
{
  const RtkTfliteTensor *to = tensor_of (builder, node->outputs[0]);
  uint32_t               source = value_of (builder, node->inputs[0]);
  uint32_t               target = value_of (builder, node->outputs[0]);
  size_t                 dims[RTK_TFLITE_MAX_RANK];
  enum xnn_status        status = xnn_status_unsupported_parameter;

  switch ((int)node->op) {
  case RTK_TFLITE_CONV:
  case RTK_TFLITE_DEPTHWISE_CONV:
  case RTK_TFLITE_TRANSPOSE_CONV_BIAS:
    return add_convolution (builder, node);
  case RTK_TFLITE_MAX_POOL:
    return add_max_pool (builder, node);
  case RTK_TFLITE_PRELU:
    return add_prelu (builder, node);
  case RTK_TFLITE_PAD:
    return add_pad (builder, node);
  case RTK_TFLITE_AVERAGE_POOL:
    status = define_global_average (builder->subgraph, source, target);
    break;
  case RTK_TFLITE_ADD:
  case RTK_TFLITE_MUL:
    status = define_arithmetic (builder->subgraph, node, source,
                                value_of (builder, node->inputs[1]), target);
    break;
  case RTK_TFLITE_RELU:
  case RTK_TFLITE_LOGISTIC:
  case RTK_TFLITE_HARD_SWISH:
    status = define_elementwise (builder->subgraph, node->op, source, target);
    break;
  case RTK_TFLITE_RESHAPE:
    copy_dims (to, dims);
    status =
        xnn_define_static_reshape (builder->subgraph, (size_t)to->rank, dims, source, target, 0);
    break;
  case RTK_TFLITE_RESIZE_BILINEAR:
    status = xnn_define_static_resize_bilinear_2d (builder->subgraph, (size_t)to->dims[1],
                                                   (size_t)to->dims[2], source, target, 0);
    break;
  default:
    break;
  }
  return status == xnn_status_success;
}

static void
builder_clear (Builder *builder)
{
  if (builder->subgraph != NULL)
    xnn_delete_subgraph (builder->subgraph);
  g_free (builder->wanted);
  g_free (builder->values);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Builder, builder_clear)

/* Inputs and outputs get buffers of ours and are numbered from 0. */
static gboolean
define_external (Builder *builder, const int *tensors, guint n_tensors, uint32_t flags)
{
  RtkXnn *network = builder->network;

  for (guint i = 0; i < n_tensors; i++) {
    const RtkTfliteTensor *tensor = tensor_of (builder, tensors[i]);
    guint                  slot = network->n_inputs + network->n_outputs;

    if (builder->values[tensors[i]] != XNN_INVALID_VALUE_ID ||
        rtk_tflite_is_constant (builder->model, tensors[i]))
      return FALSE;
    if (flags == XNN_VALUE_FLAG_EXTERNAL_OUTPUT &&
        rtk_tflite_get_producer (builder->model, tensors[i]) == NULL)
      return FALSE;
    builder->values[tensors[i]] = define_computed (builder, tensors[i], slot, flags);
    if (builder->values[tensors[i]] == XNN_INVALID_VALUE_ID)
      return FALSE;
    network->n_elements[slot] = tensor->n_elements;
    network->buffers[slot] = g_malloc0 (tensor->n_elements * sizeof (float) + XNN_EXTRA_BYTES);
    if (flags == XNN_VALUE_FLAG_EXTERNAL_INPUT)
      network->n_inputs++;
    else
      network->n_outputs++;
  }
  return TRUE;
}

/* Walks backwards: only what leads from the inputs to a wanted output is built. */
static void
mark_wanted (Builder *builder, const gboolean *is_input, const int *outputs, guint n_outputs)
{
  for (guint i = 0; i < n_outputs; i++)
    builder->wanted[outputs[i]] = TRUE;
  for (guint i = rtk_tflite_get_n_nodes (builder->model); i-- > 0;) {
    const RtkTfliteNode *node = rtk_tflite_get_node (builder->model, i);

    if (!builder->wanted[node->outputs[0]] || is_input[node->outputs[0]])
      continue;
    for (int k = 0; k < node->n_inputs; k++)
      builder->wanted[node->inputs[k]] = TRUE;
  }
}

/* A network cut at the wrong place would read memory that nothing has written; and a computed
 * operand that the operator does not read would get none: XNNPACK aborts on such a value. */
static gboolean
operands_ready (const Builder *builder, const RtkTfliteNode *node)
{
  gboolean reads_two = node->op == RTK_TFLITE_ADD || node->op == RTK_TFLITE_MUL;

  for (int i = 0; i < node->n_inputs; i++) {
    if (rtk_tflite_is_constant (builder->model, node->inputs[i]))
      continue;
    if (builder->values[node->inputs[i]] == XNN_INVALID_VALUE_ID || (i > 0 && !reads_two))
      return FALSE;
  }
  return TRUE;
}

static gboolean
build_nodes (Builder *builder, const gboolean *is_input, GError **error)
{
  for (guint i = 0; i < rtk_tflite_get_n_nodes (builder->model); i++) {
    const RtkTfliteNode *node = rtk_tflite_get_node (builder->model, i);

    if (!builder->wanted[node->outputs[0]] || is_input[node->outputs[0]] ||
        rtk_tflite_is_constant (builder->model, node->outputs[0]))
      continue;
    if (!rtk_tflite_node_fits (builder->model, node) || !operands_ready (builder, node) ||
        !add_node (builder, node)) {
      g_set_error (error, RTK_ERROR, RTK_ERROR_MODEL_DAMAGED,
                   "The model is damaged: operator %u (%d) does not fit its tensors", i,
                   (int)node->op);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
create_runtime (Builder *builder, guint n_threads, GError **error)
{
  RtkXnn                   *self = builder->network;
  struct xnn_external_value external[MAX_EXTERNAL];
  guint                     n = self->n_inputs + self->n_outputs;

  if (n_threads > 1)
    self->threadpool = pthreadpool_create (n_threads);
  if (xnn_create_runtime_v2 (builder->subgraph, self->threadpool, 0, &self->runtime) !=
      xnn_status_success)
    return refuse (error, "its graph cannot be run");
  for (guint i = 0; i < n; i++)
    external[i] = (struct xnn_external_value){.id = i, .data = self->buffers[i]};
  if (connect_buffers (self->runtime, n, external) != xnn_status_success)
    return refuse (error, "its graph cannot be run");
  return TRUE;
}

/**
 * rtk_xnn_new:
 * @model: a model; not needed any more when this returns
 * @inputs: (array length=n_inputs): tensors that the caller fills
 * @n_inputs: how many
 * @outputs: (array length=n_outputs): tensors that the caller wants
 * @n_outputs: how many; with the inputs at most 16
 * @n_threads: 1 to run on the caller's thread alone, else the size of a pool of its own
 * @error: return location for a #RtkError
 *
 * Prepares to compute @outputs from @inputs; other outputs of the model cost nothing.
 *
 * Blocking, up to 10 ms. Any thread. Fails with `MODEL_DAMAGED` if the graph does not hang
 * together, and with `BACKEND` if XNNPACK does not run on this processor.
 *
 * Returns: (transfer full) (nullable): a network, to be freed with rtk_xnn_free()
 */
RtkXnn *
rtk_xnn_new (const RtkTflite *model,
             const int       *inputs,
             guint            n_inputs,
             const int       *outputs,
             guint            n_outputs,
             guint            n_threads,
             GError         **error)
{
  g_autoptr (RtkXnn) self = NULL;
  g_auto (Builder) builder = {.model = model};
  g_autofree gboolean *is_input = NULL;
  guint                n_tensors = rtk_tflite_get_n_tensors (model);

  g_return_val_if_fail (n_inputs > 0 && n_outputs > 0 && n_inputs + n_outputs <= MAX_EXTERNAL,
                        NULL);
  for (guint i = 0; i < n_inputs + n_outputs; i++) {
    int tensor = i < n_inputs ? inputs[i] : outputs[i - n_inputs];

    if (tensor < 0 || (guint)tensor >= n_tensors) {
      refuse (error, "a tensor that is needed is not there");
      return NULL;
    }
  }
  if (!library_ready ()) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BACKEND,
                         "XNNPACK does not run on this processor");
    return NULL;
  }
  self = g_new0 (RtkXnn, 1);
  self->constants = g_ptr_array_new_with_free_func (g_free);
  builder.network = self;
  builder.wanted = g_new0 (gboolean, n_tensors);
  builder.values = g_new (uint32_t, n_tensors);
  is_input = g_new0 (gboolean, n_tensors);
  for (guint i = 0; i < n_tensors; i++)
    builder.values[i] = XNN_INVALID_VALUE_ID;
  for (guint i = 0; i < n_inputs; i++)
    is_input[inputs[i]] = TRUE;
  if (xnn_create_subgraph (n_inputs + n_outputs, 0, &builder.subgraph) != xnn_status_success ||
      !define_external (&builder, inputs, n_inputs, XNN_VALUE_FLAG_EXTERNAL_INPUT) ||
      !define_external (&builder, outputs, n_outputs, XNN_VALUE_FLAG_EXTERNAL_OUTPUT)) {
    refuse (error, "its inputs or outputs are not usable");
    return NULL;
  }
  mark_wanted (&builder, is_input, outputs, n_outputs);
  if (!build_nodes (&builder, is_input, error) || !create_runtime (&builder, n_threads, error))
    return NULL;
  return g_steal_pointer (&self);
}

/**
 * rtk_xnn_free:
 * @self: (transfer full): a network
 *
 * Frees the network and its buffers.
 */
void
rtk_xnn_free (RtkXnn *self)
{
  if (self->runtime != NULL)
    xnn_delete_runtime (self->runtime);
  if (self->threadpool != NULL)
    pthreadpool_destroy (self->threadpool);
  for (guint i = 0; i < MAX_EXTERNAL; i++)
    g_free (self->buffers[i]);
  g_ptr_array_unref (self->constants);
  g_free (self);
}

/**
 * rtk_xnn_get_input:
 * @self: a network
 * @input: place in the list given to rtk_xnn_new()
 * @n_elements: (out) (optional): how many floats
 *
 * Returns: (transfer none): the buffer to fill before rtk_xnn_run()
 */
float *
rtk_xnn_get_input (RtkXnn *self, guint input, gsize *n_elements)
{
  g_return_val_if_fail (input < self->n_inputs, NULL);
  if (n_elements != NULL)
    *n_elements = self->n_elements[input];
  return self->buffers[input];
}

/**
 * rtk_xnn_get_output:
 * @self: a network
 * @output: place in the list given to rtk_xnn_new()
 * @n_elements: (out) (optional): how many floats
 *
 * Returns: (transfer none): the buffer that rtk_xnn_run() fills
 */
float *
rtk_xnn_get_output (RtkXnn *self, guint output, gsize *n_elements)
{
  g_return_val_if_fail (output < self->n_outputs, NULL);
  if (n_elements != NULL)
    *n_elements = self->n_elements[self->n_inputs + output];
  return self->buffers[self->n_inputs + output];
}

/**
 * rtk_xnn_run:
 * @self: a network
 * @error: return location for a #RtkError
 *
 * Computes the outputs from what is in the inputs.
 *
 * Blocking, 0.1 to 10 ms. Fails with `BACKEND` if XNNPACK fails.
 *
 * Returns: %TRUE on success
 */
gboolean
rtk_xnn_run (RtkXnn *self, GError **error)
{
  if (xnn_invoke_runtime (self->runtime) == xnn_status_success)
    return TRUE;
  g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BACKEND, "A network could not be run");
  return FALSE;
}
