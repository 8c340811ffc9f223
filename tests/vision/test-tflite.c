/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "vision/models.h"
#include "vision/rtk-tflite.h"
#include "vision/rtk-xnn.h"

#include <string.h>

static const char *const models[] = {
    "face_detection_short_range.tflite",
    "face_landmark_with_attention.tflite",
    "pose_landmark_lite.tflite",
    "selfie_segmentation.tflite",
};

/* Everything before the first constant's bytes, more or less: where a change hurts most. */
#define N_DAMAGED 3000

/* The same damage in every run; this one also gives operators an operand that they do not read. */
#define SEED 12

/* Parses damaged bytes and, if they still pass for a model, prepares to run it: both may refuse,
 * with their own error, and neither may read or write where it should not (sanitizers). */
static gboolean
try_bytes (const guint8 *data, gsize size)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkTflite) model = rtk_tflite_new (bytes, &error);
  g_autoptr (RtkXnn) network = NULL;
  guint      n_inputs, n_outputs;
  const int *inputs, *outputs;

  if (model == NULL) {
    g_assert_error (error, RTK_ERROR, RTK_ERROR_MODEL_DAMAGED);
    return FALSE;
  }
  inputs = rtk_tflite_get_inputs (model, &n_inputs);
  outputs = rtk_tflite_get_outputs (model, &n_outputs);
  if (n_inputs == 0 || n_outputs == 0)
    return FALSE;
  network = rtk_xnn_new (model, inputs, 1, outputs, 1, 1, &error);
  if (network == NULL)
    g_assert_error (error, RTK_ERROR, RTK_ERROR_MODEL_DAMAGED);
  return network != NULL;
}

static void
test_models (void)
{
  static const struct {
    guint n_inputs;
    guint n_outputs;
    int   input_size;
  } wanted[] = {{1, 2, 128}, {1, 7, 192}, {1, 5, 256}, {1, 1, 256}};

  for (guint i = 0; i < G_N_ELEMENTS (models); i++) {
    g_autoptr (GBytes) bytes = rtk_test_load_model (models[i]);
    g_autoptr (GError) error = NULL;
    g_autoptr (RtkTflite) model = NULL;
    const RtkTfliteTensor *input;
    guint                  n_inputs, n_outputs;

    if (bytes == NULL)
      return;
    model = rtk_tflite_new (bytes, &error);
    g_assert_no_error (error);
    input = rtk_tflite_get_tensor (model, *rtk_tflite_get_inputs (model, &n_inputs));
    rtk_tflite_get_outputs (model, &n_outputs);
    g_assert_cmpuint (n_inputs, ==, wanted[i].n_inputs);
    g_assert_cmpuint (n_outputs, ==, wanted[i].n_outputs);
    g_assert_cmpint (input->type, ==, RTK_TFLITE_F32);
    g_assert_cmpint (input->dims[1], ==, wanted[i].input_size);
    g_assert_cmpint (input->dims[3], ==, 3);
  }
}

static void
test_not_a_model (void)
{
  static const guint8 header[] = {0x10, 0, 0, 0, 'T', 'F', 'L', '3', 0xff, 0xff, 0xff, 0xff};
  g_autoptr (GRand) rand = g_rand_new_with_seed (SEED);
  guint8 noise[512];

  g_assert_false (try_bytes ((const guint8 *)"", 0));
  g_assert_false (try_bytes ((const guint8 *)"TFL3", 4));
  g_assert_false (try_bytes (header, sizeof header));
  for (int round = 0; round < 2000; round++) {
    for (gsize i = 0; i < sizeof noise; i++)
      noise[i] = (guint8)g_rand_int_range (rand, 0, round % 2 == 0 ? 256 : 24);
    memcpy (noise + 4, "TFL3", 4);
    g_assert_false (try_bytes (noise, sizeof noise));
  }
}

static void
test_truncated (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (models); i++) {
    g_autoptr (GBytes) bytes = rtk_test_load_model (models[i]);
    const guint8 *data;
    gsize         size;

    if (bytes == NULL)
      return;
    data = g_bytes_get_data (bytes, &size);
    for (gsize length = 0; length < size; length += 1 + size / 97)
      g_assert_false (try_bytes (data, length));
    /* The last bytes of these files are of operators' names and tables. */
    g_assert_false (try_bytes (data, size - 64));
  }
}

/* One byte, or one word, of a model is not what it was. */
static void
test_flipped (void)
{
  static const guint32 hostile[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff0, 0x10000};
  g_autoptr (GRand) rand = g_rand_new_with_seed (SEED);
  g_autoptr (GBytes) bytes = rtk_test_load_model (models[3]);
  g_autofree guint8 *copy = NULL;
  const guint8      *data;
  gsize              size;
  guint              n_refused = 0;

  if (bytes == NULL)
    return;
  data = g_bytes_get_data (bytes, &size);
  copy = g_memdup2 (data, size);
  for (int round = 0; round < N_DAMAGED; round++) {
    /* Tables lie at both ends of the file, constants between. */
    gsize   near = (gsize)g_rand_int_range (rand, 0, 24000);
    gsize   at = round % 2 == 0 ? near : size - 4 - near;
    guint32 word = hostile[g_rand_int_range (rand, 0, G_N_ELEMENTS (hostile))];

    if (round % 3 == 0)
      copy[at] ^= (guint8)(1 << g_rand_int_range (rand, 0, 8));
    else
      memcpy (copy + at, &word, sizeof word);
    n_refused += try_bytes (copy, size) ? 0 : 1;
    memcpy (copy + at, data + at, 4);
  }
  /* Most damage is seen; the rest hit constants, names and padding, which mean nothing here. */
  g_test_message ("%u of %d refused", n_refused, N_DAMAGED);
  g_assert_cmpuint (n_refused, >, N_DAMAGED / 10);
  g_assert_true (try_bytes (copy, size));
}

/* Cut at the wrong place a network would compute from memory nobody has written. */
static void
test_wrong_cut (void)
{
  g_autoptr (GBytes) bytes = rtk_test_load_model (models[3]);
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkTflite) model = NULL;
  RtkXnn    *network;
  guint      n;
  const int *outputs;
  int        beyond;
  int        middle = 66;

  if (bytes == NULL)
    return;
  model = rtk_tflite_new (bytes, &error);
  g_assert_no_error (error);
  outputs = rtk_tflite_get_outputs (model, &n);
  network = rtk_xnn_new (model, &middle, 1, outputs, 1, 1, &error);
  g_assert_null (network);
  g_assert_error (error, RTK_ERROR, RTK_ERROR_MODEL_DAMAGED);
  g_clear_error (&error);
  beyond = (int)rtk_tflite_get_n_tensors (model);
  network = rtk_xnn_new (model, &beyond, 1, outputs, 1, 1, &error);
  g_assert_null (network);
  g_assert_error (error, RTK_ERROR, RTK_ERROR_MODEL_DAMAGED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vision/tflite/models", test_models);
  g_test_add_func ("/vision/tflite/not-a-model", test_not_a_model);
  g_test_add_func ("/vision/tflite/truncated", test_truncated);
  g_test_add_func ("/vision/tflite/flipped", test_flipped);
  g_test_add_func ("/vision/tflite/wrong-cut", test_wrong_cut);
  return g_test_run ();
}
