/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-worker.h"
#include "support/rtk-test-main.h"

#include <string.h>

/* What the pieces of work of a test share. Counters are written by one thread each and read by
 * another only after that thread let them be seen. */
typedef struct {
  GMutex   mutex;
  GCond    cond;
  gboolean is_open;      /* (lock mutex): the work may end */
  GString *order;        /* worker's thread: one letter a piece of work */
  GThread *state_thread; /* frees the state */
} Bench;

/* Belongs to a task as its data. */
typedef struct {
  Bench   *bench;
  char     letter;
  guint   *n_freed;
  GThread *owner; /* where it is to be freed */
} Load;

static void
load_free (gpointer data)
{
  Load *load = data;

  g_assert_true (load->owner == g_thread_self ());
  (*load->n_freed)++;
  g_free (load);
}

static void
bench_init (Bench *self)
{
  memset (self, 0, sizeof *self);
  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);
  self->order = g_string_new (NULL);
}

static void
bench_clear (Bench *self)
{
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->cond);
  g_string_free (self->order, TRUE);
}

static void
bench_set_open (Bench *self, gboolean open)
{
  g_mutex_lock (&self->mutex);
  self->is_open = open;
  g_cond_signal (&self->cond);
  g_mutex_unlock (&self->mutex);
}

static void
bench_wait_open (Bench *self)
{
  g_mutex_lock (&self->mutex);
  while (!self->is_open)
    g_cond_wait (&self->cond, &self->mutex);
  g_mutex_unlock (&self->mutex);
}

static void
note_state_freed (gpointer data)
{
  ((Bench *)data)->state_thread = g_thread_self ();
}

static GTask *
make_task (Bench              *bench,
           char                letter,
           guint              *n_freed,
           GCancellable       *cancellable,
           GAsyncReadyCallback callback,
           gpointer            user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Load  *load = g_new (Load, 1);

  *load = (Load){bench, letter, n_freed, g_thread_self ()};
  g_task_set_task_data (task, load, load_free);
  return task;
}

static void
push (RtkWorker *worker, GTask *task, RtkWorkerFunc func)
{
  rtk_worker_push (worker, task, func);
  g_object_unref (task);
}

static void
write_letter (GTask *task, gpointer state)
{
  Load *load = g_task_get_task_data (task);

  g_assert_true (state == load->bench);
  g_string_append_c (load->bench->order, load->letter);
  g_task_return_boolean (task, TRUE);
}

/* Goes on after its answer, until the test has seen that. */
static void
answer_and_stay (GTask *task, gpointer state)
{
  g_task_return_boolean (task, TRUE);
  bench_wait_open (state);
}

static void
wait_first (GTask *task, gpointer state)
{
  bench_wait_open (state);
  write_letter (task, state);
}

/* Never answers: a task that only carries what is to be done. */
static void
carry (GTask *task, gpointer state)
{
  Load *load = g_task_get_task_data (task);

  g_string_append_c (load->bench->order, load->letter);
}

static void
count_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  guint *n_done = user_data;

  g_assert_true (g_task_propagate_boolean (G_TASK (result), NULL));
  (*n_done)++;
}

