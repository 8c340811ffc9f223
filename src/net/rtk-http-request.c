/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-net"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-json.h"
#include "net/rtk-http-private.h"

#include <string.h>

static void
request_free (RtkHttpRequest *request)
{
  g_object_unref (request->task);
  g_free (request->path);
  g_clear_pointer (&request->body, g_bytes_unref);
  g_ptr_array_unref (request->headers);
  g_free (request);
}

static RtkHttpTransport *
get_transport (RtkHttpRequest *request)
{
  return RTK_HTTP_TRANSPORT (g_task_get_source_object (request->task));
}

/* Private: a request of @task, to be sent with rtk_http_request_send(). */
RtkHttpRequest *
rtk_http_request_new (GTask *task, const char *method, const char *path, RtkHttpDone done)
{
  RtkHttpRequest *request = g_new0 (RtkHttpRequest, 1);

  request->task = g_object_ref (task);
  request->method = method;
  request->path = g_strdup (path);
  request->done = done;
  request->headers = g_ptr_array_new_with_free_func (g_free);
  return request;
}

void
rtk_http_request_add_header (RtkHttpRequest *request, const char *name, const char *value)
{
  g_ptr_array_add (request->headers, g_strdup (name));
  g_ptr_array_add (request->headers, g_strdup (value));
}

void
rtk_http_request_set_json (RtkHttpRequest *request, JsonNode *node)
{
  char *text = json_to_string (node, FALSE);

  request->body = g_bytes_new_take (text, strlen (text));
  request->media_type = "application/json";
}

/* What libsoup and GIO say, in our terms. Whatever kept the call from being answered is "offline",
 * but for a certificate that must not be trusted: waiting does not mend that. */
static GError *
translate (const GError *error)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return g_error_copy (error);
  if (error->domain == G_TLS_ERROR)
    return g_error_new (RTK_ERROR, RTK_ERROR_SERVER, "The server's certificate is not trusted: %s",
                        error->message);
  return g_error_new (RTK_ERROR, RTK_ERROR_OFFLINE, "%s", error->message);
}

static GError *
error_of_status (guint status, GBytes *body)
{
  g_autoptr (JsonObject) problem = NULL;
  const char *title = NULL;
  RtkError    code = RTK_ERROR_REFUSED;

  if (status < 400 && status >= 200 && status < 300)
    return NULL;
  problem = rtk_http_parse (body, NULL);
  if (problem != NULL)
    title = rtk_json_get_string (problem, "title", NULL);
  if (status < 400 || status == 429 || status >= 460)
    code = RTK_ERROR_SERVER;
  else if (status == 401)
    code = RTK_ERROR_UNAUTHORIZED;
  else if (status == 403)
    code = RTK_ERROR_FORBIDDEN;
  else if (status == 404)
    code = RTK_ERROR_NOT_FOUND;
  else if (status == 409)
    code = RTK_ERROR_CONFLICT;
  else if (status == 413)
    code = RTK_ERROR_TOO_LARGE;
  return g_error_new (RTK_ERROR, code, "The server answered %u: %s", status,
                      title != NULL ? title : "no reason given");
}

static void
finish (RtkHttpRequest     *request,
        guint               status,
        SoupMessageHeaders *headers,
        GBytes             *body,
        const GError       *error)
{
  request->done (request, status, headers, body, error);
  request_free (request);
}

/* Every request that waited for the refresh goes on, or ends with its error. */
static void
release_waiting (RtkHttpTransport *self, const GError *error)
{
  g_autoptr (GPtrArray) waiting = g_steal_pointer (&self->waiting);

  for (guint i = 0; i < waiting->len; i++) {
    RtkHttpRequest *request = g_ptr_array_index (waiting, i);

    if (error != NULL)
      finish (request, 0, NULL, NULL, error);
    else
      rtk_http_request_send (request);
  }
}

static void
refreshed (RtkHttpRequest     *request,
           guint               status,
           SoupMessageHeaders *headers,
           GBytes             *body,
           const GError       *error)
{
  RtkHttpTransport *self = get_transport (request);
  g_autoptr (GError) local_error = NULL;
  g_autoptr (JsonObject) answer = NULL;

  if (error == NULL) {
    answer = rtk_http_parse (body, &local_error);
    if (answer != NULL && rtk_http_transport_take_tokens (self, answer, &local_error)) {
      release_waiting (self, NULL);
      return;
    }
    error = local_error;
  }
  if (g_error_matches (error, RTK_ERROR, RTK_ERROR_UNAUTHORIZED))
    rtk_http_transport_sign_out (self);
  release_waiting (self, error);
}

