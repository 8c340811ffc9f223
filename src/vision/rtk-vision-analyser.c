/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-vision-analyser.h"

#include "core/rtk-geometry.h"
#include "core/rtk-worker.h"
#include "vision/rtk-analyse.h"
#include "vision/rtk-live-matte.h"
#include "vision/rtk-photo-maker.h"

#include <string.h>
#include <sys/resource.h>

/* How far the preview stands back behind everything else. */
#define PREVIEW_NICE 10

/* What lives on the worker's thread: nobody else touches it. */
typedef struct {
  char        *models_dir; /* (owned) */
  RtkNetworks *networks;   /* (owned) (nullable): loaded with the first piece of work */
  RtkTracker  *tracker;    /* (owned) */
  guint        generation; /* of the subject that @tracker follows */
} Eye;

/* What lives on the thread of the preview. */
typedef struct {
  RtkLiveMatte *matte;       /* (owned) */
  gboolean      stands_back; /* this thread lets others go first */
  guint         generation;  /* of the subject that @matte has seen */
} Darkroom;

/* The place where the newest frame waits; shared by the threads. */
typedef struct {
  GMutex        mutex;
  GTask        *waiting;        /* (owned) (nullable) (lock mutex): replaced by a newer one */
  guint         generation;     /* (lock mutex): grows with each reset */
  RtkRulePack  *preview_pack;   /* (owned) (nullable) (lock mutex): NULL: no preview is wanted */
  guint8        preview_rgb[3]; /* (lock mutex) */
  gboolean      developing;     /* (lock mutex): a preview is on its way */
  RtkWorker    *darkroom;       /* (owned): where previews are made */
  GMainContext *context;        /* (owned): where they are shown */
} Mailbox;

/* A preview on its way: from the eye's thread over the darkroom's to the main thread. */
typedef struct {
  GWeakRef  analyser; /* read on the main thread only: the last reference must not go elsewhere */
  Mailbox  *mailbox;  /* (unowned): outlives the workers */
  guint     generation;
  RtkFrame *frame; /* (owned) */
  float    *mask;  /* (owned) (nullable): NULL when there is no legal crop */
  RtkCrop   crop;
  guint8    rgb[3];
  RtkImage *image; /* (owned) (nullable) */
} Preview;

struct _RtkVisionAnalyser {
  GObject    parent_instance;
  RtkWorker *worker;  /* (owned) */
  Mailbox   *mailbox; /* (owned) */
};

/* What one photo is made of. */
typedef struct {
  RtkStill     *still;      /* (owned) */
  RtkRulePack  *pack;       /* (owned) */
  RtkBackground background; /* its name is owned */
} Order;

/* What the worker is given: never the caller's task itself. That holds the analyser, which shall
 * not outlive its last answer by the turn of the main context after which a worker drops its tasks.
 */
typedef struct {
  Mailbox *mailbox; /* (unowned): outlives the worker */
  GTask   *making;  /* (owned by the work) (nullable): NULL: take the waiting frame */
} Job;

/* What the worker found, on its way to the thread that asked. */
typedef struct {
  GTask         *task;   /* (owned) */
  gpointer       result; /* (owned) (nullable) */
  GDestroyNotify free_result;
  GError        *error; /* (owned) (nullable) */
} Answer;

