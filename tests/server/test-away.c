/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-id.h"
#include "support/rtk-test-database.h"
#include "support/rtk-test-server.h"
#include "support/rtk-test-signer.h"

#include <string.h>

/* A station, and an order that is paid for. */
typedef struct {
  RtkTestServer *server;
  RtkSigner     *signer;
  char          *token;
  char          *station;
  char          *order;
  char          *folder; /* (nullable): for backups, removed last */
} Desk;

static void
desk_init (Desk *desk)
{
  desk->folder = NULL;
  desk->server = rtk_test_server_new (10, (const char *[]){"--gold-percent", "0", NULL});
  desk->signer = rtk_test_signer_new ("desk");
  desk->token = rtk_test_sign_in (desk->server, "operator");
  desk->station = rtk_test_enrol (desk->server, desk->token, "operator", desk->signer);
  desk->order = rtk_test_make_order (desk->server, 0, TRUE);
}

static void
desk_clear (Desk *desk)
{
  rtk_test_server_stop (desk->server);
  g_assert_cmpint (
      rtk_test_server_command (desk->server->folder, NULL, NULL, "audit", "verify", NULL), ==, 0);
  rtk_test_server_free (desk->server);
  g_assert_finalize_object (desk->signer);
  g_free (desk->token);
  g_free (desk->station);
  g_free (desk->order);
  if (desk->folder != NULL)
    rtk_test_remove_folder (desk->folder);
  g_free (desk->folder);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Desk, desk_clear)

static RtkTestReply *
get (Desk *desk, const char *token, const char *order, const char *what)
{
  g_autofree char *path = g_strconcat ("/v1/orders/", order, what, NULL);
  RtkTestReply    *reply = rtk_test_call (desk->server, token, "GET", path, NULL);

  g_assert_cmpuint (reply->status, ==, 200);
  return reply;
}

static RtkOperation *
make_operation (
    Desk *desk, const char *kind, const char *order, const char *actor, const char *text)
{
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *path = g_strconcat ("/v1/orders/", order, NULL);
  g_autoptr (RtkTestReply) now = rtk_test_call (desk->server, desk->token, "GET", path, NULL);
  g_autoptr (JsonNode) body = json_from_string (text, NULL);
  g_autoptr (GError) error = NULL;
  RtkOperation *operation = rtk_operation_new (
      id, kind, order, now->status == 200 ? rtk_test_reply_int (now, "revision") : 1,
      g_get_real_time (), desk->station, actor, body, desk->signer, &error);

  g_assert_no_error (error);
  return operation;
}

static RtkOperation *
make_note (Desk *desk, const char *order, const char *actor)
{
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *text = g_strdup_printf ("{\"note\":\"%s\",\"text\":\"came twice\"}", id);

  return make_operation (desk, "note.add", order, actor, text);
}

/* Pushes it from the session of @token; the outcome is @outcome, and the problem ends in @problem.
 */
static void
assert_pushed (Desk         *desk,
               const char   *token,
               RtkOperation *operation,
               const char   *outcome,
               const char   *problem)
{
  g_autofree char *body = rtk_test_operations_body (operation, NULL);
  g_autoptr (RtkTestReply) reply =
      rtk_test_call (desk->server, token, "POST", "/v1/operations", body);
  JsonObject *result;

  g_assert_cmpuint (reply->status, ==, 200);
  result = json_array_get_object_element (json_object_get_array_member (reply->json, "results"), 0);
  g_assert_cmpstr (json_object_get_string_member (result, "outcome"), ==, outcome);
  g_assert_cmpint (json_object_get_null_member (result, "problem"), ==, problem == NULL);
  if (problem != NULL)
    g_assert_true (g_str_has_suffix (
        json_object_get_string_member (json_object_get_object_member (result, "problem"), "type"),
        problem));
}

/* An order of graduate @index at the desk. */
static char *
make_walk_in (Desk *desk, guint index)
{
  char            *id = rtk_test_new_id ();
  g_autofree char *number = rtk_test_server_number (index);
  g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\",\"number\":\"%s\"}", id, number);
  g_autoptr (RtkTestReply) made =
      rtk_test_call (desk->server, desk->token, "POST", "/v1/orders", body);

  g_assert_cmpuint (made->status, ==, 201);
  return id;
}

