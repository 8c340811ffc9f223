/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-server.h"

#include "core/rtk-id.h"
#include "core/rtk-json.h"

#include <glib/gstdio.h>
#include <libsoup/soup.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

static const char *const roles[] = {"operator", "reviewer", "supervisor"};

static const char *
get_program (void)
{
  const char *program = g_getenv ("RTK_TEST_SERVER");

  g_assert_nonnull (program);
  return program;
}

gboolean
rtk_test_is_postgres (void)
{
  return g_getenv ("RTK_TEST_POSTGRES") != NULL;
}

/* Where the server of @folder keeps its rows when the tests run on PostgreSQL (with-postgres): a
 * database of its own, made when it is asked for first. NULL for SQLite. */
char *
rtk_test_server_dup_database (const char *folder)
{
  static GHashTable *made = NULL;
  const char        *socket = g_getenv ("RTK_TEST_POSTGRES");
  g_autofree char   *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, folder, -1);
  g_autofree char   *name = g_strdup_printf ("t%.16s", digest);
  g_autofree char   *sql = g_strdup_printf ("CREATE DATABASE %s", name);
  g_autofree char   *psql = NULL;

  if (socket == NULL)
    return NULL;
  if (made == NULL)
    made = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (!g_hash_table_contains (made, name)) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GSubprocess) process = NULL;

    psql = g_build_filename (g_getenv ("RTK_TEST_POSTGRES_BIN"), "psql", NULL);
    process = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error, psql, "-q", "-X", "-h", socket,
                                "-U", "retake", "-d", "postgres", "-c", sql, NULL);
    g_assert_no_error (error);
    g_assert_true (g_subprocess_wait_check (process, NULL, &error));
    g_assert_no_error (error);
    g_hash_table_add (made, g_strdup (name));
  }
  return g_strdup_printf ("postgresql://retake@/%s?host=%s", name, socket);
}

static GSubprocessLauncher *
make_launcher (const char *folder, GSubprocessFlags flags)
{
  GSubprocessLauncher *launcher = g_subprocess_launcher_new (flags);
  g_autofree char     *database = rtk_test_server_dup_database (folder);

  if (database != NULL)
    g_subprocess_launcher_setenv (launcher, "RETAKE_DATABASE", database, TRUE);
  return launcher;
}

int
rtk_test_server_command (const char *folder, const char *input, char **out_text, ...)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GSubprocessLauncher) launcher = NULL;
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  va_list          args;
  char            *word;

  g_ptr_array_add (argv, (char *)get_program ());
  va_start (args, out_text);
  while ((word = va_arg (args, char *)) != NULL)
    g_ptr_array_add (argv, word);
  va_end (args);
  g_ptr_array_add (argv, (char *)"--data");
  g_ptr_array_add (argv, (char *)folder);
  g_ptr_array_add (argv, NULL);
  launcher = make_launcher (folder, G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                        G_SUBPROCESS_FLAGS_STDERR_MERGE);
  process = g_subprocess_launcher_spawnv (launcher, (const char *const *)argv->pdata, &error);
  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (process, input != NULL ? input : "", NULL, &text, NULL, &error);
  g_assert_no_error (error);
  if (out_text != NULL)
    *out_text = g_steal_pointer (&text);
  return g_subprocess_get_if_exited (process) ? g_subprocess_get_exit_status (process) : -1;
}

char *
rtk_test_server_code (guint index)
{
  return g_strdup_printf ("TESTCODE%08u", index);
}

char *
rtk_test_server_number (guint index)
{
  return g_strdup_printf ("32019919000101%04u", index);
}

static void
import_roster (const char *folder, guint graduates)
{
  g_autoptr (GString) text = g_string_new ("school,batch,name,number,code\n");
  g_autofree char *path = g_build_filename (folder, "roster.csv", NULL);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < graduates; i++) {
    g_autofree char *code = rtk_test_server_code (i);
    g_autofree char *number = rtk_test_server_number (i);

    g_string_append_printf (text, "示例大学,2026,王小明,%s,%s\n", number, i % 2 == 0 ? code : "");
  }
  g_file_set_contents (path, text->str, (gssize)text->len, &error);
  g_assert_no_error (error);
  g_assert_cmpint (rtk_test_server_command (folder, NULL, NULL, "roster", "import", path, NULL), ==,
                   0);
}

