/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-clock.h"
#include "core/rtk-json.h"
#include "server/rtk-server-options.h"
#include "server/rtk-server-payments.h"
#include "server/rtk-server-signature.h"
#include "support/rtk-test-database.h"
#include "support/rtk-test-server.h"

#include <glib/gstdio.h>
#include <string.h>

#define SECRET "a secret of the provider"

/* A server whose provider's secret the test knows, and one graduate's order. */
typedef struct {
  RtkTestServer *server;
  char          *secret_file;
  char          *account;
  char          *desk;
  char          *order;
  char          *payment; /* the last that was begun */
} Shop;

static void
shop_init (Shop *shop, const char *const *more)
{
  g_autoptr (GPtrArray) extra = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  int fd = g_file_open_tmp ("retake-secret-XXXXXX", &shop->secret_file, &error);

  g_assert_no_error (error);
  g_assert_true (g_close (fd, NULL));
  g_assert_true (g_file_set_contents (shop->secret_file, SECRET "\n", -1, NULL));
  g_ptr_array_add (extra, (char *)"--provider-secret-file");
  g_ptr_array_add (extra, shop->secret_file);
  for (guint i = 0; more != NULL && more[i] != NULL; i++)
    g_ptr_array_add (extra, (char *)more[i]);
  g_ptr_array_add (extra, NULL);
  shop->server = rtk_test_server_new (4, (const char *const *)extra->pdata);
  shop->order = rtk_test_make_order (shop->server, 0, FALSE);
  shop->account = rtk_test_sign_in_online (shop->server, 0);
  shop->desk = rtk_test_sign_in (shop->server, "supervisor");
  shop->payment = NULL;
}

static void
shop_clear (Shop *shop)
{
  rtk_test_server_free (shop->server);
  (void)g_unlink (shop->secret_file);
  g_free (shop->secret_file);
  g_free (shop->account);
  g_free (shop->desk);
  g_free (shop->order);
  g_free (shop->payment);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Shop, shop_clear)

static void
begin_payment (Shop *shop)
{
  g_autofree char *path = g_strdup_printf ("/v1/online/orders/%s/payment", shop->order);
  g_autofree char *body = NULL;
  g_autoptr (RtkTestReply) reply = NULL;

  g_free (shop->payment);
  shop->payment = rtk_test_new_id ();
  body = g_strdup_printf ("{\"id\":\"%s\",\"provider\":\"sandbox\"}", shop->payment);
  reply = rtk_test_call (shop->server, shop->account, "POST", path, body);
  g_assert_cmpuint (reply->status, ==, 201);
}

/* A callback; @age: seconds since it was signed. */
static RtkTestReply *
call_back (
    Shop *shop, const char *event, const char *payment, const char *state, int amount, int age)
{
  g_autofree char *text = g_strdup_printf (
      "{\"id\":\"%s\",\"payment\":\"%s\",\"state\":\"%s\",\"amount_fen\":%d,\"reference\":\"T\"}",
      event, payment, state, amount);
  g_autofree char *signature = rtk_server_signature_make (
      SECRET, g_get_real_time () / G_USEC_PER_SEC - age, text, strlen (text));
  g_autoptr (GBytes) body = g_bytes_new (text, strlen (text));

  return rtk_test_call_raw (shop->server, NULL, "POST", "/v1/provider/payments", "application/json",
                            body, (const char *[]){"Retake-Signature", signature, NULL});
}

/* Calls back and checks what the payment is afterwards. */
static void
expect (Shop       *shop,
        const char *event,
        const char *payment,
        const char *state,
        int         amount,
        const char *then)
{
  g_autoptr (RtkTestReply) reply = call_back (shop, event, payment, state, amount, 0);

  g_assert_cmpuint (reply->status, ==, 200);
  g_assert_cmpstr (rtk_test_reply_text (reply, "payment"), ==, payment);
  g_assert_cmpstr (rtk_test_reply_text (reply, "state"), ==, then);
}

static RtkTestReply *
get_order (Shop *shop)
{
  g_autofree char *path = g_strconcat ("/v1/orders/", shop->order, NULL);
  RtkTestReply    *reply = rtk_test_call (shop->server, shop->desk, "GET", path, NULL);

  g_assert_cmpuint (reply->status, ==, 200);
  return reply;
}

