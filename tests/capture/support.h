/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "capture/rtk-gst-camera.h"

G_BEGIN_DECLS

/* A loaded machine of two cores under a sanitizer still gets there in this time. */
#define TEST_TIMEOUT_S 40

typedef gboolean (*TestCondition) (gpointer data);

/* What a test saw of a camera. */
typedef struct {
  RtkGstCamera *camera; /* (owned) */
  RtkFrame     *frame;  /* (owned) (nullable): the newest */
  guint         n_frames;
  gint64        longest_gap_us; /* between two frames in a row */
  GPtrArray    *codes;          /* (owned): of char*, payloads in order */
} TestCamera;

void      test_wait_for (TestCondition condition, gpointer data, const char *what);
void      test_camera_init (TestCamera *self);
void      test_camera_clear (TestCamera *self);
void      test_camera_wait_for_state (TestCamera *self, RtkCameraState state);
void      test_camera_wait_for_frames (TestCamera *self, guint n_more);
RtkStill *test_camera_capture (TestCamera *self, GError **error);

char *test_make_folder (void);
void  test_remove_folder (char *folder);
void  test_run (const char *const *argv);
/* A picture whose quarters are red, green (top), blue and white (bottom). */
void        test_write_quarters (const char *path, const char *type, int width, int height);
void        test_assert_quarters (RtkImage   *image,
                                  const char *top_left,
                                  const char *top_right,
                                  const char *bottom_left,
                                  const char *bottom_right,
                                  int         tolerance);
const char *test_get_data_folder (void);

G_END_DECLS
