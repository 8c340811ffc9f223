/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "session/rtk-sync-session.h"
#include "support/rtk-test-clock.h"
#include "support/rtk-test-main.h"
#include "support/rtk-test-store.h"
#include "support/rtk-test-transport.h"
#include "support/rtk-test-values.h"

typedef struct {
  RtkTestClock     *clock;
  RtkTestVault     *vault;
  RtkTestStore     *store;
  RtkTestTransport *transport;
  RtkSyncSession   *sync;
  RtkSyncCounts     counts;
  GError           *error; /* (owned) (nullable) */
} Line;

static void
set_up (Line *line, gconstpointer data)
{
  line->clock = rtk_test_clock_new (1780300800000000);
  line->vault = rtk_test_vault_new ();
  line->store = rtk_test_store_new (line->vault, RTK_CLOCK (line->clock));
  line->transport = rtk_test_transport_new ();
  line->sync = rtk_sync_session_new (RTK_STORE (line->store), RTK_VAULT (line->vault),
                                     RTK_TRANSPORT (line->transport), RTK_CLOCK (line->clock));
}

static void
tear_down (Line *line, gconstpointer data)
{
  g_clear_error (&line->error);
  rtk_sync_session_stop (line->sync);
  rtk_test_drain ();
  g_assert_finalize_object (line->sync);
  g_assert_finalize_object (line->store);
  g_assert_finalize_object (line->vault);
  g_assert_finalize_object (line->transport);
  g_assert_finalize_object (line->clock);
}

/* One round; counts and error are in @line. */
static gboolean
run_round (Line *line)
{
  g_autoptr (GAsyncResult) result = NULL;

  g_clear_error (&line->error);
  rtk_sync_session_sync_once_async (line->sync, NULL, rtk_test_result_cb, &result);
  rtk_test_wait_for (result != NULL);
  return rtk_sync_session_sync_once_finish (line->sync, result, &line->counts, &line->error);
}

/* An operation with two photos of its own in the vault. */
static const char *
add (Line *line, guint n)
{
  g_autofree char *first = g_strdup_printf ("first %u", n);
  g_autofree char *second = g_strdup_printf ("second %u", n);
  const char      *blobs[] = {rtk_test_vault_add (line->vault, first),
                              rtk_test_vault_add (line->vault, second), NULL};
  RtkOutboxItem   *item =
      rtk_test_store_add_operation (line->store, rtk_test_operation_new (n, blobs), blobs);

  return rtk_operation_get_id (item->operation);
}

