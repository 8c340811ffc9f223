/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-json.h"
#include "server/rtk-server-campus.h"

#include <string.h>

/* What reviewers do at the simulated campus. Photos of one story each are made just before those
 * who decide on them claim, so that a claim gets nothing else. */

/* Items in a claim, each of whose verdicts renews all of it; and the most there can be. */
#define CLAIM 20
#define MOST 500

/* The first and the second look, and the one that settles it. */
typedef enum {
  LOOK_FIRST,
  LOOK_SECOND,
  LOOK_ARBITRATION,
} Turn;

/* Whether a look says that the photo is good; gold is shown to nobody here. */
static gboolean
approves (const RtkServerGraduate *graduate, Turn turn)
{
  RtkServerLook look = graduate->story->look;

  if (turn == LOOK_SECOND)
    return look == RTK_SERVER_LOOK_AGREED;
  return look != RTK_SERVER_LOOK_REJECTED && look != RTK_SERVER_LOOK_CORRECTED &&
         look != RTK_SERVER_LOOK_UNDONE;
}

/* Whether this look comes at all; else the item goes back. */
static gboolean
takes_part (const RtkServerGraduate *graduate, Turn turn)
{
  RtkServerLook look = graduate->story->look;

  if (turn == LOOK_SECOND)
    return look != RTK_SERVER_LOOK_SECOND;
  return turn == LOOK_FIRST || look == RTK_SERVER_LOOK_ARBITRATED;
}

static const RtkServerGraduate *
find_graduate (RtkServerWorker *worker, JsonObject *item, gint64 *out_revision, GError **error)
{
  const char *id = rtk_json_get_string (item, "submission", error);
  JsonObject *order = id != NULL ? rtk_json_get_object (item, "order", error) : NULL;

  if (order == NULL || !rtk_json_get_int (order, "revision", out_revision, error))
    return NULL;
  return g_hash_table_lookup (worker->campus->by_submission, id);
}

static gboolean
decide (RtkServerWorker         *worker,
        const char              *token,
        const RtkServerGraduate *graduate,
        gint64                   revision,
        Turn                     turn,
        GError                 **error)
{
  g_autofree char *path = g_strconcat ("/v1/reviews/", graduate->submission, NULL);

  if (approves (graduate, turn))
    return rtk_server_worker_tell (worker, token, error, path,
                                   "{\"verdict\":\"approved\",\"revision\":%" G_GINT64_FORMAT "}",
                                   revision);
  return rtk_server_worker_tell (worker, token, error, path,
                                 "{\"verdict\":\"rejected\",\"revision\":%" G_GINT64_FORMAT
                                 ",\"reasons\":[\"%s\",\"%s\"]}",
                                 revision, rtk_reason_to_string (graduate->reasons[0]),
                                 rtk_reason_to_string (graduate->reasons[1]));
}

static JsonArray *
claim (RtkServerWorker *worker,
       const char      *token,
       guint            count,
       const char      *stage,
       JsonObject     **out_answer,
       GError         **error)
{
  g_autofree char *filter = stage != NULL ? g_strdup_printf (",\"stage\":\"%s\"", stage) : NULL;

  *out_answer = rtk_server_worker_post (worker, token, error, "/v1/reviews/claim",
                                        "{\"count\":%u%s}", count, filter != NULL ? filter : "");
  return *out_answer != NULL ? rtk_json_get_array (*out_answer, "items", error) : NULL;
}

static gboolean
give_back (RtkServerWorker *worker, const char *token, GError **error)
{
  g_autoptr (JsonObject) answer = NULL;

  rtk_server_client_set_token (worker->client, token);
  answer = rtk_server_client_call (worker->client, "DELETE", "/v1/reviews/claim", NULL, error);
  return answer != NULL;
}

/* Claims and decides until nothing is left; what this look leaves alone goes back in the end. */
static gboolean
empty_queue (
    RtkServerWorker *worker, const char *token, Turn turn, const char *stage, GError **error)
{
  guint n_left = 0;
  guint n_done;

  do {
    g_autoptr (JsonObject) answer = NULL;
    JsonArray *items = claim (worker, token, n_left + CLAIM, stage, &answer, error);

    if (items == NULL)
      return FALSE;
    n_left = n_done = 0;
    for (guint i = 0; i < json_array_get_length (items); i++) {
      gint64                   revision;
      const RtkServerGraduate *graduate =
          find_graduate (worker, json_array_get_object_element (items, i), &revision, error);

      if (graduate == NULL)
        return FALSE;
      if (!takes_part (graduate, turn)) {
        n_left++;
        continue;
      }
      if (!decide (worker, token, graduate, revision, turn, error))
        return FALSE;
      n_done++;
    }
  } while (n_done > 0);
  return n_left == 0 || give_back (worker, token, error);
}

/* By whom a photo can be found, before several look for it at once. */
static void
index_submissions (RtkServerCampus *self)
{
  g_clear_pointer (&self->by_submission, g_hash_table_unref);
  self->by_submission = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < self->graduates->len; i++) {
    RtkServerGraduate *graduate = rtk_server_campus_get (self, i);

    if (graduate->submission != NULL)
      g_hash_table_insert (self->by_submission, graduate->submission, graduate);
  }
}

