/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-json.h"

#include "core/rtk-clock.h"
#include "core/rtk-error.h"

#include <string.h>

/* Deeper than anything the protocol has; keeps hostile nesting from the stack. */
#define MAX_DEPTH 32
/* Beyond it, readers that keep numbers as doubles lose digits. */
#define MAX_INTEGER (G_GINT64_CONSTANT (1) << 53)

static void
set_wrong (GError **error, const char *member, const char *wanted)
{
  g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE, "The member “%s” is not %s.", member,
               wanted);
}

static gsize
skip_digits (const char *text, gsize length, gsize i)
{
  while (i < length && g_ascii_isdigit (text[i]))
    i++;
  return i;
}

/* A number of RFC 8259; a whole one must fit 64 bits, as json-glib wraps it around silently. */
static gboolean
is_number (const char *text, gsize length)
{
  char  whole[24] = "";
  gsize i = length > 0 && text[0] == '-' ? 1 : 0;
  gsize from;

  if (i >= length || !g_ascii_isdigit (text[i]))
    return FALSE;
  i = text[i] == '0' ? i + 1 : skip_digits (text, length, i);
  if (i == length) {
    memcpy (whole, text, MIN (length, sizeof whole - 1));
    return length < sizeof whole &&
           g_ascii_string_to_signed (whole, 10, G_MININT64, G_MAXINT64, NULL, NULL);
  }
  if (text[i] == '.') {
    from = i + 1;
    i = skip_digits (text, length, from);
    if (i == from)
      return FALSE;
  }
  if (i < length && (text[i] == 'e' || text[i] == 'E')) {
    from = i + 1;
    from += from < length && (text[from] == '+' || text[from] == '-');
    i = skip_digits (text, length, from);
    if (i == from)
      return FALSE;
  }
  return i == length;
}

/* Whether the text at @from, up to what can end a value, is a number or a word of RFC 8259;
 * @out_end: (out): behind it. */
static gboolean
is_scalar (const char *text, gsize length, gsize from, gsize *out_end)
{
  static const char *const words[] = {"true", "false", "null"};
  gsize                    end = from;

  while (end < length && (g_ascii_isalnum (text[end]) || strchr ("+-.", text[end]) != NULL))
    end++;
  *out_end = end;
  for (guint w = 0; w < G_N_ELEMENTS (words); w++)
    if (end - from == strlen (words[w]) && memcmp (text + from, words[w], end - from) == 0)
      return TRUE;
  return is_number (text + from, end - from);
}

/* The value of the four digits of an escape; -1 when they are not. */
static int
read_escape (const char *text, gsize length, gsize at)
{
  int value = 0;

  if (length - at < 6 || text[at] != '\\' || text[at + 1] != 'u')
    return -1;
  for (gsize i = at + 2; i < at + 6; i++) {
    if (!g_ascii_isxdigit (text[i]))
      return -1;
    value = value * 16 + g_ascii_xdigit_value (text[i]);
  }
  return value;
}

/* Whether a string begins at @from that has neither raw control characters, nor escapes that are
 * none, nor halves of characters, nor the zero that ends a string in C; @out_end: (out): behind
 * it. */
static gboolean
is_string (const char *text, gsize length, gsize from, gsize *out_end)
{
  for (gsize i = from + 1; i < length; i++) {
    if (text[i] == '"') {
      *out_end = i + 1;
      return TRUE;
    }
    if ((guchar)text[i] < 0x20)
      return FALSE;
    if (text[i] != '\\')
      continue;
    if (i + 1 < length && text[i + 1] == 'u') {
      int unit = read_escape (text, length, i);

      if (unit <= 0 || (unit >= 0xdc00 && unit <= 0xdfff))
        return FALSE;
      i += 5;
      if (unit >= 0xd800 && unit <= 0xdbff) {
        int low = i + 1 < length ? read_escape (text, length, i + 1) : -1;

        if (low < 0xdc00 || low > 0xdfff)
          return FALSE;
        i += 6;
      }
    } else if (i + 1 >= length || text[i + 1] == '\0' ||
               strchr ("\"\\/bfnrt", text[i + 1]) == NULL) {
      return FALSE;
    } else {
      i++;
    }
  }
  return FALSE;
}

