/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "server/rtk-server-simulate.h"

#include <string.h>

static void
picture_free (gpointer data)
{
  RtkServerPicture *picture = data;

  g_clear_pointer (&picture->original, g_bytes_unref);
  g_clear_pointer (&picture->delivered, g_bytes_unref);
  g_clear_pointer (&picture->report, g_bytes_unref);
  g_free (picture->original_type);
  g_free (picture);
}

static GBytes *
load (const char *path, char out_sha256[65])
{
  char *data = NULL;
  gsize size;

  if (!g_file_get_contents (path, &data, &size, NULL) || size == 0) {
    g_free (data);
    return NULL;
  }
  rtk_sha256_hex ((const guint8 *)data, size, out_sha256);
  return g_bytes_new_take (data, size);
}

/* The first of "FOLDER/NAME" + ending that is there. */
static GBytes *
load_beside (const char *folder, const char *name, const char *const *endings, char out_sha256[65])
{
  for (guint i = 0; endings[i] != NULL; i++) {
    g_autofree char *file = g_strconcat (name, endings[i], NULL);
    g_autofree char *path = g_build_filename (folder, file, NULL);
    GBytes          *bytes = load (path, out_sha256);

    if (bytes != NULL)
      return bytes;
  }
  return NULL;
}

/* The same in the folder "finished", where a batch of `photo make -o` leaves NAME.jpg. */
static GBytes *
load_finished (const char        *folder,
               const char        *name,
               const char *const *endings,
               const char        *batch_ending,
               char               out_sha256[65])
{
  GBytes *bytes = load_beside (folder, name, endings, out_sha256);

  if (bytes == NULL) {
    g_autofree char *below = g_build_filename (folder, "finished", NULL);
    const char      *only[] = {batch_ending, NULL};

    bytes = load_beside (below, name, only, out_sha256);
  }
  return bytes;
}

/* An original is a picture with its finished file and its report beside or below it. */
static RtkServerPicture *
load_picture (const char *folder, const char *file)
{
  static const char *const finished[] = {".finished.jpg", "-finished.jpg", ".out.jpg", NULL};
  static const char *const reports[] = {".report.json", "-report.json", ".json", NULL};
  const char              *dot = strrchr (file, '.');
  g_autofree char         *name = dot != NULL ? g_strndup (file, (gsize)(dot - file)) : NULL;
  g_autofree char         *path = g_build_filename (folder, file, NULL);
  RtkServerPicture        *picture;
  gboolean                 is_png;

  if (dot == NULL)
    return NULL;
  is_png = g_ascii_strcasecmp (dot, ".png") == 0;
  if (!is_png && g_ascii_strcasecmp (dot, ".jpg") != 0 && g_ascii_strcasecmp (dot, ".jpeg") != 0)
    return NULL;
  picture = g_new0 (RtkServerPicture, 1);
  picture->original = load (path, picture->original_sha256);
  picture->delivered = load_finished (folder, name, finished, ".jpg", picture->delivered_sha256);
  picture->report = load_finished (folder, name, reports, ".report.json", picture->report_sha256);
  picture->original_type = g_strdup (is_png ? "image/png" : "image/jpeg");
  if (picture->original == NULL || picture->delivered == NULL || picture->report == NULL) {
    picture_free (picture);
    return NULL;
  }
  return picture;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

/**
 * rtk_server_pictures_load:
 * @folder: holds NAME.jpg or NAME.png; beside it NAME.finished.jpg and NAME.report.json, or below
 *   it finished/NAME.jpg and finished/NAME.report.json
 * @error: return location; %RTK_ERROR_NOT_FOUND
 *
 * Loads the pictures of a simulation, in the order of their names.
 *
 * Returns: (transfer full) (element-type RtkServerPicture): at least one
 */
GPtrArray *
rtk_server_pictures_load (const char *folder, GError **error)
{
  g_autoptr (GPtrArray) pictures = g_ptr_array_new_with_free_func (picture_free);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *file;

  while (dir != NULL && (file = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_strdup (file));
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++) {
    RtkServerPicture *picture = load_picture (folder, g_ptr_array_index (names, i));

    if (picture != NULL)
      g_ptr_array_add (pictures, picture);
  }
  if (pictures->len == 0) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND,
                 "%s holds no NAME.jpg or NAME.png with NAME.finished.jpg and NAME.report.json"
                 " beside it: make them with “retakectl photo make”",
                 folder);
    return NULL;
  }
  return g_steal_pointer (&pictures);
}
