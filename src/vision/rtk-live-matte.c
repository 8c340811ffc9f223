/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-live-matte.h"

#include "vision/rtk-cv.h"
#include "vision/rtk-live-matte-private.h"
#include "vision/rtk-networks.h"

#include <math.h>
#include <string.h>

#define CELL RTK_LIVE_CELL

/* The crop stays where it is until the wanted one is further away than this part of its width, or
 * larger by it: a picture that creeps by half a pixel flickers everywhere. */
#define HOLD .012

/* How much of the last mask stays where the new one is least certain; a place that changed by more
 * than MASK_MOVED has moved. */
#define KEEP_MASK .7f
#define MASK_MOVED .4f

/* The same of alpha, where the picture hardly changed: up to SAME levels of the three colours
 * together are camera noise, beyond CHANGED something moved. */
#define KEEP_ALPHA .7f
#define SAME 24
#define CHANGED 60

struct _RtkLiveMatte {
  int          frame_width;
  int          frame_height;
  RtkCrop      crop;     /* in use; out_width is 0 before the first frame */
  gboolean     has_mask; /* of the frame before */
  float       *mask;     /* (owned): steady */
  gboolean     has_past; /* @before and @alpha are of the frame before, and of this crop */
  guint8      *picture;  /* (owned): BGRA, the crop as it is */
  guint8      *before;   /* (owned): the same of the frame before */
  guint8      *alpha;    /* (owned) */
  guint8      *small;    /* (owned): BGRA, one pixel a cell */
  RtkLiveCells cells;
};

static void
clear_size (RtkLiveMatte *self)
{
  g_clear_pointer (&self->picture, g_free);
  g_clear_pointer (&self->before, g_free);
  g_clear_pointer (&self->alpha, g_free);
  g_clear_pointer (&self->small, g_free);
  rtk_live_cells_clear (&self->cells);
}

static void
set_size (RtkLiveMatte *self, const RtkCrop *crop)
{
  gsize n = (gsize)crop->out_width * (gsize)crop->out_height;

  clear_size (self);
  rtk_live_cells_init (&self->cells, crop->out_width / CELL, crop->out_height / CELL);
  self->picture = g_malloc (4 * n);
  self->before = g_malloc (4 * n);
  self->alpha = g_malloc (n);
  self->small = g_malloc (4 * (gsize)self->cells.width * (gsize)self->cells.height);
  self->crop.out_width = 0;
}

static void
forget_place (RtkLiveMatte *self)
{
  self->has_past = FALSE;
  self->cells.has_past = FALSE;
}

/* Follows the wanted crop, in steps. Its edges lie between pixels: whole ones are resized. */
static void
hold_crop (RtkLiveMatte *self, const RtkCrop *wanted)
{
  double slack = HOLD * wanted->scale * wanted->out_width;
  double change = wanted->scale / self->crop.scale - 1.;

  if (self->crop.out_width != 0 && fabs (wanted->x - self->crop.x) < slack &&
      fabs (wanted->y - self->crop.y) < slack && fabs (change) < HOLD)
    return;
  self->crop = *wanted;
  self->crop.x = floor (wanted->x + .5);
  self->crop.y = floor (wanted->y + .5);
  forget_place (self);
}

