/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sessions on the real store and vault: what the scripted ones promise must hold there. */
#include "../store/store-fixture.h"
#include "core/rtk-error.h"
#include "session/rtk-retake-session.h"
#include "session/rtk-sync-session.h"
#include "support/rtk-test-analyser.h"
#include "support/rtk-test-camera.h"
#include "support/rtk-test-main.h"
#include "support/rtk-test-transport.h"

typedef struct {
  Fixture           station;
  RtkRulePack      *pack;
  RtkTestCamera    *camera;
  RtkTestAnalyser  *analyser;
  RtkTestTransport *transport;
  RtkRetakeSession *session;
  RtkSyncSession   *sync;
} Desk;

static void
start (Desk *desk)
{
  RtkVault *vault = rtk_sqlite_store_get_vault (desk->station.store);

  desk->session = rtk_retake_session_new (
      RTK_CAMERA (desk->camera), RTK_ANALYSER (desk->analyser), RTK_STORE (desk->station.store),
      vault, RTK_TRANSPORT (desk->transport), RTK_CLOCK (desk->station.clock), desk->pack);
  desk->sync =
      rtk_sync_session_new (RTK_STORE (desk->station.store), vault, RTK_TRANSPORT (desk->transport),
                            RTK_CLOCK (desk->station.clock));
}

static void
stop (Desk *desk)
{
  rtk_test_drain ();
  g_assert_finalize_object (desk->session);
  g_assert_finalize_object (desk->sync);
}

static void
set_up (Desk *desk, gconstpointer data)
{
  fixture_set_up (&desk->station, NULL);
  g_assert_true (fixture_apply (&desk->station, "epoch-1", "c0", FALSE,
                                fixture_order (1, 3, "rejected"), fixture_order (2, 3, "rejected"),
                                NULL));
  desk->pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  desk->camera = rtk_test_camera_new ();
  desk->analyser = rtk_test_analyser_new (desk->pack);
  desk->transport = rtk_test_transport_new ();
  rtk_camera_start (RTK_CAMERA (desk->camera));
  start (desk);
}

static void
tear_down (Desk *desk, gconstpointer data)
{
  stop (desk);
  g_assert_finalize_object (desk->camera);
  g_assert_finalize_object (desk->analyser);
  g_assert_finalize_object (desk->transport);
  rtk_rule_pack_unref (desk->pack);
  fixture_tear_down (&desk->station, NULL);
}

