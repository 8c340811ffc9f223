/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-clock.h"
#include "core/rtk-id.h"
#include "core/rtk-json.h"
#include "server/rtk-server-campus.h"

#include <string.h>

/* Who works at the simulated campus, and their stations. Nobody knows the passwords of those who
 * are made here, and in the end they are disabled. */

static gboolean
take_token (RtkServerColleague *self, JsonObject *answer, GError **error)
{
  const char *token = answer != NULL ? rtk_json_get_string (answer, "access_token", error) : NULL;

  if (token == NULL)
    return FALSE;
  g_free (self->token);
  self->token = g_strdup (token);
  return TRUE;
}

/* The supervisor: made with the bootstrap secret. What a person typed may hold anything. */
static gboolean
bootstrap (RtkServerWorker *worker, const char *secret, GError **error)
{
  RtkServerCampus *campus = worker->campus;
  g_autofree char *random = g_uuid_string_random ();
  const char *password = campus->simulation->user != NULL ? campus->simulation->password : random;
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autoptr (JsonObject) answer = NULL;
  g_autofree char *body = NULL;
  JsonObject      *object = json_object_new ();

  campus->supervisor.name =
      g_strdup (campus->simulation->user != NULL ? campus->simulation->user : "simulate");
  json_object_set_string_member (object, "secret", secret);
  json_object_set_string_member (object, "user", campus->supervisor.name);
  json_object_set_string_member (object, "password", password);
  json_node_take_object (node, object);
  body = json_to_string (node, FALSE);
  answer = rtk_server_worker_post (worker, NULL, error, "/v1/bootstrap", "%s", body);
  return take_token (&campus->supervisor, answer, error);
}

static gboolean
hire (RtkServerWorker    *worker,
      RtkServerColleague *self,
      const char         *role,
      guint               number,
      GError            **error)
{
  g_autofree char *password = g_uuid_string_random ();
  g_autoptr (JsonObject) answer = NULL;

  self->id = rtk_id_new (g_get_real_time ());
  self->name = g_strdup_printf ("%s %u", role, number);
  if (!rtk_server_worker_tell (
          worker, worker->campus->supervisor.token, error, "/v1/staff",
          "{\"id\":\"%s\",\"name\":\"%s\",\"role\":\"%s\",\"password\":\"%s\"}", self->id,
          self->name, role, password))
    return FALSE;
  answer = rtk_server_worker_post (worker, NULL, error, "/v1/session",
                                   "{\"user\":\"%s\",\"password\":\"%s\"}", self->name, password);
  return take_token (self, answer, error);
}

/**
 * rtk_server_campus_enrol:
 * @worker: a worker
 * @colleague: a member of staff
 * @name: of the station
 * @error: return location
 *
 * Gives the member of staff a station with a new key.
 *
 * Returns: whether it is enrolled
 */
gboolean
rtk_server_campus_enrol (RtkServerWorker    *worker,
                         RtkServerColleague *colleague,
                         const char         *name,
                         GError            **error)
{
  guint8           public_key[crypto_sign_PUBLICKEYBYTES];
  guint8           signature[crypto_sign_BYTES];
  g_autofree char *text = NULL;
  g_autofree char *proof = NULL;
  g_autoptr (JsonObject) answer = NULL;

  crypto_sign_keypair (public_key, colleague->secret);
  sodium_bin2base64 (colleague->key, sizeof colleague->key, public_key, sizeof public_key,
                     sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  text = g_strconcat ("retake-enrol\n", colleague->key, "\n", colleague->name, NULL);
  crypto_sign_detached (signature, NULL, (const guint8 *)text, strlen (text), colleague->secret);
  proof = g_base64_encode (signature, sizeof signature);
  answer = rtk_server_worker_post (worker, colleague->token, error, "/v1/stations",
                                   "{\"name\":\"%s\",\"key\":\"%s\",\"proof\":\"%s\"}", name,
                                   colleague->key, proof);
  if (answer == NULL || rtk_json_get_string (answer, "station", error) == NULL)
    return FALSE;
  g_free (colleague->station);
  colleague->station = g_strdup (rtk_json_get_string (answer, "station", NULL));
  return TRUE;
}

/**
 * rtk_server_colleague_sign:
 * @self: an operator with a station
 * @kind: of the operation
 * @order: what it is about
 * @revision: of the order as it was seen
 * @body: (transfer full): of the operation
 * @error: return location
 *
 * Returns: (transfer full): a signed operation
 */
JsonNode *
rtk_server_colleague_sign (RtkServerColleague *self,
                           const char         *kind,
                           const char         *order,
                           gint64              revision,
                           JsonObject         *body,
                           GError            **error)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autoptr (GBytes) canonical = NULL;
  g_autofree char *id = rtk_id_new (g_get_real_time ());
  g_autofree char *now = rtk_time_format (g_get_real_time ());
  g_autofree char *text = NULL;
  JsonObject      *object = json_object_new ();
  guint8           signature[crypto_sign_BYTES];

  json_object_set_string_member (object, "id", id);
  json_object_set_string_member (object, "kind", kind);
  json_object_set_string_member (object, "order", order);
  json_object_set_int_member (object, "base_revision", revision);
  json_object_set_string_member (object, "created_at", now);
  json_object_set_string_member (object, "station", self->station);
  json_object_set_string_member (object, "actor", self->name);
  json_object_set_object_member (object, "body", body);
  json_node_take_object (node, object);
  canonical = rtk_json_canonical (node, error);
  if (canonical == NULL)
    return NULL;
  crypto_sign_detached (signature, NULL, g_bytes_get_data (canonical, NULL),
                        g_bytes_get_size (canonical), self->secret);
  text = g_base64_encode (signature, sizeof signature);
  json_object_set_string_member (object, "signature", text);
  return g_steal_pointer (&node);
}

