/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "vision/rtk-tflite.h"

G_BEGIN_DECLS

gboolean rtk_tflite_node_fits (const RtkTflite *model, const RtkTfliteNode *node);

G_END_DECLS
