/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-desk.h"

/* What a thread of a race has to do. */
typedef struct {
  RtkTestDesk *desk;
  const char  *token;
  char        *path;
  char        *body;
  GMutex      *start;
  guint        status;
  const char  *url; /* (nullable): of another process than the desk's */
} Runner;

static gpointer
run_one (gpointer data)
{
  Runner        *runner = data;
  RtkTestServer *client =
      rtk_test_server_attach (runner->url != NULL ? runner->url : runner->desk->server->url);
  g_autoptr (RtkTestReply) reply = NULL;

  /* All of them stand at this line. */
  g_mutex_lock (runner->start);
  g_mutex_unlock (runner->start);
  reply = rtk_test_call (client, runner->token, "POST", runner->path, runner->body);
  runner->status = reply->status;
  rtk_test_server_free (client);
  return NULL;
}

/* Runs all at once. */
static void
race (Runner *runners, guint n)
{
  GMutex   start;
  GThread *threads[16];

  g_assert_cmpuint (n, <=, G_N_ELEMENTS (threads));
  g_mutex_init (&start);
  g_mutex_lock (&start);
  for (guint i = 0; i < n; i++) {
    runners[i].start = &start;
    threads[i] = g_thread_new ("runner", run_one, &runners[i]);
  }
  g_mutex_unlock (&start);
  for (guint i = 0; i < n; i++) {
    g_thread_join (threads[i]);
    g_free (runners[i].path);
    g_free (runners[i].body);
  }
  g_mutex_clear (&start);
}

static char *
verdict_body (JsonObject *item, const char *reasons)
{
  JsonObject *order = json_object_get_object_member (item, "order");

  return g_strdup_printf ("{\"verdict\":\"%s\",\"revision\":%" G_GINT64_FORMAT ",\"reasons\":[%s]}",
                          reasons != NULL ? "rejected" : "approved",
                          json_object_get_int_member (order, "revision"),
                          reasons != NULL ? reasons : "");
}

static char *
item_path (JsonObject *item, const char *what)
{
  return g_strconcat ("/v1/reviews/", json_object_get_string_member (item, "submission"), what,
                      NULL);
}

/* One reviewer's two windows say different things at the same time: one of them decides. */
static void
test_race_verdicts (void)
{
  g_auto (RtkTestDesk) desk;

  rtk_test_desk_init (&desk, (const char *[]){"--sample-percent", "0", NULL});
  for (guint round = 0; round < 4; round++) {
    g_autoptr (RtkTestReply) claimed = NULL;
    Runner runners[6];
    guint  n_taken = 0;

    rtk_test_desk_pay (&desk);
    claimed = rtk_test_desk_claim (&desk, desk.reviewer, "{}");
    for (guint i = 0; i < G_N_ELEMENTS (runners); i++) {
      static const char *const reasons[] = {NULL,       "\"gaze\"", "\"hair\"",
                                            "\"ears\"", "\"blur\"", "\"pose\""};

      runners[i] = (Runner){&desk,
                            desk.reviewer,
                            item_path (rtk_test_get_item (claimed, 0), ""),
                            verdict_body (rtk_test_get_item (claimed, 0), reasons[i]),
                            NULL,
                            0};
    }
    race (runners, G_N_ELEMENTS (runners));
    for (guint i = 0; i < G_N_ELEMENTS (runners); i++) {
      g_assert_true (runners[i].status == 200 || runners[i].status == 409);
      n_taken += runners[i].status == 200;
    }
    g_assert_cmpuint (n_taken, ==, 1);
  }
}

/* Claims at the same time share the queue without a double. */
static void
test_race_claims (void)
{
  g_auto (RtkTestDesk) desk;
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  const char *tokens[4];
  Runner      runners[8];
  guint       n = 0;

  rtk_test_desk_init (&desk, NULL);
  for (guint i = 0; i < 8; i++)
    rtk_test_desk_pay (&desk);
  tokens[0] = desk.reviewer;
  tokens[1] = desk.reviewer2;
  tokens[2] = desk.supervisor;
  tokens[3] = desk.supervisor2;
  for (guint i = 0; i < G_N_ELEMENTS (runners); i++)
    runners[i] = (Runner){&desk,
                          tokens[i % 4],
                          g_strdup ("/v1/reviews/claim"),
                          g_strdup_printf ("{\"count\":%u}", 1 + i % 3),
                          NULL,
                          0,
                          NULL};
  race (runners, G_N_ELEMENTS (runners));
  for (guint i = 0; i < 4; i++) {
    g_autoptr (RtkTestReply) held =
        rtk_test_call (desk.server, tokens[i], "POST", "/v1/reviews/renew", NULL);
    JsonArray *list = json_object_get_array_member (held->json, "submissions");

    for (guint k = 0; k < json_array_get_length (list); k++, n++)
      g_assert_true (g_hash_table_add (seen, g_strdup (json_array_get_string_element (list, k))));
  }
  g_assert_cmpuint (n, >=, 4);
}

