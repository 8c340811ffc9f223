/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-clock.h"
#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-image.h"
#include "core/rtk-json.h"
#include "core/rtk-order.h"
#include "core/rtk-reason.h"
#include "core/rtk-worker.h"

#include <string.h>

static void
test_id (void)
{
  g_autofree char *early = rtk_id_new (1000);
  g_autofree char *late = rtk_id_new (G_GINT64_CONSTANT (1780000000000000));
  g_autofree char *again = rtk_id_new (G_GINT64_CONSTANT (1780000000000000));

  g_assert_true (rtk_id_is_valid (early));
  g_assert_true (rtk_id_is_valid (late));
  g_assert_cmpint (late[14], ==, '7');
  g_assert_nonnull (strchr ("89ab", late[19]));
  g_assert_cmpstr (early, <, late);
  g_assert_cmpstr (late, !=, again);
  g_assert_cmpint (strncmp (late, again, 13), ==, 0);
}

static void
test_id_refuses (void)
{
  static const char *const bad[] = {"",
                                    "0190",
                                    "019f1c2a-1111-7222-8333-44445555666",
                                    "019f1c2a-1111-7222-8333-4444555566667",
                                    "019F1C2A-1111-7222-8333-444455556666",
                                    "019f1c2a-1111-7222-8333-44445555666/",
                                    "../f1c2a-1111-7222-8333-444455556666"};

  g_assert_false (rtk_id_is_valid (NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (rtk_id_is_valid (bad[i]));
}

static void
test_sha256 (void)
{
  char hex[65];

  /* FIPS 180-4, the example "abc". */
  rtk_sha256_hex ((const guint8 *)"abc", 3, hex);
  g_assert_cmpstr (hex, ==, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  g_assert_true (rtk_sha256_is_valid (hex));
  hex[0] = 'B';
  g_assert_false (rtk_sha256_is_valid (hex));
  hex[0] = '\0';
  g_assert_false (rtk_sha256_is_valid (hex));
  g_assert_false (rtk_sha256_is_valid (NULL));
}

static void
test_time (void)
{
  static const gint64 times[] = {0, 1, 1780300800123456, -1, -1000000, 4102444800000000};

  for (gsize i = 0; i < G_N_ELEMENTS (times); i++) {
    g_autofree char *text = rtk_time_format (times[i]);
    gint64           back = 42;

    g_assert_true (rtk_time_parse (text, &back));
    g_assert_cmpint (back, ==, times[i]);
  }
  {
    g_autofree char *text = rtk_time_format (1780300800123456);
    gint64           shifted = 0;

    g_assert_cmpstr (text, ==, "2026-06-01T08:00:00.123456Z");
    g_assert_true (rtk_time_parse ("2026-06-01T16:00:00.123456+08:00", &shifted));
    g_assert_cmpint (shifted, ==, 1780300800123456);
  }
}

static void
test_time_refuses (void)
{
  gint64 time = 42;

  g_assert_false (rtk_time_parse (NULL, &time));
  g_assert_false (rtk_time_parse ("", &time));
  g_assert_false (rtk_time_parse ("yesterday at noon, or so", &time));
  g_assert_false (rtk_time_parse ("2026-06-01T08:00:00", &time));
  g_assert_false (rtk_time_parse ("2026-13-01T08:00:00Z", &time));
  g_assert_cmpint (time, ==, 42);
}

static void
test_clock (void)
{
  RtkClock *clock = rtk_system_clock_new ();
  gint64    a = rtk_clock_monotonic (clock);

  g_assert_cmpint (ABS (rtk_clock_now (clock) - g_get_real_time ()), <, G_USEC_PER_SEC * 10);
  g_assert_cmpint (rtk_clock_monotonic (clock), >=, a);
  g_assert_finalize_object (clock);
}

static char *
canonical (const char *text, GError **error)
{
  g_autoptr (JsonObject) object = rtk_json_parse_object (text, -1, NULL);
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autoptr (GBytes) bytes = NULL;

  g_assert_nonnull (object);
  json_node_set_object (node, object);
  bytes = rtk_json_canonical (node, error);
  return bytes != NULL ? g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes))
                       : NULL;
}

static void
test_json_canonical (void)
{
  g_autofree char *text = canonical (
      "{ \"b\" : [1, true, null, \"\\u00e4\\n\\u0001/\\\"\"], \"a\": {\"d\":-7,\"c\":\"\"}}", NULL);

  g_assert_cmpstr (text, ==,
                   "{\"a\":{\"c\":\"\",\"d\":-7},\"b\":[1,true,null,\"ä\\n\\u0001/\\\"\"]}");
}

static void
test_json_canonical_refuses (void)
{
  static const char *const bad[] = {"{\"a\":1.5}", "{\"a\":9007199254740993}",
                                    "{\"a\":-9223372036854775808}"};

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *text = canonical (bad[i], &error);

    g_assert_null (text);
    g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE);
  }
}