typedef struct {
  GInputStream *stream;
  GString      *log;
} LogReader;

static gpointer
read_log (gpointer data)
{
  LogReader *reader = data;
  char       buffer[4096];
  gssize     n;

  while ((n = g_input_stream_read (reader->stream, buffer, sizeof buffer, NULL, NULL)) > 0)
    g_string_append_len (reader->log, buffer, n);
  g_object_unref (reader->stream);
  g_free (reader);
  return NULL;
}

/* The first line of the log says that the server is ready: no waiting by the clock. */
static char *
wait_ready (GInputStream *stream, GString *log)
{
  g_autoptr (GString) line = g_string_new (NULL);
  g_autoptr (JsonObject) object = NULL;
  char c;

  while (g_input_stream_read (stream, &c, 1, NULL, NULL) == 1) {
    g_string_append_c (line, c);
    if (c != '\n')
      continue;
    g_string_append (log, line->str);
    object = rtk_json_parse_object (line->str, -1, NULL);
    if (object != NULL && json_object_has_member (object, "url"))
      return g_strdup (json_object_get_string_member (object, "url"));
    g_clear_pointer (&object, json_object_unref);
    g_string_truncate (line, 0);
  }
  g_error ("The server did not start: %s", log->str);
}

/* A test that fails leaves no server behind. */
static void
die_with_test (gpointer user_data)
{
  (void)prctl (PR_SET_PDEATHSIG, SIGKILL);
}

void
rtk_test_server_start (RtkTestServer *self)
{
  g_autoptr (GSubprocessLauncher) launcher = NULL;
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autofree char *ready = g_build_filename (self->folder, "ready", NULL);
  g_autofree char *content = NULL;
  g_autoptr (GError) error = NULL;
  GInputStream *stream;
  LogReader    *reader;
  /* No draws, unless a test asks for them: a verdict is final. */
  const char *fixed[] = {get_program (),
                         "--data",
                         self->folder,
                         "--listen",
                         "127.0.0.1:0",
                         "--ready-file",
                         ready,
                         "--sample-percent",
                         "0",
                         "--gold-percent",
                         "0"};

  for (guint i = 0; i < G_N_ELEMENTS (fixed); i++)
    g_ptr_array_add (argv, (char *)fixed[i]);
  for (guint i = 0; self->extra != NULL && self->extra[i] != NULL; i++)
    g_ptr_array_add (argv, self->extra[i]);
  g_ptr_array_add (argv, NULL);
  launcher = make_launcher (self->folder, G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_subprocess_launcher_set_child_setup (launcher, die_with_test, NULL, NULL);
  self->process = g_subprocess_launcher_spawnv (launcher, (const char *const *)argv->pdata, &error);
  g_assert_no_error (error);
  stream = g_subprocess_get_stderr_pipe (self->process);
  g_free (self->url);
  self->url = wait_ready (stream, self->log);
  reader = g_new0 (LogReader, 1);
  reader->stream = g_object_ref (stream);
  reader->log = self->log;
  self->log_thread = g_thread_new ("log", read_log, reader);
  self->session = soup_session_new_with_options ("proxy-resolver", NULL, NULL);
}

static void
end (RtkTestServer *self)
{
  g_subprocess_wait (self->process, NULL, NULL);
  g_clear_pointer (&self->log_thread, g_thread_join);
  g_clear_object (&self->process);
  g_clear_object (&self->session);
}

void
rtk_test_server_stop (RtkTestServer *self)
{
  g_subprocess_send_signal (self->process, SIGTERM);
  g_subprocess_wait (self->process, NULL, NULL);
  g_thread_join (self->log_thread);
  if (!g_subprocess_get_successful (self->process))
    g_error ("The server did not end well: %s", self->log->str);
  self->log_thread = NULL;
  end (self);
}

void
rtk_test_server_kill (RtkTestServer *self)
{
  g_subprocess_force_exit (self->process);
  end (self);
}

RtkTestServer *
rtk_test_server_new (guint graduates, const char *const *extra)
{
  RtkTestServer *self = g_new0 (RtkTestServer, 1);
  g_autoptr (GError) error = NULL;

  self->folder = g_dir_make_tmp ("retake-server-XXXXXX", &error);
  g_assert_no_error (error);
  self->log = g_string_new (NULL);
  self->extra = g_strdupv ((char **)extra);
  if (graduates > 0)
    import_roster (self->folder, graduates);
  for (guint i = 0; i < G_N_ELEMENTS (roles); i++)
    g_assert_cmpint (rtk_test_server_command (self->folder, RTK_TEST_PASSWORD "\n", NULL, "user",
                                              "add", roles[i], "--role", roles[i], NULL),
                     ==, 0);
  rtk_test_server_start (self);
  return self;
}

RtkTestServer *
rtk_test_server_open (const char *folder)
{
  RtkTestServer *self = g_new0 (RtkTestServer, 1);

  self->folder = g_strdup (folder);
  self->log = g_string_new (NULL);
  rtk_test_server_start (self);
  return self;
}

RtkTestServer *
rtk_test_server_join (RtkTestServer *host)
{
  RtkTestServer *self = g_new0 (RtkTestServer, 1);

  self->folder = g_strdup (host->folder);
  self->log = g_string_new (NULL);
  self->extra = g_strdupv (host->extra);
  self->is_guest = TRUE;
  rtk_test_server_start (self);
  return self;
}

RtkTestServer *
rtk_test_server_attach (const char *url)
{
  RtkTestServer *self = g_new0 (RtkTestServer, 1);

  self->url = g_strdup (url);
  self->log = g_string_new (NULL);
  self->session = soup_session_new_with_options ("proxy-resolver", NULL, NULL);
  return self;
}

void
rtk_test_remove_folder (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *child = g_build_filename (path, name, NULL);

    if (g_file_test (child, G_FILE_TEST_IS_DIR))
      rtk_test_remove_folder (child);
    else
      (void)g_unlink (child);
  }
  (void)g_rmdir (path);
}