static gboolean
resize (const RtkImage *frame, RtkLiveMatte *self, GError **error)
{
  int         columns = rtk_image_get_width (frame);
  int         rows = rtk_image_get_height (frame);
  int         width = self->crop.out_width;
  int         height = self->crop.out_height;
  int         part_width = CLAMP ((int)lround (width * self->crop.scale), 1, columns);
  int         part_height = CLAMP ((int)lround (height * self->crop.scale), 1, rows);
  gsize       x = (gsize)CLAMP (self->crop.x, 0, columns - part_width);
  gsize       y = (gsize)CLAMP (self->crop.y, 0, rows - part_height);
  gsize       stride = rtk_image_get_stride (frame);
  const void *first = rtk_image_get_pixels (frame) + y * stride + 4 * x;
  RtkCvBuffer part = rtk_cv_buffer_u8 ((void *)first, part_width, part_height, 4, stride);
  RtkCvBuffer picture = rtk_cv_buffer_u8 (self->picture, width, height, 4, 4 * (gsize)width);
  RtkCvBuffer whole_cells = rtk_cv_buffer_u8 (self->picture, CELL * self->cells.width,
                                              CELL * self->cells.height, 4, 4 * (gsize)width);
  RtkCvBuffer small = rtk_cv_buffer_u8 (self->small, self->cells.width, self->cells.height, 4,
                                        4 * (gsize)self->cells.width);

  return rtk_cv_resize (&part, &picture, RTK_CV_FILTER_BILINEAR, error) &&
         rtk_cv_resize (&whole_cells, &small, RTK_CV_FILTER_AREA, error);
}

/* Mixes the last mask into the new one where the network is not sure: a trembling outline stands
 * still. What changed much has moved and is followed at once. */
static void
steady_mask (RtkLiveMatte *self, const float *mask)
{
  for (int i = 0; i < RTK_MASK_SIZE * RTK_MASK_SIZE; i++) {
    float sure = 2.f * mask[i] - 1.f;
    float change = self->mask[i] - mask[i];
    float keep =
        KEEP_MASK * (1.f - sure * sure) * (1.f - MIN (1.f, fabsf (change) * (1.f / MASK_MOVED)));

    self->mask[i] = self->has_mask ? mask[i] + keep * change : mask[i];
  }
  self->has_mask = TRUE;
}

/* Fills in what is given of the cells: colour, and the mask at their middles. */
static void
fill_cells (RtkLiveMatte *self)
{
  RtkLiveCells *cells = &self->cells;
  float         per_x = RTK_MASK_SIZE / (float)self->frame_width;
  float         per_y = RTK_MASK_SIZE / (float)self->frame_height;
  float         step = CELL * (float)self->crop.scale;

  for (int y = 0; y < cells->height; y++) {
    float row = ((float)self->crop.y + ((float)y + .5f) * step) * per_y - .5f;
    int   upper;

    row = CLAMP (row, 0.f, RTK_MASK_SIZE - 1.001f);
    upper = (int)row;
    for (int x = 0; x < cells->width; x++) {
      int           at = y * cells->width + x;
      const guint8 *from = self->small + 4 * at;
      RtkFloats     colour = {from[0] / 255.f, from[1] / 255.f, from[2] / 255.f, 0.f};
      float         column = ((float)self->crop.x + ((float)x + .5f) * step) * per_x - .5f;
      const float  *mask;
      float         right;
      float         below = row - (float)upper;

      column = CLAMP (column, 0.f, RTK_MASK_SIZE - 1.001f);
      right = column - (float)(int)column;
      mask = self->mask + upper * RTK_MASK_SIZE + (int)column;
      cells->mask[at] =
          (1.f - below) * (mask[0] + right * (mask[1] - mask[0])) +
          below * (mask[RTK_MASK_SIZE] + right * (mask[RTK_MASK_SIZE + 1] - mask[RTK_MASK_SIZE]));
      colour[3] = rtk_floats_dot (colour, colour) / 3.f;
      cells->image[at] = colour;
    }
  }
}

static inline float
by_mask (const RtkLiveHint *hint)
{
  return rtk_live_clip ((hint->wall[3] - .25f) * 2.f);
}

/* How much person is in a pixel, by its colour between that of the wall and of the person; where
 * those are too alike, by the mask. */
