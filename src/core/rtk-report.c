/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-report-private.h"

#include <math.h>

G_DEFINE_BOXED_TYPE (RtkReport, rtk_report, rtk_report_ref, rtk_report_unref)

static const char *const language_names[RTK_N_LANGUAGES] = {
    [RTK_LANGUAGE_EN] = "en",
    [RTK_LANGUAGE_ZH_CN] = "zh_CN",
};

static void
check_clear (gpointer data)
{
  RtkCheck *check = data;

  for (int i = 0; i < RTK_N_LANGUAGES; i++) {
    g_free (check->title[i]);
    g_free (check->advice[i]);
  }
}

static void
report_clear (RtkReport *self)
{
  g_free (self->rules_id);
  g_free (self->rules_version);
  g_array_unref (self->checks);
}

/* A report without checks. */
RtkReport *
rtk_report_alloc (const char *rules_id, const char *rules_version)
{
  RtkReport *self = g_atomic_rc_box_new0 (RtkReport);

  self->rules_id = g_strdup (rules_id);
  self->rules_version = g_strdup (rules_version);
  self->checks = g_array_new (FALSE, TRUE, sizeof (RtkCheck));
  g_array_set_clear_func (self->checks, check_clear);
  return self;
}

/* Adds an empty check. The pointer is good until the next one is added. */
RtkCheck *
rtk_report_add (RtkReport *self, RtkCheckId id)
{
  RtkCheck *check;

  g_array_set_size (self->checks, self->checks->len + 1);
  check = &g_array_index (self->checks, RtkCheck, self->checks->len - 1);
  check->id = id;
  check->unit = rtk_check_id_get_unit (id);
  check->value = check->min = check->max = NAN;
  return check;
}

/* Sets the verdict on the whole: the worst there is. */
void
rtk_report_sum_up (RtkReport *self)
{
  guint n[RTK_VERDICT_UNKNOWN + 1] = {0};

  for (guint i = 0; i < self->checks->len; i++) {
    const RtkCheck *check = &g_array_index (self->checks, RtkCheck, i);

    if (check->blocking || check->verdict != RTK_VERDICT_UNKNOWN)
      n[check->verdict]++;
  }
  self->verdict = n[RTK_VERDICT_FAIL] > 0      ? RTK_VERDICT_FAIL
                  : n[RTK_VERDICT_WARN] > 0    ? RTK_VERDICT_WARN
                  : n[RTK_VERDICT_CONFIRM] > 0 ? RTK_VERDICT_CONFIRM
                  : n[RTK_VERDICT_UNKNOWN] > 0 ? RTK_VERDICT_UNKNOWN
                                               : RTK_VERDICT_PASS;
}

/**
 * rtk_report_ref:
 * @self: a report
 *
 * Takes one more reference. Any thread.
 *
 * Returns: (transfer full): @self
 */
RtkReport *
rtk_report_ref (RtkReport *self)
{
  return g_atomic_rc_box_acquire (self);
}

/**
 * rtk_report_unref:
 * @self: (transfer full): a report
 *
 * Gives a reference back. Any thread.
 */
void
rtk_report_unref (RtkReport *self)
{
  g_atomic_rc_box_release_full (self, (GDestroyNotify)report_clear);
}

/**
 * rtk_report_get_verdict:
 * @self: a report
 *
 * Returns: the verdict on the whole picture
 */
RtkVerdict
rtk_report_get_verdict (const RtkReport *self)
{
  return self->verdict;
}

/**
 * rtk_report_get_rules_id:
 * @self: a report
 *
 * Returns: (transfer none): id of the rule pack
 */
const char *
rtk_report_get_rules_id (const RtkReport *self)
{
  return self->rules_id;
}

/**
 * rtk_report_get_rules_version:
 * @self: a report
 *
 * Returns: (transfer none): version of the rule pack
 */
const char *
rtk_report_get_rules_version (const RtkReport *self)
{
  return self->rules_version;
}

/**
 * rtk_report_get_checks:
 * @self: a report
 * @out_n: (out): how many there are
 *
 * Returns: (transfer none) (array length=out_n): the checks in pack order
 */