#define assert_item(line, id, expected)                                                            \
  g_assert_cmpstr (rtk_operation_state_to_string (rtk_test_store_find ((line)->store, id)->state), \
                   ==, rtk_operation_state_to_string (RTK_OPERATION_##expected))

static void
test_round (Line *line, gconstpointer data)
{
  const char *first = add (line, 1);
  const char *second = add (line, 2);

  rtk_test_transport_add_page (line->transport, "epoch-1", "c1", 7, 1, TRUE);
  rtk_test_transport_add_page (line->transport, "epoch-1", "c2", 8, 1, TRUE);
  rtk_test_transport_add_page (line->transport, "epoch-1", "c3", 9, 1, FALSE);
  g_assert_true (run_round (line));
  g_assert_no_error (line->error);
  assert_item (line, first, DONE);
  assert_item (line, second, DONE);
  g_assert_cmpuint (line->counts.applied, ==, 2);
  g_assert_cmpuint (line->counts.uploaded, ==, 4);
  g_assert_cmpuint (line->counts.pulled, ==, 3);
  g_assert_cmpuint (line->transport->n_pushes, ==, 1);
  g_assert_cmpuint (line->store->orders->len, ==, 3);
  g_assert_cmpstr (line->store->cursor, ==, "c3");
  g_assert_cmpuint (rtk_sync_session_get_waiting (line->sync), ==, 0);
  g_assert_cmpint (rtk_sync_session_get_last_sync (line->sync), ==,
                   rtk_clock_now (RTK_CLOCK (line->clock)));

  /* Nothing is left to do: a second round sends nothing and goes on from the cursor. */
  g_assert_true (run_round (line));
  g_assert_cmpuint (line->counts.applied, ==, 0);
  g_assert_cmpuint (line->transport->n_pushes, ==, 1);
  g_assert_cmpstr (g_ptr_array_index (line->transport->cursors, 0), ==, "");
  g_assert_cmpstr (g_ptr_array_index (line->transport->cursors, 1), ==, "c1");
  g_assert_cmpstr (g_ptr_array_index (line->transport->cursors, 3), ==, "c3");
}

static void
test_held_stays (Line *line, gconstpointer data)
{
  const char *id = add (line, 1);

  rtk_test_store_find (line->store, id)->state = RTK_OPERATION_HELD;
  rtk_test_store_find (line->store, id)->release_at =
      rtk_clock_now (RTK_CLOCK (line->clock)) + G_TIME_SPAN_SECOND;
  g_assert_true (run_round (line));
  assert_item (line, id, HELD);
  g_assert_cmpuint (line->transport->n_pushes, ==, 0);
  rtk_test_clock_advance (line->clock, G_TIME_SPAN_SECOND);
  g_assert_true (run_round (line));
  assert_item (line, id, DONE);
}

static void
test_offline (Line *line, gconstpointer data)
{
  const char *id = add (line, 1);

  line->transport->offline = TRUE;
  g_assert_false (run_round (line));
  g_assert_error (line->error, RTK_ERROR, RTK_ERROR_OFFLINE);
  g_assert_cmpint (rtk_sync_session_get_state (line->sync), ==, RTK_SYNC_OFFLINE);
  assert_item (line, id, WAITING);
  g_assert_null (rtk_test_store_find (line->store, id)->last_error); /* not its fault */
  g_assert_cmpint (rtk_sync_session_get_offline_since (line->sync), ==,
                   rtk_clock_now (RTK_CLOCK (line->clock)));
  line->transport->offline = FALSE;
  g_assert_true (run_round (line));
  assert_item (line, id, DONE);
  g_assert_cmpint (rtk_sync_session_get_offline_since (line->sync), ==, 0);
  g_assert_cmpint (rtk_sync_session_get_state (line->sync), ==, RTK_SYNC_IDLE);
}

/* Done by the server, but the answer was lost: sent again, found there, once only. */
static void
test_lost_answer (Line *line, gconstpointer data)
{
  const char *id = add (line, 1);

  line->transport->lose_answers = 1;
  g_assert_false (run_round (line));
  assert_item (line, id, WAITING);
  g_assert_cmpuint (g_hash_table_size (line->transport->applied), ==, 1);
  g_assert_true (run_round (line));
  assert_item (line, id, DONE);
  g_assert_cmpuint (line->counts.duplicate, ==, 1);
  g_assert_cmpuint (line->counts.applied, ==, 0);
  g_assert_cmpuint (line->counts.uploaded, ==, 0);
  g_assert_cmpuint (g_hash_table_size (line->transport->applied), ==, 1);
}

static void
test_outcomes (Line *line, gconstpointer data)
{
  const char *good = add (line, 1);
  const char *conflict = add (line, 2);
  const char *refused = add (line, 3);
  const char *duplicate = add (line, 4);

  g_hash_table_insert (line->transport->outcomes, g_strdup (conflict),
                       GINT_TO_POINTER (RTK_OUTCOME_CONFLICT));
  g_hash_table_insert (line->transport->outcomes, g_strdup (refused),
                       GINT_TO_POINTER (RTK_OUTCOME_REFUSED));
  g_hash_table_add (line->transport->applied, g_strdup (duplicate));
  g_assert_true (run_round (line)); /* answers, not errors */
  assert_item (line, good, DONE);
  assert_item (line, conflict, CONFLICT);
  assert_item (line, refused, REFUSED);
  assert_item (line, duplicate, DONE);
  g_assert_cmpuint (line->counts.applied, ==, 1);
  g_assert_cmpuint (line->counts.conflict, ==, 1);
  g_assert_cmpuint (line->counts.refused, ==, 1);
  g_assert_cmpuint (line->counts.duplicate, ==, 1);
  g_assert_cmpuint (rtk_sync_session_get_attention (line->sync), ==, 2);
  g_assert_cmpstr (rtk_test_store_find (line->store, refused)->last_error, ==, "As the test says");
  /* They wait for a person: no round touches them again. */
  g_assert_true (run_round (line));
  g_assert_cmpuint (line->transport->n_pushes, ==, 1);
}

/* One photo cannot be read: its operation waits, all others go. */
static void
test_missing_blob (Line *line, gconstpointer data)
{
  const char *none[] = {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL};
  RtkOutboxItem *bad =
      rtk_test_store_add_operation (line->store, rtk_test_operation_new (1, none), none);
  const char *bad_id = rtk_operation_get_id (bad->operation);
  const char *good = add (line, 2);

  g_assert_false (run_round (line));
  g_assert_error (line->error, RTK_ERROR, RTK_ERROR_NOT_FOUND);
  assert_item (line, bad_id, WAITING);
  assert_item (line, good, DONE);
  g_assert_cmpstr (bad->last_error, ==, "No such photo");
  g_assert_cmpuint (line->counts.failed, ==, 1);
  g_assert_cmpuint (line->counts.applied, ==, 1);
  g_assert_cmpuint (line->transport->cursors->len, ==, 1); /* the feed was read all the same */
}

/* One operation makes the server fall over: the others are sent one by one. */
static void
test_poison (Line *line, gconstpointer data)
{
  const char *ids[5];

  for (guint i = 0; i < 5; i++)
    ids[i] = add (line, i + 1);
  line->transport->poison = g_strdup (ids[2]);
  g_assert_false (run_round (line));
  g_assert_error (line->error, RTK_ERROR, RTK_ERROR_SERVER);
  for (guint i = 0; i < 5; i++) {
    if (i == 2)
      assert_item (line, ids[i], WAITING);
    else
      assert_item (line, ids[i], DONE);
  }
  g_assert_cmpuint (line->counts.failed, ==, 1);
  g_assert_cmpuint (line->transport->n_pushes, ==, 6);
  /* The exchange as such is well: no back-off for those that come after. */
  g_assert_cmpint (rtk_sync_session_get_state (line->sync), ==, RTK_SYNC_IDLE);
  g_assert_error (rtk_sync_session_get_error (line->sync), RTK_ERROR, RTK_ERROR_SERVER);
}

static void
test_silent_answer (Line *line, gconstpointer data)
{
  const char *first = add (line, 1);
  const char *second = add (line, 2);

  line->transport->silent = g_strdup (first);
  g_assert_false (run_round (line));
  assert_item (line, first, WAITING);
  assert_item (line, second, DONE);
}

/* The server has lost a photo that was marked as uploaded: it is sent again, in the same round. */
static void
test_photo_missing_there (Line *line, gconstpointer data)
{
  const char *first = add (line, 1);
  const char *second = add (line, 2);

  line->transport->require_photos = TRUE;
  g_ptr_array_set_size (rtk_test_store_find (line->store, first)->blobs, 0);
  g_assert_true (run_round (line));
  assert_item (line, first, DONE);
  assert_item (line, second, DONE);
  g_assert_cmpuint (line->counts.applied, ==, 2);
  g_assert_cmpuint (line->counts.uploaded, ==, 4);
  g_assert_cmpuint (line->transport->n_pushes, ==, 2);
}

/* It asks for ever: that is one operation's trouble, not an endless round. */
static void
test_photo_missing_for_ever (Line *line, gconstpointer data)
{
  const char *first = add (line, 1);
  const char *second = add (line, 2);

  g_hash_table_insert (line->transport->outcomes, g_strdup (first),
                       GINT_TO_POINTER (RTK_OUTCOME_RETRY));
  g_assert_false (run_round (line));
  assert_item (line, first, WAITING);
  assert_item (line, second, DONE);
  g_assert_cmpuint (line->transport->n_pushes, ==, 2);
}

static void
test_new_epoch (Line *line, gconstpointer data)
{
  const char *id = add (line, 1);

  rtk_test_transport_add_page (line->transport, "epoch-1", "c1", 7, 1, FALSE);
  g_assert_true (run_round (line));
  assert_item (line, id, DONE);
  g_hash_table_remove_all (line->transport->applied);
  /* Restored: what it says to the old cursor is not taken, it is asked from the beginning. */
  rtk_test_transport_add_page (line->transport, "epoch-2", "d1", 8, 1, FALSE);
  rtk_test_transport_add_page (line->transport, "epoch-2", "d9", 9, 1, FALSE);
  g_assert_true (run_round (line));
  g_assert_cmpstr (g_ptr_array_index (line->transport->cursors, 1), ==, "c1");
  g_assert_cmpstr (g_ptr_array_index (line->transport->cursors, 2), ==, "");
  g_assert_cmpstr (line->store->cursor, ==, "d9");
  g_assert_cmpuint (line->store->n_pages, ==, 2);
  /* What it has lost is sent again in the same round. */
  assert_item (line, id, DONE);
  g_assert_cmpuint (line->counts.applied, ==, 1);
}

/* The program ended in the middle of a push: what was being sent is sent again. */
static void
test_recovers (Line *line, gconstpointer data)
{
  const char *id = add (line, 1);

  rtk_test_store_find (line->store, id)->state = RTK_OPERATION_SENDING;
  g_assert_true (run_round (line));
  assert_item (line, id, DONE);
}

/* The server asks for the photos of two and goes away then: both wait, and both go later. */
static void
test_asked_then_offline (Line *line, gconstpointer data)
{
  const char *ids[] = {add (line, 1), add (line, 2)};
  g_autoptr (GAsyncResult) result = NULL;

  line->transport->require_photos = TRUE;
  for (guint i = 0; i < 2; i++)
    g_ptr_array_set_size (rtk_test_store_find (line->store, ids[i])->blobs, 0);
  line->transport->hold = TRUE;
  rtk_sync_session_sync_once_async (line->sync, NULL, rtk_test_result_cb, &result);
  rtk_test_wait_for (line->transport->n_pushes == 1);
  rtk_test_transport_answer (line->transport);
  line->transport->hold = FALSE;
  line->transport->offline = TRUE;
  rtk_test_wait_for (result != NULL);
  g_assert_false (rtk_sync_session_sync_once_finish (line->sync, result, NULL, &line->error));
  g_assert_error (line->error, RTK_ERROR, RTK_ERROR_OFFLINE);

  line->transport->offline = FALSE;
  g_assert_true (run_round (line));
  for (guint i = 0; i < 2; i++)
    assert_item (line, ids[i], DONE);
}

/* The server has done it, but the store could not write that down: it is asked again. */
static void
test_answer_not_written (Line *line, gconstpointer data)
{
  const char *id = add (line, 1);
  g_autoptr (GAsyncResult) result = NULL;

  line->transport->hold = TRUE;
  rtk_sync_session_sync_once_async (line->sync, NULL, rtk_test_result_cb, &result);
  rtk_test_wait_for (line->transport->n_pushes == 1);
  line->store->fail_next = g_error_new (RTK_ERROR, RTK_ERROR_DISK_FULL, "The disk");
  line->transport->hold = FALSE;
  rtk_test_transport_answer (line->transport);
  rtk_test_wait_for (result != NULL);
  g_assert_false (rtk_sync_session_sync_once_finish (line->sync, result, NULL, &line->error));
  g_assert_error (line->error, RTK_ERROR, RTK_ERROR_DISK_FULL);

  g_assert_true (run_round (line));
  assert_item (line, id, DONE);
  g_assert_cmpuint (line->counts.duplicate, ==, 1);
}

/* The wall clock is set back by days: the exchange does not wait for days. */
static void
test_clock_set_back (Line *line, gconstpointer data)
{
  const char *id = add (line, 1);

  line->transport->offline = TRUE;
  rtk_sync_session_start (line->sync);
  rtk_test_wait_for (rtk_sync_session_get_state (line->sync) == RTK_SYNC_OFFLINE);
  line->transport->offline = FALSE;
  rtk_test_clock_set_wall (line->clock, -2 * G_TIME_SPAN_DAY);
  rtk_sync_session_settle (line->sync);
  g_assert_cmpint (rtk_sync_session_get_state (line->sync), ==, RTK_SYNC_WORKING);
  rtk_test_wait_for (rtk_sync_session_get_state (line->sync) == RTK_SYNC_IDLE);
  assert_item (line, id, DONE);
}

static void
test_signed_out (Line *line, gconstpointer data)
{
  const char *id = add (line, 1);

  rtk_test_transport_set_state (line->transport, RTK_SERVER_SIGNED_OUT);
  rtk_sync_session_start (line->sync);
  g_assert_cmpint (rtk_sync_session_get_state (line->sync), ==, RTK_SYNC_SIGNED_OUT);
  g_assert_cmpint (rtk_sync_session_get_next_try (line->sync), ==, 0);
  g_assert_false (run_round (line));
  g_assert_error (line->error, RTK_ERROR, RTK_ERROR_UNAUTHORIZED);
  assert_item (line, id, WAITING);
}

static void
test_sign_in (Line *line, gconstpointer data)
{
  g_autoptr (GAsyncResult) wrong = NULL;
  g_autoptr (GAsyncResult) right = NULL;
  const char *id = add (line, 1);

  rtk_test_transport_set_state (line->transport, RTK_SERVER_SIGNED_OUT);
  rtk_sync_session_start (line->sync);
  rtk_sync_session_sign_in_async (line->sync, "li", "wrong", NULL, rtk_test_result_cb, &wrong);
  rtk_test_wait_for (wrong != NULL);
  g_assert_false (rtk_sync_session_sign_in_finish (line->sync, wrong, &line->error));
  g_assert_error (line->error, RTK_ERROR, RTK_ERROR_UNAUTHORIZED);
  g_clear_error (&line->error);
  g_assert_null (line->store->station_id);

  rtk_sync_session_sign_in_async (line->sync, "li", "right", NULL, rtk_test_result_cb, &right);
  rtk_test_wait_for (right != NULL);
  g_assert_true (rtk_sync_session_sign_in_finish (line->sync, right, &line->error));
  g_assert_no_error (line->error);
  g_assert_cmpstr (line->store->station_id, ==, "station-1");
  g_assert_cmpuint (g_bytes_get_size (line->store->code_key), ==, 32);
  /* The outbox goes by itself now. */
  rtk_test_wait_for (rtk_sync_session_get_state (line->sync) == RTK_SYNC_IDLE);
  assert_item (line, id, DONE);
}

/* Rounds begin by themselves: after the interval, when something is released, and after a
 * back-off that grows while the server is away. */
static void
test_by_itself (Line *line, gconstpointer data)
{
  gint64 last = 0, wait;

  rtk_sync_session_start (line->sync);
  rtk_test_wait_for (rtk_sync_session_get_state (line->sync) == RTK_SYNC_IDLE);
  wait = rtk_sync_session_get_next_try (line->sync) - rtk_clock_now (RTK_CLOCK (line->clock));
  g_assert_cmpint (wait, ==, 15 * G_TIME_SPAN_SECOND);

  line->transport->offline = TRUE;
  for (guint i = 1; i <= 12; i++) {
    gint64 most = MIN (1 << i, 300) * G_TIME_SPAN_SECOND;

    rtk_test_clock_advance (line->clock, wait);
    rtk_sync_session_settle (line->sync);
    g_assert_cmpint (rtk_sync_session_get_state (line->sync), ==, RTK_SYNC_WORKING);
    rtk_test_wait_for (rtk_sync_session_get_state (line->sync) == RTK_SYNC_OFFLINE);
    wait = rtk_sync_session_get_next_try (line->sync) - rtk_clock_now (RTK_CLOCK (line->clock));
    g_assert_cmpint (wait, >=, most / 2);
    g_assert_cmpint (wait, <=, most);
    last = most;
  }
  g_assert_cmpint (last, ==, 300 * G_TIME_SPAN_SECOND);

  /* Not a moment before it is due, but at once when somebody asks. */
  rtk_test_clock_advance (line->clock, wait - 1);
  rtk_sync_session_settle (line->sync);
  g_assert_cmpint (rtk_sync_session_get_state (line->sync), ==, RTK_SYNC_OFFLINE);
  line->transport->offline = FALSE;
  rtk_sync_session_poke (line->sync);
  rtk_test_wait_for (rtk_sync_session_get_state (line->sync) == RTK_SYNC_IDLE);
}

static void
test_outbox_wakes (Line *line, gconstpointer data)
{
  const char *id;
  gint64      wait;

  rtk_sync_session_start (line->sync);
  rtk_test_wait_for (rtk_sync_session_get_state (line->sync) == RTK_SYNC_IDLE);
  id = add (line, 1);
  rtk_store_emit_outbox_changed (RTK_STORE (line->store));
  wait = rtk_sync_session_get_next_try (line->sync) - rtk_clock_now (RTK_CLOCK (line->clock));
  g_assert_cmpint (wait, <=, G_TIME_SPAN_SECOND);
  rtk_test_clock_advance (line->clock, wait);
  rtk_sync_session_settle (line->sync);
  rtk_test_wait_for (rtk_sync_session_get_state (line->sync) == RTK_SYNC_IDLE);
  assert_item (line, id, DONE);
}

/* Stopped in the middle of a push: nothing is marked as being sent for ever. */
static void
test_stop_while_pushing (Line *line, gconstpointer data)
{
  const char *id = add (line, 1);

  line->transport->hold = TRUE;
  rtk_sync_session_start (line->sync);
  rtk_test_wait_for (line->transport->n_pushes == 1);
  assert_item (line, id, SENDING);
  rtk_sync_session_stop (line->sync);
  rtk_test_transport_answer (line->transport);
  rtk_test_wait_for (rtk_sync_session_get_state (line->sync) == RTK_SYNC_STOPPED);
  assert_item (line, id, WAITING);
  line->transport->hold = FALSE;
  g_assert_true (run_round (line));
  assert_item (line, id, DONE);
}

/* What is put into the outbox while a round runs goes in the same round. */
static void
test_added_meanwhile (Line *line, gconstpointer data)
{
  const char *first = add (line, 1), *second;
  g_autoptr (GAsyncResult) result = NULL;

  line->transport->hold = TRUE;
  rtk_sync_session_sync_once_async (line->sync, NULL, rtk_test_result_cb, &result);
  rtk_test_wait_for (line->transport->n_pushes == 1);
  second = add (line, 2);
  line->transport->hold = FALSE;
  rtk_test_transport_answer (line->transport);
  rtk_test_wait_for (result != NULL);
  g_assert_true (rtk_sync_session_sync_once_finish (line->sync, result, &line->counts, NULL));
  assert_item (line, first, DONE);
  assert_item (line, second, DONE);
  g_assert_cmpuint (line->counts.applied, ==, 2);
}

/* More than one batch, and the store fails once in the middle: nothing is lost or doubled. */
static void
test_many (Line *line, gconstpointer data)
{
  for (guint i = 1; i <= 120; i++)
    add (line, i);
  line->store->fail_next = g_error_new (RTK_ERROR, RTK_ERROR_STORAGE, "The disk");
  g_assert_false (run_round (line));
  g_assert_error (line->error, RTK_ERROR, RTK_ERROR_STORAGE);
  g_assert_cmpint (rtk_sync_session_get_state (line->sync), ==, RTK_SYNC_FAILED);
  g_assert_true (run_round (line));
  g_assert_cmpuint (line->counts.applied + line->counts.duplicate, ==, 120);
  g_assert_cmpuint (g_hash_table_size (line->transport->applied), ==, 120);
  g_assert_cmpuint (rtk_sync_session_get_waiting (line->sync), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function)                                                                        \
  g_test_add ("/session/sync/" name, Line, NULL, set_up, function, tear_down)
  ADD ("round", test_round);
  ADD ("held-stays", test_held_stays);
  ADD ("offline", test_offline);
  ADD ("lost-answer", test_lost_answer);
  ADD ("outcomes", test_outcomes);
  ADD ("missing-blob", test_missing_blob);
  ADD ("poison", test_poison);
  ADD ("silent-answer", test_silent_answer);
  ADD ("photo-missing-there", test_photo_missing_there);
  ADD ("photo-missing-for-ever", test_photo_missing_for_ever);
  ADD ("new-epoch", test_new_epoch);
  ADD ("recovers", test_recovers);
  ADD ("asked-then-offline", test_asked_then_offline);
  ADD ("answer-not-written", test_answer_not_written);
  ADD ("clock-set-back", test_clock_set_back);
  ADD ("signed-out", test_signed_out);
  ADD ("sign-in", test_sign_in);
  ADD ("by-itself", test_by_itself);
  ADD ("outbox-wakes", test_outbox_wakes);
  ADD ("stop-while-pushing", test_stop_while_pushing);
  ADD ("added-meanwhile", test_added_meanwhile);
  ADD ("many", test_many);
  return g_test_run ();
}
