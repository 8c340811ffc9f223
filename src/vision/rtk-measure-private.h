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

/* A patch over the face, see rtk_face_patch_init(). */
typedef struct {
  int      width;
  int      height;
  double   gap;      /* between the eyes, pixels of the patch */
  RtkPoint eye;      /* the one on the left, in the patch */
  RtkPoint origin;   /* the same in the picture */
  double   across_x; /* one pixel along the eyes, pixels of the picture */
  double   across_y;
} RtkFacePatch;

/* Places a row of a patch at most, see rtk_patch_places_init(). */
#define RTK_PATCH_MAX_PLACES 1024

/* Where the places of one line through a patch lie: @n a pixel of the patch, from left to right. */
typedef struct {
  const RtkFacePatch *patch; /* (unowned) */
  int                 n;
  double              across[RTK_PATCH_MAX_PLACES];  /* from the eye, pixels of the patch */
  int                 columns[RTK_PATCH_MAX_PLACES]; /* of the picture */
  int                 rows[RTK_PATCH_MAX_PLACES];
} RtkPatchPlaces;

void     rtk_face_patch_init (RtkFacePatch            *self,
                              const RtkMeasureContext *context,
                              int                      width,
                              int                      height,
                              RtkPoint                 eye,
                              double                   gap);
RtkPoint rtk_face_patch_to_picture (const RtkFacePatch *self, double x, double y);
RtkPoint rtk_face_patch_from_picture (const RtkFacePatch *self, RtkPoint point);
void     rtk_face_patch_sample (
        const RtkFacePatch *self, const RtkPixels *pixels, int column, int row, int n, double rgb[3]);
void rtk_patch_places_init (RtkPatchPlaces *self, const RtkFacePatch *patch, int n);
void rtk_patch_places_find (
    RtkPatchPlaces *self, const RtkPixels *pixels, int row, int line, int from, int to);
void rtk_face_patch_mark (
    const RtkFacePatch *self, const RtkPoint *corners, int n, guint8 *area, guint8 bit);
void rtk_face_patch_mark_box (const RtkFacePatch *self, RtkRect box, guint8 *area, guint8 bit);
void rtk_face_patch_mark_points (const RtkFacePatch *self,
                                 const RtkFace      *face,
                                 const int          *points,
                                 int                 n,
                                 guint8             *area,
                                 guint8              bit);
void rtk_face_patch_set_place (
    const RtkFacePatch *self, RtkAnalysis *analysis, RtkCheckId id, const RtkPoint *corners, int n);
void rtk_face_patch_set_box (const RtkFacePatch *self,
                             RtkAnalysis        *analysis,
                             RtkCheckId          id,
                             RtkRect             box);

RtkPoint rtk_measure_point (const RtkFace *face, int index);
float    rtk_measure_median (float *values, int n);
double   rtk_measure_sample_mask (const float *mask, int size, double x, double y);

void rtk_measure_light (RtkMeasureContext *self);
void rtk_measure_focus (RtkMeasureContext *self);
void rtk_measure_wall (RtkMeasureContext *self);
void rtk_measure_people (RtkMeasureContext *self);
void rtk_measure_cover (RtkMeasureContext *self);
void rtk_measure_recapture (RtkMeasureContext *self);
void rtk_measure_retouch (RtkMeasureContext *self);

double rtk_measure_reflection (const RtkMeasureContext *self, RtkRect *out_box);

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

/* The pixel that a place of the line found last lies on. */
static inline const guint8 *
rtk_patch_places_get (const RtkPatchPlaces *self, const RtkPixels *pixels, int place)
{
  return pixels->data + (gsize)self->rows[place] * pixels->stride +
         (gsize)self->columns[place] * (gsize)pixels->step;
}

G_END_DECLS
