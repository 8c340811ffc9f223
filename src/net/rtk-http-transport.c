/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-net"
#include "config.h"

#include "net/rtk-http-transport.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-json.h"
#include "net/rtk-http-private.h"

#include <sodium.h>
#include <string.h>

#define TIMEOUT_SECONDS 30
#define CODE_KEY_SIZE 32

static void transport_iface_init (RtkTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (RtkHttpTransport,
                               rtk_http_transport,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (RTK_TYPE_TRANSPORT, transport_iface_init))

enum { PROP_0, PROP_STATE, PROP_USER, PROP_ROLE, PROP_STATION_ID, PROP_CODE_KEY };

/* Private. */
void
rtk_http_transport_set_state (RtkHttpTransport *self, RtkServerState state)
{
  if (self->state == state)
    return;
  self->state = state;
  g_object_notify (G_OBJECT (self), "state");
}

/* Private: forgets the session; the station stays the same station. */
void
rtk_http_transport_sign_out (RtkHttpTransport *self)
{
  g_clear_pointer (&self->access_token, g_free);
  g_clear_pointer (&self->refresh_token, g_free);
  if (self->user != NULL) {
    g_clear_pointer (&self->user, g_free);
    self->role = RTK_ROLE_OPERATOR;
    g_object_notify (G_OBJECT (self), "user");
    g_object_notify (G_OBJECT (self), "role");
  }
  rtk_http_transport_set_state (self, RTK_SERVER_SIGNED_OUT);
}

/* Private: takes over the tokens of an answer. */
gboolean
rtk_http_transport_take_tokens (RtkHttpTransport *self, JsonObject *answer, GError **error)
{
  const char *access = rtk_json_get_string (answer, "access_token", error);
  const char *refresh =
      access != NULL ? rtk_json_get_string (answer, "refresh_token", error) : NULL;

  if (refresh == NULL)
    return FALSE;
  g_free (self->access_token);
  g_free (self->refresh_token);
  self->access_token = g_strdup (access);
  self->refresh_token = g_strdup (refresh);
  return TRUE;
}

/* What a sign-in has learnt before it is complete. */
typedef struct {
  char   *user;
  RtkRole role;
} SignIn;

static void
sign_in_free (gpointer data)
{
  SignIn *sign_in = data;

  g_free (sign_in->user);
  g_free (sign_in);
}

static gboolean
take_station (RtkHttpTransport *self, JsonObject *answer, GError **error)
{
  const char *station = rtk_json_get_string (answer, "station", error);
  const char *key64 = station != NULL ? rtk_json_get_string (answer, "code_key", error) : NULL;
  guint8      key[CODE_KEY_SIZE];
  gsize       size = 0;

  if (key64 == NULL)
    return FALSE;
  if (!rtk_id_is_valid (station) ||
      sodium_base642bin (key, sizeof key, key64, strlen (key64), NULL, &size, NULL,
                         sodium_base64_VARIANT_ORIGINAL) != 0 ||
      size != sizeof key) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                         "The server's answer to the enrolment is not what it should be");
    return FALSE;
  }
  g_free (self->station_id);
  self->station_id = g_strdup (station);
  g_clear_pointer (&self->code_key, g_bytes_unref);
  self->code_key = g_bytes_new (key, sizeof key);
  sodium_memzero (key, sizeof key);
  return TRUE;
}

static void
enrolled (RtkHttpRequest     *request,
          guint               status,
          SoupMessageHeaders *headers,
          GBytes             *body,
          const GError       *error)
{
  RtkHttpTransport *self = g_task_get_source_object (request->task);
  SignIn           *sign_in = g_task_get_task_data (request->task);
  g_autoptr (GError) local_error = NULL;
  g_autoptr (JsonObject) answer = error == NULL ? rtk_http_parse (body, &local_error) : NULL;

  if (answer == NULL || !take_station (self, answer, &local_error)) {
    rtk_http_transport_sign_out (self);
    g_task_return_error (request->task,
                         error != NULL ? g_error_copy (error) : g_steal_pointer (&local_error));
    return;
  }
  g_free (self->user);
  self->user = g_strdup (sign_in->user);
  self->role = sign_in->role;
  g_object_notify (G_OBJECT (self), "user");
  g_object_notify (G_OBJECT (self), "role");
  g_object_notify (G_OBJECT (self), "station-id");
  g_object_notify (G_OBJECT (self), "code-key");
  rtk_http_transport_set_state (self, RTK_SERVER_ONLINE);
  g_task_return_boolean (request->task, TRUE);
}

