/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "server/rtk-server-db-private.h"
#include "server/rtk-server-store.h"

/* What was "paid for" when migration 2 was written. */
#define PAID_AT_2                                                                                  \
  "(o.payment IN ('paid', 'waived') OR EXISTS (SELECT 1 FROM payments p WHERE"                     \
  " p.order_id = o.id AND p.state = 'settled' AND p.created_at > coalesce ("                       \
  "(SELECT max (v.created_at) FROM reviews v JOIN submissions r ON r.id = v.submission"            \
  " WHERE r.order_id = o.id AND r.origin = 'online' AND v.verdict = 'rejected'), 0)))"

/**
 * Migration:
 * @common: for both kinds of database; types and words that differ are translated
 * @sqlite: (nullable): what only SQLite needs
 * @postgres: (nullable): what only PostgreSQL needs
 */
typedef struct {
  const char *common;
  const char *sqlite;
  const char *postgres;
} Migration;

/* Numbered migrations: number n takes a database of version n - 1 to n. A migration that has been
 * released is never edited. Times are microseconds since 1970 UTC; `_cipher` columns are sealed
 * with the key file's key, `_digest` columns are HMACs with it. */
static const Migration migrations[] = {
    {
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE staff (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
        " role TEXT NOT NULL, password TEXT NOT NULL, enabled INTEGER NOT NULL DEFAULT 1,"
        " created_at INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE stations (id TEXT PRIMARY KEY, name TEXT NOT NULL, key TEXT NOT NULL UNIQUE,"
        " created_by TEXT NOT NULL, created_at INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE accounts (id TEXT PRIMARY KEY, phone_digest TEXT NOT NULL UNIQUE,"
        " phone_cipher BLOB NOT NULL, password TEXT NOT NULL, created_at INTEGER NOT NULL)"
        " WITHOUT ROWID;"
        "CREATE TABLE sessions (id TEXT PRIMARY KEY, kind TEXT NOT NULL, principal TEXT NOT NULL,"
        " station TEXT REFERENCES stations (id), access_hash TEXT NOT NULL UNIQUE,"
        " access_until INTEGER NOT NULL, refresh_hash TEXT NOT NULL UNIQUE,"
        " refresh_until INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE INDEX sessions_until ON sessions (refresh_until);"
        "CREATE TABLE schools (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE) WITHOUT ROWID;"
        "CREATE TABLE batches (id TEXT PRIMARY KEY, school TEXT NOT NULL REFERENCES schools (id),"
        " name TEXT NOT NULL, UNIQUE (school, name)) WITHOUT ROWID;"
        "CREATE TABLE roster (id TEXT PRIMARY KEY, batch TEXT NOT NULL REFERENCES batches (id),"
        " name_masked TEXT NOT NULL, number_masked TEXT NOT NULL, name_cipher BLOB NOT NULL,"
        " number_cipher BLOB NOT NULL, number_digest TEXT NOT NULL UNIQUE, code_digest TEXT UNIQUE,"
        " code_cipher BLOB, account TEXT REFERENCES accounts (id), created_at INTEGER NOT NULL)"
        " WITHOUT ROWID;"
        "CREATE INDEX roster_account ON roster (account);"
        "CREATE TABLE orders (id TEXT PRIMARY KEY, number TEXT NOT NULL UNIQUE,"
        " revision INTEGER NOT NULL DEFAULT 1, roster TEXT NOT NULL REFERENCES roster (id),"
        " account TEXT REFERENCES accounts (id), payment TEXT NOT NULL, delivery TEXT NOT NULL,"
        " print TEXT NOT NULL, refund_after INTEGER, created_at INTEGER NOT NULL,"
        " updated_at INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE INDEX orders_payment ON orders (payment, created_at);"
        "CREATE INDEX orders_roster ON orders (roster);"
        "CREATE TABLE photos (sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL,"
        " media_type TEXT NOT NULL, created_at INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE photo_owners (sha256 TEXT NOT NULL REFERENCES photos (sha256),"
        " owner TEXT NOT NULL, PRIMARY KEY (sha256, owner)) WITHOUT ROWID;"
        "CREATE TABLE uploads (id TEXT PRIMARY KEY, owner TEXT NOT NULL, sha256 TEXT NOT NULL,"
        " length INTEGER NOT NULL, media_type TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0,"
        " created_at INTEGER NOT NULL, UNIQUE (owner, sha256)) WITHOUT ROWID;"
        "CREATE TABLE submissions (serial INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL "
        "UNIQUE,"
        " order_id TEXT NOT NULL REFERENCES orders (id), state TEXT NOT NULL, origin TEXT NOT NULL,"
        " original TEXT REFERENCES photos (sha256), alpha TEXT REFERENCES photos (sha256),"
        " delivered TEXT REFERENCES photos (sha256), certificate TEXT REFERENCES photos (sha256),"
        " report TEXT REFERENCES photos (sha256), overrides TEXT NOT NULL DEFAULT '[]',"
        " operation TEXT, actor TEXT NOT NULL, lease_by TEXT, lease_until INTEGER,"
        " reasons TEXT NOT NULL DEFAULT '', note TEXT, created_at INTEGER NOT NULL);"
        "CREATE INDEX submissions_order ON submissions (order_id, serial);"
        "CREATE INDEX submissions_state ON submissions (state, serial);"
        "CREATE INDEX submissions_lease ON submissions (lease_by) WHERE lease_by IS NOT NULL;"
        "CREATE TABLE operations (id TEXT PRIMARY KEY, order_id TEXT NOT NULL, kind TEXT NOT NULL,"
        " station TEXT NOT NULL, digest TEXT NOT NULL, outcome TEXT NOT NULL, problem TEXT,"
        " content TEXT NOT NULL, received_at INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE reviews (id TEXT PRIMARY KEY, submission TEXT NOT NULL REFERENCES submissions"
        " (id), reviewer TEXT NOT NULL, verdict TEXT NOT NULL, reasons TEXT NOT NULL, note TEXT,"
        " revision INTEGER NOT NULL, created_at INTEGER NOT NULL, UNIQUE (submission, revision))"
        " WITHOUT ROWID;"
        "CREATE TABLE payments (id TEXT PRIMARY KEY, order_id TEXT NOT NULL REFERENCES orders (id),"
        " provider TEXT NOT NULL, reference TEXT, state TEXT NOT NULL,"
        " amount_fen INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) "
        "WITHOUT ROWID;"
        "CREATE INDEX payments_order ON payments (order_id);"
        /* One row an order, with the number of its newest change: replacing the row takes the next
           number in the same transaction, so a reader of the feed can neither skip nor repeat. */
        "CREATE TABLE changes (seq INTEGER PRIMARY KEY AUTOINCREMENT,"
        " order_id TEXT NOT NULL UNIQUE REFERENCES orders (id));"
        "CREATE TABLE audit (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL,"
        " action TEXT NOT NULL, target TEXT NOT NULL, detail TEXT NOT NULL, hash TEXT NOT NULL);",
        "CREATE TRIGGER audit_keep BEFORE UPDATE ON audit BEGIN"
        " SELECT RAISE (ABORT, 'the audit log is append-only'); END;"
        "CREATE TRIGGER audit_stay BEFORE DELETE ON audit BEGIN"
        " SELECT RAISE (ABORT, 'the audit log is append-only'); END;",
        "CREATE FUNCTION audit_refuse () RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RAISE EXCEPTION ''the audit log is append-only''; END';"
        "CREATE TRIGGER audit_keep BEFORE UPDATE OR DELETE ON audit FOR EACH ROW"
        " EXECUTE FUNCTION audit_refuse ();"
        "CREATE TRIGGER audit_stay BEFORE TRUNCATE ON audit"
        " EXECUTE FUNCTION audit_refuse ();",
    },
    {
        /* Numbers that are taken in order, under the write lock. */
        "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
        "INSERT INTO counters (name, value) SELECT 'changes', coalesce (max (seq), 0) FROM changes;"
        "INSERT INTO counters (name, value)"
        " SELECT 'orders', coalesce (max (CAST (value AS INTEGER)), 0) FROM meta"
        " WHERE key = 'order-counter';"
        "DELETE FROM meta WHERE key = 'order-counter';"
        /* Staff: a name is the same in any case and width; see fold_names(). */
        "ALTER TABLE staff ADD COLUMN name_key TEXT;"
        "UPDATE staff SET name_key = id;"
        "CREATE UNIQUE INDEX staff_name ON staff (name_key);"
        "ALTER TABLE staff ADD COLUMN updated_at INTEGER;"
        "ALTER TABLE stations ADD COLUMN revoked_at INTEGER;"
        /* An answer to a refresh that was lost may be asked for again for a moment. */
        "ALTER TABLE sessions ADD COLUMN created_at INTEGER;"
        "ALTER TABLE sessions ADD COLUMN refresh_before TEXT;"
        "ALTER TABLE sessions ADD COLUMN refresh_before_until INTEGER;"
        "CREATE INDEX sessions_before ON sessions (refresh_before);"
        "CREATE INDEX sessions_principal ON sessions (principal);"
        /* Whose password was wrong how often, and who signed in from where: keys are digests. */
        "CREATE TABLE sign_in_failures (key TEXT PRIMARY KEY, name TEXT, failures INTEGER NOT NULL,"
        " until INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE INDEX sign_in_failures_at ON sign_in_failures (at);"
        "CREATE INDEX sign_in_failures_name ON sign_in_failures (name);"
        "CREATE TABLE sign_in_known (key TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE INDEX sign_in_known_at ON sign_in_known (at);"
        "ALTER TABLE accounts ADD COLUMN role TEXT NOT NULL DEFAULT 'graduate';"
        "ALTER TABLE accounts ADD COLUMN first_use INTEGER NOT NULL DEFAULT 1;"
        /* Of a password that the desk gave out, and that must be changed: until when it holds. */
        "ALTER TABLE accounts ADD COLUMN password_until INTEGER;"
        /* Consent to face processing: which text, when, recorded by whom. */
        "ALTER TABLE roster ADD COLUMN consent_version TEXT;"
        "ALTER TABLE roster ADD COLUMN consent_at INTEGER;"
        "ALTER TABLE roster ADD COLUMN consent_by TEXT;"
        /* A code that a graduate typed and neither the school nor the desk has said. */
        "ALTER TABLE roster ADD COLUMN code_unproved INTEGER NOT NULL DEFAULT 0;"
        /* Nobody is expected under a withdrawn line; its number is free for another one. */
        "ALTER TABLE roster ADD COLUMN withdrawn_at INTEGER;"
        /* Accounts that the desk freed a graduate from: they do not get them back by themselves. */
        "CREATE TABLE roster_barred (roster TEXT NOT NULL REFERENCES roster (id), account TEXT NOT"
        " NULL REFERENCES accounts (id), at INTEGER NOT NULL, PRIMARY KEY (roster, account))"
        " WITHOUT ROWID;"
        "CREATE INDEX roster_batch ON roster (batch, id);"
        "CREATE INDEX roster_name ON roster (batch, name_masked);"
        /* How far each graduate is (RtkServerProgress), kept by rtk_server_order_announce(). */
        "ALTER TABLE roster ADD COLUMN progress INTEGER NOT NULL DEFAULT 0;"
        "UPDATE roster SET progress = (SELECT coalesce (max (CASE WHEN o.delivery <> 'none' THEN 5"
        " WHEN s.state = 'approved' THEN 4 WHEN s.state IN ('submitted', 'in_review') THEN 3"
        " WHEN s.state = 'rejected' THEN 2 ELSE 1 END), 0) FROM orders o LEFT JOIN submissions s"
        " ON s.order_id = o.id WHERE o.roster = roster.id AND o.payment <> 'closed');"
        "CREATE INDEX roster_progress ON roster (batch, progress, account, withdrawn_at);"
        "CREATE INDEX roster_missing ON roster (batch, id) WHERE progress < 3"
        " AND withdrawn_at IS NULL;"
        /* Review: "waiting" is the serial, RTK_SERVER_NEXT_SERIAL, while somebody may claim it,
           kept by rtk_server_order_announce(); else null, so that whoever asks in its order reads
           only what waits, whatever a database thinks of the rest. "stage": first, second (blind),
           opinion (asked for), arbitration. The index holds all that a claim may ask for. */
        "ALTER TABLE submissions ADD COLUMN stage TEXT NOT NULL DEFAULT 'first';"
        "ALTER TABLE submissions ADD COLUMN waiting INTEGER;"
        "ALTER TABLE submissions ADD COLUMN waiting_since INTEGER;"
        "ALTER TABLE submissions ADD COLUMN engine TEXT;"
        "ALTER TABLE submissions ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1;"
        "ALTER TABLE submissions ADD COLUMN school TEXT;"
        "ALTER TABLE submissions ADD COLUMN batch TEXT;"
        "ALTER TABLE submissions ADD COLUMN claimed_at INTEGER;"
        "ALTER TABLE submissions ADD COLUMN first_by TEXT;"
        "ALTER TABLE submissions ADD COLUMN second_by TEXT;"
        "ALTER TABLE submissions ADD COLUMN opinion_note TEXT;"
        "ALTER TABLE submissions ADD COLUMN superseded_by TEXT;"
        "ALTER TABLE submissions ADD COLUMN superseded_from TEXT;"
        "ALTER TABLE submissions ADD COLUMN texts TEXT;"
        "UPDATE submissions SET attempt = (SELECT count (*) FROM submissions e"
        " WHERE e.order_id = submissions.order_id AND e.serial <= submissions.serial),"
        " batch = (SELECT r.batch FROM orders o JOIN roster r ON r.id = o.roster"
        " WHERE o.id = submissions.order_id),"
        " school = (SELECT b.school FROM orders o JOIN roster r ON r.id = o.roster"
        " JOIN batches b ON b.id = r.batch WHERE o.id = submissions.order_id);"
        "UPDATE submissions SET waiting = serial, waiting_since = created_at"
        " WHERE state = 'submitted' AND EXISTS (SELECT 1 FROM"
        " orders o WHERE o.id = order_id AND " PAID_AT_2 ");"
        /* Else SQLite looks for the submissions of an order that are in a state among all in it. */
        "CREATE INDEX submissions_order_state ON submissions (order_id, state);"
        "CREATE INDEX submissions_waiting ON submissions (waiting, stage, origin, engine, school,"
        " batch, attempt, first_by, second_by, waiting_since) WHERE waiting IS NOT NULL;"
        /* By them a filter that fits nothing is known to: see rtk-server-queue.c. */
        "CREATE INDEX submissions_batch ON submissions (batch, waiting) WHERE waiting IS NOT NULL;"
        "CREATE INDEX submissions_origin ON submissions (origin, waiting)"
        " WHERE waiting IS NOT NULL;"
        "CREATE INDEX submissions_engine ON submissions (engine, waiting)"
        " WHERE waiting IS NOT NULL;"
        "CREATE INDEX submissions_stage ON submissions (stage, waiting)"
        " WHERE waiting IS NOT NULL AND stage <> 'first';"
        "CREATE INDEX submissions_attempt ON submissions (attempt)"
        " WHERE waiting IS NOT NULL AND attempt > 1;"
        "CREATE INDEX submissions_since ON submissions (waiting_since) WHERE waiting IS NOT NULL;"
        "CREATE INDEX submissions_until ON submissions (lease_until)"
        " WHERE lease_until IS NOT NULL;"
        /* One verdict a stage that stands; "is_final" is 1 when it moved the submission. */
        "CREATE TABLE reviews_2 (id TEXT PRIMARY KEY, submission TEXT NOT NULL REFERENCES"
        " submissions (id), reviewer TEXT NOT NULL, reviewer_name TEXT,"
        " stage TEXT NOT NULL DEFAULT 'first', verdict TEXT NOT NULL, reasons TEXT NOT NULL,"
        " texts TEXT, note TEXT, revision INTEGER NOT NULL, is_final INTEGER NOT NULL DEFAULT 1,"
        " reason TEXT, claimed_at INTEGER, created_at INTEGER NOT NULL, undone_at INTEGER)"
        " WITHOUT ROWID;"
        "INSERT INTO reviews_2 (id, submission, reviewer, verdict, reasons, note, revision,"
        " created_at) SELECT id, submission, reviewer, verdict, reasons, note, revision, created_at"
        " FROM reviews;"
        "DROP TABLE reviews;"
        "ALTER TABLE reviews_2 RENAME TO reviews;"
        "CREATE UNIQUE INDEX reviews_once ON reviews (submission, stage)"
        " WHERE undone_at IS NULL AND stage <> 'correction';"
        /* With the reviewer, or SQLite looks for one's own verdict among all that they gave. */
        "CREATE INDEX reviews_submission ON reviews (submission, reviewer, created_at);"
        "CREATE INDEX reviews_created ON reviews (created_at);"
        "CREATE INDEX reviews_reviewer ON reviews (reviewer, created_at);"
        /* Photos whose verdict is known, and each time one was mixed into a claim. */
        "CREATE TABLE gold (id TEXT PRIMARY KEY, submission TEXT NOT NULL UNIQUE REFERENCES"
        " submissions (id), verdict TEXT NOT NULL, reasons TEXT NOT NULL, created_by TEXT NOT NULL,"
        " created_at INTEGER NOT NULL, retired_at INTEGER) WITHOUT ROWID;"
        "CREATE TABLE gold_shown (id TEXT PRIMARY KEY, gold TEXT NOT NULL REFERENCES gold (id),"
        " order_id TEXT NOT NULL UNIQUE, number TEXT NOT NULL, reviewer TEXT NOT NULL,"
        " revision INTEGER NOT NULL, created_at INTEGER NOT NULL, lease_until INTEGER,"
        " claimed_at INTEGER NOT NULL, after_serial INTEGER NOT NULL, verdict TEXT, reasons TEXT,"
        " texts TEXT, note TEXT,"
        " decided_at INTEGER, face TEXT) WITHOUT ROWID;"
        "CREATE INDEX gold_shown_reviewer ON gold_shown (reviewer, gold);"
        "CREATE TABLE gold_notes (id TEXT PRIMARY KEY, shown TEXT NOT NULL REFERENCES gold_shown"
        " (id), text TEXT NOT NULL, actor TEXT NOT NULL, created_at INTEGER NOT NULL)"
        " WITHOUT ROWID;"
        "CREATE INDEX gold_notes_shown ON gold_notes (shown, created_at);"
        /* Payments: a code that waits for the provider's callback has an end. */
        "ALTER TABLE payments ADD COLUMN pay_code TEXT;"
        "ALTER TABLE payments ADD COLUMN expires_at INTEGER;"
        "ALTER TABLE payments ADD COLUMN actor TEXT;"
        /* What is due back says so by itself; until now only its order did. */
        "UPDATE payments SET state = CASE WHEN (SELECT o.payment FROM orders o"
        " WHERE o.id = order_id) = 'refunded' THEN 'refunded' ELSE 'refund_due' END"
        " WHERE state = 'settled' AND EXISTS (SELECT 1 FROM orders o WHERE o.id = order_id"
        " AND o.payment IN ('refund_due', 'refunded')) AND created_at <= coalesce ((SELECT"
        " max (v.created_at) FROM reviews v JOIN submissions r ON r.id = v.submission"
        " WHERE r.order_id = payments.order_id AND r.origin = 'online'"
        " AND v.verdict = 'rejected'), 0);"
        "ALTER TABLE orders ADD COLUMN phone_cipher BLOB;"
        /* What is to be done in the world, each at most once: SMS, refund, payment, courier. */
        "CREATE TABLE effects (id TEXT PRIMARY KEY, kind TEXT NOT NULL, order_id TEXT REFERENCES"
        " orders (id), subject TEXT NOT NULL, idempotency TEXT NOT NULL UNIQUE,"
        " payload_cipher BLOB NOT NULL, state TEXT NOT NULL, not_before INTEGER NOT NULL,"
        " attempts INTEGER NOT NULL DEFAULT 0, lease_until INTEGER, problem TEXT, answer_cipher "
        "BLOB,"
        " created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, erased_at INTEGER)"
        " WITHOUT ROWID;"
        "CREATE INDEX effects_due ON effects (state, not_before);"
        "CREATE INDEX effects_kept ON effects (updated_at) WHERE erased_at IS NULL"
        " AND state IN ('done', 'cancelled');"
        "CREATE INDEX effects_order ON effects (order_id);"
        "CREATE INDEX effects_subject ON effects (subject);"
        "CREATE TABLE callbacks (id TEXT PRIMARY KEY, digest TEXT NOT NULL,"
        " received_at INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE prints (id TEXT PRIMARY KEY, order_id TEXT NOT NULL REFERENCES orders (id),"
        " state TEXT NOT NULL, copies INTEGER NOT NULL, address_cipher BLOB, carrier TEXT,"
        " tracking TEXT, cancelled_by TEXT, created_at INTEGER NOT NULL,"
        " updated_at INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE INDEX prints_order ON prints (order_id);"
        /* What each id was first sent with, so that it is not taken for something else. */
        "CREATE TABLE requests (kind TEXT NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL,"
        " created_at INTEGER NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;"
        "CREATE TABLE notes (id TEXT PRIMARY KEY, order_id TEXT NOT NULL REFERENCES orders (id),"
        " text TEXT NOT NULL, actor TEXT NOT NULL, created_at INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE INDEX notes_order ON notes (order_id, created_at);"
        /* Deliveries to a receiver, and the receipt that makes them received. */
        "CREATE TABLE exports (id TEXT PRIMARY KEY, receiver TEXT NOT NULL, batch TEXT REFERENCES"
        " batches (id), created_by TEXT NOT NULL, created_at INTEGER NOT NULL, receipt TEXT,"
        " received_at INTEGER) WITHOUT ROWID;"
        "CREATE TABLE export_orders (export TEXT NOT NULL REFERENCES exports (id), order_id TEXT"
        " NOT NULL REFERENCES orders (id), submission TEXT NOT NULL REFERENCES submissions (id),"
        " PRIMARY KEY (export, order_id)) WITHOUT ROWID;"
        "CREATE INDEX export_orders_order ON export_orders (order_id);"
        "ALTER TABLE uploads ADD COLUMN expires_at INTEGER;"
        "CREATE INDEX uploads_expires ON uploads (expires_at) WHERE done = 0;"
        "CREATE INDEX uploads_photo ON uploads (sha256);"
        "CREATE INDEX photo_owners_owner ON photo_owners (owner);"
        /* Whether a submission has it. What was there before is not looked through: it stays. */
        "ALTER TABLE photos ADD COLUMN named INTEGER NOT NULL DEFAULT 1;"
        "CREATE INDEX photos_unnamed ON photos (created_at) WHERE named = 0;"
        /* Photos that a restore went on without: whoever has one may send it again. */
        "ALTER TABLE photos ADD COLUMN missing INTEGER NOT NULL DEFAULT 0;"
        "CREATE INDEX audit_target ON audit (target, seq);",
        NULL,
        NULL,
    },
};

/* Each database folds in its own way: migration 2 leaves it to the program. Of two names that were
 * told apart until now the older has the key. */
static gboolean
fold_names (RtkServerDb *self, GError **error)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  RtkServerRows *rows =
      rtk_server_db_query (self, error, "SELECT id, name FROM staff ORDER BY created_at, id", "");

  if (rows == NULL)
    return FALSE;
  while (rtk_server_db_next (self, rows, NULL)) {
    g_ptr_array_add (ids, g_strdup (rtk_server_db_text (rows, 0)));
    g_ptr_array_add (names, g_strdup (rtk_server_db_text (rows, 1)));
  }
  rtk_server_db_end (rows);
  for (guint i = 0; i < ids->len; i++) {
    g_autofree char *key = rtk_server_name_fold (g_ptr_array_index (names, i));

    if (!rtk_server_db_run (self, error,
                            "UPDATE staff SET name_key = ?1 WHERE id = ?2 AND NOT EXISTS"
                            " (SELECT 1 FROM staff x WHERE x.name_key = ?1)",
                            "ss", key, g_ptr_array_index (ids, i)))
      return FALSE;
  }
  return TRUE;
}

