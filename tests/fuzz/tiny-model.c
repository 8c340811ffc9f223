/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz/tiny-model.h"

#include "vision/rtk-tflite.h"

#include <string.h>

/* A FlatBuffer written from its beginning to its end: offsets point forward, so a table is written
 * first and what it refers to is put into its slots afterwards. Every field takes four bytes. */

#define MAX_FIELDS 7
#define NONE (-1)
#define LINK 0 /* a slot to be filled */

static void
put (GByteArray *file, gint32 value)
{
  value = GINT32_TO_LE (value);
  g_byte_array_append (file, (const guint8 *)&value, 4);
}

/* Makes the slot at @slot point to the end of the file. */
static void
link_here (GByteArray *file, guint slot)
{
  guint32 offset = GUINT32_TO_LE (file->len - slot);

  memcpy (file->data + slot, &offset, 4);
}

/* Fields that are #NONE are not there. Returns where the first slot is; slots of fields that are
 * not there are left out. */
static guint
put_table (GByteArray *file, const gint32 *fields, guint n_fields)
{
  guint16 vtable[2 + MAX_FIELDS + 1] = {0};
  guint   n_slots = 0, vtable_at = file->len;

  for (guint i = 0; i < n_fields; i++)
    if (fields[i] != NONE)
      vtable[2 + i] = GUINT16_TO_LE ((guint16)(4 + 4 * n_slots++));
  vtable[0] = GUINT16_TO_LE ((guint16)(4 + 2 * n_fields));
  vtable[1] = GUINT16_TO_LE ((guint16)(4 + 4 * n_slots));
  g_byte_array_append (file, (const guint8 *)vtable, (4 + 2 * n_fields + 3) / 4 * 4);
  put (file, (gint32)(file->len - vtable_at));
  for (guint i = 0; i < n_fields; i++)
    if (fields[i] != NONE)
      put (file, fields[i]);
  return file->len - 4 * n_slots;
}

/* A table that the slot @from points to. */
static guint
put_linked_table (GByteArray *file, guint from, const gint32 *fields, guint n_fields)
{
  guint   slot = put_table (file, fields, n_fields);
  guint   n_slots = (file->len - slot) / 4;
  guint32 offset = GUINT32_TO_LE (file->len - 4 * n_slots - 4 - from);

  memcpy (file->data + from, &offset, 4);
  return slot;
}

static void
put_ints (GByteArray *file, guint from, const gint32 *values, guint n)
{
  link_here (file, from);
  put (file, (gint32)n);
  for (guint i = 0; i < n; i++)
    put (file, values[i]);
}

/* A vector of tables, its slots still empty. Returns the first. */
static guint
put_links (GByteArray *file, guint from, guint n)
{
  link_here (file, from);
  put (file, (gint32)n);
  for (guint i = 0; i < n; i++)
    put (file, LINK);
  return file->len - 4 * n;
}

/* Tensors: shape, type, buffer (0: computed). */
static const struct {
  gint32 dims[4];
  guint  rank;
  gint32 type;
  guint  n_constants; /* words in its buffer */
} tensors[] = {
    {{1, 8, 8, 3}, 4, RTK_TFLITE_F32, 0},  {{4, 3, 3, 3}, 4, RTK_TFLITE_F32, 108},
    {{4}, 1, RTK_TFLITE_F32, 4},           {{1, 8, 8, 4}, 4, RTK_TFLITE_F32, 0},
    {{1, 1, 4}, 3, RTK_TFLITE_F32, 4},     {{1, 8, 8, 4}, 4, RTK_TFLITE_F32, 0},
    {{1, 4, 4, 4}, 4, RTK_TFLITE_F32, 0},  {{2}, 1, RTK_TFLITE_I32, 2},
    {{1, 8, 8, 4}, 4, RTK_TFLITE_F32, 0},  {{1, 8, 8, 4}, 4, RTK_TFLITE_F32, 0},
    {{4, 2}, 2, RTK_TFLITE_I32, 8},        {{1, 9, 9, 4}, 4, RTK_TFLITE_F32, 0},
    {{1, 3, 3, 4}, 4, RTK_TFLITE_F32, 36}, {{1, 4, 4, 4}, 4, RTK_TFLITE_F32, 0},
    {{1, 4, 4, 4}, 4, RTK_TFLITE_F32, 0},  {{1, 4, 4, 4}, 4, RTK_TFLITE_F32, 0},
};
#define N_TENSORS G_N_ELEMENTS (tensors)

