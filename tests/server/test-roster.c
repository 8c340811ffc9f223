/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-database.h"
#include "support/rtk-test-server.h"

#include <string.h>

static const char *const no_chance[] = {"--sample-percent", "0", "--gold-percent", "0", NULL};

static RtkTestReply *
import (RtkTestServer *server, const char *token, const char *text, gssize size)
{
  g_autoptr (GBytes) body = g_bytes_new (text, size >= 0 ? (gsize)size : strlen (text));

  return rtk_test_call_raw (server, token, "POST", "/v1/roster", "text/csv", body, NULL);
}

static JsonObject *
get_item (RtkTestReply *reply, const char *list, guint index)
{
  JsonArray *array;

  g_assert_cmpuint (reply->status, <, 300);
  array = json_object_get_array_member (reply->json, list);
  g_assert_cmpuint (json_array_get_length (array), >, index);
  return json_array_get_object_element (array, index);
}

static guint
count_items (RtkTestReply *reply, const char *list)
{
  g_assert_cmpuint (reply->status, <, 300);
  return json_array_get_length (json_object_get_array_member (reply->json, list));
}

/* The line and the title of each fault, one a line of text. */
static char *
get_faults (RtkTestReply *reply)
{
  g_autoptr (GString) text = g_string_new (NULL);
  JsonArray *lines;

  rtk_test_assert_problem (reply, 422, "bad-roster");
  lines = json_object_get_array_member (reply->json, "lines");
  for (guint i = 0; i < json_array_get_length (lines); i++) {
    JsonObject *line = json_array_get_object_element (lines, i);

    g_string_append_printf (text, "%d %s\n", (int)json_object_get_int_member (line, "line"),
                            json_object_get_string_member (line, "title"));
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
test_faults (void)
{
  static const struct {
    const char *text;
    const char *faults;
  } cases[] = {
      {"",
       "1 The first line lacks the column “school”.\n1 The first line lacks the column “batch”.\n"
       "1 The first line lacks the column “name”.\n1 The first line lacks the column “number”.\n"},
      {"school,batch,number\na,b,1\n", "1 The first line lacks the column “name”.\n"},
      {"school,batch,name,number\na,b,王芳,32019919001\na,b,,32019919002\n\na,b,王芳,32019919001\n",
       "3 A cell is empty or too long.\n5 The number stands in the file twice.\n"},
      {"school,batch,name,number,code\na,b,c,32019919001,X\na,b,d,32019919002,X\n",
       "3 The code stands in the file twice.\n"},
      {"school,batch,name,number,code\na,b,c,32019919003,TESTCODE00000000\n",
       "2 Another graduate has this code.\n"},
      {"school,batch,name,number\n\"a\n1\",b,c,32019919001\na,b,c,\n",
       "4 A cell is empty or too long.\n"},
      {"school,batch,name,number\na,b,c,\"32019919001\n", "2 A quote is opened and not closed.\n"},
      {"\xff\xfe\xff", "0 The file is neither UTF-8 nor GB18030.\n"},
  };
  g_autoptr (RtkTestServer) server = rtk_test_server_new (2, NULL);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autoptr (RtkTestReply) schools = NULL;
  g_autoptr (RtkTestReply) zero = import (server, boss, "school,batch,name,number\na\0b", 27);
  g_autofree char *long_cell = g_strnfill (257, 'x');
  g_autofree char *text =
      g_strdup_printf ("school,batch,name,number\na,b,%s,32019919001\n", long_cell);
  g_autoptr (RtkTestReply) too_long = import (server, boss, text, -1);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (RtkTestReply) reply = import (server, boss, cases[i].text, -1);
    g_autofree char *faults = get_faults (reply);

    g_test_message ("case %u", i);
    g_assert_cmpstr (faults, ==, cases[i].faults);
  }
  rtk_test_assert_problem (zero, 422, "bad-roster");
  rtk_test_assert_problem (too_long, 422, "bad-roster");
  /* Nothing of all that is there. */
  schools = rtk_test_call (server, boss, "GET", "/v1/schools", NULL);
  g_assert_cmpuint (count_items (schools, "schools"), ==, 1);
}

/* A list has an end, also for the command line. */
static void
test_too_many (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *path = g_build_filename (server->folder, "many.csv", NULL);
  g_autofree char *faults = NULL;
  g_autofree char *said = NULL;
  g_autoptr (GString) text = g_string_new ("school,batch,name,number\na,b,,0\n");
  g_autoptr (RtkTestReply) reply = NULL;

  /* The first line is off: so none is sealed for nothing. */
  for (guint i = 1; i <= 100001; i++)
    g_string_append_printf (text, "a,b,c,%u\n", i);
  reply = import (server, boss, text->str, -1);
  faults = get_faults (reply);
  g_assert_cmpstr (faults, ==,
                   "2 A cell is empty or too long.\n"
                   "0 The file has more than 100000 graduates: import it in parts.\n");
  g_string_truncate (text, text->len - strlen ("a,b,c,100001\n"));
  g_assert_true (g_file_set_contents (path, text->str, -1, NULL));
  reply = (rtk_test_reply_free (reply), import (server, boss, text->str, -1));
  g_free (faults);
  faults = get_faults (reply);
  g_assert_cmpstr (faults, ==, "2 A cell is empty or too long.\n");
  rtk_test_server_stop (server);
  g_assert_cmpint (
      rtk_test_server_command (server->folder, NULL, &said, "roster", "import", path, NULL), ==, 2);
}

/* Cells with line ends and quotes, any encoding, any line end, and lines that are blank. */
static void
test_forms (void)
{
  static const char text[] =
      "\xef\xbb\xbf证件号码, 姓名 ,批次,学校\r\n"
      "32019919101,\"欧阳\r\n小红\",\"夏, \"\"一\"\"\",样本学院\r\n,,,\r\n\r\n"
      "32019919102,  李 四 ,\"夏, \"\"一\"\"\",样本学院";
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  gsize            size;
  g_autofree char *gb = g_convert (text + 3, -1, "GB18030", "UTF-8", NULL, &size, NULL);
  g_autoptr (RtkTestReply) first = import (server, boss, text, -1);
  g_autoptr (RtkTestReply) again = import (server, boss, gb, (gssize)size);
  g_autoptr (RtkTestReply) batches = rtk_test_call (server, boss, "GET", "/v1/batches", NULL);
  g_autoptr (RtkTestReply) missing = NULL;
  g_autofree char *path = NULL;
  g_autofree char *text_back = NULL;

  g_assert_cmpuint (first->status, ==, 200);
  g_assert_cmpint (rtk_test_reply_int (first, "new"), ==, 2);
  g_assert_cmpuint (again->status, ==, 200);
  g_assert_cmpint (rtk_test_reply_int (again, "graduates"), ==, 2);
  g_assert_cmpint (rtk_test_reply_int (again, "new"), ==, 0);
  g_assert_cmpuint (count_items (batches, "batches"), ==, 1);
  g_assert_cmpstr (json_object_get_string_member (get_item (batches, "batches", 0), "name"), ==,
                   "夏, \"一\"");
  path = g_strdup_printf ("/v1/batches/%s/missing",
                          json_object_get_string_member (get_item (batches, "batches", 0), "id"));
  missing = rtk_test_call (server, boss, "GET", path, NULL);
  g_assert_cmpuint (count_items (missing, "graduates"), ==, 2);
  text_back = g_strndup (g_bytes_get_data (missing->body, NULL), g_bytes_get_size (missing->body));
  g_assert_nonnull (strstr (text_back, "\"欧***红\""));
  g_assert_nonnull (strstr (text_back, "\"李*四\""));
}

/* The counts of the one batch, in the order of the description. */
static char *
get_progress (RtkTestServer *server, const char *token)
{
  static const char *const names[] = {"expected", "with_account", "ordered",  "submitted",
                                      "approved", "rejected",     "exported", "missing"};
  g_autoptr (RtkTestReply) reply = rtk_test_call (server, token, "GET", "/v1/batches", NULL);
  JsonObject *progress = json_object_get_object_member (get_item (reply, "batches", 0), "progress");
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_string_append_printf (text, "%s%d", i > 0 ? " " : "",
                            (int)json_object_get_int_member (progress, names[i]));
  return g_string_free (g_steal_pointer (&text), FALSE);
}

#define assert_progress(server, token, expected)                                                   \
  G_STMT_START                                                                                     \
  {                                                                                                \
    g_autofree char *progress_ = get_progress (server, token);                                     \
    g_assert_cmpstr (progress_, ==, expected);                                                     \
  }                                                                                                \
  G_STMT_END

/* Claims what waits and decides it. */
static void
decide (RtkTestServer *server, const char *token, const char *order, const char *verdict)
{
  g_autoptr (RtkTestReply) claim =
      rtk_test_call (server, token, "POST", "/v1/reviews/claim", "{\"count\":50}");
  JsonArray *items = json_object_get_array_member (claim->json, "items");

  for (guint i = 0; i < json_array_get_length (items); i++) {
    JsonObject      *item = json_array_get_object_element (items, i);
    JsonObject      *its = json_object_get_object_member (item, "order");
    g_autofree char *path =
        g_strconcat ("/v1/reviews/", json_object_get_string_member (item, "submission"), NULL);
    g_autofree char *body =
        g_strdup_printf ("{\"verdict\":\"%s\",\"revision\":%d,\"reasons\":[%s]}", verdict,
                         (int)json_object_get_int_member (its, "revision"),
                         strcmp (verdict, "rejected") == 0 ? "\"blur\"" : "");
    g_autoptr (RtkTestReply) reply = NULL;

    if (strcmp (json_object_get_string_member (its, "id"), order) != 0)
      continue;
    reply = rtk_test_call (server, token, "POST", path, body);
    g_assert_cmpuint (reply->status, ==, 200);
    return;
  }
  g_assert_not_reached ();
}

static char *
get_batch (RtkTestServer *server, const char *token)
{
  g_autoptr (RtkTestReply) reply = rtk_test_call (server, token, "GET", "/v1/batches", NULL);

  return g_strdup (json_object_get_string_member (get_item (reply, "batches", 0), "id"));
}

static void
test_progress (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (6, no_chance);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *account = rtk_test_sign_up (server, 5);
  g_autofree char *batch = get_batch (server, boss);
  g_autofree char *unpaid = NULL;
  g_autofree char *rejected = NULL;
  g_autofree char *approved = NULL;
  g_autofree char *missing_path = g_strdup_printf ("/v1/batches/%s/missing", batch);
  g_autofree char *export_id = rtk_test_new_id ();
  g_autofree char *export_body =
      g_strdup_printf ("{\"id\":\"%s\",\"receiver\":\"r\",\"batch\":\"%s\"}", export_id, batch);
  g_autoptr (RtkTestReply) early = NULL;
  g_autoptr (RtkTestReply) exported = NULL;
  g_autoptr (RtkTestReply) missing = NULL;

  assert_progress (server, boss, "6 1 0 0 0 0 0 6");
  early = rtk_test_call (server, boss, "POST", "/v1/exports", export_body);
  rtk_test_assert_problem (early, 409, "not-deliverable");
  unpaid = rtk_test_make_order (server, 0, FALSE);
  assert_progress (server, boss, "6 2 1 1 0 0 0 5");
  rejected = rtk_test_make_order (server, 1, TRUE);
  decide (server, boss, rejected, "rejected");
  assert_progress (server, boss, "6 3 2 1 0 1 0 5");
  approved = rtk_test_make_order (server, 2, TRUE);
  decide (server, boss, approved, "approved");
  assert_progress (server, boss, "6 4 3 1 1 1 0 4");
  exported = rtk_test_call (server, boss, "POST", "/v1/exports", export_body);
  g_assert_cmpuint (exported->status, ==, 201);
  g_assert_cmpint (rtk_test_reply_int (exported, "count"), ==, 1);
  assert_progress (server, boss, "6 4 3 1 1 1 1 4");
  missing = rtk_test_call (server, boss, "GET", missing_path, NULL);
  g_assert_cmpuint (count_items (missing, "graduates"), ==, 4);
  /* An order that is closed unpaid was never there. */
  rtk_test_server_stop (server);
  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, NULL, "close-unpaid", "--now",
                                            "2099-01-01T00:00:00Z", NULL),
                   ==, 0);
  rtk_test_server_start (server);
  assert_progress (server, boss, "6 4 2 0 1 1 1 5");
}

