/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-id.h"
#include "server/rtk-server-gold.h"

#include <sodium.h>
#include <string.h>

/* Showings of gold: each is an order and a submission that exist for one reviewer only. They look
 * like any others that wait: beside a neighbour of the same claim, of its school and batch, with
 * times, a revision and a number like its. What the order looks like is kept with the showing, see
 * rtk-server-gold-order.c. */

/* How far from the neighbour's a number may be. */
#define NUMBER_REACH 100
/* Letters of the day before the count in a number. */
#define DAY_LENGTH 6
/* Longest time in seconds between a made-up order and its neighbour. */
#define TIME_REACH 60

#define SHOWN                                                                                      \
  "SELECT x.order_id, x.revision, x.created_at, x.lease_until, x.verdict, x.reasons, "             \
  "x.decided_at,"                                                                                  \
  " x.face, w.report, w.engine, w.overrides FROM gold_shown x JOIN gold g ON g.id = x.gold"        \
  " JOIN submissions w ON w.id = g.submission"

enum {
  ORDER_ID,
  REVISION,
  CREATED_AT,
  LEASE_UNTIL,
  VERDICT,
  REASONS,
  DECIDED_AT,
  FACE,
  REPORT,
  ENGINE,
  OVERRIDES,
};

/* The item of a claim beside which one is placed. */
typedef struct {
  gint64 serial;
  gint64 revision;
  gint64 created_at;
  char  *number;
} Neighbour;

static void
neighbour_clear (gpointer data)
{
  g_free (((Neighbour *)data)->number);
}

/**
 * rtk_server_gold_is_shown:
 * @store: a store
 * @call: a call
 * @shown: id that may be of a showing
 *
 * Returns: whether it is one of the caller's; nobody else can tell
 */
gboolean
rtk_server_gold_is_shown (RtkServerStore *store, RtkServerCall *call, const char *shown)
{
  return rtk_server_db_get_int (
             store->db, 0, "SELECT EXISTS (SELECT 1 FROM gold_shown WHERE id = ? AND reviewer = ?)",
             "ss", shown, call->principal) != 0;
}

/**
 * rtk_server_gold_find_shown:
 * @store: a store
 * @call: a call
 * @order_id: id that may be of the order of a showing
 *
 * Returns: (transfer full) (nullable): the showing to the caller; nobody else can tell
 */
char *
rtk_server_gold_find_shown (RtkServerStore *store, RtkServerCall *call, const char *order_id)
{
  return rtk_server_db_dup_text (store->db,
                                 "SELECT id FROM gold_shown WHERE order_id = ? AND reviewer = ?",
                                 "ss", order_id, call->principal);
}

/* The row of @shown, or of the order @order_id, when it is the caller's. */
static RtkServerRows *
find (RtkServerStore *store,
      RtkServerCall  *call,
      const char     *shown,
      const char     *order_id,
      gboolean       *out_found,
      GError        **error)
{
  g_autoptr (GError) local_error = NULL;
  RtkServerRows *row = shown != NULL
                           ? rtk_server_db_query (store->db, &local_error,
                                                  SHOWN " WHERE x.id = ? AND x.reviewer = ?", "ss",
                                                  shown, call->principal)
                           : rtk_server_db_query (store->db, &local_error,
                                                  SHOWN " WHERE x.order_id = ? AND x.reviewer = ?",
                                                  "ss", order_id, call->principal);

  *out_found = rtk_server_db_next (store->db, row, &local_error);
  if (local_error == NULL)
    return row;
  rtk_server_db_end (row);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return NULL;
}

/**
 * rtk_server_gold_write_order:
 * @store: a store
 * @call: a call
 * @name: (nullable): of the member
 * @order_id: an order
 * @out_found: (out): whether it is the order of a showing to the caller, and was written
 * @error: return location
 *
 * Returns: whether the database could be asked
 */
gboolean
rtk_server_gold_write_order (RtkServerStore *store,
                             RtkServerCall  *call,
                             const char     *name,
                             const char     *order_id,
                             gboolean       *out_found,
                             GError        **error)
{
  RtkServerRows *row = find (store, call, NULL, order_id, out_found, error);

  if (row == NULL)
    return FALSE;
  if (*out_found) {
    g_autofree char *face = rtk_server_gold_dup_face (rtk_server_db_text (row, FACE), NULL);

    rtk_server_json_raw (&call->answer, name, face);
  }
  rtk_server_db_end (row);
  return TRUE;
}

