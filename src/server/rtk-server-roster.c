/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "server/rtk-server-files.h"
#include "server/rtk-server-store.h"

#include <string.h>

#define MAX_LINES 1000000

/**
 * rtk_server_mask_name:
 * @name: UTF-8
 *
 * Leaves the first character, and the last of three and more: 王小明 -> 王*明, 王明 -> 王*.
 *
 * Returns: (transfer full): the masked name
 */
char *
rtk_server_mask_name (const char *name)
{
  glong    length = g_utf8_strlen (name, -1);
  GString *masked = g_string_new (NULL);

  for (glong i = 0; i < length; i++) {
    if (i == 0 || (length > 2 && i == length - 1))
      g_string_append_unichar (masked, g_utf8_get_char (g_utf8_offset_to_pointer (name, i)));
    else
      g_string_append_c (masked, '*');
  }
  if (length == 1)
    g_string_append_c (masked, '*');
  return g_string_free (masked, FALSE);
}

/**
 * rtk_server_mask_number:
 * @number: an identity or student number
 *
 * Leaves the first and the last four characters of long ones, the last two of short ones.
 *
 * Returns: (transfer full): the masked number, as long as @number
 */
char *
rtk_server_mask_number (const char *number)
{
  glong    length = g_utf8_strlen (number, -1);
  glong    head = length >= 12 ? 4 : 0;
  glong    tail = length >= 12 ? 4 : MIN (2, length / 2);
  GString *masked = g_string_new (NULL);

  for (glong i = 0; i < length; i++) {
    if (i < head || i >= length - tail)
      g_string_append_unichar (masked, g_utf8_get_char (g_utf8_offset_to_pointer (number, i)));
    else
      g_string_append_c (masked, '*');
  }
  return g_string_free (masked, FALSE);
}

/* One line of CSV; quotes may hold commas and doubled quotes, not line ends. */
static GPtrArray *
split_line (const char *line)
{
  GPtrArray *cells = g_ptr_array_new_with_free_func (g_free);
  GString   *cell = g_string_new (NULL);
  gboolean   quoted = FALSE;

  for (const char *p = line;; p++) {
    if (*p == '\0' || (*p == ',' && !quoted)) {
      char *text = g_string_free (cell, FALSE);

      g_ptr_array_add (cells, g_strstrip (text));
      if (*p == '\0')
        return cells;
      cell = g_string_new (NULL);
    } else if (*p == '"' && quoted && p[1] == '"') {
      g_string_append_c (cell, '"');
      p++;
    } else if (*p == '"') {
      quoted = !quoted;
    } else {
      g_string_append_c (cell, *p);
    }
  }
}

static char *
find_or_add (RtkServerStore *self, const char *school, const char *batch, GError **error)
{
  gint64           now = g_get_real_time ();
  g_autofree char *new_school = rtk_id_new (now);
  g_autofree char *new_batch = rtk_id_new (now);
  g_autofree char *school_id = NULL;

  if (!rtk_server_db_run (self->db, error,
                          "INSERT INTO schools (id, name) VALUES (?, ?) ON CONFLICT DO NOTHING",
                          "ss", new_school, school))
    return NULL;
  school_id =
      rtk_server_db_dup_text (self->db, "SELECT id FROM schools WHERE name = ?", "s", school);
  if (!rtk_server_db_run (self->db, error,
                          "INSERT INTO batches (id, school, name) VALUES (?, ?, ?)"
                          " ON CONFLICT DO NOTHING",
                          "sss", new_batch, school_id, batch))
    return NULL;
  return rtk_server_db_dup_text (self->db, "SELECT id FROM batches WHERE school = ? AND name = ?",
                                 "ss", school_id, batch);
}

