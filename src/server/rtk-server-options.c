/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-options.h"

#include "core/rtk-error.h"
#include "server/rtk-server-adapters.h"
#include "server/rtk-server-files.h"
#include "server/rtk-server-guide.h"

#include <gio/gio.h>
#include <string.h>

#define NOT_GIVEN G_MININT64
#define AT(member) G_STRUCT_OFFSET (RtkServerConfig, member)
/* Ten years. */
#define MAX_SECONDS (10 * 366 * 24 * 3600)

/* A setting that is a number; 0 readers = as many as there are processors. */
typedef struct {
  const char *option;
  gsize       offset;
  gint64      fallback;
  gint64      least;
  gint64      most;
} Number;

static const Number numbers[] = {
    {"quota-files", AT (quota_files), 40, 0, G_MAXINT},
    {"quota-bytes", AT (quota_bytes), 200 * 1024 * 1024, 0, G_MAXINT64},
    {"price-fen", AT (price_fen), 2500, 0, G_MAXINT},
    {"webhook-timeout-seconds", AT (webhook_timeout_seconds), 20, 1, MAX_SECONDS},
    {"webhook-retry-seconds", AT (webhook_retry_seconds), 5, 0, MAX_SECONDS},
    {"idle-seconds", AT (idle_seconds), 120, 1, MAX_SECONDS},
    {"max-body", AT (max_body), 4 * 1024 * 1024, 1, G_MAXINT},
    {"max-upload", AT (max_upload), 64 * 1024 * 1024, 1, G_MAXINT},
    {"max-page", AT (max_page), 500, 1, 10000},
    {"upload-seconds", AT (upload_seconds), 24 * 3600, 0, MAX_SECONDS},
    {"thumbnail-seconds", AT (thumbnail_seconds), 10, 0, MAX_SECONDS},
    {"hint-ms", AT (hint_ms), 250, 0, 3600000},
    {"ping-seconds", AT (ping_seconds), 30, 1, MAX_SECONDS},
    {"max-sockets", AT (max_sockets), 10000, 0, G_MAXINT},
    {"max-own-sockets", AT (max_own_sockets), 100, 0, G_MAXINT},
    {"readers", AT (readers), 0, 1, 64},
    {"refresh-grace-seconds", AT (refresh_grace_seconds), 60, 0, MAX_SECONDS},
    {"grant-seconds", AT (grant_seconds), 7 * 24 * 3600, 0, MAX_SECONDS},
    {"lockout-failures", AT (lockout_failures), 5, 0, G_MAXINT},
    {"lockout-seconds", AT (lockout_seconds), 900, 0, MAX_SECONDS},
    {"staff-rate", AT (staff_rate), 12000, 0, G_MAXINT},
    {"staff-burst", AT (staff_burst), 6000, 0, G_MAXINT},
    {"account-rate", AT (account_rate), 600, 0, G_MAXINT},
    {"account-burst", AT (account_burst), 200, 0, G_MAXINT},
    {"address-rate", AT (address_rate), 1200, 0, G_MAXINT},
    {"address-burst", AT (address_burst), 300, 0, G_MAXINT},
    {"sign-in-rate", AT (sign_in_rate), 60, 0, G_MAXINT},
    {"sign-in-burst", AT (sign_in_burst), 60, 0, G_MAXINT},
    {"new-account-rate", AT (new_account_rate), 6, 0, G_MAXINT},
    {"new-account-burst", AT (new_account_burst), 30, 0, G_MAXINT},
    {"effect-days", AT (effect_days), 30, 0, 36500},
    {"access-seconds", AT (access_seconds), 900, 0, MAX_SECONDS},
    {"refresh-seconds", AT (refresh_seconds), 12 * 3600, 0, MAX_SECONDS},
    {"unpaid-seconds", AT (unpaid_seconds), 1800, 0, MAX_SECONDS},
    {"hold-seconds", AT (hold_seconds), 600, 0, MAX_SECONDS},
    {"lease-seconds", AT (lease_seconds), 600, 0, MAX_SECONDS},
    {"sample-percent", AT (sample_percent), 5, 0, 100},
    {"gold-percent", AT (gold_percent), 2, 0, 100},
};

/* One or two words, so many with what they are about. */
typedef struct {
  const char *first;
  const char *second; /* (nullable) */
  guint       n_words;
  gboolean    wants_data; /* what is not there is not made */
  const char *usage;
  const char *help;
} Command;

