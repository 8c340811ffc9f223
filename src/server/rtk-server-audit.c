/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-audit.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "server/rtk-server-db-private.h"
#include "server/rtk-server-many-private.h"

#include <string.h>

/* What the first entry is chained to. */
#define FIRST "0000000000000000000000000000000000000000000000000000000000000000"
/* Entries that are held in memory. */
#define PAGE 2000

/* An entry as it enters its hash: the members one after the other with their lengths, so that no
 * two entries can give the same bytes. */
static char *
dup_content (const char *previous,
             gint64      seq,
             gint64      at,
             const char *actor,
             const char *action,
             const char *target,
             const char *detail)
{
  return g_strdup_printf ("%s\n%" G_GINT64_FORMAT "\n%" G_GINT64_FORMAT
                          "\n%zu:%s\n%zu:%s\n%zu:%s\n%zu:%s\n",
                          previous, seq, at, strlen (actor), actor, strlen (action), action,
                          strlen (target), target, strlen (detail), detail);
}

/* What the server says of the entries that version 1 wrote: so many, the last with this hash. */
static char *
dup_plain_digest (const RtkServerKeys *keys, const RtkServerAnchor *last)
{
  g_autofree char *anchor = rtk_server_anchor_format (last);
  g_autofree char *text = g_strconcat ("plain ", anchor, NULL);

  return rtk_server_keys_digest (keys, RTK_SERVER_KEY_AUDIT, text);
}

/**
 * rtk_server_anchor_parse:
 * @text: as rtk_server_anchor_format() writes it
 * @out: (out): the anchor
 *
 * Returns: whether @text is an anchor
 */
gboolean
rtk_server_anchor_parse (const char *text, RtkServerAnchor *out)
{
  const char      *colon = strchr (text, ':');
  g_autofree char *number = colon != NULL ? g_strndup (text, (gsize)(colon - text)) : NULL;

  if (number == NULL ||
      !g_ascii_string_to_signed (number, 10, 0, G_MAXINT64, &out->entries, NULL) ||
      !rtk_sha256_is_valid (colon + 1))
    return FALSE;
  g_strlcpy (out->hash, colon + 1, sizeof out->hash);
  return TRUE;
}

/**
 * rtk_server_anchor_format:
 * @self: an anchor
 *
 * Returns: (transfer full): "COUNT:HASH"
 */
char *
rtk_server_anchor_format (const RtkServerAnchor *self)
{
  return g_strdup_printf ("%" G_GINT64_FORMAT ":%s", self->entries, self->hash);
}

/**
 * rtk_server_audit_get_anchor:
 * @self: a store
 * @out: (out): how the log is now
 * @error: return location
 *
 * Returns: whether it could be read
 */
