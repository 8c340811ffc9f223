/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "store-fixture.h"

#include <string.h>

static RtkOperation *
commit (Fixture *self, guint number, gint64 hold)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) order = fixture_order (number, 3, "rejected");
  g_autoptr (RtkPhoto) photo = fixture_photo (number, 100000);
  RtkOperation *operation = fixture_commit (self, order, photo, FIXTURE_NOW + hold, &error);

  g_assert_no_error (error);
  return operation;
}

static void
test_commit (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) order = fixture_order (7, 3, "rejected");
  g_autoptr (RtkPhoto) photo = fixture_photo (7, 200000);
  g_autoptr (RtkOperation) operation = NULL;
  g_autoptr (GPtrArray) items = NULL;
  g_autoptr (GBytes) original = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (RtkCertificate) certificate = NULL;
  RtkOutboxItem *item;
  JsonObject    *body;
  const char    *key_id = rtk_signer_get_key_id (rtk_sqlite_store_get_signer (self->store));

  operation = fixture_commit (self, order, photo, FIXTURE_NOW + 20 * G_TIME_SPAN_SECOND, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (rtk_store_get_outbox_length (RTK_STORE (self->store)), ==, 1);
  g_assert_true (rtk_operation_check_signature (operation, key_id));
  g_assert_cmpint (rtk_operation_get_base_revision (operation), ==, 3);
  g_assert_cmpstr (rtk_operation_get_actor (operation), ==, FIXTURE_STAFF);

  items = fixture_list_outbox (self->store, FALSE);
  g_assert_cmpuint (items->len, ==, 1);
  item = g_ptr_array_index (items, 0);
  g_assert_cmpint (item->state, ==, RTK_OPERATION_HELD);
  g_assert_cmpstr (rtk_operation_get_id (item->operation), ==, rtk_operation_get_id (operation));
  g_assert_true (rtk_operation_check_signature (item->operation, key_id));
  body = rtk_operation_get_body (item->operation);
  g_assert_cmpuint (item->blobs->len, ==, 5);
  g_assert_cmpstr (item->blobs->pdata[0], ==, photo->original.sha256);
  g_assert_cmpstr (item->blobs->pdata[2], ==, photo->delivered.sha256);
  g_assert_cmpstr (item->blobs->pdata[4], ==, json_object_get_string_member (body, "report"));

  original = fixture_read_blob (self->store, photo->original.sha256, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (original, photo->original.bytes));
  bytes =
      fixture_read_blob (self->store, json_object_get_string_member (body, "certificate"), &error);
  g_assert_no_error (error);
  certificate = rtk_certificate_from_bytes (bytes, &error);
  g_assert_no_error (error);
  g_assert_true (rtk_certificate_check_signature (certificate, &error));
  g_assert_cmpstr (rtk_certificate_get_string (certificate, "key"), ==, key_id);
  g_assert_cmpuint (fixture_count_files (self->folder), ==, 5);
}

/* Two parts of one attempt with the same content are one file, and it opens. */
static void
test_same_content (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) order = fixture_order (1, 3, "rejected");
  g_autoptr (RtkPhoto) photo = fixture_photo (1, 100000);
  g_autoptr (GBytes) original = g_bytes_ref (photo->original.bytes);
  g_autoptr (RtkOperation) operation = NULL;
  g_autoptr (GPtrArray) items = NULL;
  g_autoptr (GBytes) read = NULL;

  rtk_blob_clear (&photo->delivered);
  rtk_blob_init (&photo->delivered, original, "image/jpeg");
  operation = fixture_commit (self, order, photo, FIXTURE_NOW, &error);
  g_assert_no_error (error);
  read = fixture_read_blob (self->store, photo->original.sha256, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (read, original));
  items = fixture_list_outbox (self->store, TRUE);
  g_assert_cmpuint (((RtkOutboxItem *)items->pdata[0])->blobs->len, ==, 4);
  g_assert_cmpuint (fixture_count_files (self->folder), ==, 4);
}

