/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-db-private.h"
#include "server/rtk-server-roster-file.h"

#include <string.h>

/* A whole list meets what is known already. Everybody else waits meanwhile: what is new is written
 * many rows a statement, and of what is the same nothing is written; only what is neither is looked
 * at line by line, see rtk_server_roster_add(). */

#define COLUMNS 9
/* Rows of one INSERT; the time stands once for all of them. */
#define N_INSERTED ((RTK_SERVER_MAX_VALUES - 1) / COLUMNS)
/* Numbers of one SELECT. */
#define N_KNOWN 200

/* What is known under a number. */
typedef struct {
  char    *id;
  char    *batch;
  char    *code; /* (nullable): digest */
  GBytes  *name; /* sealed */
  gboolean is_unproved;
} Known;

static void
known_free (gpointer data)
{
  Known *known = data;

  g_free (known->id);
  g_free (known->batch);
  g_free (known->code);
  g_bytes_unref (known->name);
  g_free (known);
}

/* Statements are kept by their address: made once. */
static const char *
get_select (void)
{
  static gsize text = 0;

  if (g_once_init_enter (&text)) {
    GString *made = g_string_new ("SELECT number_digest, id, batch, code_digest, name_cipher,"
                                  " code_unproved FROM roster WHERE number_digest IN (");

    for (guint i = 0; i < N_KNOWN; i++)
      g_string_append (made, i == 0 ? "?" : ", ?");
    g_string_append_c (made, ')');
    g_once_init_leave (&text, (gsize)g_string_free (made, FALSE));
  }
  return (const char *)text;
}

static const char *
get_insert (void)
{
  static gsize text = 0;

  if (g_once_init_enter (&text)) {
    GString *made = g_string_new (
        "INSERT INTO roster (id, batch, name_masked, number_masked, name_cipher,"
        " number_cipher, number_digest, code_digest, code_cipher, created_at) VALUES");

    for (guint i = 0; i < N_INSERTED; i++) {
      g_string_append (made, i == 0 ? " (" : ", (");
      for (guint k = 1; k <= COLUMNS; k++)
        g_string_append_printf (made, "?%u, ", i * COLUMNS + k);
      g_string_append_printf (made, "?%u)", N_INSERTED * COLUMNS + 1);
    }
    g_string_append (made, " ON CONFLICT DO NOTHING RETURNING number_digest");
    g_once_init_leave (&text, (gsize)g_string_free (made, FALSE));
  }
  return (const char *)text;
}

static RtkServerValue
make_text (const char *text)
{
  return (RtkServerValue){.type = 's', .is_null = text == NULL, .text = text};
}

static RtkServerValue
make_bytes (GBytes *bytes)
{
  return (RtkServerValue){.type = 'b', .is_null = bytes == NULL, .bytes = bytes};
}

/* What is known of the graduates from @first on: number -> Known. */
static GHashTable *
find_known (RtkServerStore *self, GPtrArray *graduates, guint first, GError **error)
{
  g_autoptr (GHashTable) found =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, known_free);
  RtkServerValue values[N_KNOWN];
  RtkServerRows *row;

  for (guint i = 0; i < N_KNOWN; i++) {
    const RtkServerGraduate *graduate =
        first + i < graduates->len ? g_ptr_array_index (graduates, first + i) : NULL;

    values[i] = make_text (graduate != NULL ? graduate->number_digest : NULL);
  }
  row = rtk_server_db_query_values (self->db, error, get_select (), values, N_KNOWN);
  while (rtk_server_db_next (self->db, row, error)) {
    Known *known = g_new0 (Known, 1);

    known->id = g_strdup (rtk_server_db_text (row, 1));
    known->batch = g_strdup (rtk_server_db_text (row, 2));
    known->code = g_strdup (rtk_server_db_text (row, 3));
    known->name = rtk_server_db_dup_bytes (row, 4);
    known->is_unproved = rtk_server_db_int (row, 5) != 0;
    g_hash_table_insert (found, g_strdup (rtk_server_db_text (row, 0)), known);
  }
  return rtk_server_db_end (row) ? g_steal_pointer (&found) : NULL;
}

/**
 * rtk_server_roster_compare:
 * @self: a store, outside a transaction
 * @graduates: (element-type RtkServerGraduate): lines of a list
 * @error: return location
 *
 * Notes which of the names are there already: opening them takes longer than reading them, and
 * nobody is to wait for it.
 *
 * Returns: whether the database could be asked
 */
gboolean
rtk_server_roster_compare (RtkServerStore *self, GPtrArray *graduates, GError **error)
{
  for (guint first = 0; first < graduates->len; first += N_KNOWN) {
    g_autoptr (GHashTable) found = find_known (self, graduates, first, error);

    if (found == NULL)
      return FALSE;
    for (guint i = first; i < MIN (first + N_KNOWN, graduates->len); i++) {
      RtkServerGraduate *graduate = g_ptr_array_index (graduates, i);
      const Known       *known = g_hash_table_lookup (found, graduate->number_digest);

      if (known != NULL && rtk_server_roster_has_name (self, graduate, known->id, known->name))
        graduate->known_name = g_bytes_ref (known->name);
    }
  }
  return TRUE;
}

