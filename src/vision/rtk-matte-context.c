/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-matte-context-weights-private.h"
#include "vision/rtk-parallel-private.h"

#include <string.h>

/* The network works on the grid, on cells two by two, and on blocks of four by four cells. */
#define BLOCK 4
/* What is seen in a block depends on so many blocks around it. */
#define N_AROUND 5
#define LEAK .1f

/* Numbers of a place after each layer. */
enum {
  N_INPUTS = N_CONTEXT_INPUTS,
  N_ENTERED = N_CONTEXT_ENTERED,
  N_FINE = 16,
  N_HALF = 24,
  N_BLOCK = 24,
  N_BACK = 16,
};

typedef struct {
  const float *weights; /* one row of outputs for each tap and input */
  const float *bias;
} Layer;

typedef enum {
  LAYER_FINE,
  LAYER_HALF,
  LAYER_BLOCK,
  LAYER_WIDE,
  LAYER_JOIN,
  LAYER_BACK,
  LAYER_OUT,
  N_LAYERS,
} LayerId;

static const struct {
  int taps, in, out;
} shapes[N_LAYERS] = {
    {9, N_ENTERED, N_FINE},
    {9, N_FINE, N_HALF},
    {9, N_HALF, N_BLOCK},
    {9, N_BLOCK, N_BLOCK},
    {1, N_BLOCK + N_HALF, N_HALF},
    {9, N_HALF, N_BACK},
    {1, N_BACK + N_FINE, RTK_MATTE_N_CONTEXT},
};

#define N_WEIGHTS                                                                                  \
  (9 * N_ENTERED * N_FINE + 9 * N_FINE * N_HALF + 9 * N_HALF * N_BLOCK + 9 * N_BLOCK * N_BLOCK +   \
   (N_BLOCK + N_HALF) * N_HALF + 9 * N_HALF * N_BACK + (N_BACK + N_FINE) * RTK_MATTE_N_CONTEXT)

/* What a pixel says beside its cell, which of a cell is the same twice: these are left out. */
static const guint8 twice[] = {4, 9, 14, 16, 28};

/* A layer's outputs are worked out by eights, three of them at most. */
#define MOST_OUT 24
G_STATIC_ASSERT (N_INPUTS == RTK_MATTE_N_FEATURES - G_N_ELEMENTS (twice));
G_STATIC_ASSERT (N_ENTERED % 8 == 0 && N_ENTERED <= MOST_OUT);
G_STATIC_ASSERT (N_FINE % 8 == 0 && N_FINE <= MOST_OUT);
G_STATIC_ASSERT (N_HALF % 8 == 0 && N_HALF <= MOST_OUT);
G_STATIC_ASSERT (N_BLOCK % 8 == 0 && N_BLOCK <= MOST_OUT);
G_STATIC_ASSERT (N_BACK % 8 == 0 && N_BACK <= MOST_OUT);
G_STATIC_ASSERT (RTK_MATTE_N_CONTEXT % 8 == 0 && RTK_MATTE_N_CONTEXT <= MOST_OUT);
G_STATIC_ASSERT (G_N_ELEMENTS (context_weights) * CONTEXT_LINE >= N_WEIGHTS);

/* Eight numbers of a place: a register, where there are wide ones. */
typedef float Eight __attribute__ ((vector_size (32), aligned (4)));

/**
 * RtkMatteContext:
 * @near: (owned): for 0 to N_AROUND: which blocks are that near to one that is asked for
 *
 * The network at work; its planes hold numbers only where they are needed.
 */
struct _RtkMatteContext {
  int           width, height; /* in cells */
  int           blocks_x, blocks_y;
  guint8       *near[N_AROUND + 1];
  float         noise;
  RtkMatteCell *cells;
  const Layer  *layers;
  RtkPlane     *entered;
  RtkPlane     *fine;
  RtkPlane     *fine_mean;
  RtkPlane     *half;
  RtkPlane     *half_mean;
  RtkPlane     *block;
  RtkPlane     *join;
};

