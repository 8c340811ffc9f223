/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A serial queue of tasks on one thread of its own. The adapter that makes it decides when it
 * ends; core itself never starts one (docs/decisions/002). */
typedef struct _RtkWorker RtkWorker;

/**
 * RtkWorkerFunc:
 * @task: the task to answer with g_task_return_*(); its task data holds the arguments
 * @state: what was given to rtk_worker_new()
 *
 * One piece of work, on the worker's thread.
 */
typedef void (*RtkWorkerFunc) (GTask *task, gpointer state);

RtkWorker *rtk_worker_new (const char    *name,
                           gpointer       state,
                           GDestroyNotify free_state) G_GNUC_WARN_UNUSED_RESULT;
void       rtk_worker_push (RtkWorker *self, GTask *task, RtkWorkerFunc func);
void       rtk_worker_free (RtkWorker *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkWorker, rtk_worker_free)

G_END_DECLS
