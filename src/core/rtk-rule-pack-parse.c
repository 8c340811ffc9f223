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
read_value (const Source  *source,
            const char    *group,
            const char    *key,
            const Field   *field,
            RtkLanguage    language,
            gpointer       member,
            RtkRuleFaults *faults)
{
  g_autofree char *text = g_key_file_get_string (source->file, group, key, NULL);
  guint64          whole = 0;

  if (text == NULL || *text == '\0')
    return rtk_rule_faults_add (faults, source->id, group, key, "is empty or not UTF-8");
  switch (field->kind) {
  case FIELD_STRING:
    take_string (member, g_steal_pointer (&text));
    return TRUE;
  case FIELD_TEXT:
    take_string ((char **)member + language, g_steal_pointer (&text));
    return TRUE;
  case FIELD_INT:
    if (!g_ascii_string_to_unsigned (text, 10, 0, 100 * 1000 * 1000, &whole, NULL))
      return rtk_rule_faults_add (faults, source->id, group, key, "“%s” is not a whole number",
                                  text);
    *(int *)member = (int)whole;
    return TRUE;
  case FIELD_NUMBER:
    return parse_number (text, member) ||
           rtk_rule_faults_add (faults, source->id, group, key, "“%s” is not a number", text);
  case FIELD_MODE:
    return parse_mode (text, member) ||
           rtk_rule_faults_add (faults, source->id, group, key,
                                "“%s” is not block, advise or confirm", text);
  case FIELD_SKIP:
  default:
    return TRUE;
  }
}

