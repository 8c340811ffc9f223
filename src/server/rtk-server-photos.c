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
  return sha256 != NULL &&
         rtk_server_db_get_int (
             self->db, 0, "SELECT EXISTS (SELECT 1 FROM photos WHERE sha256 = ? AND missing = 0)",
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
  g_autofree char *path = rtk_server_photo_dup_path (self->config, sha256);
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, NULL);

  return file != NULL && g_mapped_file_get_length (file) <= (gsize)most
             ? g_mapped_file_get_bytes (file)
             : NULL;
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

/* GET and HEAD /v1/photos/{sha256}; parts of it (Range) are cut out by libsoup. */
RTK_SERVER_HANDLER (photo_get)
{
  g_autofree char *path = rtk_server_photo_dup_path (store->config, call->params[0]);
  g_autofree char *tag = g_strdup_printf ("\"%s\"", call->params[0]);
  g_autofree char *type = rtk_server_db_dup_text (
      store->db, "SELECT media_type FROM photos WHERE sha256 = ? AND missing = 0", "s",
      call->params[0]);
  g_autoptr (GMappedFile) file = NULL;

  if (type == NULL)
    return rtk_server_call_not_found (call);
  if (rtk_server_call_is_unchanged (call, tag))
    return TRUE;
  file = g_mapped_file_new (path, FALSE, NULL);
  if (file == NULL) {
    /* Its name is the photo's: not for the log. */
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_DAMAGED, "A photo's file is missing");
    return FALSE;
  }
  call->bytes = g_mapped_file_get_bytes (file);
  call->media_type = g_intern_string (type);
  rtk_server_call_add_header (call, "X-Content-Type-Options", "nosniff");
  call->status = 200;
  return TRUE;
}