/* Whether the line says what is known. Lines before it have not changed that: each number and each
 * code stands in the list once. */
static gboolean
is_same (const RtkServerGraduate *graduate, const char *batch, const Known *known)
{
  return graduate->known_name != NULL && g_bytes_equal (graduate->known_name, known->name) &&
         strcmp (batch, known->batch) == 0 &&
         (graduate->code_digest == NULL ||
          (!known->is_unproved && g_strcmp0 (graduate->code_digest, known->code) == 0));
}

/* Lines whose number is not known. */
typedef struct {
  const RtkServerGraduate *graduates[N_INSERTED];
  const char              *batches[N_INSERTED];
  guint                    n;
} Fresh;

/* Writes them in one statement; *@out_written gets the numbers of those that are there now. One is
 * not when its code is another graduate's. */
static gboolean
insert (RtkServerStore *self, const Fresh *fresh, GHashTable *written, GError **error)
{
  RtkServerValue values[N_INSERTED * COLUMNS + 1];
  RtkServerRows *row;

  for (guint i = 0; i < fresh->n; i++) {
    const RtkServerGraduate *one = fresh->graduates[i];
    RtkServerValue          *value = &values[(gsize)i * COLUMNS];

    value[0] = make_text (one->id);
    value[1] = make_text (fresh->batches[i]);
    value[2] = make_text (one->name_masked);
    value[3] = make_text (one->number_masked);
    value[4] = make_bytes (one->name_cipher);
    value[5] = make_bytes (one->number_cipher);
    value[6] = make_text (one->number_digest);
    value[7] = make_text (one->code_digest);
    value[8] = make_bytes (one->code_cipher);
  }
  values[N_INSERTED * COLUMNS] = (RtkServerValue){.type = 'i', .number = g_get_real_time ()};
  row = rtk_server_db_query_values (self->db, error, get_insert (), values, G_N_ELEMENTS (values));
  while (rtk_server_db_next (self->db, row, error))
    g_hash_table_add (written, g_strdup (rtk_server_db_text (row, 0)));
  return rtk_server_db_end (row);
}

/* The last few lines do not fill a statement. In SQLite, which has no way to go for each statement,
 * a row of many costs three times one by itself. */
static gboolean
flush (RtkServerStore        *self,
       Fresh                 *fresh,
       GHashTable            *with_code,
       RtkServerRosterResult *result,
       GError               **error)
{
  g_autoptr (GHashTable) written = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  if (fresh->n == N_INSERTED && rtk_server_db_is_postgres (self->db) &&
      !insert (self, fresh, written, error))
    return FALSE;
  for (guint i = 0; i < fresh->n; i++) {
    if (g_hash_table_contains (written, fresh->graduates[i]->number_digest))
      result->n_new++;
    else if (!rtk_server_roster_add (self, fresh->batches[i], fresh->graduates[i], with_code,
                                     result, error))
      return FALSE;
  }
  fresh->n = 0;
  return TRUE;
}

/**
 * rtk_server_roster_add_all:
 * @self: a store, in a transaction
 * @graduates: (element-type RtkServerGraduate): lines of a list, after rtk_server_roster_compare()
 * @batches: id of the batch of each
 * @with_code: digests of all numbers of the list for which it has a code
 * @result: counts the lines, or gets their faults
 * @error: return location
 *
 * Adds the graduates, or corrects what is known under their numbers.
 *
 * Returns: whether the database did its part
 */
gboolean
rtk_server_roster_add_all (RtkServerStore        *self,
                           GPtrArray             *graduates,
                           const char *const     *batches,
                           GHashTable            *with_code,
                           RtkServerRosterResult *result,
                           GError               **error)
{
  Fresh fresh = {.n = 0};

  for (guint first = 0; first < graduates->len; first += N_KNOWN) {
    g_autoptr (GHashTable) found = find_known (self, graduates, first, error);

    if (found == NULL)
      return FALSE;
    for (guint i = first; i < MIN (first + N_KNOWN, graduates->len); i++) {
      const RtkServerGraduate *graduate = g_ptr_array_index (graduates, i);
      const Known             *known = g_hash_table_lookup (found, graduate->number_digest);

      if (known == NULL) {
        fresh.graduates[fresh.n] = graduate;
        fresh.batches[fresh.n++] = batches[i];
        if (fresh.n == N_INSERTED && !flush (self, &fresh, with_code, result, error))
          return FALSE;
      } else if (!is_same (graduate, batches[i], known) &&
                 !rtk_server_roster_add (self, batches[i], graduate, with_code, result, error)) {
        return FALSE;
      }
    }
  }
  return flush (self, &fresh, with_code, result, error);
}
