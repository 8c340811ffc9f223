/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-campus.h"

/* Who is on the simulated campus, what becomes of each, and the clients that make it so. */

#define ABSENT                                                                                     \
  {                                                                                                \
    .way = RTK_SERVER_WAY_ABSENT                                                                   \
  }
#define ONLINE(pay_how, ...)                                                                       \
  {                                                                                                \
    .way = RTK_SERVER_WAY_ONLINE, .pay = RTK_SERVER_PAY_##pay_how, __VA_ARGS__                     \
  }
#define DESK(pay_how, ...)                                                                         \
  {                                                                                                \
    .way = RTK_SERVER_WAY_DESK, .pay = RTK_SERVER_PAY_##pay_how, __VA_ARGS__                       \
  }
#define LOOK(how) .look = RTK_SERVER_LOOK_##how

/* Of twenty, what the desk of a small centre is there for. */
#define SMALL 20
/* So many have every state; of more, every sixty have it again, up to so many. */
#define WHOLE 60
#define BUSY 600
/* From so many on, several clients work at once. */
#define MANY 600
#define WORKERS 4

static const RtkServerStory stories[WHOLE] = {
    ONLINE (WAIVER, LOOK (REJECTED)),
    ONLINE (CODE, LOOK (NONE)),
    ONLINE (CODE, LOOK (APPROVED)),
    ONLINE (CODE, LOOK (REJECTED)),
    ONLINE (CODE, LOOK (REJECTED), .early = TRUE),
    ONLINE (NOTHING, LOOK (NONE)),
    ONLINE (CODE, LOOK (REJECTED)),
    ONLINE (WAIVER, LOOK (REJECTED)),
    ONLINE (CODE, LOOK (NONE)),
    ONLINE (NOTHING, LOOK (NONE), .early = TRUE),
    ONLINE (WAIVER, LOOK (REJECTED)),
    ONLINE (CODE, LOOK (APPROVED)),
    ONLINE (CODE, LOOK (NONE)),
    ONLINE (CODE, LOOK (REJECTED), .early = TRUE),
    ONLINE (CODE, LOOK (REJECTED)),
    ONLINE (CODE, LOOK (APPROVED)),
    {.way = RTK_SERVER_WAY_ACCOUNT},
    ONLINE (CODE, LOOK (NONE)),
    ONLINE (WAIVER, LOOK (REJECTED)),
    ABSENT,
    /* From here on only where there are enough. */
    {.way = RTK_SERVER_WAY_ORDER},
    ONLINE (CODE, LOOK (NONE), .twice = TRUE),
    ONLINE (PENDING, LOOK (NONE)),
    ONLINE (FAILED, LOOK (NONE)),
    ONLINE (CODE, LOOK (NONE), .asks_back = TRUE),
    ONLINE (CODE, LOOK (REJECTED), .early = TRUE, .refused = TRUE),
    ONLINE (CODE, LOOK (REJECTED), .early = TRUE, .again = RTK_SERVER_PAY_CASH, .retaken = TRUE),
    ONLINE (WAIVER, LOOK (REJECTED), .retaken = TRUE),
    ONLINE (CODE, LOOK (NONE), .consents = TRUE),
    ONLINE (CODE, LOOK (NONE), .consents = TRUE, .withdraws = TRUE),
    DESK (NOTHING, LOOK (NONE)),
    DESK (PENDING, LOOK (NONE)),
    DESK (CODE, LOOK (NONE)),
    DESK (CASH, LOOK (NONE), .consents = TRUE, .noted = TRUE),
    DESK (WAIVER, LOOK (NONE), .twice = TRUE),
    DESK (CASH, LOOK (REJECTED), .noted = TRUE),
    DESK (CASH, LOOK (APPROVED)),
    ONLINE (CODE, LOOK (APPROVED), .print = RTK_PRINT_REQUESTED, .by_post = TRUE),
    DESK (CASH, LOOK (APPROVED), .print = RTK_PRINT_REQUESTED),
    DESK (CASH, LOOK (APPROVED), .print = RTK_PRINT_PRINTED),
    DESK (CASH, LOOK (APPROVED), .print = RTK_PRINT_SHIPPED),
    ONLINE (CODE, LOOK (APPROVED), .print = RTK_PRINT_SHIPPED, .by_post = TRUE),
    DESK (CASH, LOOK (APPROVED), .delivery = RTK_DELIVERY_EXPORTED),
    ONLINE (CODE, LOOK (APPROVED), .delivery = RTK_DELIVERY_EXPORTED),
    DESK (CASH, LOOK (APPROVED), .delivery = RTK_DELIVERY_RECEIVED),
    ONLINE (CODE, LOOK (APPROVED), .delivery = RTK_DELIVERY_RECEIVED),
    ONLINE (CODE, LOOK (APPROVED), .gold = TRUE),
    ONLINE (WAIVER, LOOK (REJECTED), .gold = TRUE),
    ONLINE (CODE, LOOK (CORRECTED)),
    DESK (CASH, LOOK (UNDONE)),
    DESK (CASH, LOOK (SECOND)),
    ONLINE (CODE, LOOK (SECOND)),
    DESK (CASH, LOOK (AGREED)),
    DESK (CASH, LOOK (ARBITRATION)),
    ONLINE (CODE, LOOK (ARBITRATION)),
    DESK (CASH, LOOK (ARBITRATED)),
    DESK (CASH, LOOK (OPINION)),
    DESK (CASH, LOOK (HELD)),
    ONLINE (CODE, LOOK (HELD)),
    ABSENT,
};

