/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-resample.h"

#include "vision/rtk-parallel-private.h"

#include <math.h>
#include <string.h>

/*
 * Separable cubic convolution (Catmull-Rom), widened by the scale when reducing so that it is its
 * own low-pass filter. All arithmetic is in integers: no CPU, compiler or number of threads can
 * change a byte of the result.
 *
 * - positions, scale: 20 fractional bits
 * - a coefficient: 14 bits, the coefficients of one output pixel sum to exactly 2^14
 * - between the two passes: 6 fractional bits in an int16
 *
 * Values are interpolated as they are stored, that is in gamma-encoded sRGB: a flat area keeps
 * its very value, and a finished picture looks as the camera's picture does.
 */
#define POSITION_BITS 20
#define COEFF_BITS 14
#define MIDDLE_BITS 6
#define ONE ((gint64)1 << POSITION_BITS)
/* A reduction by more than this has coefficients too small to be told apart. */
#define MAX_SCALE 256

/* For every output pixel of one axis: the first source pixel and its coefficients. */
typedef struct {
  int     n_out;
  int     n_taps;
  int    *first; /* (owned): n_out, may be outside the source */
  gint16 *coeff; /* (owned): n_out * n_taps */
} Taps;

static gint64
to_fixed (double value)
{
  return llround (value * (double)ONE);
}

/* The cubic at distance t >= 0 in 20 bits, result in 20 bits:
 * 1 - 5/2 t^2 + 3/2 t^3 up to 1; 2 - 4t + 5/2 t^2 - 1/2 t^3 up to 2. */
static gint64
cubic (gint64 t)
{
  gint64 t2 = t * t >> POSITION_BITS;
  gint64 t3 = t2 * t >> POSITION_BITS;

  if (t < ONE)
    return (2 * ONE - 5 * t2 + 3 * t3) / 2;
  if (t < 2 * ONE)
    return (4 * ONE - 8 * t + 5 * t2 - t3) / 2;
  return 0;
}

/* Rounds the weights to COEFF_BITS; what rounding leaves over goes to the largest one. */
static void
quantise (const gint64 *weights, int n, gint16 *out)
{
  gint64 sum = 0;
  gint64 left = 1 << COEFF_BITS;
  int    largest = 0;

  for (int k = 0; k < n; k++)
    sum += weights[k];
  for (int k = 0; k < n; k++) {
    gint64 scaled = weights[k] * (1 << COEFF_BITS) * 2 / sum;

    /* Halves are rounded away from zero. */
    out[k] = (gint16)((scaled + (scaled >= 0 ? 1 : -1)) / 2);
    left -= out[k];
    if (weights[k] > weights[largest])
      largest = k;
  }
  out[largest] = (gint16)(out[largest] + left);
}

static void
taps_init (Taps *self, gint64 origin, gint64 scale, int n_out)
{
  gint64             stretch = MAX (scale, ONE);
  gint64             reach = 2 * stretch;
  g_autofree gint64 *weights = NULL;

  self->n_out = n_out;
  self->n_taps = (int)(2 * reach / ONE) + 1;
  self->first = g_new (int, n_out);
  self->coeff = g_new (gint16, (gsize)n_out * self->n_taps);
  weights = g_new (gint64, self->n_taps);
  for (int i = 0; i < n_out; i++) {
    /* The centre of output pixel i, in units where the centre of source pixel 0 is 0. */
    gint64 centre = origin + (2 * i + 1) * scale / 2 - ONE / 2;
    gint64 first = (centre - reach + ONE - 1) >> POSITION_BITS;

    for (int k = 0; k < self->n_taps; k++) {
      gint64 distance = ABS ((first + k) * ONE - centre);

      weights[k] = cubic (distance * ONE / stretch);
    }
    self->first[i] = (int)first;
    quantise (weights, self->n_taps, self->coeff + (gsize)i * self->n_taps);
  }
}

