/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "desk.h"

#include <string.h>

/* The whole way of one person. */
static void
test_whole_way (Desk *desk, gconstpointer data)
{
  RtkRetakeSession *session = desk->session;
  RtkAttempt       *attempt;

  desk_assert_state (desk, IDLE);
  g_assert_true (desk->camera->scanning);
  g_assert_true (rtk_retake_session_open_code (session, "one"));
  desk_assert_state (desk, OPENING);
  desk_wait_state (desk, LIVE);
  g_assert_cmpstr (rtk_order_get_id (rtk_retake_session_get_order (session)), ==,
                   rtk_test_order_id (1));
  g_assert_cmpuint (
      g_list_model_get_n_items (G_LIST_MODEL (rtk_retake_session_get_reasons (session))), ==, 2);
  g_assert_false (rtk_retake_session_is_ready (session));
  desk_frame (desk);
  g_assert_true (rtk_retake_session_is_ready (session));

  desk_shoot (desk);
  attempt = rtk_retake_session_get_chosen (session);
  g_assert_cmpuint (rtk_attempt_get_number (attempt), ==, 1);
  g_assert_cmpstr (rtk_attempt_get_order_id (attempt), ==, rtk_test_order_id (1));
  g_assert_cmpint (rtk_attempt_get_taken_at (attempt), ==, 1780300800000001);
  g_assert_false (rtk_retake_session_is_ready (session));
  g_assert_true (rtk_retake_session_has_unsubmitted (session));

  desk_submit (desk);
  desk_assert_message (desk, SUBMITTED);
  g_assert_false (rtk_retake_session_has_unsubmitted (session));
  g_assert_cmpstr (desk->store->last_actor, ==, "li");
  g_assert_cmpuint (desk->store->last_overrides->len, ==, 0);
  g_assert_cmpstr (desk->store->last_original, ==,
                   rtk_attempt_get_photo (attempt)->original.sha256);
  g_assert_cmpint (rtk_retake_session_get_undo_deadline (session), ==,
                   rtk_clock_now (RTK_CLOCK (desk->clock)) + 20 * G_TIME_SPAN_SECOND);
  g_assert_nonnull (rtk_retake_session_get_submitted_operation (session));

  /* The next person: what was held goes. */
  g_assert_true (rtk_retake_session_open_code (session, "two"));
  g_assert_cmpuint (desk->store->n_releases, ==, 1);
  g_assert_cmpint (rtk_retake_session_get_undo_deadline (session), ==, 0);
  desk_wait_state (desk, LIVE);
  g_assert_cmpstr (rtk_order_get_id (rtk_retake_session_get_order (session)), ==,
                   rtk_test_order_id (2));
  g_assert_cmpuint (g_list_model_get_n_items (rtk_retake_session_get_attempts (session)), ==, 0);
  g_assert_null (rtk_retake_session_get_chosen (session));
}

static void
test_not_found (Desk *desk, gconstpointer data)
{
  g_assert_true (rtk_retake_session_open_code (desk->session, "nobody's"));
  desk_wait_state (desk, IDLE);
  desk_assert_message (desk, NOT_FOUND);
  g_assert_true (rtk_retake_session_open_order (desk->session, rtk_test_order_id (9)));
  desk_wait_state (desk, IDLE);
  desk_assert_message (desk, NOT_FOUND);
  g_assert_error (rtk_retake_session_get_error (desk->session), RTK_ERROR, RTK_ERROR_NOT_FOUND);
}

static void
test_not_retakable (Desk *desk, gconstpointer data)
{
  rtk_test_store_add_order (desk->store, rtk_test_order_new (3, 1, "unpaid", "", NULL), "three");
  g_assert_true (rtk_retake_session_open_code (desk->session, "three"));
  desk_wait_state (desk, IDLE);
  desk_assert_message (desk, NOT_RETAKABLE);
  g_assert_cmpstr (rtk_retake_session_get_detail (desk->session), ==, "RT-000003");
  g_assert_null (rtk_retake_session_get_order (desk->session));
}

