/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-analyser.h"

G_BEGIN_DECLS

#define RTK_TYPE_VISION_ANALYSER (rtk_vision_analyser_get_type ())

/* The analyser of the real networks, on one worker of its own. */
G_DECLARE_FINAL_TYPE (RtkVisionAnalyser, rtk_vision_analyser, RTK, VISION_ANALYSER, GObject)

RtkVisionAnalyser *rtk_vision_analyser_new (const char *models_dir) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