/**
 * rtk_server_gold_write_item:
 * @store: a store
 * @call: a call
 * @shown: a showing to the caller
 * @error: return location
 *
 * Writes it like rtk_server_item_write().
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_gold_write_item (RtkServerStore *store,
                            RtkServerCall  *call,
                            const char     *shown,
                            GError        **error)
{
  RtkServerJson *json = &call->answer;
  gboolean       found;
  RtkServerRows *row = find (store, call, shown, NULL, &found, error);

  if (row == NULL)
    return FALSE;
  if (found) {
    g_autofree char *face = rtk_server_gold_dup_face (rtk_server_db_text (row, FACE), NULL);

    rtk_server_json_begin (json, NULL, '{');
    rtk_server_json_string (json, "submission", shown);
    rtk_server_json_string (json, "stage", "first");
    rtk_server_json_string (json, "engine", rtk_server_db_text (row, ENGINE));
    rtk_server_json_int (json, "attempt", 1);
    rtk_server_json_string (json, "report", rtk_server_db_text (row, REPORT));
    rtk_server_json_time (json, "waiting_since",
                          rtk_server_db_int (row, CREATED_AT) + RTK_SERVER_GOLD_PAID_AFTER);
    rtk_server_json_time (json, "lease_until", rtk_server_db_int (row, LEASE_UNTIL));
    rtk_server_json_string (json, "opinion_note", NULL);
    rtk_server_json_raw (json, "overrides", rtk_server_db_text (row, OVERRIDES));
    rtk_server_json_raw (json, "verdicts", "[]");
    rtk_server_json_raw (json, "order", face);
    rtk_server_json_end (json, '}');
  }
  rtk_server_db_end (row);
  return found;
}

/**
 * rtk_server_gold_takes_number:
 * @store: a store
 * @number: the next number of an order
 *
 * Leaves so many numbers free as showings need, about every fiftieth, drawn by the key: the same
 * in every process, and nobody knows which. Without gold none is left out.
 *
 * Returns: whether an order must take the next one instead
 */
gboolean
rtk_server_gold_takes_number (RtkServerStore *store, gint64 number)
{
  gint64           percent = CLAMP (store->config->gold_percent, 0, 100);
  g_autofree char *text = g_strdup_printf ("gold-number:%" G_GINT64_FORMAT, number);
  g_autofree char *digest = rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_ID, text);

  digest[8] = '\0';
  return (gint64)(g_ascii_strtoull (digest, NULL, 16) % (guint64)(100 + percent)) < percent;
}

/* What is counted in a number, after its day. */
static gint64
count_of_number (const char *number)
{
  return number != NULL && strlen (number) > DAY_LENGTH
             ? g_ascii_strtoll (number + DAY_LENGTH, NULL, 10)
             : 0;
}

/* Whether no order and no showing has @number, which is the @n-th, and it stands between orders
 * that were made before and after: at midnight a day and a count may not fit each other. */
static gboolean
is_free (RtkServerStore *store, const char *number, gint64 n)
{
  g_autofree char *before = rtk_server_db_dup_text (
      store->db, "SELECT max (number) FROM orders WHERE number <= ?", "s", number);
  g_autofree char *after = rtk_server_db_dup_text (
      store->db, "SELECT min (number) FROM orders WHERE number >= ?", "s", number);

  return before != NULL && count_of_number (before) < n && count_of_number (after) > n &&
         rtk_server_db_get_int (store->db, 1,
                                "SELECT EXISTS (SELECT 1 FROM gold_shown WHERE number = ?)", "s",
                                number) == 0;
}

/* The number nearest to the neighbour's that was left free; where orders are so new or so few that
 * there is none, the next one, if that is near as well. */
