/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "vision/rtk-floats-private.h"
#include "vision/rtk-live-matte.h"

G_BEGIN_DECLS

/* Side of a cell, pixels of the finished picture: what is smooth is worked out on cells. */
#define RTK_LIVE_CELL 4

/* Colours of some cells, with how much each of them counts. */
typedef struct {
  RtkFloats colour; /* times the weight: blue, green, red, mean square */
  float     weight;
} RtkLiveSample;

/**
 * RtkLiveHint:
 * @wall: colour of the wall; how likely the place is person
 * @person: colour of the person; 1 deep inside the person, -1 where no person can be, 0 between
 * @axis: what a difference from the wall is to be multiplied with for the share of person in it;
 *   how far that share can be trusted
 * @more: by how much the share is exaggerated, so that the person's texture does not read as
 *   transparency
 *
 * What the pixels around a cell need to know. Every value can be interpolated.
 */
typedef struct {
  RtkFloats wall;
  RtkFloats person;
  RtkFloats axis;
  RtkFloats more;
} RtkLiveHint;

/**
 * RtkLiveCells:
 * @width: cells a row
 * @height: rows
 * @image: (owned): blue, green, red (0..1), and the mean of their squares
 * @mask: (owned): how likely each is person, 0..1
 * @wall: (owned): colour of the wall behind each
 * @person: (owned): colour of the person near each; its fourth float is how much that varies
 * @hints: (owned): all that a pixel needs, cell by cell
 * @known: (owned): whether a cell is wall for certain
 * @state: (owned): 1 deep inside the person, -1 where no person can be, 0 between
 * @scratch: (owned): bytes, two of them a cell
 * @noise: how far a cell of the wall lies from @wall, 0..1
 * @is_plain: whether the wall is plain enough to be told from a person by its colour
 * @has_past: whether @wall and @noise hold what was found in the frame before, of the same place
 *
 * The smooth part of a live matte.
 */
typedef struct {
  int          width;
  int          height;
  RtkFloats   *image;
  float       *mask;
  RtkFloats   *wall;
  RtkFloats   *person;
  RtkLiveHint *hints;
  guint8      *known;
  float       *state;
  guint8      *scratch;
  float        noise;
  gboolean     is_plain;
  gboolean     has_past;
} RtkLiveCells;

void rtk_live_cells_init (RtkLiveCells *self, int width, int height);
void rtk_live_cells_clear (RtkLiveCells *self);
void rtk_live_cells_work_out (RtkLiveCells *self);

static inline float
rtk_live_clip (float value)
{
  return value < 0.f ? 0.f : value > 1.f ? 1.f : value;
}

G_END_DECLS
