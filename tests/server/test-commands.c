/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-clock.h"
#include "core/rtk-error.h"
#include "server/rtk-server-socket.h"
#include "server/rtk-server-store.h"
#include "support/rtk-test-server.h"

#include <gio/gunixoutputstream.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* A folder that goes with its test. */
typedef char *TestFolder;

static void
test_folder_free (TestFolder folder)
{
  rtk_test_remove_folder (folder);
  g_free (folder);
}

G_DEFINE_AUTO_CLEANUP_FREE_FUNC (TestFolder, test_folder_free, NULL)

static TestFolder
new_folder (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("retake-command-XXXXXX", &error);

  g_assert_no_error (error);
  return folder;
}

/* The database of a test: a file of @folder, or one in the cluster beside which the tests run. */
static char *
dup_address (const char *folder, const char *file)
{
  char *database = rtk_test_server_dup_database (folder);

  return database != NULL ? database : g_build_filename (folder, file, NULL);
}

static void
test_masks (void)
{
  static const char *const names[][2] = {
      {"王明", "王*"}, {"王小明", "王*明"}, {"欧阳小明", "欧**明"}, {"王", "王*"}, {"", ""}};
  static const char *const numbers[][2] = {
      {"320199190001011234", "3201**********1234"}, {"20220101", "******01"}, {"7", "*"}};

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *masked = rtk_server_mask_name (names[i][0]);

    g_assert_cmpstr (masked, ==, names[i][1]);
  }
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    g_autofree char *masked = rtk_server_mask_number (numbers[i][0]);

    g_assert_cmpstr (masked, ==, numbers[i][1]);
  }
}

static void
test_roster (void)
{
  g_auto (TestFolder) folder = new_folder ();
  g_autofree char *path = g_build_filename (folder, "r.csv", NULL);
  g_autofree char *text = NULL;
  g_autofree char *again = NULL;
  g_autofree char *bad = NULL;
  g_autofree char *gb = NULL;
  const char      *chinese =
      "学校,批次,姓名,证件号码\r\n\"示例, 大学\",2026,王小明,320199190001010001\r\n";
  gsize size;

  gb = g_convert (chinese, -1, "GB18030", "UTF-8", NULL, &size, NULL);
  g_assert_true (g_file_set_contents (path, gb, (gssize)size, NULL));
  g_assert_cmpint (rtk_test_server_command (folder, NULL, &text, "roster", "import", path, NULL),
                   ==, 0);
  g_assert_cmpstr (text, ==, "1 graduates are new on the roster.\n");
  g_assert_cmpint (rtk_test_server_command (folder, NULL, &again, "roster", "import", path, NULL),
                   ==, 0);
  g_assert_cmpstr (again, ==, "0 graduates are new on the roster.\n");
  /* A line that is off stops all of it, and its content is not repeated. */
  g_assert_true (g_file_set_contents (
      path, "school,batch,name,number\na,b,王小明,320199190001010002\na,b,李四,\n", -1, NULL));
  g_assert_cmpint (rtk_test_server_command (folder, NULL, &bad, "roster", "import", path, NULL), ==,
                   2);
  g_assert_nonnull (strstr (bad, "Line 3"));
  g_assert_null (strstr (bad, "李四"));
  /* Two graduates with one code: nobody is left out without a word. */
  g_clear_pointer (&bad, g_free);
  g_assert_true (g_file_set_contents (path,
                                      "school,batch,name,number,code\n"
                                      "a,b,王小明,320199190001010002,TESTCODE1\n"
                                      "a,b,李四,320199190001010003,TESTCODE1\n",
                                      -1, NULL));
  g_assert_cmpint (rtk_test_server_command (folder, NULL, &bad, "roster", "import", path, NULL), ==,
                   2);
  g_assert_nonnull (strstr (bad, "Line 3"));
  g_assert_null (strstr (bad, "TESTCODE1"));
  /* A byte-order mark does not make the rest UTF-8. */
  g_clear_pointer (&bad, g_free);
  g_assert_true (g_file_set_contents (
      path, "\xef\xbb\xbfschool,batch,name,number\na,b,\xfd,320199190001010002\n", -1, NULL));
  g_assert_cmpint (rtk_test_server_command (folder, NULL, &bad, "roster", "import", path, NULL), ==,
                   2);
  g_assert_nonnull (strstr (bad, "neither UTF-8 nor GB18030"));
  g_clear_pointer (&again, g_free);
  g_assert_true (g_file_set_contents (
      path, "school,batch,name,number\na,b,王小明,320199190001010002\n", -1, NULL));
  g_assert_cmpint (rtk_test_server_command (folder, NULL, &again, "roster", "import", path, NULL),
                   ==, 0);
  g_assert_cmpstr (again, ==, "1 graduates are new on the roster.\n");
}

