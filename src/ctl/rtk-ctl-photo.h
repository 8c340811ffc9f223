/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-image.h"
#include "core/rtk-report.h"

G_BEGIN_DECLS

JsonNode *rtk_ctl_report_to_json (const char      *path,
                                  int              width,
                                  int              height,
                                  const RtkReport *report,
                                  double           ms) G_GNUC_WARN_UNUSED_RESULT;

RtkImage *rtk_ctl_load_plate (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

gboolean
rtk_ctl_read_overrides (char **texts, const char *by, GPtrArray *overrides, GError **error);
gboolean rtk_ctl_is_overridden (GPtrArray *overrides, RtkCheckId id);

G_END_DECLS
