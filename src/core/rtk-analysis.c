/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-analysis.h"

#include "core/rtk-why.h"

#include <math.h>

G_DEFINE_BOXED_TYPE (RtkAnalysis, rtk_analysis, rtk_analysis_ref, rtk_analysis_unref)

static void
analysis_clear (RtkAnalysis *self)
{
  g_free (self->faces);
}

/**
 * rtk_analysis_new:
 * @width: of the picture in pixels
 * @height: of the picture in pixels
 * @n_faces: how many faces there are
 *
 * Makes an analysis in which nothing is known yet.
 *
 * Returns: (transfer full): a new analysis, its @n_faces faces zeroed
 */
RtkAnalysis *
rtk_analysis_new (int width, int height, guint n_faces)
{
  RtkAnalysis *self = g_atomic_rc_box_new0 (RtkAnalysis);

  self->width = width;
  self->height = height;
  self->n_faces = n_faces;
  self->faces = g_new0 (RtkFace, n_faces);
  for (gsize i = 0; i < RTK_N_CHECKS; i++) {
    self->measures[i].value = NAN;
    self->measures[i].unknown_why = RTK_WHY_NOT_MEASURED;
  }
  return self;
}

/**
 * rtk_analysis_ref:
 * @self: an analysis
 *
 * Takes one more reference. Any thread.
 *
 * Returns: (transfer full): @self
 */
RtkAnalysis *
rtk_analysis_ref (RtkAnalysis *self)
{
  return g_atomic_rc_box_acquire (self);
}

/**
 * rtk_analysis_unref:
 * @self: (transfer full): an analysis
 *
 * Gives a reference back. Any thread.
 */
void
rtk_analysis_unref (RtkAnalysis *self)
{
  g_atomic_rc_box_release_full (self, (GDestroyNotify)analysis_clear);
}

/**
 * rtk_analysis_set:
 * @self: an analysis that was not handed on yet
 * @id: the check that was measured
 * @value: in the unit of rtk_check_id_get_unit(); a value that is not finite is not known
 *
 * Stores what was measured for @id.
 */
void
rtk_analysis_set (RtkAnalysis *self, RtkCheckId id, double value)
{
  RtkMeasure *measure;

  g_return_if_fail ((gsize)id < RTK_N_CHECKS);

  measure = &self->measures[id];
  measure->known = isfinite (value);
  measure->value = measure->known ? value : NAN;
  measure->unknown_why = measure->known ? NULL : RTK_WHY_NOT_MEASURED;
}

/**
 * rtk_analysis_set_unknown:
 * @self: an analysis that was not handed on yet
 * @id: the check that could not be measured
 * @why: a static sentence, best one of rtk-why.h
 *
 * Stores why @id could not be measured.
 */
void
rtk_analysis_set_unknown (RtkAnalysis *self, RtkCheckId id, const char *why)
{
  RtkMeasure *measure;

  g_return_if_fail ((gsize)id < RTK_N_CHECKS && why != NULL);

  measure = &self->measures[id];
  measure->known = FALSE;
  measure->value = NAN;
  measure->unknown_why = why;
}

/**
 * rtk_analysis_set_place:
 * @self: an analysis that was not handed on yet
 * @id: a check
 * @box: where it was measured, in pixels of the picture
 *
 * Stores the place of @id as a rectangle.
 */
void
rtk_analysis_set_place (RtkAnalysis *self, RtkCheckId id, RtkRect box)
{
  RtkMeasure *measure;

  g_return_if_fail ((gsize)id < RTK_N_CHECKS);

  measure = &self->measures[id];
  measure->place[0] = (RtkPoint){box.x, box.y};
  measure->place[1] = (RtkPoint){box.x + box.width, box.y};
  measure->place[2] = (RtkPoint){box.x + box.width, box.y + box.height};
  measure->place[3] = (RtkPoint){box.x, box.y + box.height};
  measure->n_place = 4;
}

/**
 * rtk_file_facts_new:
 *
 * Makes the facts of no file: no format, no name, all numbers 0.
 *
 * Returns: (transfer full): new facts
 */
RtkFileFacts *
rtk_file_facts_new (void)
{
  RtkFileFacts *self = g_new0 (RtkFileFacts, 1);

  self->name = g_strdup ("");
  return self;
}

/**
 * rtk_file_facts_free:
 * @self: (transfer full) (nullable): facts
 *
 * Frees @self and its name.
 */
void
rtk_file_facts_free (RtkFileFacts *self)
{
  if (self == NULL)
    return;
  g_free (self->name);
  g_free (self);
}
