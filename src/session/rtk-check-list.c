/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-session"
#include "config.h"

#include "session/rtk-check-list.h"

#include "session/rtk-check-item-private.h"

/* One chip and what waits to be shown on it. */
typedef struct {
  RtkCheckItem *item;    /* (owned) */
  gboolean      waiting; /* whether the rest is something other than what is shown */
  RtkVerdict    verdict;
  char         *advice[RTK_N_LANGUAGES]; /* (owned) (nullable) */
  gint64        since;                   /* monotonic, microseconds */
} Entry;

struct _RtkCheckList {
  GObject       parent_instance;
  RtkClock     *clock;   /* (owned) */
  GPtrArray    *entries; /* (owned) (element-type Entry) */
  gboolean      blank;   /* nothing was shown yet: the next report is shown at once */
  gboolean      ready;
  gboolean      ready_waiting; /* @ready is about to turn */
  gint64        ready_since;
  RtkCheckItem *first; /* (owned) (nullable) */
  gint64        first_at;
  gboolean      has_first_at;
  guint         timeout_id;
};

static void rtk_check_list_list_model_init (GListModelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (RtkCheckList,
                               rtk_check_list,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL,
                                                      rtk_check_list_list_model_init))

enum { PROP_0, PROP_READY, PROP_FIRST_TO_MEND, PROP_N_ITEMS, N_PROPS };

static GParamSpec *properties[N_PROPS];

enum { SIGNAL_CHANGED, N_SIGNALS };

static guint signals[N_SIGNALS];

static void
entry_clear_waiting (Entry *entry)
{
  entry->waiting = FALSE;
  for (guint i = 0; i < RTK_N_LANGUAGES; i++)
    g_clear_pointer (&entry->advice[i], g_free);
}

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  entry_clear_waiting (entry);
  g_object_unref (entry->item);
  g_free (entry);
}

/* Shows what waits. */
static gboolean
entry_show (Entry *entry)
{
  const char *const advice[] = {entry->advice[RTK_LANGUAGE_EN], entry->advice[RTK_LANGUAGE_ZH_CN]};
  gboolean          changed = rtk_check_item_show (entry->item, entry->verdict, advice);

  entry_clear_waiting (entry);
  return changed;
}

/* Notes what a report says of a chip. A value that only passes by never gets to be shown: the
 * time starts again whenever the verdict or the advice is another one. */
static void
entry_note (Entry *entry, const RtkCheck *check, gint64 now)
{
  RtkVerdict  verdict = check == NULL ? RTK_VERDICT_UNKNOWN : check->verdict;
  const char *advice = check == NULL ? NULL : check->advice[RTK_LANGUAGE_EN];

  if (verdict == rtk_check_item_get_verdict (entry->item) &&
      g_strcmp0 (advice, rtk_check_item_get_advice (entry->item, RTK_LANGUAGE_EN)) == 0) {
    entry_clear_waiting (entry);
    return;
  }
  if (entry->waiting && entry->verdict == verdict &&
      g_strcmp0 (advice, entry->advice[RTK_LANGUAGE_EN]) == 0)
    return;

  entry_clear_waiting (entry);
  entry->waiting = TRUE;
  entry->verdict = verdict;
  entry->since = now;
  for (guint i = 0; check != NULL && i < RTK_N_LANGUAGES; i++)
    entry->advice[i] = g_strdup (check->advice[i]);
}

/* What is to be mended first by what is shown, in the order of rtk_report_get_first_to_mend(). */
static RtkCheckItem *
find_first (RtkCheckList *self)
{
  static const RtkVerdict order[] = {RTK_VERDICT_FAIL, RTK_VERDICT_UNKNOWN, RTK_VERDICT_WARN};

  if (self->blank)
    return NULL;
  for (guint pass = 0; pass < G_N_ELEMENTS (order); pass++) {
    for (guint i = 0; i < self->entries->len; i++) {
      RtkCheckItem *item = ((Entry *)g_ptr_array_index (self->entries, i))->item;

      if (rtk_check_item_get_verdict (item) == order[pass] &&
          (rtk_check_item_is_blocking (item) || order[pass] == RTK_VERDICT_WARN))
        return item;
    }
  }
  return NULL;
}

static void
set_first (RtkCheckList *self, RtkCheckItem *item, gint64 now)
{
  self->first_at = now;
  self->has_first_at = TRUE;
  if (g_set_object (&self->first, item))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_FIRST_TO_MEND]);
}

static void
set_ready (RtkCheckList *self, gboolean ready)
{
  self->ready_waiting = FALSE;
  if (self->ready == ready)
    return;
  self->ready = ready;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_READY]);
}

static gboolean
settle_cb (gpointer user_data)
{
  RtkCheckList *self = RTK_CHECK_LIST (user_data);

  self->timeout_id = 0;
  rtk_check_list_settle (self);
  return G_SOURCE_REMOVE;
}