static char *
choose_number (RtkServerStore *store, const Neighbour *neighbour)
{
  gint64           middle = count_of_number (neighbour->number);
  g_autofree char *day = g_strndup (neighbour->number, DAY_LENGTH);
  gint64           newest = rtk_server_db_get_int (store->db, G_MAXINT64,
                                                   "SELECT value FROM counters WHERE name = 'orders'", "");

  for (gint64 i = 2; i <= NUMBER_REACH * 2 + 1; i++) {
    gint64           n = middle + (i % 2 == 0 ? i / 2 : -(i / 2));
    g_autofree char *number = g_strdup_printf ("%s%06" G_GINT64_FORMAT, day, n);

    if (n > 0 && n < newest && is_free (store, number, n))
      return g_steal_pointer (&number);
  }
  if (newest - middle >= NUMBER_REACH)
    return NULL;
  return g_strdup_printf ("%s%06" G_GINT64_FORMAT, day, rtk_server_store_count (store, "orders"));
}

/* A photo that the caller neither chose nor decided: one that they saw least often. With filters it
 * must fit like all others. */
static char *
choose_gold (RtkServerStore *store, RtkServerCall *call)
{
  return rtk_server_db_dup_text (
      store->db,
      "SELECT g.id FROM gold g JOIN submissions w ON w.id = g.submission JOIN orders o"
      " ON o.id = w.order_id WHERE g.retired_at IS NULL AND " RTK_SERVER_CONSENTS (
          "?4") " AND g.created_by <> ?1 AND (?2 IS NULL OR w.engine = ?2)"
                " AND NOT EXISTS (SELECT 1 FROM reviews v WHERE v.submission = w.id AND v.reviewer "
                "= ?1)"
                " AND NOT EXISTS (SELECT 1 FROM gold_shown h WHERE h.gold = g.id AND h.reviewer = "
                "?1"
                " AND h.decided_at IS NULL AND h.lease_until > ?3)"
                " ORDER BY (SELECT count (*) FROM gold_shown y WHERE y.gold = g.id AND y.reviewer "
                "= ?1),"
                " random () LIMIT 1",
      "ssii", call->principal, rtk_server_call_get_string (call, "engine"), g_get_real_time (),
      (gint64)store->config->require_consent);
}

static gboolean
show (RtkServerStore  *store,
      RtkServerCall   *call,
      const Neighbour *neighbour,
      gint64           now,
      GError         **error)
{
  g_autofree char *gold = choose_gold (store, call);
  gint64           reach = 2 * TIME_REACH * G_USEC_PER_SEC;
  gint64           created = neighbour->created_at - TIME_REACH * G_USEC_PER_SEC +
                   (gint64)randombytes_uniform ((guint32)reach);
  g_autofree char *id = rtk_id_new (created + 30 * G_USEC_PER_SEC);
  g_autofree char *order_id = rtk_id_new (created);
  g_autofree char *number = NULL;

  if (gold == NULL)
    return TRUE;
  number = choose_number (store, neighbour);
  /* A number that is far from all others would tell. */
  if (number == NULL)
    return TRUE;
  return rtk_server_db_run (
             store->db, error,
             "INSERT INTO gold_shown (id, gold, order_id, number, reviewer, revision, created_at,"
             " lease_until, claimed_at, after_serial) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
             "sssssiiiii", id, gold, order_id, number, call->principal, neighbour->revision,
             created, rtk_server_lease_end (store), now, neighbour->serial) &&
         rtk_server_gold_render (store, call, id, error);
}

/* Filters that no showing could fit. */
static gboolean
is_filtered_out (RtkServerCall *call)
{
  const char *origin = rtk_server_call_get_string (call, "origin");
  const char *stage = rtk_server_call_get_string (call, "stage");

  return (origin != NULL && strcmp (origin, "online") != 0) ||
         (stage != NULL && strcmp (stage, "first") != 0) ||
         rtk_server_call_get_int (call, "attempt", 0) > 1;
}

