/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-camera.h"
#include "core/rtk-check.h"
#include "core/rtk-order.h"
#include "core/rtk-rule-pack.h"
#include "session/rtk-reason-list.h"
#include "session/rtk-retake-session.h"
#include "session/rtk-status.h"

G_BEGIN_DECLS

RtkLanguage rtk_words_get_language (void);
const char *rtk_words_verdict (RtkVerdict verdict);
const char *rtk_words_verdict_icon (RtkVerdict verdict);
const char *rtk_words_verdict_class (RtkVerdict verdict);
const char *rtk_words_reason_state (RtkReasonState state);
const char *rtk_words_error (const GError *error);
const char *rtk_words_session_message (RtkSessionMessage message);
const char *rtk_words_old_photo (RtkOldPhotoState state);
void rtk_words_camera (RtkCameraState state, const char **out_title, const char **out_advice);
const char *rtk_words_light_name (RtkLightKind kind);
const char *rtk_words_light_icon (RtkLightKind kind);
const char *rtk_words_light_class (RtkLightLevel level);
char       *rtk_words_light_message (RtkLight *light) G_GNUC_WARN_UNUSED_RESULT;
const char *rtk_words_light_advice (RtkLightMessage message);
char       *rtk_words_value (double value, const char *unit) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
