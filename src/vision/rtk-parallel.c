/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE /* sched_getaffinity() */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-parallel.h"

#include "vision/rtk-parallel-private.h"

#include <sched.h>

/* More threads than this gain nothing: what is shared out takes a few milliseconds. */
#define MOST_THREADS 4
/* Rows of one piece: small enough that threads end together. */
#define PIECE 16
/* Less arithmetic than this is done sooner than another thread wakes up: some 0.1 ms. */
#define LEAST_WORK 1000000

/* Pieces of work that several threads take one after the other. */
typedef struct {
  void (*func) (gconstpointer data, guint piece);
  gconstpointer data; /* (unowned): of the caller, who waits until all pieces are done */
  guint         n_pieces;
  guint         next; /* (atomic) */
  GMutex        mutex;
  GCond         all_done;
  guint         n_done; /* (lock mutex) */
} Job;

static void
job_clear (gpointer data)
{
  Job *self = data;

  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->all_done);
}

/* Takes pieces until none is left. */
static void
job_work (Job *self)
{
  guint n = 0, piece;

  while ((piece = g_atomic_int_add (&self->next, 1)) < self->n_pieces) {
    self->func (self->data, piece);
    n++;
  }
  if (n == 0)
    return;
  g_mutex_lock (&self->mutex);
  self->n_done += n;
  if (self->n_done == self->n_pieces)
    g_cond_signal (&self->all_done);
  g_mutex_unlock (&self->mutex);
}

/* A helper that comes too late finds no piece left, and touches nothing of the caller's. */
static void
help_cb (gpointer data, gpointer user_data)
{
  job_work (data);
  g_atomic_rc_box_release_full (data, job_clear);
}

/* Threads that said that they keep a core busy, see rtk_parallel_begin_work(). */
static int n_busy; /* (atomic) */

/**
 * rtk_parallel_count_cores:
 *
 * Counts the cores that the process may use, which are less than those of the machine where it was
 * given some of them: GLib's count does not know. Asked for once. Any thread.
 *
 * Returns: at least 1
 */
guint
rtk_parallel_count_cores (void)
{
  static gsize n_cores;

  if (g_once_init_enter (&n_cores)) {
    cpu_set_t allowed;
    gsize     n = g_get_num_processors ();

    if (sched_getaffinity (0, sizeof allowed, &allowed) == 0)
      n = (gsize)CLAMP (CPU_COUNT (&allowed), 1, (int)n);
    g_once_init_leave (&n_cores, n);
  }
  return (guint)n_cores;
}

/* The one pool of the process, NULL where there is one core only; lives as long as the process. */
static GThreadPool *
get_pool (void)
{
  static GThreadPool *pool;
  static gsize        once;

  if (g_once_init_enter (&once)) {
    int n_threads = (int)MIN (rtk_parallel_count_cores (), MOST_THREADS);

    pool = n_threads > 1 ? g_thread_pool_new (help_cb, NULL, n_threads - 1, FALSE, NULL) : NULL;
    g_once_init_leave (&once, 1);
  }
  return pool;
}

/* How many of the pool can help: those for which a core is left. */
static guint
count_helpers (GThreadPool *pool)
{
  int n_free = (int)rtk_parallel_count_cores () - g_atomic_int_get (&n_busy);

  return pool != NULL ? (guint)CLAMP (n_free, 0, g_thread_pool_get_max_threads (pool)) : 0;
}

/* The caller works too, and never waits for a helper that has not begun: so work that is shared
 * out may itself share out work, and nothing is lost when all cores are busy. */
static void
share_out (guint n_pieces, void (*func) (gconstpointer, guint), gconstpointer data)
{
  GThreadPool *pool = get_pool ();
  guint        n_helpers = MIN (count_helpers (pool), n_pieces - 1);
  Job         *job;

  if (n_helpers == 0) {
    for (guint i = 0; i < n_pieces; i++)
      func (data, i);
    return;
  }
  job = g_atomic_rc_box_new0 (Job);
  job->func = func;
  job->data = data;
  job->n_pieces = n_pieces;
  g_mutex_init (&job->mutex);
  g_cond_init (&job->all_done);
  for (guint i = 0; i < n_helpers; i++)
    g_thread_pool_push (pool, g_atomic_rc_box_acquire (job), NULL);
  job_work (job);
  g_mutex_lock (&job->mutex);
  while (job->n_done < n_pieces)
    g_cond_wait (&job->all_done, &job->mutex);
  g_mutex_unlock (&job->mutex);
  g_atomic_rc_box_release_full (job, job_clear);
}

/**
 * rtk_parallel_begin_work:
 *
 * Says that the calling thread will keep a core busy for a while. Where as many threads as there
 * are cores do so, each has something better to do than to help another one, and nothing is shared
 * out. It changes the time that work takes, never what comes of it. Any thread.
 */
void
rtk_parallel_begin_work (void)
{
  g_atomic_int_inc (&n_busy);
}

/**
 * rtk_parallel_end_work:
 *
 * Says that what rtk_parallel_begin_work() spoke of is done: others may have the core. Any thread.
 */
void
rtk_parallel_end_work (void)
{
  g_atomic_int_add (&n_busy, -1);
}

typedef struct {
  RtkRowsFunc func;
  gpointer    data;
  int         n_rows;
} Rows;

static void
do_rows (gconstpointer data, guint piece)
{
  const Rows *rows = data;
  int         from = (int)piece * PIECE;

  rows->func (rows->data, from, MIN (from + PIECE, rows->n_rows));
}

/**
 * rtk_parallel_rows:
 * @n_rows: how many
 * @work: about how many multiplications a row takes
 * @func: works on some of them
 * @data: (nullable): its argument
 *
 * Shares rows out to the cores and waits for all. No row may depend on another one: then the result
 * does not depend on the number of threads. Any thread; may be called from within @func.
 */
void
rtk_parallel_rows (int n_rows, gsize work, RtkRowsFunc func, gpointer data)
{
  Rows rows = {func, data, n_rows};

  if (n_rows > PIECE && work * (gsize)n_rows >= LEAST_WORK)
    share_out (((guint)n_rows + PIECE - 1) / PIECE, do_rows, &rows);
  else
    func (data, 0, n_rows);
}

typedef struct {
  const RtkTask *tasks;
  gpointer       shared;
} Tasks;

static void
do_task (gconstpointer data, guint i)
{
  const Tasks *all = data;

  all->tasks[i].func (all->tasks[i].data, all->shared);
}

/**
 * rtk_parallel_tasks:
 * @tasks: (array length=n_tasks): none may depend on another one; the longest first
 * @n_tasks: how many
 * @shared: (nullable): second argument of every task
 *
 * Does all tasks, several at a time where there are cores, and waits for them. Any thread; may be
 * called from within a task.
 */
void
rtk_parallel_tasks (const RtkTask *tasks, guint n_tasks, gpointer shared)
{
  Tasks all = {tasks, shared};

  if (n_tasks > 0)
    share_out (n_tasks, do_task, &all);
}
