/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "store-fixture.h"

#include <string.h>

static guint
count (Fixture *self, RtkOrderFilter filter)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) orders = fixture_list_orders (self->store, &filter, &error);

  g_assert_no_error (error);
  return orders->len;
}

static char *
get_cursor (Fixture *self)
{
  g_autoptr (GError) error = NULL;
  Wait  wait = {0};
  char *cursor;

  rtk_store_get_cursor_async (RTK_STORE (self->store), NULL, wait_cb, &wait);
  cursor = rtk_store_get_cursor_finish (RTK_STORE (self->store), wait_for (&wait), &error);
  g_clear_object (&wait.result);
  g_assert_no_error (error);
  return cursor;
}

static gint64
get_revision (Fixture *self, guint number)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) wanted = fixture_order (number, 0, NULL);
  g_autoptr (RtkOrder) order = fixture_get_order (self->store, rtk_order_get_id (wanted), &error);

  if (order == NULL) {
    g_assert_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND);
    return -1;
  }
  return rtk_order_get_revision (order);
}

static void
test_apply (Fixture *self, gconstpointer unused)
{
  g_autofree char *none = get_cursor (self);
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;

  g_assert_cmpstr (none, ==, "");
  g_assert_true (fixture_apply (self, "e1", "c1", TRUE, fixture_order (1, 1, NULL),
                                fixture_order (2, 1, "rejected"), NULL));
  first = get_cursor (self);
  g_assert_cmpstr (first, ==, "c1");
  g_assert_true (fixture_apply (self, "e1", "c2", FALSE, fixture_order (1, 5, "approved"), NULL));
  fixture_reopen (self);
  second = get_cursor (self);
  g_assert_cmpstr (second, ==, "c2");
  g_assert_cmpint (get_revision (self, 1), ==, 5);
  g_assert_cmpint (get_revision (self, 2), ==, 1);
  g_assert_cmpint (get_revision (self, 3), ==, -1);
  /* A page that is older than what an answer brought changes nothing. */
  g_assert_true (fixture_apply (self, "e1", "c3", FALSE, fixture_order (1, 4, NULL), NULL));
  g_assert_cmpint (get_revision (self, 1), ==, 5);
}

/* An order comes back as it went in. */
static void
test_round_trip (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) order = fixture_order (9, 4, "rejected");
  g_autoptr (RtkOrder) back = NULL;
  g_autoptr (JsonNode) before = rtk_order_to_json (order);
  g_autoptr (JsonNode) after = NULL;
  g_autofree char *one = json_to_string (before, FALSE);
  g_autofree char *two = NULL;

  g_assert_true (fixture_apply (self, "e1", "c1", FALSE, g_object_ref (order), NULL));
  back = fixture_get_order (self->store, rtk_order_get_id (order), &error);
  g_assert_no_error (error);
  after = rtk_order_to_json (back);
  two = json_to_string (after, FALSE);
  g_assert_cmpstr (one, ==, two);
}

