/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-ctl"
#include "config.h"

#include "core/rtk-error.h"
#include "ctl/rtk-ctl-station.h"
#include "ctl/rtk-ctl.h"
#include "vision/rtk-models.h"
#include "vision/rtk-vision-analyser.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <string.h>

static RtkSyncSession *
new_sync (RtkCtlStation *station)
{
  return rtk_sync_session_new (RTK_STORE (station->store),
                               rtk_sqlite_store_get_vault (station->store),
                               RTK_TRANSPORT (station->transport), station->clock);
}

/* A typing error in the address is said before a data folder is made for it. */
static gboolean
check_address (const char *address, GError **error)
{
  const char *scheme = g_uri_peek_scheme (address);

  if (g_strcmp0 (scheme, "https") == 0 || g_strcmp0 (scheme, "http") == 0)
    return TRUE;
  g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE,
               "“%s” is not the address of a server: it begins with https://", address);
  return FALSE;
}

static int
run_sign_in (RtkCtl *ctl, int argc, char **argv)
{
  g_autofree char *server = NULL;
  g_autofree char *user = NULL;
  g_autofree char *password_file = NULL;
  g_autofree char *passphrase_file = NULL;
  GOptionEntry     entries[] = {
          {"server", 0, 0, G_OPTION_ARG_STRING, &server, N_ ("address of the server"), "URL"},
          {"user", 0, 0, G_OPTION_ARG_STRING, &user, N_ ("who signs in"), "NAME"},
          {"password-file", 0, 0, G_OPTION_ARG_FILENAME, &password_file,
           N_ ("its first line is the password"), "F"},
          RTK_CTL_PASSPHRASE_ENTRY (&passphrase_file),
          G_OPTION_ENTRY_NULL,
  };
  g_auto (RtkCtlStation) station = {NULL};
  g_autoptr (RtkSyncSession) sync = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *password = NULL;

  if (!rtk_ctl_parse (entries, "--server URL --user NAME [--password-file F]", &argc, &argv, 0, 0))
    return RTK_EXIT_ERROR;
  if (server == NULL || user == NULL) {
    rtk_ctl_say (_ ("retakectl: both --server and --user are needed."));
    return RTK_EXIT_ERROR;
  }
  if (check_address (server, &error))
    password = rtk_ctl_read_secret (password_file, _ ("Password: "), &error);
  if (password == NULL || !rtk_ctl_station_create (&station, ctl, user, passphrase_file, &error) ||
      !rtk_ctl_station_connect (&station, server, &error))
    return rtk_ctl_complain (NULL, error);
  sync = new_sync (&station);
  rtk_sync_session_sign_in_async (sync, user, password, NULL, rtk_ctl_answer_cb, &result);
  rtk_ctl_wait (&result);
  if (!rtk_sync_session_sign_in_finish (sync, result, &error) ||
      !rtk_ctl_station_keep_session (&station, &error)) {
    rtk_sync_session_stop (sync);
    return rtk_ctl_complain (NULL, error);
  }
  rtk_sync_session_stop (sync);
  rtk_ctl_say (_ ("Signed in as %s."), user);
  return RTK_EXIT_OK;
}

static int
run_status (RtkCtl *ctl, int argc, char **argv)
{
  g_autofree char *passphrase_file = NULL;
  GOptionEntry     entries[] = {RTK_CTL_PASSPHRASE_ENTRY (&passphrase_file), G_OPTION_ENTRY_NULL};
  g_auto (RtkCtlStation) station = {NULL};
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) node = NULL;
  g_autofree char *server = NULL;
  g_autofree char *id = NULL;

  if (!rtk_ctl_parse (entries, "", &argc, &argv, 0, 0))
    return RTK_EXIT_ERROR;
  if (!rtk_ctl_station_open (&station, ctl, RTK_SQLITE_STORE_READ, passphrase_file, &error))
    return rtk_ctl_complain (NULL, error);
  server = rtk_ctl_station_get_setting (&station, "server-url");
  id = rtk_sqlite_store_dup_station_id (station.store);
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "server");
  json_builder_add_string_value (builder, server);
  json_builder_set_member_name (builder, "user");
  json_builder_add_string_value (builder, station.actor);
  json_builder_set_member_name (builder, "station");
  json_builder_add_string_value (builder, id);
  json_builder_set_member_name (builder, "outbox");
  json_builder_add_int_value (builder, rtk_store_get_outbox_length (RTK_STORE (station.store)));
  json_builder_end_object (builder);
  node = json_builder_get_root (builder);
  if (ctl->json)
    rtk_ctl_print_json (node);
  else
    printf (_ ("server %s, signed in as %s, %u waiting to be sent\n"),
            server != NULL ? server : "-", station.actor != NULL ? station.actor : "-",
            rtk_store_get_outbox_length (RTK_STORE (station.store)));
  return RTK_EXIT_OK;
}

