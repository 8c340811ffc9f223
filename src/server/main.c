/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-clock.h"
#include "core/rtk-error.h"
#include "server/rtk-server-adapters.h"
#include "server/rtk-server-backup.h"
#include "server/rtk-server-files.h"
#include "server/rtk-server-guide.h"
#include "server/rtk-server-http.h"
#include "server/rtk-server-log.h"
#include "server/rtk-server-simulate.h"

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
  RtkServerConfig config;
  char           *listen;
  char           *ready_file;
  char           *tls_certificate;
  char           *tls_key;
  char           *role;
  char           *password_file;
  char           *photos;
  char           *codes_file;
  char           *user;
  char           *now;
  char           *provider_secret_file;
  char           *webhook_secret_file;
  char           *metrics_token_file;
  char          **words;
  int             bootstrap_fd;
  int             graduates;
  int             seed;
  gboolean        require_consent;
  gboolean        version;
  gboolean        answer_is_no; /* it was done, and something is wrong */
} Options;

typedef struct {
  GMainLoop     *loop;
  RtkServerHttp *server;
} Running;

/* Writes the options of payments and adapters, and the end, to @out. */
static void
add_payment_entries (Options *o, GOptionEntry *out)
{
  const GOptionEntry list[] = {
      {"price-fen", 0, 0, G_OPTION_ARG_INT64, &o->config.price_fen,
       "What an order costs, in 1/100 yuan", "N"},
      {"provider", 0, 0, G_OPTION_ARG_STRING, &o->config.provider,
       "Who takes the money: sandbox, or webhook (the default when there is one)", "NAME"},
      {"provider-secret-file", 0, 0, G_OPTION_ARG_FILENAME, &o->provider_secret_file,
       "Its first line is what the provider signs its callbacks with", "F"},
      {"webhook-url", 0, 0, G_OPTION_ARG_STRING, &o->config.webhook_url,
       "Gets SMS, refunds, payments and courier orders", "URL"},
      {"webhook-secret-file", 0, 0, G_OPTION_ARG_FILENAME, &o->webhook_secret_file,
       "Its first line is what they are signed with", "F"},
      {"webhook-timeout-seconds", 0, 0, G_OPTION_ARG_INT64, &o->config.webhook_timeout_seconds,
       "How long its answer is waited for", "N"},
      {"webhook-retry-seconds", 0, 0, G_OPTION_ARG_INT64, &o->config.webhook_retry_seconds,
       "Until the first retry; doubled for each further one", "N"},
      {"rules", 0, 0, G_OPTION_ARG_STRING, &o->config.rules,
       "The rule pack that the online side shows", "ID"},
      {"rules-folder", 0, 0, G_OPTION_ARG_FILENAME, &o->config.rules_folder,
       "Where further rule packs lie", "DIR"},
      {NULL, 0, 0, 0, NULL, NULL, NULL},
  };

  memcpy (out, list, sizeof list);
}

/* Writes the options of connections, sizes and workers to @out; answers where to go on. */
static GOptionEntry *
add_http_entries (Options *o, GOptionEntry *out)
{
  const GOptionEntry list[] = {
      {"idle-seconds", 0, 0, G_OPTION_ARG_INT64, &o->config.idle_seconds,
       "After how long a connection on which nothing moves is closed", "N"},
      {"max-body", 0, 0, G_OPTION_ARG_INT64, &o->config.max_body, "Bytes of a JSON body", "N"},
      {"max-upload", 0, 0, G_OPTION_ARG_INT64, &o->config.max_upload, "Bytes of a photo", "N"},
      {"max-page", 0, 0, G_OPTION_ARG_INT64, &o->config.max_page, "Orders in a page", "N"},
      {"metrics-token-file", 0, 0, G_OPTION_ARG_FILENAME, &o->metrics_token_file,
       "Its first line lets other machines read /metrics", "F"},
      {"upload-seconds", 0, 0, G_OPTION_ARG_INT64, &o->config.upload_seconds,
       "After how long without a new part an upload is given up", "N"},
      {"hint-ms", 0, 0, G_OPTION_ARG_INT64, &o->config.hint_ms,
       "Between two hints to a WebSocket, milliseconds", "N"},
      {"ping-seconds", 0, 0, G_OPTION_ARG_INT64, &o->config.ping_seconds,
       "Between two pings to a WebSocket", "N"},
      {"readers", 0, 0, G_OPTION_ARG_INT64, &o->config.readers,
       "Connections that read beside the one that writes", "N"},
  };

  memcpy (out, list, sizeof list);
  return out + G_N_ELEMENTS (list);
}

