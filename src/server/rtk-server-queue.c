/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-review.h"

#include <string.h>

#define MAX_SECONDS G_GINT64_CONSTANT (1000000000)
#define MAX_OFFSET 10000000
/* Characters of the name of a school or a batch. */
#define MAX_NAME 256

/* What waits, in its order, as one reviewer may see it. */

/* What may be claimed of the next @rows that wait after ?11, in their order. The inner limit is a
 * number that the database sees: whatever it knows of the table, it reads so many entries of the
 * index in their order, and never sorts all that waits. */
#define CHUNK(rows)                                                                                \
  "SELECT w.waiting FROM (SELECT * FROM submissions WHERE waiting > ?11 ORDER BY waiting "         \
  "LIMIT " rows ") w WHERE " RTK_SERVER_CLAIMABLE " ORDER BY w.waiting LIMIT ?10"
#define FEW "256"
#define MANY "4096"

/**
 * rtk_server_filters_of_body:
 * @call: a call with a checked body
 * @out_filters: (out): what it asks for
 *
 * Reads the filters of a claim.
 */
void
rtk_server_filters_of_body (RtkServerCall *call, RtkServerFilters *out_filters)
{
  gint64 seconds = rtk_server_call_get_int (call, "waiting_seconds", 0);

  *out_filters = (RtkServerFilters){
      .school = rtk_server_call_get_string (call, "school"),
      .batch = rtk_server_call_get_string (call, "batch"),
      .origin = rtk_server_call_get_string (call, "origin"),
      .engine = rtk_server_call_get_string (call, "engine"),
      .stage = rtk_server_call_get_string (call, "stage"),
      .attempt = rtk_server_call_get_int (call, "attempt", 0),
      .waiting_before = g_get_real_time () - seconds * G_USEC_PER_SEC,
  };
}

/**
 * rtk_server_filters_of_query:
 * @call: a call; it is answered with a problem when a filter is wrong
 * @out_filters: (out): what it asks for
 *
 * Reads the filters of a query, the same as those of a claim.
 *
 * Returns: whether they are right
 */
gboolean
rtk_server_filters_of_query (RtkServerCall *call, RtkServerFilters *out_filters)
{
  gint64 seconds;

  *out_filters = (RtkServerFilters){
      .school = rtk_server_call_get_query (call, "school"),
      .batch = rtk_server_call_get_query (call, "batch"),
      .origin = rtk_server_call_get_query (call, "origin"),
      .engine = rtk_server_call_get_query (call, "engine"),
      .stage = rtk_server_call_get_query (call, "stage"),
  };
  if (!rtk_server_call_get_query_int (call, "attempt", 0, 0, 1000, &out_filters->attempt) ||
      !rtk_server_call_get_query_int (call, "waiting_seconds", 0, 0, MAX_SECONDS, &seconds))
    return FALSE;
  out_filters->waiting_before = g_get_real_time () - seconds * G_USEC_PER_SEC;
  return rtk_server_filters_fit (call, out_filters);
}

/* Whether @value is nothing or one of @list, which ends with NULL. */
static gboolean
is_one_of (const char *value, const char *const *list)
{
  return value == NULL || g_strv_contains (list, value);
}

/**
 * rtk_server_filters_fit:
 * @call: a call; it is answered with a problem when they do not
 * @self: filters
 *
 * Returns: whether each word is one that is known
 */
gboolean
rtk_server_filters_fit (RtkServerCall *call, const RtkServerFilters *self)
{
  static const char *const origins[] = {"online", "desk", NULL};
  static const char *const engines[] = {"pass", "warn", "fail", "unknown", NULL};
  static const char *const stages[] = {"first", "second", "arbitration", NULL};

  if ((self->school == NULL || g_utf8_strlen (self->school, -1) <= MAX_NAME) &&
      (self->batch == NULL || g_utf8_strlen (self->batch, -1) <= MAX_NAME) &&
      is_one_of (self->origin, origins) && is_one_of (self->engine, engines) &&
      is_one_of (self->stage, stages))
    return TRUE;
  rtk_server_call_fail (call, 422, "bad-member",
                        "A filter is too long, or not a word that is known.");
  return FALSE;
}

/* Where a chunk ends; 0 when fewer wait. */
static gint64
find_end (RtkServerStore *store, gint64 after, gboolean many)
{
  return many ? rtk_server_db_get_int (store->db, 0,
                                       "SELECT waiting FROM submissions WHERE waiting > ?"
                                       " ORDER BY waiting LIMIT 1 OFFSET " MANY " - 1",
                                       "i", after)
              : rtk_server_db_get_int (store->db, 0,
                                       "SELECT waiting FROM submissions WHERE waiting > ?"
                                       " ORDER BY waiting LIMIT 1 OFFSET " FEW " - 1",
                                       "i", after);
}