static void
assert_order (Shop *shop, const char *payment)
{
  g_autoptr (RtkTestReply) reply = get_order (shop);

  g_assert_cmpstr (rtk_test_reply_text (reply, "payment"), ==, payment);
}

static JsonObject *
find_payment (RtkTestReply *reply, const char *id)
{
  JsonArray *payments = json_object_get_array_member (reply->json, "payments");

  for (guint i = 0; i < json_array_get_length (payments); i++) {
    JsonObject *payment = json_array_get_object_element (payments, i);

    if (strcmp (json_object_get_string_member (payment, "id"), id) == 0)
      return payment;
  }
  g_assert_not_reached ();
}

static void
assert_payment (Shop *shop, const char *id, const char *state)
{
  g_autoptr (RtkTestReply) reply = get_order (shop);

  g_assert_cmpstr (json_object_get_string_member (find_payment (reply, id), "state"), ==, state);
}

/* Asks until the payment has come to a state: effects run by themselves. */
static void
wait_payment (Shop *shop, const char *id, const char *state)
{
  for (;;) {
    g_autoptr (RtkTestReply) reply = get_order (shop);

    if (strcmp (json_object_get_string_member (find_payment (reply, id), "state"), state) == 0)
      return;
  }
}

static void
test_callback (void)
{
  g_auto (Shop) shop;
  g_autoptr (RtkTestReply) pending = NULL;
  g_autoptr (RtkTestReply) old = NULL;
  g_autoptr (RtkTestReply) forged = NULL;
  g_autoptr (RtkTestReply) unknown = NULL;
  g_autoptr (RtkTestReply) reused = NULL;
  g_autofree char *nobody = rtk_test_new_id ();

  shop_init (&shop, NULL);
  begin_payment (&shop);
  pending = get_order (&shop);
  g_assert_cmpstr (rtk_test_reply_text (pending, "payment"), ==, "unpaid");
  g_assert_true (g_str_has_prefix (
      json_object_get_string_member (find_payment (pending, shop.payment), "pay_code"),
      "SANDBOX-"));
  /* Too old, not signed, of nobody. */
  old = call_back (&shop, "e0", shop.payment, "settled", 2500, 301);
  rtk_test_assert_problem (old, 401, "bad-signature");
  {
    g_autofree char *text = g_strdup_printf (
        "{\"id\":\"e0\",\"payment\":\"%s\",\"state\":\"settled\",\"amount_fen\":2500}",
        shop.payment);

    forged = rtk_test_call (shop.server, shop.desk, "POST", "/v1/provider/payments", text);
    rtk_test_assert_problem (forged, 401, "bad-signature");
  }
  unknown = call_back (&shop, "e0", nobody, "settled", 2500, 0);
  rtk_test_assert_problem (unknown, 404, "not-found");
  assert_order (&shop, "unpaid");
  expect (&shop, "e1", shop.payment, "settled", 2500, "settled");
  assert_order (&shop, "paid");
  /* Again, and what should have come before. */
  expect (&shop, "e1", shop.payment, "settled", 2500, "settled");
  expect (&shop, "e2", shop.payment, "failed", 2500, "settled");
  expect (&shop, "e3", shop.payment, "settled", 2500, "settled");
  reused = call_back (&shop, "e1", shop.payment, "failed", 2500, 0);
  rtk_test_assert_problem (reused, 409, "id-reused");
  assert_order (&shop, "paid");
}

/* A failure can be followed by success, but success by nothing. */
static void
test_failed (void)
{
  g_auto (Shop) shop;

  shop_init (&shop, NULL);
  begin_payment (&shop);
  expect (&shop, "e1", shop.payment, "failed", 2500, "failed");
  assert_order (&shop, "unpaid");
  expect (&shop, "e2", shop.payment, "settled", 2500, "settled");
  assert_order (&shop, "paid");
}