static gboolean
add_graduate (
    RtkServerStore *self, GPtrArray *cells, const int columns[5], guint *out_new, GError **error)
{
  const char      *cell[5];
  gint64           now = g_get_real_time ();
  g_autofree char *id = rtk_id_new (now);
  g_autofree char *batch = NULL;
  g_autofree char *name_masked = NULL;
  g_autofree char *number_masked = NULL;
  g_autofree char *number_digest = NULL;
  g_autofree char *code_digest = NULL;
  g_autofree char *name_context = g_strconcat ("name:", id, NULL);
  g_autofree char *number_context = g_strconcat ("number:", id, NULL);
  g_autofree char *code_context = g_strconcat ("code:", id, NULL);
  g_autoptr (GBytes) name_cipher = NULL;
  g_autoptr (GBytes) number_cipher = NULL;
  g_autoptr (GBytes) code_cipher = NULL;

  for (int i = 0; i < 5; i++) {
    cell[i] = columns[i] >= 0 && (guint)columns[i] < cells->len
                  ? g_ptr_array_index (cells, columns[i])
                  : "";
    if ((i < 4 && cell[i][0] == '\0') || strlen (cell[i]) > 256) {
      g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE, "a cell is empty or too long");
      return FALSE;
    }
  }
  batch = find_or_add (self, cell[0], cell[1], error);
  if (batch == NULL)
    return FALSE;
  name_masked = rtk_server_mask_name (cell[2]);
  number_masked = rtk_server_mask_number (cell[3]);
  number_digest = rtk_server_keys_digest (self->keys, RTK_SERVER_KEY_NUMBER, cell[3]);
  name_cipher = rtk_server_keys_seal (self->keys, name_context, cell[2]);
  number_cipher = rtk_server_keys_seal (self->keys, number_context, cell[3]);
  if (cell[4][0] != '\0') {
    code_digest = rtk_server_keys_digest (self->keys, RTK_SERVER_KEY_CODE, cell[4]);
    code_cipher = rtk_server_keys_seal (self->keys, code_context, cell[4]);
    if (rtk_server_db_get_int (self->db, 0,
                               "SELECT EXISTS (SELECT 1 FROM roster WHERE code_digest = ? AND"
                               " number_digest <> ?)",
                               "ss", code_digest, number_digest) != 0) {
      g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                           "another graduate has this code");
      return FALSE;
    }
  }
  if (!rtk_server_db_run (self->db, error,
                          "INSERT INTO roster (id, batch, name_masked, number_masked, name_cipher,"
                          " number_cipher, number_digest, code_digest, code_cipher, created_at)"
                          " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                          " ON CONFLICT (number_digest) DO NOTHING",
                          "ssssbbssbi", id, batch, name_masked, number_masked, name_cipher,
                          number_cipher, number_digest, code_digest, code_cipher, now))
    return FALSE;
  *out_new += (guint)rtk_server_db_get_changes (self->db);
  return TRUE;
}

static gboolean
find_columns (const char *header, int out_columns[5], GError **error)
{
  static const char *const names[5][2] = {{"school", "学校"},
                                          {"batch", "批次"},
                                          {"name", "姓名"},
                                          {"number", "证件号码"},
                                          {"code", "采集码"}};
  g_autoptr (GPtrArray) cells = split_line (header);

  for (int i = 0; i < 5; i++) {
    out_columns[i] = -1;
    for (guint j = 0; j < cells->len; j++)
      if (g_ascii_strcasecmp (g_ptr_array_index (cells, j), names[i][0]) == 0 ||
          strcmp (g_ptr_array_index (cells, j), names[i][1]) == 0)
        out_columns[i] = (int)j;
    if (out_columns[i] < 0 && i < 4) {
      g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                   "The roster's first line lacks the column “%s”", names[i][0]);
      return FALSE;
    }
  }
  return TRUE;
}

static char *
read_text (const char *file, GError **error)
{
  g_autoptr (GError) io_error = NULL;
  g_autofree char *text = NULL;
  char            *converted;
  gsize            size;

  if (!g_file_get_contents (file, &text, &size, &io_error)) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_NOT_FOUND, io_error->message);
    return NULL;
  }
  if (g_utf8_validate_len (text, size, NULL))
    return g_strdup (size >= 3 && memcmp (text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text);
  converted = memchr (text, '\0', size) == NULL
                  ? g_convert (text, (gssize)size, "UTF-8", "GB18030", NULL, NULL, NULL)
                  : NULL;
  if (converted == NULL)
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE,
                         "The roster is neither UTF-8 nor GB18030");
  return converted;
}

static gboolean
import_lines (RtkServerStore *self, char **lines, guint *out_new, GError **error)
{
  int columns[5];

  if (lines[0] == NULL || !find_columns (g_strchomp (lines[0]), columns, error))
    return FALSE;
  for (guint i = 1; lines[i] != NULL; i++) {
    g_autoptr (GPtrArray) cells = NULL;

    if (g_strstrip (lines[i])[0] == '\0')
      continue;
    cells = split_line (lines[i]);
    if (i > MAX_LINES || !add_graduate (self, cells, columns, out_new, error)) {
      g_prefix_error (error, "Line %u of the roster: ", i + 1);
      return FALSE;
    }
  }
  return rtk_server_audit_add (self, "server", "roster.import", "roster", "{}", error);
}

/**
 * rtk_server_roster_import:
 * @self: a store, outside a transaction
 * @file: CSV with the columns school, batch, name, number and perhaps code (or 学校, 批次, 姓名,
 *   证件号码, 采集码), UTF-8 or GB18030
 * @out_new: (out): graduates that were not known before
 * @error: return location
 *
 * Imports expected graduates: all of the file, or nothing. A number that is known stays as it is.
 *
 * Returns: whether the file was imported
 */
gboolean
rtk_server_roster_import (RtkServerStore *self, const char *file, guint *out_new, GError **error)
{
  g_autofree char *text = read_text (file, error);
  g_auto (GStrv) lines = NULL;

  *out_new = 0;
  if (text == NULL || !rtk_server_db_begin (self->db, TRUE, error))
    return FALSE;
  lines = g_strsplit (text, "\n", -1);
  if (!import_lines (self, lines, out_new, error)) {
    rtk_server_db_rollback (self->db);
    return FALSE;
  }
  return rtk_server_db_commit (self->db, error);
}
