/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-app"
#include "config.h"

#include "app/rtk-child-server.h"

#include "core/rtk-error.h"

#include <gio/gunixoutputstream.h>
#include <glib-unix.h>
#include <json-glib/json-glib.h>
#include <libsoup/soup.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#define START_SECONDS 20
#define SECRET_BYTES 32
/* A server that was killed comes back on its old port; one that cannot live is left alone. */
#define RESTART_SECONDS 1
#define LIFE_SECONDS 5

struct _RtkChildServer {
  GObject       parent_instance;
  char         *folder;     /* (owned) */
  char         *ready_file; /* (owned) */
  char         *secret;     /* (owned) (nullable): makes the first supervisor, wiped when used */
  char         *url;        /* (owned) (nullable): NULL until it is ready */
  GSubprocess  *process;    /* (owned) (nullable) */
  int           pipe;       /* our end: the child stops when it closes; -1 = none */
  GFileMonitor *monitor;    /* (owned) (nullable): of the ready file */
  GTask        *starting;   /* (owned) (nullable) */
  guint         timeout;
  char         *address;    /* (owned): where it listens; its own port once it had one */
  gint64        started_at; /* monotonic: a server that ends at once is not started again */
  guint         restart;
};

G_DEFINE_FINAL_TYPE (RtkChildServer, rtk_child_server, G_TYPE_OBJECT)

static void
clear_start (RtkChildServer *self)
{
  if (self->monitor != NULL)
    g_file_monitor_cancel (self->monitor);
  g_clear_object (&self->monitor);
  g_clear_handle_id (&self->timeout, g_source_remove);
}

/* Tells the child to end. */
static void
close_pipe (RtkChildServer *self)
{
  if (self->pipe >= 0)
    close (self->pipe);
  self->pipe = -1;
}

static void
clear_secret (RtkChildServer *self)
{
  if (self->secret != NULL)
    sodium_memzero (self->secret, strlen (self->secret));
  g_clear_pointer (&self->secret, g_free);
}

static void
rtk_child_server_finalize (GObject *object)
{
  RtkChildServer *self = RTK_CHILD_SERVER (object);

  rtk_child_server_stop (self);
  clear_secret (self);
  g_free (self->folder);
  g_free (self->ready_file);
  g_free (self->url);
  g_free (self->address);
  G_OBJECT_CLASS (rtk_child_server_parent_class)->finalize (object);
}

static void
rtk_child_server_class_init (RtkChildServerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = rtk_child_server_finalize;
}

static void
rtk_child_server_init (RtkChildServer *self)
{
  self->pipe = -1;
  self->address = g_strdup ("127.0.0.1:0");
}

/* The server lies beside this program, installed or in the build folder; else in the path. */
static char *
find_program (void)
{
  const char      *given = g_getenv ("RETAKE_SERVER");
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = self != NULL ? g_path_get_dirname (self) : g_strdup (".");
  const char      *places[] = {"retake-server", "../server/retake-server"};

  if (given != NULL)
    return g_strdup (given);
  for (guint i = 0; i < G_N_ELEMENTS (places); i++) {
    g_autofree char *path = g_build_filename (folder, places[i], NULL);

    if (g_file_test (path, G_FILE_TEST_IS_EXECUTABLE))
      return g_steal_pointer (&path);
  }
  return g_strdup ("retake-server");
}

static void
simulated_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = G_TASK (user_data);
  g_autoptr (GError) error = NULL;

  if (!g_subprocess_communicate_utf8_finish (G_SUBPROCESS (object), result, NULL, NULL, &error))
    g_task_return_error (task, g_steal_pointer (&error));
  else if (!g_subprocess_get_successful (G_SUBPROCESS (object)))
    g_task_return_new_error (task, RTK_ERROR, RTK_ERROR_SERVER,
                             "The simulated campus could not be made");
  else
    g_task_return_boolean (task, TRUE);
}

