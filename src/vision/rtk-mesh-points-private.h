/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

enum {
  RTK_N_OVAL_POINTS = 36,
  RTK_N_CHEEK_POINTS = 8,
  RTK_N_EYE_POINTS = 16,
};

/* Points of the face mesh (of RtkFace), each row in order around what it outlines. Of a pair the
 * first lies on the left of the picture. */
extern const int rtk_mesh_oval[RTK_N_OVAL_POINTS]; /* the face */
extern const int rtk_mesh_cheeks[2][RTK_N_CHEEK_POINTS];
extern const int rtk_mesh_eyes[2][RTK_N_EYE_POINTS]; /* the lids */

G_END_DECLS