static void
add_member (JsonObject *object, const char *name, const char *value)
{
  json_object_set_string_member (object, name, value);
}

static JsonNode *
take_object (JsonObject *object)
{
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);

  json_node_take_object (node, object);
  return node;
}

/* Enrols the station's key, with the proof that it is ours. */
static void
enrol (RtkHttpTransport *self, GTask *task, const char *user)
{
  const char      *key_id = rtk_signer_get_key_id (self->signer);
  g_autofree char *text = g_strconcat ("retake-enrol\n", key_id, "\n", user, NULL);
  JsonObject      *object;
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *proof = NULL;
  guint8           signature[64];
  RtkHttpRequest  *request;

  if (!rtk_signer_sign (self->signer, (const guint8 *)text, strlen (text), signature, &error)) {
    rtk_http_transport_sign_out (self);
    g_task_return_error (task, g_steal_pointer (&error));
    return;
  }
  proof = g_base64_encode (signature, sizeof signature);
  object = json_object_new ();
  add_member (object, "name", self->station_name);
  add_member (object, "key", key_id);
  add_member (object, "proof", proof);
  node = take_object (object);
  request = rtk_http_request_new (task, "POST", "/v1/stations", enrolled);
  rtk_http_request_set_json (request, node);
  rtk_http_request_send (request);
}

static void
signed_in (RtkHttpRequest     *request,
           guint               status,
           SoupMessageHeaders *headers,
           GBytes             *body,
           const GError       *error)
{
  RtkHttpTransport *self = g_task_get_source_object (request->task);
  SignIn           *sign_in = g_task_get_task_data (request->task);
  g_autoptr (GError) local_error = NULL;
  g_autoptr (JsonObject) answer = NULL;

  if (error != NULL) {
    g_task_return_error (request->task, g_error_copy (error));
    return;
  }
  answer = rtk_http_parse (body, &local_error);
  if (answer != NULL) {
    sign_in->user = g_strdup (rtk_json_get_string (answer, "user", &local_error));
    if (sign_in->user != NULL &&
        !rtk_role_from_string (rtk_json_get_string (answer, "role", NULL), &sign_in->role))
      g_set_error_literal (&local_error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE, "The role is not known");
  }
  if (local_error == NULL && rtk_http_transport_take_tokens (self, answer, &local_error))
    enrol (self, request->task, sign_in->user);
  else
    g_task_return_error (request->task, g_steal_pointer (&local_error));
}

static void
transport_sign_in_async (RtkTransport       *transport,
                         const char         *user,
                         const char         *password,
                         GCancellable       *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (transport, cancellable, callback, user_data);
  JsonObject *object = json_object_new ();
  g_autoptr (JsonNode) node = NULL;
  RtkHttpRequest *request;

  g_task_set_source_tag (task, transport_sign_in_async);
  g_task_set_task_data (task, g_new0 (SignIn, 1), sign_in_free);
  add_member (object, "user", user);
  add_member (object, "password", password);
  node = take_object (object);
  request = rtk_http_request_new (task, "POST", "/v1/session", signed_in);
  request->is_open = TRUE;
  rtk_http_request_set_json (request, node);
  rtk_http_request_send (request);
}

/* Work on an answer that is too long for the main thread: parsing a page, hashing a photo. The task
 * of the work has no source object: it would keep the transport alive, and the transport owns the
 * worker. */