static JsonNode *
counts_to_json (const RtkSyncCounts *counts, guint waiting)
{
  JsonNode   *node = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "pulled", counts->pulled);
  json_object_set_int_member (object, "uploaded", counts->uploaded);
  json_object_set_int_member (object, "applied", counts->applied);
  json_object_set_int_member (object, "duplicate", counts->duplicate);
  json_object_set_int_member (object, "conflict", counts->conflict);
  json_object_set_int_member (object, "refused", counts->refused);
  json_object_set_int_member (object, "failed", counts->failed);
  json_object_set_int_member (object, "waiting", waiting);
  json_node_take_object (node, object);
  return node;
}

/* One round; what it did is added to @total. */
static gboolean
sync_round (RtkSyncSession *sync, RtkSyncCounts *total, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  RtkSyncCounts counts = {0};
  gboolean      ok;

  rtk_sync_session_sync_once_async (sync, NULL, rtk_ctl_answer_cb, &result);
  rtk_ctl_wait (&result);
  ok = rtk_sync_session_sync_once_finish (sync, result, &counts, error);
  total->pulled += counts.pulled;
  total->uploaded += counts.uploaded;
  total->applied += counts.applied;
  total->duplicate += counts.duplicate;
  total->conflict += counts.conflict;
  total->refused += counts.refused;
  total->failed += counts.failed;
  return ok;
}

static int
run_sync (RtkCtl *ctl, int argc, char **argv)
{
  g_autofree char *passphrase_file = NULL;
  gboolean         once = FALSE;
  gboolean         until_idle = FALSE;
  GOptionEntry     entries[] = {
          {"once", 0, 0, G_OPTION_ARG_NONE, &once, N_ ("one round"), NULL},
          {"until-idle", 0, 0, G_OPTION_ARG_NONE, &until_idle, N_ ("until nothing waits"), NULL},
          RTK_CTL_PASSPHRASE_ENTRY (&passphrase_file),
          G_OPTION_ENTRY_NULL,
  };
  g_auto (RtkCtlStation) station = {NULL};
  g_autoptr (RtkSyncSession) sync = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = NULL;
  RtkSyncCounts counts = {0};
  guint         waiting;
  guint         before;
  gboolean      ok;

  if (!rtk_ctl_parse (entries, "[--once] [--until-idle]", &argc, &argv, 0, 0))
    return RTK_EXIT_ERROR;
  if (!rtk_ctl_station_open (&station, ctl, RTK_SQLITE_STORE_WRITE, passphrase_file, &error) ||
      !rtk_ctl_station_connect (&station, NULL, &error))
    return rtk_ctl_complain (NULL, error);
  sync = new_sync (&station);
  waiting = rtk_store_get_outbox_length (RTK_STORE (station.store));
  /* A round that sends nothing more has nothing left that may be sent now. */
  do {
    before = waiting;
    ok = sync_round (sync, &counts, &error);
    waiting = rtk_store_get_outbox_length (RTK_STORE (station.store));
  } while (ok && until_idle && !once && waiting > 0 && waiting < before);
  ok = rtk_ctl_station_keep_session (&station, ok ? &error : NULL) && ok;
  rtk_sync_session_stop (sync);
  if (!ok)
    return rtk_ctl_complain (NULL, error);
  node = counts_to_json (&counts, waiting);
  if (ctl->json)
    rtk_ctl_print_json (node);
  else
    rtk_ctl_say (_ ("%u orders received, %u photos sent, %u operations done, %u still waiting"),
                 counts.pulled, counts.uploaded, counts.applied + counts.duplicate, waiting);
  return counts.conflict > 0 || counts.refused > 0 ? RTK_EXIT_NO : RTK_EXIT_OK;
}

static int
run_pull (RtkCtl *ctl, int argc, char **argv)
{
  return run_sync (ctl, argc, argv);
}

static GPtrArray *
list_orders (RtkCtlStation *station, const RtkOrderFilter *filter, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  rtk_store_list_orders_async (RTK_STORE (station->store), filter, NULL, rtk_ctl_answer_cb,
                               &result);
  rtk_ctl_wait (&result);
  return rtk_store_list_orders_finish (RTK_STORE (station->store), result, error);
}

/* An order as programs get it; the code's digest is of no use outside and stays inside. */
static JsonNode *
order_to_json (RtkOrder *order)
{
  JsonNode *node = rtk_order_to_json (order);

  json_object_remove_member (json_node_get_object (node), "code_digest");
  return node;
}

static void
print_order (RtkOrder *order)
{
  RtkSubmission *submission = rtk_order_get_current_submission (order);

  printf ("%s  %-14s %-10s %-10s %s %s\n", rtk_order_get_id (order), rtk_order_get_number (order),
          rtk_payment_to_string (rtk_order_get_payment (order)),
          submission != NULL
              ? rtk_submission_state_to_string (rtk_submission_get_state (submission))
              : "-",
          rtk_order_get_name_masked (order), rtk_order_get_school (order));
}

