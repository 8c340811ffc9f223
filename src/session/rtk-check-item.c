/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-session"
#include "config.h"

#include "session/rtk-check-item-private.h"

#include <math.h>

struct _RtkCheckItem {
  GObject     parent_instance;
  RtkCheckId  id;
  RtkVerdict  verdict;
  double      value;
  const char *unit; /* (unowned): static */
  double      min;
  double      max;
  gboolean    blocking;
  char       *title[RTK_N_LANGUAGES];  /* (owned) */
  char       *advice[RTK_N_LANGUAGES]; /* (owned) (nullable) */
  guint       revision;
};

G_DEFINE_FINAL_TYPE (RtkCheckItem, rtk_check_item, G_TYPE_OBJECT)

enum {
  PROP_0,
  PROP_ID,
  PROP_NAME,
  PROP_VERDICT,
  PROP_VALUE,
  PROP_UNIT,
  PROP_MIN,
  PROP_MAX,
  PROP_BLOCKING,
  PROP_TITLE_EN,
  PROP_TITLE_ZH_CN,
  PROP_ADVICE_EN,
  PROP_ADVICE_ZH_CN,
  PROP_REVISION,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

/* Equal, with "none" equal to "none". */
static gboolean
same (double a, double b)
{
  return isnan (a) ? isnan (b) : a >= b && a <= b;
}

static gboolean
set_double (RtkCheckItem *self, double *field, double value, guint property)
{
  if (same (*field, value))
    return FALSE;
  *field = value;
  g_object_notify_by_pspec (G_OBJECT (self), properties[property]);
  return TRUE;
}

static void
touch (RtkCheckItem *self)
{
  self->revision++;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_REVISION]);
}

