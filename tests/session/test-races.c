/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "desk.h"

/* Another person's code while the photo is being made: said, never swapped. */
static void
test_scan_during_shooting (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  desk->analyser->hold = TRUE;
  g_assert_true (rtk_retake_session_shoot (desk->session));
  g_assert_false (desk->camera->scanning);
  rtk_test_wait_for (!g_queue_is_empty (&desk->analyser->stills));
  rtk_camera_emit_code (RTK_CAMERA (desk->camera), "QR-Code", "two"); /* was on its way */
  rtk_test_drain ();
  desk_assert_state (desk, SHOOTING);
  desk_assert_message (desk, OTHER_CODE);
  rtk_test_analyser_answer (desk->analyser, &desk->analyser->stills, 0, NULL);
  desk_wait_state (desk, SHOT);
  g_assert_cmpstr (rtk_order_get_id (rtk_retake_session_get_order (desk->session)), ==,
                   rtk_test_order_id (1));

  /* A person agrees: then it is done, with nothing of the former one. */
  g_assert_true (rtk_retake_session_open_pending (desk->session));
  desk_wait_state (desk, LIVE);
  g_assert_cmpstr (rtk_order_get_id (rtk_retake_session_get_order (desk->session)), ==,
                   rtk_test_order_id (2));
  g_assert_cmpuint (g_list_model_get_n_items (rtk_retake_session_get_attempts (desk->session)), ==,
                    0);
}

static void
test_scan_while_open (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  g_assert_false (rtk_retake_session_open_code (desk->session, "one"));
  rtk_test_drain ();
  desk_assert_message (desk, SAME_CODE);
  g_assert_false (rtk_retake_session_open_pending (desk->session));
  g_assert_false (rtk_retake_session_open_code (desk->session, "nobody's"));
  rtk_test_drain ();
  desk_assert_message (desk, UNKNOWN_CODE);
  g_assert_false (rtk_retake_session_open_code (desk->session, "two"));
  rtk_test_drain ();
  desk_assert_message (desk, OTHER_CODE);
  desk_assert_state (desk, LIVE);
  g_assert_cmpstr (rtk_order_get_id (rtk_retake_session_get_order (desk->session)), ==,
                   rtk_test_order_id (1));
}

/* The next person holds the code there before the look-up of this one has ended. */
static void
test_scan_while_opening (Desk *desk, gconstpointer data)
{
  desk->store->hold = TRUE;
  rtk_camera_emit_code (RTK_CAMERA (desk->camera), "QR-Code", "one");
  desk_assert_state (desk, OPENING);
  rtk_camera_emit_code (RTK_CAMERA (desk->camera), "QR-Code", "two");
  desk->store->hold = FALSE;
  rtk_test_store_answer (desk->store);
  desk_wait_state (desk, LIVE);
  desk_assert_message (desk, NONE);
  rtk_camera_emit_code (RTK_CAMERA (desk->camera), "QR-Code", "two"); /* still there */
  rtk_test_drain ();
  desk_assert_message (desk, OTHER_CODE);
}

/* Left while the photo is made: it comes, and goes to nobody, least of all to the next. */
static void
test_leave_while_making (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  desk->analyser->hold = TRUE;
  g_assert_true (rtk_retake_session_shoot (desk->session));
  rtk_test_wait_for (!g_queue_is_empty (&desk->analyser->stills));
  g_assert_true (rtk_retake_session_leave (desk->session));
  desk_assert_state (desk, IDLE);
  desk->analyser->hold = FALSE;
  desk_open (desk, 2);
  rtk_test_analyser_answer (desk->analyser, &desk->analyser->stills, 0, NULL);
  rtk_test_drain ();
  desk_assert_state (desk, LIVE);
  g_assert_cmpuint (g_list_model_get_n_items (rtk_retake_session_get_attempts (desk->session)), ==,
                    0);
  desk_assert_message (desk, NONE);
}

/* The same with a shot of the next person under way: each answer goes where it belongs. */
static void
test_leave_and_shoot_again (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  desk->camera->hold = TRUE;
  g_assert_true (rtk_retake_session_shoot (desk->session));
  g_assert_true (rtk_retake_session_leave (desk->session));
  desk_open (desk, 2);
  g_assert_true (rtk_retake_session_shoot (desk->session));
  rtk_test_camera_answer (desk->camera, NULL); /* of the former */
  rtk_test_drain ();
  desk_assert_state (desk, SHOOTING);
  rtk_test_camera_answer (desk->camera, NULL);
  desk_wait_state (desk, SHOT);
  g_assert_cmpstr (rtk_attempt_get_order_id (rtk_retake_session_get_chosen (desk->session)), ==,
                   rtk_test_order_id (2));
  g_assert_cmpint (rtk_attempt_get_taken_at (rtk_retake_session_get_chosen (desk->session)), ==,
                   1780300800000002);
}

