/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-rule-pack.h"

G_BEGIN_DECLS

/* Written by rtk-rule-pack-parse.c alone, immutable afterwards. */
struct _RtkRulePack {
  char      *id;                     /* (owned) */
  char      *version;                /* (owned) */
  char      *title[RTK_N_LANGUAGES]; /* (owned) */
  char      *file_name;              /* (owned): template with one {number} */
  int        width;
  int        height;
  int        dpi;
  int        quality_min;
  int        bytes_min;
  int        bytes_max; /* 0: no limit */
  double     target_hair_top;
  double     target_eye_line;
  double     target_face_width;
  GArray    *backgrounds;         /* (owned) (element-type RtkBackground), the default first */
  GPtrArray *rules;               /* (owned) (element-type RtkRule), in pack order */
  RtkRule   *by_id[RTK_N_CHECKS]; /* (unowned): into @rules */
};

/* What is wrong with a pack, each with its line. */
typedef struct _RtkRuleFaults RtkRuleFaults;

RtkRuleFaults *rtk_rule_faults_new (void) G_GNUC_WARN_UNUSED_RESULT;
void           rtk_rule_faults_free (RtkRuleFaults *self);
void           rtk_rule_faults_add_text (RtkRuleFaults *self, const char *id, GBytes *bytes);
const char    *rtk_rule_faults_get_id (const RtkRuleFaults *self, guint index);
gboolean       rtk_rule_faults_add (RtkRuleFaults *self,
                                    const char    *id,
                                    const char    *group,
                                    const char    *key,
                                    const char    *format,
                                    ...) G_GNUC_PRINTF (5, 6);
const char    *rtk_rule_faults_get_first (const RtkRuleFaults *self);
char         **rtk_rule_faults_dup_all (const RtkRuleFaults *self) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkRuleFaults, rtk_rule_faults_free)

void         rtk_rule_pack_check (RtkRulePack *self, RtkRuleFaults *faults);
RtkRulePack *rtk_rule_pack_alloc (void) G_GNUC_WARN_UNUSED_RESULT;
RtkRule     *rtk_rule_pack_add_rule (RtkRulePack *self, RtkCheckId id);
void         rtk_rule_pack_drop_rule (RtkRulePack *self, RtkCheckId id);

G_END_DECLS
