/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-clock.h"
#include "core/rtk-order.h"
#include "server/rtk-server-review.h"

#include <string.h>

/* How good the review is, and how fast. The database counts; what it cannot do in the part that
 * both kinds share, medians and kappa, is computed here from its small tables. */

/* Times are counted in steps of this many microseconds, longest an hour. */
#define STEP 100000
#define DAYS 30

/* SQL: the verdicts of a while, with the time the reviewer took: since their verdict before, or
 * since the claim, whatever was later. Who claims ten at once does not look at ten at once. */
#define TIMED                                                                                      \
  "(SELECT t.reviewer, CASE WHEN t.took < 0 THEN 0 WHEN t.took / 100000 > 36000 THEN 36000"        \
  " ELSE t.took / 100000 END AS steps FROM (SELECT q.reviewer, q.created_at - CASE WHEN"           \
  " q.before_at > q.claimed_at THEN q.before_at ELSE q.claimed_at END AS took FROM"                \
  " (SELECT v.reviewer, v.created_at, v.claimed_at, lag (v.created_at) OVER (PARTITION BY"         \
  " v.reviewer ORDER BY v.created_at) AS before_at FROM reviews v WHERE v.created_at >= ?1"        \
  " AND v.created_at < ?2 AND v.stage <> 'correction' AND v.verdict <> 'passed') q) t) z"

typedef struct {
  char   *id;
  char   *name;
  gint64  decided;
  gint64  approved;
  gint64  rejected;
  gint64  passed;
  gint64  undone;
  gint64  right;
  gint64  wrong;
  gint64  pairs[2][2]; /* own verdict, the colleague's: 0 approved, 1 rejected */
  GArray *times;       /* (owned): Bucket, ascending */
} Reviewer;

typedef struct {
  gint64 steps;
  gint64 n;
} Bucket;

typedef struct {
  gint64 count;    /* final rejections that name it */
  gint64 compared; /* pairs of rejections in which one named it */
  gint64 agreed;   /* pairs in which both did */
} Reason;

typedef struct {
  RtkServerStore *store;
  RtkServerCall  *call;
  gint64          from;
  gint64          to;
  GHashTable     *reviewers; /* (owned): id -> Reviewer */
  GPtrArray      *order;     /* (owned) of Reviewer, unowned: as they came */
  Reason          reasons[RTK_N_REASONS];
} Statistics;

static void
reviewer_free (gpointer data)
{
  Reviewer *self = data;

  g_free (self->id);
  g_free (self->name);
  g_array_unref (self->times);
  g_free (self);
}

