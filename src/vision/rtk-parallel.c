/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-parallel-private.h"

#include <pthreadpool.h>

/* More threads than this gain nothing: what is shared out takes a few milliseconds. */
#define MOST_THREADS 4
/* Rows of one piece: small enough that threads end together. */
#define PIECE 16
/* Less arithmetic than this is done sooner than another thread wakes up: some 0.1 ms. */
#define LEAST_WORK 1000000

/* Whether somebody uses the pool right now. */
static int busy;

/* The one pool of the process, NULL where there is one core only; lives as long as the process. */
static pthreadpool_t
get_pool (void)
{
  static gsize         once;
  static pthreadpool_t pool;

  if (g_once_init_enter (&once)) {
    guint n_threads = MIN (g_get_num_processors (), MOST_THREADS);

    pool = n_threads > 1 ? pthreadpool_create (n_threads) : NULL;
    g_once_init_leave (&once, 1);
  }
  return pool;
}

/* Takes the pool, if it is free: who finds it taken works alone, which is as fast when all cores
 * are busy, and cannot wait for itself when work shares out work. */
static pthreadpool_t
take_pool (void)
{
  pthreadpool_t pool = get_pool ();

  return pool != NULL && g_atomic_int_compare_and_exchange (&busy, 0, 1) ? pool : NULL;
}

static void
give_pool_back (void)
{
  g_atomic_int_set (&busy, 0);
}

typedef struct {
  RtkRowsFunc func;
  gpointer    data;
} Rows;

static void
do_rows (void *context, size_t from, size_t n)
{
  const Rows *rows = context;

  rows->func (rows->data, (int)from, (int)(from + n));
}

/**
 * rtk_parallel_rows:
 * @n_rows: how many
 * @work: about how many multiplications a row takes
 * @func: works on some of them
 * @data: (nullable): its argument
 *
 * Shares rows out to the cores and waits for all. No row may depend on another one: then the result
 * does not depend on the number of threads. Any thread; may be called from within @func, which then
 * works alone.
 */
void
rtk_parallel_rows (int n_rows, gsize work, RtkRowsFunc func, gpointer data)
{
  Rows          rows = {func, data};
  pthreadpool_t pool = n_rows > PIECE && work * (gsize)n_rows >= LEAST_WORK ? take_pool () : NULL;

  if (pool == NULL) {
    func (data, 0, n_rows);
    return;
  }
  /* Threads that have nothing to do sleep at once: the cores may be wanted for another photo. */
  pthreadpool_parallelize_1d_tile_1d (pool, do_rows, &rows, (size_t)n_rows, PIECE,
                                      PTHREADPOOL_FLAG_YIELD_WORKERS);
  give_pool_back ();
}

typedef struct {
  const RtkTask *tasks;
  gpointer       shared;
} Tasks;

static void
do_task (void *context, size_t i)
{
  const Tasks *tasks = context;

  tasks->tasks[i].func (tasks->tasks[i].data, tasks->shared);
}

/**
 * rtk_parallel_tasks:
 * @tasks: (array length=n_tasks): none may depend on another one; the longest first
 * @n_tasks: how many
 * @shared: (nullable): second argument of every task
 *
 * Does all tasks, several at a time where there are cores, and waits for them. Any thread.
 */
void
rtk_parallel_tasks (const RtkTask *tasks, guint n_tasks, gpointer shared)
{
  Tasks         all = {tasks, shared};
  pthreadpool_t pool = n_tasks > 1 ? take_pool () : NULL;

  if (pool == NULL) {
    for (guint i = 0; i < n_tasks; i++)
      do_task (&all, i);
    return;
  }
  pthreadpool_parallelize_1d (pool, do_task, &all, n_tasks, PTHREADPOOL_FLAG_YIELD_WORKERS);
  give_pool_back ();
}