const RtkCheck *
rtk_report_get_checks (const RtkReport *self, guint *out_n)
{
  *out_n = self->checks->len;
  return (const RtkCheck *)(gpointer)self->checks->data;
}

/**
 * rtk_report_find:
 * @self: a report
 * @id: a check
 *
 * Returns: (transfer none) (nullable): the verdict on @id, %NULL when it was not judged
 */
const RtkCheck *
rtk_report_find (const RtkReport *self, RtkCheckId id)
{
  for (guint i = 0; i < self->checks->len; i++) {
    const RtkCheck *check = &g_array_index (self->checks, RtkCheck, i);

    if (check->id == id)
      return check;
  }
  return NULL;
}

/**
 * rtk_report_get_crop:
 * @self: a report
 * @out_crop: (out): the crop in which the geometry was judged
 *
 * Returns: whether there is one; on %FALSE @out_crop is left as it was
 */
gboolean
rtk_report_get_crop (const RtkReport *self, RtkCrop *out_crop)
{
  if (self->has_crop)
    *out_crop = self->crop;
  return self->has_crop;
}

/**
 * rtk_report_get_first_to_mend:
 * @self: a report
 *
 * Finds what to say first: failures in pack order, then blocking rules that could not be measured
 * (they keep the shutter shut too), then warnings.
 *
 * Returns: (transfer none) (nullable): a check, %NULL when there is nothing to mend
 */
const RtkCheck *
rtk_report_get_first_to_mend (const RtkReport *self)
{
  static const RtkVerdict order[] = {RTK_VERDICT_FAIL, RTK_VERDICT_UNKNOWN, RTK_VERDICT_WARN};

  for (gsize pass = 0; pass < G_N_ELEMENTS (order); pass++) {
    for (guint i = 0; i < self->checks->len; i++) {
      const RtkCheck *check = &g_array_index (self->checks, RtkCheck, i);

      if (check->verdict == order[pass] && (check->blocking || check->verdict == RTK_VERDICT_WARN))
        return check;
    }
  }
  return NULL;
}

/**
 * rtk_report_may_shoot:
 * @self: a report
 *
 * Tells whether the shutter may open: no blocking rule fails, and each was measured.
 *
 * Returns: whether all blocking rules are green
 */
gboolean
rtk_report_may_shoot (const RtkReport *self)
{
  for (guint i = 0; i < self->checks->len; i++) {
    const RtkCheck *check = &g_array_index (self->checks, RtkCheck, i);

    if (check->blocking &&
        (check->verdict == RTK_VERDICT_FAIL || check->verdict == RTK_VERDICT_UNKNOWN))
      return FALSE;
  }
  return self->checks->len > 0;
}

/* Three decimals are finer than any measure; more would only be noise on the wire. Adding 0 makes a
 * negative zero a plain one. */
static void
add_number (JsonBuilder *builder, const char *member, double value)
{
  double rounded = round (value * 1000.) / 1000. + 0.;

  json_builder_set_member_name (builder, member);
  if (!isfinite (value))
    json_builder_add_null_value (builder);
  else if (rounded == rint (rounded) && fabs (rounded) < 1e15)
    json_builder_add_int_value (builder, (gint64)rounded);
  else
    json_builder_add_double_value (builder, rounded);
}

static void
add_texts (JsonBuilder *builder, const char *member, char *const texts[RTK_N_LANGUAGES])
{
  json_builder_set_member_name (builder, member);
  json_builder_begin_object (builder);
  for (int i = RTK_N_LANGUAGES - 1; i >= 0; i--) {
    json_builder_set_member_name (builder, language_names[i]);
    json_builder_add_string_value (builder, texts[i] != NULL ? texts[i] : "");
  }
  json_builder_end_object (builder);
}

static void
add_string (JsonBuilder *builder, const char *member, const char *value)
{
  json_builder_set_member_name (builder, member);
  json_builder_add_string_value (builder, value);
}