static void
parse_page (GTask *task, gpointer state)
{
  g_autoptr (JsonObject) object = NULL;
  g_autoptr (JsonNode) node = NULL;
  GError        *error = NULL;
  RtkChangePage *page = NULL;

  object = rtk_http_parse (g_task_get_task_data (task), &error);
  if (object != NULL) {
    node = take_object (json_object_ref (object));
    page = rtk_change_page_from_json (node, &error);
  }
  if (page != NULL)
    g_task_return_pointer (task, page, (GDestroyNotify)rtk_change_page_free);
  else
    g_task_return_error (task, error);
}

static void
check_photo (GTask *task, gpointer state)
{
  GBytes     *body = g_task_get_task_data (task);
  const char *wanted = g_object_get_data (G_OBJECT (task), "sha256");
  char        found[65];

  rtk_sha256_hex (g_bytes_get_data (body, NULL), g_bytes_get_size (body), found);
  if (strcmp (wanted, found) == 0)
    g_task_return_pointer (task, g_bytes_ref (body), (GDestroyNotify)g_bytes_unref);
  else
    g_task_return_new_error (task, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                             "The photo is not the one that was asked for");
}

static void
page_parsed_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = G_TASK (user_data);
  GError        *error = NULL;
  RtkChangePage *page = g_task_propagate_pointer (G_TASK (result), &error);

  if (page != NULL)
    g_task_return_pointer (task, page, (GDestroyNotify)rtk_change_page_free);
  else
    g_task_return_error (task, error);
}

static void
photo_checked_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = G_TASK (user_data);
  GError *error = NULL;
  GBytes *bytes = g_task_propagate_pointer (G_TASK (result), &error);

  if (bytes != NULL)
    g_task_return_pointer (task, bytes, (GDestroyNotify)g_bytes_unref);
  else
    g_task_return_error (task, error);
}

static GTask *
new_work (RtkHttpRequest *request, GBytes *body, GAsyncReadyCallback callback)
{
  GTask *work = g_task_new (NULL, NULL, callback, g_object_ref (request->task));

  g_task_set_task_data (work, g_bytes_ref (body), (GDestroyNotify)g_bytes_unref);
  return work;
}

static void
pulled (RtkHttpRequest     *request,
        guint               status,
        SoupMessageHeaders *headers,
        GBytes             *body,
        const GError       *error)
{
  RtkHttpTransport *self = g_task_get_source_object (request->task);
  g_autoptr (GTask) work = NULL;

  if (error != NULL) {
    g_task_return_error (request->task, g_error_copy (error));
    return;
  }
  work = new_work (request, body, page_parsed_cb);
  rtk_worker_push (self->worker, work, parse_page);
}

static void
transport_pull_async (RtkTransport       *transport,
                      const char         *cursor,
                      guint               limit,
                      GCancellable       *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (transport, cancellable, callback, user_data);
  g_autofree char *escaped = g_uri_escape_string (cursor, NULL, FALSE);
  g_autofree char *path = g_strdup_printf ("/v1/changes?since=%s&limit=%u", escaped, limit);

  g_task_set_source_tag (task, transport_pull_async);
  rtk_http_request_send (rtk_http_request_new (task, "GET", path, pulled));
}

static RtkChangePage *
transport_pull_finish (RtkTransport *transport, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, transport_pull_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* One answer an operation, in the order they were sent: anything else would settle the wrong one.
 */
static GPtrArray *
read_results (JsonObject *answer, GPtrArray *operations, GError **error)
{
  g_autoptr (GPtrArray) results = g_ptr_array_new_with_free_func ((GDestroyNotify)rtk_result_free);
  JsonArray *array = rtk_json_get_array (answer, "results", error);

  if (array == NULL)
    return NULL;
  for (guint i = 0; i < json_array_get_length (array); i++) {
    RtkResult *result = rtk_result_from_json (json_array_get_element (array, i), error);

    if (result == NULL)
      return NULL;
    g_ptr_array_add (results, result);
    if (i >= operations->len ||
        strcmp (result->operation_id, rtk_operation_get_id (g_ptr_array_index (operations, i))) !=
            0)
      break;
  }
  if (results->len != operations->len || json_array_get_length (array) != operations->len) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                         "The answers do not belong to the operations");
    return NULL;
  }
  return g_steal_pointer (&results);
}

