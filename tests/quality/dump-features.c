/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "vision/rtk-codec.h"
#include "vision/rtk-matte-private.h"
#include "vision/rtk-models.h"
#include "vision/rtk-photo-maker.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Writes down what the matte knows in its last round, to learn from.
 *
 *   usage: dump-features pixels PICTURE OUT    (picture without EXIF rotation)
 *          dump-features cells PICTURE OUT
 *
 * "pixels", for tools/quality train: of the second round, which works at the size of a picture of
 * 720 pixels across, native floats for every judged pixel: x, y, alpha as judged,
 * and the RTK_MATTE_N_FEATURES numbers. "cells", for tools/quality train-context: width and height
 * of the picture and of the grid, noise, floats of a cell; then every cell without its context;
 * alpha as judged for every pixel, -1 where none was; then, in bytes, alpha as it came out.
 * The program is linked with --wrap, so that the calls between the parts of the matte pass through
 * here and the product itself has no hook. */

#define N_COLUMNS (3 + RTK_MATTE_N_FEATURES)
#define CELL_FLOATS (offsetof (RtkMatteCell, context) / sizeof (float))

static const RtkImage *target;
static float          *rows; /* N_COLUMNS for every pixel of @target; alpha < 0: not judged */
static RtkMatteCell   *grid; /* all cells */
static int             grid_width, grid_height;
static float           wall_noise;
static int             round_number;
static int             dumped_round; /* 2: what rtk_matte_judge() sees; 3: the one in context */
/* The places that are judged next, on this thread. */
static _Thread_local struct {
  float x, y;
} places[RTK_MATTE_LANES];
static _Thread_local guint n_places;

void __real_rtk_matte_unmix (RtkMatteWork *work, const RtkImage *picture, guint8 *alpha);
void __real_rtk_matte_gather_cells (const RtkMatteWork   *work,
                                    const RtkMatteSpread *spread,
                                    const guint8         *where,
                                    RtkMatteCell         *cells);
void __real_rtk_matte_blend_cells (
    const RtkMatteCell *cells, int width, int height, float x, float y, RtkMatteCell *out);
void __real_rtk_matte_judge_in_context (const float features[RTK_MATTE_N_ALL][RTK_MATTE_LANES],
                                        float       out[RTK_MATTE_LANES]);
void __real_rtk_matte_judge (const float features[RTK_MATTE_N_FEATURES][RTK_MATTE_LANES],
                             float       out[RTK_MATTE_LANES]);
void __real_rtk_matte_context_fill (RtkMatteContext *self, float noise, RtkMatteCell *cells);
void __wrap_rtk_matte_unmix (RtkMatteWork *work, const RtkImage *picture, guint8 *alpha);
void __wrap_rtk_matte_gather_cells (const RtkMatteWork   *work,
                                    const RtkMatteSpread *spread,
                                    const guint8         *where,
                                    RtkMatteCell         *cells);
void __wrap_rtk_matte_blend_cells (
    const RtkMatteCell *cells, int width, int height, float x, float y, RtkMatteCell *out);
void __wrap_rtk_matte_judge_in_context (const float features[RTK_MATTE_N_ALL][RTK_MATTE_LANES],
                                        float       out[RTK_MATTE_LANES]);
void __wrap_rtk_matte_judge (const float features[RTK_MATTE_N_FEATURES][RTK_MATTE_LANES],
                             float       out[RTK_MATTE_LANES]);
void __wrap_rtk_matte_context_fill (RtkMatteContext *self, float noise, RtkMatteCell *cells);

void
__wrap_rtk_matte_unmix (RtkMatteWork *work, const RtkImage *picture, guint8 *alpha)
{
  gsize n = (gsize)rtk_image_get_width (picture) * (gsize)rtk_image_get_height (picture);

  target = picture;
  round_number = 0;
  g_free (rows);
  rows = g_new (float, n *N_COLUMNS);
  for (gsize i = 0; i < n; i++)
    rows[i * N_COLUMNS + 2] = -1;
  __real_rtk_matte_unmix (work, picture, alpha);
}

void
__wrap_rtk_matte_gather_cells (const RtkMatteWork   *work,
                               const RtkMatteSpread *spread,
                               const guint8         *where,
                               RtkMatteCell         *cells)
{
  gsize n = (gsize)work->width * (gsize)work->height;

  round_number++;
  __real_rtk_matte_gather_cells (work, spread, where, cells);
  if (round_number == 3) {
    g_autofree guint8 *everywhere = g_malloc (n);

    memset (everywhere, 1, n);
    g_free (grid);
    grid = g_new (RtkMatteCell, n);
    grid_width = work->width;
    grid_height = work->height;
    __real_rtk_matte_gather_cells (work, spread, everywhere, grid);
  }
}

