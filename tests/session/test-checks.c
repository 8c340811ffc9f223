/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session/rtk-reason-list.h"
#include "support/rtk-test-clock.h"
#include "support/rtk-test-main.h"
#include "support/rtk-test-values.h"

#include <math.h>

typedef struct {
  RtkRulePack  *pack;
  RtkTestClock *clock;
  RtkCheckList *checks;
} Chips;

static void
set_up (Chips *chips, gconstpointer data)
{
  chips->pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  chips->clock = rtk_test_clock_new (1780300800000000);
  chips->checks = rtk_check_list_new (RTK_CLOCK (chips->clock), chips->pack);
}

static void
tear_down (Chips *chips, gconstpointer data)
{
  g_assert_finalize_object (chips->checks);
  g_assert_finalize_object (chips->clock);
  rtk_rule_pack_unref (chips->pack);
}

static RtkReport *
judge (Chips *chips, RtkCheckId spoilt)
{
  g_autoptr (RtkAnalysis) analysis = rtk_test_analysis_new (chips->pack);

  if (spoilt != RTK_N_CHECKS)
    rtk_test_analysis_spoil (analysis, chips->pack, spoilt);
  return rtk_rules_judge (chips->pack, analysis, NULL, FALSE);
}

/* Pushes a report in which @spoilt fails, after @ms. */
static void
push (Chips *chips, gint64 ms, RtkCheckId spoilt)
{
  g_autoptr (RtkReport) report = judge (chips, spoilt);

  rtk_test_clock_advance (chips->clock, ms * G_TIME_SPAN_MILLISECOND);
  rtk_check_list_push (chips->checks, report);
}

static RtkVerdict
verdict (Chips *chips, RtkCheckId id)
{
  return rtk_check_item_get_verdict (rtk_check_list_find (chips->checks, id));
}

static void
count_cb (GObject *object, GParamSpec *pspec, gpointer user_data)
{
  ++*(guint *)user_data;
}

static void
test_order (Chips *chips, gconstpointer data)
{
  guint                 n_rules = 0, n = 0;
  const RtkRule *const *rules = rtk_rule_pack_get_rules (chips->pack, &n_rules);
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < n_rules; i++) {
    g_autoptr (RtkCheckItem) item = NULL;

    if (rules[i]->id <= RTK_CHECK_FILE_NAME)
      continue;
    item = g_list_model_get_item (G_LIST_MODEL (chips->checks), n++);
    g_assert_cmpint (rtk_check_item_get_id (item), ==, rules[i]->id);
    g_assert_cmpint (rtk_check_item_get_verdict (item), ==, RTK_VERDICT_UNKNOWN);
    g_assert_cmpstr (rtk_check_item_get_title (item, RTK_LANGUAGE_ZH_CN), ==,
                     rules[i]->title[RTK_LANGUAGE_ZH_CN]);
    g_ptr_array_add (items, g_object_ref (item));
  }
  g_assert_cmpuint (n, ==, g_list_model_get_n_items (G_LIST_MODEL (chips->checks)));
  g_assert_null (rtk_check_list_get_first_to_mend (chips->checks));

  /* A chip is the same object at the same place, whatever fails. */
  push (chips, 0, RTK_CHECK_MOUTH_CLOSED);
  push (chips, 500, RTK_CHECK_POSE_YAW);
  push (chips, 500, RTK_CHECK_POSE_YAW);
  for (guint i = 0; i < n; i++) {
    g_autoptr (RtkCheckItem) item = g_list_model_get_item (G_LIST_MODEL (chips->checks), i);

    g_assert_true (item == g_ptr_array_index (items, i));
  }
}

