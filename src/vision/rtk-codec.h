/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-photo.h"

G_BEGIN_DECLS

RtkImage *
rtk_codec_decode (GBytes *bytes, RtkIntake *out_intake, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