/* json-glib is lenient (comments, quotes of both kinds, numbers of other languages, several values
 * in a row) and its parser recurses. What is not RFC 8259, or too deep, is refused before it runs.
 * @out_members: (out): how many colons there are outside strings */
static gboolean
is_one_shallow_object (const char *text, gsize length, gsize *out_members)
{
  int      depth = 0;
  gboolean ended = FALSE;

  *out_members = 0;
  for (gsize i = 0; i < length;) {
    char c = text[i];

    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      i++;
      continue;
    }
    if (ended || (depth == 0 && c != '{'))
      return FALSE;
    if (c == '"') {
      if (!is_string (text, length, i, &i))
        return FALSE;
    } else if (c != '\0' && strchr ("{}[]:,", c) != NULL) {
      *out_members += c == ':';
      if ((c == '{' || c == '[') && ++depth > MAX_DEPTH)
        return FALSE;
      if (c == '}' || c == ']')
        ended = --depth == 0;
      i++;
    } else if (!is_scalar (text, length, i, &i)) {
      return FALSE;
    }
  }
  return ended;
}

/* A member that stands twice means one thing to one reader and another to the next: json-glib keeps
 * one of them, so fewer are counted than the text has. */
static gsize
count_members (JsonNode *node)
{
  gsize n = 0;

  if (JSON_NODE_HOLDS_OBJECT (node)) {
    JsonObjectIter iter;
    JsonNode      *child;

    json_object_iter_init (&iter, json_node_get_object (node));
    while (json_object_iter_next (&iter, NULL, &child))
      n += 1 + count_members (child);
  } else if (JSON_NODE_HOLDS_ARRAY (node)) {
    JsonArray *array = json_node_get_array (node);

    for (guint i = 0; i < json_array_get_length (array); i++)
      n += count_members (json_array_get_element (array, i));
  }
  return n;
}

/**
 * rtk_json_parse_object:
 * @text: UTF-8, not necessarily ended by zero
 * @length: bytes, or -1 when ended by zero
 * @error: return location for %RTK_ERROR_BAD_MESSAGE
 *
 * Reads one JSON object of RFC 8259, nested at most 32 deep, each member once, without the zero
 * character.
 *
 * Returns: (transfer full): the object
 */
JsonObject *
rtk_json_parse_object (const char *text, gssize length, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (GError) parse_error = NULL;
  gsize       size = length < 0 ? strlen (text) : (gsize)length;
  gsize       n_members = 0;
  JsonObject *object;

  if (!g_utf8_validate_len (text, size, NULL) || !is_one_shallow_object (text, size, &n_members)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                 "This is not JSON in UTF-8, or it is nested too deep.");
    return NULL;
  }
  if (!json_parser_load_from_data (parser, text, (gssize)size, &parse_error)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE, "This is not JSON.");
    return NULL;
  }
  if (count_members (json_parser_get_root (parser)) != n_members) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                 "A member of this JSON stands more than once.");
    return NULL;
  }
  object = rtk_json_node_get_object (json_parser_get_root (parser), error);
  return object != NULL ? json_object_ref (object) : NULL;
}

/**
 * rtk_json_node_get_object:
 * @node: (nullable): a node
 * @error: return location for %RTK_ERROR_BAD_MESSAGE
 *
 * Returns: (transfer none) (nullable): the object in @node
 */
JsonObject *
rtk_json_node_get_object (JsonNode *node, GError **error)
{
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE, "This is not a JSON object.");
    return NULL;
  }
  return json_node_get_object (node);
}

static JsonNode *
get_value (JsonObject *object, const char *member, GType type)
{
  JsonNode *node = json_object_get_member (object, member);

  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != type)
    return NULL;
  return node;
}

/**
 * rtk_json_get_string:
 * @object: an object
 * @member: name of a member that must be there
 * @error: return location for %RTK_ERROR_BAD_MESSAGE
 *
 * Returns: (transfer none) (nullable): the text
 */
