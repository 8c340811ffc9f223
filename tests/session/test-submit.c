/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "desk.h"

static void
pass (Desk *desk, gint64 seconds)
{
  rtk_test_clock_advance (desk->clock, seconds * G_TIME_SPAN_SECOND);
  rtk_retake_session_settle (desk->session);
}

static void
test_undo (Desk *desk, gconstpointer data)
{
  RtkAttempt *chosen;

  desk_open (desk, 1);
  desk_shoot (desk);
  chosen = rtk_retake_session_get_chosen (desk->session);
  desk_submit (desk);
  pass (desk, 19);
  desk_assert_state (desk, SUBMITTED);
  g_assert_true (rtk_retake_session_undo (desk->session));
  desk_assert_state (desk, UNDOING);
  g_assert_false (rtk_retake_session_undo (desk->session));
  g_assert_false (rtk_retake_session_open_order (desk->session, rtk_test_order_id (2)));
  desk_wait_state (desk, SHOT);
  desk_assert_message (desk, UNDONE);
  g_assert_true (rtk_retake_session_get_chosen (desk->session) == chosen);
  g_assert_null (rtk_retake_session_get_submitted_operation (desk->session));
  g_assert_cmpint (rtk_retake_session_get_undo_deadline (desk->session), ==, 0);
  g_assert_cmpuint (desk->store->outbox->len, ==, 0);
  pass (desk, 60);
  desk_assert_state (desk, SHOT);

  /* And the same person goes on as before. */
  rtk_retake_session_retake (desk->session);
  desk_frame (desk);
  desk_shoot (desk);
  desk_submit (desk);
  g_assert_cmpuint (desk->store->n_commits, ==, 2);
  g_assert_cmpuint (desk->store->outbox->len, ==, 1);
}

/* Left after the submission: undo still brings the person back, with all attempts. */
static void
test_undo_after_leave (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  desk_shoot (desk);
  rtk_retake_session_retake (desk->session);
  desk_shoot (desk);
  desk_submit (desk);
  g_assert_true (rtk_retake_session_leave (desk->session));
  g_assert_cmpuint (g_list_model_get_n_items (rtk_retake_session_get_attempts (desk->session)), ==,
                    0);
  g_assert_null (rtk_retake_session_get_order (desk->session));
  g_assert_nonnull (rtk_retake_session_get_submitted_operation (desk->session));
  g_assert_true (rtk_retake_session_undo (desk->session));
  desk_wait_state (desk, SHOT);
  g_assert_cmpstr (rtk_order_get_id (rtk_retake_session_get_order (desk->session)), ==,
                   rtk_test_order_id (1));
  g_assert_cmpuint (g_list_model_get_n_items (rtk_retake_session_get_attempts (desk->session)), ==,
                    2);
  g_assert_cmpuint (rtk_attempt_get_number (rtk_retake_session_get_chosen (desk->session)), ==, 2);
  g_assert_cmpuint (
      g_list_model_get_n_items (G_LIST_MODEL (rtk_retake_session_get_reasons (desk->session))), ==,
      2);
  desk_submit (desk);
}

static void
test_released_in_time (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  desk_shoot (desk);
  desk_submit (desk);
  pass (desk, 20);
  desk_assert_state (desk, IDLE);
  desk_assert_message (desk, RELEASED);
  g_assert_cmpuint (desk->store->n_releases, ==, 1);
  g_assert_null (rtk_retake_session_get_order (desk->session));
  g_assert_cmpuint (g_list_model_get_n_items (rtk_retake_session_get_attempts (desk->session)), ==,
                    0);
  g_assert_false (rtk_retake_session_undo (desk->session));
  desk_assert_message (desk, UNDO_TOO_LATE);
}

/* The wall clock is set back by days meanwhile: twenty seconds stay twenty seconds. */
static void
test_clock_set_back (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  desk_shoot (desk);
  desk_submit (desk);
  rtk_test_clock_set_wall (desk->clock, -2 * G_TIME_SPAN_DAY);
  pass (desk, 19);
  desk_assert_state (desk, SUBMITTED);
  pass (desk, 1);
  desk_assert_state (desk, IDLE);
  desk_assert_message (desk, RELEASED);
  g_assert_cmpuint (desk->store->n_releases, ==, 1);
}

/* The same by the session's own timer. */
static void
test_released_by_itself (Desk *desk, gconstpointer data)
{
  rtk_retake_session_set_undo_seconds (desk->session, 0);
  desk_open (desk, 1);
  desk_shoot (desk);
  g_assert_true (rtk_retake_session_submit (desk->session, "li"));
  desk_wait_state (desk, IDLE);
  g_assert_cmpuint (desk->store->n_releases, ==, 1);

  rtk_retake_session_set_undo_seconds (desk->session, 20);
  desk_open (desk, 2);
  desk_shoot (desk);
  desk_submit (desk);
  rtk_test_clock_advance (desk->clock, 20 * G_TIME_SPAN_SECOND);
  desk_wait_state (desk, IDLE); /* nobody calls settle: the timer looks at the clock */
  g_assert_cmpuint (desk->store->n_releases, ==, 2);
}