static void
test_find (void)
{
  static const char csv[] = "school,batch,name,number,code\n"
                            "示例大学,2026,王小明,32019919000101888X,\n"
                            "示例大学,2026,王大明,320199190001019999,\n";
  static const struct {
    const char *body;
    guint       found;
  } cases[] = {
      {"{\"code\":\"TESTCODE00000000\"}", 1},        {"{\"code\":\"testcode00000000\"}", 0},
      {"{\"number\":\"32019919000101888x\"}", 1},    {"{\"number\":\"3201**********888X\"}", 0},
      {"{\"name\":\"王小明\",\"batch\":\"%s\"}", 2}, {"{\"name\":\"王大明\",\"batch\":\"%s\"}", 1},
      {"{\"name\":\"王*明\",\"batch\":\"%s\"}", 3},  {"{\"name\":\"王中明\",\"batch\":\"%s\"}", 0},
      {"{\"name\":\"王\",\"batch\":\"%s\"}", 0},     {"{\"name\":\"%%\",\"batch\":\"%s\"}", 0},
  };
  g_autoptr (RtkTestServer) server = rtk_test_server_new (1, NULL);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *desk = rtk_test_sign_in (server, "operator");
  g_autofree char *batch = get_batch (server, boss);
  g_autoptr (RtkTestReply) taken = import (server, boss, csv, -1);

  g_assert_cmpuint (taken->status, ==, 200);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (GStrv) halves = g_strsplit (cases[i].body, "%s", 2);
    g_autofree char *body =
        halves[1] != NULL ? g_strconcat (halves[0], batch, halves[1], NULL) : g_strdup (halves[0]);
    g_autoptr (RtkTestReply) reply = rtk_test_call (server, desk, "POST", "/v1/roster/find", body);
    g_autofree char *text = NULL;

    g_test_message ("case %u", i);
    if (cases[i].found == 0) {
      rtk_test_assert_problem (reply, 404, "not-found");
      continue;
    }
    g_assert_cmpuint (count_items (reply, "graduates"), ==, cases[i].found);
    text = g_strndup (g_bytes_get_data (reply->body, NULL), g_bytes_get_size (reply->body));
    g_assert_null (strstr (text, "小"));
    g_assert_null (strstr (text, "32019919"));
    g_assert_null (strstr (text, "TESTCODE"));
  }
}

