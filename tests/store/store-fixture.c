/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store-fixture.h"

#include "core/rtk-envelope.h"
#include "core/rtk-report.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <string.h>

static const guint8 code_key[RTK_KEY_SIZE] = "thirty-two bytes of a test key!";

void
wait_cb (GObject *object, GAsyncResult *result, gpointer wait)
{
  ((Wait *)wait)->result = g_object_ref (result);
}

/* The result is the wait's own: it is let go at the next use. */
GAsyncResult *
wait_for (Wait *wait)
{
  while (wait->result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return wait->result;
}

static void
wait_clear (Wait *wait)
{
  g_clear_object (&wait->result);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Wait, wait_clear)

char *
fixture_make_folder (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("retake-store-XXXXXX", &error);

  g_assert_no_error (error);
  return folder;
}

void
fixture_remove_folder (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    if (g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
      fixture_remove_folder (path);
    else
      g_unlink (path);
  }
  g_rmdir (folder);
}

static RtkSqliteStore *
open_store (Fixture *self)
{
  g_autoptr (GError) error = NULL;
  RtkSqliteStore *store =
      rtk_sqlite_store_open (self->folder, RTK_CLOCK (self->clock), RTK_SQLITE_STORE_WRITE, &error);

  g_assert_no_error (error);
  rtk_sqlite_store_set_key_cost (store, &rtk_key_cost_least);
  return store;
}

void
fixture_enrol (RtkSqliteStore *store)
{
  g_auto (Wait) wait = {0};
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) key = g_bytes_new (code_key, sizeof code_key);

  rtk_store_set_station_async (RTK_STORE (store), "019f1c2a-1111-7222-8333-000000000001", key, NULL,
                               wait_cb, &wait);
  g_assert_true (rtk_store_done_finish (RTK_STORE (store), wait_for (&wait), &error));
  g_assert_no_error (error);
}

gboolean
fixture_unlock (RtkSqliteStore *store, const char *passphrase, GError **error)
{
  g_auto (Wait) wait = {0};

  rtk_sqlite_store_unlock_async (store, NULL, passphrase, NULL, wait_cb, &wait);
  return rtk_sqlite_store_unlock_finish (store, wait_for (&wait), error);
}

/* An unlocked store of an enrolled station. */
void
fixture_set_up (Fixture *self, gconstpointer unused)
{
  g_auto (Wait) wait = {0};
  g_autoptr (GError) error = NULL;

  self->folder = fixture_make_folder ();
  self->clock = rtk_test_clock_new (FIXTURE_NOW);
  self->store = open_store (self);
  g_assert_false (rtk_sqlite_store_has_keyring (self->store));
  rtk_sqlite_store_create_async (self->store, FIXTURE_STAFF, FIXTURE_PASSPHRASE, NULL, wait_cb,
                                 &wait);
  self->recovery = rtk_sqlite_store_create_finish (self->store, wait_for (&wait), &error);
  g_assert_no_error (error);
  g_assert_true (rtk_sqlite_store_is_unlocked (self->store));
  fixture_enrol (self->store);
}

void
fixture_close (Fixture *self)
{
  rtk_sqlite_store_close (self->store);
  g_assert_finalize_object (self->store);
  self->store = NULL;
}

/* As a restart of the program: everything through the disk. */
void
fixture_reopen (Fixture *self)
{
  g_autoptr (GError) error = NULL;

  if (self->store != NULL)
    fixture_close (self);
  self->store = open_store (self);
  g_assert_true (fixture_unlock (self->store, FIXTURE_PASSPHRASE, &error));
  g_assert_no_error (error);
}

void
fixture_tear_down (Fixture *self, gconstpointer unused)
{
  if (self->store != NULL)
    fixture_close (self);
  g_assert_finalize_object (self->clock);
  fixture_remove_folder (self->folder);
  g_free (self->folder);
  g_free (self->recovery);
}

