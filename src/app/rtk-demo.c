/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-app"
#include "config.h"

#include "app/rtk-demo.h"

#include "core/rtk-error.h"

#include <string.h>

/* What a photo of the simulated campus is made of, and where its parts go. */
typedef struct {
  RtkAnalyser *analyser; /* (owned) */
  RtkRulePack *pack;     /* (owned) */
  char        *folder;   /* (owned) */
  GPtrArray   *names;    /* (owned): files still to be written */
  GPtrArray   *contents; /* (owned): of GBytes, beside @names */
} Photos;

static void
photos_free (Photos *photos)
{
  g_object_unref (photos->analyser);
  rtk_rule_pack_unref (photos->pack);
  g_free (photos->folder);
  g_ptr_array_unref (photos->names);
  g_ptr_array_unref (photos->contents);
  g_free (photos);
}

static void write_next (GTask *task);

static void
written_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = G_TASK (user_data);
  g_autoptr (GError) error = NULL;

  if (!g_file_replace_contents_finish (G_FILE (object), result, NULL, &error))
    g_task_return_error (task, g_steal_pointer (&error));
  else
    write_next (g_steal_pointer (&task));
}

static void
write_next (GTask *task)
{
  Photos          *photos = g_task_get_task_data (task);
  g_autofree char *name = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GFile) file = NULL;

  if (photos->names->len == 0) {
    g_task_return_boolean (task, TRUE);
    g_object_unref (task);
    return;
  }
  name = g_ptr_array_steal_index (photos->names, photos->names->len - 1);
  bytes = g_ptr_array_steal_index (photos->contents, photos->contents->len - 1);
  file = g_file_new_build_filename (photos->folder, name, NULL);
  g_file_replace_contents_bytes_async (file, bytes, NULL, FALSE, G_FILE_CREATE_PRIVATE, NULL,
                                       written_cb, task);
}

static void
add_file (Photos *photos, const char *name, GBytes *bytes)
{
  g_ptr_array_add (photos->names, g_strdup (name));
  g_ptr_array_add (photos->contents, g_bytes_ref (bytes));
}

static void
made_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = G_TASK (user_data);
  Photos *photos = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkPhoto) photo = rtk_analyser_make_finish (RTK_ANALYSER (object), result, &error);
  g_autoptr (JsonNode) report = NULL;
  g_autoptr (GBytes) report_bytes = NULL;
  char    *text;
  gboolean jpeg;

  if (photo == NULL) {
    g_task_return_error (task, g_steal_pointer (&error));
    return;
  }
  report = rtk_report_to_json (photo->report);
  text = json_to_string (report, TRUE);
  report_bytes = g_bytes_new_take (text, strlen (text));
  jpeg = g_str_equal (photo->original.media_type, "image/jpeg");
  add_file (photos, jpeg ? "graduate.jpg" : "graduate.png", photo->original.bytes);
  add_file (photos, "graduate.finished.jpg", photo->delivered.bytes);
  add_file (photos, "graduate.report.json", report_bytes);
  write_next (g_steal_pointer (&task));
}

static void
picture_read_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = G_TASK (user_data);
  Photos *photos = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_file_load_bytes_finish (G_FILE (object), result, NULL, &error);
  g_autoptr (RtkStill) still = NULL;
  const guint8        *data;
  gsize                size;
  guint                n_backgrounds;
  const RtkBackground *backgrounds = rtk_rule_pack_get_backgrounds (photos->pack, &n_backgrounds);

  if (bytes == NULL) {
    g_task_return_error (task, g_steal_pointer (&error));
    return;
  }
  data = g_bytes_get_data (bytes, &size);
  still = rtk_still_new (bytes, size > 1 && data[0] == 0xff ? "image/jpeg" : "image/png", NULL,
                         g_get_real_time ());
  rtk_analyser_make_async (photos->analyser, still, photos->pack, &backgrounds[0],
                           g_task_get_cancellable (task), made_cb, g_object_ref (task));
}

/**
 * rtk_demo_make_photos_async:
 * @analyser: makes the finished photo
 * @pack: the rules
 * @picture: a picture of a person
 * @folder: where original, finished photo and report go; is made
 * @cancellable: (nullable): ends the work
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Makes the photos of the simulated campus from one picture, the same way as every other.
 */
void
rtk_demo_make_photos_async (RtkAnalyser        *analyser,
                            RtkRulePack        *pack,
                            const char         *picture,
                            const char         *folder,
                            GCancellable       *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  g_autoptr (GFile) file = g_file_new_for_path (picture);
  Photos *photos = g_new0 (Photos, 1);

  g_task_set_source_tag (task, rtk_demo_make_photos_async);
  photos->analyser = g_object_ref (analyser);
  photos->pack = rtk_rule_pack_ref (pack);
  photos->folder = g_strdup (folder);
  photos->names = g_ptr_array_new_with_free_func (g_free);
  photos->contents = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
  g_task_set_task_data (task, photos, (GDestroyNotify)photos_free);
  if (g_mkdir_with_parents (folder, 0700) != 0) {
    g_task_return_new_error (task, RTK_ERROR, RTK_ERROR_READ_ONLY, "The folder %s cannot be made",
                             folder);
    return;
  }
  g_file_load_bytes_async (file, cancellable, picture_read_cb, g_object_ref (task));
}

/**
 * rtk_demo_make_photos_finish:
 * @result: what the callback got
 * @error: return location
 *
 * Returns: whether the photos are there
 */
gboolean
rtk_demo_make_photos_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_demo_make_photos_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * rtk_demo_find_picture:
 *
 * Finds the picture that the demonstration shows when no other is given.
 *
 * Returns: (transfer full) (nullable): its path
 */
char *
rtk_demo_find_picture (void)
{
  const char *given = g_getenv ("RETAKE_DEMO_PICTURE");
  const char *places[] = {given, RTK_DEMO_PICTURE};

  for (guint i = 0; i < G_N_ELEMENTS (places); i++) {
    if (places[i] != NULL && g_file_test (places[i], G_FILE_TEST_IS_REGULAR))
      return g_strdup (places[i]);
  }
  return NULL;
}
