/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-colour.h"
#include "core/rtk-error.h"
#include "core/rtk-report-private.h"
#include "core/rtk-why.h"

#include <math.h>

/* A shoulder may lie this share of the width outside: no better does the network know where it is.
 */
#define SHOULDER_TOLERANCE 0.02

static const char *const pass_texts[RTK_N_LANGUAGES] = {
    [RTK_LANGUAGE_EN] = "Good as it is.",
    [RTK_LANGUAGE_ZH_CN] = "合格。",
};

/* What one call judges. */
typedef struct {
  const RtkRulePack  *pack;
  const RtkAnalysis  *analysis;
  const RtkFileFacts *facts; /* (nullable) */
  gboolean            finished;
  RtkReport          *report;
  const char         *no_crop_why; /* (nullable): static, why there is no geometry */
} Judge;

static gboolean
is_file_check (RtkCheckId id)
{
  return id <= RTK_CHECK_FILE_NAME;
}

static gboolean
is_geometry_check (RtkCheckId id)
{
  return id >= RTK_CHECK_GEOMETRY_CENTRE && id <= RTK_CHECK_GEOMETRY_SHOULDERS_WHOLE;
}

/* Limits on lines in the picture hold to a hundredth of a pixel: far finer than any line can be
 * found, and coarser than the rounding of a crop. */
static double
round_px (double value)
{
  return round (value * 100.) / 100.;
}

static void
find_crop (Judge *self, gboolean finished)
{
  RtkReport *report = self->report;

  if (self->analysis->n_faces == 0) {
    self->no_crop_why = RTK_WHY_NO_FACE;
  } else if (!self->analysis->has_head) {
    self->no_crop_why = RTK_WHY_NO_HEAD;
  } else if (finished) {
    report->crop = (RtkCrop){0., 0., 1., self->analysis->width, self->analysis->height};
    report->has_crop = TRUE;
  } else {
    report->has_crop =
        rtk_geometry_find_crop (self->pack, &self->analysis->head, self->analysis->width,
                                self->analysis->height, &report->crop, NULL);
    if (!report->has_crop)
      self->no_crop_why = RTK_WHY_NO_CROP;
  }
}

static double
measure_head_margin (const RtkCrop *crop, const RtkHead *head)
{
  RtkPoint top_left = rtk_crop_to_finished (crop, (RtkPoint){head->cheek_left, head->hair_top});
  RtkPoint bottom_right = rtk_crop_to_finished (crop, (RtkPoint){head->cheek_right, head->chin.y});
  double   across = MIN (top_left.x, crop->out_width - bottom_right.x);
  double   along = MIN (top_left.y, crop->out_height - bottom_right.y);

  return MIN (across, along);
}

static int
count_shoulders (const RtkCrop *crop, const RtkHead *head)
{
  double slack = SHOULDER_TOLERANCE * crop->out_width;
  int    n = 0;

  for (int i = 0; i < 2; i++) {
    RtkPoint point = rtk_crop_to_finished (crop, head->shoulders[i]);

    if (head->shoulder_visible[i] >= RTK_SHOULDER_SEEN && point.x >= -slack &&
        point.x <= crop->out_width + slack && point.y >= 0. && point.y <= crop->out_height + slack)
      n++;
  }
  return n;
}

static void
set_place (RtkMeasure *measure, double left, double top, double right, double bottom)
{
  measure->place[0] = (RtkPoint){left, top};
  measure->place[1] = (RtkPoint){right, top};
  measure->place[2] = (RtkPoint){right, bottom};
  measure->place[3] = (RtkPoint){left, bottom};
  measure->n_place = 4;
}