/* Who looks for somebody does not wait for who writes. */
static void
test_find_beside (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (1, NULL);
  g_autofree char *desk = rtk_test_sign_in (server, "operator");
  g_autoptr (RtkServerDb) db = rtk_test_open_database (server->folder);
  g_autoptr (RtkTestReply) reply = NULL;

  g_assert_true (rtk_server_db_begin (db, TRUE, NULL));
  reply =
      rtk_test_call (server, desk, "POST", "/v1/roster/find", "{\"code\":\"TESTCODE00000000\"}");
  g_assert_cmpuint (count_items (reply, "graduates"), ==, 1);
  rtk_server_db_rollback (db);
}

/* Full names: for a supervisor, page by page, and the log knows each page. */
static void
test_naming (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (4, no_chance);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *batch = get_batch (server, boss);
  g_autofree char *path = g_strdup_printf ("/v1/batches/%s/naming", batch);
  g_autofree char *nowhere = rtk_test_new_id ();
  g_autofree char *no_path = g_strdup_printf ("/v1/batches/%s/naming", nowhere);
  g_autofree char *number = rtk_test_server_number (0);
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;
  g_autofree char *next = NULL;
  g_autoptr (RtkTestReply) unknown =
      rtk_test_call (server, boss, "POST", no_path, "{\"reason\":\"r\"}");
  g_autoptr (RtkTestReply) silent = rtk_test_call (server, boss, "POST", path, "{\"reason\":\"\"}");
  g_autoptr (RtkTestReply) first = NULL;
  g_autoptr (RtkTestReply) second = NULL;

  rtk_test_assert_problem (unknown, 404, "not-found");
  rtk_test_assert_problem (silent, 422, "bad-member");
  for (guint i = 0; i < 3; i++) {
    g_autofree char *order = rtk_test_make_order (server, i, TRUE);

    decide (server, boss, order, i == 1 ? "rejected" : "approved");
  }
  rtk_test_server_stop (server);
  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, &before, "audit", "verify", NULL),
                   ==, 0);
  rtk_test_server_start (server);
  first =
      rtk_test_call (server, boss, "POST", path, "{\"reason\":\"file \\\"names\\\"\",\"limit\":1}");
  g_assert_cmpuint (count_items (first, "orders"), ==, 1);
  g_assert_true (json_object_get_boolean_member (first->json, "more"));
  g_assert_cmpstr (g_hash_table_lookup (first->headers, "cache-control"), ==, "no-store");
  g_assert_cmpstr (json_object_get_string_member (get_item (first, "orders", 0), "name"), ==,
                   "王小明");
  g_assert_cmpstr (json_object_get_string_member (get_item (first, "orders", 0), "number"), ==,
                   number);
  next = g_strdup_printf ("{\"reason\":\"names\",\"after\":\"%s\"}",
                          json_object_get_string_member (get_item (first, "orders", 0), "order"));
  second = rtk_test_call (server, boss, "POST", path, next);
  g_assert_cmpuint (count_items (second, "orders"), ==, 1);
  g_assert_false (json_object_get_boolean_member (second->json, "more"));
  rtk_test_server_stop (server);
  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, &after, "audit", "verify", NULL),
                   ==, 0);
  g_assert_cmpint (g_ascii_strtoll (strchr (after, ':') + 2, NULL, 10), ==,
                   g_ascii_strtoll (strchr (before, ':') + 2, NULL, 10) + 2);
}

