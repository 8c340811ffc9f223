/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "server/rtk-server-call.h"
#include "server/rtk-server-files.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

/* Uploads by tus 1.0.0 (core, creation, checksum, termination, expiration). A part is acknowledged
 * when it is on disk; a photo is known when it is whole, its hash was computed from the file and
 * its name is durable. */

#define TUS_VERSION "1.0.0"
#define STATUS_CHECKSUM_MISMATCH 460
/* Values of uploads.done; another is under way. */
#define IS_DONE 1
#define IS_EXPIRED (-1)
/* No row, and nobody knows. */
#define IS_GONE (-2)
#define IS_UNKNOWN (-3)

typedef struct {
  char  *id;
  char  *sha256;
  char  *media_type;
  char  *path; /* of the part */
  gint64 length;
  gint64 offset;
  gint64 expires; /* microseconds since 1970 */
} Upload;

static void
upload_clear (Upload *upload)
{
  g_free (upload->id);
  g_free (upload->sha256);
  g_free (upload->media_type);
  g_free (upload->path);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Upload, upload_clear)

/* An upload goes on whoever of a station's staff is signed in. */
static char *
dup_owner (RtkServerCall *call)
{
  if (call->station != NULL)
    return g_strconcat ("station:", call->station, NULL);
  return g_strconcat (call->who == RTK_SERVER_ACCOUNT ? "account:" : "staff:", call->principal,
                      NULL);
}

static gboolean
check_version (RtkServerCall *call)
{
  rtk_server_call_add_header (call, "Tus-Resumable", TUS_VERSION);
  if (g_strcmp0 (rtk_server_call_get_header (call, "tus-resumable"), TUS_VERSION) == 0)
    return TRUE;
  rtk_server_call_add_header (call, "Tus-Version", TUS_VERSION);
  rtk_server_call_fail (call, 412, "tus-version", "This server speaks tus 1.0.0.");
  return FALSE;
}

static void
add_number_header (RtkServerCall *call, const char *name, gint64 value)
{
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, value);

  rtk_server_call_add_header (call, name, text);
}

/* One value of Upload-Metadata: "key base64,key base64". */
static char *
dup_metadata (RtkServerCall *call, const char *key)
{
  const char *header = rtk_server_call_get_header (call, "upload-metadata");
  g_auto (GStrv) pairs = g_strsplit (header != NULL ? header : "", ",", 32);

  for (guint i = 0; pairs[i] != NULL; i++) {
    g_auto (GStrv) words = g_strsplit (g_strstrip (pairs[i]), " ", 2);
    guint8 value[256];
    gsize  size = 0;

    if (words[0] == NULL || strcmp (words[0], key) != 0 || words[1] == NULL)
      continue;
    if (sodium_base642bin (value, sizeof value, words[1], strlen (words[1]), NULL, &size, NULL,
                           sodium_base64_VARIANT_ORIGINAL) != 0 ||
        !g_utf8_validate ((const char *)value, (gssize)size, NULL))
      return NULL;
    return g_strndup ((const char *)value, size);
  }
  return NULL;
}

static gboolean
is_media_type (const char *type)
{
  return g_strcmp0 (type, "image/jpeg") == 0 || g_strcmp0 (type, "image/png") == 0 ||
         g_strcmp0 (type, "application/json") == 0;
}

/* OPTIONS /v1/uploads */
RTK_SERVER_HANDLER (uploads_options)
{
  rtk_server_call_add_header (call, "Tus-Resumable", TUS_VERSION);
  rtk_server_call_add_header (call, "Tus-Version", TUS_VERSION);
  rtk_server_call_add_header (call, "Tus-Extension", "creation,checksum,termination,expiration");
  rtk_server_call_add_header (call, "Tus-Checksum-Algorithm", "sha1,sha256");
  add_number_header (call, "Tus-Max-Size", store->config->max_upload);
  call->status = 204;
  return TRUE;
}

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
                          " created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                          " ON CONFLICT (owner, sha256) DO UPDATE SET done = CASE WHEN"
                          " uploads.done = 1 OR excluded.done = 1 THEN 1 ELSE 0 END,"
                          " expires_at = excluded.expires_at",
                          "sssisiii", id, owner, sha256, length, type, done, now,
                          now + store->config->upload_seconds * G_USEC_PER_SEC))
    return FALSE;
  *out_id = rtk_server_db_dup_text (
      store->db,
      "SELECT id FROM uploads WHERE owner = ? AND sha256 = ? AND length = ? AND media_type = ?",
      "ssis", owner, sha256, length, type);
  return TRUE;
}