/* Takes the database from version @from to the next one. */
static gboolean
migrate_one (RtkServerDb *self, gint64 from, GError **error)
{
  const Migration *migration = &migrations[from];
  const char      *own = rtk_server_db_is_postgres (self) ? migration->postgres : migration->sqlite;
  g_autofree char *common = self->backend->translate (migration->common);

  return rtk_server_db_exec (self, common, error) &&
         (own == NULL || rtk_server_db_exec (self, own, error)) &&
         (from != 1 || fold_names (self, error)) &&
         self->backend->set_version (self, from + 1, error);
}

/**
 * rtk_server_schema_get_newest:
 *
 * Returns: number of the newest version that this program knows
 */
gint64
rtk_server_schema_get_newest (void)
{
  return G_N_ELEMENTS (migrations);
}

/**
 * rtk_server_schema_get_version:
 * @self: a connection
 * @error: return location
 *
 * Returns: number of the version that the database has, 0 when it is empty; -1 on errors
 */
gint64
rtk_server_schema_get_version (RtkServerDb *self, GError **error)
{
  return self->backend->get_version (self, error);
}

/**
 * rtk_server_schema_build:
 * @self: a connection to an empty database, in a writing transaction
 * @wanted: a version
 * @error: return location
 *
 * Makes the schema of version @wanted, within the transaction.
 *
 * Returns: whether it was made
 */
