/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz/fuzz.h"
#include "vision/rtk-tflite.h"
#include "vision/rtk-xnn.h"

/* Running a network takes as long as its tensors are large. */
#define MOST_ELEMENTS 100000

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  return 0;
}

static gboolean
is_small (const RtkTflite *model)
{
  for (guint i = 0; i < rtk_tflite_get_n_tensors (model); i++)
    if (rtk_tflite_get_tensor (model, (int)i)->n_elements > MOST_ELEMENTS)
      return FALSE;
  return TRUE;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkTflite) model = rtk_tflite_new (bytes, &error);
  g_autoptr (RtkXnn) network = NULL;
  guint      n_inputs, n_outputs;
  const int *inputs, *outputs;

  g_assert_true ((model == NULL) == (error != NULL));
  if (model == NULL)
    return 0;
  inputs = rtk_tflite_get_inputs (model, &n_inputs);
  outputs = rtk_tflite_get_outputs (model, &n_outputs);
  if (n_inputs == 0 || n_outputs == 0 || !is_small (model))
    return 0;
  network = rtk_xnn_new (model, inputs, 1, outputs, 1, 1, &error);
  g_assert_true ((network == NULL) == (error != NULL));
  if (network != NULL)
    g_assert_true (rtk_xnn_run (network, NULL) || error == NULL);
  return 0;
}
