/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vision/rtk-parallel-private.h"

#define N_ROWS 1000
/* Enough for every call to be worth sharing out. */
#define MUCH_WORK 100000

typedef struct {
  int      visits[N_ROWS]; /* (atomic) */
  gboolean nested;
} Table;

static void
visit_rows (gpointer data, int from, int to)
{
  Table *table = data;

  g_assert_cmpint (from, >=, 0);
  g_assert_cmpint (to, <=, N_ROWS);
  for (int y = from; y < to; y++)
    g_atomic_int_inc (&table->visits[y]);
}

static void
visit_nested (gpointer data, int from, int to)
{
  Table *table = data;

  for (int y = from; y < to; y++) {
    g_atomic_int_inc (&table->visits[y]);
    if (y % 100 == 0) {
      Table inner = {{0}};

      rtk_parallel_rows (N_ROWS, MUCH_WORK, visit_rows, &inner);
      for (int i = 0; i < N_ROWS; i++)
        g_assert_cmpint (inner.visits[i], ==, 1);
    }
  }
}

static void
assert_visited (const Table *table, int times)
{
  for (int y = 0; y < N_ROWS; y++)
    g_assert_cmpint (table->visits[y], ==, times);
}

static void
test_rows (void)
{
  Table table = {{0}};

  rtk_parallel_rows (N_ROWS, MUCH_WORK, visit_rows, &table);
  assert_visited (&table, 1);
  /* So little that it is not shared out. */
  rtk_parallel_rows (N_ROWS, 1, visit_rows, &table);
  assert_visited (&table, 2);
  rtk_parallel_rows (N_ROWS, MUCH_WORK, visit_nested, &table);
  assert_visited (&table, 3);
}

static gpointer
visit_many_times (gpointer data)
{
  for (int i = 0; i < 100; i++)
    rtk_parallel_rows (N_ROWS, MUCH_WORK, visit_rows, data);
  return NULL;
}

/* Photos that are made at the same time want the cores at the same time. */
static void
test_callers (void)
{
  GThread *threads[3];
  Table    table = {{0}};

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("caller", visit_many_times, &table);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  assert_visited (&table, 300);
}

static void
add_task_cb (gpointer data, gpointer shared)
{
  Table *inner = g_new0 (Table, 1);

  rtk_parallel_rows (N_ROWS, MUCH_WORK, visit_rows, inner);
  assert_visited (inner, 1);
  g_free (inner);
  g_atomic_int_inc (&((int *)shared)[GPOINTER_TO_INT (data)]);
}

static void
test_tasks (void)
{
  RtkTask tasks[7];
  int     done[G_N_ELEMENTS (tasks)] = {0};

  for (guint i = 0; i < G_N_ELEMENTS (tasks); i++)
    tasks[i] = (RtkTask){add_task_cb, GINT_TO_POINTER (i)};
  rtk_parallel_tasks (tasks, G_N_ELEMENTS (tasks), done);
  for (guint i = 0; i < G_N_ELEMENTS (tasks); i++)
    g_assert_cmpint (done[i], ==, 1);
  rtk_parallel_tasks (tasks, 1, done);
  g_assert_cmpint (done[0], ==, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vision/parallel/rows", test_rows);
  g_test_add_func ("/vision/parallel/callers", test_callers);
  g_test_add_func ("/vision/parallel/tasks", test_tasks);
  return g_test_run ();
}
