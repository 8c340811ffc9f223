/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-core-resources.h"
#include "core/rtk-error.h"
#include "core/rtk-rule-pack-private.h"

#include <math.h>
#include <string.h>

#define RESOURCE_FOLDER "/io/github/retake_station/Retake/rules/"

G_DEFINE_BOXED_TYPE (RtkRulePack, rtk_rule_pack, rtk_rule_pack_ref, rtk_rule_pack_unref)

static void
background_clear (gpointer data)
{
  RtkBackground *background = data;

  g_free (background->name);
}

static void
rule_free (gpointer data)
{
  RtkRule *rule = data;

  g_free (rule->text);
  for (int i = 0; i < RTK_N_LANGUAGES; i++) {
    g_free (rule->title[i]);
    g_free (rule->advice_low[i]);
    g_free (rule->advice_high[i]);
  }
  g_free (rule);
}

static void
rule_pack_clear (RtkRulePack *self)
{
  g_free (self->id);
  g_free (self->version);
  for (int i = 0; i < RTK_N_LANGUAGES; i++)
    g_free (self->title[i]);
  g_free (self->file_name);
  g_array_unref (self->backgrounds);
  g_ptr_array_unref (self->rules);
}

/* A pack in which nothing stands yet. */
RtkRulePack *
rtk_rule_pack_alloc (void)
{
  RtkRulePack *self = g_atomic_rc_box_new0 (RtkRulePack);

  self->backgrounds = g_array_new (FALSE, TRUE, sizeof (RtkBackground));
  g_array_set_clear_func (self->backgrounds, background_clear);
  self->rules = g_ptr_array_new_with_free_func (rule_free);
  return self;
}

/* The rule of @id, made at the end of the pack when there is none. */
RtkRule *
rtk_rule_pack_add_rule (RtkRulePack *self, RtkCheckId id)
{
  RtkRule *rule = self->by_id[id];

  if (rule != NULL)
    return rule;
  rule = g_new0 (RtkRule, 1);
  rule->id = id;
  rule->min = rule->max = rule->warn_min = rule->warn_max = NAN;
  g_ptr_array_add (self->rules, rule);
  self->by_id[id] = rule;
  return rule;
}

/* Takes the rule of @id out of the pack. */
void
rtk_rule_pack_drop_rule (RtkRulePack *self, RtkCheckId id)
{
  if (self->by_id[id] != NULL)
    g_ptr_array_remove (self->rules, self->by_id[id]);
  self->by_id[id] = NULL;
}

/* A static library's constructors are dropped by the linker, so the resource is registered by hand
 * at first use. */
static void
ensure_resource (void)
{
  static gsize once = 0;

  if (g_once_init_enter (&once)) {
    rtk_core_register_resource ();
    g_once_init_leave (&once, 1);
  }
}

/**
 * rtk_rule_pack_built_in_source:
 * @id: id of a pack
 * @user_data: not used
 * @error: return location for an #RtkError
 *
 * Gives the text of a pack that comes with the program. Any thread.
 *
 * Fails with %RTK_ERROR_NOT_FOUND when there is no such pack.
 *
 * Returns: (transfer full): the bytes of its .ini
 */
GBytes *
rtk_rule_pack_built_in_source (const char *id, gpointer user_data, GError **error)
{
  g_autofree char *path = g_strconcat (RESOURCE_FOLDER, id, ".ini", NULL);
  GBytes          *bytes;

  ensure_resource ();
  bytes = strchr (id, '/') == NULL
              ? g_resources_lookup_data (path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL)
              : NULL;
  if (bytes == NULL)
    g_set_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND, "There is no rule pack “%s”", id);
  return bytes;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

/**
 * rtk_rule_pack_list_built_in:
 *
 * Lists the packs that come with the program. Any thread.
 *
 * Returns: (transfer full): their ids in alphabetical order
 */