const char *
rtk_json_get_string (JsonObject *object, const char *member, GError **error)
{
  JsonNode *node = get_value (object, member, G_TYPE_STRING);

  if (node == NULL) {
    set_wrong (error, member, "a text");
    return NULL;
  }
  return json_node_get_string (node);
}

/**
 * rtk_json_get_optional_string:
 * @object: an object
 * @member: name of a member that may be missing or null
 * @out_text: (out) (transfer none) (nullable): the text
 * @error: return location for %RTK_ERROR_BAD_MESSAGE
 *
 * Returns: %FALSE when the member is there but neither a text nor null
 */
gboolean
rtk_json_get_optional_string (JsonObject  *object,
                              const char  *member,
                              const char **out_text,
                              GError     **error)
{
  *out_text = NULL;
  if (!json_object_has_member (object, member) || json_object_get_null_member (object, member))
    return TRUE;
  *out_text = rtk_json_get_string (object, member, error);
  return *out_text != NULL;
}

/**
 * rtk_json_get_int:
 * @object: an object
 * @member: name of a member that must be there
 * @out_value: (out): its value
 * @error: return location for %RTK_ERROR_BAD_MESSAGE
 *
 * Returns: whether it is a whole number
 */
gboolean
rtk_json_get_int (JsonObject *object, const char *member, gint64 *out_value, GError **error)
{
  JsonNode *node = get_value (object, member, G_TYPE_INT64);

  if (node == NULL) {
    set_wrong (error, member, "a whole number");
    return FALSE;
  }
  *out_value = json_node_get_int (node);
  return TRUE;
}

/**
 * rtk_json_get_bool:
 * @object: an object
 * @member: name of a member that must be there
 * @out_value: (out): its value
 * @error: return location for %RTK_ERROR_BAD_MESSAGE
 *
 * Returns: whether it is true or false
 */
gboolean
rtk_json_get_bool (JsonObject *object, const char *member, gboolean *out_value, GError **error)
{
  JsonNode *node = get_value (object, member, G_TYPE_BOOLEAN);

  if (node == NULL) {
    set_wrong (error, member, "true or false");
    return FALSE;
  }
  *out_value = json_node_get_boolean (node);
  return TRUE;
}

/**
 * rtk_json_get_time:
 * @object: an object
 * @member: name of a member that must be there
 * @out_value: (out): microseconds since 1970 UTC
 * @error: return location for %RTK_ERROR_BAD_MESSAGE
 *
 * Returns: whether it is an RFC 3339 time
 */
gboolean
rtk_json_get_time (JsonObject *object, const char *member, gint64 *out_value, GError **error)
{
  const char *text = rtk_json_get_string (object, member, error);

  if (text == NULL)
    return FALSE;
  if (!rtk_time_parse (text, out_value)) {
    set_wrong (error, member, "a time");
    return FALSE;
  }
  return TRUE;
}

/**
 * rtk_json_get_object:
 * @object: an object
 * @member: name of a member that must be there
 * @error: return location for %RTK_ERROR_BAD_MESSAGE
 *
 * Returns: (transfer none) (nullable): the object
 */
JsonObject *
rtk_json_get_object (JsonObject *object, const char *member, GError **error)
{
  JsonNode *node = json_object_get_member (object, member);

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node)) {
    set_wrong (error, member, "an object");
    return NULL;
  }
  return json_node_get_object (node);
}

/**
 * rtk_json_get_array:
 * @object: an object
 * @member: name of a member that must be there
 * @error: return location for %RTK_ERROR_BAD_MESSAGE
 *
 * Returns: (transfer none) (nullable): the array
 */
JsonArray *
rtk_json_get_array (JsonObject *object, const char *member, GError **error)
{
  JsonNode *node = json_object_get_member (object, member);

  if (node == NULL || !JSON_NODE_HOLDS_ARRAY (node)) {
    set_wrong (error, member, "a list");
    return NULL;
  }
  return json_node_get_array (node);
}