static void
rtk_check_item_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  RtkCheckItem *self = RTK_CHECK_ITEM (object);

  switch (id) {
  case PROP_ID:
    g_value_set_int (value, (int)self->id);
    break;
  case PROP_NAME:
    g_value_set_string (value, rtk_check_id_to_string (self->id));
    break;
  case PROP_VERDICT:
    g_value_set_int (value, (int)self->verdict);
    break;
  case PROP_VALUE:
    g_value_set_double (value, self->value);
    break;
  case PROP_UNIT:
    g_value_set_string (value, self->unit);
    break;
  case PROP_MIN:
    g_value_set_double (value, self->min);
    break;
  case PROP_MAX:
    g_value_set_double (value, self->max);
    break;
  case PROP_BLOCKING:
    g_value_set_boolean (value, self->blocking);
    break;
  case PROP_TITLE_EN:
    g_value_set_string (value, self->title[RTK_LANGUAGE_EN]);
    break;
  case PROP_TITLE_ZH_CN:
    g_value_set_string (value, self->title[RTK_LANGUAGE_ZH_CN]);
    break;
  case PROP_ADVICE_EN:
    g_value_set_string (value, self->advice[RTK_LANGUAGE_EN]);
    break;
  case PROP_ADVICE_ZH_CN:
    g_value_set_string (value, self->advice[RTK_LANGUAGE_ZH_CN]);
    break;
  case PROP_REVISION:
    g_value_set_uint (value, self->revision);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
rtk_check_item_finalize (GObject *object)
{
  RtkCheckItem *self = RTK_CHECK_ITEM (object);

  for (guint i = 0; i < RTK_N_LANGUAGES; i++) {
    g_free (self->title[i]);
    g_free (self->advice[i]);
  }
  G_OBJECT_CLASS (rtk_check_item_parent_class)->finalize (object);
}

static void
rtk_check_item_class_init (RtkCheckItemClass *klass)
{
  GObjectClass     *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = rtk_check_item_get_property;
  object_class->finalize = rtk_check_item_finalize;
  properties[PROP_ID] = g_param_spec_int ("id", NULL, NULL, 0, RTK_N_CHECKS, 0, flags);
  properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);
  properties[PROP_VERDICT] = g_param_spec_int ("verdict", NULL, NULL, RTK_VERDICT_PASS,
                                               RTK_VERDICT_UNKNOWN, RTK_VERDICT_UNKNOWN, flags);
  properties[PROP_VALUE] =
      g_param_spec_double ("value", NULL, NULL, -G_MAXDOUBLE, G_MAXDOUBLE, 0, flags);
  properties[PROP_UNIT] = g_param_spec_string ("unit", NULL, NULL, NULL, flags);
  properties[PROP_MIN] =
      g_param_spec_double ("min", NULL, NULL, -G_MAXDOUBLE, G_MAXDOUBLE, 0, flags);
  properties[PROP_MAX] =
      g_param_spec_double ("max", NULL, NULL, -G_MAXDOUBLE, G_MAXDOUBLE, 0, flags);
  properties[PROP_BLOCKING] = g_param_spec_boolean ("blocking", NULL, NULL, FALSE, flags);
  properties[PROP_TITLE_EN] = g_param_spec_string ("title-en", NULL, NULL, NULL, flags);
  properties[PROP_TITLE_ZH_CN] = g_param_spec_string ("title-zh-cn", NULL, NULL, NULL, flags);
  properties[PROP_ADVICE_EN] = g_param_spec_string ("advice-en", NULL, NULL, NULL, flags);
  properties[PROP_ADVICE_ZH_CN] = g_param_spec_string ("advice-zh-cn", NULL, NULL, NULL, flags);
  properties[PROP_REVISION] = g_param_spec_uint ("revision", NULL, NULL, 0, G_MAXUINT, 0, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
rtk_check_item_init (RtkCheckItem *self)
{
  self->verdict = RTK_VERDICT_UNKNOWN;
  self->value = self->min = self->max = NAN;
}

/**
 * rtk_check_item_new:
 * @rule: the rule the chip stands for; its texts are copied
 *
 * Makes a chip of which nothing is known yet.
 *
 * Returns: (transfer full): a new item
 */
RtkCheckItem *
rtk_check_item_new (const RtkRule *rule)
{
  RtkCheckItem *self = g_object_new (RTK_TYPE_CHECK_ITEM, NULL);

  self->id = rule->id;
  self->unit = rtk_check_id_get_unit (rule->id);
  self->min = rule->min;
  self->max = rule->max;
  self->blocking = rule->mode == RTK_RULE_BLOCK;
  for (guint i = 0; i < RTK_N_LANGUAGES; i++)
    self->title[i] = g_strdup (rule->title[i]);
  return self;
}

/**
 * rtk_check_item_set_measured:
 * @self: a chip
 * @check: (nullable): the newest verdict on its check; %NULL = nothing is measured
 *
 * Takes over the numbers, which are never held back, but not the verdict.
 */
void
rtk_check_item_set_measured (RtkCheckItem *self, const RtkCheck *check)
{
  gboolean changed = FALSE;

  g_object_freeze_notify (G_OBJECT (self));
  changed |= set_double (self, &self->value, check == NULL ? NAN : check->value, PROP_VALUE);
  if (check != NULL) {
    changed |= set_double (self, &self->min, check->min, PROP_MIN);
    changed |= set_double (self, &self->max, check->max, PROP_MAX);
    if (self->blocking != check->blocking) {
      self->blocking = check->blocking;
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_BLOCKING]);
      changed = TRUE;
    }
  }
  if (changed)
    touch (self);
  g_object_thaw_notify (G_OBJECT (self));
}

/**
 * rtk_check_item_show:
 * @self: a chip
 * @verdict: what it shows from now on
 * @advice: (array): what to do, by #RtkLanguage, each nullable; copied
 *
 * Changes what the chip says.
 *
 * Returns: whether anything is another than before
 */
gboolean
rtk_check_item_show (RtkCheckItem     *self,
                     RtkVerdict        verdict,
                     const char *const advice[RTK_N_LANGUAGES])
{
  const guint advice_props[] = {PROP_ADVICE_EN, PROP_ADVICE_ZH_CN};
  gboolean    changed = FALSE;

  g_object_freeze_notify (G_OBJECT (self));
  if (self->verdict != verdict) {
    self->verdict = verdict;
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_VERDICT]);
    changed = TRUE;
  }
  for (guint i = 0; i < RTK_N_LANGUAGES; i++) {
    if (g_strcmp0 (self->advice[i], advice[i]) == 0)
      continue;
    g_free (self->advice[i]);
    self->advice[i] = g_strdup (advice[i]);
    g_object_notify_by_pspec (G_OBJECT (self), properties[advice_props[i]]);
    changed = TRUE;
  }
  if (changed)
    touch (self);
  g_object_thaw_notify (G_OBJECT (self));
  return changed;
}