static const Command commands[] = {
    {"user", "add", 3, FALSE,
     "user add NAME --role operator|reviewer|supervisor [--password-file F]",
     "Adds a member of staff; the password has at least eight characters"},
    {"user", "disable", 3, TRUE, "user disable NAME",
     "Keeps a member of staff out until a supervisor enables them again"},
    {"roster", "import", 3, FALSE, "roster import FILE",
     "Takes the graduates of a school from a CSV file"},
    {"simulate", NULL, 1, FALSE,
     "simulate --graduates N --photos DIR [--seed S] [--user NAME --password-file F] [--codes-file"
     " F]",
     "Makes a campus in every state, through the public API"},
    {"close-unpaid", NULL, 1, TRUE, "close-unpaid --now TIME",
     "Closes orders that were not paid in time; a server does so by itself"},
    {"audit", "verify", 2, TRUE, "audit verify [--anchor COUNT:HASH]",
     "Says whether the audit log was changed, beside a running server, too"},
    {"backup", NULL, 2, TRUE, "backup FOLDER",
     "Makes a backup in a new folder, beside a running server, too"},
    {"restore", NULL, 2, FALSE, "restore FOLDER", "Brings a backup back, into a new data folder"},
};

/* Writes the options of payments and adapters, and the end, to @out. */
static void
add_payment_entries (RtkServerOptions *o, GOptionEntry *out)
{
  const GOptionEntry list[] = {
      {"price-fen", 0, 0, G_OPTION_ARG_INT64, &o->config.price_fen,
       "What an order costs, in 1/100 yuan", "N"},
      {"provider", 0, 0, G_OPTION_ARG_STRING, &o->config.provider,
       "Who takes the money: webhook (the default when there is one), sandbox (the default when"
       " only this machine can call), none",
       "NAME"},
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
add_http_entries (RtkServerOptions *o, GOptionEntry *out)
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
      {"thumbnail-seconds", 0, 0, G_OPTION_ARG_INT64, &o->config.thumbnail_seconds,
       "How long a picture may take to decode", "N"},
      {"quota-files", 0, 0, G_OPTION_ARG_INT64, &o->config.quota_files,
       "Uploads of a graduate that no submission has; 0 = no limit", "N"},
      {"quota-bytes", 0, 0, G_OPTION_ARG_INT64, &o->config.quota_bytes,
       "Bytes of these; 0 = no limit", "N"},
      {"hint-ms", 0, 0, G_OPTION_ARG_INT64, &o->config.hint_ms,
       "Between two hints to a WebSocket, milliseconds", "N"},
      {"ping-seconds", 0, 0, G_OPTION_ARG_INT64, &o->config.ping_seconds,
       "Between two pings to a WebSocket", "N"},
      {"max-sockets", 0, 0, G_OPTION_ARG_INT64, &o->config.max_sockets,
       "WebSockets at a time; 0 = no limit", "N"},
      {"max-own-sockets", 0, 0, G_OPTION_ARG_INT64, &o->config.max_own_sockets,
       "Of these, those of one member of staff; 0 = no limit", "N"},
      {"readers", 0, 0, G_OPTION_ARG_INT64, &o->config.readers,
       "Connections that read beside the one that writes", "N"},
  };

  memcpy (out, list, sizeof list);
  return out + G_N_ELEMENTS (list);
}

/* Writes the options of who may call, and how often; answers where to go on. */
static GOptionEntry *
add_people_entries (RtkServerOptions *o, GOptionEntry *out)
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
       "A photo needs the graduate's consent first", NULL},
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
       "Sign-ins a minute from an address; 0 = no limit", "N"},
      {"sign-in-burst", 0, 0, G_OPTION_ARG_INT64, &o->config.sign_in_burst, "Of these in one go",
       "N"},
      {"new-account-rate", 0, 0, G_OPTION_ARG_INT64, &o->config.new_account_rate,
       "New accounts a minute from an address; 0 = no limit", "N"},
      {"new-account-burst", 0, 0, G_OPTION_ARG_INT64, &o->config.new_account_burst,
       "Of these in one go", "N"},
      {"effect-days", 0, 0, G_OPTION_ARG_INT64, &o->config.effect_days,
       "After how many days what was sent is erased; 0 = never", "N"},
      {"trusted-proxy", 0, 0, G_OPTION_ARG_STRING, &o->config.trusted_proxies,
       "Addresses or networks whose X-Forwarded-For is believed, with commas", "LIST"},
  };

  memcpy (out, list, sizeof list);
  return out + G_N_ELEMENTS (list);
}

