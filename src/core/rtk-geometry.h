/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/* The most source pixels that one finished pixel is made of, in each direction. */
#define RTK_CROP_MAX_SCALE 256

/* A point in pixels of the picture after orientation; pixel centres lie at .5. */
typedef struct {
  double x;
  double y;
} RtkPoint;

/* A rectangle in pixels, top left and size. */
typedef struct {
  double x;
  double y;
  double width;
  double height;
} RtkRect;

/**
 * RtkCrop:
 * @x: left edge in the source, pixels, a multiple of 1/65536
 * @y: top edge in the source, pixels, a multiple of 1/65536
 * @scale: source pixels per finished pixel, > 0, a multiple of 1/65536
 * @out_width: width of the finished picture
 * @out_height: height of the finished picture
 *
 * Where the finished picture lies in the source. One scale for both axes: a crop cannot stretch,
 * mirror or rotate, by construction.
 */
typedef struct {
  double x;
  double y;
  double scale;
  int    out_width;
  int    out_height;
} RtkCrop;

/**
 * RtkHead:
 * @eye_mid: point midway between the two eye centres
 * @eye_gap: between the eye centres; 0 when not known
 * @hair_top: y of the highest hair (from the matte where there is one)
 * @cheek_left: x of the left outline of the face at cheek height, as seen in the picture
 * @cheek_right: x of the right one
 * @left: x of the left outline of the head at the height of the ears, hair and ears with it
 * @right: x of the right one; not above @left when they are not known
 * @chin: lowest point of the chin
 * @shoulders: the shoulder joint on the left and on the right of the picture
 * @shoulder_visible: how sure the network is of each, 0..1
 *
 * What of a head and its shoulders decides the crop, in pixels of the source.
 */
typedef struct {
  RtkPoint eye_mid;
  double   eye_gap;
  double   hair_top;
  double   cheek_left;
  double   cheek_right;
  double   left;
  double   right;
  RtkPoint chin;
  RtkPoint shoulders[2];
  double   shoulder_visible[2];
} RtkHead;

typedef struct _RtkRulePack RtkRulePack;

gboolean rtk_geometry_find_crop (const RtkRulePack *pack,
                                 const RtkHead     *head,
                                 int                picture_width,
                                 int                picture_height,
                                 RtkCrop           *out_crop,
                                 GError           **error);
RtkPoint rtk_crop_to_finished (const RtkCrop *crop, RtkPoint source);
RtkPoint rtk_crop_to_source (const RtkCrop *crop, RtkPoint finished);
RtkRect  rtk_crop_get_source_rect (const RtkCrop *crop);
gboolean rtk_crop_lies_in (const RtkCrop *crop, int picture_width, int picture_height);

G_END_DECLS