static void
statistics_clear (Statistics *self)
{
  g_clear_pointer (&self->reviewers, g_hash_table_unref);
  g_clear_pointer (&self->order, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Statistics, statistics_clear)

static Reviewer *
get_reviewer (Statistics *self, const char *id)
{
  Reviewer *reviewer = g_hash_table_lookup (self->reviewers, id);

  if (reviewer == NULL) {
    reviewer = g_new0 (Reviewer, 1);
    reviewer->id = g_strdup (id);
    reviewer->times = g_array_new (FALSE, FALSE, sizeof (Bucket));
    g_hash_table_insert (self->reviewers, reviewer->id, reviewer);
    g_ptr_array_add (self->order, reviewer);
  }
  return reviewer;
}

typedef void (*RowFunc) (Statistics *self, RtkServerRows *row);

/* Reads a query of the while to its end. */
static gboolean
for_rows (Statistics *self, const char *sql, RowFunc func, GError **error)
{
  RtkServerRows *row =
      rtk_server_db_query (self->store->db, error, sql, "ii", self->from, self->to);

  while (rtk_server_db_next (self->store->db, row, error))
    func (self, row);
  return rtk_server_db_end (row);
}

static void
take_counts (Statistics *self, RtkServerRows *row)
{
  Reviewer *reviewer = get_reviewer (self, rtk_server_db_text (row, 0));

  reviewer->name = g_strdup (rtk_server_db_text (row, 1));
  reviewer->decided = rtk_server_db_int (row, 2);
  reviewer->approved = rtk_server_db_int (row, 3);
  reviewer->rejected = rtk_server_db_int (row, 4);
  reviewer->passed = rtk_server_db_int (row, 5);
  reviewer->undone = rtk_server_db_int (row, 6);
}

static void
take_time (Statistics *self, RtkServerRows *row)
{
  Bucket bucket = {rtk_server_db_int (row, 1), rtk_server_db_int (row, 2)};

  g_array_append_val (get_reviewer (self, rtk_server_db_text (row, 0))->times, bucket);
}

static void
take_gold (Statistics *self, RtkServerRows *row)
{
  Reviewer *reviewer = get_reviewer (self, rtk_server_db_text (row, 0));

  if (reviewer->name == NULL)
    reviewer->name = g_strdup (rtk_server_db_text (row, 1));
  reviewer->right = rtk_server_db_int (row, 2);
  reviewer->wrong = rtk_server_db_int (row, 3);
}

static void
take_reasons (Statistics *self, RtkServerRows *row)
{
  g_auto (GStrv) codes = g_strsplit (rtk_server_db_text (row, 0), ",", -1);
  RtkReason reason;

  for (guint i = 0; codes[i] != NULL; i++)
    if (rtk_reason_from_string (codes[i], &reason))
      self->reasons[reason].count += rtk_server_db_int (row, 1);
}

static void
compare_reasons (Statistics *self, const char *one, const char *other, gint64 n)
{
  g_auto (GStrv) a = g_strsplit (one, ",", -1);
  g_auto (GStrv) b = g_strsplit (other, ",", -1);

  for (RtkReason reason = 0; reason < RTK_N_REASONS; reason++) {
    const char *code = rtk_reason_to_string (reason);
    gboolean    in_a = g_strv_contains ((const char *const *)a, code);
    gboolean    in_b = g_strv_contains ((const char *const *)b, code);

    if (in_a || in_b)
      self->reasons[reason].compared += n;
    if (in_a && in_b)
      self->reasons[reason].agreed += n;
  }
}

/* Two verdicts on the same photo: of the first reviewer and of the second. */
static void
take_pair (Statistics *self, RtkServerRows *row)
{
  int    first = strcmp (rtk_server_db_text (row, 2), "rejected") == 0;
  int    second = strcmp (rtk_server_db_text (row, 3), "rejected") == 0;
  gint64 n = rtk_server_db_int (row, 6);

  get_reviewer (self, rtk_server_db_text (row, 0))->pairs[first][second] += n;
  get_reviewer (self, rtk_server_db_text (row, 1))->pairs[second][first] += n;
  if (first == 1 && second == 1)
    compare_reasons (self, rtk_server_db_text (row, 4), rtk_server_db_text (row, 5), n);
}

static gboolean
collect (Statistics *self, GError **error)
{
  return for_rows (self,
                   "SELECT v.reviewer, max (v.reviewer_name),"
                   " sum (CASE WHEN v.verdict <> 'passed' THEN 1 ELSE 0 END),"
                   " sum (CASE WHEN v.verdict = 'approved' THEN 1 ELSE 0 END),"
                   " sum (CASE WHEN v.verdict = 'rejected' THEN 1 ELSE 0 END),"
                   " sum (CASE WHEN v.verdict = 'passed' THEN 1 ELSE 0 END),"
                   " sum (CASE WHEN v.undone_at IS NOT NULL THEN 1 ELSE 0 END)"
                   " FROM reviews v WHERE v.created_at >= ? AND v.created_at < ?"
                   " AND v.stage <> 'correction' GROUP BY v.reviewer ORDER BY 2, 1",
                   take_counts, error) &&
         for_rows (self,
                   "SELECT z.reviewer, z.steps, count (*) FROM " TIMED
                   " GROUP BY z.reviewer, z.steps ORDER BY 1, 2",
                   take_time, error) &&
         for_rows (self,
                   "SELECT x.reviewer, max (s.name),"
                   " sum (CASE WHEN x.verdict = g.verdict THEN 1 ELSE 0 END),"
                   " sum (CASE WHEN x.verdict <> g.verdict THEN 1 ELSE 0 END)"
                   " FROM gold_shown x JOIN gold g ON g.id = x.gold"
                   " LEFT JOIN staff s ON s.id = x.reviewer WHERE x.decided_at >= ?"
                   " AND x.decided_at < ? AND x.verdict <> 'passed' GROUP BY x.reviewer ORDER BY 1",
                   take_gold, error) &&
         for_rows (self,
                   "SELECT f.reviewer, s.reviewer, f.verdict, s.verdict, f.reasons, s.reasons,"
                   " count (*) FROM reviews s JOIN reviews f ON f.submission = s.submission"
                   " AND f.stage = 'first' AND f.undone_at IS NULL AND f.verdict <> 'passed'"
                   " WHERE s.stage = 'second' AND s.undone_at IS NULL AND s.verdict <> 'passed'"
                   " AND s.created_at >= ? AND s.created_at < ?"
                   " GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2",
                   take_pair, error) &&
         for_rows (self,
                   "SELECT v.reasons, count (*) FROM reviews v WHERE v.created_at >= ?"
                   " AND v.created_at < ? AND v.is_final = 1 AND v.undone_at IS NULL"
                   " AND v.verdict = 'rejected' GROUP BY v.reasons",
                   take_reasons, error);
}

/* Three decimals; null when there is none. */
static void
write_number (RtkServerJson *json, const char *name, gboolean is_there, double value)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  rtk_server_json_raw (json, name,
                       is_there ? g_ascii_formatd (buffer, sizeof buffer, "%.3f", value) : "null");
}