static void analyser_iface_init (RtkAnalyserInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (RtkVisionAnalyser,
                               rtk_vision_analyser,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (RTK_TYPE_ANALYSER, analyser_iface_init))

static void
eye_free (gpointer data)
{
  Eye *eye = data;

  g_clear_pointer (&eye->networks, rtk_networks_free);
  rtk_tracker_free (eye->tracker);
  g_free (eye->models_dir);
  g_free (eye);
}

static void
order_free (gpointer data)
{
  Order *order = data;

  rtk_still_unref (order->still);
  rtk_rule_pack_unref (order->pack);
  g_free (order->background.name);
  g_free (order);
}

static gboolean
answer_cb (gpointer user_data)
{
  Answer *answer = user_data;

  if (answer->error != NULL)
    g_task_return_error (answer->task, g_steal_pointer (&answer->error));
  else
    g_task_return_pointer (answer->task, answer->result, answer->free_result);
  /* The last reference, and perhaps the analyser's, goes here: where it may join its worker. */
  g_object_unref (answer->task);
  g_free (answer);
  return G_SOURCE_REMOVE;
}

/* Answers @task on the thread that asked. All arguments are taken. */
static void
answer (GTask *task, gpointer result, GDestroyNotify free_result, GError *error)
{
  g_autoptr (GSource) source = g_idle_source_new ();
  Answer *self = g_new0 (Answer, 1);

  self->task = task;
  self->result = result;
  self->free_result = free_result;
  self->error = error;
  g_source_set_priority (source, g_task_get_priority (task));
  g_source_set_callback (source, answer_cb, self, NULL);
  g_source_attach (source, g_task_get_context (task));
}

static void
darkroom_free (gpointer data)
{
  Darkroom *darkroom = data;

  rtk_live_matte_free (darkroom->matte);
  g_free (darkroom);
}

static void
preview_free (gpointer data)
{
  Preview *preview = data;

  g_weak_ref_clear (&preview->analyser);
  rtk_frame_unref (preview->frame);
  g_clear_pointer (&preview->image, rtk_image_unref);
  g_free (preview->mask);
  g_free (preview);
}

/* On the main thread. What was made for somebody who has left is not shown. */
static gboolean
preview_cb (gpointer user_data)
{
  Preview *preview = user_data;
  g_autoptr (RtkVisionAnalyser) self = g_weak_ref_get (&preview->analyser);
  gboolean wanted;

  if (self == NULL)
    return G_SOURCE_REMOVE;
  g_mutex_lock (&self->mailbox->mutex);
  self->mailbox->developing = FALSE;
  wanted = self->mailbox->preview_pack != NULL && self->mailbox->generation == preview->generation;
  g_mutex_unlock (&self->mailbox->mutex);
  if (wanted)
    rtk_analyser_emit_preview (RTK_ANALYSER (self), preview->image);
  return G_SOURCE_REMOVE;
}

/* On the darkroom's thread. */
static void
develop (GTask *token, gpointer state)
{
  Preview  *preview = g_task_get_task_data (token);
  Darkroom *darkroom = state;
  g_autoptr (GSource) source = g_idle_source_new ();
  g_autoptr (GError) error = NULL;

  /* On Linux this is of the thread alone. Where cores are few, measuring goes first. */
  if (!darkroom->stands_back && setpriority (PRIO_PROCESS, 0, PREVIEW_NICE) != 0)
    g_debug ("The preview has the priority of all others");
  darkroom->stands_back = TRUE;
  if (darkroom->generation != preview->generation)
    rtk_live_matte_reset (darkroom->matte);
  darkroom->generation = preview->generation;
  if (preview->mask != NULL)
    preview->image = rtk_live_matte_make (darkroom->matte, preview->frame->image, preview->mask,
                                          &preview->crop, preview->rgb, &error);
  if (error != NULL)
    g_warning ("No preview: %s", error->message);
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, preview_cb, g_task_get_task_data (token), preview_free);
  g_source_attach (source, preview->mailbox->context);
}

/* Hands a measured frame to the darkroom, unless that is still at work on an earlier one. */
static void
start_preview (Eye *eye, Mailbox *mailbox, GTask *task, const RtkAnalysis *analysis)
{
  const gsize mask_size = sizeof (float) * RTK_MASK_SIZE * RTK_MASK_SIZE;
  g_autoptr (RtkRulePack) pack = NULL;
  g_autoptr (GTask) token = NULL;
  Preview *preview = g_new0 (Preview, 1);
  gboolean free_now = TRUE;

  g_mutex_lock (&mailbox->mutex);
  if (mailbox->preview_pack != NULL && !mailbox->developing) {
    pack = rtk_rule_pack_ref (mailbox->preview_pack);
    memcpy (preview->rgb, mailbox->preview_rgb, sizeof preview->rgb);
    mailbox->developing = TRUE;
    free_now = FALSE;
  }
  g_mutex_unlock (&mailbox->mutex);
  if (free_now) {
    g_free (preview);
    return;
  }
  g_weak_ref_init (&preview->analyser, g_task_get_source_object (task));
  preview->mailbox = mailbox;
  preview->generation = eye->generation;
  preview->frame = rtk_frame_ref (g_task_get_task_data (task));
  if (analysis->has_head && rtk_geometry_find_crop (pack, &analysis->head, analysis->width,
                                                    analysis->height, &preview->crop, NULL))
    preview->mask = g_memdup2 (rtk_networks_get_last_mask (eye->networks), mask_size);
  token = g_task_new (NULL, NULL, NULL, NULL);
  g_task_set_task_data (token, preview, NULL);
  rtk_worker_push (mailbox->darkroom, token, develop);
}

