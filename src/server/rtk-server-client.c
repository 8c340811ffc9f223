/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-client.h"

#include "core/rtk-error.h"
#include "core/rtk-json.h"

#include <libsoup/soup.h>
#include <string.h>

struct _RtkServerClient {
  SoupSession *session; /* (owned) */
  char        *base;
  char        *token;    /* (nullable) */
  GHashTable  *uploaded; /* (owned): token and SHA-256 of what the server has of this client */
};

/**
 * rtk_server_client_new:
 * @base_url: of the server
 *
 * Returns: (transfer full): a client, signed out
 */
RtkServerClient *
rtk_server_client_new (const char *base_url)
{
  RtkServerClient *self = g_new0 (RtkServerClient, 1);

  /* Only ever this machine: no proxy. */
  self->session = soup_session_new_with_options ("proxy-resolver", NULL, NULL);
  self->base = g_strdup (base_url);
  self->uploaded = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

/**
 * rtk_server_client_free:
 * @self: (transfer full): a client
 *
 * Frees a client.
 */
void
rtk_server_client_free (RtkServerClient *self)
{
  g_object_unref (self->session);
  g_hash_table_unref (self->uploaded);
  g_free (self->base);
  g_free (self->token);
  g_free (self);
}

/**
 * rtk_server_client_set_token:
 * @self: a client
 * @token: (nullable): who calls from now on
 *
 * Sets the access token.
 */
void
rtk_server_client_set_token (RtkServerClient *self, const char *token)
{
  g_free (self->token);
  self->token = g_strdup (token);
}

static SoupMessage *
make_message (RtkServerClient *self, const char *method, const char *path)
{
  g_autofree char *url = g_strconcat (self->base, path, NULL);
  SoupMessage     *message = soup_message_new (method, url);

  if (self->token != NULL) {
    g_autofree char *value = g_strconcat ("Bearer ", self->token, NULL);

    soup_message_headers_replace (soup_message_get_request_headers (message), "Authorization",
                                  value);
  }
  return message;
}

/* Sends; a status of 400 and more is an error that carries the problem's title. */
static GBytes *
send_message (RtkServerClient *self, SoupMessage *message, GError **error)
{
  g_autoptr (GBytes) answer = soup_session_send_and_read (self->session, message, NULL, error);
  g_autoptr (JsonObject) problem = NULL;
  guint       status = soup_message_get_status (message);
  const char *data;
  gsize       size;

  if (answer == NULL || status < 400)
    return g_steal_pointer (&answer);
  data = g_bytes_get_data (answer, &size);
  problem = rtk_json_parse_object (data != NULL ? data : "", (gssize)size, NULL);
  g_set_error (error, RTK_ERROR, status == 409 ? RTK_ERROR_CONFLICT : RTK_ERROR_SERVER,
               "%s %s: %u %s", soup_message_get_method (message),
               g_uri_get_path (soup_message_get_uri (message)), status,
               problem != NULL ? rtk_json_get_string (problem, "title", NULL) : "");
  return NULL;
}

/**
 * rtk_server_client_call:
 * @self: a client
 * @method: HTTP method
 * @path: with its query
 * @body: (nullable): JSON
 * @error: return location; %RTK_ERROR_CONFLICT for 409, else %RTK_ERROR_SERVER
 *
 * Calls a route. Blocking.
 *
 * Returns: (transfer full): the answer, an empty object for 204
 */
JsonObject *
rtk_server_client_call (
    RtkServerClient *self, const char *method, const char *path, const char *body, GError **error)
{
  g_autoptr (SoupMessage) message = make_message (self, method, path);
  g_autoptr (GBytes) answer = NULL;
  const char *data;
  gsize       size;

  if (body != NULL) {
    g_autoptr (GBytes) bytes = g_bytes_new (body, strlen (body));

    soup_message_set_request_body_from_bytes (message, "application/json", bytes);
  }
  answer = send_message (self, message, error);
  if (answer == NULL)
    return NULL;
  data = g_bytes_get_data (answer, &size);
  return size == 0 ? json_object_new () : rtk_json_parse_object (data, (gssize)size, error);
}

/**
 * rtk_server_client_upload:
 * @self: a client
 * @bytes: a photo
 * @sha256: its name
 * @media_type: its type
 * @error: return location
 *
 * Uploads a photo by tus, in one part; what it has uploaded for the same caller it does not send
 * again. Blocking.
 *
 * Returns: whether the server has it
 */
gboolean
rtk_server_client_upload (RtkServerClient *self,
                          GBytes          *bytes,
                          const char      *sha256,
                          const char      *media_type,
                          GError         **error)
{
  g_autoptr (SoupMessage) create = make_message (self, "POST", "/v1/uploads");
  g_autoptr (SoupMessage) patch = NULL;
  SoupMessageHeaders *headers = soup_message_get_request_headers (create);
  g_autofree char    *name64 = g_base64_encode ((const guchar *)sha256, strlen (sha256));
  g_autofree char    *type64 = g_base64_encode ((const guchar *)media_type, strlen (media_type));
  g_autofree char    *metadata = g_strdup_printf ("sha256 %s,type %s", name64, type64);
  g_autofree char    *length = g_strdup_printf ("%zu", g_bytes_get_size (bytes));
  g_autofree char    *known = g_strdup_printf ("%s %s", self->token, sha256);
  g_autoptr (GBytes) created = NULL;
  g_autoptr (GBytes) patched = NULL;

  if (g_hash_table_contains (self->uploaded, known))
    return TRUE;
  soup_message_headers_replace (headers, "Tus-Resumable", "1.0.0");
  soup_message_headers_replace (headers, "Upload-Length", length);
  soup_message_headers_replace (headers, "Upload-Metadata", metadata);
  created = send_message (self, create, error);
  if (created == NULL)
    return FALSE;
  patch = make_message (
      self, "PATCH",
      soup_message_headers_get_one (soup_message_get_response_headers (create), "Location"));
  headers = soup_message_get_request_headers (patch);
  soup_message_headers_replace (headers, "Tus-Resumable", "1.0.0");
  soup_message_headers_replace (headers, "Upload-Offset", "0");
  soup_message_set_request_body_from_bytes (patch, "application/offset+octet-stream", bytes);
  patched = send_message (self, patch, error);
  if (patched == NULL)
    return FALSE;
  g_hash_table_add (self->uploaded, g_steal_pointer (&known));
  return TRUE;
}
