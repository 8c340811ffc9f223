/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long others wait while somebody does something for very many at once:
 *
 *   bench-bulk [--lines N] [--orders N]
 *
 * Imports a roster of so many lines, imports it again, and delivers so many orders; then claims
 * with a filter that fits nothing while so many wait. Meanwhile one caller writes without a pause,
 * one reads and one signs in: their longest waits are printed, one JSON object a step. The orders
 * are filled in by a connection of its own. RTK_TEST_POSTGRES as for the tests. */
#include "core/rtk-id.h"
#include "server/rtk-server-call.h"
#include "support/rtk-test-database.h"
#include "support/rtk-test-server.h"

#include <stdlib.h>
#include <string.h>

static int lines = 60000;
static int orders = 10000;

#define RUN(...)                                                                                   \
  G_STMT_START                                                                                     \
  {                                                                                                \
    g_autoptr (GError) run_error = NULL;                                                           \
                                                                                                   \
    if (!rtk_server_db_run (db, &run_error, __VA_ARGS__))                                          \
      g_error ("%s", run_error->message);                                                          \
  }                                                                                                \
  G_STMT_END

/* One graduate with a paid order whose photo is in @state. */
static void
fill_one (RtkServerDb *db, gint64 i, const char *state, const char *school, const char *batch)
{
  gint64           now = g_get_real_time ();
  g_autofree char *roster = rtk_id_new (now);
  g_autofree char *order = rtk_id_new (now);
  g_autofree char *submission = rtk_id_new (now);
  g_autofree char *number = g_strdup_printf ("260601%06" G_GINT64_FORMAT, i);
  g_autofree char *sha256 = g_strnfill (64, 'a');
  g_autoptr (GBytes) nothing = g_bytes_new_static ("x", 1);

  RUN ("INSERT INTO roster (id, batch, name_masked, number_masked, name_cipher, number_cipher,"
       " number_digest, created_at) VALUES (?, ?, '王*明', '3201**********1234', ?, ?, ?, ?)",
       "ssbbsi", roster, batch, nothing, nothing, number, now);
  RUN ("INSERT INTO orders (id, number, revision, roster, payment, delivery, print, created_at,"
       " updated_at) VALUES (?, ?, 3, ?, 'paid', 'none', 'none', ?, ?)",
       "sssii", order, number, roster, now, now);
  RUN ("INSERT INTO submissions (id, order_id, state, origin, original, delivered, report, actor,"
       " created_at, engine, school, batch, serial, waiting, waiting_since) VALUES (?1, ?2, ?3,"
       " 'online', ?4, ?4, ?4, 'server', ?5, 'pass', ?6, ?7, ?8, CASE WHEN ?3 = 'submitted' THEN ?8"
       " ELSE NULL END, ?5)",
       "ssssissi", submission, order, state, sha256, now, school, batch, i);
  RUN ("INSERT INTO changes (seq, order_id) VALUES (?, ?)", "is", i, order);
}

/* Returns the batch whose photos are approved. */
static char *
fill (const char *folder)
{
  g_autoptr (RtkServerDb) db = rtk_test_open_database (folder);
  g_autofree char *school = rtk_test_new_id ();
  g_autofree char *waiting = rtk_test_new_id ();
  g_autofree char *sha256 = g_strnfill (64, 'a');
  char            *approved = rtk_test_new_id ();

  g_assert_true (rtk_server_db_begin (db, TRUE, NULL));
  RUN ("INSERT INTO schools (id, name) VALUES (?, '某大学')", "s", school);
  RUN ("INSERT INTO batches (id, school, name) VALUES (?, ?, 'a')", "ss", approved, school);
  RUN ("INSERT INTO batches (id, school, name) VALUES (?, ?, 'w')", "ss", waiting, school);
  RUN ("INSERT INTO photos (sha256, size, media_type, created_at) VALUES (?, 1, 'image/jpeg', 1)",
       "s", sha256);
  for (gint64 i = 1; i <= orders; i++)
    fill_one (db, i, "approved", school, approved);
  for (gint64 i = orders + 1; i <= orders + lines; i++)
    fill_one (db, i, "submitted", school, waiting);
  RUN ("UPDATE counters SET value = ?", "i", (gint64)orders + lines);
  g_assert_true (rtk_server_db_commit (db, NULL));
  return approved;
}

typedef struct {
  const char *url;
  const char *token; /* (nullable): signs in */
  const char *method;
  const char *path;
  const char *body; /* (nullable) */
  int         over; /* atomic */
  guint       n;
  gint64      most;
  gint64      sum;
} Other;