/**
 * rtk_server_gold_mix:
 * @store: a store, in a transaction
 * @call: a claim
 * @now: when its items were taken
 * @error: return location
 *
 * Mixes showings among the items that were taken at @now, each with the chance of the settings.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_gold_mix (RtkServerStore *store, RtkServerCall *call, gint64 now, GError **error)
{
  g_autoptr (GArray) list = g_array_new (FALSE, FALSE, sizeof (Neighbour));
  RtkServerRows *row;

  if (store->config->gold_percent <= 0 || is_filtered_out (call) ||
      rtk_server_db_get_int (
          store->db, 0, "SELECT EXISTS (SELECT 1 FROM gold WHERE retired_at IS NULL)", "") == 0)
    return TRUE;
  g_array_set_clear_func (list, neighbour_clear);
  row = rtk_server_db_query (store->db, error,
                             "SELECT w.serial, o.revision, o.created_at, o.number"
                             " FROM submissions w JOIN orders o ON o.id = w.order_id"
                             " WHERE w.lease_by = ? AND w.claimed_at = ? AND w.stage = 'first'"
                             " AND w.origin = 'online'",
                             "si", call->principal, now);
  while (rtk_server_db_next (store->db, row, error)) {
    Neighbour neighbour = {rtk_server_db_int (row, 0), rtk_server_db_int (row, 1),
                           rtk_server_db_int (row, 2), g_strdup (rtk_server_db_text (row, 3))};

    g_array_append_val (list, neighbour);
  }
  if (!rtk_server_db_end (row))
    return FALSE;
  for (guint i = 0; i < list->len; i++)
    if (randombytes_uniform (100) < (guint32)store->config->gold_percent &&
        !show (store, call, &g_array_index (list, Neighbour, i), now, error))
      return FALSE;
  return TRUE;
}

/**
 * rtk_server_gold_release:
 * @store: a store, in a transaction
 * @call: who gives back
 * @shown: (nullable): a showing; %NULL = all that the caller holds
 * @error: return location
 *
 * Ends showings without a verdict.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_gold_release (RtkServerStore *store,
                         RtkServerCall  *call,
                         const char     *shown,
                         GError        **error)
{
  return rtk_server_db_run (store->db, error,
                            "UPDATE gold_shown SET lease_until = 0 WHERE reviewer = ?1"
                            " AND (?2 IS NULL OR id = ?2) AND decided_at IS NULL",
                            "ss", call->principal, shown);
}

/* What the answer to a verdict depends on. */
typedef struct {
  char    *order_id;
  char    *verdict;
  char    *reasons;
  gint64   revision;
  gint64   decided_at;
  gboolean is_held;
  gboolean is_refunded; /* a revision more, which nobody brought about */
} State;

