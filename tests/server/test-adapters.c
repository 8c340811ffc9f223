/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-id.h"
#include "core/rtk-json.h"
#include "support/rtk-test-database.h"
#include "support/rtk-test-receiver.h"
#include "support/rtk-test-server.h"

#include <glib/gstdio.h>
#include <string.h>

#define N_ORDERS 6
#define MAX_PROCESSES 3

/* Servers that send their effects to a receiver of the test. */
typedef struct {
  RtkTestReceiver *receiver;
  RtkTestServer   *servers[MAX_PROCESSES]; /* the first has the folder */
  guint            n_servers;
  char            *secret_file;
  char            *supervisor;
  char            *orders[N_ORDERS];
} World;

static void
world_init (World *world, const char *provider, const char *hold_seconds)
{
  g_autofree char *url = NULL;
  g_autoptr (GError) error = NULL;
  int fd = g_file_open_tmp ("retake-secret-XXXXXX", &world->secret_file, &error);

  g_assert_no_error (error);
  g_assert_true (g_close (fd, NULL));
  g_assert_true (g_file_set_contents (world->secret_file, RTK_TEST_WEBHOOK_SECRET "\n", -1, NULL));
  world->receiver = rtk_test_receiver_new (0);
  url = rtk_test_receiver_dup_url (world->receiver);
  world->servers[0] = rtk_test_server_new (
      N_ORDERS, (const char *[]){"--webhook-url", url, "--webhook-secret-file", world->secret_file,
                                 "--webhook-timeout-seconds", "1", "--webhook-retry-seconds", "0",
                                 "--provider", provider, "--provider-secret-file",
                                 world->secret_file, "--hold-seconds", hold_seconds, NULL});
  world->n_servers = 1;
  world->supervisor = rtk_test_sign_in (world->servers[0], "supervisor");
  memset (world->orders, 0, sizeof world->orders);
}

static void
world_clear (World *world)
{
  while (world->n_servers > 0)
    rtk_test_server_free (world->servers[--world->n_servers]);
  g_clear_pointer (&world->receiver, rtk_test_receiver_free);
  (void)g_unlink (world->secret_file);
  g_free (world->secret_file);
  g_free (world->supervisor);
  for (guint i = 0; i < N_ORDERS; i++)
    g_free (world->orders[i]);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (World, world_clear)

static void
ask_refund (World *world, guint index)
{
  g_autofree char *token = rtk_test_sign_in_online (world->servers[0], index);
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *path = g_strdup_printf ("/v1/online/orders/%s/refund", world->orders[index]);
  g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\"}", id);
  g_autoptr (RtkTestReply) reply = rtk_test_call (world->servers[0], token, "POST", path, body);

  g_assert_cmpuint (reply->status, ==, 201);
}

/* So many orders whose money is due back. */
static void
make_refunds (World *world, guint n)
{
  for (guint i = 0; i < n; i++)
    world->orders[i] = rtk_test_make_order (world->servers[0], i, TRUE);
  for (guint i = 0; i < n; i++)
    ask_refund (world, i);
}

static RtkTestReply *
list_effects (World *world, const char *state)
{
  g_autofree char *path = g_strconcat ("/v1/effects?state=", state, NULL);
  RtkTestReply    *reply = rtk_test_call (world->servers[0], world->supervisor, "GET", path, NULL);

  g_assert_cmpuint (reply->status, ==, 200);
  return reply;
}

static guint
count_effects (World *world, const char *state)
{
  g_autoptr (RtkTestReply) reply = list_effects (world, state);

  return json_array_get_length (json_object_get_array_member (reply->json, "effects"));
}

/* Asks until so many effects are in the state. */
static void
wait_effects (World *world, const char *state, guint n)
{
  while (count_effects (world, state) < n)
    ;
  g_assert_cmpuint (count_effects (world, state), ==, n);
}

