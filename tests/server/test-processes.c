/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-clock.h"
#include "core/rtk-id.h"
#include "support/rtk-test-database.h"
#include "support/rtk-test-server.h"
#include "support/rtk-test-signer.h"

#include <string.h>

/* Several processes on one database and one folder; with SQLite there is one, with as many
 * callers. */

#define N_ORDERS 10
#define N_THREADS 4
#define N_PHOTOS 30
#define N_ROUNDS 20
#define MAX_PROCESSES 3

typedef struct {
  RtkTestServer *servers[MAX_PROCESSES]; /* (owned): the first one has the folder */
  guint          n_servers;
  char          *token;            /* (owned): of an operator */
  char          *orders[N_ORDERS]; /* (owned) */
  int            ended;            /* atomic: all writers are done */
} Campus;

static void
open_campus (Campus *campus, gboolean paid, const char *const *extra)
{
  campus->servers[0] = rtk_test_server_new (N_ORDERS, extra);
  campus->n_servers = 1;
  while (rtk_test_is_postgres () && campus->n_servers < MAX_PROCESSES)
    campus->servers[campus->n_servers++] = rtk_test_server_join (campus->servers[0]);
  campus->token = rtk_test_sign_in (campus->servers[0], "operator");
  for (guint i = 0; i < N_ORDERS; i++)
    campus->orders[i] = rtk_test_make_order (campus->servers[i % campus->n_servers], i, paid);
}

static void
close_campus (Campus *campus)
{
  while (campus->n_servers > 0)
    rtk_test_server_free (campus->servers[--campus->n_servers]);
  for (guint i = 0; i < N_ORDERS; i++)
    g_free (campus->orders[i]);
  g_free (campus->token);
}

typedef struct {
  Campus    *campus;
  guint      index;
  GPtrArray *seen;     /* (owned): orders as the reader saw them, each time */
  GBytes    *bytes;    /* (unowned): to upload */
  char      *location; /* (unowned): of the upload */
  guint      status;   /* of the last answer */
  GThread   *thread;
} Caller;

static RtkTestServer *
attach (Caller *caller)
{
  return rtk_test_server_attach (
      caller->campus->servers[caller->index % caller->campus->n_servers]->url);
}

/* A station that submits photo after photo for whatever order comes; who is late reads it anew. */
static gpointer
write_photos (gpointer data)
{
  Caller *caller = data;
  g_autoptr (RtkTestServer) server = attach (caller);
  g_autofree char *seed = g_strdup_printf ("station %u", caller->index);
  g_autoptr (RtkSigner) signer = rtk_test_signer_new (seed);
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autofree char *station = rtk_test_enrol (server, token, "operator", signer);
  g_auto (GStrv) parts = rtk_test_upload_parts (server, token, 500 + caller->index);
  g_autoptr (GRand) rand = g_rand_new_with_seed (caller->index);

  for (guint applied = 0; applied < N_PHOTOS;) {
    const char      *order = caller->campus->orders[g_rand_int_range (rand, 0, N_ORDERS)];
    g_autofree char *path = g_strconcat ("/v1/orders/", order, NULL);
    g_autoptr (RtkTestReply) before = rtk_test_call (server, token, "GET", path, NULL);
    g_autoptr (RtkOperation) operation = rtk_test_make_operation (
        signer, station, order, rtk_test_reply_int (before, "revision"), parts);
    g_autofree char *body = rtk_test_operations_body (operation, NULL);
    g_autoptr (RtkTestReply) reply = rtk_test_call (server, token, "POST", "/v1/operations", body);
    JsonArray  *results;
    const char *outcome;

    g_assert_cmpuint (reply->status, ==, 200);
    results = json_object_get_array_member (reply->json, "results");
    outcome = json_object_get_string_member (json_array_get_object_element (results, 0), "outcome");
    if (strcmp (outcome, "applied") == 0)
      applied++;
    else
      g_assert_cmpstr (outcome, ==, "conflict");
  }
  return NULL;
}