static void
taps_clear (Taps *self)
{
  g_free (self->first);
  g_free (self->coeff);
}

/* The vertical pass for one output row: @line gets the columns [left, left + n_columns). */
static inline __attribute__ ((always_inline)) void
blend_rows (const RtkImage *source,
            const Taps     *rows,
            int             y,
            gsize           left_byte,
            gsize           n_bytes,
            gint32         *sums,
            gint16         *line)
{
  const guint8 *pixels = rtk_image_get_pixels (source);
  gsize         stride = rtk_image_get_stride (source);
  int           last = rtk_image_get_height (source) - 1;

  for (gsize i = 0; i < n_bytes; i++)
    sums[i] = 1 << (COEFF_BITS - MIDDLE_BITS - 1);
  for (int k = 0; k < rows->n_taps; k++) {
    gint16        coeff = rows->coeff[(gsize)y * rows->n_taps + k];
    const guint8 *row = pixels + stride * (gsize)CLAMP (rows->first[y] + k, 0, last) + left_byte;

    if (coeff == 0)
      continue;
    for (gsize i = 0; i < n_bytes; i++)
      sums[i] += coeff * (gint16)row[i];
  }
  for (gsize i = 0; i < n_bytes; i++)
    line[i] = (gint16)(sums[i] >> (COEFF_BITS - MIDDLE_BITS));
}

static guint8
finish (gint32 sum)
{
  gint32 value = (sum + (1 << (COEFF_BITS + MIDDLE_BITS - 1))) >> (COEFF_BITS + MIDDLE_BITS);

  return (guint8)CLAMP (value, 0, 255);
}

/* The horizontal pass for one output row; @line starts at the first tap of the first column. */
static inline __attribute__ ((always_inline)) void
blend_columns (const gint16 *line, const Taps *columns, int n_channels, guint8 *out)
{
  int base = columns->first[0];

  for (int x = 0; x < columns->n_out; x++) {
    const gint16 *coeff = columns->coeff + (gsize)x * columns->n_taps;
    const gint16 *from = line + (gsize)(columns->first[x] - base) * n_channels;

    if (n_channels == 3) {
      gint32 r = 0, g = 0, b = 0;

      for (int k = 0; k < columns->n_taps; k++) {
        r += coeff[k] * from[3 * k];
        g += coeff[k] * from[3 * k + 1];
        b += coeff[k] * from[3 * k + 2];
      }
      out[3 * x] = finish (r);
      out[3 * x + 1] = finish (g);
      out[3 * x + 2] = finish (b);
    } else {
      gint32 sum = 0;

      for (int k = 0; k < columns->n_taps; k++)
        sum += coeff[k] * from[k];
      out[x] = finish (sum);
    }
  }
}

/* Repeats the border pixels of a line that lie at [start, end) over all of [0, length). */
static void
replicate_borders (gint16 *line, int start, int end, int length, int n_channels)
{
  for (int x = 0; x < start; x++)
    memcpy (line + (gsize)x * n_channels, line + (gsize)start * n_channels,
            sizeof *line * (gsize)n_channels);
  for (int x = end; x < length; x++)
    memcpy (line + (gsize)x * n_channels, line + (gsize)(end - 1) * n_channels,
            sizeof *line * (gsize)n_channels);
}

typedef struct {
  const RtkImage *source;
  const Taps     *columns;
  const Taps     *rows;
  guint8         *out;
} Resampling;

