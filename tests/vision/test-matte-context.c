/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vision/rtk-matte-private.h"

#include <string.h>

/* Not whole blocks of four. */
#define WIDTH 75
#define HEIGHT 66
#define N_CELLS (WIDTH * HEIGHT)
#define NOISE .01f

/* Cells of any kind, within what such numbers can be. */
static RtkMatteCell *
make_cells (guint32 seed)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  RtkMatteCell *cells = g_new0 (RtkMatteCell, N_CELLS);

  for (int i = 0; i < N_CELLS; i++) {
    float *numbers = (float *)&cells[i];

    for (gsize k = 0; k < G_STRUCT_OFFSET (RtkMatteCell, context) / sizeof (float); k++)
      numbers[k] = (float)g_rand_double (random);
    cells[i].depth = (float)g_rand_double_range (random, -20, 20);
  }
  return cells;
}

/* Sets the context of the cells in @where; what the network need not know is spoilt before. */
static void
fill (RtkMatteCell *cells, guint8 *where)
{
  g_autoptr (RtkMatteContext) context = rtk_matte_context_new (where, WIDTH, HEIGHT);

  for (int i = 0; i < N_CELLS; i++) {
    if (!where[i])
      memset (&cells[i], 0xff, sizeof cells[i]);
  }
  rtk_matte_context_fill (context, NOISE, cells);
}

static void
assert_same_context (const RtkMatteCell *a, const RtkMatteCell *b)
{
  g_assert_cmpmem (a->context, sizeof a->context, b->context, sizeof b->context);
}

/* Only what is asked for is worked out, and it does not depend on what else is. */
static void
test_part (void)
{
  static const struct {
    int x, y;
  } places[] = {{0, 0}, {WIDTH - 1, HEIGHT - 1}, {30, 33}, {41, 0}};
  g_autofree RtkMatteCell *whole = make_cells (7);
  g_autofree guint8       *everywhere = g_malloc (N_CELLS);

  memset (everywhere, 1, N_CELLS);
  fill (whole, everywhere);
  for (guint i = 0; i < G_N_ELEMENTS (places); i++) {
    g_autofree RtkMatteCell *cells = make_cells (7);
    g_autofree guint8       *where = g_malloc0 (N_CELLS);
    int                      at = places[i].y * WIDTH + places[i].x;
    int                      n_known = 0;

    where[at] = 1;
    fill (cells, where);
    assert_same_context (&cells[at], &whole[at]);
    for (int k = 0; k < N_CELLS; k++)
      n_known += where[k];
    g_assert_cmpint (n_known, <, N_CELLS / 2);
  }
}

/* What is far away has no say, and what is near has. */
static void
test_reach (void)
{
  g_autofree RtkMatteCell *cells = make_cells (11), *far = make_cells (11), *near = make_cells (11);
  g_autofree guint8       *everywhere = g_malloc (N_CELLS);
  int                      at = 20 * WIDTH + 20, away = 20 * WIDTH + 60, beside = 20 * WIDTH + 24;

  memset (everywhere, 1, N_CELLS);
  far[away].mask = 1 - far[away].mask;
  near[beside].mask = 1 - near[beside].mask;
  fill (cells, everywhere);
  fill (far, everywhere);
  fill (near, everywhere);
  assert_same_context (&cells[at], &far[at]);
  g_assert_true (memcmp (cells[at].context, near[at].context, sizeof cells[at].context) != 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vision/matte-context/part", test_part);
  g_test_add_func ("/vision/matte-context/reach", test_reach);
  return g_test_run ();
}
