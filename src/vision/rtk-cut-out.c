/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-cut-out.h"

#include "vision/rtk-mesh-points-private.h"
#include "vision/rtk-parallel-private.h"
#include "vision/rtk-recipe.h"
#include "vision/rtk-resample.h"

#include <math.h>
#include <string.h>

/* The mask is made of more than the crop, by this: at the edge of what it sees the network takes
 * shoulders for half transparent. From 1.6 on hair gets too small for it. */
#define MASK_MARGIN .125
/* The outline of the face is drawn in by this: a mesh lies a little outside a turned cheek. */
#define OUTLINE_SHRINK .96
/* A person that fills less of the frame than this is looked at again from nearer. */
#define SMALL_PERSON .6
/* How much wider than the face a portrait is: what the crop of a diploma photo aims at. */
#define PORTRAIT_PER_FACE 2.
/* What the body network gives less than this counts for nothing. */
#define BODY_DOUBT .6f
/* Its outlines are too soft by this many of its pixels. */
#define BODY_EDGE 2
/* Point of the mesh at the tip of the chin. */
#define CHIN_POINT 152

/* How the pixels of a part lie in the picture. */
typedef struct {
  double x;
  double y;
  double scale;
} Part;

static void
get_outline (const RtkFace *face, const Part *part, RtkPoint outline[RTK_N_OVAL_POINTS])
{
  RtkPoint centre = {0, 0};

  for (int i = 0; i < RTK_N_OVAL_POINTS; i++) {
    outline[i].x = (face->points[rtk_mesh_oval[i]].x - part->x) / part->scale;
    outline[i].y = (face->points[rtk_mesh_oval[i]].y - part->y) / part->scale;
    centre.x += outline[i].x / RTK_N_OVAL_POINTS;
    centre.y += outline[i].y / RTK_N_OVAL_POINTS;
  }
  for (int i = 0; i < RTK_N_OVAL_POINTS; i++) {
    outline[i].x = centre.x + (outline[i].x - centre.x) * OUTLINE_SHRINK;
    outline[i].y = centre.y + (outline[i].y - centre.y) * OUTLINE_SHRINK;
  }
}

static RtkRect
widen (RtkRect rect, double margin, const RtkImage *picture)
{
  double left = MAX (0, rect.x - margin * rect.width);
  double top = MAX (0, rect.y - margin * rect.height);
  double right = MIN (rtk_image_get_width (picture), rect.x + (1 + margin) * rect.width);
  double bottom = MIN (rtk_image_get_height (picture), rect.y + (1 + margin) * rect.height);

  return (RtkRect){left, top, MAX (1, right - left), MAX (1, bottom - top)};
}

/* What the body network is sure of around a place of the picture; @square is what it was asked
 * about. */
static float
get_body (const float *body, const RtkRect *square, double x, double y)
{
  int   column = (int)floor ((x - square->x) / square->width * RTK_MASK_SIZE);
  int   row = (int)floor ((y - square->y) / square->height * RTK_MASK_SIZE);
  float least = 1;

  for (int dy = -BODY_EDGE; dy <= BODY_EDGE; dy++) {
    const float *line = body + CLAMP (row + dy, 0, RTK_MASK_SIZE - 1) * RTK_MASK_SIZE;

    for (int dx = -BODY_EDGE; dx <= BODY_EDGE; dx++)
      least = MIN (least, line[CLAMP (column + dx, 0, RTK_MASK_SIZE - 1)]);
  }
  return least;
}

/* What two networks are asked. */
typedef struct {
  RtkNetworks    *networks;
  const RtkImage *picture;
  const RtkRect  *area;
  RtkRect         square;
  float          *mask;
  float          *body;
  GError         *mask_error;
  GError         *body_error;
} Question;

static void
ask_selfie_cb (gpointer data, gpointer shared)
{
  Question *self = shared;

  rtk_networks_segment (self->networks, self->picture, self->area, self->mask, &self->mask_error);
}

static void
ask_body_cb (gpointer data, gpointer shared)
{
  Question *self = shared;

  rtk_networks_segment_body (self->networks, self->picture, &self->square, self->body,
                             &self->body_error);
}

