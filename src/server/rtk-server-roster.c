/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "server/rtk-server-files.h"
#include "server/rtk-server-many-private.h"
#include "server/rtk-server-roster-file.h"
#include "server/rtk-server-store.h"

#include <string.h>

/* New graduates from which on the database looks at its statistics anew. */
#define MANY 1000

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

/* The batch of a graduate; each is asked for once. */
static const char *
find_batch (RtkServerStore          *self,
            GHashTable              *batches,
            const RtkServerGraduate *graduate,
            GError                 **error)
{
  g_autofree char *key = g_strconcat (graduate->school, "\n", graduate->batch, NULL);
  char            *batch = g_hash_table_lookup (batches, key);

  if (batch == NULL) {
    batch = find_or_add (self, graduate->school, graduate->batch, error);
    if (batch != NULL)
      g_hash_table_insert (batches, g_steal_pointer (&key), batch);
  }
  return batch;
}

static gboolean
write_graduates (RtkServerStore        *self,
                 GPtrArray             *graduates,
                 const char            *actor,
                 RtkServerRosterResult *result,
                 GError               **error)
{
  g_autoptr (GHashTable) batches = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GHashTable) with_code = g_hash_table_new (g_str_hash, g_str_equal);
  g_autofree const char **ids = g_new0 (const char *, graduates->len);
  g_autofree char        *detail = NULL;

  for (guint i = 0; i < graduates->len; i++) {
    const RtkServerGraduate *graduate = g_ptr_array_index (graduates, i);

    if (graduate->code_digest != NULL)
      g_hash_table_add (with_code, graduate->number_digest);
  }
  for (guint i = 0; i < graduates->len; i++) {
    const RtkServerGraduate *graduate = g_ptr_array_index (graduates, i);

    ids[i] = find_batch (self, batches, graduate, error);
    if (ids[i] == NULL)
      return FALSE;
  }
  if (!rtk_server_roster_add_all (self, graduates, ids, with_code, result, error))
    return FALSE;
  detail = g_strdup_printf ("{\"graduates\":%u,\"new\":%u,\"changed\":%u,\"conflicts\":%u}",
                            graduates->len, result->n_new, result->n_changed, result->n_conflicts);
  return result->faults->len > 0 ||
         rtk_server_audit_add (self, actor, "roster.import", "roster", detail, error);
}

/* One transaction, so that all of it is there or nothing. */
static gboolean
write_all (RtkServerStore        *self,
           GPtrArray             *graduates,
           const char            *actor,
           RtkServerRosterResult *result,
           GError               **error)
{
  if (!rtk_server_db_begin (self->db, TRUE, error))
    return FALSE;
  if (!write_graduates (self, graduates, actor, result, error)) {
    rtk_server_db_rollback (self->db);
    return FALSE;
  }
  if (result->faults->len > 0) {
    rtk_server_db_rollback (self->db);
    return TRUE;
  }
  return rtk_server_db_commit (self->db, error);
}

/**
 * rtk_server_roster_take:
 * @self: a store, outside a transaction
 * @data: (array length=size): see rtk_server_roster_read()
 * @size: bytes
 * @actor: for the audit log
 * @result: what became of it; nothing is written when it has faults
 * @error: return location
 *
 * Imports expected graduates: all of them, or nothing. The school's list is the authority: a
 * known number gets the name, the batch and the code of its line, but for a code under which there
 * is an order. All that can be done beforehand is done without the write lock, which is then held
 * for some 30 us a line that is new, and 7 us one that is known.
 *
 * Returns: whether the server did its part
 */
gboolean
rtk_server_roster_take (RtkServerStore        *self,
                        const char            *data,
                        gsize                  size,
                        const char            *actor,
                        RtkServerRosterResult *result,
                        GError               **error)
{
  g_autoptr (GPtrArray) graduates = NULL;
  gboolean ok;

  *result = (RtkServerRosterResult){0};
  result->faults = g_array_new (FALSE, FALSE, sizeof (RtkServerRosterFault));
  graduates = rtk_server_roster_read (self->keys, data, size, result->faults);
  result->n_graduates = graduates->len;
  if (result->faults->len > 0)
    return TRUE;
  rtk_server_db_set_room (self->db, TRUE);
  ok = rtk_server_roster_compare (self, graduates, error) &&
       write_all (self, graduates, actor, result, error);
  rtk_server_db_set_room (self->db, FALSE);
  /* Else PostgreSQL takes the roster for small until it gets to look by itself. */
  if (ok && result->n_new >= MANY && rtk_server_db_is_postgres (self->db))
    ok = rtk_server_db_exec (self->db, "ANALYZE roster", error);
  return ok;
}

