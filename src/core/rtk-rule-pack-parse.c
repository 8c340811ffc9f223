/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-rule-pack-private.h"

#include <math.h>
#include <string.h>

/* Longest chain of inheritance: more is a mistake long before it is a wish. */
#define MAX_CHAIN 8

typedef enum {
  FIELD_SKIP, /* read elsewhere */
  FIELD_STRING,
  FIELD_TEXT, /* one a language: key and key[zh_CN] */
  FIELD_INT,
  FIELD_NUMBER,
  FIELD_MODE,
} FieldKind;

typedef struct {
  const char *key;
  FieldKind   kind;
  gsize       offset; /* into RtkRulePack, or RtkRule for a check */
} Field;

static const Field pack_fields[] = {
    {"id", FIELD_SKIP, 0},
    {"inherits", FIELD_SKIP, 0},
    {"version", FIELD_STRING, G_STRUCT_OFFSET (RtkRulePack, version)},
    {"title", FIELD_TEXT, G_STRUCT_OFFSET (RtkRulePack, title)},
    {"file-name", FIELD_STRING, G_STRUCT_OFFSET (RtkRulePack, file_name)},
    {NULL, 0, 0},
};

static const Field picture_fields[] = {
    {"width", FIELD_INT, G_STRUCT_OFFSET (RtkRulePack, width)},
    {"height", FIELD_INT, G_STRUCT_OFFSET (RtkRulePack, height)},
    {"dpi", FIELD_INT, G_STRUCT_OFFSET (RtkRulePack, dpi)},
    {"quality-min", FIELD_INT, G_STRUCT_OFFSET (RtkRulePack, quality_min)},
    {"bytes-min", FIELD_INT, G_STRUCT_OFFSET (RtkRulePack, bytes_min)},
    {"bytes-max", FIELD_INT, G_STRUCT_OFFSET (RtkRulePack, bytes_max)},
    {NULL, 0, 0},
};

static const Field target_fields[] = {
    {"hair-top", FIELD_NUMBER, G_STRUCT_OFFSET (RtkRulePack, target_hair_top)},
    {"eye-line", FIELD_NUMBER, G_STRUCT_OFFSET (RtkRulePack, target_eye_line)},
    {"face-width", FIELD_NUMBER, G_STRUCT_OFFSET (RtkRulePack, target_face_width)},
    {NULL, 0, 0},
};

static const Field check_fields[] = {
    {"drop", FIELD_SKIP, 0},
    {"mode", FIELD_MODE, G_STRUCT_OFFSET (RtkRule, mode)},
    {"min", FIELD_NUMBER, G_STRUCT_OFFSET (RtkRule, min)},
    {"max", FIELD_NUMBER, G_STRUCT_OFFSET (RtkRule, max)},
    {"warn-min", FIELD_NUMBER, G_STRUCT_OFFSET (RtkRule, warn_min)},
    {"warn-max", FIELD_NUMBER, G_STRUCT_OFFSET (RtkRule, warn_max)},
    {"text", FIELD_STRING, G_STRUCT_OFFSET (RtkRule, text)},
    {"title", FIELD_TEXT, G_STRUCT_OFFSET (RtkRule, title)},
    {"advice-low", FIELD_TEXT, G_STRUCT_OFFSET (RtkRule, advice_low)},
    {"advice-high", FIELD_TEXT, G_STRUCT_OFFSET (RtkRule, advice_high)},
    {NULL, 0, 0},
};

static const char *const languages[RTK_N_LANGUAGES] = {
    [RTK_LANGUAGE_EN] = NULL,
    [RTK_LANGUAGE_ZH_CN] = "zh_CN",
};

/* One file of the chain while it is read. */
typedef struct {
  const char *id;   /* (unowned) */
  GKeyFile   *file; /* (unowned) */
} Source;

G_GNUC_PRINTF (5, 6)
static gboolean
bad (GError **error, const char *id, const char *group, const char *key, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list          arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_RULES, "%s: [%s]%s%s: %s", id, group,
               key != NULL ? " " : "", key != NULL ? key : "", text);
  return FALSE;
}