/* Operators in order; options as in the file's schema. */
static const struct {
  gint32 op;
  gint32 inputs[3];
  guint  n_inputs;
  gint32 output;
  gint32 options[MAX_FIELDS];
  guint  n_options;
} nodes[] = {
    {RTK_TFLITE_CONV, {0, 1, 2}, 3, 3, {0, 1, 1, RTK_TFLITE_ACT_RELU6, 1, 1}, 6},
    {RTK_TFLITE_PRELU, {3, 4}, 2, 5, {0}, 0},
    {RTK_TFLITE_MAX_POOL, {5}, 1, 6, {0, 2, 2, 2, 2, 0}, 6},
    {RTK_TFLITE_RESIZE_BILINEAR, {6, 7}, 2, 8, {NONE, NONE, 0, 1}, 4},
    {RTK_TFLITE_ADD, {8, 5}, 2, 9, {RTK_TFLITE_LINEAR}, 1},
    {RTK_TFLITE_PAD, {9, 10}, 2, 11, {0}, 0},
    {RTK_TFLITE_DEPTHWISE_CONV, {11, 12, 2}, 3, 13, {1, 2, 2, 1, 0, 1, 1}, 7},
    {RTK_TFLITE_HARD_SWISH, {13}, 1, 14, {0}, 0},
    {RTK_TFLITE_LOGISTIC, {14}, 1, 15, {0}, 0},
};
#define N_NODES G_N_ELEMENTS (nodes)

static void
put_constants (GByteArray *file, guint from, guint tensor)
{
  link_here (file, from);
  put (file, (gint32)(4 * tensors[tensor].n_constants));
  for (guint i = 0; i < tensors[tensor].n_constants; i++) {
    float  value = (float)((int)(i * 7 % 11) - 5) / 16;
    gint32 word;

    memcpy (&word, &value, 4);
    /* Sizes of the resize; amounts of the pad: one row below and one column to the right. */
    if (tensors[tensor].type == RTK_TFLITE_I32)
      word = tensors[tensor].n_constants == 2 ? 8 : i == 3 || i == 5;
    put (file, word);
  }
}

static void
put_codes (GByteArray *file, guint from)
{
  guint slots = put_links (file, from, N_NODES);

  for (guint i = 0; i < N_NODES; i++)
    put_linked_table (file, slots + 4 * i, (const gint32[]){nodes[i].op, NONE, NONE, nodes[i].op},
                      4);
}

static void
put_tensors (GByteArray *file, guint from)
{
  guint slots = put_links (file, from, N_TENSORS);

  for (guint i = 0; i < N_TENSORS; i++) {
    const gint32 fields[] = {LINK, tensors[i].type, tensors[i].n_constants > 0 ? (gint32)i + 1 : 0};
    guint        slot = put_linked_table (file, slots + 4 * i, fields, 3);

    put_ints (file, slot, tensors[i].dims, tensors[i].rank);
  }
}

static void
put_nodes (GByteArray *file, guint from)
{
  guint slots = put_links (file, from, N_NODES);

  for (guint i = 0; i < N_NODES; i++) {
    const gint32 fields[] = {(gint32)i, LINK, LINK, 1, LINK};
    guint slot = put_linked_table (file, slots + 4 * i, fields, nodes[i].n_options > 0 ? 5 : 3);

    put_ints (file, slot + 4, nodes[i].inputs, nodes[i].n_inputs);
    put_ints (file, slot + 8, &nodes[i].output, 1);
    if (nodes[i].n_options > 0)
      put_linked_table (file, slot + 16, nodes[i].options, nodes[i].n_options);
  }
}

GBytes *
rtk_tiny_model_new (void)
{
  GByteArray  *file = g_byte_array_new ();
  const gint32 input = 0, output = (gint32)N_TENSORS - 1;
  guint        model, graph, slots;

  put (file, LINK);
  g_byte_array_append (file, (const guint8 *)"TFL3", 4);
  model = put_linked_table (file, 0, (const gint32[]){3, LINK, LINK, NONE, LINK}, 5);
  put_codes (file, model + 4);
  slots = put_links (file, model + 8, 1);
  graph = put_linked_table (file, slots, (const gint32[]){LINK, LINK, LINK, LINK}, 4);
  put_tensors (file, graph);
  put_ints (file, graph + 4, &input, 1);
  put_ints (file, graph + 8, &output, 1);
  put_nodes (file, graph + 12);
  slots = put_links (file, model + 12, N_TENSORS + 1);
  for (guint i = 0; i <= N_TENSORS; i++) {
    gboolean is_constant = i > 0 && tensors[i - 1].n_constants > 0;
    guint    slot =
        put_linked_table (file, slots + 4 * i, (const gint32[]){is_constant ? LINK : NONE}, 1);

    if (is_constant)
      put_constants (file, slot, i - 1);
  }
  return g_byte_array_free_to_bytes (file);
}