static gboolean
ensure_networks (Eye *eye, GError **error)
{
  if (eye->networks == NULL)
    eye->networks = rtk_networks_new (eye->models_dir, error);
  return eye->networks != NULL;
}

static RtkAnalysis *
do_frame (Eye *eye, GTask *task, guint generation, GError **error)
{
  if (g_cancellable_set_error_if_cancelled (g_task_get_cancellable (task), error))
    return NULL;
  if (eye->generation != generation)
    rtk_tracker_reset (eye->tracker);
  eye->generation = generation;
  if (!ensure_networks (eye, error))
    return NULL;
  return rtk_vision_analyse_frame (eye->networks, eye->tracker, g_task_get_task_data (task), error);
}

static RtkPhoto *
do_photo (Eye *eye, GTask *task, GError **error)
{
  Order *order = g_task_get_task_data (task);

  if (g_cancellable_set_error_if_cancelled (g_task_get_cancellable (task), error) ||
      !ensure_networks (eye, error))
    return NULL;
  return rtk_photo_maker_make (eye->networks, order->still, order->pack, &order->background,
                               g_task_get_cancellable (task), error);
}

/* Runs on the worker's thread. */
static void
work (GTask *token, gpointer state)
{
  Job    *job = g_task_get_task_data (token);
  GTask  *task = job->making;
  GError *error = NULL;
  guint   generation;

  if (task != NULL) {
    RtkPhoto *photo = do_photo (state, task, &error);

    answer (task, photo, (GDestroyNotify)rtk_photo_unref, error);
    return;
  }
  g_mutex_lock (&job->mailbox->mutex);
  task = g_steal_pointer (&job->mailbox->waiting);
  generation = job->mailbox->generation;
  g_mutex_unlock (&job->mailbox->mutex);
  {
    RtkAnalysis *analysis = do_frame (state, task, generation, &error);

    if (analysis != NULL)
      start_preview (state, job->mailbox, task, analysis);
    answer (task, analysis, (GDestroyNotify)rtk_analysis_unref, error);
  }
}

static void
push (RtkVisionAnalyser *self, GTask *making)
{
  g_autoptr (GTask) token = g_task_new (NULL, NULL, NULL, NULL);
  Job *job = g_new0 (Job, 1);

  job->mailbox = self->mailbox;
  job->making = making;
  g_task_set_task_data (token, job, g_free);
  rtk_worker_push (self->worker, token, work);
}

static void
analyse_async (RtkAnalyser        *analyser,
               RtkFrame           *frame,
               GCancellable       *cancellable,
               GAsyncReadyCallback callback,
               gpointer            user_data)
{
  RtkVisionAnalyser *self = RTK_VISION_ANALYSER (analyser);
  GTask             *task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr (GTask) older = NULL;

  g_task_set_source_tag (task, analyse_async);
  g_task_set_task_data (task, rtk_frame_ref (frame), (GDestroyNotify)rtk_frame_unref);
  g_mutex_lock (&self->mailbox->mutex);
  older = self->mailbox->waiting;
  self->mailbox->waiting = task;
  g_mutex_unlock (&self->mailbox->mutex);
  /* One token is under way as long as a frame waits. */
  if (older != NULL)
    g_task_return_new_error (older, G_IO_ERROR, G_IO_ERROR_CANCELLED, "A newer frame came");
  else
    push (self, NULL);
}