void
rtk_test_server_free (RtkTestServer *self)
{
  if (self->process != NULL)
    rtk_test_server_stop (self);
  /* Nothing that identifies a person or opens anything may ever be logged. */
  g_assert_null (strstr (self->log->str, "TESTCODE"));
  g_assert_null (strstr (self->log->str, "32019919"));
  g_assert_null (strstr (self->log->str, "王"));
  g_assert_null (strstr (self->log->str, "1009999"));
  g_assert_null (strstr (self->log->str, RTK_TEST_PASSWORD));
  g_assert_null (strstr (self->log->str, "\"warning\""));
  if (self->folder != NULL && !self->is_guest)
    rtk_test_remove_folder (self->folder);
  g_clear_object (&self->session);
  g_free (self->folder);
  g_free (self->url);
  g_strfreev (self->extra);
  g_string_free (self->log, TRUE);
  g_free (self);
}

static void
keep_header_cb (const char *name, const char *value, gpointer table)
{
  g_hash_table_replace (table, g_ascii_strdown (name, -1), g_strdup (value));
}

RtkTestReply *
rtk_test_call_raw (RtkTestServer     *self,
                   const char        *token,
                   const char        *method,
                   const char        *path,
                   const char        *media_type,
                   GBytes            *body,
                   const char *const *headers)
{
  g_autofree char *url = g_strconcat (self->url, path, NULL);
  g_autoptr (SoupMessage) message = soup_message_new (method, url);
  SoupMessageHeaders *request = soup_message_get_request_headers (message);
  RtkTestReply       *reply = g_new0 (RtkTestReply, 1);
  g_autoptr (GError) error = NULL;
  gsize size;

  if (token != NULL) {
    g_autofree char *value = g_strconcat ("Bearer ", token, NULL);

    soup_message_headers_replace (request, "Authorization", value);
  }
  if (body != NULL)
    soup_message_set_request_body_from_bytes (message, media_type, body);
  for (guint i = 0; headers != NULL && headers[i] != NULL; i += 2)
    soup_message_headers_replace (request, headers[i], headers[i + 1]);
  reply->body = soup_session_send_and_read (self->session, message, NULL, &error);
  if (error != NULL && self->process != NULL) {
    /* A server that died has said why. */
    g_subprocess_force_exit (self->process);
    g_clear_pointer (&self->log_thread, g_thread_join);
    g_test_message ("%s", self->log->str);
  }
  g_assert_no_error (error);
  reply->status = soup_message_get_status (message);
  reply->headers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  soup_message_headers_foreach (soup_message_get_response_headers (message), keep_header_cb,
                                reply->headers);
  if (g_bytes_get_size (reply->body) > 0)
    reply->json = rtk_json_parse_object (g_bytes_get_data (reply->body, &size),
                                         (gssize)g_bytes_get_size (reply->body), NULL);
  return reply;
}