/* Writes the options of who may call, and how often; answers where to go on. */
static GOptionEntry *
add_people_entries (Options *o, GOptionEntry *out)
{
  const GOptionEntry list[] = {
      {"refresh-grace-seconds", 0, 0, G_OPTION_ARG_INT64, &o->config.refresh_grace_seconds,
       "How long a refresh whose answer was lost can be asked for once more", "N"},
      {"grant-seconds", 0, 0, G_OPTION_ARG_INT64, &o->config.grant_seconds,
       "How long staff may work without the server", "N"},
      {"lockout-failures", 0, 0, G_OPTION_ARG_INT64, &o->config.lockout_failures,
       "Wrong passwords in a row before there is a wait; 0 = never", "N"},
      {"lockout-seconds", 0, 0, G_OPTION_ARG_INT64, &o->config.lockout_seconds,
       "The longest wait after wrong passwords", "N"},
      {"require-consent", 0, 0, G_OPTION_ARG_NONE, &o->require_consent,
       "An online photo needs the graduate's consent first", NULL},
      {"staff-rate", 0, 0, G_OPTION_ARG_INT64, &o->config.staff_rate,
       "Calls a minute of a member of staff; 0 = no limit", "N"},
      {"staff-burst", 0, 0, G_OPTION_ARG_INT64, &o->config.staff_burst, "Of these in one go", "N"},
      {"account-rate", 0, 0, G_OPTION_ARG_INT64, &o->config.account_rate,
       "Calls a minute of a graduate; 0 = no limit", "N"},
      {"account-burst", 0, 0, G_OPTION_ARG_INT64, &o->config.account_burst, "Of these in one go",
       "N"},
      {"address-rate", 0, 0, G_OPTION_ARG_INT64, &o->config.address_rate,
       "Calls a minute from an address without a session; 0 = no limit", "N"},
      {"address-burst", 0, 0, G_OPTION_ARG_INT64, &o->config.address_burst, "Of these in one go",
       "N"},
      {"sign-in-rate", 0, 0, G_OPTION_ARG_INT64, &o->config.sign_in_rate,
       "Sign-ins and new accounts a minute from an address; 0 = no limit", "N"},
      {"sign-in-burst", 0, 0, G_OPTION_ARG_INT64, &o->config.sign_in_burst, "Of these in one go",
       "N"},
      {"trusted-proxy", 0, 0, G_OPTION_ARG_STRING, &o->config.trusted_proxies,
       "Addresses or networks whose X-Forwarded-For is believed, with commas", "LIST"},
  };

  memcpy (out, list, sizeof list);
  return out + G_N_ELEMENTS (list);
}

