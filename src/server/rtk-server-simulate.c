/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-simulate.h"

#include "core/rtk-error.h"
#include "server/rtk-server-adapters.h"
#include "server/rtk-server-campus.h"
#include "server/rtk-server-files.h"
#include "server/rtk-server-http.h"
#include "server/rtk-server-socket.h"

#include <glib/gstdio.h>
#include <string.h>

/* A campus in every state, made through the public routes by clients on threads of their own while
 * the server runs on this one. Time is passed by the jobs, as `close-unpaid --now` does. The server
 * is started anew for each act, with the settings that the act needs. */

#define DAY G_GINT64_CONSTANT (86400)
/* Effects that are done at once. */
#define PAGE 200

/* What happens while the server runs once. */
typedef gboolean (*ActFunc) (RtkServerCampus *campus, GError **error);

typedef struct {
  RtkServerCampus *campus;
  ActFunc          func;
  const char      *secret; /* (nullable): in the first act */
  GMainLoop       *loop;
  GError          *error;
} Act;

static gboolean
import_roster (RtkServerCampus *campus, RtkServerStore *store, GError **error)
{
  g_autoptr (GString) text = rtk_server_campus_make_roster (campus);
  g_autofree char *path = g_build_filename (store->config->data, "roster.csv.new", NULL);
  g_auto (RtkServerRosterResult) result = {0};
  gboolean ok;

  if (!rtk_server_file_write (path, text->str, text->len, error))
    return FALSE;
  ok = rtk_server_roster_import (store, path, &result, error);
  (void)g_unlink (path);
  return ok;
}

static gboolean
is_reviewed_early (const RtkServerGraduate *graduate)
{
  return graduate->story->early && graduate->story->look != RTK_SERVER_LOOK_NONE;
}

static gboolean
is_left_early (const RtkServerGraduate *graduate)
{
  return graduate->story->early && graduate->story->look == RTK_SERVER_LOOK_NONE;
}

static gboolean
is_reviewed (const RtkServerGraduate *graduate)
{
  RtkServerLook look = graduate->story->look;

  return !graduate->story->early &&
         (look == RTK_SERVER_LOOK_APPROVED || look == RTK_SERVER_LOOK_REJECTED ||
          look == RTK_SERVER_LOOK_CORRECTED);
}

static gboolean
is_undone (const RtkServerGraduate *graduate)
{
  return graduate->story->look == RTK_SERVER_LOOK_UNDONE;
}

static gboolean
is_looked_at_twice (const RtkServerGraduate *graduate)
{
  RtkServerLook look = graduate->story->look;

  return look == RTK_SERVER_LOOK_SECOND || look == RTK_SERVER_LOOK_AGREED ||
         look == RTK_SERVER_LOOK_ARBITRATION || look == RTK_SERVER_LOOK_ARBITRATED;
}

static gboolean
is_passed_on (const RtkServerGraduate *graduate)
{
  return graduate->story->look == RTK_SERVER_LOOK_OPINION;
}

static gboolean
is_held (const RtkServerGraduate *graduate)
{
  return graduate->story->look == RTK_SERVER_LOOK_HELD;
}

static gboolean
is_left (const RtkServerGraduate *graduate)
{
  return !graduate->story->early && graduate->story->look == RTK_SERVER_LOOK_NONE;
}

static gboolean
walk (RtkServerCampus *campus, RtkServerWantFunc wants, GError **error)
{
  return rtk_server_campus_work (campus, rtk_server_campus_walk, wants, error);
}

/* What time will pass over. Whoever will be reviewed comes first, so that the reviewers can empty
 * the queue. */
static gboolean
play_early (RtkServerCampus *campus, GError **error)
{
  return (!campus->is_whole ||
          rtk_server_campus_work (campus, rtk_server_campus_upload, NULL, error)) &&
         walk (campus, is_reviewed_early, error) && rtk_server_campus_review (campus, error) &&
         walk (campus, is_left_early, error);
}

