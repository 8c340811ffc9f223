/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Why a measure is not known: the sentences for rtk_analysis_set_unknown(). A report carries both
 * languages, so each has its zh-CN text in rtk-why.c. */
#define RTK_WHY_NOT_MEASURED "This was not measured."
#define RTK_WHY_NO_FACE "No face was found."
#define RTK_WHY_NO_CROP "The head is too small or too near to the edge of the picture."
#define RTK_WHY_NO_HEAD "The outline of the head was not found."
#define RTK_WHY_NO_SHOULDERS "The shoulders were not found."
#define RTK_WHY_NO_PERSON "Nobody was found in the picture."
#define RTK_WHY_TOO_LITTLE_WALL "Too little of the wall is seen."
#define RTK_WHY_TOO_LITTLE_CLOTHES "Too little of the clothes is seen."
#define RTK_WHY_TURNED "The head is turned too far."
#define RTK_WHY_EYES_SHUT "The eyes are not open far enough."
#define RTK_WHY_FACE_TOO_SMALL "The face is too small."
#define RTK_WHY_NOT_IN_FILE "The file does not say."
#define RTK_WHY_NOT_IN_VIEW "The picture does not show it whole."
#define RTK_WHY_SIDE_LIGHT "One side of the face is too dark."
#define RTK_WHY_REPLACED "The background of a finished picture was replaced."

const char *rtk_why_to_zh_cn (const char *why);

G_END_DECLS