RTK_WIDE static void
resample_rows (gpointer data, int first, int end)
{
  const Resampling *all = data;
  const Taps       *columns = all->columns;
  int               n_channels = rtk_pixel_format_get_bytes (rtk_image_get_format (all->source));
  int               source_width = rtk_image_get_width (all->source);
  int               base = columns->first[0];
  int               length = columns->first[columns->n_out - 1] + columns->n_taps - base;
  /* The part of the line that the source has. A crop wholly outside still sees one column. */
  int                from = CLAMP (base, 0, source_width - 1);
  int                to = CLAMP (base + length, from + 1, source_width);
  int                start = CLAMP (from - base, 0, length - 1);
  gsize              n_bytes = (gsize)(to - from) * n_channels;
  g_autofree gint32 *sums = g_new (gint32, n_bytes);
  g_autofree gint16 *line = g_new (gint16, ((gsize)length + (gsize)(to - from)) * n_channels);

  for (int y = first; y < end; y++) {
    blend_rows (all->source, all->rows, y, (gsize)from * n_channels, n_bytes, sums,
                line + (gsize)start * n_channels);
    replicate_borders (line, start, MIN (start + to - from, length), length, n_channels);
    blend_columns (line, columns, n_channels, all->out + (gsize)y * columns->n_out * n_channels);
  }
}

/* Whether the crop is a part of the source as it is: the kernel would copy every pixel. */
static gboolean
is_copy (const RtkImage *source, const RtkCrop *crop)
{
  return crop->scale == 1 && crop->x == floor (crop->x) && crop->y == floor (crop->y) &&
         crop->x >= 0 && crop->y >= 0 &&
         crop->x + crop->out_width <= rtk_image_get_width (source) &&
         crop->y + crop->out_height <= rtk_image_get_height (source);
}

static void
copy_rows (const RtkImage *source, const RtkCrop *crop, gsize row_bytes, guint8 *out)
{
  gsize         stride = rtk_image_get_stride (source);
  gsize         left = (gsize)crop->x * rtk_pixel_format_get_bytes (rtk_image_get_format (source));
  const guint8 *from = rtk_image_get_pixels (source) + stride * (gsize)crop->y + left;

  for (int y = 0; y < crop->out_height; y++)
    memcpy (out + row_bytes * (gsize)y, from + stride * (gsize)y, row_bytes);
}

/**
 * rtk_resample:
 * @source: GREY8 or RGB24
 * @crop: what part to take, and how large to make it. It may reach over the border, which is then
 *   replicated; at most 256 source pixels for one
 *
 * Crops and scales a picture, by the same factor both ways.
 *
 * Every byte of the result follows from the arguments by integer arithmetic alone (@crop is in
 * multiples of 1/65536, which are taken over exactly). A flat area keeps its value; at scale 1 and
 * whole positions pixels are copied. Blocking, any thread.
 *
 * Returns: (transfer full): a picture of the format of @source, without padding
 */
RtkImage *
rtk_resample (const RtkImage *source, const RtkCrop *crop)
{
  RtkPixelFormat format = rtk_image_get_format (source);
  gsize          stride = (gsize)crop->out_width * rtk_pixel_format_get_bytes (format);
  Taps           columns, rows;
  guint8        *out;

  g_return_val_if_fail (format != RTK_PIXEL_BGRA32, NULL);
  g_return_val_if_fail (crop->out_width > 0 && crop->out_height > 0, NULL);
  g_return_val_if_fail (crop->scale >= 1. / 65536 && crop->scale <= MAX_SCALE, NULL);
  g_return_val_if_fail (fabs (crop->x) < 1e6 && fabs (crop->y) < 1e6, NULL);

  out = g_malloc (stride * (gsize)crop->out_height);
  if (is_copy (source, crop)) {
    copy_rows (source, crop, stride, out);
    return rtk_image_new_take (format, crop->out_width, crop->out_height, stride, out);
  }
  taps_init (&columns, to_fixed (crop->x), to_fixed (crop->scale), crop->out_width);
  taps_init (&rows, to_fixed (crop->y), to_fixed (crop->scale), crop->out_height);
  rtk_parallel_rows (crop->out_height, stride * (gsize)(columns.n_taps + rows.n_taps),
                     resample_rows, &(Resampling){source, &columns, &rows, out});
  taps_clear (&columns);
  taps_clear (&rows);
  return rtk_image_new_take (format, crop->out_width, crop->out_height, stride, out);
}