static RtkMeasure
measure_geometry (const Judge *self, RtkCheckId id)
{
  const RtkHead *head = &self->analysis->head;
  const RtkCrop *crop = &self->report->crop;
  RtkMeasure     measure = {.known = self->report->has_crop, .value = NAN};
  RtkPoint       eye;

  measure.unknown_why = self->no_crop_why;
  if (!measure.known)
    return measure;
  eye = rtk_crop_to_finished (crop, head->eye_mid);
  if (id == RTK_CHECK_GEOMETRY_CENTRE) {
    measure.value = round_px (eye.x);
    set_place (&measure, head->eye_mid.x, head->hair_top, head->eye_mid.x, head->chin.y);
  } else if (id == RTK_CHECK_GEOMETRY_HAIR_TOP) {
    measure.value = round_px ((head->hair_top - crop->y) / crop->scale);
    set_place (&measure, head->cheek_left, head->hair_top, head->cheek_right, head->hair_top);
  } else if (id == RTK_CHECK_GEOMETRY_EYE_LINE) {
    measure.value = round_px (eye.y);
    set_place (&measure, head->cheek_left, head->eye_mid.y, head->cheek_right, head->eye_mid.y);
  } else if (id == RTK_CHECK_GEOMETRY_FACE_WIDTH) {
    measure.value = round_px ((head->cheek_right - head->cheek_left) / crop->scale);
    set_place (&measure, head->cheek_left, head->eye_mid.y, head->cheek_right, head->chin.y);
  } else if (id == RTK_CHECK_GEOMETRY_HEAD_WIDTH) {
    measure.known = head->right > head->left;
    measure.value = round_px ((head->right - head->left) / crop->scale);
    set_place (&measure, head->left, head->eye_mid.y, head->right, head->chin.y);
  } else if (id == RTK_CHECK_GEOMETRY_HEAD_HEIGHT) {
    measure.value = round_px ((head->chin.y - head->hair_top) / crop->scale);
    set_place (&measure, head->cheek_left, head->hair_top, head->cheek_right, head->chin.y);
  } else if (id == RTK_CHECK_GEOMETRY_EYE_DISTANCE) {
    measure.known = head->eye_gap > 0.;
    measure.value = round_px (head->eye_gap / crop->scale);
    set_place (&measure, head->eye_mid.x - head->eye_gap / 2., head->eye_mid.y,
               head->eye_mid.x + head->eye_gap / 2., head->eye_mid.y);
  } else if (id == RTK_CHECK_GEOMETRY_HEAD_WHOLE) {
    measure.value = round_px (measure_head_margin (crop, head));
    set_place (&measure, head->cheek_left, head->hair_top, head->cheek_right, head->chin.y);
  } else if (!self->analysis->has_shoulders) {
    measure.known = FALSE;
    measure.unknown_why = RTK_WHY_NO_SHOULDERS;
  } else {
    measure.value = count_shoulders (crop, head);
    measure.place[0] = head->shoulders[0];
    measure.place[1] = head->shoulders[1];
    measure.n_place = 2;
  }
  return measure;
}

static RtkMeasure
measure_file (const Judge *self, RtkCheckId id)
{
  const RtkFileFacts *facts = self->facts;
  const double        dpi = rtk_rule_pack_get_dpi (self->pack);
  RtkMeasure          measure = {.known = TRUE, .value = NAN};

  if (id == RTK_CHECK_FILE_WIDTH) {
    measure.value = facts->width;
  } else if (id == RTK_CHECK_FILE_HEIGHT) {
    measure.value = facts->height;
  } else if (id == RTK_CHECK_FILE_DPI) {
    /* The axis that is further off speaks for both, which only agree in a sound file; one that is
     * no number is the furthest off. */
    measure.value = facts->dpi_x;
    if (isfinite (facts->dpi_x) && !(fabs (facts->dpi_y - dpi) <= fabs (facts->dpi_x - dpi)))
      measure.value = facts->dpi_y;
  } else if (id == RTK_CHECK_FILE_DEPTH) {
    measure.value = facts->depth;
  } else if (id == RTK_CHECK_FILE_BYTES) {
    measure.value = (double)facts->bytes;
  } else if (id == RTK_CHECK_FILE_QUALITY) {
    measure.known = facts->quality > 0;
    measure.value = measure.known ? facts->quality : NAN;
    measure.unknown_why = RTK_WHY_NOT_IN_FILE;
  }
  return measure;
}

