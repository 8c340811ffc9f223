/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-analyser.h"

#define RTK_TYPE_TEST_ANALYSER (rtk_test_analyser_get_type ())
G_DECLARE_FINAL_TYPE (RtkTestAnalyser, rtk_test_analyser, RTK, TEST_ANALYSER, GObject)

/**
 * RtkTestAnalyser:
 * @analysis: (owned): what is measured in every frame and still, until the test sets another
 * @hold: frames and stills wait for rtk_test_analyser_answer()
 * @n_resets: how often the face was forgotten
 * @preview: the background over which previews are wanted, %NULL: none are
 *
 * An eye that sees what the test says.
 */
struct _RtkTestAnalyser {
  GObject              parent_instance;
  RtkRulePack         *pack; /* (owned) */
  RtkAnalysis         *analysis;
  gboolean             hold;
  guint                n_resets;
  guint                n_made;
  const RtkBackground *preview; /* (unowned): of a pack */
  GQueue               frames;  /* (element-type GTask) */
  GQueue               stills;  /* (element-type GTask) */
};

RtkTestAnalyser *rtk_test_analyser_new (RtkRulePack *pack) G_GNUC_WARN_UNUSED_RESULT;
/* Everything in order from now on, but for @spoilt (RTK_N_CHECKS = nothing). */
void rtk_test_analyser_see (RtkTestAnalyser *self, RtkCheckId spoilt);
/* Answers what waits at @index of frames or of stills, with (transfer full) (nullable) @error. */
void rtk_test_analyser_answer (RtkTestAnalyser *self, GQueue *queue, guint index, GError *error);