static gboolean
hire_all (RtkServerWorker *worker, GError **error)
{
  RtkServerCampus *campus = worker->campus;

  for (guint i = 0; i < campus->operators->len; i++) {
    RtkServerColleague *one = &g_array_index (campus->operators, RtkServerColleague, i);
    g_autofree char    *name = g_strdup_printf ("desk %u", i + 1);

    if (!hire (worker, one, "operator", i + 1, error) ||
        !rtk_server_campus_enrol (worker, one, name, error))
      return FALSE;
  }
  for (guint i = 0; i < campus->reviewers->len; i++)
    if (!hire (worker, &g_array_index (campus->reviewers, RtkServerColleague, i), "reviewer", i + 1,
               error))
      return FALSE;
  return TRUE;
}

/**
 * rtk_server_campus_begin:
 * @self: a campus whose server runs
 * @secret: of its bootstrap
 * @error: return location
 *
 * Makes the supervisor and, on a whole campus, the colleagues.
 *
 * Returns: whether they are signed in
 */
gboolean
rtk_server_campus_begin (RtkServerCampus *self, const char *secret, GError **error)
{
  RtkServerWorker worker = {.campus = self};
  gboolean        ok;

  worker.client = rtk_server_client_new (self->base);
  ok = bootstrap (&worker, secret, error) && hire_all (&worker, error);
  rtk_server_client_free (worker.client);
  return ok;
}

static gboolean
dismiss (RtkServerWorker *worker, GArray *colleagues, GError **error)
{
  for (guint i = 0; i < colleagues->len; i++) {
    g_autofree char *path =
        g_strconcat ("/v1/staff/", g_array_index (colleagues, RtkServerColleague, i).id, NULL);
    g_autoptr (JsonObject) answer = NULL;

    rtk_server_client_set_token (worker->client, worker->campus->supervisor.token);
    answer = rtk_server_client_call (worker->client, "PATCH", path, "{\"enabled\":false}", error);
    if (answer == NULL)
      return FALSE;
  }
  return TRUE;
}

static gboolean
call_delete (RtkServerWorker *worker, const char *path, GError **error)
{
  g_autoptr (JsonObject) answer = NULL;

  rtk_server_client_set_token (worker->client, worker->campus->supervisor.token);
  answer = rtk_server_client_call (worker->client, "DELETE", path, NULL, error);
  return answer != NULL;
}

/* A laptop that was lost. */
static gboolean
lose_station (RtkServerWorker *worker, GError **error)
{
  RtkServerColleague *owner = &g_array_index (worker->campus->operators, RtkServerColleague, 0);
  g_autofree char    *path = NULL;

  if (!rtk_server_campus_enrol (worker, owner, "laptop", error))
    return FALSE;
  path = g_strconcat ("/v1/stations/", owner->station, NULL);
  return call_delete (worker, path, error);
}

/**
 * rtk_server_campus_end:
 * @self: a campus whose server runs
 * @error: return location
 *
 * Everybody leaves: the colleagues are disabled, all are signed out. A supervisor stays, so that
 * nobody else can make themselves one; without --user one that nobody can sign in as.
 *
 * Returns: whether it is done
 */
gboolean
rtk_server_campus_end (RtkServerCampus *self, GError **error)
{
  RtkServerWorker worker = {.campus = self};
  gboolean        ok;

  worker.client = rtk_server_client_new (self->base);
  ok = (self->operators->len == 0 || lose_station (&worker, error)) &&
       dismiss (&worker, self->operators, error) && dismiss (&worker, self->reviewers, error) &&
       call_delete (&worker, "/v1/session", error);
  rtk_server_client_free (worker.client);
  return ok;
}