/**
 * rtk_server_roster_result_clear:
 * @result: what became of an import
 *
 * Frees what is in it.
 */
void
rtk_server_roster_result_clear (RtkServerRosterResult *result)
{
  g_clear_pointer (&result->faults, g_array_unref);
}

/**
 * rtk_server_roster_import:
 * @self: a store, outside a transaction
 * @file: see rtk_server_roster_read()
 * @result: (out): what became of it
 * @error: return location; %RTK_ERROR_BAD_MESSAGE names the first line that is off
 *
 * Imports a file, see rtk_server_roster_take().
 *
 * Returns: whether the file was imported
 */
gboolean
rtk_server_roster_import (RtkServerStore        *self,
                          const char            *file,
                          RtkServerRosterResult *result,
                          GError               **error)
{
  g_autoptr (GError) io_error = NULL;
  g_autofree char            *data = NULL;
  gsize                       size;
  const RtkServerRosterFault *fault;

  if (!g_file_get_contents (file, &data, &size, &io_error)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND, "The roster cannot be read: %s",
                 io_error->message);
    return FALSE;
  }
  if (!rtk_server_roster_take (self, data, size, "server", result, error))
    return FALSE;
  if (result->faults->len > 0) {
    fault = &g_array_index (result->faults, RtkServerRosterFault, 0);
    if (fault->line == 0)
      g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE, fault->title);
    else
      g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE, "Line %u of the roster: %s",
                   fault->line, fault->title);
    return FALSE;
  }
  return TRUE;
}

/* SQL: how far the graduate of order "o" and its submission "s", or none, is with them. */
#define PROGRESS                                                                                   \
  "CASE WHEN o.payment = 'closed' THEN 0 WHEN o.delivery <> 'none' THEN 5"                         \
  " WHEN s.state = 'approved' THEN 4 WHEN s.state IN ('submitted', 'in_review') THEN 3"            \
  " WHEN s.state = 'rejected' THEN 2 ELSE 1 END"

/**
 * rtk_server_roster_update_progress:
 * @self: a store, in a transaction
 * @order_id: an order that changed
 * @error: return location
 *
 * Notes how far the order's graduate is, see #RtkServerProgress: so the counts of a batch, and who
 * is missing, are read from an index.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_roster_update_progress (RtkServerStore *self, const char *order_id, GError **error)
{
  return rtk_server_db_run (
      self->db, error,
      "UPDATE roster SET progress = p.progress FROM (SELECT coalesce (max (" PROGRESS "), 0)"
      " AS progress FROM orders x JOIN orders o ON o.roster = x.roster"
      " LEFT JOIN submissions s ON s.order_id = o.id WHERE x.id = ?1) p"
      " WHERE roster.id = (SELECT y.roster FROM orders y WHERE y.id = ?1)"
      " AND roster.progress <> p.progress",
      "s", order_id);
}

/**
 * rtk_server_roster_update_progress_of:
 * @self: a store, in a transaction
 * @orders: (array length=n): orders that changed
 * @n: at most %RTK_SERVER_MANY
 * @error: return location
 *
 * Does for many orders what rtk_server_roster_update_progress() does for one.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_roster_update_progress_of (RtkServerStore    *self,
                                      const char *const *orders,
                                      guint              n,
                                      GError           **error)
{
  /* LIMIT: each graduate is looked at once. */
  static RtkServerMany update = {
      "UPDATE roster SET progress = p.progress FROM (SELECT r.id AS id, (SELECT max (" PROGRESS
      ") FROM orders o LEFT JOIN submissions s ON s.order_id = o.id WHERE o.roster = r.id)"
      " AS progress FROM roster r WHERE r.id IN (SELECT x.roster FROM orders x WHERE x.id IN #)"
      " LIMIT " G_STRINGIFY (RTK_SERVER_MANY) ") p WHERE roster.id = p.id"
                                              " AND roster.progress <> p.progress",
      "", "s", 0};
  RtkServerManyRows rows;

  rtk_server_many_init (&rows, &update);
  for (guint i = 0; i < n; i++)
    rtk_server_many_add (&rows, orders[i]);
  return rtk_server_many_run (&rows, self->db, error);
}