static void
join_opinions (const Question *self)
{
  const RtkRect *area = self->area;

  for (int y = 0; y < RTK_MASK_SIZE; y++) {
    for (int x = 0; x < RTK_MASK_SIZE; x++) {
      float *value = &self->mask[y * RTK_MASK_SIZE + x];
      float  other =
          get_body (self->body, &self->square, area->x + (x + .5) / RTK_MASK_SIZE * area->width,
                    area->y + (y + .5) / RTK_MASK_SIZE * area->height);

      *value = MAX (*value, (other - BODY_DOUBT) / (1 - BODY_DOUBT));
    }
  }
}

/* Two networks are asked: one knows portraits, but may lose a back or a light shirt; the other
 * knows bodies, and what it is sure of is person. */
static gboolean
find_mask (RtkNetworks    *networks,
           const RtkImage *picture,
           const RtkRect  *area,
           float          *mask,
           GError        **error)
{
  static const RtkTask tasks[] = {{ask_body_cb, NULL}, {ask_selfie_cb, NULL}};
  double               side = MAX (area->width, area->height);
  g_autofree float    *body = g_new (float, RTK_MASK_SIZE *RTK_MASK_SIZE);
  Question             both = {
                  .networks = networks,
                  .picture = picture,
                  .area = area,
                  .square = {area->x + (area->width - side) / 2, area->y + (area->height - side) / 2, side,
                             side},
                  .mask = mask,
                  .body = body,
  };

  rtk_parallel_tasks (tasks, G_N_ELEMENTS (tasks), &both);
  if (both.mask_error == NULL && both.body_error == NULL) {
    join_opinions (&both);
    return TRUE;
  }
  if (both.mask_error == NULL)
    both.mask_error = g_steal_pointer (&both.body_error);
  g_clear_error (&both.body_error);
  g_propagate_error (error, g_steal_pointer (&both.mask_error));
  return FALSE;
}

static gboolean
make_part (const RtkImage *image,
           const Part     *part,
           const float    *mask,
           const RtkRect  *area,
           double          unit,
           const RtkFace  *face,
           const RtkImage *plate,
           RtkMatte       *out_matte,
           GError        **error)
{
  RtkPoint        outline[RTK_N_OVAL_POINTS];
  RtkMatteRequest request = {
      .mask = mask,
      .mask_width = RTK_MASK_SIZE,
      .mask_height = RTK_MASK_SIZE,
      .mask_rect = {(area->x - part->x) / part->scale, (area->y - part->y) / part->scale,
                    area->width / part->scale, area->height / part->scale},
      .unit = unit / part->scale,
      .holes_above = G_MAXDOUBLE,
      .plate = plate,
  };

  if (face != NULL && face->has_points) {
    get_outline (face, part, outline);
    request.solid = outline;
    request.n_solid = RTK_N_OVAL_POINTS;
    request.holes_above = MAX (0, (face->points[CHIN_POINT].y - part->y) / part->scale);
  }
  return rtk_matte_make (image, &request, out_matte, error);
}

/* The same part of the plate. NULL without one, and of one that another camera took. */
static RtkImage *
resample_plate (const RtkImage *plate, const RtkImage *picture, const RtkCrop *crop)
{
  if (plate == NULL || rtk_image_get_width (plate) != rtk_image_get_width (picture) ||
      rtk_image_get_height (plate) != rtk_image_get_height (picture))
    return NULL;
  return rtk_resample (plate, crop);
}

/**
 * rtk_cut_out_crop:
 * @networks: the networks; used on this thread only
 * @picture: RGB24: the upright original
 * @crop: where the finished picture lies
 * @face: (nullable): the subject, which stays whole
 * @plate: (nullable): RGB24: the wall without the person; one of another size does not fit
 * @out_matte: (out caller-allocates): of the working crop, see rtk_recipe_get_working_crop()
 * @error: return location for an #RtkError
 *
 * Cuts the person out of the part of @picture that becomes the finished one.
 *
 * Blocking, about 0.12 s. Fails as rtk_matte_make() does.
 *
 * Returns: %TRUE on success
 */
