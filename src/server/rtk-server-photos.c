/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "server/rtk-server-call.h"

#include <string.h>
#include <unistd.h>

/* Photos and the parts that prove them, named by the SHA-256 of their content: what a name stands
 * for never changes. They come in by rtk-server-uploads.c. */

/**
 * rtk_server_photo_dup_path:
 * @config: settings
 * @sha256: a valid name
 *
 * Returns: (transfer full): where the photo lies, or would lie
 */
char *
rtk_server_photo_dup_path (const RtkServerConfig *config, const char *sha256)
{
  const char folder[3] = {sha256[0], sha256[1], '\0'};

  return g_build_filename (config->data, "photos", folder, sha256, NULL);
}

/**
 * rtk_server_photo_is_there:
 * @self: a store
 * @sha256: (nullable): a name
 *
 * Returns: whether the photo was uploaded whole
 */
gboolean
rtk_server_photo_is_there (RtkServerStore *self, const char *sha256)
{
  return sha256 != NULL && rtk_server_db_get_int (
                               self->db, 0, "SELECT EXISTS (SELECT 1 FROM photos WHERE sha256 = ?)",
                               "s", sha256) != 0;
}

/**
 * rtk_server_photo_load:
 * @self: a store
 * @sha256: a name
 * @most: bytes; a larger one is not loaded
 *
 * Maps the bytes of a photo, or of another part. Blocking.
 *
 * Returns: (transfer full) (nullable): the bytes, %NULL when it is not there or too large
 */
GBytes *
rtk_server_photo_load (RtkServerStore *self, const char *sha256, gint64 most)
{
  g_autofree char *path = NULL;
  g_autoptr (GMappedFile) file = NULL;

  if (rtk_server_db_get_int (self->db, G_MAXINT64, "SELECT size FROM photos WHERE sha256 = ?", "s",
                             sha256) > most)
    return NULL;
  path = rtk_server_photo_dup_path (self->config, sha256);
  file = g_mapped_file_new (path, FALSE, NULL);
  return file != NULL ? g_mapped_file_get_bytes (file) : NULL;
}

/**
 * rtk_server_call_is_unchanged:
 * @call: a call
 * @tag: of what would be answered, in quotes
 *
 * Adds the tag to the answer.
 *
 * Returns: whether the caller has it already; then the call is answered with 304
 */
gboolean
rtk_server_call_is_unchanged (RtkServerCall *call, const char *tag)
{
  const char *known = rtk_server_call_get_header (call, "if-none-match");

  rtk_server_call_add_header (call, "ETag", tag);
  rtk_server_call_add_header (call, "Cache-Control", "private, no-store");
  if (known == NULL || (strcmp (known, "*") != 0 && strstr (known, tag) == NULL))
    return FALSE;
  call->status = 304;
  return TRUE;
}

<<<<<<< HEAD
static gboolean
insert_upload (RtkServerStore *store,
               RtkServerCall  *call,
               const char     *owner,
               const char     *sha256,
               const char     *type,
               gint64          length,
               char          **out_id,
               GError        **error)
{
  gint64           now = g_get_real_time ();
  g_autofree char *id = rtk_id_new (now);
  gint64 done = call->who != RTK_SERVER_ACCOUNT && rtk_server_photo_is_there (store, sha256);

  /* The same photo again: the upload that was begun goes on, in whatever state it is. Accounts do
     not learn whether somebody else has a photo. */
  if (!rtk_server_db_run (store->db, error,
                          "INSERT INTO uploads (id, owner, sha256, length, media_type, done,"
                          " created_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
                          " ON CONFLICT (owner, sha256) DO UPDATE SET done = CASE WHEN"
                          " uploads.done = 1 OR excluded.done = 1 THEN 1 ELSE 0 END",
                          "sssisii", id, owner, sha256, length, type, done, now))
    return FALSE;
  *out_id = rtk_server_db_dup_text (
      store->db, "SELECT id FROM uploads WHERE owner = ? AND sha256 = ? AND length = ?", "ssi",
      owner, sha256, length);
  return TRUE;
}