static void
test_hold (Chips *chips, gconstpointer data)
{
  /* Milliseconds since the last report, whether the mouth is open in it, and what the chip shows
   * then. */
  static const struct {
    gint64   ms;
    gboolean open;
    gboolean shown;
  } steps[] = {
      {0, FALSE, FALSE},  /* the first is shown at once */
      {33, TRUE, FALSE},  /* not yet */
      {299, TRUE, FALSE}, /* not yet */
      {1, TRUE, TRUE},    /* held for 300 ms */
      {33, FALSE, TRUE},  /* not yet */
      {200, TRUE, TRUE},  /* it was nothing */
      {33, FALSE, TRUE},  /* from the beginning again */
      {250, FALSE, TRUE}, {49, FALSE, TRUE},  {1, FALSE, FALSE},
      {33, TRUE, FALSE}, /* flickering every frame shows nothing at all */
      {33, FALSE, FALSE}, {290, TRUE, FALSE}, {290, FALSE, FALSE},
  };
  RtkCheckItem *item = rtk_check_list_find (chips->checks, RTK_CHECK_MOUTH_CLOSED);
  guint         n_verdicts = 0;

  g_signal_connect (item, "notify::verdict", G_CALLBACK (count_cb), &n_verdicts);
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
    push (chips, steps[i].ms, steps[i].open ? RTK_CHECK_MOUTH_CLOSED : RTK_N_CHECKS);
    g_assert_cmpint (verdict (chips, RTK_CHECK_MOUTH_CLOSED), ==,
                     steps[i].shown ? RTK_VERDICT_FAIL : RTK_VERDICT_PASS);
    g_assert_cmpint (rtk_check_list_is_ready (chips->checks), ==, !steps[i].shown);
  }
  g_assert_cmpuint (n_verdicts, ==, 3);
}

/* When no more reports come, what has held long enough is shown all the same. */
static void
test_settle (Chips *chips, gconstpointer data)
{
  push (chips, 0, RTK_N_CHECKS);
  push (chips, 33, RTK_CHECK_POSE_ROLL);
  rtk_test_clock_advance (chips->clock, 299 * G_TIME_SPAN_MILLISECOND);
  rtk_check_list_settle (chips->checks);
  g_assert_cmpint (verdict (chips, RTK_CHECK_POSE_ROLL), ==, RTK_VERDICT_PASS);
  rtk_test_clock_advance (chips->clock, 1 * G_TIME_SPAN_MILLISECOND);
  rtk_check_list_settle (chips->checks);
  g_assert_cmpint (verdict (chips, RTK_CHECK_POSE_ROLL), ==, RTK_VERDICT_FAIL);
  g_assert_false (rtk_check_list_is_ready (chips->checks));
}

/* The same by the list's own timer, with the system's clock. */
static void
test_settle_by_itself (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (RtkClock) clock = rtk_system_clock_new ();
  g_autoptr (RtkCheckList) checks = rtk_check_list_new (clock, pack);
  Chips chips = {pack, NULL, checks};
  g_autoptr (RtkReport) good = judge (&chips, RTK_N_CHECKS);
  g_autoptr (RtkReport) bad = judge (&chips, RTK_CHECK_POSE_ROLL);

  rtk_check_list_push (checks, good);
  rtk_check_list_push (checks, bad);
  g_assert_true (rtk_check_list_is_ready (checks));
  rtk_test_wait_for (verdict (&chips, RTK_CHECK_POSE_ROLL) == RTK_VERDICT_FAIL);
  rtk_test_wait_for (!rtk_check_list_is_ready (checks));
}

static void
test_first_to_mend (Chips *chips, gconstpointer data)
{
  static const struct {
    gint64     ms;
    RtkCheckId spoilt;
    RtkCheckId first;
  } steps[] = {
      {0, RTK_CHECK_MOUTH_CLOSED, RTK_CHECK_MOUTH_CLOSED},
      {100, RTK_CHECK_POSE_YAW, RTK_CHECK_MOUTH_CLOSED},
      {400, RTK_CHECK_POSE_YAW, RTK_CHECK_MOUTH_CLOSED}, /* yaw is shown, the advice stays */
      {499, RTK_CHECK_POSE_YAW, RTK_CHECK_MOUTH_CLOSED},
      {1, RTK_CHECK_POSE_YAW, RTK_CHECK_POSE_YAW}, /* a second after the last one */
      {300, RTK_N_CHECKS, RTK_CHECK_POSE_YAW},
      {300, RTK_N_CHECKS, RTK_CHECK_POSE_YAW},
      {400, RTK_N_CHECKS, RTK_N_CHECKS},
      {1, RTK_CHECK_LIGHT_UNDER, RTK_N_CHECKS}, /* an advisory rule only warns */
      {1000, RTK_CHECK_LIGHT_UNDER, RTK_CHECK_LIGHT_UNDER},
  };
  guint n_changes = 0;

  g_signal_connect (chips->checks, "notify::first-to-mend", G_CALLBACK (count_cb), &n_changes);
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
    RtkCheckItem *first;

    push (chips, steps[i].ms, steps[i].spoilt);
    first = rtk_check_list_get_first_to_mend (chips->checks);
    g_assert_cmpint (first == NULL ? RTK_N_CHECKS : rtk_check_item_get_id (first), ==,
                     steps[i].first);
  }
  g_assert_cmpuint (n_changes, ==, 4);
  g_assert_cmpstr (rtk_check_item_get_advice (rtk_check_list_get_first_to_mend (chips->checks),
                                              RTK_LANGUAGE_ZH_CN),
                   !=, NULL);
}