/* A station that was put out sends nothing more, by whatever session it comes. */
static void
test_revoked_station (void)
{
  g_auto (Desk) desk;
  g_autofree char *boss = NULL;
  g_autofree char *path = NULL;
  g_autofree char *body = NULL;
  g_autofree char *fresh = NULL;
  g_autofree char *other = NULL;
  g_autoptr (RtkSigner) second = rtk_test_signer_new ("second");
  g_autoptr (RtkOperation) operation = NULL;
  g_autoptr (RtkTestReply) revoked = NULL;
  g_autoptr (RtkTestReply) over = NULL;
  g_autoptr (RtkTestReply) unknown = NULL;
  g_autoptr (RtkTestReply) history = NULL;

  desk_init (&desk);
  boss = rtk_test_sign_in (desk.server, "supervisor");
  operation = make_note (&desk, desk.order, "operator");
  body = rtk_test_operations_body (operation, NULL);
  path = g_strconcat ("/v1/stations/", desk.station, NULL);
  revoked = rtk_test_call (desk.server, boss, "DELETE", path, NULL);
  g_assert_cmpuint (revoked->status, ==, 204);
  over = rtk_test_call (desk.server, desk.token, "POST", "/v1/operations", body);
  g_assert_cmpuint (over->status, ==, 401);
  fresh = rtk_test_sign_in (desk.server, "operator");
  unknown = rtk_test_call (desk.server, fresh, "POST", "/v1/operations", body);
  rtk_test_assert_problem (unknown, 403, "not-enrolled");
  /* Nor by another station that is enrolled. */
  other = rtk_test_enrol (desk.server, fresh, "operator", second);
  g_assert_cmpstr (other, !=, desk.station);
  assert_pushed (&desk, fresh, operation, "refused", "wrong-station");
  history = get (&desk, fresh, desk.order, "/history");
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (history->json, "notes")),
                    ==, 0);
}

/* A month without the server: the sessions are over, the cursor is not. All that has changed comes
 * in pages, each order once and as it is now, while others go on. */
static void
test_thirty_days_away (void)
{
  const gint64 month = 30 * G_TIME_SPAN_DAY;
  g_auto (Desk) desk;
  g_autofree char *cursor = NULL;
  g_autofree char *token = NULL;
  char            *orders[8] = {NULL};
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (RtkTestReply) late = NULL;
  gboolean more = TRUE;
  guint    pages = 0;

  desk_init (&desk);
  {
    g_autoptr (RtkTestReply) page =
        rtk_test_call (desk.server, desk.token, "GET", "/v1/changes", NULL);

    cursor = g_strdup (rtk_test_reply_text (page, "cursor"));
  }
  for (guint i = 0; i < G_N_ELEMENTS (orders); i++)
    orders[i] = make_walk_in (&desk, i + 1);
  rtk_test_server_stop (desk.server);
  {
    g_autoptr (RtkServerDb) db = rtk_test_open_database (desk.server->folder);

    g_assert_true (rtk_server_db_run (db, NULL,
                                      "UPDATE sessions SET access_until = access_until - ?1,"
                                      " refresh_until = refresh_until - ?1",
                                      "i", (gint64)month));
    g_assert_true (rtk_server_db_run (db, NULL,
                                      "UPDATE orders SET created_at = created_at - ?1,"
                                      " updated_at = updated_at - ?1 WHERE payment <> 'unpaid'",
                                      "i", (gint64)month));
  }
  rtk_test_server_start (desk.server);
  late = rtk_test_call (desk.server, desk.token, "GET", "/v1/changes", NULL);
  g_assert_cmpuint (late->status, ==, 401);
  token = rtk_test_sign_in (desk.server, "operator");
  while (more) {
    g_autofree char *path = g_strdup_printf ("/v1/changes?limit=3&since=%s", cursor);
    g_autoptr (RtkTestReply) page = rtk_test_call (desk.server, token, "GET", path, NULL);
    JsonArray *list;

    g_assert_cmpuint (page->status, ==, 200);
    list = json_object_get_array_member (page->json, "orders");
    g_assert_cmpuint (json_array_get_length (list), <=, 3);
    for (guint i = 0; i < json_array_get_length (list); i++) {
      JsonObject *order = json_array_get_object_element (list, i);

      g_hash_table_replace (seen, g_strdup (json_object_get_string_member (order, "id")),
                            g_strdup (json_object_get_string_member (order, "payment")));
    }
    /* Somebody pays meanwhile for what has come already. */
    if (pages == 0) {
      g_autofree char *pay = g_strdup_printf ("/v1/orders/%s/payments", orders[0]);
      g_autofree char *id = rtk_test_new_id ();
      g_autofree char *body =
          g_strdup_printf ("{\"id\":\"%s\",\"method\":\"cash\",\"reference\":\"receipt 1\"}", id);
      g_autoptr (RtkTestReply) paid = rtk_test_call (desk.server, token, "POST", pay, body);

      g_assert_cmpuint (paid->status, ==, 201);
    }
    g_free (cursor);
    cursor = g_strdup (rtk_test_reply_text (page, "cursor"));
    more = json_object_get_boolean_member (page->json, "more");
    pages++;
  }
  g_assert_cmpuint (pages, >=, 3);
  g_assert_cmpuint (g_hash_table_size (seen), ==, G_N_ELEMENTS (orders));
  g_assert_cmpstr (g_hash_table_lookup (seen, orders[0]), ==, "paid");
  for (guint i = 0; i < G_N_ELEMENTS (orders); i++) {
    g_assert_true (g_hash_table_contains (seen, orders[i]));
    g_free (orders[i]);
    orders[i] = NULL;
  }
}