static RtkAnalysis *
analyse_finish (RtkAnalyser *analyser, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, analyser), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, analyse_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
make_async (RtkAnalyser         *analyser,
            RtkStill            *still,
            RtkRulePack         *pack,
            const RtkBackground *background,
            GCancellable        *cancellable,
            GAsyncReadyCallback  callback,
            gpointer             user_data)
{
  RtkVisionAnalyser *self = RTK_VISION_ANALYSER (analyser);
  GTask             *task = g_task_new (self, cancellable, callback, user_data);
  Order             *order = g_new0 (Order, 1);

  order->still = rtk_still_ref (still);
  order->pack = rtk_rule_pack_ref (pack);
  order->background = *background;
  order->background.name = g_strdup (background->name);
  g_task_set_source_tag (task, make_async);
  g_task_set_task_data (task, order, order_free);
  push (self, task);
}

static RtkPhoto *
make_finish (RtkAnalyser *analyser, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, analyser), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, make_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
reset (RtkAnalyser *analyser)
{
  RtkVisionAnalyser *self = RTK_VISION_ANALYSER (analyser);

  g_mutex_lock (&self->mailbox->mutex);
  self->mailbox->generation++;
  g_mutex_unlock (&self->mailbox->mutex);
}

static void
set_preview (RtkAnalyser *analyser, RtkRulePack *pack, const RtkBackground *background)
{
  RtkVisionAnalyser *self = RTK_VISION_ANALYSER (analyser);
  g_autoptr (RtkRulePack) older = NULL;

  if (pack != NULL)
    rtk_rule_pack_ref (pack);
  g_mutex_lock (&self->mailbox->mutex);
  older = self->mailbox->preview_pack;
  self->mailbox->preview_pack = pack;
  if (pack != NULL)
    memcpy (self->mailbox->preview_rgb, background->rgb, sizeof background->rgb);
  g_mutex_unlock (&self->mailbox->mutex);
}

static void
analyser_iface_init (RtkAnalyserInterface *iface)
{
  iface->analyse_async = analyse_async;
  iface->analyse_finish = analyse_finish;
  iface->make_async = make_async;
  iface->make_finish = make_finish;
  iface->reset = reset;
  iface->set_preview = set_preview;
}

static void
rtk_vision_analyser_finalize (GObject *object)
{
  RtkVisionAnalyser *self = RTK_VISION_ANALYSER (object);

  /* No measuring can be left: each piece holds a reference to this object. A preview may be: its
   * answer will find nobody. */
  rtk_worker_free (self->worker);
  rtk_worker_free (self->mailbox->darkroom);
  g_clear_pointer (&self->mailbox->preview_pack, rtk_rule_pack_unref);
  g_main_context_unref (self->mailbox->context);
  g_mutex_clear (&self->mailbox->mutex);
  g_free (self->mailbox);
  G_OBJECT_CLASS (rtk_vision_analyser_parent_class)->finalize (object);
}

static void
rtk_vision_analyser_class_init (RtkVisionAnalyserClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = rtk_vision_analyser_finalize;
}

static void
rtk_vision_analyser_init (RtkVisionAnalyser *self)
{
  Darkroom *darkroom = g_new0 (Darkroom, 1);

  darkroom->matte = rtk_live_matte_new ();
  self->mailbox = g_new0 (Mailbox, 1);
  self->mailbox->darkroom = rtk_worker_new ("rtk-preview", darkroom, darkroom_free);
  self->mailbox->context = g_main_context_ref_thread_default ();
  g_mutex_init (&self->mailbox->mutex);
}

/**
 * rtk_vision_analyser_new:
 * @models_dir: folder with the model files
 *
 * Makes an analyser with a worker of its own, and a second one for the preview.
 *
 * The models are loaded by the first piece of work; when they cannot be, each call answers with
 * %RTK_ERROR_MODEL_MISSING or %RTK_ERROR_MODEL_DAMAGED and the next one tries again. Main thread.
 *
 * Returns: (transfer full): a new analyser
 */
RtkVisionAnalyser *
rtk_vision_analyser_new (const char *models_dir)
{
  RtkVisionAnalyser *self = g_object_new (RTK_TYPE_VISION_ANALYSER, NULL);
  Eye               *eye = g_new0 (Eye, 1);

  eye->models_dir = g_strdup (models_dir);
  eye->tracker = rtk_tracker_new ();
  self->worker = rtk_worker_new ("rtk-vision", eye, eye_free);
  return self;
}