/* "advice" stands for both advice-low and advice-high. */
static gboolean
read_advice (const Source  *source,
             const char    *group,
             const char    *key,
             RtkLanguage    language,
             RtkRule       *rule,
             RtkRuleFaults *faults)
{
  static const Field field = {"advice", FIELD_TEXT, 0};

  return read_value (source, group, key, &field, language, rule->advice_low, faults) &&
         read_value (source, group, key, &field, language, rule->advice_high, faults);
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

static void
read_group (const Source  *source,
            const char    *group,
            const Field   *fields,
            gpointer       base,
            RtkRuleFaults *faults)
{
  g_auto (GStrv) keys = g_key_file_get_keys (source->file, group, NULL, NULL);

  for (gsize i = 0; keys != NULL && keys[i] != NULL; i++) {
    g_autofree char *name = NULL;
    RtkLanguage      language;
    const Field     *field;

    if (!split_key (keys[i], &name, &language)) {
      rtk_rule_faults_add (faults, source->id, group, keys[i], "this language is not known");
      continue;
    }
    if (fields == check_fields && g_str_equal (name, "advice")) {
      read_advice (source, group, keys[i], language, base, faults);
      continue;
    }
    field = find_field (fields, name);
    if (field == NULL || (language != RTK_LANGUAGE_EN && field->kind != FIELD_TEXT))
      rtk_rule_faults_add (faults, source->id, group, keys[i], "this key is not known");
    else
      read_value (source, group, keys[i], field, language, (guint8 *)base + field->offset, faults);
  }
}

static void
read_background (RtkRulePack *pack, const Source *source, const char *group, RtkRuleFaults *faults)
{
  RtkBackground background = {0};
  g_auto (GStrv) keys = g_key_file_get_keys (source->file, group, NULL, NULL);
  g_autofree int *rgb = NULL;
  gsize           n = 0;
  const char     *name = group + strlen ("background ");

  for (gsize i = 0; keys != NULL && keys[i] != NULL; i++) {
    if (!g_str_equal (keys[i], "rgb"))
      rtk_rule_faults_add (faults, source->id, group, keys[i], "this key is not known");
  }
  rgb = g_key_file_get_integer_list (source->file, group, "rgb", &n, NULL);
  if (*name == '\0')
    rtk_rule_faults_add (faults, source->id, group, NULL, "the background has no name");
  for (gsize i = 0; i < n; i++) {
    if (rgb[i] < 0 || rgb[i] > 255)
      n = 0;
  }
  if (n != 3) {
    rtk_rule_faults_add (faults, source->id, group, "rgb",
                         "must be three numbers 0 to 255, as 100;197;255");
    return;
  }
  for (int i = 0; i < 3; i++)
    background.rgb[i] = (guint8)rgb[i];
  background.name = g_strdup (name);
  g_array_append_val (pack->backgrounds, background);
}

static void
read_check (RtkRulePack *pack, const Source *source, const char *group, RtkRuleFaults *faults)
{
  RtkCheckId id;

  if (!rtk_check_id_from_string (group + strlen ("check "), &id)) {
    rtk_rule_faults_add (faults, source->id, group, NULL, "there is no such check");
    return;
  }
  if (g_key_file_has_key (source->file, group, "drop", NULL)) {
    g_auto (GStrv) keys = g_key_file_get_keys (source->file, group, NULL, NULL);

    if (g_strv_length (keys) != 1 || !g_key_file_get_boolean (source->file, group, "drop", NULL))
      rtk_rule_faults_add (faults, source->id, group, "drop", "must be “true” and stand alone");
    else if (pack->by_id[id] == NULL)
      rtk_rule_faults_add (faults, source->id, group, "drop", "no such check is inherited");
    else
      rtk_rule_pack_drop_rule (pack, id);
    return;
  }
  if (pack->by_id[id] == NULL && !g_key_file_has_key (source->file, group, "mode", NULL)) {
    rtk_rule_faults_add (faults, source->id, group, "mode", "is missing");
    return;
  }
  read_group (source, group, check_fields, rtk_rule_pack_add_rule (pack, id), faults);
}

/* Lays one file of the chain over what its parents said. */
static void
apply (RtkRulePack *pack, const Source *source, RtkRuleFaults *faults)
{
  g_auto (GStrv) groups = g_key_file_get_groups (source->file, NULL);
  gboolean backgrounds_begun = FALSE;

  for (gsize i = 0; groups[i] != NULL; i++) {
    const char *group = groups[i];

    if (g_str_equal (group, "pack")) {
      read_group (source, group, pack_fields, pack, faults);
    } else if (g_str_equal (group, "picture")) {
      read_group (source, group, picture_fields, pack, faults);
    } else if (g_str_equal (group, "target")) {
      read_group (source, group, target_fields, pack, faults);
    } else if (g_str_has_prefix (group, "background ")) {
      /* The list is one thing: a pack that names backgrounds names all of them. */
      if (!backgrounds_begun)
        g_array_set_size (pack->backgrounds, 0);
      backgrounds_begun = TRUE;
      read_background (pack, source, group, faults);
    } else if (g_str_has_prefix (group, "check ")) {
      read_check (pack, source, group, faults);
    } else {
      rtk_rule_faults_add (faults, source->id, group, NULL, "this section is not known");
    }
  }
}

/* Reads the file of @id and checks its own [pack] section. Without any file @error says why. */
static GKeyFile *
load_file (const char    *id,
           const char    *child,
           RtkRuleSource  source,
           gpointer       user_data,
           RtkRuleFaults *faults,
           GError       **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) reason = NULL;
  g_autoptr (GBytes) bytes = source (id, user_data, &reason);
  g_autofree char *own_id = NULL;

  if (bytes == NULL && child != NULL) {
    rtk_rule_faults_add (faults, child, "pack", "inherits", "there is no rule pack “%s”", id);
    return NULL;
  }
  if (bytes == NULL) {
    g_propagate_error (error, g_steal_pointer (&reason));
    return NULL;
  }
  rtk_rule_faults_add_text (faults, id, bytes);
  if (!g_key_file_load_from_bytes (file, bytes, G_KEY_FILE_KEEP_TRANSLATIONS, &reason)) {
    rtk_rule_faults_add (faults, id, NULL, NULL, "%s", reason->message);
    return NULL;
  }
  own_id = g_key_file_get_string (file, "pack", "id", NULL);
  if (g_strcmp0 (own_id, id) != 0)
    rtk_rule_faults_add (faults, id, "pack", "id", "must be “%s”", id);
  if (!g_key_file_has_key (file, "pack", "version", NULL))
    rtk_rule_faults_add (faults, id, "pack", "version", "is missing");
  return g_steal_pointer (&file);
}

