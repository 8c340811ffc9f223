/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-matte.h"

#include "core/rtk-error.h"
#include "vision/rtk-cv.h"
#include "vision/rtk-matte-private.h"

#include <math.h>
#include <string.h>

/* A person fills at least this share of a portrait; less is noise of the network. */
#define LEAST_PERSON .005
/* The working grid is never larger than this, whatever the unit. */
#define MOST_CELLS 1500000.

static void
work_clear (RtkMatteWork *self)
{
  g_clear_pointer (&self->base, rtk_image_unref);
  g_clear_pointer (&self->picture, rtk_plane_free);
  g_clear_pointer (&self->relief, rtk_plane_free);
  g_clear_pointer (&self->flat, rtk_plane_free);
  g_clear_pointer (&self->mask, rtk_plane_free);
  g_clear_pointer (&self->wall, rtk_plane_free);
  g_clear_pointer (&self->soft_region, rtk_plane_free);
  g_clear_pointer (&self->known_wall, g_free);
  g_clear_pointer (&self->region, g_free);
  g_clear_pointer (&self->depth, g_free);
  g_clear_pointer (&self->outside, g_free);
  g_clear_pointer (&self->texture, rtk_plane_free);
  g_clear_pointer (&self->hole_core, g_free);
  g_clear_pointer (&self->hole, g_free);
  g_clear_pointer (&self->light, g_free);
  g_clear_pointer (&self->solid, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RtkMatteWork, work_clear)

static RtkImage *
resize (const RtkImage *picture, int width, int height, GError **error)
{
  guint8     *pixels = g_malloc ((gsize)width * height * 3);
  RtkCvBuffer from =
      rtk_cv_buffer_u8 ((void *)rtk_image_get_pixels (picture), rtk_image_get_width (picture),
                        rtk_image_get_height (picture), 3, rtk_image_get_stride (picture));
  RtkCvBuffer to = rtk_cv_buffer_u8 (pixels, width, height, 3, (gsize)width * 3);
  RtkCvFilter filter =
      width < rtk_image_get_width (picture) ? RTK_CV_FILTER_AREA : RTK_CV_FILTER_BILINEAR;

  if (!rtk_cv_resize (&from, &to, filter, error)) {
    g_free (pixels);
    return NULL;
  }
  return rtk_image_new_take (RTK_PIXEL_RGB24, width, height, (gsize)width * 3, pixels);
}

/* Every cell is the mean of four pixels of the base. */
static RtkPlane *
halve_base (const RtkImage *base, int width, int height)
{
  RtkPlane *out = rtk_plane_new (width, height, 3);
  gsize     stride = rtk_image_get_stride (base);

  for (int y = 0; y < height; y++) {
    const guint8 *row = rtk_image_get_pixels (base) + stride * (gsize)(2 * y);
    float        *to = out->data + (gsize)y * width * 3;

    for (int x = 0; x < width; x++) {
      for (int c = 0; c < 3; c++) {
        const guint8 *from = row + 6 * x + c;

        to[3 * x + c] = (float)(from[0] + from[3] + from[stride] + from[stride + 3]) / 1020;
      }
    }
  }
  return out;
}

static void
sample_mask (RtkMatteWork *work, const RtkMatteRequest *request, double cell_x, double cell_y)
{
  RtkPlane given = {request->mask_width, request->mask_height, 1, (float *)request->mask};
  double   per_x = request->mask_width / request->mask_rect.width;
  double   per_y = request->mask_height / request->mask_rect.height;

  work->mask =
      rtk_plane_sample (&given, -request->mask_rect.x * per_x, -request->mask_rect.y * per_y,
                        cell_x * per_x, cell_y * per_y, work->width, work->height);
}

/* Fills the polygon row by row: even-odd rule at the centres of the cells. */
static void
mark_solid (RtkMatteWork *work, const RtkMatteRequest *request, double cell_x, double cell_y)
{
  work->solid = g_malloc0 ((gsize)work->width * work->height);
  for (int y = 0; y < work->height && request->n_solid >= 3; y++) {
    double py = (y + .5) * cell_y;

    for (guint i = 0, j = request->n_solid - 1; i < request->n_solid; j = i++) {
      const RtkPoint *a = &request->solid[i], *b = &request->solid[j];
      int             from;

      if ((a->y > py) == (b->y > py))
        continue;
      from = (int)CLAMP (ceil ((a->x + (py - a->y) * (b->x - a->x) / (b->y - a->y)) / cell_x - .5),
                         0, work->width);
      for (int x = from; x < work->width; x++)
        work->solid[(gsize)y * work->width + (gsize)x] ^= 1;
    }
  }
}

static gboolean
check_person (const RtkMatteWork *work, GError **error)
{
  gsize n = (gsize)work->width * work->height;
  gsize person = 0;

  for (gsize i = 0; i < n; i++)
    person += work->mask->data[i] > .5f ? 1 : 0;
  if ((double)person >= LEAST_PERSON * (double)n)
    return TRUE;
  g_set_error_literal (error, RTK_ERROR, RTK_ERROR_NO_PERSON,
                       "There is nobody in the picture: choose a picture of a person");
  return FALSE;
}

static gboolean
work_init (RtkMatteWork          *self,
           const RtkImage        *picture,
           const RtkMatteRequest *request,
           GError               **error)
{
  int    width = rtk_image_get_width (picture), height = rtk_image_get_height (picture);
  double unit = request->unit > 0 ? request->unit : MIN (width, height * .75);
  double scale = MIN (MIN (1, RTK_MATTE_UNIT / unit), sqrt (MOST_CELLS / ((double)width * height)));
  double cell_x, cell_y;

  self->width = MAX (16, (int)lround (width * scale));
  self->height = MAX (16, (int)lround (height * scale));
  cell_x = (double)width / self->width;
  cell_y = (double)height / self->height;
  self->base = resize (picture, 2 * self->width, 2 * self->height, error);
  if (self->base == NULL)
    return FALSE;
  self->picture = halve_base (self->base, self->width, self->height);
  sample_mask (self, request, cell_x, cell_y);
  mark_solid (self, request, cell_x, cell_y);
  self->has_face = request->n_solid >= 3;
  self->holes_above = (int)CLAMP (request->holes_above / cell_y, 0, self->height);
  self->known_wall = g_malloc ((gsize)self->width * self->height);
  return check_person (self, error);
}

/* Puts the plate on the working grid, if there is one. */
static gboolean
read_plate (const RtkMatteWork *work, const RtkImage *plate, RtkPlane **out_plane, GError **error)
{
  g_autoptr (RtkImage) base = NULL;

  if (plate == NULL)
    return TRUE;
  base = resize (plate, 2 * work->width, 2 * work->height, error);
  if (base == NULL)
    return FALSE;
  *out_plane = halve_base (base, work->width, work->height);
  return TRUE;
}

/**
 * rtk_matte_make:
 * @picture: RGB24, the whole picture or a part of it with some wall around the person
 * @request: what is known of it
 * @out_matte: (out caller-allocates): cleared by rtk_matte_clear()
 * @error: return location for an #RtkError
 *
 * Cuts a person out.
 *
 * A model of the wall is grown from where the coarse mask is sure of it towards the person, through
 * shadows; then every pixel near the outline is unmixed into wall and person. In front of a busy
 * background, which has no model, the mask's outline is drawn to the edges of the picture instead,
 * and @out_matte says so. Lengths go by `unit`, so the result does not depend on the resolution but
 * for its detail.
 *
 * Blocking, any thread; work is shared out to the cores, which changes no byte.
 * Fails with %RTK_ERROR_NO_PERSON if the mask is empty, and with %RTK_ERROR_BACKEND.
 *
 * Returns: %TRUE on success; on %FALSE @out_matte is not set
 */
gboolean
rtk_matte_make (const RtkImage        *picture,
                const RtkMatteRequest *request,
                RtkMatte              *out_matte,
                GError               **error)
{
  g_auto (RtkMatteWork) work = {0};
  int     width = rtk_image_get_width (picture), height = rtk_image_get_height (picture);
  guint8 *alpha;
  g_autoptr (RtkPlane) plate = NULL;

  g_return_val_if_fail (rtk_image_get_format (picture) == RTK_PIXEL_RGB24, FALSE);
  g_return_val_if_fail (request->mask_width > 0 && request->mask_height > 0, FALSE);
  g_return_val_if_fail (request->mask_rect.width > 0 && request->mask_rect.height > 0, FALSE);

  g_return_val_if_fail (request->plate == NULL || (rtk_image_get_width (request->plate) == width &&
                                                   rtk_image_get_height (request->plate) == height),
                        FALSE);

  if (!work_init (&work, picture, request, error) ||
      !read_plate (&work, request->plate, &plate, error))
    return FALSE;
  alpha = g_malloc ((gsize)width * height);
  out_matte->is_plain = rtk_matte_find_wall (&work, plate, &out_matte->plate_fits);
  out_matte->wall_sigma = work.wall != NULL ? work.noise : 1;
  if (out_matte->is_plain) {
    rtk_matte_find_region (&work);
    rtk_matte_find_holes (&work);
    rtk_matte_unmix (&work, picture, alpha);
  } else {
    rtk_matte_soften (&work, picture, alpha);
  }
  rtk_matte_drop_islands (&work, width, height, alpha);
  out_matte->alpha = rtk_image_new_take (RTK_PIXEL_GREY8, width, height, (gsize)width, alpha);
  return TRUE;
}

/**
 * rtk_matte_clear:
 * @self: a matte
 *
 * Frees what @self holds.
 */
void
rtk_matte_clear (RtkMatte *self)
{
  g_clear_pointer (&self->alpha, rtk_image_unref);
}
