/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-worker.h"

typedef struct {
  GTask        *task; /* (owned) (nullable): NULL asks the thread to end */
  RtkWorkerFunc func;
} Job;

/* Tasks that were worked on, until the threads that asked let them go. */
typedef struct {
  GMutex mutex;
  GQueue tasks; /* (element-type GTask) (owned) (lock mutex) */
} Done;

/* One of them, for the main context of its thread. */
typedef struct {
  Done  *done; /* (owned) */
  GTask *task; /* (unowned): a key; the task may be gone */
} Return;

struct _RtkWorker {
  GThread       *thread;
  GAsyncQueue   *jobs;  /* (owned): crosses threads, has its own lock */
  Done          *done;  /* (owned): shared with what waits in main contexts */
  gpointer       state; /* (owned): touched by the worker's thread alone */
  GDestroyNotify free_state;
};

static void
job_free (Job *job)
{
  g_clear_object (&job->task);
  g_free (job);
}

static void
done_clear (gpointer data)
{
  Done *self = data;

  g_mutex_clear (&self->mutex);
}

static void
return_free (gpointer data)
{
  Return *self = data;

  g_atomic_rc_box_release_full (self->done, done_clear);
  g_free (self);
}

static gboolean
return_cb (gpointer data)
{
  Return  *self = data;
  gboolean is_here;

  g_mutex_lock (&self->done->mutex);
  is_here = g_queue_remove (&self->done->tasks, self->task);
  g_mutex_unlock (&self->done->mutex);
  /* The worker's end may have been first. */
  if (is_here)
    g_object_unref (self->task);
  return G_SOURCE_REMOVE;
}

/* Lets go of @task, which is taken, where it was made: with it go its data, and what the one who
 * asked holds through it, and none of that need know of threads. The context holds no reference
 * itself: one that never runs again would keep the task, and the task it, for ever. */
static void
give_back (RtkWorker *self, GTask *task)
{
  g_autoptr (GSource) source = g_idle_source_new ();
  g_autoptr (GMainContext) context = g_main_context_ref (g_task_get_context (task));
  Return *back = g_new0 (Return, 1);

  back->done = g_atomic_rc_box_acquire (self->done);
  back->task = task;
  /* After the task's own answer, which is queued with the same priority. */
  g_source_set_priority (source, g_task_get_priority (task));
  g_source_set_callback (source, return_cb, back, return_free);
  g_mutex_lock (&self->done->mutex);
  g_queue_push_tail (&self->done->tasks, task);
  g_mutex_unlock (&self->done->mutex);
  g_source_attach (source, context);
}

static gpointer
worker_main (gpointer data)
{
  RtkWorker *self = data;

  for (;;) {
    Job     *job = g_async_queue_pop (self->jobs);
    gboolean end = job->task == NULL;

    if (!end && !g_task_return_error_if_cancelled (job->task))
      job->func (job->task, self->state);
    if (!end)
      give_back (self, g_steal_pointer (&job->task));
    job_free (job);
    if (end)
      break;
  }
  /* What the state owns (a database, a network) was used here and is closed here. */
  if (self->free_state != NULL)
    self->free_state (self->state);
  return NULL;
}

/**
 * rtk_worker_new:
 * @name: the thread's name, at most 15 characters
 * @state: (transfer full): what the work functions share
 * @free_state: (nullable): frees @state, on the worker's thread, after the last piece of work
 *
 * Starts a thread that does one piece of work after the other.
 *
 * Returns: (transfer full): a worker, to be ended with rtk_worker_free()
 */
RtkWorker *
rtk_worker_new (const char *name, gpointer state, GDestroyNotify free_state)
{
  RtkWorker *self = g_new0 (RtkWorker, 1);

  self->jobs = g_async_queue_new_full ((GDestroyNotify)job_free);
  self->done = g_atomic_rc_box_new0 (Done);
  g_mutex_init (&self->done->mutex);
  self->state = state;
  self->free_state = free_state;
  self->thread = g_thread_new (name, worker_main, self);
  return self;
}

/**
 * rtk_worker_push:
 * @self: a worker
 * @task: a task; a reference is taken, and dropped by the main context that was the thread's own
 *   when the task was made, or by rtk_worker_free(), never by the worker's thread
 * @func: the work
 *
 * Adds a piece of work to the end of the queue. A task that is cancelled before its turn answers
 * with %G_IO_ERROR_CANCELLED and @func is not called. Any thread.
 */
void
rtk_worker_push (RtkWorker *self, GTask *task, RtkWorkerFunc func)
{
  Job *job = g_new0 (Job, 1);

  job->task = g_object_ref (task);
  job->func = func;
  g_async_queue_push (self->jobs, job);
}

/**
 * rtk_worker_free:
 * @self: (transfer full): a worker
 *
 * Does what is still in the queue, frees the state, joins the thread and drops what the main
 * contexts have not dropped yet. Blocks until then: cancel long work first. Not on the worker's own
 * thread.
 *
 * A task whose source object owns the worker keeps it until the main context has run once more
 * after the answer: where it may not, close the worker before the last reference goes.
 */
void
rtk_worker_free (RtkWorker *self)
{
  GQueue left = G_QUEUE_INIT;

  g_assert (g_thread_self () != self->thread);
  g_async_queue_push (self->jobs, g_new0 (Job, 1));
  g_thread_join (self->thread);
  g_async_queue_unref (self->jobs);
  g_mutex_lock (&self->done->mutex);
  left = self->done->tasks;
  g_queue_init (&self->done->tasks);
  g_mutex_unlock (&self->done->mutex);
  g_queue_clear_full (&left, g_object_unref);
  g_atomic_rc_box_release_full (self->done, done_clear);
  g_free (self);
}