/* What a graduate has sent and no submission has: a limit to the disk that one person can fill. A
 * finished upload that was given up counts, too: its photo stays for a while. */
static gboolean
fits_quota (RtkServerStore *store,
            RtkServerCall  *call,
            const char     *owner,
            const char     *sha256,
            gint64          length)
{
  static const char files[] =
      "SELECT (SELECT count (*) FROM uploads WHERE owner = ?1 AND done = 0 AND sha256 <> ?2) +"
      " (SELECT count (*) FROM photo_owners w JOIN photos p ON p.sha256 = w.sha256"
      " WHERE w.owner = ?1 AND p.named = 0 AND p.sha256 <> ?2)";
  static const char bytes[] =
      "SELECT (SELECT coalesce (sum (length), 0) FROM uploads WHERE owner = ?1 AND done = 0"
      " AND sha256 <> ?2) + (SELECT coalesce (sum (p.size), 0) FROM photo_owners w"
      " JOIN photos p ON p.sha256 = w.sha256 WHERE w.owner = ?1 AND p.named = 0"
      " AND p.sha256 <> ?2)";
  const RtkServerConfig *config = store->config;

  return call->who != RTK_SERVER_ACCOUNT ||
         ((config->quota_files <= 0 || rtk_server_db_get_int (store->db, 0, files, "ss", owner,
                                                              sha256) < config->quota_files) &&
          (config->quota_bytes <= 0 ||
           rtk_server_db_get_int (store->db, 0, bytes, "ss", owner, sha256) + length <=
               config->quota_bytes));
}

static void
add_expiry (RtkServerCall *call, gint64 expires)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (expires / G_USEC_PER_SEC);
  /* English, whatever the locale is. */
  static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  g_autofree char         *text = g_strdup_printf (
              "%s, %02d %s %04d %02d:%02d:%02d GMT", days[g_date_time_get_day_of_week (time) - 1],
              g_date_time_get_day_of_month (time), months[g_date_time_get_month (time) - 1],
              g_date_time_get_year (time), g_date_time_get_hour (time), g_date_time_get_minute (time),
              g_date_time_get_second (time));

  rtk_server_call_add_header (call, "Upload-Expires", text);
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
  /* As the public clients name it. */
  if (type == NULL)
    type = dup_metadata (call, "filetype");
  if (length_text == NULL ||
      !g_ascii_string_to_signed (length_text, 10, 1, G_MAXINT64, &length, NULL) ||
      !rtk_sha256_is_valid (sha256) || !is_media_type (type))
    return rtk_server_call_fail (call, 400, "bad-upload",
                                 "Upload-Length and the metadata sha256 and type are needed.");
  if (length > store->config->max_upload) {
    add_number_header (call, "Tus-Max-Size", store->config->max_upload);
    return rtk_server_call_fail (call, 413, "too-large", "The photo is too large.");
  }
  if (!fits_quota (store, call, owner, sha256, length))
    return rtk_server_call_fail (call, 413, "quota",
                                 "Too many photos were uploaded that no order has.");
  if (!insert_upload (store, call, owner, sha256, type, length, &id, error))
    return FALSE;
  if (id == NULL)
    return rtk_server_call_fail (call, 409, "length-differs",
                                 "This photo was begun with another length or type.");
  location = g_strconcat ("/v1/uploads/", id, NULL);
  rtk_server_call_add_header (call, "Location", location);
  add_expiry (call, g_get_real_time () + store->config->upload_seconds * G_USEC_PER_SEC);
  call->status = 201;
  return TRUE;
}

