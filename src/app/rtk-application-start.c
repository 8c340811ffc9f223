/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-app"
#include "config.h"

#include "app/rtk-application-private.h"
#include "app/rtk-demo.h"
#include "core/rtk-error.h"
#include "vision/rtk-models.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <sodium.h>
#include <string.h>

#define DEMO_NAME "demo"
#define DEMO_GRADUATES 36
#define RETRY_SECONDS 30

static void open_keys (RtkApplication *self);
static void start_server (RtkApplication *self);
static void connect_station (RtkApplication *self);
static void sign_in (RtkApplication *self);

/**
 * rtk_application_forget:
 * @secret: (inout) (nullable): a secret, wiped and set to %NULL
 */
void
rtk_application_forget (char **secret)
{
  if (*secret != NULL)
    sodium_memzero (*secret, strlen (*secret));
  g_clear_pointer (secret, g_free);
}

/* Whoever closes the window while something is under way wants no next step: each step looks
 * whether the program ends before it touches a station that may be gone. */

/* Says it where the person is: on the page that asked, or instead of the pages. */
static void
fail (RtkApplication *self, const GError *error)
{
  const char *sentence = _ (rtk_error_sentence (error));

  if (self->is_ending)
    return;
  g_message ("The start stopped: %s", error->message);
  if (self->sign_in != NULL)
    rtk_sign_in_page_set_problem (self->sign_in, sentence);
  else if (self->welcome != NULL)
    rtk_welcome_set_problem (self->welcome, sentence);
  else
    rtk_window_show_problem (self->window, _ ("Retake cannot start"), sentence);
}

static void
busy (RtkApplication *self, const char *what)
{
  if (self->welcome == NULL && self->sign_in == NULL)
    rtk_window_show_busy (self->window, what);
}

/* Painting comes before this: what the benchmark waits for is on the screen. */
static gboolean
usable_cb (gpointer user_data)
{
  g_debug ("usable");
  return G_SOURCE_REMOVE;
}

static void
first_frame_cb (RtkCamera *camera, RtkFrame *frame, gpointer user_data)
{
  g_signal_handlers_disconnect_by_func (camera, first_frame_cb, user_data);
  g_idle_add_full (G_PRIORITY_LOW, usable_cb, NULL, NULL);
}

static void
show_station (RtkApplication *self)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *camera = g_strdup (self->camera_id);

  if (self->is_shown || self->is_ending)
    return;
  self->is_shown = TRUE;
  self->welcome = NULL;
  self->sign_in = NULL;
  rtk_window_set_actor (self->window, self->name);
  rtk_window_show_station (
      self->window, rtk_station_get_retake (self->station), rtk_station_get_camera (self->station),
      RTK_STORE (rtk_station_get_store (self->station)), rtk_station_get_status (self->station));
  if (camera == NULL && self->mode == RTK_SETUP_DEMO) {
    g_autofree char *picture = rtk_demo_find_picture ();

    if (picture != NULL)
      camera = g_strconcat ("replay:", picture, NULL);
  }
  g_signal_connect (rtk_station_get_camera (self->station), "frame", G_CALLBACK (first_frame_cb),
                    NULL);
  if (!rtk_station_use_camera (self->station, camera, &error)) {
    g_message ("The camera of the command line cannot be used: %s", error->message);
    rtk_window_say (self->window,
                    _ ("The file to be played as a camera is not there: another camera is used."),
                    FALSE);
    (void)rtk_station_use_camera (self->station, NULL, NULL);
  }
}

/* The last step: the recovery key once, then the station. */
static void
finish (RtkApplication *self)
{
  g_autoptr (GError) error = NULL;

  rtk_setup_set_mode (self->setup, self->mode);
  rtk_setup_set_value (self->setup, "name", self->name);
  if (self->mode == RTK_SETUP_CONNECT)
    rtk_setup_set_value (self->setup, "server", self->server_url);
  if (!rtk_setup_save (self->setup, &error)) {
    fail (self, error);
    return;
  }
  if (self->recovery != NULL && self->welcome != NULL && self->mode != RTK_SETUP_DEMO) {
    rtk_welcome_show_recovery_key (self->welcome, self->recovery);
    rtk_application_forget (&self->recovery);
    return;
  }
  rtk_application_forget (&self->recovery);
  show_station (self);
}

static gboolean
retry_cb (gpointer user_data)
{
  RtkApplication *self = user_data;

  self->retry = 0;
  sign_in (self);
  return G_SOURCE_REMOVE;
}