/* The store has let it go already (another program released it): undo says so. */
static void
test_undo_after_release (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  desk_shoot (desk);
  desk_submit (desk);
  rtk_store_release_async (RTK_STORE (desk->store), NULL, NULL, NULL);
  g_assert_true (rtk_retake_session_undo (desk->session));
  desk_wait_state (desk, IDLE);
  desk_assert_message (desk, UNDO_TOO_LATE);
  g_assert_error (rtk_retake_session_get_error (desk->session), RTK_ERROR, RTK_ERROR_BAD_STATE);
  g_assert_null (rtk_retake_session_get_submitted_operation (desk->session));
  g_assert_cmpuint (desk->store->outbox->len, ==, 1);
}

static void
test_undo_fails (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  desk_shoot (desk);
  desk_submit (desk);
  desk->store->fail_next = g_error_new (RTK_ERROR, RTK_ERROR_STORAGE, "The disk");
  g_assert_true (rtk_retake_session_undo (desk->session));
  desk_wait_state (desk, SUBMITTED);
  desk_assert_message (desk, UNDO_FAILED);
  g_assert_true (rtk_retake_session_undo (desk->session)); /* once more */
  desk_wait_state (desk, SHOT);
}

/* The time for undo runs out while the store is at it: the store's answer counts. */
static void
test_deadline_while_undoing (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  desk_shoot (desk);
  desk_submit (desk);
  desk->store->hold = TRUE;
  g_assert_true (rtk_retake_session_undo (desk->session));
  pass (desk, 30);
  desk_assert_state (desk, UNDOING);
  g_assert_cmpuint (desk->store->n_releases, ==, 0);
  rtk_test_store_answer (desk->store);
  desk_wait_state (desk, IDLE);
  desk_assert_message (desk, UNDO_TOO_LATE);
}

static void
test_submit_fails (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  desk_shoot (desk);
  desk->store->fail_next = g_error_new (RTK_ERROR, RTK_ERROR_DISK_FULL, "Full");
  g_assert_true (rtk_retake_session_submit (desk->session, "li"));
  desk_wait_state (desk, SHOT);
  desk_assert_message (desk, SUBMIT_FAILED);
  g_assert_error (rtk_retake_session_get_error (desk->session), RTK_ERROR, RTK_ERROR_DISK_FULL);
  g_assert_true (rtk_retake_session_has_unsubmitted (desk->session));
  g_assert_cmpuint (desk->store->outbox->len, ==, 0);
  desk_submit (desk);
}

static void
test_shutdown_releases (Desk *desk, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;

  desk_open (desk, 1);
  desk_shoot (desk);
  desk_submit (desk);
  rtk_retake_session_shutdown_async (desk->session, rtk_test_result_cb, &result);
  rtk_test_wait_for (result != NULL);
  g_assert_true (rtk_retake_session_shutdown_finish (desk->session, result, NULL));
  g_assert_cmpuint (desk->store->n_releases, ==, 1);
  desk_assert_state (desk, IDLE);
  g_assert_false (desk->camera->scanning);
  g_assert_false (rtk_retake_session_open_order (desk->session, rtk_test_order_id (2)));
  rtk_test_camera_push_frame (desk->camera);
  rtk_camera_emit_code (RTK_CAMERA (desk->camera), "QR-Code", "two");
  rtk_test_drain ();
  desk_assert_state (desk, IDLE);
}

/* A shutdown waits for what is being written, and releases that too. */
static void
test_shutdown_while_submitting (Desk *desk, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  RtkOutboxItem *item;

  desk_open (desk, 1);
  desk_shoot (desk);
  desk->store->hold = TRUE;
  g_assert_true (rtk_retake_session_submit (desk->session, "li"));
  rtk_retake_session_shutdown_async (desk->session, rtk_test_result_cb, &result);
  rtk_test_drain ();
  g_assert_null (result);
  rtk_test_store_answer (desk->store);
  rtk_test_wait_for (result != NULL);
  g_assert_true (rtk_retake_session_shutdown_finish (desk->session, result, NULL));
  item = g_ptr_array_index (desk->store->outbox, 0);
  g_assert_cmpint (item->state, ==, RTK_OPERATION_WAITING);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  desk_test ("submit/undo", test_undo);
  desk_test ("submit/undo-after-leave", test_undo_after_leave);
  desk_test ("submit/released-in-time", test_released_in_time);
  desk_test ("submit/clock-set-back", test_clock_set_back);
  desk_test ("submit/released-by-itself", test_released_by_itself);
  desk_test ("submit/undo-after-release", test_undo_after_release);
  desk_test ("submit/undo-fails", test_undo_fails);
  desk_test ("submit/deadline-while-undoing", test_deadline_while_undoing);
  desk_test ("submit/fails", test_submit_fails);
  desk_test ("submit/shutdown-releases", test_shutdown_releases);
  desk_test ("submit/shutdown-while-submitting", test_shutdown_while_submitting);
  return g_test_run ();
}
