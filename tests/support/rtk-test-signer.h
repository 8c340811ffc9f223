/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-signer.h"

/* A real Ed25519 key, made from a seed: the same seed gives the same key. */
RtkSigner *rtk_test_signer_new (const char *seed) G_GNUC_WARN_UNUSED_RESULT;