static gboolean
parse_number (const char *text, double *out_value)
{
  char  *end = NULL;
  double value;

  if (g_str_equal (text, "none")) {
    *out_value = NAN;
    return TRUE;
  }
  value = g_ascii_strtod (text, &end);
  if (end == text || *end != '\0' || !isfinite (value))
    return FALSE;
  *out_value = value;
  return TRUE;
}

static gboolean
parse_mode (const char *text, RtkRuleMode *out_mode)
{
  static const char *const names[] = {
      [RTK_RULE_BLOCK] = "block",
      [RTK_RULE_ADVISE] = "advise",
      [RTK_RULE_CONFIRM] = "confirm",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    if (g_str_equal (text, names[i])) {
      *out_mode = (RtkRuleMode)i;
      return TRUE;
    }
  }
  return FALSE;
}

static void
take_string (char **place, char *value)
{
  g_free (*place);
  *place = value;
}

/* Reads one value into @member, which is of the kind that @field says. */
static gboolean
read_value (const Source *source,
            const char   *group,
            const char   *key,
            const Field  *field,
            RtkLanguage   language,
            gpointer      member,
            GError      **error)
{
  g_autofree char *text = g_key_file_get_string (source->file, group, key, NULL);
  guint64          whole = 0;

  if (text == NULL || *text == '\0')
    return bad (error, source->id, group, key, "is empty or not UTF-8");
  switch (field->kind) {
  case FIELD_STRING:
    take_string (member, g_steal_pointer (&text));
    return TRUE;
  case FIELD_TEXT:
    take_string ((char **)member + language, g_steal_pointer (&text));
    return TRUE;
  case FIELD_INT:
    if (!g_ascii_string_to_unsigned (text, 10, 0, 100 * 1000 * 1000, &whole, NULL))
      return bad (error, source->id, group, key, "“%s” is not a whole number", text);
    *(int *)member = (int)whole;
    return TRUE;
  case FIELD_NUMBER:
    return parse_number (text, member) ||
           bad (error, source->id, group, key, "“%s” is not a number", text);
  case FIELD_MODE:
    return parse_mode (text, member) ||
           bad (error, source->id, group, key, "“%s” is not block, advise or confirm", text);
  case FIELD_SKIP:
  default:
    return TRUE;
  }
}

/* "advice" stands for both advice-low and advice-high. */
static gboolean
read_advice (const Source *source,
             const char   *group,
             const char   *key,
             RtkLanguage   language,
             RtkRule      *rule,
             GError      **error)
{
  static const Field field = {"advice", FIELD_TEXT, 0};

  return read_value (source, group, key, &field, language, rule->advice_low, error) &&
         read_value (source, group, key, &field, language, rule->advice_high, error);
}

/* Splits "title[zh_CN]"; FALSE for a language that we do not have. */
static gboolean
split_key (const char *key, char **out_name, RtkLanguage *out_language)
{
  const char *open = strchr (key, '[');

  *out_language = RTK_LANGUAGE_EN;
  *out_name = open != NULL ? g_strndup (key, (gsize)(open - key)) : g_strdup (key);
  if (open == NULL)
    return TRUE;
  for (int i = 0; i < RTK_N_LANGUAGES; i++) {
    g_autofree char *wanted = g_strdup_printf ("[%s]", languages[i]);

    if (languages[i] != NULL && g_str_equal (open, wanted)) {
      *out_language = (RtkLanguage)i;
      return TRUE;
    }
  }
  return FALSE;
}

static const Field *
find_field (const Field *fields, const char *name)
{
  for (; fields->key != NULL; fields++) {
    if (g_str_equal (fields->key, name))
      return fields;
  }
  return NULL;
}