static int
print_orders (RtkCtl               *ctl,
              const RtkOrderFilter *filter,
              const char           *state,
              const char           *passphrase_file)
{
  g_auto (RtkCtlStation) station = {NULL};
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) orders = NULL;
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_ARRAY);
  JsonArray *array = json_array_new ();

  json_node_take_array (node, array);
  if (rtk_ctl_station_open (&station, ctl, RTK_SQLITE_STORE_READ, passphrase_file, &error))
    orders = list_orders (&station, filter, &error);
  if (orders == NULL)
    return rtk_ctl_complain (NULL, error);
  for (guint i = 0; i < orders->len; i++) {
    RtkOrder      *order = g_ptr_array_index (orders, i);
    RtkSubmission *submission = rtk_order_get_current_submission (order);

    if (state != NULL &&
        strcmp (state, rtk_payment_to_string (rtk_order_get_payment (order))) != 0 &&
        (submission == NULL || strcmp (state, rtk_submission_state_to_string (
                                                  rtk_submission_get_state (submission))) != 0))
      continue;
    json_array_add_element (array, order_to_json (order));
    if (!ctl->json)
      print_order (order);
  }
  if (ctl->json)
    rtk_ctl_print_json (node);
  return RTK_EXIT_OK;
}

static int
run_list (RtkCtl *ctl, int argc, char **argv)
{
  g_autofree char *passphrase_file = NULL;
  g_autofree char *search = NULL;
  g_autofree char *state = NULL;
  GOptionEntry     entries[] = {
          {"search", 0, 0, G_OPTION_ARG_STRING, &search, N_ ("part of a name or of an order number"),
           "TEXT"},
          {"state", 0, 0, G_OPTION_ARG_STRING, &state, N_ ("of the payment or of the submission"), "S"},
          RTK_CTL_PASSPHRASE_ENTRY (&passphrase_file),
          G_OPTION_ENTRY_NULL,
  };
  RtkOrderFilter filter = {.reason = RTK_N_REASONS};

  if (!rtk_ctl_parse (entries, "[--state S] [--search TEXT]", &argc, &argv, 0, 0))
    return RTK_EXIT_ERROR;
  filter.search = search;
  return print_orders (ctl, &filter, state, passphrase_file);
}

static int
run_rejected (RtkCtl *ctl, int argc, char **argv)
{
  g_autofree char *passphrase_file = NULL;
  g_autofree char *school = NULL;
  g_autofree char *reason = NULL;
  GOptionEntry     entries[] = {
          {"school", 0, 0, G_OPTION_ARG_STRING, &school, N_ ("of this school"), "S"},
          {"reason", 0, 0, G_OPTION_ARG_STRING, &reason, N_ ("with this reason"), "CODE"},
          RTK_CTL_PASSPHRASE_ENTRY (&passphrase_file),
          G_OPTION_ENTRY_NULL,
  };
  RtkOrderFilter filter = {.needs_retake = TRUE, .reason = RTK_N_REASONS};

  if (!rtk_ctl_parse (entries, "[--school S] [--reason CODE]", &argc, &argv, 0, 0))
    return RTK_EXIT_ERROR;
  if (reason != NULL && !rtk_reason_from_string (reason, &filter.reason)) {
    rtk_ctl_say (_ ("retakectl: there is no reason “%s”."), reason);
    return RTK_EXIT_ERROR;
  }
  filter.school = school;
  return print_orders (ctl, &filter, NULL, passphrase_file);
}

static int
run_show (RtkCtl *ctl, int argc, char **argv)
{
  g_autofree char *passphrase_file = NULL;
  GOptionEntry     entries[] = {RTK_CTL_PASSPHRASE_ENTRY (&passphrase_file), G_OPTION_ENTRY_NULL};
  g_auto (RtkCtlStation) station = {NULL};
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkOrder) order = NULL;
  g_autoptr (JsonNode) node = NULL;

  if (!rtk_ctl_parse (entries, "ID", &argc, &argv, 1, 1))
    return RTK_EXIT_ERROR;
  if (rtk_ctl_station_open (&station, ctl, RTK_SQLITE_STORE_READ, passphrase_file, &error))
    order = rtk_ctl_station_find_order (&station, argv[1], NULL, &error);
  if (order == NULL)
    return rtk_ctl_complain (NULL, error);
  node = order_to_json (order);
  if (ctl->json)
    rtk_ctl_print_json (node);
  else
    print_order (order);
  return RTK_EXIT_OK;
}

const RtkCtlCommand rtk_ctl_orders_commands[] = {
    {"sign-in", NULL, "--server URL --user NAME [--password-file F]", N_ ("sign in to the server"),
     run_sign_in},
    {"status", NULL, "", N_ ("say who is signed in and what waits"), run_status},
    {"orders", "pull", "", N_ ("exchange with the server once"), run_pull},
    {"orders", "list", "[--state S] [--search TEXT]", N_ ("list orders"), run_list},
    {"orders", "show", "ID", N_ ("show an order"), run_show},
    {"queue", "rejected", "[--school S] [--reason CODE]", N_ ("list who needs a retake"),
     run_rejected},
    {"sync", NULL, "[--once] [--until-idle]", N_ ("send what waits and receive what is new"),
     run_sync},
    {NULL},
};
