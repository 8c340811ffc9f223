/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "vision/rtk-measure.h"

G_BEGIN_DECLS

/* Pixels of a picture, whatever their order. */
typedef struct {
  const guint8 *data; /* (unowned) */
  gsize         stride;
  int           width;
  int           height;
  int           step; /* bytes a pixel */
  int           red;  /* byte of each colour in a pixel */
  int           green;
  int           blue;
} RtkPixels;

/* What all measures of one picture share. Left and right are those of the picture. */
typedef struct {
  RtkPixels      pixels;
  const float   *mask; /* (unowned) (nullable) */
  int            mask_size;
  const guint8  *wanted_background; /* (unowned) (nullable) */
  RtkAnalysis   *analysis;          /* (unowned) */
  const RtkFace *face;              /* (unowned) (nullable): NULL without a face that has points */
  RtkPoint       eyes[2];
  double         inter_eye;
  double         eye_to_chin;
} RtkMeasureContext;

RtkPoint rtk_measure_point (const RtkFace *face, int index);
double   rtk_measure_distance (RtkPoint a, RtkPoint b);
void     rtk_measure_rgb_to_lab (const double rgb[3], double out_lab[3]);
double   rtk_measure_sample_mask (const float *mask, int size, double x, double y);

void rtk_measure_light (RtkMeasureContext *self);
void rtk_measure_focus (RtkMeasureContext *self);
void rtk_measure_wall (RtkMeasureContext *self);
void rtk_measure_people (RtkMeasureContext *self);

/* BT.709 luma of sRGB bytes, 0..255. */
static inline double
rtk_measure_luma (double red, double green, double blue)
{
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

static inline const guint8 *
rtk_pixels_at (const RtkPixels *self, double x, double y)
{
  int column = CLAMP ((int)x, 0, self->width - 1);
  int row = CLAMP ((int)y, 0, self->height - 1);

  return self->data + (gsize)row * self->stride + (gsize)column * (gsize)self->step;
}

G_END_DECLS