static int
read_digit (char c)
{
  return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* The weights are written down as bytes, which are scaled for each output. */
static const Layer *
get_layers (void)
{
  static gsize once;
  static Layer layers[N_LAYERS];
  static float weights[N_WEIGHTS];

  if (g_once_init_enter (&once)) {
    gsize at = 0, first = 0;

    for (int k = 0; k < N_LAYERS; k++) {
      layers[k] = (Layer){weights + at, context_bias + first};
      for (int row = 0; row < shapes[k].taps * shapes[k].in; row++) {
        for (int out = 0; out < shapes[k].out; out++, at++) {
          const char *digits = &context_weights[at / CONTEXT_LINE][2 * (at % CONTEXT_LINE)];
          int         byte = 16 * read_digit (digits[0]) + read_digit (digits[1]);

          weights[at] = (float)(byte - 128) * context_scale[first + (gsize)out];
        }
      }
      first += (gsize)shapes[k].out;
    }
    g_once_init_leave (&once, 1);
  }
  return layers;
}

/* sums += values * weights, for the @n_side places one after the other; each sum in the order of
 * the values. */
static inline __attribute__ ((always_inline)) void
add_up (const float *const *values,
        int                 n_values,
        int                 n_side,
        int                 n_out,
        const float        *weights,
        Eight (*sums)[MOST_OUT / 8])
{
  for (int i = 0; i < n_values; i++) {
    for (int k = 0; k < n_out / 8; k++) {
      Eight weight = *(const Eight *)(weights + i * n_out + 8 * k);

      for (int side = 0; side < n_side; side++)
        sums[side][k] += values[side][i] * weight;
    }
  }
}

static inline __attribute__ ((always_inline)) void
begin (const Layer *layer, int n_side, int n_out, Eight (*sums)[MOST_OUT / 8])
{
  for (int side = 0; side < n_side; side++) {
    for (int k = 0; k < n_out / 8; k++)
      sums[side][k] = *(const Eight *)(layer->bias + 8 * k);
  }
}

static inline __attribute__ ((always_inline)) void
end (Eight (*sums)[MOST_OUT / 8], int n_side, int n_out, float *to)
{
  for (int side = 0; side < n_side; side++) {
    float *out = to + side * n_out;

    memcpy (out, sums[side], sizeof (float) * (gsize)n_out);
    for (int k = 0; k < n_out; k++)
      out[k] = MAX (out[k], LEAK * out[k]);
  }
}

/* @n_side places of a row, from all that is around them; outside the plane there is nothing. */
static inline __attribute__ ((always_inline)) void
look_around (const Layer    *layer,
             const RtkPlane *from,
             int             n_in,
             int             n_out,
             int             x,
             int             y,
             int             n_side,
             float          *to)
{
  static const float nothing[MOST_OUT];
  Eight              sums[BLOCK][MOST_OUT / 8];

  begin (layer, n_side, n_out, sums);
  for (int tap = 0; tap < 9; tap++) {
    const float *values[BLOCK];
    int          py = y + tap / 3 - 1;

    for (int side = 0; side < n_side; side++) {
      int px = x + side + tap % 3 - 1;

      values[side] = px < 0 || py < 0 || px >= from->width || py >= from->height
                         ? nothing
                         : from->data + ((gsize)py * (gsize)from->width + (gsize)px) * (gsize)n_in;
    }
    add_up (values, n_in, n_side, n_out, layer->weights + tap * n_in * n_out, sums);
  }
  end (sums, n_side, n_out, to);
}

static inline float *
place (const RtkPlane *plane, int x, int y)
{
  return plane->data + ((gsize)y * (gsize)plane->width + (gsize)x) * (gsize)plane->channels;
}

/* The mean of two by two places. */
static inline __attribute__ ((always_inline)) void
take_mean (const RtkPlane *from, int channels, int x, int y, float *to)
{
  const float *top = place (from, 2 * x, 2 * y), *bottom = place (from, 2 * x, 2 * y + 1);

  for (int k = 0; k < channels; k++)
    to[k] = (top[k] + top[channels + k] + bottom[k] + bottom[channels + k]) * .25f;
}

/* Numbers of the cells of a block as for pixels, without those that are then twice the same. Beyond
 * the grid its rim goes on. */
static void
get_inputs (const RtkMatteContext *self, int bx, int by, float out[BLOCK * BLOCK][N_INPUTS])
{
  float cells[RTK_MATTE_CELL_FLOATS][RTK_MATTE_LANES];
  float features[RTK_MATTE_N_FEATURES][RTK_MATTE_LANES];
  gsize shown = G_STRUCT_OFFSET (RtkMatteCell, shown) / sizeof (float);

  G_STATIC_ASSERT (RTK_MATTE_LANES == BLOCK * BLOCK);
  for (int lane = 0; lane < RTK_MATTE_LANES; lane++) {
    int          x = MIN (BLOCK * bx + lane % BLOCK, self->width - 1);
    int          y = MIN (BLOCK * by + lane / BLOCK, self->height - 1);
    const float *cell = (const float *)&self->cells[(gsize)y * (gsize)self->width + (gsize)x];

    for (gsize i = 0; i < RTK_MATTE_CELL_FLOATS; i++)
      cells[i][lane] = cell[i];
  }
  rtk_matte_get_features ((const float (*)[RTK_MATTE_LANES])cells,
                          (const float (*)[RTK_MATTE_LANES]) (cells + shown), self->noise,
                          features);
  for (guint8 i = 0, n = 0; i < RTK_MATTE_N_FEATURES; i++) {
    if (memchr (twice, i, sizeof twice) != NULL)
      continue;
    for (int lane = 0; lane < RTK_MATTE_LANES; lane++)
      out[lane][n] = features[i][lane];
    n++;
  }
}

RTK_WIDE static void
enter_block (const RtkMatteContext *self, int bx, int by)
{
  static const Layer layer = {&enter_weights[0][0], enter_bias};
  float              inputs[BLOCK * BLOCK][N_INPUTS];

  get_inputs (self, bx, by, inputs);
  for (int y = 0; y < BLOCK; y++) {
    const float *values[BLOCK];
    Eight        sums[BLOCK][MOST_OUT / 8];

    for (int x = 0; x < BLOCK; x++)
      values[x] = inputs[BLOCK * y + x];
    begin (&layer, BLOCK, N_ENTERED, sums);
    add_up (values, N_INPUTS, BLOCK, N_ENTERED, layer.weights, sums);
    end (sums, BLOCK, N_ENTERED, place (self->entered, BLOCK * bx, BLOCK * by + y));
  }
}

RTK_WIDE static void
refine_block (const RtkMatteContext *self, int bx, int by)
{
  for (int y = BLOCK * by; y < BLOCK * by + BLOCK; y++)
    look_around (&self->layers[LAYER_FINE], self->entered, N_ENTERED, N_FINE, BLOCK * bx, y, BLOCK,
                 place (self->fine, BLOCK * bx, y));
  for (int i = 0; i < 4; i++) {
    int x = 2 * bx + i % 2, y = 2 * by + i / 2;

    take_mean (self->fine, N_FINE, x, y, place (self->fine_mean, x, y));
  }
}

RTK_WIDE static void
halve_block (const RtkMatteContext *self, int bx, int by)
{
  for (int y = 2 * by; y < 2 * by + 2; y++)
    look_around (&self->layers[LAYER_HALF], self->fine_mean, N_FINE, N_HALF, 2 * bx, y, 2,
                 place (self->half, 2 * bx, y));
  take_mean (self->half, N_HALF, bx, by, place (self->half_mean, bx, by));
}

RTK_WIDE static void
overlook_block (const RtkMatteContext *self, int bx, int by)
{
  look_around (&self->layers[LAYER_BLOCK], self->half_mean, N_HALF, N_BLOCK, bx, by, 1,
               place (self->block, bx, by));
}

RTK_WIDE static void
join_block (const RtkMatteContext *self, int bx, int by)
{
  const Layer *layer = &self->layers[LAYER_JOIN];
  float        wide[N_BLOCK];
  const float *value = wide;

  look_around (&self->layers[LAYER_WIDE], self->block, N_BLOCK, N_BLOCK, bx, by, 1, wide);
  for (int i = 0; i < 4; i++) {
    int          x = 2 * bx + i % 2, y = 2 * by + i / 2;
    const float *half = place (self->half, x, y);
    Eight        sums[1][MOST_OUT / 8];

    begin (layer, 1, N_HALF, sums);
    add_up (&value, N_BLOCK, 1, N_HALF, layer->weights, sums);
    add_up (&half, N_HALF, 1, N_HALF, layer->weights + N_BLOCK * N_HALF, sums);
    end (sums, 1, N_HALF, place (self->join, x, y));
  }
}

RTK_WIDE static void
finish_block (const RtkMatteContext *self, int bx, int by)
{
  const Layer *layer = &self->layers[LAYER_OUT];
  float        back[2][2][N_BACK];

  for (int y = 0; y < 2; y++)
    look_around (&self->layers[LAYER_BACK], self->join, N_HALF, N_BACK, 2 * bx, 2 * by + y, 2,
                 back[y][0]);
  for (int y = 0; y < BLOCK; y++) {
    for (int x = 0; x < BLOCK; x++) {
      int          cell_x = BLOCK * bx + x, cell_y = BLOCK * by + y;
      const float *from = back[y / 2][x / 2], *fine = place (self->fine, cell_x, cell_y);
      Eight        sums[1][MOST_OUT / 8];

      if (cell_x >= self->width || cell_y >= self->height)
        continue;
      begin (layer, 1, RTK_MATTE_N_CONTEXT, sums);
      add_up (&from, N_BACK, 1, RTK_MATTE_N_CONTEXT, layer->weights, sums);
      add_up (&fine, N_FINE, 1, RTK_MATTE_N_CONTEXT, layer->weights + N_BACK * RTK_MATTE_N_CONTEXT,
              sums);
      end (sums, 1, RTK_MATTE_N_CONTEXT,
           self->cells[(gsize)cell_y * (gsize)self->width + (gsize)cell_x].context);
    }
  }
}

/* One layer on the blocks that are near enough to what is asked for. */
typedef struct {
  const RtkMatteContext *self;
  void (*func) (const RtkMatteContext *self, int bx, int by);
  int around;
} Step;

static void
do_rows (gpointer data, int from, int to)
{
  const Step            *step = data;
  const RtkMatteContext *self = step->self;

  for (int by = from; by < to; by++) {
    for (int bx = 0; bx < self->blocks_x; bx++) {
      if (self->near[step->around][by * self->blocks_x + bx])
        step->func (self, bx, by);
    }
  }
}

/**
 * rtk_matte_context_new:
 * @where: (inout): binary: cells whose surroundings are asked for; then all the cells that have to
 *   be known for it
 * @width: cells a row
 * @height: rows
 *
 * Prepares to look at the surroundings of cells.
 *
 * Returns: (transfer full): free with rtk_matte_context_free()
 */
RtkMatteContext *
rtk_matte_context_new (guint8 *where, int width, int height)
{
  RtkMatteContext *self = g_new0 (RtkMatteContext, 1);
  gsize            n;

  self->width = width;
  self->height = height;
  self->blocks_x = (width + BLOCK - 1) / BLOCK;
  self->blocks_y = (height + BLOCK - 1) / BLOCK;
  self->layers = get_layers ();
  n = (gsize)self->blocks_x * (gsize)self->blocks_y;
  self->near[0] = g_malloc0 (n);
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++)
      self->near[0][y / BLOCK * self->blocks_x + x / BLOCK] |=
          where[(gsize)y * (gsize)width + (gsize)x];
  }
  for (int k = 1; k <= N_AROUND; k++) {
    self->near[k] = g_memdup2 (self->near[k - 1], n);
    rtk_binary_dilate (self->near[k], self->blocks_x, self->blocks_y, 1);
  }
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++)
      where[(gsize)y * (gsize)width + (gsize)x] =
          self->near[N_AROUND][y / BLOCK * self->blocks_x + x / BLOCK];
  }
  return self;
}