/* What a station sees of a delivery: every order once more, in a feed without gaps. */
static void
test_export_in_feed (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (4, no_chance);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *path = NULL;
  g_autofree char *after = NULL;
  g_autofree char *receipt = g_strdup_printf ("/v1/exports/%s/receipt", id);
  g_autofree char *body = NULL;
  char            *orders[3];
  g_autoptr (RtkTestReply) page = NULL;
  g_autoptr (RtkTestReply) made = NULL;
  g_autoptr (RtkTestReply) moved = NULL;
  g_autoptr (RtkTestReply) received = NULL;
  g_autoptr (RtkTestReply) late = NULL;

  for (guint i = 0; i < 3; i++) {
    orders[i] = rtk_test_make_order (server, i, TRUE);
    decide (server, boss, orders[i], "approved");
  }
  page = rtk_test_call (server, boss, "GET", "/v1/changes", NULL);
  path = g_strconcat ("/v1/changes?since=", rtk_test_reply_text (page, "cursor"), NULL);
  body = g_strdup_printf ("{\"id\":\"%s\",\"receiver\":\"r\",\"orders\":[\"%s\",\"%s\"]}", id,
                          orders[0], orders[2]);
  made = rtk_test_call (server, boss, "POST", "/v1/exports", body);
  g_assert_cmpuint (made->status, ==, 201);
  moved = rtk_test_call (server, boss, "GET", path, NULL);
  g_assert_cmpuint (count_items (moved, "orders"), ==, 2);
  for (guint i = 0; i < 2; i++)
    g_assert_cmpstr (json_object_get_string_member (get_item (moved, "orders", i), "delivery"), ==,
                     "exported");
  received = rtk_test_call (server, boss, "POST", receipt, "{\"reference\":\"R-1\"}");
  g_assert_cmpstr (rtk_test_reply_text (received, "receipt"), ==, "R-1");
  after = g_strconcat ("/v1/changes?since=", rtk_test_reply_text (moved, "cursor"), NULL);
  late = rtk_test_call (server, boss, "GET", after, NULL);
  g_assert_cmpuint (count_items (late, "orders"), ==, 2);
  g_assert_cmpstr (json_object_get_string_member (get_item (late, "orders", 1), "delivery"), ==,
                   "received");
  for (guint i = 0; i < 3; i++)
    g_free (orders[i]);
  rtk_test_server_stop (server);
  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, NULL, "audit", "verify", NULL),
                   ==, 0);
}

