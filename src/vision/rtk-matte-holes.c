/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-matte-private.h"

#include <string.h>

/* Light that comes through hair is warmer than the wall's: this much a hole may differ from it. */
#define HOLE_DISTANCE .06f
/* Fine hair in front of a hole; not to be taken for the person's colour either. */
#define LIGHT_DISTANCE .15f
/* Hair differs from a wall by at least this, squared; skin hardly ever does. */
#define HAIR_CONTRAST .15f
/* At least this share of what is around must be hair, or a light thing is just light. */
#define HAIR_SHARE .15f
/* Holes are not looked for deeper inside the mask than this share of the width. */
#define DEEPEST .12f
/* A wall with more noise than this has too many colours. */
#define MOST_NOISE .015f
/* Around the face a hole is at least this large: highlights of ears and cheeks are smaller. */
#define EAR_RADIUS 2
/* How far a skull reaches above the outline of the face, in heights of the face. */
#define SKULL .55f

/* Keeps only what is at least two by two. */
static void
drop_specks (guint8 *self, int width, int height)
{
  g_autofree guint8 *kept = g_malloc0 ((gsize)width * height);

  for (int y = 0; y + 1 < height; y++) {
    guint8 *row = self + (gsize)y * width;
    guint8 *to = kept + (gsize)y * width;

    for (int x = 0; x + 1 < width; x++) {
      guint8 all = row[x] & row[x + 1] & row[x + width] & row[x + width + 1];

      to[x] |= all;
      to[x + 1] |= all;
      to[x + width] |= all;
      to[x + width + 1] |= all;
    }
  }
  memcpy (self, kept, (gsize)width * height);
}

/**
 * rtk_matte_find_skull:
 * @work: a matte on its way
 * @out_left: (out): first column of the face
 * @out_right: (out): last one
 * @out_from: (out): first row of the skull
 * @out_to: (out): row after its last one: the middle of the face
 *
 * Finds the columns of the face, and some way up from its outline: shining hair and scalp have
 * spots of a wall's colour there.
 *
 * Returns: whether the face is known
 */
gboolean
rtk_matte_find_skull (
    const RtkMatteWork *work, int *out_left, int *out_right, int *out_from, int *out_to)
{
  int left = work->width, right = -1, top = work->height, bottom = -1;

  for (int y = 0; y < work->height; y++) {
    for (int x = 0; x < work->width; x++) {
      if (!work->solid[(gsize)y * work->width + (gsize)x])
        continue;
      left = MIN (left, x);
      right = MAX (right, x);
      top = MIN (top, y);
      bottom = MAX (bottom, y);
    }
  }
  *out_left = left;
  *out_right = right;
  *out_from = MAX (0, top - (int)(SKULL * (float)(bottom - top)));
  *out_to = (top + bottom) / 2;
  return right >= 0;
}

/* Takes the skull out of @places. */
static void
spare_skull (const RtkMatteWork *work, guint8 *places)
{
  int left, right, from, to;

  if (!rtk_matte_find_skull (work, &left, &right, &from, &to))
    return;
  for (int y = from; y < to; y++)
    memset (places + (gsize)y * work->width + (gsize)left, 0, (gsize)(right + 1 - left));
}

/* Where a hole may be: near the edge of what the mask is sure of, above the chin and not in the
 * face. Sets distances to the wall. */
static guint8 *
find_places (const RtkMatteWork *work, float *distance2)
{
  gsize              n = (gsize)work->width * work->height;
  guint8            *places = g_malloc0 (n);
  g_autofree guint8 *certain = g_malloc (n);
  g_autofree float  *depth = NULL;

  for (gsize i = 0; i < n; i++)
    certain[i] = work->mask->data[i] > .9f;
  depth = rtk_binary_depth (certain, work->width, work->height);
  for (gsize i = 0; i < n; i++) {
    gboolean above = i < (gsize)work->holes_above * work->width;
    float    off[3];

    for (int c = 0; c < 3; c++)
      off[c] = work->picture->data[3 * i + c] - work->wall->data[3 * i + c];
    distance2[i] = rtk_dot3 (off, off);
    places[i] = above && !work->solid[i] && work->region[i] && depth[i] < DEEPEST * RTK_MATTE_UNIT;
  }
  spare_skull (work, places);
  return places;
}