RtkTestReply *
rtk_test_call (
    RtkTestServer *self, const char *token, const char *method, const char *path, const char *json)
{
  g_autoptr (GBytes) body = json != NULL ? g_bytes_new (json, strlen (json)) : NULL;

  return rtk_test_call_raw (self, token, method, path, "application/json", body, NULL);
}

void
rtk_test_reply_free (RtkTestReply *reply)
{
  g_bytes_unref (reply->body);
  g_clear_pointer (&reply->json, json_object_unref);
  g_hash_table_unref (reply->headers);
  g_free (reply);
}

const char *
rtk_test_reply_text (RtkTestReply *reply, const char *member)
{
  g_assert_nonnull (reply->json);
  g_assert_true (json_object_has_member (reply->json, member));
  return json_object_get_string_member (reply->json, member);
}

gint64
rtk_test_reply_int (RtkTestReply *reply, const char *member)
{
  g_assert_nonnull (reply->json);
  g_assert_true (json_object_has_member (reply->json, member));
  return json_object_get_int_member (reply->json, member);
}

void
rtk_test_assert_problem (RtkTestReply *reply, guint status, const char *name)
{
  g_autofree char *type = g_strconcat ("urn:retake:problem:", name, NULL);

  g_assert_cmpuint (reply->status, ==, status);
  g_assert_cmpstr (g_hash_table_lookup (reply->headers, "content-type"), ==,
                   "application/problem+json");
  g_assert_cmpstr (rtk_test_reply_text (reply, "type"), ==, type);
  g_assert_cmpint (rtk_test_reply_int (reply, "status"), ==, status);
}

char *
rtk_test_new_id (void)
{
  return rtk_id_new (g_get_real_time ());
}

char *
rtk_test_sign_in (RtkTestServer *self, const char *role)
{
  g_autofree char *body =
      g_strdup_printf ("{\"user\":\"%s\",\"password\":\"" RTK_TEST_PASSWORD "\"}", role);
  g_autoptr (RtkTestReply) reply = rtk_test_call (self, NULL, "POST", "/v1/session", body);

  g_assert_cmpuint (reply->status, ==, 201);
  g_assert_cmpstr (rtk_test_reply_text (reply, "role"), ==, role);
  return g_strdup (rtk_test_reply_text (reply, "access_token"));
}

char *
rtk_test_enrol (RtkTestServer *self, const char *token, const char *role, RtkSigner *signer)
{
  const char      *key = rtk_signer_get_key_id (signer);
  g_autofree char *text = g_strconcat ("retake-enrol\n", key, "\n", role, NULL);
  guint8           signature[64];
  g_autofree char *proof = NULL;
  g_autofree char *body = NULL;
  g_autoptr (RtkTestReply) reply = NULL;

  g_assert_true (rtk_signer_sign (signer, (const guint8 *)text, strlen (text), signature, NULL));
  proof = g_base64_encode (signature, sizeof signature);
  body = g_strdup_printf ("{\"name\":\"desk\",\"key\":\"%s\",\"proof\":\"%s\"}", key, proof);
  reply = rtk_test_call (self, token, "POST", "/v1/stations", body);
  g_assert_true (reply->status == 201 || reply->status == 200);
  return g_strdup (rtk_test_reply_text (reply, "station"));
}