/* Actions at the wrong time do nothing. */
static void
test_wrong_time (Desk *desk, gconstpointer data)
{
  RtkRetakeSession *session = desk->session;

  g_assert_false (rtk_retake_session_shoot (session));
  g_assert_false (rtk_retake_session_retake (session));
  g_assert_false (rtk_retake_session_choose (session, 1));
  g_assert_false (rtk_retake_session_submit (session, "li"));
  g_assert_false (rtk_retake_session_undo (session));
  g_assert_false (rtk_retake_session_leave (session));
  g_assert_false (rtk_retake_session_open_pending (session));
  desk_open (desk, 1);
  g_assert_false (rtk_retake_session_submit (session, "li"));
  g_assert_false (rtk_retake_session_choose (session, 1));
  g_assert_false (rtk_retake_session_retake (session));
  g_assert_false (rtk_retake_session_open_order (session, rtk_test_order_id (2)));
  desk_assert_message (desk, BUSY);
  desk_assert_state (desk, LIVE);
  desk_shoot (desk);
  g_assert_false (rtk_retake_session_shoot (session));
  desk_assert_state (desk, SHOT);
  desk_submit (desk);
  g_assert_false (rtk_retake_session_retake (session));
  g_assert_false (rtk_retake_session_shoot (session));
  g_assert_false (rtk_retake_session_choose (session, 1));
  desk_assert_state (desk, SUBMITTED);
  g_assert_cmpuint (desk->store->n_commits, ==, 1);
}

static void
test_film_strip (Desk *desk, gconstpointer data)
{
  RtkRetakeSession *session = desk->session;

  desk_open (desk, 1);
  for (guint i = 1; i <= 3; i++) {
    desk_shoot (desk);
    g_assert_cmpuint (rtk_attempt_get_number (rtk_retake_session_get_chosen (session)), ==, i);
    if (i < 3) {
      g_assert_true (rtk_retake_session_retake (session));
      desk_assert_state (desk, LIVE);
      g_assert_null (rtk_retake_session_get_chosen (session));
      g_assert_true (rtk_retake_session_is_ready (session));
    }
  }
  g_assert_cmpuint (g_list_model_get_n_items (rtk_retake_session_get_attempts (session)), ==, 3);
  g_assert_true (rtk_retake_session_choose (session, 2));
  g_assert_false (rtk_retake_session_choose (session, 4));
  g_assert_true (rtk_retake_session_retake (session));
  g_assert_true (rtk_retake_session_choose (session, 2)); /* from the live view too */
  desk_assert_state (desk, SHOT);
  desk_submit (desk);
  g_assert_cmpstr (
      desk->store->last_original, ==,
      rtk_attempt_get_photo (rtk_retake_session_get_chosen (session))->original.sha256);
}

/* The chips are the photo's while one is looked at, and the live view's again afterwards. */
static void
test_chips_follow (Desk *desk, gconstpointer data)
{
  RtkCheckItem *mouth;

  desk_open (desk, 1);
  mouth =
      rtk_check_list_find (rtk_retake_session_get_checks (desk->session), RTK_CHECK_MOUTH_CLOSED);
  g_assert_cmpint (rtk_check_item_get_verdict (mouth), ==, RTK_VERDICT_PASS);
  rtk_test_analyser_see (desk->analyser, RTK_CHECK_MOUTH_CLOSED);
  desk_shoot (desk);
  g_assert_cmpint (rtk_check_item_get_verdict (mouth), ==, RTK_VERDICT_FAIL);
  rtk_test_analyser_see (desk->analyser, RTK_N_CHECKS);
  desk_frame (desk);
  g_assert_cmpint (rtk_check_item_get_verdict (mouth), ==, RTK_VERDICT_FAIL);
  rtk_retake_session_retake (desk->session);
  g_assert_cmpint (rtk_check_item_get_verdict (mouth), ==, RTK_VERDICT_PASS);
}

