/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-ctl"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-json.h"
#include "ctl/rtk-ctl-photo.h"
#include "ctl/rtk-ctl-station.h"
#include "ctl/rtk-ctl.h"
#include "vision/rtk-models.h"
#include "vision/rtk-photo-maker.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <string.h>

static RtkPhoto *
make_photo (RtkRulePack *pack, const char *path, GError **error)
{
  g_autoptr (RtkNetworks) networks = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (RtkStill) still = NULL;
  guint n;

  if (!rtk_ctl_read_file (path, &bytes, error))
    return NULL;
  networks = rtk_networks_new (rtk_models_find_dir (), error);
  if (networks == NULL)
    return NULL;
  still = rtk_still_new (bytes, rtk_ctl_guess_media_type (bytes), NULL, g_get_real_time ());
  return rtk_photo_maker_make (networks, still, pack, rtk_rule_pack_get_backgrounds (pack, &n),
                               NULL, error);
}

/* As at the shutter: what could not be measured is not green either. */
static gboolean
is_open (RtkVerdict verdict)
{
  return verdict == RTK_VERDICT_FAIL || verdict == RTK_VERDICT_UNKNOWN;
}

/* Says which failed rules nobody has accepted; what @said fails too was said before. */
static guint
say_open_failures (const RtkReport *report, const RtkReport *said, GPtrArray *overrides)
{
  const RtkCheck *checks;
  guint           n;
  guint           open = 0;

  checks = rtk_report_get_checks (report, &n);
  for (guint i = 0; i < n; i++) {
    const char     *advice = checks[i].advice[rtk_ctl_reader_language ()];
    const RtkCheck *before = said != NULL ? rtk_report_find (said, checks[i].id) : NULL;

    if (!checks[i].blocking || !is_open (checks[i].verdict) ||
        rtk_ctl_is_overridden (overrides, checks[i].id) ||
        (before != NULL && is_open (before->verdict)))
      continue;
    rtk_ctl_say (
        _ ("retakectl: %s fails: %s Mend it, or accept it with --override \"%s: reason\"."),
        rtk_check_id_to_string (checks[i].id), advice != NULL ? advice : "",
        rtk_check_id_to_string (checks[i].id));
    open++;
  }
  return open;
}

static RtkOperation *
commit (
    RtkCtlStation *station, RtkOrder *order, RtkPhoto *photo, GPtrArray *overrides, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  RtkStore *store = RTK_STORE (station->store);

  /* The program ends here, so nothing is held: that would be undone by nobody. */
  rtk_store_commit_submission_async (store, order, photo, overrides, station->actor,
                                     rtk_clock_now (station->clock), NULL, rtk_ctl_answer_cb,
                                     &result);
  rtk_ctl_wait (&result);
  return rtk_store_commit_submission_finish (store, result, error);
}

static void
print_submission (RtkCtl *ctl, RtkOperation *operation, RtkPhoto *photo)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();
  JsonObject *body = rtk_operation_get_body (operation);

  json_object_set_string_member (object, "operation", rtk_operation_get_id (operation));
  json_object_set_string_member (object, "order", rtk_operation_get_order_id (operation));
  json_object_set_string_member (object, "submission",
                                 rtk_json_get_string (body, "submission", NULL));
  json_object_set_string_member (object, "delivered", photo->delivered.sha256);
  json_object_set_string_member (object, "verdict",
                                 rtk_verdict_to_string (rtk_report_get_verdict (photo->report)));
  json_node_take_object (node, object);
  if (ctl->json)
    rtk_ctl_print_json (node);
  else
    printf (_ ("submitted; “retakectl sync” sends it\n"));
}

static int
submit (RtkCtl        *ctl,
        RtkCtlStation *station,
        RtkRulePack   *pack,
        RtkOrder      *order,
        const char    *path,
        char         **texts)
{
  g_autoptr (GPtrArray) overrides =
      g_ptr_array_new_with_free_func ((GDestroyNotify)rtk_override_free);
  g_autoptr (RtkPhoto) photo = NULL;
  g_autoptr (RtkOperation) operation = NULL;
  g_autoptr (GError) error = NULL;

  if (!rtk_order_may_retake (order)) {
    rtk_ctl_say (
        _ ("retakectl: this order may not be retaken: it is not paid, or already delivered."));
    return RTK_EXIT_NO;
  }
  if (rtk_ctl_read_overrides (texts, station->actor, overrides, &error))
    photo = make_photo (pack, path, &error);
  if (photo == NULL)
    return rtk_ctl_complain (path, error);
  if (say_open_failures (photo->report, NULL, overrides) +
          say_open_failures (photo->finished_report, photo->report, overrides) >
      0)
    return RTK_EXIT_NO;
  operation = commit (station, order, photo, overrides, &error);
  if (operation == NULL)
    return rtk_ctl_complain (NULL, error);
  print_submission (ctl, operation, photo);
  return RTK_EXIT_OK;
}