/* A list of orders is taken as a whole, whatever number of statements it takes. */
static void
test_export_list (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (2, no_chance);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *order = rtk_test_make_order (server, 0, TRUE);
  g_autofree char *id = rtk_test_new_id ();
  g_autoptr (GString) list = g_string_new (NULL);
  g_autofree char *twice = g_strdup_printf (
      "{\"id\":\"%s\",\"receiver\":\"r\",\"orders\":[\"%s\",\"%s\"]}", id, order, order);
  g_autofree char *once =
      g_strdup_printf ("{\"id\":\"%s\",\"receiver\":\"r\",\"orders\":[\"%s\"]}", id, order);
  g_autoptr (RtkTestReply) reply = NULL;

  decide (server, boss, order, "approved");
  g_string_printf (list, "{\"id\":\"%s\",\"receiver\":\"r\",\"orders\":[\"%s\"", id, order);
  for (guint i = 1; i < 10001; i++) {
    g_autofree char *other = rtk_test_new_id ();

    g_string_append_printf (list, ",\"%s\"", other);
  }
  g_string_append (list, "]}");
  reply = rtk_test_call (server, boss, "POST", "/v1/exports", list->str);
  rtk_test_assert_problem (reply, 422, "bad-member");
  reply = (rtk_test_reply_free (reply), rtk_test_call (server, boss, "POST", "/v1/exports", twice));
  rtk_test_assert_problem (reply, 409, "not-deliverable");
  reply = (rtk_test_reply_free (reply), rtk_test_call (server, boss, "POST", "/v1/exports", once));
  g_assert_cmpuint (reply->status, ==, 201);
  g_assert_cmpint (rtk_test_reply_int (reply, "count"), ==, 1);
}

