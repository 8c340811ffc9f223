/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-camera.h"
#include "core/rtk-photo.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define RTK_TYPE_ANALYSER (rtk_analyser_get_type ())

/* The eye: measures frames and makes photos, on a worker of its own. Called from the main thread;
 * answers come back there.
 *
 * Signal: "preview" (RtkImage, nullable): what the finished photo of a live frame would be, while
 *   rtk_analyser_set_preview() asks for it; %NULL when the newest frame has no legal crop. */
G_DECLARE_INTERFACE (RtkAnalyser, rtk_analyser, RTK, ANALYSER, GObject)

/**
 * RtkAnalyserInterface:
 * @analyse_async: measures one live frame. A frame that still waits when a newer one is pushed is
 *   dropped: its call ends with %G_IO_ERROR_CANCELLED. Tracks the face from frame to frame.
 * @analyse_finish: (transfer full): what was measured
 * @make_async: makes the finished photo of a still: decode, measure, matte, compose, crop, encode
 * @make_finish: (transfer full): the photo, judged and with an unsigned certificate; fails with
 *   %RTK_ERROR_BAD_PICTURE, %RTK_ERROR_NO_FACE or %RTK_ERROR_NO_CROP
 * @reset: forgets the tracked face (another subject)
 * @set_preview: (nullable): whether, by which rules and over which background "preview" is emitted
 */
struct _RtkAnalyserInterface {
  GTypeInterface parent_iface;

  void (*analyse_async) (RtkAnalyser        *self,
                         RtkFrame           *frame,
                         GCancellable       *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer            user_data);
  RtkAnalysis *(*analyse_finish) (RtkAnalyser *self, GAsyncResult *result, GError **error);
  void (*make_async) (RtkAnalyser         *self,
                      RtkStill            *still,
                      RtkRulePack         *pack,
                      const RtkBackground *background,
                      GCancellable        *cancellable,
                      GAsyncReadyCallback  callback,
                      gpointer             user_data);
  RtkPhoto *(*make_finish) (RtkAnalyser *self, GAsyncResult *result, GError **error);
  void (*reset) (RtkAnalyser *self);
  void (*set_preview) (RtkAnalyser *self, RtkRulePack *pack, const RtkBackground *background);
};

void         rtk_analyser_analyse_async (RtkAnalyser        *self,
                                         RtkFrame           *frame,
                                         GCancellable       *cancellable,
                                         GAsyncReadyCallback callback,
                                         gpointer            user_data);
RtkAnalysis *rtk_analyser_analyse_finish (RtkAnalyser *self, GAsyncResult *result, GError **error);
void         rtk_analyser_make_async (RtkAnalyser         *self,
                                      RtkStill            *still,
                                      RtkRulePack         *pack,
                                      const RtkBackground *background,
                                      GCancellable        *cancellable,
                                      GAsyncReadyCallback  callback,
                                      gpointer             user_data);
RtkPhoto    *rtk_analyser_make_finish (RtkAnalyser *self, GAsyncResult *result, GError **error);
void         rtk_analyser_reset (RtkAnalyser *self);
void
rtk_analyser_set_preview (RtkAnalyser *self, RtkRulePack *pack, const RtkBackground *background);
/* For implementations. */
void rtk_analyser_emit_preview (RtkAnalyser *self, RtkImage *image);

G_END_DECLS