static void
test_filter (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) newest = NULL;
  RtkOrderFilter two = {NULL, NULL, FALSE, RTK_N_REASONS, 2};

  g_assert_true (fixture_apply (self, "e1", "c1", FALSE, fixture_order (1, 1, "rejected"),
                                fixture_order (2, 1, "approved"), fixture_order (12, 1, "rejected"),
                                fixture_order (3, 1, NULL), NULL));
  for (int round = 0; round < 2; round++) {
    g_assert_cmpuint (count (self, (RtkOrderFilter){NULL, NULL, FALSE, RTK_N_REASONS, 0}), ==, 4);
    g_assert_cmpuint (count (self, (RtkOrderFilter){"ing 1", NULL, FALSE, RTK_N_REASONS, 0}), ==,
                      2);
    g_assert_cmpuint (
        count (self, (RtkOrderFilter){" R2026000012 ", NULL, FALSE, RTK_N_REASONS, 0}), ==, 1);
    g_assert_cmpuint (count (self, (RtkOrderFilter){"R20260000", NULL, FALSE, RTK_N_REASONS, 0}),
                      ==, 4);
    g_assert_cmpuint (count (self, (RtkOrderFilter){"026", NULL, FALSE, RTK_N_REASONS, 0}), ==, 0);
    /* The wild cards of SQL are letters like others; so is a quote. */
    g_assert_cmpuint (count (self, (RtkOrderFilter){"%", NULL, FALSE, RTK_N_REASONS, 0}), ==, 0);
    g_assert_cmpuint (count (self, (RtkOrderFilter){"Z_ang", NULL, FALSE, RTK_N_REASONS, 0}), ==,
                      0);
    g_assert_cmpuint (count (self, (RtkOrderFilter){"' OR 1 --", NULL, FALSE, RTK_N_REASONS, 0}),
                      ==, 0);
    g_assert_cmpuint (count (self, (RtkOrderFilter){"*ing", NULL, FALSE, RTK_N_REASONS, 0}), ==, 4);
    g_assert_cmpuint (count (self, (RtkOrderFilter){NULL, FIXTURE_SCHOOL, FALSE, RTK_N_REASONS, 0}),
                      ==, 4);
    g_assert_cmpuint (count (self, (RtkOrderFilter){NULL, "Harbour", FALSE, RTK_N_REASONS, 0}), ==,
                      0);
    g_assert_cmpuint (count (self, (RtkOrderFilter){NULL, NULL, TRUE, RTK_N_REASONS, 0}), ==, 2);
    g_assert_cmpuint (count (self, (RtkOrderFilter){NULL, NULL, FALSE, RTK_REASON_GLASSES, 0}), ==,
                      2);
    g_assert_cmpuint (count (self, (RtkOrderFilter){NULL, NULL, FALSE, RTK_REASON_BLUR, 0}), ==, 0);
    fixture_reopen (self); /* the search table is built again from the sealed rows */
  }
  newest = fixture_list_orders (self->store, &two, &error);
  g_assert_cmpuint (newest->len, ==, 2);
  g_assert_cmpstr (rtk_order_get_number (newest->pdata[0]), ==, "R2026000012");
  g_assert_cmpstr (rtk_order_get_number (newest->pdata[1]), ==, "R2026000003");
  /* An order that changed is found by what it is now. */
  g_assert_true (fixture_apply (self, "e1", "c2", FALSE, fixture_order (1, 2, "submitted"), NULL));
  g_assert_cmpuint (count (self, (RtkOrderFilter){NULL, NULL, FALSE, RTK_REASON_GLASSES, 0}), ==,
                    1);
}

static RtkOrder *
find_code (Fixture *self, const char *code, GError **error)
{
  Wait      wait = {0};
  RtkOrder *order;

  rtk_store_find_code_async (RTK_STORE (self->store), code, NULL, wait_cb, &wait);
  order = rtk_store_order_finish (RTK_STORE (self->store), wait_for (&wait), error);
  g_clear_object (&wait.result);
  return order;
}

