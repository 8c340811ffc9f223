/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-json.h"
#include "server/rtk-server-campus.h"

#include <string.h>

/* What graduates do online, and operators at the desk. */

/* Operations that are sent at once. */
#define BATCH 100
#define CONSENT "2026-1"
#define ADDRESS "示例路 1 号"

static gboolean
take_order (RtkServerGraduate *graduate, JsonObject *answer, GError **error)
{
  return answer != NULL && rtk_json_get_int (answer, "revision", &graduate->revision, error);
}

static RtkServerPicture *
get_picture (const RtkServerCampus *campus, const RtkServerGraduate *graduate)
{
  return g_ptr_array_index (campus->pictures, graduate->index % campus->pictures->len);
}

static gboolean
sign_up (RtkServerWorker *worker, RtkServerGraduate *graduate, GError **error)
{
  g_autofree char *phone = rtk_server_person_make_phone (graduate->index);
  g_autofree char *password = g_uuid_string_random ();
  g_autoptr (JsonObject) answer =
      rtk_server_worker_post (worker, NULL, error, "/v1/online/accounts",
                              "{\"phone\":\"%s\",\"password\":\"%s\"}", phone, password);
  const char *token = answer != NULL ? rtk_json_get_string (answer, "access_token", error) : NULL;

  if (token == NULL)
    return FALSE;
  graduate->token = g_strdup (token);
  return rtk_server_worker_tell (worker, token, error, "/v1/online/codes",
                                 "{\"code\":\"%s\",\"number\":\"%s\"}", graduate->code,
                                 graduate->number);
}

static gboolean
consent_online (RtkServerWorker *worker, RtkServerGraduate *graduate, GError **error)
{
  return !graduate->story->consents ||
         rtk_server_worker_tell (worker, graduate->token, error, "/v1/online/consent",
                                 "{\"version\":\"" CONSENT "\",\"given\":true}");
}

static gboolean
submit_online (RtkServerWorker *worker, RtkServerGraduate *graduate, GError **error)
{
  RtkServerPicture *picture = get_picture (worker->campus, graduate);
  g_autofree char  *path = g_strdup_printf ("/v1/online/orders/%s/submission", graduate->order);
  g_autoptr (JsonObject) answer = NULL;

  g_free (graduate->submission);
  graduate->submission = rtk_id_new (g_get_real_time ());
  rtk_server_client_set_token (worker->client, graduate->token);
  if (!rtk_server_client_upload (worker->client, picture->original, picture->original_sha256,
                                 picture->original_type, error) ||
      !rtk_server_client_upload (worker->client, picture->delivered, picture->delivered_sha256,
                                 "image/jpeg", error) ||
      !rtk_server_client_upload (worker->client, picture->report, picture->report_sha256,
                                 "application/json", error))
    return FALSE;
  answer = rtk_server_worker_post (
      worker, graduate->token, error, path,
      "{\"id\":\"%s\",\"original\":\"%s\",\"delivered\":\"%s\",\"report\":\"%s\"}",
      graduate->submission, picture->original_sha256, picture->delivered_sha256,
      picture->report_sha256);
  return take_order (graduate, answer, error);
}

/* A payment with a code, and what the customer does with it. */
static gboolean
pay_code (RtkServerWorker   *worker,
          RtkServerGraduate *graduate,
          RtkServerPay       pay,
          const char        *token,
          gboolean           at_desk,
          GError           **error)
{
  g_autofree char *id = rtk_id_new (g_get_real_time ());
  g_autofree char *event = rtk_id_new (g_get_real_time ());
  g_autofree char *sandbox = g_strconcat ("/v1/sandbox/payments/", id, NULL);
  g_autofree char *path = at_desk
                              ? g_strdup_printf ("/v1/orders/%s/payments", graduate->order)
                              : g_strdup_printf ("/v1/online/orders/%s/payment", graduate->order);
  g_autoptr (JsonObject) begun = NULL;
  g_autoptr (JsonObject) paid = NULL;

  begun = rtk_server_worker_post (worker, token, error, path, "{\"id\":\"%s\"%s}", id,
                                  at_desk ? ",\"method\":\"code\"" : "");
  if (!take_order (graduate, begun, error))
    return FALSE;
  if (pay == RTK_SERVER_PAY_PENDING)
    return TRUE;
  paid = rtk_server_worker_post (worker, token, error, sandbox, "{\"id\":\"%s\",\"state\":\"%s\"}",
                                 event, pay == RTK_SERVER_PAY_FAILED ? "failed" : "settled");
  return take_order (graduate, paid, error);
}

