/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-receiver.h"

#include "server/rtk-server-signature.h"

#include <gio/gio.h>
#include <string.h>

struct _RtkTestReceiver {
  GSocketListener *listener;
  GThread         *thread;
  GCancellable    *cancellable;
  guint16          port;
  GMutex           mutex;
  GCond            cond;
  GArray          *plan;    /* (lock mutex) */
  GHashTable      *keys;    /* (lock mutex): key -> how often it came */
  GHashTable      *done;    /* (lock mutex) */
  GPtrArray       *threads; /* (lock mutex) */
  char            *answer;  /* (lock mutex) */
  char            *body;    /* (lock mutex) */
  guint            n_requests;
};

typedef struct {
  RtkTestReceiver   *self;
  GSocketConnection *connection;
} Visit;

/* The value of a header, lower-case name with a colon; NULL when it is missing. */
static char *
dup_header (const char *head, const char *name)
{
  g_auto (GStrv) lines = g_strsplit (head, "\r\n", -1);

  for (guint i = 1; lines[i] != NULL; i++)
    if (g_ascii_strncasecmp (lines[i], name, strlen (name)) == 0)
      return g_strdup (g_strstrip (lines[i] + strlen (name)));
  return NULL;
}

/* Head and body of one request; FALSE when the caller went away. */
static gboolean
read_request (RtkTestReceiver *self, GInputStream *in, GString *head, GString *body)
{
  g_autofree char *length = NULL;
  char             c;

  while (!g_str_has_suffix (head->str, "\r\n\r\n")) {
    if (g_input_stream_read (in, &c, 1, self->cancellable, NULL) != 1)
      return FALSE;
    g_string_append_c (head, c);
  }
  length = dup_header (head->str, "content-length:");
  while (length != NULL && body->len < (gsize)g_ascii_strtoull (length, NULL, 10)) {
    if (g_input_stream_read (in, &c, 1, self->cancellable, NULL) != 1)
      return FALSE;
    g_string_append_c (body, c);
  }
  return TRUE;
}

static RtkTestAnswer
note_request (RtkTestReceiver *self, const char *key, const char *body, char **out_answer)
{
  RtkTestAnswer answer = RTK_TEST_ANSWER_OK;
  guint         times;

  g_mutex_lock (&self->mutex);
  if (self->n_requests < self->plan->len)
    answer = g_array_index (self->plan, RtkTestAnswer, self->n_requests);
  times = GPOINTER_TO_UINT (g_hash_table_lookup (self->keys, key)) + 1;
  g_hash_table_replace (self->keys, g_strdup (key), GUINT_TO_POINTER (times));
  if (answer != RTK_TEST_ANSWER_ERROR && answer != RTK_TEST_ANSWER_BUSY &&
      answer != RTK_TEST_ANSWER_REFUSE && answer != RTK_TEST_ANSWER_GARBAGE)
    g_hash_table_add (self->done, g_strdup (key));
  g_free (self->body);
  self->body = g_strdup (body);
  *out_answer = g_strdup (self->answer);
  self->n_requests++;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->mutex);
  return answer;
}

static void
say (GOutputStream *out, const char *text)
{
  (void)g_output_stream_write_all (out, text, strlen (text), NULL, NULL, NULL);
}

/* Until the caller closes. */
static void
wait_for_end (RtkTestReceiver *self, GInputStream *in)
{
  char c;

  while (g_input_stream_read (in, &c, 1, self->cancellable, NULL) > 0)
    ;
}