static gboolean
find_in_chunk (RtkServerStore         *store,
               RtkServerCall          *call,
               const RtkServerFilters *f,
               gboolean                many,
               gint64                  after,
               gint64                  n,
               GArray                 *serials,
               GError                **error)
{
  RtkServerRows *row = rtk_server_db_query (
      store->db, error, many ? CHUNK (MANY) : CHUNK (FEW), "sisssssiiii", call->principal,
      (gint64)(call->who == RTK_SERVER_SUPERVISOR), f->school, f->batch, f->origin, f->engine,
      f->stage, f->attempt, f->waiting_before, n, after);

  while (rtk_server_db_next (store->db, row, error)) {
    gint64 serial = rtk_server_db_int (row, 0);

    g_array_append_val (serials, serial);
  }
  return rtk_server_db_end (row);
}

/* The number of the first item in a batch of these names, G_MAXINT64 when none waits. */
static gint64
find_first_of_batch (RtkServerStore *store, const RtkServerFilters *f)
{
  return rtk_server_db_get_int (
      store->db, G_MAXINT64,
      "SELECT coalesce (min ((SELECT w.waiting FROM submissions w WHERE w.batch = g.id"
      " AND w.waiting > 0 ORDER BY w.waiting LIMIT 1)), ?3) FROM batches g JOIN schools s"
      " ON s.id = g.school WHERE (?1 IS NULL OR s.name = ?1) AND (?2 IS NULL OR g.name = ?2)",
      "ssi", f->school, f->batch, G_MAXINT64);
}

/* The least number from which on something can fit: each filter by itself is looked up in an index,
 * because one that fits nothing would be held against all that waits. G_MAXINT64: nothing fits. */
static gint64
find_start (RtkServerStore *store, const RtkServerFilters *f)
{
  gint64 start = 0;

  if (f->school != NULL || f->batch != NULL)
    start = find_first_of_batch (store, f);
  if (start < G_MAXINT64 && f->origin != NULL)
    start = MAX (start, rtk_server_db_get_int (store->db, G_MAXINT64,
                                               "SELECT waiting FROM submissions WHERE origin = ?"
                                               " AND waiting > 0 ORDER BY waiting LIMIT 1",
                                               "s", f->origin));
  if (start < G_MAXINT64 && f->engine != NULL)
    start = MAX (start, rtk_server_db_get_int (store->db, G_MAXINT64,
                                               "SELECT waiting FROM submissions WHERE engine = ?"
                                               " AND waiting > 0 ORDER BY waiting LIMIT 1",
                                               "s", f->engine));
  /* Callers see a blind second look as a first one: nearly always there is one. */
  if (start < G_MAXINT64 && f->stage != NULL && strcmp (f->stage, "first") != 0)
    start = MAX (start, rtk_server_db_get_int (
                            store->db, G_MAXINT64,
                            "SELECT waiting FROM submissions WHERE stage = ?"
                            " AND stage <> 'first' AND waiting > 0 ORDER BY waiting"
                            " LIMIT 1",
                            "s", strcmp (f->stage, "second") == 0 ? "opinion" : "arbitration"));
  if (start < G_MAXINT64 && f->attempt > 1 &&
      rtk_server_db_get_int (store->db, 0,
                             "SELECT EXISTS (SELECT 1 FROM submissions WHERE attempt >= ?"
                             " AND attempt > 1 AND waiting IS NOT NULL)",
                             "i", f->attempt) == 0)
    return G_MAXINT64;
  if (start < G_MAXINT64 &&
      rtk_server_db_get_int (store->db, 0,
                             "SELECT EXISTS (SELECT 1 FROM submissions WHERE waiting_since <= ?"
                             " AND waiting IS NOT NULL)",
                             "i", f->waiting_before) == 0)
    return G_MAXINT64;
  return start;
}

/**
 * rtk_server_queue_find:
 * @store: a store, in a transaction
 * @call: who asks
 * @filters: what they want to see
 * @after: number after which to begin
 * @n: at most so many
 * @error: return location
 *
 * Finds what the caller may claim, what waits longest first: mostly it is among the first few from
 * find_start() on; only filters that hardly fit together read on.
 *
 * Returns: (transfer full) (nullable): numbers in the queue, #gint64
 */
GArray *
rtk_server_queue_find (RtkServerStore         *store,
                       RtkServerCall          *call,
                       const RtkServerFilters *filters,
                       gint64                  after,
                       gint64                  n,
                       GError                **error)
{
  g_autoptr (GArray) serials = g_array_new (FALSE, FALSE, sizeof (gint64));
  gint64 start = find_start (store, filters);

  if (start == G_MAXINT64)
    return g_steal_pointer (&serials);
  after = MAX (after, start - 1);
  for (gboolean many = n > 200;; many = TRUE) {
    if (!find_in_chunk (store, call, filters, many, after, n - serials->len, serials, error))
      return NULL;
    after = serials->len < n ? find_end (store, after, many) : 0;
    if (after == 0)
      return g_steal_pointer (&serials);
  }
}

