/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/* A .tflite file of two kilobytes with most of the operators that the reader knows: a network that
 * runs, and means nothing. */
GBytes *rtk_tiny_model_new (void) G_GNUC_WARN_UNUSED_RESULT;