static void
add_check (JsonBuilder *builder, const RtkCheck *check)
{
  json_builder_begin_object (builder);
  add_string (builder, "id", rtk_check_id_to_string (check->id));
  add_string (builder, "verdict", rtk_verdict_to_string (check->verdict));
  add_number (builder, "value", check->value);
  add_string (builder, "unit", check->unit);
  add_number (builder, "min", check->min);
  add_number (builder, "max", check->max);
  json_builder_set_member_name (builder, "blocking");
  json_builder_add_boolean_value (builder, check->blocking);
  add_texts (builder, "title", check->title);
  add_texts (builder, "advice", check->advice);
  json_builder_set_member_name (builder, "place");
  json_builder_begin_array (builder);
  for (guint i = 0; i < check->n_place; i++) {
    json_builder_begin_array (builder);
    json_builder_add_double_value (builder, round (check->place[i].x * 10.) / 10.);
    json_builder_add_double_value (builder, round (check->place[i].y * 10.) / 10.);
    json_builder_end_array (builder);
  }
  json_builder_end_array (builder);
  json_builder_end_object (builder);
}

/**
 * rtk_report_to_json:
 * @self: a report
 *
 * Writes the report in the shape of the command-line contract. What is not a number is null.
 *
 * Returns: (transfer full): an object node
 */
JsonNode *
rtk_report_to_json (const RtkReport *self)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  add_number (builder, "width", self->width);
  add_number (builder, "height", self->height);
  add_string (builder, "rules", self->rules_id);
  add_string (builder, "rules_version", self->rules_version);
  add_string (builder, "verdict", rtk_verdict_to_string (self->verdict));
  json_builder_set_member_name (builder, "crop");
  if (self->has_crop) {
    json_builder_begin_object (builder);
    /* Multiples of 1/65536: written in full, so that they read back as they are. */
    json_builder_set_member_name (builder, "x");
    json_builder_add_double_value (builder, self->crop.x);
    json_builder_set_member_name (builder, "y");
    json_builder_add_double_value (builder, self->crop.y);
    json_builder_set_member_name (builder, "scale");
    json_builder_add_double_value (builder, self->crop.scale);
    add_number (builder, "out_width", self->crop.out_width);
    add_number (builder, "out_height", self->crop.out_height);
    json_builder_end_object (builder);
  } else {
    json_builder_add_null_value (builder);
  }
  json_builder_set_member_name (builder, "checks");
  json_builder_begin_array (builder);
  for (guint i = 0; i < self->checks->len; i++)
    add_check (builder, &g_array_index (self->checks, RtkCheck, i));
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  return json_builder_get_root (builder);
}

static double
get_number (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) &&
                 (json_node_get_value_type (node) == G_TYPE_INT64 ||
                  json_node_get_value_type (node) == G_TYPE_DOUBLE)
             ? json_node_get_double (node)
             : NAN;
}

static const char *
get_string (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) &&
                 json_node_get_value_type (node) == G_TYPE_STRING
             ? json_node_get_string (node)
             : NULL;
}