/* Drops what is small near the face. */
static void
spare_ears (const RtkMatteWork *work)
{
  gsize              n = (gsize)work->width * work->height;
  g_autofree guint8 *face = g_memdup2 (work->solid, n);
  g_autofree guint8 *seeds = g_memdup2 (work->hole_core, n);

  rtk_binary_dilate (face, work->width, work->height, RTK_MATTE_UNIT / 25);
  rtk_binary_erode (seeds, work->width, work->height, EAR_RADIUS);
  for (gsize i = 0; i < n; i++)
    seeds[i] |= work->hole_core[i] && !face[i];
  rtk_binary_keep_seeded (work->hole_core, seeds, work->width, work->height);
}

/* The colour of what is clearly not wall, its mean square, and its share of the person. */
static RtkPlane *
find_dark (const RtkMatteWork *work, const float *distance2)
{
  static const float sigmas[] = {8, 16, 32};
  gsize              n = (gsize)work->width * work->height;
  RtkPlane          *out = rtk_plane_new (work->width, work->height, 5);
  g_autoptr (RtkPlane) dark = rtk_plane_new (work->width, work->height, 5);
  g_autoptr (RtkPlane) all = rtk_plane_new (work->width, work->height, 2);
  RtkPlaneFill fills[] = {{dark, sigmas, G_N_ELEMENTS (sigmas)}, {all, sigmas, 1}};
  g_autoptr (RtkPlane) colour = NULL;
  g_autoptr (RtkPlane) share = NULL;

  for (gsize i = 0; i < n; i++) {
    const float *pixel = work->picture->data + 3 * i;
    float        person = work->region[i];
    float        weight = distance2[i] > LIGHT_DISTANCE * LIGHT_DISTANCE ? person : 0;

    for (int c = 0; c < 3; c++)
      dark->data[5 * i + c] = weight * pixel[c];
    dark->data[5 * i + 3] = weight * rtk_dot3 (pixel, pixel) / 3;
    dark->data[5 * i + 4] = weight;
    all->data[2 * i] = weight;
    all->data[2 * i + 1] = person;
  }
  rtk_plane_fill_all (fills, G_N_ELEMENTS (fills));
  colour = fills[0].filled;
  share = fills[1].filled;
  for (gsize i = 0; i < n; i++) {
    memcpy (out->data + 5 * i, colour->data + 4 * i, 4 * sizeof (float));
    out->data[5 * i + 4] = share->data[i];
  }
  return out;
}

static gboolean
is_in_hair (const float dark[5], const float wall[3])
{
  float apart[3], contrast, variance;

  for (int c = 0; c < 3; c++)
    apart[c] = dark[c] - wall[c];
  contrast = rtk_dot3 (apart, apart);
  variance = dark[3] - rtk_dot3 (dark, dark) / 3;
  return dark[4] > HAIR_SHARE && contrast > HAIR_CONTRAST && variance < contrast / 2;
}

/**
 * rtk_matte_find_holes:
 * @work: a matte whose wall and region are known; hole, hole_core and light are set
 *
 * Finds wall that is seen through loops of hair, where the mask takes it for person.
 *
 * What has the wall's colour in a surrounding of one clearly different, even colour is a hole.
 * Where the face is not known only the wall's very colour counts, as skin may be near it.
 * A light collar or white hair is not: what surrounds it is light as well. On a wall that is not
 * quite even nothing is looked for.
 */
void
rtk_matte_find_holes (RtkMatteWork *work)
{
  gsize              n = (gsize)work->width * work->height;
  float              limit = MAX (3.5f * work->noise, work->has_face ? HOLE_DISTANCE : 0);
  g_autofree float  *distance2 = NULL;
  g_autofree guint8 *places = NULL;
  g_autoptr (RtkPlane) dark = NULL;

  work->hole_core = g_malloc0 (n);
  work->light = g_malloc0 (n);
  work->hole = g_malloc0 (n);
  if (work->noise > MOST_NOISE)
    return;
  distance2 = g_new (float, n);
  places = find_places (work, distance2);
  dark = find_dark (work, distance2);
  for (gsize i = 0; i < n; i++) {
    if (!places[i] || !is_in_hair (dark->data + 5 * i, work->wall->data + 3 * i))
      continue;
    work->light[i] = distance2[i] < LIGHT_DISTANCE * LIGHT_DISTANCE;
    work->hole_core[i] = distance2[i] < limit * limit;
  }
  drop_specks (work->hole_core, work->width, work->height);
  spare_ears (work);
  memcpy (work->hole, work->hole_core, n);
  rtk_binary_dilate (work->hole, work->width, work->height, 3);
}
