/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "vision/rtk-networks.h"

/* What a test that needs the real models begins with. Each is from the folder that RTK_MODELS_DIR
 * names; NULL, and the test skipped by name, when it is not there. */
RtkNetworks *rtk_test_load_networks (void) G_GNUC_WARN_UNUSED_RESULT;
GBytes      *rtk_test_load_model (const char *name) G_GNUC_WARN_UNUSED_RESULT;