/* The second code takes the place of the first; whoever pays both gets one back. */
static void
test_twice (void)
{
  g_auto (Shop) shop;
  g_autofree char *first = NULL;

  shop_init (&shop, NULL);
  begin_payment (&shop);
  first = g_strdup (shop.payment);
  begin_payment (&shop);
  assert_payment (&shop, first, "expired");
  expect (&shop, "e1", shop.payment, "settled", 2500, "settled");
  expect (&shop, "e2", first, "settled", 2500, "refund_due");
  wait_payment (&shop, first, "refunded");
  assert_payment (&shop, shop.payment, "settled");
  assert_order (&shop, "paid");
}

/* Too little is no payment: it goes back. */
static void
test_amount (void)
{
  g_auto (Shop) shop;

  shop_init (&shop, NULL);
  begin_payment (&shop);
  expect (&shop, "e1", shop.payment, "settled", 1, "refund_due");
  wait_payment (&shop, shop.payment, "refunded");
  assert_order (&shop, "unpaid");
  begin_payment (&shop);
  expect (&shop, "e2", shop.payment, "settled", 2500, "settled");
  assert_order (&shop, "paid");
}

/* Who pays after the order was closed gets the money back; the order stays closed. */
static void
test_late (void)
{
  g_auto (Shop) shop;
  g_autofree char *later =
      rtk_time_format (g_get_real_time () + G_GINT64_CONSTANT (1860) * G_USEC_PER_SEC);

  shop_init (&shop, NULL);
  begin_payment (&shop);
  rtk_test_server_stop (shop.server);
  g_assert_cmpint (rtk_test_server_command (shop.server->folder, NULL, NULL, "close-unpaid",
                                            "--now", later, NULL),
                   ==, 0);
  rtk_test_server_start (shop.server);
  assert_order (&shop, "closed");
  assert_payment (&shop, shop.payment, "expired");
  expect (&shop, "e1", shop.payment, "settled", 2500, "refund_due");
  wait_payment (&shop, shop.payment, "refunded");
  assert_order (&shop, "closed");
}

static RtkTestReply *
pay_at_desk (Shop *shop, const char *token, const char *text)
{
  g_autofree char *path = g_strdup_printf ("/v1/orders/%s/payments", shop->order);
  g_autofree char *body = NULL;

  g_free (shop->payment);
  shop->payment = rtk_test_new_id ();
  body = g_strdup_printf ("{\"id\":\"%s\",%s}", shop->payment, text);
  return rtk_test_call (shop->server, token, "POST", path, body);
}

static void
test_desk (void)
{
  g_auto (Shop) shop;
  g_autofree char *operator_token = NULL;
  g_autoptr (RtkTestReply) no_receipt = NULL;
  g_autoptr (RtkTestReply) no_right = NULL;
  g_autoptr (RtkTestReply) odd = NULL;
  g_autoptr (RtkTestReply) stale = NULL;
  g_autoptr (RtkTestReply) code = NULL;
  g_autoptr (RtkTestReply) paid = NULL;

  shop_init (&shop, NULL);
  operator_token = rtk_test_sign_in (shop.server, "operator");
  no_receipt = pay_at_desk (&shop, operator_token, "\"method\":\"cash\"");
  rtk_test_assert_problem (no_receipt, 422, "missing-member");
  no_right = pay_at_desk (&shop, operator_token, "\"method\":\"waiver\",\"reference\":\"poor\"");
  rtk_test_assert_problem (no_right, 403, "forbidden");
  odd = pay_at_desk (&shop, operator_token, "\"method\":\"cowrie\"");
  rtk_test_assert_problem (odd, 422, "bad-member");
  /* Both sides of what was done on another revision. */
  stale = pay_at_desk (&shop, operator_token,
                       "\"method\":\"cash\",\"reference\":\"R\",\"base_revision\":0");
  rtk_test_assert_problem (stale, 409, "stale-revision");
  g_assert_cmpstr (
      json_object_get_string_member (json_object_get_object_member (stale->json, "order"), "id"),
      ==, shop.order);
  g_assert_cmpstr (
      json_object_get_string_member (json_object_get_object_member (stale->json, "mine"), "id"), ==,
      shop.payment);
  code = pay_at_desk (&shop, operator_token, "\"method\":\"code\"");
  g_assert_cmpuint (code->status, ==, 201);
  rtk_test_pay (shop.server, operator_token, shop.payment);
  assert_order (&shop, "paid");
  paid = pay_at_desk (&shop, operator_token, "\"method\":\"code\"");
  rtk_test_assert_problem (paid, 409, "already-paid");
}

