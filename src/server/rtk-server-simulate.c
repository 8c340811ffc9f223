/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-simulate.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-json.h"
#include "core/rtk-order.h"
#include "server/rtk-server-adapters.h"
#include "server/rtk-server-client.h"
#include "server/rtk-server-files.h"
#include "server/rtk-server-http.h"

#include <glib/gstdio.h>
#include <string.h>

/* A campus in every state, made through the public routes by a client on a thread of its own while
 * the server runs on this one. Time is passed by the jobs, as `close-unpaid --now` does. */

typedef enum {
  STATE_ABSENT,
  STATE_CODE_ONLY,
  STATE_UNPAID,
  STATE_CLOSED,
  STATE_WAITING,
  STATE_APPROVED,
  STATE_REJECTED,
  STATE_REJECTED_WAIVED,
  STATE_REFUNDED,
} State;

/* Every twenty graduates have every state; most of them are what the desk is there for. */
static const State states[] = {
    STATE_REJECTED_WAIVED, STATE_WAITING,  STATE_APPROVED,        STATE_REJECTED,
    STATE_REFUNDED,        STATE_UNPAID,   STATE_REJECTED,        STATE_REJECTED_WAIVED,
    STATE_WAITING,         STATE_CLOSED,   STATE_REJECTED_WAIVED, STATE_APPROVED,
    STATE_WAITING,         STATE_REFUNDED, STATE_REJECTED,        STATE_APPROVED,
    STATE_CODE_ONLY,       STATE_WAITING,  STATE_REJECTED_WAIVED, STATE_ABSENT,
};

typedef struct {
  State state;
  char *number;
  char *code;
  char *order;
  char *submission;
} Graduate;

typedef struct {
  const RtkServerSimulation *simulation;
  GPtrArray                 *pictures;  /* (owned) */
  Graduate                  *graduates; /* (owned) */
  GRand                     *rand;      /* (owned) */
  char                      *user;
  char                      *password;
  char                      *secret;
  char                      *base;
  char                      *staff_token;
  gboolean                   late; /* the second act, after time has passed */
  GMainLoop                 *loop; /* (owned) */
  GError                    *error;
} Campus;

static void
campus_clear (Campus *campus)
{
  for (guint i = 0; campus->graduates != NULL && i < campus->simulation->graduates; i++) {
    g_free (campus->graduates[i].number);
    g_free (campus->graduates[i].code);
    g_free (campus->graduates[i].order);
    g_free (campus->graduates[i].submission);
  }
  g_free (campus->graduates);
  g_clear_pointer (&campus->pictures, g_ptr_array_unref);
  g_clear_pointer (&campus->rand, g_rand_free);
  g_clear_pointer (&campus->loop, g_main_loop_unref);
  g_free (campus->user);
  g_free (campus->password);
  g_free (campus->secret);
  g_free (campus->base);
  g_free (campus->staff_token);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Campus, campus_clear)

/* Everybody's row of the roster; the numbers and codes are drawn here. */
static gboolean
import_roster (Campus *campus, RtkServerStore *store, GError **error)
{
  g_autoptr (GString) text = g_string_new ("school,batch,name,number,code\n");
  g_autofree char *path = g_build_filename (store->config->data, "roster.csv.new", NULL);
  g_auto (RtkServerRosterResult) result = {0};
  gboolean ok;

  for (guint i = 0; i < campus->simulation->graduates; i++) {
    Graduate        *graduate = &campus->graduates[i];
    g_autofree char *name = rtk_server_person_make_name (campus->rand);

    graduate->state = states[i % G_N_ELEMENTS (states)];
    graduate->number = rtk_server_person_make_number (campus->rand, i);
    graduate->code = rtk_server_person_make_code (campus->rand);
    g_string_append_printf (text, "%s,2026,%s,%s,%s\n", rtk_server_person_get_school (i), name,
                            graduate->number, i % 2 == 0 ? graduate->code : "");
  }
  if (!rtk_server_file_write (path, text->str, text->len, error))
    return FALSE;
  ok = rtk_server_roster_import (store, path, &result, error);
  (void)g_unlink (path);
  return ok;
}

static gboolean
call_simple (RtkServerClient *client, const char *path, const char *body, GError **error)
{
  g_autoptr (JsonObject) answer = rtk_server_client_call (client, "POST", path, body, error);

  return answer != NULL;
}