static inline float
unmix (RtkFloats pixel, const RtkLiveHint *hint, float noise)
{
  RtkFloats off = pixel - hint->wall;
  float     share = rtk_floats_dot (off, hint->axis);
  float     on_line = share * hint->more[0];
  float     distance = rtk_floats_dot (off, off);
  float     outside;
  RtkFloats rest;

  if (distance < 2.25f * noise * noise)
    return by_mask (hint) * (1.f - hint->axis[3]);
  share = rtk_live_clip (share);
  on_line = on_line < 0.f ? 0.f : MIN (on_line, 1.15f);
  rest = off - on_line * (hint->person - hint->wall);
  outside = rtk_floats_dot (rest, rest);
  /* A colour of its own, neither of the wall nor of the person around. */
  if (outside > (3.f * noise + .02f) * (3.f * noise + .02f))
    share += (1.f - share) * rtk_live_clip ((sqrtf (outside) - 3.f * noise - .02f) * 10.f) *
             rtk_live_clip ((hint->wall[3] - .1f) * (1.f / .3f));
  if (distance < 9.f * noise * noise)
    share *= rtk_live_clip ((sqrtf (distance) - 1.5f * noise) / (1.5f * noise));
  return by_mask (hint) + hint->axis[3] * (share - by_mask (hint));
}

static inline float
get_alpha (RtkFloats pixel, const RtkLiveHint *hint, const RtkLiveCells *cells)
{
  float state = hint->person[3];
  float alpha = cells->is_plain ? unmix (pixel, hint, cells->noise) : by_mask (hint);

  return state > 0.f ? alpha + (1.f - alpha) * state : alpha * (1.f + state);
}

/* Alpha of the frame before stays in part where the picture is the same. */
static inline float
steady_alpha (float alpha, float before, const guint8 *pixel, const guint8 *pixel_before)
{
  int change = ABS (pixel[0] - pixel_before[0]) + ABS (pixel[1] - pixel_before[1]) +
               ABS (pixel[2] - pixel_before[2]);

  if (change >= CHANGED)
    return alpha;
  return alpha + KEEP_ALPHA * MIN (1.f, (float)(CHANGED - change) * (1.f / (CHANGED - SAME))) *
                     (before - alpha);
}

/* The person's own colour, in front of @background. */
static inline void
compose (RtkFloats          pixel,
         const RtkLiveHint *hint,
         gboolean           plain,
         float              alpha,
         RtkFloats          background,
         guint8            *out)
{
  RtkFloats mixed = alpha * pixel;
  RtkInts   bytes;

  if (plain) {
    /* The wall's part is taken out; of little person little can be known but what is around. */
    float     trust = rtk_live_clip (alpha * 2.5f);
    RtkFloats pure = pixel - (1.f - alpha) * hint->wall;
    RtkFloats near = alpha * (mixed + (1.f - alpha) * hint->person);

    mixed = near + trust * (pure - near);
  }
  mixed = rtk_floats_max (rtk_floats_min (mixed, alpha - (RtkFloats){0.f}), (RtkFloats){0.f});
  mixed += (1.f - alpha) * background;
  bytes = __builtin_convertvector(mixed * 255.f + .5f, RtkInts);
  out[0] = (guint8)bytes[0];
  out[1] = (guint8)bytes[1];
  out[2] = (guint8)bytes[2];
  out[3] = 255;
}

static inline void
mix_hints (const RtkLiveHint *a, const RtkLiveHint *b, float share, RtkLiveHint *out)
{
  out->wall = a->wall + share * (b->wall - a->wall);
  out->person = a->person + share * (b->person - a->person);
  out->axis = a->axis + share * (b->axis - a->axis);
  out->more = a->more + share * (b->more - a->more);
}