/* One page after @cursor; returns whether there was anything. */
static gboolean
read_page (RtkTestServer *server, Caller *caller, char **cursor, guint limit, GHashTable *revisions)
{
  g_autofree char *path =
      g_strdup_printf ("/v1/changes?since=%s&limit=%u", *cursor != NULL ? *cursor : "", limit);
  g_autoptr (RtkTestReply) reply = rtk_test_call (server, caller->campus->token, "GET", path, NULL);
  JsonArray *orders;

  g_assert_cmpuint (reply->status, ==, 200);
  orders = json_object_get_array_member (reply->json, "orders");
  for (guint i = 0; i < json_array_get_length (orders); i++) {
    JsonObject *order = json_array_get_object_element (orders, i);
    const char *id = g_intern_string (json_object_get_string_member (order, "id"));
    gint64      revision = json_object_get_int_member (order, "revision");

    /* Nothing comes twice, and nothing goes back. */
    g_assert_cmpint (revision, >, GPOINTER_TO_INT (g_hash_table_lookup (revisions, (gpointer)id)));
    g_hash_table_replace (revisions, (gpointer)id, GINT_TO_POINTER ((int)revision));
    g_ptr_array_remove (caller->seen, (gpointer)id);
    g_ptr_array_add (caller->seen, (gpointer)id);
  }
  g_free (*cursor);
  *cursor = g_strdup (rtk_test_reply_text (reply, "cursor"));
  return json_array_get_length (orders) > 0;
}

/* Follows the feed, in small pages, until the writers are done and it is at its end. */
static gpointer
read_feed (gpointer data)
{
  Caller *caller = data;
  g_autoptr (RtkTestServer) server = attach (caller);
  g_autoptr (GHashTable) revisions = g_hash_table_new (NULL, NULL);
  g_autofree char *cursor = NULL;
  gboolean         ended;
  gboolean         any;

  do {
    ended = g_atomic_int_get (&caller->campus->ended) != 0;
    any = read_page (server, caller, &cursor, 2 + caller->index, revisions);
  } while (any || !ended);
  for (guint i = 0; i < N_ORDERS; i++) {
    g_autofree char *path = g_strconcat ("/v1/orders/", caller->campus->orders[i], NULL);
    g_autoptr (RtkTestReply) reply =
        rtk_test_call (server, caller->campus->token, "GET", path, NULL);

    g_assert_cmpint (rtk_test_reply_int (reply, "revision"), ==,
                     GPOINTER_TO_INT (g_hash_table_lookup (
                         revisions, g_intern_string (caller->campus->orders[i]))));
  }
  return NULL;
}

static void
test_feed (void)
{
  Campus campus = {0};
  Caller writers[N_THREADS];
  Caller readers[N_THREADS];
  Caller late = {&campus, 0};

  open_campus (&campus, TRUE, NULL);
  for (guint i = 0; i < N_THREADS; i++) {
    readers[i] = (Caller){&campus, i, g_ptr_array_new ()};
    readers[i].thread = g_thread_new ("reader", read_feed, &readers[i]);
    writers[i] = (Caller){&campus, i};
    writers[i].thread = g_thread_new ("writer", write_photos, &writers[i]);
  }
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (writers[i].thread);
  g_atomic_int_set (&campus.ended, 1);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (readers[i].thread);
  /* Whoever comes late sees the same order of things as those who looked on. */
  late.seen = g_ptr_array_new ();
  (void)read_feed (&late);
  g_assert_cmpuint (late.seen->len, ==, N_ORDERS);
  for (guint i = 0; i < N_THREADS; i++) {
    for (guint j = 0; j < N_ORDERS; j++)
      g_assert_true (g_ptr_array_index (readers[i].seen, j) == g_ptr_array_index (late.seen, j));
    g_ptr_array_unref (readers[i].seen);
  }
  g_ptr_array_unref (late.seen);
  {
    g_autoptr (RtkServerDb) db = rtk_test_open_database (campus.servers[0]->folder);

    g_assert_cmpint (rtk_server_db_get_int (
                         db, -1, "SELECT count (*) FROM submissions WHERE origin = 'desk'", ""),
                     ==, N_THREADS * N_PHOTOS);
  }
  close_campus (&campus);
}

static gpointer
run_close (gpointer data)
{
  Caller          *caller = data;
  g_autofree char *text = NULL;
  g_autofree char *later =
      rtk_time_format (g_get_real_time () + G_GINT64_CONSTANT (1860) * G_USEC_PER_SEC);

  g_assert_cmpint (rtk_test_server_command (caller->campus->servers[0]->folder, NULL, &text,
                                            "close-unpaid", "--now", later, NULL),
                   ==, 0);
  caller->status = (guint)g_ascii_strtoull (text, NULL, 10);
  return NULL;
}