/* Cash is the price; less is the supervisor's to take, nothing and more is nobody's. */
static void
test_cash (void)
{
  g_auto (Shop) shop;
  g_autofree char *operator_token = NULL;
  const int        odd[] = {0, 1, 2501, 10000000};

  shop_init (&shop, NULL);
  operator_token = rtk_test_sign_in (shop.server, "operator");
  for (guint i = 0; i < G_N_ELEMENTS (odd); i++) {
    g_autofree char *text =
        g_strdup_printf ("\"method\":\"cash\",\"reference\":\"R\",\"amount_fen\":%d", odd[i]);
    g_autoptr (RtkTestReply) no_right = pay_at_desk (&shop, operator_token, text);

    rtk_test_assert_problem (no_right, 403, "forbidden");
    if (odd[i] != 1) {
      g_autoptr (RtkTestReply) wrong = pay_at_desk (&shop, shop.desk, text);

      rtk_test_assert_problem (wrong, 422, "bad-member");
    }
  }
  assert_order (&shop, "unpaid");
  {
    g_autoptr (RtkTestReply) less =
        pay_at_desk (&shop, shop.desk, "\"method\":\"cash\",\"reference\":\"R\",\"amount_fen\":1");

    g_assert_cmpuint (less->status, ==, 201);
    g_assert_cmpint (json_object_get_int_member (find_payment (less, shop.payment), "amount_fen"),
                     ==, 1);
  }
  assert_order (&shop, "paid");
}

static RtkTestReply *
ask_print (Shop *shop, int copies)
{
  g_autofree char *path = g_strdup_printf ("/v1/orders/%s/prints", shop->order);
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\",\"copies\":%d}", id, copies);

  return rtk_test_call (shop->server, shop->desk, "POST", path, body);
}

/* Prints are for those who paid and did not get it back, and not for a whole year's work. */
static void
test_prints (void)
{
  g_auto (Shop) shop;
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *refund = NULL;
  g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\"}", id);
  g_autoptr (RtkTestReply) many = NULL;
  g_autoptr (RtkTestReply) asked = NULL;
  g_autoptr (RtkTestReply) paid_back = NULL;

  shop_init (&shop, NULL);
  begin_payment (&shop);
  rtk_test_pay (shop.server, shop.account, shop.payment);
  for (guint i = 0; i < 11; i++) {
    g_autoptr (RtkTestReply) one = ask_print (&shop, 1);

    if (i < 10)
      g_assert_cmpuint (one->status, ==, 201);
    else
      rtk_test_assert_problem (one, 409, "too-many-prints");
  }
  many = ask_print (&shop, 20);
  rtk_test_assert_problem (many, 409, "too-many-prints");
  refund = g_strdup_printf ("/v1/online/orders/%s/refund", shop.order);
  asked = rtk_test_call (shop.server, shop.account, "POST", refund, body);
  g_assert_cmpuint (asked->status, ==, 201);
  paid_back = ask_print (&shop, 1);
  rtk_test_assert_problem (paid_back, 409, "not-printable");
  wait_payment (&shop, shop.payment, "refunded");
  g_clear_pointer (&paid_back, rtk_test_reply_free);
  paid_back = ask_print (&shop, 1);
  rtk_test_assert_problem (paid_back, 409, "not-printable");
}

static RtkTestReply *
ask_refund (Shop *shop, const char *id)
{
  g_autofree char *path = g_strdup_printf ("/v1/online/orders/%s/refund", shop->order);
  g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\"}", id);

  return rtk_test_call (shop->server, shop->account, "POST", path, body);
}