static const GOptionEntry *
get_entries (Options *o)
{
  static GOptionEntry entries[96];
  const GOptionEntry  list[] = {
       {"data", 0, 0, G_OPTION_ARG_FILENAME, &o->config.data, "Folder of all data", "DIR"},
       {"database", 0, 0, G_OPTION_ARG_STRING, &o->config.database,
        "Instead of SQLite in the data folder: postgresql://...", "URL"},
       {"listen", 0, 0, G_OPTION_ARG_STRING, &o->listen, "Where to listen, port 0 picks one",
        "ADDR:PORT"},
       {"tls-certificate", 0, 0, G_OPTION_ARG_FILENAME, &o->tls_certificate, "PEM file", "F"},
       {"tls-key", 0, 0, G_OPTION_ARG_FILENAME, &o->tls_key, "PEM file", "F"},
       {"ready-file", 0, 0, G_OPTION_ARG_FILENAME, &o->ready_file,
        "Gets the base URL once the server answers", "F"},
       {"bootstrap-fd", 0, 0, G_OPTION_ARG_INT, &o->bootstrap_fd,
        "Descriptor with a secret; the server ends when it closes", "N"},
       {"access-seconds", 0, 0, G_OPTION_ARG_INT64, &o->config.access_seconds,
        "Life of an access token", "N"},
       {"refresh-seconds", 0, 0, G_OPTION_ARG_INT64, &o->config.refresh_seconds, "Life of a session",
        "N"},
       {"unpaid-seconds", 0, 0, G_OPTION_ARG_INT64, &o->config.unpaid_seconds,
        "After how long an unpaid order is closed", "N"},
       {"hold-seconds", 0, 0, G_OPTION_ARG_INT64, &o->config.hold_seconds,
        "How long a refund is held", "N"},
       {"lease-seconds", 0, 0, G_OPTION_ARG_INT64, &o->config.lease_seconds,
        "How long a reviewer keeps an item", "N"},
       {"sample-percent", 0, 0, G_OPTION_ARG_INT64, &o->config.sample_percent,
        "Verdicts of a hundred that a second reviewer must confirm", "N"},
       {"gold-percent", 0, 0, G_OPTION_ARG_INT64, &o->config.gold_percent,
        "Items of a hundred whose verdict is known, mixed into the claims", "N"},
       {"role", 0, 0, G_OPTION_ARG_STRING, &o->role, "user add: operator, reviewer, supervisor",
        "R"},
       {"password-file", 0, 0, G_OPTION_ARG_FILENAME, &o->password_file,
        "Its first line is the password; else standard input's", "F"},
       {"graduates", 0, 0, G_OPTION_ARG_INT, &o->graduates, "simulate: how many", "N"},
       {"photos", 0, 0, G_OPTION_ARG_FILENAME, &o->photos, "simulate: folder of pictures", "DIR"},
       {"seed", 0, 0, G_OPTION_ARG_INT, &o->seed, "simulate: of what is made up", "S"},
       {"user", 0, 0, G_OPTION_ARG_STRING, &o->user, "simulate: name of the supervisor", "NAME"},
       {"codes-file", 0, 0, G_OPTION_ARG_FILENAME, &o->codes_file,
        "simulate: gets the codes of rejected graduates", "F"},
       {"now", 0, 0, G_OPTION_ARG_STRING, &o->now, "close-unpaid: RFC 3339, or “now”", "TIME"},
       {"version", 0, 0, G_OPTION_ARG_NONE, &o->version, "Print the version", NULL},
       {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->words, NULL, "[COMMAND ...]"},
       {NULL, 0, 0, 0, NULL, NULL, NULL},
  };

  G_STATIC_ASSERT (G_N_ELEMENTS (list) + 48 <= G_N_ELEMENTS (entries));
  memcpy (entries, list, sizeof list);
  add_payment_entries (
      o, add_people_entries (o, add_http_entries (o, entries + G_N_ELEMENTS (list) - 1)));
  return entries;
}

