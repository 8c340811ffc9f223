/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-rule-pack-private.h"

#include <math.h>
#include <string.h>

static const char *const languages[RTK_N_LANGUAGES] = {
    [RTK_LANGUAGE_EN] = NULL,
    [RTK_LANGUAGE_ZH_CN] = "zh_CN",
};

/* Rules on the file take their limits from [picture], where the pack says them once. */
static void
fill_file_limits (RtkRulePack *pack)
{
  const struct {
    RtkCheckId id;
    double     min;
    double     max;
  } limits[] = {
      {RTK_CHECK_FILE_WIDTH, pack->width, pack->width},
      {RTK_CHECK_FILE_HEIGHT, pack->height, pack->height},
      {RTK_CHECK_FILE_DPI, pack->dpi, pack->dpi},
      {RTK_CHECK_FILE_BYTES, pack->bytes_min, pack->bytes_max > 0 ? pack->bytes_max : NAN},
      {RTK_CHECK_FILE_QUALITY, pack->quality_min, NAN},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (limits); i++) {
    RtkRule *rule = pack->by_id[limits[i].id];

    if (rule == NULL || rule->mode == RTK_RULE_CONFIRM)
      continue;
    if (isnan (rule->min) && isnan (rule->max)) {
      rule->min = limits[i].min;
      rule->max = limits[i].max;
    }
  }
}

/* Facts of the file and zones of the crop are known for sure, or not at all. */
static gboolean
is_exact (RtkCheckId id)
{
  return id <= RTK_CHECK_FILE_NAME ||
         (id >= RTK_CHECK_GEOMETRY_CENTRE && id <= RTK_CHECK_GEOMETRY_SHOULDERS_WHOLE);
}

static void
validate_limits (const RtkRulePack *pack,
                 const RtkRule     *rule,
                 const char        *group,
                 RtkRuleFaults     *faults)
{
  gboolean words = rule->id == RTK_CHECK_FILE_FORMAT || rule->id == RTK_CHECK_FILE_NAME;
  gboolean limited = !isnan (rule->min) || !isnan (rule->max) || !isnan (rule->warn_min) ||
                     !isnan (rule->warn_max);

  if (rule->min > rule->max)
    rtk_rule_faults_add (faults, pack->id, group, "min", "lies above max");
  if (rule->warn_min > rule->warn_max)
    rtk_rule_faults_add (faults, pack->id, group, "warn-min", "lies above warn-max");
  if (rule->warn_min < rule->min || rule->warn_min > rule->max)
    rtk_rule_faults_add (faults, pack->id, group, "warn-min", "lies outside min and max");
  if (rule->warn_max > rule->max || rule->warn_max < rule->min)
    rtk_rule_faults_add (faults, pack->id, group, "warn-max", "lies outside min and max");
  if (rule->mode == RTK_RULE_CONFIRM && limited && is_exact (rule->id))
    rtk_rule_faults_add (faults, pack->id, group, "mode",
                         "what is counted in pixels or bytes has no doubt");
  if (words != (rule->text != NULL))
    rtk_rule_faults_add (faults, pack->id, group, "text",
                         words ? "is missing" : "belongs to file.format and file.name only");
  if (rule->mode != RTK_RULE_CONFIRM && !limited && !words)
    rtk_rule_faults_add (faults, pack->id, group, "min", "a rule that is measured needs a limit");
}

static void
validate_texts (const RtkRulePack *pack,
                const RtkRule     *rule,
                const char        *group,
                RtkRuleFaults     *faults)
{
  gboolean low = !isnan (rule->min) || !isnan (rule->warn_min);
  gboolean high = !isnan (rule->max) || !isnan (rule->warn_max);

  /* With no limits (words, confirm) the advice for "too low" is the one that is shown. */
  low = low || !high;
  for (int i = 0; i < RTK_N_LANGUAGES; i++) {
    g_autofree char *suffix = languages[i] != NULL ? g_strdup_printf ("[%s]", languages[i]) : NULL;
    const struct {
      const char *key;
      gboolean    missing;
    } texts[] = {
        {"title", rule->title[i] == NULL},
        {"advice-low", low && rule->advice_low[i] == NULL},
        {"advice-high", high && rule->advice_high[i] == NULL},
    };

    for (gsize j = 0; j < G_N_ELEMENTS (texts); j++) {
      g_autofree char *key = g_strconcat (texts[j].key, suffix, NULL);

      if (texts[j].missing)
        rtk_rule_faults_add (faults, pack->id, group, key, "is missing");
    }
  }
}