/* A delivery of many: each order and each line of the audit log is there, up to the limit. */
static void
test_export_many (void)
{
#define COUNT "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10123) "
#define ID "'01900000-0000-7000-8000-' || (100000000000 + n.i)"
  static const char copy[] = COUNT
      "INSERT INTO orders (id, number, revision, roster, payment, delivery, print, created_at,"
      " updated_at) SELECT " ID ", '990101' || (100000 + n.i), 1, o.roster, 'paid', 'none',"
      " 'none', 1, 1 FROM orders o, n WHERE o.id = ?";
  static const char copy_photo[] =
      COUNT "INSERT INTO submissions (id, order_id, state, origin, original, delivered, report,"
            " actor, created_at, serial) SELECT " ID ", " ID ", 'approved', 'online', w.original,"
            " w.delivered, w.report, 'server', 1, 1000 + n.i FROM submissions w, n WHERE"
            " w.order_id = ?";
  g_autoptr (RtkTestServer) server = rtk_test_server_new (2, no_chance);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *batch = get_batch (server, boss);
  g_autofree char *order = rtk_test_make_order (server, 0, TRUE);
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;
  const int        counts[] = {10000, 124};

  decide (server, boss, order, "approved");
  {
    g_autoptr (RtkServerDb) db = rtk_test_open_database (server->folder);

    g_assert_true (rtk_server_db_begin (db, TRUE, NULL));
    g_assert_true (rtk_server_db_run (db, NULL, copy, "s", order));
    g_assert_true (rtk_server_db_run (db, NULL, copy_photo, "s", order));
    g_assert_true (rtk_server_db_commit (db, NULL));
  }
  rtk_test_server_stop (server);
  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, &before, "audit", "verify", NULL),
                   ==, 0);
  rtk_test_server_start (server);
  for (guint i = 0; i < G_N_ELEMENTS (counts); i++) {
    g_autofree char *id = rtk_test_new_id ();
    g_autofree char *body =
        g_strdup_printf ("{\"id\":\"%s\",\"receiver\":\"r\",\"batch\":\"%s\"}", id, batch);
    g_autoptr (RtkTestReply) made = rtk_test_call (server, boss, "POST", "/v1/exports", body);

    g_assert_cmpuint (made->status, ==, 201);
    g_assert_cmpint (rtk_test_reply_int (made, "count"), ==, counts[i]);
  }
  rtk_test_server_stop (server);
  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, &after, "audit", "verify", NULL),
                   ==, 0);
  g_assert_cmpint (g_ascii_strtoll (strchr (after, ':') + 2, NULL, 10), ==,
                   g_ascii_strtoll (strchr (before, ':') + 2, NULL, 10) + 10124 + 2);
}

static RtkTestReply *
bind (RtkTestServer *server, const char *account, const char *code, const char *number)
{
  g_autofree char *body = g_strdup_printf ("{\"code\":\"%s\",\"number\":\"%s\"}", code, number);

  return rtk_test_call (server, account, "POST", "/v1/online/codes", body);
}