static void
pushed (RtkHttpRequest     *request,
        guint               status,
        SoupMessageHeaders *headers,
        GBytes             *body,
        const GError       *error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (JsonObject) answer = NULL;
  GPtrArray *results = NULL;

  if (error != NULL) {
    g_task_return_error (request->task, g_error_copy (error));
    return;
  }
  answer = rtk_http_parse (body, &local_error);
  if (answer != NULL)
    results = read_results (answer, g_task_get_task_data (request->task), &local_error);
  if (results != NULL)
    g_task_return_pointer (request->task, results, (GDestroyNotify)g_ptr_array_unref);
  else
    g_task_return_error (request->task, g_steal_pointer (&local_error));
}

static void
transport_push_async (RtkTransport       *transport,
                      GPtrArray          *operations,
                      GCancellable       *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (transport, cancellable, callback, user_data);
  JsonObject *object = json_object_new ();
  JsonArray  *array = json_array_new ();
  g_autoptr (JsonNode) node = NULL;
  RtkHttpRequest *request;

  g_task_set_source_tag (task, transport_push_async);
  g_task_set_task_data (task, g_ptr_array_ref (operations), (GDestroyNotify)g_ptr_array_unref);
  for (guint i = 0; i < operations->len; i++)
    json_array_add_element (array, rtk_operation_to_json (g_ptr_array_index (operations, i)));
  json_object_set_array_member (object, "operations", array);
  node = take_object (object);
  request = rtk_http_request_new (task, "POST", "/v1/operations", pushed);
  rtk_http_request_set_json (request, node);
  rtk_http_request_send (request);
}