static gboolean
pay (RtkServerWorker *worker, RtkServerGraduate *graduate, RtkServerPay how, GError **error)
{
  gboolean         at_desk = graduate->token == NULL;
  const char      *operator_token = rtk_server_worker_operator (worker)->token;
  gboolean         is_waiver = how == RTK_SERVER_PAY_WAIVER;
  g_autofree char *id = rtk_id_new (g_get_real_time ());
  g_autofree char *path = g_strdup_printf ("/v1/orders/%s/payments", graduate->order);
  g_autoptr (JsonObject) answer = NULL;

  if (how == RTK_SERVER_PAY_NOTHING)
    return TRUE;
  if (!is_waiver && how != RTK_SERVER_PAY_CASH)
    return pay_code (worker, graduate, how, at_desk ? operator_token : graduate->token, at_desk,
                     error);
  answer = rtk_server_worker_post (
      worker, is_waiver ? worker->campus->supervisor.token : operator_token, error, path,
      "{\"id\":\"%s\",\"method\":\"%s\",\"reference\":\"simulation %u\"}", id,
      is_waiver ? "waiver" : "cash", graduate->index + 1);
  return take_order (graduate, answer, error);
}

/* One graduate's way from the account to the payment, as far as their story goes. */
static gboolean
walk_online (RtkServerWorker *worker, RtkServerGraduate *graduate, GError **error)
{
  const RtkServerStory *story = graduate->story;
  g_autoptr (JsonObject) answer = NULL;

  if (!sign_up (worker, graduate, error))
    return FALSE;
  if (story->way == RTK_SERVER_WAY_ACCOUNT)
    return TRUE;
  graduate->order = rtk_id_new (g_get_real_time ());
  answer = rtk_server_worker_post (worker, graduate->token, error, "/v1/online/orders",
                                   "{\"id\":\"%s\"}", graduate->order);
  if (!take_order (graduate, answer, error) || !consent_online (worker, graduate, error))
    return FALSE;
  if (story->way == RTK_SERVER_WAY_ORDER)
    return TRUE;
  for (int i = 0; i < (story->twice ? 2 : 1); i++)
    if (!submit_online (worker, graduate, error))
      return FALSE;
  return pay (worker, graduate, story->pay, error);
}

static gboolean
walk_in (RtkServerWorker *worker, RtkServerGraduate *graduate, GError **error)
{
  g_autofree char *phone = rtk_server_person_make_phone (graduate->index);
  gboolean         has_code = graduate->index % 2 == 0;
  g_autoptr (JsonObject) answer = NULL;

  graduate->order = rtk_id_new (g_get_real_time ());
  answer = rtk_server_worker_post (worker, rtk_server_worker_operator (worker)->token, error,
                                   "/v1/orders", "{\"id\":\"%s\",\"%s\":\"%s\",\"phone\":\"%s\"}",
                                   graduate->order, has_code ? "code" : "number",
                                   has_code ? graduate->code : graduate->number, phone);
  return take_order (graduate, answer, error) &&
         pay (worker, graduate, graduate->story->pay, error);
}

/* What the station has not sent yet. */
typedef struct {
  RtkServerWorker *worker;
  JsonArray       *operations; /* (owned) */
  GPtrArray       *graduates;  /* (owned) (element-type RtkServerGraduate): unowned, beside them */
} Outbox;