/* The graduate wants the money back before anybody has looked at the photo. */
static void
test_refund (void)
{
  g_auto (Shop) shop;
  g_autofree char *id = rtk_test_new_id ();
  g_autoptr (RtkTestReply) early = NULL;
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) again = NULL;
  g_autoptr (RtkTestReply) queue = NULL;

  shop_init (&shop, NULL);
  early = ask_refund (&shop, id);
  rtk_test_assert_problem (early, 409, "not-refundable");
  begin_payment (&shop);
  rtk_test_pay (shop.server, shop.account, shop.payment);
  first = ask_refund (&shop, id);
  g_assert_cmpuint (first->status, ==, 201);
  again = ask_refund (&shop, id);
  g_assert_cmpuint (again->status, ==, 200);
  wait_payment (&shop, shop.payment, "refunded");
  assert_order (&shop, "refunded");
  queue = rtk_test_call (shop.server, shop.desk, "POST", "/v1/reviews/claim", "{}");
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (queue->json, "items")), ==,
                    0);
}

/* A code that has ended is paid after all, when its order was paid back already. */
static void
test_forgotten_code (void)
{
  g_auto (Shop) shop;
  g_autofree char *first = NULL;
  g_autofree char *id = rtk_test_new_id ();
  g_autoptr (RtkTestReply) asked = NULL;

  shop_init (&shop, NULL);
  begin_payment (&shop);
  first = g_strdup (shop.payment);
  begin_payment (&shop);
  expect (&shop, "e1", shop.payment, "settled", 2500, "settled");
  asked = ask_refund (&shop, id);
  g_assert_cmpuint (asked->status, ==, 201);
  wait_payment (&shop, shop.payment, "refunded");
  expect (&shop, "e2", first, "settled", 2500, "refund_due");
  wait_payment (&shop, first, "refunded");
  assert_order (&shop, "refunded");
}

/* The code of before pays as well; the one that waits is worth nothing then. */
static void
test_old_code (void)
{
  g_auto (Shop) shop;
  g_autofree char *first = NULL;

  shop_init (&shop, NULL);
  begin_payment (&shop);
  first = g_strdup (shop.payment);
  begin_payment (&shop);
  expect (&shop, "e1", first, "settled", 2500, "settled");
  assert_order (&shop, "paid");
  assert_payment (&shop, shop.payment, "expired");
}

/* Once a reviewer has begun, there is no way back but the verdict. */
static void
test_refund_too_late (void)
{
  g_auto (Shop) shop;
  g_autofree char *id = rtk_test_new_id ();
  g_autoptr (RtkTestReply) queue = NULL;
  g_autoptr (RtkTestReply) refused = NULL;

  shop_init (&shop, NULL);
  begin_payment (&shop);
  rtk_test_pay (shop.server, shop.account, shop.payment);
  queue = rtk_test_call (shop.server, shop.desk, "POST", "/v1/reviews/claim", "{}");
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (queue->json, "items")), ==,
                    1);
  refused = ask_refund (&shop, id);
  rtk_test_assert_problem (refused, 409, "not-refundable");
  assert_order (&shop, "paid");
}

static RtkTestReply *
review (Shop *shop, const char *submission, const char *action, const char *text)
{
  g_autofree char *path = g_strdup_printf ("/v1/reviews/%s%s", submission, action);
  g_autoptr (RtkTestReply) order = get_order (shop);
  g_autofree char *body = text != NULL
                              ? g_strdup_printf ("{\"revision\":%" G_GINT64_FORMAT ",%s}",
                                                 rtk_test_reply_int (order, "revision"), text)
                              : NULL;

  return rtk_test_call (shop->server, shop->desk, "POST", path, body);
}

/* A new order instead of the rejected one: the old one's money goes back, whatever becomes of the
 * verdict. Nobody pays two. */
