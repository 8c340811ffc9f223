/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What such files end with in a folder. */
#define RTK_CTL_PHOTO_ENDING ".jpg"
#define RTK_CTL_CERTIFICATE_ENDING ".cert.json"
#define RTK_CTL_REPORT_ENDING ".report.json"
#define RTK_CTL_ALPHA_ENDING ".alpha.png"

/**
 * RtkCtlOutputs:
 * @photo: (owned): the finished photo, or the folder of a batch's
 * @certificate: (owned) (nullable): likewise
 * @report: (owned) (nullable): likewise
 * @alpha: (owned) (nullable): likewise
 * @stems: (owned) (nullable) (element-type utf8): what the files of each job are called in these
 *   folders, without the ending; %NULL when the names are whole files
 *
 * Where `photo make` writes.
 */
typedef struct {
  char      *photo;
  char      *certificate;
  char      *report;
  char      *alpha;
  GPtrArray *stems;
} RtkCtlOutputs;

gboolean
     rtk_ctl_outputs_plan (RtkCtlOutputs *self, GPtrArray *jobs, gboolean is_batch, GError **error);
void rtk_ctl_outputs_clear (RtkCtlOutputs *self);
char *rtk_ctl_outputs_dup_path (const RtkCtlOutputs *self,
                                const char          *where,
                                const char          *ending,
                                guint                job) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