/* How a command ends that cannot be done: one line, with this word in it, and nothing made. */
static void
assert_refused (const char *folder, const char *word, char **argv)
{
  g_autofree char *text = NULL;
  int got = rtk_test_server_command (folder, NULL, &text, argv[0], argv[1], argv[2], argv[3], NULL);

  g_test_message ("%s", text);
  g_assert_cmpint (got, ==, 2);
  g_assert_nonnull (strstr (text, word));
  g_assert_cmpuint (strlen (strchr (text, '\n')), ==, 1);
}

#define REFUSED(folder, word, ...)                                                                 \
  assert_refused (folder, word, (char *[]){__VA_ARGS__, NULL, NULL, NULL, NULL})

/* Says what is wrong and what to do. */
static void
test_refusals (void)
{
  g_auto (TestFolder) folder = new_folder ();
  g_autofree char *nowhere = g_build_filename (folder, "nowhere", NULL);
  g_autofree char *empty = g_build_filename (folder, "empty", NULL);
  g_autofree char *taken = NULL;
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GError) error = NULL;

  REFUSED (folder, "--help", "frobnicate");
  REFUSED (folder, "user add NAME", "user");
  REFUSED (folder, "user add NAME", "user", "add");
  REFUSED (folder, "audit verify", "audit");
  REFUSED (folder, "backup FOLDER", "backup");
  REFUSED (folder, "--role", "user", "add", "x");
  REFUSED (folder, "0 to 100", "--sample-percent=101");
  REFUSED (folder, "from 0", "--hold-seconds=-1");
  REFUSED (folder, "from 1", "--readers=0");
  REFUSED (folder, "127.0.0.1:8080", "--listen=localhost:80");
  REFUSED (folder, "--tls-key", "--tls-certificate=x");
  REFUSED (folder, "--rules-folder", "--rules-folder=/nonexistent");
  g_assert_true (g_file_set_contents (empty, "\n", -1, NULL));
  {
    g_autofree char *option = g_strconcat ("--metrics-token-file=", empty, NULL);

    REFUSED (folder, "empty", option);
  }
  /* Who asks about a server makes none. */
  REFUSED (nowhere, "--data", "audit", "verify");
  REFUSED (nowhere, "--data", "backup", empty);
  REFUSED (nowhere, "--data", "user", "disable", "x");
  REFUSED (nowhere, "--data", "close-unpaid", "--now", "now");
  g_assert_false (g_file_test (nowhere, G_FILE_TEST_EXISTS));
  /* A port that is taken. */
  socket = rtk_server_socket_open ("127.0.0.1:0", FALSE, &error);
  g_assert_no_error (error);
  address = g_socket_get_local_address (socket, &error);
  g_assert_no_error (error);
  taken = g_strdup_printf ("--listen=127.0.0.1:%u",
                           g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address)));
  REFUSED (folder, "Another program listens", taken);
}

/* What root writes into the folder of the server's own user that one could not use. */
static void
test_owner (void)
{
  g_auto (TestFolder) folder = new_folder ();
  g_autofree char *said = NULL;
  g_autoptr (GDir) dir = NULL;

  if (geteuid () != 0) {
    g_test_skip ("only root can give a folder to somebody else");
    return;
  }
  g_assert_cmpint (chown (folder, 65534, 65534), ==, 0);
  g_assert_cmpint (rtk_test_server_command (folder, RTK_TEST_PASSWORD "\n", &said, "user", "add",
                                            "chief", "--role", "supervisor", NULL),
                   ==, 2);
  g_assert_nonnull (strstr (said, "runuser -u"));
  dir = g_dir_open (folder, 0, NULL);
  g_assert_null (g_dir_read_name (dir));
}

static void
test_usage (void)
{
  g_auto (TestFolder) folder = new_folder ();
  g_autofree char *role = NULL;
  g_autofree char *twice = NULL;
  g_autofree char *open = NULL;

  g_assert_cmpint (rtk_test_server_command (folder, "long enough\n", &role, "user", "add", "x",
                                            "--role", "king", NULL),
                   ==, 2);
  g_assert_cmpint (rtk_test_server_command (folder, "long enough\n", NULL, "user", "add", "x",
                                            "--role", "operator", NULL),
                   ==, 0);
  g_assert_cmpint (rtk_test_server_command (folder, "long enough\n", &twice, "user", "add", "X",
                                            "--role", "operator", NULL),
                   ==, 2);
  g_assert_cmpint (rtk_test_server_command (folder, NULL, &open, "--listen", "0.0.0.0:0", NULL), ==,
                   2);
  g_assert_nonnull (strstr (open, "--tls-certificate"));
}