static gint64
count_actions (RtkServerDb *db, const char *action)
{
  g_assert_cmpint (rtk_server_db_get_int (db, -1,
                                          "SELECT count (*) FROM (SELECT target FROM audit WHERE"
                                          " action = ? GROUP BY target HAVING count (*) > 1) x",
                                          "s", action),
                   ==, 0);
  return rtk_server_db_get_int (db, -1, "SELECT count (*) FROM audit WHERE action = ?", "s",
                                action);
}

static void
test_jobs (void)
{
  Campus campus = {0};
  Caller callers[N_THREADS];
  guint  closed = 0;
  gint64 seq = 0;
  gint64 end;
  g_autoptr (RtkServerDb) db = NULL;
  g_autoptr (GError) error = NULL;

  if (!rtk_test_is_postgres ()) {
    g_test_skip ("needs PostgreSQL");
    return;
  }
  open_campus (&campus, FALSE, NULL);
  for (guint i = 0; i < N_THREADS; i++) {
    callers[i] = (Caller){&campus, i};
    callers[i].thread = g_thread_new ("close", run_close, &callers[i]);
  }
  for (guint i = 0; i < N_THREADS; i++) {
    g_thread_join (callers[i].thread);
    closed += callers[i].status;
  }
  g_assert_cmpuint (closed, ==, N_ORDERS);
  db = rtk_test_open_database (campus.servers[0]->folder);
  g_assert_cmpint (count_actions (db, "payment.closed"), ==, N_ORDERS);
  /* Each process runs its jobs when it starts: refunds and leases are due, all start at once. */
  while (campus.n_servers > 1)
    rtk_test_server_free (campus.servers[--campus.n_servers]);
  rtk_test_server_stop (campus.servers[0]);
  g_assert_true (rtk_server_db_exec (
      db,
      "UPDATE orders SET payment = 'refund_due', refund_after = 1;"
      "UPDATE submissions SET state = 'in_review', lease_by = 'x', lease_until = 1",
      &error));
  g_assert_no_error (error);
  rtk_test_server_start (campus.servers[0]);
  while (campus.n_servers < MAX_PROCESSES)
    campus.servers[campus.n_servers++] = rtk_test_server_join (campus.servers[0]);
  /* Nobody tells when the last of the jobs is done. */
  end = g_get_monotonic_time () + 60 * G_TIME_SPAN_SECOND;
  while (rtk_server_db_get_int (db, -1,
                                "SELECT (SELECT count (*) FROM orders WHERE payment ="
                                " 'refund_due') + (SELECT count (*) FROM submissions WHERE"
                                " lease_by IS NOT NULL)",
                                "") != 0) {
    g_assert_cmpint (g_get_monotonic_time (), <, end);
    g_usleep (5000);
  }
  for (guint i = 0; i < campus.n_servers; i++) {
    g_autoptr (RtkTestReply) reply =
        rtk_test_call (campus.servers[i], NULL, "GET", "/healthz", NULL);

    g_assert_cmpuint (reply->status, ==, 200);
  }
  while (campus.n_servers > 1)
    rtk_test_server_free (campus.servers[--campus.n_servers]);
  rtk_test_server_stop (campus.servers[0]);
  g_assert_cmpint (count_actions (db, "payment.refunded"), ==, N_ORDERS);
  seq = rtk_server_db_get_int (db, -1, "SELECT max (seq) - count (*) FROM audit", "");
  g_assert_cmpint (seq, ==, 0);
  g_assert_cmpint (
      rtk_test_server_command (campus.servers[0]->folder, NULL, NULL, "audit", "verify", NULL), ==,
      0);
  close_campus (&campus);
}

static gpointer
run_add (gpointer data)
{
  Caller          *caller = data;
  g_autofree char *name = g_strdup_printf ("first %u", caller->index);

  caller->status = (guint)rtk_test_server_command (caller->location, RTK_TEST_PASSWORD "\n", NULL,
                                                   "user", "add", name, "--role", "operator", NULL);
  return NULL;
}

