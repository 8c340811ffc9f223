/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE /* memmem() */
#include "core/rtk-error.h"
#include "store-fixture.h"
#include "store/rtk-blob-stream-private.h"

#include <glib/gstdio.h>
#include <string.h>

#define CHUNK 65536
#define HEADER 36

/* One file of the vault on its own. */
typedef struct {
  char   *folder;
  char   *path;
  RtkKey *key;
  RtkBlob blob;
} File;

static void
file_set_up (File *self, gsize size)
{
  g_autoptr (GError) error = NULL;
  guint8 *data = g_malloc (size + 1);

  for (gsize i = 0; i < size; i++)
    data[i] = (guint8)(i * 7 + i / 251);
  {
    g_autoptr (GBytes) bytes = g_bytes_new_take (data, size);

    rtk_blob_init (&self->blob, bytes, "image/png");
  }
  self->folder = fixture_make_folder ();
  self->path = g_build_filename (self->folder, "file", NULL);
  self->key = rtk_key_new_random ();
  g_assert_true (rtk_blob_stream_write (self->path, self->key,
                                        g_bytes_get_data (self->blob.bytes, NULL), size, &error));
  g_assert_no_error (error);
}

static void
file_tear_down (File *self)
{
  fixture_remove_folder (self->folder);
  g_free (self->folder);
  g_free (self->path);
  rtk_key_free (self->key);
  rtk_blob_clear (&self->blob);
}

/* Reads all of it; on failure @out_read is how much was handed out before. */
static gboolean
file_read (File *self, gsize *out_read, GError **error)
{
  g_autoptr (GInputStream) stream = rtk_blob_stream_open (
      self->path, self->key, self->blob.sha256, g_bytes_get_size (self->blob.bytes), error);
  const guint8 *expected = g_bytes_get_data (self->blob.bytes, NULL);
  guint8        buffer[5000];
  gssize        n;

  *out_read = 0;
  if (stream == NULL)
    return FALSE;
  while ((n = g_input_stream_read (stream, buffer, sizeof buffer, NULL, error)) > 0) {
    g_assert_cmpmem (buffer, (gsize)n, expected + *out_read, (gsize)n);
    *out_read += (gsize)n;
  }
  return n == 0;
}