static char *
make_account (RtkTestServer *server, guint index)
{
  g_autofree char *body =
      g_strdup_printf ("{\"phone\":\"1009998%04u\",\"password\":\"" RTK_TEST_PASSWORD "\"}", index);
  g_autoptr (RtkTestReply) reply =
      rtk_test_call (server, NULL, "POST", "/v1/online/accounts", body);

  g_assert_cmpuint (reply->status, ==, 201);
  return g_strdup (rtk_test_reply_text (reply, "access_token"));
}

static void
assert_taken (RtkTestReply *reply, gint64 n_new, gint64 changed, gint64 conflicts)
{
  g_assert_cmpuint (reply->status, ==, 200);
  g_assert_cmpint (rtk_test_reply_int (reply, "new"), ==, n_new);
  g_assert_cmpint (rtk_test_reply_int (reply, "changed"), ==, changed);
  g_assert_cmpint (rtk_test_reply_int (reply, "conflicts"), ==, conflicts);
}

/* What a graduate typed is mended by them, by the school, and stays once there is an order. */
static void
test_unproved (void)
{
  static const char list[] = "school,batch,name,number,code\na,b,王芳,31,\na,b,李四,32,\n";
  static const char codes[] =
      "school,batch,name,number,code\na,b,王芳,31,REAL31\na,c,李四四,32,REAL32\n";
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *one = make_account (server, 1);
  g_autofree char *two = make_account (server, 2);
  g_autofree char *real = make_account (server, 3);
  g_autofree char *order_id = rtk_test_new_id ();
  g_autofree char *order_body = g_strdup_printf ("{\"id\":\"%s\"}", order_id);
  g_autoptr (RtkTestReply) first = import (server, boss, list, -1);
  g_autoptr (RtkTestReply) typed = bind (server, one, "WRONG", "31");
  g_autoptr (RtkTestReply) second = bind (server, one, "OTHER", "32");
  g_autoptr (RtkTestReply) mended = bind (server, one, "WRONGER", "31");
  g_autoptr (RtkTestReply) shut = bind (server, real, "REAL31", "31");
  g_autoptr (RtkTestReply) squat = bind (server, two, "REAL31", "32");
  g_autoptr (RtkTestReply) order =
      rtk_test_call (server, two, "POST", "/v1/online/orders", order_body);
  g_autoptr (RtkTestReply) late = bind (server, two, "LATER", "32");
  g_autoptr (RtkTestReply) brought = NULL;
  g_autoptr (RtkTestReply) again = NULL;
  g_autoptr (RtkTestReply) moved = NULL;
  g_autoptr (RtkTestReply) seen = NULL;

  assert_taken (first, 2, 0, 0);
  g_assert_cmpuint (typed->status, ==, 200);
  rtk_test_assert_problem (second, 409, "already-bound");
  g_assert_cmpuint (mended->status, ==, 200);
  rtk_test_assert_problem (shut, 404, "not-on-roster");
  g_assert_cmpuint (squat->status, ==, 200);
  g_assert_cmpuint (order->status, ==, 201);
  rtk_test_assert_problem (late, 409, "already-bound");
  /* 31's real code is that under which 32 has an order: neither line's code is taken. */
  brought = import (server, boss, codes, -1);
  assert_taken (brought, 0, 1, 2);
  {
    g_autofree char *path = g_strdup_printf ("/v1/orders/%s", order_id);

    seen = rtk_test_call (server, boss, "GET", path, NULL);
  }
  g_assert_cmpstr (json_object_get_string_member (
                       json_object_get_object_member (seen->json, "subject"), "name_masked"),
                   ==, "李*四");
  again = import (server, boss, "school,batch,name,number,code\na,b,王芳,31,NEW31\n", -1);
  assert_taken (again, 0, 1, 0);
  /* Who did not know the code has lost it to who does. */
  moved = bind (server, real, "NEW31", "31");
  g_assert_cmpuint (moved->status, ==, 200);
}

/* A corrected list may give two graduates each other's code. */
static void
test_swapped (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *account = make_account (server, 1);
  g_autoptr (RtkTestReply) first =
      import (server, boss, "school,batch,name,number,code\na,b,王芳,31,A\na,b,李四,32,B\n", -1);
  g_autoptr (RtkTestReply) swapped =
      import (server, boss, "school,batch,name,number,code\na,b,王芳,31,B\na,b,李四,32,A\n", -1);
  g_autoptr (RtkTestReply) bound = NULL;

  assert_taken (first, 2, 0, 0);
  assert_taken (swapped, 0, 2, 0);
  bound = bind (server, account, "A", "");
  g_assert_cmpuint (bound->status, ==, 200);
  g_assert_cmpstr (json_object_get_string_member (
                       json_object_get_object_member (bound->json, "subject"), "name_masked"),
                   ==, "李*");
}