#define wait_state(desk, expected)                                                                 \
  rtk_test_wait_for (rtk_retake_session_get_state ((desk)->session) == RTK_SESSION_##expected)

static void
shoot (Desk *desk, const char *code)
{
  guint64 serial;

  g_assert_true (rtk_retake_session_open_code (desk->session, code));
  wait_state (desk, LIVE);
  serial = rtk_test_camera_push_frame (desk->camera);
  rtk_test_wait_for (rtk_retake_session_get_report_frame_serial (desk->session) == serial);
  g_assert_true (rtk_retake_session_shoot (desk->session));
  wait_state (desk, SHOT);
}

static void
submit (Desk *desk)
{
  g_assert_true (rtk_retake_session_submit (desk->session, FIXTURE_STAFF));
  wait_state (desk, SUBMITTED);
}

static gboolean
run_round (Desk *desk, RtkSyncCounts *counts)
{
  g_autoptr (GAsyncResult) result = NULL;

  rtk_sync_session_sync_once_async (desk->sync, NULL, rtk_test_result_cb, &result);
  rtk_test_wait_for (result != NULL);
  return rtk_sync_session_sync_once_finish (desk->sync, result, counts, NULL);
}

static void
release (Desk *desk)
{
  rtk_test_clock_advance (desk->station.clock, 20 * G_TIME_SPAN_SECOND);
  rtk_retake_session_settle (desk->session);
  wait_state (desk, IDLE);
}

/* Scan, shoot, submit, undo, submit again, next person, sync: one submission arrives. */
static void
test_whole_way (Desk *desk, gconstpointer data)
{
  g_autoptr (GPtrArray) items = NULL;
  RtkSyncCounts counts;

  shoot (desk, FIXTURE_CODE "-1");
  submit (desk);
  g_assert_cmpuint (rtk_store_get_outbox_length (RTK_STORE (desk->station.store)), ==, 1);
  g_assert_true (run_round (desk, &counts)); /* held: not sent */
  g_assert_cmpuint (counts.applied, ==, 0);
  g_assert_true (rtk_retake_session_undo (desk->session));
  wait_state (desk, SHOT);
  g_assert_cmpuint (rtk_store_get_outbox_length (RTK_STORE (desk->station.store)), ==, 0);
  submit (desk);
  shoot (desk, FIXTURE_CODE "-2");
  g_assert_false (rtk_retake_session_undo (desk->session));
  g_assert_true (run_round (desk, &counts));
  g_assert_cmpuint (counts.applied, ==, 1);
  g_assert_cmpuint (counts.uploaded, ==, 5); /* original, alpha, delivered, certificate, report */
  g_assert_cmpuint (g_hash_table_size (desk->transport->applied), ==, 1);
  items = fixture_list_outbox (desk->station.store, FALSE);
  g_assert_cmpuint (items->len, ==, 1);
  g_assert_cmpint (((RtkOutboxItem *)g_ptr_array_index (items, 0))->state, ==, RTK_OPERATION_DONE);
}

/* Released by its time at the store before the session has looked at the clock. */
static void
test_undo_too_late (Desk *desk, gconstpointer data)
{
  RtkSyncCounts counts;

  shoot (desk, FIXTURE_CODE "-1");
  submit (desk);
  rtk_test_clock_advance (desk->station.clock, 20 * G_TIME_SPAN_SECOND);
  g_assert_true (run_round (desk, &counts));
  g_assert_cmpuint (counts.applied, ==, 1);
  g_assert_true (rtk_retake_session_undo (desk->session));
  wait_state (desk, IDLE);
  g_assert_cmpint (rtk_retake_session_get_message (desk->session), ==,
                   RTK_SESSION_MESSAGE_UNDO_TOO_LATE);
}

/* The server goes away, the answer is lost, the program starts again: one submission. */
static void
test_away_and_back (Desk *desk, gconstpointer data)
{
  RtkSyncCounts counts;

  shoot (desk, FIXTURE_CODE "-1");
  submit (desk);
  release (desk);
  desk->transport->offline = TRUE;
  g_assert_false (run_round (desk, &counts));
  desk->transport->offline = FALSE;
  desk->transport->lose_answers = 1;
  g_assert_false (run_round (desk, &counts)); /* at once: it is not its fault */
  g_assert_cmpuint (counts.uploaded, ==, 5);
  g_assert_cmpuint (g_hash_table_size (desk->transport->applied), ==, 1);
  stop (desk);
  fixture_reopen (&desk->station);
  start (desk);
  g_assert_true (run_round (desk, &counts));
  g_assert_cmpuint (counts.duplicate, ==, 1);
  g_assert_cmpuint (counts.uploaded, ==, 0);
  g_assert_cmpuint (g_hash_table_size (desk->transport->applied), ==, 1);
  g_assert_cmpuint (rtk_store_get_outbox_length (RTK_STORE (desk->station.store)), ==, 0);
}

/* The server misses photos that were sent before: all five are offered again. */
static void
test_photos_lost_there (Desk *desk, gconstpointer data)
{
  RtkSyncCounts counts;
  g_autoptr (GPtrArray) items = NULL;
  const char *id;

  shoot (desk, FIXTURE_CODE "-1");
  submit (desk);
  release (desk);
  items = fixture_list_outbox (desk->station.store, TRUE);
  g_assert_cmpuint (items->len, ==, 1);
  id = rtk_operation_get_id (((RtkOutboxItem *)g_ptr_array_index (items, 0))->operation);
  g_hash_table_insert (desk->transport->outcomes, g_strdup (id),
                       GINT_TO_POINTER (RTK_OUTCOME_RETRY));
  g_assert_false (run_round (desk, &counts));
  g_assert_cmpuint (counts.uploaded, ==, 10);
  g_assert_cmpuint (counts.failed, ==, 1);
  g_hash_table_remove_all (desk->transport->outcomes);
  rtk_test_clock_advance (desk->station.clock, G_TIME_SPAN_HOUR);
  g_assert_true (run_round (desk, &counts));
  g_assert_cmpuint (counts.uploaded, ==, 5);
  g_assert_cmpuint (counts.applied, ==, 1);
}

/* The server was restored and has forgotten: everything is sent again in the same round. */
static void
test_new_epoch (Desk *desk, gconstpointer data)
{
  RtkSyncCounts counts;

  shoot (desk, FIXTURE_CODE "-1");
  submit (desk);
  release (desk);
  g_assert_true (run_round (desk, &counts));
  g_assert_cmpuint (counts.applied, ==, 1);
  g_hash_table_remove_all (desk->transport->applied);
  g_free (desk->transport->epoch);
  desk->transport->epoch = g_strdup ("epoch-2");
  g_assert_true (run_round (desk, &counts));
  g_assert_cmpuint (counts.applied, ==, 1);
  g_assert_cmpuint (counts.uploaded, ==, 5);
}

/* A certificate of the delivered photo lies in the vault, signed by this station. */
static void
test_signed (Desk *desk, gconstpointer data)
{
  RtkPhoto *photo;

  shoot (desk, FIXTURE_CODE "-1");
  photo = rtk_attempt_get_photo (rtk_retake_session_get_chosen (desk->session));
  g_assert_false (rtk_certificate_is_signed (photo->certificate));
  submit (desk);
  g_assert_true (rtk_certificate_is_signed (photo->certificate));
  g_assert_true (rtk_certificate_check_signature (photo->certificate, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function)                                                                        \
  g_test_add ("/session/disk/" name, Desk, NULL, set_up, function, tear_down)
  ADD ("whole-way", test_whole_way);
  ADD ("undo-too-late", test_undo_too_late);
  ADD ("away-and-back", test_away_and_back);
  ADD ("photos-lost-there", test_photos_lost_there);
  ADD ("new-epoch", test_new_epoch);
  ADD ("signed", test_signed);
  return g_test_run ();
}