/* A zone must lie inside the finished picture and hold the target, or no crop could be legal. */
static void
validate_zone (
    const RtkRulePack *pack, RtkCheckId id, double size, double target, RtkRuleFaults *faults)
{
  const RtkRule   *rule = pack->by_id[id];
  g_autofree char *group = g_strdup_printf ("check %s", rtk_check_id_to_string (id));

  if (!(target > 0. && target < size))
    rtk_rule_faults_add (faults, pack->id, "target", NULL, "lies outside the picture for %s",
                         rtk_check_id_to_string (id));
  if (rule == NULL || rule->mode == RTK_RULE_CONFIRM)
    return;
  if (rule->min < 0. || rule->min > size)
    rtk_rule_faults_add (faults, pack->id, group, "min", "lies outside the picture");
  if (rule->max < 0. || rule->max > size)
    rtk_rule_faults_add (faults, pack->id, group, "max", "lies outside the picture");
  if (target < rule->min || target > rule->max)
    rtk_rule_faults_add (faults, pack->id, group, target < rule->min ? "min" : "max",
                         "the zone does not hold the target %g", target);
}

static void
validate_pack (const RtkRulePack *pack, RtkRuleFaults *faults)
{
  static const char place[] = "{number}";
  const char       *at;

  for (int i = 0; i < RTK_N_LANGUAGES; i++) {
    if (pack->title[i] == NULL)
      rtk_rule_faults_add (faults, pack->id, "pack",
                           languages[i] != NULL ? "title[zh_CN]" : "title", "is missing");
  }
  if (pack->version == NULL)
    rtk_rule_faults_add (faults, pack->id, "pack", "version", "is missing");
  at = pack->file_name != NULL ? strstr (pack->file_name, place) : NULL;
  if (at == NULL || strstr (at + 1, place) != NULL || strchr (pack->file_name, '/') != NULL)
    rtk_rule_faults_add (faults, pack->id, "pack", "file-name",
                         "must hold {number} once and no slash");
  if (pack->width < 16 || pack->width > 10000)
    rtk_rule_faults_add (faults, pack->id, "picture", "width", "must be 16 to 10000");
  if (pack->height < 16 || pack->height > 10000)
    rtk_rule_faults_add (faults, pack->id, "picture", "height", "must be 16 to 10000");
  if (pack->dpi < 1 || pack->dpi > 65535)
    rtk_rule_faults_add (faults, pack->id, "picture", "dpi", "must be 1 to 65535");
  if (pack->quality_min < 1 || pack->quality_min > 100)
    rtk_rule_faults_add (faults, pack->id, "picture", "quality-min", "must be 1 to 100");
  if (pack->bytes_max > 0 && pack->bytes_min > pack->bytes_max)
    rtk_rule_faults_add (faults, pack->id, "picture", "bytes-min", "lies above bytes-max");
  if (pack->backgrounds->len == 0)
    rtk_rule_faults_add (faults, pack->id, "background NAME", "rgb", "there is no background");
}

/* Checks that @self can be used, when all of its files have been read. */
void
rtk_rule_pack_check (RtkRulePack *self, RtkRuleFaults *faults)
{
  const struct {
    RtkCheckId id;
    double     size;
    double     target;
  } zones[] = {
      {RTK_CHECK_GEOMETRY_HAIR_TOP, self->height, self->target_hair_top},
      {RTK_CHECK_GEOMETRY_EYE_LINE, self->height, self->target_eye_line},
      {RTK_CHECK_GEOMETRY_FACE_WIDTH, self->width, self->target_face_width},
      {RTK_CHECK_GEOMETRY_CENTRE, self->width, self->width / 2.},
  };

  validate_pack (self, faults);
  fill_file_limits (self);
  for (guint i = 0; i < self->rules->len; i++) {
    const RtkRule   *rule = g_ptr_array_index (self->rules, i);
    g_autofree char *group = g_strdup_printf ("check %s", rtk_check_id_to_string (rule->id));

    validate_limits (self, rule, group, faults);
    validate_texts (self, rule, group, faults);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (zones); i++)
    validate_zone (self, zones[i].id, zones[i].size, zones[i].target, faults);
  if (self->target_hair_top >= self->target_eye_line)
    rtk_rule_faults_add (faults, self->id, "target", "hair-top", "must lie above the eyes");
}