gboolean
rtk_cut_out_crop (RtkNetworks    *networks,
                  const RtkImage *picture,
                  const RtkCrop  *crop,
                  const RtkFace  *face,
                  const RtkImage *plate,
                  RtkMatte       *out_matte,
                  GError        **error)
{
  RtkCrop work = rtk_recipe_get_working_crop (crop, rtk_image_get_width (picture),
                                              rtk_image_get_height (picture));
  Part    part = {work.x, work.y, work.scale};
  RtkRect area = widen (rtk_crop_get_source_rect (crop), MASK_MARGIN, picture);
  g_autoptr (RtkImage) working = NULL;
  g_autoptr (RtkImage) working_plate = NULL;
  g_autofree float *mask = g_new (float, RTK_MASK_SIZE *RTK_MASK_SIZE);

  if (!find_mask (networks, picture, &area, mask, error))
    return FALSE;
  working = rtk_resample (picture, &work);
  working_plate = resample_plate (plate, picture, &work);
  return make_part (working, &part, mask, &area, crop->scale * crop->out_width, face, working_plate,
                    out_matte, error);
}

/* Where in the picture the mask sees anybody. FALSE when nowhere. */
static gboolean
find_person (const float *mask, const RtkImage *picture, RtkRect *out_rect)
{
  int    left = RTK_MASK_SIZE, top = RTK_MASK_SIZE, right = -1, bottom = -1;
  double step_x = (double)rtk_image_get_width (picture) / RTK_MASK_SIZE;
  double step_y = (double)rtk_image_get_height (picture) / RTK_MASK_SIZE;

  for (int y = 0; y < RTK_MASK_SIZE; y++) {
    for (int x = 0; x < RTK_MASK_SIZE; x++) {
      if (mask[y * RTK_MASK_SIZE + x] < .3f)
        continue;
      left = MIN (left, x);
      right = MAX (right, x);
      top = MIN (top, y);
      bottom = MAX (bottom, y);
    }
  }
  if (right < 0)
    return FALSE;
  *out_rect = (RtkRect){left * step_x, top * step_y, (right + 1 - left) * step_x,
                        (bottom + 1 - top) * step_y};
  return TRUE;
}

/* The least value around a place: what is certain there is not the outline. */
static float
get_inner (const float *mask, int at_x, int at_y)
{
  float least = 1;

  for (int y = MAX (0, at_y - 2); y <= MIN (RTK_MASK_SIZE - 1, at_y + 2); y++) {
    for (int x = MAX (0, at_x - 2); x <= MIN (RTK_MASK_SIZE - 1, at_x + 2); x++)
      least = MIN (least, mask[y * RTK_MASK_SIZE + x]);
  }
  return least;
}

/* From near the network may lose the middle of a large plain thing, such as a back: what it was
 * sure of from afar stays. */
static void
keep_certain (float *near_mask, const RtkRect *area, const float *far_mask, const RtkImage *picture)
{
  double per_x = RTK_MASK_SIZE / (double)rtk_image_get_width (picture);
  double per_y = RTK_MASK_SIZE / (double)rtk_image_get_height (picture);

  for (int y = 0; y < RTK_MASK_SIZE; y++) {
    int far_y = (int)((area->y + (y + .5) / RTK_MASK_SIZE * area->height) * per_y);

    for (int x = 0; x < RTK_MASK_SIZE; x++) {
      int    far_x = (int)((area->x + (x + .5) / RTK_MASK_SIZE * area->width) * per_x);
      float *value = &near_mask[y * RTK_MASK_SIZE + x];

      *value = MAX (*value, (get_inner (far_mask, far_x, far_y) - .9f) / .1f);
    }
  }
}

static double
get_face_width (const RtkFace *face)
{
  float left = G_MAXFLOAT, right = -G_MAXFLOAT;

  for (int i = 0; i < RTK_N_OVAL_POINTS; i++) {
    left = MIN (left, face->points[rtk_mesh_oval[i]].x);
    right = MAX (right, face->points[rtk_mesh_oval[i]].x);
  }
  return right - left;
}

