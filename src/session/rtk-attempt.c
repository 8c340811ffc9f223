/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-session"
#include "config.h"

#include "session/rtk-attempt.h"

struct _RtkAttempt {
  GObject   parent_instance;
  RtkPhoto *photo; /* (owned) */
  guint     number;
  gint64    taken_at;
  char     *order_id; /* (owned) */
};

G_DEFINE_FINAL_TYPE (RtkAttempt, rtk_attempt, G_TYPE_OBJECT)

enum { PROP_0, PROP_PHOTO, PROP_NUMBER, PROP_TAKEN_AT, PROP_ORDER_ID, PROP_VERDICT, N_PROPS };

static GParamSpec *properties[N_PROPS];

/* Worse verdicts are higher. The order is that of rtk_report_get_verdict(). */
static int
rank (RtkVerdict verdict)
{
  static const int ranks[] = {
      [RTK_VERDICT_PASS] = 0, [RTK_VERDICT_UNKNOWN] = 1, [RTK_VERDICT_CONFIRM] = 2,
      [RTK_VERDICT_WARN] = 3, [RTK_VERDICT_FAIL] = 4,
  };

  return ranks[verdict];
}

/* In the original frame a blocking rule that could not be measured is not green either; a finished
 * file has been measured as a frame already. */
static void
add_failed (GArray *failed, const RtkReport *report, gboolean unknown_too)
{
  guint           n = 0;
  const RtkCheck *checks = report == NULL ? NULL : rtk_report_get_checks (report, &n);

  for (guint i = 0; i < n; i++) {
    gboolean known = FALSE;

    if (!checks[i].blocking || (checks[i].verdict != RTK_VERDICT_FAIL &&
                                !(unknown_too && checks[i].verdict == RTK_VERDICT_UNKNOWN)))
      continue;
    for (guint k = 0; k < failed->len && !known; k++)
      known = g_array_index (failed, RtkCheckId, k) == checks[i].id;
    if (!known)
      g_array_append_val (failed, checks[i].id);
  }
}

static void
rtk_attempt_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  RtkAttempt *self = RTK_ATTEMPT (object);

  switch (id) {
  case PROP_PHOTO:
    g_value_set_boxed (value, self->photo);
    break;
  case PROP_NUMBER:
    g_value_set_uint (value, self->number);
    break;
  case PROP_TAKEN_AT:
    g_value_set_int64 (value, self->taken_at);
    break;
  case PROP_ORDER_ID:
    g_value_set_string (value, self->order_id);
    break;
  case PROP_VERDICT:
    g_value_set_int (value, (int)rtk_attempt_get_verdict (self));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
rtk_attempt_finalize (GObject *object)
{
  RtkAttempt *self = RTK_ATTEMPT (object);

  g_clear_pointer (&self->photo, rtk_photo_unref);
  g_free (self->order_id);
  G_OBJECT_CLASS (rtk_attempt_parent_class)->finalize (object);
}

static void
rtk_attempt_class_init (RtkAttemptClass *klass)
{
  GObjectClass     *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = rtk_attempt_get_property;
  object_class->finalize = rtk_attempt_finalize;
  properties[PROP_PHOTO] = g_param_spec_boxed ("photo", NULL, NULL, RTK_TYPE_PHOTO, flags);
  properties[PROP_NUMBER] = g_param_spec_uint ("number", NULL, NULL, 0, G_MAXUINT, 0, flags);
  properties[PROP_TAKEN_AT] =
      g_param_spec_int64 ("taken-at", NULL, NULL, G_MININT64, G_MAXINT64, 0, flags);
  properties[PROP_ORDER_ID] = g_param_spec_string ("order-id", NULL, NULL, NULL, flags);
  properties[PROP_VERDICT] = g_param_spec_int ("verdict", NULL, NULL, RTK_VERDICT_PASS,
                                               RTK_VERDICT_UNKNOWN, RTK_VERDICT_PASS, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
rtk_attempt_init (RtkAttempt *self)
{
}

/**
 * rtk_attempt_new:
 * @photo: the finished photo; a reference is taken
 * @number: which attempt of this subject it is, from 1
 * @taken_at: wall clock at the shutter, microseconds since 1970 UTC
 * @order_id: the order that was open at the shutter
 *
 * Binds a finished photo to the order it was taken for.
 *
 * Returns: (transfer full): a new attempt
 */
RtkAttempt *
rtk_attempt_new (RtkPhoto *photo, guint number, gint64 taken_at, const char *order_id)
{
  RtkAttempt *self;

  g_return_val_if_fail (photo != NULL && order_id != NULL, NULL);

  self = g_object_new (RTK_TYPE_ATTEMPT, NULL);
  self->photo = rtk_photo_ref (photo);
  self->number = number;
  self->taken_at = taken_at;
  self->order_id = g_strdup (order_id);
  return self;
}

/**
 * rtk_attempt_get_photo:
 * @self: an attempt
 *
 * Returns: (transfer none): the finished photo
 */
RtkPhoto *
rtk_attempt_get_photo (RtkAttempt *self)
{
  g_return_val_if_fail (RTK_IS_ATTEMPT (self), NULL);
  return self->photo;
}

/**
 * rtk_attempt_get_number:
 * @self: an attempt
 *
 * Returns: which attempt of this subject it is, from 1
 */
guint
rtk_attempt_get_number (RtkAttempt *self)
{
  g_return_val_if_fail (RTK_IS_ATTEMPT (self), 0);
  return self->number;
}

/**
 * rtk_attempt_get_taken_at:
 * @self: an attempt
 *
 * Returns: wall clock at the shutter, microseconds since 1970 UTC
 */
gint64
rtk_attempt_get_taken_at (RtkAttempt *self)
{
  g_return_val_if_fail (RTK_IS_ATTEMPT (self), 0);
  return self->taken_at;
}

/**
 * rtk_attempt_get_order_id:
 * @self: an attempt
 *
 * Returns: (transfer none): id of the order that was open at the shutter
 */
const char *
rtk_attempt_get_order_id (RtkAttempt *self)
{
  g_return_val_if_fail (RTK_IS_ATTEMPT (self), NULL);
  return self->order_id;
}

/**
 * rtk_attempt_get_verdict:
 * @self: an attempt
 *
 * Returns: the worse verdict of the original frame's report and the finished file's
 */
RtkVerdict
rtk_attempt_get_verdict (RtkAttempt *self)
{
  RtkVerdict worst = RTK_VERDICT_PASS;

  g_return_val_if_fail (RTK_IS_ATTEMPT (self), RTK_VERDICT_UNKNOWN);

  if (self->photo->report != NULL)
    worst = rtk_report_get_verdict (self->photo->report);
  if (self->photo->finished_report != NULL) {
    RtkVerdict finished = rtk_report_get_verdict (self->photo->finished_report);

    if (rank (finished) > rank (worst))
      worst = finished;
  }
  return worst;
}

/**
 * rtk_attempt_dup_failed:
 * @self: an attempt
 *
 * Lists what a named person would have to accept before this photo may be submitted.
 *
 * Returns: (transfer full) (element-type RtkCheckId): the blocking checks that fail in the report
 *   of the frame or of the finished file, or could not be measured in the frame; each once
 */
GArray *
rtk_attempt_dup_failed (RtkAttempt *self)
{
  g_autoptr (GArray) failed = g_array_new (FALSE, FALSE, sizeof (RtkCheckId));

  g_return_val_if_fail (RTK_IS_ATTEMPT (self), NULL);

  add_failed (failed, self->photo->report, TRUE);
  add_failed (failed, self->photo->finished_report, FALSE);
  return g_steal_pointer (&failed);
}