/* Of a whole university the rest came to the desk: no passwords, no uploads of their own. */
static const RtkServerStory crowd[] = {
    DESK (CASH, LOOK (APPROVED), .delivery = RTK_DELIVERY_RECEIVED),
    DESK (CASH, LOOK (APPROVED), .delivery = RTK_DELIVERY_RECEIVED),
    DESK (CASH, LOOK (APPROVED), .delivery = RTK_DELIVERY_RECEIVED),
    DESK (CASH, LOOK (APPROVED), .delivery = RTK_DELIVERY_EXPORTED),
    DESK (CASH, LOOK (APPROVED)),
    DESK (CASH, LOOK (NONE)),
    DESK (CASH, LOOK (APPROVED), .delivery = RTK_DELIVERY_RECEIVED),
    DESK (CASH, LOOK (APPROVED), .delivery = RTK_DELIVERY_EXPORTED),
    DESK (CASH, LOOK (REJECTED)),
    DESK (CASH, LOOK (NONE)),
};

static void
graduate_clear (gpointer data)
{
  RtkServerGraduate *graduate = data;

  g_free (graduate->number);
  g_free (graduate->code);
  g_free (graduate->token);
  g_free (graduate->order);
  g_free (graduate->submission);
}

static void
colleague_clear (gpointer data)
{
  RtkServerColleague *colleague = data;

  g_free (colleague->id);
  g_free (colleague->name);
  g_free (colleague->token);
  g_free (colleague->station);
  sodium_memzero (colleague->secret, sizeof colleague->secret);
}

static const RtkServerStory *
pick_story (const RtkServerCampus *self, guint index)
{
  if (!self->is_whole)
    return &stories[index % SMALL];
  return index < BUSY ? &stories[index % WHOLE] : &crowd[index % G_N_ELEMENTS (crowd)];
}

/**
 * rtk_server_campus_init:
 * @self: (out caller-allocates): a campus
 * @simulation: what is asked for
 *
 * Draws everybody. The same seed gives the same people with the same fate.
 */
void
rtk_server_campus_init (RtkServerCampus *self, const RtkServerSimulation *simulation)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (simulation->seed);

  *self = (RtkServerCampus){.simulation = simulation};
  self->is_whole = simulation->graduates >= WHOLE;
  self->n_workers = simulation->graduates >= MANY ? WORKERS : 1;
  self->n_reviewers = MAX (self->n_workers, 2);
  self->graduates = g_array_new (FALSE, TRUE, sizeof (RtkServerGraduate));
  g_array_set_clear_func (self->graduates, graduate_clear);
  g_array_set_size (self->graduates, simulation->graduates);
  for (guint i = 0; i < simulation->graduates; i++) {
    RtkServerGraduate *graduate = rtk_server_campus_get (self, i);

    graduate->index = i;
    graduate->story = pick_story (self, i);
    graduate->number = rtk_server_person_make_number (i);
    graduate->code = rtk_server_person_make_code (rand);
    for (guint j = 0; j < G_N_ELEMENTS (graduate->reasons); j++)
      graduate->reasons[j] = (RtkReason)g_rand_int_range (rand, 0, RTK_N_REASONS - 1);
  }
  self->operators = g_array_new (FALSE, TRUE, sizeof (RtkServerColleague));
  self->reviewers = g_array_new (FALSE, TRUE, sizeof (RtkServerColleague));
  g_array_set_clear_func (self->operators, colleague_clear);
  g_array_set_clear_func (self->reviewers, colleague_clear);
  if (self->is_whole) {
    g_array_set_size (self->operators, self->n_workers);
    g_array_set_size (self->reviewers, self->n_reviewers + 1);
  }
}

/**
 * rtk_server_campus_clear:
 * @self: a campus
 *
 * Frees what it holds.
 */
void
rtk_server_campus_clear (RtkServerCampus *self)
{
  g_clear_pointer (&self->by_submission, g_hash_table_unref);
  g_clear_pointer (&self->graduates, g_array_unref);
  g_clear_pointer (&self->operators, g_array_unref);
  g_clear_pointer (&self->reviewers, g_array_unref);
  g_clear_pointer (&self->pictures, g_ptr_array_unref);
  colleague_clear (&self->supervisor);
  g_free (self->base);
  g_free (self->alpha_sha256);
  g_free (self->certificate_sha256);
}

/**
 * rtk_server_campus_get:
 * @self: a campus
 * @index: below the number of graduates
 *
 * Returns: (transfer none): one of them
 */
