/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-tflite-shape-private.h"

/* Whatever runs the graph believes the shapes it is told and works on raw memory: so each
 * operator's shapes are checked against what it will read and write. */

static gboolean
has_shape (const RtkTfliteTensor *tensor, int n, int height, int width, int channels)
{
  return tensor->rank == 4 && tensor->dims[0] == n && tensor->dims[1] == height &&
         tensor->dims[2] == width && tensor->dims[3] == channels;
}

static gboolean
same_shape (const RtkTfliteTensor *a, const RtkTfliteTensor *b)
{
  if (a->rank != b->rank)
    return FALSE;
  for (int i = 0; i < a->rank; i++)
    if (a->dims[i] != b->dims[i])
      return FALSE;
  return TRUE;
}

/* Output length of a window that moves along an axis, -1 if it does not fit. */
static int
window_length (gboolean same, int length, int filter, int dilation, int stride)
{
  gint64 effective = (gint64)(filter - 1) * dilation + 1;

  if (same)
    return (length + stride - 1) / stride;
  return effective > length ? -1 : (int)((length - effective) / stride + 1);
}

static gboolean
window_fits (const RtkTfliteNode   *node,
             const RtkTfliteTensor *from,
             const RtkTfliteTensor *to,
             int                    filter_h,
             int                    filter_w,
             int                    channels)
{
  int height = window_length (node->same_padding, from->dims[1], filter_h,
                              MAX (node->dilation_h, 1), node->stride_h);
  int width = window_length (node->same_padding, from->dims[2], filter_w, MAX (node->dilation_w, 1),
                             node->stride_w);

  return has_shape (to, from->dims[0], height, width, channels);
}

/* Filter and bias of a convolution are constants; its channels are those of the data. */
static gboolean
convolution_fits (const RtkTflite *model, const RtkTfliteNode *node)
{
  const RtkTfliteTensor *from = rtk_tflite_get_tensor (model, node->inputs[0]);
  const RtkTfliteTensor *to = rtk_tflite_get_tensor (model, node->outputs[0]);
  const RtkTfliteTensor *filter;
  const RtkTfliteTensor *bias;

  if (node->n_inputs != 3 || from->rank != 4)
    return FALSE;
  filter = rtk_tflite_get_tensor (model, node->inputs[1]);
  bias = rtk_tflite_get_tensor (model, node->inputs[2]);
  if (filter->rank != 4 || bias->rank != 1 || !rtk_tflite_is_constant (model, node->inputs[1]) ||
      !rtk_tflite_is_constant (model, node->inputs[2]))
    return FALSE;
  if (node->op == RTK_TFLITE_DEPTHWISE_CONV)
    return filter->dims[0] == 1 && bias->dims[0] == filter->dims[3] &&
           filter->dims[3] == from->dims[3] * node->multiplier &&
           window_fits (node, from, to, filter->dims[1], filter->dims[2], bias->dims[0]);
  if (filter->dims[3] != from->dims[3] || bias->dims[0] != filter->dims[0])
    return FALSE;
  if (node->op == RTK_TFLITE_CONV)
    return window_fits (node, from, to, filter->dims[1], filter->dims[2], bias->dims[0]);
  /* Transposed: only windows as large as their step, so nothing overlaps and nothing is cut. */
  return filter->dims[1] == node->stride_h && filter->dims[2] == node->stride_w &&
         has_shape (to, from->dims[0], from->dims[1] * node->stride_h,
                    from->dims[2] * node->stride_w, bias->dims[0]);
}

static gboolean
pool_fits (const RtkTfliteNode *node, const RtkTfliteTensor *from, const RtkTfliteTensor *to)
{
  if (from->rank != 4 ||
      !window_fits (node, from, to, node->filter_h, node->filter_w, from->dims[3]))
    return FALSE;
  /* The networks average over whole pictures only. */
  return node->op == RTK_TFLITE_MAX_POOL ||
         (node->filter_h == from->dims[1] && node->filter_w == from->dims[2] && to->dims[1] == 1 &&
          to->dims[2] == 1 && node->activation == RTK_TFLITE_LINEAR);
}