/**
 * rtk_matte_context_fill:
 * @self: a context
 * @noise: of the wall, see rtk_matte_measure_noise()
 * @cells: (array): context is set where it is asked for
 *
 * Lets a small convolutional network look at the surroundings of cells.
 *
 * It looks at the grid, at half and at a quarter of its size, and comes back. Plain floats, each
 * sum in one order: the same value on every machine of one kind. Of every layer only what is needed
 * is worked out.
 */
void
rtk_matte_context_fill (RtkMatteContext *self, float noise, RtkMatteCell *cells)
{
  static const struct {
    void (*func) (const RtkMatteContext *self, int bx, int by);
    int around;
  } steps[] = {
      {enter_block, 5},    {refine_block, 4}, {halve_block, 3},
      {overlook_block, 2}, {join_block, 1},   {finish_block, 0},
  };
  int w = self->blocks_x, h = self->blocks_y;

  self->noise = noise;
  self->cells = cells;
  self->entered = rtk_plane_new (BLOCK * w, BLOCK * h, N_ENTERED);
  self->fine = rtk_plane_new (BLOCK * w, BLOCK * h, N_FINE);
  self->fine_mean = rtk_plane_new (2 * w, 2 * h, N_FINE);
  self->half = rtk_plane_new (2 * w, 2 * h, N_HALF);
  self->half_mean = rtk_plane_new (w, h, N_HALF);
  self->block = rtk_plane_new (w, h, N_BLOCK);
  self->join = rtk_plane_new (2 * w, 2 * h, N_HALF);
  for (guint k = 0; k < G_N_ELEMENTS (steps); k++)
    rtk_parallel_rows (h, 4000 * (gsize)w, do_rows, &(Step){self, steps[k].func, steps[k].around});
}

/**
 * rtk_matte_context_free:
 * @self: (transfer full) (nullable): a context
 *
 * Frees it.
 */
void
rtk_matte_context_free (RtkMatteContext *self)
{
  if (self == NULL)
    return;
  for (int k = 0; k <= N_AROUND; k++)
    g_free (self->near[k]);
  rtk_plane_free (self->entered);
  rtk_plane_free (self->fine);
  rtk_plane_free (self->fine_mean);
  rtk_plane_free (self->half);
  rtk_plane_free (self->half_mean);
  rtk_plane_free (self->block);
  rtk_plane_free (self->join);
  g_free (self);
}