void
__wrap_rtk_matte_blend_cells (
    const RtkMatteCell *cells, int width, int height, float x, float y, RtkMatteCell *out)
{
  if (round_number == dumped_round) {
    g_assert (n_places < RTK_MATTE_LANES);
    places[n_places].x = (x + .5f) / (float)width;
    places[n_places].y = (y + .5f) / (float)height;
    n_places++;
  }
  __real_rtk_matte_blend_cells (cells, width, height, x, y, out);
}

void
__wrap_rtk_matte_context_fill (RtkMatteContext *self, float noise, RtkMatteCell *cells)
{
  wall_noise = noise;
  __real_rtk_matte_context_fill (self, noise, cells);
}

static void
take_down (const float (*features)[RTK_MATTE_LANES], const float *out)
{
  int width = rtk_image_get_width (target), height = rtk_image_get_height (target);

  for (guint lane = 0; lane < n_places; lane++) {
    int    x = (int)(places[lane].x * (float)width), y = (int)(places[lane].y * (float)height);
    float *row = rows + N_COLUMNS * ((gsize)y * (gsize)width + (gsize)x);

    row[0] = (float)x;
    row[1] = (float)y;
    row[2] = out[lane];
    for (int i = 0; i < RTK_MATTE_N_FEATURES; i++)
      row[3 + i] = features[i][lane];
  }
  n_places = 0;
}

void
__wrap_rtk_matte_judge (const float features[RTK_MATTE_N_FEATURES][RTK_MATTE_LANES],
                        float       out[RTK_MATTE_LANES])
{
  __real_rtk_matte_judge (features, out);
  take_down (features, out);
}

void
__wrap_rtk_matte_judge_in_context (const float features[RTK_MATTE_N_ALL][RTK_MATTE_LANES],
                                   float       out[RTK_MATTE_LANES])
{
  __real_rtk_matte_judge_in_context (features, out);
  take_down (features, out);
}

static void
write_pixels (FILE *out)
{
  gsize n = (gsize)rtk_image_get_width (target) * (gsize)rtk_image_get_height (target);

  for (gsize i = 0; i < n; i++) {
    if (rows[i * N_COLUMNS + 2] >= 0)
      fwrite (rows + i * N_COLUMNS, sizeof (float), N_COLUMNS, out);
  }
}

static void
write_cells (FILE *out, const RtkImage *alpha)
{
  int   width = rtk_image_get_width (alpha), height = rtk_image_get_height (alpha);
  gsize n_cells = (gsize)grid_width * (gsize)grid_height;
  float head[] = {(float)width,       (float)height, (float)grid_width,
                  (float)grid_height, wall_noise,    CELL_FLOATS};

  fwrite (head, sizeof head, 1, out);
  for (gsize i = 0; i < n_cells; i++)
    fwrite (&grid[i], sizeof (float), CELL_FLOATS, out);
  for (gsize i = 0; i < (gsize)width * (gsize)height; i++)
    fwrite (&rows[i * N_COLUMNS + 2], sizeof (float), 1, out);
  for (int y = 0; y < height; y++)
    fwrite (rtk_image_get_pixels (alpha) + rtk_image_get_stride (alpha) * (gsize)y, 1, (gsize)width,
            out);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkNetworks) networks = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (RtkImage) picture = NULL;
  g_autoptr (RtkImage) alpha = NULL;
  g_autofree char *data = NULL;
  gsize            size;
  FILE            *out;

  if (argc != 4) {
    fprintf (stderr, "usage: dump-features pixels|cells PICTURE OUT\n");
    return 2;
  }
  if (!g_file_get_contents (argv[2], &data, &size, &error)) {
    fprintf (stderr, "dump-features: %s\n", error->message);
    return 2;
  }
  dumped_round = g_str_equal (argv[1], "cells") ? 3 : 2;
  bytes = g_bytes_new_take (g_steal_pointer (&data), size);
  networks = rtk_networks_new (rtk_models_find_dir (), &error);
  if (networks != NULL)
    picture = rtk_codec_decode (bytes, NULL, &error);
  if (picture != NULL)
    alpha = rtk_photo_maker_matte (networks, picture, NULL, NULL, &error);
  if (alpha == NULL) {
    fprintf (stderr, "dump-features: %s\n", error->message);
    return 2;
  }
  if (target == NULL || rtk_image_get_width (target) != rtk_image_get_width (picture) ||
      rtk_image_get_height (target) != rtk_image_get_height (picture)) {
    fprintf (stderr, "dump-features: %s has no plain wall, or is not worked on as a whole\n",
             argv[2]);
    return 1;
  }
  out = fopen (argv[3], "wb");
  if (out != NULL && g_str_equal (argv[1], "cells"))
    write_cells (out, alpha);
  else if (out != NULL)
    write_pixels (out);
  g_free (rows);
  g_free (grid);
  if (out == NULL || fclose (out) != 0) {
    fprintf (stderr, "dump-features: cannot write %s\n", argv[3]);
    return 2;
  }
  return 0;
}
