/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-ctl"
#include "config.h"

#include "ctl/rtk-ctl.h"

#include "core/rtk-error.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <string.h>

/* Twice the largest original of a 100 MP camera: what is longer is not read at all. */
#define MAX_FILE_SIZE (G_GINT64_CONSTANT (400) * 1024 * 1024)

/**
 * rtk_ctl_say:
 * @format: (nullable): printf format of one line, without its end
 *
 * Says something to a person: on standard error, as standard output belongs to programs.
 */
void
rtk_ctl_say (const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list          arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  fprintf (stderr, "%s\n", text);
}

/**
 * rtk_ctl_complain:
 * @what: (nullable): the file or thing it is about
 * @error: what went wrong
 *
 * Writes one line on standard error: what, what happened and what to do, and the detail.
 *
 * Returns: %RTK_EXIT_ERROR, for a command that ends with it
 */
int
rtk_ctl_complain (const char *what, const GError *error)
{
  const char *sentence = _ (rtk_error_sentence (error));

  /* A caller's mistake explains itself best in its own words. */
  if (g_error_matches (error, RTK_ERROR, RTK_ERROR_USAGE) || error->domain == G_OPTION_ERROR)
    rtk_ctl_say ("retakectl: %s", error->message);
  else if (what != NULL)
    rtk_ctl_say ("retakectl: %s: %s (%s)", what, sentence, error->message);
  else
    rtk_ctl_say ("retakectl: %s (%s)", sentence, error->message);
  return RTK_EXIT_ERROR;
}

/**
 * rtk_ctl_parse:
 * @entries: the command's own options
 * @arguments: how its arguments are written in the help
 * @argc: (inout): as given to the command; argv[0] is its name
 * @argv: (inout): what is left are the files
 * @min_files: fewest files
 * @max_files: most files, -1 = any number
 *
 * Reads a command's options and counts its files; complains when they are off.
 *
 * Returns: whether the command can go on
 */
gboolean
rtk_ctl_parse (GOptionEntry *entries,
               const char   *arguments,
               int          *argc,
               char       ***argv,
               int           min_files,
               int           max_files)
{
  g_autoptr (GOptionContext) context = g_option_context_new (arguments);
  g_autoptr (GError) error = NULL;
  int n;

  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  if (!g_option_context_parse (context, argc, argv, &error)) {
    rtk_ctl_complain (NULL, error);
    return FALSE;
  }
  /* A "--" that ended the options is not a file. */
  if (*argc > 1 && strcmp ((*argv)[1], "--") == 0) {
    (*argv)[1] = (*argv)[0];
    (*argv)++;
    (*argc)--;
  }
  n = *argc - 1;
  if (n >= min_files && (max_files < 0 || n <= max_files))
    return TRUE;
  rtk_ctl_say (_ ("retakectl: wrong number of arguments: write “%s %s”."), (*argv)[0], arguments);
  return FALSE;
}

static void
print_json (JsonNode *node, gboolean pretty)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autofree char *text = NULL;

  json_generator_set_root (generator, node);
  json_generator_set_pretty (generator, pretty);
  text = json_generator_to_data (generator, NULL);
  printf ("%s\n", text);
  fflush (stdout);
}

/**
 * rtk_ctl_print_json:
 * @node: a document
 *
 * Prints the command's one JSON document.
 */
void
rtk_ctl_print_json (JsonNode *node)
{
  print_json (node, TRUE);
}

/**
 * rtk_ctl_print_json_line:
 * @node: a document
 *
 * Prints one of many documents, on a line of its own.
 */
void
rtk_ctl_print_json_line (JsonNode *node)
{
  print_json (node, FALSE);
}

/**
 * rtk_ctl_read_file:
 * @path: a file
 * @out_bytes: (out) (transfer full): its content
 * @error: return location; %RTK_ERROR_TOO_LARGE above 400 MB
 *
 * Reads a whole file.
 *
 * Returns: whether it was read
 */
gboolean
rtk_ctl_read_file (const char *path, GBytes **out_bytes, GError **error)
{
  g_autoptr (GFile) file = g_file_new_for_commandline_arg (path);
  g_autoptr (GFileInfo) info = NULL;

  info = g_file_query_info (file, G_FILE_ATTRIBUTE_STANDARD_SIZE "," G_FILE_ATTRIBUTE_STANDARD_TYPE,
                            G_FILE_QUERY_INFO_NONE, NULL, error);
  if (info == NULL)
    return FALSE;
  if (g_file_info_get_file_type (info) == G_FILE_TYPE_DIRECTORY) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_PICTURE, "this is a folder");
    return FALSE;
  }
  if (g_file_info_get_size (info) > MAX_FILE_SIZE) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_TOO_LARGE, "the file has more than 400 MB");
    return FALSE;
  }
  *out_bytes = g_file_load_bytes (file, NULL, NULL, error);
  return *out_bytes != NULL;
}

/**
 * rtk_ctl_write_file:
 * @path: where to
 * @bytes: content
 * @error: return location
 *
 * Writes a whole file: beside it first, then renamed, so that a file is either whole or not there.
 *
 * Returns: whether it was written
 */
gboolean
rtk_ctl_write_file (const char *path, GBytes *bytes, GError **error)
{
  gsize       size;
  const char *data = g_bytes_get_data (bytes, &size);

  return g_file_set_contents_full (path, data, (gssize)size,
                                   G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                   0644, error);
}

/**
 * rtk_ctl_reader_language:
 *
 * The titles and advice of a rule pack come in both languages: the reader's is shown.
 *
 * Returns: the language of the environment
 */
RtkLanguage
rtk_ctl_reader_language (void)
{
  const char *const *names = g_get_language_names ();

  return g_str_has_prefix (names[0], "zh") ? RTK_LANGUAGE_ZH_CN : RTK_LANGUAGE_EN;
}

/**
 * rtk_ctl_guess_media_type:
 * @bytes: a picture file
 *
 * Looks at the first bytes, not at the name. What is neither kind is refused at decoding.
 *
 * Returns: "image/png" or "image/jpeg"
 */
const char *
rtk_ctl_guess_media_type (GBytes *bytes)
{
  gsize         size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  return size > 3 && memcmp (data, "\x89PNG", 4) == 0 ? "image/png" : "image/jpeg";
}

/**
 * rtk_ctl_answer_cb:
 * @source: (nullable): who answers
 * @result: the answer
 * @user_data: a `GAsyncResult *` that is NULL until now
 *
 * Takes the answer of an asynchronous call for rtk_ctl_wait().
 */
void
rtk_ctl_answer_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GAsyncResult **out = user_data;

  *out = g_object_ref (result);
}

/**
 * rtk_ctl_wait:
 * @result: (inout): filled by rtk_ctl_answer_cb(); the caller owns what it finds there
 *
 * Runs the main context until the answer is there: a command line has nothing else to do.
 */
void
rtk_ctl_wait (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
}