static void
assert_payment (World *world, guint index, const char *payment)
{
  g_autofree char *path = g_strconcat ("/v1/orders/", world->orders[index], NULL);
  g_autoptr (RtkTestReply) reply =
      rtk_test_call (world->servers[0], world->supervisor, "GET", path, NULL);

  g_assert_cmpstr (rtk_test_reply_text (reply, "payment"), ==, payment);
}

/* Every way to fail, for several effects at the same time: each is done, and done once. */
static void
test_storm (void)
{
  static const RtkTestAnswer plan[] = {
      RTK_TEST_ANSWER_ERROR,   RTK_TEST_ANSWER_HANG,    RTK_TEST_ANSWER_CLOSE, RTK_TEST_ANSWER_HALF,
      RTK_TEST_ANSWER_TWICE,   RTK_TEST_ANSWER_GARBAGE, RTK_TEST_ANSWER_BUSY,  RTK_TEST_ANSWER_HANG,
      RTK_TEST_ANSWER_ENDLESS, RTK_TEST_ANSWER_ERROR,   RTK_TEST_ANSWER_CLOSE, RTK_TEST_ANSWER_HALF,
      RTK_TEST_ANSWER_GARBAGE, RTK_TEST_ANSWER_TWICE,   RTK_TEST_ANSWER_BUSY,
  };
  g_auto (World) world;

  world_init (&world, "sandbox", "600");
  rtk_test_receiver_plan (world.receiver, plan, G_N_ELEMENTS (plan));
  make_refunds (&world, N_ORDERS);
  wait_effects (&world, "done", N_ORDERS);
  for (guint i = 0; i < N_ORDERS; i++)
    assert_payment (&world, i, "refunded");
  g_assert_cmpuint (rtk_test_receiver_get_keys (world.receiver), ==, N_ORDERS);
  g_assert_cmpuint (rtk_test_receiver_get_done (world.receiver), ==, N_ORDERS);
  g_assert_cmpuint (count_effects (&world, "failed"), ==, 0);
  g_assert_cmpuint (rtk_test_receiver_get_requests (world.receiver), >, N_ORDERS);
}

/* What is refused for good waits for a person, who has it sent again with the same key. */
static void
test_refused (void)
{
  static const RtkTestAnswer plan[] = {RTK_TEST_ANSWER_REFUSE};
  g_auto (World) world;
  g_autoptr (RtkTestReply) failed = NULL;
  g_autoptr (RtkTestReply) again = NULL;
  g_autoptr (RtkTestReply) too_late = NULL;
  g_autofree char *path = NULL;
  JsonObject      *effect;

  world_init (&world, "sandbox", "600");
  rtk_test_receiver_plan (world.receiver, plan, G_N_ELEMENTS (plan));
  make_refunds (&world, 1);
  wait_effects (&world, "failed", 1);
  failed = list_effects (&world, "failed");
  effect =
      json_array_get_object_element (json_object_get_array_member (failed->json, "effects"), 0);
  g_assert_cmpstr (json_object_get_string_member (effect, "kind"), ==, "refund");
  g_assert_cmpstr (json_object_get_string_member (effect, "problem"), ==,
                   "The receiver answered 400.");
  g_assert_cmpint (json_object_get_int_member (effect, "attempts"), ==, 1);
  assert_payment (&world, 0, "refund_due");
  path = g_strdup_printf ("/v1/effects/%s/retry", json_object_get_string_member (effect, "id"));
  again = rtk_test_call (world.servers[0], world.supervisor, "POST", path, NULL);
  g_assert_cmpuint (again->status, ==, 200);
  wait_effects (&world, "done", 1);
  assert_payment (&world, 0, "refunded");
  g_assert_cmpuint (rtk_test_receiver_get_keys (world.receiver), ==, 1);
  g_assert_cmpuint (rtk_test_receiver_get_most (world.receiver), ==, 2);
  too_late = rtk_test_call (world.servers[0], world.supervisor, "POST", path, NULL);
  rtk_test_assert_problem (too_late, 409, "not-failed");
}