/* Several processes are the first ones, in an empty folder and an empty database. */
static void
test_first_start (void)
{
  g_autofree char *folder = g_dir_make_tmp ("retake-processes-XXXXXX", NULL);
  g_autofree char *database = rtk_test_server_dup_database (folder);
  Caller           callers[N_THREADS];
  g_autoptr (RtkServerDb) db = NULL;

  if (database == NULL) {
    g_test_skip ("needs PostgreSQL");
    rtk_test_remove_folder (folder);
    return;
  }
  for (guint i = 0; i < N_THREADS; i++) {
    callers[i] = (Caller){.index = i, .location = folder};
    callers[i].thread = g_thread_new ("start", run_add, &callers[i]);
  }
  for (guint i = 0; i < N_THREADS; i++) {
    g_thread_join (callers[i].thread);
    g_assert_cmpuint (callers[i].status, ==, 0);
  }
  db = rtk_test_open_database (folder);
  g_assert_cmpint (rtk_server_db_get_int (db, -1, "SELECT count (*) FROM schema_version", ""), ==,
                   rtk_server_db_get_int (db, -2, "SELECT max (version) FROM schema_version", ""));
  rtk_test_remove_folder (folder);
}

static gpointer
patch (gpointer data)
{
  Caller *caller = data;
  g_autoptr (RtkTestServer) server = attach (caller);
  g_autoptr (RtkTestReply) reply = rtk_test_call_raw (
      server, caller->campus->token, "PATCH", caller->location, "application/offset+octet-stream",
      caller->bytes, (const char *[]){"Tus-Resumable", "1.0.0", "Upload-Offset", "0", NULL});

  caller->status = reply->status;
  return NULL;
}

/* The same part comes through several processes at once. */
static void
test_parts (void)
{
  Campus campus = {0};

  open_campus (&campus, FALSE, NULL);
  /* A process that has not seen the session yet keeps no large body. */
  for (guint i = 0; i < campus.n_servers; i++)
    rtk_test_reply_free (
        rtk_test_call (campus.servers[i], campus.token, "GET", "/v1/changes?limit=1", NULL));
  for (guint round = 0; round < N_ROUNDS; round++) {
    g_autoptr (GBytes) bytes = rtk_test_make_blob ("image/png", 200000, 1000 + round);
    g_autofree char *type64 = g_base64_encode ((const guchar *)"image/png", 9);
    g_autofree char *name64 = NULL;
    g_autofree char *metadata = NULL;
    g_autofree char *path = NULL;
    g_autoptr (RtkTestReply) created = NULL;
    g_autoptr (RtkTestReply) got = NULL;
    Caller callers[N_THREADS];
    char   sha256[65];
    guint  taken = 0;

    rtk_sha256_hex (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), sha256);
    name64 = g_base64_encode ((const guchar *)sha256, 64);
    metadata = g_strdup_printf ("sha256 %s,type %s", name64, type64);
    created = rtk_test_call_raw (campus.servers[0], campus.token, "POST", "/v1/uploads", NULL, NULL,
                                 (const char *[]){"Tus-Resumable", "1.0.0", "Upload-Length",
                                                  "200000", "Upload-Metadata", metadata, NULL});
    g_assert_cmpuint (created->status, ==, 201);
    for (guint i = 0; i < N_THREADS; i++) {
      callers[i] =
          (Caller){&campus, i, NULL, bytes, g_hash_table_lookup (created->headers, "location")};
      callers[i].thread = g_thread_new ("patch", patch, &callers[i]);
    }
    for (guint i = 0; i < N_THREADS; i++) {
      g_thread_join (callers[i].thread);
      taken += callers[i].status == 204;
      /* The others find the part in use, or longer than they knew. */
      g_assert_true (callers[i].status == 204 || callers[i].status == 409 ||
                     callers[i].status == 423);
    }
    g_assert_cmpuint (taken, ==, 1);
    path = g_strconcat ("/v1/photos/", sha256, NULL);
    got = rtk_test_call (campus.servers[round % campus.n_servers], campus.token, "GET", path, NULL);
    g_assert_cmpuint (got->status, ==, 200);
    g_assert_true (g_bytes_equal (got->body, bytes));
  }
  close_campus (&campus);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/processes/first-start", test_first_start);
  g_test_add_func ("/server/processes/feed", test_feed);
  g_test_add_func ("/server/processes/jobs", test_jobs);
  g_test_add_func ("/server/processes/parts", test_parts);
  return g_test_run ();
}