RtkServerGraduate *
rtk_server_campus_get (RtkServerCampus *self, guint index)
{
  return &g_array_index (self->graduates, RtkServerGraduate, index);
}

/**
 * rtk_server_campus_make_roster:
 * @self: a campus
 *
 * Returns: (transfer full): the school's list; every other one has no code on it
 */
GString *
rtk_server_campus_make_roster (RtkServerCampus *self)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (self->simulation->seed + 1);
  GString *text = g_string_new ("school,batch,name,number,code\n");

  for (guint i = 0; i < self->graduates->len; i++) {
    const RtkServerGraduate *graduate = rtk_server_campus_get (self, i);
    g_autofree char         *name = rtk_server_person_make_name (rand);

    g_string_append_printf (text, "%s,2026,%s,%s,%s\n", rtk_server_person_get_school (i), name,
                            graduate->number, i % 2 == 0 ? graduate->code : "");
  }
  return text;
}

static gpointer
worker_thread (gpointer data)
{
  RtkServerWorker *self = data;
  g_autoptr (GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  self->client = rtk_server_client_new (self->campus->base);
  (void)self->work (self, &self->error);
  g_clear_pointer (&self->client, rtk_server_client_free);
  g_main_context_pop_thread_default (context);
  return NULL;
}

/**
 * rtk_server_campus_work:
 * @self: a campus
 * @work: runs on as many threads as there are workers
 * @wants: (nullable): which graduates it is for
 * @error: return location
 *
 * Has something done by all workers. Blocking.
 *
 * Returns: whether all have done their part
 */
gboolean
rtk_server_campus_work (RtkServerCampus  *self,
                        RtkServerWorkFunc work,
                        RtkServerWantFunc wants,
                        GError          **error)
{
  RtkServerWorker workers[WORKERS] = {{0}};
  GThread        *threads[WORKERS];
  gboolean        ok = TRUE;

  for (guint i = 0; i < self->n_workers; i++) {
    workers[i] = (RtkServerWorker){.campus = self, .index = i, .work = work, .wants = wants};
    threads[i] = g_thread_new ("simulate", worker_thread, &workers[i]);
  }
  for (guint i = 0; i < self->n_workers; i++)
    g_thread_join (threads[i]);
  for (guint i = 0; i < self->n_workers; i++) {
    if (workers[i].error == NULL)
      continue;
    if (ok)
      g_propagate_error (error, g_steal_pointer (&workers[i].error));
    g_clear_error (&workers[i].error);
    ok = FALSE;
  }
  return ok;
}

/**
 * rtk_server_worker_next:
 * @self: a worker
 *
 * Returns: (transfer none) (nullable): the next graduate that is its to serve
 */
RtkServerGraduate *
rtk_server_worker_next (RtkServerWorker *self)
{
  guint step = self->campus->n_workers;
  guint i = self->next != NULL ? self->next->index + step : self->index;

  for (; i < self->campus->graduates->len; i += step) {
    RtkServerGraduate *graduate = rtk_server_campus_get (self->campus, i);

    if (self->wants != NULL && !self->wants (graduate))
      continue;
    self->next = graduate;
    return graduate;
  }
  return NULL;
}

/**
 * rtk_server_worker_operator:
 * @self: a worker
 *
 * Returns: (transfer none): the operator it plays; on a small campus the supervisor
 */
RtkServerColleague *
rtk_server_worker_operator (RtkServerWorker *self)
{
  return self->campus->operators->len > 0
             ? &g_array_index (self->campus->operators, RtkServerColleague, self->index)
             : &self->campus->supervisor;
}

static JsonObject *
post (RtkServerWorker *self,
      const char      *token,
      const char      *path,
      const char      *format,
      va_list          args,
      GError         **error)
{
  g_autofree char *body = g_strdup_vprintf (format, args);

  rtk_server_client_set_token (self->client, token);
  return rtk_server_client_call (self->client, "POST", path, body, error);
}

/**
 * rtk_server_worker_post:
 * @self: a worker
 * @token: (nullable): who calls
 * @error: return location
 * @path: where
 * @format: of the body
 *
 * Returns: (transfer full): the answer
 */
JsonObject *
rtk_server_worker_post (RtkServerWorker *self,
                        const char      *token,
                        GError         **error,
                        const char      *path,
                        const char      *format,
                        ...)
{
  JsonObject *answer;
  va_list     args;

  va_start (args, format);
  answer = post (self, token, path, format, args, error);
  va_end (args);
  return answer;
}

/**
 * rtk_server_worker_tell:
 * @self: a worker
 * @token: (nullable): who calls
 * @error: return location
 * @path: where
 * @format: of the body
 *
 * As rtk_server_worker_post() where the answer does not matter.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_worker_tell (RtkServerWorker *self,
                        const char      *token,
                        GError         **error,
                        const char      *path,
                        const char      *format,
                        ...)
{
  g_autoptr (JsonObject) answer = NULL;
  va_list args;

  va_start (args, format);
  answer = post (self, token, path, format, args, error);
  va_end (args);
  return answer != NULL;
}
