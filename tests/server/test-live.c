/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-json.h"
#include "support/rtk-test-server.h"

#include <libsoup/soup.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#define N_IDLE 500
/* So many photos one order may have. */
#define N_MOVES 50

/* One WebSocket of a station, with what it was told. */
typedef struct {
  SoupWebsocketConnection *connection; /* (owned) (nullable) */
  GError                  *error;
  guint                    status; /* when it was refused */
  guint                    n_hints;
  gint64                   number; /* of the last hint */
  gushort                  close_code;
  gboolean                 is_closed;
} Station;

static void
message_cb (SoupWebsocketConnection *connection, int type, GBytes *bytes, gpointer user_data)
{
  Station    *station = user_data;
  gsize       size;
  const char *text = g_bytes_get_data (bytes, &size);
  g_autoptr (JsonObject) object = rtk_json_parse_object (text, (gssize)size, NULL);
  const char *cursor;

  g_assert_nonnull (object);
  g_assert_cmpuint (json_object_get_size (object), ==, 1);
  cursor = json_object_get_string_member (object, "cursor");
  g_assert_cmpint (cursor[36], ==, '.');
  station->number = g_ascii_strtoll (cursor + 37, NULL, 10);
  station->n_hints++;
}

static void
closed_cb (SoupWebsocketConnection *connection, gpointer user_data)
{
  Station *station = user_data;

  station->close_code = soup_websocket_connection_get_close_code (connection);
  station->is_closed = TRUE;
}

static void
connected_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  Station *station = user_data;

  station->connection =
      soup_session_websocket_connect_finish (SOUP_SESSION (object), result, &station->error);
  if (station->connection == NULL)
    return;
  g_signal_connect (station->connection, "message", G_CALLBACK (message_cb), station);
  g_signal_connect (station->connection, "closed", G_CALLBACK (closed_cb), station);
}

static void
keep_status_cb (SoupMessage *message, gpointer user_data)
{
  ((Station *)user_data)->status = soup_message_get_status (message);
}

static Station *
begin_station (RtkTestServer *server, SoupSession *session, const char *token)
{
  Station         *station = g_new0 (Station, 1);
  g_autofree char *url = g_strconcat (server->url, "/v1/live", NULL);
  g_autofree char *value = g_strconcat ("Bearer ", token, NULL);
  g_autoptr (SoupMessage) message = soup_message_new ("GET", url);

  if (token != NULL)
    soup_message_headers_replace (soup_message_get_request_headers (message), "Authorization",
                                  value);
  g_signal_connect (message, "got-headers", G_CALLBACK (keep_status_cb), station);
  soup_session_websocket_connect_async (session, message, NULL, NULL, G_PRIORITY_DEFAULT, NULL,
                                        connected_cb, station);
  return station;
}

static void
station_free (Station *station)
{
  if (station->connection != NULL)
    g_signal_handlers_disconnect_by_data (station->connection, station);
  g_clear_object (&station->connection);
  g_clear_error (&station->error);
  g_free (station);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Station, station_free)

#define WAIT_FOR(condition)                                                                        \
  while (!(condition))                                                                             \
  g_main_context_iteration (NULL, TRUE)

/* Connected, and told where the feed is. */
static Station *
make_station (RtkTestServer *server, SoupSession *session, const char *token)
{
  Station *station = begin_station (server, session, token);

  WAIT_FOR (station->n_hints > 0 || station->error != NULL);
  g_assert_no_error (station->error);
  return station;
}

static SoupSession *
make_session (void)
{
  return soup_session_new_with_options ("proxy-resolver", NULL, "max-conns", 2 * N_IDLE,
                                        "max-conns-per-host", 2 * N_IDLE, NULL);
}

/* Number of the feed's newest change, as a page tells it. */
static gint64
ask_feed (RtkTestServer *server, const char *token)
{
  g_autoptr (RtkTestReply) reply =
      rtk_test_call (server, token, "GET", "/v1/changes?limit=500", NULL);

  g_assert_cmpuint (reply->status, ==, 200);
  return g_ascii_strtoll (rtk_test_reply_text (reply, "cursor") + 37, NULL, 10);
}

/* A graduate who sends the same photo again and again: each is one commit that moves the feed. */
typedef struct {
  RtkTestServer *server; /* (unowned) */
  char          *token;
  char          *order;
  char          *parts[3];
} Mover;