RtkOrder *
fixture_order (guint number, gint64 revision, const char *state)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autofree char *submissions = NULL;
  g_autofree char *code = g_strdup_printf (FIXTURE_CODE "-%u", number);
  g_autofree char *digest = rtk_hmac_sha256_hex (code_key, sizeof code_key, code);
  g_autofree char *created = rtk_time_format (FIXTURE_NOW - G_TIME_SPAN_DAY + number);
  g_autofree char *text = NULL;
  RtkOrder        *order;

  submissions = state == NULL
                    ? g_strdup ("")
                    : g_strdup_printf ("{\"id\":\"019f1c2a-2222-7222-8333-%012u\",\"state\":\"%s\","
                                       "\"origin\":\"online\",\"created_at\":\"%s\","
                                       "\"reasons\":[%s],\"note\":null}",
                                       number, state, created,
                                       strcmp (state, "rejected") == 0 ? "\"glasses\"" : "");
  text = g_strdup_printf (
      "{\"id\":\"019f1c2a-1111-7222-8333-%012u\",\"number\":\"R2026%06u\",\"revision\":%d,"
      "\"school\":\"%s\",\"batch\":\"spring\",\"subject\":{\"name_masked\":\"%s %u\","
      "\"number_masked\":\"%s\"},\"code_digest\":\"%s\",\"payment\":\"paid\","
      "\"delivery\":\"none\",\"print\":\"none\",\"created_at\":\"%s\",\"updated_at\":\"%s\","
      "\"submissions\":[%s]}",
      number, number, (int)revision, FIXTURE_SCHOOL, FIXTURE_NAME, number, FIXTURE_NUMBER_MASKED,
      digest, created, created, submissions);
  node = json_from_string (text, &error);
  g_assert_no_error (error);
  order = rtk_order_from_json (node, &error);
  g_assert_no_error (error);
  return order;
}

static GBytes *
noise (guint seed, const char *head, gsize head_size, gsize size)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  guint8 *data = g_malloc (size);

  g_assert_cmpuint (size, >=, head_size);
  memcpy (data, head, head_size);
  for (gsize i = head_size; i < size; i++)
    data[i] = (guint8)g_rand_int (rand);
  return g_bytes_new_take (data, size);
}

RtkPhoto *
fixture_photo (guint seed, gsize size)
{
  static const char jpeg[] = "\xff\xd8\xff\xe0\x00\x10JFIF";
  static const char png[] = "\x89PNG\r\n\x1a\n";
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", &error);
  g_autoptr (GBytes) original = noise (seed * 3, jpeg, sizeof jpeg - 1, size);
  g_autoptr (GBytes) alpha = noise (seed * 3 + 1, png, sizeof png - 1, 1000);
  g_autoptr (GBytes) delivered = noise (seed * 3 + 2, jpeg, sizeof jpeg - 1, 2000);
  g_autoptr (JsonNode) report = json_from_string ("{\"rules\":\"chsi-diploma\",\"rules_version\":"
                                                  "\"1\",\"verdict\":\"pass\",\"checks\":[]}",
                                                  NULL);
  const RtkIntake intake = {0, FALSE, "srgb"};
  const guint8    blue[3] = {100, 197, 255};
  RtkCrop         crop = {0};
  RtkPhoto       *photo = rtk_photo_new ();

  g_assert_no_error (error);
  crop.scale = 1.;
  crop.out_width = 480;
  crop.out_height = 640;
  rtk_blob_init (&photo->original, original, "image/jpeg");
  rtk_blob_init (&photo->alpha, alpha, "image/png");
  rtk_blob_init (&photo->delivered, delivered, "image/jpeg");
  photo->report = rtk_report_from_json (report, &error);
  g_assert_no_error (error);
  photo->certificate =
      rtk_certificate_new (&intake, &crop, pack, blue, 90, "test", photo->original.sha256,
                           photo->alpha.sha256, photo->delivered.sha256, FIXTURE_NOW);
  return photo;
}

RtkOperation *
fixture_commit (Fixture *self, RtkOrder *order, RtkPhoto *photo, gint64 release_at, GError **error)
{
  g_auto (Wait) wait = {0};
  g_autoptr (GPtrArray) overrides =
      g_ptr_array_new_with_free_func ((GDestroyNotify)rtk_override_free);

  g_ptr_array_add (overrides, rtk_override_new (RTK_CHECK_MOUTH_CLOSED, "a reason", "li"));
  rtk_store_commit_submission_async (RTK_STORE (self->store), order, photo, overrides,
                                     FIXTURE_STAFF, release_at, NULL, wait_cb, &wait);
  return rtk_store_commit_submission_finish (RTK_STORE (self->store), wait_for (&wait), error);
}

GPtrArray *
fixture_list_outbox (RtkSqliteStore *store, gboolean ready_only)
{
  g_auto (Wait) wait = {0};
  g_autoptr (GError) error = NULL;
  GPtrArray *items;

  rtk_store_list_outbox_async (RTK_STORE (store), ready_only, 0, NULL, wait_cb, &wait);
  items = rtk_store_list_outbox_finish (RTK_STORE (store), wait_for (&wait), &error);
  g_assert_no_error (error);
  return items;
}