/**
 * rtk_child_server_simulate_async:
 * @self: a server that does not run
 * @graduates: how many
 * @photos: folder with the pictures
 * @codes_file: where the codes of those who may be retaken are written
 * @user: name of the supervisor that is made
 * @password: of @user; given over a pipe
 * @cancellable: (nullable): ends the wait
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Fills the server's folder with a made-up campus.
 */
void
rtk_child_server_simulate_async (RtkChildServer     *self,
                                 guint               graduates,
                                 const char         *photos,
                                 const char         *codes_file,
                                 const char         *user,
                                 const char         *password,
                                 GCancellable       *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *program = find_program ();
  g_autofree char *number = g_strdup_printf ("%u", graduates);
  g_autofree char *line = g_strconcat (password, "\n", NULL);

  g_return_if_fail (RTK_IS_CHILD_SERVER (self) && self->process == NULL);

  g_task_set_source_tag (task, rtk_child_server_simulate_async);
  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE,
                              &error, program, "simulate", "--data", self->folder, "--graduates",
                              number, "--photos", photos, "--codes-file", codes_file, "--seed", "7",
                              "--user", user, NULL);
  if (process == NULL) {
    g_task_return_error (task, g_steal_pointer (&error));
    return;
  }
  g_subprocess_communicate_utf8_async (process, line, cancellable, simulated_cb,
                                       g_steal_pointer (&task));
}

/**
 * rtk_child_server_simulate_finish:
 * @self: a server
 * @result: what the callback got
 * @error: return location
 *
 * Returns: whether the campus is there
 */
gboolean
rtk_child_server_simulate_finish (RtkChildServer *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_child_server_simulate_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
end_start (RtkChildServer *self, GError *error)
{
  g_autoptr (GTask) task = g_steal_pointer (&self->starting);

  clear_start (self);
  if (task == NULL) {
    g_clear_error (&error);
    return;
  }
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static void
ready_read_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkChildServer) self = user_data;
  g_autofree char *text = NULL;
  gsize            size = 0;

  if (!g_file_load_contents_finish (G_FILE (object), result, &text, &size, NULL, NULL) ||
      size == 0 || text[size - 1] != '\n' || self->url != NULL || self->starting == NULL)
    return;
  self->url = g_strdup (g_strstrip (text));
  if (g_str_has_prefix (self->url, "http://")) {
    g_free (self->address);
    self->address = g_strdup (self->url + strlen ("http://"));
  }
  end_start (self, NULL);
}

static void
try_ready_file (RtkChildServer *self)
{
  g_autoptr (GFile) file = g_file_new_for_path (self->ready_file);

  g_file_load_contents_async (file, NULL, ready_read_cb, g_object_ref (self));
}

static gboolean
restart_cb (gpointer user_data)
{
  RtkChildServer *self = user_data;

  self->restart = 0;
  rtk_child_server_start_async (self, NULL, NULL, NULL);
  return G_SOURCE_REMOVE;
}

static void
process_ended_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GWeakRef *weak = user_data;
  g_autoptr (RtkChildServer) self = g_weak_ref_get (weak);

  (void)g_subprocess_wait_finish (G_SUBPROCESS (object), result, NULL);
  g_weak_ref_clear (weak);
  g_free (weak);
  if (self == NULL || self->process != G_SUBPROCESS (object))
    return;
  g_clear_object (&self->process);
  close_pipe (self);
  if (self->starting == NULL &&
      g_get_monotonic_time () - self->started_at > LIFE_SECONDS * G_USEC_PER_SEC) {
    g_message ("The server of this computer ended by itself and is started again");
    self->restart = g_timeout_add_seconds (RESTART_SECONDS, restart_cb, self);
    return;
  }
  end_start (self, g_error_new_literal (RTK_ERROR, RTK_ERROR_SERVER,
                                        "The server of this computer ended by itself"));
}

