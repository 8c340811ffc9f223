/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-roster-file.h"

#include "core/rtk-id.h"
#include "server/rtk-server-store.h"

#include <string.h>

#define MAX_CELL 256
/* More are not told: whoever mends a hundred lines looks at the others, too. */
#define MAX_FAULTS 100

typedef enum {
  COLUMN_SCHOOL,
  COLUMN_BATCH,
  COLUMN_NAME,
  COLUMN_NUMBER,
  COLUMN_CODE,
  N_COLUMNS
} Column;

/* Where the text is read. */
typedef struct {
  const char *at;
  guint       line;
} Reader;

/* What is gathered while a file is read. */
typedef struct {
  const RtkServerKeys *keys;
  int                  columns[N_COLUMNS]; /* -1: not there */
  GHashTable          *numbers;            /* (owned): digests */
  GHashTable          *codes;              /* (owned): digests */
  GPtrArray           *graduates;          /* (owned) */
  GArray              *faults;             /* (unowned) */
} Reading;

static void
graduate_free (gpointer data)
{
  RtkServerGraduate *graduate = data;

  g_free (graduate->id);
  g_free (graduate->school);
  g_free (graduate->batch);
  g_free (graduate->name_masked);
  g_free (graduate->number_masked);
  g_free (graduate->number_digest);
  g_free (graduate->code_digest);
  g_clear_pointer (&graduate->name_cipher, g_bytes_unref);
  g_clear_pointer (&graduate->number_cipher, g_bytes_unref);
  g_clear_pointer (&graduate->code_cipher, g_bytes_unref);
  g_clear_pointer (&graduate->known_name, g_bytes_unref);
  g_free (graduate);
}

/**
 * rtk_server_roster_add_fault:
 * @faults: (element-type RtkServerRosterFault): what is wrong so far
 * @line: from 1; 0 is the file as a whole
 * @title: static, one English sentence
 *
 * Adds a fault, unless there are very many.
 */
void
rtk_server_roster_add_fault (GArray *faults, guint line, const char *title)
{
  RtkServerRosterFault fault = {line, title};

  if (faults->len < MAX_FAULTS)
    g_array_append_val (faults, fault);
}

/* Whitespace of any kind and length, line ends among it, becomes one space. */
static char *
clean_cell (GString *cell)
{
  GString *clean = g_string_new (NULL);
  gboolean space = FALSE;

  for (const char *p = cell->str; *p != '\0'; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);

    if (g_unichar_isspace (c) || g_unichar_iscntrl (c)) {
      space = clean->len > 0;
      continue;
    }
    if (space)
      g_string_append_c (clean, ' ');
    space = FALSE;
    g_string_append_unichar (clean, c);
  }
  g_string_free (cell, TRUE);
  return g_string_free (clean, FALSE);
}

/* The next record of RFC 4180; NULL at the end. A quoted cell may hold commas, doubled quotes and
 * line ends. */
static GPtrArray *
read_record (Reader *reader, gboolean *out_open)
{
  GPtrArray *cells;
  GString   *cell;
  gboolean   quoted = FALSE;

  *out_open = FALSE;
  if (*reader->at == '\0')
    return NULL;
  cells = g_ptr_array_new_with_free_func (g_free);
  cell = g_string_new (NULL);
  for (;; reader->at++) {
    const char *p = reader->at;
    gboolean    ends = *p == '\0' || (*p == '\n' && !quoted);

    reader->line += *p == '\n';
    if (ends || (*p == ',' && !quoted)) {
      g_ptr_array_add (cells, clean_cell (cell));
      if (ends)
        break;
      cell = g_string_new (NULL);
    } else if (*p == '"' && quoted && p[1] == '"') {
      g_string_append_c (cell, '"');
      reader->at++;
    } else if (*p == '"') {
      quoted = !quoted;
    } else {
      g_string_append_c (cell, *p);
    }
  }
  *out_open = quoted;
  if (*reader->at != '\0')
    reader->at++;
  return cells;
}

static const char *
get_cell (const Reading *reading, GPtrArray *cells, Column column)
{
  int index = reading->columns[column];

  return index >= 0 && (guint)index < cells->len ? g_ptr_array_index (cells, index) : "";
}

static GBytes *
seal (const RtkServerKeys *keys, const char *kind, const char *id, const char *text)
{
  g_autofree char *context = g_strconcat (kind, ":", id, NULL);

  return rtk_server_keys_seal (keys, context, text);
}