static gboolean
play_main (RtkServerCampus *campus, GError **error)
{
  if (!walk (campus, is_reviewed, error) || !rtk_server_campus_review (campus, error))
    return FALSE;
  if (!campus->is_whole)
    return walk (campus, is_left, error) && rtk_server_campus_end (campus, error);
  /* Before there is anything else that the same reviewer could claim. */
  return walk (campus, is_undone, error) && rtk_server_campus_undo (campus, error) &&
         walk (campus, is_held, error) && rtk_server_campus_hold (campus, error);
}

static gboolean
play_late (RtkServerCampus *campus, GError **error)
{
  return walk (campus, is_looked_at_twice, error) && rtk_server_campus_look_twice (campus, error) &&
         walk (campus, is_passed_on, error) && rtk_server_campus_pass_on (campus, error) &&
         walk (campus, is_left, error) &&
         rtk_server_campus_work (campus, rtk_server_campus_after, NULL, error) &&
         rtk_server_campus_export (campus, error) && rtk_server_campus_end (campus, error);
}

static gpointer
act_thread (gpointer data)
{
  Act *act = data;
  g_autoptr (GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  if (act->secret == NULL || rtk_server_campus_begin (act->campus, act->secret, &act->error))
    (void)act->func (act->campus, &act->error);
  g_main_context_pop_thread_default (context);
  g_main_loop_quit (act->loop);
  return NULL;
}

static gboolean
stopped_cb (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

static gboolean
run_act (RtkServerCampus       *campus,
         ActFunc                func,
         const char            *secret,
         const RtkServerConfig *config,
         const RtkServerKeys   *keys,
         GError               **error)
{
  g_autoptr (GSocket) socket = rtk_server_socket_open ("127.0.0.1:0", FALSE, error);
  g_autoptr (RtkServerHttp) server =
      socket != NULL ? rtk_server_http_new (config, keys, secret, NULL, error) : NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Act      act = {campus, func, secret, loop, NULL};
  GThread *thread;

  if (server == NULL || !rtk_server_http_listen (server, socket, error))
    return FALSE;
  g_free (campus->base);
  campus->base = rtk_server_http_dup_url (server);
  thread = g_thread_new ("simulate", act_thread, &act);
  g_main_loop_run (loop);
  g_thread_join (thread);
  rtk_server_http_stop (server, stopped_cb, loop);
  g_main_loop_run (loop);
  if (act.error == NULL)
    return TRUE;
  g_propagate_error (error, act.error);
  return FALSE;
}

/* Codes of those who may be retaken: first those who need not pay for it. */
static gboolean
write_codes (RtkServerCampus *campus, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (campus->simulation->codes_file == NULL)
    return TRUE;
  for (int turn = 0; turn < 3; turn++)
    for (guint i = 0; i < campus->graduates->len; i++) {
      const RtkServerGraduate *graduate = rtk_server_campus_get (campus, i);
      const RtkServerStory    *story = graduate->story;
      int mine = story->pay == RTK_SERVER_PAY_WAIVER ? 0 : story->early ? 2 : 1;

      if (story->way == RTK_SERVER_WAY_ONLINE && story->look == RTK_SERVER_LOOK_REJECTED &&
          !story->retaken && mine == turn)
        g_string_append_printf (text, "%s\n", graduate->code);
    }
  return rtk_server_file_write (campus->simulation->codes_file, text->str, text->len, error);
}

/* Orders whose refund is refused. */
static GHashTable *
list_refused (RtkServerCampus *campus)
{
  GHashTable *refused = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < campus->graduates->len; i++) {
    RtkServerGraduate *graduate = rtk_server_campus_get (campus, i);

    if (graduate->story->refused)
      g_hash_table_add (refused, graduate->order);
  }
  return refused;
}

/* What is due is done, as the adapters do it; some refunds are refused. */
static gboolean
do_effects (RtkServerCampus *campus, RtkServerStore *store, gint64 now, GError **error)
{
  g_autoptr (GHashTable) refused = list_refused (campus);
  guint n;

  do {
    g_autoptr (GPtrArray) list = rtk_server_effects_take (store, now, PAGE, error);

    if (list == NULL)
      return FALSE;
    n = list->len;
    for (guint i = 0; i < n; i++) {
      const RtkServerEffect *effect = g_ptr_array_index (list, i);
      gboolean               fails =
          strcmp (effect->kind, "refund") == 0 && g_hash_table_contains (refused, effect->order_id);

      if (!rtk_server_effect_finish (
              store, effect, fails ? RTK_SERVER_DELIVERY_FAILED : RTK_SERVER_DELIVERY_DONE, "{}",
              fails ? "The bank does not know this payment." : NULL, now, error))
        return FALSE;
    }
  } while (n > 0);
  return TRUE;
}

static gboolean
pass_time (RtkServerCampus *campus, RtkServerStore *store, GError **error)
{
  gint64 later = g_get_real_time () + 2 * DAY * G_USEC_PER_SEC +
                 store->config->unpaid_seconds * G_USEC_PER_SEC;
  guint done;

  return rtk_server_jobs_close_unpaid (store, later, &done, error) &&
         do_effects (campus, store, later, error);
}

static gboolean
is_fresh (RtkServerStore *store, GError **error)
{
  if (rtk_server_db_get_int (store->db, 0, "SELECT EXISTS (SELECT 1 FROM roster)", "") == 0 &&
      rtk_server_db_get_int (store->db, 0, "SELECT EXISTS (SELECT 1 FROM staff WHERE enabled = 1)",
                             "") == 0)
    return TRUE;
  g_set_error_literal (error, RTK_ERROR, RTK_ERROR_EXISTS,
                       "This data folder is in use already: simulate a campus in a new one");
  return FALSE;
}

/* Nobody in the world hears of it. Ten thousand graduates may take longer than a token, an unpaid
 * order, a lease or a held refund lasts. */
static RtkServerConfig
make_patient (const RtkServerConfig *config)
{
  RtkServerConfig patient = *config;

  patient.provider = NULL;
  patient.webhook_url = NULL;
  patient.require_consent = 0;
  patient.sample_percent = patient.gold_percent = 0;
  patient.access_seconds = patient.unpaid_seconds = patient.lease_seconds = DAY;
  patient.hold_seconds = DAY;
  patient.is_hasty = TRUE;
  return patient;
}

/* All that was hasty is on the disk before anybody hears that the campus is there. */
static gboolean
make_durable (RtkServerStore *store, GError **error)
{
  guint done;

  /* A commit that waits for the disk waits for all before it. */
  if (rtk_server_db_is_postgres (store->db))
    return rtk_server_jobs_expire (store, g_get_real_time (), &done, error);
  return rtk_server_db_exec (store->db, "PRAGMA wal_checkpoint(TRUNCATE)", error);
}

/**
 * rtk_server_simulate:
 * @config: settings of a prepared, locked data folder
 * @keys: its keys
 * @simulation: what to make
 * @error: return location; %RTK_ERROR_EXISTS when the folder is not fresh
 *
 * Makes a campus in every state. Runs a server on the loopback while it works; runs the default
 * main context.
 *
 * Returns: whether the campus is complete
 */
gboolean
rtk_server_simulate (const RtkServerConfig     *config,
                     const RtkServerKeys       *keys,
                     const RtkServerSimulation *simulation,
                     GError                   **error)
{
  g_auto (RtkServerCampus) campus = {0};
  g_autoptr (RtkServerStore) store = rtk_server_store_open (config, keys, error);
  g_autofree char *secret = g_uuid_string_random ();
  RtkServerConfig  patient = make_patient (config);
  RtkServerConfig  careful = patient;

  if (store == NULL || !is_fresh (store, error))
    return FALSE;
  rtk_server_campus_init (&campus, simulation);
  campus.pictures = rtk_server_pictures_load (simulation->photos, error);
  if (campus.pictures == NULL)
    return FALSE;
  /* Every verdict is looked at again. */
  careful.sample_percent = 100;
  return import_roster (&campus, store, error) &&
         run_act (&campus, play_early, secret, &patient, keys, error) &&
         pass_time (&campus, store, error) &&
         run_act (&campus, play_main, NULL, &patient, keys, error) &&
         (!campus.is_whole || run_act (&campus, play_late, NULL, &careful, keys, error)) &&
         do_effects (&campus, store, g_get_real_time (), error) && make_durable (store, error) &&
         write_codes (&campus, error);
}