static void
test_json_strict (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) object =
      rtk_json_parse_object ("\t{\"a\":\"\\ud83d\\ude00\\\"\\/\",\"b\":[-0,0.5,1e3,-1.25E-2,{\"a\":"
                             "{\"a\":null}}],\"\":9223372036854775807}\r\n ",
                             -1, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (json_object_get_string_member (object, "a"), ==, "\xf0\x9f\x98\x80\"/");
  g_assert_cmpint (json_object_get_int_member (object, ""), ==, G_MAXINT64);
  g_assert_cmpfloat_with_epsilon (
      json_array_get_double_element (json_object_get_array_member (object, "b"), 3), -0.0125, 1e-9);
}

static void
test_json_hostile (void)
{
  g_autoptr (GString) deep = g_string_new ("{\"a\":");
  const char *bad[] = {"",
                       "null",
                       "[]",
                       "{",
                       "{\"a\":}",
                       "{\"a\":\"\xff\"}",
                       "{}{}",
                       "{}//",
                       "{'a':1}",
                       "{\"a\":1,}",
                       "{\"a\":1,\"a\":1}",
                       "{\"a\":[{\"b\":{\"c\":1,\"d\":2,\"c\":3}}]}",
                       "{\"a\":1,\"\\u0061\":1}",
                       "{\"a\":\"\001\"}",
                       "{\"a\":\"\n\"}",
                       "{\"a\":\"\\x41\"}",
                       "{\"a\":\"\\u00g0\"}",
                       "{\"a\":\"b\\u0000c\"}",
                       "{\"a\\u0000\":1}",
                       "{\"a\":\"\\ud800\"}",
                       "{\"a\":\"\\ud800\\u0041\"}",
                       "{\"a\":\"\\udc00\\ud800\"}",
                       "{\"a\":\"\\ud83d",
                       "{\"a\":\"\\",
                       "{\"a\":01}",
                       "{\"a\":-}",
                       "{\"a\":+1}",
                       "{\"a\":.5}",
                       "{\"a\":1.}",
                       "{\"a\":1e}",
                       "{\"a\":1e+}",
                       "{\"a\":1.5.5}",
                       "{\"a\":0x10}",
                       "{\"a\":NaN}",
                       "{\"a\":truex}",
                       "{\"a\":TRUE}",
                       "{\"a\":9223372036854775808}",
                       "{\"a\":-18446744073709551615}",
                       "{\"a\":1000000000000000000000000000000000000000000}"};

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (rtk_json_parse_object (bad[i], -1, &error));
    g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE);
  }
  for (int i = 0; i < 100000; i++)
    g_string_append_c (deep, '[');
  {
    g_autoptr (GError) error = NULL;

    g_assert_null (rtk_json_parse_object (deep->str, (gssize)deep->len, &error));
    g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE);
  }
}

static void
test_error_sentences (void)
{
  for (int code = 0; code <= RTK_ERROR_BACKEND; code++) {
    g_autoptr (GError) error = g_error_new_literal (RTK_ERROR, code, "x");
    const char *sentence = rtk_error_sentence (error);

    g_assert_nonnull (sentence);
    g_assert_true (g_str_has_suffix (sentence, "."));
  }
  {
    g_autoptr (GError) error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NO_SPACE, "x");

    g_assert_cmpint (rtk_error_code_from_io (error), ==, RTK_ERROR_DISK_FULL);
  }
}