/* The first one's undo against the second one's verdict: one of them wins, never both. */
static void
test_race_undo (void)
{
  g_auto (RtkTestDesk) desk;

  rtk_test_desk_init (&desk, RTK_TEST_SAMPLE_ALL);
  for (guint round = 0; round < 4; round++) {
    g_autoptr (RtkTestReply) first = NULL;
    g_autoptr (RtkTestReply) said = NULL;
    g_autoptr (RtkTestReply) second = NULL;
    g_autoptr (RtkTestReply) order = NULL;
    g_autoptr (RtkTestReply) back = NULL;
    Runner runners[2];

    rtk_test_desk_pay (&desk);
    first = rtk_test_desk_claim (&desk, desk.reviewer, "{}");
    said = rtk_test_desk_decide (&desk, desk.reviewer, rtk_test_get_item (first, 0), "\"gaze\"");
    second = rtk_test_desk_claim (&desk, desk.reviewer2, "{}");
    runners[0] = (Runner){&desk, desk.reviewer, item_path (rtk_test_get_item (first, 0), "/undo"),
                          NULL,  NULL,          0,
                          NULL};
    runners[1] = (Runner){&desk,
                          desk.reviewer2,
                          item_path (rtk_test_get_item (second, 0), ""),
                          verdict_body (rtk_test_get_item (second, 0), "\"gaze\""),
                          NULL,
                          0,
                          NULL};
    race (runners, 2);
    g_assert_cmpuint (runners[0].status + runners[1].status, ==, 200 + 409);
    order = rtk_test_desk_get_order (&desk);
    rtk_test_assert_state (order, runners[1].status == 200 ? "rejected" : "in_review",
                           runners[1].status == 200 ? "gaze" : "");
    back = rtk_test_call (desk.server, desk.reviewer, "DELETE", "/v1/reviews/claim", NULL);
    if (runners[0].status == 200) {
      g_autoptr (RtkTestReply) again = rtk_test_desk_claim (&desk, desk.supervisor, "{}");
      g_autoptr (RtkTestReply) end =
          rtk_test_desk_decide (&desk, desk.supervisor, rtk_test_get_item (again, 0), NULL);

      rtk_test_assert_state (end, "in_review", "");
      /* Out of the way of the next round. */
      {
        g_autoptr (RtkTestReply) last = rtk_test_desk_claim (&desk, desk.reviewer2, "{}");
        g_autoptr (RtkTestReply) final =
            rtk_test_desk_decide (&desk, desk.reviewer2, rtk_test_get_item (last, 0), NULL);

        g_assert_cmpuint (final->status, ==, 200);
      }
    }
  }
}

/* Several processes on one database: what is claimed at one is decided at another, once. */
static void
race_processes (void)
{
  g_auto (RtkTestDesk) desk;
  g_autoptr (RtkTestServer) other = NULL;

  rtk_test_desk_init (&desk, NULL);
  other = rtk_test_server_join (desk.server);
  for (guint round = 0; round < 4; round++) {
    g_autoptr (RtkTestReply) claimed = NULL;
    Runner runners[6];
    guint  n_taken = 0;

    rtk_test_desk_pay (&desk);
    claimed = rtk_test_desk_claim (&desk, desk.reviewer, "{}");
    for (guint i = 0; i < G_N_ELEMENTS (runners); i++) {
      static const char *const reasons[] = {NULL,       "\"gaze\"", "\"hair\"",
                                            "\"ears\"", "\"blur\"", "\"pose\""};

      runners[i] = (Runner){.desk = &desk,
                            .url = i % 2 == 0 ? desk.server->url : other->url,
                            .token = desk.reviewer,
                            .path = item_path (rtk_test_get_item (claimed, 0), ""),
                            .body = verdict_body (rtk_test_get_item (claimed, 0), reasons[i])};
    }
    race (runners, G_N_ELEMENTS (runners));
    for (guint i = 0; i < G_N_ELEMENTS (runners); i++)
      n_taken += runners[i].status == 200;
    g_assert_cmpuint (n_taken, ==, 1);
  }
}

static void
test_race_processes (void)
{
  if (!rtk_test_is_postgres ())
    g_test_skip ("SQLite has one process");
  else
    race_processes ();
}

/* Two supervisors arbitrate at once: the one who claimed it decides. */
static void
test_race_arbitration (void)
{
  g_auto (RtkTestDesk) desk;
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) said = NULL;
  g_autoptr (RtkTestReply) second = NULL;
  g_autoptr (RtkTestReply) differs = NULL;
  g_autoptr (RtkTestReply) third = NULL;
  g_autoptr (RtkTestReply) order = NULL;
  Runner runners[2];

  rtk_test_desk_init (&desk, RTK_TEST_SAMPLE_ALL);
  rtk_test_desk_pay (&desk);
  first = rtk_test_desk_claim (&desk, desk.reviewer, "{}");
  said = rtk_test_desk_decide (&desk, desk.reviewer, rtk_test_get_item (first, 0), "\"gaze\"");
  second = rtk_test_desk_claim (&desk, desk.reviewer2, "{}");
  differs = rtk_test_desk_decide (&desk, desk.reviewer2, rtk_test_get_item (second, 0), NULL);
  rtk_test_assert_state (differs, "in_review", "");
  third = rtk_test_desk_claim (&desk, desk.supervisor, "{}");
  runners[0] = (Runner){&desk,
                        desk.supervisor,
                        item_path (rtk_test_get_item (third, 0), ""),
                        verdict_body (rtk_test_get_item (third, 0), "\"gaze\""),
                        NULL,
                        0};
  runners[1] = (Runner){&desk,
                        desk.supervisor2,
                        item_path (rtk_test_get_item (third, 0), ""),
                        verdict_body (rtk_test_get_item (third, 0), NULL),
                        NULL,
                        0};
  race (runners, 2);
  g_assert_cmpuint (runners[0].status, ==, 200);
  g_assert_cmpuint (runners[1].status, ==, 409);
  order = rtk_test_desk_get_order (&desk);
  rtk_test_assert_state (order, "rejected", "gaze");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/review-races/verdicts", test_race_verdicts);
  g_test_add_func ("/server/review-races/claims", test_race_claims);
  g_test_add_func ("/server/review-races/undo", test_race_undo);
  g_test_add_func ("/server/review-races/processes", test_race_processes);
  g_test_add_func ("/server/review-races/arbitration", test_race_arbitration);
  return g_test_run ();
}
