/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "server/rtk-server-store.h"

#include <string.h>

/* What the first entry is chained to. */
#define FIRST "0000000000000000000000000000000000000000000000000000000000000000"
/* Entries that are held in memory. */
#define PAGE 2000

/* The members are written one after the other with their lengths, so that no two entries can
 * give the same bytes. */
static void
hash_entry (const char *previous,
            gint64      seq,
            gint64      at,
            const char *actor,
            const char *action,
            const char *target,
            const char *detail,
            char        out_hex[65])
{
  g_autofree char *text = g_strdup_printf (
      "%s\n%" G_GINT64_FORMAT "\n%" G_GINT64_FORMAT "\n%zu:%s\n%zu:%s\n%zu:%s\n%zu:%s\n", previous,
      seq, at, strlen (actor), actor, strlen (action), action, strlen (target), target,
      strlen (detail), detail);

  rtk_sha256_hex ((const guint8 *)text, strlen (text), out_hex);
}

/**
 * rtk_server_audit_add:
 * @self: a store, in a transaction
 * @actor: who: "staff:NAME", "account:ID", "server"
 * @action: what, such as "payment.paid"
 * @target: id of the order, submission, station or person
 * @detail: JSON; never a code, a name of a graduate or a phone number
 * @error: return location
 *
 * Adds to the audit log. Each entry holds the hash of the one before it.
 *
 * Returns: whether it was added
 */
gboolean
rtk_server_audit_add (RtkServerStore *self,
                      const char     *actor,
                      const char     *action,
                      const char     *target,
                      const char     *detail,
                      GError        **error)
{
  g_autofree char *previous =
      rtk_server_db_dup_text (self->db, "SELECT hash FROM audit ORDER BY seq DESC LIMIT 1", "");
  gint64 seq = rtk_server_db_get_int (self->db, 0, "SELECT MAX (seq) FROM audit", "") + 1;
  gint64 now = g_get_real_time ();
  char   hash[65];

  hash_entry (previous != NULL ? previous : FIRST, seq, now, actor, action, target, detail, hash);
  return rtk_server_db_run (self->db, error,
                            "INSERT INTO audit (seq, at, actor, action, target, detail, hash)"
                            " VALUES (?, ?, ?, ?, ?, ?, ?)",
                            "iisssss", seq, now, actor, action, target, detail, hash);
}

/* Computes the chain on from entry *@next for at most so many entries. *@holds is left alone, or
 * made FALSE; *@next is then the entry that does not fit. */
static gboolean
verify_page (RtkServerStore *self,
             gint64         *next,
             char            previous[65],
             gboolean       *out_more,
             gboolean       *holds,
             GError        **error)
{
  RtkServerRows *row = rtk_server_db_query (self->db, error,
                                            "SELECT seq, at, actor, action, target, detail, hash"
                                            " FROM audit WHERE seq >= ? ORDER BY seq LIMIT ?",
                                            "ii", *next, (gint64)PAGE);

  *out_more = FALSE;
  while (*holds && rtk_server_db_next (self->db, row, error)) {
    char computed[65];

    hash_entry (previous, rtk_server_db_int (row, 0), rtk_server_db_int (row, 1),
                rtk_server_db_text (row, 2), rtk_server_db_text (row, 3),
                rtk_server_db_text (row, 4), rtk_server_db_text (row, 5), computed);
    *holds =
        rtk_server_db_int (row, 0) == *next && strcmp (computed, rtk_server_db_text (row, 6)) == 0;
    memcpy (previous, computed, 65);
    *next += *holds;
    *out_more = TRUE;
  }
  return rtk_server_db_end (row);
}

/**
 * rtk_server_audit_verify:
 * @self: a store
 * @out_entries: (out): how many entries there are
 * @error: return location; %RTK_ERROR_DAMAGED names the first entry that does not fit
 *
 * Computes the whole chain again, page by page; a server may add to it meanwhile.
 *
 * Returns: whether it holds
 */
gboolean
rtk_server_audit_verify (RtkServerStore *self, gint64 *out_entries, GError **error)
{
  char     previous[65] = FIRST;
  gint64   next = 1;
  gboolean more = TRUE;
  gboolean holds = TRUE;

  while (more && holds)
    if (!verify_page (self, &next, previous, &more, &holds, error))
      return FALSE;
  *out_entries = next - 1;
  if (!holds)
    g_set_error (error, RTK_ERROR, RTK_ERROR_DAMAGED,
                 "The audit log was changed at entry %" G_GINT64_FORMAT, next);
  return holds;
}
