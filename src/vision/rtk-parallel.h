/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

guint rtk_parallel_count_cores (void);
void  rtk_parallel_begin_work (void);
void  rtk_parallel_end_work (void);

G_END_DECLS