/* Held until its time, then ready, then no longer to be taken back. */
static void
test_hold (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOperation) operation = commit (self, 1, 20 * G_TIME_SPAN_SECOND);
  g_autoptr (GPtrArray) before = fixture_list_outbox (self->store, TRUE);
  g_autoptr (GPtrArray) after = NULL;

  g_assert_cmpuint (before->len, ==, 0);
  g_assert_false (fixture_set_outbox (self, rtk_operation_get_id (operation), RTK_OPERATION_SENDING,
                                      NULL, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_STATE);
  g_clear_error (&error);
  rtk_test_clock_advance (self->clock, 20 * G_TIME_SPAN_SECOND);
  g_assert_false (fixture_undo (self, rtk_operation_get_id (operation), &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_STATE);
  after = fixture_list_outbox (self->store, TRUE);
  g_assert_cmpuint (after->len, ==, 1);
  g_assert_cmpint (((RtkOutboxItem *)after->pdata[0])->state, ==, RTK_OPERATION_WAITING);
}

/* What is taken back leaves nothing, not even the key of a photo; a photo that another attempt
 * still refers to stays. */
static void
test_undo (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) order = fixture_order (1, 3, "rejected");
  g_autoptr (RtkPhoto) photo = fixture_photo (1, 100000);
  g_autoptr (RtkOperation) kept = commit (self, 1, 20 * G_TIME_SPAN_SECOND);
  g_autoptr (RtkOperation) undone = NULL;
  g_autoptr (GPtrArray) items = NULL;
  g_autoptr (GBytes) bytes = NULL;

  /* The same picture once more: the vault holds one copy for both. */
  undone = fixture_commit (self, order, photo, FIXTURE_NOW + 20 * G_TIME_SPAN_SECOND, &error);
  g_assert_no_error (error);
  g_assert_true (fixture_undo (self, rtk_operation_get_id (undone), &error));
  g_assert_no_error (error);
  g_assert_false (fixture_undo (self, rtk_operation_get_id (undone), &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND);
  g_clear_error (&error);
  items = fixture_list_outbox (self->store, FALSE);
  g_assert_cmpuint (items->len, ==, 1);
  g_assert_cmpuint (fixture_count_files (self->folder), ==, 5);
  bytes = fixture_read_blob (self->store, photo->original.sha256, &error);
  g_assert_no_error (error);

  g_assert_true (fixture_undo (self, rtk_operation_get_id (kept), &error));
  g_assert_no_error (error);
  g_assert_cmpuint (fixture_count_files (self->folder), ==, 0);
  g_assert_cmpuint (rtk_store_get_outbox_length (RTK_STORE (self->store)), ==, 0);
  g_assert_null (fixture_read_blob (self->store, photo->original.sha256, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND);
}

static void
test_release (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOperation) operation = commit (self, 1, G_TIME_SPAN_DAY);
  g_autoptr (GPtrArray) items = NULL;
  Wait wait = {0};

  rtk_store_release_async (RTK_STORE (self->store), NULL, wait_cb, &wait);
  g_assert_true (rtk_store_done_finish (RTK_STORE (self->store), wait_for (&wait), &error));
  g_clear_object (&wait.result);
  items = fixture_list_outbox (self->store, TRUE);
  g_assert_cmpuint (items->len, ==, 1);
  g_assert_false (fixture_undo (self, rtk_operation_get_id (operation), &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_STATE);
}

/* A restart releases what was held and sends again what was on its way. */
static void
test_restart (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOperation) sending = commit (self, 1, 0);
  g_autoptr (RtkOperation) held = commit (self, 2, G_TIME_SPAN_DAY);
  g_autoptr (GPtrArray) before = fixture_list_outbox (self->store, TRUE);
  g_autoptr (GPtrArray) after = NULL;

  g_assert_cmpuint (before->len, ==, 1);
  g_assert_true (fixture_set_outbox (self, rtk_operation_get_id (sending), RTK_OPERATION_SENDING,
                                     NULL, &error));
  fixture_reopen (self);
  g_assert_cmpuint (rtk_store_get_outbox_length (RTK_STORE (self->store)), ==, 2);
  after = fixture_list_outbox (self->store, TRUE);
  g_assert_cmpuint (after->len, ==, 2);
  g_assert_cmpstr (rtk_operation_get_id (((RtkOutboxItem *)after->pdata[0])->operation), ==,
                   rtk_operation_get_id (sending));
}

/* The wall clock is set back by days: nothing backs off for days. */
static void
test_clock_set_back (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOperation) first = commit (self, 1, 0);
  g_autoptr (RtkOperation) second = commit (self, 1, 0);
  g_autoptr (GPtrArray) before = NULL;
  g_autoptr (GPtrArray) after = NULL;

  before = fixture_list_outbox (self->store, TRUE);
  g_assert_cmpuint (before->len, ==, 2);
  g_assert_true (fixture_set_outbox (self, rtk_operation_get_id (first), RTK_OPERATION_WAITING,
                                     "no answer", &error));
  g_clear_pointer (&before, g_ptr_array_unref);
  before = fixture_list_outbox (self->store, TRUE);
  g_assert_cmpuint (before->len, ==, 0);
  rtk_test_clock_set_wall (self->clock, -2 * G_TIME_SPAN_DAY);
  after = fixture_list_outbox (self->store, TRUE);
  g_assert_cmpuint (after->len, ==, 2);
  g_assert_cmpstr (rtk_operation_get_id (((RtkOutboxItem *)after->pdata[0])->operation), ==,
                   rtk_operation_get_id (first));
}

