/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "store-fixture.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

/* Rounds of the suite; -m slow does more. */
#define N_ROUNDS 6
#define N_ROUNDS_SLOW 40
#define N_PARTS 5

static const char *program;

/* The child: one submission after the other on the folder, each named on standard output once it
 * was acknowledged, until it is killed. */
static void
commit_for_ever (const char *folder, guint seed)
{
  g_autoptr (GError) error = NULL;
  Fixture self = {0};

  /* Never outlives the test, however that ends. */
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  self.clock = rtk_test_clock_new (FIXTURE_NOW);
  self.store =
      rtk_sqlite_store_open (folder, RTK_CLOCK (self.clock), RTK_SQLITE_STORE_WRITE, &error);
  g_assert_no_error (error);
  g_assert_true (fixture_unlock (self.store, FIXTURE_PASSPHRASE, &error));
  setvbuf (stdout, NULL, _IONBF, 0);
  for (guint i = 0;; i++) {
    g_autoptr (RtkOrder) order = fixture_order (i % 100, 1, "rejected");
    g_autoptr (RtkPhoto) photo = fixture_photo (seed + i, 100000);
    g_autoptr (RtkOperation) operation = fixture_commit (&self, order, photo, FIXTURE_NOW, &error);

    g_assert_no_error (error);
    printf ("%s\n", rtk_operation_get_id (operation));
    /* Every third is taken back, while it is held. */
    if (i % 3 == 2) {
      g_autoptr (RtkPhoto) other = fixture_photo (seed + i + 500000, 50000);
      g_autoptr (RtkOperation) undone =
          fixture_commit (&self, order, other, FIXTURE_NOW + G_TIME_SPAN_DAY, &error);

      g_assert_true (fixture_undo (&self, rtk_operation_get_id (undone), &error));
    }
  }
}

static gboolean
timeout_cb (gpointer done)
{
  *(gboolean *)done = TRUE;
  return G_SOURCE_REMOVE;
}

/* Runs a child until its first acknowledgement and a random time more, kills it, and returns the
 * ids it had acknowledged. */
static char **
run_and_kill (const char *folder, guint seed, guint delay_ms)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *seed_text = g_strdup_printf ("%u", seed);
  g_autoptr (GSubprocess) child = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, program,
                                                    "--commit", folder, seed_text, NULL);
  g_autoptr (GDataInputStream) lines = NULL;
  g_autoptr (GStrvBuilder) ids = g_strv_builder_new ();
  char    *line;
  gboolean done = FALSE;

  g_assert_no_error (error);
  lines = g_data_input_stream_new (g_subprocess_get_stdout_pipe (child));
  line = g_data_input_stream_read_line (lines, NULL, NULL, &error);
  g_assert_nonnull (line);
  g_timeout_add (delay_ms, timeout_cb, &done);
  while (!done)
    g_main_context_iteration (NULL, TRUE);
  g_subprocess_send_signal (child, SIGKILL);
  for (; line != NULL; line = g_data_input_stream_read_line (lines, NULL, NULL, NULL)) {
    /* The last line may be cut by the kill. */
    if (strlen (line) == 36)
      g_strv_builder_add (ids, line);
    g_free (line);
  }
  g_assert_true (g_subprocess_wait (child, NULL, &error));
  g_assert_true (g_subprocess_get_if_signaled (child));
  return g_strv_builder_end (ids);
}

static gboolean
has_operation (GPtrArray *items, const char *id)
{
  for (guint i = 0; i < items->len; i++)
    if (strcmp (rtk_operation_get_id (((RtkOutboxItem *)items->pdata[i])->operation), id) == 0)
      return TRUE;
  return FALSE;
}

/* Every operation has all its photos, whole; there is no photo without an operation. */
static guint
assert_whole (Fixture *self)
{
  g_autoptr (GPtrArray) items = fixture_list_outbox (self->store, FALSE);
  g_autoptr (GHashTable) photos = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < items->len; i++) {
    RtkOutboxItem *item = items->pdata[i];

    g_assert_true (rtk_operation_check_signature (
        item->operation, rtk_signer_get_key_id (rtk_sqlite_store_get_signer (self->store))));
    g_assert_cmpuint (item->blobs->len, ==, N_PARTS);
    for (guint j = 0; j < N_PARTS; j++) {
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) bytes = fixture_read_blob (self->store, item->blobs->pdata[j], &error);

      g_assert_no_error (error);
      g_hash_table_add (photos, g_strdup (item->blobs->pdata[j]));
    }
  }
  g_assert_cmpuint (fixture_count_files (self->folder), ==, g_hash_table_size (photos));
  return items->len;
}

static void
test_kill (Fixture *self, gconstpointer unused)
{
  g_autoptr (GHashTable) promised = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  guint n_rounds = g_test_slow () ? N_ROUNDS_SLOW : N_ROUNDS;
  guint n = 0;

  for (guint round = 0; round < n_rounds; round++) {
    g_auto (GStrv) ids = NULL;
    g_autoptr (GPtrArray) items = NULL;
    GHashTableIter iter;
    gpointer       id;

    fixture_close (self);
    ids = run_and_kill (self->folder, round * 1000, (guint)g_test_rand_int_range (0, 60));
    fixture_reopen (self);
    for (guint i = 0; ids[i] != NULL; i++)
      g_hash_table_add (promised, g_strdup (ids[i]));
    items = fixture_list_outbox (self->store, FALSE);
    g_hash_table_iter_init (&iter, promised);
    while (g_hash_table_iter_next (&iter, &id, NULL))
      g_assert_true (has_operation (items, id));
    n = assert_whole (self);
    /* What was not promised yet may be there, but only what was on its way. */
    g_assert_cmpuint (n, >=, g_hash_table_size (promised));
    g_assert_cmpuint (n, <=, g_hash_table_size (promised) + 2 * (round + 1));
  }
  g_test_message ("%u rounds, %u promised, %u there, 0 lost", n_rounds,
                  g_hash_table_size (promised), n);
}

int
main (int argc, char *argv[])
{
  program = argv[0];
  if (argc == 4 && strcmp (argv[1], "--commit") == 0)
    commit_for_ever (argv[2], (guint)g_ascii_strtoull (argv[3], NULL, 10));
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/store/kill/submit", Fixture, NULL, fixture_set_up, test_kill, fixture_tear_down);
  return g_test_run ();
}