/* The server is killed after it has sent and before it knows: the receiver sees the key again. */
static void
test_killed_server (void)
{
  static const RtkTestAnswer plan[] = {RTK_TEST_ANSWER_HANG};
  g_auto (World) world;

  world_init (&world, "sandbox", "600");
  rtk_test_receiver_plan (world.receiver, plan, G_N_ELEMENTS (plan));
  make_refunds (&world, 1);
  rtk_test_receiver_wait (world.receiver, 1);
  rtk_test_server_kill (world.servers[0]);
  rtk_test_server_start (world.servers[0]);
  wait_effects (&world, "done", 1);
  assert_payment (&world, 0, "refunded");
  g_assert_cmpuint (rtk_test_receiver_get_most (world.receiver), >=, 2);
  g_assert_cmpuint (rtk_test_receiver_get_keys (world.receiver), ==, 1);
  g_assert_cmpuint (rtk_test_receiver_get_done (world.receiver), ==, 1);
}

/* Killed again and again, wherever it stands: nothing is lost, nothing is done twice. PostgreSQL
 * keeps a lease until it is over, whoever died with it, so that there are fewer rounds. */
static void
test_killed_often (void)
{
  static const RtkTestAnswer all[] = {
      RTK_TEST_ANSWER_HANG,  RTK_TEST_ANSWER_OK,    RTK_TEST_ANSWER_CLOSE, RTK_TEST_ANSWER_HANG,
      RTK_TEST_ANSWER_ERROR, RTK_TEST_ANSWER_HALF,  RTK_TEST_ANSWER_HANG,  RTK_TEST_ANSWER_OK,
      RTK_TEST_ANSWER_HANG,  RTK_TEST_ANSWER_TWICE, RTK_TEST_ANSWER_CLOSE, RTK_TEST_ANSWER_HANG,
  };
  guint rounds = rtk_test_is_postgres () ? 1 : 6;
  g_auto (World) world;

  world_init (&world, "sandbox", "600");
  rtk_test_receiver_plan (world.receiver, all, G_N_ELEMENTS (all));
  make_refunds (&world, N_ORDERS);
  for (guint i = 1; i <= rounds; i++) {
    rtk_test_receiver_wait (world.receiver, i);
    rtk_test_server_kill (world.servers[0]);
    rtk_test_server_start (world.servers[0]);
  }
  wait_effects (&world, "done", N_ORDERS);
  for (guint i = 0; i < N_ORDERS; i++)
    assert_payment (&world, i, "refunded");
  g_assert_cmpuint (rtk_test_receiver_get_keys (world.receiver), ==, N_ORDERS);
  g_assert_cmpuint (rtk_test_receiver_get_done (world.receiver), ==, N_ORDERS);
}

/* The receiver is killed, and comes back at the same place. */
static void
test_killed_receiver (void)
{
  static const RtkTestAnswer plan[] = {RTK_TEST_ANSWER_HANG, RTK_TEST_ANSWER_HANG};
  g_auto (World) world;
  guint16 port;

  world_init (&world, "sandbox", "600");
  rtk_test_receiver_plan (world.receiver, plan, G_N_ELEMENTS (plan));
  make_refunds (&world, 2);
  rtk_test_receiver_wait (world.receiver, 1);
  port = rtk_test_receiver_get_port (world.receiver);
  rtk_test_receiver_free (world.receiver);
  world.receiver = NULL;
  /* Nobody listens for a while. */
  for (;;) {
    g_autoptr (RtkTestReply) due = list_effects (&world, "due");
    JsonArray *effects = json_object_get_array_member (due->json, "effects");

    if (json_array_get_length (effects) > 0 &&
        json_object_get_int_member (json_array_get_object_element (effects, 0), "attempts") > 2)
      break;
  }
  world.receiver = rtk_test_receiver_new (port);
  wait_effects (&world, "done", 2);
  g_assert_cmpuint (rtk_test_receiver_get_done (world.receiver), ==, 2);
}