static void
wake_at (RtkCheckList *self, gint64 due, gint64 now)
{
  gint64 wait_ms = MAX ((due - now + 999) / 1000, 1);

  /* The clock may be another than the main loop's: whoever wakes looks again. */
  g_clear_handle_id (&self->timeout_id, g_source_remove);
  self->timeout_id = g_timeout_add ((guint)wait_ms, settle_cb, self);
}

static void
rtk_check_list_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  RtkCheckList *self = RTK_CHECK_LIST (object);

  switch (id) {
  case PROP_READY:
    g_value_set_boolean (value, self->ready);
    break;
  case PROP_FIRST_TO_MEND:
    g_value_set_object (value, self->first);
    break;
  case PROP_N_ITEMS:
    g_value_set_uint (value, self->entries->len);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
rtk_check_list_finalize (GObject *object)
{
  RtkCheckList *self = RTK_CHECK_LIST (object);

  g_clear_handle_id (&self->timeout_id, g_source_remove);
  g_clear_object (&self->first);
  g_clear_pointer (&self->entries, g_ptr_array_unref);
  g_clear_object (&self->clock);
  G_OBJECT_CLASS (rtk_check_list_parent_class)->finalize (object);
}

static GType
rtk_check_list_get_item_type (GListModel *model)
{
  return RTK_TYPE_CHECK_ITEM;
}

static guint
rtk_check_list_get_n_items (GListModel *model)
{
  return RTK_CHECK_LIST (model)->entries->len;
}

static gpointer
rtk_check_list_get_item (GListModel *model, guint position)
{
  RtkCheckList *self = RTK_CHECK_LIST (model);

  if (position >= self->entries->len)
    return NULL;
  return g_object_ref (((Entry *)g_ptr_array_index (self->entries, position))->item);
}

static void
rtk_check_list_list_model_init (GListModelInterface *iface)
{
  iface->get_item_type = rtk_check_list_get_item_type;
  iface->get_n_items = rtk_check_list_get_n_items;
  iface->get_item = rtk_check_list_get_item;
}

static void
rtk_check_list_class_init (RtkCheckListClass *klass)
{
  GObjectClass     *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = rtk_check_list_get_property;
  object_class->finalize = rtk_check_list_finalize;
  properties[PROP_READY] = g_param_spec_boolean ("ready", NULL, NULL, FALSE, flags);
  properties[PROP_FIRST_TO_MEND] =
      g_param_spec_object ("first-to-mend", NULL, NULL, RTK_TYPE_CHECK_ITEM, flags);
  properties[PROP_N_ITEMS] = g_param_spec_uint ("n-items", NULL, NULL, 0, G_MAXUINT, 0, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  signals[SIGNAL_CHANGED] = g_signal_new ("changed", RTK_TYPE_CHECK_LIST, G_SIGNAL_RUN_LAST, 0,
                                          NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
rtk_check_list_init (RtkCheckList *self)
{
  self->entries = g_ptr_array_new_with_free_func (entry_free);
  self->blank = TRUE;
}

/**
 * rtk_check_list_new:
 * @clock: what tells how long a verdict held; a reference is taken
 * @pack: the rules there are chips for
 *
 * Makes the chips of a rule pack: those of a picture, not those that only a file can answer.
 *
 * Returns: (transfer full): a new list, everything unknown
 */
RtkCheckList *
rtk_check_list_new (RtkClock *clock, RtkRulePack *pack)
{
  RtkCheckList *self;

  g_return_val_if_fail (RTK_IS_CLOCK (clock) && pack != NULL, NULL);

  self = g_object_new (RTK_TYPE_CHECK_LIST, NULL);
  self->clock = g_object_ref (clock);
  rtk_check_list_set_pack (self, pack);
  return self;
}

/**
 * rtk_check_list_set_pack:
 * @self: a list
 * @pack: other rules
 *
 * Replaces the chips. Everything is unknown again.
 */
void
rtk_check_list_set_pack (RtkCheckList *self, RtkRulePack *pack)
{
  guint                 n_old, n_rules = 0;
  const RtkRule *const *rules;

  g_return_if_fail (RTK_IS_CHECK_LIST (self) && pack != NULL);

  n_old = self->entries->len;
  rules = rtk_rule_pack_get_rules (pack, &n_rules);
  g_ptr_array_set_size (self->entries, 0);
  for (guint i = 0; i < n_rules; i++) {
    Entry *entry;

    if (rules[i]->id <= RTK_CHECK_FILE_NAME)
      continue;
    entry = g_new0 (Entry, 1);
    entry->item = rtk_check_item_new (rules[i]);
    g_ptr_array_add (self->entries, entry);
  }
  g_list_model_items_changed (G_LIST_MODEL (self), 0, n_old, self->entries->len);
  if (n_old != self->entries->len)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_N_ITEMS]);
  rtk_check_list_reset (self, NULL);
}

/**
 * rtk_check_list_push:
 * @self: a list
 * @report: a newer report of the live view
 *
 * Takes over the numbers at once, and each verdict when it has held for %RTK_CHECK_LIST_HOLD_MS.
 * The first report after a reset is shown at once.
 */
void
rtk_check_list_push (RtkCheckList *self, RtkReport *report)
{
  gint64   now;
  gboolean ready;

  g_return_if_fail (RTK_IS_CHECK_LIST (self) && report != NULL);

  if (self->blank) {
    rtk_check_list_reset (self, report);
    return;
  }
  now = rtk_clock_monotonic (self->clock);
  for (guint i = 0; i < self->entries->len; i++) {
    Entry          *entry = g_ptr_array_index (self->entries, i);
    const RtkCheck *check = rtk_report_find (report, rtk_check_item_get_id (entry->item));

    rtk_check_item_set_measured (entry->item, check);
    entry_note (entry, check, now);
  }
  ready = rtk_report_may_shoot (report);
  if (ready == self->ready) {
    self->ready_waiting = FALSE;
  } else if (!self->ready_waiting) {
    self->ready_waiting = TRUE;
    self->ready_since = now;
  }
  rtk_check_list_settle (self);
}

/**
 * rtk_check_list_reset:
 * @self: a list
 * @report: (nullable): the verdicts on another picture; %NULL = there is none
 *
 * Shows @report as it is, at once.
 */
void
rtk_check_list_reset (RtkCheckList *self, RtkReport *report)
{
  gint64   now;
  gboolean changed = FALSE;

  g_return_if_fail (RTK_IS_CHECK_LIST (self));

  now = rtk_clock_monotonic (self->clock);
  self->blank = report == NULL;
  for (guint i = 0; i < self->entries->len; i++) {
    Entry          *entry = g_ptr_array_index (self->entries, i);
    const RtkCheck *check =
        report == NULL ? NULL : rtk_report_find (report, rtk_check_item_get_id (entry->item));

    rtk_check_item_set_measured (entry->item, check);
    entry_note (entry, check, now);
    if (entry->waiting)
      changed |= entry_show (entry);
  }
  set_ready (self, report != NULL && rtk_report_may_shoot (report));
  set_first (self, find_first (self), now);
  g_clear_handle_id (&self->timeout_id, g_source_remove);
  if (changed)
    g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

/**
 * rtk_check_list_settle:
 * @self: a list
 *
 * Shows what has held long enough by the clock. Called by itself in time; by hand only where the
 * clock is not the system's.
 */
void
rtk_check_list_settle (RtkCheckList *self)
{
  const gint64  hold = RTK_CHECK_LIST_HOLD_MS * G_TIME_SPAN_MILLISECOND;
  const gint64  stay = RTK_CHECK_LIST_ADVICE_MS * G_TIME_SPAN_MILLISECOND;
  gint64        now, due = G_MAXINT64;
  gboolean      changed = FALSE;
  RtkCheckItem *first;

  g_return_if_fail (RTK_IS_CHECK_LIST (self));

  now = rtk_clock_monotonic (self->clock);
  for (guint i = 0; i < self->entries->len; i++) {
    Entry *entry = g_ptr_array_index (self->entries, i);

    if (!entry->waiting)
      continue;
    if (now - entry->since >= hold)
      changed |= entry_show (entry);
    else
      due = MIN (due, entry->since + hold);
  }
  if (self->ready_waiting) {
    if (now - self->ready_since >= hold)
      set_ready (self, !self->ready);
    else
      due = MIN (due, self->ready_since + hold);
  }
  first = find_first (self);
  if (first != self->first) {
    if (!self->has_first_at || now - self->first_at >= stay)
      set_first (self, first, now);
    else
      due = MIN (due, self->first_at + stay);
  }
  if (due != G_MAXINT64)
    wake_at (self, due, now);
  if (changed)
    g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

/**
 * rtk_check_list_find:
 * @self: a list
 * @id: a check
 *
 * Returns: (transfer none) (nullable): its chip, %NULL when the pack has no such rule
 */
RtkCheckItem *
rtk_check_list_find (RtkCheckList *self, RtkCheckId id)
{
  g_return_val_if_fail (RTK_IS_CHECK_LIST (self), NULL);

  for (guint i = 0; i < self->entries->len; i++) {
    Entry *entry = g_ptr_array_index (self->entries, i);

    if (rtk_check_item_get_id (entry->item) == id)
      return entry->item;
  }
  return NULL;
}

/**
 * rtk_check_list_is_ready:
 * @self: a list
 *
 * Returns: whether no blocking rule fails, and that for a while
 */
gboolean
rtk_check_list_is_ready (RtkCheckList *self)
{
  g_return_val_if_fail (RTK_IS_CHECK_LIST (self), FALSE);
  return self->ready;
}

/**
 * rtk_check_list_get_first_to_mend:
 * @self: a list
 *
 * Returns: (transfer none) (nullable): the chip whose advice is to be followed first
 */
RtkCheckItem *
rtk_check_list_get_first_to_mend (RtkCheckList *self)
{
  g_return_val_if_fail (RTK_IS_CHECK_LIST (self), NULL);
  return self->first;
}