/* When an upload is given up: some time after its last part, which only its file tells. */
static gint64
find_expiry (const RtkServerConfig *config, const char *path, gint64 written)
{
  GStatBuf st;
  gint64   touched = g_stat (path, &st) == 0 ? (gint64)st.st_mtime * G_USEC_PER_SEC : 0;

  return MAX (written, touched + config->upload_seconds * G_USEC_PER_SEC);
}

/* The caller's own upload; answers 404 for anybody else's, 410 when it was given up. */
static gboolean
find_upload (RtkServerStore *store, RtkServerCall *call, Upload *upload, GError **error)
{
  g_autofree char *owner = dup_owner (call);
  gint64           done = 0;
  RtkServerRows   *row = rtk_server_db_query (
        store->db, error,
        "SELECT id, sha256, media_type, length, done, coalesce (expires_at, created_at)"
          " FROM uploads WHERE id = ? AND owner = ?",
        "ss", call->params[0], owner);

  if (row == NULL)
    return FALSE;
  if (rtk_server_db_next (store->db, row, error)) {
    upload->id = g_strdup (rtk_server_db_text (row, 0));
    upload->sha256 = g_strdup (rtk_server_db_text (row, 1));
    upload->media_type = g_strdup (rtk_server_db_text (row, 2));
    upload->length = rtk_server_db_int (row, 3);
    done = rtk_server_db_int (row, 4);
    upload->path = g_build_filename (store->config->data, "uploads", upload->id, NULL);
    upload->expires = find_expiry (store->config, upload->path, rtk_server_db_int (row, 5));
    /* A part that is whole was not taken over when the server was killed in between: its last byte
       is asked for again, and with it the photo is finished. */
    upload->offset = done == IS_DONE
                         ? upload->length
                         : CLAMP (rtk_server_file_get_size (upload->path), 0, upload->length - 1);
  }
  rtk_server_db_end (row);
  if (upload->id == NULL && (error == NULL || *error == NULL))
    rtk_server_call_not_found (call);
  if (upload->id == NULL)
    return FALSE;
  if (done == IS_EXPIRED || (done != IS_DONE && upload->expires <= g_get_real_time ())) {
    rtk_server_call_fail (call, 410, "upload-expired",
                          "The upload was left for too long: begin it again.");
    return FALSE;
  }
  return TRUE;
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
  if (upload.offset < upload.length)
    add_expiry (call, upload.expires);
  rtk_server_call_add_header (call, "Cache-Control", "no-store");
  call->status = 200;
  return TRUE;
}

