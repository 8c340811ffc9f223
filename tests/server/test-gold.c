/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-desk.h"

#include <string.h>

static JsonObject *
find_order (RtkTestReply *claimed, const char *order)
{
  for (guint i = 0; i < rtk_test_count_items (claimed); i++) {
    JsonObject *item = rtk_test_get_item (claimed, i);

    if (strcmp (json_object_get_string_member (json_object_get_object_member (item, "order"), "id"),
                order) == 0)
      return item;
  }
  return NULL;
}

/* Whether two values have the same members, all the way down; arrays by their first element. */
static void
assert_alike (JsonNode *a, JsonNode *b, const char *name)
{
  g_test_message ("%s", name);
  if (JSON_NODE_HOLDS_OBJECT (a)) {
    JsonObject *x = json_node_get_object (a);
    JsonObject *y = json_node_get_object (b);
    g_autoptr (GList) members = json_object_get_members (x);
    g_autoptr (GList) others = json_object_get_members (y);
    GList *m = others;

    g_assert_cmpuint (g_list_length (members), ==, g_list_length (others));
    for (GList *l = members; l != NULL; l = l->next, m = m->next) {
      g_assert_cmpstr (l->data, ==, m->data);
      assert_alike (json_object_get_member (x, l->data), json_object_get_member (y, m->data),
                    l->data);
    }
  } else if (JSON_NODE_HOLDS_ARRAY (a)) {
    JsonArray *x = json_node_get_array (a);
    JsonArray *y = json_node_get_array (b);

    if (json_array_get_length (x) > 0 && json_array_get_length (y) > 0)
      assert_alike (json_array_get_element (x, 0), json_array_get_element (y, 0), name);
  } else {
    g_assert_cmpint (json_node_get_node_type (a), ==, json_node_get_node_type (b));
  }
}

static void
assert_same_shape (JsonObject *a, JsonObject *b)
{
  g_autoptr (JsonNode) x = json_node_init_object (json_node_alloc (), a);
  g_autoptr (JsonNode) y = json_node_init_object (json_node_alloc (), b);

  assert_alike (x, y, "item");
}

/* Makes the order that was paid last one whose verdict is known: rejected, by the supervisor. */
static void
add_gold (RtkTestDesk *desk)
{
  g_autoptr (RtkTestReply) claimed = rtk_test_desk_claim (desk, desk->supervisor2, "{}");
  g_autoptr (RtkTestReply) done =
      rtk_test_desk_decide (desk, desk->supervisor2, rtk_test_get_item (claimed, 0), "\"hair\"");
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *body = g_strdup_printf (
      "{\"id\":\"%s\",\"submission\":\"%s\",\"verdict\":\"rejected\",\"reasons\":[\"hair\"]}", id,
      json_object_get_string_member (rtk_test_get_item (claimed, 0), "submission"));
  g_autoptr (RtkTestReply) added = NULL;

  rtk_test_assert_state (done, "rejected", "hair");
  added = rtk_test_call (desk->server, desk->supervisor, "POST", "/v1/gold", body);
  g_assert_cmpuint (added->status, ==, 201);
}

/* The statistics know what was gold, and count it apart. */
static void
assert_gold_wrong (RtkTestDesk *desk)
{
  g_autoptr (RtkTestReply) figures =
      rtk_test_call (desk->server, desk->supervisor, "GET", "/v1/reviews/statistics", NULL);
  JsonArray *reviewers = json_object_get_array_member (figures->json, "reviewers");
  guint      n = 0;

  for (guint i = 0; i < json_array_get_length (reviewers); i++) {
    JsonObject *one = json_array_get_object_element (reviewers, i);

    if (strcmp (json_object_get_string_member (one, "name"), "reviewer") == 0) {
      g_assert_cmpint (json_object_get_int_member (one, "gold_wrong"), ==, 1);
      g_assert_cmpint (json_object_get_int_member (one, "decided"), ==, 1);
      n++;
    }
  }
  g_assert_cmpuint (n, ==, 1);
}

/* A photo whose verdict is known looks like any other, answers like any other, and is in no feed.
 */
