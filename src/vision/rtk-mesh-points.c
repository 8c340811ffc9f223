/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "vision/rtk-mesh-points-private.h"

const int rtk_mesh_oval[RTK_N_OVAL_POINTS] = {
    10,  338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58,  132, 93,  234, 127, 162, 21,  54,  103, 67,  109,
};

const int rtk_mesh_cheeks[2][RTK_N_CHEEK_POINTS] = {
    {117, 118, 101, 36, 205, 187, 147, 123},
    {346, 347, 330, 266, 425, 411, 376, 352},
};

const int rtk_mesh_eyes[2][RTK_N_EYE_POINTS] = {
    {33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7},
    {362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382},
};