/* 2 s, 4 s, 8 s ... 5 min, each between half and all of it; "now" ends the waiting. */
static void
test_back_off (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOperation) operation = commit (self, 1, 0);
  const char *id = rtk_operation_get_id (operation);
  gint64      longest = 2 * G_TIME_SPAN_SECOND;
  gint64      now = FIXTURE_NOW;

  for (guint i = 1; i <= 12; i++) {
    g_autoptr (GPtrArray) ready = fixture_list_outbox (self->store, TRUE);
    g_autoptr (GPtrArray) waiting = NULL;
    g_autoptr (GPtrArray) all = NULL;
    RtkOutboxItem *item;

    g_assert_cmpuint (ready->len, ==, 1);
    g_assert_true (fixture_set_outbox (self, id, RTK_OPERATION_WAITING, "no answer", &error));
    waiting = fixture_list_outbox (self->store, TRUE);
    g_assert_cmpuint (waiting->len, ==, 0);
    all = fixture_list_outbox (self->store, FALSE);
    item = g_ptr_array_index (all, 0);
    g_assert_cmpuint (item->tries, ==, i);
    g_assert_cmpstr (item->last_error, ==, "no answer");
    g_assert_cmpint (item->next_try_at - now, >=, longest / 2);
    g_assert_cmpint (item->next_try_at - now, <=, longest);
    rtk_test_clock_advance (self->clock, longest);
    now += longest;
    longest = MIN (2 * longest, 5 * G_TIME_SPAN_MINUTE);
  }
  g_assert_true (fixture_set_outbox (self, id, RTK_OPERATION_WAITING, "no answer", &error));
  g_assert_true (fixture_set_outbox (self, id, RTK_OPERATION_WAITING, NULL, &error));
  {
    g_autoptr (GPtrArray) ready = fixture_list_outbox (self->store, TRUE);

    g_assert_cmpuint (ready->len, ==, 1);
  }
}

/* The second operation on an order waits for the first; other orders do not. */
static void
test_dependency (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) order = fixture_order (1, 3, "rejected");
  g_autoptr (RtkPhoto) photo = fixture_photo (50, 1000);
  g_autoptr (RtkOperation) first = commit (self, 1, 0);
  g_autoptr (RtkOperation) second = fixture_commit (self, order, photo, FIXTURE_NOW, &error);
  g_autoptr (RtkOperation) other = commit (self, 2, 0);
  g_autoptr (GPtrArray) all = fixture_list_outbox (self->store, TRUE);
  g_autoptr (GPtrArray) blocked = NULL;
  g_autoptr (GPtrArray) freed = NULL;

  g_assert_cmpuint (all->len, ==, 3);
  g_assert_true (fixture_set_outbox (self, rtk_operation_get_id (first), RTK_OPERATION_WAITING,
                                     "no answer", &error));
  blocked = fixture_list_outbox (self->store, TRUE);
  g_assert_cmpuint (blocked->len, ==, 1);
  g_assert_cmpstr (rtk_operation_get_id (((RtkOutboxItem *)blocked->pdata[0])->operation), ==,
                   rtk_operation_get_id (other));
  g_assert_true (
      fixture_settle (self, rtk_operation_get_id (first), RTK_OUTCOME_REFUSED, NULL, &error));
  freed = fixture_list_outbox (self->store, TRUE);
  g_assert_cmpuint (freed->len, ==, 2);
}

