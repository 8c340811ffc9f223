/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-clock.h"
#include "core/rtk-error.h"
#include "core/rtk-transport.h"
#include "server/rtk-server-audit.h"
#include "server/rtk-server-backup.h"
#include "server/rtk-server-files.h"
#include "server/rtk-server-http.h"
#include "server/rtk-server-log.h"
#include "server/rtk-server-options.h"
#include "server/rtk-server-simulate.h"
#include "server/rtk-server-socket.h"

#include <glib-unix.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  GMainLoop     *loop;
  RtkServerHttp *server;
} Running;

static gboolean
stopped_cb (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

static gboolean
begin_stop (Running *running)
{
  rtk_server_http_stop (running->server, stopped_cb, running->loop);
  return G_SOURCE_REMOVE;
}

static gboolean
signal_cb (gpointer user_data)
{
  (void)begin_stop (user_data);
  return G_SOURCE_CONTINUE;
}

/* The parent holds the other end: its end is ours, too. */
static gboolean
parent_cb (int fd, GIOCondition condition, gpointer user_data)
{
  char    byte;
  ssize_t n = read (fd, &byte, 1);

  if (n > 0)
    return G_SOURCE_CONTINUE;
  return begin_stop (user_data);
}

/* The first line of the descriptor. */
static char *
read_bootstrap (int fd, GError **error)
{
  g_autoptr (GString) line = g_string_new (NULL);
  char c;

  while (line->len < 256 && read (fd, &c, 1) == 1) {
    if (c == '\n')
      return g_string_free (g_steal_pointer (&line), FALSE);
    g_string_append_c (line, c);
  }
  g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE,
                       "The descriptor of --bootstrap-fd gives no line with a secret");
  return NULL;
}

static gboolean
load_certificate (const RtkServerOptions *o, GTlsCertificate **out, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  *out = NULL;
  if (o->tls_certificate == NULL && o->tls_key == NULL)
    return TRUE;
  if (o->tls_certificate != NULL && o->tls_key != NULL)
    *out = g_tls_certificate_new_from_files (o->tls_certificate, o->tls_key, &local_error);
  if (*out == NULL)
    g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE, "The TLS certificate cannot be used: %s",
                 local_error != NULL ? local_error->message
                                     : "give both --tls-certificate and --tls-key");
  return *out != NULL;
}

static gboolean
announce (const RtkServerOptions *o, RtkServerHttp *server, GError **error)
{
  g_autofree char *url = rtk_server_http_dup_url (server);
  g_autofree char *line = g_strconcat (url, "\n", NULL);

  /* The log says so last: whoever waits for that line finds the file. */
  if (o->ready_file != NULL && !rtk_server_file_write (o->ready_file, line, strlen (line), error))
    return FALSE;
  g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_INFO, "RTK_URL", url, "MESSAGE", "ready");
  return TRUE;
}

static gboolean
serve (const RtkServerOptions *o, const RtkServerKeys *keys, GError **error)
{
  g_autoptr (GTlsCertificate) certificate = NULL;
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (RtkServerHttp) server = NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autofree char *bootstrap = NULL;
  Running          running = {loop, NULL};
  guint            sources[3] = {0};
  gboolean         ok;

  /* What an earlier run left there would send callers to nobody, or to somebody else. */
  if (o->ready_file != NULL)
    (void)g_unlink (o->ready_file);
  if (o->bootstrap_fd >= 0) {
    (void)prctl (PR_SET_PDEATHSIG, SIGTERM);
    bootstrap = read_bootstrap (o->bootstrap_fd, error);
    if (bootstrap == NULL)
      return FALSE;
  }
  if (!load_certificate (o, &certificate, error))
    return FALSE;
  /* First: without it nothing is begun, and nothing is said but why. */
  socket = rtk_server_socket_open (o->listen != NULL ? o->listen : "127.0.0.1:8080",
                                   certificate != NULL, error);
  if (socket == NULL)
    return FALSE;
  server = rtk_server_http_new (&o->config, keys, bootstrap, certificate, error);
  if (server == NULL || !rtk_server_http_listen (server, socket, error))
    return FALSE;
  /* Before anybody can know that the server is there: an early SIGTERM is graceful, too. */
  running.server = server;
  sources[0] = g_unix_signal_add (SIGTERM, signal_cb, &running);
  sources[1] = g_unix_signal_add (SIGINT, signal_cb, &running);
  if (o->bootstrap_fd >= 0)
    sources[2] = g_unix_fd_add (o->bootstrap_fd, G_IO_IN | G_IO_HUP, parent_cb, &running);
  ok = announce (o, server, error);
  if (ok)
    g_main_loop_run (loop);
  for (guint i = 0; i < 2; i++)
    g_source_remove (sources[i]);
  if (sources[2] != 0 && g_main_context_find_source_by_id (NULL, sources[2]) != NULL)
    g_source_remove (sources[2]);
  return ok;
}

static char *
read_password (const RtkServerOptions *o, GError **error)
{
  char line[1026];

  if (o->password_file != NULL)
    return rtk_server_file_read_secret (o->password_file, error);
  if (fgets (line, sizeof line, stdin) == NULL) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE,
                         "Give the password by --password-file or on standard input");
    return NULL;
  }
  line[strcspn (line, "\r\n")] = '\0';
  return g_strdup (line);
}