static GPtrArray *
transport_push_finish (RtkTransport *transport, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, transport_push_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
transport_upload_async (RtkTransport       *transport,
                        const char         *sha256,
                        RtkVault           *vault,
                        RtkProgressFunc     progress,
                        gpointer            progress_data,
                        GCancellable       *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (transport, cancellable, callback, user_data);

  g_task_set_source_tag (task, transport_upload_async);
  rtk_http_upload_start (RTK_HTTP_TRANSPORT (transport), task, sha256, vault, progress,
                         progress_data);
}

static void
fetched (RtkHttpRequest     *request,
         guint               status,
         SoupMessageHeaders *headers,
         GBytes             *body,
         const GError       *error)
{
  RtkHttpTransport *self = g_task_get_source_object (request->task);
  g_autoptr (GTask) work = NULL;

  if (error != NULL) {
    g_task_return_error (request->task, g_error_copy (error));
    return;
  }
  work = new_work (request, body, photo_checked_cb);
  g_object_set_data_full (G_OBJECT (work), "sha256",
                          g_strdup (g_task_get_task_data (request->task)), g_free);
  rtk_worker_push (self->worker, work, check_photo);
}

static void
transport_fetch_async (RtkTransport       *transport,
                       const char         *sha256,
                       GCancellable       *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (transport, cancellable, callback, user_data);
  g_autofree char *path = g_strconcat ("/v1/photos/", sha256, NULL);

  g_task_set_source_tag (task, transport_fetch_async);
  g_task_set_task_data (task, g_strdup (sha256), g_free);
  rtk_http_request_send (rtk_http_request_new (task, "GET", path, fetched));
}

static GBytes *
transport_fetch_finish (RtkTransport *transport, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, transport_fetch_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static gboolean
transport_done_finish (RtkTransport *transport, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, transport_sign_in_async) ||
                            g_async_result_is_tagged (result, transport_upload_async),
                        FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
transport_iface_init (RtkTransportInterface *iface)
{
  iface->sign_in_async = transport_sign_in_async;
  iface->pull_async = transport_pull_async;
  iface->pull_finish = transport_pull_finish;
  iface->push_async = transport_push_async;
  iface->push_finish = transport_push_finish;
  iface->upload_async = transport_upload_async;
  iface->fetch_async = transport_fetch_async;
  iface->fetch_finish = transport_fetch_finish;
  iface->done_finish = transport_done_finish;
}

static void
rtk_http_transport_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  RtkHttpTransport *self = RTK_HTTP_TRANSPORT (object);

  switch (id) {
  case PROP_STATE:
    g_value_set_int (value, (int)self->state);
    break;
  case PROP_USER:
    g_value_set_string (value, self->user);
    break;
  case PROP_ROLE:
    g_value_set_int (value, (int)self->role);
    break;
  case PROP_STATION_ID:
    g_value_set_string (value, self->station_id);
    break;
  case PROP_CODE_KEY:
    g_value_set_boxed (value, self->code_key);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
rtk_http_transport_finalize (GObject *object)
{
  RtkHttpTransport *self = RTK_HTTP_TRANSPORT (object);

  g_clear_pointer (&self->worker, rtk_worker_free);
  g_clear_object (&self->session);
  g_clear_object (&self->signer);
  g_free (self->base);
  g_free (self->station_name);
  g_free (self->access_token);
  g_free (self->refresh_token);
  g_free (self->user);
  g_free (self->station_id);
  g_clear_pointer (&self->code_key, g_bytes_unref);
  G_OBJECT_CLASS (rtk_http_transport_parent_class)->finalize (object);
}

static void
rtk_http_transport_class_init (RtkHttpTransportClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = rtk_http_transport_get_property;
  object_class->finalize = rtk_http_transport_finalize;
  g_object_class_override_property (object_class, PROP_STATE, "state");
  g_object_class_override_property (object_class, PROP_USER, "user");
  g_object_class_override_property (object_class, PROP_ROLE, "role");
  g_object_class_override_property (object_class, PROP_STATION_ID, "station-id");
  g_object_class_override_property (object_class, PROP_CODE_KEY, "code-key");
}

static void
rtk_http_transport_init (RtkHttpTransport *self)
{
}

static gboolean
is_loopback (const char *host)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (host);

  return g_strcmp0 (host, "localhost") == 0 ||
         (address != NULL && g_inet_address_get_is_loopback (address));
}

/**
 * rtk_http_transport_new:
 * @base_url: of the server: https, or http on this machine
 * @signer: the station's key
 * @station_name: for people, such as "Desk 2"
 * @error: return location; %RTK_ERROR_USAGE when @base_url cannot be used
 *
 * Makes a transport, signed out.
 *
 * Returns: (transfer full): the transport
 */
RtkHttpTransport *
rtk_http_transport_new (const char *base_url,
                        RtkSigner  *signer,
                        const char *station_name,
                        GError    **error)
{
  g_autoptr (GUri) uri = NULL;
  RtkHttpTransport *self;
  const char       *host;
  gboolean          is_local;

  g_return_val_if_fail (base_url != NULL && RTK_IS_SIGNER (signer) && station_name != NULL, NULL);

  uri = g_uri_parse (base_url, SOUP_HTTP_URI_FLAGS, NULL);
  host = uri != NULL ? g_uri_get_host (uri) : NULL;
  is_local = host != NULL && is_loopback (host);
  if (host == NULL || host[0] == '\0' ||
      (strcmp (g_uri_get_scheme (uri), "https") != 0 &&
       (strcmp (g_uri_get_scheme (uri), "http") != 0 || !is_local))) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE,
                         "The server's address must begin with https://");
    return NULL;
  }
  self = g_object_new (RTK_TYPE_HTTP_TRANSPORT, NULL);
  self->base = g_strdup (base_url);
  while (g_str_has_suffix (self->base, "/"))
    self->base[strlen (self->base) - 1] = '\0';
  self->signer = g_object_ref (signer);
  self->station_name = g_strdup (station_name);
  self->worker = rtk_worker_new ("net", NULL, NULL);
  /* This machine is never reached through a proxy. */
  self->session = is_local ? soup_session_new_with_options ("proxy-resolver", NULL, "timeout",
                                                            TIMEOUT_SECONDS, NULL)
                           : soup_session_new_with_options ("timeout", TIMEOUT_SECONDS, NULL);
  return self;
}
