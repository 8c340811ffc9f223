/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-ctl"
#include "config.h"

#include "ctl/rtk-ctl-batch.h"

#include "core/rtk-error.h"
#include "ctl/rtk-ctl-progress.h"
#include "vision/rtk-models.h"
#include "vision/rtk-parallel.h"
#include "vision/rtk-picture-header.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#define MAX_THREADS 64
/* Blocks below this stay with the program from one picture to the next. */
#define KEPT_BLOCK (32 * 1024 * 1024)
#define KEPT_MEMORY (256 * 1024 * 1024)

/* The threads and what they share. */
typedef struct {
  const RtkCtlBatch *batch;       /* (unowned): read-only */
  GCancellable      *cancellable; /* (owned): a person, or a fault that concerns all, ends it */
  GMutex             mutex;
  GCond              room;         /* pixels were given back */
  gint64             n_pixels;     /* (lock mutex): of the pictures that are being worked at */
  guint              next;         /* (lock mutex): the first job that nobody has taken */
  guint              n_done;       /* (lock mutex) */
  guint              n_threads;    /* (lock mutex): that still run */
  GError            *fatal;        /* (owned) (nullable) (lock mutex): nothing can be done at all */
  gboolean           was_stopped;  /* main thread: by a signal */
  guint              n_shown;      /* main thread */
  int                counts[3];    /* main thread: by exit code */
  gboolean           json_is_open; /* main thread: its first element is out */
  RtkCtlProgress     progress;     /* main thread */
} Crew;

static void
job_free (RtkCtlJob *job)
{
  g_free (job->path);
  g_clear_error (&job->error);
  g_clear_pointer (&job->json, json_node_unref);
  g_free (job->text);
  g_free (job);
}

static RtkCtlJob *
add_job (GPtrArray *jobs, char *path)
{
  RtkCtlJob *job = g_new0 (RtkCtlJob, 1);

  job->path = path;
  job->number = jobs->len;
  job->code = RTK_EXIT_ERROR;
  g_ptr_array_add (jobs, job);
  return job;
}

/**
 * rtk_ctl_file_identity:
 * @path: a file or folder
 *
 * Names a file whatever it is called: through links, and from wherever one looks.
 *
 * Returns: (transfer full) (nullable): the same text for the same file, %NULL when there is none
 */
char *
rtk_ctl_file_identity (const char *path)
{
  GStatBuf status;

  if (g_stat (path, &status) != 0)
    return NULL;
  return g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, (guint64)status.st_dev,
                          (guint64)status.st_ino);
}

static gboolean
is_picture_name (const char *name)
{
  static const char *const endings[] = {".jpg", ".jpeg", ".jpe", ".jfif", ".png"};
  gsize                    length = strlen (name);

  for (gsize i = 0; i < G_N_ELEMENTS (endings); i++) {
    gsize n = strlen (endings[i]);

    if (length > n && g_ascii_strcasecmp (name + length - n, endings[i]) == 0)
      return TRUE;
  }
  return FALSE;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

/* A pipe in a folder is no picture, and opening it may wait for ever. A link that leads nowhere is
 * one that cannot be read. */
static gboolean
is_picture (const char *path)
{
  return is_picture_name (path) &&
         (g_file_test (path, G_FILE_TEST_IS_REGULAR) || !g_file_test (path, G_FILE_TEST_EXISTS));
}

/* A link to a folder may lead back to where it lies; what was made is not made again. */
static gboolean
is_to_be_entered (const char *path, const char *except)
{
  g_autofree char *identity = rtk_ctl_file_identity (path);

  return !g_file_test (path, G_FILE_TEST_IS_SYMLINK) && g_strcmp0 (identity, except) != 0;
}

/* The pictures of a folder in the order of their names' bytes, the same in every language. Hidden
 * files are left out: they are what other programs put aside. */
static void
add_folder (GPtrArray *jobs, const char *folder, gboolean recursive, const char *except)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = g_dir_open (folder, 0, &error);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  if (dir == NULL) {
    add_job (jobs, g_strdup (folder))->error = g_steal_pointer (&error);
    return;
  }
  while ((name = g_dir_read_name (dir)) != NULL)
    if (name[0] != '.')
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *path = g_build_filename (folder, g_ptr_array_index (names, i), NULL);

    if (g_file_test (path, G_FILE_TEST_IS_DIR)) {
      if (recursive && is_to_be_entered (path, except))
        add_folder (jobs, path, TRUE, except);
    } else if (is_picture (path)) {
      add_job (jobs, g_steal_pointer (&path));
    }
  }
}