static gboolean
user_command (const RtkServerOptions *o, RtkServerStore *store, GError **error)
{
  g_autofree char *password = NULL;
  RtkRole          role;

  if (strcmp (o->words[1], "disable") == 0)
    return rtk_server_staff_disable (store, o->words[2], error);
  if (o->role == NULL || !rtk_role_from_string (o->role, &role)) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE,
                         "user add needs --role operator, reviewer or supervisor");
    return FALSE;
  }
  password = read_password (o, error);
  return password != NULL &&
         rtk_server_staff_add (store, o->words[2], o->role, password, "server", error);
}

static gboolean
simulate_command (const RtkServerOptions *o, const RtkServerKeys *keys, GError **error)
{
  g_autofree char    *password = NULL;
  RtkServerSimulation simulation = {
      .graduates = (guint)MAX (o->graduates, 0),
      .photos = o->photos,
      .seed = (guint32)MAX (o->seed, 0),
      .user = o->user,
      .codes_file = o->codes_file,
  };

  if (o->graduates < 1 || o->graduates > 100000 || o->photos == NULL) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE,
                         "simulate needs --graduates (1 to 100000) and --photos");
    return FALSE;
  }
  if (o->user != NULL) {
    password = read_password (o, error);
    if (password == NULL)
      return FALSE;
    simulation.password = password;
  }
  if (!rtk_server_simulate (&o->config, keys, &simulation, error))
    return FALSE;
  g_print ("%d graduates are on the roster.\n", o->graduates);
  return TRUE;
}

static gboolean
close_command (const RtkServerOptions *o, RtkServerStore *store, GError **error)
{
  gint64 now = g_get_real_time ();
  guint  done = 0;

  if (g_strcmp0 (o->now, "now") != 0 && !rtk_time_parse (o->now, &now)) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE,
                         "close-unpaid needs --now with a time such as 2026-06-01T08:30:00Z");
    return FALSE;
  }
  if (!rtk_server_jobs_close_unpaid (store, now, &done, error))
    return FALSE;
  g_print ("%u orders closed.\n", done);
  return TRUE;
}

/* Whether the words are a command, and which: two words and so many in all. */
static gboolean
is_command (const RtkServerOptions *o, const char *first, const char *second, guint n)
{
  return o->words != NULL && g_strv_length (o->words) == n && strcmp (o->words[0], first) == 0 &&
         (second == NULL || strcmp (o->words[1], second) == 0);
}

/* The answer is “no” when the log was changed. */
static gboolean
verify_command (RtkServerOptions *o, RtkServerStore *store, GError **error)
{
  g_autoptr (GError) own = NULL;
  g_autofree char *text = NULL;
  RtkServerAnchor  known;
  RtkServerAnchor  newest;

  if (o->anchor != NULL && !rtk_server_anchor_parse (o->anchor, &known)) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE,
                         "--anchor wants COUNT:HASH, as backup.json and the log have it");
    return FALSE;
  }
  if (rtk_server_audit_verify (store, o->anchor != NULL ? &known : NULL, &newest, &own)) {
    text = rtk_server_anchor_format (&newest);
    g_print ("The audit log holds: %" G_GINT64_FORMAT " entries.\nIts anchor is %s\n",
             newest.entries, text);
    return TRUE;
  }
  o->answer_is_no = g_error_matches (own, RTK_ERROR, RTK_ERROR_DAMAGED);
  if (o->answer_is_no)
    g_printerr ("retake-server: %s\n", own->message);
  else
    g_propagate_error (error, g_steal_pointer (&own));
  return o->answer_is_no;
}

static gboolean
run_on_store (RtkServerOptions *o, const RtkServerKeys *keys, GError **error)
{
  g_autoptr (RtkServerStore) store = rtk_server_store_open (&o->config, keys, error);
  g_auto (RtkServerRosterResult) result = {0};

  if (store == NULL)
    return FALSE;
  if (is_command (o, "user", "add", 3) || is_command (o, "user", "disable", 3))
    return user_command (o, store, error);
  if (is_command (o, "close-unpaid", NULL, 1))
    return close_command (o, store, error);
  if (is_command (o, "roster", "import", 3)) {
    if (!rtk_server_roster_import (store, o->words[2], &result, error))
      return FALSE;
    g_print ("%u graduates are new on the roster.\n", result.n_new);
    if (result.n_changed > 0)
      g_print ("%u were changed.\n", result.n_changed);
    if (result.n_conflicts > 0)
      g_print ("%u codes were not taken: there are orders under other ones.\n", result.n_conflicts);
    return TRUE;
  }
  return verify_command (o, store, error);
}

/* What went on by its end: the answer is “no” when something is missing or damaged. */
static void
tell_report (RtkServerOptions *o, const RtkServerBackupReport *report)
{
  for (guint i = 0; report->problems != NULL && i < report->problems->len; i++)
    g_printerr ("retake-server: %s\n", (char *)g_ptr_array_index (report->problems, i));
  o->answer_is_no = report->problems != NULL;
}