static char *
make_many (guint n, guint changed)
{
  GString *text = g_string_new ("school,batch,name,number,code\n");

  for (guint i = 0; i < n; i++)
    g_string_append_printf (text, "a,%s,王%s,5%05u,%s%u\n", i < changed ? "c" : "b",
                            i % 7 == 0 && i < changed ? "芳" : "明", i, "MANY", i);
  return g_string_free (text, FALSE);
}

/* Lists that go in many rows a statement: what is new, the same and other is told apart as line by
 * line, wherever it stands. */
static void
test_many (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *boss = rtk_test_sign_in (server, "supervisor");
  g_autofree char *list = make_many (517, 0);
  g_autofree char *longer = make_many (700, 0);
  g_autofree char *other = make_many (700, 55);
  g_autoptr (GString) moved = g_string_new (longer);
  g_autoptr (RtkTestReply) first = import (server, boss, list, -1);
  g_autoptr (RtkTestReply) again = import (server, boss, list, -1);
  g_autoptr (RtkTestReply) more = import (server, boss, longer, -1);
  g_autoptr (RtkTestReply) changed = import (server, boss, other, -1);
  g_autoptr (RtkTestReply) back = import (server, boss, longer, -1);
  g_autoptr (RtkTestReply) handed_on = NULL;
  g_autoptr (RtkTestReply) taken = NULL;
  g_autoptr (RtkTestReply) found = NULL;

  assert_taken (first, 517, 0, 0);
  assert_taken (again, 0, 0, 0);
  assert_taken (more, 183, 0, 0);
  assert_taken (changed, 0, 55, 0);
  assert_taken (back, 0, 55, 0);
  /* Among many new ones is one with the code of somebody who gets another. */
  g_assert_cmpuint (g_string_replace (moved, "500007,MANY7\n", "500007,OTHER7\n", 0), ==, 1);
  for (guint i = 0; i < 100; i++)
    g_string_append_printf (moved, "a,b,王芳,6%05u,%s%u\n", i, i == 60 ? "MANY" : "NEW",
                            i == 60 ? 7 : i);
  handed_on = import (server, boss, moved->str, -1);
  assert_taken (handed_on, 100, 1, 0);
  found = rtk_test_call (server, boss, "POST", "/v1/roster/find", "{\"code\":\"MANY7\"}");
  g_assert_cmpstr (
      json_object_get_string_member (get_item (found, "graduates", 0), "number_masked"), ==,
      "****60");
  /* And with the code of somebody who does not: then none of them is taken. */
  g_string_assign (moved, "school,batch,name,number,code\n");
  for (guint i = 0; i < 100; i++)
    g_string_append_printf (moved, "a,b,王芳,7%05u,%s%u\n", i, i == 60 ? "MANY" : "NEWER",
                            i == 60 ? 8 : i);
  taken = import (server, boss, moved->str, -1);
  {
    g_autofree char *faults = get_faults (taken);

    g_assert_cmpstr (faults, ==, "62 Another graduate has this code.\n");
  }
  assert_progress (server, boss, "800 0 0 0 0 0 0 800");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/roster/faults", test_faults);
  g_test_add_func ("/server/roster/too-many", test_too_many);
  g_test_add_func ("/server/roster/many", test_many);
  g_test_add_func ("/server/roster/forms", test_forms);
  g_test_add_func ("/server/roster/progress", test_progress);
  g_test_add_func ("/server/roster/find", test_find);
  g_test_add_func ("/server/roster/find-beside", test_find_beside);
  g_test_add_func ("/server/roster/naming", test_naming);
  g_test_add_func ("/server/roster/export-in-feed", test_export_in_feed);
  g_test_add_func ("/server/roster/export-list", test_export_list);
  g_test_add_func ("/server/roster/export-many", test_export_many);
  g_test_add_func ("/server/roster/unproved", test_unproved);
  g_test_add_func ("/server/roster/swapped", test_swapped);
  return g_test_run ();
}