/* Reads @id and its parents, the youngest first. */
static gboolean
load_chain (const char    *id,
            RtkRuleSource  source,
            gpointer       user_data,
            GPtrArray     *files,
            RtkRuleFaults *faults,
            GError       **error)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *next = g_strdup (id);

  while (next != NULL) {
    const char *child = ids->len > 0 ? g_ptr_array_index (ids, ids->len - 1) : NULL;
    GKeyFile   *file;

    if (g_ptr_array_find_with_equal_func (ids, next, g_str_equal, NULL) || ids->len == MAX_CHAIN) {
      rtk_rule_faults_add (faults, child, "pack", "inherits",
                           "the packs inherit in a circle, or more than %d deep", MAX_CHAIN);
      return FALSE;
    }
    file = load_file (next, child, source, user_data, faults, error);
    if (file == NULL)
      return FALSE;
    g_ptr_array_add (files, file);
    g_ptr_array_add (ids, g_steal_pointer (&next));
    next = g_key_file_get_string (file, "pack", "inherits", NULL);
  }
  return TRUE;
}

/* Reads a pack as far as it goes and collects what is wrong with it; NULL when there is none. */
static RtkRulePack *
read_pack (
    const char *id, RtkRuleSource source, gpointer user_data, RtkRuleFaults *faults, GError **error)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func ((GDestroyNotify)g_key_file_unref);
  RtkRulePack *pack;

  if (!load_chain (id, source, user_data, files, faults, error))
    return NULL;
  pack = rtk_rule_pack_alloc ();
  pack->id = g_strdup (id);
  for (guint i = files->len; i-- > 0;) {
    Source one = {rtk_rule_faults_get_id (faults, i), g_ptr_array_index (files, i)};

    apply (pack, &one, faults);
  }
  rtk_rule_pack_check (pack, faults);
  return pack;
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
 * line, section and key of the first fault, for everything else.
 *
 * Returns: (transfer full): the pack
 */
RtkRulePack *
rtk_rule_pack_parse (const char *id, RtkRuleSource source, gpointer user_data, GError **error)
{
  g_autoptr (RtkRuleFaults) faults = rtk_rule_faults_new ();
  g_autoptr (GError) reason = NULL;
  g_autoptr (RtkRulePack) pack = NULL;
  const char *first;

  g_return_val_if_fail (id != NULL && source != NULL, NULL);

  pack = read_pack (id, source, user_data, faults, &reason);
  first = rtk_rule_faults_get_first (faults);
  if (first == NULL && reason == NULL)
    return g_steal_pointer (&pack);
  if (first != NULL)
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_RULES, "%s: %s", id, first);
  else
    g_propagate_error (error, g_steal_pointer (&reason));
  return NULL;
}

/**
 * rtk_rule_pack_lint:
 * @id: id of a pack
 * @source: finds the text of a pack and of the packs it inherits from
 * @user_data: for @source
 *
 * Looks for everything that is wrong with a pack: keys and sections that are not known, values that
 * cannot be, zones in which no head fits, missing texts. Any thread.
 *
 * Returns: (transfer full): one sentence a fault, with its line; empty when the pack is sound
 */
char **
rtk_rule_pack_lint (const char *id, RtkRuleSource source, gpointer user_data)
{
  g_autoptr (RtkRuleFaults) faults = rtk_rule_faults_new ();
  g_autoptr (GError) reason = NULL;
  g_autoptr (RtkRulePack) pack = NULL;

  g_return_val_if_fail (id != NULL && source != NULL, NULL);

  pack = read_pack (id, source, user_data, faults, &reason);
  if (reason != NULL)
    rtk_rule_faults_add (faults, id, NULL, NULL, "%s", reason->message);
  return rtk_rule_faults_dup_all (faults);
}
