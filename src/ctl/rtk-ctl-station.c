/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-ctl"
#include "config.h"

#include "ctl/rtk-ctl-station.h"

#include "core/rtk-error.h"

#include <glib/gi18n.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define SETTING_SERVER "server-url"
#define SETTING_USER "user"
#define SECRET_SESSION "session"
#define MAX_SECRET 1024

static void
free_secret (char *secret)
{
  if (secret != NULL)
    sodium_memzero (secret, strlen (secret));
  g_free (secret);
}

/* A line typed at the terminal that is not shown. */
static char *
ask_secret (const char *prompt, GError **error)
{
  struct termios before;
  struct termios hidden;
  char           line[MAX_SECRET];
  char          *read;

  if (!isatty (STDIN_FILENO) || tcgetattr (STDIN_FILENO, &before) != 0) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE,
                 "a secret is needed and nobody is there to ask: give its file by option");
    return NULL;
  }
  fputs (prompt, stderr);
  hidden = before;
  hidden.c_lflag &= (tcflag_t)~ECHO;
  tcsetattr (STDIN_FILENO, TCSAFLUSH, &hidden);
  read = fgets (line, sizeof line, stdin);
  tcsetattr (STDIN_FILENO, TCSAFLUSH, &before);
  fputc ('\n', stderr);
  if (read == NULL) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE, "nothing was typed");
    return NULL;
  }
  line[strcspn (line, "\r\n")] = '\0';
  read = g_strdup (line);
  sodium_memzero (line, sizeof line);
  return read;
}

/**
 * rtk_ctl_read_secret:
 * @path: (nullable): a file whose first line is the secret; %NULL asks at the terminal
 * @prompt: what is asked, translated
 * @error: return location
 *
 * Reads a passphrase or password. It is never taken from the command line itself.
 *
 * Returns: (transfer full): the secret, not empty
 */
char *
rtk_ctl_read_secret (const char *path, const char *prompt, GError **error)
{
  g_autofree char *text = NULL;
  char            *secret;

  if (path == NULL)
    return ask_secret (prompt, error);
  if (!g_file_get_contents (path, &text, NULL, error))
    return NULL;
  secret = g_strndup (text, strcspn (text, "\r\n"));
  sodium_memzero (text, strlen (text));
  if (secret[0] == '\0') {
    g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE, "the first line of “%s” is empty", path);
    g_free (secret);
    return NULL;
  }
  return secret;
}

static char *
read_passphrase (const char *path, GError **error)
{
  return rtk_ctl_read_secret (path != NULL ? path : g_getenv ("RETAKE_PASSPHRASE_FILE"),
                              _ ("Passphrase of the data folder: "), error);
}

/**
 * rtk_ctl_station_get_setting:
 * @self: an open station
 * @name: of the setting
 *
 * Returns: (transfer full) (nullable): its value
 */
char *
rtk_ctl_station_get_setting (RtkCtlStation *self, const char *name)
{
  g_autoptr (GAsyncResult) result = NULL;

  rtk_sqlite_store_get_setting_async (self->store, name, NULL, rtk_ctl_answer_cb, &result);
  rtk_ctl_wait (&result);
  return rtk_sqlite_store_get_setting_finish (self->store, result, NULL);
}

static gboolean
set_setting (RtkCtlStation *self, const char *name, const char *value, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  rtk_sqlite_store_set_setting_async (self->store, name, value, NULL, rtk_ctl_answer_cb, &result);
  rtk_ctl_wait (&result);
  return rtk_store_done_finish (RTK_STORE (self->store), result, error);
}

/**
 * rtk_ctl_station_open:
 * @self: an empty station
 * @ctl: names the folder
 * @mode: to write, or to look on beside another program
 * @passphrase_file: (nullable): else `RETAKE_PASSPHRASE_FILE`, else it is asked for
 * @error: return location; %RTK_ERROR_NOT_FOUND before the first sign-in, %RTK_ERROR_IN_USE,
 *   %RTK_ERROR_BAD_PASSPHRASE
 *
 * Opens and unlocks the data folder. On failure @self may be closed as it is.
 *
 * Returns: whether it is open
 */
gboolean
rtk_ctl_station_open (RtkCtlStation     *self,
                      RtkCtl            *ctl,
                      RtkSqliteStoreMode mode,
                      const char        *passphrase_file,
                      GError           **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  char    *passphrase;
  gboolean ok;

  self->clock = rtk_system_clock_new ();
  if (!g_file_test (ctl->data_dir, G_FILE_TEST_IS_DIR)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND,
                 "there is no data folder “%s” yet: “retakectl sign-in” makes it", ctl->data_dir);
    return FALSE;
  }
  self->store = rtk_sqlite_store_open (ctl->data_dir, self->clock, mode, error);
  if (self->store == NULL)
    return FALSE;
  if (!rtk_sqlite_store_has_keyring (self->store)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND,
                 "nobody has signed in here yet: use “retakectl sign-in”");
    return FALSE;
  }
  passphrase = read_passphrase (passphrase_file, error);
  if (passphrase == NULL)
    return FALSE;
  rtk_sqlite_store_unlock_async (self->store, NULL, passphrase, NULL, rtk_ctl_answer_cb, &result);
  rtk_ctl_wait (&result);
  ok = rtk_sqlite_store_unlock_finish (self->store, result, error);
  free_secret (passphrase);
  if (ok)
    self->actor = rtk_ctl_station_get_setting (self, SETTING_USER);
  return ok;
}