/* Several processes on one database (one, where the storage is SQLite): nothing is sent twice when
 * nothing goes wrong. */
static void
test_processes (void)
{
  g_auto (World) world;

  world_init (&world, "sandbox", "600");
  while (rtk_test_is_postgres () && world.n_servers < MAX_PROCESSES)
    world.servers[world.n_servers++] = rtk_test_server_join (world.servers[0]);
  make_refunds (&world, N_ORDERS);
  wait_effects (&world, "done", N_ORDERS);
  g_assert_cmpuint (rtk_test_receiver_get_keys (world.receiver), ==, N_ORDERS);
  g_assert_cmpuint (rtk_test_receiver_get_requests (world.receiver), ==, N_ORDERS);
}

static void
reject (World *world)
{
  g_autofree char *reviewer = rtk_test_sign_in (world->servers[0], "reviewer");
  g_autoptr (RtkTestReply) claimed =
      rtk_test_call (world->servers[0], reviewer, "POST", "/v1/reviews/claim", "{}");
  JsonObject *item =
      json_array_get_object_element (json_object_get_array_member (claimed->json, "items"), 0);
  g_autofree char *path =
      g_strconcat ("/v1/reviews/", json_object_get_string_member (item, "submission"), NULL);
  g_autofree char *body = g_strdup_printf (
      "{\"verdict\":\"rejected\",\"revision\":%" G_GINT64_FORMAT ",\"reasons\":[\"glasses\"]}",
      json_object_get_int_member (json_object_get_object_member (item, "order"), "revision"));
  g_autoptr (RtkTestReply) reply = rtk_test_call (world->servers[0], reviewer, "POST", path, body);

  g_assert_cmpuint (reply->status, ==, 200);
}

/* A rejection sends the money back and tells the graduate; both wait for the end of the hold. */
static void
test_rejection (void)
{
  g_auto (World) world;

  world_init (&world, "sandbox", "600");
  world.orders[0] = rtk_test_make_order (world.servers[0], 0, TRUE);
  reject (&world);
  assert_payment (&world, 0, "refund_due");
  g_assert_cmpuint (count_effects (&world, "due"), ==, 2);
  g_assert_cmpuint (rtk_test_receiver_get_requests (world.receiver), ==, 0);
}