/* Median and mean of the times, in seconds. */
static void
write_times (RtkServerJson *json, const GArray *times)
{
  gint64 n = 0;
  gint64 sum = 0;
  gint64 seen = 0;
  gint64 median = 0;

  for (guint i = 0; i < times->len; i++) {
    n += g_array_index (times, Bucket, i).n;
    sum += g_array_index (times, Bucket, i).n * g_array_index (times, Bucket, i).steps;
  }
  for (guint i = 0; i < times->len && seen * 2 < n; i++) {
    seen += g_array_index (times, Bucket, i).n;
    median = g_array_index (times, Bucket, i).steps;
  }
  write_number (json, "median_seconds", n > 0, (double)median * STEP / G_USEC_PER_SEC);
  write_number (json, "mean_seconds", n > 0,
                n > 0 ? (double)sum / (double)n * STEP / G_USEC_PER_SEC : 0);
}

/* Agreement with the colleagues: the share of pairs that say the same, and Cohen's kappa, which
 * takes away what two would agree on by chance: (observed - expected) / (1 - expected), where
 * expected is the sum over the verdicts of the product of both one's shares. J. Cohen, "A
 * coefficient of agreement for nominal scales", Educational and Psychological Measurement 20
 * (1960), 37-46. Not defined when both always say the same one thing. */
static void
write_agreement (RtkServerJson *json, const gint64 pairs[2][2])
{
  double n = (double)(pairs[0][0] + pairs[0][1] + pairs[1][0] + pairs[1][1]);
  double observed = n > 0 ? (double)(pairs[0][0] + pairs[1][1]) / n : 0;
  double expected = 0;

  for (int i = 0; i < 2 && n > 0; i++)
    expected += (double)(pairs[i][0] + pairs[i][1]) / n * (double)(pairs[0][i] + pairs[1][i]) / n;
  rtk_server_json_int (json, "compared", (gint64)n);
  write_number (json, "agreement_percent", n > 0, observed * 100);
  write_number (json, "kappa", n > 0 && expected < 1,
                expected < 1 ? (observed - expected) / (1 - expected) : 0);
}

static void
write_reviewers (Statistics *self)
{
  RtkServerJson *json = &self->call->answer;

  rtk_server_json_begin (json, "reviewers", '[');
  for (guint i = 0; i < self->order->len; i++) {
    const Reviewer *reviewer = g_ptr_array_index (self->order, i);

    rtk_server_json_begin (json, NULL, '{');
    rtk_server_json_string (json, "id", reviewer->id);
    rtk_server_json_string (json, "name", reviewer->name);
    rtk_server_json_int (json, "decided", reviewer->decided);
    rtk_server_json_int (json, "approved", reviewer->approved);
    rtk_server_json_int (json, "rejected", reviewer->rejected);
    rtk_server_json_int (json, "passed_on", reviewer->passed);
    rtk_server_json_int (json, "undone", reviewer->undone);
    write_times (json, reviewer->times);
    rtk_server_json_int (json, "gold_right", reviewer->right);
    rtk_server_json_int (json, "gold_wrong", reviewer->wrong);
    write_agreement (json, reviewer->pairs);
    rtk_server_json_end (json, '}');
  }
  rtk_server_json_end (json, ']');
}

static void
write_reasons (Statistics *self)
{
  RtkServerJson *json = &self->call->answer;

  rtk_server_json_begin (json, "reasons", '[');
  for (RtkReason reason = 0; reason < RTK_N_REASONS; reason++) {
    const Reason *one = &self->reasons[reason];

    rtk_server_json_begin (json, NULL, '{');
    rtk_server_json_string (json, "code", rtk_reason_to_string (reason));
    rtk_server_json_int (json, "count", one->count);
    rtk_server_json_int (json, "compared", one->compared);
    write_number (json, "agreement_percent", one->compared > 0,
                  one->compared > 0 ? (double)one->agreed * 100 / (double)one->compared : 0);
    rtk_server_json_end (json, '}');
  }
  rtk_server_json_end (json, ']');
}

/* A group, how many of it were approved, how many rejected. */
static void
write_group (Statistics *self, RtkServerRows *row)
{
  RtkServerJson *json = &self->call->answer;

  rtk_server_json_begin (json, NULL, '{');
  rtk_server_json_string (json, "name", rtk_server_db_text (row, 0));
  rtk_server_json_int (json, "approved", rtk_server_db_int (row, 1));
  rtk_server_json_int (json, "rejected", rtk_server_db_int (row, 2));
  rtk_server_json_end (json, '}');
}