/**
 * rtk_ctl_list_pictures:
 * @paths: files and folders, ended by %NULL
 * @recursive: whether folders in folders are looked into
 * @output: (nullable): a folder that results go to: what lies there is not found below another one
 *
 * Lists the pictures to work at: files as they are named, of a folder what is called like a JPEG or
 * PNG file. A folder without one gives a job that has failed already and says so.
 *
 * Returns: (transfer full) (element-type RtkCtlJob): the jobs, in the order of @paths
 */
GPtrArray *
rtk_ctl_list_pictures (char **paths, gboolean recursive, const char *output)
{
  GPtrArray       *jobs = g_ptr_array_new_with_free_func ((GDestroyNotify)job_free);
  g_autofree char *except = output != NULL ? rtk_ctl_file_identity (output) : NULL;

  for (; *paths != NULL; paths++) {
    guint n_before = jobs->len;

    if (!g_file_test (*paths, G_FILE_TEST_IS_DIR)) {
      add_job (jobs, g_strdup (*paths));
      continue;
    }
    add_folder (jobs, *paths, recursive, except);
    if (jobs->len == n_before)
      g_set_error_literal (&add_job (jobs, g_strdup (*paths))->error, RTK_ERROR,
                           RTK_ERROR_BAD_PICTURE,
                           recursive ? "no .jpg or .png file is in this folder or below it"
                                     : "no .jpg or .png file is in this folder: --recursive looks "
                                       "into the folders in it, too");
  }
  return jobs;
}

static gboolean
stop_cb (gpointer user_data)
{
  Crew *crew = user_data;

  crew->was_stopped = TRUE;
  /* The second time a signal does what it does to other programs. */
  signal (SIGINT, SIG_DFL);
  signal (SIGTERM, SIG_DFL);
  g_cancellable_cancel (crew->cancellable);
  return G_SOURCE_CONTINUE;
}

/* Memory goes with pixels: all pictures that are being worked at have, together, at most as many as
 * the largest single one that is taken. FALSE: there is no need to go on. */
static gboolean
take_room (Crew *crew, gint64 n_pixels)
{
  gboolean ok;

  g_mutex_lock (&crew->mutex);
  while (crew->n_pixels > 0 && crew->n_pixels + n_pixels > RTK_PICTURE_MAX_PIXELS &&
         !g_cancellable_is_cancelled (crew->cancellable))
    g_cond_wait (&crew->room, &crew->mutex);
  ok = !g_cancellable_is_cancelled (crew->cancellable);
  if (ok)
    crew->n_pixels += n_pixels;
  g_mutex_unlock (&crew->mutex);
  return ok;
}

static void
give_room (Crew *crew, gint64 n_pixels)
{
  g_mutex_lock (&crew->mutex);
  crew->n_pixels -= n_pixels;
  g_cond_broadcast (&crew->room);
  g_mutex_unlock (&crew->mutex);
}

static void
do_job (Crew *crew, RtkCtlJob *job, RtkNetworks *networks)
{
  g_auto (RtkPictureHeader) header = {0};
  g_autoptr (GBytes) bytes = NULL;
  gint64 n_pixels;

  if (job->error != NULL || !rtk_ctl_read_file (job->path, &bytes, &job->error) ||
      !rtk_picture_header_read (bytes, &header, &job->error))
    return;
  n_pixels = (gint64)header.width * header.height;
  if (!take_room (crew, n_pixels)) {
    g_cancellable_set_error_if_cancelled (crew->cancellable, &job->error);
    return;
  }
  crew->batch->work (job, bytes, networks, crew->cancellable, crew->batch->user_data);
  give_room (crew, n_pixels);
}