static void
outbox_clear (Outbox *self)
{
  g_clear_pointer (&self->operations, json_array_unref);
  g_clear_pointer (&self->graduates, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Outbox, outbox_clear)

static void
outbox_empty (Outbox *self)
{
  outbox_clear (self);
  self->operations = json_array_new ();
  self->graduates = g_ptr_array_new ();
}

/* All of them must have been applied; the orders are as the answers say. */
static gboolean
take_results (Outbox *self, JsonObject *answer, GError **error)
{
  JsonArray *results = answer != NULL ? rtk_json_get_array (answer, "results", error) : NULL;

  for (guint i = 0; results != NULL && i < json_array_get_length (results); i++) {
    JsonObject *result = json_array_get_object_element (results, i);
    JsonObject *order = rtk_json_get_object (result, "order", error);

    if (order == NULL)
      return FALSE;
    if (g_strcmp0 (rtk_json_get_string (result, "outcome", NULL), "applied") != 0) {
      g_set_error_literal (error, RTK_ERROR, RTK_ERROR_SERVER,
                           "An operation of the simulation was not applied");
      return FALSE;
    }
    if (!take_order (g_ptr_array_index (self->graduates, i), order, error))
      return FALSE;
  }
  return results != NULL;
}

static gboolean
outbox_send (Outbox *self, GError **error)
{
  g_autoptr (JsonNode) node = NULL;
  g_autofree char *body = NULL;
  g_autoptr (JsonObject) answer = NULL;

  if (self->graduates->len == 0)
    return TRUE;
  node = json_node_new (JSON_NODE_ARRAY);
  json_node_set_array (node, self->operations);
  body = json_to_string (node, FALSE);
  answer = rtk_server_worker_post (self->worker, rtk_server_worker_operator (self->worker)->token,
                                   error, "/v1/operations", "{\"operations\":%s}", body);
  if (!take_results (self, answer, error))
    return FALSE;
  outbox_empty (self);
  return TRUE;
}

static gboolean
outbox_add (
    Outbox *self, RtkServerGraduate *graduate, const char *kind, JsonObject *body, GError **error)
{
  JsonNode *node = rtk_server_colleague_sign (rtk_server_worker_operator (self->worker), kind,
                                              graduate->order, graduate->revision, body, error);

  if (node == NULL)
    return FALSE;
  json_array_add_element (self->operations, node);
  g_ptr_array_add (self->graduates, graduate);
  return self->graduates->len < BATCH || outbox_send (self, error);
}

/* A photo of the desk; now and then one whose failed rule somebody accepts by name. */
static gboolean
add_photo (Outbox *self, RtkServerGraduate *graduate, GError **error)
{
  RtkServerCampus  *campus = self->worker->campus;
  RtkServerPicture *picture = get_picture (campus, graduate);
  JsonArray        *overrides = json_array_new ();
  JsonObject       *body = json_object_new ();

  g_free (graduate->submission);
  graduate->submission = rtk_id_new (g_get_real_time ());
  if (graduate->index % 5 == 0) {
    JsonObject *override = json_object_new ();

    json_object_set_string_member (override, "check", "background.plain");
    json_object_set_string_member (override, "reason", "simulation");
    json_object_set_string_member (override, "by", rtk_server_worker_operator (self->worker)->name);
    json_array_add_object_element (overrides, override);
  }
  json_object_set_string_member (body, "submission", graduate->submission);
  json_object_set_string_member (body, "original", picture->original_sha256);
  json_object_set_string_member (body, "alpha", campus->alpha_sha256);
  json_object_set_string_member (body, "delivered", picture->delivered_sha256);
  json_object_set_string_member (body, "certificate", campus->certificate_sha256);
  json_object_set_string_member (body, "report", picture->report_sha256);
  json_object_set_array_member (body, "overrides", overrides);
  return outbox_add (self, graduate, "submission.create", body, error);
}

static gboolean
add_note (Outbox *self, RtkServerGraduate *graduate, GError **error)
{
  g_autofree char *id = rtk_id_new (g_get_real_time ());
  JsonObject      *body = json_object_new ();

  json_object_set_string_member (body, "note", id);
  json_object_set_string_member (body, "text", "会再来 · comes back tomorrow");
  return outbox_add (self, graduate, "note.add", body, error);
}

static gboolean
add_consent (Outbox *self, RtkServerGraduate *graduate, gboolean given, GError **error)
{
  JsonObject *body = json_object_new ();

  json_object_set_string_member (body, "version", CONSENT);
  json_object_set_boolean_member (body, "given", given);
  return outbox_add (self, graduate, "consent.record", body, error);
}

/* What the desk does with somebody who has paid. A second photo is sent on the revision that the
 * first one has made. */
static gboolean
serve (Outbox *outbox, RtkServerGraduate *graduate, GError **error)
{
  const RtkServerStory *story = graduate->story;

  if (story->noted && !add_note (outbox, graduate, error))
    return FALSE;
  if (story->consents && !add_consent (outbox, graduate, TRUE, error))
    return FALSE;
  if (story->pay == RTK_SERVER_PAY_NOTHING || story->pay == RTK_SERVER_PAY_PENDING)
    return TRUE;
  if (!add_photo (outbox, graduate, error))
    return FALSE;
  return !story->twice || (outbox_send (outbox, error) && add_photo (outbox, graduate, error));
}

/**
 * rtk_server_campus_walk:
 * @worker: a worker
 * @error: return location
 *
 * Takes everybody the worker wants from nothing to a photo that is paid for, as far as they come.
 *
 * Returns: whether they are there
 */
gboolean
rtk_server_campus_walk (RtkServerWorker *worker, GError **error)
{
  g_auto (Outbox) outbox = {.worker = worker};
  RtkServerGraduate *graduate;

  outbox_empty (&outbox);
  while ((graduate = rtk_server_worker_next (worker)) != NULL) {
    if (graduate->story->way == RTK_SERVER_WAY_ABSENT)
      continue;
    if (graduate->story->way == RTK_SERVER_WAY_DESK
            ? !walk_in (worker, graduate, error) || !serve (&outbox, graduate, error)
            : !walk_online (worker, graduate, error))
      return FALSE;
  }
  return outbox_send (&outbox, error);
}

static gboolean
order_print (RtkServerWorker *worker, RtkServerGraduate *graduate, GError **error)
{
  const RtkServerStory *story = graduate->story;
  const char           *desk = rtk_server_worker_operator (worker)->token;
  g_autofree char      *id = rtk_id_new (g_get_real_time ());
  g_autofree char      *move = g_strconcat ("/v1/prints/", id, NULL);
  g_autofree char      *online = g_strdup_printf ("/v1/online/orders/%s/print", graduate->order);
  g_autofree char      *path = g_strdup_printf ("/v1/orders/%s/prints", graduate->order);

  if (story->print == RTK_PRINT_NONE)
    return TRUE;
  if (story->by_post
          ? !rtk_server_worker_tell (worker, graduate->token, error, online,
                                     "{\"id\":\"%s\",\"copies\":2,\"address\":\"" ADDRESS "\"}", id)
          : !rtk_server_worker_tell (worker, desk, error, path, "{\"id\":\"%s\"}", id))
    return FALSE;
  if (story->print == RTK_PRINT_REQUESTED)
    return TRUE;
  if (!rtk_server_worker_tell (worker, desk, error, move, "{\"state\":\"printed\"}"))
    return FALSE;
  /* What goes by post is the courier's from here on. */
  return story->print == RTK_PRINT_PRINTED || story->by_post ||
         rtk_server_worker_tell (worker, desk, error, move,
                                 "{\"state\":\"shipped\",\"carrier\":\"by hand\"}");
}

static gboolean
ask_back (RtkServerWorker *worker, RtkServerGraduate *graduate, GError **error)
{
  g_autofree char *id = rtk_id_new (g_get_real_time ());
  g_autofree char *path = g_strdup_printf ("/v1/online/orders/%s/refund", graduate->order);

  return !graduate->story->asks_back ||
         rtk_server_worker_tell (worker, graduate->token, error, path, "{\"id\":\"%s\"}", id);
}

static gboolean
refresh (RtkServerWorker *worker, RtkServerGraduate *graduate, GError **error)
{
  g_autofree char *path = g_strconcat ("/v1/orders/", graduate->order, NULL);
  g_autoptr (JsonObject) answer = NULL;

  rtk_server_client_set_token (worker->client, worker->campus->supervisor.token);
  answer = rtk_server_client_call (worker->client, "GET", path, NULL, error);
  return take_order (graduate, answer, error);
}

static gboolean
add_gold (RtkServerWorker *worker, RtkServerGraduate *graduate, GError **error)
{
  g_autofree char *id = rtk_id_new (g_get_real_time ());
  g_autofree char *reasons = NULL;

  if (!graduate->story->gold)
    return TRUE;
  if (graduate->story->look == RTK_SERVER_LOOK_REJECTED)
    reasons = g_strdup_printf ("\"verdict\":\"rejected\",\"reasons\":[\"%s\"]",
                               rtk_reason_to_string (graduate->reasons[0]));
  return rtk_server_worker_tell (worker, worker->campus->supervisor.token, error, "/v1/gold",
                                 "{\"id\":\"%s\",\"submission\":\"%s\",%s}", id,
                                 graduate->submission,
                                 reasons != NULL ? reasons : "\"verdict\":\"approved\"");
}

static gboolean
correct (RtkServerWorker *worker, RtkServerGraduate *graduate, GError **error)
{
  g_autofree char *id = rtk_id_new (g_get_real_time ());
  g_autofree char *path = g_strdup_printf ("/v1/reviews/%s/correction", graduate->submission);

  return graduate->story->look != RTK_SERVER_LOOK_CORRECTED ||
         (refresh (worker, graduate, error) &&
          rtk_server_worker_tell (
              worker, worker->campus->supervisor.token, error, path,
              "{\"id\":\"%s\",\"verdict\":\"approved\",\"revision\":%" G_GINT64_FORMAT
              ",\"reason\":\"simulation\"}",
              id, graduate->revision));
}

/* Rejected, and back at the desk. */
static gboolean
retake (Outbox *outbox, RtkServerGraduate *graduate, GError **error)
{
  return !graduate->story->retaken ||
         (refresh (outbox->worker, graduate, error) &&
          pay (outbox->worker, graduate, graduate->story->again, error) &&
          add_photo (outbox, graduate, error));
}

static gboolean
withdraw (Outbox *outbox, RtkServerGraduate *graduate, GError **error)
{
  return !graduate->story->withdraws || add_consent (outbox, graduate, FALSE, error);
}

/**
 * rtk_server_campus_after:
 * @worker: a worker of a whole campus
 * @error: return location
 *
 * What happens to an order once there is a verdict on it, or instead of one.
 *
 * Returns: whether it has happened
 */
gboolean
rtk_server_campus_after (RtkServerWorker *worker, GError **error)
{
  g_auto (Outbox) outbox = {.worker = worker};
  RtkServerGraduate *graduate;

  outbox_empty (&outbox);
  while ((graduate = rtk_server_worker_next (worker)) != NULL) {
    if (graduate->order != NULL &&
        (!correct (worker, graduate, error) || !retake (&outbox, graduate, error) ||
         !order_print (worker, graduate, error) || !ask_back (worker, graduate, error) ||
         !withdraw (&outbox, graduate, error) || !add_gold (worker, graduate, error)))
      return FALSE;
  }
  return outbox_send (&outbox, error);
}

/* A delivery of all that are to be in it; with a receipt the receiver has them. */
static gboolean
deliver (RtkServerWorker *worker, RtkDelivery delivery, const char *receiver, GError **error)
{
  RtkServerCampus *campus = worker->campus;
  const char      *token = campus->supervisor.token;
  g_autofree char *id = rtk_id_new (g_get_real_time ());
  g_autofree char *path = g_strdup_printf ("/v1/exports/%s/receipt", id);
  g_autoptr (GString) orders = g_string_new (NULL);

  for (guint i = 0; i < campus->graduates->len; i++) {
    const RtkServerGraduate *graduate = rtk_server_campus_get (campus, i);

    if (graduate->story->delivery == delivery)
      g_string_append_printf (orders, "%s\"%s\"", orders->len > 0 ? "," : "", graduate->order);
  }
  return rtk_server_worker_tell (worker, token, error, "/v1/exports",
                                 "{\"id\":\"%s\",\"receiver\":\"%s\",\"orders\":[%s]}", id,
                                 receiver, orders->str) &&
         (delivery != RTK_DELIVERY_RECEIVED ||
          rtk_server_worker_tell (worker, token, error, path, "{\"reference\":\"simulation\"}"));
}

/**
 * rtk_server_campus_export:
 * @self: a whole campus
 * @error: return location
 *
 * Delivers what is to be delivered: one delivery with a receipt, one without.
 *
 * Returns: whether it is done
 */
gboolean
rtk_server_campus_export (RtkServerCampus *self, GError **error)
{
  RtkServerWorker worker = {.campus = self};
  gboolean        ok;

  worker.client = rtk_server_client_new (self->base);
  ok = deliver (&worker, RTK_DELIVERY_RECEIVED, "示例大学", error) &&
       deliver (&worker, RTK_DELIVERY_EXPORTED, "演示接收方", error);
  rtk_server_client_free (worker.client);
  return ok;
}

static gboolean
upload_text (RtkServerWorker *worker,
             GBytes          *bytes,
             const char      *media_type,
             char           **out_sha256,
             GError         **error)
{
  char sha256[65];

  rtk_sha256_hex (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), sha256);
  *out_sha256 = g_strdup (sha256);
  return rtk_server_client_upload (worker->client, bytes, sha256, media_type, error);
}

