/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-report.h"

G_BEGIN_DECLS

/* A shoulder that the network is less sure of than this counts as hidden. */
#define RTK_SHOULDER_SEEN 0.5

/* Filled by rtk-rules.c or from JSON, immutable afterwards. */
struct _RtkReport {
  char      *rules_id;      /* (owned) */
  char      *rules_version; /* (owned) */
  RtkVerdict verdict;
  int        width; /* of the judged picture, pixels; 0 when not known */
  int        height;
  gboolean   has_crop;
  RtkCrop    crop;
  GArray    *checks; /* (owned) (element-type RtkCheck) */
};

RtkReport *rtk_report_alloc (const char *rules_id,
                             const char *rules_version) G_GNUC_WARN_UNUSED_RESULT;
RtkCheck  *rtk_report_add (RtkReport *self, RtkCheckId id);
void       rtk_report_sum_up (RtkReport *self);

G_END_DECLS