gboolean
rtk_server_schema_build (RtkServerDb *self, gint64 wanted, GError **error)
{
  gint64 version = self->backend->get_version (self, error);

  if (version < 0)
    return FALSE;
  if (version > 0 || wanted > (gint64)G_N_ELEMENTS (migrations)) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_STATE,
                         version > 0 ? "The database is not empty"
                                     : "A newer version of this program wrote this");
    return FALSE;
  }
  for (; version < wanted; version++)
    if (!migrate_one (self, version, error))
      return FALSE;
  return TRUE;
}

/**
 * rtk_server_schema_migrate_to:
 * @self: a connection
 * @wanted: a version
 * @error: return location
 *
 * Brings the schema to version @wanted, if it is older, each step in a transaction of its own.
 *
 * Returns: whether the schema is of @wanted, or younger and known
 */
gboolean
rtk_server_schema_migrate_to (RtkServerDb *self, gint64 wanted, GError **error)
{
  gint64 before = -1;

  for (;;) {
    gint64 version;

    /* Another process may be at it: whoever has the write lock sees what is left to do. */
    if (!rtk_server_db_begin (self, TRUE, error))
      return FALSE;
    version = self->backend->get_version (self, error);
    if (before < 0)
      before = version;
    if (version >= wanted && version <= (gint64)G_N_ELEMENTS (migrations)) {
      /* What migrations made of rows, PostgreSQL does not know until it gets to look by itself.
         When this fails the commit says so. */
      if (before > 0 && before < wanted && rtk_server_db_is_postgres (self))
        (void)rtk_server_db_exec (self, "ANALYZE", NULL);
      return rtk_server_db_commit (self, error);
    }
    if (version > (gint64)G_N_ELEMENTS (migrations))
      g_set_error (error, RTK_ERROR, RTK_ERROR_STORAGE,
                   "The database is of version %" G_GINT64_FORMAT
                   ", this program knows %u: update the program",
                   version, (guint)G_N_ELEMENTS (migrations));
    if (version < 0 || version >= wanted || !migrate_one (self, version, error)) {
      rtk_server_db_rollback (self);
      return FALSE;
    }
    if (!rtk_server_db_commit (self, error))
      return FALSE;
  }
}

/**
 * rtk_server_schema_migrate:
 * @self: a connection
 * @error: return location; %RTK_ERROR_STORAGE when a newer program wrote the database
 *
 * Brings the schema up to date.
 *
 * Returns: whether the schema is the present one
 */
gboolean
rtk_server_schema_migrate (RtkServerDb *self, GError **error)
{
  return rtk_server_schema_migrate_to (self, G_N_ELEMENTS (migrations), error);
}

/**
 * rtk_server_schema_is_present:
 * @self: a connection
 * @error: return location; %RTK_ERROR_BAD_STATE
 *
 * Returns: whether the schema is the one this program knows
 */
gboolean
rtk_server_schema_is_present (RtkServerDb *self, GError **error)
{
  g_autoptr (GError) own = NULL;
  gint64 version = self->backend->get_version (self, &own);

  if (version == (gint64)G_N_ELEMENTS (migrations))
    return TRUE;
  if (own != NULL)
    g_propagate_error (error, g_steal_pointer (&own));
  else
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_STATE,
                         "The database was not made ready by this version of the program: start"
                         " the server of this version first");
  return FALSE;
}