static void
test_states (void)
{
  /* From, to: what may be done in one step, all else may not. */
  static const RtkPayment steps[][2] = {
      {RTK_PAYMENT_UNPAID, RTK_PAYMENT_CLOSED},       {RTK_PAYMENT_UNPAID, RTK_PAYMENT_PAID},
      {RTK_PAYMENT_UNPAID, RTK_PAYMENT_WAIVED},       {RTK_PAYMENT_PAID, RTK_PAYMENT_REFUND_DUE},
      {RTK_PAYMENT_REFUND_DUE, RTK_PAYMENT_REFUNDED},
  };
  guint allowed = 0;

  for (int from = 0; from < RTK_N_PAYMENTS; from++)
    for (int to = 0; to < RTK_N_PAYMENTS; to++)
      allowed += rtk_payment_may_become (from, to);
  g_assert_cmpuint (allowed, ==, G_N_ELEMENTS (steps));
  for (gsize i = 0; i < G_N_ELEMENTS (steps); i++)
    g_assert_true (rtk_payment_may_become (steps[i][0], steps[i][1]));
  g_assert_false (
      rtk_submission_state_may_become (RTK_SUBMISSION_APPROVED, RTK_SUBMISSION_REJECTED));
  g_assert_false (rtk_delivery_may_become (RTK_DELIVERY_NONE, RTK_DELIVERY_RECEIVED));
  for (int i = 0; i < RTK_N_PAYMENTS; i++) {
    RtkPayment back;

    g_assert_true (rtk_payment_from_string (rtk_payment_to_string (i), &back));
    g_assert_cmpint (back, ==, i);
  }
  for (int i = 0; i < RTK_N_REASONS; i++) {
    RtkReason back;

    g_assert_true (rtk_reason_from_string (rtk_reason_to_string (i), &back));
    g_assert_cmpint (back, ==, i);
    g_assert_nonnull (rtk_reason_get_title (i));
    for (int language = 0; language < RTK_N_LANGUAGES; language++) {
      g_assert_nonnull (rtk_reason_get_title_in (i, language));
      g_assert_nonnull (rtk_reason_get_message (i, language));
    }
  }
}

#define ORDER                                                                                      \
  "{\"id\":\"019f1c2a-1111-7222-8333-444455556666\",\"number\":\"RT-000042\",\"revision\":7,"      \
  "\"school\":\"示例大学\",\"batch\":\"2026\",\"subject\":{\"name_masked\":\"王*明\","       \
  "\"number_masked\":\"2022****01\"},\"code_digest\":null,\"payment\":\"refund_due\","             \
  "\"delivery\":\"none\",\"print\":\"requested\",\"created_at\":\"2026-06-01T08:00:00.000000Z\","  \
  "\"updated_at\":\"2026-06-02T08:00:00.000000Z\",\"submissions\":[%s]}"
#define SUBMISSION                                                                                 \
  "{\"id\":\"019f1c2a-1111-7222-8333-44445555%s\",\"state\":\"%s\",\"origin\":\"online\","         \
  "\"created_at\":\"2026-06-01T09:00:00.000000Z\",\"original\":null,\"delivered\":null,"           \
  "\"certificate\":null,\"reasons\":[\"eyes-closed\",\"a-new-one\"],\"note\":null}"

static void
test_order_round_trip (void)
{
  g_autofree char *newer = g_strdup_printf (SUBMISSION, "0002", "superseded");
  g_autofree char *older = g_strdup_printf (SUBMISSION, "0001", "rejected");
  g_autofree char *both = g_strdup_printf ("%s,%s", newer, older);
  g_autofree char *text = g_strdup_printf (ORDER, both);
  g_autoptr (JsonObject) object = rtk_json_parse_object (text, -1, NULL);
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autoptr (JsonNode) written = NULL;
  g_autoptr (RtkOrder) again = NULL;
  RtkOrder        *order;
  RtkSubmission   *current;
  const RtkReason *reasons;
  guint            n;

  json_node_set_object (node, object);
  order = rtk_order_from_json (node, NULL);
  g_assert_nonnull (order);
  g_assert_cmpstr (rtk_order_get_name_masked (order), ==, "王*明");
  g_assert_cmpint (rtk_order_get_revision (order), ==, 7);
  g_assert_cmpint (rtk_order_get_payment (order), ==, RTK_PAYMENT_REFUND_DUE);
  g_assert_true (rtk_order_may_retake (order));
  current = rtk_order_get_current_submission (order);
  g_assert_cmpint (rtk_submission_get_state (current), ==, RTK_SUBMISSION_REJECTED);
  reasons = rtk_submission_get_reasons (current, &n);
  g_assert_cmpuint (n, ==, 2);
  g_assert_cmpint (reasons[0], ==, RTK_REASON_EYES_CLOSED);
  g_assert_cmpint (reasons[1], ==, RTK_REASON_OTHER);
  written = rtk_order_to_json (order);
  again = rtk_order_from_json (written, NULL);
  g_assert_nonnull (again);
  g_assert_cmpuint (rtk_order_get_submissions (again)->len, ==, 2);
  g_assert_finalize_object (order);
}