static void
test_two_orders (void)
{
  g_auto (Shop) shop;
  g_autofree char *submission = NULL;
  g_autofree char *text = NULL;
  g_autofree char *other = rtk_test_new_id ();
  g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\"}", other);
  g_autoptr (RtkTestReply) queue = NULL;
  g_autoptr (RtkTestReply) rejected = NULL;
  g_autoptr (RtkTestReply) undone = NULL;
  g_autoptr (RtkTestReply) begun = NULL;
  g_autoptr (RtkTestReply) corrected = NULL;

  shop_init (&shop, NULL);
  begin_payment (&shop);
  rtk_test_pay (shop.server, shop.account, shop.payment);
  queue = rtk_test_call (shop.server, shop.desk, "POST", "/v1/reviews/claim", "{}");
  submission = g_strdup (json_object_get_string_member (
      json_array_get_object_element (json_object_get_array_member (queue->json, "items"), 0),
      "submission"));
  rejected = review (&shop, submission, "", "\"verdict\":\"rejected\",\"reasons\":[\"glasses\"]");
  g_assert_cmpuint (rejected->status, ==, 200);
  assert_order (&shop, "refund_due");
  begun = rtk_test_call (shop.server, shop.account, "POST", "/v1/online/orders", body);
  g_assert_cmpuint (begun->status, ==, 201);
  undone = review (&shop, submission, "/undo", NULL);
  rtk_test_assert_problem (undone, 409, "too-late");
  text = g_strdup_printf ("\"id\":\"%s\",\"verdict\":\"approved\",\"reasons\":[],"
                          "\"reason\":\"no glasses\"",
                          other);
  corrected = review (&shop, submission, "/correction", text);
  g_assert_cmpuint (corrected->status, ==, 201);
  assert_order (&shop, "refund_due");
  assert_payment (&shop, shop.payment, "refund_due");
}

/* Without anybody who takes money nobody plays it: cash is taken, and what is due waits. */
static void
test_no_provider (void)
{
  g_auto (Shop) shop;
  g_autofree char *path = NULL;
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\"}", id);
  g_autoptr (RtkTestReply) online = NULL;
  g_autoptr (RtkTestReply) code = NULL;
  g_autoptr (RtkTestReply) cash = NULL;
  g_autoptr (RtkTestReply) asked = NULL;
  g_autoptr (RtkTestReply) metrics = NULL;
  g_autofree char *text = NULL;

  shop_init (&shop, (const char *[]){"--provider", "none", NULL});
  path = g_strdup_printf ("/v1/online/orders/%s/payment", shop.order);
  online = rtk_test_call (shop.server, shop.account, "POST", path, body);
  rtk_test_assert_problem (online, 409, "no-provider");
  code = pay_at_desk (&shop, shop.desk, "\"method\":\"code\"");
  rtk_test_assert_problem (code, 409, "no-provider");
  cash = pay_at_desk (&shop, shop.desk, "\"method\":\"cash\",\"reference\":\"R\"");
  g_assert_cmpuint (cash->status, ==, 201);
  asked = ask_refund (&shop, id);
  g_assert_cmpuint (asked->status, ==, 201);
  metrics = rtk_test_call (shop.server, NULL, "GET", "/metrics", NULL);
  text = g_strndup (g_bytes_get_data (metrics->body, NULL), g_bytes_get_size (metrics->body));
  g_assert_nonnull (strstr (text, "retake_effects{kind=\"refund\",state=\"due\"} 1\n"));
  assert_payment (&shop, shop.payment, "refund_due");
}

/* Who may play: this machine, or who asks for it. */
static void
test_who_plays (void)
{
  RtkServerConfig config = {.is_public = FALSE};

  g_assert_cmpstr (rtk_server_provider_get (&config)->name, ==, "sandbox");
  config.is_public = TRUE;
  g_assert_null (rtk_server_provider_get (&config));
  config.provider = (char *)"sandbox";
  g_assert_cmpstr (rtk_server_provider_get (&config)->name, ==, "sandbox");
  config.provider = (char *)"none";
  config.is_public = FALSE;
  g_assert_null (rtk_server_provider_get (&config));
  config.provider = NULL;
  config.webhook_url = (char *)"https://example.org/";
  g_assert_cmpstr (rtk_server_provider_get (&config)->name, ==, "webhook");
}

/* Where it listens tells who can call. */
static void
test_listen (void)
{
  const char *cases[][2] = {{"127.0.0.1:0", ""}, {"[::1]:0", ""}, {"0.0.0.0:443", "public"}};

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    char *argv[] = {(char *)"retake-server", (char *)"--listen", (char *)cases[i][0], NULL};
    RtkServerOptions o;
    g_autoptr (GError) error = NULL;

    g_assert_true (rtk_server_options_read (&o, 3, argv, &error));
    g_assert_no_error (error);
    g_assert_cmpint (o.config.is_public, ==, cases[i][1][0] != '\0');
    rtk_server_options_clear (&o);
  }
}

