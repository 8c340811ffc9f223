/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-session"
#include "config.h"

#include "session/rtk-reason-list.h"

struct _RtkReasonItem {
  GObject        parent_instance;
  RtkReason      reason;
  RtkReasonState state;
};

struct _RtkReasonList {
  GObject       parent_instance;
  RtkCheckList *checks; /* (owned) */
  GPtrArray    *items;  /* (owned) (element-type RtkReasonItem) */
};

static void rtk_reason_list_list_model_init (GListModelInterface *iface);

G_DEFINE_FINAL_TYPE (RtkReasonItem, rtk_reason_item, G_TYPE_OBJECT)
G_DEFINE_FINAL_TYPE_WITH_CODE (RtkReasonList,
                               rtk_reason_list,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL,
                                                      rtk_reason_list_list_model_init))

enum { ITEM_PROP_0, ITEM_PROP_REASON, ITEM_PROP_TITLE, ITEM_PROP_STATE, N_ITEM_PROPS };
enum { LIST_PROP_0, LIST_PROP_N_ITEMS, N_LIST_PROPS };

static GParamSpec *item_properties[N_ITEM_PROPS];
static GParamSpec *list_properties[N_LIST_PROPS];

static void
rtk_reason_item_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  RtkReasonItem *self = RTK_REASON_ITEM (object);

  switch (id) {
  case ITEM_PROP_REASON:
    g_value_set_int (value, (int)self->reason);
    break;
  case ITEM_PROP_TITLE:
    g_value_set_string (value, rtk_reason_get_title (self->reason));
    break;
  case ITEM_PROP_STATE:
    g_value_set_int (value, (int)self->state);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
rtk_reason_item_class_init (RtkReasonItemClass *klass)
{
  GObjectClass     *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = rtk_reason_item_get_property;
  item_properties[ITEM_PROP_REASON] =
      g_param_spec_int ("reason", NULL, NULL, 0, RTK_N_REASONS, 0, flags);
  item_properties[ITEM_PROP_TITLE] = g_param_spec_string ("title", NULL, NULL, NULL, flags);
  item_properties[ITEM_PROP_STATE] =
      g_param_spec_int ("state", NULL, NULL, RTK_REASON_NOT_YET, RTK_REASON_CANNOT_TELL,
                        RTK_REASON_CANNOT_TELL, flags);
  g_object_class_install_properties (object_class, N_ITEM_PROPS, item_properties);
}

static void
rtk_reason_item_init (RtkReasonItem *self)
{
  self->state = RTK_REASON_CANNOT_TELL;
}

/* One failure is enough for "not yet"; "fixed" needs every check; anything that was not measured
 * leaves it open. */
static RtkReasonState
compute_state (RtkCheckList *checks, RtkReason reason)
{
  const RtkCheckId *ids = rtk_reason_get_checks (reason);
  gboolean          all = ids[0] != RTK_N_CHECKS;

  for (; *ids != RTK_N_CHECKS; ids++) {
    RtkCheckItem *item = rtk_check_list_find (checks, *ids);
    RtkVerdict    verdict = item == NULL ? RTK_VERDICT_UNKNOWN : rtk_check_item_get_verdict (item);

    if (verdict == RTK_VERDICT_UNKNOWN || verdict == RTK_VERDICT_CONFIRM)
      all = FALSE;
    else if (!rtk_check_item_is_mended (item))
      return RTK_REASON_NOT_YET;
  }
  return all ? RTK_REASON_FIXED : RTK_REASON_CANNOT_TELL;
}

static void
checks_changed_cb (RtkCheckList *checks, gpointer user_data)
{
  RtkReasonList *self = RTK_REASON_LIST (user_data);

  for (guint i = 0; i < self->items->len; i++) {
    RtkReasonItem *item = g_ptr_array_index (self->items, i);
    RtkReasonState state = compute_state (self->checks, item->reason);

    if (state == item->state)
      continue;
    item->state = state;
    g_object_notify_by_pspec (G_OBJECT (item), item_properties[ITEM_PROP_STATE]);
  }
}

static void
rtk_reason_list_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  switch (id) {
  case LIST_PROP_N_ITEMS:
    g_value_set_uint (value, RTK_REASON_LIST (object)->items->len);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
rtk_reason_list_finalize (GObject *object)
{
  RtkReasonList *self = RTK_REASON_LIST (object);

  g_clear_pointer (&self->items, g_ptr_array_unref);
  g_clear_object (&self->checks);
  G_OBJECT_CLASS (rtk_reason_list_parent_class)->finalize (object);
}

static GType
rtk_reason_list_get_item_type (GListModel *model)
{
  return RTK_TYPE_REASON_ITEM;
}

static guint
rtk_reason_list_get_n_items (GListModel *model)
{
  return RTK_REASON_LIST (model)->items->len;
}

static gpointer
rtk_reason_list_get_item (GListModel *model, guint position)
{
  RtkReasonList *self = RTK_REASON_LIST (model);

  if (position >= self->items->len)
    return NULL;
  return g_object_ref (g_ptr_array_index (self->items, position));
}

static void
rtk_reason_list_list_model_init (GListModelInterface *iface)
{
  iface->get_item_type = rtk_reason_list_get_item_type;
  iface->get_n_items = rtk_reason_list_get_n_items;
  iface->get_item = rtk_reason_list_get_item;
}

static void
rtk_reason_list_class_init (RtkReasonListClass *klass)
{
  GObjectClass     *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = rtk_reason_list_get_property;
  object_class->finalize = rtk_reason_list_finalize;
  list_properties[LIST_PROP_N_ITEMS] =
      g_param_spec_uint ("n-items", NULL, NULL, 0, G_MAXUINT, 0, flags);
  g_object_class_install_properties (object_class, N_LIST_PROPS, list_properties);
}

static void
rtk_reason_list_init (RtkReasonList *self)
{
  self->items = g_ptr_array_new_with_free_func (g_object_unref);
}

/**
 * rtk_reason_item_get_reason:
 * @self: an item
 *
 * Returns: the reason for the rejection
 */
RtkReason
rtk_reason_item_get_reason (RtkReasonItem *self)
{
  g_return_val_if_fail (RTK_IS_REASON_ITEM (self), RTK_REASON_OTHER);
  return self->reason;
}

/**
 * rtk_reason_item_get_title:
 * @self: an item
 *
 * Returns: (transfer none): its words, a message id for gettext
 */
const char *
rtk_reason_item_get_title (RtkReasonItem *self)
{
  g_return_val_if_fail (RTK_IS_REASON_ITEM (self), NULL);
  return rtk_reason_get_title (self->reason);
}

/**
 * rtk_reason_item_get_state:
 * @self: an item
 *
 * Returns: whether it is mended by what the chips show now
 */
RtkReasonState
rtk_reason_item_get_state (RtkReasonItem *self)
{
  g_return_val_if_fail (RTK_IS_REASON_ITEM (self), RTK_REASON_CANNOT_TELL);
  return self->state;
}

/**
 * rtk_reason_list_new:
 * @checks: the chips it follows; a reference is taken
 *
 * Makes an empty list of reasons.
 *
 * Returns: (transfer full): a new list
 */
RtkReasonList *
rtk_reason_list_new (RtkCheckList *checks)
{
  RtkReasonList *self;

  g_return_val_if_fail (RTK_IS_CHECK_LIST (checks), NULL);

  self = g_object_new (RTK_TYPE_REASON_LIST, NULL);
  self->checks = g_object_ref (checks);
  g_signal_connect_object (checks, "changed", G_CALLBACK (checks_changed_cb), self, 0);
  return self;
}

/**
 * rtk_reason_list_set_reasons:
 * @self: a list
 * @reasons: (array length=n_reasons) (nullable): why the old photo was rejected; copied
 * @n_reasons: how many
 *
 * Replaces the reasons: another order is open, or none.
 */
void
rtk_reason_list_set_reasons (RtkReasonList *self, const RtkReason *reasons, guint n_reasons)
{
  guint n_old;

  g_return_if_fail (RTK_IS_REASON_LIST (self));
  g_return_if_fail (reasons != NULL || n_reasons == 0);

  n_old = self->items->len;
  if (n_old == 0 && n_reasons == 0)
    return;
  g_ptr_array_set_size (self->items, 0);
  for (guint i = 0; i < n_reasons; i++) {
    RtkReasonItem *item = g_object_new (RTK_TYPE_REASON_ITEM, NULL);

    item->reason = reasons[i];
    item->state = compute_state (self->checks, item->reason);
    g_ptr_array_add (self->items, item);
  }
  g_list_model_items_changed (G_LIST_MODEL (self), 0, n_old, n_reasons);
  if (n_old != n_reasons)
    g_object_notify_by_pspec (G_OBJECT (self), list_properties[LIST_PROP_N_ITEMS]);
}