static void
test_lock_and_ready_file (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *text = NULL;
  g_autofree char *ready_path = g_build_filename (server->folder, "ready", NULL);
  g_autofree char *ready = NULL;
  g_autofree char *key_path = g_build_filename (server->folder, "server.key", NULL);
  g_autofree char *lost = NULL;
  GStatBuf         st;

  /* The chain is checked beside the server; who writes has to wait, but in PostgreSQL. */
  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, &text, "audit", "verify", NULL),
                   ==, 0);
  g_assert_nonnull (strstr (text, "3 entries"));
  if (!rtk_test_is_postgres ()) {
    g_clear_pointer (&text, g_free);
    g_assert_cmpint (
        rtk_test_server_command (server->folder, NULL, &text, "close-unpaid", "--now", "now", NULL),
        ==, 2);
    g_assert_nonnull (strstr (text, "Another program"));
  }
  g_assert_true (g_file_get_contents (ready_path, &ready, NULL, NULL));
  g_assert_cmpstr (g_strchomp (ready), ==, server->url);
  g_assert_cmpint (g_stat (key_path, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 0777, ==, 0600);
  rtk_test_server_stop (server);
  /* Without its key file a database is not opened with a new one. */
  g_assert_cmpint (g_unlink (key_path), ==, 0);
  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, &lost, "audit", "verify", NULL),
                   ==, 2);
  g_assert_nonnull (strstr (lost, "key file"));
}

static void
test_close_unpaid (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (2, NULL);
  g_autofree char *unpaid = rtk_test_make_order (server, 0, FALSE);
  g_autofree char *paid = rtk_test_make_order (server, 1, TRUE);
  g_autofree char *now = rtk_time_format (g_get_real_time ());
  g_autofree char *later =
      rtk_time_format (g_get_real_time () + G_GINT64_CONSTANT (1860) * G_USEC_PER_SEC);
  g_autofree char *none = NULL;
  g_autofree char *one = NULL;
  g_autofree char *token = NULL;
  g_autofree char *path = g_strconcat ("/v1/orders/", unpaid, NULL);
  g_autofree char *paid_path = g_strconcat ("/v1/orders/", paid, NULL);
  g_autoptr (RtkTestReply) closed = NULL;
  g_autoptr (RtkTestReply) kept = NULL;

  rtk_test_server_stop (server);
  g_assert_cmpint (
      rtk_test_server_command (server->folder, NULL, &none, "close-unpaid", "--now", now, NULL), ==,
      0);
  g_assert_cmpstr (none, ==, "0 orders closed.\n");
  g_assert_cmpint (
      rtk_test_server_command (server->folder, NULL, &one, "close-unpaid", "--now", later, NULL),
      ==, 0);
  g_assert_cmpstr (one, ==, "1 orders closed.\n");
  rtk_test_server_start (server);
  token = rtk_test_sign_in (server, "operator");
  closed = rtk_test_call (server, token, "GET", path, NULL);
  kept = rtk_test_call (server, token, "GET", paid_path, NULL);
  g_assert_cmpstr (rtk_test_reply_text (closed, "payment"), ==, "closed");
  g_assert_cmpstr (rtk_test_reply_text (kept, "payment"), ==, "paid");
}

/* A query that failed and was answered by its fallback decides nothing. */
static void
test_failed_query (void)
{
  g_auto (TestFolder) folder = new_folder ();
  g_autofree char *address = dup_address (folder, "t.db");
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) refused = NULL;
  g_autoptr (RtkServerDb) db = rtk_server_db_open (address, &error);

  g_assert_no_error (error);
  g_assert_true (rtk_server_db_exec (db, "CREATE TABLE t (a INTEGER)", &error));
  g_assert_true (rtk_server_db_begin (db, TRUE, &error));
  g_assert_true (rtk_server_db_run (db, &error, "INSERT INTO t VALUES (1)", ""));
  g_assert_cmpint (rtk_server_db_get_int (db, 7, "SELECT abs (?)", "i", G_MININT64), ==, 7);
  g_assert_false (rtk_server_db_commit (db, &refused));
  g_assert_error (refused, RTK_ERROR, RTK_ERROR_STORAGE);
  g_assert_true (rtk_server_db_begin (db, TRUE, &error));
  g_assert_cmpint (rtk_server_db_get_int (db, 7, "SELECT count (*) FROM t", ""), ==, 0);
  g_assert_true (rtk_server_db_commit (db, &error));
  g_assert_no_error (error);
}