/* Each setting that is a number has a row; what --help says of it gets the default. */
static void
describe_defaults (GOptionEntry *entries)
{
  for (; entries->long_name != NULL; entries++) {
    g_autofree char *text = NULL;
    guint            i = 0;

    if (entries->arg != G_OPTION_ARG_INT64)
      continue;
    while (i < G_N_ELEMENTS (numbers) && strcmp (entries->long_name, numbers[i].option) != 0)
      i++;
    g_assert (i < G_N_ELEMENTS (numbers));
    if (numbers[i].offset == AT (readers))
      continue;
    text = g_strdup_printf ("%s (%" G_GINT64_FORMAT ")", entries->description, numbers[i].fallback);
    entries->description = g_intern_string (text);
  }
}

static const GOptionEntry *
get_entries (RtkServerOptions *o)
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
       {"without-missing-photos", 0, 0, G_OPTION_ARG_NONE, &o->without_missing_photos,
        "restore: go on without photos that are missing or damaged", NULL},
       {"now", 0, 0, G_OPTION_ARG_STRING, &o->now, "close-unpaid: RFC 3339, or “now”", "TIME"},
       {"anchor", 0, 0, G_OPTION_ARG_STRING, &o->anchor,
        "audit verify: how the log once was, from a backup.json or the server's log", "COUNT:HASH"},
       {"version", 0, 0, G_OPTION_ARG_NONE, &o->version, "Print the version", NULL},
       {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->words, NULL, "[COMMAND ...]"},
       {NULL, 0, 0, 0, NULL, NULL, NULL},
  };

  G_STATIC_ASSERT (G_N_ELEMENTS (list) + 48 <= G_N_ELEMENTS (entries));
  memcpy (entries, list, sizeof list);
  add_payment_entries (
      o, add_people_entries (o, add_http_entries (o, entries + G_N_ELEMENTS (list) - 1)));
  describe_defaults (entries);
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
      if (!g_ascii_string_to_signed (value, 10, G_MININT, G_MAXINT, &number, NULL)) {
        g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE, "%s is not a number", name);
        return FALSE;
      }
      if (entry->arg == G_OPTION_ARG_INT64 && *(gint64 *)entry->arg_data == NOT_GIVEN)
        *(gint64 *)entry->arg_data = number;
      else if (entry->arg == G_OPTION_ARG_INT && *(int *)entry->arg_data < 0)
        *(int *)entry->arg_data = (int)number;
    }
  }
  return TRUE;
}

static gboolean
check_database (const RtkServerOptions *o, gboolean is_public, GError **error)
{
  return o->config.database == NULL ||
         rtk_server_db_check_address (o->config.database, is_public, error);
}

/* Whether another machine can reach what listens at @listen. */
static gboolean
is_public (const char *listen)
{
  g_autoptr (GSocketConnectable) parsed =
      listen != NULL ? g_network_address_parse (listen, 0, NULL) : NULL;
  g_autoptr (GInetAddress) address =
      parsed != NULL ? g_inet_address_new_from_string (
                           g_network_address_get_hostname (G_NETWORK_ADDRESS (parsed)))
                     : NULL;

  return listen != NULL && (address == NULL || !g_inet_address_get_is_loopback (address));
}

/* Numbers that were not given get their defaults, the others must be sensible. */
static gboolean
take_numbers (RtkServerConfig *config, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    gint64 *value = G_STRUCT_MEMBER_P (config, numbers[i].offset);

    if (*value == NOT_GIVEN) {
      *value = numbers[i].fallback;
    } else if (*value < numbers[i].least || *value > numbers[i].most) {
      g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE,
                   "--%s takes a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                   numbers[i].option, numbers[i].least, numbers[i].most);
      return FALSE;
    }
  }
  if (config->readers == 0)
    config->readers = CLAMP (g_get_num_processors (), 2, 4);
  return TRUE;
}