static void
state_clear (State *state)
{
  g_free (state->order_id);
  g_free (state->verdict);
  g_free (state->reasons);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (State, state_clear)

static gboolean
find_state (RtkServerStore *store, RtkServerCall *call, State *out_state, GError **error)
{
  gboolean       found;
  RtkServerRows *row = find (store, call, call->params[0], NULL, &found, error);

  if (row == NULL)
    return FALSE;
  if (found) {
    g_autofree char *face =
        rtk_server_gold_dup_face (rtk_server_db_text (row, FACE), &out_state->is_refunded);

    out_state->order_id = g_strdup (rtk_server_db_text (row, ORDER_ID));
    out_state->verdict = g_strdup (rtk_server_db_text (row, VERDICT));
    out_state->reasons = g_strdup (rtk_server_db_text (row, REASONS));
    out_state->revision = rtk_server_db_int (row, REVISION);
    out_state->decided_at = rtk_server_db_int (row, DECIDED_AT);
    out_state->is_held =
        out_state->decided_at == 0 && rtk_server_db_int (row, LEASE_UNTIL) > g_get_real_time ();
  }
  rtk_server_db_end (row);
  return found;
}

static gboolean
answer_order (RtkServerStore *store, RtkServerCall *call, const char *order_id, GError **error)
{
  gboolean found;

  call->status = 200;
  return rtk_server_gold_write_order (store, call, NULL, order_id, &found, error) && found;
}

/**
 * rtk_server_gold_decide:
 * @store: a store, in a transaction
 * @call: a verdict on a showing to the caller
 * @decision: the verdict
 * @error: return location
 *
 * Answers as for any other item; nothing else comes of it.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_gold_decide (RtkServerStore          *store,
                        RtkServerCall           *call,
                        const RtkServerDecision *decision,
                        GError                 **error)
{
  g_auto (State) state = {0};
  g_autofree char *action = g_strconcat ("gold.", decision->verdict, NULL);
  g_autofree char *review = rtk_id_new (g_get_real_time ());
  g_autofree char *detail =
      rtk_server_review_make_detail (review, "first", TRUE, decision->reasons);

  if (!find_state (store, call, &state, error))
    return FALSE;
  if (g_strcmp0 (state.verdict, decision->verdict) == 0 &&
      g_strcmp0 (state.reasons, decision->reasons) == 0 && state.revision == decision->revision + 1)
    return answer_order (store, call, state.order_id, error);
  if (state.revision + state.is_refunded != decision->revision)
    return rtk_server_decision_conflict (store, call, state.order_id, decision, "stale-revision",
                                         "The order changed in the meantime.", error);
  if (!state.is_held)
    return rtk_server_decision_conflict (store, call, state.order_id, decision, "not-claimed",
                                         "Claim this submission first.", error);
  return rtk_server_db_run (store->db, error,
                            "UPDATE gold_shown SET verdict = ?, reasons = ?, texts = ?, note = ?,"
                            " decided_at = ?, revision = revision + 1, lease_until = NULL"
                            " WHERE id = ?",
                            "ssssis", decision->verdict, decision->reasons, decision->texts,
                            decision->note, g_get_real_time (), call->params[0]) &&
         rtk_server_gold_render (store, call, call->params[0], error) &&
         rtk_server_audit_add (store, call->actor, action, call->params[0], detail, error) &&
         rtk_server_leases_renew (store, call, error) &&
         answer_order (store, call, state.order_id, error);
}

/**
 * rtk_server_gold_undo:
 * @store: a store, in a transaction
 * @call: an undo of a verdict on a showing
 * @error: return location
 *
 * Answers as for any other item.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_gold_undo (RtkServerStore *store, RtkServerCall *call, GError **error)
{
  g_auto (State) state = {0};
  gint64 now = g_get_real_time ();

  if (!find_state (store, call, &state, error))
    return FALSE;
  if (state.verdict == NULL && !state.is_held)
    return rtk_server_call_fail (call, 409, "no-verdict",
                                 "You gave no verdict on this submission.");
  if (state.verdict != NULL &&
      now > state.decided_at + store->config->hold_seconds * (gint64)G_USEC_PER_SEC)
    return rtk_server_call_fail (call, 409, "too-late",
                                 "It is too late to undo this: a supervisor may correct it.");
  if (state.verdict != NULL &&
      (!rtk_server_db_run (store->db, error,
                           "UPDATE gold_shown SET verdict = NULL, reasons = NULL, texts = NULL,"
                           " note = NULL, decided_at = NULL, revision = revision + 1,"
                           " claimed_at = ?, lease_until = ? WHERE id = ?",
                           "iis", now, rtk_server_lease_end (store), call->params[0]) ||
       !rtk_server_audit_add (store, call->actor, "gold.undo", call->params[0], "{}", error) ||
       !rtk_server_gold_render (store, call, call->params[0], error)))
    return FALSE;
  call->status = 200;
  return rtk_server_leases_renew (store, call, error) &&
         rtk_server_gold_write_item (store, call, call->params[0], error);
}

/**
 * rtk_server_gold_pass_on:
 * @store: a store, in a transaction
 * @call: a call for a second opinion on a showing
 * @error: return location
 *
 * Answers as for any other item.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_gold_pass_on (RtkServerStore *store, RtkServerCall *call, GError **error)
{
  g_auto (State) state = {0};

  if (!find_state (store, call, &state, error))
    return FALSE;
  if (g_strcmp0 (state.verdict, "passed") == 0)
    return TRUE;
  if (!state.is_held)
    return rtk_server_call_fail (call, 409, "not-claimed", "Claim this submission first.");
  return rtk_server_db_run (store->db, error,
                            "UPDATE gold_shown SET verdict = 'passed', decided_at = ?,"
                            " lease_until = NULL WHERE id = ?",
                            "is", g_get_real_time (), call->params[0]) &&
         rtk_server_leases_renew (store, call, error);
}
