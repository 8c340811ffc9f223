/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-analysis.h"
#include "core/rtk-geometry.h"
#include "core/rtk-report.h"
#include "core/rtk-rule-pack.h"
#include "fuzz/fuzz.h"

#define ID "under-test"

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  return 0;
}

/* The input stands for its own id; parents are the built-in packs. */
static GBytes *
find_text (const char *id, gpointer user_data, GError **error)
{
  if (g_str_equal (id, ID))
    return g_bytes_ref (user_data);
  return rtk_rule_pack_built_in_source (id, NULL, error);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_parse (ID, find_text, bytes, &error);
  g_autoptr (RtkAnalysis) analysis = NULL;
  g_autoptr (RtkReport) report = NULL;
  RtkHead head = {.eye_mid = {300, 300},
                  .hair_top = 180,
                  .cheek_left = 240,
                  .cheek_right = 360,
                  .chin = {300, 400},
                  .shoulders = {{150, 500}, {450, 500}},
                  .shoulder_visible = {1, 1}};
  RtkCrop crop;

  g_assert_true ((pack == NULL) == (error != NULL));
  if (pack == NULL)
    return 0;
  g_assert_cmpint (rtk_rule_pack_get_width (pack), >, 0);
  /* A pack that is taken can be used. */
  if (rtk_geometry_find_crop (pack, &head, 600, 800, &crop, NULL))
    g_assert_true (crop.scale > 0 && crop.out_width == rtk_rule_pack_get_width (pack));
  analysis = rtk_analysis_new (600, 800, 1);
  report = rtk_rules_judge (pack, analysis, NULL, FALSE);
  g_assert_nonnull (report);
  return 0;
}