/* Puts the alpha of a part into an alpha of the whole frame. */
static RtkImage *
place_in_frame (const RtkImage *alpha, int x, int y, const RtkImage *picture)
{
  int     width = rtk_image_get_width (picture), height = rtk_image_get_height (picture);
  guint8 *pixels = g_malloc0 ((gsize)width * height);

  for (int row = 0; row < rtk_image_get_height (alpha); row++)
    memcpy (pixels + (gsize)(y + row) * width + (gsize)x,
            rtk_image_get_pixels (alpha) + rtk_image_get_stride (alpha) * (gsize)row,
            (gsize)rtk_image_get_width (alpha));
  return rtk_image_new_take (RTK_PIXEL_GREY8, width, height, (gsize)width, pixels);
}

/* The part of the frame to look at, and a mask of it. A person that fills little of the frame is
 * looked at a second time from nearer. */
static gboolean
find_part (
    RtkNetworks *networks, const RtkImage *picture, RtkRect *area, float *mask, GError **error)
{
  g_autofree float *near_mask = NULL;
  RtkRect           person;
  double            whole = area->width * area->height;

  if (!find_mask (networks, picture, area, mask, error))
    return FALSE;
  if (!find_person (mask, picture, &person))
    return TRUE;
  person = widen (person, .2, picture);
  if (person.width * person.height >= SMALL_PERSON * whole)
    return TRUE;
  area->x = floor (person.x);
  area->y = floor (person.y);
  area->width = MIN (ceil (person.width), area->width - area->x);
  area->height = MIN (ceil (person.height), area->height - area->y);
  near_mask = g_new (float, RTK_MASK_SIZE *RTK_MASK_SIZE);
  if (!find_mask (networks, picture, area, near_mask, error))
    return FALSE;
  keep_certain (near_mask, area, mask, picture);
  memcpy (mask, near_mask, sizeof (float) * RTK_MASK_SIZE * RTK_MASK_SIZE);
  return TRUE;
}

/**
 * rtk_cut_out_frame:
 * @networks: the networks; used on this thread only
 * @picture: RGB24
 * @face: (nullable): the largest face, where there is one
 * @plate: (nullable): RGB24: the wall without the person; one of another size does not fit
 * @out_matte: (out caller-allocates): of the whole frame
 * @error: return location for an #RtkError
 *
 * Cuts the person out of a whole frame.
 *
 * A face is not needed, a person is. Somebody who fills little of the frame is looked at a second
 * time from nearer. Blocking, about 0.12 s and 40 ms a megapixel. Fails as rtk_matte_make() does.
 *
 * Returns: %TRUE on success
 */
gboolean
rtk_cut_out_frame (RtkNetworks    *networks,
                   const RtkImage *picture,
                   const RtkFace  *face,
                   const RtkImage *plate,
                   RtkMatte       *out_matte,
                   GError        **error)
{
  RtkRect           area = {0, 0, rtk_image_get_width (picture), rtk_image_get_height (picture)};
  gboolean          is_whole;
  double            unit;
  RtkCrop           cut = {.scale = 1};
  Part              part = {.scale = 1};
  g_autofree float *mask = g_new (float, RTK_MASK_SIZE *RTK_MASK_SIZE);
  g_autoptr (RtkImage) near = NULL;
  g_autoptr (RtkImage) near_plate = NULL;
  RtkImage *alpha;

  if (!find_part (networks, picture, &area, mask, error))
    return FALSE;
  is_whole = (int)area.width == rtk_image_get_width (picture) &&
             (int)area.height == rtk_image_get_height (picture);
  unit = MIN (area.width, is_whole ? area.height * .75 : area.height);
  if (face != NULL && face->has_points)
    unit = PORTRAIT_PER_FACE * get_face_width (face);
  cut.x = part.x = area.x;
  cut.y = part.y = area.y;
  cut.out_width = (int)area.width;
  cut.out_height = (int)area.height;
  near = rtk_resample (picture, &cut);
  near_plate = resample_plate (plate, picture, &cut);
  if (!make_part (near, &part, mask, &area, unit, face, near_plate, out_matte, error))
    return FALSE;
  alpha = place_in_frame (out_matte->alpha, (int)cut.x, (int)cut.y, picture);
  rtk_image_unref (out_matte->alpha);
  out_matte->alpha = alpha;
  return TRUE;
}
