/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/* Reader of the .tflite files that the networks come in. It knows only what those networks use, and
 * believes nothing: a damaged or hostile file is refused, never followed. */

G_BEGIN_DECLS

#define RTK_TFLITE_MAX_RANK 4
#define RTK_TFLITE_MAX_INPUTS 4
#define RTK_TFLITE_MAX_OUTPUTS 2

/* Element types, numbered as in the file. */
typedef enum {
  RTK_TFLITE_F32 = 0,
  RTK_TFLITE_F16 = 1,
  RTK_TFLITE_I32 = 2,
} RtkTfliteType;

/* Operators, numbered as in the file, but for the one custom operator that is known. */
typedef enum {
  RTK_TFLITE_ADD = 0,
  RTK_TFLITE_AVERAGE_POOL = 1,
  RTK_TFLITE_CONCATENATION = 2,
  RTK_TFLITE_CONV = 3,
  RTK_TFLITE_DEPTHWISE_CONV = 4,
  RTK_TFLITE_DEQUANTIZE = 6,
  RTK_TFLITE_LOGISTIC = 14,
  RTK_TFLITE_MAX_POOL = 17,
  RTK_TFLITE_MUL = 18,
  RTK_TFLITE_RELU = 19,
  RTK_TFLITE_RESHAPE = 22,
  RTK_TFLITE_RESIZE_BILINEAR = 23,
  RTK_TFLITE_CUSTOM = 32,
  RTK_TFLITE_PAD = 34,
  RTK_TFLITE_STRIDED_SLICE = 45,
  RTK_TFLITE_PRELU = 54,
  RTK_TFLITE_HARD_SWISH = 117,
  RTK_TFLITE_TRANSPOSE_CONV_BIAS = 1000,
} RtkTfliteOp;

typedef enum {
  RTK_TFLITE_LINEAR = 0,
  RTK_TFLITE_ACT_RELU = 1,
  RTK_TFLITE_ACT_RELU6 = 3,
} RtkTfliteActivation;

/**
 * RtkTfliteTensor:
 * @type: kind of the elements
 * @rank: number of dimensions, 0 for a scalar
 * @dims: the dimensions, each > 0
 * @n_elements: their product
 * @data: (unowned) (nullable): the constant's bytes, not aligned; %NULL for what is computed
 */
typedef struct {
  RtkTfliteType type;
  int           rank;
  int           dims[RTK_TFLITE_MAX_RANK];
  gsize         n_elements;
  const guint8 *data;
} RtkTfliteTensor;

/**
 * RtkTfliteNode:
 * @op: what it computes
 * @n_inputs: number of @inputs; only a custom operator may have none that matter
 * @inputs: tensor numbers
 * @n_outputs: number of @outputs, at least 1
 * @outputs: tensor numbers
 * @same_padding: pad as TensorFlow's SAME does, else not at all
 * @stride_w: for convolutions and pools, >= 1, as are the next five
 * @activation: applied to the result
 * @half_pixel_centres: for the resize: sample at pixel centres
 *
 * One operator with its options; those that an operator has not are 0.
 */
typedef struct {
  RtkTfliteOp         op;
  int                 n_inputs;
  int                 inputs[RTK_TFLITE_MAX_INPUTS];
  int                 n_outputs;
  int                 outputs[RTK_TFLITE_MAX_OUTPUTS];
  gboolean            same_padding;
  int                 stride_w;
  int                 stride_h;
  int                 dilation_w;
  int                 dilation_h;
  int                 filter_w;
  int                 filter_h;
  int                 multiplier;
  RtkTfliteActivation activation;
  gboolean            align_corners;
  gboolean            half_pixel_centres;
} RtkTfliteNode;

/* A parsed model. Immutable: any number of threads may read it. */
typedef struct _RtkTflite RtkTflite;

RtkTflite *rtk_tflite_new (GBytes *bytes, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void       rtk_tflite_free (RtkTflite *self);

guint                  rtk_tflite_get_n_tensors (const RtkTflite *self);
const RtkTfliteTensor *rtk_tflite_get_tensor (const RtkTflite *self, int tensor);
guint                  rtk_tflite_get_n_nodes (const RtkTflite *self);
const RtkTfliteNode   *rtk_tflite_get_node (const RtkTflite *self, guint node);
const int             *rtk_tflite_get_inputs (const RtkTflite *self, guint *n_inputs);
const int             *rtk_tflite_get_outputs (const RtkTflite *self, guint *n_outputs);
const RtkTfliteNode   *rtk_tflite_get_producer (const RtkTflite *self, int tensor);
gboolean               rtk_tflite_is_constant (const RtkTflite *self, int tensor);
float *
rtk_tflite_dup_floats (const RtkTflite *self, int tensor, gsize n_spare) G_GNUC_WARN_UNUSED_RESULT;
gint32 *rtk_tflite_dup_ints (const RtkTflite *self, int tensor) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkTflite, rtk_tflite_free)

G_END_DECLS
