/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-measure-private.h"

#include <math.h>
#include <string.h>

/* Corners that a row of a polygon of the face can cross. */
#define MAX_CROSSINGS 64

/* Lays a patch over the face: turned so that the eyes are level, @gap pixels apart, the one on the
 * left of the picture at @eye. A number measured in it means the same for every camera
 * and distance. */
void
rtk_face_patch_init (RtkFacePatch            *self,
                     const RtkMeasureContext *context,
                     int                      width,
                     int                      height,
                     RtkPoint                 eye,
                     double                   gap)
{
  self->width = width;
  self->height = height;
  self->gap = gap;
  self->eye = eye;
  self->origin = context->eyes[0];
  self->across_x = (context->eyes[1].x - context->eyes[0].x) / gap;
  self->across_y = (context->eyes[1].y - context->eyes[0].y) / gap;
}

RtkPoint
rtk_face_patch_to_picture (const RtkFacePatch *self, double x, double y)
{
  double u = x - self->eye.x;
  double v = y - self->eye.y;

  return (RtkPoint){self->origin.x + u * self->across_x - v * self->across_y,
                    self->origin.y + u * self->across_y + v * self->across_x};
}

RtkPoint
rtk_face_patch_from_picture (const RtkFacePatch *self, RtkPoint point)
{
  double square = self->across_x * self->across_x + self->across_y * self->across_y;
  double x = point.x - self->origin.x;
  double y = point.y - self->origin.y;

  return (RtkPoint){(x * self->across_x + y * self->across_y) / square + self->eye.x,
                    (y * self->across_x - x * self->across_y) / square + self->eye.y};
}

/* Mean of n x n places of the picture under the pixel of the patch at @column and @row. */
void
rtk_face_patch_sample (
    const RtkFacePatch *self, const RtkPixels *pixels, int column, int row, int n, double rgb[3])
{
  RtkPoint first = rtk_face_patch_to_picture (self, column + 0.5 / n, row + 0.5 / n);
  double   step_x = self->across_x / n;
  double   step_y = self->across_y / n;
  guint    sums[3] = {0};

  for (int v = 0; v < n; v++) {
    for (int u = 0; u < n; u++) {
      const guint8 *pixel = rtk_pixels_at (pixels, first.x + u * step_x - v * step_y,
                                           first.y + u * step_y + v * step_x);

      sums[0] += pixel[pixels->red];
      sums[1] += pixel[pixels->green];
      sums[2] += pixel[pixels->blue];
    }
  }
  for (int c = 0; c < 3; c++)
    rgb[c] = (double)sums[c] / (n * n);
}

/* Prepares to look at @n x @n places of the picture under each pixel of @patch. */
void
rtk_patch_places_init (RtkPatchPlaces *self, const RtkFacePatch *patch, int n)
{
  g_assert (patch->width * n <= RTK_PATCH_MAX_PLACES);
  self->patch = patch;
  self->n = n;
  for (int i = 0; i < patch->width * n; i++)
    self->across[i] = i / n + (i % n + 0.5) / n - patch->eye.x;
}

/* Finds where the places on the line @line (of n) of a row of the patch lie, for its columns from
 * @from to before @to. Beyond the picture lie its last pixels. A line at a time, and nothing but
 * arithmetic, so that a compiler can do several places at once. */
void
rtk_patch_places_find (
    RtkPatchPlaces *self, const RtkPixels *pixels, int row, int line, int from, int to)
{
  const RtkFacePatch *patch = self->patch;
  double              down = row + (line + 0.5) / self->n - patch->eye.y;
  int                 right = pixels->width - 1;
  int                 bottom = pixels->height - 1;

  for (int i = from * self->n; i < to * self->n; i++) {
    int column =
        (int)(patch->origin.x + self->across[i] * patch->across_x - down * patch->across_y);

    self->columns[i] = CLAMP (column, 0, right);
  }
  for (int i = from * self->n; i < to * self->n; i++) {
    int picture_row =
        (int)(patch->origin.y + self->across[i] * patch->across_y + down * patch->across_x);

    self->rows[i] = CLAMP (picture_row, 0, bottom);
  }
}

