/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-floats-private.h"
#include "vision/rtk-sampler-private.h"

#include <math.h>
#include <string.h>

/* How a region's coordinates become the picture's: picture = origin + column * x + row * y. */
typedef struct {
  RtkPoint origin;
  RtkPoint column;
  RtkPoint row;
} Mapping;

typedef struct {
  const guint8    *pixels;
  gsize            stride;
  int              width;
  int              height;
  int              step; /* bytes a pixel */
  int              last; /* column from which on four bytes may reach beyond the last row */
  RtkSamplerBorder border;
} Source;

/* A place along one axis: between two pixels, and how near to the second. */
typedef struct {
  int   before;
  float after;
} Place;

static Mapping
map_region (const RtkRegion *region, int width, int height)
{
  double  cosine = cos (region->angle_rad);
  double  sine = sin (region->angle_rad);
  double  step_x = region->width / width;
  double  step_y = region->height / height;
  Mapping mapping;

  mapping.column = (RtkPoint){cosine * step_x, sine * step_x};
  mapping.row = (RtkPoint){-sine * step_y, cosine * step_y};
  mapping.origin.x = region->centre.x - (mapping.column.x * width + mapping.row.x * height) / 2;
  mapping.origin.y = region->centre.y - (mapping.column.y * width + mapping.row.y * height) / 2;
  return mapping;
}

static Source
open_source (const RtkImage *image, RtkSamplerBorder border)
{
  gboolean bgra = rtk_image_get_format (image) == RTK_PIXEL_BGRA32;
  int      width = rtk_image_get_width (image);

  return (Source){
      .pixels = rtk_image_get_pixels (image),
      .stride = rtk_image_get_stride (image),
      .width = width,
      .height = rtk_image_get_height (image),
      .step = bgra ? 4 : 3,
      .last = bgra ? width - 1 : width - 2,
      .border = border,
  };
}

/* Pixel (x, y), as the border rule says. */
static inline RtkFloats
load_checked (const Source *source, int x, int y)
{
  guint32 bytes = 0;

  if (x < 0 || y < 0 || x >= source->width || y >= source->height) {
    if (source->border == RTK_SAMPLER_ZERO)
      return (RtkFloats){0.f};
    x = CLAMP (x, 0, source->width - 1);
    y = CLAMP (y, 0, source->height - 1);
  }
  memcpy (&bytes, source->pixels + (gsize)y * source->stride + (gsize)x * (gsize)source->step, 3);
  return rtk_floats_from_bytes (GUINT32_FROM_LE (bytes));
}

/* Far outside nothing changes any more; what is no number counts as far outside, too. */
static inline double
limit (double place, int length)
{
  return place > -4. ? MIN (place, length + 4.) : -4.;
}

/* Between which pixels of @length @at lies. With a border that goes on, what lies beyond it is its
 * last pixel. */
static inline Place
find_place (double at, int length, RtkSamplerBorder border)
{
  /* Pixel centres lie at .5. The cast of a positive number is its floor, without a call. */
  int before = (int)(limit (at - .5, length) + 4.) - 4;

  if (border == RTK_SAMPLER_REPLICATE && length > 1) {
    if (before < 0)
      return (Place){0, 0.f};
    if (before > length - 2)
      return (Place){length - 2, 1.f};
  }
  return (Place){before, (float)CLAMP (at - .5 - before, 0., 1.)};
}

/* The same for what is known to lie between two pixels. */
static inline Place
find_place_inside (double at)
{
  int before = (int)(at - .5);

  return (Place){before, (float)(at - .5 - before)};
}

static inline RtkFloats
sample_at (const Source *source, Place x, Place y)
{
  float     upper_left = (1.f - x.after) * (1.f - y.after);
  float     upper_right = x.after * (1.f - y.after);
  float     lower_left = (1.f - x.after) * y.after;
  float     lower_right = x.after * y.after;
  RtkFloats sum;

  /* Three-byte pixels are read with a byte too many: never behind the last of all. */
  if (x.before >= 0 && y.before >= 0 && x.before < source->width - 1 &&
      y.before < source->height - 1 && (x.before < source->last || y.before < source->height - 2)) {
    const guint8 *pixel =
        source->pixels + (gsize)y.before * source->stride + (gsize)x.before * (gsize)source->step;

    sum = upper_left * rtk_floats_load (pixel);
    sum += upper_right * rtk_floats_load (pixel + source->step);
    sum += lower_left * rtk_floats_load (pixel + source->stride);
    sum += lower_right * rtk_floats_load (pixel + source->stride + source->step);
    return sum;
  }
  sum = upper_left * load_checked (source, x.before, y.before);
  sum += upper_right * load_checked (source, x.before + 1, y.before);
  sum += lower_left * load_checked (source, x.before, y.before + 1);
  sum += lower_right * load_checked (source, x.before + 1, y.before + 1);
  return sum;
}

/* What the bytes of a pixel become as R, G, B of a network's input. */
typedef struct {
  gboolean bgra;
  float    low;
  float    gain;
} Output;

