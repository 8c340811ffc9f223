/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The largest picture that is taken, in pixels. */
#define RTK_PICTURE_MAX_PIXELS 100000000
/* The most that comments and application segments may take together, in bytes. */
#define RTK_PICTURE_MAX_METADATA (8 * 1024 * 1024)

/**
 * RtkPictureKind:
 * @RTK_PICTURE_JPEG: JPEG, whatever its file name says
 * @RTK_PICTURE_PNG: PNG
 *
 * The two kinds of picture file that are read.
 */
typedef enum {
  RTK_PICTURE_JPEG,
  RTK_PICTURE_PNG,
} RtkPictureKind;

/**
 * RtkPictureHeader:
 * @kind: JPEG or PNG
 * @width: pixels a row as stored, before orientation
 * @height: rows as stored, before orientation
 * @bit_depth: bits of one channel of a pixel once unpacked; a palette's entries have 8
 * @channels: 1 grey, 3 colour, 4 CMYK; alpha is not counted
 * @has_alpha: whether pixels may be transparent
 * @orientation: EXIF orientation, 1 (upright) to 8
 * @dpi_x: dots an inch, 0 when the file does not say
 * @dpi_y: dots an inch, 0 when the file does not say
 * @quality: the IJG quality whose tables are nearest to the file's, 1 to 100; 0 for PNG
 * @profile: (owned) (nullable): ICC profile of a JPEG; a PNG's is compressed and left to its
 * decoder
 *
 * What a picture file says about itself ahead of its pixels.
 */
typedef struct {
  RtkPictureKind kind;
  int            width;
  int            height;
  int            bit_depth;
  int            channels;
  gboolean       has_alpha;
  int            orientation;
  double         dpi_x;
  double         dpi_y;
  int            quality;
  GBytes        *profile;
} RtkPictureHeader;

gboolean rtk_picture_header_read (GBytes *bytes, RtkPictureHeader *out_header, GError **error);
void     rtk_picture_header_clear (RtkPictureHeader *self);
int      rtk_picture_get_luma_step (int quality, int index);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RtkPictureHeader, rtk_picture_header_clear)

G_END_DECLS
