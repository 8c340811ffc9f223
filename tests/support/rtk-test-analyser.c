/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-analyser.h"

#include "support/rtk-test-values.h"

static void analyser_iface_init (RtkAnalyserInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (RtkTestAnalyser,
                               rtk_test_analyser,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (RTK_TYPE_ANALYSER, analyser_iface_init))

static void
test_analyser_analyse_async (RtkAnalyser        *analyser,
                             RtkFrame           *frame,
                             GCancellable       *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer            user_data)
{
  RtkTestAnalyser *self = RTK_TEST_ANALYSER (analyser);

  g_queue_push_tail (&self->frames, g_task_new (self, cancellable, callback, user_data));
  if (!self->hold)
    rtk_test_analyser_answer (self, &self->frames, 0, NULL);
}

static RtkAnalysis *
test_analyser_analyse_finish (RtkAnalyser *analyser, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
test_analyser_make_async (RtkAnalyser         *analyser,
                          RtkStill            *still,
                          RtkRulePack         *pack,
                          const RtkBackground *background,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  RtkTestAnalyser *self = RTK_TEST_ANALYSER (analyser);

  g_queue_push_tail (&self->stills, g_task_new (self, cancellable, callback, user_data));
  if (!self->hold)
    rtk_test_analyser_answer (self, &self->stills, 0, NULL);
}

static RtkPhoto *
test_analyser_make_finish (RtkAnalyser *analyser, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
test_analyser_reset (RtkAnalyser *analyser)
{
  RTK_TEST_ANALYSER (analyser)->n_resets++;
}

static void
test_analyser_set_preview (RtkAnalyser         *analyser,
                           RtkRulePack         *pack,
                           const RtkBackground *background)
{
  RTK_TEST_ANALYSER (analyser)->preview = pack != NULL ? background : NULL;
}

static void
analyser_iface_init (RtkAnalyserInterface *iface)
{
  iface->analyse_async = test_analyser_analyse_async;
  iface->analyse_finish = test_analyser_analyse_finish;
  iface->make_async = test_analyser_make_async;
  iface->make_finish = test_analyser_make_finish;
  iface->reset = test_analyser_reset;
  iface->set_preview = test_analyser_set_preview;
}

static void
rtk_test_analyser_finalize (GObject *object)
{
  RtkTestAnalyser *self = RTK_TEST_ANALYSER (object);

  g_queue_clear_full (&self->frames, g_object_unref);
  g_queue_clear_full (&self->stills, g_object_unref);
  g_clear_pointer (&self->analysis, rtk_analysis_unref);
  g_clear_pointer (&self->pack, rtk_rule_pack_unref);
  G_OBJECT_CLASS (rtk_test_analyser_parent_class)->finalize (object);
}

static void
rtk_test_analyser_class_init (RtkTestAnalyserClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = rtk_test_analyser_finalize;
}

static void
rtk_test_analyser_init (RtkTestAnalyser *self)
{
  g_queue_init (&self->frames);
  g_queue_init (&self->stills);
}

RtkTestAnalyser *
rtk_test_analyser_new (RtkRulePack *pack)
{
  RtkTestAnalyser *self = g_object_new (RTK_TYPE_TEST_ANALYSER, NULL);

  self->pack = rtk_rule_pack_ref (pack);
  rtk_test_analyser_see (self, RTK_N_CHECKS);
  return self;
}

void
rtk_test_analyser_see (RtkTestAnalyser *self, RtkCheckId spoilt)
{
  g_clear_pointer (&self->analysis, rtk_analysis_unref);
  self->analysis = rtk_test_analysis_new (self->pack);
  if (spoilt != RTK_N_CHECKS)
    rtk_test_analysis_spoil (self->analysis, self->pack, spoilt);
}

void
rtk_test_analyser_answer (RtkTestAnalyser *self, GQueue *queue, guint index, GError *error)
{
  g_autoptr (GTask) task = g_queue_pop_nth (queue, index);

  g_assert_nonnull (task);
  if (error != NULL) {
    g_task_return_error (task, error);
  } else if (queue == &self->frames) {
    g_task_return_pointer (task, rtk_analysis_ref (self->analysis),
                           (GDestroyNotify)rtk_analysis_unref);
  } else {
    g_autofree char *seed = g_strdup_printf ("photo %u", ++self->n_made);

    g_task_return_pointer (task, rtk_test_photo_new (self->pack, self->analysis, seed),
                           (GDestroyNotify)rtk_photo_unref);
  }
}
