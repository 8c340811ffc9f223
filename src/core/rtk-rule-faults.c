/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-rule-pack-private.h"

#include <string.h>

/* One file of the chain, for the lines of what is wrong in it. */
typedef struct {
  char  *id;    /* (owned) */
  char **lines; /* (owned) */
} Text;

struct _RtkRuleFaults {
  GPtrArray *texts;     /* (owned) (element-type Text), the youngest first */
  GPtrArray *sentences; /* (owned) (element-type utf8) */
};

static void
text_free (gpointer data)
{
  Text *text = data;

  g_free (text->id);
  g_strfreev (text->lines);
  g_free (text);
}

RtkRuleFaults *
rtk_rule_faults_new (void)
{
  RtkRuleFaults *self = g_new0 (RtkRuleFaults, 1);

  self->texts = g_ptr_array_new_with_free_func (text_free);
  self->sentences = g_ptr_array_new_with_free_func (g_free);
  return self;
}

void
rtk_rule_faults_free (RtkRuleFaults *self)
{
  g_ptr_array_unref (self->texts);
  g_ptr_array_unref (self->sentences);
  g_free (self);
}

/* Remembers the text of the next older file of the chain. */
void
rtk_rule_faults_add_text (RtkRuleFaults *self, const char *id, GBytes *bytes)
{
  Text       *text = g_new0 (Text, 1);
  gsize       size;
  const char *data = g_bytes_get_data (bytes, &size);
  /* Empty bytes may have no address at all. */
  g_autofree char *copy = size > 0 ? g_strndup (data, size) : g_strdup ("");

  text->id = g_strdup (id);
  text->lines = g_strsplit (copy, "\n", -1);
  g_ptr_array_add (self->texts, text);
}

/* Id of the file at @index of the chain, the youngest first. */
const char *
rtk_rule_faults_get_id (const RtkRuleFaults *self, guint index)
{
  return ((const Text *)g_ptr_array_index (self->texts, index))->id;
}

/* Whether @line is that of @key. */
static gboolean
is_key (const char *line, const char *key)
{
  gsize n = strlen (key);

  if (!g_str_has_prefix (line, key))
    return FALSE;
  line += n;
  while (*line == ' ' || *line == '\t')
    line++;
  return *line == '=';
}

/* Whether GKeyFile can make nothing of @line. */
static gboolean
is_broken (const char *line)
{
  return *line != '\0' && *line != '#' && *line != '\r' &&
         (*line == '[' ? strchr (line, ']') == NULL : strchr (line, '=') == NULL);
}

/* The line, from 1, of @key in @group; of the group when there is no such key; of the first broken
 * line when there is no group; 0 when nothing is found. *out_exact: whether the key was. */
static guint
find_line (const Text *text, const char *group, const char *key, gboolean *out_exact)
{
  g_autofree char *header = group != NULL ? g_strdup_printf ("[%s]", group) : NULL;
  gboolean         inside = FALSE;
  guint            found = 0;

  *out_exact = FALSE;
  for (guint i = 0; text->lines[i] != NULL; i++) {
    const char *line = text->lines[i];

    if (header == NULL && is_broken (line))
      return i + 1;
    if (*line == '[') {
      inside = header != NULL && g_str_has_prefix (line, header);
      found = inside ? i + 1 : found;
    } else if (inside && key != NULL && is_key (line, key)) {
      *out_exact = TRUE;
      return i + 1;
    }
  }
  return found;
}

/* Where @key of @group stands: the file of @id, when it has the key; else the youngest that has it,
 * else the youngest with the group. */
static const Text *
find_place (
    const RtkRuleFaults *self, const char *id, const char *group, const char *key, guint *out_line)
{
  const Text *best = NULL;

  for (guint i = 0; i < self->texts->len; i++) {
    const Text *text = g_ptr_array_index (self->texts, i);
    gboolean    exact;

    *out_line = find_line (text, group, key, &exact);
    if (exact && g_str_equal (text->id, id))
      return text;
  }
  *out_line = 0;
  for (guint i = 0; i < self->texts->len; i++) {
    const Text *text = g_ptr_array_index (self->texts, i);
    gboolean    exact;
    guint       line = find_line (text, group, key, &exact);

    if (line > 0 && (exact || best == NULL)) {
      best = text;
      *out_line = line;
    }
    if (exact)
      break;
  }
  return best;
}

/* Adds a sentence: the line, in @id or in the parent that says it, section, key, what is wrong.
 * Without @group it is about the file. Always FALSE. */
gboolean
rtk_rule_faults_add (RtkRuleFaults *self,
                     const char    *id,
                     const char    *group,
                     const char    *key,
                     const char    *format,
                     ...)
{
  g_autofree char *what = NULL;
  GString         *sentence = g_string_new (NULL);
  const Text      *text;
  guint            line;
  va_list          arguments;

  va_start (arguments, format);
  what = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  text = find_place (self, id, group, key, &line);
  if (text != NULL)
    g_string_append_printf (sentence, "line %u", line);
  if (text != NULL && text != g_ptr_array_index (self->texts, 0))
    g_string_append_printf (sentence, " of %s", text->id);
  if (group != NULL)
    g_string_append_printf (sentence, "%s[%s]%s%s", sentence->len > 0 ? ": " : "", group,
                            key != NULL ? " " : "", key != NULL ? key : "");
  g_string_append_printf (sentence, "%s%s", sentence->len > 0 ? ": " : "", what);
  g_ptr_array_add (self->sentences, g_string_free (sentence, FALSE));
  return FALSE;
}

const char *
rtk_rule_faults_get_first (const RtkRuleFaults *self)
{
  return self->sentences->len > 0 ? g_ptr_array_index (self->sentences, 0) : NULL;
}

char **
rtk_rule_faults_dup_all (const RtkRuleFaults *self)
{
  char **all = g_new0 (char *, self->sentences->len + 1);

  for (guint i = 0; i < self->sentences->len; i++)
    all[i] = g_strdup (g_ptr_array_index (self->sentences, i));
  return all;
}