/* Numbers that an older program took as they were typed are found in any case and width after the
 * next start; that is done once. */
static void
test_digest_again (void)
{
  static const char *const forms[] = {"320199199001010077", "３２０１９９１９９００１０１００７７",
                                      " 320199199001010077 "};
  g_auto (Desk) desk;

  desk_init (&desk);
  {
    g_autofree char *path = g_build_filename (desk.server->folder, "more.csv", NULL);

    g_assert_true (g_file_set_contents (
        path, "school,batch,name,number\n示例大学,2026,王小明,320199199001010077\n", -1, NULL));
    rtk_test_server_stop (desk.server);
    g_assert_cmpint (
        rtk_test_server_command (desk.server->folder, NULL, NULL, "roster", "import", path, NULL),
        ==, 0);
  }
  for (int done = 0; done < 2; done++) {
    {
      g_autoptr (RtkServerDb) db = rtk_test_open_database (desk.server->folder);

      /* What the older program found it by; and the second time it is this one's doing. */
      g_assert_true (rtk_server_db_run (db, NULL,
                                        "UPDATE roster SET number_digest = 'typed' WHERE"
                                        " number_masked = '3201**********0077'",
                                        ""));
      g_assert_cmpint (rtk_server_db_get_changes (db), ==, 1);
      if (!done)
        g_assert_true (rtk_server_db_run (db, NULL, "DELETE FROM meta WHERE key = 'numbers'", ""));
    }
    rtk_test_server_start (desk.server);
    for (guint i = 0; i < G_N_ELEMENTS (forms); i++) {
      g_autofree char *token = rtk_test_sign_in (desk.server, "operator");
      g_autofree char *body = g_strdup_printf ("{\"number\":\"%s\"}", forms[i]);
      g_autoptr (RtkTestReply) found =
          rtk_test_call (desk.server, token, "POST", "/v1/roster/find", body);

      g_assert_cmpuint (found->status, ==, done ? 404 : 200);
    }
    if (!done)
      rtk_test_server_stop (desk.server);
  }
}

/* The key of another folder finds nothing and opens nothing: the server does not start with it. */
static void
test_other_key (void)
{
  g_auto (Desk) desk;
  g_autofree char *path = NULL;
  g_autofree char *own = NULL;
  g_autofree char *other = g_strnfill (32, 'k');
  g_autofree char *text = NULL;
  gsize            size;

  desk_init (&desk);
  rtk_test_server_stop (desk.server);
  path = g_build_filename (desk.server->folder, "server.key", NULL);
  g_assert_true (g_file_get_contents (path, &own, &size, NULL));
  g_assert_true (g_file_set_contents (path, other, 32, NULL));
  g_assert_cmpint (rtk_test_server_command (desk.server->folder, NULL, &text, "close-unpaid",
                                            "--now", "now", NULL),
                   ==, 2);
  g_assert_nonnull (strstr (text, "does not belong to this database"));
  g_assert_true (g_file_set_contents (path, own, (gssize)size, NULL));
  rtk_test_server_start (desk.server);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/away/revoked-station", test_revoked_station);
  g_test_add_func ("/server/away/thirty-days", test_thirty_days_away);
  g_test_add_func ("/server/away/digest-again", test_digest_again);
  g_test_add_func ("/server/away/other-key", test_other_key);
  return g_test_run ();
}