static Mover *
make_mover (RtkTestServer *server, guint index)
{
  static const char *const types[] = {"image/jpeg", "image/jpeg", "application/json"};
  Mover                   *mover = g_new0 (Mover, 1);
  g_autofree char         *body = NULL;
  g_autoptr (RtkTestReply) reply = NULL;

  mover->server = server;
  mover->token = rtk_test_sign_up (server, index);
  mover->order = rtk_test_new_id ();
  body = g_strdup_printf ("{\"id\":\"%s\"}", mover->order);
  reply = rtk_test_call (server, mover->token, "POST", "/v1/online/orders", body);
  g_assert_cmpuint (reply->status, ==, 201);
  for (guint i = 0; i < 3; i++) {
    g_autoptr (GBytes) bytes = rtk_test_make_blob (types[i], 2000, index * 3 + i);

    mover->parts[i] = rtk_test_upload (server, mover->token, bytes, types[i]);
  }
  return mover;
}

static void
mover_free (Mover *mover)
{
  for (guint i = 0; i < 3; i++)
    g_free (mover->parts[i]);
  g_free (mover->token);
  g_free (mover->order);
  g_free (mover);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Mover, mover_free)

static void
move (Mover *mover)
{
  g_autofree char *path = g_strdup_printf ("/v1/online/orders/%s/submission", mover->order);
  g_autofree char *id = rtk_test_new_id ();
  g_autofree char *body =
      g_strdup_printf ("{\"id\":\"%s\",\"original\":\"%s\",\"delivered\":\"%s\","
                       "\"report\":\"%s\"}",
                       id, mover->parts[0], mover->parts[1], mover->parts[2]);
  g_autoptr (RtkTestReply) reply = rtk_test_call (mover->server, mover->token, "POST", path, body);

  g_assert_cmpuint (reply->status, ==, 201);
}

static void
test_hint (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (8, NULL);
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autoptr (SoupSession) session = make_session ();
  g_autoptr (Mover) mover = make_mover (server, 0);
  g_autoptr (Station) station = make_station (server, session, token);
  gint64 before = station->number;

  g_assert_cmpint (before, ==, ask_feed (server, token));
  move (mover);
  WAIT_FOR (station->number > before);
  /* What was hinted at is there for whoever asks. */
  g_assert_cmpint (ask_feed (server, token), >=, station->number);
  WAIT_FOR (station->number == ask_feed (server, token));
}

/* What moves nothing is no hint: the next one is that of the next commit of the feed. */
static void
test_no_hint (void)
{
  g_autoptr (RtkTestServer) server =
      rtk_test_server_new (8, (const char *[]){"--hint-ms", "0", NULL});
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autoptr (SoupSession) session = make_session ();
  g_autoptr (Mover) mover = make_mover (server, 0);
  g_autoptr (Station) station = make_station (server, session, token);
  g_autofree char *other = rtk_test_sign_in (server, "reviewer");
  g_autoptr (RtkTestReply) out = rtk_test_call (server, other, "DELETE", "/v1/session", NULL);
  g_autoptr (RtkTestReply) refused = rtk_test_call (
      server, token, "POST", "/v1/orders/01890000-0000-7000-8000-000000000000/payments",
      "{\"id\":\"01890000-0000-7000-8000-000000000001\",\"method\":\"cash\",\"reference\":\"1\"}");

  g_assert_cmpuint (out->status, ==, 204);
  rtk_test_assert_problem (refused, 404, "not-found");
  move (mover);
  WAIT_FOR (station->number == ask_feed (server, token));
  g_assert_cmpuint (station->n_hints, ==, 2);
}