static void
write_row (RtkServerJson *json, RtkServerRows *row)
{
  static const char *const names[] = {"submission", "order",  "number", "school",
                                      "batch",      "origin", "engine", "stage"};

  rtk_server_json_begin (json, NULL, '{');
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    rtk_server_json_string (json, names[i], rtk_server_db_text (row, (int)i));
  rtk_server_json_int (json, "attempt", rtk_server_db_int (row, 8));
  rtk_server_json_time (json, "waiting_since", rtk_server_db_int (row, 9));
  rtk_server_json_end (json, '}');
}

/* The items from number @first to @last. */
static gboolean
write_page (RtkServerStore         *store,
            RtkServerCall          *call,
            const RtkServerFilters *f,
            gint64                  first,
            gint64                  last,
            GError                **error)
{
  RtkServerRows *row = rtk_server_db_query (
      store->db, error,
      "SELECT w.id, w.order_id, o.number, s.name, b.name, w.origin, w.engine,"
      " " RTK_SERVER_WIRE_STAGE ", w.attempt, w.waiting_since FROM submissions w"
      " JOIN orders o ON o.id = w.order_id JOIN batches b ON b.id = w.batch"
      " JOIN schools s ON s.id = w.school WHERE w.waiting >= ?10 AND w.waiting <= ?11"
      " AND " RTK_SERVER_CLAIMABLE " ORDER BY w.waiting",
      "sisssssiiii", call->principal, (gint64)(call->who == RTK_SERVER_SUPERVISOR), f->school,
      f->batch, f->origin, f->engine, f->stage, f->attempt, f->waiting_before, first, last);

  while (rtk_server_db_next (store->db, row, error))
    write_row (&call->answer, row);
  return rtk_server_db_end (row);
}

/* How many of each stage there are; only the first page says so, it costs a look at all of them. */
static gboolean
write_counts (RtkServerStore *store, RtkServerCall *call, const RtkServerFilters *f, GError **error)
{
  static const char *const names[] = {"first", "second", "arbitration"};
  gint64                   counts[G_N_ELEMENTS (names)] = {0};
  gint64                   total = 0;
  RtkServerRows           *row = rtk_server_db_query (
                store->db, error,
                "SELECT " RTK_SERVER_WIRE_STAGE ", count (*) FROM submissions w WHERE w.waiting > 0"
                          " AND " RTK_SERVER_CLAIMABLE " GROUP BY 1",
                "sisssssii", call->principal, (gint64)(call->who == RTK_SERVER_SUPERVISOR), f->school,
                f->batch, f->origin, f->engine, f->stage, f->attempt, f->waiting_before);

  while (rtk_server_db_next (store->db, row, error))
    for (guint i = 0; i < G_N_ELEMENTS (names); i++)
      if (g_str_equal (rtk_server_db_text (row, 0), names[i])) {
        counts[i] = rtk_server_db_int (row, 1);
        total += counts[i];
      }
  rtk_server_json_begin (&call->answer, "counts", '{');
  rtk_server_json_int (&call->answer, "all", total);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    rtk_server_json_int (&call->answer, names[i], counts[i]);
  rtk_server_json_end (&call->answer, '}');
  return rtk_server_db_end (row);
}

/* GET /v1/reviews/queue: by key for whoever goes on, by offset for whoever jumps. */
RTK_SERVER_HANDLER (review_queue)
{
  RtkServerFilters f;
  g_autoptr (GArray) serials = NULL;
  gint64 after;
  gint64 offset;
  gint64 limit;
  gint64 last = 0;

  if (!rtk_server_filters_of_query (call, &f) ||
      !rtk_server_call_get_query_int (call, "after", 0, 0, G_MAXINT64, &after) ||
      !rtk_server_call_get_query_int (call, "offset", 0, 0, MAX_OFFSET, &offset) ||
      !rtk_server_call_get_query_int (call, "limit", MIN (100, store->config->max_page), 1,
                                      store->config->max_page, &limit))
    return TRUE;
  serials = rtk_server_queue_find (store, call, &f, after, offset + limit + 1, error);
  if (serials == NULL)
    return FALSE;
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_begin (&call->answer, "items", '[');
  if (serials->len > offset) {
    last = g_array_index (serials, gint64, MIN (serials->len, offset + limit) - 1);
    if (!write_page (store, call, &f, g_array_index (serials, gint64, offset), last, error))
      return FALSE;
  }
  rtk_server_json_end (&call->answer, ']');
  if (serials->len > offset + limit)
    rtk_server_json_int (&call->answer, "next", last);
  else
    rtk_server_json_string (&call->answer, "next", NULL);
  if (after > 0 || offset > 0)
    rtk_server_json_string (&call->answer, "counts", NULL);
  else if (!write_counts (store, call, &f, error))
    return FALSE;
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return TRUE;
}