/* Each dimension is equal, or 1 on one side; the sides count from the last dimension. */
static gboolean
arithmetic_fits (const RtkTflite *model, const RtkTfliteNode *node)
{
  const RtkTfliteTensor *to = rtk_tflite_get_tensor (model, node->outputs[0]);
  const RtkTfliteTensor *a = rtk_tflite_get_tensor (model, node->inputs[0]);
  const RtkTfliteTensor *b;

  if (node->n_inputs != 2)
    return FALSE;
  b = rtk_tflite_get_tensor (model, node->inputs[1]);
  if (to->rank != MAX (a->rank, b->rank))
    return FALSE;
  for (int i = 1; i <= to->rank; i++) {
    int left = i <= a->rank ? a->dims[a->rank - i] : 1;
    int right = i <= b->rank ? b->dims[b->rank - i] : 1;

    if ((left != right && left != 1 && right != 1) || to->dims[to->rank - i] != MAX (left, right))
      return FALSE;
  }
  return TRUE;
}

static gboolean
prelu_fits (const RtkTflite *model, const RtkTfliteNode *node)
{
  const RtkTfliteTensor *from = rtk_tflite_get_tensor (model, node->inputs[0]);

  return node->n_inputs == 2 && from->rank == 4 &&
         same_shape (from, rtk_tflite_get_tensor (model, node->outputs[0])) &&
         rtk_tflite_is_constant (model, node->inputs[1]) &&
         rtk_tflite_get_tensor (model, node->inputs[1])->n_elements == (gsize)from->dims[3];
}

static gboolean
pad_fits (const RtkTflite *model, const RtkTfliteNode *node)
{
  const RtkTfliteTensor *from = rtk_tflite_get_tensor (model, node->inputs[0]);
  const RtkTfliteTensor *to = rtk_tflite_get_tensor (model, node->outputs[0]);
  g_autofree gint32     *amounts = NULL;

  if (node->n_inputs != 2 || from->rank != to->rank ||
      rtk_tflite_get_tensor (model, node->inputs[1])->n_elements != 2 * (gsize)from->rank)
    return FALSE;
  amounts = rtk_tflite_dup_ints (model, node->inputs[1]);
  if (amounts == NULL)
    return FALSE;
  for (int i = 0; i < from->rank; i++) {
    gint64 sum = (gint64)from->dims[i] + amounts[2 * i] + amounts[2 * i + 1];

    if (amounts[2 * i] < 0 || amounts[2 * i + 1] < 0 || sum != to->dims[i])
      return FALSE;
  }
  return TRUE;
}

/**
 * rtk_tflite_node_fits:
 * @model: a model
 * @node: an operator of it
 *
 * Tells whether the shapes of all tensors of @node are those that it works on.
 *
 * Returns: %FALSE also for an operator whose shapes are not known here
 */
gboolean
rtk_tflite_node_fits (const RtkTflite *model, const RtkTfliteNode *node)
{
  const RtkTfliteTensor *from = rtk_tflite_get_tensor (model, node->inputs[0]);
  const RtkTfliteTensor *to = rtk_tflite_get_tensor (model, node->outputs[0]);

  switch (node->op) {
  case RTK_TFLITE_CONV:
  case RTK_TFLITE_DEPTHWISE_CONV:
  case RTK_TFLITE_TRANSPOSE_CONV_BIAS:
    return convolution_fits (model, node);
  case RTK_TFLITE_AVERAGE_POOL:
  case RTK_TFLITE_MAX_POOL:
    return pool_fits (node, from, to);
  case RTK_TFLITE_ADD:
  case RTK_TFLITE_MUL:
    return arithmetic_fits (model, node);
  case RTK_TFLITE_RELU:
  case RTK_TFLITE_LOGISTIC:
  case RTK_TFLITE_HARD_SWISH:
    return same_shape (from, to);
  case RTK_TFLITE_PRELU:
    return prelu_fits (model, node);
  case RTK_TFLITE_PAD:
    return pad_fits (model, node);
  case RTK_TFLITE_RESHAPE:
    return from->n_elements == to->n_elements;
  case RTK_TFLITE_RESIZE_BILINEAR:
    return from->rank == 4 && !node->align_corners && node->half_pixel_centres &&
           has_shape (to, from->dims[0], to->dims[1], to->dims[2], from->dims[3]);
  case RTK_TFLITE_CONCATENATION:
  case RTK_TFLITE_STRIDED_SLICE:
  case RTK_TFLITE_CUSTOM:
  case RTK_TFLITE_DEQUANTIZE:
  default:
    return FALSE;
  }
}