GBytes *
rtk_test_make_blob (const char *type, gsize size, guint32 seed)
{
  guint8 *data = g_malloc (size);
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);

  g_assert_cmpuint (size, >, 16);
  for (gsize i = 0; i < size; i++)
    data[i] = (guint8)g_rand_int (rand);
  if (strcmp (type, "image/jpeg") == 0)
    memcpy (data, "\xff\xd8\xff", 3);
  else if (strcmp (type, "image/png") == 0)
    memcpy (data, "\x89PNG\r\n\x1a\n", 8);
  else
    data[0] = '{';
  return g_bytes_new_take (data, size);
}

char *
rtk_test_upload (RtkTestServer *self, const char *token, GBytes *bytes, const char *type)
{
  char             sha256[65];
  g_autofree char *name64 = NULL;
  g_autofree char *type64 = g_base64_encode ((const guchar *)type, strlen (type));
  g_autofree char *metadata = NULL;
  g_autofree char *length = g_strdup_printf ("%zu", g_bytes_get_size (bytes));
  g_autofree char *location = NULL;
  g_autoptr (RtkTestReply) created = NULL;
  g_autoptr (RtkTestReply) patched = NULL;

  rtk_sha256_hex (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), sha256);
  name64 = g_base64_encode ((const guchar *)sha256, 64);
  metadata = g_strdup_printf ("sha256 %s,type %s", name64, type64);
  created = rtk_test_call_raw (self, token, "POST", "/v1/uploads", NULL, NULL,
                               (const char *[]){"Tus-Resumable", "1.0.0", "Upload-Length", length,
                                                "Upload-Metadata", metadata, NULL});
  g_assert_cmpuint (created->status, ==, 201);
  location = g_strdup (g_hash_table_lookup (created->headers, "location"));
  patched =
      rtk_test_call_raw (self, token, "PATCH", location, "application/offset+octet-stream", bytes,
                         (const char *[]){"Tus-Resumable", "1.0.0", "Upload-Offset", "0", NULL});
  g_assert_cmpuint (patched->status, ==, 204);
  return g_strdup (sha256);
}

char *
rtk_test_sign_up (RtkTestServer *self, guint index)
{
  g_autofree char *account =
      g_strdup_printf ("{\"phone\":\"1009999%04u\",\"password\":\"" RTK_TEST_PASSWORD "\"}", index);
  g_autofree char *code = rtk_test_server_code (index);
  g_autofree char *number = rtk_test_server_number (index);
  g_autofree char *bind = g_strdup_printf ("{\"code\":\"%s\",\"number\":\"%s\"}", code, number);
  g_autoptr (RtkTestReply) made =
      rtk_test_call (self, NULL, "POST", "/v1/online/accounts", account);
  g_autoptr (RtkTestReply) bound = NULL;
  const char *token;

  g_assert_cmpuint (made->status, ==, 201);
  token = rtk_test_reply_text (made, "access_token");
  bound = rtk_test_call (self, token, "POST", "/v1/online/codes", bind);
  g_assert_cmpuint (bound->status, ==, 200);
  return g_strdup (token);
}

char *
rtk_test_sign_in_online (RtkTestServer *self, guint index)
{
  g_autofree char *body =
      g_strdup_printf ("{\"phone\":\"1009999%04u\",\"password\":\"" RTK_TEST_PASSWORD "\"}", index);
  g_autoptr (RtkTestReply) reply = rtk_test_call (self, NULL, "POST", "/v1/online/session", body);

  g_assert_cmpuint (reply->status, ==, 201);
  return g_strdup (rtk_test_reply_text (reply, "access_token"));
}

void
rtk_test_pay (RtkTestServer *self, const char *token, const char *payment)
{
  g_autofree char *event = rtk_test_new_id ();
  g_autofree char *path = g_strdup_printf ("/v1/sandbox/payments/%s", payment);
  g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\"}", event);
  g_autoptr (RtkTestReply) reply = rtk_test_call (self, token, "POST", path, body);

  g_assert_cmpuint (reply->status, ==, 200);
}