char **
rtk_rule_pack_list_built_in (void)
{
  g_auto (GStrv) files = NULL;
  g_autoptr (GPtrArray) ids = g_ptr_array_new ();

  ensure_resource ();
  files = g_resources_enumerate_children (RESOURCE_FOLDER, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  for (gsize i = 0; files != NULL && files[i] != NULL; i++)
    g_ptr_array_add (ids, g_strndup (files[i], strlen (files[i]) - strlen (".ini")));
  g_ptr_array_sort (ids, compare_names);
  g_ptr_array_add (ids, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (&ids), FALSE);
}

/**
 * rtk_rule_pack_load:
 * @id: id of a pack, such as "chsi-diploma"
 * @error: return location for an #RtkError
 *
 * Loads a pack that comes with the program; needs no file. Any thread.
 *
 * Fails with %RTK_ERROR_NOT_FOUND when there is no such pack.
 *
 * Returns: (transfer full): the pack
 */
RtkRulePack *
rtk_rule_pack_load (const char *id, GError **error)
{
  return rtk_rule_pack_parse (id, rtk_rule_pack_built_in_source, NULL, error);
}

/**
 * rtk_rule_pack_ref:
 * @self: a pack
 *
 * Takes one more reference. Any thread.
 *
 * Returns: (transfer full): @self
 */
RtkRulePack *
rtk_rule_pack_ref (RtkRulePack *self)
{
  return g_atomic_rc_box_acquire (self);
}

/**
 * rtk_rule_pack_unref:
 * @self: (transfer full): a pack
 *
 * Gives a reference back. Any thread.
 */
void
rtk_rule_pack_unref (RtkRulePack *self)
{
  g_atomic_rc_box_release_full (self, (GDestroyNotify)rule_pack_clear);
}

/**
 * rtk_rule_pack_get_id:
 * @self: a pack
 *
 * Returns: (transfer none): its id
 */
const char *
rtk_rule_pack_get_id (const RtkRulePack *self)
{
  return self->id;
}

/**
 * rtk_rule_pack_get_version:
 * @self: a pack
 *
 * Returns: (transfer none): its version, as the pack writes it
 */
const char *
rtk_rule_pack_get_version (const RtkRulePack *self)
{
  return self->version;
}

/**
 * rtk_rule_pack_get_title:
 * @self: a pack
 * @language: which language
 *
 * Returns: (transfer none): its name for people
 */
const char *
rtk_rule_pack_get_title (const RtkRulePack *self, RtkLanguage language)
{
  g_return_val_if_fail ((gsize)language < RTK_N_LANGUAGES, NULL);
  return self->title[language];
}

/**
 * rtk_rule_pack_get_width:
 * @self: a pack
 *
 * Returns: width of the finished picture, pixels
 */
int
rtk_rule_pack_get_width (const RtkRulePack *self)
{
  return self->width;
}

/**
 * rtk_rule_pack_get_height:
 * @self: a pack
 *
 * Returns: height of the finished picture, pixels
 */
int
rtk_rule_pack_get_height (const RtkRulePack *self)
{
  return self->height;
}

/**
 * rtk_rule_pack_get_dpi:
 * @self: a pack
 *
 * Returns: dots an inch to be written into the finished file
 */
int
rtk_rule_pack_get_dpi (const RtkRulePack *self)
{
  return self->dpi;
}

/**
 * rtk_rule_pack_get_quality_min:
 * @self: a pack
 *
 * Returns: least JPEG quality, 1..100
 */
int
rtk_rule_pack_get_quality_min (const RtkRulePack *self)
{
  return self->quality_min;
}

/**
 * rtk_rule_pack_get_bytes:
 * @self: a pack
 * @out_min: (out): least size of the file in bytes, 0 = none
 * @out_max: (out): greatest size, 0 = none
 *
 * Gives the window for the size of the finished file.
 */
void
rtk_rule_pack_get_bytes (const RtkRulePack *self, gsize *out_min, gsize *out_max)
{
  *out_min = (gsize)self->bytes_min;
  *out_max = (gsize)self->bytes_max;
}

/**
 * rtk_rule_pack_get_backgrounds:
 * @self: a pack
 * @out_n: (out): how many there are, at least 1
 *
 * Lists the backgrounds that the pack allows, the default first.
 *
 * Returns: (transfer none) (array length=out_n): the backgrounds
 */
const RtkBackground *
rtk_rule_pack_get_backgrounds (const RtkRulePack *self, guint *out_n)
{
  *out_n = self->backgrounds->len;
  return (const RtkBackground *)(gpointer)self->backgrounds->data;
}

/**
 * rtk_rule_pack_find_background:
 * @self: a pack
 * @name: (nullable): name of a background, %NULL for the default
 *
 * Finds an allowed background by its name.
 *
 * Returns: (transfer none) (nullable): the background, %NULL when the pack does not allow it
 */
const RtkBackground *
rtk_rule_pack_find_background (const RtkRulePack *self, const char *name)
{
  for (guint i = 0; i < self->backgrounds->len; i++) {
    const RtkBackground *background = &g_array_index (self->backgrounds, RtkBackground, i);

    if (name == NULL || g_str_equal (background->name, name))
      return background;
  }
  return NULL;
}

/**
 * rtk_rule_pack_get_target_hair_top:
 * @self: a pack
 *
 * Returns: finished pixels from the top edge at which the crop wants the hair to begin
 */
double
rtk_rule_pack_get_target_hair_top (const RtkRulePack *self)
{
  return self->target_hair_top;
}

/**
 * rtk_rule_pack_get_target_eye_line:
 * @self: a pack
 *
 * Returns: finished pixels from the top edge at which the crop wants the eyes
 */
double
rtk_rule_pack_get_target_eye_line (const RtkRulePack *self)
{
  return self->target_eye_line;
}

/**
 * rtk_rule_pack_get_target_face_width:
 * @self: a pack
 *
 * Returns: finished pixels from cheek to cheek that the crop wants
 */
double
rtk_rule_pack_get_target_face_width (const RtkRulePack *self)
{
  return self->target_face_width;
}

/**
 * rtk_rule_pack_get_rule:
 * @self: a pack
 * @id: a check
 *
 * Returns: (transfer none) (nullable): the rule for @id, %NULL when the pack has none
 */
const RtkRule *
rtk_rule_pack_get_rule (const RtkRulePack *self, RtkCheckId id)
{
  g_return_val_if_fail ((gsize)id < RTK_N_CHECKS, NULL);
  return self->by_id[id];
}

/**
 * rtk_rule_pack_get_rules:
 * @self: a pack
 * @out_n: (out): how many there are
 *
 * Returns: (transfer none) (array length=out_n): all rules in pack order: what to mend first comes
 *   first
 */
const RtkRule *const *
rtk_rule_pack_get_rules (const RtkRulePack *self, guint *out_n)
{
  *out_n = self->rules->len;
  return (const RtkRule *const *)self->rules->pdata;
}

/**
 * rtk_rule_pack_format_file_name:
 * @self: a pack
 * @number: what the receiver names files by, such as a student number
 * @error: return location for an #RtkError
 *
 * Makes the name of a delivered file from the pack's template.
 *
 * Fails with %RTK_ERROR_USAGE when @number is empty, longer than 64 bytes, begins with a dot, or
 * holds anything but ASCII letters, digits, dot, hyphen and underscore: a name never leaves its
 * folder and reads the same everywhere.
 *
 * Returns: (transfer full): a base name
 */
char *
rtk_rule_pack_format_file_name (const RtkRulePack *self, const char *number, GError **error)
{
  static const char place[] = "{number}";
  const char       *at = strstr (self->file_name, place);
  gsize             length = strlen (number);
  gboolean          clean = length > 0 && length <= 64 && number[0] != '.';

  for (gsize i = 0; clean && i < length; i++)
    clean = g_ascii_isalnum (number[i]) || strchr ("-_.", number[i]) != NULL;
  if (!clean) {
    /* The number is personal data: it does not go into the message. */
    g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE, "This number cannot be part of a file name");
    return NULL;
  }
  g_return_val_if_fail (at != NULL, NULL);
  return g_strdup_printf ("%.*s%s%s", (int)(at - self->file_name), self->file_name, number,
                          at + strlen (place));
}