static gboolean
take_token (RtkServerClient *client, JsonObject *answer, GError **error)
{
  const char *token = answer != NULL ? rtk_json_get_string (answer, "access_token", error) : NULL;

  if (token != NULL)
    rtk_server_client_set_token (client, token);
  return token != NULL;
}

static gboolean
sign_up (Campus *campus, RtkServerClient *client, guint index, GError **error)
{
  Graduate        *graduate = &campus->graduates[index];
  g_autofree char *phone = rtk_server_person_make_phone (index);
  g_autofree char *password = g_uuid_string_random ();
  g_autofree char *account =
      g_strdup_printf ("{\"phone\":\"%s\",\"password\":\"%s\"}", phone, password);
  g_autofree char *code =
      g_strdup_printf ("{\"code\":\"%s\",\"number\":\"%s\"}", graduate->code, graduate->number);
  g_autoptr (JsonObject) answer = NULL;

  rtk_server_client_set_token (client, NULL);
  answer = rtk_server_client_call (client, "POST", "/v1/online/accounts", account, error);
  return take_token (client, answer, error) &&
         call_simple (client, "/v1/online/codes", code, error);
}

static gboolean
submit (Campus *campus, RtkServerClient *client, guint index, GError **error)
{
  Graduate         *graduate = &campus->graduates[index];
  RtkServerPicture *picture = g_ptr_array_index (campus->pictures, index % campus->pictures->len);
  g_autofree char  *path = g_strdup_printf ("/v1/online/orders/%s/submission", graduate->order);
  g_autofree char  *body = NULL;

  graduate->submission = rtk_id_new (g_get_real_time ());
  body = g_strdup_printf ("{\"id\":\"%s\",\"original\":\"%s\",\"delivered\":\"%s\",\"report\":"
                          "\"%s\"}",
                          graduate->submission, picture->original_sha256, picture->delivered_sha256,
                          picture->report_sha256);
  return rtk_server_client_upload (client, picture->original, picture->original_sha256,
                                   picture->original_type, error) &&
         rtk_server_client_upload (client, picture->delivered, picture->delivered_sha256,
                                   "image/jpeg", error) &&
         rtk_server_client_upload (client, picture->report, picture->report_sha256,
                                   "application/json", error) &&
         call_simple (client, path, body, error);
}

static gboolean
pay (Campus *campus, RtkServerClient *client, Graduate *graduate, GError **error)
{
  g_autofree char *id = rtk_id_new (g_get_real_time ());
  g_autofree char *path = NULL;
  g_autofree char *body = NULL;

  if (graduate->state == STATE_REJECTED_WAIVED) {
    rtk_server_client_set_token (client, campus->staff_token);
    path = g_strdup_printf ("/v1/orders/%s/payments", graduate->order);
    body =
        g_strdup_printf ("{\"id\":\"%s\",\"method\":\"waiver\",\"reference\":\"simulation\"}", id);
  } else {
    g_autofree char *begin = g_strdup_printf ("/v1/online/orders/%s/payment", graduate->order);
    g_autofree char *begin_body = g_strdup_printf ("{\"id\":\"%s\"}", id);
    g_autofree char *event = rtk_id_new (g_get_real_time ());

    if (!call_simple (client, begin, begin_body, error))
      return FALSE;
    path = g_strdup_printf ("/v1/sandbox/payments/%s", id);
    body = g_strdup_printf ("{\"id\":\"%s\"}", event);
  }
  return call_simple (client, path, body, error);
}

/* One graduate's way from the account to the payment, as far as their state goes. */
static gboolean
walk (Campus *campus, RtkServerClient *client, guint index, GError **error)
{
  Graduate        *graduate = &campus->graduates[index];
  g_autofree char *body = NULL;

  if (graduate->state == STATE_ABSENT)
    return TRUE;
  if (!sign_up (campus, client, index, error))
    return FALSE;
  if (graduate->state == STATE_CODE_ONLY)
    return TRUE;
  graduate->order = rtk_id_new (g_get_real_time ());
  body = g_strdup_printf ("{\"id\":\"%s\"}", graduate->order);
  if (!call_simple (client, "/v1/online/orders", body, error) ||
      !submit (campus, client, index, error))
    return FALSE;
  if (graduate->state == STATE_UNPAID || graduate->state == STATE_CLOSED)
    return TRUE;
  return pay (campus, client, graduate, error);
}