static void
signed_in_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkApplication) self = user_data;
  g_autoptr (GError) error = NULL;
  gboolean first = rtk_setup_get_mode (self->setup) == RTK_SETUP_NONE;

  if (rtk_sync_session_sign_in_finish (RTK_SYNC_SESSION (object), result, &error)) {
    rtk_application_forget (&self->passphrase);
    if (!self->is_shown && !self->is_ending)
      finish (self);
    return;
  }
  if (self->is_ending)
    return;
  g_message ("Signing in failed: %s", error->message);
  /* A desk that was set up before works without its server; the first time it cannot. */
  if (first && self->mode == RTK_SETUP_CONNECT) {
    fail (self, error);
    return;
  }
  if (!g_error_matches (error, RTK_ERROR, RTK_ERROR_UNAUTHORIZED) && self->retry == 0)
    self->retry = g_timeout_add_seconds (RETRY_SECONDS, retry_cb, self);
  if (!self->is_shown)
    finish (self);
  if (self->retry == 0)
    rtk_window_say (self->window, _ (rtk_error_sentence (error)), FALSE);
}

static void
sign_in (RtkApplication *self)
{
  if (self->passphrase == NULL || self->is_ending)
    return;
  rtk_sync_session_sign_in_async (rtk_station_get_sync (self->station), self->name,
                                  self->passphrase, NULL, signed_in_cb, g_object_ref (self));
}

static void
connect_station (RtkApplication *self)
{
  const char *url = self->child != NULL ? rtk_child_server_get_url (self->child) : self->server_url;
  g_autoptr (GError) error = NULL;

  if (self->is_ending)
    return;
  busy (self, _ ("Signing in…"));
  /* A second try, after a wrong password or address, begins anew until the pages are shown. */
  if (!self->is_shown && !rtk_station_connect (self->station, url, &error)) {
    fail (self, error);
    return;
  }
  /* A folder that was set up before is opened already: its work does not wait for the server. */
  if (rtk_setup_get_mode (self->setup) != RTK_SETUP_NONE && !self->is_shown)
    finish (self);
  sign_in (self);
}

static void
bootstrapped_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkApplication) self = user_data;
  g_autoptr (GError) error = NULL;

  if (!rtk_child_server_bootstrap_finish (RTK_CHILD_SERVER (object), result, &error))
    fail (self, error);
  else
    connect_station (self);
}

static void
server_started_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkApplication) self = user_data;
  g_autoptr (GError) error = NULL;

  if (!rtk_child_server_start_finish (RTK_CHILD_SERVER (object), result, &error)) {
    fail (self, error);
    return;
  }
  if (self->is_ending)
    return;
  /* A supervisor who is there already is left alone. */
  rtk_child_server_bootstrap_async (self->child, self->name, self->passphrase, NULL,
                                    bootstrapped_cb, g_object_ref (self));
}

static void
simulated_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkApplication) self = user_data;
  g_autoptr (GError) error = NULL;

  if (!rtk_child_server_simulate_finish (RTK_CHILD_SERVER (object), result, &error)) {
    fail (self, error);
    return;
  }
  if (self->is_ending)
    return;
  rtk_setup_set_value (self->setup, "campus", "made");
  start_server (self);
}

static void
photos_made_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkApplication) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *photos = NULL;
  g_autofree char *codes = NULL;
  g_autofree char *folder = NULL;
  g_autofree char *aside = NULL;

  if (!rtk_demo_make_photos_finish (result, &error)) {
    fail (self, error);
    return;
  }
  if (self->is_ending)
    return;
  busy (self, _ ("Making up a campus of graduates…\nThis happens only the first time."));
  /* A campus that was cut short is neither whole nor missing: out of the way with it. */
  folder = g_build_filename (rtk_station_get_folder (self->station), "server", NULL);
  aside = g_strdup_printf ("%s-cut-short-%" G_GINT64_FORMAT, folder, g_get_real_time ());
  (void)g_rename (folder, aside);
  photos = g_build_filename (rtk_station_get_folder (self->station), "photos", NULL);
  codes = g_build_filename (rtk_station_get_folder (self->station), "codes.txt", NULL);
  rtk_child_server_simulate_async (self->child, DEMO_GRADUATES, photos, codes, self->name,
                                   self->passphrase, NULL, simulated_cb, g_object_ref (self));
}

static void
make_campus (RtkApplication *self)
{
  g_autofree char *photos =
      g_build_filename (rtk_station_get_folder (self->station), "photos", NULL);
  g_autofree char *picture = NULL;

  if (self->camera_id != NULL && g_str_has_prefix (self->camera_id, "replay:") &&
      (g_str_has_suffix (self->camera_id, ".png") || g_str_has_suffix (self->camera_id, ".jpg")))
    picture = g_strdup (self->camera_id + strlen ("replay:"));
  else
    picture = rtk_demo_find_picture ();
  if (picture == NULL) {
    g_autoptr (GError) error = g_error_new_literal (RTK_ERROR, RTK_ERROR_FILE_MISSING,
                                                    "The picture of the demonstration is missing");

    fail (self, error);
    return;
  }
  busy (self, _ ("Making the photos of the demonstration…\nThis happens only the first time."));
  rtk_demo_make_photos_async (rtk_station_get_analyser (self->station),
                              rtk_station_get_pack (self->station), picture, photos, NULL,
                              photos_made_cb, g_object_ref (self));
}