/* Upload-Checksum of the tus extension: an algorithm and a digest in base64 of this part. */
static gboolean
check_part (RtkServerCall *call)
{
  const char *header = rtk_server_call_get_header (call, "upload-checksum");
  gboolean    is_sha1 = header != NULL && g_str_has_prefix (header, "sha1 ");
  gboolean    is_sha256 = header != NULL && g_str_has_prefix (header, "sha256 ");
  const char *text = header != NULL ? strchr (header, ' ') : NULL;
  g_autoptr (GChecksum) checksum = NULL;
  guint8 wanted[crypto_hash_sha256_BYTES];
  guint8 found[crypto_hash_sha256_BYTES];
  gsize  found_size = sizeof found;
  gsize  size = 0;

  if (header == NULL)
    return TRUE;
  if ((!is_sha1 && !is_sha256) ||
      sodium_base642bin (wanted, sizeof wanted, text + 1, strlen (text + 1), NULL, &size, NULL,
                         sodium_base64_VARIANT_ORIGINAL) != 0 ||
      size != (is_sha1 ? 20 : 32)) {
    rtk_server_call_fail (call, 400, "bad-checksum", "Upload-Checksum is no SHA-1 or SHA-256.");
    return FALSE;
  }
  checksum = g_checksum_new (is_sha1 ? G_CHECKSUM_SHA1 : G_CHECKSUM_SHA256);
  g_checksum_update (checksum, g_bytes_get_data (call->body, NULL),
                     (gssize)g_bytes_get_size (call->body));
  g_checksum_get_digest (checksum, found, &found_size);
  if (sodium_memcmp (wanted, found, size) == 0)
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

/* Gives the photo its durable name, and tells of it, in a transaction. */
static gboolean
keep_photo (RtkServerStore *store, RtkServerCall *call, Upload *upload, GError **error)
{
  g_autofree char *path = rtk_server_photo_dup_path (store->config, upload->sha256);
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *parent = g_path_get_dirname (folder);
  g_autofree char *owner = dup_owner (call);

  if (!rtk_server_db_run (store->db, error, "UPDATE uploads SET done = 1 WHERE id = ?", "s",
                          upload->id))
    return FALSE;
  /* It was given up while its last part came. */
  if (rtk_server_db_get_changes (store->db) == 0)
    return rtk_server_call_not_found (call);
  if (!rtk_server_file_make_folder (folder, error) || !name_photo (upload, path, error))
    return FALSE;
  return rtk_server_file_sync_folder (folder, error) &&
         rtk_server_file_sync_folder (parent, error) &&
         rtk_server_db_run (store->db, error,
                            "INSERT INTO photos (sha256, size, media_type, created_at, named)"
                            " VALUES (?, ?, ?, ?, 0) ON CONFLICT (sha256)"
                            " DO UPDATE SET missing = 0",
                            "sisi", upload->sha256, upload->length, upload->media_type,
                            g_get_real_time ()) &&
         rtk_server_db_run (store->db, error,
                            "INSERT INTO photo_owners (sha256, owner) VALUES (?, ?)"
                            " ON CONFLICT DO NOTHING",
                            "ss", upload->sha256, owner);
}

/* The whole photo is here: verify it, before anybody waits for the database. */
static gboolean
finish_upload (RtkServerStore *store, RtkServerCall *call, Upload *upload, GError **error)
{
  char hash[65];

  if (!rtk_server_file_hash (upload->path, hash, error))
    return FALSE;
  if (strcmp (hash, upload->sha256) != 0 || !is_of_type (upload->path, upload->media_type)) {
    (void)g_unlink (upload->path);
    return rtk_server_call_fail (call, STATUS_CHECKSUM_MISMATCH, "checksum-mismatch",
                                 "The photo is not what was announced: send it again.");
  }
  if (!rtk_server_db_begin (store->db, TRUE, error) || !keep_photo (store, call, upload, error)) {
    rtk_server_db_rollback (store->db);
    return FALSE;
  }
  if (call->status != 0) {
    rtk_server_db_rollback (store->db);
    return TRUE;
  }
  if (!rtk_server_db_commit (store->db, error))
    return FALSE;
  call->leftover = g_strdup (upload->path);
  return TRUE;
}

/* Under the lock of the file: another process may have finished or given up the upload since its
 * row was read, and what was opened is then a file that nobody waits for. */
static gboolean
check_open (RtkServerStore *store, RtkServerCall *call, const Upload *upload)
{
  gint64 done = rtk_server_db_get_int (store->db, IS_UNKNOWN,
                                       "SELECT coalesce (max (done), -2) FROM uploads WHERE id = ?",
                                       "s", upload->id);

  if (done != IS_DONE && done != IS_GONE)
    return done != IS_UNKNOWN;
  (void)g_unlink (upload->path);
  return done == IS_GONE
             ? rtk_server_call_not_found (call)
             : rtk_server_call_fail (call, 409, "wrong-offset", "The upload stands elsewhere.");
}

/* Adds the part, under the lock of its file: of two that come at once one is added. */
static gboolean
add_part (RtkServerStore *store, RtkServerCall *call, Upload *upload, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  gsize       size;
  const void *data = g_bytes_get_data (call->body, &size);
  int         fd = rtk_server_file_open_part (upload->path, upload->offset, &local_error);
  gboolean    ok;

  if (fd < 0) {
    if (g_error_matches (local_error, RTK_ERROR, RTK_ERROR_CONFLICT))
      return rtk_server_call_fail (call, 409, "wrong-offset", "The upload stands elsewhere.");
    if (g_error_matches (local_error, RTK_ERROR, RTK_ERROR_IN_USE))
      return rtk_server_call_fail (call, 423, "upload-locked", "Another part is being added.");
    g_propagate_error (error, g_steal_pointer (&local_error));
    return FALSE;
  }
  ok = check_open (store, call, upload);
  if (!ok || call->status != 0) {
    close (fd);
    return ok;
  }
  ok = rtk_server_file_add (fd, upload->offset, data, size, error);
  upload->offset += ok ? (gint64)size : 0;
  if (ok && upload->offset == upload->length)
    ok = finish_upload (store, call, upload, error);
  close (fd);
  return ok;
}

/* PATCH /v1/uploads/{id}: opens a transaction only for a photo that is whole. */
RTK_SERVER_HANDLER (upload_patch)
{
  g_auto (Upload) upload = {0};
  const char *offset_text = rtk_server_call_get_header (call, "upload-offset");
  const char *type = rtk_server_call_get_header (call, "content-type");
  gsize       size = g_bytes_get_size (call->body);
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
  if (size > 0 && !add_part (store, call, &upload, error))
    return FALSE;
  if (call->status != 0)
    return TRUE;
  add_number_header (call, "Upload-Offset", upload.offset);
  if (upload.offset < upload.length)
    add_expiry (call, find_expiry (store->config, upload.path, upload.expires));
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

static gboolean
expire_upload (RtkServerStore *self, const char *id, gint64 written, gint64 now, GError **error)
{
  g_autofree char *path = g_build_filename (self->config->data, "uploads", id, NULL);
  gint64           expires = find_expiry (self->config, path, written);

  if (expires > now)
    return rtk_server_db_run (self->db, error,
                              "UPDATE uploads SET expires_at = ? WHERE id = ? AND done = 0", "is",
                              expires, id);
  (void)g_unlink (path);
  return rtk_server_db_run (self->db, error,
                            "UPDATE uploads SET done = -1, expires_at = ? WHERE id = ?"
                            " AND done = 0",
                            "is", now, id);
}

/**
 * rtk_server_jobs_uploads:
 * @self: a store, outside a transaction
 * @now: the time to judge by, microseconds since 1970
 * @out_done: (out): uploads that were looked at
 * @error: return location
 *
 * Gives up uploads to which nothing was added for too long, and forgets those that were given up
 * long ago.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_jobs_uploads (RtkServerStore *self, gint64 now, guint *out_done, GError **error)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GArray) written = g_array_new (FALSE, FALSE, sizeof (gint64));
  gint64         life = self->config->upload_seconds * G_USEC_PER_SEC;
  gboolean       ok;
  RtkServerRows *row;

  if (!rtk_server_db_begin (self->db, TRUE, error))
    return FALSE;
  row =
      rtk_server_db_query (self->db, error,
                           "SELECT id, coalesce (expires_at, created_at + ?) FROM uploads"
                           " WHERE done = 0 AND (expires_at IS NULL OR expires_at <= ?) LIMIT 500",
                           "ii", life, now);
  ok = row != NULL;
  while (rtk_server_db_next (self->db, row, NULL)) {
    gint64 time = rtk_server_db_int (row, 1);

    g_ptr_array_add (ids, g_strdup (rtk_server_db_text (row, 0)));
    g_array_append_val (written, time);
  }
  rtk_server_db_end (row);
  for (guint i = 0; ok && i < ids->len; i++)
    ok = expire_upload (self, g_ptr_array_index (ids, i), g_array_index (written, gint64, i), now,
                        error);
  ok = ok && rtk_server_db_run (self->db, error,
                                "DELETE FROM uploads WHERE done = -1 AND expires_at <= ?", "i",
                                now - 7 * life);
  if (!ok) {
    rtk_server_db_rollback (self->db);
    return FALSE;
  }
  *out_done = ids->len;
  return rtk_server_db_commit (self->db, error);
}