gboolean
rtk_server_audit_get_anchor (RtkServerStore *self, RtkServerAnchor *out, GError **error)
{
  RtkServerRows *row = rtk_server_db_query (
      self->db, error, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", "");

  *out = (RtkServerAnchor){0, FIRST};
  if (rtk_server_db_next (self->db, row, error)) {
    out->entries = rtk_server_db_int (row, 0);
    g_strlcpy (out->hash, rtk_server_db_text (row, 1), sizeof out->hash);
  }
  return rtk_server_db_end (row);
}

/* Where the chain ends. Nobody else writes before the transaction ends, so that one look a
 * transaction is enough. */
static gboolean
find_end (RtkServerStore *self, GError **error)
{
  if (self->audit_end_of == self->db->n_begun && self->db->backend->in_transaction (self->db))
    return TRUE;
  self->audit_end_of = self->db->n_begun;
  return rtk_server_audit_get_anchor (self, &self->audit_end, error);
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
 * Adds to the audit log. Each entry holds an HMAC of itself and of the one before it, whose key
 * whoever can write the database does not have.
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
  RtkServerAnchor *end = &self->audit_end;
  gint64           now = g_get_real_time ();
  g_autofree char *content = NULL;
  g_autofree char *hash = NULL;

  if (!find_end (self, error))
    return FALSE;
  content = dup_content (end->hash, ++end->entries, now, actor, action, target, detail);
  hash = rtk_server_keys_digest (self->keys, RTK_SERVER_KEY_AUDIT, content);
  g_strlcpy (end->hash, hash, sizeof end->hash);
  return rtk_server_db_run (self->db, error,
                            "INSERT INTO audit (seq, at, actor, action, target, detail, hash)"
                            " VALUES (?, ?, ?, ?, ?, ?, ?)",
                            "iisssss", end->entries, now, actor, action, target, detail, hash);
}

/* Adds at most RTK_SERVER_MANY entries after *@end, which becomes the last of them. */
static gboolean
add_chunk (RtkServerStore            *self,
           RtkServerAnchor           *end,
           const RtkServerAuditEntry *entries,
           guint                      n,
           GError                   **error)
{
  static RtkServerMany insert = {
      "INSERT INTO audit (seq, at, actor, action, target, detail, hash) SELECT column2, ?1, "
      "column3,"
      " column4, column5, column6, column7 FROM @ v WHERE column2 IS NOT NULL ORDER BY column1",
      "i", "isssss", 0};
  char              hashes[RTK_SERVER_MANY][sizeof end->hash];
  gint64            now = g_get_real_time ();
  RtkServerManyRows rows;

  rtk_server_many_init (&rows, &insert, now);
  for (guint i = 0; i < n; i++) {
    const RtkServerAuditEntry *entry = &entries[i];
    g_autofree char *content = dup_content (end->hash, end->entries + 1, now, entry->actor,
                                            entry->action, entry->target, entry->detail);
    g_autofree char *hash = rtk_server_keys_digest (self->keys, RTK_SERVER_KEY_AUDIT, content);

    end->entries++;
    g_strlcpy (end->hash, hash, sizeof end->hash);
    g_strlcpy (hashes[i], hash, sizeof hashes[i]);
    rtk_server_many_add (&rows, end->entries, entry->actor, entry->action, entry->target,
                         entry->detail, hashes[i]);
  }
  return rtk_server_many_run (&rows, self->db, error);
}

/**
 * rtk_server_audit_add_entries:
 * @self: a store, in a transaction
 * @entries: (array length=n): what to add, in this order
 * @n: how many
 * @error: return location
 *
 * Adds many entries in few statements, because others wait for the end of the transaction.
 *
 * Returns: whether they were added
 */
gboolean
rtk_server_audit_add_entries (RtkServerStore            *self,
                              const RtkServerAuditEntry *entries,
                              guint                      n,
                              GError                   **error)
{
  if (!find_end (self, error))
    return FALSE;
  for (guint i = 0; i < n; i += RTK_SERVER_MANY)
    if (!add_chunk (self, &self->audit_end, &entries[i], MIN (n - i, RTK_SERVER_MANY), error))
      return FALSE;
  return TRUE;
}

/**
 * rtk_server_audit_add_all:
 * @self: a store, in a transaction
 * @actor: see rtk_server_audit_add()
 * @action: the same for all
 * @targets: (element-type utf8): an entry each
 * @detail: the same for all
 * @error: return location
 *
 * Adds entries that are the same but for their targets, see rtk_server_audit_add_entries().
 *
 * Returns: whether they were added
 */
gboolean
rtk_server_audit_add_all (RtkServerStore *self,
                          const char     *actor,
                          const char     *action,
                          GPtrArray      *targets,
                          const char     *detail,
                          GError        **error)
{
  g_autofree RtkServerAuditEntry *entries = g_new (RtkServerAuditEntry, targets->len);

  for (guint i = 0; i < targets->len; i++)
    entries[i] = (RtkServerAuditEntry){actor, action, g_ptr_array_index (targets, i), detail};
  return rtk_server_audit_add_entries (self, entries, targets->len, error);
}

/**
 * rtk_server_audit_keep_plain:
 * @self: a store on a database of version 1, in a writing transaction
 * @error: return location
 *
 * Writes down how many entries have hashes without a key, as version 1 made them: all up to now.
 * That is signed, too, so no later entry can pass for one of these.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_audit_keep_plain (RtkServerStore *self, GError **error)
{
  RtkServerAnchor  last;
  g_autofree char *digest = NULL;
  g_autofree char *value = NULL;

  if (!rtk_server_audit_get_anchor (self, &last, error))
    return FALSE;
  digest = dup_plain_digest (self->keys, &last);
  value = g_strdup_printf ("%" G_GINT64_FORMAT ":%s", last.entries, digest);
  return rtk_server_db_run (self->db, error,
                            "INSERT INTO meta (key, value) VALUES ('audit-plain', ?)"
                            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                            "s", value);
}

/* A walk along the chain. */
typedef struct {
  RtkServerAnchor        reached; /* up to here it holds */
  RtkServerAnchor        plain;   /* entries without a key, and what is said of them */
  const RtkServerAnchor *known;   /* (unowned) (nullable) */
} Walk;

/* Whether the walk got where something is known of the log, and found something else. */
static gboolean
contradicts (RtkServerStore *self, const Walk *walk)
{
  g_autofree char *digest = NULL;

  if (walk->known != NULL && walk->reached.entries == walk->known->entries &&
      strcmp (walk->reached.hash, walk->known->hash) != 0)
    return TRUE;
  if (walk->plain.entries == 0 || walk->reached.entries != walk->plain.entries)
    return FALSE;
  digest = dup_plain_digest (self->keys, &walk->reached);
  return strcmp (digest, walk->plain.hash) != 0;
}

/* Takes the entry of a row; FALSE when it is not the one that must come. */
static gboolean
step (RtkServerStore *self, Walk *walk, RtkServerRows *row)
{
  gint64           seq = walk->reached.entries + 1;
  g_autofree char *content =
      dup_content (walk->reached.hash, rtk_server_db_int (row, 0), rtk_server_db_int (row, 1),
                   rtk_server_db_text (row, 2), rtk_server_db_text (row, 3),
                   rtk_server_db_text (row, 4), rtk_server_db_text (row, 5));
  g_autofree char *keyed = NULL;
  Walk             next = *walk;

  next.reached.entries = seq;
  if (seq <= walk->plain.entries) {
    rtk_sha256_hex ((const guint8 *)content, strlen (content), next.reached.hash);
  } else {
    keyed = rtk_server_keys_digest (self->keys, RTK_SERVER_KEY_AUDIT, content);
    g_strlcpy (next.reached.hash, keyed, sizeof next.reached.hash);
  }
  if (rtk_server_db_int (row, 0) != seq ||
      strcmp (next.reached.hash, rtk_server_db_text (row, 6)) != 0 || contradicts (self, &next))
    return FALSE;
  *walk = next;
  return TRUE;
}

/* Walks on for at most so many entries. *@holds is left alone, or made FALSE. */
static gboolean
verify_page (RtkServerStore *self, Walk *walk, gboolean *out_more, gboolean *holds, GError **error)
{
  RtkServerRows *row = rtk_server_db_query (self->db, error,
                                            "SELECT seq, at, actor, action, target, detail, hash"
                                            " FROM audit WHERE seq > ? ORDER BY seq LIMIT ?",
                                            "ii", walk->reached.entries, (gint64)PAGE);

  *out_more = FALSE;
  while (*holds && rtk_server_db_next (self->db, row, error)) {
    *holds = step (self, walk, row);
    *out_more = TRUE;
  }
  return rtk_server_db_end (row);
}

/* What the database says of entries without a key; nothing, in one that version 1 never had. */
static gboolean
read_plain (RtkServerStore *self, RtkServerAnchor *out)
{
  g_autofree char *text = rtk_server_store_dup_meta (self, "audit-plain");

  *out = (RtkServerAnchor){0, ""};
  return text == NULL || rtk_server_anchor_parse (text, out);
}

/* Why a walk that came to its end without a fault is not to be trusted all the same. */
static gboolean
check_end (const Walk *walk, GError **error)
{
  gint64 wanted =
      MAX (walk->plain.entries, walk->known != NULL ? walk->known->entries : walk->plain.entries);

  if (walk->reached.entries >= wanted)
    return TRUE;
  g_set_error (error, RTK_ERROR, RTK_ERROR_DAMAGED,
               "The audit log was cut off: it has %" G_GINT64_FORMAT
               " entries of at least %" G_GINT64_FORMAT,
               walk->reached.entries, wanted);
  return FALSE;
}

/**
 * rtk_server_audit_verify:
 * @self: a store
 * @known: (nullable): how the log was once
 * @out_newest: (out): where the chain ends, or the last entry that holds
 * @error: return location; %RTK_ERROR_DAMAGED names the first entry that does not fit, or says
 *   that the end is missing
 *
 * Computes the whole chain again, page by page; a server may add to it meanwhile.
 *
 * Returns: whether it holds
 */
gboolean
rtk_server_audit_verify (RtkServerStore        *self,
                         const RtkServerAnchor *known,
                         RtkServerAnchor       *out_newest,
                         GError               **error)
{
  Walk     walk = {.reached = {0, FIRST}, .known = known};
  gboolean more = TRUE;
  gboolean holds = read_plain (self, &walk.plain) && !contradicts (self, &walk);

  while (more && holds)
    if (!verify_page (self, &walk, &more, &holds, error))
      return FALSE;
  *out_newest = walk.reached;
  if (holds)
    return check_end (&walk, error);
  g_set_error (error, RTK_ERROR, RTK_ERROR_DAMAGED,
               "The audit log was changed at entry %" G_GINT64_FORMAT, walk.reached.entries + 1);
  return FALSE;
}

/**
 * rtk_server_audit_log_anchor:
 * @self: a store, outside a transaction
 * @error: return location
 *
 * Says in the log, which whoever can write the database cannot change, how the audit log is now.
 *
 * Returns: whether it could be read
 */
gboolean
rtk_server_audit_log_anchor (RtkServerStore *self, GError **error)
{
  RtkServerAnchor  anchor;
  g_autofree char *text = NULL;

  if (!rtk_server_audit_get_anchor (self, &anchor, error))
    return FALSE;
  text = rtk_server_anchor_format (&anchor);
  g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_INFO, "RTK_ANCHOR", text, "MESSAGE", "audit log");
  return TRUE;
}

/**
 * rtk_server_jobs_anchor:
 * @self: a store, outside a transaction
 * @now: the time to judge by, microseconds since 1970
 * @out_done: (out): how often it was said
 * @error: return location
 *
 * Says how the audit log is when the server starts and once a day.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_jobs_anchor (RtkServerStore *self, gint64 now, guint *out_done, GError **error)
{
  gboolean ok;

  *out_done = 0;
  if (self->anchored_at != 0 && now - self->anchored_at < G_TIME_SPAN_DAY)
    return TRUE;
  if (!rtk_server_db_begin (self->db, FALSE, error))
    return FALSE;
  ok = rtk_server_audit_log_anchor (self, error);
  rtk_server_db_rollback (self->db);
  if (ok) {
    self->anchored_at = now;
    *out_done = 1;
  }
  return ok;
}