/* Whatever the folder's own rights are, its files are their owner's alone; and a ready file of an
 * earlier run does not speak for this one. */
static void
test_rights (void)
{
  g_auto (TestFolder) folder = new_folder ();
  /* In PostgreSQL the database is no file here. */
  g_autofree char *database =
      g_build_filename (folder, rtk_test_is_postgres () ? "server.key" : "server.db", NULL);
  g_autofree char *ready = g_build_filename (folder, "ready", NULL);
  g_autofree char *text = NULL;
  GStatBuf         st;

  g_assert_cmpint (g_chmod (folder, 0755), ==, 0);
  g_assert_true (g_file_set_contents (ready, "http://127.0.0.1:1\n", -1, NULL));
  g_assert_cmpint (rtk_test_server_command (folder, NULL, &text, "--listen", "0.0.0.0:0",
                                            "--ready-file", ready, NULL),
                   ==, 2);
  g_assert_cmpint (g_stat (database, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 0777, ==, 0600);
  g_assert_false (g_file_test (ready, G_FILE_TEST_EXISTS));
}

/* A child server: its parent's secret makes the first supervisor, the closed descriptor ends it. */
static void
test_child (void)
{
  g_auto (TestFolder) folder = new_folder ();
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GDataInputStream) log = NULL;
  g_autoptr (RtkTestServer) server = NULL;
  g_autofree char *line = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GError) error = NULL;
  const char *argv[] = {g_getenv ("RTK_TEST_SERVER"),
                        "--data",
                        folder,
                        "--listen",
                        "127.0.0.1:0",
                        "--bootstrap-fd",
                        "3",
                        NULL};
  int         fds[2];

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  g_subprocess_launcher_take_fd (launcher, fds[0], 3);
  process = g_subprocess_launcher_spawnv (launcher, argv, &error);
  g_assert_no_error (error);
  g_clear_object (&launcher);
  g_assert_cmpint (write (fds[1], "s3cret\n", 7), ==, 7);
  log = g_data_input_stream_new (g_subprocess_get_stderr_pipe (process));
  /* What it says before it is ready is no matter here. */
  do {
    g_clear_pointer (&line, g_free);
    g_clear_pointer (&node, json_node_unref);
    line = g_data_input_stream_read_line (log, NULL, NULL, &error);
    g_assert_no_error (error);
    g_assert_nonnull (line);
    node = json_from_string (line, &error);
    g_assert_no_error (error);
  } while (!json_object_has_member (json_node_get_object (node), "url"));
  server =
      rtk_test_server_attach (json_object_get_string_member (json_node_get_object (node), "url"));
  {
    g_autoptr (RtkTestReply) wrong =
        rtk_test_call (server, NULL, "POST", "/v1/bootstrap",
                       "{\"secret\":\"guess\",\"user\":\"boss\",\"password\":\"long enough\"}");
    g_autoptr (RtkTestReply) right =
        rtk_test_call (server, NULL, "POST", "/v1/bootstrap",
                       "{\"secret\":\"s3cret\",\"user\":\"boss\",\"password\":\"long enough\"}");
    g_autoptr (RtkTestReply) again =
        rtk_test_call (server, NULL, "POST", "/v1/bootstrap",
                       "{\"secret\":\"s3cret\",\"user\":\"boss2\",\"password\":\"long enough\"}");

    rtk_test_assert_problem (wrong, 403, "forbidden");
    g_assert_cmpuint (right->status, ==, 201);
    g_assert_cmpstr (rtk_test_reply_text (right, "role"), ==, "supervisor");
    rtk_test_assert_problem (again, 409, "already-set-up");
  }
  close (fds[1]);
  g_assert_true (g_subprocess_wait (process, NULL, NULL));
  g_assert_true (g_subprocess_get_if_exited (process));
  g_assert_cmpint (g_subprocess_get_exit_status (process), ==, 0);
}

static void
put (const char *folder, const char *name, GBytes *bytes)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_assert_true (g_file_set_contents (path, g_bytes_get_data (bytes, NULL),
                                      (gssize)g_bytes_get_size (bytes), NULL));
}

static guint
count (GHashTable *table, const char *key)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (table, key));
}