static void
test_gold (void)
{
  g_auto (RtkTestDesk) desk;
  g_autoptr (RtkTestReply) claimed = NULL;
  g_autoptr (RtkTestReply) both = NULL;
  g_autoptr (RtkTestReply) seen = NULL;
  g_autoptr (RtkTestReply) hidden = NULL;
  g_autoptr (RtkTestReply) stale = NULL;
  g_autoptr (RtkTestReply) said = NULL;
  g_autoptr (RtkTestReply) again = NULL;
  g_autoptr (RtkTestReply) other = NULL;
  g_autoptr (RtkTestReply) real = NULL;
  g_autoptr (RtkTestReply) undone = NULL;
  g_autoptr (RtkTestReply) wrong = NULL;
  g_autoptr (RtkTestReply) feed = NULL;
  g_autofree char *path = NULL;
  g_autofree char *feed_text = NULL;
  JsonObject      *item;
  JsonObject      *gold = NULL;
  const char      *gold_order;

  rtk_test_desk_init (&desk, (const char *[]){"--gold-percent", "100", NULL});
  rtk_test_desk_pay (&desk);
  add_gold (&desk);
  rtk_test_desk_pay (&desk);
  /* Neither who chose it nor who decided it gets it: nothing but the real one comes. */
  {
    g_autoptr (RtkTestReply) chooser =
        rtk_test_desk_claim (&desk, desk.supervisor, "{\"count\":5}");
    g_autoptr (RtkTestReply) back = NULL;

    g_assert_cmpuint (rtk_test_count_items (chooser), ==, 1);
    back = rtk_test_call (desk.server, desk.supervisor, "DELETE", "/v1/reviews/claim", NULL);
    g_assert_cmpuint (back->status, ==, 204);
  }
  claimed = rtk_test_desk_claim (&desk, desk.reviewer, "{\"count\":1}");
  g_assert_cmpuint (rtk_test_count_items (claimed), ==, 1);
  both = rtk_test_desk_claim (&desk, desk.reviewer, "{\"count\":5}");
  g_assert_cmpuint (rtk_test_count_items (both), ==, 2);
  item = find_order (both, desk.order);
  g_assert_nonnull (item);
  gold = rtk_test_get_item (both, rtk_test_get_item (both, 0) == item ? 1 : 0);
  assert_same_shape (item, gold);
  gold_order = json_object_get_string_member (json_object_get_object_member (gold, "order"), "id");
  path = g_strconcat ("/v1/orders/", gold_order, NULL);
  seen = rtk_test_call (desk.server, desk.reviewer, "GET", path, NULL);
  g_assert_cmpuint (seen->status, ==, 200);
  hidden = rtk_test_call (desk.server, desk.reviewer2, "GET", path, NULL);
  rtk_test_assert_problem (hidden, 404, "not-found");
  other = rtk_test_desk_act (&desk, desk.reviewer2, gold, "/release", NULL);
  rtk_test_assert_problem (other, 404, "not-found");
  stale = rtk_test_desk_act (&desk, desk.reviewer, gold, "",
                             "{\"verdict\":\"approved\",\"revision\":999}");
  rtk_test_assert_problem (stale, 409, "stale-revision");
  said = rtk_test_desk_decide (&desk, desk.reviewer, gold, "\"hair\"");
  rtk_test_assert_state (said, "rejected", "hair");
  g_assert_cmpstr (rtk_test_reply_text (said, "payment"), ==, "refund_due");
  real = rtk_test_desk_decide (&desk, desk.reviewer, item, "\"hair\"");
  assert_same_shape (real->json, said->json);
  again = rtk_test_desk_decide (&desk, desk.reviewer, gold, "\"hair\"");
  g_assert_cmpuint (again->status, ==, 200);
  undone = rtk_test_desk_act (&desk, desk.reviewer, gold, "/undo", NULL);
  g_assert_cmpuint (undone->status, ==, 200);
  wrong = rtk_test_desk_decide (&desk, desk.reviewer, undone->json, NULL);
  rtk_test_assert_state (wrong, "approved", "");
  feed = rtk_test_call (desk.server, desk.supervisor, "GET", "/v1/changes", NULL);
  feed_text = g_strndup (g_bytes_get_data (feed->body, NULL), g_bytes_get_size (feed->body));
  g_assert_null (strstr (feed_text, gold_order));
  assert_gold_wrong (&desk);
}