static gpointer
work (gpointer data)
{
  Other         *self = data;
  RtkTestServer *client = rtk_test_server_attach (self->url);

  while (!g_atomic_int_get (&self->over)) {
    gint64 start = g_get_monotonic_time ();
    g_autoptr (RtkTestReply) reply =
        rtk_test_call (client, self->token, self->method, self->path, self->body);
    gint64 took = g_get_monotonic_time () - start;

    if (reply->status >= 300)
      g_error ("%s answered %u", self->path, reply->status);
    self->n++;
    self->sum += took;
    self->most = MAX (self->most, took);
    g_usleep (2000);
  }
  rtk_test_server_free (client);
  return NULL;
}

static void
step (RtkTestServer *server,
      const char    *token,
      const char    *name,
      const char    *path,
      const char    *type,
      const char    *body)
{
  static const char *const names[] = {"write", "read", "sign_in"};
  Other                    others[] = {
                         {.token = token, .method = "POST", .path = "/v1/reviews/renew"},
                         {.token = token, .method = "GET", .path = "/v1/schools"},
                         {.method = "POST",
                          .path = "/v1/session",
                          .body = "{\"user\":\"reviewer\",\"password\":\"" RTK_TEST_PASSWORD "\"}"},
  };
  GThread *threads[G_N_ELEMENTS (others)];
  g_autoptr (GBytes) bytes = g_bytes_new (body, strlen (body));
  g_autoptr (RtkTestReply) reply = NULL;
  gint64 start;

  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    others[i].url = server->url;
    threads[i] = g_thread_new (names[i], work, &others[i]);
  }
  g_usleep (300000);
  start = g_get_monotonic_time ();
  reply = rtk_test_call_raw (server, token, "POST", path, type, bytes, NULL);
  g_print ("{\"step\": \"%s\", \"status\": %u, \"took_ms\": %.1f", name, reply->status,
           (double)(g_get_monotonic_time () - start) / 1000);
  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    g_atomic_int_set (&others[i].over, 1);
    g_thread_join (threads[i]);
    g_print (", \"%s\": {\"n\": %u, \"mean_ms\": %.1f, \"max_ms\": %.1f}", names[i], others[i].n,
             (double)others[i].sum / 1000 / MAX (others[i].n, 1), (double)others[i].most / 1000);
  }
  g_print ("}\n");
}

static char *
make_roster (void)
{
  g_autoptr (GString) text = g_string_new ("school,batch,name,number,code\n");

  for (int i = 0; i < lines; i++)
    g_string_append_printf (text, "学校%d,夏%d,王小%d,3201991990%08d,BENCH%08d\n", i % 20, i % 60,
                            i % 97, i, i);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

int
main (int argc, char **argv)
{
  const GOptionEntry entries[] = {
      {"lines", 0, 0, G_OPTION_ARG_INT, &lines, "Lines of the roster, and items that wait", "N"},
      {"orders", 0, 0, G_OPTION_ARG_INT, &orders, "Orders of the delivery", "N"},
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
                                      "--gold-percent",
                                      "0",
                                      NULL};
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkTestServer) server = NULL;
  g_autofree char *token = NULL;
  g_autofree char *roster = NULL;
  g_autofree char *batch = NULL;
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *delivery = NULL;
  g_autofree char *receipt = g_strdup_printf ("/v1/exports/%s/receipt", id);

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    g_printerr ("bench-bulk: %s\n", error->message);
    return 2;
  }
  roster = make_roster ();
  server = rtk_test_server_new (1, extra);
  rtk_test_server_stop (server);
  batch = fill (server->folder);
  rtk_test_server_start (server);
  token = rtk_test_sign_in (server, "supervisor");
  delivery = g_strdup_printf ("{\"id\":\"%s\",\"receiver\":\"r\",\"batch\":\"%s\"}", id, batch);
  step (server, token, "import", "/v1/roster", "text/csv", roster);
  step (server, token, "again", "/v1/roster", "text/csv", roster);
  step (server, token, "export", "/v1/exports", "application/json", delivery);
  step (server, token, "receipt", receipt, "application/json", "{\"reference\":\"R\"}");
  step (server, token, "no-school", "/v1/reviews/claim", "application/json",
        "{\"count\":10,\"school\":\"nowhere\"}");
  step (server, token, "no-batch", "/v1/reviews/claim", "application/json",
        "{\"count\":10,\"batch\":\"a\"}");
  step (server, token, "no-engine", "/v1/reviews/claim", "application/json",
        "{\"count\":10,\"engine\":\"fail\"}");
  step (server, token, "no-stage", "/v1/reviews/claim", "application/json",
        "{\"count\":10,\"stage\":\"arbitration\",\"attempt\":3}");
  return 0;
}
