/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz/fuzz.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

/* Gives a fuzz target the files of some folders, without libFuzzer: what it found stays mended also
 * where there is no clang. Each file comes whole, cut off, and damaged the same way in every run.
 *   replay FOLDER... */

#define N_CUTS 24
#define N_DAMAGED 150
#define SEED 20240607

static guint n_inputs;

static void
try_input (const guint8 *data, gsize size)
{
  /* Memory of exactly this size, so that a read beyond it is seen. */
  g_autofree guint8 *copy = g_malloc (MAX (size, 1));

  if (size > 0)
    memcpy (copy, data, size);
  LLVMFuzzerTestOneInput (copy, size);
  n_inputs++;
}

static void
try_file (const char *path)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (SEED);
  g_autofree char *content = NULL;
  guint8          *data;
  gsize            size;

  if (!g_file_get_contents (path, &content, &size, NULL) || size == 0)
    return;
  data = (guint8 *)content;
  try_input (data, size);
  for (gsize i = 0; i < N_CUTS; i++)
    try_input (data, size * i / N_CUTS);
  for (guint i = 0; i < N_DAMAGED; i++) {
    gsize  at = (gsize)g_rand_int_range (rand, 0, (gint32)size);
    guint8 kept = data[at];

    data[at] = i % 2 == 0 ? (guint8)g_rand_int (rand) : (guint8)(kept ^ 1 << i % 8);
    try_input (data, size);
    data[at] = kept;
  }
}

static gboolean
try_folder (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  if (dir == NULL)
    return FALSE;
  while ((name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (paths, g_build_filename (folder, name, NULL));
  for (guint i = 0; i < paths->len; i++)
    try_file (g_ptr_array_index (paths, i));
  return TRUE;
}

int
main (int argc, char **argv)
{
  gboolean any = FALSE;

  LLVMFuzzerInitialize (&argc, &argv);
  for (int i = 1; i < argc; i++)
    any = try_folder (argv[i]) || any;
  printf ("1..1\n%sok 1 %u inputs\n", any && n_inputs > 0 ? "" : "not ", n_inputs);
  return 0;
}