/* No photo comes a second time while there is one that the reviewer has not seen. */
static void
test_gold_turns (void)
{
  g_auto (RtkTestDesk) desk;
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  rtk_test_desk_init (&desk, (const char *[]){"--gold-percent", "100", NULL});
  for (guint i = 0; i < 3; i++) {
    rtk_test_desk_pay (&desk);
    add_gold (&desk);
  }
  for (guint i = 0; i < 3; i++) {
    g_autoptr (RtkTestReply) claimed = NULL;

    rtk_test_desk_pay (&desk);
    claimed = rtk_test_desk_claim (&desk, desk.reviewer, "{\"count\":1}");
    claimed = (rtk_test_reply_free (claimed),
               rtk_test_desk_claim (&desk, desk.reviewer, "{\"count\":9}"));
    g_assert_cmpuint (rtk_test_count_items (claimed), ==, 2);
    for (guint k = 0; k < 2; k++) {
      JsonObject *item = rtk_test_get_item (claimed, k);
      JsonObject *order = json_object_get_object_member (item, "order");
      g_autoptr (RtkTestReply) done = NULL;

      if (strcmp (json_object_get_string_member (order, "id"), desk.order) != 0)
        g_assert_true (g_hash_table_add (
            seen, g_strdup (json_object_get_string_member (rtk_test_newest (order), "delivered"))));
      done = rtk_test_desk_decide (&desk, desk.reviewer, item, NULL);
      rtk_test_assert_state (done, "approved", "");
    }
  }
  g_assert_cmpuint (g_hash_table_size (seen), ==, 3);
}

static gint64
number_of (JsonObject *item)
{
  return g_ascii_strtoll (
      json_object_get_string_member (json_object_get_object_member (item, "order"), "number"), NULL,
      10);
}

/* The number of a showing is one that was left free among those of its neighbours. */
static void
test_numbers (void)
{
  g_auto (RtkTestDesk) desk;
  g_autoptr (RtkTestReply) claimed = NULL;
  g_autoptr (GHashTable) real = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (RtkTestReply) first = NULL;
  gint64 least;
  gint64 most = 0;
  guint  n_showings = 0;

  rtk_test_desk_init (&desk, (const char *[]){"--gold-percent", "100", NULL});
  rtk_test_desk_pay (&desk);
  first = rtk_test_desk_get_order (&desk);
  least = g_ascii_strtoll (rtk_test_reply_text (first, "number"), NULL, 10);
  add_gold (&desk);
  /* Half of the numbers are left free: which, is not known, but soon there is one. */
  do {
    g_autoptr (RtkTestReply) order = NULL;
    rtk_test_desk_pay (&desk);
    g_hash_table_add (real, g_strdup (desk.order));
    order = rtk_test_desk_get_order (&desk);
    most = g_ascii_strtoll (rtk_test_reply_text (order, "number"), NULL, 10);
  } while (most - least == g_hash_table_size (real));
  claimed = rtk_test_desk_claim (&desk, desk.reviewer, "{\"count\":1}");
  claimed =
      (rtk_test_reply_free (claimed), rtk_test_desk_claim (&desk, desk.reviewer, "{\"count\":40}"));
  for (guint i = 0; i < rtk_test_count_items (claimed); i++) {
    JsonObject *item = rtk_test_get_item (claimed, i);
    const char *id =
        json_object_get_string_member (json_object_get_object_member (item, "order"), "id");

    if (g_hash_table_contains (real, id))
      continue;
    n_showings++;
    g_assert_cmpint (number_of (item), >, least);
    for (guint k = 0; k < rtk_test_count_items (claimed); k++)
      g_assert_true (k == i || number_of (rtk_test_get_item (claimed, k)) != number_of (item));
    g_assert_cmpint (number_of (item), <, most);
  }
  g_assert_cmpuint (n_showings, ==, 1);
}

static RtkTestReply *
get_history (RtkTestDesk *desk, const char *token, JsonObject *item)
{
  g_autofree char *path = g_strdup_printf (
      "/v1/orders/%s/history",
      json_object_get_string_member (json_object_get_object_member (item, "order"), "id"));

  return rtk_test_call (desk->server, token, "GET", path, NULL);
}

