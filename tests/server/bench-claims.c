/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long reviewers wait for their claims and verdicts beside a long queue:
 *
 *   bench-claims [--waiting N] [--reviewers N] [--seconds N] [--runs N] [--pause-ms N] [--count N]
 *
 * Each reviewer claims, decides on every item with a pause before each, and claims again; every
 * other claim has a filter, in turn the school, the batch and the verdict of the engine. What these
 * ask for stands behind most of the queue, or is one item of twenty. Prints one JSON object: an
 * object a run, and the most memory that the server held. Fills the database by its own connection,
 * because sixty thousand orders over HTTP take an hour. RTK_TEST_POSTGRES as for the tests. */
#include "core/rtk-id.h"
#include "server/rtk-server-call.h"
#include "support/rtk-test-database.h"
#include "support/rtk-test-server.h"

#include <stdlib.h>
#include <string.h>

/* Schools upload one after the other, and so do their batches. */
#define SCHOOLS 4
#define BATCHES 5
#define BLOCKS (SCHOOLS * BATCHES)

static int waiting = 60000;
static int reviewers = 20;
static int seconds = 15;
static int runs = 3;
static int pause_ms = 200;
static int count = 10;

/* What is timed. The renewal is the smallest call that writes, made beside the others. */
typedef enum { CLAIM, CLAIM_SCHOOL, CLAIM_BATCH, CLAIM_ENGINE, RENEW, VERDICT, N_TIMES } Times;

static const char *const names[N_TIMES] = {"claim",        "claim_school", "claim_batch",
                                           "claim_engine", "renew",        "verdict"};
/* The last school, and the last batch of the one before. */
static const char *const filters[RENEW] = {"", ",\"school\":\"school 3\"",
                                           ",\"batch\":\"batch 14\"", ",\"engine\":\"fail\""};
static const Times       turns[] = {CLAIM, CLAIM_SCHOOL, CLAIM, CLAIM_BATCH, CLAIM, CLAIM_ENGINE};

#define RUN(...)                                                                                   \
  G_STMT_START                                                                                     \
  {                                                                                                \
    g_autoptr (GError) run_error = NULL;                                                           \
                                                                                                   \
    if (!rtk_server_db_run (db, &run_error, __VA_ARGS__))                                          \
      g_error ("%s", run_error->message);                                                          \
  }                                                                                                \
  G_STMT_END

/* One graduate with a paid order whose photo waits. */
static void
fill_one (RtkServerDb *db, gint64 i, gint64 now, const char *school, const char *batch)
{
  g_autofree char *roster = rtk_id_new (now);
  g_autofree char *order = rtk_id_new (now);
  g_autofree char *submission = rtk_id_new (now);
  g_autofree char *payment = rtk_id_new (now);
  g_autofree char *number = g_strdup_printf ("260601%06" G_GINT64_FORMAT, i);
  g_autofree char *sha256 = g_strnfill (64, 'a');
  g_autoptr (GBytes) nothing = g_bytes_new_static ("x", 1);
  const char *engine = i % 20 == 0 ? "fail" : i % 5 == 0 ? "warn" : "pass";

  RUN ("INSERT INTO roster (id, batch, name_masked, number_masked, name_cipher, number_cipher,"
       " number_digest, created_at) VALUES (?, ?, '王*明', '3201**********1234', ?, ?, ?, ?)",
       "ssbbsi", roster, batch, nothing, nothing, number, now);
  RUN ("INSERT INTO orders (id, number, revision, roster, payment, delivery, print, created_at,"
       " updated_at) VALUES (?, ?, 3, ?, 'paid', 'none', 'none', ?, ?)",
       "sssii", order, number, roster, now, now);
  RUN ("INSERT INTO payments (id, order_id, provider, state, amount_fen, created_at, updated_at)"
       " VALUES (?, ?, 'sandbox', 'settled', 2500, ?, ?)",
       "ssii", payment, order, now, now);
  RUN ("INSERT INTO submissions (id, order_id, state, origin, original, delivered, report, actor,"
       " created_at, engine, school, batch, serial, waiting, waiting_since) VALUES (?, ?,"
       " 'submitted', 'online', ?3, ?3, ?3, 'server', ?4, ?8, ?5, ?6, ?7, ?7, ?4)",
       "sssissis", submission, order, sha256, now, school, batch, i, engine);
  RUN ("INSERT INTO changes (seq, order_id) VALUES (?, ?)", "is", i, order);
}