/* What the command line left open comes from RETAKE_NAME. */
static gboolean
read_environment (const GOptionEntry *entries, GError **error)
{
  for (const GOptionEntry *entry = entries; entry->long_name != NULL; entry++) {
    g_autofree char *upper = g_ascii_strup (entry->long_name, -1);
    g_autofree char *name = g_strconcat ("RETAKE_", g_strdelimit (upper, "-", '_'), NULL);
    const char      *value = g_getenv (name);
    gint64           number;

    if (value == NULL || value[0] == '\0' || entry->long_name[0] == '\0')
      continue;
    if (entry->arg == G_OPTION_ARG_NONE && strcmp (value, "0") != 0)
      *(gboolean *)entry->arg_data = TRUE;
    if (entry->arg == G_OPTION_ARG_STRING || entry->arg == G_OPTION_ARG_FILENAME) {
      if (*(char **)entry->arg_data == NULL)
        *(char **)entry->arg_data = g_strdup (value);
    } else if (entry->arg == G_OPTION_ARG_INT64 || entry->arg == G_OPTION_ARG_INT) {
      if (!g_ascii_string_to_signed (value, 10, -1, G_MAXINT, &number, NULL)) {
        g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE, "%s is not a number", name);
        return FALSE;
      }
      if (entry->arg == G_OPTION_ARG_INT64 && *(gint64 *)entry->arg_data < 0)
        *(gint64 *)entry->arg_data = number;
      else if (entry->arg == G_OPTION_ARG_INT && *(int *)entry->arg_data < 0)
        *(int *)entry->arg_data = (int)number;
    }
  }
  return TRUE;
}

static gboolean
check_database (const Options *o, gboolean is_public, GError **error)
{
  return o->config.database == NULL ||
         rtk_server_db_check_address (o->config.database, is_public, error);
}

static void
set_default (gint64 *value, gint64 fallback)
{
  if (*value < 0)
    *value = fallback;
}

static void
set_defaults (RtkServerConfig *config)
{
  set_default (&config->access_seconds, 900);
  set_default (&config->refresh_seconds, 12 * 3600);
  set_default (&config->unpaid_seconds, 1800);
  set_default (&config->hold_seconds, 600);
  set_default (&config->lease_seconds, 600);
  set_default (&config->sample_percent, 5);
  set_default (&config->gold_percent, 2);
  set_default (&config->price_fen, 2500);
  set_default (&config->webhook_timeout_seconds, 20);
  set_default (&config->webhook_retry_seconds, 5);
  set_default (&config->idle_seconds, 120);
  set_default (&config->max_body, 4 * 1024 * 1024);
  set_default (&config->max_upload, 64 * 1024 * 1024);
  set_default (&config->max_page, 500);
  set_default (&config->upload_seconds, 24 * 3600);
  set_default (&config->hint_ms, 250);
  set_default (&config->ping_seconds, 30);
  set_default (&config->readers, CLAMP (g_get_num_processors (), 2, 4));
  set_default (&config->refresh_grace_seconds, 60);
  set_default (&config->grant_seconds, 7 * 24 * 3600);
  set_default (&config->lockout_failures, 5);
  set_default (&config->lockout_seconds, 900);
  set_default (&config->staff_rate, 12000);
  set_default (&config->staff_burst, 6000);
  set_default (&config->account_rate, 600);
  set_default (&config->account_burst, 200);
  set_default (&config->address_rate, 1200);
  set_default (&config->address_burst, 300);
  set_default (&config->sign_in_rate, 60);
  set_default (&config->sign_in_burst, 60);
}

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
load_certificate (const Options *o, GTlsCertificate **out, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  *out = NULL;
  if (o->tls_certificate == NULL && o->tls_key == NULL)
    return TRUE;
  if (o->tls_certificate != NULL && o->tls_key != NULL)
    *out = g_tls_certificate_new_from_files (o->tls_certificate, o->tls_key, &local_error);
  if (*out == NULL)
    g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE, "The TLS certificate cannot be used: %s",
                 local_error != NULL ? local_error->message : "give both of its files");
  return *out != NULL;
}