/* POST /v1/uploads */
RTK_SERVER_HANDLER (upload_create)
{
  const char      *length_text = rtk_server_call_get_header (call, "upload-length");
  g_autofree char *owner = dup_owner (call);
  g_autofree char *sha256 = dup_metadata (call, "sha256");
  g_autofree char *type = dup_metadata (call, "type");
  g_autofree char *id = NULL;
  g_autofree char *location = NULL;
  gint64           length;

  if (!check_version (call))
    return TRUE;
  if (length_text == NULL ||
      !g_ascii_string_to_signed (length_text, 10, 1, G_MAXINT64, &length, NULL) ||
      !rtk_sha256_is_valid (sha256) || !is_media_type (type))
    return rtk_server_call_fail (call, 400, "bad-upload",
                                 "Upload-Length and the metadata sha256 and type are needed.");
  if (length > store->config->max_upload) {
    add_number_header (call, "Tus-Max-Size", store->config->max_upload);
    return rtk_server_call_fail (call, 413, "too-large", "The photo is too large.");
  }
  if (!insert_upload (store, call, owner, sha256, type, length, &id, error))
    return FALSE;
  if (id == NULL)
    return rtk_server_call_fail (call, 409, "length-differs",
                                 "This photo was begun with another length.");
  location = g_strconcat ("/v1/uploads/", id, NULL);
  rtk_server_call_add_header (call, "Location", location);
  call->status = 201;
  return TRUE;
}

/* The caller's own upload; answers 404 for anybody else's. */
static gboolean
find_upload (RtkServerStore *store, RtkServerCall *call, Upload *upload, GError **error)
{
  g_autofree char *owner = dup_owner (call);
  RtkServerRows   *row = rtk_server_db_query (
        store->db, error,
        "SELECT id, sha256, media_type, length, done FROM uploads WHERE id = ? AND owner = ?", "ss",
        call->params[0], owner);

  if (row == NULL)
    return FALSE;
  if (rtk_server_db_next (store->db, row, error)) {
    upload->id = g_strdup (rtk_server_db_text (row, 0));
    upload->sha256 = g_strdup (rtk_server_db_text (row, 1));
    upload->media_type = g_strdup (rtk_server_db_text (row, 2));
    upload->length = rtk_server_db_int (row, 3);
    upload->path = g_build_filename (store->config->data, "uploads", upload->id, NULL);
    /* A part that is whole was not taken over when the server was killed in between: its last byte
       is asked for again, and with it the photo is finished. */
    upload->offset = rtk_server_db_int (row, 4) != 0
                         ? upload->length
                         : CLAMP (rtk_server_file_get_size (upload->path), 0, upload->length - 1);
  }
  rtk_server_db_end (row);
  if (upload->id == NULL && (error == NULL || *error == NULL))
    rtk_server_call_not_found (call);
  return upload->id != NULL;
}

/* HEAD /v1/uploads/{id} */
RTK_SERVER_HANDLER (upload_head)
{
  g_auto (Upload) upload = {0};

  if (!check_version (call))
    return TRUE;
  if (!find_upload (store, call, &upload, error))
    return call->status != 0;
  add_number_header (call, "Upload-Offset", upload.offset);
  add_number_header (call, "Upload-Length", upload.length);
  rtk_server_call_add_header (call, "Cache-Control", "no-store");
  call->status = 200;
  return TRUE;
}