/* Clothes and hair against the wall that is there, as measured, and against the background that the
 * pack will put there (its first, which is the default): the nearest of all counts. */
static RtkMeasure
measure_clothes (const Judge *self)
{
  RtkMeasure           measure = self->analysis->measures[RTK_CHECK_BACKGROUND_CLOTHES];
  const RtkPart *const parts[] = {&self->analysis->clothes, &self->analysis->hair};
  guint                n;
  const guint8        *coming = rtk_rule_pack_get_backgrounds (self->pack, &n)[0].rgb;
  double               rgb[3] = {coming[0], coming[1], coming[2]};
  double               lab[3];

  rtk_colour_to_lab (rgb, lab);
  for (gsize i = 0; !self->finished && measure.known && i < G_N_ELEMENTS (parts); i++) {
    const RtkRect *place = &parts[i]->place;
    double         difference = rtk_colour_difference (parts[i]->lab, lab);

    if (!parts[i]->known || difference >= measure.value)
      continue;
    measure.value = difference;
    set_place (&measure, place->x, place->y, place->x + place->width, place->y + place->height);
  }
  return measure;
}

static gboolean
fits_words (const RtkFileFacts *facts, const RtkRule *rule)
{
  if (rule->id == RTK_CHECK_FILE_FORMAT)
    return g_str_equal (facts->format, rule->text);
  return g_pattern_match_simple (rule->text, facts->name);
}

static void
set_advice (RtkCheck *check, char *const texts[RTK_N_LANGUAGES])
{
  for (int i = 0; i < RTK_N_LANGUAGES; i++)
    check->advice[i] = g_strdup (texts[i]);
}

static void
judge_value (RtkCheck *check, const RtkRule *rule, double value)
{
  RtkVerdict outside = rule->mode == RTK_RULE_BLOCK ? RTK_VERDICT_FAIL : RTK_VERDICT_WARN;

  check->value = value;
  /* A comparison with a limit that is not there (NAN) is never true. */
  if (value < rule->min || value > rule->max) {
    check->verdict = outside;
    set_advice (check, value < rule->min ? rule->advice_low : rule->advice_high);
  } else if (value < rule->warn_min || value > rule->warn_max) {
    check->verdict = RTK_VERDICT_WARN;
    set_advice (check, value < rule->warn_min ? rule->advice_low : rule->advice_high);
  } else {
    check->verdict = RTK_VERDICT_PASS;
    set_advice (check, (char *const *)pass_texts);
  }
}

static gboolean
has_limits (const RtkRule *rule)
{
  return !isnan (rule->min) || !isnan (rule->max) || !isnan (rule->warn_min) ||
         !isnan (rule->warn_max);
}

/* A person says, unless the measure is sure of a fault or of its absence: between min and warn-min
 * (warn-max and max) the value is a guess, and a guess is not shown. */
static void
judge_doubtful (RtkCheck *check, const RtkRule *rule, const RtkMeasure *measure)
{
  double   value = measure->known ? measure->value : NAN;
  gboolean fault = value < rule->min || value > rule->max;
  gboolean doubt = value < rule->warn_min || value > rule->warn_max;

  if (!has_limits (rule) || !isfinite (value) || (doubt && !fault)) {
    check->verdict = RTK_VERDICT_CONFIRM;
    set_advice (check, rule->advice_low);
  } else {
    check->value = value;
    check->verdict = fault ? RTK_VERDICT_WARN : RTK_VERDICT_PASS;
    set_advice (check, !fault              ? (char *const *)pass_texts
                       : value < rule->min ? rule->advice_low
                                           : rule->advice_high);
  }
}