static gboolean
start_timeout_cb (gpointer user_data)
{
  RtkChildServer *self = user_data;

  self->timeout = 0;
  /* What hangs now would be in the way of the next try. */
  close_pipe (self);
  if (self->process != NULL)
    g_subprocess_force_exit (self->process);
  g_clear_object (&self->process);
  end_start (self, g_error_new_literal (RTK_ERROR, RTK_ERROR_SERVER,
                                        "The server of this computer did not get ready"));
  return G_SOURCE_REMOVE;
}

static gboolean
write_line (int fd, const char *text)
{
  g_autofree char *line = g_strconcat (text, "\n", NULL);
  gsize            size = strlen (line);
  gboolean         ok = write (fd, line, size) == (gssize)size;

  sodium_memzero (line, size);
  return ok;
}

static gboolean
spawn (RtkChildServer *self, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_autofree char *program = find_program ();
  guint8           random[SECRET_BYTES];
  int              ends[2];
  GWeakRef        *weak;

  if (!g_unix_open_pipe (ends, FD_CLOEXEC, error))
    return FALSE;
  randombytes_buf (random, sizeof random);
  clear_secret (self);
  self->secret = g_malloc0 (SECRET_BYTES * 2 + 1);
  sodium_bin2hex (self->secret, SECRET_BYTES * 2 + 1, random, sizeof random);
  self->pipe = ends[1];
  /* Fits into the pipe's own buffer: does not block. */
  if (!write_line (self->pipe, self->secret)) {
    close (ends[0]);
    close_pipe (self);
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BACKEND, "A pipe takes nothing");
    return FALSE;
  }
  /* The reading end becomes descriptor 3 of the child; the writing end stays open here as long as
   * this program lives, and its end tells the child to stop. */
  g_subprocess_launcher_take_fd (launcher, ends[0], 3);
  self->process = g_subprocess_launcher_spawn (launcher, error, program, "--data", self->folder,
                                               "--listen", self->address, "--bootstrap-fd", "3",
                                               "--ready-file", self->ready_file, NULL);
  if (self->process == NULL) {
    close_pipe (self);
    return FALSE;
  }
  weak = g_new0 (GWeakRef, 1);
  g_weak_ref_init (weak, self);
  g_subprocess_wait_async (self->process, NULL, process_ended_cb, weak);
  return TRUE;
}

/**
 * rtk_child_server_start_async:
 * @self: a server that does not run
 * @cancellable: (nullable): ends the wait
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Starts the server and waits until it answers. If it ends by itself later it is started again, at
 * the same address.
 */
void
rtk_child_server_start_async (RtkChildServer     *self,
                              GCancellable       *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr (GFile) file = NULL;
  g_autoptr (GError) error = NULL;

  g_return_if_fail (RTK_IS_CHILD_SERVER (self) && self->process == NULL);

  g_task_set_source_tag (task, rtk_child_server_start_async);
  g_clear_pointer (&self->url, g_free);
  if (g_mkdir_with_parents (self->folder, 0700) != 0) {
    g_task_return_new_error (task, RTK_ERROR, RTK_ERROR_READ_ONLY, "The folder %s cannot be made",
                             self->folder);
    return;
  }
  file = g_file_new_for_path (self->ready_file);
  (void)g_file_delete (file, NULL, NULL);
  self->monitor = g_file_monitor_file (file, G_FILE_MONITOR_WATCH_MOVES, NULL, &error);
  if (self->monitor == NULL || !spawn (self, &error)) {
    clear_start (self);
    g_task_return_error (task, g_steal_pointer (&error));
    return;
  }
  self->starting = g_steal_pointer (&task);
  self->started_at = g_get_monotonic_time ();
  g_signal_connect_object (self->monitor, "changed", G_CALLBACK (try_ready_file), self,
                           G_CONNECT_SWAPPED);
  self->timeout = g_timeout_add_seconds (START_SECONDS, start_timeout_cb, self);
}