static RtkCtlJob *
take_job (Crew *crew)
{
  GPtrArray *jobs = crew->batch->jobs;
  RtkCtlJob *job = NULL;

  g_mutex_lock (&crew->mutex);
  if (crew->next < jobs->len && !g_cancellable_is_cancelled (crew->cancellable))
    job = g_ptr_array_index (jobs, crew->next++);
  g_mutex_unlock (&crew->mutex);
  return job;
}

/* Without networks no file can be done: said once, not once a file. */
static void
give_up (Crew *crew, GError *error)
{
  g_mutex_lock (&crew->mutex);
  if (crew->fatal == NULL)
    crew->fatal = error;
  else
    g_error_free (error);
  g_mutex_unlock (&crew->mutex);
  g_cancellable_cancel (crew->cancellable);
}

/* One thread: its own networks, one file after the other. While there is one for each core, a photo
 * is made on one thread; when the last files are under way, on all that are left. */
static gpointer
crew_main (gpointer data)
{
  Crew   *crew = data;
  GError *error = NULL;
  g_autoptr (RtkNetworks) networks = rtk_networks_new (rtk_models_find_dir (), &error);
  RtkCtlJob *job;

  rtk_parallel_begin_work ();
  if (networks == NULL)
    give_up (crew, error);
  while ((job = take_job (crew)) != NULL) {
    do_job (crew, job, networks);
    g_mutex_lock (&crew->mutex);
    job->is_done = TRUE;
    crew->n_done++;
    g_mutex_unlock (&crew->mutex);
    g_main_context_wakeup (NULL);
  }
  rtk_parallel_end_work ();
  g_mutex_lock (&crew->mutex);
  crew->n_threads--;
  g_mutex_unlock (&crew->mutex);
  g_main_context_wakeup (NULL);
  return NULL;
}

/* The document is written element by element: that of a folder of thousands need not fit into
 * memory. */
static void
print_element (Crew *crew, const RtkCtlJob *job)
{
  g_autoptr (JsonNode) node = job->json != NULL ? json_node_ref (job->json) : NULL;
  g_autofree char *text = NULL;

  if (crew->batch->json_is_single) {
    if (node != NULL)
      rtk_ctl_print_json (node);
    return;
  }
  if (node == NULL) {
    node = json_node_new (JSON_NODE_OBJECT);
    json_node_take_object (node, json_object_new ());
    json_object_set_string_member (json_node_get_object (node), "error", job->error->message);
    json_object_set_string_member (json_node_get_object (node), "advice",
                                   _ (rtk_error_sentence (job->error)));
  }
  json_object_set_string_member (json_node_get_object (node), "file", job->path);
  text = json_to_string (node, TRUE);
  printf ("%s%s", crew->json_is_open ? ",\n" : "[\n", text);
  crew->json_is_open = TRUE;
}