char *
rtk_test_make_order (RtkTestServer *self, guint index, gboolean paid)
{
  g_autofree char *token = rtk_test_sign_up (self, index);
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *submission = rtk_test_new_id ();
  g_autofree char *payment = rtk_test_new_id ();
  g_autoptr (GBytes) original = rtk_test_make_blob ("image/jpeg", 5000, index * 3);
  g_autoptr (GBytes) delivered = rtk_test_make_blob ("image/jpeg", 3000, index * 3 + 1);
  g_autoptr (GBytes) report = rtk_test_make_blob ("application/json", 300, index * 3 + 2);
  g_autofree char *a = rtk_test_upload (self, token, original, "image/jpeg");
  g_autofree char *b = rtk_test_upload (self, token, delivered, "image/jpeg");
  g_autofree char *c = rtk_test_upload (self, token, report, "application/json");
  g_autofree char *order_body = g_strdup_printf ("{\"id\":\"%s\"}", id);
  g_autofree char *submission_path = g_strdup_printf ("/v1/online/orders/%s/submission", id);
  g_autofree char *submission_body =
      g_strdup_printf ("{\"id\":\"%s\",\"original\":\"%s\",\"delivered\":\"%s\",\"report\":\"%s\"}",
                       submission, a, b, c);
  g_autofree char *payment_path = g_strdup_printf ("/v1/online/orders/%s/payment", id);
  g_autofree char *payment_body =
      g_strdup_printf ("{\"id\":\"%s\",\"provider\":\"sandbox\"}", payment);
  const char *steps[3][2] = {{"/v1/online/orders", order_body},
                             {submission_path, submission_body},
                             {payment_path, payment_body}};

  for (int i = 0; i < (paid ? 3 : 2); i++) {
    g_autoptr (RtkTestReply) reply = rtk_test_call (self, token, "POST", steps[i][0], steps[i][1]);

    g_assert_cmpuint (reply->status, ==, 201);
  }
  if (paid)
    rtk_test_pay (self, token, payment);
  return g_steal_pointer (&id);
}

char **
rtk_test_upload_parts (RtkTestServer *self, const char *token, guint32 seed)
{
  static const char *const types[] = {"image/jpeg", "image/png", "image/jpeg", "application/json",
                                      "application/json"};
  char                   **parts = g_new0 (char *, G_N_ELEMENTS (types) + 1);

  for (guint i = 0; i < G_N_ELEMENTS (types); i++) {
    g_autoptr (GBytes) bytes = rtk_test_make_blob (types[i], 2000 + i, seed * 5 + i);

    parts[i] = rtk_test_upload (self, token, bytes, types[i]);
  }
  return parts;
}

RtkOperation *
rtk_test_make_operation (
    RtkSigner *signer, const char *station, const char *order, gint64 revision, char **parts)
{
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *submission = rtk_test_new_id ();
  g_autofree char *text = g_strdup_printf (
      "{\"submission\":\"%s\",\"original\":\"%s\",\"alpha\":\"%s\",\"delivered\":\"%s\","
      "\"certificate\":\"%s\",\"report\":\"%s\",\"overrides\":[{\"check\":\"mouth.closed\","
      "\"reason\":\"a test\",\"by\":\"operator\"}]}",
      submission, parts[0], parts[1], parts[2], parts[3], parts[4]);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) body = json_from_string (text, &error);
  RtkOperation *operation;

  g_assert_no_error (error);
  operation = rtk_operation_new (id, RTK_OPERATION_SUBMIT, order, revision, g_get_real_time (),
                                 station, "operator", body, signer, &error);
  g_assert_no_error (error);
  return operation;
}

char *
rtk_test_operations_body (RtkOperation *operation, ...)
{
  g_autoptr (GString) text = g_string_new ("{\"operations\":[");
  va_list args;

  va_start (args, operation);
  for (; operation != NULL; operation = va_arg (args, RtkOperation *)) {
    g_autoptr (JsonNode) node = rtk_operation_to_json (operation);
    g_autofree char *json = json_to_string (node, FALSE);

    g_string_append_printf (text, "%s%s", g_str_has_suffix (text->str, "[") ? "" : ",", json);
  }
  va_end (args);
  g_string_append (text, "]}");
  return g_string_free (g_steal_pointer (&text), FALSE);
}