/* What one can tell two histories by, but for ids, times and who the graduate is. */
static char *
summarize (RtkTestReply *reply, JsonObject *item)
{
  static const char *const lists[] = {"notes", "payments", "effects", "conflicts"};
  JsonObject              *order = json_object_get_object_member (item, "order");
  g_autoptr (GString) text = g_string_new (NULL);
  JsonArray *entries;

  g_assert_cmpuint (reply->status, ==, 200);
  entries = json_object_get_array_member (reply->json, "entries");
  for (guint i = 0; i < json_array_get_length (entries); i++) {
    JsonObject *entry = json_array_get_object_element (entries, i);
    const char *actor = json_object_get_string_member (entry, "actor");
    const char *target = json_object_get_string_member (entry, "target");
    g_autoptr (GList) members =
        json_object_get_members (json_object_get_object_member (entry, "detail"));

    g_string_append_printf (
        text, "%d %s %s %s", (int)json_object_get_int_member (entry, "seq"),
        json_object_get_string_member (entry, "action"),
        g_str_has_prefix (actor, "account:") ? "account" : actor,
        strcmp (target, json_object_get_string_member (order, "id")) == 0          ? "order"
        : strcmp (target, json_object_get_string_member (item, "submission")) == 0 ? "photo"
                                                                                   : "other");
    for (GList *l = members; l != NULL; l = l->next)
      g_string_append_printf (text, " %s", (const char *)l->data);
    g_string_append_c (text, '\n');
  }
  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    g_string_append_printf (
        text, "%s %u\n", lists[i],
        json_array_get_length (json_object_get_array_member (reply->json, lists[i])));
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
assert_histories (RtkTestDesk *desk, JsonObject *item, JsonObject *gold, const char *expected)
{
  g_autoptr (RtkTestReply) of_real = get_history (desk, desk->reviewer, item);
  g_autoptr (RtkTestReply) of_gold = get_history (desk, desk->reviewer, gold);
  g_autofree char *real_text = summarize (of_real, item);
  g_autofree char *gold_text = summarize (of_gold, gold);

  assert_same_shape (of_real->json, of_gold->json);
  g_assert_cmpstr (real_text, ==, gold_text);
  g_assert_cmpstr (real_text, ==, expected);
}

static guint
add_note (RtkTestDesk *desk, JsonObject *item, const char *id)
{
  g_autofree char *path = g_strdup_printf (
      "/v1/orders/%s/notes",
      json_object_get_string_member (json_object_get_object_member (item, "order"), "id"));
  g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\",\"text\":\"looks older\"}", id);
  g_autoptr (RtkTestReply) reply = rtk_test_call (desk->server, desk->reviewer, "POST", path, body);

  if (reply->status == 409)
    rtk_test_assert_problem (reply, 409, "id-reused");
  return reply->status;
}

/* Neither its history nor a note on it tells gold from the others. */
static void
test_history (void)
{
#define CAME_IN "1 order.create account order\n2 submission.create account photo\n"
#define NOTED CAME_IN "3 note.add staff:reviewer other\n"
#define NO_MORE "payments 0\neffects 0\nconflicts 0\n"
#define SAID " staff:reviewer photo review stage final reasons\n"
  g_auto (RtkTestDesk) desk;
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) both = NULL;
  g_autoptr (RtkTestReply) hidden = NULL;
  g_autofree char *note = rtk_test_new_id ();
  g_autofree char *other = rtk_test_new_id ();
  const char      *notes[] = {note, other};
  JsonObject      *items[2]; /* a real one, gold */

  rtk_test_desk_init (&desk, (const char *[]){"--gold-percent", "100", NULL});
  rtk_test_desk_pay (&desk);
  add_gold (&desk);
  rtk_test_desk_pay (&desk);
  first = rtk_test_desk_claim (&desk, desk.reviewer, "{\"count\":1}");
  both = rtk_test_desk_claim (&desk, desk.reviewer, "{\"count\":5}");
  g_assert_cmpuint (rtk_test_count_items (both), ==, 2);
  items[0] = find_order (both, desk.order);
  g_assert_nonnull (items[0]);
  items[1] = rtk_test_get_item (both, rtk_test_get_item (both, 0) == items[0] ? 1 : 0);
  assert_histories (&desk, items[0], items[1], CAME_IN "notes 0\n" NO_MORE);
  hidden = get_history (&desk, desk.reviewer2, items[1]);
  rtk_test_assert_problem (hidden, 404, "not-found");
  for (guint i = 0; i < 2; i++) {
    g_assert_cmpuint (add_note (&desk, items[i], notes[i]), ==, 201);
    g_assert_cmpuint (add_note (&desk, items[i], notes[i]), ==, 200);
  }
  for (guint i = 0; i < 2; i++)
    g_assert_cmpuint (add_note (&desk, items[i], notes[1 - i]), ==, 409);
  assert_histories (&desk, items[0], items[1], NOTED "notes 1\n" NO_MORE);
  for (guint i = 0; i < 2; i++) {
    g_autoptr (RtkTestReply) said =
        rtk_test_desk_decide (&desk, desk.reviewer, items[i], "\"hair\"");

    rtk_test_assert_state (said, "rejected", "hair");
  }
  assert_histories (&desk, items[0], items[1], NOTED "4 review.rejected" SAID "notes 1\n" NO_MORE);
  for (guint i = 0; i < 2; i++) {
    g_autoptr (RtkTestReply) undone =
        rtk_test_desk_act (&desk, desk.reviewer, items[i], "/undo", NULL);
    g_autoptr (RtkTestReply) said = NULL;

    g_assert_cmpuint (undone->status, ==, 200);
    if (i == 1)
      assert_histories (&desk, items[1], items[1], NOTED "notes 1\n" NO_MORE);
    said = rtk_test_desk_decide (&desk, desk.reviewer, undone->json, NULL);
    rtk_test_assert_state (said, "approved", "");
  }
  assert_histories (&desk, items[0], items[1],
                    NOTED "4 review.rejected" SAID "5 review.undo staff:reviewer photo\n"
                          "6 review.approved" SAID "notes 1\n" NO_MORE);
}

