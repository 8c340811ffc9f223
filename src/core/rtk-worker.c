/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-worker.h"

typedef struct {
  GTask        *task; /* (owned) (nullable): NULL asks the thread to end */
  RtkWorkerFunc func;
} Job;

struct _RtkWorker {
  GThread       *thread;
  GAsyncQueue   *jobs;  /* (owned): crosses threads, has its own lock */
  gpointer       state; /* (owned): touched by the worker's thread alone */
  GDestroyNotify free_state;
  gboolean       detached; /* touched by the worker's thread alone: nobody joins it */
};

static void
job_free (Job *job)
{
  g_clear_object (&job->task);
  g_free (job);
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
    job_free (job);
    if (end)
      break;
  }
  /* What the state owns (a database, a network) was used here and is closed here. */
  if (self->free_state != NULL)
    self->free_state (self->state);
  if (self->detached) {
    g_async_queue_unref (self->jobs);
    g_free (self);
  }
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
  self->state = state;
  self->free_state = free_state;
  self->thread = g_thread_new (name, worker_main, self);
  return self;
}

/**
 * rtk_worker_push:
 * @self: a worker
 * @task: a task; a reference is taken until its work is done
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
 * rtk_worker_get_length:
 * @self: a worker
 *
 * Returns: how many pieces of work wait, without the one being done
 */
guint
rtk_worker_get_length (RtkWorker *self)
{
  return (guint)MAX (0, g_async_queue_length (self->jobs));
}

/**
 * rtk_worker_free:
 * @self: (transfer full): a worker
 *
 * Does what is still in the queue, frees the state and joins the thread. Blocks until then: cancel
 * long work first.
 *
 * The last reference to a task, and through it to the object that owns the worker, may be dropped
 * on the worker's own thread. Called there, it does the same without joining: the thread ends by
 * itself.
 */
void
rtk_worker_free (RtkWorker *self)
{
  if (g_thread_self () == self->thread) {
    self->detached = TRUE;
    g_thread_unref (self->thread);
    g_async_queue_push (self->jobs, g_new0 (Job, 1));
    return;
  }
  g_async_queue_push (self->jobs, g_new0 (Job, 1));
  g_thread_join (self->thread);
  g_async_queue_unref (self->jobs);
  g_free (self);
}