static void
test_leave_while_opening (Desk *desk, gconstpointer data)
{
  desk->store->hold = TRUE;
  g_assert_true (rtk_retake_session_open_code (desk->session, "one"));
  g_assert_true (rtk_retake_session_leave (desk->session));
  g_assert_true (rtk_retake_session_open_code (desk->session, "two"));
  rtk_test_store_answer (desk->store); /* of "one" */
  rtk_test_drain ();
  desk_assert_state (desk, OPENING);
  rtk_test_store_answer (desk->store);
  desk_wait_state (desk, LIVE);
  g_assert_cmpstr (rtk_order_get_id (rtk_retake_session_get_order (desk->session)), ==,
                   rtk_test_order_id (2));
}

static void
test_unplug_at_shutter (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  desk_shoot (desk);
  rtk_retake_session_retake (desk->session);
  desk->camera->hold = TRUE;
  g_assert_true (rtk_retake_session_shoot (desk->session));
  rtk_test_camera_set_state (desk->camera, RTK_CAMERA_LOST);
  desk_assert_state (desk, LIVE);
  desk_assert_message (desk, CAMERA_LOST);
  g_assert_null (rtk_retake_session_get_frame (desk->session));
  g_assert_null (rtk_retake_session_get_report (desk->session));
  g_assert_false (rtk_retake_session_is_ready (desk->session));
  /* No attempt is lost, and the late answer changes nothing. */
  g_assert_cmpuint (g_list_model_get_n_items (rtk_retake_session_get_attempts (desk->session)), ==,
                    1);
  rtk_test_camera_answer (desk->camera, NULL);
  rtk_test_drain ();
  desk_assert_state (desk, LIVE);
  g_assert_false (rtk_retake_session_shoot (desk->session));
  desk_assert_message (desk, CAMERA_LOST);
  /* It comes back by itself. */
  desk->camera->hold = FALSE;
  rtk_test_camera_set_state (desk->camera, RTK_CAMERA_LIVE);
  desk_frame (desk);
  desk_shoot (desk);
  g_assert_cmpuint (rtk_attempt_get_number (rtk_retake_session_get_chosen (desk->session)), ==, 2);
}

/* The still is there already: the photo is finished though the camera is gone. */
static void
test_unplug_while_making (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  desk->analyser->hold = TRUE;
  g_assert_true (rtk_retake_session_shoot (desk->session));
  rtk_test_wait_for (!g_queue_is_empty (&desk->analyser->stills));
  rtk_test_camera_set_state (desk->camera, RTK_CAMERA_LOST);
  desk_assert_state (desk, SHOOTING);
  rtk_test_analyser_answer (desk->analyser, &desk->analyser->stills, 0, NULL);
  desk_wait_state (desk, SHOT);
}

static void
test_capture_fails (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  desk->camera->hold = TRUE;
  g_assert_true (rtk_retake_session_shoot (desk->session));
  rtk_test_camera_answer (desk->camera, g_error_new (RTK_ERROR, RTK_ERROR_CAMERA_LOST, "No frame"));
  desk_wait_state (desk, LIVE);
  desk_assert_message (desk, CAMERA_LOST);
  g_assert_error (rtk_retake_session_get_error (desk->session), RTK_ERROR, RTK_ERROR_CAMERA_LOST);
}

static void
test_shoot_twice (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  desk->camera->hold = TRUE;
  g_assert_true (rtk_retake_session_shoot (desk->session));
  g_assert_false (rtk_retake_session_shoot (desk->session));
  desk_assert_message (desk, BUSY);
  g_assert_cmpuint (desk->camera->n_captures, ==, 1);
  rtk_test_camera_answer (desk->camera, NULL);
  desk_wait_state (desk, SHOT);
}

static void
test_submit_twice (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  desk_shoot (desk);
  desk->store->hold = TRUE;
  g_assert_true (rtk_retake_session_submit (desk->session, "li"));
  g_assert_false (rtk_retake_session_submit (desk->session, "li"));
  g_assert_false (rtk_retake_session_leave (desk->session));
  g_assert_false (rtk_retake_session_open_code (desk->session, "two"));
  desk_assert_message (desk, BUSY);
  rtk_test_store_answer (desk->store);
  desk_wait_state (desk, SUBMITTED);
  g_assert_false (rtk_retake_session_submit (desk->session, "li"));
  g_assert_cmpuint (desk->store->n_commits, ==, 1);
  desk_assert_message (desk, SUBMITTED);
}