static void
assert_state (Fixture *self, const char *id, RtkOperationState state, const char *problem)
{
  g_autoptr (GPtrArray) items = fixture_list_outbox (self->store, FALSE);

  for (guint i = 0; i < items->len; i++) {
    RtkOutboxItem *item = g_ptr_array_index (items, i);

    if (strcmp (rtk_operation_get_id (item->operation), id) != 0)
      continue;
    g_assert_cmpint (item->state, ==, state);
    g_assert_cmpstr (item->last_error, ==, problem);
    return;
  }
  g_assert_not_reached ();
}

static void
test_settle (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOperation) applied = commit (self, 1, 0);
  g_autoptr (RtkOperation) conflict = commit (self, 2, 0);
  g_autoptr (RtkOperation) refused = commit (self, 3, 0);
  g_autoptr (RtkOrder) one = fixture_order (1, 4, "submitted");
  g_autoptr (RtkOrder) two = fixture_order (2, 9, "approved");
  g_autoptr (RtkOrder) seen = NULL;
  g_autoptr (RtkOrder) other = NULL;
  RtkStore *store = RTK_STORE (self->store);

  g_assert_true (
      fixture_settle (self, rtk_operation_get_id (applied), RTK_OUTCOME_APPLIED, one, &error));
  g_assert_true (
      fixture_settle (self, rtk_operation_get_id (conflict), RTK_OUTCOME_CONFLICT, two, &error));
  g_assert_true (
      fixture_settle (self, rtk_operation_get_id (refused), RTK_OUTCOME_REFUSED, NULL, &error));
  assert_state (self, rtk_operation_get_id (applied), RTK_OPERATION_DONE, NULL);
  assert_state (self, rtk_operation_get_id (conflict), RTK_OPERATION_CONFLICT, NULL);
  assert_state (self, rtk_operation_get_id (refused), RTK_OPERATION_REFUSED, "the order is closed");
  g_assert_cmpuint (rtk_store_get_outbox_length (store), ==, 1);
  seen = fixture_get_order (self->store, rtk_order_get_id (one), &error);
  g_assert_cmpint (rtk_order_get_revision (seen), ==, 4);
  other = fixture_get_order (self->store, rtk_order_get_id (two), &error);
  g_assert_cmpint (rtk_order_get_revision (other), ==, 9);

  /* Done is done; a conflict may be sent again when a person says so. */
  g_assert_false (fixture_set_outbox (self, rtk_operation_get_id (applied), RTK_OPERATION_WAITING,
                                      NULL, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_STATE);
  g_clear_error (&error);
  g_assert_true (fixture_set_outbox (self, rtk_operation_get_id (conflict), RTK_OPERATION_WAITING,
                                     NULL, &error));
  g_assert_false (fixture_settle (self, "019f1c2a-9999-7222-8333-000000000000", RTK_OUTCOME_APPLIED,
                                  NULL, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND);
}

/* Photos come before their operation; a server that misses one gets all of them again. */
static void
test_uploads (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOperation) operation = commit (self, 1, 0);
  g_autoptr (GPtrArray) items = fixture_list_outbox (self->store, TRUE);
  RtkOutboxItem *item = g_ptr_array_index (items, 0);

  for (guint i = 0; i < item->blobs->len; i++) {
    g_autoptr (GPtrArray) rest = NULL;
    Wait wait = {0};

    rtk_store_mark_uploaded_async (RTK_STORE (self->store), item->blobs->pdata[i], NULL, wait_cb,
                                   &wait);
    g_assert_true (rtk_store_done_finish (RTK_STORE (self->store), wait_for (&wait), &error));
    g_clear_object (&wait.result);
    rest = fixture_list_outbox (self->store, TRUE);
    g_assert_cmpuint (((RtkOutboxItem *)rest->pdata[0])->blobs->len, ==, item->blobs->len - 1 - i);
  }
  g_assert_true (
      fixture_settle (self, rtk_operation_get_id (operation), RTK_OUTCOME_RETRY, NULL, &error));
  rtk_test_clock_advance (self->clock, G_TIME_SPAN_MINUTE);
  {
    g_autoptr (GPtrArray) again = fixture_list_outbox (self->store, TRUE);

    g_assert_cmpuint (again->len, ==, 1);
    g_assert_cmpuint (((RtkOutboxItem *)again->pdata[0])->blobs->len, ==, 5);
  }
}