static void
test_simulate (void)
{
  g_auto (TestFolder) folder = new_folder ();
  g_auto (TestFolder) pictures = new_folder ();
  g_autofree char *codes_path = g_build_filename (folder, "codes", NULL);
  g_autofree char *codes = NULL;
  g_autofree char *text = NULL;
  g_autofree char *again = NULL;
  g_autofree char *nothing = NULL;
  g_autoptr (GBytes) original = rtk_test_make_blob ("image/png", 50000, 1);
  g_autoptr (GBytes) finished = rtk_test_make_blob ("image/jpeg", 20000, 2);
  g_autoptr (GBytes) report = g_bytes_new_static ("{\"verdict\":\"pass\"}", 18);
  g_autoptr (GHashTable) payments = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) states = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (RtkTestServer) server = NULL;
  g_autofree char *token = NULL;
  g_autoptr (RtkTestReply) page = NULL;
  JsonArray *orders;

  g_assert_cmpint (rtk_test_server_command (folder, NULL, &nothing, "simulate", "--graduates", "20",
                                            "--photos", pictures, NULL),
                   ==, 2);
  g_assert_nonnull (strstr (nothing, "photo make"));
  put (pictures, "a.png", original);
  put (pictures, "a.finished.jpg", finished);
  put (pictures, "a.report.json", report);
  g_assert_cmpint (rtk_test_server_command (folder, "demonstration\n", &text, "simulate",
                                            "--graduates", "20", "--photos", pictures, "--seed",
                                            "7", "--user", "operator", "--codes-file", codes_path,
                                            "--access-seconds", "0", "--unpaid-seconds", "0", NULL),
                   ==, 0);
  g_assert_true (g_file_get_contents (codes_path, &codes, NULL, NULL));
  g_assert_cmpuint (strlen (codes), ==, 9 * 17);
  codes[16] = '\0';
  g_assert_null (strstr (text, codes));
  g_assert_cmpint (rtk_test_server_command (folder, NULL, &again, "simulate", "--graduates", "20",
                                            "--photos", pictures, NULL),
                   ==, 2);

  server = rtk_test_server_open (folder);
  {
    g_autoptr (RtkTestReply) session =
        rtk_test_call (server, NULL, "POST", "/v1/session",
                       "{\"user\":\"operator\",\"password\":\"demonstration\"}");

    g_assert_cmpuint (session->status, ==, 201);
    token = g_strdup (rtk_test_reply_text (session, "access_token"));
  }
  page = rtk_test_call (server, token, "GET", "/v1/changes?limit=100", NULL);
  orders = json_object_get_array_member (page->json, "orders");
  g_assert_cmpuint (json_array_get_length (orders), ==, 18);
  for (guint i = 0; i < json_array_get_length (orders); i++) {
    JsonObject *order = json_array_get_object_element (orders, i);
    const char *payment = g_intern_string (json_object_get_string_member (order, "payment"));
    JsonArray  *submissions = json_object_get_array_member (order, "submissions");
    JsonObject *submission = json_array_get_object_element (submissions, 0);
    const char *state = g_intern_string (json_object_get_string_member (submission, "state"));

    g_hash_table_replace (payments, (char *)payment,
                          GUINT_TO_POINTER (count (payments, payment) + 1));
    g_hash_table_replace (states, (char *)state, GUINT_TO_POINTER (count (states, state) + 1));
  }
  g_assert_cmpuint (count (payments, "unpaid"), ==, 1);
  g_assert_cmpuint (count (payments, "closed"), ==, 1);
  g_assert_cmpuint (count (payments, "paid"), ==, 7);
  g_assert_cmpuint (count (payments, "waived"), ==, 4);
  g_assert_cmpuint (count (payments, "refund_due"), ==, 3);
  g_assert_cmpuint (count (payments, "refunded"), ==, 2);
  g_assert_cmpuint (count (states, "approved"), ==, 3);
  g_assert_cmpuint (count (states, "rejected"), ==, 9);
  g_assert_cmpuint (count (states, "submitted"), ==, 6);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/commands/masks", test_masks);
  g_test_add_func ("/server/commands/roster", test_roster);
  g_test_add_func ("/server/commands/owner", test_owner);
  g_test_add_func ("/server/commands/usage", test_usage);
  g_test_add_func ("/server/commands/refusals", test_refusals);
  g_test_add_func ("/server/commands/lock-and-ready-file", test_lock_and_ready_file);
  g_test_add_func ("/server/commands/close-unpaid", test_close_unpaid);
  g_test_add_func ("/server/commands/failed-query", test_failed_query);
  g_test_add_func ("/server/commands/rights", test_rights);
  g_test_add_func ("/server/commands/child", test_child);
  g_test_add_func ("/server/commands/simulate", test_simulate);
  return g_test_run ();
}