static void
test_code (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) found = NULL;
  g_autoptr (RtkOrder) later = NULL;

  g_assert_true (fixture_apply (self, "e1", "c1", FALSE, fixture_order (1, 1, NULL),
                                fixture_order (2, 1, NULL), NULL));
  found = find_code (self, FIXTURE_CODE "-2", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (rtk_order_get_number (found), ==, "R2026000002");
  g_assert_null (find_code (self, FIXTURE_CODE "-3", &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (find_code (self, "", &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND);
  g_clear_error (&error);
  fixture_reopen (self);
  later = find_code (self, FIXTURE_CODE "-1", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (rtk_order_get_number (later), ==, "R2026000001");
}

static void
test_locked (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  RtkOrderFilter all = {NULL, NULL, FALSE, RTK_N_REASONS, 0};
  Wait           wait = {0};

  g_assert_true (fixture_apply (self, "e1", "c1", FALSE, fixture_order (1, 1, NULL), NULL));
  rtk_sqlite_store_lock_async (self->store, NULL, wait_cb, &wait);
  g_assert_true (rtk_store_done_finish (RTK_STORE (self->store), wait_for (&wait), &error));
  g_clear_object (&wait.result);
  g_assert_null (fixture_list_orders (self->store, &all, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_LOCKED);
  g_clear_error (&error);
  g_assert_false (fixture_unlock (self->store, "three quiet horses", &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_PASSPHRASE);
  g_clear_error (&error);
  g_assert_false (rtk_sqlite_store_is_unlocked (self->store));
  g_assert_true (fixture_unlock (self->store, self->recovery, &error));
  g_assert_true (rtk_sqlite_store_is_unlocked (self->store));
  g_assert_cmpuint (count (self, all), ==, 1);
  /* Behind the idle window the store stays unlocked; the passphrase is still checked. */
  g_assert_false (fixture_unlock (self->store, "three quiet horses", &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_PASSPHRASE);
  g_assert_true (rtk_sqlite_store_is_unlocked (self->store));
}

/* A page with one order that cannot be written leaves the cursor and all orders as they were. */
static void
test_atomic (Fixture *self, gconstpointer unused)
{
  g_autofree char *cursor = NULL;
  RtkOrderFilter   all = {NULL, NULL, FALSE, RTK_N_REASONS, 0};
  RtkOrderFilter   rejected = {NULL, NULL, TRUE, RTK_N_REASONS, 0};

  g_assert_true (fixture_apply (self, "e1", "c1", FALSE, fixture_order (1, 1, NULL), NULL));
  fixture_sql (self->folder, "CREATE TRIGGER broken BEFORE INSERT ON orders "
                             "WHEN NEW.revision = 13 BEGIN SELECT RAISE(ABORT, 'broken'); END");
  g_assert_false (fixture_apply (self, "e1", "c2", FALSE, fixture_order (1, 2, "rejected"),
                                 fixture_order (2, 1, NULL), fixture_order (3, 13, NULL), NULL));
  cursor = get_cursor (self);
  g_assert_cmpstr (cursor, ==, "c1");
  g_assert_cmpint (get_revision (self, 1), ==, 1);
  g_assert_cmpuint (count (self, all), ==, 1);
  g_assert_cmpuint (count (self, rejected), ==, 0);
}

/* The server was restored: what it sends counts although its revisions are lower, what it lost and
 * we do not need goes, and everything we sent it waits again. */
static void
test_epoch (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) order = fixture_order (1, 7, "rejected");
  g_autoptr (RtkOrder) lost = fixture_order (3, 7, "rejected");
  g_autoptr (RtkPhoto) photo = fixture_photo (1, 1000);
  g_autoptr (RtkOperation) done = NULL;
  g_autoptr (RtkOperation) open = NULL;
  g_autoptr (GPtrArray) items = NULL;

  g_assert_true (fixture_apply (self, "e1", "c1", FALSE, g_object_ref (order),
                                fixture_order (2, 7, NULL), g_object_ref (lost), NULL));
  done = fixture_commit (self, order, photo, FIXTURE_NOW, &error);
  open = fixture_commit (self, lost, photo, FIXTURE_NOW, &error);
  g_assert_no_error (error);
  g_assert_true (
      fixture_settle (self, rtk_operation_get_id (done), RTK_OUTCOME_APPLIED, NULL, &error));
  g_assert_cmpuint (rtk_store_get_outbox_length (RTK_STORE (self->store)), ==, 1);

  g_assert_true (fixture_apply (self, "e2", "d1", TRUE, fixture_order (1, 2, "rejected"), NULL));
  g_assert_cmpint (get_revision (self, 1), ==, 2);
  g_assert_cmpint (get_revision (self, 2), ==, 7);
  g_assert_true (fixture_apply (self, "e2", "d2", FALSE, NULL));
  g_assert_cmpint (get_revision (self, 2), ==, -1);
  g_assert_cmpint (get_revision (self, 3), ==, 7);
  g_assert_cmpuint (rtk_store_get_outbox_length (RTK_STORE (self->store)), ==, 2);
  items = fixture_list_outbox (self->store, TRUE);
  g_assert_cmpuint (items->len, ==, 2);
  g_assert_cmpuint (((RtkOutboxItem *)items->pdata[0])->blobs->len, ==, 5);
}

/* Two sealed columns changed for one another, and one of another row: neither is shown as if it
 * were right. */
static void
test_moved (Fixture *self, gconstpointer sql)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) wanted = fixture_order (1, 0, NULL);

  g_assert_true (fixture_apply (self, "e1", "c1", FALSE, fixture_order (1, 1, NULL),
                                fixture_order (2, 1, NULL), NULL));
  fixture_sql (self->folder, sql);
  g_assert_null (fixture_get_order (self->store, rtk_order_get_id (wanted), &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_DAMAGED);
}

static void
orders_changed_cb (RtkStore *store, guint *n)
{
  (*n)++;
}

static void
test_signals (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) order = fixture_order (1, 1, "rejected");
  g_autoptr (RtkPhoto) photo = fixture_photo (1, 1000);
  g_autoptr (RtkOperation) operation = NULL;
  guint n_orders = 0;
  guint n_outbox = 0;
  guint n_length = 0;

  g_signal_connect (self->store, "orders-changed", G_CALLBACK (orders_changed_cb), &n_orders);
  g_signal_connect (self->store, "outbox-changed", G_CALLBACK (orders_changed_cb), &n_outbox);
  g_signal_connect_swapped (self->store, "notify::outbox-length", G_CALLBACK (g_atomic_int_inc),
                            &n_length);
  g_assert_true (fixture_apply (self, "e1", "c1", FALSE, g_object_ref (order), NULL));
  g_assert_cmpuint (n_orders, ==, 1);
  operation = fixture_commit (self, order, photo, FIXTURE_NOW, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (n_orders, ==, 1);
  g_assert_cmpuint (n_outbox, ==, 2);
  g_assert_cmpuint (n_length, ==, 1);
}

static void
set_secret (Fixture *self, const char *name, GBytes *secret)
{
  g_autoptr (GError) error = NULL;
  Wait wait = {0};

  rtk_sqlite_store_set_secret_async (self->store, name, secret, NULL, wait_cb, &wait);
  g_assert_true (rtk_store_done_finish (RTK_STORE (self->store), wait_for (&wait), &error));
  g_assert_no_error (error);
  g_clear_object (&wait.result);
}

static void
test_settings (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) token = g_bytes_new_static ("a token", 7);
  g_autoptr (GBytes) back = NULL;
  g_autofree char *url = NULL;
  g_autofree char *station = NULL;
  Wait             wait = {0};

  /* The store's own settings cannot be reached under their name. */
  rtk_sqlite_store_set_setting_async (self->store, "cursor", "https://server.example", NULL,
                                      wait_cb, &wait);
  g_assert_true (rtk_store_done_finish (RTK_STORE (self->store), wait_for (&wait), &error));
  g_clear_object (&wait.result);
  set_secret (self, "signing-seed", token);
  fixture_reopen (self);
  rtk_sqlite_store_get_setting_async (self->store, "cursor", NULL, wait_cb, &wait);
  url = rtk_sqlite_store_get_setting_finish (self->store, wait_for (&wait), &error);
  g_clear_object (&wait.result);
  g_assert_cmpstr (url, ==, "https://server.example");
  rtk_sqlite_store_get_secret_async (self->store, "signing-seed", NULL, wait_cb, &wait);
  back = rtk_sqlite_store_get_secret_finish (self->store, wait_for (&wait), &error);
  g_clear_object (&wait.result);
  g_assert_true (g_bytes_equal (back, token));
  set_secret (self, "signing-seed", NULL);
  rtk_sqlite_store_get_secret_async (self->store, "signing-seed", NULL, wait_cb, &wait);
  g_assert_null (rtk_sqlite_store_get_secret_finish (self->store, wait_for (&wait), &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND);
  g_clear_object (&wait.result);
  station = rtk_sqlite_store_dup_station_id (self->store);
  g_assert_cmpstr (station, ==, "019f1c2a-1111-7222-8333-000000000001");
}

/* The signing key is the same after a restart. */
static void
test_signer (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  RtkSigner  *signer = rtk_sqlite_store_get_signer (self->store);
  const char *key_id = rtk_signer_get_key_id (signer);
  guint8      signature[64];

  g_assert_cmpuint (strlen (key_id), ==, 43);
  fixture_reopen (self);
  signer = rtk_sqlite_store_get_signer (self->store);
  g_assert_cmpstr (rtk_signer_get_key_id (signer), ==, key_id);
  g_assert_true (rtk_signer_sign (signer, (const guint8 *)"text", 4, signature, &error));
  g_assert_true (rtk_signature_check (key_id, (const guint8 *)"text", 4, signature));
  g_assert_false (rtk_signature_check (key_id, (const guint8 *)"texT", 4, signature));
}

#define ADD(path, data, func)                                                                      \
  g_test_add ("/store/orders/" path, Fixture, data, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  ADD ("apply", NULL, test_apply);
  ADD ("round-trip", NULL, test_round_trip);
  ADD ("filter", NULL, test_filter);
  ADD ("code", NULL, test_code);
  ADD ("locked", NULL, test_locked);
  ADD ("atomic", NULL, test_atomic);
  ADD ("epoch", NULL, test_epoch);
  ADD ("moved/row", "UPDATE orders SET json = (SELECT json FROM orders ORDER BY id DESC LIMIT 1)",
       test_moved);
  ADD ("moved/column", "UPDATE orders SET json = search", test_moved);
  ADD ("signals", NULL, test_signals);
  ADD ("settings", NULL, test_settings);
  ADD ("signer", NULL, test_signer);
  return g_test_run ();
}