static gboolean
read_group (
    const Source *source, const char *group, const Field *fields, gpointer base, GError **error)
{
  g_auto (GStrv) keys = g_key_file_get_keys (source->file, group, NULL, NULL);

  for (gsize i = 0; keys != NULL && keys[i] != NULL; i++) {
    g_autofree char *name = NULL;
    RtkLanguage      language;
    const Field     *field;

    if (!split_key (keys[i], &name, &language))
      return bad (error, source->id, group, keys[i], "this language is not known");
    if (fields == check_fields && g_str_equal (name, "advice")) {
      if (!read_advice (source, group, keys[i], language, base, error))
        return FALSE;
      continue;
    }
    field = find_field (fields, name);
    if (field == NULL || (language != RTK_LANGUAGE_EN && field->kind != FIELD_TEXT))
      return bad (error, source->id, group, keys[i], "this key is not known");
    if (!read_value (source, group, keys[i], field, language, (guint8 *)base + field->offset,
                     error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
read_background (RtkRulePack *pack, const Source *source, const char *group, GError **error)
{
  RtkBackground background = {0};
  g_auto (GStrv) keys = g_key_file_get_keys (source->file, group, NULL, NULL);
  g_autofree int *rgb = NULL;
  gsize           n = 0;
  const char     *name = group + strlen ("background ");

  for (gsize i = 0; keys != NULL && keys[i] != NULL; i++) {
    if (!g_str_equal (keys[i], "rgb"))
      return bad (error, source->id, group, keys[i], "this key is not known");
  }
  rgb = g_key_file_get_integer_list (source->file, group, "rgb", &n, NULL);
  if (*name == '\0')
    return bad (error, source->id, group, NULL, "the background has no name");
  for (gsize i = 0; i < n; i++) {
    if (rgb[i] < 0 || rgb[i] > 255)
      n = 0;
  }
  if (n != 3)
    return bad (error, source->id, group, "rgb", "must be three numbers 0 to 255, as 100;197;255");
  for (int i = 0; i < 3; i++)
    background.rgb[i] = (guint8)rgb[i];
  background.name = g_strdup (name);
  g_array_append_val (pack->backgrounds, background);
  return TRUE;
}

static gboolean
read_check (RtkRulePack *pack, const Source *source, const char *group, GError **error)
{
  RtkCheckId id;

  if (!rtk_check_id_from_string (group + strlen ("check "), &id))
    return bad (error, source->id, group, NULL, "there is no such check");
  if (g_key_file_has_key (source->file, group, "drop", NULL)) {
    g_auto (GStrv) keys = g_key_file_get_keys (source->file, group, NULL, NULL);

    if (g_strv_length (keys) != 1 || !g_key_file_get_boolean (source->file, group, "drop", NULL))
      return bad (error, source->id, group, "drop", "must be “true” and stand alone");
    if (pack->by_id[id] == NULL)
      return bad (error, source->id, group, "drop", "no such check is inherited");
    rtk_rule_pack_drop_rule (pack, id);
    return TRUE;
  }
  if (pack->by_id[id] == NULL && !g_key_file_has_key (source->file, group, "mode", NULL))
    return bad (error, source->id, group, "mode", "is missing");
  return read_group (source, group, check_fields, rtk_rule_pack_add_rule (pack, id), error);
}

/* Lays one file of the chain over what its parents said. */
static gboolean
apply (RtkRulePack *pack, const Source *source, GError **error)
{
  g_auto (GStrv) groups = g_key_file_get_groups (source->file, NULL);
  gboolean backgrounds_begun = FALSE;

  for (gsize i = 0; groups[i] != NULL; i++) {
    const char *group = groups[i];
    gboolean    fine;

    if (g_str_equal (group, "pack")) {
      fine = read_group (source, group, pack_fields, pack, error);
    } else if (g_str_equal (group, "picture")) {
      fine = read_group (source, group, picture_fields, pack, error);
    } else if (g_str_equal (group, "target")) {
      fine = read_group (source, group, target_fields, pack, error);
    } else if (g_str_has_prefix (group, "background ")) {
      /* The list is one thing: a pack that names backgrounds names all of them. */
      if (!backgrounds_begun)
        g_array_set_size (pack->backgrounds, 0);
      backgrounds_begun = TRUE;
      fine = read_background (pack, source, group, error);
    } else if (g_str_has_prefix (group, "check ")) {
      fine = read_check (pack, source, group, error);
    } else {
      fine = bad (error, source->id, group, NULL, "this section is not known");
    }
    if (!fine)
      return FALSE;
  }
  return TRUE;
}

/* Rules on the file take their limits from [picture], where the pack says them once. */
static void
fill_file_limits (RtkRulePack *pack)
{
  const struct {
    RtkCheckId id;
    double     min;
    double     max;
  } limits[] = {
      {RTK_CHECK_FILE_WIDTH, pack->width, pack->width},
      {RTK_CHECK_FILE_HEIGHT, pack->height, pack->height},
      {RTK_CHECK_FILE_DPI, pack->dpi, pack->dpi},
      {RTK_CHECK_FILE_BYTES, pack->bytes_min, pack->bytes_max > 0 ? pack->bytes_max : NAN},
      {RTK_CHECK_FILE_QUALITY, pack->quality_min, NAN},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (limits); i++) {
    RtkRule *rule = pack->by_id[limits[i].id];

    if (rule == NULL || rule->mode == RTK_RULE_CONFIRM)
      continue;
    if (isnan (rule->min) && isnan (rule->max)) {
      rule->min = limits[i].min;
      rule->max = limits[i].max;
    }
  }
}

/* Facts of the file and zones of the crop are known for sure, or not at all. */
static gboolean
is_exact (RtkCheckId id)
{
  return id <= RTK_CHECK_FILE_NAME ||
         (id >= RTK_CHECK_GEOMETRY_CENTRE && id <= RTK_CHECK_GEOMETRY_SHOULDERS_WHOLE);
}

static gboolean
validate_limits (const RtkRulePack *pack, const RtkRule *rule, const char *group, GError **error)
{
  gboolean words = rule->id == RTK_CHECK_FILE_FORMAT || rule->id == RTK_CHECK_FILE_NAME;
  gboolean limited = !isnan (rule->min) || !isnan (rule->max) || !isnan (rule->warn_min) ||
                     !isnan (rule->warn_max);

  if (rule->min > rule->max)
    return bad (error, pack->id, group, "min", "lies above max");
  if (rule->warn_min > rule->warn_max)
    return bad (error, pack->id, group, "warn-min", "lies above warn-max");
  if (rule->warn_min < rule->min || rule->warn_min > rule->max)
    return bad (error, pack->id, group, "warn-min", "lies outside min and max");
  if (rule->warn_max > rule->max || rule->warn_max < rule->min)
    return bad (error, pack->id, group, "warn-max", "lies outside min and max");
  if (rule->mode == RTK_RULE_CONFIRM && limited && is_exact (rule->id))
    return bad (error, pack->id, group, "mode", "what is counted in pixels or bytes has no doubt");
  if (words != (rule->text != NULL))
    return bad (error, pack->id, group, "text",
                words ? "is missing" : "belongs to file.format and file.name only");
  if (rule->mode != RTK_RULE_CONFIRM && !limited && !words)
    return bad (error, pack->id, group, "min", "a rule that is measured needs a limit");
  return TRUE;
}

static gboolean
validate_texts (const RtkRulePack *pack, const RtkRule *rule, const char *group, GError **error)
{
  gboolean low = !isnan (rule->min) || !isnan (rule->warn_min);
  gboolean high = !isnan (rule->max) || !isnan (rule->warn_max);

  /* With no limits (words, confirm) the advice for "too low" is the one that is shown. */
  low = low || !high;
  for (int i = 0; i < RTK_N_LANGUAGES; i++) {
    g_autofree char *suffix = languages[i] != NULL ? g_strdup_printf ("[%s]", languages[i]) : NULL;
    const struct {
      const char *key;
      gboolean    missing;
    } texts[] = {
        {"title", rule->title[i] == NULL},
        {"advice-low", low && rule->advice_low[i] == NULL},
        {"advice-high", high && rule->advice_high[i] == NULL},
    };

    for (gsize j = 0; j < G_N_ELEMENTS (texts); j++) {
      g_autofree char *key = g_strconcat (texts[j].key, suffix, NULL);

      if (texts[j].missing)
        return bad (error, pack->id, group, key, "is missing");
    }
  }
  return TRUE;
}

/* A zone must lie inside the finished picture and hold the target, or no crop could be legal. */
static gboolean
validate_zone (const RtkRulePack *pack, RtkCheckId id, double size, double target, GError **error)
{
  const RtkRule   *rule = pack->by_id[id];
  g_autofree char *group = g_strdup_printf ("check %s", rtk_check_id_to_string (id));

  if (!(target > 0. && target < size))
    return bad (error, pack->id, "target", NULL, "lies outside the picture for %s",
                rtk_check_id_to_string (id));
  if (rule == NULL || rule->mode == RTK_RULE_CONFIRM)
    return TRUE;
  if (rule->min < 0. || rule->min > size)
    return bad (error, pack->id, group, "min", "lies outside the picture");
  if (rule->max < 0. || rule->max > size)
    return bad (error, pack->id, group, "max", "lies outside the picture");
  if (target < rule->min || target > rule->max)
    return bad (error, pack->id, group, target < rule->min ? "min" : "max",
                "the zone does not hold the target %g", target);
  return TRUE;
}

static gboolean
validate_pack (const RtkRulePack *pack, GError **error)
{
  static const char place[] = "{number}";
  const char       *at;

  for (int i = 0; i < RTK_N_LANGUAGES; i++) {
    if (pack->title[i] == NULL)
      return bad (error, pack->id, "pack", languages[i] != NULL ? "title[zh_CN]" : "title",
                  "is missing");
  }
  if (pack->version == NULL)
    return bad (error, pack->id, "pack", "version", "is missing");
  at = pack->file_name != NULL ? strstr (pack->file_name, place) : NULL;
  if (at == NULL || strstr (at + 1, place) != NULL || strchr (pack->file_name, '/') != NULL)
    return bad (error, pack->id, "pack", "file-name", "must hold {number} once and no slash");
  if (pack->width < 16 || pack->width > 10000)
    return bad (error, pack->id, "picture", "width", "must be 16 to 10000");
  if (pack->height < 16 || pack->height > 10000)
    return bad (error, pack->id, "picture", "height", "must be 16 to 10000");
  if (pack->dpi < 1 || pack->dpi > 65535)
    return bad (error, pack->id, "picture", "dpi", "must be 1 to 65535");
  if (pack->quality_min < 1 || pack->quality_min > 100)
    return bad (error, pack->id, "picture", "quality-min", "must be 1 to 100");
  if (pack->bytes_max > 0 && pack->bytes_min > pack->bytes_max)
    return bad (error, pack->id, "picture", "bytes-min", "lies above bytes-max");
  if (pack->backgrounds->len == 0)
    return bad (error, pack->id, "background NAME", "rgb", "there is no background");
  return TRUE;
}

static gboolean
validate (RtkRulePack *pack, GError **error)
{
  if (!validate_pack (pack, error))
    return FALSE;
  fill_file_limits (pack);
  for (guint i = 0; i < pack->rules->len; i++) {
    const RtkRule   *rule = g_ptr_array_index (pack->rules, i);
    g_autofree char *group = g_strdup_printf ("check %s", rtk_check_id_to_string (rule->id));

    if (!validate_limits (pack, rule, group, error) || !validate_texts (pack, rule, group, error))
      return FALSE;
  }
  if (!validate_zone (pack, RTK_CHECK_GEOMETRY_HAIR_TOP, pack->height, pack->target_hair_top,
                      error) ||
      !validate_zone (pack, RTK_CHECK_GEOMETRY_EYE_LINE, pack->height, pack->target_eye_line,
                      error) ||
      !validate_zone (pack, RTK_CHECK_GEOMETRY_FACE_WIDTH, pack->width, pack->target_face_width,
                      error) ||
      !validate_zone (pack, RTK_CHECK_GEOMETRY_CENTRE, pack->width, pack->width / 2., error))
    return FALSE;
  if (pack->target_hair_top >= pack->target_eye_line)
    return bad (error, pack->id, "target", "hair-top", "must lie above the eyes");
  return TRUE;
}

/* Reads the file of @id and checks its own [pack] section. */
static GKeyFile *
load_file (
    const char *id, const char *child, RtkRuleSource source, gpointer user_data, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) reason = NULL;
  g_autoptr (GBytes) bytes = source (id, user_data, &reason);
  g_autofree char *own_id = NULL;

  if (bytes == NULL && child != NULL) {
    bad (error, child, "pack", "inherits", "there is no rule pack “%s”", id);
    return NULL;
  }
  if (bytes == NULL) {
    g_propagate_error (error, g_steal_pointer (&reason));
    return NULL;
  }
  if (!g_key_file_load_from_bytes (file, bytes, G_KEY_FILE_KEEP_TRANSLATIONS, &reason)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_RULES, "%s: %s", id, reason->message);
    return NULL;
  }
  own_id = g_key_file_get_string (file, "pack", "id", NULL);
  if (g_strcmp0 (own_id, id) != 0) {
    bad (error, id, "pack", "id", "must be “%s”", id);
    return NULL;
  }
  if (!g_key_file_has_key (file, "pack", "version", NULL)) {
    bad (error, id, "pack", "version", "is missing");
    return NULL;
  }
  return g_steal_pointer (&file);
}

/* Reads @id and its parents, the youngest first. */
static gboolean
load_chain (const char   *id,
            RtkRuleSource source,
            gpointer      user_data,
            GPtrArray    *ids,
            GPtrArray    *files,
            GError      **error)
{
  g_autofree char *next = g_strdup (id);

  while (next != NULL) {
    const char *child = ids->len > 0 ? g_ptr_array_index (ids, ids->len - 1) : NULL;
    GKeyFile   *file;

    if (g_ptr_array_find_with_equal_func (ids, next, g_str_equal, NULL) || ids->len == MAX_CHAIN)
      return bad (error, child, "pack", "inherits",
                  "the packs inherit in a circle, or more than %d deep", MAX_CHAIN);
    file = load_file (next, child, source, user_data, error);
    if (file == NULL)
      return FALSE;
    g_ptr_array_add (files, file);
    g_ptr_array_add (ids, g_steal_pointer (&next));
    next = g_key_file_get_string (file, "pack", "inherits", NULL);
  }
  return TRUE;
}

/**
 * rtk_rule_pack_parse:
 * @id: id of a pack
 * @source: finds the text of a pack and of the packs it inherits from
 * @user_data: for @source
 * @error: return location for an #RtkError
 *
 * Reads a pack, its parents first, and checks that it can be used.
 *
 * The format is described in docs/rules.md. A child overrides single keys, may drop a check, and
 * replaces the list of backgrounds when it names any. Any thread.
 * Fails with what @source says when it has no @id, and with %RTK_ERROR_BAD_RULES, naming pack,
 * section and key, for everything else.
 *
 * Returns: (transfer full): the pack
 */
RtkRulePack *
rtk_rule_pack_parse (const char *id, RtkRuleSource source, gpointer user_data, GError **error)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func ((GDestroyNotify)g_key_file_unref);
  g_autoptr (RtkRulePack) pack = NULL;

  g_return_val_if_fail (id != NULL && source != NULL, NULL);

  if (!load_chain (id, source, user_data, ids, files, error))
    return NULL;
  pack = rtk_rule_pack_alloc ();
  pack->id = g_strdup (id);
  for (guint i = files->len; i-- > 0;) {
    Source one = {g_ptr_array_index (ids, i), g_ptr_array_index (files, i)};

    if (!apply (pack, &one, error))
      return NULL;
  }
  if (!validate (pack, error))
    return NULL;
  return g_steal_pointer (&pack);
}