static void
start_server (RtkApplication *self)
{
  g_autofree char *folder = NULL;
  g_autofree char *campus = rtk_setup_dup_value (self->setup, "campus");

  if (self->is_ending)
    return;
  if (self->mode == RTK_SETUP_CONNECT) {
    connect_station (self);
    return;
  }
  folder = g_build_filename (rtk_station_get_folder (self->station), "server", NULL);
  if (self->child == NULL)
    self->child = rtk_child_server_new (folder);
  if (self->mode == RTK_SETUP_DEMO && campus == NULL) {
    make_campus (self);
    return;
  }
  busy (self, _ ("Starting the server of this computer…"));
  if (rtk_child_server_get_url (self->child) != NULL)
    connect_station (self);
  else
    rtk_child_server_start_async (self->child, NULL, server_started_cb, g_object_ref (self));
}

static void
created_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkApplication) self = user_data;
  g_autoptr (GError) error = NULL;

  rtk_application_forget (&self->recovery);
  self->recovery = rtk_sqlite_store_create_finish (RTK_SQLITE_STORE (object), result, &error);
  if (self->recovery == NULL)
    fail (self, error);
  else
    start_server (self);
}

static void
unlocked_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkApplication) self = user_data;
  g_autoptr (GError) error = NULL;

  if (!rtk_sqlite_store_unlock_finish (RTK_SQLITE_STORE (object), result, &error))
    fail (self, error);
  else
    start_server (self);
}

static void
staff_added_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkApplication) self = user_data;
  g_autoptr (GError) error = NULL;

  if (!rtk_store_done_finish (RTK_STORE (object), result, &error))
    g_message ("The passphrase was not added: %s", error->message);
  start_server (self);
}

/* Opens the data folder's keys with name and passphrase, or makes them. */
static void
open_keys (RtkApplication *self)
{
  RtkSqliteStore *store = rtk_station_get_store (self->station);

  if (self->mode == RTK_SETUP_DEMO)
    rtk_sqlite_store_set_key_cost (store, &rtk_key_cost_light);
  if (!rtk_sqlite_store_has_keyring (store))
    rtk_sqlite_store_create_async (store, self->name, self->passphrase, NULL, created_cb,
                                   g_object_ref (self));
  else if (rtk_sqlite_store_is_unlocked (store))
    rtk_sqlite_store_add_staff_async (store, self->name, self->passphrase, NULL, staff_added_cb,
                                      g_object_ref (self));
  else
    rtk_sqlite_store_unlock_async (store, self->name, self->passphrase, NULL, unlocked_cb,
                                   g_object_ref (self));
}

static void
set_person (RtkApplication *self, const char *name, const char *passphrase)
{
  g_free (self->name);
  self->name = g_strdup (name);
  rtk_application_forget (&self->passphrase);
  self->passphrase = g_strdup (passphrase);
}

static void
sign_in_asked_cb (RtkApplication *self, const char *name, const char *passphrase)
{
  rtk_sign_in_page_set_busy (self->sign_in, TRUE);
  set_person (self, name, passphrase);
  open_keys (self);
}

static void
stand_alone_asked_cb (RtkApplication *self, const char *name, const char *passphrase)
{
  rtk_welcome_set_busy (self->welcome, TRUE);
  self->mode = RTK_SETUP_STAND_ALONE;
  set_person (self, name, passphrase);
  open_keys (self);
}

static void
connect_asked_cb (RtkApplication *self,
                  const char     *address,
                  const char     *name,
                  const char     *passphrase)
{
  rtk_welcome_set_busy (self->welcome, TRUE);
  self->mode = RTK_SETUP_CONNECT;
  g_free (self->server_url);
  self->server_url = g_strdup (address);
  set_person (self, name, passphrase);
  open_keys (self);
}

static void
demo_asked_cb (RtkApplication *self)
{
  self->welcome = NULL;
  self->demo = TRUE;
  g_clear_object (&self->station);
  g_clear_pointer (&self->setup, rtk_setup_free);
  g_clear_pointer (&self->data, g_free);
  rtk_application_begin (self);
}