static void
assert_damaged (File *self, const char *what)
{
  g_autoptr (GError) error = NULL;
  gsize n;

  g_test_message ("%s", what);
  g_assert_false (file_read (self, &n, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_DAMAGED);
  /* Never the whole content, and never a wrong byte of it (file_read() compares). */
  g_assert_true (n < g_bytes_get_size (self->blob.bytes) || n == 0);
}

static void
test_sizes (void)
{
  static const gsize sizes[] = {0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 300000};

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (GError) error = NULL;
    File     file = {0};
    gsize    n;
    GStatBuf found;

    file_set_up (&file, sizes[i]);
    g_assert_true (file_read (&file, &n, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (n, ==, sizes[i]);
    g_assert_cmpint (g_stat (file.path, &found), ==, 0);
    g_assert_cmpuint ((gsize)found.st_size, ==, rtk_blob_stream_get_file_size (sizes[i]));
    g_assert_cmpint (found.st_mode & 0777, ==, 0600);
    file_tear_down (&file);
  }
}

/* The layout is final: these bytes stand at the beginning of every file ever written. */
static void
test_layout (void)
{
  static const guint8 prefix[12] = {'R', 'T', 'K', 'B', 1, 1, 0, 0, 0, 0, 1, 0};
  g_autofree char    *text = NULL;
  gsize               size;
  File                file = {0};

  file_set_up (&file, 100);
  g_assert_true (g_file_get_contents (file.path, &text, &size, NULL));
  g_assert_cmpmem (text, 12, prefix, 12);
  g_assert_cmpuint (size, ==, HEADER + 100 + 17);
  file_tear_down (&file);
}

/* One bit of each region: layout, stream header, first, middle and last chunk, and each tag. */
static void
test_flip (void)
{
  static const gsize places[] = {0,
                                 4,
                                 5,
                                 8,
                                 12,
                                 HEADER - 1,
                                 HEADER,
                                 HEADER + 1,
                                 HEADER + 1000,
                                 HEADER + CHUNK + 16,
                                 HEADER + CHUNK + 17,
                                 HEADER + CHUNK + 17 + 5000,
                                 HEADER + 2 * (CHUNK + 17),
                                 HEADER + 2 * (CHUNK + 17) + 3,
                                 HEADER + 2 * (CHUNK + 17) + 1000 + 16};
  g_autofree char   *text = NULL;
  gsize              size;
  File               file = {0};

  file_set_up (&file, 2 * CHUNK + 1000);
  g_assert_true (g_file_get_contents (file.path, &text, &size, NULL));
  g_assert_cmpuint (places[G_N_ELEMENTS (places) - 1], ==, size - 1);
  for (guint i = 0; i < G_N_ELEMENTS (places); i++) {
    g_autofree char *what = g_strdup_printf ("flip at %" G_GSIZE_FORMAT, places[i]);

    text[places[i]] ^= 0x10;
    g_assert_true (g_file_set_contents (file.path, text, (gssize)size, NULL));
    assert_damaged (&file, what);
    text[places[i]] ^= 0x10;
  }
  file_tear_down (&file);
}

static void
test_truncated (void)
{
  static const gsize lengths[] = {0,
                                  11,
                                  HEADER - 1,
                                  HEADER,
                                  HEADER + 16,
                                  HEADER + 5000,
                                  HEADER + CHUNK + 17, /* whole chunks, the last one missing */
                                  HEADER + 2 * (CHUNK + 17),
                                  HEADER + 2 * (CHUNK + 17) + 1016};
  g_autofree char   *text = NULL;
  gsize              size;
  File               file = {0};

  file_set_up (&file, 2 * CHUNK + 1000);
  g_assert_true (g_file_get_contents (file.path, &text, &size, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++) {
    g_assert_true (g_file_set_contents (file.path, text, (gssize)lengths[i], NULL));
    assert_damaged (&file, "truncated");
  }
  {
    g_autofree char *longer = g_malloc0 (size + 1);

    memcpy (longer, text, size);
    g_assert_true (g_file_set_contents (file.path, longer, (gssize)size + 1, NULL));
    assert_damaged (&file, "appended");
  }
  file_tear_down (&file);
}

/* Chunks that are each right, in another order or left out. */
static void
test_reordered (void)
{
  g_autofree char *text = NULL;
  g_autofree char *chunk = g_malloc (CHUNK + 17);
  gsize            size;
  File             file = {0};

  file_set_up (&file, 3 * CHUNK);
  g_assert_true (g_file_get_contents (file.path, &text, &size, NULL));
  memcpy (chunk, text + HEADER, CHUNK + 17);
  memmove (text + HEADER, text + HEADER + CHUNK + 17, CHUNK + 17);
  memcpy (text + HEADER + CHUNK + 17, chunk, CHUNK + 17);
  g_assert_true (g_file_set_contents (file.path, text, (gssize)size, NULL));
  assert_damaged (&file, "swapped chunks");
  file_tear_down (&file);
}

/* The right file, but not the content its row names. */
static void
test_other_content (void)
{
  g_autoptr (GError) error = NULL;
  File  file = {0};
  gsize n;

  file_set_up (&file, 1000);
  file.blob.sha256[0] = file.blob.sha256[0] == '0' ? '1' : '0';
  g_assert_false (file_read (&file, &n, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_DAMAGED);
  g_assert_cmpuint (n, ==, 0);
  file_tear_down (&file);
}

/* Paths of all files of a vault. */
static void
list_files (const char *folder, GPtrArray *paths)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    if (g_file_test (path, G_FILE_TEST_IS_DIR))
      list_files (path, paths);
    else
      g_ptr_array_add (paths, g_steal_pointer (&path));
  }
}

static GPtrArray *
photo_files (Fixture *self)
{
  g_autofree char *vault = g_build_filename (self->folder, "vault", NULL);
  GPtrArray       *paths = g_ptr_array_new_with_free_func (g_free);

  list_files (vault, paths);
  return paths;
}

static void
put (Fixture *self, const RtkBlob *blob)
{
  g_autoptr (GError) error = NULL;
  Wait wait = {0};

  rtk_store_put_blob_async (RTK_STORE (self->store), blob, NULL, wait_cb, &wait);
  g_assert_true (rtk_store_done_finish (RTK_STORE (self->store), wait_for (&wait), &error));
  g_assert_no_error (error);
  g_clear_object (&wait.result);
}

static void
test_put (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkPhoto) photo = fixture_photo (3, 150000);
  g_autoptr (GBytes) bytes = NULL;
  Wait wait = {0};

  put (self, &photo->original);
  put (self, &photo->original);
  g_assert_cmpuint (fixture_count_files (self->folder), ==, 1);
  bytes = fixture_read_blob (self->store, photo->original.sha256, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (bytes, photo->original.bytes));
  g_assert_null (fixture_read_blob (self->store, photo->alpha.sha256, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (fixture_read_blob (self->store, "../../station.db", &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND);
  g_clear_error (&error);
  photo->alpha.sha256[5] ^= 1;
  rtk_store_put_blob_async (RTK_STORE (self->store), &photo->alpha, NULL, wait_cb, &wait);
  g_assert_false (rtk_store_done_finish (RTK_STORE (self->store), wait_for (&wait), &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE);
  g_clear_object (&wait.result);
  g_assert_cmpuint (fixture_count_files (self->folder), ==, 1);
}

/* Two files of the vault change places: neither opens. Gone: damage, not "no such photo". And what
 * was lost is written again when it comes again. */
static void
test_swapped (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkPhoto) photo = fixture_photo (3, 2000);
  g_autoptr (GPtrArray) paths = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autofree char *aside = g_build_filename (self->folder, "aside", NULL);

  put (self, &photo->original);
  put (self, &photo->delivered);
  paths = photo_files (self);
  g_assert_cmpuint (paths->len, ==, 2);
  g_assert_cmpint (g_rename (paths->pdata[0], aside), ==, 0);
  g_assert_cmpint (g_rename (paths->pdata[1], paths->pdata[0]), ==, 0);
  g_assert_cmpint (g_rename (aside, paths->pdata[1]), ==, 0);
  g_assert_null (fixture_read_blob (self->store, photo->original.sha256, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_DAMAGED);
  g_clear_error (&error);
  g_assert_null (fixture_read_blob (self->store, photo->delivered.sha256, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_DAMAGED);
  g_clear_error (&error);

  g_unlink (paths->pdata[0]);
  g_unlink (paths->pdata[1]);
  g_assert_null (fixture_read_blob (self->store, photo->original.sha256, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_DAMAGED);
  g_clear_error (&error);
  put (self, &photo->original);
  bytes = fixture_read_blob (self->store, photo->original.sha256, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (bytes, photo->original.bytes));
}

static void
test_locked (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkPhoto) photo = fixture_photo (3, 2000);
  Wait   wait = {0};
  guint8 signature[64];

  put (self, &photo->original);
  rtk_sqlite_store_lock_async (self->store, NULL, wait_cb, &wait);
  g_assert_true (rtk_store_done_finish (RTK_STORE (self->store), wait_for (&wait), &error));
  g_clear_object (&wait.result);
  g_assert_false (rtk_sqlite_store_is_unlocked (self->store));
  g_assert_null (fixture_read_blob (self->store, photo->original.sha256, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_LOCKED);
  g_clear_error (&error);
  g_assert_nonnull (rtk_signer_get_key_id (rtk_sqlite_store_get_signer (self->store)));
  g_assert_false (
      rtk_signer_sign (rtk_sqlite_store_get_signer (self->store), signature, 1, signature, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_LOCKED);
}

/* An open stream outlives the store; a vault whose store is closed says so. */
static void
test_closed (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkPhoto) photo = fixture_photo (3, 200000);
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (RtkVault) vault = g_object_ref (rtk_sqlite_store_get_vault (self->store));
  g_autoptr (GBytes) bytes = NULL;
  Wait  wait = {0};
  gsize size;

  put (self, &photo->original);
  rtk_vault_open_async (vault, photo->original.sha256, NULL, wait_cb, &wait);
  stream = rtk_vault_open_finish (vault, wait_for (&wait), &size, &error);
  g_clear_object (&wait.result);
  g_assert_no_error (error);
  fixture_close (self);
  bytes = g_input_stream_read_bytes (stream, 10, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 10);
  /* Forward only: skipping is how a resumed upload goes on. */
  g_assert_cmpint (g_input_stream_skip (stream, 100000, NULL, &error), >, 0);
  rtk_vault_open_async (vault, photo->original.sha256, NULL, wait_cb, &wait);
  g_assert_null (rtk_vault_open_finish (vault, wait_for (&wait), &size, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_STATE);
  g_clear_object (&wait.result);
}

static void
assert_absent (const char *path, const char *data, gsize size, const void *what, gsize length)
{
  if (memmem (data, size, what, length) == NULL)
    return;
  g_test_message ("%s", path);
  g_assert_not_reached ();
}

/* Everything that could tell a thief something, searched for in the bytes of every file. */
static void
search_folder (Fixture *self, RtkPhoto *photo, RtkOrder *order)
{
  static const char *const words[] = {
      "JFIF",
      "\xff\xd8\xff\xe0",
      "\x89PNG\r\n",
      FIXTURE_NAME,
      "Zhang",
      FIXTURE_SCHOOL,
      FIXTURE_CODE,
      "R2026000042",
      FIXTURE_NUMBER_MASKED,
      "\"subject\"",
      "name_masked",
      "submission.create\"",
      "signature",
      "a reason",
      "chsi-diploma",
      FIXTURE_PASSPHRASE,
      "thirty-two bytes",
  };
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  gboolean clear_found = FALSE;

  list_files (self->folder, paths);
  g_assert_cmpuint (paths->len, >=, 7);
  for (guint i = 0; i < paths->len; i++) {
    const char      *path = paths->pdata[i];
    g_autofree char *data = NULL;
    gsize            size;

    g_assert_true (g_file_get_contents (path, &data, &size, NULL));
    for (guint j = 0; j < G_N_ELEMENTS (words); j++) {
      assert_absent (path, data, size, words[j], strlen (words[j]));
      g_assert_null (strstr (path, words[j]));
    }
    assert_absent (path, data, size, photo->original.sha256, 64);
    assert_absent (path, data, size, rtk_order_get_code_digest (order), 64);
    assert_absent (path, data, size,
                   (const guint8 *)g_bytes_get_data (photo->original.bytes, NULL) + 5000, 16);
    assert_absent (path, data, size, self->recovery, 13);
    g_assert_null (strstr (path, photo->original.sha256));
    clear_found |= memmem (data, size, rtk_order_get_id (order), 36) != NULL;
  }
  /* The search does find what lies there in the clear. */
  g_assert_true (clear_found);
}

static void
test_raw_bytes (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) order = fixture_order (42, 3, "rejected");
  g_autoptr (RtkPhoto) photo = fixture_photo (42, 100000);
  g_autoptr (RtkOperation) operation = NULL;
  RtkOrderFilter filter = {"Zhang", NULL, FALSE, RTK_N_REASONS, 0};
  g_autoptr (GPtrArray) found = NULL;

  g_assert_true (fixture_apply (self, "e1", "c1", FALSE, g_object_ref (order), NULL));
  operation = fixture_commit (self, order, photo, FIXTURE_NOW, &error);
  g_assert_no_error (error);
  g_assert_true (
      fixture_settle (self, rtk_operation_get_id (operation), RTK_OUTCOME_CONFLICT, order, &error));
  found = fixture_list_orders (self->store, &filter, &error);
  g_assert_cmpuint (found->len, ==, 1);
  search_folder (self, photo, order); /* with the write-ahead log */
  fixture_close (self);
  search_folder (self, photo, order);
  fixture_reopen (self);
}

#define ADD(path, func)                                                                            \
  g_test_add ("/store/vault/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/store/blob-stream/sizes", test_sizes);
  g_test_add_func ("/store/blob-stream/layout", test_layout);
  g_test_add_func ("/store/blob-stream/flip", test_flip);
  g_test_add_func ("/store/blob-stream/truncated", test_truncated);
  g_test_add_func ("/store/blob-stream/reordered", test_reordered);
  g_test_add_func ("/store/blob-stream/other-content", test_other_content);
  ADD ("put", test_put);
  ADD ("swapped", test_swapped);
  ADD ("locked", test_locked);
  ADD ("closed", test_closed);
  ADD ("raw-bytes", test_raw_bytes);
  return g_test_run ();
}