static void
cancelled_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  guint *n_done = user_data;
  g_autoptr (GError) error = NULL;

  g_assert_false (g_task_propagate_boolean (G_TASK (result), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  (*n_done)++;
}

/* One after the other, what is cancelled left out, and the state freed where it was used. */
static void
test_order (void)
{
  Bench bench;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  RtkWorker *worker;
  guint      n_done = 0, n_cancelled = 0, n_freed = 0;

  bench_init (&bench);
  worker = rtk_worker_new ("test", &bench, note_state_freed);
  push (worker, make_task (&bench, 'a', &n_freed, NULL, count_cb, &n_done), wait_first);
  push (worker, make_task (&bench, 'b', &n_freed, NULL, count_cb, &n_done), write_letter);
  push (worker, make_task (&bench, 'c', &n_freed, cancellable, cancelled_cb, &n_cancelled),
        write_letter);
  push (worker, make_task (&bench, 'd', &n_freed, NULL, count_cb, &n_done), write_letter);
  g_cancellable_cancel (cancellable);
  bench_set_open (&bench, TRUE);
  rtk_test_wait_for (n_done == 3 && n_cancelled == 1 && n_freed == 4);
  rtk_worker_free (worker);
  g_assert_cmpstr (bench.order->str, ==, "abd");
  g_assert_nonnull (bench.state_thread);
  g_assert_true (bench.state_thread != g_thread_self ());
  bench_clear (&bench);
}

/* The worker holds the last reference to the task for sure; its data is freed here all the same. */
static void
test_last_reference (void)
{
  Bench      bench;
  RtkWorker *worker;
  guint      n_done = 0, n_freed = 0;

  bench_init (&bench);
  worker = rtk_worker_new ("test", &bench, NULL);
  for (guint i = 1; i <= 50; i++) {
    bench_set_open (&bench, FALSE);
    push (worker, make_task (&bench, 'a', &n_freed, NULL, count_cb, &n_done), answer_and_stay);
    rtk_test_wait_for (n_done == i);
    rtk_test_drain ();
    g_assert_cmpuint (n_freed, ==, i - 1);
    bench_set_open (&bench, TRUE);
    rtk_test_wait_for (n_freed == i);
  }
  rtk_worker_free (worker);
  rtk_test_drain ();
  g_assert_cmpuint (n_freed, ==, 50);
  bench_clear (&bench);
}

/* A task goes back to the context it was made in, not to any that runs. */
static void
test_own_context (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  Bench      bench;
  RtkWorker *worker;
  guint      n_done = 0, n_freed = 0, n_after = 0;

  bench_init (&bench);
  worker = rtk_worker_new ("test", &bench, NULL);
  g_main_context_push_thread_default (context);
  push (worker, make_task (&bench, 'a', &n_freed, NULL, NULL, NULL), carry);
  g_main_context_pop_thread_default (context);
  push (worker, make_task (&bench, 'b', &n_after, NULL, count_cb, &n_done), write_letter);
  rtk_test_wait_for (n_done == 1 && n_after == 1);
  g_assert_cmpuint (n_freed, ==, 0);
  while (n_freed == 0)
    g_main_context_iteration (context, TRUE);
  rtk_worker_free (worker);
  while (g_main_context_iteration (context, FALSE))
    continue;
  g_assert_cmpuint (n_freed, ==, 1);
  bench_clear (&bench);
}

/* At the end of a program no context runs any more: what is left is freed with the worker, once,
 * whether the context runs again or not. */
static void
test_end (void)
{
  for (guint runs = 0; runs < 2; runs++) {
    GMainContext *context = g_main_context_new ();
    Bench         bench;
    RtkWorker    *worker;
    guint         n_freed = 0;

    bench_init (&bench);
    worker = rtk_worker_new ("test", &bench, note_state_freed);
    g_main_context_push_thread_default (context);
    for (guint i = 0; i < 20; i++)
      push (worker, make_task (&bench, 'a', &n_freed, NULL, NULL, NULL), carry);
    g_main_context_pop_thread_default (context);
    if (runs == 0)
      g_clear_pointer (&context, g_main_context_unref);
    rtk_worker_free (worker);
    g_assert_cmpuint (bench.order->len, ==, 20);
    g_assert_cmpuint (n_freed, ==, 20);
    while (context != NULL && g_main_context_iteration (context, FALSE))
      continue;
    g_assert_cmpuint (n_freed, ==, 20);
    g_clear_pointer (&context, g_main_context_unref);
    bench_clear (&bench);
  }
}

/* Answers that nobody waited for come after the worker's end, once. */
static void
test_late_answers (void)
{
  Bench      bench;
  RtkWorker *worker;
  guint      n_done = 0, n_freed = 0;

  bench_init (&bench);
  worker = rtk_worker_new ("test", &bench, NULL);
  for (guint i = 0; i < 20; i++)
    push (worker, make_task (&bench, 'a', &n_freed, NULL, count_cb, &n_done), write_letter);
  rtk_worker_free (worker);
  g_assert_cmpuint (n_done, ==, 0);
  rtk_test_drain ();
  g_assert_cmpuint (n_done, ==, 20);
  g_assert_cmpuint (n_freed, ==, 20);
  bench_clear (&bench);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/core/worker/order", test_order);
  g_test_add_func ("/core/worker/last-reference", test_last_reference);
  g_test_add_func ("/core/worker/own-context", test_own_context);
  g_test_add_func ("/core/worker/end", test_end);
  g_test_add_func ("/core/worker/late-answers", test_late_answers);
  return g_test_run ();
}