static void
test_gated (Desk *desk, gconstpointer data)
{
  RtkRetakeSession *session = desk->session;
  g_autoptr (GArray) failed = NULL;

  rtk_test_analyser_see (desk->analyser, RTK_CHECK_MOUTH_CLOSED);
  desk_open (desk, 1);
  g_assert_false (rtk_retake_session_is_ready (session));
  failed = rtk_retake_session_dup_failed (session);
  g_assert_cmpuint (failed->len, ==, 1);
  g_assert_cmpint (g_array_index (failed, RtkCheckId, 0), ==, RTK_CHECK_MOUTH_CLOSED);
  g_assert_false (rtk_retake_session_shoot (session));
  desk_assert_message (desk, NOT_READY);
  g_assert_cmpstr (rtk_retake_session_get_detail (session), ==, "mouth.closed");

  /* Neither another rule nor a nameless acceptance opens the shutter. */
  desk_override (desk, RTK_CHECK_POSE_YAW, "stiff neck", "li");
  g_assert_false (rtk_retake_session_shoot (session));
  desk_override (desk, RTK_CHECK_MOUTH_CLOSED, "", "li");
  g_assert_false (rtk_retake_session_shoot (session));
  desk_override (desk, RTK_CHECK_MOUTH_CLOSED, "cannot close it", "");
  g_assert_false (rtk_retake_session_shoot (session));
  g_assert_cmpuint (desk->camera->n_captures, ==, 0);

  desk_override (desk, RTK_CHECK_MOUTH_CLOSED, "cannot close it", "li");
  desk_shoot (desk);
  rtk_retake_session_set_overrides (session, NULL);
  g_assert_false (rtk_retake_session_submit (session, "li"));
  desk_assert_message (desk, NEEDS_OVERRIDE);
  g_assert_cmpstr (rtk_retake_session_get_detail (session), ==, "mouth.closed");
  desk_assert_state (desk, SHOT);

  desk_override (desk, RTK_CHECK_MOUTH_CLOSED, "cannot close it", "li");
  desk_submit (desk);
  g_assert_cmpuint (desk->store->last_overrides->len, ==, 1);
  g_assert_cmpstr (((RtkOverride *)g_ptr_array_index (desk->store->last_overrides, 0))->reason, ==,
                   "cannot close it");

  /* Accepted for this person, not for the next. */
  g_assert_true (rtk_retake_session_open_code (session, "two"));
  desk_wait_state (desk, LIVE);
  g_assert_null (rtk_retake_session_get_overrides (session));
}

/* An acceptance that the photo does not need is not written down. */
static void
test_needless_override (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  desk_override (desk, RTK_CHECK_MOUTH_CLOSED, "cannot close it", "li");
  desk_shoot (desk);
  desk_submit (desk);
  g_assert_cmpuint (desk->store->last_overrides->len, ==, 0);
}

static void
test_shot_fails (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  desk->analyser->hold = TRUE;
  g_assert_true (rtk_retake_session_shoot (desk->session));
  rtk_test_wait_for (!g_queue_is_empty (&desk->analyser->stills));
  rtk_test_analyser_answer (desk->analyser, &desk->analyser->stills, 0,
                            g_error_new (RTK_ERROR, RTK_ERROR_NO_FACE, "Nobody there"));
  desk_wait_state (desk, LIVE);
  desk_assert_message (desk, SHOT_FAILED);
  g_assert_error (rtk_retake_session_get_error (desk->session), RTK_ERROR, RTK_ERROR_NO_FACE);
  desk->analyser->hold = FALSE;
  desk_shoot (desk);
  g_assert_null (rtk_retake_session_get_error (desk->session));
  g_assert_cmpuint (rtk_attempt_get_number (rtk_retake_session_get_chosen (desk->session)), ==, 1);
}

/* A still from a file goes the same way; its failures must be accepted at the submission. */
static void
test_take_still (Desk *desk, gconstpointer data)
{
  g_autoptr (RtkStill) still = rtk_test_still_new (1780000000000000);

  rtk_test_analyser_see (desk->analyser, RTK_CHECK_MOUTH_CLOSED);
  g_assert_false (rtk_retake_session_take_still (desk->session, still));
  desk_open (desk, 1);
  g_assert_true (rtk_retake_session_take_still (desk->session, still));
  desk_wait_state (desk, SHOT);
  g_assert_cmpint (rtk_attempt_get_taken_at (rtk_retake_session_get_chosen (desk->session)), ==,
                   1780000000000000);
  g_assert_cmpint (rtk_attempt_get_verdict (rtk_retake_session_get_chosen (desk->session)), ==,
                   RTK_VERDICT_FAIL);
  g_assert_false (rtk_retake_session_submit (desk->session, "li"));
  desk_assert_message (desk, NEEDS_OVERRIDE);
}