static void
show_job (Crew *crew, RtkCtlJob *job)
{
  const RtkCtlBatch *batch = crew->batch;

  /* What was under way when the end came was not done, and is not spoken of. */
  if (g_error_matches (job->error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  crew->counts[job->code]++;
  if (job->error != NULL || (job->text != NULL && !batch->json))
    rtk_ctl_progress_wipe (&crew->progress);
  if (job->error != NULL)
    rtk_ctl_complain (job->path, job->error);
  else if (job->text != NULL && !batch->json)
    fputs (job->text, batch->text_is_output ? stdout : stderr);
  if (batch->json)
    print_element (crew, job);
  g_clear_pointer (&job->json, json_node_unref);
  g_clear_pointer (&job->text, g_free);
}

/* Shows what is done, in the order of the list, and tells whether all threads have ended. */
static gboolean
show_done (Crew *crew)
{
  GPtrArray *jobs = crew->batch->jobs;
  guint      n_done;
  gboolean   has_ended;

  g_mutex_lock (&crew->mutex);
  n_done = crew->n_done;
  has_ended = crew->n_threads == 0;
  while (crew->n_shown < jobs->len) {
    RtkCtlJob *job = g_ptr_array_index (jobs, crew->n_shown);

    /* What was under way when the end came may lie before some that are done. */
    if (!job->is_done && !has_ended)
      break;
    crew->n_shown++;
    if (!job->is_done)
      continue;
    g_mutex_unlock (&crew->mutex);
    show_job (crew, job);
    g_mutex_lock (&crew->mutex);
  }
  g_mutex_unlock (&crew->mutex);
  rtk_ctl_progress_set (&crew->progress, n_done);
  return has_ended;
}

static int
sum_up (Crew *crew)
{
  const RtkCtlBatch *batch = crew->batch;
  const int         *counts = crew->counts;
  int                n_left = (int)batch->jobs->len - counts[0] - counts[1] - counts[2];

  rtk_ctl_progress_wipe (&crew->progress);
  if (batch->json && !batch->json_is_single && (crew->json_is_open || crew->fatal == NULL))
    puts (crew->json_is_open ? "\n]" : "[]");
  fflush (stdout);
  if (crew->fatal != NULL)
    return rtk_ctl_complain (NULL, crew->fatal);
  if (batch->jobs->len > 1 && batch->sum_up != NULL)
    batch->sum_up (counts[RTK_EXIT_OK], counts[RTK_EXIT_NO], counts[RTK_EXIT_ERROR]);
  if (crew->was_stopped)
    rtk_ctl_say (_ ("retakectl: stopped: %d not done, and no file is half written."), n_left);
  if (counts[RTK_EXIT_ERROR] > 0 || n_left > 0)
    return RTK_EXIT_ERROR;
  return counts[RTK_EXIT_NO] > 0 ? RTK_EXIT_NO : RTK_EXIT_OK;
}

/* Each picture takes and gives back the same few megabytes again and again. By default every one of
 * them is asked of the kernel anew, which clears its pages under a lock that all threads share:
 * with two threads that was a tenth of all time. */
static void
keep_memory (void)
{
#ifdef __GLIBC__
  mallopt (M_MMAP_THRESHOLD, KEPT_BLOCK);
  mallopt (M_TRIM_THRESHOLD, KEPT_MEMORY);
  mallopt (M_TOP_PAD, KEPT_BLOCK / 2);
#endif
}

/**
 * rtk_ctl_batch_run:
 * @batch: what to do; its jobs are done afterwards and cannot be run again
 *
 * Does all files, on as many threads as @batch asks for, and shows each in the order of the list:
 * what is printed and written does not depend on the number of threads.
 *
 * A file that cannot be done never stops the others. Memory is bounded: a set of networks a thread,
 * and pictures of together as many pixels as the largest single one may have. An interrupt or a
 * termination signal lets no further file begin, gives up those under way between two stages, and
 * still says what was done; a second one ends the program at once. Main thread only.
 *
 * Returns: the exit code: the worst of all files
 */
int
rtk_ctl_batch_run (const RtkCtlBatch *batch)
{
  guint     wanted = batch->n_jobs > 0 ? (guint)batch->n_jobs : rtk_parallel_count_cores ();
  guint     n_threads = CLAMP (wanted, 1, MIN (MAX_THREADS, batch->jobs->len));
  GThread **threads = g_new0 (GThread *, n_threads);
  Crew      crew = {.batch = batch, .cancellable = g_cancellable_new (), .n_threads = n_threads};
  guint     signals[] = {g_unix_signal_add (SIGINT, stop_cb, &crew),
                         g_unix_signal_add (SIGTERM, stop_cb, &crew)};
  int       code;

  keep_memory ();
  g_mutex_init (&crew.mutex);
  g_cond_init (&crew.room);
  rtk_ctl_progress_init (&crew.progress, batch->jobs->len);
  rtk_ctl_progress_set (&crew.progress, 0);
  for (guint i = 0; i < n_threads; i++)
    threads[i] = g_thread_new ("batch", crew_main, &crew);
  while (!show_done (&crew))
    g_main_context_iteration (NULL, TRUE);
  for (guint i = 0; i < n_threads; i++)
    g_thread_join (threads[i]);
  code = sum_up (&crew);
  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
    g_source_remove (signals[i]);
  g_clear_error (&crew.fatal);
  g_cond_clear (&crew.room);
  g_mutex_clear (&crew.mutex);
  g_object_unref (crew.cancellable);
  g_free (threads);
  return code;
}