/* When the last row cannot be written nothing is there, neither rows nor files. */
static void
test_atomic (Fixture *self, gconstpointer table)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) order = fixture_order (1, 3, "rejected");
  g_autoptr (RtkPhoto) photo = fixture_photo (1, 100000);
  g_autoptr (RtkOperation) operation = NULL;
  g_autoptr (GPtrArray) items = NULL;
  g_autofree char *sql = g_strdup_printf ("CREATE TRIGGER broken BEFORE INSERT ON %s BEGIN"
                                          " SELECT RAISE(ABORT, 'broken on purpose'); END",
                                          (const char *)table);

  fixture_sql (self->folder, sql);
  g_assert_null (fixture_commit (self, order, photo, FIXTURE_NOW, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_STORAGE);
  g_clear_error (&error);
  items = fixture_list_outbox (self->store, FALSE);
  g_assert_cmpuint (items->len, ==, 0);
  g_assert_cmpuint (fixture_count_files (self->folder), ==, 0);
  g_assert_cmpuint (rtk_store_get_outbox_length (RTK_STORE (self->store)), ==, 0);
  g_assert_null (fixture_read_blob (self->store, photo->original.sha256, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND);
  g_clear_error (&error);

  fixture_sql (self->folder, "DROP TRIGGER broken");
  operation = fixture_commit (self, order, photo, FIXTURE_NOW, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (fixture_count_files (self->folder), ==, 5);
}

static void
test_not_enrolled (void)
{
  Fixture self = {0};
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) order = fixture_order (1, 3, "rejected");
  g_autoptr (RtkPhoto) photo = fixture_photo (1, 1000);
  Wait wait = {0};

  self.folder = fixture_make_folder ();
  self.clock = rtk_test_clock_new (FIXTURE_NOW);
  self.store =
      rtk_sqlite_store_open (self.folder, RTK_CLOCK (self.clock), RTK_SQLITE_STORE_WRITE, &error);
  rtk_sqlite_store_set_key_cost (self.store, &rtk_key_cost_least);
  g_assert_null (fixture_commit (&self, order, photo, 0, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_LOCKED);
  g_clear_error (&error);
  rtk_sqlite_store_create_async (self.store, FIXTURE_STAFF, FIXTURE_PASSPHRASE, NULL, wait_cb,
                                 &wait);
  self.recovery = rtk_sqlite_store_create_finish (self.store, wait_for (&wait), &error);
  g_clear_object (&wait.result);
  g_assert_null (fixture_commit (&self, order, photo, 0, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_STATE);
  fixture_tear_down (&self, NULL);
}

#define ADD(path, data, func)                                                                      \
  g_test_add ("/store/outbox/" path, Fixture, data, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  ADD ("commit", NULL, test_commit);
  ADD ("same-content", NULL, test_same_content);
  ADD ("hold", NULL, test_hold);
  ADD ("undo", NULL, test_undo);
  ADD ("release", NULL, test_release);
  ADD ("restart", NULL, test_restart);
  ADD ("back-off", NULL, test_back_off);
  ADD ("clock-set-back", NULL, test_clock_set_back);
  ADD ("dependency", NULL, test_dependency);
  ADD ("settle", NULL, test_settle);
  ADD ("uploads", NULL, test_uploads);
  ADD ("atomic/outbox", "outbox", test_atomic);
  ADD ("atomic/blobs", "blobs", test_atomic);
  ADD ("atomic/attempts", "attempts", test_atomic);
  ADD ("atomic/last-row", "attempt_blobs", test_atomic);
  g_test_add_func ("/store/outbox/not-enrolled", test_not_enrolled);
  return g_test_run ();
}
