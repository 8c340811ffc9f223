/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-sampler-private.h"

#include <math.h>

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
  int              red;  /* which byte is red, green and blue */
  int              green;
  int              blue;
  RtkSamplerBorder border;
} Source;

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

  return (Source){
      .pixels = rtk_image_get_pixels (image),
      .stride = rtk_image_get_stride (image),
      .width = rtk_image_get_width (image),
      .height = rtk_image_get_height (image),
      .step = bgra ? 4 : 3,
      .red = bgra ? 2 : 0,
      .green = 1,
      .blue = bgra ? 0 : 2,
      .border = border,
  };
}

static inline void
add_bytes (const Source *source, const guint8 *pixel, float weight, float *sum)
{
  sum[0] += weight * pixel[source->red];
  sum[1] += weight * pixel[source->green];
  sum[2] += weight * pixel[source->blue];
}

/* Adds pixel (x, y) with @weight to @sum, as the border rule says. */
static inline void
add_pixel (const Source *source, int x, int y, float weight, float *sum)
{
  if (x < 0 || y < 0 || x >= source->width || y >= source->height) {
    if (source->border == RTK_SAMPLER_ZERO)
      return;
    x = CLAMP (x, 0, source->width - 1);
    y = CLAMP (y, 0, source->height - 1);
  }
  add_bytes (source, source->pixels + (gsize)y * source->stride + (gsize)x * (gsize)source->step,
             weight, sum);
}

/* Far outside nothing changes any more; what is no number counts as far outside, too. */
static inline double
limit (double place, int length)
{
  return place > -4. ? MIN (place, length + 4.) : -4.;
}

static inline void
sample_at (const Source *source, double x, double y, float *sum)
{
  /* Pixel centres lie at .5. The cast of a positive number is its floor, without a call. */
  int   left = (int)(limit (x - .5, source->width) + 4.) - 4;
  int   top = (int)(limit (y - .5, source->height) + 4.) - 4;
  float across = (float)CLAMP (x - .5 - left, 0., 1.);
  float down = (float)CLAMP (y - .5 - top, 0., 1.);

  sum[0] = sum[1] = sum[2] = 0.f;
  if (left >= 0 && top >= 0 && left < source->width - 1 && top < source->height - 1) {
    const guint8 *upper =
        source->pixels + (gsize)top * source->stride + (gsize)left * (gsize)source->step;

    add_bytes (source, upper, (1.f - across) * (1.f - down), sum);
    add_bytes (source, upper + source->step, across * (1.f - down), sum);
    add_bytes (source, upper + source->stride, (1.f - across) * down, sum);
    add_bytes (source, upper + source->stride + source->step, across * down, sum);
    return;
  }
  add_pixel (source, left, top, (1.f - across) * (1.f - down), sum);
  add_pixel (source, left + 1, top, across * (1.f - down), sum);
  add_pixel (source, left, top + 1, (1.f - across) * down, sum);
  add_pixel (source, left + 1, top + 1, across * down, sum);
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
  float   gain = (high - low) / 255.f;

  g_return_if_fail (rtk_image_get_format (image) != RTK_PIXEL_GREY8);
  g_return_if_fail (width > 0 && height > 0);

  source = open_source (image, border);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++, target += 3) {
      double at_x = mapping.origin.x + mapping.column.x * (x + .5) + mapping.row.x * (y + .5);
      double at_y = mapping.origin.y + mapping.column.y * (x + .5) + mapping.row.y * (y + .5);
      float  sum[3];

      sample_at (&source, at_x, at_y, sum);
      for (int c = 0; c < 3; c++)
        target[c] = low + gain * sum[c];
    }
}