static const Graduate *
find_submission (Campus *campus, const char *id)
{
  for (guint i = 0; i < campus->simulation->graduates; i++)
    if (g_strcmp0 (campus->graduates[i].submission, id) == 0)
      return &campus->graduates[i];
  return NULL;
}

static gboolean
decide (Campus *campus, RtkServerClient *client, JsonObject *item, GError **error)
{
  const char      *id = rtk_json_get_string (item, "submission", error);
  JsonObject      *order = rtk_json_get_object (item, "order", error);
  const Graduate  *graduate = find_submission (campus, id);
  RtkReason        first = (RtkReason)g_rand_int_range (campus->rand, 0, RTK_N_REASONS - 1);
  RtkReason        second = (RtkReason)g_rand_int_range (campus->rand, 0, RTK_N_REASONS - 1);
  gint64           revision;
  g_autofree char *path = NULL;
  g_autofree char *body = NULL;

  if (id == NULL || order == NULL || !rtk_json_get_int (order, "revision", &revision, error))
    return FALSE;
  path = g_strdup_printf ("/v1/reviews/%s", id);
  if (graduate == NULL || graduate->state == STATE_APPROVED)
    body =
        g_strdup_printf ("{\"verdict\":\"approved\",\"revision\":%" G_GINT64_FORMAT "}", revision);
  else
    body = g_strdup_printf ("{\"verdict\":\"rejected\",\"revision\":%" G_GINT64_FORMAT
                            ",\"reasons\":[\"%s\",\"%s\"]}",
                            revision, rtk_reason_to_string (first), rtk_reason_to_string (second));
  return call_simple (client, path, body, error);
}

/* The reviewer empties the queue. */
static gboolean
review_all (Campus *campus, RtkServerClient *client, GError **error)
{
  guint n;

  rtk_server_client_set_token (client, campus->staff_token);
  do {
    g_autoptr (JsonObject) answer =
        rtk_server_client_call (client, "POST", "/v1/reviews/claim", "{\"count\":50}", error);
    JsonArray *items = answer != NULL ? rtk_json_get_array (answer, "items", error) : NULL;

    if (items == NULL)
      return FALSE;
    n = json_array_get_length (items);
    for (guint i = 0; i < n; i++)
      if (!decide (campus, client, json_array_get_object_element (items, i), error))
        return FALSE;
  } while (n > 0);
  return TRUE;
}

/* The supervisor: made with the bootstrap secret, or there already. */
static gboolean
sign_in (Campus *campus, RtkServerClient *client, GError **error)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) node = NULL;
  g_autofree char *body = NULL;
  g_autoptr (JsonObject) answer = NULL;
  g_autoptr (GError) first_error = NULL;
  gboolean again = campus->staff_token != NULL;

  json_builder_begin_object (builder);
  if (!again) {
    json_builder_set_member_name (builder, "secret");
    json_builder_add_string_value (builder, campus->secret);
  }
  json_builder_set_member_name (builder, "user");
  json_builder_add_string_value (builder, campus->user);
  json_builder_set_member_name (builder, "password");
  json_builder_add_string_value (builder, campus->password);
  json_builder_end_object (builder);
  node = json_builder_get_root (builder);
  body = json_to_string (node, FALSE);
  answer =
      rtk_server_client_call (client, "POST", again ? "/v1/session" : "/v1/bootstrap", body, error);
  if (!take_token (client, answer, error))
    return FALSE;
  g_free (campus->staff_token);
  campus->staff_token = g_strdup (rtk_json_get_string (answer, "access_token", NULL));
  return TRUE;
}

static gboolean
belongs_to_act (State state, gboolean late, gboolean reviewed)
{
  gboolean is_reviewed = state == STATE_APPROVED || state == STATE_REJECTED ||
                         state == STATE_REJECTED_WAIVED || state == STATE_REFUNDED;
  gboolean is_early = state == STATE_CLOSED || state == STATE_REFUNDED;

  return is_early != late && is_reviewed == reviewed;
}