static void
test_message (void)
{
  g_auto (World) world;
  g_autofree char *body = NULL;
  g_autoptr (JsonObject) message = NULL;
  g_autoptr (GError) error = NULL;
  JsonObject *payload;

  world_init (&world, "sandbox", "0");
  world.orders[0] = rtk_test_make_order (world.servers[0], 0, TRUE);
  reject (&world);
  wait_effects (&world, "done", 2);
  assert_payment (&world, 0, "refunded");
  body = rtk_test_receiver_dup_body (world.receiver);
  g_assert_cmpuint (rtk_test_receiver_get_requests (world.receiver), ==, 2);
  message = rtk_json_parse_object (body, -1, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (json_object_get_string_member (message, "order"), ==, world.orders[0]);
  payload = json_object_get_object_member (message, "payload");
  if (strcmp (json_object_get_string_member (message, "kind"), "sms") == 0) {
    g_assert_cmpstr (json_object_get_string_member (payload, "phone"), ==, "10099990000");
    g_assert_nonnull (strstr (json_object_get_string_member (payload, "text"), "眼镜"));
  } else {
    g_assert_cmpint (json_object_get_int_member (payload, "amount_fen"), ==, 2500);
    g_assert_cmpstr (json_object_get_string_member (payload, "reason"), ==, "rejected");
    g_assert_cmpstr (json_object_get_string_member (payload, "method"), ==, "provider");
  }
}

/* What was taken in cash goes back at the desk: no bank can give it. */
static void
test_cash (void)
{
  g_auto (World) world;
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *path = NULL;
  g_autofree char *pay =
      g_strdup_printf ("{\"id\":\"%s\",\"method\":\"cash\",\"reference\":\"R 7\"}", id);
  g_autofree char *body = NULL;
  g_autoptr (RtkTestReply) paid = NULL;
  g_autoptr (JsonObject) message = NULL;
  g_autoptr (GError) error = NULL;
  JsonObject *payload;

  world_init (&world, "sandbox", "600");
  world.orders[0] = rtk_test_make_order (world.servers[0], 0, FALSE);
  path = g_strdup_printf ("/v1/orders/%s/payments", world.orders[0]);
  paid = rtk_test_call (world.servers[0], world.supervisor, "POST", path, pay);
  g_assert_cmpuint (paid->status, ==, 201);
  ask_refund (&world, 0);
  wait_effects (&world, "done", 1);
  body = rtk_test_receiver_dup_body (world.receiver);
  message = rtk_json_parse_object (body, -1, &error);
  g_assert_no_error (error);
  payload = json_object_get_object_member (message, "payload");
  g_assert_cmpstr (json_object_get_string_member (payload, "method"), ==, "cash");
  g_assert_cmpstr (json_object_get_string_member (payload, "provider"), ==, "cash");
  g_assert_cmpint (json_object_get_int_member (payload, "amount_fen"), ==, 2500);
}

/* Changes the database while nobody is at it. */
static void
change_database (World *world, const char *sql)
{
  g_autoptr (GError) error = NULL;

  rtk_test_server_stop (world->servers[0]);
  {
    g_autoptr (RtkServerDb) db = rtk_test_open_database (world->servers[0]->folder);

    g_assert_true (rtk_server_db_exec (db, sql, &error));
    g_assert_no_error (error);
  }
  rtk_test_server_start (world->servers[0]);
}

/* What cannot be read is put aside; what comes with it and after it is sent. */
static void
test_poison (void)
{
  g_auto (World) world;
  g_autoptr (RtkTestReply) failed = NULL;

  world_init (&world, "sandbox", "600");
  make_refunds (&world, 3);
  wait_effects (&world, "done", 3);
  /* Two get what is sealed for the third. */
  change_database (&world, "UPDATE effects SET state = 'due', not_before = 0, attempts = 0,"
                           " payload_cipher = (SELECT e.payload_cipher FROM effects e"
                           " ORDER BY e.id DESC LIMIT 1)");
  wait_effects (&world, "failed", 2);
  wait_effects (&world, "done", 1);
  failed = list_effects (&world, "failed");
  g_assert_cmpstr (
      json_object_get_string_member (
          json_array_get_object_element (json_object_get_array_member (failed->json, "effects"), 0),
          "problem"),
      ==, "What is to be sent cannot be read.");
}

static void
begin_payment (World *world, guint index)
{
  g_autofree char *token = NULL;
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *path = NULL;
  g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\"}", id);
  g_autoptr (RtkTestReply) begun = NULL;

  world->orders[index] = rtk_test_make_order (world->servers[0], index, FALSE);
  token = rtk_test_sign_in_online (world->servers[0], index);
  path = g_strdup_printf ("/v1/online/orders/%s/payment", world->orders[index]);
  begun = rtk_test_call (world->servers[0], token, "POST", path, body);
  g_assert_cmpuint (begun->status, ==, 201);
}

