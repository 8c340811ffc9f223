/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vision/rtk-parallel-private.h"
#include "vision/rtk-parallel.h"

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

/* Where two tasks meet: each waits for the other one, which is another thread's if they are shared
 * out, and never comes if they are not. */
typedef struct {
  GMutex   mutex;
  GCond    cond;
  GThread *threads[2]; /* (lock mutex) */
} Meeting;

static void
note_thread_cb (gpointer data, gpointer shared)
{
  ((Meeting *)shared)->threads[GPOINTER_TO_INT (data)] = g_thread_self ();
}

static void
meet_cb (gpointer data, gpointer shared)
{
  Meeting *meeting = shared;
  int      me = GPOINTER_TO_INT (data);

  g_mutex_lock (&meeting->mutex);
  meeting->threads[me] = g_thread_self ();
  g_cond_broadcast (&meeting->cond);
  while (meeting->threads[1 - me] == NULL)
    g_cond_wait (&meeting->cond, &meeting->mutex);
  g_mutex_unlock (&meeting->mutex);
}

/* With a thread at work for each core nothing is shared out; as soon as one has ended, it is. */
static void
test_busy (void)
{
  const RtkTask alone[] = {{note_thread_cb, GINT_TO_POINTER (0)},
                           {note_thread_cb, GINT_TO_POINTER (1)}};
  const RtkTask together[] = {{meet_cb, GINT_TO_POINTER (0)}, {meet_cb, GINT_TO_POINTER (1)}};
  Meeting       meeting = {0};
  guint         n_cores = rtk_parallel_count_cores ();

  for (guint i = 0; i < n_cores; i++)
    rtk_parallel_begin_work ();
  for (int i = 0; i < 100; i++) {
    rtk_parallel_tasks (alone, G_N_ELEMENTS (alone), &meeting);
    g_assert_true (meeting.threads[0] == g_thread_self ());
    g_assert_true (meeting.threads[1] == g_thread_self ());
  }
  rtk_parallel_end_work ();
  if (n_cores > 1) {
    g_mutex_init (&meeting.mutex);
    g_cond_init (&meeting.cond);
    meeting.threads[0] = meeting.threads[1] = NULL;
    rtk_parallel_tasks (together, G_N_ELEMENTS (together), &meeting);
    g_assert_true (meeting.threads[0] != meeting.threads[1]);
    g_cond_clear (&meeting.cond);
    g_mutex_clear (&meeting.mutex);
  }
  for (guint i = 1; i < n_cores; i++)
    rtk_parallel_end_work ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vision/parallel/rows", test_rows);
  g_test_add_func ("/vision/parallel/callers", test_callers);
  g_test_add_func ("/vision/parallel/tasks", test_tasks);
  g_test_add_func ("/vision/parallel/busy", test_busy);
  return g_test_run ();
}