static void
fill (const char *folder)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkServerDb) db = rtk_test_open_database (folder);
  g_autoptr (GPtrArray) schools = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) batches = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *sha256 = g_strnfill (64, 'a');
  g_autofree char *hash = rtk_server_password_hash (RTK_TEST_PASSWORD, TRUE, &error);
  gint64           now = g_get_real_time ();

  g_assert_no_error (error);
  g_assert_true (rtk_server_db_begin (db, TRUE, NULL));
  for (int i = 0; i < SCHOOLS; i++) {
    g_autofree char *name = g_strdup_printf ("school %d", i);

    g_ptr_array_add (schools, rtk_test_new_id ());
    RUN ("INSERT INTO schools (id, name) VALUES (?, ?)", "ss", g_ptr_array_index (schools, i),
         name);
  }
  for (int i = 0; i < BLOCKS; i++) {
    g_autofree char *name = g_strdup_printf ("batch %d", i);

    g_ptr_array_add (batches, rtk_test_new_id ());
    RUN ("INSERT INTO batches (id, school, name) VALUES (?, ?, ?)", "sss",
         g_ptr_array_index (batches, i), g_ptr_array_index (schools, i / BATCHES), name);
  }
  RUN ("INSERT INTO photos (sha256, size, media_type, created_at) VALUES (?, 1, 'image/jpeg', ?)",
       "si", sha256, now);
  for (int i = 0; i < reviewers; i++) {
    g_autofree char *id = rtk_test_new_id ();
    g_autofree char *name = g_strdup_printf ("bench%d", i);

    RUN ("INSERT INTO staff (id, name, role, password, enabled, created_at)"
         " VALUES (?, ?, 'reviewer', ?, 1, ?)",
         "sssi", id, name, hash, now);
  }
  for (gint64 i = 1; i <= waiting; i++) {
    gint64 block = (i - 1) * BLOCKS / waiting;

    fill_one (db, i, now - (waiting - i) * 1000, g_ptr_array_index (schools, block / BATCHES),
              g_ptr_array_index (batches, block));
  }
  RUN ("UPDATE counters SET value = ?", "i", (gint64)waiting);
  g_assert_true (rtk_server_db_commit (db, NULL));
}

typedef struct {
  const char *url;
  char       *token;
  guint       turn;
  gint64      end;
  GArray     *times[N_TIMES]; /* (owned): microseconds each */
} Reviewer;

static RtkTestReply *
timed (RtkTestServer *client, Reviewer *self, const char *path, const char *body, Times which)
{
  gint64        start = g_get_monotonic_time ();
  RtkTestReply *reply = rtk_test_call (client, self->token, "POST", path, body);
  gint64        took = g_get_monotonic_time () - start;

  if (reply->status != 200)
    g_error ("%s answered %u", path, reply->status);
  g_array_append_val (self->times[which], took);
  return reply;
}

static gpointer
work (gpointer data)
{
  Reviewer      *self = data;
  RtkTestServer *client = rtk_test_server_attach (self->url);

  /* Nobody begins at the same moment. */
  g_usleep ((gulong)g_random_int_range (0, pause_ms * count + 1) * 1000);
  while (g_get_monotonic_time () < self->end) {
    Times            which = turns[self->turn++ % G_N_ELEMENTS (turns)];
    g_autofree char *body = g_strdup_printf ("{\"count\":%d%s}", count, filters[which]);
    g_autoptr (RtkTestReply) claimed = timed (client, self, "/v1/reviews/claim", body, which);
    g_autoptr (RtkTestReply) renewed = timed (client, self, "/v1/reviews/renew", NULL, RENEW);
    JsonArray *items = json_object_get_array_member (claimed->json, "items");

    /* A queue that runs dry would be fast for nothing. */
    if (json_array_get_length (items) != (guint)count)
      g_error ("Only %u items wait for %s", json_array_get_length (items), names[which]);
    for (guint i = 0; i < json_array_get_length (items); i++) {
      JsonObject      *item = json_array_get_object_element (items, i);
      JsonObject      *order = json_object_get_object_member (item, "order");
      g_autofree char *path =
          g_strconcat ("/v1/reviews/", json_object_get_string_member (item, "submission"), NULL);
      g_autofree char *verdict =
          g_strdup_printf ("{\"verdict\":\"approved\",\"revision\":%" G_GINT64_FORMAT "}",
                           json_object_get_int_member (order, "revision"));
      g_autoptr (RtkTestReply) decided = NULL;

      g_usleep ((gulong)pause_ms * 1000);
      decided = timed (client, self, path, verdict, VERDICT);
    }
  }
  rtk_test_server_free (client);
  return NULL;
}

static int
compare (gconstpointer a, gconstpointer b)
{
  gint64 x = *(const gint64 *)a;
  gint64 y = *(const gint64 *)b;

  return x < y ? -1 : x > y;
}