/* Whether the words are a command as it is to be written. */
static gboolean
check_words (RtkServerOptions *o, GError **error)
{
  guint          n = o->words != NULL ? g_strv_length (o->words) : 0;
  const Command *meant = NULL;

  for (guint i = 0; n > 0 && i < G_N_ELEMENTS (commands); i++) {
    const Command *c = &commands[i];

    if (strcmp (o->words[0], c->first) != 0 ||
        (c->second != NULL && n > 1 && strcmp (o->words[1], c->second) != 0))
      continue;
    if (n == c->n_words) {
      o->wants_data = c->wants_data;
      return TRUE;
    }
    if (meant == NULL)
      meant = c;
  }
  if (n == 0)
    return TRUE;
  if (meant != NULL)
    g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE, "Write it so: retake-server %s --data DIR",
                 meant->usage);
  else
    g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE,
                 "There is no command “%s”: retake-server --help lists them", o->words[0]);
  return FALSE;
}

/* What --help says before the options. */
static char *
dup_summary (void)
{
  GString *text = g_string_new ("The central server of Retake. Without a command it serves.\n\n"
                                "Commands, each with --data DIR:\n");

  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    g_string_append_printf (text, "  %s\n      %s\n", commands[i].usage, commands[i].help);
  g_string_append (text, "\nA default stands in brackets. Each option can stand in the environment:"
                         " --hold-seconds is\nRETAKE_HOLD_SECONDS. Exit codes: 0 done, 1 done and"
                         " the answer is no, 2 could not be done.");
  return g_string_free (text, FALSE);
}

static gboolean
read_secret (const char *file, char **out_secret, GError **error)
{
  if (file != NULL)
    *out_secret = rtk_server_file_read_secret (file, error);
  return file == NULL || *out_secret != NULL;
}

/* What is not said on the command line. */
static gboolean
read_secrets (RtkServerOptions *o, GError **error)
{
  return read_secret (o->provider_secret_file, &o->config.provider_secret, error) &&
         read_secret (o->metrics_token_file, &o->config.metrics_token, error) &&
         read_secret (o->webhook_secret_file, &o->config.webhook_secret, error) &&
         rtk_server_adapters_check (&o->config, error) &&
         rtk_server_guide_check (&o->config, error);
}

/**
 * rtk_server_options_read:
 * @self: (out caller-allocates): the options; to be cleared whatever is returned
 * @argc: of the program
 * @argv: of the program
 * @error: return location; %RTK_ERROR_USAGE
 *
 * Reads the command line, then the environment for what it left open (`--hold-seconds` is
 * RETAKE_HOLD_SECONDS), then the files of secrets, and fills in the defaults. `--help` ends the
 * program. Once a process.
 *
 * Returns: whether they fit together
 */
gboolean
rtk_server_options_read (RtkServerOptions *self, int argc, char **argv, GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autofree char    *summary = dup_summary ();
  const GOptionEntry *entries;

  *self = (RtkServerOptions){.bootstrap_fd = -1, .graduates = -1, .seed = -1};
  entries = get_entries (self);
  for (const GOptionEntry *entry = entries; entry->long_name != NULL; entry++)
    if (entry->arg == G_OPTION_ARG_INT64)
      *(gint64 *)entry->arg_data = NOT_GIVEN;
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_summary (context, summary);
  if (!g_option_context_parse (context, &argc, &argv, error) ||
      !check_database (self, TRUE, error) || !read_environment (entries, error) ||
      !check_database (self, FALSE, error) || !check_words (self, error) ||
      !take_numbers (&self->config, error))
    return FALSE;
  self->config.require_consent = self->require_consent;
  self->config.is_public = self->words == NULL && is_public (self->listen);
  return self->version || read_secrets (self, error);
}

/**
 * rtk_server_options_clear:
 * @self: options
 *
 * Frees what they hold.
 */
void
rtk_server_options_clear (RtkServerOptions *self)
{
  char *texts[] = {self->config.data,
                   self->config.database,
                   self->listen,
                   self->ready_file,
                   self->tls_certificate,
                   self->tls_key,
                   self->role,
                   self->password_file,
                   self->photos,
                   self->codes_file,
                   self->user,
                   self->now,
                   self->anchor,
                   self->config.trusted_proxies,
                   self->config.provider,
                   self->config.provider_secret,
                   self->config.webhook_url,
                   self->config.webhook_secret,
                   self->config.rules,
                   self->config.rules_folder,
                   self->provider_secret_file,
                   self->webhook_secret_file,
                   self->metrics_token_file,
                   self->config.metrics_token};

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (texts[i]);
  g_strfreev (self->words);
}