static void
judge_rule (const Judge *self, const RtkRule *rule)
{
  RtkCheck  *check = rtk_report_add (self->report, rule->id);
  RtkMeasure measure;

  check->min = isnan (rule->min) ? rule->warn_min : rule->min;
  check->max = isnan (rule->max) ? rule->warn_max : rule->max;
  check->blocking = rule->mode == RTK_RULE_BLOCK;
  for (int i = 0; i < RTK_N_LANGUAGES; i++)
    check->title[i] = g_strdup (rule->title[i]);

  if (rule->text != NULL && rule->mode == RTK_RULE_CONFIRM) {
    check->verdict = RTK_VERDICT_CONFIRM;
    set_advice (check, rule->advice_low);
    return;
  }
  if (rule->text != NULL) {
    gboolean fits = fits_words (self->facts, rule);

    check->verdict = fits              ? RTK_VERDICT_PASS
                     : check->blocking ? RTK_VERDICT_FAIL
                                       : RTK_VERDICT_WARN;
    set_advice (check, fits ? (char *const *)pass_texts : rule->advice_low);
    return;
  }
  if (is_file_check (rule->id))
    measure = measure_file (self, rule->id);
  else if (is_geometry_check (rule->id))
    measure = measure_geometry (self, rule->id);
  else if (rule->id == RTK_CHECK_BACKGROUND_CLOTHES)
    measure = measure_clothes (self);
  else
    measure = self->analysis->measures[rule->id];

  check->n_place = measure.n_place;
  for (guint i = 0; i < measure.n_place; i++)
    check->place[i] = measure.place[i];
  if (rule->mode == RTK_RULE_CONFIRM) {
    judge_doubtful (check, rule, &measure);
    return;
  }
  /* What is not a number lies inside any limits: it must not pass for it. */
  if (measure.known && isfinite (measure.value)) {
    judge_value (check, rule, measure.value);
  } else {
    const char *why = measure.unknown_why != NULL ? measure.unknown_why : RTK_WHY_NOT_MEASURED;

    check->verdict = RTK_VERDICT_UNKNOWN;
    check->advice[RTK_LANGUAGE_EN] = g_strdup (why);
    check->advice[RTK_LANGUAGE_ZH_CN] = g_strdup (rtk_why_to_zh_cn (why));
  }
}

/**
 * rtk_rules_judge:
 * @pack: the rules
 * @analysis: what was measured
 * @facts: (nullable): what the file says of itself; looked at for a finished file only
 * @finished: whether the picture is a finished file, not an original frame
 *
 * Judges one picture: the one engine of live view, shutter, review and export.
 *
 * The geometry of an original frame is that of the finished picture which the best legal crop would
 * give; of a finished file, that of the file itself. An original is never judged by the file.*
 * rules: they speak of what is delivered. Any thread; reads only its arguments.
 *
 * Returns: (transfer full): one verdict a rule, in pack order
 */
RtkReport *
rtk_rules_judge (const RtkRulePack  *pack,
                 const RtkAnalysis  *analysis,
                 const RtkFileFacts *facts,
                 gboolean            finished)
{
  g_autoptr (RtkReport) report = NULL;
  const RtkRule *const *rules;
  guint                 n;
  Judge                 judge = {pack, analysis, facts, finished, NULL, NULL};

  g_return_val_if_fail (pack != NULL && analysis != NULL, NULL);

  report = rtk_report_alloc (rtk_rule_pack_get_id (pack), rtk_rule_pack_get_version (pack));
  report->width = analysis->width;
  report->height = analysis->height;
  judge.report = report;
  find_crop (&judge, finished);
  rules = rtk_rule_pack_get_rules (pack, &n);
  for (guint i = 0; i < n; i++) {
    if (!is_file_check (rules[i]->id) || (finished && facts != NULL))
      judge_rule (&judge, rules[i]);
  }
  rtk_report_sum_up (report);
  return g_steal_pointer (&report);
}