static gboolean
announce (const Options *o, RtkServerHttp *server, GError **error)
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
serve (const Options *o, const RtkServerKeys *keys, GError **error)
{
  g_autoptr (GTlsCertificate) certificate = NULL;
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
  server = rtk_server_http_new (&o->config, keys, bootstrap, certificate, error);
  if (server == NULL ||
      !rtk_server_http_listen (server, o->listen != NULL ? o->listen : "127.0.0.1:8080", error))
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
read_password (const Options *o, GError **error)
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
user_command (const Options *o, RtkServerStore *store, GError **error)
{
  g_autofree char *password = NULL;

  if (strcmp (o->words[1], "disable") == 0)
    return rtk_server_staff_disable (store, o->words[2], error);
  password = read_password (o, error);
  return password != NULL &&
         rtk_server_staff_add (store, o->words[2], o->role != NULL ? o->role : "", password,
                               "server", error);
}

static gboolean
simulate_command (const Options *o, const RtkServerKeys *keys, GError **error)
{
  g_autofree char    *password = NULL;
  RtkServerSimulation simulation = {
      .graduates = (guint)MAX (o->graduates, 0),
      .photos = o->photos,
      .seed = (guint32)MAX (o->seed, 0),
      .user = o->user,
      .codes_file = o->codes_file,
  };

  if (o->graduates < 1 || o->graduates > 10000 || o->photos == NULL) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE,
                         "simulate needs --graduates (1 to 10000) and --photos");
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
close_command (const Options *o, RtkServerStore *store, GError **error)
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
is_command (const Options *o, const char *first, const char *second, guint n)
{
  return o->words != NULL && g_strv_length (o->words) == n && strcmp (o->words[0], first) == 0 &&
         (second == NULL || strcmp (o->words[1], second) == 0);
}

static gboolean
run_on_store (const Options *o, const RtkServerKeys *keys, GError **error)
{
  g_autoptr (RtkServerStore) store = rtk_server_store_open (&o->config, keys, error);
  gint64 entries = 0;
  guint  n_new = 0;

  if (store == NULL)
    return FALSE;
  if (is_command (o, "user", "add", 3) || is_command (o, "user", "disable", 3))
    return user_command (o, store, error);
  if (is_command (o, "close-unpaid", NULL, 1))
    return close_command (o, store, error);
  if (is_command (o, "roster", "import", 3)) {
    if (!rtk_server_roster_import (store, o->words[2], &n_new, error))
      return FALSE;
    g_print ("%u graduates are new on the roster.\n", n_new);
    return TRUE;
  }
  if (is_command (o, "audit", "verify", 2)) {
    if (!rtk_server_audit_verify (store, &entries, error))
      return FALSE;
    g_print ("The audit log holds: %" G_GINT64_FORMAT " entries.\n", entries);
    return TRUE;
  }
  g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE,
                       "This command is not known: see --help for the options; commands are user"
                       " add, user disable, roster import, simulate, close-unpaid, audit verify,"
                       " backup, restore");
  return FALSE;
}

/* What went on by its end: the answer is “no” when something is missing or damaged. */
static void
tell_report (Options *o, const RtkServerBackupReport *report)
{
  for (guint i = 0; report->problems != NULL && i < report->problems->len; i++)
    g_printerr ("retake-server: %s\n", (char *)g_ptr_array_index (report->problems, i));
  o->answer_is_no = report->problems != NULL;
}

static gboolean
backup_command (Options *o, const RtkServerKeys *keys, GError **error)
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
restore_command (Options *o, GError **error)
{
  g_auto (RtkServerBackupReport) report = {0};
  int      lock = rtk_server_file_lock (o->config.data, FALSE, error);
  gboolean ok = lock >= 0 && rtk_server_restore (&o->config, o->words[1], &report, error);

  if (lock >= 0)
    close (lock);
  if (ok)
    g_print ("%" G_GINT64_FORMAT " photos of %" G_GINT64_FORMAT " bytes are back.\n", report.photos,
             report.bytes);
  tell_report (o, &report);
  if (report.problems != NULL)
    g_printerr ("retake-server: Nothing was restored: put back what is missing.\n");
  return ok || report.problems != NULL;
}