static int
run_submit (RtkCtl *ctl, int argc, char **argv)
{
  g_autofree char *order_id = NULL;
  g_autofree char *code_file = NULL;
  g_autofree char *rules = NULL;
  g_autofree char *passphrase_file = NULL;
  g_autofree char *collection_code = NULL;
  g_auto (GStrv) overrides = NULL;
  GOptionEntry entries[] = {
      {"order", 0, 0, G_OPTION_ARG_STRING, &order_id, N_ ("which order"), "ID"},
      {"code-file", 0, 0, G_OPTION_ARG_FILENAME, &code_file,
       N_ ("its first line is the collection code"), "F"},
      {"rules", 0, 0, G_OPTION_ARG_STRING, &rules, N_ ("which rule pack"), "ID"},
      {"override", 0, 0, G_OPTION_ARG_STRING_ARRAY, &overrides, N_ ("accept a failed rule by name"),
       "RULE: reason"},
      RTK_CTL_PASSPHRASE_ENTRY (&passphrase_file),
      G_OPTION_ENTRY_NULL,
  };
  g_auto (RtkCtlStation) station = {NULL};
  g_autoptr (RtkRulePack) pack = NULL;
  g_autoptr (RtkOrder) order = NULL;
  g_autoptr (GError) error = NULL;

  if (!rtk_ctl_parse (entries, "--order ID|--code-file F PHOTO", &argc, &argv, 1, 1))
    return RTK_EXIT_ERROR;
  if ((order_id == NULL) == (code_file == NULL)) {
    rtk_ctl_say (_ ("retakectl: name the order with either --order or --code-file."));
    return RTK_EXIT_ERROR;
  }
  pack = rtk_rule_pack_load (rules != NULL ? rules : RTK_CTL_DEFAULT_RULES, &error);
  if (pack != NULL &&
      rtk_ctl_station_open (&station, ctl, RTK_SQLITE_STORE_WRITE, passphrase_file, &error)) {
    if (code_file != NULL)
      collection_code = rtk_ctl_read_secret (code_file, "", &error);
    if (error == NULL)
      order = rtk_ctl_station_find_order (&station, order_id, collection_code, &error);
  }
  if (order == NULL)
    return rtk_ctl_complain (pack == NULL ? rules : NULL, error);
  return submit (ctl, &station, pack, order, argv[1], overrides);
}

static void
add_item (JsonArray *array, const RtkOutboxItem *item)
{
  JsonObject      *object = json_object_new ();
  g_autofree char *release = rtk_time_format (item->release_at);

  json_object_set_string_member (object, "id", rtk_operation_get_id (item->operation));
  json_object_set_string_member (object, "kind", rtk_operation_get_kind (item->operation));
  json_object_set_string_member (object, "order", rtk_operation_get_order_id (item->operation));
  json_object_set_string_member (object, "state", rtk_operation_state_to_string (item->state));
  json_object_set_int_member (object, "photos_to_send", item->blobs->len);
  json_object_set_int_member (object, "tries", item->tries);
  if (item->last_error != NULL)
    json_object_set_string_member (object, "last_error", item->last_error);
  json_object_set_string_member (object, "release_at", release);
  json_array_add_object_element (array, object);
}

static int
run_outbox (RtkCtl *ctl, int argc, char **argv)
{
  g_autofree char *passphrase_file = NULL;
  GOptionEntry     entries[] = {
          RTK_CTL_PASSPHRASE_ENTRY (&passphrase_file),
          G_OPTION_ENTRY_NULL,
  };
  g_auto (RtkCtlStation) station = {NULL};
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GPtrArray) items = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_ARRAY);
  JsonArray *array = json_array_new ();

  json_node_take_array (node, array);
  if (!rtk_ctl_parse (entries, "", &argc, &argv, 0, 0))
    return RTK_EXIT_ERROR;
  if (rtk_ctl_station_open (&station, ctl, RTK_SQLITE_STORE_READ, passphrase_file, &error)) {
    rtk_store_list_outbox_async (RTK_STORE (station.store), FALSE, 0, NULL, rtk_ctl_answer_cb,
                                 &result);
    rtk_ctl_wait (&result);
    items = rtk_store_list_outbox_finish (RTK_STORE (station.store), result, &error);
  }
  if (items == NULL)
    return rtk_ctl_complain (NULL, error);
  for (guint i = 0; i < items->len; i++) {
    const RtkOutboxItem *item = g_ptr_array_index (items, i);

    /* The store keeps what is done for the history of the desk; it waits for nothing. */
    if (item->state == RTK_OPERATION_DONE)
      continue;
    add_item (array, item);
    if (!ctl->json)
      printf ("%s  %-10s %s\n", rtk_operation_get_id (item->operation),
              rtk_operation_state_to_string (item->state),
              item->last_error != NULL ? item->last_error : "");
  }
  if (ctl->json)
    rtk_ctl_print_json (node);
  return RTK_EXIT_OK;
}

const RtkCtlCommand rtk_ctl_retake_commands[] = {
    {"retake", "submit", "--order ID|--code-file F [--override \"RULE: reason\"] PHOTO",
     N_ ("finish a photo and submit it"), run_submit},
    {"outbox", "list", "", N_ ("list what waits to be sent"), run_outbox},
    {NULL},
};