/* The token ran out: one refresh for all that wait, then once more. The refresh is nobody's call
 * in particular, so nobody can cancel it for the others. */
static void
refresh_for (RtkHttpTransport *self, RtkHttpRequest *request)
{
  g_autoptr (GTask) task = NULL;
  g_autoptr (JsonNode) node = NULL;
  JsonObject     *object;
  RtkHttpRequest *refresh;

  request->was_refreshed = TRUE;
  if (self->waiting != NULL) {
    g_ptr_array_add (self->waiting, request);
    return;
  }
  self->waiting = g_ptr_array_new ();
  g_ptr_array_add (self->waiting, request);
  object = json_object_new ();
  json_object_set_string_member (object, "refresh_token", self->refresh_token);
  node = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (node, object);
  task = g_task_new (self, NULL, NULL, NULL);
  refresh = rtk_http_request_new (task, "POST", "/v1/session/refresh", refreshed);
  rtk_http_request_set_json (refresh, node);
  refresh->is_open = TRUE;
  rtk_http_request_send (refresh);
}

static void
sent_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  RtkHttpRequest   *request = user_data;
  RtkHttpTransport *self = get_transport (request);
  SoupSession      *session = SOUP_SESSION (object);
  SoupMessage      *message = soup_session_get_async_result_message (session, result);
  g_autoptr (GError) io_error = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) body = soup_session_send_and_read_finish (session, result, &io_error);
  guint status = soup_message_get_status (message);

  if (body == NULL)
    error = translate (io_error);
  else if (soup_message_get_tls_peer_certificate_errors (message) != 0)
    /* Read on every message: a resumed TLS session is not checked again by GIO. */
    error = g_error_new (RTK_ERROR, RTK_ERROR_SERVER, "The server's certificate is not trusted");
  if (error != NULL) {
    if (self->access_token != NULL && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
      rtk_http_transport_set_state (self, RTK_SERVER_OFFLINE);
    finish (request, 0, NULL, NULL, error);
    return;
  }
  if (self->access_token != NULL)
    rtk_http_transport_set_state (self, RTK_SERVER_ONLINE);
  error = error_of_status (status, body);
  if (status == 401 && !request->is_open && !request->was_refreshed &&
      self->refresh_token != NULL) {
    refresh_for (self, request);
    return;
  }
  if (status == 401 && !request->is_open)
    rtk_http_transport_sign_out (self);
  finish (request, status, soup_message_get_response_headers (message), body, error);
}

/* Private: sends @request, or sends it again; it is freed after its answer. */
void
rtk_http_request_send (RtkHttpRequest *request)
{
  RtkHttpTransport *self = get_transport (request);
  g_autofree char  *url = g_strconcat (self->base, request->path, NULL);
  g_autoptr (SoupMessage) message = soup_message_new (request->method, url);
  SoupMessageHeaders *headers = soup_message_get_request_headers (message);
  const GError signed_out = {RTK_ERROR, RTK_ERROR_UNAUTHORIZED, (char *)"Nobody is signed in"};

  if (!request->is_open && self->access_token == NULL) {
    finish (request, 0, NULL, NULL, &signed_out);
    return;
  }
  /* A redirection would carry the token to another place. */
  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  if (!request->is_open) {
    g_autofree char *value = g_strconcat ("Bearer ", self->access_token, NULL);

    soup_message_headers_replace (headers, "Authorization", value);
  }
  for (guint i = 0; i + 1 < request->headers->len; i += 2)
    soup_message_headers_replace (headers, g_ptr_array_index (request->headers, i),
                                  g_ptr_array_index (request->headers, i + 1));
  if (request->body != NULL)
    soup_message_set_request_body_from_bytes (message, request->media_type, request->body);
  soup_session_send_and_read_async (self->session, message, G_PRIORITY_DEFAULT,
                                    g_task_get_cancellable (request->task), sent_cb, request);
}

/* Private: an answer that is one JSON object. */
JsonObject *
rtk_http_parse (GBytes *body, GError **error)
{
  gsize       size;
  const char *data = g_bytes_get_data (body, &size);

  return rtk_json_parse_object (data != NULL ? data : "", (gssize)size, error);
}