/* Pixels @from to @to of row @y, all between the same cells. */
static void
make_run (RtkLiveMatte      *self,
          int                y,
          int                from,
          int                to,
          const RtkLiveHint *left,
          const RtkLiveHint *right,
          RtkFloats          background,
          guint8            *out)
{
  gsize start = (gsize)y * (gsize)self->crop.out_width;

  for (int x = from; x < to; x++) {
    gsize         at = start + (gsize)x;
    const guint8 *bytes = self->picture + 4 * at;
    RtkFloats     pixel = rtk_floats_load (bytes) * (1.f / 255.f);
    int           across = (x + CELL / 2) % CELL;
    RtkLiveHint   hint;
    float         alpha;

    mix_hints (left, right, ((float)across + .5f) / CELL, &hint);
    alpha = get_alpha (pixel, &hint, &self->cells);
    if (self->has_past)
      alpha = steady_alpha (alpha, (float)self->alpha[at] * (1.f / 255.f), bytes,
                            self->before + 4 * at);
    self->alpha[at] = (guint8)(alpha * 255.f + .5f);
    if (self->alpha[at] == 255)
      memcpy (out + 4 * at, bytes, 4);
    else
      compose (pixel, &hint, self->cells.is_plain, (float)self->alpha[at] * (1.f / 255.f),
               background, out + 4 * at);
  }
}

static void
make_row (RtkLiveMatte *self, int y, RtkFloats background, guint32 flat, guint8 *out)
{
  const RtkLiveCells *cells = &self->cells;
  int                 width = self->crop.out_width;
  int                 row = (y + CELL / 2) / CELL - 1;
  int                 upper = MAX (row, 0) * cells->width;
  int                 lower = MIN (row + 1, cells->height - 1) * cells->width;
  float               below = ((float)((y + CELL / 2) % CELL) + .5f) / CELL;
  gsize               start = (gsize)y * (gsize)width;
  RtkLiveHint         hints[2] = {{{0.f}}}; /* of the left and the right cell, in this row */
  int                 ready = -1;

  for (int k = -1; k < cells->width; k++) {
    int   from = MAX (0, CELL * k + CELL / 2);
    int   to = k == cells->width - 1 ? width : CELL * k + CELL / 2 + CELL;
    int   left = MAX (k, 0);
    int   right = MIN (k + 1, cells->width - 1);
    float sum = cells->state[upper + left] + cells->state[upper + right] +
                cells->state[lower + left] + cells->state[lower + right];

    if (sum >= 4.f) {
      memcpy (out + 4 * (start + (gsize)from), self->picture + 4 * (start + (gsize)from),
              4 * (gsize)(to - from));
      memset (self->alpha + start + from, 255, (gsize)(to - from));
    } else if (sum <= -4.f) {
      for (int x = from; x < to; x++)
        memcpy (out + 4 * (start + (gsize)x), &flat, 4);
      memset (self->alpha + start + from, 0, (gsize)(to - from));
    } else {
      if (ready == left)
        hints[0] = hints[1];
      else
        mix_hints (&cells->hints[upper + left], &cells->hints[lower + left], below, &hints[0]);
      mix_hints (&cells->hints[upper + right], &cells->hints[lower + right], below, &hints[1]);
      ready = right;
      make_run (self, y, from, to, &hints[0], &hints[1], background, out);
    }
  }
}

/**
 * rtk_live_matte_new:
 *
 * Returns: (transfer full): a live matte that has seen nothing yet
 */
RtkLiveMatte *
rtk_live_matte_new (void)
{
  RtkLiveMatte *self = g_new0 (RtkLiveMatte, 1);

  self->mask = g_new (float, RTK_MASK_SIZE *RTK_MASK_SIZE);
  return self;
}

/**
 * rtk_live_matte_reset:
 * @self: a live matte
 *
 * Forgets the frame before: another person, or another camera.
 */
void
rtk_live_matte_reset (RtkLiveMatte *self)
{
  self->has_mask = FALSE;
  self->crop.out_width = 0;
  forget_place (self);
}

/**
 * rtk_live_matte_free:
 * @self: (transfer full) (nullable): a live matte
 *
 * Frees @self.
 */
void
rtk_live_matte_free (RtkLiveMatte *self)
{
  if (self == NULL)
    return;
  clear_size (self);
  g_free (self->mask);
  g_free (self);
}