/* Locks the folder for as long as this process lives and makes it ready. A command that only reads
 * goes beside the server that has it; in PostgreSQL several processes share it. */
static RtkServerKeys *
enter (const Options *o, int *out_lock, GError **error)
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

/* What is not said on the command line. */
static gboolean
read_secrets (Options *o, GError **error)
{
  if (o->provider_secret_file != NULL) {
    o->config.provider_secret = rtk_server_file_read_secret (o->provider_secret_file, error);
    if (o->config.provider_secret == NULL)
      return FALSE;
  }
  if (o->metrics_token_file != NULL) {
    o->config.metrics_token = rtk_server_file_read_secret (o->metrics_token_file, error);
    if (o->config.metrics_token == NULL)
      return FALSE;
  }
  if (o->webhook_secret_file != NULL) {
    o->config.webhook_secret = rtk_server_file_read_secret (o->webhook_secret_file, error);
    if (o->config.webhook_secret == NULL)
      return FALSE;
  }
  return rtk_server_adapters_check (&o->config, error) &&
         rtk_server_guide_check (&o->config, error);
}

static gboolean
run (Options *o, GError **error)
{
  g_autoptr (RtkServerKeys) keys = NULL;
  int      lock;
  gboolean ok;

  if (o->config.data == NULL) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE, "Give the data folder with --data");
    return FALSE;
  }
  if (!rtk_server_file_make_folder (o->config.data, error))
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
  if (lock >= 0)
    close (lock);
  return ok;
}

static void
options_clear (Options *o)
{
  char *texts[] = {o->config.data,
                   o->config.database,
                   o->listen,
                   o->ready_file,
                   o->tls_certificate,
                   o->tls_key,
                   o->role,
                   o->password_file,
                   o->photos,
                   o->codes_file,
                   o->user,
                   o->now,
                   o->config.trusted_proxies,
                   o->config.provider,
                   o->config.provider_secret,
                   o->config.webhook_url,
                   o->config.webhook_secret,
                   o->config.rules,
                   o->config.rules_folder,
                   o->provider_secret_file,
                   o->webhook_secret_file,
                   o->metrics_token_file,
                   o->config.metrics_token};

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (texts[i]);
  g_strfreev (o->words);
}

int
main (int argc, char **argv)
{
  Options o = {.bootstrap_fd = -1, .graduates = -1, .seed = -1};
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  const GOptionEntry *entries = get_entries (&o);
  int                 code;

  setlocale (LC_ALL, "");
  /* SQLite makes its files with the rights that are left. */
  (void)umask (0077);
  for (const GOptionEntry *entry = entries; entry->long_name != NULL; entry++)
    if (entry->arg == G_OPTION_ARG_INT64)
      *(gint64 *)entry->arg_data = -1;
  rtk_server_log_init ();
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_summary (
      context, "The central server of Retake. Without a command it serves; commands: user add"
               " NAME, user disable NAME, roster import FILE, simulate, close-unpaid, audit"
               " verify, backup DIR, restore DIR.");
  if (sodium_init () < 0 || !g_option_context_parse (context, &argc, &argv, &error) ||
      !check_database (&o, TRUE, &error) || !read_environment (entries, &error) ||
      !check_database (&o, FALSE, &error))
    code = 2;
  else if (o.version) {
    g_print ("retake-server %s\n", RTK_VERSION);
    code = 0;
  } else {
    set_defaults (&o.config);
    o.config.require_consent = o.require_consent;
    code = read_secrets (&o, &error) && run (&o, &error) ? o.answer_is_no : 2;
  }
  if (error != NULL) {
    if (g_error_matches (error, RTK_ERROR, RTK_ERROR_DAMAGED) &&
        is_command (&o, "audit", "verify", 2))
      code = 1;
    g_printerr ("retake-server: %s\n", error->message);
  }
  options_clear (&o);
  return code;
}