/* An adapter may show everybody the same code. Its answers are sealed. */
static void
test_same_code (void)
{
  g_auto (World) world;
  g_autoptr (RtkServerDb) db = NULL;
  g_autoptr (GError) error = NULL;
  RtkServerRows *row;
  guint          n = 0;

  world_init (&world, "webhook", "600");
  rtk_test_receiver_set_body (world.receiver, "{\"pay_code\":\"weixin://pay/1\"}");
  begin_payment (&world, 0);
  begin_payment (&world, 1);
  wait_effects (&world, "done", 2);
  rtk_test_server_stop (world.servers[0]);
  db = rtk_test_open_database (world.servers[0]->folder);
  row = rtk_server_db_query (db, &error, "SELECT answer_cipher FROM effects", "");
  while (rtk_server_db_next (db, row, &error)) {
    g_autoptr (GBytes) sealed = rtk_server_db_dup_bytes (row, 0);

    n++;
    g_assert_cmpuint (g_bytes_get_size (sealed), >, 20);
    g_assert_null (g_strstr_len (g_bytes_get_data (sealed, NULL), (gssize)g_bytes_get_size (sealed),
                                 "weixin"));
  }
  rtk_server_db_end (row);
  g_assert_no_error (error);
  g_assert_cmpuint (n, ==, 2);
}

/* What follows from an answer cannot be written: it is not sent for ever, somebody looks. */
static void
test_unwritable (void)
{
  g_auto (World) world;
  g_autoptr (RtkTestReply) failed = NULL;

  world_init (&world, "webhook", "600");
  rtk_test_receiver_set_body (world.receiver, "{\"pay_code\":\"weixin://pay/1\"}");
  change_database (&world, "CREATE UNIQUE INDEX in_the_way ON payments (pay_code)");
  begin_payment (&world, 0);
  begin_payment (&world, 1);
  wait_effects (&world, "done", 1);
  wait_effects (&world, "failed", 1);
  failed = list_effects (&world, "failed");
  g_assert_cmpstr (
      json_object_get_string_member (
          json_array_get_object_element (json_object_get_array_member (failed->json, "effects"), 0),
          "problem"),
      ==, "What follows from the answer cannot be written.");
}

static void
post (World *world, const char *path, const char *body)
{
  g_autoptr (RtkTestReply) reply =
      rtk_test_call (world->servers[0], world->supervisor, "POST", path, body);

  g_assert_cmpuint (reply->status, <, 300);
}

/* Somebody takes the print along before the courier was called: then none comes. */
static void
test_courier (void)
{
  static const RtkTestAnswer plan[] = {RTK_TEST_ANSWER_ERROR};
  g_auto (World) world;
  g_autofree char *print = rtk_test_new_id ();
  g_autofree char *ask = NULL;
  g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\",\"address\":\"A road 1\"}", print);
  g_autofree char *move = g_strconcat ("/v1/prints/", print, NULL);

  world_init (&world, "sandbox", "600");
  rtk_test_receiver_plan (world.receiver, plan, G_N_ELEMENTS (plan));
  world.orders[0] = rtk_test_make_order (world.servers[0], 0, TRUE);
  ask = g_strdup_printf ("/v1/orders/%s/prints", world.orders[0]);
  post (&world, ask, body);
  change_database (&world, "UPDATE submissions SET state = 'approved'");
  post (&world, move, "{\"state\":\"printed\"}");
  change_database (&world, "UPDATE effects SET state = 'due', attempts = 0, lease_until = NULL,"
                           " not_before = 9000000000000000;"
                           "UPDATE prints SET state = 'printed', carrier = NULL");
  g_assert_cmpuint (count_effects (&world, "due"), ==, 1);
  post (&world, move, "{\"state\":\"shipped\",\"carrier\":\"a friend\"}");
  g_assert_cmpuint (count_effects (&world, "cancelled"), ==, 1);
  g_assert_cmpuint (count_effects (&world, "due"), ==, 0);
}

/* The problem of the only effect that has failed. */
static char *
wait_problem (World *world)
{
  g_autoptr (RtkTestReply) reply = NULL;

  wait_effects (world, "failed", 1);
  reply = list_effects (world, "failed");
  return g_strdup (json_object_get_string_member (
      json_array_get_object_element (json_object_get_array_member (reply->json, "effects"), 0),
      "problem"));
}