/* The nearest-rank percentile, milliseconds. */
static double
percentile (GArray *times, double part)
{
  guint rank = (guint)(part * times->len + 0.999999);

  return times->len > 0 ? g_array_index (times, gint64, MAX (rank, 1) - 1) / 1000.0 : 0;
}

static void
report (const char *name, GArray *times, const char *end)
{
  g_array_sort (times, compare);
  g_print ("\"%s\": {\"n\": %u, \"p50_ms\": %.2f, \"p95_ms\": %.2f, \"p99_ms\": %.2f,"
           " \"max_ms\": %.2f}%s",
           name, times->len, percentile (times, 0.5), percentile (times, 0.95),
           percentile (times, 0.99), percentile (times, 1), end);
}

static void
sign_in (RtkTestServer *server, Reviewer *list)
{
  for (int i = 0; i < reviewers; i++) {
    g_autofree char *body =
        g_strdup_printf ("{\"user\":\"bench%d\",\"password\":\"" RTK_TEST_PASSWORD "\"}", i);
    g_autoptr (RtkTestReply) reply = rtk_test_call (server, NULL, "POST", "/v1/session", body);

    list[i].url = server->url;
    list[i].token = g_strdup (rtk_test_reply_text (reply, "access_token"));
    list[i].turn = (guint)i;
  }
}

static void
measure (Reviewer *list)
{
  g_autofree GThread **threads = g_new0 (GThread *, reviewers);
  gint64               end = g_get_monotonic_time () + seconds * G_USEC_PER_SEC;

  for (int i = 0; i < reviewers; i++) {
    list[i].end = end;
    for (int k = 0; k < N_TIMES; k++)
      list[i].times[k] = g_array_new (FALSE, FALSE, sizeof (gint64));
    threads[i] = g_thread_new ("reviewer", work, &list[i]);
  }
  for (int i = 0; i < reviewers; i++)
    g_thread_join (threads[i]);
  for (int k = 0; k < N_TIMES; k++) {
    g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (gint64));

    for (int i = 0; i < reviewers; i++) {
      g_array_append_vals (all, list[i].times[k]->data, list[i].times[k]->len);
      g_array_unref (list[i].times[k]);
    }
    report (names[k], all, k + 1 < N_TIMES ? ", " : "");
  }
}

/* The most memory that the server ever held, MB. */
static double
read_memory (RtkTestServer *server)
{
  g_autofree char *path =
      g_strdup_printf ("/proc/%s/status", g_subprocess_get_identifier (server->process));
  g_autofree char *text = NULL;
  const char      *found;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  found = strstr (text, "VmHWM:");
  g_assert_nonnull (found);
  return (double)g_ascii_strtoll (found + strlen ("VmHWM:"), NULL, 10) * 1024 / 1e6;
}

static void
measure_runs (RtkTestServer *server)
{
  g_autofree Reviewer *list = g_new0 (Reviewer, reviewers);

  sign_in (server, list);
  g_print ("{\"waiting\": %d, \"reviewers\": %d, \"count\": %d, \"pause_ms\": %d, \"runs\": [",
           waiting, reviewers, count, pause_ms);
  for (int i = 0; i < runs; i++) {
    g_print ("%s{", i > 0 ? ", " : "");
    measure (list);
    g_print ("}");
  }
  g_print ("], \"memory_mb\": %.1f}\n", read_memory (server));
  for (int i = 0; i < reviewers; i++)
    g_free (list[i].token);
}

int
main (int argc, char **argv)
{
  const GOptionEntry entries[] = {
      {"waiting", 0, 0, G_OPTION_ARG_INT, &waiting, "Items in the queue", "N"},
      {"reviewers", 0, 0, G_OPTION_ARG_INT, &reviewers, "Who work at once", "N"},
      {"seconds", 0, 0, G_OPTION_ARG_INT, &seconds, "How long a run takes", "N"},
      {"runs", 0, 0, G_OPTION_ARG_INT, &runs, "Runs", "N"},
      {"pause-ms", 0, 0, G_OPTION_ARG_INT, &pause_ms, "Before each verdict", "N"},
      {"count", 0, 0, G_OPTION_ARG_INT, &count, "Items in a claim", "N"},
      {NULL, 0, 0, 0, NULL, NULL, NULL},
  };
  static const char *const extra[] = {"--staff-rate",
                                      "0",
                                      "--account-rate",
                                      "0",
                                      "--address-rate",
                                      "0",
                                      "--sign-in-rate",
                                      "0",
                                      NULL};
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkTestServer) server = NULL;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    g_printerr ("bench-claims: %s\n", error->message);
    return 2;
  }
  server = rtk_test_server_new (0, extra);
  rtk_test_server_stop (server);
  fill (server->folder);
  rtk_test_server_start (server);
  measure_runs (server);
  return 0;
}