static JsonObject *
get_object (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static JsonArray *
get_array (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

static void
read_texts (JsonObject *object,
            const char *member,
            const char *fallback,
            char       *texts[RTK_N_LANGUAGES])
{
  JsonObject *by_language = get_object (object, member);

  for (int i = 0; i < RTK_N_LANGUAGES; i++) {
    const char *text = by_language != NULL ? get_string (by_language, language_names[i]) : NULL;

    texts[i] = g_strdup (text != NULL ? text : fallback);
  }
}

static void
read_place (JsonObject *object, RtkCheck *check)
{
  JsonArray *place = get_array (object, "place");
  guint      n = place != NULL ? MIN (json_array_get_length (place), RTK_N_PLACE_POINTS) : 0;

  for (guint i = 0; i < n; i++) {
    JsonNode  *corner = json_array_get_element (place, i);
    JsonArray *point = JSON_NODE_HOLDS_ARRAY (corner) ? json_node_get_array (corner) : NULL;

    if (point == NULL || json_array_get_length (point) != 2 ||
        !JSON_NODE_HOLDS_VALUE (json_array_get_element (point, 0)) ||
        !JSON_NODE_HOLDS_VALUE (json_array_get_element (point, 1)))
      return;
    check->place[check->n_place++] = (RtkPoint){json_array_get_double_element (point, 0),
                                                json_array_get_double_element (point, 1)};
  }
}

static gboolean
read_check (RtkReport *report, JsonNode *node)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  const char *id_name = object != NULL ? get_string (object, "id") : NULL;
  const char *verdict_name = object != NULL ? get_string (object, "verdict") : NULL;
  JsonNode   *blocking = object != NULL ? json_object_get_member (object, "blocking") : NULL;
  RtkCheckId  id;
  RtkVerdict  verdict;
  RtkCheck   *check;

  if (id_name == NULL || verdict_name == NULL || !rtk_verdict_from_string (verdict_name, &verdict))
    return FALSE;
  /* A newer program may know more checks: what we cannot show is left out. */
  if (!rtk_check_id_from_string (id_name, &id))
    return TRUE;
  check = rtk_report_add (report, id);
  check->verdict = verdict;
  check->value = get_number (object, "value");
  check->min = get_number (object, "min");
  check->max = get_number (object, "max");
  check->blocking = blocking != NULL && JSON_NODE_HOLDS_VALUE (blocking) &&
                    json_node_get_value_type (blocking) == G_TYPE_BOOLEAN &&
                    json_node_get_boolean (blocking);
  read_texts (object, "title", id_name, check->title);
  read_texts (object, "advice", "", check->advice);
  read_place (object, check);
  return TRUE;
}

static void
read_crop (RtkReport *report, JsonObject *object)
{
  RtkCrop crop = {
      .x = get_number (object, "x"),
      .y = get_number (object, "y"),
      .scale = get_number (object, "scale"),
  };
  double width = get_number (object, "out_width");
  double height = get_number (object, "out_height");

  if (!isfinite (crop.x + crop.y) || !(crop.scale > 0.) || !isfinite (crop.scale) ||
      !(width >= 1. && width <= 1e6) || !(height >= 1. && height <= 1e6))
    return;
  crop.out_width = (int)width;
  crop.out_height = (int)height;
  report->crop = crop;
  report->has_crop = TRUE;
}

/**
 * rtk_report_from_json:
 * @node: what rtk_report_to_json() wrote, or one element of `photo check --json`
 * @error: return location for an #RtkError
 *
 * Reads a report. Members and checks that are not known are passed over.
 *
 * Fails with %RTK_ERROR_BAD_MESSAGE when it is not a report.
 *
 * Returns: (transfer full): the report
 */
RtkReport *
rtk_report_from_json (JsonNode *node, GError **error)
{
  g_autoptr (RtkReport) self = NULL;
  JsonObject *object =
      node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  const char *rules = object != NULL ? get_string (object, "rules") : NULL;
  const char *version = object != NULL ? get_string (object, "rules_version") : NULL;
  const char *verdict = object != NULL ? get_string (object, "verdict") : NULL;
  JsonArray  *checks = object != NULL ? get_array (object, "checks") : NULL;
  JsonObject *crop = object != NULL ? get_object (object, "crop") : NULL;
  double      size;

  if (rules == NULL || version == NULL || verdict == NULL || checks == NULL)
    goto bad;
  self = rtk_report_alloc (rules, version);
  if (!rtk_verdict_from_string (verdict, &self->verdict))
    goto bad;
  for (guint i = 0; i < json_array_get_length (checks); i++) {
    if (!read_check (self, json_array_get_element (checks, i)))
      goto bad;
  }
  size = get_number (object, "width");
  self->width = size > 0. && size < 1e6 ? (int)size : 0;
  size = get_number (object, "height");
  self->height = size > 0. && size < 1e6 ? (int)size : 0;
  if (crop != NULL)
    read_crop (self, crop);
  return g_steal_pointer (&self);

bad:
  g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE, "This is not a report on a picture");
  return NULL;
}