/**
 * rtk_server_campus_upload:
 * @worker: a worker of a whole campus
 * @error: return location
 *
 * Brings what the desk's photos are made of. Their certificates and mattes are made up.
 *
 * Returns: whether the server has it
 */
gboolean
rtk_server_campus_upload (RtkServerWorker *worker, GError **error)
{
  /* One grey pixel. */
  static const char pixel[] = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEA"
                              "sTj2FAAAAABJRU5ErkJggg==";
  gsize             size;
  g_autofree guchar *data = g_base64_decode (pixel, &size);
  g_autoptr (GBytes) alpha = g_bytes_new (data, size);
  g_autoptr (GBytes) certificate = g_bytes_new_static ("{\"simulation\":true}", 19);
  RtkServerCampus *campus = worker->campus;

  if (worker->index != 0)
    return TRUE;
  rtk_server_client_set_token (worker->client, rtk_server_worker_operator (worker)->token);
  for (guint i = 0; i < campus->pictures->len; i++) {
    RtkServerPicture *picture = g_ptr_array_index (campus->pictures, i);

    if (!rtk_server_client_upload (worker->client, picture->original, picture->original_sha256,
                                   picture->original_type, error) ||
        !rtk_server_client_upload (worker->client, picture->delivered, picture->delivered_sha256,
                                   "image/jpeg", error) ||
        !rtk_server_client_upload (worker->client, picture->report, picture->report_sha256,
                                   "application/json", error))
      return FALSE;
  }
  return upload_text (worker, alpha, "image/png", &campus->alpha_sha256, error) &&
         upload_text (worker, certificate, "application/json", &campus->certificate_sha256, error);
}