/* A frame of the former person must not make the next one's shutter green. */
static void
test_stale_analysis (Desk *desk, gconstpointer data)
{
  guint64 serial;

  desk_open (desk, 1);
  desk->analyser->hold = TRUE;
  rtk_test_camera_push_frame (desk->camera);
  rtk_retake_session_leave (desk->session);
  g_assert_true (rtk_retake_session_open_code (desk->session, "two"));
  desk_wait_state (desk, LIVE);
  g_assert_cmpuint (desk->analyser->n_resets, >=, 2);
  rtk_test_analyser_answer (desk->analyser, &desk->analyser->frames, 0, NULL);
  rtk_test_drain ();
  g_assert_null (rtk_retake_session_get_report (desk->session));
  g_assert_false (rtk_retake_session_is_ready (desk->session));

  /* Nor may an older answer overtake a newer one. */
  rtk_test_camera_push_frame (desk->camera);
  serial = rtk_test_camera_push_frame (desk->camera);
  rtk_test_analyser_answer (desk->analyser, &desk->analyser->frames, 1, NULL);
  rtk_test_wait_for (rtk_retake_session_get_report_frame_serial (desk->session) == serial);
  rtk_test_analyser_see (desk->analyser, RTK_CHECK_POSE_YAW);
  rtk_test_analyser_answer (desk->analyser, &desk->analyser->frames, 0, NULL);
  rtk_test_drain ();
  g_assert_cmpuint (rtk_retake_session_get_report_frame_serial (desk->session), ==, serial);
  g_assert_true (rtk_report_may_shoot (rtk_retake_session_get_report (desk->session)));
}

/* A dropped frame is nothing to speak of; an eye that fails is said once. */
static void
test_analysis_fails (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  desk->analyser->hold = TRUE;
  rtk_test_camera_push_frame (desk->camera);
  rtk_test_analyser_answer (desk->analyser, &desk->analyser->frames, 0,
                            g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "A newer one came"));
  rtk_test_drain ();
  desk_assert_message (desk, NONE);
  g_assert_true (rtk_retake_session_is_ready (desk->session));
  for (int i = 0; i < 3; i++) {
    rtk_test_camera_push_frame (desk->camera);
    rtk_test_analyser_answer (desk->analyser, &desk->analyser->frames, 0,
                              g_error_new (RTK_ERROR, RTK_ERROR_MODEL_MISSING, "No model"));
    rtk_test_drain ();
    if (i == 0)
      desk_assert_message (desk, ANALYSIS_FAILED);
    else
      desk_assert_message (desk, NONE);
    rtk_retake_session_clear_message (desk->session);
    g_assert_false (rtk_retake_session_is_ready (desk->session));
  }
}

/* The old photo of a former person is never shown beside the next. */
static void
test_stale_old_photo (Desk *desk, gconstpointer data)
{
  const char *sha256 = "cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4";

  g_hash_table_add (desk->transport->photos, g_strdup (sha256));
  rtk_test_store_add_order (desk->store, rtk_test_order_new (3, 1, "paid", "\"pose\"", sha256),
                            NULL);
  desk->transport->hold = TRUE;
  desk_open (desk, 3);
  rtk_test_wait_for (desk->transport->n_fetches == 1);
  rtk_retake_session_leave (desk->session);
  desk_open (desk, 1);
  rtk_test_transport_answer (desk->transport);
  rtk_test_drain ();
  g_assert_null (rtk_retake_session_get_old_photo (desk->session));
  g_assert_cmpint (rtk_retake_session_get_old_photo_state (desk->session), ==, RTK_OLD_PHOTO_NONE);
}

/* The session goes while everything is under way: nothing is touched afterwards. */
static void
test_dispose_while_busy (Desk *desk, gconstpointer data)
{
  RtkRetakeSession *second;

  desk_open (desk, 1);
  desk->camera->hold = TRUE;
  desk->analyser->hold = TRUE;
  rtk_test_camera_push_frame (desk->camera);
  g_assert_true (rtk_retake_session_shoot (desk->session));
  second = g_steal_pointer (&desk->session);
  g_assert_finalize_object (second);
  rtk_test_camera_answer (desk->camera, NULL);
  rtk_test_analyser_answer (desk->analyser, &desk->analyser->frames, 0, NULL);
  rtk_test_camera_push_frame (desk->camera);
  rtk_test_drain ();
  desk->session =
      rtk_retake_session_new (NULL, RTK_ANALYSER (desk->analyser), RTK_STORE (desk->store),
                              RTK_VAULT (desk->vault), NULL, RTK_CLOCK (desk->clock), desk->pack);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  desk_test ("races/scan-during-shooting", test_scan_during_shooting);
  desk_test ("races/scan-while-open", test_scan_while_open);
  desk_test ("races/scan-while-opening", test_scan_while_opening);
  desk_test ("races/leave-while-making", test_leave_while_making);
  desk_test ("races/leave-and-shoot-again", test_leave_and_shoot_again);
  desk_test ("races/leave-while-opening", test_leave_while_opening);
  desk_test ("races/unplug-at-shutter", test_unplug_at_shutter);
  desk_test ("races/unplug-while-making", test_unplug_while_making);
  desk_test ("races/capture-fails", test_capture_fails);
  desk_test ("races/shoot-twice", test_shoot_twice);
  desk_test ("races/submit-twice", test_submit_twice);
  desk_test ("races/stale-analysis", test_stale_analysis);
  desk_test ("races/analysis-fails", test_analysis_fails);
  desk_test ("races/stale-old-photo", test_stale_old_photo);
  desk_test ("races/dispose-while-busy", test_dispose_while_busy);
  return g_test_run ();
}
