/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-check.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _RtkRulePack RtkRulePack;

/**
 * RtkRuleMode:
 * @RTK_RULE_BLOCK: a failure must be mended or accepted by a named person
 * @RTK_RULE_ADVISE: outside its limits it is a warning
 * @RTK_RULE_CONFIRM: a person says, except where there are limits and the measure is sure: outside
 *   @min and @max of the rule a fault (a warning), inside @warn_min and @warn_max none
 */
typedef enum {
  RTK_RULE_BLOCK,
  RTK_RULE_ADVISE,
  RTK_RULE_CONFIRM,
} RtkRuleMode;

/**
 * RtkRule:
 * @min: fails below it; NAN = none
 * @max: fails above it; NAN = none
 * @warn_min: warns below it; NAN = none
 * @warn_max: warns above it; NAN = none
 * @text: for rules on words (file.format, file.name): what is wanted; else NULL
 * @title: (array): short name, English and zh-CN
 * @advice_low: (array): what to do when the value is too low
 * @advice_high: (array): what to do when the value is too high
 *
 * One rule of a pack. Texts are indexed by #RtkLanguage, owned by the pack.
 */
typedef enum { RTK_LANGUAGE_EN, RTK_LANGUAGE_ZH_CN, RTK_N_LANGUAGES } RtkLanguage;

typedef struct {
  RtkCheckId  id;
  RtkRuleMode mode;
  double      min;
  double      max;
  double      warn_min;
  double      warn_max;
  char       *text;
  char       *title[RTK_N_LANGUAGES];
  char       *advice_low[RTK_N_LANGUAGES];
  char       *advice_high[RTK_N_LANGUAGES];
} RtkRule;

/* A background a pack allows. */
typedef struct {
  char  *name;
  guint8 rgb[3];
} RtkBackground;

/**
 * RtkRuleSource:
 * @id: id of a pack, such as "chsi-diploma"
 * @user_data: what was given with the function
 * @error: return location
 *
 * Finds the text of the pack @id. Core reads no files: the caller knows where packs are.
 *
 * Returns: (transfer full): the bytes of its .ini
 */
typedef GBytes *(*RtkRuleSource) (const char *id, gpointer user_data, GError **error);

#define RTK_TYPE_RULE_PACK (rtk_rule_pack_get_type ())

GType        rtk_rule_pack_get_type (void) G_GNUC_CONST;
RtkRulePack *rtk_rule_pack_load (const char *id, GError **error) G_GNUC_WARN_UNUSED_RESULT;
RtkRulePack *rtk_rule_pack_parse (const char   *id,
                                  RtkRuleSource source,
                                  gpointer      user_data,
                                  GError      **error) G_GNUC_WARN_UNUSED_RESULT;
char       **rtk_rule_pack_lint (const char   *id,
                                 RtkRuleSource source,
                                 gpointer      user_data) G_GNUC_WARN_UNUSED_RESULT;
GBytes      *rtk_rule_pack_built_in_source (const char *id, gpointer user_data, GError **error);
char       **rtk_rule_pack_list_built_in (void) G_GNUC_WARN_UNUSED_RESULT;
RtkRulePack *rtk_rule_pack_ref (RtkRulePack *self);
void         rtk_rule_pack_unref (RtkRulePack *self);

const char *rtk_rule_pack_get_id (const RtkRulePack *self);
const char *rtk_rule_pack_get_version (const RtkRulePack *self);
const char *rtk_rule_pack_get_title (const RtkRulePack *self, RtkLanguage language);
int         rtk_rule_pack_get_width (const RtkRulePack *self);
int         rtk_rule_pack_get_height (const RtkRulePack *self);
int         rtk_rule_pack_get_dpi (const RtkRulePack *self);
int         rtk_rule_pack_get_quality_min (const RtkRulePack *self);
void        rtk_rule_pack_get_bytes (const RtkRulePack *self, gsize *out_min, gsize *out_max);
const RtkBackground *rtk_rule_pack_find_background (const RtkRulePack *self, const char *name);
const RtkBackground *rtk_rule_pack_get_backgrounds (const RtkRulePack *self, guint *out_n);
/* What the crop aims at, in finished pixels. */
double rtk_rule_pack_get_target_hair_top (const RtkRulePack *self);
double rtk_rule_pack_get_target_eye_line (const RtkRulePack *self);
double rtk_rule_pack_get_target_face_width (const RtkRulePack *self);
/* The rule of a check, NULL when the pack has none; and all of them in pack order. */
const RtkRule        *rtk_rule_pack_get_rule (const RtkRulePack *self, RtkCheckId id);
const RtkRule *const *rtk_rule_pack_get_rules (const RtkRulePack *self, guint *out_n);
char                 *rtk_rule_pack_format_file_name (const RtkRulePack *self,
                                                      const char        *number,
                                                      GError           **error) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkRulePack, rtk_rule_pack_unref)

G_END_DECLS
