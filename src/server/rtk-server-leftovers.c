/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-store.h"

#include <glib/gstdio.h>

/* Photos that graduates sent and no submission has. */

/* Of one run. */
#define MOST "200"

static gboolean
forget_photo (RtkServerStore *self, const char *sha256, GError **error)
{
  return rtk_server_db_run (self->db, error, "DELETE FROM photo_owners WHERE sha256 = ?", "s",
                            sha256) &&
         rtk_server_db_run (self->db, error, "DELETE FROM uploads WHERE sha256 = ?", "s", sha256) &&
         rtk_server_db_run (self->db, error, "DELETE FROM photos WHERE sha256 = ? AND named = 0",
                            "s", sha256);
}

/* The rows of what is too old; within one transaction nobody can begin to need one of them. */
static gboolean
forget_rows (RtkServerStore *self, gint64 now, GPtrArray *names, GError **error)
{
  gboolean       ok;
  RtkServerRows *row = rtk_server_db_query (
      self->db, error,
      "SELECT p.sha256 FROM photos p WHERE p.named = 0 AND p.created_at <= ?1 AND NOT EXISTS"
      " (SELECT 1 FROM uploads u WHERE u.sha256 = p.sha256 AND (u.done = 0 OR (u.done = 1 AND"
      " coalesce (u.expires_at, 0) > ?2))) AND NOT EXISTS (SELECT 1 FROM photo_owners w WHERE"
      " w.sha256 = p.sha256 AND w.owner NOT LIKE 'account:%') LIMIT " MOST,
      "ii", now - self->config->upload_seconds * G_USEC_PER_SEC, now);

  while (rtk_server_db_next (self->db, row, error))
    g_ptr_array_add (names, g_strdup (rtk_server_db_text (row, 0)));
  ok = rtk_server_db_end (row);
  for (guint i = 0; ok && i < names->len; i++)
    ok = forget_photo (self, g_ptr_array_index (names, i), error);
  return ok;
}

static void
remove_file (RtkServerStore *self, const char *sha256)
{
  const char       part[3] = {sha256[0], sha256[1], '\0'};
  g_autofree char *path = rtk_server_photo_dup_path (self->config, sha256);
  g_autofree char *small = g_build_filename (self->config->data, "thumbnails", part, sha256, NULL);

  (void)g_unlink (path);
  (void)g_unlink (small);
}

/**
 * rtk_server_jobs_leftovers:
 * @self: a store, outside a transaction
 * @now: the time to judge by, microseconds since 1970
 * @out_done: (out): photos that are gone
 * @error: return location
 *
 * Removes photos that graduates sent and no submission has, when they are as old as an upload may
 * be. What the staff sent stays: a station may be away for long before it sends the rest.
 *
 * The files go in a transaction of their own, after the rows: whoever sends such a photo anew
 * gives it its name in a transaction, too, so it is either seen here or comes after. A server that
 * is killed in between leaves a file, never a row without one.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_jobs_leftovers (RtkServerStore *self, gint64 now, guint *out_done, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

  *out_done = 0;
  if (!rtk_server_db_begin (self->db, TRUE, error))
    return FALSE;
  if (!forget_rows (self, now, names, error)) {
    rtk_server_db_rollback (self->db);
    return FALSE;
  }
  if (!rtk_server_db_commit (self->db, error))
    return FALSE;
  if (names->len == 0)
    return TRUE;
  if (!rtk_server_db_begin (self->db, TRUE, error))
    return FALSE;
  for (guint i = 0; i < names->len; i++)
    if (!rtk_server_photo_is_there (self, g_ptr_array_index (names, i)))
      remove_file (self, g_ptr_array_index (names, i));
  *out_done = names->len;
  return rtk_server_db_commit (self->db, error);
}