static inline void
put (const Output *output, RtkFloats sum, float *target)
{
  RtkFloats value = output->low + output->gain * sum;

  target[0] = output->bgra ? value[2] : value[0];
  target[1] = value[1];
  target[2] = output->bgra ? value[0] : value[2];
}

/* A region parallel to the picture's edges: the places along a row are the same for all rows, and
 * beyond the picture all rows are the same. */
static void
sample_upright (const Source  *source,
                const Mapping *mapping,
                const Output  *output,
                float         *target,
                int            width,
                int            height)
{
  g_autofree Place *columns = g_new (Place, width);
  gsize             row_floats = 3 * (gsize)width;
  Place             above = {G_MININT, 0.f};

  for (int x = 0; x < width; x++)
    columns[x] = find_place (mapping->origin.x + mapping->column.x * (x + .5), source->width,
                             source->border);
  for (int y = 0; y < height; y++, target += row_floats) {
    Place row =
        find_place (mapping->origin.y + mapping->row.y * (y + .5), source->height, source->border);

    if (memcmp (&row, &above, sizeof row) == 0) {
      memcpy (target, target - row_floats, row_floats * sizeof *target);
      continue;
    }
    above = row;
    for (int x = 0; x < width; x++)
      put (output, sample_at (source, columns[x], row), target + 3 * x);
  }
}

/* Whether every place of the region lies between pixels. */
static gboolean
is_inside (const Source *source, const Mapping *mapping, int width, int height)
{
  for (int i = 0; i < 4; i++) {
    double x =
        mapping->origin.x + mapping->column.x * (i % 2 * width) + mapping->row.x * (i / 2 * height);
    double y =
        mapping->origin.y + mapping->column.y * (i % 2 * width) + mapping->row.y * (i / 2 * height);

    if (!(x > 1. && y > 1. && x < source->last - 1. && y < source->height - 2.))
      return FALSE;
  }
  return TRUE;
}

static void
sample_turned (const Source  *source,
               const Mapping *mapping,
               const Output  *output,
               float         *target,
               int            width,
               int            height)
{
  gboolean inside = is_inside (source, mapping, width, height);

  for (int y = 0; y < height; y++) {
    double row_x = mapping->origin.x + mapping->row.x * (y + .5);
    double row_y = mapping->origin.y + mapping->row.y * (y + .5);

    for (int x = 0; x < width; x++, target += 3) {
      double at_x = row_x + mapping->column.x * (x + .5);
      double at_y = row_y + mapping->column.y * (x + .5);
      Place  column =
          inside ? find_place_inside (at_x) : find_place (at_x, source->width, source->border);
      Place row =
          inside ? find_place_inside (at_y) : find_place (at_y, source->height, source->border);

      put (output, sample_at (source, column, row), target);
    }
  }
}

/**
 * rtk_region_from_rect:
 * @rect: a rectangle of the picture
 *
 * Returns: the region that covers @rect
 */
RtkRegion
rtk_region_from_rect (const RtkRect *rect)
{
  return (RtkRegion){
      .centre = {rect->x + rect->width / 2, rect->y + rect->height / 2},
      .width = rect->width,
      .height = rect->height,
  };
}

/**
 * rtk_region_to_picture:
 * @self: a region
 * @u: across it, 0 at its left edge, 1 at its right
 * @v: down it, 0 at its upper edge, 1 at its lower
 *
 * Returns: the place in pixels of the picture
 */
RtkPoint
rtk_region_to_picture (const RtkRegion *self, double u, double v)
{
  Mapping mapping = map_region (self, 1, 1);

  return (RtkPoint){
      mapping.origin.x + mapping.column.x * u + mapping.row.x * v,
      mapping.origin.y + mapping.column.y * u + mapping.row.y * v,
  };
}

/**
 * rtk_sampler_sample:
 * @image: RGB24 or BGRA32
 * @region: which part of it
 * @border: what lies beyond the picture
 * @low: what black becomes
 * @high: what white becomes
 * @target: (out): `3 * width * height` floats: R, G, B
 * @width: pixels a row of @target
 * @height: rows of @target
 *
 * Samples @region into a network's input, bilinearly at pixel centres.
 *
 * No averaging when it shrinks: the networks were trained on, and their makers run them on,
 * pictures sampled like this. Blocking, O(width * height). Any thread.
 */
void
rtk_sampler_sample (const RtkImage  *image,
                    const RtkRegion *region,
                    RtkSamplerBorder border,
                    float            low,
                    float            high,
                    float           *target,
                    int              width,
                    int              height)
{
  Mapping mapping = map_region (region, width, height);
  Source  source;
  Output  output = {
       .bgra = rtk_image_get_format (image) == RTK_PIXEL_BGRA32,
       .low = low,
       .gain = (high - low) / 255.f,
  };

  g_return_if_fail (rtk_image_get_format (image) != RTK_PIXEL_GREY8);
  g_return_if_fail (width > 0 && height > 0);

  source = open_source (image, border);
  if (fpclassify (region->angle_rad) == FP_ZERO)
    sample_upright (&source, &mapping, &output, target, width, height);
  else
    sample_turned (&source, &mapping, &output, target, width, height);
}
