/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-call.h"
#include "server/rtk-server-files.h"

#include <gdk-pixbuf/gdk-pixbuf.h>
#include <string.h>

/* Longest side, pixels. */
#define SIDE 256
#define QUALITY "82"
/* A picture of more pixels is not decoded: a PNG of them takes 100 MB. */
#define MAX_PIXELS 25000000
#define CHUNK 65536

/* One picture on its way through the decoder. */
typedef struct {
  gboolean is_refused; /* too large */
  gboolean is_late;    /* there was no time, or no memory: another time there may be */
} Decoding;

static void
size_cb (GdkPixbufLoader *loader, int width, int height, gpointer user_data)
{
  Decoding *decoding = user_data;
  double    scale = (double)SIDE / MAX (MAX (width, height), 1);

  decoding->is_refused = (gint64)width * height > MAX_PIXELS;
  /* A size of nothing ends the decoder before it takes memory for pixels. */
  if (decoding->is_refused)
    gdk_pixbuf_loader_set_size (loader, 0, 0);
  else if (scale < 1)
    gdk_pixbuf_loader_set_size (loader, MAX ((int)(width * scale + 0.5), 1),
                                MAX ((int)(height * scale + 0.5), 1));
}

/* The picture upright and small; NULL when it is none, or one that is made to hurt. Of the many
 * kinds of files that the library knows only the announced one is tried. Some files are made to be
 * slow: after @seconds it is given up, and nothing is known of it. */
static GdkPixbuf *
decode (GBytes *bytes, const char *media_type, gint64 seconds, gboolean *out_late)
{
  g_autoptr (GdkPixbufLoader) loader = gdk_pixbuf_loader_new_with_mime_type (media_type, NULL);
  Decoding      decoding = {FALSE, FALSE};
  gint64        end = g_get_monotonic_time () + seconds * G_USEC_PER_SEC;
  gsize         size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  GdkPixbuf    *pixbuf;
  gboolean      ok = TRUE;
  g_autoptr (GError) error = NULL;

  if (loader == NULL)
    return NULL;
  g_signal_connect (loader, "size-prepared", G_CALLBACK (size_cb), &decoding);
  for (gsize at = 0; ok && at < size; at += CHUNK) {
    ok = gdk_pixbuf_loader_write (loader, data + at, MIN (CHUNK, size - at), &error) &&
         !decoding.is_refused;
    decoding.is_late = ok && at + CHUNK < size && g_get_monotonic_time () >= end;
    ok = ok && !decoding.is_late;
  }
  ok = gdk_pixbuf_loader_close (loader, ok ? &error : NULL) && ok;
  *out_late = !decoding.is_refused &&
              (decoding.is_late ||
               g_error_matches (error, GDK_PIXBUF_ERROR, GDK_PIXBUF_ERROR_INSUFFICIENT_MEMORY));
  pixbuf = ok ? gdk_pixbuf_loader_get_pixbuf (loader) : NULL;
  return pixbuf != NULL ? gdk_pixbuf_apply_embedded_orientation (pixbuf) : NULL;
}

static GBytes *
make_thumbnail (GBytes *bytes, const char *media_type, gint64 seconds, gboolean *out_late)
{
  g_autoptr (GdkPixbuf) pixbuf = decode (bytes, media_type, seconds, out_late);
  g_autoptr (GdkPixbuf) opaque = NULL;
  char *data = NULL;
  gsize size = 0;

  if (pixbuf == NULL)
    return NULL;
  if (gdk_pixbuf_get_has_alpha (pixbuf))
    opaque = gdk_pixbuf_composite_color_simple (pixbuf, gdk_pixbuf_get_width (pixbuf),
                                                gdk_pixbuf_get_height (pixbuf), GDK_INTERP_NEAREST,
                                                255, 8, 0xffffff, 0xffffff);
  if (!gdk_pixbuf_save_to_buffer (opaque != NULL ? opaque : pixbuf, &data, &size, "jpeg", NULL,
                                  "quality", QUALITY, NULL))
    return NULL;
  return g_bytes_new_take (data, size);
}

/* Bytes of a thumbnail that was made before; an empty file says that there can be none. */
static GBytes *
load_thumbnail (const char *path)
{
  char *data;
  gsize size;

  return g_file_get_contents (path, &data, &size, NULL) ? g_bytes_new_take (data, size) : NULL;
}

static GBytes *
find_thumbnail (RtkServerStore *store, const char *sha256, const char *media_type, GError **error)
{
  const char       folder_name[3] = {sha256[0], sha256[1], '\0'};
  g_autofree char *folder = g_build_filename (store->config->data, "thumbnails", folder_name, NULL);
  g_autofree char *path = g_build_filename (folder, sha256, NULL);
  g_autofree char *photo = rtk_server_photo_dup_path (store->config, sha256);
  g_autoptr (GMappedFile) file = NULL;
  g_autoptr (GBytes) original = NULL;
  GBytes  *bytes = load_thumbnail (path);
  gboolean is_late = FALSE;

  if (bytes != NULL)
    return bytes;
  file = g_mapped_file_new (photo, FALSE, error);
  if (file == NULL || !rtk_server_file_make_folder (folder, error))
    return NULL;
  original = g_mapped_file_get_bytes (file);
  bytes = make_thumbnail (original, media_type, store->config->thumbnail_seconds, &is_late);
  if (bytes == NULL)
    bytes = g_bytes_new (NULL, 0);
  /* Nothing is known of the picture: nothing is noted. */
  if (is_late)
    return bytes;
  if (!rtk_server_file_write (path, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes),
                              error))
    g_clear_pointer (&bytes, g_bytes_unref);
  return bytes;
}

/* GET /v1/photos/{sha256}/thumbnail: made once, on a worker of its own, outside a transaction. */
RTK_SERVER_HANDLER (thumbnail_get)
{
  const char      *sha256 = call->params[0];
  g_autofree char *type = rtk_server_db_dup_text (
      store->db, "SELECT media_type FROM photos WHERE sha256 = ? AND missing = 0", "s", sha256);
  g_autofree char *tag = g_strdup_printf ("\"%s-%d\"", sha256, SIDE);
  g_autoptr (GBytes) bytes = NULL;

  if (type == NULL)
    return rtk_server_call_not_found (call);
  if (g_str_has_prefix (type, "image/"))
    bytes = find_thumbnail (store, sha256, type, error);
  else
    bytes = g_bytes_new (NULL, 0);
  if (bytes == NULL)
    return FALSE;
  if (g_bytes_get_size (bytes) == 0)
    return rtk_server_call_fail (call, 422, "no-thumbnail",
                                 "This is no picture that can be shown.");
  if (rtk_server_call_is_unchanged (call, tag))
    return TRUE;
  call->bytes = g_steal_pointer (&bytes);
  call->media_type = "image/jpeg";
  rtk_server_call_add_header (call, "X-Content-Type-Options", "nosniff");
  call->status = 200;
  return TRUE;
}