static const char *
get_reviewer (RtkServerCampus *self, guint index)
{
  return self->reviewers->len > 0 ? g_array_index (self->reviewers, RtkServerColleague, index).token
                                  : self->supervisor.token;
}

/* Who only keeps what stays in review. */
static const char *
get_keeper (RtkServerCampus *self)
{
  return get_reviewer (self, self->n_reviewers);
}

static gboolean
review (RtkServerWorker *worker, GError **error)
{
  return empty_queue (worker, get_reviewer (worker->campus, worker->index), LOOK_FIRST, NULL,
                      error);
}

/**
 * rtk_server_campus_review:
 * @self: a campus whose server draws no sample
 * @error: return location
 *
 * The reviewers empty the queue.
 *
 * Returns: whether it is empty
 */
gboolean
rtk_server_campus_review (RtkServerCampus *self, GError **error)
{
  index_submissions (self);
  return rtk_server_campus_work (self, review, NULL, error);
}

/* One reviewer claims all that waits and does one thing to each item. */
typedef gboolean (*EachFunc) (RtkServerWorker         *worker,
                              const char              *token,
                              const RtkServerGraduate *graduate,
                              gint64                   revision,
                              GError                 **error);

static gboolean
for_each_claimed (RtkServerCampus *self, const char *token, EachFunc func, GError **error)
{
  RtkServerWorker worker = {.campus = self};
  g_autoptr (JsonObject) answer = NULL;
  JsonArray *items;
  gboolean   ok;

  index_submissions (self);
  worker.client = rtk_server_client_new (self->base);
  items = claim (&worker, token, MOST, NULL, &answer, error);
  ok = items != NULL;
  for (guint i = 0; ok && i < json_array_get_length (items); i++) {
    gint64                   revision;
    const RtkServerGraduate *graduate =
        find_graduate (&worker, json_array_get_object_element (items, i), &revision, error);

    ok = graduate != NULL && func (&worker, token, graduate, revision, error);
  }
  rtk_server_client_free (worker.client);
  return ok;
}

static gboolean
reject_and_undo (RtkServerWorker         *worker,
                 const char              *token,
                 const RtkServerGraduate *graduate,
                 gint64                   revision,
                 GError                 **error)
{
  g_autofree char *path = g_strdup_printf ("/v1/reviews/%s/undo", graduate->submission);

  return decide (worker, token, graduate, revision, LOOK_FIRST, error) &&
         rtk_server_worker_tell (worker, token, error, path, "{}");
}

/**
 * rtk_server_campus_undo:
 * @self: a whole campus whose server draws no sample
 * @error: return location
 *
 * What waits is rejected, and the verdict taken back.
 *
 * Returns: whether it is in review again
 */
gboolean
rtk_server_campus_undo (RtkServerCampus *self, GError **error)
{
  return for_each_claimed (self, get_keeper (self), reject_and_undo, error);
}

/**
 * rtk_server_campus_look_twice:
 * @self: a whole campus whose server wants a second look at all
 * @error: return location
 *
 * What waits gets a first look, a second one by somebody else, and a supervisor's, as far as its
 * story goes.
 *
 * Returns: whether it has
 */
gboolean
rtk_server_campus_look_twice (RtkServerCampus *self, GError **error)
{
  RtkServerWorker worker = {.campus = self};
  gboolean        ok;

  index_submissions (self);
  worker.client = rtk_server_client_new (self->base);
  /* A second look is blind: it looks like a first one. */
  ok = empty_queue (&worker, get_reviewer (self, 0), LOOK_FIRST, "first", error) &&
       empty_queue (&worker, get_reviewer (self, 1), LOOK_SECOND, "first", error) &&
       empty_queue (&worker, self->supervisor.token, LOOK_ARBITRATION, "arbitration", error);
  rtk_server_client_free (worker.client);
  return ok;
}

static gboolean
pass_on (RtkServerWorker         *worker,
         const char              *token,
         const RtkServerGraduate *graduate,
         gint64                   revision,
         GError                 **error)
{
  g_autofree char *path = g_strdup_printf ("/v1/reviews/%s/second-opinion", graduate->submission);

  return graduate->story->look != RTK_SERVER_LOOK_OPINION ||
         rtk_server_worker_tell (worker, token, error, path, "{\"note\":\"光线？\"}");
}

/**
 * rtk_server_campus_pass_on:
 * @self: a whole campus
 * @error: return location
 *
 * A reviewer asks for another's opinion on what waits.
 *
 * Returns: whether it waits for one
 */
gboolean
rtk_server_campus_pass_on (RtkServerCampus *self, GError **error)
{
  return for_each_claimed (self, get_reviewer (self, 0), pass_on, error);
}

static gboolean
look_at (RtkServerWorker         *worker,
         const char              *token,
         const RtkServerGraduate *graduate,
         gint64                   revision,
         GError                 **error)
{
  return TRUE;
}

/**
 * rtk_server_campus_hold:
 * @self: a whole campus
 * @error: return location
 *
 * A reviewer claims what waits and is not done with it.
 *
 * Returns: whether it is in review
 */
gboolean
rtk_server_campus_hold (RtkServerCampus *self, GError **error)
{
  return for_each_claimed (self, get_keeper (self), look_at, error);
}
