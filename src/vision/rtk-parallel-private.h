/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

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

void rtk_parallel_rows (int n_rows, RtkRowsFunc func, gpointer data);
void rtk_parallel_tasks (const RtkTask *tasks, guint n_tasks, gpointer shared);

G_END_DECLS