static void
test_order_refuses (void)
{
  static const char *const changes[][2] = {
      {"\"revision\":7", "\"revision\":\"7\""},
      {"\"payment\":\"refund_due\"", "\"payment\":\"free\""},
      {"019f1c2a-1111", "../../../etc1"},
      {"\"code_digest\":null", "\"code_digest\":\"abc\""},
      {"\"submissions\":[]", "\"submissions\":[1]"},
      {"\"subject\":{", "\"subject\":[],\"x\":{"},
  };
  g_autofree char *text = g_strdup_printf (ORDER, "");

  for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
    g_autoptr (GString) changed = g_string_new (text);
    g_autoptr (JsonObject) object = NULL;
    g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
    g_autoptr (GError) error = NULL;

    g_assert_cmpuint (g_string_replace (changed, changes[i][0], changes[i][1], 1), ==, 1);
    object = rtk_json_parse_object (changed->str, -1, NULL);
    g_assert_nonnull (object);
    json_node_set_object (node, object);
    g_assert_null (rtk_order_from_json (node, &error));
    g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE);
  }
}

static void
test_image (void)
{
  guint8   *pixels = g_malloc0 (7 * 3);
  RtkImage *image = rtk_image_new_take (RTK_PIXEL_RGB24, 2, 3, 7, pixels);

  g_assert_cmpint (rtk_image_get_width (image), ==, 2);
  g_assert_cmpint (rtk_image_get_height (image), ==, 3);
  g_assert_cmpuint (rtk_image_get_stride (image), ==, 7);
  g_assert_true (rtk_image_get_pixels (image) == pixels);
  g_assert_true (rtk_image_ref (image) == image);
  rtk_image_unref (image);
  rtk_image_unref (image);
}

typedef struct {
  GMainLoop *loop;
  int        done;
  int        order[8];
} WorkerTest;

static void
work (GTask *task, gpointer state)
{
  int *sum = state;

  *sum += GPOINTER_TO_INT (g_task_get_task_data (task));
  g_task_return_int (task, *sum);
}

static void
worked_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  WorkerTest *test = user_data;

  test->order[test->done++] = (int)g_task_propagate_int (G_TASK (result), NULL);
  if (test->done == 3)
    g_main_loop_quit (test->loop);
}

static void
test_worker (void)
{
  WorkerTest test = {g_main_loop_new (NULL, FALSE), 0, {0}};
  RtkWorker *worker = rtk_worker_new ("test", g_new0 (int, 1), g_free);
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();

  g_cancellable_cancel (cancelled);
  for (int i = 1; i <= 3; i++) {
    g_autoptr (GTask) task = g_task_new (NULL, i == 2 ? cancelled : NULL, worked_cb, &test);

    g_task_set_task_data (task, GINT_TO_POINTER (i), NULL);
    rtk_worker_push (worker, task, work);
  }
  g_main_loop_run (test.loop);
  g_assert_cmpint (test.order[0], ==, 1);
  g_assert_cmpint (test.order[1], ==, -1); /* cancelled before its turn: never worked on */
  g_assert_cmpint (test.order[2], ==, 4);
  rtk_worker_free (worker);
  g_main_loop_unref (test.loop);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/core/id/new", test_id);
  g_test_add_func ("/core/id/refuses", test_id_refuses);
  g_test_add_func ("/core/id/sha256", test_sha256);
  g_test_add_func ("/core/clock/format", test_time);
  g_test_add_func ("/core/clock/refuses", test_time_refuses);
  g_test_add_func ("/core/clock/system", test_clock);
  g_test_add_func ("/core/json/canonical", test_json_canonical);
  g_test_add_func ("/core/json/canonical-refuses", test_json_canonical_refuses);
  g_test_add_func ("/core/json/hostile", test_json_hostile);
  g_test_add_func ("/core/json/strict", test_json_strict);
  g_test_add_func ("/core/error/sentences", test_error_sentences);
  g_test_add_func ("/core/states/tables", test_states);
  g_test_add_func ("/core/order/round-trip", test_order_round_trip);
  g_test_add_func ("/core/order/refuses", test_order_refuses);
  g_test_add_func ("/core/image/wraps", test_image);
  g_test_add_func ("/core/worker/serial", test_worker);
  return g_test_run ();
}
