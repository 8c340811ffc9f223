/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-attention-private.h"

#include <math.h>
#include <string.h>

/* The three custom operators of the attention mesh, which no inference library knows: where a
 * region lies, its crop of the features, and its points back in the face. */

#define INPUT_SIZE 192
#define CELL ((double)INPUT_SIZE / RTK_ATTENTION_FEATURES) /* pixels of the input a cell */
#define MARGIN 1.5

/* Mesh points of each region in the order of its network's answer: facts of the model file, where
 * they are the options of its operators. The first and the last of the pair that tells a region's
 * rotation come with them. */
static const guint16 lips[] = {
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0,  267, 269, 270, 409,
    78, 95,  88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415,
    76, 77,  90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408,
    62, 96,  89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407,
};

static const guint16 eye_33[] = {
    33,  7,   163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173, 130, 25,
    110, 24,  23,  22,  26,  112, 243, 247, 30,  29,  27,  28,  56,  190, 226, 31,  228, 229,
    230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189, 35,  124, 46,  53,  52,  65,
    143, 111, 117, 118, 119, 120, 121, 128, 245, 156, 70,  63,  105, 66,  107, 55,  193,
};

static const guint16 eye_263[] = {
    263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398, 359, 255,
    339, 254, 253, 252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414, 446, 261, 448, 449,
    450, 451, 452, 453, 464, 342, 445, 444, 443, 442, 441, 413, 265, 353, 276, 283, 282, 295,
    372, 340, 346, 347, 348, 349, 350, 357, 465, 383, 300, 293, 334, 296, 336, 285, 417,
};

static const struct {
  const guint16 *indices;
  guint          n_indices;
  int            left; /* mesh point on the left of the picture, then right */
  int            right;
} regions[RTK_N_MESH_REGIONS] = {
    [RTK_ATTENTION_LIPS] = {lips, G_N_ELEMENTS (lips), 61, 291},
    [RTK_ATTENTION_EYE_33] = {eye_33, G_N_ELEMENTS (eye_33), 33, 133},
    [RTK_ATTENTION_EYE_263] = {eye_263, G_N_ELEMENTS (eye_263), 362, 263},
};

/**
 * rtk_attention_get_indices:
 * @region: a region
 * @n_indices: (out): how many
 *
 * Returns: (transfer none) (array length=n_indices): which mesh points the region refines
 */
const guint16 *
rtk_attention_get_indices (RtkAttentionRegion region, guint *n_indices)
{
  *n_indices = regions[region].n_indices;
  return regions[region].indices;
}

/**
 * rtk_attention_find_transform:
 * @region: a region
 * @mesh: (array): 468 points x, y, z in pixels of the network's input
 *
 * Finds the upright box of the region's points, larger by half, in the region's own rotation.
 *
 * Returns: how a crop of it lies in the features
 */
RtkAttentionTransform
rtk_attention_find_transform (RtkAttentionRegion region, const float *mesh)
{
  const float          *left = mesh + 3 * regions[region].left;
  const float          *right = mesh + 3 * regions[region].right;
  double                angle = atan2 ((double)right[1] - left[1], (double)right[0] - left[0]);
  double                cosine = cos (angle);
  double                sine = sin (angle);
  double                low[2] = {INFINITY, INFINITY};
  double                high[2] = {-INFINITY, -INFINITY};
  double                centre[2];
  double                scale[2];
  RtkAttentionTransform transform;

  for (guint i = 0; i < regions[region].n_indices; i++) {
    const float *point = mesh + 3 * regions[region].indices[i];
    double       x = point[0] / CELL;
    double       y = point[1] / CELL;
    double       upright[2] = {cosine * x + sine * y, -sine * x + cosine * y};

    for (int k = 0; k < 2; k++) {
      low[k] = MIN (low[k], upright[k]);
      high[k] = MAX (high[k], upright[k]);
    }
  }
  for (int k = 0; k < 2; k++) {
    centre[k] = (low[k] + high[k]) / 2;
    scale[k] = MARGIN * (high[k] - low[k]) / RTK_ATTENTION_CROP;
  }
  transform.linear[0][0] = cosine * scale[0];
  transform.linear[0][1] = -sine * scale[1];
  transform.linear[1][0] = sine * scale[0];
  transform.linear[1][1] = cosine * scale[1];
  transform.shift[0] = cosine * centre[0] - sine * centre[1];
  transform.shift[1] = sine * centre[0] + cosine * centre[1];
  for (int k = 0; k < 2; k++)
    transform.shift[k] -=
        (transform.linear[k][0] + transform.linear[k][1]) * (RTK_ATTENTION_CROP / 2.);
  return transform;
}

static void
add_cell (const float *features, int x, int y, double weight, float *cell)
{
  if (x < 0 || y < 0 || x >= RTK_ATTENTION_FEATURES || y >= RTK_ATTENTION_FEATURES)
    return;
  features += (y * RTK_ATTENTION_FEATURES + x) * RTK_ATTENTION_CHANNELS;
  for (int c = 0; c < RTK_ATTENTION_CHANNELS; c++)
    cell[c] += (float)weight * features[c];
}

/**
 * rtk_attention_crop:
 * @transform: where the crop lies
 * @features: (array): the trunk's features, rows, columns, channels
 * @crop: (array) (out): the crop, rows, columns, channels
 *
 * Samples a region of the features, bilinearly at the cells' centres, zero beyond them.
 */
void
rtk_attention_crop (const RtkAttentionTransform *transform, const float *features, float *crop)
{
  for (int row = 0; row < RTK_ATTENTION_CROP; row++)
    for (int column = 0; column < RTK_ATTENTION_CROP; column++) {
      const double (*linear)[2] = transform->linear;
      double x =
          linear[0][0] * (column + .5) + linear[0][1] * (row + .5) + transform->shift[0] - .5;
      double y =
          linear[1][0] * (column + .5) + linear[1][1] * (row + .5) + transform->shift[1] - .5;
      double left, top;

      memset (crop, 0, sizeof (float) * RTK_ATTENTION_CHANNELS);
      if (x >= 0 && y >= 0 && x <= RTK_ATTENTION_FEATURES - 1 && y <= RTK_ATTENTION_FEATURES - 1) {
        left = floor (x);
        top = floor (y);
        x -= left;
        y -= top;
        add_cell (features, (int)left, (int)top, (1 - x) * (1 - y), crop);
        add_cell (features, (int)left + 1, (int)top, x * (1 - y), crop);
        add_cell (features, (int)left, (int)top + 1, (1 - x) * y, crop);
        add_cell (features, (int)left + 1, (int)top + 1, x * y, crop);
      }
      crop += RTK_ATTENTION_CHANNELS;
    }
}

/**
 * rtk_attention_place:
 * @transform: where the crop lies
 * @point: x and y as the region's network gives them
 * @out_x: (out): pixels of the trunk's input
 * @out_y: (out): pixels of the trunk's input
 *
 * Puts a refined point back in the face. The network counts in quarter cells of its crop, which is
 * to a crop's cell what the input's pixel is to a feature's: only the shift needs to grow.
 */
void
rtk_attention_place (const RtkAttentionTransform *transform,
                     const float                 *point,
                     float                       *out_x,
                     float                       *out_y)
{
  *out_x = (float)(transform->linear[0][0] * point[0] + transform->linear[0][1] * point[1] +
                   CELL * transform->shift[0]);
  *out_y = (float)(transform->linear[1][0] * point[0] + transform->linear[1][1] * point[1] +
                   CELL * transform->shift[1]);
}
