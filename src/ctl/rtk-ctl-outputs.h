/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * RtkCtlOutputs:
 * @photo: (unowned): the finished photo, or the folder of a batch's
 * @certificate: (unowned) (nullable): likewise
 * @report: (unowned) (nullable): likewise
 * @stems: (owned) (nullable) (element-type utf8): what the files of each job are called in these
 *   folders, without the ending; %NULL when the names are whole files
 *
 * Where `photo make` writes.
 */
typedef struct {
  const char *photo;
  const char *certificate;
  const char *report;
  GPtrArray  *stems;
} RtkCtlOutputs;

gboolean
     rtk_ctl_outputs_plan (RtkCtlOutputs *self, GPtrArray *jobs, gboolean is_batch, GError **error);
void rtk_ctl_outputs_clear (RtkCtlOutputs *self);
char *rtk_ctl_outputs_dup_path (const RtkCtlOutputs *self,
                                const char          *where,
                                const char          *ending,
                                guint                job) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