/* Without a code nobody can pay: that the adapter took the request is not enough. */
static void
test_no_code (void)
{
  g_auto (World) world;
  g_autofree char *problem = NULL;
  g_autofree char *spaces = g_strnfill (5000, ' ');
  g_autofree char *large = g_strconcat ("{\"pay_code\":\"weixin://pay/1\"}", spaces, NULL);
  g_autofree char *longer = NULL;

  world_init (&world, "webhook", "600");
  rtk_test_receiver_set_body (world.receiver, "{\"code\":\"weixin://pay/1\"}");
  begin_payment (&world, 0);
  problem = wait_problem (&world);
  g_assert_cmpstr (problem, ==, "The answer to a payment has no pay_code.");
  change_database (&world, "UPDATE effects SET state = 'cancelled'");
  rtk_test_receiver_set_body (world.receiver, large);
  begin_payment (&world, 1);
  longer = wait_problem (&world);
  g_assert_cmpstr (longer, ==, "The receiver's answer is longer than 4096 bytes.");
}

/* Settles the only effect that has failed; returns how often a payment is said to have failed. */
static gint64
settle_failed (World *world)
{
  g_autoptr (RtkTestReply) list = NULL;
  g_autoptr (RtkServerDb) db = NULL;
  g_autofree char *path = NULL;

  wait_effects (world, "failed", 1);
  list = list_effects (world, "failed");
  path = g_strdup_printf (
      "/v1/effects/%s/settle",
      json_object_get_string_member (
          json_array_get_object_element (json_object_get_array_member (list->json, "effects"), 0),
          "id"));
  post (world, path, "{\"reference\":\"nobody makes one\"}");
  db = rtk_test_open_database (world->servers[0]->folder);
  return rtk_server_db_get_int (db, -1, "SELECT count (*) FROM audit WHERE action = 'payment.fail'",
                                "");
}

/* A code that nobody will make fails its payment, unless that has ended by itself. */
static void
test_dismissed (void)
{
  g_auto (World) world;
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *cash =
      g_strdup_printf ("{\"id\":\"%s\",\"method\":\"cash\",\"reference\":\"R-1\"}", id);
  g_autofree char *desk = NULL;

  world_init (&world, "webhook", "600");
  rtk_test_receiver_set_body (world.receiver, "{}");
  begin_payment (&world, 0);
  g_assert_cmpint (settle_failed (&world), ==, 1);
  begin_payment (&world, 1);
  desk = g_strdup_printf ("/v1/orders/%s/payments", world.orders[1]);
  post (&world, desk, cash);
  g_assert_cmpint (settle_failed (&world), ==, 1);
}

/* A provider outside: its adapter's answer has the code that the customer scans. */
static void
test_provider (void)
{
  g_auto (World) world;
  g_autofree char *token = NULL;
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *path = NULL;
  g_autofree char *status = NULL;
  g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\"}", id);
  g_autofree char *customer = g_strdup_printf ("/v1/sandbox/payments/%s", id);
  g_autoptr (RtkTestReply) begun = NULL;
  g_autoptr (RtkTestReply) known = NULL;
  g_autoptr (RtkTestReply) nobody = NULL;
  JsonObject *payment;

  world_init (&world, "webhook", "600");
  rtk_test_receiver_set_body (world.receiver, "{\"pay_code\":\"weixin://pay/1\"}");
  world.orders[0] = rtk_test_make_order (world.servers[0], 0, FALSE);
  token = rtk_test_sign_in_online (world.servers[0], 0);
  path = g_strdup_printf ("/v1/online/orders/%s/payment", world.orders[0]);
  begun = rtk_test_call (world.servers[0], token, "POST", path, body);
  g_assert_cmpuint (begun->status, ==, 201);
  wait_effects (&world, "done", 1);
  status = g_strconcat ("/v1/online/orders/", world.orders[0], NULL);
  known = rtk_test_call (world.servers[0], token, "GET", status, NULL);
  payment =
      json_array_get_object_element (json_object_get_array_member (known->json, "payments"), 0);
  g_assert_cmpstr (json_object_get_string_member (payment, "pay_code"), ==, "weixin://pay/1");
  /* Where there is real money nobody plays the customer, nor later when it was a sandbox's turn. */
  for (guint i = 0; i < 2; i++) {
    GStrv extra = world.servers[0]->extra;

    g_clear_pointer (&nobody, rtk_test_reply_free);
    nobody = rtk_test_call (world.servers[0], world.supervisor, "POST", customer, body);
    rtk_test_assert_problem (nobody, 404, "not-found");
    rtk_test_server_stop (world.servers[0]);
    while (strcmp (*extra, "webhook") != 0 && strcmp (*extra, "sandbox") != 0)
      extra++;
    g_free (*extra);
    *extra = g_strdup ("sandbox");
    rtk_test_server_start (world.servers[0]);
  }
}