gboolean
fixture_apply (Fixture *self, const char *epoch, const char *cursor, gboolean more, ...)
{
  g_auto (Wait) wait = {0};
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) orders = g_ptr_array_new_with_free_func (g_object_unref);
  RtkChangePage page = {(char *)epoch, (char *)cursor, orders, more};
  RtkOrder     *order;
  va_list       arguments;

  va_start (arguments, more);
  while ((order = va_arg (arguments, RtkOrder *)) != NULL)
    g_ptr_array_add (orders, order);
  va_end (arguments);
  rtk_store_apply_changes_async (RTK_STORE (self->store), &page, NULL, wait_cb, &wait);
  return rtk_store_done_finish (RTK_STORE (self->store), wait_for (&wait), &error);
}

RtkOrder *
fixture_get_order (RtkSqliteStore *store, const char *id, GError **error)
{
  g_auto (Wait) wait = {0};

  rtk_store_get_order_async (RTK_STORE (store), id, NULL, wait_cb, &wait);
  return rtk_store_order_finish (RTK_STORE (store), wait_for (&wait), error);
}

GPtrArray *
fixture_list_orders (RtkSqliteStore *store, const RtkOrderFilter *filter, GError **error)
{
  g_auto (Wait) wait = {0};

  rtk_store_list_orders_async (RTK_STORE (store), filter, NULL, wait_cb, &wait);
  return rtk_store_list_orders_finish (RTK_STORE (store), wait_for (&wait), error);
}

GBytes *
fixture_read_blob (RtkSqliteStore *store, const char *sha256, GError **error)
{
  g_auto (Wait) wait = {0};
  RtkVault *vault = rtk_sqlite_store_get_vault (store);
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (GByteArray) all = g_byte_array_new ();
  gsize size = 0;

  rtk_vault_open_async (vault, sha256, NULL, wait_cb, &wait);
  stream = rtk_vault_open_finish (vault, wait_for (&wait), &size, error);
  if (stream == NULL)
    return NULL;
  for (;;) {
    g_auto (Wait) part = {0};
    g_autoptr (GBytes) bytes = NULL;

    g_input_stream_read_bytes_async (stream, 10000, G_PRIORITY_DEFAULT, NULL, wait_cb, &part);
    bytes = g_input_stream_read_bytes_finish (stream, wait_for (&part), error);
    if (bytes == NULL)
      return NULL;
    if (g_bytes_get_size (bytes) == 0)
      break;
    g_byte_array_append (all, g_bytes_get_data (bytes, NULL), (guint)g_bytes_get_size (bytes));
  }
  g_assert_cmpuint (all->len, ==, size);
  return g_byte_array_free_to_bytes (g_steal_pointer (&all));
}

gboolean
fixture_settle (Fixture *self, const char *id, RtkOutcome outcome, RtkOrder *order, GError **error)
{
  g_auto (Wait) wait = {0};
  RtkResult result = {(char *)id, outcome, order,
                      outcome == RTK_OUTCOME_REFUSED ? (char *)"the order is closed" : NULL};

  rtk_store_settle_async (RTK_STORE (self->store), &result, NULL, wait_cb, &wait);
  return rtk_store_done_finish (RTK_STORE (self->store), wait_for (&wait), error);
}

gboolean
fixture_set_outbox (
    Fixture *self, const char *id, RtkOperationState state, const char *problem, GError **error)
{
  g_auto (Wait) wait = {0};

  rtk_store_set_outbox_async (RTK_STORE (self->store), id, state, problem, NULL, wait_cb, &wait);
  return rtk_store_done_finish (RTK_STORE (self->store), wait_for (&wait), error);
}

gboolean
fixture_undo (Fixture *self, const char *id, GError **error)
{
  g_auto (Wait) wait = {0};

  rtk_store_undo_async (RTK_STORE (self->store), id, NULL, wait_cb, &wait);
  return rtk_store_done_finish (RTK_STORE (self->store), wait_for (&wait), error);
}

/* Files below the folder of the vault, temporary ones too. */
static guint
count_below (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  guint       n = 0;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    n += g_file_test (path, G_FILE_TEST_IS_DIR) ? count_below (path) : 1;
  }
  return n;
}

guint
fixture_count_files (const char *folder)
{
  g_autofree char *vault = g_build_filename (folder, "vault", NULL);

  return count_below (vault);
}

/* Runs SQL on the database by a connection of its own. */
void
fixture_sql (const char *folder, const char *sql)
{
  g_autofree char *path = g_build_filename (folder, "station.db", NULL);
  sqlite3         *db = NULL;
  char            *message = NULL;

  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  sqlite3_busy_timeout (db, 2000);
  sqlite3_exec (db, sql, NULL, NULL, &message);
  g_assert_cmpstr (message, ==, NULL);
  sqlite3_close (db);
}