static gboolean
play (Campus *campus, GError **error)
{
  g_autoptr (RtkServerClient) client = rtk_server_client_new (campus->base);

  if (!sign_in (campus, client, error))
    return FALSE;
  /* Whoever will be reviewed comes first, so that the reviewer can empty the queue. */
  for (int reviewed = 1; reviewed >= 0; reviewed--) {
    for (guint i = 0; i < campus->simulation->graduates; i++)
      if (belongs_to_act (campus->graduates[i].state, campus->late, reviewed == 1) &&
          !walk (campus, client, i, error))
        return FALSE;
    if (reviewed == 1 && !review_all (campus, client, error))
      return FALSE;
  }
  return TRUE;
}

static gpointer
client_thread (gpointer data)
{
  Campus *campus = data;
  g_autoptr (GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  (void)play (campus, &campus->error);
  g_main_context_pop_thread_default (context);
  g_main_loop_quit (campus->loop);
  return NULL;
}

static gboolean
stopped_cb (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

static gboolean
run_act (Campus *campus, const RtkServerConfig *config, const RtkServerKeys *keys, GError **error)
{
  g_autoptr (RtkServerHttp) server =
      rtk_server_http_new (config, keys, campus->secret, NULL, error);
  GThread *thread;

  if (server == NULL || !rtk_server_http_listen (server, "127.0.0.1:0", error))
    return FALSE;
  g_free (campus->base);
  campus->base = rtk_server_http_dup_url (server);
  thread = g_thread_new ("simulate", client_thread, campus);
  g_main_loop_run (campus->loop);
  g_thread_join (thread);
  rtk_server_http_stop (server, stopped_cb, campus->loop);
  g_main_loop_run (campus->loop);
  if (campus->error != NULL) {
    g_propagate_error (error, g_steal_pointer (&campus->error));
    return FALSE;
  }
  return TRUE;
}

static gboolean
write_codes (Campus *campus, GError **error)
{
  static const State order[] = {STATE_REJECTED_WAIVED, STATE_REJECTED, STATE_REFUNDED};
  g_autoptr (GString) text = g_string_new (NULL);

  if (campus->simulation->codes_file == NULL)
    return TRUE;
  for (guint s = 0; s < G_N_ELEMENTS (order); s++)
    for (guint i = 0; i < campus->simulation->graduates; i++)
      if (campus->graduates[i].state == order[s])
        g_string_append_printf (text, "%s\n", campus->graduates[i].code);
  return rtk_server_file_write (campus->simulation->codes_file, text->str, text->len, error);
}

static gboolean
pass_time (RtkServerStore *store, GError **error)
{
  gint64 hour = G_GINT64_CONSTANT (3600) * G_USEC_PER_SEC;
  gint64 later = g_get_real_time () + MAX (hour, store->config->unpaid_seconds * G_USEC_PER_SEC +
                                                     store->config->hold_seconds * G_USEC_PER_SEC);
  guint  done;

  return rtk_server_jobs_close_unpaid (store, later, &done, error) &&
         rtk_server_effects_run_sandbox (store, later, &done, error);
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
  g_auto (Campus) campus = {.simulation = simulation};
  g_autoptr (RtkServerStore) store = rtk_server_store_open (config, keys, error);
  RtkServerConfig patient = *config;

  if (store == NULL || !is_fresh (store, error))
    return FALSE;
  campus.pictures = rtk_server_pictures_load (simulation->photos, error);
  if (campus.pictures == NULL)
    return FALSE;
  /* Nobody in the world hears of it. */
  patient.provider = NULL;
  patient.webhook_url = NULL;
  patient.sample_percent = patient.gold_percent = 0;
  /* Ten thousand graduates may take longer than a token or an unpaid order lasts. */
  patient.access_seconds = patient.unpaid_seconds = patient.lease_seconds = 86400;
  campus.graduates = g_new0 (Graduate, simulation->graduates);
  campus.rand = g_rand_new_with_seed (simulation->seed);
  campus.loop = g_main_loop_new (NULL, FALSE);
  campus.secret = g_uuid_string_random ();
  campus.user = g_strdup (simulation->user != NULL ? simulation->user : "simulate");
  campus.password =
      simulation->user != NULL ? g_strdup (simulation->password) : g_uuid_string_random ();
  if (!import_roster (&campus, store, error) || !run_act (&campus, &patient, keys, error) ||
      !pass_time (store, error))
    return FALSE;
  campus.late = TRUE;
  return run_act (&campus, &patient, keys, error) && write_codes (&campus, error) &&
         (simulation->user != NULL || rtk_server_staff_disable (store, campus.user, error));
}
