/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-net"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "net/rtk-http-private.h"

#include <sodium.h>
#include <string.h>

/* tus 1.0.0: ask where the server stands, send from there in parts, each with its checksum; at the
 * end ask for the photo itself. A part that was cut is sent again by the next upload. */
#define PART_SIZE (256 * 1024)

typedef struct {
  char            sha256[65];
  RtkVault       *vault; /* (owned) */
  RtkProgressFunc progress;
  gpointer        progress_data;
  GInputStream   *stream; /* (owned) (nullable) */
  gsize           size;
  guint8         *buffer;   /* (owned): PART_SIZE bytes */
  gsize           buffered; /* bytes in @buffer */
  gint64          start;    /* place of the first of them in the blob */
  char           *location; /* (nullable): of the upload */
  gint64          offset;   /* where the server stands */
} Upload;

static void
upload_free (gpointer data)
{
  Upload *upload = data;

  g_clear_object (&upload->stream);
  g_object_unref (upload->vault);
  if (upload->buffer != NULL)
    sodium_memzero (upload->buffer, PART_SIZE);
  g_free (upload->buffer);
  g_free (upload->location);
  g_free (upload);
}

static void
fail (GTask *task, RtkError code, const char *message)
{
  g_task_return_new_error (task, RTK_ERROR, (int)code, "%s", message);
}

static RtkHttpRequest *
new_tus_request (GTask *task, const char *method, const char *path, RtkHttpDone done)
{
  RtkHttpRequest *request = rtk_http_request_new (task, method, path, done);

  rtk_http_request_add_header (request, "Tus-Resumable", "1.0.0");
  return request;
}

static void
confirmed (RtkHttpRequest     *request,
           guint               status,
           SoupMessageHeaders *headers,
           GBytes             *body,
           const GError       *error)
{
  if (error != NULL)
    g_task_return_error (request->task, g_error_copy (error));
  else
    g_task_return_boolean (request->task, TRUE);
}

/* The server names photos by the hash it computed: that it has one of this name is the proof. */
static void
confirm (GTask *task)
{
  Upload          *upload = g_task_get_task_data (task);
  g_autofree char *path = g_strconcat ("/v1/photos/", upload->sha256, NULL);

  rtk_http_request_send (rtk_http_request_new (task, "HEAD", path, confirmed));
}

static void send_part (GTask *task);

static gboolean
read_offset (Upload *upload, SoupMessageHeaders *headers)
{
  const char *text = soup_message_headers_get_one (headers, "Upload-Offset");

  return text != NULL &&
         g_ascii_string_to_signed (text, 10, 0, (gint64)upload->size, &upload->offset, NULL);
}

static void
part_sent (RtkHttpRequest     *request,
           guint               status,
           SoupMessageHeaders *headers,
           GBytes             *body,
           const GError       *error)
{
  Upload *upload = g_task_get_task_data (request->task);
  gint64  before = upload->offset;

  if (error != NULL) {
    /* Another upload of the same photo moved on: asking again finds out. */
    if (g_error_matches (error, RTK_ERROR, RTK_ERROR_CONFLICT))
      fail (request->task, RTK_ERROR_SERVER, error->message);
    else
      g_task_return_error (request->task, g_error_copy (error));
    return;
  }
  if (!read_offset (upload, headers) || upload->offset <= before) {
    fail (request->task, RTK_ERROR_BAD_MESSAGE, "The server does not say where the upload stands");
    return;
  }
  if (upload->progress != NULL)
    upload->progress (upload->offset, (gint64)upload->size, upload->progress_data);
  send_part (request->task);
}

static void
read_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = G_TASK (user_data);
  Upload *upload = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  gsize n = 0;

  if (!g_input_stream_read_all_finish (G_INPUT_STREAM (object), result, &n, &error)) {
    g_task_return_error (task, g_steal_pointer (&error));
    return;
  }
  if (n == 0) {
    fail (task, RTK_ERROR_DAMAGED, "The photo in the vault is shorter than it should be");
    return;
  }
  upload->start += (gint64)upload->buffered;
  upload->buffered = n;
  send_part (task);
}

static void
read_next (GTask *task)
{
  Upload *upload = g_task_get_task_data (task);

  g_input_stream_read_all_async (upload->stream, upload->buffer, PART_SIZE, G_PRIORITY_DEFAULT,
                                 g_task_get_cancellable (task), read_cb, g_object_ref (task));
}

/* Sends what is in the buffer from the server's offset on; reads further when there is nothing. The
 * vault's stream goes forward only, so what the server has already is read and left. */
static void
send_part (GTask *task)
{
  Upload          *upload = g_task_get_task_data (task);
  gint64           skip = upload->offset - upload->start;
  RtkHttpRequest  *request;
  g_autofree char *offset = NULL;
  g_autofree char *digest = NULL;
  g_autofree char *checksum = NULL;
  guint8           hash[crypto_hash_sha256_BYTES];

  if (upload->offset == (gint64)upload->size) {
    confirm (task);
    return;
  }
  if (skip >= (gint64)upload->buffered) {
    read_next (task);
    return;
  }
  if (skip < 0) {
    fail (task, RTK_ERROR_SERVER, "The server went back in the middle of an upload");
    return;
  }
  request = new_tus_request (task, "PATCH", upload->location, part_sent);
  request->body = g_bytes_new (upload->buffer + skip, upload->buffered - (gsize)skip);
  request->media_type = "application/offset+octet-stream";
  crypto_hash_sha256 (hash, g_bytes_get_data (request->body, NULL),
                      g_bytes_get_size (request->body));
  digest = g_base64_encode (hash, sizeof hash);
  checksum = g_strconcat ("sha256 ", digest, NULL);
  offset = g_strdup_printf ("%" G_GINT64_FORMAT, upload->offset);
  rtk_http_request_add_header (request, "Upload-Offset", offset);
  rtk_http_request_add_header (request, "Upload-Checksum", checksum);
  rtk_http_request_send (request);
}