/* Numbers are never held back, and nothing is notified that did not change. */
static void
test_numbers (Chips *chips, gconstpointer data)
{
  RtkCheckItem *item = rtk_check_list_find (chips->checks, RTK_CHECK_MOUTH_CLOSED);
  guint         n_values = 0;

  g_signal_connect (item, "notify::value", G_CALLBACK (count_cb), &n_values);
  g_assert_true (isnan (rtk_check_item_get_value (item)));
  push (chips, 0, RTK_N_CHECKS);
  push (chips, 33, RTK_N_CHECKS);
  g_assert_cmpuint (n_values, ==, 1);
  push (chips, 33, RTK_CHECK_MOUTH_CLOSED);
  g_assert_cmpuint (n_values, ==, 2);
  g_assert_cmpfloat (rtk_check_item_get_value (item), >, rtk_check_item_get_max (item));
  g_assert_cmpint (rtk_check_item_get_verdict (item), ==, RTK_VERDICT_PASS);
  rtk_check_list_reset (chips->checks, NULL);
  g_assert_true (isnan (rtk_check_item_get_value (item)));
  g_assert_cmpint (rtk_check_item_get_verdict (item), ==, RTK_VERDICT_UNKNOWN);
  g_assert_false (rtk_check_list_is_ready (chips->checks));
}

static RtkReasonState
reason_state (RtkReasonList *reasons, guint index)
{
  g_autoptr (RtkReasonItem) item = g_list_model_get_item (G_LIST_MODEL (reasons), index);

  return rtk_reason_item_get_state (item);
}

static void
test_reasons (Chips *chips, gconstpointer data)
{
  const RtkReason wanted[] = {RTK_REASON_EYES_CLOSED, RTK_REASON_POSE, RTK_REASON_EXPRESSION,
                              RTK_REASON_EXPOSURE, RTK_REASON_OTHER};
  static const struct {
    RtkCheckId     spoilt;
    RtkReasonState states[5];
  } steps[] = {
#define NOT RTK_REASON_NOT_YET
#define FIX RTK_REASON_FIXED
#define ASK RTK_REASON_CANNOT_TELL
      {RTK_N_CHECKS, {FIX, FIX, FIX, FIX, ASK}},
      {RTK_CHECK_EYES_OPEN, {NOT, FIX, FIX, FIX, ASK}},
      {RTK_CHECK_POSE_PITCH, {FIX, NOT, FIX, FIX, ASK}},
      {RTK_CHECK_MOUTH_CLOSED, {FIX, FIX, NOT, FIX, ASK}},
      {RTK_CHECK_LIGHT_OVER, {FIX, FIX, FIX, NOT, ASK}}, /* an advisory rule beyond its limit */
  };
  g_autoptr (RtkReasonList) reasons = rtk_reason_list_new (chips->checks);

  rtk_reason_list_set_reasons (reasons, wanted, G_N_ELEMENTS (wanted));
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (reasons)), ==, 5);
  for (guint k = 0; k < 5; k++)
    g_assert_cmpint (reason_state (reasons, k), ==, RTK_REASON_CANNOT_TELL);
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
    push (chips, 1000, steps[i].spoilt);
    push (chips, 300, steps[i].spoilt);
    for (guint k = 0; k < 5; k++)
      g_assert_cmpint (reason_state (reasons, k), ==, steps[i].states[k]);
  }
  rtk_reason_list_set_reasons (reasons, NULL, 0);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (reasons)), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add ("/session/" name, Chips, NULL, set_up, function, tear_down)
  ADD ("checks/order", test_order);
  ADD ("checks/hold", test_hold);
  ADD ("checks/settle", test_settle);
  ADD ("checks/first-to-mend", test_first_to_mend);
  ADD ("checks/numbers", test_numbers);
  ADD ("reasons/follow-the-chips", test_reasons);
  g_test_add_func ("/session/checks/settle-by-itself", test_settle_by_itself);
  return g_test_run ();
}
