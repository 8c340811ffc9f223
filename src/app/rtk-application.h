/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define RTK_TYPE_APPLICATION (rtk_application_get_type ())

/* The program: options, the way from its start to a station at work, and its end. */
G_DECLARE_FINAL_TYPE (RtkApplication, rtk_application, RTK, APPLICATION, AdwApplication)

RtkApplication *rtk_application_new (void);

G_END_DECLS
