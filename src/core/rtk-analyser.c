/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-analyser.h"

G_DEFINE_INTERFACE (RtkAnalyser, rtk_analyser, G_TYPE_OBJECT)

static guint preview_signal;

static void
rtk_analyser_default_init (RtkAnalyserInterface *iface)
{
  preview_signal = g_signal_new ("preview", RTK_TYPE_ANALYSER, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                 NULL, G_TYPE_NONE, 1, RTK_TYPE_IMAGE);
}

/**
 * rtk_analyser_analyse_async:
 * @self: an analyser
 * @frame: the frame to measure; a reference is taken
 * @cancellable: (nullable): cancels the call
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Measures one live frame on the analyser's own worker. Frames may be pushed at camera rate: one
 * that still waits when a newer one comes ends with %G_IO_ERROR_CANCELLED.
 */
void
rtk_analyser_analyse_async (RtkAnalyser        *self,
                            RtkFrame           *frame,
                            GCancellable       *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer            user_data)
{
  g_return_if_fail (RTK_IS_ANALYSER (self) && frame != NULL);
  RTK_ANALYSER_GET_IFACE (self)->analyse_async (self, frame, cancellable, callback, user_data);
}

/**
 * rtk_analyser_analyse_finish:
 * @self: an analyser
 * @result: what the callback was given
 * @error: return location
 *
 * Ends rtk_analyser_analyse_async(). No face is not an error: the analysis says so.
 *
 * Returns: (transfer full): what was measured, its serial being that of the frame; %NULL with
 *   @error set
 */
RtkAnalysis *
rtk_analyser_analyse_finish (RtkAnalyser *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (RTK_IS_ANALYSER (self), NULL);
  return RTK_ANALYSER_GET_IFACE (self)->analyse_finish (self, result, error);
}

/**
 * rtk_analyser_make_async:
 * @self: an analyser
 * @still: what the shutter gave; a reference is taken
 * @pack: the rules that the photo must keep
 * @background: the colour behind the person, of @pack; copied
 * @cancellable: (nullable): cancels the call
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Makes the finished photo of a still: decode, measure, matte, compose, crop, encode, judge. Goes
 * before live frames that wait.
 */
void
rtk_analyser_make_async (RtkAnalyser         *self,
                         RtkStill            *still,
                         RtkRulePack         *pack,
                         const RtkBackground *background,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  g_return_if_fail (RTK_IS_ANALYSER (self) && still != NULL);
  g_return_if_fail (pack != NULL && background != NULL);
  RTK_ANALYSER_GET_IFACE (self)->make_async (self, still, pack, background, cancellable, callback,
                                             user_data);
}

/**
 * rtk_analyser_make_finish:
 * @self: an analyser
 * @result: what the callback was given
 * @error: return location; %RTK_ERROR_BAD_PICTURE, %RTK_ERROR_NO_FACE, %RTK_ERROR_NO_CROP, ...
 *
 * Ends rtk_analyser_make_async(). A failed rule is not an error: the reports say so.
 *
 * Returns: (transfer full): the photo, its certificate unsigned; %NULL with @error set
 */
RtkPhoto *
rtk_analyser_make_finish (RtkAnalyser *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (RTK_IS_ANALYSER (self), NULL);
  return RTK_ANALYSER_GET_IFACE (self)->make_finish (self, result, error);
}

/**
 * rtk_analyser_reset:
 * @self: an analyser
 *
 * Forgets the tracked face: somebody else stands there now, or another camera looks. Cheap.
 */
void
rtk_analyser_reset (RtkAnalyser *self)
{
  g_return_if_fail (RTK_IS_ANALYSER (self));
  RTK_ANALYSER_GET_IFACE (self)->reset (self);
}

/**
 * rtk_analyser_set_preview:
 * @self: an analyser
 * @pack: (nullable): the rules that say which part of a frame is shown; %NULL = no preview
 * @background: (nullable): the colour behind the person, of @pack; copied
 *
 * Asks for the live frames, from now on, as they would be when finished: "preview" is emitted for
 * one at a time. Frames that come meanwhile are only measured, so measuring never waits for it. An
 * analyser that makes none stays silent.
 */
void
rtk_analyser_set_preview (RtkAnalyser *self, RtkRulePack *pack, const RtkBackground *background)
{
  RtkAnalyserInterface *iface;

  g_return_if_fail (RTK_IS_ANALYSER (self));
  g_return_if_fail (pack == NULL || background != NULL);

  iface = RTK_ANALYSER_GET_IFACE (self);
  if (iface->set_preview != NULL)
    iface->set_preview (self, pack, background);
}

/**
 * rtk_analyser_emit_preview:
 * @self: an analyser
 * @image: (nullable): BGRA32, what was made of a live frame
 *
 * Emits "preview", on the main thread.
 */
void
rtk_analyser_emit_preview (RtkAnalyser *self, RtkImage *image)
{
  g_return_if_fail (RTK_IS_ANALYSER (self));
  g_signal_emit (self, preview_signal, 0, image);
}