/**
 * rtk_check_item_get_id:
 * @self: a chip
 *
 * Returns: the check it stands for
 */
RtkCheckId
rtk_check_item_get_id (RtkCheckItem *self)
{
  g_return_val_if_fail (RTK_IS_CHECK_ITEM (self), RTK_N_CHECKS);
  return self->id;
}

/**
 * rtk_check_item_get_verdict:
 * @self: a chip
 *
 * Returns: the verdict it shows
 */
RtkVerdict
rtk_check_item_get_verdict (RtkCheckItem *self)
{
  g_return_val_if_fail (RTK_IS_CHECK_ITEM (self), RTK_VERDICT_UNKNOWN);
  return self->verdict;
}

/**
 * rtk_check_item_get_value:
 * @self: a chip
 *
 * Returns: the newest value in the check's unit, NAN = none
 */
double
rtk_check_item_get_value (RtkCheckItem *self)
{
  g_return_val_if_fail (RTK_IS_CHECK_ITEM (self), NAN);
  return self->value;
}

/**
 * rtk_check_item_get_unit:
 * @self: a chip
 *
 * Returns: (transfer none): the unit of value and limits, "" for none
 */
const char *
rtk_check_item_get_unit (RtkCheckItem *self)
{
  g_return_val_if_fail (RTK_IS_CHECK_ITEM (self), NULL);
  return self->unit;
}

/**
 * rtk_check_item_get_min:
 * @self: a chip
 *
 * Returns: the lower limit, NAN = none
 */
double
rtk_check_item_get_min (RtkCheckItem *self)
{
  g_return_val_if_fail (RTK_IS_CHECK_ITEM (self), NAN);
  return self->min;
}

/**
 * rtk_check_item_get_max:
 * @self: a chip
 *
 * Returns: the upper limit, NAN = none
 */
double
rtk_check_item_get_max (RtkCheckItem *self)
{
  g_return_val_if_fail (RTK_IS_CHECK_ITEM (self), NAN);
  return self->max;
}

/**
 * rtk_check_item_is_blocking:
 * @self: a chip
 *
 * Returns: whether a failure must be mended or accepted by name
 */
gboolean
rtk_check_item_is_blocking (RtkCheckItem *self)
{
  g_return_val_if_fail (RTK_IS_CHECK_ITEM (self), FALSE);
  return self->blocking;
}

/**
 * rtk_check_item_get_title:
 * @self: a chip
 * @language: which words
 *
 * Returns: (transfer none) (nullable): the short name of the rule
 */
const char *
rtk_check_item_get_title (RtkCheckItem *self, RtkLanguage language)
{
  g_return_val_if_fail (RTK_IS_CHECK_ITEM (self), NULL);
  g_return_val_if_fail ((guint)language < RTK_N_LANGUAGES, NULL);
  return self->title[language];
}

/**
 * rtk_check_item_get_advice:
 * @self: a chip
 * @language: which words
 *
 * Returns: (transfer none) (nullable): what to do now, or why nothing is known
 */
const char *
rtk_check_item_get_advice (RtkCheckItem *self, RtkLanguage language)
{
  g_return_val_if_fail (RTK_IS_CHECK_ITEM (self), NULL);
  g_return_val_if_fail ((guint)language < RTK_N_LANGUAGES, NULL);
  return self->advice[language];
}

/**
 * rtk_check_item_is_mended:
 * @self: a chip
 *
 * Tells whether nothing is left to do: the check passed, or warns only because its value is near
 * to a limit. A warning beyond the limit of an advisory rule is not mended.
 *
 * Returns: whether it is
 */
gboolean
rtk_check_item_is_mended (RtkCheckItem *self)
{
  g_return_val_if_fail (RTK_IS_CHECK_ITEM (self), FALSE);

  if (self->verdict == RTK_VERDICT_PASS)
    return TRUE;
  if (self->verdict != RTK_VERDICT_WARN)
    return FALSE;
  /* Written so that NAN, no limit, never makes it true. */
  return !(self->value < self->min) && !(self->value > self->max);
}