/* RFC 8785, section 3.2.2.2: only what must be escaped is. */
static void
append_string (GString *out, const char *text)
{
  g_string_append_c (out, '"');
  for (const char *p = text; *p != '\0'; p++) {
    guchar c = (guchar)*p;

    switch (c) {
    case '"':
      g_string_append (out, "\\\"");
      break;
    case '\\':
      g_string_append (out, "\\\\");
      break;
    case '\b':
      g_string_append (out, "\\b");
      break;
    case '\t':
      g_string_append (out, "\\t");
      break;
    case '\n':
      g_string_append (out, "\\n");
      break;
    case '\f':
      g_string_append (out, "\\f");
      break;
    case '\r':
      g_string_append (out, "\\r");
      break;
    default:
      if (c < 0x20)
        g_string_append_printf (out, "\\u%04x", c);
      else
        g_string_append_c (out, (char)c);
    }
  }
  g_string_append_c (out, '"');
}

/* RFC 8785 sorts by UTF-16 code units. Our member names are ASCII, where bytes sort the same. */
static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (a, b);
}

static gboolean append_node (GString *out, JsonNode *node, int depth, GError **error);

static gboolean
append_object (GString *out, JsonObject *object, int depth, GError **error)
{
  g_autoptr (GList) names = g_list_sort (json_object_get_members (object), compare_names);

  g_string_append_c (out, '{');
  for (GList *l = names; l != NULL; l = l->next) {
    if (l != names)
      g_string_append_c (out, ',');
    append_string (out, l->data);
    g_string_append_c (out, ':');
    if (!append_node (out, json_object_get_member (object, l->data), depth + 1, error))
      return FALSE;
  }
  g_string_append_c (out, '}');
  return TRUE;
}

static gboolean
append_value (GString *out, JsonNode *node, GError **error)
{
  GType type = json_node_get_value_type (node);

  if (type == G_TYPE_STRING) {
    append_string (out, json_node_get_string (node));
  } else if (type == G_TYPE_BOOLEAN) {
    g_string_append (out, json_node_get_boolean (node) ? "true" : "false");
  } else if (type == G_TYPE_INT64) {
    gint64 value = json_node_get_int (node);

    if (value > MAX_INTEGER || value < -MAX_INTEGER) {
      g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE, "A number is too large to be signed.");
      return FALSE;
    }
    g_string_append_printf (out, "%" G_GINT64_FORMAT, value);
  } else {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                 "Only texts, whole numbers, true, false and null can be signed.");
    return FALSE;
  }
  return TRUE;
}

static gboolean
append_node (GString *out, JsonNode *node, int depth, GError **error)
{
  if (depth > MAX_DEPTH) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE, "This is nested too deep to be signed.");
    return FALSE;
  }
  switch (json_node_get_node_type (node)) {
  case JSON_NODE_OBJECT:
    return append_object (out, json_node_get_object (node), depth, error);
  case JSON_NODE_ARRAY: {
    JsonArray *array = json_node_get_array (node);

    g_string_append_c (out, '[');
    for (guint i = 0; i < json_array_get_length (array); i++) {
      if (i > 0)
        g_string_append_c (out, ',');
      if (!append_node (out, json_array_get_element (array, i), depth + 1, error))
        return FALSE;
    }
    g_string_append_c (out, ']');
    return TRUE;
  }
  case JSON_NODE_NULL:
    g_string_append (out, "null");
    return TRUE;
  case JSON_NODE_VALUE:
  default:
    return append_value (out, node, error);
  }
}

/**
 * rtk_json_canonical:
 * @node: what to write
 * @error: return location for %RTK_ERROR_BAD_MESSAGE: a fraction, a number above 2^53, too deep
 *
 * Writes @node so that equal values give equal bytes (RFC 8785). Any thread.
 *
 * Returns: (transfer full): UTF-8, without a final zero
 */
GBytes *
rtk_json_canonical (JsonNode *node, GError **error)
{
  g_autoptr (GString) out = g_string_new (NULL);

  if (!append_node (out, node, 0, error))
    return NULL;
  return g_string_free_to_bytes (g_steal_pointer (&out));
}