/* Upload-Checksum of the tus extension: "sha256 BASE64" over this part. */
static gboolean
check_part (RtkServerCall *call)
{
  const char *header = rtk_server_call_get_header (call, "upload-checksum");
  guint8      wanted[crypto_hash_sha256_BYTES];
  guint8      found[crypto_hash_sha256_BYTES];
  gsize       size = 0;
  gsize       length;
  const void *data = g_bytes_get_data (call->body, &length);

  if (header == NULL)
    return TRUE;
  if (!g_str_has_prefix (header, "sha256 ") ||
      sodium_base642bin (wanted, sizeof wanted, header + 7, strlen (header + 7), NULL, &size, NULL,
                         sodium_base64_VARIANT_ORIGINAL) != 0 ||
      size != sizeof wanted) {
    rtk_server_call_fail (call, 400, "bad-checksum", "Upload-Checksum is not a SHA-256.");
    return FALSE;
  }
  crypto_hash_sha256 (found, data, length);
  if (sodium_memcmp (wanted, found, sizeof found) == 0)
    return TRUE;
  rtk_server_call_fail (call, STATUS_CHECKSUM_MISMATCH, "checksum-mismatch",
                        "The part came damaged: send it again.");
  return FALSE;
}

/* Whether the file begins as its type does. */
static gboolean
is_of_type (const char *path, const char *media_type)
{
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, NULL);
  const char *data = file != NULL ? g_mapped_file_get_contents (file) : NULL;
  gsize       size = file != NULL ? g_mapped_file_get_length (file) : 0;

  if (data == NULL)
    return FALSE;
  if (strcmp (media_type, "image/jpeg") == 0)
    return size > 3 && memcmp (data, "\xff\xd8\xff", 3) == 0;
  if (strcmp (media_type, "image/png") == 0)
    return size > 8 && memcmp (data, "\x89PNG\r\n\x1a\n", 8) == 0;
  return data[0] == '{' || data[0] == '[';
}

/* Gives the part the photo's name beside its own, which it keeps until the rows are committed: who
 * is killed in between does not find an upload at its beginning again. */
static gboolean
name_photo (Upload *upload, const char *path, GError **error)
{
  g_autofree char *second = g_strconcat (path, ".", upload->id, NULL);
  gboolean         ok;

  (void)g_unlink (second);
  ok = link (upload->path, second) == 0 ? g_rename (second, path) == 0
                                        : g_rename (upload->path, path) == 0;
  if (!ok)
    g_set_error (error, RTK_ERROR, RTK_ERROR_STORAGE, "Cannot name a photo: %s",
                 g_strerror (errno));
  /* Two names of one file are left as they are by a rename. */
  (void)g_unlink (second);
  return ok;
}

/* The whole photo is here: verify it, give it its durable name, then tell of it. */
static gboolean
finish_upload (RtkServerStore *store, RtkServerCall *call, Upload *upload, GError **error)
{
  g_autofree char *path = dup_photo_path (store->config, upload->sha256);
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *parent = g_path_get_dirname (folder);
  g_autofree char *owner = dup_owner (call);
  char             hash[65];

  if (!rtk_server_file_hash (upload->path, hash, error))
    return FALSE;
  if (strcmp (hash, upload->sha256) != 0 || !is_of_type (upload->path, upload->media_type)) {
    (void)g_unlink (upload->path);
    return rtk_server_call_fail (call, STATUS_CHECKSUM_MISMATCH, "checksum-mismatch",
                                 "The photo is not what was announced: send it again.");
  }
  if (!rtk_server_file_make_folder (folder, error))
    return FALSE;
  if (!name_photo (upload, path, error))
    return FALSE;
  call->leftover = g_strdup (upload->path);
  return rtk_server_file_sync_folder (folder, error) &&
         rtk_server_file_sync_folder (parent, error) &&
         rtk_server_db_run (store->db, error,
                            "INSERT INTO photos (sha256, size, media_type, created_at)"
                            " VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                            "sisi", upload->sha256, upload->length, upload->media_type,
                            g_get_real_time ()) &&
         rtk_server_db_run (store->db, error,
                            "INSERT INTO photo_owners (sha256, owner) VALUES (?, ?)"
                            " ON CONFLICT DO NOTHING",
                            "ss", upload->sha256, owner) &&
         rtk_server_db_run (store->db, error, "UPDATE uploads SET done = 1 WHERE id = ?", "s",
                            upload->id);
}