static gboolean
backup_command (RtkServerOptions *o, const RtkServerKeys *keys, GError **error)
{
  g_auto (RtkServerBackupReport) report = {0};

  if (!rtk_server_backup (&o->config, keys, o->words[1], &report, error))
    return FALSE;
  g_print ("The backup has %" G_GINT64_FORMAT " photos of %" G_GINT64_FORMAT " bytes.\n",
           report.photos, report.bytes);
  tell_report (o, &report);
  return TRUE;
}

/* The folder is nobody's yet: there is nothing to make ready in it. */
static gboolean
restore_command (RtkServerOptions *o, GError **error)
{
  g_auto (RtkServerBackupReport) report = {0};
  int      lock = rtk_server_file_lock (o->config.data, FALSE, error);
  gboolean ok = lock >= 0 && rtk_server_restore (&o->config, o->words[1], o->without_missing_photos,
                                                 &report, error);

  if (lock >= 0)
    close (lock);
  if (ok)
    g_print ("%" G_GINT64_FORMAT " photos of %" G_GINT64_FORMAT " bytes are back.\n", report.photos,
             report.bytes);
  tell_report (o, &report);
  if (report.problems != NULL)
    g_printerr ("retake-server: %s\n",
                ok ? "All else was restored: whoever has these photos may send them again."
                   : "Nothing was restored: put back what is missing. Without photos that are"
                     " lost it goes on by --without-missing-photos.");
  return ok || report.problems != NULL;
}

/* Locks the folder for as long as this process lives and makes it ready. A command that only reads
 * goes beside the server that has it; in PostgreSQL several processes share it. */
static RtkServerKeys *
enter (const RtkServerOptions *o, int *out_lock, GError **error)
{
  g_autoptr (GError) own = NULL;

  *out_lock = rtk_server_file_lock (o->config.data, o->config.database != NULL, &own);
  if (*out_lock >= 0)
    return rtk_server_store_prepare (&o->config, error);
  if (g_error_matches (own, RTK_ERROR, RTK_ERROR_IN_USE) &&
      (is_command (o, "audit", "verify", 2) || is_command (o, "backup", NULL, 2)))
    return rtk_server_store_attach (&o->config, error);
  g_propagate_error (error, g_steal_pointer (&own));
  return NULL;
}

/* A folder whose name was mistyped is not made into an empty server by who asks about one. */
static gboolean
check_data (const RtkServerOptions *o, GError **error)
{
  static const char *const names[] = {"server.key", "server.db", "photos"};

  if (!o->wants_data || rtk_server_restore_is_pending (o->config.data))
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = g_build_filename (o->config.data, names[i], NULL);

    if (rtk_server_file_get_size (path) >= 0)
      return TRUE;
  }
  g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE,
               "There is no server's data in %s: give its folder with --data", o->config.data);
  return FALSE;
}

/* The last word of a server that ends in order; nobody writes for it any more. */
static void
tell_anchor (const RtkServerOptions *o, const RtkServerKeys *keys)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkServerStore) store = rtk_server_store_open (&o->config, keys, &error);

  if (store == NULL || !rtk_server_audit_log_anchor (store, &error))
    g_message ("The audit log could not be read at the end: %s", error->message);
}

static gboolean
run (RtkServerOptions *o, GError **error)
{
  g_autoptr (RtkServerKeys) keys = NULL;
  int      lock;
  gboolean ok;

  if (o->config.data == NULL) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE, "Give the data folder with --data");
    return FALSE;
  }
  if (!check_data (o, error) || !rtk_server_file_make_folder (o->config.data, error) ||
      !rtk_server_file_check_owner (o->config.data, error))
    return FALSE;
  if (is_command (o, "restore", NULL, 2))
    return restore_command (o, error);
  keys = enter (o, &lock, error);
  if (keys == NULL)
    ok = FALSE;
  else if (o->words == NULL)
    ok = serve (o, keys, error);
  else if (is_command (o, "simulate", NULL, 1))
    ok = simulate_command (o, keys, error);
  else if (is_command (o, "backup", NULL, 2))
    ok = backup_command (o, keys, error);
  else
    ok = run_on_store (o, keys, error);
  if (ok && o->words == NULL)
    tell_anchor (o, keys);
  if (lock >= 0)
    close (lock);
  return ok;
}

int
main (int argc, char **argv)
{
  RtkServerOptions o = {0};
  g_autoptr (GError) error = NULL;
  int code = 2;

  setlocale (LC_ALL, "");
  /* SQLite makes its files with the rights that are left. */
  (void)umask (0077);
  rtk_server_log_init ();
  if (sodium_init () >= 0 && rtk_server_options_read (&o, argc, argv, &error)) {
    if (o.version) {
      g_print ("retake-server %s\n", RTK_VERSION);
      code = 0;
    } else if (run (&o, &error)) {
      code = o.answer_is_no ? 1 : 0;
    }
  }
  if (error != NULL)
    g_printerr ("retake-server: %s\n", error->message);
  rtk_server_options_clear (&o);
  return code;
}