static void
test_old_photo_here (Desk *desk, gconstpointer data)
{
  const char *sha256 = rtk_test_vault_add (desk->vault, "old photo");
  GBytes     *bytes;

  rtk_test_store_add_order (desk->store, rtk_test_order_new (3, 1, "paid", "\"pose\"", sha256),
                            NULL);
  desk_open (desk, 3);
  rtk_test_wait_for (rtk_retake_session_get_old_photo_state (desk->session) == RTK_OLD_PHOTO_READY);
  bytes = rtk_retake_session_get_old_photo (desk->session);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "old photo", 9);
  g_assert_cmpuint (desk->transport->n_fetches, ==, 0);
  rtk_retake_session_leave (desk->session);
  g_assert_null (rtk_retake_session_get_old_photo (desk->session));
  g_assert_cmpint (rtk_retake_session_get_old_photo_state (desk->session), ==, RTK_OLD_PHOTO_NONE);
}

static void
test_old_photo_fetched (Desk *desk, gconstpointer data)
{
  const char *sha256 = "cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4";

  g_hash_table_add (desk->transport->photos, g_strdup (sha256)); /* SHA-256 of "old" */
  rtk_test_store_add_order (desk->store, rtk_test_order_new (3, 1, "paid", "\"pose\"", sha256),
                            NULL);
  desk_open (desk, 3);
  rtk_test_wait_for (rtk_retake_session_get_old_photo_state (desk->session) == RTK_OLD_PHOTO_READY);
  rtk_test_wait_for (rtk_test_vault_find (desk->vault, sha256) != NULL);
  rtk_retake_session_leave (desk->session);
  desk_open (desk, 3);
  rtk_test_wait_for (rtk_retake_session_get_old_photo_state (desk->session) == RTK_OLD_PHOTO_READY);
  g_assert_cmpuint (desk->transport->n_fetches, ==, 1);
}

/* Photos are not hashed on the main thread: what came goes to the store by the name it was asked
 * for by, and the store, which checks the name, is the one to refuse it. */
static void
test_old_photo_named (Desk *desk, gconstpointer data)
{
  const char *asked = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
  const char *found = "cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4";

  g_hash_table_add (desk->transport->photos, g_strdup (asked));
  rtk_test_store_add_order (desk->store, rtk_test_order_new (3, 1, "paid", "\"pose\"", asked),
                            NULL);
  desk_open (desk, 3);
  rtk_test_wait_for (rtk_retake_session_get_old_photo_state (desk->session) == RTK_OLD_PHOTO_READY);
  g_assert_nonnull (rtk_test_vault_find (desk->vault, asked));
  g_assert_null (rtk_test_vault_find (desk->vault, found));
}

static void
test_old_photo_offline (Desk *desk, gconstpointer data)
{
  desk->transport->offline = TRUE;
  rtk_test_store_add_order (
      desk->store,
      rtk_test_order_new (3, 1, "paid", "\"pose\"",
                          "cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4"),
      NULL);
  desk_open (desk, 3);
  rtk_test_wait_for (rtk_retake_session_get_old_photo_state (desk->session) ==
                     RTK_OLD_PHOTO_OFFLINE);
  desk_shoot (desk); /* nothing waits for it */
}

/* A code in view is one scan, however many frames it is seen in. */
static void
test_scan (Desk *desk, gconstpointer data)
{
  rtk_camera_emit_code (RTK_CAMERA (desk->camera), "QR-Code", "nobody's");
  desk_wait_state (desk, IDLE);
  desk_assert_message (desk, NOT_FOUND);
  rtk_retake_session_clear_message (desk->session);
  for (int i = 0; i < 20; i++) {
    rtk_test_clock_advance (desk->clock, 200 * G_TIME_SPAN_MILLISECOND);
    rtk_camera_emit_code (RTK_CAMERA (desk->camera), "QR-Code", "nobody's");
    rtk_test_drain ();
    desk_assert_message (desk, NONE);
  }
  rtk_test_clock_advance (desk->clock, 3000 * G_TIME_SPAN_MILLISECOND);
  rtk_camera_emit_code (RTK_CAMERA (desk->camera), "QR-Code", "nobody's");
  desk_assert_state (desk, OPENING);
  desk_wait_state (desk, IDLE);
  rtk_camera_emit_code (RTK_CAMERA (desk->camera), "QR-Code", "one");
  desk_wait_state (desk, LIVE);
}