/* PATCH /v1/uploads/{id} */
RTK_SERVER_HANDLER (upload_patch)
{
  g_auto (Upload) upload = {0};
  g_autoptr (GError) local_error = NULL;
  const char *offset_text = rtk_server_call_get_header (call, "upload-offset");
  const char *type = rtk_server_call_get_header (call, "content-type");
  gsize       size;
  const void *data = g_bytes_get_data (call->body, &size);
  gint64      offset;

  if (!check_version (call))
    return TRUE;
  if (g_strcmp0 (type, "application/offset+octet-stream") != 0)
    return rtk_server_call_fail (call, 415, "media-type",
                                 "A part is application/offset+octet-stream.");
  if (offset_text == NULL ||
      !g_ascii_string_to_signed (offset_text, 10, 0, G_MAXINT64, &offset, NULL))
    return rtk_server_call_fail (call, 400, "bad-upload", "Upload-Offset is needed.");
  if (!find_upload (store, call, &upload, error))
    return call->status != 0;
  if (offset != upload.offset)
    return rtk_server_call_fail (call, 409, "wrong-offset", "The upload stands elsewhere.");
  if ((gint64)size > upload.length - upload.offset)
    return rtk_server_call_fail (call, 413, "too-large", "This is more than was announced.");
  if (!check_part (call))
    return TRUE;
  if (size > 0 && !rtk_server_file_append (upload.path, upload.offset, data, size, &local_error)) {
    if (g_error_matches (local_error, RTK_ERROR, RTK_ERROR_CONFLICT))
      return rtk_server_call_fail (call, 409, "wrong-offset", "The upload stands elsewhere.");
    g_propagate_error (error, g_steal_pointer (&local_error));
    return FALSE;
  }
  upload.offset += (gint64)size;
  if (size > 0 && upload.offset == upload.length && !finish_upload (store, call, &upload, error))
    return FALSE;
  if (call->status != 0)
    return TRUE;
  add_number_header (call, "Upload-Offset", upload.offset);
  call->status = 204;
  return TRUE;
}

/* DELETE /v1/uploads/{id}: gives up an upload; a finished photo stays. */
RTK_SERVER_HANDLER (upload_delete)
{
  g_auto (Upload) upload = {0};

  if (!check_version (call))
    return TRUE;
  if (!find_upload (store, call, &upload, error))
    return call->status != 0;
  (void)g_unlink (upload.path);
  call->status = 204;
  return rtk_server_db_run (store->db, error, "DELETE FROM uploads WHERE id = ?", "s", upload.id);
}

/* GET and HEAD /v1/photos/{sha256} */
=======
/* GET and HEAD /v1/photos/{sha256}; parts of it (Range) are cut out by libsoup. */
>>>>>>> 2e4f242 (server: Expire uploads, make thumbnails, keep cut-off parts)
RTK_SERVER_HANDLER (photo_get)
{
  g_autofree char *path = rtk_server_photo_dup_path (store->config, call->params[0]);
  g_autofree char *tag = g_strdup_printf ("\"%s\"", call->params[0]);
  g_autofree char *type = rtk_server_db_dup_text (
      store->db, "SELECT media_type FROM photos WHERE sha256 = ?", "s", call->params[0]);
  g_autoptr (GMappedFile) file = NULL;

  if (type == NULL)
    return rtk_server_call_not_found (call);
  if (rtk_server_call_is_unchanged (call, tag))
    return TRUE;
  file = g_mapped_file_new (path, FALSE, NULL);
  if (file == NULL) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_DAMAGED, "A photo's file is missing: %s", path);
    return FALSE;
  }
  call->bytes = g_mapped_file_get_bytes (file);
  call->media_type = g_intern_string (type);
  rtk_server_call_add_header (call, "X-Content-Type-Options", "nosniff");
  call->status = 200;
  return TRUE;
}