/* In the sandbox, too, what cannot be read is put aside. */
static void
test_poison (void)
{
  g_auto (Shop) shop;
  g_auto (GStrv) codes = g_new0 (char *, 3);
  g_autoptr (GError) error = NULL;

  shop_init (&shop, NULL);
  for (guint i = 0; i < 2; i++) {
    begin_payment (&shop);
    codes[i] = g_strdup (shop.payment);
  }
  begin_payment (&shop);
  expect (&shop, "e1", shop.payment, "settled", 2500, "settled");
  expect (&shop, "e2", codes[0], "settled", 2500, "refund_due");
  expect (&shop, "e3", codes[1], "settled", 2500, "refund_due");
  wait_payment (&shop, codes[0], "refunded");
  wait_payment (&shop, codes[1], "refunded");
  rtk_test_server_stop (shop.server);
  {
    g_autoptr (RtkServerDb) db = rtk_test_open_database (shop.server->folder);

    /* One gets what is sealed for the other. */
    g_assert_true (rtk_server_db_exec (db,
                                       "UPDATE effects SET state = 'due', payload_cipher ="
                                       " (SELECT e.payload_cipher FROM effects e ORDER BY e.id"
                                       " DESC LIMIT 1)",
                                       &error));
  }
  rtk_test_server_start (shop.server);
  for (guint n = 0; n == 0;) {
    g_autoptr (RtkTestReply) done =
        rtk_test_call (shop.server, shop.desk, "GET", "/v1/effects?state=done", NULL);

    n = json_array_get_length (json_object_get_array_member (done->json, "effects"));
  }
  {
    g_autoptr (RtkTestReply) failed =
        rtk_test_call (shop.server, shop.desk, "GET", "/v1/effects?state=failed", NULL);

    g_assert_cmpuint (
        json_array_get_length (json_object_get_array_member (failed->json, "effects")), ==, 1);
  }
}

/* Nobody pays for others, and only in the sandbox. */
static void
test_sandbox (void)
{
  g_auto (Shop) shop;
  g_autofree char *other = NULL;
  g_autofree char *path = NULL;
  g_autofree char *event = rtk_test_new_id ();
  g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\"}", event);
  g_autoptr (RtkTestReply) foreign = NULL;
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) again = NULL;

  shop_init (&shop, NULL);
  other = rtk_test_sign_up (shop.server, 1);
  begin_payment (&shop);
  path = g_strconcat ("/v1/sandbox/payments/", shop.payment, NULL);
  foreign = rtk_test_call (shop.server, other, "POST", path, body);
  rtk_test_assert_problem (foreign, 404, "not-found");
  first = rtk_test_call (shop.server, shop.account, "POST", path, body);
  g_assert_cmpuint (first->status, ==, 200);
  again = rtk_test_call (shop.server, shop.account, "POST", path, body);
  g_assert_cmpuint (again->status, ==, 200);
  g_assert_cmpint (rtk_test_reply_int (again, "revision"), ==,
                   rtk_test_reply_int (first, "revision"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/payments/callback", test_callback);
  g_test_add_func ("/server/payments/failed", test_failed);
  g_test_add_func ("/server/payments/twice", test_twice);
  g_test_add_func ("/server/payments/amount", test_amount);
  g_test_add_func ("/server/payments/late", test_late);
  g_test_add_func ("/server/payments/desk", test_desk);
  g_test_add_func ("/server/payments/cash", test_cash);
  g_test_add_func ("/server/payments/prints", test_prints);
  g_test_add_func ("/server/payments/refund", test_refund);
  g_test_add_func ("/server/payments/forgotten-code", test_forgotten_code);
  g_test_add_func ("/server/payments/old-code", test_old_code);
  g_test_add_func ("/server/payments/refund-too-late", test_refund_too_late);
  g_test_add_func ("/server/payments/two-orders", test_two_orders);
  g_test_add_func ("/server/payments/no-provider", test_no_provider);
  g_test_add_func ("/server/payments/who-plays", test_who_plays);
  g_test_add_func ("/server/payments/listen", test_listen);
  g_test_add_func ("/server/payments/poison", test_poison);
  g_test_add_func ("/server/payments/sandbox", test_sandbox);
  return g_test_run ();
}