static void
ask_what_for (RtkApplication *self)
{
  GtkWidget *page = rtk_welcome_new ();

  self->welcome = RTK_WELCOME (page);
  g_signal_connect_object (page, "demo", G_CALLBACK (demo_asked_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (page, "stand-alone", G_CALLBACK (stand_alone_asked_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (page, "connect", G_CALLBACK (connect_asked_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (page, "finished", G_CALLBACK (show_station), self, G_CONNECT_SWAPPED);
  rtk_window_show_page (self->window, page);
  if (self->server_url != NULL)
    rtk_welcome_set_address (self->welcome, self->server_url);
}

static void
ask_who (RtkApplication *self)
{
  g_autofree char *last = rtk_setup_dup_value (self->setup, "name");
  GtkWidget       *page = rtk_sign_in_page_new (last);

  self->sign_in = RTK_SIGN_IN_PAGE (page);
  g_signal_connect_object (page, "sign-in", G_CALLBACK (sign_in_asked_cb), self, G_CONNECT_SWAPPED);
  rtk_window_show_page (self->window, page);
}

static void
passphrase_read_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkApplication) self = user_data;
  g_autofree char *last = rtk_setup_dup_value (self->setup, "name");
  g_autofree char *text = NULL;
  gboolean is_read = g_file_load_contents_finish (G_FILE (object), result, &text, NULL, NULL, NULL);

  if (self->is_ending)
    return;
  if (!is_read || last == NULL) {
    ask_who (self);
    return;
  }
  text[strcspn (text, "\r\n")] = '\0';
  set_person (self, last, text);
  sodium_memzero (text, strlen (text));
  open_keys (self);
}

static void
begin_demo (RtkApplication *self)
{
  g_autofree char *passphrase = rtk_setup_dup_value (self->setup, "passphrase");
  g_autoptr (GError) error = NULL;
  guint8 random[16];
  char   made[sizeof random * 2 + 1];

  if (passphrase == NULL) {
    /* Random all the same: no default passphrase exists anywhere. */
    randombytes_buf (random, sizeof random);
    sodium_bin2hex (made, sizeof made, random, sizeof random);
    rtk_setup_set_value (self->setup, "passphrase", made);
    passphrase = g_strdup (made);
    rtk_setup_set_mode (self->setup, RTK_SETUP_DEMO);
    /* On disk before a key is made with it: a first start that is cut short locks nobody out. */
    if (!rtk_setup_save (self->setup, &error)) {
      fail (self, error);
      return;
    }
  }
  set_person (self, DEMO_NAME, passphrase);
  open_keys (self);
}

static void
opened_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkApplication) self = user_data;
  const char *file =
      self->passphrase_file != NULL ? self->passphrase_file : g_getenv ("RETAKE_PASSPHRASE_FILE");
  g_autoptr (GError) error = NULL;
  g_autoptr (GFile) secret = NULL;

  if (!rtk_station_open_finish (RTK_STATION (object), result, &error)) {
    fail (self, error);
    return;
  }
  if (self->is_ending)
    return;
  if (self->mode == RTK_SETUP_DEMO)
    begin_demo (self);
  else if (self->mode == RTK_SETUP_NONE)
    ask_what_for (self);
  else if (file == NULL)
    ask_who (self);
  else {
    secret = g_file_new_for_path (file);
    g_file_load_contents_async (secret, NULL, passphrase_read_cb, g_object_ref (self));
  }
}

/**
 * rtk_application_begin:
 * @self: the application, its window shown
 *
 * Takes the steps from nothing to a station at work, asking where a person must say.
 */
void
rtk_application_begin (RtkApplication *self)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder =
      self->data != NULL
          ? g_canonicalize_filename (self->data, NULL)
          : g_build_filename (g_get_user_data_dir (), self->demo ? "retake-demo" : "retake", NULL);

  self->setup = rtk_setup_load (folder);
  self->mode = rtk_setup_get_mode (self->setup);
  /* A demonstration never becomes real, and nothing real becomes one. */
  if (self->demo && self->mode == RTK_SETUP_NONE)
    self->mode = RTK_SETUP_DEMO;
  if (self->demo != (self->mode == RTK_SETUP_DEMO)) {
    rtk_window_show_problem (self->window, _ ("This folder cannot be used that way"),
                             self->demo ? _ ("It holds real work: choose another folder for the "
                                             "demonstration with --data.")
                                        : _ ("It holds a demonstration: start with --demo, or "
                                             "choose another folder with --data."));
    return;
  }
  if (self->mode == RTK_SETUP_CONNECT && self->server_url == NULL)
    self->server_url = rtk_setup_dup_value (self->setup, "server");
  rtk_window_set_demo (self->window, self->mode == RTK_SETUP_DEMO);
  busy (self, _ ("Opening the data folder…"));
  if (g_mkdir_with_parents (folder, 0700) != 0)
    error = g_error_new (RTK_ERROR, RTK_ERROR_READ_ONLY, "The folder %s cannot be made", folder);
  else
    self->station = rtk_station_new (folder, rtk_models_find_dir (), &error);
  if (self->station == NULL) {
    fail (self, error);
    return;
  }
  rtk_station_open_async (self->station, opened_cb, g_object_ref (self));
}
