/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-analysis.h"
#include "core/rtk-rule-pack.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * RtkCheck:
 * @id: which check
 * @verdict: what the engine says
 * @value: in @unit; NAN = null (confirm, unknown, or a rule on words)
 * @unit: static
 * @min: the limit that counts, NAN = none
 * @max: the limit that counts, NAN = none
 * @blocking: whether a failure blocks
 * @title: (array): short name, by #RtkLanguage; owned by the report
 * @advice: (array): what to do now (or, for unknown, why); owned by the report
 * @place: polygon in pixels of the judged picture
 * @n_place: its corners, 0 = nowhere in particular
 *
 * The verdict on one check.
 */
typedef struct {
  RtkCheckId  id;
  RtkVerdict  verdict;
  double      value;
  const char *unit;
  double      min;
  double      max;
  gboolean    blocking;
  char       *title[RTK_N_LANGUAGES];
  char       *advice[RTK_N_LANGUAGES];
  RtkPoint    place[RTK_N_PLACE_POINTS];
  guint       n_place;
} RtkCheck;

/* All verdicts on one picture under one rule pack. Immutable, counted. */
typedef struct _RtkReport RtkReport;

#define RTK_TYPE_REPORT (rtk_report_get_type ())

GType      rtk_report_get_type (void) G_GNUC_CONST;
RtkReport *rtk_rules_judge (const RtkRulePack  *pack,
                            const RtkAnalysis  *analysis,
                            const RtkFileFacts *facts,
                            gboolean            finished) G_GNUC_WARN_UNUSED_RESULT;
RtkReport *rtk_report_ref (RtkReport *self);
void       rtk_report_unref (RtkReport *self);

/* The worst verdict: fail when a blocking rule fails, else warn, confirm, unknown of a blocking
 * rule, pass. */
RtkVerdict      rtk_report_get_verdict (const RtkReport *self);
const char     *rtk_report_get_rules_id (const RtkReport *self);
const char     *rtk_report_get_rules_version (const RtkReport *self);
const RtkCheck *rtk_report_get_checks (const RtkReport *self, guint *out_n);
const RtkCheck *rtk_report_find (const RtkReport *self, RtkCheckId id);
/* The crop the geometry was judged in; FALSE when there is none. */
gboolean rtk_report_get_crop (const RtkReport *self, RtkCrop *out_crop);
/* The check to mend first: blocking failures in pack order, then warnings. NULL when all is well.
 */
const RtkCheck *rtk_report_get_first_to_mend (const RtkReport *self);
gboolean        rtk_report_may_shoot (const RtkReport *self);
JsonNode       *rtk_report_to_json (const RtkReport *self) G_GNUC_WARN_UNUSED_RESULT;
RtkReport      *rtk_report_from_json (JsonNode *node, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkReport, rtk_report_unref)

G_END_DECLS