/* Sets @bit in the bytes of @area (as large as the patch) whose centres lie inside the polygon
 * (even-odd rule). */
void
rtk_face_patch_mark (
    const RtkFacePatch *self, const RtkPoint *corners, int n, guint8 *area, guint8 bit)
{
  double top = self->height;
  double bottom = 0.;

  g_assert (n <= MAX_CROSSINGS);
  for (int i = 0; i < n; i++) {
    top = MIN (top, corners[i].y);
    bottom = MAX (bottom, corners[i].y);
  }
  for (int row = MAX (0, (int)top); row < MIN (self->height, (int)ceil (bottom)); row++) {
    double y = row + 0.5;
    double crossings[MAX_CROSSINGS];
    int    n_crossings = 0;

    for (int i = 0; i < n; i++) {
      RtkPoint a = corners[i];
      RtkPoint b = corners[(i + 1) % n];

      if ((a.y <= y) != (b.y <= y)) {
        double x = a.x + (y - a.y) * (b.x - a.x) / (b.y - a.y);
        int    j = n_crossings++;

        for (; j > 0 && crossings[j - 1] > x; j--)
          crossings[j] = crossings[j - 1];
        crossings[j] = x;
      }
    }
    for (int i = 0; i + 1 < n_crossings; i += 2) {
      int from = CLAMP ((int)ceil (crossings[i] - 0.5), 0, self->width);
      int to = CLAMP ((int)ceil (crossings[i + 1] - 0.5), 0, self->width);

      for (int column = from; column < to; column++)
        area[row * self->width + column] |= bit;
    }
  }
}

/* As rtk_face_patch_mark(), of a polygon of mesh points. */
void
rtk_face_patch_mark_points (const RtkFacePatch *self,
                            const RtkFace      *face,
                            const int          *points,
                            int                 n,
                            guint8             *area,
                            guint8              bit)
{
  RtkPoint corners[MAX_CROSSINGS];

  g_assert (n <= MAX_CROSSINGS);
  for (int i = 0; i < n; i++)
    corners[i] = rtk_face_patch_from_picture (self, rtk_measure_point (face, points[i]));
  rtk_face_patch_mark (self, corners, n, area, bit);
}

static void
get_corners (RtkRect box, RtkPoint corners[4])
{
  corners[0] = (RtkPoint){box.x, box.y};
  corners[1] = (RtkPoint){box.x + box.width, box.y};
  corners[2] = (RtkPoint){box.x + box.width, box.y + box.height};
  corners[3] = (RtkPoint){box.x, box.y + box.height};
}

/* As rtk_face_patch_mark(), of a box. */
void
rtk_face_patch_mark_box (const RtkFacePatch *self, RtkRect box, guint8 *area, guint8 bit)
{
  RtkPoint corners[4];

  get_corners (box, corners);
  rtk_face_patch_mark (self, corners, 4, area, bit);
}

/* Sets the place of @id to what @corners of the patch (at most RTK_N_PLACE_POINTS) are in the
 * picture. */
void
rtk_face_patch_set_place (
    const RtkFacePatch *self, RtkAnalysis *analysis, RtkCheckId id, const RtkPoint *corners, int n)
{
  RtkMeasure *measure = &analysis->measures[id];

  measure->n_place = (guint)MIN (n, RTK_N_PLACE_POINTS);
  for (guint i = 0; i < measure->n_place; i++)
    measure->place[i] = rtk_face_patch_to_picture (self, corners[i].x, corners[i].y);
}

/* As rtk_face_patch_set_place(), of a box in the patch. */
void
rtk_face_patch_set_box (const RtkFacePatch *self, RtkAnalysis *analysis, RtkCheckId id, RtkRect box)
{
  RtkPoint corners[4];

  get_corners (box, corners);
  rtk_face_patch_set_place (self, analysis, id, corners, 4);
}