/**
 * rtk_ctl_station_create:
 * @self: an empty station
 * @ctl: names the folder
 * @staff: whose passphrase it is
 * @passphrase_file: (nullable): as for rtk_ctl_station_open()
 * @error: return location
 *
 * Opens the data folder for a sign-in: makes it, with its keys, when it is new. The recovery key of
 * a new folder is said once, on standard error.
 *
 * Returns: whether it is open
 */
gboolean
rtk_ctl_station_create (RtkCtlStation *self,
                        RtkCtl        *ctl,
                        const char    *staff,
                        const char    *passphrase_file,
                        GError       **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autofree char *recovery = NULL;
  char            *passphrase;

  if (g_file_test (ctl->data_dir, G_FILE_TEST_IS_DIR) &&
      rtk_ctl_station_open (self, ctl, RTK_SQLITE_STORE_WRITE, passphrase_file, error))
    return TRUE;
  if (self->store != NULL && rtk_sqlite_store_has_keyring (self->store))
    return FALSE;
  g_clear_error (error);
  if (self->store == NULL) {
    g_clear_object (&self->clock);
    self->clock = rtk_system_clock_new ();
    self->store = rtk_sqlite_store_open (ctl->data_dir, self->clock, RTK_SQLITE_STORE_WRITE, error);
  }
  if (self->store == NULL)
    return FALSE;
  passphrase = read_passphrase (passphrase_file, error);
  if (passphrase == NULL)
    return FALSE;
  rtk_sqlite_store_create_async (self->store, staff, passphrase, NULL, rtk_ctl_answer_cb, &result);
  rtk_ctl_wait (&result);
  recovery = rtk_sqlite_store_create_finish (self->store, result, error);
  free_secret (passphrase);
  if (recovery == NULL)
    return FALSE;
  rtk_ctl_say (_ ("Recovery key of this data folder: %s\nWrite it down and lock it away: it is not "
                  "shown again."),
               recovery);
  return TRUE;
}

static gboolean
restore_session (RtkCtlStation *self, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GBytes) session = NULL;

  rtk_sqlite_store_get_secret_async (self->store, SECRET_SESSION, NULL, rtk_ctl_answer_cb, &result);
  rtk_ctl_wait (&result);
  session = rtk_sqlite_store_get_secret_finish (self->store, result, NULL);
  if (session == NULL || g_bytes_get_size (session) == 0) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_UNAUTHORIZED, "use “retakectl sign-in” first");
    return FALSE;
  }
  return rtk_http_transport_restore_session (self->transport, session, error);
}

/**
 * rtk_ctl_station_connect:
 * @self: an open station
 * @server: (nullable): base URL for a sign-in; %NULL: the server and session of the last one
 * @error: return location; %RTK_ERROR_UNAUTHORIZED when nobody signed in
 *
 * Makes the way to the server. Nothing is sent yet.
 *
 * Returns: whether there is a way
 */
gboolean
rtk_ctl_station_connect (RtkCtlStation *self, const char *server, GError **error)
{
  g_autofree char *kept =
      server == NULL ? rtk_ctl_station_get_setting (self, SETTING_SERVER) : g_strdup (server);

  if (kept == NULL) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_UNAUTHORIZED, "use “retakectl sign-in” first");
    return FALSE;
  }
  self->transport = rtk_http_transport_new (kept, rtk_sqlite_store_get_signer (self->store),
                                            g_get_host_name (), error);
  if (self->transport == NULL)
    return FALSE;
  if (server == NULL)
    return restore_session (self, error);
  return set_setting (self, SETTING_SERVER, server, error);
}

/**
 * rtk_ctl_station_keep_session:
 * @self: a station that was connected
 * @error: return location
 *
 * Keeps who is signed in for the next command: tokens change with use. Signed out is kept as well.
 *
 * Returns: whether it was kept
 */
gboolean
rtk_ctl_station_keep_session (RtkCtlStation *self, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GBytes) session = rtk_http_transport_dup_session (self->transport);
  g_autofree char *user = rtk_transport_dup_user (RTK_TRANSPORT (self->transport));

  if (session == NULL)
    session = g_bytes_new_static ("", 0);
  rtk_sqlite_store_set_secret_async (self->store, SECRET_SESSION, session, NULL, rtk_ctl_answer_cb,
                                     &result);
  rtk_ctl_wait (&result);
  if (!rtk_store_done_finish (RTK_STORE (self->store), result, error))
    return FALSE;
  return user == NULL || set_setting (self, SETTING_USER, user, error);
}

/**
 * rtk_ctl_station_find_order:
 * @self: an open station
 * @id: (nullable): id of the order
 * @code: (nullable): else its collection code
 * @error: return location; %RTK_ERROR_NOT_FOUND
 *
 * Returns: (transfer full): the order
 */
RtkOrder *
rtk_ctl_station_find_order (RtkCtlStation *self, const char *id, const char *code, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  RtkStore *store = RTK_STORE (self->store);

  if (code != NULL)
    rtk_store_find_code_async (store, code, NULL, rtk_ctl_answer_cb, &result);
  else
    rtk_store_get_order_async (store, id, NULL, rtk_ctl_answer_cb, &result);
  rtk_ctl_wait (&result);
  return rtk_store_order_finish (store, result, error);
}

/**
 * rtk_ctl_station_close:
 * @self: a station, open or half open
 *
 * Closes the data folder; what was acknowledged is on disk. A station that is `g_auto` is closed
 * where it goes out of scope, after what was declared below it.
 */
void
rtk_ctl_station_close (RtkCtlStation *self)
{
  g_clear_object (&self->transport);
  if (self->store != NULL)
    rtk_sqlite_store_close (self->store);
  g_clear_object (&self->store);
  g_clear_object (&self->clock);
  g_clear_pointer (&self->actor, g_free);
}