static void
test_refusals (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (8, NULL);
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autofree char *account = rtk_test_sign_up (server, 0);
  g_autoptr (SoupSession) session = make_session ();
  g_autoptr (Station) nobody = begin_station (server, session, NULL);
  g_autoptr (Station) forger = begin_station (server, session, "not-a-token");
  g_autoptr (Station) graduate = begin_station (server, session, account);
  g_autoptr (RtkTestReply) plain = rtk_test_call (server, token, "GET", "/v1/live", NULL);
  g_autoptr (RtkTestReply) old = rtk_test_call_raw (
      server, token, "GET", "/v1/live", NULL, NULL,
      (const char *[]){"Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Version",
                       "8", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", NULL});

  WAIT_FOR (nobody->error != NULL && forger->error != NULL && graduate->error != NULL);
  g_assert_cmpuint (nobody->status, ==, 401);
  g_assert_cmpuint (forger->status, ==, 401);
  g_assert_cmpuint (graduate->status, ==, 403);
  rtk_test_assert_problem (plain, 426, "upgrade-required");
  rtk_test_assert_problem (old, 426, "upgrade-required");
}

static gint64
get_memory_kb (RtkTestServer *server)
{
  g_autofree char *path =
      g_strdup_printf ("/proc/%s/status", g_subprocess_get_identifier (server->process));
  g_autofree char *text = NULL;
  const char      *line;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  line = strstr (text, "VmRSS:");
  g_assert_nonnull (line);
  return g_ascii_strtoll (line + 6, NULL, 10);
}

static void
test_many (void)
{
  g_autoptr (RtkTestServer) server =
      rtk_test_server_new (8, (const char *[]){"--max-own-sockets", "0", NULL});
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autoptr (SoupSession) session = make_session ();
  g_autoptr (Mover) mover = make_mover (server, 0);
  g_autoptr (GPtrArray) stations = g_ptr_array_new_with_free_func ((GDestroyNotify)station_free);
  gint64 newest = ask_feed (server, token);
  gint64 before = get_memory_kb (server);
  double each;
  gint64 calm;

  for (guint i = 0; i < N_IDLE; i++)
    g_ptr_array_add (stations, begin_station (server, session, token));
  for (guint i = 0; i < N_IDLE; i++) {
    Station *station = g_ptr_array_index (stations, i);

    WAIT_FOR (station->n_hints > 0 || station->error != NULL);
    g_assert_no_error (station->error);
    g_assert_cmpint (station->number, ==, newest);
  }
  calm = get_memory_kb (server);
  each = (double)(calm - before) / N_IDLE;
  g_test_minimized_result (each, "kB of memory for each of %u idle WebSockets", N_IDLE);
  move (mover);
  newest = ask_feed (server, token);
  for (guint i = 0; i < N_IDLE; i++) {
    Station *station = g_ptr_array_index (stations, i);

    WAIT_FOR (station->number == newest);
    g_assert_false (station->is_closed);
  }
}

/* Ends the server while the station answers its goodbye. */
static void
stop (RtkTestServer *server, Station *station)
{
  g_subprocess_send_signal (server->process, SIGTERM);
  WAIT_FOR (station->is_closed);
  g_assert_true (g_subprocess_wait (server->process, NULL, NULL));
  rtk_test_server_stop (server);
}

/* Many commits in one go are one hint, which tells of all of them. */
static void
test_coalesce (void)
{
  g_autoptr (RtkTestServer) server =
      rtk_test_server_new (8, (const char *[]){"--hint-ms", "3600000", NULL});
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autoptr (SoupSession) session = make_session ();
  g_autoptr (Mover) mover = make_mover (server, 0);
  g_autoptr (Station) station = make_station (server, session, token);
  g_autoptr (Station) again = NULL;
  gint64 first = station->number;
  gint64 newest;

  for (guint i = 0; i < 40; i++)
    move (mover);
  newest = ask_feed (server, token);
  g_assert_cmpint (newest - first, ==, 40);
  /* Until the hour is over no commit is a hint, however long these took. */
  g_assert_cmpuint (station->n_hints, ==, 1);
  stop (server, station);
  g_assert_cmpuint (station->n_hints, ==, 1);
  rtk_test_server_start (server);
  again = make_station (server, session, token);
  g_assert_cmpint (again->number, ==, newest);
}

/* A plain connection that shakes hands and then reads nothing. */
static GSocketConnection *
connect_sleeper (RtkTestServer *server, const char *token)
{
  g_autoptr (GUri) uri = g_uri_parse (server->url, G_URI_FLAGS_NONE, NULL);
  g_autoptr (GSocketAddress) address =
      g_inet_socket_address_new_from_string (g_uri_get_host (uri), (guint)g_uri_get_port (uri));
  g_autoptr (GError) error = NULL;
  GSocket *socket =
      g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error);
  GSocketConnection *connection;
  g_autofree char   *request =
      g_strdup_printf ("GET /v1/live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                       "Authorization: Bearer %s\r\n\r\n",
                       token);
  char text[256] = {0};

  g_assert_no_error (error);
  /* As small as the kernel lets it be. */
  g_assert_true (g_socket_set_option (socket, SOL_SOCKET, SO_RCVBUF, 1, &error));
  g_assert_true (g_socket_connect (socket, address, NULL, &error));
  connection = g_socket_connection_factory_create_connection (socket);
  g_object_unref (socket);
  g_assert_true (
      g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (connection)), request,
                                 strlen (request), NULL, NULL, &error));
  g_assert_cmpint (g_input_stream_read (g_io_stream_get_input_stream (G_IO_STREAM (connection)),
                                        text, 12, NULL, &error),
                   ==, 12);
  g_assert_cmpstr (text, ==, "HTTP/1.1 101");
  return connection;
}