static void
offset_known (RtkHttpRequest     *request,
              guint               status,
              SoupMessageHeaders *headers,
              GBytes             *body,
              const GError       *error)
{
  Upload *upload = g_task_get_task_data (request->task);

  if (error != NULL)
    g_task_return_error (request->task, g_error_copy (error));
  else if (!read_offset (upload, headers))
    fail (request->task, RTK_ERROR_BAD_MESSAGE, "The server does not say where the upload stands");
  else
    send_part (request->task);
}

static void
created (RtkHttpRequest     *request,
         guint               status,
         SoupMessageHeaders *headers,
         GBytes             *body,
         const GError       *error)
{
  Upload     *upload = g_task_get_task_data (request->task);
  const char *location;

  if (error != NULL) {
    g_task_return_error (request->task, g_error_copy (error));
    return;
  }
  /* Only a path on the same server: the token goes nowhere else. */
  location = soup_message_headers_get_one (headers, "Location");
  if (location == NULL || !g_str_has_prefix (location, "/v1/uploads/") ||
      !rtk_id_is_valid (location + strlen ("/v1/uploads/"))) {
    fail (request->task, RTK_ERROR_BAD_MESSAGE, "The server names no place for the upload");
    return;
  }
  upload->location = g_strdup (location);
  rtk_http_request_send (new_tus_request (request->task, "HEAD", location, offset_known));
}

/* The vault does not know types: the first bytes do. */
static const char *
guess_type (const Upload *upload)
{
  if (upload->buffered > 3 && memcmp (upload->buffer, "\xff\xd8\xff", 3) == 0)
    return "image/jpeg";
  if (upload->buffered > 8 && memcmp (upload->buffer, "\x89PNG\r\n\x1a\n", 8) == 0)
    return "image/png";
  return "application/json";
}

static void
create (GTask *task)
{
  Upload          *upload = g_task_get_task_data (task);
  const char      *type = guess_type (upload);
  g_autofree char *name64 = g_base64_encode ((const guchar *)upload->sha256, 64);
  g_autofree char *type64 = g_base64_encode ((const guchar *)type, strlen (type));
  g_autofree char *metadata = g_strdup_printf ("sha256 %s,type %s", name64, type64);
  g_autofree char *length = g_strdup_printf ("%zu", upload->size);
  RtkHttpRequest  *request = new_tus_request (task, "POST", "/v1/uploads", created);

  rtk_http_request_add_header (request, "Upload-Length", length);
  rtk_http_request_add_header (request, "Upload-Metadata", metadata);
  rtk_http_request_send (request);
}

static void
first_read_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = G_TASK (user_data);
  Upload *upload = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (!g_input_stream_read_all_finish (G_INPUT_STREAM (object), result, &upload->buffered, &error))
    g_task_return_error (task, g_steal_pointer (&error));
  else
    create (task);
}

static void
opened_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = G_TASK (user_data);
  Upload *upload = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  upload->stream = rtk_vault_open_finish (RTK_VAULT (object), result, &upload->size, &error);
  if (upload->stream == NULL) {
    g_task_return_error (task, g_steal_pointer (&error));
    return;
  }
  upload->buffer = g_malloc (PART_SIZE);
  g_input_stream_read_all_async (upload->stream, upload->buffer, PART_SIZE, G_PRIORITY_DEFAULT,
                                 g_task_get_cancellable (task), first_read_cb, g_object_ref (task));
}

static void
asked (RtkHttpRequest     *request,
       guint               status,
       SoupMessageHeaders *headers,
       GBytes             *body,
       const GError       *error)
{
  Upload *upload = g_task_get_task_data (request->task);

  if (error == NULL)
    g_task_return_boolean (request->task, TRUE);
  else if (!g_error_matches (error, RTK_ERROR, RTK_ERROR_NOT_FOUND))
    g_task_return_error (request->task, g_error_copy (error));
  else
    rtk_vault_open_async (upload->vault, upload->sha256, g_task_get_cancellable (request->task),
                          opened_cb, g_object_ref (request->task));
}

/* Private: see rtk_transport_upload_async(). */
void
rtk_http_upload_start (RtkHttpTransport *self,
                       GTask            *task,
                       const char       *sha256,
                       RtkVault         *vault,
                       RtkProgressFunc   progress,
                       gpointer          progress_data)
{
  Upload          *upload = g_new0 (Upload, 1);
  g_autofree char *path = g_strconcat ("/v1/photos/", sha256, NULL);

  g_strlcpy (upload->sha256, sha256, sizeof upload->sha256);
  upload->vault = g_object_ref (vault);
  upload->progress = progress;
  upload->progress_data = progress_data;
  g_task_set_task_data (task, upload, upload_free);
  rtk_http_request_send (rtk_http_request_new (task, "HEAD", path, asked));
}
