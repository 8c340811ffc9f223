/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Before a function whose loops gain from wider registers: compiled twice, and the processor takes
 * its own. Without fused multiply-add and with each sum in its order both give the same bytes. The
 * choice is made before sanitizers have begun, which they do not bear. */
#if defined __x86_64__ && defined __GNUC__ && !defined __clang__ &&                                \
    !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
#define RTK_WIDE __attribute__ ((target_clones ("avx2", "default")))
#else
#define RTK_WIDE
#endif

/**
 * RtkRowsFunc:
 * @data: what was given to rtk_parallel_rows()
 * @from: first row to work on
 * @to: row after the last one
 *
 * Works on some rows, which no other call works on.
 */
typedef void (*RtkRowsFunc) (gpointer data, int from, int to);

/**
 * RtkTask:
 * @func: work that depends on no other task of the same call
 * @data: its argument
 */
typedef struct {
  GFunc    func;
  gpointer data;
} RtkTask;

void rtk_parallel_rows (int n_rows, gsize work, RtkRowsFunc func, gpointer data);
void rtk_parallel_tasks (const RtkTask *tasks, guint n_tasks, gpointer shared);

G_END_DECLS