/* Whoever reads nothing gets no more than fits on the way, and once they read, the newest. Such a
 * one answers no ping either: here they are asked only after the test, however slow it is. */
static void
test_sleeper (void)
{
  const guint n = 400;
  g_autoptr (RtkTestServer) server = rtk_test_server_new (
      n / N_MOVES, (const char *[]){"--hint-ms", "0", "--ping-seconds", "3600", NULL});
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autoptr (SoupSession) session = make_session ();
  g_autoptr (Station) station = make_station (server, session, token);
  g_autoptr (GSocketConnection) sleeper = connect_sleeper (server, token);
  GInputStream *stream = g_io_stream_get_input_stream (G_IO_STREAM (sleeper));
  g_autoptr (GString) heard = g_string_new (NULL);
  g_autofree char *last = NULL;
  const char      *at;
  guint            n_heard = 0;

  for (guint i = 0; i < n / N_MOVES; i++) {
    g_autoptr (Mover) mover = make_mover (server, i);

    for (guint k = 0; k < N_MOVES; k++) {
      gint64 number = station->number;

      move (mover);
      WAIT_FOR (station->number > number);
    }
  }
  WAIT_FOR (station->number == ask_feed (server, token));
  g_assert_cmpuint (station->n_hints, >, n);
  last = g_strdup_printf (".%" G_GINT64_FORMAT "\"}", station->number);
  while (strstr (heard->str, last) == NULL) {
    char   buffer[512];
    gssize size = g_input_stream_read (stream, buffer, sizeof buffer, NULL, NULL);

    g_assert_cmpint (size, >, 0);
    for (gssize i = 0; i < size; i++)
      if (buffer[i] != '\0')
        g_string_append_c (heard, buffer[i]);
  }
  for (at = heard->str; (at = strstr (at, "cursor")) != NULL; at++)
    n_heard++;
  g_test_message ("%u hints of %u reached who slept", n_heard, n);
  g_assert_cmpuint (n_heard, <, n / 2);
}

/* There is room for so many of one person, and of all; of who leaves the next one has the place. */
static void
test_room (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (
      0, (const char *[]){"--max-own-sockets", "2", "--max-sockets", "3", NULL});
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autofree char *again = rtk_test_sign_in (server, "operator");
  g_autofree char *other = rtk_test_sign_in (server, "reviewer");
  g_autoptr (SoupSession) session = make_session ();
  g_autoptr (Station) first = make_station (server, session, token);
  g_autoptr (Station) second = make_station (server, session, again);
  g_autoptr (Station) third = begin_station (server, session, token);
  g_autoptr (Station) fourth = make_station (server, session, other);
  g_autoptr (Station) fifth = begin_station (server, session, other);

  WAIT_FOR (third->error != NULL && fifth->error != NULL);
  g_assert_cmpuint (third->status, ==, 429);
  g_assert_cmpuint (fifth->status, ==, 503);
  soup_websocket_connection_close (second->connection, SOUP_WEBSOCKET_CLOSE_NORMAL, NULL);
  WAIT_FOR (second->is_closed);
  /* The server learns of it a moment later. */
  for (gboolean is_in = FALSE; !is_in;) {
    g_autoptr (Station) next = begin_station (server, session, again);

    WAIT_FOR (next->n_hints > 0 || next->error != NULL);
    is_in = next->n_hints > 0;
    g_assert_true (is_in || next->status == 429);
  }
  g_assert_false (first->is_closed || fourth->is_closed);
}

/* Whoever answers no ping is gone. */
static void
test_silent (void)
{
  g_autoptr (RtkTestServer) server =
      rtk_test_server_new (0, (const char *[]){"--ping-seconds", "1", NULL});
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autoptr (GSocketConnection) sleeper = connect_sleeper (server, token);
  GInputStream *stream = g_io_stream_get_input_stream (G_IO_STREAM (sleeper));
  g_autoptr (GByteArray) heard = g_byte_array_new ();
  guint8 buffer[512];
  gssize size;

  while ((size = g_input_stream_read (stream, buffer, sizeof buffer, NULL, NULL)) > 0)
    g_byte_array_append (heard, buffer, (guint)size);
  /* The last frame is a goodbye: 1001. */
  g_assert_cmpuint (heard->len, >=, 4);
  g_assert_cmpmem (heard->data + heard->len - 4, 4, "\x88\x02\x03\xe9", 4);
}