/**
 * rtk_live_matte_make:
 * @self: a live matte
 * @frame: BGRA32, a live frame
 * @mask: `RTK_MASK_SIZE * RTK_MASK_SIZE` values of rtk_networks_segment() for the whole of @frame
 * @crop: a crop inside @frame
 * @background: red, green, blue
 * @error: return location for an #RtkError
 *
 * Shows what the finished photo would be: the person of @crop in front of @background.
 *
 * A cheaper relative of rtk_matte_make(): a model of the wall, grown into the person's shadow, and
 * the colours of the person are worked out on cells of four pixels; pixels near the outline are
 * unmixed into wall and person. Where the wall is not plain the mask's own outline is taken. What
 * is uncertain and did not change stays as it was in the frame before, and the crop moves in steps
 * (rtk_live_matte_get_crop()), so a person who stands still has an outline that stands still; what
 * moves is followed at once. Never used for a photo.
 *
 * Blocking, about 3 ms for 480 x 640; one thread at a time. Fails with %RTK_ERROR_BACKEND.
 *
 * Returns: (transfer full): BGRA32 of the crop's finished size, or %NULL
 */
RtkImage *
rtk_live_matte_make (RtkLiveMatte   *self,
                     const RtkImage *frame,
                     const float    *mask,
                     const RtkCrop  *crop,
                     const guint8    background[3],
                     GError        **error)
{
  RtkFloats flat = {background[2] / 255.f, background[1] / 255.f, background[0] / 255.f, 0.f};
  guint8    flat_bytes[4] = {background[2], background[1], background[0], 255};
  guint32   flat_pixel;
  guint8   *out;
  guint8   *swap;

  g_return_val_if_fail (rtk_image_get_format (frame) == RTK_PIXEL_BGRA32, NULL);
  g_return_val_if_fail (crop->out_width >= 8 * CELL && crop->out_height >= 8 * CELL, NULL);
  g_return_val_if_fail (crop->scale > 0, NULL);

  if (self->frame_width != rtk_image_get_width (frame) ||
      self->frame_height != rtk_image_get_height (frame))
    rtk_live_matte_reset (self);
  self->frame_width = rtk_image_get_width (frame);
  self->frame_height = rtk_image_get_height (frame);
  if (self->cells.width != crop->out_width / CELL ||
      self->cells.height != crop->out_height / CELL ||
      (self->crop.out_width != 0 &&
       (self->crop.out_width != crop->out_width || self->crop.out_height != crop->out_height)))
    set_size (self, crop);
  hold_crop (self, crop);
  if (!resize (frame, self, error)) {
    rtk_live_matte_reset (self);
    return NULL;
  }
  steady_mask (self, mask);
  fill_cells (self);
  rtk_live_cells_work_out (&self->cells);
  memcpy (&flat_pixel, flat_bytes, sizeof flat_pixel);
  out = g_malloc (4 * (gsize)crop->out_width * (gsize)crop->out_height);
  for (int y = 0; y < crop->out_height; y++)
    make_row (self, y, flat, flat_pixel, out);
  swap = self->before;
  self->before = self->picture;
  self->picture = swap;
  self->has_past = TRUE;
  return rtk_image_new_take (RTK_PIXEL_BGRA32, crop->out_width, crop->out_height,
                             4 * (gsize)crop->out_width, out);
}

/**
 * rtk_live_matte_get_alpha:
 * @self: a live matte that has made one
 *
 * Returns: the alpha of the last one, `out_width * out_height` bytes of its crop; until the next
 */
const guint8 *
rtk_live_matte_get_alpha (const RtkLiveMatte *self)
{
  return self->alpha;
}

/**
 * rtk_live_matte_get_crop:
 * @self: a live matte that has made one
 * @out_crop: (out): what of the frame was shown
 */
void
rtk_live_matte_get_crop (const RtkLiveMatte *self, RtkCrop *out_crop)
{
  *out_crop = self->crop;
}