/* Asks until the money of the item's order is back. */
static RtkTestReply *
wait_refunded (RtkTestDesk *desk, JsonObject *item)
{
  g_autofree char *path = g_strconcat (
      "/v1/orders/",
      json_object_get_string_member (json_object_get_object_member (item, "order"), "id"), NULL);

  for (;;) {
    RtkTestReply *reply = rtk_test_call (desk->server, desk->reviewer, "GET", path, NULL);
    JsonObject   *payment =
        json_array_get_object_element (json_object_get_array_member (reply->json, "payments"), 0);
    const char *state = json_object_get_string_member (payment, "state");

    g_assert_cmpuint (reply->status, ==, 200);
    g_assert_cmpstr (rtk_test_reply_text (reply, "payment"), ==, state);
    if (strcmp (state, "refunded") == 0)
      return reply;
    g_assert_cmpstr (state, ==, "refund_due");
    rtk_test_reply_free (reply);
  }
}

static void
assert_refused (RtkTestDesk *desk, JsonObject *item, gint64 revision, const char *problem)
{
  g_autofree char *body =
      g_strdup_printf ("{\"verdict\":\"approved\",\"revision\":%" G_GINT64_FORMAT "}", revision);
  g_autoptr (RtkTestReply) reply = rtk_test_desk_act (desk, desk->reviewer, item, "", body);

  rtk_test_assert_problem (reply, 409, problem);
}

/* The money of what was rejected goes back: of gold it looks so, too. */
static void
test_refunded (void)
{
  g_auto (RtkTestDesk) desk;
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) both = NULL;
  gint64      seen[2];
  gint64      after[2];
  JsonObject *items[2]; /* a real one, gold */

  rtk_test_desk_init (&desk,
                      (const char *[]){"--gold-percent", "100", "--hold-seconds", "0", NULL});
  rtk_test_desk_pay (&desk);
  add_gold (&desk);
  rtk_test_desk_pay (&desk);
  first = rtk_test_desk_claim (&desk, desk.reviewer, "{\"count\":1}");
  both = rtk_test_desk_claim (&desk, desk.reviewer, "{\"count\":5}");
  g_assert_cmpuint (rtk_test_count_items (both), ==, 2);
  items[0] = find_order (both, desk.order);
  g_assert_nonnull (items[0]);
  items[1] = rtk_test_get_item (both, rtk_test_get_item (both, 0) == items[0] ? 1 : 0);
  for (guint i = 0; i < 2; i++) {
    g_autoptr (RtkTestReply) said =
        rtk_test_desk_decide (&desk, desk.reviewer, items[i], "\"hair\"");
    g_autoptr (RtkTestReply) back = wait_refunded (&desk, items[i]);
    g_autoptr (RtkTestReply) again =
        rtk_test_desk_decide (&desk, desk.reviewer, items[i], "\"hair\"");

    rtk_test_assert_state (said, "rejected", "hair");
    g_assert_cmpuint (again->status, ==, 200);
    g_assert_cmpstr (rtk_test_reply_text (again, "payment"), ==, "refunded");
    seen[i] = rtk_test_reply_int (said, "revision");
    after[i] = rtk_test_reply_int (back, "revision");
    assert_same_shape (said->json, back->json);
    assert_refused (&desk, items[i], seen[i], "stale-revision");
    assert_refused (&desk, items[i], after[i], "not-claimed");
  }
  g_assert_cmpint (after[1] - seen[1], ==, after[0] - seen[0]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/gold/shown", test_gold);
  g_test_add_func ("/server/gold/turns", test_gold_turns);
  g_test_add_func ("/server/gold/numbers", test_numbers);
  g_test_add_func ("/server/gold/history", test_history);
  g_test_add_func ("/server/gold/refunded", test_refunded);
  return g_test_run ();
}