/**
 * rtk_child_server_start_finish:
 * @self: a server
 * @result: what the callback got
 * @error: return location
 *
 * Returns: whether the server answers at rtk_child_server_get_url()
 */
gboolean
rtk_child_server_start_finish (RtkChildServer *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_child_server_start_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
bootstrapped_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = G_TASK (user_data);
  RtkChildServer *self = g_task_get_source_object (task);
  SoupMessage    *message = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) body =
      soup_session_send_and_read_finish (SOUP_SESSION (object), result, &error);
  guint status = soup_message_get_status (message);

  clear_secret (self);
  if (body == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else if (status == SOUP_STATUS_CREATED || status == SOUP_STATUS_CONFLICT)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_new_error (task, RTK_ERROR, RTK_ERROR_SERVER,
                             "The server answered %u when it was set up", status);
}

/**
 * rtk_child_server_bootstrap_async:
 * @self: a server that runs
 * @user: name of the first supervisor
 * @password: at least eight characters
 * @cancellable: (nullable): ends the call
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Makes the first supervisor. One that is there already is left as it is.
 */
void
rtk_child_server_bootstrap_async (RtkChildServer     *self,
                                  const char         *user,
                                  const char         *password,
                                  GCancellable       *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr (SoupSession) session = soup_session_new ();
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autoptr (GBytes) body = NULL;
  g_autofree char *uri = NULL;
  SoupMessage     *message;
  char            *text;

  g_return_if_fail (RTK_IS_CHILD_SERVER (self) && self->url != NULL && self->secret != NULL);

  g_task_set_source_tag (task, rtk_child_server_bootstrap_async);
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "secret");
  json_builder_add_string_value (builder, self->secret);
  json_builder_set_member_name (builder, "user");
  json_builder_add_string_value (builder, user);
  json_builder_set_member_name (builder, "password");
  json_builder_add_string_value (builder, password);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, FALSE);
  body = g_bytes_new_take (text, strlen (text));
  uri = g_strconcat (self->url, "/v1/bootstrap", NULL);
  message = soup_message_new (SOUP_METHOD_POST, uri);
  soup_message_set_request_body_from_bytes (message, "application/json", body);
  g_task_set_task_data (task, message, g_object_unref);
  soup_session_send_and_read_async (session, message, G_PRIORITY_DEFAULT, cancellable,
                                    bootstrapped_cb, g_steal_pointer (&task));
}

/**
 * rtk_child_server_bootstrap_finish:
 * @self: a server
 * @result: what the callback got
 * @error: return location
 *
 * Returns: whether there is a supervisor
 */
gboolean
rtk_child_server_bootstrap_finish (RtkChildServer *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_child_server_bootstrap_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * rtk_child_server_new:
 * @folder: of the server's data
 *
 * Returns: (transfer full): a server that does not run
 */
RtkChildServer *
rtk_child_server_new (const char *folder)
{
  RtkChildServer *self = g_object_new (RTK_TYPE_CHILD_SERVER, NULL);

  self->folder = g_strdup (folder);
  self->ready_file = g_build_filename (folder, "ready", NULL);
  return self;
}

/**
 * rtk_child_server_get_url:
 * @self: a server
 *
 * Returns: (transfer none) (nullable): where it answers, %NULL until it does
 */
const char *
rtk_child_server_get_url (RtkChildServer *self)
{
  return self->url;
}

/**
 * rtk_child_server_stop:
 * @self: a server
 *
 * Tells the server to finish what it does and end. Does not wait.
 */
void
rtk_child_server_stop (RtkChildServer *self)
{
  clear_start (self);
  g_clear_handle_id (&self->restart, g_source_remove);
  close_pipe (self);
  if (self->process != NULL)
    g_subprocess_send_signal (self->process, SIGTERM);
  g_clear_object (&self->process);
}