/* Settings that would lose or tell something. */
static void
test_settings (void)
{
  static const char *const cases[][5] = {
      {"--webhook-url", "http://example.org/retake", "--webhook-secret-file", "good", "https"},
      {"--webhook-url", "https://example.org/retake", "--provider", "sandbox", "secret"},
      {"--webhook-url", "https://example.org/retake", "--webhook-secret-file", "short", "secret"},
      {"--webhook-url", "nonsense", "--webhook-secret-file", "good", "URL"},
      {"--webhook-url", "https://example.org/retake", "--webhook-secret-file", "good",
       "--provider-secret-file"},
      {"--provider", "webhook", "--price-fen", "1", "--webhook-url"},
      {"--provider", "cowrie", "--price-fen", "1", "sandbox, webhook or none"},
      {"--provider-secret-file", "short", "--price-fen", "1", "16 characters"},
  };
  g_autofree char *folder = g_dir_make_tmp ("retake-settings-XXXXXX", NULL);
  g_autofree char *good = g_build_filename (folder, "good", NULL);
  g_autofree char *bad = g_build_filename (folder, "short", NULL);

  g_assert_true (g_file_set_contents (good, "0123456789abcdef\n", -1, NULL));
  g_assert_true (g_file_set_contents (bad, "0123\n", -1, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    const char      *words[4];
    g_autofree char *text = NULL;

    for (guint w = 0; w < 4; w++)
      words[w] = strcmp (cases[i][w], "good") == 0    ? good
                 : strcmp (cases[i][w], "short") == 0 ? bad
                                                      : cases[i][w];
    g_assert_cmpint (
        rtk_test_server_command (folder, NULL, &text, words[0], words[1], words[2], words[3], NULL),
        ==, 2);
    g_test_message ("%s", text);
    g_assert_nonnull (strstr (text, cases[i][4]));
  }
  rtk_test_remove_folder (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/adapters/storm", test_storm);
  g_test_add_func ("/server/adapters/refused", test_refused);
  g_test_add_func ("/server/adapters/killed-server", test_killed_server);
  g_test_add_func ("/server/adapters/killed-often", test_killed_often);
  g_test_add_func ("/server/adapters/killed-receiver", test_killed_receiver);
  g_test_add_func ("/server/adapters/processes", test_processes);
  g_test_add_func ("/server/adapters/rejection", test_rejection);
  g_test_add_func ("/server/adapters/message", test_message);
  g_test_add_func ("/server/adapters/cash", test_cash);
  g_test_add_func ("/server/adapters/poison", test_poison);
  g_test_add_func ("/server/adapters/same-code", test_same_code);
  g_test_add_func ("/server/adapters/unwritable", test_unwritable);
  g_test_add_func ("/server/adapters/courier", test_courier);
  g_test_add_func ("/server/adapters/no-code", test_no_code);
  g_test_add_func ("/server/adapters/dismissed", test_dismissed);
  g_test_add_func ("/server/adapters/provider", test_provider);
  g_test_add_func ("/server/adapters/settings", test_settings);
  return g_test_run ();
}