static void
answer_request (Visit *visit, RtkTestAnswer answer, const char *body)
{
  GInputStream    *in = g_io_stream_get_input_stream (G_IO_STREAM (visit->connection));
  GOutputStream   *out = g_io_stream_get_output_stream (G_IO_STREAM (visit->connection));
  g_autofree char *good = g_strdup_printf ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                           "Content-Length: %zu\r\n\r\n%s",
                                           strlen (body), body);

  switch (answer) {
  case RTK_TEST_ANSWER_OK:
    say (out, good);
    break;
  case RTK_TEST_ANSWER_ERROR:
    say (out, "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
    break;
  case RTK_TEST_ANSWER_BUSY:
    say (out, "HTTP/1.1 429 Later\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n");
    break;
  case RTK_TEST_ANSWER_REFUSE:
    say (out, "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n");
    break;
  case RTK_TEST_ANSWER_HANG:
    wait_for_end (visit->self, in);
    break;
  case RTK_TEST_ANSWER_CLOSE:
    break;
  case RTK_TEST_ANSWER_HALF:
    say (out, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
    break;
  case RTK_TEST_ANSWER_TWICE:
    say (out, good);
    say (out, "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n");
    break;
  case RTK_TEST_ANSWER_GARBAGE:
    say (out, "220 smtp.example.org\r\n\r\n");
    break;
  case RTK_TEST_ANSWER_ENDLESS:
    say (out, "HTTP/1.1 200 OK\r\n\r\n");
    while (g_output_stream_write_all (out, "[[[[[[[[[[[[[[[[", 16, NULL, visit->self->cancellable,
                                      NULL))
      ;
    break;
  default:
    g_assert_not_reached ();
  }
}

static gpointer
serve_visit (gpointer data)
{
  Visit        *visit = data;
  GInputStream *in = g_io_stream_get_input_stream (G_IO_STREAM (visit->connection));
  g_autoptr (GString) head = g_string_new (NULL);
  g_autoptr (GString) body = g_string_new (NULL);

  if (read_request (visit->self, in, head, body)) {
    g_autofree char *key = dup_header (head->str, "idempotency-key:");
    g_autofree char *signature = dup_header (head->str, "retake-signature:");
    g_autofree char *good = NULL;
    RtkTestAnswer    answer;

    g_assert_true (g_str_has_prefix (head->str, "POST /retake HTTP/1.1\r\n"));
    g_assert_nonnull (key);
    g_assert_true (rtk_server_signature_check (RTK_TEST_WEBHOOK_SECRET, signature,
                                               g_get_real_time () / G_USEC_PER_SEC, body->str,
                                               body->len));
    answer = note_request (visit->self, key, body->str, &good);
    answer_request (visit, answer, good);
  }
  (void)g_io_stream_close (G_IO_STREAM (visit->connection), NULL, NULL);
  g_object_unref (visit->connection);
  g_free (visit);
  return NULL;
}

static gpointer
listen_thread (gpointer data)
{
  RtkTestReceiver *self = data;

  for (;;) {
    GSocketConnection *connection =
        g_socket_listener_accept (self->listener, NULL, self->cancellable, NULL);
    Visit *visit;

    if (connection == NULL)
      return NULL;
    visit = g_new0 (Visit, 1);
    visit->self = self;
    visit->connection = connection;
    g_mutex_lock (&self->mutex);
    g_ptr_array_add (self->threads, g_thread_new ("visit", serve_visit, visit));
    g_mutex_unlock (&self->mutex);
  }
}

RtkTestReceiver *
rtk_test_receiver_new (guint16 port)
{
  RtkTestReceiver *self = g_new0 (RtkTestReceiver, 1);
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) wanted = g_inet_socket_address_new (loopback, port);
  g_autoptr (GSocketAddress) got = NULL;
  g_autoptr (GError) error = NULL;

  self->listener = g_socket_listener_new ();
  self->cancellable = g_cancellable_new ();
  self->plan = g_array_new (FALSE, FALSE, sizeof (RtkTestAnswer));
  self->keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->done = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->threads = g_ptr_array_new ();
  self->answer = g_strdup ("{}");
  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);
  g_assert_true (g_socket_listener_add_address (self->listener, wanted, G_SOCKET_TYPE_STREAM,
                                                G_SOCKET_PROTOCOL_TCP, NULL, &got, &error));
  g_assert_no_error (error);
  self->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (got));
  self->thread = g_thread_new ("receiver", listen_thread, self);
  return self;
}

void
rtk_test_receiver_free (RtkTestReceiver *self)
{
  g_cancellable_cancel (self->cancellable);
  g_thread_join (self->thread);
  g_socket_listener_close (self->listener);
  for (guint i = 0; i < self->threads->len; i++)
    g_thread_join (g_ptr_array_index (self->threads, i));
  g_object_unref (self->listener);
  g_object_unref (self->cancellable);
  g_array_unref (self->plan);
  g_hash_table_unref (self->keys);
  g_hash_table_unref (self->done);
  g_ptr_array_unref (self->threads);
  g_free (self->answer);
  g_free (self->body);
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->cond);
  g_free (self);
}

char *
rtk_test_receiver_dup_url (RtkTestReceiver *self)
{
  return g_strdup_printf ("http://127.0.0.1:%u/retake", self->port);
}

guint16
rtk_test_receiver_get_port (RtkTestReceiver *self)
{
  return self->port;
}

void
rtk_test_receiver_plan (RtkTestReceiver *self, const RtkTestAnswer *answers, guint n)
{
  g_mutex_lock (&self->mutex);
  g_array_set_size (self->plan, 0);
  for (guint i = 0; i < self->n_requests; i++)
    g_array_append_val (self->plan, answers[0]);
  g_array_append_vals (self->plan, answers, n);
  g_mutex_unlock (&self->mutex);
}

void
rtk_test_receiver_set_body (RtkTestReceiver *self, const char *json)
{
  g_mutex_lock (&self->mutex);
  g_free (self->answer);
  self->answer = g_strdup (json);
  g_mutex_unlock (&self->mutex);
}

void
rtk_test_receiver_wait (RtkTestReceiver *self, guint n_requests)
{
  g_mutex_lock (&self->mutex);
  while (self->n_requests < n_requests)
    g_cond_wait (&self->cond, &self->mutex);
  g_mutex_unlock (&self->mutex);
}

guint
rtk_test_receiver_get_requests (RtkTestReceiver *self)
{
  guint n;

  g_mutex_lock (&self->mutex);
  n = self->n_requests;
  g_mutex_unlock (&self->mutex);
  return n;
}

guint
rtk_test_receiver_get_done (RtkTestReceiver *self)
{
  guint n;

  g_mutex_lock (&self->mutex);
  n = g_hash_table_size (self->done);
  g_mutex_unlock (&self->mutex);
  return n;
}

guint
rtk_test_receiver_get_keys (RtkTestReceiver *self)
{
  guint n;

  g_mutex_lock (&self->mutex);
  n = g_hash_table_size (self->keys);
  g_mutex_unlock (&self->mutex);
  return n;
}

/* How often the key came that came most. */
guint
rtk_test_receiver_get_most (RtkTestReceiver *self)
{
  GHashTableIter iter;
  gpointer       value;
  guint          most = 0;

  g_mutex_lock (&self->mutex);
  g_hash_table_iter_init (&iter, self->keys);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    most = MAX (most, GPOINTER_TO_UINT (value));
  g_mutex_unlock (&self->mutex);
  return most;
}

char *
rtk_test_receiver_dup_body (RtkTestReceiver *self)
{
  char *body;

  g_mutex_lock (&self->mutex);
  body = g_strdup (self->body);
  g_mutex_unlock (&self->mutex);
  return body;
}