static void
write_day (Statistics *self, RtkServerRows *row)
{
  RtkServerJson   *json = &self->call->answer;
  g_autofree char *text = rtk_time_format (rtk_server_db_int (row, 0) * G_TIME_SPAN_DAY);

  text[10] = '\0';
  rtk_server_json_begin (json, NULL, '{');
  rtk_server_json_string (json, "name", text);
  rtk_server_json_int (json, "approved", rtk_server_db_int (row, 1));
  rtk_server_json_int (json, "rejected", rtk_server_db_int (row, 2));
  rtk_server_json_end (json, '}');
}

/* SQL: final verdicts that stand, grouped by what comes before. */
#define SUMS                                                                                       \
  ", sum (CASE WHEN v.verdict = 'approved' THEN 1 ELSE 0 END),"                                    \
  " sum (CASE WHEN v.verdict = 'rejected' THEN 1 ELSE 0 END)"                                      \
  " FROM reviews v JOIN submissions w ON w.id = v.submission"
#define FINAL                                                                                      \
  " WHERE v.created_at >= ? AND v.created_at < ? AND v.is_final = 1 AND v.undone_at IS NULL"       \
  " GROUP BY 1 ORDER BY 1"

static gboolean
write_groups (Statistics *self, GError **error)
{
  RtkServerJson *json = &self->call->answer;

  rtk_server_json_begin (json, "engines", '[');
  if (!for_rows (self, "SELECT coalesce (w.engine, 'unknown')" SUMS FINAL, write_group, error))
    return FALSE;
  rtk_server_json_end (json, ']');
  rtk_server_json_begin (json, "schools", '[');
  if (!for_rows (self, "SELECT s.name" SUMS " JOIN schools s ON s.id = w.school" FINAL, write_group,
                 error))
    return FALSE;
  rtk_server_json_end (json, ']');
  rtk_server_json_begin (json, "days", '[');
  if (!for_rows (self, "SELECT v.created_at / 86400000000" SUMS FINAL, write_day, error))
    return FALSE;
  rtk_server_json_end (json, ']');
  return TRUE;
}

/* The while of the query: by default the last thirty days. */
static gboolean
read_while (RtkServerCall *call, gint64 *out_from, gint64 *out_to)
{
  const char *from = rtk_server_call_get_query (call, "from");
  const char *to = rtk_server_call_get_query (call, "to");

  *out_to = g_get_real_time () + 1;
  if (to != NULL && !rtk_time_parse (to, out_to))
    return FALSE;
  *out_from = *out_to - DAYS * G_TIME_SPAN_DAY;
  return (from == NULL || rtk_time_parse (from, out_from)) && *out_from <= *out_to;
}

/* GET /v1/reviews/statistics */
RTK_SERVER_HANDLER (review_statistics)
{
  g_auto (Statistics) self = {.store = store, .call = call};

  if (!read_while (call, &self.from, &self.to))
    return rtk_server_call_fail (call, 422, "bad-member", "A time in the query is not a time.");
  self.reviewers = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, reviewer_free);
  self.order = g_ptr_array_new ();
  if (!collect (&self, error))
    return FALSE;
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_time (&call->answer, "from", self.from);
  rtk_server_json_time (&call->answer, "to", self.to);
  write_reviewers (&self);
  write_reasons (&self);
  if (!write_groups (&self, error))
    return FALSE;
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return TRUE;
}

/* GET /v1/reviews/mine: since midnight, UTC. Gold counts like everything else, else its absence
 * would show which items it was. */
RTK_SERVER_HANDLER (review_mine)
{
  gint64         now = g_get_real_time ();
  gint64         from = now - now % G_TIME_SPAN_DAY;
  RtkServerRows *row = rtk_server_db_query (
      store->db, error,
      "SELECT coalesce (sum (CASE WHEN m.verdict = 'approved' THEN 1 ELSE 0 END), 0),"
      " coalesce (sum (CASE WHEN m.verdict = 'rejected' THEN 1 ELSE 0 END), 0),"
      " coalesce (sum (CASE WHEN m.verdict = 'passed' THEN 1 ELSE 0 END), 0) FROM"
      " (SELECT verdict FROM reviews WHERE reviewer = ?1 AND created_at >= ?2"
      " AND undone_at IS NULL AND stage <> 'correction' UNION ALL SELECT verdict FROM gold_shown"
      " WHERE reviewer = ?1 AND decided_at >= ?2) m",
      "si", call->principal, from);

  if (!rtk_server_db_next (store->db, row, error))
    return FALSE;
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_time (&call->answer, "from", from);
  rtk_server_json_int (&call->answer, "approved", rtk_server_db_int (row, 0));
  rtk_server_json_int (&call->answer, "rejected", rtk_server_db_int (row, 1));
  rtk_server_json_int (&call->answer, "passed_on", rtk_server_db_int (row, 2));
  rtk_server_json_end (&call->answer, '}');
  rtk_server_db_end (row);
  call->status = 200;
  return TRUE;
}