/* A session that ends closes its socket; those of others stay. */
static void
test_revoked (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autofree char *other = rtk_test_sign_in (server, "reviewer");
  g_autoptr (SoupSession) session = make_session ();
  g_autoptr (Station) station = make_station (server, session, token);
  g_autoptr (Station) stays = make_station (server, session, other);
  g_autoptr (RtkTestReply) out = rtk_test_call (server, token, "DELETE", "/v1/session", NULL);

  g_assert_cmpuint (out->status, ==, 204);
  WAIT_FOR (station->is_closed);
  g_assert_cmpuint (station->close_code, ==, SOUP_WEBSOCKET_CLOSE_GOING_AWAY);
  g_assert_false (stays->is_closed);
}

/* A stop says goodbye and does not wait for who is idle. */
static void
test_stop (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (0, NULL);
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autoptr (SoupSession) session = make_session ();
  g_autoptr (Station) station = make_station (server, session, token);

  stop (server, station);
  g_assert_cmpuint (station->close_code, ==, SOUP_WEBSOCKET_CLOSE_GOING_AWAY);
  g_assert_null (strstr (server->log->str, "did not take their answers"));
}

/* Several servers on one database: what one commits the others' stations hear of, too, and no page
 * that was kept is given once something newer was acknowledged anywhere. */
static void
test_two_servers (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (4, NULL);
  g_autoptr (RtkTestServer) second = NULL;
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autoptr (SoupSession) session = make_session ();
  g_autoptr (Station) station = make_station (server, session, token);
  g_autoptr (Mover) mover = NULL;
  gint64 last;

  second = rtk_test_server_open (server->folder);
  mover = make_mover (second, 0);
  last = ask_feed (server, token);
  WAIT_FOR (station->number >= last);
  for (guint i = 0; i < 20; i++) {
    g_assert_cmpint (ask_feed (server, token), ==, last);
    g_assert_cmpint (ask_feed (second, token), ==, last);
    move (mover);
    g_assert_cmpint (ask_feed (server, token), ==, ++last);
    g_assert_cmpint (ask_feed (second, token), ==, last);
  }
  WAIT_FOR (station->number == last);
}

/* The same in one process: a page is asked for between any two commits. */
static void
test_never_old (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (4, NULL);
  g_autofree char *token = rtk_test_sign_in (server, "operator");
  g_autofree char *other = rtk_test_sign_in (server, "reviewer");
  g_autoptr (Mover) mover = make_mover (server, 0);
  g_autoptr (RtkTestReply) out = NULL;
  g_autoptr (RtkTestReply) after = NULL;
  gint64 last = ask_feed (server, token);

  for (guint i = 0; i < N_MOVES; i++) {
    g_assert_cmpint (ask_feed (server, token), ==, last);
    g_assert_cmpint (ask_feed (server, other), ==, last);
    move (mover);
    g_assert_cmpint (ask_feed (server, token), ==, ++last);
  }
  /* Nor is a page given to whom it may not be given any more. */
  g_assert_cmpint (ask_feed (server, other), ==, last);
  out = rtk_test_call (server, other, "DELETE", "/v1/session", NULL);
  g_assert_cmpuint (out->status, ==, 204);
  after = rtk_test_call (server, other, "GET", "/v1/changes?limit=500", NULL);
  rtk_test_assert_problem (after, 401, "unauthorized");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/live/hint", test_hint);
  g_test_add_func ("/server/live/no-hint", test_no_hint);
  g_test_add_func ("/server/live/refusals", test_refusals);
  g_test_add_func ("/server/live/many", test_many);
  g_test_add_func ("/server/live/coalesce", test_coalesce);
  g_test_add_func ("/server/live/sleeper", test_sleeper);
  g_test_add_func ("/server/live/room", test_room);
  g_test_add_func ("/server/live/silent", test_silent);
  g_test_add_func ("/server/live/revoked", test_revoked);
  g_test_add_func ("/server/live/stop", test_stop);
  /* An SQLite file has one server. */
  if (rtk_test_is_postgres ())
    g_test_add_func ("/server/live/two-servers", test_two_servers);
  g_test_add_func ("/server/live/never-old", test_never_old);
  return g_test_run ();
}