/* Takes one record in; says what is wrong with it. */
static void
add_record (Reading *reading, GPtrArray *cells, guint line)
{
  const char        *name = get_cell (reading, cells, COLUMN_NAME);
  const char        *number = get_cell (reading, cells, COLUMN_NUMBER);
  const char        *code = get_cell (reading, cells, COLUMN_CODE);
  RtkServerGraduate *graduate;

  for (Column column = 0; column < N_COLUMNS; column++) {
    const char *cell = get_cell (reading, cells, column);

    if ((column != COLUMN_CODE && cell[0] == '\0') || strlen (cell) > MAX_CELL) {
      rtk_server_roster_add_fault (reading->faults, line, "A cell is empty or too long.");
      return;
    }
  }
  graduate = g_new0 (RtkServerGraduate, 1);
  graduate->line = line;
  graduate->number_digest = rtk_server_keys_digest (reading->keys, RTK_SERVER_KEY_NUMBER, number);
  if (code[0] != '\0')
    graduate->code_digest = rtk_server_keys_digest (reading->keys, RTK_SERVER_KEY_CODE, code);
  g_ptr_array_add (reading->graduates, graduate);
  if (!g_hash_table_add (reading->numbers, graduate->number_digest))
    rtk_server_roster_add_fault (reading->faults, line, "The number stands in the file twice.");
  if (graduate->code_digest != NULL && !g_hash_table_add (reading->codes, graduate->code_digest))
    rtk_server_roster_add_fault (reading->faults, line, "The code stands in the file twice.");
  if (reading->faults->len > 0)
    return;
  graduate->id = rtk_id_new (g_get_real_time ());
  graduate->school = g_strdup (get_cell (reading, cells, COLUMN_SCHOOL));
  graduate->batch = g_strdup (get_cell (reading, cells, COLUMN_BATCH));
  graduate->name_masked = rtk_server_mask_name (name);
  graduate->number_masked = rtk_server_mask_number (number);
  graduate->name_cipher = seal (reading->keys, "name", graduate->id, name);
  graduate->number_cipher = seal (reading->keys, "number", graduate->id, number);
  if (graduate->code_digest != NULL)
    graduate->code_cipher = seal (reading->keys, "code", graduate->id, code);
}

static void
find_columns (Reading *reading, GPtrArray *cells)
{
  static const struct {
    const char *english;
    const char *chinese;
    const char *fault;
  } names[N_COLUMNS] = {
      {"school", "学校", "The first line lacks the column “school”."},
      {"batch", "批次", "The first line lacks the column “batch”."},
      {"name", "姓名", "The first line lacks the column “name”."},
      {"number", "证件号码", "The first line lacks the column “number”."},
      {"code", "采集码", NULL},
  };

  for (Column column = 0; column < N_COLUMNS; column++) {
    reading->columns[column] = -1;
    for (guint i = 0; cells != NULL && i < cells->len; i++)
      if (g_ascii_strcasecmp (g_ptr_array_index (cells, i), names[column].english) == 0 ||
          strcmp (g_ptr_array_index (cells, i), names[column].chinese) == 0)
        reading->columns[column] = (int)i;
    if (reading->columns[column] < 0 && names[column].fault != NULL)
      rtk_server_roster_add_fault (reading->faults, 1, names[column].fault);
  }
}

/* UTF-8 without its mark; NULL when it is neither that nor GB18030. */
static char *
decode (const char *data, gsize size)
{
  if (size > 0 && memchr (data, '\0', size) != NULL)
    return NULL;
  if (size == 0 || g_utf8_validate_len (data, size, NULL)) {
    gsize mark = size >= 3 && memcmp (data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    return g_strndup (size > 0 ? data + mark : "", size - mark);
  }
  return g_convert (data, (gssize)size, "UTF-8", "GB18030", NULL, NULL, NULL);
}

static gboolean
is_blank (GPtrArray *cells)
{
  for (guint i = 0; i < cells->len; i++)
    if (((const char *)g_ptr_array_index (cells, i))[0] != '\0')
      return FALSE;
  return TRUE;
}

static void
read_text (Reading *reading, const char *text)
{
  Reader   reader = {text, 1};
  gboolean is_open;
  g_autoptr (GPtrArray) header = read_record (&reader, &is_open);

  find_columns (reading, header);
  if (reading->faults->len > 0)
    return;
  while (reading->faults->len < MAX_FAULTS) {
    guint line = reader.line;
    g_autoptr (GPtrArray) cells = read_record (&reader, &is_open);

    if (cells == NULL)
      return;
    if (is_open)
      rtk_server_roster_add_fault (reading->faults, line, "A quote is opened and not closed.");
    else if (is_blank (cells))
      continue;
    else if (reading->graduates->len >= RTK_SERVER_MAX_GRADUATES) {
      rtk_server_roster_add_fault (reading->faults, 0,
                                   "The file has more than " G_STRINGIFY (
                                       RTK_SERVER_MAX_GRADUATES) " graduates: import it in parts.");
      return;
    } else
      add_record (reading, cells, line);
  }
}

/**
 * rtk_server_roster_read:
 * @keys: keys
 * @data: (array length=size): CSV with the columns school, batch, name, number and perhaps code (or
 *   学校, 批次, 姓名, 证件号码, 采集码), UTF-8 or GB18030
 * @size: bytes
 * @faults: (element-type RtkServerRosterFault): gets what is wrong, by line
 *
 * Reads a roster and prepares it for the database: masks, digests and sealed texts. Blocking, 10 us
 * a graduate; without the database, so that nobody waits for it.
 *
 * Returns: (transfer full) (element-type RtkServerGraduate): what stands there; of no use when
 *   there are @faults
 */
GPtrArray *
rtk_server_roster_read (const RtkServerKeys *keys, const char *data, gsize size, GArray *faults)
{
  g_autofree char *text = decode (data, size);
  Reading          reading = {.keys = keys,
                              .numbers = g_hash_table_new (g_str_hash, g_str_equal),
                              .codes = g_hash_table_new (g_str_hash, g_str_equal),
                              .graduates = g_ptr_array_new_with_free_func (graduate_free),
                              .faults = faults};

  if (text == NULL)
    rtk_server_roster_add_fault (faults, 0, "The file is neither UTF-8 nor GB18030.");
  else
    read_text (&reading, text);
  g_hash_table_unref (reading.numbers);
  g_hash_table_unref (reading.codes);
  return reading.graduates;
}