static void
test_order_changes (Desk *desk, gconstpointer data)
{
  desk_open (desk, 1);
  rtk_test_store_add_order (desk->store, rtk_test_order_new (1, 4, "refunded", "\"pose\"", NULL),
                            NULL);
  rtk_store_emit_orders_changed (RTK_STORE (desk->store));
  rtk_test_wait_for (rtk_order_get_revision (rtk_retake_session_get_order (desk->session)) == 4);
  desk_assert_message (desk, NONE);
  desk_shoot (desk);
  rtk_test_store_add_order (desk->store, rtk_test_order_new (1, 5, "closed", "\"pose\"", NULL),
                            NULL);
  rtk_store_emit_orders_changed (RTK_STORE (desk->store));
  rtk_test_wait_for (rtk_order_get_revision (rtk_retake_session_get_order (desk->session)) == 5);
  desk_assert_message (desk, ORDER_CHANGED);
  g_assert_false (rtk_retake_session_submit (desk->session, "li"));
  g_assert_cmpuint (desk->store->n_commits, ==, 0);
}

static void
test_pack (Desk *desk, gconstpointer data)
{
  g_autoptr (RtkRulePack) white = rtk_rule_pack_load ("chsi-diploma-white", NULL);

  desk_open (desk, 1);
  g_assert_cmpstr (rtk_retake_session_get_background (desk->session), ==, "blue");
  rtk_retake_session_set_background (desk->session, "grey");
  rtk_retake_session_set_pack (desk->session, white);
  g_assert_true (rtk_retake_session_get_pack (desk->session) == white);
  g_assert_nonnull (
      rtk_rule_pack_find_background (white, rtk_retake_session_get_background (desk->session)));
  g_assert_false (rtk_retake_session_is_ready (desk->session));
  desk_frame (desk);
  g_assert_true (rtk_retake_session_is_ready (desk->session));
}

/* What the photo would be is made only while it is wanted, and shown only of whom is there. */
static void
test_preview (Desk *desk, gconstpointer data)
{
  g_autoptr (RtkImage) image = rtk_image_new_take (RTK_PIXEL_BGRA32, 1, 1, 4, g_malloc0 (4));
  RtkAnalyser *analyser = RTK_ANALYSER (desk->analyser);

  desk_open (desk, 1);
  rtk_analyser_emit_preview (analyser, image);
  g_assert_null (rtk_retake_session_get_preview (desk->session));
  g_assert_null (desk->analyser->preview);

  rtk_retake_session_set_previewing (desk->session, TRUE);
  g_assert_cmpstr (desk->analyser->preview->name, ==, "blue");
  rtk_analyser_emit_preview (analyser, image);
  g_assert_true (rtk_retake_session_get_preview (desk->session) == image);
  rtk_analyser_emit_preview (analyser, NULL);
  g_assert_null (rtk_retake_session_get_preview (desk->session));
  rtk_analyser_emit_preview (analyser, image);
  rtk_retake_session_set_background (desk->session, "grey");
  g_assert_cmpstr (desk->analyser->preview->name, ==, "grey");

  rtk_retake_session_leave (desk->session);
  g_assert_null (rtk_retake_session_get_preview (desk->session));
  rtk_analyser_emit_preview (analyser, image);
  rtk_retake_session_set_previewing (desk->session, FALSE);
  g_assert_null (rtk_retake_session_get_preview (desk->session));
  g_assert_null (desk->analyser->preview);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  desk_test ("retake/whole-way", test_whole_way);
  desk_test ("retake/not-found", test_not_found);
  desk_test ("retake/not-retakable", test_not_retakable);
  desk_test ("retake/wrong-time", test_wrong_time);
  desk_test ("retake/film-strip", test_film_strip);
  desk_test ("retake/chips-follow", test_chips_follow);
  desk_test ("retake/gated", test_gated);
  desk_test ("retake/needless-override", test_needless_override);
  desk_test ("retake/shot-fails", test_shot_fails);
  desk_test ("retake/take-still", test_take_still);
  desk_test ("retake/old-photo-here", test_old_photo_here);
  desk_test ("retake/old-photo-fetched", test_old_photo_fetched);
  desk_test ("retake/old-photo-named", test_old_photo_named);
  desk_test ("retake/old-photo-offline", test_old_photo_offline);
  desk_test ("retake/scan", test_scan);
  desk_test ("retake/order-changes", test_order_changes);
  desk_test ("retake/pack", test_pack);
  desk_test ("retake/preview", test_preview);
  return g_test_run ();
}
