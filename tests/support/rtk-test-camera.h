/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-camera.h"

#define RTK_TYPE_TEST_CAMERA (rtk_test_camera_get_type ())
G_DECLARE_FINAL_TYPE (RtkTestCamera, rtk_test_camera, RTK, TEST_CAMERA, GObject)

/**
 * RtkTestCamera:
 * @state: see rtk_test_camera_set_state()
 * @scanning: what was asked for
 * @hold: captures wait for rtk_test_camera_answer()
 * @n_captures: captures asked for
 *
 * A camera that does what the test says.
 */
struct _RtkTestCamera {
  GObject        parent_instance;
  RtkCameraState state;
  gboolean       scanning;
  gboolean       hold;
  guint          n_captures;
  guint64        serial;
  GListStore    *devices; /* (owned) */
  GQueue         pending; /* (element-type GTask) */
};

RtkTestCamera *rtk_test_camera_new (void) G_GNUC_WARN_UNUSED_RESULT;
void           rtk_test_camera_set_state (RtkTestCamera *self, RtkCameraState state);
/* Emits the next frame; its serial. */
guint64 rtk_test_camera_push_frame (RtkTestCamera *self);
/* Answers the oldest capture that waits: with a still, or with (transfer full) @error. */
void rtk_test_camera_answer (RtkTestCamera *self, GError *error);
/* A still as a camera would give it. */
RtkStill *rtk_test_still_new (gint64 taken_at) G_GNUC_WARN_UNUSED_RESULT;
